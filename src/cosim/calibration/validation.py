"""What the model says of facts, and what a survey of it would have seen: validation.

Every draw of the posterior answers every row; the answers are the posterior predictive
distribution (Gelman, Meng & Stern 1996, Statistica Sinica 6:733). What a survey would see adds its
error to each draw: the mixture of the normal distributions of mean *draw* and of the row's
standard deviation. Its quantiles are computed, not drawn, so that no luck is added.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.calibration import language, posterior
from cosim.calibration.runs import Run, TerritoryRun, label, ordinal
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd

    from cosim.calibration.language import Row
    from cosim.calibration.survey import Survey
    from cosim.engine import Progress

#: One run of a scenario: of parameter values by name, and of a number that draws its luck.
Simulate = Callable[[Mapping[str, float], int], Run]
#: Quantiles of the predictive interval, which holds 90 %.
LOW, HIGH = 0.05, 0.95


@dataclass(frozen=True)
class Draws:
    """Sets of parameters to simulate, and what they are.

    Parameters
    ----------
    sets : values by name
    fr, en : what a reader is told of them
    """

    sets: tuple[Mapping[str, float], ...]
    fr: str
    en: str


@dataclass(frozen=True)
class Validation:
    """What a model says of some facts.

    Parameters
    ----------
    rows : the questions
    values : float64[draws, rows], NaN where a draw has no answer
    sets : place in the posterior sample of each draw's parameters, int64[draws]
    """

    rows: tuple[Row, ...]
    values: Array
    sets: Array

    @property
    def met(self) -> Array:
        """Whether each draw meets each row's tolerance, bool[draws, rows]."""
        low, high = (
            np.array([getattr(row, side) for row in self.rows]) for side in ("low", "high")
        )
        inside: Array = (self.values >= low) & (self.values <= high)
        return inside

    @property
    def joint(self) -> float:
        """Share of draws that meet all rows at once."""
        return float(self.met.all(axis=1).mean())

    @property
    def table(self) -> pd.DataFrame:
        """A row for each row.

        Columns: id, fact, measure, scenario, expected, low, high; mean, median, q05, q95 of the
        model; sd of the survey, seen05 and seen95 of what it would see; z; p, the two-sided
        probability of a figure at least as far out; inside, whether the expected figure is within
        seen05 to seen95; met, whether the median is within the tolerance; draws_met, the share of
        draws within it; nan, the number of draws without an answer.
        """
        import pandas as pd

        met = self.met.mean(axis=0)
        return pd.DataFrame(
            [
                _verdict(row, self.values[:, k]) | {"draws_met": met[k]}
                for k, row in enumerate(self.rows)
            ]
        )

    @property
    def facts(self) -> Mapping[str, bool]:
        """Whether every median of a fact is within its tolerance, by fact."""
        table = self.table
        return {str(name): bool(rows.met.all()) for name, rows in table.groupby("fact", sort=False)}

    @property
    def draws(self) -> pd.DataFrame:
        """A row for each draw: draw, set, met (rows within tolerance), a column for each row."""
        import pandas as pd

        head = {"draw": np.arange(len(self.sets)), "set": self.sets, "met": self.met.sum(axis=1)}
        return pd.DataFrame(head | {row.id: self.values[:, k] for k, row in enumerate(self.rows)})


def _verdict(row: Row, draws: Array) -> dict[str, Any]:
    known = draws[~np.isnan(draws)]
    found: dict[str, Any] = {
        "id": row.id, "fact": row.fact, "measure": row.text, "scenario": row.scenario,
        "expected": row.expected, "low": row.low, "high": row.high,
    }  # fmt: skip
    if len(known) == 0:
        names = ("mean", "median", "q05", "q95", "sd", "seen05", "seen95", "z", "p")
        return found | dict.fromkeys(names, np.nan) | {
            "inside": False, "met": False, "nan": len(draws)
        }  # fmt: skip
    low, median, high = np.quantile(known, (LOW, 0.5, HIGH))
    below = seen(known, row.sd, row.expected)
    spread = np.hypot(np.std(known), row.sd)
    return found | {
        "mean": known.mean(), "median": median, "q05": low, "q95": high, "sd": row.sd,
        **{name: float(np.clip(quantile(known, row.sd, level), *row.bounds))
           for name, level in (("seen05", LOW), ("seen95", HIGH))},
        "z": (row.expected - known.mean()) / spread, "p": 2.0 * min(below, 1.0 - below),
        "inside": LOW <= below <= HIGH, "met": row.low <= median <= row.high,
        "nan": len(draws) - len(known),
    }  # fmt: skip


def seen(draws: Array, sd: float, figure: float) -> float:
    """Return the probability that a survey of one of the draws sees at most `figure`.

    >>> seen(np.array([0.0, 1.0]), 0.1, 0.5)
    0.5
    """
    from scipy.special import ndtr

    return float(ndtr((figure - draws) / sd).mean())


def quantile(draws: Array, sd: float, level: float) -> float:
    """Return the figure under which a share `level` of such surveys stay: the inverse of `seen`."""
    from scipy.optimize import brentq

    reach = 6.0 * sd
    return float(
        brentq(lambda x: seen(draws, sd, x) - level, draws.min() - reach, draws.max() + reach)
    )


# -- simulation ---------------------------------------------------------------------------


def validate(
    rows: Sequence[Row],
    draws: Sequence[Mapping[str, float]],
    simulate: Mapping[str, Simulate],
    n: int = 100,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Validation:
    """Let every draw answer every row.

    Draw k simulates each scenario that the rows name with set k of `draws` (from its start again
    when there are fewer) and with luck k, the same in all scenarios.

    Parameters
    ----------
    draws : parameter values by name, one set per draw
    simulate : by the name of the scenario
    n : draws
    workers : threads (default: the machine's cores)
    progress : called with the number of simulations done, of n for each scenario

    Raises
    ------
    ParameterError : a row asks about a month outside its run
    """
    from cosim.engine import in_order

    by_scenario = {
        name: [k for k, row in enumerate(rows) if row.scenario == name]
        for name in dict.fromkeys(row.scenario for row in rows)
    }
    sets = np.arange(n, dtype=np.int64) % len(draws)
    values = np.full((n, len(rows)), np.nan)

    def answer(draw: int, scenario: str) -> None:
        run = simulate[scenario](draws[sets[draw]], draw)
        for k in by_scenario[scenario]:
            values[draw, k] = _answer(rows[k], run)

    tasks = [(draw, scenario) for draw in range(n) for scenario in by_scenario]
    alone = tasks if workers == 1 else tasks[:1]  # the first compiles, before threads start
    done = 0
    for task in alone:
        answer(*task)
        done = _told(done, progress)
    threads = workers or os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        submissions: list[Callable[[], Future[None]]] = [
            partial(pool.submit, answer, *task) for task in tasks[len(alone) :]
        ]
        with closing(in_order(submissions, 4 * threads)) as answers:
            for _ in answers:
                done = _told(done, progress)
    return Validation(tuple(rows), values, sets)


def _answer(row: Row, run: Run) -> float:
    with language.located({}, where=f"{row.id}, {row.text}"):
        return row.measure.value(run)


def _told(done: int, progress: Progress | None) -> int:
    if progress:
        progress(done + 1)
    return done + 1


def draws_of(rules: str = posterior.DEFAULT) -> Draws:
    """Return the sets of parameters that the rules are validated with: those of their posterior.

    Raises
    ------
    ScenarioError : unknown rules, or rules that nobody calibrated
    """
    sample = posterior.load(rules)
    n = len(sample)
    return Draws(tuple(sample.parameters(k) for k in range(n)),
                 f"{n} jeux de paramètres tirés de la calibration",
                 f"{n} sets of parameters drawn from the calibration")  # fmt: skip


def simulators(
    rows: Sequence[Row], seed: int = 1, rules: str = posterior.DEFAULT
) -> Mapping[str, Simulate]:
    """Return how each scenario that the rows name is simulated.

    A scenario's own `[parameters]` come before those of a draw. The survey goes on until the last
    month that a row asks about.

    Raises
    ------
    CosimError : a scenario is not valid
    """
    return {
        name: _simulate(name, rules, seed, [row for row in rows if row.scenario == name])
        for name in dict.fromkeys(row.scenario for row in rows)
    }


def _simulate(name: str, rules: str, seed: int, rows: Sequence[Row]) -> Simulate:
    from cosim import engine
    from cosim.calibration import survey
    from cosim.scenario import load

    read = tuple(sorted({pair for row in rows for pair in language.columns(row.measure)}))
    if name in survey.SCENARIOS:
        return partial(_surveyed, survey.ready(name, rules, _until(rows), (), read), seed)
    scenario = load(name).with_(rules=posterior.rules_of(rules))
    place = engine.territory_of(scenario)

    def simulate(values: Mapping[str, float], number: int) -> Run:
        drawn = scenario.with_(parameters={**values, **scenario.parameters})
        ready = engine.plan(drawn, place, read)
        return TerritoryRun(ready, *engine.replicate(ready, seed, number))

    return simulate


def _surveyed(asked: Survey, seed: int, values: Mapping[str, float], number: int) -> Run:
    from cosim.calibration import survey

    return survey.simulate(values, seed, number, asked)


def _until(rows: Sequence[Row]) -> str | None:
    """Return the last month of a survey that answers the rows; None for its own."""
    from cosim.calibration import survey

    ends = [window.last.last for row in rows for window in language.windows(row.measure)]
    own = ordinal(survey.scenarios("survey-supported")[0].time.end)
    return label(max(ends)) if ends and max(ends) > own else None
