"""References lead to the line, and the page of limits says the same in two languages."""

import json
import re
from pathlib import Path

import pytest

from cosim import ledgers, limits, traces
from cosim.errors import CosimError
from cosim.facts import facts
from cosim.parameters import PARAMETERS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
RULE = "x = 1\n\n\nclass Rule:\n    step = 2\n\n    def act(self): ...\n"


@pytest.fixture
def page(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "rule.py").write_text(RULE)
    return tmp_path / "docs" / "page.md"


# -- references ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "symbol", "line"),
    [("rule.py", "x", 1), ("rule.py", "Rule", 4), ("rule.py", "Rule.step", 5),
     ("rule.py", "Rule.act", 7)],
)  # fmt: skip
def test_a_reference_opens_the_line_of_its_symbol(page, path, symbol, line):
    text = traces.traced(page, f"see [src/{path}::{symbol}].")
    assert text == f"see [`src/{path}::{symbol}`:{line}](../src/{path}#L{line})."


def test_headings_tables_keys_and_targets_are_symbols():
    headings = traces.symbols(".md", "# One\n```\n# no heading\n```\n## 2. Two: more\n")
    assert headings == {"One": 1, "2. Two: more": 5}
    assert traces.symbols(".toml", '[a]\nb = "[c]"\n[d.e]\n') == {"a": 1, "a.b": 2, "d.e": 3}
    assert traces.symbols("Makefile", "PIP := pip\n\ntest: x\n\tpytest\n") == {"test": 3}


def test_a_line_that_moved_is_renewed_and_one_that_did_not_is_left(page):
    first = traces.traced(page, "[src/rule.py::Rule.act] and [a link](https://x.org/#L1)")
    assert traces.traced(page, first) == first
    (page.parent.parent / "src" / "rule.py").write_text("# moved\n" + RULE)
    assert "`:8](../src/rule.py#L8) and [a link](https://x.org/#L1)" in traces.traced(page, first)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("src/rule.py::Rule.acts", "leads nowhere.*did you mean 'Rule.act'"),
        ("src/gone.py::Rule", "leads to no file"),
        ("docs/page.txt::Rule", "no symbols are known"),
        ("docs/broken.py::Rule", "no Python"),
    ],
)
def test_a_reference_to_what_is_gone_is_one_error(page, reference, message):
    (page.parent / "page.txt").write_text("Rule")
    (page.parent / "broken.py").write_text("class Rule")
    with pytest.raises(CosimError, match=message):
        traces.traced(page, f"[{reference}]")


def test_a_page_that_is_about_to_be_written_counts_as_it_will_be(page):
    other = page.parent / "other.md"
    other.write_text("# Title\n")
    text = traces.traced(page, "[docs/other.md::Title]", {other: "\n\n# Title\n"})
    assert text == "[`docs/other.md::Title`:3](other.md#title)"


def test_a_heading_is_opened_where_the_page_shows_it(page):
    (page.parent / "odd.md").write_text("### 7.17 France: « élus », et après\n")
    text = traces.traced(page, "[docs/odd.md::7.17 France: « élus », et après]")
    assert text.endswith(":1](odd.md#717-france--élus--et-après)")


@pytest.mark.parametrize("name", traces.PAGES)
def test_every_reference_of_the_repository_names_what_is_on_its_line(name):
    text = (DOCS / name).read_text(encoding="utf-8")
    for path, symbol in traces.references(text):
        line = int(re.search(re.escape(f"[`{path}::{symbol}`:") + r"(\d+)\]", text)[1])
        content = (ROOT / path).read_text(encoding="utf-8").splitlines()[line - 1]
        assert symbol.rpartition(".")[2].strip() in content, f"{name}: {path}::{symbol}"


@pytest.mark.parametrize("name", traces.PAGES)
def test_every_link_leads_to_a_file_that_exists(name):
    text = (DOCS / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", text):
        assert target.startswith("https://") or (DOCS / target).exists(), f"{name}: {target}"


def test_trace_has_its_eight_elements_and_each_says_what_is_not_done():
    parts = re.split(r"(?m)^## ", (DOCS / "trace.md").read_text(encoding="utf-8"))[1:]
    elements = [part for part in parts if part[0].isdigit()]
    assert [part.split(".")[0] for part in elements] == [str(k) for k in range(1, 9)]
    for part in elements:
        for said in ("**Done.**", "**Repeat.**", "**Not done.**"):
            assert said in part, part.splitlines()[0]
        assert traces.references(part)


def test_the_checklist_has_every_item_and_each_is_answered_by_a_reference():
    text = (DOCS / "stress.md").read_text(encoding="utf-8")
    items = dict(re.findall(r"(?ms)^###+ (\d[\d.]*) [^\n]*\n(.*?)(?=^##|\Z)", text))
    asked = ["1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4", "2.5", "2.5.1", "2.5.2", "2.5.3",
             "2.5.4", "3.1", "3.2", "3.3", "3.4", "4.1", "4.2", "4.3", "5.1", "5.2", "5.3", "5.4",
             "6.1"]  # fmt: skip
    assert list(items) == asked
    assert all(traces.references(answer) for item, answer in items.items() if item != "2.5")


# -- limits -------------------------------------------------------------------------------


def halves():
    return re.split(r"(?m)^(?=# )", (DOCS / limits.PAGE).read_text(encoding="utf-8"))[1:]


def skeleton(text):
    """Headings by level, marks, bullets and quoted lines in their order."""
    pattern = r"(?m)^(#+ |<!-- \w+:\w+ -->|- \*\*|- |> \d\.)"
    return [found.strip() for found in re.findall(pattern, text)]


def test_both_languages_say_as_much_in_the_same_order():
    french, english = halves()
    assert skeleton(french) == skeleton(english)
    assert len(skeleton(french)) > 40


def test_each_language_begins_with_five_lines_that_hold_no_figure():
    for half in halves():
        box = re.findall(r"(?m)^> \d\. (.*)$", half)
        assert len(box) == 5
        assert half.index("> 5.") < half.index("## ")
        assert not any(re.search(r"\d", line) for line in box)


def test_every_assumption_and_every_cited_parameter_is_on_the_page():
    for half in halves():
        for name, row in PARAMETERS.items():
            if row.confidence in ("assumption", "cited"):
                assert f"`{name}`" in half, name
        assert all(f"`{n}`" in half for n, f in facts().items() if f.status == "assumption")


def test_every_study_of_the_settings_is_cited_and_says_what_was_read():
    said = [*limits.sources().values(), *(fact.source for fact in facts().values())]
    for study in limits.studies():
        assert any(study.cited(source) for source in said), study.names
        assert study.read in ("abstract", "title", "ledger")
        assert all(len(words) in (0, 2) for words in (study.who, study.country))


def test_idem_is_what_stands_before_it():
    assert "idem" not in limits.sources().values()
    assert limits.sources()["hazard_trust"] == PARAMETERS["hazard"].source


def test_a_study_that_nobody_described_is_listed_as_not_named():
    assert "trust_gain" in limits.unnamed()
    assert "hazard" not in limits.unnamed()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "calibration").mkdir()
    (tmp_path / limits.PAGE).write_text((DOCS / limits.PAGE).read_text(encoding="utf-8"))
    return tmp_path


def between(text, mark):
    return re.findall(f"(?s)<!-- {mark}:begin -->(.*?)<!-- {mark}:end -->", text)


def test_without_a_calibration_the_page_says_so(folder):
    french, english = between(limits.page(folder), "unidentified")
    assert "Pas encore de calage" in french and "No calibration yet" in english


def test_what_keeps_its_spread_is_told_and_what_learnt_is_not(folder):
    learnt = [{"parameter": "wear", "kept": 0.95}, {"parameter": "learning", "kept": 0.4}]
    (folder / limits.CALIBRATED).write_text(json.dumps({"learnt": learnt}))
    for half in between(limits.page(folder), "unidentified"):
        assert "| `wear` |" in half and "95 %" in half and "learning" not in half


def test_rival_rules_are_told_with_what_tells_them_apart(folder):
    (folder / limits.RIVALS).write_text(
        "rules,target,score,better,error,apart\n"
        "default,C1,-1,0,0.1,False\ndefault,,-9,0,0.5,False\n"
        "trust-beta,C1,-3,-2,0.3,True\ntrust-beta,C2,-1,0.1,0.3,False\n"
        "trust-beta,,-10.5,-1.5,0.9,False\n"
    )
    french, english = between(limits.page(folder), "rivals")
    assert "| `trust-beta` | -1.5 ± 0.9 | non | C1 |" in french
    assert "| `trust-beta` | -1.5 ± 0.9 | no | C1 |" in english
    assert "default" not in french.split("\n|---")[1]


@pytest.mark.parametrize(
    ("name", "content"),
    [(limits.CALIBRATED, "{}"), (limits.CALIBRATED, "no json"), (limits.RIVALS, "rules\nx\n")],
)
def test_a_file_that_no_calibration_wrote_is_one_error(folder, name, content):
    (folder / name).write_text(content)
    with pytest.raises(CosimError, match=Path(name).name):
        limits.page(folder)


@pytest.mark.parametrize("mark", limits.MARKS)
def test_a_mark_that_is_missing_in_one_language_is_named(folder, mark):
    path = folder / limits.PAGE
    text = path.read_text(encoding="utf-8")
    path.write_text(text[::-1].replace(f"<!-- {mark}:end -->"[::-1], "", 1)[::-1])
    with pytest.raises(CosimError, match=mark):
        limits.page(folder)


def test_a_page_of_one_language_is_refused(folder):
    (folder / limits.PAGE).write_text("# Limites\n")
    with pytest.raises(CosimError, match="not two halves"):
        limits.page(folder)


def test_a_moved_line_makes_the_page_stale_and_docs_renews_it(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (tmp_path / "rule.py").write_text(RULE)
    (docs / "trace.md").write_text("[rule.py::Rule]\n")
    ledgers.write(docs)
    assert (docs / "trace.md").read_text() == "[`rule.py::Rule`:4](../rule.py#L4)\n"
    (tmp_path / "rule.py").write_text("\n" + RULE)
    assert ledgers.stale(docs) == [docs / "trace.md"]
    ledgers.write(docs)
    assert "rule.py#L5" in (docs / "trace.md").read_text()
