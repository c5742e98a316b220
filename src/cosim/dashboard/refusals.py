"""What is wrong with a file that a visitor gives, in her language. No Solara.

The loader says it in English for files and command line; here its few phrases have their French,
and what is expected comes from the document's own fields.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cosim.errors import CosimError, TerritoryError
from cosim.scenario import CODE_KEYS
from cosim.scenario_file import KINDS, allowed, field_at, meta

if TYPE_CHECKING:
    from cosim.effects_text import Lang

#: Beginning of a phrase of the loader -> French.
_WHAT = {
    "unknown key": "clé inconnue",
    "unknown name": "nom inconnu",
    "unknown territory": "territoire inconnu",
    "unknown": "nom inconnu",
    "a key is missing": "une clé manque",
    "out of range": "hors des bornes",
    "not a finite number": "ce n'est pas un nombre fini",
    "too long for this page": "période trop longue pour cette page",
    "too fine for this page": "pas de temps trop fin pour cette page",
    "the period is too long": "la période est trop longue",
    "too long": "trop long",
    "not a month": "ce n'est pas un mois",
    "not TOML": "ce n'est pas du TOML",
    "not UTF-8 text": "ce n'est pas un texte en UTF-8",
    "not a table": "ce n'est pas une table",
    "not a scenario: nested too deep": "ce n'est pas un scénario : trop imbriqué",
    "not a scenario": "ce n'est pas un scénario",
    "the file is too large": "le fichier est trop gros",
    "the text is too large": "le texte est trop long",
    "the end is not after the start": "la fin n'est pas après le début",
    "the restart is not after an end": "la reprise ne suit pas une fin",
    "four shares of 0": "quatre parts de 0",
    "there are catalysts and nothing for them to do": "des catalyseurs sans rien à faire",
    "this key is refused in what comes from the web": (
        "clé refusée dans ce qui vient du web : elle nomme du code ou un fichier"
    ),
    "given twice": "donné deux fois",
    "too few domains": "trop peu de domaines",
}
#: What the loader expects -> French, where the field of the document says less.
_EXPECTED = (
    (r"(?:at most )?(\d+) months(?: at most)?", r"\1 mois au plus"),
    (r"at most (\d+) characters", r"\1 caractères au plus"),
    (r"at most (\d+) bytes", r"\1 octets au plus"),
    (r"a number from (\S+) to (\S+)(?: (\(.*\)))?", r"nombre de \1 à \2"),
    (r"a month after (\S+)", r"mois après \1"),
    (r"(\d+)", r"\1"),
)
_PLACE = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)")


def words(error: CosimError, lang: Lang) -> str:
    """Return one sentence: key, what is wrong, what was found, expected, perhaps meant."""
    french = lang == "fr"
    colon = "\u00a0: " if french else ": "
    parts = [_what(error, lang)]
    if error.found is not None:
        parts.append(("trouvé" if french else "found") + colon + _short(error.found))
    if expected := _expected(error, lang):
        parts.append(("attendu" if french else "expected") + colon + expected)
    text = ", ".join(parts)
    text = f"{_short(error.key)}{colon}{text}" if error.key else text[:1].upper() + text[1:]
    if error.nearest is not None:
        text += f"{'\u202f;' if french else ';'} " + ("peut-être " if french else "perhaps ")
        text += _short(error.nearest)
    return text + "."


def _what(error: CosimError, lang: Lang) -> str:
    if lang == "en":
        return error.what
    start = max((known for known in _WHAT if error.what.startswith(known)), key=len, default="")
    if not start:
        return "territoire inconnu" if isinstance(error, TerritoryError) else "ce n'est pas accepté"
    place = _PLACE.search(error.what)
    if place is None:
        return _WHAT[start]
    line, column = place.groups()
    return _WHAT[start] + (f" (ligne {line}, colonne {column})" if line else " (fin du fichier)")


def _expected(error: CosimError, lang: Lang) -> str:
    """Return what would be accepted; of a key of the document, what its field says."""
    if error.expected is None:
        return ""
    if lang == "en":
        return _short(error.expected, 200)
    if error.key in CODE_KEYS:
        return "un scénario sans elle"
    if str(error.expected).startswith("one of: "):
        return "l'une de " + _short(str(error.expected).removeprefix("one of: "), 200)
    for pattern, fr in _EXPECTED:
        if found := re.fullmatch(pattern, str(error.expected)):
            return found.expand(fr)
    field = field_at(tuple(re.sub(r"\[\d+\]", "", error.key or "").split(".")))
    known = field is not None and meta(field, "kind") in KINDS
    return allowed(field, "fr") if field is not None and known else ""


def _short(value: object, most: int = 80) -> str:
    text = str(value)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= most else text[: most - 1] + "…"
