"""The page France."""

from __future__ import annotations

import solara

from cosim.dashboard.session import say
from cosim.dashboard.widgets import text


@solara.component
def Page() -> None:
    """All territories together."""
    text("h1", say("France", "France"))
    text("p", say("Tous les territoires ensemble.", "All territories together."), "cosim-lead")
