"""What needs a process of its own, because peak memory and a cold start are those of a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN = ["-m", "cosim", "run", "reference-2020", "--replicates", "1", "--json"]


def python(*arguments: str, cache: str = "") -> str:
    """Run the interpreter in a new process and return what it prints."""
    environment = os.environ | ({"COSIM_CACHE": cache} if cache else {})
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    return done.stdout


def first_compile() -> float:
    """Return the seconds of `cosim run` where nothing has been compiled."""
    with tempfile.TemporaryDirectory() as empty:
        start = time.perf_counter()
        python(*RUN, cache=empty)
        return time.perf_counter() - start


@dataclass(frozen=True)
class France:
    """A run of France, or of one territory in `every`, all its actors simulated."""

    every: int
    territories: int
    seats: int
    actor_months: float
    workers: int
    settle: float  # s, until every territory stands at its start
    months: float  # s, from there to the last month
    processor: float  # s, of all threads in that time
    seconds: float  # s, of the whole process
    memory: float  # GB, peak of the process


def france(every: int, workers: int) -> France:
    """Measure a run of France in a process of its own."""
    start = time.perf_counter()
    found = json.loads(python("-m", "benchmarks.alone", str(every), str(workers)))
    return France(**found | {"seconds": time.perf_counter() - start})


def run_france(every: int, workers: int) -> France:
    """Run France in this process."""
    import cosim
    from cosim import national, territory
    from cosim.indicators import column

    start = time.perf_counter()
    scenario = cosim.load("reference-2010").with_(**{"time.end": "2026-01"})
    nation = national.plan(scenario, territory.every()[::every])
    kept = [column("actors"), column("convinced", "elu"), column("alliances")]
    run = national.Run(nation, 1, 0, kept, workers)
    settled, worked = time.perf_counter(), time.process_time()
    while not run.done:
        run.advance()
    done, worked = time.perf_counter(), time.process_time() - worked
    seats = sum(len(state.actors) for state in run.states)
    actor_months = float(run.values[:, :, 0].sum())
    return France(every, len(nation.places), seats, actor_months, workers, settled - start,
                  done - settled, worked, done - start, peak())  # fmt: skip


def peak() -> float:
    """Return the peak memory of this process, in GB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent from which this process was forked
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e9
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9


if __name__ == "__main__":
    every, workers = map(int, sys.argv[1:])
    print(json.dumps(asdict(run_france(every, workers))))
