"""A cheap stand-in for the model: what every target would be at a set of parameters not yet run.

An ensemble of small neural networks on the prior quantiles, each trained on all runs but one fold
(Lakshminarayanan, Pritzel & Blundell 2017); its error is that of the folds left out. Shares are
learnt on the logit. In the waves of the real calibration its error was half that of a quadratic
regression and of a Gaussian process with one length; what it misses is its own variance, and no
posterior rests on it alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cosim.errors import CosimError
from cosim.state import Array

#: Shares are kept this far from 0 and 1 before the logit.
EDGE = 0.004
#: Runs that a target needs before it is learnt.
FEWEST = 40
#: Networks, hence folds, and the neurons of their two layers.
MEMBERS, NEURONS = 6, (64, 64)


def _logit(y: Array) -> Array:
    y = np.clip(y, EDGE, 1.0 - EDGE)
    return np.asarray(np.log(y / (1.0 - y)))


@dataclass(frozen=True)
class Emulator:
    """Predicts m targets, as means over luck, at prior quantiles.

    Attributes
    ----------
    layers : (weights, bias) of each layer of all networks, float64[members, inputs, outputs] and
        float64[members, 1, outputs]
    centre, scale : float64[m], what the networks' outputs are scaled by, on the logit for shares
    missed : variance of what it gets wrong, luck excepted, float64[m], on the same scale
    on_logit : bool[m], which targets are shares
    scores : R² of each on the folds left out, float64[m]
    """

    layers: tuple[tuple[Array, Array], ...]
    centre: Array
    scale: Array
    missed: Array
    on_logit: Array
    scores: Array

    def predict(self, u: Array) -> tuple[Array, Array]:
        """Return mean and variance of the targets at `u` (float64[n, k]), both float64[n, m]."""
        y = _forward(self.layers, u).mean(axis=0) * self.scale + self.centre
        share = 1.0 / (1.0 + np.exp(-np.clip(y, -30.0, 30.0)))
        steepness = np.where(self.on_logit, share * (1.0 - share), 1.0)
        return np.where(self.on_logit, share, y), self.missed * steepness**2


def _forward(layers: Sequence[tuple[Array, Array]], u: Array) -> Array:
    """Return the outputs of every network, float64[members, n, m]."""
    x = (2.0 * u - 1.0)[None]
    for weights, bias in layers[:-1]:
        x = np.tanh(x @ weights + bias)
    weights, bias = layers[-1]
    return np.asarray(x @ weights + bias)


def fit(u: Array, y: Array, on_logit: Sequence[bool], luck: Array, seed: int = 1) -> Emulator:
    """Train an emulator on runs.

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
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    flags = np.array(on_logit, dtype=bool)
    known = np.isfinite(y)
    if (known.sum(axis=0) < FEWEST).any():
        target = int(np.argmin(known.sum(axis=0)))
        raise CosimError("too few runs for an emulator", key=f"target {target}",
                         found=int(known[:, target].sum()), expected=f"{FEWEST} or more"
                         )  # fmt: skip
    z = np.where(flags, _logit(y), y)
    centre, scale = np.nanmean(z, axis=0), np.nanstd(z, axis=0) + 1e-12
    z = np.where(known, (z - centre) / scale, 0.0)
    fold = np.random.default_rng(seed).permutation(len(u)) % MEMBERS
    networks = []
    error = np.empty_like(z)
    for k in range(MEMBERS):
        network = MLPRegressor(
            hidden_layer_sizes=NEURONS, activation="tanh", alpha=1.0, learning_rate_init=3e-3,
            max_iter=500, early_stopping=True, n_iter_no_change=25, random_state=seed + k,
        )  # fmt: skip
        with warnings.catch_warnings():  # to stop after `max_iter` is no fault: `missed` tells
            warnings.simplefilter("ignore", ConvergenceWarning)
            network.fit(2.0 * u[fold != k] - 1.0, z[fold != k])
        networks.append(list(zip(network.coefs_, network.intercepts_, strict=True)))
        error[fold == k] = network.predict(2.0 * u[fold == k] - 1.0).reshape(-1, y.shape[1])
    error -= z
    layers = tuple(
        (np.array([network[layer][0] for network in networks]),
         np.array([network[layer][1] for network in networks])[:, None])
        for layer in range(len(NEURONS) + 1)
    )  # fmt: skip
    wrong = np.nanmean(np.where(known, error, np.nan) ** 2, axis=0)
    slope = np.where(flags, np.clip(y * (1.0 - y), EDGE, None), 1.0)
    by_luck = np.nanmedian(np.where(known, luck / slope**2, np.nan), axis=0) / scale**2
    missed = np.maximum(0.05 * wrong, wrong - by_luck) * scale**2
    return Emulator(layers, centre, scale, missed, flags, 1.0 - wrong)
