"""What an address restores: scenario, reference, language, curve, scenarios kept. No Solara.

The scenario is the document of files and of the command line. An address holds what it changes
from its reference, key by key, and is read with the strict checks of the document: what is not
understood is refused in words, the rest is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from cosim import scenario as documents
from cosim import territory
from cosim.errors import CosimError, nearest
from cosim.indicators import INDICATORS
from cosim.scenario import CODE_KEYS, Scenario
from cosim.scenario_file import allowed
from cosim.scenario_format import query_document, query_value

if TYPE_CHECKING:
    from cosim.effects_text import Lang

#: The document that every reference starts from.
BASE = "reference-2020"
#: Where a page without an address starts, and with how many catalysts.
HOME, HOME_FTE = "200071371", 4.0
#: About so many actors are simulated; a larger territory is sampled at equal density.
MOST_ACTORS = 900
#: Years that a page simulates at most.
MOST_MONTHS = 360
#: Scenarios kept beside the one that moves.
MOST_KEPT = 3
#: Indicators that pages offer as a curve, the first one shown first.
SHOWN = ("alliances", "engaged", "able", "convinced", "trust_across", "successes", "recognised",
         "fragility")  # fmt: skip
#: Tables of a scenario that hold no decision and no hazard: the reference shares them.
SHARED = ("time", "territory", "rules", "model", "parameters", "france")
#: What a shipped scenario says of how its territory begins; the reference shares it.
CONDITIONS = ("profile", "domains", "fragility")
#: Keys of an address that are not keys of a scenario; those of one page are kept as they are.
OWN = ("langue", "territoire", "courbe", "ecart", "parametres", "garde")
PAGES_OWN = ("mois", "acteur", "hypothese", "carte", "salle", "mode", "section")


@dataclass(frozen=True)
class View:
    """The state of a page.

    Attributes
    ----------
    scenario : the what-if
    lang : language
    shown : indicator of the curve
    gap : whether the curve is the difference to the reference
    kept : scenarios kept, at most `MOST_KEPT`, of the same territory and period
    extra : keys of one page, as they are
    """

    scenario: Scenario
    lang: Lang = "fr"
    shown: str = SHOWN[0]
    gap: bool = False
    kept: tuple[Scenario, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def reference(self) -> Scenario:
        """The reference of the what-if."""
        return reference(self.scenario)

    @property
    def code(self) -> str:
        """The code of the territory."""
        return self.scenario.territory.code

    def own(self, key: str, default: str = "") -> str:
        """Return a key of one page."""
        return dict(self.extra).get(key, default)

    def with_own(self, **keys: str) -> View:
        """Return the view with other keys of one page; an empty text removes one."""
        known = {**dict(self.extra), **keys}
        return replace(self, extra=tuple((k, known[k]) for k in PAGES_OWN if known.get(k)))

    def drawing(self, draws: bool) -> View:
        """Return the view whose replicates draw their parameters from the calibration, or not."""
        base = {"parameters": {"base": documents.POSTERIOR if draws else None}}
        return replace(
            self, scenario=self.scenario.with_(**base),
            kept=tuple(one.with_(**base) for one in self.kept),
        )  # fmt: skip

    def moved(self, **changes: Any) -> View:
        """Return the view with another what-if: see `Scenario.with_`."""
        return replace(self, scenario=untitled(self.scenario.with_(**changes)))

    def at(self, code: str) -> View:
        """Return the view on another territory; what is kept moves along."""
        place = {"territory.code": code, "territory.sample": sample_of(code)}
        return replace(
            self,
            scenario=self.scenario.with_(**place),
            kept=tuple(one.with_(**place) for one in self.kept),
        )


def untitled(scenario: Scenario) -> Scenario:
    """Return a scenario without what its author called it and expected of it."""
    if not (scenario.title or scenario.purpose or scenario.moves or scenario.against):
        return scenario
    return scenario.with_(title=None, title_en=None, purpose=None, purpose_en=None, moves=None,
                          against=None)  # fmt: skip


@lru_cache(maxsize=1)
def _base() -> Scenario:
    return untitled(documents.load(BASE)).with_(parameters=documents.POSTERIOR)


@lru_cache(maxsize=256)
def reference(scenario: Scenario) -> Scenario:
    """Return what a scenario is compared with: `BASE`, with its territory, period and rules."""
    document = scenario.resolved()
    whole = {**_base().resolved(), **{table: document[table] for table in SHARED}}
    whole["parameters"] = {
        name: value for name, value in document["parameters"].items() if name == "base"
    }
    return documents.build(whole)


def home(lang: Lang = "fr") -> View:
    """Return where a page without an address starts."""
    start = _base().with_(**{"territory.code": HOME, "territory.sample": sample_of(HOME)})
    return View(start.with_(**{"catalysis.fte": HOME_FTE, "catalysis.start": "2021-01"}), lang)


def preset(name: str, view: View) -> View:
    """Return the view with the decisions, hazards and starting conditions of a shipped scenario.

    Its territory, too, where it is one of the stylised ones: territory, period and rules of the
    view are kept otherwise.
    """
    shipped = documents.load(name)
    mine, theirs = view.scenario.resolved(), shipped.resolved()
    whole = {**theirs, **{table: mine[table] for table in SHARED}}
    whole |= {"title": shipped.title, "title_en": shipped.title_en, "purpose": "",
              "purpose_en": "", "moves": [], "against": ""}  # fmt: skip
    begins = {key: theirs["territory"][key] for key in CONDITIONS}
    whole["territory"] = {**mine["territory"], **begins}
    moved = replace(view, scenario=documents.build(whole))
    return moved.at(shipped.territory.code) if name.startswith("cas-") else moved


def uploaded(text: str, view: View, source: str = "fichier") -> View:
    """Return the view of a scenario file that a visitor gives; nothing in it is trusted.

    Raises
    ------
    CosimError : the file is not a scenario, names code or files, or asks for too much
    """
    given = documents.loads(text, source, trusted=False)
    return replace(view, scenario=held(given), kept=())


def held(scenario: Scenario) -> Scenario:
    """Return a scenario as the page can compute it: a real place, few enough actors and months.

    Raises
    ------
    ScenarioError : it is longer than `MOST_MONTHS`, or has steps shorter than a month
    TerritoryError : there is no such territory
    """
    from cosim.errors import ScenarioError

    if scenario.n_months > MOST_MONTHS:
        raise ScenarioError("too long for this page", key="time.end", found=scenario.time.end,
                            expected=f"{MOST_MONTHS} months at most")  # fmt: skip
    if scenario.time.substeps > 1:
        raise ScenarioError("too fine for this page", key="time.substeps",
                            found=scenario.time.substeps, expected=1)  # fmt: skip
    code = scenario.territory.code
    if code != "synthetic" and (home := territory.load(code).code) != code:
        scenario = scenario.with_(**{"territory.code": home})
    most = _fraction(counts_of(scenario))
    if scenario.territory.sample > most:
        scenario = scenario.with_(**{"territory.sample": most})
    return scenario


# -- territories --------------------------------------------------------------------------


@lru_cache(maxsize=256)
def counts(code: str, communes: int = 3, population: int = 3000, number: int = 1) -> dict[str, int]:
    """Return the actors of a territory one for one, by kind, as the model counts them.

    The numbers are those of a stylised territory, whose code is `synthetic`.
    """
    from cosim import parameters
    from cosim.population import seats_of
    from cosim.state import KINDS

    made = code == "synthetic"
    place = territory.synthetic(communes, population, number=number) if made else None
    seats = seats_of(place or territory.load(code), parameters.resolve())
    return {
        name: int(((seats["kind"] == kind) & seats["taken"]).sum())
        for kind, name in enumerate(KINDS[:4])
    }


def counts_of(scenario: Scenario) -> dict[str, int]:
    """Return the actors of a scenario's territory one for one, by kind."""
    where = scenario.territory
    if where.code != "synthetic":
        return counts(where.code)
    made = where.synthetic
    return counts(where.code, made.communes, made.population, made.number)


def sample_of(code: str) -> float:
    """Return the sampling fraction of a territory: 1, or one actor in so many."""
    return _fraction(counts(code))


def _fraction(actors: dict[str, int]) -> float:
    return 1.0 / max(1, math.ceil(sum(actors.values()) / MOST_ACTORS))


# -- addresses ----------------------------------------------------------------------------


def to_query(view: View) -> str:
    """Return the query string that restores the view."""
    pairs = [("territoire", view.code)]
    if view.lang != "fr":
        pairs.append(("langue", view.lang))
    if view.shown != SHOWN[0]:
        pairs.append(("courbe", view.shown))
    if view.gap:
        pairs.append(("ecart", "1"))
    if not view.scenario.draws:
        pairs.append(("parametres", "fixes"))
    pairs += view.extra
    pairs += _changes(view.scenario)
    pairs += [("garde", urlencode(_changes(one), quote_via=quote)) for one in view.kept]
    return urlencode(pairs, quote_via=quote, safe=":,")


def _changes(scenario: Scenario) -> list[tuple[str, str]]:
    """Return what a scenario changes from the usual one in its territory, as texts."""
    usual = _base().with_(**{"territory.code": scenario.territory.code,
                             "territory.sample": sample_of(scenario.territory.code)})  # fmt: skip
    pairs = [
        (change.key, query_value(change.after))
        for change in documents.diff(usual, scenario)
        if not change.key.startswith(("model.", "parameters.base"))
    ]
    named = [("title", scenario.title), ("title_en", scenario.title_en)]
    return [(key, text) for key, text in named if text] + pairs


def from_query(query: str) -> tuple[View, tuple[str, ...]]:
    """Return the view of a query string and what was refused, in its language.

    Nothing is clamped silently: a key that is unknown, or a value that it does not accept, is
    named with what was expected, and left out.
    """
    query = query.encode("utf-8", "replace").decode()  # half a letter is none
    try:
        pairs = parse_qsl(query[:6000].lstrip("?"), keep_blank_values=True, max_num_fields=120)
    except ValueError:
        return home(), (
            "Cette adresse n'est pas lisible : la page part de ses valeurs habituelles. — This "
            "address cannot be read: the page starts from its usual values.",
        )
    lang: Lang = "en" if ("langue", "en") in pairs else "fr"
    view, (pairs, refused) = home(lang), _once(pairs, lang)
    if not pairs or {key for key, _ in pairs} <= {"langue", *PAGES_OWN}:
        start = view  # nothing but a page: the usual scenario
    else:
        start = replace(view, scenario=view.reference)
    code = next((text for key, text in pairs if key == "territoire"), None)
    if code is not None:
        try:
            made = code == "synthetic"
            start = start.at(code if made else territory.load(code[:20]).code)
        except CosimError:
            refused.append(refusal("territoire", code, ("un code d'EPCI ou de commune",
                                   "the code of an EPCI or a commune"), lang))  # fmt: skip
    if ("parametres", "fixes") in pairs:
        start = start.drawing(False)
    scenario, more = _read([pair for pair in pairs if _is_key(pair[0])], start.scenario, lang)
    start, refused = replace(start, scenario=scenario), refused + more
    for key, text in pairs:
        if (key, text) in (("langue", "fr"), ("langue", "en"), ("parametres", "fixes")):
            continue
        if key == "courbe" and text in SHOWN:
            start = replace(start, shown=text)
        elif key == "ecart" and text in ("0", "1"):
            start = replace(start, gap=text == "1")
        elif key == "garde" and len(start.kept) < MOST_KEPT:
            inner = parse_qsl(text, keep_blank_values=True)[:120]
            one, more = _read(inner, reference(start.scenario), lang)
            start, refused = replace(start, kept=(*start.kept, one)), refused + more
        elif key in PAGES_OWN and text.isprintable() and len(text) <= 60:
            start = start.with_own(**{key: text})
        elif key in _VALUES or not (key == "territoire" or _is_key(key)):
            refused.append(refusal(key, text, _known(key), lang))
    return start, tuple(refused)


def _once(pairs: list[tuple[str, str]], lang: Lang) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the pairs whose key comes first, or may come often, and what was refused."""
    seen: set[str] = set()
    kept, refused = [], []
    for key, text in pairs:
        if key in seen:
            refused.append(refusal(key, text, ("une seule fois", "only once"), lang))
        else:
            kept.append((key, text))
            seen |= {key} - {"garde"}
    return kept, refused


def _is_key(key: str) -> bool:
    return key not in OWN and key not in PAGES_OWN and ("." in key or key in ("title", "title_en"))


_VALUES = {"courbe": ", ".join(SHOWN), "ecart": "0, 1", "langue": "fr, en", "parametres": "fixes"}


_NO_CODE = (
    "rien : une adresse ne nomme ni code ni fichier",
    "nothing: an address names neither code nor files",
)


def _known(key: str) -> tuple[str, str]:
    if key in CODE_KEYS:
        return _NO_CODE
    if key in _VALUES:
        return _VALUES[key], _VALUES[key]
    near = nearest(key, (*OWN, *(name for name, _ in _keys())))
    if near is None:
        return "une clé connue", "a known key"
    return f"peut-être {near}", f"perhaps {near}"


@lru_cache(maxsize=1)
def _keys() -> tuple[tuple[str, Any], ...]:
    from cosim.scenario_file import keys

    return tuple(keys())


def _read(pairs: list[tuple[str, str]], start: Scenario, lang: Lang) -> tuple[Scenario, list[str]]:
    """Return the scenario that these keys change, and what was refused.

    All are tried together, then one by one where that fails: an end may stand before its start.
    """
    texts = dict(pairs)
    refused: list[str] = []
    fitting: dict[str, Any] = {}
    for key, text in pairs:
        try:
            fitting |= _value(key, text)
        except CosimError as error:
            refused.append(_in_words(error, key, text, lang))
    try:
        return held(start.with_(**fitting)), refused
    except CosimError:
        pass
    for key, value in fitting.items():
        try:
            start = held(start.with_(**{key: value}))
        except CosimError as error:
            refused.append(_in_words(error, key, texts.get(key, str(value)), lang))
    return start, refused


def _value(key: str, text: str) -> dict[str, Any]:
    """Return the value of one key of a link, as `Scenario.with_` takes it."""
    value: Any = query_document(f"{quote(key)}={quote(text)}")
    for part in key.split("."):
        value = value[part]
    return {key: value}


def _in_words(error: CosimError, key: str, text: str, lang: Lang) -> str:
    """Return a refusal with what the document's field accepts."""
    if key in CODE_KEYS:
        return refusal(key, text, _NO_CODE, lang)
    field = dict(_keys()).get(key)
    if error.key == "time.end" and "page" in error.what:
        return refusal(key, text, (f"{MOST_MONTHS} mois au plus", str(error.expected)), lang)
    if field is None:
        return refusal(key, text, _known(key), lang)
    fits = allowed(field, "fr"), allowed(field, "en")
    return refusal(key, text, fits if all(fits) else (str(error.expected),) * 2, lang)


def refusal(key: str, text: str, expected: tuple[str, str], lang: Lang) -> str:
    """Return what was refused and what would be accepted, safe to show."""
    shown = _short(key) + "=" + _short(text)
    if lang == "fr":
        return f"{shown} n'est pas compris (attendu : {expected[0]})"
    return f"{shown} is not understood (expected: {expected[1]})"


def _short(text: str) -> str:
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= 40 else text[:39] + "…"


# -- presets ------------------------------------------------------------------------------


def presets() -> Iterator[tuple[str, Scenario]]:
    """Yield the shipped scenarios that a page can start from, those of the home period first."""
    for name in documents.shipped():
        shipped = documents.load(name)
        if shipped.time == _base().time and name != BASE:
            yield name, shipped


assert all(name in INDICATORS for name in SHOWN)
