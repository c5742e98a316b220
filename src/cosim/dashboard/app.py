"""The Solara application: one shell, eight pages, one state that is the address."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import solara

from cosim.dashboard import session
from cosim.dashboard import view as views
from cosim.dashboard.pages import PAGES, Entry
from cosim.dashboard.room_widgets import Banner
from cosim.dashboard.session import say
from cosim.dashboard.widgets import Address, Navigation, Press, box, text

log = logging.getLogger("cosim.dashboard")

STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


@solara.component
def Shell() -> None:
    """The frame of every page: name, links, language, what was refused, the page, the limits."""
    router = solara.use_router()
    solara.use_memo(lambda: _read(router.search or ""), [])
    now = session.view.value
    entry = _entry(router.path)
    query = views.to_query(now)

    def go(path: str) -> None:
        session.refused.value = ()
        router.push(f"{path}?{query}")

    session.Engine()
    solara.Style(STYLE)
    name = say("Et si ? Co-construire le territoire", "What if? Building the territory together")
    Address(path=entry.path, query=query, lang=now.lang, title=f"{entry.label(now.lang)} — cosim")
    with solara.Div(classes=["cosim-page"]):
        text("a", say("Aller au contenu", "Skip to content"), "cosim-skip", href="#contenu")
        with box("header", "cosim-head"):
            text("p", name, "cosim-brand")
            Navigation(
                pages=[{"path": p.path, "label": p.label(now.lang)} for p in PAGES],
                path=entry.path, query=query, label=say("Pages", "Pages"),
                more=say("Pages", "Pages"), event_go=go,
            )  # fmt: skip
            with box("div", "cosim-tools"):
                Press(
                    label="English" if now.lang == "fr" else "Français",
                    describe=say("Read this page in English", "Lire cette page en français"),
                    kind="small",
                    event_press=lambda *_: session.speak("en" if session.lang() == "fr" else "fr"),
                )
        Banner(entry.path)
        if session.refused.value:
            with box("div", "cosim-warning", role="alert"):
                text("strong", say("Refusé, et laissé de côté :", "Refused, and left out:"))
                box("ul", "", [box("li", "", [line]) for line in session.refused.value[:6]])
        with box("main", "", id="contenu"):
            Caught(entry).key(f"page {entry.path}")
        Limits()


def _read(query: str) -> None:
    """Make an address the session's view; no address leaves the session as it is."""
    if query and query != views.to_query(session.view.value):
        found, refused = views.from_query(query)
        session.view.value, session.refused.value = found, refused


def _entry(path: str) -> Entry:
    return next((entry for entry in PAGES if entry.path == path.rstrip("/")), PAGES[0])


@solara.component
def Caught(entry: Entry) -> None:
    """The page itself; what goes wrong in it is logged, and told without its traceback."""
    error, clear = solara.use_exception()

    def told() -> None:
        if error is not None:
            log.error("the page %s failed", entry.path, exc_info=error)

    solara.use_effect(told, [error])
    if error is None:
        entry.component()
        return
    with box("div", "cosim-warning", role="alert"):
        text("p", say("Cette page n'a pas pu s'afficher.", "This page could not be shown."))
        Press(label=say("Réessayer", "Try again"), event_press=lambda *_: clear())


@solara.component
def Limits() -> None:
    """The honest lines at the foot of every page."""
    from cosim import __version__

    words = say(
        "Simulation exploratoire, pas une prévision : des hypothèses signalées comme telles, des "
        "effets venus surtout d'études étrangères, des paramètres calibrés sur des chiffres "
        "nationaux. Tout est détaillé, source par source, dans la page Méthode.",
        "An exploratory simulation, not a forecast: assumptions marked as such, effects mostly "
        "from foreign studies, parameters calibrated on national figures. The Method page tells "
        "it all, source by source.",
    )
    with box("footer", "cosim-limits"):
        box("p", "", [words, f" cosim {__version__}."])


@solara.component
def Bare(children: Any = ()) -> Any:
    """Return the page without the bars that Solara would put around it."""
    return solara.Div(children=list(children))


routes = [
    solara.Route(path=entry.path.strip("/") or "/", component=Shell, layout=Bare, label=entry.fr)
    for entry in PAGES
]
