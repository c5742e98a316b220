"""Commands that simulate: demo, run, compare, schedule; and the dashboard."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosim.cli.shell import (
    Json,
    Out,
    Replicates,
    Seed,
    Workers,
    app,
    notes,
    printable,
    progress,
    ready,
    say,
    say_json,
    table,
    warn_of_compilation,
    writing,
)
from cosim.errors import CosimError, ResultsError, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    import pandas as pd

    from cosim.effects import Effect
    from cosim.results import Ensemble
    from cosim.scenario import Scenario

DEMO = "paris-est-marne-et-bois"
DEMO_REFERENCE = "paris-est-marne-et-bois-sans-catalyseurs"
#: What `run` shows on the screen; the folder and `--json` hold everything.
HEADLINES = ("alliances", "births", "convinced", "able", "engaged", "trust_across", "degree",
             "age", "spending")  # fmt: skip
LEVELS = (0.05, 0.5, 0.95)
#: A column of both tables where parameters are drawn, and what it says.
PARAMETERS = "Paramètres / parameters"
WHAT_PARAMETERS = """\
Paramètres : part de la variance qui vient des paramètres, à {0:.0f} points près ; le reste est la \
chance.
Parameters: share of the variance that comes from parameters, give or take {0:.0f} points; the \
rest is luck."""

Name = Annotated[str, typer.Argument(help="Fichier ou nom livré. / File or shipped name.")]
FromPosterior = Annotated[
    bool,
    typer.Option(
        "--posterior",
        help="Tirer les paramètres de la calibration. / Draw parameters from the calibration.",
    ),
]
Indicators = Annotated[
    list[str] | None,
    typer.Option(
        "--indicator", help="Indicateur, ou indicateur:groupe. / Indicator, or indicator:group."
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Calculer sur cette grappe Dask. / On this Dask cluster."),
]


@app.command()
def demo(
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", callback=printable, help="Dossier du rapport. / Folder of the report."
        ),
    ] = Path("out/demo"),
    replicates: Replicates = 32,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Graine. / Seed.")] = 1,
    sample: Annotated[
        float,
        typer.Option(
            min=0.01, max=1.0,
            help="Part des acteurs simulés ; 1 : tous. / Share of the actors simulated.",
        ),
    ] = 0.25,
    workers: Workers = None,
    open_report: Annotated[
        bool, typer.Option("--open", help="Ouvrir le rapport. / Open the report.")
    ] = False,
) -> None:  # fmt: skip
    """Paris Est Marne et Bois avec et sans catalyseurs. / With and without its catalysts."""
    from cosim.scenario import load

    scenario, reference = (
        load(name).with_(**{"territory.sample": sample}) for name in (DEMO, DEMO_REFERENCE)
    )
    with writing(out, command="demo", seed=seed, replicates=replicates, sample=sample) as folder:
        say(scenario.sentence())
        say(f"{_sampled(sample)} {replicates} réplicats, avec et sans catalyseurs, à hasard égal.")
        effect = _compared(reference, scenario, replicates, seed, workers)
        with notes().status("Rapport… / Report…"):
            report = _report(effect, folder, seed)
    _print_effect(effect, [])
    say(effect.sentence(lang="fr"))
    say(effect.sentence(lang="en"))
    say(f"Rapport / report : {out / report}")
    if open_report:
        typer.launch((out / report).absolute().as_uri())


@app.command()
def run(
    scenario: Name,
    replicates: Replicates = 100,
    seed: Seed = None,
    out: Out = None,
    journal: Annotated[
        bool,
        typer.Option("--journal", help="Écrire chaque alliance, chaque acteur. / Every table."),
    ] = False,
    posterior: FromPosterior = False,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
) -> None:
    """Simuler un scénario. / Simulate a scenario."""
    if journal and out is None:
        raise ResultsError("a journal needs a folder", key="--journal", expected="--out DIR")
    if journal and dask is not None:
        raise ResultsError("a journal is written by this machine alone", key="--journal",
                           expected="no --dask")  # fmt: skip
    document = drawing(scenario, posterior)
    from cosim import results  # heavy, and of no use to a bad file

    luck = document.seed if seed is None else seed
    warn_of_compilation()
    with executor_at(dask) as executor, progress(document.title or scenario, replicates) as done:
        if out is None:
            whole = results.ensemble(document, replicates, luck, workers, done, executor=executor)
        else:
            whole = results.save_run(
                document, out, replicates, luck, workers, journal, done, executor=executor
            )
    rows = _last_month(whole)
    if as_json:
        say_json({**about_scenario(document), "seed": luck, "replicates": replicates,
                  "month": document.time.end, "out": None if out is None else str(out),
                  "indicators": rows})  # fmt: skip
        return
    say(document.sentence())
    drawn = document.draws
    table(
        ("Indicateur / indicator", "Médiane", "5 %", "95 %", "Unité", *[PARAMETERS] * drawn),
        [(r["fr"], *(figure(r[q], r["unit"]) for q in ("q50", "q05", "q95")), unit_words(r["unit"]),
          *[_percent(r["parameters_share"])] * drawn)
         for r in rows if r["group"] == "" and r["indicator"] in HEADLINES],
        title=f"{document.time.end}, {replicates} réplicats", right="1235",
    )  # fmt: skip
    if drawn:
        _say_parameters(whole.n)
    if out is not None:
        say(f"Résultats / results : {out}")


@app.command()
def compare(
    reference: Name,
    scenario: Name,
    replicates: Annotated[
        int | None,
        typer.Option(
            "--replicates", "-n", min=1, max=100_000,
            help="Paires de réplicats (100, ou 20 pour commencer). / Pairs of replicates.",
        ),
    ] = None,
    seed: Seed = None,
    out: Out = None,
    indicator: Indicators = None,
    half_width: Annotated[
        float | None,
        typer.Option(
            help="Ajouter des paires jusqu'à cette demi-largeur de l'intervalle à 95 % du premier "
            "indicateur (0.01 : un point). / Add pairs until this half-width.",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(min=1, max=100_000, help="Paires au plus. / Pairs at most.")
    ] = 2000,
    posterior: FromPosterior = False,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Ce qu'un scénario change, à hasard égal. / What a scenario changes, same luck."""
    from cosim.scenario import difference_sentence

    chosen = indicators_of(indicator)
    before, after = (drawing(name, posterior) for name in (reference, scenario))
    luck = before.seed if seed is None else seed
    rule: dict[str, Any] = {}
    if half_width is not None:
        rule = {"half_width": half_width, "indicator": chosen[0][0], "group": chosen[0][1],
                "most": most}  # fmt: skip
    counted: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = None
        if out is not None:  # before the simulation: a bad folder must not cost it
            about = {"command": "compare", "seed": luck, "pairs": counted,
                     "digests": [before.digest, after.digest]}  # fmt: skip
            folder = stack.enter_context(writing(out, **about))
        effect = _compared(before, after, replicates, luck, workers, dask, rule)
        counted |= {"replicates": effect.n, "stopping": _stopping(effect)}
        if folder is not None:
            effect.reference.save(folder / "reference")
            effect.scenario.save(folder / "scenario")
            effect.table.to_csv(folder / "effect.csv", index=False)
            _report(effect, folder, luck)
    changed = difference_sentence(before, after)
    told = sentences_of(effect, chosen)
    cost = effect.cost()
    if as_json:
        say_json({"reference": about_scenario(before), "scenario": about_scenario(after),
                  "seed": luck, "replicates": effect.n, "difference": changed, "sentences": told,
                  "cost": {**cost._asdict(), "fr": effect.cost_sentence("fr"),
                           "en": effect.cost_sentence("en")},
                  "stopping": _stopping(effect),
                  "out": None if out is None else str(out),
                  "table": records(effect.table)})  # fmt: skip
        return
    say(changed)
    _print_effect(effect, chosen if indicator else [])
    for one in told:
        say(one["fr"])
        say(one["frequency_fr"])
    say(effect.cost_sentence())
    if effect.stopping is not None:
        say(effect.stopping_sentence())
    if out is not None:
        say(f"Résultats / results : {out}")


@app.command()
def schedule(scenario: Name, as_json: Json = False) -> None:
    """Les règles d'un mois, dans leur ordre. / The rules of a month, in order."""
    from cosim import engine

    made = engine.schedule(ready(scenario))
    if as_json:
        say_json([
            {"order": k, "name": m.name, "fr": m.label_fr, "en": m.label_en,
             "sentence_fr": m.sentence_fr, "sentence_en": m.sentence_en, "source": m.source,
             "own": m.function is not None}
            for k, m in enumerate(made.mechanisms, 1)
        ])  # fmt: skip
    else:
        say(f"{made}")


@app.command()
def dashboard(
    host: Annotated[
        str, typer.Option(help="Adresse ; 0.0.0.0 pour la salle. / Address; 0.0.0.0 for the room.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8765,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Nom sous lequel on l'appelle (répétable). / Name it is called by."),
    ] = None,
    root_path: Annotated[
        str, typer.Option(help="Préfixe des chemins derrière un proxy. / Prefix behind a proxy.")
    ] = "",
    max_visitors: Annotated[
        int, typer.Option(min=1, max=10_000, help="Sessions à la fois. / Sessions at once.")
    ] = 200,
    log_level: Annotated[
        str, typer.Option(help="Journal : / log: debug, info, warning, error.")
    ] = "info",
    warm: Annotated[
        bool, typer.Option(help="Calculer d'avance la première réponse. / Compute one ahead.")
    ] = True,
) -> None:
    """Le tableau de bord, dans le navigateur. / The dashboard, in the browser."""
    try:
        from cosim.dashboard import serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("cosim"):
            raise
        raise CosimError("the dashboard is not installed", key=error.name,
                         expected="pip install 'cosim[dashboard]'") from None  # fmt: skip
    serve.serve(host, port, allow_host or (), root_path, max_visitors, log_level, warm)
    serve.leave()


# -- parts --------------------------------------------------------------------------------


def executor_at(dask: str | None) -> AbstractContextManager[Executor | None]:
    """The cluster at an address; nothing, for the threads of this machine."""
    if dask is None:
        return nullcontext()
    import logging

    from cosim import executors

    cluster = executors.connect(dask)
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a lost one is one line
    return cluster


def drawing(name: str, posterior: bool) -> Scenario:
    """The scenario of a name, or the same with parameters drawn from the posterior."""
    document = ready(name)
    if not posterior:
        return document
    try:
        return document.with_(parameters="posterior")
    except ScenarioError as error:  # it knows no file
        raise type(error)(
            error.what, where=name, key="--posterior", found=error.found,
            expected=error.expected, nearest=error.nearest,
        ) from None  # fmt: skip


def _compared(
    reference: Scenario,
    scenario: Scenario,
    replicates: int | None,
    seed: int,
    workers: int | None,
    dask: str | None = None,
    rule: Mapping[str, Any] | None = None,
) -> Effect:
    """Simulate both; `rule` holds the stopping rule, as keyword arguments of `compare`."""
    from cosim import effects

    warn_of_compilation()
    rule = rule or {}
    total = 2 * rule.get("most", replicates or 100)
    with executor_at(dask) as executor, progress("Simulation", total) as done:
        return effects.compare(
            reference, scenario, replicates, seed, workers, done, executor, **rule
        )


def _stopping(effect: Effect) -> dict[str, Any] | None:
    """Why there are so many pairs, as plain values."""
    why = effect.stopping
    if why is None:
        return None
    return {**why._asdict(), "met": why.met, "fr": effect.stopping_sentence("fr"),
            "en": effect.stopping_sentence("en")}  # fmt: skip


def sentences_of(effect: Effect, chosen: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """What an effect says of each indicator, in both languages."""
    return [
        {"indicator": name, "group": group,
         "fr": effect.sentence("fr", name, group), "en": effect.sentence("en", name, group),
         "frequency_fr": effect.frequency_sentence("fr", name, group),
         "frequency_en": effect.frequency_sentence("en", name, group)}
        for name, group in chosen
    ]  # fmt: skip


def _report(effect: Effect, folder: Path, seed: int) -> Path:
    """Write the report; return its file, from the folder."""
    from cosim import report, results

    pair = [results.run(one.scenario, seed=seed) for one in (effect.scenario, effect.reference)]
    written = Path(report.write(effect, folder, results=pair[0], results_reference=pair[1]))
    return written.relative_to(folder) if written.is_relative_to(folder) else written


def _sampled(sample: float) -> str:
    if sample == 1.0:
        return "Les acteurs sont simulés un pour un."
    return (
        f"{100 * sample:g} % des acteurs sont simulés, à densité égale ; "
        "les nombres sont rapportés au territoire entier."
    )


def about_scenario(scenario: Scenario) -> dict[str, Any]:
    """What JSON says of a scenario."""
    return {"title": scenario.title, "digest": scenario.digest, "sentence": scenario.sentence(),
            "sentence_en": scenario.sentence("en"), "start": scenario.time.start,
            "end": scenario.time.end, "territory": scenario.territory.code,
            "sample": scenario.territory.sample}  # fmt: skip


def _last_month(whole: Ensemble) -> list[dict[str, Any]]:
    """The quantiles over replicates of every indicator in the last month, and what is due to
    parameters."""
    import numpy as np

    from cosim import uncertainty
    from cosim.indicators import COLUMNS, INDICATORS

    last = whole.values[:, -1]
    levels = np.quantile(last, LEVELS, axis=0).T.tolist()
    shares = uncertainty.share(last, whole.start, whole.scenario.draws).tolist()
    return [
        {"indicator": name, "group": group, "fr": INDICATORS[name].fr, "en": INDICATORS[name].en,
         "unit": INDICATORS[name].unit, "q05": low, "q50": middle, "q95": high,
         "parameters_share": due}
        for (name, group), (low, middle, high), due in zip(COLUMNS, levels, shares, strict=True)
    ]  # fmt: skip


def indicators_of(wanted: list[str] | None) -> list[tuple[str, str]]:
    """Indicators and groups that are asked for (default: alliances), each a known one."""
    from cosim.indicators import column

    pairs = [(name, group) for text in wanted or ["alliances"]
             for name, _, group in (text.partition(":"),)]  # fmt: skip
    for name, group in pairs:
        column(name, group)
    return pairs


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as plain values."""
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]


def _print_effect(effect: Effect, chosen: list[tuple[str, str]]) -> None:
    """Print the headlines in the last month, or every year of the chosen indicators."""
    from cosim.indicators import INDICATORS, group_label

    rows = records(effect.table)
    if chosen:
        rows = [row for row in rows if (row["indicator"], row["group"]) in chosen]
    else:
        last = max(row["month"] for row in rows)
        rows = [row for row in rows if row["month"] == last and not row["group"]
                and row["indicator"] in HEADLINES]  # fmt: skip
    cells = []
    for row in rows:
        what = INDICATORS[row["indicator"]]
        name = what.fr + (f" : {group_label(row['group'])}" if row["group"] else "")
        levels = (figure(row[key], what.unit) for key in ("reference", "scenario"))
        changes = (figure(row[key], what.unit, sign=True) for key in ("difference", "low", "high"))
        due = [_percent(row["parameters_share"])] * effect.draws
        cells.append(
            (f"{row['month']:%Y-%m}", name, unit_words(what.unit), *levels, *changes, *due)
        )
    table(
        ("Mois", "Indicateur", "Unité", "Référence", "Scénario", "Différence", "5 %", "95 %",
         *[PARAMETERS] * effect.draws),
        cells, title=f"{effect.n} paires de réplicats, à hasard égal", right="345678",
    )  # fmt: skip
    if effect.draws:
        _say_parameters(effect.n)


def _say_parameters(replicates: int) -> None:
    """Say what the share of parameters is, and its largest standard error."""
    if replicates >= 4:
        say(WHAT_PARAMETERS.format(100 / (replicates // 2) ** 0.5))


def _percent(share: float) -> str:
    return "–" if share != share else f"{100 * share:.0f} %"


def figure(value: float, unit: str, sign: bool = False) -> str:
    """A number as a French reader wants it; shares in percent, three digits at most."""
    value = value * (100 if unit == "share" else 1)
    if value != value:
        return "–"
    plus = "+" if sign else ""
    if abs(value) >= 100:
        text = f"{value:{plus},.0f}".replace(",", "\u202f")
    elif abs(value) >= 1:
        text = f"{value:{plus}.3g}"
    else:
        text = f"{value:{plus}.3f}".rstrip("0").rstrip(".")
    return "0" if text in ("+0", "-0") else text.replace(".", ",").replace("-", "−")


def unit_words(unit: str) -> str:
    """The unit of an indicator, in French."""
    words = {"share": "%", "level": "", "count": "", "index": "", "months": "mois",
             "/month": "par mois", "components": ""}  # fmt: skip
    return words.get(unit, unit)
