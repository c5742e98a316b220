"""Ensembles for the page, shared by all sessions. No Solara.

An ensemble is kept by the digest of its scenario and grows when more replicates are asked for, so
that a preview is never thrown away and the reference is computed once for everybody.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cosim import engine
from cosim.effects import Effect
from cosim.indicators import INDICATORS
from cosim.results import Ensemble

if TYPE_CHECKING:
    from cosim.scenario import Scenario
    from cosim.state import Array

SEED = 1
#: Replicates of the preview and of each refinement.
STAGES = (20, 60, 100)
#: Ensembles kept (about 1 MB each at 100 replicates of 12 years).
MOST_ENSEMBLES = 64


@dataclass
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    ready: engine.Plan | None = None
    rows: list[Array] = field(default_factory=list)


class Cache:
    """Growing ensembles by scenario, least recently used dropped first."""

    def __init__(self, most: int = MOST_ENSEMBLES):
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self.most = most

    def _entry(self, key: str) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > self.most:
                self._entries.popitem(last=False)
            return entry

    def __len__(self) -> int:
        return len(self._entries)

    def ensemble(
        self, scenario: Scenario, replicates: int, cancelled: Callable[[], bool] = lambda: False
    ) -> Ensemble | None:
        """Return at least the first `replicates` replicates, None when cancelled meanwhile."""
        entry = self._entry(scenario.digest)
        with entry.lock:
            entry.ready = ready = entry.ready or engine.plan(scenario)
            missing = range(len(entry.rows), replicates)
            if missing:
                for _, values, _ in engine.replicates(ready, missing, SEED):
                    entry.rows.append(values)
                    if cancelled():
                        return None
            return Ensemble(scenario, ready.place, SEED, np.stack(entry.rows[:replicates]))


CACHE = Cache()


def effects(
    reference: Scenario,
    scenario: Scenario,
    cancelled: Callable[[], bool] = lambda: False,
    cache: Cache = CACHE,
) -> Iterator[Effect]:
    """Yield the paired effect with more and more replicates; stop when cancelled."""
    for n in STAGES:
        before = cache.ensemble(reference, n, cancelled)
        after = cache.ensemble(scenario, n, cancelled) if before is not None else None
        if before is None or after is None or cancelled():
            return
        yield Effect(before, after)


def nice(x: float) -> float:
    """Return the smallest 1, 1.5, 2, 3, 4, 5, 6, 8 × a power of ten that is not below `x`."""
    if x <= 0.0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(x))
    return float(next(s * power for s in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if s * power >= x))


def top_of(effect: Effect, indicator: str) -> float:
    """Return the top of the y axis: from the reference, so that it rests while levers move."""
    if INDICATORS[indicator].unit in ("share", "level"):
        return 1.0
    highest = float(np.quantile(effect.reference.array(indicator), 0.95, axis=0).max())
    reached = float(np.quantile(effect.scenario.array(indicator), 0.95, axis=0).max())
    return nice(highest * 1.4) if reached <= nice(highest * 1.4) else nice(reached)


def bands_words(effect: Effect) -> str:
    """Return what the two bands are, for those who look at the page."""
    if effect.scenario.scenario.draws:
        return "zone foncée : chance seule ; zone claire : chance et paramètres, 9 sur 10"
    return "zone foncée : 1 simulation sur 2 ; zone claire : 9 sur 10"


def bands(effect: Effect, indicator: str) -> bytes:
    """Return float32[6, months]: the what-if's `Ensemble.fan`, then the reference's median."""
    rows = effect.scenario.fan(indicator)
    median = np.median(effect.reference.array(indicator), axis=0)
    return np.vstack([rows, median]).astype(np.float32).tobytes()
