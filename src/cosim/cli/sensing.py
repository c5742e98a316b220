"""The commands `sensitivity` and `discover`: what an outcome depends on, and where it fails."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from cosim import __version__
from cosim.cli.experimenting import FOLDER, perform
from cosim.cli.running import Dask, executor_at
from cosim.cli.shell import Json, Out, Workers, app, say, say_json, table
from cosim.effects_text import number
from cosim.errors import CosimError, ResultsError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from cosim.experiment.discovery import Discovery
    from cosim.experiment.document import Experiment
    from cosim.experiment.sensitivity import Sensitivity

Lang = Literal["fr", "en"]
Study = Annotated[
    str, typer.Argument(help="Fichier, nom livré, ou dossier. / File, shipped name or folder.")
]
Language = Annotated[Lang, typer.Option("--lang", help="Langue. / Language.")]
#: The folders of analyses, inside that of an experiment.
SENSITIVITY, DISCOVERY = "sensitivity", "discovery"
#: Digits of the numbers in the tables that are written.
DIGITS = "%.6g"


class Done(NamedTuple):
    """An experiment that was run, and where."""

    experiment: Experiment
    runs: pd.DataFrame
    folder: Path
    name: str


@app.command()
def sensitivity(
    file: Study,
    outcome: Annotated[
        str | None,
        typer.Option(help="Résultat ou contraste (sans lui : tous les résultats). / Outcome."),
    ] = None,
    lang: Language = "fr",
    out: Out = None,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
) -> None:
    """De quoi dépend un résultat : Morris, Sobol. / What an outcome depends on."""
    from cosim.experiment import sensitivity as analysis

    experiment, _, _ = _read(file, out)
    if experiment.design.kind not in analysis.KINDS:  # before anything is simulated
        raise ResultsError("this design has no sensitivity indices", where=file, key="design.kind",
                           found=experiment.design.kind,
                           expected=" or ".join(analysis.KINDS))  # fmt: skip
    names = [outcome] if outcome else [*experiment.outcomes]
    _known(experiment, names[0], "--outcome")
    done = _run(file, out, workers, dask)
    found = [one for name in names for one in analysis.analyse(done.experiment, done.runs, name)]
    folder = done.folder / SENSITIVITY
    _write_sensitivity(found, folder, done, lang)
    if as_json:
        say_json({
            "out": f"{folder}", **_about(done),
            "luck": analysis.luck_table(found).to_dict("records"),
            "indices": analysis.indices_table(found).to_dict("records"),
        })  # fmt: skip
        return
    for one in found:
        _tell_indices(one, lang)
    say(f"{folder}")


@app.command()
def discover(
    file: Study,
    contrast: Annotated[
        str, typer.Option(help="Contraste, ou résultat. / Contrast, or outcome.")
    ],
    below: Annotated[
        float | None, typer.Option(help="Cas : ce qui est sous ce seuil. / Cases are below.")
    ] = None,
    above: Annotated[
        float | None, typer.Option(help="Cas : ce qui le dépasse. / Cases are above.")
    ] = None,
    lang: Language = "fr",
    out: Out = None,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Dans quelles conditions cela arrive : PRIM. / Under which conditions it happens."""
    if (below is None) == (above is None):
        raise CosimError("one threshold", key="--below", found=below,
                         expected="either --below X or --above X")  # fmt: skip
    from cosim.experiment import discovery

    experiment, _, _ = _read(file, out)
    if experiment.design.kind != "lhs":
        raise ResultsError("conditions are discovered in a Latin hypercube", where=file,
                           key="design.kind", found=experiment.design.kind,
                           expected="lhs")  # fmt: skip
    _known(experiment, contrast, "--contrast")
    done = _run(file, out, workers, dask)
    threshold = below if below is not None else above
    assert threshold is not None
    found = discovery.discover(
        done.experiment, done.runs, contrast, threshold, below=below is not None
    )
    folder = done.folder / DISCOVERY
    _write_discovery(found, folder, done, lang)
    if as_json:
        say_json({"out": f"{folder}", **_about(done), "found": [_told(one) for one in found]})
        return
    for one in found:
        _tell_box(one, lang)
    say(f"{folder}")


# -- running ------------------------------------------------------------------------------


def _read(file: str, out: Path | None) -> tuple[Experiment, Path, str]:
    """Return an experiment, where its runs are or go, and its name."""
    from cosim.experiment import document

    if Path(file).is_dir():
        from cosim.experiment.store import Store

        return Store(file).experiment, Path(file), Path(file).resolve().name
    name = Path(file).stem
    return document.load(file), out or FOLDER / name, name


def _known(experiment: Experiment, name: str, key: str) -> None:
    known = [*experiment.outcomes, *experiment.contrasts]
    if name not in known:
        raise ResultsError("no such outcome or contrast", key=key, found=name,
                           expected=", ".join(known), nearest=nearest(name, known))  # fmt: skip


def _run(file: str, out: Path | None, workers: int | None, dask: str | None) -> Done:
    """Run what is missing of an experiment."""
    experiment, folder, name = _read(file, out)
    command = shlex.join(["cosim", "experiment", "run", file, "--out", f"{folder}"])
    with executor_at(dask) as executor:
        store = perform(experiment, folder, workers=workers, executor=executor, command=command)
    return Done(experiment, store.runs(), folder, name)


def _about(done: Done) -> dict[str, Any]:
    """What the numbers come from, and a few runs, for whoever wants to do them again."""
    experiment = done.experiment
    whole = done.runs[done.runs["error"].isna()]
    some = whole.iloc[[0, len(whole) // 2, -1]] if len(whole) else whole
    return {
        "experiment": done.name, "title": experiment.title, "digest": experiment.digest,
        "seed": experiment.seed, "points": len(experiment.points),
        "replicates": experiment.least_replicates(), "runs": len(done.runs),
        "failed": int(done.runs["error"].notna().sum()), "cosim": __version__,
        "sample": some[["point", "replicate", *experiment.outcomes]].to_dict("records"),
    }  # fmt: skip


# -- files --------------------------------------------------------------------------------


def _write_sensitivity(found: list[Sensitivity], folder: Path, done: Done, lang: Lang) -> None:
    from cosim import drawing
    from cosim.experiment import figures_sensitivity as figures
    from cosim.experiment import sensitivity as analysis

    _write(folder, {
        "indices": analysis.indices_table(found), "luck": analysis.luck_table(found),
    }, {**_about(done), "command": f"cosim sensitivity {done.name}"})  # fmt: skip
    for one in found:
        name = "-".join([one.name, *(f"{level}" for level in one.labels.values())])
        drawing.save(figures.indices(one, lang), folder, f"{name}-{lang}")


def _write_discovery(found: list[Discovery], folder: Path, done: Done, lang: Lang) -> None:
    import pandas as pd

    from cosim import drawing
    from cosim.experiment import discovery
    from cosim.experiment import figures_sensitivity as figures

    one = found[0]
    beyond = f"--{'below' if one.below else 'above'} {one.threshold:g}"
    command = f"cosim discover {done.name} --contrast {one.name} {beyond}"
    moving = [discovery.one_by_one(one.x, one.values).assign(**one.labels) for one in found]
    _write(folder, {
        "factors": pd.concat(moving),
        "box": pd.concat([one.table.assign(**one.labels) for one in found]),
        "trajectory": pd.concat([one.trajectory.assign(**one.labels) for one in found]),
    }, {**_about(done), "command": command, "found": [_told(one) for one in found]})  # fmt: skip
    for one in found:
        if one.box is None:
            continue
        levels = "-".join([one.name, *(f"{level}" for level in one.labels.values())])
        drawing.save(figures.tradeoff(one, lang), folder, f"{levels}-tradeoff-{lang}")
        drawing.save(figures.box(one, lang), folder, f"{levels}-box-{lang}")


def _write(folder: Path, tables: dict[str, pd.DataFrame], about: dict[str, Any]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in tables.items():
            rows.to_csv(folder / f"{name}.csv", index=False, float_format=DIGITS)
        text = json.dumps(about, ensure_ascii=False, indent=2)
        (folder / "about.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot be written: {error.strerror}", where=folder,
                           key="--out") from None  # fmt: skip


def _told(found: Discovery) -> dict[str, Any]:
    """One discovery in numbers and words."""
    from cosim.experiment import discovery

    box = found.box
    return {
        "contrast": found.name, **found.labels, "threshold": found.threshold,
        "below": found.below, "samples": len(found.cases), "cases": int(found.cases.sum()),
        "unsure": round(found.unsure, 4),
        "coverage": round(box.coverage, 4) if box else None,
        "density": round(box.density, 4) if box else None,
        "mass": round(box.mass, 4) if box else None,
        "coverage_elsewhere": round(found.elsewhere[0], 4) if box else None,
        "density_elsewhere": round(found.elsewhere[1], 4) if box else None,
        "fr": discovery.sentence(found, "fr"), "en": discovery.sentence(found, "en"),
    }  # fmt: skip


# -- words --------------------------------------------------------------------------------


def _tell_indices(found: Sensitivity, lang: Lang) -> None:
    from cosim.experiment.discovery import factor_label
    from cosim.experiment.sensitivity import DUMMY

    french = lang == "fr"
    heads = {
        ("morris", "fr"): ("Facteur", "μ*", "95 %", "μ", "σ", "Au-dessus du bruit"),
        ("morris", "en"): ("Factor", "μ*", "95%", "μ", "σ", "Above noise"),
        ("sobol", "fr"): ("Facteur", "Totale", "95 %", "Seule", "95 %", "Au-dessus du bruit"),
        ("sobol", "en"): ("Factor", "Total", "95%", "Alone", "95%", "Above noise"),
    }
    dummy = "bruit : la chance seule" if french else "noise: luck alone"

    def figure(value: float) -> str:
        return number(value, 3, lang)

    rows = []
    for row in found.ranked.to_dict("records"):
        name = str(row["factor"])
        others = ("mu", "sigma") if found.kind == "morris" else ("first",)
        cells = [dummy if name == DUMMY else factor_label(name, lang), figure(row[found.index]),
                 f"{figure(row['low'])} – {figure(row['high'])}"]  # fmt: skip
        cells += [figure(row[key]) for key in others]
        if found.kind == "sobol":
            cells.append(f"{figure(row['first_low'])} – {figure(row['first_high'])}")
        cells.append(("oui" if french else "yes") if row["above_noise"] else "–")
        rows.append(cells)
    title = ", ".join([found.name, *(f"{level}" for level in found.labels.values())])
    table(heads[found.kind, lang], rows, title=title, right="1234")
    share, left = (number(100 * x, 1, lang) for x in (found.luck.share, found.luck.left))
    n = found.luck.replicates
    say(
        f"La chance fait {share} % de la variance d'une simulation ; il en reste {left} % dans la "
        f"moyenne de {n} réplicats."
        if french
        else f"Luck makes {share}% of the variance of one simulation; {left}% is left in the mean "
        f"of {n} replicates."
    )
    if found.dropped:
        say(
            f"{found.dropped} trajectoires ou tirages laissés de côté, faute de simulations."
            if french
            else f"{found.dropped} trajectories or samples left out, for want of runs."
        )


def _tell_box(found: Discovery, lang: Lang) -> None:
    from cosim.experiment import discovery

    french = lang == "fr"
    heads = {
        "fr": ("Facteur", "De", "À", "Niveaux", "Quasi-p", "Retrouvé"),
        "en": ("Factor", "From", "To", "Levels", "Quasi p", "Found again"),
    }

    def end(value: float) -> str:
        return "" if value != value else number(value, 3, lang)

    if found.labels:
        say(", ".join(f"{level}" for level in found.labels.values()))
    say(discovery.sentence(found, lang))
    unsure = number(100 * found.unsure, 0, lang)
    say(
        f"Tirages que la chance peut avoir classés d'un côté ou de l'autre : {unsure} %."
        if french
        else f"Samples that luck may have put on either side: {unsure}%."
    )
    moving = discovery.one_by_one(found.x, found.values)
    words = [
        discovery.factor_label(str(row["factor"]), lang)
        + ("" if row["rho"] != row["rho"] else f" ({number(row['rho'], 2, lang)})")
        for row in moving[moving["moves"]].to_dict("records")
    ]
    none = "aucun" if french else "none"
    say(
        ("Facteurs qui la font varier, un à un (rho de Spearman) : " if french
         else "Factors that move it, one by one (Spearman's rho): ")
        + (", ".join(words) or none)
    )  # fmt: skip
    if found.box is not None:
        rows = [
            (discovery.factor_label(str(row["factor"]), lang), end(row["low"]), end(row["high"]),
             str(row["levels"]), number(row["qp"], 4, lang),
             f"{number(100 * row['again'], 0, lang)} %")
            for row in found.table.to_dict("records")
        ]  # fmt: skip
        table(heads[lang], rows, right="1245")
