"""Sensitivity: which factors an outcome depends on, and how much of its spread is luck.

Screening by elementary effects (Morris 1991; Campolongo, Cariboni & Saltelli 2007) and variance
indices (Sobol' 1993; estimators of Saltelli et al. 2010 and Jansen 1999), both by SALib, on the
means over replicates.

Luck is keyed: replicate k meets the same luck at every point, so a dummy factor that changes
nothing would have an index of exactly 0, while any real one stirs the luck. The dummy is therefore
other luck and nothing else: where the design moves it, one half of the replicates is compared with
the other. A factor counts when its interval lies above that of the dummy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim.errors import CosimError, ResultsError, nearest
from cosim.parameters import PARAMETERS
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd

    from cosim.calibration.posterior import Posterior
    from cosim.experiment.document import Experiment

__all__ = [
    "DUMMY", "KINDS", "Luck", "Sensitivity", "Stratum", "analyse", "luck", "luck_apart", "morris",
    "ranges", "sobol", "strata",
]  # fmt: skip

#: The factor that is luck alone.
DUMMY = "dummy"
#: Designs that can be analysed.
KINDS = ("morris", "sobol")
#: Bootstrap resamples of the intervals, and their seed.
RESAMPLES, SEED = 1000, 1


# -- luck and parameters ------------------------------------------------------------------


class Luck(NamedTuple):
    """Variance of an outcome, by origin.

    Parameters
    ----------
    factors : between points, luck taken away
    common : of the luck of a replicate, where it moves every point alike
    own : of the luck of a replicate that differs from point to point
    replicates : of each point
    """

    factors: float
    common: float
    own: float
    replicates: int

    @property
    def share(self) -> float:
        """Share of the variance of single runs that is due to luck; 0 where nothing varies."""
        total = self.factors + self.common + self.own
        return (self.common + self.own) / total if total else 0.0

    @property
    def left(self) -> float:
        """Share of the variance between means of points that is due to luck: what inflates
        indices; 0 where nothing varies."""
        noise = self.own / self.replicates
        return noise / (self.factors + noise) if noise else 0.0


def luck(values: Array) -> Luck:
    """Return how much of the variance is due to factors, and to luck.

    Two-way crossed random-effects analysis of variance, points × replicates, without repetition:
    Searle, Casella & McCulloch (1992), *Variance Components*, ch. 4 (replicates are the same luck
    at every point, hence crossed and not nested). A negative estimate counts as 0. Where factors
    scale what luck does, that counts as luck.

    Parameters
    ----------
    values : float64[points, replicates], both at least 2

    Raises
    ------
    ResultsError : fewer than two points or replicates
    """
    n, r = values.shape
    if n < 2 or r < 2:
        raise ResultsError("luck cannot be told from factors", key="replicates",
                           found=f"{n} points, {r} replicates",
                           expected="at least 2 of each")  # fmt: skip
    rest = _centred(values) - (values.mean(axis=1, keepdims=True) - values.mean())
    own = float(np.square(rest).sum() / ((n - 1) * (r - 1)))
    between = float(r * values.mean(axis=1).var(ddof=1))
    common = float(n * values.mean(axis=0).var(ddof=1))
    return Luck(max(0.0, (between - own) / r), max(0.0, (common - own) / n), own, r)


def luck_apart(values: Array) -> Array:
    """Return what other luck would change in the mean of each point, float64[points].

    The difference between the means of the first and the other half of the replicates, less what
    it is on average over points (which moves all of them alike), on the scale of a difference
    between two means of all replicates.
    """
    r = values.shape[1]
    first, other = r // 2, r - r // 2
    halves = _centred(values)
    apart = halves[:, :first].mean(axis=1) - halves[:, first:].mean(axis=1)
    scale = np.sqrt((2.0 / r) / (1.0 / first + 1.0 / other))
    return np.asarray(scale * apart, dtype=np.float64)


def _centred(values: Array) -> Array:
    """Return the values less the mean of their replicate over points."""
    return np.asarray(values - values.mean(axis=0, keepdims=True), dtype=np.float64)


# -- indices ------------------------------------------------------------------------------


def morris(unit: Array, values: Array, names: Sequence[str], levels: int = 4) -> pd.DataFrame:
    """Return the elementary effects of each factor.

    Parameters
    ----------
    unit : float64[points, factors], trajectories of `SALib.sample.morris`, 0 to 1, one after the
        other
    values : float64[points, replicates]
    names : of the factors; the last one is `DUMMY`
    levels : of the grid

    Returns
    -------
    DataFrame : factor; mu (mean effect of going through the whole range), mu_star (mean of its
    absolute value) with low and high (95 %, bootstrap of trajectories), sigma (standard deviation:
    interactions and curvature); above_noise. In the unit of the outcome.
    """
    import pandas as pd

    analysis = _salib("morris")
    size = len(names) + 1
    y = values.mean(axis=1).reshape(-1, size)
    moved = np.diff(unit[:, -1].reshape(-1, size), axis=1) != 0.0
    steps = np.argmax(moved, axis=1) + 1
    # From the step of the dummy on, the trajectory lives in other luck.
    rows = np.arange(len(y))
    shift = luck_apart(values).reshape(-1, size)[rows, steps] - (
        y[rows, steps] - y[rows, steps - 1]
    )
    y = y + np.where(np.arange(size) >= steps[:, None], shift[:, None], 0.0)
    found = analysis.analyze(
        _problem(names), unit, y.reshape(-1), num_resamples=RESAMPLES, num_levels=levels, seed=SEED
    )
    table = pd.DataFrame(
        {
            "factor": list(names),
            "mu": np.asarray(found["mu"], dtype=np.float64),
            "mu_star": np.asarray(found["mu_star"], dtype=np.float64),
            "sigma": np.asarray(found["sigma"], dtype=np.float64),
        }
    )
    half = np.asarray(found["mu_star_conf"], dtype=np.float64)
    return _judged(table, "mu_star", half, "low", "high")


def sobol(values: Array, names: Sequence[str]) -> pd.DataFrame:
    """Return the variance indices of each factor.

    Parameters
    ----------
    values : float64[points, replicates], in the order of `SALib.sample.sobol` without second order
    names : of the factors; the last one is `DUMMY`

    Returns
    -------
    DataFrame : factor; first with first_low, first_high (share of the variance of the mean that
    goes if the factor were known); total with low, high (share that stays if all others were
    known); 95 % intervals (bootstrap of base samples); above_noise, by the total index.
    """
    import pandas as pd

    analysis = _salib("sobol")
    size = len(names) + 2
    y = values.mean(axis=1).reshape(-1, size)
    # The sample that moves the dummy alone differs from the first one by its luck.
    y[:, size - 2] = y[:, 0] + luck_apart(values).reshape(-1, size)[:, 0]
    table = pd.DataFrame({"factor": list(names)})
    if np.ptp(y) == 0.0:
        found = dict.fromkeys(("S1", "S1_conf", "ST", "ST_conf"), np.zeros(len(names)))
    else:
        found = analysis.analyze(
            _problem(names), y.reshape(-1), calc_second_order=False, num_resamples=RESAMPLES,
            seed=SEED,
        )  # fmt: skip
    table["first"] = found["S1"]
    table["first_low"] = found["S1"] - found["S1_conf"]
    table["first_high"] = found["S1"] + found["S1_conf"]
    table["total"] = found["ST"]
    return _judged(table, "total", np.asarray(found["ST_conf"]), "low", "high")


def _judged(table: pd.DataFrame, index: str, half: Array, low: str, high: str) -> pd.DataFrame:
    """Add the interval of an index, and whether it lies above that of the dummy."""
    table[low] = table[index] - half
    table[high] = table[index] + half
    noise = float(table.loc[table["factor"] == DUMMY, high].iloc[0])
    table["above_noise"] = (table[low] > noise) & (table["factor"] != DUMMY)
    return table


def _problem(names: Sequence[str]) -> dict[str, Any]:
    return {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}


def _salib(method: str) -> Any:
    """Return SALib's analysis of that name."""
    from importlib import import_module

    try:
        return import_module(f"SALib.analyze.{method}")
    except ImportError:
        raise CosimError("SALib is not installed", key=method,
                         expected="pip install 'cosim[experiments]'") from None  # fmt: skip


# -- ranges -------------------------------------------------------------------------------


def ranges(sample: Posterior, coverage: float = 0.9) -> dict[str, tuple[float, float]]:
    """Return what a calibration leaves to each parameter once the others are known.

    Factors of these designs are independent, calibrated parameters are not: laid over one another,
    their own intervals make worlds that the calibration excludes. So a range is the default ± the
    conditional deviation of the sample (residual of the regression on all other parameters; normal
    approximation, an assumption), cut at the ledger's range.

    Parameters
    ----------
    sample : more sets than parameters
    coverage : of the interval, more than 0 and less than 1
    """
    from scipy.special import ndtri

    n, k = sample.values.shape
    precision = np.linalg.inv(np.cov(sample.values, rowvar=False))
    deviations = np.sqrt((n - 1) / (n - k) / np.diag(precision))
    half = float(ndtri((1.0 + coverage) / 2.0)) * deviations
    found = {}
    for name, reach in zip(sample.names, half.tolist(), strict=True):
        row = PARAMETERS[name]
        found[name] = (max(row.low, row.default - reach), min(row.high, row.default + reach))
    return found


# -- of an experiment ---------------------------------------------------------------------


class Stratum(NamedTuple):
    """What was measured at one combination of crossed levels.

    Parameters
    ----------
    labels : crossed factor -> level
    unit : float64[samples, sampled factors], where each sample stands in the ranges, 0 to 1
    values : float64[samples, replicates], NaN where a run failed or has no number
    """

    labels: dict[str, str | float]
    unit: Array
    values: Array


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """The indices of one outcome or contrast, at one combination of crossed levels.

    Parameters
    ----------
    kind : of `KINDS`
    name : of the outcome or contrast
    labels : crossed factor -> level
    table : see `morris`, `sobol`
    luck : whose variance it is
    blocks : trajectories, or base samples, that were used
    dropped : those that were not, for want of a run
    """

    kind: str
    name: str
    labels: dict[str, str | float]
    table: pd.DataFrame
    luck: Luck
    blocks: int
    dropped: int

    @property
    def index(self) -> str:
        """The column that ranks factors."""
        return "mu_star" if self.kind == "morris" else "total"

    @property
    def ranked(self) -> pd.DataFrame:
        """The table, most important factor first, the dummy last."""
        order = self.table.assign(_last=self.table["factor"] == DUMMY)
        ranked = order.sort_values(["_last", self.index], ascending=[True, False], kind="stable")
        return ranked.drop(columns="_last").reset_index(drop=True)


def analyse(experiment: Experiment, runs: pd.DataFrame, name: str) -> list[Sensitivity]:
    """Return the sensitivity of an outcome or contrast, one for each crossed combination.

    A trajectory, or a base sample, that lacks a number is left out whole.

    Parameters
    ----------
    runs : as `Store.runs`
    name : of an outcome, or of a contrast (between arms that are crossed with the samples)

    Raises
    ------
    ResultsError : the design is neither Morris nor Sobol; one replicate; too few whole blocks
    """
    from cosim.experiment import design

    kind = experiment.design.kind
    if kind not in KINDS:
        raise ResultsError("this design has no sensitivity indices", key="design.kind",
                           found=kind, expected=" or ".join(KINDS))  # fmt: skip
    names: list[str] = design.problem(experiment)["names"]
    size = len(names) + (1 if kind == "morris" else 2)
    made = []
    for labels, unit, values in strata(experiment, runs, name):
        whole = np.isfinite(values).all(axis=1).reshape(-1, size).all(axis=1)
        if whole.sum() < 2:
            raise ResultsError("too many runs are missing", key=name,
                               found=f"{whole.sum()} whole of {len(whole)}",
                               expected="at least 2 trajectories or base samples without a "
                               "failure")  # fmt: skip
        kept = np.repeat(whole, size)
        parts = luck(values[kept])
        table = (
            morris(unit[kept], values[kept], names, experiment.design.levels)
            if kind == "morris"
            else sobol(values[kept], names)
        )
        made.append(
            Sensitivity(kind, name, labels, table, parts, int(whole.sum()), int((~whole).sum()))
        )
    return made


def strata(experiment: Experiment, runs: pd.DataFrame, name: str) -> list[Stratum]:
    """Return the values of an outcome or contrast by crossed combination, samples in order.

    Of a stopping rule, the replicates that every point has.

    Raises
    ------
    ResultsError : no such outcome or contrast
    """
    import pandas as pd

    from cosim.experiment import contrasts, design

    names = design.problem(experiment)["names"]
    apart = [one for one in experiment.made if one not in names]
    if name in experiment.contrasts:
        apart = [one for one in apart if one != experiment.arms]
        table = contrasts.per_replicate(experiment, runs)
        table = table[table["contrast"] == name]
    elif name in experiment.outcomes:
        levels = [{"point": point.number, **point.levels} for point in experiment.points]
        table = runs[["point", "replicate", name]].rename(columns={name: "value"})
        table = table.merge(pd.DataFrame(levels), on="point")
    else:
        known = [*experiment.outcomes, *experiment.contrasts]
        raise ResultsError("no such outcome or contrast", key=name, expected=", ".join(known),
                           nearest=nearest(name, known))  # fmt: skip
    unit = design.unit(experiment)
    numbers, replicates = range(len(unit)), range(experiment.least_replicates())

    def stratum(labels: tuple[Any, ...], rows: pd.DataFrame) -> Stratum:
        wide = rows.pivot(index=design.SAMPLE, columns="replicate", values="value")
        values = wide.reindex(index=numbers, columns=replicates).to_numpy(np.float64)
        return Stratum(dict(zip(apart, labels, strict=True)), unit, values)

    if not apart:
        return [stratum((), table)]
    return [stratum(labels, rows) for labels, rows in table.groupby(apart, sort=False)]


def indices_table(found: Sequence[Sensitivity]) -> pd.DataFrame:
    """Return the indices of several outcomes: outcome, crossed levels, then those of `ranked`."""
    import pandas as pd

    return pd.concat(
        [one.ranked.assign(outcome=one.name, **one.labels) for one in found], ignore_index=True
    )[["outcome", *found[0].labels, *found[0].table.columns]]


def luck_table(found: Sequence[Sensitivity]) -> pd.DataFrame:
    """Return what luck makes of several outcomes.

    Returns
    -------
    DataFrame : outcome, crossed levels; variances factors, common, own; replicates; share (of luck
    in one run), left (in the mean of the replicates); blocks, dropped
    """
    import pandas as pd

    return pd.DataFrame(
        [
            {"outcome": one.name, **one.labels, **one.luck._asdict(), "share": one.luck.share,
             "left": one.luck.left, "blocks": one.blocks, "dropped": one.dropped}
            for one in found
        ]
    )  # fmt: skip
