"""Scenario discovery: under which conditions does it happen?

The samples in which a contrast lies beyond a threshold are the cases of interest; PRIM, the patient
rule induction method (Friedman & Fisher 1999; Bryant & Lempert 2010; ema-workbench), peels the
space of the factors down to a box in which they concentrate. *Coverage* is the share of all cases
that the box holds, *density* the share of the samples in the box that are cases. Which box of the
trajectory, and which of its restrictions, is decided by rules written here, not by eye.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim import scenario_text
from cosim.effects_text import number, percent
from cosim.errors import CosimError, ResultsError
from cosim.scenario import Scenario
from cosim.scenario_file import table_of
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd

    from cosim.experiment.design import Factor
    from cosim.experiment.document import Experiment
    from cosim.scenario import Lang

__all__ = [
    "Box",
    "Discovery",
    "discover",
    "factor_label",
    "one_by_one",
    "prim",
    "sentence",
    "tested",
]

#: Least share of the samples in a box, and what one peel takes (Bryant & Lempert 2010: 0.05).
LEAST_MASS, PEEL = 0.05, 0.05
#: A restriction stays when chance would give it less often than this (quasi p-value).
SIGNIFICANT = 0.05
#: Half-samples on which a box is found again and judged on the other half, and their seed.
HALVES, SEED = 20, 1


#: factor -> (low, high), infinite where the range is not cut, or the levels that are left.
Limits = Mapping[str, tuple[float, float] | frozenset[str]]


class Box(NamedTuple):
    """Where the cases are.

    Parameters
    ----------
    limits : of the factors that it restricts, the most significant first
    chances : quasi p-value of each restriction
    inside : bool[samples]
    coverage, density, mass : shares
    """

    limits: Limits
    chances: Mapping[str, float]
    inside: Array
    coverage: float
    density: float
    mass: float

    @property
    def table(self) -> pd.DataFrame:
        """The restrictions: factor, low, high (NaN where not cut), levels ("a | b"), qp."""
        import pandas as pd

        rows = []
        for name, limit in self.limits.items():
            low, high = (np.nan, np.nan) if isinstance(limit, frozenset) else limit
            levels = sorted(limit) if isinstance(limit, frozenset) else ()
            rows.append(
                {
                    "factor": name,
                    "low": low if np.isfinite(low) else np.nan,
                    "high": high if np.isfinite(high) else np.nan,
                    "levels": " | ".join(levels),
                    "qp": self.chances[name],
                }
            )
        return pd.DataFrame(rows, columns=["factor", "low", "high", "levels", "qp"])


def prim(x: pd.DataFrame, cases: Array) -> tuple[Box | None, pd.DataFrame]:
    """Return the box in which cases concentrate, and the trajectory of peeling that led to it.

    Of the trajectory, the box with the greatest difference between the share of the cases and the
    share of the others that it holds (Youden 1950: 0 for the whole space, whatever the frequency of
    cases, 1 for a perfect box); of its restrictions, those that are significant (the least
    significant one is dropped first).

    Parameters
    ----------
    x : DataFrame of the samples: numbers, or labels of levels
    cases : bool[samples]

    Returns
    -------
    box : None where no sample, or every one, is a case, or nothing concentrates them
    trajectory : DataFrame step, coverage, density, mass, restricted (dimensions), chosen
    """
    import pandas as pd

    columns = ["step", "coverage", "density", "mass", "restricted", "chosen"]
    if not cases.any() or cases.all():
        return None, pd.DataFrame(columns=columns)
    with _quiet():
        algorithm = _library().Prim(
            x.reset_index(drop=True), cases.astype(np.float64), peel_alpha=PEEL, mass_min=LEAST_MASS
        )
        found = algorithm.find_box()
    path = found.peeling_trajectory if found is not None else None
    if path is None or len(path) < 2:
        return None, pd.DataFrame(columns=columns)
    best = int(np.argmax(_youden(path, float(cases.mean()))))
    trajectory = pd.DataFrame(
        {
            "step": range(len(path)),
            **{key: path[key].astype(float) for key in ("coverage", "density", "mass")},
            "restricted": path["res_dim"].astype(int),
            "chosen": np.arange(len(path)) == best,
        }
    )
    limits = _limits(found.box_lims[best], found.box_lims[0])
    box = _significant(limits, x, cases)
    return (box if len(box.limits) else None), trajectory


def _youden(path: pd.DataFrame, frequency: float) -> Array:
    """Return, of each box, its share of the cases less its share of the others."""
    others = path["mass"] * (1.0 - path["density"]) / (1.0 - frequency)
    return np.asarray(path["coverage"] - others, dtype=np.float64)


def _limits(box: pd.DataFrame, whole: pd.DataFrame) -> dict[str, Any]:
    """Return what a box of the library restricts; an end that is not cut is infinite."""
    made: dict[str, Any] = {}
    for name in box.columns:
        (low, high), (least, most) = box[name], whole[name]
        if isinstance(low, set):
            if low != least:
                made[name] = frozenset(low)
        elif low > least or high < most:
            made[name] = (
                float(low) if low > least else -np.inf,
                float(high) if high < most else np.inf,
            )
    return made


def _inside(x: pd.DataFrame, limits: Limits) -> Array:
    """Return which samples a box holds, bool[samples]."""
    inside = np.ones(len(x), dtype=bool)
    for name, limit in limits.items():
        values = x[name]
        inside &= np.asarray(
            values.isin(limit) if isinstance(limit, frozenset) else values.between(*limit)
        )
    return inside


def _significant(limits: dict[str, Any], x: pd.DataFrame, cases: Array) -> Box:
    """Return the box without its restrictions that chance would give.

    The quasi p-value of a restriction is the probability that as many of the samples in the box
    would be cases if they were as frequent as in the box without it (binomial; Bryant & Lempert
    2010, §3.3).
    """
    limits = dict(limits)
    while True:
        chances = {name: _quasi_p(limits, name, x, cases) for name in limits}
        worst = max(chances, key=lambda name: chances[name], default=None)
        if worst is None or chances[worst] < SIGNIFICANT:
            break
        del limits[worst]
    order = dict(sorted(limits.items(), key=lambda one: chances[one[0]]))
    inside = _inside(x, order)
    return Box(order, chances, inside, *tested(inside, cases), float(inside.mean()))


def _quasi_p(limits: Limits, name: str, x: pd.DataFrame, cases: Array) -> float:
    from scipy.stats import binom

    inside = _inside(x, limits)
    without = _inside(x, {key: limit for key, limit in limits.items() if key != name})
    rate = float(cases[without].mean()) if without.any() else 1.0
    return float(binom.sf(cases[inside].sum() - 1, inside.sum(), rate))


def tested(inside: Array, cases: Array) -> tuple[float, float]:
    """Return coverage and density of a box on some samples; NaN where there are none."""
    held = float((inside & cases).sum())
    coverage = held / cases.sum() if cases.any() else np.nan
    density = held / inside.sum() if inside.any() else np.nan
    return float(coverage), float(density)


def _library() -> Any:
    try:
        from ema_workbench.analysis import prim as library
    except ImportError:
        raise CosimError("ema-workbench is not installed", key="discover",
                         expected="pip install 'cosim[experiments]'") from None  # fmt: skip
    return library


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library from writing on the screen what is in its answer."""
    log = logging.getLogger("EMA")
    level = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)


# -- of an experiment ---------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Discovery:
    """Under which conditions a contrast lies beyond a threshold, at one crossed combination.

    Parameters
    ----------
    name : of the contrast or outcome
    fr, en : what it compares
    threshold, below : cases are below it, or above
    labels : crossed factor -> level
    ranges : factor -> its ends, of those that have some
    x : DataFrame of the samples
    values : float64[samples], means over replicates
    unsure : share of the samples whose 95 % interval holds the threshold: luck may have put them on
        either side
    box, trajectory : see `prim`
    elsewhere : coverage and density on samples that the box was not found on (mean over
        half-samples); NaN without a box
    again : factor -> share of the half-samples whose box restricts it
    """

    name: str
    fr: str
    en: str
    threshold: float
    below: bool
    labels: dict[str, str | float]
    ranges: dict[str, tuple[float, float]]
    x: pd.DataFrame
    values: Array
    unsure: float
    box: Box | None
    trajectory: pd.DataFrame
    elsewhere: tuple[float, float]
    again: dict[str, float]

    @property
    def cases(self) -> Array:
        """Which samples are cases of interest, bool[samples]."""
        return _cases(self.values, self.threshold, self.below)

    @property
    def table(self) -> pd.DataFrame:
        """The limits of the box, the range of each factor, and how often it came again.

        factor, low, high, levels, qp, least, most, again; no row without a box.
        """
        box = self.box or Box({}, {}, np.zeros(0, dtype=bool), np.nan, np.nan, np.nan)
        made = box.table
        ranges = [self.ranges.get(name, (np.nan, np.nan)) for name in made["factor"]]
        made["least"] = [least for least, _ in ranges]
        made["most"] = [most for _, most in ranges]
        made["again"] = [self.again[name] for name in made["factor"]]
        return made


def discover(
    experiment: Experiment, runs: pd.DataFrame, name: str, threshold: float, below: bool = True
) -> list[Discovery]:
    """Return where a contrast or outcome lies beyond a threshold, by crossed combination.

    Parameters
    ----------
    runs : as `Store.runs`
    name : of a contrast or outcome
    threshold : in its unit
    below : whether cases of interest are below it

    Raises
    ------
    ResultsError : not the design of a hypercube; no such name; too few samples
    """
    from cosim.experiment import design, sensitivity

    if experiment.design.kind != "lhs":
        raise ResultsError("conditions are discovered in a Latin hypercube", key="design.kind",
                           found=experiment.design.kind, expected="lhs")  # fmt: skip
    names = design.problem(experiment)["names"]
    contrast = experiment.contrasts.get(name)
    fr, en = (contrast.fr or name, contrast.en or name) if contrast else (name, name)
    factors = {name: experiment.made[name] for name in names}
    ranges = {name: (one.low, one.high) for name, one in factors.items() if one.is_range}
    made = []
    for labels, unit, values in sensitivity.strata(experiment, runs, name):
        whole = np.isfinite(values).any(axis=1)
        if whole.sum() < 20:
            raise ResultsError("too few samples", key=name, found=int(whole.sum()),
                               expected="at least 20 with a number")  # fmt: skip
        x = _levels(factors, unit)[whole].reset_index(drop=True)
        values = values[whole]
        mean = np.nanmean(values, axis=1)
        cases = _cases(mean, threshold, below)
        box, trajectory = prim(x, cases)
        elsewhere, again = _resampled(x, cases) if box else ((np.nan, np.nan), {})
        made.append(
            Discovery(name, fr, en, threshold, below, labels, ranges, x, mean,
                      _unsure(values, threshold), box, trajectory, elsewhere, again)
        )  # fmt: skip
    return made


def _cases(values: Array, threshold: float, below: bool) -> Array:
    return np.asarray(values < threshold if below else values > threshold)


def _levels(factors: Mapping[str, Factor], unit: Array) -> pd.DataFrame:
    """Return the samples in the units of their factors; labels for levels."""
    import pandas as pd

    columns: dict[str, pd.Series[Any]] = {}
    for (name, factor), shares in zip(factors.items(), unit.T.tolist(), strict=True):
        if factor.is_range:
            columns[name] = pd.Series([factor.at(share) for share in shares], dtype=np.float64)
        else:
            labels = [factor.labels[factor.level(share)] for share in shares]
            columns[name] = pd.Series(labels, dtype=object)
    return pd.DataFrame(columns)


def _unsure(values: Array, threshold: float) -> float:
    """Return the share of the samples whose 95 % interval of the mean holds the threshold."""
    from scipy.special import stdtrit

    n = np.isfinite(values).sum(axis=1)
    if (n < 2).any():
        return float("nan")
    half = stdtrit(n - 1, 0.975) * np.nanstd(values, axis=1, ddof=1) / np.sqrt(n)
    return float((np.abs(np.nanmean(values, axis=1) - threshold) <= half).mean())


def _resampled(x: pd.DataFrame, cases: Array) -> tuple[tuple[float, float], dict[str, float]]:
    """Return coverage and density out of sample, and how often each factor is restricted again."""
    rng = np.random.default_rng(SEED)
    scores, again = [], dict.fromkeys(x.columns, 0.0)
    for _ in range(HALVES):
        order = rng.permutation(len(x))
        half, rest = order[: len(x) // 2], order[len(x) // 2 :]
        box, _ = prim(x.iloc[half], cases[half])
        if box is None:
            scores.append((0.0, np.nan))
            continue
        scores.append(tested(_inside(x.iloc[rest], box.limits), cases[rest]))
        for name in box.limits:
            again[name] += 1.0 / HALVES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a mean of none is none
        coverage, density = np.nanmean(np.array(scores), axis=0)
    return (float(coverage), float(density)), again


def one_by_one(x: pd.DataFrame, values: Array) -> pd.DataFrame:
    """Return which factors move the values, each by itself: what a box of noisy cases may miss.

    Returns
    -------
    DataFrame : factor; rho (Spearman's rank correlation; NaN for levels); p (of rho; of Kruskal &
    Wallis for levels); moves (p below 0.05 by Holm's correction for as many factors), the smallest
    p first
    """
    import pandas as pd
    from scipy.stats import kruskal, spearmanr

    rows = []
    for name in x.columns:
        if x[name].dtype == object:
            groups = [values[(x[name] == level).to_numpy()] for level in x[name].unique()]
            rho, p = np.nan, kruskal(*groups).pvalue if len(groups) > 1 else 1.0
        else:
            rho, p = spearmanr(x[name], values)
        rows.append({"factor": name, "rho": float(rho), "p": float(p)})
    table = pd.DataFrame(rows).sort_values("p", kind="stable").reset_index(drop=True)
    bounds = SIGNIFICANT / np.arange(len(table), 0, -1)
    table["moves"] = np.logical_and.accumulate(table["p"].to_numpy() < bounds)
    return table


# -- words --------------------------------------------------------------------------------


def factor_label(name: str, lang: Lang) -> str:
    """The plain words for a factor: those of the ledger, of the scenario's key, or its name."""
    from cosim.parameters import PARAMETERS

    table, _, parameter = name.partition(".")
    if table == "parameters" and parameter in PARAMETERS:
        row = PARAMETERS[parameter]
        return row.en if lang == "en" else row.fr
    field = Scenario.model_fields.get(name)
    made = field and table_of(field)
    if made:  # whole levels of one table
        fr, _, en = (made.__doc__ or name).rstrip(".").partition(" — ")
        return en or name if lang == "en" else fr.lower()
    return scenario_text.label(name, lang).replace("_", " ")


def sentence(found: Discovery, lang: Lang) -> str:
    """What was discovered, in plain words."""
    n, cases, fr = len(found.cases), int(found.cases.sum()), lang == "fr"
    amount = number(found.threshold, 0 if float(found.threshold).is_integer() else 2, lang)
    if fr:
        side = "moins de" if found.below else "plus de"
        samples = "tirages" if cases > 1 else "tirage"
        start = f"«\u00a0{found.fr}\u00a0»\u00a0: {side} {amount} dans {cases} {samples} sur {n}."
    else:
        side = "less than" if found.below else "more than"
        start = f"“{found.en}”: {side} {amount} in {cases} of {n} samples."
    if found.box is None:
        return start + (" Rien de ce qui varie ici ne dit où." if fr
                        else " Nothing that varies here tells where.")  # fmt: skip
    rows = found.table.to_dict("records")
    where = ("\u202f; " if fr else "; ").join(_restriction(row, lang) for row in rows)
    inside = (found.box.coverage, found.box.density, *found.elsewhere)
    coverage, density, other, others = (percent(share, lang, 0) for share in inside)
    if fr:
        return (
            f"{start} Ces cas se concentrent là où\u00a0: {where}. Cette boîte en contient "
            f"{coverage} (couverture)\u202f; {density} des tirages qu'elle contient en sont "
            f"(densité). Sur des tirages qui n'ont pas servi à la trouver\u00a0: {other} et "
            f"{others}."
        )
    return (
        f"{start} They concentrate where: {where}. This box holds {coverage} of them "
        f"(coverage); {density} of the samples in it are such cases (density). On samples that it "
        f"was not found on: {other} and {others}."
    )


def _restriction(row: Mapping[Any, Any], lang: Lang) -> str:
    fr = lang == "fr"
    words = factor_label(str(row["factor"]), lang)
    if row["levels"]:
        return f"{words} = {str(row['levels']).replace(' | ', ' ou ' if fr else ' or ')}"
    span = float(row["most"] - row["least"])
    digits = max(0, 2 - int(np.floor(np.log10(span))))
    low, high = float(row["low"]), float(row["high"])
    if np.isnan(low):
        return f"{words} {'inférieur à' if fr else 'under'} {number(high, digits, lang)}"
    if np.isnan(high):
        return f"{words} {'supérieur à' if fr else 'over'} {number(low, digits, lang)}"
    ends = f"{number(low, digits, lang)} {'et' if fr else 'and'} {number(high, digits, lang)}"
    return f"{words} {'entre' if fr else 'between'} {ends}"
