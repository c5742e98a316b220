"""Five trials on the model, as their authors ran them on people: who is treated, what is counted.

A trial holds the plans of its arms and gives, for each replicate, the sums from which `known`
computes an effect: nothing is averaged here, so that an interval can be drawn over replicates.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cosim import engine
from cosim.calibration import pairs as see
from cosim.calibration.bench import Bench, World, luck, only, rows
from cosim.state import COMPLETED, NEVER, NOBODY, Array, State

YEAR = 12
#: Chance that the pairs of the first trial meet by themselves within a year (evidence.md, S1).
CONTROLS_MEET = (0.2, 0.4)
#: Pairs that one replicate treats in the first two trials: few, so that they leave the rest alone.
TREATED = 12
#: k€ a year that reach everybody of a public: the most that a scenario can set.
MONEY = 1e5
#: Caseloads of the fourth trial, and how many actors are accompanied at a time in each.
CASELOADS = (5, 12, 40)
ACCOMPANIED = 24
#: The place of the third trial: regulars, and months until it closes.
REGULARS, OPEN = 40, 24
#: FTE of accompaniment of the fifth trial, its months, and months after which levels are read anew.
COACHES, WATCHED, FRESH = 4.0, 84, 12


# -- S1: one structured meeting -----------------------------------------------------------


def meeting(bench: Bench, seed: int) -> Callable[[int], Array]:
    """Boudreau et al. 2017: pairs at graph distance 2 of one commune meet once, or do not.

    The pairs are those of a replicate with the highest expected chance to meet by themselves
    within a year, up to that of `CONTROLS_MEET`; half of them, at random, are treated. The
    replicate is lived a second time with the halves exchanged: each pair is treated once.

    Returns
    -------
    number -> float64[5]: treated, of them in a common alliance within 12 months; controls, of them
    in a common alliance; of them met by themselves
    """
    ready = bench.plan(YEAR)

    def one(number: int) -> Array:
        start = ready.state(seed, number)
        found = np.array(see.at_distance_two(start, ready.params, float(YEAR))).reshape(-1, 3)
        found = found[found[:, 2] <= CONTROLS_MEET[1]]
        likely = np.argsort(-found[:, 2], kind="stable")
        pairs = found[likely[: 2 * TREATED], :2].astype(np.int64)
        halves = np.array_split(luck(seed, number, 1).permutation(pairs), 2)
        return sum(
            (_met_once(World(ready, seed, number), halves[k], halves[1 - k]) for k in range(2)),
            start=np.zeros(5),
        )

    return one


def _met_once(world: World, treated: Array, controls: Array) -> Array:
    """Return the sums of a year before which only the treated pairs were made to meet."""
    for i, j in treated.tolist():
        world.meet(i, j)
    met = np.zeros(len(controls), dtype=bool)
    for _ in range(YEAR):
        world.run()
        met |= see.last_contact(world.state, controls) >= 0
    return np.array([
        len(treated), world.together(treated).sum(),
        len(controls), world.together(controls).sum(), met.sum(),
    ], dtype=float)  # fmt: skip


# -- S2: introduced on paper, or by a subsidised trial ------------------------------------


def introduction(bench: Bench, seed: int) -> Callable[[int], Array]:
    """Cai, Lin & Szeidl 2024: strangers get nothing, information, or a subsidised trial.

    Nobody becomes acquainted on paper in this model, so an introduction on paper is a message: the
    lever *données* at full dose for a year, to every organisation and élu. A trial is a meeting and
    a proposal with the help of an experiment, for pairs drawn among all strangers.

    Returns
    -------
    number -> float64[6]: strangers, and of them in a common living alliance 12 months later,
    without anything; the same with information; the same of those who got a trial
    """
    without = bench.plan(YEAR)
    informed = bench.plan(YEAR, **{"donnees.organisations": MONEY, "donnees.collectivites": MONEY})

    def later(ready: engine.Plan, number: int, start: State) -> int:
        world = World(ready, seed, number)
        world.run(YEAR)
        found = np.unique(rows(see.partners(world.state, True)), axis=0)
        return int(see.are_strangers(start, found).sum())

    def one(number: int) -> Array:
        start = without.state(seed, number)
        strangers = see.count_strangers(start)
        world = World(without, seed, number)
        draw = luck(seed, number, 2)
        candidates = draw.integers(len(start.actors), size=(100 * TREATED, 2))
        treated = candidates[see.are_strangers(start, candidates)][:TREATED]
        for i, j in treated.tolist():
            world.try_together(i, j, draw.random())
        world.run(YEAR)
        return np.array([
            strangers, later(without, number, start),
            strangers, later(informed, number, start),
            len(treated), world.together(treated, living=True).sum(),
        ], dtype=float)  # fmt: skip

    return one


# -- S3: a shared place, then closed ------------------------------------------------------


def place(bench: Bench, seed: int) -> Callable[[int], Array]:
    """Catalini 2018: pairs who come to share a place, against the same pairs without the place.

    One public place of `REGULARS` opens in the first month and closes after `OPEN`. The pairs are
    all those of its regulars of the first month who could found an alliance; their twins are the
    same pairs, with the same luck, where no place opens.

    Returns
    -------
    number -> float64[12]: pairs of one commune, of them in a common alliance within `OPEN` months
    inside and outside, months with a contact inside and outside; the same five for all pairs;
    place-born ties at the closing between people who are still there as long again after it; of
    them acquainted then
    """
    without = bench.plan(OPEN)
    end = without.scenario.month_label(OPEN)
    ready = bench.plan(
        2 * OPEN, **{"lieux.number": 1, "lieux.capacity": REGULARS, "lieux.end": end}
    )

    def one(number: int) -> Array:
        inside, outside = World(ready, seed, number), World(without, seed, number)
        start = without.state(seed, number)
        counts = []
        for world in (inside, outside):
            world.run()
            if world is inside:
                pairs = _regulars(world.state)
                pairs = pairs[see.are_able(start, pairs)]
            contacts = np.zeros(len(pairs))
            for _ in range(OPEN):
                contacts += see.last_contact(world.state, pairs) == world.month - 1
                if world.month < OPEN:
                    world.run()
            counts.append((world.together(pairs), contacts))
        near = start.actors.commune[pairs[:, 0]] == start.actors.commune[pairs[:, 1]]
        sums = [
            [
                among.sum(),
                *(a[among].sum() for a, _ in counts),
                *(c[among].sum() for _, c in counts),
            ]
            for among in (near, np.ones(len(pairs), dtype=bool))
        ]
        return np.array([*sums[0], *sums[1], *_kept(inside)], dtype=float)

    return one


def _regulars(state: State) -> Array:
    """Return every pair of regulars of one place, int64[n, 2]."""
    regulars = np.flatnonzero(state.actors.place != NOBODY)
    i, j = np.triu_indices(len(regulars), 1)
    return np.stack([regulars[i], regulars[j]], axis=1)


def _kept(world: World) -> tuple[int, int]:
    """Return place-born ties whose people are still there after `OPEN` more months, those kept."""
    ties = rows(see.ties_of_places(world.state))
    before = world.state.actors.id.copy()
    world.run(OPEN)
    actors = world.state.actors
    there = actors.alive & (actors.id == before)
    ties = ties[there[ties].all(axis=1)]
    return len(ties), int((see.last_contact(world.state, ties) != -NEVER).sum())


# -- S4: accompaniment --------------------------------------------------------------------


def accompaniment(bench: Bench, seed: int) -> Callable[[int], Array]:
    """Baskerville et al. 2012: actors accompanied for a year, against the same without.

    For each of `CASELOADS`, as many FTE as accompany `ACCOMPANIED` actors at a time, for 12 months;
    the treated are those accompanied from the first month on who are there 24 months later, their
    twins the same actors, with the same luck, without catalysts.

    Returns
    -------
    number -> float64[3 caseloads, 2 dates, 2 arms, 4]: actors, sum of know-how, sum of its square,
    number with know-how above .5; 12 months after the start and 24; with and without
    """
    without = bench.plan(2 * YEAR)
    end = without.scenario.month_label(YEAR)
    coached = [
        bench.plan(2 * YEAR, catalysis={
            "fte": ACCOMPANIED / caseload, "caseload": caseload, "end": end,
            "mix": only("accompagnement"),
        })
        for caseload in CASELOADS
    ]  # fmt: skip

    def one(number: int) -> Array:
        twin = World(without, seed, number)
        levels = []
        for _ in range(2):
            twin.run(YEAR)
            levels.append((twin.state.actors.id.copy(), twin.state.actors.know_how.copy()))
        return np.array([_learned(World(ready, seed, number), levels) for ready in coached])

    return one


def _learned(world: World, twin: list[tuple[Array, Array]]) -> Array:
    """Return the sums of one caseload, float64[2 dates, 2 arms, 4]; `twin`: ids and know-how."""
    world.run()
    actors = world.state.actors
    treated = np.flatnonzero(actors.coach != NOBODY)
    ids = actors.id[treated]
    levels = []
    for months in (YEAR - 1, YEAR):
        world.run(months)
        levels.append((world.state.actors.id.copy(), world.state.actors.know_how.copy()))
    there = np.ones(len(treated), dtype=bool)
    for name, _ in (*levels, *twin):
        there &= name[treated] == ids
    treated = treated[there]
    return np.array([[_moments(e[treated]) for _, e in arms]
                     for arms in zip(levels, twin, strict=True)])  # fmt: skip


def _moments(know_how: Array) -> tuple[float, ...]:
    able = know_how > 0.5
    return len(know_how), float(know_how.sum()), float((know_how**2).sum()), int(able.sum())


# -- S5: support and the end of alliances -------------------------------------------------


def support(bench: Bench, seed: int) -> Callable[[int], Array]:
    """Feinberg et al. 2008: the hazard of ending of alliances under support and without.

    `COACHES` FTE of accompaniment choose whom they accompany at random; an alliance is under
    support in a month in which a member is accompanied. Its life is cut where that changes, and
    every `FRESH` months, at which trust and maturity of the members are read anew.

    Returns
    -------
    number -> float64[episodes, 6]: age at the start and at the end (months), whether it ended there
    (failed or faded; completed is censored), under support, mean trust, mean maturity
    """
    ready = bench.plan(
        WATCHED, **{"catalysis.fte": COACHES, "catalysis.mix": only("accompagnement")}
    )

    def one(number: int) -> Array:
        world = World(ready, seed, number)
        months = []
        for month in range(WATCHED):
            levels = see.trust_and_maturity(world.state, ready.params)
            world.run()
            months.append(_at_risk(world.state, month, levels))
        return episodes(np.concatenate(months))

    return one


def _at_risk(state: State, month: int, levels: Array) -> Array:
    """Return a row per alliance that could end in `month`, float64[n, 7]: its row, then as S5."""
    n = len(levels)
    alliances = state.alliances[:n]
    living = np.flatnonzero((alliances.ended >= month) & (alliances.born < month))
    age = month - alliances.born[living]
    ends = (alliances.ended[living] == month) & (alliances.cause[living] != COMPLETED)
    supported = see.under_support(state, month)[living]
    return np.column_stack([living, age - 1, age, ends, supported, levels[living]])


def episodes(months: Array) -> Array:
    """Return months of alliances joined to episodes, float64[n, 6].

    Parameters
    ----------
    months : float64[n, 7]: alliance, age at the start and at the end of the month, whether it
        ended, support, trust, maturity
    """
    months = months[np.lexsort((months[:, 1], months[:, 0]))]
    alliance, start, _, _, supported, _, _ = months.T
    new = np.ones(len(months), dtype=bool)
    new[1:] = (np.diff(alliance) != 0) | (np.diff(supported) != 0) | (start[1:] % FRESH == 0)
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(months)) - 1
    joined = months[first]
    joined[:, 2:4] = months[last, 2:4]
    return joined[:, 1:]
