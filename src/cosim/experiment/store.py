"""The store of an experiment: a folder of runs that no kill, and no full disk, leaves half written.

    manifest.json             what is run, by which versions and which command
    design.csv                the points
    parts-<8 hex>/*.parquet   runs as they came; the digits name what is measured of them

A run is named by what it computes, its seed and its replicate, and not by its place in a design: a
design that grows finds what it shares with the smaller one. What is missing is what is planned
minus what is stored. A part is written under another name, brought to the disk, then renamed, so
that even two processes at work on one folder do no harm: runs that are there twice count once.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from uuid import uuid4

import numpy as np

import cosim
from cosim import tables
from cosim.errors import ResultsError, nearest
from cosim.results import versions
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from cosim.experiment.document import Experiment, Point

__all__ = ["Counts", "Row", "Store"]

FORMAT = "cosim experiment"
#: Columns of `Store.runs` before those of the outcomes.
RUN_COLUMNS = ("run", "point", "replicate", "error", "replay")
#: The column of a part that holds the months of a run, flat; no outcome can have this name.
MONTHS = "_months"
#: How the name of a file ends that is being written.
PARTIAL = ".partial"
#: Seconds after which a file that was never finished is that of a process that died.
STALE = 3600.0
#: Rows of `series.parquet` that are written at once, and parts whose months are held.
CHUNK, HELD = 1 << 18, 16


class Row(NamedTuple):
    """One run.

    Parameters
    ----------
    run : its id
    error : one line, if it failed
    values : the outcomes, in their order; NaN where there is none
    months : float64[months, series] of what is kept month by month; None if it failed
    """

    run: str
    error: str | None
    values: tuple[float, ...]
    months: Array | None


class Counts(NamedTuple):
    """Runs of a design; `others` are stored and no part of it."""

    planned: int
    stored: int
    failed: int
    others: int

    @property
    def missing(self) -> int:
        """What is planned and not stored."""
        return self.planned - self.stored


class Store:
    """The folder of an experiment and its runs.

    Parameters
    ----------
    folder : where it is, or where `create` shall make it

    Examples
    --------
    >>> runs = Store("out/experiments/h01").runs()  # doctest: +SKIP
    >>> runs.groupby("point").alliances.mean()  # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self._read: dict[str, pd.DataFrame] = {}  # name of a part -> its runs, months aside

    # -- what is run ----------------------------------------------------------------------

    def create(self, experiment: Experiment, command: str = "") -> Store:
        """Write what is run; runs that are there stay, and count where the design has them.

        Parameters
        ----------
        command : the command line, for the manifest

        Raises
        ------
        ResultsError : the folder cannot be written, or holds something else
        """
        _refuse_reserved(experiment)
        before = self._before(experiment)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritten(self.folder, error) from error
        self.__dict__["experiment"] = experiment
        for name in ("_names", "_parts"):
            self.__dict__.pop(name, None)
        self._read.clear()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        manifest = {
            "format": FORMAT,
            "cosim": cosim.__version__,
            "created": before.get("created", now),
            "updated": now,
            "digest": experiment.digest,
            "seed": experiment.seed,
            "command": command or before.get("command", ""),
            "versions": versions(),
            "folder": _relative(experiment.folder, self.folder),
            "experiment": experiment.resolved(),
        }
        with replacing(self.folder / "manifest.json") as file:
            file.write(json.dumps(manifest, ensure_ascii=False, indent=2).encode() + b"\n")
        self._write_design()
        self._sweep()
        return self

    def _before(self, experiment: Experiment) -> dict[str, Any]:
        """Return the manifest of this experiment that is there; empty for a new folder."""
        try:
            if not self.folder.exists() or all(map(_unfinished, self.folder.iterdir())):
                return {}
        except OSError as error:
            raise _unwritten(self.folder, error) from error
        before = self.manifest
        for key in ("title", "reference"):
            found, wanted = before["experiment"].get(key), getattr(experiment, key)
            if found != wanted:
                raise ResultsError(
                    f"the folder holds an experiment with another {key}", where=self.folder,
                    key=key, found=wanted, expected=f"{found!r}, or another folder",
                )  # fmt: skip
        return before

    @property
    def manifest(self) -> dict[str, Any]:
        """What `manifest.json` says.

        Raises
        ------
        ResultsError : there is none, or not of an experiment
        """
        path = self.folder / "manifest.json"
        expected = "a folder that `cosim experiment run` wrote, or a new one"
        try:
            document = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            what = "holds no experiment" if self.folder.is_dir() else "no such folder"
            raise ResultsError(what, where=self.folder, expected=expected) from None
        except (OSError, ValueError) as error:
            raise ResultsError(f"cannot be read: {error}", where=path, expected=expected) from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            found = document.get("format") if isinstance(document, dict) else None
            raise ResultsError("holds no experiment", where=self.folder, found=found,
                               expected=expected)  # fmt: skip
        return document

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment whose runs are there, from the manifest.

        Raises
        ------
        CosimError : the manifest is not that of an experiment, or this version refuses it
        """
        from cosim.experiment.document import build

        manifest = self.manifest
        folder = (self.folder / manifest["folder"]).resolve()
        return build(manifest["experiment"], where=self.folder / "manifest.json", folder=folder)

    # -- runs -----------------------------------------------------------------------------

    @cached_property
    def _names(self) -> dict[int, str]:
        """number of a point -> what the ids of its runs start with."""
        experiment = self.experiment
        return {p.number: f"{p.digest}-{experiment.seed}" for p in experiment.points}

    def run(self, point: int, replicate: int) -> str:
        """Return the id of a run."""
        return f"{self._names[point]}-{replicate:05d}"

    def planned(self) -> dict[int, int]:
        """Return how many replicates each point is to have: number of the point -> replicates.

        With a stopping rule, those that the runs so far ask for.
        """
        from cosim.experiment import stopping

        experiment = self.experiment
        if experiment.stopping is None:
            return dict.fromkeys(self._names, experiment.least_replicates())
        most = dict.fromkeys(self._names, experiment.stopping.most)
        return stopping.due(experiment, self._table(most))

    def missing(self, planned: Mapping[int, int], failed: bool = False) -> list[tuple[int, int]]:
        """Return (number of the point, replicate) of the runs that are not stored, in order.

        A run that two points share is missing in the first of them.

        Parameters
        ----------
        planned : number of the point -> replicates
        failed : those that failed count as missing
        """
        stored = self._stored()
        there = set(stored.index[stored["error"].isna()] if failed else stored.index)
        made = []
        for point, count in planned.items():
            for replicate in range(count):
                run = self.run(point, replicate)
                if run not in there:
                    there.add(run)
                    made.append((point, replicate))
        return made

    def counts(self) -> Counts:
        """Return how many runs are planned, stored, failed."""
        planned = self.planned()
        names = {self.run(p, k) for p, count in planned.items() for k in range(count)}
        stored = self._stored()
        here = stored[stored.index.isin(names)]
        return Counts(len(names), len(here), int(here["error"].notna().sum()),
                      len(stored) - len(here))  # fmt: skip

    def runs(self) -> pd.DataFrame:
        """Return the runs of the design that are stored, in the order (point, replicate).

        Returns
        -------
        DataFrame : run, point, replicate, error (None, or one line), replay (the command that
        does the run again, from within the folder), then one float column per outcome
        """
        return self._table(self.planned())

    def _table(self, planned: Mapping[int, int]) -> pd.DataFrame:
        """Return the runs of so many replicates of each point that are stored."""
        import pandas as pd

        stored = self._stored()
        points = list(planned)
        counts = np.fromiter(planned.values(), np.int64, len(points))
        made = pd.DataFrame(
            {
                "run": [self.run(p, k) for p, n in planned.items() for k in range(n)],
                "point": np.repeat(np.array(points, dtype=np.int64), counts),
                "replicate": np.concatenate([np.arange(n) for n in counts] or [counts]),
            }
        )
        made = made[made["run"].isin(stored.index)].reset_index(drop=True)
        found = stored.loc[made["run"]].reset_index(drop=True)
        made["error"] = found["error"]
        made["replay"] = [replay_command(run) for run in made["run"]]
        return pd.concat([made, found[[*self.experiment.outcomes]]], axis=1)

    def series(self) -> pd.DataFrame:
        """Return what is kept month by month: run, month, indicator, group, value.

        Runs that failed have none; a run that two points share is there once.
        """
        import pandas as pd
        import pyarrow as pa

        chunks = [*self._months()]
        if not chunks:
            return pd.DataFrame({name: [] for name in _series_schema().names})
        return pa.concat_tables(chunks).to_pandas()

    def point_of(self, run: str) -> tuple[Point, int]:
        """Return the point and the replicate of a run.

        Raises
        ------
        ResultsError : no run of this experiment
        """
        head, _, last = run.rpartition("-")
        for point in self.experiment.points:
            if self._names[point.number] == head and last.isdecimal():
                return point, int(last)
        known = [self.run(point, 0) for point in self._names]
        raise ResultsError(
            "no such run of this experiment, as it and the model are now", where=self.folder,
            key="run", found=run, expected="a run of runs.csv", nearest=nearest(run, known),
        )  # fmt: skip

    # -- parts ----------------------------------------------------------------------------

    @cached_property
    def _parts(self) -> Path:
        """The folder of the parts that measure what the experiment does."""
        experiment = self.experiment
        outcomes = {name: " ".join(text.split()) for name, text in experiment.outcomes.items()}
        text = json.dumps([outcomes, experiment.series_columns], sort_keys=True)
        return self.folder / f"parts-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def add(self, rows: Sequence[Row]) -> None:
        """Store some runs as one part: all of them, or none.

        Raises
        ------
        ResultsError : the part cannot be written
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = [*self.experiment.outcomes]
        values = np.array([row.values for row in rows]).reshape(len(rows), len(names))
        months = [None if row.months is None else row.months.ravel() for row in rows]
        table = pa.table(
            {
                "run": pa.array([row.run for row in rows], pa.string()),
                "error": pa.array([row.error for row in rows], pa.string()),
                **{name: pa.array(values[:, k]) for k, name in enumerate(names)},
                MONTHS: pa.array(months, pa.list_(pa.float64())),
            }
        )
        whole = io.BytesIO()
        pq.write_table(table, whole)
        try:
            self._parts.mkdir(exist_ok=True)
        except OSError as error:
            raise _unwritten(self._parts, error) from error
        with replacing(self._parts / f"{uuid4().hex}.parquet") as file:
            file.write(whole.getbuffer())

    def _stored(self) -> pd.DataFrame:
        """Return every run that is stored: error, outcomes, part and place in it; index: run.

        Of runs stored twice, the one that did not fail counts.
        """
        import pandas as pd

        columns = ["run", "error", *self.experiment.outcomes]
        for path in sorted(self._parts.glob("*.parquet")):
            if path.name not in self._read:
                part = _read(path, columns).to_pandas()
                part["_part"], part["_place"] = path.name, np.arange(len(part))
                self._read[path.name] = part
        if not self._read:
            return pd.DataFrame(columns=[*columns, "_part", "_place"]).set_index("run")
        whole: pd.DataFrame = pd.concat(self._read.values(), ignore_index=True)
        whole = whole.sort_values(["run", "error", "_part"], na_position="first")
        return whole.drop_duplicates("run").set_index("run")

    def _months(self) -> Iterator[pa.Table]:
        """Yield the series of the runs in order, many rows at a time."""
        kept = self.experiment.series_columns
        if not kept:
            return
        runs = self.runs()
        runs = runs[runs["error"].isna()].drop_duplicates("run")
        stored = self._stored()
        starts = {p.number: p.scenario.time.start for p in self.experiment.points}
        part = lru_cache(maxsize=HELD)(lambda name: _read(self._parts / name, [MONTHS])[MONTHS])
        names: list[str] = []
        values: list[Array] = []
        first: list[str] = []
        for run, point in zip(runs["run"], runs["point"], strict=True):
            where = stored.loc[run]
            flat = part(where["_part"])[int(where["_place"])].values.to_numpy()
            names.append(run)
            values.append(flat)
            first.append(starts[point])
            if sum(map(len, values)) >= CHUNK:
                yield _long(names, first, values, kept)
                names, values, first = [], [], []
        if names:
            yield _long(names, first, values, kept)

    def _sweep(self) -> None:
        """Take away what processes that died left unfinished."""
        for path in (*self.folder.glob(".*"), *self.folder.glob("parts-*/.*")):
            with suppress(OSError):  # another process is at it
                if _unfinished(path) and time.time() - path.stat().st_mtime > STALE:
                    path.unlink()

    # -- export ---------------------------------------------------------------------------

    def export(self) -> list[Path]:
        """Write design.csv, runs.parquet, runs.csv and, if asked for, series.parquet.

        Their bytes depend on what is stored, and not on how or in which order it came.

        Returns
        -------
        list of Path : the files

        Raises
        ------
        ResultsError : they cannot be written
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        runs = self.runs()
        schema = pa.schema(
            {"run": "string", "point": "int64", "replicate": "int64", "error": "string",
             "replay": "string", **dict.fromkeys(self.experiment.outcomes, "double")}
        )  # fmt: skip
        written = [self._write_design(), self.folder / "runs.parquet", self.folder / "runs.csv"]
        with replacing(written[1]) as file:
            table = pa.Table.from_pandas(runs, schema, preserve_index=False)
            pq.write_table(table.replace_schema_metadata(None), file)
        with replacing(written[2]) as file:
            _write_csv(runs, file)
        if self.experiment.series_columns:
            written.append(self.folder / "series.parquet")
            with (
                replacing(written[-1]) as file,
                pq.ParquetWriter(file, _series_schema()) as writer,
            ):
                for chunk in self._months():
                    writer.write_table(chunk)
        return written

    def _write_design(self) -> Path:
        path = self.folder / "design.csv"
        with replacing(path) as file:
            _write_csv(self.experiment.design_table, file)
        return path


def replay_command(run: str) -> str:
    """Return the command that does a run again, from within the folder."""
    return f"cosim experiment replay . {run}"


def _refuse_reserved(experiment: Experiment) -> None:
    """Raise `ResultsError` where an outcome has the name of another column of the tables."""
    for name in experiment.outcomes:
        if name in RUN_COLUMNS:
            raise ResultsError("a name that the tables need", key=f"outcomes.{name}", found=name,
                               expected=f"any other than {', '.join(RUN_COLUMNS)}")  # fmt: skip


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of `path` once it is whole and on the disk.

    Raises
    ------
    ResultsError : it cannot be written; `path` is as it was
    """
    partial = path.with_name(f".{path.name}.{uuid4().hex[:8]}{PARTIAL}")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        with suppress(OSError):  # some systems cannot bring a folder to the disk
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
    except OSError as error:
        raise _unwritten(path, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _unfinished(path: Path) -> bool:
    """Return whether a file is one that somebody is writing, or died while writing."""
    return path.name.startswith(".") and path.name.endswith(PARTIAL)


def _unwritten(path: Path, error: OSError) -> ResultsError:
    return ResultsError(f"cannot be written: {error.strerror or error}", where=path)


def _read(path: Path, columns: Sequence[str]) -> pa.Table:
    """Return some columns of a part."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, columns=list(columns))
    except (OSError, pa.ArrowInvalid) as error:
        raise ResultsError(
            f"a part cannot be read: {' '.join(str(error).split())}", where=path,
            expected="delete it, and run the experiment again: its runs are then missing",
        ) from None  # fmt: skip


def _series_schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema({"run": "string", "month": pa.timestamp("ms"), "indicator": "string",
                      "group": "string", "value": "double"})  # fmt: skip


def _long(
    runs: Sequence[str],
    starts: Sequence[str],
    values: Sequence[Array],
    kept: Sequence[tuple[str, str]],
) -> pa.Table:
    """Return the months of some runs as one row per number."""
    import pyarrow as pa

    k = len(kept)
    months = [tables.months_of(start, len(flat) // k)
              for start, flat in zip(starts, values, strict=True)]  # fmt: skip
    n = sum(map(len, months))
    which = np.repeat(np.arange(len(runs)), [len(flat) for flat in values])
    column = np.tile(np.arange(k), n)

    def labels(names: Sequence[str], places: Array) -> Any:
        return pa.DictionaryArray.from_arrays(places, pa.array(names, pa.string())).cast("string")

    return pa.table(
        {
            "run": labels(runs, which),
            "month": pa.array(np.repeat(np.concatenate(months), k), pa.timestamp("ms")),
            "indicator": labels([name for name, _ in kept], column),
            "group": labels([group for _, group in kept], column),
            "value": pa.array(np.concatenate(values)),
        },
        schema=_series_schema(),
    )


def _write_csv(table: pd.DataFrame, file: BinaryIO) -> None:
    file.write(table.to_csv(index=False, lineterminator="\n").encode())


def _relative(path: Path, folder: Path) -> str:
    """Return a path as seen from a folder, so that both can move together."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.as_posix()
