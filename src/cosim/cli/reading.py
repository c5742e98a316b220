"""Commands that read: territories, scenarios, ledgers; and the generated documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cosim import ledgers
from cosim.cli.shell import Json, app, group, progress, ready, say, say_json, table
from cosim.errors import CosimError, ScenarioError, TerritoryError

territory = group("territory", "Chercher et voir un territoire. / Search and show a territory.")
scenario = group("scenario", "Vérifier, voir, comparer, commencer. / Check, show, diff, start.")

File = Annotated[str, typer.Argument(help="Fichier ou nom livré. / File or shipped name.")]

#: What people of each kind are called, in the order of the model's kinds.
WORLDS = (("elu", "élus"), ("association", "associations"), ("company", "entreprises"),
          ("academic", "acteurs académiques"))  # fmt: skip


# -- territories --------------------------------------------------------------------------


@territory.command("search")
def territory_search(
    text: Annotated[str, typer.Argument(help="Nom ou code. / Name or code.")],
    as_json: Json = False,
    limit: Annotated[int, typer.Option(min=1, max=2000, help="Au plus. / At most.")] = 20,
) -> None:
    """Chercher par nom ou par code. / Search by name or code."""
    from cosim.territory import find

    hits = find(text)
    if hits.empty:
        raise TerritoryError(
            "aucun territoire de ce nom / no territory of this name", found=text[:80],
            expected="the name or code of an EPCI, of an EPT or of a commune",
        )  # fmt: skip
    rows = hits.head(limit).to_dict("records")
    if as_json:
        say_json(rows)
        return
    table(
        ("Code", "Nom", "Type", "Dép.", "Habitants", "Communes", "Trouvé par"),
        [(r["code"], r["name"], r["type"], r["dep"], ledgers.number(r["inhabitants"]),
          ledgers.number(r["n_communes"]), r["match"] if r["match"] != r["name"] else "")
         for r in rows],
        right="45",
    )  # fmt: skip
    if len(hits) > limit:
        say(f"… et {len(hits) - limit} autres (--limit) / and {len(hits) - limit} more")


@territory.command("show")
def territory_show(
    code: Annotated[str, typer.Argument(help="Code EPCI, EPT ou commune. / EPCI or commune.")],
    as_json: Json = False,
) -> None:
    """Ses communes, ses acteurs un pour un. / Its communes, its actors one for one."""
    from cosim import territory as places

    place = places.load(code)
    actors = _actors(place)
    if as_json:
        say_json({
            "code": place.code, "name": place.name, "kind": place.kind,
            "departments": list(place.departments), "inhabitants": place.inhabitants,
            "councillors": place.n_councillors, "actors": actors,
            "communes": [
                {"code": c.code, "name": c.name, "inhabitants": c.population,
                 "councillors": c.councillors, "lon": c.lon, "lat": c.lat, "km2": c.km2}
                for c in place.communes
            ],
        })  # fmt: skip
        return
    say(f"{place.name} ({place.kind}, {place.code}) : {place.n_communes} communes, "
        f"{ledgers.number(place.inhabitants)} habitants, département "
        f"{', '.join(place.departments)}")  # fmt: skip
    say("Acteurs, un pour un / actors, one for one : "
        + ", ".join(f"{ledgers.number(actors[kind])} {name}" for kind, name in WORLDS)
        + f" ; {ledgers.number(sum(actors.values()))} en tout")  # fmt: skip
    table(
        ("Commune", "Code", "Habitants", "Conseillers", "km²"),
        [(c.name, c.code, ledgers.number(c.population), ledgers.number(c.councillors),
          f"{c.km2:.1f}")
         for c in sorted(place.communes, key=lambda c: -c.population)],
        right="234",
    )  # fmt: skip


def _actors(place: Any) -> dict[str, int]:
    """Seats that are taken at the start, by world."""
    import numpy as np

    from cosim import parameters, population

    seats = population.seats_of(place, parameters.resolve())
    counts = np.bincount(seats["kind"][seats["taken"]], minlength=len(WORLDS)).tolist()
    return {kind: counts[k] for k, (kind, _) in enumerate(WORLDS)}


# -- scenarios ----------------------------------------------------------------------------


@scenario.command("check")
def scenario_check(file: File) -> None:
    """Dire s'il est valide, et ce qu'il est. / Say whether it is valid, and what it is."""
    document = ready(file)
    say(f"Valide / valid ({document.digest}). {document.sentence()}")


@scenario.command("show")
def scenario_show(file: File, as_json: Json = False) -> None:
    """Le document résolu. / The resolved document."""
    from cosim.scenario import load

    document = load(file)
    if as_json:
        say_json({"digest": document.digest, "sentence": document.sentence(),
                  "sentence_en": document.sentence("en"), "scenario": document.resolved()}
                 )  # fmt: skip
        return
    say(f"# {document.sentence()}\n# {document.sentence('en')}\n# digest {document.digest}")
    say(document.to_toml().rstrip("\n"))


@scenario.command("list")
def scenario_list(as_json: Json = False) -> None:
    """Les scénarios livrés. / The scenarios that are shipped."""
    from cosim.scenario import load, shipped

    made = {name: load(name) for name in shipped()}
    if as_json:
        say_json([{"name": name, "title": one.title, "title_en": one.title_en,
                   "purpose": one.purpose, "digest": one.digest}
                  for name, one in made.items()])  # fmt: skip
        return
    table(("Nom / name", "Titre", "Title"),
          [(name, one.title, one.title_en) for name, one in made.items()])  # fmt: skip


@scenario.command("diff")
def scenario_diff(a: File, b: File, as_json: Json = False) -> None:
    """Ce que B change de A. / What B changes from A."""
    from cosim.scenario import diff, difference_sentence, load

    before, after = load(a), load(b)
    changes = diff(before, after)
    sentence = difference_sentence(before, after)
    if as_json:
        say_json({"sentence": sentence,
                  "sentence_en": difference_sentence(before, after, "en"),
                  "changes": [change._asdict() for change in changes]})  # fmt: skip
        return
    say(sentence)
    if changes:
        table(("Clé / key", "A", "B"), [(c.key, _value(c.before), _value(c.after))
                                        for c in changes])  # fmt: skip


@scenario.command("schema")
def scenario_schema() -> None:
    """Le schéma JSON, pour un éditeur. / The JSON Schema, for an editor."""
    from cosim.scenario import schema

    say_json(schema())


@scenario.command("new")
def scenario_new(
    title: Annotated[str, typer.Argument(help="Titre. / Title.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Fichier à écrire. / File to write.")
    ] = None,
) -> None:
    """Un fichier commenté pour commencer. / A commented file to start from."""
    from cosim.scenario import loads, new

    text = new(title)
    loads(text, "new")
    if out is None:
        say(text.rstrip("\n"))
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ScenarioError("the file exists: nothing is overwritten", where=out,
                            expected="a new name") from None  # fmt: skip
    except (OSError, ValueError) as error:
        raise ScenarioError("cannot be written", where=ascii(str(out)), key="--out",
                            found=getattr(error, "strerror", None) or str(error)
                            ) from None  # fmt: skip
    say(f"{out}")


def _value(value: Any) -> str:
    return "–" if value is None else json.dumps(value, ensure_ascii=False)


# -- ledgers ------------------------------------------------------------------------------


@app.command()
def parameters(
    mechanism: Annotated[
        str | None, typer.Option(help="D'un mécanisme. / Of one mechanism.")
    ] = None,
    confidence: Annotated[
        str | None, typer.Option(help="published, cited, calibrated, assumption")
    ] = None,
    as_json: Json = False,
) -> None:
    """Les paramètres, leur plage, leur source. / The parameters, range and source."""
    rows = ledgers.parameters(mechanism, confidence)
    if as_json:
        say_json(rows)
        return
    table(
        ("Paramètre", "Mécanisme", "Défaut", "Plage", "Unité", "Sens", "Meaning", "Confiance"),
        [(r["name"], r["mechanism"], ledgers.number(r["default"]),
          ledgers.interval(r["low"], r["high"]), r["unit"], r["fr"], r["en"],
          ledgers.CONFIDENCE[r["confidence"]][0])
         for r in rows],
        right="2",
    )  # fmt: skip


@app.command()
def facts(
    status: Annotated[str | None, typer.Option(help="published, computed, assumption")] = None,
    use: Annotated[str | None, typer.Option(help="initial, input, target, effect, context")] = None,
    as_json: Json = False,
) -> None:
    """Les chiffres publiés, leur source. / The published figures and their sources."""
    rows = ledgers.facts(status, use)
    if as_json:
        say_json(rows)
        return
    table(
        ("Fait", "Valeur", "Unité", "Date", "Sens", "Source", "Statut"),
        [(r["id"], ledgers.number(r["value"]), r["unit"], ledgers.dates(r["date"]), r["fr"],
          r["source"], ledgers.CONFIDENCE[r["status"]][0])
         for r in rows],
    )  # fmt: skip


@app.command()
def indicators(as_json: Json = False) -> None:
    """Ce qui est mesuré. / What is measured."""
    rows = ledgers.indicators()
    if as_json:
        say_json(rows)
        return
    table(
        ("Indicateur", "Nom", "Name", "Unité", "", "Définition", "Groupes"),
        [(r["name"], r["fr"], r["en"], r["unit"], ledgers.BETTER[r["better"]],
          r["definition_fr"], str(len(r["groups"])))
         for r in rows],
        right="6",
    )  # fmt: skip


@app.command()
def mechanisms(as_json: Json = False) -> None:
    """Les règles d'un mois, une phrase chacune. / The rules of a month, a sentence each."""
    rows = ledgers.mechanisms()
    if as_json:
        say_json(rows)
        return
    table(
        ("#", "Nom", "Mécanisme", "En une phrase", "In one sentence", "Règle", "Sources"),
        [(str(r["order"]), r["name"], f"{r['fr']} / {r['en']}", r["sentence_fr"],
          r["sentence_en"], r["file"].removeprefix("src/cosim/"), r["source"])
         for r in rows],
    )  # fmt: skip


@app.command()
def levers(as_json: Json = False) -> None:
    """Les leviers : canal, force, coût. / The levers: channel, strength, cost."""
    from cosim.levers import rows

    if as_json:
        say_json(rows())
        return
    table(
        ("Levier", "Clé", "Canal", "Mécanismes", "Force (confiance)", "Scénario"),
        [(f"{r['fr']} / {r['en']}", r["key"], f"{r['channel_fr']} / {r['channel_en']}",
          ", ".join(r["mechanisms"]),
          ", ".join(f"{name} ({ledgers.CONFIDENCE[confidence][0]})"
                    for name, confidence in r["parameters"].items()),
          r["scenario"])
         for r in rows()],
    )  # fmt: skip


@app.command()
def concepts(
    text: Annotated[str, typer.Argument(help="Un ou des mots. / A word or several.")] = "",
    as_json: Json = False,
) -> None:
    """Les concepts des documents, où ils vivent. / The documents' concepts, where they live."""
    from cosim.concepts import rows

    found = rows(text)
    if as_json:
        say_json(found)
        return
    table(
        ("Concept", "Comment", "Où", "Scénario", "Indicateur", "Figure"),
        [(r["fr"], r["note_fr"], ", ".join(r["where"]), r["scenario"], r["indicator"], r["figure"])
         for r in found],
    )  # fmt: skip


@app.command()
def docs(
    folder: Annotated[
        Path | None, typer.Option(help="Dossier des pages. / Folder of the pages.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Ne rien écrire ; 1 si une page ment. / Only check.")
    ] = False,
    pictures: Annotated[
        bool,
        typer.Option("--pictures", help="Simuler et dessiner les scénarios (~5 min). / Pictures."),
    ] = False,
    france: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="FRANCE USINE",
            help="Dossiers de `cosim france` et de `cosim france --usine all`. / Their folders.",
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Dossier de `cosim calibrate`, à livrer. / Folder of it, to ship."),
    ] = None,
    hypotheses: Annotated[
        Path | None,
        typer.Option(help="Dossier de `cosim hypothesis run all`, à livrer. / Folder, to ship."),
    ] = None,
    sensitivity: Annotated[
        Path | None,
        typer.Option(help="Dossier des études de sensibilité. / Folder of sensitivity studies."),
    ] = None,
    france_map: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0.01,
            max=1.0,
            help="Simuler la carte livrée, avec cette part des acteurs (0.2 : ~11 min). "
            "/ Simulate the map that ships, with this share of the actors.",
        ),
    ] = None,
) -> None:
    """Écrire les pages générées de la documentation. / Write the generated pages."""
    from cosim.calibration import pages as calibrated
    from cosim.calibration import posterior

    folder = folder or Path(__file__).parents[3] / "docs"
    if not folder.is_dir():
        raise CosimError("no such folder", where=folder, key="--folder",
                         expected="the docs folder of a checkout")  # fmt: skip
    if france is not None and not check:
        from cosim import study

        for path in study.collect(*france, folder):
            say(f"{path}")
    if calibration is not None and not check:
        for path in calibrated.collect(calibration, folder, posterior.folder()):
            say(f"{path}")
    if hypotheses is not None and not check:
        from cosim.experiment import pages as tried

        for path in tried.collect(hypotheses, folder, tried.package()):
            say(f"{path}")
    if sensitivity is not None and not check:
        from cosim.experiment import sensitivity_page

        for path in sensitivity_page.collect(sensitivity, folder):
            say(f"{path}")
    if france_map is not None and not check:
        _map_of_france(france_map)
    changed = ledgers.stale(folder) if check else ledgers.write(folder)
    for path in changed:
        say(f"{path}")
    if pictures and not check:
        _draw_library(folder)
    if check and changed:
        raise typer.Exit(1)


def _map_of_france(sample: float) -> None:
    """Simulate what the map of the dashboard shows, and write it into the package."""
    from cosim import atlas

    months = sum(one.n_months for one in atlas.scenarios().values()) * atlas.REPLICATES
    with progress("France", months) as done:
        for path in atlas.collect(atlas.folder(), sample=sample, progress=done):
            say(f"{path}")


def _draw_library(folder: Path) -> None:
    """Write the picture of every shipped scenario under the folder of the pages."""
    from cosim import library

    place = folder / library.FOLDER
    place.mkdir(parents=True, exist_ok=True)
    with progress("Scénarios / scenarios", len(library.scenarios())) as done:
        for name, drawing in library.pictures(progress=done):
            (place / f"{name}.svg").write_text(drawing, encoding="utf-8")
            say(f"{place / name}.svg")
