"""The second implementation holds to the ODD by itself: known answers and hand examples."""

from types import SimpleNamespace

import pytest
from reference import levers, rules
from reference import philox as random
from reference.model import (
    ACADEMIC,
    ASSOCIATION,
    CATALYST,
    COMPANY,
    DIALOGUE,
    ELU,
    FAILED,
    LIVING,
    Oracle,
    Seat,
    Venue,
)

from cosim import parameters


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, words):
    assert random.philox(counter, key) == words


def test_draws_are_uniform_and_keyed():
    key, draws = (1, 2), range(4000)
    values = [x for d in draws for x in random.block(key, random.BIRTH, 7, -3, d)]
    assert all(0.0 <= x < 1.0 for x in values)
    assert sum(values) / len(values) == pytest.approx(0.5, abs=0.02)
    assert len(set(values)) == len(values)
    assert random.block(key, random.BIRTH, 7, -3, 1) != random.block((2, 1), random.BIRTH, 7, -3, 1)


def test_laws_of_the_draws():
    assert random.mix(0) == 0xE220A8397B1DCDAF  # first output of SplitMix64 with seed 0
    assert random.pair(5, 9) == random.pair(9, 5) != random.pair(5, 8)
    assert [random.poisson(u, 1.0) for u in (0.0, 0.36, 0.37, 0.74)] == [0, 0, 1, 2]
    assert random.poisson(1.0 - 2**-53, 55.0) == 60
    assert [random.geometric(u, 0.5) for u in (0.0, 0.49, 0.51, 0.76)] == [1, 1, 2, 3]
    assert (random.geometric(0.3, 0.0), random.geometric(0.3, 1.0)) == (random.NEVER, 1)
    assert random.weighted(0.5, [1.0, 0.0, 1.0]) == 2


def test_the_name_of_an_alliance_depends_on_who_and_when():
    assert random.alliance_id([3, 8], 5) == random.alliance_id([8, 3], 5)
    assert random.alliance_id([3, 8], 5) != random.alliance_id([3, 8], 6)
    assert random.alliance_id([3], -2) == random.mix(random.mix(2**20 - 2) ^ 3)


def test_strength_of_support_is_one_at_twelve_cases():
    assert levers.strength(12) == pytest.approx(1.0, abs=1e-3)
    assert (levers.strength(0), levers.strength(1), levers.strength(1000)) == (0.0, 1.5, 0.15)


def world(months=72, **changes):
    """Two communes, a few seats of each kind, two catalysts from month 12 to 48."""
    params = parameters.resolve({"birth_base": -8.0, "encounters": 0.8})
    calendar = {
        "election": [t == 30 for t in range(months)],
        "shock": [float(40 <= t < 50) for t in range(months)],
        "demand": [0.8] * months, "odd": [False] * months,
        "july": [t % 12 == 6 for t in range(months)],
        "fte": [1.5 * (12 <= t < 48) for t in range(months)],
        "mix": [0.25] * 4, "caseload": 12, "session": 8, "invitation": "random",
        "turnover": 1.0, "scissors": 1.0, "substeps": 1, "without": (),
        **{name: [0.0] * months for name in
           ("droit", "engineers", "trials", "prime", "purse", "cases")},
        "lieux": [0] * months,
        "amounts": [[[0.0] * 4] * 3] * months, "sample": 1.0, "lieux_capacity": 40,
        **dict.fromkeys(
            ("matching", "first_step", "maturity", "trust", "imitation", "third_party"), 0
        ),
    }  # fmt: skip
    oracle = Oracle(
        SimpleNamespace(**{name: float(params[name]) for name in params.dtype.names}),
        SimpleNamespace(**(calendar | changes)), (1, 0),
        domains=[0, 2, 3, 7, 10, 12], fragility=[50.0] * 17, places=[Venue(0), Venue(1)],
    )  # fmt: skip
    seats = []
    for kind, number in ((ELU, 14), (ASSOCIATION, 12), (COMPANY, 10), (ACADEMIC, 2), (CATALYST, 2)):
        for k in range(number):
            seats.append(
                Seat(oracle, 77 << 34 | kind << 31 | k << 10, size_class=k % 3, commune=k % 2,
                     profile=0, alive=False, ever=False)
            )  # fmt: skip
    oracle.settle(seats)
    for seat in seats[:-4]:
        if seat.kind != CATALYST:
            rules.occupy(oracle, seat)
    return oracle


@pytest.mark.parametrize("invitation", ["random", "hubs", "periphery", "complementary"])
def test_a_world_keeps_its_records_consistent(invitation):
    oracle = world(invitation=invitation)
    for _ in range(72):
        oracle.step()  # `check` holds after each
    assert oracle.t == 72
    ended = [a for a in oracle.alliances if a.cause != LIVING]
    assert ended and len(ended) < len(oracle.alliances)
    assert any(a.origin == DIALOGUE or a.supported for a in oracle.alliances)
    assert any(elu.generation for elu in oracle.of_kind[ELU])
    assert not any(seat.alive for seat in oracle.of_kind[CATALYST])


def test_a_third_party_lends_its_trust():
    oracle = world()
    i, j, b = oracle.of_kind[ELU][0], oracle.of_kind[COMPANY][0], oracle.of_kind[ASSOCIATION][0]
    oracle.meet(i, b)
    oracle.meet(b, j)
    rules.trust(oracle)
    i.contacts[b].trust, b.contacts[j].trust = 0.9, 0.8
    oracle.meet(i, j)
    assert not i.contacts[j].bond.bridge and i.contacts[b].bond.bridge
    rules.trust(oracle)
    tau = oracle.params.trust_company
    assert i.contacts[j].trust == pytest.approx(tau + 0.5 * 0.9 * (0.8 - tau), abs=1e-12)
    assert j.contacts[i].trust == oracle.params.trust_elu  # b trusts i no more than anybody


def test_a_full_list_forgets_whom_it_saw_longest_ago_unless_held():
    oracle = world()
    i, *others = oracle.everybody[:26]
    for t, j in enumerate(others[:24]):
        oracle.t = t
        oracle.meet(i, j)
    oracle.found([i, others[0]], 0, 0, 0, outside=COMPANY)
    oracle.meet(i, others[24])
    assert others[0] in i.contacts and others[1] not in i.contacts
    assert list(i.contacts)[-1] is others[24] and i not in others[1].contacts


def test_the_last_world_but_one_leaving_ends_an_alliance_as_failed():
    oracle = world()
    elus, company = oracle.of_kind[ELU][:2], oracle.of_kind[COMPANY][0]
    alliance = oracle.found([*elus, company], 0, 0, 0)
    oracle.t = 3
    rules.depart(oracle, company)
    assert (alliance.cause, alliance.ended, alliance.members) == (FAILED, 3, elus)
    assert not elus[0].alliances and elus[0].contacts[elus[1]].bond.last == 3
    oracle.check()
