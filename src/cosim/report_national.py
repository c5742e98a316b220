"""One self-contained page about a run of France: sentences, maps, curves, regions, limits.

Nothing is fetched from outside, so that it opens in a town hall without a network and prints well:
the maps are in the page as PNG, the other pictures as SVG.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cosim import drawing, figures_maps, webpage
from cosim import figures_national as fig
from cosim.effects_text import FEW, number, percent
from cosim.indicators import INDICATORS
from cosim.scenario_text import month_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from cosim.effects_text import Lang
    from cosim.figures_national import Tables

#: What the table, the sentences and the bars of a what-if are about.
EFFECTS = ("convinced/elu", "engaged", "alliances")
_STYLE = webpage.STYLE + "tr.all td { font-weight: 700; border-top: 2px solid #57606a; }\n"
_WORDS = {
    "fr": {
        "title": "Une simulation de la France, territoire par territoire",
        "maps": "Où",
        "effects": "Ce que change le scénario",
        "curves": "Quand, et dans quelles communes",
        "regions": "Région par région",
        "limits": "Ce que ce document ne dit pas",
        "again": "Refaire ce résultat",
    },
    "en": {
        "title": "A simulation of France, territory by territory",
        "maps": "Where",
        "effects": "What the scenario changes",
        "curves": "When, and in which communes",
        "regions": "Region by region",
        "limits": "What this document does not say",
        "again": "Make this result again",
    },
}
LIMITS = {
    "fr": (
        "C'est une exploration, pas une prévision : le modèle dit ce qui devrait être vrai pour "
        "qu'un effet se produise.",
        "Où sont les catalyseurs n'est pas publié : leurs postes sont tirés au sort, plus souvent "
        "là où il y a plus d'habitants. La carte d'un territoire précis ne dit rien de lui.",
        "Que les territoires voisins s'imitent est observé ailleurs ; la force de cette imitation "
        "est une hypothèse.",
        "Les territoires ne diffèrent que par leurs communes, leurs habitants, leurs voisins, "
        "leurs catalyseurs et le hasard : rien de leur histoire n'est dans le modèle.",
        "Les écarts entre territoires contiennent le hasard de chacun, plus grand dans les petits.",
        "Les paramètres par défaut sont calés sur dix chiffres publiés, antérieurs à 2017.",
        "Les contours des cartes sont approchés : chaque point a la couleur de la commune la plus "
        "proche.",
    ),
    "en": (
        "This is an exploration, not a forecast: the model says what would have to be true for an "
        "effect to occur.",
        "Where catalysts are is not published: their posts are drawn, more often where more people "
        "live. The map of one given territory says nothing about it.",
        "That neighbouring territories imitate one another is observed elsewhere; how strongly is "
        "an assumption.",
        "Territories differ by their communes, inhabitants, neighbours, catalysts and luck only: "
        "nothing of their history is in the model.",
        "Gaps between territories contain the luck of each, larger in small ones.",
        "The default parameters are calibrated on ten published figures of before 2017.",
        "Outlines of maps are approximated: each point has the colour of the nearest commune.",
    ),
}


class Picture(NamedTuple):
    """A picture of the page: its part of the page, its text, how it is drawn."""

    part: str
    alt: str
    draw: Callable[[], Figure]


def render(
    tables: Tables,
    title: str = "France",
    lang: Lang = "fr",
    *,
    reference: Tables | None = None,
    effect: pd.DataFrame | None = None,
    about: str = "",
    provenance: Mapping[str, str] | None = None,
    again: str = "",
    figures: Path | None = None,
) -> str:
    """The page as HTML.

    Parameters
    ----------
    tables : of the run
    title : what was run, as "France" or "Morbihan"
    reference : tables of the reference, if the run is a what-if
    effect : by, group, indicator, mean, low, high (95 %), per_100k, k_euros
    about : a sentence on what was simulated
    provenance : lines of « Refaire ce résultat »: version, digest, seed…
    again : commands that make the result again
    figures : folder where each figure is saved as well, as SVG and PNG
    """
    shown = pictures(tables, lang, reference=reference, effect=effect)
    images = {}
    for name, picture in shown.items():
        figure = picture.draw()
        if figures is not None:
            drawing.save(figure, figures, name)
        images[name] = _image(figure, picture.alt, name)
    return _page(tables, shown, images, title, lang, effect, about, provenance or {}, again)


def write(
    tables: Tables, folder: str | Path, title: str = "France", lang: Lang = "fr", **told: Any
) -> Path:
    """Write `france.html` and `figures/` into a folder; return the page. `told`: as `render`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "france.html"
    html = render(tables, title, lang, **told, figures=folder / "figures")
    path.write_text(html, encoding="utf-8")
    return path


def pictures(
    tables: Tables,
    lang: Lang = "fr",
    *,
    reference: Tables | None = None,
    effect: pd.DataFrame | None = None,
) -> dict[str, Picture]:
    """The pictures of a run by name, in order; a run of stylised territories has no map."""
    found: dict[str, Picture] = {}

    def add(name: str, part: str, fr: str, en: str, draw: Callable[[], Figure]) -> None:
        found[name] = Picture(part, fr if lang == "fr" else en, draw)

    if figures_maps.frames(set(tables.places["territory"])):
        if reference is not None:
            add("map_difference", "effects", "Carte : ce que le scénario change aux élus "
                "convaincus", "Map: what the scenario changes in convinced élus",
                partial(fig.difference_map, tables, reference, "convinced", lang))  # fmt: skip
            add("map_difference_alliances", "effects", "Carte : ce que le scénario change aux "
                "alliances", "Map: what the scenario changes in alliances",
                partial(fig.difference_map, tables, reference, "alliances", lang))  # fmt: skip
        add("map_convinced", "maps", "Carte de la part d'élus convaincus, par territoire",
            "Map of the share of élus convinced, by territory",
            partial(fig.choropleth, tables, "convinced", lang))  # fmt: skip
        add("map_alliances", "maps", "Carte des alliances pour 10 000 habitants, par territoire",
            "Map of alliances per 10,000 inhabitants, by territory",
            partial(fig.choropleth, tables, "alliances", lang))  # fmt: skip
        if tables.places["catalysts"].sum() > 0:
            add("map_catalysts", "maps", "Carte des postes de catalyseurs, tirés au sort",
                "Map of the catalysts' posts, which are drawn",
                partial(fig.catalyst_map, tables, lang))  # fmt: skip
    if effect is not None:
        told = set(effect.loc[effect["by"] == "region", "indicator"])
        for indicator in (i for i in EFFECTS if i in told):
            label = fig.measure_label(indicator, lang)
            add(f"effect_{indicator.replace('/', '_')}", "effects",
                f"{label} : l'effet du scénario par région, avec son intervalle",
                f"{label}: the effect of the scenario by region, with its interval",
                partial(fig.effect_by_region, effect, tables, indicator, lang))  # fmt: skip
    add("curves", "curves", "Élus convaincus et acteurs engagés au fil des mois",
        "Convinced élus and engaged actors over the months",
        partial(fig.curves, tables, reference, lang))  # fmt: skip
    add("gradient", "curves", "Parts de convaincus et d'engagés selon la taille de la commune",
        "Shares of convinced and engaged by size of the commune",
        partial(fig.size_gradient, tables, lang))  # fmt: skip
    add("variation", "curves", "Alliances pour 10 000 habitants, un point par territoire",
        "Alliances per 10,000 inhabitants, a dot per territory",
        partial(fig.variation, tables, lang))  # fmt: skip
    if tables.places["region_name"].nunique() > 1:
        add("regions", "regions", "Élus convaincus, acteurs engagés et alliances par région",
            "Convinced élus, engaged actors and alliances by region",
            partial(fig.regions, tables, lang))  # fmt: skip
    return found


# -- words --------------------------------------------------------------------------------


def sentences(tables: Tables, lang: Lang = "fr", effect: pd.DataFrame | None = None) -> list[str]:
    """What a run says, in plain words: the whole, the territories, the communes, the what-if."""
    told = [_whole(tables, lang)]
    low, high = fig.span(tables, "convinced")
    ends = percent(low, lang, 0), percent(high, lang, 0)
    if len(tables.places) >= FEW:
        told.append(
            f"Huit territoires sur dix ont entre {ends[0]} et {ends[1]} d'élus convaincus."
            if lang == "fr"
            else f"Eight territories in ten have between {ends[0]} and {ends[1]} of élus convinced."
        )
    told += _by_size(tables, lang)
    if effect is not None:
        told = [*_changes(effect, lang), *told]
    return told


def _whole(tables: Tables, lang: Lang) -> str:
    convinced, engaged, alliances = (
        float(tables.country(path).iloc[:, -1].mean())
        for path in ("convinced/elu", "engaged", "alliances")
    )
    month = month_name(tables.end, lang)
    shares = percent(convinced, lang, 0), percent(engaged, lang, 0)
    count = number(alliances, 0, lang)
    if lang == "fr":
        return (
            f"En {month}, {shares[0]} des élus sont convaincus ; {shares[1]} des acteurs sont "
            f"engagés dans l'une des {count} alliances actives."
        )
    return (
        f"In {month}, {shares[0]} of élus are convinced; {shares[1]} of actors are engaged in one "
        f"of the {count} living alliances."
    )


def _by_size(tables: Tables, lang: Lang) -> list[str]:
    """The smallest and the largest class of communes, if there are two."""
    table = fig.gradient(tables)
    table = table[table["what"] == "engaged"].dropna(subset=["share"]).sort_values("size")
    if len(table) < 2:
        return []
    first, last = table.iloc[0], table.iloc[-1]
    small, large = (number(n, 0, lang) for n in (
        fig.SIZES[int(first["size"])], fig.SIZES[int(last["size"]) - 1]))  # fmt: skip
    shares = percent(first["share"], lang, 0), percent(last["share"], lang, 0)
    return [
        f"Dans les communes de moins de {small} habitants, {shares[0]} des acteurs sont engagés ; "
        f"dans celles de {large} habitants et plus, {shares[1]}."
        if lang == "fr"
        else f"In communes below {small} inhabitants, {shares[0]} of actors are engaged; in those "
        f"of {large} inhabitants and more, {shares[1]}."
    ]


def _changes(effect: pd.DataFrame, lang: Lang) -> list[str]:
    """A sentence for each of EFFECTS on the whole; it says when chance alone may explain it."""
    told = []
    for indicator in EFFECTS:
        rows = effect[(effect["by"] == "all") & (effect["indicator"] == indicator)]
        for row in rows.to_dict("records"):
            told.append(_change(indicator, {str(k): v for k, v in row.items()}, lang))
    return told


def _change(indicator: str, row: Mapping[str, float], lang: Lang) -> str:
    share = INDICATORS[indicator.partition("/")[0]].unit == "share"
    label = fig.measure_label(indicator, lang)
    mean, low, high = (
        drawing.number((100 if share else 1) * row[k], 1 if share else 0, lang, sign=True)
        for k in ("mean", "low", "high")
    )
    points = " points" if share else ""
    money = fig.per_100k(row["per_100k"], share, lang)
    chance = row["low"] <= 0 <= row["high"]
    if lang == "fr":
        text = (
            f"{label} : {mean}{points} à la fin par rapport à la référence "
            f"(de {low} à {high}, intervalle à 95\u202f%)"
        )
        return text + (
            " : le hasard suffit à l'expliquer."
            if chance
            else f", soit {money} pour 100 k€ dépensés."
            if row["k_euros"] > 0
            else "."
        )
    text = (
        f"{label}: {mean}{points} at the end compared with the reference "
        f"({low} to {high}, 95% interval)"
    )
    return text + (
        ": chance alone may explain it."
        if chance
        else f", or {money} per 100 k€ spent."
        if row["k_euros"] > 0
        else "."
    )


# -- the page -----------------------------------------------------------------------------


def _image(figure: Figure, alt: str, name: str) -> str:
    """The picture in the page: maps as PNG in few colours, the others as SVG."""
    if name.startswith("map_"):
        return webpage.image(small_png(figure), "png", alt)
    return webpage.vector(figure, alt)


def small_png(figure: Figure, dpi: int = 190) -> bytes:
    """The figure as a PNG in few colours."""
    full = BytesIO()
    with drawing.style():
        figure.savefig(full, format="png", dpi=dpi)
    return in_few_colours(full)


def in_few_colours(png: BytesIO | Path, colours: int = 96) -> bytes:
    """The PNG with a palette: a third of the size, no difference to the eye."""
    from PIL import Image

    small = BytesIO()
    with Image.open(png) as image:
        image.convert("RGB").quantize(colours, kmeans=2).save(small, "PNG", optimize=True)
    return small.getvalue()


def _table(tables: Tables, lang: Lang) -> str:
    """The regions as a table, the whole at its foot."""
    french = lang == "fr"
    heads = (
        ("Région", "Territoires", "Habitants", "Postes de catalyseurs", "Élus convaincus",
         "Acteurs engagés", "Alliances", "pour 10 000 hab.")
        if french
        else ("Region", "Territories", "Inhabitants", "Catalysts' posts", "Convinced élus",
              "Engaged actors", "Alliances", "per 10,000 inh.")
    )  # fmt: skip
    rows = fig.by_region(tables).to_dict("records")
    people, count = tables.places["inhabitants"].sum(), len(tables.places)
    convinced, engaged, alliances = (
        tables.country(path).iloc[:, -1].mean() for path in EFFECTS
    )  # fmt: skip
    rows.append({
        "region": "Ensemble" if french else "All", "territories": count, "inhabitants": people,
        "catalysts": tables.places["catalysts"].sum(), "convinced": convinced, "engaged": engaged,
        "alliances": alliances, "per_10k": 1e4 * alliances / people,
    })  # fmt: skip
    body = []
    for k, row in enumerate(rows):
        cells = [escape(str(row["region"]))]
        cells += [number(row[c], 0, lang) for c in ("territories", "inhabitants", "catalysts")]
        cells += [percent(row[c], lang) for c in ("convinced", "engaged")]
        cells += [number(row["alliances"], 0, lang), number(row["per_10k"], 1, lang)]
        last = ' class="all"' if k == len(rows) - 1 else ""
        body.append(f"<tr{last}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return (
        f'<div class="table"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _page(
    tables: Tables, shown: Mapping[str, Picture], images: Mapping[str, str], title: str, lang: Lang,
    effect: pd.DataFrame | None, about: str, provenance: Mapping[str, str], again: str,
) -> str:  # fmt: skip
    words = _WORDS[lang]
    parts = []
    for part in ("effects", "maps", "curves", "regions"):
        inside = "".join(images[name] for name, picture in shown.items() if picture.part == part)
        if inside:
            table = _table(tables, lang) if part == "regions" else ""
            parts.append(f'<h2>{words[part]}</h2><div class="figures">{inside}</div>{table}')
    lead = "".join(f"<p>{escape(line)}</p>" for line in sentences(tables, lang, effect))
    limits = "".join(f"<li>{escape(line)}</li>" for line in LIMITS[lang])
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in provenance.items())
    made = f"<h2>{words['again']}</h2><dl>{rows}</dl>" if rows or again else ""
    made += f"<pre>{escape(again)}</pre>" if again else ""
    inhabitants = number(float(tables.places["inhabitants"].sum()), 0, lang)
    places = number(len(tables.places), 0, lang)
    size = (
        f"{places} territoires, {inhabitants} habitants — {words['title']}"
        if lang == "fr"
        else f"{places} territories, {inhabitants} inhabitants — {words['title']}"
    )
    what = f"<p>{escape(about)}</p>" if about else ""
    return f"""<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} — {escape(words["title"])}</title><style>{_STYLE}</style></head>
<body><main>
<h1>{escape(title)}</h1>
<p class="muted">{escape(size)}</p>
<div class="lead">{lead}</div>
{what}
{"".join(parts)}
<h2>{words["limits"]}</h2><ul>{limits}</ul>
{made}
</main></body></html>
"""
