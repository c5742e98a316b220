"""What every command shares: the application, messages, JSON, progress bars, output folders."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosim import __version__
from cosim.errors import CosimError, ResultsError, RunError

if TYPE_CHECKING:
    from rich.console import Console

    from cosim.scenario import Scenario

app = typer.Typer(
    name="cosim",
    epilog="Exemples / examples : cosim demo · cosim run reference-2010 · "
    "cosim compare reference-2020 metier-lieu · cosim territory search vincennes",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

#: What `manifest.json` calls a folder that `demo` or `compare` wrote.
FORMAT = "cosim comparison"


def printable(path: Path | None) -> Path | None:
    """Refuse a name that cannot be said again: one that is not text."""
    if path is not None and not str(path).isprintable():
        raise ResultsError("not the name of a folder", key="--out", found=ascii(str(path)))
    return path


Json = Annotated[bool, typer.Option("--json", help="Du JSON, et rien d'autre. / Only JSON.")]
Seed = Annotated[
    int | None,
    typer.Option(min=0, max=2**32 - 1, help="Graine du hasard. / Seed of chance."),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, max=1024, help="Fils en parallèle. / Parallel threads."),
]
Replicates = Annotated[
    int, typer.Option("--replicates", "-n", min=1, max=100_000, help="Réplicats. / Replicates.")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", callback=printable, help="Dossier à écrire. / Folder to write."),
]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="La version, et rien d'autre. / The version.")
    ] = False,
) -> None:
    """Comment un territoire apprend à faire alliance. / How a territory learns alliances."""
    if version:
        say(__version__)
    elif context.invoked_subcommand is None:
        say(context.get_help())


def group(name: str, help: str) -> typer.Typer:
    """Add a group of commands; alone, it prints its help."""
    made = typer.Typer(help=help)

    @made.callback(invoke_without_command=True, help=help)
    def alone(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            say(context.get_help())

    app.add_typer(made, name=name)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code, never raise.

    Parameters
    ----------
    arguments : without the name of the program; those of the process by default
    """
    # They add their commands to `app`.
    from cosim.cli import (  # noqa: F401, I001
        running, effects, reading, diagnosing, national, validating, calibrating, known,
        experimenting, hypothesizing, sensing,
    )  # fmt: skip

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an ASCII terminal gets "?" for an accent
            stream.reconfigure(errors="replace")
    try:
        code = app(arguments, prog_name="cosim", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except RunError as error:
        return _complain(f"{error}", 1)
    except CosimError as error:
        return _complain(f"{error}", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrompu / interrupted", 130)
    except (BrokenPipeError, SystemExit) as stop:
        cause = stop if isinstance(stop, BrokenPipeError) else stop.__context__
        if not isinstance(cause, BrokenPipeError):
            raise
        # Whoever read us has enough; keep Python from complaining when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        if hasattr(error, "format_message"):  # an option or argument that Typer refuses
            hint = "; cosim --help"
            context = getattr(error, "ctx", None)
            if context is not None:
                hint = f"; {context.command_path} --help"
            text = error.format_message()
            return _complain(text + hint, 2) if text else 2
        if os.environ.get("COSIM_DEBUG"):
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return _complain(f"l'exécution a échoué / the run failed: {reason}", 1)


def _complain(text: str, code: int) -> int:
    notes().print(f"cosim: {text}", markup=False, emoji=False, highlight=False, soft_wrap=True)
    return code


# -- words --------------------------------------------------------------------------------


def notes() -> Console:
    """The console of what is said beside the result: standard error."""
    from rich.console import Console

    return Console(stderr=True)


def console() -> Console:
    """The console of results: standard output; 160 columns where it is not a terminal."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=160)


def say(text: str) -> None:
    """Print one paragraph on standard output, as it is."""
    print(text)


def say_json(value: Any) -> None:
    """Print one JSON document on standard output; what is not finite becomes null."""
    print(json.dumps(_plain(value), ensure_ascii=False, indent=2))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not -1e308 < value < 1e308:
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", right: str = ""
) -> None:
    """Print a table; the columns whose place is in `right` ("12") hold numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left")
    for place, name in enumerate(head):
        made.add_column(name, justify="right" if str(place) in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell.replace("[", "\\[") for cell in row))
    console().print(made)


# -- progress -----------------------------------------------------------------------------


@contextmanager
def progress(title: str, total: int, noted: bool = False) -> Iterator[Callable[..., None]]:
    """Show a bar on standard error while a long command runs; yields `done(count, ...)`.

    `noted` shows, instead of the time left, what `done(count, total=…, note="…")` says.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = notes()
    last = TextColumn("{task.fields[note]}") if noted else TimeRemainingColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), last)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total, note="")

        def done(count: int, *_: object, total: int | None = None, note: str = "") -> None:
            bar.update(task, completed=count, total=total, note=note)

        yield done


def warn_of_compilation() -> None:
    """Say so when the rules are about to be compiled for the first time."""
    from cosim import warm

    if warm.cold():
        notes().print(
            "Première compilation (~30 s), mise en cache… / First compilation (~30 s), cached…",
            highlight=False, soft_wrap=True,
        )  # fmt: skip


# -- scenarios ----------------------------------------------------------------------------


def ready(name: str) -> Scenario:
    """Read a scenario and make sure, before anything costs or writes, that it can be simulated.

    Raises
    ------
    CosimError : it is not valid; its territory does not exist; its own rules do not
    """
    from cosim.scenario import load
    from cosim.scenario_file import one_line, shown_path

    document = load(name)
    from cosim import engine  # heavy, and of no use to a bad file

    try:
        engine.territory_of(document)
        engine.schedule(document)
    except CosimError as error:  # the engine knows no file, and quotes what modules say
        where = shown_path(Path(name if error.where is None else error.where))
        raise type(error)(
            one_line(error.what), where=where, key=error.key, found=error.found,
            expected=error.expected, nearest=error.nearest,
        ) from None  # fmt: skip
    return document


# -- output folders -----------------------------------------------------------------------


@contextmanager
def writing(folder: Path, **about: Any) -> Iterator[Path]:
    """Yield a folder beside `folder` to write into; all of it takes its place, or nothing.

    `about` goes into `manifest.json`, with the list of files that a later run may replace.

    Raises
    ------
    ResultsError : `folder` cannot be made or written, or holds somebody else's files
    """
    try:
        folder = folder.absolute()
        if folder.exists() and not folder.is_dir():
            raise ResultsError("not a folder", where=folder, key="--out")
        if folder.is_dir() and any(folder.iterdir()) and _written(folder) is None:
            raise ResultsError(
                "the folder holds files that this command did not write: nothing is overwritten",
                where=folder, key="--out", expected="a new or empty folder, or one of its own",
            )  # fmt: skip
        made = [parent for parent in folder.parents if not parent.exists()]
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ResultsError(f"cannot be written: {reason}", where=ascii(str(folder)),
                           key="--out") from None  # fmt: skip
    try:
        yield fresh
        files = sorted(path.relative_to(fresh).as_posix() for path in fresh.rglob("*")
                       if path.is_file() and path != fresh / "manifest.json")  # fmt: skip
        document = {"format": FORMAT, "cosim": __version__, **about, "files": files}
        (fresh / "manifest.json").write_text(
            json.dumps(_plain(document), ensure_ascii=False, indent=2) + "\n", "utf-8"
        )
        for name in _written(folder) or ():
            (folder / name).unlink(missing_ok=True)
        for name in (*files, "manifest.json"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).replace(folder / name)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        for parent in made:  # those that hold nothing
            with suppress(OSError):
                parent.rmdir()


def _written(folder: Path) -> list[str] | None:
    """The files that an earlier command wrote into a folder; None if it is not one of ours."""
    try:
        document = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return None
    inside = folder.resolve()
    names = [name for name in document.get("files", []) if isinstance(name, str)]
    return [name for name in names if (inside / name).resolve().is_relative_to(inside)]
