"""From files, text and keyword arguments to one document, and clear errors on the way."""

from __future__ import annotations

import os
import re
import reprlib
import tomllib
import typing
from collections.abc import Iterator, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from cosim.errors import ScenarioError, nearest
from cosim.scenario import CODE_KEYS, OWN_KEYS, POSTERIOR, Scenario, build, shipped

MAX_BYTES = 1_000_000
MAX_DEPTH = 8
MAX_DOTS = 200
MAX_WALK = 5_000_000
MAX_KEY = 120
MAX_REASON = 200

#: Kind of a key -> what is expected, in French and in English.
KINDS = {
    "text": ("texte", "a text"),
    "month": ("mois « AAAA-MM »", 'a month "YYYY-MM" from 1990 to 2100'),
    "months": ("liste de mois « AAAA-MM »", 'a list of months "YYYY-MM" from 1990 to 2100'),
    "integer": ("entier", "a whole number"),
    "number": ("nombre", "a number"),
    "flag": ("true ou false", "true or false"),
    "code": (
        "code à 9 ou 5 caractères, « cas-… » ou « synthetic »",
        'a code of 9 digits (EPCI, EPT), of 5 characters (commune), "cas-…" or "synthetic"',
    ),
    "choice": ("choix", "one of the choices"),
    "domains": ("liste de domaines", "a list of domains"),
    "moves": ("liste d'indicateurs", 'a list of "indicator" or "indicator/group"'),
    "mechanisms": ("liste de mécanismes", "a list of mechanism names"),
    "replace": ("table mécanisme = fonction", "a table mechanism = function name"),
    "after": ("table mécanisme = liste de règles", "a table mechanism = list of rule names"),
    "modules": ("liste de fichiers .py", "a list of paths of .py files"),
    "crises": ("liste de tables", "a list of tables {start, months, depth}"),
    "parameters": ('table nom = valeur, ou "posterior"', 'a table name = number, or "posterior"'),
    "changes": ("table de clés de scénario", "a table of keys of a scenario"),
    "factors": ("table de facteurs", "a table name = list, {low, high} or table of levels"),
    "formulas": ("table nom = formule", "a table name = formula"),
    "contrasts": ("table de contrastes", "a table name = {estimate, sign, margin, fr, en}"),
    "names": ("liste de noms", "a list of names"),
}
#: What the key `parameters.base` says, in French and in English.
BASE = (
    '"posterior" : chaque réplicat tire ses paramètres de la calibration livrée, sauf ceux qui '
    'sont nommés ici ; `parameters = "posterior"` en est la forme courte',
    '"posterior": each replicate draws its parameters from the shipped calibration, but for those '
    'that are named here; `parameters = "posterior"` is short for it',
)
#: What is expected inside the value of such a key.
INSIDE = {
    "months": KINDS["month"][1],
    "moves": 'an "indicator" or "indicator/group"',
    "replace": "the name of a function",
    "after": "the names of rules",
    "modules": "the path of a .py file",
    "parameters": "a number within the range of the ledger (`cosim parameters`)",
}


class Shown(str):
    """A text that errors print as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def shown(value: object) -> Shown:
    """A short `repr` of anything, however large or deep; a date as TOML writes it."""
    if isinstance(value, date | time):
        return Shown(value.isoformat())
    try:
        short = reprlib.Repr(maxstring=80, maxother=80, maxlong=40).repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits
        short = f"a huge {type(value).__name__}"
    return Shown(ascii(short)[1:-1] if not short.isprintable() else short)


# -- from a path to a document --------------------------------------------------------------


def locate(path_or_name: object, folder: Path | None = None) -> Path:
    """The file of a path (from `folder`), or of the name of a shipped scenario."""
    if not isinstance(path_or_name, str | os.PathLike):
        raise ScenarioError(
            "not a scenario", found=shown(path_or_name), expected="a path or the name of a scenario"
        )
    known = shipped()
    name = os.fspath(path_or_name)
    if not isinstance(name, str) or not name.strip():
        raise ScenarioError("not a scenario", found=shown(name), expected="a path or a name")
    if name in known:
        return known[name]
    path = (folder / name) if folder else Path(name)
    try:
        found = path.exists()
    except (OSError, ValueError) as error:
        raise ScenarioError("not a path", found=shown(name), expected=_reason(error)) from None
    if not found:
        raise ScenarioError(
            "no such file, nor a shipped scenario of this name",
            where=shown_path(path),
            expected="a TOML file, or a name of `cosim scenario list`",
            nearest=nearest(Path(name).stem, known),
        )
    return path


def shown_path(path: Path) -> str:
    """A path as errors print it."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def text_of(path: Path) -> str:
    """The text of a TOML file that a person gave."""
    where = shown_path(path)
    try:
        if not path.is_file():
            found = "a folder" if path.is_dir() else "something else"
            raise ScenarioError("not a file", where=where, found=Shown(found),
                                expected="a TOML file")  # fmt: skip
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ScenarioError("cannot be read", where=where, found=Shown(_reason(error))) from None
    return decoded(data, where)


def decoded(data: bytes, where: str) -> str:
    """The text of a TOML file's bytes; `where` is named in errors."""
    if len(data) > MAX_BYTES:
        raise ScenarioError("the file is too large", where=where,
                            expected=f"at most {MAX_BYTES} bytes")  # fmt: skip
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ScenarioError("not UTF-8 text", where=f"{where}, line {line}",
                            found=Shown(f"byte 0x{data[error.start]:02x}"),
                            expected="a file saved as UTF-8") from None  # fmt: skip


def parse(text: str, where: object) -> dict[str, Any]:
    """TOML text as a document."""
    place = str(where)
    if not isinstance(text, str):
        raise ScenarioError("not a text", where=place, found=shown(text), expected="TOML text")
    if len(text) > MAX_BYTES:
        raise ScenarioError("the text is too large", where=place,
                            expected=f"at most {MAX_BYTES} characters")  # fmt: skip
    if not _is_shallow(text):
        raise ScenarioError("not a scenario: nested too deep", where=place,
                            expected=f"at most {MAX_DOTS} dots a line, in a few lines")  # fmt: skip
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"not TOML: {one_line(str(error))}", where=place) from None
    except RecursionError:
        raise ScenarioError("not a scenario: nested too deep", where=place,
                            expected="tables of values and of lists") from None  # fmt: skip
    except ValueError:
        raise ScenarioError("not TOML: a number is out of range", where=place) from None


def _is_shallow(text: str) -> bool:
    """Whether tomllib can read it in a second.

    Its time grows with the square of the parts of a dotted key, and it walks from the root to the
    table again for each line.
    """
    deepest = walk = 0
    for line in re.split("[\r\n]", text):
        dots = line.count(".")
        if line.lstrip().startswith("["):
            deepest = max(deepest, dots)
        walk += (deepest + dots) ** 2
        if dots > MAX_DOTS or walk > MAX_WALK:
            return False
    return True


def read(path: Path, trusted: bool = True, trail: tuple[Path, ...] = ()) -> Scenario:
    """Read the file of a scenario, and those that it extends."""
    real = Path(os.path.realpath(path))
    document = parse(text_of(path), shown_path(path))
    return resolve(
        document,
        where=shown_path(path),
        folder=path.parent,
        trusted=trusted or real in shipped().values(),
        trail=(*trail, real),
    )


def resolve(
    document: Mapping[str, Any],
    *,
    where: object,
    folder: Path,
    trusted: bool = True,
    trail: tuple[Path, ...] = (),
) -> Scenario:
    """Follow `extends`, then validate."""
    if not trusted:
        refuse_code(document, where)
    scenario = build(followed(document, where, folder, trail), where=where, folder=folder)
    for name, path in zip(scenario.model.modules, scenario.module_paths, strict=True):
        if not os.path.isfile(path):  # False as well for what cannot be a path
            raise ScenarioError("no such file", where=str(where), key="model.modules",
                                found=shown(name),
                                expected=f"a .py file from {folder}")  # fmt: skip
    return scenario


def refuse_code(document: Mapping[str, Any], where: object) -> None:
    """Refuse the keys that name code or files."""
    for key in CODE_KEYS:
        table: Any = document
        for part in key.split("."):
            table = table[part] if isinstance(table, Mapping) and part in table else None
        if table not in (None, {}, [], ()):
            raise ScenarioError("this key is refused in what comes from the web", where=str(where),
                                key=key, found=shown(table), expected="a scenario without it, "
                                "or a file given to Python or to the command line")  # fmt: skip


def followed(
    document: Mapping[str, Any],
    where: object = None,
    folder: Path | None = None,
    trail: tuple[Path, ...] = (),
) -> dict[str, Any]:
    """The document with what it extends; titles, purposes are its own."""
    own = dict(document)
    if "extends" not in own:
        return own
    name = own.pop("extends")
    place = None if where is None else str(where)
    if not isinstance(name, str):
        raise ScenarioError("not a scenario", where=place, key="extends", found=shown(name),
                            expected="a path or the name of a shipped scenario")  # fmt: skip
    try:
        path = locate(name, folder)
    except ScenarioError as error:
        raise ScenarioError(error.what, where=place, key="extends", found=shown(name),
                            expected=error.expected, nearest=error.nearest) from None  # fmt: skip
    if not path.is_file():
        raise ScenarioError("not a file", where=place, key="extends", found=shown(name),
                            expected="a TOML file")  # fmt: skip
    real = Path(os.path.realpath(path))
    if real in trail:
        circle = " → ".join(step.name for step in (*trail[trail.index(real) :], real))
        raise ScenarioError("a scenario that extends itself", where=place, key="extends",
                            found=Shown(circle), expected="a chain that ends")  # fmt: skip
    if len(trail) > MAX_DEPTH:
        raise ScenarioError("too many scenarios, each extending the next", where=place,
                            key="extends", expected=f"at most {MAX_DEPTH}")  # fmt: skip
    parent = read(path, trail=trail)
    inherited = parent.resolved()
    for key in OWN_KEYS:
        del inherited[key]
    inherited["model"]["modules"] = [_from(folder, module) for module in parent.module_paths]
    return patched(inherited, spelled(own))


def spelled(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with `parameters = "posterior"` as the table that it is short for."""
    if document.get("parameters") == POSTERIOR:
        return {**document, "parameters": {"base": POSTERIOR}}
    return dict(document)


def drawing(document: Mapping[str, Any], where: object = None) -> tuple[dict[str, Any], bool]:
    """The document without the base of its parameters, and whether that is the posterior."""
    plain = spelled(document)
    values = plain.get("parameters")
    key, base = "parameters", values
    if isinstance(values, Mapping) and "base" in values:
        key, base = "parameters.base", values["base"]
        plain["parameters"] = {name: value for name, value in values.items() if name != "base"}
    elif not isinstance(values, str):
        return plain, False
    if base != POSTERIOR:
        raise ScenarioError(
            "unknown base of parameters", where=None if where is None else str(where), key=key,
            found=shown(base),
            expected=KINDS["parameters"][1] if key == "parameters" else f'"{POSTERIOR}"',
            nearest=nearest(base, [POSTERIOR]) if isinstance(base, str) else None,
        )  # fmt: skip
    return plain, True


def _from(folder: Path | None, module: Path) -> str:
    try:
        return Path(os.path.relpath(module, folder or Path.cwd())).as_posix()
    except ValueError:  # another drive
        return str(module.absolute())


def patched(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the patch laid over it: tables are merged, None removes."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = patched(result[key], value)
        else:
            result[key] = value
    return result


def nested(changes: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
    """Dotted keys as tables; `where` is named in errors."""
    document: dict[str, Any] = {}
    for key, value in changes.items():
        table = document
        *tables, last = key.split(".")
        for name in tables:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise ScenarioError("both a value and a table", where=where, key=key_text(key),
                                    found=shown(table))  # fmt: skip
        if isinstance(table.get(last), dict):
            if not isinstance(value, Mapping):
                raise ScenarioError("both a value and a table", where=where, key=key_text(key),
                                    found=shown(value))  # fmt: skip
            value = patched(table[last], value)
        table[last] = dict(value) if isinstance(value, Mapping) else value
    return document


# -- from pydantic's errors to ours -----------------------------------------------------------


def clear(
    error: ValidationError, where: object = None, root: type[BaseModel] = Scenario
) -> ScenarioError:
    """The first mistake of a document: its key, what was found, what was expected.

    `root` is what was validated: a scenario, or another document written in the same way.
    """
    problem = _first(error)
    loc = tuple(part for part in problem["loc"] if part != "[key]")
    context = problem.get("ctx", {})
    place = None if where is None else str(where)
    key, found, hint = dotted(loc), shown(problem["input"]), None
    expected: object = None
    what = "not accepted"
    field = field_at(loc, root)
    if problem["type"] == "cosim":
        what, expected, hint = context["what"], context["expected"], context["hint"]
        found = shown(context["found"])
        key = ".".join(part for part in (key, key_text(context["key"])) if part)
    elif problem["type"] == "extra_forbidden":
        what, (expected, hint) = "unknown key", _known(loc, root)
        found = shown(str(loc[-1]))
    elif problem["type"] == "missing":
        what = "a key is missing"
    elif problem["type"] == "literal_error":
        what = "unknown name"
        names = [name.strip("' ") for name in re.split(",| or ", context["expected"])]
        expected = "one of: " + ", ".join(names)
        hint = nearest(problem["input"], names) if isinstance(problem["input"], str) else None
    elif problem["type"] in ("model_type", "model_attributes_type"):
        what, expected = "not a table", "a table"
    elif "_than" in problem["type"]:
        what = "out of range"
    elif problem["type"] == "finite_number":
        what = "not a finite number"
    elif problem["type"] in ("too_long", "string_too_long"):
        unit = "characters" if isinstance(problem["input"], str) else "items"
        what, expected = "too long", f"at most {context['max_length']} {unit}"
    if expected is None and field and len(loc) > 1 and field is field_at(loc[:-1], root):
        expected = INSIDE.get(meta(field, "kind"))
    if expected is None:
        expected = allowed(field) if field else problem["msg"].removeprefix("Input should be ")
    return ScenarioError(what, where=place, key=key, found=found, expected=expected, nearest=hint)


def _first(error: ValidationError) -> ErrorDetails:
    """The first mistake; where a key is missing and another is unknown, the unknown one."""
    problems = error.errors(include_url=False)
    first = problems[0]
    if first["type"] == "missing":
        for other in problems:
            if other["type"] == "extra_forbidden" and other["loc"][:-1] == first["loc"][:-1]:
                return other
    return first


def dotted(loc: tuple[int | str, ...]) -> str:
    """("context", "crises", 0, "depth") -> "context.crises[0].depth"."""
    text = ""
    for part in loc:
        name = part if part != "" else '""'
        text += f"[{name}]" if isinstance(part, int) else f".{name}" if text else str(name)
    return key_text(text)


def one_line(reason: str) -> str:
    """The reason of an error on one line, without its middle when it is long."""
    line = reason if reason.isprintable() else ascii(reason)[1:-1]
    half = MAX_REASON // 2
    return line if len(line) <= MAX_REASON else f"{line[:half]}…{line[-half:]}"


def key_text(key: str) -> str:
    """A key as errors print it."""
    short = key if len(key) <= MAX_KEY else key[:MAX_KEY] + "…"
    return short if short.isprintable() else ascii(short)


def table_of(field: FieldInfo) -> type[BaseModel] | None:
    """The table that a key holds, alone or in a list; None for a plain value."""
    for kind in (field.annotation, *typing.get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def field_at(loc: tuple[int | str, ...], root: type[BaseModel] = Scenario) -> FieldInfo | None:
    """The field of a place in the document; the nearest one above where it is not a key."""
    table: type[BaseModel] | None = root
    field = None
    for part in loc:
        if isinstance(part, int):
            continue
        if table is None or part not in table.model_fields:
            break
        field = table.model_fields[part]
        table = table_of(field)
    return field


def keys(root: type[BaseModel] = Scenario) -> Iterator[tuple[str, FieldInfo]]:
    """Every key that holds a value, dotted, in the order of the document."""

    def walk(table: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
        for name, field in table.model_fields.items():
            inner = table_of(field)
            if inner is not None and meta(field, "kind") == "":
                yield from walk(inner, f"{prefix}{name}.")
            else:
                yield prefix + name, field

    yield from walk(root, "")


def meta(field: FieldInfo, name: str) -> str:
    """What `about` said of a field: kind, label-fr, label-en, fr or en."""
    extra = field.json_schema_extra
    return str(extra.get(f"x-{name}", "")) if isinstance(extra, dict) else ""


def allowed(field: FieldInfo, lang: typing.Literal["fr", "en"] = "en") -> str:
    """What a key accepts, in words."""
    kind = meta(field, "kind")
    if not kind:
        return "a table"
    french, english = KINDS[kind]
    if kind == "choice":
        names = ", ".join(f'"{name}"' for name in typing.get_args(field.annotation))
        return names if lang == "fr" else f"one of {names}"
    limits = {name: getattr(part, name) for part in field.metadata for name in ("ge", "gt", "le")
              if hasattr(part, name)}  # fmt: skip
    text = french if lang == "fr" else english
    if limits:
        low, high = limits.get("ge", limits.get("gt")), limits["le"]
        above = {"fr": " (exclu)", "en": " (excluded)"}[lang] if "gt" in limits else ""
        words = ("de", "à") if lang == "fr" else ("from", "to")
        text += f" {words[0]} {low:.12g}{above} {words[1]} {high:.12g}"
    return text


def _known(loc: tuple[int | str, ...], root: type[BaseModel]) -> tuple[str, str | None]:
    """The keys that could stand at an unknown one, and the likeliest."""
    parent = field_at(loc[:-1], root) if len(loc) > 1 else None
    table = root if len(loc) == 1 else table_of(parent) if parent else None
    names = list(table.model_fields) if table else []
    if len(loc) == 1 and root is Scenario:
        names.insert(0, "extends")
    last = str(loc[-1])
    hint = nearest(last, names)
    if hint is None:  # a key of another table
        elsewhere = {key.rpartition(".")[2]: key for key, _ in reversed([*keys(root)])}
        close = nearest(last, elsewhere)
        hint = elsewhere[close] if close else None
    elif len(loc) > 1:
        hint = ".".join([str(part) for part in loc[:-1] if isinstance(part, str)] + [hint])
    return "one of: " + ", ".join(names), hint


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
