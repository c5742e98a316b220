"""Figures of the documents' concepts: each notion of the mission drawn once, French first.

Same look and same building blocks as `figures.py`; what they draw comes from an ensemble's series
or, put together, from `composites.py`. `FIGURES` lists every figure with the concept it shows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, cycle
from textwrap import fill
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim import figures
from cosim.composites import FORCES, LADDERS, barycentre, ladders, last_year, seven_forces
from cosim.drawing import (
    FAINT,
    INK,
    KINDS,
    REFERENCE,
    SOFT,
    TYPE_COLOURS,
    WHAT_IF,
    WIDTH,
    add_halo,
    amount,
    bands_words,
    contrast,
    darker,
    draw_bands,
    heading,
    label_ends,
    mark_events,
    new_axes,
    new_figure,
    number,
    percent_axis,
    plain_ticks,
    style,
    tr,
    with_reference,
    years_axis,
    years_of,
)
from cosim.figures import commune_rows, members_of_living, shares
from cosim.indicators import INDICATORS, WORLDS, group_label
from cosim.state import RUNGS, TYPES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cosim.drawing import Floats
    from cosim.effects import Effect
    from cosim.results import Ensemble, Results

__all__ = [
    "FIGURES",
    "Concept",
    "articulation",
    "ladder_shares",
    "measured_vs_true",
    "radar",
    "reach_by_public",
    "spending_by_lever",
    "spheres",
    "ternary",
    "three_engineerings",
    "two_outcomes",
    "type_by_rung",
]

_DASHES = (0, (4, 2))
#: Words of the documents, short enough for a drawing: (French, English).
_FORCE_WORDS: Mapping[str, tuple[str, str]] = {
    "conscience": ("Conscience\nde la nécessité", "Awareness\nof the need"),
    "vision": ("Vision\npartagée", "Shared\nvision"),
    "actions": ("Actions\ninnovantes", "Innovative\nactions"),
    "mobilisation": ("Mobilisation\ndes énergies", "Mobilised\nenergies"),
    "dispositifs": ("Dispositifs\nde déploiement", "Means of\ndeployment"),
    "modeles": ("Modèles socio-\néconomiques", "Socio-economic\nmodels"),
    "co-construction": ("Dynamique de\nco-construction", "Momentum of\nco-construction"),
}
#: Paul Tol's muted scheme, in the order of the levers.
_LEVER_COLOURS = ("#332288", "#88CCEE", "#117733", "#44AA99", "#DDCC77", "#999933", "#CC6677",
                  "#882255", "#AA4499", "#BBBBBB")  # fmt: skip
_APPROACHES = {"interet-general": TYPES[:2], "economique": TYPES[2:]}
_WORLD_WORDS: Mapping[str, tuple[str, str]] = {
    "elu": ("élus", "élus"),
    "association": ("assoc.", "assoc."),
    "company": ("entreprises", "companies"),
    "academic": ("académ.", "academics"),
}


# -- building blocks ----------------------------------------------------------------------


def _share(x: float, lang: str) -> str:
    """A share as a whole percentage."""
    return f"{number(100 * x, 0, lang)}%" if lang == "en" else f"{number(100 * x, 0)}\u202f%"


def _sentence(group: str, lang: str) -> str:
    """A group's label with a capital."""
    label = group_label(group, lang)
    return label[:1].upper() + label[1:]


def _lines(
    axes: Axes, data: Effect | Ensemble, indicator: str, group: str, colour: str, before: str = ""
) -> float:
    """Draw one series with its bands and return its last median.

    The reference's median is dashed, in the colour `before` (default: the same).
    """
    scenario, reference = with_reference(data)
    years = years_of(scenario)
    if reference is not None:
        middle = np.median(reference.array(indicator, group), axis=0)
        axes.plot(years, middle, color=before or colour, lw=1.3, ls=_DASHES, alpha=0.8)
    return draw_bands(axes, years, scenario.fan(indicator, group), colour)


def _bands_text(data: Effect | Ensemble, lang: str) -> str:
    """What lines and bands are; of the reference too when there is one."""
    scenario, reference = with_reference(data)
    dashes = tr(lang, " ; tirets : référence", "; dashes: reference")
    return _medians_and_bands(scenario, lang) + (dashes if reference is not None else "")


def _medians_and_bands(ensemble: Ensemble, lang: str) -> str:
    if ensemble.scenario.draws:
        return tr(lang, "médianes ; ", "medians; ") + bands_words(ensemble, lang)
    return tr(lang, "médianes ; bandes : 1 simulation sur 2, 9 sur 10",
              "medians; bands: 1 simulation in 2, 9 in 10")  # fmt: skip


def _panels(figure: Figure, n: int, top: float, right: float, gap: float = 0.36) -> list[Axes]:
    """`n` axes below one another, the highest first; the years are written below the last."""
    bottom, height = 0.32, figure.get_figheight()
    each = (height - top - bottom - (n - 1) * gap) / n
    panels = [
        new_axes(figure, 0.62, right, top + k * (each + gap), bottom + (n - 1 - k) * (each + gap))
        for k in range(n)
    ]
    for axes in panels[:-1]:
        axes.tick_params(labelbottom=False)
    return panels


def _panel_title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", size=9.5, weight="bold", color=INK, pad=4)


def _key(figure: Figure, entries: Sequence[tuple[str, str, Any]]) -> None:
    """Lines with their names at the bottom, one below another: (text, colour, dashes)."""
    from matplotlib.lines import Line2D

    figure.legend(
        handles=[Line2D([], [], color=c, ls=d, lw=2, label=text) for text, c, d in entries],
        loc="lower center", ncols=1, frameon=False, fontsize=9, borderaxespad=0.2,
    )  # fmt: skip


def _grid(
    axes: Axes, values: Floats, texts: Sequence[Sequence[tuple[str, str]]],
    rows: Sequence[str], columns: Sequence[str], top: float,
) -> None:  # fmt: skip
    """A table whose cells have a large and a small text; the darker, the nearer to `top`."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    colours = LinearSegmentedColormap.from_list("blues", ("#F2F6FA", "#9CC3E0", "#2B6C9F"))
    axes.pcolormesh(values, cmap=colours, vmin=0, vmax=top, edgecolors="white", lw=1.5)
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if contrast(to_hex(colours(value / top))) >= 4.5 else INK
        large, small = texts[row][column]
        axes.text(column + 0.5, row + (0.4 if small else 0.5), large, size=10.5, color=ink,
                  ha="center", va="center")  # fmt: skip
        axes.text(column + 0.5, row + 0.75, small, size=7.5, color=ink, ha="center",
                  va="center")  # fmt: skip
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns)
    axes.tick_params(length=0, labelcolor=INK, labelsize=8.5, labeltop=True, labelbottom=False)
    axes.spines[["left", "bottom"]].set_visible(False)


# -- forces and levers --------------------------------------------------------------------


def radar(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """The seven forces of change in the last year, and their geometric mean in the key."""
    scenario, reference = with_reference(data)
    drawn = [(last_year(seven_forces(scenario, reference)), WHAT_IF, "-", "scénario", "scenario")]
    if reference is not None:
        table = last_year(seven_forces(reference))
        drawn.append((table, REFERENCE, _DASHES, "référence", "reference"))  # type: ignore[arg-type]
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(FORCES)) / len(FORCES)
    most = max(1.1, *(float(table[list(FORCES)].median().max()) for table, *_ in drawn))
    with style():
        figure = new_figure(4.9)
        heading(figure, tr(lang, "Les sept forces du changement", "The seven forces of change"), tr(
            lang,
            "dernière année, médianes ; 1 : le 90e centile ",
            "last year, medians; 1: the 90th percentile ",
        ) + (tr(lang, "de tous les mois", "of all months") if reference is None
             else tr(lang, "de la référence", "of the reference")))  # fmt: skip
        width, height, side = WIDTH, figure.get_figheight(), 2.5
        axes: Any = figure.add_axes(
            ((width - side) / 2 / width, 1.32 / height, side / width, side / height), polar=True
        )
        axes.set_ylim(0, most)
        rings = [ring for ring in (0.5, 1.0, 2.0, 4.0, 8.0) if ring <= most][-3:]
        axes.set_yticks(rings, [number(r, 0 if r >= 1 else 1, lang) for r in rings], size=8)
        for label in axes.get_yticklabels():
            add_halo(label)
        axes.set_rlabel_position(float(np.degrees((angles[0] + angles[1]) / 2)))
        axes.set_xticks(angles % (2 * np.pi), [""] * len(FORCES))
        axes.grid(color=FAINT, lw=0.7)
        axes.spines["polar"].set_visible(False)
        entries = []
        for table, colour, dashes, fr, en in drawn:
            middle = table[list(FORCES)].median().to_numpy()
            low, mean, high = (
                number(x, 2, lang) for x in table["index"].quantile([0.05, 0.5, 0.95])
            )
            round_ = [*range(len(FORCES)), 0]
            axes.plot(angles[round_], middle[round_], color=colour, lw=2, ls=dashes)
            if colour == WHAT_IF:
                axes.fill(angles, middle, color=colour, alpha=0.12, lw=0)
            entries.append((
                tr(lang, f"{fr} : indice {mean} (9 sur 10 : {low} à {high})",
                   f"{en}: index {mean} (9 in 10: {low} to {high})"), colour, dashes,
            ))  # fmt: skip
        for k, (force, angle) in enumerate(zip(FORCES, angles, strict=True)):
            values = [number(float(table[force].median()), 2, lang) for table, *_ in drawn]
            known = f" ({tr(lang, 'réf.', 'ref.')} {values[1]})" if len(values) > 1 else ""
            side_ = "center" if k == 0 else "left" if np.cos(angle) > 0 else "right"
            vertical = "bottom" if k == 0 else "center" if np.sin(angle) > -0.8 else "top"
            axes.text(
                angle, most * 1.08, f"{_FORCE_WORDS[force][lang == 'en']}\n{values[0]}{known}",
                size=8.5, ha=side_, va=vertical, linespacing=1.15,
            )  # fmt: skip
        figure.text(0.5, 0.08 / height + 0.22 * len(drawn) / height, tr(
            lang, "indice : moyenne géométrique, une force absente ne se compense pas",
            "index: geometric mean, a missing force is not made up for",
        ), size=8.5, color=SOFT, ha="center")  # fmt: skip
        _key(figure, entries)
    return figure


def ternary(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """The path of the barycentre vision / gestion / action, and beside it the total it hides.

    A second frame shows the path from nearer.
    """
    scenario, reference = with_reference(data)
    path = barycentre(scenario)
    walks = [(path, WHAT_IF, "-")]
    if reference is not None:
        walks.insert(0, (barycentre(reference), REFERENCE, _DASHES))  # type: ignore[arg-type]
    years = years_of(scenario)
    with style():
        figure = new_figure(4.2)
        dashes = tr(lang, " ; tirets : référence", "; dashes: reference")
        heading(figure, tr(lang, "Le barycentre des trois leviers",
                         "The barycentre of the three levers"), tr(
            lang,
            "vision : convaincus ; gestion : capables ; action : engagés ;\n"
            "un point par an, médianes",
            "vision: convinced; gestion: able; action: engaged;\none dot a year, medians",
        ) + (dashes if reference is not None else ""))  # fmt: skip
        whole = new_axes(figure, 0.2, 1.85, top=1.0, bottom=0.35)
        beside = new_axes(figure, 3.85, 0.2, top=1.2, bottom=1.95)
        nearer = new_axes(figure, 3.55, 0.2, top=2.8, bottom=0.2)
        _triangle(whole, lang)
        for walk, colour, line in walks:
            for axes in (whole, nearer):
                _walk(axes, walk, colour, line)
            beside.plot(years, walk["total"], color=colour, lw=1.6, ls=line)
        _name_ends(whole, path)
        _frame(whole, nearer, np.concatenate([_flat(walk) for walk, *_ in walks]))
        beside.set_title(tr(lang, "total des trois", "total of the three"), size=8.5, color=INK)
        nearer.set_title(tr(lang, "de plus près", "from nearer"), size=8.5, color=INK, pad=3)
        ticks = sorted({int(np.floor(years[0])), int(np.floor(years[-1]))})
        beside.set_xticks(ticks, [str(year) for year in ticks])
        beside.set_ylim(0, 1.05 * max(1.0, *(float(walk["total"].max()) for walk, *_ in walks)))
        percent_axis(beside, lang)
        beside.tick_params(labelsize=8)
        beside.grid(axis="y", color=FAINT, lw=0.6)
    return figure


_CORNERS = np.array([[0.5, np.sqrt(3) / 2], [0.0, 0.0], [1.0, 0.0]])  # vision, gestion, action


def _flat(table: pd.DataFrame) -> Floats:
    """Where shares of vision, gestion and action lie in the triangle, float64[rows, 2]."""
    return table[["vision", "gestion", "action"]].to_numpy(np.float64) @ _CORNERS


def _triangle(axes: Axes, lang: str) -> None:
    axes.set_axis_off()
    axes.set_aspect("equal")
    for share in (0.25, 0.5, 0.75):
        for k in range(3):
            a, b = (
                share * _CORNERS[k] + (1 - share) * _CORNERS[other]
                for other in range(3)
                if other != k
            )
            axes.plot(*zip(a, b, strict=True), color=FAINT, lw=0.7, zorder=0)
    axes.fill(*_CORNERS.T, fill=False, edgecolor=SOFT, lw=1, zorder=1)
    for (x, y), name, above in zip(_CORNERS, ("Vision", "Gestion", "Action"), (1, -1, -1),
                                   strict=True):  # fmt: skip
        axes.annotate(name, (x, y), (0, 6 * above), textcoords="offset points", size=10,
                      weight="bold", ha="center", va="bottom" if above > 0 else "top",
                      annotation_clip=False)  # fmt: skip


def _walk(axes: Axes, path: pd.DataFrame, colour: str, dashes: Any) -> None:
    """Draw a path with its yearly dots."""
    xy, yearly = _flat(path), path["yearly"].to_numpy(bool)
    axes.plot(xy[:, 0], xy[:, 1], color=colour, lw=1.4, ls=dashes, zorder=3)
    axes.scatter(xy[yearly, 0], xy[yearly, 1], s=10, color=colour, zorder=4)


def _frame(whole: Axes, nearer: Axes, xy: Floats) -> None:
    """Show in `nearer` the part of `whole` where the points are, and frame it in both."""
    from matplotlib.patches import Rectangle

    middle = (xy.min(axis=0) + xy.max(axis=0)) / 2
    box = nearer.get_position()
    ratio = WIDTH * box.width / (nearer.figure.get_figheight() * box.height)  # type: ignore[union-attr]
    high = 1.2 * max(float(np.ptp(xy[:, 1])), float(np.ptp(xy[:, 0])) / ratio, 0.05)
    low = middle - (ratio * high / 2, high / 2)
    nearer.set_xlim(low[0], low[0] + ratio * high)
    nearer.set_ylim(low[1], low[1] + high)
    nearer.set_xticks([])
    nearer.set_yticks([])
    nearer.spines[["top", "right"]].set_visible(True)
    nearer.spines[:].set_color(FAINT)
    whole.add_patch(
        Rectangle((low[0], low[1]), ratio * high, high, fill=False, ec=SOFT, lw=0.6, zorder=2)
    )


def _name_ends(axes: Axes, path: pd.DataFrame) -> None:
    """Write the first and the last year on either side of the path, so that they never meet."""
    xy = _flat(path)
    way = xy[-1] - xy[0]
    length = float(np.hypot(way[0], way[1]))
    x, y = way / length if length > 0 else (1.0, 0.0)
    for row, sign in ((0, -1), (-1, 1)):
        axes.scatter(
            xy[row, 0], xy[row, 1], s=34, facecolor="white" if sign < 0 else WHAT_IF,
            edgecolor=WHAT_IF, lw=1.5, zorder=5,
        )  # fmt: skip
        add_halo(axes.annotate(
            str(path["month"].iloc[row].year), (xy[row, 0], xy[row, 1]),
            (sign * 24 * x, sign * 16 * y), textcoords="offset points", size=9, weight="bold",
            color=WHAT_IF, ha="center", va="center", zorder=6,
        ))  # fmt: skip


# -- families and forms -------------------------------------------------------------------


def ladder_shares(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """Where each family stands on its own ladder over time, the four rungs in its own words."""
    scenario, reference = with_reference(data)
    years, table = years_of(scenario), ladders(scenario)
    before = ladders(reference) if reference is not None else None
    with style():
        figure = new_figure(7.0)
        dashes = tr(
            lang, " ; tirets : limites dans la référence", "; dashes: limits in the reference"
        )
        heading(figure, tr(lang, "Quatre échelles de maturité", "Four ladders of maturity"), tr(
            lang, "part des acteurs sur chaque échelon", "share of actors on each rung"
        ) + (dashes if reference is not None else ""))  # fmt: skip
        for axes, kind in zip(_panels(figure, 4, 0.9, 2.35), WORLDS, strict=True):
            parts = _rungs(table, kind)
            colours = [_tint(KINDS[kind][0], depth) for depth in (0.14, 0.40, 0.70, 1.0)]
            axes.stackplot(years, parts, colors=colours, edgecolor="white", linewidth=0.6)
            if before is not None:
                limits = np.cumsum(_rungs(before, kind), axis=0)[:3]
                axes.plot(years, limits.T, color=INK, lw=0.9, ls=_DASHES)
            axes.set_ylim(0, 1)
            axes.set_yticks([0, 0.5, 1])
            percent_axis(axes, lang)
            years_axis(axes, years)
            _panel_title(axes, LADDERS[kind].name(lang))
            for k, rung in enumerate(LADDERS[kind].rungs(lang)):
                place = 0.125 + 0.25 * k
                axes.plot(1.035, place, marker="s", ms=8, color=colours[k], mec=SOFT, mew=0.5,
                          transform=axes.transAxes, clip_on=False)  # fmt: skip
                axes.text(1.075, place, f"{rung} {_share(parts[k, -1], lang)}", size=8,
                          va="center", transform=axes.transAxes)  # fmt: skip
    return figure


def _rungs(table: pd.DataFrame, kind: str) -> Floats:
    """Shares of a family, float64[rungs, months]."""
    one = table[table["kind"] == kind].pivot(index="rung", columns="month", values="share")
    return one.to_numpy(np.float64)


def _tint(colour: str, depth: float) -> tuple[float, float, float]:
    """A colour mixed with white."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - depth * (1 - part) for part in to_rgb(colour))
    return red, green, blue


def type_by_rung(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """The four types of alliance in their two approaches, exchange and alliance, at the end."""
    scenario, reference = with_reference(data)
    drawn = [(scenario, WHAT_IF, -0.19)]
    if reference is not None:
        drawn = [(scenario, WHAT_IF, -0.19), (reference, REFERENCE, 0.19)]
    thick = 0.34 if reference is not None else 0.6
    cells = [f"{kind}/{rung}" for kind in TYPES for rung in RUNGS]
    with style():
        figure = new_figure(4.3)
        grey = tr(lang, "\nbleu : scénario ; gris : référence", "\nblue: scenario; grey: reference")
        heading(figure, tr(lang, "Quatre types, deux approches, deux contrats",
                         "Four types, two approaches, two contracts"), tr(
            lang, "alliances actives à la fin : nombre moyen et part du total",
            "living alliances at the end: mean number and share of all",
        ) + (grey if reference is not None else ""))  # fmt: skip
        across = (WIDTH - 1.42 - 0.15) / 2
        columns = [
            new_axes(figure, 1.42 + k * across, 0.15 + (1 - k) * across, top=1.1, bottom=0.12)
            for k in range(2)
        ]
        count = {
            id(one): {cell: float(one.array("alliances", cell)[:, -1].mean()) for cell in cells}
            for one, *_ in drawn
        }
        most = max(max(per.values()) for per in count.values()) or 1.0
        y, ticks, names = 0.0, [], []
        for group, kinds in _APPROACHES.items():
            columns[0].annotate(
                _sentence(group, lang), (0, y), (-1.31 * 72, 0),
                xycoords=("axes fraction", "data"), textcoords="offset points", size=9,
                weight="bold", va="center", annotation_clip=False,
            )  # fmt: skip
            totals = [_counted(one, group, lang) for one, *_ in drawn]
            columns[1].annotate(
                f", {tr(lang, 'réf.', 'ref.')} ".join(totals),
                (0, y), (-0.75 * 72, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", size=9, va="center", annotation_clip=False,
            )  # fmt: skip
            for kind in kinds:
                y += 1
                ticks.append(y)
                names.append(group_label(kind, lang).replace(" ", "\n", 1))
                for axes, rung in zip(columns, RUNGS, strict=True):
                    for one, colour, shift in drawn:
                        cell, place = f"{kind}/{rung}", y + (shift if reference is not None else 0)
                        value = count[id(one)][cell]
                        axes.barh(place, value, thick, color=colour)
                        part = _share(shares(one, cells)[cell], lang)
                        axes.annotate(
                            f"{number(value, 0, lang)} ({part})", (value, place), (3, 0),
                            textcoords="offset points", size=8, color=colour, va="center",
                        )  # fmt: skip
            y += 1.15
        for k, (axes, rung) in enumerate(zip(columns, RUNGS, strict=True)):
            axes.set_title(group_label(rung, lang), size=9.5, color=INK, loc="left")
            axes.set_xlim(0, 2.0 * most)
            axes.set_ylim(y - 0.55, -0.5)
            axes.set_xticks([])
            axes.set_yticks(ticks, names if k == 0 else [""] * len(ticks))
            axes.tick_params(axis="y", length=0, labelcolor=INK)
            axes.spines[["bottom", "left"]].set_visible(False)
    return figure


def _counted(ensemble: Ensemble, group: str, lang: str) -> str:
    """A mean number of living alliances at the end and its share of all: "12 (40 %)"."""
    some, every = (float(ensemble.array("alliances", g)[:, -1].mean()) for g in (group, ""))
    return f"{number(some, 0, lang)} ({_share(some / every if every else 0.0, lang)})"


def measured_vs_true(data: Effect | Ensemble, lang: str = "fr", group: str = "") -> Figure:
    """The share engaged, and the share that a survey would count: hidden alliances exist."""
    ensemble, _ = with_reference(data)
    years = years_of(ensemble)
    true, seen = (ensemble.array(name, group) for name in ("engaged", "engaged_measured"))
    with style():
        figure = new_figure(3.5)
        name = f" – {group_label(group, lang)}" if group else ""
        title = tr(lang, "Engagés : le vrai et le mesuré", "Engaged: true and measured")
        heading(figure, title + name, _medians_and_bands(ensemble, lang) + tr(
            lang,
            " ;\nune enquête ne voit que des alliances reconnues, et pas toutes",
            ";\na survey sees recognised alliances only, and not all",
        ))  # fmt: skip
        axes = new_axes(figure, 0.62, 1.28, top=1.0)
        labels = []
        for drawn, colour, dashes, fr, en in (
            ("engaged", WHAT_IF, "-", "vrai", "true"),
            ("engaged_measured", "#B0398F", (0, (1.2, 1.2)), "mesuré", "measured"),
        ):
            last = draw_bands(axes, years, ensemble.fan(drawn, group), colour, ls=dashes)
            labels.append((last, f"{tr(lang, fr, en)}\n{_share(last, lang)}", colour))
        high, low = (np.median(values, axis=0) for values in (true, seen))
        axes.fill_between(years, low, high, facecolor="none", edgecolor=SOFT, hatch="////",
                          lw=0, alpha=0.35)  # fmt: skip
        top = 1.15 * max(float(np.quantile(v, 0.95, axis=0).max()) for v in (true, seen))
        axes.set_ylim(0, max(top, 0.01))
        gap = number(100 * float(high[-1] - low[-1]), 1, lang)
        hidden = tr(lang, f"alliances\ncachées {gap}\u00a0pt", f"hidden alli-\nances {gap}\u00a0pt")
        labels.append((float(high[-1] + low[-1]) / 2, hidden, SOFT))
        percent_axis(axes, lang)
        axes.grid(axis="y", color=FAINT, lw=0.6)
        years_axis(axes, years)
        mark_events(axes, ensemble.scenario, lang)
        label_ends(axes, labels, lines=2)
    return figure


# -- effects and means --------------------------------------------------------------------


def two_outcomes(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """Fragility and economic engines, one above the other and never merged."""
    scenario, reference = with_reference(data)
    words = (tr(lang, "scénario", "scenario"), tr(lang, "référence", "reference"))
    with style():
        figure = new_figure(4.5)
        heading(figure, tr(lang, "Deux effets, jamais confondus", "Two outcomes, never merged"),
              tr(lang, "indices de 0 à 100\n", "indices from 0 to 100\n") + _bands_text(data, lang)
              )  # fmt: skip
        for axes, (indicator, fr, en) in zip(_panels(figure, 2, 1.15, 1.02), (
            ("fragility", "Fragilité : à réduire (hypothèse)",
             "Fragility: to be reduced (assumption)"),
            ("engines", "Moteurs économiques : à développer (hypothèse)",
             "Economic engines: to be built (assumption)"),
        ), strict=True):  # fmt: skip
            _panel_title(axes, tr(lang, fr, en))
            _lines(axes, data, indicator, "", WHAT_IF, REFERENCE)
            labels = []
            for one, word, colour in zip(
                (scenario, reference), words, (WHAT_IF, REFERENCE), strict=True
            ):
                if one is not None:
                    last = float(np.median(one.array(indicator)[:, -1]))
                    labels.append((last, f"{word}\n{amount(last, indicator, lang)}", colour))
            low, high = axes.get_ylim()
            room = max(high - low, 2.0)
            axes.set_ylim((low + high - room) / 2, (low + high + 1.3 * room) / 2)
            plain_ticks(axes, lang)
            axes.grid(axis="y", color=FAINT, lw=0.6)
            years_axis(axes, years_of(scenario))
            mark_events(axes, scenario.scenario, lang)
            label_ends(axes, labels, size=8.5, lines=2)
    return figure


def spending_by_lever(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """What each lever has cost since the start, stacked; only levers that spend."""
    scenario, reference = with_reference(data)
    years = years_of(scenario)
    levers = [group for group in INDICATORS["spending"].groups if group]
    colours = dict(zip(levers, cycle(_LEVER_COLOURS), strict=False))
    rows = {lever: scenario.array("spending", lever).mean(axis=0) for lever in levers}
    spent = {lever: row for lever, row in rows.items() if row[-1] > 0}
    with style():
        figure = new_figure(3.6)
        total = number(sum(float(row[-1]) for row in spent.values()), 0, lang)
        heading(figure, tr(lang, "Ce que coûte chaque levier", "What each lever costs"), tr(
            lang, f"dépense cumulée, k€, moyenne des simulations ; à la fin : {total}\u00a0k€",
            f"cumulated spending, k€, mean of the simulations; at the end: {total}\u00a0k€",
        ))  # fmt: skip
        labels = [f"{group_label(lever, lang)} {number(row[-1], 0, lang)}"
                  for lever, row in spent.items()]  # fmt: skip
        axes = new_axes(figure, 0.72, 0.25 + 0.065 * max(map(len, labels), default=0))
        top = 1.0
        if spent:
            stack = np.array(list(spent.values()))
            top = float(stack[:, -1].sum())
            axes.stackplot(years, stack, colors=[colours[lever] for lever in spent],
                           edgecolor="white", linewidth=0.6)  # fmt: skip
        else:
            axes.text(0.5, 0.5, tr(lang, "aucun levier ne dépense", "no lever spends"),
                      size=10, color=SOFT, ha="center", transform=axes.transAxes)  # fmt: skip
        if reference is not None:
            before = reference.array("spending").mean(axis=0)
            if before[-1] > 0:
                top = max(top, float(before[-1]))
                axes.plot(years, before, color=REFERENCE, lw=1.6, ls=_DASHES)
                axes.annotate(
                    tr(lang, "référence, total", "reference, total"),
                    (years[len(years) // 2], before[len(years) // 2]), (0, 5),
                    textcoords="offset points", size=8.5, color=INK, ha="right",
                )  # fmt: skip
        axes.set_ylim(0, 1.1 * top)
        plain_ticks(axes, lang)
        axes.grid(axis="y", color=FAINT, lw=0.6)
        years_axis(axes, years)
        ends = np.cumsum([row[-1] for row in spent.values()])
        label_ends(axes, [
            (float(end - row[-1] / 2), label, darker(colours[lever]))
            for end, label, (lever, row) in zip(ends, labels, spent.items(), strict=True)
        ], size=8)  # fmt: skip
    return figure


def reach_by_public(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """Data, tools and skills: the share of each of the four publics that they reach at best."""
    scenario, reference = with_reference(data)
    levers, publics = (
        list(dict.fromkeys(group.split("/")[part] for group in INDICATORS["reach"].groups))
        for part in (0, 1)
    )

    def best(ensemble: Ensemble) -> Floats:
        shares = [np.median(ensemble.array("reach", f"{lever}/{public}"), axis=0).max()
                  for lever in levers for public in publics]  # fmt: skip
        return np.reshape(shares, (len(levers), len(publics)))

    values = best(scenario)
    before = np.full(values.shape, np.nan) if reference is None else best(reference)
    texts = [
        [
            (_share(x, lang), f"{tr(lang, 'réf.', 'ref.')} {_share(y, lang)}" if y == y else "")
            for x, y in zip(*row, strict=True)
        ]
        for row in zip(values, before, strict=True)
    ]
    with style():
        figure = new_figure(3.1)
        heading(figure, tr(lang, "Données, outils, compétences : pour qui ?",
                         "Data, tools, skills: for whom?"), tr(
            lang, "part de chaque public atteinte (hypothèse), au plus haut de la médiane",
            "share of each public reached (assumption), at the median's highest",
        ))  # fmt: skip
        axes = new_axes(figure, 1.05, 0.1, top=1.0, bottom=0.12)
        _grid(
            axes, values, texts, [group_label(lever, lang) for lever in levers],
            [fill(group_label(public, lang), 15) for public in publics], 1.0,
        )  # fmt: skip
    return figure


def three_engineerings(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """The three engineering capacities of a territory, each on its own scale."""
    scenario, _ = with_reference(data)
    years = years_of(scenario)
    panels = (
        ("gestion", tr(lang, "Gestion : élus capables de piloter",
                       "Gestion: élus able to pilot"), True),
        ("projets", tr(lang, "Projets : alliances suivies ou accompagnées",
                       "Projets: alliances followed or accompanied"), True),
        ("catalyse", tr(lang, "Catalyse : ETP pour 100 acteurs",
                        "Catalyse: FTE per 100 actors"), False),
    )  # fmt: skip
    with style():
        figure = new_figure(5.6)
        heading(figure, tr(lang, "Trois ingénieries du territoire",
                         "A territory's three engineerings"), _bands_text(data, lang))  # fmt: skip
        for axes, (group, title, share), k in zip(
            _panels(figure, 3, 0.95, 0.75), panels, (0, 1, 3), strict=True
        ):
            _panel_title(axes, title)
            last = _lines(axes, data, "ingenierie", group, TYPE_COLOURS[k], REFERENCE)
            axes.set_ylim(0, max(1.2 * axes.get_ylim()[1], 0.01))
            axes.locator_params(axis="y", nbins=4)
            (percent_axis if share else plain_ticks)(axes, lang)
            axes.grid(axis="y", color=FAINT, lw=0.6)
            years_axis(axes, years)
            mark_events(axes, scenario.scenario, lang)
            text = _share(last, lang) if share else number(last, 2, lang)
            label_ends(axes, [(last, text, darker(TYPE_COLOURS[k]))])
    return figure


def spheres(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """The three spheres where change happens: persons, organisations, political system."""
    scenario, _ = with_reference(data)
    years = years_of(scenario)
    panels = (
        (tr(lang, "Personnes", "Persons"),
         (("convinced", "", INK, tr(lang, "convaincus", "convinced")),)),
        (tr(lang, "Organisations", "Organisations"),
         (("engaged", "association", KINDS["association"][0],
           tr(lang, "associations\nengagées", "associations\nengaged")),
          ("engaged", "company", KINDS["company"][0],
           tr(lang, "entreprises\nengagées", "companies\nengaged")))),
        (tr(lang, "Système politique", "Political system"),
         (("convinced", "elu", KINDS["elu"][0], tr(lang, "élus\nconvaincus", "élus\nconvinced")),
          ("able", "elu", WHAT_IF, tr(lang, "élus\ncapables", "élus\nable")))),
    )  # fmt: skip
    with style():
        figure = new_figure(5.9)
        heading(figure, tr(lang, "Trois sphères pour agir", "Three spheres of action"),
              _bands_text(data, lang))  # fmt: skip
        for axes, (title, lines) in zip(_panels(figure, 3, 0.95, 1.3), panels, strict=True):
            _panel_title(axes, title)
            labels = []
            for indicator, group, colour, words in lines:
                last = _lines(axes, data, indicator, group, colour)
                labels.append((last, f"{words} {_share(last, lang)}", colour))
            axes.set_ylim(0, 1)
            axes.set_yticks([0, 0.5, 1])
            percent_axis(axes, lang)
            axes.grid(axis="y", color=FAINT, lw=0.6)
            years_axis(axes, years)
            label_ends(axes, labels, size=8.5, lines=2)
    return figure


# -- one journaled run --------------------------------------------------------------------


def touched(results: Results) -> pd.DataFrame:
    """Return how many living alliances join each pair of worlds on each domain, and where.

    An alliance of three worlds counts for its three pairs.

    Returns
    -------
    DataFrame : domain (those of the scenario), pair (two kinds), alliances, communes (where
    their members from the two worlds are)
    """
    import pandas as pd

    actors, alliances, members = members_of_living(results)
    about = members[["alliance", "actor"]].assign(
        kind=actors["kind"].reindex(members["actor"]).to_numpy(),
        commune=commune_rows(actors, results.place).reindex(members["actor"]).to_numpy(),
        domain=alliances.set_index("alliance")["domain"].reindex(members["alliance"]).to_numpy(),
    )
    rows = []
    for domain in results.scenario.territory.domains:
        there = about[about["domain"] == domain]
        for pair in combinations(WORLDS, 2):
            one, other = (set(there.loc[there["kind"] == kind, "alliance"]) for kind in pair)
            both = there[there["alliance"].isin(one & other) & there["kind"].isin(pair)]
            rows.append((domain, pair, len(one & other), both["commune"].nunique()))
    return pd.DataFrame(rows, columns=["domain", "pair", "alliances", "communes"])


def _wrapped(label: str) -> str:
    """A domain's label on short lines, its SDG on the last."""
    return "\n".join(fill(line, 15) for line in label.replace(" (", "\n(").splitlines())


def articulation(results: Results, lang: str = "fr") -> Figure:
    """Domains × actors × territories: living alliances at the end of one run, communes touched."""
    table, pairs = touched(results), list(combinations(WORLDS, 2))
    domains = results.scenario.territory.domains
    shape = (len(domains), len(pairs))
    values = table["alliances"].to_numpy(np.float64).reshape(shape)
    communes = table["communes"].to_numpy(np.int64).reshape(shape)
    texts = [
        [
            (number(many, 0, lang), f"{number(where, 0, lang)} com." if many else "")
            for many, where in zip(*row, strict=True)
        ]
        for row in zip(values, communes, strict=True)
    ]
    sample = results.scenario.territory.sample
    everywhere = number(results.place.n_communes, 0, lang)
    some = "" if sample == 1 else tr(
        lang, f" ; {_share(sample, lang)} des acteurs simulés",
        f"; {_share(sample, lang)} of actors simulated",
    )  # fmt: skip
    with style():
        figure = new_figure(1.45 + 0.5 * max(len(domains), 1))
        heading(figure, tr(lang, "Domaines × acteurs × territoires",
                         "Domains × actors × territories"), tr(
            lang,
            "alliances actives à la fin d'une simulation, par domaine et paire de mondes ;\n"
            f"com. : communes touchées, sur {everywhere}{some}",
            "living alliances at the end of one simulation, by domain and pair of worlds;\n"
            f"com.: communes touched, of {everywhere}{some}",
        ))  # fmt: skip
        axes = new_axes(figure, 1.12, 0.08, top=1.25, bottom=0.1)
        _grid(
            axes, values, texts,
            [_wrapped(group_label(domain, lang)) for domain in domains],
            ["\n".join(_WORLD_WORDS[kind][lang == "en"] for kind in pair) for pair in pairs],
            max(1.0, float(values.max(initial=0.0))),
        )  # fmt: skip
        axes.tick_params(axis="x", labelsize=8)
    return figure


# -- list ---------------------------------------------------------------------------------


class Concept(NamedTuple):
    """A figure, its title, and the words of the documents that it makes visible."""

    draw: Callable[..., Figure]
    fr: str
    en: str
    words: tuple[str, ...]

    @property
    def data(self) -> str:
        """What it draws: "Effect | Ensemble", "Effect" or "Results" (its first parameter)."""
        return str(next(iter(inspect.signature(self.draw).parameters.values())).annotation)


def _survival(results: Results, lang: str = "fr") -> Figure:
    """`figures.survival` of one run."""
    return figures.survival(results.alliances, results.scenario, lang)


#: name -> figure, those of `figures.py` included.
FIGURES: Mapping[str, Concept] = MappingProxyType(
    {
        "fan_chart": Concept(
            figures.fan_chart, "Un indicateur au fil du temps", "One indicator over time",
            ("apprendre à faire alliance", "investissement dans le temps")),
        "belief_vs_practice": Concept(
            figures.belief_vs_practice, "La conviction et la pratique", "Belief and practice",
            ("envie", "savoir-faire", "Observatoire des partenariats")),
        "alliances_by_type": Concept(
            figures.alliances_by_type, "Quelles alliances ?", "Which alliances?",
            ("4 types de partenariat",)),
        "alliances_by_origin": Concept(
            figures.alliances_by_origin, "Comment sont-elles nées ?", "How did they begin?",
            ("4 métiers de la catalyse", "rencontre")),
        "who_gains": Concept(
            figures.who_gains, "Qui y gagne ?", "Who gains?",
            ("élus", "associations", "entreprises", "acteurs académiques")),
        "survival": Concept(
            _survival, "Combien de temps vivent-elles ?", "How long do they live?",
            ("accompagnement", "investissement dans le temps")),
        "territory_map": Concept(
            figures.territory_map, "La carte du territoire", "Map of the territory",
            ("diversité des territoires", "proximité")),
        "network": Concept(
            figures.network, "Qui fait alliance avec qui ?", "Who is allied with whom?",
            ("mondes différents", "alliance d'intérêt général")),
        "radar": Concept(
            radar, "Les sept forces du changement", "The seven forces of change",
            ("7 forces du changement", "conduite du changement")),
        "ternary": Concept(
            ternary, "Le barycentre des trois leviers", "The barycentre of the three levers",
            ("3 leviers : vision, gestion, action", "barycentre", "faire société")),
        "ladder_shares": Concept(
            ladder_shares, "Quatre échelles de maturité", "Four ladders of maturity",
            ("niveaux de maturité RSE", "hybridation des modèles socio-économiques",
             "co-construction des politiques publiques", "des pères aux pairs")),
        "type_by_rung": Concept(
            type_by_rung, "Quatre types, deux approches, deux contrats",
            "Four types, two approaches, two contracts",
            ("approche d'intérêt général", "approche économique",
             "du contrat-échange au contrat-alliance")),
        "measured_vs_true": Concept(
            measured_vs_true, "Engagés : le vrai et le mesuré", "Engaged: true and measured",
            ("(re)connaissance", "révéler", "signaux faibles")),
        "two_outcomes": Concept(
            two_outcomes, "Deux effets, jamais confondus", "Two outcomes, never merged",
            ("réduire les fragilités", "moteurs de développement économique durable")),
        "spending_by_lever": Concept(
            spending_by_lever, "Ce que coûte chaque levier", "What each lever costs",
            ("droit, ingénierie, prime", "usine de la co-construction")),
        "reach_by_public": Concept(
            reach_by_public, "Données, outils, compétences : pour qui ?",
            "Data, tools, skills: for whom?",
            ("données, outils, compétences", "4 publics")),
        "three_engineerings": Concept(
            three_engineerings, "Trois ingénieries du territoire",
            "A territory's three engineerings",
            ("3e ingénierie territoriale", "catalyse")),
        "spheres": Concept(
            spheres, "Trois sphères pour agir", "Three spheres of action",
            ("3 sphères : personnes, organisations, système politique",)),
        "articulation": Concept(
            articulation, "Domaines × acteurs × territoires", "Domains × actors × territories",
            ("triple articulation domaines × territoires × acteurs",)),
    }
)  # fmt: skip
