"""Ensembles for the page, shared by all sessions. No Solara.

An ensemble is kept by the digest of its scenario and grows when more replicates are asked for, so
that a preview is never thrown away and the reference is computed once for everybody. Sessions take
turns: one batch at a time, those that wait for their first picture before those that refine.
"""

from __future__ import annotations

import heapq
import itertools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cosim import engine, uncertainty
from cosim.effects import Effect
from cosim.indicators import COLUMNS, INDICATORS, column
from cosim.results import Ensemble

if TYPE_CHECKING:
    from cosim.scenario import Scenario
    from cosim.state import Array
    from cosim.territory import Territory

    type Cancelled = Callable[[], bool]

SEED = 1
#: Pairs of the preview: what two cores simulate in about a tenth of a second.
PREVIEW = 2
#: Replicates of each answer; the last ones while nobody waits for anything else.
STAGES = (PREVIEW, 8, 20, 50, 100)
IDLE_STAGES = (200, 400, 700, 1000)
#: Replicates between two looks at who waits.
BATCH = 4
#: Indicators that are kept: what pages show. `export` simulates the others when they are wanted.
KEPT = ("alliances", "engaged", "able", "convinced", "trust_across", "successes", "recognised",
        "fragility", "spending", "local", "actors", "meetings", "births")  # fmt: skip
#: Their groups: no crossed ones but kinds of commune, and no domains but those of fragility.
PAIRS = tuple(
    (name, group) for name, group in COLUMNS
    if name in KEPT and ("/" not in group or group.startswith("commune/"))
    and (name != "alliances" or group in ("", "mecenat", "innovation", "cooperation",
                                          "responsible"))
)  # fmt: skip
_PLACES = [column(*pair) for pair in PAIRS]
#: Memory that ensembles may hold.
MOST_BYTES = 600_000_000
#: Plans that are kept for the ensembles used last: each takes some MB, and 6 ms to make again.
MOST_PLANS = 16


def _never() -> bool:
    return False


class Gate:
    """One batch at a time, the most urgent first, and of the same urgency the first that came."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int]] = []
        self._numbers = itertools.count()
        self._turn = threading.Condition()
        self._busy = False

    @contextmanager
    def turn(self, urgency: int, cancelled: Cancelled = _never) -> Iterator[None]:
        """Wait for one's turn; a smaller `urgency` comes first.

        Who is cancelled meanwhile stops waiting at the next change of turns, and is let through
        to find out.
        """
        mine = (urgency, next(self._numbers))
        with self._turn:
            heapq.heappush(self._waiting, mine)
            while self._busy or self._waiting[0] != mine:
                if cancelled():
                    break
                self._turn.wait()
            first = not self._busy and self._waiting[0] == mine
            self._waiting.remove(mine)
            heapq.heapify(self._waiting)
            self._busy = self._busy or first
        try:
            yield
        finally:
            with self._turn:
                self._busy = self._busy and not first
                self._turn.notify_all()

    def __len__(self) -> int:
        return len(self._waiting)


@dataclass
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    ready: engine.Plan | None = None
    place: Territory | None = None
    parts: list[Array] = field(default_factory=list)
    n: int = 0

    def following(self, replicates: int) -> range:
        """Return the numbers of the next batch on the way to so many replicates."""
        return range(self.n, min(replicates, self.n + BATCH))

    def add(self, rows: list[Array]) -> None:
        """Append what is kept of a batch."""
        with self.lock:
            self.parts.append(np.stack(rows))
            self.n += len(rows)

    def first(self, replicates: int) -> Array:
        """Return the first replicates, which nobody may write."""
        with self.lock:
            if len(self.parts) > 1:
                self.parts = [np.concatenate(self.parts)]
                self.parts[0].flags.writeable = False
            return self.parts[0][:replicates]


class Cache:
    """Growing ensembles by scenario, least recently used dropped first."""

    def __init__(self, most_bytes: int = MOST_BYTES, gate: Gate | None = None):
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self.most_bytes = most_bytes
        self.gate = gate or Gate()

    def __len__(self) -> int:
        return len(self._entries)

    def nbytes(self) -> int:
        """Bytes of all ensembles."""
        with self._lock:
            return sum(part.nbytes for entry in self._entries.values() for part in entry.parts)

    def _entry(self, key: str) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            return entry

    def _forget(self) -> None:
        """Drop the least recently used ensembles, and plans that are quickly made again."""
        with self._lock:
            for entry in list(self._entries.values())[:-MOST_PLANS]:
                entry.ready = None
        while self.nbytes() > self.most_bytes and len(self._entries) > 1:
            with self._lock:
                self._entries.popitem(last=False)

    def known(self, scenario: Scenario) -> int:
        """Return how many replicates of a scenario are there."""
        entry = self._entries.get(scenario.digest)
        return entry.n if entry else 0

    def ensemble(
        self, scenario: Scenario, replicates: int, cancelled: Cancelled = _never, urgency: int = 1
    ) -> Ensemble | None:
        """Return the first `replicates` replicates, None when cancelled meanwhile."""
        entry = self._entry(scenario.digest)
        while entry.n < replicates:
            if cancelled():
                return None
            # whoever has the turn grows an entry, and nobody else
            with self.gate.turn(urgency, cancelled):
                if cancelled():
                    return None
                if entry.n < replicates:
                    entry.ready = ready = entry.ready or engine.plan(scenario, None, PAIRS)
                    entry.place = ready.place
                    entry.add(_simulated(ready, entry.following(replicates)))
        assert entry.place is not None
        place, values = entry.place, entry.first(replicates)
        self._forget()
        return Ensemble(scenario, place, SEED, values, columns=PAIRS)


CACHE = Cache()
_POOL = ThreadPoolExecutor(os.cpu_count() or 1, "cosim-replicate")
_compiled = threading.Event()


def _simulated(ready: engine.Plan, numbers: range) -> list[Array]:
    """Return what is kept of each replicate; the first of a process compiles alone."""

    def one(number: int) -> Array:
        values: Array = engine.kept(ready, SEED, number)[1][:, _PLACES]
        return values

    alone = [] if _compiled.is_set() else [one(number) for number in numbers[:1]]
    _compiled.set()
    return [*alone, *_POOL.map(one, numbers[len(alone) :])]


@dataclass(frozen=True, eq=False)
class Answer:
    """What a page shows of a what-if.

    Attributes
    ----------
    effect : pairs of equal luck, what sentences and figures tell
    drawn : what is drawn: the same, or for a preview the reference's replicates, each with the
        difference of one of the few pairs (a control variate: Glasserman 2003, ch. 4.1)
    """

    effect: Effect
    drawn: Effect

    @property
    def n(self) -> int:
        """Number of pairs."""
        return self.effect.n

    @property
    def preview(self) -> bool:
        """Whether the curve is drawn from a few pairs."""
        return self.effect is not self.drawn


def effects(
    reference: Scenario, scenario: Scenario, cancelled: Cancelled = _never, cache: Cache = CACHE,
    stages: Sequence[int] = STAGES, urgency: int = 1,
) -> Iterator[Answer]:  # fmt: skip
    """Yield the paired effect with more and more replicates; stop when cancelled.

    What is in the cache is not shown again in smaller pieces.
    """
    have = min(cache.known(reference), cache.known(scenario))
    for n in (n for n in stages if n >= min(have, stages[-1])):
        mine = 0 if n <= PREVIEW else urgency
        before = cache.ensemble(reference, n, cancelled, mine)
        after = cache.ensemble(scenario, n, cancelled, mine) if before is not None else None
        if before is None or after is None or cancelled():
            return
        effect = Effect(before, after)
        known = min(cache.known(reference), STAGES[-1])
        if n < known:
            wide = cache.ensemble(reference, known)
            assert wide is not None
            yield Answer(effect, _spread_out(effect, wide))
        else:
            yield Answer(effect, effect)


def _spread_out(effect: Effect, reference: Ensemble) -> Effect:
    """Return the reference's replicates with, in turn, the differences of the few pairs."""
    gap = effect.scenario.values - effect.reference.values
    turns = np.arange(reference.n) % effect.n
    values = reference.values + gap[turns]
    for k, (name, _) in enumerate(effect.reference.columns):
        top = 1.0 if INDICATORS[name].unit in ("share", "level") else None
        np.clip(values[:, :, k], 0.0, top, out=values[:, :, k])
    after = Ensemble(effect.scenario.scenario, reference.place, SEED, values, columns=PAIRS)
    return Effect(reference, after)


# -- what is drawn ------------------------------------------------------------------------


class Chances(NamedTuple):
    """In how many pairs the what-if is better, worse and the same at the end, out of how many."""

    better: int
    worse: int
    same: int
    n: int


def chances(effect: Effect, indicator: str, group: str = "") -> Chances:
    """Return in how many pairs the what-if ends better than the reference (higher, where neither
    side is better)."""
    pairs = effect.difference(indicator, group)[:, -1] * (INDICATORS[indicator].better or 1)
    better, worse = int((pairs > 0.0).sum()), int((pairs < 0.0).sum())
    return Chances(better, worse, effect.n - better - worse, effect.n)


def means(answer: Answer, indicator: str, group: str = "") -> tuple[float, float]:
    """Return the means of reference and what-if at the end; those of `Effect.means` once settled.

    While a preview has a few pairs only, the reference is the mean of all its replicates, and the
    difference that of the pairs.
    """
    before = answer.drawn.means(indicator, group)[0]
    return before, before + float(answer.effect.difference(indicator, group)[:, -1].mean())


def nice(x: float) -> float:
    """Return the smallest 1, 1.5, 2, 3, 4, 5, 6, 8 × a power of ten that is not below `x`."""
    if x <= 0.0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(x))
    return float(next(s * power for s in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if s * power >= x))


def span(answer: Answer, indicator: str, group: str = "", gap: bool = False) -> tuple[float, float]:
    """Return the ends of the y axis: from the reference, so that it rests while levers move."""
    before = answer.drawn.reference.array(indicator, group)
    high = float(np.quantile(before, 0.95, axis=0).max())
    if gap:
        pairs = fan(answer, indicator, group, gap=True)
        reach = max(nice(0.1 * high), nice(float(np.abs(pairs).max())))
        return -reach, reach
    if INDICATORS[indicator].unit == "share":
        reached = float(fan(answer, indicator, group).max())
        return 0.0, min(1.0, nice(max(1.25 * high, reached)))
    reached = float(fan(answer, indicator, group).max())
    rest = nice(1.4 * high)
    return 0.0, rest if reached <= rest else nice(reached)


def fan(answer: Answer, indicator: str, group: str = "", gap: bool = False) -> Array:
    """Return float64[10, months]: two bands and the median of what-if, then of the reference.

    With `gap`: of the differences within pairs, then zeros. See `cosim.uncertainty.fan`; fewer
    than four replicates have no bands of luck alone.
    """
    effect = answer.drawn
    draws = _tells_apart(effect)
    if gap:
        pairs = uncertainty.fan(effect.difference(indicator, group), 0, draws)
        return np.vstack([pairs, np.zeros_like(pairs)])
    both = (effect.scenario, effect.reference)
    return np.vstack([uncertainty.fan(w.array(indicator, group), 0, draws) for w in both])


def fan_bytes(answer: Answer, indicator: str, group: str = "", gap: bool = False) -> bytes:
    """Return `fan` as float32 bytes, for a component."""
    return fan(answer, indicator, group, gap).astype(np.float32).tobytes()


def _tells_apart(effect: Effect) -> bool:
    """Whether bands tell luck from parameters: these are drawn, and there are two pairs of them."""
    return effect.draws and effect.n >= 4


def bands_words(answer: Answer) -> Mapping[str, str]:
    """Return what the two bands are, for those who look at the page."""
    if _tells_apart(answer.drawn):
        return {
            "fr": "zone foncée : chance seule ; zone claire : chance et paramètres "
            "(9 simulations sur 10 dans chacune)",
            "en": "dark area: luck alone; light area: luck and parameters "
            "(9 simulations in 10 in each)",
        }
    return {
        "fr": "zone foncée : 1 simulation sur 2 ; zone claire : 9 sur 10",
        "en": "dark area: 1 simulation in 2; light area: 9 in 10",
    }


def warm() -> None:
    """Compile what is to be compiled and compute what a page without an address shows."""
    from cosim.dashboard import view, warnings

    warnings.domain()
    start = view.home()
    for _ in effects(start.reference, start.scenario):
        pass
