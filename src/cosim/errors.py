"""Errors that say what is wrong, where, and what would be right."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The known name that looks most like `name`, or None when none does."""
    known = {candidate.casefold(): candidate for candidate in names}
    close = get_close_matches(name.casefold(), known, n=1, cutoff=0.6)
    return known[close[0]] if close else None


class CosimError(Exception):
    """A mistake that the user can correct; the command line prints it and exits 2.

    Parameters
    ----------
    what : what is wrong, a short phrase without a final stop
    where : file (or other place) of the mistake
    key : key, column or name concerned
    found, expected : what was given, and what would be accepted
    nearest : a known name that the user may have meant
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        key: str | None = None,
        found: object = None,
        expected: object = None,
        nearest: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.key = key
        self.found = found
        self.expected = expected
        self.nearest = nearest
        super().__init__(str(self))

    def __str__(self) -> str:
        place = ", ".join(str(part) for part in (self.where, self.key) if part is not None)
        details = []
        if self.expected is not None:
            details.append(f"expected {self.expected}")
        if self.found is not None:
            details.append(f"got {self.found!r}")
        message = f"{place}: {self.what}" if place else self.what
        if details:
            message += f" ({', '.join(details)})"
        if self.nearest is not None:
            message += f"; did you mean {self.nearest!r}?"
        return message

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from `args` by default; keyword arguments live in __dict__.
        return type(self), (self.what,), self.__dict__


class ScenarioError(CosimError):
    """A scenario document that cannot be read or is not valid."""


class TerritoryError(CosimError):
    """A territory that does not exist or cannot be used."""


class ParameterError(CosimError):
    """A parameter, or a fact, that is unknown or out of its range."""


class ResultsError(CosimError):
    """Results that cannot be read, written or compared."""


class RunError(CosimError):
    """A replicate, or the executor that ran it, that failed; the command line exits 1."""
