"""State, levers and ensembles of the dashboard, without a screen: what is computed and refused."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from browsing import SMALL
from conftest import scenario as tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim import effects
from cosim import scenario as documents
from cosim.dashboard import compute, levers
from cosim.dashboard import view as views
from cosim.dashboard.levers import LEVERS
from cosim.dashboard.view import View
from cosim.indicators import INDICATORS

#: A commune of the territory where a page without an address starts: Pont-de-Vaux.
COMMUNE_OF_HOME = "01305"
LARGE = "200057941"


@pytest.fixture(scope="module")
def home():
    return views.home()


@pytest.fixture(scope="module")
def pair():
    """A reference without catalysts and a what-if, small enough for 100 replicates."""
    return tiny(months=12), tiny(months=12, catalysis={"fte": 2.0})


@pytest.fixture(scope="module")
def answers(pair):
    return list(compute.effects(*pair, cache=compute.Cache()))


# -- the address --------------------------------------------------------------------------


def restored(view):
    """The view that an address gives back; nothing in it is refused."""
    found, refused = views.from_query(views.to_query(view))
    assert refused == ()
    return found


def test_an_empty_address_is_the_usual_page(home):
    assert views.from_query("") == (home, ())
    assert home.scenario.catalysis.fte == views.HOME_FTE and home.reference.catalysis.fte == 0


def test_the_address_restores_the_page(home):
    state = replace(
        home.at(SMALL).moved(**{"catalysis.fte": 3.5, "lieux.number": 2}), lang="en",
        shown="engaged", gap=True, kept=(home.at(SMALL).scenario,),
    ).with_own(mois="24").drawing(False)  # fmt: skip
    assert restored(state) == state


@pytest.mark.parametrize("key", list(LEVERS))
def test_the_address_restores_each_lever_at_its_ends(home, key):
    lever = LEVERS[key]
    for value in (lever.low, lever.high):
        state = home.moved(**lever.change(home.reference, home.scenario, value))
        assert lever.value(restored(state).scenario) == pytest.approx(value)
        assert restored(state) == state


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e400", "-1", "201", "deux", ""])
@pytest.mark.parametrize(("lang", "expected"), [("fr", "n'est pas compris"), ("en", "understood")])
def test_nonsense_in_the_address_is_refused_in_words(text, lang, expected):
    state, refused = views.from_query(f"langue={lang}&territoire={SMALL}&catalysis.fte={text}")
    assert state.scenario == state.reference and state.code == SMALL
    (line,) = refused
    assert "catalysis.fte" in line and expected in line and "200" in line


@pytest.mark.parametrize(
    "key", ["modules", "extends", "model.modules", "model.replace.trust", "x", "catalysis.ftee"]
)
def test_keys_that_are_no_lever_are_refused_and_the_rest_is_kept(key):
    state, refused = views.from_query(f"territoire={SMALL}&{key}=../../etc/passwd&catalysis.fte=3")
    assert state.scenario.catalysis.fte == 3.0 and not state.scenario.model.modules
    (line,) = refused
    assert key in line


@pytest.mark.parametrize("code", ["999999999", "../x", ""])
def test_an_unknown_territory_is_refused(home, code):
    state, refused = views.from_query(f"territoire={code}")
    assert state.code == home.code and "territoire" in refused[0]


def test_a_commune_leads_to_its_territory(home):
    state, refused = views.from_query(f"territoire={COMMUNE_OF_HOME}")
    assert (state.code, refused) == (home.code, ())


def test_an_endless_address_is_cut_or_refused(home):
    state, refused = views.from_query("&".join(f"a{k}=1" for k in range(5000)))
    assert isinstance(state, View) and len(refused) <= 120
    assert all(len(line) < 300 for line in refused)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120), st.sampled_from(["", "catalysis.fte=", "territoire=", "courbe="]))
def test_no_address_breaks_the_page(text, start):
    state, refused = views.from_query(start + text)
    assert restored(state) == state
    assert all(isinstance(line, str) for line in refused)


def test_a_scenario_file_of_a_visitor_is_held_to_what_a_page_can_compute(home):
    big = home.at(LARGE).scenario.with_(**{"territory.sample": 1.0, "catalysis.fte": 7})
    state = views.uploaded(big.to_toml(), home)
    assert state.scenario.territory.sample == views.sample_of(LARGE)
    assert state.scenario.catalysis.fte == 7


@pytest.mark.parametrize(
    "text",
    [
        "[model]\nmodules = ['x.py']",
        "extends = '/etc/passwd'",
        "nonsense",
        "[time]\nend = '2099-12'",
    ],
)
def test_a_file_that_names_code_or_asks_too_much_is_refused(home, text):
    with pytest.raises(documents.ScenarioError):
        views.uploaded(text, home)


# -- levers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("key", list(LEVERS))
@pytest.mark.parametrize("value", [0.3, 2.26, 7.7, 2023.4, 1e9, -1e9, float("nan")])
def test_a_lever_stays_within_its_bounds_and_on_its_steps(key, value):
    lever = LEVERS[key]
    held = lever.held(value)
    steps = (held - lever.low) / lever.step
    assert lever.low <= held <= lever.high and steps == pytest.approx(round(steps), abs=1e-5)


@pytest.mark.parametrize("key", list(LEVERS))
def test_each_lever_reaches_its_key_and_nothing_else(home, key):
    lever = LEVERS[key]
    at = lever.value(home.scenario)
    value = lever.high if at != lever.high else lever.low
    after = home.moved(**lever.change(home.reference, home.scenario, value))
    assert {c.key for c in documents.diff(home.scenario, after.scenario)} == {key}
    assert lever.value(after.scenario) == pytest.approx(value)
    assert after.reference == home.reference


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_no_two_levers_are_called_the_same(lang):
    labels = [lever.label(lang) for lever in LEVERS.values()]
    assert len({label.casefold() for label in labels}) == len(labels)
    assert not any("absent" in lever.hint(lang) and "0" not in lever.hint(lang)
                   for lever in LEVERS.values())  # fmt: skip


@pytest.mark.parametrize("name", levers.MIXES)
def test_a_mix_of_metiers_is_recognised(home, name):
    moved = home.moved(**{levers.MIX: levers.mix(name)})
    assert levers.mix_of(moved.scenario) == name and levers.mix_label(name, "fr")


def test_the_reference_is_the_shipped_one_in_the_territory_of_the_page(home):
    changed = {c.key for c in documents.diff(documents.load(views.BASE), home.reference)}
    assert changed <= {"territory.code", "parameters.base"}


def test_a_scenario_becomes_the_document_that_files_read(home):
    scenario = home.moved(**{"catalysis.fte": 2, levers.MIX: levers.mix("dialogue")}).scenario
    assert documents.loads(scenario.to_toml()).digest == scenario.digest


def test_a_large_territory_is_sampled_to_about_so_many_actors(home):
    total, sample = sum(views.counts(LARGE).values()), views.sample_of(LARGE)
    assert total > views.MOST_ACTORS
    assert (1 / sample) == pytest.approx(round(1 / sample))  # « 1 acteur sur n »
    assert views.MOST_ACTORS / 2 <= total * sample <= views.MOST_ACTORS
    assert views.sample_of(home.code) == 1.0


@pytest.mark.parametrize("name", [views.BASE, *dict(views.presets())])
def test_every_preset_is_a_valid_view_that_its_address_restores(home, name):
    state = views.preset(name, home)
    assert restored(state) == state
    assert state.scenario.time == home.scenario.time
    assert documents.loads(state.scenario.to_toml()) == state.scenario


# -- ensembles ----------------------------------------------------------------------------


def test_a_preview_comes_first_then_a_hundred(answers):
    assert [one.n for one in answers] == list(compute.STAGES)
    assert answers[0].n == compute.PREVIEW and answers[-1].n == 100


def test_a_refinement_keeps_the_replicates_of_the_preview(answers):
    first, last = answers[0].effect.scenario.values, answers[-1].effect.scenario.values
    np.testing.assert_array_equal(first, last[: len(first)])


def test_the_page_shows_what_compare_computes_to_the_digit(pair, answers):
    direct, shown = (
        effects.compare(*pair, replicates=100, seed=compute.SEED, workers=1),
        answers[-1],
    )
    assert not shown.preview
    for name, group in compute.PAIRS:
        np.testing.assert_array_equal(
            direct.difference(name, group), shown.effect.difference(name, group)
        )
    for name in views.SHOWN:
        for lang in ("fr", "en"):
            assert direct.sentence(lang, name) == shown.effect.sentence(lang, name)
            assert direct.frequency_sentence(lang, name) == shown.effect.frequency_sentence(
                lang, name
            )
        assert compute.means(shown, name) == pytest.approx(direct.means(name), abs=1e-12)


def test_chances_are_the_counts_of_the_frequency_sentence(answers):
    effect = answers[-1].effect
    found = compute.chances(effect, "alliances")
    assert found.better + found.worse + found.same == found.n == 100
    pairs = effect.difference("alliances")[:, -1]
    assert (found.better, found.worse) == ((pairs > 0).sum(), (pairs < 0).sum())
    fragility = effect.difference("fragility")[:, -1]  # lower is better
    assert compute.chances(effect, "fragility").better == (fragility < 0).sum()


def test_a_preview_borrows_the_replicates_of_a_known_reference(pair):
    """A control variate: the curve of all its replicates, moved by the mean gap of a few pairs."""
    cache = compute.Cache()
    cache.ensemble(pair[0], 100)
    first = next(compute.effects(*pair, cache=cache))
    assert first.preview and first.n == compute.PREVIEW and first.drawn.n == 100
    np.testing.assert_array_equal(first.drawn.reference.values, cache.ensemble(pair[0], 100).values)
    gap = first.effect.difference("alliances")
    np.testing.assert_allclose(
        first.drawn.difference("alliances")[: 2 * len(gap)], np.tile(gap, (2, 1)), atol=1e-9
    )
    shares = first.drawn.scenario.array("engaged")
    assert shares.min() >= 0.0 and shares.max() <= 1.0
    assert compute.means(first, "alliances")[0] == first.drawn.means("alliances")[0]


def test_what_has_all_its_pairs_is_drawn_from_them_even_if_more_of_the_reference_is_known(pair):
    cache = compute.Cache()
    cache.ensemble(pair[0], 200)
    last = list(compute.effects(*pair, cache=cache))[-1]
    assert last.n == 100 and last.drawn is last.effect


@pytest.mark.parametrize("gap", [False, True])
def test_the_bytes_are_the_quantiles_and_the_reference(answers, gap):
    effect = answers[-1].effect
    rows = np.frombuffer(compute.fan_bytes(answers[-1], "alliances", gap=gap), np.float32)
    rows = rows.reshape(10, -1)
    values = effect.difference("alliances") if gap else effect.scenario.array("alliances")
    wanted = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    np.testing.assert_allclose(rows[:5], wanted, rtol=1e-6, atol=1e-6)
    before = np.zeros_like(wanted) if gap else np.quantile(
        effect.reference.array("alliances"), (0.05, 0.25, 0.5, 0.75, 0.95), axis=0
    )  # fmt: skip
    np.testing.assert_allclose(rows[5:], before, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", views.SHOWN)
@pytest.mark.parametrize("gap", [False, True])
def test_no_curve_leaves_its_axis(answers, name, gap):
    for answer in (answers[0], answers[-1]):
        rows = compute.fan(answer, name, gap=gap)
        low, high = compute.span(answer, name, gap=gap)
        assert np.isfinite(rows).all() and low <= rows.min() and rows.max() <= high
        if INDICATORS[name].unit == "share" and not gap:
            assert high <= 1.0


def test_a_cancelled_computation_answers_nothing_and_spoils_nothing(pair):
    cache = compute.Cache()
    assert list(compute.effects(*pair, cancelled=lambda: True, cache=cache)) == []
    done = [0]

    def soon():
        done[0] += 1
        return done[0] > 7

    assert cache.ensemble(pair[1], 40, soon) is None
    assert 0 < cache.known(pair[1]) < 40
    fresh = compute.Cache().ensemble(pair[1], 20)
    np.testing.assert_array_equal(cache.ensemble(pair[1], 20).values, fresh.values)


def test_sessions_share_one_computation(pair, monkeypatch):
    asked = []
    real = compute.engine.kept

    def spy(ready, seed, number):
        asked.append(number)
        return real(ready, seed, number)

    monkeypatch.setattr(compute.engine, "kept", spy)
    cache = compute.Cache()
    threads = [threading.Thread(target=cache.ensemble, args=(pair[0], 20)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked) == list(range(20))


def test_who_reads_what_is_there_does_not_wait_for_who_refines_it(pair, monkeypatch):
    cache, go_on = compute.Cache(), threading.Event()
    cache.ensemble(pair[0], 8)
    real = compute._simulated

    def slow(ready, numbers):
        go_on.wait(10)
        return real(ready, numbers)

    monkeypatch.setattr(compute, "_simulated", slow)
    refining = threading.Thread(target=cache.ensemble, args=(pair[0], 100))
    refining.start()
    start = time.perf_counter()
    assert cache.ensemble(pair[0], 8).n == 8
    assert time.perf_counter() - start < 1.0
    go_on.set()
    refining.join()
    assert cache.known(pair[0]) == 100


def test_those_who_wait_for_a_first_picture_come_before_those_who_refine():
    gate, order, started = compute.Gate(), [], threading.Event()

    def turn(urgency):
        with gate.turn(urgency):
            order.append(urgency)

    with gate.turn(0):
        threads = [threading.Thread(target=turn, args=(urgency,)) for urgency in (3, 2, 0, 1)]
        for thread in threads:
            thread.start()
        while len(gate) < 4:
            started.wait(0.01)
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3]


def test_memory_is_bounded_in_bytes_and_the_least_recently_used_goes_first():
    one, two, three = (tiny(months=2, catalysis={"fte": fte}) for fte in (0.0, 1.0, 2.0))
    size = compute.Cache().ensemble(one, 4).values.nbytes
    cache = compute.Cache(most_bytes=2 * size)
    for scenario in (one, two, one, three):
        cache.ensemble(scenario, 4)
        assert cache.nbytes() <= 2 * size
    assert [cache.known(scenario) for scenario in (one, two, three)] == [4, 0, 4]


@pytest.mark.parametrize(("x", "top"), [(0, 1), (0.9, 1), (1.1, 1.5), (230, 300), (9.1e4, 1e5)])
def test_axes_end_on_round_numbers(x, top):
    assert compute.nice(x) == pytest.approx(top)
