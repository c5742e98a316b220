"""How many replicates keyed random numbers save against ordinary seeds: measured, not promised.

An effect is simulated twice: with the same luck on both sides, and with a seed for each side. The
ratio of the variances of the two differences is the number of replicates that ordinary seeds need
for the precision of one with keyed numbers (common random numbers: Law 2015, *Simulation Modeling
and Analysis*, §11.2; Glasserman & Yao 1992, Management Science 38:884).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cosim
from cosim.errors import CosimError, ResultsError
from cosim.indicators import INDICATORS, column, group_label

if TYPE_CHECKING:
    import pandas as pd

    from cosim.scenario import Scenario
    from cosim.state import Array

__all__ = ["collect", "measured", "page"]

PAGE, FOLDER, TABLE, ABOUT = "whatif.md", "whatif", "luck.csv", "luck.json"
#: Shipped scenarios of the page, each beside its `against`: one lever or one event each.
SCENARIOS = (
    "metiers-equilibres", "metier-dialogue", "metier-experimentation", "metier-accompagnement",
    "metier-lieu", "lieux-publics", "droit-de-l-alliance", "ingenierie-de-l-alliance",
    "prime-a-l-alliance", "competences", "reconnaissance", "sans-crise-2020",
)  # fmt: skip
SHOWN = ("alliances", "births", "engaged/elu", "convinced/elu", "able/elu", "fragility")
#: One year, four years and eleven years after the levers of those scenarios begin.
MONTHS = ("2021-12", "2024-12", "2031-12")
REPLICATES = 300
#: Where no pair differs at all.
_NONE = "aucun écart — none"
#: Root seeds: that of both sides, then one for each side.
SAME, APART = 1, (2, 3)


def measured(
    pairs: Mapping[str, tuple[Scenario, Scenario]],
    replicates: int = REPLICATES,
    months: Sequence[str] = MONTHS,
    shown: Sequence[str] = SHOWN,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Simulate pairs of scenarios with the same luck and with a luck for each side.

    Four ensembles for each pair, with root seeds 1 and 1, 2 and 3, so that the two variances are
    independent and their ratio has the interval of Fisher's F on (n - 1, n - 1) degrees of freedom.
    That interval takes differences for normal; counts and shares are so only nearly.

    Parameters
    ----------
    pairs : name -> (reference, scenario)
    shown : "indicator" or "indicator/group"
    progress : called with the number of replicates done and their total

    Returns
    -------
    DataFrame : scenario, month, indicator, replicates; difference (mean, same luck); keyed, apart
    (standard deviations of the difference with the same luck and with a luck for each side);
    ratio of their squares, low, high (95 %). NaN where the same luck leaves no difference at all.
    """
    import pandas as pd

    if replicates < 3:
        raise ResultsError("too few replicates for a variance", key="replicates",
                           found=replicates, expected="3 or more")  # fmt: skip
    columns = [_column(one) for one in shown]
    wanted = _wanted(pairs)
    made: dict[tuple[Scenario, int], Array] = {}
    for scenario, seed in wanted:
        count = partial(_count, progress, len(made) * replicates, len(wanted) * replicates)
        made[scenario, seed] = _values(scenario, replicates, seed, columns, months, workers, count)
    rows = []
    for name, (reference, scenario) in pairs.items():
        keyed = made[scenario, SAME] - made[reference, SAME]
        apart = made[scenario, APART[1]] - made[reference, APART[0]]
        for k, month in enumerate(months):
            for j, what in enumerate(shown):
                rows.append(
                    (name, month, what, replicates, *_ratio(keyed[:, k, j], apart[:, k, j]))
                )
    return pd.DataFrame(rows, columns=["scenario", "month", "indicator", "replicates",
                                       "difference", "keyed", "apart", "ratio", "low", "high"]
                        )  # fmt: skip


def _wanted(pairs: Mapping[str, tuple[Scenario, Scenario]]) -> list[tuple[Scenario, int]]:
    """Return scenario and root seed of each ensemble, once."""
    sides = (
        (scenario, seed)
        for pair in pairs.values()
        for scenario, other in zip(pair, APART, strict=True)
        for seed in (SAME, other)
    )
    return list(dict.fromkeys(sides))


def simulated(pairs: Mapping[str, tuple[Scenario, Scenario]], replicates: int = REPLICATES) -> int:
    """Return how many replicates `measured` simulates in all."""
    return replicates * len(_wanted(pairs))


def _count(progress: Callable[[int, int], None] | None, offset: int, total: int, done: int) -> None:
    if progress:
        progress(offset + done, total)


def _column(name: str) -> tuple[str, str]:
    indicator, _, group = name.partition("/")
    column(indicator, group)  # an unknown one names the nearest
    return indicator, group


def _values(
    scenario: Scenario, replicates: int, seed: int, columns: Sequence[tuple[str, str]],
    months: Sequence[str], workers: int | None, progress: Callable[[int], None],
) -> Array:  # fmt: skip
    """Return float64[replicates, months, columns] of an ensemble, and forget the rest of it."""
    import numpy as np

    from cosim.results import ensemble

    rows = [scenario.month_index(month) for month in months]
    for row, month in zip(rows, months, strict=True):
        if not 0 <= row < scenario.n_months:
            raise ResultsError("the month is outside the run", key="month", found=month,
                               expected=f"{scenario.time.start} to {scenario.time.end}"
                               )  # fmt: skip
    names = list(dict.fromkeys(name for name, _ in columns))
    whole = ensemble(scenario, replicates, seed, workers, progress, indicators=names)
    return np.stack([whole.array(*pair)[:, rows] for pair in columns], axis=-1)


def _ratio(keyed: Array, apart: Array) -> tuple[float, float, float, float, float, float]:
    """Return mean difference, both standard deviations, their ratio squared and its interval."""
    from scipy.special import fdtri

    same, other = float(keyed.std(ddof=1)), float(apart.std(ddof=1))
    if same == 0.0:
        return float(keyed.mean()), same, other, *(float("nan"),) * 3
    n, ratio = len(keyed), (other / same) ** 2
    quantile = float(fdtri(n - 1, n - 1, 0.975))
    return float(keyed.mean()), same, other, ratio, ratio / quantile, ratio * quantile


def shipped(names: Sequence[str] = SCENARIOS) -> dict[str, tuple[Scenario, Scenario]]:
    """Return shipped scenarios beside what each names as `against`.

    Raises
    ------
    ResultsError : a scenario names no reference, or one of another place or period
    """
    from cosim.effects import check_pair
    from cosim.scenario import load

    pairs = {}
    for name in names:
        scenario = load(name)
        if not scenario.against:
            raise ResultsError("the scenario names no reference to compare it with", where=name,
                               key="against", expected="the name of a shipped scenario"
                               )  # fmt: skip
        reference = load(scenario.against)
        check_pair(reference, scenario)
        pairs[name] = reference, scenario
    return pairs


# -- page ---------------------------------------------------------------------------------


def collect(
    folder: Path,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Measure the scenarios of the page; write the table and what made it into its folder."""
    pairs = shipped()
    table = measured(pairs, workers=workers, progress=progress)
    made = folder / FOLDER
    made.mkdir(parents=True, exist_ok=True)
    table.to_csv(made / TABLE, index=False, float_format="%.6g")
    about = {
        "command": "cosim luck --collect docs",
        "cosim": cosim.__version__,
        "replicates": REPLICATES,
        "root_seeds": {"same": SAME, "reference": APART[0], "scenario": APART[1]},
        "digests": {name: [one.digest for one in pair] for name, pair in pairs.items()},
    }
    (made / ABOUT).write_text(json.dumps(about, indent=2) + "\n", "utf-8")
    return [made / TABLE, made / ABOUT]


def page(folder: Path) -> str:
    """Return `whatif.md` with its table, from the one in the folder of the pages.

    Raises
    ------
    CosimError : a mark of a table, or the table itself, is missing
    """
    import pandas as pd

    from cosim import ledgers

    path = folder / FOLDER / TABLE
    if not path.is_file():
        raise CosimError("the measured table is missing", where=path,
                         expected="`cosim luck --collect docs`")  # fmt: skip
    rows = pd.read_csv(path)
    text = (folder / PAGE).read_text("utf-8")
    return ledgers.filled(
        folder / PAGE, text, {"luck": _markdown(rows), "luck-all": _overall(rows)}
    )


def _markdown(rows: pd.DataFrame) -> str:
    from cosim import ledgers

    last = rows["month"].max()
    cells = []
    for name in rows["scenario"].unique():
        chosen = rows[(rows["scenario"] == name) & (rows["month"] == last)].set_index("indicator")
        cells.append([f"[`{name}`](library.md)", *(_cell(chosen.loc[one]) for one in SHOWN)])
    return ledgers.markdown_table(["Scénario — scenario", *map(_label, SHOWN)], cells)


def _cell(row: pd.Series) -> str:
    if row["ratio"] != row["ratio"]:
        return _NONE
    return f"{_number(row['ratio'])} ({_number(row['low'])} – {_number(row['high'])})"


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}".replace(",", "\u202f")


def _label(name: str) -> str:
    indicator, _, group = name.partition("/")
    some = (f", {group_label(group, lang)}" if group else "" for lang in ("fr", "en"))
    what = INDICATORS[indicator]
    return f"{what.fr}{next(some)} — {what.en}{next(some)}"


def _overall(rows: pd.DataFrame) -> str:
    from cosim import ledgers

    cells = []
    for one in SHOWN:
        row = [_label(one)]
        for month in sorted(rows["month"].unique()):
            ratios = rows[(rows["indicator"] == one) & (rows["month"] == month)]["ratio"]
            if ratios.isna().all():
                row.append(_NONE)
            else:
                row.append(f"{_number(ratios.median())} "
                           f"({_number(ratios.min())} – {_number(ratios.max())})")  # fmt: skip
        cells.append(row)
    return ledgers.markdown_table(
        ["Indicateur — indicator", *sorted(rows["month"].unique())], cells
    )
