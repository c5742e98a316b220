"""The known effects are measured as they are said to be, and can fail."""

import json

import numpy as np
import pytest

from cosim.calibration import estimates, known, metiers, pairs, posterior, trials
from cosim.calibration.bench import Bench, World
from cosim.cli import main
from cosim.errors import CosimError
from cosim.facts import facts
from cosim.scenario_tables import METIERS
from cosim.testing import contact_slots

#: A world where what is rare at the defaults happens within months.
LIVELY = {"birth_base": -8.0, "hazard": 0.3}


@pytest.fixture(scope="module")
def found():
    """The effects of a lively world, few replicates."""
    return known.effects(LIVELY, replicates=2)


@pytest.fixture(scope="module")
def start():
    """A replicate of the reference before anything happens, and its parameters."""
    ready = Bench().plan(12)
    return ready.state(1, 0), ready.params


def contacts_of(state):
    """row -> set of the rows that it knows, read slot by slot."""
    known_by = {}
    for row, slot in zip(*contact_slots(state), strict=True):
        known_by.setdefault(int(row), set()).add(int(state.ties.other[slot]))
    return known_by


# -- who is treated -----------------------------------------------------------------------


def test_pairs_at_distance_two_share_a_commune_and_a_contact_and_no_tie(start):
    state, params = start
    contacts = contacts_of(state)
    near = pairs.at_distance_two(state, params, 12.0)
    assert len(near) > 100
    for i, j, chance in near:
        assert j not in contacts[i] and contacts[i] & contacts[j]
        assert state.actors.commune[i] == state.actors.commune[j]
        assert pairs.may_found(state, i, j)
        assert 0.0 < chance < 1.0


def test_strangers_have_no_tie_and_no_common_contact(start):
    state, _ = start
    contacts = contacts_of(state)
    n = len(state.actors)
    i, j = np.triu_indices(n, 1)
    every = np.stack([i, j], axis=1)[::37]
    expected = [
        pairs.may_found(state, a, b)
        and b not in contacts.get(a, ())
        and not contacts.get(a, set()) & contacts.get(b, set())
        for a, b in every.tolist()
    ]
    assert any(expected) and not all(expected)
    assert pairs.are_strangers(state, every).tolist() == expected
    whole = pairs.are_strangers(state, np.stack([i, j], axis=1))
    assert pairs.count_strangers(state) == whole.sum()


def test_a_meeting_acquaints_the_treated_and_a_trial_can_ally_them(start):
    world = World(Bench({"experiment_boost": 7.0}).plan(12), 1, 0)
    state, _ = start
    chosen = np.random.default_rng(0).integers(len(state.actors), size=(4000, 2))
    chosen = chosen[pairs.are_strangers(state, chosen)][:40]
    assert (pairs.last_contact(world.state, chosen) < 0).all()
    for i, j in chosen.tolist():
        world.try_together(i, j, 0.5)
    assert (pairs.last_contact(world.state, chosen) == 0).all()
    together = world.together(chosen)
    assert 0 < together.sum() < len(chosen)
    assert not world.together(chosen[~together]).any()


# -- what is counted ----------------------------------------------------------------------


def test_half_the_pairs_are_treated_and_each_pair_once():
    treated, _, controls, _, met = trials.meeting(Bench(), 1)(0)
    assert treated == controls == 2 * trials.TREATED
    assert 0 < met < controls


def test_without_any_birth_a_meeting_allies_nobody():
    nothing = {"birth_base": -14.0, "join_base": -8.0, "birth_trust": 2.0, "birth_match": 0.5}
    _, allied, _, controls, _ = trials.meeting(Bench(nothing), 1)(0)
    assert allied == controls == 0


def test_information_that_pushes_nobody_changes_nothing_at_all():
    one = trials.introduction(Bench({**LIVELY, "donnees_push": 0.0}), 1)
    n, nothing, also, informed, _, _ = one(0)
    assert n == also and nothing == informed > 0
    pushed = trials.introduction(Bench({**LIVELY, "donnees_push": 0.002}), 1)
    assert sum(pushed(k)[3] - pushed(k)[1] for k in range(4)) > 0


def test_a_stronger_trial_creates_more_partnerships():
    def allied(boost):
        one = trials.introduction(Bench({"experiment_boost": boost}), 1)
        return sum(one(k)[5] for k in range(4))

    assert allied(7.0) > 2 * allied(3.0)


def test_ties_that_hold_better_are_kept_more_often_after_a_place_closes():
    def kept(loss):
        one = trials.place(Bench({"encounters": 0.3, "place_tie_loss": loss}), 1)
        counts = sum(one(k) for k in range(3))
        return counts[11] / counts[10]

    assert kept(0.1) > kept(1.0) + 0.1


def test_accompaniment_raises_know_how_of_the_same_actors_and_less_so_with_many_cases():
    sums = sum(trials.accompaniment(Bench(), 1)(k) for k in range(6))
    treated, twins = sums[:, 0, 0, 0], sums[:, 0, 1, 0]
    assert (treated == twins).all() and (treated > 5 * trials.ACCOMPANIED).all()
    five, twelve, forty = (estimates.standardised(sums[k, 0]) for k in range(3))
    assert five > twelve > forty > 0
    odds = estimates.odds_ratio(sums[1, 0])
    able, untouched = sums[1, 0, :, 3] / sums[1, 0, :, 0]
    assert odds == pytest.approx(able / (1 - able) / (untouched / (1 - untouched)))


def test_months_of_an_alliance_are_joined_until_its_support_changes():
    def month(alliance, start, ended=0, supported=0):
        return [alliance, start, start + 1, ended, supported, 0.5 + start / 100, 0.3]

    months = np.array([
        month(7, 0), month(2, 10, supported=1), month(7, 1), month(7, 2, supported=1),
        month(2, 11, supported=1), month(2, 12, ended=1, supported=1), month(7, 3, supported=1),
    ], dtype=float)  # fmt: skip
    joined = trials.episodes(months)
    assert joined[:, :4].tolist() == [
        [10, 12, 0, 1],  # cut at a year of age, where the levels are read anew
        [12, 13, 1, 1],
        [0, 2, 0, 0],
        [2, 4, 0, 1],
    ]
    assert joined[:, 4] == pytest.approx([0.6, 0.62, 0.5, 0.52])


def test_the_cox_model_finds_the_hazard_ratio_of_made_up_alliances():
    draw = np.random.default_rng(3)
    found = []
    for _ in range(40):
        n = 80
        supported = draw.random(n) < 0.5
        trust, maturity = draw.random(n), draw.random(n)
        rate = 0.02 * np.exp(-2.0 * (trust - 0.6)) * np.where(supported, 0.47, 1.0)
        life = draw.exponential(1 / rate)
        stop = np.minimum(life, 60.0)
        found.append(np.column_stack([np.zeros(n), stop, life < 60, supported, trust, maturity]))
    ratios = estimates.hazard_ratios(found)
    _, low, high = ratios["support"]
    assert low < 0.47 < high and high - low < 0.12
    assert ratios["trust"][1] < np.exp(-2.0) < ratios["trust"][2]
    assert ratios["maturity"][1] < 1.0 < ratios["maturity"][2]
    with pytest.raises(CosimError, match="too few endings"):
        estimates.hazard_ratios([rows[rows[:, 3] == 1] for rows in found])


# -- intervals ----------------------------------------------------------------------------


def test_an_interval_is_drawn_over_replicates_and_not_over_pairs():
    sums = np.array([[10.0, 4.0, 10.0, 2.0], [10.0, 8.0, 10.0, 2.0]] * 20)
    ratio = estimates.ratio_of_shares(0, 1, 2, 3)
    value, low, high = estimates.interval(sums, ratio)
    assert value == pytest.approx(3.0) and low < 3.0 < high
    # ten times the pairs in each replicate: no more is known
    assert estimates.interval(10 * sums, ratio) == pytest.approx((value, low, high))
    more = estimates.interval(np.tile(sums, (9, 1)), ratio)
    assert more[2] - more[1] == pytest.approx((high - low) / 3, rel=0.15)


def effect(value, low, high, limits=(1.3, 2.5), beside=()):
    return estimates.Effect("S1", "x", value, low, high, 1.75, *limits, "", "", beside, 9)


def test_an_effect_holds_when_its_estimate_is_accepted_and_its_conditions_hold():
    assert effect(2.0, 1.5, 2.4).met and effect(2.0, 1.5, 2.4).sure
    assert effect(2.0, 1.5, 3.0).met and not effect(2.0, 1.5, 3.0).sure
    assert not effect(2.7, 2.6, 2.8).met and effect(2.7, 2.6, 2.8).sure
    assert effect(1.0, 0.9, 1.1, limits=(None, 1.15)).met
    rare = estimates.Beside("témoins", "controls", 0.1, 0.2, 0.4)
    assert not effect(2.0, 1.5, 2.4, beside=(rare,)).met


# -- the table ----------------------------------------------------------------------------


def test_every_published_effect_has_its_row_with_its_published_limits(found):
    rows = {e.name: e for e in found}
    published = {name: fact for name, fact in facts().items() if fact.use == "effect"}
    assert set(rows) - set(published) == {"coaching_kept"}
    assert set(published) <= set(rows)
    for name, fact in published.items():
        row = rows[name]
        assert (row.code, row.published) == (fact.code, fact.value)
        assert (row.at_least, row.at_most) == (fact.low, fact.high)
    assert [e.code for e in found] == sorted(e.code for e in found)


def test_estimates_lie_in_their_intervals(found):
    for e in found:
        assert e.low <= e.value <= e.high, e.name


def test_the_table_is_the_same_on_a_second_run(found):
    assert known.effects(LIVELY, replicates=2) == found


def test_the_page_has_a_line_per_effect_in_both_languages(found):
    for lang, word in (("fr", "publié"), ("en", "published")):
        page = known.markdown(found, lang)
        assert word in page.splitlines()[0]
        assert len([line for line in page.splitlines() if line.startswith("| S")]) == len(found)
        assert "nan" not in page


def test_over_parameter_sets_the_share_that_holds_is_told(found):
    table = known.over([LIVELY, LIVELY], replicates=2)
    assert list(table.effect) == [e.name for e in found]
    assert set(table.met) <= {0.0, 1.0}
    assert table["median"].to_list() == pytest.approx([e.value for e in found])


def test_what_does_not_exist_is_refused():
    with pytest.raises(CosimError, match="did you mean 'birth_base'"):
        known.effects({"birth_bas": 1.0})
    with pytest.raises(CosimError, match="third_party"):
        known.effects(rules={"third_party": "maybe"})
    with pytest.raises(CosimError, match="replicates"):
        known.effects(replicates=1)


# -- channels -----------------------------------------------------------------------------


def test_each_metier_moves_its_own_channel_and_no_other():
    table = metiers.channels(replicates=1)
    assert list(table.index) == list(METIERS)
    for metier in METIERS:
        moved = set(table.columns[table.loc[metier] != 0])
        assert moved == metiers.own(metier), metier
    assert (table.to_numpy() >= 0).all()
    assert metiers.markdown(table).count("·") == int((table == 0).sum().sum())


# -- the command --------------------------------------------------------------------------


def test_the_command_says_the_same_as_the_function(capsys, tmp_path):
    folder = tmp_path / "effects"
    assert main(["known-effects", "-n", "2", "--json", "--out", str(folder)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["effect"] for row in told] == [e.name for e in known.effects(replicates=2)]
    assert json.loads((folder / "known-effects.json").read_text()) == told
    assert {path.name for path in folder.iterdir()} == {
        "known-effects.fr.md", "known-effects.en.md", "known-effects.csv", "known-effects.json",
        "manifest.json",
    }  # fmt: skip


def test_an_unknown_language_is_refused_before_anything_is_computed(capsys):
    assert main(["known-effects", "--lang", "de"]) == 2
    assert "--lang" in capsys.readouterr().err


def test_sets_of_the_posterior_are_spread_over_its_file():
    sample = posterior.load()
    first, *_, last = known.sets(sample, 4)
    assert first == sample.parameters(0)
    assert last == sample.parameters(3 * len(sample) // 4)
    with pytest.raises(CosimError, match="posterior-draws"):
        known.sets(sample, len(sample) + 1)


def test_the_command_tries_the_effects_on_sets_of_the_posterior(capsys):
    assert main(["known-effects", "-n", "2", "--posterior-draws", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    drawn = posterior.load().parameters(0)
    assert told == known.over([drawn], replicates=2).to_dict("records")


def test_the_channels_are_told_by_the_command(capsys):
    assert main(["channels", "-n", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["lieu"]["regulars"] > 0 == told["lieu"]["sessions"]
