"""Facts are complete, agree with one another and with the data, and claim no false precision."""

import math
import re

import pytest

from cosim import facts, territory
from cosim.errors import ParameterError

ALL = list(facts.facts().values())
DATE = re.compile(r"\d{4}(-\d{2})?(/\d{4}(-\d{2})?)?")


def logit(p):
    return math.log(p / (1 - p))


def bounds(fact):
    """Pairs of (value, low, high), None where the tolerance is open."""
    n = len(fact.values)
    spread = [
        (None,) * n if side is None else side if isinstance(side, tuple) else (side,) * n
        for side in (fact.low, fact.high)
    ]
    return list(zip(fact.values, *spread, strict=True))


@pytest.mark.parametrize("fact", ALL, ids=lambda fact: fact.id)
def test_a_fact_is_complete(fact):
    for text in (fact.unit, fact.population, fact.source, fact.fr, fact.en):
        assert text
    assert all(DATE.fullmatch(date) for date in fact.dates)
    if len(fact.values) > 1:
        assert len(fact.values) in (len(fact.dates), len(fact.parts))
    if fact.unit == "share":
        assert all(0 <= value <= 1 for value in fact.values)


@pytest.mark.parametrize("fact", ALL, ids=lambda fact: fact.id)
def test_a_tolerance_contains_its_value(fact):
    for value, low, high in bounds(fact):
        assert low is None or low <= value
        assert high is None or value <= high


def test_what_is_computed_or_assumed_says_from_what():
    for fact in ALL:
        if fact.source == "none found":
            assert fact.status == "assumption"
        if fact.source.startswith("from "):
            assert fact.status == "computed"


def test_the_ten_targets_are_there_and_no_survey_is_known_better_than_three_points():
    targets = facts.targets()
    assert list(targets) == [f"C{k}" for k in range(1, 11)]
    least = facts.fact("survey_error").values[0]
    for fact in targets.values():
        for value, low, high in bounds(fact):
            assert high - low >= 2 * least - 1e-12
            assert value - low >= 0.02 - 1e-12 and high - value >= least - 1e-12


def test_the_five_known_effects_are_there():
    effects = {fact.code for fact in ALL if fact.use == "effect"}
    assert effects == {"S1", "S2", "S3", "S4", "S5"}


def test_computed_figures_follow_from_the_published_ones():
    value = facts.value
    c1 = value("convinced_elus")
    assert c1[0] == value("convinced_elus_2010")
    slopes = {
        "slope_elus": (logit(c1[1]) - logit(c1[0])) / (77 / 12),
        "slope_companies": (
            logit(value("engaged_companies_2015")) - logit(value("engaged_companies_2011"))
        )
        / 4,
        "slope_employer_associations": (
            logit(value("engaged_employer_associations_2015"))
            - logit(value("engaged_employer_associations_2009"))
        )
        / 5,
    }
    for name, slope in slopes.items():
        assert slope == pytest.approx(value(name), abs=0.005)
    ratios = [slopes["slope_elus"] / slopes[f"slope_{k}"] for k in ("companies",)]
    ratios.append(slopes["slope_elus"] / slopes["slope_employer_associations"])
    least, most = value("belief_to_practice")
    assert least <= min(ratios) and max(ratios) <= most

    for kind, start in (("companies", 2011), ("employer_associations", 2009)):
        change = value(f"engaged_{kind}_2015") - value(f"engaged_{kind}_{start}")
        assert change == pytest.approx(value(f"engaged_{kind}_change"))

    unable = value("convinced_unable")
    assert value("able_elus") == pytest.approx((c1[1] - unable, c1[1] * (1 - unable)), abs=0.005)
    assert value("rse_above_first_rung") == pytest.approx(sum(value("rse_rungs")[1:]))
    for name in ("rse_rungs", "companies_10_sizes"):
        assert sum(value(name)) == pytest.approx(1)
    assert value("new_councillors_at_vote") == pytest.approx(1 - value("elus_kept_2020"))
    assert value("catalysts")[1] / 1255 == pytest.approx(value("catalysts_per_epci"), abs=0.005)

    def dilution(n):
        return (1.085 - 0.225 * math.log(n)) / 0.526

    assert dilution(40) / dilution(5) == pytest.approx(value("coaching_dilution"), abs=0.005)


def test_counts_are_those_of_the_shipped_tables():
    totals = territory.national_totals()
    assert facts.value("territories") == len(territory.territories())
    assert facts.value("councillors") == totals.councillors
    assert facts.value("inhabitants") == totals.population
    per_1000 = facts.value("companies_10") / totals.population * 1000
    assert per_1000 == pytest.approx(facts.value("companies_10_per_1000"), abs=0.05)


def test_the_distances_between_epci_are_those_of_the_shipped_table():
    import numpy as np

    table = territory.territories()
    table = table[table.lat > 41]  # metropole
    lon, lat = np.radians(table.lon.to_numpy()), np.radians(table.lat.to_numpy())
    x = (lon[:, None] - lon) * np.cos((lat[:, None] + lat) / 2)
    km = 6371 * np.hypot(x, lat[:, None] - lat)
    np.fill_diagonal(km, np.inf)
    assert np.median(km.min(axis=1)) == pytest.approx(facts.value("epci_nearest"), abs=1)
    within = (km <= 50).sum(axis=1)
    assert np.median(within) == pytest.approx(facts.value("epci_within_50_km"), abs=1)


def test_an_unknown_fact_names_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'convinced_elus'"):
        facts.fact("convinced_elu")
    assert facts.fact("trust").label() == "Confiance des Français"
    assert facts.fact("trust").label("en") == "Trust of citizens"


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "guessed"},
        {"use": "targets"},
        {"colour": "blue"},
    ],
)
def test_a_fact_written_wrongly_is_refused(wrong):
    row = {"value": 1, "unit": "x", "date": "2020", "population": "p", "source": "s"}
    row |= {"status": "published", "use": "input", "fr": "f", "en": "e"}
    assert facts._fact("right", row).values == (1,)
    with pytest.raises(ParameterError, match="wrong"):
        facts._fact("wrong", row | wrong)
