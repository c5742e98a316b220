"""What the pages France, Hypothèses and Méthode say is what ships, in words of both languages."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browsing import SMALL

from cosim import atlas, ledgers, limits
from cosim.dashboard import findings, method, nation
from cosim.dashboard import view as views
from cosim.dashboard.nation import Shown
from cosim.errors import CosimError, ResultsError
from cosim.experiment import contrasts, hypotheses, pages
from cosim.experiment.document import load as load_experiment
from cosim.parameters import PARAMETERS
from cosim.scenario import diff

LANGS = ("fr", "en")


@pytest.fixture(scope="module")
def known():
    return atlas.read()


# -- the map that ships -------------------------------------------------------------------


def test_the_map_holds_every_territory_of_france_and_its_eighteen_regions(known):
    from cosim import territory

    assert set(known.codes) == set(territory.territories().code)
    assert known.groups[0] == "all" and set(known.groups[1:]) == set(territory.REGIONS)


def test_the_map_weighs_less_than_a_megabyte():
    assert sum(path.stat().st_size for path in atlas.folder().iterdir()) < 1_000_000


def test_the_map_is_of_the_scenarios_that_its_manifest_names(known):
    made = {name: one.digest for name, one in atlas.scenarios(known.about["sample"]).items()}
    assert {name: one["scenario"] for name, one in known.about["worlds"].items()} == made
    assert known.about["replicates"] >= 8
    assert known.about["command"].startswith("cosim docs --france-map ")


def test_the_mean_lies_between_the_lowest_and_the_highest_simulation(known):
    for values in (*known.values.values(), *known.grouped.values()):
        assert (values[1] <= values[0] + 1e-6).all() and (values[0] <= values[2] + 1e-6).all()


def test_regions_and_france_are_within_what_their_territories_come_to(known):
    for name in nation.INDICATORS:
        whole = known.grouped[atlas.REFERENCE, name][0, :, 0]
        parts = known.values[atlas.REFERENCE, name][0]
        assert (parts.min(1) <= whole).all() and (whole <= parts.max(1)).all()


def test_alliances_of_the_territories_add_up_to_those_of_france(known):
    from cosim import territory

    people = territory.territories().set_index("code").inhabitants.reindex(known.codes).to_numpy()
    rate = known.values[atlas.REFERENCE, nation.COUNT][0] / atlas.PER
    whole = known.grouped[atlas.REFERENCE, nation.COUNT][0, :, 0] / atlas.PER * people.sum()
    assert rate @ people == pytest.approx(whole, rel=2e-3)


def test_the_map_says_by_how_much_its_sample_is_off_the_committed_run_one_for_one(known):
    import pandas as pd

    table = pd.read_csv(method.source("france/years.csv"))
    full = table[table.month == "2026-01"].set_index("indicator").value
    told = nation.notes(known, "en")[1]
    for name in ("convinced/elu", "able/elu", "engaged"):
        here = known.grouped[atlas.REFERENCE, name][0, -1, 0]
        assert known.about["one_for_one"][name] == pytest.approx(full[name], abs=1e-5)
        assert here == pytest.approx(full[name], abs=0.1)  # the same model, another sample
        assert f"{100 * here:.1f}% instead of {100 * full[name]:.1f}%" in told


def test_a_file_that_is_not_the_one_of_its_manifest_is_refused(tmp_path):
    for path in atlas.folder().iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / atlas.GROUPS).write_bytes(b"other")
    with pytest.raises(ResultsError, match=r"groups\.parquet"):
        atlas.read(tmp_path)


def test_a_folder_without_a_map_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(ResultsError, match="--france-map"):
        atlas.read(tmp_path)


def test_what_is_collected_is_read_back_to_the_last_committed_digit(tmp_path):
    from cosim import country, national

    codes, sample = (SMALL, "200071371"), 0.1
    atlas.collect(tmp_path, codes, replicates=2, sample=sample)
    made = atlas.read(tmp_path)
    assert made.codes == codes
    plan = national.plan(atlas.scenarios(sample)[atlas.REFERENCE], country.choose(codes))
    runs = [country.simulate(plan, atlas.SEED, n).array("engaged")[:, ::12] for n in range(2)]
    mean = np.mean(runs, axis=0).T
    assert made.values[atlas.REFERENCE, "engaged"][0] == pytest.approx(mean, abs=1.01e-4)
    changed = made.values["deux-postes", "engaged"]
    assert changed.shape == (3, len(made.years("deux-postes")), 2) and np.abs(changed).max() > 0


# -- the page France ----------------------------------------------------------------------


@pytest.mark.parametrize("world", atlas.WORLDS)
def test_an_address_restores_what_the_map_shows(known, world):
    shown = Shown(world, "convinced/elu", atlas.LAST, "200071371")
    assert nation.parsed(shown.text(), known) == shown
    assert len(shown.text()) <= 60  # what an address may hold of a page


@pytest.mark.parametrize(
    "text", ["", "x", "usine", ":::", "usine:engaged:1999:1", "a:b:c:d:e", "::²"]
)
def test_what_an_address_does_not_know_of_the_map_is_as_usual(known, text):
    shown = nation.parsed(text, known)
    assert shown.year in known.years(shown.world)
    assert shown.indicator in nation.INDICATORS and shown.place == ""


def test_a_page_without_an_address_needs_none():
    assert Shown().text() == ""


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("world", atlas.WORLDS)
@pytest.mark.parametrize("indicator", nation.INDICATORS)
def test_every_choice_has_sentences_a_scale_and_a_table(known, lang, world, indicator):
    shown = Shown(world, indicator, atlas.LAST, SMALL)
    told = nation.whole_sentence(known, shown, lang)
    told += nation.place_sentence(known, shown, SMALL, lang)
    assert ("janvier" if lang == "fr" else "January") in told
    assert "nan" not in told and "None" not in told
    scale = nation.scale(known, world, indicator, lang)
    assert len(scale.colours) == len(scale.bounds) + 1 == len(scale.words) + 1
    assert len(nation.regions(known, shown, lang)) == 19
    assert len(nation.figures(known, shown, SMALL, lang)) == len(nation.INDICATORS)


def test_the_rank_is_told_as_far_as_luck_allows(known):
    shown = Shown()
    values = known.values[shown.world, shown.indicator][:, -1]
    k = known.codes.index(SMALL)
    above, below = int((values[1] > values[2, k]).sum()), int((values[2] < values[1, k]).sum())
    told = nation.place_sentence(known, shown, SMALL, "en")
    numbers = re.search(r"luck: ([\d,]+); lower: ([\d,]+)\.", told).groups()
    assert [int(n.replace(",", "")) for n in numbers] == [above, below]
    assert "no ranking" in told


def test_regions_come_from_the_highest_to_the_lowest_and_france_last(known):
    rows = nation.regions(known, Shown(), "en")
    means = [float(row[1].rstrip("%")) for row in rows[:-1]]
    assert means == sorted(means, reverse=True) and rows[-1][0] == "All of France"


def test_what_luck_alone_may_explain_is_not_certain():
    numbers = np.array([[0.1, 0.1, -0.2], [0.05, -0.1, -0.3], [0.2, 0.3, -0.1]])
    assert nation.certain(numbers).tolist() == [True, False, True]


def test_the_notes_tell_the_sample_and_the_limits_of_a_run_of_france(known):
    for lang, every in (("fr", "1 acteur sur 5"), ("en", "1 actor in 5")):
        told = nation.notes(known, lang)
        assert every in told[0] and len(told) > 5


def test_the_grid_gives_back_the_territory_of_every_point():
    codes = (SMALL, "200071371")
    grid = nation.grid(codes)
    runs = np.frombuffer(grid.runs, np.int16).reshape(-1, 2)
    lengths = runs[:, 1].view(np.uint16).astype(int)
    first = grid.frames[0]
    mine = slice(first["from"], first["from"] + first["runs"])
    assert lengths[mine].sum() == first["width"] * first["height"]
    assert {0, 1} <= set(runs[mine, 0]) <= {0, 1, nation.SEA, nation.NOBODY}
    assert len(grid.regions) == 2


def test_a_commune_finds_its_territory_on_the_map(known):
    assert nation.find("vannes", known)[0] in known.codes
    assert nation.find("x", known) == [] and nation.find("zzzzzz", known) == []


# -- the page Hypothèses ------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
def test_every_shipped_hypothesis_has_a_card_with_its_own_words(lang):
    cards = findings.cards(lang)
    assert [card.name for card in cards] == [f"H{n}" for n in range(1, 13)]
    assert all(card.statement and card.title and card.question and card.command for card in cards)


def test_the_verdict_of_a_card_is_the_one_that_ships():
    summary = hypotheses.summary(pages.verdicts())
    default = summary[summary["rules"] == hypotheses.DEFAULT].set_index("hypothesis")["verdict"]
    assert {card.name: card.verdict for card in findings.cards("fr")} == default.to_dict()


def test_a_card_tells_symbol_and_word():
    assert findings.word(contrasts.SUPPORTED, "fr") == "● soutenue"
    assert findings.word(contrasts.CONTRADICTED, "en") == "✕ contradicted"


def test_the_bars_of_a_contrast_are_the_intervals_that_ship():
    table = pages.verdicts()
    for card in findings.cards("en"):
        for contrast in card.contrasts:
            rows = table[(table.hypothesis == card.name) & (table.contrast == contrast.name)
                         & (table.rules == hypotheses.DEFAULT)]  # fmt: skip
            assert len(contrast.bars) == len(rows)
            mean = rows[rows.territory == hypotheses.ALL].iloc[0]
            first = contrast.bars[0]
            assert (first.estimate, first.low, first.high) == (mean.estimate, mean.low, mean.high)
            low, high = findings.reach(contrast)
            assert all(low < bar.low and bar.high < high for bar in contrast.bars)


def test_the_filter_keeps_one_verdict_and_the_counts_add_up():
    counts = findings.counts("fr")
    assert sum(counts.values()) == 12
    for verdict, n in counts.items():
        assert [card.verdict for card in findings.chosen(verdict, "fr")] == [verdict] * n
    assert len(findings.chosen("autre", "fr")) == 12


def test_the_outline_of_an_experiment_says_what_the_checked_experiment_says():
    from cosim.experiment.document import outline

    name = "h06-partir-des-besoins"
    whole = load_experiment(name)
    assert outline(name).resolved() == whole.resolved() and outline(name).terms == whole.terms


def test_rival_rules_that_change_the_verdict_are_named():
    card = next(card for card in findings.cards("en") if card.name == "H1")
    assert [changes for _, _, changes in card.rivals].count(True) == 2
    assert "2 of 5 rival rules" in findings.places(card, "en")
    assert all(rule and "-" not in rule.split()[0] for rule, _, _ in card.rivals)


@pytest.mark.parametrize("lang", LANGS)
def test_what_was_chosen_after_and_the_missing_correction_are_told(lang):
    told = " ".join(findings.reading(lang))
    assert ("après avoir vu" if lang == "fr" else "after H1, H3 and H8 had been seen") in told
    assert ("aucune correction" if lang == "fr" else "no correction") in told


@pytest.mark.parametrize("name", [f"H{n}" for n in range(1, 13)])
def test_a_hypothesis_opens_in_the_explorer_on_the_visitors_own_territory_or_says_why_not(name):
    view = views.home()
    if findings.tried(name) is None:
        with pytest.raises(CosimError):
            findings.explored(name, view)
        return
    made = findings.explored(name, view)
    assert made.code == view.code and made.scenario.time == view.scenario.time
    assert diff(made.reference, made.scenario)
    assert views.from_query(views.to_query(made))[1] == ()


def test_doses_follow_the_inhabitants_of_the_territory():
    from cosim import territory

    view = views.home()
    small, large = (findings.explored("H1", view.at(code)).scenario.catalysis.fte
                    for code in (SMALL, view.code))  # fmt: skip
    ratio = territory.load(view.code).inhabitants / territory.load(SMALL).inhabitants
    assert large / small == pytest.approx(ratio, rel=0.1)


# -- the page Méthode ---------------------------------------------------------------------


def test_a_key_of_the_address_opens_a_part_or_a_row():
    assert method.target("parametre-prime_birth") == ("parametres", "prime_birth")
    assert method.target("fait-odd_frame") == ("faits", "odd_frame")
    assert method.target("limites") == ("limites", "")
    assert method.target("<b>") == (method.SECTIONS[0].key, "")


@pytest.mark.parametrize("lang", LANGS)
def test_every_parameter_and_fact_has_its_row_with_a_source(lang):
    rows = method.parameters(lang)
    assert [row["name"] for row in rows] == list(PARAMETERS)
    assert all(row["source"] and row["source"] != "idem" and row["confidence"] for row in rows)
    facts = method.facts(lang)
    assert [row["name"] for row in facts] == [row["id"] for row in ledgers.facts()]
    assert sum(method.counts(rows).values()) == len(PARAMETERS)


def test_every_row_of_a_ledger_can_be_named_in_an_address():
    for name in PARAMETERS:
        assert len(f"parametre-{name}") <= 60
    for row in ledgers.facts():
        assert len(f"fait-{row['id']}") <= 60


def test_numbers_of_a_ledger_are_french_in_french():
    row = next(r for r in method.parameters("fr") if r["name"] == "turn_maire")
    assert (row["value"], row["range"]) == ("0,4", "0,35 – 0,45")


def test_the_months_are_the_mechanisms_in_the_order_of_the_schedule():
    rows = ledgers.mechanisms()
    assert [one["sentence"] for one in method.months("fr")] == [r["sentence_fr"] for r in rows]


@pytest.mark.parametrize("lang", LANGS)
def test_every_arrow_of_the_diagram_names_a_mechanism_that_may_draw_it(lang):
    names = {row["name"] for row in ledgers.mechanisms()}
    assert {rule for *_, rule, _ in method.EDGES} - {""} <= names
    boxes, arrows = method.diagram(lang)
    assert {a["from"] for a in arrows} | {a["to"] for a in arrows} == {b["name"] for b in boxes}
    assert len(method.chain(lang)) == len(arrows)


def test_the_diagram_has_a_place_for_every_box_and_a_path_for_every_arrow():
    folder = Path(method.__file__).parent / "components"
    text = (folder / "CausalDiagram.vue").read_text("utf-8")
    for one, other, *_ in method.EDGES:
        assert f'"{one} {other}":' in text
    for name in method.NODES:
        assert re.search(rf"\b{name}: \[", text)


@pytest.mark.parametrize("lang", LANGS)
def test_the_limits_of_the_page_are_those_of_the_documentation(lang):
    blocks = method.limits_of(lang)
    text = (method.source(limits.PAGE)).read_text("utf-8")
    titles = [block["text"][0]["text"] for block in blocks if block["kind"] == "h"]
    half = re.split(r"(?m)^(?=# )", text)[1 if lang == "fr" else 2]
    assert titles == re.findall(r"(?m)^## (.*)$", half)
    assert sum(block["kind"] == "table" for block in blocks) == half.count(":begin -->") - (
        half.count("Pas encore") + half.count("not yet")
    )


def test_a_name_of_a_parameter_in_the_limits_leads_to_its_row():
    (block,) = method.prose("On `prime_birth`, `odd_frame`, `else`: see [facts](facts.md#x).")
    leads = {span["text"]: span["section"] for span in block["text"] if "section" in span}
    assert leads == {"prime_birth": "parametre-prime_birth", "odd_frame": "fait-odd_frame",
                     "facts": "faits"}  # fmt: skip


def test_html_in_a_document_is_not_shown():
    blocks = method.prose("<script>alert(1)</script>\n\ntext <b>bold</b>")
    assert "script" not in json.dumps(blocks) and "text" in json.dumps(blocks)


def test_the_targets_are_those_of_the_last_calibration():
    rows = method.fit("en")
    assert len(rows) == 16 and sum(row["met"] for row in rows) == 15
    assert all(row["label"] and "nan" not in row["median"] for row in rows)
    assert "15" in method.calibration_sentence("fr") and "16" in method.calibration_sentence("fr")


def test_the_example_counts_what_the_pairs_of_an_answer_say():
    class Effect:
        def difference(self, indicator):
            return np.array([[0.0, 2.0], [0.0, -1.0], [0.0, 3.0]])

    class Answer:
        effect = Effect()

    told, gaps = method.example(Answer(), "alliances", "en")
    assert gaps == [2.0, -1.0, 3.0] and "2 of these 3" in told
    assert method.gap_words(gaps, "alliances", "fr") == ["+2", "−1", "+3"]
    assert method.gap_words([0.011], "engaged", "fr") == ["+1,1 points"]


def test_the_citation_and_the_licences_are_those_of_the_package():
    assert method.citation().startswith("cff-version") and method.licence() == "BSD-3-Clause"
    assert "Licence Ouverte" in json.dumps(method.attribution(), ensure_ascii=False)


def test_what_the_page_shows_is_in_the_wheel():
    import tomllib

    text = (Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for name in ("limits.md", "calibration/default.json", "calibration/rivals.csv", "CITATION.cff"):
        assert f"cosim/docs/{name}" in shipped.values()


# -- components without a browser -----------------------------------------------------------


@pytest.mark.parametrize("page", ["france", "hypotheses", "methode"])
@pytest.mark.parametrize("lang", LANGS)
def test_a_page_renders_in_both_languages(page, lang):
    import importlib

    import solara

    from cosim.dashboard import session

    module = importlib.import_module(f"cosim.dashboard.pages.{page}")
    session.view.value = replace(views.home(), lang=lang)
    findings.cards(lang)

    _, rendered = solara.render(solara.AppLayout(children=[module.Page()]), handle_error=False)
    rendered.close()
