"""The forms of a scenario: its file, its link, the reference of its keys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from pydantic.fields import FieldInfo

from cosim.errors import ScenarioError
from cosim.scenario import POSTERIOR, Scenario
from cosim.scenario_file import (
    BASE,
    MAX_BYTES,
    allowed,
    field_at,
    key_text,
    keys,
    meta,
    nested,
    refuse_code,
    shown,
    table_of,
)

# -- TOML -------------------------------------------------------------------------------------


def to_toml(scenario: Scenario) -> str:
    """The whole document as TOML; what is empty, as by default, is left out."""
    return _toml(scenario.resolved(), Scenario().resolved(), "").strip() + "\n"


def _toml(table: Mapping[str, Any], default: Mapping[str, Any], name: str) -> str:
    lines, tables = [], []
    for key, value in table.items():
        if isinstance(value, dict):
            path = f"{name}.{toml_key(key)}" if name else toml_key(key)
            tables.append(_toml(value, default.get(key, {}), path))
        elif value is not None and not (value in ([], "") and default.get(key, value) == value):
            lines.append(f"{toml_key(key)} = {toml_value(value)}")
    head = [f"\n[{name}]"] if name and lines else []
    return "".join(line + "\n" for line in head + lines) + "".join(tables)


def toml_value(value: Any) -> str:
    """One value as TOML writes it."""
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for DEL, which TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{toml_key(key)} = {toml_value(item)}" for key, item in value.items())
        return "{ " + pairs + " }"
    return json.dumps(value)


def toml_key(name: str) -> str:
    """A key as TOML writes it."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_value(name)


def template(title: str) -> str:
    """A file with every key, commented out at its default."""
    if not isinstance(title, str):
        raise ScenarioError("not a title", found=shown(title), expected="a text")
    Scenario(title=title)
    lines = [
        "# Un scénario de cosim. Ôtez le « # » d'une ligne pour changer sa valeur.",
        '# A cosim scenario. Remove the "#" of a line to change its value.',
        "",
        f"title = {toml_value(title)}",
        'purpose = ""  # à quoi sert ce scénario — what this scenario is for',
        '# extends = "reference-2020"  # partir d\'un autre scénario — start from another one',
    ]
    table = ""
    for key, field in keys():
        head, _, name = key.rpartition(".")
        if key in ("title", "purpose"):
            continue
        if key == "parameters" or field.default_factory is not None:
            head, name = key, ""
        if head != table:
            table = head
            lines += ["", f"[{table}]"]
        words = f"{meta(field, 'fr')} — {meta(field, 'en')}"
        lines.append(f"# {name} = {_example(key, field)}  # {words}" if name else f"# {words}")
    lines.append(f"# base = {toml_value(POSTERIOR)}  # {' — '.join(BASE)}")
    return "\n".join(lines) + "\n"


def _example(key: str, field: FieldInfo) -> str:
    if field.default is None:
        if meta(field, "kind") == "number":
            return "50.0"
        return {"start": '"2012-01"', "end": '"2015-01"'}.get(key.rpartition(".")[2], '"2016-01"')
    return toml_value(list(field.default) if isinstance(field.default, tuple) else field.default)


# -- links ------------------------------------------------------------------------------------


def to_query(scenario: Scenario) -> str:
    """What differs from the defaults, as `key=value&…`; a crisis is `2020-03:15:1`.

    The purpose, which is long, is left out.
    """
    document = scenario.resolved()
    plain = Scenario().resolved()
    refuse_code(document, "link")
    pairs = []
    for key, _ in keys():
        before, after = plain, document
        for part in key.split("."):
            before, after = before[part], after[part]
        if key == "parameters":
            pairs += [(f"parameters.{name}", value) for name, value in document[key].items()]
        elif before != after and not key.startswith(("purpose", "against", "moves")):
            pairs.append((key, after))
    return "&".join(f"{quote(key)}={quote(query_value(value), safe=':,')}" for key, value in pairs)


def query_value(value: Any) -> str:
    """The value of a key as the text of a link."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list):
        return ",".join(query_value(item) for item in value)
    if isinstance(value, dict):
        return ":".join(query_value(item) for item in value.values())
    return value if isinstance(value, str) else json.dumps(value)


def query_document(query: str) -> dict[str, Any]:
    """The document of a link; nothing in it is trusted."""
    if not isinstance(query, str):
        raise ScenarioError("not a link", where="link", found=shown(query), expected="a text")
    if len(query) > MAX_BYTES:
        raise ScenarioError("the link is too long", where="link",
                            expected=f"at most {MAX_BYTES} characters")  # fmt: skip
    query = query.strip().removeprefix("?")
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=bool(query),
            errors="strict", max_num_fields=1000,
        )  # fmt: skip
    except ValueError as error:
        raise ScenarioError(f"not a link: {shown(str(error))}", where="link",
                            expected="key=value&key=value") from None  # fmt: skip
    changes: dict[str, Any] = {}
    for key, text in pairs:
        if key in changes:
            raise ScenarioError("given twice", where="link", key=key_text(key), found=shown(text))
        if key.count(".") > 4:
            raise ScenarioError("unknown key", where="link", key=key_text(key), found=shown(key))
        changes[key] = _from_query(key, text)
    document = nested(changes, "link")
    refuse_code(document, "link")
    return document


def _from_query(key: str, text: str) -> Any:
    """The text of a link as the type of its key; what does not fit stays text, to be refused."""
    if key.startswith("parameters."):
        return _scalar(text)
    kinds = {known: meta(field, "kind") for known, field in keys()}
    match kinds.get(key):
        case "integer" | "number" | "flag":
            return _scalar(text)
        case "months" | "mechanisms" | "domains" | "moves":
            return text.split(",") if text else []
        case "crises":
            field = field_at(("context", "crises"))
            table = table_of(field) if field else None
            names = list(table.model_fields) if table else []
            crises = []
            for crisis in text.split(",") if text else []:
                start, *numbers = crisis.split(":")
                values = [start, *(_scalar(number) for number in numbers)]
                if len(values) > len(names):
                    raise ScenarioError("not a crisis", where="link", key=key, found=shown(crisis),
                                        expected="start:months:depth")  # fmt: skip
                crises.append(dict(zip(names, values, strict=False)))
            return crises
        case _:
            return text


def _scalar(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?[0-9]{1,20}", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]{1,30}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,3})?", text):
        return float(text)
    return text


# -- documentation ----------------------------------------------------------------------------


def markdown() -> str:
    """The reference of every key, generated from the model."""
    lines = [_INTRODUCTION]
    table = None
    for key, field in keys():
        head = key.rpartition(".")[0] if key != "parameters" else key
        if head != table:
            table = head
            names = {"": "Le document — the document", "parameters": "Paramètres — parameters"}
            title = names.get(head) or _table_title(head)
            lines += ["", f"## {title}", "",
                      "| Clé — key | Défaut — default | Valeurs — values | Sens | Meaning |",
                      "|---|---|---|---|---|"]  # fmt: skip
            if head == "":
                lines.append(
                    "| `extends` | – | fichier ou nom — file or name | scénario de départ, que "
                    "celui-ci corrige | scenario to start from, which this one patches |"
                )
        lines.append(_row(key, field))
        if key == "context.crises":
            inner = table_of(field)
            rows = inner.model_fields.items() if inner else ()
            lines += [_row(f"context.crises[].{name}", part) for name, part in rows]
    lines.append(f'| `parameters.base` | absent | "{POSTERIOR}" | {BASE[0]} | {BASE[1]} |')
    return "\n".join(lines) + "\n"


def _table_title(head: str) -> str:
    field = field_at(tuple(head.split(".")))
    table = table_of(field) if field else None
    words = (table.__doc__ or "").rstrip(".") if table else ""
    return f"`[{head}]` {words}"


def _row(key: str, field: FieldInfo) -> str:
    if field.is_required():
        default = "–"
    elif field.default is None or field.default_factory is not None:
        default = "absent"
    else:
        default = f"`{_example(key, field)}`"
    values, meaning, english = allowed(field, "fr"), meta(field, "fr"), meta(field, "en")
    return f"| `{key}` | {default} | {values} | {meaning} | {english} |"


_INTRODUCTION = """\
# Scénarios — scenarios

<!-- Page écrite par `cosim.scenario.markdown()` : corriger le modèle, pas la page. -->

Un scénario est un seul document TOML, strict : une clé inconnue, un type ou une valeur
inattendus sont refusés, avec la clé, ce qui a été trouvé, ce qui était attendu. Toutes les clés
sont facultatives. `extends` part d'un autre scénario : les tables se complètent, les valeurs et
les listes se remplacent, le titre et l'intention ne s'héritent pas. L'empreinte (*digest*) nomme
ce qui est simulé : ni le titre, ni l'intention, ni la graine n'y entrent.

A scenario is one strict TOML document: an unknown key, an unexpected type or value is refused,
with the key, what was found and what was expected. Every key is optional. `extends` starts from
another scenario: tables are merged, values and lists are replaced, title and purpose are not
inherited. The digest names what is simulated: title, purpose and seed are not part of it.

```toml
title = "Deux catalyseurs de plus"
extends = "reference-2020"

[catalysis]
fte = 2
start = "2021-01"
mix = { dialogue = 1, experimentation = 1, accompagnement = 2, lieu = 0 }
```

Ce qui vient du web (lien, fichier déposé) ne peut nommer ni code ni fichier : `extends`,
`model.modules`, `model.replace` et `model.after` y sont refusés. — What comes from the web (link,
uploaded file) can name neither code nor files: these keys are refused there.

Pour qu'un éditeur complète et vérifie : `cosim scenario schema > scenario.schema.json`, puis
`#:schema scenario.schema.json` en première ligne. — For an editor to complete and check: the
same."""
