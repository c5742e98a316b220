"""Times on a machine that others use: works take turns, medians are kept, growth is fitted.

What runs on one thread is timed by the processor time of this process, which does not count the
time that others have the core; what runs on two, or in another process, by the clock on the wall.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

Work = Callable[[], Any]


Clock = Callable[[], float]
wall: Clock = time.perf_counter
processor: Clock = time.process_time


def seconds(work: Work, now: Clock = wall) -> float:
    """Return the time of one call."""
    start = now()
    work()
    return now() - start


def turns(works: Mapping[str, Work], rounds: int, now: Clock = wall) -> dict[str, list[float]]:
    """Return the times of each work, in seconds; each round calls every work once, in order.

    What slows the machine for a while then slows all of them.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(seconds(work, now))
    return taken


def ratio(above: Iterable[float], below: Iterable[float]) -> float:
    """Return the median ratio of two times of the same round."""
    return median(a / b for a, b in zip(above, below, strict=True))


def excess(above: Iterable[float], below: Iterable[float]) -> float:
    """Return the median difference of two times of the same round."""
    return median(a - b for a, b in zip(above, below, strict=True))


@dataclass(frozen=True)
class Growth:
    """How a cost grows: y ∝ x ** exponent, fitted by least squares on logarithms."""

    what: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    unit: str
    exponent: float
    error: float  # standard error of the exponent
    cost: str = ""


def growth(what: str, x: Sequence[float], y: Sequence[float], unit: str, cost: str = "") -> Growth:
    """Fit the growth of y with x; three points at least, all above 0."""
    if len(x) < 3 or min(*x, *y) <= 0.0:
        raise ValueError(f"{what}: a growth needs three points above 0, not {x} and {y}")
    across, up = np.log(x), np.log(y)
    across, up = across - across.mean(), up - up.mean()
    spread = float(across @ across)
    exponent = float(across @ up) / spread
    rest = up - exponent * across
    error = float(np.sqrt(rest @ rest / (len(x) - 2) / spread))
    return Growth(what, tuple(x), tuple(y), unit, exponent, error, cost)
