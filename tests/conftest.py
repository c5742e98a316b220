"""Plans that many tests share: a plan is made once, each test draws its own states from it."""

from __future__ import annotations

import pytest

from cosim import engine
from cosim.scenario import Scenario

METIERS = ("dialogue", "experimentation", "accompagnement", "lieu")
#: A lively small world: what is rare at the defaults happens within months.
BUSY = {"birth_base": -8.0, "encounters": 0.8, "hazard": 0.3}

#: The file of a researcher's own rule.
RULE = '''"""Everybody tires a little, and those who carry alliances tire less."""
from cosim.mechanisms import mechanism

@mechanism("tired", writes=("actors.commitment",), source="a test",
           sentence_fr="Tout le monde se fatigue.", sentence_en="Everybody tires.")
def tired(state, params, month, key):
    actors = state.actors
    actors.commitment[:] *= 1.0 - 0.05 / (1.0 + actors.load)
'''


def synthetic(communes=3, population=2500, number=1, sample=1.0):
    return {
        "code": "synthetic",
        "sample": sample,
        "synthetic": {"communes": communes, "population": population, "number": number},
    }


def only(metier):
    """The mix of catalysts who do one métier."""
    return {name: float(name == metier) for name in METIERS}


def scenario(months=24, start="2010-01", place=None, **tables):
    """A scenario on a small stylised territory, of so many months."""
    year, month = (int(part) for part in start.split("-"))
    years, rest = divmod(month - 1 + months - 1, 12)
    time = {"start": start, "end": f"{year + years}-{rest + 1:02d}", **tables.pop("time", {})}
    return Scenario(**{"time": time, "territory": place or synthetic(), **tables})


@pytest.fixture(scope="session")
def plain():
    """Default rules and parameters, no catalyst, two years."""
    return engine.plan(scenario())


@pytest.fixture(scope="session")
def lively():
    """Two years with catalysts and an election, so that people and alliances come and go."""
    return scenario(
        months=24,
        catalysis={"fte": 2, "start": "2010-07"},
        context={"elections": ["2011-03"]},
        parameters=BUSY,
    )


@pytest.fixture(scope="session")
def everything():
    """Four métiers, an election and a crisis, a lively world, three years."""
    return engine.plan(
        scenario(
            months=36,
            catalysis={"fte": 2.5, "start": "2010-07"},
            context={
                "elections": ["2011-03"],
                "crises": [{"start": "2011-06", "months": 4, "depth": 1.0}],
            },
            parameters=BUSY,
        )
    )
