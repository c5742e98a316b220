"""What each lever of a scenario brings: alone, on top of the others, and what only all do.

Each lever is left out once and taken alone once, always under the same luck. What the whole gives
beyond the sum of the levers alone is their synergy (negative where they do the same work twice):
the interaction of a factorial experiment that compares nothing, one, all but one and all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim import effects_text
from cosim.effects import Effect, check_pair, spread
from cosim.errors import ResultsError, nearest
from cosim.indicators import COLUMNS, INDICATORS, column, group_label
from cosim.results import Ensemble, ensemble
from cosim.scenario import Scenario, build, diff
from cosim.scenario_text import label
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from cosim.effects_text import Lang

__all__ = ["Brought", "Contributions", "contributions", "levers_of"]

#: Tables of which each key is a lever of its own.
_BY_KEY = ("context", "rules")
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#444444"


class Brought(NamedTuple):
    """A mean over pairs and its 95 % interval (NaN for one pair)."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Contributions:
    """A scenario taken apart, replicate by replicate.

    Parameters
    ----------
    reference, scenario : with none of the levers, with all of them
    without : lever -> the scenario without it
    alone : lever -> the reference with it
    """

    reference: Ensemble
    scenario: Ensemble
    without: Mapping[str, Ensemble]
    alone: Mapping[str, Ensemble]

    @property
    def levers(self) -> tuple[str, ...]:
        """Tables or keys of the document that differ, in its order."""
        return tuple(self.alone)

    @property
    def total(self) -> Effect:
        """What all levers change together."""
        return Effect(self.reference, self.scenario)

    def on_top(self, lever: str) -> Effect:
        """Return what a lever adds to all the others."""
        return Effect(self.without[self._known(lever)], self.scenario)

    def by_itself(self, lever: str) -> Effect:
        """Return what a lever changes alone."""
        return Effect(self.reference, self.alone[self._known(lever)])

    def _known(self, lever: str) -> str:
        if lever not in self.levers:
            raise ResultsError("the scenario does not change this lever", key="lever", found=lever,
                               expected=", ".join(self.levers),
                               nearest=nearest(lever, self.levers))  # fmt: skip
        return lever

    def synergy(self, indicator: str, group: str = "") -> Array:
        """Return the whole effect minus those of the levers alone, float64[replicates, months]."""
        apart = [self.by_itself(lever).difference(indicator, group) for lever in self.levers]
        pairs: Array = self.total.difference(indicator, group) - np.sum(apart, axis=0)
        return pairs

    def parts(
        self, indicator: str = "alliances", group: str = "", month: int | str = -1
    ) -> dict[tuple[str, str], Brought]:
        """Return each part of the effect on one indicator in one month.

        Returns
        -------
        (what, lever) -> mean and interval; what is "on top" and "alone" for each lever, then
        "total" and "synergy" with an empty lever
        """
        row = self.total.row(month)
        pairs = {("on top", name): self.on_top(name).difference(indicator, group)
                 for name in self.levers}  # fmt: skip
        pairs |= {("alone", name): self.by_itself(name).difference(indicator, group)
                  for name in self.levers}  # fmt: skip
        pairs["total", ""] = self.total.difference(indicator, group)
        pairs["synergy", ""] = self.synergy(indicator, group)
        return {key: self._brought(values[:, row]) for key, values in pairs.items()}

    def _brought(self, pairs: Array) -> Brought:
        draws = any(one.scenario.draws for one in (*self.alone.values(), self.scenario))
        mean, margin = float(pairs.mean()), float(spread(pairs, self.reference.start, draws)[1])
        return Brought(mean, mean - margin, mean + margin)

    @cached_property
    def table(self) -> pd.DataFrame:
        """`table_at` each December and the last month, for every indicator that was kept."""
        months = self.reference.months.month
        december = np.flatnonzero(months == 12)
        return self.table_at(sorted({*december.tolist(), len(months) - 1}))

    def table_at(
        self, months: Sequence[int | str], pairs: Sequence[tuple[str, str]] | None = None
    ) -> pd.DataFrame:
        """Return one row per month, indicator, group and part of the effect.

        Parameters
        ----------
        months : numbers from the start (negative: from the end), or "YYYY-MM"
        pairs : (indicator, group) (default: all that were kept)

        Returns
        -------
        DataFrame : month, indicator, group; what (on top, alone, total, synergy), lever; mean,
        ci_low, ci_high (95 % interval of the mean); replicates, territory
        """
        import pandas as pd

        rows = [
            (self.reference.months[self.total.row(month)], *pair, *key, *brought)
            for month in months
            for pair in (self.reference.columns if pairs is None else pairs)
            for key, brought in self.parts(*pair, month).items()
        ]
        names = ["month", "indicator", "group", "what", "lever", "mean", "ci_low", "ci_high"]
        table = pd.DataFrame(rows, columns=names)
        return table.assign(replicates=self.reference.n, territory=self.reference.place.code)

    def name(self, lever: str, lang: Lang = "fr") -> str:
        """Return a lever in plain words."""
        return lever_name(self._known(lever), lang)

    def sentence(
        self,
        lang: Lang = "fr",
        indicator: str = "alliances",
        group: str = "",
        month: int | str = -1,
    ) -> str:
        """Return what the levers bring together, each on top of the others, each alone; synergy."""
        if lang not in ("fr", "en"):
            raise ResultsError("unknown language", key="lang", found=lang, expected="'fr' or 'en'")
        parts = self.parts(indicator, group, month)
        names = {name: self.name(name, lang) for name in self.levers}
        when = self.reference.scenario.month_label(self.total.row(month))
        return effects_text.contributions(parts, names, indicator, group, when, lang)

    def plot(
        self,
        indicator: str = "alliances",
        group: str = "",
        month: int | str = -1,
        lang: Lang = "fr",
    ) -> Figure:
        """Return bars with 95 % intervals: each lever on top and alone, the synergy, the total."""
        from matplotlib.figure import Figure

        what = INDICATORS[COLUMNS[column(indicator, group)][0]]
        french, factor = lang == "fr", 100.0 if what.unit == "share" else 1.0
        parts = self.parts(indicator, group, month)
        whole = ("synergie", "ensemble") if french else ("synergy", "together")
        names = [*(self.name(name, lang) for name in self.levers), *whole]
        heights = np.arange(len(names))[::-1].astype(float)
        words = ("seul", "en plus des autres") if french else ("alone", "on top of the others")
        figure = Figure(figsize=(8, 1.5 + 0.6 * len(names)), layout="constrained")
        axes = figure.subplots()
        last = [("synergy", ""), ("total", "")]
        series = (
            ([("alone", name) for name in self.levers], heights[:-2] + 0.19, _ORANGE, words[0]),
            ([("on top", name) for name in self.levers], heights[:-2] - 0.19, _BLUE, words[1]),
            (last, heights[-2:], _GREY, None),
        )
        for keys, at, colour, word in series:
            found = factor * np.array([parts[key] for key in keys])
            axes.barh(at, found[:, 0], 0.34, color=colour, alpha=0.75, label=word)
            axes.hlines(at, found[:, 1], found[:, 2], color="black", linewidth=1.4)
        axes.axvline(0.0, color="black", linewidth=0.8)
        axes.set_yticks(heights, names)
        title = what.label(lang) + (f" — {group_label(group, lang)}" if group else "")
        axes.set_title(title, loc="left")
        unit = {"share": "points", "count": "", "level": ""}.get(what.unit, what.unit)
        n = self.reference.n
        note = (f"différence ({n} simulations, même hasard ; traits : intervalles à 95 %)" if french
                else f"difference ({n} simulations, same luck; lines: 95% intervals)")  # fmt: skip
        axes.set_xlabel(" — ".join(filter(None, (unit, note))))
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.legend(frameon=False, loc="best")
        return figure


# -- levers -------------------------------------------------------------------------------


def levers_of(reference: Scenario, scenario: Scenario) -> tuple[str, ...]:
    """Return the levers in which two scenarios differ.

    A table of the document is a lever; each key of the context and of the rival rules is one.

    Raises
    ------
    ResultsError : nothing differs
    """
    names = []
    for key, _, _ in diff(reference, scenario):
        table, _, rest = key.partition(".")
        names.append(f"{table}.{rest.partition('.')[0]}" if table in _BY_KEY else table)
    if not names:
        raise ResultsError("the scenario changes nothing: there is nothing to take apart",
                           key="scenario", expected="a scenario that differs")  # fmt: skip
    return tuple(dict.fromkeys(names))


def ensembles_of(levers: Sequence[str]) -> int:
    """Return how many ensembles taking so many levers apart needs."""
    return 2 * len(levers) if len(levers) <= 2 else 2 + 2 * len(levers)


def lever_name(lever: str, lang: Lang) -> str:
    """Return a table or key of the document in plain words."""
    table, _, key = lever.partition(".")
    if key or table == "parameters":
        return label(lever, lang)
    words: str = Scenario.model_fields[table].default.__doc__.rstrip(".")
    french, _, english = words.partition(" — ")
    return (french if lang == "fr" else english).strip().lower()


def pieces(
    reference: Scenario, scenario: Scenario
) -> tuple[dict[str, Scenario], dict[str, Scenario]]:
    """Return what is to be simulated beside the two: lever -> without it, lever -> it alone.

    Raises
    ------
    ResultsError : nothing differs, or territory, sample or period do
    """
    check_pair(reference, scenario)
    levers = levers_of(reference, scenario)
    if len(levers) == 1:
        return {levers[0]: reference}, {levers[0]: scenario}
    without = {name: _with(scenario, reference, name) for name in levers}
    return without, {name: _with(reference, scenario, name) for name in levers}


def _with(base: Scenario, other: Scenario, lever: str) -> Scenario:
    """Return `base` with one lever as it is in `other`."""
    made, given = _document(base), _document(other)
    table, _, key = lever.partition(".")
    made[table] = {**made[table], key: given[table][key]} if key else given[table]
    made["title"] = f"{lever_name(lever, 'fr')}"
    return build(made, folder=base._folder)


def _document(scenario: Scenario) -> dict[str, Any]:
    """Return the whole document; its modules by their whole path."""
    document = scenario.resolved()
    paths = [str(path.absolute()) for path in scenario.module_paths]
    return {**document, "model": {**document["model"], "modules": paths}}


def contributions(
    reference: Scenario,
    scenario: Scenario,
    replicates: int = 100,
    seed: int = 1,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
    indicators: Sequence[str] | None = None,
) -> Contributions:
    """Simulate a scenario without each of its levers, and the reference with each of them alone.

    Parameters
    ----------
    replicates, seed, workers, executor, indicators : as for `ensemble`
    progress : called with the number of replicates done and their total

    Raises
    ------
    ResultsError : nothing differs, or territory, sample or period do

    Examples
    --------
    >>> import cosim
    >>> parts = cosim.contributions(reference, scenario, replicates=100)  # doctest: +SKIP
    >>> print(parts.sentence())  # doctest: +SKIP
    """
    without, alone = pieces(reference, scenario)
    wanted = {one.digest: one for one in (*alone.values(), *without.values(), scenario, reference)}
    made: dict[str, Ensemble] = {}
    for document in wanted.values():
        offset = len(made) * replicates
        made[document.digest] = ensemble(
            document, replicates, seed, workers,
            _counted(progress, offset, len(wanted) * replicates),
            place=next(iter(made.values())).place if made else None,
            executor=executor, indicators=indicators,
        )  # fmt: skip
    return Contributions(
        made[reference.digest], made[scenario.digest],
        {name: made[one.digest] for name, one in without.items()},
        {name: made[one.digest] for name, one in alone.items()},
    )  # fmt: skip


def _counted(
    progress: Callable[[int, int], None] | None, offset: int, total: int
) -> Callable[[int], None] | None:
    return (lambda done: progress(offset + done, total)) if progress else None
