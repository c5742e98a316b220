"""What levers and profiles are worth to one actor: the small formulas that mechanisms share."""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.state import (
    ASSOCIATION,
    COLLECTIVITES,
    COMPANY,
    ELU,
    ORGANISATIONS,
    OUTILS,
    PROFILE_METIERS,
)


@kernel
def dose_of(state, lever, i):
    """Return D_l(i), the share of the public of actor `i` that data, tools or skills reach."""
    kind = state.actors.kind[i]
    if kind in (ASSOCIATION, COMPANY):
        return state.territory.doses[lever, ORGANISATIONS]
    if kind == ELU:
        return state.territory.doses[lever, COLLECTIVITES]
    return 0.0


@kernel
def ease(state, params, i):
    """Return β_i, what tools take from the burden of load on the logit of a birth."""
    actors = state.actors
    load = actors.load[i] / actors.capacity[i]
    return params.birth_load * load * params.outils_ease * dose_of(state, OUTILS, i)


@kernel
def affinity(actors, params, i, metier):
    """Return a_i, what an élu gains from the métier that suits the profile of the commune."""
    if actors.kind[i] == ELU and PROFILE_METIERS[actors.profile[i]] == metier:
        return 1.0 + params.profile_affinity
    return 1.0


@kernel
def evidence_of(trust, tau):
    """Return w, the weight of as many successes as would bring base trust `tau` to `trust`."""
    return max(0.0, 2.0 * (trust - tau) / (1.0 - trust)) if trust < 1.0 else 0.0
