"""Numbers of the model that change only on purpose.

A change of rule, parameter or key changes them, and the commit that does so says why. To write
them anew, from the root of the checkout:

    .venv/bin/python tests/test_reference_numbers.py --write
"""

import json
import sys
from pathlib import Path

import pytest

from cosim import engine
from cosim.indicators import column
from cosim.scenario import Scenario

FILE = Path(__file__).with_name("reference_numbers.json")
SEED = 20_260
PLACE = {"code": "synthetic", "synthetic": {"communes": 4, "population": 6000}}
SCENARIOS = {
    "without catalysts": {"territory": PLACE},
    "four métiers, vote, crisis": {
        "territory": PLACE,
        "catalysis": {"fte": 2.0, "start": "2011-01"},
        "context": {"crises": [{"start": "2012-03", "months": 6, "depth": 1.0}]},
    },
}
MONTHS = ("2010-01", "2013-06", "2016-12")
INDICATORS = (
    ("convinced", ""), ("convinced", "elu"), ("convinced", "elu/executif"), ("able", ""),
    ("commitment", ""), ("know_how", ""), ("engaged", ""), ("engaged", "company"),
    ("engaged", "association/employer"), ("engaged_local", "company"), ("alliances", ""),
    ("alliances", "mecenat"), ("alliances", "contrat-alliance"), ("alliances", "experiment"),
    ("births", ""), ("endings", ""), ("age", ""), ("size", ""), ("load", ""), ("supported", ""),
    ("recognised", ""), ("trust_within", ""), ("trust_across", ""), ("cross_ties", ""),
    ("degree", ""), ("clustering", ""), ("components", ""), ("fragility", ""), ("engines", ""),
    ("force", "vision"), ("lever", "total"), ("actors", ""), ("spending", ""),
)  # fmt: skip


def numbers(name):
    """Replicate -> month -> indicator -> value, rounded to 12 decimals."""
    scenario = Scenario(**SCENARIOS[name])
    ready = engine.plan(scenario)
    table = {}
    for replicate in (0, 1):
        out, _ = engine.replicate(ready, SEED, replicate)
        table[str(replicate)] = {
            month: {
                f"{indicator}/{group}".rstrip("/"): round(
                    float(out[scenario.month_index(month), column(indicator, group)]), 12
                )
                for indicator, group in INDICATORS
            }
            for month in MONTHS
        }
    return table


def flat(table):
    return {
        (replicate, month, indicator): value
        for replicate, months in table.items()
        for month, row in months.items()
        for indicator, value in row.items()
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_numbers_of_the_model_change_only_on_purpose(name):
    expected = flat(json.loads(FILE.read_text(encoding="utf-8"))[name])
    found = flat(numbers(name))
    assert found.keys() == expected.keys()
    different = [
        f"{' '.join(key)}: {value} instead of {expected[key]}"
        for key, value in found.items()
        if abs(value - expected[key]) > 1e-9
    ]
    assert not different, f"{len(different)} numbers, of which " + "; ".join(different[:8])


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("say --write to replace the reference numbers")
    text = json.dumps({name: numbers(name) for name in SCENARIOS}, indent=1, ensure_ascii=False)
    FILE.write_text(text + "\n", encoding="utf-8")
