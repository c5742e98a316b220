"""What every figure is drawn with: colours, numbers, axes, bands, labels, files.

`figures` and `figures_concepts` say what is drawn; here is how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim import effects_text, scenario_text
from cosim.indicators import INDICATORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cosim.effects import Effect
    from cosim.results import Ensemble
    from cosim.scenario import Scenario

    Floats = NDArray[np.float64]

#: kind -> (colour, marker): told apart in three kinds of colour blindness, and in grey by shape.
KINDS: Mapping[str, tuple[str, str]] = {
    "elu": ("#003F8C", "o"),
    "association": ("#2A9D6F", "s"),
    "company": ("#C25A00", "^"),
    "academic": ("#6B5B00", "p"),
    "catalyseur": ("#B0398F", "D"),
}
WHAT_IF, REFERENCE = "#0072B2", "#444444"
INK, SOFT, FAINT = "#1B1F24", "#57606A", "#D8DEE4"
#: Types and origins of alliances (Paul Tol's muted scheme).
TYPE_COLOURS = ("#332288", "#44AA99", "#DDCC77", "#CC6677")
ORIGIN_COLOURS = ("#88CCEE", "#DDCC77", "#AA4499", "#117733", "#BBBBBB")
WIDTH = 5.2  # inches
_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 10.0,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "svg.fonttype": "none",
    "svg.hashsalt": "cosim",
}


@contextmanager
def style() -> Iterator[None]:
    """The style of all figures, for the time of a `with`."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        yield


def number(x: float, digits: int = 0, lang: str = "fr", sign: bool = False) -> str:
    """A number as it is written in French (1 234,5) or English (1,234.5)."""
    text = effects_text.number(float(x), digits, "en" if lang == "en" else "fr")
    return "+" + text if sign and round(float(x), digits) > 0 else text


def amount(
    x: float, indicator: str, lang: str = "fr", sign: bool = False, unit: bool = True
) -> str:
    """A value of an indicator with its unit; a difference when `sign` is set."""
    if not np.isfinite(x):
        return "–"
    kind = INDICATORS[indicator].unit
    if kind == "share":
        percent = number(100 * x, 0 if abs(x) >= 0.1 and not sign else 1, lang, sign)
        if not unit:
            return percent
        if sign:
            return f"{percent}\u00a0pt"
        return f"{percent}%" if lang == "en" else f"{percent}\u202f%"
    digits = {"count": 0, "k€": 0, "level": 2, "/month": 1, "index": 1}.get(kind, 1)
    text = number(x, digits, lang, sign)
    suffix = {
        "k€": "k€",
        "/month": "per month" if lang == "en" else "par mois",
        "months": "months" if lang == "en" else "mois",
    }.get(kind)
    return f"{text}\u00a0{suffix}" if suffix and unit else text


def tr(lang: str, fr: str, en: str) -> str:
    return en if lang == "en" else fr


def new_figure(height: float, width: float = WIDTH) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def heading(figure: Figure, title: str, subtitle: str) -> None:
    """Title and subtitle at the top left; the subtitle may hold a line break."""
    height = figure.get_figheight()
    figure.text(0.02, 1 - 0.08 / height, title, size=12, weight="bold", va="top")
    figure.text(0.02, 1 - 0.33 / height, subtitle, size=9, color=SOFT, va="top", linespacing=1.25)


def new_axes(
    figure: Figure, left: float, right: float, top: float = 0.85, bottom: float = 0.32
) -> Axes:
    """Axes with margins in inches."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width,
         (height - top - bottom) / height)
    )  # fmt: skip
    axes.tick_params(length=3, labelsize=9)
    return axes


def years_of(ensemble: Ensemble) -> Floats:
    """Months as decimal years, at the middle of the month."""
    months = ensemble.months
    return np.asarray(months.year + (months.month - 0.5) / 12, dtype=np.float64)


def year_of(month: str) -> float:
    year, _, rest = month.partition("-")
    return int(year) + ((int(rest) - 0.5) / 12 if rest else 0.5)


def years_axis(axes: Axes, years: Floats) -> None:
    first, last = int(np.floor(years[0])), int(np.ceil(years[-1]))
    step = next(s for s in (1, 2, 3, 5, 10, 20, 50) if (last - first) / s <= 7)
    ticks = [y for y in range(first, last + 1) if (y - first) % step == 0]
    axes.set_xticks(ticks, [str(y) for y in ticks])
    start = years[0] - 0.5 / 12
    axes.set_xlim(start, max(years[-1], start + 0.1))


def mark_events(axes: Axes, scenario: Scenario, lang: str) -> None:
    """Crises as grey bands, the first months of catalysts and of other levers as lines."""
    left, right = axes.get_xlim()
    top = axes.get_xaxis_transform()
    middles = []
    for crisis in scenario.context.crises:
        start = year_of(crisis.start) - 0.5 / 12
        stop = start + crisis.months / 12
        if stop > left and start < right:
            axes.axvspan(max(start, left), min(stop, right), color="#EEF1F4", zorder=0, lw=0)
            middles.append((max(start, left) + min(stop, right)) / 2)
            axes.text(
                middles[-1], 0.985, tr(lang, "crise", "crisis"),
                size=8, color=SOFT, ha="center", va="top", transform=top,
            )  # fmt: skip
    for month, words in _beginnings(scenario, lang).items():
        start = year_of(scenario.month_label(month)) - 0.5 / 12
        crowded = any(-0.25 < (middle - start) / (right - left) < 0.06 + 0.25 for middle in middles)
        axes.axvline(start, color=FAINT, lw=1, zorder=0)
        axes.text(
            start + 0.012 * (right - left), 0.9 if crowded else 0.985, words,
            size=8, color=SOFT, va="top", transform=top,
        )  # fmt: skip


def _beginnings(scenario: Scenario, lang: str) -> dict[int, str]:
    """Month -> what begins then: catalysts, or other levers."""
    begun: dict[int, list[str]] = {}
    if len(scenario.catalysis_months):
        begun[scenario.catalysis_months[0]] = [tr(lang, "catalyseurs", "catalysts")]
    for name in scenario_text.LEVERS:
        months = scenario.months_of(getattr(scenario, name))
        if len(months) and scenario_text.lever_words(scenario, lang, (name,)):  # type: ignore[arg-type]
            begun.setdefault(months[0], []).append(tr(lang, "leviers", "levers"))
    return {month: ", ".join(dict.fromkeys(words)) for month, words in begun.items()}


def percent_axis(axes: Axes, lang: str, along: str = "y") -> None:
    from matplotlib.ticker import FuncFormatter

    axis = axes.yaxis if along == "y" else axes.xaxis
    sign = "%" if lang == "en" else "\u202f%"
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{number(100 * x, 0, lang)}{sign}"))


def spread_out(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, at least `gap` apart and inside [low, high] when they fit."""
    order = np.argsort(np.asarray(wanted), kind="stable")
    places = np.asarray(wanted, dtype=np.float64)[order]
    for _ in range(200):
        apart = np.diff(places)
        close = np.flatnonzero(apart < gap - 1e-9)
        if not close.size:
            break
        for k in close:
            push = (gap - (places[k + 1] - places[k])) / 2
            if push > 0:
                places[k] -= push
                places[k + 1] += push
        places = np.clip(places, low, high) if len(places) * gap < high - low else places
    out = np.empty_like(places)
    out[order] = places
    return [float(x) for x in out]


def label_ends(
    axes: Axes, labels: Sequence[tuple[float, str, str]], size: float = 9, lines: int = 1
) -> None:
    """Write (height, text, colour) right of the axes, apart from one another."""
    if not labels:
        return
    low, high = axes.get_ylim()
    height = axes.get_position().height * axes.figure.get_figheight()  # type: ignore[union-attr]
    gap = lines * size * 1.25 / 72 / height * (high - low)
    places = spread_out([y for y, _, _ in labels], gap, low + gap / 2, high - gap / 2)
    for (_, text, colour), place in zip(labels, places, strict=True):
        axes.text(
            1.025, place, text, size=size, color=colour, va="center",
            transform=axes.get_yaxis_transform(), linespacing=1.1,
        )  # fmt: skip


def draw_bands(axes: Axes, years: Floats, levels: Floats, colour: str, **line: Any) -> float:
    """Draw the two bands and the median of `Ensemble.fan`; return the last median."""
    low, first, middle, third, high = levels
    axes.fill_between(years, low, high, color=colour, alpha=0.16, lw=0)
    axes.fill_between(years, first, third, color=colour, alpha=0.30, lw=0)
    axes.plot(years, middle, color=colour, **({"lw": 2.0} | line))
    return float(middle[-1])


def bands_words(ensemble: Ensemble, lang: str) -> str:
    """What the two bands of `Ensemble.fan` are, in plain words; two lines for luck alone."""
    if ensemble.scenario.draws:
        return tr(
            lang,
            "bandes 9 sur 10 :\nchance seule (foncé), chance et paramètres (clair)",
            "9-in-10 bands:\nluck alone (dark), luck and parameters (light)",
        )
    return tr(lang, "bandes : 1 simulation sur 2 (foncé), 9 sur 10 (clair)",
              "bands: 1 simulation in 2 (dark), 9 in 10 (light)")  # fmt: skip


def with_reference(data: Effect | Ensemble) -> tuple[Ensemble, Ensemble | None]:
    """The scenario's ensemble, and the reference's if there is one."""
    reference = getattr(data, "reference", None)
    return (data.scenario, reference) if reference is not None else (data, None)  # type: ignore[return-value]


def plain_ticks(axes: Axes, lang: str) -> None:
    from matplotlib.ticker import FuncFormatter

    low, high = axes.get_ylim()
    digits = 0 if high - low >= 5 else 1 if high - low >= 0.5 else 2
    axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: number(x, digits, lang)))


def darker(colour: str) -> str:
    """The same hue, dark enough to be read on white (contrast of 4.5)."""
    from matplotlib.colors import to_hex, to_rgb

    rgb = np.array(to_rgb(colour))
    while contrast(to_hex(tuple(rgb))) < 4.5:
        rgb *= 0.94
    return to_hex(tuple(rgb))


def contrast(colour: str) -> float:
    """The contrast of a colour on white, as WCAG 2 defines it."""
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 1.05 / (float(np.dot((0.2126, 0.7152, 0.0722), linear)) + 0.05)


def add_halo(text: Any) -> None:
    from matplotlib.patheffects import withStroke

    text.set_path_effects([withStroke(linewidth=2, foreground="white", alpha=0.85)])


def svg(figure: Figure) -> str:
    """The figure as an SVG document."""
    from io import StringIO

    with style():
        buffer = StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": "cosim"})
    return buffer.getvalue()


def save(figure: Figure, folder: Path, name: str, dpi: int = 160) -> None:
    """Write `name.svg` and `name.png` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.svg").write_text(svg(figure), encoding="utf-8")
    with style():
        figure.savefig(folder / f"{name}.png", dpi=dpi, metadata={"Software": "cosim"})
