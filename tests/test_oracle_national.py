"""The second implementation of a run of France holds to ODD §7.17 by itself."""

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
from conftest import BUSY, scenario, synthetic
from reference import philox as random
from reference.adapter import from_state
from reference.compare import snapshot
from reference.model import ELU
from reference.national import (
    Area,
    Country,
    distance,
    mean_commitment,
    month_number,
    neighbours,
    number_of_posts,
    posts,
    rural,
    usine_shares,
)

from cosim import engine

JANUARY_2010 = month_number("2010-01")
FRANCE = {"neighbours": True, "gathering": True, "lag": 3, "catalysts": "none", "money": "each"}
EFFECTS = {"neighbour_imitation": 0.2, "neighbour_distance": 60.0, "gathering_spread": 0.5}
#: Two that are 30 km from each other, and one far from both.
CENTRES = ((2.0, 47.0), (2.4, 47.0), (7.0, 44.0))


#: Catalysts from the second year, all along, never.
SUPPORT = ({"fte": 2, "start": "2011-01"}, {"fte": 2, "start": "2010-01"}, {})


def stylised(substeps=1):
    """Three territories of 1 000, 2 000 and 3 000 inhabitants, two years."""
    return [
        engine.plan(
            scenario(
                place=synthetic(communes=2, population=1000 * (k + 1), number=k + 1),
                catalysis=catalysis,
                parameters=BUSY,
                time={"substeps": substeps},
            )
        )
        for k, catalysis in enumerate(SUPPORT)
    ]


@pytest.fixture(scope="module")
def plans():
    return stylised()


def oracles(plans):
    """One oracle for each plan, where its replicate starts."""
    runs = [engine.Run(plan, 1, 0) for plan in plans]
    models = [from_state(run.state, run.plan.params, 1, 0) for run in runs]
    for model in models:
        vars(model.params).update(EFFECTS)
    return models


def territories(plans):
    return [
        Area(plan.place.code, *centre, plan.place.inhabitants)
        for plan, centre in zip(plans, CENTRES, strict=True)
    ]


def country(plans, commitments=(0.2, 0.6, 0.4), substeps=1, start="2010-01", **settings):
    """A country whose élus start with these commitments."""
    models = oracles(plans)
    for model, c in zip(models, commitments, strict=True):
        for elu in model.of_kind[ELU]:
            elu.commitment = c
    params, france = SimpleNamespace(**EFFECTS), SimpleNamespace(**(FRANCE | settings))
    return Country(models, territories(plans), params, france, start, substeps)


def run(france, months):
    for _ in range(months * france.substeps):
        france.step()
    return france


def test_neighbours_are_those_within_a_distance_on_the_globe():
    assert distance(2.3522, 48.8566, 5.3698, 43.2965) == pytest.approx(660.5, abs=0.5)
    assert distance(179.9, 0.0, -179.9, 0.0) == pytest.approx(22.24, abs=0.01)
    lons, lats = zip(*CENTRES, strict=True)
    assert neighbours(lons, lats, 60.0) == [[1], [0], []]
    assert neighbours(lons, lats, 10.0) == [[], [], []]
    assert neighbours(lons, lats, 1000.0) == [[1, 2], [0, 2], [0, 1]]


def test_the_gap_pushes_the_elus_of_who_is_behind_and_nobody_else(plans):
    alone, together = country(plans, neighbours=False), country(plans)
    run(alone, 1)
    run(together, 1)
    assert [w.calendar.ahead[0] for w in together.models] == pytest.approx([0.4, 0.0, 0.0])
    assert [w.calendar.ahead[0] for w in alone.models] == [0.0, 0.0, 0.0]
    behind, *others = zip(alone.models, together.models, strict=True)
    for before, after in zip(behind[0].seats, behind[1].seats, strict=True):
        gained = after.commitment - before.commitment
        if after.kind == ELU and after.alive:
            assert gained == pytest.approx(0.8 * 0.2 * 0.4)  # (1 - c) of what is proposed
        else:
            assert gained == 0.0
    assert all(snapshot(a) == snapshot(b) for a, b in others)


def test_two_neighbours_come_closer_and_the_one_ahead_is_not_pushed(plans):
    def gap(france):
        return mean_commitment(france.models[1]) - mean_commitment(france.models[0])

    assert 0.0 < gap(run(country(plans), 5)) < gap(run(country(plans, neighbours=False), 5))


def test_a_vacant_seat_has_no_say_in_what_neighbours_see(plans):
    (model, *_) = oracles(plans)
    vacated, *others = model.of_kind[ELU]
    for elu in others:
        elu.commitment = 0.25
    vacated.commitment, vacated.alive = 0.9, False
    assert mean_commitment(model) == 0.25
    for elu in others:
        elu.alive = False
    assert mean_commitment(model) == 0.0


def test_news_of_neighbours_takes_its_months(plans):
    france = run(country(plans, lag=3), 1)
    for elu in france.models[1].of_kind[ELU]:
        elu.commitment = 0.9
    run(france, 5)
    ahead = france.models[0].calendar.ahead
    assert ahead[:3] == pytest.approx([0.4] * 3)  # of the start, until three months have passed
    end_of = france.commitments
    assert ahead[3:6] == [end_of[m][1] - end_of[m][0] for m in range(3)]
    assert ahead[3] < 0.5 < ahead[4]


def test_news_cannot_come_from_a_month_that_is_not_over(plans):
    with pytest.raises(ValueError, match="a month at least"):
        country(plans, lag=0)


def test_who_has_no_catalyst_in_july_brings_nothing_home_until_the_next(plans):
    france = run(country(plans, lag=2), 24)
    later, supported, never = (w.calendar.spread for w in france.models)
    first, second = france.visible(6 - 2), france.visible(18 - 2)
    assert first > 0.0 < second != first
    assert later == [0.0] * 18 + [0.5 * second] * 6  # its catalysts came in January
    assert supported == [0.0] * 6 + [0.5 * first] * 12 + [0.5 * second] * 6
    assert never == [0.0] * 24


def test_what_is_brought_home_is_the_success_of_all_territories_together(plans):
    france = run(country(plans), 5)
    pooled = zip(*france.successes[4], strict=True)
    successes, living = (sum(numbers) for numbers in pooled)
    assert france.visible(4) == pytest.approx(100.0 * successes / living)
    assert france.visible(-1) == 0.0
    shares = [w.visible for w in france.models]
    assert min(shares) < france.visible(4) < max(shares)


def test_what_was_brought_home_convinces_up_to_the_cap(plans):
    (model,) = oracles(plans[:1])
    model.params.visible_success = 0.01
    results = []
    for spread in (0.0, 4.0, model.params.visible_cap, 1e6):
        (model,) = oracles(plans[:1])
        model.calendar.spread = [spread] * 24
        model.step()
        results.append(mean_commitment(model))
    assert results[0] < results[1] < results[2] == results[3]


def test_in_a_run_that_starts_in_july_nobody_has_news_yet(plans):
    france = run(country(plans, start="2010-07"), 12)
    assert all(w.calendar.spread[:12] == [0.0] * 12 for w in france.models)


def test_with_everything_off_territories_live_as_if_alone(plans):
    off = {"neighbours": False, "gathering": False}
    france, alone = run(country(plans, **off), 14), oracles(plans)
    for model, c in zip(alone, (0.2, 0.6, 0.4), strict=True):
        for elu in model.of_kind[ELU]:
            elu.commitment = c
        for _ in range(14):
            model.step()
    for ours, theirs in zip(france.models, alone, strict=True):
        assert not any(ours.calendar.ahead) and not any(ours.calendar.spread)
        assert snapshot(ours) == snapshot(theirs)


def test_news_is_of_months_whatever_the_steps():
    france = country(stylised(substeps=2), substeps=2, lag=1)
    france.step()
    assert france.commitments == france.successes == []  # the month is not over
    france.step()
    assert france.commitments == [[mean_commitment(w) for w in france.models]]
    run(france, 7)
    ahead, spread = france.models[0].calendar.ahead, france.models[1].calendar.spread
    gaps = [c[1] - c[0] for c in [france.at_start, *france.commitments]]
    assert ahead[:16] == [gap for gap in gaps[:8] for _ in range(2)]
    assert spread[:16] == [0.0] * 12 + [0.5 * france.visible(5)] * 4


def test_the_number_of_posts_is_a_line_between_the_published_dates():
    at = {
        month: number_of_posts(month_number(month))
        for month in (
            "2008-01",
            "2008-06",
            "2008-07",
            "2014-06",
            "2014-07",
            "2020-06",
            "2020-07",
            "2035-01",
        )
    }
    assert list(at.values()) == [0, 0, 2, 174, 176, 348, 350, 350]


def test_posts_stay_where_they_are_and_follow_the_national_number():
    weights = [float(k + 1) for k in range(12)]
    held = posts(month_number("2007-01"), 180, weights, (1, 0))
    numbers = [number_of_posts(month_number("2007-01") + m) for m in range(180)]
    assert [sum(month) for month in zip(*held, strict=True)] == numbers
    assert all(a <= b for row in held for a, b in pairwise(row))
    late = posts(month_number("2015-01"), 12, weights, (1, 0))
    assert late == [row[96:108] for row in held]  # the same posts, whenever a run starts
    assert posts(month_number("2015-01"), 12, weights, (1, 1)) != late


def test_posts_go_where_people_are():
    held = posts(month_number("2025-01"), 1, [1.0, 3.0, 6.0, 0.0], (3, 0))
    small, middle, large, empty = (row[0] for row in held)
    assert empty == 0 and small + middle + large == 350
    assert (small, middle, large) == pytest.approx((35, 105, 210), abs=30)


def test_a_post_is_drawn_by_inhabitants_to_the_power_in_the_order_of_codes(plans):
    places = [
        replace(area, code=code, inhabitants=n)  # the largest comes first
        for area, code, n in zip(territories(plans), "CBA", (1, 1024, 10**5), strict=True)
    ]
    largest, middle = 10**3.5, 2**7
    draws = [random.block((1, 0), 31, p, 0, 0)[0] * (largest + middle + 1) for p in range(174)]
    published = SimpleNamespace(**(FRANCE | {"catalysts": "published"}))
    params = SimpleNamespace(**EFFECTS)
    france = Country(oracles(plans), places, params, published, "2014-06")
    assert [row[0] for row in france.posts] == [
        sum(x >= largest + middle for x in draws),
        sum(largest <= x < largest + middle for x in draws),
        sum(x < largest for x in draws),
    ]
    assert france.posts[1][0] > 0


def test_posts_are_those_of_all_of_france_also_when_a_part_is_run(plans):
    published = SimpleNamespace(**(FRANCE | {"catalysts": "published"}))
    models, areas = oracles(plans), territories(plans)
    all_areas = [*(Area(f"Z{k}", 0.0, 45.0, 4000) for k in range(20)), *areas]
    params = SimpleNamespace(**EFFECTS)
    whole = Country(models, areas, params, published, "2019-01", everywhere=all_areas)
    part = Country(models[1:], areas[1:], params, published, "2019-01", everywhere=all_areas)
    assert part.posts == whole.posts[1:]
    assert 0 < sum(row[-1] for row in whole.posts) < number_of_posts(month_number("2020-12"))


def test_each_post_is_one_fte_more_and_none_if_there_are_none(plans):
    levers = {"fte": [0.5] * 24}
    without, full = country(plans), country(plans, catalysts="published")
    assert without.rows(0, levers) == levers
    for k in range(3):
        assert full.rows(k, levers)["fte"] == [0.5 + n for n in full.posts[k]]
    full.models[2].calendar.sample = 0.5
    assert full.rows(2, levers)["fte"] == [0.5 + 0.5 * n for n in full.posts[2]]
    assert [sum(month) for month in zip(*full.posts, strict=True)] == [
        number_of_posts(JANUARY_2010 + m) for m in range(24)
    ]


def test_shared_money_is_a_share_of_inhabitants_and_a_right_is_for_all(plans):
    levers = {
        "fte": [6.0] * 24, "purse": [600.0] * 24, "amounts": [[[12.0] * 4] * 3] * 24,
        "lieux": [3] * 24, "droit": [1.0] * 24, "prime": [20.0] * 24,
    }  # fmt: skip
    assert country(plans).rows(2, levers) == levers
    shared = country(plans, money="shared")
    assert [shared.rows(k, levers)["fte"][0] for k in range(3)] == pytest.approx([1.0, 2.0, 3.0])
    third = shared.rows(2, levers)
    assert third["purse"][0] == pytest.approx(300.0)
    assert third["amounts"][5][2][3] == pytest.approx(6.0)
    assert all(third[name] == levers[name] for name in ("lieux", "droit", "prime"))


def test_the_usine_goes_by_its_key():
    inhabitants, held = [1000, 3000, 4000], [0, 1, 3]
    thin = [rural([600, 400]), rural([2999, 1]), rural([2000, 2000])]
    shares = {key: usine_shares(key, inhabitants, thin, held)
              for key in ("equal", "population", "need", "catalysts", "elsewhere")}  # fmt: skip
    assert shares["equal"] == pytest.approx([1 / 3] * 3)
    assert shares["population"] == [0.125, 0.375, 0.5]
    assert shares["need"] == pytest.approx([1000 / 1001, 1 / 1001, 0.0])
    assert shares["catalysts"] == [0.0, 0.25, 0.75]
    assert shares["elsewhere"] == [1.0, 0.0, 0.0]
    assert usine_shares("catalysts", inhabitants, thin, [0, 0, 0]) == [0.0] * 3
