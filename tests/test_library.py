"""Every shipped scenario says what it is for, moves what it names, and nothing before its date."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from cosim import engine, library
from cosim.drawing import svg
from cosim.errors import ScenarioError
from cosim.facts import fact
from cosim.indicators import column
from cosim.results import Ensemble
from cosim.scenario import diff, load, shipped

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / library.FOLDER
NAMES = list(shipped())
#: Months to wait for a difference, people above which a territory is sampled, and replicates
#: among which a rare event may show.
HORIZON, MANY, REPLICATES = 18, 100_000, 3


def beginning(reference, scenario):
    """The first month in which what differs between two scenarios is in force."""
    months = [scenario.time.start]
    if (reference.time, reference.territory, reference.rules, reference.parameters) != (
        scenario.time, scenario.territory, scenario.rules, scenario.parameters
    ):  # fmt: skip
        return months[0]
    months = [month for change in diff(reference, scenario)
              for month in _dates(change, reference, scenario)]  # fmt: skip
    return max(min(months), scenario.time.start)


def _dates(change, reference, scenario):
    table, _, key = change.key.partition(".")
    if change.key == "context.elections":
        return set(change.before) ^ set(change.after)
    if change.key == "context.crises":
        return {crisis["start"] for crisis in [*change.before, *change.after]}
    if change.key == "context.turnover":
        return [vote for vote in scenario.context.elections if vote >= scenario.time.start]
    if change.key == "context.odd":
        return [fact("odd_frame").dates[0]]
    if table == "context":
        return [scenario.time.start]
    if key in ("end", "restart"):
        return [month for month in (change.before, change.after) if month]
    starts = [getattr(one, table).start for one in (reference, scenario)]
    return [month for month in starts if month] or [scenario.time.start]


@cache
def measured(name, n_months, replicate):
    """The indicators of the first months of a shipped scenario, float64[months, columns]."""
    scenario = load(name)
    end = scenario.month_label(min(n_months, scenario.n_months) - 1)
    scenario = scenario.with_(**{"time.end": end})
    if engine.territory_of(scenario).inhabitants > MANY:
        scenario = scenario.with_(**{"territory.sample": 0.1})
    return engine.replicate(engine.plan(scenario), 1, replicate)[0]


def pair(name, replicate=0):
    """A scenario, the number of its months without a difference, and what both measure."""
    scenario = load(name)
    reference = load(scenario.against)
    quiet = scenario.month_index(beginning(reference, scenario))
    n_months = quiet + HORIZON
    return (
        scenario, quiet, measured(scenario.against, n_months, replicate),
        measured(name, n_months, replicate),
    )  # fmt: skip


def is_dated(name):
    scenario = load(name)
    return beginning(load(scenario.against), scenario) > scenario.time.start


# -- what each file says ------------------------------------------------------------------


def test_the_library_is_large():
    assert len(NAMES) >= 24


@pytest.mark.parametrize("name", NAMES)
def test_each_scenario_says_in_two_languages_what_it_is_and_what_for(name):
    scenario = load(name)
    assert scenario.title and scenario.title_en
    assert len(scenario.purpose.strip()) > 80
    assert len(scenario.purpose_en.strip()) > 80
    assert scenario.against in NAMES and scenario.against != name
    assert scenario.moves


def test_no_two_scenarios_share_a_title():
    for lang in ("title", "title_en"):
        assert len({getattr(load(name), lang) for name in NAMES}) == len(NAMES)


# -- what each file does ------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_each_scenario_moves_what_it_names(name):
    still = set(load(name).moves)
    for replicate in range(REPLICATES):
        scenario, _, before, after = pair(name, replicate)
        assert len(after) >= 3 and scenario.n_months >= len(after)
        still = {
            m
            for m in still
            if np.array_equal(before[:, (k := column(*m.split("/", 1)))], after[:, k])
        }
        if not still:
            return
    pytest.fail(f"{', '.join(still)} stays as in {scenario.against} for {HORIZON} months")


@pytest.mark.parametrize("name", [*filter(is_dated, NAMES)])
def test_nothing_at_all_moves_before_the_date_of_a_lever_or_an_event(name):
    _, quiet, before, after = pair(name)
    assert np.array_equal(before[:quiet], after[:quiet], equal_nan=True)


def test_most_scenarios_are_held_to_a_date():
    assert sum(map(is_dated, NAMES)) > len(NAMES) / 2


def test_a_scenario_without_catalysts_is_the_reference():
    assert load("sans-catalyseurs").digest == load("reference-2020").digest


# -- the page -----------------------------------------------------------------------------


def test_the_page_is_up_to_date():
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    assert text == library.page(), "run `cosim docs`"


def test_the_page_tells_of_every_scenario_once():
    text = library.page()
    for name in NAMES:
        assert text.count(f'<a id="{name}"></a>') == 1
        assert load(name).purpose.strip() in text
        assert load(name).purpose_en.strip() in text


def test_the_page_proposes_a_comparison_only_of_the_same_people_in_the_same_months():
    text = library.page()
    assert "`cosim compare reference-2020 metier-lieu`" in text
    assert "`cosim run cas-rural`" in text
    assert "`cosim run reference-2010`" in text


def test_a_scenario_that_is_in_no_family_is_an_error(monkeypatch):
    library.scenarios.cache_clear()
    monkeypatch.setattr(library, "shipped", lambda: [*NAMES, "nouveau"])
    with pytest.raises(ScenarioError, match="nouveau"):
        library.scenarios()
    library.scenarios.cache_clear()


def test_a_measure_has_a_label_in_both_languages():
    assert library.label("alliances/experiment") == "Alliances actives – expérimentation"
    assert library.label("reach/donnees/organisations", "en") == (
        "Public reached – data, organisations"
    )
    assert library.label("convinced/elu/executif") == "Convaincus – maires et adjoints"


# -- pictures -----------------------------------------------------------------------------


def test_every_scenario_has_a_small_picture_and_there_is_no_other():
    assert {path.stem for path in PICTURES.glob("*.svg")} == set(NAMES)
    for path in PICTURES.glob("*.svg"):
        assert path.stat().st_size <= 15_000


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_titled_by_what_the_scenario_moves_first(name):
    text = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
    assert f">{library.label(load(name).moves[0])}" in text, "run `cosim docs --pictures`"


def flat(values):
    """An ensemble whose every indicator is `values`, one replicate."""
    scenario = load("reference-2010").with_(**{"time.end": "2011-12"})
    table = np.tile(
        np.asarray(values, float)[None, :, None], (1, 1, column("ingenierie", "catalyse") + 1)
    )
    return Ensemble(scenario, engine.territory_of(scenario), 1, table)


def test_a_monthly_flow_is_drawn_as_its_mean_over_twelve_months():
    months = np.arange(24)
    assert library.curve(flat(months), "alliances").quartiles[1, -1] == 23
    curve = library.curve(flat(months), "births")
    assert curve.quartiles[1, -1] == pytest.approx(months[-12:].mean())
    assert curve.quartiles[1, 2] == pytest.approx(months[:3].mean())


@pytest.mark.parametrize("measure", ["births", "convinced", "spending/catalysis", "alliances"])
def test_a_picture_shows_both_curves_whole_and_the_same_bytes_each_time(measure):
    rising, zero = np.linspace(0.2, 0.9, 24), np.zeros(24)

    def draw():
        curves = [library.curve(flat(values), measure) for values in (zero, rising)]
        return library.picture(measure, *curves)

    figure = draw()
    axes = figure.axes[0]
    low, high = axes.get_ylim()
    for line in axes.lines:
        assert low < line.get_ydata().min() and line.get_ydata().max() < high
    assert len(axes.lines) == 2
    assert svg(draw()) == svg(draw())
