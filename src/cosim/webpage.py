"""What every self-contained page is made of: style and pictures; nothing comes from outside."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from cosim import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The style of all pages: screen, telephone, paper.
STYLE = """
:root { color: #1b1f24; background: #fff; font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
body { max-width: 1060px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .2rem; }
h2 { font-size: 1.2rem; color: #003f8c; margin: 2.2rem 0 .6rem; }
.lead { font-size: 1.25rem; line-height: 1.4; border-left: 5px solid #0072b2; padding: .2rem 0 .2rem 1rem; margin: 1.2rem 0; }
.lead p { margin: 0 0 .5rem; } .lead p:last-child { margin: 0; }
.muted { color: #57606a; }
.figures { display: grid; grid-template-columns: 1fr 1fr; gap: 18px; align-items: start; }
figure { margin: 0; break-inside: avoid; }
figure img { width: 100%; height: auto; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 8px; text-align: right; border-bottom: 1px solid #d8dee4; }
th { color: #57606a; font-weight: 600; vertical-align: bottom; } th:first-child, td:first-child { text-align: left; }
tr { break-inside: avoid; }
pre { background: #f4f6f9; padding: 12px; border-radius: 8px; overflow-x: auto; font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; font-size: .9rem; }
dt { color: #57606a; } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 760px) { .figures { grid-template-columns: 1fr; } dl { grid-template-columns: 1fr; } }
@media print { :root { font-size: 13px; } body { max-width: none; padding: 0; } h2 { break-after: avoid; } }
"""  # noqa: E501


def image(data: bytes, kind: str, alt: str) -> str:
    """A picture in the page; `kind` is `png` or `svg+xml`, `alt` says what it shows."""
    text = base64.b64encode(data).decode("ascii")
    return f'<figure><img src="data:image/{kind};base64,{text}" alt="{escape(alt)}"></figure>'


def vector(figure: Figure, alt: str) -> str:
    """A figure in the page as SVG."""
    return image(drawing.svg(figure).encode("utf-8"), "svg+xml", alt)
