"""Who takes a seat, and what happens when one is left (ODD §7.1, §7.4)."""

from __future__ import annotations

import math

import numpy as np

from cosim.compiled import kernel
from cosim.mechanisms.bonds import leave
from cosim.mechanisms.contacts import base_trust, dissolve, slot_of
from cosim.mechanisms.doses import evidence_of
from cosim.state import (
    ASSOCIATION,
    BETA,
    CATALYSEUR,
    COMPANY,
    ELU,
    N_DOMAINS,
    NOBODY,
    SCALAR,
)
from cosim.streams import EXIT, LEVEL, NEEDS, TRAIT, block, geometric, normal, uniform

_GENERATION = np.uint64(1023)
_ONE = np.uint64(1)


@kernel
def clip01(x):
    """Return `x` held to [0, 1]."""
    return min(1.0, max(0.0, x))


@kernel
def _quantile(table, u):
    """Return the `u` quantile of a table of 1 025 equidistant quantiles."""
    x = u * 1024.0
    k = np.int64(x)
    return table[k] + (x - k) * (table[k + 1] - table[k])


@kernel
def _profile(params, profile):
    """Return the shifts (commitment, know-how, capacity) of a profile of collectivité."""
    if profile == 0:
        return (
            params.profile_batisseuse_c,
            params.profile_batisseuse_e,
            params.profile_batisseuse_capacity,
        )
    if profile == 1:
        return (
            params.profile_volontaire_c,
            params.profile_volontaire_e,
            params.profile_volontaire_capacity,
        )
    if profile == 2:
        return (
            params.profile_coordinatrice_c,
            params.profile_coordinatrice_e,
            params.profile_coordinatrice_capacity,
        )
    if profile == 3:
        return (
            params.profile_gestionnaire_c,
            params.profile_gestionnaire_e,
            params.profile_gestionnaire_capacity,
        )
    return (
        params.profile_idealiste_c,
        params.profile_idealiste_e,
        params.profile_idealiste_capacity,
    )


@kernel
def settle_levels(state, i):
    """Under the rule of one scalar maturity, give both levels of `i` their mean."""
    actors = state.actors
    if state.settings.maturity == SCALAR:
        mean = (actors.commitment[i] + actors.know_how[i]) / 2.0
        actors.commitment[i] = mean
        actors.know_how[i] = mean


@kernel
def draw_levels(state, params, i, key):
    """Draw commitment and know-how of a new occupant."""
    actors = state.actors
    id = actors.id[i]
    kind = actors.kind[i]
    u, v = block(key, LEVEL, id, 0, 0)
    if kind == COMPANY:
        rung = 3
        low = 0.0
        for k in range(3):
            share = (params.rse_rung_1, params.rse_rung_2, params.rse_rung_3)[k]
            if u < low + share:
                rung = k
                break
            low += share
        m = 0.25 * (rung + v)
        side, excess = block(key, LEVEL, id, 0, 1)
        other = m + (1.0 - m) * excess / 2.0
        if side < 0.5:
            actors.commitment[i] = m
            actors.know_how[i] = other
        else:
            actors.commitment[i] = other
            actors.know_how[i] = m
        return
    c = _quantile(state.beta[kind, 0], u)
    e = _quantile(state.beta[kind, 1], v)
    if kind == ELU:
        shift_c, shift_e, _ = _profile(params, actors.profile[i])
        c += shift_c
        e += shift_e
    elif kind == CATALYSEUR:
        c += params.catalyst_lead
        e += params.catalyst_lead
    actors.commitment[i] = clip01(c)
    actors.know_how[i] = clip01(e)


@kernel
def weighted_domain(fragility, domains, u):
    """Return the domain at quantile `u` of the bit set, with weights `fragility`."""
    total = 0.0
    for d in range(N_DOMAINS):
        if domains >> d & 1:
            total += fragility[d]
    target = u * total
    last = NOBODY
    low = 0.0
    for d in range(N_DOMAINS):
        if domains >> d & 1:
            last = d
            low += fragility[d]
            if target < low:
                return d
    return last


@kernel
def _draw_needs(state, i, key):
    actors = state.actors
    id = actors.id[i]
    domains = state.territory.domains
    fragility = state.territory.fragility
    u, v = block(key, NEEDS, id, 0, 0)
    first = weighted_domain(fragility, domains, u)
    actors.needs[i] = 1 << first | 1 << weighted_domain(fragility, domains & ~(1 << first), v)
    equal = np.ones(N_DOMAINS)
    u, v = block(key, NEEDS, id, 0, 1)
    first = weighted_domain(equal, domains, u)
    actors.solutions[i] = 1 << first | 1 << weighted_domain(equal, domains & ~(1 << first), v)


@kernel
def _exit_probability(params, kind):
    if kind == ELU:
        return params.exit_elu
    if kind == ASSOCIATION:
        return params.exit_association
    if kind == COMPANY:
        return params.exit_company
    return 0.0


@kernel
def _capacity(state, params, i):
    kind = state.actors.kind[i]
    if kind == ELU:
        capacity = params.capacity_elu + _profile(params, state.actors.profile[i])[2]
    elif kind == ASSOCIATION:
        capacity = params.capacity_association
    elif kind == COMPANY:
        capacity = params.capacity_company
    elif kind == CATALYSEUR:
        capacity = params.capacity_catalyseur
    else:
        capacity = params.capacity_academic
    return max(1, np.int64(capacity + 0.5))


@kernel
def draw_occupant(state, params, i, month, key):
    """Draw everything that a new occupant of seat `i` brings; the seat becomes taken."""
    actors = state.actors
    id = actors.id[i]
    actors.alive[i] = True
    actors.ever[i] = True
    actors.entered[i] = month
    draw_levels(state, params, i, key)
    settle_levels(state, i)
    sigma = params.imitation_spread
    u, v = block(key, TRAIT, id, 0, 0)
    actors.imitation[i] = params.imitation * math.exp(sigma * normal(u, v) - sigma * sigma / 2.0)
    sigma = params.learning_spread
    u, v = block(key, TRAIT, id, 0, 1)
    actors.learning[i] = math.exp(sigma * normal(u, v) - sigma * sigma / 2.0)
    _draw_needs(state, i, key)
    actors.leaves[i] = month + geometric(
        uniform(key, EXIT, id, 0, 0), _exit_probability(params, actors.kind[i])
    )
    actors.capacity[i] = _capacity(state, params, i)
    actors.commitment0[i] = actors.commitment[i]
    actors.know_how0[i] = actors.know_how[i]
    actors.wins[i] = 0
    actors.setbacks[i] = 0
    actors.sessions[i] = 0


@kernel
def next_generation(actors, i):
    """Give the seat the id of its next occupant."""
    if actors.ever[i]:
        generation = (actors.id[i] & _GENERATION) + _ONE
        actors.id[i] = (actors.id[i] & ~_GENERATION) | (generation & _GENERATION)


@kernel
def leave_place(state, i):
    """Take actor `i` from the regulars of its place."""
    actors = state.actors
    places = state.places
    p = actors.place[i]
    if p == NOBODY:
        return
    k = 0
    while places.regulars[p, k] != i:
        k += 1
    places.count[p] -= 1
    for s in range(k, places.count[p]):
        places.regulars[p, s] = places.regulars[p, s + 1]
    actors.place[i] = NOBODY


@kernel
def vacate(state, params, i, month, key):
    """Let the occupant of seat `i` leave the territory."""
    actors = state.actors
    ties = state.ties
    while actors.load[i] > 0:
        leave(state, params, actors.seats[i, 0], i, month, key)
    while actors.contacts[i] > 0:
        dissolve(state, i, ties.other[actors.first[i]])
    leave_place(state, i)
    actors.coach[i] = NOBODY
    actors.support[i] = 0.0
    actors.alive[i] = False


@kernel
def inherit(state, params, i):
    """Keep half of the trust above the base in both directions (election)."""
    ties = state.ties
    actors = state.actors
    for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
        j = ties.other[slot]
        tau = base_trust(params, actors.kind[j])
        ties.trust[slot] = tau + params.inherit_trust * max(0.0, ties.trust[slot] - tau)
        back = slot_of(actors, ties, j, i)
        tau = base_trust(params, actors.kind[i])
        ties.trust[back] = tau + params.inherit_trust * max(0.0, ties.trust[back] - tau)
        if state.settings.trust == BETA:
            ties.evidence[back] = evidence_of(ties.trust[back], tau)
            tau = base_trust(params, actors.kind[j])
            ties.evidence[slot] = evidence_of(ties.trust[slot], tau)
