"""Effets: joint successes lower fragilities and build engines, years later (9).

Les effets se voient plus tard : dix-huit mois, sept ans. An assumption, kept apart. ODD §7.12.
"""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.state import COOPERATION, INNOVATION, N_DOMAINS, N_WORLDS


@kernel
def delayed(lag, row, inflow, mean):
    """Move one two-stage (Erlang-2) lag of `mean` steps on; return what comes out."""
    first = 2.0 * lag[row, 0] / mean
    second = 2.0 * lag[row, 1] / mean
    lag[row, 0] += inflow - first
    lag[row, 1] += first - second
    return second


@kernel
def living_actors(actors):
    """Return N, the number of living actors of the four worlds."""
    n = 0
    for i in range(actors.shape[0]):
        n += actors.alive[i] and actors.kind[i] < N_WORLDS
    return n


@kernel
def outcomes(state, params, month, key):
    """Let this step's successes act on fragilities and engines after their delays."""
    territory = state.territory
    per_hundred = 100.0 / max(1, living_actors(state.actors))
    economic = 0.0
    inventive = 0.0
    for d in range(N_DOMAINS):
        done = 0.0
        for k in range(4):
            done += territory.successes[d, k]
        economic += territory.successes[d, COOPERATION]
        inventive += territory.successes[d, INNOVATION]
        out = delayed(territory.lag, d, done * per_hundred, params.performance_lag)
        territory.fragility[d] = min(
            100.0, max(0.0, territory.fragility[d] - params.fragility_gain * out)
        )
    out = delayed(territory.lag, N_DOMAINS, economic * per_hundred, params.performance_lag)
    out += delayed(territory.lag, N_DOMAINS + 1, inventive * per_hundred, params.innovation_lag)
    engines = territory.engines + params.engine_gain * out
    territory.engines = min(100.0, max(0.0, engines))
