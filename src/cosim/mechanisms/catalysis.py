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
from cosim.mechanisms.occupants import leave_place, weighted_domain
from cosim.state import (
    CATALYSEUR,
    COMPLEMENTARY,
    DIALOGUE_BORN,
    HUBS,
    J_ACTION,
    MAX_REGULARS,
    N_WORLDS,
    NOBODY,
    PERIPHERY,
    RANDOM,
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
def count_of(state, per_year, f, which, cat, month, key):
    """Return how many of `per_year` actions fall in this step, spread evenly."""
    r = per_year * f / (12.0 * state.settings.substeps)
    phase = uniform(key, PHASE, state.actors.id[cat], 0, which)
    return np.int64(math.floor(r * (month + 1) + phase) - math.floor(r * month + phase))


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
    tries = 3 if policy == RANDOM else np.int64(params.invitation_draws)
    leader = chosen[0] if policy == COMPLEMENTARY and n_chosen > 0 else NOBODY
    best = NOBODY
    best_score = 0.0
    if n == 0:
        return best
    for a in range(tries):
        u = uniform(key, purpose, actors.id[cat], month, base + a)
        i = state.actors.order[first + index(u, n)]
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
    per_year = params.sessions_per_fte * state.settings.mix[0]
    size = np.int64(state.settings.session)
    group = np.empty(size, np.int64)
    touched = 0
    for s in range(count_of(state, per_year, f, 0, cat, month, key)):
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
def _experiment(state, params, cat, x, month, key):
    actors = state.actors
    id = actors.id[cat]
    u, v = block(key, EXPERIMENT, id, month, 4096 * x)
    domain = weighted_domain(state.territory.fragility, state.territory.domains, u)
    size = 3 + index(v, 3)
    first = index(uniform(key, EXPERIMENT, id, month, 4096 * x + 1), 4)
    group = np.empty(5, np.int64)
    n = 0
    kinds = 0
    for g in range(size):
        kind = (first + g) % N_WORLDS
        base = state.territory.seats[kind]
        seats = state.territory.seats[kind + 1] - base
        for a in range(12):
            if seats == 0:
                break
            u = uniform(key, GATHER, id, month, 4096 * x + 16 * g + a)
            i = state.actors.order[base + index(u, seats)]
            wanted = actors.needs[i] if g == 0 else actors.solutions[i]
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
def _release_cases(state, month):
    actors = state.actors
    keep = state.settings.mix[2] > 0.0
    for i in state.actors.order:
        cat = actors.coach[i]
        if cat != NOBODY and not (keep and actors.coached_until[i] > month and actors.alive[cat]):
            actors.coach[i] = NOBODY
            actors.support[i] = 0.0


@kernel
def _cases(state, cat):
    n = 0
    for i in state.actors.order:
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
    for i in state.actors.order:
        if actors.coach[i] == cat:
            actors.support[i] = effect
    return cases


@kernel
def _place(state, params, cat, k, f, month, key):
    actors = state.actors
    places = state.places
    commune = state.communes.by_size[k % (state.communes.shape[0] - 1)]
    places.commune[k] = commune
    places.capacity[k] = min(
        np.int64(math.floor(params.place_capacity * state.settings.mix[3] * f + 0.5)),
        MAX_REGULARS,
    )
    first = state.communes.start[commune]
    near = state.communes.start[commune + 1] - first
    everyone = state.territory.seats[CATALYSEUR]
    for s in range(places.count[k], places.capacity[k]):
        for a in range(3):
            u, v = block(key, PLACE, actors.id[cat], month, 16 * s + a)
            if u < params.place_local and near > 0:
                i = state.residents[first + index(v, near)]
            else:
                i = actors.order[index(v, everyone)]
            if actors.alive[i] and actors.place[i] == NOBODY:
                actors.place[i] = k
                actors.place_until[i] = month + np.int64(params.place_term)
                places.regulars[k, places.count[k]] = i
                places.count[k] += 1
                break
    return places.count[k]


@kernel
def _empty_places(state, month):
    actors = state.actors
    places = state.places
    first = state.territory.seats[CATALYSEUR]
    for p in range(places.shape[0]):
        here = actors.alive[state.actors.order[first + p]] and state.settings.mix[3] > 0.0
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
    if n == 0:
        return
    _release_cases(state, month)
    _empty_places(state, month)
    cost = params.fte_cost / (12.0 * state.settings.substeps)
    for k in range(n):
        cat = state.actors.order[first + k]
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
                per_year = params.experiments_per_fte * share
                for x in range(count_of(state, per_year, f, 1, cat, month, key)):
                    touched += _experiment(state, params, cat, x, month, key)
            elif metier == 2:
                touched = _accompany(state, params, cat, f, month, key)
            else:
                touched = _place(state, params, cat, k, f, month, key)
            log_event(state, J_ACTION, month, metier, actors.id[cat], touched, cost * share * f)
