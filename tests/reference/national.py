"""ODD §7.17: the territories of France together, in lockstep; each is an `Oracle` of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cosim.facts import fact

from . import philox as random
from .model import ELU, Oracle
from .rules import living_actors, mean

ALLOCATE = 31  # purpose of a draw, §7.1
EARTH = 6371.0  # km
JULY = 6
#: Rows of the calendar that are amounts or posts of people: what territories share, if they do.
SHARED = ("fte", "engineers", "trials", "purse", "cases", "amounts")


@dataclass(frozen=True)
class Area:
    """What the country knows of a territory before the run; the centre in degrees."""

    code: str
    lon: float
    lat: float
    inhabitants: int


class Country:
    """Oracles that step together, and the record that they leave to one another.

    `models[k]` is the territory `areas[k]`, before step 0. `settings` has `neighbours`,
    `gathering`, `lag` (months), `catalysts` and `money`; `start` is "YYYY-MM". Posts and money are
    those of `everywhere`, all of France, or of the run alone where that is None.

    The rows `ahead` and `spread` of each model's calendar are written here, before each step. Its
    other rows are the caller's, `rows` tells what posts and money make of them.
    """

    def __init__(self, models: list[Oracle], areas: list[Area], params: Any, settings: Any,
                 start: str, substeps: int = 1,
                 everywhere: list[Area] | None = None) -> None:  # fmt: skip
        if settings.lag < 1:
            raise ValueError(f"news takes a month at least, not {settings.lag}")
        self.models, self.areas, self.settings = models, areas, settings
        self.params, self.substeps = params, substeps
        self.start = month_number(start)
        self.everywhere = areas if everywhere is None else everywhere
        self.near = neighbours(
            [a.lon for a in areas], [a.lat for a in areas], params.neighbour_distance
        )
        self.at_start = [mean_commitment(w) for w in models]
        self.commitments: list[list[float]] = []  # C_k(m), by month that is over
        self.successes: list[list[tuple[int, int]]] = []  # (s_k, N_k)(m), likewise
        self.brought = [0.0] * len(models)  # spread_k until the next July
        self.posts = self.held()
        for w in models:
            w.calendar.ahead = [0.0] * len(w.calendar.fte)
            w.calendar.spread = [0.0] * len(w.calendar.fte)

    def step(self) -> None:
        """The news of the month, then every territory by one step."""
        month, part = divmod(self.models[0].t, self.substeps)
        if part == 0 and (self.start + month) % 12 == JULY:
            self.gather(month)
        for k, w in enumerate(self.models):
            w.calendar.ahead[w.t] = self.ahead(k, month)
            w.calendar.spread[w.t] = self.brought[k]
        for w in self.models:
            w.step()
        if part == self.substeps - 1:
            self.commitments.append([mean_commitment(w) for w in self.models])
            self.successes.append([(sum(w.visible_log), living_actors(w)) for w in self.models])

    # -- neighbours -----------------------------------------------------------------------

    def commitment(self, k: int, month: int) -> float:
        """C_k(m)."""
        return self.at_start[k] if month < 0 else self.commitments[month][k]

    def ahead(self, k: int, month: int) -> float:
        """By how much the neighbours of k were ahead of it when the news left them."""
        if not self.settings.neighbours or not self.near[k]:
            return 0.0
        then = month - self.settings.lag
        theirs = mean([self.commitment(other, then) for other in self.near[k]])
        return max(0.0, theirs - self.commitment(k, then))

    # -- gathering of catalysts -----------------------------------------------------------

    def visible(self, month: int) -> float:
        """V(m), visible successes per 100 actors of the run."""
        if month < 0:
            return 0.0
        successes, living = map(sum, zip(*self.successes[month], strict=True))
        return 100.0 * successes / living if living else 0.0

    def gather(self, month: int) -> None:
        """The catalysts meet; a territory that has some brings home what all have done."""
        if self.settings.gathering:
            worth = self.params.gathering_spread * self.visible(month - self.settings.lag)
            self.brought = [
                worth * min(1.0, w.calendar.fte[w.t] / w.calendar.sample) for w in self.models
            ]

    # -- posts and money ------------------------------------------------------------------

    def held(self) -> list[list[int]]:
        """How many catalysts' posts each territory of the run holds in each month."""
        months = len(self.models[0].calendar.fte) // self.substeps
        if self.settings.catalysts == "none":
            return [[0] * months for _ in self.areas]
        order = sorted(self.everywhere, key=lambda area: area.code)
        exponent = fact("catalysts_exponent").values[0]
        weights = [area.inhabitants**exponent for area in order]
        by_code = zip(order, posts(self.start, months, weights, self.models[0].key), strict=True)
        of = {area.code: held for area, held in by_code}
        return [of[area.code] for area in self.areas]

    def share(self, k: int) -> float:
        """The part of the levers' amounts that is for territory k."""
        if self.settings.money == "each":
            return 1.0
        return self.areas[k].inhabitants / sum(area.inhabitants for area in self.everywhere)

    def rows(self, k: int, levers: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """The calendar rows of territory k, from those of the levers alone, without the usine."""
        share, sample = self.share(k), self.models[k].calendar.sample
        rows = {
            name: times(values, share) if name in SHARED else values
            for name, values in levers.items()
        }
        rows["fte"] = [
            x + sample * self.posts[k][t // self.substeps] for t, x in enumerate(rows["fte"])
        ]
        return rows


def mean_commitment(w: Oracle) -> float:
    """C: mean commitment of the living élus, 0 without any."""
    living = [seat.commitment for seat in w.of_kind[ELU] if seat.alive]
    return mean(living) if living else 0.0


def times(values: Any, share: float) -> Any:
    """The numbers of nested lists, multiplied."""
    if isinstance(values, list):
        return [times(x, share) for x in values]
    return values * share


# -- pure functions of the text ---------------------------------------------------------------


def month_number(text: str) -> int:
    """Months since January of year 0."""
    year, month = text.split("-")
    return 12 * int(year) + int(month) - 1


def distance(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Kilometres along the great circle, by the haversine of the angle."""
    a, b = math.radians(lat1), math.radians(lat2)
    east = math.sin(math.radians(lon2 - lon1) / 2.0) ** 2
    h = math.sin((b - a) / 2.0) ** 2 + math.cos(a) * math.cos(b) * east
    return 2.0 * EARTH * math.asin(min(1.0, math.sqrt(h)))


def neighbours(lons: list[float], lats: list[float], km: float) -> list[list[int]]:
    """N(k): the others whose centre lies within so many kilometres."""
    centres = list(zip(lons, lats, strict=True))
    return [
        [other for other, there in enumerate(centres)
         if other != k and distance(*here, *there) <= km]
        for k, here in enumerate(centres)
    ]  # fmt: skip


def number_of_posts(month: int) -> int:
    """n(m), a line between the two published dates, then level."""
    known = fact("catalysts")
    first, last = (int(date) + 0.5 for date in known.dates)
    year = (month + 0.5) / 12.0
    if year < first:
        return 0
    return math.floor(1.0 + (known.values[1] - 1.0) * min(1.0, (year - first) / (last - first)))


def posts(start: int, months: int, weights: list[float], key: tuple[int, int]) -> list[list[int]]:
    """How many posts each territory, in code order, holds in each month from `start`."""
    numbers = [number_of_posts(start + m) for m in range(months)]
    held = [[0] * months for _ in weights]
    for p in range(max(numbers)):
        holder = held[random.weighted(random.block(key, ALLOCATE, p, 0, 0)[0], weights)]
        for m, n in enumerate(numbers):
            holder[m] += n > p
    return held


def rural(populations: list[int]) -> int:
    """Inhabitants of the communes where engineering is thinnest."""
    return sum(people for people in populations if people < 2000)


def usine_shares(
    key: str, inhabitants: list[int], rural: list[int], held: list[int]
) -> list[float]:
    """Each territory's part of the usine; `held`: its posts in the month in which it starts."""
    weights = {
        "equal": [1] * len(inhabitants),
        "population": inhabitants,
        "need": rural,
        "catalysts": held,
        "elsewhere": [0 if n else people for people, n in zip(inhabitants, held, strict=True)],
    }[key]
    total = sum(weights)
    return [x / total if total else 0.0 for x in weights]
