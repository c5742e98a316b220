"""Maps of France without outlines: a grid of points, each of the territory of the nearest commune.

We have the centre and the area of each commune, no borders. The mainland with Corsica is drawn on
Lambert 93; Île-de-France and the départements overseas beside it; a part of France is zoomed on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.drawing import INK, SOFT, WIDTH, add_halo, heading, new_figure, number, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import BoundaryNorm, Colormap
    from matplotlib.figure import Figure

    from cosim.drawing import Floats
    from cosim.effects_text import Lang

    Codes = NDArray[np.int64]
    Over = Callable[[Axes, "Frame"], None]

MAINLAND, ILE_DE_FRANCE = "metropole", "11"
OVERSEAS: Mapping[str, str] = {
    "971": "Guadeloupe",
    "972": "Martinique",
    "973": "Guyane",
    "974": "La Réunion",
    "976": "Mayotte",
}
#: Land that is not in the run.
PALE = "#F1F3F5"
#: A point is of a commune when nearer than so many radii of a disc of its area.
RADII = 1.45
#: Wider than so many km, a map shows the country, and not a part of it.
COUNTRY = 700.0
_SOURCE = {
    "fr": "INSEE, DGCL (Licence Ouverte 2.0). Contours approchés : la commune la plus proche.",
    "en": "INSEE, DGCL (Licence Ouverte 2.0). Outlines approximated: the nearest commune.",
}


# -- the grid of nearest communes ---------------------------------------------------------


class Frame(NamedTuple):
    """A window on one area (the mainland with Corsica, or a département overseas), in km.

    `region` is the code of the only region that is drawn, if not empty.
    """

    area: str
    left: float
    right: float
    bottom: float
    top: float
    region: str = ""

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom

    def holds(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether points of this area are inside."""
        across = (x > self.left) & (x < self.right)
        return across & (y > self.bottom) & (y < self.top)


def lambert(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Places on the conformal cone of Lambert 93 (on a sphere), km from 3° E, 46.5° N."""
    low, high = np.radians(44.0), np.radians(49.0)

    def stretched(angle: Any) -> Any:
        return np.tan(np.pi / 4 + np.radians(angle) / 2)

    cone = np.log(np.cos(low) / np.cos(high)) / np.log(stretched(49.0) / stretched(44.0))
    scale = 6371.0 * np.cos(low) * stretched(44.0) ** cone / cone
    radius, turn = scale / stretched(lat) ** cone, cone * np.radians(lon - 3.0)
    return radius * np.sin(turn), scale / stretched(46.5) ** cone - radius * np.cos(turn)


def project(area: str, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Kilometres on the map of an area; overseas a degree is as long as in its middle."""
    if area == MAINLAND:
        return lambert(lon, lat)
    middle = float(land(area)["lat"].mean())
    return 111.32 * np.cos(np.radians(middle)) * lon, 111.32 * lat


@lru_cache(maxsize=8)
def land(area: str = "") -> pd.DataFrame:
    """Communes that have a place, of one area or of all, with `area` and `reach` (km).

    Beyond its reach a commune has no point of the map.
    """
    from cosim.territory import communes

    table = communes().dropna(subset=["lon", "lat"])
    radius = np.sqrt(table["km2"].fillna(table["km2"].mean()) / np.pi)
    table = table.assign(
        area=table["dep"].where(table["dep"].isin(list(OVERSEAS)), MAINLAND),
        reach=np.maximum(RADII * radius, 2.0),
    )
    return table[table["area"] == area] if area else table


def _places(towns: pd.DataFrame, area: str) -> tuple[Floats, Floats]:
    lon, lat = towns[["lon", "lat"]].to_numpy(np.float64).T
    return project(area, lon, lat)


@lru_cache(maxsize=24)
def nearest_communes(frame: Frame) -> Codes:
    """The row in `land(area)` of the commune nearest to each point of a grid; -1 off the land.

    A point is land within the reach of its commune; what land surrounds is land. The first row
    of the grid is the south.
    """
    from scipy.ndimage import binary_closing, binary_fill_holes, binary_opening
    from scipy.spatial import cKDTree

    towns = land(frame.area)
    step = max(frame.width, frame.height) / (1500 if frame.width > COUNTRY else 900)
    near = max(1, round(1.8 / step))
    beyond = 2 * near  # points around the frame, so that its edge is no coast
    columns, rows = round(frame.width / step), round(frame.height / step)
    grid = np.meshgrid(
        frame.left + step * (np.arange(-beyond, columns + beyond) + 0.5),
        frame.bottom + step * (np.arange(-beyond, rows + beyond) + 0.5),
    )
    tree = cKDTree(np.column_stack(_places(towns, frame.area)))
    away, town = tree.query(np.column_stack([axis.ravel() for axis in grid]))
    dry = (away < towns["reach"].to_numpy()[town]).reshape(grid[0].shape)
    dry = binary_fill_holes(binary_closing(dry, iterations=near))
    dry = binary_opening(dry, iterations=max(1, near // 2))
    nearest = np.where(dry, town.reshape(dry.shape), -1)[beyond:-beyond, beyond:-beyond]
    if frame.region:
        inside = (towns["reg"] == frame.region).to_numpy()
        nearest[~inside[nearest]] = -1
    nearest.flags.writeable = False
    return nearest


def frames(codes: set[str]) -> list[Frame]:
    """The windows of a map of these territories: the main one first, then the insets.

    The main one is the mainland, or else where most people live; none if none is of France.
    """
    towns = land()
    mine = towns[towns["territory"].isin(codes)]
    people = mine.groupby("area")["population"].sum()
    order = sorted(people.index, key=lambda area: (area != MAINLAND, -people[area]))[:1]
    order += sorted(set(people.index) - set(order))
    if not order:
        return []
    found = [_frame(area, mine[mine["area"] == area]) for area in order]
    if found[0].area == MAINLAND and found[0].width > COUNTRY:
        capital = mine[mine["reg"] == ILE_DE_FRANCE]
        if not capital.empty:
            found.append(_frame(MAINLAND, capital, ILE_DE_FRANCE))
    return found


def _frame(area: str, towns: pd.DataFrame, region: str = "") -> Frame:
    """The window on these communes, with a margin; on all of an area if they are most of it."""
    if not region and len(towns) > 0.7 * len(land(area)):
        towns = land(area)
    x, y = _places(towns, area)
    reach = towns["reach"].to_numpy()
    left, right = float((x - reach).min()), float((x + reach).max())
    bottom, top = float((y - reach).min()), float((y + reach).max())
    edge = 0.02 * max(right - left, top - bottom)
    # Neither a ribbon nor a tower.
    short = max(0.0, 0.6 * (right - left) - (top - bottom)) / 2 + edge
    thin = max(0.0, 0.9 * (top - bottom) - (right - left)) / 2 + edge
    return Frame(area, left - thin, right + thin, bottom - short, top + short, region)


# -- drawing ------------------------------------------------------------------------------


def classes(
    values: Floats, palette: str, centred: bool = False, most: int = 6
) -> tuple[Colormap, BoundaryNorm, list[float]]:
    """Colours in classes with round bounds; the first and the last class are open.

    `centred` puts zero in the middle of the palette; `most` is about how many classes there are
    otherwise.
    """
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.ticker import MaxNLocator

    low, high = (float(q) for q in np.quantile(values, (0.06, 0.94)))
    if centred:
        high = max(abs(low), abs(high))
        low = -high
    if high - low < 1e-9:
        low, high = low - 0.005, high + 0.005
    ticks = MaxNLocator(8 if centred else most, steps=[1, 2, 5, 10]).tick_values(low, high)
    bounds = [float(t) for t in ticks if low - 1e-12 <= t <= high + 1e-12]
    if len(bounds) < 2:
        bounds = [low, high]
    n = len(bounds) + 1
    # Not the very ends of a palette: one is lost on white, the other hides the borders.
    colours = ListedColormap(colormaps[palette](np.linspace(0.08, 0.92, n)))
    return colours, BoundaryNorm(bounds, n, extend="both"), bounds


def legend(
    figure: Figure, colours: Colormap, scale: BoundaryNorm, bounds: list[float], unit: str,
    lang: Lang, factor: float = 1.0, sign: bool = False,
) -> None:  # fmt: skip
    """A bar of classes under the map, with its unit; bounds are written times `factor`."""
    from matplotlib.cm import ScalarMappable

    height = figure.get_figheight()
    bar = figure.add_axes((0.2, 0.47 / height, 0.6, 0.11 / height))
    figure.colorbar(
        ScalarMappable(scale, colours), cax=bar, orientation="horizontal", ticks=bounds,
        spacing="uniform", extendfrac="auto",
    )  # fmt: skip
    shown = factor * np.array(bounds)
    digits = next((d for d in range(4) if np.allclose(shown, shown.round(d), atol=1e-6)), 2)
    bar.set_xticklabels([number(x, digits, lang, sign) for x in shown])
    bar.tick_params(labelsize=8.5, length=2)
    bar.set_title(unit, size=8.5, color=INK, pad=4)
    for spine in bar.spines.values():
        spine.set_linewidth(0.5)


def draw(
    values: pd.Series[float], title: str, subtitle: str, colours: Colormap, scale: BoundaryNorm,
    key: Callable[[Figure], None], lang: Lang, over: Over | None = None,
) -> Figure:  # fmt: skip
    """A map of values by code of territory.

    Parameters
    ----------
    values : by code; a territory without a value is pale
    key : draws the legend, in the lowest .8 inch of the figure
    over : draws more over each window
    """
    first, *insets = frames(set(values.index))
    country = first.width > COUNTRY
    overseas = [frame for frame in insets if not frame.region]
    with style():
        wide = WIDTH - 0.2
        high = wide * first.height / first.width
        strip = (0.36 if country else 1.05) if overseas else 0.0
        base = 0.85 + strip
        figure = new_figure(base + high + 0.85)
        heading(figure, title, subtitle)
        height = figure.get_figheight()

        def window(frame: Frame, left: float, bottom: float, width: float, tall: float) -> Axes:
            axes = figure.add_axes((left / WIDTH, bottom / height, width / WIDTH, tall / height))
            axes.set_axis_off()
            _paint(axes, frame, values, colours, scale)
            if over:
                over(axes, frame)
            return axes

        axes = window(first, 0.1, base, wide, high)
        if not country:
            _name_places(axes, first, set(values.index))
        for k, frame in enumerate(overseas):
            _name(window(frame, 0.1 + 0.83 * k, 0.85, 0.74, 0.74), OVERSEAS[frame.area])
        for frame in (frame for frame in insets if frame.region):
            _name(window(frame, 0.1, base + high - 0.86, 0.98, 0.98), "Île-de-France")
        key(figure)
        figure.text(0.02, 0.07 / height, _SOURCE[lang], size=6.5, color=SOFT, va="bottom")
    return figure


def _name(axes: Axes, words: str) -> None:
    axes.set_title(words, size=7.5, color=SOFT, pad=1.5)


def _paint(
    axes: Axes, frame: Frame, values: pd.Series[float], colours: Colormap, scale: BoundaryNorm
) -> None:
    """Colour the land of a frame by territory; thin borders of territories, regions and coasts."""
    from matplotlib.colors import to_rgba, to_rgba_array

    nearest = nearest_communes(frame)
    towns = land(frame.area)
    codes, territory = np.unique(towns["territory"].fillna("").to_numpy(str), return_inverse=True)
    region = np.unique(towns["reg"].to_numpy(str), return_inverse=True)[1]
    value = values.reindex(codes).to_numpy(np.float64)
    paint = np.where(
        np.isnan(value)[:, None], to_rgba_array(PALE), colours(scale(np.nan_to_num(value)))
    )
    dry = nearest >= 0
    image = np.where(dry[..., None], paint[territory[nearest]], (1.0, 1.0, 1.0, 0.0))
    borders = _edges(np.where(dry, territory[nearest], -1)) & dry
    image[borders, :3] += 0.55 * (1.0 - image[borders, :3])
    between = _edges(np.where(dry, region[nearest], -1)) & dry
    image[between, :3] = to_rgba(SOFT)[:3]
    axes.imshow(
        image, origin="lower", extent=(frame.left, frame.right, frame.bottom, frame.top),
        interpolation="antialiased", interpolation_stage="rgba", zorder=1,
    )  # fmt: skip
    axes.set_xlim(frame.left, frame.right)
    axes.set_ylim(frame.bottom, frame.top)


def _edges(labels: Codes) -> NDArray[np.bool_]:
    """Points whose left, right, upper or lower neighbour has another label."""
    found = np.zeros(labels.shape, dtype=bool)
    across, along = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    found[:, :-1] |= across
    found[:, 1:] |= across
    found[:-1] |= along
    found[1:] |= along
    return found


def _name_places(axes: Axes, frame: Frame, codes: set[str], most: int = 14) -> None:
    """Names of the largest towns, one per territory, those that would collide left out."""
    towns = land(frame.area).sort_values("population", ascending=False, kind="stable")
    towns = towns[towns["territory"].isin(codes)].drop_duplicates("territory").head(60)
    scale = (WIDTH - 0.2) * 72 / frame.width
    taken: list[tuple[float, float, float]] = []
    for x, y, name in zip(*_places(towns, frame.area), towns["nom"], strict=True):
        half = 0.5 * 0.58 * 7.5 * len(name)
        inside = min(x - frame.left, frame.right - x) * scale > half
        apart = all(
            abs(x - a) * scale > half + other or abs(y - b) * scale > 11 for a, b, other in taken
        )
        if inside and apart and len(taken) < most:
            taken.append((x, y, half))
            add_halo(axes.text(x, y, name, size=7.5, ha="center", va="center", zorder=4))
