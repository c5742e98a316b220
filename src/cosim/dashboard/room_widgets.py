"""Pieces of seminar rooms: the banner of every page, the Vue components of the page En direct."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import solara

from cosim.dashboard import room_session as rooms
from cosim.dashboard import room_words, session
from cosim.dashboard import view as views
from cosim.dashboard.room import Phase, Room
from cosim.dashboard.session import say
from cosim.dashboard.widgets import Press, box, text


@solara.component_vue("components/Keeper.vue")
def Keeper(tokens: dict[str, str], event_told: Callable[[Any], None]) -> None:
    """Keep tokens in the browser tab; tell them and the server's address at the first paint."""


@solara.component_vue("components/JoinForm.vue")
def JoinForm(label: str, press: str, message: str, event_join: Callable[[str], None]) -> None:
    """A field for the code of a room."""


@solara.component_vue("components/QrCode.vue")
def QrCode(path: str, size: int, label: str) -> None:
    """A QR code from the path of its squares: see `qr.code`."""


@solara.component_vue("components/Ballot.vue")
def Ballot(
    choices: list[dict[str, str]], factor: float, high: float, step: float, unit: str, given: str,
    words: dict[str, str], lang: str, event_vote: Callable[[Any], None],
) -> None:  # fmt: skip
    """The form of a vote; tells {"choice", "estimate"}, the estimate in the indicator's unit."""


@solara.component_vue("components/VoteBars.vue")
def VoteBars(caption: str, rows: list[dict[str, object]], answer: str) -> None:
    """A list of counts with a bar for each, the answer marked in words."""


@solara.component_vue("components/Telling.vue")
def Telling(told: dict[str, Any]) -> None:
    """The texts beside a curve, sent as one."""


@solara.component
def Banner(path: str) -> None:
    """Connect the session to its room; on other pages than the room's, say that it is in one."""
    router = solara.use_router()
    seat, known, now = rooms.seat.value, rooms.browser.value, session.view.value
    here = path == rooms.PATH
    solara.use_effect(lambda: rooms.take_seat(here), [rooms.code(), known is None, here])
    solara.use_effect(rooms.follow, [seat])
    solara.use_effect(rooms.present, [seat, now])
    phase = rooms.phase.value
    called = not here and phase == Phase.VOTE and seat is not None and not seat.presents

    def back(*_: Any) -> None:
        router.push(f"{rooms.PATH}?{views.to_query(session.view.value)}")

    solara.use_effect(lambda: back() if called else None, [called])
    Keeper(tokens=dict(known.tokens) if known else {}, event_told=rooms.told)
    if here or seat is None or phase is None:
        return
    with box("section", "cosim-note cosim-row", aria_label=say("Salle", "Room")):
        if seat.presents:
            Presenting(seat.room.code)
        else:
            text(
                "span",
                say(f"Salle {seat.room.code} : vous regardez seul.",
                    f"Room {seat.room.code}: you are exploring alone."),
                style="font-weight:700",
            )  # fmt: skip
        Press(label=say("Aller à la salle", "Go to the room"), kind="small", event_press=back)
        if not seat.presents:
            Press(
                label=say("Quitter la salle", "Leave the room"), kind="small",
                event_press=lambda *_: rooms.leave(),
            )  # fmt: skip


@solara.component
def Presenting(code: str) -> None:
    """The room that one presents, how many follow, the last move."""
    frame, people = rooms.frame.value, room_words.people(rooms.crowd.value[0], session.lang())
    words = say(
        f"Vous présentez : salle {code} — {people}", f"You are presenting: room {code} — {people}"
    )
    with box("div", "cosim-row"):
        text("span", words, style="font-weight:700")
        Press(
            label=say("Annuler le dernier déplacement", "Undo the last move"), kind="small",
            disabled=frame is None or frame.steps < 2 or frame.phase == Phase.VOTE,
            event_press=lambda *_: rooms.direct(Room.undo),
        )  # fmt: skip
        if frame is not None and rooms.hidden():
            text("span", _shown_here(frame.phase))


def _shown_here(phase: Phase) -> str:
    if phase == Phase.VOTE:
        return say(
            "Vote ouvert : cette page montre la réponse, et vos déplacements ne sont pas transmis.",
            "Vote open: this page shows the answer, and your moves are not passed on.",
        )
    return say(
        "Question en préparation : cette page montre la réponse, ne la projetez pas.",
        "Question in preparation: this page shows the answer, do not project it.",
    )
