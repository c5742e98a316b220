"""The command line: what it prints, what it refuses, what it leaves behind."""

import json
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import pandas as pd
import pytest

import cosim
from cosim.cli import main

ROOT = Path(__file__).parent.parent
HEAVY = {"pandas", "numba", "mesa", "matplotlib", "solara", "scipy", "pyarrow"}
TINY = """
title = "Petit"
[time]
start = "2010-01"
end = "2011-06"
[territory]
code = "synthetic"
synthetic = { communes = 2, population = 1500 }
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Two small scenarios in the current folder, which is otherwise empty."""
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(TINY)
    Path("b.toml").write_text('title = "Avec"\nextends = "a.toml"\n[catalysis]\nfte = 2\n')
    return tmp_path


@pytest.fixture
def report(monkeypatch):
    """A report that costs nothing."""

    def write(effect, folder, results, results_reference):
        assert results.scenario == effect.scenario.scenario
        assert results_reference.scenario == effect.reference.scenario
        path = Path(folder) / "report.html"
        path.write_text(effect.sentence())
        return path

    module = types.SimpleNamespace(write=write)
    monkeypatch.setitem(sys.modules, "cosim.report", module)
    monkeypatch.setattr(cosim, "report", module, raising=False)
    return module


def cli(capsys, *arguments, code=0):
    """Run a command line; return what it printed on standard output."""
    capsys.readouterr()
    assert main([str(a) for a in arguments]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out


def as_json(capsys, *arguments):
    return json.loads(cli(capsys, *arguments, "--json"))


def names(folder="."):
    return sorted(path.name for path in Path(folder).iterdir())


# -- start --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["import cosim", "import cosim.cli as c; c.main(['--help'])"])
def test_help_and_import_load_nothing_heavy(code):
    code += f"; import sys; sys.exit(','.join({HEAVY!r} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [[], ["--help"], ["territory"], ["scenario"], ["run", "--help"]])
def test_help_is_printed_and_is_no_error(capsys, words):
    assert "Usage" in cli(capsys, *words)


def test_the_version_is_that_of_the_package(capsys):
    assert cli(capsys, "--version").strip() == cosim.__version__


def test_every_command_and_option_explains_itself_in_french_then_english(capsys):
    from typer.main import get_command

    import cosim.cli.reading
    import cosim.cli.running  # noqa: F401
    from cosim.cli import app

    def walk(command, name):
        assert command.help and " / " in command.help, name
        for sub in getattr(command, "commands", {}).items():
            walk(sub[1], f"{name} {sub[0]}")

    walk(get_command(app), "cosim")


# -- what is refused ----------------------------------------------------------------------

NONSENSE = [
    "bogus",
    "--nope",
    "run",
    "run nowhere.toml",
    "run a.toml --replicates 0",
    "run a.toml --replicates many",
    "run a.toml --replicates 1e3",
    "run a.toml --seed -1",
    "run a.toml --seed 4294967296",
    "run a.toml --workers 0",
    "run a.toml --journal",
    "run a.toml b.toml",
    "run broken.toml",
    "run unknown.toml",
    "run .",
    "run a.toml -n 1 --out a.toml",
    "run a.toml -n 1 --out foreign",
    "compare a.toml",
    "compare a.toml reference-2010",
    "compare a.toml b.toml --indicator alliance",
    "compare a.toml b.toml --indicator alliances:nobody",
    "compare a.toml b.toml --out foreign",
    "compare a.toml b.toml --out a.toml",
    "compare a.toml b.toml --out /proc/nothing/here",
    "demo --replicates 0",
    "demo --sample 0",
    "demo --sample nan",
    "demo --out foreign",
    "demo --out \udcff",
    "run a.toml -n 1 --out \udcff",
    "schedule nowhere",
    "territory show 99999",
    "territory show -",
    "territory search zzzzqq",
    "territory bogus",
    "scenario check broken.toml",
    "scenario check binary.toml",
    "scenario show /",
    "scenario diff a.toml",
    "scenario new Essai --out a.toml",
    "scenario new Essai --out no/such/folder.toml",
    "parameters --mechanism cataliss",
    "facts --status true",
    "docs --folder nowhere",
    "dashboard --port 0",
    "dashboard --port 65536",
]


@pytest.mark.parametrize("line", NONSENSE)
def test_nonsense_exits_2_with_one_message_and_writes_nothing(tiny, capsys, line):
    Path("broken.toml").write_text("title = ")
    Path("unknown.toml").write_text("[catalyse]\nfte = 1\n")
    Path("binary.toml").write_bytes(b"\xff\xfe\x00")
    Path("foreign").mkdir()
    Path("foreign/letter.txt").write_text("mine")
    before = {path: path.read_bytes() for path in tiny.rglob("*") if path.is_file()}
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("cosim: ") and err.count("\n") == 1, err
    assert {path: path.read_bytes() for path in tiny.rglob("*") if path.is_file()} == before


def test_a_mistyped_name_is_answered_by_the_nearest(tiny, capsys):
    Path("unknown.toml").write_text("[catalyse]\nfte = 1\n")
    assert main(["run", "unknown.toml"]) == 2
    assert "did you mean 'catalysis'" in capsys.readouterr().err


def test_a_run_that_fails_exits_1_and_says_why_in_one_line(tiny, capsys, monkeypatch):
    monkeypatch.delenv("COSIM_DEBUG", raising=False)

    def broken(*_, **__):
        raise ZeroDivisionError("a rule\nof somebody")

    monkeypatch.setattr("cosim.results.ensemble", broken)
    assert main(["run", "a.toml"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "ZeroDivisionError: a rule of somebody" in err.splitlines()[-1]


def test_an_interruption_exits_130_and_leaves_nothing(tiny, capsys, monkeypatch, report):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("cosim.effects.compare", interrupted)
    before = names()
    assert main(["compare", "a.toml", "b.toml", "--out", "made"]) == 130
    assert names() == before


def test_a_reader_that_leaves_early_is_no_error():
    code = "import sys; from cosim.cli import main; sys.exit(main(['parameters', '--json']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


# -- run and compare ----------------------------------------------------------------------


def test_run_prints_a_table_and_its_json_says_the_same(tiny, capsys):
    text = cli(capsys, "run", "a.toml", "-n", 3)
    made = as_json(capsys, "run", "a.toml", "-n", 3, "--workers", 1)
    row = next(r for r in made["indicators"] if (r["indicator"], r["group"]) == ("alliances", ""))
    assert row["q05"] <= row["q50"] <= row["q95"]
    line = next(line for line in text.splitlines() if "Alliances actives" in line)
    assert f"{row['q50']:.3g}".replace(".", ",") in line
    assert made["seed"] == 1 and made["month"] == "2011-06" and made["out"] is None
    assert names() == ["a.toml", "b.toml"]


def test_run_writes_the_folder_whatever_the_threads_and_may_write_it_again(tiny, capsys):
    for workers in (1, 2):
        cli(capsys, "run", "a.toml", "-n", 3, "--out", f"w{workers}", "--journal",
            "--workers", workers)  # fmt: skip
    assert {"manifest.json", "indicators.parquet", "alliances.parquet"} <= set(names("w1"))
    for path in Path("w1").glob("*.parquet"):
        pd.testing.assert_frame_equal(pd.read_parquet(path), pd.read_parquet(f"w2/{path.name}"))
    cli(capsys, "run", "a.toml", "-n", 2, "--out", "w1")
    assert json.loads(Path("w1/manifest.json").read_text())["replicates"] == 2
    assert "alliances.parquet" not in names("w1")


def test_the_seed_of_the_scenario_is_used_unless_another_is_given(tiny, capsys):
    Path("c.toml").write_text('extends = "a.toml"\nseed = 7\n')
    own = as_json(capsys, "run", "c.toml", "-n", 1)
    given = as_json(capsys, "run", "a.toml", "-n", 1, "--seed", 7)
    other = as_json(capsys, "run", "a.toml", "-n", 1)
    assert own["indicators"] == given["indicators"] != other["indicators"]


def test_compare_says_what_changes_and_by_how_much(tiny, capsys):
    text = cli(capsys, "compare", "a.toml", "b.toml", "-n", 3)
    made = as_json(capsys, "compare", "a.toml", "b.toml", "-n", 3)
    assert "2 ETP" in text and made["difference"] in text
    assert made["sentences"][0]["fr"] in text
    assert {"indicator", "group", "difference", "low", "high"} <= set(made["table"][0])
    spent = [r for r in made["table"] if r["indicator"] == "spending" and not r["group"]]
    assert spent[-1]["difference"] > 0


def test_compare_follows_the_indicators_that_are_asked_for(tiny, capsys):
    made = as_json(capsys, "compare", "a.toml", "b.toml", "-n", 2,
                   "--indicator", "engaged:elu", "--indicator", "degree")  # fmt: skip
    assert [(s["indicator"], s["group"]) for s in made["sentences"]] == [
        ("engaged", "elu"), ("degree", ""),
    ]  # fmt: skip
    text = cli(capsys, "compare", "a.toml", "b.toml", "-n", 2, "--indicator", "engaged:elu")
    assert "2010-12" in text and "Alliances actives" not in text


def test_compare_writes_its_folder_and_replaces_only_what_it_wrote(tiny, capsys, report):
    line = ("compare", "a.toml", "b.toml", "-n", 2, "--out", "made")
    cli(capsys, *line)
    assert names("made") == ["effect.csv", "manifest.json", "reference", "report.html", "scenario"]
    assert cosim.load_results("made/scenario").n == 2
    Path("made/notes.txt").write_text("mine")
    cli(capsys, *line)
    assert Path("made/notes.txt").read_text() == "mine"
    assert names() == ["a.toml", "b.toml", "made"]


def test_a_report_that_fails_leaves_the_earlier_folder_as_it_was(tiny, capsys, report):
    line = ["compare", "a.toml", "b.toml", "-n", "2", "--out", "made"]
    cli(capsys, *line)
    before = {p: p.read_bytes() for p in Path("made").rglob("*") if p.is_file()}
    report.write = lambda *_, **__: 1 / 0
    assert main(line) == 1
    assert {p: p.read_bytes() for p in Path("made").rglob("*") if p.is_file()} == before
    assert names() == ["a.toml", "b.toml", "made"]


def test_the_demo_says_a_sentence_and_leaves_a_report(tiny, capsys):
    pytest.importorskip("cosim.report")
    text = cli(capsys, "demo", "--replicates", 2, "--sample", 0.02, "--out", "made")
    assert "Paris Est Marne et Bois" in text and "2 % des acteurs" in text
    path = Path(text.splitlines()[-1].rpartition(" : ")[2])
    assert path.is_relative_to("made") and "<html" in path.read_text().lower()


def test_schedule_prints_the_rules_of_the_scenario(tiny, capsys):
    Path("c.toml").write_text('extends = "a.toml"\n[model]\nwithout = ["recognition"]\n')
    assert [m["name"] for m in as_json(capsys, "schedule", "a.toml")][-1] == "recognition"
    assert "recognition" not in cli(capsys, "schedule", "c.toml")


def test_the_dashboard_is_served_where_it_is_asked_to_be(capsys, monkeypatch):
    asked = []
    module = types.ModuleType("cosim.dashboard.serve")
    module.serve = lambda *given: asked.append(given)
    module.leave = lambda: None
    package = types.ModuleType("cosim.dashboard")
    package.serve = module
    monkeypatch.setitem(sys.modules, "cosim.dashboard", package)
    monkeypatch.setitem(sys.modules, "cosim.dashboard.serve", module)
    cli(capsys, "dashboard")
    cli(capsys, "dashboard", "--host", "0.0.0.0", "--port", 9000, "--allow-host", "a.example",
        "--allow-host", "b.example", "--root-path", "/x", "--max-visitors", 3,
        "--log-level", "debug", "--no-warm")  # fmt: skip
    assert asked == [
        ("127.0.0.1", 8765, (), "", 200, "info", True),
        ("0.0.0.0", 9000, ["a.example", "b.example"], "/x", 3, "debug", False),
    ]


# -- territories and scenarios --------------------------------------------------------------


def test_a_territory_is_found_by_name_and_shown_with_its_actors_one_for_one(capsys):
    [hit] = as_json(capsys, "territory", "search", "paris est marne")
    assert (hit["code"], hit["n_communes"], hit["inhabitants"]) == ("200057941", 13, 517_705)
    made = as_json(capsys, "territory", "show", hit["code"])
    assert made["actors"]["elu"] == made["councillors"]
    assert sum(c["inhabitants"] for c in made["communes"]) == 517_705
    assert "Vincennes" in cli(capsys, "territory", "show", "94080")
    assert "--limit" in cli(capsys, "territory", "search", "saint", "--limit", 3)


def test_a_new_scenario_is_valid_and_starts_from_what_is_shown(tiny, capsys):
    cli(capsys, "scenario", "new", "Essai", "--out", "new.toml")
    assert "Valide" in cli(capsys, "scenario", "check", "new.toml")
    assert cli(capsys, "scenario", "new", "Essai").strip() == Path("new.toml").read_text().strip()
    Path("again.toml").write_text(cli(capsys, "scenario", "show", "b.toml"))
    assert as_json(capsys, "scenario", "diff", "b.toml", "again.toml")["changes"] == []


def test_the_difference_of_two_scenarios_is_a_sentence_and_its_keys(tiny, capsys):
    made = as_json(capsys, "scenario", "diff", "a.toml", "b.toml")
    assert {"key": "catalysis.fte", "before": 0.0, "after": 2.0} in made["changes"]
    text = cli(capsys, "scenario", "diff", "a.toml", "b.toml")
    assert made["sentence"] in text and "catalysis.fte" in text


def test_the_schema_and_the_shipped_scenarios_are_listed(capsys):
    assert json.loads(cli(capsys, "scenario", "schema"))["title"] == "cosim scenario"
    listed = {row["name"] for row in as_json(capsys, "scenario", "list")}
    assert {path.stem for path in (ROOT / "scenarios").glob("*.toml")} == listed


def test_the_wheel_brings_the_scenarios_and_the_ledgers(tmp_path, monkeypatch):
    build = pytest.importorskip("hatchling.build")
    monkeypatch.chdir(ROOT)
    with zipfile.ZipFile(tmp_path / build.build_wheel(str(tmp_path))) as wheel:
        inside = set(wheel.namelist())
    assert {
        f"cosim/scenarios/{path.name}" for path in (ROOT / "scenarios").glob("*.toml")
    } <= inside
    assert {"cosim/data/parameters.toml", "cosim/data/facts.toml"} <= inside


# -- ledgers ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["parameters", "facts", "indicators", "mechanisms"])
def test_a_ledger_prints_a_table_and_json_of_the_same_rows(capsys, name):
    rows = as_json(capsys, name)
    text = cli(capsys, name)
    assert len(rows) >= 10
    assert all(str(row["id" if name == "facts" else "name"])[:8] in text for row in rows)


def test_a_ledger_is_narrowed_by_mechanism_or_status(capsys):
    rows = as_json(capsys, "parameters", "--mechanism", "trust")
    assert {row["mechanism"] for row in rows} == {"trust"}
    rows = as_json(capsys, "facts", "--use", "target")
    assert len(rows) == 10


def test_docs_writes_pages_and_check_exits_1_when_one_lies(tmp_path, capsys):
    cli(capsys, "docs", "--folder", tmp_path, "--check", code=1)
    assert names(tmp_path) == []
    assert "parameters.md" in cli(capsys, "docs", "--folder", tmp_path)
    assert cli(capsys, "docs", "--folder", tmp_path, "--check") == ""
    (tmp_path / "facts.md").write_text("nonsense")
    assert "facts.md" in cli(capsys, "docs", "--folder", tmp_path, "--check", code=1)


# -- what-ifs -----------------------------------------------------------------------------

TWO_LEVERS = 'title = "Deux"\nextends = "b.toml"\n[prime]\namount = 5\n'


def test_compare_adds_pairs_until_they_are_enough_and_says_so(tiny, capsys):
    line = ("compare", "a.toml", "b.toml", "--half-width", "0.5", "--most", "40")
    made = as_json(capsys, *line)
    assert made["replicates"] in (20, 40) and made["stopping"]["half_width"] == 0.5
    assert made["stopping"]["met"] == (made["stopping"]["reached"] <= 0.5)
    assert made["stopping"]["fr"] in cli(capsys, *line)
    assert as_json(capsys, "compare", "a.toml", "b.toml", "-n", 2)["stopping"] is None


def test_compare_counts_simulations_and_tells_the_cost_of_an_alliance(tiny, capsys):
    made = as_json(capsys, "compare", "a.toml", "b.toml", "-n", 6)
    text = cli(capsys, "compare", "a.toml", "b.toml", "-n", 6)
    [told] = made["sentences"]
    assert "simulations sur 6" in told["frequency_fr"] and "out of 6" in told["frequency_en"]
    assert told["frequency_fr"] in text and made["cost"]["fr"] in text
    assert (made["cost"]["k_euros"] is None) == made["cost"]["en"].startswith("No cost")


def test_a_folder_of_compare_remembers_how_many_pairs_it_took(tiny, capsys, report):
    cli(capsys, "compare", "a.toml", "b.toml", "--half-width", "50", "--out", "made")
    manifest = json.loads(Path("made/manifest.json").read_text())
    assert manifest["pairs"]["replicates"] == 20 and manifest["pairs"]["stopping"]["met"]
    assert cosim.load_results("made/scenario").n == 20


def test_contributions_take_a_scenario_apart(tiny, capsys):
    Path("c.toml").write_text(TWO_LEVERS)
    line = ("contributions", "a.toml", "c.toml", "-n", 3, "--indicator", "engaged:elu")
    made = as_json(capsys, *line, "--out", "made")
    assert [lever["lever"] for lever in made["levers"]] == ["catalysis", "prime"]
    assert [row["what"] for row in made["table"]] == [
        "on top", "on top", "alone", "alone", "total", "synergy",
    ]  # fmt: skip
    assert names("made") == ["contributions-engaged-elu.png", "contributions-engaged-elu.svg",
                             "contributions.csv", "manifest.json"]  # fmt: skip
    text = cli(capsys, *line)
    assert made["sentences"][0]["fr"] in text and "synergie" in text


def test_a_branch_forks_into_options_of_every_spelling(tiny, capsys):
    line = ("branch", "a.toml", "--at", "2010-09", "-n", 3, "lieux: lieux.number=2",
            'catalysis.fte=3, catalysis.start="2010-11"', "b.toml")  # fmt: skip
    made = as_json(capsys, *line, "--out", "made")
    assert [one["name"] for one in made["options"]] == [
        "lieux", 'catalysis.fte=3, catalysis.start="2010-11"', "b",
    ]  # fmt: skip
    assert "novembre 2010" in made["options"][1]["difference"]
    spent = {row["option"]: row["difference"] for row in made["table"]
             if row["indicator"] == "spending" and not row["group"]
             and row["month"].startswith("2011-06")}  # fmt: skip
    assert spent["b"] == pytest.approx(2 * 75 / 12 * 10)  # ten months at the price of an FTE
    assert names("made") == ["branches-alliances.png", "branches-alliances.svg", "branches.csv",
                             "manifest.json"]  # fmt: skip
    text = cli(capsys, *line)
    assert made["options"][2]["sentences"][0]["fr"] in text and "septembre 2010" in text


def test_a_branch_draws_the_same_parameters_in_every_option(tiny, capsys):
    made = as_json(capsys, "branch", "a.toml", "b.toml", "--at", "2010-09", "-n", 2, "--posterior")
    assert made["options"][0]["name"] == "b"


WRONG_FORKS = [
    ("2010-09", "nowhere.toml", "no such file"),
    ("2010-09", "lieux.number=", "not an option"),
    ("2010-09", "x=1} y={", "not an option"),
    ("2010-09", "lieux.nombre=2", "did you mean 'lieux.number'"),
    ("2010-09", 'time.end="2011-01"', "read at the start"),
    ("2010-09", 'catalysis.fte=1,catalysis.start="2010-02"', "before the fork"),
    ("2010-01", "lieux.number=2", "outside the run"),
    ("autumn", "lieux.number=2", "not a month"),
    ("2010-09", "as before: lieux.number=2", "there already"),
]


@pytest.mark.parametrize(("at", "option", "why"), WRONG_FORKS)
def test_a_fork_that_cannot_be_exits_2_with_one_line(tiny, capsys, at, option, why):
    assert main(["branch", "a.toml", "--at", at, option, "--out", "made"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("cosim: ") and err.count("\n") == 1 and why in err
    assert names() == ["a.toml", "b.toml"]


@pytest.mark.parametrize(
    "line",
    [
        "branch a.toml --at 2010-09 lieux.number=2 lieux.number=2",
        "branch a.toml --at 2010-09",
        "branch a.toml lieux.number=2",
        "contributions a.toml a.toml",
        "contributions a.toml reference-2010",
        "contributions a.toml b.toml --indicator alliance",
        "compare a.toml b.toml --half-width 0",
        "compare a.toml b.toml --half-width nan",
        "compare a.toml b.toml --half-width 1 --most 5",
        "compare a.toml b.toml --half-width 1 -n 3",
        "luck cas-rural",
        "luck nowhere",
        "luck lieux-publics -n 2",
        "luck --collect nowhere",
    ],
)
def test_a_what_if_that_cannot_be_exits_2_with_one_line(tiny, capsys, line):
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("cosim: ") and err.count("\n") == 1


def test_luck_says_how_many_replicates_it_saves(capsys, monkeypatch):
    from cosim import luck

    pair = tuple(cosim.load("reference-2010").with_(**{
        "territory": {"code": "synthetic"}, "catalysis.fte": fte}) for fte in (0, 1))  # fmt: skip
    monkeypatch.setattr(luck, "shipped", lambda names: {"pair": pair})
    measured = luck.measured
    monkeypatch.setattr(
        luck, "measured",
        lambda pairs, n, **more: measured(pairs, n, months=["2010-12"], shown=["degree"], **more),
    )  # fmt: skip
    made = as_json(capsys, "luck", "pair", "-n", 4)
    assert made["table"][0]["ratio"] > 0.0
    assert "degree" in cli(capsys, "luck", "pair", "-n", 4)
