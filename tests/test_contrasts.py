"""Contrasts: linear formulas of arms, their intervals, and what they say of an expected sign."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cosim.calibration import posterior
from cosim.errors import CosimError
from cosim.experiment import contrasts, document, hypotheses
from cosim.experiment.contrasts import CONTRADICTED, SUPPORTED, UNDECIDED

FILE = """
title = "Dose"
reference = "reference-2020"
arms = "catalysis.fte"
[factors]
"catalysis.fte" = [0, 2]
[factors.territory]
a = { territory = { code = "200071371" } }
b = { territory = { code = "cas-rural" } }
[outcomes]
y = "alliances @ 2026-12"
[contrasts.dose]
estimate = "y[2] - y[0]"
sign = "+"
margin = 1.0
"""


def table(experiment, value, replicates=10):
    """Runs whose outcome is `value(arm, stratum, replicate)`."""
    rows = [
        {"run": "", "point": p.number, "replicate": r, "error": None,
         "y": value(p.arm, p.stratum[0], r)}
        for p in experiment.points for r in range(replicates)
    ]  # fmt: skip
    return pd.DataFrame(rows)


# -- formulas -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("y[b] - y[a]", {("y", "b"): 1, ("y", "a"): -1}),
        ("(y[b] - y[a]) / 2", {("y", "b"): 0.5, ("y", "a"): -0.5}),
        ("-0.5 * (y[a] - z[dialogue-first]) + y[a]",
         {("y", "a"): 0.5, ("z", "dialogue-first"): 0.5}),
        ("+y[ a ]", {("y", "a"): 1}),
    ],
)  # fmt: skip
def test_a_linear_formula_is_its_coefficients(text, terms):
    assert contrasts.parse(text, ["y", "z"], ["a", "b", "dialogue-first"]) == terms


@pytest.mark.parametrize(
    "text",
    ["", "1", "y", "y[a] * y[b]", "1 / y[a]", "y[a] / 0", "y[a] ** 2", "y[c]", "w[a]", "y[a] -",
     "y[a]; y[b]", "abs(y[a])", "y[a] if 1 else y[b]", "_0", "True * y[a]", "y[[a]]",
     "(" * 300 + "y[a]" + ")" * 300, "1" * 5000],
)  # fmt: skip
def test_what_is_no_linear_formula_is_refused(text):
    with pytest.raises(CosimError):
        contrasts.parse(text, ["y"], ["a", "b"])


# -- estimates ----------------------------------------------------------------------------


def test_a_contrast_is_taken_within_replicates_and_strata():
    experiment = document.loads(FILE)
    noise = np.random.default_rng(1).normal(size=(10,))
    gain = {"a": 3.0, "b": -2.0}
    runs = table(experiment, lambda arm, place, r: 50 + 100 * noise[r] + gain[place] * (arm == "2"))
    found = contrasts.estimates(experiment, runs).set_index("territory")
    assert found["estimate"].to_dict() == pytest.approx({"a": 3.0, "b": -2.0})
    assert found["verdict"].to_dict() == {"a": SUPPORTED, "b": CONTRADICTED}
    assert found["in_favour"].to_dict() == {"a": 1.0, "b": 0.0}
    base = (50 + 100 * noise).mean()
    assert found.loc["a", "relative"] == pytest.approx(3.0 / base)


def test_the_interval_is_students():
    values = np.random.default_rng(2).normal(1.0, 2.0, 30)
    mean, low, high, _ = contrasts.interval(values, np.arange(30), draws=False)
    expected = stats.t.interval(0.95, 29, values.mean(), values.std(ddof=1) / 30**0.5)
    assert (low, high) == pytest.approx(expected)
    assert mean == values.mean()


def test_replicates_that_share_their_parameters_count_as_one():
    rng = np.random.default_rng(3)
    sets = np.repeat(rng.normal(size=20), 2)
    values = sets + 0.01 * rng.normal(size=40)
    _, low, high, _ = contrasts.interval(values, np.arange(40), draws=True)
    pairs = values.reshape(20, 2).mean(axis=1)
    expected = stats.t.interval(0.95, 19, pairs.mean(), pairs.std(ddof=1) / 20**0.5)
    assert (low, high) == pytest.approx(expected)
    _, naive_low, naive_high, _ = contrasts.interval(values, np.arange(40), draws=False)
    assert high - low > 1.2 * (naive_high - naive_low)


def test_a_replicate_whose_other_half_failed_is_in_the_mean_and_not_in_the_spread():
    values, numbers = np.array([1.0, 3.0, 5.0, 100.0, 7.0, 9.0]), np.array([0, 1, 3, 2, 4, 7])
    mean, low, high, _ = contrasts.interval(values, numbers, draws=True)
    assert mean == values.mean()
    whole = np.array([2.0, 52.5])
    assert high - low == pytest.approx(2 * stats.t.ppf(0.975, 1) * whole.std(ddof=1) / 2**0.5)


def test_a_failed_run_leaves_its_replicate_out():
    experiment = document.loads(FILE)
    runs = table(experiment, lambda arm, place, r: float(r) * (arm == "2"))
    runs.loc[(runs["point"] == 0) & (runs["replicate"] == 9), "y"] = np.nan
    found = contrasts.estimates(experiment, runs).set_index("territory")
    assert found.loc["a", "n"] == 9
    assert found.loc["b", "n"] == 10
    assert found.loc["a", "estimate"] == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("estimate", "low", "high", "sign", "margin", "expected"),
    [
        (2.0, 1.0, 3.0, "+", 0.0, SUPPORTED),
        (2.0, -0.1, 4.1, "+", 0.0, UNDECIDED),
        (-2.0, -3.0, -1.0, "+", 0.0, CONTRADICTED),
        (0.0, 0.0, 0.0, "+", 0.0, CONTRADICTED),
        (0.5, 0.1, 0.9, "+", 1.0, CONTRADICTED),
        (0.5, 0.1, 1.1, "+", 1.0, UNDECIDED),
        (-2.0, -3.0, -1.0, "-", 0.0, SUPPORTED),
        (2.0, 1.0, 3.0, "-", 0.0, CONTRADICTED),
        (0.1, -0.5, 0.7, "0", 1.0, SUPPORTED),
        (2.0, 1.1, 2.9, "0", 1.0, CONTRADICTED),
        (0.9, 0.5, 1.3, "0", 1.0, UNDECIDED),
        (-5.0, -6.0, -4.0, "<=", 1.0, SUPPORTED),
        (2.0, 1.5, 2.5, "<=", 1.0, CONTRADICTED),
        (1.0, 0.5, 1.5, "<=", 1.0, UNDECIDED),
        (1.0, np.nan, np.nan, "+", 0.0, UNDECIDED),
        (1.0, 0.5, 1.5, "", 0.0, ""),
    ],
)
def test_a_verdict_says_what_the_interval_says(estimate, low, high, sign, margin, expected):
    assert contrasts.verdict(estimate, low, high, sign, margin) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([SUPPORTED, "", SUPPORTED], SUPPORTED),
        ([SUPPORTED, UNDECIDED], UNDECIDED),
        ([SUPPORTED, CONTRADICTED], CONTRADICTED),
        ([UNDECIDED, CONTRADICTED], CONTRADICTED),
        ([], UNDECIDED),
    ],
)
def test_a_hypothesis_is_supported_when_all_that_it_expects_holds(parts, expected):
    assert contrasts.together(parts) == expected


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(2000):
        _, low, high, _ = contrasts.interval(rng.normal(size=12), np.arange(12), draws=False)
        inside += low <= 0.0 <= high
    assert abs(inside / 2000 - contrasts.CONFIDENCE) < 0.015


# -- hypotheses ---------------------------------------------------------------------------


def test_the_mean_over_territories_is_taken_within_replicates():
    experiment = document.loads(FILE)
    noise = np.random.default_rng(5).normal(size=(2, 10))
    runs = table(
        experiment, lambda arm, place, r: (3.0 + noise["ab".index(place), r]) * (arm == "2")
    )
    (row,) = contrasts.estimates(experiment, runs, over="territory").itertuples()
    means = 3.0 + noise.mean(axis=0)
    assert row.estimate == pytest.approx(means.mean())
    assert (row.low, row.high) == pytest.approx(
        stats.t.interval(0.95, 9, means.mean(), means.std(ddof=1) / 10**0.5)
    )
    runs.loc[(runs["point"] == 3) & (runs["replicate"] == 9), "y"] = np.nan
    assert contrasts.estimates(experiment, runs, over="territory")["n"].tolist() == [9]


def test_the_summary_says_when_a_verdict_changes_with_a_rule():
    by_rule = {"default": SUPPORTED, "trust-beta": UNDECIDED, "maturity-scalar": SUPPORTED}
    rows = [("H1", "c", place, rules, verdict if place == "all" else CONTRADICTED)
            for place in ("a", "b", "all") for rules, verdict in by_rule.items()]  # fmt: skip
    made = pd.DataFrame(rows, columns=["hypothesis", "contrast", "territory", "rules", "verdict"])
    found = hypotheses.summary(made).set_index("rules")
    assert found["verdict"].to_dict() == by_rule
    assert found["contradicted"].to_dict() == dict.fromkeys(by_rule, 2)
    assert found["changes"].to_dict() == {
        "default": False, "trust-beta": True, "maturity-scalar": False,
    }  # fmt: skip


def test_a_hypothesis_of_ones_own_needs_no_territories_and_no_rules():
    own = FILE.split("[factors.territory]")[0] + "[outcomes]" + FILE.split("[outcomes]")[1]
    experiment = document.loads(own + '[hypothesis]\nid = "X"\nfr = "x"\nen = "x"\n')
    runs = pd.DataFrame(
        [{"run": "", "point": p.number, "replicate": r, "error": None, "y": r + 5.0 * p.number}
         for p in experiment.points for r in range(6)]
    )  # fmt: skip
    found = hypotheses.verdicts(experiment, runs)
    assert found["estimate"].tolist() == [5.0]
    assert hypotheses.summary(found)["verdict"].tolist() == [SUPPORTED]


def test_twelve_hypotheses_are_registered_and_the_four_that_must_be_run_under_every_rule_are():
    known = hypotheses.registered()
    calibrated = {path.stem for path in posterior.folder().glob("*.csv")}
    assert list(known) == [f"H{k}" for k in range(1, 13)]
    for name, experiment in known.items():
        assert len(experiment.made["territory"].labels) == 6
        if name in ("H1", "H3", "H8", "H11"):
            assert set(experiment.made["rules"].labels) == calibrated
        assert experiment.draws


@pytest.mark.parametrize("name", ["H1", "h1", "h01-catalyser"])
def test_a_hypothesis_is_found_by_its_number_or_its_name(name):
    assert hypotheses.find(name).name == "h01-catalyser.toml"


def test_an_unknown_hypothesis_names_the_nearest():
    with pytest.raises(CosimError, match="no such hypothesis"):
        hypotheses.find("H13x")
