"""The study of `docs/hypotheses.md`: from stores to small tables, verdicts and a page.

`collect` keeps what a verdict can be computed from again and what the package ships; `page` writes
its tables from those alone, so that no figure of the page is typed by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cosim
from cosim import ledgers
from cosim.effects_text import Lang, number, percent
from cosim.errors import ResultsError
from cosim.experiment import document, hypotheses
from cosim.experiment.hypotheses import ALL, DEFAULT, RULES, TERRITORY, WORDS

if TYPE_CHECKING:
    import pandas as pd

#: Tables in the folder of the pages.
TABLES = "hypotheses"
PAGE = "hypotheses.md"
#: Digits of a number in a committed table: what is read again is what verdicts are made of.
DIGITS = "%.10g"
#: Languages of the page, by their place.
TONGUES: tuple[Lang, Lang] = ("fr", "en")
#: A verdict in a cell, for those who see no colour.
SIGNS = {"supported": "●", "contradicted": "✕", "undecided": "○"}


def package() -> Path:
    """Return the folder of what ships: `verdicts.csv`, `about.json`."""
    return Path(cosim.__file__).parent / "data" / "hypotheses"


def collect(made: Path, folder: Path, shipped: Path) -> list[Path]:
    """Write the tables and the verdicts of the hypotheses that a folder holds stores of.

    Parameters
    ----------
    made : folder of stores, one per hypothesis, as `cosim hypothesis run all` leaves it
    folder : of the pages
    shipped : folder of the package

    Raises
    ------
    ResultsError : a hypothesis was not run, or not whole
    """
    import pandas as pd

    from cosim.experiment.store import Store

    target = folder / TABLES
    target.mkdir(parents=True, exist_ok=True)
    shipped.mkdir(parents=True, exist_ok=True)
    written, about, formulas, found = [], [], [], []
    for name in document.shipped():
        experiment = document.load(name)
        if experiment.hypothesis is None:
            continue
        store = Store(made / name)
        counts = store.counts()
        if counts.missing or store.experiment.digest != experiment.digest:
            raise ResultsError(
                "not run as the file says", where=made / name,
                expected=f"cosim hypothesis run {experiment.hypothesis.id}",
            )  # fmt: skip
        stored = store.runs()
        runs, terms = hypotheses.tables(experiment, stored)
        path = target / f"runs-{experiment.hypothesis.id}.csv.gz"
        runs.to_csv(path, index=False, float_format=DIGITS,
                    compression={"method": "gzip", "mtime": 0})  # fmt: skip
        written.append(path)
        formulas.append(terms)
        found.append(hypotheses.verdicts(experiment, _read_back(experiment, stored)))
        about.append(
            {"hypothesis": experiment.hypothesis.id, "file": name, "digest": experiment.digest,
             "points": len(experiment.points), "runs": len(runs), "seed": experiment.seed,
             "command": f"cosim hypothesis run {experiment.hypothesis.id} --out OUT"}
        )  # fmt: skip
    for path, table in (
        (target / "formulas.csv", pd.concat(formulas)),
        (shipped / "verdicts.csv", pd.concat(found)),
    ):
        table.to_csv(path, index=False, float_format=DIGITS)
        written.append(path)
    path = shipped / "about.json"
    path.write_text(
        json.dumps({"cosim": cosim.__version__, "hypotheses": about}, indent=1) + "\n", "utf-8"
    )
    return [*written, path]


def _read_back(experiment: document.Experiment, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with the digits that a committed table keeps."""
    rounded = runs.copy()
    for name in experiment.outcomes:
        rounded[name] = [float(DIGITS % value) for value in runs[name]]
    return rounded


def verdicts(folder: Path | None = None) -> pd.DataFrame:
    """Return the verdicts that ship, or those of a folder of the same form.

    Raises
    ------
    ResultsError : there are none
    """
    import pandas as pd

    path = (folder or package()) / "verdicts.csv"
    if not path.is_file():
        raise ResultsError("no verdicts", where=path, expected="cosim docs --hypotheses DIR")
    words = ("sign", "verdict", "fr", "en", TERRITORY, RULES)
    return pd.read_csv(path, keep_default_na=False, na_values={"effect": [""], "relative": [""]},
                       dtype=dict.fromkeys(words, str))  # fmt: skip


def about(folder: Path | None = None) -> Mapping[str, Any]:
    """Return what the verdicts that ship were made of: version, digests, numbers of runs."""
    made: Mapping[str, Any] = json.loads(((folder or package()) / "about.json").read_text("utf-8"))
    return made


# -- the page -----------------------------------------------------------------------------


def page(folder: Path) -> str:
    """Return `hypotheses.md` with its tables, from the verdicts that ship."""
    found = verdicts()
    made = {
        f"{name}-{lang}": make(found, k)
        for name, make in _PAGE.items() for k, lang in enumerate(TONGUES)
    }  # fmt: skip
    return ledgers.filled(folder / PAGE, (folder / PAGE).read_text("utf-8"), made)


def _statement(experiment: document.Experiment, lang: int) -> str:
    said = experiment.hypothesis
    assert said is not None
    return (said.fr, said.en)[lang]


def _overview(found: pd.DataFrame, lang: int) -> str:
    """One row per hypothesis: statement, verdict over territories, whether a rule changes it."""
    summary = hypotheses.summary(found)
    heads = (
        ("", "Hypothèse", "Verdict", "Territoires ● ○ ✕", "Change avec une règle rivale"),
        ("", "Hypothesis", "Verdict", "Territories ● ○ ✕", "Changes with a rival rule"),
    )[lang]
    rows = []
    for name, experiment in hypotheses.registered().items():
        mine = summary[summary["hypothesis"] == name].set_index("rules")
        default = mine.loc[DEFAULT]
        verdict = str(default["verdict"])
        colon = (" : ", ": ")[lang]
        changed = ", ".join(
            f"{rule}{colon}{WORDS[str(one)][lang]}"
            for rule, one in mine.loc[mine["changes"], "verdict"].items()
        )
        if len(mine) == 1:
            changed = ("non essayé", "not tried")[lang]
        counts = " ".join(str(default[k]) for k in ("supported", "undecided", "contradicted"))
        rows.append(
            (name, _statement(experiment, lang),
             f"{SIGNS[verdict]} {WORDS[verdict][lang]}", counts,
             changed or ("non", "no")[lang])
        )  # fmt: skip
    return ledgers.markdown_table(heads, rows)


def _contrasts(found: pd.DataFrame, lang: int) -> str:
    """One row per contrast: the mean over territories under default rules."""
    heads = (
        (
            "",
            "Contraste",
            "Attendu",
            "Moyenne des six",
            "95 %",
            "Rapporté à la référence",
            "Effet standardisé",
            "En faveur",
            "Verdict",
            "Territoires ● ○ ✕",
        ),
        (
            "",
            "Contrast",
            "Expected",
            "Mean of the six",
            "95 %",
            "Relative to reference",
            "Standardised effect",
            "In favour",
            "Verdict",
            "Territories ● ○ ✕",
        ),
    )[lang]
    default = found[found[RULES] == DEFAULT]
    tongue = TONGUES[lang]
    rows = []
    for _, group in default.groupby(["hypothesis", "contrast"], sort=False):
        mean = group[group[TERRITORY] == ALL].iloc[0]
        places = group[group[TERRITORY] != ALL]
        sign, verdict = str(mean["sign"]), str(mean["verdict"])
        rows.append(
            (str(mean["hypothesis"]), str(mean[tongue]),
             _expected(sign, float(mean["margin"]), lang),
             number(float(mean["estimate"]), 2, tongue),
             " … ".join(number(float(mean[key]), 2, tongue) for key in ("low", "high")),
             percent(float(mean["relative"]), tongue), number(float(mean["effect"]), 2, tongue),
             percent(float(mean["in_favour"]), tongue, 0),
             f"{SIGNS[verdict]} {WORDS[verdict][lang]}" if sign else "–",
             " ".join(str((places["verdict"] == one).sum())
                      for one in ("supported", "undecided", "contradicted")) if sign else "–")
        )  # fmt: skip
    return ledgers.markdown_table(heads, rows)


def _expected(sign: str, margin: float, lang: int) -> str:
    if not sign:
        return ("–", "–")[lang]
    tongue = TONGUES[lang]
    more = number(margin, 2, tongue)
    return {
        "+": f"> 0, ≥ {more}" if margin else "> 0",
        "-": f"< 0, ≤ −{more}" if margin else "< 0",
        "0": f"± {more}",
        "<=": f"≤ {more}",
    }[sign]


def _matrix(found: pd.DataFrame, lang: int) -> str:
    """Hypotheses and rules × territories: the verdict of each."""
    whole = hypotheses.whole(found)
    wide = whole.pivot(index=["hypothesis", RULES], columns=TERRITORY, values="verdict")
    order = list(dict.fromkeys(zip(whole["hypothesis"], whole[RULES], strict=True)))
    places = list(dict.fromkeys(whole[TERRITORY]))
    names = {ALL: ("**moyenne**", "**mean**")[lang]}
    heads = ("", ("Règles", "Rules")[lang],
             *(names.get(place, place.removeprefix("cas-")) for place in places))  # fmt: skip
    rows = [
        (name, rule, *(SIGNS[wide.loc[(name, rule), place]] for place in places))
        for name, rule in order
    ]
    return ledgers.markdown_table(heads, rows)


_PAGE: Mapping[str, Callable[[pd.DataFrame, int], str]] = {
    "overview": _overview,
    "contrasts": _contrasts,
    "matrix": _matrix,
}
