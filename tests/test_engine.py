"""Schedule, step, run, ensemble: three drivers, one model; and a rule of a researcher's own."""

import sys

import numpy as np
import pytest
from conftest import BUSY, RULE, scenario, synthetic

from cosim import engine
from cosim.errors import CosimError, ScenarioError
from cosim.indicators import COLUMNS, column
from cosim.mechanisms import MECHANISMS
from cosim.mechanisms.levers import begin
from cosim.scenario import load
from cosim.state import NEVER
from cosim.testing import changed, check_mechanism, check_state

FILE = """
[time]
start = "2010-01"
end = "2010-12"
[territory]
code = "synthetic"
[model]
modules = ["tired.py"]
"""


def finished(ready, seed=1, replicate=0, **options):
    run = engine.Run(ready, seed, replicate, **options)
    while not run.done:
        run.step()
    return run


def same(a, b):
    """Which arrays of two states differ, apart from room for alliances."""
    n = int(max(a.territory.n_alliances, b.territory.n_alliances))
    return changed(
        a._replace(alliances=a.alliances[:n], journal=a.journal[:0]),
        b._replace(alliances=b.alliances[:n], journal=b.journal[:0]),
    )


@pytest.mark.parametrize("replicate", [0, 3])
def test_a_run_by_steps_and_a_compiled_run_are_bit_identical(everything, replicate):
    run = finished(everything, seed=5, replicate=replicate)
    out, state = engine.replicate(everything, 5, replicate)
    assert out.tobytes() == run.out.tobytes()
    assert same(run.state, state) == []


def test_a_run_mechanism_by_mechanism_is_bit_identical_too(everything):
    """The path of a schedule with somebody's own rule."""
    run = engine.Run(everything, seed=5)
    rules = [MECHANISMS[name].rule() for name in everything.schedule.names]
    while not run.done:
        run.state = engine.room(run.state)
        begin(run.state, everything.params, run.month)
        for rule in rules:
            rule(run.state, everything.params, run.month, run.key)
        engine.measured(everything, run.state, run.month, run.out)
        run.month += 1
    assert run.out.tobytes() == finished(everything, seed=5).out.tobytes()


def test_a_journal_changes_nothing(everything):
    noted, plain = finished(everything, journal=True), finished(everything)
    assert noted.out.tobytes() == plain.out.tobytes()
    assert set(same(noted.state, plain.state)) <= {"territory.n_events", "territory.journal"}
    assert 0 < noted.state.territory.n_events <= len(noted.state.journal)


def test_one_and_two_threads_give_the_same_in_the_same_order(everything):
    def take(workers):
        return list(engine.replicates(everything, range(2, 8), 9, workers, keep=people))

    def people(number, state):
        return number, state.actors.commitment.tobytes()

    one, two = take(1), take(2)
    assert [number for number, _, _ in two] == list(range(2, 8))
    for (_, a, kept_a), (_, b, kept_b) in zip(one, two, strict=True):
        assert a.tobytes() == b.tobytes() and kept_a == kept_b
    assert len({kept for _, _, kept in one}) == 6  # each replicate has its own luck


def test_progress_counts_every_replicate(plain):
    for workers in (1, 2):
        seen = []
        list(engine.replicates(plain, range(3), 1, workers, progress=seen.append))
        assert seen == [1, 2, 3]


def test_seed_and_replicate_are_two_different_lucks(plain):
    first = engine.replicate(plain, 1, 2)[0]
    assert first.tobytes() == engine.replicate(plain, 1, 2)[0].tobytes()
    assert first.tobytes() != engine.replicate(plain, 2, 1)[0].tobytes()


def test_a_run_says_when_the_scenario_is_over(plain):
    run = finished(plain)
    with pytest.raises(CosimError, match="over"):
        run.step()


def test_alliances_beyond_the_rows_set_aside_find_room():
    ready = engine.plan(scenario(months=60, parameters={**BUSY, "hazard": 0.3, "join_base": -1.0}))
    run = engine.Run(ready)
    few = int(run.state.territory.n_alliances) + len(run.state.actors) + 65
    run.state = run.state._replace(alliances=run.state.alliances[:few])
    while not run.done:
        run.step()
    assert len(run.state.alliances) > few
    assert run.out.tobytes() == engine.replicate(ready, 1, 0)[0].tobytes()


def test_every_column_is_finite_and_the_first_month_is_measured(everything):
    out, _ = engine.replicate(everything, 1, 0)
    assert out.shape == (36, len(COLUMNS))
    assert np.isfinite(out).all() and (out >= 0).all()
    assert (out[:, column("actors")] > 50).all()


def test_the_schedule_is_printed_in_order():
    text = str(engine.schedule(scenario()))
    assert [line.split()[1] for line in text.splitlines()] == list(MECHANISMS)
    assert text.splitlines()[0].startswith(" 1. context") and "Contexte — Le monde bouge" in text
    shorter = engine.schedule(scenario(model={"without": ["trust", "outcomes"]}))
    assert shorter.names == tuple(n for n in MECHANISMS if n not in ("trust", "outcomes"))


def own(folder, lines, rule=RULE):
    (folder / "tired.py").write_text(rule)
    (folder / "mine.toml").write_text(FILE + lines)
    return load(folder / "mine.toml")


def test_a_researcher_s_rule_beside_the_scenario_runs_and_changes_what_it_says(tmp_path):
    mine = own(tmp_path, 'after = { commitment = ["tired"] }\n')
    assert len(RULE.splitlines()) <= 10
    ready = engine.plan(mine)
    names = list(MECHANISMS)
    names.insert(names.index("commitment") + 1, "tired")
    assert ready.schedule.names == tuple(names) and ready.schedule.own
    assert "tired          tired — Tout le monde se fatigue." in str(ready.schedule)
    ours = engine.plan(mine.with_(**{"model": None}))
    out, reference = engine.replicate(ready, 1, 0)[0], engine.replicate(ours, 1, 0)[0]
    c = column("commitment")
    assert (out[:, c] < reference[:, c]).all()
    assert out[-1, c] < 0.8 * reference[-1, c]
    degree = column("degree")  # it touches nobody's contacts: same luck
    assert abs(out[0, degree] - reference[0, degree]) == 0.0
    assert out.tobytes() == finished(ready).out.tobytes()
    check_mechanism(ready.schedule.mechanisms[names.index("tired")], steps=(6,),
                    instead_of="commitment")  # fmt: skip


def test_a_researcher_s_rule_can_take_the_place_of_ours(tmp_path):
    ready = engine.plan(own(tmp_path, 'replace = { commitment = "tired" }\n'))
    assert ready.schedule.names[4] == "tired" and "commitment" not in ready.schedule.names
    state = ready.state(1, 0)
    expected = state.actors.commitment * (1.0 - 0.05 / (1.0 + state.actors.load))
    ready.schedule.mechanisms[4].rule()(state, ready.params, 0, np.uint64(1))
    assert np.array_equal(state.actors.commitment, expected)


def test_threads_agree_with_a_researcher_s_rule(tmp_path):
    ready = engine.plan(own(tmp_path, 'after = { life = ["tired"] }\n'))
    one, two = (list(engine.replicates(ready, range(4), 1, w)) for w in (1, 2))
    assert all(a[1].tobytes() == b[1].tobytes() for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize(
    ("lines", "rule", "message"),
    [
        ('replace = { trust = "tred" }\n', RULE, r"no module defines this rule.*mean 'tired'"),
        ("", "x = 1\n", "defines no rule"),
        ("", "import nothing_of_the_kind\n", "does not import: ModuleNotFoundError"),
        ("", "def f(:\n", "does not import: SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_used_is_named(tmp_path, lines, rule, message):
    mine = own(tmp_path, lines, rule)
    with pytest.raises(ScenarioError, match=message):
        engine.schedule(mine)


def test_a_missing_module_is_named(tmp_path):
    mine = own(tmp_path, "")
    (tmp_path / "tired.py").unlink()
    with pytest.raises(CosimError, match=r"tired\.py"):
        engine.schedule(mine)


def test_a_plan_for_another_scenario_keeps_the_territory_when_it_is_the_same(plain):
    again = engine.with_scenario(plain, plain.scenario.with_(**{"catalysis.fte": 1}))
    assert again.place is plain.place
    other = plain.scenario.with_(territory=synthetic(4, 2000, number=2))
    assert engine.with_scenario(plain, other).place is not plain.place


@pytest.mark.parametrize("name", MECHANISMS)
def test_each_mechanism_can_be_switched_off_for_years_with_every_metier_on(name):
    ready = engine.plan(
        scenario(
            months=60,
            catalysis={"fte": 3.0},
            parameters={**BUSY, "experiments_per_fte": 6.0},
            context={"elections": ["2011-03"]},
            model={"without": [name]},
        )
    )
    assert name not in ready.schedule.names
    run = engine.Run(ready)
    while not run.done:
        run.step()
        check_state(run.state, run.month - 1)


def test_the_three_drivers_are_bit_identical(everything):
    """Mesa's model, the run with its journal, the ensemble."""
    import cosim

    model = cosim.CoSimModel(everything.scenario, rng=5, replicate=2)
    model.run_model()
    result = cosim.run(everything.scenario, seed=5, replicate=2)
    ensemble = cosim.ensemble(everything.scenario, replicates=3, seed=5, workers=2)
    expected = finished(everything, 5, 2).out
    assert model.run.out.tobytes() == expected.tobytes()
    assert np.array_equal(ensemble.values[2], expected)
    series = result.series.query("indicator == 'alliances' and group == ''").value.to_numpy()
    assert np.array_equal(series, expected[:, column("alliances")])


COMPILED = '''"""Élus tire: the same rule as one would write for the package."""
import cosim
from cosim.state import ELU
from cosim.streams import CUSTOM, uniform

@cosim.kernel
def _tired(state, params, month, key):
    actors = state.actors
    for i in state.order:
        if actors.alive[i] and actors.kind[i] == ELU:
            u = uniform(key, CUSTOM, actors.id[i], month, 0)
            actors.commitment[i] *= 1.0 - RATE * u

tired = cosim.mechanism("tired", writes=("actors.commitment",))(_tired)
'''


def test_a_compiled_rule_of_a_researcher_runs_and_a_changed_file_is_another_rule(tmp_path):
    means = []
    for rate in ("0.0", "0.2", "0.9"):
        rule = COMPILED.replace("RATE", rate)
        ready = engine.plan(own(tmp_path, 'after = { commitment = ["tired"] }\n', rule))
        (mine,) = [m for m in ready.schedule.mechanisms if m.name == "tired"]
        check_mechanism(mine, steps=(6,), instead_of="commitment")
        means.append(engine.replicate(ready, 1, 0)[0][-1, column("commitment", "elu")])
    assert means[0] > means[1] > means[2]
    ours = engine.plan(ready.scenario.with_(model=None))
    assert engine.replicate(ours, 1, 0)[0][-1, column("commitment", "elu")] == means[0]


def test_forgetting_ended_alliances_changes_no_indicator_and_nobody_s_living_ones(
    everything, monkeypatch
):
    monkeypatch.setattr(engine, "MEMORY", 5)
    whole, state = engine.replicate(everything, 5, 1)
    out, rest = engine.replicate(everything, 5, 1, forget=True)
    assert out.tobytes() == whole.tobytes()
    n, left = int(state.territory.n_alliances), int(rest.territory.n_alliances)
    living = state.alliances.ended[:n] == NEVER
    assert living.sum() <= left < n
    still = rest.alliances.ended[:left] == NEVER
    assert np.array_equal(state.alliances.id[:n][living], rest.alliances.id[:left][still])
    check_state(rest, everything.n_steps - 1)


# -- the State as compiled code receives it ------------------------------------------------------


def test_compiled_code_reads_and_writes_the_arrays_of_a_state_themselves(plain):
    state = plain.state(1, 0)
    before = state.actors.commitment.copy()
    plain.schedule.mechanisms[4].rule()(state, plain.params, 0, np.uint64(1))
    assert (state.actors.commitment != before).any()
    other = state._replace(actors=state.actors.copy())
    other.actors.commitment[:] = 0.25
    plain.schedule.mechanisms[4].rule()(other, plain.params, 0, np.uint64(1))
    assert (other.actors.commitment[other.actors.alive] > 0.24).all()


@pytest.mark.parametrize("field", ["actors", "order"])
def test_a_state_of_somebody_s_making_is_refused_when_its_arrays_are_not_what_they_should(
    plain, field
):
    state = plain.state(1, 0)
    rule = plain.schedule.mechanisms[4].rule()
    array = getattr(state, field)
    spread = array[::2] if field == "actors" else np.repeat(array, 2)[::2]
    with pytest.raises(TypeError, match="is not contiguous"):
        rule(state._replace(**{field: spread}), plain.params, 0, np.uint64(1))
    with pytest.raises((TypeError, AttributeError)):
        rule(
            state._replace(**{field: np.zeros(len(array), np.int8)}), plain.params, 0, np.uint64(1)
        )
    rule(state, plain.params, 0, np.uint64(1))


def test_calling_compiled_code_holds_on_to_no_array(plain):
    state = plain.state(1, 0)
    rule = plain.schedule.mechanisms[4].rule()
    counts = [sys.getrefcount(part) for part in state]
    for _ in range(50):
        rule(state, plain.params, 0, np.uint64(1))
    assert [sys.getrefcount(part) for part in state] == counts
