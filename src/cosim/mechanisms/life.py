"""Vie: alliances live on small joint successes, and end by hazard (8).

Une alliance vit de petites réussites. ODD §7.11; Feinberg et al. 2008; Lunnan & Haugland 2008.
"""

from __future__ import annotations

import math

import numpy as np

from cosim.compiled import kernel
from cosim.mechanisms.bonds import end, invite, mean_maturity, mean_trust, worlds
from cosim.mechanisms.catalysis import caseload_effect
from cosim.mechanisms.contacts import base_trust, slot_of
from cosim.state import (
    BETA,
    COMPETENCES,
    COMPLETED,
    CONFIRMATORY,
    EXPERIMENT,
    F_FAILURES,
    F_SUCCESSES,
    FADED,
    FAILED,
    INSTITUTIONS,
    NEVER,
    NOBODY,
    OUTILS,
    SMALL_STEP,
)
from cosim.streams import HAZARD, RESULT, logistic, uniform


@kernel
def trust_after(trust, success, spared, params):
    """Return trust after a joint result: slow up by α, fast down by ρα (at most .8).

    `spared` is the share of the loss that the droit de l'alliance takes away.
    """
    if success:
        return trust + params.trust_gain * (1.0 - trust)
    return trust * (1.0 - min(0.8, params.trust_asymmetry * params.trust_gain) * (1.0 - spared))


@kernel
def confirmed_trust(trust, success, spared, params):
    """Return trust after a result when news that confirms weighs more (Poortinga 2004)."""
    if success:
        return trust + 2.0 * trust * params.trust_gain * (1.0 - trust)
    loss = 2.0 * (1.0 - trust) * params.trust_asymmetry * params.trust_gain
    return trust * (1.0 - min(0.8, loss) * (1.0 - spared))


@kernel
def counted_trust(trust, evidence, tau, success, spared, params):
    """Return trust as the mean of a Beta after one more result (Jøsang & Ismail 2002)."""
    x = 1.0 if success else spared * trust
    memory = params.trust_memory
    counted = memory * trust * (evidence + 2.0) + 2.0 * tau * (1.0 - memory) + x
    return counted / (memory * evidence + 3.0)


@kernel
def updated_trust(rule, trust, evidence, tau, success, spared, params):
    """Return (trust, evidence) after a joint result under the scenario's rule of trust."""
    if rule == BETA:
        after = counted_trust(trust, evidence, tau, success, spared, params)
        return after, params.trust_memory * evidence + 1.0
    if rule == CONFIRMATORY:
        return confirmed_trust(trust, success, spared, params), evidence
    return trust_after(trust, success, spared, params), evidence


@kernel
def support_of(state, a, month):
    """Return S, the largest support among the members of `a`, or that of its engineer."""
    actors = state.actors
    alliances = state.alliances
    best = 0.0
    if alliances.followed[a] > month:
        best = state.territory.engineering
    for k in range(alliances.n_members[a]):
        best = max(best, actors.support[alliances.members[a, k]])
    return best


@kernel
def _more_complex(state, a, b):
    """Return whether `a` has more worlds than `b`, then members, then the smaller id."""
    alliances = state.alliances
    x = worlds(state.actors, alliances, a)
    y = worlds(state.actors, alliances, b)
    if x != y:
        return x > y
    if alliances.n_members[a] != alliances.n_members[b]:
        return alliances.n_members[a] > alliances.n_members[b]
    return alliances.id[a] < alliances.id[b]


@kernel
def _follow(state, params, month):
    """Let the engineers follow the most complex alliances; set what that is worth."""
    alliances = state.alliances
    territory = state.territory
    worked = territory.engineering > 0.0
    territory.engineering = 0.0
    engineers = state.calendar.engineers[month]
    if engineers == 0.0:
        if worked:
            for a in range(territory.n_alliances):
                alliances.followed[a] = 0
        return
    followed = 0
    for a in range(territory.n_alliances):
        followed += alliances.ended[a] == NEVER and alliances.followed[a] > month
    slots = np.int64(math.floor(params.alliances_per_engineer * engineers + 0.5))
    while followed < slots:
        best = NOBODY
        for a in range(territory.n_alliances):
            free = alliances.ended[a] == NEVER and alliances.followed[a] <= month
            if free and (best == NOBODY or _more_complex(state, a, best)):
                best = a
        if best == NOBODY:
            break
        alliances.followed[best] = month + np.int64(params.engineering_term)
        followed += 1
    territory.engineering = caseload_effect(followed / engineers)


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
        + params.outils_means * state.territory.doses[OUTILS, INSTITUTIONS]
    )


@kernel
def hazard(params, trust, streak, supported, patience):
    """Return h, the hazard of ending per step; `patience` is the dose of funders' skills."""
    failures = params.hazard_failures * (1.0 - params.competences_patience * patience) * streak
    h = params.hazard * math.exp(-params.hazard_trust * (trust - 0.6) + failures)
    return h * params.support_hazard if supported else h


@kernel
def record_result(state, params, a, success, month):
    """Write a joint result: trust of every pair, wins or setbacks, the domain's successes."""
    actors = state.actors
    alliances = state.alliances
    ties = state.ties
    n = alliances.n_members[a]
    rule = state.settings.trust
    spared = params.droit_failure * state.calendar.droit[month]
    for x in range(n):
        i = alliances.members[a, x]
        if success:
            actors.wins[i] += 1
        else:
            actors.setbacks[i] += 1
        for y in range(n):
            if x != y:
                j = alliances.members[a, y]
                slot = slot_of(actors, ties, i, j)
                if slot != NOBODY:
                    tau = base_trust(params, actors.kind[j])
                    ties.trust[slot], evidence = updated_trust(
                        rule, ties.trust[slot], ties.evidence[slot], tau, success, spared, params
                    )
                    if rule == BETA:
                        ties.evidence[slot] = evidence
    if alliances.outside[a] != NOBODY:
        tau = base_trust(params, alliances.outside[a])
        alliances.outside_trust[a], alliances.outside_evidence[a] = updated_trust(
            rule, alliances.outside_trust[a], alliances.outside_evidence[a], tau, success, spared,
            params,
        )  # fmt: skip
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
    patience = territory.doses[COMPETENCES, INSTITUTIONS]
    _follow(state, params, month)
    for a in range(territory.n_alliances):
        if alliances.ended[a] != NEVER or alliances.born[a] == month:
            continue
        id = alliances.id[a]
        support = support_of(state, a, month)
        if support > 0.0:
            alliances.supported[a] += 1
        if (month - alliances.born[a]) % params.success_clock == 0.0:
            trust = mean_trust(actors, state.ties, alliances, params, a)
            p = success_probability(state, params, a, trust, support, month)
            success = uniform(key, RESULT, id, month, 0) < p
            record_result(state, params, a, success, month)
            if success:
                if alliances.successes[a] >= params.climb_successes:
                    alliances.rung[a] = 1
                if alliances.successes[a] >= params.complete_successes:
                    end(state, params, a, COMPLETED, month, key)
                    continue
                small = (
                    state.settings.first_step == SMALL_STEP and alliances.origin[a] == EXPERIMENT
                )
                if alliances.rung[a] == 1 or small:
                    invite(state, params, a, month, key)
        u = uniform(key, HAZARD, id, month, 0)
        if u >= hazard(params, 0.0, alliances.streak[a], support > 0.0, patience):
            continue  # not even without any trust: no need to sum it up
        trust = mean_trust(actors, state.ties, alliances, params, a)
        h = hazard(params, trust, alliances.streak[a], support > 0.0, patience)
        if u < 1.0 - math.exp(-h):
            spent = _all_spent(actors, alliances, params, a)
            end(state, params, a, FADED if spent else FAILED, month, key)
