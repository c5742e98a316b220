"""The page Territoire: one simulation month by month, on a map and as a network."""

from __future__ import annotations

from typing import Any

import solara

from cosim import scenario_text, state
from cosim.dashboard import compute, landscape, session, story, story_text
from cosim.dashboard import view as views
from cosim.dashboard.compute import Answer
from cosim.dashboard.controls import Controls
from cosim.dashboard.landscape import Scene
from cosim.dashboard.session import say
from cosim.dashboard.story import ABSENT, Story
from cosim.dashboard.view import View
from cosim.dashboard.widgets import Choice, Fold, Press, Table, box, options, text
from cosim.drawing import KINDS
from cosim.effects_text import number
from cosim.errors import CosimError
from cosim.scenario import Scenario

#: Which simulation is told: key of the address -> share of the others that end with fewer.
LUCKS = {"mediane": 0.5, "heureuse": 0.9, "malheureuse": 0.1}
#: Replicates that it is chosen among; before they are there, number 0 is told.
AMONG = compute.STAGES[-1]
#: Shares of engaged actors between the shades of communes: one scale for all territories.
BOUNDS = (0.1, 0.2, 0.35, 0.5)
#: Kinds of the lines of one actor's levels, beside its own: trust is the reference's grey.
LINES = (("commitment", "#0072B2", ""), ("know_how", "#C25A00", "7 3"), ("trust", "#444444", "2 3"))


@solara.component_vue("../components/Story.vue")
def Player(
    scene: dict[str, Any], words: dict[str, Any], labels: dict[str, Any], lang: str, chosen: int,
    month: int, on_month: Any, view: str, on_view: Any, event_choose: Any,
) -> None:  # fmt: skip
    """Map, network, time line and events of a `Scene`; it plays without a message."""


@solara.component_vue("../components/Levels.vue")
def Levels(lines: list[dict[str, Any]], month: int, description: str, ends: str) -> None:
    """A small chart of levels in hundredths by month; None interrupts a line."""


# -- the address --------------------------------------------------------------------------


def shown(view: View) -> tuple[str, str, bool]:
    """Return the map or the network, the luck, and whether the reference is told."""
    words = view.own("carte").split("-")
    luck = next((key for key in LUCKS if key in words), "mediane")
    return ("reseau" if "reseau" in words else "carte"), luck, "reference" in words


def showing(view: View, what: str, luck: str, reference: bool) -> View:
    """Return the view that tells another simulation, or tells it otherwise."""
    words = [what if what == "reseau" else "", luck if luck != "mediane" else ""]
    return view.with_own(carte="-".join(w for w in (*words, "reference" if reference else "") if w))


def month_of(view: View, scenario: Scenario) -> int:
    """Return the month of the address, the last one if it names none of the scenario's."""
    months = [scenario.month_label(k) for k in range(scenario.n_months)]
    asked = view.own("mois")
    return months.index(asked) if asked in months else len(months) - 1


def replicate_of(answer: Answer | None, luck: str) -> tuple[int, int]:
    """Return the replicate of a luck and among how many it was chosen: 0 of 0 before `AMONG`."""
    if answer is None or answer.n < AMONG:
        return 0, 0
    final = answer.effect.scenario.array("alliances")[:AMONG, -1]
    return story.quantile(final, LUCKS[luck]), AMONG


def sent(scene: Scene) -> dict[str, Any]:
    """Return a scene as the component reads it."""
    scenario, where = scene.story.scenario, scene.where
    last = scenario.n_months - 1
    votes = [scenario.month_index(vote) for vote in scenario.context.elections]
    crises = [(scenario.month_index(c.start), c.months) for c in scenario.context.crises]
    return {
        "values": scene.values, "layout": scene.layout, "rings": where.rings,
        "names": where.names, "count": scenario.n_months, "start": scenario.time.start,
        "width": landscape.WIDTH, "height": where.height,
        "network_height": landscape.NETWORK_HEIGHT, "bounds": BOUNDS,
        "colours": [KINDS[kind][0] for kind in state.KINDS],
        "votes": [vote for vote in votes if 0 <= vote <= last],
        "crises": [(max(0, first), min(last, first + n)) for first, n in crises
                   if first <= last and first + n > 0],
    }  # fmt: skip


# -- the page -----------------------------------------------------------------------------


@solara.component
def Page() -> None:
    """The territory, which simulation, its story, one actor, tables."""
    opened, set_opened = solara.use_state(False)
    Heading()
    Fold(
        title=say("Changer de territoire ou de leviers", "Change territory or levers"),
        opened=opened, on_opened=set_opened, name="leviers",
    )  # fmt: skip
    if opened:
        with box("div", "cosim-territory-levers"):
            Controls()
    Told()
    solara.Style(
        ".cosim-which .cosim-choice { display: flex; align-items: center; gap: 10px; margin: 0; }"
        ".cosim-which label { margin: 0 !important; white-space: nowrap; }"
        ".cosim-actor-choice .cosim-choice { margin-bottom: 4px; max-width: 100%; }"
        ".cosim-actor .cosim-table, .cosim-folds .cosim-table { width: 0; min-width: 100%; }"
        ".cosim-territory-levers { max-width: 560px; margin-bottom: 16px; }"
        ".cosim-actor { display: grid; grid-template-columns: 330px minmax(0, 1fr);"
        " gap: 8px 28px; } .cosim-actor > * { min-width: 0; }"
        ".cosim-actor dl { display: grid; grid-template-columns: 1fr auto; gap: 4px 12px;"
        " margin: 0 0 10px; font-size: 15px; } .cosim-actor dd { margin: 0; font-weight: 600;"
        " text-align: right; } .cosim-actor h3 { margin-top: 6px; }"
        "@media (max-width: 860px) { .cosim-actor { grid-template-columns: minmax(0, 1fr); } }"
    )


@solara.component
def Heading() -> None:
    """The name of the territory, what it counts, and what is simulated."""
    now = session.view.value
    place = solara.use_memo(lambda: compute_place(now.scenario), [now.code])
    text(
        "h1",
        say("Territoire : ", "Territory: ") + place.name
        if place
        else say("Territoire", "Territory"),
    )
    if place is None:
        return
    lang = now.lang
    counts = [number(float(n), 0, lang) for n in (place.inhabitants, place.n_communes)]
    words = say("{} habitants, {} communes", "{} inhabitants, {} communes").format(*counts)
    if now.code != "synthetic":
        n = views.counts(now.code)
        words += ", " + ", ".join(
            story_text.many(n[kind], k, lang) for k, kind in enumerate(n)
        ) + say(", comptés comme dans le modèle.", ", counted as in the model.")  # fmt: skip
    every = round(1 / now.scenario.territory.sample)
    if every > 1:
        words += say(f" Un acteur sur {every} est simulé et dessiné.",
                     f" One actor in {every} is simulated and drawn.")  # fmt: skip
    text("p", words, "cosim-lead")


def compute_place(scenario: Scenario) -> Any:
    """Return the territory of a scenario, None if it cannot be read."""
    from cosim import engine

    try:
        return engine.territory_of(scenario)
    except CosimError:
        return None


@solara.component
def Told() -> None:
    """Tell the simulation that the address names; the last one stays until it is there."""
    now, answered = session.view.value, session.answer.value
    what, luck, reference = shown(now)
    current = answered.answer if answered and session.current() else None
    number_, among = replicate_of(current, luck)
    scenario = now.reference if reference else now.scenario
    nothing: tuple[Scene, int, bool] | None = None
    last = solara.use_reactive(nothing)
    wrong = solara.use_reactive("")

    def work(cancel: Any) -> None:
        wrong.value = ""
        try:
            found = story.SHELF.story(scenario, replicate=number_, cancelled=cancel.is_set)
            if found is None or cancel.is_set():
                return
            with story.SHELF.gate.turn(story.URGENCY):
                scene = landscape.scene(found)
            if not cancel.is_set():
                last.value = (scene, among, reference)
        except CosimError as error:
            wrong.value = str(error)

    solara.use_thread(work, dependencies=[scenario, number_, among], intrusive_cancel=False)
    Which(luck, reference)
    if wrong.value:
        text("p", wrong.value, "cosim-warning", role="alert")
    if last.value is None:
        with box("div", "cosim-card"):
            text(
                "div",
                say("Simulation en cours… La carte arrive dans un instant.",
                    "Simulating… The map will be here in a moment."),
                "cosim-skeleton", role="status",
            )  # fmt: skip
        return
    scene, chosen_among, of_reference = last.value
    fresh = scene.story.scenario == scenario and scene.story.replicate == number_
    Status(scene.story, chosen_among, of_reference, fresh and chosen_among > 0)
    Shown(scene, what)


@solara.component
def Which(luck: str, reference: bool) -> None:
    """Choose a happy, median or unhappy simulation, of the what-if or of the reference."""
    now = session.view.value
    what, *_ = shown(now)
    names = {
        "mediane": say("médiane", "median"),
        "heureuse": say("heureuse (1 sur 10 fait mieux)", "happy (1 in 10 does better)"),
        "malheureuse": say("malheureuse (1 sur 10 fait moins)", "unhappy (1 in 10 does worse)"),
    }

    def choose(key: str) -> None:
        if key in LUCKS:
            session.go(lambda v: showing(v, what, key, reference))

    with box("div", "cosim-row cosim-which"):
        Choice(
            name="chance", label=say("Une simulation", "A simulation that is"), value=luck,
            options=options(names), on_value=choose,
        )  # fmt: skip
        Press(
            label=say("Voir la référence", "Show the reference"), kind="plain",
            pressed="true" if reference else "false",
            event_press=lambda *_: session.go(lambda v: showing(v, what, luck, not reference)),
        )  # fmt: skip


@solara.component
def Status(told: Story, among: int, reference: bool, fresh: bool) -> None:
    """What is told: of which scenario, which simulation, and its end beside the other's."""
    now, answered = session.view.value, session.answer.value
    if reference:
        what = say("Référence, même hasard", "Reference, same luck")
    else:
        what = scenario_text.sentence(told.scenario, now.lang)
    _, luck, _ = shown(now)
    kinds = {
        "mediane": say("médiane", "median"), "heureuse": say("heureuse", "happy"),
        "malheureuse": say("malheureuse", "unhappy"),
    }  # fmt: skip
    if among:
        which = say(
            f"La simulation {kinds[luck]} sur {among} par ses alliances à la fin "
            f"(n° {told.replicate}).",
            f"The {kinds[luck]} simulation of {among} by its alliances at the end "
            f"(no. {told.replicate}).",
        )
    else:
        which = say("La première simulation, en attendant les autres.",
                    "The first simulation, until the others are there.")  # fmt: skip
    text("p", what if what.endswith(".") else what + ".", "cosim-small", style="margin:8px 0 2px")
    end = ""
    if fresh and answered is not None and answered.answer.n > told.replicate:
        effect = answered.answer.effect
        ours, theirs = (
            number(float(one.array("alliances")[told.replicate, -1]), 0, now.lang)
            for one in (effect.scenario, effect.reference)
        )
        end = say(
            f" À la fin : {ours} alliances, {theirs} dans la référence à même hasard.",
            f" At the end: {ours} alliances, {theirs} in the reference with the same luck.",
        )
    busy = "" if fresh else " cosim-busy"
    text("p", which + end if fresh else say("calcul… ", "computing… ") + which,
         "cosim-status" + busy, role="status")  # fmt: skip


@solara.component
def Shown(scene: Scene, what: str) -> None:
    """The player, the actor, the tables."""
    now, told = session.view.value, scene.story
    _, luck, reference = shown(now)
    month = month_of(now, told.scenario)
    asked = now.own("acteur")
    seat = told.seat(asked) if asked else None
    payload = solara.use_memo(lambda: sent(scene), [scene])
    sampled = told.scenario.territory.sample < 1
    words = solara.use_memo(lambda: story_text.words(now.lang, sampled), [now.lang, sampled])
    labels = solara.use_memo(lambda: story_text.labels(told, now.lang), [told, now.lang])

    def move(m: int) -> None:
        if isinstance(m, int) and 0 <= m < told.n_months:
            label = told.scenario.month_label(m)
            session.go(lambda v: v.with_own(mois="" if m == told.n_months - 1 else label))

    def look(view: str) -> None:
        session.go(lambda v: showing(v, view, luck, reference))

    def choose(found: Any) -> None:
        if isinstance(found, int) and 0 <= found < told.n_seats:
            session.go(lambda v: v.with_own(acteur=told.name(found)))

    with box("section", "cosim-card", aria_label=say("Carte et histoire", "Map and story")):
        Player(
            scene=payload, words=words, labels=labels, lang=now.lang,
            chosen=-1 if seat is None else seat, month=month, on_month=move, view=what,
            on_view=look, event_choose=choose,
        )  # fmt: skip
    with box("section", "cosim-card", aria_label=say("Un acteur", "One actor")):
        Actor(told, month, seat, asked)
    Tables(told)


@solara.component
def Actor(told: Story, month: int, seat: int | None, asked: str) -> None:
    """Choose an actor by keyboard; who it is, whom it trusts, its alliances."""
    lang = session.view.value.lang
    text("h2", say("Un acteur", "One actor"))
    found = solara.use_memo(lambda: story_text.choices(told, lang), [told, lang])
    nobody = {
        "value": "",
        "label": say("Choisir sur la carte ou ici…", "Choose on the map or here…"),
    }

    def choose(key: str) -> None:
        if not key or told.seat(key) is not None:
            session.go(lambda v: v.with_own(acteur=key))

    with box("div", "cosim-row cosim-actor-choice"):
        Choice(
            name="acteur", label=say("Acteur", "Actor"), value=asked if seat is not None else "",
            options=[nobody, *found], on_value=choose,
        )  # fmt: skip
    if asked and seat is None:
        text("p", say("Cet acteur n'existe pas dans cette simulation.",
                      "This actor does not exist in this simulation."),
             "cosim-warning", style="margin-top:10px")  # fmt: skip
    if seat is None:
        return
    when = scenario_text.month_name(told.scenario.month_label(month), lang)
    title = story_text.name(told, seat, lang)
    with box("div", "cosim-actor", style="margin-top:12px"):
        with box("div"):
            text("h3", say(f"{title[:1].upper()}{title[1:]} en {when}",
                           f"{title[:1].upper()}{title[1:]} in {when}"))  # fmt: skip
            pairs = story_text.profile(told, seat, month, lang)
            box("dl", "", [text(*cell) for a, b in pairs for cell in (("dt", a), ("dd", b))])
            _levels(told, seat, month, title)
            words, rows = story_text.acquaintances(told, seat, month, lang)
            Table(
                caption=words, align="llr", rows=rows,
                head=[say("Qui", "Who"), "Commune", say("Confiance", "Trust")],
            )  # fmt: skip
        with box("div"):
            rows = story_text.alliances(told, seat, month, lang)
            text("h3", say("Ses alliances, et comment elles sont nées",
                           "Its alliances, and how they came about"))  # fmt: skip
            if not rows:
                text("p", say("Aucune jusqu'à ce mois.", "None until this month."), "cosim-small")
                return
            Table(
                caption=say(f"{len(rows)} jusqu'en {when}", f"{len(rows)} until {when}"),
                align="llllrl", rows=rows,
                head=[
                    say("Née en", "Born in"), say("Comment", "How"),
                    say("Type et domaine", "Type and domain"), say("Fondateurs", "Founders"),
                    say("Réussites / échecs", "Successes / failures"), say("Devenue", "Became"),
                ],
            )  # fmt: skip


def _levels(told: Story, seat: int, month: int, title: str) -> None:
    names = {
        "commitment": say("Envie", "Commitment"), "know_how": say("Savoir-faire", "Know-how"),
        "trust": say("Confiance", "Trust"),
    }  # fmt: skip
    lines = []
    for key, colour, dash in LINES:
        column = getattr(told, key)[:, seat]
        values = [None if x == ABSENT else int(x) for x in column.tolist()]
        lines.append({"label": names[key], "colour": colour, "dash": dash, "values": values})
    time = told.scenario.time
    Levels(
        lines=lines, month=month, ends=f"{time.start[:4]}–{time.end[:4]}, 0–100",
        description=say(
            f"Envie, savoir-faire et confiance, de {time.start[:4]} à {time.end[:4]} : {title}.",
            f"Commitment, know-how and trust, {time.start[:4]} to {time.end[:4]}: {title}.",
        ),
    )  # fmt: skip


@solara.component
def Tables(told: Story) -> None:
    """What the map shows, as tables that unfold."""
    sample = told.scenario.territory.sample < 1
    of = say(" (parmi les acteurs simulés)", " (among the actors simulated)") if sample else ""
    with box("section", "cosim-card cosim-folds", aria_label=say("Tableaux", "Tables")):
        with box("div"):
            Years(told, of)
        with box("div"):
            Communes(told, of)


@solara.component
def Years(told: Story, of: str) -> None:
    """Alliances by year."""
    opened, set_opened = solara.use_state(False)
    Fold(
        title=say("Les alliances année par année", "Alliances year by year"), opened=opened,
        on_opened=set_opened, name="annees",
    )  # fmt: skip
    if opened:
        Table(
            caption=say("Nées, terminées, vivantes", "Alliances born, ended, living") + of,
            head=[say("Année", "Year"), say("Nées", "Born"), say("Terminées", "Ended"),
                  say("Vivantes fin d'année", "Living at its end")],
            rows=story_text.year_rows(told, session.lang()), align="lrrr",
        )  # fmt: skip


@solara.component
def Communes(told: Story, of: str) -> None:
    """What each commune counts, and the alliances born there."""
    opened, set_opened = solara.use_state(False)
    Fold(
        title=say("Les communes", "The communes"), opened=opened, on_opened=set_opened,
        name="communes",
    )  # fmt: skip
    if opened:
        Table(
            caption=say("Communes : chiffres réels, puis simulés",
                        "Communes: real figures, then simulated ones") + of,
            head=[say("Commune", "Commune"), say("Habitants", "Inhabitants"),
                  say("Élus municipaux", "Municipal councillors"),
                  say("Acteurs simulés", "Actors simulated"),
                  say("Alliances nées", "Alliances born")],
            rows=story_text.commune_rows(told, session.lang()), align="lrrrr",
        )  # fmt: skip
