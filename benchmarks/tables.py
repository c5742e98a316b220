"""What `make bench` prints, writes as JSON, and puts into the page of the documentation."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numba
import numpy as np

from benchmarks.clock import Growth
from benchmarks.costs import COSTS, Cost, Figure

BEGIN, END = "<!-- written by `make bench` from here -->", "<!-- to here -->"
_CORE = "cpu*[0-9]/topology/thread_siblings_list"


def machine() -> dict[str, Any]:
    """Return what a reader must know of the machine; nothing that names it."""
    info, memory = Path("/proc/cpuinfo"), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    models = [line.partition(":")[2].strip() for line in _lines(info) if "model name" in line]
    cores = {path.read_text() for path in Path("/sys/devices/system/cpu").glob(_CORE)}
    return {
        "processor": models[0] if models else platform.machine(),
        "threads": os.cpu_count(),
        "cores": len(cores) or "not told",
        "memory_gb": round(memory / 1e9, 1),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.system(),
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "numba": numba.__version__,
    }


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def promises(found: Iterable[Figure | Growth]) -> list[dict[str, Any]]:
    """Return each promise with what was measured, or None where it was not."""
    measured = {f.cost: f for f in found if f.cost}
    return [
        {"cost": name, "what": cost.what, "bar": cost.promise, **_judged(cost, measured.get(name))}
        for name, cost in COSTS.items()
    ]


def _judged(cost: Cost, found: Figure | Growth | None) -> dict[str, Any]:
    match found:
        case None:
            return {"measured": None, "shown": "not measured", "met": None}
        case Growth(exponent=value, error=error):
            shown = f"{value:.3f} ± {error:.3f}"
        case Figure(value=value):
            shown = f"{number(value)} {cost.unit}"
    return {"measured": value, "shown": shown, "met": cost.met(value)}


def report(found: Sequence[Figure | Growth], date: str, command: str) -> dict[str, Any]:
    """Return everything as plain data."""
    return {
        "date": date,
        "command": command,
        "machine": machine(),
        "costs": promises(found),
        "figures": [asdict(f) for f in found if isinstance(f, Figure)],
        "growth": [asdict(f) for f in found if isinstance(f, Growth)],
    }


def number(value: float) -> str:
    """Return a number with three digits that count."""
    if value == 0.0 or abs(value) >= 100.0:
        return f"{value:,.0f}".replace(",", " ")
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:.{digits}f}"


def verdict(met: bool | None) -> str:
    """Return whether a bar is met, in words."""
    return {True: "met", False: "**not met**", None: "—"}[met]


def _rows(data: dict[str, Any]) -> list[tuple[list[str], list[list[str]]]]:
    """Return head and rows of the three tables."""
    costs = [[c["what"], c["bar"], c["shown"], verdict(c["met"])] for c in data["costs"]]
    growths = [
        [g["what"], f"{g['exponent']:.3f} ± {g['error']:.3f}",
         " · ".join(number(x) for x in g["x"]),
         " · ".join(number(y) for y in g["y"]) + f" {g['unit']}"]
        for g in data["growth"]
    ]  # fmt: skip
    figures = [[f["what"], number(f["value"]), f["unit"]] for f in data["figures"]]
    return [
        (["Cost held", "Bar", "Measured", ""], costs),
        (["Growth", "Exponent", "At", "Measured"], growths),
        (["Figure", "Measured", "Unit"], figures),
    ]


def text(data: dict[str, Any]) -> str:
    """Return the tables as columns of plain text."""
    parts = []
    for head, rows in _rows(data):
        if rows:
            lines = [head, *rows]
            widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
            padded = ([f"{c:<{w}}" for c, w in zip(line, widths, strict=True)] for line in lines)
            parts += [*("  ".join(cells).rstrip() for cells in padded), ""]
    return "\n".join(parts).replace("**", "")


def markdown(data: dict[str, Any]) -> str:
    """Return the tables as Markdown, under the date, the command and the machine."""
    m = data["machine"]
    parts = [
        f"Measured on {data['date']} by `{data['command']}`: {m['processor']}, {m['threads']}"
        f" threads on {m['cores']} cores, {m['memory_gb']:g} GB; {m['system']},"
        f" Python {m['python']}, NumPy {m['numpy']}, Numba {m['numba']};"
        f" load {m['load']:g} before the run."
    ]
    for head, rows in _rows(data):
        if rows:
            lines = [head, ["---"] * len(head), *rows]
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts)


def put(page: str, data: dict[str, Any]) -> str:
    """Return a page with these tables between its two marks; what is written by hand stays."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"the page has no place for the figures: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{markdown(data)}\n\n{END}{after}"
