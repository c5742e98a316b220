"""A history that forks: one past, several futures, the same state and the same luck."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import RULE, synthetic

import cosim
from cosim import branching, engine
from cosim.branching import AS_BEFORE, START_PARAMETERS, option, staged
from cosim.errors import CosimError, ResultsError, RunError, ScenarioError
from cosim.indicators import COLUMNS, column
from cosim.parameters import PARAMETERS
from cosim.population import levels_tables
from cosim.scenario import Scenario

FORK, AT = 14, "2011-03"
#: What an option may bring: each opens another lever, or changes another part of the trunk.
OPTIONS = {
    "more catalysts": {"catalysis.fte": 3.5},
    "other métiers": {"catalysis.mix": {"dialogue": 1, "experimentation": 0,
                                        "accompagnement": 0, "lieu": 0}},
    "places": {"lieux.number": 2},
    "funds": {"ingenierie.funds": 400},
    "crisis": {"context.crises": [{"start": AT, "months": 6}]},
    "prime": {"prime.amount": 8, "prime.yearly_budget": 400},
    "trust": {"parameters.trust_gain": 0.2},
    "no births": {"model.without": ["formation"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def trunk(lively):
    return lively.with_(**{"lieux.number": 1, "lieux.start": "2010-04"})


@pytest.fixture(scope="module")
def plain_run(trunk):
    return engine.replicate(engine.plan(trunk), 5, 1)[0]


def forked(trunk, changes, number=1, at=AT, **options):
    stages = (
        (0, engine.plan(trunk)),
        (trunk.month_index(at), engine.plan(option(trunk, at, changes))),
    )
    return staged(stages, 5, number, **options)[0]


# -- one replicate ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIONS)
def test_until_the_fork_nothing_differs_and_after_it_the_option_acts(trunk, plain_run, name):
    out = forked(trunk, OPTIONS[name])
    assert np.array_equal(out[:FORK], plain_run[:FORK])
    assert not np.array_equal(out[FORK:], plain_run[FORK:])


def test_a_fork_that_changes_nothing_is_the_trunk_to_the_bit(trunk, plain_run):
    ready = engine.plan(trunk)
    out, _ = staged([(0, ready), (FORK, ready), (FORK + 3, ready)], 5, 1)
    assert np.array_equal(out, plain_run)
    assert np.array_equal(forked(trunk, {}), plain_run)


def test_a_lever_that_starts_in_the_scenario_is_the_same_lever_forked_then(trunk):
    """What a fork does is what one scenario would, where one scenario can say it."""
    said = trunk.with_(**{"droit.strength": 1.0, "droit.start": AT, "ingenierie.fte": 2.0,
                          "ingenierie.start": AT})  # fmt: skip
    whole = engine.replicate(engine.plan(said), 5, 1)[0]
    assert np.array_equal(forked(trunk, {"droit.strength": 1.0, "ingenierie.fte": 2.0}), whole)


def test_forgetting_ended_alliances_changes_no_indicator(trunk, monkeypatch):
    monkeypatch.setattr(engine, "MEMORY", 5)
    changes = OPTIONS["more catalysts"]
    assert np.array_equal(forked(trunk, changes, forget=True), forked(trunk, changes))


def test_a_fork_on_steps_within_a_month_and_with_drawn_parameters(trunk):
    fine = trunk.with_(**{"time.substeps": 2, "parameters": "posterior"})
    for number in (0, 3):
        plain = engine.replicate(engine.plan(fine), 5, number)[0]
        out = forked(fine, {"catalysis.fte": 4}, number)
        assert np.array_equal(out[:FORK], plain[:FORK])
        assert not np.array_equal(out[FORK:], plain[FORK:])


def test_rules_of_somebody_else_fork_like_any_other(trunk, tmp_path):
    (tmp_path / "tired.py").write_text(RULE)
    own = trunk.with_(model={"modules": [str(tmp_path / "tired.py")],
                             "after": {"know_how": ["tired"]}})  # fmt: skip
    out = forked(own, {"catalysis.fte": 4})
    assert np.array_equal(out[:FORK], engine.replicate(engine.plan(own), 5, 1)[0][:FORK])
    before, tired = engine.replicate(engine.plan(trunk), 5, 1)[0], forked(trunk, own)
    assert np.array_equal(tired[:FORK], before[:FORK])
    assert (tired[FORK:] < before[FORK:])[:, column("commitment")].all()


def test_spending_goes_on_from_what_the_trunk_had_spent(trunk, plain_run):
    spent = column("spending")
    dear = forked(trunk, {"catalysis.fte": 4})[:, spent]
    monthly = np.diff(dear)
    cost = engine.plan(trunk).params.fte_cost / 12
    place = engine.plan(trunk).params.place_cost / 12
    assert monthly[FORK - 2] == pytest.approx(2 * cost + place)
    assert monthly[FORK - 1 :] == pytest.approx(4 * cost + place)
    assert dear[-1] > plain_run[-1, spent]


def test_stages_that_do_not_follow_one_another_are_refused(trunk):
    ready = engine.plan(trunk)
    for months in ((0, 24), (0, 0), (3, 5), (0, 9, 4)):
        with pytest.raises(ScenarioError, match="do not rise from 0"):
            staged([(month, ready) for month in months], 1, 0)
    with pytest.raises(ScenarioError, match=r"territory\.synthetic\.population"):
        other = engine.plan(trunk.with_(**{"territory.synthetic.population": 900}))
        staged([(0, ready), (3, other)], 1, 0)


# -- options ----------------------------------------------------------------------------------


def test_a_lever_of_an_option_begins_at_the_fork_and_so_does_its_budget(trunk):
    made = option(trunk, AT, {"catalysis.fte": 4, "catalysis.budget": 100})
    assert made.catalysis.start == AT
    months = engine.plan(made).template.calendar.own_fte > 0
    assert months[FORK] and 100 / (4 * PARAMETERS["fte_cost"].default / 12) == pytest.approx(
        months[FORK:].sum(), abs=1
    )
    later = option(trunk, AT, {"catalysis.fte": 4, "catalysis.start": "2011-09"})
    assert later.catalysis.start == "2011-09"
    assert made.lieux == trunk.lieux


def test_an_end_alone_leaves_the_start_and_the_budget_as_they_were(trunk):
    stopped = option(trunk, AT, {"catalysis.end": AT})
    assert (stopped.catalysis.start, stopped.catalysis.end) == ("2010-07", AT)


def test_a_lever_that_had_ended_can_begin_again(trunk):
    ended = trunk.with_(**{"catalysis.end": "2010-12", "catalysis.restart": "2011-01"})
    again = option(ended, AT, {"catalysis.fte": 3})
    assert (again.catalysis.start, again.catalysis.end, again.catalysis.restart) == (AT, None, None)


def test_a_scenario_is_an_option_by_what_differs(trunk):
    other = trunk.with_(title="Autre", **{"droit.strength": 1.0})
    assert option(trunk, AT, other) == option(trunk, AT, {"title": "Autre", "droit.strength": 1.0})


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"territory.synthetic.population": 900}, "territory.synthetic.population"),
        ({"territory.profile": "idealiste"}, "territory.profile"),
        ({"territory.fragility.emploi": 80}, "territory.fragility.emploi"),
        ({"time.end": "2012-12"}, "time.end"),
        ({"rules.trust": "beta"}, "rules.trust"),
        ({"parameters.seed_age": 60}, "parameters.seed_age"),
        ({"parameters": "posterior"}, "parameters.base"),
        ({"catalysis.start": "2011-01", "catalysis.fte": 3}, "catalysis.start"),
    ],
)
def test_what_a_run_reads_at_its_start_is_not_an_option(trunk, changes, key):
    with pytest.raises(ScenarioError, match=key.replace(".", r"\.")):
        option(trunk, AT, changes)


@pytest.mark.parametrize("month", ["2010-01", "2012-01", "2009-05", "mars 2011"])
def test_a_fork_outside_the_run_is_refused(trunk, month):
    with pytest.raises(ScenarioError):
        option(trunk, month, {})


def test_the_parameters_refused_are_those_that_no_month_reads():
    package = Path(inspect.getfile(cosim)).parent
    files = [*(package / "mechanisms").glob("*.py"), package / "measure.py",
             package / "timetable.py", package / "country.py", package / "national.py"]  # fmt: skip
    monthly = "\n".join(path.read_text("utf-8") for path in files)
    ready = engine.plan(Scenario(time={"start": "2015-01", "end": "2016-01"},
                                 territory=synthetic()))  # fmt: skip
    unread = set()
    for name, row in PARAMETERS.items():
        if re.search(rf"\bparams\.{name}\b|\"{name}\"", monthly):
            continue
        value = row.low if row.low != row.default else row.high
        other = engine.resolved(ready.scenario.with_(**{f"parameters.{name}": value}))
        if np.array_equal(levels_tables("2015-01", other), levels_tables("2015-01", ready.params)):
            unread.add(name)
    assert unread == START_PARAMETERS


# -- ensembles --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fork(trunk):
    chosen = {name: OPTIONS[name] for name in ("more catalysts", "places", "prime")}
    return cosim.branch(trunk, AT, chosen, replicates=6, seed=5, workers=2)


def test_the_trunk_goes_on_as_before_and_every_option_shares_its_past(trunk, fork):
    alone = cosim.ensemble(trunk, 6, 5)
    assert np.array_equal(fork.ensembles[AS_BEFORE].values, alone.values)
    for name in fork.options:
        values = fork.ensembles[name].values
        assert np.array_equal(values[:, :FORK], alone.values[:, :FORK])
        assert np.array_equal(values[1], forked(trunk, OPTIONS[name]))


def test_the_numbers_of_a_fork_do_not_depend_on_the_workers(trunk, fork):
    alone = cosim.branch(trunk, AT, {"places": OPTIONS["places"]}, 6, 5, workers=1)
    assert np.array_equal(alone.ensembles["places"].values, fork.ensembles["places"].values)


def test_an_option_that_changes_nothing_has_no_effect_at_all(trunk):
    same = cosim.branch(trunk, AT, {"nothing": {}}, replicates=2).effect("nothing")
    assert not (same.scenario.values - same.reference.values).any()


def test_the_table_of_a_fork_holds_each_option_beside_the_trunk(fork):
    assert fork.table.option.unique().tolist() == list(fork.options)
    rows = fork.table_at(["2011-12"], ["spending"]).set_index(["option", "group"])
    assert rows.loc[("places", ""), "difference"] == pytest.approx(
        fork.effect("places").difference("spending")[:, -1].mean()
    )
    assert len(fork.table) == 2 * len(COLUMNS) * len(fork.options)


def test_the_sentences_of_a_fork_name_its_month_and_its_options(fork):
    french, english = fork.sentence(), fork.sentence("en", "spending")
    assert french.startswith("Même territoire, même passé, même hasard jusqu'en mars 2011")
    assert french.count("Avec l'option «") == 3
    assert "With the option “prime”" in english and "former path" in english


def test_the_figure_of_a_fork_has_a_line_for_each_option_and_one_for_the_fork(fork):
    pytest.importorskip("matplotlib")
    axes = fork.plot("engaged", "elu").axes[0]
    assert len(axes.get_lines()) == 5
    assert next(text.get_text() for text in axes.get_legend().get_texts()) == "comme avant"


def test_an_option_is_not_saved_as_if_it_were_the_run_of_a_scenario(fork, tmp_path):
    with pytest.raises(ResultsError, match="not the run of one scenario"):
        fork.ensembles["places"].save(tmp_path / "places")
    fork.ensembles[AS_BEFORE].save(tmp_path / "trunk")


def test_a_fork_without_option_or_with_the_trunk_twice_is_refused(trunk, fork):
    with pytest.raises(CosimError, match="needs an option"):
        cosim.branch(trunk, AT, {})
    with pytest.raises(CosimError, match="there already"):
        cosim.branch(trunk, AT, {AS_BEFORE: {}})
    with pytest.raises(CosimError, match="did you mean 'places'"):
        fork.effect("place")
    with pytest.raises(CosimError, match="replicates"):
        cosim.branch(trunk, AT, {"a": {}}, replicates=0)


def test_a_trunk_that_is_not_its_scenario_stops_the_fork(trunk, monkeypatch):
    true = branching._forked
    monkeypatch.setattr(branching, "_forked", lambda *a: true(*a) + 1.0)
    with pytest.raises(RunError, match="not the run of its scenario"):
        cosim.branch(trunk, AT, {"a": {}}, replicates=1)
