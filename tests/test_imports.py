"""A library that is quick to import, and whose rooms do not know the screens."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "cosim"
HEAVY = {"numba", "mesa", "pandas", "solara", "matplotlib", "pyarrow", "scipy", "lifelines"}
#: Of processor, beyond an empty interpreter: the time of the wall depends on who else works.
SECONDS = 0.4


def python(*arguments):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "0"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment
    ).stdout


def cpu(*arguments):
    """Seconds of processor of a fresh interpreter, beyond those of an empty one; best of three."""

    def once(*arguments):
        before = os.times()
        python(*arguments)
        after = os.times()
        return (after.children_user - before.children_user) + (
            after.children_system - before.children_system
        )

    empty = min(once("-c", "pass") for _ in range(3))
    return min(once(*arguments) for _ in range(3)) - empty


@pytest.mark.parametrize(
    "module",
    ["cosim", "cosim.errors", "cosim.facts", "cosim.parameters", "cosim.scenario",
     "cosim.territory", "cosim.indicators", "cosim.mechanisms"],
)  # fmt: skip
def test_light_rooms_import_nothing_heavy(module):
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    assert python("-c", code).split() == []


def test_import_cosim_is_quick():
    assert cpu("-c", "import cosim") < SECONDS


def test_the_command_s_help_is_quick():
    pytest.importorskip("cosim.cli")
    assert cpu("-c", "import sys; sys.argv = ['cosim', '--help']; import runpy\n"
               "from cosim.cli import main\n"
               "try: main()\nexcept SystemExit: pass") < SECONDS  # fmt: skip


def imported(path):
    """Modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cosim"):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("cosim"))


FACES = {"cosim.agents", "cosim.model", "cosim.cli", "cosim.dashboard", "cosim.report"}
INSIDE = ("state", "streams", "parameters", "facts", "territory", "population", "measure",
          "indicators", "engine", "compiled", "errors", "scenario", "testing")  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [*(PACKAGE / f"{name}.py" for name in INSIDE), *sorted((PACKAGE / "mechanisms").glob("*.py"))],
    ids=lambda path: path.stem,
)
def test_the_inside_knows_no_screen(path):
    found = set(imported(path))
    assert not {name for name in found if any(name.startswith(face) for face in FACES)}


@pytest.mark.parametrize("path", sorted((PACKAGE / "mechanisms").glob("*.py")),
                         ids=lambda path: path.stem)  # fmt: skip
def test_a_mechanism_never_draws_luck_of_its_own(path):
    text = path.read_text(encoding="utf-8")
    for word in ("np.random", "numpy.random", "import random", "shuffle(", "prange"):
        assert word not in text
