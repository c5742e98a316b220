"""The page France without Solara: what is shown, its words, its colours, the grid of its map.

Everything comes from what ships (`cosim.atlas`): nothing is simulated here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import atlas, figures_maps, territory
from cosim.atlas import REFERENCE, WORLDS, Atlas
from cosim.drawing import number
from cosim.effects_text import percent
from cosim.figures_national import MEASURES, measure_label
from cosim.indicators import INDICATORS as KNOWN
from cosim.scenario import difference_sentence
from cosim.scenario_text import month_name

if TYPE_CHECKING:
    from cosim.effects_text import Lang
    from cosim.state import Array

INDICATORS = tuple("/".join(filter(None, pair)) for pair in atlas.INDICATORS)
#: The indicator that is a count, per 10 000 inhabitants.
COUNT = "alliances"
#: Points of the grid of a map that are sent: one in so many, of the mainland and of an inset.
FINE, COARSE = 1, 3
SEA, NOBODY = -1, -2


@dataclass(frozen=True)
class Shown:
    """What the map shows; an address holds it as one text, see `parsed`."""

    world: str = REFERENCE
    indicator: str = "engaged"
    year: int = atlas.LAST
    place: str = ""

    @property
    def gap(self) -> bool:
        """Whether it is a difference to the reference."""
        return self.world != REFERENCE

    def text(self) -> str:
        """Return what an address holds; "" for what a page without an address shows."""
        if self == Shown():
            return ""
        return ":".join((self.world, self.indicator, str(self.year), self.place)).rstrip(":")

    def of(self, world: str) -> Shown:
        """Return the same of another world, in a year that it has."""
        return replace(self, world=world, year=max(self.year, WORLDS[world][1]))


def parsed(text: str, known: Atlas) -> Shown:
    """Return what an address asks for; what it does not know is as usual."""
    usual = Shown()
    world, indicator, year, place = (*text.split(":"), "", "", "", "")[:4]
    made = Shown(
        world if world in WORLDS else usual.world,
        indicator if indicator in INDICATORS else usual.indicator,
        int(year) if year.isdecimal() and int(year) <= atlas.LAST else usual.year,
        place if place in known.codes else usual.place,
    )
    return made.of(made.world)


# -- names --------------------------------------------------------------------------------


def label(indicator: str, lang: Lang) -> str:
    """Return the name of an indicator, with its unit where it is no share."""
    if indicator == COUNT:
        about = MEASURES[COUNT]
        text = about.unit_fr if lang == "fr" else about.unit_en
        return text[:1].upper() + text[1:]
    return measure_label(indicator, lang)


def definition(indicator: str, lang: Lang) -> str:
    """Return what is counted, from the ledger of indicators."""
    return KNOWN[indicator.partition("/")[0]].definition(lang)


def world_label(world: str, lang: Lang) -> str:
    """Return the name of a world as a choice."""
    return _WORLDS[world][0 if lang == "fr" else 1]


_WORLDS = {
    REFERENCE: ("La référence, de 2010 à 2026", "The reference, from 2010 to 2026"),
    "deux-postes": (
        "Et si… deux catalyseurs de plus partout ?",
        "What if… two more catalysts everywhere?",
    ),
    "usine": (
        "Et si… l'usine de la co-construction ?",
        "What if… the usine of co-construction?",
    ),
}


def world_sentence(world: str, lang: Lang) -> str:
    """Return what is simulated, in words."""
    before = atlas.scenarios()[REFERENCE].with_(title="Référence", title_en="Reference")
    if world != REFERENCE:
        return difference_sentence(before, atlas.scenarios()[world], lang)
    from cosim.national import n_posts

    first, last = (number(n, 0, lang) for n in n_posts([before.time.start, before.time.end]))
    if lang == "fr":
        return (
            f"La France telle que le modèle la rejoue, avec ses {first} puis {last} postes de "
            "catalyseurs publiés ; où ils sont n'est pas publié : à chaque simulation, ils sont "
            "tirés au sort."
        )
    return (
        f"France as the model replays it, with its {first} then {last} published posts of "
        "catalysts; where they are is not published: each simulation draws it by lot."
    )


@lru_cache(maxsize=1)
def names() -> dict[str, str]:
    """Return code -> name of the territories, and of the regions."""
    table = territory.territories()
    return {**dict(zip(table.code, table.name, strict=True)), **territory.REGIONS}


def value(x: float, indicator: str, lang: Lang, gap: bool = False, unit: bool = True) -> str:
    """Return a value as people read it; a difference of shares is in points."""
    if indicator == COUNT:
        return number(x, 1, lang, sign=gap)
    if gap:
        return number(100.0 * x, 1, lang, sign=True) + (" points" if unit else "")
    return percent(x, lang, 1)


def figure(numbers: Array, indicator: str, lang: Lang, gap: bool = False) -> str:
    """Return mean (lowest to highest) of the simulations."""
    mean, low, high = (float(x) for x in numbers)
    told = value(mean, indicator, lang, gap)
    ends = (value(low, indicator, lang, gap, unit=False), value(high, indicator, lang, gap, False))
    if lang == "fr":
        return f"{told} (de {ends[0]} à {ends[1]})"
    return f"{told} ({ends[0]} to {ends[1]})"


def certain(numbers: Array) -> Any:
    """Return whether all the simulations say the same sign; numbers are mean, low, high."""
    return (numbers[1] > 0.0) | (numbers[2] < 0.0)


# -- sentences ----------------------------------------------------------------------------


def whole_sentence(known: Atlas, shown: Shown, lang: Lang) -> str:
    """Return what all of France comes to, and how far its territories are apart."""
    series = known.grouped[shown.world, shown.indicator]
    at = known.years(shown.world).index(shown.year)
    told = figure(series[:, at, known.groups.index("all")], shown.indicator, lang, shown.gap)
    values = known.values[shown.world, shown.indicator][:, at]
    month = month_name(f"{shown.year}-01", lang)
    name = label(shown.indicator, lang)
    if shown.gap:
        sure = int(certain(values).sum())
        up = int((certain(values) & (values[0] > 0.0)).sum())
        luck = round(2 * 0.5 ** known.about["replicates"] * len(known.codes))
        counts = [number(n, 0, lang) for n in (sure, up, sure - up, luck, len(known.codes))]
        if lang == "fr":
            return (
                f"{name}, différence avec la référence : {told} dans toute la France en {month}. "
                f"Les {known.about['replicates']} simulations sont d'accord sur le sens dans "
                f"{counts[0]} des {counts[4]} territoires (hausse dans {counts[1]}, baisse dans "
                f"{counts[2]}) ; par hasard seul, elles le seraient dans {counts[3]} environ."
            )
        return (
            f"{name}, difference to the reference: {told} over all of France in {month}. The "
            f"{known.about['replicates']} simulations agree on the direction in {counts[0]} "
            f"of the {counts[4]} territories (up in {counts[1]}, down in {counts[2]}); by luck "
            "alone "
            f"they would in about {counts[3]}."
        )
    low, high = (value(float(q), shown.indicator, lang) for q in np.quantile(values[0], (0.1, 0.9)))
    if lang == "fr":
        return (
            f"{name} : {told} dans toute la France en {month}. "
            f"Huit territoires sur dix sont entre {low} et {high}."
        )
    return (
        f"{name}: {told} over all of France in {month}. "
        f"Eight territories in ten are between {low} and {high}."
    )


def place_sentence(known: Atlas, shown: Shown, code: str, lang: Lang) -> str:
    """Return what a territory comes to, and where it stands as far as luck lets one say."""
    at, k = known.years(shown.world).index(shown.year), known.codes.index(code)
    values = known.values[shown.world, shown.indicator][:, at]
    told = figure(values[:, k], shown.indicator, lang, shown.gap)
    name, what = names()[code], label(shown.indicator, lang)
    if shown.gap:
        sure = bool(certain(values[:, k]))
        if lang == "fr":
            after = (
                "toutes les simulations vont dans ce sens."
                if sure
                else "selon la simulation, elle change de sens : le hasard suffit à l'expliquer."
            )
            return f"{name} : {what}, différence de {told} ; {after}"
        after = (
            "all the simulations say so."
            if sure
            else "its sign changes with the simulation: luck alone may explain it."
        )
        return f"{name}: {what}, difference of {told}; {after}"
    above = int((values[1] > values[2, k]).sum())
    below = int((values[2] < values[1, k]).sum())
    near = len(known.codes) - 1 - above - below
    counts = [number(n, 0, lang) for n in (above, below, near)]
    if lang == "fr":
        return (
            f"{name} : {what}, {told}. Territoires plus haut quelle que soit la chance : "
            f"{counts[0]} ; plus bas : {counts[1]}. Avec les {counts[2]} autres, le hasard suffit "
            "à expliquer l'écart : ce n'est pas un classement."
        )
    return (
        f"{name}: {what}, {told}. Territories that are higher whatever the luck: {counts[0]}; "
        f"lower: {counts[1]}. With the {counts[2]} others luck alone may explain the gap: this is "
        "no ranking."
    )


def notes(known: Atlas, lang: Lang) -> tuple[str, ...]:
    """Return what the figures are, and what they do not say."""
    from cosim.report_national import LIMITS

    about = known.about
    n, every = about["replicates"], round(1 / about["sample"])
    if lang == "fr":
        made = (
            f"{n} simulations de la France entière à hasard égal, 1 acteur sur {every} : le hasard "
            "d'un territoire y est plus grand qu'avec tous ses acteurs. Entre parenthèses : de la "
            f"plus basse à la plus haute des {n} ; une de plus en sortirait à peu près 2 fois sur "
            f"{n + 1}. Les paramètres sont ceux par défaut : leur incertitude n'est pas dans "
            "ces intervalles.",
        )
    else:
        made = (
            f"{n} simulations of all of France at equal luck, 1 actor in {every}: the luck of a "
            "territory is larger than with all of its actors. In brackets: from the lowest to the "
            f"highest of the {n}; one more would fall outside about 2 times in {n + 1}. Parameters "
            "are the default ones: their uncertainty is not in these intervals.",
        )
    return (*made, *_levels(known, lang), *LIMITS[lang])


def _levels(known: Atlas, lang: Lang) -> tuple[str, ...]:
    """Return by how much the levels of a sample are off those with all actors, if it is known."""
    whole = known.about["one_for_one"]
    if known.about["sample"] == 1.0 or "engaged" not in whole:
        return ()
    told = []
    for name in (one for one in INDICATORS if one in whole):
        here = float(known.grouped[REFERENCE, name][0, -1, 0])
        told.append(f"{label(name, lang)} {value(here, name, lang)} "
                    + ("au lieu de" if lang == "fr" else "instead of")
                    + f" {value(whole[name], name, lang)}")  # fmt: skip
    if lang == "fr":
        return (
            "Les niveaux sont ceux d'un échantillon, où chacun connaît une plus grande part des "
            "autres. Avec tous les acteurs, la France entière arrive à d'autres chiffres en "
            f"{atlas.LAST} : {' ; '.join(told)}. On lira les écarts plutôt que les niveaux.",
        )
    return (
        "Levels are those of a sample, in which each knows a larger share of the others. With all "
        f"actors, all of France comes to other figures in {atlas.LAST}: {'; '.join(told)}. Read "
        "gaps rather than levels.",
    )


def provenance(known: Atlas, shown: Shown, lang: Lang) -> str:
    """Return the command that makes the data again, and the digests."""
    about = known.about
    digest = about["worlds"][shown.world]["digest"]
    if lang == "fr":
        return (
            f"{about['command']} · empreinte {digest} · graine {about['root_seed']} · "
            f"cosim {about['cosim']}"
        )
    return (
        f"{about['command']} · digest {digest} · seed {about['root_seed']} · cosim {about['cosim']}"
    )


# -- tables -------------------------------------------------------------------------------


def regions(known: Atlas, shown: Shown, lang: Lang) -> list[list[str]]:
    """Return the regions, the highest first, then all of France: name, value, lowest, highest."""
    at = known.years(shown.world).index(shown.year)
    series = known.grouped[shown.world, shown.indicator][:, at]
    order = sorted(range(1, len(known.groups)), key=lambda k: -series[0, k])
    all_of_it = "Toute la France" if lang == "fr" else "All of France"
    rows = []
    for k in (*order, 0):
        told = [value(float(x), shown.indicator, lang, shown.gap) for x in series[:, k]]
        rows.append([names().get(known.groups[k], all_of_it), *told])
    return rows


def figures(known: Atlas, shown: Shown, code: str, lang: Lang) -> list[tuple[str, str]]:
    """Return the indicators of a territory in the world and year that are shown."""
    at, k = known.years(shown.world).index(shown.year), known.codes.index(code)
    return [
        (
            label(name, lang),
            figure(known.values[shown.world, name][:, at, k], name, lang, shown.gap),
        )
        for name in INDICATORS
    ]


def find(words: str, known: Atlas) -> list[str]:
    """Return the codes of territories by name, commune or code, the best first."""
    if len(words.strip()) < 2:
        return []
    found = territory.find(words[:80]).head(40)
    return [code for code in dict.fromkeys(found.code.astype(str)) if code in known.codes][:6]


# -- colours ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scale:
    """Classes of a map: colours from low to high, the bounds between them, and their words."""

    colours: tuple[str, ...]
    bounds: tuple[float, ...]
    words: tuple[str, ...]


@lru_cache(maxsize=32)
def scale(known: Atlas, world: str, indicator: str, lang: Lang) -> Scale:
    """Return the classes of an indicator: the same in all years."""
    from matplotlib.colors import to_hex

    gap = world != REFERENCE
    values = known.values[world, indicator][0]
    low, high = (float(x) for x in np.quantile(values, (0.01, 0.99)))
    palette, _, bounds = figures_maps.classes(
        np.linspace(low, high, 101), "PuOr" if gap else "YlGnBu", centred=gap, most=9
    )
    shown = np.array(bounds) * (1.0 if indicator == COUNT else 100.0)
    digits = next((d for d in range(4) if np.allclose(shown, shown.round(d), atol=1e-6)), 2)
    return Scale(
        tuple(to_hex(palette(k)) for k in range(len(bounds) + 1)),
        tuple(bounds),
        tuple(number(x, digits, lang, sign=gap) for x in shown),
    )


def unit(shown: Shown, lang: Lang) -> str:
    """Return the unit of the legend."""
    if shown.indicator == COUNT:
        return "pour 10 000 habitants" if lang == "fr" else "per 10,000 inhabitants"
    if shown.gap:
        return "points"
    return "%"


# -- the grid -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Grid:
    """Which territory is at each point of each window, run by run.

    Attributes
    ----------
    frames : one per window: name, width, height, from (its first run), runs (their number)
    runs : int16[n, 2], territory (its place in the atlas, `SEA`, or `NOBODY`: land of none) and
        length as uint16; windows in order, rows from the north
    regions : region of each territory, as a number
    """

    frames: tuple[dict[str, Any], ...]
    runs: bytes
    regions: tuple[int, ...]


@lru_cache(maxsize=2)
def grid(codes: tuple[str, ...]) -> Grid:
    """Return the grid of these territories; it takes some seconds the first time."""
    frames: list[dict[str, Any]] = []
    parts: list[Array] = []
    known = {code: k for k, code in enumerate(codes)}
    first = 0
    for frame in figures_maps.frames(set(codes)):
        step = FINE if frame.width > figures_maps.COUNTRY else COARSE
        nearest = figures_maps.nearest_communes(frame)[::-step, ::step]
        towns = figures_maps.land(frame.area)
        of = np.array([known.get(code, NOBODY) for code in towns["territory"].fillna("")])
        rows = _runs(np.where(nearest >= 0, of[nearest], SEA).ravel())
        name = territory.REGIONS[frame.region] if frame.region else (
            figures_maps.OVERSEAS.get(frame.area, ""))  # fmt: skip
        frames.append({"name": name, "width": nearest.shape[1], "height": nearest.shape[0],
                       "from": first, "runs": len(rows)})  # fmt: skip
        first += len(rows)
        parts.append(rows)
    return Grid(tuple(frames), np.concatenate(parts).tobytes(), _regions(codes))


def _runs(labels: Array) -> Array:
    """Return (label, length) of runs of equal labels, as 16-bit numbers."""
    edges = np.flatnonzero(np.diff(labels)) + 1
    starts = np.concatenate([[0], edges, np.arange(0, len(labels), 60_000)])
    starts = np.unique(starts)
    lengths = np.diff(np.append(starts, len(labels)))
    return np.column_stack(
        [labels[starts].astype(np.int16), lengths.astype(np.uint16).view(np.int16)]
    )


def _regions(codes: tuple[str, ...]) -> tuple[int, ...]:
    from cosim.country import described

    of = described(codes).set_index("territory")["region"].astype(str)
    known = sorted(territory.REGIONS)
    return tuple(known.index(of[code]) for code in codes)


def values(known: Atlas, shown: Shown) -> bytes:
    """Return float32[3, years, territories] of what is shown, all of its years."""
    return known.values[shown.world, shown.indicator].astype(np.float32).tobytes()
