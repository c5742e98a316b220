"""Small pieces that all pages share: HTML without raw text, and the Vue components."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import solara


def box(tag: str, name: str = "", children: Sequence[Any] = (), **attributes: str) -> Any:
    """Return an HTML element of class `name`; text among its children is never read as HTML.

    An attribute with an underscore stands for one with a hyphen: `aria_live`.
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    return solara.v.Html(tag=tag, class_=name, children=list(children), attributes=given)


def text(tag: str, words: str, name: str = "", **attributes: str) -> Any:
    """Return an HTML element with one text."""
    return box(tag, name, [words], **attributes)


@solara.component_vue("components/Address.vue")
def Address(path: str, query: str, lang: str, title: str) -> None:
    """Keep address, language and title of the browser equal to the session's."""


@solara.component_vue("components/Navigation.vue")
def Navigation(
    pages: list[dict[str, str]], path: str, query: str, label: str, more: str,
    event_go: Callable[[str], None],
) -> None:  # fmt: skip
    """Links to the pages, which carry the query; they work without a server, too."""


@solara.component_vue("components/FanChart.vue")
def FanChart(
    values: bytes, months: list[str], low: float, high: float, unit: str, words: dict[str, str],
    description: str, count: int, lang: str, gap: bool = False,
) -> None:  # fmt: skip
    """Draw bands, what-if and reference from float32[10, months]: see `compute.fan_bytes`."""


@solara.component_vue("components/Slider.vue")
def Slider(
    name: str, label: str, low: float, high: float, step: float, reference: float, unit: str,
    hint: str, value: float, on_value: Callable[[float], None], reset: str, lang: str,
) -> None:  # fmt: skip
    """A native range input with the mark of the reference."""


@solara.component_vue("components/Finder.vue")
def Finder(
    text: str, on_text: Callable[[str], None], found: list[dict[str, str]], message: str,
    label: str, hint: str, event_choose: Callable[[str], None],
) -> None:  # fmt: skip
    """A search box for territories."""


@solara.component_vue("components/Choice.vue")
def Choice(
    name: str, label: str, options: list[dict[str, str]], value: str,
    on_value: Callable[[str], None],
) -> None:  # fmt: skip
    """A native select; an option with `group` stands under that heading."""


@solara.component_vue("components/Press.vue")
def Press(
    label: str, event_press: Callable[[Any], None], kind: str = "plain", pressed: str = "",
    disabled: bool = False, describe: str = "",
) -> None:  # fmt: skip
    """A native button; `kind` is plain, main or small; `pressed` is "true", "false" or "".

    `describe` is its name for those who do not see it, if the label does not say enough.
    """


@solara.component_vue("components/Download.vue")
def Download(
    label: str, event_make: Callable[[Any], None], file: dict[str, Any], busy: bool, wait: str
) -> None:
    """A button that asks for a file, and gives it to the browser when `file` holds one.

    `file` is {} or {"name", "mime", "content": bytes, "number"}; a new number is a new download.
    """


@solara.component_vue("components/Copy.vue")
def Copy(value: str, label: str, done: str, whole: bool = False) -> None:
    """A button that copies a text; with `whole`, the address of the page."""


@solara.component_vue("components/Fold.vue")
def Fold(title: str, opened: bool, on_opened: Callable[[bool], None], name: str = "") -> None:
    """The heading of what unfolds; the caller renders what is inside while `opened`."""


@solara.component_vue("components/Table.vue")
def Table(
    caption: str, head: list[str], rows: list[list[str]], align: str = "", hidden: bool = False
) -> None:
    """A plain table; `align` has one letter for each column: l or r."""


@solara.component_vue("components/Bars.vue")
def Bars(caption: str, heads: list[str], rows: list[dict[str, Any]]) -> None:
    """Bars from zero with their intervals, as a table.

    A row has label, words, mean, low, high, colour, kind (on top, alone, synergy, total or part),
    and, for a mark in place of a bar, the marker of `cosim.drawing.KINDS` as `shape`.
    """


@solara.component_vue("components/Check.vue")
def Check(name: str, label: str, value: bool, on_value: Callable[[bool], None]) -> None:
    """A native check box."""


@solara.component_vue("components/Dots.vue")
def Dots(better: int, worse: int) -> None:
    """A hundred marks, so many of each sort; what they say must stand beside in words.

    None at all where `better` is negative.
    """


@solara.component_vue("components/Jump.vue")
def Jump(target: str, label: str) -> None:
    """A link to a place of the same page, on narrow screens only."""


@solara.component_vue("components/Link.vue")
def Link(path: str, query: str, label: str, event_go: Callable[[Any], None]) -> None:
    """A link to another page, which works without a server, too."""


def options(labels: Mapping[str, str]) -> list[dict[str, str]]:
    """Return value -> label as `Choice` takes it."""
    return [{"value": key, "label": label} for key, label in labels.items()]
