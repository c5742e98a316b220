"""Who is there at the start of a replicate: occupants, contacts, living alliances (ODD §5)."""

from __future__ import annotations

import numpy as np

from cosim.compiled import kernel
from cosim.mechanisms.bonds import alliance_id, budget, found, has_room, join, match, maturity
from cosim.mechanisms.contacts import base_trust, meet, slot_of
from cosim.mechanisms.doses import evidence_of
from cosim.mechanisms.encounter import encounter
from cosim.mechanisms.formation import draw_domain, draw_type
from cosim.mechanisms.occupants import draw_occupant
from cosim.mechanisms.trust import settle, trust
from cosim.state import BETA, CATALYSEUR, N_WORLDS, NOBODY, SEEDED
from cosim.streams import SEED, block, exponential, index, uniform


@kernel
def engaged_class(kind, size_class):
    """Return the place of an actor in `ENGAGED_CLASSES`."""
    if kind == 0:
        return 0
    if kind == 1:
        return 2 if size_class >= 2 else 1
    return kind + 1


@kernel
def _partner(state, flagged, i, key):
    """Return an engaged actor of another world that matches `i`, near it, or NOBODY."""
    actors = state.actors
    ties = state.ties
    first = state.communes.start[actors.commune[i]]
    neighbours = state.communes.start[actors.commune[i] + 1] - first
    for a in range(24):
        u = uniform(key, SEED, actors.id[i], 0, 16 + a)
        if a < 8:
            if actors.contacts[i] == 0:
                continue
            j = ties.other[actors.first[i] + index(u, actors.contacts[i])]
        elif a < 16:
            j = state.residents[first + index(u, neighbours)]
        else:
            j = state.order[index(u, state.territory.seats[CATALYSEUR])]
        if (
            flagged[j]
            and actors.kind[j] != actors.kind[i]
            and has_room(actors, j)
            and match(actors, i, j) > 0.0
        ):
            return j
    return NOBODY


@kernel
def _seed_alliance(state, params, i, j, key):
    """Give `i` an alliance that lives already, with `j` or an outside partner (j = NOBODY)."""
    actors = state.actors
    ties = state.ties
    alliances = state.alliances
    id = actors.id[i]
    age, recognised = block(key, SEED, id, 0, 2)
    born = -1 - np.int64(min(600.0, exponential(age) * params.seed_age))
    u, v = block(key, SEED, id, 0, 3)
    ids = np.empty(2, np.uint64)
    ids[0] = id
    outside = NOBODY
    if j == NOBODY:
        outside = index(uniform(key, SEED, id, 0, 4), 3)
        outside += outside >= actors.kind[i]
        bits = actors.needs[i]
        q = params.outside_match
        m = maturity(actors, i)
        size = budget(actors, i)
        alliance = alliance_id(ids, 1, born)
    else:
        ids[1] = actors.id[j]
        bits = (actors.needs[i] & actors.solutions[j]) | (actors.needs[j] & actors.solutions[i])
        q = match(actors, i, j)
        m = (maturity(actors, i) + maturity(actors, j)) / 2.0
        size = max(budget(actors, i), budget(actors, j))
        alliance = alliance_id(ids, 2, born)
    kind = draw_type(params, m, q, size, v)
    a = found(state, params, alliance, draw_domain(bits, u), kind, SEEDED, outside, born)
    if a == NOBODY:
        return
    join(state, params, a, i, born, key)
    if j != NOBODY:
        if slot_of(actors, ties, i, j) == NOBODY:
            meet(state, params, i, j, 0, -1, key)
        join(state, params, a, j, born, key)
    results = np.int64(min(-born // params.success_clock, 24.0))
    for r in range(results):
        if uniform(key, SEED, id, 0, 64 + r) < 0.5:
            alliances.successes[a] = min(
                alliances.successes[a] + 1, np.int64(params.complete_successes) - 4
            )
        else:
            alliances.failures[a] += 1
    if alliances.successes[a] >= params.climb_successes:
        alliances.rung[a] = 1
    if recognised < params.recognised_at_start:
        alliances.recognised[a] = -1
    gain = 1.0 - (1.0 - params.trust_gain) ** alliances.successes[a]
    if j == NOBODY:
        tau = base_trust(params, outside)
        alliances.outside_trust[a] = tau + (1.0 - tau) * gain
        if state.settings.trust == BETA:
            alliances.outside_evidence[a] = evidence_of(alliances.outside_trust[a], tau)
        return
    for x in range(2):
        one = i if x == 0 else j
        two = j if x == 0 else i
        slot = slot_of(actors, ties, one, two)
        if slot != NOBODY:
            tau = base_trust(params, actors.kind[two])
            ties.trust[slot] = max(ties.trust[slot], tau + (1.0 - tau) * gain)
            if state.settings.trust == BETA:
                ties.evidence[slot] = evidence_of(ties.trust[slot], tau)


@kernel
def initialise(state, params, engaged, key):
    """Draw occupants, contacts at equilibrium and living alliances into a copy of a template."""
    actors = state.actors
    order = state.order
    for i in order:
        if actors.alive[i]:
            draw_occupant(state, params, i, 0, key)
    for month in range(-np.int64(params.burn_in), 0):
        encounter(state, params, month, key)
        settle(state)  # nobody trusts above τ yet, so nobody has trust to lend
    n = actors.shape[0]
    flagged = np.zeros(n, np.bool_)
    rank = np.ones(n)
    for k in range(n):
        i = order[k]
        if actors.alive[i] and actors.kind[i] < N_WORLDS:
            u, v = block(key, SEED, actors.id[i], 0, 0)
            flagged[i] = u < engaged[engaged_class(actors.kind[i], actors.size_class[i])]
            rank[k] = v
    for k in np.argsort(rank, kind="mergesort"):
        i = order[k]
        if not flagged[i] or actors.load[i] > 0:
            continue
        local = uniform(key, SEED, actors.id[i], 0, 1) < params.seed_local
        j = _partner(state, flagged, i, key) if local else NOBODY
        _seed_alliance(state, params, i, j, key)
    trust(state, params, -1, key)
    state.territory.flow[:] = 0.0
