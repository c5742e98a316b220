"""Where the page Territoire draws: communes as areas, actors inside them, a network. No Solara.

We have the centre and the area of each commune, no borders: an area is what is nearer to a centre
than to any other and within its reach (`figures_maps`). Assumption: an actor's place inside its
commune is drawn for legibility and means nothing. All is the same at every call.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import figures_maps
from cosim.dashboard.story import packed, tables
from cosim.indicators import column
from cosim.state import CATALYSEUR, ELU

if TYPE_CHECKING:
    from cosim.dashboard.story import Story
    from cosim.state import Array
    from cosim.territory import Territory

#: Width of the map in its own units; north is up, y grows downwards.
WIDTH = 1000.0
#: Points of the grid on its longer side.
FINE = 300
#: Largest distance between two actors, and smallest, in units of the map.
WIDE, TIGHT = 26.0, 1.0
#: Kilometres around the territory within which other communes bound it.
AROUND = 25.0
#: Largest towns that are named.
NAMED = 12
#: Height of the network, whose width is that of the map.
NETWORK_HEIGHT = 680.0
#: Rounds of the network's layout, and how far a linked pair wants to be apart (units).
ROUNDS, APART = 45, 34.0


@dataclass(frozen=True, eq=False)
class Landscape:
    """The map of a territory.

    Attributes
    ----------
    height : of the map, which is `WIDTH` wide
    centres : float64[C, 2], of the communes
    rings : of each commune, the closed lines around it, each [x, y, x, y, …] in whole units
    nearest : int64[rows, columns], the commune of each point of a grid, -1 elsewhere; row 0 is
        the north
    names : the largest communes, by inhabitants: (commune, name, x, y)
    """

    height: float
    centres: Array
    rings: tuple[tuple[tuple[int, ...], ...], ...]
    nearest: Array
    names: tuple[tuple[int, str, float, float], ...]


@lru_cache(maxsize=24)
def landscape(place: Territory) -> Landscape:
    """Return the map of a territory, real or stylised."""
    east, north, reach = _towns(place)
    n = place.n_communes
    left, right = float((east - reach)[:n].min()), float((east + reach)[:n].max())
    bottom, top = float((north - reach)[:n].min()), float((north + reach)[:n].max())
    scale = WIDTH / (right - left)
    centres = np.column_stack([(east - left) * scale, (top - north) * scale])
    height = (top - bottom) * scale
    fields, nearest = _fields(centres, reach * scale, n, height, scale)
    order = np.argsort(-place.population, kind="stable")[:NAMED]
    names = tuple(
        (
            int(k),
            place.commune_names[k],
            round(float(centres[k, 0]), 1),
            round(float(centres[k, 1]), 1),
        )
        for k in order
    )
    step = max(WIDTH, height) / FINE
    rings = tuple(_rings(field, column, row, step) for field, column, row in fields)
    return Landscape(height, centres[:n], rings, nearest, names)


def _towns(place: Territory) -> tuple[Array, Array, Array]:
    """Return km east and north and reach of the territory's communes, then of those around it."""
    radius = np.sqrt(place.km2 / np.pi)
    reach = np.maximum(figures_maps.RADII * radius, 2.0)
    area = place.departments[0] if place.departments else figures_maps.MAINLAND
    area = area if area in figures_maps.OVERSEAS else figures_maps.MAINLAND
    east, north = figures_maps.project(area, place.lon, place.lat)
    others = figures_maps.land(area)
    others = others[~others["code"].isin(place.commune_codes)]
    if place.kind in ("synthetic", "cas-type"):
        others = others.iloc[:0]
    x, y = figures_maps.project(area, *others[["lon", "lat"]].to_numpy(np.float64).T)
    near = (x > east.min() - AROUND) & (x < east.max() + AROUND)
    near &= (y > north.min() - AROUND) & (y < north.max() + AROUND)
    return (
        np.concatenate([east, x[near]]),
        np.concatenate([north, y[near]]),
        np.concatenate([reach, others["reach"].to_numpy(np.float64)[near]]),
    )


def _fields(
    centres: Array, reach: Array, n: int, height: float, scale: float
) -> tuple[list[tuple[Array, int, int]], Array]:
    """Return for each of n communes how far inside it the points of a box are; nearest communes.

    A field is positive inside: the distance to the next centre less that to its own, at most that
    to where land ends. It stands with the column and the row where its box begins.
    """
    from scipy.ndimage import binary_closing, binary_fill_holes, gaussian_filter
    from scipy.spatial import cKDTree

    step = max(WIDTH, height) / FINE
    columns, rows = round(WIDTH / step), round(height / step)
    x = step * (np.arange(columns) + 0.5)
    y = step * (np.arange(rows) + 0.5)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    away, town = cKDTree(centres).query(grid, k=min(2, len(centres)))
    if len(centres) == 1:
        away, town = np.stack([away, away + 4 * WIDTH], -1), np.stack([town, town], -1)
    first = town[..., 0]
    near = max(1, round(1.8 * scale / step))  # figures_maps: gaps narrower than so much are land
    dry = np.pad(away[..., 0] < reach[first], near + 1)
    dry = binary_fill_holes(binary_closing(dry, iterations=near))
    shore = gaussian_filter(dry.astype(np.float64), 1.5)[near + 1 : -near - 1, near + 1 : -near - 1]
    coast = (shore - 0.5) * 8.0 * step
    nearest = np.where((coast > 0.0) & (first < n), first, -1)
    found: list[tuple[Array, int, int]] = []
    for k in range(n):
        r, c = np.nonzero(nearest == k)
        if len(r) == 0:
            found.append((np.full((1, 1), -1.0), 0, 0))
            continue
        low, left = max(0, r.min() - 2), max(0, c.min() - 2)
        box = np.s_[low : r.max() + 3, left : c.max() + 3]
        own = np.hypot(*np.moveaxis(grid[box] - centres[k], -1, 0))
        other = np.where(first[box] == k, away[box][..., 1], away[box][..., 0])
        found.append((np.minimum(other - own, coast[box]), int(left), int(low)))
    return found, nearest


def _rings(field: Array, column: int, row: int, step: float) -> tuple[tuple[int, ...], ...]:
    """Return the closed lines where a field is zero, in units of the map."""
    from contourpy import contour_generator

    rows, columns = field.shape
    whole = np.full((rows + 2, columns + 2), -step)
    whole[1:-1, 1:-1] = field
    x = step * (column - 1 + np.arange(columns + 2) + 0.5)
    y = step * (row - 1 + np.arange(rows + 2) + 0.5)
    lines: list[Any] = list(contour_generator(x, y, whole).lines(0.0))
    return tuple(
        tuple(np.rint(_sparse(line)).astype(int).reshape(-1).tolist())
        for line in lines
        if len(line) > 5
    )


def _sparse(line: Array) -> Array:
    """Return a line without the points that lie on the straight between their neighbours."""
    before, here, after = np.roll(line, 1, 0), line, np.roll(line, -1, 0)
    a, b = here - before, after - here
    bend = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    kept = bend > 0.05 * np.hypot(*a.T) * np.hypot(*b.T)
    kept[0] = True
    found: Array = line[kept]
    return found


# -- actors -------------------------------------------------------------------------------


def places(story: Story, where: Landscape) -> Array:
    """Return float32[n, 3]: x, y and distance to the nearest other actor, on the map.

    Actors of a commune stand on a lattice inside it, catalysts and élus in its middle; the more
    there are, the closer they stand, never on top of one another.
    """
    found = np.zeros((story.n_seats, 3), np.float32)
    step = max(WIDTH, where.height) / FINE
    for k in range(len(where.centres)):
        seats = np.flatnonzero(story.commune == k)
        if len(seats) == 0:
            continue
        inside = where.nearest == k
        spots, apart = _lattice(inside, where.centres[k], len(seats), step)
        luck = np.random.default_rng(k).permutation(len(seats))
        rank = np.select([story.kind[seats] == CATALYSEUR, story.kind[seats] == ELU], [0, 1], 2)
        order = np.lexsort((luck, rank))
        found[seats[order], :2] = spots
        found[seats, 2] = apart
    return found


def _lattice(inside: Array, centre: Array, n: int, step: float) -> tuple[Array, float]:
    """Return n points inside an area, the nearest to its centre first, and their distance."""
    apart = WIDE
    while True:
        spots = _hexagons(inside, centre, apart, step)
        if len(spots) >= n or apart < TIGHT:
            break
        apart *= 0.94
    if len(spots) < n:  # an area too small for the grid: around its centre, whatever is there
        turn = np.arange(n) * np.pi * (3.0 - np.sqrt(5.0))
        ring = apart * np.sqrt(np.arange(n))
        spots = centre + np.column_stack([ring * np.cos(turn), ring * np.sin(turn)])
    away = np.hypot(*(spots - centre).T)
    return spots[np.argsort(away, kind="stable")[:n]], apart


def _hexagons(inside: Array, centre: Array, apart: float, step: float) -> Array:
    """Return the points of a hexagonal lattice through a centre that lie inside an area."""
    rows, columns = np.nonzero(inside)
    if len(rows) == 0:
        return np.zeros((0, 2))
    low = np.array([columns.min(), rows.min()]) * step
    high = np.array([columns.max() + 1, rows.max() + 1]) * step
    up = apart * np.sqrt(0.75)
    j = np.arange(np.floor((low[1] - centre[1]) / up), np.ceil((high[1] - centre[1]) / up) + 1)
    i = np.arange(
        np.floor((low[0] - centre[0]) / apart) - 1, np.ceil((high[0] - centre[0]) / apart) + 1
    )
    x = centre[0] + apart * (i[None, :] + 0.5 * (j[:, None] % 2))
    y = np.broadcast_to(centre[1] + up * j[:, None], x.shape)
    spots = np.column_stack([x.ravel(), y.ravel()])
    at = np.floor(spots / step).astype(int)
    fits = ((at >= 0) & (at < [inside.shape[1], inside.shape[0]])).all(axis=1)
    spots, at = spots[fits], at[fits]
    found: Array = spots[inside[at[:, 1], at[:, 0]]]
    return found


# -- network ------------------------------------------------------------------------------


def network(story: Story, start: Array) -> Array:
    """Return float32[n, 2], the network of the whole run: who worked together stands together.

    Springs between those who shared an alliance or an accompaniment, and a push between all
    (Fruchterman & Reingold 1991), from the places of the map, then spread evenly from the middle;
    those who never worked with anybody here stand on a ring around the others.
    """
    pairs, weight = _links(story)
    linked = np.zeros(story.n_seats, bool)
    linked[pairs.ravel()] = True
    found = np.zeros((story.n_seats, 2), np.float32)
    middle = np.array([WIDTH, NETWORK_HEIGHT]) / 2.0
    rest = np.flatnonzero(~linked)
    rest = rest[np.lexsort((rest, story.kind[rest]))]
    rows = 1 + len(rest) // 160
    turn = 2.0 * np.pi * np.arange(len(rest)) / max(1, len(rest))
    out = 0.97 - 0.03 * (np.arange(len(rest)) % rows)
    found[rest] = middle * (1.0 + out[:, None] * np.column_stack([np.cos(turn), np.sin(turn)]))
    nodes = np.flatnonzero(linked)
    if len(nodes):
        index = np.zeros(story.n_seats, np.int64)
        index[nodes] = np.arange(len(nodes))
        places = _spread(start[nodes, :2], index[pairs], weight)
        places -= np.median(places, axis=0)
        away = np.hypot(*places.T)
        rank = np.empty(len(nodes))
        rank[np.argsort(away, kind="stable")] = np.arange(len(nodes)) + 0.5
        disc = (0.9 - 0.03 * rows) * np.sqrt(rank / len(nodes))
        found[nodes] = middle * (1.0 + places * (disc / np.maximum(away, 1e-6))[:, None])
    return found


def _links(story: Story) -> tuple[Array, Array]:
    """Return int64[pairs, 2] and how many months each pair worked together."""
    together: dict[tuple[int, int], int] = {}
    rows = story.members
    order = np.argsort(rows["alliance"], kind="stable")
    bounds = np.flatnonzero(np.diff(rows["alliance"][order])) + 1
    for part in np.split(order, bounds):
        mine = rows[part].tolist()
        for x, (_, i, first, last) in enumerate(mine):
            for _, j, other, end in mine[x + 1 :]:
                months = min(last, end) - max(first, other)
                if i != j and months > 0:
                    pair = (min(i, j), max(i, j))
                    together[pair] = together.get(pair, 0) + months
    for seat, catalyst, first, last in story.coaching.tolist():
        pair = (min(seat, catalyst), max(seat, catalyst))
        together[pair] = together.get(pair, 0) + last - first
    pairs = np.array(list(together), np.int64).reshape(-1, 2)
    return pairs, np.array(list(together.values()), np.float64)


def _spread(start: Array, pairs: Array, weight: Array) -> Array:
    """Return places after `ROUNDS` rounds of springs and pushes; nobody moves far at the end."""
    at = start.astype(np.float32)
    n = len(at)
    pull = (weight / (weight + 24.0)).astype(np.float32)[:, None]
    for k in range(ROUNDS):
        x, y = at[:, 0], at[:, 1]
        push = np.subtract.outer(x, x) ** 2
        push += np.subtract.outer(y, y) ** 2
        push += 1.0
        np.divide(np.float32(APART**2), push, out=push)
        move = at * push.sum(axis=1)[:, None] - np.einsum("ij,jk->ik", push, at)
        spring = at[pairs[:, 0]] - at[pairs[:, 1]]
        spring *= pull * (np.hypot(*spring.T) / APART)[:, None]
        for axis in range(2):
            move[:, axis] -= np.bincount(pairs[:, 0], spring[:, axis], n)
            move[:, axis] += np.bincount(pairs[:, 1], spring[:, axis], n)
        move -= 0.12 * (at - at.mean(axis=0))
        length = np.hypot(*move.T)[:, None]
        at += move / np.maximum(length, 1e-6) * np.minimum(length, 60.0 * (1.0 - k / ROUNDS))
    return at


# -- what is sent -------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Scene:
    """A story and its map, as the page sends them: see `story.packed`."""

    story: Story
    where: Landscape
    values: bytes
    layout: list[dict[str, Any]]


@lru_cache(maxsize=8)
def scene(story: Story) -> Scene:
    """Return what the page draws of a story; the same object for everybody."""
    where = landscape(story.place)
    place = places(story, where)
    series = {
        name: story.out[:, column(name)].astype(np.float32) for name in ("alliances", "engaged")
    }
    drawn = {"place": place, "node": network(story, place), **series}
    values, layout = packed(tables(story) | drawn)
    return Scene(story, where, values, layout)
