"""The documents' concepts become numbers as they define them, and pictures that can be read."""

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pytest
from conftest import BUSY, scenario

from cosim import composites, drawing, effects, figures, figures_concepts, results
from cosim.effects import Effect
from cosim.figures_concepts import FIGURES
from cosim.indicators import WORLDS
from cosim.results import Ensemble
from cosim.state import RUNGS, TYPES

MONTHS = 36
DRAWN_HERE = sorted(set(figures_concepts.__all__) & set(FIGURES))
SERIES = [name for name in DRAWN_HERE if FIGURES[name].data == "Effect | Ensemble"]


@dataclass(frozen=True, eq=False)
class Told(Ensemble):
    """An ensemble whose series a test tells; the others are those of the run."""

    told: dict = field(default_factory=dict)

    def array(self, indicator, group=""):
        if (indicator, group) in self.told:
            return self.told[indicator, group]
        return super().array(indicator, group)


def told(one, series):
    """The ensemble with series told as float64[replicates, months], or what broadcasts to it."""
    shape = one.values.shape[:2]
    return Told(
        one.scenario, one.place, one.seed, one.values, one.start,
        told={key: np.broadcast_to(np.asarray(x, float), shape) for key, x in series.items()},
    )  # fmt: skip


def later(one, more):
    """The series of the concepts, larger with `more`."""
    months = np.arange(MONTHS)
    series = {
        ("alliances", f"{kind}/{rung}"): one.array("alliances", kind) * (0.7 if k == 0 else 0.3)
        for kind in TYPES
        for k, rung in enumerate(RUNGS)
    }
    for group, kinds in (("interet-general", TYPES[:2]), ("economique", TYPES[2:])):
        series["alliances", group] = sum(one.array("alliances", kind) for kind in kinds)
    series["engaged_measured", ""] = one.array("engaged") * (0.6 + 0.1 * more)
    for k, group in enumerate(("gestion", "projets", "catalyse")):
        series["ingenierie", group] = 0.1 + 0.2 * k * more + months / 300
    levers = ("catalysis", "lieux", "droit", "ingenierie", "prime", "donnees", "outils",
              "competences", "reconnaissance", "usine")  # fmt: skip
    for k, lever in enumerate(levers):
        series["spending", lever] = more * (lever != "droit") * months * 300 / (k + 1)
    series["spending", ""] = sum(series["spending", lever] for lever in levers)
    for k, lever in enumerate(("donnees", "outils", "competences")):
        for j, public in enumerate(("organisations", "territoires", "collectivites", "institutions")):  # noqa: E501  # fmt: skip
            reached = 0.05 + more * (0.9 - 0.2 * k - 0.1 * j) * np.minimum(1, months / 12)
            series["reach", f"{lever}/{public}"] = np.where(months < 24, reached, 0.0)
    return told(one, series)


@pytest.fixture(scope="module")
def run():
    """Three years of a small world, with and without two catalysts: the engine's own columns."""
    reference = scenario(months=MONTHS, parameters=BUSY)
    return effects.compare(reference, reference.with_(**{"catalysis.fte": 2.0}), 6, 1, 1)


@pytest.fixture(scope="module")
def effect(run):
    return Effect(later(run.reference, 0.0), later(run.scenario, 1.0))


@pytest.fixture(scope="module")
def journal(run):
    return results.run(run.scenario.scenario, seed=1)


# -- seven forces -------------------------------------------------------------------------


def level(one, **forces):
    """The ensemble with every force at .5, but for those given."""
    return told(
        one, {("force", f): forces.get(f.replace("-", "_"), 0.5) for f in composites.FORCES}
    )


def test_a_force_is_one_at_the_ninetieth_percentile_of_the_reference(run):
    rng = np.random.default_rng(1)
    shape = run.reference.values.shape[:2]
    reference = level(run.reference, vision=rng.random(shape))
    table = composites.seven_forces(level(run.scenario, vision=0.3), reference)
    vision = table[table["force"] == "vision"]
    expected = 0.3 / np.quantile(reference.array("force", "vision"), 0.9)
    assert vision["value"].to_numpy() == pytest.approx(expected)
    assert (vision["raw"] == 0.3).all()


def test_the_index_is_the_geometric_mean_so_that_a_missing_force_is_not_made_up_for(run):
    table = composites.seven_forces(level(run.scenario, actions=0.0, vision=5.0), level(run.reference))  # noqa: E501  # fmt: skip
    assert len(table) == 7 * run.n * MONTHS
    missing = table.loc[table["force"] == "actions", "value"]
    # The reference has actions: at none, the force is at the floor.
    assert (missing == composites.FLOOR).all()
    assert table["index"].to_numpy() == pytest.approx((0.01 * 10.0) ** (1 / 7))
    assert table["index"].max() < table["value"].mean()


def test_a_force_that_the_reference_never_had_is_measured_on_the_scenario_itself(run):
    none = level(run.reference, dispositifs=0.0)
    with_ = composites.seven_forces(level(run.scenario, dispositifs=0.2), none)
    without = composites.seven_forces(none)
    assert with_.loc[with_["force"] == "dispositifs", "value"].to_numpy() == pytest.approx(1.0)
    assert (without.loc[without["force"] == "dispositifs", "value"] == composites.FLOOR).all()


def test_the_last_year_averages_twelve_months_before_the_geometric_mean(run):
    births = np.zeros(MONTHS)
    births[-12::2] = 1.0
    year = composites.last_year(composites.seven_forces(level(run.scenario, actions=births)))
    assert len(year) == run.n
    values = composites.seven_forces(level(run.scenario, actions=births))
    actions = values.loc[values["force"] == "actions", "value"].to_numpy().reshape(run.n, MONTHS)
    assert year["actions"].to_numpy() == pytest.approx(actions[:, -12:].mean(axis=1))
    assert year["index"].to_numpy() == pytest.approx(year["actions"].to_numpy() ** (1 / 7))


# -- barycentre and ladders ---------------------------------------------------------------


def test_the_barycentre_s_shares_sum_to_one_and_its_total_is_beside(run):
    path = composites.barycentre(run.scenario)
    assert path[["vision", "gestion", "action"]].sum(axis=1).to_numpy() == pytest.approx(1.0)
    expected = np.median(run.scenario.array("lever", "total"), axis=0)
    assert path["total"].to_numpy() == pytest.approx(expected)
    assert path.loc[path["yearly"], "month"].dt.strftime("%Y-%m").tolist() == [
        "2010-01", "2011-01", "2012-01", "2012-12",
    ]  # fmt: skip


def test_a_territory_where_nobody_is_convinced_able_or_engaged_has_no_barycentre(run):
    none = told(run.scenario, {("lever", g): 0.0 for g in ("vision", "gestion", "action", "total")})
    path = composites.barycentre(none)
    assert not path[["vision", "gestion", "action", "total"]].to_numpy().any()


def test_each_family_is_whole_on_its_ladder_every_month(run):
    table = composites.ladders(run.scenario)
    assert table.groupby(["kind", "month"])["share"].sum().to_numpy() == pytest.approx(1.0)
    assert set(table["kind"]) == set(composites.LADDERS) == set(WORLDS)


def test_a_rung_s_share_is_the_median_of_the_replicates_made_whole(run):
    shares = {1: 0.6, 2: 0.3, 3: 0.2, 4: 0.1}
    one = told(run.scenario, {("rung", f"elu/{k}"): x for k, x in shares.items()})
    table = composites.ladders(one)
    elus = table[(table["kind"] == "elu") & (table["month"] == table["month"].max())]
    assert dict(zip(elus["rung"], elus["share"], strict=True)) == pytest.approx(
        {k: x / 1.2 for k, x in shares.items()}
    )


def test_companies_climb_the_published_levels_of_rse():
    assert composites.LADDERS["company"].rungs("fr") == (
        "Respect de la législation", "Gestion des risques", "Leviers d'efficacité",
        "Impacts sur le développement",
    )  # fmt: skip
    for ladder in composites.LADDERS.values():
        for lang in ("fr", "en"):
            assert len(set(ladder.rungs(lang))) == 4


# -- domains × actors × territories ---------------------------------------------------------


def test_the_articulation_counts_the_living_alliances_of_each_pair_of_worlds(journal):
    table = figures_concepts.touched(journal)
    kinds = journal.actors.set_index("actor")["kind"]
    communes = journal.actors.set_index("actor")["commune"]
    living = journal.alliances[journal.alliances["ended"].isna()]
    present = journal.memberships[journal.memberships["left"].isna()]
    expected, where = {}, {}
    for alliance, domain in zip(living["alliance"], living["domain"], strict=True):
        seated = [a for a in present.loc[present["alliance"] == alliance, "actor"] if a in kinds]
        worlds = {kinds[a] for a in seated}
        for pair in combinations(WORLDS, 2):
            if set(pair) <= worlds:
                expected[domain, pair] = expected.get((domain, pair), 0) + 1
                places = where.setdefault((domain, pair), set())
                places.update(communes[a] for a in seated if kinds[a] in pair)
    assert expected
    for row in table.itertuples():
        assert row.alliances == expected.get((row.domain, row.pair), 0)
        assert row.communes == len(where.get((row.domain, row.pair), ()))
    assert len(table) == len(journal.scenario.territory.domains) * 6


# -- pictures -----------------------------------------------------------------------------


def boxes(figure):
    """(text, its box in pixels) of every text that is seen."""
    from matplotlib.text import Text

    with drawing.style():
        figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    hidden = {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks() + axis.get_minor_ticks()
        for label in (tick.label1, tick.label2)
        if not label.get_visible() or not axes.axison
        or not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }  # fmt: skip
    return [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


def check_readable(figure):
    """No text is cut by the edge of the figure, and no two texts cover one another."""
    width, height = figure.get_size_inches() * figure.dpi
    found = boxes(figure)
    assert len(found) > 3
    for text, box in found:
        assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height, text
    for (a, one), (b, other) in combinations(found, 2):
        wide = min(one.x1, other.x1) - max(one.x0, other.x0)
        high = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert wide <= 1 or high <= 2, (a, b)


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("name", DRAWN_HERE)
def test_every_concept_is_drawn_in_both_languages_with_no_text_cut_or_covered(
    name, lang, effect, journal
):
    about = FIGURES[name]
    figure = about.draw(effect if name in SERIES else journal, lang=lang)
    assert figure.get_figwidth() == figures.WIDTH
    check_readable(figure)
    assert figure.texts[0].get_text() == (about.en if lang == "en" else about.fr)


@pytest.mark.parametrize("name", SERIES)
def test_one_scenario_is_drawn_without_a_reference(name, effect):
    figure = FIGURES[name].draw(effect.scenario)
    check_readable(figure)
    assert not any("référence" in text or "réf." in text for text, _ in boxes(figure))


@pytest.mark.parametrize("name", SERIES)
def test_every_concept_is_drawn_from_what_a_run_measures(name, run):
    check_readable(FIGURES[name].draw(run))


def test_the_picture_writes_numbers_as_french_and_english_do(effect):
    french = " ".join(text for text, _ in boxes(figures_concepts.reach_by_public(effect)))
    english = " ".join(text for text, _ in boxes(figures_concepts.reach_by_public(effect, "en")))
    # 5 % of the publics are reached in the reference, and 95 % at most with the lever.
    assert "95\u202f%" in french and "réf. 5\u202f%" in french
    assert "95%" in english and "ref. 5%" in english


def test_a_lever_that_spends_nothing_has_no_label(effect):
    shown = " ".join(text for text, _ in boxes(figures_concepts.spending_by_lever(effect)))
    assert "catalyse" in shown and "droit" not in shown
    nobody = boxes(figures_concepts.spending_by_lever(effect.reference))
    assert any("aucun levier ne dépense" in text for text, _ in nobody)


def test_the_two_outcomes_are_never_merged_and_say_that_they_are_assumptions(effect):
    figure = figures_concepts.two_outcomes(effect)
    assert len(figure.axes) == 2
    assert all("hypothèse" in axes.get_title(loc="left") for axes in figure.axes)


def test_the_gap_between_true_and_measured_is_that_of_the_hidden_alliances(effect):
    true, seen = (np.median(effect.scenario.array(n)[:, -1]) for n in ("engaged", "engaged_measured"))  # noqa: E501  # fmt: skip
    shown = " ".join(text for text, _ in boxes(figures_concepts.measured_vs_true(effect)))
    assert f"cachées {drawing.number(100 * (true - seen), 1)}" in shown


def test_the_list_names_every_figure_with_its_concept_and_what_it_draws():
    assert set(FIGURES) >= {
        "fan_chart", "belief_vs_practice", "alliances_by_type", "alliances_by_origin", "who_gains",
        "survival", "territory_map", "network",
        *(set(figures_concepts.__all__) - {"FIGURES", "Concept"}),
    }  # fmt: skip
    for about in FIGURES.values():
        assert about.words and about.fr and about.en
        assert about.data in ("Effect | Ensemble", "Effect", "Results")
