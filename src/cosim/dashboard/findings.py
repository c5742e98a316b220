"""The page Hypothèses without Solara: cards of the shipped hypotheses, from files and verdicts.

Statements are those of the experiment files, verdicts and intervals those that ship with the
package: nothing is simulated and no verdict is made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cosim import scenario as documents
from cosim import territory
from cosim.dashboard import view as views
from cosim.effects_text import number
from cosim.errors import CosimError
from cosim.experiment import contrasts, design, document, hypotheses, pages, sentences
from cosim.experiment.hypotheses import ALL, DEFAULT, RULES, TERRITORY, WORDS
from cosim.experiment.pages import SIGNS
from cosim.experiment.reading import contrast_unit, place_words, rules_words, said, several

if TYPE_CHECKING:
    import pandas as pd

    from cosim.dashboard.view import View
    from cosim.effects_text import Lang
    from cosim.experiment.document import Experiment
    from cosim.scenario import Scenario

VERDICTS = contrasts.VERDICTS


@dataclass(frozen=True)
class Bar:
    """One interval of a plot: whose, the estimate, its ends, its verdict and its words."""

    label: str
    estimate: float
    low: float
    high: float
    verdict: str
    words: str


@dataclass(frozen=True)
class Contrast:
    """What some arms have more of than others, in each territory; the mean first.

    `margin` is the smallest effect that matters with its sign, None where nothing was expected.
    """

    name: str
    label: str
    expected: str
    margin: float | None
    verdict: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Card:
    """One hypothesis, in words of a language."""

    name: str
    title: str
    statement: str
    question: str
    source: str
    verdict: str
    tally: str
    rivals: tuple[tuple[str, str, bool], ...]  # rule, verdict, whether it is another one
    contrasts: tuple[Contrast, ...]
    runs: int
    territories: tuple[str, ...]
    digest: str
    seed: int
    command: str
    measures: tuple[str, ...]


def word(verdict: str, lang: Lang) -> str:
    """Return the symbol and the word of a verdict."""
    return f"{SIGNS[verdict]} {WORDS[verdict][lang == 'en']}"


@lru_cache(maxsize=1)
def known() -> dict[str, Experiment]:
    """Return the experiment of each hypothesis that has a verdict, in order."""
    return {row["hypothesis"]: document.outline(row["file"]) for row in pages.about()["hypotheses"]}


@lru_cache(maxsize=2)
def cards(lang: Lang) -> tuple[Card, ...]:
    """Return the shipped hypotheses, in order."""
    table, made = pages.verdicts(), {row["hypothesis"]: row for row in pages.about()["hypotheses"]}
    summary = hypotheses.summary(table)
    return tuple(
        _card(experiment, table[table["hypothesis"] == name],
              summary[summary["hypothesis"] == name], made[name], lang)
        for name, experiment in known().items()
    )  # fmt: skip


def _card(
    experiment: Experiment, table: pd.DataFrame, summary: pd.DataFrame, made: Mapping[str, Any],
    lang: Lang,
) -> Card:  # fmt: skip
    said_ = experiment.hypothesis
    assert said_ is not None
    english = lang == "en"
    by_rules = summary.set_index("rules")
    mine = hypotheses.whole(table)
    places = mine[(mine[RULES] == DEFAULT) & (mine[TERRITORY] != ALL)]
    rivals = tuple(
        (_rules(experiment, str(rule), lang), str(row["verdict"]), bool(row["changes"]))
        for rule, row in by_rules.iterrows() if rule != DEFAULT
    )  # fmt: skip
    return Card(
        name=said_.id,
        title=experiment.title_en if english else experiment.title,
        statement=said_.en if english else said_.fr,
        question=experiment.question_en if english else experiment.question,
        source=experiment.source,
        verdict=str(by_rules.loc[DEFAULT, "verdict"]),
        tally=sentences.tally(list(places["verdict"]), lang),
        rivals=rivals,
        contrasts=tuple(
            _contrast(experiment, name, table[(table["contrast"] == name)
                                              & (table[RULES] == DEFAULT)], lang)
            for name in experiment.contrasts
        ),
        runs=int(made["runs"]),
        territories=tuple(place_words(str(p), lang) for p in places[TERRITORY]),
        digest=str(made["digest"]), seed=int(made["seed"]), command=str(made["command"]),
        measures=tuple(f"{name} = {formula}" for name, formula in experiment.outcomes.items()),
    )  # fmt: skip


def _rules(experiment: Experiment, level: str, lang: Lang) -> str:
    factor = experiment.made[RULES]
    patch = factor.patches[factor.labels.index(level)]
    if "rules" in patch:
        return rules_words(patch["rules"], lang)
    from cosim.parameters import PARAMETERS

    told = [
        f"{PARAMETERS[name].en if lang == 'en' else PARAMETERS[name].fr} = {value:g}"
        for name, value in patch.get("parameters", {}).items() if name in PARAMETERS
    ]  # fmt: skip
    return ", ".join(told) or level


def _contrast(experiment: Experiment, name: str, rows: pd.DataFrame, lang: Lang) -> Contrast:
    about = experiment.contrasts[name]
    unit = contrast_unit(experiment, name)
    order = rows.assign(_rest=rows[TERRITORY] != ALL).sort_values("_rest", kind="stable")
    bars = []
    for row in order.to_dict("records"):
        texts, after = several([row["estimate"], row["low"], row["high"]], unit, lang, sign=True)
        ends = f"{texts[1]} … {texts[2]}{after}"
        bars.append(
            Bar(place_words(str(row[TERRITORY]), lang), float(row["estimate"]), float(row["low"]),
                float(row["high"]), str(row["verdict"]) if about.sign else "",
                f"{texts[0]} ({ends})")
        )  # fmt: skip
    return Contrast(
        name, about.en if lang == "en" else about.fr,
        _expected(about.sign, about.margin, unit, lang),
        _margin(about.sign, about.margin), bars[0].verdict, tuple(bars),
    )  # fmt: skip


def _margin(sign: str, margin: float) -> float | None:
    if not sign:
        return None
    return -margin if sign == "-" else margin


def _expected(sign: str, margin: float, unit: str, lang: Lang) -> str:
    """Return what was expected before the run, in words."""
    if not sign:
        return (
            "rien d'attendu : donné pour information"
            if lang == "fr"
            else "nothing expected: for information"
        )
    more = said(margin, unit, lang)
    fr, en = {
        "+": (f"plus, d'au moins {more}", f"more, by at least {more}")
        if margin else ("plus", "more"),
        "-": (f"moins, d'au moins {more}", f"less, by at least {more}")
        if margin else ("moins", "less"),
        "0": (f"pas d'effet au-delà de {more}", f"no effect beyond {more}"),
        "<=": (f"pas plus de {more}", f"no more than {more}"),
    }[sign]  # fmt: skip
    return f"attendu : {fr}" if lang == "fr" else f"expected: {en}"


def counts(lang: Lang) -> dict[str, int]:
    """Return how many hypotheses have each verdict."""
    made = cards(lang)
    return {one: sum(card.verdict == one for card in made) for one in VERDICTS}


def chosen(verdict: str, lang: Lang) -> tuple[Card, ...]:
    """Return the cards of a verdict, all of them for another word."""
    made = cards(lang)
    return tuple(c for c in made if c.verdict == verdict) if verdict in VERDICTS else made


def places(card: Card, lang: Lang) -> str:
    """Return in how many territories the verdict is what, and how many rival rules change it."""
    told = card.tally.replace("conditions", "territoires").replace("condition", "territoire")
    if lang == "en":
        told = card.tally.replace("conditions", "territories").replace("condition", "territory")
    changed = sum(changes for _, _, changes in card.rivals)
    if not card.rivals:
        return f"{told[:1].upper()}{told[1:]}."
    if lang == "fr":
        after = f"change avec {changed} des {len(card.rivals)} règles rivales" if changed else (
            "ne change avec aucune règle rivale")  # fmt: skip
        if len(card.rivals) == 1:
            after = (
                "change avec la règle rivale" if changed else "ne change pas avec la règle rivale"
            )
    else:
        after = f"changes with {changed} of {len(card.rivals)} rival rules" if changed else (
            "changes with no rival rule")  # fmt: skip
        if len(card.rivals) == 1:
            after = (
                "changes with the rival rule" if changed else "does not change with the rival rule"
            )
    return f"{told[:1].upper()}{told[1:]} ; {after}." if lang == "fr" else (
        f"{told[:1].upper()}{told[1:]}; {after}.")  # fmt: skip


def reading(lang: Lang) -> tuple[str, ...]:
    """Return how to read a verdict, and what was chosen before and after the runs."""
    from cosim.experiment.report_hypotheses import READING

    n = number(len(pages.verdicts()), 0, lang)
    if lang == "fr":
        mine = (
            "Soutenue (●) : l'intervalle est du côté attendu, et l'effet au moins égal au plus "
            "petit "
            "qui compte (seuil, en tirets). Contredite (✕) : l'intervalle exclut cet effet. "
            "Indécise "
            "(○) : les simulations ne permettent pas de trancher.",
            "Questions, comparaisons, signes attendus et seuils ont été écrits avant les "
            "simulations. "
            "La façon de réunir les territoires a été choisie après avoir vu H1, H3 et H8 "
            "territoire "
            "par territoire, où les intervalles étaient trop larges.",
            f"{n} contrastes et aucune correction pour leur nombre : quelques verdicts isolés sont "
            "dus "
            "au hasard. On lira les lignes, pas une case.",
        )
    else:
        mine = (
            "Supported (●): the interval is on the expected side, and the effect at least the "
            "smallest that matters (threshold, dashed). Contradicted (✕): the interval excludes "
            "that "
            "effect. Undecided (○): the simulations do not tell.",
            "Questions, comparisons, expected signs and thresholds were written before the runs. "
            "How "
            "territories are pooled was chosen after H1, H3 and H8 had been seen territory by "
            "territory, where the intervals were too wide.",
            f"{n} contrasts and no correction for their number: some single verdicts are due to "
            "chance. Read the rows, not one cell.",
        )
    return (*mine, *READING[lang][1:])


def key_words(lang: Lang) -> str:
    """Return what the numbers and bars of the cards are."""
    if lang == "fr":
        return (
            "Les nombres sont des alliances vivantes pour 100 acteurs, en moyenne d'une année ; la "
            "barre est l'intervalle à 95 % de la moyenne des six territoires, « seuil » le plus "
            "petit "
            "effet qui compte."
        )
    return (
        "Numbers are living alliances per 100 actors, mean of a year; the bar is the 95% interval "
        "of "
        "the mean of the six territories, “threshold” the smallest effect that matters."
    )


def made(card: Card, lang: Lang) -> str:
    """Return how many runs, of what, with which digest and seed."""
    runs = number(card.runs, 0, lang)
    version = pages.about()["cosim"]
    if lang == "fr":
        return (
            f"{runs} simulations dans {len(card.territories)} territoires stylisés "
            f"({', '.join(card.territories)}), paramètres tirés du calage ; empreinte "
            f"{card.digest}, graine {card.seed}, cosim {version}."
        )
    return (
        f"{runs} runs in {len(card.territories)} stylised territories "
        f"({', '.join(card.territories)}), parameters drawn from the calibration; digest "
        f"{card.digest}, seed {card.seed}, cosim {version}."
    )


def trial(name: str, view: View) -> str:
    """Return what « Voir dans l'Explorateur » would set, in words."""
    try:
        after = explored(name, view).scenario
    except CosimError as error:
        return str(error)
    before = views.reference(after).with_(title="la référence", title_en="the reference")
    told = documents.difference_sentence(before, after, view.lang)
    if known()[name].per is None:
        return told
    return told + (
        " Les doses sont à la taille de votre territoire." if view.lang == "fr"
        else " Doses are at the size of your territory."
    )  # fmt: skip


def reach(contrast: Contrast) -> tuple[float, float]:
    """Return the ends of the axis of a contrast, a little beyond what it shows."""
    margin = contrast.margin or 0.0
    ends = [0.0, margin, *(b.low for b in contrast.bars), *(b.high for b in contrast.bars)]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low or 1.0)
    return low - room, high + room


# -- what an élu can move -----------------------------------------------------------------


@lru_cache(maxsize=64)
def tried(name: str) -> Scenario | None:
    """Return what a visitor can try: an arm that an expected contrast favours.

    None where no document of the page holds it: it changes under way, or it changes only what the
    page shares with its reference (rules, parameters, period).
    """
    experiment = known()[name]
    for contrast in (n for n, c in experiment.contrasts.items() if c.sign):
        weight: dict[str, float] = {}
        for (_, arm), k in experiment.terms[contrast].items():
            weight[arm] = weight.get(arm, 0.0) + k
        for arm in reversed([arm for arm in experiment.arm_names if weight.get(arm, 0.0) > 0.0]):
            scenario, then = design.example(experiment, arm)
            if not then and _decided(scenario):
                return scenario
    return None


def _decided(scenario: Scenario) -> bool:
    """Return whether a scenario decides more than when a lever would start."""
    usual = documents.load(views.BASE).resolved()
    return any(
        value != usual[table].get(key)
        for table, values in _decisions(scenario).items()
        for key, value in values.items() if key != "start"
    )  # fmt: skip


def _decisions(scenario: Scenario) -> dict[str, Any]:
    """Return the tables of a scenario in which it differs from the reference of the pages."""
    usual = documents.load(views.BASE).resolved()
    return {
        key: value
        for key, value in scenario.resolved().items()
        if isinstance(value, dict) and key not in views.SHARED and value != usual[key]
    }


def explored(name: str, view: View) -> View:
    """Return the view with the decisions and hazards of a hypothesis, at its territory's size.

    Doses are per inhabitant, as the experiment file gives them; territory, period and rules stay.

    Raises
    ------
    CosimError : no document holds them, or they are out of range in so large a territory
    """
    found = tried(name)
    if found is None:
        raise CosimError("no scenario holds this hypothesis", key="hypothese", found=name,
                         expected="cosim hypothesis run")  # fmt: skip
    mine = view.scenario.resolved()
    usual = documents.load(views.BASE).resolved()
    shared = {table: mine[table] for table in views.SHARED}
    whole = {**usual, **_decisions(found), **shared}
    whole |= {
        "title": "",
        "title_en": "",
        "purpose": "",
        "purpose_en": "",
        "moves": [],
        "against": "",
    }
    made = documents.build(whole)
    per = known()[name].per
    if per is not None:
        ratio = _people(view.code) / _people(found.territory.code)
        made = made.with_(**{key: dose(found, key, ratio) for key in per.keys})
    return replace(view, scenario=made)


def dose(scenario: Scenario, key: str, ratio: float) -> float:
    """Return a dose times `ratio`, with two digits that count."""
    found: Any = scenario.resolved()
    for part in key.split("."):
        found = found[part]
    return float(f"{ratio * float(found or 0.0):.2g}")


def _people(code: str) -> int:
    if code == "synthetic":
        return int(documents.load(views.BASE).territory.synthetic.population)
    return territory.load(code).inhabitants


__all__ = [
    "VERDICTS", "Bar", "Card", "Contrast", "cards", "chosen", "counts", "dose", "explored",
    "key_words", "known", "made", "places", "reach", "reading", "trial", "tried", "word",
]  # fmt: skip
