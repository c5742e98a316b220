"""Commands of a what-if: contributions of levers, branches of a history, what equal luck saves."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosim.cli.running import (
    Dask,
    FromPosterior,
    Indicators,
    Name,
    about_scenario,
    drawing,
    executor_at,
    figure,
    indicators_of,
    records,
    sentences_of,
    unit_words,
)
from cosim.cli.shell import (
    Json,
    Out,
    Replicates,
    Seed,
    Workers,
    app,
    progress,
    say,
    say_json,
    table,
    warn_of_compilation,
    writing,
)
from cosim.errors import CosimError, ScenarioError

if TYPE_CHECKING:
    import pandas as pd

    from cosim.attribution import Contributions
    from cosim.branching import Branches
    from cosim.scenario import Scenario

#: name: key=value, key=value — the name is what comes before a colon ahead of the first "=".
_OPTION = re.compile(r"(?:(?P<name>[^=:\"']+):)?(?P<body>.*)", re.DOTALL)


@app.command()
def contributions(
    reference: Name,
    scenario: Name,
    replicates: Replicates = 100,
    seed: Seed = None,
    out: Out = None,
    indicator: Indicators = None,
    posterior: FromPosterior = False,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
) -> None:
    """Ce que chaque levier apporte, seul et en plus. / What each lever brings, alone, on top."""
    from cosim import attribution
    from cosim.scenario import difference_sentence

    chosen = indicators_of(indicator)
    before, after = (drawing(name, posterior) for name in (reference, scenario))
    luck = before.seed if seed is None else seed
    runs = attribution.ensembles_of(attribution.levers_of(before, after))
    with ExitStack() as stack:
        folder = None
        if out is not None:
            about = {"command": "contributions", "seed": luck, "replicates": replicates,
                     "digests": [before.digest, after.digest]}  # fmt: skip
            folder = stack.enter_context(writing(out, **about))
        warn_of_compilation()
        with executor_at(dask) as executor, progress("Simulation", runs * replicates) as done:
            parts = attribution.contributions(
                before, after, replicates, luck, workers, done, executor,
                list(dict.fromkeys(name for name, _ in chosen)),
            )  # fmt: skip
        rows = parts.table_at([-1], chosen)
        if folder is not None:
            parts.table.to_csv(folder / "contributions.csv", index=False)
            for name, group in chosen:
                _draw(parts.plot(name, group), folder, f"contributions-{name}", group)
    told = [{"indicator": name, "group": group, "fr": parts.sentence("fr", name, group),
             "en": parts.sentence("en", name, group)} for name, group in chosen]  # fmt: skip
    if as_json:
        say_json({"reference": about_scenario(before), "scenario": about_scenario(after),
                  "seed": luck, "replicates": replicates,
                  "levers": [{"lever": name, "fr": parts.name(name), "en": parts.name(name, "en")}
                             for name in parts.levers],
                  "difference": difference_sentence(before, after), "sentences": told,
                  "out": None if out is None else str(out),
                  "table": records(rows)})  # fmt: skip
        return
    say(difference_sentence(before, after))
    for name, group in chosen:
        _print_parts(parts, name, group)
    for one in told:
        say(one["fr"])
    if out is not None:
        say(f"Résultats / results : {out}")


def _print_parts(parts: Contributions, indicator: str, group: str) -> None:
    """Print a row for each lever, then the synergy and the whole."""
    from cosim.indicators import INDICATORS, group_label

    what, found = INDICATORS[indicator], parts.parts(indicator, group)
    rows = []
    for name in parts.levers:
        cells = (_interval(found[kind, name], what.unit) for kind in ("on top", "alone"))
        rows.append((parts.name(name), *cells))
    rows.append(("synergie / synergy", "", _interval(found["synergy", ""], what.unit)))
    rows.append(("ensemble / together", "", _interval(found["total", ""], what.unit)))
    name = what.fr + (f" : {group_label(group)}" if group else "")
    unit = unit_words(what.unit)
    title = (
        f"{name}{f' ({unit})' if unit else ''}, {parts.reference.scenario.time.end}, "
        f"{parts.reference.n} réplicats à hasard égal ; intervalles à 95 % de la moyenne"
    )
    table(("Levier / lever", "En plus des autres / on top", "Seul / alone"), rows, title=title,
          right="12")  # fmt: skip


def _interval(brought: Sequence[float], unit: str) -> str:
    mean, low, high = (figure(value, unit, sign=True) for value in brought)
    return f"{mean} ({low} à {high})"


# -- branch -------------------------------------------------------------------------------


@app.command()
def branch(
    scenario: Name,
    options: Annotated[
        list[str],
        typer.Argument(
            metavar="OPTION...",
            help="« clé=valeur, clé=valeur », « nom: clé=valeur » ou un scénario. / "
            '"key=value", "name: key=value" or a scenario.',
        ),
    ],
    at: Annotated[
        str, typer.Option("--at", help="Mois de la bifurcation, AAAA-MM. / Month of the fork.")
    ],
    replicates: Replicates = 100,
    seed: Seed = None,
    out: Out = None,
    indicator: Indicators = None,
    posterior: FromPosterior = False,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Un même passé, plusieurs suites. / One past, several futures from the same state."""
    from cosim import branching
    from cosim.scenario import difference_sentence

    chosen = indicators_of(indicator)
    trunk = drawing(scenario, posterior)
    changes = _options(options, posterior)
    made = {name: _checked(trunk, at, name, change) for name, change in changes.items()}
    luck = trunk.seed if seed is None else seed
    with ExitStack() as stack:
        folder = None
        if out is not None:
            about = {"command": "branch", "seed": luck, "replicates": replicates, "at": at,
                     "trunk": trunk.digest,
                     "options": {name: one.digest for name, one in made.items()}}  # fmt: skip
            folder = stack.enter_context(writing(out, **about))
        warn_of_compilation()
        with progress("Simulation", replicates) as done:
            fork = branching.branch(trunk, at, changes, replicates, luck, workers, done)
        if folder is not None:
            fork.table.to_csv(folder / "branches.csv", index=False)
            for name, group in chosen:
                _draw(fork.plot(name, group), folder, f"branches-{name}", group)
    changed = {name: difference_sentence(trunk, one) for name, one in made.items()}
    told = {name: sentences_of(fork.effect(name), chosen) for name in fork.options}
    costs = {name: fork.effect(name).cost() for name in fork.options}
    rows = fork.table_at([-1])
    if as_json:
        say_json({"trunk": about_scenario(trunk), "at": at, "seed": luck, "replicates": replicates,
                  "options": [
                      {"name": name, "difference": changed[name], "sentences": told[name],
                       "cost": {**costs[name]._asdict(), "fr": fork.effect(name).cost_sentence(),
                                "en": fork.effect(name).cost_sentence("en")}}
                      for name in fork.options
                  ],
                  "out": None if out is None else str(out),
                  "table": records(fork.table)})  # fmt: skip
        return
    for name in fork.options:
        say(f"{name} — {changed[name]}")
    _print_branches(fork, rows, chosen)
    say(fork.sentence("fr", *chosen[0]).partition(". ")[0] + ".")
    for name in fork.options:
        for one in told[name]:
            say(one["fr"])
            say(one["frequency_fr"])
        say(fork.effect(name).cost_sentence())
    if out is not None:
        say(f"Résultats / results : {out}")


def _options(texts: Sequence[str], posterior: bool) -> dict[str, Mapping[str, Any] | Scenario]:
    """Return the options of a command line by name.

    Raises
    ------
    CosimError : one cannot be read, or has the name of another
    """
    options: dict[str, Mapping[str, Any] | Scenario] = {}
    for text in texts:
        name, change = _option(text, posterior)
        if name in options:
            raise CosimError("two options have the same name", key="OPTION", found=name,
                             expected="name: key=value")  # fmt: skip
        options[name] = change
    return options


def _option(text: str, posterior: bool) -> tuple[str, Mapping[str, Any] | Scenario]:
    """Return name and changes of "name: key=value, key=value", or of a scenario."""
    from cosim.scenario_file import locate

    if "=" not in text:
        name, colon, where = text.partition(":")
        where = where.strip() if colon else text
        return (name.strip() if colon else locate(text).stem), drawing(where, posterior)
    found = _OPTION.fullmatch(text)
    assert found is not None, "the expression takes any text"
    body = found["body"].strip()
    try:
        document = tomllib.loads(f"option = {{ {body} }}")
    except tomllib.TOMLDecodeError:
        document = {}
    if set(document) != {"option"}:
        raise ScenarioError(
            "not an option", key="OPTION", found=text,
            expected='key=value, key=value with values as in TOML: catalysis.start="2024-01"',
        )  # fmt: skip
    return (found["name"] or body).strip(), document["option"]


def _checked(
    trunk: Scenario, at: str, name: str, changes: Mapping[str, Any] | Scenario
) -> Scenario:
    """Return the scenario of an option; an error names the option."""
    from cosim import branching

    branching.option(trunk, at, {})  # the month alone
    try:
        return branching.option(trunk, at, changes)
    except ScenarioError as error:
        raise type(error)(
            error.what, where=f"option {name}", key=error.key, found=error.found,
            expected=error.expected, nearest=error.nearest,
        ) from None  # fmt: skip


def _print_branches(fork: Branches, rows: pd.DataFrame, chosen: Sequence[tuple[str, str]]) -> None:
    """Print a row for each indicator and option, in the last month."""
    from cosim.indicators import INDICATORS, group_label

    cells = []
    for name, group in chosen:
        what = INDICATORS[name]
        label = what.fr + (f" : {group_label(group)}" if group else "")
        for row in records(rows[(rows["indicator"] == name) & (rows["group"] == group)]):
            levels = (figure(row[key], what.unit) for key in ("reference", "scenario"))
            changes = (
                figure(row[key], what.unit, sign=True) for key in ("difference", "low", "high")
            )
            cells.append((label, row["option"], unit_words(what.unit), *levels, *changes))
    n = fork.ensembles[fork.options[0]].n
    table(
        ("Indicateur", "Option", "Unité", "Comme avant", "Option", "Différence", "5 %", "95 %"),
        cells, title=f"{fork.trunk.time.end}, bifurcation en {fork.at}, {n} réplicats à hasard "
        "égal", right="34567",
    )  # fmt: skip


def _draw(drawn: Any, folder: Path, name: str, group: str) -> None:
    from cosim import drawing as pictures

    pictures.save(drawn, folder, f"{name}-{group}" if group else name)


# -- luck ---------------------------------------------------------------------------------


@app.command()
def luck(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SCENARIO]...",
            help="Scénarios livrés, chacun face à sa référence (tous ceux de la page). / Shipped "
            "scenarios, each beside its reference (all of the page).",
        ),
    ] = None,
    replicates: Replicates = 100,
    collect: Annotated[
        Path | None,
        typer.Option(
            metavar="DOCS",
            help="Écrire la table de la page dans ce dossier. / Write the table of the page.",
        ),
    ] = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Ce que le hasard égal économise de réplicats. / Replicates that equal luck saves."""
    from cosim import luck as study

    if collect is not None:
        if not collect.is_dir():
            raise CosimError("no such folder", where=collect, key="--collect",
                             expected="the docs folder of a checkout")  # fmt: skip
        with progress("Simulation", study.simulated(study.shipped())) as done:
            written = study.collect(collect, workers, done)
        for path in written:
            say(f"{path}")
        return
    pairs = study.shipped(scenarios or study.SCENARIOS)
    warn_of_compilation()
    with progress("Simulation", study.simulated(pairs, replicates)) as done:
        rows = study.measured(pairs, replicates, workers=workers, progress=done)
    if as_json:
        say_json({"replicates": replicates, "table": records(rows)})
        return
    table(
        ("Scénario", "Mois", "Indicateur", "Même hasard / same", "Graines à part / apart",
         "Rapport", "95 %"),
        [(row["scenario"], row["month"], row["indicator"], f"{row['keyed']:.3g}",
          f"{row['apart']:.3g}", f"{row['ratio']:.3g}", f"{row['low']:.3g} – {row['high']:.3g}")
         for row in records(rows)],
        title="Écarts types de la différence ; le rapport de leurs carrés est le nombre de "
        "réplicats économisés", right="3456",
    )  # fmt: skip
