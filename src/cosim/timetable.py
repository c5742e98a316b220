"""A scenario's dates, levers and budgets resolved before the run (ODD §7.14).

One CALENDAR record per step and one SETTINGS record: what the kernels read of a scenario.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import facts
from cosim.errors import ScenarioError
from cosim.state import (
    CALENDAR,
    DONNEES,
    FIRST_STEPS,
    INVITATIONS,
    L_CATALYSIS,
    L_DONNEES,
    L_DROIT,
    L_INGENIERIE,
    L_LIEUX,
    L_RECONNAISSANCE,
    L_USINE,
    MATCHINGS,
    MAX_REGULARS,
    MEASURE_NETWORK,
    MEASURE_TIES,
    METIERS,
    PUBLICS,
    RULES,
    SETTINGS,
    SHARED,
    TERRITOIRES,
    Array,
    Records,
    record,
    records,
)

if TYPE_CHECKING:
    from cosim.scenario import Scenario
    from cosim.territory import Territory as Place


#: What depends on the size of a territory: posts, and k€ or euros.
_AMOUNTS = ("fte", "own_fte", "engineers", "trials", "purse", "cases", "amounts", "spend")


def calendar(scenario: Scenario, place: Place, params: Any) -> Records:
    """Return what happens at each step in one territory: CALENDAR[steps].

    `params` is the record of the ledger, per step (of its costs, none depends on time). Amounts of
    money and of posts are those of the simulated share of the territory.
    """
    return complete(common(scenario, params), scenario, params, _usine_part(scenario, place))


def common(scenario: Scenario, params: Any) -> Records:
    """Return what the scenario says of each month, the same in every territory."""
    monthly = records(scenario.n_months, CALENDAR)
    _context(scenario, monthly)
    _levers(scenario, params, monthly)
    _prime(scenario, monthly)
    return monthly


def complete(
    monthly: Records, scenario: Scenario, params: Any, usine: float,
    posts: Array | None = None, share: float = 1.0,
) -> Records:  # fmt: skip
    """Return CALENDAR[steps] of a territory from what is `common` to all.

    Parameters
    ----------
    usine : its share of the national money of the usine
    posts : float64[months], FTE of catalysis beside those of the scenario
    share : factor on amounts and posts of the scenario (not on places, droit, one prime)
    """
    sub = scenario.time.substeps
    monthly = monthly.copy()
    if share != 1.0:
        whole = monthly.spend[:, (L_LIEUX, L_DROIT)].copy()
        for name in _AMOUNTS:
            monthly[name] *= share
        monthly.spend[:, (L_LIEUX, L_DROIT)] = whole
    if posts is not None:
        monthly.own_fte += posts
        monthly.spend[:, L_CATALYSIS] += posts * params.fte_cost / 12.0
    _usine(scenario, usine, params, monthly)
    monthly.fte += monthly.own_fte
    sample = scenario.territory.sample
    for name in _AMOUNTS:
        monthly[name] *= sample
    dates = np.repeat(monthly, sub).view(np.recarray)
    dates.spend /= sub
    later = np.arange(len(dates)) % sub != 0
    for name in ("election", "july", "purse"):
        dates[name][later] = 0
    return dates


def _context(scenario: Scenario, dates: Records) -> None:
    month = np.arange(len(dates))
    context = scenario.context
    demand_before, demand_after = facts.fact("citizens_demand").values
    since = scenario.month_index(facts.fact("citizens_demand").dates[1])
    odd = scenario.month_index(facts.fact("odd_frame").dates[0])
    dates.demand = np.where(month >= since, demand_after, demand_before) * context.demand
    dates.odd = (month >= odd) & context.odd
    dates.election = np.isin(month, [scenario.month_index(vote) for vote in context.elections])
    dates.july = [scenario.month_label(k).endswith("-07") for k in range(len(dates))]
    for crisis in context.crises:
        first = scenario.month_index(crisis.start)
        dates.shock[(month >= first) & (month < first + crisis.months)] += crisis.depth


def _within(spending: Array, budget: float | None) -> Array:
    """Return the share of each month's `spending` (k€) that the budget still pays."""
    if budget is None:
        return np.ones(len(spending))
    before = np.cumsum(spending) - spending
    left = np.clip(budget - before, 0.0, spending)
    return np.divide(left, spending, out=np.zeros(len(spending)), where=spending > 0.0)


def _active(scenario: Scenario, lever: Any) -> Array:
    on = np.zeros(scenario.n_months)
    months = scenario.months_of(lever)
    on[months.start : months.stop] = 1.0
    return on


def _levers(scenario: Scenario, params: Any, dates: Records) -> None:
    """Write the levers with a budget: what they give and what they spend, month by month."""

    def paid(lever: Any, place: int, yearly: float, on: Array) -> Array:
        spending = on * yearly / 12.0
        share = _within(spending, lever.budget) * on
        dates.spend[:, place] = spending * share
        return share

    catalysis = scenario.catalysis
    on = _active(scenario, catalysis)
    if catalysis.restart:
        on[max(0, scenario.month_index(catalysis.restart)) :] = 1.0
    yearly = catalysis.fte * params.fte_cost
    dates.own_fte = catalysis.fte * paid(catalysis, L_CATALYSIS, yearly, on)

    lever: Any = scenario.lieux
    share = paid(lever, L_LIEUX, lever.number * params.place_cost, _active(scenario, lever))
    dates.lieux = np.where(share > 0.0, lever.number, 0)
    lever = scenario.droit
    share = paid(lever, L_DROIT, lever.strength * params.droit_cost, _active(scenario, lever))
    dates.droit = lever.strength * share
    lever = scenario.ingenierie
    yearly = lever.fte * params.fte_cost + lever.funds
    share = paid(lever, L_INGENIERIE, yearly, _active(scenario, lever))
    dates.engineers = lever.fte * share
    dates.trials = lever.funds * share
    lever = scenario.reconnaissance
    share = paid(lever, L_RECONNAISSANCE, lever.funds, _active(scenario, lever))
    dates.cases = lever.funds * share
    for k, name in enumerate(SHARED):
        lever = getattr(scenario, name)
        amounts = np.array([getattr(lever, public) for public in PUBLICS])
        share = paid(lever, L_DONNEES + k, float(amounts.sum()), _active(scenario, lever))
        dates.amounts[:, k] = share[:, None] * amounts


def _prime(scenario: Scenario, dates: Records) -> None:
    """Write the prime on offer and the euros that each year, from January, grants."""
    prime = scenario.prime
    months = scenario.months_of(prime)
    if prime.amount == 0.0 or prime.yearly_budget == 0.0 or not months:
        return
    dates.prime[months.start : months.stop] = prime.amount
    for k in months:
        if k == months.start or scenario.month_label(k).endswith("-01"):
            dates.purse[k] = round(prime.yearly_budget * 1000.0)


def _usine_part(scenario: Scenario, place: Place) -> float:
    """Return the share of the national money of the usine that one territory gets."""
    from cosim.territory import SMALL_COMMUNE, national_totals, territories

    match scenario.usine.key:
        case "none":
            return 0.0
        case "equal":
            return 1.0 / len(territories())
        case "population":
            return float(place.population.sum()) / national_totals().in_territories
        case "need":
            small = place.population[place.population < SMALL_COMMUNE]
            return float(small.sum()) / national_totals().in_small_communes
        case key:
            raise ScenarioError(
                "where catalysts are is known in a run of France only", key="usine.key", found=key,
                expected="equal, population or need; or `cosim france`",
            )  # fmt: skip


def _usine(scenario: Scenario, part: float, params: Any, dates: Records) -> None:
    """Add what the three volets of the usine bring to the territory."""
    usine = scenario.usine
    if part == 0.0 or usine.factor == 0.0:
        return
    months = scenario.months_of(usine)
    on = np.zeros(len(dates))
    first = scenario.month_index(usine.start) if usine.start else 0
    on[months.start : max(0, min(months.stop, first + usine.months))] = 1.0

    def yearly(name: str) -> float:
        return facts.fact(name).values[0] * 1000.0 * part * usine.factor / (usine.months / 12.0)

    diffusion, trials = yearly("usine_diffusion"), yearly("usine_experiments")
    second = trials * params.usine_volet_2
    third = trials - second
    for volet, amount in enumerate((diffusion, second, third)):
        dates.spend[:, L_USINE + volet] = on * amount / 12.0
    dates.amounts += on[:, None, None] * diffusion / 4.0 / len(PUBLICS)
    dates.cases += on * diffusion / 4.0
    dates.amounts[:, DONNEES, TERRITOIRES] += on * second * params.usine_listening
    dates.fte = on * second * (1.0 - params.usine_listening) / params.fte_cost
    dates.trials += on * third / 2.0
    dates.engineers += on * third / 2.0 / params.fte_cost


def settings(scenario: Scenario) -> Any:
    """Return what the scenario sets once for the whole run, as one record."""
    made = record(SETTINGS)
    catalysis, rules = scenario.catalysis, scenario.rules
    sample = scenario.territory.sample
    made.mix[:] = [catalysis.mix.shares[name] for name in METIERS]
    made.caseload = catalysis.caseload
    made.turnover = scenario.context.turnover
    made.scissors = scenario.context.scissors
    made.session = catalysis.session_size
    made.invitation = INVITATIONS.index(catalysis.invitation)
    made.matching = MATCHINGS.index(catalysis.matching)
    made.first_step = FIRST_STEPS.index(catalysis.first_step)
    made.lieux_capacity = min(MAX_REGULARS, int(scenario.lieux.capacity * sample + 0.5))
    made.sample = sample
    made.substeps = scenario.time.substeps
    made.measured = MEASURE_TIES | MEASURE_NETWORK
    for name, choices in RULES.items():
        made[name] = choices.index(getattr(rules, name))
    return made
