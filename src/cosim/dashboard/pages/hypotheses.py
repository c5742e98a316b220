"""The page Hypothèses."""

from __future__ import annotations

import solara

from cosim.dashboard.session import say
from cosim.dashboard.widgets import text


@solara.component
def Page() -> None:
    """Twelve hypotheses and what simulations say."""
    text("h1", say("Hypothèses", "Hypotheses"))
    text("p", say("Douze hypothèses et ce que les simulations en disent.", "Twelve hypotheses and what simulations say."), "cosim-lead")
