"""The page En direct."""

from __future__ import annotations

import solara

from cosim.dashboard.session import say
from cosim.dashboard.widgets import text


@solara.component
def Page() -> None:
    """A seminar room."""
    text("h1", say("En direct", "Live"))
    text("p", say("Une salle de séminaire.", "A seminar room."), "cosim-lead")
