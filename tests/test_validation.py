"""What a survey would see of the model, what is judged by it, and the page that explains it."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim import facts, scenario
from cosim.calibration import language, lives, survey, validation
from cosim.cli import main
from cosim.errors import CosimError, ParameterError
from cosim.state import ORIGINS, RUNGS, TYPES

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
TINY = """
[time]
start = "2010-01"
end = "2011-12"
[territory]
code = "synthetic"
synthetic = { communes = 2, population = 1500 }
"""


class Flat:
    """A run of a year whose every indicator has one value."""

    start, months = "2015-01", 12

    def __init__(self, value):
        self.value = value

    def series(self, indicator, group=""):
        return np.full(12, self.value)


def rows(*lines):
    return language.rows("measure,expected,low,high\n" + "\n".join(lines) + "\n")


ENGAGED = "engaged @ 2015,0.5,0.4,0.6"


def judged(asked, answers):
    """Validate against runs that say these answers, in order."""
    draws = [{"x": float(answer)} for answer in answers]
    simulate = {"survey": lambda values, number: Flat(values["x"])}
    return validation.validate(asked, draws, simulate, n=len(draws), workers=1)


# -- the predictive distribution ----------------------------------------------------------


def test_the_model_s_interval_is_that_of_its_draws():
    row = judged(rows(ENGAGED), np.linspace(0.2, 0.6, 101)).table.iloc[0]
    assert (row["mean"], row["median"]) == (pytest.approx(0.4), pytest.approx(0.4))
    assert (row.q05, row.q95) == (pytest.approx(0.22), pytest.approx(0.58))
    assert row.draws_met == pytest.approx(51 / 101)


def test_a_survey_of_a_model_without_luck_errs_as_surveys_do():
    row = judged(rows(ENGAGED), [0.45] * 5).table.iloc[0]
    sd = 0.1 / 1.96
    assert row.sd == pytest.approx(sd)
    assert (row.seen05, row.seen95) == (
        pytest.approx(0.45 - 1.6449 * sd, abs=1e-4), pytest.approx(0.45 + 1.6449 * sd, abs=1e-4),
    )  # fmt: skip
    assert row.z == pytest.approx(0.05 / sd)
    assert row.q05 == row.q95 == 0.45


def test_what_a_survey_would_see_is_the_draws_with_its_errors():
    luck = np.random.default_rng(2)
    draws = luck.normal(0.3, 0.1, 2000)
    seen = np.repeat(draws, 50) + luck.normal(0.0, 0.05, 100_000)
    for level in (0.05, 0.5, 0.95):
        exact = validation.quantile(draws, 0.05, level)
        assert exact == pytest.approx(np.quantile(seen, level), abs=0.003)
        assert validation.seen(draws, 0.05, exact) == pytest.approx(level)


def test_the_ninety_percent_interval_holds_ninety_percent_of_what_the_model_makes():
    luck = np.random.default_rng(7)
    draws = luck.normal(0.5, 0.05, 400)
    sd = 0.1 / 1.96
    found = luck.normal(0.5, 0.05, 300) + luck.normal(0.0, sd, 300)
    asked = rows(*(f"engaged @ 2015,{x},{x - 0.1},{x + 0.1}" for x in found))
    assert judged(asked, draws).table.inside.mean() == pytest.approx(0.9, abs=0.05)


def test_no_survey_sees_less_than_nobody_or_more_than_everybody():
    share = judged(rows("engaged @ 2015,0.05,0.0,0.3"), [0.02] * 3).table.iloc[0]
    assert share.seen05 == 0.0
    change = rows("engaged @ 2015-12 - engaged @ 2015-01,0.05,0.0,0.3")
    assert judged(change, [0.02] * 3).table.iloc[0].seen05 < 0.0


def test_a_median_is_judged_by_the_tolerance_and_a_fact_by_all_its_rows():
    made = judged(rows(ENGAGED, "engaged @ 2015-06,0.9,0.8,0.95"), [0.5, 0.55, 0.9])
    assert made.table.met.tolist() == [True, False]
    assert made.table.draws_met.tolist() == [pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert made.joint == 0.0
    both = judged(rows(ENGAGED, "engaged @ 2015-06,0.5,0.45,0.52"), [0.5, 0.55, 0.9])
    assert both.joint == pytest.approx(1 / 3)


def test_a_draw_without_answer_is_counted_and_meets_nothing():
    made = judged(rows("1 / engaged @ 2015,2,1,3"), [0.5, 0.0, 0.5])
    row = made.table.iloc[0]
    assert (row.nan, row["mean"], row.draws_met) == (1, 2.0, pytest.approx(2 / 3))
    assert made.joint == pytest.approx(2 / 3)
    none = judged(rows("1 / engaged @ 2015,2,1,3"), [0.0, 0.0]).table.iloc[0]
    assert none.nan == 2 and not none.met and not none.inside and np.isnan(none["median"])


def test_draws_take_the_sets_in_turn_and_every_scenario_has_the_same_luck():
    asked = language.rows(
        "measure,expected,scenario\nengaged @ 2015,0.5,\nengaged @ 2015,0.5,survey-supported\n"
    )
    called = []

    def simulate(name):
        def run(values, number):
            called.append((name, values["x"], number))
            return Flat(values["x"] + number)

        return run

    both = {name: simulate(name) for name in ("survey", "survey-supported")}
    made = validation.validate(asked, [{"x": 0.1}, {"x": 0.2}], both, n=5, workers=2)
    assert made.sets.tolist() == [0, 1, 0, 1, 0]
    assert made.values[:, 0] == pytest.approx([0.1, 1.2, 2.1, 3.2, 4.1])
    assert (made.values[:, 0] == made.values[:, 1]).all()
    assert len(set(called)) == len(called) == 10
    assert made.draws.columns.tolist() == ["draw", "set", "met", "line 2", "line 3"]


def test_a_question_outside_the_run_names_itself():
    with pytest.raises(ParameterError, match=r"line 2, engaged @ 2014.*2015-01 to 2015-12"):
        judged(rows("engaged @ 2014,0.5,0.4,0.6"), [0.5, 0.5])


# -- the targets --------------------------------------------------------------------------


def test_every_value_of_every_target_is_asked():
    asked = language.targets()
    assert [row.fact for row in asked] == [
        code for code, fact in facts.targets().items() for _ in fact.values
    ]
    assert list(dict.fromkeys(row.fact for row in asked)) == [f"C{k}" for k in range(1, 11)]
    assert len({row.id for row in asked}) == len(asked) == 14
    assert all(row.low <= row.expected <= row.high for row in asked)


def test_every_measure_of_a_fact_is_a_question_that_the_language_reads():
    for fact in facts.facts().values():
        assert len(fact.measure) in (0, len(fact.values)), fact.id
        for text in fact.measure:
            assert language.parse(text).unit == fact.unit, fact.id
        assert fact.scenario in ("", *language.BUILT_IN, *scenario.shipped())


def test_the_targets_ask_respondents_about_their_own_alliances_hidden_or_not():
    names = {row.fact: language.columns(row.measure) for row in language.targets()}
    for code in ("C3", "C4", "C5", "C6", "C7"):
        assert names[code] and all(not name.endswith("measured") for name, _ in names[code])


def test_a_territory_answers_every_target():
    asked = language.targets()
    simulate = validation.simulators(asked, seed=1)
    made = validation.validate(asked, [{}], simulate, n=2)
    again = validation.validate(asked, [{}], simulate, n=2, workers=1)
    assert np.array_equal(made.values, again.values, equal_nan=True)
    assert np.isfinite(made.values).all()
    assert not (made.values[0] == made.values[1]).all()


# -- simulation ---------------------------------------------------------------------------


def test_a_draw_s_parameters_and_the_rival_rules_reach_the_run(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY + "[parameters]\nhazard = 0.2\n")
    asked = language.rows(
        f"measure,expected,low,high,scenario\ncommitment @ 2011-06,0.5,0.4,0.6,{path}\n"
    )

    def answer(values, rules="default"):
        simulate = validation.simulators(asked, 1, rules)[str(path)]
        return asked[0].measure.value(simulate(values, 0))

    plain = answer({})
    assert answer({"imitation": 0.06}) != plain
    assert answer({}, "imitation-bounded") != plain
    assert answer({"hazard": 0.06}) == plain  # the scenario's own value comes first


def test_unknown_rival_rules_name_the_nearest():
    with pytest.raises(CosimError, match="did you mean 'default'"):
        validation.draws_of("defalt")
    with pytest.raises(CosimError, match="did you mean 'trust-beta'"):
        validation.simulators(language.targets(), 1, "trust-bta")


def test_the_survey_goes_on_until_the_last_month_that_is_asked_about():
    asked = rows("engaged @ 2011,0.5,0.4,0.6", "engaged @ 2017-02,0.5,0.4,0.6")
    simulate = validation.simulators(asked)["survey"]
    assert simulate({}, 0).months == 7 * 12 + 2
    assert validation.simulators(asked[:1])["survey"]({}, 0).months == 7 * 12


def test_both_surveys_are_known_to_the_language():
    assert set(language.BUILT_IN) == set(survey.SCENARIOS)


# -- the command --------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.toml").write_text(TINY)
    Path("facts.csv").write_text(
        "nom;mesure;attendu;tolérance;scénario\n"
        "engagés;engaged @ 2011;0,3;1;tiny.toml\n"
        "trop;engaged[company] @ 2011;5;0,5;tiny.toml\n"
        "vide;mean_members[seeded, born 2010];3;1;tiny.toml\n",
        encoding="utf-8",
    )
    return tmp_path


def cli(capsys, *arguments, code=0):
    capsys.readouterr()
    assert main([str(a) for a in arguments]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out if code != 2 else err


def test_validate_tells_the_verdict_in_either_language(here, capsys):
    text = cli(capsys, "validate", "facts.csv", "--draws", 3)
    assert "tolérance : 1 sur 3" in text and "vide : 3 tirages sans réponse" in text
    text = cli(capsys, "validate", "facts.csv", "--draws", 3, "--lang", "en")
    assert "tolerance: 1 of 3" in text and "draws without an answer" in text


def test_validate_says_in_json_and_writes_what_it_found(here, capsys):
    made = json.loads(cli(capsys, "validate", "facts.csv", "--draws", 4, "--json", "--out", "out"))
    assert (made["draws"], made["facts"], made["facts_met"]) == (4, 3, 1)
    table = pd.read_csv("out/validation.csv")
    assert table.id.tolist() == ["engagés", "trop", "vide"]
    assert table["median"][0] == pytest.approx(made["rows"][0]["median"])
    assert made["rows"][2]["median"] is None
    draws = pd.read_parquet("out/draws.parquet")
    assert len(draws) == 4
    assert draws["engagés"].median() == pytest.approx(made["rows"][0]["median"])
    assert json.loads(Path("out/manifest.json").read_text())["command"] == "validate"


def test_the_same_seed_gives_the_same_verdict_whoever_works(here, capsys):
    one, two, other = (
        json.loads(cli(capsys, "validate", "facts.csv", "--draws", 4, "--json", *more))["rows"][0]
        for more in (("--workers", 1), ("--workers", 3), ("--seed", 9))
    )
    assert one == two != other


def test_strict_exits_1_when_a_median_is_outside_its_tolerance(here, capsys):
    cli(capsys, "validate", "facts.csv", "--draws", 2, "--strict", code=1)
    Path("good.csv").write_text("mesure;attendu;tolérance;scénario\nengaged @ 2011;0,3;1;tiny.toml")
    cli(capsys, "validate", "good.csv", "--draws", 2, "--strict")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("measure,expected\nengagd @ 2015,1\n", "bad.csv, line 2, column measure, character 1"),
        ("measure,expected\nengaged @ 2009,1\n", "line 2, engaged @ 2009, date: outside the run"),
        ("measure,expected,scenario\nengaged @ 2015,1,other.toml\n", "other.toml"),
    ],
)
def test_a_wrong_file_is_one_line_and_exit_2(here, capsys, text, said):
    Path("bad.csv").write_text(text)
    Path("other.toml").write_text("[time]\nstrat = 1\n")
    err = cli(capsys, "validate", "bad.csv", "--draws", 2, "--out", "out", code=2)
    assert said in err and err.count("\n") == 1
    assert not Path("out").exists()


# -- the page -----------------------------------------------------------------------------


def test_every_example_of_the_page_is_read_and_both_languages_ask_the_same():
    blocks = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    read = [language.rows(block) for block in blocks]
    assert len(read) == 4
    for french, english in zip(read[:2], read[2:], strict=True):
        assert [r.expected for r in french] == [r.expected for r in english]
        assert [r.measure for r in french][1:3] == [r.measure for r in english][1:3]
        assert [r.high for r in french] == [r.high for r in english]


def test_the_page_defines_every_figure_in_both_languages():
    for name, figure in lives.FIGURES.items():
        for text in (figure.fr, figure.en):
            line = next(x for x in PAGE.splitlines() if f"| {text.replace('|', '\\|')} |" in x)
            assert line.startswith(f"| `{name}` |")


def test_the_page_names_every_function_column_and_term():
    for name in (*language.FUNCTIONS, *language.OF_WINDOWS):
        assert name in PAGE
    for english, french in language.HEADINGS.items():
        assert f"`{english}`" in PAGE and f"`{french}`" in PAGE
    named = set(re.findall(r"`([^`\n]+)`", PAGE))
    assert {*TYPES, *RUNGS, *ORIGINS, *(t for t in lives.TERMS if " " in t)} <= named
    for term in ("supported", "unsupported", "local", "outside", "recognised", "living"):
        assert term in named


def test_the_page_of_facts_shows_what_the_model_is_asked():
    page = (ROOT / "docs" / "facts.md").read_text(encoding="utf-8")
    for fact in facts.targets().values():
        assert all(f"`{text}`" in page for text in fact.measure)


def test_the_survey_s_scenario_is_no_file_of_that_name():
    assert not set(language.BUILT_IN) & set(scenario.shipped())
