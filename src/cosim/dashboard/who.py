"""« Qui y gagne, qui n'y gagne pas »: differences by kind of actor and by commune. No Solara.

Every difference comes with its 95 % interval, and the order of two groups is told only where the
difference between them, replicate by replicate, stands out from chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosim import effects_text
from cosim.effects import spread
from cosim.effects_text import HARD, NARROW, number
from cosim.engine import commune_classes
from cosim.indicators import COMMUNE_SIZES, INDICATORS, WORLDS, group_label

if TYPE_CHECKING:
    from cosim.effects import Effect
    from cosim.effects_text import Lang

#: What is looked at for each kind of actor; communes only know the first.
LOOKED_AT = ("engaged", "able", "convinced")
#: Fewer pairs say nothing about groups.
LEAST = 20
#: A group of fewer actors is told apart: its share jumps with one of them (assumption).
FEW_ACTORS = 10


@dataclass(frozen=True, slots=True)
class Part:
    """What one group gains on one indicator: mean of the pairs and its 95 % interval.

    `actors` is how many there are at the end of the reference, on average; None for communes.
    """

    indicator: str
    group: str
    before: float
    mean: float
    low: float
    high: float
    actors: float | None = None

    @property
    def side(self) -> int:
        """Whether it gains (+1), loses (-1), or cannot be told from chance (0)."""
        better = INDICATORS[self.indicator].better
        if self.low <= 0.0 <= self.high:
            return 0
        return better if self.mean > 0.0 else -better

    def words(self, lang: Lang) -> str:
        """Return the difference with its interval."""
        return effects_text.brought((self.mean, self.low, self.high), self.indicator, lang)

    def label(self, lang: Lang) -> str:
        """Return what the group is called."""
        name = _commune(self.group, lang) or group_label(self.group, lang)
        if self.actors is None:
            return name
        return f"{name} ({number(self.actors, 0, lang)})"

    @property
    def few(self) -> bool:
        """Whether the group is so small that its share jumps with one actor."""
        return self.actors is not None and self.actors < FEW_ACTORS


def _commune(group: str, lang: Lang) -> str:
    """Return what a class of communes is called; empty for another group."""
    table, _, size = group.partition("/")
    if table != "commune":
        return ""
    low, _, high = size.strip("<>").partition("-")
    ends = [number(float(end), 0, lang) for end in (low, high) if end]
    if size.startswith("<"):
        words = ("communes de moins de {} habitants", "communes below {} inhabitants")
    elif size.startswith(">"):
        words = ("communes de plus de {} habitants", "communes above {} inhabitants")
    else:
        words = ("communes de {} à {} habitants", "communes of {} to {} inhabitants")
    return words[lang != "fr"].format(*ends)


def kinds(effect: Effect, indicator: str) -> list[Part]:
    """Return what each kind of actor that is there gains at the end of the run."""
    there = {kind: effect.reference.array("actors", kind)[:, -1].mean() for kind in WORLDS}
    return [_part(effect, indicator, kind, float(there[kind])) for kind in WORLDS if there[kind]]


def communes(effect: Effect) -> list[Part]:
    """Return what the actors of each size of commune that is there gain at the end of the run."""
    here = set(commune_classes(effect.reference.place).tolist())
    return [
        _part(effect, LOOKED_AT[0], f"commune/{name}")
        for k, (name, _) in enumerate(COMMUNE_SIZES) if k in here
    ]  # fmt: skip


def _part(effect: Effect, indicator: str, group: str, actors: float | None = None) -> Part:
    pairs = effect.difference(indicator, group)[:, -1]
    mean, margin = (
        float(pairs.mean()),
        float(spread(pairs, effect.reference.start, effect.draws)[1]),
    )
    before = effect.means(indicator, group)[0]
    return Part(indicator, group, before, mean, mean - margin, mean + margin, actors)


def first(effect: Effect, parts: list[Part]) -> Part | None:
    """Return the group that gains more than each other one, if chance does not explain it."""
    gaining = sorted((p for p in parts if p.side > 0), key=lambda p: -abs(p.mean))
    if not gaining:
        return None
    best = gaining[0]
    for other in parts:
        if other is not best:
            apart = (effect.difference(best.indicator, best.group)
                     - effect.difference(other.indicator, other.group))[:, -1]  # fmt: skip
            better = INDICATORS[best.indicator].better
            margin = float(spread(apart, effect.reference.start, effect.draws)[1])
            if not better * float(apart.mean()) - margin > 0.0:
                return None
    return best


def sentence(effect: Effect, parts: list[Part], lang: Lang) -> str:
    """Return who gains most and who does not, as far as chance lets it be told.

    Parameters
    ----------
    parts : of one indicator, all kinds of actor or all sizes of commune; groups of a few actors
        are left to `caution`
    """
    french = lang == "fr"
    parts = [p for p in parts if not p.few] or parts
    if not parts:
        return ""
    name = INDICATORS[parts[0].indicator].label(lang)
    head = f"«{HARD}{name}{HARD}»{HARD}: " if french else f"“{name}”: "
    semicolon = f"{NARROW}; " if french else "; "

    def listed(chosen: list[Part]) -> str:
        return _and([p.label(lang) for p in chosen], lang)

    ups, downs, unclear = ([p for p in parts if p.side == side] for side in (1, -1, 0))
    if len(unclear) == len(parts):
        return head + (
            "personne n'y gagne ni n'y perd d'une façon qui se distingue du hasard."
            if french else "nobody gains or loses in a way that stands out from chance."
        )  # fmt: skip
    told = []
    best = first(effect, parts) if len(parts) > 1 else None
    if best is not None:
        head_best = f"y gagnent le plus{HARD}: " if french else "those who gain most: "
        told.append(f"{head_best}{best.label(lang)}, {best.words(lang)}")
        also = [p for p in ups if p is not best]
        if also:
            told.append((f"y gagnent aussi{HARD}: " if french else "also gain: ") + listed(also))
    elif ups:
        told.append((f"y gagnent{HARD}: " if french else "those who gain: ") + listed(ups))
        if len(ups) > 1:
            told.append("on ne peut pas dire qui gagne le plus" if french
                        else "who gains most cannot be told")  # fmt: skip
    if downs:
        told.append((f"y perdent{HARD}: " if french else "those who lose: ") + listed(downs))
    if unclear:
        told.append((f"rien qui se distingue du hasard{HARD}: " if french
                     else "nothing that stands out from chance: ") + listed(unclear))  # fmt: skip
    return head + semicolon.join(told) + "."


def caution(parts: list[Part], lang: Lang) -> str:
    """Return which groups are of a few actors only; empty where none is."""
    few = [p.label(lang) for p in parts if p.few]
    if not few:
        return ""
    if lang == "fr":
        return f"Très peu nombreux, donc peu sûr{HARD}: {_and(few, lang)}."
    return f"Very few of them, hence unsure: {_and(few, lang)}."


def _and(words: list[str], lang: Lang) -> str:
    link = " et " if lang == "fr" else " and "
    return link.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
