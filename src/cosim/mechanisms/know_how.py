"""Savoir-faire: actors learn by success, by accompaniment and from partners, and forget (6).

On apprend en faisant. ODD §7.9; Kale, Dyer & Singh 2002; Baskerville et al. 2012.
"""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.mechanisms.doses import affinity, dose_of
from cosim.mechanisms.occupants import clip01
from cosim.state import COMPETENCES, SCALAR


@kernel
def partners_know_how(actors, alliances, old, i):
    """Return ē, the mean know-how of all fellow members of `i`, -1 without any."""
    total = 0.0
    n = 0
    for s in range(actors.load[i]):
        a = actors.seats[i, s]
        for k in range(alliances.n_members[a]):
            j = alliances.members[a, k]
            if j != i:
                total += old[j]
                n += 1
    return total / n if n else -1.0


@kernel
def know_how(state, params, month, key):
    """Move every actor's know-how by coaching, partners, forgetting and past successes."""
    actors = state.actors
    old = state.old
    for i in range(actors.shape[0]):
        old[i] = actors.know_how[i]
    for i in range(actors.shape[0]):
        if not actors.alive[i]:
            continue
        e = old[i]
        gain = 0.0
        if actors.support[i] > 0.0:
            coached = params.coaching * actors.support[i] * affinity(actors, params, i, 2)
            gain = min(1.0, actors.learning[i] * coached)
        dose = dose_of(state, COMPETENCES, i)
        if dose > 0.0:
            gain += min(1.0, actors.learning[i] * params.competences_training * dose)
        e += (1.0 - e) * gain
        if actors.load[i] > 0:
            e += params.peers * max(
                0.0, partners_know_how(actors, state.alliances, old, i) - old[i]
            )
        e -= params.forgetting * old[i]
        if actors.wins[i] > 0:
            step = min(1.0, actors.learning[i] * params.learning)
            e += (1.0 - e) * (1.0 - (1.0 - step) ** actors.wins[i])
        actors.know_how[i] = clip01(e)
        if state.settings.maturity == SCALAR:
            actors.commitment[i] = actors.know_how[i]
        actors.wins[i] = 0
