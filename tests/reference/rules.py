"""ODD §7.4 to §7.13: the ten mechanisms, one function per paragraph.

§7.14 (levers) and §7.15 (rival rules) are in files of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from . import levers, rivals
from . import philox as random
from .model import (
    ACADEMIC,
    ASSOCIATION,
    CATALYST,
    COMPANY,
    COMPETENCES,
    COMPLETED,
    COOPERATION,
    DIALOGUE,
    DONNEES,
    ELU,
    ENCOUNTER,
    EXPERIMENT,
    FADED,
    FAILED,
    INNOVATION,
    INSTITUTIONS,
    KINDS,
    LIVING,
    OUTILS,
    PLACE,
    PROFILES,
    TERRITOIRES,
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
    rivals.one_level(w, seat)
    for contact, entry in seat.contacts.items():
        for side, who in ((entry, contact), (contact.contacts[seat], seat)):
            tau = w.tau(who.kind)
            side.trust = tau + p.inherit_trust * max(0.0, side.trust - tau)
            side.evidence = rivals.weight(side.trust, tau)


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
    rivals.one_level(w, seat)
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
    catalysts = w.of_kind[CATALYST]
    own, public = w.places[: len(catalysts)], w.places[len(catalysts) :]
    for catalyst, venue in zip(catalysts, own, strict=True):
        send_home(w, venue, closed=not catalyst.alive)
    for q, venue in enumerate(public):
        send_home(w, venue, closed=q >= w.calendar.lieux[w.t])
    for catalyst in present:
        hold_sessions(w, catalyst, dialogue)
        run_experiments(w, catalyst, experimentation)
        take_cases(w, catalyst, accompaniment)
        open_place(w, catalyst, place)
    give_support(w, present, accompaniment)
    run_funded_experiments(w)
    for q, venue in enumerate(public[: w.calendar.lieux[w.t]]):
        venue.capacity = w.calendar.lieux_capacity
        fill(w, venue, levers.public_seat(w, 1 + q))


def post(w: Oracle, catalyst: Seat) -> float:
    """f_k, the catalyst's share of a full post."""
    return min(1.0, w.calendar.fte[w.t] - catalyst.ordinal)


def actions(w: Oracle, catalyst: Seat, rate: float, which: int) -> int:
    """Sessions or experiments of this step; tools for the territory make them more."""
    more = 1.0 + w.params.outils_actions * w.doses[OUTILS][TERRITOIRES]
    return count(w, catalyst.id, rate * more * post(w, catalyst), which)


def count(w: Oracle, id: int, rate: float, which: int) -> int:
    r = rate / (12.0 * w.calendar.substeps)
    phase = w.u(random.PHASE, id, 0, which)
    return math.floor(r * (w.t + 1) + phase) - math.floor(r * w.t + phase)


def pick(w: Oracle, catalyst: Seat, kind: int, purpose: int, base: int,
         valid: Callable[[Seat], bool], score: Callable[[Seat], float]) -> Seat | None:  # fmt: skip
    seats = w.of_kind[kind]
    if not seats:
        return None
    policy = w.calendar.invitation
    draws = 3 if policy == "random" else int(w.params.invitation_draws) + informed(w)
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


def informed(w: Oracle) -> int:
    """More candidates, from data about the territory."""
    more = w.params.donnees_candidates * w.doses[DONNEES][TERRITOIRES]
    return math.floor(more + 0.5)


def hold_sessions(w: Oracle, catalyst: Seat, share: float) -> None:
    p, cal = w.params, w.calendar
    for s in range(actions(w, catalyst, p.sessions_per_fte * share, 0)):
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
    for x in range(actions(w, catalyst, w.params.experiments_per_fte * share, 1)):
        for seat in experiment(w, catalyst.id, x):
            w.meet(catalyst, seat)


#: First step of an experiment: its smallest group, and how many sizes there are from there.
MEDIUM, SMALL, LARGE = range(3)
FIRST_STEPS = {MEDIUM: (3, 3), SMALL: (2, 2), LARGE: (8, 5)}
NEEDS = 0  # matching starts from these, or from solutions


def run_funded_experiments(w: Oracle) -> None:
    seat = levers.public_seat(w, 0)
    for x in range(count(w, seat, w.calendar.trials[w.t] / w.params.trial_cost, 1)):
        experiment(w, seat, x)


def experiment(w: Oracle, id: int, x: int) -> list[Seat]:
    """The group of one experiment, which becomes a proposal; nobody without two worlds."""
    from_needs = w.calendar.matching == NEEDS
    u, v = w.block(random.EXPERIMENT, id, w.t, 4096 * x)
    weights = [w.fragility[d] if from_needs else offers(w, d) for d in w.domains]
    if not from_needs and not any(weights):
        return []
    domain = w.domains[weighted(u, weights)]
    least, sizes = FIRST_STEPS[w.calendar.first_step]
    first = index(w.u(random.EXPERIMENT, id, w.t, 4096 * x + 1), 4)
    group: list[Seat] = []
    for g in range(least + index(v, sizes)):
        seats = w.of_kind[(first + g) % 4]
        for a in range(12 + informed(w) if seats else 0):
            u = w.u(random.GATHER, id, w.t, 4096 * x + 64 * g + a)
            seat = seats[index(u, len(seats))]
            if not seat.alive or seat in group or not seat.free:
                continue
            if domain in (seat.needs if (g == 0) == from_needs else seat.solutions):
                group.append(seat)
                break
    if len({seat.kind for seat in group}) < 2:
        return []
    for i, j in pairs(group):
        w.meet(i, j)
    w.proposals.append(Proposal(group, domain))
    return group


def offers(w: Oracle, domain: int) -> int:
    """How many living actors have a solution in the domain."""
    return sum(seat.alive and domain in seat.solutions for seat in w.everybody)


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
    skilled = 1.0 + w.params.competences_coaching * w.doses[COMPETENCES][TERRITOIRES]
    for catalyst in present if share > 0.0 else []:
        supported = cases(w, catalyst)
        for seat in supported:
            worth = levers.strength(len(supported) / (share * post(w, catalyst)))
            seat.support = worth * skilled


def open_place(w: Oracle, catalyst: Seat, share: float) -> None:
    if share == 0.0:
        return
    venue = w.places[catalyst.ordinal]
    venue.capacity = math.floor(w.params.place_capacity * share * post(w, catalyst) + 0.5)
    fill(w, venue, catalyst.id)


def fill(w: Oracle, venue: Venue, id: int) -> None:
    """Free seats of an open place look for a regular."""
    p = w.params
    for s in range(len(venue.regulars), venue.capacity):
        for a in range(3):
            u, v = w.block(random.PLACE, id, w.t, 16 * s + a)
            seats = w.of_commune.get(venue.commune, []) if u < p.place_local else w.everybody
            seat = seats[index(v, len(seats))] if seats else None
            if seat is not None and seat.alive and seat.place is None:
                seat.place, seat.place_until = venue, w.t + int(p.place_term)
                venue.regulars.append(seat)
                break


def send_home(w: Oracle, venue: Venue, closed: bool) -> None:
    """Regulars leave when their term is over, all of them when the place is closed."""
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
        position = 0
        while position < len(i.contacts):
            j = list(i.contacts)[position]
            if i.contacts[j].bond.expiry <= w.t and not w.held(i, j):
                w.dissolve(i, j)
            else:
                position += 1
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
            more = (p.place_encounters - 1.0) * w.affinity(i, "lieu")
            for m in range(poisson(v, rate * more)):
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
        news = [known.trust * (b.contacts[j].trust - tau) for b, known in i.contacts.items()
                if j in b.contacts and not known.fresh and not b.contacts[j].fresh]  # fmt: skip
        entry.trust = tau + w.params.third_party * rivals.lent(w, news)
        entry.evidence = rivals.weight(entry.trust, tau)
    for _, _, entry in fresh:
        entry.fresh = False


# -- 5 Envie, §7.8 ----------------------------------------------------------------------------


def commitment(w: Oracle) -> None:
    p, cal, t = w.params, w.calendar, w.t
    old = {seat: seat.commitment for seat in w.seats if seat.alive}
    for i, c in old.items():
        heard = {j: entry for j, entry in i.contacts.items() if rivals.hears(w, c, old[j])}
        total = sum(entry.trust for entry in heard.values())
        around = sum(entry.trust * old[j] for j, entry in heard.items())
        x = p.external + p.crisis_push * cal.shock[t]
        if i.kind == ELU:
            x += p.demand * max(0.0, cal.demand[t] - 0.75)
        if cal.odd[t]:
            x += p.odd_push
        x += i.imitation * (around / total if total > 0.0 else 0.0)
        x += p.visible_success * min(p.visible_cap, w.visible + from_elsewhere(w, "spread"))
        if i.kind == ELU and from_elsewhere(w, "ahead") > 0.0:
            x += p.neighbour_imitation * from_elsewhere(w, "ahead")
        x += p.donnees_push * w.dose(DONNEES, i)
        c = c + (1.0 - c) * min(1.0, x) - p.wear * c
        c *= (1.0 - p.discouragement * levers.shield(w)) ** i.setbacks
        push = min(1.0, p.session_push * w.affinity(i, "dialogue"))
        c += (1.0 - c) * (1.0 - (1.0 - push) ** i.sessions)
        i.commitment = clip(c)
        if rivals.scalar(w):
            i.know_how = i.commitment
        i.setbacks = i.sessions = 0


def from_elsewhere(w: Oracle, row: str) -> float:
    """What a run of France writes into the calendar (§7.17); a territory alone has no such row."""
    rows = vars(w.calendar).get(row)
    return 0.0 if rows is None else rows[w.t]


# -- 6 Savoir-faire, §7.9 ---------------------------------------------------------------------


def know_how(w: Oracle) -> None:
    p = w.params
    old = {seat: seat.know_how for seat in w.seats if seat.alive}
    for i, e in old.items():
        fellows = [old[j] for alliance in i.alliances for j in alliance.members if j is not i]
        peers = max(0.0, sum(fellows) / len(fellows) - e) if fellows else 0.0
        coaching = p.coaching * i.support * w.affinity(i, "accompagnement")
        taught = min(1.0, i.learning * coaching) + min(
            1.0, i.learning * p.competences_training * w.dose(COMPETENCES, i)
        )
        e = e + (1.0 - e) * taught + p.peers * peers - p.forgetting * e
        e += (1.0 - e) * (1.0 - (1.0 - min(1.0, i.learning * p.learning)) ** i.wins)
        i.know_how = clip(e)
        if rivals.scalar(w):
            i.commitment = i.know_how
        i.wins = 0


# -- 7 Naissance, §7.10 -----------------------------------------------------------------------


@dataclass
class Candidate:
    """An alliance that may be founded in its turn."""

    rank: float
    founders: list[Seat]
    outside: int | None = None  # kind of the partner
    needs_prime: bool = False


def formation(w: Oracle) -> None:
    prime = levers.prime(w)
    for proposal in w.proposals:
        answer(w, proposal, prime)
    w.proposals = []
    candidates = [c for i in w.seats for c in considered(w, i, prime)]
    for candidate in sorted(candidates, key=lambda candidate: candidate.rank):
        founders = candidate.founders
        if not all(seat.free for seat in founders) or (candidate.needs_prime and w.purse == 0.0):
            continue
        if candidate.outside is not None:
            found_outside(w, founders[0], candidate.outside)
        elif not w.held(*founders):
            found_pair(w, *founders)
            levers.pay_prime(w)


def answer(w: Oracle, proposal: Proposal, prime: float) -> None:
    """A gathered group becomes an alliance, or not."""
    p = w.params
    group = [seat for seat in proposal.members if seat.alive and seat.free]
    if len({seat.kind for seat in group}) < 2:
        return
    match = mean([w.match(i, j) for i, j in pairs(group)])
    boost = p.experiment_boost * mean([w.affinity(seat, "experimentation") for seat in group])
    logit = (
        p.birth_base + boost + p.birth_trust * w.mean_trust(group)
        + p.birth_maturity * min(seat.maturity for seat in group) + p.birth_match * match
        + p.birth_means * mean([seat.means for seat in group])
        - p.birth_load * mean([seat.fraction for seat in group]) + levers.help_to(w, group)
    )  # fmt: skip
    id = random.alliance_id([seat.id for seat in group], w.t)
    u = w.u(random.BIRTH, id, w.t, 0)
    if u < logistic(logit if w.purse == 0.0 else logit + prime):
        type = type_of(w, group, match, w.v(random.DOMAIN, id, w.t, 0))
        w.grow(w.found(group, proposal.domain, type, EXPERIMENT))
        levers.pay_prime(w)


def considered(w: Oracle, i: Seat, prime: float) -> list[Candidate]:
    """The candidates that i finds: among its contacts, then outside."""
    if not i.alive or i.kind == CATALYST or not i.free:
        return []
    p = w.params
    quarter = math.ceil(4.0 * i.maturity) / 4.0
    highest = p.birth_base + p.birth_trust + p.birth_maturity * quarter + p.birth_match
    highest += p.birth_means * (1.0 + i.means) / 2.0
    bound = logistic(highest)
    found = [
        Candidate(rank, [i, j])
        for j, logit, u, rank in looked_at(w, i, bound, random.CONSIDER, random.BIRTH)
        if u < logistic(logit) / bound
    ]
    if levers.help_pairs(w, prime):
        raised = p.droit_barrier * w.calendar.droit[w.t] + prime + w.relief(i) / 2.0
        bound = logistic(highest + raised)
        for j, logit, u, rank in looked_at(w, i, bound, random.LEVER, random.EXTRA):
            unpaid = logit + levers.help_to(w, [i, j])
            before = logistic(logit)
            if u < (logistic(unpaid + prime) - before) / bound:
                needs_prime = u >= (logistic(unpaid) - before) / bound
                found.append(Candidate(rank, [i, j], needs_prime=needs_prime))
    u, rank = w.block(random.OUTSIDE, i.id, w.t, 0)
    kind = [world for world in range(4) if world != i.kind][index(u, 3)]
    chance = p.outside_attention * logistic(
        p.birth_base + p.birth_trust * w.tau(kind) + p.birth_maturity * i.maturity
        + p.birth_match * p.outside_match + p.birth_means * i.means
        - p.birth_load * i.fraction + levers.help_to(w, [i])
    )  # fmt: skip
    if w.v(random.CONSIDER, i.id, w.t, 0) < min(1.0, chance):
        found.append(Candidate(rank, [i], outside=kind))
    return found


def looked_at(
    w: Oracle, i: Seat, bound: float, consider: int, birth: int
) -> list[tuple[Seat, float, float, float]]:
    """The contacts that i considers in one pass: (contact, logit of a birth, draw, rank)."""
    p, contacts, position, d = w.params, list(i.contacts), -1, 0
    seen: list[tuple[Seat, float, float, float]] = []
    while True:
        u = w.u(consider, i.id, w.t, d)
        position, d = position + geometric(u, 0.5 * p.attention * bound), d + 1
        if position >= len(contacts):
            return seen
        j = contacts[position]
        if j.kind in (i.kind, CATALYST) or not j.free or w.match(i, j) == 0 or w.held(i, j):
            continue
        logit = (
            p.birth_base + p.birth_trust * (w.trust(i, j) + w.trust(j, i)) / 2.0
            + p.birth_maturity * min(i.maturity, j.maturity) + p.birth_match * w.match(i, j)
            + p.birth_means * (i.means + j.means) / 2.0
            - p.birth_load * (i.fraction + j.fraction) / 2.0
        )  # fmt: skip
        side = 0 if i.id < j.id else 1
        seen.append((j, logit, *w.block(birth, random.pair(i.id, j.id), w.t, side)))


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
    budget = max(seat.budget for seat in founders)
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
    levers.engineers_choose(w)
    help = levers.engineering(w)
    for alliance in list(w.alliances):
        if alliance.cause == LIVING and alliance.born < w.t:
            live(w, alliance, help)


def live(w: Oracle, a: Alliance, help: float) -> None:
    p = w.params
    support = max(seat.support for seat in a.members)
    if a.followed > w.t:
        support = max(support, help)
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
        + p.outils_means * w.doses[OUTILS][INSTITUTIONS]
    )  # fmt: skip
    if w.u(random.RESULT, a.id, w.t, 0) < chance:
        succeed(w, a)
    else:
        fail(w, a)


def succeed(w: Oracle, a: Alliance) -> None:
    p = w.params
    a.successes, a.streak = a.successes + 1, 0
    w.results.append(a)
    rivals.learn(w, a, success=True)
    for seat in a.members:
        seat.wins += 1
    if a.successes >= p.climb_successes:
        a.rung = 1
    if a.successes >= p.complete_successes:
        w.end(a, COMPLETED)
    elif a.rung == 1 or (w.calendar.first_step == SMALL and a.origin == EXPERIMENT):
        w.grow(a)


def fail(w: Oracle, a: Alliance) -> None:
    a.failures, a.streak = a.failures + 1, a.streak + 1
    rivals.learn(w, a, success=False)
    for seat in a.members:
        seat.setbacks += 1


def hazard(w: Oracle, a: Alliance, support: float) -> float:
    p = w.params
    patience = 1.0 - p.competences_patience * w.doses[COMPETENCES][INSTITUTIONS]
    h = p.hazard * math.exp(
        -p.hazard_trust * (w.mean_trust(a.members, a) - 0.6)
        + p.hazard_failures * patience * a.streak
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
    hidden = [a for a in w.alliances if a.cause == LIVING and a.recognised is None]
    more = levers.recognition(w, len(hidden))
    for a in hidden:
        chance = p.recognise
        if w.calendar.july[w.t] and a.rung == 1:
            chance = 1.0 - (1.0 - chance) * (1.0 - p.gathering)
        if more > 0.0:
            chance = 1.0 - (1.0 - chance) * (1.0 - more)
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
