"""The report of an effect: one page that needs nothing from outside, and its figures beside it."""

import re
from html.parser import HTMLParser

import pytest

from cosim import figures, report, results
from cosim.effects import compare
from cosim.scenario import Scenario

SMALL = Scenario(
    territory={"code": "synthetic", "synthetic": {"communes": 4, "population": 6000}},
    time={"start": "2010-01", "end": "2012-12"},
    parameters={"birth_base": -8.5},
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    what_if = SMALL.with_(**{"catalysis.fte": 3.0, "title": "<b>Essai</b>"})
    effect = compare(SMALL, what_if, replicates=6)
    folder = tmp_path_factory.mktemp("report")
    one, other = results.run(what_if), results.run(SMALL)
    path = report.write(effect, folder, results=one, results_reference=other)
    return effect, folder, path.read_text(encoding="utf-8")


class Page(HTMLParser):
    """What a page loads, what it says of its pictures, and whether its elements are closed."""

    def __init__(self, text):
        super().__init__()
        self.sources, self.alts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.sources += [given[key] for key in ("src", "href") if given.get(key)]
        if tag == "img":
            self.alts.append(given.get("alt", ""))
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_from_outside(written):
    page = Page(written[2])
    assert page.open == [] and page.sources
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert "url(" not in written[2] and "<script" not in written[2]


def test_every_picture_is_described_and_stands_beside_as_svg_and_png(written):
    _, folder, text = written
    page = Page(text)
    assert len(page.alts) == 10 and all(len(alt) > 10 for alt in page.alts)
    for suffix in ("svg", "png"):
        assert len(list((folder / "figures").glob(f"*.{suffix}"))) == 10


def test_it_says_the_sentence_the_limits_and_how_to_make_it_again(written):
    effect, _, text = written
    assert report.escape(effect.sentence("fr")) in text
    assert "pas une prévision" in text and "pas encore calibrés" in text
    for digest in (effect.reference.scenario.digest, effect.scenario.scenario.digest):
        assert digest in text
    assert "cosim compare reference.toml scenario.toml --replicates 6 --seed 1" in text


def test_what_it_prints_to_make_it_again_gives_the_same_scenarios(written):
    from html import unescape

    from cosim.scenario import loads

    effect, _, text = written
    code = unescape(re.search(r"<pre>(.*)</pre>", text, re.S)[1])
    reference, scenario = code.split("# scenario.toml\n")
    assert loads(reference).digest == effect.reference.scenario.digest
    assert loads(scenario).digest == effect.scenario.scenario.digest


def test_a_title_is_never_read_as_html(written):
    assert "<b>Essai" not in written[2] and "&lt;b&gt;Essai" in written[2]


def test_the_sampling_fraction_is_stated(tmp_path):
    half = SMALL.with_(**{"territory.sample": 0.5})
    text = report.write(compare(half, half, replicates=2), tmp_path).read_text(encoding="utf-8")
    assert "50,0\u202f% des acteurs sont simulés" in text


def test_it_exists_in_english(written, tmp_path):
    text = report.write(written[0], tmp_path, lang="en").read_text(encoding="utf-8")
    assert '<html lang="en">' in text and "not a forecast" in text


def test_kinds_stand_out_from_the_page_and_from_one_another_by_shape():
    assert all(figures.contrast(colour) >= 3.0 for colour, _ in figures.KINDS.values())
    assert len({marker for _, marker in figures.KINDS.values()}) == len(figures.KINDS)
