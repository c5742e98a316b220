"""What calibration may move: the ledger's rows with a prior, and what was believed of them before.

A row with `prior` is free. Its prior lies on the row's range: a modified PERT distribution with its
mode at the cited value (Vose 2008), or a uniform one where nothing was known (`prior = "uniform"`).
Most cited effects come from clinics, laboratories and other countries: the PERT is a flat one.
Calibration works on the unit cube of prior quantiles, on which every prior is uniform.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cosim.parameters import PARAMETERS
from cosim.state import Array

#: Free parameters that one rival rule alone reads.
RIVAL = {"imitation-bounded": ("confidence_width",), "trust-beta": ("trust_memory",)}

#: How much a cited value weighs in its prior: 4 is the usual PERT, 0 a uniform distribution.
WEIGHT = 1.0


@dataclass(frozen=True)
class Priors:
    """The free parameters of one set of rules, k of them, and the way to the unit cube.

    Examples
    --------
    >>> free = priors()
    >>> import numpy as np
    >>> u = np.full((2, len(free)), 0.5)
    >>> bool(np.allclose(free.quantiles(free.values(u)), u))
    True
    """

    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def bounds(self) -> Array:
        """Range of each parameter, float64[k, 2]."""
        return np.array([(PARAMETERS[name].low, PARAMETERS[name].high) for name in self.names])

    @cached_property
    def shapes(self) -> Array:
        """Shapes (a, b) of the Beta distribution of each on its range, float64[k, 2]."""
        shapes = np.ones((len(self), 2))
        for k, name in enumerate(self.names):
            mode = PARAMETERS[name].prior
            if not isinstance(mode, str) and mode is not None:
                low, high = self.bounds[k]
                shapes[k] += np.array([mode - low, high - mode]) * WEIGHT / (high - low)
        return shapes

    def values(self, u: Array) -> Array:
        """Return the parameters at prior quantiles `u`, both float64[n, k]."""
        from scipy.stats import beta

        low, high = self.bounds.T
        return np.asarray(low + (high - low) * beta.ppf(u, *self.shapes.T))

    def quantiles(self, values: Array) -> Array:
        """Return the prior quantiles of parameters, both float64[n, k]."""
        from scipy.stats import beta

        low, high = self.bounds.T
        return np.asarray(beta.cdf((values - low) / (high - low), *self.shapes.T))

    def named(self, row: Array) -> dict[str, float]:
        """Return one set of parameters by name, from float64[k]."""
        return dict(zip(self.names, map(float, row), strict=True))


def priors(rules: str = "default") -> Priors:
    """Return the free parameters of a set of rules, in the order of the ledger."""
    own = {name for names in RIVAL.values() for name in names} - set(RIVAL.get(rules, ()))
    return Priors(
        tuple(n for n, row in PARAMETERS.items() if row.prior is not None and n not in own)
    )
