"""A reader of the documents finds each of their concepts, and each row leads somewhere."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import typer.main

from cosim import concepts, engine, tables
from cosim.cli import reading, running, shell
from cosim.errors import CosimError
from cosim.facts import facts
from cosim.figures_concepts import FIGURES
from cosim.indicators import column
from cosim.mechanisms import MECHANISMS
from cosim.parameters import PARAMETERS
from cosim.scenario import load, shipped
from cosim.scenario_file import keys

DOCS = Path(__file__).parent.parent / "docs"
ROWS = list(concepts.concepts().values())
KEYS = {key for key, _ in keys()}

#: What the design says of the two documents, row by row: each is to be found under its own name.
REQUIRED = """
élu; association; entreprise; acteur académique; catalyseur; agents; citoyens; institutions
alliance d'intérêt général; contrat-échange; contrat-alliance
mécénat; innovation sociétale; coopération économique; pratiques responsables
approche d'intérêt général; approche économique
réduire les fragilités; moteurs économiques
envie; devoir d'alliance; besoin d'alliance
apprendre à faire alliance; 46 % ne savent pas piloter
confiance; tiers de confiance; pari de la confiance
dialogue territorial; expérimentations collectives; accompagnement; gestion d'un lieu
partage de connaissance; temps de rencontres; sensibilisation; mise en relations
identification des besoins; mobilisation des acteurs; co-pilotage; évaluation
incubation; formations; accompagnement de partenariats; transfert de savoir-faire
lieu d'échanges convivial; co-working; showroom; fab lab
350 catalyseurs; troisième ingénierie; ingénierie de gestion; management de projets
vision; gestion; action; barycentre; trois leviers
7 forces; conscience de la nécessité; vision partagée; actions innovantes
mobilisation des énergies; dispositifs pertinents; modèles socio-économiques
dynamique de co-construction
triple articulation; trois sphères; sphère des personnes; sphère des organisations
système politique
qualification systémique; écosystème; maturité; adhésion
quatre niveaux RSE; respect de la législation; gestion des risques; leviers d'efficacité
impacts sur le développement
hybridation; pères; pairs; co-construction des politiques publiques; fin des arrogances
bâtisseuse; volontaire; coordinatrice; gestionnaire; idéaliste; profils
ODD; ODD 17; domaines
droit de l'alliance; ingénierie de l'alliance; prime à l'alliance; trois piliers
Fonds ODD 17; Fonds i; Fondation des Territoires
données; outils; compétences; quatre publics; socle commun
usine de la co-construction; volet 1; volet 2; volet 3; 8 M€; 5 M€
premier kilomètre des besoins; derniers kilomètres des solutions
(re)connaissance; révéler; signaux faibles; essaimage; petites lumières
diversité des territoires; recette unique
investissement dans le temps; 18 mois; 7 ans
crise sanitaire; crise de 2008; effet ciseau
mandat; nouvelles équipes municipales
Paris Est Marne & Bois; Observatoire des partenariats; base IMPACT
"""
NAMES = [name.strip() for name in REQUIRED.replace("\n", ";").split(";") if name.strip()]


def commands():
    """The commands of the program."""
    assert reading and running
    return typer.main.get_command(shell.app).commands


def leads_somewhere(pointer):
    prefix, _, name = pointer.partition(":")
    if prefix == "indicator":
        return column(*name.split("/", 1)) >= 0
    if prefix == "table":
        table, _, of = name.partition(".")
        return of in tables.SCHEMAS[table]
    known = {"key": KEYS, "mechanism": MECHANISMS, "parameter": PARAMETERS, "fact": facts(),
             "command": commands()}  # fmt: skip
    return name in known[prefix]


# -- every row leads somewhere ------------------------------------------------------------


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.id)
def test_each_concept_points_at_what_exists(one):
    assert one.part in concepts.PARTS
    assert one.where
    for pointer in one.where:
        assert leads_somewhere(pointer), pointer
    assert one.scenario in shipped()
    assert column(*one.indicator.split("/", 1)) >= 0
    assert one.figure in FIGURES
    for text in (one.fr, one.en, one.note_fr, one.note_en):
        assert text.strip() == text and text and "|" not in text and "\n" not in text


def test_no_two_concepts_share_a_name():
    for lang in ("fr", "en"):
        names = [getattr(one, lang) for one in ROWS]
        assert len(set(names)) == len(names), {n for n in names if names.count(n) > 1}


def test_every_part_figure_mechanism_and_lever_shows_a_concept():
    assert {one.part for one in ROWS} == set(concepts.PARTS)
    assert {one.figure for one in ROWS} == set(FIGURES)
    pointers = {pointer for one in ROWS for pointer in one.where}
    assert {f"mechanism:{name}" for name in MECHANISMS} <= pointers
    for lever in ("donnees", "outils", "competences"):
        for public in ("organisations", "territoires", "collectivites", "institutions"):
            assert concepts.concepts()[f"{lever}_{public}"].where[0] == f"key:{lever}.{public}"


def test_what_is_not_represented_says_so_and_points_at_what_comes_nearest():
    for name in ("numerique", "bien_commun", "arrogances", "a_transfert"):
        one = concepts.concepts()[name]
        assert "pas " in one.note_fr.lower()
        assert "not " in one.note_en.lower()
        assert one.where


@cache
def simulated(name):
    """The indicators of a shipped scenario, one replicate; a tenth of a large territory."""
    scenario = load(name)
    if engine.territory_of(scenario).inhabitants > 100_000:
        scenario = scenario.with_(**{"territory.sample": 0.1})
    return engine.replicate(engine.plan(scenario), 1, 0)[0]


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.id)
def test_the_scenario_of_a_concept_moves_its_indicator(one):
    assert np.ptp(simulated(one.scenario)[:, column(*one.indicator.split("/", 1))]) > 0


# -- each is found ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_each_concept_of_the_documents_is_found_by_its_name(name):
    found = concepts.find(name)
    assert found
    assert concepts._words(name) <= concepts._words(
        f"{found[0].fr} {found[0].words}"
    ), found[0].fr  # fmt: skip


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("tiers de confiance", "tiers"), ("pari de la confiance", "pari"),
        ("barycentre", "barycentre"), ("pères", "peres_pairs"), ("essaimage", "essaimage"),
        ("usine", "usine"), ("ELU", "elu"), ("elus", "elu"), ("associations", "association"),
        ("entreprises", "entreprise"), ("envie", "envie"), ("devoir", "devoir"),
        ("46 %", "pas_piloter"), ("8 M€", "huit_millions"), ("5 M€", "cinq_millions"),
        ("ODD", "odd"), ("odd 17", "odd17"), ("mecenat", "mecenat"), ("fab lab", "l_fablab"),
        ("coworking", "l_coworking"), ("premier kilometre", "premier_km"),
        ("dernier kilomètre", "dernier_km"), ("18 mois", "dix_huit_mois"), ("7 ans", "sept_ans"),
        ("3e ingénierie", "troisieme"), ("signaux faibles", "signaux_faibles"),
        ("hybridation", "hybridation"), ("Covid", "crise_sanitaire"), ("ciseau", "ciseau"),
        ("Paris Est Marne et Bois", "pemb"), ("trusted third party", "tiers"),
        ("données collectivités", "donnees_collectivites"), ("fonds i", "fonds_i"),
    ],
)  # fmt: skip
def test_a_word_finds_its_concept_first_whatever_its_accents_and_capitals(text, first):
    assert concepts.find(text)[0].id == first


def test_a_search_for_nothing_finds_everything_and_one_for_nonsense_nothing():
    assert len(concepts.find("")) == len(ROWS)
    assert concepts.find("xyzzy") == []
    with pytest.raises(CosimError, match="did you mean 'Barycentre'"):
        concepts.rows("barycantre")


# -- page and command ---------------------------------------------------------------------


def test_the_page_is_up_to_date():
    text = (DOCS / "concepts.md").read_text(encoding="utf-8")
    assert text == concepts.page(), "run `cosim docs`"


def test_the_page_holds_every_concept_once_under_its_heading():
    text = concepts.page()
    for one in ROWS:
        assert text.count(f'<a id="{one.id}"></a>') == 1
    assert all(f"## {fr} — {en}" in text for fr, en in concepts.PARTS.values())


def test_the_links_of_the_page_lead_to_pages_that_exist():
    for _, _, target in concepts.POINTERS.values():
        assert not target or (DOCS / target.partition("#")[0]).is_file()


def test_the_command_prints_the_concepts_that_hold_a_word(capsys):
    assert shell.main(["concepts", "barycentre", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["id"] == "barycentre" and row["figure"] == "ternary"
    assert shell.main(["concepts", "pères"]) == 0
    assert "ladder_shares" in capsys.readouterr().out
    assert shell.main(["concepts", "xyzzy"]) == 2
