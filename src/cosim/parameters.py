"""The ledger: every coefficient of the model, declared once in `data/parameters.toml`.

A mechanism reads `params.trust_gain`; a scenario sets `[parameters] trust_gain = 0.1`;
the documentation prints the same row. Nothing else holds a number.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from cosim.errors import ParameterError, nearest

CONFIDENCE = ("published", "cited", "calibrated", "assumption")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the ledger.

    `time` says what the value means in time, hence how it is cut into `substeps` of a month:
    `rate` is per month and divided, `probability` is per month and becomes
    1 - (1 - p)^(1/substeps), `yearly_rate` and `yearly_probability` are the same per year,
    `months` is a duration, multiplied and rounded to whole steps; empty means none of these.
    `prior` is what calibration believed before: the cited value, "uniform" where none is, or None
    for a parameter that it leaves alone; `posterior` the interval that holds 90 % after.
    """

    name: str
    mechanism: str
    default: float
    low: float
    high: float
    unit: str
    fr: str
    en: str
    source: str
    confidence: str
    symbol: str = ""
    time: str = ""
    prior: float | str | None = None
    posterior: tuple[float, float] | None = None

    def per_step(self, value: float, substeps: int) -> float:
        """Return `value` in units of one step of 1/substeps month."""
        match self.time:
            case "rate":
                return value / substeps
            case "probability":
                return 1.0 - (1.0 - value) ** (1.0 / substeps)
            case "yearly_rate":
                return value / (12.0 * substeps)
            case "yearly_probability":
                return 1.0 - (1.0 - value) ** (1.0 / (12.0 * substeps))
            case "months":
                return float(max(1, round(value * substeps))) if value else 0.0
            case _:
                return value


def _read() -> dict[str, Parameter]:
    text = (files("cosim") / "data" / "parameters.toml").read_text(encoding="utf-8")
    ledger = {}
    for name, row in tomllib.loads(text).items():
        low, high = row.pop("range")
        after = row.pop("posterior", None)
        ledger[name] = Parameter(
            name=name, low=low, high=high, posterior=tuple(after) if after else None, **row
        )
    return ledger


#: name -> `Parameter`, in the order of the mechanisms.
PARAMETERS: Mapping[str, Parameter] = MappingProxyType(_read())


def check(name: str, value: Any, where: str | None = None) -> float:
    """Return `value` as the value of parameter `name`.

    Raises `ParameterError` for an unknown name, for what is not a finite number, and for a
    value outside the ledger's range.
    """
    if name not in PARAMETERS:
        raise ParameterError(
            "unknown parameter", where=where, key=name, nearest=nearest(name, PARAMETERS)
        )
    row = PARAMETERS[name]
    expected = f"a number from {row.low:g} to {row.high:g} ({row.unit})"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ParameterError("not a number", where=where, key=name, found=value, expected=expected)
    if not row.low <= value <= row.high:
        raise ParameterError("out of range", where=where, key=name, found=value, expected=expected)
    return float(value)


@cache
def _dtype() -> Any:
    import numpy as np

    return np.dtype([(name, np.float64) for name in PARAMETERS], align=True)


def resolve(values: Mapping[str, float] | None = None, substeps: int = 1) -> Any:
    """Return the parameters of a run, per step, as a one-row NumPy record `params.name`.

    `values` overrides defaults; every value goes through `check`. The record is what
    mechanisms, compiled or plain, receive as `params`.
    """
    import numpy as np

    chosen = {name: check(name, value) for name, value in (values or {}).items()}
    row = tuple(p.per_step(chosen.get(name, p.default), substeps) for name, p in PARAMETERS.items())
    return np.rec.array([row], dtype=_dtype())[0]
