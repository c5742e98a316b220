"""Tables of a researcher's bench: replicates of the last month, and the ledgers. No Solara."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cosim import effects_text, ledgers, levers
from cosim.indicators import INDICATORS

if TYPE_CHECKING:
    from cosim.effects import Effect
    from cosim.effects_text import Lang

#: Rows of a table on screen.
ROWS = 20
#: ledger -> its name in French and English.
LEDGERS: Mapping[str, tuple[str, str]] = {
    "parameters": ("Paramètres", "Parameters"),
    "facts": ("Chiffres publiés", "Published figures"),
    "indicators": ("Indicateurs", "Indicators"),
    "mechanisms": ("Mécanismes", "Mechanisms"),
    "levers": ("Leviers", "Levers"),
}


class Found(NamedTuple):
    """Head and rows of a ledger, as texts."""

    head: list[str]
    rows: list[list[str]]


def replicates(
    effect: Effect, indicator: str, page: int, lang: Lang
) -> tuple[list[str], list[list[str]]]:
    """Return `ROWS` replicates in the last month: reference, what-if and their difference.

    Parameters
    ----------
    page : 0 for the first
    """
    head = (
        ["Réplicat", "Référence", "Scénario", "Écart"]
        if lang == "fr"
        else ["Replicate", "Reference", "Scenario", "Difference"]
    )
    share = INDICATORS[indicator].unit == "share"
    decimals = 0 if INDICATORS[indicator].unit == "count" and _whole(effect) else 2 if share else 3
    sides = (effect.reference.array(indicator)[:, -1], effect.scenario.array(indicator)[:, -1])

    def told(value: float, sign: bool = False) -> str:
        text = effects_text.number(100 * value if share else value, decimals, lang)
        percent = "" if not share else "\u202f%" if lang == "fr" else "%"
        points = "" if not share else "\u00a0points"
        return ("+" if sign and value > 0 else "") + text + (points if sign else percent)

    rows = [
        [str(k), told(before), told(after), told(after - before, sign=True)]
        for k, before, after in zip(
            effect.reference.replicates, *(side.tolist() for side in sides), strict=True
        )
    ]
    return head, rows[page * ROWS : (page + 1) * ROWS]


def _whole(effect: Effect) -> bool:
    """Return whether counts are whole: every actor is simulated."""
    return effect.scenario.scenario.territory.sample == 1.0


# -- ledgers ------------------------------------------------------------------------------


def search(ledger: str, words: str, lang: Lang) -> Found:
    """Return the rows of a ledger that hold every one of the words, accents or not."""
    head, rows = _TABLES[ledger](lang == "fr")
    wanted = _plain(words).split()
    return Found(head, [row for row in rows if all(w in _plain(" ".join(row)) for w in wanted)])


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


type Rows = tuple[list[str], list[list[str]]]


def _parameters(french: bool) -> Rows:
    head = (
        ["Nom", "Sens", "Valeur", "Plage", "Unité", "Source", "Confiance"]
        if french
        else ["Name", "Meaning", "Value", "Range", "Unit", "Source", "Confidence"]
    )
    return head, [
        [r["name"], r["fr" if french else "en"], ledgers.number(r["default"]),
         ledgers.interval(r["low"], r["high"]), r["unit"], r["source"],
         _confidence(r["confidence"], french)]
        for r in ledgers.parameters()
    ]  # fmt: skip


def _facts(french: bool) -> Rows:
    head = (
        ["Nom", "Sens", "Valeur", "Tolérance", "Unité", "Date", "Source", "Confiance"]
        if french
        else ["Name", "Meaning", "Value", "Tolerance", "Unit", "Date", "Source", "Confidence"]
    )
    return head, [
        [r["id"], r["fr" if french else "en"], ledgers.number(r["value"]),
         ledgers.interval(r["low"], r["high"]), r["unit"], ledgers.dates(r["date"]), r["source"],
         _confidence(r["status"], french)]
        for r in ledgers.facts()
    ]  # fmt: skip


def _indicators(french: bool) -> Rows:
    head = (
        ["Nom", "Libellé", "Unité", "Mieux", "Définition", "Mécanismes"]
        if french
        else ["Name", "Label", "Unit", "Better", "Definition", "Mechanisms"]
    )
    lang = "fr" if french else "en"
    return head, [
        [r["name"], r[lang], r["unit"], ledgers.BETTER[r["better"]], r[f"definition_{lang}"],
         _list(r["moved_by"])]
        for r in ledgers.indicators()
    ]  # fmt: skip


def _mechanisms(french: bool) -> Rows:
    head = (
        ["Nom", "Mécanisme", "En une phrase", "Source", "Paramètres"]
        if french
        else ["Name", "Mechanism", "In one sentence", "Source", "Parameters"]
    )
    lang = "fr" if french else "en"
    return head, [
        [f"{r['order']}. {r['name']}", r[lang], r[f"sentence_{lang}"], r["source"],
         _list(r["parameters"])]
        for r in ledgers.mechanisms()
    ]  # fmt: skip


def _levers(french: bool) -> Rows:
    head = (
        ["Nom", "Levier", "Comment il agit", "Paramètres", "Coûts", "Scénario livré"]
        if french
        else ["Name", "Lever", "How it acts", "Parameters", "Costs", "Shipped scenario"]
    )
    given = "k€ du scénario" if french else "k€ of the scenario"
    return head, [
        [r.name, r.fr if french else r.en, r.channel_fr if french else r.channel_en,
         _list(r.parameters), _list(r.costs) or given, r.scenario]
        for r in levers.LEVERS.values()
    ]  # fmt: skip


def _confidence(name: str, french: bool) -> str:
    known: Sequence[Any] = ledgers.CONFIDENCE.get(name, (name, name))
    return str(known[0 if french else 1])


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


_TABLES: Mapping[str, Callable[[bool], Rows]] = {
    "parameters": _parameters,
    "facts": _facts,
    "indicators": _indicators,
    "mechanisms": _mechanisms,
    "levers": _levers,
}
assert list(_TABLES) == list(LEDGERS)
