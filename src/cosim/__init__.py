"""cosim — how a territory learns to make alliances.

    load                 read a scenario file, or a shipped scenario by its name
    Scenario             what is simulated: one validated document
    find_territory       search the 1 266 territories by name or code
    territories          all of them, as a table
    load_territory       one of them, with its communes
    run                  simulate one replicate, with its journal -> Results
    ensemble             simulate many replicates -> Ensemble
    growing              the same, yielded while it grows: 1 replicate, 2, 4, ... all
    compare              what a scenario changes from a reference, same luck -> Effect
    branch               run to a month, then go on in several ways -> Branches
    contributions        what each lever brings, alone and on top of the others -> Contributions
    load_results         read a folder that `save` or `cosim run --out` wrote -> Ensemble
    survival             how long alliances live (Kaplan-Meier)
    CoSimModel           the same model as a Mesa model
    mechanism            turn a function into a rule that a scenario can name
    kernel               compile a rule as the package's own are
    Results              one replicate: indicators and tables
    Ensemble             many replicates: indicators and quantiles
    Effect               paired differences: table, sentence, figure
    CosimError           the family of errors that a user can correct

Names are imported when they are first used, so that `import cosim` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cosim.attribution import contributions
    from cosim.branching import branch
    from cosim.compiled import kernel
    from cosim.effects import Effect, compare
    from cosim.errors import CosimError
    from cosim.mechanisms import mechanism
    from cosim.model import CoSimModel
    from cosim.results import Ensemble, Results, ensemble, growing, run, survival
    from cosim.results import load as load_results
    from cosim.scenario import Scenario, load
    from cosim.territory import find as find_territory
    from cosim.territory import load as load_territory
    from cosim.territory import territories

_WHERE = {
    "load": "scenario",
    "Scenario": "scenario",
    "find_territory": "territory.find",
    "territories": "territory",
    "load_territory": "territory.load",
    "run": "results",
    "ensemble": "results",
    "growing": "results",
    "compare": "effects",
    "branch": "branching",
    "contributions": "attribution",
    "load_results": "results.load",
    "survival": "results",
    "CoSimModel": "model",
    "mechanism": "mechanisms",
    "kernel": "compiled",
    "Results": "results",
    "Ensemble": "results",
    "Effect": "effects",
    "CosimError": "errors",
}

__all__ = [
    "CoSimModel",
    "CosimError",
    "Effect",
    "Ensemble",
    "Results",
    "Scenario",
    "branch",
    "compare",
    "contributions",
    "ensemble",
    "find_territory",
    "growing",
    "kernel",
    "load",
    "load_results",
    "load_territory",
    "mechanism",
    "run",
    "survival",
    "territories",
]

assert set(__all__) == set(_WHERE), "the public names are those of the table"


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'cosim' has no attribute {name!r}")
    module, _, attribute = _WHERE[name].partition(".")
    value = getattr(import_module(f"cosim.{module}"), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
