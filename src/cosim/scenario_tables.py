"""The tables of a scenario file: every key, its default, its limits, its words."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from cosim.errors import ScenarioError

# fmt: off
Mechanism = Literal[
    "context", "catalysis", "encounter", "trust", "commitment",
    "know_how", "formation", "life", "outcomes", "recognition",
]
Invitation = Literal["random", "hubs", "periphery", "complementary"]
Domain = Literal[
    "pauvrete", "faim", "vieillissement", "education", "egalite", "eau", "energie", "emploi",
    "innovation_industrie", "inegalites", "lien_social", "consommation", "environnement",
    "oceans", "biodiversite", "paix", "partenariats",
]
Profile = Literal[
    "mixed", "batisseuse", "volontaire", "coordinatrice", "gestionnaire", "idealiste",
]

MECHANISMS: tuple[str, ...] = get_args(Mechanism)
DOMAINS: tuple[str, ...] = get_args(Domain)
METIERS = ("dialogue", "experimentation", "accompagnement", "lieu")
MAX_MONTHS = 600


def about(kind: str, label_fr: str, label_en: str, fr: str, en: str, **limits: Any) -> Any:
    """A field with its words: `kind` says what is expected (see `scenario_file.KINDS`)."""
    extra: Any = {"x-kind": kind, "x-label-fr": label_fr, "x-label-en": label_en}
    extra |= {"x-fr": fr, "x-en": en}
    return Field(title=label_fr, description=f"{fr} — {en}", json_schema_extra=extra, **limits)


def refuse(what: str, *, found: Any, expected: str, key: str = "", hint: str | None = None) -> Any:
    """The error of a validator; `key` is relative to the table that is validated."""
    context = {"what": what, "found": found, "expected": expected, "key": key, "hint": hint}
    return PydanticCustomError("cosim", "{what}", context)


def check_dates(start: str | None, end: str | None) -> None:
    """Refuse an end that is not after its start; either may be open."""
    if start and end and end <= start:
        raise refuse("the end is not after the start", key="end", found=end,
                     expected=f"a month after {start}")


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _utf8(text: object) -> object:
    if isinstance(text, str) and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise refuse("not a valid text", found=ascii(text), expected="Unicode text") from None
    return text


Month = Annotated[str, Field(pattern=r"^(199[0-9]|20[0-9]{2}|2100)-(0[1-9]|1[0-2])$")]
Text = Annotated[str, BeforeValidator(_utf8), Field(max_length=5000)]
RuleName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
ModulePath = Annotated[str, BeforeValidator(_utf8), Field(pattern=r"\A[^\x00-\x1f\x7f]+\.py\z")]
Listed = BeforeValidator(_as_tuple)


class Table(BaseModel):
    """One table of the document: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Time(Table):
    """Temps — time."""

    start: Annotated[Month, about(
        "month", "premier mois", "first month",
        "premier mois simulé", "first month simulated",
    )] = "2010-01"
    end: Annotated[Month, about(
        "month", "dernier mois", "last month",
        "dernier mois simulé, compris (600 mois au plus)",
        "last month simulated, included (at most 600 months)",
    )] = "2016-12"
    substeps: Annotated[int, about(
        "integer", "pas par mois", "steps per month",
        "nombre de pas par mois", "number of steps in a month", ge=1, le=4,
    )] = 1

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        months = ordinal(self.end) - ordinal(self.start) + 1
        if months < 2:
            raise refuse("the end is not after the start", key="end", found=self.end,
                         expected=f"a month after {self.start}")
        if months > MAX_MONTHS:
            raise refuse("the period is too long", key="end", found=f"{months} months",
                         expected=f"at most {MAX_MONTHS} months")
        return self


class Synthetic(Table):
    """Territoire stylisé — stylised territory."""

    communes: Annotated[int, about(
        "integer", "communes du territoire stylisé", "communes of the stylised territory",
        "nombre de communes", "number of communes", ge=1, le=500,
    )] = 3
    population: Annotated[int, about(
        "integer", "habitants du territoire stylisé", "inhabitants of the stylised territory",
        "nombre d'habitants en tout", "number of inhabitants in all", ge=1, le=10_000_000,
    )] = 3000
    number: Annotated[int, about(
        "integer", "numéro du territoire stylisé", "number of the stylised territory",
        "lequel des territoires stylisés", "which of the stylised territories", ge=1, le=1_000_000,
    )] = 1

    @model_validator(mode="after")
    def _inhabited(self) -> Self:
        if self.population < self.communes:
            raise refuse("a commune would be empty", key="population", found=self.population,
                         expected=f"at least one inhabitant in each of {self.communes} communes")
        return self


#: Starting fragility by domain: a table with one optional number for each.
Fragility: type[Table] = create_model(
    "Fragility",
    __base__=Table,
    __doc__="Fragilité de départ — starting fragility.",
    **{  # type: ignore[call-overload]
        name: (
            Annotated[float | None, about(
                "number", f"fragilité au départ, {name}", f"starting fragility, {name}",
                "indice (absent : `fragility_start`)", "index (absent: `fragility_start`)",
                ge=0, le=100,
            )],
            None,
        )
        for name in DOMAINS
    },
)


class Place(Table):
    """Territoire — territory."""

    code: Annotated[str, about(
        "code", "territoire", "territory",
        "code INSEE du territoire (EPCI, EPT) ou d'une de ses communes, cas-type « cas-rural », "
        "« cas-bourg-centre »…, ou « synthetic »",
        "INSEE code of the territory (EPCI, EPT) or of one of its communes, a typical case "
        "\"cas-rural\", \"cas-bourg-centre\"…, or \"synthetic\"",
        pattern="^([0-9]{9}|[0-9]{5}|2[AB][0-9]{3}|cas-[a-z-]{1,30}|synthetic)$",
    )] = "200057941"
    sample: Annotated[float, about(
        "number", "part simulée", "share simulated",
        "part des acteurs simulée, à densités égales",
        "share of the actors simulated, densities kept", gt=0, le=1,
    )] = 1.0
    profile: Annotated[Profile, about(
        "choice", "profil de collectivité", "profile of the local authority",
        "profil de toutes les communes ; « mixed » : tiré au sort, à parts égales (hypothèse)",
        "profile of all communes; \"mixed\": drawn at random, equal shares (assumption)",
    )] = "mixed"
    domains: Annotated[tuple[Domain, ...], Listed, about(
        "domains", "domaines", "domains",
        "domaines (ODD) dans lesquels on a des besoins et des solutions",
        "domains (SDG) of needs and solutions",
    )] = ("pauvrete", "vieillissement", "education", "emploi", "lien_social", "environnement")
    fragility: Fragility = Fragility()  # type: ignore[valid-type]
    synthetic: Synthetic = Synthetic()

    @field_validator("domains")
    @classmethod
    def _two_or_more(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(names) < 2:
            raise refuse("too few domains", found=list(names), expected="at least two domains")
        return tuple(sorted(_each_once(names), key=DOMAINS.index))


def _share(fr: str, en: str) -> Any:
    return about(
        "number", f"part de {fr}", f"share of {en}",
        f"part des ETP donnée au métier {fr} (les quatre sont rapportées à leur somme)",
        f"share of the FTE given to {en} (the four are divided by their sum)", ge=0, le=1e6,
    )


class Mix(Table):
    """Répartition entre les quatre métiers — mix of the four métiers."""

    dialogue: Annotated[float, _share("dialogue", "dialogue")] = 0.25
    experimentation: Annotated[float, _share("expérimentation", "experimentation")] = 0.25
    accompagnement: Annotated[float, _share("accompagnement", "coaching")] = 0.25
    lieu: Annotated[float, _share("lieu", "places")] = 0.25

    @property
    def shares(self) -> dict[str, float]:
        """The share of each métier; they sum to 1 (or are all 0)."""
        weights = {metier: float(getattr(self, metier)) for metier in METIERS}
        total = sum(weights.values())
        return {metier: weight / total if total else 0.0 for metier, weight in weights.items()}


class Catalysis(Table):
    """Catalyse — catalysis."""

    fte: Annotated[float, about(
        "number", "ETP de catalyseurs", "FTE of catalysts",
        "équivalents temps plein de catalyseurs", "full-time equivalents of catalysts",
        ge=0, le=200,
    )] = 0.0
    start: Annotated[Month | None, about(
        "month", "début de la catalyse", "start of catalysis",
        "premier mois d'appui (absent : dès le début)",
        "first month of support (absent: from the beginning)",
    )] = None
    end: Annotated[Month | None, about(
        "month", "fin de la catalyse", "end of catalysis",
        "premier mois sans appui (absent : jamais)",
        "first month without support (absent: never)",
    )] = None
    restart: Annotated[Month | None, about(
        "month", "reprise de la catalyse", "restart of catalysis",
        "mois où l'appui reprend après sa fin (absent : jamais)",
        "month in which support starts again after its end (absent: never)",
    )] = None
    budget: Annotated[float | None, about(
        "number", "budget de la catalyse", "budget of catalysis",
        "k€ en tout ; l'appui s'arrête quand ils sont dépensés (absent : sans limite)",
        "k€ in all; support stops when they are spent (absent: no limit)", ge=0, le=1e6,
    )] = None
    caseload: Annotated[int, about(
        "integer", "accompagnés par ETP", "caseload per FTE",
        "acteurs accompagnés à la fois par un ETP", "actors accompanied at once by one FTE",
        ge=1, le=40,
    )] = 12
    session_size: Annotated[int, about(
        "integer", "invités par rencontre", "people invited to a session",
        "nombre d'invités à une rencontre de dialogue", "number invited to a dialogue session",
        ge=4, le=40,
    )] = 16
    invitation: Annotated[Invitation, about(
        "choice", "qui est invité", "who is invited",
        "qui est invité : au hasard, les plus connus, la périphérie, les complémentaires",
        "who is invited: at random, the best connected, the periphery, the complementary",
    )] = "random"
    matching: Annotated[Literal["needs", "solutions"], about(
        "choice", "mise en relation", "matching",
        "expérimenter à partir des besoins (premier kilomètre) ou des solutions (derniers)",
        "experiments start from needs (first kilometre) or from solutions (last ones)",
    )] = "needs"
    first_step: Annotated[Literal["medium", "small", "large"], about(
        "choice", "premier pas", "first step",
        "groupes d'expérimentation de 3 à 5 ; de 2 ou 3 qui grandissent ; de 8 à 12",
        "groups of experiments of 3 to 5; of 2 or 3 that grow; of 8 to 12",
    )] = "medium"
    mix: Mix = Mix()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.restart and not (self.end and self.restart > self.end):
            raise refuse("the restart is not after an end", key="restart", found=self.restart,
                         expected=f"a month after {self.end}" if self.end else "an `end` before")
        check_dates(self.start, self.end)
        if self.fte > 0 and not any(self.mix.shares.values()):
            raise refuse("there are catalysts and nothing for them to do", key="mix",
                         found="four shares of 0", expected="at least one share above 0")
        return self


class Crisis(Table):
    """Une crise — a crisis."""

    start: Annotated[Month, about(
        "month", "début de la crise", "start of the crisis", "premier mois", "first month",
    )]
    months: Annotated[int, about(
        "integer", "durée de la crise", "length of the crisis",
        "durée en mois", "length in months", ge=1, le=60,
    )]
    depth: Annotated[float, about(
        "number", "profondeur de la crise", "depth of the crisis",
        "profondeur (1 : celle de 2020)", "depth (1: that of 2020)", ge=0, le=2,
    )] = 1.0


class Context(Table):
    """Contexte — context."""

    elections: Annotated[tuple[Month, ...], Listed, about(
        "months", "élections municipales", "municipal elections",
        "mois des élections municipales", "months of the municipal elections", max_length=200,
    )] = ("2008-03", "2014-03", "2020-06", "2026-03", "2032-03")
    turnover: Annotated[float, about(
        "number", "renouvellement des élus", "turnover of élus",
        "facteur sur la part des élus remplacés", "factor on the share of élus replaced",
        ge=0, le=2,
    )] = 1.0
    odd: Annotated[bool, about(
        "flag", "cadre des ODD", "SDG framework",
        "cadre des Objectifs de développement durable, dès septembre 2015",
        "framework of the Sustainable Development Goals, from September 2015",
    )] = True
    demand: Annotated[bool, about(
        "flag", "demande citoyenne", "citizens' demand",
        "la demande des citoyens agit sur les élus", "citizens' demand acts on élus",
    )] = True
    scissors: Annotated[float, about(
        "number", "effet ciseau", "scissors effect",
        "force de l'effet ciseau : besoins en hausse, moyens en baisse",
        "strength of the scissors effect: needs up, means down", ge=0, le=3,
    )] = 1.0
    crises: Annotated[tuple[Crisis, ...], Listed, about(
        "crises", "crises", "crises",
        "liste de tables : start (mois), months (1 à 60), depth (0 à 2)",
        "list of tables: start (month), months (1 to 60), depth (0 to 2)", max_length=50,
    )] = ()

    @field_validator("elections")
    @classmethod
    def _dated_once(cls, months: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(_each_once(months)))

    @field_validator("crises")
    @classmethod
    def _by_date(cls, crises: tuple[Crisis, ...]) -> tuple[Crisis, ...]:
        return tuple(sorted(crises, key=lambda crisis: (crisis.start, crisis.months, crisis.depth)))


class ModelChanges(Table):
    """Modèle — model."""

    without: Annotated[tuple[Mechanism, ...], Listed, about(
        "mechanisms", "mécanismes coupés", "mechanisms switched off",
        "mécanismes coupés", "mechanisms switched off",
    )] = ()
    modules: Annotated[tuple[ModulePath, ...], Listed, about(
        "modules", "modules", "modules",
        "fichiers .py, par rapport à ce fichier", ".py files, relative to this file", max_length=50,
    )] = ()
    replace: Annotated[dict[Mechanism, RuleName], about(
        "replace", "mécanismes remplacés", "mechanisms replaced",
        "mécanisme = nom de la fonction d'un module qui le remplace",
        "mechanism = name of the function of a module that replaces it",
    )] = Field(default_factory=dict)
    after: Annotated[dict[Mechanism, Annotated[tuple[RuleName, ...], Listed]], about(
        "after", "règles ajoutées", "rules added",
        "mécanisme = liste des règles d'un module qui passent après lui",
        "mechanism = list of the rules of a module that run after it",
    )] = Field(default_factory=dict)

    @field_validator("without")
    @classmethod
    def _in_schedule_order(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(_each_once(names), key=MECHANISMS.index))

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        for name in self.without:
            if name in self.replace:
                raise refuse("this mechanism is also switched off", key=f"replace.{name}",
                             found=self.replace[name],
                             expected="a mechanism that is not in `without`")
        return self


def ordinal(month: str) -> int:
    """Months since the year 0 of "YYYY-MM"."""
    try:
        year, number = month.split("-")
        if len(year) != 4 or len(number) != 2 or not 1 <= int(number) <= 12:
            raise ValueError
        return int(year) * 12 + int(number) - 1
    except (ValueError, AttributeError):
        raise ScenarioError("not a month", found=month, expected='"YYYY-MM"') from None


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise refuse("given twice", found=name, expected="each one once")
    return names
