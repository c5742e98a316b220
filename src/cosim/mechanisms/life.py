"""Vie: alliances live on small joint successes, and end by hazard (8).

Une alliance vit de petites réussites. ODD §7.11; Feinberg et al. 2008; Lunnan & Haugland 2008.
"""

from __future__ import annotations

import math

from cosim.compiled import kernel
from cosim.mechanisms.bonds import end, invite, mean_maturity, mean_trust
from cosim.mechanisms.contacts import slot_of
from cosim.state import (
    COMPLETED,
    F_FAILURES,
    F_SUCCESSES,
    FADED,
    FAILED,
    NEVER,
    NOBODY,
)
from cosim.streams import HAZARD, RESULT, logistic, uniform


@kernel
def trust_after(trust, success, params):
    """Return trust after a joint result: slow up by α, fast down by ρα (at most .8)."""
    if success:
        return trust + params.trust_gain * (1.0 - trust)
    return trust * (1.0 - min(0.8, params.trust_asymmetry * params.trust_gain))


@kernel
def support_of(actors, alliances, a):
    """Return S, the largest support among the members of `a`."""
    best = 0.0
    for k in range(alliances.n_members[a]):
        best = max(best, actors.support[alliances.members[a, k]])
    return best


@kernel
def success_probability(state, params, a, trust, support, month):
    """Return the probability that the next joint result of `a` is a success."""
    years = month / (12.0 * state.settings.substeps)
    means = state.settings.scissors * params.scissors_means * years
    return logistic(
        params.success_base
        + params.success_trust * trust
        + params.success_maturity * mean_maturity(state.actors, state.alliances, a)
        + support * math.log(params.support_success)
        - params.crisis_resources * state.calendar.shock[month]
        - means
    )


@kernel
def hazard(params, trust, streak, supported):
    """Return h, the hazard of ending per step."""
    h = params.hazard * math.exp(
        -params.hazard_trust * (trust - 0.6) + params.hazard_failures * streak
    )
    return h * params.support_hazard if supported else h


@kernel
def record_result(state, params, a, success, month):
    """Write a joint result: trust of every pair, wins or setbacks, the domain's successes."""
    actors = state.actors
    alliances = state.alliances
    ties = state.ties
    n = alliances.n_members[a]
    for x in range(n):
        i = alliances.members[a, x]
        if success:
            actors.wins[i] += 1
        else:
            actors.setbacks[i] += 1
        for y in range(n):
            if x != y:
                slot = slot_of(actors, ties, i, alliances.members[a, y])
                if slot != NOBODY:
                    ties.trust[slot] = trust_after(ties.trust[slot], success, params)
    if alliances.outside[a] != NOBODY:
        alliances.outside_trust[a] = trust_after(alliances.outside_trust[a], success, params)
    if not success:
        alliances.failures[a] += 1
        alliances.streak[a] += 1
        state.territory.flow[F_FAILURES] += 1.0
        return
    alliances.successes[a] += 1
    alliances.streak[a] = 0
    state.territory.flow[F_SUCCESSES] += 1.0
    state.territory.successes[alliances.domain[a], alliances.type[a]] += 1
    if alliances.recognised[a] <= month:
        state.territory.visible_log[month % (12 * state.settings.substeps)] += 1


@kernel
def _all_spent(actors, alliances, params, a):
    for k in range(alliances.n_members[a]):
        i = alliances.members[a, k]
        if actors.load[i] < actors.capacity[i] and actors.commitment[i] >= params.faded_commitment:
            return False
    return True


@kernel
def life(state, params, month, key):
    """Give every living alliance its joint result when due, then its chance to end."""
    actors = state.actors
    alliances = state.alliances
    territory = state.territory
    territory.successes[:] = 0
    territory.visible_log[month % (12 * state.settings.substeps)] = 0
    for a in range(territory.n_alliances):
        if alliances.ended[a] != NEVER or alliances.born[a] == month:
            continue
        id = alliances.id[a]
        support = support_of(actors, alliances, a)
        if support > 0.0:
            alliances.supported[a] += 1
        trust = mean_trust(actors, state.ties, alliances, params, a)
        if (month - alliances.born[a]) % params.success_clock == 0.0:
            p = success_probability(state, params, a, trust, support, month)
            success = uniform(key, RESULT, id, month, 0) < p
            record_result(state, params, a, success, month)
            if success:
                if alliances.successes[a] >= params.climb_successes:
                    alliances.rung[a] = 1
                if alliances.successes[a] >= params.complete_successes:
                    end(state, params, a, COMPLETED, month, key)
                    continue
                if alliances.rung[a] == 1:
                    invite(state, params, a, month, key)
            trust = mean_trust(actors, state.ties, alliances, params, a)
        h = hazard(params, trust, alliances.streak[a], support > 0.0)
        if uniform(key, HAZARD, id, month, 0) < 1.0 - math.exp(-h):
            spent = _all_spent(actors, alliances, params, a)
            end(state, params, a, FADED if spent else FAILED, month, key)
