"""A cheap stand-in for the model: what every target would be at a set of parameters not yet run.

Ridge regression on the quadratic polynomial of the prior quantiles, one per target, its penalty
and its error by leaving one run out (Golub, Heath & Wahba 1979); shares are regressed on the logit.
Refitted in every wave of the history matching on the runs of what is left, where a quadratic is
enough; what it misses is its own variance, and no posterior rests on it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cosim.errors import CosimError
from cosim.state import Array

#: Shares are kept this far from 0 and 1 before the logit.
EDGE = 0.004
#: Runs that a target needs before it is regressed.
FEWEST = 40
_PENALTIES = np.logspace(-2, 4, 13)


def _logit(y: Array) -> Array:
    y = np.clip(y, EDGE, 1.0 - EDGE)
    return np.asarray(np.log(y / (1.0 - y)))


@dataclass(frozen=True)
class Emulator:
    """Predicts m targets, as means over luck, at prior quantiles.

    Attributes
    ----------
    centre, slope : float64[m], float64[features, m], on the logit for shares
    missed : variance of what it gets wrong, luck excepted, float64[m], on the same scale
    on_logit : bool[m], which targets are shares
    scores : R² of each with one run left out, float64[m]
    """

    centre: Array
    slope: Array
    missed: Array
    on_logit: Array
    scores: Array

    def predict(self, u: Array) -> tuple[Array, Array]:
        """Return mean and variance of the targets at `u` (float64[n, k]), both float64[n, m]."""
        y = quadratic(u) @ self.slope + self.centre
        share = 1.0 / (1.0 + np.exp(-np.clip(y, -30.0, 30.0)))
        steepness = np.where(self.on_logit, share * (1.0 - share), 1.0)
        return np.where(self.on_logit, share, y), self.missed * steepness**2


def quadratic(u: Array) -> Array:
    """Return every term of degree 1 and 2 of 2u - 1, float64[n, k + k(k + 1)/2]."""
    z = 2.0 * u - 1.0
    first, second = np.triu_indices(u.shape[1])
    return np.concatenate([z, z[:, first] * z[:, second]], axis=1)


def fit(u: Array, y: Array, on_logit: Sequence[bool], luck: Array) -> Emulator:
    """Fit an emulator to runs.

    Parameters
    ----------
    u : float64[n, k], prior quantiles
    y : float64[n, m], targets; NaN where a run had none
    on_logit : m flags, which targets are shares
    luck : float64[m], variance of one row of `y` that is luck, in units of the target

    Raises
    ------
    CosimError : a target has fewer than `FEWEST` runs
    """
    from sklearn.linear_model import RidgeCV

    x = quadratic(u)
    flags = np.array(on_logit, dtype=bool)
    scaled = np.where(flags, _logit(y), y)
    centre, missed, scores = np.empty((3, y.shape[1]))
    slope = np.empty((x.shape[1], y.shape[1]))
    known = np.isfinite(y)
    for pattern in np.unique(known, axis=1).T:  # targets that the same runs have, in one fit
        chosen = np.flatnonzero((known == pattern[:, None]).all(axis=0))
        if pattern.sum() < FEWEST:
            raise CosimError("too few runs for an emulator", key=f"target {chosen[0]}",
                             found=int(pattern.sum()), expected=f"{FEWEST} or more")  # fmt: skip
        target = scaled[np.ix_(pattern, chosen)]
        ridge = RidgeCV(_PENALTIES, alpha_per_target=True, store_cv_results=True)
        ridge.fit(x[pattern], target)
        best = np.searchsorted(_PENALTIES, np.atleast_1d(ridge.alpha_) * (1.0 - 1e-9))
        errors = ridge.cv_results_.reshape(len(target), len(chosen), -1)
        error = errors[:, np.arange(len(chosen)), best].mean(axis=0)
        centre[chosen] = ridge.intercept_
        slope[:, chosen] = np.atleast_2d(ridge.coef_).T
        share = y[np.ix_(pattern, chosen)]
        steepness = np.where(flags[chosen], np.clip(share * (1.0 - share), EDGE, None), 1.0)
        by_luck = np.median(luck[chosen] / steepness**2, axis=0)
        missed[chosen] = np.maximum(0.05 * error, error - by_luck)
        scores[chosen] = 1.0 - error / target.var(axis=0)
    return Emulator(centre, slope, missed, flags, scores)
