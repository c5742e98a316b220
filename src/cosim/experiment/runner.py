"""Run what is missing of an experiment, wherever there are workers, and store it as it comes.

A task is a few runs, sent through a `concurrent.futures.Executor` as the scenarios' documents;
whoever does it sends back rows, and this process writes them. A run that fails is a row too. A
worker that dies, a cluster that is lost, a disk that is full are errors that stop all, and leave
what is stored.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import closing, contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cosim import engine, executors
from cosim.calibration import language
from cosim.calibration.runs import TerritoryRun
from cosim.errors import CosimError, RunError, ScenarioError
from cosim.experiment.store import Counts, Row, Store
from cosim.indicators import column
from cosim.population import seats_of
from cosim.scenario_file import one_line

if TYPE_CHECKING:
    from cosim.calibration.language import Expression
    from cosim.engine import Plan
    from cosim.experiment.document import Experiment, Point
    from cosim.scenario import Scenario
    from cosim.state import Array, State

__all__ = ["Estimate", "Progress", "check", "once", "replay", "run"]

#: Seconds that a task is made to last, and its most runs.
TASK_SECONDS, TASK_RUNS = 1.5, 32
#: Runs of the trial that are timed, after one that compiles and loads.
TRIAL = 2
#: Tasks that are sent ahead for each worker of this machine.
AHEAD = 4

#: A run that is missing: number of its point, replicate.
Job = tuple[int, int]


class Progress(NamedTuple):
    """Where a run stands: runs stored and planned so far, runs per second, seconds left."""

    done: int
    planned: int
    rate: float
    left: float


class Estimate(NamedTuple):
    """What is ahead, told before it starts.

    Parameters
    ----------
    planned, stored, failed : runs of the design, those that are there, those of them that failed
    others : runs that are there and no part of the design
    missing : runs to do
    seconds : that they will take with so many `workers`, from a trial
    most, most_seconds : the same if the stopping rule goes on to its end; else as above
    """

    planned: int
    stored: int
    failed: int
    others: int
    missing: int
    seconds: float
    most: int
    most_seconds: float
    workers: int


class Asked(NamedTuple):
    """What is measured of each run; any process reads it."""

    outcomes: tuple[Expression, ...]
    series: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(indicator, group) that are read."""
        read = [pair for one in self.outcomes for pair in language.columns(one)]
        return tuple(dict.fromkeys([*read, *self.series]))

    @property
    def lives(self) -> bool:
        """Whether alliances are followed, those that ended too."""
        return any(language.follows(one) for one in self.outcomes)


class Piece(NamedTuple):
    """Some replicates of a point: months and orders of its stages, the names of its runs."""

    months: tuple[int, ...]
    orders: tuple[bytes, ...]
    runs: tuple[tuple[str, int], ...]  # id, replicate


class Done(NamedTuple):
    """What a task sends back: rows, the seconds of each, the seconds of each plan."""

    rows: list[Row]
    seconds: list[float]
    planning: list[float]


# -- one task, where it runs --------------------------------------------------------------


def perform(pieces: Sequence[Piece], seed: int, asked: Asked) -> Done:
    """Do the runs of a task.

    Raises
    ------
    CosimError : the scenario cannot be made ready here; a run that fails is a row
    """
    made = Done([], [], [])
    for piece in pieces:
        before = time.perf_counter()
        plans = [executors.planned(order) for order in piece.orders]
        made.planning.append(time.perf_counter() - before)
        stages = [*zip(piece.months, plans, strict=True)]
        for run, number in piece.runs:
            before = time.perf_counter()
            made.rows.append(_row(run, stages, seed, number, asked))
            made.seconds.append(time.perf_counter() - before)
    return made


def _row(run: str, stages: Sequence[tuple[int, Plan]], seed: int, number: int, asked: Asked) -> Row:
    try:
        out, values = _measured(stages, seed, number, asked)
    except RunError as error:
        return Row(run, f"{error}", (np.nan,) * len(asked.outcomes), None)
    months = out[:, [column(*pair) for pair in asked.series]] if asked.series else None
    return Row(run, None, values, months)


def _measured(
    stages: Sequence[tuple[int, Plan]], seed: int, number: int, asked: Asked
) -> tuple[Array, tuple[float, ...]]:
    """Do one run; return its indicators, float64[months, columns], and its outcomes.

    Raises
    ------
    RunError : it failed, whatever the reason
    """
    try:
        out, state = _simulated(stages, seed, number, forget=not asked.lives)
        run = TerritoryRun(stages[0][1], out, state)
        return out, tuple(one.value(run) for one in asked.outcomes)
    except (MemoryError, ScenarioError):  # of this machine, of what was asked: not of the run
        raise
    except (Exception, SystemExit) as error:  # a rule of somebody else's can raise anything
        reason = one_line(" ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":"))
        raise RunError(f"the run failed: {reason}", key=f"replicate {number}") from error


def _simulated(
    stages: Sequence[tuple[int, Plan]], seed: int, number: int, forget: bool
) -> tuple[Array, State]:
    if len(stages) == 1:
        return engine.replicate(stages[0][1], seed, number, forget)
    from cosim import branching

    return branching.staged(stages, seed, number, forget)


# -- an experiment ------------------------------------------------------------------------


def run(
    experiment: Experiment,
    folder: str | os.PathLike[str],
    workers: int | None = None,
    processes: bool = False,
    executor: Executor | None = None,
    progress: Callable[[Progress], None] | None = None,
    *,
    told: Callable[[Estimate], bool] | None = None,
    retry_failed: bool = False,
    command: str = "",
) -> Store:
    """Run what is missing of an experiment in a folder, and export its tables.

    The tables do not depend on `workers`, `processes` or `executor`, nor on how often, and where,
    it was interrupted.

    Parameters
    ----------
    folder : a new one, or one where this experiment ran already, whatever its design was then
    workers : threads, or processes (default: the machine's cores), without an executor
    processes : use processes: for rules of one's own, which are plain Python
    executor : runs the tasks instead, as that of `cosim.executors.connect`
    progress : called each time something was stored
    told : called once, before the bulk of the runs, with what they will cost; False stops there
    retry_failed : runs that failed are done again, once
    command : the command line, for the manifest

    Raises
    ------
    ResultsError : the folder cannot be written, or holds something else
    RunError : the executor failed; what was stored stays
    CosimError : a scenario cannot be simulated

    Examples
    --------
    >>> from cosim.experiment import document, runner
    >>> store = runner.run(document.load("h01-dose"), "out/h01")  # doctest: +SKIP
    >>> store.runs().groupby("point").alliances.mean()  # doctest: +SKIP
    """
    check(experiment)
    store = Store(folder).create(experiment, command)
    with _pool(workers, processes, executor) as pool:
        if _Work(store, pool, progress).everything(told, retry_failed):
            store.export()
    return store


def replay(folder: str | os.PathLike[str], run: str) -> dict[str, float]:
    """Do one run of a stored experiment again, and return its outcomes; nothing is stored.

    Raises
    ------
    RunError : it fails, as it did
    ResultsError : no such run
    """
    store = Store(folder)
    return once(store.experiment, *store.point_of(run))


def once(experiment: Experiment, point: Point, replicate: int) -> dict[str, float]:
    """Do one run of an experiment, and return its outcomes; nothing is stored.

    Raises
    ------
    RunError : it fails
    """
    asked = _asked(experiment)
    stages = [
        (month, engine.plan(scenario, columns=asked.columns)) for month, scenario in _stages(point)
    ]
    _, values = _measured(stages, experiment.seed, replicate, asked)
    return dict(zip(experiment.outcomes, values, strict=True))


def check(experiment: Experiment) -> None:
    """Refuse, before anything is written, rules of one's own that do not exist or import."""
    seen = set()
    for point in experiment.points:
        for _, scenario in _stages(point):
            key = (*scenario.module_paths, scenario.model.model_dump_json())
            if scenario.module_paths and key not in seen:
                seen.add(key)
                engine.schedule(scenario)


def _asked(experiment: Experiment) -> Asked:
    return Asked(tuple(experiment.measures.values()), tuple(experiment.series_columns))


def _stages(point: Point) -> list[tuple[int, Scenario]]:
    """Return the scenarios of a point, each with the month in which it begins."""
    first = point.scenario
    return [(0, first), *((first.month_index(month), later) for month, later in point.then)]


@contextmanager
def _pool(workers: int | None, processes: bool, executor: Executor | None) -> Iterator[Executor]:
    """Yield what runs the tasks; the executor that was given is left to its owner."""
    if executor is not None:
        yield executor
        return
    n = workers or os.cpu_count() or 1
    pool = executors.processes(n) if processes else ThreadPoolExecutor(n)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Work:
    """The runs that are missing, cut into tasks by what a run was seen to cost.

    The cost of a run is taken to be proportional to seats × months: `pace` is the seconds of one,
    apart for schedules with a rule of somebody else's, which are plain Python.
    """

    def __init__(
        self, store: Store, pool: Executor, progress: Callable[[Progress], None] | None = None
    ):
        self.store = store
        self.pool = pool
        self.workers = executors.width(pool)
        self.progress = progress
        self.experiment = store.experiment
        self.asked = _asked(self.experiment)
        self.points = {point.number: point for point in self.experiment.points}
        self.pace: dict[bool, float] = {}
        self.planning: dict[bool, float] = {}
        self.seats: dict[str, int] = {}

    def everything(self, told: Callable[[Estimate], bool] | None, retry_failed: bool) -> bool:
        """Do all that is missing, as long as the stopping rule asks for more; False if refused."""
        before = self.store.counts()
        wanted = self.store.missing(self.store.planned(), retry_failed)
        jobs = self._tried(wanted)
        if told is not None and not told(self._estimate(before, len(wanted), jobs)):
            return False
        while jobs:
            self._do(jobs)
            jobs = self._tried(self.store.missing(self.store.planned()))
        return True

    # -- cost -----------------------------------------------------------------------------

    def _tried(self, jobs: list[Job]) -> list[Job]:
        """Do the first jobs of each kind that was not timed yet; return the others.

        The very first compiles, and loads territories: those that follow are timed alone.
        """
        for own in {self._own(number) for number, _ in jobs} - set(self.pace):
            kind = [job for job in jobs if self._own(job[0]) == own]
            first, timed = kind[:1], kind[1 : 1 + TRIAL]
            for task in (first, timed) if timed else (first,):
                for _, done in self._done([task]):
                    self.store.add(done.rows)
                    weight = sum(self._weight(number) for number, _ in task)
                    self.pace[own] = sum(done.seconds) / weight
                    self.planning[own] = min(done.planning)
            tried = {*first, *timed}
            jobs = [job for job in jobs if job not in tried]
        return jobs

    def _estimate(self, before: Counts, missing: int, jobs: list[Job]) -> Estimate:
        """Return what is ahead: the jobs that a trial left of those that were missing."""
        rule = self.experiment.stopping
        most = jobs
        if rule is not None and missing:
            open_ = {number for number, _ in jobs}
            most = self.store.missing(dict.fromkeys(open_, rule.most))
        tried = missing - len(jobs)
        return Estimate(*before, missing, self._seconds(jobs), tried + len(most),
                        self._seconds(most), self.workers)  # fmt: skip

    def _seconds(self, jobs: Sequence[Job]) -> float:
        """Return the seconds that some runs will take."""
        plans = sum(self.planning[self._own(number)] for number in {job[0] for job in jobs})
        return (plans + sum(self._cost(number) for number, _ in jobs)) / self.workers

    def _cost(self, number: int) -> float:
        """Return the seconds of one run of a point, alone."""
        return self._weight(number) * self.pace[self._own(number)]

    def _weight(self, number: int) -> float:
        """Return seats × months of a run of a point."""
        scenario = self.points[number].scenario
        key = scenario.territory.model_dump_json()
        if key not in self.seats:
            place, where = engine.territory_of(scenario), scenario.territory
            seats = seats_of(place, engine.resolved(scenario), where.sample, where.profile)
            self.seats[key] = len(seats["kind"])
        return float(self.seats[key] * scenario.n_months)

    def _own(self, number: int) -> bool:
        return bool(self.points[number].scenario.model.modules)

    # -- tasks ----------------------------------------------------------------------------

    def _do(self, jobs: Sequence[Job]) -> None:
        """Do some jobs and store them as they come."""
        planned = self.store.counts().planned
        total = sum(self._cost(number) for number, _ in jobs)
        left, cost, start = len(jobs), 0.0, time.perf_counter()
        with closing(self._done(self._tasks(jobs))) as parts:
            for task, done in parts:
                self.store.add(done.rows)
                left -= len(task)
                cost += sum(self._cost(number) for number, _ in task)
                if self.progress:
                    seconds = time.perf_counter() - start
                    self.progress(
                        Progress(planned - left, planned, (len(jobs) - left) / seconds,
                                 seconds * (total - cost) / cost)
                    )  # fmt: skip

    def _tasks(self, jobs: Sequence[Job]) -> Iterator[list[Job]]:
        """Cut jobs into tasks: a few runs, of several points where each has few."""
        task: list[Job] = []
        seconds = 0.0
        for number, replicate in jobs:
            if not task or task[-1][0] != number:
                seconds += self.planning[self._own(number)]
            task.append((number, replicate))
            seconds += self._cost(number)
            if seconds >= TASK_SECONDS or len(task) >= TASK_RUNS:
                yield task
                task, seconds = [], 0.0
        if task:
            yield task

    def _done(self, tasks: Iterable[list[Job]]) -> Generator[tuple[list[Job], Done], None, None]:
        """Yield tasks with what they gave, as they end."""
        here = isinstance(self.pool, ThreadPoolExecutor | ProcessPoolExecutor)
        most = AHEAD * self.workers if here else engine.MOST_TASKS  # a cluster may grow
        return _as_done(tasks, self._sent, most)

    def _sent(self, task: list[Job]) -> Future[Done]:
        """Give a task to a worker."""
        pieces = []
        for number, jobs in groupby(task, key=lambda job: job[0]):
            months, orders = self._orders(number)
            runs = tuple((self.store.run(*job), job[1]) for job in jobs)
            pieces.append(Piece(months, orders, runs))
        return self.pool.submit(perform, pieces, self.experiment.seed, self.asked)

    def _orders(self, number: int) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
        """Return the months and the orders of the stages of a point."""
        stages = _stages(self.points[number])
        return (
            tuple(month for month, _ in stages),
            tuple(executors.ordered(one, columns=self.asked.columns) for _, one in stages),
        )


def _as_done(
    tasks: Iterable[list[Job]], send: Callable[[list[Job]], Future[Done]], most: int
) -> Generator[tuple[list[Job], Done], None, None]:
    """Send tasks, at most `most` at once, and yield each with what it gave, as they end.

    Closing the generator, or a task that fails, cancels those that have not begun.

    Raises
    ------
    RunError : the executor failed: a worker died, a cluster is lost
    """
    waiting: dict[Future[Done], list[Job]] = {}
    try:
        for task in tasks:
            waiting[send(task)] = task
            if len(waiting) >= most:
                yield from _ended(waiting)
        while waiting:
            yield from _ended(waiting)
    except CosimError:
        raise
    except Exception as error:
        reason = one_line(" ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":"))
        raise RunError(f"the executor failed: {reason}", key="executor") from error
    finally:
        for future in waiting:
            future.cancel()


def _ended(
    waiting: dict[Future[Done], list[Job]],
) -> Iterator[tuple[list[Job], Done]]:
    """Wait for a task to end; take those that did from `waiting`, and yield them."""
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        yield waiting.pop(future), future.result()
