"""The hypotheses that ship with the model, and what their runs say of them.

Each is an experiment file that says, before anything is simulated, what is compared, which sign is
expected and which effect is the smallest that matters. What comes out is committed as small tables
(`docs/hypotheses`), from which the verdicts can be computed again by pandas alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cosim.errors import ResultsError, ScenarioError, nearest
from cosim.experiment import contrasts, document
from cosim.experiment.contrasts import CONTRADICTED, SUPPORTED, UNDECIDED

if TYPE_CHECKING:
    import pandas as pd

    from cosim.experiment.document import Experiment

__all__ = [
    "ALL", "RULES", "TERRITORY", "WORDS", "find", "registered", "summary", "tables", "verdicts",
    "whole",
]  # fmt: skip

#: The factors of the strata: kinds of territory, rival rules.
TERRITORY, RULES = "territory", "rules"
DEFAULT = "default"
#: The mean of the kinds of territory, beside them.
ALL = "all"
#: Verdicts in French and in English.
WORDS: Mapping[str, tuple[str, str]] = {
    SUPPORTED: ("soutenue", "supported"),
    CONTRADICTED: ("contredite", "contradicted"),
    UNDECIDED: ("indécise", "undecided"),
}


def registered() -> dict[str, Experiment]:
    """Return the shipped hypotheses by their identifier, in order."""
    made = {}
    for name in document.shipped():
        experiment = document.load(name)
        if experiment.hypothesis is not None:
            made[experiment.hypothesis.id] = experiment
    return made


def find(name: str) -> Path:
    """Return the file of a hypothesis: its identifier (H1), its name, or a path."""
    known = document.shipped()
    by_id = {}
    for stem, path in known.items():
        number = stem.partition("-")[0]
        by_id[f"H{int(number[1:])}" if number[1:].isdecimal() else stem] = path
    for names in (by_id, known):
        if name in names:
            return names[name]
    if name.upper() in by_id:
        return by_id[name.upper()]
    if Path(name).is_file():
        return Path(name)
    raise ScenarioError("no such hypothesis", found=name, expected=", ".join(by_id),
                        nearest=nearest(name, [*by_id, *known]))  # fmt: skip


# -- verdicts -----------------------------------------------------------------------------


def verdicts(experiment: Experiment, runs: pd.DataFrame) -> pd.DataFrame:
    """Return what each contrast of a hypothesis is in each territory under each rule.

    The rows of territory "all" are those of the mean over territories, replicate by replicate.

    Returns
    -------
    DataFrame : hypothesis, contrast, territory, rules, estimate, low, high, effect, in_favour,
    relative, critical, n, verdict (see `contrasts.estimates`), sign, margin, fr, en
    """
    if experiment.hypothesis is None:
        raise ScenarioError("this experiment states no hypothesis", key="hypothesis",
                            found=experiment.title)  # fmt: skip
    import pandas as pd

    found = contrasts.estimates(experiment, runs)
    if TERRITORY in experiment.strata:
        pooled = contrasts.estimates(experiment, runs, over=TERRITORY)
        pooled[TERRITORY] = ALL
        found = pd.concat([found, pooled], ignore_index=True)
    for name, missing in ((TERRITORY, ""), (RULES, DEFAULT)):
        if name not in found.columns:
            found[name] = missing
    found.insert(0, "hypothesis", experiment.hypothesis.id)
    for key in ("sign", "margin", "fr", "en"):
        values = {name: getattr(c, key) for name, c in experiment.contrasts.items()}
        found[key] = found["contrast"].map(values)
    columns = ["hypothesis", "contrast", TERRITORY, RULES, "estimate", "low", "high", "effect",
               "in_favour", "relative", "critical", "n", "verdict", "sign", "margin", "fr",
               "en"]  # fmt: skip
    return found[columns]


def whole(table: pd.DataFrame) -> pd.DataFrame:
    """Return one verdict of each hypothesis in each territory under each rule: all must hold.

    Returns
    -------
    DataFrame : hypothesis, territory, rules, verdict
    """
    return (
        table.groupby(["hypothesis", TERRITORY, RULES], sort=False)["verdict"]
        .agg(lambda group: contrasts.together(list(group)))
        .reset_index()
    )


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per hypothesis and rule: verdict, how many territories say what, and whether
    the verdict changes with a rival rule.

    The verdict is that of the mean over territories; without one, all rows must agree.

    Returns
    -------
    DataFrame : hypothesis, rules, supported, contradicted, undecided (numbers of territories),
    verdict, changes (whether it is another one than under the default rules)
    """
    import pandas as pd

    rows = []
    for (hypothesis, rules), group in whole(table).groupby(["hypothesis", RULES], sort=False):
        places = group[group[TERRITORY] != ALL]
        counts = {one: int((places["verdict"] == one).sum()) for one in contrasts.VERDICTS}
        mean = group[group[TERRITORY] == ALL]
        verdict = contrasts.together(list((group if mean.empty else mean)["verdict"]))
        rows.append({"hypothesis": hypothesis, "rules": rules, **counts, "verdict": verdict})
    made = pd.DataFrame(rows)
    default = made[made["rules"] == DEFAULT].set_index("hypothesis")["verdict"]
    made["changes"] = made["verdict"] != made["hypothesis"].map(default)
    return made


# -- tables ----------------------------------------------------------------------


def tables(experiment: Experiment, runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the small tables that a verdict can be computed from again, by pandas alone.

    Returns
    -------
    runs : territory, rules, arm, replicate, the outcomes
    formulas : hypothesis, contrast, outcome, arm, coefficient, sign, margin, pairs (whether
        replicates 2k and 2k + 1 share their parameters)
    """
    import pandas as pd

    if runs["error"].notna().any():
        first = runs.loc[runs["error"].notna(), "error"].iloc[0]
        raise ResultsError("some runs failed: no verdict is committed", found=first)
    names = [TERRITORY, RULES, "arm"]
    of = {p.number: (p.levels.get(TERRITORY, ""), p.levels.get(RULES, DEFAULT), p.arm)
          for p in experiment.points}  # fmt: skip
    found = [of[number] for number in runs["point"]]
    small = pd.DataFrame(found, columns=names, index=runs.index)
    small = pd.concat([small, runs[["replicate", *experiment.outcomes]]], axis=1)
    hypothesis = experiment.hypothesis.id if experiment.hypothesis else ""
    formulas = pd.DataFrame(
        [{"hypothesis": hypothesis, "contrast": name, "outcome": outcome, "arm": arm,
          "coefficient": coefficient, "sign": experiment.contrasts[name].sign,
          "margin": experiment.contrasts[name].margin, "pairs": experiment.draws}
         for name, terms in experiment.terms.items()
         for (outcome, arm), coefficient in terms.items()]
    )  # fmt: skip
    return small, formulas
