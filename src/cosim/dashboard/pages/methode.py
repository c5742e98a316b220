"""The page Méthode: how the model works, what it does not know, every parameter and its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import solara

from cosim.dashboard import method, session
from cosim.dashboard.session import say
from cosim.dashboard.widgets import Copy, Fold, Press, Table, box, text
from cosim.effects_text import number

STYLE = (Path(__file__).parents[1] / "methode.css").read_text(encoding="utf-8")


@solara.component_vue("../components/Prose.vue")
def Prose(blocks: Sequence[dict[str, Any]], label: str, event_go: Callable[[str], None]) -> None:
    """Paragraphs, lists and tables of `method.prose`."""


@solara.component_vue("../components/Ledger.vue")
def Ledger(
    name: str, rows: list[dict[str, str]], opened: str, on_opened: Callable[[str], None],
    words: dict[str, str],
) -> None:  # fmt: skip
    """A table that is searched; one row unfolds."""


@solara.component_vue("../components/CausalDiagram.vue")
def CausalDiagram(
    boxes: list[dict[str, str]], arrows: list[dict[str, str]], description: str
) -> None:
    """What moves what: boxes and numbered arrows."""


def go(key: str) -> None:
    """Open a part of the page, or a row of a table in it."""
    session.go(lambda v: v.with_own(section=key))


@solara.component
def Page() -> None:
    """A menu of parts, and the one that is open."""
    solara.Style(STYLE)
    section, row = method.target(session.view.value.own("section"))
    text("h1", say("Méthode", "Method"))
    text(
        "p",
        say("Comment la simulation marche, ce qu'elle ne sait pas, et d'où vient chaque chiffre.",
            "How the simulation works, what it does not know, and where each figure is from."),
        "cosim-lead",
    )  # fmt: skip
    with box("div", "cosim-method"):
        with box("nav", "", aria_label=say("Parties de la page", "Parts of the page")):
            for one in method.SECTIONS:
                Press(
                    label=one.label(session.lang()), kind="plain",
                    pressed="true" if one.key == section else "false",
                    event_press=partial(lambda key, _: go(key), one.key),
                )  # fmt: skip
        with box("section", "", aria_labelledby="partie"):
            title = next(one for one in method.SECTIONS if one.key == section)
            text("h2", title.label(session.lang()), id="partie")
            PARTS[section](row)


@solara.component
def Model(row: str) -> None:
    """Actors, ladder, the month, the causal diagram."""
    lang = session.lang()
    months = method.months(lang)
    text(
        "p",
        say(
            "Un territoire réel — ses communes, ses élus, ses entreprises, ses associations — est "
            "rejoué mois par mois. Chaque acteur a une envie, un savoir-faire, des contacts et une "
            "confiance envers chacun d'eux. Une alliance naît quand des acteurs qui se "
            "connaissent, "
            "se font assez confiance et sont assez mûrs se complètent ; elle vit de petites "
            "réussites, ou s'arrête.",
            "A real territory — its communes, élus, companies, associations — is replayed month by "
            "month. Each actor has a commitment, a know-how, contacts and a trust in each of them. "
            "An alliance is born when actors who know one another, trust one another enough and "
            "are mature enough complement one another; it lives on small successes, or ends.",
        ),
    )
    text("h3", say("Qui", "Who"))
    box("ul", "cosim-chips", [text("li", one) for one in method.actors(lang)])
    text("h3", say("L'échelle d'une alliance", "The ladder of an alliance"))
    box("ul", "cosim-chips", [text("li", one) for one in method.ladder(lang)])
    text("h3", say("Les quatre métiers des catalyseurs", "The four métiers of catalysts"))
    box("ul", "cosim-chips", [text("li", one) for one in method.metiers(lang)])
    with box("div", "cosim-model"):
        with box("div", "cosim-card"):
            text("h3", say("Ce qui entraîne quoi", "What moves what"))
            Diagram()
        with box("div", "cosim-card"):
            text("h3", say("Ce qui se passe chaque mois, dans l'ordre",
                           "What happens each month, in order"))  # fmt: skip
            box("ol", "cosim-months", [_month(one, row) for one in months])


def _month(one: dict[str, str], row: str) -> Any:
    source = say(f"Sources : {one['source']}", f"Sources: {one['source']}")
    return box("li", "named" if one["name"] == row else "", [
        text("span", one["order"], "order", aria_hidden="true"),
        box("div", "", [
            text("strong", one["label"]), box("div", "", [one["sentence"]]),
            text("div", source, "sources"),
        ]),
    ], id=f"mecanisme-{one['name']}")  # fmt: skip


@solara.component
def Diagram() -> None:
    """The diagram, and the same in words."""
    lang = session.lang()
    opened, set_opened = solara.use_state(False)
    boxes, arrows = method.diagram(lang)
    CausalDiagram(boxes=boxes, arrows=arrows, description=" ".join(method.chain(lang)))
    text(
        "p",
        say("Les numéros sont ceux des étapes du mois ; en tirets : fait baisser.",
            "Numbers are those of the steps of a month; dashed: lowers."),
        "cosim-small",
    )  # fmt: skip
    Fold(title=say("Le même schéma en phrases", "The same diagram in sentences"), opened=opened,
         on_opened=set_opened, name="schema")  # fmt: skip
    if opened:
        box("ul", "cosim-small", [text("li", line) for line in method.chain(lang)])


@solara.component
def Answers(row: str) -> None:
    """Bands, luck and parameters, nine in ten, with the visitor's own answer as the example."""
    lang = session.lang()
    for title, words in method.reading(lang):
        text("h3", title)
        text("p", words)
    text("h3", say("Un exemple : votre scénario, maintenant", "An example: your scenario, now"))
    shown = session.answer.value
    if shown is None:
        text("p", say("calcul…", "computing…"), "cosim-busy")
        return
    text("p", shown.answer.effect.sentence(lang, session.view.value.shown), "cosim-sentence")
    told, gaps = method.example(shown.answer, session.view.value.shown, lang)
    rows = [
        [str(k), x] for k, x in enumerate(method.gap_words(gaps, session.view.value.shown, lang), 1)
    ]
    with box("div", "narrow"):
        Table(
        caption=say(
            f"Les {len(gaps)} premières paires : avec votre scénario, moins la référence, à la fin",
            f"The first {len(gaps)} pairs: with your scenario, less the reference, at the end",
        ),
        head=[say("Paire", "Pair"), say("Différence", "Difference")], rows=rows, align="lr",
      )  # fmt: skip
    text("p", told)


@solara.component
def Limits(row: str) -> None:
    """The page of limits, its tables from the ledgers."""
    lang = session.lang()
    found = solara.use_thread(
        lambda _cancel: method.limits_of(lang), dependencies=[lang], intrusive_cancel=False
    )
    if found.state == solara.ResultState.ERROR:
        text("p", str(found.error), "cosim-warning", role="alert")
    elif found.value is None:
        text("div", say("Lecture des registres…", "Reading the ledgers…"), "cosim-skeleton")
    else:
        Prose(blocks=list(found.value), label=say("Tableau", "Table"), event_go=go)


@solara.component
def Calibration(row: str) -> None:
    """Targets hit and missed."""
    lang = session.lang()
    rows = method.fit(lang)
    text("p", method.calibration_sentence(lang))
    yes, no = say("●\u00a0atteint", "●\u00a0met"), say("✕\u00a0manqué", "✕\u00a0missed")
    Table(
        caption=say("Chiffres publiés et modèle calé (en %)",
                    "Published figures and the calibrated model (in %)"),
        head=[say("Chiffre", "Figure"), say("Publié", "Published"), say("Tolérance", "Tolerance"),
              say("Modèle, médiane", "Model, median"), say("9 tirages sur 10", "9 draws in 10"),
              say("Atteint ?", "Met?")],
        rows=[[r["label"], r["value"], r["tolerance"], r["median"], r["span"],
               yes if r["met"] else no] for r in rows],
        align="lrrrrl",
    )  # fmt: skip
    text(
        "p",
        say(
            "Ces chiffres ont servi au calage : les atteindre montre que le modèle peut les "
            "produire, pas qu'il est vrai.",
            "These figures were used to calibrate: to meet them shows that the model can produce "
            "them, not that it is true.",
        ),
        "cosim-note",
    )
    with box("div", "cosim-row"):
        Press(label=say("Ce que les données ne départagent pas", "What the data do not tell apart"),
              event_press=lambda *_: go("limites"))  # fmt: skip


def _words(after: str, group: str) -> dict[str, str]:
    return {
        "find": say("Chercher", "Search"), "hint": say("Un mot, un nom", "A word, a name"),
        "confidence": say("Confiance", "Confidence"), "all": say("Toutes", "All"),
        "shown": say("lignes", "rows"), "what": say("Sens", "Meaning"),
        "value": say("Valeur", "Value"), "range": say("Plage", "Range"),
        "source": "Source", "after": after, "unit": say("Unité", "Unit"), "group": group,
        "name": say("Nom dans un scénario", "Name in a scenario"),
    }  # fmt: skip


def _tally(rows: list[dict[str, str]]) -> str:
    lang = session.lang()
    told = ", ".join(f"{word} {number(n, 0, lang)}" for word, n in method.counts(rows).items())
    return say(f"D'où elles viennent : {told}.", f"Where they are from: {told}.")


@solara.component
def Parameters(row: str) -> None:
    """Every parameter: value, range, basis, source, confidence."""
    rows = solara.use_memo(lambda: method.parameters(session.lang()), [session.lang()])
    text("p", say(
        "Chaque valeur est déclarée une seule fois, avec sa plage et sa source. Une hypothèse est "
        "une valeur choisie par nous, sans source : changez-la et regardez si la conclusion tient.",
        "Each value is declared once, with its range and its source. An assumption is a value that "
        "we chose, without a source: change it and see whether the conclusion holds."))  # fmt: skip
    text("p", _tally(rows), "cosim-small")
    Ledger(
        name="parametre", rows=rows, opened=row,
        on_opened=lambda name: go(f"parametre-{name}" if name else "parametres"),
        words=_words(say("Après calage, 9 tirages sur 10", "After calibration, 9 draws in 10"),
                     say("Mécanisme", "Mechanism")),
    )  # fmt: skip


@solara.component
def Facts(row: str) -> None:
    """Every published figure, with its source."""
    rows = solara.use_memo(lambda: method.facts(session.lang()), [session.lang()])
    text("p", say(
        "Les chiffres sur lesquels le modèle s'appuie ou auxquels il est comparé ; les parts sont "
        "des fractions de 1.",
        "The figures that the model rests on or is compared with; shares are fractions of 1.",
    ))  # fmt: skip
    text("p", _tally(rows), "cosim-small")
    Ledger(
        name="fait", rows=rows, opened=row,
        on_opened=lambda name: go(f"fait-{name}" if name else "faits"),
        words=_words("Date", say("Usage", "Use"))
        | {"name": say("Identifiant", "Identifier"), "range": say("Tolérance", "Tolerance")},
    )  # fmt: skip


@solara.component
def Citing(row: str) -> None:
    """How to cite, licences of the program and of the data."""
    from cosim import __version__

    cited = method.citation()
    text("p", say(
        f"cosim {__version__}, licence {method.licence()} : libre d'usage, de modification et de "
        "partage, sans garantie. À citer ainsi (CITATION.cff) :",
        f"cosim {__version__}, licence {method.licence()}: free to use, change and share, without "
        "warranty. To be cited so (CITATION.cff):"))  # fmt: skip
    text(
        "pre",
        cited,
        "cosim-code",
        tabindex="0",
        **({"lang": "en"} if session.lang() == "fr" else {}),
    )
    with box("div", "cosim-row"):
        Copy(value=cited, label=say("Copier la citation", "Copy the citation"),
             done=say("Copié", "Copied"))  # fmt: skip
    text("h3", say("Les données", "The data"))
    text("p", say(
        "Communes, populations, élus et intercommunalités viennent de sources publiques, sous "
        "Licence Ouverte 2.0 ; aucune donnée personnelle. En anglais, comme dans le paquet :",
        "Communes, populations, élus and groupings come from public sources, under Licence Ouverte "
        "2.0; no personal data. As in the package:"))  # fmt: skip
    Prose(blocks=list(method.attribution()), label=say("Tableau", "Table"), event_go=go)


PARTS: dict[str, Callable[[str], Any]] = {
    "modele": Model, "lire": Answers, "limites": Limits, "calage": Calibration,
    "parametres": Parameters, "faits": Facts, "citer": Citing,
}  # fmt: skip
assert set(PARTS) == {one.key for one in method.SECTIONS}
