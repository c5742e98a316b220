"""Which set of rules predicts best what it was not fitted to: one target left out in turn.

The posterior without a target is the posterior with it, reweighted (importance sampling
leave-one-out, Gelfand, Dey & Chang 1992; weights clipped as those of the draws): no run is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cosim.calibration.matching import CUTOFF, Target, standardised
from cosim.calibration.waves import clip
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd

#: Difference of log scores that is worth a mention: odds of 3 to 1 (Kass & Raftery 1995).
WORTH = float(np.log(3.0))
_RESAMPLES = 400


@dataclass(frozen=True)
class Draws:
    """Weighted draws of one set of rules.

    Attributes
    ----------
    y : float64[n, m], targets of each draw, means over replicates
    weights : float64[n], sum 1
    variance : float64[m], what luck leaves in `y`
    """

    y: Array
    weights: Array
    variance: Array


def log_densities(targets: Sequence[Target], draws: Draws) -> Array:
    """Return the log density of each published figure given each draw, float64[n, m].

    A target that a draw does not have has the density of one at three standard deviations.
    """
    z = standardised(targets, draws.y, draws.variance)
    below, above = np.array([target.deviations for target in targets]).T
    total = np.sqrt(below**2 + draws.variance) + np.sqrt(above**2 + draws.variance)
    z = np.where(np.isnan(z), CUTOFF, z)
    return np.asarray(-0.5 * z**2 + np.log(2.0 / total) - 0.5 * np.log(2.0 * np.pi))


def left_out(log: Array, weights: Array) -> Array:
    """Return the log predictive density of each target given the others, float64[m].

    Parameters
    ----------
    log : float64[n, m], of `log_densities`
    weights : float64[n]
    """
    scores = np.empty(log.shape[1])
    for k in range(log.shape[1]):
        ratio = weights * np.exp(log[:, k].max() - log[:, k])
        ratio = clip(ratio)
        scores[k] = np.log((ratio * np.exp(log[:, k])).sum())
    return scores


def compare(targets: Sequence[Target], sets: Mapping[str, Draws], seed: int = 1) -> pd.DataFrame:
    """Return the score of every set of rules on every target left out, and in all.

    Returns
    -------
    DataFrame : rules, target ("" for the sum), score (log density), better (than the default),
        error (standard error of that difference by a bootstrap of the draws), apart (whether it is
        both over `WORTH` and over twice its error)
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    scores, spread = {}, {}
    for rules, draws in sets.items():
        log = log_densities(targets, draws)
        n = len(log)
        scores[rules] = left_out(log, draws.weights)
        again = []
        for _ in range(_RESAMPLES):
            chosen = rng.integers(0, n, n)
            weights = draws.weights[chosen]
            again.append(left_out(log[chosen], weights / weights.sum()))
        spread[rules] = np.array(again)
    rows = []
    for rules, score in scores.items():
        better = score - scores["default"]
        again = spread[rules] - (spread["default"] if rules != "default" else spread[rules])
        for k, target in enumerate(targets):
            error = float(again[:, k].std())
            rows.append((rules, target.id, score[k], better[k], error))
        rows.append((rules, "", score.sum(), better.sum(), float(again.sum(axis=1).std())))
    table = pd.DataFrame(rows, columns=["rules", "target", "score", "better", "error"])
    far = (table["better"].abs() > WORTH) & (table["better"].abs() > 2.0 * table["error"])
    return table.assign(apart=far)
