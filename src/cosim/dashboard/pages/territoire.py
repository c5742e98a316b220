"""The page Territoire."""

from __future__ import annotations

import solara

from cosim.dashboard.session import say
from cosim.dashboard.widgets import text


@solara.component
def Page() -> None:
    """The map, the network, the story month by month."""
    text("h1", say("Territoire", "Territory"))
    text("p", say("La carte, le réseau, l'histoire mois par mois.", "The map, the network, the story month by month."), "cosim-lead")
