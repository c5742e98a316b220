"""« Refaire ce résultat »: the Python and the command of the page are run, and say what it says."""

import contextlib
import io
import json
import subprocess
import sys

import pandas as pd
import pytest
from browsing import SMALL

from cosim import scenario as documents
from cosim.dashboard import again, compute
from cosim.dashboard import view as views
from cosim.dashboard.view import replace

N = 20
TITLE = "L'ami d'Élise : '''3 lieux''' \\u0041 \"vite\" = +1"


@pytest.fixture(scope="module")
def shown():
    """A view whose title is awkward and whose parameters are drawn, one also set by hand."""
    start = views.home().at(SMALL)
    changed = start.scenario.with_(**{
        "time.end": "2023-06", "lieux.number": 3, "prime.amount": 20.0, "title": TITLE,
        "title_en": "Three places", "territory.sample": 0.5, "parameters.fte_cost": 80.0,
    })  # fmt: skip
    return replace(start, scenario=changed, shown="engaged")


@pytest.fixture(scope="module")
def effect(shown):
    """What the page shows."""
    *_, last = compute.effects(shown.reference, shown.scenario, stages=(N,))
    return last.effect


def last_month(effect, indicator):
    row = effect.table_at([-1], [indicator])
    return row[row["group"] == ""].drop(columns="month").iloc[0]


def test_the_files_are_the_two_scenarios_with_their_sample_titles_and_drawn_parameters(shown):
    before, after = (documents.loads(text, trusted=False) for text in again.files(shown).values())
    assert (before, after) == (shown.reference, shown.scenario)
    assert after.title == TITLE and after.draws and before.draws
    assert after.territory.sample == 0.5 == before.territory.sample


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_the_python_gives_sentence_figures_and_cost_to_the_digit(shown, effect, lang):
    said = io.StringIO()
    names = {}
    with contextlib.redirect_stdout(said):
        exec(again.python(replace(shown, lang=lang), N), names)
    lines = said.getvalue().splitlines()
    assert lines[0] == effect.sentence(lang, "engaged")
    assert lines[1] == effect.frequency_sentence(lang, "engaged")
    assert lines[2] == effect.cost_sentence(lang)
    for indicator in ("engaged", "alliances", "spending"):
        theirs, ours = (last_month(one, indicator) for one in (names["effect"], effect))
        pd.testing.assert_series_equal(theirs, ours, check_exact=True)


def test_the_command_gives_sentence_figures_and_cost_to_the_digit(shown, effect, tmp_path):
    for name, text in again.files(shown).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    program, *arguments = again.command(shown, N).split()
    assert program == "cosim"
    run = subprocess.run(
        [sys.executable, "-m", "cosim", *arguments, "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = json.loads(run.stdout)
    (told,) = [one for one in said["sentences"] if one["indicator"] == "engaged"]
    assert told["fr"] == effect.sentence("fr", "engaged")
    assert told["frequency_en"] == effect.frequency_sentence("en", "engaged")
    assert said["cost"]["fr"] == effect.cost_sentence("fr")
    assert said["scenario"]["digest"] == shown.scenario.digest
    last = max(row["month"] for row in said["table"])
    (row,) = [
        row for row in said["table"]
        if (row["month"], row["indicator"], row["group"]) == (last, "alliances", "")
    ]  # fmt: skip
    ours = last_month(effect, "alliances")
    for key in ("reference", "scenario", "difference", "low", "high", "ci_low", "ci_high"):
        assert row[key] == ours[key]


def test_no_title_can_end_the_literal_or_reach_the_code(shown):
    evil = shown.scenario.with_(title="'''\nimport os; os.abort()\nr'''" + "'" * 9)
    names = {}
    lines = again.python(replace(shown, scenario=evil), 1).splitlines()
    end = next(k for k, line in enumerate(lines) if line.startswith("effect = "))
    exec("\n".join(lines[:end]), names)
    assert names["scenario"] == evil
