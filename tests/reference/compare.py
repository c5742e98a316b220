"""Oracle and engine side by side: what a month's state is, and where two of them differ."""

from __future__ import annotations

import math
from typing import Any

from cosim import state as engine

from .adapter import bits, none, plain
from .model import LIVING, Alliance, Oracle, Seat, Venue
from .rivals import BETA

TOLERANCE = 1e-12


def differences(oracle: Oracle, state: engine.State) -> list[str]:
    """One line for each value that differs; empty when the two agree."""
    return list(unequal("", snapshot(oracle), snapshot_of_state(state, oracle.t)))


def unequal(path: str, a: Any, b: Any) -> Any:
    if a == b:
        return
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            yield from unequal(f"{path}/{key}", a.get(key, "absent"), b.get(key, "absent"))
    elif isinstance(a, float) and isinstance(b, float):
        if not math.isclose(a, b, rel_tol=0.0, abs_tol=TOLERANCE):
            yield f"{path}: oracle {a!r}, engine {b!r}"
    else:
        yield f"{path}: oracle {a!r}, engine {b!r}"


# -- the oracle -------------------------------------------------------------------------------


def snapshot(oracle: Oracle) -> dict[str, Any]:
    """Everything of the oracle that the engine must have too, as plain values."""
    return {
        "actors": {repr(seat): of_seat(oracle, seat) for seat in oracle.seats},
        "alliances": {number: of_alliance(oracle, a) for number, a in enumerate(oracle.alliances)},
        "places": {number: of_place(place) for number, place in enumerate(oracle.places)},
        "fragility": dict(enumerate(oracle.fragility)),
        "lag": {n: dict(enumerate(stages)) for n, stages in enumerate(oracle.lag)},
        "engines": oracle.engines,
        "visible": oracle.visible,
        "purse": oracle.purse,
    }


def of_seat(oracle: Oracle, seat: Seat) -> dict[str, Any]:
    if not seat.alive:
        return {"alive": False}
    return {
        "alive": True,
        "id": seat.id,
        "leaves": step_or_never(seat.leaves),
        "capacity": seat.capacity,
        "commitment": seat.commitment,
        "know_how": seat.know_how,
        "imitation": seat.imitation,
        "learning": seat.learning,
        "needs": sorted(seat.needs),
        "solutions": sorted(seat.solutions),
        "alliances": [alliance.id for alliance in seat.alliances],
        "coach": seat.coach and (repr(seat.coach), seat.coached_until),
        "support": seat.support,
        "place": seat.place and (seat.place.commune, seat.place_until),
        "counters": [seat.wins, seat.setbacks, seat.sessions],
        "contact list": [repr(other) for other in seat.contacts],
        "contacts": {
            repr(other): {
                "id": other.id,
                "trust": entry.trust,
                **({"evidence": entry.evidence} if counts_results(oracle.calendar) else {}),
                "met": entry.bond.met,
                "last": entry.bond.last,
                "expiry": engine.NEVER if oracle.held(seat, other) else entry.bond.expiry,
                "fresh": entry.fresh,
                "bridge": entry.bond.bridge,
                "place": entry.bond.place,
                "dialogue": entry.bond.dialogue,
            }
            for other, entry in seat.contacts.items()
        },
    }


def of_alliance(oracle: Oracle, a: Alliance) -> dict[str, Any]:
    values = {
        name: getattr(a, name)
        for name in ("id", "domain", "type", "rung", "origin", "born", "ended", "cause",
                     "successes", "failures", "streak", "supported", "recognised", "outside",
                     "outside_trust")
    }  # fmt: skip
    values["followed"] = still(a.followed, oracle.t)
    if counts_results(oracle.calendar):
        values["outside_evidence"] = a.outside_evidence
    return {**values, "members": [repr(member) for member in a.members]}


def counts_results(settings: Any) -> bool:
    """Whether trust has evidence behind it: under the rule *beta*."""
    return bool(settings.trust == BETA)


def step_or_never(step: int) -> int | None:
    """None for beyond any run."""
    return step if step < engine.NEVER >> 1 else None


def still(until: int, next_step: int) -> int | None:
    """None for what is over: how an implementation writes that is its own business."""
    return until if until >= next_step else None


def of_place(place: Venue) -> dict[str, Any]:
    return {
        "commune": place.commune if place.capacity else None,
        "capacity": place.capacity,
        "regulars": [repr(seat) for seat in place.regulars],
    }


# -- the engine -------------------------------------------------------------------------------


def snapshot_of_state(state: engine.State, next_step: int) -> dict[str, Any]:
    """The same values of the engine's state, before step `next_step`."""
    actors, ties = plain(state.actors), plain(state.ties)
    alliances, places, world = plain(state.alliances), plain(state.places), plain(state.territory)
    evidence = counts_results(state.settings)
    names = [f"{engine.KINDS[id >> 31 & 7]}-{id >> 10 & 0x1FFFFF}" for id in actors.id]
    return {
        "actors": {
            names[row]: of_row(row, names, actors, ties, alliances, places, evidence)
            for row in state.order.tolist()
        },
        "alliances": {
            row: {
                "id": alliances.id[row],
                **{name: getattr(alliances, name)[row]
                   for name in ("domain", "type", "rung", "origin", "born")},
                "ended": none(alliances.ended[row], engine.NEVER),
                **{name: getattr(alliances, name)[row]
                   for name in ("cause", "successes", "failures", "streak", "supported")},
                "recognised": none(alliances.recognised[row], engine.NEVER),
                "outside": none(alliances.outside[row], engine.NOBODY),
                "outside_trust": alliances.outside_trust[row],
                "followed": still(alliances.followed[row], next_step),
                **({"outside_evidence": alliances.outside_evidence[row]} if evidence else {}),
                "members": [names[i] for i in alliances.members[row][: alliances.n_members[row]]],
            }
            for row in range(world.n_alliances)
        },
        "places": {
            row: {
                "commune": places.commune[row] if places.capacity[row] else None,
                "capacity": places.capacity[row],
                "regulars": [names[i] for i in places.regulars[row][: places.count[row]]],
            }
            for row in range(len(places.commune))
        },
        "fragility": dict(enumerate(world.fragility)),
        "lag": {n: dict(enumerate(stages)) for n, stages in enumerate(world.lag)},
        "engines": world.engines,
        "visible": world.visible,
        "purse": world.purse,
    }  # fmt: skip


def of_row(
    row: int, names: list[str], actors: Any, ties: Any, alliances: Any, places: Any, evidence: bool
) -> dict[str, Any]:
    if not actors.alive[row]:
        return {"alive": False}
    slots = range(actors.first[row], actors.first[row] + actors.contacts[row])
    coach, place = actors.coach[row], actors.place[row]
    seats = actors.seats[row][: actors.load[row]]
    assert all(alliances.cause[a] == LIVING for a in seats)
    return {
        "alive": True,
        **{name: getattr(actors, name)[row]
           for name in ("id", "capacity", "commitment", "know_how", "imitation", "learning")},
        "leaves": step_or_never(actors.leaves[row]),
        "needs": sorted(bits(actors.needs[row])),
        "solutions": sorted(bits(actors.solutions[row])),
        "alliances": [alliances.id[a] for a in seats],
        "coach": None if coach < 0 else (names[coach], actors.coached_until[row]),
        "support": actors.support[row],
        "place": None if place < 0 else (places.commune[place], actors.place_until[row]),
        "counters": [actors.wins[row], actors.setbacks[row], actors.sessions[row]],
        "contact list": [names[ties.other[slot]] for slot in slots],
        "contacts": {
            names[ties.other[slot]]: {
                "id": actors.id[ties.other[slot]],
                **{name: getattr(ties, name)[slot] for name in ("trust", "met", "last", "expiry")},
                **({"evidence": ties.evidence[slot]} if evidence else {}),
                "fresh": bool(ties.marks[slot] & engine.FRESH),
                "bridge": bool(ties.marks[slot] & engine.BRIDGE),
                "place": bool(ties.marks[slot] & engine.PLACE_BORN),
                "dialogue": bool(ties.marks[slot] & engine.DIALOGUE_BORN),
            }
            for slot in slots
        },
    }  # fmt: skip
