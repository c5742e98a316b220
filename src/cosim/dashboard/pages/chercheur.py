"""The page Chercheur."""

from __future__ import annotations

import solara

from cosim.dashboard.session import say
from cosim.dashboard.widgets import text


@solara.component
def Page() -> None:
    """Tables, seeds, ledgers, exports."""
    text("h1", say("Chercheur", "Researcher"))
    text("p", say("Tables, graines, registres, exports.", "Tables, seeds, ledgers, exports."), "cosim-lead")
