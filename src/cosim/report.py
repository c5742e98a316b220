"""One self-contained page about an effect: sentence, figures, limits, how to make it again.

Nothing is fetched from outside: style and figures are in the file, so that it opens in a town hall
without a network and prints well. The figures also stand beside it as SVG and PNG.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from cosim import drawing, figures, figures_concepts, webpage
from cosim.effects_text import number, percent
from cosim.indicators import INDICATORS
from cosim.scenario import difference_sentence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cosim.effects import Effect
    from cosim.effects_text import Lang
    from cosim.results import Results

KEY_FIGURES = ("alliances", "engaged", "able", "convinced")
_STYLE = (
    webpage.STYLE
    + """
.keys { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; }
.key { border: 1px solid #d8dee4; border-top: 4px solid #003f8c; border-radius: 8px; padding: 10px 12px; }
.key b { display: block; font-size: 1.5rem; }
.key small { color: #57606a; display: block; }
@media (max-width: 760px) { .keys { grid-template-columns: 1fr 1fr; } }
"""  # noqa: E501
)
_WORDS = {
    "fr": {
        "title": "Et si ? Ce que change le scénario",
        "keys": "En quatre chiffres",
        "reference": "référence",
        "interval": "écart dans 9 simulations sur 10 :",
        "curves": "Les courbes",
        "concepts": "Les notions des documents de référence",
        "place": "Le territoire à la fin du scénario (une simulation)",
        "what": "Ce qui a été simulé",
        "all": "Tous les acteurs sont simulés, un pour un.",
        "some": "{share} des acteurs sont simulés, à densité égale ; les nombres sont rapportés au "
        "territoire entier.",
        "limits": "Ce que ce document ne dit pas",
        "again": "Refaire ce résultat",
        "points": " points",
    },
    "en": {
        "title": "What if? What the scenario changes",
        "keys": "Four figures",
        "reference": "reference",
        "interval": "difference in 9 simulations of 10:",
        "curves": "The curves",
        "concepts": "The concepts of the reference documents",
        "place": "The territory at the end of the scenario (one simulation)",
        "what": "What was simulated",
        "all": "All actors are simulated, one for one.",
        "some": "{share} of the actors are simulated, at equal density; numbers are scaled to the "
        "whole territory.",
        "limits": "What this document does not say",
        "again": "Make this result again",
        "points": " points",
    },
}
_LIMITS = {
    "fr": (
        "C'est une exploration, pas une prévision : le modèle dit ce qui devrait être vrai pour "
        "qu'un effet se produise.",
        "Les paramètres par défaut sont calés sur dix chiffres publiés, que d'autres jeux de "
        "paramètres expliquent aussi (docs/calibration.md). {interval}",
        "La plupart des tailles d'effet viennent d'études étrangères (cliniques, laboratoires, "
        "entreprises) et servent d'ordres de grandeur.",
        "Fragilité et moteurs économiques sont une hypothèse ; des effets nuls sont aussi publiés.",
        "Chaque paramètre, sa source et sa confiance : `cosim parameters` ; chaque chiffre "
        "publié : `cosim facts`.",
    ),
    "en": (
        "This is an exploration, not a forecast: the model says what would have to be true for an "
        "effect to occur.",
        "The default parameters are calibrated on ten published figures, which other sets of "
        "parameters explain too (docs/calibration.md). {interval}",
        "Most effect sizes come from foreign studies (clinics, laboratories, firms) and serve as "
        "orders of magnitude.",
        "Fragility and economic engines are an assumption; null effects are published too.",
        "Every parameter with its source and confidence: `cosim parameters`; every published "
        "figure: `cosim facts`.",
    ),
}
#: What the interval shows: with fixed parameters, with drawn ones.
_INTERVAL = {
    "fr": (
        "L'intervalle montre le hasard, pas l'incertitude des paramètres.",
        "L'intervalle montre le hasard et l'incertitude des paramètres, tirés pour chaque paire de "
        "simulations.",
    ),
    "en": (
        "The interval shows luck, not the uncertainty of parameters.",
        "The interval shows luck and the uncertainty of parameters, drawn for each pair of "
        "simulations.",
    ),
}


def write(
    effect: Effect,
    folder: str | Path,
    results: Results | None = None,
    results_reference: Results | None = None,
    lang: Lang = "fr",
) -> Path:
    """Write `report.html` and `figures/` into `folder`; return the page.

    Parameters
    ----------
    results : one replicate of the scenario with its journal, for survival, map and network
    results_reference : the same of the reference (its final alliances are counted beside)
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, str] = {}

    def add(name: str, alt: str, figure: Callable[[], Figure]) -> None:
        drawing.save(figure(), folder / "figures", name)
        drawn[name] = webpage.image((folder / "figures" / f"{name}.png").read_bytes(), "png", alt)

    for name in ("alliances", "engaged", "able"):
        label = INDICATORS[name].label(lang)
        add(name, f"{label} : {effect.sentence(lang, name)}",
            lambda name=name: figures.fan_chart(effect, name, lang=lang))  # type: ignore[misc]  # fmt: skip
    add("belief", _alt(lang, "Convaincus, capables et engagés au fil du temps",
                       "Convinced, able and engaged over time"),
        lambda: figures.belief_vs_practice(effect, lang))  # fmt: skip
    add("types", _alt(lang, "Alliances par type", "Alliances by type"),
        lambda: figures.alliances_by_type(effect, lang))  # fmt: skip
    add("origins", _alt(lang, "Alliances par origine", "Alliances by origin"),
        lambda: figures.alliances_by_origin(effect, lang))  # fmt: skip
    add("who", _alt(lang, "Qui gagne, par famille d'acteurs", "Who gains, by kind of actor"),
        lambda: figures.who_gains(effect, lang))  # fmt: skip
    concepts = [
        "radar", "ternary", "ladder_shares", "type_by_rung", "measured_vs_true", "two_outcomes",
        "spheres", "three_engineerings",
    ]  # fmt: skip
    if effect.scenario.array("spending")[:, -1].any():
        concepts.append("spending_by_lever")
    if any(effect.scenario.array("reach", group).any() for group in INDICATORS["reach"].groups):
        concepts.append("reach_by_public")
    for name in concepts:
        concept = figures_concepts.FIGURES[name]
        add(name, _alt(lang, concept.fr, concept.en),
            lambda concept=concept: concept.draw(effect, lang=lang))  # type: ignore[misc]  # fmt: skip
    place = []
    if results is not None:
        add("survival", _alt(lang, "Survie des alliances", "Survival of alliances"),
            lambda: figures.survival(results.alliances, results.scenario, lang))  # fmt: skip
        add("map", _alt(lang, "Carte du territoire et de ses alliances",
                        "Map of the territory and its alliances"),
            lambda: figures.territory_map(results, lang))  # fmt: skip
        add("network", _alt(lang, "Réseau des membres d'alliances", "Network of alliance members"),
            lambda: figures.network(results, lang))  # fmt: skip
        concept = figures_concepts.FIGURES["articulation"]
        add("articulation", _alt(lang, concept.fr, concept.en),
            lambda: concept.draw(results, lang=lang))  # fmt: skip
        place = ["map", "network", "articulation"]
    html = _page(effect, drawn, concepts, place, _counted(results, results_reference, lang), lang)
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


def _alt(lang: Lang, fr: str, en: str) -> str:
    return fr if lang == "fr" else en


def limits_of(effect: Effect, lang: Lang = "fr") -> list[str]:
    """Return what a document on an effect does not say, one sentence each."""
    interval = _INTERVAL[lang][effect.draws]
    return [line.format(interval=interval) for line in _LIMITS[lang]]


def _counted(results: Results | None, reference: Results | None, lang: Lang) -> str:
    """Return how many alliances the replicates that are drawn ended with."""
    if results is None or reference is None:
        return ""
    living, before = (int(r.alliances["ended"].isna().sum()) for r in (results, reference))
    return _alt(
        lang,
        f"Dans la simulation dessinée, {number(living)} alliances vivent à la fin parmi les "
        f"acteurs simulés ; {number(before)} dans la référence au même hasard.",
        f"In the simulation drawn, {number(living, 0, 'en')} alliances live at the end among the "
        f"simulated actors; {number(before, 0, 'en')} in the reference with the same luck.",
    )


def _key(effect: Effect, name: str, lang: Lang) -> str:
    words = _WORDS[lang]
    row = effect.table_at([-1], [name]).iloc[0]
    before, after = effect.means(name)
    share = INDICATORS[name].unit == "share"

    def level(x: float) -> str:
        return percent(x, lang) if share else number(x, 0, lang)

    def change(x: float) -> str:
        sign = "+" if x > 0 else ""
        return sign + (number(100 * x, 1, lang) if share else number(x, 0, lang))

    to = "à" if lang == "fr" else "to"
    unit = words["points"] if share else ""
    return (
        f'<div class="key">{escape(INDICATORS[name].label(lang))}<b>{level(after)}</b>'
        f"{change(row.difference)}{unit} · {words['reference']} {level(before)}"
        f"<small>{words['interval']} {change(row.low)} {to} {change(row.high)}</small></div>"
    )


def _page(
    effect: Effect, drawn: dict[str, str], concepts: list[str], place: list[str],
    counted: str, lang: Lang,
) -> str:  # fmt: skip
    from cosim import __version__

    words = _WORDS[lang]
    scenario, reference = effect.scenario.scenario, effect.reference.scenario
    territory = effect.scenario.place
    sample = scenario.territory.sample
    sampled = words["all"] if sample == 1 else words["some"].format(share=percent(sample, lang))
    curves = "".join(drawn[name] for name in drawn if name not in (*concepts, *place))
    notions = "".join(drawn[name] for name in concepts)
    where = "".join(drawn[name] for name in place)
    limits = "".join(f"<li>{escape(line)}</li>" for line in limits_of(effect, lang))
    keys = "".join(_key(effect, name, lang) for name in KEY_FIGURES)
    seed = effect.scenario.seed
    code = (
        "# reference.toml\n" + reference.to_toml() + "\n# scenario.toml\n" + scenario.to_toml()
        + f"\n# cosim compare reference.toml scenario.toml --replicates {effect.n} --seed {seed}\n"
        "# python:\n# import cosim\n"
        '# effect = cosim.compare(cosim.load("reference.toml"), cosim.load("scenario.toml"), '
        f"replicates={effect.n}, seed={seed})\n# print(effect.sentence({lang!r}))"
    )  # fmt: skip
    provenance = {
        "cosim": __version__,
        "territoire / territory": f"{territory.name} ({territory.code})",
        "empreintes / digests": f"{reference.digest} → {scenario.digest}",
        "graine / seed": str(seed),
        "réplicats / replicates": f"2 × {effect.n}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "données / data": "INSEE (COG, populations légales 2023), DGCL, Répertoire national des "
        "élus, via datagouv/decoupage-administratif — Licence Ouverte 2.0",
    }
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in provenance.items())
    inhabitants = number(territory.inhabitants, 0, lang)
    people = _alt(lang, "habitants", "inhabitants")
    there = f'<h2>{words["place"]}</h2><div class="figures">{where}</div>' if where else ""
    return f"""<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(words["title"])} — {escape(territory.name)}</title><style>{_STYLE}</style></head>
<body><main>
<h1>{escape(territory.name)}</h1>
<p class="muted">{inhabitants} {people}, {territory.n_communes} communes — {words["title"]}</p>
<p class="lead">{escape(effect.sentence(lang))}</p>
<h2>{words["keys"]}</h2><div class="keys">{keys}</div>
<h2>{words["curves"]}</h2><div class="figures">{curves}</div>
<h2>{words["concepts"]}</h2><div class="figures">{notions}</div>
{there}
<p class="muted">{escape(counted)}</p>
<h2>{words["what"]}</h2>
<p>{escape(scenario.sentence(lang))}</p>
<p>{escape(difference_sentence(reference, scenario, lang))}</p>
<p>{escape(sampled)}</p>
<h2>{words["limits"]}</h2><ul>{limits}</ul>
<h2>{words["again"]}</h2><dl>{rows}</dl><pre>{escape(code)}</pre>
</main></body></html>
"""
