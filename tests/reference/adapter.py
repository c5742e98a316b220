"""From the engine's initial `State` to the oracle: the only file that knows both shapes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from cosim import national
from cosim import state as engine

from .model import Alliance, Bond, Entry, Oracle, Seat, Venue
from .national import Area, Country

COPIED = ("size_class", "commune", "profile", "alive", "ever", "leaves", "commitment", "know_how",
          "imitation", "learning", "capacity", "support", "wins", "setbacks", "sessions",
          "coached_until", "place_until")  # fmt: skip


def bits(mask: int) -> set[int]:
    return {bit for bit in range(engine.N_DOMAINS) if mask >> bit & 1}


def plain(records: Any) -> SimpleNamespace:
    """The fields of a record, or of an array of them, as Python numbers and lists."""
    return SimpleNamespace(**{name: records[name].tolist() for name in records.dtype.names})


def none(value: int, nothing: int) -> int | None:
    return None if value == nothing else value


def from_state(
    state: engine.State,
    params: Any,
    seed: int,
    replicate: int,
    without: tuple[str, ...] = (),
    step: int = 0,
) -> Oracle:
    """Return an oracle that stands where `state` stands, before step `step`."""
    world = plain(state.territory)
    oracle = Oracle(
        SimpleNamespace(**{name: float(params[name]) for name in params.dtype.names}),
        calendar(state, without),
        (seed, replicate),
        t=step,
        domains=sorted(bits(world.domains)),
    )
    seats = actors(oracle, state)
    contacts(seats, state)
    alliances(oracle, seats, state)
    oracle.settle(seats)
    catalysts = len(oracle.of_kind[4])
    largest_first = state.communes.by_size.tolist()[:-1]
    numbers = [*range(catalysts), *range(len(state.places) - catalysts)]  # then the public ones
    oracle.places = [Venue(largest_first[k % len(largest_first)]) for k in numbers]
    oracle.fragility, oracle.lag = world.fragility, world.lag
    oracle.engines, oracle.visible, oracle.purse = world.engines, world.visible, world.purse
    months = 12 * oracle.calendar.substeps  # the engine keeps a ring
    oracle.visible_log = [world.visible_log[s % months] for s in range(step - months, step)]
    return oracle


def country(run: national.Run) -> Country:
    """Return the oracles of a run that has not begun, posts and money over its own territories."""
    scenario, params = run.nation.scenario, run.nation.params
    without = scenario.model.without
    models = [from_state(s, params, run.seed, run.replicate, without) for s in run.states]
    areas = [
        Area(place.code, float(place.lon.mean()), float(place.lat.mean()), place.inhabitants)
        for place in run.nation.places
    ]
    return Country(
        models, areas, models[0].params, scenario.france, scenario.time.start,
        scenario.time.substeps,
    )  # fmt: skip


def calendar(state: engine.State, without: tuple[str, ...]) -> SimpleNamespace:
    """What the scenario says, by step or for the whole run."""
    by_step, settings = plain(state.calendar), plain(state.settings)
    total = sum(settings.mix)
    settings.mix = [x / total if total else 0.0 for x in settings.mix]
    settings.invitation = engine.INVITATIONS[settings.invitation]
    return SimpleNamespace(**vars(by_step), **vars(settings), without=without)


def actors(oracle: Oracle, state: engine.State) -> list[Seat]:
    """One seat for each row, in the order of the rows; nobody accompanied, no regulars yet."""
    a = plain(state.actors)
    assert set(a.coach) <= {engine.NOBODY} and set(a.place) <= {engine.NOBODY}
    return [
        Seat(oracle, id, needs=bits(a.needs[row]), solutions=bits(a.solutions[row]),
             **{name: getattr(a, name)[row] for name in COPIED})
        for row, id in enumerate(a.id)
    ]  # fmt: skip


def contacts(seats: list[Seat], state: engine.State) -> None:
    a, s = plain(state.actors), plain(state.ties)
    bonds: dict[frozenset[int], Bond] = {}
    for row, seat in enumerate(seats):
        for slot in range(a.first[row], a.first[row] + a.contacts[row]):
            other, marks = s.other[slot], s.marks[slot]
            bond = bonds.setdefault(
                frozenset((row, other)),
                Bond(s.met[slot], s.last[slot], s.expiry[slot], bool(marks & engine.BRIDGE),
                     bool(marks & engine.PLACE_BORN), bool(marks & engine.DIALOGUE_BORN)),
            )  # fmt: skip
            seat.contacts[seats[other]] = Entry(
                bond, s.trust[slot], bool(marks & engine.FRESH), s.evidence[slot]
            )


def alliances(oracle: Oracle, seats: list[Seat], state: engine.State) -> None:
    a = plain(state.alliances)
    for row in range(state.territory.n_alliances):
        alliance = Alliance(
            a.id[row], [seats[i] for i in a.members[row][: a.n_members[row]]], a.domain[row],
            a.type[row], a.origin[row], a.born[row], a.rung[row], none(a.ended[row], engine.NEVER),
            a.cause[row], a.successes[row], a.failures[row], a.streak[row], a.supported[row],
            none(a.recognised[row], engine.NEVER), none(a.outside[row], engine.NOBODY),
            a.outside_trust[row], a.outside_evidence[row], a.followed[row],
        )  # fmt: skip
        oracle.alliances.append(alliance)
    for seat, actor in zip(seats, state.actors, strict=True):
        seat.alliances = [oracle.alliances[row] for row in actor.seats.tolist()[: actor.load]]
