"""Figures of an experiment: contrasts, outcomes of arms, doses, months, sizes of effects.

Every function returns a `matplotlib.figure.Figure`, narrow as those of `cosim.figures`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim.calibration.language import Series
from cosim.drawing import (
    FAINT,
    INK,
    REFERENCE,
    SOFT,
    WIDTH,
    heading,
    label_ends,
    new_axes,
    new_figure,
    number,
    style,
    tr,
    years_axis,
)
from cosim.experiment.contrasts import CONTRADICTED, SUPPORTED, UNDECIDED
from cosim.experiment.reading import several
from cosim.indicators import INDICATORS, group_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cosim.drawing import Floats
    from cosim.effects_text import Lang
    from cosim.experiment.reading import Panel, Reading

__all__ = ["arms", "dose", "fan", "forest", "sizes"]

#: verdict -> (colour, marker, filled): told apart in grey, too.
VERDICT = {
    SUPPORTED: ("#1A6B33", "o", True),
    CONTRADICTED: ("#B3261E", "X", True),
    UNDECIDED: ("#6B5B00", "o", False),
    "": ("#0072B2", "s", True),
}
#: Okabe & Ito's colours, darkened for white paper; the first arm is grey.
_ARMS = (REFERENCE, "#0072B2", "#C25A00", "#117755", "#B0398F", "#6B5B00", "#882255", "#3C78A8")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
#: Runs of a figure that are drawn as dots, too.
_DOTS = 2500
_ROW = 0.235  # inches
#: Marks of small, medium and large standardised effects (Cohen 1988).
COHEN = (0.2, 0.5, 0.8)


def arm_colours(reading: Reading) -> dict[str, tuple[Any, str]]:
    """arm -> (colour, marker): from light to dark where arms are numbers."""
    names = reading.arms
    if reading.doses and len(names) > 2:
        from matplotlib import colormaps
        from matplotlib.colors import to_hex

        blues = colormaps["viridis_r"](np.linspace(0.25, 0.95, len(names)))
        colours: Sequence[Any] = [to_hex(tuple(rgb)) for rgb in blues]
    else:
        colours = [_ARMS[k % len(_ARMS)] for k in range(len(names))]
    return {
        name: (colour, _MARKERS[k % len(_MARKERS)])
        for k, (name, colour) in enumerate(zip(names, colours, strict=True))
    }


def _wrapped(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width)) or text


def _titled(title: str, subtitle: str, rows: float, extra: float = 0.5) -> tuple[Figure, float]:
    """A figure of so many inches below its title, and the inches that the title takes."""
    words = _wrapped(title, 50)
    below = "\n".join(_wrapped(line, 78) for line in subtitle.split("\n"))
    lines = words.count("\n")
    top = 0.44 + 0.2 * lines + 0.155 * (1 + below.count("\n"))
    figure = new_figure(top + rows + extra)
    height = figure.get_figheight()
    heading(figure, words.split("\n")[0], "")
    for k, line in enumerate(words.split("\n")[1:]):
        figure.text(0.02, 1 - (0.28 + 0.2 * k) / height, line, size=12, weight="bold", va="top")
    figure.text(0.02, 1 - (0.33 + 0.2 * lines) / height, below, size=9, color=SOFT, va="top",
                linespacing=1.25)  # fmt: skip
    return figure, top


def _ticks(axes: Axes, unit: str, lang: Lang, along: str = "x", sign: bool = False) -> None:
    """Numbers of an axis, written as the language does."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = axes.xaxis if along == "x" else axes.yaxis
    scale = 100.0 if unit in ("share", "points") else 1.0
    low, high = axes.get_xlim() if along == "x" else axes.get_ylim()
    places = MaxNLocator(6, steps=[1, 2, 5, 10])
    step = scale * float(np.diff(places.tick_values(low, high))[0])
    digits = max(0, -int(np.floor(np.log10(step) + 1e-9)))
    mark = ("%" if lang == "en" else "\u202f%") if unit == "share" else ""
    axis.set_major_locator(places)
    axis.set_major_formatter(
        FuncFormatter(lambda x, _: number(scale * x, digits, lang, sign) + mark)
    )


def _zero(axes: Axes, margin: float, sign: str) -> None:
    """The line of no effect, and what is smaller than the smallest effect that matters."""
    axes.axvline(0, color=REFERENCE, lw=1.2, ls=(0, (4, 2)), zorder=1)
    if margin > 0.0:
        low, high = {"+": (0.0, margin), "-": (-margin, 0.0)}.get(sign, (-margin, margin))
        axes.axvspan(low, high, color="#EEF1F4", zorder=0, lw=0)


# -- 1. contrasts -------------------------------------------------------------------------


def forest(reading: Reading, contrast: str, lang: Lang = "fr") -> Figure:
    """A contrast in each stratum with its 95 % interval, zero and margin; many as a caterpillar."""
    rows = reading.of(contrast)
    unit = reading.contrast_unit(contrast)
    about = reading.experiment.contrasts[contrast]
    word = several([1.0], unit, lang)[1].strip()
    subtitle = tr(lang, "moyenne et intervalle à 95 %", "mean and 95% interval")
    subtitle += f" ({word})" if word else ""
    if about.margin > 0.0:
        subtitle += tr(lang, " ; en gris : trop petit pour compter",
                       "; in grey: too small to matter")  # fmt: skip
    key = _verdict_key(rows, lang)
    with style():
        if reading.sampled:
            return _caterpillar(reading, contrast, rows, subtitle, lang)
        lines = _lines(reading, rows, lang)
        figure, top = _titled(
            reading.contrast(contrast, lang), f"{subtitle}\n{key}" if key else subtitle,
            _ROW * max(lines[-1].y + 1.0, 2.0) + 0.1,
        )  # fmt: skip
        axes = new_axes(figure, _margin(lines), 1.3, top=top, bottom=0.4)
        _zero(axes, about.margin, about.sign)
        every = rows[["estimate", "low", "high"]].to_numpy(np.float64).ravel().tolist()
        ends = [0.0]
        for line in lines:
            if line.row is None:
                continue
            row, y = rows.loc[line.row], line.y
            colour, marker, filled = VERDICT[row["verdict"]]
            if np.isfinite(row["low"]):
                axes.plot((row["low"], row["high"]), (y, y), color=colour, lw=1.8)
                ends += [row["low"], row["high"]]
            axes.plot(row["estimate"], y, marker=marker, ms=7, mec=colour, mew=1.4,
                      mfc=colour if filled else "white", zorder=3)  # fmt: skip
            ends.append(row["estimate"])
            numbers = [row["estimate"], row["low"], row["high"]]
            texts = several(numbers, unit, lang, True, every)[0]
            bounds = f"{texts[1]}\u00a0; {texts[2]}" if lang == "fr" else f"{texts[1]}, {texts[2]}"
            axes.text(1.03, y, f"{texts[0]}  [{bounds}]", size=8, va="center", color=INK,
                      transform=axes.get_yaxis_transform())  # fmt: skip
        room = (max(ends) - min(ends)) or 1.0
        axes.set_xlim(min(ends) - 0.06 * room, max(ends) + 0.06 * room)
        _named(axes, lines)
        _ticks(axes, unit, lang, sign=True)
    return figure


class _Line(NamedTuple):
    """A line of a figure: its place, its words, the row that it shows; None for a heading."""

    y: float
    label: str
    row: Any


def _lines(reading: Reading, rows: pd.DataFrame, lang: Lang) -> list[_Line]:
    """Lines for the rows of estimates: the factor with the longest words as headings."""
    varying = [name for name in reading.experiment.strata if len(reading.levels[name]) > 1]
    words = {name: [reading.level(name, v, lang) for v in reading.levels[name]] for name in varying}
    head = max(varying, key=lambda n: max(map(len, words[n]))) if len(varying) > 1 else ""
    rest = [name for name in varying if name != head]
    found: list[_Line] = []
    y = 0.0
    for level in reading.levels[head] if head else [None]:
        part = rows[rows[head] == level] if head else rows
        if part.empty:
            continue
        if head:
            found.append(_Line(y, reading.level(head, level, lang), None))
            y += 1.0
        for index, row in part.iterrows():
            label = " · ".join(reading.level(name, row[name], lang) for name in rest)
            label = _wrapped(label, 30)
            y += 0.35 * label.count("\n")
            found.append(_Line(y, label, index))
            y += 1.0 + 0.35 * label.count("\n")
        y += 0.25 if head else 0.0
    return found


def _margin(lines: Sequence[_Line]) -> float:
    """Inches that the labels of the rows need."""
    longest = max(len(part) for x in lines if x.row is not None for part in x.label.split("\n"))
    return min(2.05, 0.3 + 0.068 * longest)


def _named(axes: Axes, lines: Sequence[_Line]) -> None:
    """Labels of the rows, headings in bold at the left edge of the figure."""
    rows = [line for line in lines if line.row is not None]
    axes.set_ylim(lines[-1].y + 0.8, -0.8)
    axes.set_yticks([line.y for line in rows], [line.label for line in rows])
    left = axes.get_position().x0 / axes.get_position().width
    for line in lines:
        if line.row is None:
            axes.text(0.02 / axes.get_position().width - left, line.y, line.label, size=9,
                      weight="bold", va="center", transform=axes.get_yaxis_transform(),
                      bbox={"boxstyle": "square,pad=.1", "fc": "white", "ec": "none"})  # fmt: skip
    _rows_style(axes)


def _rows_style(axes: Axes) -> None:
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT, lw=0.6)


def _verdict_key(rows: pd.DataFrame, lang: str) -> str:
    """What the marks mean, of those that are there."""
    words = {
        SUPPORTED: tr(lang, "● soutenue", "● supported"),
        CONTRADICTED: tr(lang, "✖ contredite", "✖ contradicted"),
        UNDECIDED: tr(lang, "○ indécise", "○ undecided"),
    }
    return "   ".join(text for verdict, text in words.items() if verdict in set(rows["verdict"]))


def _caterpillar(
    reading: Reading, contrast: str, rows: pd.DataFrame, subtitle: str, lang: Lang
) -> Figure:
    """Many strata, from the least to the most."""
    about = reading.experiment.contrasts[contrast]
    rows = rows.sort_values("estimate").reset_index(drop=True)
    draws = tr(lang, f"{len(rows)} tirages, du plus petit au plus grand écart",
               f"{len(rows)} draws, from the smallest to the largest difference")  # fmt: skip
    key = _verdict_key(rows, lang)
    below = f"{subtitle}\n{draws}" + (f"   {key}" if key else "")
    figure, top = _titled(reading.contrast(contrast, lang), below, 3.0)
    axes = new_axes(figure, 0.3, 0.2, top=top, bottom=0.4)
    _zero(axes, about.margin, about.sign)
    for verdict, part in rows.groupby("verdict"):
        colour, marker, filled = VERDICT[str(verdict)]
        axes.hlines(part.index, part["low"], part["high"], color=colour, lw=0.8, alpha=0.5,
                    rasterized=len(rows) > 500)  # fmt: skip
        axes.plot(part["estimate"], part.index, ls="", marker=marker, ms=3, mec=colour,
                  mfc=colour if filled else "white", rasterized=len(rows) > 500)  # fmt: skip
    axes.set_yticks([])
    _rows_style(axes)
    _ticks(axes, reading.contrast_unit(contrast), lang, sign=True)
    return figure


# -- 2. outcomes of arms ------------------------------------------------------------------


def arms(reading: Reading, outcome: str, lang: Lang = "fr") -> Figure:
    """An outcome of every run by arm: quartiles and 9-in-10 lines, a dot per run where few."""
    panels, note = reading.panels(lang)
    runs = reading.good
    unit = reading.unit(outcome)
    colours = arm_colours(reading)
    several_arms = len(reading.arms) > 1
    subtitle = tr(lang, "point blanc : médiane ; boîte : 1 simulation sur 2 ; trait : 9 sur 10",
                  "white dot: median; box: 1 simulation in 2; line: 9 in 10")  # fmt: skip
    subtitle += _arms_line(reading, lang)
    subtitle += _formula(reading, outcome) + (f"\n{note}" if note else "")
    rows: list[tuple[float, str, Any, Any]] = []
    y = 0.0
    for panel in panels:
        if panel.label:
            rows.append((y, panel.label, None, None))
            y += 0.9
        inside = runs[runs["point"].isin(panel.points)]
        for name in reading.arms:
            values = inside.loc[inside["arm"] == name, outcome].dropna().to_numpy(np.float64)
            label = reading.arm(name, lang) if several_arms else ""
            rows.append((y, label, values, colours[name]))
            y += 1.0
        y += 0.3
    with style():
        figure, top = _titled(_outcome_title(reading, outcome, lang), subtitle, _ROW * y + 0.15)
        longest = max(len(line) for _, t, _, _ in rows for line in _wrapped(t, 26).split("\n"))
        axes = new_axes(figure, min(2.0, 0.3 + 0.07 * longest), 0.2, top=top, bottom=0.4)
        luck = np.random.default_rng(0)
        dots = len(runs) <= _DOTS
        for y_row, label, values, look in rows:
            if values is None:
                axes.text(0.0, y_row, label, size=9, weight="bold", va="center", ha="left",
                          transform=axes.get_yaxis_transform())  # fmt: skip
            elif len(values):
                _box(axes, values, y_row, look, luck if dots else None)
        marks = [(y_row, _wrapped(t, 26)) for y_row, t, values, _ in rows if values is not None]
        axes.set_yticks([y_row for y_row, _ in marks], [label for _, label in marks])
        axes.set_ylim(y - 0.4, -0.8)
        _rows_style(axes)
        _ticks(axes, unit, lang)
    return figure


def _arms_line(reading: Reading, lang: Lang) -> str:
    """What the arms are, on a line of its own, where they are values of a key."""
    name = reading.experiment.arms
    return f"\n{reading.factor(name, lang)}" if "." in name else ""


def _formula(reading: Reading, outcome: str) -> str:
    """The formula of an outcome whose title does not say it, on a line of its own."""
    plain = isinstance(reading.experiment.measures[outcome], Series)
    return "" if plain else f"\n{outcome} = {reading.experiment.outcomes[outcome]}"


def _outcome_title(reading: Reading, outcome: str, lang: Lang) -> str:
    text = reading.outcome(outcome, lang)
    return text[:1].upper() + text[1:]


def _box(axes: Axes, values: Floats, y: float, look: Any, luck: Any) -> None:
    """Box, whiskers and dots of one arm in one row; dots are spread by a fixed luck."""
    colour, _ = look
    low, first, middle, third, high = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
    if luck is not None:
        axes.scatter(values, y + luck.uniform(-0.3, 0.3, len(values)), s=7, color=colour,
                     alpha=0.3, lw=0, zorder=1, rasterized=len(values) > 200)  # fmt: skip
    axes.plot((low, high), (y, y), color=colour, lw=1.2, zorder=2)
    axes.plot((first, third), (y, y), color=colour, lw=7, solid_capstyle="butt", zorder=2)
    axes.plot(middle, y, "o", ms=4.5, mfc="white", mec=colour, mew=1, zorder=3)


# -- 3. doses -----------------------------------------------------------------------------


def _grid(
    panels: Sequence[Panel], title: str, subtitle: str, right: float, size: float = 1.75
) -> tuple[Figure, list[Axes]]:
    """One axes per panel, two side by side; one that is alone has the width."""
    columns = 1 if len(panels) == 1 else 2
    down = -(-len(panels) // columns)
    tall = 2.5 if columns == 1 else size
    figure, top = _titled(title, subtitle, down * tall, 0.3)
    width, height = figure.get_size_inches()
    each = (WIDTH - 0.5 - right) / columns
    found = []
    for k, panel in enumerate(panels):
        row, column = divmod(k, columns)
        bottom = height - top - (row + 1) * tall + 0.32
        axes = figure.add_axes(
            ((0.58 + column * each) / width, bottom / height, (each - 0.4) / width,
             (tall - 0.55) / height)
        )  # fmt: skip
        axes.tick_params(length=3, labelsize=8)
        axes.grid(axis="y", color=FAINT, lw=0.6)
        if panel.label:
            axes.set_title(panel.label, size=9, weight="bold", loc="left", pad=4)
        found.append(axes)
    return figure, found


def dose(reading: Reading, outcome: str, lang: Lang = "fr") -> Figure:
    """An outcome against the dose, where the arms are numbers: mean, its interval, 9 in 10 runs."""
    assert reading.doses is not None
    panels, note = reading.panels(lang)
    factor = reading.factor(reading.experiment.arms, lang)
    subtitle = tr(lang, f"selon : {factor}\nmoyenne et son intervalle à 95 % ; bande : 9 "
                  "simulations sur 10", f"against: {factor}\nmean and its 95% interval; band: 9 "
                  "simulations in 10")  # fmt: skip
    subtitle += _formula(reading, outcome) + (f"\n{note}" if note else "")
    order = np.argsort(reading.doses)
    x = np.asarray(reading.doses)[order]
    names = [reading.arms[k] for k in order]
    with style():
        figure, grid = _grid(panels, _outcome_title(reading, outcome, lang), subtitle, 0.0)
        for axes, panel in zip(grid, panels, strict=True):
            inside = reading.good[reading.good["point"].isin(panel.points)]
            by = [inside.loc[inside["arm"] == name, outcome].dropna().to_numpy() for name in names]
            there = [k for k, values in enumerate(by) if len(values)]
            if not there:
                continue
            bands = np.array([np.quantile(by[k], (0.05, 0.95)) for k in there]).T
            means = np.array([by[k].mean() for k in there])
            errors = np.array([_half_width(by[k]) for k in there])
            axes.fill_between(x[there], *bands, color="#0072B2", alpha=0.16, lw=0)
            axes.errorbar(x[there], means, yerr=errors, color="#0072B2", marker="o", ms=4,
                          capsize=2.5, lw=1.6)  # fmt: skip
            axes.set_xticks(x, [reading.arm(name, lang) for name in names])
            _ticks(axes, reading.unit(outcome), lang, "y")
    return figure


def _half_width(values: Floats) -> float:
    """Half the 95 % interval of the mean (Student); 0 for one value."""
    from cosim.experiment.contrasts import interval

    mean, low, _, _ = interval(values, np.arange(len(values)), False)
    return mean - low if np.isfinite(low) else 0.0


# -- 4. months ----------------------------------------------------------------------------


def fan(reading: Reading, indicator: str, group: str = "", lang: Lang = "fr") -> Figure:
    """A monthly series by arm: median and 9-in-10 band."""
    import pandas as pd

    panels, note = reading.panels(lang)
    about = INDICATORS[indicator]
    colours = arm_colours(reading)
    series = reading.series
    series = series[(series["indicator"] == indicator) & (series["group"] == group)]
    series = series.merge(reading.good[["run", "point", "arm"]], on="run")
    title = about.label(lang) + (f" – {group_label(group, lang)}" if group else "")
    subtitle = tr(lang, "médiane et bande de 9 simulations sur 10",
                  "median and band of 9 simulations in 10")  # fmt: skip
    subtitle += _arms_line(reading, lang)
    subtitle += f"\n{note}" if note else ""
    alone = len(panels) == 1
    with style():
        figure, grid = _grid(panels, title, subtitle, 0.75 if alone else 0.0)
        for axes, panel in zip(grid, panels, strict=True):
            inside = series[series["point"].isin(panel.points)]
            if inside.empty:
                continue
            labels = []
            for name in reading.arms:
                part = inside[inside["arm"] == name]
                if part.empty:
                    continue
                colour, marker = colours[name]
                levels = (
                    part.groupby("month")["value"].quantile(np.array([0.05, 0.5, 0.95])).unstack()
                )
                months = pd.DatetimeIndex(levels.index)
                years = np.asarray(months.year + (months.month - 0.5) / 12, np.float64)
                low, middle, high = levels.to_numpy(np.float64).T
                axes.fill_between(years, low, high, color=colour, alpha=0.14, lw=0)
                axes.plot(years, middle, color=colour, lw=1.6, marker=marker, ms=3.5,
                          markevery=max(1, len(years) // 6))  # fmt: skip
                labels.append((float(middle[-1]), _wrapped(reading.arm(name, lang), 14), colour))
            years_axis(axes, years)
            if not alone:
                axes.set_xticks(axes.get_xticks()[:: -(-len(axes.get_xticks()) // 4)])
            if axes.get_ylim()[0] < 0.0 <= inside["value"].min():
                axes.set_ylim(bottom=0.0)
            _ticks(axes, about.unit, lang, "y")
            if alone and len(reading.arms) > 1:
                label_ends(axes, labels, size=8.5)
        if not alone and len(reading.arms) > 1:
            _arms_key(figure, reading, colours, lang)
    return figure


def _arms_key(
    figure: Figure, reading: Reading, colours: dict[str, tuple[Any, str]], lang: Lang
) -> None:
    """A row of marks with the names of the arms, at the bottom."""
    from matplotlib.lines import Line2D

    figure.legend(
        handles=[
            Line2D([], [], color=c, marker=m, ms=4, lw=1.6, label=reading.arm(name, lang))
            for name, (c, m) in colours.items()
        ],
        loc="lower center", ncols=min(len(colours), 4), frameon=False, fontsize=8,
        columnspacing=1.2, handletextpad=0.4, borderaxespad=0.1,
    )  # fmt: skip


# -- 5. sizes of effects ------------------------------------------------------------------


def sizes(reading: Reading, lang: Lang = "fr") -> Figure:
    """The standardised effect of every contrast in every stratum, on one scale."""
    names = [name for name in reading.experiment.contrasts if len(reading.of(name))]
    rows = reading.rows.drop_duplicates("_stratum").set_index("_stratum").sort_index()
    values = reading.rows.pivot(index="_stratum", columns="contrast", values="effect")[names]
    subtitle = tr(
        lang, "écart moyen divisé par l'écart-type entre simulations ; pointillés : repères petit, "
        "moyen, grand de Cohen (1988)", "mean difference over its standard deviation between "
        "simulations; dotted: small, medium, large as Cohen (1988)",
    )  # fmt: skip
    key = (
        [f"{k + 1}. {reading.contrast(name, lang)}" for k, name in enumerate(names)]
        if len(names) > 1
        else []
    )
    with style():
        lines = _lines(reading, rows, lang)
        figure, top = _titled(
            tr(lang, "Taille des effets", "Sizes of effects"), "\n".join([subtitle, *key]),
            _ROW * max(1.25 * lines[-1].y + 1.0, 2.0),
        )  # fmt: skip
        axes = new_axes(figure, _margin(lines), 0.25, top=top, bottom=0.4)
        _zero(axes, 0.0, "")
        for mark in COHEN:
            for side in (-mark, mark):
                axes.axvline(side, color=SOFT, lw=0.7, ls=(0, (1, 2)), zorder=0)
        for line in lines:
            if line.row is not None:
                _effects(axes, values.loc[line.row].to_numpy(np.float64), line.y)
        low, high = np.nanmin([0.0, *values.to_numpy().ravel()]), np.nanmax(
            [0.0, *values.to_numpy().ravel()])  # fmt: skip
        room = 0.08 * max(high - low, 1.0)
        axes.set_xlim(low - room, high + room)
        _named(axes, lines)
        _ticks(axes, "", lang, sign=True)
    return figure


def _effects(axes: Axes, values: Floats, y: float) -> None:
    """The effects of one stratum, one mark and number per contrast, a little apart."""
    for k, value in enumerate(values):
        if not np.isfinite(value):
            continue
        place = y + (k - (len(values) - 1) / 2) * 0.5 / max(len(values), 2)
        axes.plot(value, place, marker=_MARKERS[k % len(_MARKERS)], ms=6, mec="white", mew=0.6,
                  color=_ARMS[(k + 1) % len(_ARMS)])  # fmt: skip
        if len(values) > 1:
            axes.annotate(str(k + 1), (float(value), place), (5, 0), size=7, color=SOFT,
                          textcoords="offset points", va="center")  # fmt: skip
