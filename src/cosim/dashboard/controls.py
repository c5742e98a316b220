"""The left column: territory, starting point, levers grouped as decisions."""

from __future__ import annotations

from functools import partial
from typing import Any

import solara

from cosim import territory
from cosim.dashboard import levers, session
from cosim.dashboard import view as views
from cosim.dashboard.levers import Group
from cosim.dashboard.session import say
from cosim.dashboard.widgets import Choice, Finder, Fold, Press, Slider, box, text
from cosim.effects_text import number
from cosim.errors import CosimError


def found(words: str, lang: Any) -> tuple[list[dict[str, str]], str]:
    """Return what the search box lists, and what it says when it lists nothing."""
    if len(words.strip()) < 2:
        return [], ""
    fr = lang == "fr"
    rows = [
        {
            "code": str(row.code),
            "name": str(row.name),
            "detail": (f"{row.match} · " if row.match != row.name else "")
            + f"{row.dep} · {number(float(str(row.inhabitants)), 0, lang)} "
            + ("habitants" if fr else "inhabitants")
            + f" · {number(float(str(row.n_communes)), 0, lang)} communes",
        }
        for row in territory.find(words[:80]).head(6).itertuples(index=False)
    ]
    nothing = (
        "Aucun territoire de ce nom : vérifiez l'orthographe." if fr
        else "No territory of this name: check the spelling."
    )  # fmt: skip
    return rows, "" if rows else nothing


@solara.component
def Place() -> None:
    """Find one's territory; its real counts."""
    words, set_words = solara.use_state("")
    now = session.view.value
    rows, message = solara.use_memo(lambda: found(words, now.lang), [words, now.lang])

    def choose(code: str) -> None:
        set_words("")
        session.go(lambda v: v.at(territory.load(str(code)).code))

    Finder(
        text=words, on_text=set_words, found=rows, message=message, event_choose=choose,
        label=say("Votre territoire ou votre commune", "Your territory or your commune"),
        hint=say("Nom ou code", "Name or code"),
    )  # fmt: skip
    try:
        place = territory.load(now.code) if now.code != "synthetic" else None
    except CosimError as error:
        text("p", str(error), "cosim-warning")
        return
    if place is None:
        text("p", say("Un territoire stylisé.", "A stylised territory."), "cosim-place")
        return
    n, lang = views.counts(place.code), now.lang
    every = round(1 / now.scenario.territory.sample)
    text("p", place.name, "cosim-place", style="font-weight:700")
    counts = [number(float(value), 0, lang) for value in
              (place.inhabitants, place.n_communes, n["elu"], n["company"], n["association"])]  # fmt: skip
    text(
        "p",
        say(
            "{} habitants, {} communes, {} élus, {} entreprises de 10 salariés et plus, "
            "{} associations visibles.",
            "{} inhabitants, {} communes, {} élus, {} companies of 10 employees and more, "
            "{} visible associations.",
        ).format(*counts)
        + " "
        + (
            say(f"Simulés : 1 acteur sur {every}.", f"Simulated: 1 actor in {every}.")
            if every > 1
            else say("Tous sont simulés.", "All are simulated.")
        ),
        "cosim-place",
    )


@solara.component
def Levers(groups: tuple[Group, ...] = levers.GROUPS) -> None:
    """The sliders of these groups, and the métiers under those of catalysts."""
    now = session.view.value
    reference = now.reference
    for group in groups:
        text("h2", group.label(now.lang))
        for lever in group.levers:
            at = lever.held(lever.value(now.scenario))
            Slider(
                name=lever.key.replace(".", "-"), label=lever.label(now.lang), low=lever.low,
                high=lever.high, step=lever.step, unit=lever.unit(now.lang),
                reference=lever.held(lever.value(reference)), hint=lever.hint(now.lang), value=at,
                on_value=partial(session.move, lever.key),
                reset=say("Revenir à la référence", "Back to the reference"), lang=now.lang,
            )  # fmt: skip
        if group.name == "catalysis":
            mix = levers.mix_of(now.scenario)
            names = levers.MIXES if mix else ("", *levers.MIXES)
            Choice(
                name="metier", label=say("Métier des catalyseurs", "Métier of catalysts"),
                value=mix,
                options=[
                    {"value": key, "label": levers.mix_label(key, now.lang)} for key in names
                ],
                on_value=session.choose_mix,
            )  # fmt: skip


@solara.component
def Controls() -> None:
    """The whole column."""
    more, set_more = solara.use_state(False)
    with box("section", "cosim-panel", aria_label=say("Territoire et leviers", "Territory and levers")):
        text("h2", say("Territoire", "Territory"))
        Place()
        Levers()
        Fold(
            title=say("Plus de leviers", "More levers"), opened=more, on_opened=set_more,
            name="plus-de-leviers",
        )  # fmt: skip
        if more:
            Levers(levers.MORE)
        with box("div", "cosim-row"):
            Press(
                label=say("Annuler", "Undo"), kind="small", disabled=not session.past.value,
                event_press=lambda *_: session.undo(),
            )  # fmt: skip
            Press(
                label=say("Rétablir", "Redo"), kind="small", disabled=not session.future.value,
                event_press=lambda *_: session.redo(),
            )  # fmt: skip
            Press(
                label=say("Tout remettre à la référence", "All back to the reference"),
                kind="small",
                event_press=lambda *_: session.go(
                    lambda v: views.replace(v, scenario=v.reference)
                ),
            )  # fmt: skip
