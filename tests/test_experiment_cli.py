"""The commands of experiments: one line when something is wrong, and always a way to go on."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_experiments import FAILS, RULE

from cosim.cli import main
from cosim.cli.experimenting import duration
from cosim.experiment.document import loads
from cosim.experiment.store import Store

FILE = """
title = "Petit essai"
reference = "petit.toml"
replicates = {replicates}
seed = 3
arms = "catalysis.fte"
[factors]
"catalysis.fte" = [0, 2]
[outcomes]
alliances = "alliances @ 2011-12"
[contrasts.dose]
estimate = "alliances[2] - alliances[0]"
sign = "+"
"""
REFERENCE = """
title = "Petit"
[time]
start = "2010-01"
end = "2011-12"
[territory]
code = "synthetic"
synthetic = { communes = 2, population = 1500 }
"""
OWN = '[model]\nmodules = ["own.py"]\nafter.life = ["own"]\n'


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with an experiment and its reference, where the commands are given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "petit.toml").write_text(REFERENCE)
    (tmp_path / "essai.toml").write_text(FILE.format(replicates=5))
    return tmp_path


def told(capsys, *command, code=0):
    """What a command says as JSON, or on standard error if it fails."""
    assert main([*command, "--json"][: None if code == 0 else len(command)]) == code
    captured = capsys.readouterr()
    return json.loads(captured.out) if code == 0 else captured.err


def test_an_experiment_is_run_looked_at_and_exported(here, capsys):
    ran = told(capsys, "experiment", "run", "essai.toml", "--out", "o")
    assert (ran["planned"], ran["stored"], ran["missing"], ran["failed"]) == (10, 10, 0, 0)
    assert ran["command"] == "cosim experiment run essai.toml --out o"
    assert {"manifest.json", "design.csv", "runs.csv", "runs.parquet"} <= {
        path.name for path in Path("o").iterdir()}  # fmt: skip
    before = Path("o/runs.csv").read_bytes()
    Path("o/runs.csv").unlink()
    assert main(["experiment", "export", "o"]) == 0
    assert "o/runs.csv" in capsys.readouterr().out
    assert Path("o/runs.csv").read_bytes() == before
    found = told(capsys, "experiment", "status", "o")
    assert (found["stored"], found["missing"], found["failures"]) == (10, 0, [])


def test_without_a_folder_the_file_names_it(here, capsys):
    assert main(["experiment", "run", "essai.toml"]) == 0
    assert Store("out/experiments/essai").counts().missing == 0


def test_the_cost_alone_runs_a_trial_and_says_it_in_both_languages(here, capsys):
    (here / "essai.toml").write_text(FILE.format(replicates=50))
    assert main(["experiment", "run", "essai.toml", "--out", "o", "--estimate"]) == 0
    captured = capsys.readouterr()
    assert "100 simulations prévues, 0 faites, 100 à faire : environ" in captured.err
    assert "100 runs planned, 0 stored, 100 to do: about" in captured.err
    assert Store("o").counts().stored == 3
    found = told(capsys, "experiment", "status", "o")
    assert found["missing"] == 97
    assert found["resume"] == "cosim experiment run o"


def test_a_folder_goes_on_without_its_file(here, capsys):
    assert main(["experiment", "run", "essai.toml", "--out", "o", "--estimate"]) == 0
    (here / "essai.toml").unlink()
    capsys.readouterr()
    assert told(capsys, "experiment", "run", "o")["missing"] == 0
    moved = here / "elsewhere"
    moved.mkdir()
    shutil.copytree("o", moved / "o")
    shutil.copy("petit.toml", moved)
    assert told(capsys, "experiment", "status", str(moved / "o"))["stored"] == 10


def test_a_changed_file_says_what_is_used_again(here, capsys):
    assert main(["experiment", "run", "essai.toml", "--out", "o"]) == 0
    (here / "essai.toml").write_text(FILE.format(replicates=8))
    capsys.readouterr()
    assert main(["experiment", "run", "essai.toml", "--out", "o"]) == 0
    assert "16 runs planned, 10 stored, 6 to do" in capsys.readouterr().err


def test_a_failure_is_told_with_a_command_that_fails_the_same_way(here, capsys):
    (here / "own.py").write_text(RULE.format(body=FAILS))
    (here / "petit.toml").write_text(REFERENCE + OWN)
    assert main(["experiment", "run", "essai.toml", "--out", "o"]) == 0
    out = capsys.readouterr().out
    assert "10 runs, 2 of them failed" in out
    runs = Store("o").runs()
    failed = runs[runs["error"].notna()]
    assert len(failed) == 2
    assert f"cosim experiment replay o {failed['run'].iloc[0]}" in out
    for run, error in zip(failed["run"], failed["error"], strict=True):
        found = told(capsys, "experiment", "replay", "o", run, code=1)
        assert found == f"cosim: {error}\n"
    sound = runs[runs["error"].isna()].iloc[0]
    replayed = told(capsys, "experiment", "replay", "o", sound["run"])
    assert replayed["outcomes"] == {"alliances": sound["alliances"]}


def test_the_replay_command_of_the_table_works_from_within_the_folder(here, capsys, monkeypatch):
    assert main(["experiment", "run", "essai.toml", "--out", "o"]) == 0
    row = Store("o").runs().iloc[7]
    capsys.readouterr()
    monkeypatch.chdir(here / "o")
    words = row["replay"].split()
    assert words[0] == "cosim"
    assert told(capsys, *words[1:])["outcomes"]["alliances"] == row["alliances"]


def test_a_file_is_checked_and_its_points_shown_without_a_run(here, capsys):
    found = told(capsys, "experiment", "check", "essai.toml")
    assert (found["points"], found["replicates"], found["levels"]) == (2, 5, ["0", "2"])
    points = told(capsys, "experiment", "show", "essai.toml")
    assert [point["catalysis.fte"] for point in points] == [0, 2]
    for command in ("check", "show"):
        assert main(["experiment", command, "essai.toml"]) == 0
    assert "2 points" in capsys.readouterr().out
    assert sorted(path.name for path in here.iterdir()) == ["essai.toml", "petit.toml"]


def test_the_shipped_experiments_are_listed(capsys):
    listed = told(capsys, "experiment", "list")
    assert {f"H{k}" for k in range(1, 13)} <= {one["hypothesis"] for one in listed}
    assert all(one["title"] and one["runs"] > 0 for one in listed)
    assert main(["experiment", "list"]) == 0


@pytest.mark.parametrize(
    "command, says",
    [
        (["run", "nothing.toml"], "no such file, nor a shipped experiment of this name"),
        (["run", "essai.toml", "--out", "petit.toml"], "cannot be written"),
        (["run", "essai.toml", "--out", "full"], "holds no experiment"),
        (["run", "essai.toml", "--dask", "127.0.0.1:9"], "no Dask scheduler answers"),
        (["run", "essai.toml", "--dask", "x", "--processes"], "--dask: a cluster has its own"),
        (["status", "nothing"], "nothing: no such folder"),
        (["export", "full"], "full: holds no experiment"),
        (["replay", "nothing", "x"], "nothing: no such folder"),
        (["status", "."], "holds no experiment"),
    ],
)
def test_what_is_wrong_is_one_line(here, capsys, command, says):
    (here / "full").mkdir()
    (here / "full" / "mine.txt").write_text("x")
    found = told(capsys, "experiment", *command, code=2)
    assert says in found
    assert found.startswith("cosim: ") and found.count("\n") == 1
    assert [path.name for path in (here / "full").iterdir()] == ["mine.txt"]


def test_an_unknown_run_is_one_line(here, capsys):
    assert main(["experiment", "run", "essai.toml", "--out", "o", "--estimate"]) == 0
    capsys.readouterr()
    assert "no such run" in told(capsys, "experiment", "replay", "o", "x", code=2)


def test_ctrl_c_leaves_a_valid_store_and_the_line_that_goes_on(here):
    (here / "essai.toml").write_text(FILE.format(replicates=5000))
    command = [sys.executable, "-m", "cosim", "experiment", "run", "essai.toml", "--out", "o o"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background
    ) as process:  # fmt: skip
        while len([*Path("o o").glob("parts-*/*.parquet")]) < 5:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == (
        "Reprendre / resume: cosim experiment run essai.toml --out 'o o'"
    )
    assert "Traceback" not in said
    counts = Store("o o").counts()
    assert 0 < counts.stored < 10_000 and counts.failed == 0
    assert not [*Path("o o").rglob(".*.partial")]


def test_a_duration_reads_as_one_says_it():
    assert [duration(s) for s in (0, 59.2, 61, 3599, 7500)] == [
        "0 s", "1 min 00 s", "1 min 01 s", "59 min 59 s", "2 h 05 min"]  # fmt: skip


def test_the_example_of_the_page_is_an_experiment():
    page = (Path(__file__).parent.parent / "docs" / "experiments.md").read_text()
    example = page.split("```toml\n")[1].split("```")[0]
    assert len(loads(example).points) == 6
