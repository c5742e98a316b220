"""The register of levers: what each is, the channel through which it acts, what it costs.

`cosim levers` prints it, `docs/levers.md` shows it, and a test holds every lever to its channel:
with the mechanisms of its channel switched off, it only costs money.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from cosim.parameters import PARAMETERS

Lang = Literal["fr", "en"]


@dataclass(frozen=True, slots=True)
class Lever:
    """One lever.

    `table` is its table in a scenario; `public` the key of it that is meant, if the publics have
    channels of their own; `channel` names the mechanisms through which it acts; `parameters` are
    the rows of the ledger that say how strongly, `costs` those that say for how much (none: the
    scenario gives the k€); `scenario` is a shipped one that shows it.
    """

    name: str
    fr: str
    en: str
    channel_fr: str
    channel_en: str
    table: str
    channel: tuple[str, ...]
    parameters: tuple[str, ...]
    scenario: str
    costs: tuple[str, ...] = ()
    public: str = ""


_ALL = (
    Lever("catalysis", "Catalyse", "Catalysis",
          "dialogue : se rencontrer ; expérimentation : un premier pas réversible ; "
          "accompagnement : apprendre et durer ; lieu : se croiser souvent",
          "dialogue: to meet; experimentation: a reversible first step; coaching: to learn and to "
          "last; place: to cross paths often",
          "catalysis", ("catalysis",),
          ("sessions_per_fte", "experiments_per_fte", "p_meet", "invitation_draws",
           "coaching_term", "place_capacity", "place_term", "place_local", "profile_affinity"),
          "metiers-equilibres", ("fte_cost",)),
    Lever("lieux", "Lieux publics", "Public places",
          "on s'y croise, et les liens qui y naissent durent",
          "people cross paths there, and ties that are born there last",
          "lieux", ("catalysis",), ("place_term", "place_local", "place_encounters",
                                     "place_tie_loss"), "lieux-publics", ("place_cost",)),
    Lever("droit", "Droit de l'alliance", "Law of the alliance",
          "le premier pas demande moins ; un échec coûte moins de confiance et d'envie",
          "the first step asks for less; a failure costs less trust and commitment",
          "droit", ("commitment", "formation", "life"), ("droit_barrier", "droit_failure"),
          "droit-de-l-alliance", ("droit_cost",)),
    Lever("ingenierie: engineers", "Ingénierie de l'alliance : ETP", "Engineering: FTE",
          "les alliances les plus complexes sont suivies : elles réussissent et durent mieux",
          "the most complex alliances are followed: they succeed and last better",
          "ingenierie", ("life",), ("alliances_per_engineer", "engineering_term",
                                     "support_success", "support_hazard"),
          "ingenierie-de-l-alliance", ("fte_cost",), "fte"),
    Lever("ingenierie: funds", "Ingénierie de l'alliance : fonds", "Engineering: funds",
          "des expérimentations financées, sans catalyseur", "funded experiments, without catalyst",
          "ingenierie", ("catalysis",), ("trial_cost", "experiment_boost"),
          "ingenierie-de-l-alliance", (), "funds"),
    Lever("prime", "Prime à l'alliance", "Premium for the alliance",
          "le premier pas coûte moins, tant que la bourse de l'année n'est pas vide",
          "the first step costs less, until the purse of the year is empty",
          "prime", ("formation",), ("prime_birth", "prime_scale"), "prime-a-l-alliance"),
    Lever("donnees: organisations", "Données pour les organisations", "Data for organisations",
          "l'information touche un peu l'envie, et rien d'autre",
          "information touches commitment a little, and nothing else",
          "donnees", ("commitment",), ("donnees_reach", "donnees_push"), "donnees", (),
          "organisations"),
    Lever("donnees: collectivites", "Données pour les collectivités", "Data for local authorities",
          "l'information touche un peu l'envie des élus, et rien d'autre",
          "information touches the commitment of élus a little, and nothing else",
          "donnees", ("commitment",), ("donnees_reach", "donnees_push"), "donnees", (),
          "collectivites"),
    Lever("donnees: territoires", "Données pour les territoires", "Data for territories",
          "les catalyseurs savent mieux qui est là : plus de candidats comparés",
          "catalysts know better who is there: more candidates compared",
          "donnees", ("catalysis",), ("donnees_reach", "donnees_candidates"), "donnees", (),
          "territoires"),
    Lever("donnees: institutions", "Données pour les institutions", "Data for institutions",
          "ce qui est vu est reconnu : davantage d'alliances deviennent visibles",
          "what is seen is recognised: more alliances become visible",
          "donnees", ("recognition",), ("donnees_reach", "donnees_recognise"), "donnees", (),
          "institutions"),
    Lever("outils: organisations", "Outils pour les organisations", "Tools for organisations",
          "porter des alliances pèse moins sur la suivante",
          "carrying alliances weighs less on the next one",
          "outils", ("formation", "life"), ("outils_reach", "outils_ease"), "outils", (),
          "organisations"),
    Lever("outils: collectivites", "Outils pour les collectivités", "Tools for local authorities",
          "porter des alliances pèse moins aux élus",
          "carrying alliances weighs less on élus",
          "outils", ("formation", "life"), ("outils_reach", "outils_ease"), "outils", (),
          "collectivites"),
    Lever("outils: territoires", "Outils pour les territoires", "Tools for territories",
          "un catalyseur outillé fait plus de rencontres et d'expérimentations",
          "an equipped catalyst holds more sessions and experiments",
          "outils", ("catalysis",), ("outils_reach", "outils_actions"), "outils", (),
          "territoires"),
    Lever("outils: institutions", "Outils pour les institutions", "Tools for institutions",
          "les moyens rendent mieux : les réussites sont plus fréquentes",
          "means yield more: successes are more frequent",
          "outils", ("life",), ("outils_reach", "outils_means"), "outils", (), "institutions"),
    Lever("competences: organisations", "Compétences pour les organisations",
          "Skills for organisations",
          "la formation élève le savoir-faire", "training raises know-how",
          "competences", ("know_how",), ("competences_reach", "competences_training"),
          "competences", (), "organisations"),
    Lever("competences: collectivites", "Compétences pour les collectivités",
          "Skills for local authorities",
          "la formation élève le savoir-faire des élus", "training raises the know-how of élus",
          "competences", ("know_how",), ("competences_reach", "competences_training"),
          "competences", (), "collectivites"),
    Lever("competences: territoires", "Compétences pour les territoires", "Skills for territories",
          "un catalyseur formé accompagne mieux", "a trained catalyst coaches better",
          "competences", ("catalysis",), ("competences_reach", "competences_coaching"),
          "competences", (), "territoires"),
    Lever("competences: institutions", "Compétences pour les institutions",
          "Skills for institutions",
          "des financeurs formés sont patients : un échec met moins vite fin à une alliance",
          "trained funders are patient: a failure ends an alliance less soon",
          "competences", ("life",), ("competences_reach", "competences_patience"),
          "competences", (), "institutions"),
    Lever("reconnaissance", "Reconnaissance", "Recognition",
          "des alliances informelles deviennent visibles, et ce qui se voit donne envie",
          "informal alliances become visible, and what is seen makes others want it",
          "reconnaissance", ("recognition",), ("cases_per_k_euro", "recognise", "gathering"),
          "reconnaissance"),
    Lever("usine", "Usine de la co-construction", "Usine of co-construction",
          "volet 1 : données, outils, compétences, recherche ; volet 2 : catalyseurs et écoute ; "
          "volet 3 : expérimentations et suivi d'alliances complexes",
          "volet 1: data, tools, skills, research; volet 2: catalysts and listening; volet 3: "
          "experiments and the following of complex alliances",
          "usine", ("catalysis", "commitment", "know_how", "formation", "life", "recognition"),
          ("usine_volet_2", "usine_listening"), "usine-cinquante-fois",
          ("fte_cost", "trial_cost")),
)  # fmt: skip

#: name -> lever.
LEVERS: Mapping[str, Lever] = MappingProxyType({lever.name: lever for lever in _ALL})


def rows() -> list[dict[str, Any]]:
    """Return the register as plain values, with the confidence of the parameters of each lever."""
    return [
        {
            "name": lever.name,
            "fr": lever.fr,
            "en": lever.en,
            "key": key_of(lever),
            "channel_fr": lever.channel_fr,
            "channel_en": lever.channel_en,
            "mechanisms": list(lever.channel),
            "parameters": {name: PARAMETERS[name].confidence for name in lever.parameters},
            "costs": list(lever.costs),
            "scenario": lever.scenario,
        }
        for lever in _ALL
    ]


def key_of(lever: Lever) -> str:
    """Return the table or the key of a scenario that switches the lever on."""
    return f"{lever.table}.{lever.public}" if lever.public else f"[{lever.table}]"


def page() -> str:
    """Return `docs/levers.md`."""
    from cosim.ledgers import CONFIDENCE

    lines = [_INTRODUCTION]
    for row in rows():
        strength = ", ".join(
            f"`{name}` ({CONFIDENCE[confidence][0]})"
            for name, confidence in row["parameters"].items()
        )
        cost = ", ".join(f"`{name}`" for name in row["costs"]) or "k€ du scénario"
        lines.append(
            f"| **{row['fr']}** — {row['en']} | `{row['key']}` | {row['channel_fr']} — "
            f"{row['channel_en']} | {', '.join(f'`{m}`' for m in row['mechanisms'])} | {strength} "
            f"| {cost} | [`{row['scenario']}`](library.md) |"
        )
    return "\n".join(lines) + "\n"


_INTRODUCTION = """\
# Leviers — levers

<!-- Page écrite par `cosim docs` : corriger `cosim.levers`, pas la page. -->

Chaque levier a un début, une fin, un coût et un budget ; il agit par son propre canal et par lui seul : coupez les
mécanismes de ce canal, il ne fait plus que coûter (un test le vérifie). À zéro, rien ne change, au bit près. Les forces
sont presque toutes des hypothèses, marquées comme telles. — Every lever has a start, an end, a cost and a budget; it acts
through its own channel and no other: switch the mechanisms of that channel off and it only costs money (a test checks it).
At zero nothing changes, to the bit. Nearly all strengths are assumptions, marked as such.

| Levier — lever | Clé — key | Canal — channel | Mécanismes | Force (confiance) — strength (confidence) | Coût — cost | Scénario |
|---|---|---|---|---|---|---|"""  # noqa: E501
