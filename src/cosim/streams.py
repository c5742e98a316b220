"""Keyed random numbers: Philox4x32-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405).

A draw is a function of (root seed, replicate, purpose, step, id, draw number) and of nothing
else, so that scenarios share their luck, threads cannot change a result, and a mechanism that is
off shifts no draw. Layout of key and counter: ODD §7.1.
"""

from __future__ import annotations

import math

import numpy as np

from cosim.compiled import leaf

(LEVEL, TRAIT, NEEDS, EXIT, ELECTION, BIRTHS, BIRTH_SEAT, NEWCOMER, SESSION, FACE, EXPERIMENT,
 GATHER, COACH, PHASE, PLACE, PLACE_MEET, ENCOUNTER, LAPSE, CONSIDER, BIRTH, DOMAIN, INVITE,
 ACCEPT, RESULT, HAZARD, RECOGNISE, SEED, OUTSIDE, LEVER, EXTRA,
 ALLOCATE) = range(1, 32)  # fmt: skip
#: First purpose that is free for rules of others.
CUSTOM = 64

#: Steps of a wait that does not end; larger than any step.
FOREVER = 1 << 40
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_11 = np.uint64(11)
_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_UNIT = 2.0**-53
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)


def key(seed: int, replicate: int) -> np.uint64:
    """Return the key of one replicate: both numbers from 0 to 2**32 - 1."""
    for name, value in (("seed", seed), ("replicate", replicate)):
        if not 0 <= value < 1 << 32:
            raise ValueError(f"{name} {value} is not from 0 to 2**32 - 1")
    return np.uint64(seed | replicate << 32)


@leaf("UniTuple(uint64, 4)(uint64, uint64, uint64, uint64, uint64, uint64)")
def philox(c0, c1, c2, c3, k0, k1):
    """Return the four 32-bit output words of Philox4x32-10, as uint64."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (
            (p1 >> _32) ^ c1 ^ k0,
            p1 & _LOW,
            (p0 >> _32) ^ c3 ^ k1,
            p0 & _LOW,
        )
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@leaf("UniTuple(float64, 2)(uint64, int64, uint64, int64, int64)")
def block(key, purpose, id, step, draw):
    """Return the pair (u, v) of uniforms in [0, 1) of one counter (ODD §7.1)."""
    w0, w1, w2, w3 = philox(
        id & _LOW,
        id >> _32,
        np.uint64(np.int64(step) + 1048576),
        np.uint64(np.int64(purpose) + 256 * np.int64(draw)),
        key & _LOW,
        key >> _32,
    )
    u = np.float64(((w1 << _32) | w0) >> _11) * _UNIT
    v = np.float64(((w3 << _32) | w2) >> _11) * _UNIT
    return u, v


@leaf("float64(uint64, int64, uint64, int64, int64)")
def uniform(key, purpose, id, step, draw):
    """Return u of `block`."""
    return block(key, purpose, id, step, draw)[0]


@leaf("int64(float64, int64)")
def index(u, n):
    """Return floor(u n), from 0 to n - 1."""
    return np.int64(u * n)


@leaf("int64(float64, float64)")
def poisson(u, mean):
    """Return a Poisson draw by inversion of `u` (at most 60)."""
    k = 0
    p = math.exp(-mean)
    total = p
    while u >= total and k < 60:
        k += 1
        p *= mean / k
        total += p
    return k


@leaf("int64(float64, float64)")
def geometric(u, p):
    """Return the number of trials up to the first success, FOREVER if p <= 0."""
    if p <= 0.0:
        return FOREVER
    if p >= 1.0:
        return 1
    steps = math.floor(math.log(1.0 - u) / math.log(1.0 - p))
    return 1 + np.int64(min(steps, np.float64(FOREVER - 1)))


@leaf("float64(float64, float64)")
def normal(u, v):
    """Return a standard normal by Box-Muller."""
    return math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v)


@leaf("float64(float64)")
def exponential(u):
    """Return a standard exponential by inversion."""
    return -math.log(1.0 - u)


@leaf("uint64(uint64)")
def mix(x):
    """Return the SplitMix64 hash of a uint64 (Steele et al. 2014)."""
    x = np.uint64(x) + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MIX1
    x = (x ^ (x >> np.uint64(27))) * _MIX2
    return x ^ (x >> np.uint64(31))


@leaf("uint64(uint64, uint64)")
def pair(a, b):
    """Return the id of the unordered pair of actors with ids `a` and `b`."""
    if a > b:
        a, b = b, a
    return mix(a ^ mix(b))


@leaf("uint64(uint64, uint64, uint64, uint64)")
def actor_id(territory, kind, ordinal, generation):
    """Return the persistent 64-bit id of one occupant of a seat (ODD §2)."""
    return (
        (np.uint64(territory) << np.uint64(34))
        | (np.uint64(kind) << np.uint64(31))
        | (np.uint64(ordinal) << np.uint64(10))
        | np.uint64(generation)
    )


@leaf("float64(float64)")
def logistic(x):
    """Return 1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + math.exp(-x))
