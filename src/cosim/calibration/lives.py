"""Figures of the life of alliances, for cohorts that a reader describes in words.

Indicators say what a month looks like; these say what becomes of the same alliances. Every figure
weighs each row of `Run.alliances()` by what it stands for; it is NaN for an empty cohort.

Two limits are in the data. An alliance of the start was born before anybody looked: others of its
age had ended unseen (left truncation, Klein & Moeschberger 2003, §4.6), so that `alive` and
`lifetime` leave it out. And the number of members, the successes and the support are those of a
whole life, up to its end or to that of the run: a cohort chosen by them is chosen by its future.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from cosim.calibration.runs import Run, Window
from cosim.errors import ParameterError, nearest
from cosim.state import (
    CAUSES,
    COMPLETED,
    DOMAIN_NAMES,
    KINDS,
    LIVING,
    ORIGINS,
    RUNGS,
    TYPES,
    Array,
)

Alliances = Mapping[str, Array]
#: Whether each alliance belongs: bool[alliances] of a table and its run.
Test = Callable[[Alliances, Run], Array]


# -- cohorts ------------------------------------------------------------------------------


def _observed(rows: Alliances, run: Run) -> Array:
    """Return the months of the run at which each alliance could be under support."""
    last = np.where(rows["ended"] < 0, run.months - 1, rows["ended"])
    months: Array = last - np.maximum(rows["born"], -1)
    return months


def _supported(rows: Alliances, run: Run) -> Array:
    half: Array = 2.0 * rows["supported"] >= _observed(rows, run)
    return half & (rows["supported"] > 0)


def _equal(field: str, place: int) -> Test:
    return lambda rows, run: rows[field] == place


def _members(least: int, most: float) -> Test:
    return lambda rows, run: (rows["members"] >= least) & (rows["members"] <= most)


def _with(kind: int) -> Test:
    return lambda rows, run: (rows["kinds"] >> kind & 1) == 1


def _born(window: Window) -> Test:
    def test(rows: Alliances, run: Run) -> Array:
        months = window.months(run)
        born: Array = (rows["born"] >= months.start) & (rows["born"] < months.stop)
        return born

    return test


def _unless(test: Test) -> Test:
    return lambda rows, run: ~test(rows, run)


#: Words that describe an alliance.
TERMS: Mapping[str, Test] = MappingProxyType(
    {
        "supported": _supported,
        "unsupported": lambda rows, run: rows["supported"] == 0,
        "local": lambda rows, run: ~rows["outside"],
        "outside": lambda rows, run: rows["outside"],
        "recognised": lambda rows, run: rows["recognised"],
        "living": _equal("cause", LIVING),
        **{f"with {name}": _with(place) for place, name in enumerate(KINDS)},
        **{name: _equal("type", place) for place, name in enumerate(TYPES)},
        **{name: _equal("rung", place) for place, name in enumerate(RUNGS)},
        **{name: _equal("origin", place) for place, name in enumerate(ORIGINS)},
        **{name: _equal("cause", place) for place, name in enumerate(CAUSES) if name},
        **{name: _equal("domain", place) for place, name in enumerate(DOMAIN_NAMES)},
    }
)
#: Terms that hold a number or a date, as a reader is told of them.
PATTERNS = ("4+ members", "2-3 members", "3 members", "born 2010..2012", "not TERM")
_MEMBERS = re.compile(r"(\d+)\s*(?:(\+)|[-–](\d+))?\s*(?:members|membres)")


@dataclass(frozen=True)
class Cohort:
    """Alliances that meet every term.

    Parameters
    ----------
    text : as it was written
    tests : of each term
    """

    text: str = ""
    tests: tuple[Test, ...] = ()

    def chosen(self, rows: Alliances, run: Run) -> Array:
        """Return whether each alliance belongs, bool[alliances]."""
        belongs = np.ones(len(rows["born"]), dtype=bool)
        for test in self.tests:
            belongs &= test(rows, run)
        return belongs


def cohort(text: str, window: Callable[[str], Window]) -> Cohort:
    """Read the terms of a cohort, joined by commas; `window` reads the dates.

    Raises
    ------
    ParameterError : an unknown term; names the nearest
    """
    terms = [" ".join(term.split()) for term in text.split(",")] if text.strip() else []
    return Cohort(", ".join(terms), tuple(_term(term, window) for term in terms))


def _term(text: str, window: Callable[[str], Window]) -> Test:
    if text in TERMS:
        return TERMS[text]
    if text.startswith("not "):
        return _unless(_term(text.removeprefix("not "), window))
    if text.startswith("born "):
        return _born(window(text.removeprefix("born ")))
    found = _MEMBERS.fullmatch(text)
    if found:
        least, more, most = found.groups()
        return _members(int(least), np.inf if more else int(most or least))
    raise ParameterError(
        "unknown term of a cohort", key="group", found=text,
        expected=f"{', '.join(TERMS)}, {', '.join(PATTERNS)}",
        nearest=nearest(text, [*TERMS, *PATTERNS]),
    )  # fmt: skip


# -- survival -----------------------------------------------------------------------------


def survival(age: Array, ended: Array, weight: Array) -> tuple[Array, Array]:
    """Return the Kaplan–Meier curve: ages of the endings, and the share alive after each.

    Kaplan & Meier 1958, doi:10.1080/01621459.1958.10501452, each row counted `weight` times.

    Parameters
    ----------
    age : months at the end of life or of observation, [n]
    ended : whether the life ended, bool[n]; else it is censored
    weight : [n]

    Returns
    -------
    [m], [m] : ages in increasing order, shares

    >>> survival(np.array([1, 2, 2, 3]), np.array([True, True, False, False]), np.ones(4))[1]
    array([0.75, 0.5 ])
    """
    ages = np.unique(age[ended])
    order = np.argsort(age)
    heavier = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
    at_risk = heavier[np.searchsorted(age[order], ages)]
    events = np.bincount(np.searchsorted(ages, age[ended]), weight[ended], len(ages))
    return ages, np.cumprod(1.0 - events / at_risk)


def _observed_lives(rows: Alliances, run: Run, belongs: Array) -> tuple[Array, Array, Array]:
    """Return age, whether ended, and weight of those of the cohort born during the run."""
    followed = belongs & (rows["born"] >= 0)
    ended = rows["ended"][followed] >= 0
    stop = np.where(ended, rows["ended"][followed], run.months - 1)
    return stop - rows["born"][followed], ended, rows["weight"][followed]


def alive(rows: Alliances, run: Run, belongs: Array, age: int) -> float:
    """Return the share alive `age` months after birth; NaN if nobody was followed that long.

    Raises
    ------
    ParameterError : no alliance of the run can be that old
    """
    if age >= run.months:
        raise ParameterError(
            "older than the run", key="date", found=f"{age} months",
            expected=f"less than the {run.months} months of the run",
        )  # fmt: skip
    ages, ended, weight = _observed_lives(rows, run, belongs)
    times, shares = survival(ages, ended, weight)
    left = float(np.append(1.0, shares)[np.searchsorted(times, age, side="right")])
    followed = len(ages) and (ages.max() >= age or left == 0.0)
    return left if followed else np.nan


def lifetime(rows: Alliances, run: Run, belongs: Array) -> float:
    """Return the age in months at which half have ended; NaN if more than half outlive the run."""
    ages, ended, weight = _observed_lives(rows, run, belongs)
    times, shares = survival(ages, ended, weight)
    below = times[shares <= 0.5]
    return float(below[0]) if len(below) else np.nan


# -- other figures ------------------------------------------------------------------------


def _mean(values: Array, weight: Array) -> float:
    whole = weight.sum()
    return float((values * weight).sum() / whole) if whole > 0 else np.nan


def _missed(rows: Alliances, run: Run, belongs: Array, at: int | None) -> float:
    return _mean((rows["cause"] != COMPLETED)[belongs].astype(float), rows["weight"][belongs])


def _mean_members(rows: Alliances, run: Run, belongs: Array, at: int | None) -> float:
    return _mean(rows["members"][belongs], rows["weight"][belongs])


def _mean_age(rows: Alliances, run: Run, belongs: Array, at: int | None) -> float:
    stop = np.where(rows["ended"] < 0, run.months - 1, rows["ended"]) if at is None else at
    return _mean((stop - rows["born"])[belongs], rows["weight"][belongs])


def _supported_share(rows: Alliances, run: Run, belongs: Array, at: int | None) -> float:
    months = (_observed(rows, run) * rows["weight"])[belongs].sum()
    under = (rows["supported"] * rows["weight"])[belongs].sum()
    return float(under / months) if months > 0 else np.nan


def _success_rate(rows: Alliances, run: Run, belongs: Array, at: int | None) -> float:
    successes, failures = (
        (rows[name] * rows["weight"])[belongs].sum() for name in ("successes", "failures")
    )
    results = successes + failures
    return float(successes / results) if results > 0 else np.nan


def _count(rows: Alliances, run: Run, belongs: Array, at: int | None) -> float:
    return float(rows["weight"][belongs].sum())


@dataclass(frozen=True)
class Figure:
    """One figure of life.

    Parameters
    ----------
    unit : share, level, months or count
    date : what its date says: "age" after birth, "none", "ended" (a window in which the
        alliances ended) or "living" (those that live at the end of a month; over several months,
        the mean of the months); without date, all alliances
    fr, en : definition
    of : of rows, run, whether each belongs, and the month if there is one
    """

    unit: str
    date: str
    fr: str
    en: str
    of: Callable[[Alliances, Run, Array, int | None], float] = _count


FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        "alive": Figure(
            "share", "age",
            "part encore vivante à cet âge (Kaplan-Meier), parmi les alliances nées pendant la "
            "simulation",
            "share still alive at this age (Kaplan–Meier), among alliances born during the run",
        ),
        "lifetime": Figure(
            "months", "none",
            "âge auquel la moitié ont pris fin (Kaplan-Meier), parmi les alliances nées pendant "
            "la simulation",
            "age at which half have ended (Kaplan–Meier), among alliances born during the run",
        ),
        "missed": Figure(
            "share", "ended",
            "parmi les alliances terminées dans la période, part de celles qui ne sont pas "
            "abouties (échouées ou éteintes)",
            "among alliances that ended in the window, share of those not completed (failed or "
            "faded)", _missed,
        ),
        "mean_members": Figure(
            "level", "living", "nombre moyen de membres, partenaire extérieur compris",
            "mean number of members, outside partner included", _mean_members,
        ),
        "mean_age": Figure(
            "months", "living", "âge moyen, en mois", "mean age in months", _mean_age,
        ),
        "supported_share": Figure(
            "share", "living", "part des mois de vie passés sous accompagnement",
            "share of the months of life under support", _supported_share,
        ),
        "success_rate": Figure(
            "share", "living", "réussites rapportées aux bilans communs de toute la vie",
            "successes over joint results of the whole life", _success_rate,
        ),
        "share": Figure(
            "share", "living",
            "share[A | B] : parmi les alliances B (toutes, sans « | »), part de celles qui sont A",
            "share[A | B]: among alliances B (all of them, without “|”), share of those that are A",
        ),
        "count": Figure("count", "living", "nombre d'alliances", "number of alliances", _count),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Life:
    """A figure of life of a cohort: one number of a run.

    Parameters
    ----------
    name : in `FIGURES`
    cohort : whose lives
    among : of `share` only: the cohort that the other is a part of
    when : months after birth, a window, or None
    """

    name: str
    cohort: Cohort
    among: Cohort
    when: int | Window | None

    @property
    def unit(self) -> str:
        """Unit of the figure."""
        return FIGURES[self.name].unit

    def value(self, run: Run) -> float:
        """Return the figure; NaN for an empty cohort."""
        rows = run.alliances()
        belongs = self.cohort.chosen(rows, run)
        if self.name == "alive":
            assert isinstance(self.when, int)
            return alive(rows, run, belongs, self.when)
        if self.name == "lifetime":
            return lifetime(rows, run, belongs)
        window = self.when if isinstance(self.when, Window) else None
        if FIGURES[self.name].date == "ended":
            months = window.months(run) if window else slice(0, run.months)
            ended = (rows["ended"] >= months.start) & (rows["ended"] < months.stop)
            return self._of(rows, run, belongs, ended, None)
        if window is None:
            return self._of(rows, run, belongs, np.ones(len(belongs), dtype=bool), None)
        months = window.months(run)
        return _mean_of_months(
            self._of(rows, run, belongs, _living(rows, at), at)
            for at in range(months.start, months.stop)
        )

    def _of(self, rows: Alliances, run: Run, belongs: Array, there: Array, at: int | None) -> float:
        if self.name == "share":
            base = there & self.among.chosen(rows, run)
            return _mean(belongs[base].astype(float), rows["weight"][base])
        return FIGURES[self.name].of(rows, run, belongs & there, at)


def _living(rows: Alliances, at: int) -> Array:
    """Return whether each alliance lives at the end of a month."""
    living: Array = (rows["born"] <= at) & ((rows["ended"] < 0) | (rows["ended"] > at))
    return living


def _mean_of_months(values: Iterable[float]) -> float:
    """Return the mean of the months in which there was somebody."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan
