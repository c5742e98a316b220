"""« Pourquoi ? »: what each moved lever brings here, and through which rules. No Solara.

Numbers are those of `cosim.attribution`, from the ensembles that all sessions share; words are
those of the register of levers and of the ledgers of mechanisms and parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosim import attribution, effects_text, ledgers, levers
from cosim.attribution import Contributions
from cosim.dashboard import compute
from cosim.errors import CosimError
from cosim.indicators import MOVED_BY
from cosim.ledgers import CONFIDENCE
from cosim.mechanisms import MECHANISMS
from cosim.parameters import PARAMETERS
from cosim.scenario import diff

if TYPE_CHECKING:
    from cosim.dashboard.compute import Cache, Cancelled
    from cosim.effects_text import Lang
    from cosim.results import Ensemble
    from cosim.scenario import Scenario

#: Replicates of the first answer and of the last one.
STAGES = (20, 100)
#: Keys of the context -> how the parameters that say how strongly they act begin.
_CONTEXT = {
    "elections": "turn_", "turnover": "turn_", "odd": "odd_", "demand": "demand",
    "scissors": "scissors_", "crises": "crisis_",
}  # fmt: skip


def contributions(
    reference: Scenario, scenario: Scenario, cancelled: Cancelled = lambda: False,
    cache: Cache | None = None, stages: Sequence[int] = STAGES,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Contributions]:  # fmt: skip
    """Yield the scenario taken apart, with more and more replicates; stop when cancelled.

    Parameters
    ----------
    progress : called with the number of ensembles done and their total, in each stage

    Raises
    ------
    ResultsError : nothing differs
    """
    held = compute.CACHE if cache is None else cache  # an empty one is false
    without, alone = attribution.pieces(reference, scenario)
    wanted = {one.digest: one for one in
              (reference, scenario, *alone.values(), *without.values())}  # fmt: skip
    for n in stages:
        made: dict[str, Ensemble] = {}
        for digest, one in wanted.items():
            found = held.ensemble(one, n, cancelled, urgency=2)
            if found is None:
                return
            made[digest] = found
            if progress:
                progress(len(made), len(wanted))
        yield Contributions(
            made[reference.digest], made[scenario.digest],
            {name: made[one.digest] for name, one in without.items()},
            {name: made[one.digest] for name, one in alone.items()},
        )  # fmt: skip


# -- bars -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it is of, its mean and 95 % interval, and the same in words.

    `kind` is "on top", "alone", "synergy" or "total", as in `Contributions.parts`.
    """

    label: str
    kind: str
    mean: float
    low: float
    high: float
    words: str


def bars(parts: Contributions, indicator: str, lang: Lang) -> list[Bar]:
    """Return the bars of each lever, then synergy and total; the total alone for one lever."""
    found = parts.parts(indicator)
    rows = [
        (parts.name(lever, lang), kind, found[kind, lever])
        for lever in parts.levers
        for kind in ("on top", "alone")
    ]
    rows.append((("synergie", "synergy")[lang != "fr"], "synergy", found["synergy", ""]))
    rows.append((("ensemble", "together")[lang != "fr"], "total", found["total", ""]))
    if len(parts.levers) == 1:
        rows = [(parts.name(parts.levers[0], lang), "total", found["total", ""])]
    return [
        Bar(_capital(name), kind, *values, effects_text.brought(values, indicator, lang))
        for name, kind, values in rows
    ]


# -- words ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One link of a chain: a rule of the model in a sentence; `name` is its mechanism."""

    name: str
    label: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter that says how strongly a lever acts: what it means, how sure it is."""

    name: str
    label: str
    confidence: str
    assumed: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """From one lever to the curve: what it does, the rules it goes through, their strengths."""

    lever: str
    label: str
    channel: tuple[str, ...]
    through: tuple[Step, ...]
    reaches: tuple[Step, ...]
    parameters: tuple[Row, ...]


def chains(reference: Scenario, scenario: Scenario, indicator: str, lang: Lang) -> list[Chain]:
    """Return the chain of each lever in which the two differ; none where nothing does."""
    try:
        names = attribution.levers_of(reference, scenario)
    except CosimError:
        return []
    moved = [change.key for change in diff(reference, scenario)]
    return [_chain(name, moved, indicator, lang) for name in names]


def _chain(lever: str, moved: list[str], indicator: str, lang: Lang) -> Chain:
    channel, mechanisms, parameters = _acts(lever, moved, lang)
    through = [name for name in MECHANISMS if name in mechanisms]
    reached = [name for name in MOVED_BY[indicator] if name not in through]
    return Chain(
        lever, _capital(attribution.lever_name(lever, lang)), tuple(channel),
        _steps(through, lang), _steps(reached, lang),
        tuple(_row(name, lang) for name in parameters),
    )  # fmt: skip


def _acts(lever: str, moved: list[str], lang: Lang) -> tuple[list[str], list[str], list[str]]:
    """Return through which sentences, mechanisms and parameters a lever acts."""
    table, _, key = lever.partition(".")
    if table == "context":
        names = [n for n in PARAMETERS if n.startswith(_CONTEXT.get(key, "-"))]
        mechanisms = {PARAMETERS[n].mechanism for n in names} & set(MECHANISMS) or {"context"}
        return [], [*mechanisms], names
    if table == "parameters":
        names = [one.partition(".")[2] for one in moved if one.startswith("parameters.")]
        names = [name for name in names if name in PARAMETERS]
        return (
            [_capital(_meaning(n, lang)) for n in names],
            [PARAMETERS[n].mechanism for n in names],
            names,
        )
    rows = [row for row in levers.LEVERS.values() if row.table == table
            and (not row.public or f"{table}.{row.public}" in moved)]  # fmt: skip
    channel = [row.channel_fr if lang == "fr" else row.channel_en for row in rows]
    mechanisms = {name for row in rows for name in row.channel}
    parameters = dict.fromkeys(name for row in rows for name in (*row.parameters, *row.costs))
    return channel, [*mechanisms], [*parameters]


def _steps(names: Sequence[str], lang: Lang) -> tuple[Step, ...]:
    known = {row["name"]: row for row in ledgers.mechanisms()}
    return tuple(Step(name, known[name][lang], known[name][f"sentence_{lang}"]) for name in names)


def _row(name: str, lang: Lang) -> Row:
    confidence = PARAMETERS[name].confidence
    return Row(name, _capital(_meaning(name, lang)), CONFIDENCE[confidence][lang != "fr"],
               confidence == "assumption")  # fmt: skip


def _meaning(name: str, lang: Lang) -> str:
    return PARAMETERS[name].fr if lang == "fr" else PARAMETERS[name].en


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def nothing(lang: Lang) -> str:
    """Return what is said where no lever has moved."""
    return (
        "Rien ne diffère de la référence : déplacez un levier pour voir ce qu'il apporte."
        if lang == "fr"
        else "Nothing differs from the reference: move a lever to see what it brings."
    )
