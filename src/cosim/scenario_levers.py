"""The tables of a scenario's levers and rival rules: every key, its limits, its words (ODD §7.14).

A lever has a start, an end, a cost and a budget; at its defaults it does nothing at all.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import model_validator

from cosim.scenario_tables import Month, Table, about, check_dates

#: Keys by which the national money of the usine is shared.
UsineKey = Literal["none", "equal", "population", "need", "catalysts", "elsewhere"]

# fmt: off


class Dated(Table):
    """What starts and ends."""

    start: Annotated[Month | None, about(
        "month", "début", "start",
        "premier mois (absent : dès le début)", "first month (absent: from the beginning)",
    )] = None
    end: Annotated[Month | None, about(
        "month", "fin", "end",
        "premier mois sans (absent : jamais)", "first month without it (absent: never)",
    )] = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        check_dates(self.start, self.end)
        return self


class Funded(Dated):
    """What starts, ends and stops when its money is spent."""

    budget: Annotated[float | None, about(
        "number", "budget total", "total budget",
        "k€ en tout ; le levier s'arrête quand ils sont dépensés (absent : sans limite)",
        "k€ in all; the lever stops when they are spent (absent: no limit)", ge=0, le=1e6,
    )] = None


def _yearly(fr: str, en: str, what_fr: str, what_en: str) -> Any:
    return about("number", fr, en, f"k€ par an {what_fr}", f"k€ a year {what_en}", ge=0, le=1e5)


class Lieux(Funded):
    """Lieux publics — public places."""

    number: Annotated[int, about(
        "integer", "lieux publics", "public places",
        "lieux ouverts, en plus de ceux que tiennent des catalyseurs",
        "places open, beside those that catalysts run", ge=0, le=20,
    )] = 0
    capacity: Annotated[int, about(
        "integer", "habitués par lieu", "regulars of a place",
        "personnes qui fréquentent un lieu", "people who attend one place", ge=1, le=160,
    )] = 40


class Droit(Funded):
    """Droit de l'alliance — law of the alliance."""

    strength: Annotated[float, about(
        "number", "droit de l'alliance", "law of the alliance",
        "force du droit de l'alliance (0 : absent ; 1 : plein effet)",
        "strength of the law of the alliance (0: absent; 1: full effect)", ge=0, le=1,
    )] = 0.0


class Ingenierie(Funded):
    """Ingénierie de l'alliance — engineering of the alliance."""

    fte: Annotated[float, about(
        "number", "ETP d'ingénierie de l'alliance", "FTE of engineering of the alliance",
        "ingénieurs qui suivent les alliances les plus complexes",
        "engineers who follow the most complex alliances", ge=0, le=200,
    )] = 0.0
    funds: Annotated[float, _yearly(
        "fonds d'ingénierie", "funds of engineering",
        "pour financer de premiers pas (expérimentations)", "that pay first steps (experiments)",
    )] = 0.0


class Prime(Dated):
    """Prime à l'alliance — premium for the alliance."""

    amount: Annotated[float, about(
        "number", "prime par alliance", "premium for one alliance",
        "k€ versés à une alliance locale qui naît", "k€ paid to a local alliance that is born",
        ge=0, le=500,
    )] = 0.0
    yearly_budget: Annotated[float, about(
        "number", "budget annuel des primes", "yearly budget of premiums",
        "k€ par an ; plus de prime quand ils sont dépensés, le reste est perdu en fin d'année",
        "k€ a year; no more premium when they are spent, what is left is lost at the year's end",
        ge=0, le=1e5,
    )] = 100.0


class Shared(Funded):
    """What serves four publics."""

    organisations: Annotated[float, _yearly(
        "pour les organisations", "for organisations",
        "pour les associations et les entreprises", "for associations and companies",
    )] = 0.0
    territoires: Annotated[float, _yearly(
        "pour les territoires", "for territories",
        "pour les catalyseurs et les lieux", "for catalysts and places",
    )] = 0.0
    collectivites: Annotated[float, _yearly(
        "pour les collectivités", "for local authorities", "pour les élus", "for élus",
    )] = 0.0
    institutions: Annotated[float, _yearly(
        "pour les institutions et investisseurs", "for institutions and investors",
        "pour les institutions et les investisseurs", "for institutions and investors",
    )] = 0.0


class Donnees(Shared):
    """Données — data."""


class Outils(Shared):
    """Outils — tools."""


class Competences(Shared):
    """Compétences — skills."""


class Reconnaissance(Funded):
    """Reconnaissance — recognition."""

    funds: Annotated[float, _yearly(
        "moyens de la reconnaissance", "funds of recognition",
        "pour révéler des alliances informelles", "that reveal informal alliances",
    )] = 0.0


class Usine(Dated):
    """Usine de la co-construction — the usine of co-construction."""

    key: Annotated[UsineKey, about(
        "choice", "clé de l'usine", "key of the usine",
        "part des 8 M€ + 5 M€ nationaux : aucune, égale entre territoires, selon la population, "
        "selon le besoin (habitants des communes de moins de 2 000), là où sont des catalyseurs, "
        "là où il n'y en a pas (les deux dernières : `cosim france` seulement)",
        "share of the national 8 M€ + 5 M€: none, equal between territories, by population, by "
        "need (inhabitants of communes below 2,000), where catalysts are, elsewhere (the last two: "
        "`cosim france` only)",
    )] = "none"
    factor: Annotated[float, about(
        "number", "facteur de l'usine", "factor of the usine",
        "facteur sur cette part", "factor on that share", ge=0, le=1000,
    )] = 1.0
    months: Annotated[int, about(
        "integer", "durée de l'usine", "length of the usine",
        "mois sur lesquels l'enveloppe est dépensée", "months over which the envelope is spent",
        ge=1, le=600,
    )] = 36


class France(Table):
    """France : ce qui relie les territoires — what links the territories (`cosim france` only)."""

    catalysts: Annotated[Literal["published", "none"], about(
        "choice", "catalyseurs de France", "catalysts of France",
        "les 350 postes publiés, de 2008 à 2020, ou aucun",
        "the 350 published posts, from 2008 to 2020, or none",
    )] = "published"
    neighbours: Annotated[bool, about(
        "flag", "voisinage", "neighbours",
        "les élus imitent les territoires voisins qui sont en avance",
        "élus imitate the neighbouring territories that are ahead",
    )] = True
    gathering: Annotated[bool, about(
        "flag", "rencontre annuelle", "yearly gathering",
        "les catalyseurs rapportent de juillet les réussites d'ailleurs",
        "catalysts bring successes of elsewhere home in July",
    )] = True
    lag: Annotated[int, about(
        "integer", "délai des nouvelles", "delay of news",
        "mois avant que l'on sache ce que font les autres territoires",
        "months until what other territories do is known", ge=1, le=24,
    )] = 6
    money: Annotated[Literal["each", "shared"], about(
        "choice", "moyens des leviers", "means of the levers",
        "ceux de chaque territoire, ou ceux de toute la France, partagés selon la population",
        "those of each territory, or those of all of France, shared by population",
    )] = "each"


class Rules(Table):
    """Règles rivales — rival rules."""

    maturity: Annotated[Literal["min", "scalar"], about(
        "choice", "règle de maturité", "rule of maturity",
        "le plus petit de l'envie et du savoir-faire, ou un seul niveau",
        "the smaller of commitment and know-how, or one scalar",
    )] = "min"
    trust: Annotated[Literal["asymmetric", "beta", "confirmatory"], about(
        "choice", "règle de confiance", "rule of trust",
        "gain lent et perte rapide, comptes bêta avec oubli, ou ce qui confirme pèse plus",
        "slow gain and fast loss, beta counts with forgetting, or what confirms weighs more",
    )] = "asymmetric"
    imitation: Annotated[Literal["linear", "bounded"], about(
        "choice", "règle d'imitation", "rule of imitation",
        "tous les contacts comptent, ou seulement ceux qui pensent à peu près pareil",
        "all contacts count, or only those of a similar mind",
    )] = "linear"
    third_party: Annotated[Literal["on", "off", "warnings"], about(
        "choice", "tiers de confiance", "trusted third party",
        "prête sa confiance, ne la prête pas, ou met aussi en garde",
        "lends its trust, does not, or warns as well",
    )] = "on"
