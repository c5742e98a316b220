"""Run scenarios and hold what comes out: series, quantiles, tables; save and load a folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

import cosim
from cosim import engine, tables, uncertainty
from cosim.calibration import posterior
from cosim.errors import ResultsError, nearest
from cosim.indicators import COLUMNS, INDICATORS, column
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd

    from cosim.engine import Kept, Plan
    from cosim.scenario import Scenario
    from cosim.territory import Territory

__all__ = [
    "Ensemble", "Results", "ensemble", "growing", "load", "run", "run_digest", "save_run",
    "survival", "versions",
]  # fmt: skip

FORMAT = "cosim results"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Many replicates of one scenario.

    Parameters
    ----------
    scenario, place : what was simulated, and where
    seed : root seed
    values : float64[replicates, months, columns]
    start : number of the first replicate
    folder : where its tables are, if it was loaded
    columns : (indicator, group) of each column: all, or those that were asked for
    """

    scenario: Scenario
    place: Territory
    seed: int
    values: Array
    start: int = 0
    folder: Path | None = None
    columns: tuple[tuple[str, str], ...] = COLUMNS

    @property
    def n(self) -> int:
        """Number of replicates."""
        return len(self.values)

    @property
    def replicates(self) -> range:
        """Numbers of the replicates."""
        return range(self.start, self.start + self.n)

    @cached_property
    def months(self) -> pd.DatetimeIndex:
        """First day of each month."""
        return _months(self.scenario)

    def array(self, indicator: str, group: str = "") -> Array:
        """Return one indicator, float64[replicates, months]."""
        column(indicator, group)  # an unknown one names the nearest
        if (indicator, group) not in self.columns:
            asked = ", ".join(dict.fromkeys(name for name, _ in self.columns))
            raise ResultsError("this ensemble was not asked for the indicator", key=indicator,
                               expected=asked)  # fmt: skip
        values: Array = self.values[:, :, self.columns.index((indicator, group))]
        return values

    @cached_property
    def series(self) -> pd.DataFrame:
        """Every number: replicate, month, indicator, group, value, territory."""
        return self._long(self.values, self.scenario.time.start, self.replicates)

    def _long(self, values: Array, start: str, replicates: Sequence[int]) -> pd.DataFrame:
        return tables.long(values, start, replicates, self.place.code, self.columns)

    @cached_property
    def final(self) -> pd.DataFrame:
        """The rows of `series` in the last month."""
        return self._long(self.values[:, -1:], self.scenario.time.end, self.replicates)

    def quantiles(self, q: Sequence[float] = QUANTILES) -> pd.DataFrame:
        """Return quantiles over replicates: month, indicator, group, q05, q25, ..., territory."""
        import pandas as pd

        if not all(0.0 <= one <= 1.0 for one in q):
            raise ResultsError("a quantile is out of range", key="q", found=q, expected="0 to 1")
        levels = np.quantile(self.values, list(q), axis=0)
        table = self._long(levels[:1], self.scenario.time.start, [0])
        named = {
            f"q{100 * one:02g}": level.reshape(-1) for one, level in zip(q, levels, strict=True)
        }
        return pd.concat(
            [table[["month", "indicator", "group"]], pd.DataFrame(named), table["territory"]],
            axis=1,
        )

    def uncertainty(self, indicator: str, group: str = "", level: float = 0.9) -> pd.DataFrame:
        """Return what luck and parameters make of the spread of one indicator, month by month.

        Parameters
        ----------
        level : coverage of the bands

        Returns
        -------
        DataFrame : month (index); median; low, high (of everything); luck_low, luck_high;
        parameters_low, parameters_high; parameters_share (of the variance): 0 for fixed
        parameters, where the band of luck is that of everything; NaN below four replicates.
        See `cosim.uncertainty`.
        """
        import pandas as pd

        bands = uncertainty.bands(
            self.array(indicator, group), self.start, self.scenario.draws, level
        )
        return pd.DataFrame(bands._asdict(), index=self.months)

    def fan(self, indicator: str, group: str = "") -> Array:
        """Return the two bands and the median of a fan chart: see `cosim.uncertainty.fan`."""
        return uncertainty.fan(self.array(indicator, group), self.start, self.scenario.draws)

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the folder that this ensemble was loaded from.

        `name` is indicators, or actors, alliances, memberships, actions, dyads where the folder
        was written with its journal.
        """
        if name not in tables.SCHEMAS:
            raise ResultsError("unknown table", key=name, expected=", ".join(tables.SCHEMAS),
                               nearest=nearest(name, tables.SCHEMAS))  # fmt: skip
        if name == "indicators":
            return self.series
        path = self.folder / f"{name}.parquet" if self.folder else None
        if path is None or not path.exists():
            raise ResultsError("no journal was kept", where=path, key=name,
                               expected="`save(folder, journal=True)`, or `cosim run --journal`"
                               )  # fmt: skip
        import pandas as pd

        return pd.read_parquet(path)

    def save(self, folder: str | os.PathLike[str], journal: bool = False) -> Path:
        """Write the folder; `journal` simulates again (same luck) to write every table.

        Raises
        ------
        ResultsError : the folder cannot be written, or not every indicator was asked for
        """
        if self.columns != COLUMNS:
            raise ResultsError(
                "a folder holds every indicator", key="indicators",
                found=f"{len(self.columns)} columns", expected=len(COLUMNS),
            )  # fmt: skip
        if journal:
            save_run(self.scenario, folder, self.n, self.seed, journal=True,
                     start=self.start, place=self.place)  # fmt: skip
            return Path(folder)
        with _writing(folder) as writer:
            for number, values in zip(self.replicates, self.values, strict=True):
                writer.indicators(self.scenario, self.place, number, values)
            writer.manifest(_manifest(self, journal=False))
        return Path(folder)


@dataclass(frozen=True, eq=False)
class Results:
    """One replicate of a scenario with its journal.

    Parameters
    ----------
    scenario, place : what was simulated, and where
    seed, replicate : which luck
    values : float64[months, columns of `cosim.indicators.COLUMNS`]
    actors : those present at the end
    alliances : all, those that lived at the start and those that ended included
    memberships : who sat in which alliance, from when to when
    actions : what each catalyst did each month, and its cost
    dyads : a sample of acquaintances at the end of each year
    """

    scenario: Scenario
    place: Territory
    seed: int
    replicate: int
    values: Array
    actors: pd.DataFrame = field(repr=False)
    alliances: pd.DataFrame = field(repr=False)
    memberships: pd.DataFrame = field(repr=False)
    actions: pd.DataFrame = field(repr=False)
    dyads: pd.DataFrame = field(repr=False)

    @cached_property
    def months(self) -> pd.DatetimeIndex:
        """First day of each month."""
        return _months(self.scenario)

    @cached_property
    def ensemble(self) -> Ensemble:
        """The same numbers as an ensemble of one."""
        return Ensemble(
            self.scenario, self.place, self.seed, self.values[np.newaxis], self.replicate
        )

    @property
    def series(self) -> pd.DataFrame:
        """Every number: replicate, month, indicator, group, value, territory."""
        return self.ensemble.series

    @property
    def final(self) -> pd.DataFrame:
        """The rows of `series` in the last month."""
        return self.ensemble.final

    def array(self, indicator: str, group: str = "") -> Array:
        """Return one indicator, float64[months]."""
        return self.ensemble.array(indicator, group)[0]

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the folder with all its tables; `cosim.load_results` reads it."""
        with _writing(folder) as writer:
            writer.indicators(self.scenario, self.place, self.replicate, self.values)
            for name in tables.JOURNALED:
                writer.add(name, getattr(self, name))
            writer.manifest(_manifest(self.ensemble, journal=True))
        return Path(folder)


# -- run ----------------------------------------------------------------------------------


def run(scenario: Scenario, seed: int = 1, replicate: int = 0) -> Results:
    """Simulate one replicate and keep its journal.

    Examples
    --------
    >>> import cosim
    >>> results = cosim.run(cosim.load("reference-2010"), seed=1)  # doctest: +SKIP
    >>> results.alliances.type.value_counts()  # doctest: +SKIP
    """
    _check(seed, 1, replicate)
    ready = engine.plan(scenario).journaled()
    values, rows = tables.record(ready, seed, replicate)
    return Results(scenario, ready.place, seed, replicate, values, **rows)


def ensemble(
    scenario: Scenario,
    replicates: int = 100,
    seed: int = 1,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
    start: int = 0,
    place: Territory | None = None,
    executor: Executor | None = None,
    indicators: Sequence[str] | None = None,
) -> Ensemble:
    """Simulate many replicates in parallel.

    Parameters
    ----------
    replicates : how many, numbered from `start`
    seed : root seed; the same seed gives two scenarios the same luck
    workers : threads (default: the machine's cores); the numbers do not depend on it
    progress : called with the number of replicates done
    place : a territory that replaces the one that the scenario names
    executor : runs the replicates instead of threads, as that of `cosim.executors.connect`; the
        numbers do not depend on it
    indicators : names of those that are kept (default: all): fewer take less memory, and less time
        where none of them needs a pass over every contact
    """
    _check(seed, replicates, start)
    columns = _asked(indicators)
    ready = engine.plan(scenario, place, columns)
    numbers = range(start, start + replicates)
    rows = engine.replicates(ready, numbers, seed, workers, None, progress, executor)
    (whole,) = _grown(ready, numbers, seed, rows, (replicates,), columns)
    return whole


def growing(
    scenario: Scenario,
    replicates: int = 100,
    seed: int = 1,
    batch: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    indicators: Sequence[str] | None = None,
) -> Generator[Ensemble, None, None]:
    """Simulate as `ensemble` does; yield what is there so far: 1 replicate, 2, 4, 8, … all.

    Those that follow run meanwhile. Close the generator to cancel those that have not begun; it
    then waits for the few that run in this process.

    Parameters
    ----------
    batch : replicates that one ensemble has more than the one before (default: as many as it had),
        and replicates of one task of `executor`
    workers, executor, indicators : as for `ensemble`

    Yields
    ------
    Ensemble : the first replicates, in order. All share one array, which only the last may write:
        the `values` of the others are read-only views.

    Examples
    --------
    >>> import cosim
    >>> for so_far in cosim.growing(scenario, replicates=1000):  # doctest: +SKIP
    ...     print(so_far.n, so_far.array("alliances")[:, -1].mean())
    """
    _check(seed, replicates, 0)
    if batch is not None and batch < 1:
        raise ResultsError("out of range", key="batch", found=batch, expected="1 or more")
    columns = _asked(indicators)
    ready = engine.plan(scenario, None, columns)
    numbers = range(replicates)
    rows = engine.replicates(ready, numbers, seed, workers, executor=executor, batch=batch)
    steps = range(batch, replicates, batch) if batch else _doubling(replicates)
    return _grown(ready, numbers, seed, rows, (*steps, replicates), columns)


def _asked(indicators: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """Return the columns of these indicators; an unknown one names the nearest."""
    if indicators is None:
        return COLUMNS
    for name in indicators:
        column(name, INDICATORS[name].groups[0] if name in INDICATORS else "")
    return tuple(pair for pair in COLUMNS if pair[0] in indicators)


def _doubling(end: int) -> Iterator[int]:
    """Yield the powers of two below `end`."""
    return (1 << k for k in range((end - 1).bit_length()))


def _grown(
    ready: Plan, numbers: range, seed: int, rows: Generator[Kept, None, None],
    sizes: Sequence[int], columns: tuple[tuple[str, str], ...],
) -> Generator[Ensemble, None, None]:  # fmt: skip
    """Yield the ensembles of so many replicates; the last size is that of `numbers`."""
    values = np.empty((len(numbers), ready.scenario.n_months, len(columns)))
    places = [column(*pair) for pair in columns]
    due = iter(sizes)
    size = next(due)
    with closing(rows):
        for number, out, _ in rows:
            done = number - numbers.start + 1
            values[done - 1] = out if columns is COLUMNS else out[:, places]
            if done == size < len(numbers):
                so_far = values[:done]
                so_far.flags.writeable = False
                yield Ensemble(ready.scenario, ready.place, seed, so_far, numbers.start,
                               columns=columns)  # fmt: skip
                size = next(due)
    yield Ensemble(ready.scenario, ready.place, seed, values, numbers.start, columns=columns)


def save_run(
    scenario: Scenario,
    folder: str | os.PathLike[str],
    replicates: int = 100,
    seed: int = 1,
    workers: int | None = None,
    journal: bool = False,
    progress: Callable[[int], None] | None = None,
    start: int = 0,
    place: Territory | None = None,
    executor: Executor | None = None,
) -> Ensemble:
    """Simulate and write the folder as the replicates come; `journal` adds every table.

    The tables do not depend on `workers` or `executor`; a journal is written by threads of this
    process. Memory holds the indicators and a few replicates.
    """
    _check(seed, replicates, start)
    if journal and executor is not None:
        raise ResultsError("a journal is not written by an executor", key="executor",
                           expected="no executor, or no journal")  # fmt: skip
    ready = engine.plan(scenario, place)
    numbers = range(start, start + replicates)
    values = np.empty((replicates, scenario.n_months, len(COLUMNS)))
    with _writing(folder) as writer:
        rows = (
            _recorded(ready, numbers, seed, workers)
            if journal
            else engine.replicates(ready, numbers, seed, workers, executor=executor)
        )
        for done, (number, out, journaled) in enumerate(rows, 1):
            values[done - 1] = out
            writer.indicators(scenario, ready.place, number, out)
            for name, table in (journaled or {}).items():
                writer.add(name, table)
            if progress:
                progress(done)
        whole = Ensemble(scenario, ready.place, seed, values, start, Path(folder))
        writer.manifest(_manifest(whole, journal))
    return whole


def _recorded(ready: Plan, numbers: range, seed: int, workers: int | None) -> Iterator[Kept]:
    """Yield (number, indicators, tables) in order; few replicates are held at once."""
    workers = workers or os.cpu_count() or 1
    ready = ready.journaled()
    yield numbers[0], *tables.record(ready, seed, numbers[0])  # compiles once, before the threads
    with ThreadPoolExecutor(workers) as pool:
        tasks = (partial(pool.submit, tables.record, ready, seed, number) for number in numbers[1:])
        with closing(engine.in_order(tasks, 2 * workers)) as rows:
            for number, (out, journal) in zip(numbers[1:], rows, strict=True):
                yield number, out, journal


def _check(seed: int, replicates: int, start: int) -> None:
    for key, value, low, high in (
        ("seed", seed, 0, 2**32 - 1),
        ("replicates", replicates, 1, 10_000_000),
        ("replicate", start, 0, 2**32 - 1 - replicates),
    ):
        if not low <= value <= high:
            raise ResultsError("out of range", key=key, found=value, expected=f"{low} to {high}")


def _months(scenario: Scenario) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(tables.months_of(scenario.time.start, scenario.n_months), name="month")


# -- digest -------------------------------------------------------------------------------


def run_digest(scenario: Scenario) -> str:
    """Return 16 hexadecimal digits that name what a run computes, but for its seed.

    They cover the scenario, the sources of its modules, the version, sources and data of the
    model, and the sample that its replicates draw from: another calibration is another model only
    for those that draw from it.
    """
    digest = hashlib.sha256(scenario.digest.encode())
    for path in scenario.module_paths:
        digest.update(path.read_bytes() if path.exists() else b"missing")
    if scenario.draws:
        digest.update(posterior.path_of(posterior.name_of(scenario.rules)).read_bytes())
        digest.update(Path(posterior.__file__).read_bytes())
    digest.update(_model_digest().encode())
    return digest.hexdigest()[:16]


@cache
def _model_digest() -> str:
    from cosim.compiled import sources

    package = Path(__file__).parent
    paths = {*sources(), package / "engine.py", package / "national.py",
             *(package / "data").iterdir()}  # fmt: skip
    digest = hashlib.sha256(cosim.__version__.encode())
    for path in sorted(path for path in paths if path.is_file()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


# -- folder -------------------------------------------------------------------------------


def load(folder: str | os.PathLike[str]) -> Ensemble:
    """Read a folder of results; its other tables are `.table(name)`.

    Raises
    ------
    ResultsError : not a folder of results, or one with other indicators
    """
    import pyarrow.parquet as pq

    from cosim.scenario import build

    folder = Path(folder)
    manifest = _read_manifest(folder)
    if manifest is None:
        raise ResultsError("not a folder of cosim results", where=folder,
                           expected="a manifest.json that cosim wrote")  # fmt: skip
    scenario = build(manifest["scenario"], where=folder / "manifest.json", folder=folder)
    path = folder / "indicators.parquet"
    if not path.exists():
        raise ResultsError("the indicators are missing", where=path)
    rows = pq.read_table(path)
    shape = (int(manifest["replicates"]), scenario.n_months, len(COLUMNS))
    pairs = zip(*(rows[c].slice(0, len(COLUMNS)).to_pylist() for c in ("indicator", "group")),
                strict=True)  # fmt: skip
    if len(rows) != np.prod(shape) or tuple(pairs) != COLUMNS:
        raise ResultsError(
            "written with other indicators than those of this version", where=path,
            found=manifest["versions"].get("cosim"), expected=cosim.__version__,
        )  # fmt: skip
    values = rows["value"].to_numpy().reshape(shape)
    return Ensemble(scenario, engine.territory_of(scenario), int(manifest["root_seed"]), values,
                    int(manifest["first_replicate"]), folder)  # fmt: skip


def _manifest(whole: Ensemble, journal: bool) -> dict[str, Any]:
    scenario, place = whole.scenario, whole.place
    return {
        "format": FORMAT,
        "cosim": cosim.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "digest": scenario.digest,
        "run_digest": run_digest(scenario),
        "root_seed": whole.seed,
        "replicates": whole.n,
        "first_replicate": whole.start,
        "journal": journal,
        "sample": scenario.territory.sample,
        "territory": {"code": place.code, "name": place.name, "inhabitants": place.inhabitants},
        "versions": versions(),
        "scenario": scenario.resolved(),
        **_sample(scenario),
    }


def versions() -> dict[str, str]:
    """Return the versions that a manifest names: what numbers may depend on."""
    import platform

    import numba
    import pandas as pd
    import pyarrow as pa

    return {
        "cosim": cosim.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "pandas": pd.__version__,
        "pyarrow": pa.__version__,
    }


def _sample(scenario: Scenario) -> dict[str, Any]:
    """Return what a manifest says of the sample that parameters are drawn from."""
    sets = posterior.of(scenario)
    if sets is None:
        return {}
    return {"posterior": {"name": sets.name, "sets": len(sets), "about": dict(sets.about)}}


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a folder of results, or None if it is none."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(manifest, dict) and manifest.get("format") == FORMAT
    return manifest if known else None


class _Writer:
    """The tables of a folder, one row group per replicate."""

    def __init__(self, folder: Path, stack: ExitStack):
        self.folder = folder
        self._stack = stack
        self._writers: dict[str, Any] = {}

    def add(self, name: str, table: pd.DataFrame) -> None:
        if name not in self._writers:
            import pyarrow.parquet as pq

            self._writers[name] = self._stack.enter_context(
                pq.ParquetWriter(self.folder / f"{name}.parquet", tables.schema(name))
            )
        self._writers[name].write_table(tables.arrow(name, table))

    def indicators(self, scenario: Scenario, place: Territory, number: int, values: Array) -> None:
        rows = tables.long(values[np.newaxis], scenario.time.start, [number], place.code)
        self.add("indicators", rows)

    def manifest(self, manifest: dict[str, Any]) -> None:
        text = json.dumps(manifest, ensure_ascii=False, indent=2)
        (self.folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


@contextmanager
def _writing(folder: str | os.PathLike[str]) -> Iterator[_Writer]:
    """Write into a folder beside `folder`, which takes its place when all is written.

    Other files of an earlier folder of results (a report) are kept; anything else is refused.
    """
    folder = Path(folder).absolute()
    if folder.exists() and not folder.is_dir():
        raise ResultsError("a file has this name", where=folder, expected="a folder of results")
    if folder.is_dir() and any(folder.iterdir()) and _read_manifest(folder) is None:
        raise ResultsError(
            "the folder is not empty and holds no cosim results: nothing is overwritten",
            where=folder, expected="a new folder, or one that cosim wrote",
        )  # fmt: skip
    partial = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.partial")
    try:
        partial.mkdir(parents=True)
        with ExitStack() as stack:
            yield _Writer(partial, stack)
        _replace(folder, partial)
    except OSError as error:
        raise ResultsError(f"cannot be written: {error.strerror or error}", where=folder) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _replace(folder: Path, partial: Path) -> None:
    """Put `partial` in the place of `folder`."""
    if not folder.is_dir():
        partial.rename(folder)
        return
    written = {"manifest.json", *(f"{name}.parquet" for name in tables.SCHEMAS)}
    old = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.old")
    folder.rename(old)
    partial.rename(folder)
    for path in old.iterdir():
        if path.name not in written:
            path.rename(folder / path.name)
    shutil.rmtree(old)


# -- survival -----------------------------------------------------------------------------


def survival(
    alliances: pd.DataFrame, until: Any = None, by: str | None = None, level: float = 0.9
) -> pd.DataFrame:
    """Return the Kaplan–Meier survival of the alliances born during the run.

    Those that lived at the start are left out: others of their age had ended unseen.

    Parameters
    ----------
    alliances : the table of that name
    until : last month of the run (default: the last month in the table)
    by : column whose values are followed apart, e.g. "type"
    level : coverage of the band

    Returns
    -------
    DataFrame : group, age (months), survival, low, high, alliances (their number)
    """
    import pandas as pd
    from lifelines import KaplanMeierFitter

    table = alliances[alliances.origin != "seeded"]
    last = pd.Timestamp(until) if until is not None else alliances[["born", "ended"]].max().max()
    stop = table.ended.fillna(last)
    age = (stop.dt.year - table.born.dt.year) * 12 + stop.dt.month - table.born.dt.month
    groups = table[by] if by else pd.Series("", index=table.index)
    curves = []
    for name in sorted(groups.unique()):
        chosen = groups == name
        fitter = KaplanMeierFitter(alpha=1.0 - level)
        fitter.fit(age[chosen], event_observed=table.ended[chosen].notna())
        band = fitter.confidence_interval_
        curves.append(
            pd.DataFrame(
                {
                    "group": name,
                    "age": fitter.survival_function_.index.to_numpy(np.float64),
                    "survival": fitter.survival_function_.iloc[:, 0].to_numpy(),
                    "low": band.iloc[:, 0].to_numpy(),
                    "high": band.iloc[:, 1].to_numpy(),
                    "alliances": int(chosen.sum()),
                }
            )
        )
    columns = ["group", "age", "survival", "low", "high", "alliances"]
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=columns)
