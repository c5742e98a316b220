"""Two thousand damaged scenarios: each is answered by one clear error, and nothing is written."""

import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tomllib
import warnings
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from cosim import scenario as scenarios
from cosim.cli import main
from cosim.cli.shell import ready
from cosim.errors import CosimError
from cosim.indicators import INDICATORS
from cosim.parameters import PARAMETERS
from cosim.scenario import CODE_KEYS, MECHANISMS, from_query, load, loads, shipped
from cosim.scenario_file import MAX_BYTES, MAX_DEPTH, MAX_DOTS, keys, meta
from cosim.scenario_format import toml_value
from cosim.scenario_tables import DOMAINS, Crisis

LONGEST = 600  # characters of a message
HANG = 10.0  # seconds, far more than a refusal takes
FILE = "bad.toml"
RULE = "import cosim\n\n@cosim.mechanism('lent', writes=())\ndef lent(state, params, month, key):\n"
LETTERS = "abcdefghijklmnopqrstuvwxyz_"


class Bad(NamedTuple):
    """A damaged input, and what its refusal must say."""

    given: str | bytes
    how: str = "file"  # file, text, check (file, then its territory and its rules) or link
    key: str = ""
    near: frozenset[str] = frozenset()  # one of these is proposed
    says: str = ""
    where: str = ""


class Hung(BaseException):
    """Reading took too long; no handler of errors catches it."""


# -- documents to damage ------------------------------------------------------------------------

FIELDS = dict(keys())
KIND = {key: meta(field, "kind") for key, field in FIELDS.items()}
NUMERIC = [key for key, kind in KIND.items() if kind in ("integer", "number")]
TABLES = sorted({key.rpartition(".")[0] for key in FIELDS if "." in key} | {"parameters"})


def flat(document, prefix=""):
    """The document of a file as dotted key -> value in TOML."""
    pairs = {}
    for key, value in document.items():
        if isinstance(value, dict):
            pairs |= flat(value, f"{prefix}{key}.")
        else:
            pairs[prefix + key] = toml_value(value)
    return pairs


def every_key():
    """A document with every key of the schema and every parameter of the ledger."""
    lines = [
        line.removeprefix("# ") if " = " in line and not line.startswith("# extends") else line
        for line in scenarios.new("Tout").splitlines()
        if not line.startswith(("# mécanisme", "# nom = valeur"))
    ]
    pairs = flat(tomllib.loads("\n".join(lines)))
    pairs |= {"moves": '["alliances"]', "model.without": '["recognition"]'}
    pairs |= {"model.modules": '["lent.py"]', "model.replace.trust": '"lent"'}
    pairs |= {"model.after.life": '["lent"]', "territory.code": '"synthetic"'}
    pairs["context.crises"] = '[{ start = "2011-01", months = 3, depth = 0.5 }]'
    return pairs | {f"parameters.{row.name}": f"{row.default}" for row in PARAMETERS.values()}


BASES = [flat(tomllib.loads(path.read_text(encoding="utf-8"))) for path in shipped().values()]
BASES += [every_key()] * max(1, len(BASES) // 4)


def written(pairs, tables=False):
    """The text of a document, with dotted keys or under heads of tables."""
    if not tables:
        return "".join(f"{key} = {value}\n" for key, value in pairs.items())
    heads = {"": ""}
    for key, value in pairs.items():
        head, _, name = key.rpartition(".")
        heads.setdefault(head, f"\n[{head}]\n")
        heads[head] += f"{name} = {value}\n"
    return "".join(heads.values())


def damaged(chance, changes, drop=(), **about):
    """A valid document with other values; keys under `drop` are taken out of it first."""
    base = chance.choice(BASES)
    pairs = {k: v for k, v in base.items() if not any(f"{k}.".startswith(f"{d}.") for d in drop)}
    quoted = any('"' in key or "'" in key for key in changes)
    text = written(pairs | changes, tables=not quoted and chance.random() < 0.5)
    return Bad(text, **({"how": chance.choice(["file", "text"])} | about))


def edits(word):
    """The words one edit away: a letter removed, added, changed, or two swapped."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    made = {a + b[1:] for a, b in cuts if b} | {a + b[1] + b[0] + b[2:] for a, b in cuts if b[1:]}
    made |= {a + c + b for a, b in cuts for c in LETTERS}
    made |= {a + c + b[1:] for a, b in cuts if b for c in LETTERS}
    return made - {word, ""}


def misspelt(chance, name, names):
    """A name one edit away that is none of `names`, and those that it may stand for."""
    typo = chance.choice(sorted(edits(name) - set(names)))
    return typo, frozenset({name} | (edits(typo) | edits(name)) & set(names))


def siblings(head):
    """The names that may stand in a table."""
    if head == "parameters":
        return list(PARAMETERS)
    prefix = f"{head}." if head else ""
    names = {key.removeprefix(prefix).split(".")[0] for key in FIELDS if key.startswith(prefix)}
    return sorted(names | ({"extends"} if not head else set()))


def some(chance, made, count):
    """At most `count` of the inputs, chosen and ordered by chance."""
    made = list(made)
    return chance.sample(made, min(count, len(made)))


# -- families of damage -----------------------------------------------------------------------

LOOKALIKES = str.maketrans("aceiopxy", "асеіорху")  # Cyrillic


def of_keys(chance):
    """Misspelt, in another table, in capitals, look-alikes, empty, too deep, given twice."""
    named = [*(key for key in FIELDS if key not in ("parameters", "model.replace", "model.after")),
             *(f"parameters.{name}" for name in some(chance, PARAMETERS, 40))]  # fmt: skip
    for key in named:
        head, _, name = key.rpartition(".")
        typo, near = misspelt(chance, name, siblings(head))
        wrong = f"{head}.{typo}" if head else typo
        yield damaged(chance, {wrong: "1"}, key=wrong, near=near)
    for head in TABLES:
        typo, near = misspelt(chance, head.rpartition(".")[2], siblings(head.rpartition(".")[0]))
        wrong = ".".join([*head.split(".")[:-1], typo])
        yield damaged(chance, {f"{wrong}.x": "1"}, key=wrong, near=near)
    for name in ("months", "depth", "start"):
        typo, near = misspelt(chance, name, list(Crisis.model_fields))
        crisis = {"start": '"2011-01"', "months": "3", "depth": "1", typo: "1"}
        del crisis[name]
        text = "[{ " + ", ".join(f"{key} = {value}" for key, value in crisis.items()) + " }]"
        yield damaged(chance, {"context.crises": text}, key="context.crises[0]", near=near)
    for key in some(chance, [key for key in FIELDS if "." in key], 20):
        head, _, name = key.rpartition(".")
        other = chance.choice([table for table in TABLES if name not in siblings(table)])
        yield damaged(chance, {f"{other}.{name}": "1"}, key=f"{other}.{name}")
        capital = f"{head}.{name.upper()}"
        yield damaged(chance, {capital: "1"}, key=capital, near=frozenset([name]))
        if name.translate(LOOKALIKES) != name:
            alike = name.translate(LOOKALIKES)
            yield damaged(chance, {f'{head}."{alike}"': "1"}, key=f"{head}.{alike}")
            yield damaged(chance, {f"{head}.{alike}": "1"}, says="not TOML")
        deep = ".".join(chance.choice(["x", "y", "fte"]) for _ in range(chance.randint(1, 5)))
        yield damaged(chance, {f"{key}.{deep}": "1"}, drop=[key], key=key)
    for text in ('"" = 1', 'catalysis."" = 1', " = 1", "[]", "[catalysis.]", "[.catalysis]", '[""]',
                 '"\\u0000" = 1', '"a\\nb" = 1', '"catalysis.fte" = 1', '[parameters]\n"" = 1',
                 "[model.replace]\n'' = 'x'", "[[catalysis]]", "[catalysis] fte = 1",
                 "''' a ''' = 1", '":warning:" = 1', "é = 1", "context.crises.start = 1",
                 "[context.crises]\nstart = '2011-01'", "'[red]x[/red]' = 1"):  # fmt: skip
        yield Bad(text, "file")
    for base in some(chance, BASES, 10):
        key, value = chance.choice(list(base.items()))
        yield Bad(f"{written(base)}{key} = {value}\n", "text", says="not TOML")
        head = chance.choice([key.rpartition(".")[0] for key in base if "." in key])
        yield Bad(f"{written(base, True)}[{head}]\n", "text", says="not TOML")


HUGE = "f" * 5000
OTHER = ['"2"', '""', '"x"', "1", "1.5", "true", "[]", "{}", "[[]]", '[1, "a"]', "{ a = 1 }",
         "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "nan", "inf", "-inf", "9" * 400,
         f"0x{HUGE}", f"[0x{HUGE}]", "[[[[[[1]]]]]]", "[true]", "[{}]"]  # fmt: skip
TEXTS, NUMBERS, LISTS = ['"2"', '""', '"x"'], ["1", "1.5"], ["[]"]
FITS = {"text": TEXTS, "integer": ["1"], "number": NUMBERS, "flag": ["true"], "replace": ["{}"],
        "after": ["{}"], "parameters": ["{}"], **dict.fromkeys(
            ("months", "domains", "moves", "mechanisms", "modules", "crises"), LISTS)}  # fmt: skip


def of_types(chance):
    """A value of another type for each key and each table."""
    pairs = [(key, value) for key, kind in KIND.items() for value in OTHER
             if value not in FITS.get(kind, [])]  # fmt: skip
    pairs += [(head, value) for head in TABLES for value in OTHER if value not in ("{}", "[{}]")]
    pairs += [(f"parameters.{name}", value) for name in some(chance, PARAMETERS, 9)
              for value in OTHER if value not in NUMBERS]  # fmt: skip
    pairs += [("extends", value) for value in OTHER]
    huge = [pair for pair in pairs if "fff" in pair[1]]
    for key, value in some(chance, huge, 50) + some(chance, pairs, 170):
        yield damaged(chance, {key: value}, drop=[key], key=key)


def bounds(field):
    """The documented bounds of a number: (bound, values just outside it)."""
    whole = field.annotation is int
    for part in field.metadata:
        if (low := getattr(part, "ge", None)) is not None:
            yield low, [low - 1] if whole else [math.nextafter(low, -math.inf), low - 1.0]
        if (low := getattr(part, "gt", None)) is not None:
            yield low, [low, math.nextafter(low, -math.inf)]
        if (high := getattr(part, "le", None)) is not None:
            yield high, [high + 1] if whole else [math.nextafter(high, math.inf), high * 2.0 + 1]


def interval(field):
    """The bounds of a number as its errors must tell them."""
    (low, outside), (high, _) = bounds(field)
    return f"from {low:.12g}{' (excluded)' if low in outside else ''} to {high:.12g}, got"


def of_ranges(chance):
    """Just outside each documented bound of each number, both sides."""
    for key in NUMERIC:
        for _, outside in bounds(FIELDS[key]):
            yield damaged(chance, {key: repr(chance.choice(outside))}, key=key,
                          says=interval(FIELDS[key]))  # fmt: skip
    for name in ("months", "depth"):
        field = Crisis.model_fields[name]
        for value in (value for _, outside in bounds(field) for value in outside):
            crisis = {"start": "2011-01", "months": 3, name: value}
            yield damaged(chance, {"context.crises": toml_value([crisis])},
                          key=f"context.crises[0].{name}", says=interval(field))  # fmt: skip
    for row in some(chance, PARAMETERS.values(), 40):
        for bound, side in ((row.low, -math.inf), (row.high, math.inf)):
            value = math.nextafter(float(bound), side)
            yield damaged(chance, {f"parameters.{row.name}": repr(value)},
                          says=f"from {row.low:g} to {row.high:g} (")  # fmt: skip


MONTHS = ["2010-13", "2010-00", "1989-12", "2101-01", "2010-01-15", "2010-1", "2010", "10-01",
          "janvier 2010", "2010/01", "01-2010", " 2010-01", "2010-01 ", "2010-01\n", "٢٠١٠-٠١",
          "-2010-01", "2010–01", "0000-00", "9999-12",
          "２０１０-０１", "", "2010-01T00:00"]  # fmt: skip
DATES = ["2010-01-01", "2010-01-01T00:00:00", "1990-12-31T23:59:60Z", "2010-02-30", "201001",
         "2010-01", "24:00:00"]  # fmt: skip


def of_dates(chance):
    """Months that do not exist, days, and ends before their starts."""
    dated = [key for key, kind in KIND.items() if kind == "month"]
    for key, month in some(chance, [(key, month) for key in dated for month in MONTHS], 110):
        yield damaged(chance, {key: toml_value(month)}, key=key)
    for key, day in some(chance, [(key, day) for key in dated for day in DATES], 40):
        yield damaged(chance, {key: day})
    for month in MONTHS:
        yield damaged(chance, {"context.elections": toml_value(["2014-03", month])},
                      key="context.elections[1]")  # fmt: skip
        yield damaged(chance, {"context.crises": toml_value([{"start": month, "months": 2}])},
                      key="context.crises[0].start")  # fmt: skip
    for head in (key.removesuffix(".end") for key in dated if key.endswith(".end")):
        for end in ("2011-12", "2012-01"):
            yield damaged(chance, {f"{head}.start": '"2012-01"', f"{head}.end": f'"{end}"'},
                          drop=[f"{head}.restart"], key=f"{head}.end")  # fmt: skip
    for restart, end in (("2013-01", "2014-01"), ("2014-01", "2014-01"), ("2013-01", None)):
        changes = {"catalysis.start": '"2012-01"', "catalysis.restart": f'"{restart}"'}
        changes |= {"catalysis.end": f'"{end}"'} if end else {}
        yield damaged(chance, changes, drop=["catalysis", "extends"], key="catalysis.restart")
    for end in ("2059-12", "2100-12"):
        yield damaged(chance, {"time.start": '"2010-01"', "time.end": f'"{end}"'} | (
            {"time.end": '"2060-01"'} if end == "2059-12" else {}), key="time.end")  # fmt: skip


def of_encodings(chance):
    """Other encodings, characters that no text has, ends of lines that are none."""
    for i in range(200):
        base = chance.choice(BASES)
        pairs = {"title": '"Élus d’ici"'} | {k: v for k, v in base.items() if k != "title"}
        text = written(pairs, tables=chance.random() < 0.5)
        data = text.encode()
        lines = text.splitlines(keepends=True)
        line = chance.randrange(1, len(lines))
        at = len("".join(lines[:line]).encode())
        match i % 10:
            case 0:
                code = chance.choice(["cp1252", "mac-roman", "cp850"])
                yield Bad(text.encode(code, "replace"), says="not UTF-8")
            case 1:
                code = chance.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
                yield Bad(text.encode(code))
            case 2:
                at = chance.randrange(len(data))
                yield Bad(data[:at] + chance.choice([b"\0", b"\0\0\0\0"]) + data[at:])
            case 3:
                yield Bad(data[:at] + b"\xef\xbb\xbf" + data[at:], says="not TOML")
            case 4:
                code = chance.choice(["ud800", "udfff", "udbff", "U00110000", "UD8000000"])
                key = chance.choice(["title", "against", "territory.code", "moves"])
                yield damaged(chance, {key: f'"\\{code}"'}, says="not TOML")
            case 5:
                control = chance.choice("\x01\x07\x08\x0b\x0c\x1b\x1f\x7f").encode()
                yield Bad(data[:at] + chance.choice([b"# ", b""]) + control + b"\n" + data[at:])
            case 6:
                yield Bad(text.replace("\n", "\r") if chance.random() < 0.3
                          else (text[: len("".join(lines[:line])) - 1] + "\r"
                                + "".join(lines[line:])).encode(), says="not TOML")  # fmt: skip
            case 7:
                end = chance.choice(["\x85", "\u2028", "\u2029", "\u200b", "\u00a0", "\u202e"])
                yield Bad(data[: at - 1] + end.encode() + data[at:], says="not TOML")
            case 8:
                wrong = chance.choice([b"\xed\xa0\x80", b"\xc0\xaf", b"\xf8\x88\x80\x80\x80",
                                       b"\xff\xfe", b"\xc3", b"\xf4\x90\x80\x80"])  # fmt: skip
                yield Bad(data[:at] + b"# " + wrong + b"\n" + data[at:], says="not UTF-8")
            case _:
                at = chance.randrange(len(data))
                yield Bad(data[:at] + bytes([chance.randrange(0x80, 0xC0)] * 3) + data[at:],
                          says="not UTF-8")  # fmt: skip


def of_sizes(chance):
    """Megabytes, a hundred thousand keys, endless words, depths and dots."""
    for size in (1, 2, 10, 1000, 100_000, 3_000_000):
        for filling in (b"#", b" ", b"\n", b"\0", b"[", b"a", b"a=1\n"):
            yield Bad((filling * (MAX_BYTES + size))[: MAX_BYTES + size], says="too large")
    for i in range(30):
        key = chance.choice([key for key, kind in KIND.items() if kind == "text"])
        yield damaged(chance, {key: f'"{"é" * (5001 + chance.randrange(9) + 10_000 * i)}"'},
                      key=key, says="5000 characters")  # fmt: skip
    for _ in range(30):
        key = chance.choice([key for key, kind in KIND.items() if kind not in (
            "text", "replace", "after", "parameters")])  # fmt: skip
        word = chance.choice("zé\U0001f600") * chance.randint(200, 60_000)
        value = chance.choice([f'"{word}"', f'["{word}"]', f'{{ "{word}" = 1 }}'])
        yield damaged(chance, {key: value}, drop=[key], key=key)
    for i in range(20):
        word = chance.choice(LETTERS) * (200 + 7000 * i)
        head = chance.choice(["", "catalysis.", "parameters.", "model.replace.", "a."])
        yield damaged(chance, {f"{head}{word}": '"x"'})
        yield damaged(chance, {"x": f"{{ {word} = 1, {word} = 2 }}"}, says="not TOML")
        yield Bad(f"[{word}]\n[{word}]\n", says="not TOML")
    for depth in (10, 99, 101, 300, 1000, 5000, 50_000, 400_000):
        key = chance.choice(list(FIELDS))
        yield damaged(chance, {key: "[" * depth + "]" * depth}, drop=[key])
        yield damaged(chance, {key: "{ a = " * depth + "1" + " }" * depth}, drop=[key])
        yield damaged(chance, {key: "[" * depth}, drop=[key])
    for dots in (1, 5, 100, MAX_DOTS - 1, MAX_DOTS, 1000, 50_000, 400_000):
        yield Bad("a" + ".a" * dots + " = 1\n")
        yield Bad("[a" + ".a" * dots + "]\n", "text")
        yield Bad('title = "x" # ' + "." * (dots + MAX_DOTS) + "\nx" + ".x" * dots + " = 1")
    path = ".".join(["a"] * 190)
    for count in (10, 300, 1200):
        yield Bad("".join(f"[{path}.k{i}]\n{path} = 1\n" for i in range(count)))
        yield Bad("".join(f"{path}.k{i} = 1\n" for i in range(count)), "text")
        yield Bad(f"[{path}]\n" + "".join(f"k{i} = 1\n" for i in range(count * 50)), "text")
    many = range(100_000)
    yield Bad("".join(f"k{i}=1\n" for i in many))
    yield Bad("[parameters]\n" + "".join(f"k{i}=1\n" for i in many))
    yield Bad("[model.replace]\n" + "".join(f"k{i}=''\n" for i in range(80_000)))
    yield Bad("".join(f"[k{i}]\n" for i in range(90_000)))
    yield Bad("[[context]]\n" * 80_000)
    for key, most, item in (("context.elections", 200, '"2014-03"'), ("moves", 20, '"alliances"'),
                            ("context.crises", 50, '{start="2011-01",months=1}'),
                            ("model.modules", 50, '"lent.py"')):  # fmt: skip
        for count in (most + 1, most * 2, most * 3 if "." in item else 30_000):
            yield damaged(
                chance, {key: f"[{','.join([item] * count)}]"}, key=key, says=f"{most} items"
            )
    for key, item in (("territory.domains", '"faim"'), ("model.without", '"trust"')):
        yield damaged(chance, {key: f"[{','.join([item] * 50_000)}]"}, key=key, says="twice")
    for digits in (20, 309, 4300, 4301, 100_000):
        key = chance.choice(["seed", "catalysis.fte", "catalysis.matching", "territory.profile"])
        yield damaged(chance, {key: "9" * digits})
        yield damaged(chance, {key: "0x" + "f" * digits}, key=key)
        yield damaged(chance, {key: f'["x", {"0b" + "1" * digits}]'}, key=key)


def of_links(chance):
    """Garbage, keys given twice, keys that name code, too long, wrong values."""
    bases = [scenario.to_query() for scenario in map(load, shipped())]

    def link(rest, **about):
        base = chance.choice([*bases, ""])
        taken = {part.partition("=")[0] for part in rest.split("&")}
        kept = [pair for pair in base.split("&") if pair and pair.partition("=")[0] not in taken]
        return Bad("&".join([*kept, rest]), "link", where="link", **about)

    for garbage in ("%", "%%", "%zz=1", "%0=1", "%ff=1", "title=%ff", "title=%ED%A0%80", "%00=%00",
                    "=", "=1", "&", "&&&", "x", "a=1;b", "?a=1", "+=+", "a%0Ab=1", "%F0%9F=1",
                    "#", "title", "extends", "catalysis", "catalysis=", ".=1", "..=1", "a.=1",
                    ".a=1", "catalysis.=1", "catalysis..fte=1", "parameters=", "parameters.=1",
                    "time=2010", "model=x", "context.crises=::", "context.crises=2010-01",
                    "context.crises=2010-01:1:1:1", "context.crises=2010-01:x",
                    "context.elections=2014-03,,", "a=1&a.b=2", "a.b=1&a=2", "seed=1&seed.x=2",
                    "seed.x=1&seed=2", "a.b.c.d.e.f=1", "seed=%C2%B2", "seed=1_000", "seed=0x1",
                    "seed=+1", "seed=1e2", "catalysis.fte=1e999", "catalysis.fte=nan",
                    "catalysis.fte=2,5", "catalysis.fte=%D9%A2", "catalysis.invitation=",
                    "territory.domains=", "territory.domains=faim", "moves=a,b",
                    "model.without=trust,trust", "a=" + "&" * 2000 + "b"):  # fmt: skip
        yield link(garbage)
    for key in CODE_KEYS:
        for value in ("x", "../x.py", "reference-2010", "%2Fetc%2Fpasswd", "x,y"):
            yield link(f"{key}={value}", key=key)
            yield link(f"{key}.trust={value}", key=key)
    for key in some(chance, FIELDS, 20):
        yield link(f"{key}=1&{key}=1", key=key)
    for key in some(chance, [key for key in FIELDS if "." in key], 25):
        head, _, name = key.rpartition(".")
        typo, near = misspelt(chance, name, siblings(head))
        yield link(f"{head}.{typo}=1", key=f"{head}.{typo}", near=near)
    for key in NUMERIC[::2]:
        for bound, outside in bounds(FIELDS[key]):
            yield link(f"{key}={outside[0]:.17f}".rstrip("0").rstrip(".")
                       if isinstance(outside[0], float) and 1e-9 < abs(outside[0]) < 1e9
                       else f"{key}={bound - 1 if outside[0] <= bound else bound + 1}",
                       key=key)  # fmt: skip
    for i in range(6):
        yield link("title=" + "x" * (5001 + i), key="title")
        yield link("x" * (MAX_BYTES + i) + "=1")
        yield link("&".join(f"k{j}=1" for j in range(1001 + i)))
        yield link("y" * 10 ** (i % 6) * 9 + "=1")
        yield link(f"seed={'9' * 10**i}0000000000", key="seed")


def of_extends(chance):
    """Chains that never end, parents that are absent, broken, or no files at all."""
    for size in range(1, 6):
        for start in range(size):
            yield Bad(f'extends = "circle-{size}-{start}.toml"', says="extends itself",
                      where=f"circle-{size}-")  # fmt: skip
    yield Bad(f'extends = "{FILE}"', says="extends itself")
    yield Bad(f'extends = "./{FILE}"', says="extends itself")
    for length in range(MAX_DEPTH, MAX_DEPTH + 12):
        yield Bad(f'extends = "chain-{length}.toml"', says=f"at most {MAX_DEPTH}", where="chain-")
    names = sorted(shipped())
    for name in names[:30]:
        typo, near = misspelt(chance, name, names)
        yield Bad(f'extends = "{typo}"', key="extends", near=near)
    for name in ("absent", "absent.toml", "", " ", ".", "..", "/", "/dev/null", "/dev/zero",
                 "folder", "folder/", "folder/absent.toml", "a\\u0000b", "a\\nb.toml", "x" * 5000,
                 "x" * 300, "https://example.org/a.toml", "file:///etc/hostname", "~/absent.toml",
                 "reference-2010/", "REFERENCE-2010", "reference-2010 ", "lent.py/x",
                 "pipe", "*.toml", "\\u202e", "$HOME", "C:\\\\x.toml", "\\ue000", "-",
                 "loop.toml", "--help"):  # fmt: skip
        yield Bad(f'extends = "{name}"', key="extends")
    for value in ("1", "true", "[]", '["reference-2010"]', "{}", '{ file = "x" }', "2010-01-01"):
        yield Bad(f"extends = {value}", key="extends")
    for name in BROKEN:
        yield Bad(f'extends = "{name}"', where=name)
        yield Bad(f'extends = "{name}"\n[catalysis]\nfte = 1\n', "text", where=name)
        yield Bad(f'extends = "child-of-{name}"', where=name)
        yield Bad(f'extends = "{name}"\nsed = 1', where=name)  # the parent is read first
    for i in range(60):
        parent = chance.choice(names)
        typo, near = misspelt(chance, "fte", siblings("catalysis"))
        how = chance.choice(["file", "text"])
        yield Bad(f'extends = "{parent}"\ncatalysis.{typo} = {i}', how, key=f"catalysis.{typo}",
                  near=near)  # fmt: skip


BROKEN = {
    "binary.toml": bytes(range(256)),
    "latin.toml": "title = 'élu'".encode("latin-1"),
    "syntax.toml": b"seed = 1\n= 2",
    "cut.toml": b"[catalysis",
    "unknown.toml": b"[catalyse]\nfte = 1",
    "wrong.toml": b"catalysis.fte = 'x'",
    "range.toml": b"seed = -1",
    "orphan.toml": b"extends = 'nobody.toml'",
    "huge.toml": b"#" * (MAX_BYTES + 1),
    "deep.toml": b"x = " + b"[" * 5000,
    "module.toml": b"model.modules = ['nowhere.py']",
    "ledger.toml": b"parameters.nothing = 1",
    "picture.toml": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "nul.toml": bytes(100),
}


def of_cuts(chance):
    """Files that end too early; a few are still scenarios."""
    texts = [path.read_bytes() for path in shipped().values()]
    texts += [written(every_key(), tables=t).encode() for t in (True, False)]
    step = max(1, sum(map(len, texts)) // 250)
    for text in texts:
        for at in range(chance.randrange(step), len(text), step):
            yield Bad(text[:at])


def of_names(chance):
    """Parameters, rules, domains, profiles, territories, indicators that do not exist."""
    for name in some(chance, PARAMETERS, 40):
        typo, near = misspelt(chance, name, list(PARAMETERS))
        yield damaged(chance, {f"parameters.{typo}": "1.0"}, key=f"parameters.{typo}", near=near)
    for row in some(chance, PARAMETERS.values(), 20):
        value = chance.choice([row.low - 1, row.high + 1, -1e300, 1e300, 10**300])
        yield damaged(chance, {f"parameters.{row.name}": repr(value)},
                      says=f"{row.low:g} to {row.high:g}")  # fmt: skip
    for name in MECHANISMS:
        typo, near = misspelt(chance, name, MECHANISMS)
        yield damaged(chance, {"model.without": f'["{typo}"]'}, key="model.without[0]", near=near)
        for head, value in (("replace", '"lent"'), ("after", '["lent"]')):
            yield damaged(chance, {f"model.{head}.{typo}": value}, near=near,
                          key=f"model.{head}.{typo}")  # fmt: skip
        yield damaged(chance, {f"model.replace.{name}": '"no name"'}, drop=["model"],
                      key=f"model.replace.{name}", says="the name of a function")  # fmt: skip
    for name in DOMAINS:
        typo, near = misspelt(chance, name, DOMAINS)
        yield damaged(chance, {"territory.domains": f'["paix", "{typo}"]'}, near=near,
                      key="territory.domains[1]")  # fmt: skip
    for key, kind in KIND.items():
        if kind == "choice":
            names = FIELDS[key].annotation.__args__
            for name in (name for name in names if len(name) > 2):  # half of "on" is no clue
                typo, near = misspelt(chance, name, names)
                yield damaged(chance, {key: f'"{typo}"'}, key=key, near=near)
    for code in ("Paris", "9999", "20005794", "2000579410", "2C001", "2a001", " 94080", "CAS-RURAL",
                 "cas-", "cas-été", "synthetique", "94080\\n", ""):  # fmt: skip
        yield damaged(chance, {"territory.code": f'"{code}"'}, key="territory.code")
    for code in ("00000", "99999", "000000000", "999999999", "2A999", "200057942", "cas-rurale",
                 "cas-x", "cas-ville", "54", "29083"):  # fmt: skip
        if len(code) > 2:
            yield damaged(chance, {"territory.code": f'"{code}"'}, how="check", key="territory")
    for name in some(chance, INDICATORS, 12):
        typo, near = misspelt(chance, name, list(INDICATORS))
        yield damaged(chance, {"moves": f'["{typo}"]'}, key="moves", near=near)
        yield damaged(chance, {"moves": f'["{name}/nobody"]'}, key="moves")


MODULES = {
    "syntax.py": b"def f(:\n",
    "nul.py": b"x = 1\0",
    "latin.py": "x = 'é'".encode("latin-1"),
    "tabs.py": b"if True:\n\tx = 1\n        y = 2\n",
    "raises.py": b"raise ValueError('two\\nlines')",
    "control.py": b"raise RuntimeError('\\x1b[31mred\\x07')",
    "endless.py": b"raise RuntimeError('x' * 100000)",
    "zero.py": b"1 / 0",
    "absent.py": b"import a_module_that_nobody_has",
    "deep.py": b"def f(): f()\nf()",
    "quiet.py": b"x = 1",
    "empty.py": b"",
    "binary.py": bytes(range(128, 256)),
    "exits.py": b"raise SystemExit(0)",
    "refused.py": b"import cosim\n@cosim.mechanism\ndef lent(state): pass\n",
}


def of_modules(chance):
    """Own rules that are absent, broken, or not where the scenario says."""
    for name in MODULES:
        for more in ("", '\nmodel.replace.trust = "lent"', '\nmodel.after.life = ["lent"]'):
            yield Bad(f'model.modules = ["{name}"]{more}', "check", key="model.modules", where=name)
        yield Bad(f'model.modules = ["lent.py", "{name}"]', "check", key="model.modules",
                  where=name)  # fmt: skip
    for name in ("nowhere.py", "no/where.py", "../nowhere.py", "/nowhere.py", "package.py", "é.py",
                 "~/x.py", "lent.py/x.py", "Lent2.py", ".py", "$HOME/x.py", "a b.py"):  # fmt: skip
        for how in ("file", "text"):
            yield damaged(chance, {"model.modules": f'["{name}"]'}, how=how, key="model.modules",
                          drop=["model"])  # fmt: skip
            yield damaged(chance, {"model.modules": f'["lent.py", "{name}"]'}, how=how,
                          key="model.modules")  # fmt: skip
    for name in ("lent", "lent.txt", "lent.PY", "lent.pyc", "", "py", "a\\nb.py", "a\\u0000.py",
                 "lent.py ", "cosim.engine", "lent.py\\n", HUGE, f"{HUGE}.py"):  # fmt: skip
        yield damaged(chance, {"model.modules": f'["{name}"]'}, key="model.modules")
    for name in MECHANISMS:
        typo, near = misspelt(chance, "lent", ["lent"])
        for key, value in ((f"model.replace.{name}", f'"{typo}"'),
                           (f"model.after.{name}", f'["lent", "{typo}"]')):  # fmt: skip
            own = {"model.modules": '["lent.py"]', key: value}
            yield damaged(chance, own, drop=["model"], how="check", key=key, near=near)
            yield damaged(chance, {key: value}, drop=["model"], how="check", key=key)
        for value in (
            '"1x"',
            '"a.b"',
            '"a b"',
            '""',
            '"é"',
            '"__import__(1)"',
            '"x" * 2',
            "1",
            "[]",
        ):
            if chance.random() < 0.5:
                yield damaged(chance, {f"model.replace.{name}": value}, drop=["model"])
                yield damaged(chance, {f"model.after.{name}": f"[{value}]"}, drop=["model"])
        both = {f"model.replace.{name}": '"lent"', "model.without": f'["{name}"]'}
        yield damaged(chance, both, drop=["model"], key=f"model.replace.{name}")


FAMILIES = {
    "keys": of_keys,
    "types": of_types,
    "ranges": of_ranges,
    "dates": of_dates,
    "encodings": of_encodings,
    "sizes": of_sizes,
    "links": of_links,
    "extends": of_extends,
    "cuts": of_cuts,
    "names": of_names,
    "modules": of_modules,
}
LEAST = 185  # inputs refused in each family


@cache
def family(name):
    """The inputs of a family, each once."""
    made = {(bad.how == "link", bad.given): bad for bad in FAMILIES[name](random.Random(name))}
    return list(made.values())


# -- reading them -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the shipped scenarios, broken parents, circles, chains and modules."""
    folder = tmp_path_factory.mktemp("bad")
    for path in shipped().values():
        shutil.copy(path, folder)
    for name, data in (BROKEN | MODULES).items():
        (folder / name).write_bytes(data)
    for name in BROKEN:
        (folder / f"child-of-{name}").write_text(f'extends = "{name}"')
    for size in range(1, 6):
        for i in range(size):
            (folder / f"circle-{size}-{i}.toml").write_text(
                f'extends = "circle-{size}-{(i + 1) % size}.toml"')  # fmt: skip
    (folder / "chain-0.toml").write_text("seed = 5")
    for i in range(1, MAX_DEPTH + 12):
        (folder / f"chain-{i}.toml").write_text(f'extends = "chain-{i - 1}.toml"')
    (folder / "lent.py").write_text(RULE + "    pass\n")
    (folder / "package.py").mkdir()
    (folder / "folder").mkdir()
    (folder / "loop.toml").symlink_to("loop.toml")
    os.mkfifo(folder / "pipe")
    ready("reference-2010")  # what is heavy is imported before anything is timed
    return folder


@pytest.fixture
def here(place, monkeypatch):
    """That folder, as the current one."""
    monkeypatch.chdir(place)
    return place


@contextmanager
def impatient():
    """Fail on what hangs, and on any warning."""

    def hung(*_):
        raise Hung

    before = signal.signal(signal.SIGALRM, hung)
    signal.setitimer(signal.ITIMER_REAL, HANG)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def put(bad):
    data = bad.given if isinstance(bad.given, bytes) else bad.given.encode()
    Path(FILE).write_bytes(data)
    return FILE


def read(bad):
    """What the commands do with a file before they simulate, or the dashboard with a link."""
    if bad.how == "link":
        return from_query(bad.given)
    if bad.how == "text":
        return loads(bad.given, source=FILE)
    return ready(put(bad)) if bad.how == "check" else load(put(bad))


def refusal(bad):
    """The error that an input gives; None where it is a scenario after all."""
    with impatient():
        try:
            scenario = read(bad)
        except CosimError as error:
            return error
        assert loads(scenario.to_toml()) == scenario, "it is not what its own file says"
    return None


def complaints(bad, error):
    """What a reader would reproach to the message of an error."""
    text = str(error)
    if not text.isprintable():
        yield "not one printable line"
    if len(text) > LONGEST:
        yield f"{len(text)} characters"
    if (bad.where or FILE) not in text:
        yield "names no file"
    if bad.key and bad.key not in str(error.key):
        yield f"does not name {bad.key}"
    if bad.says not in text:
        yield f"does not say {bad.says!r}"
    if error.found is None and error.expected is None and ": " not in error.what:
        yield "says neither what was found nor what was expected"
    if bad.near and str(error.nearest).rpartition(".")[2] not in bad.near:
        yield f"does not propose {sorted(bad.near)}"


@pytest.mark.parametrize("name", FAMILIES)
def test_each_damage_gives_one_clear_error(here, name):
    refused, reproaches = 0, []
    for bad in family(name):
        try:
            error = refusal(bad)
        except (Hung, Exception) as wrong:
            reproaches.append((f"{type(wrong).__name__}: {wrong}"[:200], bad.how, bad.given[-200:]))
            continue
        if error is None:
            if name != "cuts":
                reproaches.append(("accepted", bad.how, bad.given[-200:]))
            continue
        refused += 1
        reproaches += [(why, str(error)[:400], bad.given[-100:]) for why in complaints(bad, error)]
    assert reproaches == []
    assert refused >= LEAST


def test_two_thousand_inputs_are_damaged():
    assert LEAST * len(FAMILIES) >= 2000


# -- through the command line -------------------------------------------------------------------

COMMANDS = ("run {} -n 1 --out made/here", "compare reference-2010 {} -n 1 --out made/here",
            "compare {} reference-2010 -n 1 --out made/here", "scenario check {}",
            "run {} -n 1 --journal --out made")  # fmt: skip


@cache
def sample():
    """About sixty command lines: six inputs of each family, each to another command."""
    chosen = [Bad('":warning:" = 1'), Bad('"[red]" = 1')]  # what a terminal might dress up
    for name in FAMILIES:
        inputs = [bad for bad in family(name) if bad.how != "link"]
        chosen += [bad for bad in inputs[:: max(1, len(inputs) // 6)][:6] if refusal(bad)]
    return [(COMMANDS[i % len(COMMANDS)].format(FILE).split(), bad) for i, bad in enumerate(chosen)]


def files(folder):
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_the_command_line_exits_2_with_one_message_and_writes_nothing(here, capsys):
    assert len(sample()) >= 60
    for line, bad in sample():
        message = f"cosim: {refusal(bad)}\n"
        put(bad)
        before = files(here)
        with impatient():
            code = main(line)
        assert (code, *capsys.readouterr()) == (2, "", message), (line, bad.given[-200:])
        assert files(here) == before


def test_a_process_ends_likewise(here):
    for line, bad in sample()[:: len(sample()) // 5][:6]:
        message = f"cosim: {refusal(bad)}\n"
        put(bad)
        before = files(here)
        done = subprocess.run([sys.executable, "-m", "cosim", *line], capture_output=True,
                              text=True, timeout=60)  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
        assert files(here) == before


def test_a_comparison_that_fails_leaves_not_even_the_folders_above(here, monkeypatch):
    def broken(*_, **__):
        raise CosimError("nothing to compare")

    monkeypatch.setattr("cosim.effects.compare", broken)
    line = "compare reference-2010 reference-2010 -n 1 --out made/here/and/there"
    before = files(here)
    assert main(line.split()) == 2
    assert files(here) == before


def test_the_documents_are_sound_before_they_are_damaged(here):
    for base in BASES:
        for tables in (False, True):
            Path(FILE).write_text(written(base, tables))
            assert load(FILE).sentence("en")


@pytest.mark.parametrize("key", NUMERIC)
def test_a_number_may_be_as_small_and_as_large_as_is_documented(key):
    for bound, outside in bounds(FIELDS[key]):
        value = math.nextafter(bound, math.inf) if bound in outside else bound
        text = f"territory.synthetic.communes = 1\n{key} = {value!r}"
        if key == "territory.synthetic.communes":
            text = f"territory.synthetic.population = 500\n{key} = {value}"
        assert loads(text).digest
