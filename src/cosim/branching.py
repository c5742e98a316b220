"""Forks of a history: run to a month, then go on in several ways from the same state and luck.

Random numbers are keyed and not drawn from a stream, so that a fork needs the State alone: whatever
two options share after the fork still meets the same luck.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from cosim import engine, streams
from cosim.effects import Effect
from cosim.effects_text import HARD
from cosim.errors import CosimError, ResultsError, RunError, ScenarioError, nearest
from cosim.indicators import COLUMNS, INDICATORS, column, group_label
from cosim.mechanisms.bonds import forget_ended
from cosim.population import template
from cosim.results import Ensemble
from cosim.scenario import Scenario, diff
from cosim.scenario_file import nested, spelled
from cosim.scenario_levers import Dated
from cosim.scenario_text import month_name
from cosim.seeding import initialise
from cosim.state import Array, State, copy, records

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from cosim.effects_text import Lang
    from cosim.engine import Plan

__all__ = ["AS_BEFORE", "START_PARAMETERS", "Branches", "branch", "option", "staged"]

#: The option that every fork has: the trunk itself, going on.
AS_BEFORE = "as before"
#: Keys of a scenario that a run reads at its start only.
_START_KEYS = ("territory.", "time.", "rules.", "parameters.base")
#: Parameters that a run reads at its start only.
START_PARAMETERS = frozenset({
    "academics_per_1000", "adjoint_share", "association_employer_medium", "burn_in", "company_eti",
    "company_ge", "engaged_academic", "engaged_elu", "engines_start", "fragility_start",
    "recognised_at_start", "seed_age", "seed_local", "spare_association", "spare_company",
})  # fmt: skip
#: Keys of a lever that say when, and not what.
_DATES = {"start", "end", "restart"}
#: Tables of a scenario that begin and end.
_DATED = ("catalysis", *(name for name, field in Scenario.model_fields.items()
                         if isinstance(field.default, Dated)))  # fmt: skip
_COLOURS = ("#444444", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


# -- one replicate ------------------------------------------------------------------------


def staged(
    stages: Sequence[tuple[int, Plan]], seed: int, number: int, forget: bool = False
) -> tuple[Array, State]:
    """Run one replicate whose scenario changes at given months, state and luck going on.

    Until the second stage it is the run of the first plan, to the bit. From the month of a stage on
    its plan says what happens: calendar, settings, parameters, levels of newcomers, schedule.

    Parameters
    ----------
    stages : (month, plan), months from 0 and rising; all of one territory and period
    seed, number : root seed and number of the replicate
    forget : as for `engine.replicate`

    Returns
    -------
    float64[months, columns of `COLUMNS`], State

    Raises
    ------
    ScenarioError : the months do not rise from 0; a stage changes what is read at the start only
    """
    _check_stages(stages)
    plans = [plan.drawn(number) for _, plan in stages]
    n_months = plans[0].scenario.n_months
    out = np.zeros((n_months, len(COLUMNS)))
    key = streams.key(seed, number)
    state = _start(plans, key)
    ends = [*(month for month, _ in stages[1:]), n_months]
    for (first, _), plan, last in zip(stages, plans, ends, strict=True):
        state = _run(plan, _under(plan, state), range(first, last), key, out, forget)
    return out, state


def _check_stages(stages: Sequence[tuple[int, Plan]]) -> None:
    trunk = stages[0][1].scenario
    months = [month for month, _ in stages]
    later = [*months[1:], trunk.n_months]
    if months[0] != 0 or any(a >= b for a, b in zip(months, later, strict=True)):
        raise ScenarioError(
            "the months of the stages do not rise from 0", key="at", found=months,
            expected=f"0 first, the last below {trunk.n_months}",
        )  # fmt: skip
    for _, plan in stages[1:]:
        _refuse_start_keys(trunk, plan.scenario)


def _start(plans: Sequence[Plan], key: np.uint64) -> State:
    """Return the initial State under the first plan, with room for what all of them bring.

    Seats of catalysts are the last rows and are vacant before their first month: more of them
    change nothing.
    """
    first, made = plans[0], [plan.template for plan in plans]
    widest = first.template.calendar.copy()
    for name in ("fte", "lieux"):
        widest[name][0] = max(one.calendar[name].max() for one in made)
    state = template(first.scenario, first.place, first.params, dates=widest,
                     levels=first.template.beta)  # fmt: skip
    rows = max(len(one.proposals) for one in (state, *made))
    state = state._replace(proposals=records(rows, state.proposals.dtype))
    state = _under(first, state)
    initialise(state, first.params, first.engaged, key)
    return state


def _under(plan: Plan, state: State) -> State:
    """Return a copy of the State under the calendar, settings and newcomers' levels of a plan."""
    made = plan.template
    return copy(state._replace(calendar=made.calendar, settings=made.settings, beta=made.beta))


def _run(
    plan: Plan, state: State, months: range, key: np.uint64, out: Array, forget: bool
) -> State:
    for first in months[:: engine.MEMORY if forget else len(months)]:
        if forget and first:
            forget_ended(state)
        last = min(months.stop, first + engine.MEMORY) if forget else months.stop
        state = engine.advance(plan, state, first, last, key, out)
    return state


def _forked(plans: Sequence[Plan], at: int, seed: int, number: int) -> Array:
    """Run one replicate to month `at` under the first plan, then go on under each.

    Returns
    -------
    float64[plans, months, columns of `COLUMNS`]
    """
    try:
        plans = [plan.drawn(number) for plan in plans]
        n_months = plans[0].scenario.n_months
        out = np.zeros((len(plans), n_months, len(COLUMNS)))
        key = streams.key(seed, number)
        state = _run(plans[0], _start(plans, key), range(at), key, out[0], forget=True)
        out[1:, :at] = out[0, :at]
        for plan, rows in zip(plans, out, strict=True):
            _run(plan, _under(plan, state), range(at, n_months), key, rows, forget=True)
        return out
    except CosimError:
        raise
    except (Exception, SystemExit) as error:  # a rule of somebody else's can raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
        raise RunError(f"the replicate failed: {reason}", key=f"replicate {number}") from error


# -- options ------------------------------------------------------------------------------


def option(trunk: Scenario, at: str, changes: Mapping[str, Any] | Scenario) -> Scenario:
    """Return the scenario that an option of a fork follows from month `at` on.

    A lever of which it changes anything but dates begins at `at`, and its budget counts from then,
    unless the option says a later start. An end that is past by then is dropped.

    Parameters
    ----------
    at : "YYYY-MM", after the first month of the trunk
    changes : as for `Scenario.with_`; or a scenario, of which whatever differs counts

    Raises
    ------
    ScenarioError : the month is outside the run; the option changes what a run reads at its start
        (territory, period, rival rules, starting values), or begins before the fork; whatever a
        scenario refuses
    """
    month = trunk.month_index(at)
    if not 1 <= month < trunk.n_months:
        raise ScenarioError(
            "the month of the fork is outside the run", key="at", found=at,
            expected=f"{trunk.month_label(1)} to {trunk.time.end}",
        )  # fmt: skip
    own = {}
    if isinstance(changes, Scenario):
        _refuse_start_keys(trunk, changes)
        own = {key: getattr(changes, key) for key in ("title", "title_en")}
        changes = _changes(trunk, changes)
    patch = spelled(nested(changes))
    for name in _DATED:
        if isinstance(patch.get(name), dict):
            patch[name] = _dated(trunk, at, name, patch[name])
    made = trunk.with_(**{**own, **patch})
    _refuse_start_keys(trunk, made)
    return made


def _changes(trunk: Scenario, other: Scenario) -> dict[str, Any]:
    """Return what differs in `other`, as for `with_`; its modules by their whole path."""
    changes = {change.key: change.after for change in diff(trunk, other)}
    if other.model.modules and other.module_paths != trunk.module_paths:
        changes["model.modules"] = [str(path.absolute()) for path in other.module_paths]
    return changes


def _dated(trunk: Scenario, at: str, name: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changed keys of a lever with the dates that an option gives it."""
    lever: Any = getattr(trunk, name)
    start = keys.get("start")
    if start is not None and trunk.month_index(start) < trunk.month_index(at):
        raise ScenarioError(
            "an option cannot begin before the fork", key=f"{name}.start", found=start,
            expected=f"{at} or later",
        )  # fmt: skip
    if set(keys) <= _DATES:
        return dict(keys)
    dated = {**keys, "start": start or at}
    if "end" not in keys and lever.end is not None and lever.end <= dated["start"]:
        dated["end"] = None
        if getattr(lever, "restart", None) is not None:
            dated.setdefault("restart", None)
    return dated


def _refuse_start_keys(trunk: Scenario, other: Scenario) -> None:
    """Raise where two scenarios differ in what a run reads at its start only."""
    for key, before, after in diff(trunk, other):
        table, _, name = key.partition(".")
        if key.startswith(_START_KEYS) or (table == "parameters" and name in START_PARAMETERS):
            raise ScenarioError(
                "is read at the start of a run: it cannot change on the way", key=key, found=after,
                expected="that of the beginning" if before is None else f"{before}, as before",
            )  # fmt: skip


# -- ensembles ----------------------------------------------------------------------------


class _Branch(Ensemble):
    """The replicates of one option, whose scenario holds from the fork on only."""

    def save(self, folder: Any, journal: bool = False) -> NoReturn:
        """Refuse: a folder says which scenario gives the same numbers again, and none does."""
        raise ResultsError("an option of a fork is not the run of one scenario", where=folder,
                           expected="`Branches.table`, written as CSV")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Branches:
    """What becomes of one history under several options, replicate by replicate.

    Parameters
    ----------
    trunk : what is simulated until month `at`, and beyond under the option "as before"
    at : "YYYY-MM", the first month under the options
    ensembles : name of the option -> its replicates, the months before `at` included; the first
        is "as before"
    """

    trunk: Scenario
    at: str
    ensembles: Mapping[str, Ensemble]

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the options, but for "as before"."""
        return tuple(name for name in self.ensembles if name != AS_BEFORE)

    def effect(self, name: str) -> Effect:
        """Return what an option changes from going on as before.

        Raises
        ------
        ResultsError : no option has this name
        """
        if name not in self.options:
            raise ResultsError("no such option", key="option", found=name,
                               expected=", ".join(self.options),
                               nearest=nearest(name, self.options))  # fmt: skip
        names = {"fr": (f"Avec l'option «{HARD}{name}{HARD}»", "que sans bifurquer"),
                 "en": (f"With the option “{name}”", "than on the former path")}  # fmt: skip
        return Effect(self.ensembles[AS_BEFORE], self.ensembles[name], names)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The tables of all effects (`Effect.table`), the option in the first column."""
        return self._joined({name: self.effect(name).table for name in self.options})

    def table_at(
        self, months: Sequence[int | str], indicators: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return `Effect.table_at` of every option, the option in the first column."""
        tables = {name: self.effect(name).table_at(months, indicators) for name in self.options}
        return self._joined(tables)

    def _joined(self, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        import pandas as pd

        rows = pd.concat(tables, names=["option"]).reset_index(level="option")
        return rows.reset_index(drop=True)

    def sentence(
        self,
        lang: Lang = "fr",
        indicator: str = "alliances",
        group: str = "",
        month: int | str = -1,
    ) -> str:
        """Return when the history forks, and what each option changes: a sentence for each."""
        when = month_name(self.at, lang)
        n = self.ensembles[AS_BEFORE].n
        head = (
            f"Même territoire, même passé, même hasard jusqu'en {when}, puis bifurcation "
            f"({n} simulations par option)."
            if lang == "fr"
            else f"Same territory, same past, same luck until {when}, then a fork "
            f"({n} simulations per option)."
        )
        told = (self.effect(name).sentence(lang, indicator, group, month) for name in self.options)
        return " ".join((head, *told))

    def plot(self, indicator: str = "alliances", group: str = "", lang: Lang = "fr") -> Figure:
        """Return the median and the band of 90 % of the replicates of each option."""
        from matplotlib.figure import Figure

        what = INDICATORS[COLUMNS[column(indicator, group)][0]]
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.subplots()
        factor = 100.0 if what.unit == "share" else 1.0
        for k, (name, which) in enumerate(self.ensembles.items()):
            colour = _COLOURS[k % len(_COLOURS)]
            values = factor * which.array(indicator, group)
            low, middle, high = np.quantile(values, (0.05, 0.5, 0.95), axis=0)
            months: Any = which.months.to_numpy()
            label = "comme avant" if lang == "fr" and name == AS_BEFORE else name
            axes.fill_between(months, low, high, color=colour, alpha=0.12, linewidth=0)
            axes.plot(months, middle, color=colour, linewidth=2, label=label,
                      linestyle="--" if name == AS_BEFORE else "-")  # fmt: skip
        fork: Any = months[self.trunk.month_index(self.at)]
        axes.axvline(fork, color=_COLOURS[0], linewidth=1, linestyle=":")
        title = what.label(lang) + (f" — {group_label(group, lang)}" if group else "")
        axes.set_title(title, loc="left")
        axes.set_ylabel({"share": "%", "count": "", "level": ""}.get(what.unit, what.unit))
        axes.margins(x=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="best")
        return figure


def branch(
    scenario: Scenario,
    at: str,
    options: Mapping[str, Mapping[str, Any] | Scenario],
    replicates: int = 100,
    seed: int = 1,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Branches:
    """Simulate a scenario to a month, then go on under each option from the same state and luck.

    The trunk goes on as the option "as before".

    Parameters
    ----------
    at : "YYYY-MM", the first month under the options
    options : name -> what it changes, see `option`
    replicates, seed, workers : as for `ensemble`
    progress : called with the number of replicates done and their total

    Raises
    ------
    CosimError : an option cannot be forked (see `option`), or there is none
    RunError : a replicate failed; the trunk is not the run that it should be

    Examples
    --------
    >>> import cosim
    >>> fork = cosim.branch(cosim.load("reference-2020"), "2024-01",
    ...     {"lieux": {"lieux.number": 3}, "prime": {"prime.amount": 5}})  # doctest: +SKIP
    >>> print(fork.sentence())  # doctest: +SKIP
    """
    if not options:
        raise ScenarioError("a fork needs an option", key="options",
                            expected="name -> changes of the scenario")  # fmt: skip
    if AS_BEFORE in options:
        raise ScenarioError("this option is there already: the trunk", key="options",
                            found=AS_BEFORE, expected="another name")  # fmt: skip
    if replicates < 1:
        raise ResultsError("out of range", key="replicates", found=replicates,
                           expected="1 or more")  # fmt: skip
    scenarios = [scenario, *(option(scenario, at, changes) for changes in options.values())]
    trunk = engine.plan(scenario)
    plans = [trunk, *(engine.plan(one, trunk.place) for one in scenarios[1:])]
    values = np.empty((len(plans), replicates, scenario.n_months, len(COLUMNS)))
    with closing(_threaded(plans, scenario.month_index(at), seed, replicates, workers)) as rows:
        for number, out in enumerate(rows):
            if number == 0 and not np.array_equal(out[0], engine.replicate(trunk, seed, 0)[0]):
                raise RunError("the trunk of the fork is not the run of its scenario", key="seed",
                               found=seed)  # fmt: skip
            values[:, number] = out
            if progress:
                progress(number + 1, replicates)
    ensembles = {
        name: (Ensemble if name == AS_BEFORE else _Branch)(one, trunk.place, seed, rows)
        for name, one, rows in zip((AS_BEFORE, *options), scenarios, values, strict=True)
    }
    return Branches(scenario, at, ensembles)


def _threaded(
    plans: Sequence[Plan], at: int, seed: int, replicates: int, workers: int | None
) -> Generator[Array, None, None]:
    """Yield what `_forked` returns for each replicate, in order."""
    workers = workers or os.cpu_count() or 1
    yield _forked(plans, at, seed, 0)  # compiles once, before the threads
    with ThreadPoolExecutor(workers) as pool:
        tasks = (partial(pool.submit, _forked, plans, at, seed, k) for k in range(1, replicates))
        with closing(engine.in_order(tasks, 2 * workers)) as rows:
            yield from rows
