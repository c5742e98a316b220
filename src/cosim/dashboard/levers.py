"""What an élu moves: levers in real units, grouped as decisions. No Solara, no statistics.

A lever is a key of the scenario, within narrower bounds and with a step: its words and its unit
are those of the scenario's own fields and of the ledger of parameters.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cosim import levers as register
from cosim import scenario_text
from cosim.parameters import PARAMETERS
from cosim.scenario_file import field_at, meta
from cosim.state import METIERS

if TYPE_CHECKING:
    from cosim.effects_text import Lang
    from cosim.scenario import Scenario

CRISIS = "context.crises"
MIX = "catalysis.mix"
EQUAL = "equilibre"
MIXES = (EQUAL, *METIERS)


@dataclass(frozen=True, slots=True)
class Lever:
    """One slider: the key of the scenario that it moves, its bounds, its step, its unit."""

    key: str
    low: float
    high: float
    step: float
    unit_fr: str = ""
    unit_en: str = ""

    def label(self, lang: Lang) -> str:
        """Return the short name, from the scenario's field or the ledger of parameters."""
        if self.key.startswith("parameters."):
            known = PARAMETERS[self.key.partition(".")[2]]
            text = known.fr if lang == "fr" else known.en
        elif self.key == CRISIS:
            text = "profondeur des crises" if lang == "fr" else "depth of crises"
        elif (row := _register(self.key)) is not None:
            text = row.fr if lang == "fr" else row.en
        else:
            text = scenario_text.label(self.key, lang)
        return text[:1].upper() + text[1:]

    def hint(self, lang: Lang) -> str:
        """Return what the lever means, in one line."""
        if self.key.startswith("parameters."):
            return ""
        if self.key == CRISIS:
            from cosim.scenario_tables import Crisis

            return str(meta(Crisis.model_fields["depth"], lang))
        if (row := _register(self.key)) is not None:
            channel = row.channel_fr if lang == "fr" else row.channel_en
            return channel
        field = field_at(tuple(self.key.split(".")))
        return _ABSENT.sub("", str(meta(field, lang))) if field else ""

    def unit(self, lang: Lang) -> str:
        """Return the unit, as it stands behind the value."""
        return self.unit_fr if lang == "fr" else self.unit_en or self.unit_fr

    def value(self, scenario: Scenario) -> float:
        """Return where the lever stands in a scenario; what is not a number counts as `low`."""
        if self.key == CRISIS:
            return max((crisis.depth for crisis in scenario.context.crises), default=0.0)
        if self.key.startswith("parameters."):
            name = self.key.partition(".")[2]
            return float(scenario.parameters.get(name, PARAMETERS[name].default))
        value: Any = scenario
        for part in self.key.split("."):
            value = getattr(value, part)
        if isinstance(value, str):  # a month: its year
            return float(value[:4])
        return self.low if value is None else float(value)

    def held(self, value: float) -> float:
        """Return a value within the bounds and on the step; `low` for what is not finite."""
        if not math.isfinite(value):
            return self.low
        steps = round((min(self.high, max(self.low, value)) - self.low) / self.step)
        return round(self.low + steps * self.step, 6)

    def change(self, reference: Scenario, scenario: Scenario, value: float) -> dict[str, Any]:
        """Return the change of the document (see `Scenario.with_`) that moves the lever."""
        value = self.held(value)
        if self.key == CRISIS:
            crises = scenario.context.crises or reference.context.crises
            rows = [crisis.model_dump() | {"depth": value} for crisis in crises]
            return {CRISIS: rows if value > 0.0 else []}
        if self.key == "catalysis.start":
            return {self.key: f"{int(value):04d}-01"}
        whole = self.step >= 1 and float(value).is_integer()
        return {self.key: int(value) if whole else value}


#: What a file may leave out, and a slider may not.
_ABSENT = re.compile(r" \((absent|absente)[^)]*\)")


def _register(key: str) -> register.Lever | None:
    """Return the row of the register of levers that has a public of its own, if it is one."""
    table, _, public = key.partition(".")
    return register.LEVERS.get(f"{table}: {public}")


@dataclass(frozen=True, slots=True)
class Group:
    """Levers of one kind of decision."""

    name: str
    fr: str
    en: str
    levers: tuple[Lever, ...]

    def label(self, lang: Lang) -> str:
        """Return the title of the group."""
        return self.fr if lang == "fr" else self.en


def _k_euros(key: str, high: float, step: float) -> Lever:
    return Lever(key, 0, high, step, "k€/an", "k€/yr")


#: What is always on the screen.
GROUPS = (
    Group("catalysis", "Les catalyseurs", "Catalysts", (
        Lever("catalysis.fte", 0, 12, 0.5, "ETP", "FTE"),
        Lever("catalysis.start", 2020, 2030, 1),
    )),
    Group("means", "Les autres moyens", "Other means", (
        Lever("lieux.number", 0, 10, 1),
        Lever("ingenierie.fte", 0, 10, 0.5, "ETP", "FTE"),
        Lever("prime.amount", 0, 50, 5, "k€"),
        _k_euros("competences.organisations", 200, 10),
    )),
    Group("hazards", "Les aléas", "Hazards", (
        Lever(CRISIS, 0, 2, 0.25),
        Lever("context.turnover", 0, 2, 0.25, "×"),
    )),
)  # fmt: skip
#: What unfolds.
MORE = (
    Group("fine", "Réglages des catalyseurs", "Settings of catalysts", (
        Lever("catalysis.caseload", 3, 40, 1, "acteurs", "actors"),
        Lever("catalysis.session_size", 4, 40, 2, "acteurs", "actors"),
        Lever("parameters.sessions_per_fte", PARAMETERS["sessions_per_fte"].low,
              PARAMETERS["sessions_per_fte"].high, 1, "par an", "a year"),
        Lever("lieux.capacity", 10, 160, 10, "personnes", "people"),
    )),
    Group("public", "Données, outils, compétences", "Data, tools, skills", (
        _k_euros("donnees.organisations", 200, 10),
        _k_euros("outils.organisations", 200, 10),
        _k_euros("competences.collectivites", 200, 10),
        _k_euros("reconnaissance.funds", 200, 10),
        _k_euros("ingenierie.funds", 500, 25),
    )),
    Group("law", "Le cadre", "The framework", (
        Lever("droit.strength", 0, 1, 0.1),
        Lever("context.scissors", 0, 3, 0.25, "×"),
    )),
)  # fmt: skip
LEVERS = {lever.key: lever for group in (*GROUPS, *MORE) for lever in group.levers}


def mix_of(scenario: Scenario) -> str:
    """Return the métier that catalysts hold alone, `equilibre` for equal parts, "" for others."""
    shares = scenario.catalysis.mix.model_dump()
    for name in MIXES:
        if all(abs(shares[m] - share) < 1e-9 for m, share in mix(name).items()):
            return name
    return ""


def mix(name: str) -> dict[str, float]:
    """Return the mix of métiers of this name, as shares."""
    if name == EQUAL:
        return dict.fromkeys(METIERS, 1.0 / len(METIERS))
    return {metier: float(metier == name) for metier in METIERS}


def mix_label(name: str, lang: Lang) -> str:
    """Return what a mix of métiers is called."""
    return _MIX_LABELS[name][0 if lang == "fr" else 1]


_MIX_LABELS = {
    EQUAL: ("Les quatre métiers à parts égales", "The four métiers in equal parts"),
    "dialogue": ("Dialogue territorial", "Territorial dialogue"),
    "experimentation": ("Expérimentations collectives", "Collective experiments"),
    "accompagnement": ("Accompagnement", "Coaching"),
    "lieu": ("Gestion d'un lieu", "Running a place"),
    "": ("Une composition choisie", "A chosen mix"),
}
