"""One self-contained page about an experiment: question, verdicts, figures, tables, how to redo it.

Nothing is fetched from outside, and no script runs: the page opens in a town hall without a
network, and prints. Figures stand beside it as SVG and PNG, tables as CSV.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim import drawing, webpage
from cosim.effects_text import HARD, number
from cosim.errors import ResultsError
from cosim.experiment import figures, sentences
from cosim.experiment.frame import LANGS, badge, cell, filled, framed, words
from cosim.experiment.reading import Reading, read, said, spaced
from cosim.experiment.report_hypotheses import hypotheses
from cosim.scenario import difference_sentence
from cosim.scenario_format import toml_key, toml_value
from cosim.scenario_text import month_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from cosim.effects_text import Lang
    from cosim.experiment.document import Experiment
    from cosim.scenario import Scenario

__all__ = ["hypotheses", "render", "write"]

#: Rows of a table that the page shows; the rest is in its CSV.
ROWS = 200
#: Conditions that are told one by one in sight; more are folded under a sentence on all of them.
FOLD = 6
#: Columns of a compact matrix of verdicts.
COLUMNS = 8


class Picture(NamedTuple):
    """A figure of the page: file name, part of the page, its text, how it is drawn."""

    name: str
    part: str
    alt: str
    draw: Callable[[], Figure]


def write(folder: str | Path, lang: Lang | None = None) -> Path:
    """Write `report.html`, `figures/` and `tables/` into the folder of an experiment.

    Parameters
    ----------
    folder : what `cosim experiment run` left, finished or not
    lang : of the page; both, with a switch, by default

    Returns
    -------
    the page

    Raises
    ------
    CosimError : not a folder of an experiment, or it cannot be written
    """
    folder = Path(folder)
    reading = read(folder)
    try:
        save_tables(reading, folder / "tables")
        html = render(reading, lang, figures_to=folder / "figures")
        path = folder / "report.html"
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"the report cannot be written: {error.strerror}",
                           where=folder) from None  # fmt: skip
    return path


def render(reading: Reading, lang: Lang | None = None, figures_to: Path | None = None) -> str:
    """The page as HTML.

    Parameters
    ----------
    figures_to : folder where each figure is saved as well, as SVG and PNG (`-en` in English)
    """
    langs = (lang,) if lang else LANGS
    bodies = {one: _body(reading, one, figures_to) for one in langs}
    return framed(bodies, _title(reading, langs[0]))


def _title(reading: Reading, lang: Lang) -> str:
    french, english = reading.experiment.title, reading.experiment.title_en
    return spaced(drawing.tr(lang, french, english or french), lang)


# -- one language -------------------------------------------------------------------------


def _body(reading: Reading, lang: Lang, figures_to: Path | None) -> str:
    t = words(lang)
    experiment = reading.experiment
    found = not reading.rows.empty
    drawn: dict[str, str] = {}
    parts: dict[str, list[str]] = {}
    for picture in pictures(reading, lang):
        figure = picture.draw()
        if figures_to is not None:
            name = picture.name + ("" if lang == "fr" else "-en")
            drawing.save(figure, figures_to, name)
        drawn[picture.name] = webpage.vector(figure, picture.alt)
        if picture.part:
            parts.setdefault(picture.part, []).append(drawn[picture.name])
    together = reading.together()
    verdicts = [str(one) for one in together["verdict"]]
    agreed = verdicts[0] if len(set(verdicts)) == 1 else ""
    verdict = sentences.tally(verdicts, lang) if verdicts else ""
    return filled(
        "report.html", lang=lang, t=t, title=_title(reading, lang),
        question=spaced(
            t(experiment.question, experiment.question_en or experiment.question), lang),
        lacking=_lacking(reading, lang),
        hypothesis=experiment.hypothesis.model_dump() if experiment.hypothesis else None,
        verdict=verdict, badge=badge(agreed, lang),
        depends=sentences.depends(reading, lang) if experiment.hypothesis else [],
        matrix=_verdicts(reading, lang) if found and not reading.sampled else None,
        findings=[_finding(reading, name, drawn, lang) for name in experiment.contrasts
                  if len(reading.of(name))],
        draws=experiment.draws,
        pictures=[{"title": _PARTS[part][lang == "en"], "pictures": shown}
                  for part, shown in parts.items()],
        reference=_reference(reading, lang), design=_design(reading, lang),
        factors=_factors(reading, lang), arms=_arms(reading, lang),
        outcomes=_outcomes(reading, lang),
        tables=_tables(reading, lang), limits=_LIMITS[lang],
        provenance=_provenance(reading, lang), commands=_commands(reading, lang),
        document=experiment_toml(experiment),
    )  # fmt: skip


_PARTS = {
    "sizes": ("Taille des effets", "Sizes of effects"),
    "arms": ("Ce qui a été mesuré", "What was measured"),
    "fan": ("Au fil des mois", "Over the months"),
    "sensitivity": ("Ce qui compte dans les paramètres", "What matters among parameters"),
}
_LIMITS = {
    "fr": (
        "C'est une exploration, pas une prévision : le modèle dit ce qui devrait être vrai pour "
        "qu'un effet se produise.",
        "Un verdict vaut pour ce modèle, ces règles et ces paramètres ; il n'est pas une preuve "
        "sur les territoires.",
        "Le nombre de simulations resserre l'intervalle autant que l'on veut : la taille de "
        "l'effet compte plus que son signe.",
        "Les verdicts sont donnés un par un, à 95 %, sans correction pour leur nombre.",
        "La plupart des tailles d'effet viennent d'études étrangères (cliniques, laboratoires, "
        "entreprises) et servent d'ordres de grandeur.",
    ),
    "en": (
        "This is an exploration, not a forecast: the model says what would have to be true for an "
        "effect to occur.",
        "A verdict holds for this model, these rules and these parameters; it is no proof about "
        "territories.",
        "The number of simulations narrows the interval at will: the size of an effect counts "
        "more than its sign.",
        "Verdicts are given one by one, at 95%, without a correction for their number.",
        "Most effect sizes come from foreign studies (clinics, laboratories, firms) and serve as "
        "orders of magnitude.",
    ),
}


def pictures(reading: Reading, lang: Lang) -> list[Picture]:
    """The figures that these runs allow, in the order of the page."""
    t = words(lang)
    experiment = reading.experiment
    found: list[Picture] = []

    def add(name: str, part: str, alt: str, draw: Callable[[], Figure]) -> None:
        found.append(Picture(name, part, alt, draw))

    colon = t(f"{HARD}: ", ": ")
    for name in experiment.contrasts:
        if len(reading.of(name)):
            alt = t("Estimations et intervalles à 95 %", "Estimates and 95% intervals")
            add(f"forest-{name}", "", f"{alt}{colon}{reading.contrast(name, lang)}",
                partial(figures.forest, reading, name, lang))  # fmt: skip
    if not reading.rows.empty and not reading.sampled and len(reading.rows) > 1:
        add("sizes", "sizes", t("Effets standardisés de chaque contraste, par condition",
                                "Standardised effects of each contrast, by condition"),
            partial(figures.sizes, reading, lang))  # fmt: skip
    if reading.good.empty:
        return found
    for name in experiment.outcomes:
        if reading.good[name].notna().sum() == 0:
            continue
        label = reading.outcome(name, lang)
        if reading.doses:
            add(f"dose-{name}", "sizes", f"{label}{t(', selon la dose', ', against the dose')}",
                partial(figures.dose, reading, name, lang))  # fmt: skip
        add(f"arms-{name}", "arms", f"{label}{t(', par bras', ', by arm')}",
            partial(figures.arms, reading, name, lang))  # fmt: skip
    found += _sensitivity(reading, lang)
    for indicator, group in experiment.series_columns if len(reading.series) else ():
        name = "-".join(filter(None, ("fan", indicator, *group.split("/"))))
        add(name, "fan", f"{indicator} {group}".strip() + t(", mois par mois", ", month by month"),
            partial(figures.fan, reading, indicator, group, lang))  # fmt: skip
    return found


def _sensitivity(reading: Reading, lang: Lang) -> list[Picture]:
    """What matters among the factors of a Morris or Sobol design, once there are runs enough."""
    experiment = reading.experiment
    if experiment.design.kind not in ("morris", "sobol"):
        return []
    from cosim.experiment import figures_sensitivity, sensitivity

    pictures = []
    for name in experiment.contrasts or experiment.outcomes:
        told = (reading.contrast if name in experiment.contrasts else reading.outcome)(name, lang)
        try:
            analysed = sensitivity.analyse(experiment, reading.good, name)
        except ResultsError:
            continue
        for k, one in enumerate(analysed):
            alt = drawing.tr(lang, "Ce qui compte pour : ", "What matters for: ") + told
            pictures.append(Picture(f"sensitivity-{name}-{k}", "sensitivity", alt,
                                    partial(figures_sensitivity.indices, one, lang)))  # fmt: skip
    return pictures


# -- what it found ------------------------------------------------------------------------


def _verdicts(reading: Reading, lang: Lang) -> dict[str, Any]:
    """A matrix of verdicts: contrasts × strata, the factor with few levels across."""
    t = words(lang)
    strata = [name for name in reading.experiment.strata if len(reading.levels[name]) > 1]
    names = [n for n in reading.experiment.contrasts if len(reading.of(n))]
    across = next((n for n in reversed(strata) if len(reading.levels[n]) <= COLUMNS), None)
    across = across if len(strata) > 1 else None
    down = [name for name in strata if name != across]
    groups = []
    for name in names:
        unit, sign = reading.contrast_unit(name), reading.experiment.contrasts[name].sign
        lines: dict[tuple[Any, ...], dict[Any, Any]] = {}
        table = reading.of(name)[["estimate", "low", "high"]]
        sizes = table.to_numpy(np.float64).ravel().tolist()
        for row in reading.records(name):
            line = lines.setdefault(tuple(row[d] for d in down), {})
            line[row[across] if across else None] = cell(row, unit, sign, lang, sizes)
        columns = reading.levels[across] if across else [None]
        rows = [
            {"head": " · ".join(reading.level(d, v, lang) for d, v in zip(down, key, strict=True)),
             "cells": [line.get(column) for column in columns]}
            for key, line in lines.items()
        ]  # fmt: skip
        groups.append({"title": reading.contrast(name, lang), "rows": rows})
    heads = [t("verdict", "verdict")]
    if across:
        heads = [reading.level(across, level, lang) for level in reading.levels[across]]
    return {
        "caption": t("Verdict ; écart moyen et son intervalle à 95 % ; effet standardisé ; part "
                     "des simulations où l'écart va dans le sens attendu",
                     "Verdict; mean difference and its 95% interval; standardised effect; share of "
                     "simulations where the difference goes the expected way"),
        "corner": " · ".join(reading.factor(d, lang) for d in down), "heads": heads,
        "groups": groups,
    }  # fmt: skip


def _finding(reading: Reading, name: str, drawn: Mapping[str, str], lang: Lang) -> dict[str, Any]:
    about = reading.experiment.contrasts[name]
    unit = reading.contrast_unit(name)
    t = words(lang)
    expected = {
        "+": t("attendu avant la simulation : positif", "expected before the run: positive"),
        "-": t("attendu avant la simulation : négatif", "expected before the run: negative"),
        "<=": t("attendu avant la simulation : pas plus que la marge",
                "expected before the run: no more than the margin"),
        "0": t("attendu avant la simulation : pas d'effet qui compte",
               "expected before the run: no effect that matters"),
        "": t("exploratoire : rien n'était attendu", "exploratory: nothing was expected"),
    }[about.sign]  # fmt: skip
    if about.margin:
        expected += (
            t(", qui est ", ", which is ") if about.sign == "<="
            else t(", plus petit effet qui compte ", ", smallest effect that matters ")
        )  # fmt: skip
        expected += said(about.margin, unit, lang)
    if reading.sampled:
        lines: list[dict[str, Any]] = [
            {"stratum": "", "text": sentences.whole(reading, name, lang), "badge": None}
        ]
        tally = [v for v in reading.of(name)["verdict"] if v]
        if tally:
            text = sentences.tally(tally, lang)
            lines.append({"stratum": "", "badge": None, "text": text[:1].upper() + text[1:] + "."})
        folded = False
    else:
        folded = len(reading.of(name)) > FOLD
        lines = [
            {"stratum": reading.stratum(row, lang), "text": sentences.stratum(reading, row, lang),
             "badge": badge(row["verdict"], lang)}
            for row in reading.records(name)
        ]  # fmt: skip
    return {
        "title": reading.contrast(name, lang), "formula": about.estimate, "expected": expected,
        "compared": sentences.compared(reading, name, lang), "lines": lines,
        "figure": drawn[f"forest-{name}"], "folded": folded,
        "summary": _summary(reading, name, lang) if folded else "",
    }  # fmt: skip


def _summary(reading: Reading, name: str, lang: Lang) -> str:
    """A contrast over its conditions, before they are told one by one."""
    tally = [verdict for verdict in reading.of(name)["verdict"] if verdict]
    text = sentences.tally(tally, lang) if tally else ""
    said_ = sentences.conditions(reading, name, lang)
    return f"{text[:1].upper()}{text[1:]}. {said_}" if text else said_


def _lacking(reading: Reading, lang: Lang) -> list[str]:
    """What a reader must know before the rest: runs that are not there, runs that failed."""
    t = words(lang)
    told = []
    if reading.missing:
        n = number(reading.missing, 0, lang)
        told.append(t(
            f"Il manque {n} simulations sur celles qui étaient prévues : ce rapport est "
            "provisoire. La commande qui les fait est au bas de la page.",
            f"{n} of the planned simulations are missing: this report is provisional. The command "
            "that makes them is at the foot of the page.",
        ))  # fmt: skip
    if reading.missing and reading.others:
        n = number(reading.others, 0, lang)
        told.append(t(
            f"Le dossier garde aussi {n} simulations d'un autre plan ou d'une autre version du "
            "modèle, qui ne comptent pas ici.",
            f"The folder also keeps {n} simulations of another design or another version of the "
            "model, which do not count here.",
        ))  # fmt: skip
    failed = len(reading.failures)
    if failed:
        told.append(t(
            f"{failed} simulation{'s ont' if failed > 1 else ' a'} échoué et ne compte"
            f"{'nt' if failed > 1 else ''} pas ; erreurs et commandes pour les rejouer sont dans "
            "les tables.",
            f"{failed} simulation{'s' if failed > 1 else ''} failed and "
            f"{'do' if failed > 1 else 'does'} not count; errors and the commands that replay them "
            "are in the tables.",
        ))  # fmt: skip
    lost = [name for name in reading.experiment.contrasts if not len(reading.of(name))]
    if lost:
        names = ", ".join(reading.contrast(name, lang) for name in lost)
        told.append(t(f"Pas encore d'estimation pour : {names}.", f"No estimate yet of: {names}."))
    return told


# -- what was simulated -------------------------------------------------------------------


def _reference(reading: Reading, lang: Lang) -> str:
    """The reference in a sentence: the first point, and what every point shares with it."""
    scenario = reading.experiment.points[0].scenario
    first = drawing.tr(lang, "Le premier point : ", "The first point: ")
    return first + scenario.sentence(lang)


def _design(reading: Reading, lang: Lang) -> list[tuple[str, str]]:
    t = words(lang)
    experiment = reading.experiment
    points, runs = experiment.points, reading.runs
    kind = {
        "factorial": t("factoriel complet", "full factorial"),
        "lhs": t("hypercube latin", "Latin hypercube"),
        "sobol": "Sobol (Saltelli et al. 2010)", "morris": "Morris (1991)",
        "table": t("table", "table"),
    }[experiment.design.kind]  # fmt: skip
    months = sum(points[p].scenario.n_months for p in runs["point"])
    stopping = experiment.stopping
    if stopping is None:
        replicates = number(experiment.least_replicates(), 0, lang)
    else:
        watched = stopping.contrast or stopping.outcome
        half = number(stopping.half_width, 2, lang)
        replicates = t(
            f"de {stopping.least} à {stopping.most}, jusqu'à un intervalle à 95 % de ± {half} sur "
            f"« {watched} »", f"{stopping.least} to {stopping.most}, until a 95% interval of "
            f"± {half} on “{watched}”",
        )  # fmt: skip
    told = [
        (t("référence", "reference"), experiment.reference),
        (t("plan", "design"), f"{kind}, {number(len(points), 0, lang)} points"),
        (t("réplicats par point", "replicates of a point"), replicates),
        (t("graine", "seed"), str(experiment.seed)),
        (t("simulations faites", "simulations made"),
         t(f"{number(len(runs))}, dont {len(reading.failures)} en échec ; il en manque "
           f"{number(reading.missing)}", f"{number(len(runs), 0, lang)}, {len(reading.failures)} "
           f"failed; {number(reading.missing, 0, lang)} missing")),
        (t("coût", "cost"), t(f"{number(months)} mois de territoire simulés",
                              f"{number(months, 0, lang)} months of a territory simulated")),
    ]  # fmt: skip
    if experiment.set:
        settings = ", ".join(
            f"{key} = {toml_value(value)}" for key, value in experiment.set.items()
        )
        told.append((t("réglages communs", "common settings"), settings))
    if experiment.per:
        keys = ", ".join(reading.factor(key, lang) for key in experiment.per.keys)
        people = number(experiment.per.inhabitants, 0, lang)
        told.append((t("doses", "doses"), t(f"{keys} : pour {people} habitants",
                                            f"{keys}: per {people} inhabitants")))  # fmt: skip
    if experiment.source:
        told.append((t("source", "source"), experiment.source))
    return told


def _factors(reading: Reading, lang: Lang) -> dict[str, Any]:
    t = words(lang)
    experiment = reading.experiment
    rows = []
    for name, factor in experiment.made.items():
        if factor.is_range:
            log = t(", échelle logarithmique", ", log scale") if factor.log else ""
            ends = [reading.level(name, end, lang) for end in (factor.low, factor.high)]
            levels = t(f"de {ends[0]} à {ends[1]}{log}", f"{ends[0]} to {ends[1]}{log}")
        else:
            levels = ", ".join(reading.level(name, level, lang) for level in factor.values)
        role = (
            t("bras", "arms") if name == experiment.arms
            else t("règles rivales", "rival rules") if name in reading.rivals
            else t("conditions", "conditions")
        )  # fmt: skip
        rows.append([reading.factor(name, lang), role, levels])
    return {"caption": t("Ce qui varie", "What varies"), "rows": rows,
            "heads": [t("facteur", "factor"), t("rôle", "role"), t("niveaux", "levels")],
            "text": [0, 1, 2], "note": ""}  # fmt: skip


def _arms(reading: Reading, lang: Lang) -> dict[str, Any]:
    """What each arm changes from the first one, in a sentence, where a name alone does not say."""
    t = words(lang)
    name = reading.experiment.arms
    rows = []
    if name and "." not in name:
        first = reading.example(name, reading.arms[0]).scenario
        for arm in reading.arms:
            point = reading.example(name, arm)
            told = [t("Comme le premier point, ci-dessus.", "As the first point, above.")
                    if arm == reading.arms[0]
                    else _change(first, point.scenario, lang)]  # fmt: skip
            before = point.scenario
            for month, scenario in point.then:
                since = t("Dès ", "From ") + month_name(month, lang)
                told.append(f"{since}{t(f'{HARD}: ', ': ')}{_change(before, scenario, lang)}")
                before = scenario
            rows.append([reading.arm(arm, lang), " ".join(told)])
    return {"caption": t("Ce que change chaque bras, comparé au premier",
                         "What each arm changes, compared with the first"),
            "heads": [t("bras", "arm"), t("ce qui est simulé", "what is simulated")],
            "rows": rows, "text": [0, 1], "note": ""}  # fmt: skip


def _change(before: Scenario, after: Scenario, lang: Lang) -> str:
    """What a scenario changes from another, without saying from what."""
    text = difference_sentence(before, after, lang)
    return text.partition(":")[2].strip() or text


def _outcomes(reading: Reading, lang: Lang) -> dict[str, Any]:
    t = words(lang)
    rows = [[name, reading.outcome(name, lang), text, reading.unit(name) or "–"]
            for name, text in reading.experiment.outcomes.items()]  # fmt: skip
    return {"caption": t("Ce qui est mesuré", "What is measured"), "rows": rows,
            "text": [0, 1, 2, 3], "heads": [t("nom", "name"), t("ce que c'est", "what it is"),
                      t("formule", "formula"), t("unité", "unit")], "note": ""}  # fmt: skip


# -- tables -------------------------------------------------------------------------------


def arm_table(reading: Reading) -> pd.DataFrame:
    """Each outcome of each point over its runs that did not fail.

    Returns
    -------
    DataFrame : point, its levels, outcome, n, mean, sd, q05, q25, q50, q75, q95
    """
    import pandas as pd

    levels = {p.number: p.levels for p in reading.experiment.points}
    rows = []
    for point, runs in reading.good.groupby("point"):
        for name in reading.experiment.outcomes:
            values = runs[name].dropna().to_numpy(np.float64)
            if not len(values):
                continue
            cuts = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
            rows.append({
                "point": point, **levels[int(str(point))], "outcome": name, "n": len(values),
                "mean": values.mean(), "sd": values.std(ddof=1) if len(values) > 1 else np.nan,
                **dict(zip(("q05", "q25", "q50", "q75", "q95"), cuts, strict=True)),
            })  # fmt: skip
    columns = ["point", *(next(iter(levels.values()), {})), "outcome", "n", "mean", "sd",
               "q05", "q25", "q50", "q75", "q95"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def all_tables(reading: Reading) -> dict[str, pd.DataFrame]:
    """The tables beside the page, by the name of their file."""
    estimates = reading.rows.drop(columns=["_stratum", "_contrast"])
    return {"estimates": estimates, "arms": arm_table(reading), "failures": reading.failures,
            "design": reading.experiment.design_table}  # fmt: skip


def save_tables(reading: Reading, folder: Path) -> None:
    """Write each table as CSV, and as CSV for a French Excel (`-excel.csv`)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in all_tables(reading).items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        table.to_csv(folder / f"{name}-excel.csv", index=False, sep=";", decimal=",",
                     encoding="utf-8-sig", lineterminator="\r\n")  # fmt: skip


def _tables(reading: Reading, lang: Lang) -> list[dict[str, Any]]:
    t = words(lang)
    about = {
        "estimates": t("Estimations par contraste et condition",
                       "Estimates by contrast and condition"),
        "arms": t("Résultats par point : moyenne, écart-type, quantiles",
                  "Outcomes by point: mean, standard deviation, quantiles"),
        "failures": t("Simulations en échec et commandes qui les rejouent",
                      "Simulations that failed and the commands that replay them"),
        "design": t("Les points du plan", "The points of the design"),
    }  # fmt: skip
    shown = []
    for name, table in all_tables(reading).items():
        if table.empty:
            continue
        cut = table.head(ROWS)
        lines = number(len(table), 0, lang)
        plural = "s" if len(table) > 1 else ""
        summary = f"{about[name]} ({lines} {t('ligne', 'row')}{plural})"
        more = len(table) - len(cut)
        note = t(f"Et {number(more)} lignes de plus dans tables/{name}.csv.",
                 f"And {number(more, 0, lang)} more rows in tables/{name}.csv.")  # fmt: skip
        shown.append({
            "summary": summary, "caption": about[name], "heads": list(table.columns),
            "rows": [[_shown(v, lang) for v in row] for row in cut.itertuples(index=False)],
            "open": name == "failures", "note": note if more else "",
            "text": [k for k, column in enumerate(table) if table[column].dtype.kind not in "if"],
        })  # fmt: skip
    return shown


def _shown(value: Any, lang: Lang) -> Any:
    """A cell of a table: verdicts as badges, numbers with four figures."""
    if isinstance(value, str):
        return badge(value, lang) or value
    if value is None or value != value:
        return "–"
    if isinstance(value, int | np.integer):
        return number(int(value), 0, lang)
    size = abs(float(value))
    digits = 0 if size == 0 else int(np.clip(3 - np.floor(np.log10(size)), 0, 5))
    return number(float(value), digits, lang)


# -- how to make it again -----------------------------------------------------------------


def _provenance(reading: Reading, lang: Lang) -> list[tuple[str, str]]:
    from cosim import __version__

    t = words(lang)
    manifest = reading.manifest
    versions = manifest.get("versions", {"cosim": __version__})
    return [
        (t("versions", "versions"), ", ".join(f"{k} {v}" for k, v in versions.items())),
        (t("créé", "created"), str(manifest.get("created", "–"))),
        (t("empreinte", "digest"), reading.experiment.digest),
        (t("graine", "seed"), str(reading.experiment.seed)),
        (t("données", "data"), "INSEE, DGCL, Répertoire national des élus — Licence Ouverte 2.0"),
        (t("licence", "licence"), t("BSD-3-Clause (logiciel)", "BSD-3-Clause (software)")),
        (t("citer", "cite"), f"The cosim authors, cosim {__version__} (CITATION.cff), "
         + t("expérience ", "experiment ") + reading.experiment.digest),
    ]  # fmt: skip


def _commands(reading: Reading, lang: Lang) -> str:
    t = words(lang)
    lines = [
        str(reading.manifest.get("command") or "cosim experiment run experiment.toml --out DIR"),
        t("# dans le même dossier : ce qui manque seulement",
          "# in the same folder: only what is missing"),
        "cosim experiment export DIR",
        "cosim experiment report DIR",
    ]  # fmt: skip
    lines += [str(replay) for replay in reading.failures["replay"].head(10)]
    return "\n".join(lines)


def experiment_toml(experiment: Experiment) -> str:
    """An experiment as its file would say it, without comments and defaults."""
    document = experiment.model_dump(mode="json", exclude_defaults=True)
    lines = [
        f"{toml_key(key)} = {toml_value(value)}"
        for key, value in document.items()
        if not isinstance(value, dict)
    ]
    for name, table in document.items():
        if isinstance(table, dict) and table:
            lines += ["", f"[{name}]"]
            lines += [f"{toml_key(key)} = {toml_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"
