"""The costs that the architecture holds, each with its bar: what a change is judged by."""

from __future__ import annotations

from dataclasses import dataclass

#: The territory and the years of most figures: 689 actors on 891 seats, 144 months.
MEDIAN = "reference-2020"


@dataclass(frozen=True)
class Cost:
    """A promise: `what` stays on the right side of `bar`."""

    what: str
    bar: float
    unit: str
    at_least: bool = False

    def met(self, measured: float) -> bool:
        """Return whether the promise is kept."""
        return measured >= self.bar if self.at_least else measured <= self.bar

    @property
    def promise(self) -> str:
        """The bar in words."""
        return f"{'≥' if self.at_least else '≤'} {self.bar:g} {self.unit}".rstrip()


#: Name of a cost -> what is promised. The exponents are those of a power law, without unit.
COSTS = {
    "ensemble": Cost("100 replicates of the median territory, 144 months, 2 threads", 1.0, "s"),
    "peer": Cost("ordinary Mesa agents v the engine, one core", 300.0, "×", at_least=True),
    "france": Cost("whole France 1:1, 1 266 territories, 2010-01 to 2026-01: time", 60.0, "s"),
    "france_memory": Cost("the same: peak memory of the process", 4.0, "GB"),
    "actors_time": Cost("growth of time with actors", 1.05, ""),
    "actors_memory": Cost("growth of memory with actors", 1.05, ""),
    "months_time": Cost("growth of time with months", 1.05, ""),
    "months_memory": Cost("growth of memory with months", 1.05, ""),
    "replicates_time": Cost("growth of time with replicates", 1.05, ""),
    "replicates_memory": Cost("growth of memory with replicates", 1.05, ""),
    "workers": Cost("2 threads v 1 on an ensemble", 1.8, "×", at_least=True),
    "start": Cost("`cosim run` to its first result, code compiled before", 3.0, "s"),
    "compile": Cost("`cosim run` to its first result, nothing compiled", 30.0, "s"),
    "lever_known": Cost("dashboard, lever to pixels: what-if in the cache, median", 200.0, "ms"),
    "lever_preview": Cost(
        "dashboard, lever to pixels: fresh what-if, preview, median", 200.0, "ms"
    ),
    "lever_hundred": Cost("the same, 100 fresh replicates, median", 500.0, "ms"),
    "crowd": Cost(
        "dashboard, 30 visitors who move a lever each second: a picture or a mark "
        "« calcul… », 95 %",
        2.0,
        "s",
    ),
    "crowd_memory": Cost("dashboard, memory beside the cache over 1 000 moves", 5.0, "MB"),
    "import": Cost("`import cosim`, over bare Python", 0.4, "s"),
}


@dataclass(frozen=True)
class Figure:
    """One measured number; `cost` names the promise that it is held to, if any."""

    what: str
    value: float
    unit: str
    cost: str = ""
