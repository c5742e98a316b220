"""What a run of France comes to: by territory, by group of territories, by commune; effects.

One replicate is a `Country`; `simulate` makes one, here or on another machine. A replicate holds
`COLUMNS` of each territory and month (about 90 MB for all of France), and is written as it comes.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import engine, executors, national, tables, territory
from cosim.errors import CosimError, nearest
from cosim.indicators import INDICATORS, WORLDS, column
from cosim.results import run_digest
from cosim.state import LEVERS, RUNGS, TYPES, Array

if TYPE_CHECKING:
    import pandas as pd

    from cosim.national import Nation
    from cosim.territory import Territory

_KINDS = ("", *WORLDS)
#: (indicator, group) that a run of France keeps: those that need no pass over contacts, and whose
#: weight in a group of territories is one of them.
COLUMNS: tuple[tuple[str, str], ...] = (
    *((name, kind) for name in ("convinced", "able", "engaged") for kind in _KINDS),
    ("maturity", ""), ("load", ""), ("engaged_measured", ""),
    *(("alliances", group) for group in ("", *TYPES, *RUNGS)),
    ("alliances_measured", ""), ("births", ""), ("successes", ""), ("failures", ""),
    ("endings", ""), ("local", ""), ("supported", ""), ("recognised", ""), ("size", ""),
    ("visible", ""), ("meetings", ""), ("regulars", ""), ("fragility", ""), ("engines", ""),
    *(("actors", group) for group in (*_KINDS, "catalyseur")),
    *(("spending", group) for group in ("", *dict.fromkeys(LEVERS))),
)  # fmt: skip
#: Runs that wait for the reader of a cluster's results, at most: each holds some 90 MB.
AHEAD = 16
_PLACE = {pair: k for k, pair in enumerate(COLUMNS)}
#: Shares of alliances; all other shares and levels are of actors.
_OF_ALLIANCES = ("local", "supported", "recognised", "size")
#: Size classes of territories: upper bounds of inhabitants.
SIZES = (10_000, 20_000, 50_000, 100_000, 300_000)
_CLASSES = (
    f"<{SIZES[0]}",
    *(f"{low}-{high}" for low, high in pairwise(SIZES)),
    f">{SIZES[-1]}",
)
#: What territories are grouped by.
BY = ("all", "region", "size", "type")


def path(indicator: str, group: str = "") -> str:
    """Return the name of a column: that of the indicator, or indicator/group."""
    return f"{indicator}/{group}" if group else indicator


@dataclass(frozen=True, eq=False)
class Country:
    """One replicate of a run of France.

    Parameters
    ----------
    nation : what was simulated
    seed, replicate : which luck
    values : float64[territories, months, COLUMNS]
    posts : int64[territories, months], catalysts' posts of the published 350
    communes : what each commune counts at the end, one array per column
    """

    nation: Nation
    seed: int
    replicate: int
    values: Array
    posts: Array
    communes: dict[str, Array]

    def array(self, indicator: str, group: str = "") -> Array:
        """Return one indicator, float64[territories, months]."""
        values: Array = self.values[:, :, _PLACE[indicator, group]]
        return values

    @cached_property
    def groups(self) -> dict[str, tuple[list[str], Array]]:
        """Return by what -> (names of the groups, float64[groups, months, COLUMNS]).

        Counts are summed; shares and levels are means weighted by the actors, or the alliances,
        that they are shares of.
        """
        places = describe(self.nation)
        return {by: self._grouped(labels(places, by)) for by in BY}

    def _grouped(self, labels: Sequence[str]) -> tuple[list[str], Array]:
        names = sorted(set(labels), key=lambda name: (_CLASSES.index(name), name)
                       if name in _CLASSES else (0, name))  # fmt: skip
        member = np.array([[label == name for label in labels] for name in names], np.float64)
        made = np.empty((len(names), *self.values.shape[1:]))
        for k, (indicator, group) in enumerate(COLUMNS):
            values = self.values[:, :, k]
            if INDICATORS[indicator].scaled:
                made[:, :, k] = member @ values
                continue
            of = ("alliances", "") if indicator in _OF_ALLIANCES else ("actors", group)
            weights = self.values[:, :, _PLACE[of]]
            total = member @ weights
            made[:, :, k] = (member @ (values * weights)) / np.where(total > 0.0, total, 1.0)
        return names, made

    def series(self, chosen: Sequence[tuple[str, str]] = COLUMNS) -> pd.DataFrame:
        """One row per number: replicate, month, indicator, group, value, territory."""
        values = self.values[:, :, [_PLACE[pair] for pair in chosen]]
        codes = [place.code for place in self.nation.places]
        start = self.nation.scenario.time.start
        return tables.long(values, start, [self.replicate] * len(codes), codes, chosen)

    def group_series(self) -> pd.DataFrame:
        """One row per number: replicate, by, group, month, indicator, value.

        `indicator` is its name, or name/group.
        """
        import pandas as pd

        names = [path(*pair) for pair in COLUMNS]
        parts = []
        for by, (groups, values) in self.groups.items():
            n, months, columns = values.shape
            dates = tables.months_of(self.nation.scenario.time.start, months)
            parts.append(
                pd.DataFrame(
                    {
                        "replicate": self.replicate,
                        "by": by,
                        "group": np.repeat(np.array(groups, object), months * columns),
                        "month": np.tile(np.repeat(dates, columns), n),
                        "indicator": np.tile(np.array(names, object), n * months),
                        "value": values.reshape(-1),
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def commune_table(self) -> pd.DataFrame:
        """One row per commune at the end; see `national.Run.communes`."""
        import pandas as pd

        return pd.DataFrame({"replicate": self.replicate, **self.communes})


# -- territories --------------------------------------------------------------------------


@lru_cache(maxsize=4)
def described(codes: tuple[str, ...]) -> pd.DataFrame:
    """Code, name, type, inhabitants, place, region and size class of territories of France."""
    france = territory.territories().set_index("code")
    towns = territory.communes().dropna(subset=["territory"])
    people = towns.groupby(["territory", "reg"]).population.sum()
    regions = people.groupby(level=0).idxmax().map(lambda pair: pair[1])
    table = france.loc[list(codes), ["name", "type", "dep", "inhabitants", "lon", "lat"]]
    table["region"] = regions.reindex(table.index)
    table["region_name"] = table.region.map(territory.REGIONS)
    return table.rename_axis("territory").reset_index()


def describe(nation: Nation) -> pd.DataFrame:
    """Return one row per territory of the run, in its order.

    Columns: territory (code), name, type, dep, inhabitants, lon, lat, region and region_name (that
    of most of its inhabitants; missing for stylised territories), size_class, neighbours.
    """
    import pandas as pd

    places = nation.places
    if nation.whole.french:
        table = described(tuple(place.code for place in places)).copy()
    else:
        table = pd.DataFrame(
            {
                "territory": [place.code for place in places],
                "name": [place.name for place in places],
                "type": [place.kind for place in places],
                "dep": ["-".join(place.departments) for place in places],
                "inhabitants": [place.inhabitants for place in places],
                "lon": [place.lon.mean() for place in places],
                "lat": [place.lat.mean() for place in places],
                "region": None,
                "region_name": None,
            }
        )
    bounds = np.searchsorted(SIZES, table.inhabitants, side="right")
    table["size_class"] = [_CLASSES[k] for k in bounds]
    table["neighbours"] = np.bincount(nation.neighbours[0], minlength=len(places))
    return table


def labels(places: pd.DataFrame, by: str) -> list[str]:
    """Return the group of each territory of `describe` by one of `BY`."""
    if by == "all":
        return ["all"] * len(places)
    name = {"region": "region", "size": "size_class", "type": "type"}[by]
    return [str(label) for label in places[name].fillna("")]


# -- simulate -----------------------------------------------------------------------------


def simulate(
    nation: Nation,
    seed: int = 1,
    replicate: int = 0,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Country:
    """Run one replicate of France to its end.

    Parameters
    ----------
    workers : threads (default: the machine's cores); the numbers do not depend on it
    progress : called with the number of months done
    """
    kept = [column(*pair) for pair in COLUMNS]
    run = national.Run(nation, seed, replicate, kept, workers)
    while not run.done:
        run.advance()
        if progress:
            progress(run.month)
    return Country(nation, seed, replicate, run.values, run.posts, run.communes())


def countries(
    nation: Nation,
    numbers: range,
    seed: int = 1,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
    executor: Executor | None = None,
) -> Generator[Country, None, None]:
    """Run replicates of France one after another, or each on a worker of an executor, in order.

    One replicate stays on one machine, where it uses `workers` threads; no number depends on it.

    Parameters
    ----------
    progress : called with the number of months done, over all replicates
    """
    months = nation.scenario.n_months
    if executor is None:
        for done, number in enumerate(numbers):
            note = (lambda month, d=done: progress(d * months + month)) if progress else None
            yield simulate(nation, seed, number, workers, note)
        return
    ordered = _order(nation)
    tasks = (partial(executor.submit, perform, ordered, seed, n, workers) for n in numbers)
    with closing(engine.in_order(tasks, AHEAD)) as results:
        for done, (number, parts) in enumerate(zip(numbers, results, strict=True), 1):
            if progress:
                progress(done * months)
            yield Country(nation, seed, number, *parts)


def _order(nation: Nation) -> bytes:
    scenario = nation.scenario
    folder = (scenario._folder or Path.cwd()).absolute()
    return pickle.dumps((scenario.resolved(), folder, nation.places, run_digest(scenario)))


def perform(
    ordered: bytes, seed: int, replicate: int, workers: int | None = None
) -> tuple[Array, Array, dict[str, Array]]:
    """Run one replicate of an order on this machine; return values, posts and communes."""
    one = simulate(_nation(ordered), seed, replicate, workers)
    return one.values, one.posts, one.communes


@lru_cache(maxsize=4)
def _nation(ordered: bytes) -> Nation:
    document, folder, places, digest = pickle.loads(ordered)
    return national.plan(executors.rebuilt(document, folder, digest), places)


def choose(codes: Sequence[str] = (), departements: Sequence[str] = ()) -> tuple[Territory, ...]:
    """Return the territories of these codes and départements; all of France without any.

    A territory belongs to a département if one of its communes does.

    Raises
    ------
    CosimError : an unknown code, with the nearest one
    """
    if not codes and not departements:
        return territory.every()
    wanted = list(codes)
    known = territory.territories()
    for name in departements:
        there = known.code[[name.upper() in dep.split("-") for dep in known.dep]]
        if there.empty:
            every = sorted({dep for deps in known.dep for dep in deps.split("-")})
            raise CosimError("unknown département", key="--departement", found=name,
                             expected="a code such as 35, 2A or 974",
                             nearest=nearest(name.upper(), every))  # fmt: skip
        wanted.extend(there)
    return territory.every(wanted)


# -- effects ------------------------------------------------------------------------------


class Pairs:
    """Differences at the end between a what-if and its reference, replicate by replicate."""

    def __init__(self) -> None:
        self._rows: list[dict[str, tuple[list[str], Array]]] = []
        self._start, self._draws = 0, False

    def add(self, reference: Country, scenario: Country) -> None:
        """Add one replicate of both, at equal luck."""
        assert (reference.seed, reference.replicate) == (scenario.seed, scenario.replicate)
        if not self._rows:
            self._start = reference.replicate
            self._draws = any(one.nation.scenario.draws for one in (reference, scenario))
        before, after = reference.groups, scenario.groups
        self._rows.append(
            {by: (names, values[:, -1] - before[by][1][:, -1])
             for by, (names, values) in after.items()}
        )  # fmt: skip

    @property
    def table(self) -> pd.DataFrame:
        """One row per by, group and indicator.

        Columns: by, group, indicator, mean (of the differences in the last month), low, high (95 %
        interval of the mean over replicates, missing with one), k_euros (mean additional spending
        of the group), per_100k (mean per 100 k€ of it, missing without spending), n.
        """
        import pandas as pd

        from cosim.effects import spread

        parts = []
        for by, (groups, _) in self._rows[0].items():
            differences = np.stack([row[by][1] for row in self._rows])
            mean = differences.mean(axis=0)
            _, half = spread(differences, self._start, self._draws)
            spent = mean[:, _PLACE["spending", ""]][:, None]
            paid = np.where(np.abs(spent) > 1e-9, spent / 100.0, np.nan)
            names = [path(*pair) for pair in COLUMNS]
            parts.append(
                pd.DataFrame(
                    {
                        "by": by,
                        "group": np.repeat(np.array(groups, object), len(COLUMNS)),
                        "indicator": np.tile(np.array(names, object), len(groups)),
                        "mean": mean.reshape(-1),
                        "low": (mean - half).reshape(-1),
                        "high": (mean + half).reshape(-1),
                        "k_euros": np.broadcast_to(spent, mean.shape).reshape(-1),
                        "per_100k": (mean / paid).reshape(-1),
                        "n": len(self._rows),
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)


def manifest(nation: Nation, seed: int, replicates: int) -> dict[str, Any]:
    """Return what a folder says of its run, without what changes from day to day."""
    scenario = nation.scenario
    return {
        "digest": run_digest(scenario),
        "scenario": scenario.resolved(),
        "root_seed": seed,
        "replicates": replicates,
        "territories": len(nation.places),
    }


__all__ = [
    "BY", "COLUMNS", "Country", "Pairs", "choose", "countries", "describe", "labels", "manifest",
    "path", "perform", "simulate",
]  # fmt: skip
