"""Territory and scenario to the State of a replicate (ODD §5).

`template` counts the seats, the same for every replicate; `seeding.initialise` draws who takes
them, their contacts and the alliances that live already.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import facts
from cosim.state import (
    ACTORS,
    ALLIANCES,
    CATALYSEUR,
    CATALYST_SLOTS,
    COMMUNES,
    DOMAIN_NAMES,
    JOURNAL,
    NEVER,
    NOBODY,
    PLACES,
    PROFILES,
    PROPOSALS,
    TERRITORY,
    TIE_SLOTS,
    TIES,
    Array,
    Records,
    State,
    record,
    records,
    table,
)
from cosim.timetable import calendar, settings

if TYPE_CHECKING:
    from cosim.scenario import Scenario
    from cosim.territory import Territory as Place

#: Classes whose engagement at the start differs: élus, small and employer associations, …
ENGAGED_CLASSES = ("elu", "association", "association_employer", "company", "academic")


def seats_of(
    place: Place, params: Any, sample: float = 1.0, profile: str = "mixed"
) -> dict[str, Array]:
    """Return kind, size class, commune, profile and `taken` of every seat, in id order.

    Parameters
    ----------
    place : the territory, C communes
    params : record of the ledger
    sample : fraction of the actors that is simulated; densities are kept
    profile : that of every commune, or "mixed": drawn at random, equal shares (assumption)

    Returns
    -------
    dict of int64[n] (`taken`: bool[n]), catalysts not included
    """
    from cosim.territory import national_totals

    rng = np.random.Generator(np.random.Philox(key=place.number))
    totals = national_totals()
    thousands = place.population / 1000.0
    n_communes = len(place.population)
    profiles = rng.integers(0, len(PROFILES), n_communes)
    if profile != "mixed":
        profiles[:] = PROFILES.index(profile)

    def number(name: str) -> float:
        return facts.fact(name).values[0]

    def mean(total: float, power: float, national: float) -> Array:
        return total * thousands**power / national

    alpha = number("companies_law_dispersion")
    firms = mean(number("companies_10"), number("companies_law_exponent"), totals.pop_124)
    visible = number("associations_visible_per_1000") * totals.population / 1000.0
    clubs = mean(visible, number("associations_law_exponent"), totals.pop_090)
    counts = {
        "elu": place.councillors.astype(np.int64),
        "association": rng.poisson(clubs),
        "company": rng.negative_binomial(1.0 / alpha, 1.0 / (1.0 + alpha * firms)),
        "academic": rng.poisson(params.academics_per_1000 * thousands),
    }
    if counts["academic"].sum() == 0:
        counts["academic"][int(np.argmax(place.population))] = 1
    spare = {"association": params.spare_association, "company": params.spare_company}
    columns: dict[str, list[Array]] = {
        name: [] for name in ("kind", "size_class", "commune", "profile", "taken")
    }
    for kind, name in enumerate(("elu", "association", "company", "academic")):
        exact = counts[name] * sample
        n = (
            np.floor(exact + rng.random(n_communes)).astype(np.int64)
            if sample < 1
            else counts[name]
        )
        if name in ("elu", "academic") and n.sum() == 0:
            n[int(np.argmax(place.population))] = 1
        where = np.repeat(np.arange(n_communes), n)
        extra = math.ceil(spare.get(name, 0.0) * len(where))
        weights = np.maximum(counts[name], 1e-9) / np.maximum(counts[name], 1e-9).sum()
        later = rng.choice(n_communes, extra, p=weights)
        where = np.concatenate([where, later]).astype(np.int64)
        columns["kind"].append(np.full(len(where), kind))
        columns["commune"].append(where)
        columns["profile"].append(profiles[where])
        columns["taken"].append(np.arange(len(where)) < len(where) - extra)
        columns["size_class"].append(_size_classes(name, where, counts, params, rng))
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def _size_classes(
    name: str, where: Array, counts: dict[str, Array], params: Any, rng: np.random.Generator
) -> Array:
    u = rng.random(len(where))
    if name == "elu":
        first = np.concatenate([[True], where[1:] != where[:-1]]) if len(where) else where
        rank = np.arange(len(where)) - np.maximum.accumulate(
            np.where(first, np.arange(len(where)), 0)
        )
        council = np.bincount(where, minlength=len(counts["elu"]))[where]
        adjoints = np.floor(params.adjoint_share * council)
        return np.where(rank == 0, 0, np.where(rank <= adjoints, 1, 2)).astype(np.int64)
    if name == "company":
        ten, twenty, fifty = facts.fact("companies_10_sizes").values
        large = (1 - params.company_eti - params.company_ge, params.company_eti, params.company_ge)
        shares = np.array([ten, twenty, *(fifty * x for x in large)])
    elif name == "association":
        small = float(facts.fact("associations_small_budget").values[0])
        rich = float(facts.fact("associations_large_budget").values[0])
        employer = params.association_employer_medium
        shares = np.array([small, 1 - small - rich - employer, employer, rich])
    else:
        shares = np.array([1.0])
    return np.searchsorted(np.cumsum(shares / shares.sum())[:-1], u, side="right")


def engaged_shares(start: str, params: Any) -> Array:
    """Return the share engaged at month `start` for each of `ENGAGED_CLASSES`.

    Linear on the logit between published years (mid-year), on the same slope before the first
    and level after the last; other associations take the slope of the employers (assumption).
    """
    year = _year(start)

    def share(first: str, last: str, level: float | None = None) -> float:
        a, b = facts.fact(first), facts.fact(last)
        x, y = _logit(a.values[0]), _logit(b.values[0])
        from_year, to_year = float(a.dates[0][:4]) + 0.5, float(b.dates[0][:4]) + 0.5
        slope = (y - x) / (to_year - from_year)
        end = y if level is None else _logit(level)
        return _expit(end + slope * (min(year, to_year) - to_year))

    employers = ("engaged_employer_associations_2009", "engaged_employer_associations_2015")
    others = facts.fact("engaged_other_associations_2015").values[0]
    return np.array(
        [
            params.engaged_elu,
            share(*employers, level=others),
            share(*employers),
            share("engaged_companies_2011", "engaged_companies_2015"),
            params.engaged_academic,
        ]
    )


@lru_cache(maxsize=64)
def _beta_quantiles(a: float, b: float) -> Array:
    from scipy.special import betaincinv

    return np.asarray(betaincinv(a, b, np.linspace(0.0, 1.0, 1025)), dtype=np.float64)


def _convinced_mean(share: float, total: float) -> float:
    """Return the mean μ for which Beta(μ·total, (1-μ)·total) has `share` above one half.

    By bisection: the share rises with μ, and `scipy.optimize` would add half a second to a start.
    """
    from scipy.special import betainc

    low, high = 0.0, 1.0
    while (middle := (low + high) / 2.0) not in (low, high):
        if 1.0 - betainc(middle * total, (1.0 - middle) * total, 0.5) < share:
            low = middle
        else:
            high = middle
    return high


def _logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def _expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def _year(month: str) -> float:
    """Return the middle of a month "YYYY-MM" in years."""
    return int(month[:4]) + (int(month[5:7]) - 0.5) / 12.0


def starting_commitment(start: str, params: Any) -> dict[str, tuple[float, float]]:
    """Return the Beta (a, b) of commitment by kind for a run that starts at month `start`.

    The ledger's values hold up to June 2010. Later, the élus' mean moves so that the published
    share is convinced (linear on the logit between the two surveys, level after the second), and
    the other kinds follow by `late_start` of that move on the logit (assumption).
    """
    shapes = {
        name: (float(getattr(params, f"c_{name}_a")), float(getattr(params, f"c_{name}_b")))
        for name in ("elu", "association", "academic", "catalyseur")
    }
    first, last = (_year(date) for date in facts.fact("convinced_elus").dates)
    year = _year(start)
    if year <= first:
        return shapes
    low, high = (_logit(p) for p in facts.fact("convinced_elus").values)
    share = _expit(low + (high - low) * min(1.0, (year - first) / (last - first)))
    a, b = shapes["elu"]
    rise = _logit(_convinced_mean(share, a + b)) - _logit(a / (a + b))
    moved = {}
    for name, (a, b) in shapes.items():
        part = 1.0 if name == "elu" else params.late_start
        mean = _expit(_logit(a / (a + b)) + part * rise)
        moved[name] = (mean * (a + b), (1.0 - mean) * (a + b))
    return moved


def levels_tables(start: str, params: Any) -> Array:
    """Return the quantiles of starting c and e by kind, float64[5, 2, 1025]."""
    tables = np.zeros((5, 2, 1025))
    commitment = starting_commitment(start, params)
    for kind, name in enumerate(("elu", "association", "company", "academic", "catalyseur")):
        if name != "company":
            know_how = (float(getattr(params, f"e_{name}_{side}")) for side in "ab")
            tables[kind, 0] = _beta_quantiles(*commitment[name])
            tables[kind, 1] = _beta_quantiles(*know_how)
    return tables


def _experiments(dates: Records, n_catalysts: int, params: Any) -> int:
    """Return the most experiments that one step can hold."""
    return 1 + 4 * max(1, n_catalysts) + math.ceil(dates.trials.max() / params.trial_cost / 12.0)


def template(
    scenario: Scenario,
    place: Place,
    params: Any,
    journal: bool = False,
    dates: Records | None = None,
    levels: Array | None = None,
) -> State:
    """Return the State of a scenario before anybody is drawn: seats, room and calendar.

    Copy it for each replicate and hand the copy to `seeding.initialise`.

    Parameters
    ----------
    dates : CALENDAR[steps] (default: that of the scenario in this territory alone)
    levels : what `levels_tables` gives, which many territories can share
    """
    where = scenario.territory
    dates = calendar(scenario, place, params) if dates is None else dates
    levels = levels_tables(scenario.time.start, params) if levels is None else levels
    seats = seats_of(place, params, where.sample, where.profile)
    n_catalysts = math.ceil(dates.fte.max())
    n_residents = len(seats["kind"])
    n = n_residents + n_catalysts
    n_communes = len(place.population)
    by_size = np.argsort(-place.population, kind="stable")

    actors = table(n, ACTORS)
    actors.kind = CATALYSEUR
    actors.commune = by_size[0]
    for name in ("kind", "size_class", "commune", "profile"):
        actors[name][:n_residents] = seats[name]
    actors.alive[:n_residents] = seats["taken"]
    first = np.searchsorted(actors.kind, np.arange(6))
    ordinal = (np.arange(n) - first[actors.kind]).astype(np.uint64)
    kind = actors.kind.astype(np.uint64)
    actors.id = (
        np.uint64(place.number) << np.uint64(34) | kind << np.uint64(31) | ordinal << np.uint64(10)
    )
    actors.leaves = NEVER
    actors.capacity = 1
    actors.coach = actors.place = actors.seats = NOBODY
    actors.room = np.where(actors.kind == CATALYSEUR, CATALYST_SLOTS, TIE_SLOTS)
    actors.first = np.cumsum(actors.room) - actors.room
    actors.soonest = NEVER

    communes = records(n_communes + 1, COMMUNES)
    residents = np.argsort(actors.commune[:n_residents], kind="stable")
    communes.start = np.searchsorted(actors.commune[residents], np.arange(n_communes + 1))
    communes.by_size[:n_communes] = by_size

    territory = record(TERRITORY)
    for bit, name in enumerate(DOMAIN_NAMES):
        given = getattr(where.fragility, name)
        territory.fragility[bit] = params.fragility_start if given is None else given
    territory.engines = params.engines_start
    territory.seats[:] = first
    territory.domains = sum(1 << DOMAIN_NAMES.index(name) for name in where.domains)
    territory.journal = journal
    return State(
        actors=actors,
        ties=table(int(actors.room.sum()), TIES),
        alliances=table(2 * n + 256, ALLIANCES),
        places=records(n_catalysts + int(dates.lieux.max()), PLACES),
        proposals=records(_experiments(dates, n_catalysts, params), PROPOSALS),
        communes=communes,
        residents=residents.astype(np.int64),
        order=np.arange(n),
        old=np.zeros(n),
        mark=np.zeros(n, dtype=np.int32),
        beta=levels,
        calendar=dates,
        journal=records(32 * n + 4096 if journal else 1, JOURNAL),
        territory=territory,
        settings=settings(scenario),
    )
