"""The calibration finds what is there to be found, and says what is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cosim.calibration.emulator import fit
from cosim.calibration.matching import (
    Target,
    implausibility,
    log_likelihood,
    standardised,
)
from cosim.calibration.priors import Priors, priors
from cosim.calibration.recovery import recover, synthetic
from cosim.calibration.rivals import Draws, compare, left_out, log_densities
from cosim.calibration.waves import Calibration, Sizes
from cosim.errors import CosimError
from cosim.parameters import PARAMETERS

NAMES = ("learning", "peers", "forgetting")
SIZES = Sizes(200, (100,), (100,), (2.0,), luck=20, draws=(400,), replicates=1, kept=128, steps=800)
TARGETS = (
    Target("level", "", "survey", 0.30, 0.20, 0.40, True),
    Target("change", "", "survey", 0.10, 0.02, 0.18, False),
)


def toy(values: dict[str, float], number: int) -> np.ndarray:
    """Two targets: one tells `learning`, the other `peers` minus `learning`; none `forgetting`."""
    x = [(values[n] - PARAMETERS[n].low) / (PARAMETERS[n].high - PARAMETERS[n].low) for n in NAMES]
    noise = np.random.default_rng(number).normal(0.0, 0.01, 2)
    return np.array([1.0 / (1.0 + np.exp(2.0 - 2.0 * x[0])), x[1] - x[0]]) + noise


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    folder = tmp_path_factory.mktemp("toy")
    return Calibration(folder, TARGETS, toy, Priors(NAMES), SIZES, signature="toy").calibrate()


def exact(n: int = 200_000) -> np.ndarray:
    """The posterior of the toy by brute force, as prior quantiles."""
    rng = np.random.default_rng(3)
    u = rng.random((n, 3))
    x = (Priors(NAMES).values(u) - [PARAMETERS[p].low for p in NAMES]) / [
        PARAMETERS[p].high - PARAMETERS[p].low for p in NAMES
    ]
    y = np.stack([1.0 / (1.0 + np.exp(2.0 - 2.0 * x[:, 0])), x[:, 1] - x[:, 0]], axis=1)
    weights = np.exp(log_likelihood(TARGETS, y))
    return u[rng.choice(n, 20_000, p=weights / weights.sum())]


def test_a_prior_has_its_mode_at_the_cited_value_and_stays_in_its_range() -> None:
    free = priors()
    u = np.linspace(0.001, 0.999, 999)[:, None].repeat(len(free), axis=1)
    values = free.values(u)
    low, high = free.bounds.T
    assert ((values >= low) & (values <= high)).all()
    k = free.names.index("learning")
    density = np.diff(u[:, k]) / np.diff(values[:, k])
    assert values[int(np.argmax(density)), k] == pytest.approx(
        PARAMETERS["learning"].prior, abs=2e-3
    )
    assert np.allclose(free.quantiles(values), u)


def test_a_parameter_without_a_cited_value_is_as_likely_anywhere() -> None:
    free = priors()
    k = free.names.index("birth_base")
    values = free.values(np.full((2, len(free)), [[0.25], [0.75]]))
    row = PARAMETERS["birth_base"]
    assert values[:, k] == pytest.approx([row.low + f * (row.high - row.low) for f in (0.25, 0.75)])


def test_only_the_rule_that_reads_a_parameter_frees_it() -> None:
    assert "trust_memory" in priors("trust-beta").names
    assert "trust_memory" not in priors().names
    assert "confidence_width" not in priors("trust-beta").names


def test_a_figure_at_the_edge_of_its_tolerance_is_two_deviations_away() -> None:
    y = np.array([[0.20, 0.10], [0.30, 0.18], [0.30, 0.10]])
    assert standardised(TARGETS, y) == pytest.approx(
        np.array([[-1.96, 0.0], [0.0, 1.96], [0.0, 0.0]]), abs=1e-3
    )


def test_no_survey_is_better_than_three_points() -> None:
    narrow = Target("x", "", "survey", 0.5, 0.499, 0.501, True)
    assert narrow.deviations == pytest.approx((0.03 / 1.96, 0.03 / 1.96), rel=1e-4)


def test_implausibility_is_the_second_worst_and_a_missing_target_is_the_worst() -> None:
    y = np.array([[0.90, 0.10], [np.nan, 0.10]])
    assert implausibility(TARGETS, y) == pytest.approx([0.0, 0.0], abs=1e-9)
    assert implausibility(TARGETS, np.array([[np.nan, 0.18]])) == pytest.approx([1.96], abs=1e-3)


def test_the_emulator_finds_a_surface_and_says_what_it_misses() -> None:
    rng = np.random.default_rng(1)
    u = rng.random((600, 3))
    smooth = 0.2 + 0.3 * u[:, 0] - 0.4 * u[:, 1] * u[:, 2]
    rough = np.sin(400.0 * u[:, 0])
    noise = rng.normal(0.0, 0.02, 600)
    emulator = fit(u, np.stack([smooth + noise, rough], axis=1), [False, False],
                   np.array([0.02**2, 0.0]))  # fmt: skip
    mean, variance = emulator.predict(u)
    assert np.abs(mean[:, 0] - smooth).mean() < 0.03
    assert emulator.scores[0] > 0.85 and emulator.scores[1] < 0.1
    assert variance[0, 1] > 0.3 > 0.002 > variance[0, 0]


def test_the_emulator_refuses_a_target_that_hardly_any_run_has() -> None:
    y = np.full((100, 1), np.nan)
    y[:10] = 0.5
    with pytest.raises(CosimError, match="too few"):
        fit(np.random.default_rng(0).random((100, 2)), y, [True], np.zeros(1))


def test_the_posterior_is_that_of_brute_force(done: Calibration) -> None:
    u = done.waves[-1].u
    mean = (done.clipped[:, None] * u).sum(axis=0)
    spread = np.sqrt((done.clipped[:, None] * (u - mean) ** 2).sum(axis=0))
    truth = exact()
    assert mean == pytest.approx(truth.mean(axis=0), abs=0.08)
    assert spread == pytest.approx(truth.std(axis=0), rel=0.2)
    assert done.effective > 100


def test_what_no_target_tells_keeps_its_prior(done: Calibration) -> None:
    values = done.sample()
    k = NAMES.index("forgetting")
    u = done.free.quantiles(values)[:, k]
    assert u.mean() == pytest.approx(0.5, abs=0.1)
    assert u.std() == pytest.approx(np.sqrt(1.0 / 12.0), rel=0.15)


def test_waves_lead_to_where_the_targets_are(done: Calibration) -> None:
    median = [np.median(log_likelihood(TARGETS, wave.y)) for wave in done.waves]
    within = [
        (np.abs(standardised(TARGETS, wave.y)) < 3.0).all(axis=1).mean() for wave in done.waves
    ]
    assert median[0] < median[2] < median[-1] + 1.0
    assert within[0] < 0.4 and within[-1] > 0.9


def test_a_calibration_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    calls = []

    def counted(values: dict[str, float], number: int) -> np.ndarray:
        calls.append(number)
        if len(calls) == 130:
            raise KeyboardInterrupt
        return toy(values, number)

    def fresh(simulate: object, folder: Path) -> Calibration:
        return Calibration(folder, TARGETS, simulate, Priors(NAMES), SIZES, workers=1)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        fresh(counted, tmp_path / "a").calibrate()
    stored = len(list((tmp_path / "a").glob("*.parquet")))
    assert stored == 2
    calls.clear()
    again = fresh(counted, tmp_path / "a")
    calls.append(-1)  # so that the 130th call is not met at the same place
    calls.extend([-1] * 200)
    again.calibrate()
    simulated = len([c for c in calls if c >= 0])
    whole = fresh(toy, tmp_path / "b").calibrate()
    assert np.array_equal(again.sample(), whole.sample())
    assert simulated == 200 + 20 + 200 + 400 - 100


def test_runs_of_another_calibration_are_not_mixed_in(done: Calibration) -> None:
    other = Calibration(done.folder, TARGETS[:1], toy, Priors(NAMES), SIZES, signature="toy")
    with pytest.raises(CosimError, match="another calibration") as error:
        other.calibrate()
    assert error.value.key == "targets"
    found = json.loads((done.folder / "calibration.json").read_text())
    assert found["signature"] == "toy"


def test_intervals_hold_the_truths_of_synthetic_surveys(done: Calibration) -> None:
    table = recover(done, truths=14, draws=100)
    assert len(table) == 14 * 3
    assert 0.75 <= table["covered"].mean() <= 1.0
    assert table["proposed"].mean() >= table["covered"].mean() - 0.05
    told = table[table["parameter"] == "learning"]
    assert (told["high"] - told["low"]).mean() < 0.8 * (
        told["prior_high"] - told["prior_low"]
    ).mean()
    assert np.corrcoef(told["value"], told["mean"])[0, 1] > 0.6


def test_a_synthetic_survey_errs_as_the_tolerance_says() -> None:
    rng = np.random.default_rng(0)
    lopsided = Target("x", "", "survey", 0.05, 0.02, 0.15, True)
    values = np.array([synthetic([lopsided], np.array([0.5]), rng)[0].value for _ in range(4000)])
    below, above = lopsided.deviations
    # The survey lies above the truth as often as the truth may lie below the survey.
    assert (values > 0.5).mean() == pytest.approx(below / (below + above), abs=0.03)
    assert np.sqrt(((values - 0.5)[values < 0.5] ** 2).mean()) == pytest.approx(above, rel=0.1)


def test_leaving_a_target_out_is_the_posterior_without_it() -> None:
    rng = np.random.default_rng(5)
    y = rng.normal((0.3, 0.1), (0.05, 0.04), (50_000, 2))
    flat = Draws(y, np.full(50_000, 1.0 / 50_000), np.zeros(2))
    log = log_densities(TARGETS, flat)
    weights = np.exp(log.sum(axis=1))
    scores = left_out(log, weights / weights.sum())
    without = np.exp(log[:, 1])
    direct = np.log((without / without.sum() * np.exp(log[:, 0])).sum())
    assert scores[0] == pytest.approx(direct, abs=0.05)


def test_a_rule_that_misses_a_target_scores_lower_on_it_alone() -> None:
    rng = np.random.default_rng(6)
    good = rng.normal((0.30, 0.10), (0.03, 0.03), (2000, 2))
    bad = rng.normal((0.30, 0.30), (0.03, 0.03), (2000, 2))
    even = np.full(2000, 1.0 / 2000)
    sets = {"default": Draws(good, even, np.zeros(2)), "rival": Draws(bad, even, np.zeros(2))}
    table = compare(TARGETS, sets).set_index(["rules", "target"])
    assert table.loc[("rival", "change"), "apart"]
    assert table.loc[("rival", "change"), "better"] < -3.0
    assert not table.loc[("rival", "level"), "apart"]
    assert (table.loc["default", "better"] == 0.0).all()
