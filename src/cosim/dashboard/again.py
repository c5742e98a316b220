"""« Refaire ce résultat »: Python and a command that give the numbers on screen. No Solara.

The two scenarios of the screen, whole: every key with its value, whatever the shipped files say.
"""

from __future__ import annotations

import cosim
from cosim.dashboard import compute
from cosim.dashboard.view import View

#: Names of the two files that the command reads.
FILES = ("reference.toml", "scenario.toml")


def files(view: View) -> dict[str, str]:
    """Return name -> TOML of the reference and of the what-if."""
    pair = (view.reference, view.scenario)
    return {name: one.to_toml() for name, one in zip(FILES, pair, strict=True)}


def python(view: View, n: int) -> str:
    """Return lines of Python that print the sentence, the figures and the cost on screen.

    They leave `effect`, a `cosim.effects.Effect`.

    Parameters
    ----------
    n : replicates of each, as on screen
    """
    reference, scenario = (_literal(text) for text in files(view).values())
    return f"""# cosim {cosim.__version__}
import cosim
from cosim import scenario as documents

reference = documents.loads({reference})
scenario = documents.loads({scenario})
effect = cosim.compare(reference, scenario, replicates={n}, seed={compute.SEED})
print(effect.sentence({view.lang!r}, {view.shown!r}))
print(effect.frequency_sentence({view.lang!r}, {view.shown!r}))
print(effect.cost_sentence({view.lang!r}))
print(effect.table_at([-1], [{view.shown!r}]).to_string())
"""


def command(view: View, n: int) -> str:
    """Return the command that gives the same numbers from the two files."""
    shown = "" if view.shown == "alliances" else f" --indicator {view.shown}"
    return f"cosim compare {' '.join(FILES)} --replicates {n} --seed {compute.SEED}{shown}"


def _literal(text: str) -> str:
    """Return a TOML document as a Python literal that one can read.

    TOML's texts know the escape of an apostrophe, so that none can end the literal.
    """
    return "r'''\n" + text.replace("'''", "''\\u0027") + "'''"
