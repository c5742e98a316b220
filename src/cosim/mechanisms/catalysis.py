"""Catalyse: the catalysts spend their time on four métiers (2).

Des catalyseurs font se rencontrer, essayer, apprendre, et tiennent un lieu. ODD §7.5.
"""

from __future__ import annotations

import math

import numpy as np

from cosim.compiled import kernel
from cosim.mechanisms.bonds import has_room, log_event, match
from cosim.mechanisms.contacts import meet
from cosim.mechanisms.context import presence
from cosim.mechanisms.levers import public_seat
from cosim.mechanisms.occupants import leave_place, weighted_domain
from cosim.state import (
    CATALYSEUR,
    COMPETENCES,
    COMPLEMENTARY,
    DIALOGUE_BORN,
    DONNEES,
    FROM_NEEDS,
    HUBS,
    J_ACTION,
    LARGE_STEP,
    MAX_MEMBERS,
    MAX_REGULARS,
    N_DOMAINS,
    N_WORLDS,
    NOBODY,
    OUTILS,
    PERIPHERY,
    RANDOM,
    SMALL_STEP,
    TERRITOIRES,
)
from cosim.streams import (
    COACH,
    EXPERIMENT,
    FACE,
    GATHER,
    PHASE,
    PLACE,
    SESSION,
    block,
    index,
    pair,
    uniform,
)


@kernel
def caseload_effect(n):
    """Return K(n), the effect of accompaniment at `n` actors per FTE; K(12) = 1.

    Re-estimated from the 23 trials of Baskerville et al. 2012 (Ann Fam Med 10:63).
    """
    if n <= 0.0:
        return 0.0
    return min(1.5, max(0.15, (1.085 - 0.225 * math.log(n)) / 0.526))


@kernel
def count_of(state, per_year, f, which, id, month, key):
    """Return how many of `per_year` actions of `id` fall in this step, spread evenly."""
    r = per_year * f / (12.0 * state.settings.substeps)
    phase = uniform(key, PHASE, id, 0, which)
    return np.int64(math.floor(r * (month + 1) + phase) - math.floor(r * month + phase))


@kernel
def _informed(state, params):
    """Return how many more candidates a catalyst compares thanks to data on the territory."""
    dose = state.territory.doses[DONNEES, TERRITOIRES]
    return np.int64(math.floor(params.donnees_candidates * dose + 0.5))


@kernel
def _equipped(state, params):
    """Return the factor on a catalyst's rates of action that tools give."""
    return 1.0 + params.outils_actions * state.territory.doses[OUTILS, TERRITOIRES]


@kernel
def _score(state, policy, i, first):
    if policy == HUBS:
        return float(state.actors.contacts[i])
    if policy == PERIPHERY:
        return -float(state.actors.contacts[i])
    if first == NOBODY or state.actors.kind[i] == state.actors.kind[first]:
        return 0.0
    return match(state.actors, i, first)


@kernel
def pick(state, params, kind, purpose, cat, month, base, chosen, n_chosen, uncoached, key):
    """Return the row that is invited by the policy of the scenario, or NOBODY.

    `chosen[:n_chosen]` may not be picked again; with `uncoached`, nor may the accompanied.
    """
    actors = state.actors
    policy = np.int64(state.settings.invitation)
    first = state.territory.seats[kind]
    n = state.territory.seats[kind + 1] - first
    tries = 3
    if policy != RANDOM:
        tries = np.int64(params.invitation_draws) + _informed(state, params)
    leader = chosen[0] if policy == COMPLEMENTARY and n_chosen > 0 else NOBODY
    best = NOBODY
    best_score = 0.0
    if n == 0:
        return best
    for a in range(tries):
        u = uniform(key, purpose, actors.id[cat], month, base + a)
        i = state.order[first + index(u, n)]
        valid = actors.alive[i] and not (uncoached and actors.coach[i] != NOBODY)
        for k in range(n_chosen):
            valid = valid and chosen[k] != i
        if not valid:
            continue
        if policy == RANDOM:
            return i
        score = _score(state, policy, i, leader)
        if best == NOBODY or score > best_score:
            best = i
            best_score = score
    return best


@kernel
def convene(state, params, cat, group, n, number, month, key):
    """Hold a dialogue session with `group[:n]`: each pair may meet face to face."""
    actors = state.actors
    for x in range(n):
        actors.sessions[group[x]] += 1
        meet(state, params, cat, group[x], DIALOGUE_BORN, month, key)
    for x in range(n):
        for y in range(x + 1, n):
            u = uniform(key, FACE, pair(actors.id[group[x]], actors.id[group[y]]), month, number)
            if u < params.p_meet:
                meet(state, params, group[x], group[y], DIALOGUE_BORN, month, key)


@kernel
def _dialogue(state, params, cat, k, f, month, key):
    per_year = params.sessions_per_fte * state.settings.mix[0] * _equipped(state, params)
    id = state.actors.id[cat]
    size = np.int64(state.settings.session)
    group = np.empty(size, np.int64)
    touched = 0
    for s in range(count_of(state, per_year, f, 0, id, month, key)):
        n = 0
        for g in range(size):
            base = (64 * s + g) * 16
            i = pick(state, params, g % N_WORLDS, SESSION, cat, month, base, group, n, False, key)
            if i != NOBODY:
                group[n] = i
                n += 1
        convene(state, params, cat, group, n, 64 * k + s, month, key)
        touched += n
    return touched


@kernel
def _starting_domain(state, u):
    """Return the domain that an experiment starts from: what is fragile, or what is offered."""
    actors = state.actors
    territory = state.territory
    if state.settings.matching == FROM_NEEDS:
        return weighted_domain(territory.fragility, territory.domains, u)
    offers = np.zeros(N_DOMAINS)
    for i in range(actors.shape[0]):
        if actors.alive[i] and actors.kind[i] < N_WORLDS:
            for d in range(N_DOMAINS):
                offers[d] += actors.solutions[i] >> d & 1
    return weighted_domain(offers, territory.domains, u) if offers.sum() > 0.0 else NOBODY


@kernel
def _group_size(state, v):
    if state.settings.first_step == SMALL_STEP:
        return 2 + index(v, 2)
    if state.settings.first_step == LARGE_STEP:
        return 8 + index(v, 5)
    return 3 + index(v, 3)


@kernel
def _experiment(state, params, id, cat, x, month, key):
    """Gather the group of experiment `x` of `id`; return its size, or 0 without two worlds.

    `cat` is the catalyst who meets them, or NOBODY when the experiment is only funded.
    """
    actors = state.actors
    u, v = block(key, EXPERIMENT, id, month, 4096 * x)
    domain = _starting_domain(state, u)
    if domain == NOBODY:
        return 0
    from_needs = state.settings.matching == FROM_NEEDS
    first = index(uniform(key, EXPERIMENT, id, month, 4096 * x + 1), 4)
    group = np.empty(MAX_MEMBERS, np.int64)
    n = 0
    kinds = 0
    for g in range(_group_size(state, v)):
        kind = (first + g) % N_WORLDS
        base = state.territory.seats[kind]
        seats = state.territory.seats[kind + 1] - base
        for a in range(12 + _informed(state, params)):
            if seats == 0:
                break
            u = uniform(key, GATHER, id, month, 4096 * x + 64 * g + a)
            i = state.order[base + index(u, seats)]
            wanted = actors.needs[i] if (g == 0) == from_needs else actors.solutions[i]
            free = has_room(actors, i) and wanted >> domain & 1
            for y in range(n):
                free = free and group[y] != i
            if free:
                group[n] = i
                n += 1
                kinds |= 1 << kind
                break
    if kinds & (kinds - 1) == 0:
        return 0
    for p in range(n):
        for q in range(p + 1, n):
            meet(state, params, group[p], group[q], 0, month, key)
    if cat != NOBODY:
        for p in range(n):
            meet(state, params, cat, group[p], 0, month, key)
    proposals = state.proposals
    territory = state.territory
    row = territory.n_proposals
    if row == proposals.shape[0]:
        territory.overflow = 2
        return n
    territory.n_proposals = row + 1
    proposals.n_members[row] = n
    proposals.domain[row] = domain
    for p in range(n):
        proposals.members[row, p] = group[p]
    return n


@kernel
def _funded_experiments(state, params, month, key):
    """Let money alone start experiments, without a catalyst."""
    trials = state.calendar.trials[month]
    if trials == 0.0:
        return
    id = public_seat(state, 0)
    for x in range(count_of(state, trials / params.trial_cost, 1.0, 1, id, month, key)):
        _experiment(state, params, id, NOBODY, x, month, key)


@kernel
def _public_places(state, params, month, key):
    """Fill the public places that are open."""
    first = state.territory.seats[CATALYSEUR + 1] - state.territory.seats[CATALYSEUR]
    for q in range(state.calendar.lieux[month]):
        id = public_seat(state, 1 + q)
        capacity = np.int64(state.settings.lieux_capacity)
        _place(state, params, id, first + q, q, capacity, month, key)


@kernel
def _release_cases(state, month):
    actors = state.actors
    keep = state.settings.mix[2] > 0.0
    for i in state.order:
        cat = actors.coach[i]
        if cat != NOBODY and not (keep and actors.coached_until[i] > month and actors.alive[cat]):
            actors.coach[i] = NOBODY
            actors.support[i] = 0.0


@kernel
def _cases(state, cat):
    n = 0
    for i in state.order:
        n += state.actors.coach[i] == cat
    return n


@kernel
def _accompany(state, params, cat, f, month, key):
    actors = state.actors
    posts = state.settings.mix[2] * f
    slots = np.int64(math.floor(state.settings.caseload * posts + 0.5))
    cases = _cases(state, cat)
    nobody = np.empty(1, np.int64)
    for s in range(cases, slots):
        i = pick(state, params, s % N_WORLDS, COACH, cat, month, 16 * s, nobody, 0, True, key)
        if i != NOBODY:
            actors.coach[i] = cat
            actors.coached_until[i] = month + np.int64(params.coaching_term)
            cases += 1
    effect = caseload_effect(cases / posts) if posts > 0.0 else 0.0
    trained = state.territory.doses[COMPETENCES, TERRITOIRES]
    effect *= 1.0 + params.competences_coaching * trained
    for i in state.order:
        if actors.coach[i] == cat:
            actors.support[i] = effect
    return cases


@kernel
def _place(state, params, id, row, k, capacity, month, key):
    """Open place `row`, in the k-th largest commune, and fill its free seats."""
    actors = state.actors
    places = state.places
    commune = state.communes.by_size[k % (state.communes.shape[0] - 1)]
    places.commune[row] = commune
    places.capacity[row] = min(capacity, MAX_REGULARS)
    first = state.communes.start[commune]
    near = state.communes.start[commune + 1] - first
    everyone = state.territory.seats[CATALYSEUR]
    for s in range(places.count[row], places.capacity[row]):
        for a in range(3):
            u, v = block(key, PLACE, id, month, 16 * s + a)
            if u < params.place_local and near > 0:
                i = state.residents[first + index(v, near)]
            else:
                i = state.order[index(v, everyone)]
            if actors.alive[i] and actors.place[i] == NOBODY:
                actors.place[i] = row
                actors.place_until[i] = month + np.int64(params.place_term)
                places.regulars[row, places.count[row]] = i
                places.count[row] += 1
                break
    return places.count[row]


@kernel
def _empty_places(state, month):
    actors = state.actors
    places = state.places
    first = state.territory.seats[CATALYSEUR]
    n = state.territory.seats[CATALYSEUR + 1] - first
    for p in range(places.shape[0]):
        if p < n:
            here = actors.alive[state.order[first + p]] and state.settings.mix[3] > 0.0
        else:
            here = p - n < state.calendar.lieux[month]
        if not here:
            places.capacity[p] = 0
        k = 0
        while k < places.count[p]:
            i = places.regulars[p, k]
            if not here or actors.place_until[i] <= month:
                leave_place(state, i)
            else:
                k += 1


@kernel
def catalysis(state, params, month, key):
    """Let every catalyst present spend this step on dialogue, trial, coaching and place."""
    actors = state.actors
    calendar = state.calendar
    first = state.territory.seats[CATALYSEUR]
    n = state.territory.seats[CATALYSEUR + 1] - first
    if n > 0:
        _release_cases(state, month)
    _empty_places(state, month)
    cost = params.fte_cost / (12.0 * state.settings.substeps)
    for k in range(n):
        cat = state.order[first + k]
        f = presence(calendar, month, k)
        if not actors.alive[cat] or f == 0.0:
            continue
        for metier in range(4):
            share = state.settings.mix[metier]
            if share == 0.0:
                continue
            if metier == 0:
                touched = _dialogue(state, params, cat, k, f, month, key)
            elif metier == 1:
                touched = 0
                per_year = params.experiments_per_fte * share * _equipped(state, params)
                id = actors.id[cat]
                for x in range(count_of(state, per_year, f, 1, id, month, key)):
                    touched += _experiment(state, params, id, cat, x, month, key)
            elif metier == 2:
                touched = _accompany(state, params, cat, f, month, key)
            else:
                posts = params.place_capacity * share * f
                capacity = np.int64(math.floor(posts + 0.5))
                touched = _place(state, params, actors.id[cat], k, k, capacity, month, key)
            paid = cost * share * f * calendar.own_fte[month] / calendar.fte[month]
            log_event(state, J_ACTION, month, metier, actors.id[cat], touched, paid)
    _funded_experiments(state, params, month, key)
    _public_places(state, params, month, key)
