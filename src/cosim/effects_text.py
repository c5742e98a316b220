"""What a difference between two ensembles says, in plain French and English.

Natural frequencies ("9 simulations sur 10"), units that a reader knows, and the plain admission
that an effect does not stand out from chance when its interval contains zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from cosim.indicators import INDICATORS, Indicator, group_label

if TYPE_CHECKING:
    from cosim.scenario import Scenario

Lang = Literal["fr", "en"]

NARROW = "\u202f"  # French narrow no-break space: before % and ;, between thousands
HARD = "\u00a0"
#: Below this number of replicates, all of them are named instead of "9 in 10".
FEW = 10

#: unit -> (decimals, French unit, English unit) of a difference.
_UNITS = {
    "share": (1, "points", "points"),
    "index": (1, "points d'indice", "index points"),
    "level": (3, "", ""),
    "count": (0, "", ""),
    "months": (1, "mois", "months"),
    "contacts": (1, "contacts", "contacts"),
    "components": (1, "composantes", "components"),
    "k€": (0, "k€", "k€"),
    "/month": (1, "par mois", "per month"),
}

#: (parameters are drawn, language) -> what is larger than an effect; what it does not stand out of.
_OTHER = {
    (False, "fr"): ("le hasard reste plus grand", "du hasard"),
    (False, "en"): ("chance is larger still", "chance"),
    (True, "fr"): (
        "le hasard et l'incertitude des paramètres restent plus grands",
        "du hasard et de l'incertitude des paramètres",
    ),
    (True, "en"): (
        "chance and the uncertainty of parameters are larger still",
        "chance and the uncertainty of parameters",
    ),
}


class Facts(NamedTuple):
    """What a sentence tells: one indicator in one month, differences over paired replicates."""

    reference: float  # mean, so that the mean difference adds to it
    mean: float
    low: float
    high: float
    margin: float  # half the 95 % interval of the mean
    n: int
    same: bool  # every difference is exactly zero
    draws: bool = False  # parameters are drawn, too


def number(value: float, decimals: int = 0, lang: Lang = "fr") -> str:
    """Return a number as it is written in French or English; a true minus sign.

    >>> number(-1234.5, 1)
    '−1\\u202f234,5'
    """
    rounded = round(value, decimals) + 0.0
    text = f"{abs(rounded):,.{decimals}f}"
    if lang == "fr":
        text = text.replace(",", NARROW).replace(".", ",")
    return f"−{text}" if rounded < 0 else text


def percent(share: float, lang: Lang = "fr", decimals: int = 1) -> str:
    """Return a share as a percentage.

    >>> percent(0.221)
    '22,1\\u202f%'
    """
    return number(100 * share, decimals, lang) + (f"{NARROW}%" if lang == "fr" else "%")


def sentence(
    facts: Facts,
    indicator: str,
    group: str,
    month: str,
    names: tuple[str, str],
    lang: Lang = "fr",
) -> str:
    """Return what the scenario changes, in `month` ("YYYY-MM"); for `names` see that function."""
    from cosim.scenario_text import month_name

    what = INDICATORS[indicator]
    french = lang == "fr"
    when = f"en {month_name(month, lang)}" if french else f"in {month_name(month, lang)}"
    with_, without = names
    label = _label(what, group, lang)
    level = _level(what, facts.reference, lang)
    if facts.same:
        return (
            f"{with_}, rien ne change pour {label} {when}{HARD}: "
            f"exactement les mêmes chiffres ({level})."
            if french
            else f"{with_}, nothing changes for {label} {when}: exactly the same numbers ({level})."
        )
    runs = _runs(facts.n, lang)
    if all(_is_zero(what, value) for value in (facts.low, facts.high, facts.mean)):
        unit = f"{number(10.0 ** -_UNITS[what.unit][0], _UNITS[what.unit][0], lang)}" + _unit(
            what, lang
        )
        return (
            f"{with_}, {label} ne change presque pas {when}{HARD}: "
            f"moins de {unit} d'écart {runs}{NARROW}; la référence est à {level}."
            if french
            else f"{with_}, {label} hardly changes {when}: "
            f"a difference below {unit} {runs}; the reference is at {level}."
        )
    about = _signed(what, facts.mean, lang)
    if facts.low <= 0.0 <= facts.high:
        return _chance(facts, what, label, when, with_, runs, level, lang)
    more = facts.low > 0.0
    if indicator == "alliances":
        return _alliances(facts, group, when, with_, without, runs, about, level, lang)
    span = _span(what, facts, lang)
    if french:
        side = "plus haut" if more else "plus bas"
        return (
            f"{with_}, l'indicateur {label} est {side} {span} {when} {without} {runs} "
            f"(environ {about}){NARROW}; la référence est à {level}."
        )
    side = "higher" if more else "lower"
    return (
        f"{with_}, {label} is {side} by {span} {when} {without} {runs} "
        f"(about {about}); the reference is at {level}."
    )


def _chance(
    facts: Facts, what: Indicator, label: str, when: str, with_: str, runs: str, level: str,
    lang: Lang,
) -> str:  # fmt: skip
    """Return the sentence of an interval that contains zero; its mean may yet differ from zero."""
    french = lang == "fr"

    def span(low: float, high: float, unit: bool = False) -> str:
        to = "à" if french else "to"
        return f"{_signed(what, low, lang)} {to} {_signed(what, high, lang, unit)}"

    larger, chance = _OTHER[facts.draws, lang]
    mean = _signed(what, facts.mean, lang)
    ends = span(facts.low, facts.high, unit=True)
    if abs(facts.mean) > facts.margin:
        sides = span(facts.mean - facts.margin, facts.mean + facts.margin, unit=True)
        if french:
            return (
                f"{with_}, {label} {when}{HARD}: {mean} en moyenne (à 95{NARROW}%, de {sides})"
                f"{NARROW}; {larger}, de {ends} {runs}{NARROW}; la référence est à {level}."
            )
        return (
            f"{with_}, {label} {when}: {mean} on average (95% interval {sides}); {larger}, "
            f"from {ends} {runs}; the reference is at {level}."
        )
    if french:
        return (
            f"{with_}, l'effet ne se distingue pas {chance}{HARD}: {label} {when}, "
            f"de {ends} {runs} (en moyenne {mean}){NARROW}; la référence est à {level}."
        )
    return (
        f"{with_}, the effect does not stand out from {chance}: {label} {when}, "
        f"from {ends} {runs} (on average {mean}); the reference is at {level}."
    )


def _alliances(
    facts: Facts, group: str, when: str, with_: str, without: str, runs: str, about: str,
    level: str, lang: Lang,
) -> str:  # fmt: skip
    """Return the sentence of the main indicator, in living alliances."""
    what = INDICATORS["alliances"]
    low, high = sorted((abs(round(facts.low)), abs(round(facts.high))))
    some = f" ({group_label(group, lang)})" if group else ""
    if lang == "fr":
        noun = "alliance" if high < 2 else "alliances"
        side = "de plus" if facts.low > 0 else "de moins"
        span = number(high) if low == high else f"entre {number(low)} et {number(high)}"
        return (
            f"{with_}, le territoire compte {span} {noun}{some} {side} {when} {without} "
            f"{runs} (environ {about}){NARROW}; la référence en compte {level}."
        )
    noun = "alliance" if high == 1 else "alliances"
    side = "more" if facts.low > 0 else "fewer"
    span = (
        number(high, 0, lang)
        if low == high
        else f"between {number(low, 0, lang)} and {number(high, 0, lang)}"
    )
    return (
        f"{with_}, the territory has {span} {side} {noun}{some} {when} {without} "
        f"{runs} (about {about}); the reference has {_level(what, facts.reference, lang)}."
    )


def names(pair: tuple[Scenario, Scenario], lang: Lang) -> tuple[str, str]:
    """Return how a sentence names the scenario, and the reference after "plus"."""
    from cosim.scenario import diff

    reference, scenario = pair
    only = all(change.key.startswith("catalysis.") for change in diff(reference, scenario))
    if only and scenario.catalysis.fte > 0 and reference.catalysis.fte == 0:
        return (
            ("Avec les catalyseurs", "que sans eux")
            if lang == "fr"
            else ("With catalysts", "than without them")
        )
    if only and scenario.catalysis.fte == 0 and reference.catalysis.fte > 0:
        return (
            ("Sans les catalyseurs", "qu'avec eux")
            if lang == "fr"
            else ("Without catalysts", "than with them")
        )
    title = scenario.title if lang == "fr" else scenario.title_en or scenario.title
    if lang == "fr":
        name = f"Avec le scénario «{HARD}{title}{HARD}»" if title else "Dans ce scénario"
        return name, "que dans la référence"
    return (
        f"With the scenario “{title}”" if title else "In this scenario"
    ), "than in the reference"


def _label(what: Indicator, group: str, lang: Lang) -> str:
    quoted = f"«{HARD}{what.label(lang)}{HARD}»" if lang == "fr" else f"“{what.label(lang)}”"
    return f"{quoted} ({group_label(group, lang)})" if group else quoted


def _runs(n: int, lang: Lang) -> str:
    if n == 1:
        return (
            "dans une simulation, trop peu pour conclure"
            if lang == "fr"
            else "in one simulation, too few to conclude"
        )
    if n < FEW:
        return f"dans les {n} simulations" if lang == "fr" else f"in all {n} simulations"
    return "dans 9 simulations sur 10" if lang == "fr" else "in 9 simulations out of 10"


def _amount(what: Indicator, value: float, lang: Lang) -> str:
    """Return a difference without its unit; shares are in points."""
    decimals = _UNITS[what.unit][0]
    return number(100 * value if what.unit == "share" else value, decimals, lang)


def _is_zero(what: Indicator, value: float) -> bool:
    """Whether a difference is written as zero."""
    return not _amount(what, value, "en").strip("0.")


def _unit(what: Indicator, lang: Lang) -> str:
    unit = _UNITS[what.unit][1 if lang == "fr" else 2]
    return f"{HARD}{unit}" if unit else ""


def _signed(what: Indicator, value: float, lang: Lang, unit: bool = False) -> str:
    text = _amount(what, value, lang)
    plus = "+" if value > 0 and not _is_zero(what, value) else ""
    return plus + text + (_unit(what, lang) if unit else "")


def _span(what: Indicator, facts: Facts, lang: Lang) -> str:
    """Return "de 3,2 à 5,1 points", both ends positive."""
    low, high = sorted((abs(facts.low), abs(facts.high)))
    texts = _amount(what, low, lang), _amount(what, high, lang)
    unit = _unit(what, lang)
    if lang == "fr":
        text = f"de {texts[0]} à {texts[1]}" if texts[0] != texts[1] else f"de {texts[1]}"
    else:
        text = f"{texts[0]} to {texts[1]}" if texts[0] != texts[1] else texts[1]
    return text + unit


def _level(what: Indicator, value: float, lang: Lang) -> str:
    """Return the level of an indicator with its unit: 22,1 %."""
    if what.unit == "share":
        return percent(value, lang)
    decimals = _UNITS[what.unit][0]
    unit = "" if what.unit == "index" else _unit(what, lang)
    return number(value, decimals, lang) + unit
