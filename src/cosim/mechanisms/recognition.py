"""Reconnaissance: informal alliances come to light, and what is seen spreads envie (10).

Révéler ce qui existe déjà donne envie. ODD §7.13.
"""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.mechanisms.outcomes import living_actors
from cosim.state import DONNEES, INSTITUTIONS, NEVER
from cosim.streams import RECOGNISE, uniform


@kernel
def _funded(state, params, month):
    """Return p′, the chance that levers reveal a given hidden alliance this step."""
    cases = state.calendar.cases[month]
    dose = state.territory.doses[DONNEES, INSTITUTIONS]
    if cases == 0.0 and dose == 0.0:
        return 0.0
    alliances = state.alliances
    hidden = 0
    for a in range(state.territory.n_alliances):
        hidden += alliances.ended[a] == NEVER and alliances.recognised[a] == NEVER
    if hidden == 0:
        return 0.0
    revealed = cases * params.cases_per_k_euro / (12.0 * state.settings.substeps * hidden)
    return 1.0 - (1.0 - params.donnees_recognise * dose) * (1.0 - min(1.0, revealed))


@kernel
def recognition(state, params, month, key):
    """Reveal some hidden alliances, then count the recognised successes of twelve months."""
    alliances = state.alliances
    territory = state.territory
    july = state.calendar.july[month]
    funded = _funded(state, params, month)
    for a in range(territory.n_alliances):
        if alliances.ended[a] != NEVER or alliances.recognised[a] != NEVER:
            continue
        p = params.recognise
        if july and alliances.rung[a] == 1:
            p = 1.0 - (1.0 - p) * (1.0 - params.gathering)
        if funded > 0.0:
            p = 1.0 - (1.0 - p) * (1.0 - funded)
        if uniform(key, RECOGNISE, alliances.id[a], month, 0) < p:
            alliances.recognised[a] = month
    seen = 0
    for k in range(12 * state.settings.substeps):
        seen += territory.visible_log[k]
    territory.visible = 100.0 / max(1, living_actors(state.actors)) * seen
