"""The operations on alliances that mechanisms share (ODD §7.3)."""

from __future__ import annotations

import numpy as np

from cosim.compiled import kernel
from cosim.mechanisms.contacts import (
    base_trust,
    draw_expiry,
    meet,
    share_alliance,
    slot_of,
    trust_in,
)
from cosim.mechanisms.doses import ease
from cosim.state import (
    ASSOCIATION,
    CATALYSEUR,
    COMPANY,
    COMPLETED,
    ELU,
    F_BIRTHS,
    F_COMPLETED,
    F_FADED,
    F_FAILED,
    FAILED,
    J_JOIN,
    J_LEAVE,
    LIVING,
    NEVER,
    NOBODY,
)
from cosim.streams import ACCEPT, INVITE, block, index, logistic, mix, uniform


@kernel
def popcount(bits):
    """Return the number of domains in a bit set."""
    n = 0
    while bits:
        bits &= bits - 1
        n += 1
    return n


@kernel
def match(actors, i, j):
    """Return q, the complementarity of two actors in [0, 1] (model definition)."""
    met = popcount(actors.needs[i] & actors.solutions[j]) + popcount(
        actors.needs[j] & actors.solutions[i]
    )
    wanted = popcount(actors.needs[i]) + popcount(actors.needs[j])
    return met / wanted if wanted else 0.0


@kernel
def budget(actors, i):
    """Return the rank of the size class of `i` in its kind, from 0 to 1."""
    if actors.kind[i] == COMPANY:
        return actors.size_class[i] / 4.0
    if actors.kind[i] == ASSOCIATION:
        return actors.size_class[i] / 3.0
    return 0.0


@kernel
def means(actors, i):
    """Return B, what `i` can commit, from 0 to 1: its budget, or an élu's power to sign.

    Only the executive commits a commune (CGCT L2122-18, L2122-21): a maire 1, an adjoint ½.
    """
    if actors.kind[i] == ELU:
        return 1.0 - actors.size_class[i] / 2.0
    return budget(actors, i)


@kernel
def maturity(actors, i):
    """Return min(c, e): one is ready when one wants to and knows how to."""
    return min(actors.commitment[i], actors.know_how[i])


@kernel
def has_room(actors, i):
    """Return whether the seat is taken by somebody who can carry one more alliance."""
    return actors.alive[i] and actors.load[i] < actors.capacity[i]


@kernel
def _move_alliance(alliances, source, target):
    alliances.id[target] = alliances.id[source]
    alliances.outside_trust[target] = alliances.outside_trust[source]
    alliances.outside_evidence[target] = alliances.outside_evidence[source]
    for k in range(alliances.n_members[source]):
        alliances.members[target, k] = alliances.members[source, k]
    alliances.n_members[target] = alliances.n_members[source]
    alliances.domain[target] = alliances.domain[source]
    alliances.type[target] = alliances.type[source]
    alliances.rung[target] = alliances.rung[source]
    alliances.origin[target] = alliances.origin[source]
    alliances.born[target] = alliances.born[source]
    alliances.ended[target] = alliances.ended[source]
    alliances.cause[target] = alliances.cause[source]
    alliances.successes[target] = alliances.successes[source]
    alliances.failures[target] = alliances.failures[source]
    alliances.streak[target] = alliances.streak[source]
    alliances.supported[target] = alliances.supported[source]
    alliances.recognised[target] = alliances.recognised[source]
    alliances.outside[target] = alliances.outside[source]
    alliances.followed[target] = alliances.followed[source]


@kernel
def forget_ended(state):
    """Take ended alliances from the table; others keep their order. For runs without journal."""
    actors = state.actors
    alliances = state.alliances
    kept = 0
    for a in range(state.territory.n_alliances):
        if alliances.ended[a] != NEVER:
            continue
        if kept != a:
            _move_alliance(alliances, a, kept)
            for k in range(alliances.n_members[kept]):
                i = alliances.members[kept, k]
                for s in range(actors.load[i]):
                    if actors.seats[i, s] == a:
                        actors.seats[i, s] = kept
        kept += 1
    state.territory.n_alliances = kept


@kernel
def log_event(state, what, month, alliance, actor, other, value):
    """Write one event to the journal, if it is on."""
    territory = state.territory
    journal = state.journal
    if territory.journal:
        k = territory.n_events
        territory.n_events = k + 1
        if k < journal.shape[0]:
            journal.what[k] = what
            journal.step[k] = month
            journal.alliance[k] = alliance
            journal.actor[k] = actor
            journal.other[k] = other
            journal.value[k] = value


@kernel
def is_member(alliances, a, i):
    """Return whether actor `i` is a member of alliance `a`."""
    for k in range(alliances.n_members[a]):
        if alliances.members[a, k] == i:
            return True
    return False


@kernel
def worlds(actors, alliances, a):
    """Return the number of different worlds in alliance `a`, outside partner included."""
    seen = 0
    for k in range(alliances.n_members[a]):
        seen |= 1 << actors.kind[alliances.members[a, k]]
    if alliances.outside[a] != NOBODY:
        seen |= 1 << alliances.outside[a]
    return popcount(seen & ~(1 << CATALYSEUR))


@kernel
def mean_trust(actors, ties, alliances, params, a):
    """Return T̄ over all directed pairs of members of alliance `a`."""
    total = 0.0
    pairs = 0
    n = alliances.n_members[a]
    for x in range(n):
        for y in range(n):
            if x != y:
                total += trust_in(
                    actors, ties, params, alliances.members[a, x], alliances.members[a, y]
                )
                pairs += 1
    if alliances.outside[a] != NOBODY:
        total += 2.0 * n * alliances.outside_trust[a]
        pairs += 2 * n
    return total / pairs if pairs else 0.0


@kernel
def mean_maturity(actors, alliances, a):
    """Return the mean maturity of the members of alliance `a`."""
    total = 0.0
    n = alliances.n_members[a]
    for k in range(n):
        total += maturity(actors, alliances.members[a, k])
    return total / n if n else 0.0


@kernel
def _hold(actors, ties, i, j):
    slot = slot_of(actors, ties, i, j)
    if slot != NOBODY:
        ties.expiry[slot] = NEVER
        ties.expiry[slot_of(actors, ties, j, i)] = NEVER


@kernel
def _release(actors, ties, params, i, j, month, key):
    """Let the tie of `i` and `j` age again unless another alliance holds it."""
    slot_i = slot_of(actors, ties, i, j)
    if slot_i == NOBODY or share_alliance(actors, i, j):
        return
    slot_j = slot_of(actors, ties, j, i)
    ties.last[slot_i] = month
    ties.last[slot_j] = month
    draw_expiry(actors, ties, params, i, slot_i, j, slot_j, month, key)


@kernel
def join(state, params, a, i, month, key):
    """Let actor `i` join alliance `a`: it meets every member, and the ties are held."""
    actors = state.actors
    alliances = state.alliances
    actors.seats[i, actors.load[i]] = a
    actors.load[i] += 1
    for k in range(alliances.n_members[a]):
        _hold(actors, state.ties, alliances.members[a, k], i)
    for k in range(alliances.n_members[a]):
        j = alliances.members[a, k]
        if slot_of(actors, state.ties, j, i) == NOBODY:
            meet(state, params, j, i, 0, month, key)
    alliances.members[a, alliances.n_members[a]] = i
    alliances.n_members[a] += 1
    log_event(state, J_JOIN, month, a, actors.id[i], 0, 0.0)


@kernel
def found(state, params, id, domain, kind, origin, outside, month):
    """Open a row for a new alliance without members yet; return it, or NOBODY when full."""
    alliances = state.alliances
    territory = state.territory
    a = territory.n_alliances
    if a == alliances.shape[0]:
        territory.overflow = 1
        return NOBODY
    territory.n_alliances = a + 1
    alliances.id[a] = id
    alliances.n_members[a] = 0
    alliances.domain[a] = domain
    alliances.type[a] = kind
    alliances.rung[a] = 0
    alliances.origin[a] = origin
    alliances.born[a] = month
    alliances.ended[a] = NEVER
    alliances.cause[a] = LIVING
    alliances.successes[a] = 0
    alliances.failures[a] = 0
    alliances.streak[a] = 0
    alliances.supported[a] = 0
    alliances.recognised[a] = NEVER
    alliances.outside[a] = outside
    alliances.outside_evidence[a] = 0.0
    alliances.followed[a] = 0
    alliances.outside_trust[a] = base_trust(params, outside) if outside != NOBODY else 0.0
    state.territory.flow[F_BIRTHS] += 1.0
    return a


@kernel
def _give_up_seat(actors, a, i):
    k = 0
    while actors.seats[i, k] != a:
        k += 1
    actors.load[i] -= 1
    for s in range(k, actors.load[i]):
        actors.seats[i, s] = actors.seats[i, s + 1]


@kernel
def end(state, params, a, cause, month, key):
    """End alliance `a`; ties that nothing else holds begin to age. Members stay on record."""
    actors = state.actors
    alliances = state.alliances
    n = alliances.n_members[a]
    alliances.ended[a] = month
    alliances.cause[a] = cause
    for k in range(n):
        i = alliances.members[a, k]
        _give_up_seat(actors, a, i)
        log_event(state, J_LEAVE, month, a, actors.id[i], 0, 0.0)
    for x in range(n):
        for y in range(x + 1, n):
            _release(
                actors, state.ties, params, alliances.members[a, x], alliances.members[a, y],
                month, key,
            )  # fmt: skip
    if cause == COMPLETED:
        state.territory.flow[F_COMPLETED] += 1.0
    elif cause == FAILED:
        state.territory.flow[F_FAILED] += 1.0
    else:
        state.territory.flow[F_FADED] += 1.0


@kernel
def leave(state, params, a, i, month, key):
    """Let actor `i` leave alliance `a`, which ends when fewer than two worlds are left."""
    actors = state.actors
    alliances = state.alliances
    _give_up_seat(actors, a, i)
    k = 0
    while alliances.members[a, k] != i:
        k += 1
    alliances.n_members[a] -= 1
    for s in range(k, alliances.n_members[a]):
        alliances.members[a, s] = alliances.members[a, s + 1]
    for s in range(alliances.n_members[a]):
        _release(actors, state.ties, params, alliances.members[a, s], i, month, key)
    log_event(state, J_LEAVE, month, a, actors.id[i], 0, 0.0)
    if worlds(actors, alliances, a) < 2:
        end(state, params, a, FAILED, month, key)


@kernel
def alliance_id(ids, n, month):
    """Return the id of the alliance that actors `ids[:n]` found at `month`; sorts `ids`."""
    for x in range(1, n):
        y = x
        while y > 0 and ids[y - 1] > ids[y]:
            ids[y - 1], ids[y] = ids[y], ids[y - 1]
            y -= 1
    h = mix(np.uint64(np.int64(month) + 1048576))
    for x in range(n):
        h = mix(h ^ ids[x])
    return h


@kernel
def accepts(state, params, a, k, month, key, draw):
    """Return whether guest `k` accepts to join alliance `a` (ODD §7.3, Grow)."""
    actors = state.actors
    alliances = state.alliances
    if actors.kind[k] == CATALYSEUR or not has_room(actors, k) or is_member(alliances, a, k):
        return False
    if not (actors.needs[k] | actors.solutions[k]) >> alliances.domain[a] & 1:
        return False
    trust = 0.0
    for s in range(alliances.n_members[a]):
        trust += trust_in(actors, state.ties, params, k, alliances.members[a, s])
    x = (
        params.join_base
        + params.birth_trust * trust / alliances.n_members[a]
        + params.birth_maturity * maturity(actors, k)
        + params.birth_means * means(actors, k)
        - params.birth_load * actors.load[k] / actors.capacity[k]
        + ease(state, params, k)
    )
    return uniform(key, ACCEPT, alliances.id[a], month, draw) < logistic(x)


@kernel
def invite(state, params, a, month, key):
    """Let the members of `a` invite contacts until enough have refused (Tomasello 2017)."""
    actors = state.actors
    alliances = state.alliances
    ties = state.ties
    if alliances.outside[a] != NOBODY:
        return
    refusals = 0
    n = 0
    while refusals < params.refusals and alliances.n_members[a] < params.max_size and n < 40:
        u, v = block(key, INVITE, alliances.id[a], month, n)
        n += 1
        inviter = alliances.members[a, index(u, alliances.n_members[a])]
        if actors.contacts[inviter] == 0:
            refusals += 1
            continue
        guest = ties.other[actors.first[inviter] + index(v, actors.contacts[inviter])]
        if accepts(state, params, a, guest, month, key, n):
            join(state, params, a, guest, month, key)
        else:
            refusals += 1
