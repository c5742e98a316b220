"""Compiled code that can never be stale.

Numba's own cache looks only at the file of the function it caches; a change in a function that it
calls goes unseen. Here the cache folder's name is the hash of every source that compiled code can
reach by import, and of the versions that compile it, so that a change anywhere means a new folder.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba
import numpy
from numba.core import config as _config
from numba.core import types

from cosim.handle import STATE  # noqa: F401 - importing it makes the kernels know a State

_IMPORT = re.compile(r"^from cosim\.?([\w.]*) import ([^(\n]*)", re.MULTILINE)


@cache
def sources() -> tuple[Path, ...]:
    """Return the files of the package that compiled code reaches: roots and their imports."""
    package = Path(__file__).parent
    todo = [*sorted((package / "mechanisms").glob("*.py")), package / "measure.py",
            package / "seeding.py"]  # fmt: skip
    seen: dict[Path, None] = {}
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen[path] = None
        for module, names in _IMPORT.findall(path.read_text(encoding="utf-8")):
            stems = [module] if module else [name.strip() for name in names.split(",")]
            for stem in stems:
                target = package.joinpath(*stem.split(".")).with_suffix(".py")
                if target.exists():
                    todo.append(target)
    return tuple(sorted(seen))


@cache
def folder() -> Path:
    """Return the folder of compiled code for these sources and versions.

    `COSIM_CACHE` names another root; the default is the user's cache folder.
    """
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for path in sources():
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    versions = (numba.__version__, numpy.__version__, sys.version, platform.machine())
    digest.update(repr(versions).encode())
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cosim"
    root = Path(os.environ.get("COSIM_CACHE", default))
    return root / digest.hexdigest()[:16]


def _use() -> bool:
    """Point Numba at the folder; return whether it can be written."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    config: Any = _config
    config.CACHE_DIR = str(folder())
    return True


_njit: Any = partial(numba.njit, nogil=True, error_model="numpy", cache=_use())


def kernel(function: Any) -> Any:
    """Compile a function: strict floating point, no Python lock, cached on disk.

    A constant argument is typed as any other number: Numba would else compile `meet(…, 0, …)` and
    `meet(…, 4, …)` as two functions, and a third of the first compile went into such twins.
    """
    dispatcher = _njit(function)
    template = dispatcher.get_call_template

    def plain_template(args: Any, kws: Any) -> Any:
        plain = tuple(types.unliteral(arg) for arg in args)
        return template(plain, {name: types.unliteral(arg) for name, arg in dict(kws).items()})

    dispatcher.get_call_template = plain_template
    return dispatcher


def leaf(signature: str) -> Any:
    """Return the decorator of a function of numbers alone, compiled for one signature only.

    Arguments are cast to it, where a plain `kernel` is compiled anew for each mix of types. Its
    code is put where it is called, so that the processor overlaps one draw with the next.
    """
    return _njit(signature, forceinline=True)
