"""How many replicates a stopping rule asks for: a function of what is stored, and of nothing else.

Replicates are added in batches until the 95 % interval of the mean is narrow enough: a fixed-width
sequential confidence interval (Chow & Robbins 1965), looked at after whole batches only. What is
decided after n replicates depends on the first n alone: neither kills, nor workers, nor runs that
are stored beyond them, change it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cosim.experiment import contrasts
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd

    from cosim.experiment.document import Experiment, Point, Stopping

__all__ = ["due", "sizes"]

#: What is watched in a stratum, one array per contrast or point: float64[most], NaN where absent.
Watched = list[Array]


def due(experiment: Experiment, runs: pd.DataFrame) -> dict[int, int]:
    """Return how many replicates each point is to have: number of the point -> replicates.

    A batch is decided on when all its runs are stored in the whole stratum; those that failed
    count as stored, and not in the mean.

    Parameters
    ----------
    runs : as `Store.runs`, of up to `most` replicates of each point
    """
    rule = experiment.stopping
    assert rule is not None
    strata: dict[tuple[str | float, ...], list[Point]] = {}
    for point in experiment.points:
        strata.setdefault(point.stratum, []).append(point)
    there = np.zeros((len(experiment.points), rule.most), dtype=bool)
    row = {point.number: k for k, point in enumerate(experiment.points)}
    there[runs["point"].map(row), runs["replicate"]] = True
    watched = _contrasts(experiment, runs) if rule.contrast else _outcomes(experiment, runs)
    made: dict[int, int] = {}
    for stratum, points in strata.items():
        stored = there[[row[point.number] for point in points]].all(axis=0)
        n = _enough(rule, stored, watched.get(stratum, []), experiment.draws)
        made |= {point.number: n for point in points}
    return {point.number: made[point.number] for point in experiment.points}


def sizes(rule: Stopping) -> list[int]:
    """Return the numbers of replicates after which a decision is taken.

    >>> from cosim.experiment.document import Stopping
    >>> sizes(Stopping(contrast="dose", half_width=5, least=20, most=50, batch=20))
    [20, 40, 50]
    """
    return [*range(rule.least, rule.most, rule.batch), rule.most]


def _enough(rule: Stopping, stored: Array, watched: Watched, draws: bool) -> int:
    """Return the first size that is not wholly stored, or whose intervals are narrow enough."""
    for n in sizes(rule):
        if not stored[:n].all() or (
            watched and all(_half_width(one[:n], draws) <= rule.half_width for one in watched)
        ):
            return n
    return rule.most


def _half_width(values: Array, draws: bool) -> float:
    """Return half the 95 % interval of the mean; infinite where nothing tells the spread."""
    numbers = np.flatnonzero(np.isfinite(values))
    mean, low, _, _ = contrasts.interval(values[numbers], numbers, draws)
    return mean - low if np.isfinite(low) else np.inf


def _contrasts(
    experiment: Experiment, runs: pd.DataFrame
) -> dict[tuple[str | float, ...], Watched]:
    """Return the contrast of the rule in each stratum."""
    rule = experiment.stopping
    assert rule is not None
    values = contrasts.per_replicate(experiment, runs)
    values = values[values["contrast"] == rule.contrast]
    made: dict[tuple[str | float, ...], Watched] = {}
    labels = zip(*(values[name] for name in experiment.strata), strict=True)
    strata = [*labels] if experiment.strata else [()] * len(values)
    for stratum, replicate, value in zip(strata, values["replicate"], values["value"], strict=True):
        one = made.setdefault(stratum, [np.full(rule.most, np.nan)])
        one[0][replicate] = value
    return made


def _outcomes(experiment: Experiment, runs: pd.DataFrame) -> dict[tuple[str | float, ...], Watched]:
    """Return the outcome of the rule in each point of each stratum."""
    rule = experiment.stopping
    assert rule is not None
    made: dict[tuple[str | float, ...], Watched] = {}
    groups = dict(iter(runs.groupby("point")))
    for point in experiment.points:
        one = np.full(rule.most, np.nan)
        if point.number in groups:
            rows = groups[point.number]
            one[rows["replicate"]] = rows[rule.outcome]
        made.setdefault(point.stratum, []).append(one)
    return made
