"""What an élu moves, and the scenario that it means. No Solara, no statistics.

The address of the page is the state: `from_query` reads it, clamps nothing silently, and says in
French what it does not accept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from cosim import scenario, territory
from cosim.errors import CosimError
from cosim.indicators import INDICATORS
from cosim.state import METIERS

if TYPE_CHECKING:
    from cosim.scenario import Scenario

#: The document that every page starts from; the reference is the same without catalysts.
BASE = "reference-2020"
#: About so many actors are simulated; a larger territory is sampled at equal density.
MOST_ACTORS = 900
#: Indicators that the page offers, with the first one shown.
SHOWN = ("alliances", "engaged", "able", "convinced", "trust_across", "successes")
MIXES = ("equilibre", *METIERS)
MIX_LABELS = {
    "equilibre": "Les quatre métiers à parts égales",
    "dialogue": "Dialogue territorial",
    "experimentation": "Expérimentations collectives",
    "accompagnement": "Accompagnement",
    "lieu": "Gestion d'un lieu",
}


@dataclass(frozen=True, slots=True)
class Range:
    """One slider: query key, bounds, step, the reference's value, words."""

    key: str
    low: float
    high: float
    step: float
    reference: float
    label: str
    unit: str
    hint: str


RANGES = {
    "fte": Range("etp", 0, 12, 0.5, 0, "Moyens de catalyse", "ETP",
                 "Équivalents temps plein de catalyseurs, 75 k€ par an chacun"),
    "start": Range("debut", 2020, 2030, 1, 2021, "Début du soutien", "",
                   "Les catalyseurs commencent en janvier"),
    "caseload": Range("suivis", 3, 40, 1, 12, "Acteurs accompagnés par ETP", "",
                      "Plus ils sont nombreux, moins chacun apprend"),
    "crisis": Range("crise", 0, 2, 0.25, 1, "Profondeur de la crise de 2020", "",
                    "0 : pas de crise ; 1 : comme en 2020 (hypothèse)"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Levers:
    """The state of the page."""

    code: str = "200071371"
    fte: float = 2.0
    start: float = 2021
    caseload: float = 12
    crisis: float = 1.0
    mix: str = "equilibre"
    shown: str = "alliances"


DEFAULT = Levers()


def with_value(levers: Levers, name: str, value: float) -> Levers:
    """Return `levers` with one slider moved, held to its bounds and step."""
    r = RANGES[name]
    if not math.isfinite(value):
        return levers
    steps = round((min(r.high, max(r.low, value)) - r.low) / r.step)
    moved: dict[str, Any] = {name: r.low + steps * r.step}
    return replace(levers, **moved)


def to_query(levers: Levers) -> str:
    """Return the query string that restores the page."""
    pairs = [("territoire", levers.code)]
    pairs += [(r.key, f"{getattr(levers, name):g}") for name, r in RANGES.items()]
    pairs += [("metier", levers.mix), ("courbe", levers.shown)]
    return urlencode(pairs)


def from_query(query: str) -> tuple[Levers, str]:
    """Return the levers of a query string and, in French, what was refused ("" if nothing)."""
    levers = DEFAULT
    refused: list[str] = []
    keys = {r.key: name for name, r in RANGES.items()}
    try:
        pairs = parse_qsl(query[:2000].lstrip("?"), keep_blank_values=True, max_num_fields=40)
    except ValueError:
        return levers, "L'adresse n'est pas lisible : la page part de ses valeurs habituelles."
    for key, text in pairs:
        if key in keys:
            r = RANGES[keys[key]]
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not (math.isfinite(value) and r.low <= value <= r.high):
                refused.append(f"{key}={text[:20]} (attendu : de {r.low:g} à {r.high:g})")
            else:
                levers = with_value(levers, keys[key], value)
        elif key == "territoire":
            try:
                levers = replace(levers, code=territory.load(text[:20]).code)
            except CosimError:
                refused.append(f"territoire={text[:20]} (attendu : un code d'EPCI ou de commune)")
        elif key == "metier" and text in MIXES:
            levers = replace(levers, mix=text)
        elif key == "courbe" and text in SHOWN:
            levers = replace(levers, shown=text)
        else:
            refused.append(f"{key[:20]}={text[:20]}")
    if refused:
        return levers, "L'adresse contient ce que la page ne connaît pas : " + " ; ".join(refused)
    return levers, ""


@lru_cache(maxsize=256)
def counts(code: str) -> dict[str, int]:
    """Return the actors of a territory one for one, by kind, as the model counts them."""
    from cosim import parameters
    from cosim.population import seats_of
    from cosim.state import KINDS

    seats = seats_of(territory.load(code), parameters.resolve())
    return {
        name: int(((seats["kind"] == kind) & seats["taken"]).sum())
        for kind, name in enumerate(KINDS[:4])
    }


def sample_of(code: str) -> float:
    """Return the sampling fraction of a territory: 1, or one actor in so many."""
    return 1.0 / max(1, math.ceil(sum(counts(code).values()) / MOST_ACTORS))


def scenarios(levers: Levers) -> tuple[Scenario, Scenario]:
    """Return reference and what-if as documents; what files and the command line also read."""
    base = scenario.load(BASE).with_(
        **{"territory.code": levers.code, "territory.sample": sample_of(levers.code)}
    )
    mix = {name: float(levers.mix in ("equilibre", name)) for name in METIERS}
    crises = base.resolved()["context"]["crises"]
    changed = {
        "catalysis.fte": levers.fte,
        "catalysis.start": f"{int(levers.start)}-01",
        "catalysis.caseload": int(levers.caseload),
        "catalysis.mix": mix,
        "context.crises": [{**crisis, "depth": levers.crisis} for crisis in crises]
        if levers.crisis > 0
        else [],
    }
    return base.with_(**{"catalysis.fte": 0.0}), base.with_(**changed)


assert all(name in INDICATORS for name in SHOWN)
