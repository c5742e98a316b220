"""Reconnaissance: informal alliances come to light, and what is seen spreads envie (10).

Révéler ce qui existe déjà donne envie. ODD §7.13.
"""

from __future__ import annotations

from cosim.compiled import kernel
from cosim.mechanisms.outcomes import living_actors
from cosim.state import NEVER
from cosim.streams import RECOGNISE, uniform


@kernel
def recognition(state, params, month, key):
    """Reveal some hidden alliances, then count the recognised successes of twelve months."""
    alliances = state.alliances
    territory = state.territory
    july = state.calendar.july[month]
    for a in range(territory.n_alliances):
        if alliances.ended[a] != NEVER or alliances.recognised[a] != NEVER:
            continue
        p = params.recognise
        if july and alliances.rung[a] == 1:
            p = 1.0 - (1.0 - p) * (1.0 - params.gathering)
        if uniform(key, RECOGNISE, alliances.id[a], month, 0) < p:
            alliances.recognised[a] = month
    seen = 0
    for k in range(12 * state.settings.substeps):
        seen += territory.visible_log[k]
    territory.visible = 100.0 / max(1, living_actors(state.actors)) * seen
