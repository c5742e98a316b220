"""What a difference between two ensembles says, in plain French and English.

Natural frequencies ("9 simulations sur 10"), units that a reader knows, and the plain admission
that an effect does not stand out from chance when its interval contains zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from cosim.indicators import INDICATORS, Indicator, group_label

if TYPE_CHECKING:
    from cosim.effects import Cost, Stopping
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


def frequencies(
    counts: tuple[int, int, int],
    indicator: str,
    group: str,
    month: str,
    names: tuple[str, str],
    lang: Lang = "fr",
) -> str:
    """Return in how many simulations the indicator is higher, lower and the same.

    Parameters
    ----------
    counts : simulations in which it is higher, in which it is lower, all of them
    month : "YYYY-MM"
    """
    from cosim.scenario_text import month_name

    what = INDICATORS[indicator]
    french = lang == "fr"
    higher, lower, n = counts
    label, (with_, without) = _label(what, group, lang), names
    when = f"{'en' if french else 'in'} {month_name(month, lang)}"
    same = n - higher - lower
    if same == n:
        out_of = _out_of(n, n, lang)
        return (
            f"{with_}, l'indicateur {label} est exactement le même {when} {out_of}."
            if french
            else f"{with_}, {label} is exactly the same {when} {out_of}."
        )
    words = ("plus haut", "plus bas", "égal") if french else ("higher", "lower", "the same")
    sides = [(higher, words[0]), (lower, words[1])]
    sides.sort(key=lambda side: -side[0])
    rest = [(count, word) for count, word in (*sides[1:], (same, words[2])) if count]
    (most, word) = sides[0]
    tail = "".join(
        f", {other} dans {number(count)}" if french else f", {other} in {number(count, 0, lang)}"
        for count, other in rest
    )
    better = {1: words[0], -1: words[1], 0: ""}[what.better]
    note = (
        (f"{NARROW}; {better} est mieux" if french else f"; {better} is better") if better else ""
    )
    head = f"l'indicateur {label} est" if french else f"{label} is"
    return f"{with_}, {head} {word} {when} {without} {_out_of(most, n, lang)}{tail}{note}."


def _out_of(count: int, n: int, lang: Lang) -> str:
    if count == n:
        if n == 1:
            return "dans la seule simulation" if lang == "fr" else "in the only simulation"
        total = number(n, 0, lang)
        return f"dans les {total} simulations" if lang == "fr" else f"in all {total} simulations"
    few, all_ = number(count, 0, lang), number(n, 0, lang)
    noun = "simulation" if count == 1 or (count == 0 and lang == "fr") else "simulations"
    if lang == "fr":
        return f"dans {few} {noun} sur {all_}"
    return f"in {few} {noun} out of {all_}"


def cost_sentence(cost: Cost, month: str, lang: Lang = "fr") -> str:
    """Return what one more alliance costs in a month, or why there is no such figure."""
    from cosim.scenario_text import month_name

    if cost.k_euros is None or cost.low is None or cost.high is None:
        return (
            f"Pas de coût par alliance de plus{HARD}: {cost.reason_fr}."
            if lang == "fr"
            else f"No cost of an additional alliance: {cost.reason_en}."
        )
    mean, low, high = (_k_euros(value, lang) for value in (cost.k_euros, cost.low, cost.high))
    when = month_name(month, lang)
    if lang == "fr":
        return (
            f"Une alliance de plus en {when} a coûté en moyenne {mean}{HARD}k€ depuis le début "
            f"(à 95{NARROW}%, de {low} à {high}{HARD}k€)."
        )
    return (
        f"One more alliance in {when} cost {mean}{HARD}k€ on average since the start "
        f"(95% interval {low} to {high}{HARD}k€)."
    )


def _k_euros(value: float, lang: Lang) -> str:
    return number(value, 0 if value >= 10 else 1, lang)


def stopping_sentence(why: Stopping, n: int, lang: Lang = "fr") -> str:
    """Return whether `n` pairs tell what was asked for."""
    from cosim.scenario_text import month_name

    what = INDICATORS[why.indicator]
    label, when = _label(what, why.group, lang), month_name(why.month, lang)
    asked, reached = (
        _precise(what, value, lang) + _unit(what, lang) for value in (why.half_width, why.reached)
    )
    pairs = number(n, 0, lang)
    if lang == "fr":
        verdict = (
            f"{pairs} paires de simulations suffisent"
            if why.met
            else f"{pairs} paires de simulations, le plus permis, ne suffisent pas"
        )
        return (
            f"{verdict}{HARD}: l'effet moyen sur {label} en {when} est connu à ±{HARD}{reached} "
            f"près (à 95{NARROW}%)"
            + (f"{NARROW}; il fallait ±{HARD}{asked}." if not why.met else ".")
        )
    verdict = (
        f"{pairs} pairs of simulations are enough"
        if why.met
        else f"{pairs} pairs of simulations, the most allowed, are not enough"
    )
    return f"{verdict}: the mean effect on {label} in {when} is known to ±{HARD}{reached} (95%)" + (
        f"; ±{HARD}{asked} was asked for." if not why.met else "."
    )


def contributions(
    parts: Mapping[tuple[str, str], tuple[float, float, float]],
    names: Mapping[str, str],
    indicator: str,
    group: str,
    month: str,
    lang: Lang = "fr",
) -> str:
    """Return what levers bring together, each on top of the others, each alone, and the synergy.

    Parameters
    ----------
    parts : (what, lever) -> mean, low, high: see `Contributions.parts`
    names : lever -> plain words
    """
    from cosim.scenario_text import month_name

    what, french = INDICATORS[indicator], lang == "fr"

    def told(key: tuple[str, str]) -> str:
        return brought(parts[key], indicator, lang)

    def each(kind: str) -> str:
        colon = f"{HARD}: " if french else ": "
        return (f"{NARROW}; " if french else "; ").join(
            f"{name}{colon}{told((kind, lever))}" for lever, name in names.items()
        )

    label, when = _label(what, group, lang), month_name(month, lang)
    if len(names) == 1:
        (name,) = names.values()
        return (
            f"Un seul levier, {name}, change {label} en {when}, en moyenne et à 95{NARROW}%"
            f"{HARD}: {told(('total', ''))}."
            if french
            else f"One lever only, {name}, changes {label} in {when}, on average and at 95%: "
            f"{told(('total', ''))}."
        )
    _, low, high = parts["synergy", ""]
    unclear = low <= 0.0 <= high and low != high
    if french:
        doubt = ", qui ne se distingue pas de zéro" if unclear else ""
        return (
            f"Les {len(names)} leviers ensemble changent {label} en {when}, en moyenne et à "
            f"95{NARROW}%{HARD}: {told(('total', ''))}. En plus des autres, {each('on top')}. "
            f"Chacun seul, {each('alone')}. Synergie, ce que l'ensemble donne de plus que la somme "
            f"des leviers seuls{HARD}: {told(('synergy', ''))}{doubt}."
        )
    doubt = ", which does not stand out from zero" if unclear else ""
    return (
        f"The {len(names)} levers together change {label} in {when}, on average and at 95%: "
        f"{told(('total', ''))}. On top of the others, {each('on top')}. Each alone, "
        f"{each('alone')}. Synergy, what the whole gives beyond the sum of the levers alone: "
        f"{told(('synergy', ''))}{doubt}."
    )


def brought(values: tuple[float, float, float], indicator: str, lang: Lang = "fr") -> str:
    """Return a mean difference and its 95 % interval: « +16 (+9 à +23) ».

    Parameters
    ----------
    values : mean, low, high
    """
    what = INDICATORS[indicator]
    mean, low, high = (_signed_precisely(what, value, values, lang) for value in values)
    unit, to = _unit(what, lang), "à" if lang == "fr" else "to"
    return f"{mean}{unit}" if low == high else f"{mean}{unit} ({low} {to} {high})"


def _signed_precisely(
    what: Indicator, value: float, interval: tuple[float, float, float], lang: Lang
) -> str:
    """Return a difference to two digits of half its interval."""
    factor = 100.0 if what.unit == "share" else 1.0
    half = factor * (interval[2] - interval[1]) / 2.0
    least = _UNITS[what.unit][0]
    decimals = least if not half > 0.0 else max(least, min(3, 1 - math.floor(math.log10(half))))
    text = number(factor * value, decimals, lang)
    return f"+{text}" if value > 0 and text.strip("0.,") else text


def _precise(what: Indicator, value: float, lang: Lang) -> str:
    """Return an amount to two digits at least."""
    shown = 100 * value if what.unit == "share" else value
    decimals = 0 if shown == 0 else max(0, 1 - math.floor(math.log10(abs(shown))))
    return number(shown, decimals, lang)


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


def difference(value: float, indicator: str, lang: Lang = "fr", unit: bool = True) -> str:
    """Return a difference as sentences write it, with its sign; shares are in points.

    >>> difference(0.031, "engaged")
    '+3,1\\xa0points'
    """
    return _signed(INDICATORS[indicator], value, lang, unit)


def _amount(what: Indicator, value: float, lang: Lang) -> str:
    """Return a difference without its unit; shares are in points."""
    decimals = _UNITS[what.unit][0]
    return number(100 * value if what.unit == "share" else value, decimals, lang)


def _is_zero(what: Indicator, value: float) -> bool:
    """Whether a difference is written as zero."""
    return not _amount(what, value, "en").strip("0.")


def difference_unit(indicator: str, lang: Lang = "fr") -> tuple[float, str]:
    """Return what a difference is multiplied by before it is written, and the unit behind it."""
    what = INDICATORS[indicator]
    return (100.0 if what.unit == "share" else 1.0), _unit(what, lang).strip(HARD)


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


def level(value: float, indicator: str, lang: Lang = "fr") -> str:
    """Return a value of an indicator with its unit, as sentences write it.

    >>> level(0.2213, "engaged")
    '22,1\\u202f%'
    """
    return _level(INDICATORS[indicator], value, lang)


def _level(what: Indicator, value: float, lang: Lang) -> str:
    """Return the level of an indicator with its unit: 22,1 %."""
    if what.unit == "share":
        return percent(value, lang)
    decimals = _UNITS[what.unit][0]
    unit = "" if what.unit == "index" else _unit(what, lang)
    return number(value, decimals, lang) + unit
