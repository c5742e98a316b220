"""A question to the model means what its reader thinks, or is refused where it stands."""

import math

import numpy as np
import pytest
from conftest import BUSY, scenario
from hypothesis import given
from hypothesis import strategies as st

from cosim import engine
from cosim.calibration import language, lives
from cosim.calibration.runs import ALLIANCE_COLUMNS, TerritoryRun
from cosim.errors import CosimError, ParameterError
from cosim.indicators import INDICATORS
from cosim.state import CAUSES, KINDS, ORIGINS, TYPES

HEAD = "id,measure,indicator,group,date,expected,tolerance,low,high,scenario\n"


class Run:
    """Three years from 2010 in which `engaged` grows by a hundredth a month from .10."""

    start, months = "2010-01", 36

    def __init__(self, *alliances, **series):
        self.rows = alliances
        self.known = {"engaged": 0.10 + 0.01 * np.arange(36), **series}

    def series(self, indicator, group=""):
        return self.known[indicator]

    def alliances(self):
        plain = {"born": 0, "ended": -1, "members": 2, "kinds": 0b11, "weight": 1.0}
        rows = [{**dict.fromkeys(ALLIANCE_COLUMNS, 0), **plain, **row} for row in self.rows]
        floats, flags = ("weight", "supported"), ("outside", "recognised")
        return {
            name: np.array(
                [row[name] for row in rows],
                dtype=float if name in floats else bool if name in flags else np.int64,
            )
            for name in ALLIANCE_COLUMNS
        }


def ask(text, run=None):
    return language.parse(text).value(run or Run())


def life(born, ended, **more):
    cause = more.pop("cause", "failed" if ended >= 0 else "")
    return {"born": born, "ended": ended, "cause": CAUSES.index(cause), **more}


# -- dates --------------------------------------------------------------------------------


def test_a_date_is_a_month_or_the_mean_of_a_year_or_of_a_window():
    assert ask("engaged @ 2010-03") == pytest.approx(0.12)
    assert ask("engaged @ 2010") == pytest.approx(0.10 + 0.01 * 5.5)
    assert ask("engaged @ 2010-01..2010-03") == pytest.approx(0.11)
    assert ask("engaged @ 2010..2012") == pytest.approx(0.10 + 0.01 * 17.5)


def test_a_slope_is_the_logits_that_a_share_gains_in_a_year():
    expected = (language.logit(0.22) - language.logit(0.10)) / 1.0
    assert ask("slope(engaged @ 2010-01..2011-01)") == pytest.approx(expected)
    years = (language.logit(ask("engaged @ 2012")) - language.logit(ask("engaged @ 2010"))) / 2
    assert ask("slope(engaged @ 2010..2012)") == pytest.approx(years)


def test_the_slope_of_what_is_no_share_is_its_difference_per_year():
    run = Run(alliances=np.arange(36.0))
    assert ask("slope(alliances @ 2010-01..2012-01)", run) == pytest.approx(12.0)


def test_the_published_speeds_are_what_slope_says_of_the_published_shares():
    shares = np.full(84, 0.5)
    shares[5], shares[82] = 0.05, 0.76
    run = Run(convinced=shares)
    run.months = 84
    slope = ask("slope(convinced[elu/executif] @ 2010-06..2016-11)", run)
    assert slope == pytest.approx(0.64, abs=0.005)


def test_a_logit_of_nobody_or_of_everybody_is_finite():
    assert language.logit(0.0) == pytest.approx(-math.log(999))
    assert language.logit(1.0) == pytest.approx(math.log(999))
    assert math.isnan(language.logit(math.nan))


def test_the_cells_mean_what_the_formula_means():
    for date, formula in (
        ("2011", "engaged @ 2011"),
        ("2012 - 2010", "engaged @ 2012 - engaged @ 2010"),
        ("2012-06-2010-01", "engaged @ 2012-06 - engaged @ 2010-01"),
        ("2012 / 2010", "engaged @ 2012 / engaged @ 2010"),
        ("slope 2010..2012", "slope(engaged @ 2010..2012)"),
    ):
        (row,) = language.rows(f"indicator,date,expected,tolerance\nengaged,{date},1,1\n")
        assert row.measure.value(Run()) == pytest.approx(ask(formula)), date


@pytest.mark.parametrize("date", ["2009-12", "2013-01", "2009..2010", "2013"])
def test_a_month_outside_the_run_is_an_error_and_no_number(date):
    with pytest.raises(ParameterError, match="2010-01 to 2012-12"):
        ask(f"engaged @ {date}")
    with pytest.raises(ParameterError, match="outside the run"):
        ask(f"count @ {date}")


# -- arithmetic ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3 - 4 / 2", 5),
        ("(1 + 2) * -3", -9),
        ("8 / 4 / 2", 1),
        ("1 - 2 - 3", -4),
        ("- - 2", 2),
        ("min(3, 1, 2) + max(3, 1) + mean(1, 3)", 6),
        ("logit(0.5) + .5 + 1e-1", 0.6),
        ("1 − 2", -1),
    ],
)  # fmt: skip
def test_arithmetic_is_that_of_school(text, value):
    assert ask(text) == pytest.approx(value)


def test_what_cannot_be_computed_is_nan_and_spreads():
    assert math.isnan(ask("1 / 0"))
    assert math.isnan(ask("mean_members[supported]"))
    assert math.isnan(ask("min(1, mean_members[supported])"))
    assert math.isnan(ask("alive[born 2011] @ 1 year"))


def test_a_change_and_a_mean_of_shares_are_shares_and_a_ratio_is_none():
    def unit(text):
        return language.parse(text).unit

    assert unit("engaged @ 2015 - engaged @ 2011") == unit("1 - engaged @ 2015") == "share"
    assert unit("mean(engaged @ 2015, alive @ 3 years)") == "share"
    assert unit("engaged @ 2015 / engaged @ 2011") == unit("slope(engaged @ 2011..2015)") == ""
    assert unit("engaged @ 2015 + alliances @ 2015") == ""


# -- lives --------------------------------------------------------------------------------


def test_the_share_alive_counts_who_was_followed_and_leaves_the_seeded_out():
    run = Run(life(0, 6), life(0, 12), life(0, -1), life(30, -1), life(-50, 2), life(-5, -1))
    assert ask("alive @ 5 months", run) == 1.0
    assert ask("alive @ 6 months", run) == pytest.approx(2 / 3)
    assert ask("alive @ 1 year", run) == pytest.approx(1 / 3)
    assert ask("lifetime", run) == 12


def test_nobody_followed_that_long_is_no_answer_and_older_than_the_run_an_error():
    assert math.isnan(ask("alive @ 8 months", Run(life(30, -1))))
    assert ask("alive @ 8 months", Run(life(30, 32))) == 0.0
    assert math.isnan(ask("lifetime", Run(life(0, -1))))
    with pytest.raises(ParameterError, match="36 months of the run"):
        ask("alive @ 3 years", Run(life(0, -1)))


def test_survival_is_that_of_lifelines_and_a_weight_is_so_many_alliances():
    lifelines = pytest.importorskip("lifelines")
    luck = np.random.default_rng(5)
    age, ended = luck.integers(0, 40, 300), luck.random(300) < 0.7
    weight = luck.integers(1, 5, 300).astype(float)
    times, shares = lives.survival(age, ended, weight)
    fitter = lifelines.KaplanMeierFitter().fit(age, ended, weights=weight)
    assert shares == pytest.approx(fitter.survival_function_at_times(times).to_numpy())
    again = lives.survival(
        np.repeat(age, weight.astype(int)), np.repeat(ended, weight.astype(int)),
        np.ones(int(weight.sum())),
    )  # fmt: skip
    assert again[1] == pytest.approx(shares)


def test_an_alliance_misses_when_it_ends_otherwise_than_completed():
    run = Run(life(0, 5, cause="completed"), life(0, 6), life(0, 20, cause="faded"), life(0, -1))
    assert ask("missed", run) == pytest.approx(2 / 3)
    assert ask("missed @ 2010", run) == 0.5
    assert ask("missed @ 2011", run) == 1.0
    assert math.isnan(ask("missed @ 2012", run))


def test_supported_is_half_of_the_months_and_unsupported_never():
    run = Run(
        life(0, 10, supported=5.0), life(0, 10, supported=4.0), life(0, 10),
        life(-90, 9, supported=5.0), life(35, -1),
    )  # fmt: skip
    assert [ask(f"count[{term}]", run) for term in ("supported", "unsupported")] == [2, 2]
    assert ask("supported_share", run) == pytest.approx(14 / 40)


def test_every_term_chooses_the_alliances_that_it_names():
    run = Run(
        life(3, -1, members=5, kinds=0b0101, outside=True, type=TYPES.index("mecenat")),
        life(20, 30, members=3, recognised=True, origin=ORIGINS.index("place"), domain=7,
             cause="completed", rung=1, type=TYPES.index("innovation")),
    )  # fmt: skip
    first = ["4+ members", "5 members", "4-6 membres", "with company", "not with association",
             "outside", "not recognised", "mecenat", "born 2010", "living", "pauvrete",
             "contrat-echange", "encounter", "4+ members, outside"]  # fmt: skip
    second = ["2-3 members", "local", "recognised", "place", "born 2011-09", "completed",
              "emploi", "contrat-alliance", "innovation", "born 2011..2012, local"]  # fmt: skip
    for terms, chosen in ((first, [True, False]), (second, [False, True])):
        for term in terms:
            belongs = language.parse(f"count[{term}]").cohort.chosen(run.alliances(), run)
            assert belongs.tolist() == chosen, term


def test_a_share_is_of_those_that_are_given():
    run = Run(life(0, -1), life(0, -1, kinds=0b101), life(0, 5, kinds=0b101, outside=True))
    assert ask("share[local | with company]", run) == 0.5
    assert ask("share[local]", run) == pytest.approx(2 / 3)
    assert ask("share[local | with company] @ 2012", run) == 1.0


def test_a_figure_over_months_is_the_mean_of_the_months_with_somebody():
    run = Run(life(0, 6), life(0, -1, members=4), life(6, 12, members=3))
    assert ask("count @ 2010-01", run) == 2
    assert ask("count @ 2010", run) == 2
    assert ask("mean_age @ 2012-12", run) == 35
    assert ask("mean_age @ 2010-02", run) == 1
    assert ask("mean_members", run) == 3
    assert ask("mean_members[3 members] @ 2010", run) == 3


def test_every_figure_counts_an_alliance_as_many_times_as_it_weighs():
    more = {"successes": 3, "failures": 1, "supported": 4.0, "members": 5}
    one, two = life(0, 8, **more), life(0, 20, members=3, failures=4, cause="completed")
    weighted = Run({**one, "weight": 3.0}, two)
    repeated = Run(one, one, one, two)
    for figure, what in lives.FIGURES.items():
        group = "[5 members]" if figure == "share" else ""
        date = " @ 10 months" if what.date == "age" else ""
        text = f"{figure}{group}{date}"
        assert ask(text, weighted) == pytest.approx(ask(text, repeated)), figure
    assert ask("success_rate", weighted) == pytest.approx(9 / 16)


# -- a territory --------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[1, 2], ids=["months", "half months"])
def territory(request):
    document = scenario(
        months=36, catalysis={"fte": 2, "start": "2010-07"}, context={"elections": ["2011-03"]},
        parameters=BUSY, time={"substeps": request.param},
    )  # fmt: skip
    ready = engine.plan(document)
    return TerritoryRun(ready, *engine.replicate(ready, 3, 0))


def test_the_lives_of_a_territory_say_what_its_indicators_say(territory):
    pairs = {
        "count @ 2011-05": "alliances @ 2011-05",
        "count[mecenat] @ 2012": "alliances[mecenat] @ 2012",
        "count[place] @ 2012-12": "alliances[place] @ 2012-12",
        "share[local] @ 2011": "local @ 2011",
        "mean_members[living] @ 2012-12": "size @ 2012-12",
        "share[recognised | living] @ 2012-12": "recognised @ 2012-12",
        "count[contrat-alliance, living] @ 2012-12": "alliances[contrat-alliance] @ 2012-12",
    }
    assert ask("count @ 2012", territory) > 20
    for of_lives, of_months in pairs.items():
        assert ask(of_lives, territory) == pytest.approx(ask(of_months, territory)), of_lives
    if territory.plan.scenario.time.substeps == 1:  # else the month holds the flow of its last step
        born = ask("count[not seeded]", territory)
        assert born == ask("total(births @ 2010..2012)", territory)
        misses = "total(endings[failed] @ 2010..2012) + total(endings[faded] @ 2010..2012)"
        misses = f"({misses}) / total(endings @ 2010..2012)"
        assert ask("missed", territory) == pytest.approx(ask(misses, territory))


def test_a_territory_s_alliances_are_whole(territory):
    rows = territory.alliances()
    assert tuple(rows) == ALLIANCE_COLUMNS
    assert (rows["members"] >= 2).all()
    assert ((rows["born"] < 0) == (rows["origin"] == ORIGINS.index("seeded"))).all()
    assert ((rows["ended"] == -1) == (rows["cause"] == 0)).all()
    worlds = sum(rows["kinds"] >> k & 1 for k in range(len(KINDS)))
    assert (worlds[rows["ended"] == -1] >= 2).all()
    share = ask("supported_share[supported]", territory)
    assert 0.5 <= share <= 1.0
    assert ask("supported_share[unsupported]", territory) == 0.0


def test_the_alliances_of_a_sample_stand_for_those_of_the_territory():
    document = scenario(months=6, territory={"sample": 0.5})
    ready = engine.plan(document)
    run = TerritoryRun(ready, *engine.replicate(ready, 1, 0))
    assert set(run.alliances()["weight"]) == {2.0}
    assert ask("count @ 2010-06", run) == ask("alliances @ 2010-06", run)


# -- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty formula"),
        ("engagd @ 2015", r"character 1: .*'engaged'"),
        ("1 + engaged[compny] @ 2015", r"character 13: .*group of engaged.*'company'"),
        ("engaged[company] @ 2015 - engaged", r"character 34: .*no date"),
        ("engaged @ 15", r"character 11: not a date"),
        ("engaged @ 2015-13", r"character 11: no such month"),
        ("engaged @ 2015..2011", r"ends before it starts .*2011\.\.2015"),
        ("engaged @ 2015 - 2011", r"character 18: a year without a figure .*@ 2011"),
        ("alive[suported] @ 3 years", r"character 7: unknown term.*'supported'"),
        ("alive[supported] @ 2015", r"character 20: alive is asked at an age"),
        ("lifetime @ 2015", "lifetime has no date"),
        ("count[local | supported]", r"only share"),
        ("share", "a share of what"),
        ("slop(engaged @ 2011..2015)", r"character 1: unknown function.*'slope'"),
        ("slope(engaged @ 2011)", "two ends"),
        ("slope(1)", "two ends"),
        ("slope(engaged @ 2011, 2)", "takes one thing"),
        ("total(alive @ 3 years)", "adds up the months of an indicator"),
        ("(1 + 2", r"character 7: .*'\)'"),
        ("1 + ", r"character 5: .*a number, a name"),
        ("1 2", "goes on"),
        ("engaged[company @ 2015", r"character 8"),
        ("__import__('os').system('true')", r"character 1: unknown function"),
        ("2 ** 3", r"character 4"),
        ("(" * 99 + "1" + ")" * 99, "too many parentheses"),
        ("1" + " + 1" * 1000, "too long"),
        ("0,5 * engaged @ 2015", "goes on"),
    ],
)
def test_a_wrong_formula_is_refused_where_it_is_wrong(text, said):
    with pytest.raises(ParameterError, match=said):
        language.parse(text)


@given(st.text(alphabet="engagdcomplu[]@()+-*/.,|0123456789 ²é\u2028", max_size=40))
def test_any_text_is_a_formula_or_one_clear_error(text):
    try:
        made = language.parse(text)
    except CosimError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(made.unit, str)


def test_no_name_is_both_an_indicator_and_a_figure_of_life_or_a_function():
    names = [*INDICATORS, *lives.FIGURES, *language.FUNCTIONS, *language.OF_WINDOWS]
    assert len(names) == len(set(names))


# -- files --------------------------------------------------------------------------------

ENGLISH = """id,indicator,group,date,expected,tolerance
a,engaged,company,2015,0.37,0.03
b,alive,"supported, 4+ members",3 years,90 %,6%
"""
FRENCH = """\ufeffnom;indicateur;groupe;date;attendu;tolérance;;
# un commentaire

a;engaged;company;2015;0,37;0,03;;
b;alive;supported, 4+ members;3 ans;90 %;6%;;
;;;;;;;
"""


def test_a_french_excel_file_says_what_the_english_one_says(tmp_path):
    made = []
    for text in (ENGLISH, FRENCH):
        path = tmp_path / "facts.csv"
        path.write_bytes(text.replace("\n", "\r\n").encode())
        made.append(language.read(path))
    for english, french in zip(*made, strict=True):
        assert (english.id, english.expected) == (french.id, french.expected)
        assert (english.low, english.high) == (french.low, french.high)
        assert english.measure.unit == french.measure.unit == "share"
    assert made[0][1].high == pytest.approx(0.96)


def test_a_row_without_a_name_has_that_of_its_line_and_belongs_to_the_survey():
    (row,) = language.rows("measure,expected,tolerance\n\nengaged @ 2015,0.37,0.03\n")
    assert (row.id, row.fact, row.scenario) == ("line 3", "line 3", "survey")


def test_a_share_without_tolerance_is_known_to_three_points_and_never_better():
    (row,) = language.rows("measure,expected\nengaged @ 2015,0.37\n")
    assert (row.low, row.high) == (pytest.approx(0.34), pytest.approx(0.40))
    (fine,) = language.rows("measure,expected,tolerance\nengaged @ 2015,0.37,0.001\n")
    assert fine.sd == pytest.approx(row.sd) == pytest.approx(0.03 / 1.96)
    (count,) = language.rows("measure,expected,low,high\nalliances @ 2015,10,8,12\n")
    assert count.sd == pytest.approx(2 / 1.96)


def test_a_scenario_s_file_is_looked_for_beside_the_facts(tmp_path):
    (tmp_path / "mine.toml").write_text("")
    (row,) = language.rows(
        "measure,expected,scenario\nengaged @ 2015,0.37,mine.toml\n", folder=tmp_path
    )
    assert row.scenario == str(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no fact"),
        ("measure,expected\n", "no fact"),
        ("measure,expcted\n1,1\n", r"column 2: unknown column.*'expected'"),
        ("measure,expected,expected\n1,1,1\n", "a column twice"),
        ("measure,low\n1,1\n", "a column is missing"),
        (HEAD + "a,,,,,1,1,,,\n", "line 2, column measure: .*neither"),
        (HEAD + "a,1,engaged,,2015,1,1,,,\n", "line 2, column measure: .*both"),
        (HEAD + "a,1 + engagd @ 2015,,,,1,1,,,\n", "line 2, column measure, character 5.*engaged"),
        (HEAD + "a,,engagd,,2015,1,1,,,\n", "line 2, column indicator: .*'engaged'"),
        (HEAD + "a,,engaged,compny,2015,1,1,,,\n", "line 2, column group: .*'company'"),
        (HEAD + "a,,engaged,company,15,1,1,,,\n", "line 2, column date: not a date"),
        (HEAD + "a,,engaged,company,,1,1,,,\n", "line 2, column date: engaged has no date"),
        (HEAD + "a,1,,,,x,1,,,\n", "line 2, column expected: not a number"),
        (HEAD + 'a,1,,,,"0,5",1,,,\n', "column expected: not a number .*semicolons"),
        (HEAD + "a,1,,,,1e999,1,,,\n", "column expected: not a number"),
        (HEAD + "a,1,,,,nan,1,,,\n", "column expected: not a number"),
        (HEAD + "a,1,,,,,1,,,\n", "column expected: nothing was found"),
        (HEAD + "a,1,,,,1,,,,\n", "column tolerance: no tolerance"),
        (HEAD + "a,1,,,,1,0,,,\n", "column tolerance: not a tolerance"),
        (HEAD + "a,1,,,,1,1,0,2,\n", "column tolerance: no tolerance"),
        (HEAD + "a,1,,,,1,,2,3,\n", "column low: not an interval"),
        (HEAD + "a,1,,,,1,1,,,surve\n", "column scenario: no such scenario.*'survey'"),
        (HEAD + "a,1,,,,1,1,,,reference-2011\n", "no such scenario.*'reference-2010'"),
        (HEAD + "a,1,,,,1,1,,,\na,2,,,,1,1,,,\n", "line 3, column id: two facts"),
        (HEAD + "a,1,,,,1,1,,,,too much\n", "line 2: more cells than headings"),
        ('measure,expected\n"engaged,1\n', "line 2: not a line of CSV"),
    ],
)
def test_a_wrong_file_is_refused_by_line_and_column(text, said):
    with pytest.raises(ParameterError, match=said) as error:
        language.rows(text, "facts.csv")
    assert str(error.value).startswith("facts.csv")


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "facts.csv"
    path.write_bytes("mesure;attendu\nécole;1\n".encode("cp1252"))
    with pytest.raises(ParameterError, match="UTF-8"):
        language.read(path)
    with pytest.raises(ParameterError, match="cannot be read"):
        language.read(tmp_path / "absent.csv")
    with pytest.raises(ParameterError, match="cannot be read"):
        language.read(tmp_path)
