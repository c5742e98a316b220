"""The frame of the pages about experiments: style, languages, verdicts by word, mark, colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import drawing, webpage
from cosim.effects_text import HARD, number, percent
from cosim.errors import CosimError
from cosim.experiment import sentences
from cosim.experiment.reading import several

if TYPE_CHECKING:
    from cosim.effects_text import Lang

__all__ = ["LANGS", "badge", "cell", "filled", "framed", "words"]

LANGS: tuple[Lang, ...] = ("fr", "en")
_NAMES = {"fr": "Français", "en": "English"}
STYLE = (
    webpage.STYLE
    + """
.page { display: block; } .eyebrow { color: #57606a; margin: 0; font-weight: 600; letter-spacing: .03em; }
.question { font-size: 1.15rem; margin: .3rem 0 0; } h1, h2, h3 { text-wrap: balance; } h3 { margin: 0 0 .2rem; font-size: 1.05rem; }
.notice { border: 1px solid #b08800; border-left-width: 5px; background: #fff8e1; padding: .3rem 1rem; margin: 1rem 0; } .notice p { margin: .3rem 0; }
.warn { font-weight: 600; color: #7a4a00; }
.badge { display: inline-block; white-space: nowrap; border: 1.5px solid; border-radius: 1em; padding: 0 .6em; font-size: .85rem; font-weight: 600; background: #fff; }
.supported .badge, .badge.supported { color: #1a6b33; } .contradicted .badge, .badge.contradicted { color: #b3261e; } .undecided .badge, .badge.undecided { color: #6b5b00; border-style: dashed; }
td.supported { background: #e9f5ec; } td.contradicted { background: #fcebea; } td.undecided { background: #faf6e3; }
.table { margin-bottom: 1rem; }
.matrix td { text-align: left; vertical-align: top; border: 1px solid #d8dee4; min-width: 7.5rem; } .matrix th { text-align: left; } .matrix tbody th { vertical-align: top; color: #1b1f24; }
.matrix .group th { padding-top: .8rem; font-size: 1rem; } .matrix th[scope=row] { position: sticky; left: 0; background: #fff; } .glance td { min-width: 0; padding: 3px 4px; } .glance .badge { font-size: .8rem; padding: 0 .4em; }
.matrix .group span { position: sticky; left: 8px; display: inline-block; max-width: calc(100vw - 60px); } .matrix .size { white-space: nowrap; }
.matrix small { color: #57606a; }
caption { text-align: left; color: #57606a; padding: 0 0 .3rem; max-width: calc(100vw - 44px); } th.text, td.text { text-align: left; }
section.finding { border-top: 1px solid #d8dee4; padding: 1rem 0 .4rem; } .sided { display: grid; grid-template-columns: 1fr 1fr; gap: 18px; align-items: start; } .sided > * { min-width: 0; }
.sided ul { margin: 0; padding-left: 1.1rem; } .sided li { margin-bottom: .5rem; } code { overflow-wrap: anywhere; font-size: .9em; }
.figures > * { min-width: 0; } details { margin: .5rem 0; } summary { cursor: pointer; font-weight: 600; padding: .3rem 0; } :focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
.switch { float: right; margin: 0 0 .3rem 1rem; display: flex; gap: .3rem; } body > input { position: absolute; opacity: 0; } .switch label { border: 1px solid #8c959f; border-radius: 6px; padding: .1rem .6rem; cursor: pointer; font-size: .9rem; }
#lang-fr:checked ~ .switch [for=lang-fr], #lang-en:checked ~ .switch [for=lang-en] { background: #003f8c; color: #fff; border-color: #003f8c; }
#lang-fr:focus-visible ~ .switch [for=lang-fr], #lang-en:focus-visible ~ .switch [for=lang-en] { outline: 3px solid #0072b2; outline-offset: 2px; }
#lang-fr:checked ~ main [lang=en].page, #lang-en:checked ~ main [lang=fr].page { display: none; }
@media (max-width: 760px) { .sided { grid-template-columns: 1fr; } h1 { font-size: 1.4rem; clear: both; } }
@media print { @page { size: A4; margin: 15mm 13mm; } .switch, body > input { display: none; } .table { overflow: visible; } h2, h3, caption, summary { break-after: avoid; } .notice, li { break-inside: avoid; } .sided, .figures { grid-template-columns: 1fr 1fr; } dl { grid-template-columns: max-content 1fr; } .finding details::details-content { display: block; content-visibility: visible; } .matrix { font-size: .8rem; } .matrix.wide { font-size: .66rem; table-layout: fixed; } .wide td, .wide th { padding: 2px 3px; } .wide .badge { font-size: .95em; padding: 0 .3em; } .wide .size { white-space: normal; } .wide small { font-size: .9em; } .matrix.wide .group th { font-size: 1.2em; } .matrix td { min-width: 0; } a { color: inherit; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""  # noqa: E501
)


def words(lang: Lang) -> Callable[[str, str], str]:
    """What chooses between French and English."""
    return partial(drawing.tr, lang)


def filled(template: str, **told: Any) -> str:
    """A template of this package with its values; every text is escaped.

    Raises
    ------
    CosimError : Jinja is not installed
    """
    try:
        import jinja2
    except ImportError:
        raise CosimError("reports need a package that is not installed", key="jinja2",
                         expected="pip install 'cosim[experiments]'") from None  # fmt: skip
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(template).render(**told)


def framed(bodies: Mapping[Lang, str], title: str) -> str:
    """A whole page: one language, or several with a switch between them."""
    html = filled("page.html", langs=list(bodies), bodies=bodies, title=title, style=STYLE,
                  names=_NAMES)  # fmt: skip
    return html.strip() + "\n"


def badge(verdict: str, lang: Lang) -> dict[str, str] | None:
    """A verdict as the templates show it; None if it is none."""
    if verdict not in sentences.WORDS:
        return None
    return {"verdict": verdict, "mark": sentences.WORDS[verdict][0],
            "word": sentences.verdict_word(verdict, lang)}  # fmt: skip


def cell(
    row: Mapping[str, Any], unit: str, sign: str, lang: Lang, beside: Sequence[float] = ()
) -> dict[str, Any]:
    """A cell of a matrix: verdict, estimate and interval, effect size, frequency.

    Parameters
    ----------
    row : of `contrasts.estimates`
    sign : that was expected
    beside : the estimates of the other cells
    """
    texts, word = several([row["estimate"], row["low"], row["high"]], unit, lang, True, beside)
    between = f"{HARD};{HARD}" if lang == "fr" else f",{HARD}"
    effect = number(row["effect"], 1, lang) if np.isfinite(row["effect"]) else "–"
    side = drawing.tr(lang, "sens attendu", "expected way")
    if sign in ("", "0"):
        side = drawing.tr(lang, "positif", "positive")
    often = percent(row["in_favour"], lang, 0)
    return {
        "badge": badge(row["verdict"], lang) or {"verdict": "", "mark": "", "word": ""},
        "size": f"{texts[0]}{word} [{texts[1]}{between}{texts[2]}]",
        "more": f"{drawing.tr(lang, 'effet', 'effect')}{HARD}{effect}, {side}{HARD}{often}",
    }
