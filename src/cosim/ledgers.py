"""The four ledgers as tables: what `cosim parameters` prints and what the documentation shows.

`parameters`, `facts`, `indicators` and `mechanisms` return rows of plain values; `pages` writes
every generated page of `docs/` from the same rows, and `stale` says which of them lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from cosim.errors import CosimError, ParameterError, nearest

Row = dict[str, Any]

BEGIN, END = "<!-- parameters:begin -->", "<!-- parameters:end -->"

# French and English words for the closed vocabularies of the ledgers.
CONFIDENCE = {
    "published": ("publié", "published"),
    "cited": ("cité", "cited"),
    "calibrated": ("calibré", "calibrated"),
    "computed": ("calculé", "computed"),
    "assumption": ("hypothèse", "assumption"),
}
USES = {
    "initial": ("état initial", "initial state"),
    "input": ("donnée d'entrée", "input"),
    "target": ("cible de calage", "calibration target"),
    "effect": ("effet connu", "known effect"),
    "context": ("contexte", "context"),
}
BETTER = {1: "↑", -1: "↓", 0: "·"}


# -- rows ---------------------------------------------------------------------------------


def parameters(mechanism: str | None = None, confidence: str | None = None) -> list[Row]:
    """Return the rows of the parameter ledger, of one mechanism or confidence if given.

    >>> parameters(confidence="published")[0]["name"]
    'turn_maire'
    """
    from cosim.parameters import PARAMETERS

    rows = [_row(parameter) for parameter in PARAMETERS.values()]
    return _chosen(rows, mechanism=mechanism, confidence=confidence)


def facts(status: str | None = None, use: str | None = None) -> list[Row]:
    """Return the published figures, of one status or use if given."""
    from cosim import facts as figures

    rows = [_row(fact) for fact in figures.facts().values()]
    return _chosen(rows, status=status, use=use)


def indicators() -> list[Row]:
    """Return what is measured."""
    from cosim.indicators import INDICATORS, MOVED_BY

    return [
        {**_row(indicator), "moved_by": list(MOVED_BY[name])}
        for name, indicator in INDICATORS.items()
    ]


def mechanisms() -> list[Row]:
    """Return the rules of a month in their order, with the parameters that each reads."""
    from cosim.mechanisms import MECHANISMS

    return [
        {
            "order": order,
            "name": m.name,
            "fr": m.label_fr,
            "en": m.label_en,
            "sentence_fr": m.sentence_fr,
            "sentence_en": m.sentence_en,
            "source": m.source,
            "file": f"src/cosim/mechanisms/{m.name}.py",
            "reads": list(m.reads),
            "writes": list(dict.fromkeys(m.writes)),
            "parameters": [row["name"] for row in parameters() if row["mechanism"] == m.name],
        }
        for order, m in enumerate(MECHANISMS.values(), 1)
    ]


def _row(record: Any) -> Row:
    return {
        field.name: list(value) if isinstance(value, tuple) else value
        for field in fields(record)
        for value in (getattr(record, field.name),)
    }


def _chosen(rows: list[Row], **wanted: str | None) -> list[Row]:
    for column, value in wanted.items():
        if value is None:
            continue
        known = list(dict.fromkeys(str(row[column]) for row in rows))
        if value not in known:
            raise ParameterError(
                f"no row has this {column}", key=column, found=value,
                expected=", ".join(known), nearest=nearest(value, known),
            )  # fmt: skip
        rows = [row for row in rows if row[column] == value]
    return rows


# -- cells --------------------------------------------------------------------------------


def number(value: Any) -> str:
    """Return a number, or several, as a reader wants them."""
    if value is None or value == []:
        return "–"
    if isinstance(value, list):
        return " ; ".join(number(one) for one in value)
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else f"{value:g}"


def interval(low: Any, high: Any) -> str:
    """Return an interval, or one for each of several values."""
    if low is None and high is None:
        return "–"
    if isinstance(low, list):
        return " ; ".join(interval(a, b) for a, b in zip(low, high, strict=True))
    return f"{number(low)} – {number(high)}"


def words(vocabulary: Mapping[str, tuple[str, str]], name: str) -> str:
    """Return the French word of a closed vocabulary, the English one beside it if different."""
    fr, en = vocabulary.get(name, (name, name))
    return fr if fr == en else f"{fr} / {en}"


def dates(date: str | Sequence[str]) -> str:
    """Return a date, a span, or the first and last of many."""
    return date if isinstance(date, str) else ", ".join(date)


# -- pages --------------------------------------------------------------------------------


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; cells are put on one line."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def filled(path: Path, text: str, tables: Mapping[str, str]) -> str:
    """Return a page's text with every table between its two marks.

    Raises
    ------
    CosimError : a mark is missing, is there twice, or ends before it begins; `path` is named
    """
    for name, table in tables.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise CosimError("no place for a table", where=path, key=name,
                             expected=f"{begin} and {end}, once")  # fmt: skip
        before, after = text.split(begin)[0], text.split(end)[1]
        text = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return text


def _note(command: str) -> str:
    return f"<!-- Page écrite par `cosim docs` : corriger {command}, pas la page. -->"


def parameter_table(rows: Iterable[Row] | None = None) -> str:
    """Return the table of parameters, all of them by default."""
    rows = parameters() if rows is None else rows
    return markdown_table(
        ("Paramètre — parameter", "Défaut", "Plage — range", "Après calage, 90 % — posterior",
         "Unité — unit", "Sens", "Meaning", "Source", "Confiance — confidence"),
        (
            (
                f"`{r['name']}`" + (f" ({r['symbol']})" if r["symbol"] else ""),
                number(r["default"]), interval(r["low"], r["high"]),
                interval(*r["posterior"]) if r["posterior"] else "", r["unit"],
                r["fr"], r["en"], r["source"], words(CONFIDENCE, r["confidence"]),
            )
            for r in rows
        ),
    )  # fmt: skip


def odd_table() -> str:
    """Return the table of the ODD document: every parameter under its mechanism."""
    rows = parameters()
    return markdown_table(
        ("Parameter", "Mechanism", "Default", "Range", "Unit", "Meaning", "Source", "Confidence"),
        (
            (f"`{r['name']}`", r["mechanism"], number(r["default"]),
             interval(r["low"], r["high"]), r["unit"], r["en"], r["source"], r["confidence"])
            for r in rows
        ),
    )  # fmt: skip


def _parameters_page() -> str:
    from cosim.mechanisms import MECHANISMS

    by_mechanism: dict[str, list[Row]] = {}
    for row in parameters():
        by_mechanism.setdefault(row["mechanism"], []).append(row)
    parts = [
        "# Paramètres — parameters",
        _note("`src/cosim/data/parameters.toml`"),
        f"Les {len(parameters())} coefficients du modèle, déclarés une seule fois. Un scénario en "
        "change par `[parameters]`, dans la plage ; `cosim parameters` les affiche. Confiance : "
        "*publié* (la valeur est dans la source), *cité* (la source en donne l'ordre de grandeur), "
        "*calibré*, *hypothèse*.",
        "The model's coefficients, declared once. A scenario changes them under `[parameters]`, "
        "within the range; `cosim parameters` prints them. Confidence: *published* (the value is "
        "in the source), *cited* (the source gives its order of magnitude), *calibrated*, "
        "*assumption*.",
    ]
    for name, rows in by_mechanism.items():
        rule = MECHANISMS.get(name)
        title = f"{rule.label_fr} — {rule.label_en}" if rule else "État initial — initial state"
        parts += [f"## {title} (`{name}`)", parameter_table(rows)]
    return "\n\n".join(parts) + "\n"


def _facts_page() -> str:
    rows = facts()
    parts = [
        "# Chiffres publiés — facts",
        _note("`src/cosim/data/facts.toml`"),
        f"Les {len(rows)} chiffres sur lesquels le modèle s'appuie ou auxquels il est comparé, "
        "avec leur source. Les parts sont des fractions de 1. `cosim facts` les affiche.",
        "The figures that the model rests on or is compared with, and where they were read. "
        "Shares are fractions of 1. `cosim facts` prints them.",
    ]
    for use, (fr, en) in USES.items():
        chosen = [row for row in rows if row["use"] == use]
        if chosen:
            asked = any(r["measure"] for r in chosen)
            table = markdown_table(
                ("Fait — fact", "Valeur — value", "Tolérance", "Unité — unit", "Date", "Sens",
                 "Meaning", "Population", "Source", "Statut — status", "Note",
                 *["[Mesure — measure](validation.md)"] * asked),
                (
                    (f"`{r['id']}`" + (f" ({r['code']})" if r["code"] else ""),
                     _values(r), interval(r["low"], r["high"]), r["unit"], dates(r["date"]),
                     r["fr"], r["en"], r["population"], r["source"],
                     words(CONFIDENCE, r["status"]), r["note"], *[_measure(r)] * asked)
                    for r in chosen
                ),
            )  # fmt: skip
            parts += [f"## {fr[0].upper()}{fr[1:]} — {en}", table]
    return "\n\n".join(parts) + "\n"


def _values(row: Row) -> str:
    if not row["parts"]:
        return number(row["value"])
    pairs = zip(row["parts"], row["value"], strict=True)
    return " ; ".join(f"{part} {number(value)}" for part, value in pairs)


def _measure(row: Row) -> str:
    asked = " ; ".join(f"`{formula}`" for formula in row["measure"])
    return asked + (f" (`{row['scenario']}`)" if row["scenario"] else "")


def _indicators_page() -> str:
    from cosim.indicators import group_label

    rows = indicators()
    table = markdown_table(
        ("Indicateur — indicator", "Nom — name", "Unité — unit", "Sens", "Définition",
         "Definition", "Groupes — groups", "Mécanismes — moved by"),
        (
            (f"`{r['name']}`", f"{r['fr']} — {r['en']}" + " (hypothèse)" * r["hypothesis"],
             r["unit"], BETTER[r["better"]], r["definition_fr"], r["definition_en"],
             ", ".join(f"`{g}` {group_label(g)}" if g else group_label(g) for g in r["groups"]),
             ", ".join(f"[{m}](../src/cosim/mechanisms/{m}.py)" for m in r["moved_by"]))
            for r in rows
        ),
    )  # fmt: skip
    return "\n\n".join((
        "# Indicateurs — indicators",
        _note("`src/cosim/indicators.py`"),
        f"Les {len(rows)} grandeurs mesurées à la fin de chaque mois. ↑ : mieux quand elle monte, "
        "↓ : mieux quand elle baisse, · : ni l'un ni l'autre. Les nombres et les k€ d'un "
        "territoire échantillonné sont rapportés au territoire entier.",
        "What is measured at the end of each month. ↑: better when it rises, ↓: better when it "
        "falls, ·: neither. Counts and k€ of a sampled territory are scaled to the whole.",
        table,
    )) + "\n"  # fmt: skip


def _mechanisms_page() -> str:
    rows = mechanisms()
    parts = [
        "# Mécanismes — mechanisms",
        _note("`src/cosim/mechanisms/__init__.py`"),
        "Les règles d'un mois, dans leur ordre : un fichier, un effet, une phrase. "
        "`cosim schedule SCENARIO` affiche celles d'un scénario.",
        "The rules of a month in their order: one file, one effect, one sentence. "
        "`cosim schedule SCENARIO` prints those of a scenario. The rules in full: "
        "[ODD document](odd.md) §7.",
        markdown_table(
            ("#", "Mécanisme — mechanism", "En une phrase", "In one sentence", "Fichier — file"),
            (
                (str(r["order"]), f"[{r['fr']} — {r['en']}](#{r['name']})", r["sentence_fr"],
                 r["sentence_en"], f"[`{r['name']}.py`](../{r['file']})")
                for r in rows
            ),
        ),
    ]  # fmt: skip
    for r in rows:
        names = ", ".join(f"`{name}`" for name in r["parameters"]) or "–"
        parts += [
            f'<a id="{r["name"]}"></a>\n\n## {r["order"]}. {r["fr"]} — {r["en"]}',
            f"{r['sentence_fr']} — {r['sentence_en']}",
            f"- Règle — rule: [`{r['name']}.py`](../{r['file']})\n"
            f"- Sources: {r['source']}\n"
            f"- Lit — reads: {', '.join(f'`{name}`' for name in r['reads'])}\n"
            f"- Écrit — writes: {', '.join(f'`{name}`' for name in r['writes'])}\n"
            f"- [Paramètres — parameters](parameters.md): {names}",
        ]
    return "\n\n".join(parts) + "\n"


def pages(folder: Path) -> dict[Path, str]:
    """Return every generated page of `folder` with the text that it should have.

    The ODD document is only read; its text between the marks of parameters is replaced. So are the
    tables of the pages of limits and of what-ifs and, in `traces.PAGES`, the lines that references
    lead to.

    Raises
    ------
    CosimError : a page that is only read has not its marks, or refers to what is not there
    """
    from cosim import concepts, levers, library, limits, luck, scenario, study, traces
    from cosim.calibration import pages as calibrated
    from cosim.experiment import pages as tried
    from cosim.experiment import sensitivity_page as sensed

    made = {
        "parameters.md": _parameters_page(),
        "facts.md": _facts_page(),
        "indicators.md": _indicators_page(),
        "mechanisms.md": _mechanisms_page(),
        "scenarios.md": scenario.markdown(),
        "levers.md": levers.page(),
        "library.md": library.page(),
        "concepts.md": concepts.page(),
    }
    if (folder / study.TABLES / "runs.json").is_file():
        made[study.PAGE] = study.page(folder)
    wanted = {folder / name: text for name, text in made.items()}
    odd = folder / "odd.md"
    if odd.is_file():
        wanted[odd] = _with_table(odd)
    if (folder / calibrated.PAGE).is_file():
        wanted[folder / calibrated.PAGE] = calibrated.page(folder)
    if (folder / tried.PAGE).is_file():
        wanted[folder / tried.PAGE] = tried.page(folder)
    if (folder / sensed.PAGE).is_file():
        wanted[folder / sensed.PAGE] = sensed.page(folder)
    if (folder / limits.PAGE).is_file():
        wanted[folder / limits.PAGE] = limits.page(folder)
    if (folder / luck.PAGE).is_file():
        wanted[folder / luck.PAGE] = luck.page(folder)
    for page in (folder / name for name in traces.PAGES):
        if page.is_file():
            text = wanted.get(page) or page.read_text(encoding="utf-8")
            wanted[page] = traces.traced(page, text, wanted)
    return wanted


def _with_table(odd: Path) -> str:
    text = odd.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise CosimError(
            "no place for the table of parameters", where=odd,
            expected=f"the lines {BEGIN} and {END}, once each",
        )  # fmt: skip
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{odd_table()}\n\n{END}{rest.partition(END)[2]}"


def stale(folder: Path) -> list[Path]:
    """Return the pages of `folder` that say something else than the ledgers."""
    return [path for path, text in pages(folder).items() if _text(path) != text]


def write(folder: Path) -> list[Path]:
    """Write the pages that are stale, and return them."""
    changed = stale(folder)
    wanted = pages(folder)
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    return changed


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
