"""The project installs from what it tracks, and names no machine."""

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAKE_TARGETS = {"demo", "test", "check", "bench", "dashboard", "clean"}


def tracked():
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [Path(name) for name in listing.stdout.split("\0") if name and (ROOT / name).exists()]


def make_targets():
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def test_no_lock_file_and_nothing_large_is_tracked():
    names = tracked()
    assert names
    locks = {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "package-lock.json"}
    assert not [name for name in names if name.name in locks]
    assert not [name for name in names if (ROOT / name).stat().st_size > 5_000_000]
    assert not [name for name in names if {"out", ".venv", "__pycache__"} & set(name.parts)]


def test_every_requirement_is_pinned_with_a_hash_and_names_no_host_or_path():
    text = (ROOT / "requirements.txt").read_text()
    assert "://" not in text
    assert not re.search(r"(^|\s)(/|~/|[A-Z]:\\|-i\b|--index|--extra-index|--find-links)", text)
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", text)
    pins = [b for b in blocks if not b.startswith("#")]
    assert len(pins) > 50
    for block in pins:
        assert re.match(r"[A-Za-z0-9._-]+(\[[^]]+\])?==\S+", block), block.splitlines()[0]
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_requirements_cover_every_dependency_and_the_build():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {re.match(r"[A-Za-z0-9._-]+", line).group().lower() for line in wanted}
    pinned = re.findall(
        r"^([a-z0-9._-]+)(?:\[.*\])?==", (ROOT / "requirements.txt").read_text(), re.M
    )
    assert names <= set(pinned)
    assert {"hatchling", "editables"} <= set(pinned)


def test_the_makefile_has_the_promised_targets():
    assert make_targets() >= MAKE_TARGETS


def test_every_make_command_of_the_readme_exists():
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("no README yet")
    asked = set(re.findall(r"^\s*(?:\$ )?make ([a-z]+)", readme.read_text(), flags=re.MULTILINE))
    asked |= set(re.findall(r"`make ([a-z]+)[^`]*`", readme.read_text()))
    assert asked
    assert asked <= make_targets()


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize("module", ["cosim", "cosim.territory", "cosim.facts", "cosim.errors"])
def test_light_modules_import_no_heavy_library(module):
    code = (
        f"import sys, {module}; heavy = 'numba', 'mesa', 'pandas', 'solara', 'matplotlib'; "
        "print([name for name in heavy if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_error_says_where_what_and_the_nearest():
    from cosim.errors import ScenarioError, nearest

    error = ScenarioError(
        "unknown key",
        where="mine.toml",
        key="catalysis.ftee",
        found="ftee",
        expected="one of fte, start",
        nearest=nearest("ftee", ["fte", "start"]),
    )
    assert str(error) == (
        "mine.toml, catalysis.ftee: unknown key (expected one of fte, start, got 'ftee'); "
        "did you mean 'fte'?"
    )
    assert nearest("zzz", ["fte", "start"]) is None


def test_an_error_crosses_processes_unchanged():
    import pickle

    from cosim.errors import CosimError, ResultsError

    error = ResultsError("no such folder", where="out/x", found=3)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is ResultsError and isinstance(again, CosimError)
    assert str(again) == str(error)
    assert again.found == 3
