"""The commands that try the known effects on the model: `known-effects`, `channels`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cosim.cli.shell import (
    Json,
    Out,
    Replicates,
    app,
    progress,
    say,
    say_json,
    table,
    warn_of_compilation,
    writing,
)
from cosim.errors import CosimError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cosim.calibration.estimates import Effect, Lang

LANGUAGES: tuple[Lang, ...] = ("fr", "en")


@app.command("known-effects")
def known_effects(
    replicates: Annotated[
        int,
        typer.Option("--replicates", "-n", min=2, max=10_000,
                     help="Réplicats de S5 ; plus pour S1 à S4. / Of S5; more for S1–S4."),
    ] = 30,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Graine. / Seed.")] = 1,
    posterior_draws: Annotated[
        int,
        typer.Option(min=0, help="Jeux de la calibration à essayer ; 0 : les valeurs par défaut. "
                     "/ Sets of the posterior; 0: the defaults."),
    ] = 0,
    as_json: Json = False,
    out: Out = None,
    lang: Annotated[str, typer.Option(help="Langue : fr, en. / Language.")] = "fr",
) -> None:  # fmt: skip
    """Les effets connus S1 à S5, publiés et dans le modèle. / Known effects, published and ours."""
    if lang not in LANGUAGES:
        raise CosimError("unknown language", key="--lang", found=lang, expected="fr or en")
    from cosim.calibration import known

    if posterior_draws:
        _over_posterior(posterior_draws, seed, replicates, as_json, out, _words(lang))
        return
    warn_of_compilation()
    with progress("S1–S5", len(known.REPEATS)) as done:
        found = known.effects(seed=seed, replicates=replicates, progress=done)
    if out is not None:
        with writing(out, command="known-effects", seed=seed, replicates=replicates) as folder:
            _write(found, folder)
    if as_json:
        say_json([effect.as_json() for effect in found])
        return
    _tell(found, _words(lang))
    if out is not None:
        say(f"{out}")


def _words(lang: str) -> Lang:
    return "en" if lang == "en" else "fr"


def _over_posterior(
    draws: int, seed: int, replicates: int, as_json: bool, out: Path | None, lang: Lang
) -> None:
    """Try the effects on sets of the posterior; say how many of them each one holds in."""
    from cosim.calibration import known, posterior

    chosen = known.sets(posterior.load(), draws)
    warn_of_compilation()
    with progress("S1–S5", draws) as done:
        found = known.over(chosen, done, seed=seed, replicates=replicates)
    if out is not None:
        about = {"seed": seed, "replicates": replicates, "posterior_draws": draws}
        with writing(out, command="known-effects", **about) as folder:
            found.to_csv(folder / "known-effects-posterior.csv", index=False)
    rows = found.to_dict("records")
    if as_json:
        say_json(rows)
        return
    table(known.OVER_HEAD[lang == "en"], [known.over_cells(row, lang) for row in rows], right="23")
    if out is not None:
        say(f"{out}")


@app.command("channels")
def channels(
    replicates: Replicates = 4,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Graine. / Seed.")] = 1,
    as_json: Json = False,
) -> None:
    """Chaque métier agit par son propre canal. / Each métier acts through its own channel."""
    from cosim.calibration import metiers

    warn_of_compilation()
    found = metiers.channels(seed=seed, replicates=replicates)
    if as_json:
        say_json(found.to_dict("index"))
        return
    table(
        ("", *found.index),
        [(f"{fr} / {en}", *(metiers.figure(x) for x in found[name]))
         for name, (_, fr, en) in metiers.CHANNELS.items()],
        title=f"{metiers.FTE:g} ETP, {metiers.MONTHS} mois / {metiers.FTE:g} FTE, "
        f"{metiers.MONTHS} months",
        right="1234",
    )  # fmt: skip


def _tell(found: Sequence[Effect], lang: Lang) -> None:
    """Print the table, then the conditions under which it was measured."""
    from cosim.calibration import known

    table(known.HEAD[lang == "en"], [known.cells(effect, lang) for effect in found], right="234")
    for line in known.conditions(found, lang):
        say(line)


def _write(found: Sequence[Effect], folder: Path) -> None:
    """Write the effects as a table for people, as one for programs and with all conditions."""
    from cosim.calibration import known

    for lang in LANGUAGES:
        (folder / f"known-effects.{lang}.md").write_text(known.markdown(found, lang), "utf-8")
    known.table(found).to_csv(folder / "known-effects.csv", index=False)
    whole = [effect.as_json() for effect in found]
    text = json.dumps(whole, ensure_ascii=False, indent=2)
    (folder / "known-effects.json").write_text(text + "\n", "utf-8")
