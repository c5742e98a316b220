"""Which parameters are not ruled out: targets as measured, implausibility, the posterior's density.

A target is the published figure with a two-piece normal error (Wallis 2014): its tolerance is read
as a 95 % interval, of which the survey's error (the fact `survey_error`) is a part and the rest the
model's discrepancy (Kennedy & O'Hagan 2001). History matching rules out what lies beyond `CUTOFF`
standard deviations of observation, discrepancy, luck and emulator together (Craig et al. 1997;
Vernon et al. 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cosim import facts
from cosim.calibration.emulator import Emulator
from cosim.state import Array

#: Implausibility beyond which a set of parameters is ruled out (three-sigma rule, Pukelsheim 1994).
CUTOFF = 3.0
_Z95 = 1.959964


@dataclass(frozen=True)
class Target:
    """One number that the model should give.

    Attributes
    ----------
    id : code of the fact, with its part where it has several ("C7 mécénat")
    measure : formula of `cosim.calibration.language`
    scenario : of `survey.SCENARIOS`
    value, low, high : published figure and tolerance
    share : whether it lies between 0 and 1 (a change does not)
    """

    id: str
    measure: str
    scenario: str
    value: float
    low: float
    high: float
    share: bool

    @property
    def deviations(self) -> tuple[float, float]:
        """Standard deviations below and above the value: survey and discrepancy together."""
        least = float(facts.fact("survey_error").values[0]) / _Z95
        return (
            max((self.value - self.low) / _Z95, least),
            max((self.high - self.value) / _Z95, least),
        )


def standardised(targets: Sequence[Target], y: Array, variance: Array | float = 0.0) -> Array:
    """Return (y - value) / deviation of each target, float64[n, m].

    Parameters
    ----------
    y : float64[n, m]
    variance : of luck and emulator, added to that of the target, float64[n, m] or one number
    """
    value = np.array([target.value for target in targets])
    below, above = np.array([target.deviations for target in targets]).T
    deviation = np.where(y < value, below, above)
    return np.asarray((y - value) / np.sqrt(deviation**2 + variance))


def implausibility(targets: Sequence[Target], y: Array, variance: Array | float = 0.0) -> Array:
    """Return the second largest |standardised| of each row, float64[n] (Vernon et al. 2010).

    The second largest, since the largest of many targets is one emulator's worst guess.
    """
    z = np.abs(standardised(targets, y, variance))
    return np.asarray(np.sort(np.where(np.isnan(z), np.inf, z), axis=1)[:, -2])


def log_likelihood(targets: Sequence[Target], y: Array, variance: Array | float = 0.0) -> Array:
    """Return the log density of the published figures given predictions `y`, float64[n].

    Up to a constant: two-piece normal errors, independent, widened by `variance`. A target
    without a value counts as one at the edge of what is plausible.
    """
    z = standardised(targets, y, variance)
    z = np.where(np.isnan(z), CUTOFF, z)
    below, above = np.array([target.deviations for target in targets]).T
    widened = (np.sqrt(below**2 + variance) + np.sqrt(above**2 + variance)) / (below + above)
    return np.asarray(-0.5 * (z**2).sum(axis=1) - np.log(widened * np.ones_like(z)).sum(axis=1))


def explore(
    targets: Sequence[Target],
    emulator: Emulator,
    start: Array,
    n: int,
    temperature: float | None,
    seed: int,
    steps: int = 3000,
) -> Array:
    """Return `n` prior quantiles drawn by the emulator, float64[n, k].

    From the posterior at a temperature (its logarithm divided by it), or, with None, uniformly
    from what is not ruled out. Differential evolution and snooker moves of an ensemble of walkers
    (ter Braak & Vrugt 2008) by emcee.

    Parameters
    ----------
    start : float64[walkers, k], where the walkers begin, or next to it: no two at one place
    """
    import emcee

    def density(u: Array) -> Array:
        inside = ((u > 0.0) & (u < 1.0)).all(axis=1)
        y, variance = emulator.predict(np.clip(u, 0.0, 1.0))
        if temperature is None:
            excess = np.maximum(0.0, implausibility(targets, y, variance) - CUTOFF)
            log = -0.5 * (excess / 0.05) ** 2
        else:
            log = log_likelihood(targets, y, variance) / temperature
        return np.where(inside, log, -np.inf)

    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.2)]
    random = np.random.RandomState(seed)
    start = np.clip(start + random.normal(0.0, 0.01, start.shape), 1e-6, 1.0 - 1e-6)
    sampler = emcee.EnsembleSampler(*start.shape, density, moves=moves, vectorize=True)
    sampler.random_state = random.get_state()
    sampler.run_mcmc(start, steps)
    chain = sampler.get_chain(discard=steps // 2, flat=True)
    keep = np.linspace(0, len(chain) - 1, n).astype(int)
    return np.asarray(chain[keep])
