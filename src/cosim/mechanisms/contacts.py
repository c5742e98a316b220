"""The operations on contact lists that mechanisms share (ODD §7.2)."""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.state import (
    ACADEMIC,
    ASSOCIATION,
    BETA,
    BRIDGE,
    COMPANY,
    ELU,
    F_MEETINGS,
    FRESH,
    NEVER,
    NOBODY,
    PLACE_BORN,
)
from cosim.streams import LAPSE, geometric, pair, uniform


@kernel
def base_trust(params, kind):
    """Return τ, the trust that anybody of `kind` meets before being known."""
    if kind == ELU:
        return params.trust_elu
    if kind == ASSOCIATION:
        return params.trust_association
    if kind == COMPANY:
        return params.trust_company
    if kind == ACADEMIC:
        return params.trust_academic
    return params.trust_catalyseur


@kernel
def slot_of(actors, ties, i, j):
    """Return the slot of contact `j` in the list of `i`, or NOBODY."""
    first = actors.first[i]
    for slot in range(first, first + actors.contacts[i]):
        if ties.other[slot] == j:
            return slot
    return NOBODY


@kernel
def trust_in(actors, ties, params, i, j):
    """Return the trust of `i` in `j`, τ where they are not acquainted."""
    slot = slot_of(actors, ties, i, j)
    if slot == NOBODY:
        return base_trust(params, actors.kind[j])
    return ties.trust[slot]


@kernel
def _move(state, source, target):
    ties = state.ties
    ties.other[target] = ties.other[source]
    ties.trust[target] = ties.trust[source]
    ties.met[target] = ties.met[source]
    ties.last[target] = ties.last[source]
    ties.expiry[target] = ties.expiry[source]
    ties.marks[target] = ties.marks[source]
    if state.settings.trust == BETA:
        ties.evidence[target] = ties.evidence[source]


@kernel
def _remove(state, i, hole):
    """Take slot `hole` from the list of `i`: the last entry fills it."""
    actors = state.actors
    if state.ties.marks[hole] & FRESH:
        actors.fresh[i] -= 1
    actors.contacts[i] -= 1
    _move(state, actors.first[i] + actors.contacts[i], hole)


@kernel
def dissolve(state, i, j):
    """Take the acquaintance of `i` and `j` from both lists."""
    _remove(state, i, slot_of(state.actors, state.ties, i, j))
    _remove(state, j, slot_of(state.actors, state.ties, j, i))


@kernel
def _append(state, i, j, trust, month, marks):
    actors = state.actors
    ties = state.ties
    slot = actors.first[i] + actors.contacts[i]
    ties.other[slot] = j
    ties.trust[slot] = trust
    ties.met[slot] = month
    ties.last[slot] = month
    ties.expiry[slot] = NEVER
    ties.marks[slot] = marks
    if state.settings.trust == BETA:
        ties.evidence[slot] = 0.0
    actors.contacts[i] += 1
    actors.fresh[i] += 1


@kernel
def set_expiry(actors, ties, i, slot_i, j, slot_j, expiry):
    """Write the expiry on both sides and keep the rows' lower bounds."""
    ties.expiry[slot_i] = expiry
    ties.expiry[slot_j] = expiry
    if expiry < actors.soonest[i]:
        actors.soonest[i] = expiry
    if expiry < actors.soonest[j]:
        actors.soonest[j] = expiry


@kernel
def draw_expiry(actors, ties, params, i, slot_i, j, slot_j, month, key):
    """Draw anew how long the tie lives without another contact (lazy lapse)."""
    loss = params.tie_loss
    if ties.marks[slot_i] & BRIDGE:
        loss *= params.bridge_loss
    if ties.marks[slot_i] & PLACE_BORN:
        loss *= params.place_tie_loss
    u = uniform(key, LAPSE, pair(actors.id[i], actors.id[j]), month, 0)
    set_expiry(actors, ties, i, slot_i, j, slot_j, month + geometric(u, min(1.0, loss)))


@kernel
def _victim(actors, ties, i):
    """Return the contact that a full list gives up: idle longest, then smallest id.

    One met in a place goes last: such ties survive separation (Catalini 2018).
    """
    best = NOBODY
    best_last = NEVER
    best_placed = True
    first = actors.first[i]
    for slot in range(first, first + actors.contacts[i]):
        if ties.expiry[slot] == NEVER:
            continue
        j = ties.other[slot]
        last = ties.last[slot]
        placed = ties.marks[slot] & PLACE_BORN != 0
        if best != NOBODY and placed != best_placed:
            if placed:
                continue
        elif best != NOBODY and (
            last > best_last or (last == best_last and actors.id[j] > actors.id[best])
        ):
            continue
        best = j
        best_last = last
        best_placed = placed
    return best


@kernel
def _full(actors, i):
    return actors.contacts[i] == actors.room[i]


@kernel
def _common_contact(actors, ties, mark, i, j):
    """Return whether `i` and `j` have a contact in common."""
    found = False
    for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
        mark[ties.other[slot]] = 1
    for slot in range(actors.first[j], actors.first[j] + actors.contacts[j]):
        if mark[ties.other[slot]]:
            found = True
            break
    for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
        mark[ties.other[slot]] = 0
    return found


@kernel
def share_alliance(actors, i, j):
    """Return whether `i` and `j` sit together in a living alliance: their tie is held."""
    for a in range(actors.load[i]):
        for b in range(actors.load[j]):
            if actors.seats[i, a] == actors.seats[j, b]:
                return True
    return False


@kernel
def meet(state, params, i, j, mark, month, key):
    """Let `i` and `j` meet face to face; return whether they are now acquainted.

    `mark` is 0, DIALOGUE_BORN or PLACE_BORN.
    """
    return introduce(state, params, i, j, mark, False, month, key)


@kernel
def introduce(state, params, i, j, mark, linked, month, key):
    """Let two actors `meet`; `linked` says that they are known to have a contact in common."""
    actors = state.actors
    ties = state.ties
    state.territory.flow[F_MEETINGS] += 1.0
    slot_i = slot_of(actors, ties, i, j)
    if slot_i != NOBODY:
        slot_j = slot_of(actors, ties, j, i)
        ties.last[slot_i] = month
        ties.last[slot_j] = month
        placed = mark == PLACE_BORN and not ties.marks[slot_i] & PLACE_BORN
        if placed:
            ties.marks[slot_i] |= PLACE_BORN
            ties.marks[slot_j] |= PLACE_BORN
        expiry = ties.expiry[slot_i]
        if expiry <= month or (placed and expiry != NEVER):
            draw_expiry(actors, ties, params, i, slot_i, j, slot_j, month, key)
        return True
    if _full(actors, i) and _victim(actors, ties, i) == NOBODY:
        return False
    if _full(actors, j) and _victim(actors, ties, j) == NOBODY:
        return False
    if _full(actors, i):
        dissolve(state, i, _victim(actors, ties, i))
        linked = False  # the victim may have been what linked them
    if _full(actors, j):
        dissolve(state, j, _victim(actors, ties, j))
        linked = False
    marks = mark | FRESH
    if not linked and not _common_contact(actors, ties, state.mark, i, j):
        marks |= BRIDGE
    _append(state, i, j, base_trust(params, actors.kind[j]), month, marks)
    _append(state, j, i, base_trust(params, actors.kind[i]), month, marks)
    slot_i = actors.first[i] + actors.contacts[i] - 1
    slot_j = actors.first[j] + actors.contacts[j] - 1
    if not share_alliance(actors, i, j):
        draw_expiry(actors, ties, params, i, slot_i, j, slot_j, month, key)
    return True


@kernel
def lapse(state, month):
    """Dissolve every tie that expires at or before `month` and is not held."""
    actors = state.actors
    ties = state.ties
    for i in state.order:
        if actors.soonest[i] > month:
            continue
        slot = actors.first[i]
        while slot < actors.first[i] + actors.contacts[i]:
            if ties.expiry[slot] <= month:
                j = ties.other[slot]
                _remove(state, i, slot)
                _remove(state, j, slot_of(actors, ties, j, i))
            else:
                slot += 1
        soonest = NEVER
        for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
            soonest = min(soonest, ties.expiry[slot])
        actors.soonest[i] = soonest
