"""What a run leaves: numbers, tables that agree with them, and a folder that is whole or absent."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import BUSY, scenario, synthetic
from pandas.testing import assert_frame_equal

import cosim
from cosim import engine, tables
from cosim.errors import ResultsError
from cosim.indicators import COLUMNS
from cosim.results import run_digest, save_run

JOURNALED = ("actors", "alliances", "memberships", "actions", "dyads")


@pytest.fixture(scope="module")
def results(lively):
    return cosim.run(lively, seed=7)


@pytest.fixture(scope="module")
def folder(lively, tmp_path_factory):
    """Three replicates with their journal, written by one worker."""
    path = tmp_path_factory.mktemp("results") / "one"
    save_run(lively, path, replicates=3, seed=7, workers=1, journal=True)
    return path


# -- one replicate ----------------------------------------------------------------------------


def test_a_run_gives_the_numbers_of_the_ensemble(lively, results):
    ensemble = cosim.ensemble(lively, replicates=2, seed=7, workers=2)
    assert np.array_equal(results.values, ensemble.values[0])
    assert not np.array_equal(ensemble.values[0], ensemble.values[1])


def test_every_table_has_the_columns_that_are_documented(results):
    for name in JOURNALED:
        assert list(getattr(results, name).columns) == list(tables.SCHEMAS[name]), name
        assert set(getattr(results, name).territory) == {"S1"}, name
        assert len(getattr(results, name)) > 0, name


def test_the_actors_are_those_that_the_indicators_count(results):
    counts = results.actors.kind.value_counts()
    for kind in ("elu", "association", "company", "academic", "catalyseur"):
        assert counts.get(kind, 0) == results.array("actors", kind)[-1], kind
    people = results.actors[results.actors.kind != "catalyseur"]
    assert people.commitment.mean() == pytest.approx(results.array("commitment")[-1])
    assert people.maturity.mean() == pytest.approx(results.array("maturity")[-1])
    assert people.acquaintances.mean() == pytest.approx(results.array("degree")[-1])
    assert results.actors.actor.is_unique


def test_the_alliances_are_those_that_the_indicators_count(results):
    living = results.alliances[results.alliances.ended.isna()]
    assert len(living) == results.array("alliances")[-1]
    for name, count in living.type.value_counts().items():
        assert count == results.array("alliances", name)[-1], name
    born = results.alliances[results.alliances.origin != "seeded"]
    by_month = born.groupby("born").size().reindex(results.months, fill_value=0)
    assert np.array_equal(by_month, results.array("births"))
    ended = results.alliances.groupby(["ended", "end_cause"]).size()
    for cause in ("completed", "failed", "faded"):
        months = ended[ended.index.get_level_values("end_cause") == cause].droplevel("end_cause")
        by_month = months.reindex(results.months, fill_value=0)
        assert np.array_equal(by_month, results.array("endings", cause)), cause
    assert (living.end_cause == "").all()


def test_alliances_there_at_the_start_were_born_before_it(results):
    seeded = results.alliances.origin == "seeded"
    assert seeded.any()
    assert (results.alliances.born[seeded] < "2010-01-01").all()
    assert (results.alliances.born[~seeded] >= "2010-01-01").all()


def test_those_who_have_not_left_are_those_who_carry_an_alliance(results):
    still = results.memberships[results.memberships.left.isna()]
    carried = results.actors[results.actors.load > 0].set_index("actor").load
    assert still.groupby("actor").size().sort_index().to_dict() == carried.to_dict()
    ended = results.alliances[results.alliances.ended.notna()].alliance
    assert not still.alliance.isin(ended).any()


def test_nobody_leaves_before_joining_and_the_dead_sit_nowhere(results):
    gone = results.memberships.dropna(subset="left")
    assert len(gone) > 0
    assert (gone.left >= gone.joined).all()
    whole = results.memberships.merge(results.alliances, on="alliance")
    assert len(whole) == len(results.memberships)
    assert (whole.joined >= whole.born).all()
    after = whole.ended.notna() & (whole.left > whole.ended)
    assert not after.any()


def test_what_the_catalysts_cost_is_what_is_spent(results):
    assert set(results.actions.metier) == {
        "dialogue", "experimentation", "accompagnement", "lieu"
    }  # fmt: skip
    by_month = results.actions.groupby("month").k_euros.sum().reindex(results.months, fill_value=0)
    assert np.allclose(by_month.cumsum(), results.array("spending"))
    assert results.actions.month.min() == pd.Timestamp("2010-07-01")


def test_a_sample_spends_what_the_whole_territory_spends():
    half = scenario(months=3, place=synthetic(population=5000, sample=0.5), catalysis={"fte": 2})
    results = cosim.run(half)
    assert results.actions.k_euros.sum() == pytest.approx(results.array("spending")[-1])


def test_dyads_are_the_acquaintances_of_each_december(lively, results):
    assert results.dyads.month.unique().astype(str).tolist() == ["2010-12-01", "2011-12-01"]
    run = engine.Run(engine.plan(lively), seed=7)
    while not run.done:
        run.step()
    actors, ties = run.state.actors, run.state.ties
    row = {int(actors.id[i]): i for i in range(len(actors)) if actors.alive[i]}
    slots = {i: actors.first[i] + np.arange(actors.contacts[i]) for i in row.values()}
    contacts = {i: {int(ties.other[s]): s for s in mine} for i, mine in slots.items()}
    last = results.dyads[results.dyads.month == results.months[-1]]
    assert len(last) == min(tables.MAX_DYADS, sum(map(len, contacts.values())))
    assert not last.duplicated(["actor", "other"]).any()
    for dyad in last.itertuples():
        i, j = row[dyad.actor], row[dyad.other]
        slot = contacts[i][j]
        assert dyad.trust == ties.trust[slot]
        assert dyad.met == pd.Timestamp(lively.month_label(int(ties.met[slot])) + "-01")
        assert dyad.common_contacts == len(contacts[i].keys() & contacts[j].keys())


def test_a_large_sample_of_dyads_keeps_both_directions(lively, monkeypatch):
    monkeypatch.setattr(tables, "MAX_DYADS", 40)
    dyads = cosim.run(lively.with_(time={"end": "2010-03"}), seed=7).dyads
    assert len(dyads) == 40
    pairs = set(zip(dyads.actor, dyads.other, strict=True))
    assert pairs == {(b, a) for a, b in pairs}


def test_dates_are_months_at_any_number_of_steps():
    results = cosim.run(
        scenario(months=4, time={"substeps": 2}, catalysis={"fte": 1}, parameters=BUSY)
    )
    months = set(results.months)
    assert set(results.actions.month) == months
    born = results.alliances[results.alliances.origin != "seeded"].born
    assert len(born) and set(born) <= months
    assert results.array("births").sum() == len(born)


# -- ensembles --------------------------------------------------------------------------------


def test_quantiles_are_those_of_the_replicates(lively):
    ensemble = cosim.ensemble(lively, replicates=5, seed=7)
    table = ensemble.quantiles((0.05, 0.5))
    rows = table[(table.indicator == "alliances") & (table.group == "")]
    assert np.allclose(rows.q50, np.median(ensemble.array("alliances"), axis=0))
    assert np.allclose(rows.q05, np.quantile(ensemble.array("alliances"), 0.05, axis=0))
    with pytest.raises(ResultsError, match="quantile"):
        ensemble.quantiles((5, 95))


def test_the_series_has_one_row_per_number(results):
    series = results.series
    assert len(series) == 24 * len(COLUMNS)
    rows = series[(series.indicator == "engaged") & (series.group == "elu")]
    assert np.array_equal(rows.value, results.array("engaged", "elu"))
    assert rows.month.tolist() == results.months.tolist()
    assert_frame_equal(
        results.final.value.to_frame(), series.tail(len(COLUMNS)).reset_index()[["value"]]
    )


def test_more_replicates_continue_the_earlier_ones(lively):
    both = cosim.ensemble(lively, replicates=3, seed=7)
    later = cosim.ensemble(lively, replicates=1, seed=7, start=2)
    assert np.array_equal(both.values[2], later.values[0])
    assert later.series.replicate.unique().tolist() == [2]


def test_progress_counts_up_to_the_last_replicate(lively):
    seen = []
    cosim.ensemble(lively, replicates=4, progress=seen.append, workers=2)
    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize("wrong", [{"replicates": 0}, {"seed": -1}, {"start": -1}])
def test_numbers_out_of_range_are_refused(lively, wrong):
    with pytest.raises(ResultsError, match="out of range"):
        cosim.ensemble(lively, **wrong)


def test_an_unknown_indicator_names_the_nearest(results):
    with pytest.raises(ResultsError, match="'alliances'"):
        results.array("alliance")


# -- folder -----------------------------------------------------------------------------------


def test_a_folder_gives_back_what_was_simulated(lively, folder, results):
    loaded = cosim.load_results(folder)
    assert loaded.scenario == lively and loaded.seed == 7 and loaded.n == 3
    assert np.array_equal(loaded.values[0], results.values)
    for name in JOURNALED:
        mine = loaded.table(name)
        mine = mine[mine.replicate == 0].reset_index(drop=True)
        assert_frame_equal(mine, getattr(results, name))


def test_tables_do_not_depend_on_the_number_of_workers(lively, folder, tmp_path):
    save_run(lively, tmp_path / "two", replicates=3, seed=7, workers=2, journal=True)
    for path in sorted(folder.glob("*.parquet")):
        assert_frame_equal(pd.read_parquet(path), pd.read_parquet(tmp_path / "two" / path.name))


def test_an_ensemble_saved_with_its_journal_is_the_same_folder(lively, folder, tmp_path):
    cosim.ensemble(lively, replicates=3, seed=7).save(tmp_path / "again", journal=True)
    for path in sorted(folder.glob("*.parquet")):
        assert_frame_equal(pd.read_parquet(path), pd.read_parquet(tmp_path / "again" / path.name))


def test_one_replicate_saved_is_an_ensemble_of_one(results, tmp_path):
    results.save(tmp_path / "one")
    loaded = cosim.load_results(tmp_path / "one")
    assert np.array_equal(loaded.values[0], results.values)
    assert_frame_equal(loaded.table("memberships"), results.memberships)


def test_the_manifest_says_how_to_do_it_again(lively, folder):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["digest"] == lively.digest
    assert manifest["run_digest"] == run_digest(lively)
    assert manifest["scenario"] == lively.resolved()
    assert (manifest["root_seed"], manifest["replicates"], manifest["sample"]) == (7, 3, 1.0)
    assert manifest["cosim"] == cosim.__version__
    assert set(manifest["versions"]) == {"cosim", "python", "numpy", "numba", "pandas", "pyarrow"}
    assert manifest["created"].endswith("+00:00")


def test_a_folder_without_journal_has_no_other_table(lively, tmp_path):
    cosim.ensemble(lively, replicates=2).save(tmp_path / "plain")
    assert {p.name for p in (tmp_path / "plain").iterdir()} == {
        "indicators.parquet", "manifest.json"
    }  # fmt: skip
    with pytest.raises(ResultsError, match="no journal was kept"):
        cosim.load_results(tmp_path / "plain").table("actors")
    with pytest.raises(ResultsError, match="'alliances'"):
        cosim.load_results(tmp_path / "plain").table("aliances")


def test_a_folder_of_somebody_else_is_never_overwritten(results, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(ResultsError, match="holds no cosim results"):
        results.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(ResultsError, match="a file has this name"):
        results.save(tmp_path / "thesis.tex")


def test_writing_again_replaces_the_tables_and_keeps_other_files(lively, results, tmp_path):
    out = tmp_path / "out"
    results.save(out)
    (out / "report.html").write_text("kept", encoding="utf-8")
    cosim.ensemble(lively, replicates=2, seed=9).save(out)
    assert {p.name for p in out.iterdir()} == {
        "indicators.parquet", "manifest.json", "report.html"
    }  # fmt: skip
    assert cosim.load_results(out).seed == 9
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_run_that_fails_leaves_nothing_behind(lively, tmp_path, monkeypatch):
    def broken(ready, seed, number):
        if number == 2:
            raise MemoryError("no more room")
        return record(ready, seed, number)

    record = tables.record
    monkeypatch.setattr(tables, "record", broken)
    with pytest.raises(MemoryError):
        save_run(lively, tmp_path / "out", replicates=4, workers=2, journal=True)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_folder_of_results_is_refused(folder, tmp_path):
    with pytest.raises(ResultsError, match="not a folder of cosim results"):
        cosim.load_results(tmp_path)
    (tmp_path / "manifest.json").write_bytes((folder / "manifest.json").read_bytes())
    with pytest.raises(ResultsError, match="missing"):
        cosim.load_results(tmp_path)
    table = pd.read_parquet(folder / "indicators.parquet")
    table.iloc[1:].to_parquet(tmp_path / "indicators.parquet")
    with pytest.raises(ResultsError, match="other indicators"):
        cosim.load_results(tmp_path)


def test_the_run_digest_follows_the_sources_of_modules(tmp_path):
    (tmp_path / "rule.py").write_text("# one", encoding="utf-8")
    (tmp_path / "s.toml").write_text('[model]\nmodules = ["rule.py"]\n', encoding="utf-8")
    before = run_digest(cosim.load(tmp_path / "s.toml"))
    (tmp_path / "rule.py").write_text("# two", encoding="utf-8")
    assert run_digest(cosim.load(tmp_path / "s.toml")) != before


# -- survival ---------------------------------------------------------------------------------


def _alliances(*rows):
    table = pd.DataFrame(rows, columns=["born", "ended", "type", "origin"])
    return table.assign(born=pd.to_datetime(table.born), ended=pd.to_datetime(table.ended))


def test_survival_counts_the_living_until_the_last_month():
    pytest.importorskip("lifelines")
    table = _alliances(
        ("2010-01", "2010-03", "mecenat", "encounter"),
        ("2010-01", None, "mecenat", "place"),
        ("2010-04", "2010-06", "innovation", "encounter"),
        ("2010-01", "2010-05", "innovation", "encounter"),
        ("2005-01", "2010-02", "mecenat", "seeded"),
    )
    curve = cosim.survival(table, until="2010-12-01").set_index("age").survival
    assert curve[0] == 1 and curve[2] == pytest.approx(0.5) and curve[4] == pytest.approx(0.25)
    by_type = cosim.survival(table, until="2010-12-01", by="type")
    assert set(by_type.group) == {"innovation", "mecenat"}
    assert by_type[by_type.group == "mecenat"].survival.min() == pytest.approx(0.5)


def test_survival_of_no_alliance_is_an_empty_table():
    pytest.importorskip("lifelines")
    table = _alliances(("2005-01", None, "mecenat", "seeded"))
    assert cosim.survival(table).empty


# -- the package's face -----------------------------------------------------------------------


def test_the_documented_names_are_the_exported_ones():
    listed = [line.split()[0] for line in cosim.__doc__.splitlines() if line.startswith("    ")]
    assert sorted(listed) == sorted(cosim.__all__)
    for name in cosim.__all__:
        assert callable(getattr(cosim, name)) or name == "kernel"
        assert name in dir(cosim)
    with pytest.raises(AttributeError, match="nothing"):
        cosim.nothing  # noqa: B018


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert cosim.__version__ == version("cosim")


def test_a_submodule_never_hides_a_public_name():
    code = (
        "import cosim.scenario, cosim.results, cosim.effects, cosim.territory, cosim\n"
        "assert cosim.load is cosim.scenario.load and cosim.run is cosim.results.run\n"
        "assert cosim.load_results is cosim.results.load\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
