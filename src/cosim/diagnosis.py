"""A territory before it acts: the reference documents' *qualification systémique*.

Écosystème × maturité × adhésion: knowing who is there, knowing how, wanting to. A product and not a
sum: where one is missing, the two others carry nothing. It reads initial States only; no month is
simulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim import engine, population
from cosim.drawing import (
    FAINT,
    INK,
    SOFT,
    heading,
    new_axes,
    new_figure,
    percent_axis,
    style,
)
from cosim.effects_text import number, percent
from cosim.indicators import WORLDS, group_label
from cosim.state import DOMAIN_NAMES, N_WORLDS, NEVER, PROFILES, Array, State

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cosim.scenario import Scenario
    from cosim.territory import Territory

Lang = Literal["fr", "en"]
Floats = NDArray[np.float64]

WHOLE = ""
GROUPS = (WHOLE, *WORLDS)
FACTORS = ("ecosysteme", "maturite", "adhesion")
#: The factors, the mean over actors of their product, and the product of the factors.
MEASURES = (*FACTORS, "qualification", "product_of_means")
QUANTILES = (0.05, 0.5, 0.95)

#: measure -> label in French and English.
LABELS = {
    "ecosysteme": ("écosystème", "ecosystem"),
    "maturite": ("maturité", "maturity"),
    "adhesion": ("adhésion", "commitment"),
    "qualification": ("produit des trois", "product of the three"),
    "product_of_means": ("produit des trois moyennes", "product of the three means"),
}
#: factor -> what holds back, "it" of the French sentence, what to do in French and English.
_CHANNELS = {
    "ecosysteme": (
        "l'écosystème", "le", "the ecosystem",
        "le lieu et le dialogue, où se rencontrent ceux qui se complètent",
        "place and dialogue, where those who complement one another meet",
    ),
    "maturite": (
        "la maturité", "la", "maturity",
        "l'expérimentation et l'accompagnement, où s'apprend le savoir-faire",
        "experimentation and accompaniment, where know-how is learned",
    ),
    "adhesion": (
        "l'adhésion", "la", "commitment",
        "le dialogue, qui donne l'envie et fait se rencontrer",
        "dialogue, which makes people meet and want to",
    ),
}  # fmt: skip
#: The métiers of those channels, as a scenario names them.
METIERS = {
    "ecosysteme": ("lieu", "dialogue"),
    "maturite": ("experimentation", "accompagnement"),
    "adhesion": ("dialogue",),
}
#: profile of a commune -> its French name, the same in English.
PROFILE_NAMES = dict(
    zip(
        PROFILES, ("bâtisseuse", "volontaire", "coordinatrice", "gestionnaire", "idéaliste"),
        strict=True,
    )
)  # fmt: skip
#: Kinds of territory that stand for no place, where nothing is counted.
STYLISED = ("synthetic", "cas-type")


class Reading(NamedTuple):
    """What one initial State says."""

    levels: Floats  # [groups, measures]
    needs: Floats  # [domains, (need, solution, need_alone, solution_alone)], shares of actors
    alliances: Floats  # living, and recognised among them, per 1 000 actors


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """A territory before it acts, over replicates.

    Parameters
    ----------
    place : the territory
    start : month, "YYYY-MM"
    seed : root seed
    levels : float64[replicates, groups, measures], in [0, 1]; nan for a world without actors
    needs : float64[replicates, domains, 4], shares of actors: need it, offer it, need it and know
        nobody who offers it, offer it and know nobody who needs it
    alliances : float64[replicates, 2], living and recognised, per 1 000 actors
    domain_names : of the domains
    actors : counts by world, one for one
    profiles : share of the inhabitants by profile of their commune
    """

    place: Territory
    start: str
    seed: int
    levels: Floats
    needs: Floats
    alliances: Floats
    domain_names: tuple[str, ...]
    actors: dict[str, int]
    profiles: dict[str, float]

    @property
    def replicates(self) -> int:
        """Number of initial States that were read."""
        return len(self.levels)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Columns: world ("" for all), factor, low, median, high (5 %, 50 %, 95 %)."""
        import pandas as pd

        low, median, high = np.quantile(self.levels, QUANTILES, axis=0)
        return pd.DataFrame(
            [
                (group, measure, low[g, m], median[g, m], high[g, m])
                for g, group in enumerate(GROUPS)
                for m, measure in enumerate(MEASURES)
            ],
            columns=["world", "factor", "low", "median", "high"],
        )

    @cached_property
    def domains(self) -> pd.DataFrame:
        """Medians, the most needed first.

        Columns: domain, need and solution (shares of actors), need_alone (share of those in need
        who know nobody of another world who offers it: the first kilometre), solution_alone (share
        of those who offer it who know nobody of another world who needs it: the last kilometres).
        """
        import pandas as pd

        columns = ["need", "solution", "need_alone", "solution_alone"]
        table = pd.DataFrame(np.median(self.needs, axis=0), columns=columns)
        table.insert(0, "domain", self.domain_names)
        return table.sort_values("need", ascending=False, ignore_index=True)

    def median(self, measure: str, world: str = WHOLE) -> float:
        """Return the median over replicates of one of `MEASURES`."""
        values = self.levels[:, GROUPS.index(world), MEASURES.index(measure)]
        return float(np.median(values))

    def peopled(self, world: str) -> bool:
        """Return whether the world has an actor in every replicate."""
        return not np.isnan(self.median("maturite", world))

    def brake(self, world: str = WHOLE) -> tuple[str, float]:
        """Return the factor that holds the product back most, and what raising it would give.

        In each replicate each factor in turn is raised to the median of the two others; the one
        after which the product of the three means is largest (median over replicates) is the
        brake, the lowest if several are. Nothing is lowered.
        """
        values = self.levels[:, GROUPS.index(world), : len(FACTORS)]
        products = values.prod(axis=1)
        raised = {}
        for k, factor in enumerate(FACTORS):
            others = np.delete(values, k, axis=1)
            product = np.median(others, axis=1) * others.prod(axis=1)
            raised[factor] = float(np.median(np.maximum(products, product)))
        brake = max(FACTORS, key=lambda name: (raised[name], -self.median(name, world)))
        return brake, raised[brake]

    def sentence(self, lang: Lang = "fr") -> str:
        """Return what the diagnosis says, and what it does not."""
        return " ".join((self._levels(lang), self._brake(lang), _reserve(self.place, lang)))

    def _levels(self, lang: Lang) -> str:
        from cosim.scenario_text import month_name

        where, when = self.place.name, month_name(self.start, lang)
        known = percent(self.median("ecosysteme"), lang, 0)
        know_how, commitment, product = (
            number(self.median(name), 2, lang) for name in ("maturite", "adhesion", "qualification")
        )
        if lang == "en":
            return (
                f"{where}, {when}, before it acts: {known} of needs and solutions have a known "
                f"counterpart in another world (ecosystem); mean know-how is {know_how} out of 1 "
                f"(maturity) and mean commitment {commitment}; the product of the three, actor by "
                f"actor, is {product}."
            )
        return (
            f"{where}, {when}, avant d'agir\u00a0: {known} des besoins et des solutions ont un "
            f"vis-à-vis connu dans un autre monde (écosystème)\u202f; le savoir-faire moyen est de "
            f"{know_how} sur 1 (maturité) et l'envie moyenne de {commitment} (adhésion)\u202f; le "
            f"produit des trois, acteur par acteur, est de {product}."
        )

    def _brake(self, lang: Lang) -> str:
        factor, raised = self.brake()
        now = self.median("product_of_means")
        fr, it, en, channel_fr, channel_en = _CHANNELS[factor]
        before, after = (number(x, 3, lang) for x in (now, raised))
        if raised == now:
            return (
                "No factor, raised alone to the median of the two others, would raise the product."
                if lang == "en"
                else "Aucun facteur, relevé seul au niveau médian des deux autres, ne relèverait "
                "le produit."
            )
        if lang == "en":
            return (
                f"What holds the product back most is {en}: raised to the median of the two "
                f"others, it would take the product of the means from {before} to {after}. In the "
                f"model one acts on it through {channel_en}."
            )
        return (
            f"Ce qui retient le plus ce produit est {fr}\u00a0: {it} relever au niveau médian des "
            f"deux autres ferait passer le produit des moyennes de {before} à {after}. Dans le "
            f"modèle, on agit sur ce facteur par {channel_fr}."
        )

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        living, recognised = (
            dict(zip(("low", "median", "high"), _quantiles(self.alliances[:, k]), strict=True))
            for k in range(2)
        )
        return {
            "territory": {
                "code": self.place.code, "name": self.place.name, "kind": self.place.kind,
                "communes": self.place.n_communes, "inhabitants": self.place.inhabitants,
                "actors": self.actors,
            },
            "start": self.start, "replicates": self.replicates, "seed": self.seed,
            "levels": _rows(self.table),
            "brakes": [self._brake_row(group) for group in GROUPS if self.peopled(group)],
            "domains": _rows(self.domains),
            "profiles": self.profiles,
            "alliances_per_1000": {"living": living, "recognised": recognised},
            "sentence": self.sentence(), "sentence_en": self.sentence("en"),
        }  # fmt: skip

    def _brake_row(self, group: str) -> dict[str, Any]:
        factor, raised = self.brake(group)
        return {
            "world": group, "factor": factor, "product_of_means_if_raised": raised,
            "metiers": list(METIERS[factor]),
        }  # fmt: skip


def _quantiles(values: Floats) -> list[float]:
    return [float(x) for x in np.quantile(values, QUANTILES)]


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as plain values; what is not a number is None."""
    return [
        {str(k): None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
        for row in table.to_dict("records")
    ]


def _reserve(place: Territory, lang: Lang) -> str:
    """Return what this reading rests on, and that it is no advice."""
    stylised = place.kind in STYLISED
    if lang == "en":
        counted = (
            "this territory is stylised and nothing is counted on it"
            if stylised
            else "on this territory only inhabitants, communes and élus are counted"
        )
        return (
            "This is the reading of a model, an assumption and not advice for a real commune: "
            f"{counted}; the numbers of associations, companies and academics follow national "
            "laws, and the starting levels come from national surveys and assumptions, not from "
            "here."
        )
    counted = (
        "ce territoire est stylisé et rien n'y est compté"
        if stylised
        else "sur ce territoire, seuls les habitants, les communes et les élus sont comptés"
    )
    return (
        "C'est la lecture d'un modèle, une hypothèse et non un conseil pour une commune "
        f"réelle\u00a0: {counted}\u202f; les nombres d'associations, d'entreprises et d'acteurs "
        "académiques suivent des lois nationales, et les niveaux de départ viennent d'enquêtes "
        "nationales et d'hypothèses, pas d'ici."
    )


# -- reading ------------------------------------------------------------------------------


def diagnose(
    scenario: Scenario, replicates: int = 16, seed: int = 1, place: Territory | None = None
) -> Diagnosis:
    """Read the initial States of a scenario, before any step.

    Parameters
    ----------
    scenario : says where and when
    replicates : how many initial States are drawn, at least 1
    seed : root seed
    place : replaces the territory that the scenario names
    """
    ready = engine.plan(scenario, place)
    readings = [read(ready.state(seed, number)) for number in range(replicates)]
    return Diagnosis(
        place=ready.place,
        start=scenario.time.start,
        seed=seed,
        levels=np.array([one.levels for one in readings]),
        needs=np.array([one.needs for one in readings]),
        alliances=np.array([one.alliances for one in readings]),
        domain_names=tuple(DOMAIN_NAMES[bit] for bit in _bits(ready.template.territory.domains)),
        actors=_counts(ready.place, ready.params),
        profiles=_profiles(ready.template, ready.place),
    )


def read(state: State) -> Reading:
    """Return what one State says of its territory.

    Écosystème is the share of an actor's needs and solutions that have a known counterpart in
    another world, the mean over living actors (a mere "knows one who complements it" is true of
    nearly everybody); maturité and adhésion are mean know-how and mean commitment.
    """
    actors = state.actors
    present = actors.alive & (actors.kind < N_WORLDS)
    one, other = _contacts(state, present)
    met, all_of = np.zeros((2, len(actors)))
    for bit in _bits(state.territory.domains):
        need, solution = ((actors[name] >> bit & 1).astype(bool) for name in ("needs", "solutions"))
        for mine, theirs in ((need, solution), (solution, need)):
            known = np.zeros(len(actors), dtype=bool)
            known[one[theirs[other]]] = True
            met += mine & known
            all_of += mine
    knows = met / np.maximum(all_of, 1.0)
    factors = np.column_stack([knows, actors.know_how, actors.commitment])
    groups = [present, *(present & (actors.kind == kind) for kind in range(N_WORLDS))]
    living = state.alliances[: state.territory.n_alliances]
    living = living[living.ended == NEVER]
    return Reading(
        levels=np.array([_measures(factors[group]) for group in groups]),
        needs=np.array(
            [_domain(actors, present, one, other, bit) for bit in _bits(state.territory.domains)]
        ),
        alliances=1000.0
        / max(1, int(present.sum()))
        * np.array([len(living), (living.recognised != NEVER).sum()]),
    )


def _contacts(state: State, present: Array) -> tuple[Array, Array]:
    """Return both ends of every acquaintance across worlds, from either side."""
    actors, ties = state.actors, state.ties
    one = np.repeat(np.arange(len(actors)), actors.contacts)
    place = np.arange(len(one)) - np.repeat(
        np.cumsum(actors.contacts) - actors.contacts, actors.contacts
    )
    other = ties.other[actors.first[one] + place]
    across = present[one] & present[other] & (actors.kind[one] != actors.kind[other])
    return one[across], other[across]


def _measures(factors: Floats) -> Floats:
    """Return `MEASURES` of a group of actors, from its factors by actor."""
    if not len(factors):
        return np.full(len(MEASURES), np.nan)
    means = factors.mean(axis=0)
    return np.array([*means, factors.prod(axis=1).mean(), means.prod()])


def _domain(actors: Any, present: Array, one: Array, other: Array, bit: int) -> list[float]:
    """Return who needs a domain, who offers it, and who of them knows no counterpart."""
    need = present & (actors.needs >> bit & 1 == 1)
    solution = present & (actors.solutions >> bit & 1 == 1)
    needs_met, solutions_met = np.zeros((2, len(actors)), dtype=bool)
    needs_met[one[solution[other]]] = True
    solutions_met[one[need[other]]] = True
    return [
        _share(need, present), _share(solution, present),
        _share(need & ~needs_met, need), _share(solution & ~solutions_met, solution),
    ]  # fmt: skip


def _share(part: Array, whole: Array) -> float:
    total = int(whole.sum())
    return int(part.sum()) / total if total else 0.0


def _bits(domains: int) -> list[int]:
    return [bit for bit in range(len(DOMAIN_NAMES)) if int(domains) >> bit & 1]


def _counts(place: Territory, params: Any) -> dict[str, int]:
    """Seats that are taken at the start by world, one for one whatever the sample."""
    seats = population.seats_of(place, params)
    counts = np.bincount(seats["kind"][seats["taken"]], minlength=N_WORLDS)
    return dict(zip(WORLDS, counts.tolist(), strict=True))


def _profiles(template: State, place: Territory) -> dict[str, float]:
    """Share of the inhabitants by profile of their commune, communes without actors left out."""
    actors = template.actors
    communes, first = np.unique(actors.commune[actors.kind < N_WORLDS], return_index=True)
    people = np.bincount(
        actors.profile[first], weights=place.population[communes], minlength=len(PROFILES)
    )
    return dict(zip(PROFILES, (people / people.sum()).tolist(), strict=True))


# -- figure -------------------------------------------------------------------------------

#: measure -> colour (Okabe and Ito, dark enough to stand beside text).
COLOURS = {
    "ecosysteme": "#0072B2",
    "maturite": "#C98A00",
    "adhesion": "#009E73",
    "qualification": INK,
}


def figure(diagnosis: Diagnosis, lang: Lang = "fr") -> Figure:
    """Draw the three factors and their product, for the whole and for each world."""
    from cosim.scenario_text import month_name

    when = month_name(diagnosis.start, lang)
    with style():
        canvas = new_figure(5.4)
        if lang == "en":
            heading(canvas, "Before acting: qualification systémique",
                  f"{diagnosis.place.name}, {when}. Medians; thin line: 9 draws in 10.\n"
                  "Starting levels are assumptions of the model, not measured here.")  # fmt: skip
        else:
            heading(canvas, "Avant d'agir : la qualification systémique",
                  f"{diagnosis.place.name}, {when}. Médianes ; trait fin : 9 tirages sur 10.\n"
                  "Niveaux de départ : hypothèses du modèle, non mesurés ici.")  # fmt: skip
        axes = new_axes(canvas, 1.2, 0.5, top=0.9, bottom=0.72)
        groups = [g for g in GROUPS if diagnosis.peopled(g)]
        for row, group in enumerate(groups):
            _bars(axes, diagnosis, group, 5.0 * row, lang)
        axes.set_yticks(
            [5.0 * row + 1.5 for row in range(len(groups))],
            ["\n".join(group_label(group, lang).split()) for group in groups],
        )
        axes.set_ylim(5.0 * len(groups) - 1.0, -1.0)
        axes.set_xlim(0.0, 1.0)
        percent_axis(axes, lang, "x")
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(axis="x", color=FAINT, lw=0.6)
        _key(canvas, lang)
    return canvas


def _bars(axes: Axes, diagnosis: Diagnosis, group: str, top: float, lang: Lang) -> None:
    """Draw the bars of a group, one under the other, each with its value."""
    values = diagnosis.levels[:, GROUPS.index(group)]
    for k, measure in enumerate(COLOURS):
        low, middle, high = _quantiles(values[:, MEASURES.index(measure)])
        axes.barh(top + k, middle, height=0.9, color=COLOURS[measure], alpha=0.85)
        axes.plot((low, high), (top + k, top + k), color=SOFT, lw=1.0)
        axes.text(
            max(middle, high) + 0.012, top + k, percent(middle, lang, 0 if middle >= 0.1 else 1),
            size=7.5, va="center", color=INK,
        )  # fmt: skip


def _key(canvas: Figure, lang: Lang) -> None:
    from matplotlib.patches import Patch

    canvas.legend(
        handles=[
            Patch(color=colour, alpha=0.85, label=LABELS[measure][lang == "en"])
            for measure, colour in COLOURS.items()
        ],
        loc="lower center", ncols=4, frameon=False, fontsize=8.5, handlelength=1.0,
        handletextpad=0.4, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip
