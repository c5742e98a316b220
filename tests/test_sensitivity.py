"""Indices that are known are found, and luck alone is not taken for a factor."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.calibration import posterior
from cosim.cli import main
from cosim.errors import CosimError, ResultsError
from cosim.experiment import document, figures_sensitivity, runner, sensitivity
from cosim.experiment.document import Experiment
from cosim.experiment.sensitivity import DUMMY, luck, luck_apart, morris, sobol

pytest.importorskip("SALib")

NAMES = ["x1", "x2", "x3", DUMMY]


def design(kind, names, n):
    from SALib.sample import morris as trajectories
    from SALib.sample import sobol as saltelli

    problem = {"num_vars": len(names), "names": names, "bounds": [[0, 1]] * len(names)}
    if kind == "morris":
        return trajectories.sample(problem, n, num_levels=4, seed=1)
    return saltelli.sample(problem, n, calc_second_order=False, seed=1)


def ishigami(unit):
    """Ishigami & Homma (1990), a = 7, b = 0.1: three factors on (-π, π)."""
    x = np.pi * (2 * unit[:, :3] - 1)
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def linear(unit):
    return 4 * unit[:, 0] - 2 * unit[:, 1] + 0 * unit[:, 2]


def lucky(y, replicates, own=0.0, common=0.0, seed=0):
    """Return y with the luck of each replicate, of its own at each point and common to all."""
    rng = np.random.default_rng(seed)
    shared = common * rng.standard_normal(replicates)
    return y[:, None] + shared + own * rng.standard_normal((len(y), replicates))


def by_factor(table):
    return table.set_index("factor")


# -- known indices ------------------------------------------------------------------------


def test_the_indices_of_ishigami_are_found():
    a, b = 7.0, 0.1
    v1 = 0.5 * (1 + b * np.pi**4 / 5) ** 2
    v13 = b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    total = v1 + a**2 / 8 + v13
    unit = design("sobol", NAMES, 1024)
    table = by_factor(sobol(lucky(ishigami(unit), 2), NAMES))
    first = table.loc[["x1", "x2", "x3"], "first"].to_numpy()
    whole = table.loc[["x1", "x2", "x3"], "total"].to_numpy()
    np.testing.assert_allclose(first, np.array([v1, a**2 / 8, 0]) / total, atol=0.03)
    np.testing.assert_allclose(whole, np.array([v1 + v13, a**2 / 8, v13]) / total, atol=0.03)
    assert table["above_noise"].to_list() == [True, True, True, False]
    assert (table["first_low"] <= table["first"]).all() and (table["low"] <= table["total"]).all()


def test_the_effects_of_a_linear_function_are_its_slopes():
    unit = design("morris", NAMES, 10)
    table = by_factor(morris(unit, lucky(linear(unit), 2), NAMES))
    np.testing.assert_allclose(table["mu"], [4, -2, 0, 0], atol=1e-9)
    np.testing.assert_allclose(table["mu_star"], [4, 2, 0, 0], atol=1e-9)
    np.testing.assert_allclose(table["sigma"], 0, atol=1e-9)
    assert table["above_noise"].to_list() == [True, True, False, False]


def test_the_variances_of_a_linear_function_are_its_squared_slopes():
    unit = design("sobol", NAMES, 512)
    table = by_factor(sobol(lucky(linear(unit), 2), NAMES))
    np.testing.assert_allclose(table["first"], [0.8, 0.2, 0, 0], atol=0.02)
    np.testing.assert_allclose(table["total"], [0.8, 0.2, 0, 0], atol=0.02)


def test_curvature_and_interaction_are_told_by_sigma():
    unit = design("morris", NAMES, 20)
    table = by_factor(morris(unit, lucky(unit[:, 0] * unit[:, 1] + unit[:, 2], 2), NAMES))
    assert table.loc["x1", "sigma"] > 0.1 > 1e-9 > table.loc["x3", "sigma"]


# -- the floor of noise -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["morris", "sobol"])
def test_without_luck_the_dummy_is_flat(kind):
    unit = design(kind, NAMES, 16)
    values = lucky(ishigami(unit), 3, common=5.0)
    table = by_factor(morris(unit, values, NAMES) if kind == "morris" else sobol(values, NAMES))
    index = "mu_star" if kind == "morris" else "total"
    assert table.loc[DUMMY, index] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", ["morris", "sobol"])
def test_of_pure_noise_nothing_counts(kind):
    names = [*(f"x{k}" for k in range(12)), DUMMY]
    unit = design(kind, names, 32)
    found = 0
    for seed in range(10):
        values = lucky(np.zeros(len(unit)), 4, own=1.0, common=1.0, seed=seed)
        table = morris(unit, values, names) if kind == "morris" else sobol(values, names)
        found += int(table["above_noise"].sum())
    assert found <= 2  # of 120 factors


@pytest.mark.parametrize("kind", ["morris", "sobol"])
def test_the_dummy_is_as_large_as_a_factor_that_only_stirs_the_luck(kind):
    names = [*(f"x{k}" for k in range(12)), DUMMY]
    unit = design(kind, names, 64)
    values = lucky(3 * unit[:, 0], 4, own=0.5, common=2.0)
    table = by_factor(morris(unit, values, names) if kind == "morris" else sobol(values, names))
    index = "mu_star" if kind == "morris" else "total"
    idle = table.loc[names[1:-1], index]
    assert table.loc[DUMMY, index] == pytest.approx(idle.mean(), rel=0.3)
    assert table.index[table["above_noise"]].to_list() == ["x0"]


def test_a_sobol_dummy_weighs_what_luck_leaves_in_the_means():
    unit = design("sobol", NAMES, 512)
    values = lucky(linear(unit), 4, own=1.0, common=3.0)
    table = by_factor(sobol(values, NAMES))
    assert table.loc[DUMMY, "total"] == pytest.approx(luck(values).left, rel=0.25)


def test_a_constant_outcome_depends_on_nothing():
    unit = design("sobol", NAMES, 16)
    table = sobol(np.ones((len(unit), 2)), NAMES)
    assert not table["above_noise"].any() and (table["total"] == 0).all()


# -- luck and factors ---------------------------------------------------------------------


def test_variances_of_factors_and_of_both_lucks_are_told_apart():
    rng = np.random.default_rng(3)
    values = lucky(2 * rng.standard_normal(4000), 40, own=1.5, common=1.0, seed=4)
    parts = luck(values)
    common = values.mean(axis=0).var(ddof=1)
    assert parts.factors == pytest.approx(4, rel=0.06)
    assert parts.own == pytest.approx(2.25, rel=0.02)
    assert parts.common == pytest.approx(common, rel=0.01)
    assert parts.share == pytest.approx((2.25 + common) / (6.25 + common), abs=0.02)
    assert parts.left == pytest.approx(2.25 / 40 / (4 + 2.25 / 40), abs=0.002)


def test_other_luck_has_the_variance_of_a_difference_of_means():
    for replicates in (2, 3, 8):
        values = lucky(np.zeros(20_000), replicates, own=1.0, common=10.0)
        assert luck_apart(values).var() == pytest.approx(2 / replicates, rel=0.05)


def test_one_replicate_tells_no_luck():
    with pytest.raises(ResultsError, match="replicates"):
        luck(np.zeros((10, 1)))


def test_a_missing_library_is_said_with_what_installs_it(monkeypatch):
    def refusing(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", refusing)
    with pytest.raises(CosimError, match=r"pip install 'cosim\[experiments\]'"):
        sensitivity.sobol(np.zeros((12, 2)), NAMES)


# -- ranges -------------------------------------------------------------------------------


def test_ranges_are_what_is_left_once_the_other_parameters_are_known():
    rng = np.random.default_rng(0)
    known = rng.standard_normal(5000)
    trust = 4.0 + 0.5 * known
    base = -10.3 - 0.5 * known + 0.1 * rng.standard_normal(5000)
    sample = posterior.Posterior(
        "default", ("birth_trust", "birth_base", "encounters"),
        np.column_stack([trust, base, 0.6 + rng.standard_normal(5000)]), {},
    )  # fmt: skip
    found = sensitivity.ranges(sample)
    low, high = found["birth_base"]
    assert high - low == pytest.approx(2 * 1.645 * 0.1, rel=0.05)  # and not 2 * 1.645 * 0.51
    assert (low + high) / 2 == pytest.approx(-10.3)
    assert found["encounters"] == (0.1, 0.8)  # the ledger's


# -- an experiment ------------------------------------------------------------------------

DOCUMENT = {
    "title": "Criblage",
    "reference": "reference-2020",
    "replicates": 3,
    "factors": {
        "parameters.encounters": {"low": 0.2, "high": 0.8},
        "parameters.learning": {"low": 0.02, "high": 0.1},
        "catalysis.fte": [0, 2],
    },
    "design": {"kind": "morris", "trajectories": 8, "crossed": ["catalysis.fte"]},
    "outcomes": {"alliances": "alliances @ 2026-12"},
    "contrasts": {"gain": {"estimate": "alliances[2] - alliances[0]"}},
    "arms": "catalysis.fte",
}


def simulated(experiment, seed=0):
    """Alliances that encounters make alone, and a gain that learning makes alone."""
    rng = np.random.default_rng(seed)
    rows = []
    for point in experiment.points:
        gain = 100 * point.levels["parameters.learning"] if point.arm == "2" else 0.0
        y = 10 * point.levels["parameters.encounters"] + gain
        for k in range(3):
            value = y + 5 * k + 0.01 * rng.standard_normal()
            rows.append({"point": point.number, "replicate": k, "alliances": value})
    return pd.DataFrame(rows)


def counting(found):
    return found.table.loc[found.table["above_noise"], "factor"].to_list()


@pytest.fixture(scope="module")
def experiment():
    return Experiment(**DOCUMENT)


def test_an_outcome_is_analysed_at_each_crossed_level(experiment):
    none, two = sensitivity.analyse(experiment, simulated(experiment), "alliances")
    assert (none.labels, two.labels) == ({"catalysis.fte": 0}, {"catalysis.fte": 2})
    assert counting(none) == ["parameters.encounters"]
    assert counting(two) == ["parameters.encounters", "parameters.learning"]
    effect = none.ranked.iloc[0]
    assert effect["mu"] == pytest.approx(10 * 0.6, rel=0.02)
    assert none.luck.own == pytest.approx(0.01**2, rel=0.5)


def test_a_contrast_is_analysed_between_its_arms(experiment):
    (found,) = sensitivity.analyse(experiment, simulated(experiment), "gain")
    assert counting(found) == ["parameters.learning"]
    assert found.ranked.iloc[0]["mu"] == pytest.approx(100 * 0.08, rel=0.02)


def test_a_trajectory_that_lacks_a_run_is_left_out_whole(experiment):
    runs = simulated(experiment)
    runs.loc[0, "alliances"] = np.nan
    (found,) = sensitivity.analyse(experiment, runs, "gain")
    assert (found.blocks, found.dropped) == (7, 1)
    assert counting(found) == ["parameters.learning"]
    with pytest.raises(ResultsError, match="too many runs are missing"):
        sensitivity.analyse(experiment, runs.assign(alliances=np.nan), "alliances")


def test_a_full_factorial_has_no_indices():
    factorial = Experiment(**{
        **DOCUMENT, "factors": {"catalysis.fte": [0, 2]}, "design": {"kind": "factorial"},
    })  # fmt: skip
    with pytest.raises(ResultsError, match="morris or sobol"):
        sensitivity.analyse(factorial, pd.DataFrame(), "alliances")


def test_a_figure_names_factors_in_both_languages(experiment):
    found = sensitivity.analyse(experiment, simulated(experiment), "alliances")[0]
    for lang, words in (("fr", "rencontres par acteur et par mois"), ("en", "encounters per")):
        figure = figures_sensitivity.indices(found, lang)
        labels = " ".join(text.get_text() for text in figure.axes[0].get_yticklabels())
        assert words in " ".join(labels.split())


def test_the_studies_that_ship_have_designs_that_can_be_analysed():
    kinds = {
        name: document.load(path).design.kind
        for name, path in document.shipped().items()
        if not name.startswith("h")
    }
    assert kinds == {
        "dialogue-sans-experimentation": "lhs",
        "morris-alliances": "morris",
        "sobol-alliances": "sobol",
    }


# -- the command --------------------------------------------------------------------------

TINY = """
title = "Petit criblage"
reference = "reference-2020"
replicates = 2

[set]
time = { start = "2020-01", end = "2021-12" }
territory = { code = "synthetic", synthetic = { communes = 2, population = 1500 } }

[factors]
"parameters.encounters" = { low = 0.2, high = 0.8 }
"parameters.learning" = { low = 0.02, high = 0.1 }

[design]
kind = "morris"
trajectories = 4

[outcomes]
alliances = "alliances @ 2021-12"
engaged = "engaged @ 2021-12"
"""


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "petit.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


def test_the_command_runs_what_is_missing_then_tells_and_writes(tiny, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["sensitivity", str(tiny), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == told["points"] * 2 == 4 * 4 * 2
    assert {row["outcome"] for row in told["indices"]} == {"alliances", "engaged"}
    written = pd.read_csv(out / "sensitivity" / "indices.csv")
    assert len(written) == 2 * 3
    assert (out / "sensitivity" / "alliances-fr.svg").is_file()
    assert main(["sensitivity", str(out), "--outcome", "engaged"]) == 0
    screen = capsys.readouterr().out
    assert "La chance fait" in screen and "bruit" in screen


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--outcome", "alliance"], "did you mean 'alliances'?"),
        (["--outcome", "xyz"], "no such outcome or contrast"),
    ],
)
def test_what_is_not_there_is_said_before_anything_runs(tiny, tmp_path, capsys, arguments, message):
    out = tmp_path / "out"
    assert main(["sensitivity", str(tiny), "--out", str(out), *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not out.exists()


def test_the_page_takes_what_the_commands_left_of_its_studies(tmp_path):
    from cosim.experiment import sensitivity_page

    made = tmp_path / "out" / sensitivity_page.VARIANCES / "sensitivity"
    made.mkdir(parents=True)
    for name in ("about.json", "indices.csv", "luck.csv", "density-fr.svg", "able-fr.svg"):
        (made / name).write_text(name)
    (tmp_path / "docs").mkdir()
    written = sensitivity_page.collect(tmp_path / "out", tmp_path / "docs")
    assert sorted(path.name for path in written) == [
        "about.json", "density-fr.svg", "indices.csv", "luck.csv",
    ]  # fmt: skip
    assert all(path.read_text() == path.name for path in written)
    with pytest.raises(CosimError, match="no study of the page"):
        sensitivity_page.collect(tmp_path / "docs", tmp_path / "docs")


@pytest.mark.parametrize("study", ["morris-alliances", "sobol-alliances",
                                   "dialogue-sans-experimentation"])  # fmt: skip
def test_runs_of_a_committed_study_can_be_simulated_again(study):
    folder = Path(__file__).parent.parent / "docs" / "sensitivity" / study
    about = json.loads((folder / "about.json").read_text("utf-8"))
    experiment = document.load(study)
    assert (about["points"], about["failed"]) == (len(experiment.points), 0)
    assert about["runs"] == len(experiment.points) * experiment.least_replicates()
    assert len(about["sample"]) == 3
    for row in about["sample"]:
        again = runner.once(experiment, experiment.points[row["point"]], row["replicate"])
        assert again == pytest.approx({name: row[name] for name in experiment.outcomes})
