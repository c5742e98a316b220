"""The page Méthode without Solara: how the model works, what it does not know, where it is from.

Words are those of the ledgers (mechanisms, parameters, facts, indicators), of the page of limits
and of the last calibration; what is written here is how they are put together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import ledgers, limits
from cosim.calibration import pages as calibrated
from cosim.effects_text import number
from cosim.errors import CosimError
from cosim.facts import facts as known_facts
from cosim.indicators import INDICATORS, group_label
from cosim.parameters import PARAMETERS
from cosim.state import KINDS, METIERS, RUNGS

if TYPE_CHECKING:
    from cosim.dashboard.compute import Answer
    from cosim.effects_text import Lang

    type Inline = dict[str, Any]
    type Block = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """One part of the page."""

    key: str
    fr: str
    en: str

    def label(self, lang: Lang) -> str:
        """Return its title."""
        return self.fr if lang == "fr" else self.en


SECTIONS = (
    Section("modele", "Le modèle en une page", "The model on one page"),
    Section("lire", "Lire une réponse", "Reading an answer"),
    Section("limites", "Ce que le modèle ne sait pas", "What the model does not know"),
    Section("calage", "Ce à quoi il est comparé", "What it is compared with"),
    Section("parametres", "Paramètres et hypothèses", "Parameters and assumptions"),
    Section("faits", "Chiffres publiés", "Published figures"),
    Section("citer", "Citer, licences", "Citing, licences"),
)
#: What a key of one row begins with -> the part of the page that it is in.
ROWS = {"parametre-": "parametres", "fait-": "faits", "mecanisme-": "modele"}


def target(text: str) -> tuple[str, str]:
    """Return the part and the row that a key names, the first part and none for another text.

    >>> target("parametre-prime_birth")
    ('parametres', 'prime_birth')
    """
    for start, section in ROWS.items():
        if text.startswith(start):
            return section, text.removeprefix(start)
    known = {section.key for section in SECTIONS}
    return (text, "") if text in known else (SECTIONS[0].key, "")


# -- the model on one page ----------------------------------------------------------------


def months(lang: Lang) -> list[dict[str, str]]:
    """Return what happens each month, in order: number, name, label, sentence, source."""
    return [
        {"order": str(row["order"]), "name": row["name"], "label": row[lang],
         "sentence": row[f"sentence_{lang}"], "source": row["source"],
         "parameters": str(len(row["parameters"]))}
        for row in ledgers.mechanisms()
    ]  # fmt: skip


def actors(lang: Lang) -> list[str]:
    """Return the kinds of actors."""
    return [group_label(kind, lang) for kind in KINDS]


def ladder(lang: Lang) -> list[str]:
    """Return the rungs of an alliance, the lowest first."""
    return [group_label(rung, lang) for rung in RUNGS]


def metiers(lang: Lang) -> list[str]:
    """Return the four métiers of catalysts."""
    from cosim.dashboard.levers import mix_label

    return [mix_label(metier, lang) for metier in METIERS]


#: What moves what, and by which mechanism (ODD §7); "-" lowers. Maturity is the smaller of the two.
EDGES: tuple[tuple[str, str, str, str], ...] = (
    ("catalyseur", "meetings", "catalysis", "+"),
    ("catalyseur", "know_how", "catalysis", "+"),
    ("meetings", "trust_across", "trust", "+"),
    ("meetings", "commitment", "commitment", "+"),
    ("commitment", "maturity", "", "+"),
    ("know_how", "maturity", "", "+"),
    ("trust_across", "alliances", "formation", "+"),
    ("maturity", "alliances", "formation", "+"),
    ("alliances", "successes", "life", "+"),
    ("alliances", "know_how", "know_how", "+"),
    ("successes", "trust_across", "life", "+"),
    ("successes", "commitment", "recognition", "+"),
    ("successes", "fragility", "outcomes", "-"),
)
NODES = tuple(dict.fromkeys(name for one, other, _, _ in EDGES for name in (one, other)))


def node(name: str, lang: Lang) -> str:
    """Return the name of what a box of the diagram stands for: an indicator or a kind."""
    text = INDICATORS[name].label(lang) if name in INDICATORS else group_label(name, lang)
    return text[:1].upper() + text[1:]


def diagram(lang: Lang) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Return boxes (name, label) and arrows (from, to, number of the mechanism, sign)."""
    order = {row["name"]: str(row["order"]) for row in ledgers.mechanisms()}
    boxes = [{"name": name, "label": node(name, lang)} for name in NODES]
    arrows = [{"from": one, "to": other, "number": order.get(rule, ""), "sign": sign}
              for one, other, rule, sign in EDGES]  # fmt: skip
    return boxes, arrows


def chain(lang: Lang) -> list[str]:
    """Return the arrows in words."""
    labels = {row["name"]: row[lang] for row in ledgers.mechanisms()}
    told = []
    for one, other, rule, sign in EDGES:
        a, b = node(one, lang), node(other, lang)
        if lang == "fr":
            verb = "fait baisser" if sign == "-" else "fait monter"
            why = f" (mécanisme « {labels[rule]} »)" if rule else " (le plus petit des deux décide)"
            told.append(f"{a} → {b} : {verb}{why}.")
        else:
            verb = "lowers" if sign == "-" else "raises"
            why = f" (mechanism “{labels[rule]}”)" if rule else " (the smaller of the two decides)"
            told.append(f"{a} → {b}: {verb}{why}.")
    return told


# -- ledgers ------------------------------------------------------------------------------


def parameters(lang: Lang) -> list[dict[str, str]]:
    """Return the parameters and assumptions as rows of texts."""
    from cosim.mechanisms import MECHANISMS

    said = limits.sources()
    rows = []
    for row in ledgers.parameters():
        rule = MECHANISMS.get(row["mechanism"])
        where = (rule.label_fr if lang == "fr" else rule.label_en) if rule else (
            "État initial" if lang == "fr" else "Initial state")  # fmt: skip
        rows.append({
            "name": row["name"], "label": row[lang], "group": where,
            "value": french(ledgers.number(row["default"]), lang),
            "range": french(ledgers.interval(row["low"], row["high"]), lang),
            "after": french(ledgers.interval(*row["posterior"]), lang) if row["posterior"] else "",
            "unit": row["unit"], "source": said[row["name"]],
            "confidence": ledgers.CONFIDENCE[row["confidence"]][lang == "en"],
            "kind": row["confidence"],
        })  # fmt: skip
    return rows


def facts(lang: Lang) -> list[dict[str, str]]:
    """Return the published figures as rows of texts."""
    return [
        {
            "name": row["id"], "label": row[lang] + (f" ({row['code']})" if row["code"] else ""),
            "group": ledgers.USES[row["use"]][lang == "en"], "value": french(_values(row), lang),
            "range": french(ledgers.interval(row["low"], row["high"]), lang),
            "after": ledgers.dates(row["date"]), "unit": row["unit"],
            "source": row["source"] + (f" — {row['note']}" if row["note"] else ""),
            "confidence": ledgers.CONFIDENCE[row["status"]][lang == "en"], "kind": row["status"],
        }
        for row in ledgers.facts()
    ]  # fmt: skip


def _values(row: ledgers.Row) -> str:
    if not row["parts"]:
        return ledgers.number(row["value"])
    pairs = zip(row["parts"], row["value"], strict=True)
    return " ; ".join(f"{part} {ledgers.number(value)}" for part, value in pairs)


def french(text: str, lang: Lang) -> str:
    """Return numbers of a ledger as they are written in the language."""
    return re.sub(r"(?<=\d)\.(?=\d)", ",", text) if lang == "fr" else text


def counts(rows: list[dict[str, str]]) -> dict[str, int]:
    """Return how many rows have each confidence, in the words of the rows."""
    return {word: sum(row["confidence"] == word for row in rows)
            for word in dict.fromkeys(row["confidence"] for row in rows)}  # fmt: skip


# -- reading an answer --------------------------------------------------------------------


#: Simulations of the example.
FEW = 10
_READING: Mapping[str, tuple[tuple[str, str], ...]] = {
    "fr": (
        ("« Dans 9 simulations sur 10 »",
         "Le modèle est rejoué de très nombreuses fois ; à chaque fois le hasard tombe autrement : "
         "qui rencontre qui, qui réussit. « 9 simulations sur 10 » compte ces parties rejouées. Ce "
         "n'est pas la probabilité que cela arrive chez vous : c'est ce que dit le modèle, s'il "
         "est "
         "juste."),
        ("À hasard égal",
         "La référence et votre scénario sont rejoués deux par deux, avec la même chance : mêmes "
         "élections, mêmes rencontres possibles. Leur différence vient de vos leviers, et de ce "
         "qu'ils entraînent."),
        ("Les deux zones d'une courbe",
         "La zone foncée est la chance seule : ce qui varie quand on rejoue avec les mêmes "
         "paramètres. La zone claire ajoute l'incertitude des paramètres : plusieurs jeux de "
         "valeurs "
         "expliquent aussi bien les enquêtes, chaque paire en tire un. 9 simulations sur 10 y "
         "sont. "
         "Le trait est la médiane : autant au-dessus qu'au-dessous."),
        ("Ce que les zones ne contiennent pas",
         "L'incertitude des règles elles-mêmes. D'autres chercheurs en écriraient d'autres : la "
         "page "
         "Hypothèses montre quand une règle rivale change la réponse."),
    ),
    "en": (
        ("“In 9 simulations in 10”",
         "The model is replayed a great many times; each time luck falls otherwise: who meets "
         "whom, "
         "who succeeds. “9 simulations in 10” counts these replays. It is not the probability that "
         "this happens in your place: it is what the model says, if it is right."),
        ("With equal luck",
         "The reference and your scenario are replayed in pairs, with the same luck: same "
         "elections, "
         "same possible meetings. Their difference comes from your levers, and from what follows."),
        ("The two areas of a curve",
         "The dark area is luck alone: what varies when one replays with the same parameters. The "
         "light area adds the uncertainty of parameters: several sets of values explain the "
         "surveys "
         "as well, each pair draws one. 9 simulations in 10 are in it. The line is the median: as "
         "many above as below."),
        ("What the areas do not hold",
         "The uncertainty of the rules themselves. Other researchers would write others: the page "
         "Hypotheses shows when a rival rule changes the answer."),
    ),
}  # fmt: skip


def reading(lang: Lang) -> tuple[tuple[str, str], ...]:
    """Return how to read an answer: titles and paragraphs."""
    return _READING[lang]


def example(answer: Answer, indicator: str, lang: Lang) -> tuple[str, list[float]]:
    """Return a sentence on the first simulations of an answer, and their differences at the end."""
    effect = answer.effect
    gaps = [float(x) for x in np.asarray(effect.difference(indicator))[:FEW, -1]]
    more, n = sum(gap > 0.0 for gap in gaps), len(gaps)
    what = INDICATORS[indicator].label(lang).lower()
    if lang == "fr":
        told = f"Dans {more} de ces {n} paires, il y a plus avec votre scénario ({what})."
    else:
        told = f"In {more} of these {n} pairs there is more with your scenario ({what})."
    return told, gaps


def gap_words(gaps: list[float], indicator: str, lang: Lang) -> list[str]:
    """Return differences as people read them; those of shares are in points."""
    share = INDICATORS[indicator].unit == "share"
    digits = 1 if share else 0 if INDICATORS[indicator].unit == "count" else 2
    told = [number((100.0 if share else 1.0) * gap, digits, lang) for gap in gaps]
    return [("+" if gap > 0 else "") + one + (" points" if share else "")
            for gap, one in zip(gaps, told, strict=True)]  # fmt: skip


# -- calibration --------------------------------------------------------------------------


def fit(lang: Lang) -> list[dict[str, Any]]:
    """Return the targets of the calibration: code, label, value, tolerance, model, whether met."""
    known = ledgers.facts()
    by_code = {row["code"]: row for row in known if row["code"]} | {row["id"]: row for row in known}
    rows = []
    for row in calibrated.summary(source("calibration"))["fit"]:
        code, _, rest = row["target"].removeprefix("start ").partition(" ")
        fact = by_code.get(code, {})
        label = fact.get(lang, code) + (f" ({rest})" if rest else "")
        rows.append({
            "code": row["target"], "label": label, "fact": fact.get("id", ""),
            "value": _percent(row["value"], lang),
            "tolerance": f"{_percent(row['low'], lang)} – {_percent(row['high'], lang)}",
            "median": _percent(row["median"], lang),
            "span": f"{_percent(row['p05'], lang)} – {_percent(row['p95'], lang)}",
            "met": row["low"] <= row["median"] <= row["high"],
        })  # fmt: skip
    return rows


def _percent(x: float, lang: Lang) -> str:
    return number(100.0 * x, 1, lang)


def calibration_sentence(lang: Lang) -> str:
    """Return how many targets are met, and by how many draws all at once."""
    made = calibrated.summary(source("calibration"))
    rows = fit(lang)
    met, n, draws = sum(row["met"] for row in rows), len(rows), number(made["draws"], 0, lang)
    if lang == "fr":
        return (
            f"Sur {n} chiffres publiés, la médiane du modèle calé en atteint {met}. Mais sur "
            f"{draws} jeux de paramètres tirés, {made['meet_all']} seulement tiennent tous les "
            "chiffres à la fois : une enquête simulée varie de plusieurs points par hasard."
        )
    return (
        f"Of {n} published figures the median of the calibrated model meets {met}. But of {draws} "
        f"sets of parameters that were drawn, only {made['meet_all']} meet all figures at once: a "
        "simulated survey varies by several points by luck."
    )


# -- documents ----------------------------------------------------------------------------


def source(name: str) -> Path:
    """Return a file or folder of the documentation: inside a wheel, or of a checkout.

    Raises
    ------
    CosimError : it is not there
    """
    here = Path(__file__).resolve()
    for folder in (here.parents[1] / "docs", here.parents[3] / "docs", here.parents[3]):
        if (folder / name).exists():
            return folder / name
    raise CosimError(
        "not in this installation", key=name, expected="a checkout or a wheel of cosim"
    )


@lru_cache(maxsize=2)
def limits_of(lang: Lang) -> tuple[Block, ...]:
    """Return the page of limits in a language, its tables read from the ledgers."""
    text = limits.page(source(limits.PAGE).parent)
    half = re.split(r"(?m)^(?=# )", text)[1 if lang == "fr" else 2]
    blocks = prose(half.partition("\n")[2])
    return tuple(
        b for b in blocks if b["kind"] != "p" or not all(x.get("italic") for x in b["text"])
    )


def attribution() -> tuple[Block, ...]:
    """Return where the data come from and their licence."""
    return prose((files("cosim.data") / "ATTRIBUTION.md").read_text("utf-8").partition("\n")[2])


def citation() -> str:
    """Return CITATION.cff as it is."""
    return source("CITATION.cff").read_text("utf-8").strip()


def licence() -> str:
    """Return the name of the licence of the program."""
    for line in citation().splitlines():
        if line.startswith("license:"):
            return line.partition(":")[2].strip()
    raise CosimError("no licence in CITATION.cff", key="license")


#: Pages of the documentation -> the part of this page that says the same.
_PLACES: Mapping[str, str] = {
    "parameters.md": "parametres", "facts.md": "faits", "calibration.md": "calage",
    "limits.md": "limites", "odd.md": "modele", "mechanisms.md": "modele",
}  # fmt: skip


def prose(markdown: str) -> tuple[Block, ...]:
    """Return Markdown as blocks of plain values, which a component shows without raw HTML.

    A block is {"kind": h | p | code, "level", "text": spans}, {"kind": list, "ordered", "items":
    blocks of each}, {"kind": quote, "items"} or {"kind": table, "head", "rows": cells of spans}; a
    span is {"text", "bold", "italic", "code", "section"}. HTML and pictures are left out.
    """
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

    tree = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(markdown))
    return tuple(_blocks(tree.children))


def _blocks(nodes: Any) -> list[Block]:
    return [block for one in nodes if (make := _BLOCKS.get(one.type)) for block in [make(one)]]


def _cells(row: Any) -> list[list[Inline]]:
    return [_spans(cell) for cell in row.children]


_BLOCKS: Mapping[str, Callable[[Any], Block]] = {
    "heading": lambda one: {"kind": "h", "level": int(one.tag[1]), "text": _spans(one)},
    "paragraph": lambda one: {"kind": "p", "text": _spans(one)},
    "fence": lambda one: {"kind": "code", "text": [{"text": one.content}]},
    "bullet_list": lambda one: {"kind": "list", "ordered": False,
                                "items": [_blocks(item.children) for item in one.children]},
    "ordered_list": lambda one: {"kind": "list", "ordered": True,
                                 "items": [_blocks(item.children) for item in one.children]},
    "blockquote": lambda one: {"kind": "quote", "items": [_blocks(one.children)]},
    "table": lambda one: {"kind": "table", "head": _cells(one.children[0].children[0]),
                          "rows": [_cells(row) for part in one.children[1:]
                                   for row in part.children]},
}  # fmt: skip


def _named(name: str) -> Inline:
    """Return how a name is set: one of a ledger leads to its row."""
    row = {"section": f"parametre-{name}"} if name in PARAMETERS else (
        {"section": f"fait-{name}"} if name in known_facts() else {})  # fmt: skip
    return {"code": True, **row}


def _spans(node: Any, **marks: Any) -> list[Inline]:
    """Return the text of a node, with how each part of it is set."""
    found: list[Inline] = []
    for one in node.children:
        if one.type in ("text", "code_inline", "softbreak", "hardbreak"):
            code = _named(one.content) if one.type == "code_inline" else {}
            found.append({"text": one.content if "break" not in one.type else " ", **code, **marks})
        elif one.type == "link":
            page = str(one.attrs.get("href", "")).partition("#")[0]
            part = {"section": _PLACES[page]} if page in _PLACES else {}
            found += _spans(one, **marks, **part)
        elif one.type in ("inline", "strong", "em"):
            more = {"strong": {"bold": True}, "em": {"italic": True}}.get(one.type, {})
            found += _spans(one, **marks, **more)
    return found


__all__ = [
    "EDGES", "NODES", "ROWS", "SECTIONS", "Section", "actors", "attribution",
    "calibration_sentence", "chain", "citation", "counts", "diagram", "example", "facts", "fit",
    "gap_words", "ladder", "licence",
    "limits_of", "metiers", "months", "node", "parameters", "prose", "reading", "source", "target",
]  # fmt: skip
