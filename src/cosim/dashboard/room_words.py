"""What a room says of its question, votes and answer, in French and English. No Solara."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosim.dashboard import compute
from cosim.dashboard.room import CHOICES, Question, Tally, Vote
from cosim.effects_text import HARD, NARROW, difference, difference_unit, number, percent
from cosim.indicators import INDICATORS
from cosim.scenario_text import month_name

if TYPE_CHECKING:
    from cosim.dashboard.view import View
    from cosim.effects_text import Lang

#: Choice -> French, English; as sentences tell it: on one side of zero in 9 simulations in 10.
_CHOICES = {
    "more": ("Plus, nettement", "More, clearly"),
    "same": ("Pareil : pas de différence nette", "The same: no clear difference"),
    "less": ("Moins, nettement", "Less, clearly"),
}


def choice(name: str, lang: Lang) -> str:
    """Return what a choice is called."""
    return _CHOICES[name][0 if lang == "fr" else 1]


def choices(lang: Lang) -> list[dict[str, str]]:
    """Return the choices as a form takes them."""
    return [{"value": name, "label": choice(name, lang)} for name in CHOICES]


def question(asked: Question, view: View, lang: Lang) -> str:
    """Return the question."""
    label = INDICATORS[asked.indicator].label(lang)
    when = month_name(view.scenario.time.end, lang)
    if lang == "fr":
        return (
            f"Par rapport à la référence, en {when}{HARD}: «{HARD}{label}{HARD}», plus, pareil ou "
            f"moins{NARROW}?"
        )
    return f"Compared with the reference, in {when}: “{label}”, more, the same or less?"


def clearly(lang: Lang) -> str:
    """Return what « nettement » means."""
    if lang == "fr":
        return "Nettement : du même côté dans au moins 19 simulations sur 20."
    return "Clearly: on the same side in at least 19 simulations out of 20."


def estimates(asked: Question, lang: Lang) -> dict[str, float | str]:
    """Return the slider of estimates as a form takes it: factor, highest value, step, unit."""
    factor, unit = difference_unit(asked.indicator, lang)
    high = factor * asked.scale
    whole = INDICATORS[asked.indicator].unit == "count" and high >= 20
    step = max(1.0, round(high / 100)) if whole else compute.nice(high / 100)
    return {"factor": factor, "high": high, "step": step, "unit": unit}


def vote(given: Vote, asked: Question, lang: Lang) -> str:
    """Return a member's vote."""
    words = choice(given.choice, lang)
    if given.estimate is None:
        return words
    return f"{words} ({difference(given.estimate, asked.indicator, lang)})"


def counts(tally: Tally, lang: Lang) -> list[dict[str, object]]:
    """Return the bars of the choices."""
    return [
        {
            "label": choice(name, lang),
            "count": count,
            "share": count / max(1, max(c for _, c in tally.counts)),
            "words": number(count, 0, lang)
            + (f" ({percent(count / tally.n, lang, 0)})" if tally.n else ""),
            "right": name == tally.truth.choice,
        }
        for name, count in tally.counts
    ]


def histogram(tally: Tally, asked: Question, lang: Lang) -> list[dict[str, object]]:
    """Return the bars of the estimates; empty where nobody gave one."""
    bins = tally.bins()
    most = max((count for *_, count in bins), default=1) or 1
    to = "à" if lang == "fr" else "to"

    def end(x: float) -> str:
        return difference(x, asked.indicator, lang)

    last = len(bins) - 1
    return [
        {
            "label": f"{end(low)} {to} {end(high)}",
            "count": count,
            "share": count / most,
            "words": number(count, 0, lang),
            "right": (low <= tally.truth.mean and (tally.truth.mean < high or k == last))
            or (k == 0 and tally.truth.mean < low),
        }
        for k, (low, high, count) in enumerate(bins)
    ]  # fmt: skip


def outcome(tally: Tally, asked: Question, lang: Lang) -> list[str]:
    """Return how many were right, as sentences."""
    fr = lang == "fr"
    truth, n = tally.truth, tally.n

    def told(x: float) -> str:
        return difference(x, asked.indicator, lang)

    right = choice(truth.choice, lang)
    if not n:
        lines = [
            f"La réponse : {right}. Personne n'a voté." if fr
            else f"The answer: {right}. Nobody voted."
        ]  # fmt: skip
    else:
        lines = [
            f"La réponse : {right}. Votes justes : {number(tally.right, 0, lang)} sur "
            f"{number(n, 0, lang)}."
            if fr
            else f"The answer: {right}. Right votes: {number(tally.right, 0, lang)} out of "
            f"{number(n, 0, lang)}."
        ]
    ends = told(truth.low), told(truth.high)
    lines.append(
        f"Différence moyenne simulée : {told(truth.mean)} ({ends[0]} à {ends[1]} dans 9 "
        "simulations sur 10)."
        if fr
        else f"Mean difference simulated: {told(truth.mean)} ({ends[0]} to {ends[1]} in 9 "
        "simulations out of 10)."
    )
    if tally.middle is not None:
        given = len(tally.estimates)
        lines.append(
            f"Estimation médiane de la salle : {told(tally.middle)} ; estimations dans cet "
            f"intervalle : {number(tally.within, 0, lang)} sur {number(given, 0, lang)}."
            if fr
            else f"Median estimate of the room: {told(tally.middle)}; estimates within this "
            f"interval: {number(tally.within, 0, lang)} out of {number(given, 0, lang)}."
        )
    return lines


def people(number_of: int, lang: Lang) -> str:
    """Return a number of members."""
    if lang == "fr":
        return f"{number(number_of, 0, lang)} participant{'s' if number_of > 1 else ''}"
    return f"{number(number_of, 0, lang)} participant{'' if number_of == 1 else 's'}"


def votes(given: int, there: int, lang: Lang) -> str:
    """Return how many have voted."""
    if lang == "fr":
        return f"{number(given, 0, lang)} vote{'s' if given > 1 else ''} pour {people(there, lang)}"
    return f"{number(given, 0, lang)} vote{'' if given == 1 else 's'} from {people(there, lang)}"


def moved(step: int, steps: int, lang: Lang) -> str:
    """Return which move is shown."""
    if lang == "fr":
        return f"Déplacement {step - 1} sur {steps - 1}" if step > 1 else "Point de départ"
    return f"Move {step - 1} of {steps - 1}" if step > 1 else "Starting point"
