"""The eight pages, in the order of the menu."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cosim.dashboard.pages import (
    chercheur,
    comparer,
    direct,
    explorer,
    france,
    hypotheses,
    methode,
    territoire,
)
from cosim.effects_text import Lang


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the menu."""

    path: str
    fr: str
    en: str
    component: Callable[[], Any]

    def label(self, lang: Lang) -> str:
        """Return its name in the menu."""
        return self.fr if lang == "fr" else self.en


PAGES = (
    Entry("/", "Explorer", "Explore", explorer.Page),
    Entry("/comparer", "Comparer", "Compare", comparer.Page),
    Entry("/territoire", "Territoire", "Territory", territoire.Page),
    Entry("/methode", "Méthode", "Method", methode.Page),
    Entry("/chercheur", "Chercheur", "Researcher", chercheur.Page),
    Entry("/direct", "En direct", "Live", direct.Page),
    Entry("/france", "France", "France", france.Page),
    Entry("/hypotheses", "Hypothèses", "Hypotheses", hypotheses.Page),
)
