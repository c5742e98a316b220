"""What the page Explorer says of a what-if, without a browser: starts, why, for whom, beware."""

import numpy as np
import pytest
from browsing import SMALL
from conftest import scenario as tiny

from cosim import attribution, effects, engine, levers, territory
from cosim import scenario as documents
from cosim.dashboard import compute, starts, warnings, who, why
from cosim.dashboard import view as views
from cosim.dashboard.levers import LEVERS, MIX, mix
from cosim.indicators import INDICATORS
from cosim.parameters import PARAMETERS
from cosim.scenario import Scenario

LARGE = "200057941"


@pytest.fixture(scope="module")
def home():
    return views.home().at(SMALL)


@pytest.fixture(scope="module")
def pair():
    return tiny(months=18), tiny(
        months=18, catalysis={"fte": 2.0}, lieux={"number": 1}, context={"turnover": 0.5}
    )


@pytest.fixture(scope="module")
def effect(pair):
    return effects.compare(*pair, replicates=20, workers=1)


# -- starting points ------------------------------------------------------------------------


def test_all_that_a_page_can_start_from_is_offered_once_but_the_trend_by_another_name():
    rows = [row["value"] for row in starts.options("fr")]
    assert len(rows) == len(set(rows)) and rows[0] == starts.TREND
    assert set(starts.offered()) - set(rows) == {"sans-catalyseurs"}


def test_crises_catalysts_and_typical_cases_are_among_them():
    headings = {row["value"]: row.get("group", "") for row in starts.options("fr")}
    assert "crises" in headings["sans-crise-2020"] and "crises" in headings["effet-ciseau"]
    assert "catalyseurs" in headings["metiers-equilibres"] and "cas-types" in headings["cas-rural"]


@pytest.mark.parametrize("name", [row["value"] for row in starts.options("fr")])
def test_a_start_is_recognised_until_something_moves(home, name):
    there = views.preset(name, home)
    assert starts.current(there) == name
    assert starts.current(there.moved(**{"lieux.capacity": 80})) == starts.OWN
    assert starts.words(there).endswith(".")


def test_a_title_that_does_not_fit_is_not_believed(home):
    title = documents.load("droit-de-l-alliance").title
    forged = home.moved(**{"title": title})
    assert forged.scenario.title == "" and starts.current(home) == starts.OWN


def test_a_profile_begins_its_territory_and_the_words_say_so(home):
    there = views.preset("profil-idealiste", home)
    assert there.reference.territory.profile == "idealiste"
    assert "idéaliste" in starts.words(there)
    assert views.preset(starts.TREND, there).scenario.territory.profile == "mixed"


def test_what_changes_nothing_is_told_as_what_it_is(home):
    assert "rural" in starts.words(views.preset("cas-rural", home)).casefold()
    assert "rien ne change" not in starts.words(views.preset("cas-rural", home))


# -- why ------------------------------------------------------------------------------------


def test_contributions_are_those_of_the_command_line(pair):
    stages = list(why.contributions(*pair, cache=compute.Cache(), stages=(4, 20)))
    assert [one.reference.n for one in stages] == [4, 20]
    direct = attribution.contributions(*pair, replicates=20, workers=1)
    for indicator in ("alliances", "engaged"):
        assert stages[-1].parts(indicator) == direct.parts(indicator)
        assert stages[-1].sentence("fr", indicator) == direct.sentence("fr", indicator)


def test_bars_say_what_the_sentence_says(pair):
    (parts,) = why.contributions(*pair, cache=compute.Cache(), stages=(20,))
    for lang in ("fr", "en"):
        sentence = parts.sentence(lang, "alliances")
        rows = why.bars(parts, "alliances", lang)
        assert all(bar.words in sentence for bar in rows)
        assert [bar.kind for bar in rows] == ["on top", "alone"] * 3 + ["synergy", "total"]


def test_one_lever_alone_is_one_bar(pair):
    alone = tiny(months=18, catalysis={"fte": 2.0})
    (parts,) = why.contributions(pair[0], alone, cache=compute.Cache(), stages=(4,))
    (bar,) = why.bars(parts, "alliances", "fr")
    assert (bar.kind, bar.mean) == ("total", parts.total.difference("alliances")[:, -1].mean())


def test_taking_apart_can_be_cancelled_and_tells_how_far_it_is(pair):
    assert list(why.contributions(*pair, lambda: True, compute.Cache())) == []
    told = []
    list(why.contributions(*pair, cache=compute.Cache(), stages=(2,),
                           progress=lambda k, n: told.append((k, n))))  # fmt: skip
    assert told == [(k, 8) for k in range(1, 9)]


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("key", [*LEVERS, MIX])
def test_each_lever_has_a_chain_down_to_the_curve(home, key, lang):
    """From the lever to what moves the indicator, through rules that exist, in words."""
    if key == MIX:
        changes = {MIX: mix("dialogue")}
    else:
        lever = LEVERS[key]
        value = lever.high if lever.value(home.reference) != lever.high else lever.low
        changes = lever.change(home.reference, home.reference, value)
    scenario = home.reference.with_(**changes)
    (chain,) = why.chains(home.reference, scenario, "alliances", lang)
    steps = [*chain.through, *chain.reaches]
    assert chain.label and {"formation", "life"} <= {step.name for step in steps}
    assert all(step.sentence and step.label for step in steps)
    assert all(row.name in PARAMETERS and row.confidence for row in chain.parameters)


def test_a_chain_names_the_public_that_is_paid_and_no_other(home):
    scenario = home.reference.with_(**{"competences.collectivites": 50.0})
    (chain,) = why.chains(home.reference, scenario, "able", "fr")
    row = levers.LEVERS["competences: collectivites"]
    assert chain.channel == (row.channel_fr,)
    assert {one.name for one in chain.parameters} == set(row.parameters)


def test_nothing_moved_has_no_chain(home):
    assert why.chains(home.reference, home.reference, "alliances", "fr") == []
    assert why.nothing("fr") and why.nothing("en")


# -- for whom -------------------------------------------------------------------------------


def test_groups_are_the_paired_differences_of_the_library(effect):
    for indicator in who.LOOKED_AT:
        for part in who.kinds(effect, indicator):
            pairs = effect.difference(indicator, part.group)[:, -1]
            assert part.mean == pytest.approx(pairs.mean())
            half = effects.spread(pairs)[1]
            assert (part.low, part.high) == pytest.approx(
                (pairs.mean() - half, pairs.mean() + half)
            )


def test_only_communes_that_are_there_are_shown(effect):
    (small,) = who.communes(effect)
    assert small.group == "commune/<2000"
    assert small.label("fr") == "communes de moins de 2\u202f000 habitants"


def part(group, mean, half, actors=100.0, indicator="engaged"):
    return who.Part(indicator, group, 0.4, mean, mean - half, mean + half, actors)


def made(effect, **gains):
    """The effect with these gains of each kind of actor, and a little luck."""
    from dataclasses import replace

    values = effect.reference.values.copy()
    luck = np.random.default_rng(1).normal(0.0, 0.01, (effect.n, 1))
    for kind, gain in gains.items():
        values[:, :, effect.reference.columns.index(("engaged", kind))] += gain + luck
    return replace(effect, scenario=replace(effect.scenario, values=values))


def test_who_gains_most_is_named_where_chance_does_not_explain_it(effect):
    moved = made(effect, elu=0.02, association=0.2, company=0.05, academic=0.0)
    parts = [part(k, moved.difference("engaged", k)[:, -1].mean(), 0.01)
             for k in ("elu", "association", "company")]  # fmt: skip
    assert who.first(moved, parts).group == "association"
    told = who.sentence(moved, parts, "fr")
    assert "y gagnent le plus\u00a0: associations" in told and "élus" in told


def test_an_order_that_chance_explains_is_not_told(effect):
    moved = made(effect, elu=0.1, association=0.1)
    parts = [part("elu", 0.1, 0.02), part("association", 0.101, 0.02)]
    assert who.first(moved, parts) is None
    assert "ne peut pas dire qui gagne le plus" in who.sentence(moved, parts, "fr")


def test_groups_that_do_not_stand_out_from_chance_are_said_so(effect):
    moved = made(effect, elu=0.2)
    parts = [part("elu", 0.2, 0.02), part("company", 0.01, 0.02), part("association", -0.1, 0.02)]
    told = who.sentence(moved, parts, "fr")
    assert "rien qui se distingue du hasard\u00a0: entreprises" in told
    assert "y perdent\u00a0: associations" in told
    nobody = [part("elu", 0.01, 0.02), part("company", 0.01, 0.02)]
    assert "personne n'y gagne" in who.sentence(moved, nobody, "fr")
    assert "nobody gains" in who.sentence(moved, nobody, "en")


def test_a_group_of_a_few_is_told_apart(effect):
    few = part("academic", 0.4, 0.1, actors=1.0)
    assert few.few and "acteurs académiques (1)" in who.caution([few], "fr")
    told = who.sentence(effect, [part("elu", 0.01, 0.02), few], "fr")
    assert "académiques" not in told
    assert who.caution([part("elu", 0.1, 0.02)], "fr") == ""


def test_a_fall_of_what_should_fall_is_a_gain():
    assert part("elu", -1.0, 0.5, indicator="fragility").side == 1
    assert part("elu", 1.0, 0.5, indicator="fragility").side == -1
    assert part("elu", 0.1, 0.5, indicator="fragility").side == 0


# -- what to beware of ----------------------------------------------------------------------


def cautions(view, kind="", **changes):
    moved = view.moved(**changes) if changes else view
    found = warnings.found(moved.reference, moved.scenario, views.counts(moved.code))
    return [one for one in found if not kind or one.kind == kind]


def test_the_usual_page_contradicts_nothing():
    assert cautions(views.home(), "contradiction") == [] == cautions(views.home(), "outside")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"catalysis.fte": 2, "catalysis.start": "2040-01"}, "période"),
        ({"catalysis.fte": 2, "catalysis.start": "2031-06"}, "7 mois"),
        ({"catalysis.fte": 2, "catalysis.start": "2024-01", "catalysis.end": "2024-07"}, "6 mois"),
        ({"catalysis.fte": 2, "catalysis.budget": 0}, "budget"),
        ({"catalysis.fte": 0, "catalysis.caseload": 20}, "Accompagnés par ETP"),
        ({"catalysis.fte": 0, "outils.territoires": 50}, "Sans catalyseur"),
        ({MIX: mix("lieu"), "catalysis.caseload": 20}, "Accompagnement"),
        ({MIX: mix("lieu"), "parameters.sessions_per_fte": 8}, "Dialogue"),
        ({"lieux.capacity": 80}, "Aucun lieu public"),
        ({"lieux.number": 10, "lieux.capacity": 160}, "vides"),
        ({"catalysis.fte": 12, "catalysis.caseload": 40, MIX: mix("accompagnement")}, "trop"),
        ({"prime.amount": 20, "prime.yearly_budget": 0}, "aucune prime"),
        ({"prime.amount": 50, "prime.yearly_budget": 20}, "une prime entière"),
        ({"context.turnover": 0.5, "context.elections": []}, "Aucune élection"),
        ({"context.crises": [{"start": "2008-10", "months": 18}]}, "octobre 2008"),
        ({"usine.key": "elsewhere"}, "France"),
    ],
)  # fmt: skip
def test_levers_that_contradict_one_another_are_told(home, changes, word):
    found = cautions(home, "contradiction", **changes)
    assert any(word in one.fr for one in found), [one.fr for one in found]
    assert all(one.en and one.section for one in found)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"catalysis.fte": 12}, "12 ETP"),
        ({"catalysis.caseload": 30}, "hypothèse"),
        ({"context.crises": [{"start": "2020-03", "months": 15, "depth": 1.5}]}, "plus profonde"),
        ({"context.turnover": 1.5}, "1,5"),
        ({"context.scissors": 3.0}, "multiplié par 3"),
        ({"parameters.hazard": PARAMETERS["hazard"].high}, "calage"),
    ],
)
def test_what_the_model_was_not_fitted_to_is_told(changes, word):
    before = cautions(views.home(), "outside")
    found = [one for one in cautions(views.home(), "outside", **changes) if one not in before]
    assert any(word in one.fr for one in found), [one.fr for one in found]


def test_a_territory_smaller_or_larger_than_those_of_the_calibration_is_told(home):
    assert any("plus petit" in one.fr for one in cautions(home, "outside"))
    paris = views.home().at(territory.load("75056").code)
    assert any("plus grand" in one.fr for one in cautions(paris, "outside"))


def test_a_sample_a_stylised_territory_and_fixed_parameters_are_assumptions(home):
    assert any("1 acteur sur" in one.fr for one in cautions(home.at(LARGE), "assumption"))
    assert any("stylisé" in one.fr for one in cautions(home.at("cas-rural"), "assumption"))
    assert any("fixes" in one.fr for one in cautions(home.drawing(False), "assumption"))
    assert any("2020" in one.fr for one in cautions(home, "assumption"))


def test_a_lever_whose_strength_nobody_measured_is_called_an_assumption(home):
    assert any("Droit" in one.fr for one in cautions(home, "assumption", **{"droit.strength": 1.0}))
    told = cautions(home, "assumption", **{"catalysis.fte": 2})
    assert not any("Catalyse" in one.fr for one in told)  # some of its parameters are cited


def test_what_is_said_to_change_nothing_changes_nothing():
    """Without catalysts, to the bit: people are the same, only the spending may differ."""
    reference = tiny(months=18)
    idle = tiny(
        months=18, catalysis={"caseload": 30, "session_size": 30}, lieux={"capacity": 90},
        parameters={"sessions_per_fte": 9.0}, donnees={"territoires": 50.0},
        outils={"territoires": 50.0}, competences={"territoires": 50.0},
    )  # fmt: skip
    before, after = (engine.kept(engine.plan(one), 1, 0)[1] for one in (reference, idle))
    for name in INDICATORS:
        if name not in ("spending", "reach"):
            for group in INDICATORS[name].groups:
                k = engine.COLUMNS.index((name, group))
                np.testing.assert_array_equal(before[:, k], after[:, k], err_msg=f"{name} {group}")


def test_the_domain_is_that_of_the_calibration():
    known = warnings.domain()
    assert known.least < known.most and known.until == 2020 and known.fte == 6.0


def test_every_caution_speaks_both_languages_and_says_what_it_rests_on(home):
    busy = home.moved(**{"catalysis.fte": 12, "catalysis.caseload": 40, "droit.strength": 1.0,
                         "prime.amount": 50, "prime.yearly_budget": 0}).drawing(False)  # fmt: skip
    found = cautions(busy)
    assert [one.kind for one in found] == sorted(
        (one.kind for one in found), key=("contradiction", "outside", "assumption").index
    )
    for one in found:
        assert one.words("fr") != one.words("en") and one.source("fr") and one.source("en")
        assert len(one.section) <= 40  # an address keeps it


def test_a_scenario_is_all_that_cautions_need():
    assert warnings.found(Scenario(), Scenario(), {}) is not None
