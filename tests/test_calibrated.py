"""What ships is what was calibrated: defaults, posterior sample, stored draws, the tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.calibration import pages, posterior, priors, study
from cosim.calibration.waves import numbers
from cosim.errors import CosimError, ResultsError
from cosim.parameters import PARAMETERS

FOLDER = Path(__file__).parent.parent / "docs" / "calibration"


@pytest.fixture(scope="module")
def about() -> dict[str, object]:
    return pages.summary(FOLDER)


@pytest.fixture(scope="module")
def draws() -> pd.DataFrame:
    return pd.read_parquet(FOLDER / "draws.parquet")


def test_the_defaults_of_the_package_are_the_calibrated_set(about) -> None:
    values = about["point"]["values"]
    assert set(values) == set(priors.priors().names)
    for name, value in values.items():
        assert PARAMETERS[name].default == value, name


def test_the_ledger_says_what_the_calibration_left_of_each_free_parameter(about) -> None:
    for row in about["learnt"]:
        low, high = PARAMETERS[row["parameter"]].posterior
        assert (low, high) == pytest.approx((row["p05"], row["p95"]), rel=0.01), row["parameter"]
    assert all(PARAMETERS[name].confidence == "calibrated" for name in about["point"]["told"])


def test_what_the_targets_do_not_tell_stays_at_its_cited_value(about) -> None:
    untold = set(priors.priors().names) - set(about["point"]["told"])
    assert untold
    for name in untold:
        assert PARAMETERS[name].default == PARAMETERS[name].prior, name


def test_every_target_is_met_by_the_median_and_by_the_default_set(about) -> None:
    assert about["point"]["inside"]
    for row in about["fit"]:
        if row["target"].startswith("C"):
            assert row["low"] <= row["median"] <= row["high"], row["target"]
            assert row["low"] <= about["point"]["fit"][row["target"]] <= row["high"]
    assert about["meet_all"] >= 1


def test_belief_moves_six_to_fourteen_times_faster_than_practice() -> None:
    table = pd.read_csv(FOLDER / "validation.csv").set_index("id")
    assert 6.0 <= table.loc["belief over practice (companies)", "median"] <= 14.0


@pytest.mark.parametrize("wave", ["wave-0", "draws"])
def test_a_stored_draw_can_be_simulated_again(draws: pd.DataFrame, wave: str) -> None:
    names = priors.priors().names
    rows = draws[draws["wave"] == wave]
    row = rows.iloc[17]
    simulate = study.simulator()
    values = {name: float(row[name]) for name in names}
    y = np.array([simulate(values, k) for k in numbers(1, wave, 17, int(row["replicates"]))])
    stored = row[[target.id for target in study.targets()]].to_numpy(dtype=float)
    assert np.nanmean(y, axis=0) == pytest.approx(stored, abs=1e-9, nan_ok=True)


def test_the_sample_that_ships_is_made_of_draws_that_were_simulated(draws: pd.DataFrame) -> None:
    sample = posterior.load()
    assert len(sample) == 256
    kept = draws.loc[draws["weight"] > 0.0, list(sample.names)].to_numpy()
    for k in range(0, len(sample), 16):
        assert np.abs(kept / sample.values[k] - 1.0).max(axis=1).min() < 1e-9


def test_every_rival_that_is_compared_ships_its_sample() -> None:
    rules = set(pd.read_csv(FOLDER / "rivals.csv")["rules"])
    assert "default" in rules and len(rules) > 2
    for name in rules:
        assert len(posterior.load(name)) == 256


def test_intervals_hold_about_nine_truths_in_ten() -> None:
    table = pd.read_csv(FOLDER / "recovery.csv")
    assert 0.8 <= table["covered"].mean() <= 0.97


def test_a_folder_without_a_calibration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="not a folder of `cosim calibrate`"):
        pages.collect(tmp_path, tmp_path / "docs", tmp_path / "package")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CosimError, match="no calibration here"):
        pages.summary(tmp_path)
