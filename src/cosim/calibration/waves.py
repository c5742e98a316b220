"""The way to a posterior: waves of history matching, then weighted draws, every run stored.

    wave 0      Latin hypercube of the prior, or a given design, one replicate each
    wave 1      uniform on what the emulator of the waves before does not rule out
    wave 2, …   the emulator's posterior at a falling temperature
    luck        many replicates of the best set: what is chance in a target
    draws       the emulator's posterior, a little wider (`WIDER`); each simulated several times and
                weighted by its likelihood over that of the proposal: populations of approximate
                Bayesian computation with Gaussian errors (Beaumont et al. 2009; Wilkinson 2013).
                A further population is proposed by an emulator that has learnt from those before

A stored part is never simulated again: stop it anywhere and call it again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cosim.calibration.emulator import Emulator, fit
from cosim.calibration.matching import (
    CUTOFF,
    Target,
    explore,
    implausibility,
    log_likelihood,
)
from cosim.calibration.priors import Priors, priors
from cosim.errors import CosimError
from cosim.state import Array

#: Gives the targets of one replicate: (parameters, number of the luck) -> float64[m].
Simulator = Callable[[Mapping[str, float], int], Array]
#: Sets of parameters in one stored part.
PART = 50
#: Temperature at which draws are proposed: wider than the posterior, as importance sampling needs.
WIDER = 1.3
#: One draw in so many has the highest weight, once weights are clipped.
CLIPPED = 4
#: Steps before it are waves: the sampler's seed of a population of draws.
_DRAWS = 99
#: Walkers of the emulator's sampler for each free parameter.
WALKERS = 8


@dataclass(frozen=True)
class Sizes:
    """How much is simulated: sets of each wave, replicates of the luck and of each draw."""

    first: int = 800
    ruled: tuple[int, ...] = (400,)
    warm: tuple[int, ...] = (400, 500, 600)
    temperatures: tuple[float, ...] = (4.0, 1.5, 1.2)
    luck: int = 24
    draws: tuple[int, ...] = (900, 600)
    replicates: int = 3
    kept: int = 256
    steps: int = 4000


@dataclass
class Wave:
    """Sets of parameters and what they gave.

    Attributes
    ----------
    u : float64[n, k], prior quantiles
    y : float64[n, m], targets, means over `replicates`
    """

    name: str
    u: Array
    y: Array
    replicates: int


@dataclass
class Calibration:
    """Waves of one set of rules in a folder.

    Parameters
    ----------
    simulate : gives the targets of one replicate
    signature : names model and survey; parts of another one are refused
    progress : called with (wave, sets done, sets in all)
    design : float64[n, k], prior quantiles of wave 0 (default: a Latin hypercube)
    """

    folder: Path
    targets: Sequence[Target]
    simulate: Simulator
    free: Priors = field(default_factory=priors)
    sizes: Sizes = field(default_factory=Sizes)
    seed: int = 1
    workers: int | None = None
    signature: str = ""
    progress: Callable[[str, int, int], None] | None = None
    design: Array | None = None
    waves: list[Wave] = field(default_factory=list)
    populations: list[tuple[Wave, Emulator]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    # -- stored runs ----------------------------------------------------------------------

    def _check(self) -> None:
        """Write what the folder is about, or refuse one that is about something else."""
        mine = {
            "signature": self.signature,
            "seed": self.seed,
            "sizes": json.loads(json.dumps(asdict(self.sizes))),
            "parameters": list(self.free.names),
            "targets": [asdict(target) for target in self.targets],
        }
        path = self.folder / "calibration.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(path, json.dumps(mine, indent=1, ensure_ascii=False).encode())
            return
        except ValueError as error:
            raise CosimError("not a calibration", where=path, found=str(error)) from None
        for key, value in mine.items():
            if found.get(key) != value:
                raise CosimError(
                    "the folder holds another calibration: its runs cannot be mixed with these",
                    where=self.folder, key=key, expected="a new folder",
                )  # fmt: skip

    def _part(self, name: str, first: int, u: Array, replicates: int, pool: Any) -> Array:
        """Return the targets of some sets, stored or simulated and stored."""
        import pandas as pd

        path = self.folder / f"{name}-{first:05d}.parquet"
        values = self.free.values(u)
        if path.exists():
            stored = pd.read_parquet(path)
            # Another machine's sampler may have proposed other sets: those are run again.
            if np.allclose(stored[list(self.free.names)].to_numpy(), values, rtol=1e-9, atol=0.0):
                return stored[[target.id for target in self.targets]].to_numpy()
        jobs = [
            (self.free.named(row), number)
            for k, row in enumerate(values)
            for number in numbers(self.seed, name, first + k, replicates)
        ]
        rows = np.array(list(pool.map(lambda job: self.simulate(*job), jobs)))
        y = nanmean(rows.reshape(len(u), replicates, -1))
        table = pd.DataFrame(values, columns=list(self.free.names))
        for k, target in enumerate(self.targets):
            table[target.id] = y[:, k]
        partial = path.with_suffix(".tmp")
        table.to_parquet(partial, index=False)
        partial.replace(path)
        return y

    def run(self, name: str, u: Array, replicates: int = 1) -> Wave:
        """Simulate the sets at prior quantiles `u`, those that are not stored yet."""
        parts = []
        with ThreadPoolExecutor(self.workers or os.cpu_count() or 1) as pool:
            for first in range(0, len(u), PART):
                parts.append(self._part(name, first, u[first : first + PART], replicates, pool))
                if self.progress:
                    self.progress(name, min(first + PART, len(u)), len(u))
        wave = Wave(name, u, np.concatenate(parts), replicates)
        self.waves.append(wave)
        return wave

    # -- waves ----------------------------------------------------------------------------

    def calibrate(self) -> Calibration:
        """Run every wave and the draws; return itself."""
        from scipy.stats import qmc

        self._check()
        sizes = self.sizes
        if self.design is None:
            self.design = qmc.LatinHypercube(len(self.free), rng=self.seed).random(sizes.first)
        self.run("wave-0", self.design)
        self.luck = np.zeros(len(self.targets))
        for k, n in enumerate(sizes.ruled, 1):
            self.run(f"wave-{k}", self._explored(n, None, f"wave-{k}", self.emulator(), k))
        for k, (n, t) in enumerate(
            zip(sizes.warm, sizes.temperatures, strict=True), 1 + len(sizes.ruled)
        ):
            self.run(f"wave-{k}", self._explored(n, t, f"wave-{k}", self.emulator(), k))
        self.luck = self._luck()
        for k, n in enumerate(sizes.draws):
            name, emulator = f"draws-{k}" if k else "draws", self.emulator()
            u = self._explored(n, WIDER, name, emulator, _DRAWS + k)
            self.populations.append((self.run(name, u, sizes.replicates), emulator))
        return self

    def _luck(self) -> Array:
        """Return the variance that luck gives each target of one replicate, float64[m]."""
        last = self.waves[-1]
        best = last.u[np.argmax(log_likelihood(self.targets, last.y))]
        wave = self.run("luck", np.repeat(best[None], self.sizes.luck, axis=0))
        self.waves.remove(wave)
        return np.asarray(np.nan_to_num(np.nanvar(wave.y, axis=0, ddof=1)))

    def emulator(self) -> Emulator:
        """Return the emulator of all runs so far."""
        u = np.concatenate([wave.u for wave in self.waves])
        y = np.concatenate([wave.y for wave in self.waves])
        return fit(u, y, [target.share for target in self.targets], self.luck, self.seed)

    def _explored(
        self, n: int, temperature: float | None, name: str, emulator: Emulator, step: int
    ) -> Array:
        """Return `n` sets that an emulator proposes for a wave; note what it rules out."""
        hypercube = np.random.default_rng((self.seed, step)).random((20_000, len(self.free)))
        y, variance = emulator.predict(hypercube)
        left = float((implausibility(self.targets, y, variance) < CUTOFF).mean())
        self.notes[name] = {"left": left, "scores": [round(float(x), 3) for x in emulator.scores]}
        start = self.walkers(self.targets, emulator)
        return explore(self.targets, emulator, start, n, temperature, self.seed + step,
                       self.sizes.steps)  # fmt: skip

    def walkers(self, targets: Sequence[Target], emulator: Emulator) -> Array:
        """Return where walkers begin: the sets so far that the emulator holds for the best."""
        known = np.concatenate([wave.u for wave in self.waves])
        order = np.argsort(-log_likelihood(targets, *emulator.predict(known)))
        return np.asarray(known[np.resize(order, WALKERS * len(self.free))])

    # -- posterior ------------------------------------------------------------------------

    @cached_property
    def draws(self) -> Wave:
        """All populations of draws as one wave."""
        waves = [wave for wave, _ in self.populations]
        return Wave(
            "draws", np.concatenate([wave.u for wave in waves]),
            np.concatenate([wave.y for wave in waves]), self.sizes.replicates,
        )  # fmt: skip

    @cached_property
    def weights(self) -> Array:
        """Weight of each of the draws, float64[n]; they sum to 1.

        Every population estimates the same posterior: each counts by its effective number.
        """
        parts = [
            reweighted(self.targets, emulator, wave, self.luck)
            for wave, emulator in self.populations
        ]
        worth = np.array([1.0 / (part**2).sum() for part in parts])
        return np.concatenate(
            [part * x for part, x in zip(parts, worth / worth.sum(), strict=True)]
        )

    @cached_property
    def clipped(self) -> Array:
        """The weights with the highest ones made equal, float64[n]; they sum to 1.

        What summaries and the sample are made with: few noisy draws would otherwise carry it, and
        its intervals would be too narrow (Koblents & Míguez 2015).
        """
        return clip(self.weights)

    @property
    def effective(self) -> float:
        """Effective number of draws (Kish 1965), after the weights are clipped."""
        return float(1.0 / (self.clipped**2).sum())

    def sample(self) -> Array:
        """Return the posterior sample, equal weights, by systematic resampling, float64[n, k]."""
        rng = np.random.default_rng((self.seed, 7))
        n = self.sizes.kept
        places = (rng.random() + np.arange(n)) / n
        chosen = np.searchsorted(np.cumsum(self.clipped), places)
        chosen = np.minimum(chosen, len(self.clipped) - 1)
        return np.asarray(rng.permutation(self.free.values(self.draws.u[chosen])))


def numbers(seed: int, wave: str, k: int, replicates: int) -> range:
    """Return the numbers of the luck of set `k` of a wave, one per replicate."""
    base = int(hashlib.sha256(f"{seed} {wave}".encode()).hexdigest()[:7], 16)
    return range(base + k * replicates, base + (k + 1) * replicates)


def reweighted(targets: Sequence[Target], emulator: Emulator, wave: Wave, luck: Array) -> Array:
    """Return the weight of each set of a wave that the emulator proposed, float64[n].

    Its likelihood over that of the proposal, truncated so that no single lucky draw carries the
    sample (Ionides 2008). What the set gives is what was simulated and what the emulator expects,
    each weighted by its precision: the emulator, updated with the runs of that set.
    """
    y, variance = emulator.predict(wave.u)
    chance = luck / wave.replicates + 1e-12
    share = variance / (variance + chance)
    updated = np.where(np.isnan(wave.y), y, share * wave.y + (1.0 - share) * y)
    true = log_likelihood(targets, updated, share * chance)
    log = true - log_likelihood(targets, y, variance) / WIDER
    weights = np.exp(log - log.max())
    weights = np.minimum(weights, weights.mean() * np.sqrt(len(weights)))
    return np.asarray(weights / weights.sum())


def clip(weights: Array) -> Array:
    """Return weights whose highest quarter is made equal to its lowest member; they sum to 1."""
    bound = np.sort(weights)[-max(1, len(weights) // CLIPPED)]
    clipped = np.minimum(weights, bound)
    return np.asarray(clipped / clipped.sum())


def nanmean(values: Array) -> Array:
    """Return the mean over the second axis of what is not NaN, NaN where nothing is left."""
    known = np.isfinite(values)
    n = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def _write(path: Path, content: bytes) -> None:
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    partial.write_bytes(content)
    partial.replace(path)
