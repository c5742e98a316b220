"""The posterior sample that ships with the package: sets of parameters that replicates draw from.

One file for the default rules and one for each rival rule: `data/posterior/NAME.csv`. Replicates
2k and 2k + 1 take the same set, so that what differs within a pair is luck, and what differs
between pairs beyond that is parameters (`cosim.uncertainty`).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args

from cosim.errors import CosimError, ParameterError, ScenarioError, nearest
from cosim.parameters import check

if TYPE_CHECKING:
    from cosim.scenario import Scenario
    from cosim.scenario_levers import Rules
    from cosim.state import Array

__all__ = [
    "DEFAULT", "PAIR", "Posterior", "load", "name_of", "names", "of", "path_of", "read", "rules_of",
    "save",
]  # fmt: skip

#: Replicates that share one set.
PAIR = 2
#: The calibration of the rules as they are by default.
DEFAULT = "default"


@dataclass(frozen=True, eq=False)
class Posterior:
    """Sets of parameters that the published figures allow, in the order of their file.

    Parameters
    ----------
    name : of the rules that they were calibrated for
    names : of the parameters
    values : float64[sets, parameters], in the ledger's units, within its ranges; read-only
    about : what made them: command, digest, seed, date
    """

    name: str
    names: tuple[str, ...]
    values: Array
    about: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.values)

    def parameters(self, k: int) -> dict[str, float]:
        """Return set number `k`, from 0: name -> value."""
        return dict(zip(self.names, self.values[k].tolist(), strict=True))

    def number(self, replicate: int) -> int:
        """Return which set a replicate takes, whatever the seed: pairs take one after the other."""
        return replicate // PAIR % len(self)

    def drawn(self, replicate: int) -> dict[str, float]:
        """Return the set of a replicate."""
        return self.parameters(self.number(replicate))


# -- which file ---------------------------------------------------------------------------


def names() -> tuple[str, ...]:
    """Return the names that a calibration can have: one per single departure of the rules."""
    from cosim.scenario_levers import Rules

    departures = (
        _departure(key, value)
        for key, field in Rules.model_fields.items()
        for value in get_args(field.annotation)
        if value != field.default
    )
    return (DEFAULT, *departures)


def _departure(key: str, value: str) -> str:
    return f"{key}-{value}".replace("_", "-")


def name_of(rules: Rules) -> str:
    """Return the name of the calibration for these rules.

    Raises
    ------
    ScenarioError : several rival rules at once, which nobody calibrated together
    """
    fields = type(rules).model_fields
    chosen = {key: getattr(rules, key) for key in fields}
    departures = [_departure(key, v) for key, v in chosen.items() if v != fields[key].default]
    if len(departures) > 1:
        raise ScenarioError(
            "no calibration for several rival rules at once", key="rules",
            found=" + ".join(departures), expected="at most one of: " + ", ".join(_shipped()),
        )  # fmt: skip
    return departures[0] if departures else DEFAULT


def rules_of(name: str) -> dict[str, str]:
    """Return the `[rules]` that a calibration of this name is about; none for the default.

    Raises
    ------
    ScenarioError : no rules have this name
    """
    from cosim.scenario_levers import Rules

    for key, field in Rules.model_fields.items():
        for value in get_args(field.annotation):
            if value != field.default and _departure(key, value) == name:
                return {key: value}
    if name != DEFAULT:
        raise ScenarioError("no such rules", key="rules", found=name, expected=", ".join(names()),
                            nearest=nearest(name, names()))  # fmt: skip
    return {}


def path_of(name: str) -> Path:
    """Return the file of a calibration.

    Raises
    ------
    ScenarioError : none has this name
    """
    shipped = _shipped()
    if name not in shipped:
        raise ScenarioError("no calibration of this name", key="parameters", found=name,
                            expected="one of: " + ", ".join(shipped),
                            nearest=nearest(name, shipped))  # fmt: skip
    return folder() / f"{name}.csv"


def folder() -> Path:
    """Return the folder of the samples that ship."""
    return Path(str(files("cosim") / "data" / "posterior"))


def _shipped() -> list[str]:
    return [name for name in names() if (folder() / f"{name}.csv").is_file()]


# -- read and write -----------------------------------------------------------------------


def load(rules: Rules | str | None = None) -> Posterior:
    """Read the shipped sample of some rules, or of a name of `names()`; default: default rules.

    Raises
    ------
    ScenarioError : no such calibration
    CosimError : the file is not a sample

    Examples
    --------
    >>> sample = load()
    >>> set(sample.parameters(0)) == set(sample.names)
    True
    """
    if rules is None:
        rules = DEFAULT
    return _loaded(path_of(rules if isinstance(rules, str) else name_of(rules)))


def of(scenario: Scenario) -> Posterior | None:
    """Return what the replicates of a scenario draw from; None where its parameters are fixed."""
    return load(scenario.rules) if scenario.draws else None


@lru_cache(maxsize=16)
def _loaded(path: Path) -> Posterior:
    return read(path)


def read(path: str | os.PathLike[str]) -> Posterior:
    """Read the file of a sample: lines `# key: value`, names of parameters, one row per set.

    Raises
    ------
    CosimError : it cannot be read, or is no such file
    ParameterError : a name or a value is not of the ledger
    """
    import numpy as np

    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise CosimError(f"cannot be read: {reason}", where=path) from None
    about = {}
    for line in lines:
        if line.startswith("#"):
            key, _, value = line[1:].partition(":")
            about[key.strip()] = value.strip()
    header, *rows = [row for row in csv.reader(x for x in lines if x[:1] != "#") if row] or [[]]
    if not header or not rows or len(set(header)) < len(header):
        raise CosimError("not a sample of parameters", where=path, found=f"{len(rows)} sets",
                         expected="names of parameters, each once, and one row per set"
                         )  # fmt: skip
    values = np.empty((len(rows), len(header)))
    for k, row in enumerate(rows):
        where = f"{path}, set {k}"
        if len(row) != len(header):
            raise CosimError("a set has other values than the header", where=where,
                             found=len(row), expected=len(header))  # fmt: skip
        values[k] = [check(name, _number(name, text, where), where)
                     for name, text in zip(header, row, strict=True)]  # fmt: skip
    values.flags.writeable = False
    return Posterior(path.stem, tuple(header), values, MappingProxyType(about))


def _number(name: str, text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ParameterError("not a number", where=where, key=name, found=text) from None


def save(
    path: str | os.PathLike[str],
    names: Sequence[str],
    values: Array,
    about: Mapping[str, str],
) -> Path:
    """Write the file of a sample, which `read` gives back bit for bit; whole, or not at all.

    Parameters
    ----------
    names : of the parameters
    values : float64[sets, parameters]
    about : one line of text for each key: what made the sample

    Raises
    ------
    CosimError : no value, or other values than names
    ParameterError : a name or a value is not of the ledger
    """
    import numpy as np

    path = Path(path)
    rows = np.asarray(values, np.float64)
    if rows.ndim != 2 or not rows.size or rows.shape[1] != len(names):
        raise CosimError("not a sample of parameters", where=path, found=rows.shape,
                         expected=f"(sets, {len(names)} parameters)")  # fmt: skip
    if any(":" in key or len(f"{key}{value}".splitlines()) > 1 for key, value in about.items()):
        raise CosimError("what a sample says of itself is one line for each key", where=path,
                         found=dict(about))  # fmt: skip
    lines = [f"# {key}: {value}" for key, value in about.items()]
    lines.append(",".join(names))
    for row in rows.tolist():
        lines.append(",".join(
            repr(check(name, value, str(path))) for name, value in zip(names, row, strict=True)
        ))  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
