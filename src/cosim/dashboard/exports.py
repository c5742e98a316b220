"""Files that leave the page: one A4 page for the council, a picture, tables. No Solara."""

from __future__ import annotations

import csv as writer
import io
import json
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

import cosim
from cosim import drawing, engine, figures, report, results, scenario_text, tables
from cosim.dashboard import compare, compute, view
from cosim.effects import Effect
from cosim.effects_text import number
from cosim.indicators import COLUMNS, INDICATORS, group_label
from cosim.scenario import difference_sentence

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cosim.effects_text import Lang
    from cosim.scenario import Scenario
    from cosim.state import Array

PDF, PNG, PARQUET = "application/pdf", "image/png", "application/vnd.apache.parquet"
CSV, TOML, TEXT = "text/csv", "application/toml", "text/plain"
#: What the page for the council tells at the end of the period.
FIGURES = ("alliances", "engaged", "able", "convinced")
#: Beginnings that a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def name(effect: Effect, ending: str) -> str:
    """Return the name of a file: territory, digest of the what-if, ending."""
    plain = unicodedata.normalize("NFKD", effect.scenario.place.name).encode("ascii", "ignore")
    slug = re.sub(r"[^a-z0-9]+", "-", plain.decode().lower()).strip("-")[:40] or "territoire"
    return f"cosim-{slug}-{effect.scenario.scenario.digest[:8]}.{ending}"


# -- tables -------------------------------------------------------------------------------


#: Column of the CSV -> French, English.
_HEAD = {
    "month": ("mois", "month"),
    "code": ("code", "code"),
    "indicator": ("indicateur", "indicator"),
    "group": ("groupe", "group"),
    "unit": ("unité", "unit"),
    "reference": ("référence (médiane)", "reference (median)"),
    "scenario": ("scénario (médiane)", "scenario (median)"),
    "difference": ("écart moyen", "mean difference"),
    "low": ("écart, 5 %", "difference, 5%"),
    "high": ("écart, 95 %", "difference, 95%"),
    "ci_low": ("écart moyen, bas à 95 %", "mean difference, 95% low"),
    "ci_high": ("écart moyen, haut à 95 %", "mean difference, 95% high"),
    "in_favour": ("part des simulations où c'est mieux", "share of simulations where it is better"),
    "replicates": ("simulations", "simulations"),
    "territory": ("territoire", "territory"),
    "title": ("titre", "title"),
    "seed": ("graine", "seed"),
    "digest": ("empreinte", "digest"),
    "version": ("cosim", "cosim"),
}


def csv(effect: Effect, lang: Lang = "fr") -> bytes:
    """Return the effect each December and in the last month, every indicator that is kept.

    French: `;` between cells, decimal comma; English: `,` and `.`; both utf-8-sig, as spreadsheets
    want it. A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    french, scenario = lang == "fr", effect.scenario.scenario
    text = io.StringIO()
    out = writer.writer(text, delimiter=";" if french else ",", lineterminator="\r\n")
    out.writerow([pair[not french] for pair in _HEAD.values()])
    kept = {indicator for indicator, _ in effect.reference.columns}
    rows = effect.table
    for row in rows[rows["indicator"].isin(kept)].to_dict("records"):
        what = INDICATORS[str(row["indicator"])]
        known = {
            **row, "month": f"{row['month']:%Y-%m}", "code": what.name,
            "indicator": what.label(lang), "group": group_label(str(row["group"]), lang),
            "unit": {"share": "1", "level": "1", "count": ""}.get(what.unit, what.unit),
            "title": compare.title_of(scenario, lang), "seed": effect.scenario.seed,
            "digest": scenario.digest, "version": cosim.__version__,
        }  # fmt: skip
        out.writerow([cell(known[key], lang) for key in _HEAD])
    return text.getvalue().encode("utf-8-sig")


def cell(value: Any, lang: Lang) -> str:
    """Return a value as a spreadsheet of the language reads it, and never as a formula."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if isinstance(value, float):
        text = "" if value != value else f"{value:.10g}"
        return text.replace(".", ",") if lang == "fr" else text
    return str(value)


def parquet(effect: Effect, values: tuple[Array, Array] | None = None) -> bytes:
    """Return every replicate each December and in the last month, one row per number.

    The columns of `indicators.parquet` of a folder of results, and `scenario`: which of the two.
    Scenarios, seed and versions are in the file's metadata, under `cosim`.

    Parameters
    ----------
    values : float64[replicates, months shown, columns of `COLUMNS`] of reference and what-if
        (default: what is kept of `effect`)
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    shown = months_shown(effect)
    columns = COLUMNS if values is not None else effect.reference.columns
    sides = (("reference", effect.reference), ("scenario", effect.scenario))
    parts = []
    for k, (side, ensemble) in enumerate(sides):
        numbers = values[k] if values is not None else ensemble.values[:, shown]
        rows = tables.long(numbers, ensemble.scenario.time.start, range(len(numbers)),
                           ensemble.place.code, columns)  # fmt: skip
        rows["month"] = np.tile(np.repeat(effect.months[shown], len(columns)), len(numbers))
        rows.insert(0, "scenario", pd.Series(pd.Categorical([side]).repeat(len(rows))))
        parts.append(rows)
    whole = _joined(parts)
    table = pa.Table.from_pandas(whole, preserve_index=False)
    about = json.dumps(_about(effect), ensure_ascii=False).encode()
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}),
                   b"cosim": about}), sink, compression="zstd")  # fmt: skip
    return sink.getvalue()


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd
    from pandas.api.types import union_categoricals

    first, second = parts
    same = {
        key: union_categoricals([first[key], second[key]])
        for key in ("scenario", "indicator", "group", "territory")
    }
    plain = pd.concat([part.drop(columns=list(same)) for part in parts], ignore_index=True)
    return plain.assign(**same)[list(first.columns)]


def months_shown(effect: Effect) -> list[int]:
    """Return the numbers of each December and of the last month."""
    december = np.flatnonzero(effect.months.month == 12).tolist()
    return sorted({*december, len(effect.months) - 1})


def _about(effect: Effect) -> dict[str, Any]:
    sides = {"reference": effect.reference, "scenario": effect.scenario}
    return {
        "versions": results.versions(), "seed": effect.scenario.seed, "replicates": effect.n,
        **{side: {"digest": one.scenario.digest, "run_digest": results.run_digest(one.scenario),
                  "toml": one.scenario.to_toml()} for side, one in sides.items()},
    }  # fmt: skip


def simulated(
    effect: Effect, cancelled: Callable[[], bool] = lambda: False, gate: compute.Gate | None = None
) -> tuple[Array, Array] | None:
    """Return every indicator of both sides in the months shown; None when cancelled meanwhile.

    At most `compute.STAGES[-1]` replicates, in turns with those who wait for a picture.
    """
    gate = gate or compute.CACHE.gate
    n, shown = min(effect.n, compute.STAGES[-1]), months_shown(effect)
    sides: list[Array] = []
    for scenario in (effect.reference.scenario, effect.scenario.scenario):
        with gate.turn(2):
            ready = engine.plan(scenario)
        values = np.empty((n, len(shown), len(COLUMNS)))
        for first in range(0, n, compute.BATCH):
            if cancelled():
                return None
            numbers = range(first, min(n, first + compute.BATCH))
            with gate.turn(2):
                for number_, out, _ in engine.replicates(ready, numbers, effect.scenario.seed):
                    values[number_] = out[shown]
        sides.append(values)
    return sides[0], sides[1]


#: Matplotlib's style is one for all threads.
_DRAWING = threading.Lock()


# -- pictures -----------------------------------------------------------------------------


def png(effect: Effect, indicator: str, lang: Lang = "fr", dpi: int = 200) -> bytes:
    """Return the curve as a picture, with where and what it is of."""
    with _DRAWING, drawing.style():
        figure = figures.fan_chart(effect, indicator, lang=lang)
        width, height = figure.get_size_inches()
        strip = 0.32  # inches below the axes for two lines of provenance
        figure.set_size_inches(width, height + strip)
        for axes in figure.axes:
            x, y, w, h = axes.get_position().bounds
            axes.set_position((x, (y * height + strip) / (height + strip), w,
                               h * height / (height + strip)))  # fmt: skip
        for words in figure.texts:
            words.set_y((words.get_position()[1] * height + strip) / (height + strip))
        page = _Flow(figure, 0.12 / width, 1 - 0.12 / width)
        lines = page.wrapped(f"{effect.scenario.place.name}. {_provenance(effect, lang)}", 6.5)
        for k, line in enumerate(lines[:2]):
            page.line(line, strip / (height + strip) - (k + 0.9) * 0.13 / (height + strip), 6.5,
                      color=drawing.SOFT)  # fmt: skip
        sink = io.BytesIO()
        figure.savefig(sink, dpi=dpi, metadata={"Software": f"cosim {cosim.__version__}"})
    return sink.getvalue()


def _provenance(effect: Effect, lang: Lang) -> str:
    pair = effect.reference.scenario, effect.scenario.scenario
    digests = " → ".join(one.digest for one in pair)
    n = number(effect.n, 0, lang)
    return (
        f"{n} simulations de chaque, à hasard égal ; graine {effect.scenario.seed}, "
        f"empreintes {digests}, cosim {cosim.__version__}."
        if lang == "fr"
        else f"{n} simulations of each, with equal luck; seed {effect.scenario.seed}, "
        f"digests {digests}, cosim {cosim.__version__}."
    )


# -- the page for the council -------------------------------------------------------------

_A4 = (8.27, 11.69)  # inches
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.075, 0.925, 0.955, 0.045
#: Sizes of the text, in points, from what is wanted to what is still read.
_SIZES = (10.0, 9.5, 9.0, 8.5, 8.0, 7.5, 7.0)
#: Heights of the curve, as shares of the page: what is wanted, what is enough.
_CURVE, _LEAST_CURVE = 0.27, 0.17
#: Characters of a title that the page holds.
_MOST_TITLE = 200


def pdf(effect: Effect, indicator: str, lang: Lang = "fr", today: date | None = None) -> bytes:
    """Return one A4 page: territory, levers, sentence, curve, figures, cost, limits, provenance.

    The text is set as large as it fits; a list of levers that no page could hold is cut, and says
    so.
    """
    today = today or date.today()
    import matplotlib

    fonts = {"pdf.fonttype": 42}  # whole fonts: text that can be searched and copied
    with _DRAWING, drawing.style(), matplotlib.rc_context(fonts):  # type: ignore[arg-type]
        figure = drawing.new_figure(_A4[1], _A4[0])
        _compose(figure, _short(effect), indicator, lang, today)
        sink = io.BytesIO()
        figure.savefig(sink, format="pdf", metadata={
            "Title": f"{_heading(lang)} — {effect.scenario.place.name}", "Author": "cosim",
            "Creator": f"cosim {cosim.__version__}",
        })  # fmt: skip
    return sink.getvalue()


def _short(effect: Effect) -> Effect:
    """Return the effect under a title that a page can hold."""
    scenario = effect.scenario.scenario
    if max(len(scenario.title), len(scenario.title_en)) <= _MOST_TITLE:
        return effect
    cut = {
        key: text[: _MOST_TITLE - 1] + "…"
        for key, text in (("title", scenario.title), ("title_en", scenario.title_en))
        if len(text) > _MOST_TITLE
    }
    named = replace(effect.scenario, scenario=scenario.with_(**cut))
    return Effect(effect.reference, named)


def _heading(lang: Lang) -> str:
    return "Et si ? Co-construire le territoire" if lang == "fr" else (
        "What if? Building the territory together")  # fmt: skip


@dataclass
class _Flow:
    """A column of text, set from top to bottom, whose lines are measured and not guessed."""

    figure: Figure
    left: float
    right: float
    y: float = 1.0

    def measure(self, word: str, size: float, weight: str = "normal") -> float:
        """Return the width of a word as a share of the page."""
        return size * _width(word, weight) / self.figure.get_figwidth()

    def wrapped(self, text: str, size: float, weight: str = "normal", indent: float = 0.0,
                right: float | None = None) -> list[str]:  # fmt: skip
        """Return the lines of a text; a word that is wider than the column is cut."""
        room = (self.right if right is None else right) - self.left - indent
        lines, line, filled = [], "", 0.0
        for word in self._words(text, size, weight, room):
            wide = self.measure(word, size, weight)
            longer = filled + self.measure(" ", size, weight) + wide if line else wide
            if line and longer > room:
                lines.append(line)
                line, filled = word, wide
            else:
                line, filled = f"{line} {word}" if line else word, longer
        return [*lines, line] if line else lines

    def _words(self, text: str, size: float, weight: str, room: float) -> Iterator[str]:
        for word in text.replace("\n", " ").split(" "):
            while word and self.measure(word, size, weight) > room:
                fits = next(k for k in range(len(word) - 1, 0, -1)
                            if k == 1 or self.measure(word[:k], size, weight) <= room)  # fmt: skip
                yield word[:fits]
                word = word[fits:]
            if word:
                yield word

    def line(self, text: str, y: float, size: float, x: float | None = None, **style: Any) -> None:
        """Write one line; no sign in it is read as a formula."""
        self.figure.text(self.left if x is None else x, y, text, size=size, va="baseline",
                         parse_math=False, **style)  # fmt: skip

    def height(self, size: float) -> float:
        """Return the height of a line as a share of the page."""
        return 1.32 * size / 72 / self.figure.get_figheight()

    def paragraph(self, text: str, size: float, weight: str = "normal", indent: float = 0.0,
                  mark: str = "", after: float = 0.35, write: bool = True,
                  color: str = drawing.INK) -> None:  # fmt: skip
        """Set a paragraph and go below it; `after` is in lines."""
        for k, line in enumerate(self.wrapped(text, size, weight, indent)):
            self.y -= self.height(size)
            if write:
                self.line(line, self.y, size, self.left + indent, weight=weight, color=color)
                if mark and k == 0:
                    self.line(mark, self.y, size, self.left, color=color)
        self.y -= after * self.height(size)


@lru_cache(maxsize=4096)
def _width(word: str, weight: str) -> float:
    """Return the width of a word in inches, for text of one point."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    renderer: Any = RendererAgg  # untyped; so fine that hinting does not count
    font = FontProperties(size=10, weight=weight)
    return float(renderer(1, 1, 720).get_text_width_height_descent(word, font, False)[0]) / 7200


def _compose(figure: Figure, effect: Effect, indicator: str, lang: Lang, today: date) -> None:
    """Lay out with the largest text that leaves room for the curve, then write."""
    levers = difference_sentence(effect.reference.scenario, effect.scenario.scenario, lang)
    page = _Flow(figure, _LEFT, _RIGHT)
    for size in _SIZES:
        page.y = _TOP
        _texts(page, effect, indicator, lang, today, size, levers, 0.0, write=False)
        room = page.y - _BOTTOM
        if room >= _LEAST_CURVE:
            break
    else:
        while room < _LEAST_CURVE and len(levers) > 200:
            levers = levers[: int(0.8 * len(levers))].rsplit(" ", 1)[0] + " […] → scenario.toml"
            page.y = _TOP
            _texts(page, effect, indicator, lang, today, size, levers, 0.0, write=False)
            room = page.y - _BOTTOM
    page.y = _TOP
    _texts(page, effect, indicator, lang, today, size, levers, min(room, _CURVE), write=True)


def _texts(
    page: _Flow, effect: Effect, indicator: str, lang: Lang, today: date, size: float,
    levers: str, curve: float, write: bool,
) -> None:  # fmt: skip
    """Set the page from top to bottom, with a curve of this height."""
    french, place = lang == "fr", effect.scenario.place
    scenario = effect.scenario.scenario

    def title(fr: str, en: str) -> None:
        page.paragraph(fr if french else en, size + 1, "bold", after=0.15, write=write,
                       color="#003F8C")  # fmt: skip

    def say(text: str, **style: Any) -> None:
        page.paragraph(text, size, write=write, **style)

    page.paragraph(_heading(lang), size, after=0.1, write=write, color=drawing.SOFT)
    page.paragraph(place.name, size + 7, "bold", after=0.1, write=write)
    say(territory_words(scenario, lang), color=drawing.SOFT, after=0.6)
    named = scenario.title if french else scenario.title_en or scenario.title
    if named:
        page.paragraph(named, size + 2, "bold", after=0.2, write=write)
    page.paragraph(effect.sentence(lang, indicator), size + 2, after=0.2, write=write)
    say(effect.frequency_sentence(lang, indicator), after=0.7)
    title("Ce qui est décidé", "What is decided")
    say(levers, after=0.7)
    _curve(page, effect, indicator, lang, size, curve, write)
    _figures(page, effect, lang, size, write)
    title("Ce que cela coûte", "What it costs")
    spent = compare.level(effect.scenario, "spending", lang)
    say(
        (f"{compare.people(scenario, lang)}\u202f; {spent} dépensés depuis le début. "
         if french else f"{compare.people(scenario, lang)}; {spent} spent since the start. ")
        + effect.cost_sentence(lang), after=0.7,
    )  # fmt: skip
    title("Ce que cette page ne dit pas", "What this page does not say")
    for line in report.limits_of(effect, lang)[:-1]:
        page.paragraph(line, size - 1, indent=0.016, mark="–", after=0.1, write=write)
    page.y -= 0.4 * page.height(size)
    day = f"{today.day} {scenario_text.month_name(f'{today:%Y-%m}', lang)}"
    page.paragraph(f"{_provenance(effect, lang)} {day}.", size - 2, write=write, after=0.0,
                   color=drawing.SOFT)  # fmt: skip


def _curve(
    page: _Flow, effect: Effect, indicator: str, lang: Lang, size: float, height: float, write: bool
) -> None:
    what = INDICATORS[indicator]
    bands = drawing.bands_words(effect.scenario, lang).replace("\n", " ")
    page.paragraph(what.label(lang), size + 1, "bold", after=0.1, write=write, color="#003F8C")
    note = f"{drawing.tr(lang, 'Médiane ; ', 'Median; ')}{bands}. {what.definition(lang)}"
    page.paragraph(note, size - 1.5, write=write, after=0.2, color=drawing.SOFT)
    if write:
        wide = page.right - page.left
        axes: Axes = page.figure.add_axes(
            (page.left + 0.04, page.y - height + 0.025, wide - 0.16, height - 0.03)
        )
        axes.tick_params(length=3, labelsize=8)
        figures.draw_fan(axes, effect, indicator, lang=lang)
    page.y -= height + page.height(size) * 0.6


def _figures(page: _Flow, effect: Effect, lang: Lang, size: float, write: bool) -> None:
    """Set four figures side by side; each column is as high as its longest."""
    wide = (page.right - page.left) / len(FIGURES)
    top, lowest = page.y, page.y
    for k, indicator in enumerate(FIGURES):
        found = compare.figure(effect, indicator, lang)
        column = _Flow(page.figure, page.left + k * wide, page.left + (k + 1) * wide - 0.012,
                       top)  # fmt: skip
        reference = compare.level(effect.reference, indicator, lang)
        beside = drawing.tr(lang, "référence", "reference") + f" {reference}"
        column.paragraph(found.label, size - 1.5, after=0.0, write=write, color=drawing.SOFT)
        column.paragraph(found.level, size + 5, "bold", after=0.0, write=write)
        if found.change:
            column.paragraph(found.change, size, "bold", after=0.0, write=write)
        for text in (beside, found.span, found.chances):
            if text:
                column.paragraph(text, size - 2, after=0.0, write=write, color=drawing.SOFT)
        lowest = min(lowest, column.y)
    page.y = lowest - 0.7 * page.height(size)


def territory_words(scenario: Scenario, lang: Lang) -> str:
    """Return the inhabitants, communes and actors of a scenario's territory."""
    place = engine.territory_of(scenario)
    known = view.counts_of(scenario)
    amounts = [number(float(x), 0, lang) for x in (
        place.inhabitants, place.n_communes, known["elu"], known["company"], known["association"]
    )]  # fmt: skip
    every = round(1 / scenario.territory.sample)
    if lang == "fr":
        told = ("{} habitants, {} communes, {} élus, {} entreprises de 10 salariés et plus, "
                "{} associations visibles.")  # fmt: skip
        share = f" Simulés : 1 acteur sur {every}." if every > 1 else " Tous sont simulés."
    else:
        told = ("{} inhabitants, {} communes, {} élus, {} companies of 10 employees and more, "
                "{} visible associations.")  # fmt: skip
        share = f" Simulated: 1 actor in {every}." if every > 1 else " All are simulated."
    return told.format(*amounts) + share
