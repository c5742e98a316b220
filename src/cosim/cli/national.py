"""The command that simulates France, or a part of it: territories that look at one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property, partial
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from cosim.cli.running import Dask, executor_at
from cosim.cli.shell import (
    Json,
    Out,
    Seed,
    Workers,
    app,
    notes,
    progress,
    ready,
    say,
    say_json,
    table,
    warn_of_compilation,
    writing,
)
from cosim.errors import CosimError, ScenarioError, nearest

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd

    from cosim.country import Country
    from cosim.figures_national import Tables
    from cosim.national import Nation
    from cosim.scenario import Scenario

DEFAULT = "reference-2010"
#: The months of the run of France without a scenario.
FIRST, LAST = "2010-01", "2026-01"
#: First month of the usine under `--usine`.
USINE = "2022-01"
#: What the page and the screen show: indicator, group.
SHOWN = (("convinced", "elu"), ("able", "elu"), ("engaged", ""), ("alliances", ""))

#: Names of runs beside those of the keys of the usine.
SCENARIO, REFERENCE = "scenario", "reference"


@app.command()
def france(
    scenario: Annotated[
        str | None, typer.Argument(help="Fichier ou nom livré. / File or shipped name.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM", help="Premier mois. / First month.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM", help="Dernier mois. / Last month.")
    ] = None,
    territories: Annotated[
        list[str] | None,
        typer.Option(help="Codes, séparés par des virgules. / Codes, separated by commas."),
    ] = None,
    departement: Annotated[
        list[str] | None,
        typer.Option(help="Départements, séparés par des virgules. / Départements."),
    ] = None,
    sample: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=1.0, help="Part des acteurs simulés. / Share of the actors simulated."
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Référence à laquelle comparer. / Reference to compare with."),
    ] = None,
    usine: Annotated[
        str | None,
        typer.Option(
            metavar="KEYS",
            help="L'usine, partagée ainsi, contre la référence ; « all » : par chaque clé. "
            "/ The usine, shared by these keys, against the reference.",
        ),
    ] = None,
    replicates: Annotated[
        int, typer.Option("--replicates", "-n", min=1, max=1000, help="Réplicats. / Replicates.")
    ] = 1,
    seed: Seed = None,
    out: Out = None,
    workers: Workers = None,
    dask: Dask = None,
    lang: Annotated[str, typer.Option(help="Langue de la page : fr, en. / Of the page.")] = "fr",
    as_json: Json = False,
) -> None:
    """La France entière, ou une partie. / The whole of France, or a part of it."""
    if lang not in ("fr", "en"):
        raise CosimError("unknown language", key="--lang", found=lang, expected="fr or en")
    changes: dict[str, Any] = {"time.start": first, "time.end": last, "territory.sample": sample}
    if scenario is None:
        changes |= {"time.start": first or FIRST, "time.end": last or LAST}
    changes = {key: value for key, value in changes.items() if value is not None}
    runs = _runs(ready(scenario or DEFAULT).with_(**changes), against, usine)
    from cosim import country, national  # heavy, and of no use to bad input

    places = country.choose(_split(territories), _split(departement))
    warn_of_compilation()
    plans = {name: national.plan(document, places) for name, document in runs.items()}
    main = next(iter(runs.values()))
    luck = main.seed if seed is None else seed
    with _folder(out, next(iter(plans.values())), luck, replicates) as folder:
        months = main.n_months * replicates * len(plans)
        with executor_at(dask) as executor, progress("France", months) as done:
            sides, effect = _simulated(plans, replicates, luck, workers, executor, done, folder)
        if folder is not None:
            with notes().status("Cartes… / Maps…"):
                _page(sides, effect, folder, luck, replicates, lang, _split(departement))
    _tell(sides, effect, luck, replicates, out, as_json)


def _split(values: list[str] | None) -> list[str]:
    return [part.strip() for value in values or [] for part in value.split(",") if part.strip()]


def _runs(document: Scenario, against: str | None, usine: str | None) -> dict[str, Scenario]:
    """Return what is simulated by name: what was asked for first, a reference last."""
    if against is not None and usine is not None:
        raise CosimError("two references", key="--against", found=against,
                         expected="--against or --usine, not both")  # fmt: skip
    if usine is not None:
        return {**_by_key(document, usine), REFERENCE: document}
    if against is None:
        return {SCENARIO: document}
    same = {"time.start": document.time.start, "time.end": document.time.end,
            "time.substeps": document.time.substeps,
            "territory.sample": document.territory.sample}  # fmt: skip
    return {SCENARIO: document, REFERENCE: ready(against).with_(**same)}


def _by_key(document: Scenario, asked: str) -> dict[str, Scenario]:
    """Return the scenario with the usine, by key."""
    from cosim.scenario_levers import UsineKey

    keys = [name for name in get_args(UsineKey) if name != "none"]
    chosen = keys if asked == "all" else _split([asked])
    for key in chosen or [asked]:
        if key not in keys:
            raise ScenarioError("unknown key of the usine", key="--usine", found=key,
                                expected=", ".join([*keys, "all"]),
                                nearest=nearest(key, [*keys, "all"]))  # fmt: skip
    start = USINE if document.month_index(USINE) < document.n_months else document.time.start
    start = max(start, document.time.start)
    return {key: document.with_(**{"usine.key": key, "usine.start": start}) for key in chosen}


# -- simulate -----------------------------------------------------------------------------


def _simulated(
    plans: Mapping[str, Nation],
    replicates: int,
    seed: int,
    workers: int | None,
    executor: Executor | None,
    done: Callable[[int], None],
    folder: Path | None,
) -> tuple[dict[str, _Side], pd.DataFrame | None]:
    """Run every plan, replicate by replicate; return their tables, and effects if any."""
    import pandas as pd

    from cosim import country

    main = next(iter(plans))
    sides = {name: _Side(nation, folder if folder is None or name == main else folder / name)
             for name, nation in plans.items()}  # fmt: skip
    pairs = {name: country.Pairs() for name in plans if name != REFERENCE}
    months = dict.fromkeys(plans, 0)

    def note(name: str, simulated: int) -> None:
        months[name] = simulated
        done(sum(months.values()))

    with ExitStack() as stack:
        streams = {}
        for name, nation in reversed(list(plans.items())):  # the reference first
            runs = country.countries(
                nation, range(replicates), seed, workers, partial(note, name), executor
            )
            streams[name] = stack.enter_context(closing(runs))
        for _ in range(replicates):
            reference = None
            for name, stream in streams.items():
                one = next(stream)
                sides[name].add(one)
                if name == REFERENCE:
                    reference = one
                elif reference is not None:
                    pairs[name].add(reference, one)
    for side in sides.values():
        side.close()
    if REFERENCE not in plans:
        return sides, None
    tables = [pair.table.assign(key=name) for name, pair in pairs.items()]
    return sides, pd.concat(tables, ignore_index=True)


@contextmanager
def _folder(out: Path | None, nation: Nation, seed: int, replicates: int) -> Iterator[Path | None]:
    if out is None:
        yield None
        return
    from cosim.country import manifest

    about = {"command": "france", **manifest(nation, seed, replicates)}
    with writing(out, **about) as folder:
        yield folder


class _Side:
    """What is kept of the replicates of a scenario: small tables here, the large one on disk."""

    def __init__(self, nation: Nation, folder: Path | None):
        self.nation = nation
        self.folder = folder
        self.groups: list[pd.DataFrame] = []
        self.communes: list[pd.DataFrame] = []
        self.series: list[pd.DataFrame] = []
        self.posts: Any = None
        self._writer: Any = None

    def add(self, one: Country) -> None:
        """Keep and write one replicate."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.groups.append(one.group_series())
        self.communes.append(one.commune_table())
        self.series.append(one.series(SHOWN))
        if self.posts is None:
            self.posts = one.posts[:, -1]
        if self.folder is None:
            return
        rows = pa.Table.from_pandas(one.series(), preserve_index=False)
        if self._writer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(
                self.folder / "indicators.parquet", rows.schema, compression="zstd"
            )
        self._writer.write_table(rows)

    def close(self) -> None:
        """Write the other tables."""
        if self.folder is None:
            return
        self._writer.close()
        tables = self.tables
        for name, rows in (("groups", tables.groups), ("communes", tables.communes),
                           ("territories", tables.places)):  # fmt: skip
            rows.to_parquet(self.folder / f"{name}.parquet", index=False)
        (self.folder / "scenario.toml").write_text(self.nation.scenario.to_toml(), "utf-8")

    @cached_property
    def tables(self) -> Tables:
        """What the page is drawn from, once every replicate is there."""
        import pandas as pd

        from cosim.country import describe
        from cosim.figures_national import Tables

        places = describe(self.nation)
        places["catalysts"] = self.posts
        return Tables(
            pd.concat(self.series, ignore_index=True), places,
            pd.concat(self.communes, ignore_index=True),
            pd.concat(self.groups, ignore_index=True),
            tuple(self.nation.scenario.context.elections),
        )  # fmt: skip


# -- page ---------------------------------------------------------------------------------


def _page(
    sides: Mapping[str, _Side],
    effect: pd.DataFrame | None,
    folder: Path,
    seed: int,
    replicates: int,
    lang: Any,
    departements: list[str],
) -> None:
    from cosim import __version__, report_national
    from cosim.country import manifest
    from cosim.scenario_text import sentence

    name, main = next(iter(sides.items()))
    if effect is not None:
        effect.to_csv(folder / "effect.csv", index=False)
        effect = effect[effect["key"] == name]
    nation = main.nation
    title = _title(nation, departements)
    report_national.write(
        main.tables, folder, title, lang,
        reference=sides[REFERENCE].tables if REFERENCE in sides else None,
        effect=effect,
        about=f"{sentence(nation.scenario, lang, title)} {_posts_words(nation, lang)}",
        provenance={"cosim": __version__, "seed": str(seed), "replicates": str(replicates),
                    "digest": str(manifest(nation, seed, replicates)["digest"])},
        again=_again(nation, seed, replicates, REFERENCE in sides),
    )  # fmt: skip


def _posts_words(nation: Nation, lang: str) -> str:
    """Say how many catalysts' posts France holds, beside those of the scenario."""
    from cosim.national import n_posts

    scenario = nation.scenario
    if scenario.france.catalysts == "none":
        return "Sans les postes publiés." if lang == "fr" else "Without the published posts."
    first, last = n_posts([scenario.time.start, scenario.time.end]).tolist()
    return (
        f"Catalyseurs de toute la France : {first} postes au début, {last} à la fin."
        if lang == "fr"
        else f"Catalysts of all of France: {first} posts at the start, {last} at the end."
    )


def _title(nation: Nation, departements: list[str]) -> str:
    if len(nation.places) == 1:
        return nation.places[0].name
    if len(nation.places) == len(nation.whole.codes):
        return "France"
    part = ", ".join(departements) or f"{len(nation.places)} territoires"
    return f"France ({part})"


def _again(nation: Nation, seed: int, replicates: int, compared: bool) -> str:
    """Return the command that makes a run again, from the scenarios beside its page."""
    command = f"cosim france scenario.toml --seed {seed} --replicates {replicates}"
    if compared:
        command += f" --against {REFERENCE}/scenario.toml"
    if len(nation.places) < len(nation.whole.codes):
        command += f" --territories {','.join(place.code for place in nation.places)}"
    return command


# -- words --------------------------------------------------------------------------------


def _tell(
    sides: Mapping[str, _Side],
    effect: pd.DataFrame | None,
    seed: int,
    replicates: int,
    out: Path | None,
    as_json: bool,
) -> None:
    from cosim.report_national import sentences

    name, main = next(iter(sides.items()))
    document, tables = main.nation.scenario, main.tables
    rows = _ends(tables)
    if as_json:
        say_json({"scenario": document.title, "digest": document.digest,
                  "territories": len(tables.places), "seed": seed, "replicates": replicates,
                  "month": document.time.end, "out": None if out is None else str(out),
                  "groups": rows,
                  "effect": [] if effect is None else effect.to_dict("records")})  # fmt: skip
        return
    mine = None if effect is None else effect[effect["key"] == name]
    for sentence in sentences(tables, "fr", mine):
        say(sentence)
    table(
        ("Région, taille, type", "Groupe", "Élus convaincus", "Élus capables", "Engagés",
         "Alliances", "Postes"),
        [_line(row) for row in rows], title=f"{document.time.end}, {replicates} réplicat(s)",
        right="23456",
    )  # fmt: skip
    if effect is not None:
        _tell_effects(effect)
    if out is not None:
        say(f"Page et tables / page and tables : {out / 'france.html'}")


def _tell_effects(effect: pd.DataFrame) -> None:
    """Print what each what-if changes in all the territories, with its interval."""
    whole = effect[effect["by"] == "all"].set_index("indicator")
    rows = []
    for indicator, label, factor, unit in (
        ("alliances", "alliances", 1.0, ""),
        ("engaged", "acteurs engagés", 100.0, " pt"),
        ("convinced/elu", "élus convaincus", 100.0, " pt"),
    ):
        for row in whole.loc[[indicator]].to_dict("records"):
            low, mean, high, per = (
                "–" if isnan(row[q]) else f"{factor * row[q]:+,.2f}{unit}".replace(",", "\u202f")
                for q in ("low", "mean", "high", "per_100k")
            )
            spent = f"{row['k_euros']:,.0f}".replace(",", "\u202f")
            rows.append((label, row["key"], mean, f"{low} … {high}", per, spent))
    table(
        ("Indicateur", "Scénario", "Différence", "Intervalle à 95 %", "Pour 100 k€", "k€"), rows,
        title="Par rapport à la référence, à la fin", right="2345",
    )  # fmt: skip


def _ends(tables: Tables) -> list[dict[str, Any]]:
    """Return what each group comes to in the last month, mean of the replicates."""
    from cosim.country import path

    groups = tables.groups
    names = [path(*pair) for pair in SHOWN]
    last = groups[(groups["month"] == groups["month"].max()) & groups["indicator"].isin(names)]
    means = last.groupby(["by", "group", "indicator"], sort=False)["value"].mean()
    posts = _posts(tables.places)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for (by, group, indicator), value in means.items():
        row = rows.setdefault((by, group), {"by": by, "group": group, "posts": posts[by, group]})
        row[indicator] = value
    return list(rows.values())


def _posts(places: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return the published posts of catalysts that each group of territories holds at the end."""
    from cosim.country import BY, labels

    return {
        (by, str(group)): int(posts)
        for by in BY
        for group, posts in places.groupby(labels(places, by))["catalysts"].sum().items()
    }


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    from cosim.figures_national import size_words
    from cosim.territory import REGIONS

    words = {"all": "ensemble", "region": "région", "size": "taille", "type": "type"}
    group = REGIONS.get(row["group"], row["group"]) if row["by"] == "region" else row["group"]
    if row["by"] == "size":
        group = size_words(group)
    share = (f"{100 * row[name]:.1f} %" for name in ("convinced/elu", "able/elu", "engaged"))
    counts = (f"{row[name]:,.0f}".replace(",", "\u202f") for name in ("alliances", "posts"))
    return (words[row["by"]], "" if row["by"] == "all" else group, *share, *counts)
