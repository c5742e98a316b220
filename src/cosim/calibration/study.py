"""The calibration of cosim as it was made: its targets, its rules, the tables that it leaves.

One folder holds a calibration per set of rules and, beside them, what is asked of those: recovery
of known truths, ablation of each mechanism, comparison of the rival rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import facts
from cosim.calibration import language, survey
from cosim.calibration.matching import Target, implausibility, log_likelihood, standardised
from cosim.calibration.priors import priors
from cosim.calibration.rivals import Draws
from cosim.calibration.waves import Calibration, Simulator, Sizes
from cosim.errors import CosimError
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd

    from cosim.calibration.runs import Run

#: Facts of the start, which is an input: a model that leaves it at once was not started there.
STARTS = ("engaged_companies_2011", "engaged_employer_associations_2009")
#: Sizes of a rival rule's calibration: what a comparison of rules needs.
RIVAL = Sizes(800, (500, 500), (500, 500), draws=400, replicates=2)
#: Sizes of a trial that a test can afford.
QUICK = Sizes(60, (50,), (50,), (2.0,), luck=4, draws=50, replicates=1, kept=16, steps=200)
_LEVEL = 0.9
#: Least tolerance of a start, that of C3 to C6.
_START = 0.05


@cache
def targets() -> tuple[Target, ...]:
    """Return C1 to C10, a target for each of their values, then the two starts."""
    given = [_target(row) for row in language.targets()]
    for row in (row for name in STARTS for row in language.of_fact(facts.fact(name))):
        half = max(row.high - row.expected, row.expected - row.low, _START)
        start = _target(row)
        given.append(replace(start, id=f"start {start.id}", low=start.value - half,
                             high=start.value + half))  # fmt: skip
    return tuple(given)


def _target(row: language.Row) -> Target:
    return Target(row.id, row.text, row.scenario, row.expected, row.low, row.high,
                  row.bounds == (0.0, 1.0))  # fmt: skip


def simulator(rules: str = "default", seed: int = 1, without: tuple[str, ...] = ()) -> Simulator:
    """Return what gives the targets of one replicate under a set of rules.

    `without` names mechanisms that are switched off; what a run then does not have is NaN.
    """
    asked = [(target.scenario, language.parse(target.measure)) for target in targets()]
    columns = tuple(sorted({pair for _, asks in asked for pair in language.columns(asks)}))
    ready = {
        name: survey.plans(name, rules, None, without, columns)
        for name in dict.fromkeys(name for name, _ in asked)
    }

    def simulate(values: Mapping[str, float], number: int) -> Array:
        runs: dict[str, Run] = {
            name: survey.simulate(values, seed, number, plans) for name, plans in ready.items()
        }
        return np.array([measure.value(runs[name]) for name, measure in asked])

    return simulate


def calibrate(
    folder: Path,
    rules: str = "default",
    seed: int = 1,
    sizes: Sizes | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Calibration:
    """Calibrate one set of rules into `folder`/`rules`; what is stored there is not run again.

    Writes `posterior.csv` (the sample that ships), `draws.parquet` (every set that was simulated,
    what it gave, its weight) and `summary.json`.

    Raises
    ------
    CosimError : unknown rules; the folder holds another calibration
    """
    import pandas as pd

    from cosim.calibration import posterior
    from cosim.results import _model_digest

    chosen = sizes or (Sizes() if rules == "default" else RIVAL)
    done = Calibration(
        folder / rules, targets(), simulator(rules, seed), priors(rules), chosen, seed, workers,
        _model_digest()[:16], progress,
    ).calibrate()  # fmt: skip
    about = {
        "made-by": f"cosim calibrate --rules {rules} --seed {seed}",
        "model": done.signature,
        "sets": f"{chosen.kept}, from {chosen.draws} draws worth {done.effective:.0f}",
    }
    posterior.save(folder / rules / "posterior.csv", done.free.names, done.sample(), about)
    parts = []
    for wave in done.waves:
        table = pd.DataFrame(done.free.values(wave.u), columns=list(done.free.names))
        for k, target in enumerate(done.targets):
            table[target.id] = wave.y[:, k]
        weight = done.weights if wave is done.waves[-1] else 0.0
        parts.append(table.assign(wave=wave.name, replicates=wave.replicates, weight=weight))
    pd.concat(parts).astype({n: "float32" for n in done.free.names}).to_parquet(
        folder / rules / "draws.parquet", index=False, compression="zstd"
    )
    text = json.dumps(summary(done, rules), indent=1, ensure_ascii=False)
    (folder / rules / "summary.json").write_text(text + "\n", "utf-8")
    return done


def summary(done: Calibration, rules: str) -> dict[str, Any]:
    """Return what a reader asks of a calibration: how it went, how well it fits, what it learnt."""
    draws = done.waves[-1]
    waves = [
        {
            "wave": wave.name,
            "sets": len(wave.u),
            "replicates": wave.replicates,
            "best": float(log_likelihood(done.targets, wave.y).max()),
            "not_ruled_out": float(
                (implausibility(done.targets, wave.y, done.luck / wave.replicates) < 3.0).mean()
            ),
        }
        for wave in done.waves
    ]
    meets = inside(done.targets, draws.y)
    fit = [
        {"target": target.id, "value": target.value, "low": target.low, "high": target.high,
         **_interval(draws.y[:, k], done.weights), "luck": float(np.sqrt(done.luck[k])),
         "inside": float((done.weights * meets[:, k]).sum())}
        for k, target in enumerate(done.targets)
    ]  # fmt: skip
    values = done.free.values(draws.u)
    edge = (1.0 - _LEVEL) / 2.0
    prior = done.free.values(np.array([[p] * len(done.free) for p in (edge, 0.5, 1.0 - edge)]))
    learnt = [
        {"parameter": name, **_interval(values[:, k], done.weights),
         "prior_low": prior[0, k], "prior_median": prior[1, k], "prior_high": prior[2, k],
         "kept": _spread(draws.u[:, k], done.weights) / np.sqrt(1.0 / 12.0)}
        for k, name in enumerate(done.free.names)
    ]  # fmt: skip
    return {
        "rules": rules, "seed": done.seed, "model": done.signature, "notes": done.notes,
        "effective": done.effective, "meet_all": int(meets.all(axis=1).sum()),
        "draws": len(draws.u), "waves": waves, "fit": fit, "learnt": learnt,
        "correlations": _correlations(done, values),
    }  # fmt: skip


def inside(targets: Sequence[Target], y: Array) -> Array:
    """Return which targets are met, bool[n, m]; NaN is not."""
    low, high = (
        np.array([getattr(target, side) for target in targets]) for side in ("low", "high")
    )
    return np.asarray((y >= low) & (y <= high))


def _interval(values: Array, weights: Array) -> dict[str, float]:
    """Return median and 90 % interval of weighted values; NaN are left out."""
    known = np.isfinite(values)
    values, weights = values[known], weights[known]
    order = np.argsort(values)
    middle = (np.cumsum(weights[order]) - weights[order] / 2.0) / weights.sum()
    low, median, high = np.interp((0.05, 0.5, 0.95), middle, values[order])
    return {"median": float(median), "p05": float(low), "p95": float(high)}


def _spread(values: Array, weights: Array) -> float:
    mean = (weights * values).sum()
    return float(np.sqrt((weights * (values - mean) ** 2).sum()))


def _correlations(done: Calibration, values: Array, least: float = 0.3) -> list[dict[str, Any]]:
    """Return the pairs of parameters that the posterior ties together, the strongest first."""
    found = np.cov(values.T, aweights=done.weights)
    scale = np.sqrt(np.diag(found))
    found = found / scale / scale[:, None]
    pairs = [
        {"a": done.free.names[i], "b": done.free.names[j], "r": float(found[i, j])}
        for i in range(len(found)) for j in range(i) if abs(found[i, j]) >= least
    ]  # fmt: skip
    return sorted(pairs, key=lambda row: -abs(row["r"]))


# -- what is asked of a calibration -------------------------------------------------------


def draws_of(folder: Path, rules: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the draws and the summary of a finished calibration.

    Raises
    ------
    CosimError : there is none in the folder
    """
    import pandas as pd

    try:
        about = json.loads((folder / rules / "summary.json").read_text("utf-8"))
        table = pd.read_parquet(folder / rules / "draws.parquet")
    except (OSError, ValueError):
        raise CosimError("no calibration of these rules", where=folder, key="rules", found=rules,
                         expected=f"`cosim calibrate --rules {rules}` first") from None  # fmt: skip
    return table[table["wave"] == "draws"], about


def rivals(folder: Path) -> pd.DataFrame:
    """Return how the sets of rules that are calibrated in a folder compare (`rivals.compare`)."""
    from cosim.calibration.rivals import compare

    sets = {}
    for rules in survey.RULES:
        if (folder / rules / "summary.json").exists():
            table, about = draws_of(folder, rules)
            luck = np.array([row["luck"] ** 2 for row in about["fit"]])
            sets[rules] = Draws(
                table[[target.id for target in targets()]].to_numpy(),
                table["weight"].to_numpy() / table["weight"].sum(),
                luck / table["replicates"].to_numpy()[0],
            )
    if "default" not in sets:
        draws_of(folder, "default")
    return compare(targets(), sets)


def ablation(
    values: Mapping[str, float], seed: int = 1, replicates: int = 8, workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return every target with each mechanism switched off in turn, and with none.

    Returns
    -------
    DataFrame : without ("" for none), target, value (mean over replicates), z (in standard
        deviations of the target), inside (its tolerance)
    """
    from concurrent.futures import ThreadPoolExecutor

    import pandas as pd

    from cosim.mechanisms import MECHANISMS

    asked = targets()
    rows = []
    for done, name in enumerate(("", *MECHANISMS), 1):
        simulate = simulator("default", seed, (name,) if name else ())
        simulate(values, 0)  # compiles the schedule before threads start
        with ThreadPoolExecutor(workers) as pool:
            y = np.array(list(pool.map(partial(simulate, values), range(replicates))))
        known = np.isfinite(y).any(axis=0)
        mean = np.full((1, len(asked)), np.nan)
        mean[0, known] = np.nanmean(y[:, known], axis=0)
        z, meets = standardised(asked, mean)[0], inside(asked, mean)[0]
        rows += [
            {"without": name, "target": target.id, "value": mean[0, k], "z": z[k],
             "inside": bool(meets[k])}
            for k, target in enumerate(asked)
        ]  # fmt: skip
        if progress:
            progress(done)
    return pd.DataFrame(rows)
