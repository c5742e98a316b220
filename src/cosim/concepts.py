"""From a concept of the reference documents to the place in the model where it can be seen.

`data/concepts.toml` holds a row for each: pointers into the model, a scenario that shows it, an
indicator, a figure, and one line that says how it is represented, or plainly that it is not.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from cosim.errors import CosimError, nearest

#: part of the documents -> French and English heading, in the order of the page.
PARTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "acteurs": ("Qui agit", "Who acts"),
        "alliances": ("Les alliances et leurs effets", "Alliances and their outcomes"),
        "apprendre": ("Vouloir, savoir, faire confiance", "Wanting, knowing how, trusting"),
        "catalyse": ("La catalyse et ses seize activités", "Catalysis and its sixteen activities"),
        "qualifier": ("Qualifier un territoire", "Qualifying a territory"),
        "changement": (
            "Conduire le changement : forces, échelles, profils",
            "Conducting change: forces, ladders, profiles",
        ),
        "odd": ("Les objectifs de développement durable", "The Sustainable Development Goals"),
        "piliers": ("Les trois piliers", "The three pillars"),
        "socle": (
            "Données, outils, compétences ; l'usine",
            "Data, tools, skills; the usine",
        ),
        "reconnaitre": ("Reconnaître et mesurer", "Recognising and measuring"),
        "contexte": ("Territoires, temps, événements", "Territories, time, events"),
    }
)
#: prefix of a pointer -> French and English word, and the page that tells more (name for anchor).
POINTERS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "key": ("clé", "key", "scenarios.md"),
        "mechanism": ("mécanisme", "mechanism", "mechanisms.md#{}"),
        "parameter": ("paramètre", "parameter", "parameters.md"),
        "table": ("table", "table", ""),
        "indicator": ("indicateur", "indicator", "indicators.md"),
        "fact": ("fait", "fact", "facts.md"),
        "command": ("commande", "command", ""),
    }
)
#: Words that tell no concept from another.
_EMPTY = frozenset(
    ("a", "au", "aux", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les", "ou", "un",
     "une", "and", "in", "of", "on", "or", "the")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept of the documents and where it lives in the model.

    Parameters
    ----------
    id : its name in the file
    part : a key of `PARTS`
    fr, en : the documents' name, and in English
    words : other words by which one may search
    where : pointers "prefix:name"; prefixes are those of `POINTERS`
    scenario : a shipped scenario that shows it
    indicator : "indicator" or "indicator/group"
    figure : a name of `cosim.figures_concepts.FIGURES`
    note_fr, note_en : how it is represented
    """

    id: str
    part: str
    fr: str
    en: str
    words: str
    where: tuple[str, ...]
    scenario: str
    indicator: str
    figure: str
    note_fr: str
    note_en: str


@cache
def concepts() -> Mapping[str, Concept]:
    """Every concept by id, in the order of the file.

    >>> concepts()["barycentre"].figure
    'ternary'
    """
    rows = tomllib.loads((files("cosim.data") / "concepts.toml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {name: Concept(**{**row, "id": name, "where": tuple(row["where"])})
         for name, row in rows.items()}
    )  # fmt: skip


def find(text: str) -> list[Concept]:
    """Return the concepts that hold every word of `text`, whatever its accents and capitals.

    Those whose name holds them come first, the shortest name first.

    >>> [concept.fr for concept in find("TIERS de confiance")]
    ['Tiers de confiance']
    """
    wanted = _words(text)
    if not wanted:
        return list(concepts().values())
    ranked = []
    for place, one in enumerate(concepts().values()):
        name = _words(f"{one.fr} {one.en}")
        if _holds(name | _words(f"{one.id} {one.words}"), wanted):
            ranked.append((not _holds(name, wanted), len(_words(one.fr)), place, one))
    return [one for *_, one in sorted(ranked, key=lambda row: row[:3])]


def rows(text: str = "") -> list[dict[str, Any]]:
    """Return the concepts that hold `text` as plain dictionaries, all of them by default.

    Raises
    ------
    CosimError : there is none; names the nearest
    """
    found = find(text)
    if not found:
        names = {_plain(one.fr): one.fr for one in concepts().values()}
        close = nearest(_plain(text), names)
        raise CosimError(
            "aucun concept de ce nom / no concept of this name", found=text[:80],
            expected="a word of `cosim concepts`", nearest=names[close] if close else None,
        )  # fmt: skip
    return [{**asdict(one), "where": list(one.where)} for one in found]


def _plain(text: str) -> str:
    """Lower case without accents, words apart by one space."""
    text = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("€", " euros "))
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[a-z0-9]+", text))


def _words(text: str) -> frozenset[str]:
    """The words that tell, without the mark of the plural."""
    words = _plain(text).split()
    return frozenset(word.rstrip("sx") or word for word in words if word not in _EMPTY)


def _holds(words: frozenset[str], wanted: frozenset[str]) -> bool:
    """Whether each wanted word begins one of the words; a number has to be the whole word."""
    return all(
        want in words or (not want.isdigit() and any(word.startswith(want) for word in words))
        for want in wanted
    )


# -- the page -----------------------------------------------------------------------------


def page() -> str:
    """Return `docs/concepts.md`."""
    made = concepts().values()
    parts = [
        "# Les concepts des documents — the documents' concepts",
        "<!-- Page écrite par `cosim docs` : corriger `src/cosim/data/concepts.toml`, pas la page. "
        "-->",
        f"Les {len(made)} concepts des deux documents de référence : où chacun vit dans le modèle, "
        "le scénario qui le montre, l'indicateur qui le mesure, la figure qui le dessine. "
        "`cosim concepts MOT` en cherche un, sans souci d'accents. Ce qui n'est pas représenté "
        "est dit dans la ligne, avec ce qui s'en approche le plus.",
        "Where each concept of the two reference documents lives in the model, the scenario that "
        "shows it, the indicator that measures it, the figure that draws it. `cosim concepts WORD` "
        "searches them, accents or not. What is not represented is said in its row, with what "
        "comes nearest.",
    ]
    for part, (fr, en) in PARTS.items():
        table = [
            "| Concept | Comment — how | Où — where | Scénario | Indicateur | Figure |",
            "|" + "---|" * 6,
            *(_line(one) for one in made if one.part == part),
        ]
        parts += [f"## {fr} — {en}", "\n".join(table)]
    return "\n\n".join(parts) + "\n"


def _line(one: Concept) -> str:
    from cosim.library import label

    name = one.fr if one.fr == one.en else f"{one.fr} — *{one.en}*"
    cells = (
        f'<a id="{one.id}"></a>{name}',
        f"{one.note_fr} — *{one.note_en}*",
        ", ".join(_links(one.where)),
        f"[`{one.scenario}`](library.md#{one.scenario})",
        f"{label(one.indicator)} (`{one.indicator}`)",
        f"`{one.figure}`",
    )
    return "| " + " | ".join(cells) + " |"


def _links(pointers: tuple[str, ...]) -> Iterator[str]:
    for pointer in pointers:
        prefix, _, name = pointer.partition(":")
        fr, _, target = POINTERS[prefix]
        shown = f"`cosim {name}`" if prefix == "command" else f"`{name}`"
        yield f"{fr} [{shown}]({target.format(name)})" if target else f"{fr} {shown}"
