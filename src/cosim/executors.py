"""Replicates in other processes: any `concurrent.futures.Executor`, that of a Dask cluster too.

Another process is sent an order, which is the scenario's document and what must be the same there:
the territory, and the digest of the model and of the modules. It makes its own plan of it, once.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cosim import engine
from cosim.errors import CosimError, ScenarioError
from cosim.indicators import COLUMNS
from cosim.results import run_digest
from cosim.scenario import build

if TYPE_CHECKING:
    from distributed import Client

    from cosim.engine import Kept, Plan
    from cosim.scenario import Scenario
    from cosim.state import State
    from cosim.territory import Territory

__all__ = ["connect", "order", "ordered", "perform", "planned", "processes", "rebuilt", "width"]

#: Seconds that a scheduler has to answer, and the tenths of a second that its first worker has.
ANSWER, FIRST_WORKER = 4, 20
#: Plans that a process keeps: a comparison needs two.
PLANS = 8


class _Order(NamedTuple):
    """What another process needs to make the same plan."""

    document: dict[str, Any]
    folder: Path  # where the names of `model.modules` start
    place: Territory | None  # None: the one that the document names
    columns: tuple[tuple[str, str], ...]
    digest: str  # of scenario, modules and model


def order(ready: Plan) -> bytes:
    """Return what `perform` needs of a plan, as bytes that any process reads."""
    return ordered(ready.scenario, ready.place)


def ordered(
    scenario: Scenario,
    place: Territory | None = None,
    columns: Sequence[tuple[str, str]] = COLUMNS,
    digest: str | None = None,
) -> bytes:
    """Return the order of the plan that `engine.plan(scenario, place, columns)` would make.

    `digest` is the scenario's `run_digest`, where it is known.
    """
    folder = (scenario._folder or Path.cwd()).absolute()
    wanted = digest or run_digest(scenario)
    return pickle.dumps(_Order(scenario.resolved(), folder, place, tuple(columns), wanted))


def perform(
    ordered: bytes, seed: int, numbers: range, keep: Callable[[int, State], Any] | None = None
) -> list[Kept]:
    """Run a few replicates of an order; return (number, indicators, kept) of each.

    Raises
    ------
    CosimError : modules are missing here, or those or the model are other than the order's; a
        replicate failed
    """
    ready = planned(ordered)
    return [engine.kept(ready, seed, number, keep) for number in numbers]


@lru_cache(maxsize=PLANS)
def planned(ordered: bytes) -> Plan:
    """Return the plan of an order, which a process makes once.

    Raises
    ------
    CosimError : modules are missing here, or those or the model are other than the order's
    """
    wanted: _Order = pickle.loads(ordered)
    scenario = rebuilt(wanted.document, wanted.folder, wanted.digest)
    return engine.plan(scenario, wanted.place, wanted.columns)


def rebuilt(document: dict[str, Any], folder: Path, digest: str) -> Scenario:
    """Return the scenario of a document that was sent here; `digest` is its `run_digest` there.

    Raises
    ------
    CosimError : modules are missing here, or those or the model are other than the sender's
    """
    scenario = build(document, folder=folder)
    for path in scenario.module_paths:
        if not path.is_file():
            raise ScenarioError(
                "no such module where the replicates run", where=path, key="model.modules",
                expected="a file that every worker of the executor can read",
            )  # fmt: skip
    found = run_digest(scenario)
    if found != digest:
        raise CosimError(
            "the executor's workers have another version of cosim or of the scenario's modules",
            key="digest", found=found, expected=digest,
        )  # fmt: skip
    return scenario


def width(executor: Executor) -> int:
    """Return how many tasks an executor runs at once; 1 where it does not say."""
    if isinstance(executor, _Cluster):
        return executor.width
    return int(getattr(executor, "_max_workers", 1))


def processes(workers: int) -> ProcessPoolExecutor:
    """Return so many processes of this machine, which end when this one does, however it does."""
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _as_a_worker)


def _as_a_worker() -> None:
    """Leave Ctrl-C to the process that gives the work, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


# -- Dask ---------------------------------------------------------------------------------


class _Cluster(Executor):
    """A Dask cluster that is left when the executor is shut down."""

    def __init__(self, client: Client):
        self._client = client
        self._executor = client.get_executor(pure=False)  # no result is that of another order
        self.width = sum(client.nthreads().values())  # threads of the workers that are there now

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = self._executor.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=wait and not cancel_futures)
        self._client.close()


def connect(address: str) -> Executor:
    """Return the executor of the Dask cluster whose scheduler is at `address`.

    Its workers need the same version of cosim. Shut it down, or use it in a `with` statement, to
    leave the cluster; the cluster itself goes on.

    Raises
    ------
    CosimError : `distributed` is not installed; no scheduler answers, or it has no worker

    Examples
    --------
    >>> with connect("tcp://127.0.0.1:8786") as executor:  # doctest: +SKIP
    ...     ensemble = cosim.ensemble(scenario, replicates=1000, executor=executor)
    """
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise CosimError("Dask is not installed", key=error.name,
                         expected="pip install 'cosim[cluster]'") from None  # fmt: skip
    try:
        with ThreadPoolExecutor(1) as thread:  # this one may have a loop of its own: a notebook
            workers = thread.submit(asyncio.run, _workers(address)).result()
        if workers:
            return _Cluster(Client(address, timeout=ANSWER, set_as_default=False))
    except Exception as error:  # what answers may be anything, or no address at all
        raise CosimError("no Dask scheduler answers at this address", where=address,
                         expected="HOST:PORT of `dask scheduler`") from error  # fmt: skip
    raise CosimError("the Dask scheduler has no worker", where=address,
                     expected="a `dask worker` at work")  # fmt: skip


async def _workers(address: str) -> int:
    """Ask a scheduler how many workers it has, and again while there is none.

    `Client` would wait without end for a server that listens and says nothing.
    """
    from distributed import Security
    from distributed.core import rpc

    security = Security().get_connection_args("client")
    async with (
        asyncio.timeout(ANSWER),
        rpc(address, timeout=ANSWER, connection_args=security) as scheduler,
    ):
        workers: int = (await scheduler.identity(n_workers=0))["n_workers"]
        for _ in range(FIRST_WORKER):
            if workers:
                break
            await asyncio.sleep(0.1)
            workers = (await scheduler.identity(n_workers=0))["n_workers"]
    return workers
