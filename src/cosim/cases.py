"""Six kinds of territory, to try a conclusion on without having one commune in mind.

Each *cas-type* is a class of the real territories and a stylised territory that has the medians of
its class. The classes use what the commune table holds: inhabitants, area and place of each
commune. Nobody's official typology says the same, so every threshold below is an assumption.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim import territory
from cosim.effects_text import number, percent
from cosim.errors import TerritoryError, nearest
from cosim.territory import Territory, apportion, legal_councillors

if TYPE_CHECKING:
    import pandas as pd

Lang = Literal["fr", "en"]
Floats = NDArray[np.float64]

PREFIX = "cas-"
#: Numbers of the stylised territories: above every SIREN of an EPCI (2xx xxx xxx), below 2**30.
FIRST_NUMBER = 900_000_001

#: Inhabitants per km² of a dense commune: that of the 1 km² cells of an urban centre in the grid of
#: density of Eurostat and INSEE, used here for whole communes.
DENSE = 1_500
#: Inhabitants of a medium-sized town and of a large one: "villes moyennes" usually are those from
#: 20 000 to 100 000; of communes here, not of urban units, which the table does not know.
MEDIUM_TOWN, LARGE_TOWN = 20_000, 100_000
#: Inhabitants of an urban cluster in the same grid of density; below, a bourg or a village.
SMALL_TOWN = 5_000
#: Kilometres from a large town within which people commute: no source, half an hour's drive.
COMMUTING_KM = 30.0
#: Kilometres from the coastline drawn below: centroids stand inland of a commune on the shore.
SHORE_KM = 5.0
#: Share of the inhabitants who live in communes on the shore: no source, one in four.
SHORE_SHARE = 0.25

EARTH_KM = 6371.0
#: Where the stylised territories stand: the middle of France, nowhere in particular.
CENTRE = (2.5, 46.5)
GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))
#: Relative ranks at which rank-size curves are averaged before they are read at the class's own.
GRID = np.linspace(0.0, 1.0, 201)

#: Communes along the coast, in order: département and names; an empty line breaks the line.
COAST = """
59 Ghyvelde|Dunkerque|Gravelines
62 Oye-Plage|Calais|Sangatte|Wissant|Audinghen|Boulogne-sur-Mer|Camiers
62 Le Touquet-Paris-Plage|Berck
80 Fort-Mahon-Plage|Le Crotoy|Saint-Valery-sur-Somme|Cayeux-sur-Mer
76 Le Tréport|Petit-Caux|Dieppe|Veules-les-Roses|Saint-Valery-en-Caux|Fécamp|Étretat|Le Havre
14 Honfleur|Trouville-sur-Mer|Cabourg|Ouistreham|Courseulles-sur-Mer|Arromanches-les-Bains
14 Port-en-Bessin-Huppain|Grandcamp-Maisy
50 Carentan-les-Marais|Sainte-Marie-du-Mont|Saint-Vaast-la-Hougue|Barfleur
50 Cherbourg-en-Cotentin|La Hague|Les Pieux|Barneville-Carteret|Créances|Agon-Coutainville
50 Granville|Genêts|Le Mont-Saint-Michel
35 Cancale|Saint-Malo|Dinard
22 Saint-Cast-le-Guildo|Erquy|Pléneuf-Val-André|Saint-Brieuc|Binic-Étables-sur-Mer|Paimpol
22 Penvénan|Perros-Guirec|Lannion
29 Locquirec|Morlaix|Saint-Pol-de-Léon|Plouescat|Kerlouan|Plouguerneau|Ploudalmézeau
29 Le Conquet|Brest|Landerneau|Crozon|Châteaulin|Douarnenez|Plogoff|Penmarch|Fouesnant
29 Concarneau|Clohars-Carnoët
56 Guidel|Lorient|Plouhinec|Quiberon|Auray|Vannes|Sarzeau|Pénestin
44 Guérande|La Baule-Escoublac|Saint-Nazaire|Paimbœuf|Pornic|Les Moutiers-en-Retz
85 Bouin|Noirmoutier-en-l'Île|La Barre-de-Monts|Saint-Hilaire-de-Riez|Brem-sur-Mer
85 Les Sables-d'Olonne|Jard-sur-Mer|La Tranche-sur-Mer|L'Aiguillon-la-Presqu'île
17 Charron|Esnandes|La Rochelle|Châtelaillon-Plage|Port-des-Barques|Marennes-Hiers-Brouage
17 La Tremblade|Royan|Meschers-sur-Gironde
33 Le Verdon-sur-Mer|Soulac-sur-Mer|Vendays-Montalivet|Hourtin|Lacanau|Le Porge
33 Lège-Cap-Ferret|Andernos-les-Bains|Gujan-Mestras|La Teste-de-Buch
40 Biscarrosse|Mimizan|Lit-et-Mixe|Vieux-Boucau-les-Bains|Capbreton|Ondres
64 Anglet|Biarritz|Saint-Jean-de-Luz|Hendaye

66 Cerbère|Banyuls-sur-Mer|Argelès-sur-Mer|Canet-en-Roussillon|Le Barcarès
11 Leucate|Port-la-Nouvelle|Gruissan|Fleury
34 Vendres|Sérignan|Agde|Sète|Frontignan|Mauguio|La Grande-Motte
30 Le Grau-du-Roi
13 Saintes-Maries-de-la-Mer|Port-Saint-Louis-du-Rhône|Fos-sur-Mer|Istres|Berre-l'Étang
13 Martigues|Marseille|Cassis|La Ciotat
83 Bandol|Six-Fours-les-Plages|Toulon|Hyères|Le Lavandou|Cavalaire-sur-Mer|Saint-Tropez
83 Sainte-Maxime|Fréjus|Saint-Raphaël
06 Théoule-sur-Mer|Cannes|Antibes|Nice|Menton

2B Bastia|Brando|Rogliano|Nonza|Saint-Florent|L'Île-Rousse|Calvi|Galéria
2A Osani|Piana|Cargèse|Ajaccio|Coti-Chiavari|Propriano|Sartène|Figari|Bonifacio
2A Porto-Vecchio|Zonza|Sari-Solenzara
2B Ghisonaccia|Aléria|Linguizzetta|Cervione|Vescovato|Borgo|Bastia

17 Saint-Clément-des-Baleines|Ars-en-Ré|Rivedoux-Plage

17 Saint-Denis-d'Oléron|Saint-Pierre-d'Oléron|Le Château-d'Oléron

56 Sauzon|Le Palais|Locmaria

85 Noirmoutier-en-l'Île|Barbâtre
"""


class Figures(NamedTuple):
    """What a class looks like: counts, and medians over its territories."""

    territories: int
    inhabitants: int
    communes: int
    density: float  # inhabitants per km²
    largest: float  # share of the inhabitants in the largest commune
    share: float  # of the inhabitants of all territories


@dataclass(frozen=True)
class Case:
    """A cas-type: a class of the real territories and the stylised one that stands for it.

    Parameters
    ----------
    name : ASCII slug; its territory's code is `cas-<name>`
    title_fr, title_en : what it is called
    rule_fr, rule_en : who belongs to it, among those that no earlier class has taken
    number : of the stylised territory in the random keys
    """

    name: str
    title_fr: str
    title_en: str
    rule_fr: str
    rule_en: str
    number: int

    @property
    def code(self) -> str:
        """What a scenario writes under `territory.code`."""
        return PREFIX + self.name

    @property
    def figures(self) -> Figures:
        """Counts and medians of the class."""
        return figures(self.name)

    def title(self, lang: Lang = "fr") -> str:
        """Return what it is called."""
        return self.title_en if lang == "en" else self.title_fr

    def rule(self, lang: Lang = "fr") -> str:
        """Return who belongs to it."""
        return self.rule_en if lang == "en" else self.rule_fr

    def description(self, lang: Lang = "fr") -> str:
        """Return one line: how many there are, their medians, and one that people know."""
        f = self.figures
        example = _known_as(nearest_real(self.name))
        share = percent(f.largest, lang, 0)
        towns, people, density = (
            number(x, 0, lang) for x in (f.communes, f.inhabitants, f.density)
        )
        whole, total = percent(f.share, lang, 0), number(f.territories, 0, lang)
        if lang == "en":
            return (
                f"{self.title_en}: {total} real territories ({whole} of inhabitants); the median "
                f"one has {people} inhabitants in {towns} communes, {density} per km², {share} of "
                f"inhabitants in the largest commune; for example {example}."
            )
        return (
            f"{self.title_fr}\u00a0: {total} territoires réels ({whole} des habitants)\u202f; "
            f"médianes\u00a0: {people} habitants, {towns} communes, {density} habitants au km², "
            f"{share} des habitants dans la plus grande commune\u202f; par exemple {example}."
        )


def _cases() -> Iterable[Case]:
    large, medium, small = (number(x) for x in (LARGE_TOWN, MEDIUM_TOWN, SMALL_TOWN))
    large_en, medium_en, small_en = (
        number(x, 0, "en") for x in (LARGE_TOWN, MEDIUM_TOWN, SMALL_TOWN)
    )
    rows = (
        (
            "metropole", "Métropole", "Metropolis",
            f"une commune d'au moins {large} habitants, ou au moins {large} habitants, et la "
            f"moitié de tous, dans des communes d'au moins {number(DENSE)} habitants au km²",
            f"a commune of at least {large_en} inhabitants, or at least {large_en} inhabitants, "
            f"and half of all, in communes of at least {number(DENSE, 0, 'en')} per km²",
        ),
        (
            "ville-moyenne", "Ville moyenne", "Medium-sized town",
            f"une commune d'au moins {medium} habitants",
            f"a commune of at least {medium_en} inhabitants",
        ),
        (
            "littoral", "Littoral", "Coast",
            f"au moins {percent(SHORE_SHARE, 'fr', 0)} des habitants dans des communes à moins de "
            f"{number(SHORE_KM)} km du trait de côte, ou outre-mer",
            f"at least {percent(SHORE_SHARE, 'en', 0)} of inhabitants in communes within "
            f"{number(SHORE_KM, 0, 'en')} km of the coastline, or overseas",
        ),
        (
            "periurbain", "Périurbain", "Commuter belt",
            f"centre à moins de {number(COMMUTING_KM)} km d'une commune d'au moins {large} "
            "habitants, et plus dense que la moitié des territoires",
            f"centre within {number(COMMUTING_KM, 0, 'en')} km of a commune of at least "
            f"{large_en} inhabitants, and denser than half of the territories",
        ),
        (
            "bourg-centre", "Bourg-centre", "Small town",
            f"une commune d'au moins {small} habitants",
            f"a commune of at least {small_en} inhabitants",
        ),
        (
            "rural", "Rural", "Rural",
            f"aucune commune de {small} habitants ou plus",
            f"no commune of {small_en} inhabitants or more",
        ),
    )  # fmt: skip
    return (Case(*row, FIRST_NUMBER + k) for k, row in enumerate(rows))


#: The six, in the order in which the rules are tried: the first that holds is the class.
CASES: Mapping[str, Case] = MappingProxyType({case.name: case for case in _cases()})


# -- classes ------------------------------------------------------------------------------


def classify() -> pd.DataFrame:
    """The class of every real territory, and the figures that decide.

    Index: code. Columns: case, name, inhabitants, communes, km2, density (inhabitants/km²),
    largest (inhabitants of the largest commune), share (of the inhabitants, in it), dense
    (inhabitants of dense communes), shore (share of the inhabitants), town_km (kilometres to the
    nearest large town).
    """
    return _classified().copy()


@lru_cache(maxsize=1)
def _classified() -> pd.DataFrame:
    towns = _towns()
    names = territory.territories().set_index("code").name
    by_territory = towns.groupby("territory")
    table = by_territory.agg(
        inhabitants=("population", "sum"),
        communes=("code", "size"),
        km2=("km2", "sum"),
        largest=("population", "max"),
    )
    table.insert(0, "name", names)
    table["density"] = table.inhabitants / table.km2
    table["share"] = table.largest / table.inhabitants
    dense = towns[towns.population >= DENSE * towns.km2]
    shore = towns[(_km_to(_coastline(), towns.lon, towns.lat) < SHORE_KM) | _overseas(towns.dep)]
    for name, part in (("dense", dense), ("shore", shore)):
        people = part.groupby("territory").population.sum()
        table[name] = people.reindex(table.index, fill_value=0)
    table["shore"] /= table.inhabitants
    weighted = towns[["lon", "lat"]].mul(towns.population, axis=0)
    centre = weighted.groupby(towns.territory).sum().div(table.inhabitants, axis=0)
    large = towns[towns.population >= LARGE_TOWN]
    table["town_km"] = _km_to(_unit(large.lon, large.lat), centre.lon, centre.lat)
    table.insert(0, "case", _first_rule(table))
    return table


def _first_rule(table: pd.DataFrame) -> NDArray[np.object_]:
    """Return the first class whose rule holds, in the order of `CASES`."""
    largest = table.largest
    dense = (table.dense >= LARGE_TOWN) & (2 * table.dense >= table.inhabitants)
    rules = {
        "metropole": (largest >= LARGE_TOWN) | dense,
        "ville-moyenne": largest >= MEDIUM_TOWN,
        "littoral": table.shore >= SHORE_SHARE,
        "periurbain": (table.town_km < COMMUTING_KM) & (table.density > table.density.median()),
        "bourg-centre": largest >= SMALL_TOWN,
    }
    chosen = np.select([rule.to_numpy(bool) for rule in rules.values()], list(rules), "rural")
    return chosen.astype(object)


def _towns() -> pd.DataFrame:
    """Communes of the 1 266 territories; what is missing is the mean of the territory's others."""
    towns = territory.communes().dropna(subset=["territory"])
    columns = ["lon", "lat", "km2"]
    means = towns.groupby("territory")[columns].transform("mean")
    towns[columns] = towns[columns].fillna(means)
    return towns


def _overseas(dep: pd.Series[str]) -> pd.Series[bool]:
    """Whether a commune is overseas, where every EPCI touches the sea."""
    return dep.str.startswith("97")


def _unit(lon: Iterable[float], lat: Iterable[float]) -> Floats:
    """Return points on the sphere of radius 1, float64[n, 3]."""
    x, y = np.radians(np.asarray(lon)), np.radians(np.asarray(lat))
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=1)


def _km_to(points: Floats, lon: Iterable[float], lat: Iterable[float]) -> Floats:
    """Return the distance in km from each place to the nearest of the points."""
    from scipy.spatial import cKDTree

    distance, _ = cKDTree(points).query(_unit(lon, lat))
    return np.asarray(distance * EARTH_KM, dtype=np.float64)


@lru_cache(maxsize=1)
def _coastline() -> Floats:
    """Return a point for each kilometre of the coast, on the sphere of radius 1."""
    towns = territory.communes()
    place = dict(zip(towns.dep + towns.nom, _unit(towns.lon, towns.lat), strict=True))
    parts = []
    for stretch in COAST.strip().split("\n\n"):
        marks = [
            place[line[:2] + name] for line in stretch.splitlines() for name in line[3:].split("|")
        ]
        for a, b in pairwise(marks):
            steps = 1 + int(EARTH_KM * float(np.linalg.norm(b - a)))
            parts.append(a + np.linspace(0.0, 1.0, steps + 1)[:, None] * (b - a))
    return np.concatenate(parts)


# -- figures ------------------------------------------------------------------------------


def get(name: str) -> Case:
    """Return the case of a name or of a code, in any case.

    Raises
    ------
    TerritoryError : there is none; names the nearest
    """
    slug = name.strip().lower().removeprefix(PREFIX)
    if slug not in CASES:
        codes = [case.code for case in CASES.values()]
        raise TerritoryError(
            "unknown cas-type", key="territory", found=name,
            expected=", ".join(codes), nearest=nearest(PREFIX + slug, codes),
        )  # fmt: skip
    return CASES[slug]


def members(name: str) -> pd.DataFrame:
    """Return the rows of `classify` of one class."""
    table = _classified()
    return table[table.case == get(name).name].copy()


@lru_cache(maxsize=len(CASES))
def figures(name: str) -> Figures:
    """Return the counts and medians of a class."""
    own = members(name)
    return Figures(
        territories=len(own),
        inhabitants=round(own.inhabitants.median()),
        communes=round(own.communes.median()),
        density=float(own.density.median()),
        largest=float(own.share.median()),
        share=float(own.inhabitants.sum() / _classified().inhabitants.sum()),
    )


@lru_cache(maxsize=len(CASES))
def nearest_real(name: str) -> Territory:
    """Return the real territory of the class that is nearest to its medians.

    In logarithms of inhabitants, communes and density, and in the share of the largest commune,
    each divided by its standard deviation in the class.
    """
    own = members(name)
    values = np.column_stack(
        [np.log(own.inhabitants), np.log(own.communes), np.log(own.density), own.share]
    )
    gaps = (values - np.median(values, axis=0)) / values.std(axis=0)
    return territory.load(str(own.index[int(np.argmin((gaps**2).sum(axis=1)))]))


def _known_as(place: Territory) -> str:
    """Return a territory's name, with its largest commune unless the name holds it."""
    town = place.commune_names[int(np.argmax(place.population))]
    return place.name if town in place.name else f"{place.name} ({town})"


# -- stylised territories -----------------------------------------------------------------


def load(name: str) -> Territory:
    """Return the stylised territory of a case, the same each time.

    Number of communes, inhabitants and density are the medians of the class. The inhabitants of
    the r-th commune follow the median of the rank-size curves of the class, read at the relative
    rank of r. Councillors follow the law. The largest commune stands in the middle, the others
    around it on a sunflower of as much area for each.

    Parameters
    ----------
    name : a name of `CASES`, or its code

    Raises
    ------
    TerritoryError : there is no such case
    """
    return _stylised(get(name))


@lru_cache(maxsize=len(CASES))
def _stylised(case: Case) -> Territory:
    about = case.figures
    n = about.communes
    weights = np.interp(np.linspace(0.0, 1.0, n), GRID, _rank_size(case.name))
    people = 1 + apportion(about.inhabitants - n, weights)
    km2 = about.inhabitants / about.density / n
    east, north = _sunflower(n, km2)
    lon, lat = CENTRE
    degree = EARTH_KM * np.pi / 180.0
    return Territory(
        code=case.code,
        name=f"Cas-type {case.title_fr.lower()}",
        kind="cas-type",
        departments=(),
        number=case.number,
        commune_codes=tuple(f"{case.code}-{k:04d}" for k in range(1, n + 1)),
        commune_names=tuple(f"Commune {k}" for k in range(1, n + 1)),
        population=people,
        councillors=np.array([legal_councillors(x) for x in people.tolist()], dtype=np.int64),
        lon=lon + east / (degree * np.cos(np.radians(lat))),
        lat=lat + north / degree,
        km2=np.full(n, km2),
    )


def _rank_size(name: str) -> Floats:
    """Return the median, over a class, of log-interpolated inhabitants at the ranks of `GRID`."""
    towns = _towns()
    towns = towns[towns.territory.isin(members(name).index)]
    curves = []
    for _, people in towns.groupby("territory").population:
        sizes = np.log(np.maximum(1, np.sort(people.to_numpy())[::-1]))
        curves.append(np.interp(GRID, np.linspace(0.0, 1.0, len(sizes)), sizes))
    return np.exp(np.median(curves, axis=0))


def _sunflower(n: int, km2: float) -> tuple[Floats, Floats]:
    """Return kilometres east and north of the middle for n places with `km2` for each."""
    k = np.arange(n)
    radius = np.sqrt(km2 * k / np.pi)
    return radius * np.cos(k * GOLDEN_ANGLE), radius * np.sin(k * GOLDEN_ANGLE)
