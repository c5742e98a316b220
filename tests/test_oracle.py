"""The engine and the second implementation (`tests/reference`) agree after every step.

Same people, same contact lists in the same order, same alliances, same numbers to 1e-12.
The parameters of most cases are pressed to the ends of their ranges, so that lists of contacts
fill up, alliances are born, grow and end, and people come and go within five years. Every lever
and every rival rule acts alone in a case, then all of them together.
"""

import pytest
from reference.adapter import from_state
from reference.compare import differences
from reference.rivals import weight
from reference.rules import SCHEDULE

from cosim import engine
from cosim.scenario import Scenario

SIZES = {
    "small": {"communes": 3, "population": 2000, "number": 1},
    "larger": {"communes": 6, "population": 6000, "number": 2},
}
MONTHS = {"start": "2010-01", "end": "2014-12"}
BUSY = {
    "birth_base": -9.0,
    "birth_means": 2.0,
    "encounters": 0.8,
    "tie_loss": 0.03,
    "hazard": 0.06,
}
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

ALWAYS = {"fte": 2.5, "invitation": "complementary"}
EVERY_LEVER = {
    "lieux": {"number": 2, "capacity": 9, "end": "2012-06"},
    "droit": {"strength": 0.8, "start": "2010-04"},
    "ingenierie": {"fte": 0.6, "funds": 150.0},
    "prime": {"amount": 12.0, "yearly_budget": 50.0},
    "donnees": {"organisations": 15.0, "territoires": 1.0, "collectivites": 12.0,
                "institutions": 0.5},
    "outils": {"organisations": 30.0, "territoires": 2.0, "collectivites": 20.0,
               "institutions": 1.0},
    "competences": {"organisations": 60.0, "territoires": 4.0, "collectivites": 50.0,
                    "institutions": 2.0, "budget": 250.0},
    "reconnaissance": {"funds": 10.0, "start": "2011-01"},
    "usine": {"key": "equal", "factor": 20.0, "start": "2010-10"},
}  # fmt: skip
RIVALS = {"maturity": "scalar", "trust": "beta", "imitation": "bounded", "third_party": "warnings"}

#: Each lever and rule alone, then together: three years of the larger territory, busy.
LEVERS = {
    "two public places that close": {
        "lieux": {"number": 2, "capacity": 15, "start": "2010-03", "end": "2012-02"},
    },
    "places of catalysts and public ones": {
        "catalysis": {"fte": 1.4, "mix": only("lieu")}, "lieux": {"number": 2, "capacity": 15},
        "territory": {"profile": "batisseuse"},
    },
    "droit": {"droit": {"strength": 1.0, "start": "2010-06", "end": "2012-06"}},
    "engineers": {"ingenierie": {"fte": 0.7, "end": "2012-07"}},
    "engineers who replace one another": {
        "ingenierie": {"fte": 1.2}, "parameters": {**BUSY, "engineering_term": 7},
    },
    "engineers beside coaches with few cases": {
        "ingenierie": {"fte": 1.0},
        "catalysis": {"fte": 2, "mix": only("accompagnement"), "caseload": 4},
    },
    "funded experiments": {"ingenierie": {"funds": 250.0}},
    "a prime that runs out": {"prime": {"amount": 20.0, "yearly_budget": 50.0}},
    "a prime that lasts": {
        "prime": {"amount": 60.0, "yearly_budget": 5000.0, "start": "2010-05", "end": "2012-04"},
    },
    "a prime for experiments": {
        "prime": {"amount": 25.0, "yearly_budget": 30.0}, "ingenierie": {"funds": 2500.0},
    },
    "data for organisations": {"donnees": {"organisations": 25.0}},
    "data for territories": {"donnees": {"territoires": 2.0}, "catalysis": ALWAYS},
    "data for local authorities": {"donnees": {"collectivites": 20.0, "start": "2010-09"}},
    "data for institutions": {"donnees": {"institutions": 1.0, "budget": 1.7}},
    "tools for organisations": {"outils": {"organisations": 40.0}},
    "tools for territories": {"outils": {"territoires": 3.0}, "catalysis": ALWAYS},
    "tools for local authorities": {"outils": {"collectivites": 30.0, "end": "2012-03"}},
    "tools for institutions": {"outils": {"institutions": 2.0}},
    "skills for organisations": {"competences": {"organisations": 90.0, "budget": 140.0}},
    "skills for territories": {"competences": {"territoires": 6.0}, "catalysis": ALWAYS},
    "skills for local authorities": {"competences": {"collectivites": 70.0}},
    "skills for institutions": {
        "parameters": {**BUSY, "competences_patience": 1.0},
        "competences": {"institutions": 60.0},
    },
    "recognition": {"reconnaissance": {"funds": 12.0, "end": "2012-09"}},
    "usine, equal shares": {"usine": {"key": "equal", "factor": 30.0, "start": "2010-04"}},
    "usine, shares of the population": {"usine": {"key": "population", "factor": 500.0}},
    "support that starts again": {
        "catalysis": {**CATALYSIS, "end": "2011-05", "restart": "2012-01"},
    },
    "small first steps": {
        "catalysis": {"fte": 4, "mix": only("experimentation"), "first_step": "small"},
    },
    "large first steps": {
        "catalysis": {"fte": 4, "mix": only("experimentation"), "first_step": "large"},
    },
    "matching from solutions": {
        "catalysis": {"fte": 4, "mix": only("experimentation"), "matching": "solutions"},
    },
    **{
        f"{rule} {choice}{', with catalysts' if catalysis else ''}": {
            "rules": {rule: choice}, "catalysis": catalysis, "context": {"elections": ["2011-03"]},
        }
        for catalysis in ({}, ALWAYS)
        for rule, choice in [("maturity", "scalar"), ("trust", "beta"), ("trust", "confirmatory"),
                             ("imitation", "bounded"), ("third_party", "off"),
                             ("third_party", "warnings")]
    },
    "every lever": {**EVERY_LEVER, "catalysis": ALWAYS},
    "every lever and rival rule": {
        **EVERY_LEVER, "catalysis": {**ALWAYS, "first_step": "small"}, "rules": RIVALS,
    },
    "every lever, trust that confirms": {
        **EVERY_LEVER, "catalysis": {**ALWAYS, "matching": "solutions"},
        "rules": {"trust": "confirmatory", "third_party": "off"},
        "parameters": {**BUSY, "trust_gain": 0.2, "trust_asymmetry": 5.0},
    },
    "every lever, two steps a month": {
        **EVERY_LEVER, "catalysis": ALWAYS,
        "time": {"start": "2010-01", "end": "2011-12", "substeps": 2},
    },
    "every lever, half of the actors": {
        **EVERY_LEVER, "catalysis": ALWAYS, "territory": {"sample": 0.5},
    },
    "one profile and three domains": {
        "catalysis": ALWAYS, "donnees": {"organisations": 25.0},
        "territory": {"profile": "gestionnaire", "domains": ["faim", "emploi", "paix"],
                      "fragility": {"faim": 90.0, "paix": 5.0}},
    },
}  # fmt: skip


def start(case, size, seed=1, replicate=0):
    if case in CASES:
        tables = {"time": MONTHS, **CASES[case]}
    else:
        tables = {"time": {**MONTHS, "end": "2012-12"}, "parameters": BUSY, **LEVERS[case]}
    place = {"code": "synthetic", "synthetic": SIZES[size], **tables.get("territory", {})}
    scenario = Scenario(**{**tables, "territory": place})
    run = engine.Run(engine.plan(scenario), seed, replicate)
    return run, from_state(run.state, run.plan.params, seed, replicate, scenario.model.without)


def agree_after_every_step(case, size):
    run, oracle = start(case, size, seed=11, replicate=len(case))
    assert differences(oracle, run.state) == []
    while not run.done:
        run.step()
        oracle.step()
        found = differences(oracle, run.state)
        assert not found, f"step {oracle.t - 1}: {len(found)} differences\n" + "\n".join(found[:20])
    assert oracle.t == run.plan.n_steps


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", CASES)
def test_engine_and_oracle_agree_after_every_step(case, size):
    agree_after_every_step(case, size)


@pytest.mark.parametrize("case", LEVERS)
def test_engine_and_oracle_agree_on_levers_and_rival_rules(case):
    agree_after_every_step(case, "larger")


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


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("profile_affinity", "places of catalysts and public ones"),
        ("profile_affinity", "skills for territories"),
        ("donnees_reach", "data for organisations"),
        ("donnees_push", "data for local authorities"),
        ("donnees_candidates", "data for territories"),
        ("donnees_recognise", "data for institutions"),
        ("outils_reach", "tools for organisations"),
        ("outils_ease", "tools for local authorities"),
        ("outils_actions", "tools for territories"),
        ("outils_means", "tools for institutions"),
        ("competences_reach", "skills for local authorities"),
        ("competences_training", "skills for organisations"),
        ("competences_coaching", "skills for territories"),
        ("competences_patience", "skills for institutions"),
        ("droit_barrier", "droit"),
        ("droit_failure", "droit"),
        ("prime_birth", "a prime that lasts"),
        ("prime_scale", "a prime that runs out"),
        ("alliances_per_engineer", "engineers"),
        ("engineering_term", "engineers"),
        ("trial_cost", "funded experiments"),
        ("cases_per_k_euro", "recognition"),
        ("trust_memory", "trust beta"),
        ("confidence_width", "imitation bounded"),
    ],
)
def test_the_comparison_sees_one_changed_coefficient_of_a_lever_or_rival_rule(name, case):
    run, oracle = start(case, "larger")
    setattr(oracle.params, name, getattr(oracle.params, name) * 0.6)
    while not run.done:
        run.step()
        oracle.step()
        if differences(oracle, run.state):
            return
    pytest.fail(f"{name} changed by two fifths and nothing shows")


def test_trust_before_the_first_result_weighs_as_many_successes_as_would_give_it():
    run, oracle = start("trust beta", "larger")
    assert not differences(oracle, run.state)
    entries = [(j, entry) for i in oracle.everybody for j, entry in i.contacts.items()]
    for other, entry in entries:
        assert entry.evidence == pytest.approx(weight(entry.trust, oracle.tau(other.kind)))
    assert any(entry.evidence > 1.0 for _, entry in entries)  # seeded alliances
    outside = [a for a in oracle.alliances if a.outside is not None]
    for a in outside:
        assert a.outside_evidence == pytest.approx(weight(a.outside_trust, oracle.tau(a.outside)))
    assert outside


def test_actors_start_with_one_level_where_maturity_is_scalar():
    _, two = start("busy", "larger")
    _, one = start("maturity scalar", "larger")
    assert any(seat.commitment != seat.know_how for seat in two.everybody)
    for usual, scalar in zip(two.everybody, one.everybody, strict=True):
        if usual.alive:
            mean = (usual.commitment + usual.know_how) / 2
            assert scalar.commitment == scalar.know_how == pytest.approx(mean)


def test_the_schedule_is_the_same():
    run, _ = start("default", "small")
    assert run.plan.schedule.names == tuple(SCHEDULE)
