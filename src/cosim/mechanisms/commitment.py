"""Envie: commitment spreads from contact to contact and wears off (5).

L'envie se propage de voisin à voisin. ODD §7.8; Bass 1969; Helfrich et al. 2018 for wear.
"""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.mechanisms.occupants import clip01
from cosim.state import ELU


@kernel
def mean_commitment(actors, ties, i):
    """Return c̄, the trust-weighted mean commitment of the contacts of `i`."""
    weight = 0.0
    total = 0.0
    for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
        weight += ties.trust[slot]
        total += ties.trust[slot] * actors.old[ties.other[slot]]
    return total / weight if weight > 0.0 else 0.0


@kernel
def commitment(state, params, month, key):
    """Move every actor's commitment by influence, demand, successes seen, wear and failures."""
    actors = state.actors
    calendar = state.calendar
    old = state.actors.old
    old[:] = actors.commitment
    outside = params.external + params.crisis_push * calendar.shock[month]
    if calendar.odd[month]:
        outside += params.odd_push
    outside += params.visible_success * min(params.visible_cap, state.territory.visible)
    demand = params.demand * max(0.0, calendar.demand[month] - 0.75)
    for i in range(old.shape[0]):
        if not actors.alive[i]:
            continue
        x = outside + actors.imitation[i] * mean_commitment(actors, state.ties, i)
        if actors.kind[i] == ELU:
            x += demand
        c = old[i] + (1.0 - old[i]) * min(1.0, x) - params.wear * old[i]
        c *= (1.0 - params.discouragement) ** actors.setbacks[i]
        c += (1.0 - c) * (1.0 - (1.0 - params.session_push) ** actors.sessions[i])
        actors.commitment[i] = clip01(c)
        actors.setbacks[i] = 0
        actors.sessions[i] = 0
