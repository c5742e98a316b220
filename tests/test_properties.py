"""Whatever the scenario, the accounts are right and luck is a function of its key."""

import numpy as np
from conftest import METIERS, synthetic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosim import engine
from cosim.parameters import PARAMETERS
from cosim.scenario import Scenario
from cosim.scenario_tables import MECHANISMS
from cosim.state import CATALYSEUR, ELU
from cosim.testing import check_mechanism, check_state, relabelled

FEW = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FREE = [row for row in PARAMETERS.values() if row.low < row.high and row.name != "burn_in"]


@st.composite
def parameters(draw):
    """A few parameters anywhere in their ranges, ends included; the world stays lively."""
    chosen = draw(st.lists(st.sampled_from(FREE), max_size=25, unique_by=lambda row: row.name))
    values = {"burn_in": float(draw(st.integers(0, 12))), "birth_base": -8.0}
    for row in chosen:
        ends = st.sampled_from([row.low, row.high])
        values[row.name] = float(draw(ends | st.floats(row.low, row.high)))
    return values


@st.composite
def scenarios(draw, months=16):
    communes = draw(st.integers(1, 4))
    people = draw(st.integers(200, 1500))
    mix = {name: draw(st.sampled_from([0.0, 0.5, 1.0])) for name in METIERS}
    if not any(mix.values()):
        mix["dialogue"] = 1.0
    return Scenario(
        time={"start": "2014-01", "end": "2015-04", "substeps": draw(st.sampled_from([1, 1, 3]))},
        territory=synthetic(
            communes, people, draw(st.integers(1, 9)), draw(st.sampled_from([1.0, 0.6]))
        ),
        catalysis={
            "fte": draw(st.sampled_from([0.0, 0.4, 1.0, 2.5, 6.0])),
            "start": draw(st.sampled_from([None, "2014-05"])),
            "end": draw(st.sampled_from([None, "2015-01"])),
            "caseload": draw(st.integers(1, 40)),
            "session_size": draw(st.integers(4, 40)),
            "invitation": draw(st.sampled_from(["random", "hubs", "periphery", "complementary"])),
            "mix": mix,
        },
        context={
            "elections": draw(st.sampled_from([[], ["2014-03"], ["2014-03", "2014-04"]])),
            "turnover": draw(st.sampled_from([0.0, 1.0, 2.0])),
            "scissors": draw(st.sampled_from([0.0, 1.0, 3.0])),
            "crises": draw(
                st.sampled_from([[], [{"start": "2014-06", "months": 6, "depth": 2.0}]])
            ),
        },
        model={"without": draw(st.lists(st.sampled_from(MECHANISMS), max_size=1))},
        parameters=draw(parameters()),
    )


@FEW
@given(scenarios(), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_the_accounts_are_right_in_any_scenario(scenario, seed, replicate):
    run = engine.Run(engine.plan(scenario), seed, replicate)
    check_state(run.state, 0)
    seats = len(run.state.actors)
    elus = (run.state.actors.kind == ELU).sum()
    rules = [mechanism.rule() for mechanism in run.plan.schedule.mechanisms]
    while not run.done:
        run.state = engine.room(run.state)
        run.state.territory.flow[:] = 0.0
        for rule in rules:
            rule(run.state, run.plan.params, run.month, run.key)
        engine.check_overflow(run.state)
        check_state(run.state, run.month)
        engine.measured(run.plan, run.state, run.month, run.out)
        run.month += 1
    actors = run.state.actors
    assert len(actors) == seats and actors.alive[actors.kind == ELU].sum() == elus
    assert not actors.load[actors.kind == CATALYSEUR].any()
    assert np.isfinite(run.out).all()
    assert engine.replicate(run.plan, seed, replicate)[0].tobytes() == engine_out(run)


def engine_out(run):
    again = engine.Run(run.plan, run.seed, run.replicate)
    while not again.done:
        again.step()
    return again.out.tobytes()


@FEW
@given(scenarios())
def test_every_mechanism_keeps_its_promises_in_any_scenario(scenario):
    for mechanism in engine.schedule(scenario).mechanisms:
        check_mechanism(mechanism, scenario, steps=(9,))


@FEW
@given(scenarios(), st.integers(0, 2**32 - 1), st.integers(0, 1000))
def test_rows_have_no_meaning_over_a_whole_run(scenario, seed, shuffle):
    """Ids and their order make the model, the place of a row does not."""
    ready = engine.plan(scenario)
    plain, moved = (engine.Run(ready, seed) for _ in range(2))
    n = len(plain.state.actors)
    forth = np.random.Generator(np.random.Philox(key=shuffle)).permutation(n)
    moved.state = relabelled(moved.state, forth)
    while not plain.done:
        plain.step()
        moved.step()
    assert np.array_equal(
        plain.state.alliances.id, moved.state.alliances.id[: len(plain.state.alliances)]
    )
    assert np.array_equal(plain.state.actors.id, moved.state.actors.id[forth])
    assert np.array_equal(plain.state.actors.contacts, moved.state.actors.contacts[forth])
    assert np.allclose(
        plain.state.actors.commitment, moved.state.actors.commitment[forth], rtol=0, atol=1e-12
    )
    assert np.allclose(plain.out, moved.out, rtol=0, atol=1e-9)


@FEW
@given(st.integers(0, 2**32 - 1), st.integers(0, 200))
def test_a_replicate_does_not_depend_on_the_others_of_its_ensemble(seed, number):
    ready = _TINY
    (alone,) = list(engine.replicates(ready, range(number, number + 1), seed, 1))
    many = list(engine.replicates(ready, range(max(0, number - 2), number + 2), seed, 2))
    (among,) = [out for k, out, _ in many if k == number]
    assert alone[1].tobytes() == among.tobytes()


_TINY = engine.plan(
    Scenario(
        time={"start": "2014-01", "end": "2014-06"},
        territory=synthetic(2, 600),
        parameters={"burn_in": 6.0},
    )
)
