"""Levers to scenario to bytes, without a screen: what the page computes, and what it refuses."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from conftest import scenario as tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim import scenario as documents
from cosim.dashboard import compute, levers
from cosim.dashboard.levers import DEFAULT, RANGES, Levers

COMMUNE_OF_DEFAULT = "01305"  # Pont-de-Vaux, CC Bresse et Saône


@pytest.fixture(scope="module")
def pair():
    """A reference without catalysts and a what-if, small enough for 100 replicates."""
    return tiny(months=12), tiny(months=12, catalysis={"fte": 2.0})


@pytest.fixture(scope="module")
def stages(pair):
    return list(compute.effects(*pair, cache=compute.Cache()))


# -- levers and address -------------------------------------------------------------------


def test_the_address_restores_the_page():
    state = Levers("200057941", 3.5, 2025, 20, 0.5, "lieu", "engaged")
    assert levers.from_query(levers.to_query(state)) == (state, "")


def test_an_empty_address_is_the_usual_page():
    assert levers.from_query("") == (DEFAULT, "")


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e400", "-1", "13", "deux", ""])
def test_nonsense_in_the_address_is_refused_in_words(text):
    state, message = levers.from_query(f"etp={text}")
    assert state == DEFAULT
    assert "etp" in message and "de 0 à 12" in message


@pytest.mark.parametrize("key", ["modules", "extends", "model.modules", "x", "catalysis.fte"])
def test_keys_that_are_no_lever_are_refused(key):
    state, message = levers.from_query(f"{key}=../../etc/passwd&etp=3")
    assert state == replace(DEFAULT, fte=3.0)  # what is understood is kept
    assert key in message


@pytest.mark.parametrize("code", ["999999999", "synthetic", "../x", ""])
def test_an_unknown_territory_is_refused(code):
    state, message = levers.from_query(f"territoire={code}")
    assert state.code == DEFAULT.code and "territoire" in message


def test_a_commune_leads_to_its_territory():
    state, message = levers.from_query(f"territoire={COMMUNE_OF_DEFAULT}")
    assert (state.code, message) == (DEFAULT.code, "")


def test_an_endless_address_is_cut_or_refused():
    state, message = levers.from_query("&".join(f"a{k}=1" for k in range(5000)))
    assert state == DEFAULT and len(message) < 3000


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["", "etp=", "territoire=", "courbe=", "a=1&etp="]))
def test_no_address_breaks_the_page(text, start):
    state, message = levers.from_query(start + text)
    assert levers.from_query(levers.to_query(state)) == (state, "")
    assert isinstance(message, str)


@pytest.mark.parametrize("name", list(RANGES))
@pytest.mark.parametrize("value", [0.3, 2.26, 7.7, 2023.4])
def test_a_slider_stays_on_its_steps(name, value):
    r = RANGES[name]
    steps = (getattr(levers.with_value(DEFAULT, name, value), name) - r.low) / r.step
    assert steps == pytest.approx(round(steps))


@pytest.mark.parametrize("name", list(RANGES))
def test_a_slider_stays_within_its_bounds(name):
    r = RANGES[name]
    assert getattr(levers.with_value(DEFAULT, name, 1e9), name) == r.high
    assert getattr(levers.with_value(DEFAULT, name, -1e9), name) == r.low
    assert levers.with_value(DEFAULT, name, float("nan")) == DEFAULT


def test_the_reference_is_the_shipped_one_without_catalysts():
    reference, _ = levers.scenarios(DEFAULT)
    shipped = documents.load(levers.BASE)
    assert {c.key for c in documents.diff(shipped, reference)} <= {
        "territory.code", "territory.sample"
    }  # fmt: skip
    assert reference.catalysis.fte == 0


def test_each_lever_reaches_the_scenario_and_nothing_else():
    _, before = levers.scenarios(DEFAULT)

    def changed(**values):
        _, after = levers.scenarios(replace(DEFAULT, **values))
        return {change.key.split(".mix.")[0] for change in documents.diff(before, after)}

    assert changed(fte=4.0) == {"catalysis.fte"}
    assert changed(start=2026) == {"catalysis.start"}
    assert changed(caseload=20) == {"catalysis.caseload"}
    assert changed(crisis=0.0) == {"context.crises"}
    assert changed(mix="lieu") == {"catalysis"}
    assert changed(shown="engaged") == set()


def test_levers_at_the_reference_are_the_reference():
    """Only what catalysts would do differs, and there are none."""
    still = replace(DEFAULT, **{name: r.reference for name, r in RANGES.items()})
    reference, scenario = levers.scenarios(still)
    keys = {change.key for change in documents.diff(reference, scenario)}
    assert scenario.catalysis.fte == 0 and all(key.startswith("catalysis.") for key in keys)


def test_levers_become_the_document_that_files_read():
    _, scenario = levers.scenarios(replace(DEFAULT, mix="dialogue", crisis=0.5))
    assert documents.loads(scenario.to_toml()).digest == scenario.digest


@pytest.mark.parametrize("mix", levers.MIXES)
@pytest.mark.parametrize("start", [RANGES["start"].low, RANGES["start"].high])
def test_every_corner_of_the_levers_is_a_valid_scenario(mix, start):
    for fte in (0.0, 12.0):
        for caseload, crisis in ((3, 0.0), (40, 2.0)):
            state = replace(
                DEFAULT, mix=mix, start=start, fte=fte, caseload=caseload, crisis=crisis
            )
            levers.scenarios(state)


def test_a_large_territory_is_sampled_to_about_a_thousand_actors():
    code = "200057941"
    total = sum(levers.counts(code).values())
    sample = levers.sample_of(code)
    assert total > levers.MOST_ACTORS
    assert (1 / sample) == pytest.approx(round(1 / sample))  # « 1 acteur sur n »
    assert levers.MOST_ACTORS / 2 <= total * sample <= levers.MOST_ACTORS
    assert levers.sample_of(DEFAULT.code) == 1.0


# -- ensembles ----------------------------------------------------------------------------


def test_a_preview_comes_first_then_a_hundred(stages):
    counts = [effect.n for effect in stages]
    assert counts[0] >= 20 and counts[-1] == 100 and counts == sorted(counts)


def test_a_refinement_keeps_the_replicates_of_the_preview(stages):
    first, last = stages[0].scenario.values, stages[-1].scenario.values
    np.testing.assert_array_equal(first, last[: len(first)])


def test_the_page_shows_what_the_library_computes(pair, stages):
    from cosim import effects

    direct = effects.compare(*pair, replicates=100, seed=compute.SEED, workers=1)
    np.testing.assert_array_equal(direct.scenario.values, stages[-1].scenario.values)
    assert direct.sentence("fr") == stages[-1].sentence("fr")


def test_the_bytes_are_the_quantiles_and_the_reference(stages):
    effect = stages[-1]
    rows = np.frombuffer(compute.bands(effect, "alliances"), np.float32).reshape(6, -1)
    assert rows.shape[1] == effect.reference.scenario.n_months == len(effect.months)
    assert (np.diff(rows[:5], axis=0) >= 0).all()
    values = effect.scenario.array("alliances")
    np.testing.assert_allclose(rows[2], np.median(values, axis=0), rtol=1e-6)
    np.testing.assert_allclose(rows[0], np.quantile(values, 0.05, axis=0), rtol=1e-6)
    np.testing.assert_allclose(
        rows[5], np.median(effect.reference.array("alliances"), axis=0), rtol=1e-6
    )


@pytest.mark.parametrize("name", levers.SHOWN)
def test_no_curve_leaves_its_axis(stages, name):
    rows = np.frombuffer(compute.bands(stages[-1], name), np.float32)
    assert np.isfinite(rows).all()
    assert rows.min() >= 0 and rows.max() <= compute.top_of(stages[-1], name)


def test_a_cancelled_computation_answers_nothing_and_spoils_nothing(pair):
    cache = compute.Cache()
    assert list(compute.effects(*pair, cancelled=lambda: True, cache=cache)) == []
    done = [0]

    def soon():
        done[0] += 1
        return done[0] > 7

    assert cache.ensemble(pair[1], 20, soon) is None
    again = cache.ensemble(pair[1], 20)
    fresh = compute.Cache().ensemble(pair[1], 20)
    np.testing.assert_array_equal(again.values, fresh.values)


def test_sessions_share_one_computation(pair, monkeypatch):
    asked = []
    real = compute.engine.replicates

    def spy(ready, numbers, seed):
        asked.extend(numbers)
        return real(ready, numbers, seed, workers=1)

    monkeypatch.setattr(compute.engine, "replicates", spy)
    cache = compute.Cache()
    threads = [threading.Thread(target=cache.ensemble, args=(pair[0], 20)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked) == list(range(20))


def test_the_least_recently_used_is_dropped():
    cache = compute.Cache(most=2)
    one, two, three = (tiny(months=2, catalysis={"fte": fte}) for fte in (0.0, 1.0, 2.0))
    for scenario in (one, two, one, three):
        cache.ensemble(scenario, 1)
    assert list(cache._entries) == [one.digest, three.digest]


@pytest.mark.parametrize(("x", "top"), [(0, 1), (0.9, 1), (1.1, 1.5), (230, 300), (9.1e4, 1e5)])
def test_axes_end_on_round_numbers(x, top):
    assert compute.nice(x) == pytest.approx(top)
