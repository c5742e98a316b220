"""Keyed random numbers: the published vectors, the layout of ODD §7.1, and sound draws."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cosim import streams
from cosim.compiled import kernel
from cosim.streams import FOREVER

#: Known answers of Philox4x32-10, from Random123 (kat_vectors): counter, key, output.
VECTORS = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]
M = 100_000


def philox(counter, key):
    """Salmon et al. 2011, in integers without bound."""
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], 1 << 32)
        high1, low1 = divmod(0xCD9E8D57 * c[2], 1 << 32)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) % (1 << 32), (k[1] + 0xBB67AE85) % (1 << 32)]
    return c


def layout(seed, replicate, purpose, id, step, draw):
    """(u, v) as ODD §7.1 words it."""
    w = philox(
        [id % 2**32, id // 2**32, step + 2**20, purpose + 256 * draw],
        [seed, replicate],
    )
    u = (w[1] * 2**32 + w[0]) // 2**11 * 2.0**-53
    v = (w[3] * 2**32 + w[2]) // 2**11 * 2.0**-53
    return u, v


@pytest.mark.parametrize(("counter", "key", "answer"), VECTORS)
def test_the_generator_gives_the_published_vectors(counter, key, answer):
    assert philox(counter, key) == answer
    words = [np.uint64(word) for word in (*counter, *key)]
    assert [int(word) for word in streams.philox(*words)] == answer


@pytest.mark.parametrize(
    ("seed", "replicate", "purpose", "id", "step", "draw"),
    [
        (1, 0, streams.LEVEL, 0, 0, 0),
        (1, 0, streams.ENCOUNTER, (7 << 34) | (2 << 31) | (12 << 10) | 3, 17, 33),
        (2**32 - 1, 2**32 - 1, streams.OUTSIDE, 2**64 - 1, 599, 4096 * 9),
        (5, 9, streams.LAPSE, 0xDEADBEEFCAFEF00D, -48, 0),
        (12, 345, 255, 1, -(2**20), 2**24 - 1),
    ],
)
def test_the_layout_of_key_and_counter_is_that_of_the_odd(seed, replicate, purpose, id, step, draw):
    key = streams.key(seed, replicate)
    expected = layout(seed, replicate, purpose, id, step, draw)
    assert streams.block(key, purpose, np.uint64(id), step, draw) == expected
    assert streams.uniform(key, purpose, np.uint64(id), step, draw) == expected[0]


def test_the_purposes_are_numbered_as_the_table_of_the_odd():
    odd = (Path(__file__).parents[1] / "docs" / "odd.md").read_text(encoding="utf-8")
    table = re.findall(r"\| (\d+) \| ([A-Z_]+)(?= \|)", odd)
    assert sorted(int(number) for number, _ in table) == list(range(1, 32))
    assert {name: getattr(streams, name) for _, name in table} == {
        name: int(number) for number, name in table
    }
    assert len(table) < streams.CUSTOM < 256


@pytest.mark.parametrize(("seed", "replicate"), [(-1, 0), (1 << 32, 0), (0, 1 << 32)])
def test_a_key_out_of_its_32_bits_is_refused(seed, replicate):
    with pytest.raises(ValueError, match="2\\*\\*32"):
        streams.key(seed, replicate)


def splitmix(x):
    """The finaliser of SplitMix64, in integers without bound."""
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
    return x ^ (x >> 31)


def test_hashes_are_those_of_the_odd_and_a_pair_has_no_order():
    assert splitmix(0) == 0xE220A8397B1DCDAF  # first output of SplitMix64 from 0
    for x in (0, 1, 2**63, 2**64 - 1):
        assert int(streams.mix(np.uint64(x))) == splitmix(x)
    a, b = (3 << 34) | 5, (3 << 34) | (1 << 31) | 9
    expected = splitmix(min(a, b) ^ splitmix(max(a, b)))
    assert int(streams.pair(np.uint64(a), np.uint64(b))) == expected
    assert int(streams.pair(np.uint64(b), np.uint64(a))) == expected


def test_an_id_is_territory_kind_ordinal_generation_from_high_to_low():
    assert int(streams.actor_id(200_057_941, 4, 1_000_000, 1023)) == (
        200_057_941 * 2**34 + 4 * 2**31 + 1_000_000 * 2**10 + 1023
    )
    assert int(streams.actor_id(2**30 - 1, 7, 2**21 - 1, 1023)) == 2**64 - 1


@kernel
def _draws(key, n):
    made = np.empty((n, 2))
    for i in range(n):
        made[i] = streams.block(key, streams.SESSION, np.uint64(i), i % 7, i % 5)
    return made


@pytest.fixture(scope="module")
def uniforms():
    return _draws(streams.key(3, 1), M)


def test_draws_are_uniform_and_the_two_of_a_block_unrelated(uniforms):
    assert uniforms.min() >= 0.0 and uniforms.max() < 1.0
    for column in uniforms.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(uniforms.T)[0, 1]) < 5 / math.sqrt(M)
    assert abs(np.corrcoef(uniforms[:-1, 0], uniforms[1:, 0])[0, 1]) < 5 / math.sqrt(M)
    low = (uniforms[:, 0] * 2.0**53).astype(np.int64) & 255
    assert stats.chisquare(np.bincount(low, minlength=256)).pvalue > 1e-4


@pytest.mark.parametrize("n", [1, 2, 3, 7, 1000, 2**31 - 1])
def test_an_index_never_equals_its_bound(n):
    assert streams.index(1.0 - 2.0**-53, n) == n - 1
    assert streams.index(0.0, n) == 0


def test_an_index_is_unbiased(uniforms):
    counts = np.bincount([streams.index(u, 7) for u in uniforms[:, 0]], minlength=7)
    assert len(counts) == 7 and stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("mean", [0.0, 0.05, 0.6, 4.0, 15.0])
def test_poisson_is_the_inverse_of_its_distribution(mean, uniforms):
    u = uniforms[:5000, 0]
    drawn = np.array([streams.poisson(x, mean) for x in u])
    exact = stats.poisson.ppf(u, mean).clip(0) if mean else np.zeros(len(u))
    assert (drawn == exact).mean() > 0.9999
    assert streams.poisson(1.0 - 2.0**-53, 1e3) == 60


@pytest.mark.parametrize("p", [0.001, 0.02, 0.3, 0.9])
def test_geometric_counts_trials_up_to_the_first_success(p, uniforms):
    u = uniforms[:5000, 0]
    drawn = np.array([streams.geometric(x, p) for x in u])
    assert drawn.min() >= 1
    assert (drawn == stats.geom.ppf(u, p)).mean() > 0.999
    assert abs(drawn.mean() * p - 1.0) < 5 / math.sqrt(len(u))


def test_geometric_at_the_ends():
    assert streams.geometric(0.5, 0.0) == FOREVER == streams.geometric(0.5, -1.0)
    assert streams.geometric(0.999, 1.0) == 1
    assert streams.geometric(1.0 - 2.0**-53, 1e-300) <= FOREVER


def test_normal_and_exponential_have_their_distributions(uniforms):
    normal = [streams.normal(u, v) for u, v in uniforms[:20_000]]
    assert stats.kstest(normal, "norm").pvalue > 1e-4
    exponential = [streams.exponential(u) for u in uniforms[:20_000, 0]]
    assert stats.kstest(exponential, "expon").pvalue > 1e-4
    assert streams.logistic(0.0) == 0.5
    assert streams.logistic(-800.0) == 0.0 and streams.logistic(800.0) == 1.0
