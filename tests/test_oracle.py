"""The engine and the second implementation (`tests/reference`) agree after every step.

Same people, same contact lists in the same order, same alliances, same numbers to 1e-12.
The parameters of most cases are pressed to the ends of their ranges, so that lists of contacts
fill up, alliances are born, grow and end, and people come and go within five years.
"""

import pytest
from reference.adapter import from_state
from reference.compare import differences
from reference.rules import SCHEDULE

from cosim import engine
from cosim.scenario import Scenario

SIZES = {
    "small": {"communes": 3, "population": 2000, "number": 1},
    "larger": {"communes": 6, "population": 6000, "number": 2},
}
MONTHS = {"start": "2010-01", "end": "2014-12"}
BUSY = {"birth_base": -8.0, "encounters": 0.8, "tie_loss": 0.03, "hazard": 0.06}
CATALYSIS = {"fte": 2, "start": "2010-07"}  # the ODD's month 6


def only(metier):
    return {name: float(name == metier)
            for name in ("dialogue", "experimentation", "accompagnement", "lieu")}  # fmt: skip


CASES = {
    "default": {},
    "busy": {"parameters": BUSY},
    "dialogue": {"parameters": BUSY, "catalysis": {**CATALYSIS, "mix": only("dialogue")}},
    "experiments": {"parameters": BUSY, "catalysis": {**CATALYSIS, "mix": only("experimentation")}},
    "coaching": {"parameters": BUSY, "catalysis": {**CATALYSIS, "mix": only("accompagnement")}},
    "places": {"parameters": BUSY, "catalysis": {**CATALYSIS, "mix": only("lieu")}},
    "balanced": {"catalysis": CATALYSIS},
    "hubs": {"parameters": BUSY, "catalysis": {**CATALYSIS, "invitation": "hubs"}},
    "periphery": {"parameters": BUSY, "catalysis": {**CATALYSIS, "invitation": "periphery"}},
    "complementary": {
        "parameters": BUSY,
        "catalysis": {**CATALYSIS, "fte": 2.5, "invitation": "complementary"},
    },
    "election": {"parameters": BUSY, "context": {"elections": ["2012-03"], "turnover": 2.0}},
    "crisis": {
        "parameters": BUSY,
        "catalysis": CATALYSIS,
        "context": {"crises": [{"start": "2011-03", "months": 9, "depth": 1.5}], "scissors": 3.0},
    },
    "support that stops": {
        "parameters": BUSY, "catalysis": {**CATALYSIS, "fte": 1.3, "end": "2012-10"},
    },
    "coming and going": {
        "parameters": {**BUSY, "exit_company": 0.07, "exit_association": 0.05,
                       "birth_company": 0.07, "birth_association": 0.08},
        "catalysis": CATALYSIS,
    },
    "full lists of contacts": {
        "parameters": {**BUSY, "tie_loss": 0.01, "join_base": -1.0}, "catalysis": CATALYSIS,
    },
    "two steps a month": {
        "parameters": BUSY, "catalysis": CATALYSIS, "time": {**MONTHS, "substeps": 2},
        "context": {"crises": [{"start": "2011-03", "months": 9, "depth": 0.5}]},
    },
    "without trust and life": {
        "parameters": BUSY, "catalysis": CATALYSIS, "model": {"without": ["trust", "life"]},
    },
}  # fmt: skip


def start(case, size, seed=1, replicate=0):
    place = {"code": "synthetic", "synthetic": SIZES[size]}
    scenario = Scenario(**{"time": MONTHS, "territory": place, **CASES[case]})
    run = engine.Run(engine.plan(scenario), seed, replicate)
    return run, from_state(run.state, run.plan.params, seed, replicate, scenario.model.without)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", CASES)
def test_engine_and_oracle_agree_after_every_step(case, size):
    run, oracle = start(case, size, seed=11, replicate=len(case))
    assert differences(oracle, run.state) == []
    while not run.done:
        run.step()
        oracle.step()
        found = differences(oracle, run.state)
        assert not found, f"step {oracle.t - 1}: {len(found)} differences\n" + "\n".join(found[:20])
    assert oracle.t == run.plan.n_steps


def test_the_comparison_sees_one_changed_number():
    run, oracle = start("busy", "small")
    seat = next(seat for seat in oracle.everybody if seat.contacts)
    seat.commitment += 1e-9
    (first, *others) = differences(oracle, run.state)
    assert first.startswith(f"/actors/{seat!r}/commitment") and not others
    seat.commitment -= 1e-9
    other = next(iter(seat.contacts))
    seat.contacts[other] = seat.contacts.pop(other)
    assert [line.split(":")[0] for line in differences(oracle, run.state)] in (
        [f"/actors/{seat!r}/contact list"],
        [],  # the only contact
    )


@pytest.mark.parametrize("name", ["trust_gain", "third_party", "tie_loss", "hazard", "peers"])
def test_the_comparison_sees_one_changed_rule(name):
    run, oracle = start("busy", "larger")
    setattr(oracle.params, name, getattr(oracle.params, name) * 1.2)
    for _ in range(36):
        run.step()
        oracle.step()
        if differences(oracle, run.state):
            return
    pytest.fail(f"{name} changed by a fifth and nothing shows")


def test_the_schedule_is_the_same():
    run, _ = start("default", "small")
    assert run.plan.schedule.names == tuple(SCHEDULE)
