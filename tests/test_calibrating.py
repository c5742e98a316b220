"""The command that calibrates: a tiny trial from end to end, killed, resumed, asked nonsense."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.calibration import posterior, priors
from cosim.cli import main
from cosim.parameters import PARAMETERS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibration") / "out"
    assert main(["calibrate", "--quick", "--out", str(folder)]) == 0
    assert main(["calibrate", "--quick", "--out", str(folder), "--rules", "third-party-off"]) == 0
    return folder


def test_the_sample_that_ships_is_within_the_ledger(made: Path) -> None:
    sample = posterior.read(made / "default" / "posterior.csv")
    assert set(sample.names) == set(priors.priors().names)
    assert len(sample) == 16
    assert "cosim calibrate" in sample.about["made-by"]


def test_every_set_that_was_simulated_is_kept_with_what_it_gave(made: Path) -> None:
    draws = pd.read_parquet(made / "default" / "draws.parquet")
    assert draws["wave"].value_counts().to_dict() == {
        "wave-0": 60, "wave-1": 44, "draws": 20,
    }  # fmt: skip
    assert draws.loc[draws["wave"] == "draws", "weight"].sum() == pytest.approx(1.0)
    assert draws["C1 2016-11"].between(0.0, 1.0).all()


def test_the_summary_says_how_it_went_and_which_set_the_package_would_run_with(made: Path) -> None:
    about = json.loads((made / "default" / "summary.json").read_text())
    assert [wave["sets"] for wave in about["waves"]] == [60, 44, 20]
    assert len(about["fit"]) == 16 and len(about["learnt"]) == len(priors.priors())
    for name, value in about["point"]["values"].items():
        assert PARAMETERS[name].low <= value <= PARAMETERS[name].high
    assert "point" not in json.loads((made / "third-party-off" / "summary.json").read_text())


def test_a_rival_rule_starts_from_the_waves_of_the_default(made: Path) -> None:
    own = pd.read_parquet(made / "third-party-off" / "draws.parquet")
    default = pd.read_parquet(made / "default" / "draws.parquet")
    names = list(priors.priors().names)
    first = own.loc[own["wave"] == "wave-0", names].to_numpy()
    after = default.loc[default["wave"].isin(("wave-1",)), names].to_numpy()
    nearest = [np.abs(after / row - 1.0).max(axis=1).min() for row in first]
    assert max(nearest) < 1e-6


def test_a_second_call_runs_nothing_and_says_the_same(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*-0*.parquet")}
    sample = (made / "default" / "posterior.csv").read_text()
    assert main(["calibrate", "--quick", "--out", str(made)]) == 0
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*-0*.parquet")} == before
    assert (made / "default" / "posterior.csv").read_text() == sample
    assert "C10" in capsys.readouterr().out


def test_rules_are_compared_and_mechanisms_ablated(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    studies = "rivals,ablation,recovery"
    assert main(["calibrate", "--quick", "--out", str(made), "--study", studies]) == 0
    said = capsys.readouterr().out
    assert "third-party-off" in said and "Couverture à 90 %" in said
    rivals = pd.read_csv(made / "rivals.csv")
    assert set(rivals["rules"]) == {"default", "third-party-off"}
    ablation = pd.read_csv(made / "ablation.csv", keep_default_na=False, na_values=["nan"])
    wide = ablation.pivot(index="target", columns="without", values="value")
    still = wide.loc["C1 2016-11"].astype(float)
    assert still["commitment"] < 0.5 * still[""] and len(still) == 11
    recovery = pd.read_csv(made / "recovery.csv")
    assert len(recovery) == 2 * len(priors.priors())
    assert np.all(recovery["low"] < recovery["high"])


def test_a_calibration_that_is_killed_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    command = [sys.executable, "-m", "cosim", "calibrate", "--quick", "--out", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = folder / "default" / "wave-0-00000.parquet"
    until = time.monotonic() + 120
    while not first.exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stored = first.stat().st_mtime_ns
    assert not (folder / "default" / "summary.json").exists()
    assert main(command[3:]) == 0
    assert first.stat().st_mtime_ns == stored
    assert (folder / "default" / "summary.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rules", "trust-bta"], "did you mean 'trust-beta'"),
        (["--study", "ablatoin"], "did you mean 'ablation'"),
        (["--study", "rivals"], "no calibration of these rules"),
        (["--rules", "trust-beta"], "no calibration of these rules"),
        (["--out", "a-file"], "a file has this name"),
    ],
)
def test_nonsense_is_one_line_and_exit_2(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("a-file").write_text("x")
    assert main(["calibrate", "--out", "empty", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_another_seed_is_another_calibration(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "--quick", "--out", str(made), "--seed", "2"]) == 2
    assert "another calibration" in capsys.readouterr().err
