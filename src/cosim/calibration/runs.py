"""What a question is asked of: the months of one run and its alliances, whoever simulated it.

A `Run` is a protocol: one replicate of a territory (`TerritoryRun`) satisfies it, and so does a
panel of territories, whose rows weigh what they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from cosim.errors import ParameterError
from cosim.indicators import column
from cosim.state import MAX_MEMBERS, NEVER, NOBODY, Array, State

if TYPE_CHECKING:
    from cosim.engine import Plan

#: Columns of `Run.alliances()`.
ALLIANCE_COLUMNS = (
    "born", "ended", "members", "kinds", "outside", "type", "rung", "domain", "origin", "cause",
    "successes", "failures", "supported", "recognised", "weight",
)  # fmt: skip


class Run(Protocol):
    """What a question needs of a simulation."""

    @property
    def start(self) -> str:
        """First month, "YYYY-MM"."""

    @property
    def months(self) -> int:
        """How many months were simulated."""

    def series(self, indicator: str, group: str = "") -> Array:
        """Return an indicator of `cosim.indicators`, float64[months]."""

    def alliances(self) -> Mapping[str, Array]:
        """Return one entry per alliance, ended ones and those of the start included.

        born, ended : month of the run, int64; born < 0 when there at the start; ended = -1 while
            living
        members : at the end of its life or of the run, outside partner counted; at least 2, which
            founded it: the departure that ends an alliance leaves fewer
        kinds : bit set of the places in `cosim.state.KINDS` of members and outside partner
        outside : whether a partner is beyond the territory, bool
        type, rung, domain, origin, cause : places in `cosim.state.TYPES`, `RUNGS`,
            `DOMAIN_NAMES`, `ORIGINS`, `CAUSES`
        successes, failures : joint results
        supported : months of the run under support, float64
        recognised : whether third parties ever saw it, bool
        weight : alliances that the row stands for, float64
        """


@dataclass(frozen=True)
class TerritoryRun:
    """One replicate of one territory, as `Run`.

    Parameters
    ----------
    plan : of the replicate
    out : float64[months, columns of `cosim.indicators.COLUMNS`]
    state : the final State, no alliance forgotten

    Examples
    --------
    >>> from cosim import engine, load
    >>> ready = engine.plan(load("reference-2010"))
    >>> run = TerritoryRun(ready, *engine.replicate(ready, seed=1, number=0))
    >>> run.start, run.months
    ('2010-01', 84)
    """

    plan: Plan
    out: Array
    state: State

    @property
    def start(self) -> str:
        """First month, "YYYY-MM"."""
        return self.plan.scenario.time.start

    @property
    def months(self) -> int:
        """How many months were simulated."""
        return len(self.out)

    def series(self, indicator: str, group: str = "") -> Array:
        """Return an indicator, float64[months]."""
        values: Array = self.out[:, column(indicator, group)]
        return values

    def alliances(self) -> Mapping[str, Array]:
        """Return one entry per alliance; see `Run`."""
        return self._alliances

    @cached_property
    def _alliances(self) -> Mapping[str, Array]:
        rows = self.state.alliances[: int(self.state.territory.n_alliances)]
        substeps = self.plan.scenario.time.substeps
        partner = rows.outside != NOBODY
        seated = np.arange(MAX_MEMBERS) < rows.n_members[:, None]
        bits = np.left_shift(1, self.state.actors.kind[rows.members].astype(np.int64))
        kinds = np.bitwise_or.reduce(np.where(seated, bits, 0), axis=1)
        kinds |= np.where(partner, np.left_shift(1, np.maximum(rows.outside, 0)), 0)
        living = rows.ended == NEVER
        return {
            "born": rows.born.astype(np.int64) // substeps,
            "ended": np.where(living, -1, rows.ended.astype(np.int64) // substeps),
            "members": np.maximum(rows.n_members.astype(np.int64) + partner, 2),
            "kinds": kinds,
            "outside": partner,
            **{name: rows[name].astype(np.int64)
               for name in ("type", "rung", "domain", "origin", "cause", "successes", "failures")},
            "supported": rows.supported / substeps,
            "recognised": rows.recognised != NEVER,
            "weight": np.full(len(rows), 1.0 / self.plan.scenario.territory.sample),
        }  # fmt: skip


# -- dates --------------------------------------------------------------------------------


class Span(NamedTuple):
    """A month or a year: its first and last month, counted from the year 0."""

    first: int
    last: int

    def __str__(self) -> str:
        year, month = divmod(self.first, 12)
        return f"{year:04d}" if self.last - self.first == 11 else f"{year:04d}-{month + 1:02d}"


class Window(NamedTuple):
    """From a month or year to another, both included."""

    first: Span
    last: Span

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"

    @property
    def years(self) -> float:
        """Years between the middles of the two ends."""
        return (sum(self.last) - sum(self.first)) / 24.0

    @property
    def ends(self) -> tuple[Window, Window]:
        """The two ends, each a window."""
        return Window(self.first, self.first), Window(self.last, self.last)

    def months(self, run: Run) -> slice:
        """Return the months of the run that the window covers.

        Raises
        ------
        ParameterError : some month is outside the run
        """
        start = ordinal(run.start)
        first, last = self.first.first - start, self.last.last - start
        if first < 0 or last >= run.months:
            raise ParameterError(
                "outside the run", key="date", found=f"{self}",
                expected=f"months from {run.start} to {label(start + run.months - 1)}",
            )  # fmt: skip
        return slice(first, last + 1)


def ordinal(month: str) -> int:
    """Return the months since the year 0 of "YYYY-MM"."""
    year, number = month.split("-")
    return 12 * int(year) + int(number) - 1


def label(number: int) -> str:
    """Return the "YYYY-MM" of a month counted from the year 0."""
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
