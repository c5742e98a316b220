"""The command `validate`: facts in a file, or the calibration targets, against the model."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cosim.cli.shell import (
    Json,
    Out,
    Workers,
    app,
    progress,
    say,
    say_json,
    table,
    warn_of_compilation,
    writing,
)
from cosim.effects_text import number

if TYPE_CHECKING:
    from cosim.calibration.validation import Draws, Validation

Lang = Literal["fr", "en"]
HEADS = {
    "fr": ("Fait", "Mesure", "Attendu", "Tolérance", "Médiane", "5 à 95 % du modèle",
           "5 à 95 % d'une enquête", "z", "Dedans", "Tolérance tenue"),
    "en": ("Fact", "Measure", "Expected", "Tolerance", "Median", "5–95 % of the model",
           "5–95 % of a survey", "z", "Inside", "Tolerance met"),
}  # fmt: skip


@app.command()
def validate(
    facts: Annotated[
        Path | None,
        typer.Argument(
            help="Fichier CSV ; sans lui, les cibles du calage. / CSV file; else the targets."
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option(min=2, max=100_000, help="Tirages. / Draws.")
    ] = 100,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Graine. / Seed.")] = 1,
    workers: Workers = None,
    rules: Annotated[
        str, typer.Option(metavar="NAME", help="Règles rivales. / Rival rules: trust-beta…")
    ] = "default",
    lang: Annotated[Lang, typer.Option(help="Langue. / Language.")] = "fr",
    out: Out = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="1 si une médiane sort. / Exit 1 if a median is outside."),
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Des faits comparés au modèle (docs/validation.md). / Facts against the model."""
    from cosim.calibration import language, validation

    rows = language.targets() if facts is None else language.read(facts)
    sets = validation.draws_of(rules)
    simulate = validation.simulators(rows, seed, rules)
    with ExitStack() as stack:
        folder = None
        if out is not None:  # before the simulation: a bad folder must not cost it
            about = {"command": "validate", "seed": seed, "draws": draws, "parameters": sets.en,
                     "rules": rules, "facts": facts and facts.name}  # fmt: skip
            folder = stack.enter_context(writing(out, **about))
        warn_of_compilation()
        with progress("Validation", draws * len(simulate)) as done:
            made = validation.validate(rows, sets.sets, simulate, draws, workers, done)
        if folder is not None:
            made.table.to_csv(folder / "validation.csv", index=False)
            made.draws.to_parquet(folder / "draws.parquet", index=False)
    if as_json:
        _say_json(made, sets, seed)
    else:
        _tell(made, sets, lang)
        if out is not None:
            say(f"{out}")
    if strict and not all(made.facts.values()):
        raise typer.Exit(1)


def _say_json(made: Validation, sets: Draws, seed: int) -> None:
    facts = made.facts
    say_json({
        "draws": len(made.values), "seed": seed, "parameters": sets.en,
        "facts": len(facts), "facts_met": sum(facts.values()),
        "rows_inside": int(made.table.inside.sum()), "joint": made.joint,
        "rows": made.table.to_dict("records"),
    })  # fmt: skip


def _tell(made: Validation, sets: Draws, lang: Lang) -> None:
    """Print the table and the sums, in one language."""
    rows = made.table.to_dict("records")
    yes, no = ("oui", "non") if lang == "fr" else ("yes", "no")

    def figure(value: float) -> str:
        return "–" if value != value else number(value, 3 if abs(value) < 10 else 1, lang)

    def interval(low: float, high: float) -> str:
        return "–" if low != low else f"{figure(low)} – {figure(high)}"

    n, facts = len(made.values), made.facts
    inside = int(made.table.inside.sum())
    table(
        HEADS[lang],
        [
            (r["id"], r["measure"], figure(r["expected"]), interval(r["low"], r["high"]),
             figure(r["median"]), interval(r["q05"], r["q95"]),
             interval(r["seen05"], r["seen95"]),
             "–" if r["z"] != r["z"] else number(r["z"], 1, lang),
             yes if r["inside"] else no, yes if r["met"] else no)
            for r in rows
        ],
        title=f"{n} tirages : {sets.fr}" if lang == "fr" else f"{n} draws: {sets.en}",
        right="234567",
    )  # fmt: skip
    joint = number(100 * made.joint, 0, lang)
    if lang == "fr":
        say(f"Faits dont la médiane tient dans la tolérance : {sum(facts.values())} sur "
            f"{len(facts)}.")  # fmt: skip
        say(f"Chiffres attendus dans l'intervalle à 90 % d'une enquête : {inside} sur {len(rows)}.")
        say(f"Tirages qui tiennent toutes les tolérances à la fois : {joint} %.")
    else:
        say(f"Facts whose median is within the tolerance: {sum(facts.values())} of {len(facts)}.")
        say(f"Expected figures within the 90 % interval of a survey: {inside} of {len(rows)}.")
        say(f"Draws that meet every tolerance at once: {joint}%.")
    for row in rows:
        if row["nan"]:
            say(f"{row['id']} : {row['nan']} " + (
                "tirages sans réponse (cohorte vide, ou figure non définie)." if lang == "fr"
                else "draws without an answer (empty cohort, or undefined figure)."
            ))  # fmt: skip
