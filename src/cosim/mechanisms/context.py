"""Contexte: elections, crises, births and deaths change who is there and what is needed (1).

Le monde bouge : élections, crises, besoins en hausse et moyens en baisse. ODD §7.4.
"""

from __future__ import annotations

import math

import numpy as np

from cosim.compiled import kernel
from cosim.mechanisms.bonds import log_event
from cosim.mechanisms.occupants import (
    clip01,
    draw_occupant,
    inherit,
    leave_place,
    next_generation,
    settle_levels,
    vacate,
)
from cosim.state import (
    ASSOCIATION,
    CATALYSEUR,
    COMPANY,
    ELU,
    J_JOIN,
    J_LEAVE,
    N_DOMAINS,
    N_WORLDS,
    NOBODY,
)
from cosim.streams import (
    BIRTH_SEAT,
    BIRTHS,
    ELECTION,
    NEWCOMER,
    actor_id,
    index,
    poisson,
    uniform,
)


@kernel
def presence(calendar, month, k):
    """Return f, the share of a full post that catalyst number `k` holds this step."""
    return min(1.0, max(0.0, calendar.fte[month] - k))


@kernel
def replace(state, params, i, old, month, key):
    """Put a newcomer in an élu's seat; contacts and seats in alliances stay."""
    actors = state.actors
    commitment = actors.commitment[i]
    know_how = actors.know_how[i]
    for k in range(actors.load[i]):
        log_event(state, J_LEAVE, month, actors.seats[i, k], actors.id[i], 0, 0.0)
    next_generation(actors, i)
    draw_occupant(state, params, i, month, key)
    for k in range(actors.load[i]):
        log_event(state, J_JOIN, month, actors.seats[i, k], actors.id[i], 0, 0.0)
    first = state.territory.seats[ELU]
    n = state.territory.seats[ELU + 1] - first
    model = state.order[first + index(uniform(key, NEWCOMER, actors.id[i], 0, 0), n)]
    weight = params.newcomer_weight
    actors.commitment[i] = clip01(weight * commitment + (1.0 - weight) * old[model])
    actors.know_how[i] = params.inherit_know_how * know_how
    settle_levels(state, i)
    actors.commitment0[i] = actors.commitment[i]
    actors.know_how0[i] = actors.know_how[i]
    inherit(state, params, i)
    leave_place(state, i)
    actors.coach[i] = NOBODY
    actors.support[i] = 0.0


@kernel
def _arrivals(state, params, kind, mean, month, key):
    territory = state.territory
    actors = state.actors
    first = territory.seats[kind]
    n = territory.seats[kind + 1] - first
    if n == 0:
        return
    base = actor_id(actors.id[state.order[first]] >> np.uint64(34), kind, 0, 0)
    for m in range(poisson(uniform(key, BIRTHS, base, month, 0), mean)):
        start = index(uniform(key, BIRTH_SEAT, base, month, m), n)
        for step in range(n):
            i = state.order[first + (start + step) % n]
            if not actors.alive[i]:
                next_generation(actors, i)
                draw_occupant(state, params, i, month, key)
                break


@kernel
def context(state, params, month, key):
    """Apply the calendar of this step, departures and arrivals."""
    actors = state.actors
    calendar = state.calendar
    settings = state.settings
    rise = params.crisis_needs * calendar.shock[month]
    rise += settings.scissors * params.scissors_needs
    for d in range(N_DOMAINS):
        state.territory.fragility[d] = min(100.0, max(0.0, state.territory.fragility[d] + rise))

    old = state.old
    living = 0
    companies = 0
    for i in state.order:
        old[i] = actors.commitment[i]
        if actors.alive[i]:
            living += actors.kind[i] == ASSOCIATION
            companies += actors.kind[i] == COMPANY
    for i in state.order:
        if not actors.alive[i] or actors.kind[i] >= N_WORLDS:
            continue
        if actors.kind[i] == ELU:
            voted = False
            if calendar.election[month]:
                share = params.turn_maire if actors.size_class[i] == 0 else params.turn_councillor
                u = uniform(key, ELECTION, actors.id[i], month, 0)
                voted = u < min(1.0, settings.turnover * share)
            if voted or actors.leaves[i] == month:
                replace(state, params, i, old, month, key)
        elif actors.leaves[i] == month:
            vacate(state, params, i, month, key)

    first = state.territory.seats[CATALYSEUR]
    for k in range(state.territory.seats[CATALYSEUR + 1] - first):
        i = state.order[first + k]
        present = k < math.ceil(calendar.fte[month])
        if actors.alive[i] and not present:
            vacate(state, params, i, month, key)
        elif present and not actors.alive[i]:
            next_generation(actors, i)
            draw_occupant(state, params, i, month, key)

    _arrivals(state, params, ASSOCIATION, params.birth_association * living, month, key)
    _arrivals(state, params, COMPANY, params.birth_company * companies, month, key)
