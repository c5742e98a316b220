"""What the report of an experiment reads: its tables, and the words of what they are about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim import cases, scenario_text
from cosim.calibration.language import Series
from cosim.effects_text import HARD, NARROW, number
from cosim.experiment import contrasts
from cosim.experiment.design import SAMPLE
from cosim.experiment.hypotheses import ALL
from cosim.indicators import INDICATORS, group_label
from cosim.scenario_levers import Rules

if TYPE_CHECKING:
    import pandas as pd

    from cosim.effects_text import Lang
    from cosim.experiment.document import Experiment, Point

__all__ = [
    "MANY", "Panel", "Reading", "contrast_unit", "place_words", "read", "rules_words", "said",
    "several", "spaced",
]  # fmt: skip

#: Strata that are told one by one; of more (the draws of a sampled design), the whole is told.
MANY = 60
#: Panels of a figure; of more levels, the first ones are drawn, and it says so.
PANELS = 12
#: Factors that many experiments share -> their names.
_FACTORS = {
    "territory": ("territoire", "territory"),
    "scenario": ("scénario", "scenario"),
    "rules": ("règles", "rules"),
    "order": ("ordre", "order"),
    "arm": ("bras", "arm"),
    SAMPLE: ("tirage", "draw"),
}
#: Levels that shipped experiments share -> their names; others are called as their file does.
_LEVELS = {
    "none": ("aucun", "none"),
    "all": ("tous", "all"),
    "both": ("les deux", "both"),
    "together": ("ensemble", "together"),
    "skills": ("compétences", "skills"),
    "calm": ("sans crise", "no crisis"),
    "crisis": ("crise", "crisis"),
    "catalysts": ("catalyseurs", "catalysts"),
    "experiments": ("expérimentations", "experiments"),
    "dialogue_first": ("dialogue d'abord", "dialogue first"),
    "experimentation": ("expérimentation", "experiments"),
    "accompagnement": ("accompagnement", "coaching"),
    "lieu": ("lieu", "place"),
    "balanced": ("quatre métiers", "four métiers"),
    "low": ("(départ bas)", "(low start)"),
    "high": ("(départ haut)", "(high start)"),
    "ingenierie": ("ingénierie", "engineering"),
    "droit": ("droit", "law"),
    "prime": ("prime", "premium"),
    "still": ("sans élection", "no election"),
    "votes": ("élections", "elections"),
    "stopped": ("arrêté", "stopped"),
    "continued": ("continué", "continued"),
}
_UNITS = {"k€": ("k€", "k€"), "months": ("mois", "months"), "/month": ("par mois", "per month")}


class Panel(NamedTuple):
    """A part of a figure: its title, and the points whose runs it shows."""

    label: str
    points: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Reading:
    """The tables of an experiment, and their words.

    Parameters
    ----------
    experiment : the document
    runs : as `Store.runs`: run, point, replicate, error, replay, outcomes
    series : as `Store.series`: run, month, indicator, group, value
    estimates, pairs : as `contrasts.estimates` and `contrasts.per_replicate`
    missing : runs that are planned and not stored
    others : runs that are stored and no part of the design, or of another version of the model
    manifest : what the store says of itself: created, versions, command
    """

    experiment: Experiment
    runs: pd.DataFrame
    series: pd.DataFrame
    estimates: pd.DataFrame
    pairs: pd.DataFrame
    missing: int = 0
    others: int = 0
    manifest: Mapping[str, Any] = field(default_factory=dict)

    # -- what there is --------------------------------------------------------------------

    @cached_property
    def good(self) -> pd.DataFrame:
        """The runs that did not fail, with the arm of each."""
        runs = self.runs[self.runs["error"].isna()]
        return runs.assign(arm=runs["point"].map({p.number: p.arm for p in self.experiment.points}))

    @cached_property
    def failures(self) -> pd.DataFrame:
        """The runs that failed: run, point, replicate, error, replay."""
        failed = self.runs[self.runs["error"].notna()]
        return failed[["run", "point", "replicate", "error", "replay"]].reset_index(drop=True)

    @cached_property
    def arms(self) -> tuple[str, ...]:
        """The labels of the arms, in their order."""
        return self.experiment.arm_names

    @cached_property
    def doses(self) -> tuple[float, ...] | None:
        """The arms as numbers, None if they are none."""
        try:
            doses = tuple(float(arm) for arm in self.arms)
        except ValueError:
            return None
        return doses if len(doses) > 1 else None

    @cached_property
    def sampled(self) -> bool:
        """Whether strata are too many to be told one by one."""
        strata = {point.stratum for point in self.experiment.points}
        return SAMPLE in self.experiment.strata or len(strata) > MANY

    @cached_property
    def levels(self) -> dict[str, list[Any]]:
        """Factor that is not that of the arms -> its levels, in the order of the points."""
        found: dict[str, dict[Any, None]] = {name: {} for name in self.experiment.strata}
        for point in self.experiment.points:
            for name, level in zip(found, point.stratum, strict=True):
                found[name][level] = None
        return {name: list(levels) for name, levels in found.items()}

    @cached_property
    def rivals(self) -> tuple[str, ...]:
        """The factors whose levels are rival rules: each has rules of its own."""
        found = []
        for k, name in enumerate(self.experiment.strata):
            rules: dict[Any, set[str]] = {}
            for point in self.experiment.points:
                rules.setdefault(point.stratum[k], set()).add(repr(point.scenario.rules))
            if len(rules) > 1 and len({frozenset(one) for one in rules.values()}) == len(rules):
                found.append(name)
        return tuple(found)

    def example(self, name: str, level: Any) -> Point:
        """The first point with a level of a factor; its other levels are the first ones."""
        return next(p for p in self.experiment.points if p.levels[name] == level)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The estimates with the place of their stratum among the points, in that order."""
        strata = list(self.experiment.strata)
        place: dict[tuple[Any, ...], int] = {}
        for point in self.experiment.points:
            place.setdefault(tuple(point.stratum), len(place))
        names = {name: k for k, name in enumerate(self.experiment.contrasts)}
        table = self.estimates.copy()
        table["_stratum"] = [place[tuple(row)] for row in table[strata].to_numpy(object)]
        table["_contrast"] = table["contrast"].map(names)
        return table.sort_values(["_contrast", "_stratum"]).reset_index(drop=True)

    def of(self, contrast: str) -> pd.DataFrame:
        """The estimates of one contrast, in the order of the strata."""
        return self.rows[self.rows["contrast"] == contrast].reset_index(drop=True)

    def together(self) -> pd.DataFrame:
        """The verdict on the hypothesis in each stratum: strata, verdict."""
        import pandas as pd

        strata = list(self.experiment.strata)
        expected = [name for name, one in self.experiment.contrasts.items() if one.sign]
        told = self.rows[self.rows["contrast"].isin(expected)]
        rows = []
        for _, group in told.groupby("_stratum", sort=True):
            # a contrast without an estimate is not decided
            verdicts = [*group["verdict"], *[contrasts.UNDECIDED] * (len(expected) - len(group))]
            first = group.iloc[0]
            rows.append({**{k: first[k] for k in strata}, "verdict": contrasts.together(verdicts)})
        return pd.DataFrame(rows, columns=[*strata, "verdict"])

    def records(self, contrast: str) -> list[dict[str, Any]]:
        """The estimates of one contrast, as `of`, one dictionary each."""
        return [{str(k): v for k, v in row.items()} for row in self.of(contrast).to_dict("records")]

    def panels(self, lang: Lang) -> tuple[list[Panel], str]:
        """How a figure is cut: a panel per level of one factor; the others stay at their first.

        Draws of a sampled design are taken together.

        Returns
        -------
        panels, and what is left out in plain words
        """
        crossed = [f for f in self.experiment.design.crossed if f != self.experiment.arms]
        names = crossed if self.sampled else list(self.experiment.strata)
        if not names:
            return [Panel("", tuple(p.number for p in self.experiment.points))], ""
        by = max(names, key=lambda name: min(len(self.levels[name]), PANELS))
        fixed = {name: self.levels[name][0] for name in names if name != by}
        shown = self.levels[by][:PANELS]
        places = {name: self.experiment.strata.index(name) for name in names}
        panels = []
        for level in shown:
            chosen = {by: level, **fixed}
            points = tuple(
                p.number
                for p in self.experiment.points
                if all(p.stratum[places[name]] == wanted for name, wanted in chosen.items())
            )
            panels.append(Panel(self.level(by, level, lang), points))
        notes = [
            f"{self.factor(name, lang)}{_colon(lang)}{self.level(name, level, lang)}"
            for name, level in fixed.items()
            if len(self.levels[name]) > 1
        ]
        if len(shown) < len(self.levels[by]):
            some = f"{len(shown)} / {len(self.levels[by])}"
            notes.append(f"{some} {self.factor(by, lang)}")
        return panels, ", ".join(notes)

    # -- words ----------------------------------------------------------------------------

    def factor(self, name: str, lang: Lang) -> str:
        """What a factor is called."""
        known = _FACTORS.get(name)
        return known[lang == "en"] if known else scenario_text.label(name, lang) or name

    def level(self, name: str, level: Any, lang: Lang) -> str:
        """What a level of a factor is called."""
        if isinstance(level, float | int | np.number) and not isinstance(level, bool):
            return number(float(level), _decimals(float(level)), lang)
        text = str(level)
        if name in _PLACES:
            return place_words(text, lang)
        if name in self.rivals:
            return rules_words(self.example(name, level).scenario.rules.model_dump(), lang)
        try:
            return number(float(text), _decimals(float(text)), lang)
        except ValueError:
            pass
        if "." in name:
            return scenario_text.value_words(name, text, lang)
        return _level_words(text, lang)

    def arm(self, arm: str, lang: Lang) -> str:
        """What an arm is called."""
        return self.level(self.experiment.arms, arm, lang)

    def stratum(self, row: Mapping[str, Any], lang: Lang) -> str:
        """What a stratum is called: its levels; empty when there is one stratum."""
        told = [name for name in self.experiment.strata if len(self.levels[name]) > 1]
        return " · ".join(self.level(name, row[name], lang) for name in told)

    def outcome(self, name: str, lang: Lang) -> str:
        """What an outcome is: the label of its indicator and its date, or its name."""
        meaning = self.experiment.measures[name]
        if not isinstance(meaning, Series):
            return name.replace("_", " ")
        label = INDICATORS[meaning.indicator].label(lang)
        if meaning.group:
            label += f" ({group_label(meaning.group, lang)})"
        when = str(meaning.when)
        if len(when) == 7 and when[4] == "-":
            when = scenario_text.month_name(when, lang)
        return f"{label}, {when}"

    def contrast(self, name: str, lang: Lang) -> str:
        """What a contrast compares, or its formula."""
        about = self.experiment.contrasts[name]
        text = about.fr if lang == "fr" else about.en or about.fr
        return spaced(text or about.estimate, lang)

    def unit(self, outcome: str) -> str:
        """The unit of an outcome."""
        return self.experiment.measures[outcome].unit

    def contrast_unit(self, name: str) -> str:
        """The unit of a contrast."""
        return contrast_unit(self.experiment, name)


_PLACES = ("territory", "territory.code")


def contrast_unit(experiment: Experiment, name: str) -> str:
    """The unit of a contrast, that of its outcomes; points of a difference of shares."""
    terms = experiment.terms[name]
    measures = experiment.measures
    units = {measures[outcome].unit for outcome, _ in terms}
    unit = units.pop() if len(units) == 1 else ""
    difference = abs(sum(terms.values())) < 1e-9
    return "points" if unit == "share" and difference else unit


def place_words(level: str, lang: Lang) -> str:
    """The name of a kind of territory, or the level as it is written."""
    if level == ALL:
        return "moyenne des territoires" if lang == "fr" else "mean of the territories"
    slug = level.removeprefix(cases.PREFIX)
    return cases.CASES[slug].title(lang) if slug in cases.CASES else level


def rules_words(rules: Mapping[str, Any], lang: Lang) -> str:
    """A set of rival rules, by those that are not the default ones."""
    default = Rules()
    found = [
        scenario_text.label(f"rules.{key}", lang)
        + _colon(lang)
        + scenario_text.value_words(f"rules.{key}", value, lang)
        for key, value in rules.items()
        if value != getattr(default, key)
    ]
    if not found:
        return "règles par défaut" if lang == "fr" else "default rules"
    return ", ".join(found)


def _level_words(text: str, lang: Lang) -> str:
    """The name of a level; of "dialogue_low", the names of its parts."""
    if text in _LEVELS:
        return _LEVELS[text][lang == "en"]
    parts = text.split("_")
    return " ".join(_LEVELS[part][lang == "en"] if part in _LEVELS else part for part in parts)


def read(folder: str | Path) -> Reading:
    """Read the folder of an experiment.

    Raises
    ------
    CosimError : not a folder of an experiment
    """
    from cosim.experiment.store import Store

    store = Store(folder)
    runs = store.runs()
    experiment = store.experiment
    good = runs[runs["error"].isna()]
    counts = store.counts()
    return Reading(
        experiment, runs, store.series(), contrasts.estimates(experiment, good),
        contrasts.per_replicate(experiment, good),
        counts.missing, counts.others, store.manifest,
    )  # fmt: skip


# -- numbers ------------------------------------------------------------------------------


def _decimals(value: float) -> int:
    """Decimals with which a level is written: as many as it has, at most four."""
    return next((d for d in range(4) if abs(round(value, d) - value) < 1e-9), 4)


def several(
    values: Sequence[float],
    unit: str,
    lang: Lang,
    sign: bool = False,
    beside: Sequence[float] = (),
) -> tuple[list[str], str]:
    """Write numbers of one unit with the same decimals: three figures in the largest, two below 1.

    Parameters
    ----------
    unit : share (in %), points (a difference of shares), or that of an indicator
    sign : whether positive ones have a plus
    beside : other numbers of the same table, so that all have the same decimals

    Returns
    -------
    the numbers, and the unit to write behind the last
    """
    scale = 100.0 if unit in ("share", "points") else 1.0
    scaled = [scale * float(value) for value in values]
    sizes = [abs(value) for value in (*scaled, *(scale * x for x in beside)) if np.isfinite(value)]
    top = max(sizes, default=0.0)
    figures = 2 if top >= 1.0 else 1
    digits = 0 if top == 0.0 else int(np.clip(figures - np.floor(np.log10(top)), 0, 4))
    digits = min(digits, 1) if unit in ("share", "points", "count", "k€") else digits
    texts = []
    for value in scaled:
        text = number(value, digits, lang) if np.isfinite(value) else "–"
        texts.append("+" + text if sign and round(value, digits) > 0 else text)
    if unit == "share":
        return texts, f"{NARROW}%" if lang == "fr" else "%"
    word = "points" if unit == "points" else _UNITS[unit][lang == "en"] if unit in _UNITS else ""
    return texts, f"{HARD}{word}" if word else ""


def said(value: float, unit: str, lang: Lang) -> str:
    """One number that a file gives, with its unit and all its decimals."""
    scaled = 100.0 * value if unit in ("share", "points") else value
    word = several([value], unit, lang)[1]
    return number(scaled, _decimals(scaled), lang) + word


def spaced(text: str, lang: Lang) -> str:
    """A text with the spaces of French before ; : ? ! and » that no line break cuts."""
    return re.sub(r" (?=[;:?!»])", HARD, text) if lang == "fr" else text


def _colon(lang: Lang) -> str:
    return f"{HARD}: " if lang == "fr" else ": "
