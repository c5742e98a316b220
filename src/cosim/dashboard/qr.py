"""The address of a page as a QR code, to be drawn as one SVG path. No Solara."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

#: Bytes that the largest QR code holds (ISO/IEC 18004: version 40, level L).
MOST_BYTES = 2953


class Code(NamedTuple):
    """Width of a QR code in modules, without its quiet zone, and its dark modules as a path."""

    size: int
    path: str


def code(address: str) -> Code | None:
    """Return the QR code of a web address; None for what is none, or too long."""
    if not is_address(address) or len(address.encode()) > MOST_BYTES:
        return None
    import segno

    made = segno.make(address, error="l", micro=False)
    rows = [bytes(row) for row in made.matrix]
    path = "".join(
        f"M{x} {y}h{run}v1h-{run}z" for y, row in enumerate(rows) for x, run in _runs(row)
    )
    return Code(len(rows), path)


def is_address(address: str) -> bool:
    """Return whether a text is the address of a page: http or https, a host, nothing hidden."""
    if not (address.isprintable() and address.isascii()):
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        return False


def _runs(row: bytes) -> list[tuple[int, int]]:
    """Return (start, length) of each run of dark modules."""
    runs: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if not dark:
            continue
        if runs and sum(runs[-1]) == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((x, 1))
    return runs
