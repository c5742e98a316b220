"""What an experiment found, in plain French and English: how often, how much, what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.effects_text import HARD, NARROW, number, percent
from cosim.experiment.contrasts import CONTRADICTED, SUPPORTED, UNDECIDED, VERDICTS
from cosim.experiment.reading import said, several

if TYPE_CHECKING:
    from cosim.effects_text import Lang
    from cosim.experiment.reading import Reading

#: verdict -> (mark, French, English); a mark beside the colour, for those who see none.
WORDS = {
    SUPPORTED: ("✓", "soutenue", "supported"),
    CONTRADICTED: ("✗", "contredite", "contradicted"),
    UNDECIDED: ("?", "indécise", "undecided"),
}
#: Replicates from which frequencies are told out of 100.
HUNDRED = 50


def verdict_word(verdict: str, lang: Lang) -> str:
    """The word of a verdict."""
    return WORDS[verdict][1 if lang == "fr" else 2]


def tally(verdicts: Sequence[str], lang: Lang) -> str:
    """How many conditions say what.

    >>> tally(["supported", "supported", "undecided"], "en")
    'supported in 2 conditions out of 3, undecided in 1'
    """
    count = {one: sum(v == one for v in verdicts) for one in VERDICTS}
    count = {one: n for one, n in count.items() if n}
    whole = len(verdicts)
    if not count:
        return "sans verdict" if lang == "fr" else "without a verdict"
    if len(count) == 1:
        word = verdict_word(next(iter(count)), lang)
        if whole == 1:
            return word
        if lang == "fr":
            return f"{word} dans les {whole} conditions"
        return f"{word} in all {whole} conditions"
    parts: list[str] = []
    for one, n in count.items():
        if not parts and lang == "fr":
            parts.append(
                f"{verdict_word(one, lang)} dans {n} {_plural(n, 'condition')} sur {whole}"
            )
        elif not parts:
            parts.append(
                f"{verdict_word(one, lang)} in {n} {_plural(n, 'condition')} out of {whole}"
            )
        else:
            parts.append(f"{verdict_word(one, lang)} {'dans' if lang == 'fr' else 'in'} {n}")
    return ", ".join(parts)


def depends(reading: Reading, lang: Lang) -> list[str]:
    """A sentence for each factor on whose level the verdict depends, rival rules first."""
    whole = reading.together()
    strata = list(reading.experiment.strata)
    told = []
    for name in sorted(strata, key=lambda f: (f not in reading.rivals, strata.index(f))):
        if reading.sampled and name not in reading.experiment.design.crossed:
            continue
        others = [other for other in strata if other != name]
        groups = [g for _, g in whole.groupby(others, sort=False)] if others else [whole]
        if not any(group["verdict"].nunique() > 1 for group in groups):
            continue
        factor = reading.factor(name, lang)
        if name in reading.rivals:
            told.append(
                f"Le verdict dépend de la règle retenue ({factor}){HARD}: il ne vaut que sous "
                "celles qui sont nommées."
                if lang == "fr"
                else f"The verdict depends on the rule ({factor}): it holds only under those named."
            )
        else:
            told.append(
                f"Le verdict change avec le facteur «{HARD}{factor}{HARD}»."
                if lang == "fr"
                else f"The verdict changes with the factor “{factor}”."
            )
    return told


def frequency(share: float, n: int, lang: Lang) -> str:
    """A share of runs as a natural frequency.

    >>> frequency(0.83, 200, "en"), frequency(0.9, 20, "en")
    ('in 83 simulations out of 100', 'in 18 simulations out of 20')
    """
    if n == 1:
        return "dans la seule simulation" if lang == "fr" else "in the only simulation"
    many = n >= HUNDRED
    of = 100 if many else n
    k = round(share * of)
    if many and k in (0, 100) and share not in (0.0, 1.0):  # 100 of 100 only when it is all
        k = 99 if k else 1
    if lang == "fr":
        return f"dans {k} {_plural(k, 'simulation')} sur {of}"
    return f"in {k} {_plural(k, 'simulation')} out of {of}"


def compared(reading: Reading, contrast: str, lang: Lang) -> str:
    """What a contrast compares: the arms that count for, and those that count against."""
    terms = reading.experiment.terms[contrast]
    sides = []
    for sign in (1, -1):
        arms = dict.fromkeys(arm for (_, arm), c in terms.items() if sign * c > 0)
        sides.append(", ".join(f"«{HARD}{reading.arm(a, lang)}{HARD}»" if lang == "fr"
                               else f"“{reading.arm(a, lang)}”" for a in arms))  # fmt: skip
    if not all(sides) or not reading.experiment.arms:
        return ""
    factor = reading.factor(reading.experiment.arms, lang)
    if lang == "fr":
        return f"{factor}{HARD}: {sides[0]} comparé à {sides[1]}"
    return f"{factor}: {sides[0]} compared with {sides[1]}"


def stratum(reading: Reading, row: Mapping[str, Any], lang: Lang) -> str:
    """What a contrast is in one stratum: size, interval, frequency, and what is not known."""
    name = str(row["contrast"])
    unit = reading.contrast_unit(name)
    n = int(row["n"])
    parts = [_size(row, unit, lang)]
    relative = float(row["relative"])
    if np.isfinite(relative):
        first = reading.arm(reading.arms[0], lang)
        share = percent(relative, lang, 0)
        share = f"+{share}" if round(100 * relative) > 0 else share
        parts.append(
            f"soit {share} du niveau de «{HARD}{first}{HARD}»"
            if lang == "fr"
            else f"that is {share} of the level of “{first}”"
        )
    side = reading.experiment.contrasts[name].sign in ("-", "<=")
    often = frequency(float(row["in_favour"]), n, lang)
    parts.append(
        f"écart {'négatif' if side else 'positif'} {often}"
        if lang == "fr"
        else f"{'negative' if side else 'positive'} difference {often}"
    )
    effect = float(row["effect"])
    if np.isfinite(effect):
        size = number(effect, 1, lang)
        parts.append(f"effet standardisé {size}" if lang == "fr" else f"standardised effect {size}")
    text = (f"{NARROW}; " if lang == "fr" else "; ").join(parts) + "."
    honest = _honest(reading, row, unit, lang)
    return f"{text} {honest}" if honest else text


def _size(row: Mapping[str, Any], unit: str, lang: Lang) -> str:
    """+12,3 points (intervalle à 95 % : de 8,1 à 16,5)."""
    values, word = several([row["estimate"], row["low"], row["high"]], unit, lang, sign=True)
    if not np.isfinite(float(row["low"])):
        return (
            values[0]
            + word
            + (
                f" (une seule simulation{HARD}: pas d'intervalle)"
                if lang == "fr"
                else " (too few simulations for an interval)"
            )
        )
    if lang == "fr":
        return (
            f"{values[0]}{word} en moyenne (intervalle à 95{NARROW}%{HARD}: "
            f"de {values[1]} à {values[2]})"
        )
    return f"{values[0]}{word} on average (95% interval: {values[1]} to {values[2]})"


def _honest(reading: Reading, row: Mapping[str, Any], unit: str, lang: Lang) -> str:
    """What the interval does not say; empty where it says what was asked."""
    about = reading.experiment.contrasts[str(row["contrast"])]
    low, high, estimate = float(row["low"]), float(row["high"]), float(row["estimate"])
    verdict = str(row["verdict"])
    margin = said(about.margin, unit, lang)
    if not np.isfinite(low):
        return ""
    if low == high == 0.0:
        return "Exactement les mêmes chiffres." if lang == "fr" else "Exactly the same numbers."
    if about.sign == "0":
        return {
            SUPPORTED: (f"S'il y a un effet, il est plus petit que {margin}, le plus petit qui "
                        "compterait.", f"If there is an effect, it is smaller than {margin}, the "
                        "smallest that would matter."),
            CONTRADICTED: (f"L'effet dépasse {margin}, le plus petit qui compte.",
                           f"The effect is larger than {margin}, the smallest that matters."),
            UNDECIDED: ("L'intervalle est trop large pour dire qu'il n'y a pas d'effet.",
                        "The interval is too wide to say that there is no effect."),
        }[verdict][lang == "en"]  # fmt: skip
    if about.sign == "<=":
        return {
            SUPPORTED: (f"L'effet ne dépasse pas {margin}, la limite donnée d'avance.",
                        f"The effect does not exceed {margin}, the limit given beforehand."),
            CONTRADICTED: (f"L'effet dépasse {margin}, la limite donnée d'avance.",
                           f"The effect exceeds {margin}, the limit given beforehand."),
            UNDECIDED: (f"L'intervalle contient {margin}, la limite donnée d'avance.",
                        f"The interval contains {margin}, the limit given beforehand."),
        }[verdict][lang == "en"]  # fmt: skip
    if low <= 0.0 <= high:
        text = (
            f"L'intervalle contient zéro{HARD}: ces simulations ne disent pas dans quel sens va "
            "l'effet, ni s'il y en a un."
            if lang == "fr"
            else "The interval contains zero: these simulations do not tell which way the effect "
            "goes, nor whether there is one."
        )
        if verdict == CONTRADICTED and about.margin > 0.0:
            text += (
                f" Il est en tout cas plus petit que {margin}, le plus petit qui compterait."
                if lang == "fr"
                else f" It is in any case smaller than {margin}, the smallest that would matter."
            )
        return text
    expected = not about.sign or (estimate < 0.0) == (about.sign == "-")
    if not expected:
        return (
            "L'effet va dans l'autre sens que celui qui était attendu."
            if lang == "fr"
            else "The effect goes the other way than was expected."
        )
    if verdict == CONTRADICTED or (verdict == UNDECIDED and about.margin > 0.0):
        return (
            f"L'effet va dans le sens attendu, mais n'atteint pas {margin}, le plus petit qui "
            "compterait."
            if lang == "fr"
            else f"The effect goes the expected way, but does not reach {margin}, the smallest "
            "that would matter."
        )
    return ""


def conditions(reading: Reading, contrast: str, lang: Lang) -> str:
    """What a contrast is over a few strata: its ends, and how often the interval tells the side."""
    rows = reading.of(contrast)
    unit = reading.contrast_unit(contrast)
    told = sorted(reading.records(contrast), key=lambda row: float(row["estimate"]))
    ends = told[0], told[-1]
    texts, word = several([end["estimate"] for end in ends], unit, lang, sign=True)
    least, most = (reading.stratum(end, lang) for end in ends)
    clear = int(((rows["low"] > 0.0) | (rows["high"] < 0.0)).sum())
    n = len(rows)
    if lang == "fr":
        return (
            f"L'écart moyen va de {texts[0]} ({least}) à {texts[1]}{word} ({most}){NARROW}; son "
            f"intervalle exclut zéro dans {clear} {_plural(clear, 'condition')} sur {n}."
        )
    return (
        f"The mean difference goes from {texts[0]} ({least}) to {texts[1]}{word} ({most}); its "
        f"interval excludes zero in {clear} {_plural(clear, 'condition')} out of {n}."
    )


def whole(reading: Reading, contrast: str, lang: Lang) -> str:
    """What a contrast is over strata that are too many to be told one by one."""
    rows = reading.of(contrast)
    unit = reading.contrast_unit(contrast)
    ends, word = several(rows["estimate"].quantile([0.05, 0.5, 0.95]).tolist(), unit, lang, True)
    clear = int(((rows["low"] > 0.0) | (rows["high"] < 0.0)).sum())
    more, n = int((rows["estimate"] > 0.0).sum()), len(rows)
    if lang == "fr":
        return (
            f"Sur {number(n)} tirages, l'écart médian est {ends[1]}{word}{NARROW}; il va de "
            f"{ends[0]} à {ends[2]}{word} dans 9 tirages sur 10. Il est positif dans "
            f"{number(more)} et son intervalle exclut zéro dans {number(clear)}."
        )
    return (
        f"Over {number(n, 0, lang)} draws, the median difference is {ends[1]}{word}; it goes from "
        f"{ends[0]} to {ends[2]}{word} in 9 draws of 10. It is positive in "
        f"{number(more, 0, lang)} and its interval excludes zero in {number(clear, 0, lang)}."
    )


def _plural(n: int, word: str) -> str:
    return word if n == 1 else word + "s"
