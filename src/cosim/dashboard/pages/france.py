"""The page France: all territories together, one's own among them, as far as luck lets one say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import solara

from cosim import atlas
from cosim.dashboard import nation, session
from cosim.dashboard import view as views
from cosim.dashboard.nation import Shown
from cosim.dashboard.session import say
from cosim.dashboard.widgets import Choice, Finder, Fold, Press, Table, box, options, text
from cosim.effects_text import number
from cosim.errors import CosimError

STYLE = (Path(__file__).parents[1] / "france.css").read_text(encoding="utf-8")


@solara.component_vue("../components/NationMap.vue")
def NationMap(
    image: bytes, frames: list[dict[str, Any]], regions: list[int], names: list[str],
    values: bytes, years: list[int], year: int, on_year: Callable[[int], None],
    colours: list[str], bounds: list[float], bounds_words: list[str], share: bool, gap: bool,
    mine: int, chosen: int, lang: str, words: dict[str, str], description: str,
    event_choose: Callable[[str], None],
) -> None:  # fmt: skip
    """Draw territories in colours by year on canvases: see `nation.Grid` and `nation.values`."""


def shown() -> Shown:
    """Return what the address asks for."""
    return nation.parsed(session.view.value.own("carte"), atlas.read())


def show(made: Shown) -> None:
    """Show something else."""
    session.go(lambda v: v.with_own(carte=made.text()))


@solara.component
def Page() -> None:
    """Map, own territory, the one that is pointed at, regions."""
    solara.Style(STYLE)
    text("h1", say("La France entière", "The whole of France"))
    try:
        known = atlas.read()
    except CosimError as error:
        text("p", str(error), "cosim-warning", role="alert")
        return
    count = number(len(known.codes), 0, session.lang())
    text(
        "p",
        say(
            f"Les {count} territoires ensemble, tels que le modèle les rejoue : une couleur par "
            "territoire, et l'écart que le hasard suffit à expliquer.",
            f"The {count} territories together, as the model replays them: a colour for each, and "
            "the gap that luck alone may explain.",
        ),
        "cosim-lead",
    )
    with box("div", "cosim-france"):
        with box("section", "", aria_label=say("Carte", "Map")):
            Map()
        with box("section", "", aria_label=say("Territoires", "Territories")):
            Places()
    Regions()
    Notes()


@solara.component
def Map() -> None:
    """Choices, sentence, canvases."""
    known, now, lang = atlas.read(), shown(), session.lang()
    text("h2", nation.label(now.indicator, lang))
    text("p", nation.whole_sentence(known, now, lang), "cosim-sentence", aria_live="polite")
    with box("div", "cosim-card"):
        with box("div", "cosim-france-choices"):
            Choice(
                name="indicateur", label=say("Indicateur", "Indicator"), value=now.indicator,
                options=options({name: nation.label(name, lang) for name in nation.INDICATORS}),
                on_value=lambda name: _change(indicator=name),
            )  # fmt: skip
            Choice(
                name="monde", label=say("Simulation", "Simulation"), value=now.world,
                options=options({name: nation.world_label(name, lang) for name in atlas.WORLDS}),
                on_value=lambda name: _change(world=name),
            )  # fmt: skip
        text(
            "p",
            f"{nation.definition(now.indicator, lang)} {nation.world_sentence(now.world, lang)}",
            "cosim-small",
        )
        Canvases()
        if now.gap:
            text(
                "p",
                say(
                    "Gris : les simulations ne sont pas d'accord sur le sens de la différence.",
                    "Grey: the simulations do not agree on the sign of the difference.",
                ),
                "cosim-small",
            )


def _change(world: str = "", indicator: str = "") -> None:
    now = shown()
    if indicator in nation.INDICATORS:
        now = replace(now, indicator=indicator)
    show(now.of(world) if world in atlas.WORLDS else now)


@solara.component
def Canvases() -> None:
    """The map, once its grid is there: the first one of a process takes some seconds."""
    known, now, lang = atlas.read(), shown(), session.lang()
    found = solara.use_thread(
        lambda _cancel: nation.grid(known.codes), dependencies=[], intrusive_cancel=False
    )
    grid = found.value
    if grid is None:
        text("div", say("La carte se prépare…", "The map is being prepared…"), "cosim-skeleton")
        return
    scale = nation.scale(known, now.world, now.indicator, lang)
    places = {code: k for k, code in enumerate(known.codes)}
    mine = session.view.value.code
    NationMap(
        image=grid.runs, frames=list(grid.frames), regions=list(grid.regions),
        names=[nation.names()[code] for code in known.codes],
        values=nation.values(known, now), years=list(known.years(now.world)), year=now.year,
        on_year=lambda year: show(replace(shown(), year=int(year))),
        colours=list(scale.colours), bounds=list(scale.bounds), bounds_words=list(scale.words),
        share=now.indicator != nation.COUNT, gap=now.gap, lang=lang,
        mine=places.get(mine, -1), chosen=places.get(now.place, -1),
        description=say("Carte de France. ", "Map of France. ")
        + nation.whole_sentence(known, now, lang),
        event_choose=lambda k: show(replace(shown(), place=known.codes[int(k)])),
        words={
            "play": say("▶ Lecture", "▶ Play"), "pause": say("❚❚ Pause", "❚❚ Pause"),
            "year": say("Janvier", "January"), "key": say("Légende", "Key"),
            "unit": nation.unit(now, lang), "to": say("à", "to"),
            "inset": say("encart de la même carte", "inset of the same map"),
            "luck": say("hasard possible", "maybe luck"),
        },
    )  # fmt: skip


@solara.component
def Places() -> None:
    """One's own territory, a search, and the territory that is pointed at."""
    known, now, lang = atlas.read(), shown(), session.lang()
    words, set_words = solara.use_state("")
    mine = session.view.value.code
    with box("div", "cosim-card mine"):
        text("h2", say("Votre territoire", "Your territory"))
        text("p", nation.place_sentence(known, now, mine, lang) if mine in known.codes else say(
            "Le vôtre est un territoire stylisé : il n'est pas sur la carte.",
            "Yours is a stylised territory: it is not on the map."))  # fmt: skip
    with box("div", "cosim-card"):
        codes = nation.find(words, known)
        rows = [{"code": code, "name": nation.names()[code], "detail": ""} for code in codes]

        def choose(code: str) -> None:
            set_words("")
            if code in known.codes:
                show(replace(shown(), place=code))

        Finder(
            text=words, on_text=set_words, found=rows, event_choose=choose,
            message=say("Aucun territoire de ce nom : vérifiez l'orthographe.",
                        "No territory of this name: check the spelling.")
            if len(words.strip()) > 1 and not rows else "",
            label=say("Chercher un autre territoire", "Find another territory"),
            hint=say("Nom ou code", "Name or code"),
        )  # fmt: skip
        text(
            "p", say("Ou touchez la carte.", "Or touch the map."), "cosim-small",
            style="margin:8px 0 0",
        )  # fmt: skip
    if now.place:
        Chosen(now)


@solara.component
def Chosen(now: Shown) -> None:
    """The figures of a territory, and the way to its own page."""
    known, lang = atlas.read(), session.lang()
    router = solara.use_router()

    def explore() -> None:
        session.go(lambda v: v.at(now.place))
        router.push(f"/?{views.to_query(session.view.value)}")

    with box("div", "cosim-card chosen", aria_live="polite"):
        text("h2", nation.names()[now.place])
        text("p", nation.place_sentence(known, now, now.place, lang))
        text("h3", say(f"En janvier {now.year}", f"In January {now.year}"))
        cells: list[Any] = []
        for name, told in nation.figures(known, now, now.place, lang):
            cells += [text("dt", name), text("dd", told)]
        box("dl", "", cells)
        with box("div", "cosim-row"):
            Press(
                label=say("Explorer ce territoire", "Explore this territory"), kind="main",
                event_press=lambda *_: explore(),
            )  # fmt: skip


@solara.component
def Regions() -> None:
    """The same map as a table."""
    known, now, lang = atlas.read(), shown(), session.lang()
    opened, set_opened = solara.use_state(False)
    n = known.about["replicates"]
    Fold(
        title=say("Les régions en tableau", "The regions as a table"), opened=opened,
        on_opened=set_opened, name="regions",
    )  # fmt: skip
    if opened:
        with box("div", "cosim-card"):
            Table(
                caption=f"{nation.label(now.indicator, lang)}, "
                + say(f"janvier {now.year}", f"January {now.year}")
                + (say(", différence avec la référence", ", difference to the reference")
                   if now.gap else ""),
                head=[say("Région", "Region"), say("Moyenne", "Mean"),
                      say(f"Plus basse des {n}", f"Lowest of {n}"),
                      say(f"Plus haute des {n}", f"Highest of {n}")],
                rows=nation.regions(known, now, lang), align="lrrr",
            )  # fmt: skip


@solara.component
def Notes() -> None:
    """What was simulated, what is not said, how to make it again."""
    known, now, lang = atlas.read(), shown(), session.lang()
    with box("section", "cosim-card", aria_label=say("Limites", "Limits")):
        text("h2", say("Ce que cette carte ne dit pas", "What this map does not say"))
        box("ul", "", [text("li", line) for line in nation.notes(known, lang)])
        text("h3", say("Refaire ces chiffres", "Make these figures again"))
        text("p", nation.provenance(known, now, lang), "cosim-code",
             style="white-space:pre-wrap;overflow-wrap:anywhere")  # fmt: skip
