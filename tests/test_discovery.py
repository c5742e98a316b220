"""PRIM finds the box that was hidden, and none where there is none."""

import json

import numpy as np
import pandas as pd
import pytest

from cosim.cli import main
from cosim.errors import ResultsError
from cosim.experiment import discovery, figures_sensitivity
from cosim.experiment.discovery import discover, prim, sentence
from cosim.experiment.document import Experiment

pytest.importorskip("ema_workbench")

RANGES = ("encounters", "learning", "third_party", "hazard", "wear")


def cube(n=400, seed=0):
    unit = np.random.default_rng(seed).random((n, len(RANGES)))
    return pd.DataFrame(unit, columns=RANGES)


def hidden(x, misses=0.0, seed=1):
    """Cases are those with few encounters and little learning, but for a share of mistakes."""
    cases = ((x["encounters"] < 0.5) & (x["learning"] < 0.4)).to_numpy()
    wrong = np.random.default_rng(seed).random(len(x)) < misses
    return cases ^ wrong


# -- the box ------------------------------------------------------------------------------


def test_a_hidden_box_is_found():
    x = cube()
    box, trajectory = prim(x, hidden(x))
    limits = box.table.set_index("factor")
    assert set(limits.index) == {"encounters", "learning"}
    assert limits.loc["encounters", "high"] == pytest.approx(0.5, abs=0.06)
    assert limits.loc["learning", "high"] == pytest.approx(0.4, abs=0.06)
    assert limits["low"].isna().all() and (limits["qp"] < 0.01).all()
    assert box.coverage > 0.9 and box.density > 0.9
    assert box.mass == box.inside.mean()
    assert trajectory["chosen"].sum() == 1
    assert trajectory.loc[0, "coverage"] == 1.0


def test_it_is_found_through_luck():
    found = 0
    for seed in range(6):
        x = cube(seed=seed)
        box, _ = prim(x, hidden(x, misses=0.1, seed=seed + 10))
        found += set(box.limits) == {"encounters", "learning"} and box.density > 0.75
    assert found >= 5


def test_frequent_cases_do_not_make_the_whole_space_the_box():
    found = 0
    for seed in range(6):
        x = cube(seed=seed)
        often = ((x["encounters"] < 0.5) & (x["learning"] < 0.6)).to_numpy()
        luck = np.random.default_rng(seed + 4).random(len(x))
        cases = luck < np.where(often, 0.95, 0.5)
        box, _ = prim(x, cases)
        found += set(box.limits) == {"encounters", "learning"} and box.density > cases.mean() + 0.2
    assert found >= 4


def test_levels_are_peeled_too():
    x = cube()
    x["place"] = np.random.default_rng(5).choice(["rural", "ville", "littoral"], len(x))
    cases = (x["place"].isin(["rural", "littoral"]) & (x["wear"] > 0.6)).to_numpy()
    box, _ = prim(x, cases)
    limits = box.table.set_index("factor")
    assert limits.loc["place", "levels"] == "littoral | rural"
    assert limits.loc["wear", "low"] == pytest.approx(0.6, abs=0.06)
    assert np.isnan(limits.loc["wear", "high"])


def test_without_cases_or_with_nothing_else_there_is_no_box():
    x = cube(50)
    for cases in (np.zeros(50, dtype=bool), np.ones(50, dtype=bool)):
        box, trajectory = prim(x, cases)
        assert box is None and trajectory.empty


def test_a_box_in_noise_does_not_hold_elsewhere():
    x = cube(200)
    cases = np.random.default_rng(2).random(200) < 0.3
    box, _ = prim(x, cases)
    (_, density), _ = discovery._resampled(x, cases)
    assert density < 0.4  # hardly more than the 0.3 of everywhere
    if box is not None:
        assert box.density > density


def test_factors_that_move_the_values_are_told_one_by_one():
    x = cube(300)
    x["place"] = np.random.default_rng(5).choice(["rural", "ville"], 300)
    noise = np.random.default_rng(6).standard_normal(300)
    values = (noise - 2 * x["wear"] + 0.8 * (x["place"] == "ville")).to_numpy()
    table = discovery.one_by_one(x, values).set_index("factor")
    assert set(table.index[table["moves"]]) == {"wear", "place"}
    assert table.loc["wear", "rho"] < -0.3 and np.isnan(table.loc["place", "rho"])
    alone = discovery.one_by_one(cube(300), noise)
    assert not alone["moves"].any()


# -- an experiment ------------------------------------------------------------------------

DOCUMENT = {
    "title": "Où le dialogue échoue-t-il ?",
    "reference": "reference-2020",
    "replicates": 4,
    "arms": "catalysis.fte",
    "factors": {
        "parameters.encounters": {"low": 0.2, "high": 0.8},
        "parameters.learning": {"low": 0.02, "high": 0.1},
        "parameters.hazard": {"low": 0.06, "high": 0.3},
        "catalysis.fte": [0, 2],
    },
    "design": {"kind": "lhs", "samples": 150},
    "outcomes": {"alliances": "alliances @ 2026-12"},
    "contrasts": {
        "gain": {
            "estimate": "alliances[2] - alliances[0]",
            "fr": "alliances gagnées",
            "en": "alliances gained",
        }
    },
}


@pytest.fixture(scope="module")
def experiment():
    return Experiment(**DOCUMENT)


def simulated(experiment, gain, own=1.0):
    """Runs whose gain is a function of the levels, with the luck of each replicate in both arms."""
    rng = np.random.default_rng(0)
    shared = 20 * rng.standard_normal(4)
    rows = []
    for point in experiment.points:
        brought = gain(point.levels) if point.arm == "2" else 0.0
        for k in range(4):
            value = 100 + shared[k] + brought + own * rng.standard_normal()
            rows.append({"point": point.number, "replicate": k, "alliances": value})
    return pd.DataFrame(rows)


def failing(levels):
    """Gains 10, but nothing where people seldom meet and alliances end soon."""
    seldom, short = levels["parameters.encounters"] < 0.45, levels["parameters.hazard"] > 0.15
    return 0.0 if seldom and short else 10.0


def test_where_a_contrast_fails_is_said_in_plain_words(experiment):
    (found,) = discover(experiment, simulated(experiment, failing), "gain", 5.0)
    assert set(found.table["factor"]) == {"parameters.encounters", "parameters.hazard"}
    assert found.box.coverage > 0.85 and found.box.density > 0.85
    assert found.elsewhere[0] > 0.7 and found.elsewhere[1] > 0.7
    assert (found.table["again"] > 0.8).all()
    assert found.unsure < 0.1
    french = " ".join(sentence(found, "fr").split())
    english = sentence(found, "en")
    assert "« alliances gagnées » : moins de 5 dans" in french
    assert "rencontres par acteur et par mois inférieur à 0,4" in french
    assert "“alliances gained”: less than 5 in" in english
    assert "coverage" in english and "density" in english


def test_cases_above_a_threshold_are_the_others(experiment):
    runs = simulated(experiment, failing)
    (below,) = discover(experiment, runs, "gain", 5.0, below=True)
    (above,) = discover(experiment, runs, "gain", 5.0, below=False)
    assert (below.cases != above.cases).all()


def test_what_never_happens_is_said(experiment):
    (found,) = discover(experiment, simulated(experiment, failing), "gain", -100.0)
    assert found.box is None and found.table.empty
    assert "0 tirage sur 150" in sentence(found, "fr")


def test_a_failed_run_costs_its_replicate_and_not_the_sample(experiment):
    runs = simulated(experiment, failing)
    runs.loc[3, "alliances"] = np.nan
    (found,) = discover(experiment, runs, "gain", 5.0)
    assert len(found.cases) == 150 and np.isfinite(found.values).all()


def test_another_design_or_name_is_refused(experiment):
    runs = simulated(experiment, failing)
    with pytest.raises(ResultsError, match="did you mean 'gain'"):
        discover(experiment, runs, "gains", 5.0)
    factorial = Experiment(**{
        **DOCUMENT, "factors": {"catalysis.fte": [0, 2]}, "design": {"kind": "factorial"},
    })  # fmt: skip
    with pytest.raises(ResultsError, match="expected lhs"):
        discover(factorial, runs, "gain", 5.0)


def test_figures_show_the_box_and_what_a_purer_one_costs(experiment):
    (found,) = discover(experiment, simulated(experiment, failing), "gain", 5.0)
    (never,) = discover(experiment, simulated(experiment, failing), "gain", -100.0)
    labels = figures_sensitivity.box(found).axes[0].get_yticklabels()
    assert len(labels) == len(found.table) == 2
    assert figures_sensitivity.tradeoff(found, "en").axes[0].get_xlabel().startswith("coverage")
    for draw in (figures_sensitivity.box, figures_sensitivity.tradeoff):
        with pytest.raises(ResultsError, match="no box"):
            draw(never)


# -- the command --------------------------------------------------------------------------

TINY = """
title = "Petit hypercube"
reference = "reference-2020"
replicates = 2
arms = "catalysis.fte"

[set]
time = { start = "2020-01", end = "2021-12" }
territory = { code = "synthetic", synthetic = { communes = 2, population = 1500 } }

[factors]
"parameters.encounters" = { low = 0.2, high = 0.8 }
"parameters.learning" = { low = 0.02, high = 0.1 }
"catalysis.fte" = [0, 1]

[design]
kind = "lhs"
samples = 24

[outcomes]
alliances = "alliances @ 2021-12"

[contrasts.gain]
estimate = "alliances[1] - alliances[0]"
fr = "ce qu'un poste ajoute"
en = "what one post adds"
"""


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "petit.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


def test_the_command_tells_where_and_writes_it(tiny, tmp_path, capsys):
    out = tmp_path / "out"
    asked = ["--contrast", "gain", "--below", "1"]
    assert main(["discover", str(tiny), "--out", str(out), *asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == 24 * 2 * 2
    (found,) = told["found"]
    assert found["samples"] == 24 and "ce qu'un poste ajoute" in found["fr"]
    assert json.loads((out / "discovery" / "about.json").read_text("utf-8"))["found"] == [found]
    assert main(["discover", str(out), *asked, "--lang", "en"]) == 0
    assert "what one post adds" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--contrast", "gain"], "either --below X or --above X"),
        (["--contrast", "gain", "--below", "1", "--above", "2"], "either --below X or --above X"),
        (["--contrast", "gains", "--below", "1"], "did you mean 'gain'?"),
    ],
)
def test_a_question_that_is_none_is_refused_before_anything_runs(
    tiny, tmp_path, capsys, arguments, message
):
    out = tmp_path / "out"
    assert main(["discover", str(tiny), "--out", str(out), *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not out.exists()
