"""The calibration of cosim as it was made: its targets, its rules, the tables that it leaves.

One folder holds a calibration per set of rules and, beside them, what is asked of those: recovery
of known truths, ablation of each mechanism, comparison of the rival rules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import facts
from cosim.calibration import language, posterior, survey
from cosim.calibration.matching import CUTOFF, Target, implausibility, log_likelihood, standardised
from cosim.calibration.priors import Priors, priors
from cosim.calibration.rivals import Draws
from cosim.calibration.waves import Calibration, Simulator, Sizes, Wave, clip, nanmean
from cosim.errors import CosimError
from cosim.parameters import PARAMETERS
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd

    from cosim.calibration.runs import Run

#: Called with (what is under way, done, in all).
Progress = Callable[[str, int, int], None]
#: Facts of the start, which is an input: a model that leaves it at once was not started there.
STARTS = ("engaged_companies_2011", "engaged_employer_associations_2009")
#: Sizes of a rival rule's calibration, which starts where the default's waves went.
RIVAL = Sizes(400, (), (200, 250), (3.0, 1.3), draws=(220,), replicates=2)
#: Sizes of a trial that a test can afford.
QUICK = Sizes(60, (44,), (), (), luck=2, draws=(20,), replicates=1, kept=16, steps=60)
_LEVEL = 0.9
#: Standard deviation of a prior quantile, and the share of it that a parameter keeps which the
#: targets do not tell.
UNIFORM_SD = float(np.sqrt(1.0 / 12.0))
UNTOLD = 0.85
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
        name: survey.ready(name, rules, None, without, columns)
        for name in dict.fromkeys(name for name, _ in asked)
    }

    def simulate(values: Mapping[str, float], number: int) -> Array:
        runs: dict[str, Run] = {
            name: survey.simulate(values, seed, number, made) for name, made in ready.items()
        }
        return np.array([measure.value(runs[name]) for name, measure in asked])

    return simulate


def calibrate(
    folder: Path,
    rules: str = "default",
    seed: int = 1,
    sizes: Sizes | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Calibrate one set of rules into `folder`/`rules`; what is stored there is not run again.

    A rival rule starts from sets of the waves of the default rules, which are calibrated first.
    Writes `posterior.csv` (the sample that ships), `draws.parquet` (every set that was simulated,
    what it gave, its weight) and `summary.json`.

    Raises
    ------
    CosimError : unknown rules; the folder holds another calibration, or for a rival rule none of
        the default rules
    """
    import pandas as pd

    chosen = sizes or (Sizes() if rules == "default" else RIVAL)
    free = priors(rules)
    design = None if rules == posterior.DEFAULT else _design(folder, free, chosen.first, seed)
    done = Calibration(
        folder / rules, targets(), simulator(rules, seed), free, chosen, seed, workers,
        signature(), progress, design,
    ).calibrate()  # fmt: skip
    about = {
        "made-by": f"cosim calibrate --rules {rules} --seed {seed}",
        "model": done.signature,
        "sets": f"{chosen.kept}, from {chosen.draws} draws worth {done.effective:.0f}",
    }
    posterior.save(folder / rules / "posterior.csv", done.free.names, done.sample(), about)
    parts = []
    for wave in (*done.waves[: -len(chosen.draws)], done.draws):
        table = pd.DataFrame(done.free.values(wave.u), columns=list(done.free.names))
        for k, target in enumerate(done.targets):
            table[target.id] = wave.y[:, k]
        weight = done.clipped if wave is done.draws else 0.0
        parts.append(table.assign(wave=wave.name, replicates=wave.replicates, weight=weight))
    pd.concat(parts).to_parquet(folder / rules / "draws.parquet", index=False, compression="zstd")
    about_it = summary(done, rules)
    if rules == posterior.DEFAULT:
        about_it["point"] = point(done)
    text = json.dumps(about_it, indent=1, ensure_ascii=False)
    (folder / rules / "summary.json").write_text(text + "\n", "utf-8")
    return done


def _design(folder: Path, free: Priors, n: int, seed: int) -> Array:
    """Return `n` sets of the waves of the default rules; what they do not have is drawn."""
    table, _ = draws_of(folder, posterior.DEFAULT, waves=True)
    rng = np.random.default_rng((seed, 13))
    table = table.iloc[rng.choice(len(table), min(n, len(table)), replace=False)]
    common = [name for name in free.names if name in table]
    u = rng.random((len(table), len(free)))
    places = [free.names.index(name) for name in common]
    u[:, places] = Priors(tuple(common)).quantiles(table[common].to_numpy())
    return np.clip(u, 1e-9, 1.0 - 1e-9)


def signature() -> str:
    """Return 16 hexadecimal digits of what a stored run depends on, but for its parameters.

    Sources of the rules, data of the territories, ledger: of a free parameter, range and prior
    only, since every set gives its value.
    """
    from cosim import engine
    from cosim.compiled import sources

    digest = hashlib.sha256()
    package = Path(engine.__file__).parent
    data = sorted(path for path in (package / "data").iterdir() if path.suffix == ".parquet")
    for path in (*sorted(sources()), package / "population.py", *data):
        digest.update(path.read_bytes())
    for name, row in PARAMETERS.items():
        fixed = row.default if row.prior is None else None
        digest.update(repr((name, row.low, row.high, row.prior, row.time, fixed)).encode())
    return digest.hexdigest()[:16]


def summary(done: Calibration, rules: str) -> dict[str, Any]:
    """Return what a reader asks of a calibration: how it went, how well it fits, what it learnt."""
    draws = done.draws
    waves = [
        {
            "wave": wave.name,
            "sets": len(wave.u),
            "replicates": wave.replicates,
            "best": float(log_likelihood(done.targets, wave.y).max()),
            "not_ruled_out": float(
                (implausibility(done.targets, wave.y, done.luck / wave.replicates) < CUTOFF).mean()
            ),
        }
        for wave in done.waves
    ]
    meets = inside(done.targets, draws.y)
    ten = _ten(done.targets, draws.y).all(axis=1)
    fit = [
        {"target": target.id, "value": target.value, "low": target.low, "high": target.high,
         **_interval(draws.y[:, k], done.clipped), "luck": float(np.sqrt(done.luck[k])),
         "inside": float((done.clipped * meets[:, k]).sum())}
        for k, target in enumerate(done.targets)
    ]  # fmt: skip
    values = done.free.values(draws.u)
    edge = (1.0 - _LEVEL) / 2.0
    prior = done.free.values(np.array([[p] * len(done.free) for p in (edge, 0.5, 1.0 - edge)]))
    learnt = [
        {"parameter": name, **_interval(values[:, k], done.clipped),
         "prior_low": prior[0, k], "prior_median": prior[1, k], "prior_high": prior[2, k],
         "kept": _spread(draws.u[:, k], done.clipped) / UNIFORM_SD}
        for k, name in enumerate(done.free.names)
    ]  # fmt: skip
    return {
        "rules": rules, "seed": done.seed, "model": done.signature, "notes": done.notes,
        "effective": done.effective, "meet_all": int(ten.sum()),
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
    found = np.cov(values.T, aweights=done.clipped)
    scale = np.sqrt(np.diag(found))
    found = found / scale / scale[:, None]
    pairs = [
        {"a": done.free.names[i], "b": done.free.names[j], "r": float(found[i, j])}
        for i in range(len(found)) for j in range(i) if abs(found[i, j]) >= least
    ]  # fmt: skip
    return sorted(pairs, key=lambda row: -abs(row["r"]))


# -- what is asked of a calibration -------------------------------------------------------


def draws_of(folder: Path, rules: str, waves: bool = False) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the draws, or the waves after the Latin hypercube, and the summary of a calibration.

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
    wanted = ~table["wave"].isin(("draws", "wave-0")) if waves else table["wave"] == "draws"
    return table[wanted], about


def rivals(folder: Path) -> pd.DataFrame:
    """Return how the sets of rules that are calibrated in a folder compare (`rivals.compare`)."""
    from cosim.calibration.rivals import compare

    sets = {}
    for rules in posterior.names():
        if (folder / rules / "summary.json").exists():
            table, about = draws_of(folder, rules)
            luck = np.array([row["luck"] ** 2 for row in about["fit"]])
            sets[rules] = Draws(
                table[[target.id for target in targets()]].to_numpy(),
                clip(table["weight"].to_numpy()),
                luck / table["replicates"].to_numpy()[0],
            )
    if "default" not in sets:
        draws_of(folder, "default")
    return compare(targets(), sets)


def ablation(
    values: Mapping[str, float], seed: int = 1, replicates: int = 8, workers: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return every target with each mechanism switched off in turn, and with none.

    Parameters
    ----------
    values : the parameters

    Returns
    -------
    DataFrame : without ("" for none), target, value (mean over replicates), z (in standard
        deviations of the target), inside (its tolerance)
    """
    import pandas as pd

    from cosim.mechanisms import MECHANISMS

    asked = targets()
    rows = []
    for done, name in enumerate(("", *MECHANISMS), 1):
        mean = _means([values], simulator("default", seed, (name,) if name else ()),
                      replicates, workers)  # fmt: skip
        z, meets = standardised(asked, mean)[0], inside(asked, mean)[0]
        rows += [
            {"without": name, "target": target.id, "value": mean[0, k], "z": z[k],
             "inside": bool(meets[k])}
            for k, target in enumerate(asked)
        ]  # fmt: skip
        if progress:
            progress("ablation", done, 1 + len(MECHANISMS))
    return pd.DataFrame(rows)


def ablated_effects(
    values: Mapping[str, float], seed: int = 1, replicates: int = 8,
    progress: Progress | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return the known effects S1 to S5 with each mechanism switched off in turn, and with none.

    Returns
    -------
    DataFrame : without ("" for none), effect, value (NaN where the trial cannot be made), inside
    """
    import pandas as pd

    from cosim.calibration import trials
    from cosim.calibration.bench import Bench, results
    from cosim.calibration.estimates import READERS
    from cosim.calibration.known import REPEATS
    from cosim.mechanisms import MECHANISMS

    rows: list[dict[str, Any]] = []
    names: dict[str, list[str]] = {}
    for done, without in enumerate(("", *MECHANISMS), 1):
        bench = Bench(values, {}, "", (without,) if without else ())
        for trial, read in READERS.items():
            try:
                found = read(results(getattr(trials, trial)(bench, seed),
                                     replicates * REPEATS[trial]))  # fmt: skip
            except CosimError:  # nothing to compare: no alliance ends, nobody meets
                rows += [{"without": without, "effect": name, "value": np.nan, "inside": False}
                         for name in names[trial]]  # fmt: skip
                continue
            names.setdefault(trial, [f"{one.code} {one.name}" for one in found])
            rows += [
                {"without": without, "effect": f"{one.code} {one.name}", "value": one.value,
                 "inside": one.met}
                for one in found
            ]  # fmt: skip
        if progress:
            progress("ablation-effects", done, 1 + len(MECHANISMS))
    return pd.DataFrame(rows)


def _means(
    sets: Sequence[Mapping[str, float]], simulate: Simulator, replicates: int, workers: int | None
) -> Array:
    """Return the targets of each set, means over replicates, float64[sets, m]."""
    simulate(sets[0], 0)  # compiles the schedule before threads start
    jobs = [(values, k) for values in sets for k in range(replicates)]
    with ThreadPoolExecutor(workers) as pool:
        rows = np.array(list(pool.map(lambda job: simulate(*job), jobs)))
    return nanmean(rows.reshape(len(sets), replicates, -1))


def point(done: Calibration) -> dict[str, Any]:
    """Return the one set of parameters that the package runs with by default, and what it gives.

    What the targets do not tell stays at its cited value. The rest: among the posterior mean, the
    draws that weigh most and what the emulator holds for the most central set, the one that lies
    most inside the tolerances of C1 to C10 over many replicates.

    Returns
    -------
    dict : values (name -> value, three digits), fit (target -> mean), inside (all its tolerances)
    """
    draws, free = done.draws, done.free
    cited = [PARAMETERS[name].prior for name in free.names]
    told = np.array([
        isinstance(value, str) or _spread(draws.u[:, k], done.weights) < UNTOLD * UNIFORM_SD
        for k, value in enumerate(cited)
    ])  # fmt: skip
    rest = np.array([0.0 if isinstance(x, str) or x is None else x for x in cited])
    rest = free.quantiles(np.clip(rest, *free.bounds.T)[None])[0]
    mean = (done.weights[:, None] * draws.u).sum(axis=0)
    best = np.argsort(-done.weights)[: max(2, done.sizes.kept // 20)]
    rows = np.vstack([mean[None], draws.u[best], _most_central(done, told, rest)[None]])
    rows[:, ~told] = rest[~told]
    sets = [
        {name: float(f"{value:.3g}") for name, value in zip(free.names, row, strict=True)}
        for row in free.values(rows)
    ]
    y = _means(sets, done.simulate, done.sizes.luck, done.workers)
    chosen = int(np.argmin(_off_centre(done.targets, y)))
    return {
        "values": sets[chosen],
        "told": [name for name, yes in zip(free.names, told, strict=True) if yes],
        "fit": {t.id: float(y[chosen, k]) for k, t in enumerate(done.targets)},
        "inside": bool(_ten(done.targets, y)[chosen].all()),
    }


def _ten(targets: Sequence[Target], y: Array) -> Array:
    """Return which values of C1 to C10 are within their tolerance, bool[n, values]."""
    asked = [k for k, target in enumerate(targets) if target.id.startswith("C")]
    return inside([targets[k] for k in asked], y[:, asked])


def _off_centre(targets: Sequence[Target], y: Array) -> Array:
    """Return how far the worst value of C1 to C10 is from the middle of its tolerance, float64[n].

    In half-widths: 1 is at the edge.
    """
    asked = [k for k, target in enumerate(targets) if target.id.startswith("C")]
    low, high = (np.array([getattr(targets[k], side) for k in asked]) for side in ("low", "high"))
    off = np.abs(y[:, asked] - (low + high) / 2.0) / ((high - low) / 2.0)
    return np.asarray(np.where(np.isnan(off), np.inf, off).max(axis=1))


def _most_central(done: Calibration, told: Array, rest: Array) -> Array:
    """Return the prior quantiles that the emulator holds for the most central, float64[k].

    By differential evolution (Storn & Price 1997) over what the targets tell, from the draws.
    """
    from scipy.optimize import differential_evolution

    emulator = done.emulator()

    def worst(u: Array) -> Array:
        whole = np.repeat(rest[None], u.shape[1], axis=0)
        whole[:, told] = u.T
        return _off_centre(done.targets, emulator.predict(whole)[0])

    edge = np.quantile(done.draws.u[:, told], (0.02, 0.98), axis=0).T
    start = np.clip(done.draws.u[np.argsort(-done.weights)[:60]][:, told], *edge.T)
    found = differential_evolution(worst, list(map(tuple, edge)), init=start, maxiter=150,
                                   vectorized=True, updating="deferred", polish=False,
                                   rng=done.seed)  # fmt: skip
    whole = rest.copy()
    whole[told] = found.x
    return whole


def restored(folder: Path, seed: int = 1, workers: int | None = None) -> Calibration:
    """Return a finished calibration of the default rules, its waves as they were kept.

    Raises
    ------
    CosimError : there is none in the folder
    """
    table, about = draws_of(folder, posterior.DEFAULT, waves=True)
    free = priors()
    done = Calibration(folder / posterior.DEFAULT, targets(), simulator(seed=seed), free,
                       seed=seed, workers=workers)  # fmt: skip
    done.luck = np.array([row["luck"] ** 2 for row in about["fit"]])
    ids = [target.id for target in done.targets]
    for name, rows in table.groupby("wave", sort=False):
        u = np.clip(free.quantiles(rows[list(free.names)].to_numpy()), 1e-9, 1.0 - 1e-9)
        done.waves.append(Wave(str(name), u, rows[ids].to_numpy(), 1))
    return done


def _recovery(folder: Path, seed: int, sizes: Sizes | None, workers: int | None,
              progress: Progress | None) -> pd.DataFrame:  # fmt: skip
    from cosim.calibration.recovery import recover

    done = restored(folder, seed, workers)
    done.progress = progress
    return recover(done, *((2, 30) if sizes is QUICK else ()))


def _ablation(folder: Path, seed: int, sizes: Sizes | None, workers: int | None,
              progress: Progress | None) -> pd.DataFrame:  # fmt: skip
    _, about = draws_of(folder, "default")
    replicates = 1 if sizes is QUICK else 16
    return ablation(about["point"]["values"], seed, replicates, workers, progress)


def _ablated_effects(folder: Path, seed: int, sizes: Sizes | None, workers: int | None,
                     progress: Progress | None) -> pd.DataFrame:  # fmt: skip
    _, about = draws_of(folder, "default")
    return ablated_effects(about["point"]["values"], seed, 2 if sizes is QUICK else 6, progress)


def _rivals(folder: Path, *_: object) -> pd.DataFrame:
    return rivals(folder)


#: What is asked of a folder of calibrations: (folder, seed, sizes, workers, progress) -> table.
STUDIES: Mapping[str, Callable[..., pd.DataFrame]] = {
    "recovery": _recovery,
    "ablation": _ablation,
    "ablation-effects": _ablated_effects,
    "rivals": _rivals,
}
