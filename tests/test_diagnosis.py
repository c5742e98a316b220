"""The diagnostic view: who is there, able and willing; a product and not a sum."""

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from conftest import scenario, synthetic

from cosim import engine, population
from cosim.cli import main
from cosim.diagnosis import FACTORS, GROUPS, MEASURES, METIERS, WHOLE, diagnose, figure, read
from cosim.state import CATALYSEUR, NEVER

PEMB = "200057941"


@pytest.fixture(scope="module")
def made():
    """The diagnosis of a small stylised territory."""
    return diagnose(scenario(), replicates=6, seed=3)


@pytest.fixture
def state(plain):
    """One initial State that a test may change."""
    return plain.state(seed=1, replicate=0)


def level(reading, measure, group=WHOLE):
    return reading.levels[GROUPS.index(group), MEASURES.index(measure)]


def cli(capsys, *arguments, code=0):
    capsys.readouterr()
    assert main([str(a) for a in arguments]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return out if code == 0 else err


# -- a product, and not a sum -----------------------------------------------------------------


@pytest.mark.parametrize("field", ["know_how", "commitment"])
def test_where_nobody_knows_how_or_nobody_wants_to_the_product_is_zero(state, field):
    assert level(read(state), "qualification") > 0
    state.actors[field] = 0.0
    after = read(state)
    assert level(after, "qualification") == level(after, "product_of_means") == 0
    assert level(after, "ecosysteme") > 0


def test_where_nobody_knows_anybody_the_product_is_zero(state):
    state.actors.contacts = 0
    after = read(state)
    assert level(after, "ecosysteme") == level(after, "qualification") == 0
    assert level(after, "maturite") > 0 and level(after, "adhesion") > 0


def test_doubling_a_factor_of_everybody_doubles_the_product(state):
    state.actors.know_how /= 2
    half = read(state)
    state.actors.know_how *= 2
    assert level(read(state), "qualification") == pytest.approx(2 * level(half, "qualification"))


def test_the_product_is_taken_actor_by_actor(state):
    """Those who know how and those who want to are of no use to one another if they are others."""
    people = state.actors.kind < CATALYSEUR
    able = np.arange(len(people)) % 2 == 0
    state.actors.know_how = np.where(able, 1.0, 0.0)
    state.actors.commitment = np.where(able, 0.0, 1.0)
    after = read(state)
    assert level(after, "qualification") == 0 < level(after, "product_of_means")


# -- each factor reads what it says ----------------------------------------------------------


def test_ecosystem_is_the_share_of_needs_and_solutions_with_a_known_counterpart(state):
    actors, ties = state.actors, state.ties
    shares = []
    for i in np.flatnonzero(actors.alive & (actors.kind < CATALYSEUR)):
        others = ties.other[actors.first[i] : actors.first[i] + actors.contacts[i]]
        others = [j for j in others if actors.kind[j] not in (actors.kind[i], CATALYSEUR)]
        pairs = [("needs", "solutions"), ("solutions", "needs")]
        met = [
            any(int(actors[theirs][j]) >> bit & 1 for j in others)
            for mine, theirs in pairs
            for bit in range(17)
            if int(actors[mine][i]) >> bit & 1
        ]
        shares.append(np.mean(met))
    assert 0 < np.mean(shares) < 1
    assert level(read(state), "ecosysteme") == pytest.approx(np.mean(shares))


def test_more_acquaintance_raises_the_ecosystem_only(state):
    before = read(state)
    few = state.actors.contacts.copy()
    state.actors.contacts = np.minimum(few, 1)
    fewer = read(state)
    assert level(fewer, "ecosysteme") < level(before, "ecosysteme")
    assert level(fewer, "qualification") < level(before, "qualification")
    for measure in ("maturite", "adhesion"):
        assert level(fewer, measure) == level(before, measure)


def test_those_who_need_and_offer_nothing_of_one_another_are_no_ecosystem(state):
    state.actors.needs = 1 << 0
    state.actors.solutions = 1 << 7
    after = read(state)
    assert level(after, "ecosysteme") == 0
    need, solution, need_alone, solution_alone = after.needs[0]  # poverty
    assert (need, solution, need_alone, solution_alone) == (1, 0, 1, 0)


def test_needs_that_a_contact_can_answer_are_not_alone(state):
    state.actors.needs = state.actors.solutions = 1 << 0
    after = read(state)
    assert after.needs[0, 2] == pytest.approx(1 - level(after, "ecosysteme"))
    assert after.needs[0, 2] == after.needs[0, 3] < 1


def test_a_vacant_seat_is_nobody(state):
    vacant = ~state.actors.alive
    assert vacant.any()
    before = read(state).levels
    state.actors.know_how[vacant] = 1.0
    assert np.array_equal(read(state).levels, before)


def test_a_world_is_read_by_itself(state):
    elus = state.actors.alive & (state.actors.kind == 0)
    before = read(state)
    state.actors.know_how[elus] = 1.0
    after = read(state)
    assert level(after, "maturite", "elu") == 1
    for group in ("association", "company", "academic"):
        assert level(after, "maturite", group) == level(before, "maturite", group)


def test_surveys_see_the_recognised_part_of_the_alliances(state):
    living, recognised = read(state).alliances
    assert 0 < recognised < living
    state.alliances.recognised = -1
    assert read(state).alliances.tolist() == [living, living]
    state.alliances.ended[0] = 0
    assert read(state).alliances[0] < living
    state.alliances.recognised = NEVER
    assert read(state).alliances[1] == 0


# -- the diagnosis ---------------------------------------------------------------------------


def test_the_same_question_has_the_same_answer(made):
    again = diagnose(scenario(), replicates=6, seed=3)
    assert again.table.equals(made.table) and again.domains.equals(made.domains)
    assert again.as_json() == made.as_json()
    assert not diagnose(scenario(), replicates=6, seed=4).table.equals(made.table)


def test_nothing_is_simulated_so_that_the_horizon_changes_nothing(made):
    longer = diagnose(scenario(months=120), replicates=6, seed=3)
    assert longer.table.equals(made.table)


def test_the_table_holds_every_world_and_factor_with_ordered_quantiles(made):
    table = made.table
    assert list(table.columns) == ["world", "factor", "low", "median", "high"]
    assert len(table) == len(GROUPS) * len(MEASURES)
    assert (table.low <= table["median"]).all() and (table["median"] <= table.high).all()
    assert table[["low", "high"]].stack().between(0, 1).all()


def test_the_brake_is_the_factor_whose_raising_helps_most(made):
    levels = {factor: made.median(factor) for factor in FACTORS}
    factor, raised = made.brake()
    assert levels[factor] == min(levels.values())
    assert raised > made.median("product_of_means")
    french, english = made.sentence(), made.sentence("en")
    assert "maturité" in french and "expérimentation" in french and factor == "maturite"
    assert METIERS[factor] == ("experimentation", "accompagnement")
    assert "hypothèse" in french and "non un conseil" in french
    assert "assumption" in english and "not advice" in english


@pytest.mark.parametrize("factor", FACTORS)
def test_the_lowest_factor_is_the_brake_whichever_it_is(made, factor):
    levels = made.levels.copy()
    levels[:, 0, : len(FACTORS)] = 0.8
    levels[:, 0, FACTORS.index(factor)] = 0.1
    levels[:, 0, MEASURES.index("product_of_means")] = 0.8 * 0.8 * 0.1
    other = type(made)(**{**vars_of(made), "levels": levels})
    assert other.brake() == (factor, pytest.approx(0.8**3))
    assert "0,512" in other.sentence() and "0.512" in other.sentence("en")


def test_where_two_factors_are_zero_raising_one_changes_nothing_and_it_is_said(made):
    levels = made.levels.copy()
    levels[:, 0, :] = 0.0
    levels[:, 0, 0] = 1.0
    other = type(made)(**{**vars_of(made), "levels": levels})
    assert other.brake()[1] == 0
    assert "Aucun facteur" in other.sentence() and "No factor" in other.sentence("en")


def vars_of(diagnosis):
    return {name: getattr(diagnosis, name) for name in diagnosis.__dataclass_fields__}


def test_real_counts_are_those_of_the_territory_whatever_the_sample():
    whole = diagnose(scenario(place=synthetic(population=20_000)), replicates=1)
    part = diagnose(scenario(place=synthetic(population=20_000, sample=0.2)), replicates=1)
    assert part.actors == whole.actors
    assert whole.actors["elu"] == whole.place.n_councillors
    assert sum(whole.profiles.values()) == pytest.approx(1)


def test_a_scenario_says_where_which_domains_and_which_profile():
    place = {"code": "cas-rural", "domains": ["eau", "faim", "emploi"], "profile": "volontaire"}
    made = diagnose(scenario(place=place), replicates=2)
    assert made.place.code == "cas-rural"
    assert set(made.domains.domain) == {"eau", "faim", "emploi"}
    assert made.domains.need.sum() == pytest.approx(2, abs=0.05)  # two needs for each actor
    assert made.profiles["volontaire"] == 1


def test_profiles_are_shares_of_the_inhabitants(made):
    ready = engine.plan(scenario())
    profile = {
        int(c): int(p)
        for c, p in zip(ready.template.actors.commune, ready.template.actors.profile, strict=True)
    }
    for k, share in enumerate(made.profiles.values()):
        people = sum(ready.place.population[c] for c, p in profile.items() if p == k)
        assert share == pytest.approx(people / ready.place.inhabitants)
    assert list(made.profiles) == list(population.PROFILES)


def test_belief_is_higher_in_2020_than_in_2010_and_know_how_is_not():
    before = diagnose(scenario(start="2010-01"), replicates=2)
    after = diagnose(scenario(start="2020-07"), replicates=2)
    assert after.median("adhesion", "elu") > before.median("adhesion", "elu") + 0.2
    assert after.median("maturite", "elu") == before.median("maturite", "elu")


def test_a_world_without_actors_is_left_out_and_not_zero(made):
    levels = made.levels.copy()
    levels[:, GROUPS.index("company"), :] = np.nan
    other = type(made)(**{**vars_of(made), "levels": levels})
    assert not other.peopled("company") and other.peopled("elu")
    assert [row["world"] for row in other.as_json()["brakes"]].count("company") == 0
    assert len(figure(other).axes[0].get_yticks()) == len(GROUPS) - 1


# -- what people see -------------------------------------------------------------------------


def test_the_json_is_json(made):
    document = json.loads(json.dumps(made.as_json(), allow_nan=False))
    assert document["territory"]["actors"] == made.actors
    assert len(document["levels"]) == len(made.table)
    assert document["sentence"] == made.sentence()


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_the_figure_has_four_bars_for_each_world_and_the_heights_of_the_table(made, lang):
    [axes] = figure(made, lang).axes
    widths = [bar.get_width() for bar in axes.patches]
    assert len(widths) == 4 * len(GROUPS)
    assert widths[:3] == pytest.approx([made.median(factor) for factor in FACTORS])
    assert widths[3] == pytest.approx(made.median("qualification"))


def test_the_command_tells_prints_json_and_draws(tmp_path, capsys):
    text = cli(capsys, "territory", "diagnose", "cas-rural", "-n", 2)
    assert "écosystème" in text and "maturité" in text and "non un conseil" in text
    document = json.loads(
        cli(capsys, "territory", "diagnose", "cas-rural", "-n", 2, "--start", "2010-01", "--json",
            "--out", tmp_path / "a.svg")
    )  # fmt: skip
    assert (document["start"], document["replicates"]) == ("2010-01", 2)
    assert document["territory"]["code"] == "cas-rural"
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    cli(capsys, "territory", "diagnose", "cas-rural", "-n", 1, "-o", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Vincenes"], PEMB),
        (["cas-rurl"], "cas-rural"),
        (["cas-rural", "--start", "2020-13"], "2020-13"),
        (["cas-rural", "--start", "1850-01"], "1850-01"),
        (["cas-rural", "--out", "figure.pdf"], ".svg or .png"),
        (["cas-rural", "--out", "nowhere/figure.svg"], "no such folder"),
        (["cas-rural", "--replicates", "0"], "--replicates"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_exits_2(arguments, message, capsys):
    error = cli(capsys, "territory", "diagnose", *arguments, code=2)
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_a_picture_that_exists_is_not_overwritten(tmp_path, capsys):
    path = tmp_path / "a.svg"
    path.write_text("mine")
    error = cli(capsys, "territory", "diagnose", "cas-rural", "--out", path, code=2)
    assert "nothing is overwritten" in error and path.read_text() == "mine"


def test_the_six_cases_are_listed_with_a_line_each(capsys):
    assert main(["territory", "cases", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 6 and all(row["code"].startswith("cas-") for row in rows)
    assert all("territoires réels" in row["fr"] and "real territories" in row["en"] for row in rows)
