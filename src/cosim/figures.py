"""Figures that a paper would print: drawn by Matplotlib without a screen, French first.

Every function returns a `matplotlib.figure.Figure`; `drawing.save` writes it as SVG and PNG.
Figures are narrow on purpose (one column of a paper, a telephone): two stand side by side on a
screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.drawing import (
    FAINT,
    INK,
    KINDS,
    ORIGIN_COLOURS,
    REFERENCE,
    TYPE_COLOURS,
    WHAT_IF,
    WIDTH,
    add_halo,
    amount,
    bands_words,
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
    year_of,
    years_axis,
    years_of,
)
from cosim.errors import ResultsError
from cosim.indicators import INDICATORS, SURVEYED, group_label
from cosim.state import ORIGINS, TYPES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cosim.drawing import Floats
    from cosim.effects import Effect
    from cosim.results import Ensemble, Results
    from cosim.scenario import Scenario
    from cosim.territory import Territory


# -- series -------------------------------------------------------------------------------


def fan_chart(
    data: Effect | Ensemble, indicator: str = "alliances", group: str = "", lang: str = "fr"
) -> Figure:
    """One indicator over time: median, 1-in-2 and 9-in-10 bands, and the reference dashed."""
    scenario, _ = with_reference(data)
    with style():
        figure = new_figure(3.3)
        title = INDICATORS[indicator].label(lang)
        title += f" – {group_label(group, lang)}" if group else ""
        heading(figure, title, tr(lang, "médiane ; ", "median; ") + bands_words(scenario, lang))
        draw_fan(new_axes(figure, 0.62, 1.02), data, indicator, group, lang)
    return figure


def draw_fan(
    axes: Axes, data: Effect | Ensemble, indicator: str, group: str = "", lang: str = "fr"
) -> None:
    """Draw what `fan_chart` shows into axes that have room on their right for labels."""
    scenario, reference = with_reference(data)
    about = INDICATORS[indicator]
    years = years_of(scenario)
    labels: list[tuple[float, str, str]] = []
    tops = [scenario.array(indicator, group)]
    if reference is not None:
        values = reference.array(indicator, group)
        tops.append(values)
        low, high = np.nanquantile(values, (0.05, 0.95), axis=0)
        axes.fill_between(years, low, high, color=REFERENCE, alpha=0.12, lw=0)
        last = float(np.nanmedian(values[:, -1]))
        axes.plot(years, np.nanmedian(values, axis=0), color=REFERENCE, lw=1.6, ls=(0, (4, 2)))
        name = tr(lang, "référence", "reference")
        labels.append((last, f"{name}\n{amount(last, indicator, lang)}", REFERENCE))
    last = draw_bands(axes, years, scenario.fan(indicator, group), WHAT_IF)
    name = tr(lang, "scénario", "scenario")
    labels.append((last, f"{name}\n{amount(last, indicator, lang)}", WHAT_IF))
    top = max(float(np.nanquantile(v, 0.95, axis=0).max()) for v in tops)
    bottom = min(float(np.nanquantile(v, 0.05, axis=0).min()) for v in tops)
    if about.unit == "index":
        room = max(top - bottom, 2.0)
        axes.set_ylim(bottom - 0.15 * room, top + 0.25 * room)
    else:
        axes.set_ylim(0, max(top * 1.15, 1e-3))
    if about.unit == "share":
        percent_axis(axes, lang)
    else:
        plain_ticks(axes, lang)
    axes.grid(axis="y", color=FAINT, lw=0.6)
    years_axis(axes, years)
    mark_events(axes, scenario.scenario, lang)
    label_ends(axes, labels, lines=2)


def belief_vs_practice(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """Élus convinced and able, companies and associations engaged; published points beside.

    The points are national surveys (`cosim facts`), the curves are this territory.
    """
    from cosim.facts import fact

    ensemble, _ = with_reference(data)
    published: dict[str, tuple[str, ...]] = {
        "convinced": ("convinced_elus",),
        "able": ("able_elus",),
        "company": ("engaged_companies_2011", "engaged_companies_2015"),
        "association": (
            "engaged_employer_associations_2009",
            "engaged_employer_associations_2015",
        ),
    }
    lines = (
        ("convinced", "convinced", SURVEYED, "elu", "-",
         tr(lang, "élus\nconvaincus", "élus\nconvinced")),
        ("able", "able", SURVEYED, "elu", (0, (1.2, 1.2)),
         tr(lang, "élus\ncapables", "élus\nable")),
        ("association", "engaged", "association/employer", "association", "-",
         tr(lang, "asso. em-\nployeuses", "employer\nassoc.")),
        ("company", "engaged", "company", "company", "-",
         tr(lang, "entreprises\nengagées", "companies\nengaged")),
    )  # fmt: skip
    with style():
        figure = new_figure(3.7)
        heading(figure, tr(lang, "La conviction et la pratique", "Belief and practice"), tr(
            lang,
            "médianes, bandes 9 sur 10 ; points : enquêtes nationales publiées, avec leur\n"
            "tolérance. Élus : maires et adjoints. Engagés : au moins une alliance vivante.",
            "medians, 9-in-10 bands; points: published national surveys with their tolerance.\n"
            "Élus: mayors and adjoints. Engaged: at least one living alliance.",
        ))  # fmt: skip
        axes = new_axes(figure, 0.6, 1.02, top=1.0)
        years = years_of(ensemble)
        labels = []
        for name, indicator, group, kind, dashes, text in lines:
            colour, marker = KINDS[kind]
            values = ensemble.array(indicator, group)
            low, middle, high = np.nanquantile(values, (0.05, 0.5, 0.95), axis=0)
            axes.fill_between(years, low, high, color=colour, alpha=0.14, lw=0)
            axes.plot(years, middle, color=colour, lw=1.8, ls=dashes)
            labels.append((float(middle[-1]), text, colour))
            for x, y, below, above in (p for i in published[name] for p in _points(fact(i))):
                if years[0] - 0.6 <= x <= years[-1] + 0.6:
                    axes.errorbar(
                        max(x, years[0]), y, yerr=[[y - below], [above - y]], color=colour,
                        marker=marker, ms=6, mfc="white" if name == "able" else colour,
                        mec=colour, capsize=2.5, lw=1, zorder=5, clip_on=False,
                    )  # fmt: skip
        axes.set_ylim(0, 1)
        percent_axis(axes, lang)
        axes.grid(axis="y", color=FAINT, lw=0.6)
        years_axis(axes, years)
        label_ends(axes, labels, size=8.5, lines=2)
    return figure


def _points(row: Any) -> list[tuple[float, float, float, float]]:
    """(year, value, low, high) of each value of a fact."""
    n = len(row.values)
    dates = row.dates if len(row.dates) == n else row.dates * n

    def bound(given: Any, k: int) -> float:
        if given is None:
            return float(row.values[k])
        return float(given[k] if isinstance(given, tuple) else given)

    return [
        (year_of(dates[k]), row.values[k], bound(row.low, k), bound(row.high, k)) for k in range(n)
    ]


def alliances_by_type(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """Living alliances by type over time, stacked, with their last shares."""
    return _stacked(
        data, TYPES, TYPE_COLOURS, lang, tr(lang, "Quelles alliances ?", "Which alliances?"),
        tr(lang, "alliances actives par type, moyenne des simulations",
           "living alliances by type, mean of the simulations"),
    )  # fmt: skip


def alliances_by_origin(data: Effect | Ensemble, lang: str = "fr") -> Figure:
    """Living alliances by how they began, stacked, with their last shares."""
    return _stacked(
        data, ORIGINS, ORIGIN_COLOURS, lang,
        tr(lang, "Comment sont-elles nées ?", "How did they begin?"),
        tr(lang, "alliances actives par origine, moyenne des simulations",
           "living alliances by origin, mean of the simulations"),
    )  # fmt: skip


def shares(ensemble: Ensemble, groups: Sequence[str]) -> dict[str, float]:
    """The share of each group in the living alliances of the last month, replicates pooled."""
    last = {g: float(np.nanmean(ensemble.array("alliances", g)[:, -1])) for g in groups}
    total = sum(last.values())
    return {g: x / total if total else float("nan") for g, x in last.items()}


def _stacked(
    data: Effect | Ensemble, groups: Sequence[str], colours: Sequence[str], lang: str,
    title: str, subtitle: str,
) -> Figure:  # fmt: skip
    ensemble, reference = with_reference(data)
    years = years_of(ensemble)
    rows = np.array([np.nanmean(ensemble.array("alliances", g), axis=0) for g in groups])
    part = shares(ensemble, groups)
    with style():
        figure = new_figure(3.3)
        heading(figure, title, subtitle)
        axes = new_axes(figure, 0.62, 1.72)
        axes.stackplot(years, rows, colors=list(colours), edgecolor="white", linewidth=0.8)
        top = float(rows.sum(axis=0).max())
        if reference is not None:
            total = np.nanmean(reference.array("alliances"), axis=0)
            top = max(top, float(total.max()))
            axes.plot(years, total, color=REFERENCE, lw=1.6, ls=(0, (4, 2)))
            middle = int(0.72 * len(years))
            axes.annotate(
                tr(lang, "référence, total", "reference, total"), (years[middle], total[middle]),
                (0, -4), textcoords="offset points", size=8.5, color=INK, ha="center", va="top",
                bbox={"boxstyle": "round,pad=.2", "fc": "white", "ec": "none", "alpha": 0.8},
            )  # fmt: skip
        axes.set_ylim(0, max(1.08 * top, 1.0))
        plain_ticks(axes, lang)
        years_axis(axes, years)
        middles = np.cumsum(rows[:, -1]) - rows[:, -1] / 2
        sign = "%" if lang == "en" else "\u202f%"
        label_ends(axes, [
            (float(y), f"{group_label(g, lang)}\n{number(100 * part[g], 0, lang)}{sign}", c)
            for y, g, c in zip(middles, groups, map(darker, colours), strict=True)
        ], size=8.5, lines=2)  # fmt: skip
    return figure


# -- who gains ----------------------------------------------------------------------------

_GAINS = ("convinced", "able", "engaged")
_WORLDS = ("elu", "association", "company", "academic")


def who_gains(effect: Effect, lang: str = "fr") -> Figure:
    """Paired differences to the reference at the end, by kind of actor, with intervals."""
    with style():
        figure = new_figure(4.3)
        heading(figure, tr(lang, "Qui y gagne ?", "Who gains?"), tr(
            lang,
            "différence avec la référence, à la fin, en points ;\n"
            "trait épais : 1 simulation sur 2, trait fin : 9 sur 10",
            "difference to the reference, at the end, in points;\n"
            "thick line: 1 simulation in 2, thin line: 9 in 10",
        ))  # fmt: skip
        axes = new_axes(figure, 1.45, 0.75, top=0.95, bottom=0.42)
        axes.axvline(0, color=REFERENCE, lw=1.2, ls=(0, (4, 2)))
        y, ticks, names = 0.0, [], []
        extremes = [0.0]
        for indicator in _GAINS:
            axes.annotate(
                INDICATORS[indicator].label(lang), (0, y), (-98, 0), size=9.5, weight="bold",
                xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
                annotation_clip=False,
            )  # fmt: skip
            for kind in _WORLDS:
                y += 1
                colour, marker = KINDS[kind]
                last = 100 * effect.difference(indicator, kind)[:, -1]
                low, first, middle, third, high = np.nanquantile(
                    last, (0.05, 0.25, 0.5, 0.75, 0.95)
                )
                axes.plot((low, high), (y, y), color=colour, lw=1.2)
                axes.plot((first, third), (y, y), color=colour, lw=4, solid_capstyle="butt")
                axes.plot(middle, y, marker=marker, ms=7, color=colour, mec="white", mew=0.8)
                axes.text(
                    1.02, y, number(middle, 1, lang, sign=True), size=9, color=colour,
                    va="center", transform=axes.get_yaxis_transform(),
                )  # fmt: skip
                ticks.append(y)
                names.append(_short(kind, lang))
                extremes += [float(low), float(high)]
            y += 1.35
        room = max(max(extremes) - min(extremes), 1.0)
        axes.set_xlim(min(extremes) - 0.06 * room, max(extremes) + 0.06 * room)
        axes.set_ylim(y - 0.6, -0.6)
        axes.set_yticks(ticks, names)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=FAINT, lw=0.6)
        from matplotlib.ticker import FuncFormatter

        digits = 0 if room > 4 else 1
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda x, _: number(x, digits, lang, sign=True))
        )
    return figure


def _short(kind: str, lang: str) -> str:
    return {"academic": tr(lang, "académiques", "academics")}.get(kind, group_label(kind, lang))


# -- alliances one by one -----------------------------------------------------------------


def _months(column: pd.Series[Any], start: str) -> Floats:
    """Dates (or month numbers) as months since the start of the scenario; NaN where missing."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64)
    dates = pd.to_datetime(column).dt
    year, month = start.split("-")
    return np.asarray((dates.year - int(year)) * 12 + (dates.month - int(month)), np.float64)


def survival(alliances: pd.DataFrame, scenario: Scenario, lang: str = "fr") -> Figure:
    """Kaplan-Meier curves of alliances, ever supported v never, with 95 % bands.

    The gap overstates what support does, and the figure says so: to be supported once, an alliance
    had to live until then. Alliances that are older than the scenario enter late, at the age at
    which the scenario meets them.
    """
    from lifelines import KaplanMeierFitter

    born = _months(alliances["born"], scenario.time.start)
    ended = _months(alliances["ended"], scenario.time.start)
    over = np.isfinite(ended)
    stop = np.where(over, ended, scenario.n_months - 1)
    age = np.maximum(stop - born, 0.5)
    entry = np.maximum(-born, 0.0)
    helped = alliances["supported_months"].to_numpy(np.float64) > 0
    ended_otherwise = over & (alliances["end_cause"].astype(str) != "completed").to_numpy(bool)
    with style():
        figure = new_figure(3.3)
        heading(figure, tr(lang, "Combien de temps vivent-elles ?", "How long do they live?"), tr(
            lang,
            "part ni manquée ni éteinte selon l'âge (Kaplan-Meier, 95 %) ; l'écart flatte\n"
            "l'accompagnement : il a fallu vivre assez longtemps pour le recevoir",
            "share neither failed nor faded, by age (Kaplan-Meier, 95%); the gap flatters\n"
            "support: an alliance had to live long enough to receive it",
        ))  # fmt: skip
        axes = new_axes(figure, 0.62, 1.35, top=1.0, bottom=0.5)
        labels = []
        for chosen, colour, text in (
            (helped, WHAT_IF, tr(lang, "accompagnées", "supported")),
            (~helped, REFERENCE, tr(lang, "jamais\naccompagnées", "never\nsupported")),
        ):
            keep = chosen & (age > entry)
            if keep.sum() < 5:
                continue
            curve = KaplanMeierFitter().fit(age[keep], ended_otherwise[keep], entry=entry[keep])
            x = curve.survival_function_.index.to_numpy(np.float64) / 12
            y = curve.survival_function_.iloc[:, 0].to_numpy(np.float64)
            band = curve.confidence_interval_.to_numpy(np.float64)
            axes.fill_between(
                x, band[:, 0], band[:, 1], step="post", color=colour, alpha=0.15, lw=0
            )
            dashes: Any = "-" if colour == WHAT_IF else (0, (4, 2))
            axes.step(x, y, where="post", color=colour, lw=1.8, ls=dashes)
            seen = x <= 10
            count = number(int(keep.sum()), 0, lang)
            labels.append((float(y[seen][-1]), f"{text}\n(n = {count})", colour))
        axes.set_xlim(0, 10)
        axes.set_ylim(0, 1)
        axes.set_xticks(range(0, 11, 2))
        axes.set_xlabel(tr(lang, "âge de l'alliance, en années", "age of the alliance, years"),
                        size=9)  # fmt: skip
        percent_axis(axes, lang)
        axes.grid(axis="y", color=FAINT, lw=0.6)
        label_ends(axes, labels, size=8.5, lines=3)
    return figure


def members_of_living(results: Results) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Actors by id, living alliances, and their present memberships."""
    alliances = results.alliances
    alliances = alliances[alliances["ended"].isna()]
    members = results.memberships
    members = members[members["left"].isna() & members["alliance"].isin(alliances["alliance"])]
    actors = results.actors.drop_duplicates("actor").set_index("actor")
    return actors, alliances, members[members["actor"].isin(actors.index)]


def commune_rows(actors: pd.DataFrame, place: Territory) -> pd.Series[Any]:
    """The row of each actor's commune in the territory, from its code, name or number."""
    import pandas as pd

    column = actors["commune"]
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(int)
    rows = {name: k for k, name in enumerate(place.commune_names)}
    rows |= {code: k for k, code in enumerate(place.commune_codes)}
    found = column.astype(str).map(rows)
    if found.isna().any():
        raise ResultsError("an actor's commune is not in the territory", key="commune",
                           found=str(column[found.isna()].iloc[0]))  # fmt: skip
    return found.astype(int)


def territory_map(results: Results, lang: str = "fr") -> Figure:
    """Communes as circles (area: inhabitants; colour: alliances per 10 000), alliances between."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    place, sample = results.place, results.scenario.territory.sample
    actors, _, members = members_of_living(results)
    row = commune_rows(actors, place)
    touched = np.zeros(place.n_communes)
    links: dict[tuple[int, int], int] = {}
    for _, group in members.groupby("alliance"):
        there = sorted(set(row.loc[group["actor"]].tolist()))
        touched[there] += 1
        for k, a in enumerate(there):
            for b in there[k + 1 :]:
                links[a, b] = links.get((a, b), 0) + 1
    rate = touched / sample / np.maximum(place.population, 1) * 1e4
    x = place.lon * np.cos(np.radians(place.lat.mean()))
    y = np.asarray(place.lat)
    wide, high = float(np.ptp(x)) or 0.02, float(np.ptp(y)) or 0.0
    ratio = float(np.clip((high + 0.3 * wide) / (1.35 * wide), 0.35, 1.0))
    with style():
        figure = new_figure(1.0 + ratio * (WIDTH - 0.3) + 0.55)
        heading(figure, f"{place.name}", tr(
            lang,
            "cercles : communes (surface : habitants) ; traits : alliances actives entre\n"
            "communes, à la fin d'une simulation",
            "circles: communes (area: inhabitants); lines: living alliances between\n"
            "communes, at the end of one simulation",
        ))  # fmt: skip
        axes = new_axes(figure, 0.15, 0.15, top=0.8, bottom=0.6)
        axes.set_axis_off()
        axes.set_aspect("equal", adjustable="datalim")
        axes.margins(0.16, 0.2)
        size = 1500 * place.population / place.population.max()
        if place.n_communes > 30:
            size *= 30 / place.n_communes
        most = max(links.values(), default=1)
        for (a, b), n in sorted(links.items(), key=lambda item: item[1]):
            if n >= 0.02 * most:
                axes.plot(x[[a, b]], y[[a, b]], color=WHAT_IF, lw=0.4 + 5 * n / most,
                          alpha=0.25 + 0.35 * n / most, solid_capstyle="round", zorder=1)  # fmt: skip  # noqa: E501
        colours = LinearSegmentedColormap.from_list("blues", ("#F2F6FA", "#9CC3E0", "#3D86B8"))
        scale = Normalize(0, max(float(rate.max()), 1e-9))
        axes.scatter(x, y, s=size, c=rate, cmap=colours, norm=scale, edgecolors=INK,
                     linewidths=0.8, zorder=2)  # fmt: skip
        _name_communes(axes, place, x, y, size)
        bar = figure.add_axes((0.36, 0.27 / figure.get_figheight(), 0.28,
                               0.09 / figure.get_figheight()))  # fmt: skip
        figure.colorbar(ScalarMappable(scale, colours), cax=bar, orientation="horizontal")
        bar.tick_params(labelsize=8, length=2)
        bar.set_title(tr(lang, "alliances pour 10 000 habitants",
                         "alliances per 10,000 inhabitants"), size=8.5, color=INK, pad=3)  # fmt: skip  # noqa: E501
        _outline(bar)
    return figure


def _outline(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)


def _name_communes(axes: Axes, place: Territory, x: Floats, y: Floats, size: Any) -> None:
    """Names of the largest communes under their circle, those that would collide left out."""
    axes.autoscale_view()
    axes.apply_aspect()
    pixel = axes.transData.transform(np.column_stack((x, y)))
    dpi = axes.figure.get_dpi()
    taken: list[tuple[float, float, float, float]] = []
    for k in np.argsort(-place.population, kind="stable")[:25]:
        name = place.commune_names[k]
        half, tall = 0.5 * len(name) * 7.5 * 0.56 * dpi / 72, 10 * dpi / 72
        radius = np.sqrt(size[k] / np.pi) * dpi / 72
        for below in (True, False):
            centre = pixel[k, 1] + (-1 if below else 1) * (radius + 0.65 * tall)
            box = (pixel[k, 0] - half, centre - tall / 2, pixel[k, 0] + half, centre + tall / 2)
            if not any(
                box[0] < b[2] and box[2] > b[0] and box[1] < b[3] and box[3] > b[1] for b in taken
            ):
                taken.append(box)
                shift = (-1 if below else 1) * (radius + 0.65 * tall) * 72 / dpi
                text = axes.annotate(
                    name, (x[k], y[k]), (0, shift), textcoords="offset points", size=7.5,
                    ha="center", va="center", zorder=3, annotation_clip=False,
                )  # fmt: skip
                add_halo(text)
                break


def network(results: Results, lang: str = "fr", most: int = 90) -> Figure:
    """Who is allied with whom: a neighbourhood of living alliances, each a grey hub of its members.

    Parameters
    ----------
    most : actors drawn, at most; from the largest connected group, alliance by alliance
    """
    import networkx as nx

    actors, _, members = members_of_living(results)
    whole, total = nx.Graph(), 0
    for alliance, rows in members.groupby("alliance"):
        if len(rows) >= 2:
            total += 1
            whole.add_edges_from((("alliance", alliance), actor) for actor in rows["actor"])
    hubs = _neighbourhood(whole, most)
    graph = nx.Graph(edge for hub in hubs for edge in whole.edges(hub))
    with style():
        figure = new_figure(4.9)
        heading(figure, tr(lang, "Qui fait alliance avec qui ?", "Who is allied with whom?"), tr(
            lang,
            f"{len(hubs)} des {number(total, 0, lang)} alliances locales actives à la fin d'une\n"
            "simulation ; point gris : une alliance, reliée à ses membres",
            f"{len(hubs)} of {number(total, 0, lang)} living local alliances at the end of one\n"
            "simulation; grey dot: an alliance, linked to its members",
        ))  # fmt: skip
        axes = new_axes(figure, 0.1, 0.1, top=0.85, bottom=0.4)
        axes.set_axis_off()
        axes.margins(0.04)
        place = _layout(graph)
        for a, b in graph.edges:
            (x0, y0), (x1, y1) = place[a], place[b]
            axes.plot((x0, x1), (y0, y1), color="#9AA5B1", lw=0.8, zorder=1)
        if hubs:
            xy = np.array([place[hub] for hub in hubs])
            axes.scatter(xy[:, 0], xy[:, 1], s=12, c="#7B8794", zorder=2)
        seen = []
        for kind, (colour, marker) in KINDS.items():
            nodes = [n for n in graph if n not in hubs and actors.at[n, "kind"] == kind]
            if nodes:
                seen.append(kind)
                xy = np.array([place[n] for n in nodes])
                axes.scatter(xy[:, 0], xy[:, 1], s=46, c=colour, marker=marker,
                             edgecolors="white", linewidths=0.7, zorder=3)  # fmt: skip
        _kinds_key(figure, seen, lang)
    return figure


def _neighbourhood(graph: Any, most: int) -> dict[Any, None]:
    """Alliances around the busiest actor, nearest first, then of the next group, in order."""
    import networkx as nx

    hubs: dict[Any, None] = {}
    drawn: set[Any] = set()
    parts = [sorted(part, key=str) for part in nx.connected_components(graph)]
    for part in sorted(parts, key=lambda p: (-len(p), str(p[0]))):
        people = [n for n in part if not isinstance(n, tuple)]
        start = max(people, key=graph.degree)
        for node in [start, *(b for _, b in nx.bfs_edges(graph, start))]:
            if isinstance(node, tuple):
                if len(drawn | set(graph[node])) > most:
                    return hubs
                drawn |= set(graph[node])
                hubs[node] = None
    return hubs


def _layout(graph: Any) -> dict[Any, Floats]:
    """A spring layout for each component, packed in rows from the largest to the smallest."""
    import networkx as nx

    parts = sorted(nx.connected_components(graph), key=lambda p: (-len(p), min(map(str, p))))
    place: dict[Any, Floats] = {}
    width = 1.15 * np.sqrt(sum(max(len(p), 2) for p in parts)) if parts else 1.0
    x = y = row = 0.0
    for part in parts:
        side = float(np.sqrt(max(len(part), 2)))
        if x > 0 and x + side > 1.02 * width:
            x, y, row = 0.0, y - row, 0.0
        spots = nx.spring_layout(_ordered(graph, part), seed=1, iterations=120)
        rows = np.array([spots[n] for n in spots])
        low, span = rows.min(axis=0), float(np.ptp(rows, axis=0).max()) or 1.0
        for node, spot in spots.items():
            inside = (np.asarray(spot) - low) / span * 0.78 + 0.11
            place[node] = np.array((x, y - side)) + side * inside
        x, row = x + side, max(row, side)
    return place


def _ordered(graph: Any, part: set[Any]) -> Any:
    """The part of the graph with its nodes in the order of the whole, whatever their hashes."""
    import networkx as nx

    smaller = nx.Graph()
    smaller.add_nodes_from(node for node in graph if node in part)
    smaller.add_edges_from((a, b) for a, b in graph.edges if a in part)
    return smaller


def _kinds_key(figure: Figure, kinds: Sequence[str], lang: str) -> None:
    """A row of shapes with their names at the bottom."""
    from matplotlib.lines import Line2D

    figure.legend(
        handles=[
            Line2D([], [], color=KINDS[k][0], marker=KINDS[k][1], lw=0, ms=7, label=_short(k, lang))
            for k in kinds
        ],
        loc="lower center", ncols=len(kinds), frameon=False, fontsize=9, handletextpad=0.1,
        columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip


# -- files --------------------------------------------------------------------------------
