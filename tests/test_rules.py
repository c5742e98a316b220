"""The rival rules: what each says in closed form, and that each changes what it is about."""

import numpy as np
import pytest
from conftest import BUSY, scenario
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim import engine, parameters
from cosim.indicators import column
from cosim.mechanisms.commitment import mean_commitment
from cosim.mechanisms.doses import evidence_of
from cosim.mechanisms.life import confirmed_trust, counted_trust, trust_after, updated_trust
from cosim.mechanisms.trust import lent_trust
from cosim.state import BETA, RULES, WARNINGS, WITHOUT_THIRD_PARTY
from cosim.testing import check_mechanism, check_state

ALTERNATIVES = [(rule, name) for rule, names in RULES.items() for name in names[1:]]
LEVEL = st.floats(0.0, 1.0)
EXACTLY = settings(max_examples=200, deadline=None, derandomize=True)


def with_params(**values):
    return parameters.resolve(values)


def world(months=24, rules=None, **tables):
    return scenario(months=months, parameters=BUSY, rules=rules or {}, **tables)


@EXACTLY
@given(results=st.lists(st.booleans(), max_size=40))
def test_beta_trust_without_forgetting_is_the_share_of_successes_with_two_in_advance(results):
    params = with_params(trust_memory=1.0)
    trust, evidence = 0.5, 0.0
    for success in results:
        trust, evidence = updated_trust(BETA, trust, evidence, 0.5, success, 0.0, params)
    r = sum(results)
    assert trust == pytest.approx((r + 1) / (len(results) + 2), abs=1e-14)
    assert evidence == len(results)


@EXACTLY
@given(results=st.lists(st.booleans(), max_size=40), tau=st.floats(0.4, 0.7),
       memory=st.floats(0.8, 1.0))  # fmt: skip
def test_beta_trust_is_the_mean_of_discounted_counts(results, tau, memory):
    params = with_params(trust_memory=memory)
    trust, evidence = tau, 0.0
    r = s = 0.0
    for success in results:
        trust, evidence = updated_trust(BETA, trust, evidence, tau, success, 0.0, params)
        r, s = memory * r + success, memory * s + (not success)
        assert trust == pytest.approx((r + 2 * tau) / (r + s + 2), abs=1e-12)
        assert evidence == pytest.approx(r + s, abs=1e-12)


@EXACTLY
@given(trust=st.floats(0.5, 0.999), tau=st.floats(0.4, 0.5))
def test_a_trust_that_was_not_counted_weighs_as_many_successes_as_would_give_it(trust, tau):
    r = evidence_of(trust, tau)
    assert (r + 2 * tau) / (r + 2) == pytest.approx(trust, abs=1e-12)


@EXACTLY
@given(trust=LEVEL, evidence=st.floats(0, 50), success=st.booleans(), spared=LEVEL)
def test_every_rule_keeps_trust_between_zero_and_one_and_moves_it_the_right_way(
    trust, evidence, success, spared
):
    params = with_params()
    for after in (
        trust_after(trust, success, spared, params),
        confirmed_trust(trust, success, spared, params),
    ):
        assert 0.0 <= after <= 1.0
        assert after >= trust if success else after <= trust
    assert 0.0 <= counted_trust(trust, evidence, 0.5, success, spared, params) <= 1.0


def test_confirming_news_weighs_more_than_news_that_does_not_fit():
    params = with_params()

    def change(trust, success):
        return confirmed_trust(trust, success, 0.0, params) - trust

    def default(trust, success):
        return trust_after(trust, success, 0.0, params) - trust

    assert change(0.5, True) == pytest.approx(default(0.5, True))
    assert change(0.5, False) == pytest.approx(default(0.5, False))
    assert abs(change(0.8, False)) < abs(default(0.8, False))  # who trusts excuses
    assert change(0.2, True) < default(0.2, True)  # who distrusts ignores


def test_the_law_spares_a_share_of_a_loss_and_nothing_of_a_gain():
    params = with_params()
    loss = 0.6 - trust_after(0.6, False, 0.0, params)
    assert 0.6 - trust_after(0.6, False, 0.25, params) == pytest.approx(0.75 * loss)
    assert trust_after(0.6, True, 0.25, params) == trust_after(0.6, True, 0.0, params)


def acquainted(i, j, k, trust_ik, trust_kj):
    """A state in which i trusts k so much, k trusts j so much, and i has just met j."""
    ready = engine.plan(scenario())
    state = ready.state(1, 0)
    actors, ties = state.actors, state.ties
    actors.contacts[:] = 0
    from cosim.mechanisms.contacts import meet, slot_of
    from cosim.state import FRESH

    for a, b in ((i, k), (k, j), (i, j)):
        meet(state, ready.params, a, b, 0, 0, np.uint64(1))
    for a, b, trust in ((i, k, trust_ik), (k, i, 0.6), (k, j, trust_kj), (j, k, 0.6)):
        slot = slot_of(actors, ties, a, b)
        ties.trust[slot] = trust
        ties.marks[slot] &= ~FRESH
        actors.fresh[a] -= 1
    state.mark[k] = slot_of(actors, ties, i, k) + 1
    return state, ready.params


@pytest.mark.parametrize(
    ("rule", "trust_kj", "expected"),
    [
        (0, 0.9, 0.6 + 0.5 * 0.8 * 0.3),
        (0, 0.2, 0.6),
        (WITHOUT_THIRD_PARTY, 0.9, 0.6),
        (WARNINGS, 0.9, 0.6 + 0.5 * 0.8 * 0.3),
        (WARNINGS, 0.2, 0.6 - 0.5 * 0.8 * 0.4),
    ],
)
def test_a_third_party_lends_or_not_or_warns(rule, trust_kj, expected):
    state, params = acquainted(0, 1, 2, 0.8, trust_kj)
    got = lent_trust(state.actors, state.ties, state.mark, params, 0, 1, rule)
    assert got[0] == pytest.approx(expected)


def test_bounded_confidence_listens_only_to_those_who_are_near():
    state, _ = acquainted(0, 1, 2, 0.8, 0.5)
    old = state.old
    old[0], old[1], old[2] = 0.3, 0.9, 0.4
    assert mean_commitment(state.actors, state.ties, old, 0, 0.3) == pytest.approx(0.4)
    far = mean_commitment(state.actors, state.ties, old, 0, 1.0)
    assert 0.4 < far < 0.9
    assert mean_commitment(state.actors, state.ties, old, 0, 0.05) == 0.0


def test_with_one_scalar_maturity_wanting_and_knowing_are_the_same_thing():
    document = world(rules={"maturity": "scalar"}, catalysis={"fte": 1.0},
                     context={"elections": ["2011-03"]})  # fmt: skip
    run = engine.Run(engine.plan(document))
    while not run.done:
        alive = run.state.actors.alive
        assert (run.state.actors.commitment[alive] == run.state.actors.know_how[alive]).all()
        run.step()
        assert (
            run.out[run.month - 1, column("convinced")] == (run.out[run.month - 1, column("able")])
        )


@pytest.mark.parametrize(("rule", "name"), ALTERNATIVES)
def test_a_rival_rule_keeps_every_promise_of_a_state_and_changes_the_run(rule, name):
    document = world(months=36, rules={rule: name}, catalysis={"fte": 1.5})
    run = engine.Run(engine.plan(document), seed=2)
    while not run.done:
        run.step()
        check_state(run.state, run.month - 1)
    default = engine.replicate(engine.plan(world(months=36, catalysis={"fte": 1.5})), 2, 0)[0]
    assert (run.out != default).any()


@pytest.mark.parametrize("name", ["trust", "commitment", "know_how", "life", "context"])
def test_mechanisms_pass_their_trial_under_all_rival_rules_together(name):
    from cosim.mechanisms import MECHANISMS
    from cosim.testing import default_scenario

    rivals = {rule: names[-1] for rule, names in RULES.items()}
    levers = {"droit": {"strength": 1.0}, "ingenierie": {"fte": 1.0, "funds": 50.0},
              "prime": {"amount": 10.0}, "outils": {"organisations": 50.0}}  # fmt: skip
    check_mechanism(MECHANISMS[name], default_scenario().with_(rules=rivals, **levers))
