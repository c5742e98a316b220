"""What equal luck saves: the measure itself, and the table of the page held to it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import scenario

import cosim
from cosim import luck
from cosim.errors import CosimError, ResultsError

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def pair():
    reference = scenario(months=24)
    return reference, reference.with_(**{"catalysis.fte": 2, "catalysis.start": "2010-07"})


def test_a_ratio_is_that_of_two_variances_with_the_interval_of_fisher():
    rng = np.random.default_rng(3)
    keyed, apart = rng.normal(1.0, 2.0, 41), rng.normal(1.0, 6.0, 41)
    mean, same, other, ratio, low, high = luck._ratio(keyed, apart)
    assert mean == keyed.mean() and (same, other) == (keyed.std(ddof=1), apart.std(ddof=1))
    assert ratio == pytest.approx((other / same) ** 2)
    assert ratio / low == pytest.approx(1.8752, rel=1e-4)  # F(40, 40) at .975
    assert high / ratio == pytest.approx(ratio / low)
    assert np.isnan(luck._ratio(np.ones(5), apart[:5])[3])


def test_the_same_luck_leaves_less_between_two_scenarios_than_a_luck_for_each(pair):
    seen = []
    rows = luck.measured({"pair": pair}, 30, ["2010-06", "2010-12"], ["convinced/elu", "degree"],
                         progress=lambda *at: seen.append(at))  # fmt: skip
    assert seen[-1] == (120, 120) and luck.simulated({"pair": pair}, 30) == 120
    before, after = (rows[rows.month == month] for month in ("2010-06", "2010-12"))
    assert (before.keyed == 0.0).all() and before.ratio.isna().all()  # nothing differs yet
    assert (after.low > 1.0).all()
    effect = cosim.compare(*pair, replicates=30, seed=luck.SAME)
    assert after.difference.iloc[1] == pytest.approx(effect.difference("degree")[:, 11].mean())


def test_scenarios_that_share_a_reference_share_its_ensembles(pair):
    reference, _ = pair
    third = reference.with_(**{"lieux.number": 1})
    assert luck.simulated({"a": pair, "b": (reference, third)}, 10) == 60


@pytest.mark.parametrize("options", [{"replicates": 2}, {"months": ["2019-01"]}, {"shown": ["x"]}])
def test_what_cannot_be_measured_is_refused(pair, options):
    with pytest.raises(ResultsError):
        luck.measured({"pair": pair}, **{"replicates": 3, "months": ["2010-06"], **options})


def test_a_scenario_without_a_reference_of_the_same_place_is_refused():
    with pytest.raises(ResultsError, match="territories"):
        luck.shipped(["cas-rural"])


def test_the_page_holds_the_measured_table_and_says_what_made_it():
    about = json.loads((DOCS / luck.FOLDER / luck.ABOUT).read_text("utf-8"))
    rows = pd.read_csv(DOCS / luck.FOLDER / luck.TABLE)
    assert set(rows.scenario) == set(luck.SCENARIOS)
    pairs = luck.shipped()
    assert about["digests"] == {name: [one.digest for one in pair] for name, pair in pairs.items()}
    assert (rows.replicates == about["replicates"]).all()
    assert len(rows) == len(luck.SCENARIOS) * len(luck.MONTHS) * len(luck.SHOWN)
    assert luck.page(DOCS) == (DOCS / luck.PAGE).read_text("utf-8")


def test_what_the_page_says_of_its_intervals_is_so():
    rows = pd.read_csv(DOCS / luck.FOLDER / luck.TABLE).dropna(subset="ratio")
    text = (DOCS / luck.PAGE).read_text("utf-8")
    above, below = int((rows.low > 1.0).sum()), int((rows.high < 1.0).sum())
    assert below == 0 and f"{above} des {len(rows)} intervalles" in text
    assert f"{above} of the {len(rows)} intervals" in text


def test_a_row_of_the_page_is_found_again_with_fewer_replicates():
    """Not the same digits: the interval of a smaller study holds the ratio of the larger one."""
    name = "metier-lieu"
    key, shown = ["scenario", "month", "indicator"], ["alliances", "convinced/elu"]
    rows = pd.read_csv(DOCS / luck.FOLDER / luck.TABLE).set_index(key)
    again = luck.measured(luck.shipped([name]), 24, [luck.MONTHS[0]], shown)
    for row in again.to_dict("records"):
        large = rows.loc[(name, row["month"], row["indicator"])]
        assert row["low"] < large["ratio"] < row["high"]
        assert large["low"] < large["ratio"] < large["high"]
        assert row["apart"] == pytest.approx(large["apart"], rel=0.5)


def test_a_page_without_its_table_says_which_command_makes_it(tmp_path):
    (tmp_path / luck.PAGE).write_text("")
    with pytest.raises(CosimError, match="cosim luck --collect docs"):
        luck.page(tmp_path)
