"""The Mesa model is the engine with agents on top: same numbers, and agents that read and act."""

import copy
import linecache
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import ipyvuetify
import mesa
import numpy as np
import pytest

from cosim import engine
from cosim.agents import Academic, Alliance, Association, Catalyseur, Company, Elu
from cosim.errors import CosimError, ScenarioError
from cosim.indicators import COLUMNS
from cosim.mechanisms import formation
from cosim.model import CoSimModel
from cosim.scenario import Scenario

PAGE = Path(__file__).parents[1] / "docs" / "mesa.md"
SCENARIO = Scenario(
    title="Petit territoire",
    time={"start": "2010-01", "end": "2011-12"},
    territory={"code": "synthetic"},
    catalysis={"fte": 2, "start": "2010-04"},
    context={"elections": ["2010-09"]},
    parameters={"birth_base": -8.0, "encounters": 0.8, "exit_company": 0.02, "birth_company": 0.02},
)


@pytest.fixture
def model():
    return CoSimModel(SCENARIO, rng=3)


def same_state(a, b):
    """Equal to the bit, field by field (bytes between the fields of a record mean nothing)."""
    return all(
        np.asarray(x[name] if name else x).tobytes() == np.asarray(y[name] if name else y).tobytes()
        for x, y in zip(a, b, strict=True)
        for name in x.dtype.names or [""]
    )


def acquainted(model):
    """An élu and an actor of another world who know each other and could found an alliance."""
    for elu in model.agents_by_type[Elu]:
        for other in elu.contacts:
            if isinstance(other, Catalyseur | Elu) or elu.load == elu.capacity:
                continue
            helps = elu.needs & other.solutions or other.needs & elu.solutions
            if (
                helps
                and other.load < other.capacity
                and not set(elu.alliances) & set(other.alliances)
            ):
                return elu, other
    raise AssertionError("the territory is too small for this test")


# -- one step function ------------------------------------------------------------------------


@pytest.mark.parametrize("substeps", [1, 2])
def test_the_model_the_stepped_run_and_the_ensemble_agree_to_the_bit(substeps):
    scenario = SCENARIO.with_(**{"time.substeps": substeps})
    model = CoSimModel(scenario, rng=3, replicate=4)
    model.run_model()
    run = engine.Run(engine.plan(scenario), 3, 4)
    while not run.done:
        run.step()
    out, state = engine.replicate(engine.plan(scenario), 3, 4)
    assert same_state(model.run.state, run.state) and same_state(run.state, state)
    assert model.run.out.tobytes() == run.out.tobytes() == out.tobytes()
    assert len(model.datacollector.get_model_vars_dataframe()) == scenario.n_months


def test_two_models_of_one_process_do_not_mix():
    first, second = CoSimModel(SCENARIO, rng=3), CoSimModel(SCENARIO, rng=4)
    for _ in range(24):
        first.step()
        second.step()
    alone = CoSimModel(SCENARIO, rng=3)
    alone.run_for(24)
    assert same_state(first.run.state, alone.run.state)
    assert not same_state(first.run.state, second.run.state)
    with pytest.raises(CosimError, match="different models"):
        first.agents_by_type[Elu][0].meet(second.agents_by_type[Elu][1])


def test_a_model_ends_with_its_scenario(model):
    assert (model.month, model.time, model.running) == ("", 0, True)
    model.step()
    assert (model.month, model.time) == ("2010-01", 1)
    model.run_model()
    assert (model.month, model.time, model.running) == ("2011-12", 24, False)
    before = engine.copy(model.run.state)
    model.step()
    assert same_state(model.run.state, before) and model.month == "2011-12"


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_made_on_the_way_goes_on_identically(model, duplicate):
    model.run_for(7)
    model.agents_by_type[Elu][0].commitment = 0.9
    twin = duplicate(model)
    assert len(twin.agents) == len(model.agents)
    assert twin.agents_by_type[Elu][0].model is twin
    model.run_model()
    at_seven = copy.deepcopy(twin)
    twin.run_model()
    assert same_state(twin.run.state, model.run.state)
    assert twin.run.out.tobytes() == model.run.out.tobytes()
    assert twin.datacollector.get_model_vars_dataframe().equals(
        model.datacollector.get_model_vars_dataframe()
    )
    assert at_seven.run.month == 7  # and it shares nothing with what went on
    twin.run.state.territory.engines = 77.0
    assert twin.run.state.territory.engines == 77.0 and model.run.state.territory.engines != 77.0


def test_a_pickle_opens_in_another_process(model, tmp_path):
    model.run_for(5)
    (tmp_path / "model").write_bytes(pickle.dumps(model))
    code = (
        "import pickle, sys; m = pickle.load(open(sys.argv[1], 'rb')); m.run_model();"
        "print(m.run.out.tobytes().hex()[-4000:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model")],
        capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    model.run_model()
    assert done.stdout.strip() == model.run.out.tobytes().hex()[-4000:]


# -- agents -----------------------------------------------------------------------------------


def test_there_is_one_agent_for_each_actor_present_at_every_step(model):
    unique = set()
    for _ in range(24):
        model.step()
        actors = model.run.state.actors
        assert {a.actor_id for a in model.agents} == set(actors.id[actors.alive].tolist())
        assert all(a.present and model.actor(a.row) is a for a in model.agents)
        unique |= {a.unique_id for a in model.agents}
    assert len(model.agents_by_type[Catalyseur]) == 2
    assert len(unique) > len(model.agents)  # people have come and gone


def test_a_replaced_elu_is_another_agent(model):
    model.run_for(8)
    before = {elu.row: elu for elu in model.agents_by_type[Elu]}
    model.step()  # September: the election
    after = {elu.row: elu for elu in model.agents_by_type[Elu]}
    changed = [row for row in before if before[row] is not after[row]]
    assert changed and len(before) == len(after)
    for row in changed:
        assert before[row].actor_id != after[row].actor_id
        assert before[row].unique_id != after[row].unique_id
        with pytest.raises(CosimError, match="left its seat"):
            _ = before[row].commitment


def test_agents_show_what_the_arrays_hold(model):
    model.run_for(12)
    actors = model.run.state.actors
    for kind, cls in enumerate((Elu, Association, Company, Academic, Catalyseur)):
        assert len(model.agents_by_type[cls]) == np.sum(actors.alive & (actors.kind == kind))
    for agent in model.agents:
        assert agent.maturity == min(actors.commitment[agent.row], actors.know_how[agent.row])
        assert agent.load == len(agent.alliances) <= agent.capacity
        assert all(agent in alliance.members for alliance in agent.alliances)
        assert all(agent in other.contacts for other in agent.contacts)
        assert agent.coach is None or agent in agent.coach.cases
        assert agent.place is None or agent in agent.place.regulars
        assert len(agent.needs) == len(agent.solutions) == 2
        assert agent.commune in model.place.commune_codes
    assert any(agent.coach for agent in model.agents)
    assert any(agent.place for agent in model.agents)
    assert {"maire", "adjoint", "conseiller"} == set(model.agents_by_type[Elu].get("size_class"))
    living = {a for agent in model.agents for a in agent.alliances}
    assert len(living) == model.indicator("alliances")
    assert {a.end_cause for a in living} == {""} and all(a.ended == "" for a in living)


def test_what_an_agent_writes_the_model_reads(model):
    elu = model.agents_by_type[Elu][0]
    elu.commitment = 0.25
    elu.know_how = 1
    assert model.run.state.actors.commitment[elu.row] == 0.25 == elu.maturity
    for wrong in (-0.01, 1.01, float("nan")):
        with pytest.raises(CosimError, match="from 0 to 1"):
            elu.commitment = wrong
    assert elu.commitment == 0.25
    with pytest.raises(AttributeError):
        elu.maturity = 0.5
    with pytest.raises(AttributeError):
        elu.load = 3
    other = elu.contacts[0]
    back = other.trust_in(elu)
    elu.set_trust(other, 0.75)
    assert elu.trust_in(other) == 0.75 and other.trust_in(elu) == back


def test_agents_meet(model):
    elu = model.agents_by_type[Elu][0]
    stranger = next(
        c for c in model.agents_by_type[Company] if c not in elu.contacts and len(c.contacts) < 20
    )
    with pytest.raises(CosimError, match="not acquainted"):
        elu.set_trust(stranger, 0.5)
    unknown = elu.trust_in(stranger)
    assert elu.meet(stranger)
    assert elu.contacts[-1] is stranger and stranger.contacts[-1] is elu
    assert elu.trust_in(stranger) == unknown == model.params.trust_company
    with pytest.raises(CosimError, match="itself"):
        elu.meet(elu)


def test_agents_found_alliances(model):
    elu, other = acquainted(model)
    alliance = elu.propose_alliance(other, force=True)
    assert isinstance(alliance, Alliance) and alliance.members[:2] == [elu, other]
    assert alliance in elu.alliances and alliance in other.alliances
    assert (alliance.born, alliance.rung, alliance.end_cause) == ("2010-01", "contrat-echange", "")
    assert alliance.domain in (elu.needs & other.solutions) | (other.needs & elu.solutions)
    assert elu.propose_alliance(other, force=True) is None  # one between two at a time
    elus = model.agents_by_type[Elu]
    assert elus[0].propose_alliance(elus[1], force=True) is None  # of one world


def test_a_proposal_succeeds_as_often_as_mechanism_7_says():
    model = CoSimModel(SCENARIO, rng=3)
    actors, params = model.run.state.actors, model.params
    model.agents.set("commitment", 1.0).set("know_how", 1.0)
    expected = founded = variance = 0.0
    for a in model.agents:
        for b in model.agents:
            if a.row >= b.row or isinstance(b, Catalyseur):
                continue
            actors.capacity[:] = 12
            if not formation.eligible(actors, a.row, b.row):
                continue
            a.meet(b)
            p = formation.birth_probability(model.run.state, params, a.row, b.row)
            expected += p
            variance += p * (1 - p)
            founded += a.propose_alliance(b) is not None
    assert founded > 30
    assert abs(founded - expected) < 4 * variance**0.5


def test_alliances_founded_by_agents_never_run_out_of_rows(model):
    n = 0
    pairs = [
        (a, b)
        for a in model.agents
        for b in model.agents
        if type(a) is not type(b) and not isinstance(a, Catalyseur)
    ]
    for a, b in pairs:
        model.run.state.actors.capacity[:] = 12
        n += a.propose_alliance(b, force=True) is not None
    assert n > 100
    model.run_model()
    rows = model.run.state.alliances
    ids = rows.id[: model.run.state.territory.n_alliances]
    assert len(set(ids.tolist())) == len(ids)


def test_a_catalyst_convenes(model):
    model.run_for(4)
    catalyst = model.agents_by_type[Catalyseur][0]
    group = model.agents_by_type[Elu][:4] + model.agents_by_type[Company][:4]
    sessions = model.run.state.actors.sessions.copy()
    ties = sum(len(agent.contacts) for agent in group)
    catalyst.convene(group)
    assert all(agent in catalyst.contacts for agent in group)
    assert all(
        model.run.state.actors.sessions[agent.row] == sessions[agent.row] + 1 for agent in group
    )
    assert sum(len(agent.contacts) for agent in group) > ties + len(group) - 8
    with pytest.raises(CosimError, match="twice"):
        catalyst.convene([group[0], group[0]])
    model.run_model()


def test_acting_is_reproducible():
    def act():
        model = CoSimModel(SCENARIO, rng=3)
        model.run_for(4)
        elu, other = acquainted(model)
        elu.propose_alliance(other)
        model.agents_by_type[Catalyseur][0].convene([elu, other])
        model.run_model()
        return model.run.state

    assert same_state(act(), act())


# -- parameters -------------------------------------------------------------------------------


def test_a_scenario_may_be_an_object_a_document_a_name_or_changes():
    small = {"territory__code": "synthetic", "time__end": "2010-06"}
    wanted = Scenario(
        time={"start": "2010-01", "end": "2010-06"}, territory={"code": "synthetic"},
    )  # fmt: skip
    document = {"time": {"end": "2010-06"}, "territory": {"code": "synthetic"}}
    for model in (CoSimModel(**small), CoSimModel(wanted), CoSimModel(document)):
        assert model.document.digest == wanted.digest
    named = CoSimModel("reference-2010", **small)
    assert named.document.title.startswith("Référence") and named.run.plan.n_steps == 6
    assert CoSimModel(wanted, catalysis__fte=2).document.catalysis.fte == 2
    with pytest.raises(ScenarioError, match="fte"):
        CoSimModel(wanted, catalysis__ftee=2)


def test_solara_viz_resets_to_the_scenario_that_extends_names():
    mesas_own = CoSimModel(SCENARIO).scenario  # what SolaraViz hands over, its own class
    model = CoSimModel(scenario=type(mesas_own)(), extends=SCENARIO, catalysis__fte=1)
    assert model.document.digest == SCENARIO.with_(**{"catalysis.fte": 1}).digest
    with pytest.raises(ScenarioError, match="extends"):
        CoSimModel(scenario=type(mesas_own)(), catalysis__fte=1)


def test_any_seed_of_mesa_is_accepted():
    assert CoSimModel(SCENARIO, rng=np.int64(5)).run.seed == 5
    a, b = (CoSimModel(SCENARIO, rng=np.random.default_rng(5)).run.seed for _ in "ab")
    assert a == b
    assert CoSimModel(SCENARIO, rng=None).run.seed != CoSimModel(SCENARIO, rng=None).run.seed


def test_batch_run_collects_runs_and_changes():
    rows = mesa.batch_run(
        CoSimModel,
        {"scenario": [SCENARIO], "catalysis__fte": [0, 2]},
        rng=[1, 2],
        data_collection_period=1,
        display_progress=False,
    )
    assert len(rows) == 2 * 2 * 24
    last = {(r["rng"], r["catalysis__fte"]): r["alliances"] for r in rows if r["Step"] == 24}
    out, _ = engine.replicate(engine.plan(SCENARIO), 2, 0)
    assert last[2, 2] == out[-1, COLUMNS.index(("alliances", ""))]


def test_indicators_and_results(model):
    assert np.isnan(model.indicator("alliances"))
    model.run_for(3)
    table = model.results()
    assert list(table) == ["replicate", "month", "indicator", "group", "value", "territory"]
    assert len(table) == 3 * len(COLUMNS)
    last = table[(table.indicator == "engaged") & (table.group == "elu")].iloc[-1]
    assert (str(last.month.date()), last.value) == ("2010-03-01", model.indicator("engaged", "elu"))
    reported = model.datacollector.get_model_vars_dataframe()
    assert list(reported.alliances)[-1] == model.indicator("alliances")


# -- the page ---------------------------------------------------------------------------------


def test_every_block_of_the_page_runs_in_order():
    solara = pytest.importorskip("solara")
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) >= 8
    names = {"__name__": "page"}
    for number, block in enumerate(blocks, 1):
        title = f"{PAGE.name}, block {number}"
        linecache.cache[title] = len(block), None, block.splitlines(keepends=True), title
        exec(compile(block, title, "exec"), names)

    made = []

    class Seen(CoSimModel):
        def __init__(self, scenario=None, rng=1, **changes):
            super().__init__(scenario, rng, **changes)
            made.append(self)

    names["CoSimModel"] = Seen
    _, page = solara.render(solara.AppLayout(children=[names["Page"]()]), handle_error=False)
    try:
        assert len(made) == 1
        labels = {slider.label for slider in page.find(ipyvuetify.Slider).widgets}
        assert "catalyseurs (ETP) — catalysts (FTE)" in labels
        buttons = {b.children[0]: b for b in page.find(ipyvuetify.Btn).widgets if b.children}
        buttons["Step"].click()
        assert made[0].month == "2010-01"
        buttons["Reset"].click()
        assert len(made) == 2 and made[1].document == made[0].document
    finally:
        page.close()
