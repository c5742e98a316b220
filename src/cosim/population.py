"""Territory and scenario to the State of a replicate (ODD §5).

`template` counts the seats, the same for every replicate; `initialise` draws who takes them, the
contacts at their equilibrium and the alliances that live already.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import facts
from cosim.compiled import kernel
from cosim.mechanisms.bonds import alliance_id, found, has_room, join, match, maturity
from cosim.mechanisms.contacts import base_trust, meet, slot_of
from cosim.mechanisms.encounter import encounter
from cosim.mechanisms.formation import _domain, budget, draw_type
from cosim.mechanisms.occupants import draw_occupant
from cosim.mechanisms.trust import trust
from cosim.state import (
    ACTORS,
    ALLIANCES,
    CALENDAR,
    CATALYSEUR,
    CATALYST_SLOTS,
    COMMUNES,
    DEFAULT_DOMAINS,
    INVITATIONS,
    JOURNAL,
    METIERS,
    N_WORLDS,
    NEVER,
    NOBODY,
    PLACES,
    PROFILES,
    PROPOSALS,
    SEEDED,
    SETTINGS,
    TERRITORY,
    TIE_SLOTS,
    TIES,
    Array,
    State,
    record,
    records,
)
from cosim.streams import FOREVER, SEED, block, exponential, index, uniform

if TYPE_CHECKING:
    from cosim.scenario import Scenario
    from cosim.territory import Territory as Place

#: Classes whose engagement at the start differs: élus, small and employer associations, …
ENGAGED_CLASSES = ("elu", "association", "association_employer", "company", "academic")


def seats_of(place: Place, params: Any, sample: float = 1.0) -> dict[str, Array]:
    """Return kind, size class, commune, profile and `taken` of every seat, in id order.

    Parameters
    ----------
    place : the territory, C communes
    params : record of the ledger
    sample : fraction of the actors that is simulated; densities are kept

    Returns
    -------
    dict of int64[n] (`taken`: bool[n]), catalysts not included
    """
    from cosim.territory import national_totals

    rng = np.random.Generator(np.random.Philox(key=place.number))
    totals = national_totals()
    thousands = place.population / 1000.0
    n_communes = len(place.population)
    profile = rng.integers(0, len(PROFILES), n_communes)
    number = facts.value

    def mean(total: float, power: float, national: float) -> Array:
        return total * thousands**power / national

    exponent = float(number("companies_law_exponent"))  # type: ignore[arg-type]
    alpha = float(number("companies_law_dispersion"))  # type: ignore[arg-type]
    firms = mean(float(number("companies_10")), exponent, totals.pop_124)  # type: ignore[arg-type]
    visible = float(number("associations_visible_per_1000"))  # type: ignore[arg-type]
    clubs = mean(visible * totals.population / 1000.0, 0.9, totals.pop_090)
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
        n = np.floor(exact + rng.random(n_communes)).astype(np.int64) if sample < 1 else counts[name]
        if name in ("elu", "academic") and n.sum() == 0:
            n[int(np.argmax(place.population))] = 1
        where = np.repeat(np.arange(n_communes), n)
        extra = math.ceil(spare.get(name, 0.0) * len(where))
        weights = np.maximum(counts[name], 1e-9) / np.maximum(counts[name], 1e-9).sum()
        later = rng.choice(n_communes, extra, p=weights)
        where = np.concatenate([where, later]).astype(np.int64)
        columns["kind"].append(np.full(len(where), kind))
        columns["commune"].append(where)
        columns["profile"].append(profile[where])
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


def calendar(scenario: Scenario) -> Array:
    """Resolve the dates of a scenario to one CALENDAR record per step."""
    sub = scenario.time.substeps
    months = scenario.n_months
    context = scenario.context
    demand_before, demand_after = facts.fact("citizens_demand").values
    since = scenario.month_index(facts.fact("citizens_demand").dates[1])
    odd = scenario.month_index(facts.fact("odd_frame").dates[0])
    votes = {scenario.month_index(month) for month in context.elections}
    month = np.arange(months)
    election = np.isin(month, sorted(votes))
    shock = np.zeros(months)
    for crisis in context.crises:
        first = scenario.month_index(crisis.start)
        shock[(month >= first) & (month < first + crisis.months)] += crisis.depth
    fte = np.zeros(months)
    support = scenario.catalysis_months
    fte[(month >= support.start) & (month < support.stop)] = (
        scenario.catalysis.fte * scenario.territory.sample
    )
    july = np.array([scenario.month_label(k).endswith("-07") for k in range(months)])
    def steps(by_month: Array, once: bool = False) -> Array:
        wide = np.repeat(by_month, sub)
        if once:
            wide[np.arange(len(wide)) % sub != 0] = False
        return wide

    dates = records(months * sub, CALENDAR)
    dates.shock = steps(shock)
    dates.demand = steps(np.where(month >= since, demand_after, demand_before) * context.demand)
    dates.fte = steps(fte)
    dates.election = steps(election, once=True)
    dates.odd = steps((month >= odd) & context.odd)
    dates.july = steps(july, once=True)
    return dates


def settings(scenario: Scenario) -> Any:
    """Return what the scenario sets once for the whole run, as one record."""
    made = record(SETTINGS)
    made.mix[:] = [scenario.catalysis.mix.shares[name] for name in METIERS]
    made.caseload = scenario.catalysis.caseload
    made.turnover = scenario.context.turnover
    made.scissors = scenario.context.scissors
    made.session = scenario.catalysis.session_size
    made.invitation = INVITATIONS.index(scenario.catalysis.invitation)
    made.substeps = scenario.time.substeps
    return made


def engaged_shares(start: str, params: Any) -> Array:
    """Return the share engaged at month `start` for each of `ENGAGED_CLASSES`.

    Linear on the logit between published years (mid-year), on the same slope before the first
    and level after the last; other associations take the slope of the employers (assumption).
    """
    year = int(start[:4]) + (int(start[5:7]) - 0.5) / 12.0

    def logit(p: float) -> float:
        return math.log(p / (1.0 - p))

    def share(first: str, last: str, level: float | None = None) -> float:
        a, b = facts.fact(first), facts.fact(last)
        x, y = logit(a.values[0]), logit(b.values[0])
        from_year, to_year = float(a.dates[0][:4]) + 0.5, float(b.dates[0][:4]) + 0.5
        slope = (y - x) / (to_year - from_year)
        end = y if level is None else logit(level)
        return 1.0 / (1.0 + math.exp(-(end + slope * (min(year, to_year) - to_year))))

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


def _beta_tables(params: Any) -> Array:
    tables = np.zeros((5, 2, 1025))
    for kind, name in enumerate(("elu", "association", "company", "academic", "catalyseur")):
        for k, level in enumerate("ce"):
            if name != "company":
                a, b = (float(getattr(params, f"{level}_{name}_{side}")) for side in "ab")
                tables[kind, k] = _beta_quantiles(a, b)
    return tables


def template(scenario: Scenario, place: Place, params: Any, journal: bool = False) -> State:
    """Return the State of a scenario before anybody is drawn: seats, room and calendar.

    Copy it for each replicate and hand the copy to `initialise`.
    """
    dates = calendar(scenario)
    seats = seats_of(place, params, scenario.territory.sample)
    n_catalysts = math.ceil(dates.fte.max())
    n_residents = len(seats["kind"])
    n = n_residents + n_catalysts
    n_communes = len(place.population)
    by_size = np.argsort(-place.population, kind="stable")

    actors = records(n, ACTORS)
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
    actors.leaves = FOREVER
    actors.capacity = 1
    actors.coach = actors.place = actors.seats = NOBODY
    actors.order = np.arange(n)
    actors.room = np.where(actors.kind == CATALYSEUR, CATALYST_SLOTS, TIE_SLOTS)
    actors.first = np.cumsum(actors.room) - actors.room
    actors.soonest = NEVER

    communes = records(n_communes + 1, COMMUNES)
    residents = np.argsort(actors.commune[:n_residents], kind="stable")
    communes.start = np.searchsorted(
        actors.commune[residents], np.arange(n_communes + 1)
    )
    communes.by_size[:n_communes] = by_size

    territory = record(TERRITORY)
    territory.fragility[:] = params.fragility_start
    territory.engines = params.engines_start
    territory.seats[:] = first
    territory.domains = DEFAULT_DOMAINS
    territory.journal = journal
    return State(
        actors=actors,
        ties=records(int(actors.room.sum()), TIES),
        alliances=records(2 * n + 256, ALLIANCES),
        places=records(n_catalysts, PLACES),
        proposals=records(1 + 4 * max(1, n_catalysts), PROPOSALS),
        communes=communes,
        residents=residents.astype(np.int64),
        beta=_beta_tables(params),
        calendar=dates,
        journal=records(32 * n + 4096 if journal else 1, JOURNAL),
        territory=territory,
        settings=settings(scenario),
    )


@kernel
def engaged_class(kind, size_class):
    """Return the place of an actor in `ENGAGED_CLASSES`."""
    if kind == 0:
        return 0
    if kind == 1:
        return 2 if size_class >= 2 else 1
    return kind + 1


@kernel
def _partner(state, flagged, i, key):
    """Return an engaged actor of another world that matches `i`, near it, or NOBODY."""
    actors = state.actors
    ties = state.ties
    first = state.communes.start[actors.commune[i]]
    neighbours = state.communes.start[actors.commune[i] + 1] - first
    for a in range(24):
        u = uniform(key, SEED, actors.id[i], 0, 16 + a)
        if a < 8:
            if actors.contacts[i] == 0:
                continue
            j = ties.other[actors.first[i] + index(u, actors.contacts[i])]
        elif a < 16:
            j = state.residents[first + index(u, neighbours)]
        else:
            j = actors.order[index(u, state.territory.seats[CATALYSEUR])]
        if (
            flagged[j]
            and actors.kind[j] != actors.kind[i]
            and has_room(actors, j)
            and match(actors, i, j) > 0.0
        ):
            return j
    return NOBODY


@kernel
def _seed_alliance(state, params, i, j, key):
    """Give `i` an alliance that lives already, with `j` or an outside partner (j = NOBODY)."""
    actors = state.actors
    ties = state.ties
    alliances = state.alliances
    id = actors.id[i]
    age, recognised = block(key, SEED, id, 0, 2)
    born = -1 - np.int64(min(600.0, exponential(age) * params.seed_age))
    u, v = block(key, SEED, id, 0, 3)
    ids = np.empty(2, np.uint64)
    ids[0] = id
    outside = NOBODY
    if j == NOBODY:
        outside = index(uniform(key, SEED, id, 0, 4), 3)
        outside += outside >= actors.kind[i]
        bits = actors.needs[i]
        q = params.outside_match
        m = maturity(actors, i)
        size = budget(actors, i)
        alliance = alliance_id(ids, 1, born)
    else:
        ids[1] = actors.id[j]
        bits = (actors.needs[i] & actors.solutions[j]) | (actors.needs[j] & actors.solutions[i])
        q = match(actors, i, j)
        m = (maturity(actors, i) + maturity(actors, j)) / 2.0
        size = max(budget(actors, i), budget(actors, j))
        alliance = alliance_id(ids, 2, born)
    kind = draw_type(params, m, q, size, v)
    a = found(state, params, alliance, _domain(bits, u), kind, SEEDED, outside, born)
    if a == NOBODY:
        return
    join(state, params, a, i, born, key)
    if j != NOBODY:
        if slot_of(actors, ties, i, j) == NOBODY:
            meet(state, params, i, j, 0, -1, key)
        join(state, params, a, j, born, key)
    results = min(-born // np.int64(params.success_clock), 24)
    for r in range(results):
        if uniform(key, SEED, id, 0, 64 + r) < 0.5:
            alliances.successes[a] = min(
                alliances.successes[a] + 1, np.int64(params.complete_successes) - 4
            )
        else:
            alliances.failures[a] += 1
    if alliances.successes[a] >= params.climb_successes:
        alliances.rung[a] = 1
    if recognised < params.recognised_at_start:
        alliances.recognised[a] = -1
    gain = 1.0 - (1.0 - params.trust_gain) ** alliances.successes[a]
    if j == NOBODY:
        tau = base_trust(params, outside)
        alliances.outside_trust[a] = tau + (1.0 - tau) * gain
        return
    for x in range(2):
        one = i if x == 0 else j
        two = j if x == 0 else i
        slot = slot_of(actors, ties, one, two)
        if slot != NOBODY:
            tau = base_trust(params, actors.kind[two])
            ties.trust[slot] = max(ties.trust[slot], tau + (1.0 - tau) * gain)


@kernel
def initialise(state, params, engaged, key):
    """Draw occupants, contacts at equilibrium and living alliances into a copy of a template."""
    actors = state.actors
    order = state.actors.order
    for i in order:
        if actors.alive[i]:
            draw_occupant(state, params, i, 0, key)
    for month in range(-np.int64(params.burn_in), 0):
        encounter(state, params, month, key)
        trust(state, params, month, key)
    n = actors.shape[0]
    flagged = np.zeros(n, np.bool_)
    rank = np.ones(n)
    for k in range(n):
        i = order[k]
        if actors.alive[i] and actors.kind[i] < N_WORLDS:
            u, v = block(key, SEED, actors.id[i], 0, 0)
            flagged[i] = u < engaged[engaged_class(actors.kind[i], actors.size_class[i])]
            rank[k] = v
    for k in np.argsort(rank, kind="mergesort"):
        i = order[k]
        if not flagged[i] or actors.load[i] > 0:
            continue
        local = uniform(key, SEED, actors.id[i], 0, 1) < params.seed_local
        j = _partner(state, flagged, i, key) if local else NOBODY
        _seed_alliance(state, params, i, j, key)
    trust(state, params, -1, key)
    state.territory.flow[:] = 0.0
