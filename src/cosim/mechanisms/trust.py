"""Confiance de départ: a third party lends its own trust to a new contact (4).

Le tiers de confiance prête la sienne. ODD §7.7; Jøsang & Ismail 2002; Obstfeld 2005.
"""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.mechanisms.contacts import base_trust, slot_of
from cosim.state import FRESH, NOBODY


@kernel
def lent_trust(actors, ties, params, i, j):
    """Return T_ij = τ + ω max_b T_ib (T_bj - τ)⁺ over settled common contacts b."""
    tau = base_trust(params, actors.kind[j])
    best = 0.0
    for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
        if ties.marks[slot] & FRESH:
            break  # newest last: only fresh ones follow
        onward = slot_of(actors, ties, ties.other[slot], j)
        if onward != NOBODY and not ties.marks[onward] & FRESH:
            best = max(best, ties.trust[slot] * (ties.trust[onward] - tau))
    return tau + params.third_party * best


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
    for i in actors.order:
        for slot in range(_first_fresh(actors, ties, i), actors.first[i] + actors.contacts[i]):
            ties.trust[slot] = lent_trust(actors, ties, params, i, ties.other[slot])
    for i in actors.order:
        for slot in range(_first_fresh(actors, ties, i), actors.first[i] + actors.contacts[i]):
            ties.marks[slot] &= ~FRESH
