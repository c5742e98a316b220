"""What is measured, group by group; a group returns figures and growths."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import Any

import numba

import cosim
from benchmarks import alone, dashboard, peers
from benchmarks.clock import Growth, Work, excess, growth, processor, ratio, seconds, turns
from benchmarks.costs import MEDIAN, Figure
from benchmarks.room import room
from cosim import engine, territory
from cosim.compiled import kernel
from cosim.indicators import column
from cosim.mechanisms.levers import begin
from cosim.state import State, Table

Found = list[Figure | Growth]
INHABITANTS = (10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000)
MONTHS = (36, 72, 144, 288, 576)
REPLICATES = (8, 16, 32, 64, 128)
#: Months of the ensembles whose growth is measured: as many as keep it under a minute.
SHORT = 36
#: 2010-01 to 2026-01.
MONTHS_OF_FRANCE = 193


def until(months: int) -> cosim.Scenario:
    """Return the median scenario with another number of months."""
    scenario = cosim.load(MEDIAN)
    return scenario.with_(**{"time.end": scenario.month_label(months - 1)})


def ensemble(count: int, workers: int, months: int = 144) -> cosim.Ensemble:
    """Run an ensemble of the median territory."""
    return cosim.ensemble(until(months), count, workers=workers)


# -- ensembles and threads ----------------------------------------------------------------


@numba.njit(nogil=True)
def _spin(n: int) -> float:
    """Return the end of a chain of multiplications: no memory, no lock."""
    x = 0.5
    for _ in range(n):
        x = 3.9 * x * (1.0 - x)
    return x


def _spins(workers: int, n: int = 100_000_000) -> None:
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(_spin, (n, n)))


def threads(rounds: int = 5) -> Found:
    """Hundred replicates on one thread and on two, and what two threads can gain here at all."""
    _spin(1)
    taken = turns(
        {
            "one": partial(ensemble, 100, 1),
            "two": partial(ensemble, 100, 2),
            "spin one": partial(_spins, 1),
            "spin two": partial(_spins, 2),
        },
        rounds,
    )
    one = seconds(partial(ensemble, 100, 1), processor)
    actor_months = float(ensemble(1, 1).values[..., column("actors")].sum())
    tracemalloc.start()
    held = ensemble(100, 2)
    now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return [
        Figure("100 replicates, 144 months, 2 threads", median(taken["two"]), "s", "ensemble"),
        Figure("the same, 1 thread", median(taken["one"]), "s"),
        Figure("processor time of the 100 replicates, 2 threads",
               seconds(partial(ensemble, 100, 2), processor), "s"),
        Figure("processor time of the 100 replicates, 1 thread", one, "s"),
        Figure("time per actor and month, 1 thread",
               one / 100 / actor_months * 1e9, "ns"),
        Figure("2 threads v 1", ratio(taken["one"], taken["two"]), "×", "workers"),
        Figure("2 threads v 1, arithmetic without memory: what the machine gives",
               ratio(taken["spin one"], taken["spin two"]), "×"),
        Figure("memory that an ensemble of 100 replicates holds", now / 1e6, "MB"),
        Figure("memory at the peak of its run, Python's and NumPy's", most / 1e6, "MB"),
        Figure("numbers that it holds", held.values.size / 1e6, "million"),
    ]  # fmt: skip


# -- peers --------------------------------------------------------------------------------


def rivals(rounds: int = 3, months: int = 144, few: int = 24) -> Found:
    """Ordinary Mesa agents and the oracle against the engine, over the same months."""
    plan = engine.plan(cosim.load(MEDIAN))
    peers.engine_seconds(plan, few)
    times: dict[str, list[float]] = {"peer": [], "engine": [], "oracle": [], "engine, few": []}
    for _ in range(rounds):
        times["peer"].append(peers.peer_seconds(plan, months))
        times["engine"].append(median(peers.engine_seconds(plan, months) for _ in range(5)))
        times["oracle"].append(peers.oracle_seconds(plan, few))
        times["engine, few"].append(median(peers.engine_seconds(plan, few) for _ in range(5)))
    return [
        Figure(f"ordinary Mesa agents v engine, {months} months",
               ratio(times["peer"], times["engine"]), "×", "peer"),
        Figure("a month of the ordinary Mesa agents", median(times["peer"]) / months * 1e3, "ms"),
        Figure("a month of the engine", median(times["engine"]) / months * 1e3, "ms"),
        Figure(f"oracle (keyed numbers, all checked) v engine, {few} months",
               ratio(times["oracle"], times["engine, few"]), "×"),
    ]  # fmt: skip


# -- growth -------------------------------------------------------------------------------


def peak(work: Work) -> float:
    """Return the most memory that Python and NumPy set aside at once during `work`, in MB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def grown(
    name: str, sizes: list[float], works: list[Work], rounds: int, memory: list[Work] | None = None
) -> Found:
    """Return the growth of time and of peak memory of these works with their sizes."""
    taken = turns(
        {str(size): work for size, work in zip(sizes, works, strict=True)}, rounds, processor
    )
    times = [median(taken[str(size)]) for size in sizes]
    peaks = [peak(work) for work in memory or works]
    return [
        growth(f"time with {name}", sizes, times, "s", f"{name}_time"),
        growth(f"peak memory with {name}", sizes, peaks, "MB", f"{name}_memory"),
    ]


def _whole(scenario: cosim.Scenario, place: territory.Territory | None = None) -> None:
    engine.replicate(engine.plan(scenario, place), 1, 0)


def _after_start(plan: engine.Plan) -> Work:
    return partial(engine.replicate, plan, 1, 0)


def growths(rounds: int = 7) -> Found:
    """Growth with actors, with months and with replicates."""
    median_place = cosim.load(MEDIAN)
    places = [territory.synthetic(n // 1000, n) for n in INHABITANTS]
    plans = [engine.plan(median_place, place) for place in places]
    actors = [float(plan.template.actors.alive.sum()) for plan in plans]
    lengths = [until(months) for months in MONTHS]
    return [
        *grown("actors", actors, [_after_start(plan) for plan in plans], rounds,
               [partial(_whole, median_place, place) for place in places]),
        *grown("months", [float(m) for m in MONTHS],
               [_after_start(engine.plan(scenario)) for scenario in lengths], rounds,
               [partial(_whole, scenario) for scenario in lengths]),
        *grown("replicates", [float(n) for n in REPLICATES],
               [partial(ensemble, n, 1, SHORT) for n in REPLICATES], 3),
    ]  # fmt: skip


# -- start --------------------------------------------------------------------------------


def starts(rounds: int = 5) -> Found:
    """Imports, the first result with compiled code at hand, and without."""
    modules = {name: partial(alone.python, "-c", f"import {name}")
               for name in ("cosim", "cosim.territory", "cosim.engine", "mesa")}  # fmt: skip
    works: dict[str, Callable[[], Any]] = {
        "bare": partial(alone.python, "-c", "pass"),
        **modules,
        "run": partial(alone.python, *alone.RUN),
    }
    alone.python(*alone.RUN)
    taken = turns(works, rounds)
    over = {name: excess(taken[name], taken["bare"]) for name in modules}
    return [
        Figure("`import cosim`, over bare Python", over.pop("cosim"), "s", "import"),
        *(Figure(f"`import {name}`, over bare Python", value, "s") for name, value in over.items()),
        Figure("bare Python", median(taken["bare"]), "s"),
        Figure("`cosim run`, one replicate, compiled before", median(taken["run"]), "s", "start"),
        Figure("`cosim run`, one replicate, nothing compiled", alone.first_compile(), "s",
               "compile"),
    ]  # fmt: skip


# -- inside a month -----------------------------------------------------------------------


@kernel
def nothing(state, params, month, key):  # type: ignore[no-untyped-def]
    """Do nothing: what a call from Python costs."""


def by_mechanism(plan: engine.Plan, replicate: int) -> dict[str, float]:
    """Return the seconds of each part of a replicate that Python drives part by part."""
    rules: dict[str, Any] = {m.name: m.rule() for m in plan.schedule.mechanisms}
    taken = dict.fromkeys(["nothing", "levers", *rules, "measure"], 0.0)

    def timed(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        start = processor()
        result = function(*arguments)
        taken[name] = taken.get(name, 0.0) + processor() - start
        return result

    run = timed("start", engine.Run, plan, 1, replicate)
    while not run.done:
        run.state = engine.room(run.state)
        month = (run.state, plan.params, run.month)
        timed("nothing", nothing, *month, run.key)
        timed("levers", begin, *month)
        for name, rule in rules.items():
            timed(name, rule, *month, run.key)
        timed("measure", engine.measured, plan, run.state, run.month, run.out)
        run.month += 1
    taken["actor_months"] = float(run.out[:, column("actors")].sum())
    return taken


def inside(rounds: int = 9) -> Found:
    """Time of each mechanism, random numbers and bytes, per actor."""
    plan = engine.plan(cosim.load(MEDIAN))
    by_mechanism(plan, 0)
    rows = [by_mechanism(plan, replicate) for replicate in range(rounds)]
    shares = {
        name: median((row[name] - row["nothing"]) / row["actor_months"] for row in rows) * 1e9
        for name in rows[0]
        if name not in ("nothing", "actor_months", "start")
    }
    calls = [row["nothing"] / plan.n_steps for row in rows]
    state = plan.template
    seats = len(state.actors)
    return [
        *(
            Figure(f"mechanism: {name}", shares[name], "ns/actor-month")
            for name in sorted(shares, key=shares.__getitem__, reverse=True)
        ),
        Figure("mechanisms and measure together", sum(shares.values()), "ns/actor-month"),
        Figure("start of a replicate", median(row["start"] for row in rows) * 1e3, "ms"),
        Figure("a call from Python into compiled code", median(calls) * 1e6, "µs"),
        Figure("blocks of two random numbers", peers.blocks(plan, 12), "/actor-month"),
        Figure("seats of the median territory", seats, ""),
        Figure("its actors at the start", int(state.actors.alive.sum()), ""),
        Figure("its State", size(state) / 1e6, "MB"),
        Figure("a row of actors", size(state.actors) / seats, "bytes/seat"),
        Figure("tie slots", size(state.ties) / seats, "bytes/seat"),
        Figure("the whole State", size(state) / seats, "bytes/seat"),
    ]


def size(part: State | Table | Any) -> int:
    """Return the bytes of a State or of one of its parts."""
    if isinstance(part, State):
        return sum(map(size, part))
    if isinstance(part, Table):
        return sum(part[name].nbytes for name in part.dtype.names or ())
    return int(part.nbytes)


# -- France -------------------------------------------------------------------------------


def france(every: int = 10, workers: int = 2) -> Found:
    """Whole France, or one territory in `every`: a part is told as a part, and judged by no bar."""
    run = alone.france(every, workers)
    whole = every == 1
    name = f"France 1:1, {run.territories} territories, {run.workers} threads"
    return [
        Figure(f"{name}: whole process", run.seconds, "s", "france" if whole else ""),
        Figure("peak memory of that process", run.memory, "GB", "france_memory" if whole else ""),
        Figure("of which until every territory stands at its start", run.settle, "s"),
        Figure("of which its months", run.months, "s"),
        Figure("its seats", run.seats, ""),
        Figure("its actors, mean over the months", run.actor_months / MONTHS_OF_FRANCE, ""),
        Figure("processor time of its months", run.processor, "s"),
        Figure("processor time per actor and month of France",
               run.processor / run.actor_months * 1e9, "ns"),
    ]  # fmt: skip


# -- a seminar room -----------------------------------------------------------------------


def seminar() -> Found:
    """Forty followers of a room of the dashboard."""
    return list(room())


#: Name of a group -> what measures it, from the quick ones to the long ones.
GROUPS: dict[str, Callable[[], Found]] = {
    "start": starts, "inside": inside, "threads": threads, "room": seminar, "growth": growths,
    "peers": rivals, "france": france, "dashboard": dashboard.measure,
}  # fmt: skip
