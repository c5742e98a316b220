"""The commands on kinds of territory: six cases; what one has, knows and wants before it acts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from cosim import ledgers
from cosim.cli.reading import WORLDS, territory
from cosim.cli.shell import Json, Replicates, say, say_json, table
from cosim.effects_text import number, percent
from cosim.errors import ResultsError
from cosim.indicators import group_label

if TYPE_CHECKING:
    from cosim.diagnosis import Diagnosis
    from cosim.scenario import Scenario

PICTURES = (".svg", ".png")


@territory.command("diagnose")
def territory_diagnose(
    code: Annotated[str, typer.Argument(help="Code EPCI ou cas-type. / EPCI or cas-type.")],
    start: Annotated[str, typer.Option(help="Mois AAAA-MM. / Month YYYY-MM.")] = "2020-07",
    replicates: Replicates = 16,
    as_json: Json = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Figure .svg ou .png. / Figure to write.")
    ] = None,
) -> None:
    """Écosystème × maturité × adhésion, avant d'agir. / Who is there, able and willing."""
    from cosim import diagnosis
    from cosim import territory as places

    _check(out)
    place = places.load(code)
    made = diagnosis.diagnose(_scenario(start), replicates, place=place)
    if out is not None:
        _draw(made, out)
    if as_json:
        say_json(made.as_json())
        return
    _tell(made)
    if out is not None:
        say(f"{out}")


@territory.command("cases")
def territory_cases(as_json: Json = False) -> None:
    """Les six cas-types, tirés de la vraie distribution. / Six cases, from the real one."""
    from cosim.cases import CASES

    rows = [
        {"code": case.code, "fr": case.description("fr"), "en": case.description("en"),
         "rule_fr": case.rule("fr"), "rule_en": case.rule("en")}
        for case in CASES.values()
    ]  # fmt: skip
    if as_json:
        say_json(rows)
        return
    table(
        ("Cas-type", "Règle (hypothèse)", "Description", "In English"),
        [(row["code"], row["rule_fr"], row["fr"], row["en"]) for row in rows],
    )


def _scenario(start: str) -> Scenario:
    """The shortest scenario that starts in this month; only its start is read."""
    from cosim.scenario import Scenario
    from cosim.scenario_tables import ordinal

    year, month = divmod(ordinal(start) + 1, 12)
    return Scenario(time={"start": start, "end": f"{year:04d}-{month + 1:02d}"})


def _check(out: Path | None) -> None:
    """Refuse, before anything is computed, a picture that could not be written."""
    if out is None:
        return
    shown = ascii(str(out))
    if out.suffix.lower() not in PICTURES:
        raise ResultsError("not the name of a picture", where=shown, key="--out",
                           expected=" or ".join(PICTURES))  # fmt: skip
    if out.exists():
        raise ResultsError("the file exists: nothing is overwritten", where=shown, key="--out",
                           expected="a new name")  # fmt: skip
    if not out.parent.is_dir():
        raise ResultsError("no such folder", where=shown, key="--out",
                           expected="a file in a folder that exists")  # fmt: skip


def _draw(made: Diagnosis, out: Path) -> None:
    from cosim.diagnosis import figure
    from cosim.drawing import style, svg

    drawing = figure(made)
    try:
        if out.suffix.lower() == ".svg":
            out.write_text(svg(drawing), encoding="utf-8")
        else:
            with style():
                drawing.savefig(out, dpi=160, metadata={"Software": "cosim"})
    except OSError as error:
        raise ResultsError("cannot be written", where=ascii(str(out)), key="--out",
                           found=error.strerror) from None  # fmt: skip


def _tell(made: Diagnosis) -> None:
    """Print who is there, the three factors by world, needs and solutions, then the sentence."""
    place = made.place
    say(f"{place.name} ({place.kind}, {place.code}) : {place.n_communes} communes, "
        f"{ledgers.number(place.inhabitants)} habitants ; "
        + ", ".join(f"{ledgers.number(made.actors[kind])} {name}" for kind, name in WORLDS)
        )  # fmt: skip
    _tell_levels(made)
    _tell_domains(made)
    _tell_rest(made)
    say(made.sentence())


def _tell_levels(made: Diagnosis) -> None:
    from cosim.diagnosis import GROUPS, LABELS, MEASURES

    table(
        ("", *(LABELS[name][0] for name in MEASURES), "ce qui retient"),
        [
            (group_label(group), *(_level(made, name, group) for name in MEASURES),
             LABELS[made.brake(group)[0]][0])
            for group in GROUPS if made.peopled(group)
        ],
        title="Médianes sur 1 (de 5 à 95 % des tirages) / medians out of 1 (5 to 95 % of draws)",
        right="12345",
    )  # fmt: skip


def _level(made: Diagnosis, measure: str, world: str) -> str:
    """Return a median with its interval."""
    rows = made.table
    row = rows[(rows.world == world) & (rows.factor == measure)].iloc[0]
    middle, low, high = (number(float(row[name]), 3) for name in ("median", "low", "high"))
    return f"{middle} ({low} – {high})"


def _tell_domains(made: Diagnosis) -> None:
    columns = ("need", "solution", "need_alone", "solution_alone")
    table(
        ("Domaine", "en ont besoin", "le proposent", "besoin sans solution connue",
         "solution sans besoin connu"),
        [
            (group_label(row["domain"]), *(percent(row[name], "fr", 0) for name in columns))
            for row in made.domains.to_dict("records")
        ],
        title="Premier kilomètre des besoins, derniers kilomètres des solutions / "
        "first kilometre of needs, last kilometres of solutions",
        right="1234",
    )  # fmt: skip


def _tell_rest(made: Diagnosis) -> None:
    from cosim.diagnosis import PROFILE_NAMES

    living, recognised = (number(float(x), 0) for x in np.median(made.alliances, axis=0))
    say(f"Alliances déjà vivantes : {living} pour 1 000 acteurs, dont {recognised} reconnues "
        "(mesurables).")  # fmt: skip
    shares = sorted(made.profiles.items(), key=lambda item: -item[1])
    say("Profils des communes, en part des habitants (tirés au sort, hypothèse) : "
        + ", ".join(f"{PROFILE_NAMES[name]} {percent(share, 'fr', 0)}" for name, share in shares)
        + ".")  # fmt: skip
