"""The study of France: its page quotes kept tables; a small run is held to the numbers it had.

The numbers of the small run change only on purpose. To write them anew:

    .venv/bin/python tests/test_study.py --write
"""

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from cosim import country, national, study
from cosim.cli import main
from cosim.errors import CosimError, ResultsError
from cosim.scenario import load

DOCS = Path(__file__).parents[1] / "docs"
FILE = Path(__file__).with_name("national_numbers.json")
QUOTED = ("convinced/elu", "engaged", "alliances", "actors", "able", "births", "visible")


def numbers():
    """Lozère at three actors in ten, two years, with the usine shared equally."""
    scenario = load("reference-2010").with_(
        **{"time.end": "2011-12", "territory.sample": 0.3, "usine.key": "equal"}
    )
    nation = national.plan(scenario, country.choose(departements=["48"]))
    names, values = country.simulate(nation, seed=7).groups["size"]
    places = {"/".join(pair).rstrip("/"): k for k, pair in enumerate(country.COLUMNS)}
    return {
        name: {pair: round(float(row[-1, places[pair]]), 10) for pair in QUOTED}
        for name, row in zip(names, values, strict=True)
    }


def test_a_small_run_of_france_has_the_numbers_that_it_had():
    kept = json.loads(FILE.read_text("utf-8"))
    found = numbers()
    assert set(found) == set(kept)
    for name, row in kept.items():
        assert found[name] == pytest.approx(row, rel=1e-9, abs=1e-9), name


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A run and a what-if by each key, of two small territories."""
    root = tmp_path_factory.mktemp("study")
    part = ["--territories", "200006930,200069268", "--to", "2013-01", "--sample", "0.2"]
    assert main(["france", *part, "--out", str(root / "france")]) == 0
    assert main(["france", *part, "--usine", "all", "-n", "2", "--out", str(root / "usine")]) == 0
    return root


def test_the_page_is_made_of_the_tables_of_two_runs(folders, tmp_path):
    (tmp_path / "pictures").mkdir()
    shutil.copyfile(DOCS / study.PAGE, tmp_path / study.PAGE)
    written = study.collect(folders / "france", folders / "usine", tmp_path)
    assert all(path.stat().st_size > 0 for path in written)
    text = study.page(tmp_path)
    groups = pd.read_parquet(folders / "france" / "groups.parquet")
    end = groups[(groups.by == "all") & (groups.month == "2013-01-01")].set_index("indicator").value
    assert f"{100 * end['engaged']:.1f} %" in text
    effect = pd.read_csv(folders / "usine" / "effect.csv")
    assert set(effect.key) == {"equal", "population", "need", "catalysts", "elsewhere"}
    for key in set(effect.key):
        assert f"| {key} |" in text
    runs = json.loads((tmp_path / study.TABLES / "runs.json").read_text("utf-8"))
    assert runs["usine"]["replicates"] == 2 and runs["france"]["digest"] in text


def test_the_single_territory_of_the_page_is_that_of_the_scenario(monkeypatch):
    """The kept mean of 24 replicates is near that of 6 others."""
    kept = pd.read_csv(DOCS / study.TABLES / "single.csv").set_index(["indicator", "month"]).value
    monkeypatch.setattr(study, "SINGLE", 6)
    document = load("reference-2010").with_(**{"time.end": "2016-01"}).resolved()
    found = study._single(document).set_index(["indicator", "month"]).value
    for pair in ("engaged", "convinced/elu", "able/elu"):
        for month in ("2010-01", "2016-01"):
            assert found[pair, month] == pytest.approx(kept[pair, month], abs=0.03), (pair, month)


def test_what_is_no_run_of_france_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="not a folder of `cosim france`"):
        study.collect(tmp_path, tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []
    shutil.copytree(DOCS / study.TABLES, tmp_path / study.TABLES)
    (tmp_path / study.PAGE).write_text("nothing", "utf-8")
    with pytest.raises(CosimError, match="no place for a table"):
        study.page(tmp_path)


if __name__ == "__main__" and "--write" in sys.argv:
    FILE.write_text(json.dumps(numbers(), indent=1) + "\n", "utf-8")
