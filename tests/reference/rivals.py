"""ODD §7.15: the rules that a scenario may choose in the place of the usual ones."""

from __future__ import annotations

from collections.abc import Callable

from .levers import shield
from .model import Alliance, Oracle, Seat

MIN, SCALAR = range(2)
ASYMMETRIC, BETA, CONFIRMATORY = range(3)
LINEAR, BOUNDED = range(2)
ON, OFF, WARNINGS = range(3)

#: Trust, its evidence and the base trust in the trustee -> trust and evidence after a result.
Update = Callable[[Oracle, float, float, float], tuple[float, float]]


# -- maturity ---------------------------------------------------------------------------------


def scalar(w: Oracle) -> bool:
    return w.calendar.maturity == SCALAR


def one_level(w: Oracle, seat: Seat) -> None:
    """Under *scalar* an actor enters with one level."""
    if scalar(w):
        seat.commitment = seat.know_how = (seat.commitment + seat.know_how) / 2.0


# -- imitation and third party ----------------------------------------------------------------


def hears(w: Oracle, own: float, other: float) -> bool:
    """Whether the commitment of a contact counts."""
    return w.calendar.imitation == LINEAR or abs(other - own) <= w.params.confidence_width


def lent(w: Oracle, news: list[float]) -> float:
    """What common contacts say of a stranger, above or below the base trust."""
    rule = w.calendar.third_party
    best = max([0.0, *news])
    if rule == OFF:
        return 0.0
    return best if rule == ON or best > 0.0 else min([0.0, *news])


# -- trust ------------------------------------------------------------------------------------


def weight(trust: float, tau: float) -> float:
    """Of trust that no counted result explains: that of as many successes as would give it."""
    return max(0.0, 2.0 * (trust - tau) / (1.0 - trust)) if trust < 1.0 else 0.0


def learn(w: Oracle, a: Alliance, *, success: bool) -> None:
    """A joint result changes the trust of all members that are acquainted."""
    update = UPDATES[w.calendar.trust, success]
    for i in a.members:
        for j in a.members:
            if j in i.contacts:
                entry = i.contacts[j]
                entry.trust, entry.evidence = update(w, entry.trust, entry.evidence, w.tau(j.kind))
    if a.outside is not None:
        a.outside_trust, a.outside_evidence = update(
            w, a.outside_trust, a.outside_evidence, w.tau(a.outside)
        )


def asymmetric_success(w: Oracle, trust: float, evidence: float, _: float) -> tuple[float, float]:
    return trust + w.params.trust_gain * (1.0 - trust), evidence


def asymmetric_failure(w: Oracle, trust: float, evidence: float, _: float) -> tuple[float, float]:
    loss = min(0.8, w.params.trust_asymmetry * w.params.trust_gain)
    return trust * (1.0 - loss * shield(w)), evidence


def confirmatory_success(w: Oracle, trust: float, evidence: float, _: float) -> tuple[float, float]:
    return trust + 2.0 * trust * w.params.trust_gain * (1.0 - trust), evidence


def confirmatory_failure(w: Oracle, trust: float, evidence: float, _: float) -> tuple[float, float]:
    loss = min(0.8, 2.0 * (1.0 - trust) * w.params.trust_asymmetry * w.params.trust_gain)
    return trust * (1.0 - loss * shield(w)), evidence


def beta_success(w: Oracle, trust: float, evidence: float, tau: float) -> tuple[float, float]:
    return counted(w, trust, evidence, tau, 1.0)


def beta_failure(w: Oracle, trust: float, evidence: float, tau: float) -> tuple[float, float]:
    return counted(w, trust, evidence, tau, (1.0 - shield(w)) * trust)


def counted(w: Oracle, trust: float, evidence: float, tau: float, x: float) -> tuple[float, float]:
    """One more result x, all the former ones forgotten a little."""
    kept = w.params.trust_memory
    total = kept * trust * (evidence + 2.0) + 2.0 * tau * (1.0 - kept) + x
    return total / (kept * evidence + 3.0), kept * evidence + 1.0


UPDATES: dict[tuple[int, bool], Update] = {
    (ASYMMETRIC, True): asymmetric_success,
    (ASYMMETRIC, False): asymmetric_failure,
    (BETA, True): beta_success,
    (BETA, False): beta_failure,
    (CONFIRMATORY, True): confirmatory_success,
    (CONFIRMATORY, False): confirmatory_failure,
}
