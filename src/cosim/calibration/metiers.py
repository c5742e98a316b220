"""Each métier acts through its own channel only: what four catalysts of one métier leave behind.

A channel is what a métier does directly, read where it happens; what follows from it (commitment,
know-how, alliances) is the model's affair and not counted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from cosim import engine
from cosim.calibration.bench import Bench, only
from cosim.calibration.pairs import marked
from cosim.effects_text import number
from cosim.mechanisms import Rule
from cosim.mechanisms.levers import begin
from cosim.scenario_tables import METIERS
from cosim.state import DIALOGUE_BORN, EXPERIMENT, NOBODY, PLACE_BORN, Array, State

if TYPE_CHECKING:
    import pandas as pd

#: Channel -> the métier that it belongs to, and what is counted, in French and English.
CHANNELS: Mapping[str, tuple[str, str, str]] = {
    "sessions": ("dialogue", "présences à une session (chacune pousse l'envie)",
                 "attendances at a session (each pushes commitment)"),
    "dialogue_ties": ("dialogue", "liens-mois nés d'une session",
                      "tie-months born in a session"),
    "groups": ("experimentation", "groupes réunis pour un essai", "groups gathered for a trial"),
    "trials": ("experimentation", "alliances nées d'un essai", "alliances born of a trial"),
    "accompanied": ("accompagnement", "acteurs-mois accompagnés", "actor-months accompanied"),
    "support": ("accompagnement", "acteurs-mois accompagnés, à l'effet K(n)",
                "actor-months accompanied, by the effect K(n)"),
    "regulars": ("lieu", "acteurs-mois d'habitués", "actor-months of regulars"),
    "place_ties": ("lieu", "liens-mois nés d'un lieu", "tie-months born in a place"),
}  # fmt: skip
MONTHS, FTE = 24, 4.0


def channels(
    values: Mapping[str, float] | None = None,
    rules: Mapping[str, str] | None = None,
    seed: int = 1,
    replicates: int = 4,
    territory: str = "",
) -> pd.DataFrame:
    """Return what each métier alone does in `MONTHS` with `FTE`, less what is there without.

    The two runs have the same luck; the parameters are those of `known.effects`.

    Returns
    -------
    DataFrame : a row per métier, a column per name of `CHANNELS`, means over replicates
    """
    import pandas as pd

    bench = Bench(values or {}, rules or {}, territory)
    without = _lived(bench.plan(MONTHS), seed, replicates)
    rows = [
        _lived(
            bench.plan(MONTHS, **{"catalysis.fte": FTE, "catalysis.mix": only(metier)}),
            seed, replicates,
        ) - without
        for metier in METIERS
    ]  # fmt: skip
    return pd.DataFrame(rows, index=pd.Index(METIERS, name="metier"), columns=list(CHANNELS))


def own(metier: str) -> set[str]:
    """Return the channels of a métier."""
    return {name for name, (owner, _, _) in CHANNELS.items() if owner == metier}


def _lived(ready: engine.Plan, seed: int, replicates: int) -> Array:
    """Return the traces of some replicates, float64[channels], mean over replicates."""
    rules = [mechanism.rule() for mechanism in ready.schedule.mechanisms]
    after = ready.schedule.names.index("catalysis") + 1
    found = [_one(engine.Run(ready, seed, k), rules[:after], rules[after:])
             for k in range(replicates)]  # fmt: skip
    return np.asarray(np.mean(found, axis=0))


def _one(run: engine.Run, until: list[Rule], then: list[Rule]) -> Array:
    """Return the traces of one replicate: some are gone at the end of the month, hence the halt."""
    total = np.zeros(len(CHANNELS))
    params = run.plan.params
    while not run.done:
        run.state = engine.room(run.state)
        begin(run.state, params, run.month)
        for rule in until:
            rule(run.state, params, run.month, run.key)
        total += _traces(run.state)
        for rule in then:
            rule(run.state, params, run.month, run.key)
        run.month += 1
    born = run.state.alliances.origin[: run.state.territory.n_alliances] == EXPERIMENT
    total[list(CHANNELS).index("trials")] = born.sum()
    return total


def _traces(state: State) -> Array:
    """Return what the métiers have just left, float64[channels]; births are counted at the end."""
    actors = state.actors
    return np.array([
        actors.sessions.sum(), marked(state, DIALOGUE_BORN), state.territory.n_proposals, 0.0,
        (actors.coach != NOBODY).sum(), actors.support.sum(),
        (actors.place != NOBODY).sum(), marked(state, PLACE_BORN),
    ], dtype=float)  # fmt: skip


def figure(value: float) -> str:
    """Return a figure of the table; a dot stands for exactly nothing."""
    return number(value, 1) if value else "·"


def markdown(found: pd.DataFrame) -> str:
    """Return the table as a part of `docs/calibration.md`; a dot stands for exactly nothing."""
    lines = [f"| | {' | '.join(found.index)} |", f"|---|{'--:|' * len(found)}"]
    for name, (_, _, text) in CHANNELS.items():
        lines.append(f"| {text} | {' | '.join(figure(x) for x in found[name])} |")
    return "\n".join(lines) + "\n"
