"""The report is one page that needs nothing from outside; its figures are readable by everybody."""

import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
from conftest import BUSY, scenario

from cosim import drawing, effects, figures, figures_concepts, report, results
from cosim.figures_concepts import FIGURES
from cosim.scenario import loads

VOID = {"meta", "img", "br", "link", "hr", "input", "source"}


@pytest.fixture(scope="module")
def effect():
    """Two years of a small world, with and without two catalysts."""
    reference = scenario(months=24, parameters=BUSY)
    return effects.compare(reference, reference.with_(**{"catalysis.fte": 2.0}), 6, 1, 1)


@pytest.fixture(scope="module")
def journals(effect):
    return [results.run(one.scenario, seed=1) for one in (effect.scenario, effect.reference)]


class Reader(HTMLParser):
    """Collects what a page asks for, and whether its tags close."""

    def __init__(self):
        super().__init__()
        self.open, self.images, self.asked, self.lang = [], [], [], None

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "html":
            self.lang = found.get("lang")
        if tag == "img":
            self.images.append(found)
        self.asked += [v for k, v in attrs if k in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(path):
    page = Reader()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert not page.open
    return page


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_the_page_asks_nothing_from_outside_and_every_picture_has_a_text(
    effect, journals, lang, tmp_path
):
    path = report.write(effect, tmp_path, *journals, lang=lang)
    page, text = read(path), path.read_text(encoding="utf-8")
    assert page.lang == lang
    assert all(asked.startswith(("data:", "#")) for asked in page.asked)
    assert not re.search(r"@import|url\((?!['\"]?data:)", text)
    assert len(page.images) >= 8
    assert all(image["alt"].strip() for image in page.images)


def test_the_page_says_the_answer_its_limits_and_how_to_make_it_again(effect, journals, tmp_path):
    text = report.write(effect, tmp_path, *journals).read_text(encoding="utf-8")
    digests = (effect.reference.scenario.digest, effect.scenario.scenario.digest)
    made_again = "--replicates 6 --seed 1"
    for wanted in (*digests, "exploration", "calés sur dix", "cosim compare", made_again):
        assert wanted in text
    assert 'name="viewport"' in text


def test_figures_stand_beside_the_page_as_svg_and_png(effect, journals, tmp_path):
    report.write(effect, tmp_path, *journals)
    svg = {path.stem for path in (tmp_path / "figures").glob("*.svg")}
    assert svg == {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert {"alliances", "belief", "types", "survival", "map", "network"} <= svg


def test_a_page_without_a_journal_leaves_out_what_only_a_journal_tells(effect, tmp_path):
    report.write(effect, tmp_path)
    drawn = {path.stem for path in (tmp_path / "figures").glob("*.svg")}
    assert not drawn & {"survival", "map", "network", "articulation"} and len(drawn) > 10


def test_every_concept_of_the_documents_that_has_a_figure_is_on_the_page(
    effect, journals, tmp_path
):
    page = read(report.write(effect, tmp_path, *journals))
    told = {image["alt"] for image in page.images}
    spent = {"reach_by_public"}  # nothing is spent on data, tools or skills here
    own = {n for n, c in FIGURES.items() if c.draw.__module__ == figures_concepts.__name__}
    own -= {"survival"}  # under a text of its own
    assert len(own) > 9
    assert {FIGURES[name].fr for name in own - spent} <= told


def test_the_same_data_give_the_same_figure(effect, journals):
    for draw in (lambda: figures.fan_chart(effect), lambda: figures.network(journals[0])):
        assert drawing.svg(draw()) == drawing.svg(draw())


def test_colours_of_kinds_differ_in_shape_and_stand_out_on_white():
    assert len({marker for _, marker in drawing.KINDS.values()}) == len(drawing.KINDS)
    assert len({colour for colour, _ in drawing.KINDS.values()}) == len(drawing.KINDS)
    for colour in [c for c, _ in drawing.KINDS.values()] + [drawing.WHAT_IF, drawing.REFERENCE]:
        assert drawing.contrast(colour) >= 3.0


def test_contrast_is_that_of_wcag():
    assert drawing.contrast("#000000") == pytest.approx(21.0)
    assert drawing.contrast("#FFFFFF") == pytest.approx(1.0)
    assert drawing.contrast("#777777") == pytest.approx(4.48, abs=0.01)


def test_shares_of_types_add_up_to_one(effect):
    assert sum(figures.shares(effect.scenario, figures.TYPES).values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("x", "digits", "lang", "sign", "text"),
    [
        (1234.5, 1, "fr", False, "1\u202f234,5"),
        (1234.5, 1, "en", False, "1,234.5"),
        (-3, 0, "fr", True, "\u22123"),
        (3, 0, "en", True, "+3"),
        (-0.04, 1, "fr", True, "0,0"),
    ],
)
def test_numbers_are_written_as_each_language_writes_them(x, digits, lang, sign, text):
    assert drawing.number(x, digits, lang, sign) == text


def test_labels_at_line_ends_never_overlap_and_keep_their_order():
    wanted = [0.5, 0.51, 0.52, 0.9]
    places = drawing.spread_out(wanted, 0.1, 0.0, 1.0)
    assert np.diff(places).min() >= 0.1 - 1e-6
    assert sorted(places) == places


def test_what_it_prints_to_make_it_again_gives_the_same_scenarios(effect, tmp_path):
    text = report.write(effect, tmp_path).read_text(encoding="utf-8")
    code = unescape(re.search(r"<pre>(.*)</pre>", text, re.S)[1])
    reference, what_if = code.split("# scenario.toml\n")
    assert loads(reference).digest == effect.reference.scenario.digest
    assert loads(what_if).digest == effect.scenario.scenario.digest


def test_a_title_is_never_read_as_html(tmp_path):
    named = scenario(months=12).with_(title="<b>Essai</b>")
    text = report.write(effects.compare(named, named, 2), tmp_path).read_text(encoding="utf-8")
    assert "<b>Essai" not in text and "&lt;b&gt;Essai" in text


def test_the_sampling_fraction_is_stated(tmp_path):
    half = scenario(months=12).with_(**{"territory.sample": 0.5})
    text = report.write(effects.compare(half, half, 2), tmp_path).read_text(encoding="utf-8")
    assert "50,0\u202f% des acteurs sont simulés" in text
