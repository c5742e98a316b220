"""France: territories stepped in lockstep, each through the ten mechanisms (ODD §7.17).

Two numbers per territory and month pass between territories, written into their calendars before
they are stepped: by how much neighbouring élus are ahead, and what the gathering of catalysts
brings home. News takes `france.lag` months, so that territories run that many months on their own
and the result does not depend on threads. Nothing else is shared: no rule is written here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import engine, facts, population, streams, timetable, warm
from cosim.calibration import posterior
from cosim.calibration.posterior import Posterior
from cosim.errors import ResultsError, ScenarioError
from cosim.indicators import COLUMNS, column
from cosim.mechanisms.bonds import forget_ended
from cosim.seeding import initialise
from cosim.state import ELU, N_WORLDS, Array, State
from cosim.territory import SMALL_COMMUNE, Territory

if TYPE_CHECKING:
    from cosim.scenario import Scenario

EARTH = 6371.0  # km
#: Inhabitants of the territories that one task steps, at least: a task costs a little Python.
TASK_INHABITANTS = 400_000

_COMMITMENT, _VISIBLE, _LIVING = column("commitment", "elu"), column("visible"), column("actors")


@dataclass(frozen=True)
class Whole:
    """The territories over which posts and money are shared: all of France, or the run's own."""

    french: bool
    codes: tuple[str, ...]  # sorted
    inhabitants: Array  # float64[W]
    in_small_communes: Array  # float64[W]


@dataclass(frozen=True)
class Nation:
    """A scenario made ready for many territories, sorted by code.

    Where replicates draw their parameters, `sets` are what they draw from and `params` are those
    of the ledger.
    """

    scenario: Scenario
    places: tuple[Territory, ...]
    params: Any
    schedule: engine.Schedule
    whole: Whole
    sets: Posterior | None = None

    def drawn(self, replicate: int) -> Nation:
        """Return the nation with the parameters of a replicate, the same in all territories."""
        if self.sets is None:
            return self
        params = engine.resolved(self.scenario, self.sets, replicate)
        return replace(self, params=params, sets=None)

    @cached_property
    def rows(self) -> Array:
        """Place of each territory in `whole`, int64[K]."""
        return np.searchsorted(self.whole.codes, [place.code for place in self.places])

    @cached_property
    def neighbours(self) -> tuple[Array, Array]:
        """(territory, neighbour) of each directed pair of neighbours, int64[pairs] each."""
        return neighbours(
            [place.lon.mean() for place in self.places],
            [place.lat.mean() for place in self.places],
            self.params.neighbour_distance,
        )


def plan(scenario: Scenario, places: Iterable[Territory]) -> Nation:
    """Make a scenario ready for these territories; the one that it names does not matter.

    Raises
    ------
    ScenarioError : no territory, or two of one code
    """
    places = tuple(sorted(places, key=lambda place: place.code))
    codes = [place.code for place in places]
    if not places or len(set(codes)) < len(codes):
        raise ScenarioError("a run of France needs territories, each once", key="territories",
                            found=", ".join(codes[:3]) or "none")  # fmt: skip
    warm.up()
    return Nation(
        scenario=scenario,
        places=places,
        params=engine.resolved(scenario),
        schedule=engine.schedule(scenario),
        whole=_whole(places),
        sets=posterior.of(scenario),
    )


def _whole(places: tuple[Territory, ...]) -> Whole:
    from cosim.territory import communes, territories

    france = territories()
    if not set(france.code).issuperset(place.code for place in places):
        small = [place.population[place.population < SMALL_COMMUNE].sum() for place in places]
        return Whole(
            False,
            tuple(place.code for place in places),
            np.array([place.inhabitants for place in places], np.float64),
            np.array(small, np.float64),
        )
    towns = communes()
    towns = towns[towns.population < SMALL_COMMUNE]
    small_ones = towns.groupby("territory").population.sum()
    return Whole(
        True,
        tuple(france.code),
        france.inhabitants.to_numpy(np.float64),
        small_ones.reindex(france.code, fill_value=0).to_numpy(np.float64),
    )


# -- what is shared -----------------------------------------------------------------------


def neighbours(lon: Sequence[float], lat: Sequence[float], km: float) -> tuple[Array, Array]:
    """Return the directed pairs of places at most `km` apart (great circle), int64[pairs] each.

    Parameters
    ----------
    lon, lat : degrees
    """
    x, y = np.radians(lon), np.radians(lat)
    half = np.sin((y[:, None] - y) / 2.0) ** 2
    half += np.cos(y)[:, None] * np.cos(y) * np.sin((x[:, None] - x) / 2.0) ** 2
    distance = 2.0 * EARTH * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
    np.fill_diagonal(distance, np.inf)
    one, other = np.nonzero(distance <= km)
    return one, other


def n_posts(months: Sequence[str]) -> Array:
    """Return how many posts of catalysts France holds in each month "YYYY-MM", int64[months]."""
    fact = facts.fact("catalysts")
    (low, high), (first, last) = fact.values, (int(date[:4]) + 0.5 for date in fact.dates)
    year = np.array([int(m[:4]) + (int(m[5:]) - 0.5) / 12.0 for m in months])
    share = np.clip((year - first) / (last - first), 0.0, 1.0)
    return np.where(year < first, 0, np.floor(low + (high - low) * share)).astype(np.int64)


def posts(nation: Nation, key: np.uint64) -> Array:
    """Return the posts that each territory of the run holds in each month, int64[K, months].

    Where posts are is not published: each is drawn with chances ∝ inhabitants^.7 (an assumption).
    """
    scenario = nation.scenario
    months = [scenario.month_label(m) for m in range(scenario.n_months)]
    rows: Array = _everywhere(nation, key, months)[nation.rows]
    return rows


def _everywhere(nation: Nation, key: np.uint64, months: Sequence[str]) -> Array:
    """Return the posts that each territory of `whole` holds, int64[W, months]."""
    held = n_posts(months)
    if nation.scenario.france.catalysts == "none":
        held = np.zeros_like(held)
    weights = nation.whole.inhabitants ** facts.fact("catalysts_exponent").values[0]
    edges = np.cumsum(weights)
    made = np.zeros((len(edges), len(held)), np.int64)
    for p in range(int(held.max(initial=0))):
        u = streams.uniform(key, streams.ALLOCATE, np.uint64(p), 0, 0)
        where = np.searchsorted(edges, u * edges[-1], side="right")
        made[min(where, len(edges) - 1)] += held > p
    return made


def usine_parts(nation: Nation, key: np.uint64) -> Array:
    """Return the share of the usine's national money of each territory of the run, float64[K].

    They are shares of the sum over `whole`; all 0 where the key gives nobody anything.
    """
    whole, scenario = nation.whole, nation.scenario
    match scenario.usine.key:
        case "none":
            weights = np.zeros(len(whole.codes))
        case "equal":
            weights = np.ones(len(whole.codes))
        case "population":
            weights = whole.inhabitants
        case "need":
            weights = whole.in_small_communes
        case name:
            start = scenario.usine.start or scenario.time.start
            (held,) = _everywhere(nation, key, [start]).T
            weights = np.where(held > 0, 0.0, whole.inhabitants)
            if name == "catalysts":
                weights = held.astype(np.float64)
    total = weights.sum()
    shares: Array = weights[nation.rows] / total if total > 0.0 else 0.0 * weights[nation.rows]
    return shares


# -- a run --------------------------------------------------------------------------------


class Run:
    """One replicate of France, advanced by blocks of as many months as news takes.

    `values[k, m]` are the columns `columns` of territory k in month m, once `month` is beyond m.

    Parameters
    ----------
    columns : columns of `cosim.indicators.COLUMNS` that are kept; none may need a pass over ties
    workers : threads (default: the machine's cores); the numbers do not depend on it

    Raises
    ------
    ResultsError : a column needs a pass over ties
    """

    def __init__(
        self,
        nation: Nation,
        seed: int = 1,
        replicate: int = 0,
        columns: Sequence[int] = (),
        workers: int | None = None,
    ):
        self.nation = nation = nation.drawn(replicate)
        self.seed, self.replicate = seed, replicate
        self.key = streams.key(seed, replicate)
        self.columns = np.asarray(columns, np.int64)
        unseen = [COLUMNS[k] for k in columns if engine.passes([COLUMNS[k]])]
        if unseen:
            raise ResultsError("a run of France makes no pass over contacts", key=unseen[0][0],
                               expected="columns of `cosim.country.COLUMNS`")  # fmt: skip
        self.workers = workers or os.cpu_count() or 1
        self.month = 0
        n, months = len(nation.places), nation.scenario.n_months
        self.values = np.zeros((n, months, len(self.columns)))
        self.posts = posts(nation, self.key)
        self._news = np.zeros((3, n, months))  # commitment of élus, visible successes, actors
        self._start = np.zeros(n)  # commitment of élus before the first month
        self.territories: list[engine.Plan] = [None] * n  # type: ignore[list-item]
        self.states: list[State] = [None] * n  # type: ignore[list-item]
        self._settle()

    @property
    def done(self) -> bool:
        """Whether the scenario's last month has been simulated."""
        return self.month >= self.nation.scenario.n_months

    def advance(self, months: int | None = None) -> None:
        """Simulate the next `months`, at most and by default as many as news takes."""
        scenario = self.nation.scenario
        last = self.month + min(months or scenario.france.lag, scenario.france.lag)
        last = min(last, scenario.n_months)
        self._tell(self.month, last)
        self._each(partial(self._block, last))
        self.month = last

    def _settle(self) -> None:
        """Make every territory's State: who is there at the start."""
        nation, scenario, params = self.nation, self.nation.scenario, self.nation.params
        common = timetable.common(scenario, params)
        levels = population.levels_tables(scenario.time.start, params)
        engaged = population.engaged_shares(scenario.time.start, params)
        scale = engine.scale_of(scenario)
        usine = usine_parts(nation, self.key)
        shares = nation.whole.inhabitants[nation.rows] / nation.whole.inhabitants.sum()
        if scenario.france.money == "each":
            shares[:] = 1.0

        def begin(k: int) -> None:
            place = nation.places[k]
            dates = timetable.complete(
                common, scenario, params, usine[k], self.posts[k].astype(np.float64), shares[k]
            )
            state = population.template(scenario, place, params, dates=dates, levels=levels)
            state.settings.measured = 0
            self.states[k] = state
            self.territories[k] = engine.Plan(
                scenario, place, params, nation.schedule, state, engaged, scale,
                engine.commune_classes(place),
            )  # fmt: skip
            self._begin(k, state)

        self._each(begin)

    def _begin(self, k: int, state: State) -> None:
        initialise(state, self.nation.params, self.territories[k].engaged, self.key)
        elus = state.actors.alive & (state.actors.kind == ELU)
        self._start[k] = state.actors.commitment[elus].mean() if elus.any() else 0.0

    def _block(self, last: int, k: int) -> None:
        first = self.month
        out = np.zeros((last - first, len(COLUMNS)))
        state = self.states[k]
        forget_ended(state)
        state = engine.advance(self.territories[k], state, first, last, self.key, out, first)
        self.states[k] = state
        self.values[k, first:last] = out[:, self.columns]
        for row, one in enumerate((_COMMITMENT, _VISIBLE, _LIVING)):
            self._news[row, k, first:last] = out[:, one]

    def _each(self, work: Callable[[int], None]) -> None:
        """Do `work` for every territory, the largest first, in threads."""
        people = np.array([place.inhabitants for place in self.nation.places])
        tasks: list[list[int]] = [[]]
        load = 0
        for k in np.argsort(-people, kind="stable").tolist():
            if load >= TASK_INHABITANTS:
                tasks.append([])
                load = 0
            tasks[-1].append(k)
            load += int(people[k])
        # The smallest one compiles, if the cache is cold: once, before the threads.
        work(tasks[-1].pop())

        def do(task: list[int]) -> None:
            for k in task:
                work(k)

        with ThreadPoolExecutor(self.workers) as pool:
            list(pool.map(do, tasks))  # raises what a task raised

    def _tell(self, first: int, last: int) -> None:
        """Write what is known of other territories into the calendars of months first..last-1."""
        scenario = self.nation.scenario
        months = range(first, last)
        ahead = np.stack([self._ahead(month) for month in months], axis=1)
        spread = np.stack([self._spread(month) for month in months], axis=1)
        substeps = scenario.time.substeps
        steps = slice(first * substeps, last * substeps)
        for k, state in enumerate(self.states):
            rows = state.calendar[steps]
            rows["ahead"] = np.repeat(ahead[k], substeps)
            rows["spread"] = np.repeat(spread[k], substeps)

    def _ahead(self, month: int) -> Array:
        """Return by how much the neighbours' élus are ahead in commitment, float64[K]."""
        n = len(self.nation.places)
        if not self.nation.scenario.france.neighbours:
            return np.zeros(n)
        known = month - self.nation.scenario.france.lag
        level = self._start if known < 0 else self._news[0, :, known]
        one, other = self.nation.neighbours
        number = np.bincount(one, minlength=n)
        mean = np.bincount(one, level[other], n) / np.maximum(number, 1)
        return np.where(number > 0, np.maximum(0.0, mean - level), 0.0)

    def _spread(self, month: int) -> Array:
        """Return the visible successes that catalysts brought home, per 100 actors, float64[K]."""
        scenario = self.nation.scenario
        nothing = np.zeros(len(self.nation.places))
        if not scenario.france.gathering:
            return nothing
        july = month - (int(scenario.month_label(month)[5:]) - 7) % 12
        known = july - scenario.france.lag
        if july < 0 or known < 0:
            return nothing
        _, visible, living = self._news[:, :, known]
        total = living.sum()
        home = self.nation.params.gathering_spread * (visible * living).sum() / max(total, 1.0)
        step = july * scenario.time.substeps
        posts = np.array([state.calendar.fte[step] for state in self.states])
        went: Array = np.minimum(1.0, posts / scenario.territory.sample)
        return home * went

    def communes(self) -> dict[str, Array]:
        """Return what each commune of the run counts now, one array per column."""
        parts = [_communes(plan.place, state) for plan, state in
                 zip(self.territories, self.states, strict=True)]  # fmt: skip
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _communes(place: Territory, state: State) -> dict[str, Array]:
    actors = state.actors
    here = actors.alive & (actors.kind < N_WORLDS)
    elu = here & (actors.kind == ELU)
    engaged = actors.load > 0

    def count(which: Array, weights: Array | None = None) -> Array:
        values = None if weights is None else weights[which]
        return np.bincount(actors.commune[which], values, place.n_communes)

    return {
        "commune": np.array(place.commune_codes, object),
        "territory": np.full(place.n_communes, place.code, object),
        "inhabitants": np.asarray(place.population),
        "actors": count(here),
        "engaged": count(here & engaged),
        "elus": count(elu),
        "elus_convinced": count(elu & (actors.commitment > 0.5)),
        "elus_engaged": count(elu & engaged),
        "memberships": count(here, actors.load).astype(np.int64),
    }


__all__ = ["Nation", "Run", "Whole", "n_posts", "neighbours", "plan", "posts", "usine_parts"]
