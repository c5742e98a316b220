"""Pictures of a run of France: maps, gradient by commune size, curves, territories, regions.

Everything is drawn from the tables of a run, of France or of a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cosim import figures_maps
from cosim.drawing import (
    FAINT,
    INK,
    KINDS,
    REFERENCE,
    SOFT,
    WHAT_IF,
    amount,
    heading,
    label_ends,
    new_axes,
    new_figure,
    number,
    percent_axis,
    style,
    tr,
    year_of,
    years_axis,
)
from cosim.effects_text import FEW
from cosim.errors import ResultsError
from cosim.indicators import INDICATORS, group_label
from cosim.scenario_tables import Context
from cosim.scenario_text import month_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cosim.drawing import Floats
    from cosim.effects_text import Lang
    from cosim.figures_maps import Frame

#: Commune size classes of the gradient: upper bounds of inhabitants.
SIZES = (200, 500, 2_000, 10_000, 50_000)
#: The common frame of the Sustainable Development Goals.
ODD = "2015-09"


# -- what a run hands over ----------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Tables:
    """The tables of a run of France, or of a part of it.

    Parameters
    ----------
    series : replicate, territory, month, indicator, group, value; values of whole territories
    places : one row per territory: territory, name, type, region, region_name, size_class,
        inhabitants, lon, lat, neighbours, catalysts (posts at the end of replicate 0)
    communes : one row per replicate and commune at the end: replicate, commune, territory,
        inhabitants, actors, engaged, elus, elus_convinced, elus_engaged, memberships
    groups : replicate, by (all, region, size, type), group, month, indicator, value; shares
        weighted by actors, counts summed; indicator is `name` or `name/group` ("convinced/elu")
    elections : months of the municipal elections
    """

    series: pd.DataFrame
    places: pd.DataFrame
    communes: pd.DataFrame
    groups: pd.DataFrame
    elections: tuple[str, ...] = Context().elections

    @property
    def n(self) -> int:
        """Number of replicates."""
        return int(self.series["replicate"].nunique())

    @property
    def end(self) -> str:
        """The last month, as "YYYY-MM"."""
        return str(self.series["month"].max().strftime("%Y-%m"))

    def territories(self, indicator: str, group: str = "") -> pd.DataFrame:
        """One indicator: a row per replicate and territory, a column per month."""
        return _chosen(self.series, indicator, group).pivot(
            index=["replicate", "territory"], columns="month", values="value"
        )

    def country(self, indicator: str, by: str = "all") -> pd.DataFrame:
        """One indicator (`name` or `name/group`): a row per group and replicate, a column a month.

        By "all" there is one group.
        """
        chosen = self.groups[(self.groups["by"] == by) & (self.groups["indicator"] == indicator)]
        if chosen.empty:
            raise ResultsError("the groups have no such indicator", key=indicator, found=by)
        return chosen.pivot(index=["group", "replicate"], columns="month", values="value")

    def at_end(self) -> pd.DataFrame:
        """The places, by code, with what they come to in the last month, mean of the replicates.

        More columns: convinced (share of élus), engaged (share of actors), alliances, and
        per_10k, the alliances per 10 000 inhabitants.
        """
        table = self.places.set_index("territory")
        last = self.series[self.series["month"] == self.series["month"].max()]
        for name, group in (("convinced", "elu"), ("engaged", ""), ("alliances", "")):
            rows = _chosen(last, name, group)
            table[name] = rows.groupby("territory", observed=True)["value"].mean()
        table["per_10k"] = 1e4 * table["alliances"] / table["inhabitants"]
        return table


def _chosen(series: pd.DataFrame, indicator: str, group: str) -> pd.DataFrame:
    """The rows of one indicator and group."""
    chosen = series[(series["indicator"] == indicator) & (series["group"] == group)]
    if chosen.empty:
        raise ResultsError("the series have no such indicator", key=indicator, found=group)
    return chosen


# -- maps ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measure:
    """What a map shows: a column of `Tables.at_end`, its words, its unit as is and as a gap."""

    column: str
    share: bool
    fr: str
    en: str
    unit_fr: str
    unit_en: str
    gap_fr: str
    gap_en: str

    @property
    def factor(self) -> float:
        """Shares are shown in percent, differences of shares in points."""
        return 100.0 if self.share else 1.0


MEASURES: Mapping[str, Measure] = {
    "convinced": Measure(
        "convinced", True, "d'élus convaincus", "of élus convinced",
        "élus convaincus, en %", "convinced élus, in %",
        "élus convaincus, différence en points", "convinced élus, difference in points",
    ),
    "engaged": Measure(
        "engaged", True, "d'acteurs engagés", "of actors engaged",
        "acteurs engagés dans une alliance, en %", "actors engaged in an alliance, in %",
        "acteurs engagés, différence en points", "engaged actors, difference in points",
    ),
    "alliances": Measure(
        "per_10k", False, "alliances pour 10 000 habitants", "alliances per 10,000 inhabitants",
        "alliances actives pour 10 000 habitants", "living alliances per 10,000 inhabitants",
        "alliances actives pour 10 000 habitants, différence",
        "living alliances per 10,000 inhabitants, difference",
    ),
}  # fmt: skip


def choropleth(tables: Tables, measure: str = "convinced", lang: Lang = "fr") -> Figure:
    """A map of the last month, a colour for each territory: `measure` is one of MEASURES."""
    about = MEASURES[measure]
    values = tables.at_end()[about.column].dropna()
    title = span_sentence(tables, measure, lang)
    if len(tables.places) < FEW:
        who = tr(lang, "du territoire le plus bas au plus haut",
                 "from the lowest territory to the highest")  # fmt: skip
    else:
        who = tr(lang, "8 territoires sur 10 sont entre ces deux valeurs",
                 "8 territories in 10 are between these two values")  # fmt: skip
    subtitle = f"{who}{tr(lang, ' ;', ';')}\n{when(tables, lang)}"
    colours, scale, bounds = figures_maps.classes(values.to_numpy(np.float64), "YlGnBu")
    unit = tr(lang, about.unit_fr, about.unit_en)

    def key(figure: Figure) -> None:
        figures_maps.legend(figure, colours, scale, bounds, unit, lang, about.factor)

    return figures_maps.draw(values, title, subtitle, colours, scale, key, lang)


def difference_map(
    tables: Tables, reference: Tables, measure: str = "convinced", lang: Lang = "fr"
) -> Figure:
    """A map of what a scenario changes at the end; a territory that it leaves as it is, is grey."""
    about = MEASURES[measure]
    column = about.column
    values = (tables.at_end()[column] - reference.at_end()[column]).dropna()
    above, below = int((values > 0).sum()), int((values < 0).sum())
    title = tr(
        lang,
        f"Plus haut dans {number(above)} territoires, plus bas dans {number(below)}",
        f"Higher in {number(above, 0, 'en')} territories, lower in {number(below, 0, 'en')}",
    )
    subtitle = tr(
        lang,
        f"{about.unit_fr.removesuffix(', en %')} : différence avec la référence ;\n"
        f"gris : aucune ; hasard compris ; {when(tables, lang)}",
        f"{about.unit_en.removesuffix(', in %')}: difference to the reference;\n"
        f"grey: none; luck included; {when(tables, lang)}",
    )
    colours, scale, bounds = figures_maps.classes(values.to_numpy(np.float64), "PuOr", centred=True)
    unit = tr(lang, about.gap_fr, about.gap_en)

    def key(figure: Figure) -> None:
        figures_maps.legend(figure, colours, scale, bounds, unit, lang, about.factor, sign=True)

    return figures_maps.draw(values.where(values != 0), title, subtitle, colours, scale, key, lang)


def catalyst_map(tables: Tables, lang: Lang = "fr") -> Figure:
    """Catalysts' posts as dots over a pale map; where they are is drawn, and the map says so."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    places = tables.places.set_index("territory")
    posts = places["catalysts"].to_numpy(np.float64)
    lon, lat = places[["lon", "lat"]].to_numpy(np.float64).T
    total, held = number(posts.sum(), 0, lang), number(int((posts > 0).sum()), 0, lang)
    title = tr(
        lang,
        f"{total} postes de catalyseurs dans {held} territoires",
        f"{total} catalysts' posts in {held} territories",
    )
    subtitle = tr(
        lang,
        "où sont les vrais postes n'est pas publié : ils sont tirés au sort (hypothèse),\n"
        "plus souvent là où il y a plus d'habitants ; une simulation, à la fin",
        "where the real posts are is not published: they are drawn (assumption),\n"
        "more often where more people live; one simulation, at the end",
    )
    most = max(float(posts.max()), 1.0)
    unit = min(26.0, 420.0 / most)
    colour = KINDS["catalyseur"][0]

    def dots(axes: Axes, frame: Frame) -> None:
        towns = figures_maps.land(frame.area)
        if frame.region:
            towns = towns[towns["reg"] == frame.region]
        there = places.index.isin(set(towns["territory"]))
        x, y = figures_maps.project(frame.area, lon, lat)
        seen = np.flatnonzero(there & (posts > 0) & frame.holds(x, y))
        order = seen[np.argsort(-posts[seen], kind="stable")]
        axes.scatter(
            x[order], y[order], s=unit * posts[order], color=colour, alpha=0.75,
            edgecolors="white", linewidths=0.5, zorder=3,
        )  # fmt: skip

    def key(figure: Figure) -> None:
        sizes = [n for n in (1, 2, 5, 10, 20, 50, 100) if n <= most][-4:]
        figure.legend(
            handles=[
                figure.axes[0].scatter([], [], s=unit * n, color=colour, alpha=0.75,
                                       edgecolors="white", label=number(n, 0, lang))
                for n in sizes
            ],
            loc="lower center", ncols=len(sizes), frameon=False, fontsize=9,
            title=tr(lang, "postes (équivalents temps plein)", "posts (full-time equivalents)"),
            title_fontsize=8.5, bbox_to_anchor=(0.5, 0.26 / figure.get_figheight()),
            borderaxespad=0.0, columnspacing=2.0,
        )  # fmt: skip

    pale, one = ListedColormap(["#D9E1E8"]), BoundaryNorm([-1, 1], 1)
    return figures_maps.draw(0.0 * places["inhabitants"], title, subtitle, pale, one, key, lang,
                             dots)  # fmt: skip


def span(tables: Tables, measure: str) -> tuple[float, float]:
    """What 1 and 9 territories in 10 are below at the end; the extremes of fewer than ten."""
    ends = (0.0, 1.0) if len(tables.places) < FEW else (0.1, 0.9)
    low, high = tables.at_end()[MEASURES[measure].column].quantile(ends)
    return float(low), float(high)


def span_sentence(tables: Tables, measure: str, lang: Lang = "fr") -> str:
    """How far 8 territories in 10 go, in words (all of them if fewer than ten)."""
    about = MEASURES[measure]
    digits = 0 if about.share else 1
    low, high = (number(about.factor * x, digits, lang) for x in span(tables, measure))
    sign = "" if not about.share else "%" if lang == "en" else "\u202f%"
    return tr(
        lang,
        f"De {low} à {high}{sign} {about.fr}" + (" selon le territoire" if sign else ""),
        f"{low} to {high}{sign} {about.en}" + (" by territory" if sign else ""),
    )


def when(tables: Tables, lang: Lang) -> str:
    """The last month and the number of simulations."""
    month = month_name(tables.end, lang)
    if tables.n == 1:
        return tr(lang, f"{month}, une simulation", f"{month}, one simulation")
    return tr(
        lang,
        f"{month}, moyenne de {tables.n} simulations",
        f"{month}, mean of {tables.n} simulations",
    )


# -- gradient by commune size -------------------------------------------------------------


def size_classes(lang: Lang = "fr") -> list[str]:
    """Names of the classes of communes, the smallest first, on two lines."""
    bounds = [number(n, 0, lang) for n in SIZES]
    between = [f"{a}\n– {b}" for a, b in pairwise(bounds)]
    return [f"moins\nde {bounds[0]}" if lang == "fr" else f"below\n{bounds[0]}", *between,
            tr(lang, f"{bounds[-1]}\net plus", f"{bounds[-1]}\nand more")]  # fmt: skip


#: what -> (counted, out of).
_COUNTED = {
    "convinced": ("elus_convinced", "elus"),
    "elus": ("elus_engaged", "elus"),
    "engaged": ("engaged", "actors"),
}


def gradient(tables: Tables) -> pd.DataFrame:
    """Shares by class of communes at the end.

    Columns: what (convinced: of élus; elus: élus engaged; engaged: of actors), size (0 to 5),
    communes (number), share (mean of the replicates), low, high (8 territories in 10: what
    the communes of that size come to in each, mean of the replicates).
    """
    import pandas as pd

    table = tables.communes.assign(
        size=np.searchsorted(SIZES, tables.communes["inhabitants"].to_numpy(), side="right")
    )
    counts = table.groupby("size")["commune"].nunique()
    rows = []
    for what, (part, total) in _COUNTED.items():
        by = table.groupby(["size", "replicate"], observed=True)[[part, total]].sum()
        mean = (by[part] / by[total]).groupby(level="size").mean()
        each = table.groupby(["size", "replicate", "territory"], observed=True)[[part, total]].sum()
        share = (each[part] / each[total].where(each[total] > 0)).groupby(level=[0, 1])
        low, high = (share.quantile(q).groupby(level="size").mean() for q in (0.1, 0.9))
        rows.append(
            pd.DataFrame({"communes": counts, "share": mean, "low": low, "high": high})
            .assign(what=what)
            .reset_index()
        )
    return pd.concat(rows, ignore_index=True)


def size_gradient(tables: Tables, lang: Lang = "fr") -> Figure:
    """Shares of convinced and engaged by size of commune, with the spread of the territories."""
    table = gradient(tables)
    names = size_classes(lang)
    marks: dict[str, tuple[str, str, str, str]] = {
        "convinced": (KINDS["elu"][0], "o", KINDS["elu"][0],
                      tr(lang, "élus convaincus", "convinced élus")),
        "elus": (KINDS["elu"][0], "o", "white", tr(lang, "élus engagés", "engaged élus")),
        "engaged": (KINDS["association"][0], "s", KINDS["association"][0],
                    tr(lang, "acteurs engagés", "engaged actors")),
    }  # fmt: skip
    with style():
        figure = new_figure(4.0)
        heading(figure, tr(lang, "Selon la taille de la commune", "By size of the commune"), tr(
            lang,
            f"{when(tables, lang)} ; traits : 8 territoires sur 10\n"
            "(ce que valent leurs communes de cette taille, hasard compris)",
            f"{when(tables, lang)}; lines: 8 territories in 10\n"
            "(what their communes of that size come to, luck included)",
        ))  # fmt: skip
        axes = new_axes(figure, 0.62, 0.15, top=1.0, bottom=1.15)
        for k, (what, (colour, marker, fill, label)) in enumerate(marks.items()):
            rows = table[table["what"] == what]
            x = rows["size"].to_numpy(np.float64) + 0.2 * (k - 1)
            axes.vlines(x, rows["low"], rows["high"], color=colour, lw=3.5, alpha=0.28)
            axes.plot(x, rows["share"], color=colour, lw=0.9, alpha=0.6)
            axes.plot(x, rows["share"], color=colour, marker=marker, ms=6, lw=0, mfc=fill,
                      mec=colour, label=label)  # fmt: skip
        seen = sorted(table["size"].unique())
        counts = table.drop_duplicates("size").set_index("size")["communes"]
        axes.set_xticks(
            seen, [f"{names[s]}\n({number(counts[s], 0, lang)})" for s in seen], fontsize=8
        )
        axes.set_xlim(seen[0] - 0.5, seen[-1] + 0.5)
        axes.set_ylim(0, min(1.0, 1.05 * float(table[["share", "high"]].to_numpy().max()) + 0.01))
        axes.set_xlabel(tr(lang, "habitants de la commune (nombre de communes)",
                           "inhabitants of the commune (number of communes)"), size=9)  # fmt: skip
        percent_axis(axes, lang)
        axes.grid(axis="y", color=FAINT, lw=0.6)
        figure.legend(loc="lower center", ncols=3, frameon=False, fontsize=9, handletextpad=0.1,
                      columnspacing=1.4, borderaxespad=0.3)  # fmt: skip
    return figure


# -- curves of France ---------------------------------------------------------------------


def curves(tables: Tables, reference: Tables | None = None, lang: Lang = "fr") -> Figure:
    """Élus convinced and actors engaged over time, with the spread between territories."""
    lines = (
        ("convinced", "elu", KINDS["elu"][0], tr(lang, "élus\nconvaincus", "convinced\nélus")),
        ("engaged", "", KINDS["association"][0], tr(lang, "acteurs\nengagés", "engaged\nactors")),
    )
    with style():
        figure = new_figure(3.7)
        dashed = tr(lang, " ; tirets : référence", "; dashed: reference") if reference else ""
        heading(figure, tr(lang, "La conviction et la pratique", "Belief and practice"), tr(
            lang,
            f"traits : ensemble, moyenne des simulations{dashed} ;\n"
            "bandes : 8 territoires sur 10, hasard de chacun compris",
            f"lines: the whole, mean of the simulations{dashed};\n"
            "bands: 8 territories in 10, the luck of each included",
        ))  # fmt: skip
        axes = new_axes(figure, 0.6, 1.02, top=1.0)
        labels: list[tuple[float, str, str]] = []
        top = 0.0
        for indicator, group, colour, text in lines:
            years, low, high = _spread(tables, indicator, group)
            axes.fill_between(years, low, high, color=colour, alpha=0.16, lw=0)
            path = f"{indicator}/{group}" if group else indicator
            line = tables.country(path).mean().to_numpy(np.float64)
            axes.plot(years, line, color=colour, lw=2.0)
            top = max(top, float(np.nanmax(high)), float(np.nanmax(line)))
            if reference is not None:
                before = reference.country(path).mean().to_numpy(np.float64)
                axes.plot(years, before, color=colour, lw=1.5, ls=(0, (4, 2)))
            last = float(line[-1])
            labels.append((last, f"{text}\n{amount(last, indicator, lang)}", colour))
        axes.set_ylim(0, min(1.0, 1.18 * top + 0.01))
        years_axis(axes, years)
        percent_axis(axes, lang)
        axes.grid(axis="y", color=FAINT, lw=0.6)
        _mark_months(axes, tables.elections, lang)
        label_ends(axes, labels, size=8.5, lines=3)
    return figure


def _spread(tables: Tables, indicator: str, group: str) -> tuple[Floats, Floats, Floats]:
    """Years, and what 1 and 9 territories in 10 are below, mean of the replicates."""
    import pandas as pd

    table = tables.territories(indicator, group)
    months = pd.DatetimeIndex(table.columns)
    years = np.asarray(months.year + (months.month - 0.5) / 12, dtype=np.float64)
    by = table.groupby(level="replicate")
    low, high = (by.quantile(q).mean().to_numpy(np.float64) for q in (0.1, 0.9))
    return years, low, high


def _mark_months(axes: Axes, elections: Sequence[str], lang: Lang) -> None:
    """Elections as grey lines, the frame of the ODD as a dotted one."""
    left, right = axes.get_xlim()
    top = axes.get_xaxis_transform()
    for year in (year_of(month) for month in elections):
        if left <= year <= right:
            axes.axvline(year, color=FAINT, lw=1, zorder=0)
            axes.text(year + 0.008 * (right - left), 0.985, tr(lang, "élections", "elections"),
                      size=7.5, color=SOFT, va="top", transform=top)  # fmt: skip
    if left <= year_of(ODD) <= right:
        axes.axvline(year_of(ODD), color=SOFT, lw=1, ls=(0, (1, 2)), zorder=0)
        axes.text(year_of(ODD) + 0.008 * (right - left), 0.92, tr(lang, "ODD", "SDGs"),
                  size=7.5, color=SOFT, va="top", transform=top)  # fmt: skip


# -- territories --------------------------------------------------------------------------


def variation(tables: Tables, lang: Lang = "fr") -> Figure:
    """Alliances per 10 000 inhabitants at the end, a dot per territory, by size of territory."""
    table = tables.at_end().dropna(subset=["per_10k"])
    order = table.groupby("size_class", observed=True)["inhabitants"].mean().sort_values()
    names = [str(name) for name in order.index]
    counts = table["size_class"].astype(str).value_counts()
    with style():
        figure = new_figure(3.7)
        heading(figure, tr(lang, "Des territoires inégaux", "Unequal territories"), tr(
            lang,
            "alliances actives pour 10 000 habitants ; un point : un territoire ;\n"
            f"bleu : 8 sur 10, noir : médiane ; {when(tables, lang)}",
            "living alliances per 10,000 inhabitants; a dot: a territory;\n"
            f"blue: 8 in 10, black: median; {when(tables, lang)}",
        ))  # fmt: skip
        axes = new_axes(figure, 0.55, 0.15, top=1.0, bottom=0.85)
        for k, name in enumerate(names):
            values = np.sort(
                table.loc[table["size_class"].astype(str) == name, "per_10k"].to_numpy(np.float64)
            )
            low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
            # The golden ratio spreads neighbours in height apart in width, without chance.
            shift = 0.62 * ((np.arange(len(values)) * 0.6180339887) % 1.0) - 0.2
            axes.scatter(k + shift, values, s=7, color=WHAT_IF, alpha=0.4, linewidths=0)
            axes.vlines(k - 0.32, low, high, color=WHAT_IF, lw=4)
            axes.hlines(middle, k - 0.4, k + 0.44, color=INK, lw=1.6)
        two_lines = "\n– "
        axes.set_xticks(
            range(len(names)),
            [f"{size_words(n, lang, two_lines)}\n({number(counts[n], 0, lang)})" for n in names],
            fontsize=8,
        )  # fmt: skip
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set_ylim(0, None)
        axes.set_xlabel(tr(lang, "taille du territoire (nombre de territoires)",
                           "size of the territory (number of territories)"), size=9)  # fmt: skip
        _ticks(axes, lang)
        axes.grid(axis="y", color=FAINT, lw=0.6)
    return figure


def size_words(size_class: str, lang: Lang = "fr", between: str = "–") -> str:
    """A class as "15000-30000" in numbers that a reader reads."""
    text = re.sub(r"\d{4,}", lambda found: number(int(found[0]), 0, lang), size_class)
    return text.replace("-", between)


def _ticks(axes: Axes, lang: Lang) -> None:
    from matplotlib.ticker import FuncFormatter

    digits = 0 if axes.get_ylim()[1] >= 5 else 1
    axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: number(x, digits, lang)))


# -- regions ------------------------------------------------------------------------------


def by_region(tables: Tables) -> pd.DataFrame:
    """One row per region at the end, by share of élus convinced.

    Columns: region (its name), territories, inhabitants, catalysts, convinced, engaged (shares
    weighted by actors), alliances, per_10k; means of the replicates.
    """
    places = tables.places
    table = places.groupby("region_name", observed=True).agg(
        code=("region", "first"),
        territories=("territory", "size"),
        inhabitants=("inhabitants", "sum"),
        catalysts=("catalysts", "sum"),
    )
    for column, path in (
        ("convinced", "convinced/elu"), ("engaged", "engaged"), ("alliances", "alliances"),
    ):  # fmt: skip
        last = tables.country(path, "region").iloc[:, -1].groupby(level="group", observed=True)
        table[column] = _by_name(last.mean(), tables)
    table["per_10k"] = 1e4 * table["alliances"] / table["inhabitants"]
    table = table.drop(columns="code").rename_axis("region").reset_index()
    return table.sort_values("convinced", ascending=False, ignore_index=True)


def _by_name(values: pd.Series[float], tables: Tables) -> pd.Series[float]:
    """The same values by name of region, whether they come by code or by name."""
    names = dict(zip(tables.places["region"].astype(str), tables.places["region_name"],
                     strict=True))  # fmt: skip
    return values.rename(index=lambda group: names.get(str(group), str(group)))


def regions(tables: Tables, lang: Lang = "fr") -> Figure:
    """Élus convinced, actors engaged and alliances per 10 000 inhabitants, region by region."""
    table = by_region(tables).iloc[::-1]
    panels = (
        ("convinced", True, KINDS["elu"][0], tr(lang, "élus convaincus", "convinced élus")),
        ("engaged", True, KINDS["association"][0], tr(lang, "acteurs engagés", "engaged actors")),
        ("per_10k", False, WHAT_IF, tr(lang, "alliances /\n10 000 hab.", "alliances /\n10,000")),
    )
    with style():
        figure = new_figure(1.35 + 0.24 * len(table))
        heading(figure, tr(lang, "Région par région", "Region by region"), when(tables, lang))
        y = np.arange(len(table))
        for k, (column, share, colour, label) in enumerate(panels):
            axes = new_axes(figure, 1.78 + 1.12 * k, 0.12 + 1.12 * (2 - k), top=0.98, bottom=0.12)
            values = table[column].to_numpy(np.float64)
            axes.barh(y, values, color=colour, height=0.62, alpha=0.85)
            top = float(np.nanmax(values)) or 1.0
            axes.set_xlim(0, 1.5 * top)
            for row, x in enumerate(values):
                text = amount(float(x), "engaged", lang) if share else number(float(x), 1, lang)
                axes.text(x + 0.03 * top, row, text, size=7.5, va="center", color=INK)
            axes.set_title(label, size=8.5, color=INK, loc="left")
            axes.set_xticks([])
            axes.set_yticks(y, table["region"].tolist() if k == 0 else [""] * len(y), fontsize=8)
            axes.tick_params(axis="y", length=0, labelcolor=INK)
            axes.set_ylim(-0.6, len(table) - 0.4)
            axes.spines["bottom"].set_visible(False)
    return figure


def effect_by_region(
    effect: pd.DataFrame, tables: Tables, indicator: str = "convinced/elu", lang: Lang = "fr"
) -> Figure:
    """What a scenario changes at the end, region by region: interval, and mean per 100 k€.

    Parameters
    ----------
    effect : by, group, indicator, mean, low, high (95 %), per_100k, k_euros
    """
    name = indicator.partition("/")[0]
    rows = effect[(effect["by"] == "region") & (effect["indicator"] == indicator)]
    if rows.empty:
        raise ResultsError("the effect has no such indicator by region", key=indicator)
    table = rows.set_index("group")[["mean", "low", "high", "per_100k"]]
    table.index = _by_name(table["mean"], tables).index
    table = table.sort_values("mean")
    share = INDICATORS[name].unit == "share"
    factor = 100.0 if share else 1.0
    whole = effect[(effect["by"] == "all") & (effect["indicator"] == indicator)]
    what = measure_label(indicator, lang)
    unit = tr(lang, "en points", "in points") if share else tr(lang, "en nombre", "in number")
    with style():
        figure = new_figure(1.55 + 0.24 * len(table))
        heading(figure, tr(lang, f"{what} : l'effet par région", f"{what}: effect by region"), tr(
            lang,
            f"différence avec la référence à la fin, {unit} ; trait : intervalle\n"
            "à 95 % de la moyenne ; à droite, l'effet moyen pour 100 k€ dépensés",
            f"difference to the reference at the end, {unit}; line: 95% interval\n"
            "of the mean; on the right, mean effect per 100 k€ spent",
        ))  # fmt: skip
        axes = new_axes(figure, 1.78, 0.95, top=1.05, bottom=0.35)
        y = np.arange(len(table))
        numbers = factor * table[["mean", "low", "high"]].to_numpy(np.float64)
        axes.axvline(0, color=REFERENCE, lw=1.2, ls=(0, (4, 2)))
        if share and not whole.empty:
            axes.axvline(factor * float(whole["mean"].iloc[0]), color=FAINT, lw=1.2, zorder=0)
            axes.text(
                factor * float(whole["mean"].iloc[0]), 1.005, tr(lang, "ensemble", "all"),
                size=7.5, color=SOFT, ha="center", transform=axes.get_xaxis_transform(),
            )  # fmt: skip
        axes.hlines(y, numbers[:, 1], numbers[:, 2], color=WHAT_IF, lw=2, alpha=0.6)
        axes.plot(numbers[:, 0], y, color=WHAT_IF, marker="o", lw=0, ms=5.5, mec="white")
        for row, x in enumerate(table["per_100k"].to_numpy(np.float64)):
            axes.text(1.06, row, per_100k(x, share, lang), size=8, va="center",
                      transform=axes.get_yaxis_transform())  # fmt: skip
        axes.text(1.06, len(table) - 0.35, tr(lang, "pour 100 k€", "per 100 k€"), size=7.5,
                  color=SOFT, transform=axes.get_yaxis_transform())  # fmt: skip
        axes.set_yticks(y, [str(name) for name in table.index], fontsize=8)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set_ylim(-0.6, len(table) - 0.4)
        axes.grid(axis="x", color=FAINT, lw=0.6)
        from matplotlib.ticker import FuncFormatter

        low, high = axes.get_xlim()
        digits = 0 if high - low > 4 else 1 if high - low > 0.4 else 2
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda x, _: number(x, digits, lang, sign=True))
        )
    return figure


def measure_label(indicator: str, lang: Lang) -> str:
    """What a reader sees for `name` or `name/group`."""

    name, _, group = indicator.partition("/")
    label = INDICATORS[name].label(lang)
    return f"{label} ({group_label(group, lang)})" if group else label


def per_100k(x: float, share: bool, lang: Lang) -> str:
    """An effect per 100 k€ with two figures that count; a dash where nothing was spent."""
    if not np.isfinite(x):
        return "–"
    shown = 100 * x if share else x
    size = abs(shown)
    digits = 0 if size >= 10 or size == 0 else min(4, 1 - int(np.floor(np.log10(size))))
    text = number(shown, digits, lang, sign=True)
    return f"{text}\u00a0pt" if share else text
