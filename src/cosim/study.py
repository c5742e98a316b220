"""The study of `docs/france.md`: from the folders of two runs of France to small tables and a page.

`collect` keeps of the runs what the page quotes; `page` writes its tables from those alone, so that
no figure of the page is typed by hand.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosim import ledgers
from cosim.errors import ResultsError
from cosim.indicators import INDICATORS, group_label

if TYPE_CHECKING:
    import pandas as pd

#: Tables and pictures in the folder of the pages.
TABLES, PICTURES = "france", "pictures"
PAGE = "france.md"
#: Months that the page shows, those that a run has.
MONTHS = ("2010-01", "2013-01", "2016-01", "2020-01", "2023-01", "2026-01")
SHOWN = ("convinced/elu", "able/elu", "engaged", "engaged/elu", "engaged/company",
         "engaged/association", "alliances")  # fmt: skip
CHANGED = ("alliances", "engaged", "convinced/elu", "able/elu")
#: Replicates of the single territory that France is held against.
SINGLE = 24
#: Maps of the page; one without catalysts has no map of them.
DRAWN = ("map_convinced", "map_alliances", "map_catalysts")


def collect(france: Path, usine: Path, folder: Path) -> list[Path]:
    """Write the small tables and pictures of the page from two folders of `cosim france`.

    Parameters
    ----------
    france : one for one, without a what-if
    usine : `--usine all`
    folder : of the pages

    Raises
    ------
    ResultsError : a folder is not one of such a run
    """
    import pandas as pd

    runs = {name: _manifest(path) for name, path in (("france", france), ("usine", usine))}
    made = folder / TABLES
    made.mkdir(parents=True, exist_ok=True)
    groups = pd.read_parquet(france / "groups.parquet")
    effect = pd.read_csv(usine / "effect.csv")
    tables = {
        "years": _years(groups),
        "sizes": _sizes(france),
        "single": _single(runs["france"]["scenario"]),
        "usine": effect[effect["by"].isin(("all", "region")) & effect["indicator"].isin(CHANGED)],
    }
    written = []
    for name, table in tables.items():
        written.append(made / f"{name}.csv")
        table.to_csv(written[-1], index=False, float_format="%.6g")
    kept = ("digest", "root_seed", "replicates", "territories", "cosim")
    about = {
        name: {**{key: run[key] for key in kept}, "sample": run["scenario"]["territory"]["sample"]}
        for name, run in runs.items()
    }
    written.append(made / "runs.json")
    written[-1].write_text(json.dumps(about, indent=2) + "\n", "utf-8")
    drawn = (france / "figures" / f"{name}.png" for name in DRAWN)
    written += [_small(path, folder / PICTURES) for path in drawn if path.is_file()]
    written.append(folder / PICTURES / "france-curves.svg")
    shutil.copyfile(france / "figures" / "curves.svg", written[-1])
    return written


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        manifest = {}
    if manifest.get("command") != "france":
        raise ResultsError("not a folder of `cosim france`", where=folder)
    return manifest


def _small(picture: Path, folder: Path) -> Path:
    from cosim.report_national import in_few_colours

    path = folder / f"france-{picture.stem.removeprefix('map_')}.png"
    path.write_bytes(in_few_colours(picture))
    return path


def _years(groups: pd.DataFrame) -> pd.DataFrame:
    """Return month, indicator, value of all of France, mean of the replicates."""
    month = groups["month"].dt.strftime("%Y-%m")
    rows = groups[(groups["by"] == "all") & month.isin(MONTHS) & groups["indicator"].isin(SHOWN)]
    rows = rows.assign(month=month)
    return rows.groupby(["month", "indicator"])["value"].mean().reset_index()


def _sizes(france: Path) -> pd.DataFrame:
    import pandas as pd

    from cosim.figures_national import Tables, gradient

    empty = pd.DataFrame()
    communes = pd.read_parquet(france / "communes.parquet")
    return gradient(Tables(empty, empty, communes, empty))


def _single(document: dict[str, Any]) -> pd.DataFrame:
    """Return the same indicators of the one territory that the scenario names."""
    from cosim.results import ensemble
    from cosim.scenario import build

    scenario = build(document).with_(**{"territory.sample": 1.0})
    names = list(dict.fromkeys(pair.partition("/")[0] for pair in SHOWN))
    series = ensemble(scenario, SINGLE, indicators=names).series
    pair = series["indicator"].astype(str) + "/" + series["group"].astype(str)
    series = series.assign(
        month=series["month"].dt.strftime("%Y-%m"), indicator=pair.str.rstrip("/")
    )
    rows = series[series["month"].isin(MONTHS) & series["indicator"].isin(SHOWN)]
    return rows.groupby(["month", "indicator"])["value"].mean().reset_index()


# -- page ---------------------------------------------------------------------------------


def page(folder: Path) -> str:
    """Return `france.md` with its tables, from those in the folder of the pages.

    Raises
    ------
    CosimError : a mark of a table is missing
    """
    import pandas as pd

    made = folder / TABLES
    years, sizes, single, usine = (
        pd.read_csv(made / f"{name}.csv") for name in ("years", "sizes", "single", "usine")
    )
    tables = {
        "runs": _runs(json.loads((made / "runs.json").read_text("utf-8"))),
        "years": _reference(years, single),
        "sizes": _gradient(sizes),
        "usine": _effects(usine),
    }
    text = (folder / PAGE).read_text("utf-8")
    return ledgers.filled(folder / PAGE, text, {k: "\n".join(v) for k, v in tables.items()})


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head),
            *("| " + " | ".join(row) + " |" for row in rows)]  # fmt: skip


def _runs(runs: Mapping[str, Any]) -> list[str]:
    return _table(
        ("Run", "Share of the actors", "Replicates", "Seed", "Digest"),
        ((name, f"{run['sample']:g}", str(run["replicates"]), str(run["root_seed"]),
          f"`{run['digest']}`") for name, run in runs.items()),
    )  # fmt: skip


def _is_share(pair: str) -> bool:
    return INDICATORS[pair.partition("/")[0]].unit == "share"


def _label(pair: str) -> str:
    name, _, group = pair.partition("/")
    return INDICATORS[name].en + (f", {group_label(group, 'en')}" if group else "")


def _count(x: float) -> str:
    return f"{x:,.0f}".replace(",", " ")


def _figure(pair: str, value: float) -> str:
    return f"{100 * value:.1f} %" if _is_share(pair) else _count(value)


def _reference(years: pd.DataFrame, single: pd.DataFrame) -> list[str]:
    value, alone = (t.set_index(["indicator", "month"])["value"] for t in (years, single))
    months = sorted(years["month"].unique())
    rows = []
    for pair in SHOWN:
        rows.append([_label(pair), *(_figure(pair, value[pair, month]) for month in months)])
        if _is_share(pair):
            cells = (_figure(pair, alone[pair, month]) for month in months)
            rows.append(["— one territory alone", *cells])
    return _table(["", *months], rows)


def _gradient(sizes: pd.DataFrame) -> list[str]:
    rows: dict[int, list[str]] = {}
    for row in sizes.sort_values(["what", "size"]).to_dict("records"):
        cells = rows.setdefault(row["size"], [_SIZES[row["size"]], f"{row['communes']:.0f}"])
        cells.append(
            f"{100 * row['share']:.1f} % ({100 * row['low']:.0f} – {100 * row['high']:.0f})"
        )
    return _table(["Inhabitants", "Communes", *_WHAT.values()], rows.values())


_SIZES = ("< 200", "200 – 500", "500 – 2 000", "2 000 – 10 000", "10 000 – 50 000", "> 50 000")
#: In the order of their keys, as the table is sorted.
_WHAT = {"convinced": "Élus convinced", "elus": "Élus engaged", "engaged": "Actors engaged"}


def _effects(usine: pd.DataFrame) -> list[str]:
    whole = usine[usine["by"] == "all"]
    rows = []
    for pair in CHANGED:
        factor, unit, digits = (100.0, " pt", 2) if _is_share(pair) else (1.0, "", 0)
        for row in whole[whole["indicator"] == pair].to_dict("records"):
            mean, low, high = (f"{factor * row[q]:+,.{digits}f}{unit}".replace(",", " ")
                               for q in ("mean", "low", "high"))  # fmt: skip
            per = f"{factor * row['per_100k']:+.{digits + 1}f}{unit}"
            rows.append([_label(pair), str(row["key"]), mean, f"{low} … {high}", per,
                         _count(row["k_euros"])])  # fmt: skip
    regions = usine[usine["by"] == "region"]
    clear = int((regions["low"] * regions["high"] > 0).sum())
    return [
        *_table(["Indicator", "Key", "Difference", "95 % interval", "Per 100 k€", "k€"], rows), "",
        f"By region, key and indicator, {clear} of {len(regions)} intervals leave zero out; "
        f"{0.05 * len(regions):.0f} would by luck alone if the usine changed nothing.",
    ]  # fmt: skip


__all__ = ["collect", "page"]
