"""The tables of a results folder: their columns, and one replicate's rows from its states.

A table is written one replicate at a time, so that the size of an ensemble costs no memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import streams
from cosim.engine import Run
from cosim.errors import ResultsError
from cosim.indicators import COLUMNS
from cosim.state import (
    CATALYSEUR,
    CAUSES,
    DOMAIN_NAMES,
    J_ACTION,
    J_JOIN,
    J_LEAVE,
    J_SPENDING,
    JOURNAL,
    KINDS,
    LEVERS,
    METIERS,
    NEVER,
    NOBODY,
    ORIGINS,
    PROFILES,
    RUNGS,
    SIZE_CLASSES,
    TYPES,
    VOLETS,
    Array,
    State,
)

if TYPE_CHECKING:
    import pandas as pd

    from cosim.engine import Plan

#: Directed pairs of acquaintances that a sample holds at most, per replicate and date.
MAX_DYADS = 2_000

_DATE = "timestamp[ms]"
#: table -> column -> Arrow type. `territory` is the territory's code.
SCHEMAS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "indicators": {
            "replicate": "int64", "month": _DATE, "indicator": "string", "group": "string",
            "value": "double", "territory": "string",
        },
        "actors": {
            "replicate": "int64", "actor": "uint64", "kind": "string", "commune": "string",
            "size_class": "string", "profile": "string", "commitment0": "double",
            "know_how0": "double", "commitment": "double", "know_how": "double",
            "maturity": "double", "load": "int64", "acquaintances": "int64",
            "territory": "string",
        },
        "alliances": {
            "replicate": "int64", "alliance": "uint64", "origin": "string", "domain": "string",
            "type": "string", "rung": "string", "born": _DATE, "ended": _DATE,
            "end_cause": "string", "successes": "int64", "failures": "int64",
            "supported_months": "double", "local": "bool", "territory": "string",
        },
        "memberships": {
            "replicate": "int64", "alliance": "uint64", "actor": "uint64", "joined": _DATE,
            "left": _DATE, "territory": "string",
        },
        "actions": {
            "replicate": "int64", "month": _DATE, "lever": "string", "metier": "string",
            "catalyst": "uint64", "actors": "int64", "k_euros": "double", "territory": "string",
        },
        "dyads": {
            "replicate": "int64", "month": _DATE, "actor": "uint64", "other": "uint64",
            "trust": "double", "met": _DATE, "common_contacts": "int64", "territory": "string",
        },
    }
)  # fmt: skip
#: Tables that only a run with a journal has.
JOURNALED = tuple(name for name in SCHEMAS if name != "indicators")


def months_of(start: str, n: int) -> Array:
    """Return the first day of `n` months from "YYYY-MM", datetime64[ms]."""
    return (np.datetime64(start, "M") + np.arange(n)).astype("datetime64[ms]")


def long(
    values: Array,
    start: str,
    replicates: Sequence[int],
    territory: str | Sequence[str],
    columns: Sequence[tuple[str, str]] = COLUMNS,
) -> pd.DataFrame:
    """Return float64[n, months, columns] as one row per number.

    Columns: replicate, month, indicator, group, value, territory.

    Parameters
    ----------
    replicates, territory : of each of the n: as many replicates of one territory, or a replicate
        of each of as many territories, named again for each
    """
    import pandas as pd

    n, n_months, n_columns = values.shape
    names = list(dict.fromkeys(name for name, _ in columns))
    groups = list(dict.fromkeys(group for _, group in columns))
    indicator = np.array([names.index(name) for name, _ in columns], np.int16)
    group = np.array([groups.index(group) for _, group in columns], np.int16)
    month = np.repeat(months_of(start, n_months), n_columns)
    rows = n * n_months
    codes = [territory] if isinstance(territory, str) else territory
    place = np.arange(n, dtype=np.int16) if len(codes) == n else np.zeros(n, np.int16)
    return pd.DataFrame(
        {
            "replicate": np.repeat(np.asarray(replicates, dtype=np.int64), n_months * n_columns),
            "month": np.tile(month, n),
            "indicator": pd.Categorical.from_codes(np.tile(indicator, rows), pd.Index(names)),
            "group": pd.Categorical.from_codes(np.tile(group, rows), pd.Index(groups)),
            "value": values.reshape(-1),
            "territory": pd.Categorical.from_codes(
                np.repeat(place, n_months * n_columns), pd.Index(codes)
            ),
        }
    )


def record(ready: Plan, seed: int, replicate: int) -> tuple[Array, dict[str, pd.DataFrame]]:
    """Run one replicate with its journal, step by step.

    `ready` comes from `Plan.journaled`. Returns float64[months, columns] and the tables but
    `indicators`.
    """
    substeps = ready.scenario.time.substeps
    run = Run(ready, seed, replicate)
    events = [_drain(run.state)]  # alliances that lived before the first step
    dyads = []
    while not run.done:
        run.step()
        events.append(_drain(run.state))
        month, rest = divmod(run.month, substeps)
        december = ready.scenario.month_label(month - 1).endswith("-12")
        if rest == 0 and (december or run.done):
            dyads.append(_dyads(run, month - 1))
    tables = {
        "actors": _actors(run),
        "alliances": _alliances(run),
        "memberships": _memberships(run, np.concatenate(events)),
        "actions": _actions(run, np.concatenate(events)),
        "dyads": _joined(dyads),
    }
    return run.out, {name: _table(name, columns, run) for name, columns in tables.items()}


def empty(name: str) -> pd.DataFrame:
    """Return the table without a row."""
    import pandas as pd

    dtypes = {"string": "object", _DATE: "datetime64[ms]", "double": "float64"}
    return pd.DataFrame(
        {column: pd.Series(dtype=dtypes.get(kind, kind)) for column, kind in SCHEMAS[name].items()}
    )


def schema(name: str) -> Any:
    """Return the Arrow schema of a table."""
    import pyarrow as pa

    return pa.schema([(column, pa.type_for_alias(t)) for column, t in SCHEMAS[name].items()])


def arrow(name: str, table: pd.DataFrame) -> Any:
    """Return the rows as an Arrow table with the schema of `name`."""
    import pyarrow as pa

    return pa.Table.from_pandas(table, schema=schema(name), preserve_index=False)


# -- one replicate's rows -------------------------------------------------------------------


def _table(name: str, columns: dict[str, Array], run: Run) -> pd.DataFrame:
    import pandas as pd

    n = len(next(iter(columns.values())))
    columns = {
        "replicate": np.full(n, run.replicate, dtype=np.int64),
        **columns,
        "territory": np.full(n, run.plan.place.code, dtype=object),
    }
    return pd.DataFrame({column: columns[column] for column in SCHEMAS[name]})


def _drain(state: State) -> Array:
    """Return this step's events, and empty the journal."""
    n = int(state.territory.n_events)
    if n > len(state.journal):
        raise ResultsError(
            "the journal of one step is too small", key="journal", found=n,
            expected=f"at most {len(state.journal)} events",
        )  # fmt: skip
    state.territory.n_events = 0
    return np.array(state.journal[:n], dtype=JOURNAL)


def _dates(run: Run, steps: Array) -> Array:
    """Return the month of each step; NaT for NEVER."""
    time = run.plan.scenario.time
    steps = steps.astype(np.int64)
    months = np.datetime64(time.start, "M") + np.where(steps == NEVER, 0, steps) // time.substeps
    dates = months.astype("datetime64[ms]")
    dates[steps == NEVER] = np.datetime64("NaT", "ms")
    return dates


def _names(names: Sequence[str], index: Array) -> Array:
    return np.array(names, dtype=object)[index]


def _actors(run: Run) -> dict[str, Array]:
    rows: Any = run.state.actors
    rows = rows[run.state.order]
    rows = rows[rows.alive]
    size_class = [
        SIZE_CLASSES[KINDS[k]][s] for k, s in zip(rows.kind, rows.size_class, strict=True)
    ]
    return {
        "actor": rows.id.copy(),
        "kind": _names(KINDS, rows.kind),
        "commune": _names(run.plan.place.commune_codes, rows.commune),
        "size_class": np.array(size_class, dtype=object),
        "profile": np.where(rows.kind == CATALYSEUR, "", _names(PROFILES, rows.profile)),
        "commitment0": rows.commitment0.copy(),
        "know_how0": rows.know_how0.copy(),
        "commitment": rows.commitment.copy(),
        "know_how": rows.know_how.copy(),
        "maturity": np.minimum(rows.commitment, rows.know_how),
        "load": rows.load.astype(np.int64),
        "acquaintances": rows.contacts.astype(np.int64),
    }


def _alliances(run: Run) -> dict[str, Array]:
    rows: Any = run.state.alliances[: int(run.state.territory.n_alliances)]
    return {
        "alliance": rows.id.copy(),
        "origin": _names(ORIGINS, rows.origin),
        "domain": _names(DOMAIN_NAMES, rows.domain),
        "type": _names(TYPES, rows.type),
        "rung": _names(RUNGS, rows.rung),
        "born": _dates(run, rows.born),
        "ended": _dates(run, rows.ended),
        "end_cause": _names(CAUSES, rows.cause),
        "successes": rows.successes.astype(np.int64),
        "failures": rows.failures.astype(np.int64),
        "supported_months": rows.supported / run.plan.scenario.time.substeps,
        "local": np.asarray(rows.outside == NOBODY),
    }


def _memberships(run: Run, events: Array) -> dict[str, Array]:
    """Pair each joining with the leaving that follows it, if any."""
    events = events[(events["what"] == J_JOIN) | (events["what"] == J_LEAVE)]
    order = np.lexsort((np.arange(len(events)), events["actor"], events["alliance"]))
    events = events[order]
    joins = np.flatnonzero(events["what"] == J_JOIN)
    after = np.minimum(joins + 1, max(0, len(events) - 1))
    same = (events["alliance"][after] == events["alliance"][joins]) & (
        events["actor"][after] == events["actor"][joins]
    )
    gone = same & (events["what"][after] == J_LEAVE)
    alliances: Any = run.state.alliances
    return {
        "alliance": alliances.id[events["alliance"][joins]],
        "actor": events["actor"][joins].copy(),
        "joined": _dates(run, events["step"][joins]),
        "left": _dates(run, np.where(gone, events["step"][after], NEVER)),
    }


def _actions(run: Run, events: Array) -> dict[str, Array]:
    events = events[(events["what"] == J_ACTION) | (events["what"] == J_SPENDING)]
    action = events["what"] == J_ACTION
    which = events["alliance"]
    return {
        "month": _dates(run, events["step"]),
        "lever": np.where(action, LEVERS[0], _names(LEVERS, which)),
        "metier": np.where(
            action, _names(METIERS, np.where(action, which, 0)), _names(VOLETS, which)
        ),
        "catalyst": events["actor"].copy(),
        "actors": events["other"].astype(np.int64),
        "k_euros": events["value"] / run.plan.scenario.territory.sample,
    }


def _dyads(run: Run, month: int) -> dict[str, Array]:
    """Return the directed acquaintances whose pair has the smallest ids."""
    actors: Any = run.state.actors
    ties: Any = run.state.ties
    contacts = np.where(actors.alive, actors.contacts, 0)
    source = np.repeat(np.arange(len(actors)), contacts)
    before = np.repeat(np.cumsum(contacts) - contacts, contacts)
    slots = np.arange(len(source)) - before + actors.first[source]
    target = ties.other[slots]
    sampled = np.lexsort((actors.id[source], _pair(actors.id[source], actors.id[target])))
    sampled = sampled[:MAX_DYADS]
    circles: dict[int, set[int]] = {}

    def circle(i: int) -> set[int]:
        if i not in circles:
            first = actors.first[i]
            circles[i] = set(ties.other[first : first + actors.contacts[i]].tolist())
        return circles[i]

    pairs = zip(source[sampled].tolist(), target[sampled].tolist(), strict=True)
    steps = np.full(len(sampled), month * run.plan.scenario.time.substeps)
    return {
        "month": _dates(run, steps),
        "actor": actors.id[source[sampled]],
        "other": actors.id[target[sampled]],
        "trust": ties.trust[slots[sampled]].astype(np.float64),
        "met": _dates(run, ties.met[slots[sampled]]),
        "common_contacts": np.array([len(circle(i) & circle(j)) for i, j in pairs], np.int64),
    }


def _pair(a: Array, b: Array) -> Array:
    """Return `streams.pair` of two arrays of ids."""
    mix = getattr(streams.mix, "py_func", streams.mix)
    hashed: Array = mix(np.minimum(a, b) ^ mix(np.maximum(a, b)))
    return hashed


def _joined(parts: list[dict[str, Array]]) -> dict[str, Array]:
    return {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}
