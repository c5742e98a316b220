"""The command that simulates France, or a part of it: territories that look at one another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
SHOWN = (("convinced", "elu"), ("able", "elu"), ("engaged", ""), ("alliances", ""),
         ("actors", "catalyseur"))  # fmt: skip


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
            metavar="KEY",
            help="L'usine, partagée ainsi, contre la référence. / The usine, shared by this key.",
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
        changes = {**changes, "time.start": first or FIRST, "time.end": last or LAST}
    changes = {key: value for key, value in changes.items() if value is not None}
    document = ready(scenario or DEFAULT).with_(**changes)
    reference = _reference(document, against, usine)
    if usine is not None:
        document = _with_usine(document, usine)
    from cosim import country, national  # heavy, and of no use to bad input

    places = country.choose(_split(territories), _split(departement))
    luck = document.seed if seed is None else seed
    runs = [national.plan(one, places) for one in (document, reference) if one is not None]
    warn_of_compilation()
    months = document.n_months * replicates * len(runs)
    with _folder(out, runs[0], luck, replicates) as folder:
        with executor_at(dask) as executor, progress("France", months) as done:

            def replicated(nation: Nation) -> Iterator[Country]:
                return country.countries(nation, range(replicates), luck, workers, None, executor)

            sides = [_Side(nation, folder, k) for k, nation in enumerate(runs)]
            pairs = country.Pairs()
            streams = [replicated(nation) for nation in runs]
            for number, made in enumerate(zip(*streams, strict=True), 1):
                for side, one in zip(sides, made, strict=True):
                    side.add(one)
                if len(made) == 2:
                    pairs.add(made[1], made[0])
                done(number * document.n_months * len(runs))
        for side in sides:
            side.close()
        effect = pairs.table if len(runs) == 2 else None
        if folder is not None:
            with notes().status("Cartes… / Maps…"):
                _page(sides, effect, folder, luck, replicates, lang, _title(runs[0], departement))
    _tell(sides, effect, document, reference, luck, replicates, out, as_json)


def _split(values: list[str] | None) -> list[str]:
    return [part.strip() for value in values or [] for part in value.split(",") if part.strip()]


def _reference(document: Scenario, against: str | None, usine: str | None) -> Scenario | None:
    """Return what to compare with, over the same months and the same share of the actors."""
    if against is not None and usine is not None:
        raise CosimError("two references", key="--against", found=against,
                         expected="--against or --usine, not both")  # fmt: skip
    if against is not None:
        same = {"time.start": document.time.start, "time.end": document.time.end,
                "time.substeps": document.time.substeps,
                "territory.sample": document.territory.sample}  # fmt: skip
        return ready(against).with_(**same)
    return document if usine is not None else None


def _with_usine(document: Scenario, key: str) -> Scenario:
    from typing import get_args

    from cosim.scenario_levers import UsineKey

    keys = [name for name in get_args(UsineKey) if name != "none"]
    if key not in keys:
        raise ScenarioError("unknown key of the usine", key="--usine", found=key,
                            expected=", ".join(keys), nearest=nearest(key, keys))  # fmt: skip
    start = USINE if document.month_index(USINE) < document.n_months else document.time.start
    return document.with_(**{"usine.key": key, "usine.start": max(start, document.time.start)})


# -- tables -------------------------------------------------------------------------------


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

    def __init__(self, nation: Nation, folder: Path | None, number: int):
        self.nation = nation
        self.folder = folder if folder is None or number == 0 else folder / "reference"
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
        tables = self.tables()
        for name, rows in (("groups", tables.groups), ("communes", tables.communes),
                           ("territories", tables.places)):  # fmt: skip
            rows.to_parquet(self.folder / f"{name}.parquet", index=False)

    def tables(self) -> Tables:
        """Return what the page is drawn from."""
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


def _title(nation: Nation, departement: list[str] | None) -> str:
    n = len(nation.places)
    if n == 1:
        return nation.places[0].name
    if n == len(nation.whole.codes):
        return "France"
    parts = ", ".join(_split(departement))
    return f"France — {parts}" if parts else f"France — {n} territoires"


def _page(
    sides: list[_Side],
    effect: pd.DataFrame | None,
    folder: Path,
    seed: int,
    replicates: int,
    lang: Any,
    title: str,
) -> None:
    from cosim import __version__, report_national
    from cosim.country import manifest

    if effect is not None:
        effect.to_csv(folder / "effect.csv", index=False)
    run = manifest(sides[0].nation, seed, replicates)
    (folder / "scenario.toml").write_text(sides[0].nation.scenario.to_toml(), "utf-8")
    report_national.write(
        sides[0].tables(), folder, title, lang,
        reference=sides[1].tables() if len(sides) == 2 else None,
        effect=effect, about=sides[0].nation.scenario.title,
        provenance={"cosim": __version__, "digest": str(run["digest"]), "seed": str(seed),
                    "replicates": str(replicates)},
        again="cosim france scenario.toml",
    )  # fmt: skip


# -- words --------------------------------------------------------------------------------


def _tell(
    sides: list[_Side],
    effect: pd.DataFrame | None,
    document: Scenario,
    reference: Scenario | None,
    seed: int,
    replicates: int,
    out: Path | None,
    as_json: bool,
) -> None:
    from cosim.report_national import sentences

    tables = sides[0].tables()
    rows = _ends(tables)
    if as_json:
        say_json({"scenario": document.title, "digest": document.digest,
                  "territories": len(tables.places), "seed": seed, "replicates": replicates,
                  "month": document.time.end, "out": None if out is None else str(out),
                  "groups": rows,
                  "effect": [] if effect is None else effect.to_dict("records")})  # fmt: skip
        return
    for sentence in sentences(tables, "fr", effect):
        say(sentence)
    table(
        ("Région, taille, type", "Groupe", "Élus convaincus", "Élus capables", "Engagés",
         "Alliances", "Catalyseurs"),
        [_line(row) for row in rows], title=f"{document.time.end}, {replicates} réplicat(s)",
        right="23456",
    )  # fmt: skip
    if out is not None:
        say(f"Page et tables / page and tables : {out / 'france.html'}")


def _ends(tables: Tables) -> list[dict[str, Any]]:
    """Return what each group comes to in the last month, mean of the replicates."""
    groups = tables.groups
    names = ["/".join(pair).rstrip("/") for pair in SHOWN]
    last = groups[(groups["month"] == groups["month"].max()) & groups["indicator"].isin(names)]
    wide = last.groupby(["by", "group", "indicator"], sort=False)["value"].mean().unstack()
    return [{"by": by, "group": group, **row} for (by, group), row in wide.to_dict("index").items()]


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    from cosim.figures_national import size_words
    from cosim.territory import REGIONS

    words = {"all": "ensemble", "region": "région", "size": "taille", "type": "type"}
    group = REGIONS.get(row["group"], row["group"]) if row["by"] == "region" else row["group"]
    if row["by"] == "size":
        group = size_words(group)
    share = (f"{100 * row[name]:.1f} %" for name in ("convinced/elu", "able/elu", "engaged"))
    counts = (f"{row[name]:,.0f}".replace(",", "\u202f") for name in
              ("alliances", "actors/catalyseur"))  # fmt: skip
    return (words[row["by"]], "" if row["by"] == "all" else group, *share, *counts)
