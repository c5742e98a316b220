"""Confiance de départ: a third party lends its own trust to a new contact (4).

Le tiers de confiance prête la sienne. ODD §7.7; Jøsang & Ismail 2002; Obstfeld 2005.
"""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.mechanisms.contacts import base_trust, slot_of
from cosim.mechanisms.doses import evidence_of
from cosim.state import BETA, BRIDGE, FRESH, WARNINGS, WITHOUT_THIRD_PARTY


@kernel
def _raised(params, tau, best, worst, rule):
    if best == 0.0 and rule == WARNINGS:
        return tau - params.third_party * worst
    return tau + params.third_party * best


@kernel
def lent_trust(actors, ties, mark, params, i, j, rule):
    """Return (T_ij, T_ji), T_ij = τ + ω max_b T_ib (T_bj - τ)⁺ over settled common contacts b.

    `mark` holds slot + 1 of the settled contacts of `i`, else 0. `rule`: the rival rule of the
    third party; with warnings, the worst distrust of a contact counts where nobody lends.
    """
    tau_j = base_trust(params, actors.kind[j])
    tau_i = base_trust(params, actors.kind[i])
    if rule == WITHOUT_THIRD_PARTY:
        return tau_j, tau_i
    best_j = 0.0
    worst_j = 0.0
    best_i = 0.0
    worst_i = 0.0
    first = actors.first[j]
    for slot in range(first, first + actors.contacts[j]):
        b = ties.other[slot]
        if mark[b] and not ties.marks[slot] & FRESH:
            above = ties.trust[slot_of(actors, ties, b, j)] - tau_j
            above *= ties.trust[mark[b] - 1]
            best_j = max(best_j, above)
            worst_j = max(worst_j, -above)
            above = ties.trust[slot_of(actors, ties, b, i)] - tau_i
            above *= ties.trust[slot]
            best_i = max(best_i, above)
            worst_i = max(worst_i, -above)
    return (
        _raised(params, tau_j, best_j, worst_j, rule),
        _raised(params, tau_i, best_i, worst_i, rule),
    )


@kernel
def _mark_settled(actors, ties, mark, i):
    for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
        if not ties.marks[slot] & FRESH:
            mark[ties.other[slot]] = slot + 1


@kernel
def _unmark(actors, ties, mark, i):
    for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
        mark[ties.other[slot]] = 0


@kernel
def _introduced(actors, ties, i):
    """Return whether `i` meets, in its list, a fresh contact of a later row with whom it had one
    in common: no bridge."""
    if actors.fresh[i] > 0:
        for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
            if ties.marks[slot] & (FRESH | BRIDGE) == FRESH and ties.other[slot] > i:
                return True
    return False


@kernel
def settle(state):
    """Count the fresh contacts as settled."""
    actors = state.actors
    ties = state.ties
    for i in range(actors.shape[0]):
        if actors.fresh[i] == 0:
            continue
        for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
            ties.marks[slot] &= ~FRESH
        actors.fresh[i] = 0


@kernel
def _set_trust(state, params, slot, kind, value):
    state.ties.trust[slot] = value
    if state.settings.trust == BETA:
        state.ties.evidence[slot] = evidence_of(value, base_trust(params, kind))


@kernel
def trust(state, params, month, key):
    """Settle the trust of every fresh contact from those who know both.

    A bridge had no contact in common when the two met, so nobody settled lends: it keeps τ.
    """
    actors = state.actors
    ties = state.ties
    rule = state.settings.third_party
    for i in range(actors.shape[0]):
        if not _introduced(actors, ties, i):
            continue
        _mark_settled(actors, ties, state.mark, i)
        for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
            j = ties.other[slot]
            if j < i or ties.marks[slot] & (FRESH | BRIDGE) != FRESH:
                continue
            there, back = lent_trust(actors, ties, state.mark, params, i, j, rule)
            _set_trust(state, params, slot, actors.kind[j], there)
            _set_trust(state, params, slot_of(actors, ties, j, i), actors.kind[i], back)
        _unmark(actors, ties, state.mark, i)
    settle(state)
