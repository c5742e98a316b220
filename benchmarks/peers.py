"""The same rules as ordinary Mesa agents: the oracle of the tests, and the peer made of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import mesa
import numpy as np

from benchmarks.clock import processor
from cosim import engine, streams
from cosim.indicators import COLUMNS

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from reference import philox
from reference.adapter import from_state
from reference.model import Oracle


def oracle(plan: engine.Plan) -> Oracle:
    """Return the oracle at the start of replicate 0."""
    run = engine.Run(plan)
    return from_state(run.state, plan.params, run.seed, run.replicate)


def oracle_seconds(plan: engine.Plan, months: int) -> float:
    """Return the time of the oracle's first months: keyed numbers, and everything checked."""
    world = oracle(plan)
    start = processor()
    for _ in range(months):
        world.step()
    return processor() - start


def engine_seconds(plan: engine.Plan, months: int) -> float:
    """Return the time of the engine's first months on one thread, without the start."""
    state, out = plan.state(1, 0), np.zeros((months, len(COLUMNS)))
    start = processor()
    engine.advance(plan, state, 0, months, streams.key(1, 0), out)
    return processor() - start


@contextmanager
def unkeyed() -> Iterator[None]:
    """Hash nothing: numbers that are drawn in turn need no key."""
    numbers = count()
    with mock.patch.multiple(philox, pair=lambda *_: 0, alliance_id=lambda *_: next(numbers)):
        yield


def peer_seconds(plan: engine.Plan, months: int) -> float:
    """Return the time of the first months of ordinary Mesa agents under `mesa.batch_run`.

    NumPy's generator gives the numbers in turn, nothing is checked, and one number a month is
    measured where the engine measures all: each is in the peer's favour. The start is not timed.
    """
    taken: list[float] = []

    class Peer(mesa.Model):
        def __init__(self, rng: int | None = None) -> None:
            super().__init__(rng=rng)
            draw = self.rng.random
            self.world: Any = oracle(plan)
            self.world.block = lambda *_: (draw(), draw())
            self.world.u = self.world.v = lambda *_: draw()
            self.world.check = lambda: None
            self.datacollector = mesa.DataCollector({"alliances": lambda m: len(m.world.alliances)})
            self.left = months
            self.began = processor()

        def step(self) -> None:
            self.world.step()
            self.datacollector.collect(self)
            self.left -= 1
            self.running = self.left > 0
            if not self.running:
                taken.append(processor() - self.began)

    with unkeyed():
        mesa.batch_run(Peer, {}, rng=[1], max_steps=months, display_progress=False)
    (whole,) = taken
    return whole


def blocks(plan: engine.Plan, months: int) -> float:
    """Return how many blocks of two random numbers an actor needs in a month: the oracle's."""
    world: Any = oracle(plan)
    drawn: set[tuple[int, ...]] = set()  # it draws a block twice to read both numbers
    block = world.block

    def counting(*place: int) -> tuple[float, float]:
        drawn.add(place)
        pair: tuple[float, float] = block(*place)
        return pair

    world.block = counting
    actors = 0
    for _ in range(months):
        actors += sum(seat.alive for seat in world.seats)
        world.step()
    return len(drawn) / actors
