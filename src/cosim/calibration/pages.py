"""The study of `docs/calibration.md`: from a folder of calibrations to small tables and a page.

`collect` keeps what the page quotes and what the package ships; `page` writes its tables from
those alone, so that no figure of the page is typed by hand.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosim import ledgers
from cosim.errors import CosimError, ResultsError

if TYPE_CHECKING:
    import pandas as pd

#: Tables in the folder of the pages.
TABLES = "calibration"
PAGE = "calibration.md"
#: What the studies leave beside the calibrations, if they were made.
STUDIES = ("recovery.csv", "ablation.csv", "ablation-effects.csv", "rivals.csv")
#: What the two commands beside `calibrate` leave, each in a folder of its own.
BESIDE = ("known-effects/known-effects.en.md", "figures/validation.csv")
#: Rows of a long table that the page shows.
_SHOWN = 20


def collect(made: Path, folder: Path, package: Path) -> list[Path]:
    """Copy what a folder of `cosim calibrate` leaves to the pages and to the package.

    Parameters
    ----------
    made : the folder
    folder : of the pages
    package : that of the posterior samples that ship

    Raises
    ------
    ResultsError : it holds no calibration of the default rules
    """
    if not (made / "default" / "summary.json").is_file():
        raise ResultsError("not a folder of `cosim calibrate`", where=made)
    (folder / TABLES).mkdir(parents=True, exist_ok=True)
    package.mkdir(parents=True, exist_ok=True)
    copies = []
    for summary in sorted(made.glob("*/summary.json")):
        name = summary.parent.name
        copies.append((summary, folder / TABLES / f"{name}.json"))
        copies.append((summary.parent / "posterior.csv", package / f"{name}.csv"))
    copies.append((made / "default" / "draws.parquet", folder / TABLES / "draws.parquet"))
    copies += [
        (made / name, folder / TABLES / Path(name).name)
        for name in (*STUDIES, *BESIDE) if (made / name).is_file()
    ]  # fmt: skip
    for source, target in copies:
        shutil.copyfile(source, target)
    return [target for _, target in copies]


def page(folder: Path) -> str:
    """Return `calibration.md` with its tables, from those in the folder of the pages.

    Raises
    ------
    CosimError : a mark is missing, or a table that the page has a place for
    """
    tables = {name: table(folder / TABLES) for name, table in _PAGE.items()}
    return ledgers.filled(folder / PAGE, (folder / PAGE).read_text("utf-8"), tables)


def summary(folder: Path, rules: str = "default") -> dict[str, Any]:
    """Return the summary of a calibration in the folder of tables.

    Raises
    ------
    CosimError : there is none
    """
    try:
        found: dict[str, Any] = json.loads((folder / f"{rules}.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise CosimError("no calibration here", where=folder, key=rules,
                         expected="`cosim calibrate`, then `cosim docs --calibration`"
                         ) from None  # fmt: skip
    return found


def _csv(folder: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    path = folder / f"{name}.csv"
    if not path.is_file():
        raise CosimError("a table of the page is missing", where=path,
                         expected=f"what `cosim calibrate --study {name}` writes")  # fmt: skip
    return pd.read_csv(path, keep_default_na=False, na_values=["nan", ""])


# -- tables -------------------------------------------------------------------------------


def _figure(x: float) -> str:
    return "–" if x != x else f"{x:.3g}" if abs(x) < 1000 else f"{x:,.0f}".replace(",", " ")


def _share(x: float) -> str:
    return f"{100 * x:.0f} %"


def _runs(folder: Path) -> str:
    rows = []
    for path in sorted(folder.glob("*.json")):
        about = summary(folder, path.stem)
        runs = sum(wave["sets"] * wave["replicates"] for wave in about["waves"])
        met = sum(row["low"] <= row["median"] <= row["high"] for row in about["fit"])
        rows.append((
            about["rules"], _figure(runs), _figure(about["draws"]), _figure(about["effective"]),
            _figure(about["meet_all"]), f"{met} / {len(about['fit'])}", str(about["seed"]),
            f"`{about['model']}`",
        ))  # fmt: skip
    head = ("Rules", "Surveys simulated", "Draws", "Worth", "Draws that meet C1–C10",
            "Medians inside", "Seed", "Model")  # fmt: skip
    return ledgers.markdown_table(head, rows)


def _waves(folder: Path) -> str:
    about = summary(folder)
    rows = []
    for wave in about["waves"]:
        left = about["notes"].get(wave["wave"], {}).get("left")
        ruled = "all" if left is None else f"{100 * left:.2g} %"
        rows.append((wave["wave"], _figure(wave["sets"]), str(wave["replicates"]), ruled,
                     _share(wave["not_ruled_out"]), f"{wave['best']:.1f}"))  # fmt: skip
    head = ("Wave", "Sets", "Replicates", "Prior not ruled out before it", "Of its sets, not ruled "
            "out", "Best log likelihood")  # fmt: skip
    return ledgers.markdown_table(head, rows)


def _fit(folder: Path) -> str:
    about = summary(folder)
    rows = [
        (row["target"], _figure(row["value"]), f"{_figure(row['low'])} – {_figure(row['high'])}",
         _figure(row["median"]), f"{_figure(row['p05'])} – {_figure(row['p95'])}",
         "yes" if row["low"] <= row["median"] <= row["high"] else "**no**", _share(row["inside"]),
         _figure(about["point"]["fit"][row["target"]]))
        for row in about["fit"]
    ]  # fmt: skip
    head = ("Target", "Published", "Tolerance", "Posterior median", "90 %", "Median inside",
            "Draws inside", "Default parameters")  # fmt: skip
    return ledgers.markdown_table(head, rows)


def _learnt(folder: Path) -> str:
    about = summary(folder)
    rows = [
        (f"`{row['parameter']}`", _figure(row["prior_median"]),
         f"{_figure(row['prior_low'])} – {_figure(row['prior_high'])}", _figure(row["median"]),
         f"{_figure(row['p05'])} – {_figure(row['p95'])}", _share(row["kept"]),
         _figure(about["point"]["values"][row["parameter"]]))
        for row in sorted(about["learnt"], key=lambda row: row["kept"])
    ]  # fmt: skip
    head = ("Parameter", "Prior median", "90 %", "Posterior median", "90 %",
            "Of the prior's spread, kept", "Default")  # fmt: skip
    return ledgers.markdown_table(head, rows)


def _correlations(folder: Path) -> str:
    rows = [(f"`{row['a']}`", f"`{row['b']}`", f"{row['r']:+.2f}")
            for row in summary(folder)["correlations"][:_SHOWN]]  # fmt: skip
    return ledgers.markdown_table(("", "", "Correlation"), rows) if rows else "None above .3."


def _recovery(folder: Path) -> str:
    table = _csv(folder, "recovery")
    covered = table.groupby("truth")["covered"].mean()
    error = (table["covered"].mean() * (1 - table["covered"].mean()) / len(table)) ** 0.5
    by = table.groupby("parameter", sort=False)
    width = (by["high"].mean() - by["low"].mean()) / (
        by["prior_high"].mean() - by["prior_low"].mean()
    )
    known = by[["value", "mean"]].apply(lambda rows: rows["value"].corr(rows["mean"]))
    lines = [
        f"{len(covered)} truths, {len(width)} parameters each: the 90 % intervals hold "
        f"**{100 * table['covered'].mean():.1f} %** of the true values (± {100 * error:.1f}), of a "
        f"single truth between {_share(covered.min())} and {_share(covered.max())}. The sets that "
        "the emulator proposes, before they are weighted, hold "
        f"{100 * table['proposed'].mean():.1f} %.",
        "",
    ]
    rows = [
        (f"`{name}`", _share(by["covered"].mean()[name]), f"{width[name]:.2f}",
         f"{known[name]:+.2f}")
        for name in width.sort_values().index
    ]  # fmt: skip
    head = ("Parameter", "Covered", "Width of the interval, over the prior's",
            "Correlation of truth and posterior mean")  # fmt: skip
    return "\n".join(lines) + "\n" + ledgers.markdown_table(head, rows)


def _crossed(table: pd.DataFrame, row: str, without: str = "without") -> str:
    names = list(dict.fromkeys(table[without].fillna("")))
    found = {(str(r[row]), str(r[without]) if r[without] == r[without] else ""): r
             for r in table.to_dict("records")}  # fmt: skip
    rows = []
    for target in dict.fromkeys(table[row]):
        cells = [target]
        for name in names:
            one = found[target, name]
            cells.append(_figure(one["value"]) + ("" if one["inside"] else " ✗"))
        rows.append(cells)
    return ledgers.markdown_table(("Without", *(name or "none" for name in names)), rows)


def _ablation(folder: Path) -> str:
    return _crossed(_csv(folder, "ablation"), "target")


def _ablated_effects(folder: Path) -> str:
    return _crossed(_csv(folder, "ablation-effects"), "effect")


def _rivals(folder: Path) -> str:
    table = _csv(folder, "rivals")
    whole = table[table["target"].isna()]
    rows = []
    for row in whole.to_dict("records"):
        own = table[(table["rules"] == row["rules"]) & table["target"].notna() & table["apart"]]
        told = [f"{r['target']} ({r['better']:+.1f})" for r in own.to_dict("records")]
        about = summary(folder, row["rules"])
        outside = [r["target"] for r in about["fit"] if not r["low"] <= r["median"] <= r["high"]]
        rows.append((row["rules"], f"{row['score']:.1f}",
                     f"{row['better']:+.1f} ± {row['error']:.1f}", ", ".join(told) or "none",
                     ", ".join(outside) or "none", str(about["meet_all"])))  # fmt: skip
    head = ("Rules", "Score", "Better than the default", "Targets that tell them apart",
            "Medians outside", "Draws that meet C1–C10")  # fmt: skip
    return ledgers.markdown_table(head, rows)


def _known(folder: Path) -> str:
    return (folder / "known-effects.en.md").read_text("utf-8").strip()


def _figures(folder: Path) -> str:
    table = _csv(folder, "validation")
    rows = [
        (r["id"], f"`{r['measure']}`", _figure(r["expected"]),
         f"{_figure(r['low'])} – {_figure(r['high'])}", _figure(r["median"]),
         f"{_figure(r['seen05'])} – {_figure(r['seen95'])}", f"{r['z']:+.1f}",
         "yes" if r["inside"] else "**no**")
        for r in table.to_dict("records")
    ]  # fmt: skip
    head = ("Figure", "Measure", "Published", "Tolerance", "Median", "90 % of what a survey sees",
            "z", "Inside")  # fmt: skip
    return ledgers.markdown_table(head, rows)


_PAGE: Mapping[str, Callable[[Path], str]] = {
    "runs": _runs,
    "waves": _waves,
    "fit": _fit,
    "learnt": _learnt,
    "correlations": _correlations,
    "recovery": _recovery,
    "known": _known,
    "ablation": _ablation,
    "ablation-effects": _ablated_effects,
    "rivals": _rivals,
    "figures": _figures,
}
