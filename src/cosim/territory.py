"""Real territories from the shipped commune table, and a stylised one for tests.

A territory is one of 1 266: an EPCI, with the Métropole du Grand Paris split into its 11 EPT
and Paris. Source: INSEE (COG, populations légales 2023), DGCL, Répertoire national des élus,
via datagouv/decoupage-administratif, Licence Ouverte 2.0 (see data/ATTRIBUTION.md).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.errors import TerritoryError, nearest

if TYPE_CHECKING:
    import pandas as pd

PARIS = "75056"
GRAND_PARIS = "200054781"
MAX_NUMBER = 2**30

# Councillors by population, CGCT L2121-2: (population below which the number holds, number).
LEGAL_COUNCILLORS = (
    (100, 7),
    (500, 11),
    (1_500, 15),
    (2_500, 19),
    (3_500, 23),
    (5_000, 27),
    (10_000, 29),
    (20_000, 33),
    (30_000, 35),
    (40_000, 39),
    (50_000, 43),
    (60_000, 45),
    (80_000, 49),
    (100_000, 53),
    (150_000, 55),
    (200_000, 59),
    (250_000, 61),
    (300_000, 65),
)
MOST_COUNCILLORS = 69

#: Inhabitants below which a commune is small: where engineering is thinnest (assumption).
SMALL_COMMUNE = 2_000
#: Regions by code (INSEE, COG 2026).
REGIONS = {
    "01": "Guadeloupe", "02": "Martinique", "03": "Guyane", "04": "La Réunion", "06": "Mayotte",
    "11": "Île-de-France", "24": "Centre-Val de Loire", "27": "Bourgogne-Franche-Comté",
    "28": "Normandie", "32": "Hauts-de-France", "44": "Grand Est", "52": "Pays de la Loire",
    "53": "Bretagne", "75": "Nouvelle-Aquitaine", "76": "Occitanie",
    "84": "Auvergne-Rhône-Alpes", "93": "Provence-Alpes-Côte d'Azur", "94": "Corse",
}  # fmt: skip

# What a name may start with without being told apart by it.
LEADING_WORDS = r"^(?:(?:cc|ca|cu) )?(?:(?:de|du|des|d|le|la|les|l) )*"


@dataclass(frozen=True)
class Commune:
    """One commune: code INSEE, name, inhabitants, councillors, place (degrees), area (km²)."""

    code: str
    name: str
    population: int
    councillors: int
    lon: float
    lat: float
    km2: float


@dataclass(frozen=True, eq=False)
class Territory:
    """Communes that learn to make alliances together.

    Parameters
    ----------
    code : code of the EPCI or EPT (SIREN), of Paris (INSEE), or of a stylised territory
    name : its name
    kind : CC, CA, CU, METRO, MET69, EPT, Paris, synthetic or cas-type
    departments : codes of its départements, sorted
    number : integer below 2**30 that stands for the territory in the random keys
    commune_codes, commune_names : by commune, sorted by code
    population, councillors : int64[C], inhabitants (2023) and municipal councillors (RNE)
    lon, lat : float64[C], centroid in degrees; a missing one is the mean of the others
    km2 : float64[C], area; a missing one is the mean of the others
    """

    code: str
    name: str
    kind: str
    departments: tuple[str, ...]
    number: int
    commune_codes: tuple[str, ...]
    commune_names: tuple[str, ...]
    population: NDArray[np.int64]
    councillors: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    km2: NDArray[np.float64]

    def __post_init__(self) -> None:
        if not 0 < self.number < MAX_NUMBER:
            raise TerritoryError(
                "the number of a territory is out of range",
                key="number",
                found=self.number,
                expected=f"1 to {MAX_NUMBER - 1}",
            )
        for column in (self.population, self.councillors, self.lon, self.lat, self.km2):
            column.flags.writeable = False

    @property
    def n_communes(self) -> int:
        """Number of communes."""
        return len(self.commune_codes)

    @property
    def inhabitants(self) -> int:
        """Inhabitants of all its communes (2023)."""
        return int(self.population.sum())

    @property
    def n_councillors(self) -> int:
        """Municipal councillors of all its communes."""
        return int(self.councillors.sum())

    @property
    def communes(self) -> tuple[Commune, ...]:
        """The communes one by one, in the order of the arrays."""
        columns = (self.population, self.councillors, self.lon, self.lat, self.km2)
        return tuple(
            Commune(*row)
            for row in zip(
                self.commune_codes,
                self.commune_names,
                *(column.tolist() for column in columns),
                strict=True,
            )
        )


class NationalTotals(NamedTuple):
    """Sums over all communes of France, which rescale the laws of population.

    `pop_124` and `pop_090` are sums of (inhabitants / 1000) to the power 1.24 (companies)
    and .9 (associations). `in_territories` leaves out the communes that belong to none, and
    `in_small_communes` counts those of the others that live in communes below `SMALL_COMMUNE`.
    """

    population: int
    pop_124: float
    pop_090: float
    councillors: int
    communes: int
    in_territories: int
    in_small_communes: int


def legal_councillors(population: int) -> int:
    """Councillors that a commune of this population elects (CGCT L2121-2)."""
    return next((n for limit, n in LEGAL_COUNCILLORS if population < limit), MOST_COUNCILLORS)


def territories() -> pd.DataFrame:
    """The 1 266 territories, sorted by code, counted from their communes.

    Columns: code, name, type, dep (codes joined by "-"), inhabitants, n_communes, councillors,
    lon, lat (degrees).
    """
    return _territories().copy()


def communes() -> pd.DataFrame:
    """The 34 875 communes, sorted by code, missing values left missing.

    Columns: code, nom, dep, reg, epci, ept, population, lon, lat, km2, conseillers, and the code of
    the territory (missing for four islands).
    """
    return _communes().copy()


def find(text: str) -> pd.DataFrame:
    """Territories that answer a search, the best first.

    `text` is a code (EPCI, EPT or commune) or a name, in any case, with or without accents,
    hyphens and articles, of a territory or of one of its communes.

    Columns: those of `territories`, and `match`, the name of the territory or commune found.

    >>> find("paris est marne").code.tolist()
    ['200057941']
    """
    import pandas as pd

    table = _territories()
    wanted, code = _plain(text), text.strip().upper()
    if not wanted:
        return table.iloc[:0].assign(match="")
    territory_names, commune_names = _search_names()
    own = table[["code"]].assign(match=table.name, rank=_rank(territory_names, wanted))
    own.loc[table.code == code, "rank"] = 0.0
    towns = _communes()
    town = pd.DataFrame({"code": towns.territory, "match": towns.nom})
    # After the territories of the same rank, and the larger first of two of one name.
    town["rank"] = _rank(commune_names, wanted) + 0.5 - 1e-12 * towns.population
    town.loc[towns.code == code, "rank"] = 0.0
    hits = pd.concat([own, town]).dropna(subset=["rank", "code"])
    hits = hits.sort_values(["rank", "match", "code"], kind="stable").drop_duplicates("code")
    return hits[["code", "match"]].merge(table, on="code")[[*table.columns, "match"]]


def load(code: str) -> Territory:
    """The territory of this code, or the territory that contains the commune of this code.

    `cas-rural` and the other codes of `cosim.cases` give the stylised territory of a class.

    Raises
    ------
    TerritoryError : no such territory; names the nearest one
    """
    given, code = code, code.strip().upper()
    if code.startswith("CAS-"):
        from cosim import cases

        return cases.load(given)
    towns = _communes()
    if code == GRAND_PARIS:
        raise TerritoryError(
            "the Métropole du Grand Paris is split into its 11 EPT and Paris",
            key="territory",
            found=code,
            expected="the code of an EPT, or 75056 for Paris",
        )
    if code not in _codes():
        commune = towns[towns.code == code]
        home = commune.territory.dropna()
        if home.empty:
            raise _unknown(given, island=not commune.empty)
        code = str(home.iloc[0])
    return _load(code)


def every(codes: Sequence[str] | None = None) -> tuple[Territory, ...]:
    """The territories of these codes (default: all of France), sorted by code.

    Raises
    ------
    TerritoryError : one of them does not exist
    """
    if codes is not None:
        return tuple({place.code: place for place in sorted(map(load, codes), key=_code)}.values())
    towns = dict(list(_communes().groupby("territory")))
    names = _territories().set_index("code")[["name", "type"]]
    return tuple(_made(c, name, kind, towns[c]) for c, name, kind in names.itertuples())


def _code(place: Territory) -> str:
    return place.code


def synthetic(
    communes: int = 3,
    population: int = 3_000,
    councillors: int | None = None,
    number: int = 1,
) -> Territory:
    """A stylised territory: commune k has a share of inhabitants proportional to 1 / k.

    Communes stand 4 km apart on an east-west line. Councillors follow the law, commune by
    commune, unless `councillors` gives their total, then shared likewise.

    Parameters
    ----------
    communes : number of communes, at least 1
    population : inhabitants in all, at least one per commune
    councillors : councillors in all
    number : integer of the random keys; also in the code, `S<number>`
    """
    if communes < 1 or population < communes:
        raise TerritoryError(
            "a synthetic territory needs a commune, and an inhabitant in each",
            key="synthetic",
            found=f"{communes} communes, {population} inhabitants",
        )
    if councillors is not None and councillors < 0:
        raise TerritoryError(
            "a number of councillors is negative", key="councillors", found=councillors
        )
    weights = 1.0 / np.arange(1, communes + 1)
    people = 1 + apportion(population - communes, weights)
    if councillors is None:
        seats = np.array([legal_councillors(n) for n in people.tolist()], dtype=np.int64)
    else:
        seats = apportion(councillors, people.astype(np.float64))
    step = np.arange(communes) - (communes - 1) / 2
    lat = np.full(communes, 47.0)
    return Territory(
        code=f"S{number}",
        name=f"Territoire stylisé {number}",
        kind="synthetic",
        departments=(),
        number=number,
        commune_codes=tuple(f"S{number}-{k:04d}" for k in range(1, communes + 1)),
        commune_names=tuple(f"Commune {k}" for k in range(1, communes + 1)),
        population=people,
        councillors=seats,
        lon=2.5 + 4.0 * step / (111.32 * np.cos(np.radians(47.0))),
        lat=lat,
        km2=np.full(communes, 16.0),
    )


def apportion(total: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers proportional to the weights, by largest remainders, that sum to total."""
    exact = total * weights / weights.sum()
    shares = np.floor(exact).astype(np.int64)
    last = np.argsort(shares - exact, kind="stable")[: total - int(shares.sum())]
    shares[last] += 1
    return shares


@lru_cache(maxsize=1)
def national_totals() -> NationalTotals:
    """Sums over the 34 875 communes, islands without EPCI included (population of 2023)."""
    towns = _communes()
    home = towns[towns.territory.notna()]
    thousands = towns.population.to_numpy(np.float64) / 1000.0
    return NationalTotals(
        population=int(towns.population.sum()),
        pop_124=float((thousands**1.24).sum()),
        pop_090=float((thousands**0.9).sum()),
        councillors=int(towns.conseillers.sum()),
        communes=len(towns),
        in_territories=int(home.population.sum()),
        in_small_communes=int(home.population[home.population < SMALL_COMMUNE].sum()),
    )


def _plain(text: str) -> str:
    """The text without case, accents, hyphens, apostrophes or ligatures."""
    text = text.casefold().replace("œ", "oe").replace("æ", "ae")
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    words = "".join(c if c.isalnum() else " " for c in text).split()
    return " ".join({"st": "saint", "ste": "sainte"}.get(word, word) for word in words)


def _rank(plain: pd.Series[str], wanted: str) -> NDArray[np.float64]:
    """0 same name, 1 same but for articles and kind, 2 start, 3 start of a word, 4 all words."""
    bare = plain.str.replace(LEADING_WORDS, "", regex=True)
    bare_wanted = re.sub(LEADING_WORDS, "", wanted) or wanted
    all_words = np.ones(len(plain), dtype=bool)
    for word in wanted.split():
        all_words &= plain.str.contains(word, regex=False).to_numpy(bool)
    ranks = (
        (plain == wanted).to_numpy(bool),
        (bare == bare_wanted).to_numpy(bool),
        bare.str.startswith(bare_wanted).to_numpy(bool),
        (" " + plain).str.contains(" " + wanted, regex=False).to_numpy(bool),
        all_words,
    )
    return np.select(ranks, (0.0, 1.0, 2.0, 3.0, 4.0), np.nan)


@lru_cache(maxsize=1)
def _communes() -> pd.DataFrame:
    """The commune table, sorted by code, with the code of the territory of each commune."""
    import pandas as pd

    with (files("cosim.data") / "communes.parquet").open("rb") as file:
        table = pd.read_parquet(file)
    for column in ("code", "nom", "dep", "reg", "epci", "ept"):
        table[column] = table[column].astype(object)
    table["territory"] = table.ept.where(table.ept.notna(), table.epci)
    table.loc[table.code == PARIS, "territory"] = PARIS
    return table.sort_values("code", ignore_index=True)


@lru_cache(maxsize=1)
def _territories() -> pd.DataFrame:
    import pandas as pd

    with (files("cosim.data") / "epci.csv.gz").open("rb") as file:
        names = pd.read_csv(
            file, compression="gzip", dtype={"code": str}, usecols=["code", "nom", "type"]
        )
    names = names[names.code != GRAND_PARIS].rename(columns={"nom": "name"})
    paris = pd.DataFrame({"code": [PARIS], "name": ["Paris"], "type": ["Paris"]})
    counts = (
        _communes()
        .groupby("territory")
        .agg(
            dep=("dep", lambda deps: "-".join(sorted(set(deps)))),
            inhabitants=("population", "sum"),
            n_communes=("code", "size"),
            councillors=("conseillers", "sum"),
            lon=("lon", "mean"),
            lat=("lat", "mean"),
        )
        .astype({"inhabitants": "int64", "councillors": "int64", "lon": float, "lat": float})
    )
    table = pd.concat([names, paris]).merge(counts, left_on="code", right_index=True)
    return table.sort_values("code", ignore_index=True)


@lru_cache(maxsize=1)
def _codes() -> frozenset[str]:
    return frozenset(_territories().code)


@lru_cache(maxsize=1)
def _search_names() -> tuple[pd.Series[str], pd.Series[str]]:
    """Plain names of the territories and of the communes, in the order of their tables."""
    return _territories().name.map(_plain), _communes().nom.map(_plain)


@lru_cache(maxsize=64)
def _load(code: str) -> Territory:
    row = _territories().set_index("code").loc[code]
    towns = _communes()
    return _made(code, row["name"], row["type"], towns[towns.territory == code])


def _made(code: str, name: object, kind: object, towns: pd.DataFrame) -> Territory:
    return Territory(
        code=code,
        name=str(name),
        kind=str(kind),
        departments=tuple(sorted(set(towns.dep))),
        number=int(code),
        commune_codes=tuple(towns.code),
        commune_names=tuple(towns.nom),
        population=towns.population.to_numpy(np.int64, copy=True),
        councillors=towns.conseillers.to_numpy(np.int64, copy=True),
        lon=_filled(towns.lon),
        lat=_filled(towns.lat),
        km2=_filled(towns.km2),
    )


def _filled(column: pd.Series[float]) -> NDArray[np.float64]:
    """The column, missing values replaced by the mean of the others."""
    values = np.array(column, dtype=np.float64)
    missing = np.isnan(values)
    values[missing] = values[~missing].mean()
    return values


def _unknown(code: str, island: bool) -> TerritoryError:
    if island:
        return TerritoryError(
            "this commune belongs to no EPCI, hence to no territory", key="territory", found=code
        )
    from cosim.cases import CASES

    table = _territories()
    case = CASES.get("-".join(_plain(code).removeprefix("cas ").split()))
    hits = find(code)
    if hits.empty:
        name = nearest(code, [*table.name, *_communes().nom]) or nearest(code, table.code)
        hits = find(name) if name else hits
    near = None if hits.empty else f"{hits.code.iloc[0]} ({hits.name.iloc[0]})"
    return TerritoryError(
        "unknown territory",
        key="territory",
        found=code,
        expected="the code of an EPCI, of an EPT or of a commune, or a cas-type as cas-rural",
        nearest=case.code if case else near,
    )
