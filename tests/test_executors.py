"""Where replicates run changes no bit; an ensemble grows, stops when asked, fails in one line."""

import itertools
import json
import multiprocessing
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from conftest import scenario, synthetic

import cosim
from cosim import engine, executors, results
from cosim.cli import main
from cosim.errors import CosimError, ScenarioError
from cosim.scenario import load

N = 7
FILE = """
title = "Petit"
[time]
start = "2010-01"
end = "2011-12"
[territory]
code = "synthetic"
synthetic = { communes = 2, population = 1500 }
"""
MODULE = """
from cosim.mechanisms import mechanism

@mechanism("own", writes=("actors.commitment",), source="a test",
           sentence_fr="Une règle à soi.", sentence_en="A rule of one's own.")
def own(state, params, month, key):
    {body}
"""
TIRED = "state.actors.commitment[:] *= 0.9"


@pytest.fixture(scope="module")
def alone(lively):
    """The numbers of one thread."""
    return cosim.ensemble(lively, replicates=N, seed=5, workers=1).values


@pytest.fixture(scope="module")
def processes():
    """Two processes that share nothing with this one."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        pool.submit(abs, -1).result()  # its own threads start with its first task
        yield pool


@pytest.fixture(scope="module")
def address():
    """A Dask scheduler with two worker processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def dask(address):
    with executors.connect(address) as executor:
        yield executor


@pytest.fixture
def own(tmp_path):
    """Make a scenario with a rule whose body is given."""

    def make(body):
        (tmp_path / "own.py").write_text(MODULE.format(body=body))
        changes = '[model]\nmodules = ["own.py"]\nafter.life = ["own"]\n'
        (tmp_path / "own.toml").write_text(FILE + changes)
        return load(tmp_path / "own.toml")

    return make


@pytest.fixture
def begun(monkeypatch):
    """The numbers of the replicates that began; each takes 20 ms."""
    numbers = []
    replicate = engine.replicate

    def noted(ready, seed, number, **options):
        numbers.append(number)
        time.sleep(0.02)
        return replicate(ready, seed, number, **options)

    monkeypatch.setattr(engine, "replicate", noted)
    return numbers


def rows(lively, **options):
    return list(engine.replicates(engine.plan(lively), range(N), 5, **options))


# -- the same bits ----------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["processes", "dask"])
@pytest.mark.parametrize("batch", [None, 3])
def test_replicates_elsewhere_have_the_bits_of_those_of_one_thread(
    lively, alone, where, batch, request
):
    executor = request.getfixturevalue(where)
    found = rows(lively, executor=executor, batch=batch)
    assert [number for number, _, _ in found] == list(range(N))
    assert np.stack([out for _, out, _ in found]).tobytes() == alone.tobytes()


def test_two_threads_have_the_bits_of_one(lively, alone):
    both = cosim.ensemble(lively, replicates=N, seed=5, workers=2)
    assert both.values.tobytes() == alone.tobytes()


def test_a_comparison_on_a_cluster_is_that_of_this_machine(lively, dask):
    more = lively.with_(**{"catalysis.fte": 4})
    here = cosim.compare(lively, more, replicates=3, seed=5)
    there = cosim.compare(lively, more, replicates=3, seed=5, executor=dask)
    assert there.scenario.values.tobytes() == here.scenario.values.tobytes()
    assert there.reference.values.tobytes() == here.reference.values.tobytes()
    assert here.scenario.values.tobytes() != here.reference.values.tobytes()


def test_a_folder_written_from_a_cluster_has_the_same_table(lively, alone, dask, tmp_path):
    whole = results.save_run(lively, tmp_path / "out", N, 5, executor=dask)
    assert whole.values.tobytes() == alone.tobytes()
    assert cosim.load_results(tmp_path / "out").values.tobytes() == alone.tobytes()


def test_another_territory_than_the_scenario_s_goes_along(lively, alone, processes):
    place = engine.territory_of(scenario(place=synthetic(communes=2, population=2000, number=8)))
    here = cosim.ensemble(lively, N, 5, place=place)
    there = cosim.ensemble(lively, N, 5, place=place, executor=processes)
    assert there.values.tobytes() == here.values.tobytes() != alone.tobytes()


def test_what_is_kept_of_a_state_comes_back(lively, processes):
    found = rows(lively, executor=processes, keep=load_of)
    assert [kept for _, _, kept in found] == [kept for _, _, kept in rows(lively, keep=load_of)]
    assert len({kept for _, _, kept in found}) > 1


def load_of(number, state):
    return int(state.actors.load.sum())


def test_a_rule_of_one_s_own_runs_elsewhere(own, processes):
    document = own(TIRED)
    here, there = (cosim.ensemble(document, 2, executor=pool) for pool in (None, processes))
    plain = cosim.ensemble(document.with_(model=None), 2)
    assert there.values.tobytes() == here.values.tobytes() != plain.values.tobytes()


# -- what does not run elsewhere --------------------------------------------------------------


def test_a_module_that_is_not_there_is_one_error(own, tmp_path):
    ordered = executors.order(engine.plan(own(TIRED)))
    (tmp_path / "own.py").unlink()
    with pytest.raises(ScenarioError, match=r"own\.py.*no such module where the replicates run"):
        executors.perform(ordered, 1, range(1))


def test_another_module_than_that_of_the_plan_is_refused(own, tmp_path):
    ordered = executors.order(engine.plan(own(TIRED)))
    (tmp_path / "own.py").write_text(MODULE.format(body="state.actors.commitment[:] = 1.0"))
    with pytest.raises(CosimError, match="another version of cosim or of the scenario's modules"):
        executors.perform(ordered, 1, range(1))


@pytest.mark.parametrize("where", [None, "processes", "dask"])
def test_a_replicate_that_fails_is_one_error_and_leaves_no_thread(own, where, request):
    executor = request.getfixturevalue(where) if where else None
    document = own("if month == 20: raise ValueError('too\\n            much')")
    before = set(threading.enumerate())
    with pytest.raises(CosimError) as caught:
        cosim.ensemble(document, 6, workers=2, executor=executor)
    assert f"{caught.value}" == "replicate 0: the replicate failed: ValueError: too much"
    assert not where or {t for t in threading.enumerate() if t.name.startswith("Thread")} <= before
    assert where or set(threading.enumerate()) == before


def test_a_rule_that_raises_while_it_runs_is_a_run_that_failed_and_not_bad_input(
    own, capsys, tmp_path
):
    own("if month == 20: raise ValueError('too much')")
    file = next(tmp_path.glob("*.toml"), None)
    assert file is not None
    assert main(["run", str(file), "-n", "2"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_process_that_dies_is_one_error(own):
    document = own("__import__('os')._exit(3)")
    with (
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool,
        pytest.raises(CosimError, match=r"executor: the executor failed: BrokenProcessPool"),
    ):
        cosim.ensemble(document, 2, executor=pool)


def test_a_journal_is_refused_on_an_executor(lively, tmp_path):
    with ThreadPoolExecutor(1) as pool, pytest.raises(CosimError, match="journal"):
        results.save_run(lively, tmp_path / "out", 2, journal=True, executor=pool)
    assert not (tmp_path / "out").exists()


# -- growing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("batch, sizes", [(None, [1, 2, 4, 7]), (3, [3, 6, 7]), (9, [7])])
@pytest.mark.parametrize("where", [None, "processes"])
def test_a_growing_ensemble_ends_as_the_whole_one(lively, alone, batch, sizes, where, request):
    executor = request.getfixturevalue(where) if where else None
    grown = list(results.growing(lively, N, 5, batch, workers=2, executor=executor))
    assert [one.n for one in grown] == sizes
    for one in grown:
        assert one.values.tobytes() == alone[: one.n].tobytes()


def test_the_first_replicates_are_there_before_the_others_begin(lively, begun):
    with opened(lively, 100) as grown:
        first = next(grown)
        assert first.n == 1
        assert len(begun) < 20


def test_early_ensembles_are_read_only_views_of_one_array(lively):
    *early, last = results.growing(lively, N)
    assert last.values.flags.owndata and last.values.flags.writeable
    for one in early:
        assert np.shares_memory(one.values, last.values)
        with pytest.raises(ValueError, match="read-only"):
            one.values[0] = 0.0


@pytest.mark.parametrize("elsewhere", [False, True])
def test_closing_stops_what_has_not_begun(lively, begun, elsewhere):
    with ThreadPoolExecutor(2) as pool:
        grown = results.growing(
            lively, 200, batch=1, workers=2, executor=pool if elsewhere else None
        )
        assert [one.n for one in itertools.islice(grown, 3)] == [1, 2, 3]
        before = time.perf_counter()
        grown.close()
        assert time.perf_counter() - before < 0.5
        time.sleep(0.1)
        stopped = len(begun)
        assert 3 <= stopped <= 20
        time.sleep(0.2)
        assert len(begun) == stopped
    assert list(grown) == []


def test_few_replicates_wait_for_a_slow_reader(lively, begun):
    with opened(lively, 200) as grown:
        next(grown), next(grown)
        time.sleep(0.8)
        assert len(begun) <= 2 + 4 * 2


def test_closing_leaves_no_thread(lively):
    before = set(threading.enumerate())
    with opened(lively, 50) as grown:
        next(grown), next(grown)
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"replicates": 0}, {"seed": -1}])
def test_growing_refuses_at_once_what_makes_no_sense(lively, wrong):
    with pytest.raises(CosimError, match=f"{next(iter(wrong))}: out of range"):
        results.growing(lively, **wrong)


def opened(document, replicates):
    return closing(results.growing(document, replicates, workers=2))


# -- a cluster's address ----------------------------------------------------------------------


def test_the_command_gives_the_same_on_a_cluster(address, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(FILE)
    Path("b.toml").write_text('title = "Avec"\nextends = "a.toml"\n[catalysis]\nfte = 2\n')
    for command in (["run", "a.toml"], ["compare", "a.toml", "b.toml"]):
        printed = []
        for options in ([], ["--dask", address]):
            assert main([*command, "-n", "3", "--json", *options]) == 0
            printed.append(json.loads(capsys.readouterr().out))
        assert printed[0] == printed[1]


def test_an_address_where_nothing_answers_is_one_line_within_ten_seconds(tmp_path):
    (tmp_path / "a.toml").write_text(FILE)
    before = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "cosim", "run", "a.toml", "--dask", "127.0.0.1:9"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert time.perf_counter() - before < 10
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "cosim: 127.0.0.1:9: no Dask scheduler answers at this address "
        "(expected HOST:PORT of `dask scheduler`)\n"
    )


@pytest.mark.parametrize("wrong", ["", "nowhere://x", "127.0.0.1:http", "a b"])
def test_what_is_no_address_is_the_same_error(wrong):
    with pytest.raises(CosimError, match="no Dask scheduler answers"):
        executors.connect(wrong)


def test_a_server_that_says_nothing_is_the_same_error_and_leaves_no_thread(monkeypatch):
    monkeypatch.setattr(executors, "ANSWER", 0.5)
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(CosimError, match="no Dask scheduler answers"):
            executors.connect(f"127.0.0.1:{server.getsockname()[1]}")
        assert set(threading.enumerate()) == before


def test_a_scheduler_without_a_worker_is_named(monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "FIRST_WORKER", 3)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        pytest.raises(CosimError, match="has no worker"),
    ):
        executors.connect(cluster.scheduler_address)


def test_without_dask_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CosimError, match=r"Dask is not installed.*cosim\[cluster\]"):
        executors.connect("127.0.0.1:8786")


def test_a_cluster_is_left_when_the_executor_is_shut_down(address):
    executor = executors.connect(address)
    assert executor.submit(abs, -3).result(10) == 3
    executor.shutdown()
    with pytest.raises(RuntimeError):
        executor.submit(abs, -3)


def test_a_journal_and_a_cluster_do_not_go_together(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(FILE)
    assert main(["run", "a.toml", "--out", "o", "--journal", "--dask", "127.0.0.1:9"]) == 2
    assert "--journal: a journal is written by this machine alone" in capsys.readouterr().err
