"""The verdicts that ship are what their files, their tables and the model say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.errors import ResultsError
from cosim.experiment import hypotheses, pages, runner

ROOT = Path(__file__).parent.parent
TABLES = ROOT / "docs" / "hypotheses"


def runs_of(name: str) -> pd.DataFrame:
    return pd.read_csv(TABLES / f"runs-{name}.csv.gz", dtype={"arm": str, "rules": str})


@pytest.fixture(scope="module")
def shipped() -> pd.DataFrame:
    return pages.verdicts()


def test_the_verdicts_are_computed_again_from_the_tables_by_pandas_alone() -> None:
    script = ROOT / "experiments" / "verdicts.py"
    text = script.read_text("utf-8")
    assert len(text.splitlines()) <= 80
    imported = {line.split()[1].split(".")[0] for line in text.splitlines()
                if line.startswith(("import ", "from "))}  # fmt: skip
    assert imported == {"sys", "pathlib", "pandas"}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 differ." in done.stdout


def test_a_table_that_was_tampered_with_is_found_out(tmp_path: Path) -> None:
    import shutil

    for part in ("docs/hypotheses", "experiments", "src/cosim/data/hypotheses"):
        shutil.copytree(ROOT / part, tmp_path / part)
    path = tmp_path / "docs" / "hypotheses" / "runs-H6.csv.gz"
    table = pd.read_csv(path)
    table.loc[table["arm"] == "needs", "density"] += 5.0
    table.to_csv(path, index=False)
    done = subprocess.run([sys.executable, tmp_path / "experiments" / "verdicts.py"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert ", 0 differ." not in done.stdout


@pytest.mark.parametrize("name", [f"H{k}" for k in range(1, 13)])
def test_a_committed_run_can_be_simulated_again(name: str) -> None:
    experiment = hypotheses.registered()[name]
    table = runs_of(name)
    points = {(p.levels["territory"], p.levels.get("rules", "default"), p.arm): p
              for p in experiment.points}  # fmt: skip
    chosen = table[table["territory"] == "cas-rural"].iloc[[7, -5]]
    for _, row in chosen.iterrows():
        point = points[(row["territory"], row["rules"], row["arm"])]
        again = runner.once(experiment, point, int(row["replicate"]))
        for outcome, value in again.items():
            assert value == pytest.approx(row[outcome], rel=1e-8), (name, outcome)


def test_every_hypothesis_was_run_on_every_territory_under_every_rule(shipped) -> None:
    for name, experiment in hypotheses.registered().items():
        found = shipped[shipped["hypothesis"] == name]
        strata = {(p.levels["territory"], p.levels.get("rules", "default"))
                  for p in experiment.points}  # fmt: skip
        strata |= {(hypotheses.ALL, rules) for _, rules in strata}
        assert set(zip(found["territory"], found["rules"], strict=True)) == strata
        assert set(found["contrast"]) == set(experiment.contrasts)
        assert (found["n"] == experiment.least_replicates()).all()


def test_what_ships_was_expected_beforehand_in_the_files_as_they_are(shipped) -> None:
    about = {row["hypothesis"]: row for row in pages.about()["hypotheses"]}
    for name, experiment in hypotheses.registered().items():
        assert about[name]["runs"] == len(experiment.points) * experiment.least_replicates()
        for contrast, said in experiment.contrasts.items():
            rows = shipped[(shipped["hypothesis"] == name) & (shipped["contrast"] == contrast)]
            assert set(rows["sign"]) == {said.sign}
            assert np.allclose(rows["margin"].astype(float), said.margin)


def test_a_verdict_that_changes_with_a_rule_is_said(shipped) -> None:
    summary = hypotheses.summary(shipped)
    text = (ROOT / "docs" / pages.PAGE).read_text("utf-8")
    for row in summary[summary["changes"]].itertuples():
        word = hypotheses.WORDS[row.verdict][1]
        assert f"{row.rules}: {word}" in text, row


def test_a_folder_without_verdicts_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no verdicts"):
        pages.verdicts(tmp_path)
