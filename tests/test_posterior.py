"""Ensembles that draw their parameters from the posterior: who gets which set, luck and all."""

import json
import pickle
import tomllib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from conftest import scenario, synthetic

import cosim
from cosim import country, effects, engine, figures, national, parameters, results, uncertainty
from cosim import scenario as scenarios
from cosim.calibration import posterior
from cosim.cli import main
from cosim.dashboard import compute
from cosim.errors import CosimError, ParameterError, RunError, ScenarioError
from cosim.model import CoSimModel
from cosim.scenario import Scenario, from_query, loads
from cosim.scenario_levers import Rules

NAMES = ("imitation", "birth_base")
VALUES = np.array([[0.02, -8.0], [0.05, -10.0], [0.011, -9.0]])


@pytest.fixture
def three(monkeypatch):
    """A sample of three sets in place of the one that ships."""
    sample = posterior.Posterior("default", NAMES, VALUES, {"made-by": "a test"})
    monkeypatch.setattr(posterior, "load", lambda rules=None: sample)
    return sample


@pytest.fixture(scope="module")
def drawing():
    """A lively world of two years whose replicates draw their parameters."""
    return scenario(parameters="posterior", catalysis={"fte": 2})


# -- the sample ---------------------------------------------------------------------------


def test_the_sample_that_ships_is_within_the_ledger():
    sample = posterior.load()
    assert sample.name == "default" and len(sample) == len(sample.values) >= 4
    for k in range(len(sample)):
        for name, value in sample.parameters(k).items():
            assert parameters.check(name, value) == value


def test_a_sample_is_read_as_it_was_saved(tmp_path):
    values = VALUES / 3.0 + np.array([0.01, -6.0])
    path = posterior.save(tmp_path / "new" / "mine.csv", NAMES, values, {"seed": "4", "a": "b: c"})
    sample = posterior.read(path)
    assert sample.name == "mine" and sample.names == NAMES
    assert sample.values.tobytes() == values.tobytes()
    assert dict(sample.about) == {"seed": "4", "a": "b: c"}
    assert [p.name for p in path.parent.iterdir()] == ["mine.csv"]


def test_a_sample_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        posterior.load().values[0, 0] = 0.0


def test_pairs_of_replicates_take_one_set_after_the_other():
    sample = posterior.Posterior("default", NAMES, VALUES, {})
    drawn = [sample.drawn(replicate)["imitation"] for replicate in range(8)]
    assert drawn == [0.02, 0.02, 0.05, 0.05, 0.011, 0.011, 0.02, 0.02]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("", CosimError, "not a sample"),
        ("# only: words\n", CosimError, "not a sample"),
        ("imitation\n", CosimError, "0 sets"),
        ("imitation,imitation\n0.02,0.02\n", CosimError, "each once"),
        ("imitation,hazard\n0.02\n", CosimError, "set 0"),
        ("imitation\n0.02\nmuch\n", ParameterError, "set 1"),
        ("imitation\nnan\n", ParameterError, "not a number"),
        ("imitation\n9\n", ParameterError, "out of range"),
        ("imitaton\n0.02\n", ParameterError, "'imitation'"),
    ],
)
def test_a_damaged_sample_is_named_with_its_set(tmp_path, text, error, said):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(error) as caught:
        posterior.read(path)
    assert said in str(caught.value) and "bad.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("names", "values", "about"),
    [
        (NAMES, VALUES[:, :1], {}),
        (NAMES, VALUES[:0], {}),
        (NAMES, VALUES + 1.0, {}),
        (("imitation", "nothing"), VALUES, {}),
        (NAMES, VALUES, {"two": "li\nnes"}),
        (NAMES, VALUES, {"a:b": "c"}),
    ],
)
def test_what_is_no_sample_is_not_written(tmp_path, names, values, about):
    with pytest.raises(CosimError):
        posterior.save(tmp_path / "x.csv", names, values, about)
    assert not list(tmp_path.iterdir())


def test_each_single_departure_of_the_rules_has_its_name():
    assert set(posterior.names()) == {
        "default", "trust-beta", "trust-confirmatory", "imitation-bounded", "maturity-scalar",
        "third-party-off", "third-party-warnings",
    }  # fmt: skip
    assert posterior.name_of(Rules()) == "default"
    assert posterior.name_of(Rules(third_party="off")) == "third-party-off"


def test_several_rival_rules_at_once_have_no_calibration():
    with pytest.raises(ScenarioError, match=r"trust-beta \+ imitation-bounded.*|several rival"):
        posterior.name_of(Rules(trust="beta", imitation="bounded"))
    with pytest.raises(ScenarioError, match="several rival rules") as caught:
        scenario(parameters="posterior", rules={"trust": "beta", "imitation": "bounded"})
    assert "default" in str(caught.value)


def test_a_name_that_nothing_was_calibrated_for_says_what_exists():
    with pytest.raises(ScenarioError, match="did you mean 'default'"):
        posterior.load("defaut")


# -- the document -------------------------------------------------------------------------


def test_the_short_form_and_the_table_are_one_scenario():
    short = loads('parameters = "posterior"')
    table = loads('[parameters]\nbase = "posterior"')
    assert short == table == Scenario(parameters="posterior") and short.draws
    assert short.digest == table.digest != Scenario().digest
    assert short.parameters == {} and not Scenario().draws


def test_single_values_stand_beside_the_base():
    one = loads('[parameters]\nbase = "posterior"\nimitation = 0.03')
    assert one.draws and one.parameters == {"imitation": 0.03}
    assert one.resolved()["parameters"] == {"base": "posterior", "imitation": 0.03}


@pytest.mark.parametrize("values", [{}, {"imitation": 0.03, "hazard": 0.2}])
def test_file_link_pickle_and_copy_give_the_scenario_back(values):
    one = Scenario(parameters={"base": "posterior", **values})
    jsonschema.validate(tomllib.loads(one.to_toml()), scenarios.schema())
    for again in (loads(one.to_toml()), from_query(one.to_query()), one.with_(title="Autre"),
                  pickle.loads(pickle.dumps(one)), one.model_copy(deep=True)):  # fmt: skip
        assert again.draws and again.digest == one.digest


def test_a_link_may_use_the_short_form():
    assert from_query("parameters=posterior") == Scenario(parameters="posterior")


def test_the_base_is_added_and_taken_away_without_losing_values():
    fixed = Scenario(parameters={"hazard": 0.2})
    drawn = fixed.with_(parameters="posterior")
    assert drawn.draws and drawn.parameters == {"hazard": 0.2}
    assert drawn.with_(**{"parameters.base": None}) == fixed
    assert drawn.with_(parameters=None) == Scenario()


def test_what_a_scenario_extends_gives_it_the_base(tmp_path):
    (tmp_path / "base.toml").write_text('parameters = "posterior"')
    (tmp_path / "own.toml").write_text('extends = "base.toml"\n[parameters]\nhazard = 0.2')
    (tmp_path / "other.toml").write_text('extends = "own.toml"\nparameters = "posterior"')
    for name in ("own", "other"):
        found = scenarios.load(tmp_path / f"{name}.toml")
        assert found.draws and found.parameters == {"hazard": 0.2}


@pytest.mark.parametrize(
    ("text", "key", "near"),
    [
        ('parameters = "posteriors"', "parameters", "posterior"),
        ('parameters = "x"', "parameters", None),
        ("parameters = 1", "parameters", None),
        ('[parameters]\nbase = "posteriors"', "parameters.base", "posterior"),
        ("[parameters]\nbase = 1", "parameters.base", None),
        ('[parameters]\nbase = "posterior"\nhazard = 9', "parameters.hazard", None),
    ],
)
def test_another_base_is_refused_with_its_key(text, key, near):
    with pytest.raises(ScenarioError) as caught:
        loads(text, "mine.toml")
    assert caught.value.key == key and caught.value.nearest == near
    assert caught.value.where == "mine.toml" and caught.value.expected
    if "hazard" not in text:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(tomllib.loads(text), scenarios.schema())


def test_the_sentences_say_where_parameters_come_from():
    fixed, drawn = Scenario(), Scenario(parameters="posterior")
    assert "paramètres tirés de la calibration" in drawn.sentence()
    assert "parameters drawn from the calibration" in drawn.sentence("en")
    assert [tuple(change) for change in scenarios.diff(fixed, drawn)] == [
        ("parameters.base", None, "posterior")
    ]
    changed = scenarios.difference_sentence(fixed, drawn)
    assert "paramètres" in changed and "tirés de la calibration" in changed


def test_the_reference_and_the_new_file_name_the_base():
    assert "| `parameters.base` |" in scenarios.markdown()
    text = scenarios.new("Essai")
    assert loads(text.replace("# base =", "base =")).draws


# -- replicates ---------------------------------------------------------------------------


def test_a_replicate_is_that_of_a_scenario_with_the_values_of_its_set(three):
    drawn = engine.plan(scenario(parameters={"base": "posterior", "hazard": 0.2}))
    for replicate in (0, 1, 4, 7):
        fixed = engine.plan(
            scenario(parameters={**three.drawn(replicate), "hazard": 0.2})
        )  # fmt: skip
        for seed in (1, 2):
            ours, _ = engine.replicate(drawn, seed, replicate)
            theirs, _ = engine.replicate(fixed, seed, replicate)
            assert ours.tobytes() == theirs.tobytes()


def test_single_values_override_every_set(three):
    ready = engine.plan(scenario(parameters={"base": "posterior", "imitation": 0.03}))
    assert {float(ready.drawn(k).params.imitation) for k in range(6)} == {0.03}
    assert len({float(ready.drawn(k).params.birth_base) for k in range(6)}) == 3


def test_both_of_a_pair_have_their_own_luck(drawing):
    ready = engine.plan(drawing)
    one, other = (engine.replicate(ready, 1, k)[0] for k in (0, 1))
    assert ready.drawn(0).params == ready.drawn(1).params and (one != other).any()


def test_a_pair_s_plan_is_made_once_and_few_are_kept(drawing):
    ready = engine.plan(drawing)
    assert ready.drawn(6) is ready.drawn(7) is not ready.drawn(8)
    for replicate in range(0, 4 * engine.DRAWN, 2):
        ready.drawn(replicate)
    assert len(ready._last.plans) == engine.DRAWN
    assert ready.drawn(6).params == engine.plan(drawing).drawn(6).params
    assert engine.plan(drawing.with_(parameters=None)).drawn(3).sets is None


def test_every_driver_gives_the_same_numbers(drawing):
    whole = results.ensemble(drawing, 5, seed=3, workers=2)
    alone = results.ensemble(drawing, 5, seed=3, workers=1)
    *_, grown = results.growing(drawing, 5, seed=3)
    later = results.ensemble(drawing, 2, seed=3, start=3)
    assert whole.values.tobytes() == alone.values.tobytes() == grown.values.tobytes()
    assert later.values.tobytes() == whole.values[3:].tobytes()
    for number in (0, 3):
        journaled = results.run(drawing, seed=3, replicate=number)
        assert journaled.values.tobytes() == whole.values[number].tobytes()
        model = CoSimModel(drawing, rng=3, replicate=number)
        model.run_model()
        assert model.run.out.tobytes() == whole.values[number].tobytes()


def test_other_processes_draw_the_same_sets(drawing):
    whole = results.ensemble(drawing, 4, seed=3, workers=1)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        sent = results.ensemble(drawing, 4, seed=3, executor=executor)
    assert sent.values.tobytes() == whole.values.tobytes()


def test_a_saved_model_goes_on_with_its_set(drawing):
    model = CoSimModel(drawing, rng=3, replicate=4)
    for _ in range(5):
        model.step()
    again = pickle.loads(pickle.dumps(model))
    assert again.params == model.params
    for one in (model, again):
        one.run_model()
    assert again.run.out.tobytes() == model.run.out.tobytes()


def test_an_ensemble_of_few_indicators_has_the_same_numbers(drawing):
    few = results.ensemble(drawing, 2, indicators=["alliances"])
    every = results.ensemble(drawing, 2)
    assert few.array("alliances").tobytes() == every.array("alliances").tobytes()


def test_a_plan_of_no_replicate_in_particular_is_not_advanced(drawing):
    ready = engine.plan(drawing)
    out = np.zeros((24, len(engine.COLUMNS)))
    with pytest.raises(RunError, match="its own parameters"):
        engine.advance(ready, ready.state(1, 0), 0, 24, np.uint64(1), out)


def test_a_run_of_france_gives_every_territory_the_set_of_its_replicate(three):
    places = [engine.territory_of(scenario(place=synthetic(number=k))) for k in (1, 2)]
    for number in (0, 2):
        drawn = national.plan(scenario(months=12, parameters="posterior"), places)
        fixed = national.plan(scenario(months=12, parameters=three.drawn(number)), places)
        ours, theirs = (country.simulate(one, 1, number, workers=1) for one in (drawn, fixed))
        assert ours.values.tobytes() == theirs.values.tobytes()


def test_the_folder_says_which_sample_its_parameters_come_from(drawing, tmp_path):
    results.save_run(drawing, tmp_path / "x", 2, journal=True)
    manifest = results._read_manifest(tmp_path / "x")
    assert manifest["posterior"]["name"] == "default"
    assert manifest["posterior"]["sets"] == len(posterior.load())
    assert manifest["posterior"]["about"] == dict(posterior.load().about)
    again = cosim.load_results(tmp_path / "x")
    assert again.scenario.draws
    assert again.values.tobytes() == results.ensemble(drawing, 2).values.tobytes()


def test_the_digest_of_a_run_covers_the_sample_that_it_draws_from(monkeypatch):
    drawn, fixed = Scenario(parameters="posterior"), Scenario()
    before, read = [results.run_digest(one) for one in (drawn, fixed)], Path.read_bytes
    sample = posterior.path_of("default")
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path == sample))
    assert results.run_digest(drawn) != before[0] and results.run_digest(fixed) == before[1]


def test_a_calibration_that_ships_is_not_another_model(monkeypatch):
    """Else a calibration could not go on once its own sample is in its place."""
    before, read = results._model_digest(), Path.read_bytes
    sample = posterior.path_of("default")
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path == sample))
    results._model_digest.cache_clear()
    assert results._model_digest() == before


# -- luck and parameters apart --------------------------------------------------------------


def pairs(luck, due, n=4000, seed=1):
    """Values of n pairs with these standard deviations."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, due, n)[:, None] + rng.normal(0, luck, (n, 2))
    return values.reshape(-1, 1)


@pytest.mark.parametrize("true", [0.0, 0.2, 0.5, 0.9])
def test_the_share_of_parameters_is_that_of_the_truth(true):
    values = pairs((1 - true) ** 0.5, true**0.5)
    assert uncertainty.share(values)[0] == pytest.approx(true, abs=0.04)


def test_the_share_has_the_spread_that_its_docstring_says():
    true = 0.5
    found = [
        uncertainty.share(pairs((1 - true) ** 0.5, true**0.5, 50, seed))[0] for seed in range(400)
    ]
    assert np.std(found) == pytest.approx((1 - true**2) / 50**0.5, rel=0.15)
    assert np.mean(found) == pytest.approx(true, abs=0.02)


def test_a_replicate_without_its_half_is_left_out():
    values = pairs(1.0, 1.0, 6)
    assert uncertainty.share(values[1:-1], start=1) == uncertainty.share(values[2:-2])


def test_one_pair_tells_nothing_and_fixed_parameters_make_nothing():
    values = pairs(1.0, 1.0, 3)
    assert np.isnan(uncertainty.share(values[:3])).all()
    assert uncertainty.share(values, draws=False) == 0.0
    assert uncertainty.share(np.full((8, 1), 0.1)) == 0.0


def test_the_bands_of_luck_and_of_parameters_lie_inside_that_of_everything():
    found = uncertainty.bands(pairs(1.0, 2.0), level=0.9)
    for part in ("luck", "parameters"):
        low, high = getattr(found, f"{part}_low"), getattr(found, f"{part}_high")
        assert (found.low < low).all() and (high < found.high).all()
    width = (found.high - found.low) / 2
    assert width == pytest.approx(1.645 * 5**0.5, rel=0.05)
    assert (found.luck_high - found.luck_low) / 2 == pytest.approx(1.645, rel=0.06)
    assert (found.parameters_high - found.parameters_low) / 2 == pytest.approx(3.29, rel=0.05)


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(cosim.errors.ResultsError, match="level"):
        uncertainty.bands(pairs(1.0, 1.0, 4), level=level)


def test_an_ensemble_of_fixed_parameters_has_luck_alone():
    table = results.ensemble(scenario(), 6).uncertainty("alliances")
    assert (table.parameters_share == 0.0).all()
    assert (table.low == table.luck_low).all() and (table.high == table.luck_high).all()
    assert (table.parameters_low == table["median"]).all()
    assert len(table) == 24 and table.index.name == "month"


def test_parameters_that_differ_much_explain_most_of_the_spread(three):
    whole = results.ensemble(scenario(months=36, parameters="posterior"), 24)
    assert whole.uncertainty("commitment", "elu").parameters_share.iloc[-1] > 0.5


def test_paired_replicates_of_a_comparison_share_their_set(three):
    before = scenario(parameters="posterior")
    effect = effects.compare(before, before.with_(title="Autre"), 6)
    assert effect.draws and not effect.difference("alliances").any()
    effect = effects.compare(before, before.with_(**{"catalysis.fte": 2}), 6)
    table = effect.uncertainty("alliances")
    rows = effect.table_at([-1], ["alliances"]).set_index("group")
    assert rows.loc["", "parameters_share"] == table.parameters_share.iloc[-1]
    assert table.parameters_share.between(0.0, 1.0).all()


def test_the_effect_of_fixed_parameters_is_due_to_luck_alone():
    before = scenario()
    effect = effects.compare(before, before.with_(**{"catalysis.fte": 2}), 4)
    assert not effect.draws and (effect.table.parameters_share == 0.0).all()


def test_the_interval_of_a_mean_counts_sets_and_not_replicates():
    """Two replicates of one set are no two independent draws of the parameters."""
    same = np.repeat(np.random.default_rng(1).normal(size=50), 2)[:, None]
    assert effects.spread(same, draws=True)[1] == pytest.approx(effects.spread(same[::2])[1])
    assert effects.spread(same, draws=True)[1] > 1.3 * effects.spread(same)[1]
    assert np.isnan(effects.spread(same[:3], draws=True)[1]).all()


def test_its_coverage_is_95_percent():
    inside = [
        abs(values.mean()) < effects.spread(values, draws=True)[1][0]
        for values in (pairs(0.5, 1.0, 12, seed) for seed in range(1500))
    ]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


def test_a_sentence_says_what_an_effect_does_not_stand_out_from(three):
    before = scenario(months=12, parameters="posterior")
    effect = effects.compare(before, before.with_(**{"catalysis.fte": 0.1}), 10)
    assert "hasard et " in effect.sentence() and "paramètres" in effect.sentence()
    assert "chance and the uncertainty of parameters" in effect.sentence("en")


# -- what is seen ---------------------------------------------------------------------------


def words(figure):
    """Every text of a figure."""
    return " ".join(text.get_text() for text in figure.texts)


def test_fan_charts_show_luck_inside_luck_and_parameters(drawing):
    drawn, fixed = (results.ensemble(one, 8) for one in (drawing, drawing.with_(parameters=None)))
    text = words(figures.fan_chart(drawn))
    assert "chance seule" in text and "chance et paramètres" in text
    assert "luck alone" in words(figures.fan_chart(drawn, lang="en"))
    assert "1 simulation sur 2" in words(figures.fan_chart(fixed))
    low, inner_low, median, inner_high, high = drawn.fan("alliances")
    table = drawn.uncertainty("alliances")
    for level, name in ((low, "low"), (inner_low, "luck_low"), (median, "median"),
                        (inner_high, "luck_high"), (high, "high")):  # fmt: skip
        assert np.allclose(level, table[name])
    quantiles = np.quantile(fixed.array("alliances"), (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    assert np.array_equal(fixed.fan("alliances"), quantiles)


@pytest.fixture
def file(drawing, tmp_path, monkeypatch):
    """The file of a scenario with fixed parameters, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "world.toml"
    path.write_text(drawing.with_(parameters=None).to_toml(), encoding="utf-8")
    return path


def printed(capsys, *arguments, code=0):
    capsys.readouterr()
    assert main([str(a) for a in arguments]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out if code == 0 else err


def test_run_and_compare_print_the_share_of_parameters(file, capsys):
    for command in (("run", file), ("compare", file, file)):
        drawn = printed(capsys, *command, "--posterior", "-n", "8")
        assert "Paramètres / parameters" in drawn
        assert "le reste est la chance" in drawn.replace("\n", " ")
        assert "Parameters" not in printed(capsys, *command, "-n", "2")


def test_the_short_form_on_the_command_line_is_the_key_of_the_file(file, capsys):
    short = json.loads(printed(capsys, "run", file, "--posterior", "-n", "4", "--json"))
    file.write_text('parameters = "posterior"\n' + file.read_text("utf-8"), encoding="utf-8")
    assert json.loads(printed(capsys, "run", file, "-n", "4", "--json")) == short
    assert {0.0} < {row["parameters_share"] for row in short["indicators"]}


def test_a_file_whose_rules_have_no_calibration_is_refused(file, capsys):
    rules = '[rules]\ntrust = "beta"\nimitation = "bounded"\n'
    file.write_text(f'parameters = "posterior"\n{rules}', encoding="utf-8")
    for command in (("scenario", "check", file), ("run", file), ("run", file, "--posterior")):
        said = printed(capsys, *command, code=2)
        assert "world.toml" in said and "several rival rules" in said and "default" in said
    file.write_text(rules, encoding="utf-8")
    said = printed(capsys, "run", file, "--posterior", code=2)
    assert "world.toml" in said and "--posterior" in said and "several rival rules" in said


def test_the_band_of_luck_on_the_page_has_its_words(drawing):
    def answer(one, n=4):
        made = effects.Effect(*[results.ensemble(one, n)] * 2)
        return compute.Answer(made, made)

    drawn, fixed = answer(drawing), answer(drawing.with_(parameters=None))
    assert "chance seule" in compute.bands_words(drawn)["fr"]
    assert "1 simulation sur 2" in compute.bands_words(fixed)["fr"]
    assert "1 simulation sur 2" in compute.bands_words(answer(drawing, 2))["fr"]  # too few to tell
    rows = np.frombuffer(compute.fan_bytes(drawn, "alliances"), np.float32).reshape(10, -1)
    assert np.allclose(rows[:5], drawn.effect.scenario.fan("alliances"))
