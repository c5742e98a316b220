"""What is measured: the register of indicators (name, unit, labels, direction, definition).

`COLUMNS` is the layout of one month's row of numbers, one column for each (indicator, group);
`measure.py` fills it. The empty group is the whole territory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cosim.errors import ResultsError, nearest
from cosim.state import (
    DOMAIN_NAMES,
    LEVERS,
    ORIGINS,
    PUBLICS,
    RUNGS,
    SHARED,
    SIZE_CLASSES,
    TYPES,
)

WORLDS = ("elu", "association", "company", "academic")
#: Maires and adjoints: whom the surveys ask.
SURVEYED = "elu/executif"
#: Commune size classes: upper bounds of inhabitants.
COMMUNE_SIZES = (("<2000", 2_000), ("2000-10000", 10_000), (">10000", 1 << 60))
LADDER = (1, 2, 3, 4)
#: The two approaches of the documents, and the types of each.
APPROACHES = ("interet-general", "economique")
ENGINEERING = ("gestion", "projets", "catalyse")
#: What money is spent on; the three volets of the usine together.
SPENDERS = tuple(dict.fromkeys(LEVERS))

GROUP_LABELS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "": ("ensemble", "all"),
        "elu": ("élus", "élus"),
        SURVEYED: ("maires et adjoints", "mayors and adjoints"),
        "association": ("associations", "associations"),
        "company": ("entreprises", "companies"),
        "academic": ("acteurs académiques", "academics"),
        "catalyseur": ("catalyseurs", "catalysts"),
        "association/employer": ("associations employeuses", "employer associations"),
        "association/other": ("autres associations", "other associations"),
        "mecenat": ("mécénat", "patronage"),
        "innovation": ("innovation sociétale", "societal innovation"),
        "cooperation": ("coopération économique", "economic cooperation"),
        "responsible": ("pratiques responsables", "responsible practices"),
        "contrat-echange": ("contrat-échange", "exchange contract"),
        "contrat-alliance": ("contrat-alliance", "alliance contract"),
        "encounter": ("rencontre", "encounter"),
        "experiment": ("expérimentation", "experiment"),
        "dialogue": ("dialogue", "dialogue"),
        "place": ("lieu", "place"),
        "seeded": ("déjà là au départ", "there at the start"),
        "interet-general": ("approche d'intérêt général", "general-interest approach"),
        "economique": ("approche économique", "economic approach"),
        "gestion": ("gestion", "management"),
        "projets": ("projets", "projects"),
        "action": ("action", "action"),
        "total": ("total", "total"),
        "catalyse": ("catalyse", "catalysis"),
        "catalysis": ("catalyse", "catalysis"),
        "lieux": ("lieux publics", "public places"),
        "droit": ("droit de l'alliance", "law of the alliance"),
        "ingenierie": ("ingénierie de l'alliance", "engineering of the alliance"),
        "prime": ("prime à l'alliance", "premium for the alliance"),
        "donnees": ("données", "data"),
        "outils": ("outils", "tools"),
        "competences": ("compétences", "skills"),
        "reconnaissance": ("reconnaissance", "recognition"),
        "usine": ("usine de la co-construction", "usine of co-construction"),
        "organisations": ("organisations", "organisations"),
        "territoires": ("catalyseurs et lieux", "catalysts and places"),
        "collectivites": ("collectivités", "local authorities"),
        "institutions": ("institutions et investisseurs", "institutions and investors"),
        "conscience": ("conscience", "awareness"),
        "vision": ("vision", "vision"),
        "actions": ("actions", "actions"),
        "mobilisation": ("mobilisation", "mobilisation"),
        "dispositifs": ("dispositifs", "arrangements"),
        "modeles": ("modèles", "models"),
        "co-construction": ("co-construction", "co-construction"),
        "faim": ("faim (ODD 2)", "hunger (SDG 2)"),
        "egalite": ("égalité (ODD 5)", "equality (SDG 5)"),
        "eau": ("eau (ODD 6)", "water (SDG 6)"),
        "energie": ("énergie (ODD 7)", "energy (SDG 7)"),
        "innovation_industrie": ("innovation et industrie (ODD 9)", "innovation, industry (SDG 9)"),
        "inegalites": ("inégalités (ODD 10)", "inequalities (SDG 10)"),
        "consommation": ("consommation (ODD 12)", "consumption (SDG 12)"),
        "oceans": ("océans (ODD 14)", "oceans (SDG 14)"),
        "biodiversite": ("biodiversité (ODD 15)", "biodiversity (SDG 15)"),
        "paix": ("paix et institutions (ODD 16)", "peace and institutions (SDG 16)"),
        "partenariats": ("partenariats (ODD 17)", "partnerships (SDG 17)"),
        "pauvrete": ("pauvreté (ODD 1)", "poverty (SDG 1)"),
        "vieillissement": ("vieillissement (ODD 3)", "ageing (SDG 3)"),
        "education": ("éducation (ODD 4)", "education (SDG 4)"),
        "emploi": ("emploi (ODD 8)", "employment (SDG 8)"),
        "lien_social": ("lien social (ODD 11)", "social ties (SDG 11)"),
        "environnement": ("environnement (ODD 13)", "environment (SDG 13)"),
    }
)


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator.

    `unit` is share, index, level, count, months, contacts, components, k€ or /month; counts and
    k€ are scaled to the whole territory when it is sampled. `better` is +1, -1 or 0 (neither).
    """

    name: str
    unit: str
    fr: str
    en: str
    better: int
    definition_fr: str
    definition_en: str
    groups: tuple[str, ...] = ("",)
    hypothesis: bool = False

    @property
    def scaled(self) -> bool:
        """Whether a sampled territory's figure is divided by the sampling fraction."""
        return self.unit in ("count", "k€", "/month")

    def label(self, lang: str = "fr") -> str:
        """Return the label in `fr` or `en`."""
        return self.en if lang == "en" else self.fr

    def definition(self, lang: str = "fr") -> str:
        """Return the definition in `fr` or `en`."""
        return self.definition_en if lang == "en" else self.definition_fr


#: indicator -> mechanisms that move it directly: from a curve to its rule in two steps.
MOVED_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "convinced": ("commitment", "context"),
        "able": ("know_how", "context"),
        "convinced_unable": ("commitment", "know_how"),
        "commitment": ("commitment", "context"),
        "know_how": ("know_how", "context"),
        "maturity": ("commitment", "know_how"),
        "rung": ("commitment", "know_how"),
        "engaged": ("formation", "life"),
        "engaged_local": ("formation", "life"),
        "engaged_type": ("formation", "life"),
        "carried": ("formation", "life"),
        "alliances": ("formation", "life"),
        "births": ("formation",),
        "successes": ("life",),
        "failures": ("life",),
        "endings": ("life", "context"),
        "age": ("formation", "life"),
        "size": ("formation", "life"),
        "load": ("formation", "life"),
        "local": ("formation", "life"),
        "supported": ("catalysis",),
        "recognised": ("recognition",),
        "trust_within": ("trust", "life"),
        "trust_across": ("trust", "life"),
        "cross_ties": ("encounter", "catalysis"),
        "degree": ("encounter", "catalysis"),
        "clustering": ("encounter",),
        "components": ("encounter",),
        "fragility": ("outcomes", "context"),
        "engines": ("outcomes",),
        "force": ("commitment", "formation", "life", "catalysis", "encounter"),
        "lever": ("commitment", "know_how", "formation"),
        "actors": ("context",),
        "spending": ("context",),
        "engaged_measured": ("recognition", "formation"),
        "alliances_measured": ("recognition", "formation"),
        "meetings": ("encounter", "catalysis"),
        "visible": ("life", "recognition"),
        "regulars": ("catalysis",),
        "place_ties": ("encounter",),
        "reach": ("context",),
        "ingenierie": ("know_how", "life", "catalysis"),
    }
)

_KINDS = ("", *WORLDS)
_LEVELS = (*_KINDS, SURVEYED)
_ENGAGED = (
    *_KINDS,
    "association/employer",
    "association/other",
    *(f"company/{name}" for name in SIZE_CLASSES["company"]),
    *(f"commune/{name}" for name, _ in COMMUNE_SIZES),
)

_ALL = (
    Indicator("convinced", "share", "Convaincus", "Convinced", +1,
              "Part des acteurs dont l'envie dépasse 0,5.",
              "Share of actors with commitment above .5.", _LEVELS),
    Indicator("able", "share", "Capables de piloter", "Able to pilot", +1,
              "Part des acteurs dont le savoir-faire dépasse 0,5.",
              "Share of actors with know-how above .5.", _LEVELS),
    Indicator("convinced_unable", "share", "Convaincus qui ne savent pas piloter",
              "Convinced, not able to pilot", -1,
              "Parmi les acteurs dont l'envie dépasse 0,5, part de ceux dont le savoir-faire est "
              "inférieur à 0,5.",
              "Among actors with commitment above .5, share with know-how below .5.", _LEVELS),
    Indicator("commitment", "level", "Envie moyenne", "Mean commitment", +1,
              "Moyenne de l'envie (0 à 1).", "Mean commitment (0 to 1).", _LEVELS),
    Indicator("know_how", "level", "Savoir-faire moyen", "Mean know-how", +1,
              "Moyenne du savoir-faire (0 à 1).", "Mean know-how (0 to 1).", _LEVELS),
    Indicator("maturity", "level", "Maturité moyenne", "Mean maturity", +1,
              "Moyenne du plus petit des deux, envie et savoir-faire.",
              "Mean of the smaller of commitment and know-how.", _LEVELS),
    Indicator("rung", "share", "Échelle de maturité", "Maturity ladder", 0,
              "Part des acteurs sur chaque échelon (0,25 / 0,5 / 0,75) de leur échelle.",
              "Share of actors on each rung (.25/.5/.75) of their ladder.",
              tuple(f"{kind}/{k}" if kind else str(k) for kind in _KINDS for k in LADDER)),
    Indicator("engaged", "share", "Engagés", "Engaged", +1,
              "Part des acteurs membres d'au moins une alliance vivante entre mondes différents.",
              "Share of actors in at least one living alliance across worlds.", _ENGAGED),
    Indicator("engaged_local", "share", "Engagés localement", "Engaged locally", +1,
              "Part des engagés dont une alliance au moins est sur le territoire.",
              "Share of the engaged with at least one alliance inside the territory.", _KINDS),
    Indicator("engaged_type", "share", "Engagés, par type de partenariat",
              "Engaged, by type of partnership", 0,
              "Part des engagés qui ont au moins une alliance vivante de ce type (plusieurs types "
              "possibles : la somme dépasse 1).",
              "Share of the engaged with at least one living alliance of the type (several are "
              "possible: the sum is above 1).",
              tuple(f"{kind}/{name}" if kind else name for kind in _KINDS for name in TYPES)),
    Indicator("carried", "level", "Alliances par engagé", "Alliances per engaged actor", +1,
              "Nombre moyen d'alliances vivantes d'un acteur engagé.",
              "Mean number of living alliances of an engaged actor.", _KINDS),
    Indicator("alliances", "count", "Alliances actives", "Living alliances", +1,
              "Nombre d'alliances vivantes.", "Number of living alliances.",
              ("", *TYPES, *RUNGS, *DOMAIN_NAMES, *ORIGINS, *APPROACHES,
               *(f"{kind}/{rung}" for kind in TYPES for rung in RUNGS))),
    Indicator("births", "/month", "Naissances d'alliances", "Births of alliances", +1,
              "Alliances nées dans le mois.", "Alliances born in the month."),
    Indicator("successes", "/month", "Réussites communes", "Joint successes", +1,
              "Bilans réussis dans le mois.", "Joint successes in the month."),
    Indicator("failures", "/month", "Échecs communs", "Joint failures", -1,
              "Bilans manqués dans le mois.", "Joint failures in the month."),
    Indicator("endings", "/month", "Fins d'alliances", "Endings of alliances", 0,
              "Alliances terminées dans le mois, par cause.",
              "Alliances ended in the month, by cause.", ("", "completed", "failed", "faded")),
    Indicator("age", "months", "Âge moyen des alliances", "Mean age of alliances", 0,
              "Âge moyen des alliances vivantes.", "Mean age of living alliances."),
    Indicator("size", "level", "Taille moyenne des alliances", "Mean size of alliances", 0,
              "Nombre moyen de membres, partenaire extérieur compris.",
              "Mean number of members, outside partner included."),
    Indicator("load", "level", "Charge moyenne", "Mean load", 0,
              "Alliances portées rapportées à la capacité.",
              "Alliances carried over capacity.", _KINDS),
    Indicator("local", "share", "Alliances locales", "Local alliances", 0,
              "Part des alliances vivantes sans partenaire hors du territoire.",
              "Share of living alliances without a partner beyond the territory."),
    Indicator("supported", "share", "Alliances accompagnées", "Supported alliances", +1,
              "Part des alliances vivantes dont un membre est accompagné.",
              "Share of living alliances with an accompanied member."),
    Indicator("recognised", "share", "Alliances reconnues", "Recognised alliances", +1,
              "Part des alliances vivantes qui sont visibles.",
              "Share of living alliances that are visible."),
    Indicator("trust_within", "level", "Confiance dans un même monde", "Trust within worlds", +1,
              "Confiance moyenne entre connaissances du même monde.",
              "Mean trust between acquaintances of one world."),
    Indicator("trust_across", "level", "Confiance entre mondes", "Trust across worlds", +1,
              "Confiance moyenne entre connaissances de mondes différents.",
              "Mean trust between acquaintances of different worlds."),
    Indicator("cross_ties", "share", "Liens entre mondes", "Ties across worlds", +1,
              "Part des connaissances qui relient deux mondes.",
              "Share of acquaintances that link two worlds."),
    Indicator("degree", "contacts", "Contacts par acteur", "Contacts per actor", +1,
              "Nombre moyen de connaissances.", "Mean number of acquaintances.", _KINDS),
    Indicator("clustering", "share", "Transitivité", "Clustering", 0,
              "Part des triades fermées (chaque année, en janvier et au premier mois).",
              "Share of closed triads (yearly, in the first month of each 12)."),
    Indicator("components", "share", "Plus grande composante", "Largest component", +1,
              "Part des acteurs dans la plus grande composante du réseau (chaque année).",
              "Share of actors in the largest component of the network (yearly)."),
    Indicator("fragility", "index", "Fragilité", "Fragility", -1,
              "Indice de fragilité du territoire, 50 au départ (hypothèse).",
              "Fragility index of the territory, 50 at the start (assumption).",
              ("", *DOMAIN_NAMES), hypothesis=True),
    Indicator("engines", "index", "Moteurs économiques durables", "Sustainable engines", +1,
              "Indice des moteurs économiques, 20 au départ (hypothèse).",
              "Index of economic engines, 20 at the start (assumption).", hypothesis=True),
    Indicator("force", "level", "7 forces du changement", "7 forces of change", +1,
              "Valeur brute de chaque force ; l'indice divise chacune par le 90e centile de la "
              "référence (plancher 0,01) et en prend la moyenne géométrique.",
              "Raw value of each force; the index divides each by the 90th percentile of the "
              "reference (floor .01) and takes the geometric mean.",
              ("conscience", "vision", "actions", "mobilisation", "dispositifs", "modeles",
               "co-construction")),
    Indicator("lever", "share", "Barycentre des 3 leviers", "Barycentre of the 3 levers", 0,
              "Vision (convaincus), gestion (capables), action (engagés), ramenés à une somme "
              "de 1 ; le total est montré à côté.",
              "Vision (convinced), gestion (able), action (engaged), scaled to sum to 1; the total "
              "is shown beside.", ("vision", "gestion", "action", "total")),
    Indicator("actors", "count", "Acteurs", "Actors", 0,
              "Acteurs présents.", "Actors present.", (*_KINDS, "catalyseur")),
    Indicator("spending", "k€", "Dépense cumulée", "Cumulated spending", 0,
              "Ce que chaque levier a dépensé depuis le début.",
              "What each lever has spent since the start.", ("", *SPENDERS)),
    Indicator("engaged_measured", "share", "Engagés, vus par une enquête",
              "Engaged, as a survey sees them", +1,
              "Part des acteurs dont une alliance reconnue serait vue par une enquête.",
              "Share of actors one of whose recognised alliances a survey would see.",
              (*_KINDS, "association/employer", "association/other")),
    Indicator("alliances_measured", "count", "Alliances vues par une enquête",
              "Alliances that a survey sees", +1,
              "Alliances reconnues × probabilité d'être vues.",
              "Recognised alliances × probability of being seen."),
    Indicator("meetings", "/month", "Rencontres", "Meetings", +1,
              "Rencontres du mois, retrouvailles comprises.",
              "Meetings of the month, those of acquaintances included."),
    Indicator("visible", "level", "Réussites visibles", "Visible successes", +1,
              "Réussites des 12 derniers mois, pour 100 acteurs, d'alliances alors reconnues.",
              "Successes of the last 12 months, per 100 actors, of alliances then recognised."),
    Indicator("regulars", "count", "Habitués des lieux", "Regulars of places", +1,
              "Personnes qui fréquentent un lieu.", "People who attend a place."),
    Indicator("place_ties", "count", "Liens nés dans un lieu", "Ties born in a place", +1,
              "Connaissances qui se sont rencontrées dans un lieu.",
              "Acquaintances who met in a place."),
    Indicator("reach", "share", "Public touché", "Public reached", 0,
              "Part de chaque public que touchent données, outils et compétences (hypothèse).",
              "Share of each public that data, tools and skills reach (assumption).",
              tuple(f"{lever}/{public}" for lever in SHARED for public in PUBLICS),
              hypothesis=True),
    Indicator("ingenierie", "level", "Trois ingénieries", "Three engineering capacities", +1,
              "Gestion : part des élus capables de piloter ; projets : part des alliances suivies "
              "ou accompagnées ; catalyse : ETP pour 100 acteurs.",
              "Gestion: share of élus able to pilot; projets: share of alliances followed or "
              "accompanied; catalyse: FTE per 100 actors.", ENGINEERING),
)  # fmt: skip

#: name -> indicator.
INDICATORS: Mapping[str, Indicator] = MappingProxyType({i.name: i for i in _ALL})
#: (indicator, group) of each column, in order.
COLUMNS: tuple[tuple[str, str], ...] = tuple((i.name, g) for i in _ALL for g in i.groups)
_PLACE = {pair: k for k, pair in enumerate(COLUMNS)}


def column(name: str, group: str = "") -> int:
    """Return the column of an indicator and group; an unknown one names the nearest."""
    if (name, group) in _PLACE:
        return _PLACE[name, group]
    if name not in INDICATORS:
        raise ResultsError("unknown indicator", key=name, nearest=nearest(name, INDICATORS))
    groups = INDICATORS[name].groups
    raise ResultsError(
        f"unknown group of {name}", key=group, expected=", ".join(map(repr, groups)),
        nearest=nearest(group, groups),
    )  # fmt: skip


def group_label(group: str, lang: str = "fr") -> str:
    """Return what a reader sees for a group; the last part of a path when it has no label."""
    pair = GROUP_LABELS.get(group) or GROUP_LABELS.get(group.split("/")[-1])
    if pair is None:
        kind, _, rest = group.partition("/")
        known = GROUP_LABELS.get(kind)
        return f"{known[lang == 'en']} {rest}".strip() if known else group
    return pair[lang == "en"]
