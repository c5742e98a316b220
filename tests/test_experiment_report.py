"""The report of an experiment: one page that asks nothing, says what is known and what is not."""

import os
import re
import shutil
from contextlib import contextmanager
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from cosim import drawing
from cosim.errors import ResultsError
from cosim.experiment import contrasts, document, figures, report, sentences
from cosim.experiment import reading as experiment_reading
from cosim.experiment.document import Experiment
from cosim.experiment.reading import Reading, several
from cosim.experiment.store import Row, Store

CHROMIUM = "/usr/bin/chromium"
VOID = {"meta", "img", "br", "link", "hr", "input", "source"}
FILE = dict(
    title="Plus de catalyse ?", title_en="More catalysis?", question="Combien d'alliances ?",
    question_en="How many alliances?", reference="reference-2020", replicates=20,
    arms="catalysis.fte", series=["alliances"],
    factors={
        "catalysis.fte": [0, 2],
        "territory": {
            "cas-rural": {"territory": {"code": "cas-rural"}},
            "cas-littoral": {"territory": {"code": "cas-littoral"}},
        },
        "rules": {"default": {}, "scalar": {"rules": {"maturity": "scalar"}}},
    },
    outcomes={"alliances": "alliances @ 2026-12", "engaged": "engaged[elu] @ 2026-12"},
    contrasts={
        "dose": {"estimate": "alliances[2] - alliances[0]", "sign": "+", "margin": 2.0,
                 "fr": "2 postes plutôt qu'aucun", "en": "2 posts rather than none"},
        "elus": {"estimate": "engaged[2] - engaged[0]", "fr": "élus engagés",
                 "en": "engaged élus"},
    },
    hypothesis={"id": "H1", "fr": "La catalyse aide.", "en": "Catalysis helps."},
)  # fmt: skip


def reading(gain, done=20, failed=(), missing=0, months=24, **changes):
    """A report's tables of made-up runs: `gain(point)` is what the second arm adds, ± 2."""
    experiment = Experiment(**{**FILE, **changes})
    luck = np.random.default_rng(1)
    rows = []
    for point in experiment.points:
        for k in range(done):
            run = f"{point.digest}-1-{k:05d}"
            lost = (point.number, k) in failed
            added = gain(point) if point.arm == "2" else 0.0
            value = 100.0 + added + 2.0 * luck.standard_normal()
            rows.append({
                "run": run, "point": point.number, "replicate": k,
                "error": "my_rule.py: division by zero" if lost else None,
                "replay": f"cosim experiment replay . {run}",
                **{name: np.nan if lost else value / (1.0 if name == "alliances" else 400.0)
                   for name in experiment.outcomes},
            })  # fmt: skip
    columns = ["run", "point", "replicate", "error", "replay", *experiment.outcomes]
    runs = pd.DataFrame(rows, columns=columns)
    dates = pd.date_range("2020-01-01", periods=months, freq="MS")
    series = [
        pd.DataFrame({"run": row.run, "month": dates, "indicator": "alliances", "group": "",
                      "value": np.linspace(50.0, row.alliances, months)})
        for row in runs[runs["error"].isna()].itertuples()
    ] if experiment.series else []  # fmt: skip
    whole = (
        pd.concat(series, ignore_index=True)
        if series
        else pd.DataFrame(columns=["run", "month", "indicator", "group", "value"])
    )
    good = runs[runs["error"].isna()]
    return Reading(
        experiment, runs, whole, contrasts.estimates(experiment, good),
        contrasts.per_replicate(experiment, good), missing, 0,
        {"created": "2026-11-22T10:00:00+00:00", "versions": {"cosim": "0.1.0"},
         "command": "cosim experiment run h01.toml --out DIR"},
    )  # fmt: skip


def by_rule(point):
    """A clear gain under the default rules, none under the rival one."""
    return 10.0 if point.scenario.rules.maturity == "min" else 0.0


@pytest.fixture(scope="module")
def depends():
    return reading(by_rule)


class Reader(HTMLParser):
    """Collects what a page asks for, its pictures and headings, and whether its tags close."""

    def __init__(self):
        super().__init__()
        self.open, self.images, self.asked, self.ids, self.levels = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "img":
            self.images.append(found)
        if tag == "script":
            self.asked.append("script")
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        self.ids += [v for k, v in attrs if k == "id"]
        self.asked += [v for k, v in attrs if k in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(html):
    page = Reader()
    page.feed(html)
    page.close()
    assert not page.open
    return page


def told(html, lang="fr"):
    """The words of one language of the page."""
    part = re.search(rf'<div class="page" lang="{lang}">(.*?)(?=<div class="page"|</main>)', html,
                     re.S)[1]  # fmt: skip
    words = re.sub(r"<(style|pre).*?</\1>", "", part, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", words)).split())


# -- the page -----------------------------------------------------------------------------


def test_the_page_asks_nothing_and_every_picture_has_a_text(depends):
    html = report.render(depends)
    page = read(html)
    assert all(asked.startswith(("data:", "#")) for asked in page.asked)
    assert not re.search(r"@import|url\((?!['\"]?data:)", html)
    assert len(page.images) >= 2 * 7 and all(image["alt"].strip() for image in page.images)
    assert len(page.ids) == len(set(page.ids))
    assert all(b - a <= 1 for a, b in zip(page.levels, page.levels[1:], strict=False))


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_page_in_one_language_has_no_switch_and_no_word_of_the_other(depends, lang):
    html = report.render(depends, lang)
    assert f'<html lang="{lang}">' in html and 'type="radio"' not in html
    words = told(html, lang)
    assert ("Catalysis helps." in words) == (lang == "en")
    assert ("La catalyse aide." in words) == (lang == "fr")


def test_a_verdict_that_depends_on_the_rule_says_so(depends):
    html = report.render(depends)
    assert "soutenue dans 2 conditions sur 4, contredite dans 2" in told(html)
    assert "Le verdict dépend de la règle retenue" in told(html)
    assert "The verdict depends on the rule" in told(html, "en")


def test_a_verdict_that_holds_under_every_rule_does_not_claim_to_depend_on_one():
    html = report.render(reading(lambda point: 10.0))
    assert "soutenue dans les 4 conditions" in told(html)
    assert "dépend de la règle" not in html and "change avec le facteur" not in html


def test_a_verdict_is_told_by_a_word_and_a_mark_and_not_by_colour_alone(depends):
    html = report.render(depends, "fr")
    badges = re.findall(
        r'<span class="badge (\w+)"><span aria-hidden="true">(.)</span> (\w+)', html
    )
    assert {("supported", "✓", "soutenue"), ("contradicted", "✗", "contredite")} <= set(badges)
    for colour, _, _ in figures.VERDICT.values():
        assert drawing.contrast(colour) >= 4.5


def test_an_interval_that_holds_zero_is_told_as_not_knowing():
    weak = report.render(reading(lambda point: 0.5, 8), "fr")
    clear = report.render(reading(lambda point: 10.0, 8), "fr")
    assert "L'intervalle contient zéro" in told(weak)
    assert "L'intervalle contient zéro" not in told(clear)


def test_the_sentence_of_a_condition_gives_size_interval_and_frequency(depends):
    row = depends.records("dose")[0]
    text = sentences.stratum(depends, row, "en")
    ends = several([row["estimate"], row["low"], row["high"]], "count", "en", True)[0]
    for wanted in (*ends, "in 20 simulations out of 20", "95% interval", "standardised effect"):
        assert wanted in text


@pytest.mark.parametrize(
    ("share", "n", "text"),
    [
        (0.834, 1000, "dans 83 simulations sur 100"),
        (0.999, 1000, "dans 99 simulations sur 100"),
        (1.0, 1000, "dans 100 simulations sur 100"),
        (0.001, 1000, "dans 1 simulation sur 100"),
        (0.9, 20, "dans 18 simulations sur 20"),
    ],
)
def test_frequencies_are_whole_numbers_of_runs_and_never_all_unless_all(share, n, text):
    assert sentences.frequency(share, n, "fr") == text


@pytest.mark.parametrize(
    ("values", "unit", "lang", "sign", "written"),
    [
        ([0.123, 0.04], "share", "fr", False, ["12,3", "4,0"]),
        ([0.123, -0.04], "points", "en", True, ["+12.3", "−4.0"]),
        ([1234.5, 3.0], "count", "fr", True, ["+1\u202f234", "+3"]),
        ([0.01234, float("nan")], "", "en", False, ["0.012", "–"]),
    ],
)
def test_numbers_beside_one_another_have_the_same_decimals(values, unit, lang, sign, written):
    assert several(values, unit, lang, sign)[0] == written


# -- what is missing ----------------------------------------------------------------------


def test_failed_and_missing_runs_are_said_first_and_can_be_replayed(tmp_path):
    half = reading(by_rule, failed={(1, 2)}, missing=7)
    html = report.render(half)
    run = half.failures["run"].iloc[0]
    assert "Il manque 7 simulations" in told(html) and "7 of the planned" in told(html, "en")
    assert "1 simulation a échoué" in told(html)
    assert f"cosim experiment replay . {run}" in html
    report.save_tables(half, tmp_path)
    assert list(pd.read_csv(tmp_path / "failures.csv")["run"]) == [run]


def test_a_failed_run_counts_in_no_mean():
    half = reading(by_rule, failed={(1, 2)})
    table = report.arm_table(half)
    assert set(table.loc[table["point"] == 1, "n"]) == {19}
    assert set(table.loc[table["point"] != 1, "n"]) == {20}


def test_an_experiment_without_a_run_has_a_page_that_says_so():
    html = report.render(reading(by_rule, done=0, missing=160))
    assert "Il manque 160 simulations" in told(html)
    assert "Pas encore d'estimation pour" in told(html)
    assert not read(html).images


def test_one_replicate_gives_no_interval_and_says_so():
    assert "pas d'intervalle" in told(report.render(reading(by_rule, done=1)))


# -- tables, figures, provenance ----------------------------------------------------------


def test_the_tables_beside_are_those_of_the_verdicts(depends, tmp_path):
    report.save_tables(depends, tmp_path)
    found = pd.read_csv(tmp_path / "estimates.csv", keep_default_na=False, na_values=["nan"])
    wanted = contrasts.estimates(depends.experiment, depends.runs)
    keys = ["contrast", "territory", "rules"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True)[list(wanted)],
        wanted.sort_values(keys, ignore_index=True), check_dtype=False,
    )  # fmt: skip
    names = {path.stem for path in tmp_path.glob("*.csv")}
    assert names >= {"arms", "design", "arms-excel", "estimates-excel", "design-excel"}


def test_a_french_excel_opens_the_table_as_numbers(depends, tmp_path):
    report.save_tables(depends, tmp_path)
    data = (tmp_path / "estimates-excel.csv").read_bytes()
    assert data.startswith("\ufeff".encode())
    again = pd.read_csv(tmp_path / "estimates-excel.csv", sep=";", decimal=",")
    assert again["estimate"].to_numpy() == pytest.approx(
        pd.read_csv(tmp_path / "estimates.csv")["estimate"].to_numpy()
    )


def stored(made, folder):
    """The runs of a reading in a store of their own."""
    store = Store(folder).create(made.experiment, "cosim experiment run h01.toml --out DIR")
    rows = made.runs.to_dict("records")
    months = {run: part["value"].to_numpy()[:, None] for run, part in made.series.groupby("run")}
    store.add([
        Row(row["run"], row["error"], tuple(row[name] for name in made.experiment.outcomes),
            months.get(row["run"]))
        for row in rows
    ])  # fmt: skip


def test_the_folder_holds_the_page_and_each_figure_as_svg_and_png(tmp_path):
    made = reading(by_rule, 6, months=144)
    stored(made, tmp_path)
    page = report.write(tmp_path)
    html = page.read_text(encoding="utf-8")
    assert page == tmp_path / "report.html"
    assert "Il manque 112 simulations" in told(html)  # of 8 points, 14 of 20 replicates each
    svg = {path.stem for path in (tmp_path / "figures").glob("*.svg")}
    assert svg == {path.stem for path in (tmp_path / "figures").glob("*.png")}
    wanted = {"forest-dose", "sizes", "dose-alliances", "arms-engaged", "fan-alliances"}
    assert wanted | {f"{name}-en" for name in wanted} <= svg
    wanted = contrasts.estimates(made.experiment, made.runs)["estimate"]
    found = pd.read_csv(tmp_path / "tables" / "estimates.csv")["estimate"]
    assert sorted(found) == pytest.approx(sorted(wanted))


def test_runs_of_another_design_are_said_not_to_count(tmp_path):
    stored(reading(by_rule, 4, series=[]), tmp_path)
    other = Experiment(**{**FILE, "series": [], "seed": 2})
    Store(tmp_path).create(other)
    html = report.render(experiment_reading.read(tmp_path), "fr")
    assert "Il manque 160 simulations" in told(html)
    assert "32 simulations d'un autre plan ou d'une autre version" in told(html)


def test_a_folder_that_holds_no_experiment_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="holds no experiment"):
        report.write(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_same_runs_give_the_same_page(depends):
    assert report.render(depends) == report.render(depends)


def test_the_file_on_the_page_is_the_experiment(depends):
    html = report.render(depends, "fr")
    text = unescape(re.findall(r"<pre>(.*?)</pre>", html, re.S)[-1])
    assert document.loads(text).digest == depends.experiment.digest
    for wanted in (depends.experiment.digest, "cosim experiment run h01.toml --out DIR"):
        assert wanted in html


def test_a_title_is_never_read_as_html():
    html = report.render(reading(by_rule, title="<b>Essai</b>", title_en=""))
    assert "<b>Essai" not in html and "&lt;b&gt;Essai" in html


def test_levels_are_called_as_people_call_them(depends):
    assert depends.level("territory", "cas-rural", "fr") == "Rural"
    assert depends.level("rules", "default", "en") == "default rules"
    assert depends.level("rules", "scalar", "fr") == "règle de maturité : un seul niveau".replace(
        " :", "\u00a0:"
    )
    assert depends.outcome("engaged", "fr") == "Engagés (élus), décembre 2026"


def test_a_sampled_design_is_told_as_a_whole_and_its_draws_are_drawn_in_order():
    sampled = reading(
        lambda point: 100.0 * float(point.levels["parameters.trust_gain"]), 4, series=[],
        factors={"catalysis.fte": [0, 2], "parameters.trust_gain": {"low": 0.05, "high": 0.2}},
        design={"kind": "lhs", "samples": 12},
    )  # fmt: skip
    html = report.render(sampled, "en")
    assert sampled.sampled and "Over 12 draws, the median difference" in told(html, "en")
    assert 'class="matrix"' not in html


def test_a_sensitivity_design_shows_what_matters_once_there_are_runs_enough():
    changes = {
        "series": [], "arms": "", "contrasts": {}, "hypothesis": None, "replicates": 4,
        "factors": {"parameters.trust_gain": {"low": 0.05, "high": 0.2},
                    "parameters.wear": {"low": 0.001, "high": 0.01}},
        "design": {"kind": "morris", "trajectories": 4},
    }  # fmt: skip
    enough = report.pictures(reading(by_rule, 4, **changes), "fr")
    few = report.pictures(reading(by_rule, 4, failed={(p, 0) for p in range(12)}, **changes), "fr")
    assert {p.name for p in enough if p.part == "sensitivity"} == {
        "sensitivity-alliances-0", "sensitivity-engaged-0",
    }  # fmt: skip
    assert not [p for p in few if p.part == "sensitivity"]


def test_rivals_are_the_factors_whose_levels_are_other_rules(depends):
    assert depends.rivals == ("rules",)


def test_a_panel_holds_the_runs_of_one_place_under_the_first_rules(depends):
    panels, note = depends.panels("en")
    assert [panel.label for panel in panels] == ["Rural", "Coast"]
    assert note == "rules: default rules"
    for panel in panels:
        rules = {depends.experiment.points[p].scenario.rules.maturity for p in panel.points}
        assert rules == {"min"}


# -- all hypotheses -----------------------------------------------------------------------


def verdict_table(rival):
    """Verdicts on H1: supported everywhere by default; `rival` under another rule."""
    rows = [
        {"hypothesis": "H1", "contrast": name, "territory": place, "rules": rules,
         "estimate": 2.0, "low": 1.0, "high": 3.0, "effect": 0.8, "in_favour": 0.8,
         "relative": 0.1, "n": 80, "verdict": "supported" if rules == "default" else rival,
         "sign": "+", "margin": 0.5, "fr": "plus", "en": "more"}
        for name in ("some", "more") for place in ("cas-rural", "cas-littoral")
        for rules in ("default", "maturity-scalar")
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("rival", ["supported", "contradicted"])
def test_the_page_of_hypotheses_says_where_a_rival_rule_changes_the_verdict(rival, tmp_path):
    path = report.hypotheses(verdict_table(rival), tmp_path / "hypotheses.html")
    html = path.read_text(encoding="utf-8")
    page = read(html)
    assert not [asked for asked in page.asked if not asked.startswith("#")]
    changes = rival != "supported"
    assert ("change avec la règle" in told(html)) == changes
    assert ("it is another one with rule of maturity" in told(html, "en")) == changes
    assert "1 soutenue" in told(html) and "+2,00 [+1,00" in told(html).replace("\u00a0", " ")
    assert document.load("h01-catalyser").hypothesis.fr in told(html)


# -- in a browser -------------------------------------------------------------------------


@contextmanager
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
@pytest.mark.skipif(
    not shutil.which(CHROMIUM) and not os.environ.get("CI"), reason="Chromium is not here"
)
def test_the_page_reads_on_a_telephone_and_prints_whole_figures(depends, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(report.render(depends), encoding="utf-8")
    wrong = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", lambda m: wrong.append(m.text))
        page.on("request", lambda r: r.url.startswith(("data:", "file:")) or wrong.append(r.url))
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.get_by_text("La catalyse aide.", exact=True).is_visible()
        page.locator("#lang-en").focus()
        page.keyboard.press("Space")
        assert page.get_by_text("Catalysis helps.", exact=True).is_visible()
        assert not page.get_by_text("La catalyse aide.", exact=True).is_visible()
        low = page.evaluate(CONTRAST)
        assert not low, low
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 718, "height": 1000})  # A4 less its margins
        tallest = page.evaluate(
            "Math.max(...[...document.images].map(i => i.getBoundingClientRect().height))"
        )
        assert tallest <= 1000
        assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    assert not wrong


#: Texts whose colour does not stand out from their background as WCAG 2 asks (4.5).
CONTRAST = """() => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(x => x / 255)
    .map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
    .reduce((sum, x, k) => sum + x * [0.2126, 0.7152, 0.0722][k], 0);
  const behind = node => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')].filter(node => node.offsetParent !== null
      && [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()))
    .filter(node => {
      const two = [light(rgb(getComputedStyle(node).color)), light(behind(node))].sort();
      return (Math.max(...two) + 0.05) / (Math.min(...two) + 0.05) < 4.5;
    }).map(node => node.outerHTML.slice(0, 80));
}"""
