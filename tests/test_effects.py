"""What a scenario changes: paired under the same luck, and told without overstatement."""

import numpy as np
import pytest
from conftest import scenario, synthetic
from scipy.special import stdtrit

import cosim
from cosim import effects, effects_text
from cosim.effects import Effect, needed, spread
from cosim.effects_text import Facts, number, percent
from cosim.errors import ResultsError
from cosim.indicators import COLUMNS, column
from cosim.results import Ensemble
from cosim.scenario_text import LEVERS

NARROW = "\u202f"
HARD = "\u00a0"


@pytest.fixture(scope="module")
def without():
    return scenario(months=24, title="Sans")


@pytest.fixture(scope="module")
def with_catalysts(without):
    return without.with_(**{"title": "Avec", "catalysis.fte": 2, "catalysis.start": "2010-07"})


@pytest.fixture(scope="module")
def effect(without, with_catalysts):
    return cosim.compare(without, with_catalysts, replicates=12, seed=3, workers=2)


def made(before, after, reference, other):
    """An effect whose alliances, and nothing else, are the given numbers in the last month."""

    def ensemble(which, numbers, spent):
        values = np.zeros((len(numbers), which.n_months, len(COLUMNS)))
        values[:, -1, column("alliances")] = numbers
        values[:, -1, column("spending")] = spent
        return Ensemble(which, cosim.territory.synthetic(3, 2500), 1, values)

    return Effect(ensemble(reference, before, 0.0), ensemble(other, after, 400.0))


# -- pairs ------------------------------------------------------------------------------------


def test_nothing_differs_before_the_first_catalyst(effect):
    before = effect.scenario.values[:, :6] == effect.reference.values[:, :6]
    assert before.all()
    assert effect.difference("degree")[:, -1].min() > 0.0


def test_a_scenario_beside_itself_gives_exactly_zeros(without):
    same = cosim.compare(without, without.with_(title="Autre titre"), replicates=2)
    for name, group in COLUMNS:
        assert not same.difference(name, group).any()
    assert (same.table[["difference", "low", "high", "effect"]] == 0.0).all(axis=None)
    assert "rien ne change" in same.sentence()


def test_the_pairs_do_not_depend_on_the_number_of_workers(effect, without, with_catalysts):
    alone = cosim.compare(without, with_catalysts, replicates=12, seed=3, workers=1)
    assert np.array_equal(alone.scenario.values, effect.scenario.values)


def test_progress_counts_both_ensembles(without):
    seen = []
    short = without.with_(time={"end": "2010-02"})
    cosim.compare(short, short, replicates=3, progress=lambda *at: seen.append(at))
    assert seen == [(k, 6) for k in range(1, 7)]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"time": {"end": "2012-12"}}, "periods"),
        ({"time": {"substeps": 2}}, "periods"),
        ({"territory": synthetic(population=3000)}, "territories"),
        ({"territory.sample": 0.5}, "territories or samples"),
    ],
)
def test_what_has_another_place_or_period_is_not_compared(without, change, word):
    with pytest.raises(ResultsError, match=word):
        cosim.compare(without, without.with_(**change), replicates=2)


def test_ensembles_of_another_luck_are_not_paired(effect, without):
    other = cosim.ensemble(without, replicates=12, seed=4)
    with pytest.raises(ResultsError, match="seed"):
        Effect(other, effect.scenario)
    with pytest.raises(ResultsError, match="replicates"):
        Effect(cosim.ensemble(without, replicates=2, seed=3), effect.scenario)


# -- table ------------------------------------------------------------------------------------


def test_the_table_holds_each_december_and_the_last_month(effect, without, with_catalysts):
    assert effect.table.month.dt.strftime("%Y-%m").unique().tolist() == ["2010-12", "2011-12"]
    assert len(effect.table) == 2 * len(COLUMNS)
    short = [which.with_(time={"end": "2011-03"}) for which in (without, with_catalysts)]
    table = cosim.compare(*short, replicates=2).table
    assert table.month.dt.strftime("%Y-%m").unique().tolist() == ["2010-12", "2011-03"]


def test_the_table_says_what_the_pairs_say(effect):
    row = effect.table_at(["2011-06"], ["fragility", "degree"]).set_index(["indicator", "group"])
    for name, sign in (("degree", 1), ("fragility", -1)):
        pairs = effect.difference(name)[:, 17]
        told = row.loc[(name, "")]
        assert told.difference == pytest.approx(pairs.mean())
        assert told.low == pytest.approx(np.quantile(pairs, 0.05))
        assert told.high == pytest.approx(np.quantile(pairs, 0.95))
        assert told.effect == pytest.approx(pairs.mean() / pairs.std(ddof=1))
        assert told.in_favour == (sign * pairs > 0).mean()
        assert told.reference == pytest.approx(np.median(effect.reference.array(name)[:, 17]))
        margin = 2.200985 * pairs.std(ddof=1) / 12**0.5  # Student's t, 11 degrees of freedom
        assert told.ci_high - told.difference == pytest.approx(margin, rel=1e-5)


def test_what_has_no_better_side_has_no_share_in_favour(effect):
    in_favour = effect.table.set_index("indicator").in_favour
    assert in_favour["spending"].isna().all()
    assert in_favour["degree"].notna().all()


def test_a_month_outside_the_run_is_refused(effect):
    for month in ("2012-01", 24, -25):
        with pytest.raises(ResultsError, match="2010-01 to 2011-12"):
            effect.sentence(month=month)


# -- words ------------------------------------------------------------------------------------


def test_a_clear_effect_is_told_in_natural_frequencies(without, with_catalysts):
    numbers = np.full(20, 230.0)
    effect = made(numbers, numbers + np.linspace(80, 145, 20), without, with_catalysts)
    assert effect.sentence("fr") == (
        "Avec les catalyseurs, le territoire compte entre 83 et 142 alliances de plus en "
        "décembre 2011 que sans eux dans 9 simulations sur 10 (environ +112)\u202f; la référence "
        "en compte 230."
    )
    assert effect.sentence("en") == (
        "With catalysts, the territory has between 83 and 142 more alliances in December 2011 "
        "than without them in 9 simulations out of 10 (about +112); the reference has 230."
    )


def test_the_sentence_turns_round_with_the_scenarios(without, with_catalysts):
    numbers = np.full(20, 230.0)
    effect = made(numbers + np.linspace(80, 145, 20), numbers, with_catalysts, without)
    assert effect.sentence().startswith(
        "Sans les catalyseurs, le territoire compte entre 83 et 142 alliances de moins en "
        "décembre 2011 qu'avec eux"
    )


def test_an_interval_that_contains_zero_is_admitted(without, with_catalysts):
    numbers = np.full(20, 30.0)
    effect = made(numbers, numbers + np.tile([-6.0, 6.0], 10), without, with_catalysts)
    assert effect.sentence() == (
        "Avec les catalyseurs, l'effet ne se distingue pas du hasard\u00a0: «\u00a0Alliances "
        "actives\u00a0» en décembre 2011, de −6 à +6 dans 9 simulations sur 10 (en moyenne "
        "0)\u202f; la référence est à 30."
    )
    assert "does not stand out from chance:" in effect.sentence("en")


def test_an_effect_on_average_that_one_simulation_does_not_show_is_told_as_such(
    without, with_catalysts
):
    numbers = np.full(40, 30.0)
    effect = made(numbers, numbers + np.tile([-1.0, 5.0], 20), without, with_catalysts)
    french = effect.sentence()
    assert f"+2 en moyenne (à 95{NARROW}%, de +1 à +3)" in french
    assert "le hasard reste plus grand, de −1 à +5 dans 9 simulations sur 10" in french
    assert "+1 to +3" in effect.sentence("en") and "−1 to +5" in effect.sentence("en")


def test_few_simulations_are_counted_and_not_generalised(without, with_catalysts):
    numbers = np.full(4, 30.0)
    effect = made(numbers, numbers + np.array([2, 3, 4, 9]), without, with_catalysts)
    assert "entre 2 et 9 alliances de plus" in effect.sentence()
    assert "dans les 4 simulations" in effect.sentence()
    one = made([30.0], [33.0], without, with_catalysts)
    assert "trop peu pour conclure" in one.sentence()


def test_a_change_of_anything_else_is_named_by_its_title(without):
    crisis = without.with_(
        title="Une crise", context={"crises": [{"start": "2011-01", "months": 6}]}
    )
    effect = made(np.full(20, 30.0), np.full(20, 25.0), without, crisis)
    assert effect.sentence().startswith(
        f"Avec le scénario «{HARD}Une crise{HARD}», le territoire compte 5 alliances de moins"
    )
    assert "que dans la référence" in effect.sentence()


def told(name, reference, low, high, lang="fr", group="", scenarios=None):
    facts = Facts(reference, (low + high) / 2, low, high, (high - low) / 10, 100, False)
    names = effects_text.names(scenarios, lang)
    return effects_text.sentence(facts, name, group, "2025-08", names, lang)


def test_units_are_those_of_the_indicator(without, with_catalysts):
    pair = without, with_catalysts
    share = told("engaged", 0.221, 0.032, 0.052, group="company", scenarios=pair)
    assert share == (
        f"Avec les catalyseurs, l'indicateur «{HARD}Engagés{HARD}» (entreprises) est plus haut "
        f"de 3,2 à 5,2{HARD}points en août 2025 que sans eux dans 9 simulations sur 10 (environ "
        f"+4,2){NARROW}; la référence est à 22,1{NARROW}%."
    )
    english = told("engaged", 0.221, -0.051, -0.032, "en", "company", pair)
    assert "is lower by 3.2 to 5.1\u00a0points in August 2025" in english
    assert english.endswith("the reference is at 22.1%.")
    assert f"de 1{NARROW}200 à 1{NARROW}400{HARD}k€" in told(
        "spending", 0.0, 1200.0, 1400.0, scenarios=pair
    )
    assert "0,012 à 0,034 en" in told("commitment", 0.4, 0.012, 0.034, scenarios=pair)


def test_a_difference_too_small_to_write_is_not_written_as_zero_to_zero(without, with_catalysts):
    pair = without, with_catalysts
    text = told("fragility", 51.0, -0.01, -0.002, scenarios=pair)
    assert f"ne change presque pas en août 2025{HARD}: moins de 0,1{HARD}points d'indice" in text
    assert "hardly changes" in told("fragility", 51.0, -0.01, -0.002, "en", scenarios=pair)


def test_every_indicator_has_its_sentence_in_both_languages(effect):
    for name, group in COLUMNS:
        for lang in ("fr", "en"):
            text = effect.sentence(lang, name, group)
            assert text.endswith(".") and "nan" not in text and "inf" not in text.split()
    with pytest.raises(ResultsError, match="language"):
        effect.sentence("de")


@pytest.mark.parametrize(
    ("value", "decimals", "fr", "en"),
    [
        (1234567.0, 0, f"1{NARROW}234{NARROW}567", "1,234,567"),
        (-0.04, 1, "0,0", "0.0"),
        (-3.25, 1, "−3,2", "−3.2"),
    ],
)
def test_numbers_are_written_as_each_language_does(value, decimals, fr, en):
    assert number(value, decimals, "fr") == fr
    assert number(value, decimals, "en") == en
    assert percent(0.5) == f"50,0{NARROW}%"
    assert percent(0.5, "en") == "50.0%"


# -- cost --------------------------------------------------------------------------


def test_an_additional_alliance_has_a_cost_only_where_there_is_one(without, with_catalysts):
    numbers = np.full(20, 30.0)
    clear = made(numbers, numbers + np.linspace(10, 30, 20), without, with_catalysts).cost()
    assert clear.k_euros == pytest.approx(20.0)
    margin = 2.093024 * np.linspace(10, 30, 20).std(ddof=1) / 20**0.5  # Student's t, 19 degrees
    assert clear.low == pytest.approx(400 / (20 + margin), rel=1e-6)
    assert clear.high == pytest.approx(400 / (20 - margin), rel=1e-6)
    vague = made(numbers, numbers + np.tile([-6.0, 8.0], 10), without, with_catalysts).cost()
    assert vague.k_euros is None and "n'est pas au-dessus de zéro" in vague.reason_fr
    same = cosim.compare(without.with_(time={"end": "2010-02"}),
                         without.with_(time={"end": "2010-02"}), replicates=2)  # fmt: skip
    assert same.cost().k_euros is None and "spends no more" in same.cost().reason_en


def test_a_cost_is_told_with_its_interval_or_with_the_reason_why_there_is_none(
    without, with_catalysts
):
    numbers = np.full(20, 30.0)
    clear = made(numbers, numbers + np.linspace(10, 30, 20), without, with_catalysts)
    assert clear.cost_sentence() == (
        "Une alliance de plus en décembre 2011 a coûté en moyenne 20\u00a0k€ depuis le début "
        f"(à 95{NARROW}%, de 17 à 23\u00a0k€)."
    )
    assert "20\u00a0k€ on average since the start" in clear.cost_sentence("en")
    vague = made(numbers, numbers + np.tile([-6.0, 8.0], 10), without, with_catalysts)
    assert "Pas de coût par alliance" in vague.cost_sentence()
    assert "is not above zero (−2.4 to 4.4)" in vague.cost_sentence("en")
    one = made([30.0], [33.0], without, with_catalysts)
    assert one.cost().k_euros is None and "too few simulations" in one.cost_sentence("en")


def test_the_interval_of_a_cost_holds_the_true_ratio_nineteen_times_in_twenty():
    """Fieller's interval on made-up money and alliances that vary together."""
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(800):
        more = rng.normal(8.0, 6.0, 30)
        spent = 100.0 + 5.0 * (more - 8.0) + rng.normal(0.0, 4.0, 30)
        low, high = effects._fieller(spent, more, 0, False)
        held += low <= 100.0 / 8.0 <= high
    assert 0.93 <= held / 800 <= 0.97


# -- frequencies ------------------------------------------------------------------------------


def test_frequencies_are_counted_out_of_the_simulations_there_were(without, with_catalysts):
    numbers = np.full(100, 30.0)
    more = np.repeat([2.0, -1.0, 0.0], [83, 15, 2])
    effect = made(numbers, numbers + more, without, with_catalysts)
    assert effect.frequency_sentence() == (
        "Avec les catalyseurs, l'indicateur «\u00a0Alliances actives\u00a0» est plus haut en "
        "décembre 2011 que sans eux dans 83 simulations sur 100, plus bas dans 15, égal dans "
        f"2{NARROW}; plus haut est mieux."
    )
    assert effect.frequency_sentence("en").startswith(
        "With catalysts, “Living alliances” is higher in December 2011 than without them in 83 "
        "simulations out of 100, lower in 15, the same in 2; higher is better."
    )
    fewer = made(numbers, numbers - 1.0, without, with_catalysts).frequency_sentence()
    assert "est plus bas en décembre 2011 que sans eux dans les 100 simulations" in fewer
    same = made(numbers, numbers, without, with_catalysts)
    assert "exactement le même en décembre 2011 dans les 100 simulations" in (
        same.frequency_sentence()
    )
    one = made([30.0], [33.0], without, with_catalysts)
    assert "dans la seule simulation" in one.frequency_sentence()


def test_every_indicator_has_its_frequencies_in_both_languages(effect):
    for name, group in COLUMNS:
        for lang in ("fr", "en"):
            assert effect.frequency_sentence(lang, name, group).endswith(".")


# -- enough pairs -----------------------------------------------------------------------------


def test_pairs_are_added_until_the_interval_is_as_narrow_as_asked(without, with_catalysts, effect):
    pilot = cosim.compare(without, with_catalysts, replicates=20, seed=3)
    pairs = pilot.difference("degree")[:, -1]
    asked = 0.6 * float(spread(pairs)[1])
    enough = cosim.compare(without, with_catalysts, seed=3, half_width=asked, indicator="degree")
    assert enough.stopping.met and enough.stopping.month == "2011-12"
    assert 20 < enough.n < 200 and enough.n % 20 == 0
    before = enough.difference("degree")[: enough.n - 20, -1]
    assert spread(before)[1] > asked >= spread(enough.difference("degree")[:, -1])[1]
    assert enough.n <= needed(pairs, asked) + 60
    whole = cosim.ensemble(with_catalysts, enough.n, 3)
    assert np.array_equal(whole.values, enough.scenario.values)
    assert "suffisent" in enough.stopping_sentence() and "enough" in enough.stopping_sentence("en")


def test_a_stopping_rule_gives_up_at_the_most_and_says_so(without, with_catalysts):
    seen = []
    effect = cosim.compare(without, with_catalysts, half_width=1e-6, most=30, workers=1,
                           progress=lambda *at: seen.append(at))  # fmt: skip
    assert effect.n == 30 and not effect.stopping.met
    assert "ne suffisent pas" in effect.stopping_sentence()
    assert "was asked for" in effect.stopping_sentence("en")
    assert seen == [(k, 60) for k in range(1, 61)]


def test_what_never_differs_needs_no_more_than_the_least(without):
    same = cosim.compare(without, without, half_width=0.5)
    assert same.n == 20 and same.stopping.reached == 0.0
    assert same.stopping_sentence().startswith("20 paires de simulations suffisent")


def test_no_half_width_no_stopping(effect):
    assert effect.stopping is None and effect.stopping_sentence() == ""


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"half_width": 0.0}, "half_width"),
        ({"half_width": float("nan")}, "half_width"),
        ({"half_width": 1.0, "replicates": 5}, "replicates"),
        ({"half_width": 1.0, "most": 10}, "most"),
        ({"half_width": 1.0, "indicator": "aliances"}, "alliances"),
        ({"half_width": 1.0, "month": "2019-01"}, "month"),
        ({"replicates": 0}, "replicates"),
    ],
)
def test_a_stopping_rule_that_cannot_be_is_refused_before_anything_is_simulated(
    without, with_catalysts, options, key
):
    with pytest.raises(ResultsError, match=key):
        cosim.compare(without, with_catalysts, **options)


def test_the_interval_of_a_stopping_rule_covers_about_what_it_says():
    """Looking again and again costs a little coverage: it is told in the docs, and small."""
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(1000):
        pairs = rng.normal(1.0, 10.0, 600)
        n = 20
        while spread(pairs[:n])[1] > 2.0:
            n += 20
        held += abs(pairs[:n].mean() - 1.0) <= spread(pairs[:n])[1]
    assert 0.92 <= held / 1000 <= 0.96


def test_a_pilot_says_how_many_replicates_are_needed():
    pairs = np.random.default_rng(2).normal(0.0, 3.0, 50)
    n = needed(pairs, 0.5)
    sd = pairs.std(ddof=1)
    assert stdtrit(n - 1, 0.975) * sd / n**0.5 <= 0.5 < stdtrit(n - 2, 0.975) * sd / (n - 1) ** 0.5
    assert needed(np.zeros(5), 0.1) == 2
    both = np.repeat(pairs, 2)  # two replicates of each set say no more than one
    assert needed(both, 0.5, draws=True) == 2 * n
    for bad in (lambda: needed(pairs, 0.0), lambda: needed(pairs[:1], 1.0)):
        with pytest.raises(ResultsError):
            bad()


# -- levers at zero ---------------------------------------------------------------------------

#: Every lever with dates, budget and size, and nothing in it.
NOTHING = {
    "catalysis": {"fte": 0, "start": "2010-07", "budget": 500.0, "caseload": 20,
                  "session_size": 8, "invitation": "hubs", "matching": "solutions",
                  "first_step": "large"},
    "lieux": {"number": 0, "capacity": 90, "start": "2010-03"},
    "droit": {"strength": 0.0, "start": "2010-03", "budget": 100.0},
    "ingenierie": {"fte": 0.0, "funds": 0.0, "start": "2010-03"},
    "prime": {"amount": 0.0, "yearly_budget": 900.0},
    "donnees": {"start": "2010-02", "budget": 50.0},
    "outils": {"end": "2011-05"},
    "competences": {"start": "2010-02"},
    "reconnaissance": {"funds": 0.0, "start": "2010-02", "budget": 50.0},
    "usine": {"key": "equal", "factor": 0.0, "months": 12},
}  # fmt: skip


def test_with_every_lever_at_zero_nothing_at_all_differs(lively):
    plain = lively.with_(**{"catalysis.fte": 0, "catalysis.start": None})
    idle = plain.with_(**NOTHING)
    assert set(NOTHING) == {"catalysis", *LEVERS}
    same = cosim.compare(plain, idle, replicates=6, seed=8)
    assert not (same.scenario.values - same.reference.values).any()
    every = same.table_at(range(plain.n_months))
    zeros = every[["difference", "low", "high", "ci_low", "ci_high", "effect"]]
    assert (zeros == 0.0).all(axis=None)
    assert (every["in_favour"].dropna() == 0.0).all()
    assert same.cost().k_euros is None


# -- figure ---------------------------------------------------------------------------------


def test_the_fan_chart_draws_the_reference_dashed_and_the_what_if_solid(effect):
    pytest.importorskip("matplotlib")
    axes = effect.plot("engaged", "company").axes[0]
    reference, what_if = axes.get_lines()
    assert (reference.get_linestyle(), reference.get_color()) == ("--", "#444444")
    assert (what_if.get_linestyle(), what_if.get_color()) == ("-", "#0072B2")
    median = np.median(effect.scenario.array("engaged", "company"), axis=0)
    assert np.allclose(what_if.get_ydata(), 100 * median)
    assert len(axes.collections) == 4
    assert axes.get_title(loc="left") == "Engagés — entreprises"
    with pytest.raises(ResultsError):
        effect.plot("engagés")
