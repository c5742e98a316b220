"""ODD §7.14: what the levers give, and where it enters the ten mechanisms."""

from __future__ import annotations

import math

from .model import (
    ASSOCIATION,
    COLLECTIVITES,
    COMPANY,
    DONNEES,
    ELU,
    INSTITUTIONS,
    LIVING,
    ORGANISATIONS,
    OUTILS,
    Alliance,
    Oracle,
    Seat,
    clip,
)

# -- opening of a step ------------------------------------------------------------------------


def open_levers(w: Oracle) -> None:
    cal = w.calendar
    if cal.purse[w.t] > 0.0:
        w.purse = cal.purse[w.t]
    if cal.prime[w.t] == 0.0:
        w.purse = 0.0
    reach = (w.params.donnees_reach, w.params.outils_reach, w.params.competences_reach)
    sizes = publics(w)
    w.doses = [
        [dose(x, reach[lever] * n) for x, n in zip(amounts, sizes, strict=True)]
        for lever, amounts in enumerate(cal.amounts[w.t])
    ]


def publics(w: Oracle) -> list[float]:
    """N_p: how many share what is spent on organisations, territoires, collectivités,
    institutions."""
    living = [sum(seat.alive for seat in w.of_kind[kind]) for kind in range(4)]
    territories = w.calendar.fte[w.t] + w.calendar.sample * w.calendar.lieux[w.t]
    return [living[ASSOCIATION] + living[COMPANY], territories, living[ELU], sum(living) / 100.0]


def dose(amount: float, scale: float) -> float:
    return 1.0 - math.exp(-amount / scale) if amount > 0.0 and scale > 0.0 else 0.0


def public_seat(w: Oracle, ordinal: int) -> int:
    """The id of a seat of kind 5, where nobody sits."""
    number = w.seats[0].id >> 34
    return number << 34 | 5 << 31 | ordinal << 10


# -- droit and prime --------------------------------------------------------------------------


def shield(w: Oracle) -> float:
    """What a right leaves of the harm of a failure."""
    return 1.0 - w.params.droit_failure * w.calendar.droit[w.t]


def help_to(w: Oracle, founders: list[Seat]) -> float:
    """The boost of a birth, the prime apart: the right, and what tools take from load."""
    relief = sum(w.relief(seat) for seat in founders) / len(founders)
    return w.params.droit_barrier * w.calendar.droit[w.t] + relief


def help_pairs(w: Oracle, prime: float) -> bool:
    """Whether pairs are looked at a second time."""
    tools = w.doses[OUTILS]
    return (
        w.calendar.droit[w.t] > 0.0
        or prime > 0.0
        or tools[ORGANISATIONS] > 0.0
        or tools[COLLECTIVITES] > 0.0
    )


def prime(w: Oracle) -> float:
    """What the prime adds to the logit of a birth."""
    offered = w.calendar.prime[w.t]
    if w.purse == 0.0:
        return 0.0
    return w.params.prime_birth * (1.0 - math.exp(-offered / w.params.prime_scale))


def pay_prime(w: Oracle) -> None:
    w.purse -= min(math.floor(1000.0 * w.calendar.prime[w.t] + 0.5), w.purse)


# -- ingénierie -------------------------------------------------------------------------------


def engineers_choose(w: Oracle) -> None:
    """Engineers follow the widest alliances, each for a term."""
    p, engineers = w.params, w.calendar.engineers[w.t]
    if engineers == 0.0:
        for a in w.alliances:
            a.followed = min(a.followed, w.t)
    slots = math.floor(p.alliances_per_engineer * engineers + 0.5)
    waiting = sorted(
        (a for a in w.alliances if a.cause == LIVING and a.followed <= w.t),
        key=lambda a: (-a.worlds, -len(a.members), a.id),
    )
    for a in waiting[: max(0, slots - len(followed(w)))]:
        a.followed = w.t + int(p.engineering_term)


def followed(w: Oracle) -> list[Alliance]:
    return [a for a in w.alliances if a.cause == LIVING and a.followed > w.t]


def engineering(w: Oracle) -> float:
    """The support of an alliance that is followed."""
    engineers = w.calendar.engineers[w.t]
    return strength(len(followed(w)) / engineers) if engineers > 0.0 else 0.0


def strength(n: float) -> float:
    """K(n): what one accompaniment is worth with n cases to a full post (§7.5)."""
    return clip((1.085 - 0.225 * math.log(n)) / 0.526, 0.15, 1.5) if n > 0 else 0.0


# -- reconnaissance ---------------------------------------------------------------------------


def recognition(w: Oracle, hidden: int) -> float:
    """What data for institutions and funded cases add to the chance of one hidden alliance."""
    p, cal = w.params, w.calendar
    told = p.donnees_recognise * w.doses[DONNEES][INSTITUTIONS]
    written = cal.cases[w.t] * p.cases_per_k_euro
    each = min(1.0, written / (12.0 * cal.substeps * hidden)) if hidden else 0.0
    return 1.0 - (1.0 - told) * (1.0 - each)
