"""Commands on experiments: run, resume, look at, export, replay, report."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosim.cli.running import Dask, executor_at
from cosim.cli.shell import (
    Json,
    Workers,
    group,
    notes,
    printable,
    progress,
    say,
    say_json,
    table,
    warn_of_compilation,
)
from cosim.errors import CosimError, RunError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from cosim.experiment.document import Experiment
    from cosim.experiment.runner import Estimate, Progress
    from cosim.experiment.store import Store

#: Where an experiment goes that is given no folder.
FOLDER = Path("out/experiments")
#: Seconds of runs before which a terminal is asked, and between two lines where there is no bar.
ASKED, SPOKEN = 600.0, 30.0
#: Rows of a table on the screen; the files and `--json` hold all.
SHOWN = 20

experiments = group("experiment", "Expériences : lancer, reprendre, lire. / Experiments.")

File = Annotated[
    str, typer.Argument(help="Fichier, nom livré, ou dossier. / File, shipped name or folder.")
]
Folder = Annotated[
    Path, typer.Argument(callback=printable, help="Dossier de l'expérience. / Its folder.")
]


@experiments.command()
def run(
    file: File,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", callback=printable,
            help="Dossier ; ce qui y est n'est pas refait. / Folder; what is there stays.",
        ),
    ] = None,
    workers: Workers = None,
    processes: Annotated[
        bool,
        typer.Option(
            "--processes",
            help="Des processus, pour ses propres règles. / Processes, for rules of one's own.",
        ),
    ] = False,
    dask: Dask = None,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Refaire les échecs. / Do failed runs again."),
    ] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Dire le coût, sans plus. / Tell the cost, stop.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ne rien demander. / Ask nothing.")
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Lancer une expérience, ou la reprendre. / Run an experiment, or go on with it."""
    if dask is not None and (processes or workers is not None):
        raise CosimError("a cluster has its own workers", key="--dask",
                         expected="no --workers, no --processes")  # fmt: skip
    experiment, folder = _experiment(file)
    folder = out or folder or FOLDER / Path(file).stem
    command = _command(file, folder, workers, processes, dask)
    costs: list[Estimate] = []

    def told(cost: Estimate) -> bool:
        costs.append(cost)
        return not estimate and (yes or _agreed(cost))

    with executor_at(dask) as executor:
        store = perform(
            experiment, folder, workers=workers, processes=processes, executor=executor,
            retry_failed=retry_failed, command=command, told=told,
        )  # fmt: skip
    counts = store.counts()
    if as_json:
        say_json({"out": f"{folder}", **counts._asdict(), "missing": counts.missing,
                  "estimate": costs[0]._asdict(), "command": command})  # fmt: skip
        return
    if counts.missing == 0:
        _tell_counts(counts.stored, counts.failed)
        say(f"Résultats / results : {folder}")
    if counts.failed:
        _tell_failures(folder)


@experiments.command()
def status(folder: Folder, as_json: Json = False) -> None:
    """Ce qui est fait, ce qui manque, ce qui a échoué. / Done, missing, failed."""
    from cosim.experiment.store import Store

    store = Store(folder)
    manifest, counts, runs = store.manifest, store.counts(), store.runs()
    failed = runs[runs["error"].notna()]
    if as_json:
        say_json({"title": manifest["experiment"]["title"], **counts._asdict(),
                  "missing": counts.missing, "created": manifest["created"],
                  "updated": manifest["updated"], "digest": manifest["digest"],
                  "resume": _resume(folder),
                  "failures": failed[["run", "error", "replay"]].to_dict("records")})  # fmt: skip
        return
    replicates = runs.groupby("point").size()
    say(f"{manifest['experiment']['title']} · {manifest['created']} · {manifest['updated']}")
    table(
        ("Prévues / planned", "Faites / stored", "Manquent / missing", "Échecs / failed",
         "Autres / others", "Réplicats / replicates"),
        [(*(f"{n}" for n in (counts.planned, counts.stored, counts.missing, counts.failed,
                             counts.others)),
          f"{replicates.min()}–{replicates.max()}" if len(replicates) else "—")],
        right="012345",
    )  # fmt: skip
    if counts.failed:
        _tell_failures(folder)
    if counts.missing:
        say(f"Reprendre / resume: {_resume(folder)}")


@experiments.command()
def export(folder: Folder) -> None:
    """Écrire les tables de ce qui est fait. / Write the tables of what is stored."""
    from cosim.experiment.store import Store

    for path in Store(folder).export():
        say(f"{path}")


@experiments.command()
def replay(
    folder: Folder,
    run: Annotated[str, typer.Argument(help="Nom d'une simulation. / Id of a run.")],
    as_json: Json = False,
) -> None:
    """Refaire une simulation, telle qu'elle fut. / Do a run again, as it was."""
    from cosim.experiment import runner

    warn_of_compilation()
    values = runner.replay(folder, run)
    if as_json:
        say_json({"run": run, "outcomes": values})
    else:
        table(("Résultat / outcome", "Valeur / value"),
              [(name, f"{value:.6g}") for name, value in values.items()], title=run,
              right="1")  # fmt: skip


@experiments.command()
def report(folder: Folder) -> None:
    """Écrire la page de l'expérience. / Write the page of an experiment."""
    from cosim.experiment import report as page

    say(f"{page.write(folder)}")


@experiments.command(name="list")
def list_(as_json: Json = False) -> None:
    """Les expériences livrées. / The experiments that come with the software."""
    from cosim.experiment import document

    rows = [(name, document.load(path)) for name, path in document.shipped().items()]
    if as_json:
        say_json([
            {"name": name, "title": e.title, "title_en": e.title_en, "question": e.question,
             "question_en": e.question_en, "runs": len(e.points) * e.least_replicates(),
             "hypothesis": e.hypothesis and e.hypothesis.id}
            for name, e in rows
        ])  # fmt: skip
    else:
        table(
            ("Nom / name", "Hypothèse", "Titre / title", "Simulations / runs"),
            [(name, e.hypothesis.id if e.hypothesis else "", e.title,
              f"{len(e.points) * e.least_replicates()}") for name, e in rows],
            right="3",
        )  # fmt: skip


@experiments.command()
def check(file: File, as_json: Json = False) -> None:
    """Vérifier un fichier, sans rien simuler. / Check a file; nothing is simulated."""
    experiment, _ = _experiment(file)
    from cosim.experiment import runner

    runner.check(experiment)
    told = {
        "title": experiment.title, "digest": experiment.digest, "points": len(experiment.points),
        "arms": experiment.arms, "levels": [*experiment.arm_names],
        "strata": len({point.stratum for point in experiment.points}),
        "replicates": experiment.least_replicates(),
        "most": experiment.stopping.most if experiment.stopping else experiment.least_replicates(),
        "outcomes": [*experiment.outcomes], "contrasts": [*experiment.contrasts],
    }  # fmt: skip
    if as_json:
        say_json(told)
        return
    least, most = told["replicates"], told["most"]
    times = f"{least}" if least == most else f"{least}–{most}"
    say(
        f"{experiment.title} : {told['points']} points × {times} réplicats ; "
        f"{told['strata']} strates. / {told['points']} points × {times} replicates; "
        f"{told['strata']} strata."
    )


@experiments.command()
def show(file: File, as_json: Json = False) -> None:
    """Les points du plan. / The points of the design."""
    experiment, _ = _experiment(file)
    design = experiment.design_table
    if as_json:
        say_json(design.to_dict("records"))
        return
    rows = design.head(SHOWN).astype(str).to_numpy().tolist()
    table([*design.columns], rows, title=experiment.title)
    if len(design) > SHOWN:
        say(f"… {len(design)} points (--json)")


# -- running ------------------------------------------------------------------------------


def perform(
    experiment: Experiment,
    folder: Path,
    *,
    workers: int | None = None,
    processes: bool = False,
    executor: Executor | None = None,
    retry_failed: bool = False,
    command: str = "",
    told: Callable[[Estimate], bool] | None = None,
) -> Store:
    """Run what is missing of an experiment under a bar, after saying what it will cost.

    Whoever interrupts it, or loses the cluster, is told the command that goes on. Parameters are
    those of `runner.run`.
    """
    from cosim.experiment import runner

    warn_of_compilation()
    with _bar(experiment.title) as (show, begin):

        def costs(cost: Estimate) -> bool:
            _tell_cost(cost)
            if told is not None and not told(cost):
                return False
            begin()
            return True

        try:
            return runner.run(
                experiment, folder, workers, processes, executor, show, told=costs,
                retry_failed=retry_failed, command=command,
            )  # fmt: skip
        except (KeyboardInterrupt, RunError):
            notes().print(f"Reprendre / resume: {command or _resume(folder)}", markup=False,
                          highlight=False, soft_wrap=True)  # fmt: skip
            raise


# -- parts --------------------------------------------------------------------------------


def _experiment(file: str) -> tuple[Experiment, Path | None]:
    """Return the experiment of a file, of a shipped name, or of a folder with that folder."""
    if Path(file).is_dir():
        from cosim.experiment.store import Store

        return Store(file).experiment, Path(file)
    from cosim.experiment import document

    return document.load(file), None


def _command(
    file: str, folder: Path, workers: int | None, processes: bool, dask: str | None
) -> str:
    words = ["cosim", "experiment", "run", file, "--out", f"{folder}"]
    words += ["--workers", f"{workers}"] if workers else []
    words += ["--processes"] if processes else []
    return shlex.join([*words, *(["--dask", dask] if dask else [])])


def _resume(folder: Path) -> str:
    return shlex.join(["cosim", "experiment", "run", f"{folder}"])


@contextmanager
def _bar(title: str) -> Iterator[tuple[Callable[[Progress], None], Callable[[], None]]]:
    """Yield what shows progress, and what begins to show it: nothing comes before the cost."""
    with ExitStack() as stack:
        state: dict[str, Any] = {"spoken": time.monotonic()}

        def begin() -> None:
            state["done"] = stack.enter_context(progress(title, 1, noted=True))

        def show(now: Progress) -> None:
            note = f"{now.rate:.1f}/s · {duration(now.left)}"
            state["done"](now.done, total=now.planned, note=note)
            if not notes().is_terminal and time.monotonic() - state["spoken"] > SPOKEN:
                state["spoken"] = time.monotonic()
                notes().print(f"{now.done}/{now.planned} · {note}", highlight=False)

        yield show, begin


def duration(seconds: float) -> str:
    """Return a duration as one reads it.

    >>> [duration(seconds) for seconds in (3.4, 200, 7500)]
    ['4 s', '3 min 20 s', '2 h 05 min']
    """
    whole = int(-(-seconds // 1))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _agreed(cost: Estimate) -> bool:
    """Ask a person whether a long experiment shall go on; nobody is asked elsewhere."""
    if cost.most_seconds < ASKED or not notes().is_terminal:
        return True
    return typer.confirm("Continuer ? / Go on?", default=True, err=True)


def _tell_cost(cost: Estimate) -> None:
    time_fr = f"environ {duration(cost.seconds)}"
    time_en = f"about {duration(cost.seconds)}"
    if cost.most > cost.missing:
        most = duration(cost.most_seconds)
        time_fr += f" ; {most} pour {cost.most} si l'arrêt attend la fin"
        time_en += f"; {most} for {cost.most} if the stopping rule goes to its end"
    notes().print(
        f"{cost.planned} simulations prévues, {cost.stored} faites, {cost.missing} à faire : "
        f"{time_fr} ({cost.workers} à la fois).\n"
        f"{cost.planned} runs planned, {cost.stored} stored, {cost.missing} to do: "
        f"{time_en} ({cost.workers} at once).",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def _tell_counts(stored: int, failed: int) -> None:
    say(f"{stored} simulations, dont {failed} en échec. / {stored} runs, {failed} of them failed.")


def _tell_failures(folder: Path) -> None:
    from cosim.experiment.store import Store

    runs = Store(folder).runs()
    failed = runs[runs["error"].notna()]
    rows = zip(failed["run"], failed["error"], strict=True)
    table(
        ("Échec / failure", "Pourquoi / why"),
        [(run, error) for run, error in rows][:SHOWN],
    )
    where = shlex.quote(f"{folder}")
    say(f"Refaire / replay: cosim experiment replay {where} {failed['run'].iloc[0]}")


__all__ = ["duration", "experiments", "perform"]
