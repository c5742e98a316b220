"""Scenarios side by side: which they are, what each gives and costs, what is drawn. No Solara."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cosim import effects_text, parameters, timetable, uncertainty
from cosim.dashboard import compute, view
from cosim.dashboard.view import View
from cosim.effects import Effect
from cosim.indicators import INDICATORS
from cosim.results import Ensemble
from cosim.scenario import Scenario, diff, difference_sentence

if TYPE_CHECKING:
    from cosim.effects_text import Lang
    from cosim.state import Array

#: Pairs of each scenario of the page.
REPLICATES = 100
#: What the cards tell, beside what is spent.
TOLD = ("alliances", "engaged", "able", "convinced", "trust_across")
#: A name that a visitor gives has at most so many characters.
MOST_NAME = 60


@dataclass(frozen=True, slots=True)
class Style:
    """How a scenario is drawn: told apart by dash and marker, and not by colour alone."""

    colour: str
    dash: str
    marker: str


#: Of the scenario that moves, then of those that are kept; of the reference.
STYLES = (
    Style("#0072B2", "", "circle"),
    Style("#B3470B", "10 5", "square"),
    Style("#7A3E9D", "2 4", "triangle"),
    Style("#1B7F4B", "12 4 2 4", "diamond"),
)
REFERENCE = Style("#444444", "6 4", "")


@dataclass(frozen=True)
class Lane:
    """One scenario of the page.

    Attributes
    ----------
    scenario : what is simulated
    place : its number among those kept, -1 for one that only moves
    moving : whether it is the one that the levers move
    """

    scenario: Scenario
    place: int
    moving: bool

    def title(self, lang: Lang) -> str:
        """Return what the page calls it."""
        return title_of(self.scenario, lang)

    @property
    def style(self) -> Style:
        """How it is drawn."""
        return STYLES[self.place + 1]


def title_of(scenario: Scenario, lang: Lang) -> str:
    """Return the title of a scenario, or what stands for one."""
    title = scenario.title if lang == "fr" else scenario.title_en or scenario.title
    return title or ("Scénario en cours" if lang == "fr" else "Present scenario")


def lanes(now: View) -> tuple[Lane, ...]:
    """Return the scenarios of the page: those kept, then the one that moves if it is another.

    What moves and is the reference itself is left out where there is something else to look at.
    """
    kept = [
        Lane(one, place, one.digest == now.scenario.digest) for place, one in enumerate(now.kept)
    ]
    if any(lane.moving for lane in kept):
        return tuple(kept)
    if kept and now.scenario.digest == now.reference.digest:
        return tuple(kept)
    return (*kept, Lane(now.scenario, -1, True))


# -- what a visitor does with them --------------------------------------------------------


def renamed(now: View, place: int, name: str) -> View:
    """Return the view with another title for one of those kept, in both languages.

    Raises
    ------
    ScenarioError : it is no title
    """
    name = " ".join(name.split())[:MOST_NAME]
    if not name or not 0 <= place < len(now.kept):
        return now
    before = now.kept[place]
    after = before.with_(title=name, title_en=None)
    kept = tuple(after if k == place else one for k, one in enumerate(now.kept))
    same = now.scenario.digest == before.digest and now.scenario.title == before.title
    return replace(now, kept=kept, scenario=after if same else now.scenario)


def removed(now: View, place: int) -> View:
    """Return the view without one of those kept."""
    return replace(now, kept=tuple(one for k, one in enumerate(now.kept) if k != place))


def resumed(now: View, place: int) -> View:
    """Return the view whose levers stand where one of those kept has them."""
    return replace(now, scenario=now.kept[place]) if 0 <= place < len(now.kept) else now


# -- what is told -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a card at the end of the period, as texts.

    Attributes
    ----------
    level : mean over replicates
    change : mean difference to the reference; empty where all are equal
    span : what the differences are in 9 simulations out of 10
    chances : in how many simulations it is on the better side; empty where there is no better
    """

    label: str
    level: str
    change: str
    span: str
    chances: str


def figure(effect: Effect, indicator: str, lang: Lang) -> Figure:
    """Return what a card tells of one indicator: the numbers of `Effect.table_at`."""
    row = effect.table_at([-1], [indicator]).iloc[0]
    what, french = INDICATORS[indicator], lang == "fr"
    level = effects_text.level(effect.means(indicator)[1], indicator, lang)
    if not effect.difference(indicator)[:, -1].any():
        same = "comme la référence" if french else "as in the reference"
        return Figure(what.label(lang), level, "", same, "")
    low, high = (
        effects_text.difference(x, indicator, lang, unit=False) for x in (row.low, row.high)
    )
    span = (
        f"de {low} à {high} dans 9 simulations sur 10"
        if french
        else f"{low} to {high} in 9 simulations out of 10"
    )
    return Figure(
        what.label(lang), level, effects_text.difference(row.difference, indicator, lang), span,
        _chances(effect, indicator, lang),
    )  # fmt: skip


def _chances(effect: Effect, indicator: str, lang: Lang) -> str:
    better = INDICATORS[indicator].better
    if better == 0:
        return ""
    count = int((effect.difference(indicator)[:, -1] * better > 0.0).sum())
    few, all_ = (effects_text.number(x, 0, lang) for x in (count, effect.n))
    if lang == "fr":
        return f"mieux dans {few} simulation{'s' if count > 1 else ''} sur {all_}"
    return f"better in {few} simulation{'s' if count != 1 else ''} out of {all_}"


def level(ensemble: Ensemble, indicator: str, lang: Lang) -> str:
    """Return the mean of an indicator in the last month, as the cards write it."""
    return effects_text.level(float(ensemble.array(indicator)[:, -1].mean()), indicator, lang)


def fte_years(scenario: Scenario) -> float:
    """Return the FTE-years that a scenario pays of its own: catalysts and engineers.

    Those of the usine are national money and not counted.
    """
    monthly = timetable.common(scenario, parameters.resolve())
    return float((monthly.own_fte + monthly.engineers).sum()) / 12.0


def people(scenario: Scenario, lang: Lang) -> str:
    """Return the posts of a scenario, and the years of work that they are in all."""
    posts = scenario.catalysis.fte + scenario.ingenierie.fte
    years = effects_text.number(fte_years(scenario), 1, lang)
    number = effects_text.number(posts, 0 if float(posts).is_integer() else 1, lang)
    if not posts:
        return "aucun poste" if lang == "fr" else "no post"
    return (
        f"{number} ETP, {years} années d'ETP en tout"
        if lang == "fr"
        else f"{number} FTE, {years} FTE-years in all"
    )


def changes(lane: Lane, lang: Lang) -> str:
    """Return what a scenario changes from its reference, without its first words."""
    sentence = difference_sentence(view.reference(lane.scenario), lane.scenario, lang)
    _, colon, rest = sentence.partition(": ")
    return rest[:1].upper() + rest[1:] if colon else sentence


def other_reference(now: View, lane: Lane) -> bool:
    """Return whether a scenario is compared with another reference than the one shown."""
    return bool(diff(now.reference, view.reference(lane.scenario)))


def duels(
    named: Sequence[tuple[str, Effect]], indicator: str, lang: Lang
) -> list[str]:  # fmt: skip
    """Return in how many simulations each scenario is above each other one, one sentence a pair.

    Parameters
    ----------
    named : title and effect of each scenario, all with the same replicates
    """
    sentences = []
    for k, (second, ours) in enumerate(named):
        for first, theirs in named[:k]:
            told = {
                "fr": (f"Avec «\u00a0{second}\u00a0»", f"qu'avec «\u00a0{first}\u00a0»"),
                "en": (f"With “{second}”", f"than with “{first}”"),
            }
            pair = Effect(theirs.scenario, ours.scenario, names=told)
            sentences.append(pair.frequency_sentence(lang, indicator))
    return sentences


# -- what is drawn ------------------------------------------------------------------------


def curves(effects: Sequence[Effect], indicator: str, gap: bool = False) -> Array:
    """Return float64[1 + scenarios, 3, months]: low, median and high, of the reference first.

    The outer band holds 9 replicates in 10. With `gap`: of the differences, then the reference
    is zero.
    """

    def three(values: Array, draws: bool) -> Array:
        return uncertainty.fan(values, 0, draws)[[0, 2, 4]]

    first = effects[0].reference
    base = first.array(indicator)
    rows = [np.zeros((3, base.shape[1])) if gap else three(base, first.scenario.draws)]
    for effect in effects:
        values = effect.difference(indicator) if gap else effect.scenario.array(indicator)
        rows.append(three(values, effect.draws))
    return np.stack(rows)


def span(drawn: Array, indicator: str, gap: bool) -> tuple[float, float]:
    """Return the ends of the y axis that show every curve."""
    if gap:
        reach = compute.nice(float(np.abs(drawn).max()))
        return -reach, reach
    top = compute.nice(1.02 * float(drawn.max()))
    return 0.0, min(1.0, top) if INDICATORS[indicator].unit == "share" else top


def table(
    named: Mapping[str, Effect], indicator: str, lang: Lang
) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the medians at the end of each year, the reference first."""
    first = next(iter(named.values())).reference
    rows_of = [*np.flatnonzero(first.months.month == 12), len(first.months) - 1]
    shown = list(dict.fromkeys(int(row) for row in rows_of))
    sides = [first, *(effect.scenario for effect in named.values())]
    medians = [np.median(side.array(indicator)[:, shown], axis=0) for side in sides]
    rows = [
        [
            f"{first.months[row]:%m/%Y}",
            *(effects_text.level(m[k], indicator, lang) for m in medians),
        ]
        for k, row in enumerate(shown)
    ]
    reference = "Référence" if lang == "fr" else "Reference"
    return [("Fin" if lang == "fr" else "End"), reference, *named], rows
