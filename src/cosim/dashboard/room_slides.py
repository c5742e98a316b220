"""What a room shows of an answer, made once for all its screens, and who computes it. No Solara."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.dashboard import compute
from cosim.dashboard.compute import Answer, Cache
from cosim.dashboard.room import Room, Truth
from cosim.dashboard.view import SHOWN, View
from cosim.errors import CosimError
from cosim.indicators import INDICATORS

if TYPE_CHECKING:
    from cosim.effects_text import Lang

#: Pairs of the pictures that a room is shown: fewer steps than one visitor's, for many screens.
STAGES = (compute.PREVIEW, 20, 100)
IDLE_STAGES = (400, 1000)
#: Seconds without a move before the idle stages begin.
REST = 2.0
LANGS: tuple[Lang, ...] = ("fr", "en")


@dataclass(frozen=True, eq=False)
class Slide:
    """An answer as screens draw it.

    Attributes
    ----------
    view : what it is of: scenario, curve, difference or not
    n : pairs of simulations
    values : float32[10, months], see `compute.fan_bytes`
    chart : what `FanChart` takes besides, in any language
    words : language -> what is written
    truths : indicator -> mean difference and 9-in-10 interval at the end of the period
    scales : indicator -> the largest estimate that a vote offers, from the reference alone
    """

    view: View
    n: int
    values: bytes
    chart: Mapping[str, Any]
    words: Mapping[Lang, Mapping[str, str]]
    truths: Mapping[str, Truth]
    scales: Mapping[str, float]


def slide(view: View, answer: Answer) -> Slide:
    """Make the slide of a view from its answer."""
    effect, shown, gap = answer.effect, view.shown, view.gap
    low, high = compute.span(answer, shown, gap=gap)
    return Slide(
        view, answer.n, compute.fan_bytes(answer, shown, gap=gap),
        {
            "months": [f"{m.month:02d}/{m.year}" for m in effect.months],
            "low": low, "high": high, "unit": INDICATORS[shown].unit, "gap": gap,
            "count": answer.n,
        },
        {lang: _words(view, answer, lang) for lang in LANGS},
        {
            str(row.indicator): Truth(*(float(str(x)) for x in (row.difference, row.low, row.high)))
            for row in effect.table_at([-1], SHOWN).itertuples(index=False)
            if not row.group
        },
        {name: scale(answer, name) for name in SHOWN},
    )  # fmt: skip


def _words(view: View, answer: Answer, lang: Lang) -> Mapping[str, str]:
    effect, shown, what = answer.effect, view.shown, INDICATORS[view.shown]
    sentence = effect.sentence(lang, shown)
    period = f"{effect.months[0].year}-{effect.months[-1].year}"
    return {
        "sentence": sentence,
        "frequency": effect.frequency_sentence(lang, shown),
        "title": what.label(lang),
        "definition": what.definition(lang),
        "bands": compute.bands_words(answer)[lang],
        "description": f"{what.label(lang)}, {period}. {sentence}",
    }


def scale(answer: Answer, indicator: str) -> float:
    """Return the end of the scale of estimates: the reference's 9-in-10 width and half of it again.

    Nothing of the what-if is in it, so that the scale does not give the answer away.
    """
    low, high = np.quantile(answer.drawn.reference.array(indicator)[:, -1], (0.05, 0.95))
    reach = compute.nice(1.5 * float(high - low))
    bounded = INDICATORS[indicator].unit in ("share", "level")
    return min(1.0, reach) if bounded else reach


def conduct(room: Room, cache: Cache = compute.CACHE, rest: float = REST) -> None:
    """Compute what a room shows, ever more precisely, until it shows something else.

    What is precise enough is not refined for nobody.
    """
    view = room.frame().view
    last = room.answer()
    if room.frame().ended or (last and last.view == view and last.n >= IDLE_STAGES[-1]):
        return

    def gone() -> bool:
        return room.frame().view != view

    try:
        for stages, urgency in ((STAGES, 1), (IDLE_STAGES, 2)):
            if urgency > 1 and _rested(gone, rest):
                return
            idle = gone if urgency == 1 else lambda: gone() or not room.attended
            for answer in compute.effects(
                view.reference, view.scenario, idle, cache, stages=stages, urgency=urgency
            ):
                room.show(slide(view, answer))
    except CosimError as error:
        room.fail(view, str(error))


def _rested(gone: Callable[[], bool], seconds: float, step: float = 0.1) -> bool:
    """Wait; return whether what was shown is gone meanwhile."""
    for _ in range(round(seconds / step)):
        if gone():
            return True
        time.sleep(step)
    return gone()


#: Threads begun from here belong to no visitor's session, so they outlive the presenter's.
_APART = ThreadPoolExecutor(1, "cosim-apart")


def begin(room: Room) -> None:
    """Let a thread of its own compute what the room shows, until the room ends."""
    _APART.submit(room.subscribe, lambda: conduct(room), screen=False).result()
