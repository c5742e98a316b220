"""Measure the costs that the architecture holds, as ratios taken in one run.

`make bench` prints a table and writes `out/bench.json`. Seconds depend on the machine; the
ratios are what a change is judged by.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import cosim  # noqa: E402
from cosim import engine  # noqa: E402

REPLICATES = 20


def seconds(work: Callable[[], Any], repeats: int = 3) -> float:
    """Return the median wall time of `work` over `repeats` calls."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[len(taken) // 2]


def run_all(plan: engine.Plan, replicates: int, workers: int) -> None:
    """Run an ensemble and throw it away."""
    for _ in engine.replicates(plan, range(replicates), workers=workers):
        pass


def oracle_seconds(plan: engine.Plan, steps: int) -> float:
    """Return the time of the second implementation (plain Mesa agents) over `steps` months."""
    from reference.adapter import from_state

    run = engine.Run(plan)
    oracle = from_state(run.state, plan.params, run.seed, run.replicate)

    def work() -> None:
        for _ in range(steps):
            oracle.step()

    return seconds(work, repeats=1)


def peer(plan: engine.Plan, months: int) -> type:
    """Return the same rules as ordinary Mesa agents: NumPy's generator, nothing checked.

    It starts where the engine starts, and measures one number a month: both are in its favour.
    """
    import mesa
    from reference.adapter import from_state

    class Peer(mesa.Model):
        def __init__(self, rng: int | None = None) -> None:
            super().__init__(rng=rng)
            run = engine.Run(plan)
            self.world = from_state(run.state, plan.params, run.seed, run.replicate)
            self.world.block = lambda *_: tuple(self.rng.random(2))
            self.world.check = lambda: None
            self.left = months
            self.datacollector = mesa.DataCollector({"alliances": lambda m: len(m.world.alliances)})

        def step(self) -> None:
            self.world.step()
            self.left -= 1
            self.running = self.left > 0
            self.datacollector.collect(self)

    return Peer


def peer_seconds(plan: engine.Plan, months: int) -> float:
    """Return the time of a month under `mesa.batch_run`, one process, without the start."""
    import mesa

    def work(last: int) -> float:
        model = peer(plan, last)
        return seconds(lambda: mesa.batch_run(model, {}, rng=[1], display_progress=False), 3)

    return (work(months) - work(1)) / (months - 1)


def month_seconds(plan: engine.Plan) -> float:
    """Return the time of one month of the engine, one thread, without the start."""
    whole = seconds(lambda: engine.replicate(plan, 1, 0), 7)
    return (whole - seconds(lambda: plan.state(1, 0), 7)) / plan.n_steps


def main() -> None:
    """Print the table and write the file."""
    median = cosim.load("reference-2020")
    started = time.perf_counter()
    plan = engine.plan(median)
    engine.replicate(plan, 1, 0)
    first = time.perf_counter() - started
    actors = int(plan.template.actors.alive.sum())
    one = seconds(lambda: run_all(plan, REPLICATES, 1))
    two = seconds(lambda: run_all(plan, REPLICATES, 2))

    small = cosim.Scenario(
        territory={"code": "synthetic"}, time={"start": "2010-01", "end": "2011-12"}
    )
    tiny = engine.plan(small)
    fast = seconds(lambda: engine.replicate(tiny, 1, 0))
    slow = oracle_seconds(tiny, tiny.n_steps)
    ordinary = peer_seconds(plan, 25) / month_seconds(plan)

    command = [
        sys.executable,
        "-m",
        "cosim",
        "run",
        "reference-2020",
        "--replicates",
        "1",
        "--json",
    ]
    start = seconds(lambda: subprocess.run(command, check=True, capture_output=True))
    lean = [sys.executable, "-c", "import cosim"]
    bare = [sys.executable, "-c", "pass"]
    imports = seconds(lambda: subprocess.run(lean, check=True)) - seconds(
        lambda: subprocess.run(bare, check=True)
    )
    months = plan.n_steps
    rows = {
        "first result in this process (compiles if the cache is cold), s": first,
        f"{REPLICATES} replicates x {actors} actors x {months} months, 1 thread, s": one,
        "the same, 100 replicates, 2 threads (bar: 1 s), s": two * 100 / REPLICATES,
        "time per actor and month, 1 thread, ns": one / REPLICATES / actors / months * 1e9,
        "2 threads v 1 (bar: 1.8), x": one / two,
        "a month of ordinary Mesa agents with NumPy's generator v engine (bar: 300), x": ordinary,
        "plain Mesa agents with the same keyed draws v engine, small territory, x": slow / fast,
        "cached start of `cosim run` to first result (bar: 3 s), s": start,
        "import cosim over bare Python (bar: 0.4 s), s": imports,
    }
    for name, value in rows.items():
        print(f"{value:12.3f}  {name}")
    out = ROOT / "out" / "bench.json"
    out.parent.mkdir(exist_ok=True)
    machine = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
    }
    out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
