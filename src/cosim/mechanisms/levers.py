"""The opening of a step: what the levers give and spend, before the ten mechanisms (ODD §7.14)."""

from __future__ import annotations

import math

import numpy as np

from cosim.compiled import kernel
from cosim.mechanisms.bonds import log_event
from cosim.state import (
    ASSOCIATION,
    COLLECTIVITES,
    COMPANY,
    COMPETENCES,
    DONNEES,
    ELU,
    INSTITUTIONS,
    J_SPENDING,
    L_CATALYSIS,
    L_DONNEES,
    L_PRIME,
    LEVERS,
    N_WORLDS,
    ORGANISATIONS,
    OUTILS,
    TERRITOIRES,
)

_N_LEVERS = len(LEVERS)


@kernel
def public_seat(state, ordinal):
    """Return the id (kind 5) under which a lever draws its own random numbers."""
    number = state.actors.id[0] >> np.uint64(34)
    return number << np.uint64(34) | np.uint64(5) << np.uint64(31) | np.uint64(ordinal * 1024)


@kernel
def _heads(state, month):
    """Return N_p, the size of the four publics."""
    actors = state.actors
    heads = np.zeros(4)
    for i in range(actors.shape[0]):
        if actors.alive[i] and actors.kind[i] < N_WORLDS:
            kind = actors.kind[i]
            heads[ORGANISATIONS] += kind in (ASSOCIATION, COMPANY)
            heads[COLLECTIVITES] += kind == ELU
            heads[INSTITUTIONS] += 0.01
    places = state.settings.sample * state.calendar.lieux[month]
    heads[TERRITOIRES] = state.calendar.fte[month] + places
    return heads


@kernel
def _reach(params, lever):
    if lever == DONNEES:
        return params.donnees_reach
    return params.outils_reach if lever == OUTILS else params.competences_reach


@kernel
def _open_doses(state, params, month):
    """Set the doses of data, tools and skills: 1 - exp(-k€ / (reach · heads))."""
    amounts = state.calendar.amounts[month]
    doses = state.territory.doses
    doses[:] = 0.0
    if amounts.sum() == 0.0:
        return
    heads = _heads(state, month)
    for lever in (DONNEES, OUTILS, COMPETENCES):
        touched = 0.0
        for public in range(4):
            if amounts[lever, public] > 0.0 and heads[public] > 0.0:
                x = amounts[lever, public] / (_reach(params, lever) * heads[public])
                doses[lever, public] = 1.0 - math.exp(-x)
                if public in (ORGANISATIONS, COLLECTIVITES):
                    touched += doses[lever, public] * heads[public]
        _log_spending(state, month, L_DONNEES + lever, np.int64(touched + 0.5))


@kernel
def _log_spending(state, month, lever, touched):
    amount = state.calendar.spend[month, lever]
    if amount > 0.0:
        log_event(state, J_SPENDING, month, lever, np.uint64(0), touched, amount)


@kernel
def begin(state, params, month):
    """Open a step: flows at zero in the first of a month, doses, purse, spending."""
    territory = state.territory
    calendar = state.calendar
    if month % state.settings.substeps == 0:
        territory.flow[:] = 0.0
    territory.n_proposals = 0
    if calendar.prime[month] == 0.0:
        territory.purse = 0.0
    elif calendar.purse[month] > 0.0:
        territory.purse = calendar.purse[month]
    _open_doses(state, params, month)
    for lever in range(_N_LEVERS):
        territory.spent[lever] += calendar.spend[month, lever]
        if lever != L_CATALYSIS and not L_DONNEES <= lever < L_DONNEES + 3:
            _log_spending(state, month, lever, 0)


@kernel
def prime_pull(state, params, month):
    """Return π, what the prime on offer adds to the logit of a birth; 0 with an empty purse."""
    if state.territory.purse <= 0.0:
        return 0.0
    return params.prime_birth * (1.0 - math.exp(-state.calendar.prime[month] / params.prime_scale))


@kernel
def pay_prime(state, i, a, month):
    """Pay the prime of the new alliance `a` to its founder `i`, as far as the purse goes."""
    territory = state.territory
    prime = state.calendar.prime[month]
    if prime == 0.0 or territory.purse <= 0.0:
        return
    euros = min(math.floor(1000.0 * prime + 0.5), territory.purse)
    territory.purse -= euros
    territory.spent[L_PRIME] += euros / 1000.0
    members = state.alliances.n_members[a]
    log_event(state, J_SPENDING, month, L_PRIME, state.actors.id[i], members, euros / 1000.0)
