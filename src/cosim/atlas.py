"""What ships of France for its map: a few indicators by territory and year, over several runs.

`collect` simulates and writes `data/france/`; `read` gives it back. A run of France cannot be made
again for a few territories, which look at one another: what is written is told by digests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import cosim
from cosim.errors import ResultsError

if TYPE_CHECKING:
    import pandas as pd

    from cosim.scenario import Scenario
    from cosim.state import Array

__all__ = ["INDICATORS", "REFERENCE", "WORLDS", "Atlas", "collect", "folder", "read", "scenarios"]

#: One actor in five: the luck of a territory is larger than with all of them.
#: With all actors the same takes five times as long.
SAMPLE, REPLICATES, SEED = 0.2, 8, 1
FIRST, LAST = 2010, 2026
#: Indicator and group; counts are per 10 000 inhabitants.
INDICATORS: tuple[tuple[str, str], ...] = (
    ("convinced", "elu"), ("able", "elu"), ("engaged", ""), ("alliances", ""),
)  # fmt: skip
PER = 10_000.0
#: Whole numbers of a committed value: shares to .01 point, counts per 10 000 inhabitants to .05.
STEPS: Mapping[str, float] = {"share": 10_000.0, "count": 20.0}
REFERENCE = "reference"
#: What is simulated: what it changes from the reference, and the first January that may differ.
WORLDS: Mapping[str, tuple[Mapping[str, Any], int]] = {
    REFERENCE: ({}, FIRST),
    "deux-postes": ({"catalysis.fte": 2, "catalysis.start": "2021-01"}, 2021),
    "usine": ({"usine.key": "population", "usine.start": "2021-01"}, 2021),
}  # fmt: skip
MAP, GROUPS, MANIFEST = "map.parquet", "groups.parquet", "manifest.json"


def folder() -> Path:
    """Return the folder of what ships."""
    return Path(cosim.__file__).parent / "data" / "france"


def scenarios(sample: float = SAMPLE) -> dict[str, Scenario]:
    """Return what is simulated, by name, the reference first."""
    from cosim.scenario import load

    span = {"time.start": f"{FIRST}-01", "time.end": f"{LAST}-01", "territory.sample": sample}
    base = load("reference-2010").with_(**span)
    return {name: base.with_(**changes) if changes else base
            for name, (changes, _) in WORLDS.items()}  # fmt: skip


# -- collect ------------------------------------------------------------------------------


def collect(
    target: Path,
    codes: tuple[str, ...] = (),
    replicates: int = REPLICATES,
    sample: float = SAMPLE,
    progress: Callable[[int], None] | None = None,
) -> list[Path]:
    """Simulate France and what-ifs at equal luck, and write what the map needs of them.

    Parameters
    ----------
    target : folder to write into
    codes : territories; all of France by default
    progress : called with the number of months done
    """
    from cosim import country, national

    places = country.choose(codes)
    documents = scenarios(sample)
    plans = {name: national.plan(document, places) for name, document in documents.items()}
    months, done = documents[REFERENCE].n_months, 0
    kept: dict[str, list[tuple[Array, Array]]] = {name: [] for name in plans}
    names: list[str] = []
    for number in range(replicates):
        for name, nation in plans.items():
            note = (lambda month, d=done: progress(d + month)) if progress else None
            one = country.simulate(nation, SEED, number, progress=note)
            done += months
            names, grouped = _grouped(one)
            kept[name].append((_januaries(one.values, _people(nation)), grouped))
    target.mkdir(parents=True, exist_ok=True)
    codes = tuple(place.code for place in places)
    _table(kept, 0, codes, whole_numbers=True).to_parquet(
        target / MAP, index=False, compression="zstd", compression_level=19
    )
    _table(kept, 1, tuple(names), whole_numbers=False).to_parquet(
        target / GROUPS, index=False, compression="zstd", compression_level=19
    )
    (target / MANIFEST).write_text(
        json.dumps(_manifest(target, documents, len(codes), replicates, sample), indent=1) + "\n",
        "utf-8",
    )
    return [target / name for name in (MAP, GROUPS, MANIFEST)]


def _people(nation: Any) -> Array:
    return np.array([place.inhabitants for place in nation.places], np.float64)


def _januaries(values: Array, people: Array) -> Array:
    """Return float64[rows, years, INDICATORS] of values of `country.COLUMNS`."""
    from cosim import country
    from cosim.indicators import INDICATORS as KNOWN

    made = values[:, ::12, :][:, :, [country.COLUMNS.index(pair) for pair in INDICATORS]].copy()
    for k, (name, _) in enumerate(INDICATORS):
        if KNOWN[name].unit == "count":
            made[:, :, k] *= PER / people[:, None]
    return made


def _grouped(one: Any) -> tuple[list[str], Array]:
    """Return France ("all") and its regions, and what they come to each January."""
    from cosim import country

    places = country.describe(one.nation)
    names: list[str] = []
    parts = []
    for by in ("all", "region"):
        groups, values = one.groups[by]
        people = places.groupby(np.array(country.labels(places, by)))["inhabitants"].sum()
        names += groups
        parts.append(_januaries(values, people.reindex(groups).to_numpy(np.float64)))
    return names, np.concatenate(parts)


def _table(
    kept: Mapping[str, list[tuple[Array, Array]]], part: int, rows: tuple[str, ...],
    whole_numbers: bool,
) -> pd.DataFrame:  # fmt: skip
    """Return world, indicator, year, place, mean, low, high (the extremes of the replicates).

    Of a what-if they are those of its differences to the reference at equal luck.
    """
    import pandas as pd

    before = np.stack([pair[part] for pair in kept[REFERENCE]])
    tables = []
    for name, (_, first) in WORLDS.items():
        values = np.stack([pair[part] for pair in kept[name]])
        if name != REFERENCE:
            values = values - before
        values = values[:, :, first - FIRST :]
        years = np.arange(first, LAST + 1)
        for k, pair in enumerate(INDICATORS):
            one = values[:, :, :, k].transpose(0, 2, 1)
            factor = STEPS[_unit(k)] if whole_numbers else 1.0
            told = [np.asarray(factor * x) for x in (one.mean(0), one.min(0), one.max(0))]
            kind = np.int16 if whole_numbers else np.float32
            mean, low, high = (
                (np.rint(x) if whole_numbers else x).astype(kind).ravel() for x in told
            )
            tables.append(
                pd.DataFrame(
                    {"world": name, "indicator": "/".join(filter(None, pair)),
                     "year": np.repeat(years, len(rows)).astype(np.int16),
                     "place": np.tile(np.array(rows, object), len(years)),
                     "mean": mean, "low": low, "high": high}
                )
            )  # fmt: skip
    table = pd.concat(tables, ignore_index=True)
    return table.astype(dict.fromkeys(("world", "indicator", "place"), "category"))


def _unit(k: int) -> str:
    from cosim.indicators import INDICATORS as KNOWN

    return "count" if KNOWN[INDICATORS[k][0]].unit == "count" else "share"


def _manifest(
    target: Path, documents: Mapping[str, Scenario], territories: int, replicates: int,
    sample: float,
) -> dict[str, Any]:  # fmt: skip
    from cosim.results import run_digest

    return {
        "command": f"cosim docs --france-map {sample:g}",
        "cosim": cosim.__version__,
        "territories": territories,
        "sample": sample,
        "replicates": replicates,
        "root_seed": SEED,
        "worlds": {name: {"scenario": document.digest, "digest": run_digest(document)}
                   for name, document in documents.items()},
        "one_for_one": _one_for_one(),
        "files": {name: sha256(target / name) for name in (MAP, GROUPS)},
    }  # fmt: skip


def _one_for_one() -> dict[str, Any]:
    """Return what all of France comes to with all actors: the committed run of docs/france.

    A sampled actor keeps the length of its contact list, so that levels are higher in a sample
    (docs/limits.md): the map says by how much. Empty without a checkout.
    """
    import pandas as pd

    from cosim.territory import territories

    tables = Path(cosim.__file__).parents[2] / "docs" / "france"
    if not (tables / "years.csv").is_file():
        return {}
    table = pd.read_csv(tables / "years.csv")
    last = table[table["month"] == f"{LAST}-01"].set_index("indicator")["value"]
    people = float(territories()["inhabitants"].sum())
    names = ["/".join(filter(None, pair)) for pair in INDICATORS]
    return {
        "digest": json.loads((tables / "runs.json").read_text("utf-8"))["france"]["digest"],
        **{name: float(last[name]) * (PER / people if _unit(k) == "count" else 1.0)
           for k, name in enumerate(names) if name in last},
    }  # fmt: skip


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


# -- read ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Atlas:
    """What ships of France.

    Attributes
    ----------
    codes : territories, in the order of the arrays
    groups : "all", then the codes of the regions
    values : (world, indicator) -> float32[3, years, territories]: mean, lowest and highest of the
        replicates; of a what-if, those of its differences to the reference
    grouped : the same of the groups
    about : the manifest
    """

    codes: tuple[str, ...]
    groups: tuple[str, ...]
    values: Mapping[tuple[str, str], Array]
    grouped: Mapping[tuple[str, str], Array]
    about: Mapping[str, Any]

    def years(self, world: str) -> tuple[int, ...]:
        """Return the Januaries of a world."""
        return tuple(range(WORLDS[world][1], LAST + 1))


def read(source: Path | None = None) -> Atlas:
    """Return what ships, or what `collect` wrote into another folder.

    Raises
    ------
    ResultsError : it is missing, or is not what its manifest says
    """
    return _read(source or folder())


@lru_cache(maxsize=2)
def _read(source: Path) -> Atlas:
    import pandas as pd

    try:
        about = json.loads((source / MANIFEST).read_text("utf-8"))
        changed = [name for name, digest in about["files"].items()
                   if sha256(source / name) != digest]  # fmt: skip
    except (OSError, ValueError, KeyError) as error:
        raise ResultsError("no map of France", where=source, found=str(error),
                           expected="cosim docs --france-map 0.2") from None  # fmt: skip
    if changed:
        raise ResultsError(
            "a file is not the one of its manifest", where=source, found=", ".join(changed),
            expected="cosim docs --france-map 0.2",
        )  # fmt: skip
    codes, values = _arrays(pd.read_parquet(source / MAP), whole_numbers=True)
    groups, grouped = _arrays(pd.read_parquet(source / GROUPS), whole_numbers=False)
    return Atlas(codes, groups, values, grouped, about)


def _arrays(
    table: pd.DataFrame, whole_numbers: bool
) -> tuple[tuple[str, ...], dict[tuple[str, str], Array]]:
    """Return places and arrays of a table in the order in which `_table` writes it."""
    places = tuple(table["place"].astype(str).iloc[: table["place"].nunique()])
    made = {}
    numbers = table[["mean", "low", "high"]].to_numpy(np.float32)
    at = 0
    for world, (_, first) in WORLDS.items():
        years = LAST - first + 1
        for k, pair in enumerate(INDICATORS):
            rows = numbers[at : at + years * len(places)]
            array = rows.T.reshape(3, years, len(places)) / (
                STEPS[_unit(k)] if whole_numbers else 1
            )
            array.flags.writeable = False
            made[world, "/".join(filter(None, pair))] = array
            at += len(rows)
    return places, made
