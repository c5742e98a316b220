"""Envie: commitment spreads from contact to contact and wears off (5).

L'envie se propage de voisin à voisin. ODD §7.8; Bass 1969; Helfrich et al. 2018 for wear.
"""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.mechanisms.doses import affinity, dose_of
from cosim.mechanisms.occupants import clip01
from cosim.state import BOUNDED, DONNEES, ELU, SCALAR


@kernel
def mean_commitment(actors, ties, old, i, width):
    """Return c̄, the trust-weighted mean commitment of the contacts of `i` within `width` of it."""
    weight = 0.0
    total = 0.0
    for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
        c = old[ties.other[slot]]
        if abs(c - old[i]) <= width:
            weight += ties.trust[slot]
            total += ties.trust[slot] * c
    return total / weight if weight > 0.0 else 0.0


@kernel
def commitment(state, params, month, key):
    """Move every actor's commitment by influence, demand, successes seen, wear and failures."""
    actors = state.actors
    calendar = state.calendar
    old = state.old
    for i in range(actors.shape[0]):
        old[i] = actors.commitment[i]
    outside = params.external + params.crisis_push * calendar.shock[month]
    if calendar.odd[month]:
        outside += params.odd_push
    seen = state.territory.visible + calendar.spread[month]
    outside += params.visible_success * min(params.visible_cap, seen)
    demand = params.demand * max(0.0, calendar.demand[month] - 0.75)
    demand += params.neighbour_imitation * calendar.ahead[month]
    width = params.confidence_width if state.settings.imitation == BOUNDED else 1.0
    hurt = params.discouragement * (1.0 - params.droit_failure * calendar.droit[month])
    for i in range(actors.shape[0]):
        if not actors.alive[i]:
            continue
        x = outside + actors.imitation[i] * mean_commitment(actors, state.ties, old, i, width)
        x += params.donnees_push * dose_of(state, DONNEES, i)
        if actors.kind[i] == ELU:
            x += demand
        c = old[i] + (1.0 - old[i]) * min(1.0, x) - params.wear * old[i]
        if actors.setbacks[i] > 0:
            c *= (1.0 - hurt) ** actors.setbacks[i]
        if actors.sessions[i] > 0:
            push = min(1.0, params.session_push * affinity(actors, params, i, 0))
            c += (1.0 - c) * (1.0 - (1.0 - push) ** actors.sessions[i])
        actors.commitment[i] = clip01(c)
        if state.settings.maturity == SCALAR:
            actors.know_how[i] = actors.commitment[i]
        actors.setbacks[i] = 0
        actors.sessions[i] = 0
