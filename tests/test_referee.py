"""What a referee tries first: the same luck, the time step, the size, the order, the accounts."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import BUSY, METIERS, only, scenario, synthetic

from cosim import engine
from cosim.indicators import COLUMNS, column
from cosim.state import CATALYSEUR, ELU
from cosim.testing import check_state, contact_slots, fields

KINDS = ("", "elu", "association", "company")
SHARES = [column(name, kind) for name in ("convinced", "able", "engaged") for kind in KINDS]
START = 9


def ensemble(ready, replicates, seed=1):
    """Indicators of each replicate: float64[replicates, months, columns]."""
    return np.array([out for _, out, _ in engine.replicates(ready, range(replicates), seed, 2)])


def gap(one, other, columns=SHARES):
    """Largest difference of means in the last year, its column, and its standard error there."""
    a, b = (x[:, -12:, columns].mean(axis=1) for x in (one, other))
    difference = a.mean(axis=0) - b.mean(axis=0)
    worst = int(np.abs(difference).argmax())
    error = np.sqrt((a[:, worst].var(ddof=1) + b[:, worst].var(ddof=1)) / len(a))
    return abs(float(difference[worst])), COLUMNS[columns[worst]], float(error)


# -- the same luck ------------------------------------------------------------------------


@pytest.mark.parametrize("metier", METIERS)
@pytest.mark.parametrize("fte", [0.6, 2.0])
def test_until_support_starts_nothing_is_different(metier, fte):
    tables = {"parameters": BUSY, "context": {"elections": ["2010-05"]}}
    without = engine.plan(scenario(months=18, **tables))
    supported = engine.plan(
        scenario(months=18, catalysis={"fte": fte, "start": "2010-10", "mix": only(metier)},
                 **tables)
    )  # fmt: skip
    one, two = engine.Run(without, 3, 1), engine.Run(supported, 3, 1)
    n = len(one.state.actors)
    for month in range(18):
        one.step()
        two.step()
        if month < START:
            assert_same_people(one.state, two.state, n)
            assert np.array_equal(one.out[month], two.out[month])
    assert not np.array_equal(one.out[START:], two.out[START:])


def assert_same_people(a, b, n):
    """All that concerns the first `n` seats is bit-identical."""
    left, right = dict(fields(a)), dict(fields(b))
    ties, rows = len(a.ties), int(a.territory.n_alliances)
    assert rows == int(b.territory.n_alliances)
    size = {"actors": n, "ties": ties, "alliances": rows}
    for name in left:
        part = name.partition(".")[0]
        if part in size:
            assert left[name][: size[part]].tobytes() == right[name][: size[part]].tobytes(), name
        elif part == "territory" and name != "territory.seats":
            assert left[name].tobytes() == right[name].tobytes(), name


@pytest.mark.parametrize(
    "levers",
    [
        {"catalysis": {"fte": 0.0, "mix": only("lieu"), "invitation": "hubs", "caseload": 40}},
        {"context": {"crises": [{"start": "2010-03", "months": 12, "depth": 0.0}]}},
        {"context": {"elections": ["2008-03", "2044-03"]}},
        {"catalysis": {"fte": 3.0, "start": "2040-01"}},
    ],
    ids=["no time", "no depth", "no vote", "no month"],
)
def test_a_lever_at_zero_changes_nothing(levers):
    base = {"context": {"elections": []}}
    reference = engine.replicate(engine.plan(scenario(**base)), 1, 0)[0]
    out = engine.replicate(engine.plan(scenario(**{**base, **levers})), 1, 0)[0]
    assert np.array_equal(out, reference)


def people(state):
    """Who sits where, and until when."""
    actors = state.actors
    return {name: actors[name].tobytes() for name in ("id", "alive", "leaves", "needs")}


def contacts(state):
    slots = contact_slots(state)[1]
    return {name: state.ties[name][slots].tobytes() for name in ("other", "last", "met", "expiry")}


def test_a_mechanism_that_is_off_shifts_no_draw_of_another():
    """Comings, goings and encounters are the same whatever else is switched off."""
    founding = ("catalysis", "formation", "life", "outcomes")

    def run(*off):
        ready = engine.plan(
            scenario(months=30, model={"without": sorted({*founding, *off})},
                     context={"elections": ["2011-03"]})
        )  # fmt: skip
        return engine.replicate(ready, 2, 0)[1]

    reference = run()
    for off in ("trust", "commitment", "know_how", "recognition"):
        state = run(off)
        assert contacts(state) == contacts(reference), off
        assert people(state) == people(reference), off
    state = run("encounter")
    assert people(state) == people(reference)
    assert contacts(state) != contacts(reference)


def test_recognition_off_changes_only_what_is_seen():
    base = {"parameters": {**BUSY, "visible_success": 0.0}, "months": 30}
    reference = engine.replicate(engine.plan(scenario(**base)), 2, 0)[0]
    off = scenario(**base, model={"without": ["recognition"]})
    out = engine.replicate(engine.plan(off), 2, 0)[0]
    differs = {COLUMNS[k][0] for k in np.flatnonzero((out != reference).any(axis=0))}
    assert differs == {"recognised", "engaged_measured", "alliances_measured", "visible"}


# -- time step, size, order ---------------------------------------------------------------

LONG = {
    "months": 84,
    "place": synthetic(4, 30_000),
    "catalysis": {"fte": 1.0, "start": "2011-01"},
    "context": {"crises": [{"start": "2012-03", "months": 6, "depth": 1.0}]},
}
MANY = 120


@pytest.fixture(scope="module")
def long_run():
    return ensemble(engine.plan(scenario(**LONG)), MANY)


def test_half_the_time_step_moves_no_level_by_two_points(long_run):
    halves = ensemble(engine.plan(scenario(**LONG, time={"substeps": 2})), MANY)
    size, where, error = gap(long_run, halves)
    print(f"substeps 1 v 2: largest gap {100 * size:.2f} points, {where}, s.e. {100 * error:.2f}")
    assert size < 0.02, f"{100 * size:.2f} points on {where} (s.e. {100 * error:.2f})"


def test_what_is_counted_by_month_does_not_depend_on_the_time_step(long_run):
    halves = ensemble(engine.plan(scenario(**LONG, time={"substeps": 2})), 20)
    for name in ("births", "successes", "failures", "endings", "alliances"):
        by_month, by_half = (x[:, -24:, column(name)].mean() for x in (long_run[:20], halves))
        assert abs(by_half / by_month - 1.0) < 0.15, f"{name}: {by_half:.2f} v {by_month:.2f}"


def test_half_the_people_have_the_same_densities(long_run):
    half = ensemble(
        engine.plan(scenario(**{**LONG, "place": synthetic(4, 30_000, sample=0.5)})), MANY
    )
    size, where, error = gap(long_run, half)
    print(f"N v N/2: largest gap {100 * size:.2f} points, {where}, s.e. {100 * error:.2f}")
    assert size < 0.05, f"{100 * size:.2f} points on {where} (s.e. {100 * error:.2f})"
    for name in ("actors", "alliances"):  # brought back to the whole territory
        whole, scaled = (x[:, -12:, column(name)].mean() for x in (long_run, half))
        assert 0.8 < scaled / whole < 1.25, name
    whole, scaled = (x[:, -12:, column("degree")].mean() for x in (long_run, half))
    assert abs(scaled / whole - 1.0) < 0.15


def test_the_order_in_which_actors_are_visited_does_not_matter(long_run):
    """Each world is visited backwards: other luck, the same model."""
    ready = engine.plan(scenario(**LONG))
    order, seats = ready.template.order, ready.template.territory.seats
    for kind in range(ELU, CATALYSEUR):
        order[seats[kind] : seats[kind + 1]] = order[seats[kind] : seats[kind + 1]][::-1].copy()
    backwards = ensemble(replace(ready, template=ready.template), MANY)
    assert not np.array_equal(backwards, long_run)
    size, where, error = gap(long_run, backwards)
    print(f"order: largest gap {100 * size:.2f} points, {where}, s.e. {100 * error:.2f}")
    assert size < max(0.01, 4 * error), f"{100 * size:.2f} points on {where}"


# -- accounts -----------------------------------------------------------------------------


@pytest.mark.parametrize("substeps", [1, 2])
def test_the_accounts_are_right_every_month(everything, substeps):
    ready = engine.plan(everything.scenario.with_(**{"time.substeps": substeps}))
    for replicate in range(3):
        run = engine.Run(ready, 1, replicate)
        living = int((run.state.alliances.cause[: run.state.territory.n_alliances] == 0).sum())
        while not run.done:
            for _ in range(substeps):
                run.step()
                check_state(run.state, run.month - 1)
            flow = run.out[run.month // substeps - 1]
            living += int(flow[column("births")] - flow[column("endings")])
            assert living == flow[column("alliances")]
            parts = sum(
                flow[column("endings", cause)] for cause in ("completed", "failed", "faded")
            )
            assert parts == flow[column("endings")]


def test_shares_stay_shares(everything):
    out = ensemble(everything, 4)
    from cosim.indicators import INDICATORS

    for k, (name, _) in enumerate(COLUMNS):
        if INDICATORS[name].unit == "share" and COLUMNS[k] != ("lever", "total"):
            assert out[:, :, k].min() >= 0.0 and out[:, :, k].max() <= 1.0, COLUMNS[k]
        elif INDICATORS[name].unit == "index":
            assert out[:, :, k].min() >= 0.0 and out[:, :, k].max() <= 100.0, COLUMNS[k]
    for kind in KINDS:
        rungs = [column("rung", f"{kind}/{r}" if kind else str(r)) for r in (1, 2, 3, 4)]
        assert np.allclose(out[:, :, rungs].sum(axis=2), 1.0, atol=1e-12)
    for groups in (("mecenat", "innovation", "cooperation", "responsible"),
                   ("contrat-echange", "contrat-alliance"),
                   ("encounter", "experiment", "dialogue", "place", "seeded")):  # fmt: skip
        parts = out[:, :, [column("alliances", group) for group in groups]].sum(axis=2)
        assert np.array_equal(parts, out[:, :, column("alliances")])


def test_an_election_replaces_the_published_share_of_elus():
    ready = engine.plan(
        scenario(months=4, place=synthetic(30, 60_000), context={"elections": ["2010-03"]},
                 parameters={"burn_in": 0.0})
    )  # fmt: skip
    run = engine.Run(ready)
    actors = run.state.actors
    elus = actors.kind == ELU
    run.step()
    run.step()
    before = actors.id.copy()
    run.step()
    new = actors.id != before
    maires, others = elus & (actors.size_class == 0), elus & (actors.size_class > 0)
    for group, share in ((maires, ready.params.turn_maire), (others, ready.params.turn_councillor)):
        error = np.sqrt(share * (1 - share) / group.sum())
        assert abs(new[group].mean() - share) < 4 * error + 0.005
    assert ((actors.id[new & elus] & np.uint64(1023)) == 1).mean() > 0.95  # some in each month
    assert actors.alive[elus].all()
