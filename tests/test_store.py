"""A store holds every run once, whatever happened to those who wrote it."""

import errno
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from small_experiments import small

from cosim.errors import CosimError, ResultsError
from cosim.experiment import store as stores
from cosim.experiment.store import Row, Store

EXPORTED = ("design.csv", "runs.csv", "runs.parquet", "series.parquet")


@pytest.fixture(scope="module")
def experiment():
    return small()


@pytest.fixture
def store(experiment, tmp_path):
    return Store(tmp_path / "store").create(experiment, "cosim experiment run x")


def row(store, point, replicate, error=None):
    """A run whose numbers say which it is."""
    values = (np.nan, np.nan) if error else (10.0 * point + replicate, 0.1 * replicate)
    months = None if error else np.arange(48.0).reshape(24, 2) + 100 * point + 1000 * replicate
    return Row(store.run(point, replicate), error, values, months)


def everything(store):
    return [row(store, *job) for job in store.missing(store.planned())]


def bytes_of(folder):
    return {name: (folder / name).read_bytes() for name in EXPORTED}


# -- what is there, what is missing -----------------------------------------------------------


def test_what_is_missing_is_what_is_planned_minus_what_is_stored(store):
    assert len(store.missing(store.planned())) == 24
    store.add([row(store, 0, 0), row(store, 1, 3)])
    left = store.missing(store.planned())
    assert len(left) == 22
    assert (0, 0) not in left and (1, 3) not in left
    assert store.counts() == (24, 2, 0, 0)
    assert store.runs()[["point", "replicate", "alliances"]].to_numpy().tolist() == [
        [0, 0, 0.0], [1, 3, 13.0]]  # fmt: skip


def test_a_store_that_is_read_again_holds_the_same_runs(store):
    store.add(everything(store))
    again = Store(store.folder)
    pd.testing.assert_frame_equal(again.runs(), store.runs())
    assert again.experiment.resolved() == store.experiment.resolved()
    assert not again.missing(again.planned())


def test_a_run_stored_twice_counts_once(store):
    store.add([row(store, 0, 0), row(store, 0, 1)])
    store.add([row(store, 0, 1)])
    assert store.counts().stored == 2
    assert store.runs()["replicate"].tolist() == [0, 1]


def test_of_a_run_that_failed_and_then_did_not_the_latter_counts(store):
    store.add([row(store, 0, 0, "replicate 0: the run failed")])
    assert store.counts().failed == 1
    assert (0, 0) not in store.missing(store.planned())
    assert (0, 0) in store.missing(store.planned(), failed=True)
    store.add([row(store, 0, 0)])
    assert store.counts().failed == 0
    assert store.runs()["error"].isna().all()


def test_the_id_of_a_run_does_not_depend_on_the_design(store, tmp_path):
    more = small(factors={"catalysis.fte": [0, 1, 2], "parameters.trust_gain": [0.05, 0.1]},
                 replicates=8)  # fmt: skip
    store.add(everything(store))
    grown = Store(store.folder).create(more)
    assert grown.counts() == (48, 24, 0, 0)
    assert {point for point, replicate in grown.missing(grown.planned()) if replicate < 6} == {2, 3}
    narrow = Store(store.folder).create(small(replicates=2))
    assert narrow.counts() == (8, 8, 0, 16)
    assert len(narrow.runs()) == 8


def test_other_outcomes_are_other_parts_and_nothing_is_lost(store, experiment):
    store.add(everything(store))
    other = small(outcomes={"births": "births @ 2011-12"}, contrasts={})
    asked = Store(store.folder).create(other)
    assert asked.counts() == (24, 0, 0, 0)
    back = Store(store.folder).create(experiment)
    assert back.counts() == (24, 24, 0, 0)


def test_points_that_are_the_same_scenario_share_their_runs(tmp_path):
    ranges = {"parameters.trust_gain": {"low": 0.05, "high": 0.2}}
    experiment = small(factors=ranges, arms="", contrasts={}, replicates=1,
                       design={"kind": "morris", "trajectories": 4, "levels": 4})  # fmt: skip
    store = Store(tmp_path / "store").create(experiment)
    digests = {point.digest for point in experiment.points}
    assert len(digests) < len(experiment.points)
    jobs = store.missing(store.planned())
    assert len(jobs) == len(digests) == store.counts().planned
    store.add([row(store, *job) for job in jobs])
    assert store.runs()["point"].tolist() == [point.number for point in experiment.points]
    assert store.series()["run"].nunique() == len(digests)


# -- tables -----------------------------------------------------------------------------------


def test_the_tables_are_in_the_order_of_point_and_replicate(store):
    store.add([row(store, 3, 1), row(store, 0, 2), row(store, 3, 0)])
    runs = store.runs()
    assert runs[["point", "replicate"]].to_numpy().tolist() == [[0, 2], [3, 0], [3, 1]]
    assert list(runs) == ["run", "point", "replicate", "error", "replay", "alliances", "share"]
    assert runs["replay"][0] == f"cosim experiment replay . {runs['run'][0]}"


def test_a_failed_run_is_a_row_without_numbers(store):
    store.add([row(store, 0, 0), row(store, 0, 1, "replicate 1: the run failed: no")])
    runs = store.runs()
    assert runs["error"].tolist() == [None, "replicate 1: the run failed: no"]
    assert runs[["alliances", "share"]].isna().all(axis=1).tolist() == [False, True]
    assert set(store.series()["run"]) == {store.run(0, 0)}


def test_the_series_give_every_number_back(store):
    store.add(everything(store))
    series = store.series()
    assert len(series) == 24 * 24 * 2
    one = series[series["run"] == store.run(2, 5)]
    elus = one[one["indicator"] == "engaged"]
    assert elus["group"].unique().tolist() == ["elu"]
    assert elus["month"].tolist() == list(pd.date_range("2010-01", periods=24, freq="MS"))
    assert elus["value"].tolist() == [5201.0 + 2 * month for month in range(24)]


def test_the_files_do_not_depend_on_the_order_or_the_cut_of_the_parts(experiment, tmp_path):
    found = []
    rng = np.random.default_rng(1)
    for name, sizes in (("a", [24]), ("b", [5, 1, 18]), ("c", [1] * 24)):
        store = Store(tmp_path / name).create(experiment, f"cosim {name}")
        rows = everything(store)
        rng.shuffle(rows)
        for size in sizes:
            store.add(rows[:size])
            rows = rows[size:]
        assert {path.name for path in store.export()} == set(EXPORTED)
        found.append(bytes_of(store.folder))
    assert found[0] == found[1] == found[2]


def test_long_series_are_cut_the_same_however_they_came(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "CHUNK", 100)
    found = []
    for name in "ab":
        store = Store(tmp_path / name).create(experiment)
        rows = everything(store)
        for part in [rows] if name == "a" else [rows[10:], rows[:10]]:
            store.add(part)
        store.export()
        found.append(bytes_of(store.folder))
        assert len(pd.read_parquet(store.folder / "series.parquet")) == 24 * 24 * 2
    assert found[0] == found[1]


# -- what goes wrong --------------------------------------------------------------------------


def test_a_full_disk_is_one_error_and_loses_nothing(store, monkeypatch):
    store.add([row(store, 0, 0)])
    before = sorted(store.folder.rglob("*"))

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for attempt in (lambda: store.add([row(store, 0, 1)]), store.export):
        with pytest.raises(ResultsError, match=r"cannot be written: No space left on device$"):
            attempt()
    monkeypatch.undo()
    assert sorted(store.folder.rglob("*")) == before
    assert Store(store.folder).runs()["replicate"].tolist() == [0]
    store.add([row(store, 0, 1)])
    assert Store(store.folder).runs()["replicate"].tolist() == [0, 1]


def test_a_file_that_the_system_refuses_to_grow_leaves_no_half_of_it(store):
    code = f"""
import resource, signal, sys
import numpy as np
from cosim.errors import ResultsError
from cosim.experiment.store import Row, Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store({str(store.folder)!r})
store.add([Row(store.run(0, 0), None, (1.0, 2.0), np.random.rand(24, 2))])
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
try:
    store.add([Row(store.run(0, k), None, (1.0, 2.0), np.random.rand(24, 2)) for k in range(99)])
except ResultsError as error:
    print(error)
"""
    tests = os.path.dirname(__file__)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tests,
                          check=True)  # fmt: skip
    assert done.stdout.endswith("cannot be written: File too large\n")
    assert done.stdout.count("\n") == 1
    assert store.counts().stored == 1
    assert not [*store.folder.rglob(".*")]


def test_a_folder_that_cannot_be_made_is_one_error(experiment, tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ResultsError, match="file"):
            Store(folder).create(experiment)
    assert (tmp_path / "file").read_text() == "x"


def test_a_folder_that_holds_something_else_is_left_alone(experiment, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ResultsError, match="holds no experiment"):
        Store(tmp_path).create(experiment)
    (tmp_path / "manifest.json").write_text('{"format": "cosim results"}')
    with pytest.raises(ResultsError, match=r"holds no experiment.*'cosim results'"):
        Store(tmp_path).create(experiment)
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.tex", "manifest.json"}


@pytest.mark.parametrize("changed", [{"title": "Autre"}, {"reference": "reference-2020"}])
def test_a_store_of_another_experiment_is_refused(store, changed):
    before = (store.folder / "manifest.json").read_bytes()
    with pytest.raises(ResultsError, match=f"an experiment with another {next(iter(changed))}"):
        Store(store.folder).create(small(**changed))
    assert (store.folder / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("name", stores.RUN_COLUMNS)
def test_an_outcome_cannot_have_the_name_of_a_column_of_the_tables(tmp_path, name):
    with pytest.raises(CosimError, match=name):
        Store(tmp_path / "s").create(small(outcomes={name: "alliances @ 2011-12"}, contrasts={}))
    assert not (tmp_path / "s").exists()


def test_a_damaged_part_is_named(store):
    store.add([row(store, 0, 0)])
    (part,) = store.folder.glob("parts-*/*.parquet")
    part.write_bytes(part.read_bytes()[:50])
    with pytest.raises(ResultsError, match=rf"{part.name}: a part cannot be read.*delete it"):
        Store(store.folder).runs()


def test_what_a_dead_process_left_unfinished_is_no_run_and_goes_away(store, experiment):
    store.add([row(store, 0, 0)])
    (parts,) = store.folder.glob("parts-*")
    old, new = parts / ".a.parquet.1.partial", parts / ".b.parquet.2.partial"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * stores.STALE,) * 2)
    again = Store(store.folder).create(experiment)
    assert again.counts().stored == 1
    assert new.exists() and not old.exists()


def test_a_folder_whose_maker_died_before_the_manifest_was_whole_is_a_new_one(experiment, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / ".manifest.json.01234567.partial").write_text("{")
    assert Store(tmp_path / "s").create(experiment).counts().stored == 0


def test_what_is_no_store_is_one_error(tmp_path):
    with pytest.raises(ResultsError, match="no such folder"):
        Store(tmp_path / "nothing").runs()
    with pytest.raises(ResultsError, match="holds no experiment"):
        Store(tmp_path).runs()
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ResultsError, match=r"manifest\.json: cannot be read"):
        Store(tmp_path).runs()


def test_an_unknown_run_is_one_error(store):
    with pytest.raises(ResultsError, match="no such run of this experiment"):
        store.point_of("0123456789abcdef-3-00000")
    point, replicate = store.point_of(store.run(2, 5))
    assert (point.number, replicate) == (2, 5)
