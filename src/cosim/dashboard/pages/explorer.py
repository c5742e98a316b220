"""The page Explorer: one sentence, four figures, one curve, beside the reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import solara

from cosim.dashboard import compute, session
from cosim.dashboard import view as views
from cosim.dashboard.compute import Answer
from cosim.dashboard.controls import Controls
from cosim.dashboard.session import say
from cosim.dashboard.widgets import Choice, FanChart, Press, box, options, text
from cosim.effects_text import Lang, number, percent
from cosim.indicators import INDICATORS

#: Figures at the end of the period.
FIGURES = ("alliances", "engaged", "able", "convinced")


@solara.component
def Page() -> None:
    """Levers on the left, answer on the right."""
    text("h1", say("Explorer : et si… ?", "Explore: what if…?"))
    text(
        "p",
        say(
            "Déplacez un levier : la réponse se compare à la référence, sans catalyseur ni aide.",
            "Move a lever: the answer is compared with the reference, without catalyst or help.",
        ),
        "cosim-lead",
    )
    with solara.Div(classes=["cosim-grid"]):
        Controls()
        with box("section", "cosim-answer", aria_label=say("Réponse", "Answer")):
            Result()


@solara.component
def Result() -> None:
    """Sentence, status, figures, curve; the last good answer stays."""
    now, shown = session.view.value, session.answer.value
    Spoken()
    if session.failure.value:
        text("p", session.failure.value, "cosim-warning", role="alert")
    if shown is None:
        with box("div", "cosim-card"):
            text(
                "div",
                say(
                    "Première réponse en cours de calcul… La toute première fois, le modèle se "
                    "compile : environ une minute.",
                    "Computing the first answer… The very first time the model is compiled: about "
                    "a minute.",
                ),
                "cosim-skeleton",
            )
        return
    Figures(shown.answer)
    with box("div", "cosim-card"):
        Choice(
            name="courbe", label=say("Courbe", "Curve"), value=now.shown,
            options=options({key: INDICATORS[key].label(now.lang) for key in views.SHOWN}),
            on_value=lambda key: session.go(
                lambda v: replace(v, shown=key) if key in views.SHOWN else v
            ),
        )  # fmt: skip
        Curve(shown.answer, now.shown, now.gap)
        Press(
            label=say("Écart à la référence", "Difference to the reference"), kind="small",
            pressed="true" if now.gap else "false",
            event_press=lambda *_: session.go(lambda v: replace(v, gap=not v.gap)),
        )  # fmt: skip


@solara.component
def Spoken() -> None:
    """The sentence that an élu can repeat, spoken when it changes, and how sure it is."""
    now, shown = session.view.value, session.answer.value
    if shown is None:
        return
    effect = shown.answer.effect
    sentence = effect.sentence(now.lang, now.shown)
    text("p", sentence, "cosim-sentence", aria_live="polite")
    text("p", status(), "cosim-status" + ("" if session.settled() else " cosim-busy"))


def status() -> str:
    """Return how many simulations the answer rests on, or that it is being computed."""
    shown = session.answer.value
    if shown is None or not session.current():
        return say("calcul…", "computing…")
    n = shown.answer.n
    if not session.settled():
        return say(f"calcul… ({n} simulations pour l'instant)", f"computing… ({n} simulations so far)")
    return say(
        f"{n} simulations de chaque, à hasard égal.", f"{n} simulations of each, with equal luck."
    )


def figure(value: float, unit: str, lang: Lang) -> str:
    """Return a value as the tiles show it."""
    return percent(value, lang) if unit == "share" else number(value, 0 if unit == "count" else 2, lang)


@solara.component
def Figures(answer: Answer) -> None:
    """Four figures at the end of the period, each with its difference to the reference."""
    now = session.view.value
    year = answer.effect.reference.scenario.time.end[:4]
    cells: list[Any] = []
    for name in FIGURES:
        what = INDICATORS[name]
        before, after = answer.drawn.means(name)
        change, sign = after - before, "+" if after > before else ""
        words = (
            f"{sign}{number(100 * change, 1, now.lang)} points"
            if what.unit == "share"
            else sign + number(change, 0 if what.unit == "count" else 2, now.lang)
        )
        beside = say("référence", "reference")
        cells.append(
            box("div", "cosim-kpi", [
                text("dt", f"{what.label(now.lang)} {say('fin', 'end of')} {year}"),
                text("dd", figure(after, what.unit, now.lang), "figure"),
                text("dd", f"{words} · {beside} {figure(before, what.unit, now.lang)}", "beside"),
            ])
        )  # fmt: skip
    box("dl", "cosim-kpis", cells)


@solara.component
def Curve(answer: Answer, indicator: str, gap: bool) -> None:
    """The fan chart of one indicator, with its words."""
    now = session.view.value
    what, effect = INDICATORS[indicator], answer.effect
    low, high = compute.span(answer, indicator, gap=gap)
    FanChart(
        values=compute.fan_bytes(answer, indicator, gap=gap),
        months=[f"{m.month:02d}/{m.year}" for m in effect.months],
        low=low, high=high, unit=what.unit, gap=gap, lang=now.lang, count=answer.n,
        words={
            "scenario": say("Votre scénario", "Your scenario"),
            "reference": say("Référence", "Reference"),
            "nine": say("9 sur 10", "9 in 10"),
            "to": say("à", "to"),
        },
        description=f"{what.label(now.lang)}, {effect.months[0].year}-{effect.months[-1].year}. "
        + effect.sentence(now.lang, indicator),
    )  # fmt: skip
    text(
        "p",
        say("Trait plein : votre scénario (médiane) ; ", "Solid line: your scenario (median); ")
        + compute.bands_words(answer)[now.lang]
        + say(" ; tirets : référence. ", "; dashes: reference. ")
        + what.definition(now.lang),
        "cosim-small",
    )
