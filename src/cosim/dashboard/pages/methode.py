"""The page Méthode."""

from __future__ import annotations

import solara

from cosim.dashboard.session import say
from cosim.dashboard.widgets import text


@solara.component
def Page() -> None:
    """How the model works, what it does not know."""
    text("h1", say("Méthode", "Method"))
    text("p", say("Comment le modèle marche, ce qu'il ne sait pas.", "How the model works, what it does not know."), "cosim-lead")
