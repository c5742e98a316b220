"""What each lever of a scenario brings, alone and on top of the others."""

import numpy as np
import pytest
from conftest import RULE

import cosim
from cosim.attribution import Contributions, levers_of
from cosim.errors import ResultsError
from cosim.indicators import COLUMNS, column
from cosim.results import Ensemble

LEVERS = {
    "catalysis.fte": 2.0,
    "prime.amount": 8.0,
    "prime.yearly_budget": 300.0,
    "context.turnover": 1.5,
}


@pytest.fixture(scope="module")
def reference(lively):
    return lively.with_(**{"catalysis.fte": 0, "catalysis.start": None, "title": "Sans"})


@pytest.fixture(scope="module")
def parts(reference):
    scenario = reference.with_(title="Avec", **LEVERS)
    return cosim.contributions(reference, scenario, replicates=6, seed=3, workers=2)


def invented(reference, levels, n=12):
    """Contributions whose alliances in the last month are the given numbers plus a little luck."""
    luck = np.random.default_rng(0).normal(0.0, 0.5, n)

    def ensemble(level):
        values = np.zeros((n, reference.n_months, len(COLUMNS)))
        values[:, -1, column("alliances")] = 50.0 + luck + level
        return Ensemble(reference, cosim.territory.synthetic(3, 2500), 1, values)

    made = {name: ensemble(level) for name, level in levels.items()}
    return Contributions(
        made["none"], made["all"],
        {"catalysis": made["without catalysis"], "prime": made["without prime"]},
        {"catalysis": made["catalysis"], "prime": made["prime"]},
    )  # fmt: skip


def test_each_table_is_a_lever_and_so_is_each_key_of_the_context(parts):
    assert parts.levers == ("catalysis", "context.turnover", "prime")


def test_levers_that_differ_are_found_wherever_they_are(reference):
    other = reference.with_(**{"rules.trust": "beta", "parameters.trust_gain": 0.1,
                               "context.crises": [{"start": "2010-05", "months": 2}],
                               "donnees.territoires": 10.0})  # fmt: skip
    assert levers_of(reference, other) == ("context.crises", "donnees", "rules.trust", "parameters")


def test_what_a_lever_brings_is_the_difference_of_two_runs(reference, parts):
    scenario = reference.with_(**LEVERS)
    without = cosim.compare(scenario.with_(**{"catalysis.fte": 0}), scenario, 6, 3)
    alone = cosim.compare(reference, reference.with_(**{"catalysis.fte": 2}), 6, 3)
    for found, true in (
        (parts.on_top("catalysis"), without),
        (parts.by_itself("catalysis"), alone),
    ):
        for name, group in COLUMNS:
            assert np.array_equal(found.difference(name, group), true.difference(name, group))
    assert np.array_equal(
        parts.total.difference("degree"),
        cosim.compare(reference, scenario, 6, 3).difference("degree"),
    )


def test_the_whole_is_the_levers_alone_and_their_synergy(parts):
    for name, group in (("alliances", ""), ("engaged", "elu"), ("spending", "")):
        alone = sum(parts.by_itself(lever).difference(name, group) for lever in parts.levers)
        assert np.allclose(
            alone + parts.synergy(name, group), parts.total.difference(name, group), atol=1e-9
        )
    found = parts.parts("degree")
    alone = sum(part.mean for (what, _), part in found.items() if what == "alone")
    assert alone + found["synergy", ""].mean == pytest.approx(found["total", ""].mean)


def test_levers_that_add_up_have_no_synergy_and_levers_that_overlap_a_negative_one(reference):
    added = invented(reference, {"none": 0, "catalysis": 5, "prime": 3, "all": 8,
                                 "without catalysis": 3, "without prime": 5})  # fmt: skip
    assert added.parts()["synergy", ""].mean == pytest.approx(0.0, abs=1e-9)
    overlap = invented(reference, {"none": 0, "catalysis": 5, "prime": 3, "all": 6,
                                   "without catalysis": 3, "without prime": 5})  # fmt: skip
    found = overlap.parts()
    assert found["synergy", ""].mean == pytest.approx(-2.0)
    assert found["on top", "catalysis"].mean == pytest.approx(3.0)
    assert found["alone", "catalysis"].mean == pytest.approx(5.0)


def test_one_lever_is_the_whole_effect(reference):
    one = cosim.contributions(reference, reference.with_(**{"droit.strength": 1.0}), 2, 3)
    found = one.parts("degree")
    assert found["on top", "droit"] == found["alone", "droit"] == found["total", ""]
    assert found["synergy", ""].mean == 0.0
    assert "Un seul levier, droit de l'alliance" in one.sentence()
    assert "One lever only" in one.sentence("en")


def test_nothing_is_simulated_twice(reference):
    seen = []
    two = reference.with_(**{"droit.strength": 1.0, "lieux.number": 1})
    cosim.contributions(reference, two, 2, 3, workers=1, progress=lambda *at: seen.append(at))
    assert seen == [(k, 8) for k in range(1, 9)]  # what is left of two levers is the other alone


def test_own_rules_and_drawn_parameters_are_levers_like_others(reference, tmp_path):
    (tmp_path / "tired.py").write_text(RULE)
    own = reference.with_(parameters="posterior", model={
        "modules": [str(tmp_path / "tired.py")], "after": {"know_how": ["tired"]}})  # fmt: skip
    found = cosim.contributions(reference, own, 4, 3, indicators=["commitment"])
    assert found.levers == ("model", "parameters")
    assert found.on_top("model").difference("commitment")[:, -1].max() < 0.0
    assert found.parts("commitment")["total", ""].mean < 0.0


def test_the_table_holds_every_part_with_its_interval(parts):
    table = parts.table_at(["2011-12"], [("degree", "")]).set_index(["what", "lever"])
    assert len(table) == 2 * len(parts.levers) + 2
    row = table.loc[("on top", "catalysis")]
    pairs = parts.on_top("catalysis").difference("degree")[:, -1]
    assert row["mean"] == pytest.approx(pairs.mean())
    margin = 2.570582 * pairs.std(ddof=1) / 6**0.5  # Student's t, 5 degrees of freedom
    assert row["ci_high"] - row["mean"] == pytest.approx(margin, rel=1e-5)
    assert parts.table.month.dt.strftime("%Y-%m").unique().tolist() == ["2010-12", "2011-12"]


def test_sentences_name_levers_in_both_languages(parts):
    french, english = parts.sentence(), parts.sentence("en")
    assert french.startswith("Les 3 leviers ensemble changent")
    assert "prime à l'alliance" in french and "renouvellement des élus" in french
    assert "premium for the alliance" in english and "Synergy" in english
    for name, group in COLUMNS:
        assert "nan" not in parts.sentence("fr", name, group)


def test_the_figure_has_two_bars_for_each_lever_and_two_for_the_whole(parts):
    pytest.importorskip("matplotlib")
    axes = parts.plot("engaged", "elu").axes[0]
    assert len(axes.patches) == 2 * 3 + 2
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[0] == "catalyse" and labels[-2:] == ["synergie", "ensemble"]


def test_what_cannot_be_taken_apart_is_refused(reference, parts):
    with pytest.raises(ResultsError, match="nothing to take apart"):
        cosim.contributions(reference, reference.with_(title="Autre"))
    with pytest.raises(ResultsError, match="periods"):
        cosim.contributions(reference, reference.with_(**{"time.end": "2010-12"}))
    with pytest.raises(ResultsError, match="did you mean 'prime'"):
        parts.on_top("primes")
    with pytest.raises(ResultsError, match="language"):
        parts.sentence("de")
