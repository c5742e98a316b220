"""Each métier, alone, moves what it should and leaves the channels of the others untouched."""

import numpy as np
import pytest
from conftest import BUSY, METIERS, only, scenario

from cosim import engine
from cosim.indicators import column
from cosim.state import (
    CATALYSEUR,
    DIALOGUE,
    DIALOGUE_BORN,
    EXPERIMENT,
    NOBODY,
    PLACE,
    PLACE_BORN,
    copy,
)
from cosim.testing import contact_slots

MONTHS, START, REPLICATES = 36, 6, 12
TRACES = ("dialogue ties", "groups", "accompanied", "supported", "regulars", "place ties",
          "sessions", "alliances of dialogue", "alliances of places")  # fmt: skip
CHANNEL = {
    "dialogue": {"dialogue ties", "sessions", "alliances of dialogue"},
    "experimentation": {"groups"},
    "accompagnement": {"accompanied", "supported"},
    "lieu": {"regulars", "place ties", "alliances of places"},
    "nobody": set(),
}


def traces(state, seen):
    """Add to `seen` how often each channel has left a trace."""
    actors = state.actors
    slots = contact_slots(state)[1]
    origin = state.alliances.origin[: state.territory.n_alliances]
    found = (
        (state.ties.marks[slots] & DIALOGUE_BORN > 0).sum(),
        (origin == EXPERIMENT).sum(),
        (actors.coach != NOBODY).sum(),
        (actors.support > 0).sum(),
        (actors.place != NOBODY).sum(),
        (state.ties.marks[slots] & PLACE_BORN > 0).sum(),
        0,
        (origin == DIALOGUE).sum(),
        (origin == PLACE).sum(),
    )
    for name, count in zip(TRACES, found, strict=True):
        seen[name] = seen.get(name, 0) + int(count)


def lived(ready, replicate):
    """Return (indicators, final state, traces, who has been accompanied) of one replicate."""
    run = engine.Run(ready, 1, replicate)
    seen = {}
    coached = np.zeros(len(run.state.actors), dtype=bool)
    rules = [m.rule() for m in ready.schedule.mechanisms]
    while not run.done:
        run.state = engine.room(run.state)
        run.state.territory.flow[:] = 0.0
        for k, rule in enumerate(rules):
            rule(run.state, ready.params, run.month, run.key)
            if k == 1:  # after Catalyse, before commitment reads the sessions
                seen["sessions"] = seen.get("sessions", 0) + int(run.state.actors.sessions.sum())
        engine.measured(ready, run.state, run.month, run.out)
        run.month += 1
        coached |= run.state.actors.coach != NOBODY
        traces(run.state, seen)
    return run.out, run.state, seen, coached


@pytest.fixture(scope="module")
def worlds():
    made = {}
    for name in (*METIERS, "nobody"):
        fte = 0.0 if name == "nobody" else 2.0
        mix = only(name) if fte else only("dialogue")
        ready = engine.plan(
            scenario(
                months=MONTHS,
                catalysis={"fte": fte, "start": "2010-07", "mix": mix},
                parameters=BUSY,
                context={"elections": []},
            )
        )
        made[name] = [lived(ready, r) for r in range(REPLICATES)]
    return made


def gain(worlds, metier, indicator, group=""):
    """Mean paired difference with nobody over the last year, and its standard error."""
    c = column(indicator, group)
    difference = [
        (with_[0][-12:, c] - without[0][-12:, c]).mean()
        for with_, without in zip(worlds[metier], worlds["nobody"], strict=True)
    ]
    return np.mean(difference), np.std(difference, ddof=1) / np.sqrt(len(difference))


@pytest.mark.parametrize("metier", [*METIERS, "nobody"])
def test_a_metier_leaves_the_traces_of_its_own_channel_and_no_other(worlds, metier):
    seen = {name: sum(world[2][name] for world in worlds[metier]) for name in TRACES}
    assert {name for name, count in seen.items() if count} == CHANNEL[metier]


def test_dialogue_makes_people_of_different_worlds_acquainted(worlds):
    mean, error = gain(worlds, "dialogue", "degree")
    assert mean > 3 * error
    mean, error = gain(worlds, "dialogue", "cross_ties")
    assert mean > 3 * error


def test_experimentation_founds_groups(worlds):
    state = worlds["experimentation"][0][1]
    rows = state.alliances[: state.territory.n_alliances]
    groups = rows[rows.origin == EXPERIMENT]
    assert len(groups) and (groups.born >= START).all() and (groups.outside == NOBODY).all()
    mean, error = gain(worlds, "experimentation", "alliances", "experiment")
    assert mean > 3 * error
    assert gain(worlds, "dialogue", "alliances", "experiment") == (0.0, 0.0)


def test_accompagnement_raises_the_know_how_of_those_it_accompanies(worlds):
    mean, error = gain(worlds, "accompagnement", "supported")
    assert mean > 3 * error and mean > 0.05
    theirs, others = [], []
    for (_, after, _, coached), (_, before, _, _) in zip(
        worlds["accompagnement"], worlds["nobody"], strict=True
    ):
        n = len(before.actors)
        same = after.actors.id[:n] == before.actors.id
        same &= after.actors.alive[:n] & before.actors.alive
        change = after.actors.know_how[:n] - before.actors.know_how
        theirs.append(change[same & coached[:n]].mean())
        others.append(change[same & ~coached[:n]].mean())
    gap = np.array(theirs) - np.array(others)
    assert gap.mean() > 3 * gap.std(ddof=1) / np.sqrt(len(gap))
    assert np.mean(theirs) > 0.03


def test_a_place_ties_its_regulars_and_lets_them_found_alliances(worlds):
    mean, error = gain(worlds, "lieu", "alliances", "place")
    assert mean > 2 * error
    for _, state, _, _ in worlds["lieu"]:
        assert (state.places.count <= state.places.capacity).all()
        assert state.places.count.sum() > 0
    mean, error = gain(worlds, "lieu", "degree")
    assert mean > 3 * error


@pytest.mark.parametrize("metier", METIERS)
def test_before_its_start_and_after_its_end_a_metier_is_not_there(metier):
    ready = engine.plan(
        scenario(
            catalysis={"fte": 2.0, "start": "2010-07", "end": "2011-07", "mix": only(metier)},
            parameters=BUSY,
        )
    )
    run = engine.Run(ready)
    while not run.done:
        run.step()
        actors = run.state.actors
        present = bool(actors.alive[actors.kind == CATALYSEUR].any())
        assert present == (START <= run.month - 1 < START + 12)
        if not present:
            assert (actors.coach == NOBODY).all() and (actors.place == NOBODY).all()
            assert (actors.support == 0).all() and not run.state.places.count.any()


@pytest.mark.parametrize("invitation", ["hubs", "periphery", "complementary"])
def test_who_is_invited_changes_who_meets(invitation):
    """The invited of one session under each policy, against invitations at random."""

    def invited(policy):
        ready = engine.plan(
            scenario(
                catalysis={"fte": 20.0, "invitation": policy, "mix": only("dialogue")},
                parameters={"sessions_per_fte": 12.0},
            )
        )
        state = ready.state(1, 0)
        rules = {m.name: m.rule() for m in ready.schedule.mechanisms}
        rules["context"](state, ready.params, 0, np.uint64(1))
        degree = copy(state).actors.contacts.astype(float)
        rules["catalysis"](state, ready.params, 0, np.uint64(1))
        return np.average(degree, weights=state.actors.sessions)

    random = invited("random")
    if invitation == "hubs":
        assert invited(invitation) > random + 0.3
    elif invitation == "periphery":
        assert invited(invitation) < random - 0.3
    else:
        assert invited(invitation) != random


def test_more_accompanied_by_one_catalyst_means_less_for_each():
    def support(caseload):
        mix = only("accompagnement")
        ready = engine.plan(scenario(catalysis={"fte": 1.0, "caseload": caseload, "mix": mix}))
        run = engine.Run(ready)
        run.step()
        actors = run.state.actors
        assert (actors.coach != NOBODY).sum() <= caseload
        return actors.support.max()

    assert support(5) > support(12) > support(40) > 0
