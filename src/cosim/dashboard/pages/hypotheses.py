"""The page Hypothèses: statements written before the runs, and what the model says of each."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import solara

from cosim.dashboard import findings, session
from cosim.dashboard import view as views
from cosim.dashboard.findings import Card, Contrast
from cosim.dashboard.session import say
from cosim.dashboard.widgets import Copy, Fold, Press, Table, box, text
from cosim.experiment.pages import SIGNS

STYLE = (Path(__file__).parents[1] / "hypotheses.css").read_text(encoding="utf-8")


@solara.component_vue("../components/Intervals.vue")
def Intervals(
    bars: list[dict[str, Any]], low: float, high: float, margin: float | None, margin_words: str,
    description: str, compact: bool = False,
) -> None:  # fmt: skip
    """Estimates with their intervals, against zero and the smallest effect that matters."""


@solara.component
def Page() -> None:
    """What is said first, the filter, the cards."""
    lang = session.lang()
    solara.Style(STYLE)
    text("h1", say("Douze hypothèses, et ce que le modèle en dit",
                   "Twelve hypotheses, and what the model says of them"))  # fmt: skip
    found = solara.use_thread(
        lambda _cancel: findings.cards(lang), dependencies=[lang], intrusive_cancel=False
   
    )  # fmt: skip
    Reading()
    if found.value is None:
        text("div", say("Lecture des verdicts…", "Reading the verdicts…"), "cosim-skeleton")
        return
    Cards()


@solara.component
def Reading() -> None:
    """How to read a verdict, and what it is not."""
    opened, set_opened = solara.use_state(False)
    text(
        "p",
        say(
            "Chacune a été écrite avant d'être simulée : ce qui est comparé, le sens attendu et le "
            "plus petit effet qui compte. Un verdict dit ce que le modèle implique ; il ne prouve "
            "rien sur un territoire.",
            "Each was written before it was simulated: what is compared, the expected direction "
            "and the smallest effect that matters. A verdict says what the model implies; it "
            "proves nothing about a territory.",
        ),
        "cosim-lead",
    )
    Fold(title=say("Comment lire un verdict", "How to read a verdict"), opened=opened,
         on_opened=set_opened, name="lire-un-verdict")  # fmt: skip
    if opened:
        with box("div", "cosim-note"):
            box("ul", "", [text("li", line) for line in findings.reading(session.lang())])


@solara.component
def Cards() -> None:
    """The filter and what it lets through; the one of the address is open."""
    lang = session.lang()
    verdict, set_verdict = solara.use_state("")
    chosen = session.view.value.own("hypothese").upper()
    counts = findings.counts(lang)
    choices = {"": say("Toutes", "All") + f" ({sum(counts.values())})"} | {
        one: f"{findings.word(one, lang)} ({n})" for one, n in counts.items()
    }
    with box("div", "cosim-row cosim-verdicts", role="group",
             aria_label=say("Montrer les hypothèses", "Show the hypotheses")):  # fmt: skip
        for one, label in choices.items():
            Press(label=label, kind="small", pressed="true" if verdict == one else "false",
                  event_press=partial(lambda name, _: set_verdict(name), one))  # fmt: skip
    shown = findings.chosen(verdict, lang)
    text(
        "p",
        say(f"{len(shown)} hypothèses affichées.", f"{len(shown)} hypotheses shown.")
        if len(shown) > 1
        else say("Une hypothèse affichée.", "One hypothesis shown."),
        "cosim-small", role="status",
    )  # fmt: skip
    text("p", findings.key_words(lang), "cosim-small")
    with box("div", "cosim-hypotheses"):
        for card in shown:
            One(card, card.name == chosen).key(card.name)


@solara.component
def One(card: Card, opened: bool) -> None:
    """A hypothesis: verdict, statement, the mean of the territories; the rest unfolds."""
    lang = session.lang()

    def open_(wanted: bool) -> None:
        session.go(lambda v: v.with_own(hypothese=card.name if wanted else ""))

    heading = f"{card.name.lower()}-enonce"
    kind = f"cosim-card cosim-hypothesis {card.verdict}" + " open" * opened
    with box("article", kind, id=card.name, aria_labelledby=heading):
        text("h2", f"{card.name}. {card.statement}", id=heading)
        with box("p", "tally"):
            text("span", findings.word(card.verdict, lang), f"cosim-verdict {card.verdict}")
            text("span", findings.places(card, lang))
        if not opened:
            for contrast in card.contrasts:
                if contrast.verdict:
                    Plot(contrast, 1)
        Fold(title=say("Tout voir", "See everything"), opened=opened, on_opened=open_)
        if opened:
            Whole(card)


@solara.component
def Plot(contrast: Contrast, rows: int) -> None:
    """One contrast: its words, its intervals."""
    lang = session.lang()
    low, high = findings.reach(contrast)
    bars = contrast.bars[:rows]
    margin = contrast.margin
    text("h3", f"{contrast.label[:1].upper()}{contrast.label[1:]}")
    told = f"{contrast.expected}."
    if contrast.verdict:
        told = f"{findings.word(contrast.verdict, lang)} — {told}"
    text("p", told, "cosim-small")
    Intervals(
        bars=[asdict(bar) | {"sign": SIGNS.get(bar.verdict, "")} for bar in bars],
        low=low, high=high, margin=margin or None, compact=rows == 1,
        margin_words=say("seuil", "threshold"),
        description=f"{contrast.label}. {told} "
        + "; ".join(f"{bar.label} : {bar.words}" if lang == "fr" else f"{bar.label}: {bar.words}"
                    for bar in bars),
    )  # fmt: skip


@solara.component
def Whole(card: Card) -> None:
    """Each contrast in each territory, rival rules, how it was made, how to try it."""
    lang = session.lang()
    text("p", card.question)
    for contrast in card.contrasts:
        Plot(contrast, len(contrast.bars))
    text("h3", say("Et avec une autre règle ?", "And with another rule?"))
    if card.rivals:
        Table(
            caption=say("Verdict sous chaque règle rivale, moyenne des territoires",
                        "Verdict under each rival rule, mean of the territories"),
            head=[say("Règle", "Rule"), "Verdict", say("Changement", "Change")],
            rows=[[rule, findings.word(verdict, lang),
                   say("change", "changes") if changes else say("le même", "the same")]
                  for rule, verdict, changes in card.rivals],
        )  # fmt: skip
    else:
        text("p", say("Aucune règle rivale n'a été essayée pour cette hypothèse.",
                      "No rival rule was tried for this hypothesis."))  # fmt: skip
    Try(card)
    text("h3", say("Comment c'est fait, et le refaire", "How it was made, and making it again"))
    text("p", findings.made(card, lang))
    text("p", card.command, "cosim-code", tabindex="0")
    with box("div", "cosim-row"):
        Copy(value=card.command, label=say("Copier la commande", "Copy the command"),
             done=say("Copié", "Copied"))  # fmt: skip
    Measures(card)


@solara.component
def Measures(card: Card) -> None:
    """The formulas and the source, as the experiment file writes them."""
    text("p", say("Mesures du fichier d'expérience :", "Outcomes of the experiment file:"),
         "cosim-small", style="margin-top:10px")  # fmt: skip
    box("ul", "cosim-small", [box("li", "", [text("code", line)]) for line in card.measures])
    text("p", f"Source : {card.source}" if session.lang() == "fr" else f"Source: {card.source}",
         "cosim-small", **({"lang": "en"} if session.lang() == "fr" else {}))  # fmt: skip


@solara.component
def Try(card: Card) -> None:
    """The way to the Explorer, where its levers can hold the hypothesis."""
    router = solara.use_router()
    text("h3", say("L'essayer sur votre territoire", "Try it on your territory"))
    if findings.tried(card.name) is None:
        text("p", say(
            "Pas avec les leviers de l'Explorateur : ce qui est comparé change en cours de route, "
            "ou change les paramètres du modèle.",
            "Not with the levers of the Explorer: what is compared changes under way, or changes "
            "the parameters of the model."))  # fmt: skip
        return

    def explore() -> None:
        before = session.view.value
        session.go(lambda v: findings.explored(card.name, v))
        if session.view.value is not before:
            router.push(f"/?{views.to_query(session.view.value)}")

    text("p", findings.trial(card.name, session.view.value))
    with box("div", "cosim-row"):
        Press(label=say("Voir dans l'Explorateur", "See it in the Explorer"), kind="main",
              event_press=lambda *_: explore())  # fmt: skip
