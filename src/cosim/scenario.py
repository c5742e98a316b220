"""A scenario is one strict document: the seminar's file, the élu's link, the design point."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, PrivateAttr, ValidationError, field_validator

from cosim.errors import ParameterError, ScenarioError
from cosim.scenario_levers import (
    Competences,
    Dated,
    Donnees,
    Droit,
    France,
    Ingenierie,
    Lieux,
    Outils,
    Prime,
    Reconnaissance,
    Rules,
    Usine,
)
from cosim.scenario_tables import (
    MECHANISMS,
    METIERS,
    Catalysis,
    Context,
    Crisis,
    Listed,
    Mix,
    ModelChanges,
    Place,
    Synthetic,
    Table,
    Text,
    Time,
    about,
    ordinal,
    refuse,
)

__all__ = [
    "CODE_KEYS", "MECHANISMS", "METIERS", "POSTERIOR", "Catalysis", "Change", "Context", "Crisis",
    "Mix", "ModelChanges", "Place", "Scenario", "Synthetic", "Time", "diff", "difference_sentence",
    "from_query", "load", "loads", "markdown", "new", "schema", "shipped",
]  # fmt: skip

Lang = Literal["fr", "en"]

#: Keys that describe a scenario and are not inherited by `extends`; those, and the seed, do not
#: change what is simulated.
OWN_KEYS = ("title", "title_en", "purpose", "purpose_en", "against", "moves")
NOT_IN_DIGEST = (*OWN_KEYS, "seed")
#: The base of `parameters` from which each replicate draws a set: `cosim.calibration.posterior`.
POSTERIOR = "posterior"
#: Keys that name code or files: refused in what comes from the web.
CODE_KEYS = ("extends", "model.modules", "model.replace", "model.after")


class Change(NamedTuple):
    """One key that differs between two scenarios; None stands for absent."""

    key: str
    before: Any
    after: Any


class Scenario(Table):
    """What is simulated: a validated document that no longer depends on any other.

    Parameters
    ----------
    document : the tables of a scenario file, as keyword arguments; `extends` is followed from
        the current folder

    Raises
    ------
    ScenarioError : the first thing that is wrong, its key, what was expected

    Examples
    --------
    >>> scenario = Scenario(title="Essai", catalysis={"fte": 2})
    >>> scenario.with_(**{"catalysis.fte": 3}).catalysis.fte
    3.0
    """

    title: Annotated[Text, about(
        "text", "titre", "title", "titre en français", "title in French")] = ""  # fmt: skip
    title_en: Annotated[Text, about(
        "text", "titre anglais", "English title",
        "titre en anglais", "title in English")] = ""  # fmt: skip
    purpose: Annotated[Text, about(
        "text", "intention", "purpose",
        "à quoi sert ce scénario, en français", "what this scenario is for, in French",
    )] = ""  # fmt: skip
    purpose_en: Annotated[Text, about(
        "text", "intention en anglais", "purpose in English",
        "à quoi sert ce scénario, en anglais", "what this scenario is for, in English",
    )] = ""  # fmt: skip
    against: Annotated[Text, about(
        "text", "référence", "reference",
        "scénario livré auquel celui-ci se compare", "shipped scenario to compare this one with",
    )] = ""  # fmt: skip
    moves: Annotated[tuple[Text, ...], Listed, about(
        "moves", "ce que ce scénario fait bouger", "what this scenario moves",
        "indicateurs que ce scénario fait bouger d'abord, « indicateur » ou « indicateur/groupe »",
        "indicators that this scenario moves first, \"indicator\" or \"indicator/group\"",
        max_length=20,
    )] = ()  # fmt: skip
    seed: Annotated[int, about(
        "integer", "graine", "seed",
        "graine du hasard (hors de l'empreinte)", "seed of chance (not in the digest)",
        ge=0, le=2**32 - 1,
    )] = 1  # fmt: skip
    time: Time = Time()
    territory: Place = Place()
    catalysis: Catalysis = Catalysis()
    context: Context = Context()
    lieux: Lieux = Lieux()
    droit: Droit = Droit()
    ingenierie: Ingenierie = Ingenierie()
    prime: Prime = Prime()
    donnees: Donnees = Donnees()
    outils: Outils = Outils()
    competences: Competences = Competences()
    reconnaissance: Reconnaissance = Reconnaissance()
    usine: Usine = Usine()
    france: France = France()
    rules: Rules = Rules()
    model: ModelChanges = ModelChanges()
    parameters: Annotated[dict[str, float], about(
        "parameters", "paramètres", "parameters",
        "nom = valeur, dans l'intervalle du registre (`cosim parameters`) ; ou \"posterior\"",
        "name = value, within the range of the ledger (`cosim parameters`); or \"posterior\"",
    )] = Field(default_factory=dict)  # fmt: skip

    _folder: Path | None = PrivateAttr(default=None)
    _draws: bool = PrivateAttr(default=False)

    def __init__(self, **document: Any) -> None:
        from cosim.scenario_file import followed

        self._fill(followed(document))

    def _fill(self, document: Mapping[str, Any], where: object = None) -> None:
        from cosim.scenario_file import clear, drawing

        plain, draws = drawing(document, where)
        try:
            self.__pydantic_validator__.validate_python(plain, self_instance=self)
        except ValidationError as error:
            raise clear(error, where) from None
        self._draws = draws
        if draws:
            self._has_calibration(where)

    def _has_calibration(self, where: object) -> None:
        from cosim.calibration import posterior

        try:
            posterior.path_of(posterior.name_of(self.rules))
        except ScenarioError as error:
            raise ScenarioError(
                error.what, where=None if where is None else str(where), key=error.key,
                found=error.found, expected=error.expected, nearest=error.nearest,
            ) from None  # fmt: skip

    @field_validator("moves")
    @classmethod
    def _measured(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from cosim.errors import ResultsError
        from cosim.indicators import column

        for name in names:
            try:
                column(*name.split("/", 1))
            except ResultsError as error:
                raise refuse(error.what, found=name, expected="a name of `cosim indicators`",
                             hint=error.nearest) from None  # fmt: skip
        return names

    @field_validator("parameters")
    @classmethod
    def _in_ledger(cls, values: dict[str, float]) -> dict[str, float]:
        from cosim.parameters import check

        for name, value in values.items():
            try:
                check(name, value)
            except ParameterError as error:
                expected = str(error.expected or "a name of the ledger (`cosim parameters`)")
                raise refuse(
                    error.what, key=name, found=value, expected=expected, hint=error.nearest
                ) from None
        return values

    # -- the document ---------------------------------------------------------------------

    def resolved(self) -> dict[str, Any]:
        """The whole document as plain dictionaries and lists, defaults written out."""
        document = self.model_dump(mode="json")
        if self.draws:
            document["parameters"] = {"base": POSTERIOR, **document["parameters"]}
        return document

    @property
    def draws(self) -> bool:
        """Whether each replicate draws its parameters from the posterior (`parameters.base`).

        Those of `parameters` are the same in all.
        """
        return self._draws

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that name what is simulated, whatever its title and seed.

        The sources of `model.modules` are not in it: see `module_paths`.
        """
        document = {k: v for k, v in self.resolved().items() if k not in NOT_IN_DIGEST}
        text = json.dumps(_canonical(document), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scenario) and self.resolved() == other.resolved()

    def __hash__(self) -> int:
        return hash(self.digest)

    def with_(self, **changes: Any) -> Scenario:
        """A copy with other values, validated again.

        Keys are dotted (`"catalysis.fte"`), tables are merged, None gives back the default.
        """
        from cosim.scenario_file import nested, patched, spelled

        return build(patched(self.resolved(), spelled(nested(changes))), folder=self._folder)

    @property
    def module_paths(self) -> list[Path]:
        """The files of `model.modules`, from the folder of the scenario's file."""
        folder = self._folder or Path.cwd()
        return [Path(os.path.normpath(folder / name)) for name in self.model.modules]

    # -- months ---------------------------------------------------------------------------

    @property
    def n_months(self) -> int:
        """How many months are simulated, both ends included."""
        return self.month_index(self.time.end) + 1

    @property
    def start_year(self) -> int:
        """The year of the first month."""
        return int(self.time.start[:4])

    def month_index(self, month: str) -> int:
        """The number of "YYYY-MM", 0 at the start; negative before, `n_months` or more beyond."""
        return ordinal(month) - ordinal(self.time.start)

    def month_label(self, index: int) -> str:
        """The "YYYY-MM" of a month's number."""
        year, month = divmod(ordinal(self.time.start) + index, 12)
        return f"{year:04d}-{month + 1:02d}"

    @property
    def catalysis_months(self) -> range:
        """The simulated months with support, before any restart; empty without catalysts."""
        return self.months_of(self.catalysis) if self.catalysis.fte > 0 else range(0)

    def months_of(self, lever: Dated | Catalysis) -> range:
        """The simulated months from the start of a lever to its end."""
        first = self.month_index(lever.start) if lever.start else 0
        stop = self.month_index(lever.end) if lever.end else self.n_months
        first, stop = max(first, 0), min(stop, self.n_months)
        return range(first, max(first, stop))

    # -- words ----------------------------------------------------------------------------

    def sentence(self, lang: Lang = "fr") -> str:
        """What the scenario is, in plain words, before what it does."""
        from cosim.scenario_text import sentence

        return sentence(self, lang)

    def to_toml(self) -> str:
        """The document as a file that gives the same scenario again."""
        from cosim.scenario_format import to_toml

        return to_toml(self)

    def to_query(self) -> str:
        """The scenario as the query string of a link; refused if it holds code."""
        from cosim.scenario_format import to_query

        return to_query(self)


def build(
    document: Mapping[str, Any], *, where: object = None, folder: Path | None = None
) -> Scenario:
    """Validate a document without `extends`; `where` is named in errors."""
    scenario = Scenario.__new__(Scenario)
    scenario._fill(document, where)
    scenario._folder = folder
    return scenario


def load(path_or_name: str | os.PathLike[str], trusted: bool = True) -> Scenario:
    """Read a scenario file, or a shipped scenario by its name.

    Parameters
    ----------
    path_or_name : path of a TOML file, or a name of `shipped()`
    trusted : False refuses keys that name code or files; shipped scenarios are always trusted

    Examples
    --------
    >>> load("reference-2010").n_months
    84
    """
    from cosim.scenario_file import locate, read

    return read(locate(path_or_name), trusted)


def loads(text: str, source: str = "<text>", trusted: bool = True) -> Scenario:
    """Read a scenario from TOML text; `source` is named in errors."""
    from cosim.scenario_file import parse, resolve

    return resolve(parse(text, source), where=source, folder=Path.cwd(), trusted=trusted)


def from_query(query: str) -> Scenario:
    """The scenario of a link; keys that name code or files are refused."""
    from cosim.scenario_format import query_document

    return build(query_document(query), where="link")


@cache
def _shipped() -> tuple[tuple[str, Path], ...]:
    here = Path(__file__).resolve()
    # In a wheel the scenarios are inside the package; in a checkout, beside `src`.
    for folder in (here.parent / "scenarios", here.parents[2] / "scenarios"):
        if folder.is_dir():
            return tuple((path.stem, path) for path in sorted(folder.glob("*.toml")))
    return ()


def shipped() -> dict[str, Path]:
    """The scenarios that come with the software: name -> file."""
    return dict(_shipped())


def diff(a: Scenario, b: Scenario) -> list[Change]:
    """The keys that differ from `a` to `b`; empty exactly when the digests are equal."""
    before, after = _flat(a), _flat(b)
    keys = [*before, *(key for key in after if key not in before)]
    changes = (Change(key, before.get(key), after.get(key)) for key in keys)
    return [change for change in changes if change.before != change.after]


def difference_sentence(a: Scenario, b: Scenario, lang: Lang = "fr") -> str:
    """What `b` changes from `a`, in plain words."""
    from cosim.scenario_text import difference_sentence

    return difference_sentence(a, b, lang)


def schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file, for editors."""
    from cosim.parameters import PARAMETERS
    from cosim.scenario_file import BASE

    document = Scenario.model_json_schema()
    extends = {
        "type": "string",
        "title": "scénario de départ",
        "description": "fichier (par rapport à celui-ci) ou nom d'un scénario livré — "
        "file (relative to this one) or name of a shipped scenario",
    }
    document["properties"] = {"extends": extends, **document["properties"]}
    document["properties"]["parameters"] |= {
        "type": ["object", "string"],
        "pattern": f"^{POSTERIOR}$",
        "additionalProperties": False,
        "properties": {
            "base": {"const": POSTERIOR, "description": " — ".join(BASE)},
            **{
                row.name: {
                    "type": "number",
                    "minimum": row.low,
                    "maximum": row.high,
                    "default": row.default,
                    "description": f"{row.fr} — {row.en} ({row.unit})",
                }
                for row in PARAMETERS.values()
            },
        },
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document,
            "title": "cosim scenario"}  # fmt: skip


def new(title: str) -> str:
    """A commented scenario file to start from."""
    from cosim.scenario_format import template

    return template(title)


def markdown() -> str:
    """The reference of every key, as `docs/scenarios.md`."""
    from cosim.scenario_format import markdown

    return markdown()


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return value + 0.0 if isinstance(value, float) else value  # -0.0 is 0.0


def _flat(scenario: Scenario) -> dict[str, Any]:
    """Dotted key -> value of what the digest covers; lists are values."""
    flat: dict[str, Any] = {}

    def walk(table: Mapping[str, Any], prefix: str) -> None:
        for key, value in table.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{key}.")
            else:
                flat[prefix + key] = value

    document = scenario.resolved()
    walk({key: value for key, value in document.items() if key not in NOT_IN_DIGEST}, "")
    return flat
