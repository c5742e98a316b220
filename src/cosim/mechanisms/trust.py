"""Confiance de départ: a third party lends its own trust to a new contact (4).

Le tiers de confiance prête la sienne. ODD §7.7; Jøsang & Ismail 2002; Obstfeld 2005.
"""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.mechanisms.contacts import base_trust, slot_of
from cosim.mechanisms.doses import evidence_of
from cosim.state import BETA, FRESH, WARNINGS, WITHOUT_THIRD_PARTY


@kernel
def lent_trust(actors, ties, params, i, j, rule):
    """Return T_ij = τ + ω max_b T_ib (T_bj - τ)⁺ over settled common contacts b.

    The settled contacts of `i` carry `mark`. `rule`: the rival rule of the third party; with
    warnings, the worst distrust of a contact counts where nobody lends.
    """
    tau = base_trust(params, actors.kind[j])
    if rule == WITHOUT_THIRD_PARTY:
        return tau
    best = 0.0
    worst = 0.0
    for slot in range(actors.first[j], actors.first[j] + actors.contacts[j]):
        b = ties.other[slot]
        if actors.mark[b] and not ties.marks[slot] & FRESH:
            lent = ties.trust[slot_of(actors, ties, i, b)]
            above = lent * (ties.trust[slot_of(actors, ties, b, j)] - tau)
            best = max(best, above)
            worst = max(worst, -above)
    if best == 0.0 and rule == WARNINGS:
        return tau - params.third_party * worst
    return tau + params.third_party * best


@kernel
def _mark_settled(actors, ties, i, settled, value):
    for slot in range(actors.first[i], settled):
        actors.mark[ties.other[slot]] = value


@kernel
def _first_fresh(actors, ties, i):
    slot = actors.first[i] + actors.contacts[i]
    while slot > actors.first[i] and ties.marks[slot - 1] & FRESH:
        slot -= 1
    return slot


@kernel
def trust(state, params, month, key):
    """Settle the trust of every fresh contact from those who know both."""
    actors = state.actors
    ties = state.ties
    rule = state.settings.third_party
    for i in actors.order:
        fresh = _first_fresh(actors, ties, i)
        end = actors.first[i] + actors.contacts[i]
        if fresh == end:
            continue
        _mark_settled(actors, ties, i, fresh, True)
        for slot in range(fresh, end):
            j = ties.other[slot]
            ties.trust[slot] = lent_trust(actors, ties, params, i, j, rule)
            if state.settings.trust == BETA:
                tau = base_trust(params, actors.kind[j])
                ties.evidence[slot] = evidence_of(ties.trust[slot], tau)
        _mark_settled(actors, ties, i, fresh, False)
    for i in actors.order:
        for slot in range(_first_fresh(actors, ties, i), actors.first[i] + actors.contacts[i]):
            ties.marks[slot] &= ~FRESH
