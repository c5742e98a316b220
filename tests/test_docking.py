"""Docking: known models, run inside the engine, give what they are known to give (D1–D5)."""

import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import scenario, synthetic

from cosim import engine, streams
from cosim.mechanisms import MECHANISMS
from cosim.mechanisms.catalysis import caseload_effect
from cosim.mechanisms.commitment import commitment
from cosim.mechanisms.life import life
from cosim.state import COMPANY, NEVER, TIE_SLOTS, longer

QUIET = {"elections": [], "odd": False, "demand": False, "scissors": 0.0}


# -- D1: Granovetter 1978, thresholds -----------------------------------------------------

GRANOVETTER = '''
"""Granovetter 1978 (Am J Sociol 83:1420): one acts when enough others act."""
from cosim.mechanisms import mechanism

@mechanism("granovetter", writes=("actors.commitment",), sentence_en="One acts as others do.")
def granovetter(state, params, month, key):
    actors = state.actors
    acting = (actors.commitment[actors.alive] > 0.5).sum()
    actors.commitment[actors.alive & (actors.imitation <= acting)] = 1.0
'''


def crowd(folder, thresholds):
    """Return how many act after each month, 100 people of the given thresholds."""
    (folder / "crowd.py").write_text(GRANOVETTER)
    (folder / "crowd.toml").write_text(
        '[time]\nstart = "2010-01"\nend = "2019-12"\n'
        '[territory]\ncode = "synthetic"\n'
        '[model]\nmodules = ["crowd.py"]\nreplace = { commitment = "granovetter" }\n'
        f"without = {[name for name in MECHANISMS if name != 'commitment']}\n".replace("'", '"')
    )
    from cosim.scenario import load

    run = engine.Run(engine.plan(load(folder / "crowd.toml")))
    actors = run.state.actors
    actors.alive = np.arange(len(actors)) < 100
    actors.commitment = 0.0
    actors.imitation[:100] = thresholds
    acting = []
    while not run.done:
        run.step()
        acting.append(int((actors.commitment[:100] > 0.5).sum()))
    return acting


def test_d1_thresholds_from_0_to_99_let_everybody_act_one_after_the_other(tmp_path):
    acting = crowd(tmp_path, np.arange(100))
    assert acting[:100] == list(range(1, 101)) and acting[-1] == 100


def test_d1_one_threshold_of_1_raised_to_2_stops_the_crowd_at_1(tmp_path):
    thresholds = np.arange(100)
    thresholds[1] = 2
    assert set(crowd(tmp_path, thresholds)) == {1}


# -- D2: Bass 1969, diffusion -------------------------------------------------------------


def well_mixed(n, months):
    """Return plan and state: `n` companies who know and trust one another fully, c = 0."""
    ready = engine.plan(
        scenario(
            months=months,
            context=QUIET,
            parameters={"wear": 0.0, "visible_success": 0.0, "burn_in": 0.0},
        )
    )
    state = ready.state(1, 0)
    actors, ties = state.actors, state.ties
    actors.alive = np.arange(len(actors)) < n
    actors.kind[:n] = COMPANY
    actors.commitment = 0.0
    actors.setbacks = actors.sessions = 0
    actors.imitation[:] = ready.params.imitation
    actors.contacts = np.where(actors.alive, n - 1, 0)
    for i in range(n):
        first = actors.first[i]
        ties.other[first : first + n - 1] = [j for j in range(n) if j != i]
        ties.trust[first : first + n - 1] = 1.0
    return ready, state


@pytest.mark.parametrize("n", [2, 7, TIE_SLOTS])
def test_d2_a_well_mixed_crowd_follows_bass(n):
    months = 240
    ready, state = well_mixed(n, months)
    a, b = float(ready.params.external), float(ready.params.imitation)
    share = 0.0
    for month in range(months):
        commitment(state, ready.params, month, np.uint64(1))
        share += (a + b * share) * (1.0 - share)
        levels = state.actors.commitment[:n]
        assert abs(levels.mean() - share) < 1e-12
        t = month + 1.0
        falling = math.exp(-(a + b) * t)
        assert abs(share - (1.0 - falling) / (1.0 + b / a * falling)) < 0.015
    assert 0.85 < share < 1.0


# -- D3: Beta trust without forgetting ----------------------------------------------------


def test_d3_beta_trust_counted_result_by_result_is_its_closed_form():
    """The rival rule of trust, on the results that `life` draws."""
    others = {"context", "catalysis", "encounter", "trust", "formation"}
    half = {f"trust_{kind}": 0.5 for kind in ("elu", "association", "company", "academic")}
    ready = engine.plan(
        scenario(
            months=84,
            parameters={"hazard": 0.06, "max_size": 2.0, "complete_successes": 40.0,
                        "engaged_elu": 0.6, "seed_local": 0.9, "trust_memory": 1.0, **half},
            model={"without": sorted(others)},
            rules={"trust": "beta"},
        )
    )  # fmt: skip
    run = engine.Run(ready)
    run.state.alliances.successes = 0  # their common history begins now
    run.state.alliances.failures = 0
    run.state.ties.trust = 0.5
    run.state.ties.evidence = 0.0
    while not run.done:
        run.step()
    actors, ties, rows = run.state.actors, run.state.ties, run.state.alliances
    shared = {}  # pair -> results counted in all alliances of the two
    for a in range(int(run.state.territory.n_alliances)):
        if rows.n_members[a] == 2:
            pair = frozenset(rows.members[a, :2].tolist())
            r, s = shared.get(pair, (0, 0))
            shared[pair] = (r + int(rows.successes[a]), s + int(rows.failures[a]))
    results = []
    for pair, (r, s) in shared.items():
        for one, two in (tuple(pair), tuple(pair)[::-1]):
            slots = slice(actors.first[one], actors.first[one] + actors.contacts[one])
            (trust,) = ties.trust[slots][ties.other[slots] == two]
            assert abs(trust - (r + 1) / (r + s + 2)) < 1e-12
            results.append(r + s)
    assert len(results) > 20 and max(results) > 6


def with_params(ready, **values):
    """The plan with values that the ledger's ranges would refuse."""
    params = np.array([ready.params], dtype=ready.params.dtype).view(np.recarray)[0]
    for name, value in values.items():
        params[name] = value
    return replace(ready, params=params)


# -- D4: constant hazard ------------------------------------------------------------------


def test_d4_a_constant_hazard_gives_exponential_survival():
    """Kaplan–Meier inside the band of Dvoretzky, Kiefer & Wolfowitz at 1e-6, nobody censored."""
    each = 16
    ready = engine.plan(
        scenario(
            months=600,
            place=synthetic(3, 4000),
            context=QUIET,
            parameters={"hazard": 0.3, "seed_local": 0.5, "burn_in": 0.0},
        )
    )
    ready = with_params(ready, success_clock=NEVER, hazard_trust=0.0, hazard_failures=0.0)
    state = ready.state(4, 2)
    people = np.flatnonzero(state.actors.alive)
    total = each * len(people)
    state = state._replace(alliances=longer(state.alliances, total + 1))
    actors, rows = state.actors, state.alliances
    state.territory.n_alliances = total
    rows.id[:total] = np.arange(1, total + 1, dtype=np.uint64) * np.uint64(0x9E3779B9)
    rows.members[:total, 0] = np.repeat(people, each)
    rows.n_members[:total] = 1
    rows.outside[:total] = (np.repeat(actors.kind[people], each) + 1) % 4
    rows.outside_trust[:total] = 0.3
    rows.born[:total] = -1
    rows.ended[:total] = NEVER
    rows.cause[:total] = rows.streak[:total] = 0
    actors.seats[people] = np.arange(total).reshape(-1, each)
    actors.load[:] = 0
    actors.load[people] = actors.capacity[people] = each
    for month in range(600):
        life(state, ready.params, month, streams.key(4, 2))
    ended = rows.ended[:total] + 1  # an alliance that ends in step 0 has lived one month
    assert ended.max() <= 600, "somebody is censored"
    h0 = float(ready.params.hazard)
    months = np.arange(1, 601)
    survival = 1.0 - np.searchsorted(np.sort(ended), months, side="right") / total
    band = math.sqrt(math.log(2.0 / 1e-6) / (2.0 * total))
    assert total > 1500 and band < 0.07
    assert np.abs(survival - np.exp(-h0 * months)).max() < band
    faster = np.exp(-1.3 * h0 * months)  # the band sees a hazard that is 30 % too high
    assert np.abs(survival - faster).max() > band


# -- D5: effect of the caseload -----------------------------------------------------------


def test_d5_a_caseload_of_12_gives_the_pooled_effect():
    assert caseload_effect(12.0) == pytest.approx(1.0, abs=5e-4)
    for n in (4, 5, 12, 20, 40):
        assert caseload_effect(n) == pytest.approx((1.085 - 0.225 * math.log(n)) / 0.526, abs=1e-15)
    assert caseload_effect(5.0) == pytest.approx(1.374, abs=1e-3)
    assert caseload_effect(40.0) == pytest.approx(0.485, abs=1e-3)
    assert caseload_effect(0.0) == 0.0
    assert caseload_effect(0.5) == 1.5 and caseload_effect(1e4) == 0.15
    values = [caseload_effect(n) for n in range(1, 200)]
    assert values == sorted(values, reverse=True)
