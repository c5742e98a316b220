"""One replicate month by month, as the page Territoire tells it. No Solara, no rule.

The run is the engine's own, stopped after each month to note who is there, how mature and engaged
each is, and what alliances became; nothing is simulated a second way. A story is made once for
everybody and kept while there is room.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import engine, streams
from cosim.dashboard import compute
from cosim.errors import ResultsError
from cosim.indicators import COLUMNS
from cosim.state import (
    CATALYSEUR,
    DIALOGUE,
    EXPERIMENT,
    J_JOIN,
    J_LEAVE,
    JOURNAL,
    KINDS,
    NEVER,
    NOBODY,
    PLACE,
    SEEDED,
    Array,
    State,
)

if TYPE_CHECKING:
    from cosim.engine import Plan
    from cosim.scenario import Scenario
    from cosim.territory import Territory

#: Months between two looks at who else waits for a turn: about a tenth of a second.
SLICE = 72
#: A story is a first picture: it goes before what refines an answer (see `compute.Gate`).
URGENCY = 0
#: Memory that stories may hold.
MOST_BYTES = 80_000_000
#: A seat that nobody has, in the tables of levels.
ABSENT = 255
#: Added to the maturity of an actor who is in an alliance.
ENGAGED = 128
#: What happens: the order in which a month tells it.
EVENTS = ("election", "crisis", "relief", "born", "completed", "failed", "faded", "success",
          "failure", "arrival")  # fmt: skip
(ELECTION, CRISIS, RELIEF, BORN, COMPLETED, FAILED, FADED, SUCCESS, FAILURE, ARRIVAL) = range(10)
#: Origins that a catalyst can be behind.
_CONVENED = (EXPERIMENT, DIALOGUE, PLACE)
#: Catalysts whom both founders know that are remembered at most.
MOST_COMMON = 2

EVENT = np.dtype([("month", "i2"), ("what", "u1"), ("index", "i4")])
MEMBER = np.dtype([("alliance", "i4"), ("seat", "i2"), ("joined", "i2"), ("left", "i2")])
COACHING = np.dtype([("seat", "i2"), ("catalyst", "i2"), ("first", "i2"), ("last", "i2")])
ALLIANCE = np.dtype(
    [
        ("born", "i2"),  # month; 0 if it was there at the start
        ("ended", "i2"),  # month; the number of months while living
        ("type", "u1"),
        ("domain", "u1"),
        ("origin", "u1"),
        ("outside", "i1"),  # kind of the partner beyond the territory, or NOBODY
        ("successes", "i2"),
        ("failures", "i2"),
        ("common", "i2", (MOST_COMMON,)),  # seats of catalysts whom both founders know, or NOBODY
    ]
)


@dataclass(frozen=True, eq=False)
class Story:
    """One replicate. M months, n seats, a alliances; levels are in hundredths.

    Attributes
    ----------
    out : float64[M, columns of `COLUMNS`], the indicators
    kind, commune, number, size_class : [n]; `number` is from 1 within a kind, and of the seat
    levels : uint8[M, n], maturity, plus `ENGAGED` in an alliance; `ABSENT` if the seat is vacant
    commitment, know_how, trust : uint8[M, n], or `ABSENT`; trust is the mean of that in one's
        acquaintances, `ABSENT` without any
    alliances : ALLIANCE[a], in order of birth
    members : MEMBER[...], who was in which alliance from which month, before which
    events : EVENT[...], by month, then as in `EVENTS`; `index` is an alliance, or a seat (arrival)
    coaching : COACHING[...], who was accompanied by which catalyst, before month `last`
    looks : months in which acquaintances were looked at
    ties : by look, of each seat: where its acquaintances begin, int32[n + 1], who, int16, and
        trust in them, uint8
    """

    scenario: Scenario
    place: Territory
    seed: int
    replicate: int
    out: Array
    kind: Array
    commune: Array
    number: Array
    size_class: Array
    levels: Array
    commitment: Array
    know_how: Array
    trust: Array
    alliances: Array
    members: Array
    events: Array
    coaching: Array
    looks: tuple[int, ...]
    ties: tuple[tuple[Array, Array, Array], ...]

    @property
    def n_months(self) -> int:
        """Number of months."""
        return len(self.levels)

    @property
    def n_seats(self) -> int:
        """Number of seats, catalysts' included."""
        return len(self.kind)

    @property
    def nbytes(self) -> int:
        """Bytes that the story holds."""
        arrays = (getattr(self, f.name) for f in fields(self))
        own = sum(a.nbytes for a in arrays if isinstance(a, np.ndarray))
        return own + sum(part.nbytes for look in self.ties for part in look)

    def name(self, seat: int) -> str:
        """Return the key of a seat in an address: "elu-12"."""
        return f"{KINDS[self.kind[seat]]}-{self.number[seat]}"

    def seat(self, name: str) -> int | None:
        """Return the seat of a key, None if there is none."""
        return self._seats.get(name)

    @cached_property
    def _seats(self) -> dict[str, int]:
        return {self.name(seat): seat for seat in range(self.n_seats)}

    def living(self, month: int) -> Array:
        """Return the rows of the alliances that live at the end of a month."""
        born, ended = self.alliances["born"], self.alliances["ended"]
        return np.flatnonzero((born <= month) & (month < ended))

    def acquaintances(self, seat: int, month: int) -> tuple[int, list[tuple[int, float]]]:
        """Return the month of the last look and the acquaintances then, the most trusted first.

        Each is a seat and the trust in it; before the first look there is the first look.
        """
        at = max(0, int(np.searchsorted(self.looks, month, side="right")) - 1)
        start, other, trust = self.ties[at]
        mine = slice(start[seat], start[seat + 1])
        rows = zip(other[mine].tolist(), (trust[mine] / 100.0).tolist(), strict=True)
        return self.looks[at], sorted(rows, key=lambda row: (-row[1], row[0]))

    def founders(self, alliance: int) -> Array:
        """Return the seats of those who were in an alliance when it was born."""
        rows = self.members[self.members["alliance"] == alliance]
        seats: Array = rows["seat"][rows["joined"] == rows["joined"].min()]
        return seats

    @cached_property
    def parties(self) -> tuple[Array, tuple[Party, ...]]:
        """What each alliance was at its birth: uint16[a] in a list without repetition."""
        kinds: list[Counter[int]] = [Counter() for _ in self.alliances]
        towns: list[list[int]] = [[] for _ in self.alliances]
        first = np.full(len(self.alliances), self.n_months)
        np.minimum.at(first, self.members["alliance"], self.members["joined"])
        for a, seat, joined, _ in self.members.tolist():
            if joined == first[a]:
                kinds[a][int(self.kind[seat])] += 1
                towns[a].append(int(self.commune[seat]))
        seen: dict[Party, int] = {}
        index = np.zeros(len(self.alliances), np.uint16)
        for a, outside in enumerate(self.alliances["outside"].tolist()):
            places = tuple(dict.fromkeys(towns[a]))[:2]
            party = (tuple(sorted(kinds[a].items())), places, outside)
            index[a] = seen.setdefault(party, len(seen))
        return index, tuple(seen)


#: Who founded an alliance: (kind, how many)…, the first communes, kind of the outside partner.
type Party = tuple[tuple[tuple[int, int], ...], tuple[int, ...], int]


# -- simulation ---------------------------------------------------------------------------


@dataclass
class _Notes:
    """What is noted after each month."""

    ready: Plan
    months: int
    seats: int
    ids: Array = field(init=False)
    levels: Array = field(init=False)
    commitment: Array = field(init=False)
    know_how: Array = field(init=False)
    trust: Array = field(init=False)
    coach: Array = field(init=False)
    journal: list[Array] = field(default_factory=list)
    results: list[tuple[int, int, int]] = field(default_factory=list)  # month, what, alliance
    common: dict[int, list[int]] = field(default_factory=dict)
    looks: list[int] = field(default_factory=list)
    ties: list[tuple[Array, Array, Array]] = field(default_factory=list)
    before: tuple[Array, Array] = field(
        default_factory=lambda: (np.zeros(0, np.int64), np.zeros(0, np.int64))
    )

    def __post_init__(self) -> None:
        shape = (self.months, self.seats)
        self.ids = np.zeros((self.months + 1, self.seats), np.uint64)
        self.levels, self.commitment, self.know_how, self.trust = (
            np.full(shape, ABSENT, np.uint8) for _ in range(4)
        )
        self.coach = np.full(shape, NOBODY, np.int16)

    def start(self, state: State) -> None:
        """Note who is there before the first month."""
        actors = state.actors
        self.ids[0] = np.where(actors["alive"], actors["id"], 0)
        self._drain(state)

    def month(self, state: State, month: int) -> None:
        """Note the end of a month."""
        actors, ties = state.actors, state.ties
        here = np.asarray(actors["alive"])
        self.ids[month + 1] = np.where(here, actors["id"], 0)
        maturity = np.minimum(actors["commitment"], actors["know_how"])
        levels = _hundredths(maturity) + np.where(actors["load"] > 0, ENGAGED, 0)
        for table, values in ((self.levels, levels), (self.commitment, actors["commitment"]),
                              (self.know_how, actors["know_how"])):  # fmt: skip
            whole = values if values is levels else _hundredths(values)
            table[month] = np.where(here, whole, ABSENT)
        total = np.concatenate([[0.0], np.cumsum(ties["trust"])])
        first, contacts = actors["first"], actors["contacts"].astype(np.int64)
        some = here & (contacts > 0)
        mean = (total[first + contacts] - total[first]) / np.maximum(contacts, 1)
        self.trust[month] = np.where(some, _hundredths(mean), ABSENT)
        self.coach[month] = np.where(here, actors["coach"], NOBODY)
        self._drain(state)
        self._outcomes(state, month)
        self._origins(state, month)
        label = self.ready.scenario.month_label(month)
        if month == 0 or label.endswith("-12") or month == self.months - 1:
            self._look(state, month)

    def _drain(self, state: State) -> None:
        n = int(state.territory.n_events)
        if n > len(state.journal):
            raise ResultsError(
                "the journal of one month is too small", key="journal", found=n,
                expected=f"at most {len(state.journal)} events",
            )  # fmt: skip
        state.territory.n_events = 0
        events = np.array(state.journal[:n], dtype=JOURNAL)
        self.journal.append(events[(events["what"] == J_JOIN) | (events["what"] == J_LEAVE)])

    def _outcomes(self, state: State, month: int) -> None:
        """Note what succeeded and failed this month: one event for each result."""
        n = int(state.territory.n_alliances)
        after = tuple(
            state.alliances[name][:n].astype(np.int64) for name in ("successes", "failures")
        )
        for what, old, new in zip((SUCCESS, FAILURE), self.before, after, strict=True):
            gained = new.copy()
            gained[: len(old)] -= old
            for a in np.flatnonzero(gained).tolist():
                self.results += [(month, what, a)] * int(gained[a])
        self.before = after[0], after[1]

    def _origins(self, state: State, month: int) -> None:
        """Note the catalysts whom both founders of a new alliance know."""
        n, substeps = int(state.territory.n_alliances), self.ready.scenario.time.substeps
        alliances = state.alliances
        new = np.flatnonzero(alliances["born"][:n] // substeps == month)
        for a in new[np.isin(alliances["origin"][new], _CONVENED)].tolist():
            pair = alliances["members"][a, : min(2, int(alliances["n_members"][a]))].tolist()
            if pair:
                known = set.intersection(*(_catalysts(state, i) for i in pair))
                self.common[a] = sorted(known)[:MOST_COMMON]

    def _look(self, state: State, month: int) -> None:
        """Note everybody's acquaintances."""
        actors, ties = state.actors, state.ties
        contacts = np.where(actors["alive"], actors["contacts"], 0).astype(np.int64)
        start = np.concatenate([[0], np.cumsum(contacts)]).astype(np.int32)
        slots = np.arange(start[-1]) + np.repeat(actors["first"] - start[:-1], contacts)
        self.looks.append(month)
        self.ties.append(
            (start, ties["other"][slots].astype(np.int16), _hundredths(ties["trust"][slots]))
        )


def _hundredths(levels: Array) -> Array:
    hundredths: Array = np.rint(100.0 * levels).astype(np.uint8)
    return hundredths


def _catalysts(state: State, row: int) -> set[int]:
    """Return the rows of the catalysts that an actor knows."""
    first, contacts = int(state.actors["first"][row]), int(state.actors["contacts"][row])
    others = state.ties["other"][first : first + contacts]
    return set(others[state.actors["kind"][others] == CATALYSEUR].tolist())


def tell(
    scenario: Scenario, seed: int = compute.SEED, replicate: int = 0,
    cancelled: Callable[[], bool] = lambda: False, gate: compute.Gate | None = None,
) -> Story | None:  # fmt: skip
    """Simulate one replicate and note it; None when cancelled meanwhile.

    Its indicators are those of `cosim.run(scenario, seed, replicate)`.

    Parameters
    ----------
    gate : what others wait at, too: a slice of months is one turn

    Raises
    ------
    CosimError : the scenario cannot be run
    """
    turns = gate or compute.Gate()
    with turns.turn(URGENCY):
        ready = engine.plan(scenario).drawn(replicate).journaled()
        state = ready.state(seed, replicate)
    months, key = scenario.n_months, streams.key(seed, replicate)
    out = np.zeros((months, len(COLUMNS)))
    notes = _Notes(ready, months, len(state.actors))
    notes.start(state)
    for first in range(0, months, SLICE):
        if cancelled():
            return None
        with turns.turn(URGENCY):
            for month in range(first, min(months, first + SLICE)):
                state = engine.advance(ready, state, month, month + 1, key, out)
                notes.month(state, month)
    return _story(notes, state, seed, replicate, out)


def _story(notes: _Notes, state: State, seed: int, replicate: int, out: Array) -> Story:
    """Return the notes as a story."""
    actors, months, scenario = state.actors, notes.months, notes.ready.scenario
    alliances = _alliances(notes, state)
    occupants = notes.ids.max(axis=0)
    ids = np.where(occupants > 0, occupants, actors["id"])
    return Story(
        scenario=scenario, place=notes.ready.place, seed=seed, replicate=replicate, out=out,
        kind=actors["kind"].astype(np.uint8), commune=actors["commune"].astype(np.int16),
        number=((ids >> np.uint64(10)) & np.uint64((1 << 21) - 1)).astype(np.int32) + 1,
        size_class=actors["size_class"].copy(), levels=notes.levels,
        commitment=notes.commitment, know_how=notes.know_how, trust=notes.trust,
        alliances=alliances, members=_members(notes, alliances),
        events=_events(notes, alliances, state, months), coaching=_coaching(notes.coach),
        looks=tuple(notes.looks), ties=tuple(notes.ties),
    )  # fmt: skip


def _alliances(notes: _Notes, state: State) -> Array:
    rows, n = state.alliances, int(state.territory.n_alliances)
    substeps, months = notes.ready.scenario.time.substeps, notes.months
    found = np.zeros(n, ALLIANCE)
    born, ended = (rows[name][:n].astype(np.int64) for name in ("born", "ended"))
    found["born"] = np.maximum(0, born // substeps)
    found["ended"] = np.where(ended == NEVER, months, ended // substeps)
    for name in ("type", "domain", "origin", "outside", "successes", "failures"):
        found[name] = rows[name][:n]
    found["common"] = NOBODY
    for a, seats in notes.common.items():
        found["common"][a, : len(seats)] = seats
    return found


def _members(notes: _Notes, alliances: Array) -> Array:
    """Pair each joining with the leaving that follows it; a step of the journal is a month."""
    substeps, months = notes.ready.scenario.time.substeps, notes.months
    known, where = np.unique(notes.ids, return_index=True)
    seats = where % notes.seats
    events = np.concatenate(notes.journal)
    open_: dict[tuple[int, int], int] = {}
    rows: list[list[int]] = []
    for event in events:
        a, id = int(event["alliance"]), int(event["actor"])
        month = int(event["step"]) // substeps
        if event["what"] == J_JOIN:
            open_[a, id] = len(rows)
            seat = int(seats[np.searchsorted(known, np.uint64(id))])
            rows.append([a, seat, max(0, month), months])
        elif (a, id) in open_:
            rows[open_.pop((a, id))][3] = month
    return np.array([tuple(row) for row in rows], MEMBER)


def _events(notes: _Notes, alliances: Array, state: State, months: int) -> Array:
    """Return everything that happens, each once."""
    rows: list[tuple[int, int, int]] = list(notes.results)
    causes = state.alliances["cause"][: len(alliances)].tolist()
    for a, (row, cause) in enumerate(zip(alliances, causes, strict=True)):
        if row["origin"] != SEEDED:
            rows.append((int(row["born"]), BORN, a))
        if row["ended"] < months:
            rows.append((int(row["ended"]), BORN + cause, a))
    before, after = notes.ids[:-1], notes.ids[1:]
    for month, seat in np.argwhere((after != before) & (after != 0)).tolist():
        rows.append((month, ARRIVAL, seat))
    context, scenario = notes.ready.scenario.context, notes.ready.scenario
    rows += [(scenario.month_index(vote), ELECTION, k) for k, vote in enumerate(context.elections)]
    for k, crisis in enumerate(context.crises):
        first = scenario.month_index(crisis.start)
        rows += [(first, CRISIS, k), (first + crisis.months, RELIEF, k)]
    told = sorted(row for row in rows if 0 <= row[0] < months)
    return np.array(told, EVENT)


def _coaching(coach: Array) -> Array:
    """Return who was accompanied by whom, from which month, before which."""
    rows = []
    edge = np.full((1, coach.shape[1]), NOBODY, coach.dtype)
    whole = np.vstack([edge, coach, edge])
    for seat in np.flatnonzero((coach != NOBODY).any(axis=0)).tolist():
        changes = np.flatnonzero(np.diff(whole[:, seat]))
        for first, last in zip(changes[:-1].tolist(), changes[1:].tolist(), strict=True):
            if coach[first, seat] != NOBODY:
                rows.append((seat, int(coach[first, seat]), first, last))
    return np.array(rows, COACHING)


# -- one for everybody --------------------------------------------------------------------


class Shelf:
    """Stories by scenario, seed and replicate, the least recently read dropped first."""

    def __init__(self, most_bytes: int = MOST_BYTES, gate: compute.Gate | None = None):
        self._stories: OrderedDict[tuple[str, int, int], Story] = OrderedDict()
        self._locks: dict[tuple[str, int, int], threading.Lock] = {}
        self._lock = threading.Lock()
        self.most_bytes = most_bytes
        self.gate = gate or compute.CACHE.gate

    def __len__(self) -> int:
        return len(self._stories)

    @property
    def nbytes(self) -> int:
        """Bytes of all stories."""
        return sum(one.nbytes for one in list(self._stories.values()))

    def story(
        self, scenario: Scenario, seed: int = compute.SEED, replicate: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Story | None:  # fmt: skip
        """Return a story, told now if nobody asked before; None when cancelled meanwhile."""
        key = (scenario.digest, seed, replicate)
        with self._lock:
            mine = self._locks.setdefault(key, threading.Lock())
        with mine:
            with self._lock:
                if key in self._stories:
                    self._stories.move_to_end(key)
                    return self._stories[key]
            told = tell(scenario, seed, replicate, cancelled, self.gate)
            with self._lock:
                self._locks.pop(key, None)
                if told is None:
                    return None
                self._stories[key] = told
                while len(self._stories) > 1 and self.nbytes > self.most_bytes:
                    self._stories.popitem(last=False)
            return told


SHELF = Shelf()


# -- what is sent -------------------------------------------------------------------------


def packed(arrays: dict[str, Array]) -> tuple[bytes, list[dict[str, Any]]]:
    """Return arrays as one row of bytes, and where each begins: what a component reads.

    Each begins at a multiple of 8 bytes. The layout has name, type (u1, i1, u2, i2, i4 or f4),
    first byte, and number of values.
    """
    pieces, layout, at = [], [], 0
    for name, array in arrays.items():
        flat = np.ascontiguousarray(array).reshape(-1)
        kind = flat.dtype.str[1:]
        layout.append({"name": name, "type": kind, "at": at, "length": int(flat.size)})
        piece = flat.tobytes()
        piece += bytes(-len(piece) % 8)
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces), layout


def tables(story: Story) -> dict[str, Array]:
    """Return what the page draws of a story, column by column."""
    columns: dict[str, Array] = {
        "levels": story.levels,
        "kind": story.kind,
        "commune": story.commune,
        "number": story.number,
        "party": story.parties[0],
    }
    for prefix, rows, names in (
        ("alliance", story.alliances, ("born", "ended", "type", "domain", "origin", "outside")),
        ("member", story.members, MEMBER.names or ()),
        ("event", story.events, EVENT.names or ()),
        ("coaching", story.coaching, COACHING.names or ()),
    ):
        columns |= {f"{prefix}_{name}": rows[name] for name in names}
    return columns


def by_year(story: Story) -> Iterator[tuple[int, int, int, int]]:
    """Yield (year, alliances born, alliances ended, living at its last month)."""
    label = story.scenario.month_label
    years = np.array([int(label(m)[:4]) for m in range(story.n_months)])
    happened = story.events
    ends = (COMPLETED, FAILED, FADED)
    for year in dict.fromkeys(years.tolist()):
        months = np.flatnonzero(years == year)
        this = happened[(happened["month"] >= months[0]) & (happened["month"] <= months[-1])]
        born, ended = int((this["what"] == BORN).sum()), int(np.isin(this["what"], ends).sum())
        yield year, born, ended, len(story.living(int(months[-1])))


def by_commune(story: Story) -> tuple[Array, Array]:
    """Return, by commune, the actors present in the last month and the alliances born there.

    An alliance is born where its first founder is; those there at the start are left out.
    """
    communes = story.place.n_communes
    here = (story.levels[-1] != ABSENT) & (story.kind != CATALYSEUR)
    actors = np.bincount(story.commune[here], minlength=communes)
    alliance, first = np.unique(story.members["alliance"], return_index=True)
    own = story.alliances["origin"][alliance] != SEEDED
    towns = story.commune[story.members["seat"][first[own]]]
    return actors, np.bincount(towns, minlength=communes)


def quantile(final: Array, share: float) -> int:
    """Return the number of the replicate whose last value is at a share of the ranks.

    >>> quantile(np.array([3.0, 9.0, 5.0]), 0.5)
    2
    """
    order = np.argsort(final, kind="stable")
    return int(order[round(share * (len(order) - 1))])
