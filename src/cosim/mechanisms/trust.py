"""Confiance de départ: a third party lends its own trust to a new contact (4).

Le tiers de confiance prête la sienne. ODD §7.7; Jøsang & Ismail 2002; Obstfeld 2005.
"""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.mechanisms.contacts import base_trust, slot_of
from cosim.mechanisms.doses import evidence_of
from cosim.state import BETA, FRESH, WARNINGS, WITHOUT_THIRD_PARTY


@kernel
def lent_trust(actors, ties, mark, params, i, j, rule):
    """Return T_ij = τ + ω max_b T_ib (T_bj - τ)⁺ over settled common contacts b.

    `mark` holds slot + 1 of the settled contacts of `i`, else 0. `rule`: the rival rule of the
    third party; with warnings, the worst distrust of a contact counts where nobody lends.
    """
    tau = base_trust(params, actors.kind[j])
    if rule == WITHOUT_THIRD_PARTY:
        return tau
    best = 0.0
    worst = 0.0
    for slot in range(actors.first[j], actors.first[j] + actors.contacts[j]):
        b = ties.other[slot]
        if mark[b] and not ties.marks[slot] & FRESH:
            lent = ties.trust[mark[b] - 1]
            above = lent * (ties.trust[slot_of(actors, ties, b, j)] - tau)
            best = max(best, above)
            worst = max(worst, -above)
    if best == 0.0 and rule == WARNINGS:
        return tau - params.third_party * worst
    return tau + params.third_party * best


@kernel
def _mark_settled(actors, ties, mark, i, settled):
    for slot in range(actors.first[i], settled):
        mark[ties.other[slot]] = slot + 1


@kernel
def _unmark(actors, ties, mark, i, settled):
    for slot in range(actors.first[i], settled):
        mark[ties.other[slot]] = 0


@kernel
def trust(state, params, month, key):
    """Settle the trust of every fresh contact from those who know both."""
    actors = state.actors
    ties = state.ties
    rule = state.settings.third_party
    for i in state.order:
        if actors.fresh[i] == 0:
            continue
        end = actors.first[i] + actors.contacts[i]
        fresh = end - actors.fresh[i]
        _mark_settled(actors, ties, state.mark, i, fresh)
        for slot in range(fresh, end):
            j = ties.other[slot]
            ties.trust[slot] = lent_trust(actors, ties, state.mark, params, i, j, rule)
            if state.settings.trust == BETA:
                tau = base_trust(params, actors.kind[j])
                ties.evidence[slot] = evidence_of(ties.trust[slot], tau)
        _unmark(actors, ties, state.mark, i, fresh)
    for i in state.order:
        end = actors.first[i] + actors.contacts[i]
        for slot in range(end - actors.fresh[i], end):
            ties.marks[slot] &= ~FRESH
        actors.fresh[i] = 0
