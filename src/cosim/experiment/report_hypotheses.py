"""One page for all hypotheses: verdicts by kind of territory and rival rule, with their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.effects_text import HARD
from cosim.errors import ResultsError
from cosim.experiment import sentences
from cosim.experiment.contrasts import VERDICTS
from cosim.experiment.frame import LANGS, badge, cell, filled, framed, words
from cosim.experiment.reading import contrast_unit, place_words, rules_words

if TYPE_CHECKING:
    import pandas as pd

    from cosim.effects_text import Lang
    from cosim.experiment.document import Experiment

__all__ = ["hypotheses"]


def hypotheses(table: pd.DataFrame, path: str | Path, lang: Lang | None = None) -> Path:
    """Write the page of all hypotheses.

    Parameters
    ----------
    table : as `hypotheses.verdicts`: hypothesis, contrast, territory, rules, estimate, low, high,
        effect, in_favour, relative, n, verdict, sign, fr, en
    path : of the page
    lang : of the page; both, with a switch, by default

    Returns
    -------
    the page

    Raises
    ------
    ResultsError : it cannot be written
    """
    from cosim.experiment.hypotheses import registered

    known = registered()
    langs = (lang,) if lang else LANGS
    html = framed({one: _body(table, known, one) for one in langs}, _title(langs[0]))
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"the page cannot be written: {error.strerror}",
                           where=path) from None  # fmt: skip
    return path


def _title(lang: Lang) -> str:
    return (
        "Ce que le modèle dit des hypothèses"
        if lang == "fr"
        else "What the model says of the hypotheses"
    )


def _body(table: pd.DataFrame, known: Mapping[str, Experiment], lang: Lang) -> str:
    from cosim.experiment.hypotheses import ALL, DEFAULT, RULES, TERRITORY, summary, whole

    t = words(lang)
    verdicts = whole(table)
    over = summary(table)
    by_default = verdicts[(verdicts[RULES] == DEFAULT) & (verdicts[TERRITORY] != ALL)]
    places = list(dict.fromkeys(by_default[TERRITORY]))
    rows, told = [], []
    for name, part in table.groupby("hypothesis", sort=False):
        experiment = known.get(str(name))
        mine = by_default[by_default["hypothesis"] == name].set_index(TERRITORY)["verdict"]
        one = over[over["hypothesis"] == name]
        changed = [_rules(experiment, r, lang) for r in one.loc[one["changes"], RULES]]
        rivals = one[RULES].nunique() > 1
        rows.append({
            "head": name,
            "cells": [
                *[_plain(mine.get(place), lang) for place in places],
                _plain(one.loc[one[RULES] == DEFAULT, "verdict"].iloc[0], lang),
                {"badge": {"verdict": "", "mark": "", "word": ""}, "more": "", "size":
                 (t("change avec la règle", "changes with the rule") if changed
                  else t("ne change pas", "does not change")) if rivals else "–"},
            ],
        })  # fmt: skip
        told.append({
            "id": name, "verdict": _sentence(list(mine), lang),
            "text": t(experiment.hypothesis.fr, experiment.hypothesis.en)
            if experiment and experiment.hypothesis else "",
            "depends": [_depends(changed, lang)] if changed else [],
            "matrix": _matrix(part, experiment, lang),
        })  # fmt: skip
    heads = [*(place_words(p, lang) for p in places), t("ensemble", "together"),
             t("règles rivales", "rival rules")]  # fmt: skip
    count = {v: int((over[over[RULES] == DEFAULT]["verdict"] == v).sum()) for v in VERDICTS}
    return filled(
        "hypotheses.html", lang=lang, t=t, title=_title(lang), hypotheses=told,
        lead=t(f"Sur {len(rows)} hypothèses écrites avant la simulation",
               f"Of {len(rows)} hypotheses written before the run")
        + t(f"{HARD}: ", ": ")
        + ", ".join(f"{n} {_noun(v, n, lang)}" for v, n in count.items() if n) + ".",
        glance={
            "caption": t("Verdict de chaque hypothèse par type de territoire, règles par défaut",
                         "Verdict on each hypothesis by kind of territory, default rules"),
            "corner": t("hypothèse", "hypothesis"), "heads": heads,
            "groups": [{"title": "", "rows": rows}],
        },
        limits=READING[lang],
    )  # fmt: skip


READING = {
    "fr": (
        "Chaque hypothèse, son signe attendu et le plus petit effet qui compte ont été écrits "
        "avant la simulation (dossier experiments/).",
        "Une hypothèse est soutenue quand tous ses contrastes le sont, contredite dès que l'un "
        "d'eux l'est. Ensemble : le verdict de la moyenne des territoires, réplicat par réplicat.",
        "Dans chaque case : écart moyen et son intervalle à 95 %, effet standardisé (écart moyen "
        "divisé par l'écart-type des écarts), part des simulations dans le sens attendu.",
        "Les verdicts sont donnés un par un, sans correction pour leur nombre. Ils valent pour ce "
        "modèle ; ils ne prouvent rien sur un territoire.",
    ),
    "en": (
        "Each hypothesis, its expected sign and the smallest effect that matters were written "
        "before the run (folder experiments/).",
        "A hypothesis is supported when all its contrasts are, contradicted as soon as one is. "
        "Together: the verdict of the mean over territories, replicate by replicate.",
        "In each cell: mean difference and its 95% interval, standardised effect (mean difference "
        "over the standard deviation of differences), share of simulations on the expected side.",
        "Verdicts are given one by one, without a correction for their number. They hold for this "
        "model; they prove nothing about a territory.",
    ),
}


def _noun(verdict: str, n: int, lang: Lang) -> str:
    word = sentences.verdict_word(verdict, lang)
    return f"{word}s" if lang == "fr" and n > 1 else word


def _plain(verdict: Any, lang: Lang) -> dict[str, Any] | None:
    """A cell that holds a verdict alone; None where there is none."""
    shown = badge(verdict, lang) if isinstance(verdict, str) else None
    return {"badge": shown, "size": "", "more": ""} if shown else None


def _sentence(verdicts: list[str], lang: Lang) -> str:
    text = sentences.tally(verdicts, lang)
    return text[:1].upper() + text[1:]


def _depends(rules: list[str], lang: Lang) -> str:
    names = " ; ".join(rules) if lang == "fr" else "; ".join(rules)
    if lang == "fr":
        return f"Le verdict dépend de la règle{HARD}: il est autre avec {names}."
    return f"The verdict depends on the rule: it is another one with {names}."


def _rules(experiment: Experiment | None, level: str, lang: Lang) -> str:
    """The words of a set of rules; its name when its experiment is not one of those shipped."""
    from cosim.experiment.hypotheses import RULES

    if experiment is None or RULES not in experiment.made:
        return rules_words({}, lang) if level == "default" else level
    factor = experiment.made[RULES]
    if level not in factor.labels:
        return level
    return rules_words(factor.patches[factor.labels.index(level)].get("rules", {}), lang)


def _matrix(part: pd.DataFrame, experiment: Experiment | None, lang: Lang) -> dict[str, Any]:
    """The contrasts of one hypothesis: territories down, rules across."""
    from cosim.experiment.hypotheses import RULES, TERRITORY

    t = words(lang)
    rules = list(dict.fromkeys(part[RULES]))
    groups = []
    for name, of in part.groupby("contrast", sort=False):
        shipped = experiment is not None and name in experiment.contrasts
        unit = contrast_unit(experiment, str(name)) if experiment and shipped else ""
        sizes = of[["estimate", "low", "high"]].to_numpy(np.float64).ravel().tolist()
        lines: dict[str, dict[str, Any]] = {}
        for row in of.to_dict("records"):
            values = {str(k): v for k, v in row.items()}
            shown = cell(values, unit, str(row["sign"]), lang, sizes)
            lines.setdefault(str(row[TERRITORY]), {})[str(row[RULES])] = shown
        first = of.iloc[0]
        groups.append({
            "title": str(first[lang]) or str(name),
            "rows": [{"head": place_words(place, lang), "cells": [line.get(r) for r in rules]}
                     for place, line in lines.items()],
        })  # fmt: skip
    return {
        "caption": t("Verdict, écart moyen et intervalle à 95 %, effet standardisé, fréquence",
                     "Verdict, mean difference and 95% interval, standardised effect, frequency"),
        "corner": t("territoire", "territory"),
        "heads": [_rules(experiment, str(r), lang) for r in rules], "groups": groups,
    }  # fmt: skip
