"""A run of France keeps to its second implementation, and to what it promises (ODD §7.17)."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import BUSY, RULE, scenario, synthetic
from reference import national as oracle
from reference.adapter import country
from reference.compare import snapshot, snapshot_of_state, unequal
from reference.model import COMPLETED, FADED, FAILED, LIVING, SEEDED
from reference.rules import living_actors

from cosim import engine, facts, national, parameters, streams, territory
from cosim.errors import ResultsError, ScenarioError
from cosim.indicators import COLUMNS, INDICATORS, column
from cosim.scenario import load
from cosim.state import L_CATALYSIS, L_DROIT, L_LIEUX, N_WORLDS
from cosim.testing import changed, check_state

#: What passes between territories, stronger than at the defaults.
LINKS = {**BUSY, "neighbour_imitation": 0.05, "gathering_spread": 0.8, "visible_success": 0.002}
#: From before the first post (July 2008) to beyond the second gathering (July 2009).
START, MONTHS = "2007-10", 24
EACH_ALONE = {"neighbours": False, "gathering": False, "catalysts": "none"}
#: A run of France makes no pass over ties.
CHEAP = [k for k, pair in enumerate(COLUMNS) if not engine.passes([pair])]


def at(lon, lat, number, communes, population):
    """A stylised territory whose centre is there."""
    place = territory.synthetic(communes, population, number=number)
    east = place.lon - place.lon.mean()
    return replace(place, lon=lon + east, lat=np.full(communes, lat))


#: In a row from west to east, 46 then 38 km apart (two centres that are 0.6° apart would be 67 km
#: from each other at the equator), and one far away; the last in this list is the second by code.
PLACES = (
    at(2.0, 47.0, 1, communes=2, population=700),
    at(2.6, 47.0, 2, communes=2, population=3300),
    at(3.1, 47.0, 3, communes=2, population=1200),
    at(7.0, 44.0, 10, communes=2, population=1800),
)


def world(months=MONTHS, start=START, lag=2, france=None, parameters=LINKS, **tables):
    return scenario(months=months, start=start, parameters=parameters,
                    france={"lag": lag, **(france or {})}, **tables)  # fmt: skip


def run_of(given, places=PLACES, seed=1, replicate=0, **options):
    return national.Run(national.plan(given, places), seed, replicate,
                        **{"columns": CHEAP, **options})  # fmt: skip


def finished(run, *months):
    """The run at its end, in blocks of so many months, over and over."""
    while not run.done:
        for number in months or (None,):
            run.advance(number)
    return run


def value(run, name, group=""):
    """One indicator of all territories, float64[territories, months]."""
    return run.values[:, :, run.columns.tolist().index(column(name, group))]


# -- the second implementation ------------------------------------------------------------


EVERY_LEVER = {
    "catalysis": {"fte": 3.0, "start": "2008-02", "end": "2009-06"},
    "lieux": {"number": 1, "capacity": 9},
    "droit": {"strength": 0.8, "start": "2008-04"},
    "ingenierie": {"fte": 1.5, "funds": 150.0},
    "prime": {"amount": 12.0, "yearly_budget": 80.0},
    "donnees": {"organisations": 15.0, "collectivites": 12.0},
    "outils": {"territoires": 2.0, "institutions": 1.0},
    "competences": {"organisations": 60.0, "budget": 70.0},
    "reconnaissance": {"funds": 10.0, "start": "2009-01"},
}  # fmt: skip
RIVALS = {"maturity": "scalar", "trust": "beta", "imitation": "bounded", "third_party": "warnings"}


def usine(key):
    """From the month of the first posts, or from when some territory holds two."""
    start = "2008-07" if key == "elsewhere" else "2008-10"
    return {"key": key, "factor": 0.05, "start": start}


CASES = {
    "news of a month": {"lag": 1},
    "news of two months, two steps a month": {"lag": 2, "time": {"substeps": 2}, "months": 23},
    "news of half a year": {"lag": 6},
    "blocks of five, one and two months": {"lag": 5, "blocks": (5, 1, 2)},
    "no neighbours": {"france": {"neighbours": False}},
    "nobody within ten kilometres": {"parameters": {**LINKS, "neighbour_distance": 10.0}},
    "neighbours within a hundred": {"parameters": {**LINKS, "neighbour_distance": 100.0}, "lag": 4},
    "no gathering": {"france": {"gathering": False}},
    "no posts, catalysts of their own": {
        "france": {"catalysts": "none"}, "catalysis": {"fte": 1.0, "start": "2008-12"},
    },
    "catalysts who leave after the gathering": {
        "france": {"catalysts": "none"},
        "catalysis": {"fte": 1.0, "start": "2008-06", "end": "2008-11"},
    },
    "a start in July": {"start": "2008-07", "months": 14, "lag": 1},
    "an election and a crisis": {
        "context": {"elections": ["2008-03"],
                    "crises": [{"start": "2008-09", "months": 9, "depth": 1.0}]},
    },
    "every lever, in each territory": EVERY_LEVER,
    "every lever, shared": {**EVERY_LEVER, "france": {"money": "shared"}},
    "every lever, shared, half of the actors, two steps a month": {
        **EVERY_LEVER, "france": {"money": "shared"}, "time": {"substeps": 2}, "months": 22,
        "place": synthetic(sample=0.5),
    },
    "every rival rule": {"rules": RIVALS, "lag": 3},
    **{
        f"usine by {key}": {"usine": usine(key), "months": 16, "lag": 4}
        for key in ("equal", "population", "need", "catalysts", "elsewhere")
    },
    "usine where catalysts are, half of the actors, beside shared money": {
        "usine": usine("catalysts"), "france": {"money": "shared"}, "months": 16,
        "catalysis": {"fte": 2.0}, "place": synthetic(sample=0.5),
    },
}  # fmt: skip


def both(tables, seed=7):
    """The run of a case and its second implementation, before the first month."""
    given = world(**{key: tables[key] for key in tables if key != "blocks"})
    run = run_of(given, seed=seed, workers=2)
    return run, country(run)


def apart(run, second, first):
    """Every value that differs after a block of months from month `first`.

    An alliance that ended before the block is in the record of the second implementation only.
    Those that ended in it are compared with all the others.
    """
    found = []
    for place, state, model in zip(run.nation.places, run.states, second.models, strict=True):
        recent = [
            a for a in model.alliances if a.ended is None or a.ended >= first * second.substeps
        ]
        ours, theirs = snapshot(model), snapshot_of_state(state, model.t)
        kept = [ours["alliances"][model.alliances.index(a)] for a in recent]
        ours["alliances"] = dict(enumerate(kept))
        for name in ("ahead", "spread"):
            ours[name] = dict(enumerate(getattr(model.calendar, name)[: model.t]))
            theirs[name] = dict(enumerate(state.calendar[name][: model.t].tolist()))
        found += unequal(place.code, ours, theirs)
    return found


def counted(model):
    """What the second implementation has counted since the start: it forgets nothing."""
    causes = [a.cause for a in model.alliances]
    return {
        ("births", ""): sum(a.origin != SEEDED for a in model.alliances),
        ("successes", ""): sum(a.successes for a in model.alliances),
        ("failures", ""): sum(a.failures for a in model.alliances),
        ("endings", "completed"): causes.count(COMPLETED),
        ("endings", "failed"): causes.count(FAILED),
        ("endings", "faded"): causes.count(FADED),
    }


def levels(model):
    return {
        ("commitment", "elu"): oracle.mean_commitment(model),
        ("visible", ""): model.visible,
        ("actors", ""): living_actors(model) / model.calendar.sample,
        ("alliances", ""): sum(a.cause == LIVING for a in model.alliances) / model.calendar.sample,
    }


@pytest.mark.parametrize("case", CASES)
def test_engine_and_oracle_agree_after_every_block_of_months(case):
    tables = CASES[case]
    run, second = both(tables)
    blocks = tables.get("blocks", (None,))
    assert run.posts.tolist() == second.posts
    assert apart(run, second, 0) == []
    turn = 0
    while not run.done:
        first = run.month
        run.advance(blocks[turn % len(blocks)])
        turn += 1
        for _ in range((run.month - first) * second.substeps):
            second.step()
        found = apart(run, second, first)
        assert not found, f"month {first}: {len(found)} differences\n" + "\n".join(found[:20])
    assert second.models[0].t == run.nation.scenario.n_months * second.substeps


@pytest.mark.parametrize(
    "case",
    ["news of a month", "news of two months, two steps a month", "an election and a crisis",
     "every lever, shared, half of the actors, two steps a month"],
)  # fmt: skip
def test_what_a_run_keeps_of_each_month_is_what_the_oracle_counts_in_it(case):
    run, second = both(CASES[case])
    before = [counted(model) for model in second.models]
    finished(run)
    per_month = second.substeps
    kept = {}
    for month in range(run.month):
        for _ in range(per_month):
            second.step()
        for k, model in enumerate(second.models):
            now = counted(model)
            flows = {at: now[at] - before[k][at] for at in now}
            before[k] = now
            for (name, group), x in flows.items():
                kept[name, group, k, month] = x / (
                    model.calendar.sample if INDICATORS[name].scaled else 1.0
                )
            kept.update({(*at, k, month): x for at, x in levels(model).items()})
    assert kept == pytest.approx(
        {key: value(run, *key[:2])[key[2:]] for key in kept}, rel=0, abs=1e-9
    )
    for name, group in (("births", ""), ("endings", "failed"), ("successes", "")):
        assert value(run, name, group).sum() > 0.0


def test_what_passes_between_territories_is_there_to_be_compared():
    run, second = both(CASES["news of a month"])
    finished(run)
    assert [place.code for place in run.nation.places] == ["S1", "S10", "S2", "S3"]
    assert second.near == [[2], [], [0, 3], [2]]
    ahead = np.array([state.calendar.ahead for state in run.states])
    spread = np.array([state.calendar.spread for state in run.states])
    assert (ahead[[0, 2, 3]].max(axis=1) > 1e-4).all() and not ahead[1].any()
    july, next_july = 9, 21
    assert not spread[:, :july].any()
    some, all_of_them = spread[:, july] > 0.0, spread[:, next_july] > 0.0
    assert 0 < some.sum() < len(some)  # posts in some territories only
    assert some.sum() < all_of_them.sum()


def test_the_comparison_sees_one_changed_number():
    for change in ("ahead", "spread"):
        run, second = both(CASES["news of a month"])
        run.advance()
        second.step()
        getattr(run.states[2].calendar, change)[0] += 1e-11
        (line,) = apart(run, second, 0)
        assert line.startswith(f"S2/{change}/0")
    alliance = next(a for a in second.models[2].alliances if a.cause == LIVING)
    alliance.successes += 1
    assert len(apart(run, second, 0)) == 2


# -- posts and money ----------------------------------------------------------------------


def alone(given, place, **changes):
    """The calendar of the territory alone."""
    given = given.with_(**{"usine.key": "none", **changes})
    return engine.plan(given, place).template.calendar


def of_the_usine(given, place, share):
    """What that share of the usine adds to a territory's calendar, by row."""
    everywhere = share * len(territory.territories())
    changes = {"usine.key": "equal", "usine.start": given.usine.start,
               "usine.factor": everywhere * given.usine.factor}  # fmt: skip
    with_it, without = alone(given, place, **changes), alone(given, place)
    return {name: with_it[name] - without[name] for name in (*oracle.SHARED, "spend")}


def shares_of_the_usine(run, second):
    given, places = run.nation.scenario, run.nation.places
    if given.usine.key == "none":
        return [0.0] * len(places)
    start = given.month_index(given.usine.start)
    return oracle.usine_shares(
        given.usine.key,
        [place.inhabitants for place in places],
        [oracle.rural(place.population.tolist()) for place in places],
        [row[start] for row in second.posts],
    )


@pytest.mark.parametrize("case", [case for case in CASES if {*CASES[case]} - {"lag", "blocks"}])
def test_the_calendar_of_each_territory_holds_its_posts_and_its_money(case):
    run, second = both(CASES[case])
    given = run.nation.scenario
    shares = shares_of_the_usine(run, second)
    assert national.usine_parts(run.nation, run.key) == pytest.approx(shares, abs=1e-15)
    sub = given.time.substeps
    for k, (place, state) in enumerate(zip(run.nation.places, run.states, strict=True)):
        levers = alone(given, place)
        of_usine = of_the_usine(given, place, shares[k])
        names = [name for name in levers.dtype.names if name not in ("own_fte", "spend")]
        rows = second.rows(k, {name: levers[name].tolist() for name in names})
        for name in names:
            expected = np.array(rows[name]) + of_usine.get(name, 0.0)
            assert state.calendar[name] == pytest.approx(expected, rel=1e-12, abs=1e-12), name
        assert state.calendar.own_fte == pytest.approx(
            np.array(rows["fte"]), rel=1e-12, abs=1e-12
        )  # all but the usine's
        spend = levers.spend * second.share(k)
        for whole in (L_LIEUX, L_DROIT):
            spend[:, whole] = levers.spend[:, whole]
        posts = np.repeat(second.posts[k], sub) * given.territory.sample
        spend[:, L_CATALYSIS] += posts * parameters.resolve().fte_cost / (12.0 * sub)
        assert state.calendar.spend == pytest.approx(
            spend + of_usine["spend"], rel=1e-12, abs=1e-12
        )


def test_shared_money_adds_up_to_that_of_one_territory():
    each, shared = (
        run_of(world(**{**EVERY_LEVER, "france": {"catalysts": "none", "money": money}}))
        for money in ("each", "shared")
    )
    for name in oracle.SHARED:
        (of_one, *_) = (state.calendar[name] for state in each.states)
        in_all = sum(state.calendar[name] for state in shared.states)
        assert in_all == pytest.approx(of_one) and of_one.any(), name
    for name in ("lieux", "droit", "prime"):
        assert all(np.array_equal(state.calendar[name], each.states[0].calendar[name])
                   for state in shared.states), name  # fmt: skip


def test_the_usine_where_nobody_holds_a_post_yet_gives_nothing_to_who_has_one():
    keys = {}
    for key in ("catalysts", "elsewhere"):
        run = run_of(world(usine={**usine(key), "start": "2008-07"}, months=12))
        held = run.posts[:, 9]
        keys[key] = national.usine_parts(run.nation, run.key)
        assert 0 < (held > 0).sum() < len(held)
        assert ((keys[key] > 0.0) == (held > 0 if key == "catalysts" else held == 0)).all()
        assert keys[key].sum() == pytest.approx(1.0)


def test_before_the_first_post_the_usine_is_elsewhere_everywhere():
    inhabitants = np.array([place.inhabitants for place in run_of(world()).nation.places])
    for changes in ({"usine.start": "2008-02"}, {"france.catalysts": "none"}):
        for key, shares in (("catalysts", 0.0 * inhabitants), ("elsewhere", inhabitants)):
            run = run_of(world(usine=usine(key), months=12).with_(**changes))
            parts = national.usine_parts(run.nation, run.key)
            assert parts == pytest.approx(shares / inhabitants.sum())


# -- all of France and a part -------------------------------------------------------------


def in_department(code):
    table = territory.territories()
    return table.code[table.dep.str.split("-").map(lambda deps: code in deps)].tolist()


@pytest.fixture(scope="module")
def france():
    return territory.every()


@pytest.fixture(scope="module")
def creuse():
    return territory.every(in_department("23"))


def months_of(given):
    return [given.month_label(m) for m in range(given.n_months)]


@pytest.fixture(scope="module")
def nord():
    return territory.every(in_department("59"))


def test_the_number_of_posts_is_a_line_from_the_first_catalyst_to_the_last_published():
    given = scenario(months=192, start="2007-01")
    numbers = national.n_posts(months_of(given))
    start = oracle.month_number("2007-01")
    assert numbers.tolist() == [oracle.number_of_posts(start + m) for m in range(192)]
    at_month = {given.month_label(m): n for m, n in enumerate(numbers.tolist())}
    first, last = facts.value("catalysts")
    assert (first, last) == (1, 350)
    assert at_month["2008-06"] == 0 and 1 <= at_month["2008-07"] <= 3
    assert at_month["2020-06"] < last
    assert {at_month[m] for m in ("2020-07", "2020-12", "2022-12")} == {last}


@pytest.mark.parametrize("start", ["2007-06", "2016-01"])
def test_a_part_of_france_has_the_posts_that_it_has_in_the_whole(france, nord, start):
    given = world(months=60, start=start)
    whole, part = national.plan(given, france), national.plan(given, nord[::-1])
    everywhere = national.posts(whole, national.streams.key(5, 2))
    codes = [place.code for place in whole.places]
    assert everywhere.sum(axis=0).tolist() == national.n_posts(months_of(given)).tolist()
    here = national.posts(part, national.streams.key(5, 2))
    assert here.tolist() == [everywhere[codes.index(place.code)].tolist() for place in part.places]
    assert 0 < here.sum() < everywhere.sum()
    weights = [place.inhabitants ** facts.value("catalysts_exponent") for place in whole.places]
    expected = oracle.posts(oracle.month_number(start), 60, weights, (5, 2))
    assert everywhere.tolist() == expected
    assert national.posts(whole, national.streams.key(5, 3)).tolist() != expected


@pytest.mark.parametrize("key", ["equal", "population", "need", "catalysts", "elsewhere"])
def test_a_part_of_france_has_the_share_of_the_usine_that_it_has_in_the_whole(france, nord, key):
    given = world(months=60, start="2008-01", usine={"key": key, "start": "2011-01"})
    luck = national.streams.key(5, 2)
    whole, part = national.plan(given, france), national.plan(given, nord)
    shares = national.usine_parts(whole, luck)
    codes = [place.code for place in france]
    rows = [codes.index(place.code) for place in nord]
    assert national.usine_parts(part, luck).tolist() == shares[rows].tolist()
    assert shares.sum() == pytest.approx(1.0)
    held = national.posts(whole, luck)[:, 36].tolist()
    expected = oracle.usine_shares(
        key,
        [place.inhabitants for place in france],
        [oracle.rural(place.population.tolist()) for place in france],
        held,
    )
    assert shares == pytest.approx(expected, rel=1e-12)


def test_a_part_of_france_has_its_share_of_inhabitants_of_shared_money(france, nord):
    given = world(months=6, catalysis={"fte": 200.0},
                  france={"money": "shared", "catalysts": "none"})  # fmt: skip
    run = run_of(given, nord[:2])
    inhabitants = sum(place.inhabitants for place in france)
    for place, state in zip(run.nation.places, run.states, strict=True):
        assert state.calendar.fte == pytest.approx(200.0 * place.inhabitants / inhabitants)


def test_one_place_that_is_not_french_shares_among_those_of_the_run(creuse):
    given = world(months=24, start="2010-01")
    mixed = national.plan(given, [*creuse[:2], PLACES[0]])
    assert national.posts(mixed, national.streams.key(1, 0)).sum(axis=0).tolist() == (
        national.n_posts(months_of(given)).tolist()
    )


def test_a_department_runs_and_each_territory_has_the_actors_that_it_has_alone(creuse):
    given = scenario(months=18, start="2019-01", place={**synthetic(), "sample": 0.2})
    run = run_of(given, creuse)
    for plan, state in zip(run.territories, run.states, strict=True):
        single = engine.plan(given, plan.place).state(1, 0)
        worlds = state.actors[state.actors.kind < N_WORLDS]
        there = single.actors[single.actors.kind < N_WORLDS]
        for name in ("id", "alive", "commitment", "know_how", "needs", "commune", "profile"):
            assert np.array_equal(worlds[name], there[name]), name
    finished(run)
    for state in run.states:
        check_state(state, 18)
    shares = [k for k, at in enumerate(CHEAP) if INDICATORS[COLUMNS[at][0]].unit == "share"]
    of_lever = [k for k, at in enumerate(CHEAP) if COLUMNS[at] == ("lever", "total")]  # up to 3
    inside = run.values[:, :, [k for k in shares if k not in of_lever]]
    assert inside.min() >= 0.0 and inside.max() <= 1.0
    assert (value(run, "engaged") > 0.0).all() and (value(run, "convinced") < 1.0).all()
    towns = run.communes()
    assert len(towns["commune"]) == sum(place.n_communes for place in creuse)
    last = {place.code: n for place, n in zip(run.nation.places, value(run, "actors")[:, -1],
                                              strict=True)}  # fmt: skip
    for code, actors in last.items():
        assert towns["actors"][towns["territory"] == code].sum() / 0.2 == pytest.approx(actors)


# -- what a run does not depend on --------------------------------------------------------


IN_COMMON = world(**{**EVERY_LEVER, "lag": 3})


@pytest.fixture(scope="module")
def usual():
    return finished(run_of(IN_COMMON, workers=1))


def identical(a, b):
    """Whether two runs are the same to the bit, what they forgot aside."""
    assert a.month == b.month == IN_COMMON.n_months
    return a.values.tobytes() == b.values.tobytes() and all(
        not changed(x._replace(alliances=x.alliances[:0]), y._replace(alliances=y.alliances[:0]))
        for x, y in zip(a.states, b.states, strict=True)
    )


@pytest.mark.parametrize("workers", [2, 5])
def test_the_number_of_threads_changes_nothing(monkeypatch, usual, workers):
    monkeypatch.setattr(national, "TASK_INHABITANTS", 1)  # each territory is a task
    assert identical(finished(run_of(IN_COMMON, workers=workers)), usual)


def test_the_order_in_which_territories_are_given_changes_nothing(usual):
    assert identical(finished(run_of(IN_COMMON, PLACES[::-1])), usual)


@pytest.mark.parametrize("months", [(1,), (2, 1), (3,), (100,)])
def test_how_many_months_are_asked_for_changes_no_value(usual, months):
    run = finished(run_of(IN_COMMON), *months)
    assert run.values.tobytes() == usual.values.tobytes()


def test_no_more_months_run_at_once_than_news_takes():
    run = run_of(IN_COMMON)
    run.advance(100)
    assert run.month == 3
    run.advance(2)
    assert run.month == 5


def test_what_is_forgotten_is_never_missed(monkeypatch, usual):
    monkeypatch.setattr(national, "forget_ended", lambda state: None)
    run = finished(run_of(IN_COMMON))
    assert run.values.tobytes() == usual.values.tobytes()
    for ours, theirs in zip(run.states, usual.states, strict=True):
        assert ours.territory.n_alliances > theirs.territory.n_alliances


def test_another_replicate_and_another_seed_are_other_runs(usual):
    for luck in ({"seed": 2}, {"replicate": 1}):
        other = finished(run_of(IN_COMMON, **luck))
        assert not np.array_equal(value(other, "births"), value(usual, "births"))
        assert other.posts.tolist() != usual.posts.tolist()


FILE = """
[time]
start = "2007-10"
end = "2008-09"
[territory]
code = "synthetic"
[model]
modules = ["tired.py"]
after = { commitment = ["tired"] }
[france]
neighbours = false
gathering = false
catalysts = "none"
"""


def check_as_alone(run):
    """Raise `AssertionError` unless each territory is what it is by itself, to the bit."""
    given = run.nation.scenario
    for place, values, state in zip(run.nation.places, run.values, run.states, strict=True):
        out, single = engine.replicate(engine.plan(given, place), run.seed, run.replicate)
        n = single.territory.n_alliances
        assert values.tobytes() == out[:, CHEAP].tobytes(), place.code
        one, other = (
            x._replace(alliances=x.alliances[:n], settings=state.settings) for x in (single, state)
        )
        assert changed(one, other) == [], place.code


@pytest.mark.parametrize(
    "tables",
    [{}, {"time": {"substeps": 2}, "place": synthetic(sample=0.5)}, EVERY_LEVER,
     {"rules": RIVALS, "context": {"elections": ["2008-03"]}}],
    ids=["plain", "half of the actors, two steps a month", "every lever", "rival rules"],
)  # fmt: skip
def test_with_everything_off_each_territory_lives_as_if_alone(monkeypatch, tables):
    monkeypatch.setattr(national, "forget_ended", lambda state: None)  # to compare all of it
    check_as_alone(finished(run_of(world(**{**tables, "france": EACH_ALONE}), seed=4, replicate=2)))


def test_a_researcher_s_rule_runs_in_each_territory(monkeypatch, tmp_path):
    monkeypatch.setattr(national, "forget_ended", lambda state: None)
    (tmp_path / "tired.py").write_text(RULE)
    (tmp_path / "mine.toml").write_text(FILE)
    mine = load(tmp_path / "mine.toml")
    run = finished(run_of(mine))
    check_as_alone(run)
    assert run.territories[0].schedule.own
    ours = finished(run_of(mine.with_(**{"model": None})))
    assert (value(run, "commitment") < value(ours, "commitment")).all()


# -- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("places", "found"), [((), "none"), ((PLACES[0], PLACES[1], PLACES[0]), "S1, S1, S2")]
)
def test_a_run_without_territories_or_with_one_twice_is_refused(places, found):
    with pytest.raises(ScenarioError, match="territories, each once") as refused:
        national.plan(world(), places)
    assert refused.value.key == "territories" and refused.value.found == found


@pytest.mark.parametrize("key", ["catalysts", "elsewhere"])
def test_where_catalysts_are_is_unknown_to_a_territory_alone(key):
    with pytest.raises(ScenarioError, match="in a run of France only") as refused:
        engine.plan(world(usine=usine(key)))
    assert refused.value.key == "usine.key" and refused.value.found == key


def test_a_usine_that_began_before_the_run_asks_where_catalysts_were_then():
    """Its key looks at the month in which it starts, the run's first month or not."""
    places = territory.every(in_department("59"))
    key = streams.key(1, 0)
    then = national.plan(scenario(months=6, start="2011-01", usine={"key": "catalysts"}), places)
    later = {"key": "catalysts", "start": "2011-01", "months": 36}
    now = national.plan(scenario(months=6, start="2013-01", usine=later), places)
    today = national.plan(scenario(months=6, start="2013-01", usine={"key": "catalysts"}), places)
    assert np.array_equal(national.usine_parts(then, key), national.usine_parts(now, key))
    assert not np.array_equal(national.usine_parts(now, key), national.usine_parts(today, key))


def test_columns_that_need_a_pass_over_contacts_are_refused():
    nation = national.plan(scenario(months=6), [at(2.0, 47.0, 1, 2, 2000)])
    with pytest.raises(ResultsError, match="no pass over contacts"):
        national.Run(nation, columns=[column("alliances"), column("degree")])
