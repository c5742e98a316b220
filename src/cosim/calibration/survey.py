"""What the surveys would see: a panel of real territories that stands for France.

The published figures are national. France is cut into strata of equal population, by the size of
the territory; the territory in the middle of each stratum is simulated, at most `ACTORS` of its
actors, and weighs what its stratum holds of whoever is asked (stratified estimator, Cochran 1977).
Respondents report their own alliances, whether or not third parties know of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cosim import engine, facts, parameters
from cosim.calibration import posterior
from cosim.calibration.runs import ALLIANCE_COLUMNS, Run, TerritoryRun
from cosim.errors import CosimError, nearest
from cosim.indicators import COLUMNS, INDICATORS
from cosim.population import engaged_shares, template
from cosim.state import Array

if TYPE_CHECKING:
    from cosim.engine import Plan
    from cosim.scenario import Scenario
    from cosim.territory import Territory

#: Strata of the panel, hence its territories.
STRATA = 8
#: Most actors simulated of one territory.
ACTORS = 500
#: The survey's scenarios: their title (fr, en) and what they change of `reference-2010`.
SCENARIOS: Mapping[str, Mapping[str, object]] = {
    "survey": {},
    "survey-supported": {
        "catalysis.fte": 6.0,
        "catalysis.mix": {
            "dialogue": 0.0, "experimentation": 0.0, "accompagnement": 1.0, "lieu": 0.0,
        },
    },
}  # fmt: skip
#: Replicates of the reference territory that one survey under support adds up.
SUPPORTED = 4
#: Shares among some only: the indicator that says how many they are.
_AMONG = {
    "convinced_unable": "convinced",
    "engaged_local": "engaged",
    "engaged_type": "engaged",
    "carried": "engaged",
}
#: Figures of alliances, which weigh what the alliances of their territory do.
_OF_ALLIANCES = ("age", "size", "local", "supported", "recognised")


@dataclass(frozen=True)
class Stratum:
    """One territory of the panel and the territories that it stands for.

    Attributes
    ----------
    actors : of the stratum over those of the territory, by kind and "" for all
    """

    place: Territory
    stands_for: int
    sample: float
    actors: Mapping[str, float]


def _expected(place: Territory) -> dict[str, float]:
    """Return the actors of each kind that a territory should have, up to a national factor."""
    thousands = place.population / 1000.0
    visible = float(facts.fact("associations_visible_per_1000").values[0])
    firms = float(facts.fact("companies_10_per_1000").values[0])
    clubs = thousands ** float(facts.fact("associations_law_exponent").values[0])
    companies = thousands ** float(facts.fact("companies_law_exponent").values[0])
    counts = {
        "elu": float(place.councillors.sum()),
        "association": visible * float(clubs.sum()),
        "company": firms * float(companies.sum()),
        "academic": float(thousands.sum()) * parameters.PARAMETERS["academics_per_1000"].default,
    }
    return counts | {"": sum(counts.values())}


@cache
def panel(strata: int = STRATA) -> tuple[Stratum, ...]:
    """Return the panel, from the stratum of the smallest territories to that of the largest."""
    from cosim import territory

    places = sorted(territory.every(), key=lambda place: (place.inhabitants, place.code))
    population = np.cumsum([place.inhabitants for place in places])
    middle = population - np.array([place.inhabitants for place in places]) / 2.0
    stratum = (middle * strata // population[-1]).astype(int)
    members = []
    for k in range(strata):
        own = [place for place, where in zip(places, stratum, strict=True) if where == k]
        half = np.cumsum([place.inhabitants for place in own])
        place = own[int(np.searchsorted(half, half[-1] / 2.0))]
        alone = _expected(place)
        every = [_expected(other) for other in own]
        members.append(
            Stratum(
                place,
                len(own),
                round(min(1.0, ACTORS / alone[""]), 4),
                {kind: sum(row[kind] for row in every) / alone[kind] for kind in alone},
            )
        )
    return tuple(members)


def scenarios(
    name: str = "survey",
    rules: str = "default",
    until: str | None = None,
    without: Sequence[str] = (),
) -> tuple[Scenario, ...]:
    """Return the scenarios of one survey, in the order of `strata`.

    Parameters
    ----------
    name : of `SCENARIOS`; under support, the reference territory is asked `SUPPORTED` times
    rules : of `posterior.names()`
    until : last month, "YYYY-MM" (default: that of `reference-2010`)
    without : mechanisms that are switched off

    Raises
    ------
    CosimError : an unknown name; names the nearest one
    """
    from cosim.scenario import load

    if name not in SCENARIOS:
        raise CosimError("no such survey", key="scenario", found=name,
                         expected=", ".join(SCENARIOS), nearest=nearest(name, SCENARIOS)
                         )  # fmt: skip
    own = posterior.rules_of(rules)
    changes: dict[str, object] = {f"rules.{key}": value for key, value in own.items()}
    if until is not None:
        changes["time.end"] = until
    if without:
        changes["model.without"] = list(without)
    base = load("reference-2010").with_(**SCENARIOS[name], **changes)
    if name != "survey":
        return (base,) * SUPPORTED
    return tuple(
        base.with_(**{"territory.code": row.place.code, "territory.sample": row.sample})
        for row in panel()
    )


def strata(name: str = "survey") -> tuple[Stratum, ...]:
    """Return what each run of a survey stands for."""
    if name == "survey":
        return panel()
    place = engine.territory_of(scenarios(name)[0])
    return (Stratum(place, 1, 1.0, dict.fromkeys(_expected(place), 1.0 / SUPPORTED)),) * SUPPORTED


class Survey(NamedTuple):
    """A survey made ready: a plan per run, and what each run stands for."""

    plans: tuple[Plan, ...]
    strata: tuple[Stratum, ...]


@cache
def ready(
    name: str = "survey",
    rules: str = "default",
    until: str | None = None,
    without: tuple[str, ...] = (),
    columns: tuple[tuple[str, str], ...] = COLUMNS,
) -> Survey:
    """Return what `simulate` runs; `columns` are those to be read, the others as `scenarios`."""
    chosen = scenarios(name, rules, until, without)
    made = {scenario: engine.plan(scenario, None, columns) for scenario in dict.fromkeys(chosen)}
    return Survey(tuple(made[scenario] for scenario in chosen), strata(name))


def with_parameters(ready: Plan, values: Mapping[str, float]) -> Plan:
    """Return a plan of the same scenario under other parameters.

    Those that calibration moves change neither seats nor calendar nor the shares of the start: the
    template is kept.
    """
    scenario = ready.scenario
    params = parameters.resolve({**scenario.parameters, **values}, scenario.time.substeps)
    if all(parameters.PARAMETERS[name].prior is not None for name in values):
        return replace(ready, params=params, sets=None)
    made = template(scenario, ready.place, params)
    made.settings.measured = ready.template.settings.measured
    engaged = engaged_shares(scenario.time.start, params)
    return replace(ready, params=params, template=made, engaged=engaged, sets=None)


def simulate(
    values: Mapping[str, float], seed: int, number: int, survey: Survey | None = None
) -> Run:
    """Return one simulated survey under a set of parameters.

    Parameters
    ----------
    values : parameters that replace the defaults of the ledger
    seed, number : root seed and replicate; every run of the survey has luck of its own
    survey : of `ready` (default: the survey under the default rules)
    """
    survey = survey or ready()
    runs = []
    for k, plan in enumerate(survey.plans):
        changed = with_parameters(plan, values)
        out, state = engine.replicate(changed, seed, number * len(survey.plans) + k)
        runs.append(TerritoryRun(changed, out, state))
    return PanelRun(tuple(runs), survey.strata)


@dataclass(frozen=True)
class PanelRun:
    """A replicate of every territory of a survey, read as one."""

    runs: tuple[TerritoryRun, ...]
    strata: tuple[Stratum, ...]

    @property
    def start(self) -> str:
        """First month, "YYYY-MM"."""
        return self.runs[0].start

    @property
    def months(self) -> int:
        """How many months were simulated."""
        return self.runs[0].months

    def series(self, indicator: str, group: str = "") -> Array:
        """Return the national figure of an indicator, float64[months].

        Counts are added up over the strata, anything else is a weighted mean; NaN where the panel
        holds nobody whom it is about.
        """
        values = np.array([run.series(indicator, group) for run in self.runs])
        weights = self._weights(indicator, group)
        if INDICATORS[indicator].scaled:
            return np.asarray((weights * values).sum(axis=0))
        total = weights.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((weights * values).sum(axis=0) / total)

    def _weights(self, indicator: str, group: str) -> Array:
        """Return what each territory weighs, float64[territories, 1 or months]."""
        kind = group.split("/")[0]
        kind = kind if kind in self.strata[0].actors else ""
        strata = np.array([row.actors[kind] for row in self.strata])[:, None]
        if INDICATORS[indicator].scaled:
            return np.asarray(strata)
        if indicator in _OF_ALLIANCES:
            return strata * np.array([run.series("alliances") for run in self.runs])
        weights = strata * np.array([_expected(row.place)[kind] for row in self.strata])[:, None]
        if indicator in _AMONG:
            whose = kind if indicator != "convinced_unable" else group
            base = np.array([run.series(_AMONG[indicator], whose) for run in self.runs])
            return np.asarray(weights * base)
        return np.asarray(weights)

    def alliances(self) -> Mapping[str, Array]:
        """Return the alliances of every territory, each with the weight of its stratum."""
        return self._alliances

    @cached_property
    def _alliances(self) -> Mapping[str, Array]:
        parts = [
            dict(run.alliances()) | {"weight": run.alliances()["weight"] * row.actors[""]}
            for run, row in zip(self.runs, self.strata, strict=True)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in ALLIANCE_COLUMNS}
