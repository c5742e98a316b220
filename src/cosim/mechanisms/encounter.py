"""Rencontre: actors come across one another, mostly near and through common contacts (3).

On ne fait pas alliance avec qui l'on n'a jamais rencontré. ODD §7.6; Tomasello et al. 2014;
McPherson et al. 2001; Catalini 2018 for places.
"""

from __future__ import annotations

import math

import numpy as np

from cosim.compiled import kernel
from cosim.mechanisms.contacts import introduce, lapse, meet
from cosim.mechanisms.context import presence
from cosim.mechanisms.doses import affinity
from cosim.state import CATALYSEUR, NOBODY, PLACE_BORN
from cosim.streams import ENCOUNTER, PLACE_MEET, block, index, poisson, uniform


@kernel
def through_contact(state, params, i, month, draw, key):
    """Return a contact of a contact of `i`, or NOBODY."""
    actors = state.actors
    ties = state.ties
    id = actors.id[i]
    u, v = block(key, ENCOUNTER, id, month, draw)
    if u >= params.p_closure or actors.contacts[i] == 0:
        return NOBODY
    b = ties.other[actors.first[i] + index(v, actors.contacts[i])]
    w = uniform(key, ENCOUNTER, id, month, draw + 1)
    j = ties.other[actors.first[b] + index(w, actors.contacts[b])]
    return j if j != i else NOBODY


@kernel
def near(state, params, i, month, draw, key):
    """Return somebody of the commune or of the territory, or NOBODY."""
    actors = state.actors
    id = actors.id[i]
    linker = actors.kind[i] == CATALYSEUR
    first = state.communes.start[actors.commune[i]]
    neighbours = state.communes.start[actors.commune[i] + 1] - first
    everyone = state.territory.seats[CATALYSEUR]
    for a in range(4):
        u, v = block(key, ENCOUNTER, id, month, draw + 2 + a)
        if u < params.p_commune and not linker:
            j = state.residents[first + index(v, neighbours)]
        else:
            j = state.order[index(v, everyone)]
        if not actors.alive[j] or j == i:
            continue
        if linker or actors.kind[i] == actors.kind[j]:
            return j
        if uniform(key, ENCOUNTER, id, month, draw + 6 + a) < params.other_world:
            return j
    return NOBODY


@kernel
def encounter(state, params, month, key):
    """Let idle ties lapse, then let every actor meet others."""
    actors = state.actors
    places = state.places
    lapse(state, month)
    rate = params.encounters
    if month >= 0:  # the burn-in before the first step knows no crisis
        rate *= max(0.0, 1.0 - params.crisis_meetings * state.calendar.shock[month])
    calm = math.exp(-rate)
    for i in state.order:
        if not actors.alive[i]:
            continue
        mean = rate
        none = calm
        if actors.kind[i] == CATALYSEUR:
            k = np.int64((actors.id[i] >> np.uint64(10)) & np.uint64(0x1FFFFF))
            mean *= params.catalyst_encounters * presence(state.calendar, month, k)
            none = 0.0
        u, v = block(key, ENCOUNTER, actors.id[i], month, 0)
        for m in range(0 if u < none else poisson(u, mean)):
            draw = 1 + 16 * m
            j = through_contact(state, params, i, month, draw, key)
            linked = j != NOBODY
            if not linked:
                j = near(state, params, i, month, draw, key)
            if j != NOBODY:
                introduce(state, params, i, j, 0, linked, month, key)
        p = actors.place[i]
        if p != NOBODY:
            more = rate * (params.place_encounters - 1.0) * affinity(actors, params, i, 3)
            for m in range(poisson(v, more)):
                u = uniform(key, PLACE_MEET, actors.id[i], month, m)
                j = places.regulars[p, index(u, places.count[p])]
                if j != i:
                    meet(state, params, i, j, PLACE_BORN, month, key)
