"""Experiments that run in a second: a small stylised territory, two years, a lively world."""

from __future__ import annotations

from conftest import BUSY, synthetic

from cosim.experiment.document import Experiment, build

#: A researcher's own rule, whose body is given.
RULE = '''"""A rule of one's own."""
from cosim import streams
from cosim.mechanisms import mechanism

@mechanism("own", writes=("actors.commitment",), source="a test",
           sentence_fr="Une règle à soi.", sentence_en="A rule of one's own.")
def own(state, params, month, key):
    {body}
'''
#: A body that fails in replicate 3 of seed 3, in the sixth month.
FAILS = "if month == 5 and key == streams.key(3, 3): raise ValueError('trop\\n    tard')"


def document(**changes):
    """The document of a small experiment; `changes` replace its tables."""
    return {
        "title": "Petit essai",
        "reference": "reference-2010",
        "replicates": 6,
        "seed": 3,
        "series": ["alliances", "engaged/elu"],
        "arms": "catalysis.fte",
        "set": {
            "time": {"start": "2010-01", "end": "2011-12"},
            "territory": synthetic(communes=2, population=1500),
            "parameters": BUSY,
        },
        "factors": {"catalysis.fte": [0, 2], "parameters.trust_gain": [0.05, 0.1]},
        "outcomes": {"alliances": "alliances @ 2011-12", "share": "engaged[elu] @ 2011-12"},
        "contrasts": {"dose": {"estimate": "alliances[2] - alliances[0]", "sign": "+"}},
        **changes,
    }


def small(folder=None, **changes) -> Experiment:
    """A small experiment; paths start from `folder`."""
    return build(document(**changes), folder=folder)


def with_rule(folder, body=FAILS, **changes) -> Experiment:
    """A small experiment whose reference has a rule of one's own."""
    (folder / "own.py").write_text(RULE.format(body=body))
    settings = {**document()["set"], "model": {"modules": ["own.py"], "after": {"life": ["own"]}}}
    return small(folder, **{"set": settings, **changes})
