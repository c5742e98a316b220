"""What trials on the model stand on: the model that is tried, one replicate taken forward, luck."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cosim import engine, streams
from cosim.calibration import pairs as see
from cosim.indicators import COLUMNS
from cosim.mechanisms.contacts import meet
from cosim.mechanisms.formation import draw_domain, found_group
from cosim.scenario import load
from cosim.scenario_tables import METIERS
from cosim.state import Array, State

#: The territory and the years of the trials: those that the surveys describe.
REFERENCE = "reference-2010"


@dataclass(frozen=True)
class Bench:
    """What all trials share: the model that is on trial.

    Parameters
    ----------
    values : parameter -> value, where other than the ledger's default
    rules : rival rule -> choice, where other than the default
    territory : code of a territory; empty for that of the reference
    without : mechanisms that are switched off
    """

    values: Mapping[str, float] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    territory: str = ""
    without: tuple[str, ...] = ()

    def plan(self, months: int, **changes: Any) -> engine.Plan:
        """Return the plan of the reference scenario, so many months long, with changes."""
        scenario = load(REFERENCE)
        end = scenario.month_label(months - 1)
        where: dict[str, Any] = {"territory.code": self.territory} if self.territory else {}
        if self.without:
            where["model.without"] = list(self.without)
        scenario = scenario.with_(
            **{"time.end": end, "rules": dict(self.rules), "parameters": dict(self.values)},
            **where, **changes,
        )  # fmt: skip
        return engine.plan(scenario, columns=())


class World:
    """One replicate of a plan that a trial takes forward."""

    def __init__(self, ready: engine.Plan, seed: int, number: int):
        self.ready = ready
        self.key = streams.key(seed, number)
        self.state: State = ready.state(seed, number)
        self.month = 0
        self._out = np.zeros((ready.scenario.n_months, len(COLUMNS)))

    def run(self, months: int = 1) -> None:
        """Simulate so many months."""
        last = self.month + months
        self.state = engine.advance(self.ready, self.state, self.month, last, self.key, self._out)
        self.month = last

    def meet(self, i: int, j: int) -> None:
        """Let two actors meet face to face now."""
        meet(self.state, self.ready.params, i, j, 0, self.month, self.key)

    def try_together(self, i: int, j: int, u: float) -> None:
        """Let two actors meet and try a subsidised first step; `u` draws what it is about.

        What an experiment does to its group (ODD §7.5, §7.10), to a group of two.
        """
        self.meet(i, j)
        self.state = engine.room(self.state)
        actors = self.state.actors
        bits = (actors.needs[i] & actors.solutions[j]) | (actors.needs[j] & actors.solutions[i])
        found_group(
            self.state, self.ready.params, np.array([i, j]), 2, draw_domain(int(bits), u), 0.0,
            self.month, self.key,
        )  # fmt: skip

    def together(self, pairs: Array, living: bool = False) -> Array:
        """Return for each of `pairs` whether the two sit or sat in one alliance, bool[n]."""
        return _among(pairs, rows(see.partners(self.state, living)), len(self.state.actors))


def rows(found: list[tuple[int, int]]) -> Array:
    """Return pairs as int64[n, 2]."""
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _among(pairs: Array, others: Array, n: int) -> Array:
    """Return which of `pairs` are in `others`, in either order; rows below `n`."""
    codes, known = (p.min(axis=1) * n + p.max(axis=1) for p in (pairs, others))
    return np.isin(codes, known)


def luck(seed: int, number: int, trial: int) -> np.random.Generator:
    """Return what draws who is treated in a replicate: apart from what the model draws."""
    return np.random.default_rng((seed, number, trial))


def only(metier: str) -> dict[str, float]:
    """Return the mix of catalysts who do one métier."""
    return {name: float(name == metier) for name in METIERS}


def results(one: Callable[[int], Array], replicates: int) -> list[Array]:
    """Return what each replicate gives, in order; they run on all cores."""
    first = one(0)  # compiles, before threads start
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return [first, *pool.map(one, range(1, replicates))]
