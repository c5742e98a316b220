"""An experiment runs what is missing, wherever, and its tables tell nothing of how."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from small_experiments import FAILS, small, with_rule

from cosim import branching, engine, executors
from cosim.calibration.runs import TerritoryRun
from cosim.errors import CosimError, RunError, ScenarioError
from cosim.experiment import runner, stopping
from cosim.experiment.store import Store
from cosim.indicators import column

EXPORTED = ("design.csv", "runs.csv", "runs.parquet", "series.parquet")
FAILURE = "replicate 3: the run failed: ValueError: trop tard"


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The tables of an undisturbed run in one thread."""
    return exported(runner.run(small(), tmp_path_factory.mktemp("a") / "store", workers=1))


@pytest.fixture(scope="module")
def address():
    """A Dask scheduler with two worker processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def begun(monkeypatch):
    """How often each replicate began, by scenario."""
    found = Counter()
    replicate = engine.replicate

    def noted(ready, seed, number, forget=False):
        found[ready.scenario.digest, number] += 1
        return replicate(ready, seed, number, forget)

    monkeypatch.setattr(engine, "replicate", noted)
    return found


def exported(store):
    return {name: (store.folder / name).read_bytes() for name in EXPORTED}


# -- the same bytes ---------------------------------------------------------------------------


def test_two_threads_give_the_bytes_of_one(alone, tmp_path):
    assert exported(runner.run(small(), tmp_path / "s", workers=2)) == alone


def test_small_tasks_give_the_bytes_of_large_ones(alone, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "TASK_RUNS", 1)
    assert exported(runner.run(small(), tmp_path / "s", workers=2)) == alone


def test_processes_give_the_bytes_of_threads(alone, tmp_path):
    assert exported(runner.run(small(), tmp_path / "s", workers=2, processes=True)) == alone


def test_a_dask_cluster_gives_the_bytes_of_threads(alone, address, tmp_path):
    with executors.connect(address) as executor:
        assert executors.width(executor) == 2
        assert exported(runner.run(small(), tmp_path / "s", executor=executor)) == alone


def test_the_outcomes_are_those_of_the_replicates(tmp_path):
    experiment = small(outcomes={
        "alliances": "alliances @ 2011-12", "contacts": "degree @ 2011",
        "companies": "share[with company | living] @ 2011-12",
    })  # fmt: skip
    store = runner.run(experiment, tmp_path / "s", workers=1)
    runs, series = store.runs(), store.series()
    for point, replicate in ((0, 0), (3, 5)):
        ready = engine.plan(experiment.points[point].scenario)
        out, state = engine.replicate(ready, 3, replicate)
        whole = TerritoryRun(ready, out, state)
        (row,) = runs[(runs["point"] == point) & (runs["replicate"] == replicate)].itertuples()
        wanted = [one.value(whole) for one in experiment.measures.values()]
        assert [row.alliances, row.contacts, row.companies] == wanted
        assert np.isfinite(wanted).all()
        one = series[(series["run"] == row.run) & (series["indicator"] == "alliances")]
        assert one["value"].tolist() == out[:, column("alliances", "")].tolist()


def test_what_goes_on_from_a_month_is_run_in_stages(tmp_path):
    levels = {"never": {}, "later": {"then": {"at": "2011-01", "catalysis": {"fte": 2.0}}}}
    experiment = small(factors={"order": levels}, arms="order", contrasts={}, replicates=3)
    runs = runner.run(experiment, tmp_path / "s").runs()
    never, later = (runs[runs["point"] == k]["alliances"].tolist() for k in (0, 1))
    assert never != later
    point = experiment.points[1]
    stages = [(0, engine.plan(point.scenario)), (12, engine.plan(point.then[0][1]))]
    out, _ = branching.staged(stages, 3, 2)
    assert later[2] == out[-1, column("alliances", "")]


# -- killed, and resumed ----------------------------------------------------------------------

#: Compiles and loads once; then runs the experiment in a fork of itself for each line it reads.
DRIVER = """
import os, sys
sys.path.insert(0, {tests!r})
import pandas, pyarrow.parquet
from small_experiments import small
from cosim import engine
from cosim.experiment import runner
runner.TASK_RUNS = 1
experiment = small(replicates={replicates})
engine.replicate(engine.plan(experiment.points[0].scenario), 3, 0)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        runner.run(experiment, {folder!r}, workers=int(line))
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a fork is what makes many kills quick")
def test_killed_at_random_moments_and_resumed_the_tables_are_those_of_an_undisturbed_run(tmp_path):
    experiment = small(replicates=60)
    whole = exported(runner.run(experiment, tmp_path / "whole", workers=1))
    folder, rng, kills = tmp_path / "killed", random.Random(5), []
    code = DRIVER.format(tests=str(Path(__file__).parent), replicates=60, folder=str(folder))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as driver:
        for attempt in range(60):
            driver.stdin.write(f"{1 + attempt % 2}\n")
            driver.stdin.flush()
            child = int(driver.stdout.readline())
            before = parts(folder)
            while attempt % 3 and parts(folder) == before and running(child):
                time.sleep(0.002)  # two of three are killed while runs come in
            time.sleep(rng.uniform(0.0, 0.15))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            if int(driver.stdout.readline()) == 0:
                break
            kills.append(parts(folder))
        driver.stdin.close()
    assert len(kills) >= 8
    assert len(set(kills)) >= 4  # some of them while it was writing
    again = runner.run(experiment, folder, workers=2)
    assert exported(again) == whole
    assert again.counts() == (240, 240, 0, 0)


def parts(folder):
    """How many parts are stored."""
    return len([*folder.glob("parts-*/*.parquet")])


def running(pid):
    """Whether a process is there that has not ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


PROCESSES = """
import sys
sys.path.insert(0, {tests!r})
from small_experiments import small
from cosim.experiment import runner
runner.run(small(replicates=60), {folder!r}, workers=2, processes=True)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for the children")
def test_processes_end_when_the_one_that_gives_them_work_is_killed(tmp_path):
    folder = tmp_path / "s"
    code = PROCESSES.format(tests=str(Path(__file__).parent), folder=str(folder))
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        while not parts(folder):
            assert process.poll() is None
            time.sleep(0.01)
        listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
    children = [Path(f"/proc/{child}") for child in listed]
    assert len(children) >= 2
    end = time.monotonic() + 20
    while any(child.exists() for child in children):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert runner.run(small(replicates=60), folder).counts().missing == 0


def test_two_runs_at_once_in_one_folder_do_no_harm(alone, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "TASK_RUNS", 2)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(runner.run, small(), tmp_path / "s", 1) for _ in range(2)]
        assert [exported(one.result()) for one in both] == [alone, alone]
    assert Store(tmp_path / "s").counts() == (24, 24, 0, 0)


# -- only what is missing ---------------------------------------------------------------------


def test_nothing_is_run_twice(begun, tmp_path):
    runner.run(small(), tmp_path / "s")
    assert len(begun) == 24 and set(begun.values()) == {1}
    runner.run(small(), tmp_path / "s")
    assert sum(begun.values()) == 24


def test_more_replicates_run_only_those_that_are_missing(begun, tmp_path):
    runner.run(small(), tmp_path / "s")
    begun.clear()
    runner.run(small(replicates=8), tmp_path / "s")
    assert sum(begun.values()) == 4 * 2
    assert {number for _, number in begun} == {6, 7}


def test_one_more_level_runs_only_its_points(begun, tmp_path):
    runner.run(small(), tmp_path / "s")
    before = {digest for digest, _ in begun}
    begun.clear()
    more = small(factors={"catalysis.fte": [0, 1, 2], "parameters.trust_gain": [0.05, 0.1]})
    store = runner.run(more, tmp_path / "s")
    assert sum(begun.values()) == 2 * 6
    assert not {digest for digest, _ in begun} & before
    assert len(store.runs()) == 36


def test_a_store_that_lost_a_part_runs_its_runs_again(alone, begun, tmp_path):
    store = runner.run(small(), tmp_path / "s")
    begun.clear()
    part = min(store.folder.glob("parts-*/*.parquet"))
    part.unlink()
    lost = Store(store.folder).counts().missing
    assert lost > 0
    assert exported(runner.run(small(), tmp_path / "s")) == alone
    assert sum(begun.values()) == lost


# -- what fails -------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", [False, True])
def test_a_run_that_fails_is_one_row_and_the_others_are_there(tmp_path, processes):
    experiment = with_rule(tmp_path, replicates=5)
    store = runner.run(experiment, tmp_path / "s", workers=2, processes=processes)
    runs = store.runs()
    failed = runs[runs["error"].notna()]
    assert len(runs) == 20
    assert failed["replicate"].tolist() == [3] * 4
    assert set(failed["error"]) == {FAILURE}
    assert runs[runs["error"].isna()]["alliances"].notna().all()
    with pytest.raises(RunError) as caught:
        runner.replay(store.folder, failed["run"].iloc[0])
    assert f"{caught.value}" == FAILURE
    sound = runs[runs["error"].isna()].iloc[2]
    assert runner.replay(store.folder, sound["run"]) == {
        "alliances": sound["alliances"], "share": sound["share"]}  # fmt: skip


def test_what_failed_is_not_done_again_unless_it_is_asked_for(begun, tmp_path):
    experiment = with_rule(tmp_path, replicates=5)
    runner.run(experiment, tmp_path / "s")
    begun.clear()
    runner.run(experiment, tmp_path / "s")
    assert not begun
    runner.run(experiment, tmp_path / "s", retry_failed=True)
    assert {number for _, number in begun} == {3}
    assert sum(begun.values()) == 4


def test_a_rule_that_is_mended_is_another_run(begun, tmp_path):
    store = runner.run(with_rule(tmp_path, replicates=4), tmp_path / "s")
    failed = store.runs()["run"].iloc[3]
    begun.clear()
    mended = runner.run(with_rule(tmp_path, "pass", replicates=4), tmp_path / "s")
    assert mended.runs()["error"].isna().all()
    assert mended.counts() == (16, 16, 0, 16)
    with pytest.raises(CosimError, match="no such run of this experiment"):
        runner.replay(tmp_path / "s", failed)


def test_a_worker_that_dies_is_an_error_and_no_row(tmp_path):
    body = FAILS.split(":")[0] + ": __import__('os')._exit(3)"
    experiment = with_rule(tmp_path, body, replicates=5)
    with pytest.raises(RunError, match="executor: the executor failed: BrokenProcessPool"):
        runner.run(experiment, tmp_path / "s", workers=1, processes=True)
    store = Store(tmp_path / "s")
    assert store.counts().failed == 0
    assert store.counts().stored == 3  # the trial


def test_a_rule_that_is_not_there_is_refused_before_anything_is_written(tmp_path):
    experiment = with_rule(tmp_path)
    (tmp_path / "own.py").unlink()
    with pytest.raises(ScenarioError, match="no such module"):
        runner.run(experiment, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_disk_that_fills_up_stops_the_run_and_the_next_one_goes_on(alone, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "TASK_RUNS", 1)
    add, count = Store.add, []

    def full(self, rows):
        count.append(1)
        if len(count) > 7:
            with monkeypatch.context() as patch:
                patch.setattr("os.fsync", out_of_space)
                add(self, rows)
        add(self, rows)

    def out_of_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "add", full)
    with pytest.raises(CosimError, match="cannot be written: No space left on device"):
        runner.run(small(), tmp_path / "s", workers=2)
    monkeypatch.setattr(Store, "add", add)
    assert Store(tmp_path / "s").counts().stored == 8  # the trial has three runs in two parts
    assert not [*(tmp_path / "s").rglob(".*")]
    assert exported(runner.run(small(), tmp_path / "s")) == alone


# -- what is told -----------------------------------------------------------------------------


def test_the_cost_is_told_before_the_bulk_and_can_stop_it(begun, tmp_path):
    costs = []

    def told(cost):
        costs.append(cost)
        return False

    store = runner.run(small(), tmp_path / "s", workers=2, told=told)
    (cost,) = costs
    assert (cost.planned, cost.stored, cost.missing, cost.most) == (24, 0, 24, 24)
    assert 0.0 < cost.seconds < 10.0
    assert sum(begun.values()) == store.counts().stored == 1 + runner.TRIAL
    assert not (tmp_path / "s" / "runs.csv").exists()


def test_the_cost_grows_with_the_seats_of_the_territory(tmp_path):
    seconds = []
    for population in (1500, 15000):  # far apart: other work on the machine must not matter
        levels = {"territory.synthetic.population": [1500, population]}
        factors = {"catalysis.fte": [0], **levels} if population > 1500 else {"catalysis.fte": [0]}
        experiment = small(factors=factors, replicates=40, contrasts={})
        costs = []
        runner.run(experiment, tmp_path / f"{population}", workers=1,
                   told=lambda cost, costs=costs: costs.append(cost))  # fmt: skip
        seconds.append(costs[0].seconds / costs[0].missing)
    assert seconds[1] > 1.5 * seconds[0]


def test_progress_ends_with_all_of_it(tmp_path):
    told = []
    runner.run(small(), tmp_path / "s", progress=told.append)
    assert told[-1].done == told[-1].planned == 24
    assert told[-1].rate > 0
    assert told[-1].left == pytest.approx(0.0, abs=1e-9)


# -- when to stop -----------------------------------------------------------------------------


def stopped(**rule):
    return small(
        replicates=None,
        stopping={"contrast": "dose", "half_width": 3.0, "least": 6, "most": 40, "batch": 4,
                  **rule},
    )  # fmt: skip


def test_batches_are_added_until_the_interval_is_narrow_enough(tmp_path):
    experiment = stopped()
    runs = runner.run(experiment, tmp_path / "s").runs()
    sizes = runs.groupby("point").size().to_dict()
    assert sizes[0] == sizes[2] and sizes[1] == sizes[3]  # of one stratum
    for stratum in (0, 1):
        n = sizes[stratum]
        assert n in (6, 10, 14, 18, 22, 26, 30, 34, 38, 40)
        pairs = [
            runs[runs["point"] == point].sort_values("replicate")["alliances"].to_numpy()
            for point in (stratum, stratum + 2)
        ]
        difference = pairs[1] - pairs[0]
        assert half_width(difference) <= 3.0 or n == 40
        assert n == 6 or half_width(difference[: n - 4]) > 3.0 or n == 40
    assert max(sizes.values()) > 6


def half_width(values):
    from scipy.stats import t

    return t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5


def test_the_rule_stops_at_the_same_place_whatever_is_stored_beyond(begun, tmp_path):
    whole = exported(runner.run(stopped(), tmp_path / "a", workers=1))
    planned = sum(begun.values())
    begun.clear()
    runner.run(small(replicates=40), tmp_path / "b")
    begun.clear()
    assert exported(runner.run(stopped(), tmp_path / "b", workers=2)) == whole
    assert not begun
    assert planned < 160


def test_a_rule_that_watches_an_outcome_looks_at_every_point(tmp_path):
    experiment = stopped(contrast="", outcome="alliances", half_width=2.5)
    runs = runner.run(experiment, tmp_path / "s").runs()
    for _, rows in runs.groupby("point"):
        assert half_width(rows["alliances"].to_numpy()) <= 2.5 or len(rows) == 40


def test_a_width_that_is_never_reached_ends_at_the_most(tmp_path):
    experiment = stopped(half_width=1e-6, most=12)
    assert len(runner.run(experiment, tmp_path / "s").runs()) == 4 * 12


def test_the_rule_decides_nothing_on_half_a_batch(tmp_path):
    experiment = stopped(half_width=1e6)
    store = Store(tmp_path / "s").create(experiment)
    assert set(store.planned().values()) == {6}
    runs = runner.run(experiment, tmp_path / "s").runs()
    assert len(runs) == 24
    assert set(stopping.due(experiment, runs[runs["replicate"] < 5]).values()) == {6}
    wider = stopped(half_width=1e-6)
    assert set(stopping.due(wider, runs[runs["replicate"] < 5]).values()) == {6}
    assert set(stopping.due(wider, runs).values()) == {10}


def test_an_executor_that_is_given_stays_open(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        runner.run(small(replicates=1), tmp_path / "s", executor=pool)
        assert pool.submit(abs, -1).result() == 1
