"""ODD §7.1: keyed random numbers in plain Python integers and floats."""

from __future__ import annotations

import math

(LEVEL, TRAIT, NEEDS, EXIT, ELECTION, BIRTHS, BIRTH_SEAT,
 NEWCOMER, SESSION, FACE, EXPERIMENT, GATHER, COACH, PHASE,
 PLACE, PLACE_MEET, ENCOUNTER, LAPSE, CONSIDER, BIRTH, DOMAIN,
 INVITE, ACCEPT, RESULT, HAZARD, RECOGNISE, SEED, OUTSIDE,
 LEVER, EXTRA) = range(1, 31)  # fmt: skip

NEVER = 1 << 30
LOW = 0xFFFFFFFF
ALL = 0xFFFFFFFFFFFFFFFF


def philox(counter: tuple[int, ...], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Philox4x32-10: four 32-bit words from four counter words and two key words."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & LOW, (p0 >> 32) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + 0x9E3779B9) & LOW, (k1 + 0xBB67AE85) & LOW
    return c0, c1, c2, c3


def block(key: tuple[int, int], purpose: int, id: int, step: int, draw: int) -> tuple[float, float]:
    """The numbers (u, v) in [0, 1) of one purpose, id, step and draw."""
    counter = (id & LOW, id >> 32, (step + 2**20) & LOW, (purpose + 256 * draw) & LOW)
    w0, w1, w2, w3 = philox(counter, key)
    return ((w1 << 32 | w0) >> 11) * 2.0**-53, ((w3 << 32 | w2) >> 11) * 2.0**-53


def index(u: float, n: int) -> int:
    return int(u * n)


def poisson(u: float, mean: float) -> int:
    k, p = 0, math.exp(-mean)
    total = p
    while u >= total and k < 60:
        k += 1
        p = p * mean / k
        total += p
    return k


def geometric(u: float, p: float) -> int:
    if p <= 0.0:
        return NEVER
    if p >= 1.0:
        return 1
    return 1 + math.floor(math.log(1.0 - u) / math.log(1.0 - p))


def normal(u: float, v: float) -> float:
    return math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v)


def logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def mix(x: int) -> int:
    """The SplitMix64 finaliser."""
    x = (x + 0x9E3779B97F4A7C15) & ALL
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & ALL
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & ALL
    return x ^ (x >> 31)


def pair(a: int, b: int) -> int:
    """The id of an unordered pair of actors."""
    return mix(min(a, b) ^ mix(max(a, b)))


def alliance_id(founders: list[int], t: int) -> int:
    """The id of the alliance of these founders, born at step t."""
    h = mix(t + 2**20)
    for id in sorted(founders):
        h = mix(h ^ id)
    return h


def weighted(u: float, weights: list[float]) -> int:
    """The number of the weight in which u falls, weights cumulated in order."""
    target, total = u * sum(weights), 0.0
    for number, weight in enumerate(weights):
        total += weight
        if target < total:
            return number
    return len(weights) - 1
