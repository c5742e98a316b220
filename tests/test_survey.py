"""A panel of real territories is asked what France was asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cosim import engine, territory
from cosim.calibration import study, survey
from cosim.calibration.survey import PanelRun, panel
from cosim.errors import CosimError
from cosim.parameters import PARAMETERS


@pytest.fixture(scope="module")
def surveyed() -> PanelRun:
    run = survey.simulate({}, 1, 0)
    assert isinstance(run, PanelRun)
    return run


def test_the_panel_stands_for_every_councillor_of_france() -> None:
    told = sum(row.actors["elu"] * row.place.councillors.sum() for row in panel())
    assert told == pytest.approx(sum(place.councillors.sum() for place in territory.every()))
    assert sum(row.stands_for for row in panel()) == len(territory.every())


def test_each_stratum_holds_the_same_population_and_they_go_from_small_to_large() -> None:
    sizes = [row.place.inhabitants for row in panel()]
    assert sizes == sorted(sizes) and len(set(sizes)) == survey.STRATA
    assert panel()[0].stands_for > 50 * panel()[-1].stands_for


def test_no_territory_of_the_panel_costs_more_than_its_share() -> None:
    for ready in survey.ready().plans:
        assert len(ready.template.actors) < 1.4 * survey.ACTORS


def test_counts_are_those_of_france(surveyed: PanelRun) -> None:
    councillors = sum(place.councillors.sum() for place in territory.every())
    assert surveyed.series("actors", "elu")[0] == pytest.approx(councillors, rel=0.1)
    kinds = sum(surveyed.series("actors", k)[0] for k in ("elu", "association", "company"))
    assert kinds < surveyed.series("actors")[0] < 1.2 * kinds


def test_a_share_is_the_mean_of_the_strata_by_whom_they_hold(surveyed: PanelRun) -> None:
    shares = np.array([run.series("convinced", "elu") for run in surveyed.runs])
    weights = np.array([row.actors["elu"] * row.place.councillors.sum() for row in panel()])
    expected = (weights[:, None] * shares).sum(axis=0) / weights.sum()
    assert surveyed.series("convinced", "elu") == pytest.approx(expected)
    assert shares.min() < expected[40] < shares.max()


def test_a_share_among_the_engaged_weighs_the_engaged(surveyed: PanelRun) -> None:
    local = np.array([run.series("engaged_local", "company") for run in surveyed.runs])
    engaged = np.array([run.series("engaged", "company") for run in surveyed.runs])
    flat = surveyed.series("engaged_local", "company")
    places = np.array([row.place.population / 1000.0 for row in panel()], dtype=object)
    held = np.array([row.actors["company"] * (place**1.24).sum()
                     for row, place in zip(panel(), places, strict=True)])[:, None]  # fmt: skip
    assert flat == pytest.approx((held * engaged * local).sum(0) / (held * engaged).sum(0))


def test_every_alliance_weighs_what_it_stands_for(surveyed: PanelRun) -> None:
    rows = surveyed.alliances()
    living = rows["weight"][rows["ended"] < 0].sum()
    assert living == pytest.approx(surveyed.series("alliances")[-1], rel=0.15)
    assert len(np.unique(rows["weight"])) == survey.STRATA


def test_what_calibration_moves_changes_neither_seats_nor_calendar_nor_start() -> None:
    ready = survey.ready("survey-supported").plans[0]
    free = {n: row.high for n, row in PARAMETERS.items() if row.prior is not None}
    quick = survey.with_parameters(ready, free)
    slow = engine.plan(ready.scenario.with_(parameters=free))
    assert np.array_equal(quick.engaged, slow.engaged)
    for table in ("actors", "calendar", "communes", "places", "proposals"):
        one, two = getattr(quick.template, table), getattr(slow.template, table)
        for name in one.dtype.names:
            assert np.array_equal(one[name], two[name]), (table, name)
    assert np.array_equal(quick.template.beta, slow.template.beta)
    out, _ = engine.replicate(quick, 1, 3)
    again, _ = engine.replicate(slow, 1, 3)
    assert np.array_equal(out, again)


def test_a_parameter_of_the_start_is_not_lost_either() -> None:
    ready = survey.ready("survey-supported").plans[0]
    changed = survey.with_parameters(ready, {"engaged_elu": 0.5})
    assert changed.engaged[0] == 0.5 != ready.engaged[0]


def test_under_support_the_reference_territory_is_asked_several_times() -> None:
    run = survey.simulate({}, 1, 0, survey.ready("survey-supported"))
    assert isinstance(run, PanelRun)
    assert len({one.plan.place.code for one in run.runs}) == 1 < len(run.runs)
    first, second = (one.series("alliances") for one in run.runs[:2])
    assert not np.array_equal(first, second)
    assert run.series("supported").max() > 0.2
    assert np.all(survey.simulate({}, 1, 0).series("supported") == 0.0)
    each = np.mean([one.series("alliances") for one in run.runs], axis=0)
    assert run.series("alliances") == pytest.approx(each)
    shares = np.mean([one.series("convinced", "elu") for one in run.runs], axis=0)
    assert run.series("convinced", "elu") == pytest.approx(shares)


def test_a_survey_goes_on_as_long_as_it_is_asked_to() -> None:
    assert survey.scenarios(until="2018-06")[0].time.end == "2018-06"


@pytest.mark.parametrize(
    ("name", "rules", "near"),
    [("survy", "default", "survey"), ("survey", "trust-bta", "trust-beta")],
)
def test_an_unknown_survey_or_rule_names_the_nearest(name: str, rules: str, near: str) -> None:
    with pytest.raises(CosimError) as error:
        survey.scenarios(name, rules)
    assert error.value.nearest == near


def test_all_ten_targets_are_asked_and_two_starts() -> None:
    asked = study.targets()
    codes = {target.id.split()[0] for target in asked}
    assert codes == {f"C{k}" for k in range(1, 11)} | {"start"}
    assert len(asked) == 16
    assert [t.scenario for t in asked if t.id == "C8"] == ["survey-supported"]
    assert all(target.low < target.value < target.high for target in asked)


def test_a_start_may_err_by_as_much_as_a_change() -> None:
    for target in study.targets():
        if target.id.startswith("start"):
            assert target.high - target.value == pytest.approx(target.value - target.low)
            assert target.high - target.value >= 0.05 - 1e-12


def test_a_simulated_survey_does_not_depend_on_the_order_of_the_asking() -> None:
    simulate = study.simulator()
    first = simulate({"learning": 0.08}, 5)
    simulate({"learning": 0.05}, 6)
    assert np.array_equal(first, simulate({"learning": 0.08}, 5), equal_nan=True)
    assert not np.array_equal(first, simulate({"learning": 0.08}, 7), equal_nan=True)


def test_a_target_that_a_run_without_a_mechanism_does_not_have_is_nan() -> None:
    without = study.simulator(without=("formation",))({}, 1)
    ids = [target.id for target in study.targets()]
    assert np.isnan(without[ids.index("C9")])
    assert np.isfinite(without[ids.index("C1 2016-11")])


def test_the_signature_of_stored_runs_leaves_free_defaults_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = study.signature()
    moved = dict(PARAMETERS)
    moved["learning"] = replace(PARAMETERS["learning"], default=0.05)
    monkeypatch.setattr(study, "PARAMETERS", moved)
    assert study.signature() == before
    moved["gathering"] = replace(PARAMETERS["gathering"], default=0.2)
    assert study.signature() != before
