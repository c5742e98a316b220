"""« Partir de… »: the shipped scenarios that a page starts from, in five groups. No Solara."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from cosim import scenario as documents
from cosim.dashboard import view as views
from cosim.errors import CosimError
from cosim.library import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cosim.dashboard.view import View
    from cosim.effects_text import Lang
    from cosim.scenario import Scenario

#: The start that adds nothing, and the one that is none of those that are shipped.
TREND, OWN = views.BASE, ""


@dataclass(frozen=True, slots=True)
class Group:
    """Starts of one kind: families of the library, by their French names."""

    fr: str
    en: str
    families: tuple[str, ...]

    def label(self, lang: Lang) -> str:
        """Return the heading."""
        return self.fr if lang == "fr" else self.en


GROUPS = (
    Group("Des catalyseurs", "Catalysts", (
        "Catalyse : les quatre métiers", "Catalyse : qui est invité",
        "Catalyse : des besoins ou des solutions", "Catalyse : le premier pas",
        "Catalyse : arrêter, reprendre",
    )),
    Group("D'autres politiques", "Other policies", (
        "Les trois piliers", "Données, outils, compétences", "L'usine de la co-construction",
        "Lieux et reconnaissance",
    )),
    Group("Des crises et des aléas", "Crises and hazards", ("Événements",)),
    Group("Des cas-types et des profils", "Typical cases and profiles", (
        "Diversité des territoires", "Profils de collectivité",
    )),
)  # fmt: skip


@cache
def offered() -> Mapping[str, Scenario]:
    """Return the shipped scenarios that can be started from, by name, without the trend."""
    return dict(views.presets())


def names(group: Group) -> list[str]:
    """Return the starts of a group, in the order of the library."""
    families = [family for family in FAMILIES if family.fr in group.families]
    return [name for family in families for name in family.scenarios if name in offered()]


def options(lang: Lang) -> list[dict[str, str]]:
    """Return all starts as `widgets.Choice` takes them; titles are those of the scenarios."""
    trend = ("Tendanciel : rien de plus", "Trend: nothing more")[lang != "fr"]
    rows = [{"value": TREND, "label": trend}]
    for group in GROUPS:
        rows += [
            {"value": name, "label": title(name, lang), "group": group.label(lang)}
            for name in names(group)
        ]
    return rows


def title(name: str, lang: Lang) -> str:
    """Return the title of a shipped scenario."""
    shipped = offered()[name]
    return shipped.title if lang == "fr" else shipped.title_en or shipped.title


def known(name: str) -> bool:
    """Whether a page can start from this."""
    return name == TREND or name in offered()


def current(view: View) -> str:
    """Return the start at which a view still stands, `OWN` once something has moved."""
    said = view.scenario.title
    if not said:
        return TREND if view.scenario == _plain(view) else OWN
    for name, shipped in {TREND: documents.load(TREND), **offered()}.items():
        if shipped.title == said:
            try:
                same = views.preset(name, view).scenario == view.scenario
            except CosimError:
                return OWN
            return name if same else OWN
    return OWN


def _plain(view: View) -> Scenario:
    """Return the reference of a view in a territory that begins as usual."""
    return view.reference.with_(**{f"territory.{key}": None for key in views.CONDITIONS})


def words(view: View) -> str:
    """Return what the scenario of a view changes, or what it is where it changes nothing."""
    plain = _plain(view)
    if documents.diff(plain, view.scenario):
        return documents.difference_sentence(plain, view.scenario, view.lang)
    return view.scenario.sentence(view.lang)
