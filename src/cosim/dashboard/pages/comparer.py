"""The page Comparer: two or three scenarios kept, the one that moves and the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import solara

from cosim.dashboard import compare, compute, refusals, session
from cosim.dashboard import view as views
from cosim.dashboard.compare import Lane
from cosim.dashboard.session import say
from cosim.dashboard.sharing import Kept, Share
from cosim.dashboard.view import View
from cosim.dashboard.widgets import Choice, Fold, Press, Table, box, options, text
from cosim.effects import Effect
from cosim.effects_text import number
from cosim.errors import CosimError
from cosim.indicators import INDICATORS


@solara.component_vue("../components/Lanes.vue")
def Lanes(
    values: bytes, months: list[str], series: list[dict[str, str]], low: float, high: float,
    unit: str, gap: bool, lang: str, words: dict[str, str], description: str,
) -> None:  # fmt: skip
    """Draw medians with dash and marker, 9 in 10 at the end: float32[series, 3, months]."""


@solara.component_vue("../components/Cards.vue")
def Cards(
    lanes: list[dict[str, Any]], most: int, words: dict[str, str],
    event_rename: Callable[[dict[str, Any]], None], event_press: Callable[[dict[str, Any]], None],
) -> None:  # fmt: skip
    """One card a scenario: columns whose rows are level, one below the other on a telephone."""


@solara.component
def Page() -> None:
    """Scenarios kept, side by side."""
    now = session.view.value
    text("h1", say("Comparer des scénarios", "Compare scenarios"))
    text(
        "p",
        say(
            "Jusqu'à trois scénarios gardés, celui que les leviers bougent, et la référence : "
            "mêmes acteurs, même hasard.",
            "Up to three scenarios kept, the one that the levers move, and the reference: same "
            "actors, same luck.",
        ),
        "cosim-lead",
    )
    lanes = compare.lanes(now)
    found, failed = use_effects(now.reference, lanes)
    Beginning(failed)
    with box("div", "cosim-row", style="margin-bottom:14px"):
        Kept()
        Share()
    Drawn(lanes, found)
    Told(lanes, found)
    Duels(lanes, found)
    solara.Style(STYLE)


@solara.component
def Beginning(failed: str) -> None:
    """How to keep a scenario, while none is kept; what went wrong."""
    with solara.Div():
        if not session.view.value.kept:
            with box("div", "cosim-note"):
                text("p", say(
                    "Aucun scénario n'est encore gardé. Dans Explorer, déplacez des leviers, puis "
                    "«\u00a0Garder ce scénario\u00a0».",
                    "No scenario is kept yet. In Explore, move levers, then “Keep this scenario”.",
                ), style="margin:0")  # fmt: skip
                text("p", say(
                    "Déplacez-les encore : les deux se comparent ici, et le lien de la page les "
                    "retient.",
                    "Move them again: both are compared here, and the page's link remembers them.",
                ), style="margin:0")  # fmt: skip
        if failed:
            text("p", failed, "cosim-warning", role="alert").key("failed")


STYLE = """
.cosim-page { width: 100%; }
.cosim-card .cosim-choice select { max-width: 420px; }
"""


def use_effects(reference: Any, lanes: tuple[Lane, ...]) -> tuple[dict[str, Effect], str]:
    """Return the effect of each lane by digest as they come, and what went wrong."""
    found, set_found = solara.use_state({})
    failed, set_failed = solara.use_state("")
    wanted = {lane.scenario.digest: lane.scenario for lane in lanes}

    def work(cancel: Any) -> None:
        set_failed("")
        done: dict[str, Effect] = {}
        try:
            for digest, scenario in wanted.items():
                answers = compute.effects(
                    views.reference(scenario), scenario, cancel.is_set,
                    stages=(compare.REPLICATES,),
                )  # fmt: skip
                for answer in answers:
                    done = {**done, digest: answer.effect}
                    if not cancel.is_set():
                        set_found(done)
        except CosimError as error:
            set_failed(refusals.words(error, session.lang()))

    solara.use_thread(work, dependencies=[(*wanted,), reference.digest], intrusive_cancel=False)
    return {digest: effect for digest, effect in found.items() if digest in wanted}, failed


# -- curves -------------------------------------------------------------------------------


@solara.component
def Drawn(lanes: tuple[Lane, ...], found: dict[str, Effect]) -> None:
    """The curves of one indicator over each other, and their table."""
    opened, set_opened = solara.use_state(False)
    now = session.view.value
    ready = [lane for lane in lanes if lane.scenario.digest in found]
    with box("section", "cosim-card", aria_label=say("Courbes", "Curves")):
        Choice(
            name="courbe", label=say("Courbe", "Curve"), value=now.shown,
            options=options({key: INDICATORS[key].label(now.lang) for key in views.SHOWN}),
            on_value=lambda key: session.go(
                lambda v: replace(v, shown=key) if key in views.SHOWN else v
            ),
        )  # fmt: skip
        if not ready:
            text("div", say("calcul…", "computing…"), "cosim-skeleton")
            return
        Curves(ready, [found[lane.scenario.digest] for lane in ready])
        with box("div", "cosim-row"):
            Press(
                label=say("Écart à la référence", "Difference to the reference"), kind="small",
                pressed="true" if now.gap else "false",
                event_press=lambda *_: session.go(lambda v: replace(v, gap=not v.gap)),
            )  # fmt: skip
            Fold(title=say("Les chiffres, année par année", "The figures, year by year"),
                 opened=opened, on_opened=set_opened, name="chiffres")  # fmt: skip
        if opened:
            named = {f"{lane.title(now.lang)}": found[lane.scenario.digest] for lane in ready}
            head, rows = compare.table(named, now.shown, now.lang)
            Table(
                caption=say("Médianes : ", "Medians: ") + INDICATORS[now.shown].label(now.lang),
                head=head, rows=rows, align="l" + "r" * (len(head) - 1),
            )  # fmt: skip


@solara.component
def Curves(lanes: list[Lane], effects: list[Effect]) -> None:
    """The chart with its words."""
    now = session.view.value
    what = INDICATORS[now.shown]
    drawn = compare.curves(effects, now.shown, now.gap)
    low, high = compare.span(drawn, now.shown, now.gap)
    styles = [(say("Référence", "Reference"), compare.REFERENCE)]
    styles += [(lane.title(now.lang), lane.style) for lane in lanes]
    months = effects[0].months
    Lanes(
        values=drawn.astype(np.float32).tobytes(),
        months=[f"{m.month:02d}/{m.year}" for m in months],
        series=[
            {"name": name, "colour": style.colour, "dash": style.dash, "marker": style.marker}
            for name, style in styles
        ],
        low=low, high=high, unit=what.unit, gap=now.gap, lang=now.lang,
        words={
            "nine": say("9 sur 10", "9 in 10"), "to": say("à", "to"),
            "hint": say(
                "Médianes ; à droite, ce que donnent 9 simulations sur 10 à la fin de la période. "
                "Pointez un mois pour lire ses chiffres.",
                "Medians; on the right, what 9 simulations in 10 give at the end of the period. "
                "Point at a month to read its figures.",
            ),
        },
        description=f"{what.label(now.lang)}, {months[0].year}-{months[-1].year}. "
        + " ".join(effect.sentence(now.lang, now.shown) for effect in effects),
    )  # fmt: skip


# -- cards --------------------------------------------------------------------------------


@solara.component
def Told(lanes: tuple[Lane, ...], found: dict[str, Effect]) -> None:
    """The reference and each scenario: what it changes, gives and costs."""
    now = session.view.value

    def press(asked: dict[str, Any]) -> None:
        verb, place = asked.get("verb"), asked.get("place")
        if verb == "keep":
            session.keep()
        elif verb == "remove" and isinstance(place, int):
            session.go(lambda v: compare.removed(v, place))
        elif verb == "resume" and isinstance(place, int):
            session.go(lambda v: compare.resumed(v, place))

    def rename(asked: dict[str, Any]) -> None:
        place, name = asked.get("place"), asked.get("name")
        if isinstance(place, int) and isinstance(name, str):
            session.go(lambda v: compare.renamed(v, place, name))

    cards = [_reference(now, found)]
    cards += [_card(now, lane, found.get(lane.scenario.digest)) for lane in lanes]
    Cards(
        lanes=cards, most=compare.MOST_NAME, event_rename=rename, event_press=press,
        words={
            "rename": say("Nom de ce scénario", "Name of this scenario"),
            "busy": say("calcul…", "computing…"),
        },
    )  # fmt: skip


def _row(name: str, label: str, level: str = "", change: str = "", notes: tuple[str, ...] = (),
         words: bool = False, busy: bool = False) -> dict[str, Any]:  # fmt: skip
    return {"name": name, "label": label, "level": level, "change": change, "words": words,
            "notes": [note for note in notes if note], "busy": busy}  # fmt: skip


def _labels() -> dict[str, str]:
    return {
        "changes": say("Ce qu'il change", "What it changes"),
        "people": say("Postes", "Posts"),
        "spending": INDICATORS["spending"].label(session.lang()),
        "cost": say("Coût d'une alliance vivante de plus", "Cost of one more living alliance"),
    }


def _reference(now: View, found: dict[str, Effect]) -> dict[str, Any]:
    lang, labels = now.lang, _labels()
    effect = next(iter(found.values()), None)

    def level(name: str) -> dict[str, Any]:
        known = compare.level(effect.reference, name, lang) if effect else ""
        return _row(name, INDICATORS[name].label(lang), known, busy=not effect)

    n = number(compare.REPLICATES, 0, lang)
    return {
        "key": "reference", "title": say("Référence", "Reference"), "place": -1,
        "colour": compare.REFERENCE.colour, "buttons": [],
        "tag": say(f"moyennes de {n} simulations, fin {now.reference.time.end[:4]}",
                   f"means of {n} simulations, end of {now.reference.time.end[:4]}"),
        "rows": [
            _row("changes", say("Ce qu'elle est", "What it is"), now.reference.sentence(lang),
                 words=True),
            _row("people", labels["people"], compare.people(now.reference, lang), words=True),
            level("spending"),
            _row("cost", labels["cost"], "–", words=True),
            *(level(name) for name in compare.TOLD),
        ],
    }  # fmt: skip


def _card(now: View, lane: Lane, effect: Effect | None) -> dict[str, Any]:
    lang, labels = now.lang, _labels()
    told = compare.changes(lane, lang)
    if compare.other_reference(now, lane):
        told += " " + say("Comparé à une autre référence que celle montrée.",
                          "Compared with another reference than the one shown.")  # fmt: skip
    rows = [
        _row("changes", labels["changes"], told, words=True),
        _row("people", labels["people"], compare.people(lane.scenario, lang), words=True),
    ]
    if effect is None:
        rows += [_row(name, labels[name], busy=True) for name in ("spending", "cost")]
        rows += [_row(name, INDICATORS[name].label(lang), busy=True) for name in compare.TOLD]
    else:
        spent = compare.level(effect.scenario, "spending", lang)
        rows.append(_row("spending", labels["spending"], spent))
        rows.append(_row("cost", labels["cost"], effect.cost_sentence(lang), words=True))
        for name in compare.TOLD:
            one = compare.figure(effect, name, lang)
            rows.append(_row(name, one.label, one.level, one.change, (one.span, one.chances)))
    return {
        "key": f"kept-{lane.place}" if lane.place >= 0 else "moving", "title": lane.title(lang),
        "place": lane.place, "colour": lane.style.colour,
        "tag": say("suit les leviers", "follows the levers") if lane.moving else "",
        "rows": rows, "buttons": _buttons(lane),
    }  # fmt: skip


def _buttons(lane: Lane) -> list[dict[str, Any]]:
    if lane.place < 0:
        return [{"verb": "keep", "label": say("Garder", "Keep"), "disabled": False}]
    return [
        {"verb": "resume", "label": say("Reprendre", "Resume"), "disabled": lane.moving},
        {"verb": "remove", "label": say("Retirer", "Remove"), "disabled": False},
    ]


# -- pairs --------------------------------------------------------------------------------


@solara.component
def Duels(lanes: tuple[Lane, ...], found: dict[str, Effect]) -> None:
    """Each scenario against each other one, in natural frequencies."""
    now = session.view.value
    ready = [lane for lane in lanes if lane.scenario.digest in found]
    named = [(lane.title(now.lang), found[lane.scenario.digest]) for lane in ready]
    sentences = solara.use_memo(
        lambda: compare.duels(named, now.shown, now.lang),
        [now.shown, now.lang, *(f"{title} {id(effect)}" for title, effect in named)],
    )
    if not sentences:
        return
    with box("section", "cosim-card", aria_label=say("Deux à deux", "Two by two")):
        text("h2", say("Deux à deux", "Two by two"))
        box("ul", "", [box("li", "", [line]) for line in sentences])
