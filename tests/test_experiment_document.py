"""An experiment is read as strictly as a scenario, and makes the points that it says."""

import numpy as np
import pytest

from cosim.errors import CosimError
from cosim.experiment import design, document
from cosim.scenario import load

FILE = """
title = "Dose"
reference = "reference-2020"
replicates = 8
arms = "catalysis.fte"

[set]
catalysis.start = "2021-01"

[per]
inhabitants = 25000
keys = ["catalysis.fte"]

[factors]
"catalysis.fte" = [0, 2]

[factors.territory]
rural = { territory = { code = "cas-rural" } }
town = { territory = { code = "cas-bourg-centre", sample = 0.5 } }

[outcomes]
alliances = "alliances @ 2026-12"

[contrasts.dose]
estimate = "alliances[2] - alliances[0]"
sign = "+"
"""
SAMPLED = """
title = "Étendues"
reference = "reference-2020"
[factors]
"parameters.trust_gain" = { low = 0.05, high = 0.2 }
"parameters.hazard" = { low = 0.06, high = 0.3, log = true }
"catalysis.fte" = [0, 2]
[design]
kind = "KIND"
samples = 8
trajectories = 3
crossed = ["catalysis.fte"]
[outcomes]
alliances = "alliances @ 2026-12"
"""


def changed(old, new, text=FILE):
    assert old in text
    return document.loads(text.replace(old, new, 1), "f.toml")


# -- points -------------------------------------------------------------------------------


def test_a_full_factorial_design_has_every_combination_once():
    experiment = document.loads(FILE)
    levels = [tuple(point.levels.values()) for point in experiment.points]
    assert levels == [(0, "rural"), (0, "town"), (2, "rural"), (2, "town")]
    assert [point.arm for point in experiment.points] == ["0", "0", "2", "2"]
    assert [point.stratum for point in experiment.points] == [("rural",), ("town",)] * 2


def test_doses_by_inhabitants_have_the_same_density_in_every_territory():
    points = document.loads(FILE).points
    from cosim import engine

    for point in points[2:]:
        people = engine.territory_of(point.scenario).inhabitants
        assert point.scenario.catalysis.fte == pytest.approx(2 * people / 25000)


def test_a_point_is_the_scenario_that_one_would_write_by_hand():
    point = document.loads(FILE).points[2]
    by_hand = load("reference-2020").with_(
        **{"catalysis.start": "2021-01", "territory.code": "cas-rural",
           "catalysis.fte": 2 * 11827 / 25000}
    )  # fmt: skip
    assert point.scenario.digest == by_hand.digest


def test_a_level_can_go_on_as_another_scenario_from_a_month():
    experiment = changed(
        'rural = { territory = { code = "cas-rural" } }',
        'rural = { territory = { code = "cas-rural" }, '
        'then = { at = "2024-01", catalysis.fte = 6 } }',
    )
    (month, later), = experiment.points[2].then  # fmt: skip
    assert month == "2024-01"
    assert later.catalysis.fte == pytest.approx(6 * 11827 / 25000)
    assert later.catalysis.start == "2021-01"
    plain = document.loads(FILE).points[2]
    assert experiment.points[2].digest != plain.digest
    assert experiment.points[2].scenario.digest == plain.scenario.digest


def test_scenarios_can_be_the_levels():
    experiment = document.loads(
        FILE.replace("[factors.territory]", 'scenario = ["reference-2020", "sans-elections"]\n')
        .replace('rural = { territory = { code = "cas-rural" } }\n', "")
        .replace('town = { territory = { code = "cas-bourg-centre", sample = 0.5 } }\n', "")
    )
    votes = [len(point.scenario.context.elections) for point in experiment.points]
    assert votes == [4, 0, 4, 0] or (votes[1] == votes[3] == 0 and votes[0] > 0)


def test_titles_change_no_digest_and_designs_do():
    digest = document.loads(FILE).digest
    assert changed('"Dose"', '"Autre"').digest == digest
    assert changed("[0, 2]", "[0, 2, 4]").digest != digest
    assert changed("2026-12", "2027-12").digest != digest


@pytest.mark.parametrize(
    ("kind", "draws"), [("lhs", 8), ("sobol", 8 * (3 + 2)), ("morris", 3 * (3 + 1))]
)
def test_a_sampled_design_crosses_its_draws_with_the_levels_that_are_not_drawn(kind, draws):
    experiment = document.loads(SAMPLED.replace("KIND", kind))
    assert len(experiment.points) == 2 * draws
    cube = design.unit(experiment)
    names = design.problem(experiment)["names"]
    assert cube.shape == (draws, len(names))
    assert (names[-1] == design.DUMMY) == (kind != "lhs")
    table = experiment.design_table
    assert (table.groupby("sample")["catalysis.fte"].nunique() == 2).all()
    first = table[table["catalysis.fte"] == 0]
    assert first["parameters.trust_gain"].to_numpy() == pytest.approx(0.05 + 0.15 * cube[:, 0])
    assert np.log(first["parameters.hazard"].to_numpy()) == pytest.approx(
        np.log(0.06) + np.log(5.0) * cube[:, 1]
    )


def test_the_dummy_of_a_sensitivity_design_changes_no_scenario():
    experiment = document.loads(SAMPLED.replace("KIND", "morris"))
    by_levels = {}
    for point in experiment.points:
        levels = tuple(v for k, v in point.levels.items() if k not in ("dummy", "sample"))
        assert by_levels.setdefault(levels, point.digest) == point.digest


def test_a_hypercube_has_one_draw_in_each_slice():
    cube = design.unit(document.loads(SAMPLED.replace("KIND", "lhs")))
    assert (np.sort((cube * 8).astype(int), axis=0) == np.arange(8)[:, None]).all()


def test_a_table_says_its_points(tmp_path):
    (tmp_path / "points.csv").write_text(
        "parameters.trust_gain;parameters.hazard;catalysis.fte\n0,07;0,1;2\n0,2;0,06;0\n"
    )
    (tmp_path / "e.toml").write_text(
        SAMPLED.replace('"KIND"', '"table"\nfile = "points.csv"').replace(
            'crossed = ["catalysis.fte"]\n', ""
        )
    )
    first, second = document.load(tmp_path / "e.toml").points
    assert first.scenario.parameters == {"trust_gain": 0.07, "hazard": 0.1}
    assert (first.scenario.catalysis.fte, second.scenario.catalysis.fte) == (2, 0)


@pytest.mark.parametrize(
    ("cell", "words"),
    [("0,9;0,1;2", "line 2, parameters.trust_gain: out of range"),
     ("x;0,1;2", "expected a number from 0.05 to 0.2"), ("0,1;0,1;3", "unknown level")],
)  # fmt: skip
def test_a_cell_of_a_table_that_is_not_accepted_is_named(tmp_path, cell, words):
    (tmp_path / "points.csv").write_text(
        f"parameters.trust_gain;parameters.hazard;catalysis.fte\n{cell}\n"
    )
    (tmp_path / "e.toml").write_text(
        SAMPLED.replace('"KIND"', '"table"\nfile = "points.csv"').replace(
            'crossed = ["catalysis.fte"]\n', ""
        )
    )
    with pytest.raises(CosimError, match=words):
        document.load(tmp_path / "e.toml")


# -- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('arms = "catalysis.fte"', 'arms = "catalysis.ft"', "arms: no such factor.*catalysis.fte"),
        ("[0, 2]", "[0, -2]", "factors.catalysis.fte: out of range.*from 0 to 200, got -2"),
        ("[0, 2]", "[]", "a factor without levels"),
        ("[0, 2]", "[2, 2]", "a level stands twice"),
        ("[0, 2]", '"two"', "factors.catalysis.fte: not a factor"),
        ('"catalysis.fte" = [', '"catalysis.ftee" = [', "no such factor|unknown key"),
        ("replicates = 8", "replicate = 8", "replicate: unknown key.*'replicates'"),
        ("replicates = 8", "replicates = 0", "replicates: out of range"),
        ("replicates = 8", "replicates = 8.5", "replicates: not accepted"),
        ('"reference-2020"', '"reference-2021"', "reference: no such file.*reference-2020"),
        ("catalysis.start", "catalysis.strat", "set.catalysis.strat: unknown key"),
        ("alliances @ 2026-12", "alliance @ 2026", "outcomes.alliances: unknown.*'alliances'"),
        ("alliances @ 2026-12", "alliances @ 2066", "outcomes.alliances: outside the run"),
        ("alliances[2] -", "alliances[3] -", "contrasts.dose.estimate: unknown arm"),
        ("alliances[2] -", "alliance[2] -", "unknown outcome.*'alliances'"),
        ("alliances[2] -", "alliances[2] *", "not a linear formula"),
        ("alliances[2] - alliances[0]", "alliances[0] + 1", "outcomes of arms alone"),
        ("alliances[2] - alliances[0]", "exit()", "not a linear formula"),
        ('sign = "+"', 'sign = "plus"', "sign: unknown name"),
        ('sign = "+"', 'sign = "0"', "no effect is ever exactly zero"),
        ('keys = ["catalysis.fte"]', 'keys = ["catalysis.mix"]', "not a number of the scenario"),
        ("cas-rural", "cas-rurale", "factors.territory.rural: territory: unknown cas-type"),
        ("cas-bourg-centre", "cas-x", "factors.territory.town: territory: unknown cas-type"),
        ("[outcomes]", '[design]\nkind = "lsh"\n[outcomes]', "design.kind: unknown name.*'lhs'"),
        ("[outcomes]", '[design]\nkind = "lhs"\ncrossed=["territory", "catalysis.fte"]\n[outcomes]',
         "needs something to sample"),
        ("[outcomes]", '[design]\nkind = "table"\n[outcomes]', "a table needs its file"),
        ("[outcomes]", '[design]\ncrossed = ["x"]\n[outcomes]', "no such list of levels"),
        ('title = "Dose"', "", "title: a key is missing"),
    ],
)  # fmt: skip
def test_what_is_not_accepted_is_one_clear_error(old, new, words):
    with pytest.raises(CosimError, match=words) as caught:
        changed(old, new)
    assert str(caught.value).startswith("f.toml, ")
    assert "\n" not in str(caught.value)


def test_a_stopping_rule_watches_one_thing_and_replaces_the_replicates():
    rule = "[stopping]\nhalf_width = 1.0\n"
    with pytest.raises(CosimError, match=r"stopping.contrast: a stopping rule watches one thing"):
        document.loads(FILE.replace("replicates = 8", "") + rule)
    with pytest.raises(CosimError, match=r"stopping.contrast: unknown contrast.*'dose'"):
        document.loads(FILE.replace("replicates = 8", "") + rule + 'contrast = "dos"')
    with pytest.raises(CosimError, match="either a number of replicates or a stopping rule"):
        document.loads(FILE + rule + 'contrast = "dose"')
    accepted = document.loads(FILE.replace("replicates = 8", "") + rule + 'contrast = "dose"')
    assert accepted.least_replicates() == 20


def test_a_hypothesis_expects_something():
    hypothesis = '[hypothesis]\nid = "H1"\nfr = "x"\nen = "x"\n'
    with pytest.raises(CosimError, match="a hypothesis expects something"):
        document.loads(FILE.replace('sign = "+"', "") + hypothesis)
    assert document.loads(FILE + hypothesis).hypothesis.id == "H1"


def test_an_unquoted_dotted_key_is_explained():
    unquoted = '"catalysis.fte" = [0, 2]\nparameters.hazard = { low = 0.1, high = 0.2 }'
    with pytest.raises(CosimError, match="the dotted key in quotes"):
        changed('"catalysis.fte" = [0, 2]', unquoted)


@pytest.mark.parametrize("name", ["h01", "nothing", "../x"])
def test_an_unknown_experiment_is_refused(name):
    with pytest.raises(CosimError, match="no such file, nor a shipped experiment"):
        document.load(name)


def test_every_shipped_experiment_can_be_read_and_says_what_it_is_in_both_languages():
    known = document.shipped()
    assert len([name for name in known if name.startswith("h")]) == 12
    for name in known:
        experiment = document.load(name)
        for text in (experiment.title, experiment.title_en, experiment.question,
                     experiment.question_en, experiment.source):  # fmt: skip
            assert text, name
        for contrast in experiment.contrasts.values():
            assert contrast.fr and contrast.en, name


def test_modules_of_a_reference_are_found_from_the_experiment(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.py").write_text("")
    (tmp_path / "rules" / "s.toml").write_text(
        'extends = "reference-2020"\n[model]\nmodules = ["mine.py"]\n'
    )
    (tmp_path / "e.toml").write_text(FILE.replace('"reference-2020"', '"rules/s.toml"'))
    (path,) = document.load(tmp_path / "e.toml").points[0].scenario.module_paths
    assert path == tmp_path / "rules" / "mine.py"
