"""An experiment is one strict document: a question, a reference, factors, a design, outcomes.

It is written and checked as a scenario is. What it makes are *points*: scenarios, each to be
simulated with the same luck.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from cosim.calibration import language
from cosim.calibration.runs import ordinal
from cosim.errors import CosimError, ResultsError, ScenarioError, nearest
from cosim.experiment import contrasts
from cosim.indicators import column
from cosim.results import run_digest
from cosim.scenario import Scenario
from cosim.scenario_file import clear, parse, shown_path, text_of
from cosim.scenario_tables import Listed, Table, Text, about, refuse

if TYPE_CHECKING:
    import pandas as pd

    from cosim.experiment.design import Factor

__all__ = [
    "Contrast", "Design", "Experiment", "Hypothesis", "Per", "Point", "Stopping", "build", "load",
    "loads", "outline", "shipped",
]  # fmt: skip

NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
#: Keys that say what an experiment is about and change no run.
WORDS = ("title", "title_en", "question", "question_en", "source")
#: Points of one design; more is a mistake more often than a study.
MOST_POINTS = 100_000
#: The factor that lists shipped scenarios or files.
SCENARIO = "scenario"


class Per(Table):
    """Doses at equal density: some keys are given per so many inhabitants of the territory."""

    inhabitants: Annotated[float, about(
        "number", "habitants", "inhabitants", "habitants que vaut une dose",
        "inhabitants that a dose is for", gt=0, le=1e8,
    )]  # fmt: skip
    keys: Annotated[tuple[Text, ...], Listed, about(
        "names", "clés", "keys", "clés de scénario données par tant d'habitants",
        "keys of the scenario that are given per so many inhabitants", min_length=1,
    )]  # fmt: skip


class Design(Table):
    """Which points are simulated."""

    kind: Annotated[Literal["factorial", "lhs", "sobol", "morris", "table"], about(
        "choice", "plan", "design",
        "factoriel complet, hypercube latin, Sobol, Morris, ou table d'un fichier CSV",
        "full factorial, Latin hypercube, Sobol, Morris, or the table of a CSV file",
    )] = "factorial"  # fmt: skip
    samples: Annotated[int, about(
        "integer", "échantillons", "samples",
        "tirages d'un hypercube ; nombre de base d'un plan de Sobol (une puissance de 2)",
        "draws of a hypercube; base number of a Sobol design (a power of 2)", ge=2, le=65536,
    )] = 128  # fmt: skip
    trajectories: Annotated[int, about(
        "integer", "trajectoires", "trajectories", "trajectoires de Morris",
        "trajectories of Morris", ge=2, le=1000,
    )] = 20  # fmt: skip
    levels: Annotated[int, about(
        "integer", "niveaux", "levels", "niveaux de la grille de Morris (pair)",
        "levels of the grid of Morris (even)", ge=4, le=20, multiple_of=2,
    )] = 4  # fmt: skip
    seed: Annotated[int, about(
        "integer", "graine du plan", "seed of the design", "graine des tirages du plan",
        "seed of the draws of the design", ge=0, le=2**32 - 1,
    )] = 1  # fmt: skip
    crossed: Annotated[tuple[Text, ...], Listed, about(
        "names", "facteurs croisés", "crossed factors",
        "facteurs dont chaque niveau est simulé à chaque tirage",
        "factors of which every level is simulated at every draw",
    )] = ()  # fmt: skip
    file: Annotated[Text, about(
        "text", "fichier", "file", "fichier CSV d'une table : une colonne par facteur",
        "CSV file of a table: one column per factor",
    )] = ""  # fmt: skip


class Stopping(Table):
    """How many replicates: as many as an interval of a stated width asks for."""

    contrast: Annotated[Text, about(
        "text", "contraste", "contrast", "contraste dont l'intervalle décide",
        "contrast whose interval decides",
    )] = ""  # fmt: skip
    outcome: Annotated[Text, about(
        "text", "résultat", "outcome", "résultat dont l'intervalle décide, sans contraste",
        "outcome whose interval decides, without contrast",
    )] = ""  # fmt: skip
    half_width: Annotated[float, about(
        "number", "demi-largeur", "half-width",
        "moitié de l'intervalle à 95 % de la moyenne", "half the 95 % interval of the mean",
        gt=0, le=1e9,
    )]  # fmt: skip
    least: Annotated[int, about(
        "integer", "au moins", "at least", "réplicats au moins", "replicates at least",
        ge=4, le=100_000,
    )] = 20  # fmt: skip
    most: Annotated[int, about(
        "integer", "au plus", "at most", "réplicats au plus", "replicates at most",
        ge=4, le=100_000,
    )] = 400  # fmt: skip
    batch: Annotated[int, about(
        "integer", "lot", "batch", "réplicats ajoutés à la fois", "replicates added at a time",
        ge=2, le=10_000,
    )] = 20  # fmt: skip

    @model_validator(mode="after")
    def _one(self) -> Stopping:
        if bool(self.contrast) == bool(self.outcome):
            raise refuse("a stopping rule watches one thing", key="contrast",
                         found=self.contrast, expected="a contrast or an outcome")  # fmt: skip
        if self.most < self.least:
            raise refuse("fewer at most than at least", key="most", found=self.most,
                         expected=f"{self.least} or more")  # fmt: skip
        return self


class Contrast(Table):
    """What some arms have more of than others."""

    estimate: Annotated[Text, about(
        "text", "formule", "formula", "formule linéaire de « résultat[bras] »",
        "linear formula of \"outcome[arm]\"", min_length=1,
    )]  # fmt: skip
    sign: Annotated[Literal["", "+", "-", "0", "<="], about(
        "choice", "signe attendu", "expected sign",
        "signe attendu avant la simulation ; « 0 » : pas d'effet qui compte ; « <= » : pas plus "
        "que la marge",
        "sign expected before the run; \"0\": no effect that matters; \"<=\": no more than the "
        "margin",
    )] = ""  # fmt: skip
    margin: Annotated[float, about(
        "number", "marge", "margin", "plus petit effet qui compte",
        "smallest effect that matters", ge=0, le=1e9,
    )] = 0.0  # fmt: skip
    fr: Annotated[Text, about(
        "text", "en français", "in French", "ce que le contraste compare",
        "what the contrast compares",
    )] = ""  # fmt: skip
    en: Annotated[Text, about(
        "text", "en anglais", "in English", "ce que le contraste compare, en anglais",
        "what the contrast compares, in English",
    )] = ""  # fmt: skip

    @model_validator(mode="after")
    def _decidable(self) -> Contrast:
        if self.sign == "0" and self.margin == 0.0:
            raise refuse("no effect is ever exactly zero", key="margin", found=self.margin,
                         expected="the smallest effect that matters")  # fmt: skip
        return self


class Hypothesis(Table):
    """What is expected, written before the run: each contrast that has a sign must hold."""

    id: Annotated[str, about(
        "text", "identifiant", "identifier", "identifiant, tel que H1", "identifier, such as H1",
        pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,19}$",
    )]  # fmt: skip
    fr: Annotated[Text, about(
        "text", "énoncé", "statement", "ce qui est supposé", "what is supposed", min_length=1,
    )]  # fmt: skip
    en: Annotated[Text, about(
        "text", "énoncé en anglais", "statement in English", "ce qui est supposé, en anglais",
        "what is supposed, in English", min_length=1,
    )]  # fmt: skip


class Point(NamedTuple):
    """One scenario of a design."""

    number: int
    levels: Mapping[str, str | float]  # factor -> label of its level, or its value
    scenario: Scenario
    then: tuple[tuple[str, Scenario], ...]  # (month, what goes on from it under the same luck)
    arm: str  # label of the level of the arms' factor
    stratum: tuple[str | float, ...]  # the levels of the other factors

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that name what it computes, but for seed and replicate."""
        digests = [run_digest(self.scenario)]
        digests += [f"{month} {run_digest(scenario)}" for month, scenario in self.then]
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]


def _named[T](table: dict[str, T]) -> dict[str, T]:
    for name in table:
        if not re.match(NAME, name):
            raise refuse("not a name", found=name, expected="letters, digits and _")
    return table


def _formulas(formulas: dict[str, str]) -> dict[str, str]:
    for name, text in formulas.items():
        try:
            language.parse(text)
        except CosimError as error:
            raise refuse(error.what, key=name, found=error.found or text,
                         expected=str(error.expected), hint=error.nearest) from None  # fmt: skip
    return formulas


def _series(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        indicator, _, group = name.partition("/")
        try:
            column(indicator, group)
        except ResultsError as error:
            raise refuse(error.what, found=name, expected="a name of `cosim indicators`",
                         hint=error.nearest) from None  # fmt: skip
    return names


class Experiment(Table):
    """A question, and the runs that answer it.

    Parameters
    ----------
    document : the tables of an experiment file, as keyword arguments; paths start from the
        current folder

    Raises
    ------
    ScenarioError : the first thing that is wrong, its key, what was expected

    Examples
    --------
    >>> experiment = Experiment(
    ...     title="Dose", reference="reference-2020", arms="catalysis.fte",
    ...     factors={"catalysis.fte": [0, 2]}, outcomes={"alliances": "alliances @ 2026-12"},
    ...     contrasts={"more": {"estimate": "alliances[2] - alliances[0]", "sign": "+"}},
    ... )
    >>> [point.levels for point in experiment.points]
    [{'catalysis.fte': 0}, {'catalysis.fte': 2}]
    """

    title: Annotated[Text, about(
        "text", "titre", "title", "titre en français", "title in French", min_length=1,
    )]  # fmt: skip
    title_en: Annotated[Text, about(
        "text", "titre anglais", "English title", "titre en anglais", "title in English",
    )] = ""  # fmt: skip
    question: Annotated[Text, about(
        "text", "question", "question", "la question, en français", "the question, in French",
    )] = ""  # fmt: skip
    question_en: Annotated[Text, about(
        "text", "question en anglais", "question in English",
        "la question, en anglais", "the question, in English",
    )] = ""  # fmt: skip
    source: Annotated[Text, about(
        "text", "source", "source", "d'où vient la question", "where the question comes from",
    )] = ""  # fmt: skip
    reference: Annotated[Text, about(
        "text", "référence", "reference", "scénario livré, ou fichier, que le plan change",
        "shipped scenario, or file, that the design changes", min_length=1,
    )]  # fmt: skip
    replicates: Annotated[int | None, about(
        "integer", "réplicats", "replicates", "réplicats de chaque point (40 par défaut)",
        "replicates of each point (default: 40)", ge=1, le=100_000,
    )] = None  # fmt: skip
    stopping: Stopping | None = None
    seed: Annotated[int, about(
        "integer", "graine", "seed", "graine du hasard", "seed of chance", ge=0, le=2**32 - 1,
    )] = 1  # fmt: skip
    arms: Annotated[Text, about(
        "text", "bras", "arms", "facteur dont les contrastes comparent les niveaux",
        "factor whose levels the contrasts compare",
    )] = ""  # fmt: skip
    series: Annotated[tuple[Text, ...], Listed, AfterValidator(_series), about(
        "moves", "séries", "series", "indicateurs gardés mois par mois",
        "indicators that are kept month by month", max_length=40,
    )] = ()  # fmt: skip
    set: Annotated[dict[str, Any], about(
        "changes", "réglages", "settings", "ce qui change partout depuis la référence",
        "what changes everywhere from the reference",
    )] = Field(default_factory=dict)  # fmt: skip
    per: Per | None = None
    factors: Annotated[dict[str, Any], about(
        "factors", "facteurs", "factors", "ce qui varie", "what varies",
    )] = Field(default_factory=dict)  # fmt: skip
    design: Design = Design()
    outcomes: Annotated[dict[str, str], AfterValidator(_named), AfterValidator(_formulas), about(
        "formulas", "résultats", "outcomes", "ce qui est mesuré sur chaque simulation",
        "what is measured of each run", min_length=1,
    )]  # fmt: skip
    contrasts: Annotated[dict[str, Contrast], AfterValidator(_named), about(
        "contrasts", "contrastes", "contrasts", "ce qui est comparé", "what is compared",
    )] = Field(default_factory=dict)  # fmt: skip
    hypothesis: Hypothesis | None = None

    _folder: Path | None = PrivateAttr(default=None)

    def __init__(self, **document: Any) -> None:
        self._fill(document)

    def _fill(
        self, document: Mapping[str, Any], where: object = None, folder: Path | None = None
    ) -> None:
        try:
            self.__pydantic_validator__.validate_python(dict(document), self_instance=self)
        except ValidationError as error:
            raise clear(error, where, Experiment) from None
        self._folder = folder
        try:
            self._check()
        except CosimError as error:
            if where is None or error.where is not None:
                raise
            raise type(error)(
                error.what, where=str(where), key=error.key, found=error.found,
                expected=error.expected, nearest=error.nearest,
            ) from None  # fmt: skip

    def _check(self) -> None:
        """Refuse, before anything is simulated, what could not be."""
        from cosim.experiment import design

        if self.replicates is not None and self.stopping is not None:
            raise ScenarioError("either a number of replicates or a stopping rule",
                                key="replicates", found=self.replicates)  # fmt: skip
        design.check(self)
        terms = self.terms
        if self.stopping is not None:
            for key, known in (("contrast", terms), ("outcome", self.outcomes)):
                name = getattr(self.stopping, key)
                if name and name not in known:
                    raise ScenarioError(f"unknown {key}", key=f"stopping.{key}", found=name,
                                        expected=", ".join(known) or f"a {key} of the file",
                                        nearest=nearest(name, known))  # fmt: skip
        if self.hypothesis is not None and not any(c.sign for c in self.contrasts.values()):
            raise ScenarioError("a hypothesis expects something", key="contrasts",
                                expected="a contrast with a sign")  # fmt: skip
        _in_period(self)

    # -- what it is -----------------------------------------------------------------------

    @property
    def folder(self) -> Path:
        """Where the paths of the document start."""
        return self._folder or Path.cwd()

    def resolved(self) -> dict[str, Any]:
        """The whole document as plain dictionaries and lists, defaults written out."""
        return self.model_dump(mode="json")

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that name the design and what is measured, whatever its words."""
        document = {k: v for k, v in self.resolved().items() if k not in WORDS}
        document["points"] = [point.digest for point in self.points]
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def made(self) -> Mapping[str, Factor]:
        """The factors, read."""
        from cosim.experiment import design

        return design.factors(self)

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """The scenarios that are simulated."""
        from cosim.experiment import design

        return design.points(self)

    @cached_property
    def design_table(self) -> pd.DataFrame:
        """One row per point: point, sample (of a sampled design), its levels, digest."""
        import pandas as pd

        return pd.DataFrame(
            [{"point": p.number, **p.levels, "digest": p.digest} for p in self.points]
        )

    @property
    def arm_names(self) -> tuple[str, ...]:
        """The labels of the levels that contrasts compare; one without a name if none."""
        return self.made[self.arms].labels if self.arms else ("",)

    @cached_property
    def strata(self) -> tuple[str, ...]:
        """The columns of the design that tell strata apart: all but that of the arms."""
        return tuple(name for name in self.points[0].levels if name != self.arms)

    @cached_property
    def terms(self) -> dict[str, dict[tuple[str, str], float]]:
        """contrast -> (outcome, arm) -> coefficient."""
        made = {}
        for name, contrast in self.contrasts.items():
            try:
                made[name] = contrasts.parse(contrast.estimate, list(self.outcomes), self.arm_names)
            except ScenarioError as error:
                raise ScenarioError(
                    error.what, key=f"contrasts.{name}.estimate", found=error.found,
                    expected=error.expected, nearest=error.nearest,
                ) from None  # fmt: skip
        return made

    @property
    def measures(self) -> dict[str, language.Expression]:
        """outcome -> what it means."""
        return {name: language.parse(text) for name, text in self.outcomes.items()}

    @property
    def series_columns(self) -> list[tuple[str, str]]:
        """The (indicator, group) that are kept month by month."""
        return [tuple(name.partition("/")[::2]) for name in self.series]  # type: ignore[misc]

    @property
    def draws(self) -> bool:
        """Whether replicates draw their parameters from the posterior."""
        return any(point.scenario.draws for point in self.points)

    def least_replicates(self) -> int:
        """How many replicates every point has at least."""
        return self.stopping.least if self.stopping else self.replicates or 40


def _in_period(experiment: Experiment) -> None:
    """Refuse an outcome that asks for months which some point does not simulate."""
    times = {point.scenario.time: point.scenario for point in experiment.points}
    for name, measure in experiment.measures.items():
        for window in language.windows(measure):
            for time, scenario in times.items():
                first = window.first.first - ordinal(time.start)
                if first < 0 or window.last.last - ordinal(time.start) >= scenario.n_months:
                    raise ScenarioError(
                        "outside the run", key=f"outcomes.{name}", found=f"{window}",
                        expected=f"months from {time.start} to {time.end}",
                    )  # fmt: skip


# -- from a file --------------------------------------------------------------------------


def build(
    document: Mapping[str, Any], *, where: object = None, folder: Path | None = None
) -> Experiment:
    """Validate a document; `where` is named in errors, paths start from `folder`."""
    experiment = Experiment.__new__(Experiment)
    experiment._fill(document, where, folder)
    return experiment


def load(path_or_name: str | os.PathLike[str]) -> Experiment:
    """Read an experiment file, or a shipped experiment by its name.

    Examples
    --------
    >>> load("h01-dose").hypothesis.id  # doctest: +SKIP
    'H1'
    """
    known, name = shipped(), os.fspath(path_or_name)
    path = known.get(name, Path(name))
    try:
        found = path.exists()
    except (OSError, ValueError):
        found = False
    if not found:
        raise ScenarioError(
            "no such file, nor a shipped experiment of this name", where=shown_path(path),
            expected="a TOML file, or a name of `cosim experiment list`",
            nearest=nearest(path.stem, known),
        )  # fmt: skip
    return loads(text_of(path), shown_path(path), path.parent)


@cache
def outline(name: str) -> Experiment:
    """Return a shipped experiment for its words: its points are neither made nor checked."""
    path = shipped()[name]
    experiment = Experiment.__new__(Experiment)
    document = parse(text_of(path), shown_path(path))
    experiment.__pydantic_validator__.validate_python(document, self_instance=experiment)
    experiment._folder = path.parent
    return experiment


def loads(text: str, source: str = "<text>", folder: Path | None = None) -> Experiment:
    """Read an experiment from TOML text; `source` is named in errors."""
    return build(parse(text, source), where=source, folder=folder)


@cache
def _shipped() -> tuple[tuple[str, Path], ...]:
    here = Path(__file__).resolve()
    # In a wheel the experiments are inside the package; in a checkout, beside `src`.
    for folder in (here.parents[1] / "experiments", here.parents[3] / "experiments"):
        if folder.is_dir():
            return tuple((path.stem, path) for path in sorted(folder.glob("*.toml")))
    return ()


def shipped() -> dict[str, Path]:
    """The experiments that come with the software: name -> file."""
    return dict(_shipped())
