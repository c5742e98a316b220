"""The notebooks of the seminar run from the first cell to the last, and hold text and code only."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SECONDS = 600  # of one cell, on a busy machine that compiles the model first
MACHINE = re.compile(
    r"/(?:home|root|Users|tmp|work|mnt)/|[A-Z]:\\\\|file://|localhost|127\.0\.0\.1"
)

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def of_kind(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def test_there_are_four_and_the_table_of_the_folder_lists_them():
    listed = re.findall(
        r"^\| \[[^]]+\]\(([^)]+)\)", (FOLDER / "README.md").read_text("utf-8"), re.M
    )
    assert listed == [path.name for path in NOTEBOOKS]
    assert len(listed) == 4


@each
def test_a_notebook_runs_to_its_end_and_shows_figures_without_a_warning(
    path, tmp_path, monkeypatch
):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    for name in ("TMPDIR", "TEMP", "TMP"):  # the folders that the cells make
        monkeypatch.setenv(name, str(tmp_path))
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(notebook, timeout=SECONDS, resources=resources).execute()
    outputs = [output for cell in of_kind(notebook, "code") for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 1
    assert "".join(output.text for output in outputs if output.get("name") == "stderr") == ""


@each
def test_a_notebook_is_committed_without_outputs_counts_widgets_or_machine_paths(path):
    text = path.read_text("utf-8")
    notebook = json.loads(text)
    nbformat.validate(notebook)
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert not MACHINE.search(text)


@each
def test_a_notebook_speaks_french_first_with_english_in_italics(path):
    for cell in of_kind(nbformat.read(path, as_version=4), "markdown"):
        french, *english = re.split(r"(?<!\*)\*(?![\s*])", cell.source, maxsplit=1)
        assert french.strip("#—- \n"), cell.source
        assert english, cell.source


@each
def test_what_a_notebook_links_to_is_there(path):
    text = "\n".join(c.source for c in of_kind(nbformat.read(path, as_version=4), "markdown"))
    links = re.findall(r"\]\(([^)#]+)", text)
    assert links
    assert [link for link in links if not (FOLDER / link).is_file()] == []
