"""The ten mechanisms of one month, in order. Each is one file, one effect, one sentence.

`MECHANISMS` is the register: what the schedule runs, what `cosim mechanisms` prints and what
`cosim.testing.check_mechanism` holds each rule to. `mechanism` adds a rule of one's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

Rule = Callable[[Any, Any, int, Any], None]

_TIES = (
    *(f"ties.{name}" for name in ("other", "trust", "met", "last", "expiry", "marks", "evidence")),
    "actors.contacts", "actors.fresh", "actors.soonest", "territory.flow",
)  # fmt: skip
_JOURNAL = (
    *(f"journal.{name}" for name in ("what", "step", "alliance", "actor", "other", "value")),
    "territory.n_events",
)
_OCCUPANT = tuple(
    f"actors.{name}"
    for name in ("id", "alive", "ever", "entered", "leaves", "commitment0", "know_how0",
                 "commitment", "know_how", "imitation", "learning", "needs", "solutions",
                 "capacity", "load", "seats", "coach", "support", "place", "wins", "setbacks",
                 "sessions")
)  # fmt: skip
_ENDING = ("alliances.ended", "alliances.cause", "actors.load", "actors.seats")
_JOINING = ("alliances.members", "alliances.n_members", "actors.load", "actors.seats")
_BIRTH = (
    *_JOINING,
    *(
        f"alliances.{name}"
        for name in ("id", "domain", "type", "rung", "origin", "born", "ended", "cause",
                     "successes", "failures", "streak", "supported", "recognised", "outside",
                     "outside_trust", "outside_evidence", "followed")
    ),
    "territory.n_alliances", "territory.overflow",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One rule of the month: `function(state, params, month, key)`.

    `writes` names every array that it may change, as `record.array`; what is not named stays
    bit-identical, and `check_mechanism` proves it.
    """

    name: str
    label_fr: str
    label_en: str
    sentence_fr: str
    sentence_en: str
    source: str
    writes: tuple[str, ...]
    reads: tuple[str, ...] = ()
    function: Rule | None = field(default=None, compare=False)

    def rule(self) -> Rule:
        """Return the function; those of the package are imported only now."""
        if self.function is not None:
            return self.function
        rule: Rule = getattr(import_module(f"cosim.mechanisms.{self.name}"), self.name)
        return rule


_ALL = (
    Mechanism(
        "context", "Contexte", "Context",
        "Le monde bouge : élections, crises, besoins en hausse et moyens en baisse.",
        "The world moves: elections, crises, needs up and means down.",
        "Répertoire national des élus; INSEE; reference documents",
        (*_OCCUPANT, *_TIES, *_ENDING, *_JOURNAL, "alliances.members", "alliances.n_members",
         "territory.fragility", "places.count", "places.regulars", "old"),
        ("calendar", "actors", "ties", "alliances"),
    ),
    Mechanism(
        "catalysis", "Catalyse", "Catalysis",
        "Des catalyseurs font se rencontrer, essayer, apprendre, et tiennent un lieu.",
        "Catalysts bring people together, let them try, coach them and run a place.",
        "Boudreau et al. 2017; Cai, Lin & Szeidl 2024; Baskerville et al. 2012; Catalini 2018",
        (*_TIES, *_JOURNAL, "actors.coach", "actors.coached_until", "actors.support",
         "actors.place", "actors.place_until", "actors.sessions", "places.commune",
         "places.capacity", "places.count", "places.regulars", "territory.n_proposals",
         "proposals.n_members", "proposals.members", "proposals.domain", "territory.overflow"),
        ("calendar", "actors", "ties", "places"),
    ),
    Mechanism(
        "encounter", "Rencontre", "Encounter",
        "On ne fait pas alliance avec qui l'on n'a jamais rencontré.",
        "Nobody makes an alliance with somebody never met.",
        "Tomasello et al. 2014; McPherson et al. 2001; Burt 2002",
        _TIES,
        ("actors", "ties", "places", "calendar.shock"),
    ),
    Mechanism(
        "trust", "Confiance de départ", "Initial trust",
        "Le tiers de confiance prête la sienne.",
        "A trusted third party lends its own trust.",
        "Jøsang & Ismail 2002; Obstfeld 2005",
        ("ties.trust", "ties.marks", "ties.evidence", "actors.fresh"),
        ("ties", "actors.kind"),
    ),
    Mechanism(
        "commitment", "Envie", "Commitment",
        "L'envie se propage de voisin à voisin.",
        "Commitment spreads from neighbour to neighbour.",
        "Bass 1969; Helfrich et al. 2018; Chilenski et al. 2018",
        ("actors.commitment", "actors.know_how", "actors.setbacks", "actors.sessions",
         "old"),
        ("actors", "ties", "calendar", "territory.visible"),
    ),
    Mechanism(
        "know_how", "Savoir-faire", "Know-how",
        "On apprend en faisant.",
        "One learns by doing.",
        "Kale, Dyer & Singh 2002; Baskerville et al. 2012",
        ("actors.know_how", "actors.commitment", "actors.wins", "old"),
        ("actors", "alliances"),
    ),
    Mechanism(
        "formation", "Naissance", "Formation",
        "Un premier pas petit et réversible.",
        "A first step, small and reversible.",
        "Gulati & Gargiulo 1999; Cai, Lin & Szeidl 2024; Tomasello et al. 2017",
        (*_BIRTH, *_TIES, *_JOURNAL, "territory.n_proposals", "territory.purse",
         "territory.spent"),
        ("actors", "ties", "alliances", "proposals"),
    ),
    Mechanism(
        "life", "Vie", "Life",
        "Une alliance vit de petites réussites.",
        "An alliance lives on small successes.",
        "Feinberg et al. 2008; Lunnan & Haugland 2008; Jonker & Treur 1999",
        (*_TIES, *_JOURNAL, *_ENDING, *_JOINING, "actors.wins", "actors.setbacks",
         "alliances.successes", "alliances.failures", "alliances.streak", "alliances.supported",
         "alliances.rung", "alliances.outside_trust", "alliances.outside_evidence",
         "alliances.followed", "territory.engineering", "territory.successes",
         "territory.visible_log"),
        ("actors", "ties", "alliances", "calendar.shock"),
    ),
    Mechanism(
        "outcomes", "Effets", "Outcomes",
        "Les effets se voient plus tard : dix-huit mois, sept ans.",
        "Effects show later: eighteen months, seven years.",
        "assumption (value layer); delays as published by the reference institute",
        ("territory.fragility", "territory.engines", "territory.lag"),
        ("territory.successes", "actors.alive"),
    ),
    Mechanism(
        "recognition", "Reconnaissance", "Recognition",
        "Révéler ce qui existe déjà donne envie.",
        "Revealing what is already there makes others want it.",
        "assumption; reference documents (base IMPACT, yearly gathering of pioneers)",
        ("alliances.recognised", "territory.visible"),
        ("alliances", "territory.visible_log", "calendar.july"),
    ),
)  # fmt: skip

#: name -> mechanism, in the order in which a month runs them.
MECHANISMS: dict[str, Mechanism] = {m.name: m for m in _ALL}


def mechanism(
    name: str,
    *,
    writes: tuple[str, ...],
    label_fr: str = "",
    label_en: str = "",
    sentence_fr: str = "",
    sentence_en: str = "",
    source: str = "own rule",
) -> Callable[[Rule], Mechanism]:
    """Turn a function `(state, params, month, key)` into a mechanism that a scenario can name.

    >>> @mechanism("tired", writes=("actors.commitment",), sentence_en="Everybody tires.")
    ... def tired(state, params, month, key):
    ...     state.actors.commitment[:] *= 0.99
    """

    def register(function: Rule) -> Mechanism:
        sentence = sentence_en or (function.__doc__ or name).strip().splitlines()[0]
        return Mechanism(
            name,
            label_fr or label_en or name,
            label_en or label_fr or name,
            sentence_fr or sentence,
            sentence,
            source,
            writes,
            function=function,
        )

    return register
