"""ODD §7.4 to §7.13: the ten mechanisms, one function per paragraph."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from . import philox as random
from .model import (
    ACADEMIC,
    ASSOCIATION,
    CATALYST,
    COMPANY,
    COMPLETED,
    COOPERATION,
    DIALOGUE,
    ELU,
    ENCOUNTER,
    EXPERIMENT,
    FADED,
    FAILED,
    INNOVATION,
    KINDS,
    LIVING,
    PLACE,
    PROFILES,
    Alliance,
    Oracle,
    Proposal,
    Seat,
    Venue,
    clip,
    pairs,
)
from .philox import NEVER, geometric, index, logistic, poisson, weighted

# -- 1 Contexte, §7.4 -------------------------------------------------------------------------


def context(w: Oracle) -> None:
    drift_of_needs(w)
    commitments = [elu.commitment for elu in w.of_kind[ELU]]
    living = [sum(seat.alive for seat in w.of_kind[kind]) for kind in range(5)]
    departures(w, commitments)
    catalysts_come_and_go(w)
    births_of_actors(w, living)


def drift_of_needs(w: Oracle) -> None:
    p, cal = w.params, w.calendar
    rise = p.crisis_needs * cal.shock[w.t] + cal.scissors * p.scissors_needs
    w.fragility = [clip(value + rise, 0.0, 100.0) for value in w.fragility]


def departures(w: Oracle, commitments: list[float]) -> None:
    p, cal = w.params, w.calendar
    for seat in w.seats:
        if not seat.alive:
            continue
        if seat.kind == ELU:
            rate = p.turn_maire if seat.size_class == 0 else p.turn_councillor
            voted_out = cal.election[w.t] and (
                w.u(random.ELECTION, seat.id, w.t, 0) < min(1.0, cal.turnover * rate)
            )
            if seat.leaves == w.t or voted_out:
                replace(w, seat, commitments)
        elif seat.kind in (ASSOCIATION, COMPANY) and seat.leaves == w.t:
            depart(w, seat)


def replace(w: Oracle, seat: Seat, commitments: list[float]) -> None:
    """A new élu takes the seat, its contacts and its alliances."""
    p, c_old, e_old = w.params, seat.commitment, seat.know_how
    end_attention(seat)
    occupy(w, seat)
    other = commitments[index(w.u(random.NEWCOMER, seat.id, 0, 0), len(commitments))]
    seat.commitment = clip(p.newcomer_weight * c_old + (1.0 - p.newcomer_weight) * other)
    seat.know_how = p.inherit_know_how * e_old
    for contact, entry in seat.contacts.items():
        for side, who in ((entry, contact), (contact.contacts[seat], seat)):
            tau = w.tau(who.kind)
            side.trust = tau + p.inherit_trust * max(0.0, side.trust - tau)


def depart(w: Oracle, seat: Seat) -> None:
    """The seat becomes vacant."""
    for alliance in list(seat.alliances):
        w.leave(alliance, seat)
    for contact in list(seat.contacts):
        w.dissolve(seat, contact)
    end_attention(seat)
    seat.alive = False


def end_attention(seat: Seat) -> None:
    """Accompaniment and attendance end."""
    stop_coaching(seat)
    if seat.place is not None:
        seat.place.regulars.remove(seat)
        seat.place = None


def stop_coaching(seat: Seat) -> None:
    seat.coach, seat.support = None, 0.0


def catalysts_come_and_go(w: Oracle) -> None:
    for seat in w.of_kind[CATALYST]:
        present = seat.ordinal < math.ceil(w.calendar.fte[w.t])
        if seat.alive and not present:
            depart(w, seat)
        elif present and not seat.alive:
            occupy(w, seat)


def births_of_actors(w: Oracle, living: list[int]) -> None:
    for kind, rate in ((ASSOCIATION, w.params.birth_association),
                       (COMPANY, w.params.birth_company)):  # fmt: skip
        seats = w.of_kind[kind]
        if not seats:
            continue
        first = seats[0].id & ~1023  # ordinal 0, generation 0
        for m in range(poisson(w.u(random.BIRTHS, first, w.t, 0), rate * living[kind])):
            start = index(w.u(random.BIRTH_SEAT, first, w.t, m), len(seats))
            vacant = [seat for seat in seats[start:] + seats[:start] if not seat.alive]
            if vacant:
                occupy(w, vacant[0])


def occupy(w: Oracle, seat: Seat) -> None:
    """§7.1, *New occupant*."""
    p = w.params
    if seat.ever:
        seat.id += 1  # the generation
    seat.alive = seat.ever = True
    seat.wins = seat.setbacks = seat.sessions = 0
    seat.commitment, seat.know_how = levels(w, seat)
    z = random.normal(*w.block(random.TRAIT, seat.id, 0, 0))
    seat.imitation = p.imitation * spread(z, p.imitation_spread)
    z = random.normal(*w.block(random.TRAIT, seat.id, 0, 1))
    seat.learning = spread(z, p.learning_spread)
    seat.needs = two_domains(w, *w.block(random.NEEDS, seat.id, 0, 0), w.fragility)
    seat.solutions = two_domains(w, *w.block(random.NEEDS, seat.id, 0, 1), [1.0] * 17)
    seat.capacity = capacity(w, seat)
    seat.leaves = NEVER
    if seat.kind not in (ACADEMIC, CATALYST):
        chance = getattr(p, f"exit_{KINDS[seat.kind]}")
        seat.leaves = w.t + geometric(w.u(random.EXIT, seat.id, 0, 0), chance)


def capacity(w: Oracle, seat: Seat) -> int:
    """That of the kind; an élu's is shifted by the profile of the commune."""
    most = getattr(w.params, f"capacity_{KINDS[seat.kind]}")
    if seat.kind == ELU:
        most += getattr(w.params, f"profile_{PROFILES[seat.profile]}_capacity")
    return math.floor(most + 0.5)


def spread(z: float, sigma: float) -> float:
    """A lognormal factor of mean 1."""
    return math.exp(sigma * z - sigma**2 / 2.0)


def levels(w: Oracle, seat: Seat) -> tuple[float, float]:
    """Commitment and know-how on entry."""
    p = w.params
    u, v = w.block(random.LEVEL, seat.id, 0, 0)
    if seat.kind == COMPANY:
        bounds = (p.rse_rung_1, p.rse_rung_1 + p.rse_rung_2,
                  p.rse_rung_1 + p.rse_rung_2 + p.rse_rung_3)  # fmt: skip
        m = 0.25 * sum(u >= bound for bound in bounds) + 0.25 * v
        which, excess = w.block(random.LEVEL, seat.id, 0, 1)
        other = m + (1.0 - m) * excess / 2.0
        return (m, other) if which < 0.5 else (other, m)
    lead = p.catalyst_lead if seat.kind == CATALYST else 0.0
    return tuple(
        clip(quantile(x, *(getattr(p, f"{level}_{KINDS[seat.kind]}_{ab}") for ab in "ab")) + lead)
        for level, x in (("c", u), ("e", v))
    )


def quantile(u: float, a: float, b: float) -> float:
    """The Beta quantile, linear between 1 025 equidistant ones."""
    table, k = beta_table(a, b), int(u * 1024)
    return table[k] + (u * 1024 - k) * (table[k + 1] - table[k])


@cache
def beta_table(a: float, b: float) -> list[float]:
    from scipy.stats import beta

    return [float(beta.ppf(k / 1024, a, b)) for k in range(1025)]


def two_domains(w: Oracle, u: float, v: float, weights: list[float]) -> set[int]:
    """Two of the scenario's domains, without replacement."""
    left = list(w.domains)
    first = left.pop(weighted(u, [weights[d] for d in left]))
    return {first, left[weighted(v, [weights[d] for d in left])]} if left else {first}


# -- 2 Catalyse, §7.5 -------------------------------------------------------------------------


def catalysis(w: Oracle) -> None:
    dialogue, experimentation, accompaniment, place = w.calendar.mix
    present = [seat for seat in w.of_kind[CATALYST] if seat.alive]
    for seat in w.seats:
        coach = seat.coach
        if coach is not None and (
            seat.coached_until <= w.t or not coach.alive or accompaniment == 0.0
        ):
            stop_coaching(seat)
    for catalyst, venue in zip(w.of_kind[CATALYST], w.places, strict=True):
        send_home(w, venue, closed=not catalyst.alive)
    for catalyst in present:
        hold_sessions(w, catalyst, dialogue)
        run_experiments(w, catalyst, experimentation)
        take_cases(w, catalyst, accompaniment)
        open_place(w, catalyst, place)
    give_support(w, present, accompaniment)


def post(w: Oracle, catalyst: Seat) -> float:
    """f_k, the catalyst's share of a full post."""
    return min(1.0, w.calendar.fte[w.t] - catalyst.ordinal)


def count(w: Oracle, catalyst: Seat, rate: float, which: int) -> int:
    r = rate * post(w, catalyst) / (12.0 * w.calendar.substeps)
    phase = w.u(random.PHASE, catalyst.id, 0, which)
    return math.floor(r * (w.t + 1) + phase) - math.floor(r * w.t + phase)


def pick(w: Oracle, catalyst: Seat, kind: int, purpose: int, base: int,
         valid: Callable[[Seat], bool], score: Callable[[Seat], float]) -> Seat | None:  # fmt: skip
    seats = w.of_kind[kind]
    if not seats:
        return None
    policy = w.calendar.invitation
    draws = 3 if policy == "random" else int(w.params.invitation_draws)
    tried = [seats[index(w.u(purpose, catalyst.id, w.t, base + a), len(seats))]
             for a in range(draws)]  # fmt: skip
    found = [seat for seat in tried if valid(seat)]
    if policy == "random":
        return found[0] if found else None
    if policy == "hubs":
        score = lambda seat: len(seat.contacts)  # noqa: E731
    elif policy == "periphery":
        score = lambda seat: -len(seat.contacts)  # noqa: E731
    return max(found, key=score, default=None)  # the first on equality


def hold_sessions(w: Oracle, catalyst: Seat, share: float) -> None:
    p, cal = w.params, w.calendar
    for s in range(count(w, catalyst, p.sessions_per_fte * share, 0)):
        invited: list[Seat] = []

        def fits(seat: Seat, invited: list[Seat] = invited) -> float:
            if not invited or invited[0].kind == seat.kind:
                return 0.0
            return w.match(invited[0], seat)

        for g in range(cal.session):
            guest = pick(w, catalyst, g % 4, random.SESSION, (64 * s + g) * 16,
                         lambda x, taken=invited: x.alive and x not in taken, fits)  # fmt: skip
            if guest is not None:
                invited.append(guest)
        for guest in invited:
            guest.sessions += 1
            w.meet(catalyst, guest, "dialogue")
        for i, j in pairs(invited):
            draw = 64 * catalyst.ordinal + s
            if w.u(random.FACE, random.pair(i.id, j.id), w.t, draw) < p.p_meet:
                w.meet(i, j, "dialogue")


def run_experiments(w: Oracle, catalyst: Seat, share: float) -> None:
    for x in range(count(w, catalyst, w.params.experiments_per_fte * share, 1)):
        u, v = w.block(random.EXPERIMENT, catalyst.id, w.t, 4096 * x)
        domain = w.domains[weighted(u, [w.fragility[d] for d in w.domains])]
        size = 3 + index(v, 3)
        first = index(w.u(random.EXPERIMENT, catalyst.id, w.t, 4096 * x + 1), 4)
        group: list[Seat] = []
        for g in range(size):
            seats = w.of_kind[(first + g) % 4]
            for a in range(12 if seats else 0):
                u = w.u(random.GATHER, catalyst.id, w.t, 4096 * x + 16 * g + a)
                seat = seats[index(u, len(seats))]
                if not seat.alive or seat in group or not seat.free:
                    continue
                if domain in (seat.needs if g == 0 else seat.solutions):
                    group.append(seat)
                    break
        if len({seat.kind for seat in group}) >= 2:
            for i, j in pairs(group):
                w.meet(i, j)
            for seat in group:
                w.meet(catalyst, seat)
            w.proposals.append(Proposal(group, domain, catalyst))


def cases(w: Oracle, catalyst: Seat) -> list[Seat]:
    return [seat for seat in w.seats if seat.coach is catalyst]


def take_cases(w: Oracle, catalyst: Seat, share: float) -> None:
    if share == 0.0:
        return
    slots = math.floor(w.calendar.caseload * share * post(w, catalyst) + 0.5)
    for s in range(len(cases(w, catalyst)), slots):
        seat = pick(w, catalyst, s % 4, random.COACH, 16 * s,
                    lambda x: x.alive and x.coach is None, lambda x: 0.0)  # fmt: skip
        if seat is not None:
            seat.coach, seat.coached_until = catalyst, w.t + int(w.params.coaching_term)


def give_support(w: Oracle, present: list[Seat], share: float) -> None:
    for seat in w.seats:
        seat.support = 0.0
    for catalyst in present if share > 0.0 else []:
        supported = cases(w, catalyst)
        for seat in supported:
            seat.support = strength(len(supported) / (share * post(w, catalyst)))


def strength(n: float) -> float:
    """K(n): what one accompaniment is worth with n cases to a full post."""
    return clip((1.085 - 0.225 * math.log(n)) / 0.526, 0.15, 1.5) if n > 0 else 0.0


def open_place(w: Oracle, catalyst: Seat, share: float) -> None:
    if share == 0.0:
        return
    p, venue = w.params, w.places[catalyst.ordinal]
    venue.capacity = math.floor(p.place_capacity * share * post(w, catalyst) + 0.5)
    for s in range(len(venue.regulars), venue.capacity):
        for a in range(3):
            u, v = w.block(random.PLACE, catalyst.id, w.t, 16 * s + a)
            seats = w.of_commune.get(venue.commune, []) if u < p.place_local else w.everybody
            seat = seats[index(v, len(seats))] if seats else None
            if seat is not None and seat.alive and seat.place is None:
                seat.place, seat.place_until = venue, w.t + int(p.place_term)
                venue.regulars.append(seat)
                break


def send_home(w: Oracle, venue: Venue, closed: bool) -> None:
    """Regulars leave when their term is over, all of them when the catalyst is absent."""
    for seat in list(venue.regulars):
        if closed or seat.place_until <= w.t:
            venue.regulars.remove(seat)
            seat.place = None
    if closed:
        venue.capacity = 0


# -- 3 Rencontre, §7.6 ------------------------------------------------------------------------


def encounter(w: Oracle) -> None:
    p = w.params
    for i in w.seats:
        for j, entry in list(i.contacts.items()):
            if entry.bond.expiry <= w.t and not w.held(i, j):
                w.dissolve(i, j)
    rate = p.encounters * max(0.0, 1.0 - p.crisis_meetings * w.calendar.shock[w.t])
    for i in w.seats:
        if not i.alive:
            continue
        work = p.catalyst_encounters * post(w, i) if i.kind == CATALYST else 1.0
        u, v = w.block(random.ENCOUNTER, i.id, w.t, 0)
        for m in range(poisson(u, rate * work)):
            j = somebody(w, i, 1 + 16 * m)
            if j is not None:
                w.meet(i, j)
        if i.place is not None:
            regulars = i.place.regulars
            for m in range(poisson(v, rate * (p.place_encounters - 1.0))):
                j = regulars[index(w.u(random.PLACE_MEET, i.id, w.t, m), len(regulars))]
                if j is not i:
                    w.meet(i, j, "place")


def somebody(w: Oracle, i: Seat, draw: int) -> Seat | None:
    """Whom i meets: a contact of a contact, or somebody of the commune or the territory."""
    p = w.params
    u, v = w.block(random.ENCOUNTER, i.id, w.t, draw)
    if u < p.p_closure and i.contacts:
        between = list(list(i.contacts)[index(v, len(i.contacts))].contacts)
        j = between[index(w.u(random.ENCOUNTER, i.id, w.t, draw + 1), len(between))]
        if j is not i:
            return j
    for a in range(4):
        u, v = w.block(random.ENCOUNTER, i.id, w.t, draw + 2 + a)
        near = u < p.p_commune and i.kind != CATALYST
        seats = w.of_commune[i.commune] if near else w.everybody
        j = seats[index(v, len(seats))]
        if j.alive and j is not i and (
            j.kind == i.kind
            or i.kind == CATALYST
            or w.u(random.ENCOUNTER, i.id, w.t, draw + 6 + a) < p.other_world
        ):  # fmt: skip
            return j
    return None


# -- 4 Confiance de départ, §7.7 --------------------------------------------------------------


def trust(w: Oracle) -> None:
    fresh = [(i, j, entry) for i in w.seats for j, entry in i.contacts.items() if entry.fresh]
    for i, j, entry in fresh:
        tau = w.tau(j.kind)
        lent = [known.trust * (b.contacts[j].trust - tau) for b, known in i.contacts.items()
                if j in b.contacts and not known.fresh and not b.contacts[j].fresh]  # fmt: skip
        entry.trust = tau + w.params.third_party * max([0.0, *lent])
    for _, _, entry in fresh:
        entry.fresh = False


# -- 5 Envie, §7.8 ----------------------------------------------------------------------------


def commitment(w: Oracle) -> None:
    p, cal, t = w.params, w.calendar, w.t
    old = {seat: seat.commitment for seat in w.seats if seat.alive}
    for i, c in old.items():
        total = sum(entry.trust for entry in i.contacts.values())
        around = sum(entry.trust * old[j] for j, entry in i.contacts.items())
        x = p.external + p.crisis_push * cal.shock[t]
        if i.kind == ELU:
            x += p.demand * max(0.0, cal.demand[t] - 0.75)
        if cal.odd[t]:
            x += p.odd_push
        x += i.imitation * (around / total if total > 0.0 else 0.0)
        x += p.visible_success * min(p.visible_cap, w.visible)
        c = c + (1.0 - c) * min(1.0, x) - p.wear * c
        c *= (1.0 - p.discouragement) ** i.setbacks
        c += (1.0 - c) * (1.0 - (1.0 - p.session_push) ** i.sessions)
        i.commitment = clip(c)
        i.setbacks = i.sessions = 0


# -- 6 Savoir-faire, §7.9 ---------------------------------------------------------------------


def know_how(w: Oracle) -> None:
    p = w.params
    old = {seat: seat.know_how for seat in w.seats if seat.alive}
    for i, e in old.items():
        fellows = [old[j] for alliance in i.alliances for j in alliance.members if j is not i]
        peers = max(0.0, sum(fellows) / len(fellows) - e) if fellows else 0.0
        coached = min(1.0, i.learning * p.coaching * i.support)
        e = e + (1.0 - e) * coached + p.peers * peers - p.forgetting * e
        e += (1.0 - e) * (1.0 - (1.0 - min(1.0, i.learning * p.learning)) ** i.wins)
        i.know_how = clip(e)
        i.wins = 0


# -- 7 Naissance, §7.10 -----------------------------------------------------------------------


def formation(w: Oracle) -> None:
    for proposal in w.proposals:
        answer(w, proposal)
    w.proposals = []
    candidates = [c for i in w.seats for c in considered(w, i)]
    for _, founders, outside in sorted(candidates, key=lambda candidate: candidate[0]):
        if not all(seat.free for seat in founders):
            continue
        if outside is not None:
            found_outside(w, founders[0], outside)
        elif not w.held(*founders):
            found_pair(w, *founders)


def answer(w: Oracle, proposal: Proposal) -> None:
    """A gathered group becomes an alliance, or not."""
    p = w.params
    group = [seat for seat in proposal.members if seat.alive and seat.free]
    if len({seat.kind for seat in group}) < 2:
        return
    match = mean([w.match(i, j) for i, j in pairs(group)])
    chance = logistic(
        p.birth_base + p.experiment_boost + p.birth_trust * w.mean_trust(group)
        + p.birth_maturity * min(seat.maturity for seat in group) + p.birth_match * match
        - p.birth_load * mean([seat.fraction for seat in group])
    )  # fmt: skip
    id = random.alliance_id([seat.id for seat in group], w.t)
    if w.u(random.BIRTH, id, w.t, 0) < chance:
        type = type_of(w, group, match, w.v(random.DOMAIN, id, w.t, 0))
        w.grow(w.found(group, proposal.domain, type, EXPERIMENT))


def considered(w: Oracle, i: Seat) -> list[tuple[float, list[Seat], int | None]]:
    """The candidates (rank, founders, kind of the outside partner) that i finds."""
    if not i.alive or i.kind == CATALYST or not i.free:
        return []
    p, found = w.params, []
    bound = logistic(p.birth_base + p.birth_trust + p.birth_maturity + p.birth_match)
    contacts, position, d = list(i.contacts), -1, 0
    while True:
        u = w.u(random.CONSIDER, i.id, w.t, d)
        position, d = position + geometric(u, 0.5 * p.attention * bound), d + 1
        if position >= len(contacts):
            break
        j = contacts[position]
        if j.kind in (i.kind, CATALYST) or not j.free or w.match(i, j) == 0 or w.held(i, j):
            continue
        chance = logistic(
            p.birth_base + p.birth_trust * (w.trust(i, j) + w.trust(j, i)) / 2.0
            + p.birth_maturity * min(i.maturity, j.maturity) + p.birth_match * w.match(i, j)
            - p.birth_load * (i.fraction + j.fraction) / 2.0
        )  # fmt: skip
        side = 0 if i.id < j.id else 1
        u, rank = w.block(random.BIRTH, random.pair(i.id, j.id), w.t, side)
        if u < chance / bound:
            found.append((rank, [i, j], None))
    u, rank = w.block(random.OUTSIDE, i.id, w.t, 0)
    kind = [world for world in range(4) if world != i.kind][index(u, 3)]
    chance = p.outside_attention * logistic(
        p.birth_base + p.birth_trust * w.tau(kind) + p.birth_maturity * i.maturity
        + p.birth_match * p.outside_match - p.birth_load * i.fraction
    )  # fmt: skip
    if w.v(random.CONSIDER, i.id, w.t, 0) < min(1.0, chance):
        found.append((rank, [i], kind))
    return found


def found_pair(w: Oracle, i: Seat, j: Seat) -> None:
    u, v = w.block(random.DOMAIN, random.alliance_id([i.id, j.id], w.t), w.t, 0)
    common = sorted(i.needs & j.solutions | j.needs & i.solutions)
    domain = common[index(u, len(common))]
    bond = i.contacts[j].bond if j in i.contacts else None
    origin = ENCOUNTER
    if bond is not None:
        origin = PLACE if bond.place else DIALOGUE if bond.dialogue else ENCOUNTER
    w.grow(w.found([i, j], domain, type_of(w, [i, j], w.match(i, j), v), origin))


def found_outside(w: Oracle, i: Seat, kind: int) -> None:
    u, v = w.block(random.DOMAIN, random.alliance_id([i.id], w.t), w.t, 0)
    needs = sorted(i.needs)
    type = type_of(w, [i], w.params.outside_match, v)
    w.found([i], needs[index(u, len(needs))], type, ENCOUNTER, outside=kind)


def type_of(w: Oracle, founders: list[Seat], match: float, v: float) -> int:
    p, m = w.params, mean([seat.maturity for seat in founders])
    largest = {COMPANY: 4, ASSOCIATION: 3}
    budget = max(s.size_class / largest[s.kind] if s.kind in largest else 0.0 for s in founders)
    utilities = [
        p.type_mecenat + p.type_mecenat_budget * budget,
        p.type_innovation + p.type_innovation_maturity * m,
        p.type_cooperation + p.type_cooperation_match * match,
        p.type_responsible + p.type_responsible_maturity * m,
    ]
    return weighted(v, [math.exp(x - max(utilities)) for x in utilities])


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


# -- 8 Vie, §7.11 -----------------------------------------------------------------------------


def life(w: Oracle) -> None:
    for alliance in list(w.alliances):
        if alliance.cause == LIVING and alliance.born < w.t:
            live(w, alliance)


def live(w: Oracle, a: Alliance) -> None:
    p = w.params
    support = max(seat.support for seat in a.members)
    if support > 0.0:
        a.supported += 1
    if (w.t - a.born) % p.success_clock == 0:
        result(w, a, support)
    if a.cause == LIVING and w.u(random.HAZARD, a.id, w.t, 0) < hazard(w, a, support):
        tired = all(not s.free or s.commitment < p.faded_commitment for s in a.members)
        w.end(a, FADED if tired else FAILED)


def result(w: Oracle, a: Alliance, support: float) -> None:
    """The joint result of one clock."""
    p, cal = w.params, w.calendar
    chance = logistic(
        p.success_base + p.success_trust * w.mean_trust(a.members, a)
        + p.success_maturity * mean([seat.maturity for seat in a.members])
        + support * math.log(p.support_success) - p.crisis_resources * cal.shock[w.t]
        - cal.scissors * p.scissors_means * w.t / (12.0 * cal.substeps)
    )  # fmt: skip
    if w.u(random.RESULT, a.id, w.t, 0) < chance:
        succeed(w, a)
    else:
        fail(w, a)


def succeed(w: Oracle, a: Alliance) -> None:
    p = w.params
    a.successes, a.streak = a.successes + 1, 0
    w.results.append(a)
    change_trust(a, lambda x: x + p.trust_gain * (1.0 - x))
    for seat in a.members:
        seat.wins += 1
    if a.successes >= p.climb_successes:
        a.rung = 1
    if a.successes >= p.complete_successes:
        w.end(a, COMPLETED)
    elif a.rung == 1:
        w.grow(a)


def fail(w: Oracle, a: Alliance) -> None:
    p = w.params
    a.failures, a.streak = a.failures + 1, a.streak + 1
    change_trust(a, lambda x: x * (1.0 - min(0.8, p.trust_asymmetry * p.trust_gain)))
    for seat in a.members:
        seat.setbacks += 1


def change_trust(a: Alliance, change: Callable[[float], float]) -> None:
    for i in a.members:
        for j in a.members:
            if j in i.contacts:
                i.contacts[j].trust = change(i.contacts[j].trust)
    if a.outside is not None:
        a.outside_trust = change(a.outside_trust)


def hazard(w: Oracle, a: Alliance, support: float) -> float:
    p = w.params
    h = p.hazard * math.exp(
        -p.hazard_trust * (w.mean_trust(a.members, a) - 0.6) + p.hazard_failures * a.streak
    )
    return 1.0 - math.exp(-h * (p.support_hazard if support > 0.0 else 1.0))


# -- 9 Effets, §7.12 --------------------------------------------------------------------------


def outcomes(w: Oracle) -> None:
    p, n = w.params, living_actors(w)
    for domain in range(17):
        successes = sum(a.domain == domain for a in w.results)
        out = delayed(w.lag[domain], successes * 100.0 / n, p.performance_lag)
        w.fragility[domain] = clip(w.fragility[domain] - p.fragility_gain * out, 0.0, 100.0)
    out = 0.0
    for stages, type, mean_lag in ((w.lag[17], COOPERATION, p.performance_lag),
                                   (w.lag[18], INNOVATION, p.innovation_lag)):  # fmt: skip
        out += delayed(stages, sum(a.type == type for a in w.results) * 100.0 / n, mean_lag)
    w.engines = clip(w.engines + p.engine_gain * out, 0.0, 100.0)


def living_actors(w: Oracle) -> int:
    return sum(seat.alive for seat in w.everybody)


def delayed(stages: list[float], inflow: float, mean_lag: float) -> float:
    """Two stages of equal mean; what comes out of the second."""
    out1, out2 = 2.0 * stages[0] / mean_lag, 2.0 * stages[1] / mean_lag
    stages[0] += inflow - out1
    stages[1] += out1 - out2
    return out2


# -- 10 Reconnaissance, §7.13 -----------------------------------------------------------------


def recognition(w: Oracle) -> None:
    p = w.params
    shown = sum(a.recognised is not None for a in w.results)
    for a in w.alliances:
        if a.cause == LIVING and a.recognised is None:
            chance = p.recognise
            if w.calendar.july[w.t] and a.rung == 1:
                chance = 1.0 - (1.0 - chance) * (1.0 - p.gathering)
            if w.u(random.RECOGNISE, a.id, w.t, 0) < chance:
                a.recognised = w.t
    w.visible_log = [*w.visible_log[1:], shown]
    w.visible = 100.0 / living_actors(w) * sum(w.visible_log)


SCHEDULE: dict[str, Callable[[Oracle], None]] = {
    "context": context,
    "catalysis": catalysis,
    "encounter": encounter,
    "trust": trust,
    "commitment": commitment,
    "know_how": know_how,
    "formation": formation,
    "life": life,
    "outcomes": outcomes,
    "recognition": recognition,
}
