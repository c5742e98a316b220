"""The generated pages say what the ledgers say."""

from pathlib import Path

import pytest

from cosim import ledgers
from cosim.errors import CosimError, ParameterError
from cosim.facts import facts
from cosim.indicators import INDICATORS
from cosim.mechanisms import MECHANISMS
from cosim.parameters import PARAMETERS

DOCS = Path(__file__).parent.parent / "docs"


def test_the_pages_of_the_repository_are_up_to_date():
    assert not ledgers.stale(DOCS), "run `cosim docs`"


def test_every_row_of_each_ledger_is_on_its_page():
    pages = {path.name: text for path, text in ledgers.pages(DOCS).items()}
    for name in PARAMETERS:
        assert f"| `{name}`" in pages["parameters.md"]
        assert f"| `{name}`" in pages["odd.md"]
    assert all(f"| `{name}`" in pages["facts.md"] for name in facts())
    assert all(f"| `{name}`" in pages["indicators.md"] for name in INDICATORS)
    for mechanism in MECHANISMS.values():
        assert mechanism.sentence_fr in pages["mechanisms.md"]
        assert (DOCS.parent / f"src/cosim/mechanisms/{mechanism.name}.py").is_file()


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    for path, text in ledgers.pages(DOCS).items():
        if path.name in ("odd.md", "scenarios.md"):
            continue
        width = 0
        for line in text.splitlines():
            cells = line.replace("\\|", "").count("|") if line.startswith("|") else 0
            assert not (cells and width) or cells == width, f"{path.name}: {line[:80]}"
            width = cells


def test_a_stale_page_is_found_and_mended_and_the_text_around_the_table_is_kept(tmp_path):
    odd = tmp_path / "odd.md"
    odd.write_text(f"before\n{ledgers.BEGIN}\nstale line\n{ledgers.END}\nafter\n")
    assert set(ledgers.write(tmp_path)) == set(ledgers.pages(tmp_path))
    text = odd.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "stale line" not in text
    assert ledgers.write(tmp_path) == []
    (tmp_path / "facts.md").write_text("nonsense")
    assert ledgers.stale(tmp_path) == [tmp_path / "facts.md"]


@pytest.mark.parametrize(
    "text", ["", ledgers.END + ledgers.BEGIN, 2 * (ledgers.BEGIN + ledgers.END)]
)
def test_an_odd_document_without_its_two_marks_is_refused_and_nothing_is_written(tmp_path, text):
    (tmp_path / "odd.md").write_text(text)
    with pytest.raises(CosimError, match=r"odd\.md"):
        ledgers.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["odd.md"]


def test_rows_are_chosen_by_a_known_value_and_an_unknown_one_names_the_nearest():
    chosen = ledgers.parameters(mechanism="trust")
    assert chosen and {row["mechanism"] for row in chosen} == {"trust"}
    assert {row["status"] for row in ledgers.facts(status="computed")} == {"computed"}
    with pytest.raises(ParameterError, match="did you mean 'trust'"):
        ledgers.parameters(mechanism="trsut")


def test_numbers_and_intervals_read_as_a_reader_wants_them():
    assert ledgers.number(1266) == "1\u202f266"
    assert ledgers.number(0.076) == "0.076"
    assert ledgers.number(None) == ledgers.interval(None, None) == "–"
    assert ledgers.interval([0.1, 2], [0.2, 3]) == "0.1 – 0.2 ; 2 – 3"
