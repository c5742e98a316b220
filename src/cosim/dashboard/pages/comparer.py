"""The page Comparer."""

from __future__ import annotations

import solara

from cosim.dashboard.session import say
from cosim.dashboard.widgets import text


@solara.component
def Page() -> None:
    """Scenarios kept, side by side."""
    text("h1", say("Comparer", "Compare"))
    text("p", say("Des scénarios gardés, côte à côte.", "Scenarios kept, side by side."), "cosim-lead")
