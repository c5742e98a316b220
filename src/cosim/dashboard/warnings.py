"""What to beware of in a what-if: levers that undo one another, and what nothing was fitted to.

No Solara. Limits come from the ledgers, the calibration and the scenario's own tables; where a
threshold is nobody's figure, the words say that it is an assumption.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from cosim import facts, levers, scenario_text, territory
from cosim.attribution import lever_name
from cosim.calibration import survey
from cosim.effects_text import HARD, NARROW, number
from cosim.ledgers import CONFIDENCE
from cosim.parameters import PARAMETERS
from cosim.scenario import Scenario, diff
from cosim.scenario_levers import Rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cosim.effects_text import Lang

#: How much: levers that contradict one another; outside of what the model was fitted to; what
#: holds on every screen and is not about one move.
Kind = Literal["contradiction", "outside", "assumption"]
#: Actors accompanied by one FTE beyond which we warn, as a multiple of the default (assumption).
MANY_CASES = 2.0


@dataclass(frozen=True, slots=True)
class Caution:
    """One warning: its kind, the words, what it rests on and where the page Méthode tells more.

    `rests` is a word of `ledgers.CONFIDENCE`, or "rule" for what follows from the model's rules;
    `section` names a parameter, a figure, a mechanism or a part of the limits.
    """

    kind: Kind
    fr: str
    en: str
    rests: str
    section: str

    def words(self, lang: Lang) -> str:
        """Return what to beware of."""
        return self.fr if lang == "fr" else self.en

    def source(self, lang: Lang) -> str:
        """Return what it rests on, in one word or two."""
        if self.rests == "rule":
            return ("règle du modèle", "rule of the model")[lang != "fr"]
        return CONFIDENCE[self.rests][lang != "fr"]


class Domain(NamedTuple):
    """What the model was fitted to: territories, dates, support."""

    smallest: str
    least: int
    largest: str
    most: int
    until: int
    fte: float


@cache
def domain() -> Domain:
    """Return the domain of the calibration, from its panel, its targets and its support."""
    places = sorted((stratum.place for stratum in survey.panel()), key=lambda p: p.inhabitants)
    dates = [date for fact in facts.targets().values() for date in fact.dates]
    until = max(int(part[:4]) for date in dates for part in date.split("/"))
    supported = survey.SCENARIOS["survey-supported"]["catalysis.fte"]
    assert isinstance(supported, float)
    return Domain(places[0].name, int(places[0].inhabitants), places[-1].name,
                  int(places[-1].inhabitants), until, supported)  # fmt: skip


def found(reference: Scenario, scenario: Scenario, actors: Mapping[str, int]) -> list[Caution]:
    """Return what to beware of in a what-if, contradictions first.

    Parameters
    ----------
    actors : of the territory one for one, by kind (`view.counts`); empty where not known
    """
    moved = {change.key for change in diff(reference, scenario)}
    every = [
        *_dates(scenario), *_idle(scenario, moved), *_crowded(scenario, actors), *_purse(scenario),
        *_strong(scenario), *_place(scenario), *_parameters(scenario), *_assumed(scenario),
        *_always(scenario),
    ]  # fmt: skip
    order = ("contradiction", "outside", "assumption")
    return sorted(every, key=lambda caution: order.index(caution.kind))


def _in_force(scenario: Scenario) -> list[str]:
    """Return the tables of levers that give something."""
    names = ["catalysis"] if scenario.catalysis.fte > 0 else []
    return names + [
        name for name in scenario_text.LEVERS if scenario_text.lever_words(scenario, "fr", (name,))
    ]


def _names(lever: str) -> tuple[str, str]:
    return lever_name(lever, "fr"), lever_name(lever, "en")


# -- levers that contradict one another -------------------------------------------------------


def _dates(scenario: Scenario) -> Iterator[Caution]:
    """Yield what is never, or too shortly, in force."""
    term = PARAMETERS["coaching_term"]
    for name in _in_force(scenario):
        table, (fr, en) = getattr(scenario, name), _names(name)
        months = len(scenario.months_of(table))
        if not months:
            yield Caution(
                "contradiction",
                f"«{HARD}{fr}{HARD}» ne tombe pas dans la période simulée{HARD}: rien ne se passe.",
                f"“{en}” is not within the simulated period: nothing happens.", "rule", name,
            )  # fmt: skip
        elif name == "catalysis" and months < term.default:
            yield Caution(
                "contradiction",
                f"L'appui ne dure que {months} mois dans la période simulée{NARROW}; l'effet d'un "
                f"accompagnement est celui de {term.default:.0f} mois.",
                f"Support lasts {months} months within the simulated period; the effect of an "
                f"accompaniment is that of {term.default:.0f} months.",
                term.confidence, term.name,
            )  # fmt: skip
        if getattr(table, "budget", None) == 0:
            yield Caution(
                "contradiction",
                f"«{HARD}{fr}{HARD}» a un budget total de 0 k€{HARD}: rien ne se passe.",
                f"“{en}” has a total budget of 0 k€: nothing happens.", "rule", name,
            )  # fmt: skip
    for crisis in scenario.context.crises:
        first = scenario.month_index(crisis.start)
        if first + crisis.months <= 0 or first >= scenario.n_months:
            when = [scenario_text.month_name(crisis.start, lang) for lang in ("fr", "en")]
            yield Caution(
                "contradiction",
                f"La crise de {when[0]} est hors de la période simulée{HARD}: elle ne compte pas.",
                f"The crisis of {when[1]} is outside the simulated period: it does not count.",
                "rule", "context",
            )  # fmt: skip


def _idle(scenario: Scenario, moved: set[str]) -> Iterator[Caution]:
    """Yield settings that nobody applies."""
    shares = scenario.catalysis.mix.shares
    posts = scenario.catalysis.fte > 0 or scenario.usine.key != "none"
    without: list[str] = []
    if not posts:
        without += ["catalysis.caseload", "catalysis.session_size", "parameters.sessions_per_fte",
                    "outils.territoires", "competences.territoires"]  # fmt: skip
        if not scenario.ingenierie.funds:
            without.append("donnees.territoires")
    wanted = [key for key in without if key in moved]
    if wanted:
        fr, en = (_listed(wanted, lang) for lang in ("fr", "en"))
        yield Caution(
            "contradiction",
            f"Sans catalyseur, ceci ne change rien{HARD}: {fr}.",
            f"Without catalysts, this changes nothing: {en}.", "rule", "catalysis",
        )  # fmt: skip
    alone = {"catalysis.caseload": "accompagnement", "catalysis.session_size": "dialogue",
             "parameters.sessions_per_fte": "dialogue"}  # fmt: skip
    for key, metier in alone.items():
        if scenario.catalysis.fte > 0 and key in moved and not shares[metier]:
            fr, en = _listed([key], "fr"), _listed([key], "en")
            yield Caution(
                "contradiction",
                f"Aucun catalyseur ne fait ce métier ({_metier(metier, 'fr')}){HARD}: {fr} ne "
                "change rien.",
                f"No catalyst does this métier ({_metier(metier, 'en')}): {en} changes nothing.",
                "rule", "catalysis",
            )  # fmt: skip
    if "lieux.capacity" in moved and not scenario.lieux.number:
        fr, en = _listed(["lieux.capacity"], "fr"), _listed(["lieux.capacity"], "en")
        yield Caution(
            "contradiction",
            f"Aucun lieu public n'est ouvert{HARD}: {fr} ne change rien.",
            f"No public place is open: {en} changes nothing.", "rule", "lieux",
        )  # fmt: skip
    votes = [
        m for m in scenario.context.elections if 0 <= scenario.month_index(m) < scenario.n_months
    ]
    if "context.turnover" in moved and not votes:
        yield Caution(
            "contradiction",
            "Aucune élection dans la période simulée : le renouvellement ne change rien.",
            "No election within the simulated period: turnover changes nothing.",
            "rule", "context",
        )  # fmt: skip
    if scenario.usine.key in ("catalysts", "elsewhere"):
        yield Caution(
            "contradiction",
            "Cette clé de l'usine ne vaut que pour toute la France : ici, rien ne se passe.",
            "This key of the usine is for all of France only: here nothing happens.",
            "rule", "usine",
        )  # fmt: skip


def _crowded(scenario: Scenario, actors: Mapping[str, int]) -> Iterator[Caution]:
    """Yield more guests, accompanied or regulars than one FTE, or the territory, can have."""
    people = sum(actors.values())
    catalysis, dilution = scenario.catalysis, facts.fact("coaching_dilution")
    share, usual = catalysis.mix.shares["accompagnement"], type(catalysis)().caseload
    if catalysis.fte > 0 and share > 0:
        cases = round(catalysis.fte * share * catalysis.caseload)
        if catalysis.caseload > MANY_CASES * usual:
            times = {lang: number(dilution.values[0], 2, lang) for lang in ("fr", "en")}
            yield Caution(
                "outside",
                f"{catalysis.caseload} acteurs accompagnés par ETP{HARD}: à 40, un accompagnement "
                f"vaut {times['fr']} fois ce qu'il vaut à 5 (nous prévenons au-delà de "
                f"{MANY_CASES * usual:.0f}{NARROW}; ce seuil est une hypothèse).",
                f"{catalysis.caseload} actors accompanied by one FTE: at 40, an accompaniment is "
                f"worth {times['en']} times what it is worth at 5 (we warn beyond "
                f"{MANY_CASES * usual:.0f}; this threshold is an assumption).",
                dilution.status, dilution.id,
            )  # fmt: skip
        if 0 < people < cases:
            yield Caution(
                "contradiction",
                f"{cases} accompagnements à la fois pour {people} acteurs{HARD}: il y en a trop.",
                f"{cases} accompaniments at once for {people} actors: there are too many.",
                "rule", "catalysis",
            )  # fmt: skip
    seats = scenario.lieux.number * scenario.lieux.capacity
    if 0 < people < seats:
        yield Caution(
            "contradiction",
            f"{seats} habitués possibles pour {people} acteurs{HARD}: des lieux resteront en "
            "partie vides.",
            f"Room for {seats} regulars and {people} actors: places will stand partly empty.",
            "rule", "lieux",
        )  # fmt: skip


def _purse(scenario: Scenario) -> Iterator[Caution]:
    """Yield a premium that the yearly budget does not pay."""
    prime = scenario.prime
    if prime.amount > 0 and prime.yearly_budget < prime.amount:
        amount, budget = (
            [number(x, 0, lang) for lang in ("fr", "en")]
            for x in (prime.amount, prime.yearly_budget)
        )
        fr, en = (
            ("aucune prime n'est versée", "no premium is paid") if not prime.yearly_budget
            else ("il ne paie pas une prime entière par an", "it does not pay one a year in full")
        )  # fmt: skip
        yield Caution(
            "contradiction",
            f"Prime de {amount[0]} k€ et budget annuel de {budget[0]} k€{HARD}: {fr}.",
            f"A premium of {amount[1]} k€ and a yearly budget of {budget[1]} k€: {en}.",
            "rule", "prime",
        )  # fmt: skip


# -- outside of what the model was fitted to -----------------------------------------------------


def _strong(scenario: Scenario) -> Iterator[Caution]:
    """Yield levers and hazards beyond what has been seen."""
    known, fte = domain(), scenario.catalysis.fte
    if fte > known.fte:
        shown, most = ([number(x, 1 if x % 1 else 0, lang) for lang in ("fr", "en")]
                       for x in (fte, known.fte))  # fmt: skip
        yield Caution(
            "outside",
            f"{shown[0]} ETP de catalyseurs{HARD}: le calage n'a simulé d'appui qu'avec "
            f"{most[0]} ETP, dans un seul territoire.",
            f"{shown[1]} FTE of catalysts: calibration simulated support with {most[1]} FTE only, "
            "in one territory.",
            "calibrated", "panel",
        )  # fmt: skip
    depth = max((crisis.depth for crisis in scenario.context.crises), default=0.0)
    if depth > 1:
        yield Caution(
            "outside",
            "Une crise plus profonde que celle de 2020, qui sert d'échelle : aucune n'a été "
            "observée.",
            "A crisis deeper than that of 2020, which is the scale: none has been observed.",
            PARAMETERS["crisis_needs"].confidence, "crisis_needs",
        )  # fmt: skip
    for key, section in (("turnover", "turn_maire"), ("scissors", "scissors_needs")):
        value = getattr(scenario.context, key)
        if value > 1:
            fr, en = (_listed([f"context.{key}"], lang) for lang in ("fr", "en"))
            times = [number(value, 0 if value % 1 == 0 else 2, lang) for lang in ("fr", "en")]
            yield Caution(
                "outside",
                f"{fr} multiplié par {times[0]}{HARD}: ce qui est connu est à 1.",
                f"{en} times {times[1]}: what is known is at 1.",
                PARAMETERS[section].confidence, section,
            )  # fmt: skip


def _place(scenario: Scenario) -> Iterator[Caution]:
    """Yield what is special about the territory."""
    code, known = scenario.territory.code, domain()
    if code == "synthetic" or code.startswith("cas-"):
        yield Caution(
            "assumption",
            "Un territoire stylisé : les médianes d'une classe, personne n'y habite ; les seuils "
            "des classes sont des hypothèses.",
            "A stylised territory: the medians of a class, nobody lives there; the thresholds of "
            "classes are assumptions.",
            "assumption", "panel",
        )  # fmt: skip
    else:
        people = int(territory.load(code).inhabitants)
        least, most = ([number(x, 0, lang) for lang in ("fr", "en")]
                       for x in (known.least, known.most))  # fmt: skip
        if people < known.least:
            yield Caution(
                "outside",
                f"Un territoire plus petit que tous ceux du calage (le plus petit{HARD}: "
                f"{known.smallest}, {least[0]} habitants){HARD}: le hasard y pèse lourd.",
                f"A territory smaller than all those of the calibration (the smallest: "
                f"{known.smallest}, {least[1]} inhabitants): chance weighs heavily.",
                "calibrated", "panel",
            )  # fmt: skip
        elif people > known.most:
            yield Caution(
                "outside",
                f"Un territoire plus grand que tous ceux du calage (le plus grand{HARD}: "
                f"{known.largest}, {most[0]} habitants).",
                f"A territory larger than all those of the calibration (the largest: "
                f"{known.largest}, {most[1]} inhabitants).",
                "calibrated", "panel",
            )  # fmt: skip
    if scenario.territory.sample < 1:
        every = round(1 / scenario.territory.sample)
        yield Caution(
            "assumption",
            f"1 acteur sur {every} est simulé, à densités égales{HARD}: chacun connaît donc une "
            "plus grande part des autres.",
            f"1 actor in {every} is simulated, densities kept: each one therefore knows a larger "
            "share of the others.",
            "assumption", "panel",
        )  # fmt: skip


def _parameters(scenario: Scenario) -> Iterator[Caution]:
    """Yield parameters outside the interval that calibration left, and rival rules."""
    for name, value in scenario.parameters.items():
        row = PARAMETERS[name]
        if row.posterior and not row.posterior[0] <= value <= row.posterior[1]:
            yield Caution(
                "outside",
                f"«{HARD}{row.fr}{HARD}» est hors de ce que le calage a retenu (90 % entre "
                f"{number(row.posterior[0], 2)} et {number(row.posterior[1], 2)}).",
                f"“{row.en}” is outside of what calibration kept (90% between "
                f"{number(row.posterior[0], 2, 'en')} and {number(row.posterior[1], 2, 'en')}).",
                row.confidence, name,
            )  # fmt: skip
    if scenario.rules != Rules():
        yield Caution(
            "assumption",
            "Une règle rivale : reposez la question avec la règle par défaut, et donnez les deux "
            "réponses.",
            "A rival rule: ask the question again with the default rule, and give both answers.",
            "calibrated", "rivals",
        )  # fmt: skip


# -- assumptions ---------------------------------------------------------------------------------


def _assumed(scenario: Scenario) -> Iterator[Caution]:
    """Yield the levers in force of whose strength no published figure speaks."""
    for row in levers.LEVERS.values():
        table = getattr(scenario, row.table)
        given = getattr(table, row.public) if row.public else row.table in _in_force(scenario)
        if given and all(PARAMETERS[name].confidence == "assumption" for name in row.parameters):
            yield Caution(
                "assumption",
                f"«{HARD}{row.fr}{HARD}»{HARD}: la force de ce levier est une hypothèse{NARROW}; "
                "ne dites pas qu'il est plus fort qu'un autre.",
                f"“{row.en}”: the strength of this lever is an assumption; do not say that it is "
                "stronger than another.",
                "assumption", row.parameters[0],
            )  # fmt: skip


def _always(scenario: Scenario) -> Iterator[Caution]:
    """Yield what holds for nearly every what-if."""
    until, end = domain().until, int(scenario.time.end[:4])
    if end > until:
        yield Caution(
            "assumption",
            f"Les dernières observations du calage sont de {until}{NARROW}; d'ici à {end}, rien ne "
            "vérifie la courbe, et rien ne retient plus la conviction de monter.",
            f"The last observations of the calibration are of {until}; until {end} nothing checks "
            "the curve, and nothing keeps conviction from rising.",
            "assumption", "late_start",
        )  # fmt: skip
    if not scenario.draws:
        yield Caution(
            "assumption",
            "Les paramètres sont fixes : les zones ne montrent que le hasard, elles sont trop "
            "étroites.",
            "Parameters are fixed: areas show luck alone, and are too narrow.",
            "calibrated", "unidentified",
        )  # fmt: skip


# -- words ---------------------------------------------------------------------------------------


def _listed(keys: list[str], lang: Lang) -> str:
    """Return keys of the scenario by what their levers are called."""
    from cosim.dashboard.levers import LEVERS

    names = [
        LEVERS[key].label(lang) if key in LEVERS
        else f"{lever_name(key.partition('.')[0], lang)} {scenario_text.label(key, lang)}"
        for key in keys
    ]  # fmt: skip
    link = " et " if lang == "fr" else " and "
    quoted = [f"«{HARD}{name}{HARD}»" if lang == "fr" else f"“{name}”" for name in names]
    return link.join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else quoted[0]


def _metier(name: str, lang: Lang) -> str:
    from cosim.dashboard.levers import mix_label

    return mix_label(name, lang)
