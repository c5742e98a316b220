"""The language of facts: a row of a CSV file asks the model one number and says what was found.

`parse` reads a formula such as `engaged[company] @ 2015 - engaged[company] @ 2011`, `read` a file
of facts, `targets` the calibration targets. No text is ever run as code.

    formula := term { (+ | -) term }
    term    := factor { (* | /) factor }
    factor  := [-] ( NUMBER | "(" formula ")" | function | figure )
    function:= (min | max | mean | logit) "(" formula { "," formula } ")"
             | (slope | total) "(" figure ")"
    figure  := NAME [ "[" GROUP "]" ] [ "@" DATE ]
    DATE    := MONTH-OR-YEAR [ ".." MONTH-OR-YEAR ] | N months | N years
"""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, Protocol

import numpy as np

from cosim import facts
from cosim.calibration.lives import FIGURES, Life, cohort
from cosim.calibration.runs import Run, Span, Window
from cosim.errors import CosimError, ParameterError, nearest
from cosim.indicators import INDICATORS, column
from cosim.scenario_file import shown_path

#: The scenario of a row that names none: the territories that stand for those of the surveys.
SURVEY = "survey"
#: Scenarios that are no file.
BUILT_IN = (SURVEY, "survey-supported")
#: The share next to 0 and 1 at which a logit is taken, since that of 0 and 1 is infinite: a tenth
#: of a point, far under what a survey sees (assumption).
LEAST_SHARE = 0.001


class Expression(Protocol):
    """What a formula means: one number of a run."""

    @property
    def unit(self) -> str:
        """Unit: "share" where the survey error of a share applies."""

    def value(self, run: Run) -> float:
        """Return the number, NaN where there is none.

        Raises
        ------
        ParameterError : a month is outside the run
        """


# -- meaning ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number:
    """A number."""

    number: float
    unit: str = ""

    def value(self, run: Run) -> float:
        """Return the number."""
        return self.number


@dataclass(frozen=True)
class Series:
    """The mean of an indicator over a window."""

    indicator: str
    group: str
    when: Window

    @property
    def unit(self) -> str:
        """Unit of the indicator."""
        return INDICATORS[self.indicator].unit

    def months(self, run: Run) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return the indicator in the months of the window."""
        values: np.ndarray[tuple[int], np.dtype[np.float64]]
        values = run.series(self.indicator, self.group)[self.when.months(run)]
        return values

    def value(self, run: Run) -> float:
        """Return the mean of the months."""
        return float(np.mean(self.months(run)))


@dataclass(frozen=True)
class Slope:
    """What a figure changes in a year between the ends of a window; of a share, its logit."""

    first: Expression
    last: Expression
    years: float
    unit: str = ""

    def value(self, run: Run) -> float:
        """Return the difference per year."""
        before, after = self.first.value(run), self.last.value(run)
        if self.first.unit == "share":
            before, after = logit(before), logit(after)
        return (after - before) / self.years


@dataclass(frozen=True)
class Total:
    """The sum of an indicator over the months of a window."""

    of: Series

    @property
    def unit(self) -> str:
        """No share: sums of shares are none."""
        return "" if self.of.unit == "share" else self.of.unit

    def value(self, run: Run) -> float:
        """Return the sum of the months."""
        return float(np.sum(self.of.months(run)))


@dataclass(frozen=True)
class Combination:
    """A function of other expressions; NaN where one of them is, or where it is not finite."""

    name: str
    parts: tuple[Expression, ...]

    @property
    def unit(self) -> str:
        """Share for sums, differences, extremes and means of shares, numbers aside."""
        if self.name not in _KEEP_UNIT:
            return ""
        units = {part.unit for part in self.parts if not isinstance(part, Number)}
        return units.pop() if len(units) == 1 else ""

    def value(self, run: Run) -> float:
        """Return the combined number."""
        values = [part.value(run) for part in self.parts]
        if any(math.isnan(value) for value in values):
            return math.nan
        try:
            result = FUNCTIONS[self.name](values)
        except ZeroDivisionError:
            return math.nan
        return result if math.isfinite(result) else math.nan


def logit(share: float) -> float:
    """Return the logarithm of the odds of a share, which is kept `LEAST_SHARE` from 0 and 1.

    >>> round(logit(0.76) - logit(0.05), 2)
    4.1
    """
    kept = min(max(share, LEAST_SHARE), 1.0 - LEAST_SHARE) if share == share else share
    return math.log(kept / (1.0 - kept))


#: Operators and functions of formulas, of a list of numbers.
FUNCTIONS: Mapping[str, Callable[[list[float]], float]] = {
    "+": lambda v: v[0] + v[1],
    "-": lambda v: v[0] - v[1],
    "*": lambda v: v[0] * v[1],
    "/": lambda v: v[0] / v[1],
    "min": min,
    "max": max,
    "mean": lambda v: math.fsum(v) / len(v),
    "logit": lambda v: logit(v[0]),
}
_KEEP_UNIT = ("+", "-", "min", "max", "mean")
#: Functions of one figure over a window.
OF_WINDOWS = ("slope", "total")
_CALLS = (*(name for name in FUNCTIONS if name.isalpha()), *OF_WINDOWS)


# -- figures and dates --------------------------------------------------------------------

_SPAN = r"\d{4}(?:-\d{2})?(?!\d)"
_WINDOW = rf"{_SPAN}(?:\s*\.\.\s*{_SPAN})?"
_AGE = r"(\d+)\s*(months?|mois|years?|ans?)\b"
_DATES = "2016-11, 2015, 2011..2015"
_AGES = "36 months, 3 years"


def _span(text: str) -> Span:
    year, month = int(text[:4]), text[5:]
    if not month:
        return Span(12 * year, 12 * year + 11)
    if not 1 <= int(month) <= 12:
        raise ParameterError("no such month", key="date", found=text, expected="01 to 12")
    return Span(*(12 * year + int(month) - 1,) * 2)


def window(text: str) -> Window:
    """Read a month, a year, or a window from one to another.

    >>> str(window("2011 .. 2015"))
    '2011..2015'

    Raises
    ------
    ParameterError : it is none of these, or ends before it starts
    """
    text = text.strip()
    if not re.fullmatch(_WINDOW, text):
        raise ParameterError("not a date", key="date", found=text, expected=_DATES)
    ends = [_span(end.strip()) for end in text.split("..")]
    made = Window(ends[0], ends[-1])
    if made.last < made.first:
        raise ParameterError("a window that ends before it starts", key="date", found=text,
                             expected=f"{made.last}..{made.first}")  # fmt: skip
    return made


def _figure(name: str, group: str, date: str) -> Series | Life:
    """Return the meaning of `name[group] @ date`; errors say whether name, group or date is it."""
    if name in FIGURES:
        return _life(name, group, date)
    if name not in INDICATORS:
        known = [*INDICATORS, *FIGURES, *_CALLS]
        raise ParameterError(
            "unknown indicator, figure of life or function", key="indicator", found=name,
            expected="a name of `cosim indicators` or of docs/validation.md",
            nearest=nearest(name, known),
        )  # fmt: skip
    try:
        column(name, group)
    except CosimError as error:
        raise ParameterError(error.what, key="group", found=group, expected=error.expected,
                             nearest=error.nearest) from None  # fmt: skip
    if not date:
        raise ParameterError(f"{name} has no date", key="date", expected=_DATES)
    return Series(name, group, window(date))


def _life(name: str, group: str, date: str) -> Life:
    part, bar, whole = group.partition("|")
    if bar and name != "share":
        raise ParameterError("only share[A | B] has a “|”", key="group", found=group,
                             expected="terms joined by commas")  # fmt: skip
    if name == "share" and not part.strip():
        raise ParameterError("a share of what?", key="group", found=group,
                             expected="share[A] or share[A | B]")  # fmt: skip
    return Life(name, cohort(part, window), cohort(whole, window), _when(name, date))


def _when(name: str, date: str) -> int | Window | None:
    says = FIGURES[name].date
    if says == "none":
        if date:
            raise ParameterError(f"{name} has no date", key="date", found=date, expected="nothing")
        return None
    if says == "age":
        age = re.fullmatch(_AGE, date)
        if not age:
            raise ParameterError(f"{name} is asked at an age", key="date", found=date,
                                 expected=_AGES)  # fmt: skip
        return int(age[1]) * (1 if age[2].startswith("mo") else 12)
    return window(date) if date else None


def _over_window(name: str, figure: Expression) -> Slope | Total:
    """Return `slope` or `total` of a figure."""
    if name == "total":
        if not isinstance(figure, Series):
            raise ParameterError("total adds up the months of an indicator", key="indicator",
                                 expected="total(births @ 2011..2015)")  # fmt: skip
        return Total(figure)
    when = getattr(figure, "when", None)
    if not isinstance(when, Window) or when.years == 0.0:
        raise ParameterError("a slope needs two ends", key="date",
                             found=None if when is None else f"{when}",
                             expected="slope(engaged[company] @ 2011..2015)")  # fmt: skip
    assert isinstance(figure, Series | Life)
    first, last = when.ends
    return Slope(replace(figure, when=first), replace(figure, when=last), when.years)


def _cells(name: str, group: str, date: str) -> Expression:
    """Return the meaning of the three cells: a figure, or an operation on its dates."""
    date = date.replace("−", "-")
    if date.split(" ")[0] == "slope":
        return _over_window("slope", _figure(name, group, date.removeprefix("slope").strip()))
    pair = re.fullmatch(rf"({_WINDOW})\s*([-/])\s*({_WINDOW})", date)
    if pair:
        parts = (_figure(name, group, pair[1]), _figure(name, group, pair[3]))
        return Combination(pair[2], parts)
    return _figure(name, group, date)


# -- formulas -----------------------------------------------------------------------------

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[^\W\d]\w*")
_GROUP = re.compile(r"\s*\[([^\[\]]*)\]")
_DATE = re.compile(rf"\s*@\s*({_WINDOW}|{_AGE}|)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+")
_YEAR = re.compile(r"(?:19|20)\d\d")
#: Formulas in formulas, and characters: more is no survey's question.
DEPTH, LENGTH = 50, 2_000


class _Parser:
    """A recursive descent over one formula."""

    def __init__(self, text: str):
        self.text = text.replace("−", "-")
        self.at = 0
        self.depth = 0

    def whole(self) -> Expression:
        """Read the formula to its end."""
        made = self.formula()
        if self.at < len(self.text):
            self.refuse("the formula goes on", "+ - * / or the end")
        return made

    def formula(self) -> Expression:
        self.depth += 1
        if self.depth > DEPTH:
            self.refuse("too many parentheses", f"at most {DEPTH} in one another")
        made = self.chain(self.term, "+-")
        self.depth -= 1
        return made

    def term(self) -> Expression:
        return self.chain(self.factor, "*/")

    def chain(self, part: Callable[[], Expression], operators: str) -> Expression:
        made = part()
        while self.next() and self.next() in operators:
            operator = self.text[self.at]
            self.at += 1
            made = Combination(operator, (made, part()))
        return made

    def factor(self) -> Expression:
        negative = False
        while self.next() == "-":
            self.at += 1
            negative = not negative
        made = self.atom()
        return Combination("-", (Number(0.0), made)) if negative else made

    def atom(self) -> Expression:
        if self.next() == "(":
            self.at += 1
            made = self.formula()
            self.need(")")
            return made
        found = _NUMBER.match(self.text, self.at)
        if found:
            if _YEAR.fullmatch(found[0]):
                self.refuse("a year without a figure", f"NAME[GROUP] @ {found[0]}")
            self.at = found.end()
            return Number(float(found[0]))
        name = _NAME.match(self.text, self.at)
        if not name:
            self.refuse("the formula lacks something", "a number, a name or (")
        start, self.at = self.at, name.end()
        if self.next() == "(":
            return self.call(name[0], start)
        return self.figure(name[0], start)

    def call(self, name: str, start: int) -> Expression:
        if name not in _CALLS:
            self.at = start
            self.refuse("unknown function", ", ".join(_CALLS), nearest(name, _CALLS), name)
        self.at += 1
        inside = self.at
        parts = [self.formula()]
        while self.next() == ",":
            self.at += 1
            parts.append(self.formula())
        self.need(")")
        if len(parts) > 1 and name in (*OF_WINDOWS, "logit"):
            self.at = start
            self.refuse(f"{name} takes one thing", f"{name}(…)", found=f"{len(parts)} things")
        if name in OF_WINDOWS:
            there = f"character {inside + 1}"
            with located({"indicator": there, "date": there}):
                return _over_window(name, parts[0])
        return Combination(name, tuple(parts))

    def figure(self, name: str, start: int) -> Expression:
        places = {"indicator": start, "group": self.at, "date": self.at}
        group = _GROUP.match(self.text, self.at)
        if group:
            places["group"] = group.start(1)
            self.at = group.end()
        date = _DATE.match(self.text, self.at)
        if date:
            places["date"] = date.start(1)
            self.at = date.end()
            if not date[1]:
                self.refuse("not a date", f"{_DATES}, {_AGES}")
        with located({key: f"character {place + 1}" for key, place in places.items()}):
            return _figure(name, group[1].strip() if group else "", date[1] if date else "")

    def next(self) -> str:
        """Skip space; return the next character, empty at the end."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def need(self, mark: str) -> None:
        if self.next() != mark:
            self.refuse("the formula lacks something", repr(mark))
        self.at += 1

    def refuse(
        self, what: str, expected: str, near: str | None = None, found: str | None = None
    ) -> NoReturn:
        rest = self.text[self.at : self.at + 20].strip()
        raise ParameterError(what, key=f"character {self.at + 1}", expected=expected,
                             found=found or rest or "the end", nearest=near)  # fmt: skip


def parse(text: str) -> Expression:
    """Read a formula.

    >>> parse("engaged[company] @ 2015 - engaged[company] @ 2011").unit
    'share'

    Raises
    ------
    ParameterError : what is not a formula, with the place of the character
    """
    if not text.strip():
        raise ParameterError("an empty formula", expected="engaged[company] @ 2015")
    if len(text) > LENGTH:
        raise ParameterError("too long a formula", found=f"{len(text)} characters",
                             expected=f"at most {LENGTH}")  # fmt: skip
    return _Parser(text).whole()


@contextmanager
def located(places: Mapping[str, str], where: str | None = None) -> Iterator[None]:
    """Within it, an error says in `where` and at which of the places what is wrong stands."""
    try:
        yield
    except CosimError as error:
        raise type(error)(
            error.what, where=where or error.where, key=places.get(error.key or "", error.key),
            found=error.found, expected=error.expected, nearest=error.nearest,
        ) from None  # fmt: skip


# -- rows ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One question to the model, and what was found in the world.

    Parameters
    ----------
    id : its name
    text : the formula, or the three cells as a formula
    measure : the same, read
    expected : what was found
    low, high : tolerance, read as a 95 % interval of what was found
    scenario : one of `BUILT_IN`, a shipped scenario, or the path of a file
    source, note : where it was read; why to be careful
    fact : the fact that it is a part of (several rows may be one fact)
    """

    id: str
    text: str
    measure: Expression
    expected: float
    low: float
    high: float
    scenario: str = SURVEY
    source: str = ""
    note: str = ""
    fact: str = ""

    @property
    def sd(self) -> float:
        """Standard deviation of what a survey would see of one true value (assumption: normal).

        The tolerance is read as a 95 % interval; that of a share is never under ± 3 points.
        """
        half = (self.high - self.low) / 2.0
        return max(half, survey_error() if self.measure.unit == "share" else 0.0) / 1.96

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which figures a survey can see: 0 and 1 for a share, no bound for a change."""
        share = self.measure.unit == "share" and isinstance(self.measure, Series | Life)
        return (0.0, 1.0) if share else (-math.inf, math.inf)


def survey_error() -> float:
    """Return the least error of a survey, as a share."""
    return facts.fact("survey_error").values[0]


def targets() -> list[Row]:
    """Return the calibration targets C1 to C10, a row for each of their values."""
    return [row for fact in facts.targets().values() for row in of_fact(fact)]


def of_fact(fact: facts.Fact) -> list[Row]:
    """Return the rows of a fact that has a measure, one for each of its values."""
    name = fact.code or fact.id
    n = len(fact.values)
    parts = fact.parts or (fact.dates if len(fact.dates) == n else ("",) * n)
    low, high = (side if isinstance(side, tuple) else (side,) * n for side in (fact.low, fact.high))
    rows = []
    for text, part, expected, least, most in zip(
        fact.measure, parts, fact.values, low, high, strict=True
    ):
        with located({}, where=f"facts.toml, {fact.id}"):
            measure = parse(text)
            if least is None or most is None:
                raise ParameterError("a fact without tolerance", expected="low and high")
        rows.append(
            Row(f"{name} {part}" if n > 1 else name, text, measure, expected, least, most,
                fact.scenario or SURVEY, fact.source, fact.note, name)
        )  # fmt: skip
    return rows


# -- files --------------------------------------------------------------------------------

#: Columns of a file of facts, with their French names.
HEADINGS = {
    "id": "nom", "measure": "mesure", "indicator": "indicateur", "group": "groupe", "date": "date",
    "expected": "attendu", "tolerance": "tolerance", "low": "bas", "high": "haut",
    "scenario": "scenario", "source": "source", "note": "note",
}  # fmt: skip
_CELLS = ("indicator", "group", "date")


def read(path: Path) -> list[Row]:
    """Read a file of facts: CSV, comma or semicolon, UTF-8.

    Raises
    ------
    ParameterError : it cannot be read, or a row is wrong; names file, line and column
    """
    name = shown_path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ParameterError("not text in UTF-8", where=name,
                             expected="a CSV file saved as « CSV UTF-8 »") from None  # fmt: skip
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or f"{error}"
        raise ParameterError("cannot be read", where=name, found=reason,
                             expected="a CSV file of facts") from None  # fmt: skip
    return rows(text, name, path.parent)


def rows(text: str, where: str = "<text>", folder: Path | None = None) -> list[Row]:
    """Read the text of a file of facts; `folder` is where paths of scenarios start.

    >>> rows("measure,expected,tolerance\\nengaged[company] @ 2015,0.37,0.03\\n")[0].high
    0.4
    """
    heading = next((x for x in text.splitlines() if x.strip() and not x.startswith("#")), "")
    semicolon = ";" in heading
    lines = list(_lines(text, ";" if semicolon else ",", where))
    if not lines:
        raise ParameterError("no fact", where=where, expected="a heading and a row for each fact")
    (_, head), *body = lines
    names = _headings(head, where)
    made: list[Row] = []
    for line, cells in body:
        here = f"{where}, line {line}"
        if any(cells[len(names) :]):
            raise ParameterError("more cells than headings", where=here, found=len(cells),
                                 expected=f"{len(names)}; quote a cell that holds the separator"
                                 )  # fmt: skip
        cell = dict(zip(names, cells, strict=False))
        row = _row(cell, f"line {line}", here, semicolon, folder)
        if any(row.id == other.id for other in made):
            raise ParameterError("two facts of one name", where=here, key="column id",
                                 found=row.id, expected="another name")  # fmt: skip
        made.append(row)
    if not made:
        raise ParameterError("no fact", where=where, expected="a row under the heading")
    return made


def _lines(text: str, delimiter: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of the lines that hold something; # begins a comment."""
    reader = csv.reader(text.splitlines(), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells) and not cells[0].startswith("#"):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise ParameterError("not a line of CSV", where=f"{where}, line {line}",
                             found=f"{error}", expected="cells whose quotes are closed"
                             ) from None  # fmt: skip


def _headings(cells: Sequence[str], where: str) -> list[str]:
    """Return the columns of a heading, in either language; empty ones at its end are left out."""
    while cells and not cells[-1]:
        cells = cells[:-1]
    french = {fr: en for en, fr in HEADINGS.items()}
    names = [french.get(_plain(cell), _plain(cell)) for cell in cells]
    for place, name in enumerate(names):
        if name not in HEADINGS:
            raise ParameterError(
                "unknown column", where=where, key=f"column {place + 1}", found=cells[place],
                expected=", ".join(HEADINGS), nearest=nearest(name, [*HEADINGS, *french]),
            )  # fmt: skip
        if name in names[:place]:
            raise ParameterError("a column twice", where=where, key=f"column {place + 1}",
                                 found=cells[place], expected="each column once")  # fmt: skip
    if "expected" not in names or not {"measure", "indicator"} & set(names):
        raise ParameterError("a column is missing", where=where, found=", ".join(names),
                             expected="expected, and measure or indicator")  # fmt: skip
    return names


def _plain(text: str) -> str:
    """Return a heading in lower case, without accents."""
    letters = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _row(
    cell: Mapping[str, str], name: str, where: str, semicolon: bool, folder: Path | None
) -> Row:
    triple = [cell.get(key, "") for key in _CELLS]
    if bool(cell.get("measure")) == any(triple):
        raise ParameterError("measure, or indicator, group and date", where=where,
                             key="column measure", expected="one of the two",
                             found="both" if any(triple) else "neither")  # fmt: skip
    if cell.get("measure"):
        text = cell["measure"]
        with located({}, where=f"{where}, column measure"):
            measure = parse(text)
    else:
        text = _as_formula(*triple)
        with located({key: f"column {key}" for key in _CELLS}, where=where):
            measure = _cells(*triple)
    numbers = {
        key: _number(cell.get(key, ""), f"column {key}", where, semicolon)
        for key in ("expected", "tolerance", "low", "high")
    }
    expected, low, high = _tolerance(numbers, measure.unit, where)
    with located({"scenario": "column scenario"}, where=where):
        scenario = _scenario(cell.get("scenario", ""), folder)
    name = cell.get("id") or name
    return Row(name, text, measure, expected, low, high, scenario, cell.get("source", ""),
               cell.get("note", ""), name)  # fmt: skip


def _as_formula(name: str, group: str, date: str) -> str:
    base = f"{name}[{group}]" if group else name
    return f"{base} @ {date}" if date else base


def _number(text: str, column: str, where: str, semicolon: bool) -> float | None:
    """Return a number, or None for an empty cell; 8,5 between semicolons; 37 % is .37."""
    if not text:
        return None
    plain = text.replace("−", "-").removesuffix("%").strip()
    if semicolon:
        plain = plain.replace(",", ".")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", plain):
        raise ParameterError(
            "not a number", where=where, key=column, found=text,
            expected="0.37 or 37 %; a decimal comma only between semicolons",
        )  # fmt: skip
    number = float(plain) / (100.0 if text.endswith("%") else 1.0)
    if not math.isfinite(number):
        raise ParameterError("not a number", where=where, key=column, found=text,
                             expected="a finite one")  # fmt: skip
    return number


def _tolerance(
    numbers: Mapping[str, float | None], unit: str, where: str
) -> tuple[float, float, float]:
    """Return what was found, and its interval."""
    expected, tolerance, low, high = (
        numbers[key] for key in ("expected", "tolerance", "low", "high")
    )
    if expected is None:
        raise ParameterError("nothing was found", where=where, key="column expected",
                             expected="a number")  # fmt: skip
    if tolerance is None and low is None and high is None and unit == "share":
        tolerance = survey_error()
    if tolerance is None and low is not None and high is not None:
        if low <= expected <= high and low < high:
            return expected, low, high
        raise ParameterError("not an interval around what was found", where=where,
                             key="column low", found=f"{low:g} to {high:g}",
                             expected=f"low ≤ {expected:g} ≤ high")  # fmt: skip
    if tolerance is None or low is not None or high is not None:
        raise ParameterError("no tolerance", where=where, key="column tolerance",
                             expected="tolerance (±), or low and high")  # fmt: skip
    if tolerance <= 0:
        raise ParameterError("not a tolerance", where=where, key="column tolerance",
                             found=tolerance, expected="more than 0")  # fmt: skip
    return expected, expected - tolerance, expected + tolerance


def _scenario(name: str, folder: Path | None) -> str:
    """Return a scenario that exists: built in, shipped, or a file from `folder`."""
    from cosim.scenario import shipped

    if not name or name in BUILT_IN:
        return name or SURVEY
    if name in shipped():
        return name
    path = Path(name) if folder is None else folder / name
    try:
        if path.is_file():
            return str(path)
    except (OSError, ValueError):
        pass
    raise ParameterError(
        "no such scenario", key="scenario", found=name,
        expected="survey, survey-supported, a name of `cosim scenario list`, or a file",
        nearest=nearest(name, [*BUILT_IN, *shipped()]),
    )  # fmt: skip


def columns(expression: Expression) -> list[tuple[str, str]]:
    """Return the (indicator, group) that an expression reads."""
    match expression:
        case Series():
            return [(expression.indicator, expression.group)]
        case Total():
            return columns(expression.of)
        case Slope():
            return columns(expression.first)
        case Combination():
            return [pair for part in expression.parts for pair in columns(part)]
        case _:
            return []


def follows(expression: Expression) -> bool:
    """Return whether an expression follows alliances, those that ended too."""
    match expression:
        case Life():
            return True
        case Slope():
            return follows(expression.first)
        case Combination():
            return any(follows(part) for part in expression.parts)
        case _:
            return False


def windows(expression: Expression) -> list[Window]:
    """Return the windows of months that an expression reads."""
    match expression:
        case Series():
            return [expression.when]
        case Life() if isinstance(expression.when, Window):
            return [expression.when]
        case Total():
            return windows(expression.of)
        case Slope():
            return windows(expression.first) + windows(expression.last)
        case Combination():
            return [window for part in expression.parts for window in windows(part)]
        case _:
            return []
