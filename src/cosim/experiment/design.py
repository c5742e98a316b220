"""From factors and a design to points: which scenarios an experiment simulates.

A point is the reference, the settings that hold everywhere, and one level of each factor laid over
one another in this order. Ranges are sampled in the unit cube by SciPy (Latin hypercube) or SALib
(Morris 1991; Saltelli et al. 2010), whose rows the design keeps.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.errors import CosimError, ScenarioError, nearest
from cosim.experiment.document import MOST_POINTS, SCENARIO, Experiment, Point
from cosim.scenario import Scenario, build
from cosim.scenario_file import nested, patched, resolve, shown, spelled, text_of
from cosim.state import Array

__all__ = ["DUMMY", "SAMPLE", "Factor", "check", "factors", "points", "problem", "unit"]

#: The column of a sensitivity design that changes nothing, and that of the number of a draw.
DUMMY, SAMPLE = "dummy", "sample"
#: What a level holds beside the keys of a scenario: what goes on from a month.
THEN = "then"
#: The levels that a hypercube or a Sobol design draws are those of the unit interval, in order.
SAMPLED = ("lhs", "sobol", "morris")


@dataclass(frozen=True)
class Factor:
    """What varies: levels with a label each, or a range.

    Parameters
    ----------
    labels : of the levels; empty for a range
    patches : what each level changes in a scenario, nested
    low, high, log : ends of a range, and whether it is sampled on the log scale
    values : what the design table says of each level: the value of a key, or the label
    """

    name: str
    labels: tuple[str, ...] = ()
    patches: tuple[Mapping[str, Any], ...] = ()
    values: tuple[str | float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    @property
    def is_range(self) -> bool:
        """Whether it is a range and not a list of levels."""
        return not self.labels

    def at(self, share: float) -> float:
        """Return the value at a share of the range, 0 to 1."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share

    def level(self, share: float) -> int:
        """Return the level at a share of the unit interval."""
        return min(int(share * len(self.labels)), len(self.labels) - 1)


# -- factors ------------------------------------------------------------------------------


def factors(experiment: Experiment) -> dict[str, Factor]:
    """Read the factors of an experiment.

    Raises
    ------
    ScenarioError : a factor that is no list, range or table of levels
    """
    made = {}
    for name, given in experiment.factors.items():
        key = f"factors.{name}"
        if name in (DUMMY, SAMPLE, "point", "digest"):
            raise ScenarioError("this name is a column of the design", key=key)
        if isinstance(given, list):
            made[name] = _listed(name, given, key)
        elif isinstance(given, dict) and given.keys() & {"low", "high"}:
            made[name] = _range(name, given, key)
        elif _has_levels(given):
            made[name] = Factor(
                name, tuple(given), tuple(_nested(v, f"{key}.{k}") for k, v in given.items()),
                tuple(given),
            )  # fmt: skip
        else:
            expected = "a list of values, {low, high}, or a table of levels"
            if isinstance(given, dict) and name in Scenario.model_fields:
                expected = "the dotted key in quotes, or a table of levels"
            raise ScenarioError("not a factor", key=key, found=shown(given), expected=expected)
    if experiment.arms and experiment.arms not in made:
        raise ScenarioError(
            "no such factor",
            key="arms",
            found=experiment.arms,
            expected=", ".join(made),
            nearest=nearest(experiment.arms, made),
        )
    if experiment.arms and made[experiment.arms].is_range:
        raise ScenarioError("the arms are levels, not a range", key="arms",
                            found=experiment.arms)  # fmt: skip
    return made


def _has_levels(given: Any) -> bool:
    """Whether it is a table of levels; `parameters.x = {low, high}` without quotes is none."""
    if not isinstance(given, dict) or not given:
        return False
    return all(isinstance(patch, dict) and not patch.keys() & {"low", "high"}
               for patch in given.values())  # fmt: skip


def _listed(name: str, given: list[Any], key: str) -> Factor:
    labels = [_label(value) for value in given]
    if not given:
        raise ScenarioError("a factor without levels", key=key, expected="one value or more")
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise ScenarioError("a level stands twice", key=key, found=twice)
    patches: list[Mapping[str, Any]] = [{} for _ in given]
    if name != SCENARIO:
        patches = [_nested({name: value}, key) for value in given]
    values = tuple(v if isinstance(v, int | float) and not isinstance(v, bool) else label
                   for v, label in zip(given, labels, strict=True))  # fmt: skip
    return Factor(name, tuple(labels), tuple(patches), values)


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_label(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " ".join(_label(item) for item in value)
    return str(value)


def _range(name: str, given: dict[str, Any], key: str) -> Factor:
    unknown = next((k for k in given if k not in ("low", "high", "log")), None)
    if unknown is not None:
        raise ScenarioError("unknown key", key=f"{key}.{unknown}", found=unknown,
                            expected="low, high, log")  # fmt: skip
    low, high = (_number(given.get(end), f"{key}.{end}") for end in ("low", "high"))
    log = given.get("log", False)
    if not isinstance(log, bool):
        raise ScenarioError(
            "not accepted", key=f"{key}.log", found=shown(log), expected="true or false"
        )
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ScenarioError("the high end is not above the low one", key=f"{key}.high", found=high,
                            expected=f"more than {low}")  # fmt: skip
    if log and low <= 0:
        raise ScenarioError("a log scale starts above 0", key=f"{key}.low", found=low,
                            expected="more than 0")  # fmt: skip
    return Factor(name, low=low, high=high, log=log)


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScenarioError("a range has two ends", key=key, found=shown(value),
                            expected="a number")  # fmt: skip
    return float(value)


def _nested(patch: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a patch with dotted keys as tables, at any depth of `then`."""
    own = {key: value for key, value in patch.items() if key != THEN}
    made = nested(own, where)
    if THEN in patch:
        made[THEN] = patch[THEN]
    return made


# -- points -------------------------------------------------------------------------------


def points(experiment: Experiment) -> tuple[Point, ...]:
    """Return the points of an experiment, in the order of its design.

    Raises
    ------
    ScenarioError : too many points; a point that is no valid scenario
    """
    rows = [*itertools.islice(_rows(experiment), MOST_POINTS + 1)]
    if len(rows) > MOST_POINTS:
        raise ScenarioError("too many points", key="design", expected=f"at most {MOST_POINTS}")
    maker = _Maker(experiment)
    made = experiment.made
    found = []
    for number, row in enumerate(rows):
        choices = {name: row[name] for name in made}
        levels = {name: row[name] if name in (SAMPLE, DUMMY) else made[name].values[row[name]]
                  if isinstance(row[name], int) else row[name] for name in row}  # fmt: skip
        scenario, then = maker.scenario(choices)
        arm = made[experiment.arms].labels[row[experiment.arms]] if experiment.arms else ""
        stratum = tuple(value for name, value in levels.items() if name != experiment.arms)
        found.append(Point(number, levels, scenario, then, arm, stratum))
    return tuple(found)


def example(experiment: Experiment, arm: str) -> tuple[Scenario, tuple[tuple[str, Scenario], ...]]:
    """Return the scenario of an arm and what goes on from it, others at their first level."""
    chosen: dict[str, int | float] = {
        name: factor.labels.index(arm) if name == experiment.arms else 0
        for name, factor in experiment.made.items()
    }
    return _Maker(experiment).scenario(chosen)


def check(experiment: Experiment) -> None:
    """Refuse a factor or a level that is not accepted, by its own name, then any point."""
    made = experiment.made
    maker = _Maker(experiment)
    chosen: dict[str, int | float] = {}
    for name, factor in made.items():  # each over those that stand before it
        ends = range(len(factor.labels)) if factor.labels else (factor.low, factor.high)
        for level in ends:
            maker.scenario({**chosen, name: level}, blamed=name)
        chosen[name] = ends[0]
    for name in experiment.design.crossed:
        if name not in made or made[name].is_range:
            raise ScenarioError("no such list of levels", key="design.crossed", found=name,
                                expected=", ".join(n for n, f in made.items() if f.labels),
                                nearest=nearest(name, made))  # fmt: skip
    kind = experiment.design.kind
    ranges = [name for name, factor in made.items() if factor.is_range]
    if kind == "factorial" and ranges:
        raise ScenarioError(
            "a full factorial design has no range",
            key=f"factors.{ranges[0]}",
            expected="a list of values, or a design of kind lhs, sobol, morris",
        )
    if kind in SAMPLED and not problem(experiment)["names"]:
        raise ScenarioError("a sampled design needs something to sample", key="design.kind",
                            found=kind, expected="a factor that is not crossed")  # fmt: skip
    if kind == "table" and not experiment.design.file:
        raise ScenarioError("a table needs its file", key="design.file")
    samples = experiment.design.samples
    if kind == "sobol" and samples & (samples - 1):
        raise ScenarioError("not a power of 2", key="design.samples", found=samples,
                            expected=str(1 << samples.bit_length()))  # fmt: skip
    experiment.points  # noqa: B018 — every point is a valid scenario


def problem(experiment: Experiment) -> dict[str, Any]:
    """Return what SALib needs to know of a sampled design, in the unit cube.

    Returns
    -------
    dict : names (the sampled factors; for Morris and Sobol, then "dummy"), num_vars, bounds
    """
    names = [name for name in experiment.made if name not in experiment.design.crossed
             and name != experiment.arms]  # fmt: skip
    if experiment.design.kind in ("morris", "sobol") and names:
        names.append(DUMMY)
    return {"names": names, "num_vars": len(names), "bounds": [[0.0, 1.0]] * len(names)}


def unit(experiment: Experiment) -> Array:
    """Return the draws of a sampled design, float64[samples, variables] in the unit cube."""
    chosen, about = experiment.design, problem(experiment)
    if chosen.kind == "lhs":
        from scipy.stats.qmc import LatinHypercube

        sampler = LatinHypercube(about["num_vars"], rng=np.random.default_rng(chosen.seed))
        drawn: Array = sampler.random(chosen.samples)
        return drawn
    try:
        from SALib.sample import morris, sobol
    except ModuleNotFoundError as error:
        raise CosimError("SALib is not installed", key=error.name,
                         expected="pip install 'cosim[experiments]'") from None  # fmt: skip
    if chosen.kind == "sobol":
        drawn = sobol.sample(about, chosen.samples, calc_second_order=False, seed=chosen.seed)
    else:
        drawn = morris.sample(about, chosen.trajectories, num_levels=chosen.levels,
                              seed=chosen.seed)  # fmt: skip
    return np.asarray(drawn, np.float64)


def _rows(experiment: Experiment) -> Iterator[dict[str, Any]]:
    """Yield the choices of each point: level number or value of each factor, sample, dummy."""
    made, kind = experiment.made, experiment.design.kind
    if kind == "table":
        yield from _table(experiment)
        return
    if kind not in SAMPLED:
        levels = (range(len(factor.labels)) for factor in made.values())
        for chosen in itertools.product(*levels):
            yield dict(zip(made, chosen, strict=True))
        return
    names = problem(experiment)["names"]
    crossed = [name for name in made if name not in names]
    for sample, shares in enumerate(unit(experiment).tolist()):
        drawn: dict[str, Any] = {SAMPLE: sample}
        for name, share in zip(names, shares, strict=True):
            if name == DUMMY:
                drawn[name] = share
            else:
                factor = made[name]
                drawn[name] = factor.at(share) if factor.is_range else factor.level(share)
        for chosen in itertools.product(*(range(len(made[name].labels)) for name in crossed)):
            yield {**drawn, **dict(zip(crossed, chosen, strict=True))}


def _table(experiment: Experiment) -> Iterator[dict[str, Any]]:
    """Yield the rows of a CSV file: a label of each factor with levels, a number of each range."""
    made = experiment.made
    path = experiment.folder / experiment.design.file
    try:
        lines = text_of(path).splitlines()
    except ScenarioError as error:
        raise ScenarioError(error.what, key="design.file", found=experiment.design.file,
                            expected=error.expected or "a CSV file") from None  # fmt: skip
    head = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=";" if ";" in head else ",", strict=True)
    names = [name.strip() for name in reader.fieldnames or ()]
    for name in made:
        if name not in names:
            raise ScenarioError(
                "a factor has no column",
                where=path.name,
                key=name,
                expected=", ".join(made),
                nearest=nearest(name, names),
            )
    for name in names:
        if name not in made:
            raise ScenarioError(
                "a column is no factor",
                where=path.name,
                key=name,
                expected=", ".join(made),
                nearest=nearest(name, made),
            )
    reader.fieldnames = names
    try:
        for number, row in enumerate(reader, 2):
            place = f"{path.name}, line {number}"
            yield {name: _cell(made[name], (row[name] or "").strip(), place) for name in made}
    except csv.Error as error:
        raise ScenarioError(f"not CSV: {error}", where=path.name) from None


def _cell(factor: Factor, text: str, place: str) -> int | float:
    if not factor.is_range:
        if text not in factor.labels:
            raise ScenarioError("unknown level", where=place, key=factor.name, found=text,
                                expected=", ".join(factor.labels),
                                nearest=nearest(text, factor.labels))  # fmt: skip
        return factor.labels.index(text)
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not factor.low <= value <= factor.high:
        raise ScenarioError(
            "out of range",
            where=place,
            key=factor.name,
            found=text,
            expected=f"a number from {factor.low:g} to {factor.high:g}",
        )
    return value


# -- one point ----------------------------------------------------------------------------


class _Maker:
    """Makes the scenario of a point: reference, settings, levels, doses by inhabitants."""

    def __init__(self, experiment: Experiment):
        self.experiment = experiment
        self.made = experiment.made
        self.settings = nested(experiment.set, "set")
        names = self.made[SCENARIO].labels if SCENARIO in self.made else (experiment.reference,)
        key = f"factors.{SCENARIO}" if SCENARIO in self.made else "reference"
        self.bases = [self._base(name, key) for name in names]

    def _base(self, name: str, key: str) -> dict[str, Any]:
        """Return the document of a reference with the settings that hold everywhere."""
        document = {**self.settings, "extends": name}
        try:
            return resolve(document, where=None, folder=self.experiment.folder).resolved()
        except ScenarioError as error:
            inside = error.key and error.key != "extends"
            place = f"set.{error.key}" if inside and not error.where else key
            raise ScenarioError(
                error.what if not error.where else f"{error.where}, {error.key}: {error.what}",
                key=place, found=error.found, expected=error.expected, nearest=error.nearest,
            ) from None  # fmt: skip

    def scenario(
        self, choices: Mapping[str, int | float], blamed: str = ""
    ) -> tuple[Scenario, tuple[tuple[str, Scenario], ...]]:
        """Return the scenario of a choice of levels, and what goes on from later months.

        Errors name the factor that is `blamed`.
        """
        document = self.bases[int(choices[SCENARIO]) if SCENARIO in choices else 0]
        later: list[Mapping[str, Any]] = []
        for name, choice in choices.items():
            factor = self.made[name]
            if factor.is_range:
                document = patched(document, nested({name: choice}))
                continue
            patch = dict(factor.patches[int(choice)])
            if THEN in patch:
                later.append(patch.pop(THEN))
            document = patched(document, spelled(patch))
        key = f"factors.{blamed}" if blamed else "design"
        if blamed and self.made[blamed].labels and blamed not in _keys(document):
            key += f".{self.made[blamed].labels[int(choices[blamed])]}"
        scenario = self._built(document, key)
        then = []
        for change in later:
            month = self._month(change, scenario, f"{key}.{THEN}")
            patch = {k: v for k, v in change.items() if k != "at"}
            changed = patched(document, spelled(nested(patch, f"{key}.{THEN}")))
            then.append((month, self._built(changed, f"{key}.{THEN}")))
        return scenario, tuple(sorted(then, key=lambda one: one[0]))

    def _built(self, document: Mapping[str, Any], key: str) -> Scenario:
        """Validate a document, its doses by inhabitants multiplied."""
        from cosim import engine

        folder = self.experiment.folder
        try:
            scenario = build(document, folder=folder)
            per = self.experiment.per
            if per is None:
                return scenario
            inhabitants = engine.territory_of(scenario).inhabitants
            doses: dict[str, Any] = {}
            for name in per.keys:
                doses[name] = _value(document, name, key) * inhabitants / per.inhabitants
            return build(patched(document, nested(doses)), folder=folder)
        except CosimError as error:
            raise ScenarioError(
                error.what, key=_joined(key, error.key), found=error.found,
                expected=error.expected, nearest=error.nearest,
            ) from None  # fmt: skip

    def _month(self, change: Any, scenario: Scenario, key: str) -> str:
        found = change.get("at") if isinstance(change, Mapping) else change
        inside = isinstance(found, str) and found[:4].isdecimal() and found[5:].isdecimal()
        if not inside or not 0 < scenario.month_index(str(found)) < scenario.n_months:
            raise ScenarioError("not a month of the run", key=f"{key}.at", found=shown(found),
                                expected=f'"YYYY-MM" after {scenario.time.start}')  # fmt: skip
        return str(found)


def _keys(document: Mapping[str, Any]) -> set[str]:
    return {f"{table}.{key}" for table, keys in document.items() if isinstance(keys, Mapping)
            for key in keys}  # fmt: skip


def _joined(key: str, inner: str | None) -> str:
    """Return the name of a mistake: the factor, then the key of the scenario inside it."""
    return key if not inner or key.endswith(inner) else f"{key}: {inner}"


def _value(document: Mapping[str, Any], name: str, key: str) -> float:
    found: Any = document
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ScenarioError(
            "not a number of the scenario",
            key="per.keys",
            found=name,
            expected="a key whose value is an amount, such as catalysis.fte",
        )
    return float(found)
