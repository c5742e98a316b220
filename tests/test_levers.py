"""Each lever acts through its own channel, from its start to its end, within its budget."""

import numpy as np
import pytest
from conftest import BUSY, only, scenario, synthetic

from cosim import engine, facts, parameters
from cosim.indicators import COLUMNS, column
from cosim.levers import LEVERS as REGISTER
from cosim.results import run as journaled_run
from cosim.scenario import Scenario, shipped
from cosim.scenario import load as scenario_of
from cosim.scenario_text import LEVERS as TABLES
from cosim.state import LEVERS, NEVER, NOBODY, PLACE_BORN, PUBLICS, SHARED
from cosim.territory import load, national_totals, territories
from cosim.testing import contact_slots
from cosim.timetable import calendar

START = 6
SINCE = {"start": "2010-07"}
CATALYSTS = {"fte": 2.0}
MANY = 120  # replicates, where the sign of a mean is asked for
GENEROUS = 200.0  # k€ a year: most of any public is reached

#: lever of the register -> (what the scenario says, catalysts that it needs).
CASES = {
    "droit": ({"droit": {"strength": 1.0}}, {}),
    "ingenierie: engineers": ({"ingenierie": {"fte": 2.0}}, {}),
    "ingenierie: funds": ({"ingenierie": {"funds": 180.0}}, {}),
    "prime": ({"prime": {"amount": 30.0, "yearly_budget": 3000.0}}, {}),
    "lieux": ({"lieux": {"number": 2}}, {}),
    "reconnaissance": ({"reconnaissance": {"funds": 60.0}}, {}),
    "usine": ({"usine": {"key": "equal", "factor": 40.0}}, {}),
    **{
        f"{lever}: {public}": (
            {lever: {public: GENEROUS}}, CATALYSTS if public == "territoires" else {},
        )
        for lever in SHARED
        for public in PUBLICS
    },
}  # fmt: skip
#: What tells of the lever itself and not of what it does.
ACCOUNTS = {"spending", "reach"}
#: name -> (indicator, group) that the lever moves up.
GAINS = {
    "droit": ("births", ""),
    "ingenierie: engineers": ("supported", ""),
    "ingenierie: funds": ("alliances", "experiment"),
    "prime": ("births", ""),
    "lieux": ("place_ties", ""),
    "reconnaissance": ("recognised", ""),
    "donnees: organisations": ("commitment", "company"),
    "donnees: collectivites": ("commitment", "elu"),
    "donnees: institutions": ("recognised", ""),
    "outils: organisations": ("alliances", ""),
    "outils: institutions": ("successes", ""),
    "outils: territoires": ("meetings", ""),
    "competences: organisations": ("know_how", "company"),
    "competences: collectivites": ("know_how", "elu"),
    "competences: territoires": ("know_how", ""),
    "competences: institutions": ("age", ""),
}


def world(months=30, catalysts=None, start=SINCE, without=(), **levers):
    """A lively small territory without elections; every lever starts at `start`."""
    tables = {name: {**lever, **start} for name, lever in levers.items()}
    return scenario(
        months=months,
        catalysis=catalysts or {},
        parameters=BUSY,
        context={"elections": []},
        model={"without": list(without)},
        **tables,
    )


def outs(document, replicates=1, seed=3):
    ready = engine.plan(document)
    return np.stack([engine.replicate(ready, seed, r)[0] for r in range(replicates)])


def moved(a, b):
    """Names of the indicators that differ between two runs."""
    return {COLUMNS[k][0] for k in np.flatnonzero((a != b).any(axis=tuple(range(a.ndim - 1))))}


@pytest.fixture(scope="module")
def references():
    return {bool(c): outs(world(catalysts=c), MANY) for c in ({}, CATALYSTS)}


@pytest.mark.parametrize("name", CASES)
def test_a_lever_moves_nothing_before_its_start_and_something_after(references, name):
    lever, catalysts = CASES[name]
    out = outs(world(catalysts=catalysts, **lever), 8)
    reference = references[bool(catalysts)][:8]
    assert out[:, :START].tobytes() == reference[:, :START].tobytes()
    assert moved(out, reference) - ACCOUNTS


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"usine"}))  # it brings catalysts
def test_without_its_channel_a_lever_only_costs(name):
    lever, catalysts = CASES[name]
    channel = REGISTER[name].channel
    plain = outs(world(catalysts=catalysts, without=channel), 2)
    out = outs(world(catalysts=catalysts, without=channel, **lever), 2)
    assert moved(plain, out) <= ACCOUNTS
    assert "spending" in moved(plain, out) or name == "prime"  # nobody is paid who is not born


def test_every_lever_of_a_scenario_is_in_the_register_and_every_one_of_the_register_is_tried():
    assert {lever.table for lever in REGISTER.values()} == {"catalysis", *TABLES}
    assert set(CASES) == set(REGISTER) - {"catalysis"}  # its métiers: test_metiers.py
    for lever in REGISTER.values():
        named = (*lever.parameters, *lever.costs)
        assert named and all(name in parameters.PARAMETERS for name in named)
        assert lever.scenario in shipped()
        wanted = getattr(scenario_of(lever.scenario), lever.table)
        assert getattr(wanted, lever.public or "start") not in (0.0, None)


def test_every_strength_of_a_lever_in_the_ledger_belongs_to_a_lever():
    own = {"droit", "prime", "donnees", "outils", "competences", "usine"}
    strengths = {name for name in parameters.PARAMETERS if name.split("_")[0] in own}
    told = {name for lever in REGISTER.values() for name in (*lever.parameters, *lever.costs)}
    assert strengths <= told


@pytest.mark.parametrize("name", GAINS)
def test_a_lever_raises_what_its_channel_is_for(references, name):
    lever, catalysts = CASES[name]
    c = column(*GAINS[name])
    gain = outs(world(catalysts=catalysts, **lever), MANY) - references[bool(catalysts)]
    yearly = gain[:, -12:, c].mean(axis=1)
    assert yearly.mean() > 2 * yearly.std(ddof=1) / np.sqrt(len(yearly)) > 0


ZERO = {
    "droit": {"strength": 0.0},
    "ingenierie": {"fte": 0.0, "funds": 0.0, "budget": 100.0},
    "prime": {"amount": 0.0, "yearly_budget": 500.0},
    "lieux": {"number": 0, "capacity": 100},
    "reconnaissance": {"funds": 0.0, "budget": 10.0},
    "donnees": {"organisations": 0.0, "budget": 10.0},
    "outils": {"institutions": 0.0},
    "competences": {"territoires": 0.0},
    "usine": {"key": "population", "factor": 0.0},
}


@pytest.mark.parametrize("name", ZERO)
def test_a_lever_at_zero_is_bit_identical_to_its_absence(references, name):
    out = outs(world(catalysts=CATALYSTS, **{name: ZERO[name]}), 2)
    assert out.tobytes() == references[True][:2].tobytes()


def test_a_budget_of_zero_is_bit_identical_too(references):
    out = outs(world(catalysts=CATALYSTS, droit={"strength": 1.0, "budget": 0.0},
                     prime={"amount": 10.0, "yearly_budget": 0.0}), 2)  # fmt: skip
    assert out.tobytes() == references[True][:2].tobytes()


def test_information_alone_does_next_to_nothing_where_skills_teach(references):
    reference = references[False]

    def change(indicator, **lever):
        c = column(indicator)
        return float((outs(world(**lever), MANY) - reference)[:, -12:, c].mean())

    both = {"organisations": GENEROUS, "collectivites": GENEROUS}
    alliances = reference[:, -12:, column("alliances")].mean()
    assert abs(change("alliances", donnees=both)) < 0.05 * alliances
    assert abs(change("able", donnees=both)) < 0.01
    assert change("know_how", competences=both) > 10 * abs(change("know_how", donnees=both))


# -- money ------------------------------------------------------------------------------------


def purchases(document):
    """Spending by lever, k€, of the actions table and of the indicator at the end."""
    results = journaled_run(document, seed=2)
    table = results.actions
    final = {name: results.values[-1, column("spending", name)] for name in dict.fromkeys(LEVERS)}
    return table, final


def test_the_prime_stops_when_its_budget_is_spent_to_the_euro():
    table, final = purchases(
        world(months=30, prime={"amount": 7.3, "yearly_budget": 50.0}, ingenierie={"funds": 60.0})
    )
    primes = table[table.lever == "prime"]
    euros = np.round(primes.k_euros * 1000).astype(int)
    assert np.allclose(primes.k_euros * 1000, euros, atol=1e-6)
    by_year = euros.groupby(primes.month.dt.year).sum()
    assert (by_year == 50_000).all() and len(by_year) == 3
    assert primes.month.min() >= np.datetime64("2010-07-01")
    assert (euros <= 7_300).all() and (euros == 7_300).sum() >= 3 * 6
    assert final["prime"] == pytest.approx(150.0, abs=1e-9)


def test_a_purse_that_is_never_empty_pays_every_local_birth_in_full():
    document = world(prime={"amount": 4.0, "yearly_budget": 1e5})
    table, _ = purchases(document)
    results = journaled_run(document, seed=2)
    alliances = results.alliances
    born = alliances[alliances.local & (alliances.born >= np.datetime64("2010-07-01"))]
    assert len(table) == len(born) > 0
    assert (table.k_euros == 4.0).all()


@pytest.mark.parametrize(
    ("name", "lever", "yearly"),
    [
        ("droit", {"strength": 1.0}, "droit_cost"),
        ("lieux", {"number": 2}, "place_cost"),
        ("ingenierie", {"fte": 1.0, "funds": 12.5}, "fte_cost"),
        ("outils", {"organisations": 30.0, "institutions": 30.0}, None),
        ("reconnaissance", {"funds": 55.0}, None),
    ],
)
def test_a_lever_spends_its_budget_and_then_stops(name, lever, yearly):
    budget = 37.25
    document = world(**{name: {**lever, "budget": budget}})
    params = parameters.resolve()
    dates = calendar(document, engine.territory_of(document), params)
    spent = dates.spend[:, LEVERS.index(name)]
    assert spent.sum() == pytest.approx(budget, abs=1e-12)
    last = np.flatnonzero(spent)[-1]
    assert (spent[:START] == 0).all() and last < document.n_months - 1
    full = spent[START]
    assert np.allclose(spent[START:last], full) and 0 < spent[last] <= full
    if yearly:
        amount = {"droit": 1.0, "lieux": 2.0, "ingenierie": 1.0}[name]
        assert full == pytest.approx(
            (amount * getattr(params, yearly) + lever.get("funds", 0)) / 12
        )
    effects = {"droit": dates.droit, "lieux": dates.lieux, "ingenierie": dates.engineers,
               "outils": dates.amounts[:, 1].sum(axis=1),
               "reconnaissance": dates.cases}  # fmt: skip
    assert (effects[name][START : last + 1] > 0).all()
    assert (effects[name][last + 1 :] == 0).all()
    _, final = purchases(document)
    assert final[name] == pytest.approx(budget, abs=1e-9)


def test_catalysis_stops_with_its_budget():
    document = world(catalysts={"fte": 2.0, "budget": 100.0})
    run = engine.Run(engine.plan(document))
    present = []
    while not run.done:
        run.step()
        present.append(run.state.calendar.fte[run.month - 1] > 0)
    assert sum(present) == 8  # 12.5 k€ a month
    assert run.out[-1, column("spending", "catalysis")] == pytest.approx(100.0)


def test_actions_and_the_indicator_tell_the_same_spending():
    document = world(
        catalysts={"fte": 1.5},
        droit={"strength": 0.5},
        ingenierie={"fte": 1.0, "funds": 40.0},
        prime={"amount": 5.0, "yearly_budget": 40.0},
        donnees={"organisations": 10.0, "territoires": 3.0},
        usine={"key": "equal", "factor": 20.0, "months": 12},
    )
    table, final = purchases(document)
    by_lever = table.groupby("lever").k_euros.sum()
    for name, amount in final.items():
        assert by_lever.get(name, 0.0) == pytest.approx(amount, rel=1e-9), name
    assert set(table[table.lever == "usine"].metier) == {"volet 1", "volet 2", "volet 3"}


def test_a_sampled_territory_spends_as_much_as_the_whole_one():
    levers = {"ingenierie": {"fte": 2.0, "funds": 40.0}, "outils": {"organisations": 25.0}}
    whole, half = (
        scenario(months=12, place=synthetic(population=6000, sample=share), **levers)
        for share in (1.0, 0.5)
    )
    assert purchases(whole)[1] == pytest.approx(purchases(half)[1])


@pytest.mark.parametrize("key", ["equal", "population"])
def test_the_usine_brings_its_share_of_the_two_national_envelopes(key):
    document = Scenario(
        territory={"code": "200071371"},
        usine={"key": key, "start": "2012-01", "months": 24},
        time={"start": "2010-01", "end": "2016-12"},
    )
    place = load("200071371")
    dates = calendar(document, place, parameters.resolve())
    part = 1 / len(territories())
    if key == "population":
        part = place.population.sum() / national_totals().in_territories
    total = sum(facts.fact(f"usine_{name}").values[0] for name in ("experiments", "diffusion"))
    assert dates.spend.sum() == pytest.approx(1000 * total * part)
    months = np.flatnonzero(dates.spend.sum(axis=1))
    assert (months[0], months[-1]) == (24, 47)
    assert (dates.own_fte == 0).all() and dates.fte[24] > 0
    # What the volets buy costs what the volets spend.
    params = parameters.resolve()
    bought = dates.amounts.sum(axis=(1, 2)) + dates.cases + dates.trials
    bought = bought + (dates.fte + dates.engineers) * params.fte_cost
    assert np.allclose(bought / 12.0, dates.spend.sum(axis=1))


# -- places, engineers, groups, interruption --------------------------------------------------


def test_closing_the_places_empties_them_at_once_and_keeps_their_ties_for_a_while():
    document = scenario(
        months=60, context={"elections": []},
        lieux={"number": 2, "capacity": 40, "start": "2010-02", "end": "2013-01"},
    )  # fmt: skip
    run = engine.Run(engine.plan(document), seed=4)
    ties = []
    while not run.done:
        run.step()
        slots = contact_slots(run.state)[1]
        ties.append(int((run.state.ties.marks[slots] & PLACE_BORN > 0).sum()))
        open_now = 1 <= run.month - 1 < 36
        assert (run.state.places.count.sum() > 0) == open_now
    closed = 36
    assert ties[closed - 1] > 50
    assert ties[closed + 12] > 0.4 * ties[closed - 1]
    assert ties[-1] < 0.8 * ties[closed - 1]


def test_a_place_holds_no_more_than_its_capacity_and_several_stand_in_several_communes():
    document = scenario(months=12, lieux={"number": 3, "capacity": 15})
    run = engine.Run(engine.plan(document))
    while not run.done:
        run.step()
    places = run.state.places
    assert len(places) == 3 and (places.count <= 15).all() and places.count.sum() > 30
    assert len(set(places.commune.tolist())) == 3


def test_engineers_follow_the_most_complex_alliances_and_no_more_than_they_can():
    document = world(ingenierie={"fte": 0.5})
    run = engine.Run(engine.plan(document))
    while run.month < START + 1:
        run.step()
    rows = run.state.alliances[: run.state.territory.n_alliances]
    slots = int(0.5 * parameters.PARAMETERS["alliances_per_engineer"].default + 0.5)
    followed = rows.followed > START
    assert followed.sum() == slots
    sizes = rows.n_members + (rows.outside != NOBODY)
    others = (rows.ended == NEVER) & ~followed & (rows.born < START)
    assert sizes[followed].mean() > sizes[others].mean()


@pytest.mark.parametrize(("first_step", "low", "high"),
                         [("small", 2, 3), ("medium", 3, 5), ("large", 8, 12)])  # fmt: skip
def test_experiments_gather_groups_of_the_size_that_the_scenario_says(first_step, low, high):
    ready = engine.plan(
        scenario(
            place=synthetic(population=20_000),
            catalysis={"fte": 20.0, "first_step": first_step, "mix": only("experimentation")},
        )
    )
    run = engine.Run(ready)
    sizes = []
    for rule in [m.rule() for m in ready.schedule.mechanisms[:2]]:
        rule(run.state, ready.params, 0, run.key)
    n = run.state.territory.n_proposals
    sizes = run.state.proposals.n_members[:n]
    assert n > 2 and low <= sizes.max() <= high


@pytest.mark.parametrize("matching", ["needs", "solutions"])
def test_matching_says_who_has_the_need_and_who_has_the_solution(matching):
    ready = engine.plan(
        scenario(
            place=synthetic(population=20_000),
            catalysis={"fte": 20.0, "matching": matching, "mix": only("experimentation")},
        )
    )
    run = engine.Run(ready)
    for rule in [m.rule() for m in ready.schedule.mechanisms[:2]]:
        rule(run.state, ready.params, 0, run.key)
    actors, proposals = run.state.actors, run.state.proposals
    first, others = ("needs", "solutions") if matching == "needs" else ("solutions", "needs")
    seen = 0
    for row in proposals[: run.state.territory.n_proposals]:
        members = row.members[: row.n_members]
        bit = 1 << int(row.domain)
        assert all(actors[others][i] & bit for i in members[1:])
        seen += bool(actors[first][members[0]] & bit)
    assert seen >= 0.8 * run.state.territory.n_proposals > 0


def test_support_that_stops_early_falls_and_recovers_when_it_starts_again():
    base = {"territory": {"code": "200071371"}, "context": {"elections": []},
            "time": {"start": "2010-01", "end": "2021-12"}}  # fmt: skip
    support = {"fte": 6.0, "start": "2011-01"}
    nobody, stops, again = (
        outs(Scenario(**base, catalysis=catalysis), 8)
        for catalysis in (
            {"fte": 0},
            {**support, "end": "2014-01"},
            {**support, "end": "2014-01", "restart": "2017-01"},
        )
    )

    def lead(with_, indicator, year):
        """Mean over a year of what the support has brought so far."""
        months = slice((year - 2010) * 12, (year - 2009) * 12)
        return (with_ - nobody)[:, months, column(indicator)].mean()

    assert stops[:, :84].tobytes() == again[:, :84].tobytes()
    built = lead(stops, "degree", 2013)
    assert lead(stops, "degree", 2016) < 0.5 * built
    assert lead(again, "degree", 2021) > 0.7 * built > 2 * lead(stops, "degree", 2021)
    supported = again[0, :, column("supported")]
    assert supported[40] > 0 and supported[60] == 0 and supported[-1] > 0


def test_an_elu_gains_more_from_the_metier_that_suits_its_profile():
    """Coaching suits gestionnaire and not bâtisseuse."""

    def gain(profile, affinity):
        document = scenario(
            months=24,
            place={**synthetic(), "profile": profile},
            catalysis={"fte": 3.0, "mix": only("accompagnement")},
            parameters={"profile_affinity": affinity},
        )
        return outs(document)[0, -1, column("know_how", "elu")]

    assert gain("gestionnaire", 1.0) > gain("gestionnaire", 0.0)
    assert gain("batisseuse", 1.0) == gain("batisseuse", 0.0)


def test_domains_and_their_fragility_come_from_the_scenario():
    place = {**synthetic(), "domains": ["eau", "emploi", "paix"],
             "fragility": {"eau": 90.0, "emploi": 5.0, "paix": 5.0}}  # fmt: skip
    state = engine.plan(scenario(place=place)).state(1, 0)
    actors = state.actors[state.actors.alive]
    bits = {5, 7, 15}
    used = {bit for bit in range(17) if (actors.needs | actors.solutions).max() >> bit & 1}
    assert used <= bits and all((mask & ~sum(1 << b for b in bits)) == 0 for mask in actors.needs)
    wanted = [(actors.needs >> bit & 1).mean() for bit in (5, 7, 15)]
    assert wanted[0] > 0.9 > max(wanted[1:])
    assert state.territory.fragility[5] == 90.0 and state.territory.fragility[0] == 50.0
