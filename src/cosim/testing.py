"""What every rule must keep: `check_mechanism` for a rule, `check_state` for a state.

A researcher calls `check_mechanism` on a rule of one's own before believing a curve; our ten
mechanisms pass it too (`tests/test_mechanisms.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.mechanisms.levers import begin
from cosim.parameters import PARAMETERS
from cosim.state import (
    CATALYSEUR,
    FAILED,
    FRESH,
    LIVING,
    MAX_MEMBERS,
    MAX_REGULARS,
    MAX_SEATS,
    N_WORLDS,
    NEVER,
    NOBODY,
    Array,
    State,
    copy,
)

if TYPE_CHECKING:
    from cosim.engine import Plan
    from cosim.mechanisms import Mechanism
    from cosim.scenario import Scenario

#: Working memory of a mechanism: means nothing once it has ended.
SCRATCH = ("old", "mark")
#: Largest difference of a level between two orders of the rows.
TOLERANCE = 1e-12
#: Steps of the default scenario: a quiet one, support begins, an election, a crisis and a July,
#: the end of the first accompaniments, late.
STEPS = (3, 6, 14, 18, 30)


def default_scenario() -> Scenario:
    """Return the scenario of `check_mechanism`: four métiers, an election and a crisis."""
    from cosim.scenario import Scenario

    return Scenario(
        title="Épreuve d'un mécanisme",
        title_en="Trial of a mechanism",
        time={"start": "2010-01", "end": "2012-12"},
        territory={"code": "synthetic", "synthetic": {"communes": 3, "population": 2500}},
        catalysis={"fte": 2.5, "start": "2010-07"},
        context={
            "elections": ["2011-03"],
            "crises": [{"start": "2011-06", "months": 4, "depth": 1.0}],
        },
        parameters={"birth_base": -8.0, "encounters": 0.8, "hazard": 0.3},
    )


# -- a state ------------------------------------------------------------------------------


def fields(state: State) -> Iterator[tuple[str, Array]]:
    """Yield (`record.array`, values) of every array of a state."""
    for name, part in zip(state._fields, state, strict=True):
        names = part.dtype.names
        if names is None:
            yield name, np.asarray(part)
        else:
            for field in names:
                yield f"{name}.{field}", np.asarray(part[field])


def changed(before: State, after: State) -> list[str]:
    """Return the names of the arrays that are not bit-identical in two states."""
    pairs = zip(fields(before), fields(after), strict=True)
    return [name for (name, a), (_, b) in pairs if not _same(a, b)]


def check_state(state: State, month: int | None = None) -> None:
    """Raise `AssertionError` unless the state keeps every range and every accounting identity.

    Parameters
    ----------
    state : the state of a run, between two mechanisms
    month : step, to check that nothing comes from the future

    Raises
    ------
    AssertionError : a sentence that names the array
    """
    for name, values in fields(state):
        if values.dtype.kind == "f":
            _require(bool(np.isfinite(values).all()), name, "holds a number that is not finite")
    _check_levels(state)
    _check_contacts(state, month)
    _check_alliances(state, month)
    _check_places(state)


def _check_levels(state: State) -> None:
    actors, territory = state.actors, state.territory
    for name in ("commitment", "know_how", "commitment0", "know_how0"):
        _within(f"actors.{name}", actors[name], 0.0, 1.0)
    _within("actors.support", actors.support, 0.0, 3.0)  # K of one case, a trained catalyst
    _within("ties.evidence", state.ties.evidence, 0, np.inf)
    _within("territory.doses", territory.doses, 0.0, 1.0)
    _within("territory.purse", territory.purse, 0, np.inf)
    for name in ("imitation", "learning", "wins", "setbacks", "sessions"):
        _within(f"actors.{name}", actors[name], 0, np.inf)
    _within("territory.fragility", territory.fragility, 0.0, 100.0)
    _within("territory.engines", territory.engines, 0.0, 100.0)
    for name in ("visible", "lag", "flow", "successes", "visible_log"):
        _within(f"territory.{name}", territory[name], 0, np.inf)
    _within("territory.n_alliances", territory.n_alliances, 0, len(state.alliances))
    _within("territory.n_proposals", territory.n_proposals, 0, len(state.proposals))
    _require(int(territory.overflow) == 0, "territory.overflow", "is set: an array was too small")
    n = len(actors)
    order = np.sort(state.order)
    _require(np.array_equal(order, np.arange(n)), "order", "is not an order of the rows")
    _require(len(np.unique(actors.id)) == n, "actors.id", "holds an id twice")
    by_order = actors.id[state.order] & ~np.uint64(1023)
    _require(bool((np.diff(by_order.astype(np.int64)) > 0).all()),
             "order", "is not in id order")  # fmt: skip
    coached = actors.coach != NOBODY
    _rows("actors.coach", actors.coach[coached], n)
    _require(bool((actors.kind[actors.coach[coached]] == CATALYSEUR).all()),
             "actors.coach", "names somebody who is no catalyst")  # fmt: skip
    vacant = ~actors.alive
    for name in ("contacts", "load"):
        _require(not actors[name][vacant].any(), f"actors.{name}", "is not 0 in a vacant seat")
    for name in ("coach", "place"):
        _require(bool((actors[name][vacant] == NOBODY).all()),
                 f"actors.{name}", "is kept in a vacant seat")  # fmt: skip


def _check_contacts(state: State, month: int | None) -> None:
    actors, ties = state.actors, state.ties
    n = len(actors)
    _require(bool((actors.contacts >= 0).all() and (actors.contacts <= actors.room).all()),
             "actors.contacts", "is beyond the room of the list")  # fmt: skip
    owner, slot = contact_slots(state)
    other = ties.other[slot].astype(np.int64)
    _rows("ties.other", other, n)
    _require(bool((owner != other).all()), "ties.other", "names an actor in its own list")
    _require(bool(actors.alive[other].all()), "ties.other", "names a vacant seat")
    there, back = owner * n + other, other * n + owner
    one, two = np.argsort(there, kind="stable"), np.argsort(back, kind="stable")
    _require(len(np.unique(there)) == len(there), "ties.other", "names a contact twice in a list")
    _require(np.array_equal(there[one], back[two]), "ties.other", "is not symmetric")
    for name in ("expiry", "last", "met", "marks"):
        values = ties[name][slot]
        _require(np.array_equal(values[one], values[two]),
                 f"ties.{name}", "differs between the two sides of a tie")  # fmt: skip
    fresh = ties.marks[slot] & FRESH != 0
    _require(np.array_equal(np.bincount(owner[fresh], minlength=n), actors.fresh),
             "actors.fresh", "does not count the fresh ties of the list")  # fmt: skip
    _within("ties.trust", ties.trust[slot], 0.0, 1.0)
    _within("ties.marks", ties.marks[slot], 0, 15)
    _require(bool((ties.met[slot] <= ties.last[slot]).all()),
             "ties.last", "is before the first meeting")  # fmt: skip
    if month is not None:
        _within("ties.last", ties.last[slot], -np.inf, month)
    soonest = np.full(n, NEVER, dtype=np.int64)
    np.minimum.at(soonest, owner, ties.expiry[slot])
    _require(bool((actors.soonest <= soonest).all()),
             "actors.soonest", "is after a tie of the list expires")  # fmt: skip
    held = _pairs_in_alliance(state)
    kept = ties.expiry[slot] == NEVER
    _require(np.array_equal(kept, np.isin(there, held)),
             "ties.expiry", "is not held exactly by the living alliances")  # fmt: skip


def _check_alliances(state: State, month: int | None) -> None:
    actors, n = state.actors, len(state.actors)
    rows = state.alliances[: state.territory.n_alliances]
    _require(len(np.unique(rows.id)) == len(rows), "alliances.id", "holds an id twice")
    _within("alliances.n_members", rows.n_members, 0, MAX_MEMBERS)
    _within("alliances.cause", rows.cause, LIVING, FAILED + 1)
    _within("alliances.rung", rows.rung, 0, 1)
    _within("alliances.type", rows.type, 0, 3)
    _within("alliances.domain", rows.domain, 0, 16)
    _within("alliances.outside", rows.outside, NOBODY, N_WORLDS - 1)
    _within("alliances.outside_trust", rows.outside_trust, 0.0, 1.0)
    for name in ("successes", "failures", "streak", "supported"):
        _within(f"alliances.{name}", rows[name], 0, np.inf)
    living = rows.ended == NEVER
    _require(np.array_equal(living, rows.cause == LIVING),
             "alliances.cause", "does not agree with the end")  # fmt: skip
    _require(bool((rows.born <= rows.ended).all()), "alliances.ended", "is before the birth")
    if month is not None:
        _within("alliances.born", rows.born, -np.inf, month)
        _within("alliances.ended", rows.ended[~living], -np.inf, month)
    codes: list[int] = []  # (actor, alliance) of every membership
    for a in np.flatnonzero(living):
        members = rows.members[a, : rows.n_members[a]]
        _rows("alliances.members", members, n)
        _require(bool(actors.alive[members].all()), "alliances.members", "names a vacant seat")
        worlds = {*actors.kind[members].tolist(), int(rows.outside[a])} - {NOBODY}
        _require(CATALYSEUR not in worlds, "alliances.members", "names a catalyst")
        _require(len(worlds) >= 2, "alliances.members", "holds a single world")
        codes += [i * len(rows) + int(a) for i in members.tolist()]
    _require(len(set(codes)) == len(codes), "alliances.members", "names a member twice")
    _within("actors.load", actors.load, 0, MAX_SEATS)
    _require(bool((actors.load <= actors.capacity).all()), "actors.load", "is beyond the capacity")
    load = np.bincount(np.array(codes, dtype=np.int64) // max(1, len(rows)), minlength=n)
    _require(np.array_equal(load, actors.load),
             "actors.load", "is not the number of living alliances")  # fmt: skip
    busy = np.flatnonzero(actors.load)
    listed = [i * len(rows) + a for i in busy.tolist()
              for a in actors.seats[i, : actors.load[i]].tolist()]  # fmt: skip
    _require(sorted(listed) == sorted(codes),
             "actors.seats", "does not list the living alliances")  # fmt: skip


def _check_places(state: State) -> None:
    actors, n = state.actors, len(state.actors)
    _within("places.count", state.places.count, 0, MAX_REGULARS)
    found = np.full(n, NOBODY)
    for p, place in enumerate(state.places):
        regulars = place.regulars[: place.count]
        _rows("places.regulars", regulars, n)
        _require(len(set(regulars.tolist())) == len(regulars),
                 "places.regulars", "names a regular twice")  # fmt: skip
        found[regulars] = p
    _require(np.array_equal(found, actors.place),
             "actors.place", "does not agree with the lists of regulars")  # fmt: skip
    for row in range(int(state.territory.n_proposals)):
        size = int(state.proposals.n_members[row])
        _within("proposals.n_members", size, 2, 5)
        _rows("proposals.members", state.proposals.members[row, :size], n)


def contact_slots(state: State) -> tuple[Array, Array]:
    """Return (owner, slot) of every contact of every list, int64[ties] each."""
    counts = state.actors.contacts.astype(np.int64)
    owner = np.repeat(np.arange(len(counts)), counts)
    position = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return owner, state.actors.first[owner] + position


def _pairs_in_alliance(state: State) -> Array:
    """Return the codes i n + j of the ordered pairs that share a living alliance."""
    n = len(state.actors)
    codes: list[int] = []
    rows = state.alliances[: state.territory.n_alliances]
    for a in np.flatnonzero(rows.ended == NEVER):
        members = rows.members[a, : rows.n_members[a]].tolist()
        codes += [i * n + j for i in members for j in members if i != j]
    return np.unique(np.array(codes, dtype=np.int64))


# -- a mechanism --------------------------------------------------------------------------


def check_mechanism(
    mechanism: Mechanism,
    scenario: Scenario | None = None,
    steps: tuple[int, ...] = STEPS,
    *,
    zero: Mapping[str, float] | None = None,
    consumes: tuple[str, ...] = (),
    instead_of: str | None = None,
) -> None:
    """Raise `AssertionError` unless a rule keeps what the model promises.

    On states of a real run, at the rule's place in the month: (1) ranges and accounting are kept
    (`check_state`); (2) only arrays of `mechanism.writes` change; (3) the same input gives the
    same output; (4) at zero strength nothing changes; (5) the order of the rows changes no
    discrete event, and no level by more than 1e-12.

    Parameters
    ----------
    mechanism : the rule, ours or made by `cosim.mechanisms.mechanism`, compiled or not
    scenario : where its states come from (default: four métiers, an election, a crisis)
    steps : steps of that scenario at which it is tried
    zero : what to set so that the rule does nothing: `{"trust_gain": 0}` for a parameter,
        `{"actors.support": 0}` for an array; without it, (4) is not checked
    consumes : arrays that it uses up even at zero strength, such as `actors.wins`
    instead_of : the mechanism whose place it takes (default: its own name's, else the last place)

    Examples
    --------
    >>> from cosim.mechanisms import mechanism
    >>> @mechanism("tired", writes=("actors.commitment",))
    ... def tired(state, params, month, key):
    ...     state.actors.commitment[:] *= 0.99
    >>> check_mechanism(tired, steps=(3,))
    """
    from cosim import engine

    known = {name for name, _ in fields(engine.plan(scenario or default_scenario()).template)}
    unknown = [name for name in mechanism.writes if name not in known]
    _require(not unknown, ", ".join(unknown), "is declared, and the state has no such array")
    strange = [name for name in zero or () if name not in known and name not in PARAMETERS]
    _require(not strange, ", ".join(strange), "of `zero` is neither a parameter nor an array")
    for step in steps:
        ready, before, key = _before(mechanism.name, scenario, step, instead_of)
        _check_once(mechanism, ready, before, step, key)
        if zero is not None:
            _check_zero(mechanism, ready, before, step, key, zero, consumes)


def _check_once(mechanism: Mechanism, ready: Plan, before: State, step: int, key: Any) -> None:
    rule = mechanism.rule()
    after = copy(before)
    rule(after, ready.params, step, key)
    surprise = [name for name in changed(before, after)
                if name not in mechanism.writes and name != "mark"]  # fmt: skip
    what = f"is changed by {mechanism.name}, which does not declare it (step {step})"
    _require(not surprise, ", ".join(surprise), what)
    check_state(after, step)
    again = copy(before)
    rule(again, ready.params, step, key)
    differs = changed(after, again)
    _require(not differs, ", ".join(differs),
             f"differs when {mechanism.name} runs again on the same state")  # fmt: skip
    n = len(before.actors)
    forth = np.random.Generator(np.random.Philox(key=step)).permutation(n)
    shuffled = relabelled(before, forth)
    rule(shuffled, ready.params, step, key)
    back = relabelled(shuffled, np.argsort(forth))
    for (name, a), (_, b) in zip(fields(after), fields(back), strict=True):
        same = _same(a, b) if a.dtype.kind != "f" else np.allclose(a, b, rtol=0, atol=TOLERANCE)
        _require(bool(same), name,
                 f"depends on the order of rows under {mechanism.name} (step {step})")  # fmt: skip


def _check_zero(
    mechanism: Mechanism, ready: Plan, before: State, step: int, key: Any,
    zero: Mapping[str, float], consumes: tuple[str, ...],
) -> None:  # fmt: skip
    params = np.array([ready.params], dtype=ready.params.dtype).view(np.recarray)[0]
    before = copy(before)
    for name, value in zero.items():
        part, _, field = name.rpartition(".")
        (getattr(before, part) if part else params)[field] = value
    after = copy(before)
    mechanism.rule()(after, params, step, key)
    moved = [name for name in changed(before, after) if name not in (*consumes, *SCRATCH)]
    _require(not moved, ", ".join(moved),
             f"is changed by {mechanism.name} at zero strength, step {step}")  # fmt: skip


def _before(
    name: str, scenario: Scenario | None, step: int, instead_of: str | None
) -> tuple[Plan, State, Any]:
    """Return plan, state and key just before mechanism `name` would run at `step`."""
    scenario = scenario or default_scenario()
    # Files of code may change under the same scenario: nothing of it is remembered.
    at = _at.__wrapped__ if scenario.model.modules else _at
    ready, state, key = at(scenario, step)
    state = copy(state)
    begin(state, ready.params, step)
    place = instead_of or name
    for mechanism in ready.schedule.mechanisms:
        if mechanism.name == place:
            break
        mechanism.rule()(state, ready.params, step, key)
    return ready, state, key


@lru_cache(maxsize=64)
def _at(scenario: Scenario, step: int) -> tuple[Plan, State, Any]:
    """Return plan, state and key at the beginning of `step`, journal on."""
    from cosim import engine

    ready = engine.plan(scenario)
    run = engine.Run(ready, seed=1, replicate=0, journal=True)
    while run.month < step:
        run.state.territory.n_events = 0
        run.step()
    run.state.territory.n_events = 0
    return run.plan, engine.room(run.state), run.key


def relabelled(state: State, forth: Array) -> State:
    """Return the same state with actor row i moved to row `forth[i]`, ids and order kept."""
    made = copy(state)
    actors = made.actors
    names = np.append(forth, NOBODY)  # row NOBODY = -1 stays nobody
    for field in actors.dtype.names or ():
        actors[field][forth] = state.actors[field]
    made.old[forth] = state.old
    made.order[:] = names[state.order]
    actors.coach = names[actors.coach]
    made.ties.other = names[made.ties.other]
    made.alliances.members = names[made.alliances.members]
    made.places.regulars = names[made.places.regulars]
    made.proposals.members = names[made.proposals.members]
    made.residents[:] = names[made.residents]
    return made


# -- sentences ----------------------------------------------------------------------------


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def _require(condition: bool, name: str, what: str) -> None:
    if not condition:
        raise AssertionError(f"{name} {what}")


def _within(name: str, values: Any, low: float, high: float) -> None:
    values = np.asarray(values)
    if values.size and not (values.min() >= low and values.max() <= high):
        raise AssertionError(
            f"{name} runs from {values.min():g} to {values.max():g}, beyond [{low:g}, {high:g}]"
        )


def _rows(name: str, rows: Array, n: int) -> None:
    _within(name, rows, 0, n - 1)
