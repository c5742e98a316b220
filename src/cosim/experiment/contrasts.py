"""Contrasts: what some arms have more of than others, stratum by stratum, with a verdict.

A contrast is a linear formula of outcomes of arms (`alliances[4] - alliances[0]`), taken within
each replicate, whose arms meet the same luck. Its interval is that of the mean over replicates.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.calibration.posterior import PAIR
from cosim.errors import ScenarioError, nearest
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd

    from cosim.experiment.document import Experiment

__all__ = [
    "CONFIDENCE", "CONTRADICTED", "SUPPORTED", "UNDECIDED", "VERDICTS", "averaged", "estimates",
    "interval", "parse", "per_replicate", "together", "verdict",
]  # fmt: skip

#: Coverage of the intervals that decide.
CONFIDENCE = 0.95
SUPPORTED, CONTRADICTED, UNDECIDED = VERDICTS = ("supported", "contradicted", "undecided")

#: (outcome, arm) -> its coefficient.
Terms = Mapping[tuple[str, str], float]

#: Characters of a formula.
LENGTH = 1000
_TERM = re.compile(r"([A-Za-z_]\w*)\s*\[([^\[\]]*)\]")


# -- the formula --------------------------------------------------------------------------


def parse(text: str, outcomes: Sequence[str], arms: Sequence[str]) -> dict[tuple[str, str], float]:
    """Read a linear formula of `outcome[arm]`; return the coefficient of each.

    >>> parse("y[b] - 0.5 * (y[a] + y[c])", ["y"], ["a", "b", "c"])
    {('y', 'b'): 1.0, ('y', 'a'): -0.5, ('y', 'c'): -0.5}

    Raises
    ------
    ScenarioError : not a formula, not linear, an outcome or arm that does not exist
    """
    expected = "such as alliances[4] - alliances[0]"
    terms: list[tuple[str, str]] = []

    def named(found: re.Match[str]) -> str:
        name, arm = found.group(1), found.group(2).strip()
        for what, one, known in (("outcome", name, outcomes), ("arm", arm, arms)):
            if one not in known:
                raise ScenarioError(f"unknown {what}", found=one, expected=", ".join(known),
                                    nearest=nearest(one, known))  # fmt: skip
        terms.append((name, arm))
        return f" _{len(terms) - 1} "

    plain = _TERM.sub(named, text).strip()
    try:
        if len(text) > LENGTH or re.search(r"\b_\d", text):
            raise ValueError
        constant, coefficients = _linear(ast.parse(plain, mode="eval").body, len(terms))
    except (ValueError, SyntaxError, RecursionError, MemoryError, ZeroDivisionError):
        raise ScenarioError(
            "not a linear formula of outcomes of arms", found=text[:80], expected=expected
        ) from None
    if constant or not terms:
        raise ScenarioError("a contrast is made of outcomes of arms alone", found=text[:80],
                            expected=expected)  # fmt: skip
    total: dict[tuple[str, str], float] = {}
    for term, coefficient in zip(terms, coefficients, strict=True):
        total[term] = total.get(term, 0.0) + float(coefficient)
    return total


def _linear(node: ast.expr, n: int) -> tuple[float, Array]:
    """Return the constant and the coefficients of the n terms `_0`, `_1`, … of a formula."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value), np.zeros(n)
        case ast.Name(id=name) if name[:1] == "_" and name[1:].isdecimal():
            return 0.0, np.eye(n)[int(name[1:])]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=inner):
            constant, terms = _linear(inner, n)
            factor = -1.0 if isinstance(sign, ast.USub) else 1.0
            return factor * constant, factor * terms
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
            (a, first), (b, second) = _linear(left, n), _linear(right, n)
            factor = -1.0 if isinstance(sign, ast.Sub) else 1.0
            return a + factor * b, first + factor * second
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            (a, first), (b, second) = _linear(left, n), _linear(right, n)
            if first.any() and second.any():
                raise ValueError
            return a * b, a * second + b * first
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            (a, first), (b, second) = _linear(left, n), _linear(right, n)
            if second.any():
                raise ValueError
            return a / b, first / b
        case _:
            raise ValueError


# -- its estimates ------------------------------------------------------------------------


def per_replicate(experiment: Experiment, runs: pd.DataFrame) -> pd.DataFrame:
    """Return each contrast in each stratum and replicate; a run that failed leaves none.

    Parameters
    ----------
    runs : as `Store.runs`: point, replicate, outcomes

    Returns
    -------
    DataFrame : contrast, the factors that are not `arms` (and `sample`), replicate, value, base
    (the outcome of the first arm that the contrast is compared with, see `estimates`)
    """
    import pandas as pd

    strata = experiment.strata
    columns = ["contrast", *strata, "replicate", "value", "base"]
    arm_of, stratum_of = {}, {}
    for point in experiment.points:
        arm_of[point.number] = point.arm
        stratum_of[point.number] = point.stratum
    table = runs.loc[:, ["point", "replicate", *experiment.outcomes]].copy()
    table["_arm"] = table["point"].map(arm_of)
    table["_stratum"] = table["point"].map(stratum_of)
    wide = table.pivot(index=["_stratum", "replicate"], columns="_arm", values=[
        *experiment.outcomes])  # fmt: skip
    parts = []
    for name, terms in experiment.terms.items():
        lacking = [term for term in terms if term not in wide.columns]
        value = pd.Series(np.nan if lacking else 0.0, index=wide.index)
        for term, coefficient in terms.items() if not lacking else ():
            value = value + coefficient * wide[term]
        base = (next(iter(terms))[0], experiment.arm_names[0])
        parts.append(
            pd.DataFrame(
                {
                    "contrast": name,
                    **{key: [stratum[k] for stratum, _ in wide.index]
                       for k, key in enumerate(strata)},
                    "replicate": [replicate for _, replicate in wide.index],
                    "value": value.to_numpy(),
                    "base": wide[base].to_numpy() if base in wide.columns else np.nan,
                }
            )
        )  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=columns)
    whole = pd.concat(parts, ignore_index=True)
    return whole[whole["value"].notna()].reset_index(drop=True)


def averaged(experiment: Experiment, values: pd.DataFrame, over: str) -> pd.DataFrame:
    """Return the mean over the levels of a factor of each contrast in each replicate.

    A replicate in which some level has no value leaves none.

    Parameters
    ----------
    values : as `per_replicate`
    over : a factor that is not `arms`
    """
    keys = ["contrast", *(name for name in experiment.strata if name != over), "replicate"]
    groups = values.groupby(keys, sort=False)[["value", "base"]]
    whole = groups.count()["value"] == len(experiment.made[over].labels)
    return groups.mean()[whole].reset_index()


def estimates(experiment: Experiment, runs: pd.DataFrame, over: str | None = None) -> pd.DataFrame:
    """Return what each contrast is in each stratum, and the verdict on its sign.

    Parameters
    ----------
    over : a factor over whose levels each replicate is averaged first: strata without it

    Returns
    -------
    DataFrame : contrast, the factors that are not `arms` (and `sample`); estimate (mean over
    replicates); low, high (95 % interval of the mean: Student; where parameters are drawn, over
    the pairs of replicates that share a set); effect (mean over standard deviation between
    replicates); in_favour (share of replicates on the expected side; of positive ones without a
    sign); relative (to the mean of the contrast's outcome in the first arm); critical (Student's
    quantile), n (replicates); verdict (empty without a sign)
    """
    import pandas as pd

    values = per_replicate(experiment, runs)
    if over is not None:
        values = averaged(experiment, values, over)
    keys = ["contrast", *(name for name in experiment.strata if name != over)]
    rows = []
    for labels, group in values.groupby(keys, sort=False):
        contrast = experiment.contrasts[str(labels[0])]
        value = group["value"].to_numpy(np.float64)
        numbers = group["replicate"].to_numpy(np.int64)
        mean, low, high, critical = interval(value, numbers, experiment.draws)
        deviation = float(value.std(ddof=1)) if len(value) > 1 else np.nan
        base = float(group["base"].mean())
        wanted = -1.0 if contrast.sign in ("-", "<=") else 1.0
        rows.append(
            {
                **dict(zip(keys, labels, strict=True)),
                "estimate": mean,
                "low": low,
                "high": high,
                "effect": 0.0 if mean == 0.0 else mean / deviation if deviation else np.nan,
                "in_favour": float((wanted * value > 0.0).mean()),
                "relative": mean / abs(base) if base else np.nan,
                "critical": critical,
                "n": len(value),
                "verdict": verdict(mean, low, high, contrast.sign, contrast.margin),
            }
        )
    columns = [*keys, "estimate", "low", "high", "effect", "in_favour", "relative", "critical",
               "n", "verdict"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def interval(value: Array, numbers: Array, draws: bool) -> tuple[float, float, float, float]:
    """Return the mean over replicates, its 95 % interval, and Student's quantile.

    Parameters
    ----------
    value : float64[n], one number of each replicate
    numbers : int64[n], which replicates
    draws : whether parameters are drawn: replicates 2k and 2k + 1 then share a set and are not
        independent, and the interval is that of the mean of the means of whole pairs

    Returns
    -------
    mean, low, high, critical : NaN where one value, or one pair, tells no spread
    """
    from scipy.special import stdtrit

    mean = float(value.mean()) if len(value) else np.nan
    apart = value
    if draws:
        order = np.argsort(numbers, kind="stable")
        value, pair = value[order], numbers[order] // PAIR
        _, first, count = np.unique(pair, return_index=True, return_counts=True)
        whole = first[count == PAIR]
        apart = (value[whole] + value[whole + 1]) / 2.0
    n = len(apart)
    if n < 2:
        return mean, np.nan, np.nan, np.nan
    critical = float(stdtrit(n - 1, (1.0 + CONFIDENCE) / 2.0))
    margin = critical * float(apart.std(ddof=1)) / n**0.5
    return mean, mean - margin, mean + margin, critical


def verdict(estimate: float, low: float, high: float, sign: str, margin: float) -> str:
    """Return what an interval says of the sign that was expected before the run.

    "+" is supported when the interval lies above 0 and the estimate is at least the margin (the
    smallest effect that matters), contradicted when the interval lies below the margin, or does not
    reach above 0, undecided otherwise; "-" is its mirror. "0" (no effect that matters) is
    supported when the interval lies within ± margin, contradicted when it lies outside; "<=" (no
    more than the margin) likewise for the upper side alone.
    """
    if not sign:
        return ""
    if not np.isfinite((estimate, low, high)).all():
        return UNDECIDED
    if sign == "-":
        estimate, low, high = -estimate, -high, -low
    if sign == "<=":
        return SUPPORTED if high <= margin else CONTRADICTED if low > margin else UNDECIDED
    if sign == "0":
        if -margin <= low and high <= margin:
            return SUPPORTED
        return CONTRADICTED if low > margin or high < -margin else UNDECIDED
    if low > 0.0 and estimate >= margin:
        return SUPPORTED
    return CONTRADICTED if high < margin or high <= 0.0 else UNDECIDED


def together(verdicts: Sequence[Any]) -> str:
    """Return the verdict of a hypothesis whose contrasts all have to hold.

    An intersection–union test: each at its own level, no correction (Berger 1982).
    """
    given = [one for one in verdicts if one]
    if CONTRADICTED in given:
        return CONTRADICTED
    return SUPPORTED if given and all(one == SUPPORTED for one in given) else UNDECIDED
