"""Figures of sensitivity and of scenario discovery: what counts above noise, and where it happens.

Every function returns a Matplotlib Figure; `cosim.drawing.save` writes it as SVG and PNG.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.drawing import (
    FAINT,
    INK,
    REFERENCE,
    SOFT,
    WHAT_IF,
    WIDTH,
    heading,
    new_axes,
    new_figure,
    number,
    percent_axis,
    style,
    tr,
)
from cosim.errors import ResultsError
from cosim.experiment.discovery import factor_label
from cosim.experiment.sensitivity import DUMMY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cosim.experiment.discovery import Discovery
    from cosim.experiment.sensitivity import Sensitivity
    from cosim.scenario import Lang

__all__ = ["box", "indices", "tradeoff"]

#: Factors of a figure of indices; inches of a row, and left of the axes.
MOST, ROW, LEFT = 15, 0.27, 2.35
#: Characters of a label on one line.
_LETTERS = 38


def indices(found: Sensitivity, lang: Lang = "fr", most: int = MOST) -> Figure:
    """Draw the indices of the most important factors, and the floor of noise.

    Parameters
    ----------
    most : factors shown, the dummy aside
    """
    table = found.ranked
    floor = float(table.loc[table["factor"] == DUMMY, "high"].iloc[0])
    rows = table[table["factor"] != DUMMY].head(most)
    places = np.arange(len(rows))[::-1].astype(np.float64)
    with style():
        figure = new_figure(1.5 + ROW * len(rows))
        axes = new_axes(figure, LEFT, 0.25, top=0.95, bottom=0.5)
        axes.axvspan(0, floor, color=FAINT, lw=0, zorder=0)
        for place, row in zip(places, rows.to_dict("records"), strict=True):
            colour = WHAT_IF if row["above_noise"] else REFERENCE
            axes.plot([max(0.0, row["low"]), row["high"]], [place, place], color=colour, lw=1.6)
            axes.plot(row[found.index], place, _marker(row), color=colour, ms=6,
                      mfc=colour if row["above_noise"] else "white")  # fmt: skip
            if found.kind == "sobol":
                axes.plot(max(0.0, row["first"]), place, "D", color=colour, ms=4.5, mfc="white")
        labels = [_lines(str(name), lang) for name in rows["factor"]]
        axes.set_yticks(places, labels, size=8)
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlim(left=0.0)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.spines["left"].set_visible(False)
        _axis(axes, found, lang)
        heading(figure, _title(found, lang), _subtitle(found, lang))
    return figure


def _title(found: Sensitivity, lang: Lang) -> str:
    name = ", ".join([found.name, *(f"{level}" for level in found.labels.values())])
    return tr(lang, f"Ce qui change : {name}", f"What changes: {name}")


def _marker(row: Mapping[Any, Any]) -> str:
    """Which way an outcome goes with a factor, where elementary effects tell it."""
    return "o" if "mu" not in row else "^" if row["mu"] >= 0.0 else "v"


def _subtitle(found: Sensitivity, lang: Lang) -> str:
    luck = number(100 * found.luck.share, 0, lang)
    counting, n = int(found.table["above_noise"].sum()), len(found.table) - 1
    return tr(
        lang,
        f"bande grise : le bruit de la chance ; plein : au-dessus ({counting} facteurs sur {n})\n"
        f"la chance fait {luck} % de la variance d'une simulation",
        f"grey band: the noise of luck; filled: above it ({counting} factors of {n})\n"
        f"luck makes {luck}% of the variance of one simulation",
    )


def _axis(axes: Axes, found: Sensitivity, lang: Lang) -> None:
    if found.kind == "morris":
        from matplotlib.ticker import FuncFormatter

        digits = max(0, 1 - int(np.floor(np.log10(axes.get_xlim()[1] or 1.0))))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number(x, digits, lang)))
        words = ("effet de tout l'intervalle (μ*) ; ▲ augmente, ▼ diminue",
                 "effect of the whole range (μ*); ▲ raises, ▼ lowers")  # fmt: skip
    else:
        percent_axis(axes, lang, "x")
        words = ("part de la variance : totale (●), seule (◇)",
                 "share of variance: total (●), alone (◇)")  # fmt: skip
    axes.set_xlabel(tr(lang, *words), size=9, loc="right")


def _lines(name: str, lang: Lang) -> str:
    return "\n".join(textwrap.wrap(factor_label(name, lang), _LETTERS)[:2])


# -- discovery ----------------------------------------------------------------------------


def tradeoff(found: Discovery, lang: Lang = "fr") -> Figure:
    """Draw coverage and density along the trajectory of peeling, and the box that was chosen.

    Raises
    ------
    ResultsError : there is no trajectory
    """
    path = found.trajectory
    if path.empty:
        raise ResultsError("there is no box to draw", key=found.name)
    with style():
        figure = new_figure(3.4)
        axes = new_axes(figure, 0.75, 0.3, top=0.8, bottom=0.55)
        axes.plot(path["coverage"], path["density"], color=FAINT, lw=1, zorder=1)
        axes.scatter(path["coverage"], path["density"], s=14 + 14 * path["restricted"],
                     color=WHAT_IF, alpha=0.6, lw=0, zorder=2)  # fmt: skip
        axes.axhline(float(found.cases.mean()), color=REFERENCE, lw=1, ls=":")
        axes.text(0.01, float(found.cases.mean()), tr(lang, "partout", "everywhere"), size=8,
                  color=SOFT, va="bottom", transform=axes.get_yaxis_transform())  # fmt: skip
        if found.box is not None:
            marks = (
                ("D", INK, tr(lang, "boîte retenue", "chosen box"),
                 (found.box.coverage, found.box.density)),
                ("s", "#C25A00", tr(lang, "trouvée sur une moitié, jugée sur l'autre",
                                    "found on one half, judged on the other"), found.elsewhere),
            )  # fmt: skip
            for marker, colour, words, place in marks:
                axes.plot(*place, marker, color=colour, ms=8, mfc="none", mew=1.6, label=words)
            axes.legend(loc="lower left", fontsize=8, frameon=False)
        axes.set_xlim(-0.02, 1.04)
        axes.set_ylim(0, 1.08)
        percent_axis(axes, lang, "x")
        percent_axis(axes, lang, "y")
        axes.set_xlabel(tr(lang, "couverture : part des cas qui sont dans la boîte",
                           "coverage: share of the cases that the box holds"), size=9)  # fmt: skip
        axes.set_ylabel(tr(lang, "densité", "density"), size=9)
        heading(figure, tr(lang, "Ce que coûte une boîte plus pure", "What a purer box costs"),
                tr(lang, "un rond par étape ; plus gros : plus de conditions",
                   "one dot per step; larger: more conditions"))  # fmt: skip
    return figure


def box(found: Discovery, lang: Lang = "fr") -> Figure:
    """Draw the box: for each factor that it restricts, the part of the range that is left.

    Raises
    ------
    ResultsError : there is no box
    """
    table = found.table
    if table.empty:
        raise ResultsError("there is no box to draw", key=found.name)
    with style():
        figure = new_figure(1.25 + 0.45 * len(table), WIDTH)
        axes = new_axes(figure, LEFT, 0.3, top=0.85, bottom=0.25)
        places = np.arange(len(table))[::-1]
        for place, row in zip(places, table.to_dict("records"), strict=True):
            if row["levels"]:
                kept = textwrap.fill(
                    str(row["levels"]).replace(" | ", ", "), _LETTERS, break_on_hyphens=False
                )
                axes.text(0, place, kept, size=8, color=INK, va="center")
                continue
            axes.plot([0, 1], [place, place], color=FAINT, lw=7, solid_capstyle="butt")
            span = row["most"] - row["least"]
            low, high = (
                end if np.isnan(row[key]) else row[key]
                for key, end in (("low", row["least"]), ("high", row["most"]))
            )
            ends = [(low - row["least"]) / span, (high - row["least"]) / span]
            axes.plot(ends, [place, place], color=WHAT_IF, lw=7, solid_capstyle="butt")
            digits = max(0, 2 - int(np.floor(np.log10(span))))
            for x, value, side in ((ends[0], low, "left"), (ends[1], high, "right")):
                axes.text(x, place + 0.2, number(value, digits, lang), size=7.5, color=INK, ha=side,
                          va="bottom")  # fmt: skip
        axes.set_yticks(places, [_lines(str(name), lang) for name in table["factor"]], size=8)
        axes.set_ylim(-0.6, len(table) - 0.3)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks([])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        heading(
            figure,
            tr(lang, "Là où les cas se concentrent", "Where the cases concentrate"),
            tr(
                lang, "en bleu : ce qui reste de l'intervalle", "in blue: what is left of the range"
            ),
        )
    return figure
