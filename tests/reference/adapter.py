"""From the engine's initial `State` to the oracle: the only file that knows both shapes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from cosim import state as engine

from .model import Alliance, Bond, Entry, Oracle, Seat, Venue

COPIED = ("size_class", "commune", "profile", "alive", "ever", "leaves", "commitment", "know_how",
          "imitation", "learning", "capacity", "support", "wins", "setbacks", "sessions",
          "coached_until", "place_until")  # fmt: skip


def bits(mask: int) -> set[int]:
    return {bit for bit in range(engine.N_DOMAINS) if mask >> bit & 1}


def plain(record: Any) -> SimpleNamespace:
    """A record of arrays as lists of Python numbers."""
    return SimpleNamespace(**{name: getattr(record, name).tolist() for name in record._fields})


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
    oracle = Oracle(
        SimpleNamespace(**{name: float(params[name]) for name in params.dtype.names}),
        settings(state.calendar, without),
        (seed, replicate),
        t=step,
        domains=sorted(bits(int(state.index.domains[0]))),
    )
    seats = actors(oracle, state)
    contacts(seats, state.ties)
    alliances(oracle, seats, state.alliances, state.actors)
    oracle.settle(seats)
    catalysts = len(oracle.of_kind[4])
    largest_first = state.index.communes_by_size.tolist()
    oracle.places = [Venue(largest_first[k % len(largest_first)]) for k in range(catalysts)]
    world = plain(state.territory)
    oracle.fragility, oracle.lag = world.fragility, world.lag
    oracle.engines, oracle.visible = world.engines[0], world.visible[0]
    ring = world.visible_log
    oracle.visible_log = [ring[s % len(ring)] for s in range(step - len(ring), step)]
    return oracle


def settings(calendar: engine.Calendar, without: tuple[str, ...]) -> SimpleNamespace:
    cal, values = plain(calendar), calendar.settings.tolist()
    total = sum(cal.mix)
    return SimpleNamespace(
        election=cal.election, shock=cal.shock, demand=cal.demand, odd=cal.odd, july=cal.july,
        fte=cal.fte, mix=[x / total if total else 0.0 for x in cal.mix],
        caseload=values[engine.S_CASELOAD], session_size=int(values[engine.S_SESSION]),
        invitation=engine.INVITATIONS[int(values[engine.S_INVITATION])],
        turnover=values[engine.S_TURNOVER], scissors=values[engine.S_SCISSORS],
        substeps=int(values[engine.S_SUBSTEPS]), without=without,
    )  # fmt: skip


def actors(oracle: Oracle, state: engine.State) -> list[Seat]:
    """One seat for each row, in the order of the rows; nobody accompanied, no regulars yet."""
    a = plain(state.actors)
    assert set(a.coach) <= {engine.NOBODY} and set(a.place) <= {engine.NOBODY}
    return [
        Seat(oracle, id, needs=bits(a.needs[row]), solutions=bits(a.solutions[row]),
             **{name: getattr(a, name)[row] for name in COPIED})
        for row, id in enumerate(a.id)
    ]  # fmt: skip


def contacts(seats: list[Seat], ties: engine.Ties) -> None:
    s, bonds = plain(ties), {}
    for row, seat in enumerate(seats):
        for slot in range(s.start[row], s.start[row] + s.count[row]):
            other, marks = s.other[slot], s.marks[slot]
            bond = bonds.setdefault(
                frozenset((row, other)),
                Bond(s.met[slot], s.last[slot], s.expiry[slot], bool(marks & engine.BRIDGE),
                     bool(marks & engine.PLACE_BORN), bool(marks & engine.DIALOGUE_BORN)),
            )  # fmt: skip
            seat.contacts[seats[other]] = Entry(bond, s.trust[slot], bool(marks & engine.FRESH))


def alliances(
    oracle: Oracle, seats: list[Seat], records: engine.Alliances, actors: engine.Actors
) -> None:
    a = plain(records)
    for row in range(a.count[0]):
        alliance = Alliance(
            a.id[row], [seats[i] for i in a.members[row][: a.size[row]]], a.domain[row],
            a.type[row], a.origin[row], a.born[row], a.rung[row], none(a.ended[row], engine.NEVER),
            a.cause[row], a.successes[row], a.failures[row], a.streak[row], a.supported[row],
            none(a.recognised[row], engine.NEVER), none(a.outside[row], engine.NOBODY),
            a.outside_trust[row],
        )  # fmt: skip
        oracle.alliances.append(alliance)
    for seat, rows, load in zip(seats, actors.seats.tolist(), actors.load.tolist(), strict=True):
        seat.alliances = [oracle.alliances[row] for row in rows[:load]]
