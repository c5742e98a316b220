"""The command that calibrates the model, and asks of the calibration what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosim.cli.shell import (
    Json,
    Workers,
    app,
    notes,
    progress,
    say,
    say_json,
    table,
    warn_of_compilation,
)
from cosim.errors import CosimError, nearest

if TYPE_CHECKING:
    import pandas as pd

#: What `--study` can ask, in the order in which `all` does.
STUDIES = ("posterior", "recovery", "ablation", "ablation-effects", "rivals")
ALL = "all"


@app.command()
def calibrate(
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Dossier des tirages ; ce qui y est n'est pas refait. / Folder of the draws; what "
            "is there is not run again.",
        ),
    ] = Path("out/calibration"),
    rules: Annotated[
        str,
        typer.Option(help="Règles : default, une rivale, ou all. / Rules: default, a rival, all."),
    ] = "default",
    study: Annotated[
        str,
        typer.Option(
            help="posterior (calibrer), recovery (vérités retrouvées), ablation (sans chaque "
            "mécanisme), ablation-effects (effets connus), rivals (règles comparées), ou all. "
            "/ What to do."
        ),
    ] = "posterior",
    quick: Annotated[
        bool, typer.Option("--quick", help="Essai minuscule. / A tiny trial.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Graine. / Seed.")] = 1,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Caler le modèle sur les enquêtes. / Calibrate the model on the surveys."""
    from cosim.calibration import posterior

    chosen = _several(rules, posterior.names(), "--rules")
    asked = _several(study, STUDIES, "--study")
    if out.exists() and not out.is_dir():
        raise CosimError("a file has this name", where=out, key="--out", expected="a folder")
    warn_of_compilation()
    from cosim.calibration import study as made

    sizes = made.QUICK if quick else None
    told: dict[str, Any] = {}
    if "posterior" in asked:
        for name in chosen:
            with _waves(name) as done:
                calibration = made.calibrate(out, name, seed, sizes, workers, done)
            told[name] = made.summary(calibration, name)
            if not as_json:
                _tell_fit(told[name])
    for name in asked:
        if name == "posterior":
            continue
        with _waves(name) as done:
            rows = made.STUDIES[name](out, seed, sizes, workers, done)
        rows.to_csv(out / f"{name}.csv", index=False, float_format="%.6g")
        told[name] = rows.to_dict("records")
        if not as_json:
            _TELL[name](rows)
            say(f"{out / name}.csv")
    if as_json:
        say_json(told)


def _several(given: str, known: tuple[str, ...], key: str) -> tuple[str, ...]:
    if given == ALL:
        return known
    names = tuple(part.strip() for part in given.split(",") if part.strip())
    for name in names or ("",):
        if name not in known:
            raise CosimError("no such choice", key=key, found=name,
                             expected=", ".join((*known, ALL)),
                             nearest=nearest(name, known))  # fmt: skip
    return names


@contextmanager
def _waves(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show one bar per wave; where there is no screen, one line per finished wave."""
    state: dict[str, Any] = {"wave": "", "stack": None}

    def tell(wave: str, done: int, total: int) -> None:
        if wave != state["wave"]:
            close()
            state["wave"] = wave
            state["stack"] = progress(f"{title} · {wave}", total)
            state["show"] = state["stack"].__enter__()
        state["show"](done)
        if done == total and not notes().is_terminal:
            notes().print(f"{title} · {wave}: {total}", highlight=False)

    def close() -> None:
        if state["stack"] is not None:
            state["stack"].__exit__(None, None, None)
            state["stack"] = None

    try:
        yield tell
    finally:
        close()


def _tell_fit(summary: dict[str, Any]) -> None:
    rows = [
        (row["target"], f"{row['value']:.3f}", f"{row['low']:.2f} … {row['high']:.2f}",
         f"{row['median']:.3f}", f"{row['p05']:.3f} … {row['p95']:.3f}",
         "✓" if row["low"] <= row["median"] <= row["high"] else "✗")
        for row in summary["fit"]
    ]  # fmt: skip
    table(
        ("Cible / Target", "Publié / Published", "Tolérance / Tolerance", "Médiane / Median",
         "90 %", ""),
        rows, title=f"{summary['rules']}", right="1234",
    )  # fmt: skip
    say(
        f"{summary['draws']} tirages, l'équivalent de {summary['effective']:.0f} ; "
        f"{summary['meet_all']} atteignent toutes les cibles. / {summary['draws']} draws, worth "
        f"{summary['effective']:.0f}; {summary['meet_all']} meet every target."
    )


def _tell_recovery(rows: pd.DataFrame) -> None:
    by = rows.groupby("parameter", sort=False)
    found = by["covered"].mean()
    width = (by["high"].mean() - by["low"].mean()) / (
        by["prior_high"].mean() - by["prior_low"].mean()
    )
    table(
        ("Paramètre / Parameter", "Couvert / Covered", "Intervalle, rapporté au préalable / to the "
         "prior's"),
        [(str(name), f"{100 * found[name]:.0f} %", f"{width[name]:.2f}") for name in found.index],
        right="12",
    )  # fmt: skip
    say(f"Couverture à 90 % / Coverage at 90 %: {100 * rows['covered'].mean():.0f} %")


def _tell_ablation(rows: pd.DataFrame) -> None:
    first = "target" if "target" in rows else "effect"
    cells = {
        (row[first], row["without"]): f"{row['value']:.2f}{'' if row['inside'] else ' ✗'}"
        for row in rows.to_dict("records")
    }
    names = list(dict.fromkeys(rows["without"]))
    table(
        ("Sans / Without", *(name or "—" for name in names)),
        [(one, *(cells[one, name] for name in names)) for one in dict.fromkeys(rows[first])],
        right="123456789",
    )


def _tell_rivals(rows: pd.DataFrame) -> None:
    told: dict[str, list[str]] = {}
    for row in rows[(rows["target"] != "") & rows["apart"]].to_dict("records"):
        told.setdefault(row["rules"], []).append(f"{row['target']} ({row['better']:+.1f})")
    table(
        ("Règles / Rules", "Score", "Écart / Difference", "Cibles qui les distinguent / Targets "
         "that tell them apart"),
        [(row["rules"], f"{row['score']:.1f}", f"{row['better']:+.1f} ± {row['error']:.1f}",
          ", ".join(told.get(row["rules"], ["—"])))
         for row in rows[rows["target"] == ""].to_dict("records")],
        right="12",
    )  # fmt: skip


_TELL: dict[str, Callable[[pd.DataFrame], None]] = {
    "recovery": _tell_recovery,
    "ablation": _tell_ablation,
    "ablation-effects": _tell_ablation,
    "rivals": _tell_rivals,
}
