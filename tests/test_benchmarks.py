"""The benchmark suite judges by the bars, fits what it is given and writes what it measured."""

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import clock, tables  # noqa: E402
from benchmarks.costs import COSTS, Figure  # noqa: E402


def a_report(*found):
    return tables.report(found, "2026-01-31", "make bench")


@pytest.mark.parametrize("exponent", [0.9, 1.0, 1.2])
def test_an_exact_power_is_fitted_without_error(exponent):
    x = np.array([300.0, 900.0, 2_700.0, 8_100.0])
    fit = clock.growth("time", x, 3.0 * x**exponent, "s")
    assert fit.exponent == pytest.approx(exponent)
    assert fit.error == pytest.approx(0.0, abs=1e-9)


def test_the_error_of_a_fit_is_that_of_a_regression():
    from scipy.stats import linregress

    x, y = [1.0, 2.0, 4.0, 8.0, 16.0], [1.0, 2.3, 3.6, 9.0, 15.0]
    fit, line = clock.growth("time", x, y, "s"), linregress(np.log(x), np.log(y))
    assert fit.exponent == pytest.approx(line.slope)
    assert fit.error == pytest.approx(line.stderr)


@pytest.mark.parametrize("x, y", [([1.0, 2.0], [1.0, 2.0]), ([1.0, 2.0, 3.0], [1.0, 0.0, 3.0])])
def test_no_growth_is_fitted_to_two_points_or_to_nothing(x, y):
    with pytest.raises(ValueError, match="three points above 0"):
        clock.growth("time", x, y, "s")


def test_works_take_turns():
    calls = []
    taken = clock.turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "b"] * 3
    assert {name: len(times) for name, times in taken.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_the_median_of_the_ratios_of_each_round():
    # The machine is five times slower in the second round: the ratio does not see it.
    assert clock.ratio([2.0, 10.0, 2.2], [1.0, 5.0, 1.0]) == 2.0
    assert clock.excess([2.0, 10.0, 2.5], [1.0, 5.0, 1.0]) == 1.5


@pytest.mark.parametrize("name", COSTS)
def test_every_cost_has_a_bar_that_can_be_missed(name):
    cost = COSTS[name]
    assert cost.what and cost.bar > 0.0
    better = 2.0 if cost.at_least else 0.5
    assert cost.met(cost.bar) and cost.met(cost.bar * better)
    assert not cost.met(cost.bar / better)
    assert cost.promise[0] == ("≥" if cost.at_least else "≤")


def test_every_cost_is_measured_by_the_suite():
    files = (ROOT / "benchmarks" / name for name in ("measures.py", "dashboard.py"))
    text = "".join(file.read_text() for file in files)
    grown = {name for name in COSTS if name.endswith(("_time", "_memory"))}
    grown -= {"france_memory", "crowd_memory"}
    assert all(f'grown("{name.partition("_")[0]}"' in text for name in grown)
    assert all(f'"{name}"' in text for name in COSTS.keys() - grown)


def test_a_report_judges_what_was_measured_and_nothing_else():
    growth = clock.growth("time with actors", [1.0, 2.0, 4.0], [1.0, 4.0, 16.0], "s", "actors_time")
    data = a_report(Figure("peer", 450.0, "×", "peer"), Figure("hundred", 2.0, "s", "ensemble"),
                    Figure("a tenth of France", 7.0, "s"), growth)  # fmt: skip
    costs = {row["cost"]: row for row in data["costs"]}
    assert list(costs) == list(COSTS)
    assert {name: row["met"] for name, row in costs.items() if row["met"] is not None} == {
        "peer": True, "ensemble": False, "actors_time": False,
    }  # fmt: skip
    assert costs["actors_time"]["measured"] == pytest.approx(2.0)
    assert costs["actors_time"]["shown"] == "2.000 ± 0.000"
    assert costs["france"]["measured"] is None
    assert asdict(growth) in data["growth"]


def test_the_tables_say_bar_measure_and_verdict():
    data = a_report(Figure("hundred", 2.0, "s", "ensemble"), Figure("an oddity", 0.01234, "MB"))
    text, page = tables.text(data), tables.markdown(data)
    line = next(x for x in text.splitlines() if x.startswith(COSTS["ensemble"].what))
    assert line.split()[-6:] == ["1", "s", "2.00", "s", "not", "met"]
    assert f"| {COSTS['ensemble'].what} | ≤ 1 s | 2.00 s | **not met** |" in page
    assert "| an oddity | 0.0123 | MB |" in page
    assert f"| {COSTS['peer'].what} | ≥ 300 × | not measured | — |" in page
    assert "2026-01-31" in page and "`make bench`" in page


@pytest.mark.parametrize(
    "value, shown",
    [(0.0, "0"), (0.01234, "0.0123"), (1.0, "1.00"), (53.24, "53.2"), (1266.0, "1 266"),
     (99.96, "100.0"), (-1.02, "-1.02")],
)  # fmt: skip
def test_a_number_shows_three_digits(value, shown):
    assert tables.number(value) == shown


def test_the_page_keeps_what_is_written_by_hand():
    data = a_report(Figure("hundred", 2.0, "s", "ensemble"))
    page = f"# By hand\n\n{tables.BEGIN}\nold\n{tables.END}\n\nWhy.\n"
    once = tables.put(page, data)
    assert once.startswith("# By hand\n\n") and once.endswith("\n\nWhy.\n")
    assert "old" not in once and "| 2.00 s |" in once
    assert tables.put(once, data) == once
    with pytest.raises(ValueError, match="no place for the figures"):
        tables.put("# By hand\n", data)


def test_the_machine_is_described_but_not_named():
    import platform

    facts = tables.machine()
    assert facts["threads"] >= 1 and facts["memory_gb"] > 0.0
    assert platform.node() not in map(str, facts.values())


def test_the_page_of_the_documentation_shows_every_cost():
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    assert tables.BEGIN in page and tables.END in page
    for cost in COSTS.values():
        assert f"| {cost.what} | {cost.promise} |" in page
