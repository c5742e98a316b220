"""ODD §2 (entities), §3 (schedule), §7.2 (contacts) and §7.3 (alliances), as Mesa agents."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import mesa

from . import philox as random
from .philox import NEVER, index, logistic

ELU, ASSOCIATION, COMPANY, ACADEMIC, CATALYST = range(5)
KINDS = ("elu", "association", "company", "academic", "catalyseur")
PROFILES = ("batisseuse", "volontaire", "coordinatrice", "gestionnaire", "idealiste")
ENCOUNTER, EXPERIMENT, DIALOGUE, PLACE, SEEDED = range(5)
LIVING, COMPLETED, FAILED, FADED = range(4)
MECENAT, INNOVATION, COOPERATION, RESPONSIBLE = range(4)
DONNEES, OUTILS, COMPETENCES = range(3)
ORGANISATIONS, TERRITOIRES, COLLECTIVITES, INSTITUTIONS = range(4)
REACHED_AS = {ASSOCIATION: ORGANISATIONS, COMPANY: ORGANISATIONS, ELU: COLLECTIVITES}
#: The métier to which the élus of a profile answer best (§7.6), in the order of PROFILES.
METIER = ("lieu", "experimentation", "dialogue", "accompagnement", "dialogue")


@dataclass(eq=False)
class Bond:
    """What both sides of an acquaintance share."""

    met: int
    last: int
    expiry: int = NEVER
    bridge: bool = False
    place: bool = False
    dialogue: bool = False


@dataclass(eq=False)
class Entry:
    """One side of an acquaintance: the directed trust, and the weight of evidence behind it."""

    bond: Bond
    trust: float
    fresh: bool
    evidence: float = 0.0


class Seat(mesa.Agent):
    """A seat and its occupant. `contacts` is ordered: contact -> entry."""

    def __init__(self, model: Oracle, id: int, **state: object) -> None:
        super().__init__(model)
        self.id = id
        self.kind = id >> 31 & 7
        self.ordinal = id >> 10 & 0x1FFFFF
        self.contacts: dict[Seat, Entry] = {}
        self.alliances: list[Alliance] = []
        self.coach: Seat | None = None
        self.place: Venue | None = None
        self.coached_until = self.place_until = 0
        self.support = 0.0
        self.wins = self.setbacks = self.sessions = 0
        self.__dict__.update(state)

    def __repr__(self) -> str:
        return f"{KINDS[self.kind]}-{self.ordinal}"

    @property
    def generation(self) -> int:
        return self.id & 1023

    @property
    def maturity(self) -> float:
        return min(self.commitment, self.know_how)

    @property
    def load(self) -> int:
        return len(self.alliances)

    @property
    def free(self) -> bool:
        """Below capacity."""
        return self.load < self.capacity

    @property
    def fraction(self) -> float:
        return self.load / self.capacity

    @property
    def means(self) -> float:
        return 1.0 - self.size_class / 2.0 if self.kind == ELU else self.budget

    @property
    def budget(self) -> float:
        largest = {COMPANY: 4, ASSOCIATION: 3}
        return self.size_class / largest[self.kind] if self.kind in largest else 0.0

    @property
    def slots(self) -> int:
        return 64 if self.kind == CATALYST else 24


@dataclass(eq=False)
class Alliance:
    id: int
    members: list[Seat]
    domain: int
    type: int
    origin: int
    born: int
    rung: int = 0
    ended: int | None = None
    cause: int = LIVING
    successes: int = 0
    failures: int = 0
    streak: int = 0
    supported: int = 0
    recognised: int | None = None
    outside: int | None = None
    outside_trust: float = 0.0
    outside_evidence: float = 0.0
    followed: int = 0  # by an engineer, until this step

    @property
    def worlds(self) -> int:
        kinds = {member.kind for member in self.members}
        return len(kinds if self.outside is None else kinds | {self.outside})


@dataclass(eq=False)
class Venue:
    """A place: that of one catalyst, or a public one."""

    commune: int
    capacity: int = 0
    regulars: list[Seat] = field(default_factory=list)


@dataclass
class Proposal:
    members: list[Seat]
    domain: int


class Oracle(mesa.Model):
    """One replicate of one territory."""

    def __init__(self, params: SimpleNamespace, calendar: SimpleNamespace, key: tuple[int, int],
                 **state: object) -> None:  # fmt: skip
        super().__init__(rng=0)  # Mesa's own generator: not used, every draw is keyed
        self.params, self.calendar, self.key = params, calendar, key
        self.t = 0
        self.seats: list[Seat] = []
        self.alliances: list[Alliance] = []
        self.places: list[Venue] = []
        self.proposals: list[Proposal] = []
        self.fragility: list[float] = [0.0] * 17
        self.engines = self.visible = 0.0
        self.purse = 0.0  # euros
        self.doses = [[0.0] * 4 for _ in range(3)]
        self.lag: list[list[float]] = [[0.0, 0.0] for _ in range(19)]
        self.results: list[Alliance] = []  # successes of the step
        self.visible_log: list[int] = [0] * (12 * calendar.substeps)
        self.__dict__.update(state)

    def settle(self, seats: list[Seat]) -> None:
        """Keep the seats in id order and the lists by kind and commune."""
        self.seats = sorted(seats, key=lambda seat: (seat.kind, seat.ordinal))
        self.of_kind = [[s for s in self.seats if s.kind == kind] for kind in range(5)]
        self.everybody = [s for s in self.seats if s.kind != CATALYST]
        self.of_commune: dict[int, list[Seat]] = {}
        for seat in self.everybody:
            self.of_commune.setdefault(seat.commune, []).append(seat)

    def step(self) -> None:
        """§3: the levers open, then ten mechanisms in order."""
        from .levers import open_levers
        from .rules import SCHEDULE

        self.results = []
        open_levers(self)
        for name, mechanism in SCHEDULE.items():
            if name not in self.calendar.without:
                mechanism(self)
        self.check()
        self.t += 1

    def check(self) -> None:
        """What must be true after every step."""
        living = [a for a in self.alliances if a.cause == LIVING]
        for seat in self.seats:
            assert seat.load == sum(seat in a.members for a in living)
            assert len(seat.contacts) <= seat.slots and seat not in seat.contacts
            assert seat.alive or not (seat.contacts or seat.alliances or seat.coach or seat.place)
            for other, entry in seat.contacts.items():
                assert other.contacts[seat].bond is entry.bond
                assert 0.0 <= entry.trust <= 1.0
            if seat.alive:
                assert 0.0 <= seat.commitment <= 1.0 and 0.0 <= seat.know_how <= 1.0
        for alliance in living:
            assert alliance.worlds >= 2 and len(set(alliance.members)) == len(alliance.members)
            assert all(alliance in member.alliances for member in alliance.members)
        for place in self.places:
            assert all(seat.place is place for seat in place.regulars)
        assert self.purse >= 0.0 and all(0.0 <= x <= 1.0 for lever in self.doses for x in lever)

    # -- random numbers and base trust ----------------------------------------------------

    def block(self, purpose: int, id: int, t: int, draw: int) -> tuple[float, float]:
        return random.block(self.key, purpose, id, t, draw)

    def u(self, purpose: int, id: int, t: int, draw: int) -> float:
        return self.block(purpose, id, t, draw)[0]

    def v(self, purpose: int, id: int, t: int, draw: int) -> float:
        return self.block(purpose, id, t, draw)[1]

    def tau(self, kind: int) -> float:
        """Base trust in an actor of this kind."""
        return getattr(self.params, f"trust_{KINDS[kind]}")

    def trust(self, i: Seat, j: Seat) -> float:
        """T_ij, the base trust where i does not know j."""
        return i.contacts[j].trust if j in i.contacts else self.tau(j.kind)

    # -- §7.6 affinity and §7.14 doses -----------------------------------------------------

    def affinity(self, seat: Seat, metier: str) -> float:
        """How well an élu of this profile answers to a métier; 1 for anybody else."""
        answers = seat.kind == ELU and METIER[seat.profile] == metier
        return 1.0 + self.params.profile_affinity if answers else 1.0

    def dose(self, lever: int, seat: Seat) -> float:
        """What reaches one actor of an information lever."""
        public = REACHED_AS.get(seat.kind)
        return 0.0 if public is None else self.doses[lever][public]

    def relief(self, seat: Seat) -> float:
        """What tools take from the burden of load."""
        p = self.params
        return p.birth_load * seat.fraction * p.outils_ease * self.dose(OUTILS, seat)

    # -- §7.2 contacts --------------------------------------------------------------------

    def held(self, i: Seat, j: Seat) -> bool:
        """Whether i and j share a living alliance."""
        return any(j in alliance.members for alliance in i.alliances)

    def meet(self, i: Seat, j: Seat, mark: str = "") -> None:
        if j in i.contacts:
            bond = i.contacts[j].bond
            bond.last = self.t
            new_place = mark == "place" and not bond.place
            bond.place |= new_place
            if not self.held(i, j) and (new_place or bond.expiry <= self.t):
                self.draw_expiry(i, j)
            return
        if any(self.full(side) and self.victim(side) is None for side in (i, j)):
            return
        for side in (i, j):
            if self.full(side):
                self.dissolve(side, self.victim(side))
        bridge = not any(k in j.contacts for k in i.contacts)
        bond = Bond(self.t, self.t, NEVER, bridge, mark == "place", mark == "dialogue")
        i.contacts[j] = Entry(bond, self.tau(j.kind), True)
        j.contacts[i] = Entry(bond, self.tau(i.kind), True)
        self.draw_expiry(i, j)

    def full(self, seat: Seat) -> bool:
        return len(seat.contacts) >= seat.slots

    def victim(self, i: Seat) -> Seat | None:
        """The contact that makes room: not held, no tie of a place, longest unseen, smallest id."""
        loose = [j for j in i.contacts if not self.held(i, j)]

        def rank(j: Seat) -> tuple[bool, int, int]:
            bond = i.contacts[j].bond
            return bond.place, bond.last, j.id

        return min(loose, key=rank, default=None)

    def draw_expiry(self, i: Seat, j: Seat) -> None:
        p, bond = self.params, i.contacts[j].bond
        loss = p.tie_loss
        if bond.bridge:
            loss *= p.bridge_loss
        if bond.place:
            loss *= p.place_tie_loss
        u = self.u(random.LAPSE, random.pair(i.id, j.id), self.t, 0)
        bond.expiry = self.t + random.geometric(u, min(1.0, loss))

    def dissolve(self, i: Seat, j: Seat) -> None:
        for seat, contact in ((i, j), (j, i)):
            seat.contacts = without(seat.contacts, contact)

    # -- §7.3 alliances -------------------------------------------------------------------

    def found(self, founders: list[Seat], domain: int, type: int, origin: int,
              outside: int | None = None) -> Alliance:  # fmt: skip
        id = random.alliance_id([seat.id for seat in founders], self.t)
        alliance = Alliance(id, [], domain, type, origin, self.t, outside=outside)
        if outside is not None:
            alliance.outside_trust = self.tau(outside)
        self.alliances.append(alliance)
        for member in founders:
            self.join(alliance, member)
        return alliance

    def join(self, alliance: Alliance, k: Seat) -> None:
        present = list(alliance.members)
        alliance.members.append(k)
        k.alliances.append(alliance)
        for j in present:
            if j not in k.contacts:
                self.meet(j, k)

    def leave(self, alliance: Alliance, k: Seat) -> None:
        alliance.members.remove(k)
        k.alliances.remove(alliance)
        for j in alliance.members:
            if j in k.contacts and not self.held(k, j):
                self.draw_expiry(k, j)
        if alliance.worlds < 2:
            self.end(alliance, FAILED)

    def end(self, alliance: Alliance, cause: int) -> None:
        alliance.ended, alliance.cause = self.t, cause
        for member in alliance.members:
            member.alliances.remove(alliance)
        for i, j in pairs(alliance.members):
            if j in i.contacts and not self.held(i, j):
                i.contacts[j].bond.last = self.t
                self.draw_expiry(i, j)

    def mean_trust(self, members: list[Seat], alliance: Alliance | None = None) -> float:
        """T̄ of a group, or of an alliance with its outside partner."""
        values = [self.trust(i, j) for i in members for j in members if i is not j]
        if alliance is not None and alliance.outside is not None:
            values += [alliance.outside_trust] * (2 * len(members))
        return sum(values) / len(values)

    def match(self, i: Seat, j: Seat) -> float:
        """Complementarity q(i, j)."""
        met = len(i.needs & j.solutions) + len(j.needs & i.solutions)
        return met / (len(i.needs) + len(j.needs))

    def grow(self, a: Alliance) -> None:
        if a.outside is not None:
            return
        refusals = n = 0
        while refusals < self.params.refusals and len(a.members) < self.params.max_size and n < 40:
            u, v = self.block(random.INVITE, a.id, self.t, n)
            inviter = a.members[index(u, len(a.members))]
            guests = list(inviter.contacts)
            n += 1
            if guests and self.accepts(guests[index(v, len(guests))], a, n):
                self.join(a, guests[index(v, len(guests))])
            else:
                refusals += 1

    def accepts(self, k: Seat, a: Alliance, n: int) -> bool:
        if k.kind == CATALYST or k in a.members or not k.free:
            return False
        if a.domain not in k.needs | k.solutions:
            return False
        p = self.params
        trust = sum(self.trust(k, y) for y in a.members) / len(a.members)
        chance = logistic(p.join_base + p.birth_trust * trust + p.birth_maturity * k.maturity
                          + p.birth_means * k.means - p.birth_load * k.fraction
                          + self.relief(k))  # fmt: skip
        return self.u(random.ACCEPT, a.id, self.t, n) < chance


def without(contacts: dict[Seat, Entry], gone: Seat) -> dict[Seat, Entry]:
    """The list once an entry is removed (§7.2): the last takes its place."""
    seats = list(contacts)
    seats[seats.index(gone)] = seats[-1]
    return {seat: contacts[seat] for seat in seats[:-1]}


def pairs(group: list[Seat]) -> list[tuple[Seat, Seat]]:
    """Every pair, in order."""
    return [(i, j) for n, i in enumerate(group) for j in group[n + 1 :]]


def clip(x: float, low: float = 0.0, high: float = 1.0) -> float:
    return min(high, max(low, x))
