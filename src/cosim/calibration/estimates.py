"""From the sums of trials to known effects: estimates, their intervals, what they stand for.

Intervals are drawn over replicates (bootstrap), so that what happens together in one territory
counts once; for S5 they are those of a sandwich estimate by replicate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np

from cosim.calibration import trials
from cosim.errors import CosimError
from cosim.facts import fact
from cosim.state import Array

Lang = Literal["fr", "en"]
#: What the sums of replicates say: float64[..., sums] -> float64[...].
Statistic = Callable[[Array], Array]

#: Samples of the bootstrap.
SAMPLES = 2_000
#: "No fading" (S4): share of the effect that must be left a year after its end; an assumption.
KEPT = 0.5


class Beside(NamedTuple):
    """A figure that says under which conditions an effect was measured; it may have limits."""

    fr: str
    en: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def holds(self) -> bool:
        """Whether it is within its limits, if it has any."""
        return _within(self.value, self.low, self.high)


@dataclass(frozen=True)
class Effect:
    """One known effect, as published and as the model gives it.

    Parameters
    ----------
    code : S1 to S5
    name : the fact that it is compared with, or its own name where no figure is published
    value, low, high : estimate and 95 % interval
    published : the published figure; None where only a direction is published
    at_least, at_most : what is accepted
    fr, en : what exactly is compared in the model
    beside : conditions, and other readings of the same trial
    replicates : of the trial
    """

    code: str
    name: str
    value: float
    low: float
    high: float
    published: float | None
    at_least: float | None
    at_most: float | None
    fr: str
    en: str
    beside: tuple[Beside, ...]
    replicates: int

    @property
    def met(self) -> bool:
        """Whether the estimate is accepted, under conditions that hold."""
        inside = _within(self.value, self.at_least, self.at_most)
        return inside and all(figure.holds for figure in self.beside)

    @property
    def sure(self) -> bool:
        """Whether the whole interval is on one side of the limits."""
        ends = {_within(x, self.at_least, self.at_most) for x in (self.low, self.value, self.high)}
        return len(ends) == 1

    def text(self, lang: Lang = "fr") -> str:
        """What exactly is compared."""
        return self.en if lang == "en" else self.fr

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "code": self.code, "effect": self.name, "value": self.value, "low": self.low,
            "high": self.high, "published": self.published, "at_least": self.at_least,
            "at_most": self.at_most, "met": self.met, "sure": self.sure, "fr": self.fr,
            "en": self.en, "replicates": self.replicates,
            "beside": [figure._asdict() for figure in self.beside],
        }  # fmt: skip


# -- intervals ----------------------------------------------------------------------------


def interval(sums: Array, statistic: Statistic) -> tuple[float, float, float]:
    """Return a statistic of summed replicates and its 95 % interval.

    Replicates are drawn again with replacement (percentile bootstrap, Efron 1979), so that what
    happens together in one territory counts once.

    Parameters
    ----------
    sums : float64[replicates, sums]
    """
    draw = np.random.default_rng(0)
    weights = draw.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=SAMPLES)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(sums.sum(axis=0)))
        low, high = np.quantile(statistic(weights @ sums), (0.025, 0.975))
    return value, float(low), float(high)


def ratio_of_shares(n: int, k: int, n0: int, k0: int) -> Statistic:
    """Return the statistic (share k of n) / (share k0 of n0); arguments are places in the sums."""
    return lambda s: (s[..., k] / s[..., n]) / (s[..., k0] / s[..., n0])


def _share(k: int, n: int) -> Statistic:
    return lambda s: s[..., k] / s[..., n]


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _effect(
    name: str, found: tuple[float, float, float], replicates: int, fr: str, en: str,
    beside: Sequence[Beside] = (),
) -> Effect:  # fmt: skip
    """Return the effect that one published fact is about."""
    known = fact(name)
    published, at_least, at_most = (_number(x) for x in (known.value, known.low, known.high))
    return Effect(
        known.code, name, *found, published, at_least, at_most, fr, en, tuple(beside), replicates
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _meeting(found: list[Array]) -> list[Effect]:
    sums = np.array(found)
    controls = interval(sums, _share(4, 2))[0]
    return [_effect(
        "meeting_effect", interval(sums, ratio_of_shares(0, 1, 2, 3)), len(sums),
        "paires d'une même commune à distance 2, tirées au sort : une rencontre ou rien ; alliance "
        "en commun dans les 12 mois, rapport des risques",
        "pairs of one commune at distance 2, randomised: one meeting or nothing; alliance in "
        "common within 12 months, ratio of risks",
        [Beside("témoins qui se rencontrent d'eux-mêmes en 12 mois",
                "controls who meet by themselves within 12 months", controls,
                *trials.CONTROLS_MEET),
         Beside("alliance en commun, témoins", "alliance in common, controls",
                interval(sums, _share(3, 2))[0]),
         Beside("alliance en commun, traités", "alliance in common, treated",
                interval(sums, _share(1, 0))[0])],
    )]  # fmt: skip


def _introduction(found: list[Array]) -> list[Effect]:
    sums = np.array(found)
    untouched = Beside("alliance en commun à 12 mois, sans rien",
                       "alliance in common at 12 months, without anything",
                       interval(sums, _share(1, 0))[0])  # fmt: skip
    return [
        _effect(
            "information_effect", interval(sums, ratio_of_shares(2, 3, 0, 1)), len(sums),
            "inconnus : l'information seule (levier données à pleine dose pendant un an) ou rien ; "
            "alliance en commun 12 mois après, rapport",
            "strangers: information alone (lever données at full dose for a year) or nothing; "
            "alliance in common 12 months later, ratio",
            [untouched],
        ),
        _effect(
            "experiment_effect", interval(sums, ratio_of_shares(4, 5, 0, 1)), len(sums),
            "inconnus : un essai aidé à deux (expérimentation) ou rien ; alliance en commun encore "
            "vivante 12 mois après, rapport",
            "strangers: a subsidised trial of two (experiment) or nothing; alliance in common "
            "still living 12 months later, ratio",
            [untouched,
             Beside("alliance en commun à 12 mois, après un essai",
                    "alliance in common at 12 months, after a trial",
                    interval(sums, _share(5, 4))[0])],
        ),
    ]  # fmt: skip


def _place(found: list[Array]) -> list[Effect]:
    sums = np.array(found)
    return [
        _effect(
            "place_effect", interval(sums, ratio_of_shares(0, 1, 0, 2)), len(sums),
            "habitués d'un lieu, paires d'une même commune : alliance en commun dans les 24 mois "
            "d'ouverture, rapport aux mêmes paires sans lieu",
            "regulars of a place, pairs of one commune: alliance in common within the 24 months "
            "that it is open, ratio to the same pairs without the place",
            [Beside("le même rapport, toutes les paires d'habitués",
                    "the same ratio, all pairs of regulars",
                    interval(sums, ratio_of_shares(5, 6, 5, 7))[0]),
             Beside("mois avec un contact, même rapport", "months with a contact, same ratio",
                    interval(sums, ratio_of_shares(0, 3, 0, 4))[0])],
        ),
        _effect(
            "place_ties_kept", interval(sums, _share(11, 10)), len(sums),
            "liens nés dans le lieu, entre personnes toujours là : part gardée 24 mois après la "
            "fermeture",
            "ties born in the place, between people who are still there: share kept 24 months "
            "after it closed",
        ),
    ]  # fmt: skip


def odds_ratio(sums: Array) -> Array:
    """Return the odds ratio of know-how above .5, treated against twins, float64[...].

    Parameters
    ----------
    sums : float64[..., 2 arms, 4] of `trials.accompaniment`
    """
    n, k = sums[..., 0], sums[..., 3]
    odds = k / (n - k)
    return np.asarray(odds[..., 0] / odds[..., 1])


def standardised(sums: Array) -> Array:
    """Return the difference of mean know-how in standard deviations of the twins, float64[...]."""
    mean = sums[..., 1] / sums[..., 0]
    spread = np.sqrt(sums[..., 1, 2] / sums[..., 1, 0] - mean[..., 1] ** 2)
    return np.asarray((mean[..., 0] - mean[..., 1]) / spread)


def _gain(sums: Array) -> Array:
    mean = sums[..., 1] / sums[..., 0]
    return np.asarray(mean[..., 0] - mean[..., 1])


def _accompaniment(found: list[Array]) -> list[Effect]:
    whole = np.array(found)
    shape = whole.shape[1:]
    sums = whole.reshape(len(whole), -1)
    few, usual, many = range(len(trials.CASELOADS))

    def of(statistic: Statistic, caseload: int, date: int) -> Statistic:
        return lambda s: statistic(s.reshape(*s.shape[:-1], *shape)[..., caseload, date, :, :])

    def quotient(above: Statistic, below: Statistic) -> Statistic:
        return lambda s: above(s) / below(s)

    def able(arm: int) -> float:
        n, _, _, k = whole.sum(axis=0)[usual, 0, arm]
        return float(k / n)

    smd = standardised
    kept = interval(sums, quotient(of(_gain, usual, 1), of(_gain, usual, 0)))
    return [
        _effect(
            "coaching_odds_ratio", interval(sums, of(odds_ratio, usual, 0)), len(sums),
            "savoir-faire au-dessus de .5 après 12 mois d'accompagnement, 12 par ETP ; rapport des "
            "cotes aux mêmes acteurs sans catalyseurs",
            "know-how above .5 after 12 months of accompaniment, 12 per FTE; odds ratio to the "
            "same actors without catalysts",
            [Beside("savoir-faire au-dessus de .5, sans", "know-how above .5, without", able(1)),
             Beside("savoir-faire au-dessus de .5, avec", "know-how above .5, with", able(0)),
             Beside("rapport des cotes 12 mois plus tard", "odds ratio 12 months later",
                    interval(sums, of(odds_ratio, usual, 1))[0]),
             Beside("différence en écarts-types", "difference in standard deviations",
                    interval(sums, of(smd, usual, 0))[0])],
        ),
        _effect(
            "coaching_dilution",
            interval(sums, quotient(of(smd, many, 0), of(smd, few, 0))), len(sums),
            "différence de savoir-faire en écarts-types : 40 accompagnés par ETP, rapport à 5",
            "difference of know-how in standard deviations: 40 accompanied per FTE, ratio to 5",
        ),
        Effect(
            fact("coaching_odds_ratio").code, "coaching_kept", *kept, None, KEPT, None,
            "gain de savoir-faire 12 mois après la fin de l'accompagnement, part de celui de la "
            "fin (publié : ne s'efface pas ; borne : hypothèse)",
            "gain of know-how 12 months after the end of accompaniment, share of that at its end "
            "(published: no fading; bound: assumption)",
            (), len(sums),
        ),
    ]  # fmt: skip


COVARIATES = ("support", "trust", "maturity")


def hazard_ratios(found: list[Array]) -> dict[str, tuple[float, float, float]]:
    """Return hazard ratio and 95 % interval of `COVARIATES`: Cox's model, clustered by replicate.

    Age is the clock, with late entry; the interval is that of the sandwich estimate (Lin & Wei
    1989) where the replicate is the cluster.

    Parameters
    ----------
    found : one float64[episodes, 6] of `trials.support` per replicate

    Raises
    ------
    CosimError : lifelines is not installed; no ending under support, or none without
    """
    import pandas as pd

    try:
        from lifelines import CoxPHFitter
    except ModuleNotFoundError as error:
        raise CosimError("lifelines is not installed", key=error.name,
                         expected="pip install 'cosim[viz]'") from None  # fmt: skip
    names = ["entered", "age", "ended", *COVARIATES]
    whole = pd.concat(
        [pd.DataFrame(rows, columns=names).assign(replicate=k) for k, rows in enumerate(found)]
    )
    if whole.groupby("support").ended.sum().gt(0).sum() < 2:
        raise CosimError("too few endings to compare", key="replicates", found=len(found),
                         expected="more replicates")  # fmt: skip
    fitter = CoxPHFitter()
    fitter.fit(whole, "age", "ended", entry_col="entered", cluster_col="replicate", robust=True)
    ends = np.exp(fitter.confidence_intervals_.to_numpy())
    ratios = fitter.hazard_ratios_[list(COVARIATES)]
    return {
        name: (float(ratio), float(low), float(high))
        for name, ratio, (low, high) in zip(COVARIATES, ratios, ends, strict=True)
    }


def _support(found: list[Array]) -> list[Effect]:
    ratios = hazard_ratios(found)
    rows = np.concatenate(found)
    months = rows[:, 1] - rows[:, 0]
    supported = rows[:, 3] > 0
    return [_effect(
        "support_hazard_ratio", ratios["support"], len(found),
        "fin d'une alliance (échec, épuisement) selon qu'un membre est accompagné ce mois-là ; "
        "modèle de Cox, à confiance et maturité des membres égales, rapport des risques",
        "ending of an alliance (failed, faded) by whether a member is accompanied that month; "
        "Cox model, adjusted for trust and maturity of the members, hazard ratio",
        [Beside("fins observées", "endings seen", float(rows[:, 2].sum())),
         Beside("part des mois sous accompagnement", "share of months under support",
                float(months[supported].sum() / months.sum())),
         Beside("rapport des risques par point de confiance (0 à 1)",
                "hazard ratio per unit of trust (0 to 1)", ratios["trust"][0]),
         Beside("rapport des risques par point de maturité (0 à 1)",
                "hazard ratio per unit of maturity (0 to 1)", ratios["maturity"][0])],
    )]  # fmt: skip


#: Name of a trial -> what reads its effects.
READERS: Mapping[str, Callable[[list[Array]], list[Effect]]] = MappingProxyType({
    "meeting": _meeting, "introduction": _introduction, "place": _place,
    "accompaniment": _accompaniment, "support": _support,
})  # fmt: skip
