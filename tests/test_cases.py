"""The cas-types are classes of the real territories, and stylised territories like them."""

import numpy as np
import pytest

from cosim import cases, engine, territory
from cosim.errors import TerritoryError
from cosim.scenario import Scenario

NAMES = list(cases.CASES)
PEMB = "200057941"


def test_there_are_six_and_every_real_territory_belongs_to_exactly_one():
    table = cases.classify()
    assert set(NAMES) == {
        "rural", "bourg-centre", "ville-moyenne", "metropole", "periurbain", "littoral",
    }  # fmt: skip
    assert set(table.index) == set(territory.territories().code)
    assert table.index.is_unique
    assert set(table.case) == set(NAMES)
    assert table.case.value_counts().min() > 50


@pytest.mark.parametrize(
    ("town", "case"),
    [
        ("75056", "metropole"),  # Paris
        (PEMB, "metropole"),  # an EPT: no large town, but dense all over
        ("69123", "metropole"),  # Lyon
        ("58194", "ville-moyenne"),  # Nevers
        ("17300", "ville-moyenne"),  # La Rochelle: by the sea, and a town first
        ("85163", "littoral"),  # Noirmoutier
        ("29042", "littoral"),  # Crozon
        ("97304", "ville-moyenne"),  # Kourou
        ("97308", "littoral"),  # Saint-Georges: overseas, far from any town
        ("45252", "bourg-centre"),  # Pithiviers
        ("54397", "periurbain"),  # Neuves-Maisons, by Nancy
        ("38052", "rural"),  # Bourg-d'Oisans: near Grenoble, and empty
        ("48009", "rural"),  # Aumont
    ],
)
def test_people_find_the_class_that_they_expect(town, case):
    assert cases.classify().case[territory.load(town).code] == case


def test_the_thresholds_hold_in_every_class():
    table = cases.classify()
    rows = {name: table[table.case == name] for name in NAMES}
    assert rows["rural"].largest.max() < cases.SMALL_TOWN <= rows["bourg-centre"].largest.min()
    assert rows["bourg-centre"].largest.max() < cases.MEDIUM_TOWN
    medium = rows["ville-moyenne"].largest
    assert medium.min() >= cases.MEDIUM_TOWN and medium.max() < cases.LARGE_TOWN
    assert rows["periurbain"].town_km.max() < cases.COMMUTING_KM
    assert rows["periurbain"].density.min() > table.density.median()
    assert rows["littoral"].shore.min() >= cases.SHORE_SHARE > rows["rural"].shore.max()
    assert {len(row) for row in rows.values()} == {case.figures.territories
                                                   for case in cases.CASES.values()}  # fmt: skip


def test_the_sea_is_where_it_is_and_the_borders_are_not_a_coast():
    shore = cases.classify().shore
    for inland in ("67482", "25056", "65440", "87085", "45234", "2B096"):
        assert shore[territory.load(inland).code] == 0
    for coast in ("59183", "50129", "29042", "64122", "11266", "06088", "2B033", "97411"):
        assert shore[territory.load(coast).code] > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_stylised_territory_has_the_medians_of_its_class(name):
    own = cases.members(name)
    place = cases.load(name)
    assert place.n_communes == round(own.communes.median())
    assert place.inhabitants == round(own.inhabitants.median())
    assert place.inhabitants / place.km2.sum() == pytest.approx(own.density.median())
    share = place.population.max() / place.inhabitants
    assert own.share.quantile(0.25) < share < own.share.quantile(0.75)


@pytest.mark.parametrize("name", NAMES)
def test_a_stylised_territory_is_one_like_the_others(name):
    place = cases.load(name)
    assert list(place.commune_codes) == sorted(set(place.commune_codes))
    assert (np.diff(place.population) <= 0).all() and place.population.min() > 0
    assert place.councillors.tolist() == [
        territory.legal_councillors(n) for n in place.population.tolist()
    ]
    assert place.code == f"cas-{name}"


@pytest.mark.parametrize("name", NAMES)
def test_communes_stand_around_the_largest_at_the_distance_that_their_area_gives(name):
    place = cases.load(name)
    x = (place.lon - place.lon[0]) * 111.19 * np.cos(np.radians(place.lat[0]))
    y = (place.lat - place.lat[0]) * 111.19
    away = np.hypot(x[:, None] - x, y[:, None] - y)
    assert away[0].max() == pytest.approx(np.sqrt(place.km2.sum() / np.pi), rel=0.1)
    np.fill_diagonal(away, np.inf)
    side = np.sqrt(place.km2[0])
    assert away.min() > 0.5 * side and away.min(axis=1).max() < 1.5 * side


def test_no_stylised_territory_shares_its_random_keys_with_another():
    numbers = [cases.load(name).number for name in NAMES]
    assert len(set(numbers)) == len(NAMES)
    real = [int(code) for code in territory.territories().code]
    assert max(real) < min(numbers) and max(numbers) < territory.MAX_NUMBER


def test_a_case_loads_by_its_code_as_any_territory_and_is_made_once():
    assert territory.load("cas-rural") is cases.load("rural") is territory.load(" CAS-Rural ")


@pytest.mark.parametrize(
    ("wrong", "near"), [("cas-rurl", "cas-rural"), ("rural", "cas-rural"),
                        ("cas littoral", "cas-littoral"), ("cas-ville", "cas-ville-moyenne")]
)  # fmt: skip
def test_an_unknown_case_names_the_nearest(wrong, near):
    with pytest.raises(TerritoryError, match=f"did you mean '{near}'"):
        territory.load(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_belongs_to_the_class_and_is_typical_of_it(name):
    own = cases.members(name)
    example = cases.nearest_real(name)
    assert own.index.isin([example.code]).any()
    for column in ("inhabitants", "communes", "density", "share"):
        low, high = own[column].quantile([0.15, 0.85])
        assert low <= own[column][example.code] <= high


@pytest.mark.parametrize("name", NAMES)
def test_the_description_is_one_line_with_the_figures_of_the_class(name):
    case = cases.CASES[name]
    for lang, thousands in (("fr", "\u202f"), ("en", ",")):
        text = case.description(lang)
        assert "\n" not in text and text.startswith(case.title(lang))
        assert f"{case.figures.inhabitants:,}".replace(",", thousands) in text
        assert f" {case.figures.territories} " in text
        assert cases.nearest_real(name).name in text
        assert case.rule(lang) not in text


def test_a_rural_case_has_fewer_people_to_the_km2_than_a_metropolis_and_more_of_its_kind():
    rural, metropolis = cases.CASES["rural"].figures, cases.CASES["metropole"].figures
    assert rural.density < metropolis.density / 10
    assert rural.territories > metropolis.territories
    assert rural.share < metropolis.share
    assert sum(case.figures.share for case in cases.CASES.values()) == pytest.approx(1.0)


def test_a_case_can_be_simulated():
    scenario = Scenario(time={"start": "2020-07", "end": "2020-12"})
    plan = engine.plan(scenario, cases.load("rural"))
    out, state = engine.replicate(plan, seed=1, number=0)
    assert np.isfinite(out).all() and out.shape[0] == 6
    assert (state.actors.kind == 0).sum() == cases.load("rural").n_councillors
