"""Naissance: acquainted actors of different worlds who match found an alliance (7).

Un premier pas petit et réversible. ODD §7.10; Gulati & Gargiulo 1999; Cai, Lin & Szeidl 2024.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cosim.compiled import kernel
from cosim.mechanisms.bonds import (
    alliance_id,
    budget,
    found,
    has_room,
    invite,
    join,
    match,
    maturity,
    means,
    popcount,
)
from cosim.mechanisms.contacts import base_trust, share_alliance, slot_of, trust_in
from cosim.mechanisms.doses import affinity, ease
from cosim.mechanisms.levers import pay_prime, prime_pull
from cosim.state import (
    CANDIDATES,
    COLLECTIVITES,
    DIALOGUE,
    DIALOGUE_BORN,
    ENCOUNTER,
    EXPERIMENT,
    F_GROUP,
    F_OUTSIDE,
    F_PAIR,
    MAX_MEMBERS,
    N_DOMAINS,
    N_WORLDS,
    NOBODY,
    ORGANISATIONS,
    OUTILS,
    PLACE,
    PLACE_BORN,
)
from cosim.streams import (
    BIRTH,
    CONSIDER,
    DOMAIN,
    EXTRA,
    LEVER,
    OUTSIDE,
    block,
    geometric,
    index,
    logistic,
    pair,
    uniform,
)


@kernel
def draw_type(params, m, q, size, v):
    """Return the type of partnership by a multinomial logit on maturity, match and budget."""
    utility = np.empty(4)
    utility[0] = params.type_mecenat + params.type_mecenat_budget * size
    utility[1] = params.type_innovation + params.type_innovation_maturity * m
    utility[2] = params.type_cooperation + params.type_cooperation_match * q
    utility[3] = params.type_responsible + params.type_responsible_maturity * m
    weight = np.exp(utility - utility.max())
    target = v * weight.sum()
    low = 0.0
    for k in range(3):
        low += weight[k]
        if target < low:
            return k
    return 3


@kernel
def draw_domain(bits, u):
    """Return the domain at quantile `u` of a bit set, all equally likely."""
    left = index(u, popcount(bits))
    for d in range(N_DOMAINS):
        if bits >> d & 1:
            if left == 0:
                return d
            left -= 1
    return NOBODY


@kernel
def _origin(actors, ties, i, j):
    slot = slot_of(actors, ties, i, j)
    if slot != NOBODY and ties.marks[slot] & PLACE_BORN:
        return PLACE
    if slot != NOBODY and ties.marks[slot] & DIALOGUE_BORN:
        return DIALOGUE
    return ENCOUNTER


@kernel
def birth_logit(params, trust, m, q, b, load):
    """Return the logit of a birth (ODD §7.10): trust, maturity, match and means against load."""
    return (
        params.birth_base
        + params.birth_trust * trust
        + params.birth_maturity * m
        + params.birth_match * q
        + params.birth_means * b
        - params.birth_load * load
    )


@kernel
def found_group(state, params, group, n, domain, pull, month, key):
    """Found the alliance of an experiment's group, or not; the trial lowers the barrier.

    `pull` is what the prime on offer adds to the logit.
    """
    actors = state.actors
    trust = 0.0
    q = 0.0
    m = 1.0
    mean_m = 0.0
    load = 0.0
    size = 0.0
    mean_b = 0.0
    keen = 0.0
    eased = 0.0
    ids = np.empty(n, np.uint64)
    for x in range(n):
        i = group[x]
        ids[x] = actors.id[i]
        m = min(m, maturity(actors, i))
        mean_m += maturity(actors, i) / n
        load += actors.load[i] / actors.capacity[i] / n
        size = max(size, budget(actors, i))
        mean_b += means(actors, i) / n
        keen += affinity(actors, params, i, 1) / n
        eased += ease(state, params, i) / n
        for y in range(n):
            if x != y:
                trust += trust_in(actors, state.ties, params, i, group[y])
                q += match(actors, i, group[y])
    pairs = n * (n - 1)
    trust /= pairs
    q /= pairs
    id = alliance_id(ids, n, month)
    x = birth_logit(params, trust, m, q, mean_b, load) + params.experiment_boost * keen
    x += params.droit_barrier * state.calendar.droit[month] + eased
    u = block(key, BIRTH, id, month, 0)[0]
    if u >= logistic(x + pull):
        return
    if state.territory.purse <= 0.0 and u >= logistic(x):
        return
    v = block(key, DOMAIN, id, month, 0)[1]
    kind = draw_type(params, mean_m, q, size, v)
    a = found(state, params, id, domain, kind, EXPERIMENT, NOBODY, month)
    if a == NOBODY:
        return
    state.territory.flow[F_GROUP] += 1.0
    for x in range(n):
        join(state, params, a, group[x], month, key)
    pay_prime(state, group[0], a, month)
    invite(state, params, a, month, key)


@kernel
def _proposals(state, params, pull, month, key):
    actors = state.actors
    proposals = state.proposals
    group = np.empty(MAX_MEMBERS, np.int64)
    for row in range(state.territory.n_proposals):
        n = 0
        kinds = 0
        for k in range(proposals.n_members[row]):
            i = proposals.members[row, k]
            if has_room(actors, i):
                group[n] = i
                n += 1
                kinds |= 1 << actors.kind[i]
        if kinds & (kinds - 1) != 0:
            found_group(state, params, group, n, proposals.domain[row], pull, month, key)
    state.territory.n_proposals = 0


@kernel
def found_pair(state, params, i, j, month, key):
    """Found the alliance of `i` and `j`, who are acquainted, and let it invite others."""
    actors = state.actors
    ids = np.empty(2, np.uint64)
    ids[0] = actors.id[i]
    ids[1] = actors.id[j]
    id = alliance_id(ids, 2, month)
    bits = (actors.needs[i] & actors.solutions[j]) | (actors.needs[j] & actors.solutions[i])
    u, v = block(key, DOMAIN, id, month, 0)
    m = (maturity(actors, i) + maturity(actors, j)) / 2.0
    size = max(budget(actors, i), budget(actors, j))
    kind = draw_type(params, m, match(actors, i, j), size, v)
    origin = _origin(actors, state.ties, i, j)
    a = found(state, params, id, draw_domain(bits, u), kind, origin, NOBODY, month)
    if a == NOBODY:
        return a
    state.territory.flow[F_PAIR] += 1.0
    join(state, params, a, i, month, key)
    join(state, params, a, j, month, key)
    pay_prime(state, i, a, month)
    invite(state, params, a, month, key)
    return a


@kernel
def found_outside(state, params, i, other, month, key):
    """Found an alliance of `i` with a partner of world `other` beyond the territory."""
    actors = state.actors
    ids = np.empty(1, np.uint64)
    ids[0] = actors.id[i]
    id = alliance_id(ids, 1, month)
    u, v = block(key, DOMAIN, id, month, 0)
    kind = draw_type(params, maturity(actors, i), params.outside_match, budget(actors, i), v)
    domain = draw_domain(actors.needs[i], u)
    a = found(state, params, id, domain, kind, ENCOUNTER, other, month)
    if a != NOBODY:
        state.territory.flow[F_OUTSIDE] += 1.0
        join(state, params, a, i, month, key)
    return a


@kernel
def eligible(actors, i, j):
    """Return whether `i` and `j` could found an alliance at all."""
    return (
        actors.kind[j] < N_WORLDS
        and actors.kind[i] != actors.kind[j]
        and has_room(actors, j)
        and match(actors, i, j) > 0.0
        and not share_alliance(actors, i, j)
    )


@kernel
def pair_logit(state, params, i, j):
    """Return the logit of a birth of `i` and `j` once they consider it, without levers."""
    actors = state.actors
    ties = state.ties
    trust = (trust_in(actors, ties, params, i, j) + trust_in(actors, ties, params, j, i)) / 2.0
    load = (actors.load[i] / actors.capacity[i] + actors.load[j] / actors.capacity[j]) / 2.0
    b = (means(actors, i) + means(actors, j)) / 2.0
    m = min(maturity(actors, i), maturity(actors, j))
    return birth_logit(params, trust, m, match(actors, i, j), b, load)


@kernel
def birth_probability(state, params, i, j):
    """Return P, the probability that `i` and `j` found an alliance once they consider it."""
    return logistic(pair_logit(state, params, i, j))


@kernel
def quarter_of(actors, i):
    """Return the quarter in which the maturity of `i` lies, from 0 to 4."""
    return np.int64(math.ceil(4.0 * maturity(actors, i)))


@kernel
def highest_logit(params, quarter, b):
    """Return the highest logit of a birth that an actor could have with any contact, no levers.

    By the quarter of its maturity, so that two scenarios rarely look at different contacts;
    `b` is its own `means`, to which the contact with most of them adds 1.
    """
    return birth_logit(params, 1.0, quarter / 4.0, 1.0, (1.0 + b) / 2.0, 0.0)


@kernel
def _bounds(params):
    """Return the highest probability of a birth by quarter of maturity and twelfth of means."""
    bounds = np.empty((5, 13))
    for quarter in range(5):
        for twelfth in range(13):
            bounds[quarter, twelfth] = logistic(highest_logit(params, quarter, twelfth / 12.0))
    return bounds


@kernel
def _outside(state, params, i, w, highest, month, key):
    """Return (kind of an outside partner or NOBODY, rank); `highest` is that of `highest_logit`."""
    if w >= params.outside_attention:
        return NOBODY, 0.0
    actors = state.actors
    help = params.droit_barrier * state.calendar.droit[month] + ease(state, params, i)
    if w >= params.outside_attention * logistic(highest + help):
        return NOBODY, 0.0
    u, rank = block(key, OUTSIDE, actors.id[i], month, 0)
    other = index(u, 3)
    if other >= actors.kind[i]:
        other += 1
    load = actors.load[i] / actors.capacity[i]
    x = birth_logit(
        params, base_trust(params, other), maturity(actors, i), params.outside_match,
        means(actors, i), load,
    )  # fmt: skip
    if w >= min(1.0, params.outside_attention * logistic(x + help)):
        return NOBODY, 0.0
    return other, rank


@kernel
def _accepts_pair(state, params, i, j, levers, pull, bound, u, month):
    """Return (candidate, needs the prime) for a pair in the first pass, or in that of levers."""
    x = pair_logit(state, params, i, j)
    p = logistic(x)
    if not levers:
        return u * bound < p, False
    x += params.droit_barrier * state.calendar.droit[month]
    x += (ease(state, params, i) + ease(state, params, j)) / 2.0
    return u * bound < logistic(x + pull) - p, u * bound >= logistic(x) - p


@kernel
def _look(state, params, i, u, levers, pull, bound, candidates, n, month, key):
    """Let `i` consider its contacts in one pass; return how many candidates there are now.

    One geometric skip leads from each contact that is considered to the next; `u` is the first.
    Most lists are shorter than the first skip: the caller need not come here for those.
    """
    actors = state.actors
    ties = state.ties
    id = actors.id[i]
    consider = LEVER if levers else CONSIDER
    birth = EXTRA if levers else BIRTH
    attention = 0.5 * params.attention * bound
    draw = 0
    position = -1 + geometric(u, attention)
    while position < actors.contacts[i]:
        j = ties.other[actors.first[i] + position]
        if eligible(actors, i, j):
            side = 0 if id < actors.id[j] else 1
            u, v = block(key, birth, pair(id, actors.id[j]), month, side)
            accepted, needs = _accepts_pair(state, params, i, j, levers, pull, bound, u, month)
            if accepted:
                candidates.first[n] = i
                candidates.second[n] = j
                candidates.rank[n] = v
                candidates.paid[n] = needs
                n += 1
        draw += 1
        position += geometric(uniform(key, consider, id, month, draw), attention)
    return n


@kernel
def _candidates(state, params, pull, levers, candidates, month, key):
    """Find who would found an alliance this step; return their number, -1 without room."""
    actors = state.actors
    n = 0
    raised = params.droit_barrier * state.calendar.droit[month] + pull
    half = 0.5 * params.attention
    bounds = _bounds(params)
    for i in state.order:
        if actors.kind[i] >= N_WORLDS or not has_room(actors, i):
            continue
        if n + 2 * actors.contacts[i] + 1 > candidates.shape[0]:
            return -1
        quarter = quarter_of(actors, i)
        b = means(actors, i)
        highest = highest_logit(params, quarter, b)
        bound = bounds[quarter, np.int64(12.0 * b + 0.5)]
        u, w = block(key, CONSIDER, actors.id[i], month, 0)
        if u < half * bound * actors.contacts[i]:
            n = _look(state, params, i, u, False, 0.0, bound, candidates, n, month, key)
        if levers:
            bound = logistic(highest + raised + ease(state, params, i) / 2.0)
            u = uniform(key, LEVER, actors.id[i], month, 0)
            if u < half * bound * actors.contacts[i]:
                n = _look(state, params, i, u, True, pull, bound, candidates, n, month, key)
        other, v = _outside(state, params, i, w, highest, month, key)
        if other != NOBODY:
            candidates.first[n] = i
            candidates.second[n] = -2 - other
            candidates.rank[n] = v
            candidates.paid[n] = False
            n += 1
    return n


@kernel
def formation(state, params, month, key):
    """Let experiments' groups, acquainted pairs and outside contacts found alliances."""
    actors = state.actors
    doses = state.territory.doses
    pull = prime_pull(state, params, month)
    _proposals(state, params, pull, month, key)
    levers = state.calendar.droit[month] > 0.0 or pull > 0.0
    levers = levers or doses[OUTILS, ORGANISATIONS] > 0.0 or doses[OUTILS, COLLECTIVITES] > 0.0
    candidates: Any = np.empty(128, CANDIDATES)
    n = _candidates(state, params, pull, levers, candidates, month, key)
    while n < 0:
        candidates = np.empty(4 * candidates.shape[0], CANDIDATES)
        n = _candidates(state, params, pull, levers, candidates, month, key)
    for x in np.argsort(candidates.rank[:n], kind="mergesort"):
        i = candidates.first[x]
        j = candidates.second[x]
        if not has_room(actors, i):
            continue
        if j < NOBODY:
            found_outside(state, params, i, -2 - j, month, key)
        elif candidates.paid[x] and state.territory.purse <= 0.0:
            continue
        elif has_room(actors, j) and not share_alliance(actors, i, j):
            found_pair(state, params, i, j, month, key)
