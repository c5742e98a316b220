"""The page `docs/sensitivity.md`: its tables and sentences, from the small tables beside it.

`docs/sensitivity/NAME/` is the folder `sensitivity` or `discovery` that a command left for a study;
no figure of the page is typed by hand.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosim import ledgers
from cosim.effects_text import number, percent
from cosim.errors import CosimError
from cosim.experiment.discovery import factor_label
from cosim.experiment.sensitivity import DUMMY

if TYPE_CHECKING:
    import pandas as pd

PAGE, TABLES = "sensitivity.md", "sensitivity"
#: The studies of the page.
SCREENING, VARIANCES, CONDITIONS = (
    "morris-alliances", "sobol-alliances", "dialogue-sans-experimentation",
)  # fmt: skip
#: What the page keeps of each.
KEPT = {
    SCREENING: ("about.json", "indices.csv", "luck.csv", "density-fr.svg"),
    VARIANCES: ("about.json", "indices.csv", "luck.csv", "density-fr.svg"),
    CONDITIONS: ("about.json", "box.csv", "factors.csv", "trajectory.csv", "gain-tradeoff-fr.svg"),
}
#: Factors of a table of the page; the committed tables hold all.
SHOWN = 10


def collect(made: Path, folder: Path) -> list[Path]:
    """Copy what the page quotes from the folders that the commands left for its studies.

    A study that is not there keeps what the page has of it.

    Parameters
    ----------
    made : folder of stores, each named as its experiment
    folder : of the pages

    Raises
    ------
    CosimError : it holds none of the studies
    """
    copies = [
        (path, folder / TABLES / study / path.name)
        for study, kept in KEPT.items() for kind in ("sensitivity", "discovery")
        for name in kept for path in sorted((made / study / kind).glob(name))
    ]  # fmt: skip
    if not copies:
        raise CosimError("no study of the page", where=made, expected=", ".join(KEPT))
    for source, target in copies:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return [target for _, target in copies]


def page(folder: Path) -> str:
    """Return `sensitivity.md` with its tables.

    Raises
    ------
    CosimError : a mark or a table is missing
    """
    tables = folder / TABLES
    made = {"studies": _studies(tables)}
    for study, mark in ((SCREENING, "morris"), (VARIANCES, "sobol")):
        made[mark] = _indices(tables / study)
        made[f"{mark}-luck"] = _luck(tables / study)
    conditions = _about(tables / CONDITIONS)["found"]
    made["conditions-fr"] = "\n\n".join(f"> {one['fr']}" for one in conditions)
    made["conditions-en"] = "\n\n".join(f"> {one['en']}" for one in conditions)
    made["box"] = _box(tables / CONDITIONS)
    made["factors"] = _factors(tables / CONDITIONS)
    return ledgers.filled(folder / PAGE, (folder / PAGE).read_text("utf-8"), made)


def _about(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "about.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise CosimError("a study of the page is missing", where=folder,
                         expected="what `cosim sensitivity` or `cosim discover` writes"
                         ) from None  # fmt: skip
    return found


def _csv(folder: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    path = folder / f"{name}.csv"
    if not path.is_file():
        raise CosimError("a table of the page is missing", where=path)
    return pd.read_csv(path, keep_default_na=False, na_values=["", "nan"])


# -- tables -------------------------------------------------------------------------------


def _studies(tables: Path) -> str:
    rows = []
    for study in (SCREENING, VARIANCES, CONDITIONS):
        about = _about(tables / study)
        rows.append(
            (f"`experiments/{study}.toml`", number(about["points"]), f"{about['replicates']}",
             number(about["runs"]), f"{about['failed']}", f"{about['seed']}",
             f"`{about['digest']}`", f"`{about['command']}`")
        )  # fmt: skip
    head = ("Étude — study", "Points", "Réplicats — replicates", "Simulations — runs",
            "Échecs — failed", "Graine — seed", "Empreinte — digest",
            "Commande — command")  # fmt: skip
    return ledgers.markdown_table(head, rows)


def _indices(folder: Path) -> str:
    """The most important factors of each outcome, and the noise."""
    table = _csv(folder, "indices")
    morris = "mu_star" in table
    index = "mu_star" if morris else "total"
    rows = []
    for outcome, found in table.groupby("outcome", sort=False):
        noise = found[found["factor"] == DUMMY]
        factors = found[found["factor"] != DUMMY]
        for row in [*factors.head(SHOWN).to_dict("records"), *noise.to_dict("records")]:
            name = str(row["factor"])
            words = "**bruit — noise**" if name == DUMMY else (
                f"{factor_label(name, 'fr')} — {factor_label(name, 'en')}"
            )  # fmt: skip
            others = ("mu", "sigma") if morris else ("first",)
            cells = [f"{row[index]:.3g}", f"{row['low']:.3g} – {row['high']:.3g}"]
            cells += [f"{row[key]:.3g}" for key in others]
            rows.append((f"`{outcome}`", words, *cells, "oui — yes" if row["above_noise"] else ""))
    head = ("μ*", "95 %", "μ", "σ") if morris else ("Totale — total", "95 %", "Seule — alone")
    return ledgers.markdown_table(("Résultat — outcome", "Facteur — factor", *head,
                      "Au-dessus du bruit — above noise"), rows)  # fmt: skip


def _luck(folder: Path) -> str:
    rows = []
    indices = _csv(folder, "indices")
    for row in _csv(folder, "luck").to_dict("records"):
        found = indices[(indices["outcome"] == row["outcome"]) & (indices["factor"] != DUMMY)]
        rows.append(
            (f"`{row['outcome']}`", percent(row["share"]), percent(row["left"]),
             f"{found['above_noise'].sum()} / {len(found)}", f"{row['blocks']}",
             f"{row['dropped']}")
        )  # fmt: skip
    head = ("Résultat — outcome", "Chance, une simulation — luck, one run",
            "Chance, moyenne — luck, mean", "Facteurs au-dessus du bruit — factors above noise",
            "Trajectoires ou tirages — trajectories or samples", "Écartés — dropped")  # fmt: skip
    return ledgers.markdown_table(head, rows)


def _box(folder: Path) -> str:
    rows = []
    for row in _csv(folder, "box").to_dict("records"):
        name = str(row["factor"])
        levels = row["levels"] == row["levels"]
        kept = str(row["levels"]).replace(" | ", ", ") if levels else " – ".join(
            f"{row[end]:.3g}" if row[cut] != row[cut] else f"**{row[cut]:.3g}**"
            for cut, end in (("low", "least"), ("high", "most"))
        )  # fmt: skip
        whole = "" if levels else f"{row['least']:.3g} – {row['most']:.3g}"
        rows.append((f"{factor_label(name, 'fr')} — {factor_label(name, 'en')}", kept, whole,
                     f"{row['qp']:.2g}", percent(row["again"], decimals=0)))  # fmt: skip
    head = ("Facteur — factor", "Dans la boîte — in the box", "Étudié — studied", "Quasi-p",
            "Retrouvé sur des moitiés — found again on halves")  # fmt: skip
    return ledgers.markdown_table(head, rows)


def _factors(folder: Path) -> str:
    rows = []
    for row in _csv(folder, "factors").head(SHOWN).to_dict("records"):
        name = str(row["factor"])
        rho = "" if row["rho"] != row["rho"] else f"{row['rho']:+.2f}"
        rows.append((f"{factor_label(name, 'fr')} — {factor_label(name, 'en')}", rho,
                     f"{row['p']:.2g}", "oui — yes" if row["moves"] else ""))  # fmt: skip
    head = ("Facteur — factor", "ρ (Spearman)", "p", "Compte (Holm) — counts (Holm)")
    return ledgers.markdown_table(head, rows)
