"""Files that leave the page: they open, hold what is on screen, and carry no formula."""

import csv
import io
import json
import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from browsing import SMALL

from cosim import drawing, effects_text, report
from cosim.dashboard import bench, compare, compute, exports, qr, refusals, sharing
from cosim.dashboard import view as views
from cosim.dashboard.view import replace
from cosim.effects import Effect
from cosim.errors import CosimError, ScenarioError
from cosim.indicators import COLUMNS
from cosim.parameters import PARAMETERS

N = 20


@pytest.fixture(scope="module")
def shown():
    start = views.home().at(SMALL)
    changed = start.scenario.with_(**{"time.end": "2023-06", "lieux.number": 3})
    return replace(start, scenario=changed)


@pytest.fixture(scope="module")
def effect(shown):
    *_, last = compute.effects(shown.reference, shown.scenario, stages=(N,))
    return last.effect


def titled(effect, title):
    """The same numbers under another title."""
    named = effect.scenario.scenario.with_(title=title)
    return Effect(effect.reference, replace_scenario(effect.scenario, named))


def replace_scenario(ensemble, scenario):
    from dataclasses import replace as changed

    return changed(ensemble, scenario=scenario)


# -- spreadsheet --------------------------------------------------------------------------


def test_a_french_spreadsheet_reads_the_numbers(effect):
    data = exports.csv(effect, "fr")
    assert data.startswith(b"\xef\xbb\xbf")
    table = pd.read_csv(io.BytesIO(data), sep=";", decimal=",", encoding="utf-8-sig")
    last = table[(table["mois"] == "2023-06") & (table["code"] == "alliances")
                 & (table["groupe"] == "ensemble")]  # fmt: skip
    ours = effect.table_at([-1], ["alliances"]).iloc[0]
    assert last["écart moyen"].item() == pytest.approx(ours.difference, rel=1e-9)
    assert last["scénario (médiane)"].item() == pytest.approx(ours.scenario, rel=1e-9)
    assert last["graine"].item() == compute.SEED
    assert set(table["empreinte"]) == {effect.scenario.scenario.digest}


def test_an_english_spreadsheet_has_commas_between_cells_and_points_in_numbers(effect):
    table = pd.read_csv(io.BytesIO(exports.csv(effect, "en")), encoding="utf-8-sig")
    assert table["mean difference"].dtype == float
    assert "Living alliances" in set(table["indicator"])


@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("x";1)'])
def test_no_cell_is_a_formula(effect, title):
    data = exports.csv(titled(effect, title), "fr").decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(data), delimiter=";"))
    place = rows[0].index("titre")
    assert {row[place] for row in rows[1:]} == {f"'{title}"}
    texts = [cell for row in rows for cell in row if not re.fullmatch(r"[-\d.,e+]*", cell)]
    assert not [cell for cell in texts if cell.startswith(("=", "+", "-", "@", "\t"))]


# -- Parquet ------------------------------------------------------------------------------


def test_parquet_holds_every_replicate_of_every_indicator_with_its_provenance(effect):
    import pyarrow.parquet as pq

    values = exports.simulated(effect)
    data = io.BytesIO(exports.parquet(effect, values))
    table = pq.read_table(data)
    rows = table.to_pandas()
    months = len(exports.months_shown(effect))
    assert len(rows) == 2 * N * months * len(COLUMNS)
    last = rows[(rows["indicator"] == "alliances") & (rows["group"] == "")
                & (rows["month"] == "2023-06-01")]  # fmt: skip
    for side, ensemble in (("reference", effect.reference), ("scenario", effect.scenario)):
        mine = last[last["scenario"] == side].sort_values("replicate")["value"].to_numpy()
        assert np.array_equal(mine, ensemble.array("alliances")[:, -1])
    about = json.loads(table.schema.metadata[b"cosim"])
    assert about["scenario"]["digest"] == effect.scenario.scenario.digest
    assert about["seed"] == compute.SEED


def test_without_a_simulation_parquet_holds_what_is_kept(effect):
    rows = pd.read_parquet(io.BytesIO(exports.parquet(effect)))
    assert set(rows["indicator"]) == set(compute.KEPT)


def test_a_simulation_for_parquet_stops_when_nobody_wants_it_any_more(effect):
    assert exports.simulated(effect, lambda: True) is None


# -- the page for the council -------------------------------------------------------------


def pages_of(data):
    return len(re.findall(rb"/Type\s*/Page\b", data))


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_the_page_for_the_council_is_one_page(effect, lang):
    data = exports.pdf(effect, "alliances", lang, date(2026, 11, 2))
    assert data.startswith(b"%PDF") and pages_of(data) == 1


def texts_of(effect, lang="fr", indicator="alliances"):
    with drawing.style():
        figure = drawing.new_figure(11.69, 8.27)
        exports._compose(figure, exports._short(effect), indicator, lang, date(2026, 11, 2))
        figure.set_dpi(720)  # as fine as the page's own measure of its lines
        figure.draw_without_rendering()
    return figure


def test_the_page_tells_sentence_frequency_levers_cost_limits_seed_version_digest_and_date(effect):
    words = " ".join(text.get_text() for text in texts_of(effect).texts)
    plain = words.replace(" – ", " ")
    for told in (
        effect.sentence("fr"), effect.frequency_sentence("fr"), effect.cost_sentence("fr"),
        compare.changes(compare.Lane(effect.scenario.scenario, -1, True), "fr").split(" ")[0],
        "graine 1", effect.scenario.scenario.digest, "2 novembre 2026", "cosim 0.",
        "CC Pays de Nérondes", *report.limits_of(effect, "fr")[:-1],
    ):  # fmt: skip
        assert told in plain, told


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("title", ["", "Un titre $x^2$ " + 12 * "très long et ", 70 * "W"])
def test_no_text_leaves_the_page_or_lies_on_another(effect, lang, title):
    many = {f"{table}.{public}": 51.0 for table in ("donnees", "outils", "competences")
            for public in ("organisations", "territoires", "collectivites")}  # fmt: skip
    crowded = effect.scenario.scenario.with_(title=title, **many, **{"context.turnover": 2.0})
    told = Effect(effect.reference, replace_scenario(effect.scenario, crowded))
    figure = texts_of(told, lang, "fragility")
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [text.get_window_extent() for text in figure.texts if text.get_text().strip()]
    assert all(box.x0 >= 0.05 * width and box.x1 <= 0.95 * width for box in boxes)
    assert all(box.y0 >= 0.02 * height and box.y1 <= 0.98 * height for box in boxes)
    for k, one in enumerate(boxes):
        for other in boxes[:k]:
            apart = min(one.x1, other.x1) - max(one.x0, other.x0)
            over = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert apart <= 1.0 or over <= 0.35 * min(one.height, other.height)


def test_levers_that_no_page_could_hold_are_cut_and_the_page_says_so(effect):
    all_ = {row.name: row.default for row in PARAMETERS.values()}
    endless = effect.scenario.scenario.with_(title=400 * "long ", parameters=all_)
    told = Effect(effect.reference, replace_scenario(effect.scenario, endless))
    figure = texts_of(told)
    assert any("scenario.toml" in text.get_text() for text in figure.texts)
    assert min(text.get_position()[1] for text in figure.texts) > 0.02
    assert pages_of(exports.pdf(told, "alliances")) == 1


def test_the_picture_is_a_png(effect):
    assert exports.png(effect, "engaged", "en", dpi=60).startswith(b"\x89PNG")


def test_file_names_are_plain_and_name_the_scenario(effect):
    name = exports.name(effect, "pdf")
    assert re.fullmatch(r"cosim-cc-pays-de-nerondes-[0-9a-f]{8}\.pdf", name)


# -- the comparison -----------------------------------------------------------------------


def test_a_card_tells_the_numbers_of_the_effect(effect):
    one = compare.figure(effect, "alliances", "fr")
    row = effect.table_at([-1], ["alliances"]).iloc[0]
    assert one.level == effects_text.number(effect.means("alliances")[1])
    assert one.change == effects_text.difference(row.difference, "alliances")
    assert f"{effects_text.number(row.low)}" in one.span.replace("+", "")
    assert one.chances.endswith(f"sur {N}")


def test_what_does_not_move_is_said_to_be_as_in_the_reference(effect):
    same = Effect(effect.reference, effect.reference)
    assert compare.figure(same, "alliances", "fr").span == "comme la référence"


def test_posts_are_counted_from_their_start_and_within_their_budget():
    usual = (
        views.home().at(SMALL).scenario.with_(**{"time.start": "2020-01", "time.end": "2029-12"})
    )
    four = usual.with_(**{"catalysis.fte": 4, "catalysis.start": "2021-01"})
    assert compare.fte_years(four) == pytest.approx(36.0)
    assert compare.fte_years(four.with_(**{"ingenierie.fte": 1.0})) == pytest.approx(46.0)
    assert compare.fte_years(four.with_(**{"catalysis.budget": 75.0})) == pytest.approx(1.0)


def test_curves_hold_the_reference_then_each_scenario_and_no_bare_point(effect):
    drawn = compare.curves([effect, effect], "alliances")
    assert drawn.shape == (3, 3, len(effect.months))
    assert (drawn[:, 0] <= drawn[:, 1]).all() and (drawn[:, 1] <= drawn[:, 2]).all()
    assert (compare.curves([effect], "alliances", gap=True)[0] == 0.0).all()


def test_scenarios_are_kept_renamed_resumed_and_removed(shown):
    one = shown.scenario.with_(title="A")
    now = replace(shown, kept=(one, one.with_(**{"lieux.number": 1, "title": "B"})))
    assert [lane.moving for lane in compare.lanes(now)] == [True, False]
    now = compare.renamed(now, 1, "  Deux   mots " + "x" * 99)
    assert now.kept[1].title == ("Deux mots " + "x" * 99)[: compare.MOST_NAME]
    assert compare.resumed(now, 1).scenario == now.kept[1]
    assert compare.removed(now, 0).kept == now.kept[1:]
    assert compare.renamed(now, 7, "x") is now and compare.renamed(now, 0, "  ") is now


def test_names_of_any_text_come_back_from_the_link(shown):
    for name in ("12", "true", "<b>&amp;</b>", "a=b&c", "é « »", "2025-01"):
        now = compare.renamed(replace(shown, kept=(shown.scenario,)), 0, name)
        back, refused = views.from_query(views.to_query(now))
        assert back.kept[0].title == name and refused == ()


# -- link ---------------------------------------------------------------------------------


def test_the_qr_code_is_that_of_segno():
    import segno

    address = "https://exemple.fr/et-si/?territoire=200007177&catalysis.fte=4"
    made = qr.code(address)
    dark = np.zeros((made.size, made.size), dtype=int)
    for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", made.path):
        dark[int(y), int(x) : int(x) + int(run)] = 1
    expected = segno.make(address, error="l", micro=False).matrix
    assert dark.tolist() == [list(row) for row in expected]
    assert re.fullmatch(r"(M\d+ \d+h\d+v1h-\d+z)+", made.path)


@pytest.mark.parametrize(
    "address",
    ["", "x", "javascript:alert(1)", "http://", "ftp://a/b", "http://u:p@a/", "http://a/\n",
     "http://[", "http://a/" + "x" * 3000],
)  # fmt: skip
def test_what_is_no_short_web_address_has_no_qr_code(address):
    assert qr.code(address) is None


def test_the_longest_address_has_a_qr_code():
    assert qr.code("http://a/" + "x" * (qr.MOST_BYTES - 9)).size == 177


# -- a file that comes in -----------------------------------------------------------------


def part(number, count, content):
    import base64

    return {"number": number, "count": count, "content": base64.b64encode(content).decode()}


def test_a_file_comes_in_parts():
    parts = sharing.Parts()
    assert parts.add(part(0, 2, b"ab")) is None
    assert parts.add(part(1, 2, b"cd")) == b"abcd"


@pytest.mark.parametrize(
    "bad", [None, {}, part(1, 2, b"x"), {**part(0, 1, b"x"), "content": "?"},
            part(0, 1, b"x" * (sharing.PART + 1))]
)  # fmt: skip
def test_parts_that_are_none_are_refused(bad):
    with pytest.raises(ScenarioError):
        sharing.Parts().add(bad)


def test_too_many_parts_are_refused():
    parts = sharing.Parts()
    with pytest.raises(ScenarioError, match="too large"):
        for k in range(9):
            parts.add(part(k, 99, b"x" * sharing.PART))


@pytest.mark.parametrize(
    ("text", "french", "english"),
    [
        ("[catalysis]\nftes = 3", "catalysis.ftes : clé inconnue", "perhaps catalysis.fte"),
        ("[catalysis]\nfte = 300", "trouvé : 300, attendu : nombre de 0 à 200", "found: 300"),
        ("x = [", "pas du TOML", "TOML"),
        ('extends = "/etc/passwd"', "clé refusée", "refused"),
        ('[model]\nmodules = ["a.py"]', "clé refusée", "refused"),
        ('[territory]\ncode = "999999999"', "territoire inconnu", "unknown territory"),
        ('[time]\nstart = "2000-01"\nend = "2045-12"', "360 mois au plus", "360 months"),
        ("[parameters]\nfte_cost = 3", "nombre de 60 à 90", "60 to 90"),
    ],
)
def test_a_bad_file_gets_one_sentence_in_the_language_of_the_page(text, french, english):
    with pytest.raises(CosimError) as caught:
        views.uploaded(text, views.home())
    fr = refusals.words(caught.value, "fr").replace("\u00a0", " ")
    assert french in fr and english in refusals.words(caught.value, "en")
    assert not re.search(r"\b(expected|found|unknown|the)\b", fr)


# -- bench --------------------------------------------------------------------------------


def test_replicates_are_told_twenty_at_a_time(effect):
    head, rows = bench.replicates(effect, "alliances", 0, "fr")
    assert head[0] == "Réplicat" and len(rows) == bench.ROWS == N
    before, after = (side.array("alliances")[3, -1] for side in (effect.reference, effect.scenario))
    assert rows[3][1:3] == [effects_text.number(x) for x in (before, after)]
    assert bench.replicates(effect, "alliances", 1, "fr")[1] == []


@pytest.mark.parametrize("ledger", list(bench.LEDGERS))
@pytest.mark.parametrize("lang", ["fr", "en"])
def test_every_ledger_is_read_and_searched(ledger, lang):
    whole = bench.search(ledger, "", lang)
    assert whole.rows and all(len(row) == len(whole.head) for row in whole.rows)
    word = whole.rows[-1][0]
    assert whole.rows[-1] in bench.search(ledger, word.upper(), lang).rows
    assert bench.search(ledger, "zzzzzz", lang).rows == []


def test_a_search_needs_no_accents_and_tells_source_and_confidence():
    found = bench.search("parameters", "cout etp", "fr")
    (row,) = [row for row in found.rows if row[0] == "fte_cost"]
    assert row[-2:] == ["aides-territoires; recma 2020-24", "publié"]
