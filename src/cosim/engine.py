"""Schedule, step, run and ensemble: one step function, three drivers.

`CoSimModel.step()`, `run()` and `ensemble()` call the same compiled step, which a generated
module spells out for the schedule of the scenario (functions passed as arguments would not be
cached). A schedule that holds a rule of somebody else's runs mechanism by mechanism instead.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import parameters, streams, warm
from cosim.calibration import posterior
from cosim.calibration.posterior import Posterior
from cosim.compiled import folder
from cosim.errors import CosimError, RunError, ScenarioError, nearest
from cosim.indicators import COLUMNS, COMMUNE_SIZES, INDICATORS
from cosim.mechanisms import MECHANISMS, Mechanism, Rule
from cosim.mechanisms.bonds import forget_ended
from cosim.population import engaged_shares, template
from cosim.seeding import initialise
from cosim.state import MEASURE_NETWORK, MEASURE_TIES, Array, State, copy, longer

if TYPE_CHECKING:
    from cosim.scenario import Scenario
    from cosim.territory import Territory

#: What `ensemble` reports progress to: called with the number of replicates done.
Progress = Callable[[int], None]
#: One replicate: its number, float64[months, columns of `COLUMNS`], what was held of its State.
Kept = tuple[int, Array, Any]
#: Months between two times that a run which keeps no State forgets ended alliances.
MEMORY = 48
#: Tasks that an executor holds at once: enough for a cluster, few enough for memory.
MOST_TASKS = 256
#: Plans that a plan keeps of the sets of parameters drawn last.
DRAWN = 8


# -- schedule -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Schedule:
    """The mechanisms of one month in order; printable; `step` runs them."""

    mechanisms: tuple[Mechanism, ...]

    def __str__(self) -> str:
        return "\n".join(
            f"{k:2d}. {m.name:<14} {m.label_fr} — {m.sentence_fr}"
            for k, m in enumerate(self.mechanisms, 1)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(m.name for m in self.mechanisms)

    @property
    def own(self) -> bool:
        """Whether a rule from outside the package takes part."""
        return any(m.function is not None for m in self.mechanisms)

    @cached_property
    def step(self) -> Rule:
        """Run one step: `(state, params, month, key)`."""
        if not self.own:
            compiled: Rule = _compiled(self.names).step
            return compiled
        from cosim.mechanisms.levers import begin

        rules = [m.rule() for m in self.mechanisms]

        def step(state: State, params: Any, month: int, key: Any) -> None:
            begin(state, params, month)
            for rule in rules:
                rule(state, params, month, key)

        return step


_SOURCE = '''"""Generated: the schedule {names}."""
from cosim.compiled import kernel
from cosim.measure import measure
from cosim.mechanisms.levers import begin
{imports}

@kernel
def step(state, params, month, key):
    begin(state, params, month)
{calls}

@kernel
def run(state, params, first, last, key, scale, commune_class, out, origin):
    """Run steps first..last-1, a row of `out` per month from `origin`; return where it stopped."""
    substeps = int(state.settings.substeps)
    reserve = state.actors.shape[0] + 64
    for month in range(first, last):
        if state.territory.n_alliances + reserve > state.alliances.shape[0]:
            return month
        step(state, params, month, key)
        if (month + 1) % substeps == 0:
            row = month // substeps - origin
            measure(state, params, month, scale, commune_class, out[row], out[max(0, row - 1)])
    return last
'''


@lru_cache(maxsize=32)
def _compiled(names: tuple[str, ...]) -> ModuleType:
    """Write, import and return the module of a schedule of the package's own mechanisms."""
    source = _SOURCE.format(
        names=" ".join(names),
        imports="\n".join(f"from cosim.mechanisms.{n} import {n}" for n in dict.fromkeys(names)),
        calls="\n".join(f"    {n}(state, params, month, key)" for n in names) or "    pass",
    )
    title = f"cosim_schedule_{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    path = folder() / f"{title}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != source:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.tmp")
        partial.write_text(source, encoding="utf-8")
        partial.replace(path)
    return _import(title, path)


def _import(title: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(title, path)
    if spec is None or spec.loader is None:
        raise CosimError("cannot be imported", where=path, expected="a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[title] = module
    spec.loader.exec_module(module)
    return module


def own_rules(scenario: Scenario) -> dict[str, Mechanism]:
    """Return the mechanisms that the scenario's modules define, by name.

    A module's functions become rules by the decorator `cosim.mechanism`.
    """
    rules: dict[str, Mechanism] = {}
    for path in scenario.module_paths:
        if not path.is_file():
            raise ScenarioError(
                "no such module", where=path, key="model.modules", expected="a Python file",
            )  # fmt: skip
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        try:
            module = _import(f"cosim_module_{digest}", path)
        except CosimError:
            raise
        except (Exception, SystemExit) as error:
            raise ScenarioError(
                f"the module does not import: {type(error).__name__}: {error}",
                where=path, key="model.modules",
            ) from error  # fmt: skip
        found = {m.name: m for m in vars(module).values() if isinstance(m, Mechanism)}
        if not found:
            raise ScenarioError(
                "the module defines no rule", where=path, key="model.modules",
                expected="a function under @cosim.mechanism(name, writes=(...))",
            )  # fmt: skip
        rules.update(found)
    return rules


def schedule(scenario: Scenario) -> Schedule:
    """Return the schedule of a scenario: the ten, `without`, `replace` and `after` applied."""
    changes = scenario.model
    rules = own_rules(scenario)

    def rule(name: str, key: str) -> Mechanism:
        if name not in rules:
            raise ScenarioError(
                "no module defines this rule", key=key, found=name,
                expected=", ".join(rules) or "a name defined in model.modules",
                nearest=nearest(name, rules),
            )  # fmt: skip
        return rules[name]

    steps: list[Mechanism] = []
    after = {str(name): own for name, own in changes.after.items()}
    for name, mechanism in MECHANISMS.items():
        if name in changes.replace:
            own = rule(changes.replace[name], f"model.replace.{name}")
            steps.append(own)
        elif name not in changes.without:
            steps.append(mechanism)
        steps.extend(rule(own, f"model.after.{name}") for own in after.get(name, ()))
    return Schedule(tuple(steps))


# -- one replicate ------------------------------------------------------------------------


@dataclass
class _LastDrawn:
    """Plans of the sets drawn last: made once for both of a pair, whichever threads run them."""

    lock: Lock = field(default_factory=Lock)
    plans: OrderedDict[int, Plan] = field(default_factory=OrderedDict)


@dataclass(frozen=True)
class Plan:
    """A scenario made ready: territory, parameters per step, schedule, template State.

    Where replicates draw their parameters, `sets` are what they draw from, each replicate runs
    `drawn(replicate)`, and the parameters, the template and the shares of the plan itself are
    those of the ledger.
    """

    scenario: Scenario
    place: Territory
    params: Any
    schedule: Schedule
    template: State
    engaged: Array  # float64[5]
    scale: Array  # float64[columns]
    commune_class: Array  # int64[C]
    sets: Posterior | None = None
    _last: _LastDrawn = field(default_factory=_LastDrawn, init=False, repr=False, compare=False)

    @property
    def n_steps(self) -> int:
        """Steps of the run."""
        return int(self.scenario.n_months * self.scenario.time.substeps)

    def state(self, seed: int, replicate: int) -> State:
        """Return the initial State of a replicate."""
        ready = self.drawn(replicate)
        state = copy(ready.template)
        initialise(state, ready.params, ready.engaged, streams.key(seed, replicate))
        return state

    def drawn(self, replicate: int) -> Plan:
        """Return the plan with the parameters of a replicate: itself, where they are fixed."""
        if self.sets is None:
            return self
        number, last = self.sets.number(replicate), self._last.plans
        with self._last.lock:
            if number not in last:
                last[number] = self._with(resolved(self.scenario, self.sets, replicate))
            if len(last) > DRAWN:
                last.popitem(last=False)
            return last[number]

    def _with(self, params: Any) -> Plan:
        """Return the plan with other parameters, which its replicates no longer draw."""
        scenario, before = self.scenario, self.template
        made = template(scenario, self.place, params, journal=bool(before.territory.journal))
        made.settings.measured = before.settings.measured
        return replace(
            self, params=params, template=made, sets=None,
            engaged=engaged_shares(scenario.time.start, params),
        )  # fmt: skip

    def journaled(self) -> Plan:
        """Return the plan whose runs write their journal."""
        noted = template(self.scenario, self.place, self.params, journal=True)
        return replace(self, template=noted)


def plan(
    scenario: Scenario,
    place: Territory | None = None,
    columns: Sequence[tuple[str, str]] = COLUMNS,
) -> Plan:
    """Make a scenario ready to run.

    Parameters
    ----------
    place : replaces the territory that it names
    columns : (indicator, group) that will be read; the others may be left at 0
    """
    warm.up()
    place = place or territory_of(scenario)
    params = resolved(scenario)
    made = template(scenario, place, params)
    made.settings.measured = passes(columns)
    return Plan(
        scenario=scenario,
        place=place,
        params=params,
        schedule=schedule(scenario),
        template=made,
        engaged=engaged_shares(scenario.time.start, params),
        scale=scale_of(scenario),
        commune_class=commune_classes(place),
        sets=posterior.of(scenario),
    )


def resolved(scenario: Scenario, sets: Posterior | None = None, replicate: int = 0) -> Any:
    """Return the parameters of a replicate, per step: the scenario's, its set's, the ledger's."""
    drawn = {} if sets is None else sets.drawn(replicate)
    return parameters.resolve({**drawn, **scenario.parameters}, scenario.time.substeps)


def scale_of(scenario: Scenario) -> Array:
    """Return the factor that brings each column of a sample to the whole territory."""
    whole = 1.0 / scenario.territory.sample
    return np.array([whole if INDICATORS[name].scaled else 1.0 for name, _ in COLUMNS])


def commune_classes(place: Territory) -> Array:
    """Return the place of each commune in `COMMUNE_SIZES`, int64[C]."""
    bounds = [bound for _, bound in COMMUNE_SIZES]
    return np.searchsorted(bounds, place.population, side="right").astype(np.int64)


#: What only a pass over every tie tells, and what only one over the whole network tells.
_TIES = ("trust_within", "trust_across", "cross_ties", "degree", "place_ties")
_NETWORK = ("clustering", "components")


def passes(columns: Sequence[tuple[str, str]]) -> int:
    """Return the passes of `measure` that some columns need: bits of `settings.measured`."""
    ties = any(name in _TIES or pair == ("force", "co-construction")
               for pair in columns for name in pair[:1])  # fmt: skip
    network = any(name in _NETWORK for name, _ in columns)
    return MEASURE_TIES * ties | MEASURE_NETWORK * network


def territory_of(scenario: Scenario) -> Territory:
    """Return the territory that a scenario names."""
    from cosim import territory

    where = scenario.territory
    if where.code == "synthetic":
        s = where.synthetic
        return territory.synthetic(s.communes, s.population, number=s.number)
    return territory.load(where.code)


def room(state: State) -> State:
    """Return `state` with twice the rows for alliances, if the next step might need them."""
    alliances = state.alliances
    if state.territory.n_alliances + len(state.actors) + 64 <= len(alliances):
        return state
    return state._replace(alliances=longer(alliances, 2 * len(alliances)))


def check_overflow(state: State) -> None:
    """Raise `CosimError` if an array of the state was too small for the run."""
    if state.territory.overflow:
        raise CosimError(
            "the run needs more room than was set aside",
            key=("alliances", "proposals")[int(state.territory.overflow) - 1],
        )


class Run:
    """One replicate that is stepped from Python: `run`, the Mesa model and tests drive it."""

    def __init__(self, ready: Plan, seed: int = 1, replicate: int = 0, journal: bool = False):
        self.plan = ready.drawn(replicate)
        self.seed = seed
        self.replicate = replicate
        self.key = streams.key(seed, replicate)
        self.state = (self.plan.journaled() if journal else self.plan).state(seed, replicate)
        self.month = 0  # next step
        self.out = np.zeros((ready.scenario.n_months, len(COLUMNS)))

    @property
    def done(self) -> bool:
        """Whether the scenario's last month has been simulated."""
        return self.month >= self.plan.n_steps

    def step(self) -> None:
        """Simulate one step, and measure at the end of a month."""
        if self.done:
            raise CosimError("the scenario is over", found=self.month, expected=self.plan.n_steps)
        self.state = room(self.state)
        self.plan.schedule.step(self.state, self.plan.params, self.month, self.key)
        check_overflow(self.state)
        measured(self.plan, self.state, self.month, self.out)
        self.month += 1


# -- ensemble -----------------------------------------------------------------------------


def replicate(ready: Plan, seed: int, number: int, forget: bool = False) -> tuple[Array, State]:
    """Run one replicate without Python in the loop; return indicators and final State.

    `forget` takes ended alliances from the State now and then, which changes no indicator.

    Returns
    -------
    float64[months, columns of `COLUMNS`], State
    """
    ready = ready.drawn(number)
    out = np.zeros((ready.scenario.n_months, len(COLUMNS)))
    key = streams.key(seed, number)
    state, months = ready.state(seed, number), ready.scenario.n_months
    for first in range(0, months, MEMORY if forget else months):
        if first:
            forget_ended(state)
        last = min(months, first + MEMORY) if forget else months
        state = advance(ready, state, first, last, key, out)
    return out, state


def advance(
    ready: Plan, state: State, first: int, last: int, key: np.uint64, out: Array, origin: int = 0
) -> State:
    """Simulate months first..last-1 of one territory without Python in the loop.

    Writes the indicators of month m into `out[m - origin]`; returns the State, which is another
    record of the same arrays when room was made for more alliances. A schedule with a rule of
    somebody else's runs step by step.

    Parameters
    ----------
    ready : with the parameters of the replicate: `Plan.drawn`
    out : float64[months, columns of `COLUMNS`]

    Raises
    ------
    RunError : the plan is of no replicate in particular; an array is too small
    """
    if ready.sets is not None:
        raise RunError("each replicate has its own parameters", expected="plan.drawn(replicate)")
    substeps = ready.scenario.time.substeps
    step, stop = first * substeps, last * substeps
    compiled = None if ready.schedule.own else _compiled(ready.schedule.names)
    while step < stop:
        state = room(state)
        if compiled is not None:
            step = compiled.run(
                state, ready.params, step, stop, key, ready.scale, ready.commune_class, out, origin
            )
        else:
            ready.schedule.step(state, ready.params, step, key)
            check_overflow(state)
            measured(ready, state, step, out, origin)
            step += 1
    check_overflow(state)
    return state


def measured(ready: Plan, state: State, step: int, out: Array, origin: int = 0) -> None:
    """Write the indicators of a month into its row of `out`, at the month's last step."""
    from cosim.measure import measure

    month, rest = divmod(step + 1, ready.scenario.time.substeps)
    if rest == 0:
        row = month - 1 - origin
        measure(
            state, ready.params, step, ready.scale, ready.commune_class, out[row],
            out[max(0, row - 1)],
        )  # fmt: skip


def kept(
    ready: Plan, seed: int, number: int, keep: Callable[[int, State], Any] | None = None
) -> Kept:
    """Run one replicate; return its number, its indicators and what `keep` holds of its State.

    Raises
    ------
    RunError : the replicate failed, whatever the reason
    """
    try:
        out, state = replicate(ready, seed, number, forget=keep is None)
        return number, out, keep(number, state) if keep else None
    except CosimError:
        raise
    except (Exception, SystemExit) as error:  # a rule of somebody else's can raise anything
        raise _failure("the replicate failed", error, f"replicate {number}") from error


def replicates(
    ready: Plan,
    numbers: range,
    seed: int = 1,
    workers: int | None = None,
    keep: Callable[[int, State], Any] | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
    batch: int | None = None,
) -> Generator[Kept, None, None]:
    """Run replicates in parallel; yield (number, indicators, kept) in order.

    The result does not depend on `workers`, `executor` or `batch`. Few replicates wait for the
    reader; closing the iterator cancels those that have not begun.

    Parameters
    ----------
    workers : threads (default: the machine's cores), without an executor
    keep : `keep(number, state)` says what to hold of each final State (default: nothing); it is
        sent to the executor
    progress : called with the number of replicates done
    executor : runs the replicates; its processes make their own plan of the scenario, on the
        territory of `ready`
    batch : replicates of one task of the executor (default: 1 to 16, so that there are many tasks)

    Raises
    ------
    RunError : a replicate failed, or the executor did
    """
    if executor is not None:
        rows = _sent(ready, numbers, seed, keep, executor, batch)
    else:
        rows = _threaded(ready, numbers, seed, keep, workers or os.cpu_count() or 1)
    with closing(rows):
        for done, row in enumerate(rows, 1):
            yield row
            if progress:
                progress(done)


def _threaded(
    ready: Plan, numbers: range, seed: int, keep: Callable[[int, State], Any] | None, workers: int
) -> Generator[Kept, None, None]:
    """Run replicates in threads of this process."""
    alone = numbers if workers == 1 else numbers[:1]  # the first compiles, before threads start
    for number in alone:
        yield kept(ready, seed, number, keep)
    rest = numbers[len(alone) :]
    if not rest:
        return
    with ThreadPoolExecutor(workers) as pool:
        tasks = (partial(pool.submit, kept, ready, seed, number, keep) for number in rest)
        with closing(in_order(tasks, 4 * workers)) as rows:
            yield from rows


def _sent(
    ready: Plan,
    numbers: range,
    seed: int,
    keep: Callable[[int, State], Any] | None,
    executor: Executor,
    batch: int | None,
) -> Generator[Kept, None, None]:
    """Run replicates in batches on an executor."""
    from cosim import executors

    ordered = executors.order(ready)
    size = batch or max(1, min(16, len(numbers) // 32))
    tasks = (
        partial(executor.submit, executors.perform, ordered, seed, numbers[k : k + size], keep)
        for k in range(0, len(numbers), size)
    )
    try:
        with closing(in_order(tasks, MOST_TASKS)) as batches:
            for rows in batches:
                yield from rows
    except CosimError:
        raise
    except Exception as error:  # a worker that died, what cannot be pickled, a lost cluster
        raise _failure("the executor failed", error, "executor") from error


def in_order[T](tasks: Iterable[Callable[[], Future[T]]], most: int) -> Generator[T, None, None]:
    """Submit tasks, at most `most` ahead of the reader, and yield their results in order.

    Closing the generator, or a task that fails, cancels those that have not begun.
    """
    waiting: deque[Future[T]] = deque()
    try:
        for submit in tasks:
            waiting.append(submit())
            if len(waiting) == most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _failure(what: str, error: BaseException, key: str) -> RunError:
    reason = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return RunError(f"{what}: {reason}", key=key)


def with_scenario(ready: Plan, scenario: Scenario) -> Plan:
    """Return a plan for `scenario` that re-uses the territory of `ready`."""
    return (
        plan(scenario, ready.place)
        if scenario.territory == ready.scenario.territory
        else plan(scenario)
    )


__all__ = [
    "Kept", "Plan", "Run", "Schedule", "advance", "check_overflow", "commune_classes", "in_order",
    "kept", "measured", "own_rules", "passes", "plan", "replicate", "replicates", "resolved",
    "room", "scale_of", "schedule", "territory_of", "with_scenario",
]  # fmt: skip
