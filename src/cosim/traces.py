"""Where a document says that something is: `path::symbol` in its links, kept on the right line.

A page names what it points at, `[path::symbol]`; `traced` writes the link and the line beside it,
and again whenever the line has moved: the page is its own source. Python is read by its syntax
tree, Markdown by its headings, TOML by its tables and keys, a Makefile by its targets.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from cosim.errors import CosimError, nearest

#: Pages of the documentation whose references are kept.
PAGES = ("limits.md", "trace.md", "stress.md")
_REFERENCE = re.compile(r"\[`?([\w./-]+)::([^\]`]+?)`?(?::\d+)?\](?:\([^)\n]*\))?")


def traced(page: Path, text: str, made: Mapping[Path, str] | None = None) -> str:
    """Return the text of a page with every `[path::symbol]` linked to the line of the symbol.

    Parameters
    ----------
    page : where the text belongs; paths are read from the folder above its own
    made : texts of pages that are to be written, which count instead of the files

    Raises
    ------
    CosimError : a file or a symbol is not there; names the nearest symbol

    Examples
    --------
    >>> import pathlib, tempfile
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (root / "rule.py").write_text("x = 1\\ndef f(): ...\\n")
    >>> traced(root / "docs" / "page.md", "See [rule.py::f].")
    'See [`rule.py::f`:2](../rule.py#L2).'
    """

    def link(found: re.Match[str]) -> str:
        path, symbol = found.groups()
        line = _line(page, path, symbol, made or {})
        place = _anchor(symbol) if path.endswith(".md") else f"L{line}"
        return f"[`{path}::{symbol}`:{line}]({os.path.relpath(path, page.parent.name)}#{place})"

    return _REFERENCE.sub(link, text)


def references(text: str) -> list[tuple[str, str]]:
    """Return path and symbol of every reference of a text, in order."""
    return [(path, symbol) for path, symbol in _REFERENCE.findall(text)]


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading: a page is shown, and not its lines."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _line(page: Path, path: str, symbol: str, made: Mapping[Path, str]) -> int:
    file = page.parent.parent / path
    try:
        text = made[file] if file in made else file.read_text(encoding="utf-8")
    except OSError:
        raise CosimError("a reference leads to no file", where=page, key=f"{path}::{symbol}",
                         found=path) from None  # fmt: skip
    try:
        known = symbols(file.suffix or file.name, text)
    except SyntaxError as error:
        raise CosimError("a reference leads to a file that is no Python", where=file,
                         found=str(error)) from None  # fmt: skip
    if symbol not in known:
        raise CosimError("a reference leads nowhere", where=page, key=f"{path}::{symbol}",
                         found=symbol, nearest=nearest(symbol, known))  # fmt: skip
    return known[symbol]


@cache
def symbols(kind: str, text: str) -> Mapping[str, int]:
    """Return the line of each symbol of a file, the first where it is twice.

    Parameters
    ----------
    kind : ".py", ".md", ".toml" or "Makefile"

    Raises
    ------
    CosimError : another kind

    Examples
    --------
    >>> symbols(".toml", "[a]\\nb = 1\\n")
    {'a': 1, 'a.b': 2}
    """
    if kind not in _READERS:
        raise CosimError("no symbols are known in such a file", found=kind,
                         expected=", ".join(_READERS))  # fmt: skip
    lines: dict[str, int] = {}
    for name, line in _READERS[kind](text):
        lines.setdefault(name, line)
    return lines


def _python(text: str) -> Iterator[tuple[str, int]]:
    return _names(ast.parse(text).body, "")


def _names(body: list[ast.stmt], inside: str) -> Iterator[tuple[str, int]]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield inside + node.name, node.lineno
            case ast.ClassDef():
                yield inside + node.name, node.lineno
                yield from _names(node.body, f"{inside}{node.name}.")
            case ast.Assign():
                for target in node.targets:
                    for name in ast.walk(target):
                        if isinstance(name, ast.Name):
                            yield inside + name.id, node.lineno
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield inside + name, node.lineno
            case _:
                pass


def _headings(text: str) -> Iterator[tuple[str, int]]:
    fenced = False
    for line, content in enumerate(text.splitlines(), 1):
        fenced ^= content.startswith("```")
        title = re.fullmatch(r"#{1,6} +(.*?) *", content)
        if title and not fenced:
            yield title[1], line


def _keys(text: str) -> Iterator[tuple[str, int]]:
    table = ""
    for line, content in enumerate(text.splitlines(), 1):
        if head := re.match(r"\[+([^\[\]]+)\]+", content):
            table = head[1].strip()
            yield table, line
        elif key := re.match(r"([\w-]+) *=", content):
            yield f"{table}.{key[1]}" if table else key[1], line


def _targets(text: str) -> Iterator[tuple[str, int]]:
    for line, content in enumerate(text.splitlines(), 1):
        if target := re.match(r"([a-z]+):", content):
            yield target[1], line


_READERS = {".py": _python, ".md": _headings, ".toml": _keys, "Makefile": _targets}

__all__ = ["PAGES", "references", "symbols", "traced"]
