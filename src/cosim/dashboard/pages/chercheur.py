"""The page Chercheur: what was simulated, how to make it again, replicates, ledgers, files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import solara

from cosim import results
from cosim.dashboard import again, bench, compute, session
from cosim.dashboard import view as views
from cosim.dashboard.pages.explorer import status
from cosim.dashboard.session import say
from cosim.dashboard.sharing import Exports, Given, Kept, Search, Share
from cosim.dashboard.widgets import Choice, Copy, Fold, Press, Table, box, options, text
from cosim.effects import Effect
from cosim.effects_text import number
from cosim.indicators import INDICATORS


@solara.component
def Page() -> None:
    """A researcher's bench: everything that the numbers on screen depend on."""
    text("h1", say("Chercheur", "Researcher"))
    text(
        "p",
        say(
            "Ce qui est simulé, réplicat par réplicat, et de quoi le refaire à l'identique.",
            "What is simulated, replicate by replicate, and how to make it again exactly.",
        ),
        "cosim-lead",
    )
    shown = session.answer.value
    effect = shown.answer.effect if shown is not None and session.current() else None
    Identity(effect)
    Again(effect)
    File()
    Replicates(effect)
    with box("section", "cosim-card", aria_label=say("Exports", "Exports")):
        text("h2", say("Emporter", "Take away"))
        text("p", say(
            "Page et tableur : ce qui est à l'écran. Parquet : les indicateurs, tous, de chaque "
            "réplicat (100 au plus), simulés à la demande, en décembre de chaque année et le "
            "dernier mois.",
            "Page and spreadsheet: what is on screen. Parquet: all indicators of each replicate "
            "(100 at most), simulated when asked for, each December and the last month.",
        ), "cosim-small")  # fmt: skip
        Exports()
        with box("div", "cosim-row", style="margin-top:12px"):
            Kept()
            Share()
    Ledgers()


# -- what was simulated -------------------------------------------------------------------


@solara.component
def Identity(effect: Effect | None) -> None:
    """Sentence, digests, seed, replicates, versions."""
    now = session.view.value
    pair = (now.reference, now.scenario)
    runs = solara.use_memo(lambda: [results.run_digest(one) for one in pair], [*pair])
    with box("section", "cosim-card", aria_label=say("À l'écran", "On screen")):
        text("h2", say("À l'écran", "On screen"))
        if effect is not None:
            text("p", effect.sentence(now.lang, now.shown), "cosim-answer-sentence")
            text("p", effect.frequency_sentence(now.lang, now.shown), "cosim-small")
            text("p", effect.cost_sentence(now.lang), "cosim-small")
        text("p", status(), "cosim-status" + ("" if session.settled() else " cosim-busy"))
        if session.failure.value:
            text("p", session.failure.value, "cosim-warning", role="alert")
        rows = [
            [say("Territoire", "Territory"), now.code, now.code],
            [say("Empreinte du scénario", "Digest of the scenario"),
             *(one.digest for one in pair)],
            [say("Empreinte du calcul", "Digest of the run"), *runs],
            [say("Graine", "Seed"), *[str(compute.SEED)] * 2],
            [say("Réplicats", "Replicates"),
             *[number(effect.n, 0, now.lang) if effect else "…"] * 2],
            [say("Paramètres", "Parameters"),
             *(say("tirés de la calibration", "drawn from the calibration") if one.draws
               else say("fixes", "fixed") for one in pair)],
            [say("Part des acteurs simulés", "Share of actors simulated"),
             *(number(100 * one.territory.sample, 1, now.lang) + say("\u202f%", "%")
               for one in pair)],
        ]  # fmt: skip
        Table(
            caption=say("Ce dont les chiffres dépendent", "What the numbers depend on"),
            head=[say("Quoi", "What"), say("Référence", "Reference"), say("Scénario", "Scenario")],
            rows=rows,
        )  # fmt: skip
        known = ", ".join(f"{name} {version}" for name, version in results.versions().items())
        text("p", f"Versions{say('\u202f', '')}: {known}.", "cosim-small")


@solara.component
def Again(effect: Effect | None) -> None:
    """Python lines and a command that give the numbers on screen."""
    now = session.view.value
    title = say("Refaire ce résultat", "Make this result again")
    with box("section", "cosim-card", id="refaire", aria_label=title):
        text("h2", title)
        if effect is None:  # a key: an element of another tag would keep the tag of this one
            text("p", say("calcul…", "computing…"), "cosim-status cosim-busy").key("busy")
            return
        n = effect.n
        text("h3", say("En ligne de commande", "From the command line"))
        text("p", say("Avec ces deux fichiers dans le dossier courant :",
                      "With these two files in the current folder:"), "cosim-small")  # fmt: skip
        command, lines = again.command(now, n), again.python(now, n)
        box("pre", "cosim-code", [command], id="commande", tabindex="0")
        with box("div", "cosim-row", style="margin:8px 0 16px"):
            Copy(value=command, label=say("Copier la commande", "Copy the command"),
                 done=say("Copié", "Copied"))  # fmt: skip
            Exports(("reference", "toml"))
        text("h3", say("En Python", "In Python"))
        box(
            "pre",
            "cosim-code",
            [lines],
            id="python",
            tabindex="0",
            style="max-height:320px;overflow:auto",
        )
        with box("div", "cosim-row", style="margin-top:8px"):
            Copy(value=lines, label=say("Copier le Python", "Copy the Python"),
                 done=say("Copié", "Copied"))  # fmt: skip


@solara.component
def File() -> None:
    """The scenario as TOML, to copy, to download, and another one to load."""
    opened, set_opened = solara.use_state(False)
    now = session.view.value
    toml = now.scenario.to_toml()
    with box("section", "cosim-card", aria_label=say("Fichier de scénario", "Scenario file")):
        text("h2", say("Fichier de scénario", "Scenario file"))
        text("p", now.scenario.sentence(now.lang))
        with box("div", "cosim-row"):
            Copy(value=toml, label=say("Copier le TOML", "Copy the TOML"),
                 done=say("Copié", "Copied"))  # fmt: skip
            Exports(("toml",))
            Fold(title=say("Voir le TOML", "See the TOML"), opened=opened, on_opened=set_opened,
                 name="voir-toml")  # fmt: skip
        if opened:
            box("pre", "cosim-code cosim-long", [toml], id="toml", tabindex="0")
        with box("div", "", style="margin-top:14px"):
            Given()


# -- replicates ---------------------------------------------------------------------------


@solara.component
def Replicates(effect: Effect | None) -> None:
    """The last month of each replicate, twenty at a time."""
    page, set_page = solara.use_state(0)
    now = session.view.value
    with box("section", "cosim-card", aria_label=say("Réplicats", "Replicates")):
        text("h2", say("Réplicats", "Replicates"))
        Choice(
            name="courbe", label=say("Indicateur", "Indicator"), value=now.shown,
            options=options({key: INDICATORS[key].label(now.lang) for key in views.SHOWN}),
            on_value=lambda key: session.go(
                lambda v: replace(v, shown=key) if key in views.SHOWN else v
            ),
        )  # fmt: skip
        if effect is None:
            text("p", say("calcul…", "computing…"), "cosim-status cosim-busy")
            return
        pages = -(-effect.n // bench.ROWS)
        at = min(page, pages - 1)
        head, rows = bench.replicates(effect, now.shown, at, now.lang)
        Table(
            caption=f"{INDICATORS[now.shown].label(now.lang)}, "
            f"{effect.reference.scenario.time.end}, {at + 1}/{pages}",
            head=head, rows=rows, align="lrrr",
        )  # fmt: skip
        with box("div", "cosim-row", style="margin-top:8px"):
            Press(label=say("Précédents", "Previous"), kind="small", disabled=at == 0,
                  event_press=lambda *_: set_page(at - 1))  # fmt: skip
            Press(label=say("Suivants", "Next"), kind="small", disabled=at + 1 >= pages,
                  event_press=lambda *_: set_page(at + 1))  # fmt: skip


# -- ledgers ------------------------------------------------------------------------------


@solara.component
def Ledgers() -> None:
    """Each ledger, searched and read here."""
    ledger, set_ledger = solara.use_state("parameters")
    words, set_words = solara.use_state("")
    page, set_page = solara.use_state(0)
    lang = session.lang()

    def choose(name: Any) -> None:
        set_ledger(name if name in bench.LEDGERS else ledger)
        set_page(0)

    def search(text_: str) -> None:
        set_words(str(text_)[:60])
        set_page(0)

    found = solara.use_memo(lambda: bench.search(ledger, words, lang), [ledger, words, lang])
    pages = max(1, -(-len(found.rows) // bench.ROWS))
    with box("section", "cosim-card", aria_label=say("Registres", "Ledgers")):
        text("h2", say("Registres", "Ledgers"))
        text("p", say(
            "Chaque nombre du modèle, une seule fois, avec sa source et la confiance qu'on lui "
            "accorde.",
            "Every number of the model, once, with its source and how far it is trusted.",
        ), "cosim-small")  # fmt: skip
        with box("div", "cosim-two"):
            Choice(
                name="registre", label=say("Registre", "Ledger"), value=ledger, on_value=choose,
                options=options({key: names[lang != "fr"] for key, names in bench.LEDGERS.items()}),
            )  # fmt: skip
            Search(name="chercher", label=say("Chercher", "Search"), text=words, on_text=search,
                   hint=say("un mot, une source", "a word, a source"))  # fmt: skip
        count = number(len(found.rows), 0, lang)
        text("p", say(f"{count} lignes.", f"{count} rows."), "cosim-status", role="status")
        if found.rows:
            Table(
                caption=f"{bench.LEDGERS[ledger][lang != 'fr']}, {page + 1}/{pages}",
                head=found.head, rows=found.rows[page * bench.ROWS : (page + 1) * bench.ROWS],
            )  # fmt: skip
        with box("div", "cosim-row", style="margin-top:8px"):
            Press(label=say("Précédentes", "Previous"), kind="small", disabled=page == 0,
                  event_press=lambda *_: set_page(page - 1))  # fmt: skip
            Press(label=say("Suivantes", "Next"), kind="small", disabled=page + 1 >= pages,
                  event_press=lambda *_: set_page(page + 1))  # fmt: skip
    solara.Style(STYLE)


STYLE = """
.cosim-page { width: 100%; }
.cosim-long { max-height: 320px; overflow: auto; }
.cosim-two { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 2fr); gap: 0 16px; }
.cosim-answer-sentence { font-size: 18px; line-height: 1.4; }
@media (max-width: 860px) { .cosim-two { grid-template-columns: minmax(0, 1fr); } }
"""
