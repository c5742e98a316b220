"""The tables of `docs/limits.md`: what the model rests on, read from the ledgers and not retold.

The page is written by hand in two halves, French then English, with the same marks in both;
`page` fills every mark in the language of its half. What a calibration found is read from the
files that it leaves in `docs/calibration/`; until there are any, the page says so.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from cosim import ledgers
from cosim.errors import CosimError

PAGE = "limits.md"
#: What a calibration leaves for the page, in the folder of the pages.
CALIBRATED, RIVALS = "calibration/default.json", "calibration/rivals.csv"
#: Posterior spread over prior spread above which the data did not identify a parameter.
KEPT = 0.85
_UNNAMED = ("non nommé dans notre documentation", "not named in our material")
_READ = {"abstract": ("résumé", "abstract"), "title": ("titre", "title"),
         "ledger": ("registre des faits", "facts ledger")}  # fmt: skip


@dataclass(frozen=True)
class Study:
    """A study that the ledgers cite: who was studied, where, and what we read of it.

    Attributes
    ----------
    names : how a `source` names it
    who, country : in French and English; empty where what we read does not say
    read : abstract, title or ledger
    """

    names: tuple[str, ...]
    read: str
    reference: str
    who: tuple[str, ...] = ()
    country: tuple[str, ...] = ()

    def cited(self, source: str) -> bool:
        """Return whether a `source` names the study."""
        return any(name in source for name in self.names)


@cache
def studies() -> tuple[Study, ...]:
    """Return the studies of `data/settings.toml`, in the order of the file."""
    text = (files("cosim.data") / "settings.toml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = [
        {key: tuple(x) if isinstance(x, list) else x for key, x in row.items()}
        for row in tomllib.loads(text).values()
    ]
    return tuple(Study(**row) for row in rows)


def sources() -> dict[str, str]:
    """Return the source of each parameter, "idem" replaced by what it stands for."""
    last, named = "", {}
    for row in ledgers.parameters():
        last = last if row["source"] == "idem" else row["source"]
        named[row["name"]] = last
    return named


def unnamed() -> list[str]:
    """Return the parameters that are cited from a study which `studies` does not know."""
    said = sources()
    return [
        row["name"]
        for row in ledgers.parameters(confidence="cited")
        if not any(study.cited(said[row["name"]]) for study in studies())
    ]


def page(folder: Path) -> str:
    """Return `limits.md` of a folder with its tables.

    Raises
    ------
    CosimError : the two halves or a mark are missing; a file of the calibration is no such file
    """
    path = folder / PAGE
    halves = re.split(r"(?m)^(?=# )", path.read_text(encoding="utf-8"))
    if len(halves) != 3:
        raise CosimError("not two halves", where=path, found=f"{len(halves) - 1} titles",
                         expected="a title `# …` in French, then one in English")  # fmt: skip
    before, *texts = halves
    return before + "".join(
        ledgers.filled(path, text, {name: table(folder, lang) for name, table in _TABLES.items()})
        for lang, text in enumerate(texts)
    )


# -- tables: of a folder, in French (0) or English (1) --------------------------------------


def _counts(_: Path, lang: int) -> str:
    rows = []
    for title, key, entries in (
        (("Paramètres", "Parameters"), "confidence", ledgers.parameters()),
        (("Chiffres", "Figures"), "status", ledgers.facts()),
    ):
        for name in dict.fromkeys(entry[key] for entry in entries):
            number = sum(entry[key] == name for entry in entries)
            word = ledgers.CONFIDENCE[name][lang]
            rows.append((title[lang], word, f"{number} / {len(entries)}"))
    head = (("Registre", "D'où ils viennent", "Combien"), ("Ledger", "From where", "How many"))
    return ledgers.markdown_table(head[lang], rows)


def _foreign(_: Path, lang: int) -> str:
    said = sources()
    used: list[tuple[Study, list[str]]] = []
    for study in studies():
        names = [f"`{name}`" for name, source in said.items() if study.cited(source)]
        names += [
            f"`{fact['id']}`" + (f" ({fact['code']})" if fact["code"] else "")
            for fact in ledgers.facts() if study.cited(fact["source"])
        ]  # fmt: skip
        if names:
            used.append((study, names))
    known = [study.country[1] for study, _ in used if study.country]
    french = known.count("France")
    sentence = (
        f"Études citées : {len(used)}. Faites en France : {french}. Ailleurs : "
        f"{len(known) - french}. Pays non nommé dans ce que nous avons lu, ou théorie sans "
        f"mesure : {len(used) - len(known)}.",
        f"Studies that are cited: {len(used)}. Made in France: {french}. Elsewhere: "
        f"{len(known) - french}. Country not named in what we read, or theory without a "
        f"measurement: {len(used) - len(known)}.",
    )[lang]
    head = (("Étude", "Pays", "Qui a été étudié", "Nous avons lu", "Ce qui en dépend"),
            ("Study", "Country", "Who was studied", "We read", "What rests on it"))  # fmt: skip
    rows = [
        (
            f"{study.names[0]} ({study.reference})",
            study.country[lang] if study.country else _UNNAMED[lang],
            study.who[lang] if study.who else _UNNAMED[lang],
            _READ[study.read][lang],
            ", ".join(names),
        )
        for study, names in used
    ]
    return f"{sentence}\n\n{ledgers.markdown_table(head[lang], rows)}"


def _nameless(_: Path, lang: int) -> str:
    said = sources()
    rows = [(f"`{name}`", said[name]) for name in unnamed()]
    rows += [
        (f"`{fact['id']}`" + (f" ({fact['code']})" if fact["code"] else ""), fact["source"])
        for fact in ledgers.facts()
        if "not named in our material" in fact["source"]
    ]
    head = (("Paramètre ou chiffre", "Ce que dit le registre"),
            ("Parameter or figure", "What the ledger says"))  # fmt: skip
    return ledgers.markdown_table(head[lang], rows)


def _assumed(_: Path, lang: int) -> str:
    from cosim.mechanisms import MECHANISMS

    by_mechanism: dict[str, list[str]] = {}
    for row in ledgers.parameters(confidence="assumption"):
        by_mechanism.setdefault(row["mechanism"], []).append(f"`{row['name']}`")
    start = ("État initial", "Initial state")[lang]
    rows = []
    for mechanism, names in by_mechanism.items():
        rule = MECHANISMS.get(mechanism)
        label = start if rule is None else (rule.label_fr, rule.label_en)[lang]
        rows.append((label, str(len(names)), ", ".join(names)))
    supposed = [f"`{fact['id']}`" for fact in ledgers.facts(status="assumption")]
    rows.append((("Chiffres", "Figures")[lang], str(len(supposed)), ", ".join(supposed)))
    head = (("Où", "Combien", "Hypothèses"), ("Where", "How many", "Assumptions"))
    return ledgers.markdown_table(head[lang], rows)


def _readings(_: Path, lang: int) -> str:
    asked = ("convinced_elus", "convinced_unable", "able_elus", "engaged_companies_2011",
             "belief_to_practice")  # fmt: skip
    known = {fact["id"]: fact for fact in ledgers.facts()}
    head = (("Chiffre", "Valeur", "Tolérance", "Note du registre, en anglais"),
            ("Figure", "Value", "Tolerance", "Note of the ledger"))  # fmt: skip
    rows = [
        (f"{fact[('fr', 'en')[lang]]} (`{name}`)", ledgers.number(fact["value"]),
         ledgers.interval(fact["low"], fact["high"]), fact["note"])
        for name, fact in ((name, known[name]) for name in asked)
    ]  # fmt: skip
    return ledgers.markdown_table(head[lang], rows)


def _panel(_: Path, lang: int) -> str:
    from cosim.calibration import survey

    head = (
        ("Territoire", "Habitants", "Parle pour", "Part simulée de ses acteurs"),
        ("Territory", "Inhabitants", "Speaks for", "Share of its actors simulated"),
    )
    rows = [
        (row.place.name, ledgers.number(int(row.place.inhabitants)), str(row.stands_for),
         f"{100 * row.sample:.0f} %")
        for row in survey.panel()
    ]  # fmt: skip
    return ledgers.markdown_table(head[lang], rows)


def _unidentified(folder: Path, lang: int) -> str:
    learnt = _calibrated(folder)
    if not learnt:
        return ("Pas encore de calage : `cosim calibrate` n'a pas laissé de résultat dans la "
                "documentation.", "No calibration yet: `cosim calibrate` has left no result in "
                "the documentation.")[lang]  # fmt: skip
    known = {row["name"]: row for row in ledgers.parameters()}
    kept = sorted((row for row in learnt if row["kept"] > KEPT), key=lambda row: -row["kept"])
    sentence = (
        f"Sur {len(learnt)} paramètres libres, {len(kept)} gardent plus de {100 * KEPT:.0f} % de "
        "l'incertitude d'avant.",
        f"Of {len(learnt)} free parameters, {len(kept)} keep more than {100 * KEPT:.0f} % of the "
        "uncertainty of before.",
    )[lang]
    head = (("Paramètre", "Sens", "Part de l'incertitude qui reste"),
            ("Parameter", "Meaning", "Share of the uncertainty that is left"))  # fmt: skip
    rows = [
        (f"`{row['parameter']}`", known[row["parameter"]][("fr", "en")[lang]],
         f"{100 * row['kept']:.0f} %")
        for row in kept
    ]  # fmt: skip
    return sentence + (f"\n\n{ledgers.markdown_table(head[lang], rows)}" if rows else "")


def _calibrated(folder: Path) -> list[dict[str, Any]]:
    path = folder / CALIBRATED
    if not path.is_file():
        return []
    try:
        learnt = json.loads(path.read_text(encoding="utf-8"))["learnt"]
        return [{"parameter": row["parameter"], "kept": float(row["kept"])} for row in learnt]
    except (ValueError, KeyError, TypeError) as error:
        raise CosimError("not the summary of a calibration", where=path, found=str(error),
                         expected="rows `learnt` of parameter and kept") from None  # fmt: skip


def _rivals(folder: Path, lang: int) -> str:
    path = folder / RIVALS
    if not path.is_file():
        return ("Pas encore comparées : `cosim calibrate --study rivals`.",
                "Not compared yet: `cosim calibrate --study rivals`.")[lang]  # fmt: skip
    by_rules: dict[str, dict[str, Mapping[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            by_rules.setdefault(row.get("rules", ""), {})[row.get("target", "")] = row
    yes, no = (("oui", "non"), ("yes", "no"))[lang]
    rows = []
    for rules, by_target in by_rules.items():
        if rules == "default":
            continue
        try:
            whole = by_target[""]
            score = f"{float(whole['better']):+.1f} ± {float(whole['error']):.1f}"
            apart = [name for name, row in by_target.items() if name and _true(row["apart"])]
            told = yes if _true(whole["apart"]) else no
        except (KeyError, ValueError, TypeError) as error:
            raise CosimError("not a comparison of rules", where=path, key=rules, found=str(error),
                             expected="columns rules, target, better, error, apart, and a row of "
                             "the sum for each rule") from None  # fmt: skip
        rows.append((f"`{rules}`", score, told, ", ".join(apart) or "–"))
    head = (
        ("Règle rivale", "Score, moins celui de la règle par défaut", "Départagée par l'ensemble",
         "Cibles qui la départagent"),
        ("Rival rule", "Score, less that of the default rule", "Told apart by all targets",
         "Targets that tell it apart"),
    )  # fmt: skip
    return ledgers.markdown_table(head[lang], rows)


def _true(text: str) -> bool:
    return text.strip().casefold() == "true"


#: name of the mark -> what stands there.
_TABLES: Mapping[str, Callable[[Path, int], str]] = {
    "counts": _counts,
    "foreign": _foreign,
    "unnamed": _nameless,
    "assumptions": _assumed,
    "readings": _readings,
    "panel": _panel,
    "unidentified": _unidentified,
    "rivals": _rivals,
}
MARKS: Sequence[str] = tuple(_TABLES)

__all__ = ["MARKS", "Study", "page", "sources", "studies", "unnamed"]
