"""What a run of France hands over: groups, communes, effects, the folder, the command."""

import json

import numpy as np
import pandas as pd
import pytest

import cosim
from cosim import country, engine, executors, national
from cosim.cli import main
from cosim.errors import CosimError
from cosim.indicators import INDICATORS
from cosim.scenario import Scenario, load

#: Two neighbours of Lozère, and a sample, so that a run takes a tenth of a second.
CODES = ("200006930", "200069268")


def lozere(**changes):
    base = {"time.start": "2010-01", "time.end": "2011-06", "territory.sample": 0.3}
    return load("reference-2010").with_(**{**base, **changes})


@pytest.fixture(scope="module")
def places():
    return country.choose(departements=["48"])


@pytest.fixture(scope="module")
def one(places):
    return country.simulate(national.plan(lozere(), places), seed=3)


def test_groups_count_and_weigh_what_territories_do(one):
    names, values = one.groups["all"]
    assert names == ["all"]
    alliances, actors = one.array("alliances"), one.array("actors")
    place = country.COLUMNS.index
    whole = values[0]
    assert np.allclose(whole[:, place(("alliances", ""))], alliances.sum(axis=0))
    engaged = (one.array("engaged") * actors).sum(axis=0) / actors.sum(axis=0)
    assert np.allclose(whole[:, place(("engaged", ""))], engaged)
    local = (one.array("local") * alliances).sum(axis=0) / alliances.sum(axis=0)
    assert np.allclose(whole[:, place(("local", ""))], local)
    for by, (groups, parts) in one.groups.items():
        counts = [k for k, (name, _) in enumerate(country.COLUMNS) if INDICATORS[name].scaled]
        assert np.allclose(parts[:, :, counts].sum(axis=0), whole[:, counts]), by
        assert len(set(groups)) == len(groups)


def test_no_column_of_a_run_of_france_needs_a_pass_over_contacts():
    assert engine.passes(country.COLUMNS) == 0
    assert len(set(country.COLUMNS)) == len(country.COLUMNS)


def test_the_communes_add_up_to_their_territories(one):
    table = one.commune_table().groupby("territory")[["actors", "engaged", "elus"]].sum()
    shares = one.nation.scenario.territory.sample
    codes = [place.code for place in one.nation.places]
    assert np.allclose(table.loc[codes, "actors"], one.array("actors")[:, -1] * shares)
    assert np.allclose(table.loc[codes, "elus"], one.array("actors", "elu")[:, -1] * shares)
    share = table.engaged / table.actors
    assert np.allclose(share.loc[codes], one.array("engaged")[:, -1])


def test_the_tables_say_where_each_territory_is(one):
    table = country.describe(one.nation)
    assert list(table.territory) == [place.code for place in one.nation.places]
    assert set(table.region_name) <= {"Occitanie", "Auvergne-Rhône-Alpes"}
    assert (table.neighbours < len(table)).all() and table.neighbours.max() > 2
    series = one.series()
    assert len(series) == one.values.size
    row = series[(series.territory == table.territory[1]) & (series.indicator == "alliances")
                 & (series.group == "") & (series.month == "2011-06-01")]  # fmt: skip
    assert row.value.item() == one.array("alliances")[1, -1]


def test_a_stylised_country_has_no_region():
    from cosim.territory import synthetic

    scenario = Scenario(time={"start": "2010-01", "end": "2010-06"})
    nation = national.plan(scenario, [synthetic(2, 3000, number=k) for k in (1, 2)])
    made = country.simulate(nation)
    assert country.describe(nation).region.isna().all()
    assert made.groups["region"][0] == [""]
    assert made.groups["type"][0] == ["synthetic"]


# -- effects ------------------------------------------------------------------------------


def test_a_what_if_that_changes_nothing_has_no_effect(places):
    nation = national.plan(lozere(), places[:3])
    pairs = country.Pairs()
    for n in range(2):
        pairs.add(country.simulate(nation, 1, n), country.simulate(nation, 1, n))
    table = pairs.table
    assert (table["mean"] == 0).all() and (table.low == 0).all() and (table.k_euros == 0).all()
    assert table.per_100k.isna().all()


@pytest.mark.parametrize("key", ["equal", "population", "need", "catalysts", "elsewhere"])
def test_the_usine_spends_what_its_key_gives_and_no_more(key):
    """Its 13 M€ over all of France; a part of France gets its part."""
    usine = {"usine.key": key, "usine.months": 12, "usine.start": "2010-02"}
    everywhere = country.choose()
    scenario = lozere(**usine)
    key_of = national.streams.key(1, 0)
    shares = national.usine_parts(national.plan(scenario, everywhere), key_of)
    assert shares.min() >= 0.0 and shares.sum() == pytest.approx(1.0)
    three = everywhere[::500]
    part = national.plan(scenario, three)
    assert np.array_equal(national.usine_parts(part, key_of), shares[::500])
    made = country.simulate(part)
    spent = made.array("spending", "usine")[:, -1]
    assert np.allclose(spent, 13_000.0 * shares[::500])


def test_the_effect_of_a_lever_is_given_by_group_and_per_100_k_euros(places):
    reference, lever = lozere(), lozere(**{"droit.strength": 1.0})
    pairs = country.Pairs()
    for n in range(3):
        pairs.add(*(country.simulate(national.plan(s, places[:3]), 2, n)
                    for s in (reference, lever)))  # fmt: skip
    table = pairs.table.set_index(["by", "group", "indicator"])
    row = table.loc[("all", "all", "alliances")]
    assert row["mean"] > 0 and row.low < row["mean"] < row.high and row.n == 3
    cost = table.loc[("all", "all", "spending")]["mean"]
    assert row.k_euros == pytest.approx(cost) and cost > 0
    assert row.per_100k == pytest.approx(100 * row["mean"] / cost)


# -- elsewhere ----------------------------------------------------------------------------


def test_a_cluster_runs_countries_to_the_bit():
    distributed = pytest.importorskip("distributed")
    nation = national.plan(lozere(), country.choose(CODES))
    here = list(country.countries(nation, range(2), seed=4, workers=1))
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        executors.connect(cluster.scheduler_address) as executor,
    ):
        there = list(country.countries(nation, range(2), seed=4, executor=executor))
    for a, b in zip(here, there, strict=True):
        assert a.values.tobytes() == b.values.tobytes()
        assert np.array_equal(a.posts, b.posts)
        assert all(np.array_equal(a.communes[name], b.communes[name]) for name in a.communes)


# -- the command --------------------------------------------------------------------------


def run(*arguments):
    return main(["france", *arguments])


def test_the_command_writes_a_page_and_tables(tmp_path, capsys):
    out = tmp_path / "part"
    arguments = ("--territories", ",".join(CODES), "--from", "2010-01", "--to", "2010-12",
                 "--sample", "0.3", "--usine", "population", "--replicates", "2")  # fmt: skip
    assert run(*arguments, "--out", str(out)) == 0
    said = capsys.readouterr().out
    assert "Occitanie" in said
    files = {path.name for path in out.iterdir()}
    assert {"france.html", "indicators.parquet", "groups.parquet", "communes.parquet",
            "territories.parquet", "effect.csv", "manifest.json", "scenario.toml",
            "reference"} <= files  # fmt: skip
    table = pd.read_parquet(out / "indicators.parquet")
    assert list(table) == ["replicate", "month", "indicator", "group", "value", "territory"]
    assert set(table.territory) == set(CODES) and set(table.replicate) == {0, 1}
    assert table.month.nunique() == 12
    reference = pd.read_parquet(out / "reference" / "indicators.parquet")
    effect = pd.read_csv(out / "effect.csv")

    def last(rows):
        chosen = rows[(rows.indicator == "alliances") & (rows.group == "")]
        return chosen[chosen.month == chosen.month.max()].groupby("replicate").value.sum()

    row = effect[(effect.by == "all") & (effect.indicator == "alliances")]
    assert row["mean"].item() == pytest.approx((last(table) - last(reference)).mean())
    page = (out / "france.html").read_text("utf-8")
    assert "https://" not in page.replace("https://www.w3.org", "")
    assert json.loads((out / "manifest.json").read_text())["territories"] == 2
    # The folder says how to make it again, and that gives the same numbers.
    again = tmp_path / "again"
    assert run(str(out / "scenario.toml"), "--territories", ",".join(CODES), "-n", "2",
               "--seed", "1", "--out", str(again)) == 0  # fmt: skip
    assert pd.read_parquet(again / "indicators.parquet").value.equals(table.value)


def test_the_command_says_the_same_in_json(capsys):
    assert run("--territories", CODES[0], "--to", "2010-06", "--sample", "0.3", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["territories"] == 1 and said["month"] == "2010-06"
    whole = next(row for row in said["groups"] if row["by"] == "all")
    assert 0 < whole["engaged"] < 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--departement", "2C"), "2A"),
        (("--departement", "99"), "département"),
        (("--territories", "20006930"), "territory"),
        (("--usine", "populaton"), "population"),
        (("--usine", "need", "--against", "reference-2010"), "--against"),
        (("--against", "reference-2100"), "reference-2"),
        (("--to", "2009-12"), "end"),
        (("--from", "2010-13"), "2010-13"),
        (("--sample", "2"), "--sample"),
        (("--lang", "de"), "--lang"),
        (("no-such-scenario",), "no-such-scenario"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(arguments, words, tmp_path, capsys):
    assert run(*arguments, "--out", str(tmp_path / "out")) == 2
    said = capsys.readouterr()
    assert words in said.err and len(said.err.strip().splitlines()) == 1 and not said.out
    assert list(tmp_path.iterdir()) == []


def test_where_catalysts_are_is_known_in_a_run_of_france_only(capsys, tmp_path):
    file = tmp_path / "usine.toml"
    file.write_text('extends = "reference-2020"\n[usine]\nkey = "catalysts"\n')
    assert main(["run", str(file), "-n", "1"]) == 2
    assert "cosim france" in capsys.readouterr().err


def test_an_unknown_territory_names_the_nearest():
    with pytest.raises(CosimError, match="unknown territory"):
        country.choose(["200006931"])


# -- fewer indicators ----------------------------------------------------------------------


def test_an_ensemble_of_few_indicators_has_the_numbers_of_the_whole():
    scenario = Scenario(
        territory={"code": "synthetic"}, time={"start": "2010-01", "end": "2011-12"}
    )
    whole = cosim.ensemble(scenario, 3)
    few = cosim.ensemble(scenario, 3, indicators=["alliances", "convinced"])
    kept = sum(len(INDICATORS[name].groups) for name in ("alliances", "convinced"))
    assert few.values.shape[2] == kept and set(few.series.indicator) == {"alliances", "convinced"}
    for name, group in few.columns:
        assert few.array(name, group).tobytes() == whole.array(name, group).tobytes()
    with pytest.raises(CosimError, match="not asked for"):
        few.array("degree")
    with pytest.raises(CosimError, match="unknown indicator"):
        cosim.ensemble(scenario, 3, indicators=["alliance"])
    with pytest.raises(CosimError, match="every indicator"):
        few.save("nowhere")
    lever = scenario.with_(**{"droit.strength": 1.0})
    effect = cosim.Effect(few, cosim.ensemble(lever, 3, indicators=["alliances", "convinced"]))
    assert set(effect.table.indicator) == {"alliances", "convinced"}
    *_, last = cosim.growing(scenario, 3, indicators=["alliances"])
    assert last.array("alliances").tobytes() == whole.array("alliances").tobytes()


@pytest.mark.parametrize("name", ["degree", "trust_across", "place_ties", "clustering", "force"])
def test_what_needs_a_pass_over_contacts_gets_it(name):
    scenario = Scenario(
        territory={"code": "synthetic"}, time={"start": "2010-01", "end": "2010-12"}
    )
    whole = cosim.ensemble(scenario, 2)
    few = cosim.ensemble(scenario, 2, indicators=[name])
    for pair in few.columns:
        assert few.array(*pair).tobytes() == whole.array(*pair).tobytes(), pair
