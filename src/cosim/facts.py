"""Published figures, read from `data/facts.toml`: quoted by everyone, repeated by no one."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from cosim.errors import ParameterError, nearest

STATUSES = ("published", "computed", "assumption")
USES = ("initial", "input", "target", "effect", "context")

type Value = float | tuple[float, ...]
type Date = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure.

    Parameters
    ----------
    id : its name in the file
    value : a number, or several: one per date, or one per name in `parts`
    unit : shares are fractions of 1
    low, high : tolerance, shaped like the value; None where none is known
    date : year or month, or `from/to`, or one per value
    population : who or what was counted
    source : where it was read, or from what it was computed
    status : published, computed or assumption
    use : initial, input, target, effect or context
    fr, en : labels
    code : C1…C10 (calibration) or S1…S5 (known effects); else empty
    parts : names of the values of a list
    note : how it was computed, or why to be careful
    measure : one formula for each value, what the model is asked (docs/validation.md); none where
        the model is not asked
    scenario : where it is asked; empty for the survey panel
    """

    id: str
    value: Value
    unit: str
    date: Date
    population: str
    source: str
    status: str
    use: str
    fr: str
    en: str
    low: Value | None = None
    high: Value | None = None
    code: str = ""
    parts: tuple[str, ...] = ()
    note: str = ""
    measure: tuple[str, ...] = ()
    scenario: str = ""

    @property
    def values(self) -> tuple[float, ...]:
        """The value as a tuple, of one element where it is a number."""
        return self.value if isinstance(self.value, tuple) else (self.value,)

    @property
    def dates(self) -> tuple[str, ...]:
        """The date as a tuple, of one element where it is single."""
        return self.date if isinstance(self.date, tuple) else (self.date,)

    def label(self, lang: str = "fr") -> str:
        """What a reader sees, in French (`fr`) or English (`en`)."""
        return self.en if lang == "en" else self.fr


@cache
def facts() -> Mapping[str, Fact]:
    """Every fact by id, in the order of the file."""
    rows = tomllib.loads((files("cosim.data") / "facts.toml").read_text(encoding="utf-8"))
    return MappingProxyType({name: _fact(name, row) for name, row in rows.items()})


def fact(id: str) -> Fact:
    """The fact of this id.

    Raises
    ------
    ParameterError : unknown id; names the nearest one

    >>> fact("convinced_elus").value
    (0.05, 0.76)
    """
    try:
        return facts()[id]
    except KeyError:
        raise ParameterError(
            "unknown fact", where="facts.toml", key=id, nearest=nearest(id, facts())
        ) from None


def value(id: str) -> Value:
    """The value of the fact of this id."""
    return fact(id).value


def targets() -> Mapping[str, Fact]:
    """The calibration targets by code, C1 to C10."""
    rows = (row for row in facts().values() if row.use == "target")
    return MappingProxyType({row.code: row for row in sorted(rows, key=lambda r: int(r.code[1:]))})


def _fact(name: str, row: dict[str, Any]) -> Fact:
    columns: dict[str, Any] = {
        key: tuple(x) if isinstance(x, list) else x for key, x in row.items()
    }
    try:
        result = Fact(id=name, **columns)
    except TypeError as error:
        raise ParameterError(str(error), where="facts.toml", key=name) from None
    for column, known in (("status", STATUSES), ("use", USES)):
        found = getattr(result, column)
        if found not in known:
            raise ParameterError(
                f"unknown {column}",
                where="facts.toml",
                key=name,
                found=found,
                expected=" or ".join(known),
                nearest=nearest(found, known),
            )
    return result
