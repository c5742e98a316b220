"""Territories are the real ones, found as people name them."""

import numpy as np
import pytest

from cosim import territory
from cosim.errors import TerritoryError

PEMB = "200057941"
ISLANDS = {"22016": 11, "29083": 13, "29155": 15, "85113": 27}


def test_there_are_1266_territories_and_grand_paris_is_split():
    table = territory.territories()
    assert len(table) == 1266
    assert table.code.is_unique
    assert (table.type == "EPT").sum() == 11
    assert territory.PARIS in set(table.code)
    assert territory.GRAND_PARIS not in set(table.code)
    assert not table.isna().any(axis=None)


def test_every_councillor_has_a_territory_except_those_of_four_islands():
    table = territory.territories()
    totals = territory.national_totals()
    assert totals.communes == 34_875
    assert totals.councillors == 508_788
    assert table.councillors.sum() == 508_788 - sum(ISLANDS.values())
    assert table.n_communes.sum() == 34_875 - len(ISLANDS)
    for code in ISLANDS:
        with pytest.raises(TerritoryError, match="no EPCI"):
            territory.load(code)


def test_paris_est_marne_et_bois_is_the_one_of_the_reference_documents():
    pemb = territory.load(PEMB)
    assert pemb.name == "Paris Est Marne et Bois"
    assert (pemb.kind, pemb.departments, pemb.number) == ("EPT", ("94",), 200_057_941)
    assert (pemb.n_communes, pemb.inhabitants, pemb.n_councillors) == (13, 517_705, 519)
    assert list(pemb.commune_codes) == sorted(pemb.commune_codes)
    assert {town.name: town.population for town in pemb.communes}["Champigny-sur-Marne"] == 78_072


def test_every_territory_loads_complete_and_can_be_a_random_key():
    table = territory.territories()
    numbers = set()
    for row in table.itertuples():
        place = territory.load(row.code)
        assert place.inhabitants == row.inhabitants
        assert place.n_communes == row.n_communes == len(place.communes)
        assert all(np.isfinite(x).all() for x in (place.lon, place.lat, place.km2))
        assert place.population.dtype == place.councillors.dtype == np.int64
        numbers.add(place.number)
    assert len(numbers) == 1266
    assert min(numbers) > 0 and max(numbers) < 2**30


def test_a_commune_without_coordinates_stands_in_the_middle_of_the_others():
    home = territory.load("15047")
    missing = list(home.commune_codes).index("15047")
    others = np.delete(home.lon, [list(home.commune_codes).index(c) for c in no_place(home)])
    assert home.lon[missing] == pytest.approx(others.mean())


def no_place(home):
    return [c for c in home.commune_codes if c in {"15031", "15035", "15047", "15171"}]


@pytest.mark.parametrize(
    "text",
    ["Paris Est Marne et Bois", "paris-est marne ET BOIS", "est marne", PEMB, "94080", "vincennes"],
)
def test_a_search_finds_by_name_code_or_commune(text):
    assert territory.find(text).code.iloc[0] == PEMB


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("paris", "75056"),
        ("LYON", "200046977"),
        ("l hay les roses", "200058014"),
        ("L’Haÿ-les-Roses", "200058014"),
        ("st malo", "243500782"),
        ("saint denis", "249740119"),
    ],
)
def test_the_exact_name_comes_first_and_the_larger_of_two(text, code):
    assert territory.find(text).code.iloc[0] == code


def test_a_search_lists_a_territory_once_and_nothing_for_nonsense():
    hits = territory.find("saint")
    assert hits.code.is_unique and len(hits) > 100
    assert territory.find("zzzz").empty
    assert territory.find(" - ").empty
    assert list(territory.find("zzzz").columns) == list(hits.columns)


def test_a_commune_code_loads_its_territory():
    assert territory.load("94080") is territory.load(PEMB)
    assert territory.load("2a004").name == territory.load("2A004").name


def test_an_unknown_territory_names_the_nearest():
    with pytest.raises(TerritoryError, match="Paris Est Marne et Bois"):
        territory.load("Paris Est Marn et Bois")
    with pytest.raises(TerritoryError, match=PEMB):
        territory.load("Vincenes")
    with pytest.raises(TerritoryError, match="11 EPT"):
        territory.load(territory.GRAND_PARIS)


def test_a_territory_cannot_be_changed_by_mistake():
    with pytest.raises(ValueError, match="read-only"):
        territory.load(PEMB).population[0] = 1
    table = territory.territories()
    table.loc[0, "name"] = "changed"
    assert "changed" not in set(territory.territories().name)


def test_a_synthetic_territory_is_the_same_each_time_and_keeps_its_totals():
    place, again = territory.synthetic(), territory.synthetic()
    assert place.population.tolist() == again.population.tolist() == [1636, 818, 546]
    assert place.councillors.tolist() == [19, 15, 15]
    big = territory.synthetic(communes=7, population=100_003, councillors=50, number=9)
    assert (big.inhabitants, big.n_councillors, big.n_communes) == (100_003, 50, 7)
    assert big.population.min() >= 1 and (big.number, big.code) == (9, "S9")


@pytest.mark.parametrize(
    "wrong",
    [
        {"communes": 0},
        {"communes": 5, "population": 4},
        {"number": 0},
        {"number": 2**30},
        {"councillors": -1},
    ],
)
def test_an_impossible_synthetic_territory_is_refused(wrong):
    with pytest.raises(TerritoryError):
        territory.synthetic(**wrong)


def test_the_law_gives_almost_the_counted_councillors():
    assert [territory.legal_councillors(n) for n in (99, 100, 1_499, 1_500, 300_000)] == [
        7,
        11,
        15,
        19,
        69,
    ]
    table = territory.territories()
    law = sum(
        territory.legal_councillors(town.population)
        for code in table.code
        for town in territory.load(code).communes
    )
    assert law == pytest.approx(table.councillors.sum(), rel=0.005)


def test_national_totals_are_sums_over_communes():
    totals = territory.national_totals()
    assert totals.population == 68_350_798
    assert totals.pop_124 > totals.population / 1000 > totals.pop_090 > 0
    assert totals is territory.national_totals()
