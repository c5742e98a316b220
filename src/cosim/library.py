"""The library of scenarios as a page with pictures: choose a what-if before running one.

`page` writes `docs/library.md`, which costs no simulation; `pictures` simulates every scenario and
the one it compares itself with, and draws what it moves first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cosim.errors import ScenarioError
from cosim.indicators import GROUP_LABELS, INDICATORS, group_label
from cosim.scenario import Scenario, difference_sentence, load, shipped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cosim.results import Ensemble
    from cosim.state import Array

#: Pairs of replicates of a picture, and the folder of the pictures beside the page.
REPLICATES = 24
FOLDER = "pictures/scenarios"
#: Points of a curve at most; a picture is about 210 pixels wide between its axes.
POINTS = 48
#: The least share of its largest value that a picture shows: trifles look like trifles.
SPAN = 0.04
#: Inches: 300 × 130 pixels on a screen.
SIZE = (3.125, 1.354)


class Family(NamedTuple):
    """Scenarios that answer questions of one kind, in the order in which one reads them."""

    fr: str
    en: str
    scenarios: tuple[str, ...]


FAMILIES: tuple[Family, ...] = (
    Family("Références", "References", ("reference-2010", "reference-2020", "sans-catalyseurs")),
    Family("Un territoire et ses catalyseurs", "A territory and its catalysts",
           ("paris-est-marne-et-bois", "paris-est-marne-et-bois-sans-catalyseurs")),
    Family("Catalyse : les quatre métiers", "Catalysis: the four métiers",
           ("metier-dialogue", "metier-experimentation", "metier-accompagnement", "metier-lieu",
            "metiers-equilibres")),
    Family("Catalyse : qui est invité", "Catalysis: who is invited",
           ("inviter-la-peripherie", "inviter-les-plus-connus", "inviter-les-complementaires")),
    Family("Catalyse : des besoins ou des solutions", "Catalysis: needs or solutions",
           ("partir-des-besoins", "partir-des-solutions")),
    Family("Catalyse : le premier pas", "Catalysis: the first step",
           ("petit-premier-pas", "grand-premier-pas")),
    Family("Catalyse : arrêter, reprendre", "Catalysis: stopping, starting again",
           ("appui-interrompu", "appui-repris")),
    Family("Les trois piliers", "The three pillars",
           ("droit-de-l-alliance", "ingenierie-de-l-alliance", "prime-a-l-alliance",
            "trois-piliers")),
    Family("Données, outils, compétences", "Data, tools, skills",
           ("donnees", "outils", "competences", "socle-commun")),
    Family("L'usine de la co-construction", "The usine of co-construction",
           ("usine-de-la-co-construction", "usine-cinquante-fois")),
    Family("Lieux et reconnaissance", "Places and recognition",
           ("lieux-publics", "fermer-les-lieux", "reconnaissance")),
    Family("Événements", "Events",
           ("sans-crise-2020", "crise-2008", "sans-crise-2008", "effet-ciseau", "sans-elections",
            "renouvellement-fort", "sans-cadre-odd")),
    Family("Profils de collectivité", "Profiles of local authorities",
           ("profil-batisseuse", "profil-volontaire", "profil-coordinatrice",
            "profil-gestionnaire", "profil-idealiste")),
    Family("Diversité des territoires", "Diversity of territories",
           ("cas-rural", "cas-bourg-centre", "cas-littoral", "cas-periurbain",
            "cas-ville-moyenne", "cas-metropole", "territoire-fragile", "dix-sept-odd")),
    Family("Règles rivales", "Rival rules",
           ("regle-maturite-unique", "regle-confiance-beta", "regle-confiance-confirmatoire",
            "regle-imitation-bornee", "regle-sans-tiers", "regle-mises-en-garde")),
)  # fmt: skip


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Every shipped scenario by name, family after family.

    Raises
    ------
    ScenarioError : a scenario is in no family, or a family names one that is not shipped
    """
    names = [name for family in FAMILIES for name in family.scenarios]
    for name in set(names) ^ set(shipped()):
        raise ScenarioError("each shipped scenario is in one family of library.FAMILIES", key=name)
    return {name: load(name) for name in names}


def label(measure: str, lang: str = "fr") -> str:
    """Return what a reader sees for "indicator" or "indicator/group".

    >>> label("reach/donnees/organisations")
    'Public touché – données, organisations'
    """
    indicator, _, group = measure.partition("/")
    name = INDICATORS[indicator].label(lang)
    if not group:
        return name
    parts = [group] if group in GROUP_LABELS else group.split("/")
    return f"{name} – " + ", ".join(group_label(part, lang) for part in parts)


def paired(reference: Scenario, scenario: Scenario) -> bool:
    """Whether the two are about the same people in the same months: replicates can be paired."""
    return reference.territory == scenario.territory and reference.time == scenario.time


# -- the page -----------------------------------------------------------------------------


def page() -> str:
    """Return `docs/library.md`."""
    made = scenarios()
    parts = [
        "# Bibliothèque de scénarios — scenario library",
        "<!-- Page écrite par `cosim docs` : corriger `scenarios/*.toml`, pas la page ; les images "
        "par `cosim docs --pictures`. -->",
        f"Les {len(made)} scénarios livrés, par familles. Chaque image montre l'indicateur que le "
        "scénario fait bouger d'abord : le scénario en bleu, celui auquel il se compare en gris "
        f"tireté ; médiane et moitié centrale de {REPLICATES} simulations ; à droite, les "
        "dernières valeurs (celle du scénario en gras). Les flux mensuels sont des moyennes sur "
        "douze mois. Ce sont des expériences de pensée, pas des prévisions.",
        "The scenarios that are shipped, by family. Each picture shows the indicator that the "
        "scenario moves first: the scenario in blue, the one that it is compared with in dashed "
        f"grey; median and middle half of {REPLICATES} simulations; at the right, the last values "
        "(the scenario's in bold). Monthly flows are means over twelve months. These are thought "
        "experiments, not forecasts.",
        "\n".join(
            f"- {family.fr} — {family.en} : "
            + ", ".join(f"[{made[name].title}](#{name})" for name in family.scenarios)
            for family in FAMILIES
        ),
    ]
    for family in FAMILIES:
        parts.append(f"## {family.fr} — {family.en}")
        parts += [_entry(name, made[name], made[made[name].against]) for name in family.scenarios]
    return "\n\n".join(parts) + "\n"


def _entry(name: str, scenario: Scenario, reference: Scenario) -> str:
    command = f"compare {scenario.against}" if paired(reference, scenario) else "run"
    moved = {lang: " ; ".join(label(m, lang) for m in scenario.moves) for lang in ("fr", "en")}
    return "\n\n".join((
        f'<a id="{name}"></a>\n\n### {scenario.title} — {scenario.title_en}',
        f"![{label(scenario.moves[0])} : {scenario.title}]({FOLDER}/{name}.svg)",
        scenario.purpose.strip(),
        f"*{scenario.purpose_en.strip()}*",
        f"- [`{name}`](../scenarios/{name}.toml) — `cosim {command} {name}`\n"
        f"- {difference_sentence(reference, scenario, 'fr')}\n"
        f"- *{difference_sentence(reference, scenario, 'en')}*\n"
        f"- Fait bouger d'abord : {moved['fr']} — *moves first: {moved['en']}*",
    ))  # fmt: skip


# -- pictures -----------------------------------------------------------------------------


def pictures(
    replicates: int = REPLICATES, progress: Callable[[int, int], None] | None = None
) -> Iterator[tuple[str, str]]:
    """Simulate the library and yield each scenario's name and picture, an SVG document.

    A scenario and the one it is compared with have the same luck. `progress` is called with the
    number of scenarios simulated and their total.
    """
    from cosim.drawing import svg
    from cosim.results import ensemble

    made = scenarios()
    wanted: dict[str, set[str]] = {name: {made[name].moves[0]} for name in made}
    for scenario in made.values():
        wanted[scenario.against].add(scenario.moves[0])
    curves: dict[tuple[str, str], Curve] = {}
    for done, (name, measures) in enumerate(wanted.items(), 1):
        result = ensemble(made[name], replicates)
        curves |= {(name, measure): curve(result, measure) for measure in measures}
        if progress:
            progress(done, len(made))
    for name, scenario in made.items():
        measure = scenario.moves[0]
        yield name, svg(picture(measure, curves[scenario.against, measure], curves[name, measure]))


class Curve(NamedTuple):
    """One indicator over time: decimal years, and the quartiles of the replicates [3, points]."""

    years: Array
    quartiles: Array


def curve(result: Ensemble, measure: str) -> Curve:
    """Return the curve of "indicator" or "indicator/group", at `POINTS` months at most.

    A monthly flow is its mean over twelve months (over those there are, in the first year).
    """
    indicator, _, group = measure.partition("/")
    values = result.array(indicator, group)
    if INDICATORS[indicator].unit == "/month":
        total = np.cumsum(values, axis=1)
        total[:, 12:] -= total[:, :-12].copy()
        values = total / np.minimum(np.arange(values.shape[1]) + 1, 12)
    months = result.months
    years = np.asarray(months.year + (months.month - 0.5) / 12, dtype=np.float64)
    every = -(-len(years) // POINTS)
    kept = np.arange(len(years) - 1, -1, -every)[::-1]
    return Curve(years[kept], np.quantile(values[:, kept], (0.25, 0.5, 0.75), axis=0))


def picture(measure: str, reference: Curve, scenario: Curve) -> Figure:
    """Draw the reference in grey and the scenario in blue, their last values beside."""
    from cosim.drawing import (
        INK,
        REFERENCE,
        WHAT_IF,
        new_axes,
        new_figure,
        spread_out,
        style,
    )

    unit = INDICATORS[measure.partition("/")[0]].unit
    with style():
        figure = new_figure(SIZE[1], SIZE[0])
        title = label(measure) + {"/month": ", par mois", "k€": ", k€"}.get(unit, "")
        figure.text(0.02, 0.985, title, size=7.5, color=INK, va="top")
        axes = new_axes(figure, left=0.42, right=0.48, top=0.27, bottom=0.22)
        axes.tick_params(length=2, labelsize=7, pad=2)
        axes.spines[["left", "bottom"]].set_linewidth(0.6)
        for one, colour, alpha, line in (
            (reference, REFERENCE, 0.18, {"lw": 1.3, "ls": (0, (3, 1.5)), "zorder": 4}),
            (scenario, WHAT_IF, 0.25, {"lw": 1.8, "zorder": 3}),
        ):
            low, middle, high = one.quartiles
            axes.fill_between(one.years, low, high, color=colour, alpha=alpha, lw=0)
            axes.plot(one.years, middle, color=colour, **line)
        low, high = _range(reference, scenario)
        axes.set_ylim(low, high)
        _ticks(axes, unit, np.concatenate((reference.years, scenario.years)))
        ends = [float(one.quartiles[1, -1]) for one in (scenario, reference)]
        gap = 9.5 / 72 / (SIZE[1] - 0.49) * (high - low)
        places = spread_out(ends, gap, low, high)
        decimals = _precision(ends, unit, high - low)
        for value, place, weight in zip(ends, places, ("bold", "normal"), strict=True):
            axes.text(1.03, place, _number(value, unit, decimals), size=7.5, color=INK,
                      weight=weight, va="center", transform=axes.get_yaxis_transform()
                      )  # fmt: skip
    return figure


def _range(*curves: Curve) -> tuple[float, float]:
    """Return the heights to show: all bands, and zero, just above the axis, where it is near."""
    low = min(float(one.quartiles.min()) for one in curves)
    high = max(float(one.quartiles.max()) for one in curves)
    if 0.0 <= low < 0.5 * high:
        return -0.04 * high, 1.08 * high
    middle, half = (low + high) / 2, 0.6 * max(high - low, SPAN * abs(high))
    return middle - half, middle + half


def _ticks(axes: Axes, unit: str, years: Array) -> None:
    """Three heights at most, and a year every so often."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    step = float(np.diff(axes.get_yticks())[0])
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda y, _: _number(y, unit, _decimals(step, unit)))
    )
    axes.set_ylim(low, high)
    first, last = int(np.floor(years.min())), int(np.ceil(years.max()))
    every = next(n for n in (1, 2, 3, 5, 10) if (last - first) / n <= 5)
    axes.set_xticks(ticks := range(first, last + 1, every), [str(year) for year in ticks])
    axes.set_xlim(first, last)


def _precision(values: Sequence[float], unit: str, span: float) -> int:
    """Return the decimals of last values: two digits, and more where the heights shown ask it."""
    largest = max(map(abs, values))
    if largest == 0.0 or (unit in ("count", "k€") and largest >= 1):
        return 0
    apart = max(abs(values[0] - values[1]), span / 5)
    least = 1 if unit == "contacts" else _decimals(largest / 10, unit)
    return min(3, max(_decimals(apart, unit), least))


def _decimals(step: float, unit: str) -> int:
    """Return how many decimals tell apart two numbers that differ by `step`."""
    shown = 100.0 * step if unit == "share" else step
    return max(0, -int(np.floor(np.log10(shown) + 1e-9)))


def _number(value: float, unit: str, decimals: int) -> str:
    from cosim.drawing import number

    if unit == "share":
        return f"{number(100 * value, decimals)}\u202f%"
    return number(value, decimals)
