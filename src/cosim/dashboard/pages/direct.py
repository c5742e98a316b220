"""The page En direct: open a seminar room, present in it, join it, vote, project it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import solara

from cosim.dashboard import qr, reach, room_words, session
from cosim.dashboard import room_session as rooms
from cosim.dashboard import view as views
from cosim.dashboard.controls import Controls
from cosim.dashboard.room import HIDDEN, Frame, Phase, Question, Room, Seat, Tally, play
from cosim.dashboard.room_slides import Slide
from cosim.dashboard.room_widgets import Ballot, JoinForm, QrCode, Telling, VoteBars
from cosim.dashboard.session import say
from cosim.dashboard.widgets import Choice, Copy, FanChart, Press, box, options, text
from cosim.indicators import INDICATORS

_HERE = Path(__file__).parent.parent
STYLE, PROJECTED = (
    (_HERE / name).read_text(encoding="utf-8") for name in ("room.css", "projection.css")
)


@solara.component
def Page() -> None:
    """The lobby, or the room as its presenter, a member or a screen sees it."""
    solara.Style(STYLE)
    seat, phase = rooms.seat.value, rooms.phase.value
    if seat is None or phase is None:
        Lobby()
    elif rooms.projecting():
        Projection(seat, phase)
    elif seat.presents:
        Presenter(seat, phase)
    else:
        Member(seat, phase)


# -- outside ------------------------------------------------------------------------------


@solara.component
def Lobby() -> None:
    """The ways in."""
    text("h1", say("En direct : une salle de séminaire", "Live: a seminar room"))
    text(
        "p",
        say(
            "Une personne présente : ses leviers et la réponse apparaissent sur tous les écrans de "
            "la salle. Avant une réponse, chacun peut parier sur ce qu'elle sera.",
            "One person presents: the levers and the answer appear on all screens of the room. "
            "Before an answer, everybody can bet on what it will be.",
        ),
        "cosim-lead",
    )
    if rooms.code() and not rooms.trouble.value:
        text("p", say("Connexion à la salle…", "Joining the room…"), "cosim-note", role="status")
        return
    with box("div", "cosim-doors"):
        with box("section", "cosim-card"):
            text("h2", say("Rejoindre avec un code", "Join with a code"))
            JoinForm(
                label=say("Code de la salle : 5 lettres", "Code of the room: 5 letters"),
                press=say("Rejoindre", "Join"), message=rooms.reason(), event_join=rooms.enter,
            )  # fmt: skip
        with box("section", "cosim-card"):
            text("h2", say("Présenter", "Present"))
            text(
                "p",
                say(
                    "Vous recevez un code et un lien à donner à la salle. Elle part du scénario "
                    "que vous avez sous les yeux, et disparaît après six heures sans activité. "
                    "Personne n'y donne son nom.",
                    "You get a code and a link to give to the room. It starts from the scenario "
                    "that you have before you, and is gone after six hours without activity. "
                    "Nobody gives a name.",
                ),
            )
            Press(
                label=say("Ouvrir une salle", "Open a room"), kind="main",
                event_press=lambda *_: rooms.open_room(),
            )  # fmt: skip


# -- the presenter ------------------------------------------------------------------------


@solara.component
def Presenter(seat: Seat, phase: Phase) -> None:
    """Levers on the left; the room, its conduct and what everybody sees on the right."""
    text("h1", say("En direct : vous présentez", "Live: you are presenting"))
    with solara.Div(classes=["cosim-grid"]):
        if phase == Phase.VOTE:
            with box("section", "cosim-panel", aria_label=say("Leviers", "Levers")):
                text("h2", say("Leviers", "Levers"))
                text("p", say("Ils reposent pendant le vote.", "They rest during the vote."))
        else:
            Controls()
        with box("section", "cosim-answer", aria_label=say("Salle", "Room")):
            with box("div", "cosim-card"):
                text("h2", say("La salle", "The room"))
                Invitation(seat)
            with box("div", "cosim-card cosim-bench"):
                text("h2", say("Conduire", "Conduct"))
                Conduct(seat)
            with box("div", "cosim-card"):
                text("h2", say("Ce que la salle voit", "What the room sees"))
                Shown(seat)


@solara.component
def Invitation(seat: Seat) -> None:
    """Code, link, QR code, number of members, projection."""
    lang, code = session.lang(), seat.room.code
    known = rooms.browser.value
    origin = known.origin if known else ""
    link = reach.link(origin, code)
    address = solara.use_memo(reach.outward, [])
    made = solara.use_memo(lambda: qr.code(link), [link])
    warning = reach.advice(origin, reach.bound(), address, lang)
    projected = rooms.projecting()
    with box("div", "cosim-room"):
        if origin and not warning and made is not None:
            with box("div", "cosim-room-qr"):
                label = say(f"Code QR de l'adresse {link}", f"QR code of the address {link}")
                QrCode(path=made.path, size=made.size, label=label)
        with box("div", "cosim-room-words"):
            text("p", code, "cosim-room-code", aria_label=say("Code : ", "Code: ") + " ".join(code))
            if origin:
                text("p", link, "cosim-room-link")
            text("p", room_words.people(rooms.crowd.value[0], lang), "cosim-count", role="status")
            if not projected:
                with box("div", "cosim-row"):
                    Copy(value=link, label=say("Copier le lien", "Copy the link"),
                         done=say("Copié", "Copied"))  # fmt: skip
                    Press(
                        label=say("Mode projection", "Projection"), kind="plain",
                        event_press=lambda *_: _mode(rooms.PROJECTION),
                    )  # fmt: skip
                    text(
                        "a", say("Écran de projection dans une autre fenêtre",
                                 "Projection screen in another window"),
                        href=f"{link}&mode={rooms.PROJECTION}&langue={lang}", target="_blank",
                        rel="noopener",
                    )  # fmt: skip
    if warning and not projected:
        text("p", warning, "cosim-warning", style="margin:12px 0 0")


def _mode(mode: str) -> None:
    session.view.value = session.view.value.with_own(**{rooms.MODE: mode})


@solara.component
def Conduct(seat: Seat) -> None:
    """The buttons of the phase; moves taken back and replayed; the end."""
    lang, frame, (there, given) = session.lang(), rooms.frame.value, rooms.crowd.value
    asked, set_asked = solara.use_state(frame.head.shown if frame else views.SHOWN[0])
    ending, set_ending = solara.use_state(False)
    if frame is None:
        return

    def do(verb: Callable[[Room], object]) -> Callable[[Any], None]:
        return lambda *_: rooms.direct(verb)

    with box("div", "cosim-row"):
        if frame.phase == Phase.EXPLORE:
            Choice(
                name="question", label=say("Une question sur…", "A question about…"), value=asked,
                options=options({key: INDICATORS[key].label(lang) for key in views.SHOWN}),
                on_value=lambda key: set_asked(key if key in views.SHOWN else asked),
            )  # fmt: skip
            Press(label=say("Poser une question", "Ask a question"), kind="main",
                  event_press=do(lambda room: room.ask(asked)))  # fmt: skip
        elif frame.phase == Phase.ASK:
            text(
                "p",
                say(
                    "La réponse est cachée sur tous les écrans, celui-ci compris. Réglez les "
                    "leviers de la question, puis ouvrez le vote.",
                    "The answer is hidden on all screens, this one included. Set the levers of the "
                    "question, then open the vote.",
                ),
                style="flex-basis:100%",
            )
            Press(
                label=say("Ouvrir le vote", "Open the vote") if frame.ready
                else say("Ouvrir le vote (calcul…)", "Open the vote (computing…)"),
                kind="main", disabled=not frame.ready, event_press=do(Room.open_vote),
            )  # fmt: skip
            _drop(do)
        elif frame.phase == Phase.VOTE:
            text("p", room_words.votes(given, there, lang), "cosim-count", role="status",
                 style="flex-basis:100%")  # fmt: skip
            Press(label=say("Révéler la réponse", "Reveal the answer"), kind="main",
                  event_press=do(Room.reveal))  # fmt: skip
            _drop(do)
        else:
            Press(label=say("Continuer", "Go on"), kind="main", event_press=do(Room.next))
    with box("div", "cosim-row"):
        _moves(seat, frame, do)
        if rooms.projecting():
            Press(label=say("Quitter la projection", "Leave the projection"), kind="small",
                  event_press=lambda *_: _mode(""))  # fmt: skip
        elif ending:
            text("span", say("Fermer la salle pour tous ?", "Close the room for everybody?"))
            Press(label=say("Oui, fermer", "Yes, close"), kind="small",
                  event_press=lambda *_: rooms.end())  # fmt: skip
            Press(label=say("Non", "No"), kind="small", event_press=lambda *_: set_ending(False))
        else:
            Press(label=say("Fermer la salle", "Close the room"), kind="small",
                  event_press=lambda *_: set_ending(True))  # fmt: skip


def _drop(do: Callable[[Callable[[Room], object]], Callable[[Any], None]]) -> None:
    Press(label=say("Abandonner la question", "Drop the question"), event_press=do(Room.next))


def _moves(
    seat: Seat, frame: Frame, do: Callable[[Callable[[Room], object]], Callable[[Any], None]]
) -> None:
    moves = frame.steps - 1
    Press(
        label=say("Annuler le dernier déplacement", "Undo the last move"), kind="small",
        disabled=not moves or frame.phase == Phase.VOTE, event_press=do(Room.undo),
    )  # fmt: skip
    if frame.replaying:
        text("span", room_words.moved(frame.step, frame.steps, session.lang()))
        Press(label=say("Arrêter", "Stop"), kind="small", event_press=do(Room.stop))
    else:
        Press(
            label=say(f"Rejouer les déplacements ({moves})", f"Replay the moves ({moves})"),
            kind="small", disabled=not moves or rooms.hidden(),
            event_press=lambda *_: room_play(seat.room),
        )  # fmt: skip


def room_play(room: Room) -> None:
    """Replay a room's moves on a thread of its own."""
    import threading

    threading.Thread(target=play, args=(room,), name="cosim-replay", daemon=True).start()


# -- members and screens ------------------------------------------------------------------


@solara.component
def Member(seat: Seat, phase: Phase) -> None:
    """What is shown, or the vote."""
    router = solara.use_router()

    def alone(*_: Any) -> None:
        rooms.explore_alone()
        router.push(f"/?{views.to_query(session.view.value)}")

    text("h1", say(f"En direct : salle {seat.room.code}", f"Live: room {seat.room.code}"))
    with box("div", "cosim-lead-row"):
        text("p", say(f"Vous êtes le participant n° {seat.number}.",
                      f"You are participant no. {seat.number}."))  # fmt: skip
        with box("div", "cosim-row"):
            Press(label=say("Regarder seul", "Explore alone"), kind="small",
                  disabled=rooms.hidden(), event_press=alone)  # fmt: skip
            Press(label=say("Quitter la salle", "Leave the room"), kind="small",
                  event_press=lambda *_: rooms.leave())  # fmt: skip
    with box("div", "cosim-card"):
        text("h2", _heading(phase))
        if phase == Phase.VOTE:
            Vote(seat)
        else:
            Shown(seat)


def _heading(phase: Phase) -> str:
    if phase == Phase.ASK:
        return say("Une question se prépare", "A question is coming")
    if phase == Phase.VOTE:
        return say("Le vote est ouvert", "The vote is open")
    if phase == Phase.REVEAL:
        return say("La réponse", "The answer")
    return say("Ce que montre la salle", "What the room shows")


@solara.component
def Vote(seat: Seat) -> None:
    """The scenario in words and the form."""
    lang, frame = session.lang(), rooms.frame.value
    given, set_given = solara.use_state(seat.room.vote_of(seat.number))
    if frame is None or frame.question is None:
        return
    asked = frame.question

    def vote(told: Any) -> None:
        rooms.vote(told)
        set_given(seat.room.vote_of(seat.number))

    Telling(told=_scenario(frame))
    Ballot(
        choices=room_words.choices(lang), **room_words.estimates(asked, lang), lang=lang,
        given=room_words.vote(given, asked, lang) if given else "",
        words={
            "question": room_words.question(asked, frame.head, lang),
            "clearly": room_words.clearly(lang),
            "estimate": say("De combien ? (facultatif)", "By how much? (optional)"),
            "none": say("sans estimation", "no estimate"),
            "send": say("Voter", "Vote"),
            "change": say("Changer mon vote", "Change my vote"),
            "given": say("Votre vote, modifiable jusqu'à la réponse : ",
                         "Your vote, which you may change until the answer: "),
        },
        event_vote=vote,
    )  # fmt: skip


@solara.component
def Projection(seat: Seat, phase: Phase) -> None:
    """For the wall: what is shown large, code and QR code beside it, no levers."""
    solara.Style(PROJECTED)
    text("h1", say(f"En direct : salle {seat.room.code}", f"Live: room {seat.room.code}"))
    with box("div", "cosim-stage"):
        with box("div", "cosim-card"):
            text("h2", _heading(phase))
            Shown(seat)
        with box("div", ""):
            with box("div", "cosim-card"):
                text("h2", say("Rejoindre", "Join"))
                Invitation(seat)
            if seat.presents:
                with box("div", "cosim-card cosim-bench"):
                    text("h2", say("Conduire", "Conduct"))
                    Conduct(seat)


# -- what is shown ------------------------------------------------------------------------


def _scenario(frame: Frame) -> dict[str, Any]:
    """Return the scenario in words, as `Telling` takes it."""
    lang = session.lang()
    if frame.replaying:
        head = room_words.moved(frame.step, frame.steps, lang) + say(" :", ":")
    else:
        head = say("Le scénario :", "The scenario:")
    return {"head": head, "scenario": frame.view.scenario.sentence(lang), "step": frame.step}


@solara.component
def Shown(seat: Seat) -> None:
    """Scenario, sentence and curve; while they are hidden, the question."""
    lang, frame = session.lang(), rooms.frame.value
    if frame is None:
        return
    slide, told = frame.slide, _scenario(frame)
    if frame.phase in HIDDEN:
        Telling(told=told)
        if frame.question is not None:
            text("p", room_words.question(frame.question, frame.head, lang), "cosim-question")
        text(
            "p",
            say("La réponse est cachée jusqu'à la fin du vote.",
                "The answer is hidden until the end of the vote."),
            "cosim-note",
        )  # fmt: skip
        if frame.phase == Phase.VOTE and seat.number is None:
            there, given = rooms.crowd.value[0], rooms.crowd.value[1]
            text("p", room_words.votes(given, there, lang), "cosim-count", role="status")
        return
    if frame.failure:
        text("p", frame.failure, "cosim-warning", role="alert")
    if not isinstance(slide, Slide):
        Telling(told=told)
        text("div", say("Calcul de la réponse…", "Computing the answer…"), "cosim-skeleton")
    elif frame.tally is None or frame.question is None:
        Answer(frame, slide)
    else:
        text("p", room_words.question(frame.question, frame.head, lang), "cosim-question")
        with box("div", "cosim-beside"):
            with box("div"):
                Outcome(frame.tally, frame.question)
            with box("div"):
                Answer(frame, slide)


@solara.component
def Answer(frame: Frame, slide: Slide) -> None:
    """The scenario in words, the sentence and the curve."""
    lang, told = session.lang(), _scenario(frame)
    words = slide.words[lang]
    Telling(
        told={
            **told, "sentence": words["sentence"], "busy": frame.computing,
            "frequency": words["frequency"] if frame.phase == Phase.REVEAL else "",
            "status": say("calcul…", "computing…") if frame.computing else _status(slide.n),
        }
    )  # fmt: skip
    text("h3", words["title"])
    FanChart(
        values=slide.values, **slide.chart, lang=lang, description=words["description"],
        words={
            "scenario": say("Le scénario", "The scenario"),
            "reference": say("Référence", "Reference"),
            "nine": say("9 sur 10", "9 in 10"), "to": say("à", "to"),
        },
    )  # fmt: skip
    text(
        "p",
        say("Trait plein : le scénario (médiane) ; ", "Solid line: the scenario (median); ")
        + words["bands"] + say(" ; tirets : référence. ", "; dashes: reference. ")
        + words["definition"],
        "cosim-small",
    )  # fmt: skip


def _status(n: int) -> str:
    return say(
        f"{n} simulations de chaque, à hasard égal.", f"{n} simulations of each, with equal luck."
    )


@solara.component
def Outcome(tally: Tally, asked: Question) -> None:
    """The votes beside the answer."""
    lang = session.lang()
    box("div", "", [text("p", line) for line in room_words.outcome(tally, asked, lang)],
        aria_live="polite")  # fmt: skip
    answer = say("la réponse", "the answer")
    if tally.n:
        VoteBars(caption=say("Votes de la salle", "Votes of the room"),
             rows=room_words.counts(tally, lang), answer=answer)  # fmt: skip
    if tally.estimates:
        VoteBars(caption=say("Estimations de la salle", "Estimates of the room"),
             rows=room_words.histogram(tally, asked, lang), answer=answer)  # fmt: skip
