"""Luck and parameters apart: what each of them makes of the spread of an ensemble.

Replicates 2k and 2k + 1 of a scenario that draws from the posterior share one set of parameters.
One-way random-effects analysis of variance on these pairs gives the variance of luck (within) and
that of parameters (between, beyond luck): Searle, Casella & McCulloch (1992), *Variance
Components*, ch. 3. A negative estimate counts as 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cosim.calibration.posterior import PAIR
from cosim.errors import ResultsError
from cosim.state import Array

__all__ = ["Bands", "bands", "fan", "share", "whole_pairs"]


class Bands(NamedTuple):
    """The spread of some values, float64[...] each: median, its bands, the share of parameters."""

    median: Array
    low: Array
    high: Array
    luck_low: Array
    luck_high: Array
    parameters_low: Array
    parameters_high: Array
    parameters_share: Array


def whole_pairs(values: Array, start: int = 0) -> Array:
    """Return the replicates that share their set with another, float64[pairs, 2, ...].

    Parameters
    ----------
    values : float64[replicates, ...]
    start : number of the first replicate
    """
    first = start % PAIR  # the other half of its pair is not there
    n = (len(values) - first) // PAIR
    return values[first : first + PAIR * n].reshape(n, PAIR, *values.shape[1:])


def share(values: Array, start: int = 0, draws: bool = True) -> Array:
    """Return the share of the variance that is due to parameters.

    NaN where fewer than two whole pairs leave it unknown; 0 for fixed parameters, and where
    nothing varies. With P pairs its standard error is about (1 - share²)/√P: 0.14 for 100
    replicates at a share of 0.

    Parameters
    ----------
    values : float64[replicates, ...]
    start : number of the first replicate
    draws : whether parameters are drawn
    """
    if not draws:
        return np.zeros(values.shape[1:])
    pairs = whole_pairs(values, start)
    if len(pairs) < 2:
        return np.full(values.shape[1:], np.nan)
    luck = np.square(pairs[:, 0] - pairs[:, 1]).mean(axis=0) / 2.0
    between = 2.0 * pairs.mean(axis=1).var(axis=0, ddof=1)
    due = np.maximum(0.0, (between - luck) / 2.0)
    constant = np.ptp(pairs, axis=(0, 1)) == 0.0
    with np.errstate(invalid="ignore"):
        shares: Array = np.where(constant, 0.0, due / (due + luck))
    return shares


def bands(values: Array, start: int = 0, draws: bool = True, level: float = 0.9) -> Bands:
    """Return the bands of everything, of luck alone and of parameters alone around the median.

    The band of everything holds `level` of the replicates. Those of luck and of parameters are the
    same band, narrowed to their part of the standard deviation: this takes both for distributions
    of the same shape (an assumption).

    Parameters
    ----------
    values, start, draws : as for `share`
    level : coverage, more than 0 and less than 1
    """
    if not 0.0 < level < 1.0:
        raise ResultsError("out of range", key="level", found=level, expected="more than 0 and "
                           "less than 1")  # fmt: skip
    part = share(values, start, draws)
    low, median, high = np.quantile(values, ((1 - level) / 2, 0.5, (1 + level) / 2), axis=0)
    luck, parameters = np.sqrt(1.0 - part), np.sqrt(part)
    return Bands(
        median, low, high,
        median + luck * (low - median), median + luck * (high - median),
        median + parameters * (low - median), median + parameters * (high - median),
        part,
    )  # fmt: skip


def fan(values: Array, start: int = 0, draws: bool = True) -> Array:
    """Return what a fan chart draws, float64[5, ...]: low, inner low, median, inner high, high.

    The outer band holds 9 replicates in 10. The inner one is that of luck alone where parameters
    are drawn, and holds 1 replicate in 2 where they are fixed.
    """
    if not draws:
        levels: Array = np.nanquantile(values, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
        return levels
    found = bands(values, start)
    return np.stack([found.low, found.luck_low, found.median, found.luck_high, found.high])
