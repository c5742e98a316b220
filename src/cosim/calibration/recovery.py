"""Does the calibration find a truth that is known: parameters recovered from synthetic surveys.

A truth is a set that history matching does not rule out; its synthetic survey is one simulation
with errors of the size of the tolerances. The same machine as for the real survey is then asked
for the parameters: its 90 % intervals should hold 90 % of the truths (Cook, Gelman & Rubin 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cosim.calibration.emulator import Emulator
from cosim.calibration.matching import Target, explore
from cosim.calibration.waves import WIDER, Calibration, Wave, clip, reweighted
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd


def synthetic(targets: Sequence[Target], y: Array, rng: np.random.Generator) -> list[Target]:
    """Return targets whose values are `y` (float64[m]) as a survey with their errors would see it.

    An error is drawn from the two-piece normal of the target (Wallis 2014); tolerances move along.
    """
    moved = []
    for target, truth in zip(targets, y, strict=True):
        below, above = target.deviations
        side = rng.random() < below / (below + above)
        # The target's density is that of a figure given the truth: below the truth is above it.
        error = abs(rng.normal()) * (below if side else above) * (1.0 if side else -1.0)
        value = float(truth + error)
        low, high = value - (target.value - target.low), value + (target.high - target.value)
        moved.append(replace(target, value=value, low=low, high=high))
    return moved


def recover(
    done: Calibration, truths: int = 12, draws: int = 100, level: float = 0.9, seed: int = 1
) -> pd.DataFrame:
    """Recover known parameters from synthetic surveys.

    Parameters
    ----------
    done : a calibration, whose waves train the emulator and are where truths are taken from
    truths : synthetic surveys
    draws : sets simulated for each of them

    Returns
    -------
    DataFrame : truth, parameter, value, low, high, mean (of the posterior), prior_low, prior_high,
        covered, proposed (covered by the proposal, before the draws are weighted), rank (of the
        truth among the posterior), effective (draws)
    """
    import pandas as pd

    emulator = done.emulator()
    rng = np.random.default_rng((seed, 11))
    pool = next(wave for wave in done.waves if wave.name == "wave-1")
    order = rng.permutation(np.flatnonzero(np.isfinite(pool.y).all(axis=1)))[:truths]
    edge = (1.0 - level) / 2.0
    prior = done.free.values(np.array([[edge] * len(done.free), [1.0 - edge] * len(done.free)]))
    rows = []
    for k, chosen in enumerate(order):
        targets = synthetic(done.targets, pool.y[chosen], rng)
        wave, weights = _posterior(done, emulator, targets, k, draws)
        values = done.free.values(wave.u)
        truth = done.free.values(pool.u[chosen][None])[0]
        effective = 1.0 / (weights**2).sum()
        for p, name in enumerate(done.free.names):
            low, high = _quantiles(values[:, p], weights, (edge, 1.0 - edge))
            least, most = np.quantile(values[:, p], (edge, 1.0 - edge))
            rows.append({
                "truth": k, "parameter": name, "value": truth[p], "low": low, "high": high,
                "mean": float((weights * values[:, p]).sum()),
                "prior_low": prior[0, p], "prior_high": prior[1, p],
                "covered": bool(low <= truth[p] <= high),
                "proposed": bool(least <= truth[p] <= most),
                "rank": float(weights[values[:, p] < truth[p]].sum()), "effective": effective,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _posterior(
    done: Calibration, emulator: Emulator, targets: Sequence[Target], k: int, draws: int
) -> tuple[Wave, Array]:
    """Return the weighted draws of one synthetic survey."""
    start = done.walkers(targets, emulator)
    u = explore(targets, emulator, start, draws, WIDER, done.seed + 200 + k, done.sizes.steps // 2)
    wave = done.run(f"truth-{k:02d}", u)
    done.waves.remove(wave)
    return wave, clip(reweighted(targets, emulator, wave, done.luck))


def _quantiles(values: Array, weights: Array, at: Sequence[float]) -> Array:
    order = np.argsort(values)
    middle = np.cumsum(weights[order]) - weights[order] / 2.0
    return np.interp(at, middle, values[order])
