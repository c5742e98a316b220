"""What the documents put together from several indicators: seven forces, a barycentre, ladders.

Tables of numbers from an ensemble's series; `figures_concepts.py` draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cosim.indicators import INDICATORS, LADDER, WORLDS
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd

    from cosim.results import Ensemble

__all__ = ["FORCES", "LADDERS", "Ladder", "barycentre", "ladders", "last_year", "seven_forces"]

FORCES = INDICATORS["force"].groups
#: A force below is taken to be this: one that is missing weighs, without making the index zero.
FLOOR = 0.01
SCALE = 0.90
_LEVERS = ("vision", "gestion", "action")


class Ladder(NamedTuple):
    """How a family names its ladder and the four rungs, the lowest first."""

    fr: str
    en: str
    rungs_fr: tuple[str, str, str, str]
    rungs_en: tuple[str, str, str, str]

    def name(self, lang: str = "fr") -> str:
        """Return the ladder's name."""
        return self.en if lang == "en" else self.fr

    def rungs(self, lang: str = "fr") -> tuple[str, str, str, str]:
        """Return the names of the four rungs."""
        return self.rungs_en if lang == "en" else self.rungs_fr


#: The four ladders bear the documents' names. The rungs of companies are the published levels of
#: RSE; those of the three other families are our wording (assumption): the documents name where
#: each ladder starts and where it leads, and no step between.
LADDERS: Mapping[str, Ladder] = MappingProxyType(
    {
        "elu": Ladder(
            "Élus : de la gestion à la co-construction", "Élus: from management to co-construction",
            ("Gestion seule", "Consultation", "Concertation", "Co-construction"),
            ("Management alone", "Consultation", "Joint deliberation", "Co-construction"),
        ),
        "association": Ladder(
            "Associations : hybridation du modèle", "Associations: a hybrid model",
            ("Modèle unique", "Ressources mixtes", "Modèle diversifié", "Modèle hybride"),
            ("Single model", "Mixed resources", "Diversified model", "Hybrid model"),
        ),
        "company": Ladder(
            "Entreprises : maturité de la RSE", "Companies: maturity of CSR",
            ("Respect de la législation", "Gestion des risques", "Leviers d'efficacité",
             "Impacts sur le développement"),
            ("Compliance with the law", "Management of risks", "Levers of efficiency",
             "Impact on development"),
        ),
        "academic": Ladder(
            "Académiques : des « pères » aux « pairs »", "Academics: from “fathers” to “peers”",
            ("Savoir transmis", "Savoir appliqué", "Savoir partagé", "Savoir entre pairs"),
            ("Knowledge handed down", "Knowledge applied", "Knowledge shared",
             "Knowledge among peers"),
        ),
    }
)  # fmt: skip


def seven_forces(ensemble: Ensemble, reference: Ensemble | None = None) -> pd.DataFrame:
    """Return the seven forces of each replicate and month, and their geometric mean.

    A force is divided by the 90th percentile of the reference, over all its replicates and
    months, and is at least .01. Where the reference has none of a force at all (a territory
    without catalysts has no dispositifs), the percentile is the ensemble's own. The geometric
    mean is not compensatory: a force that is missing is not made up for by another.

    Parameters
    ----------
    reference : the ensemble that gives the scale (default: the ensemble itself)

    Returns
    -------
    DataFrame : replicate, month, force, raw, value, index (the same for the seven forces)
    """
    import pandas as pd

    raw = _forces(ensemble)
    own = np.quantile(raw, SCALE, axis=(0, 1))
    scale = own if reference is None else np.quantile(_forces(reference), SCALE, axis=(0, 1))
    scale = np.where(scale > 0.0, scale, own)
    value = np.maximum(np.divide(raw, scale, out=np.zeros_like(raw), where=scale > 0.0), FLOOR)
    n, months, forces = raw.shape
    return pd.DataFrame(
        {
            "replicate": np.repeat(np.asarray(ensemble.replicates), months * forces),
            "month": np.tile(np.repeat(ensemble.months.to_numpy(), forces), n),
            "force": np.tile(np.asarray(FORCES, dtype=object), n * months),
            "raw": raw.ravel(),
            "value": value.ravel(),
            "index": np.repeat(_geometric(value), forces),
        }
    )


def last_year(forces: pd.DataFrame) -> pd.DataFrame:
    """Return the forces over the last twelve months: births of one month are mostly luck.

    Parameters
    ----------
    forces : what `seven_forces` returned

    Returns
    -------
    DataFrame : one row per replicate; each force (mean of `value`) and index, their geometric mean
    """
    months = np.sort(forces["month"].unique())[-12:]
    recent = forces[forces["month"].isin(months)]
    table = recent.pivot_table("value", "replicate", "force")[list(FORCES)]
    return table.assign(index=_geometric(table.to_numpy()))


def _forces(ensemble: Ensemble) -> Array:
    """float64[replicates, months, 7]."""
    return np.stack([ensemble.array("force", force) for force in FORCES], axis=-1)


def _geometric(values: Array) -> Array:
    mean: Array = np.exp(np.log(values).mean(axis=-1))
    return mean


def barycentre(ensemble: Ensemble) -> pd.DataFrame:
    """Return the path of the median barycentre of the three levers.

    Returns
    -------
    DataFrame : month, vision, gestion, action (shares, sum 1), total (their sum before, which the
    shares hide), yearly (every twelfth month, and the last)
    """
    import pandas as pd

    shares = _medians(ensemble, "lever", _LEVERS)
    numbers = np.arange(len(shares))
    return pd.DataFrame(
        {
            "month": ensemble.months,
            **dict(zip(_LEVERS, shares.T, strict=True)),
            "total": np.median(ensemble.array("lever", "total"), axis=0),
            "yearly": (numbers % 12 == 0) | (numbers == len(numbers) - 1),
        }
    )


def ladders(ensemble: Ensemble) -> pd.DataFrame:
    """Return the share of each family on each rung: medians over replicates, made to sum to 1.

    Returns
    -------
    DataFrame : kind, month, rung (1 to 4, named by `LADDERS`), share
    """
    import pandas as pd

    return pd.concat(
        [
            pd.DataFrame(
                {
                    "kind": kind,
                    "month": np.repeat(ensemble.months.to_numpy(), len(LADDER)),
                    "rung": np.tile(LADDER, len(ensemble.months)),
                    "share": _medians(ensemble, "rung", [f"{kind}/{k}" for k in LADDER]).ravel(),
                }
            )
            for kind in WORLDS
        ],
        ignore_index=True,
    )


def _medians(ensemble: Ensemble, indicator: str, groups: tuple[str, ...] | list[str]) -> Array:
    """Medians of parts of a whole, float64[months, groups], each month's sum 1 (or all 0)."""
    parts = np.stack(
        [np.median(ensemble.array(indicator, group), axis=0) for group in groups], axis=-1
    )
    total = parts.sum(axis=-1, keepdims=True)
    shares: Array = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0.0)
    return shares
