"""A scenario is one strict document, and says clearly what is wrong with a bad one."""

import copy
import json
import pickle
import random
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim import scenario as scenarios
from cosim import scenario_levers, scenario_tables
from cosim.errors import ScenarioError
from cosim.parameters import PARAMETERS
from cosim.scenario import (
    MECHANISMS,
    Scenario,
    diff,
    difference_sentence,
    from_query,
    load,
    loads,
    schema,
    shipped,
)
from cosim.scenario_file import KINDS, keys, meta
from cosim.scenario_text import label, value_words

ROOT = Path(__file__).parents[1]
NAMES = sorted(shipped())
SOME = next(iter(PARAMETERS.values()))

FULL = f"""
title = "Tout \\"dire\\" \\\\ é \\u007f"
title_en = "All"
purpose = '''Deux
lignes'''
seed = 7
[time]
start = "2012-03"
end = "2020-02"
substeps = 2
[territory]
code = "synthetic"
sample = 0.5
[territory.synthetic]
communes = 4
population = 5000
number = 3
[catalysis]
fte = 2.5
start = "2013-01"
end = "2015-01"
caseload = 20
session_size = 10
invitation = "hubs"
mix = {{ dialogue = 2, experimentation = 1, accompagnement = 1, lieu = 0 }}
[context]
elections = ["2014-03"]
turnover = 0.5
odd = false
demand = false
scissors = 2
crises = [{{ start = "2015-01", months = 3, depth = 0.5 }}, {{ start = "2013-06", months = 2 }}]
[model]
without = ["recognition", "context"]
[parameters]
{SOME.name} = {SOME.high}
"""


def mistake(function, *arguments, **keywords):
    with pytest.raises(ScenarioError) as caught:
        function(*arguments, **keywords)
    return caught.value


def write(folder, name, text):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# -- shipped scenarios ----------------------------------------------------------------------


def test_the_references_and_the_metiers_are_among_the_shipped():
    expected = {"reference-2010", "reference-2020", "sans-catalyseurs", "metiers-equilibres"}
    expected |= {"paris-est-marne-et-bois", "paris-est-marne-et-bois-sans-catalyseurs"}
    expected |= {f"metier-{name}" for name in scenarios.METIERS}
    assert expected <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_says_what_it_is_for_in_both_languages(name):
    scenario = load(name)
    assert all([scenario.title, scenario.title_en, scenario.purpose, scenario.purpose_en])
    assert scenario.territory.code not in scenario.sentence("fr")  # the name, not the code


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_agrees_with_the_json_schema(name):
    document = tomllib.loads(shipped()[name].read_text(encoding="utf-8"))
    jsonschema.validate(document, schema())


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_may_be_asked_for_by_name_where_nothing_is_trusted(name, monkeypatch):
    monkeypatch.chdir("/")
    assert load(name, trusted=False) == load(shipped()[name])


def test_without_catalysts_is_the_reference():
    assert load("sans-catalyseurs").digest == load("reference-2020").digest
    changes = diff(
        load("paris-est-marne-et-bois"), load("paris-est-marne-et-bois-sans-catalyseurs")
    )
    assert [tuple(change) for change in changes] == [("catalysis.fte", 12.0, 0.0)]


@pytest.mark.parametrize("metier", scenarios.METIERS)
def test_a_metier_alone_gets_all_the_time(metier):
    scenario = load(f"metier-{metier}")
    assert scenario.catalysis.mix.shares == {m: float(m == metier) for m in scenarios.METIERS}
    assert scenario.catalysis.fte == load("metiers-equilibres").catalysis.fte


# -- the document ---------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", FULL, *(shipped()[n].read_text("utf-8") for n in NAMES)])
def test_a_scenario_survives_every_form(text):
    scenario = loads(text.replace('extends = "', f'extends = "{ROOT.as_posix()}/scenarios/'))
    assert loads(scenario.to_toml(), trusted=False) == scenario
    assert Scenario(**scenario.resolved()) == scenario
    assert Scenario(**json.loads(json.dumps(scenario.resolved()))) == scenario
    link = from_query(scenario.to_query())
    assert (link.digest, link.seed, link.title) == (scenario.digest, scenario.seed, scenario.title)
    for twin in (pickle.loads(pickle.dumps(scenario)), copy.deepcopy(scenario), scenario.with_()):
        assert twin == scenario
        assert hash(twin) == hash(scenario)
        assert twin.module_paths == scenario.module_paths


def test_the_digest_names_what_is_simulated_and_nothing_else():
    scenario = loads(FULL)
    for key, value in {"title": "a", "title_en": "b", "purpose": "c", "purpose_en": "d"}.items():
        assert scenario.with_(**{key: value}).digest == scenario.digest
    assert scenario.with_(seed=8).digest == scenario.digest
    keys = {key for key, _, _ in diff(Scenario(), scenario)}
    assert len(keys) == 26
    digests = {scenario.with_(**{key: None}).digest for key in keys} | {scenario.digest}
    assert len(digests) == 27  # putting back the default of any key gives another digest


def test_the_digest_does_not_see_the_order_or_the_spelling():
    one = loads('[context]\nscissors = 2\nelections = ["2014-03", "2020-06"]\n[catalysis]\nfte = 1')
    two = loads(
        '[catalysis]\nfte = 1.0\n[context]\nelections = ["2020-06", "2014-03"]\nscissors = 2e0'
    )
    assert one.digest == two.digest
    assert Scenario(catalysis={"fte": -0.0}).digest == Scenario().digest
    assert Scenario().digest == "f1f2abbde0d4b8d0"


def test_a_scenario_does_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Scenario().seed = 2


def test_diff_is_empty_exactly_when_digests_are_equal():
    everything = [load(name) for name in NAMES] + [loads(FULL)]
    for a in everything:
        for b in everything:
            assert (diff(a, b) == []) == (a.digest == b.digest)


def test_with_merges_tables_and_none_gives_back_the_default():
    scenario = loads(FULL)
    other = scenario.with_(**{"catalysis.fte": 4, "context": {"odd": True}})
    assert (other.catalysis.fte, other.context.odd) == (4.0, True)
    assert (other.catalysis.caseload, other.context.turnover) == (20, 0.5)
    assert scenario.with_(catalysis=None).catalysis == Scenario().catalysis
    assert scenario.with_(**{f"parameters.{SOME.name}": None}).parameters == {}
    assert mistake(scenario.with_, **{"catalysis.ft": 1}).nearest == "catalysis.fte"
    assert mistake(scenario.with_, **{"title.fr": "x"}).key == "title"


def test_months_are_counted_from_the_start():
    scenario = load("reference-2010")
    assert scenario.n_months == 84
    assert scenario.start_year == 2010
    assert scenario.month_index("2010-01") == 0
    assert scenario.month_index("2015-09") == 68
    assert scenario.month_index("2009-12") == -1
    assert all(scenario.month_index(scenario.month_label(i)) == i for i in range(-30, 200))
    assert mistake(scenario.month_index, "2010-13").found == "2010-13"


def test_support_lasts_until_the_month_before_its_end():
    scenario = loads(FULL)
    labels = [scenario.month_label(month) for month in scenario.catalysis_months]
    assert (labels[0], labels[-1]) == ("2013-01", "2014-12")
    assert len(Scenario(catalysis={"fte": 1}).catalysis_months) == Scenario().n_months
    assert len(Scenario().catalysis_months) == 0
    late = Scenario(catalysis={"fte": 1, "start": "2050-01"})
    assert len(late.catalysis_months) == 0
    assert "hors de la période" in late.sentence()


# -- extends and modules ----------------------------------------------------------------------


def test_a_child_is_its_parent_and_a_patch(tmp_path):
    write(tmp_path, "parent.toml", FULL)
    child = load(write(tmp_path, "child.toml", 'extends = "parent.toml"\n[catalysis]\nfte = 9\n'))
    assert child.with_(**{"catalysis.fte": 2.5}).digest == loads(FULL).digest
    assert child.seed == 7
    assert child.title == ""  # a title describes its own file
    assert Scenario(extends=str(tmp_path / "parent.toml")).digest == loads(FULL).digest


def test_modules_stay_beside_the_file_that_names_them(tmp_path):
    (tmp_path / "rules").mkdir()
    rule = write(tmp_path / "rules", "mine.py", "")
    text = (
        '[model]\nmodules = ["mine.py"]\nreplace = { trust = "lent" }\nafter = { life = ["x"] }\n'
    )
    parent = load(write(tmp_path / "rules", "parent.toml", text))
    child = load(write(tmp_path, "child.toml", 'extends = "rules/parent.toml"'))
    assert parent.module_paths == child.module_paths == [rule]
    assert child.model.modules == ("rules/mine.py",)
    assert child.with_(seed=2).module_paths == [rule]
    assert mistake(loads, '[model]\nmodules = ["absent.py"]').key == "model.modules"


def test_a_circle_of_scenarios_is_refused(tmp_path):
    write(tmp_path, "a.toml", 'extends = "b.toml"')
    write(tmp_path, "b.toml", 'extends = "a.toml"')
    assert "a.toml → b.toml → a.toml" in str(mistake(load, tmp_path / "a.toml"))
    write(tmp_path, "self.toml", 'extends = "self.toml"')
    assert "extends itself" in str(mistake(load, tmp_path / "self.toml"))


def test_eight_generations_are_enough(tmp_path):
    write(tmp_path, "0.toml", "seed = 5")
    for i in range(1, 10):
        write(tmp_path, f"{i}.toml", f'extends = "{i - 1}.toml"')
    assert load(tmp_path / "8.toml").seed == 5
    assert "at most 8" in str(mistake(load, tmp_path / "9.toml"))


def test_an_error_in_the_parent_names_the_parent(tmp_path):
    write(tmp_path, "parent.toml", "sed = 5")
    child = write(tmp_path, "child.toml", 'extends = "parent.toml"')
    error = mistake(load, child)
    assert str(error.where).endswith("parent.toml")
    assert error.nearest == "seed"


CODE = {
    'extends = "reference-2020"': "extends",
    '[model]\nmodules = ["a.py"]': "model.modules",
    '[model]\nreplace = { trust = "a" }': "model.replace",
    '[model]\nafter = { trust = ["a"] }': "model.after",
}


@pytest.mark.parametrize(("text", "key"), CODE.items())
def test_what_comes_from_the_web_names_no_code_and_no_file(text, key, tmp_path):
    assert mistake(loads, text, trusted=False).key == key
    assert mistake(load, write(tmp_path, "upload.toml", text), trusted=False).key == key
    for value in ("x", "trust", '["a.py"]'):
        assert mistake(from_query, f"{key}={value}").where == "link"
        assert mistake(from_query, f"{key}.trust={value}").where == "link"


def test_a_scenario_with_code_has_no_link():
    assert mistake(Scenario(model={"replace": {"trust": "lent"}}).to_query).key == "model.replace"


def test_a_link_is_short_and_readable():
    query = load("metier-dialogue").with_(title=None, title_en=None).to_query()
    assert query.startswith("time.start=2020-01&time.end=2031-12&territory.code=200071371")
    assert query.endswith("&context.crises=2020-03:15:1")
    assert from_query("") == from_query("?") == Scenario()
    assert from_query("?catalysis.fte=2").catalysis.fte == 2


# -- errors -----------------------------------------------------------------------------------

NOTHING = "mix = { dialogue = 0, experimentation = 0, accompagnement = 0, lieu = 0 }"
WRONG = {
    "sed = 1": ("sed", "seed"),
    "fte = 1": ("fte", "catalysis.fte"),
    "[catalyse]": ("catalyse", "catalysis"),
    "[catalysis]\nft = 1": ("catalysis.ft", "catalysis.fte"),
    "[catalysis.mix]\nlieux = 1": ("catalysis.mix.lieux", "catalysis.mix.lieu"),
    '[catalysis]\ninvitation = "hub"': ("catalysis.invitation", "hubs"),
    '[model]\nwithout = ["trusts"]': ("model.without[0]", "trust"),
    '[model]\nreplace = { trusts = "a" }': ("model.replace.trusts", "trust"),
    f"[parameters]\n{SOME.name}x = 1": (f"parameters.{SOME.name}x", SOME.name),
    "seed = 1.0": ("seed", None),
    "seed = true": ("seed", None),
    "seed = -1": ("seed", None),
    "seed = 4294967296": ("seed", None),
    "title = 3": ("title", None),
    "time = 3": ("time", None),
    "[[time]]": ("time", None),
    "[time]\nstart = 2010-01-01": ("time.start", None),
    '[time]\nstart = "2010-1"': ("time.start", None),
    '[time]\nstart = "2010-13"': ("time.start", None),
    '[time]\nstart = "1989-12"': ("time.start", None),
    '[time]\nend = "2101-01"': ("time.end", None),
    '[time]\nend = "2010-01"': ("time.end", None),
    '[time]\nend = "2060-01"': ("time.end", None),
    "[time]\nsubsteps = 5": ("time.substeps", None),
    "[territory]\ncode = 200057941": ("territory.code", None),
    '[territory]\ncode = "Paris"': ("territory.code", None),
    "[territory]\nsample = 0": ("territory.sample", None),
    "[territory]\nsample = 1.1": ("territory.sample", None),
    "[territory.synthetic]\npopulation = 2": ("territory.synthetic.population", None),
    "[catalysis]\nfte = nan": ("catalysis.fte", None),
    "[catalysis]\nfte = inf": ("catalysis.fte", None),
    "[catalysis]\nfte = 201": ("catalysis.fte", None),
    '[catalysis]\nfte = "2"': ("catalysis.fte", None),
    "[catalysis]\nfte = true": ("catalysis.fte", None),
    "[catalysis]\ncaseload = 0": ("catalysis.caseload", None),
    '[catalysis]\nstart = "2012-01"\nend = "2012-01"': ("catalysis.end", None),
    f"[catalysis]\nfte = 1\n{NOTHING}": ("catalysis.mix", None),
    "[catalysis.mix]\nlieu = -1": ("catalysis.mix.lieu", None),
    '[context]\nelections = ["2014-03", "2014-03"]': ("context.elections", None),
    '[context]\nelections = "2014-03"': ("context.elections", None),
    '[context]\nelections = ["mars"]': ("context.elections[0]", None),
    '[context]\ncrises = [{ start = "2020-03" }]': ("context.crises[0].months", None),
    '[context]\ncrises = [{ start = "2020-03", months = 3, depth = 3 }]': (
        "context.crises[0].depth",
        None,
    ),
    "[context]\nodd = 1": ("context.odd", None),
    '[model]\nwithout = ["trust", "trust"]': ("model.without", None),
    '[model]\nwithout = ["trust"]\nreplace = { trust = "a" }': ("model.replace.trust", None),
    '[model]\nreplace = { trust = "not a name" }': ("model.replace.trust", None),
    '[model]\nmodules = ["rule.txt"]': ("model.modules[0]", None),
    f"[parameters]\n{SOME.name} = 1e9": (f"parameters.{SOME.name}", None),
    f'[parameters]\n{SOME.name} = "posterior"': (f"parameters.{SOME.name}", None),
    f"[parameters]\n{SOME.name} = true": (f"parameters.{SOME.name}", None),
    "extends = 3": ("extends", None),
    'extends = "referense-2020"': ("extends", "reference-2020"),
}


@pytest.mark.parametrize(("text", "key", "nearest"), [(t, *e) for t, e in WRONG.items()])
def test_a_mistake_is_named_with_its_place(text, key, nearest):
    error = mistake(loads, text, source="mine.toml")
    assert (error.where, error.key, error.nearest) == ("mine.toml", key, nearest)
    assert error.what and error.expected
    assert len(str(error).splitlines()) == 1


def test_a_value_out_of_range_is_told_with_its_range():
    message = str(mistake(loads, "[catalysis]\nfte = 300", source="mine.toml"))
    assert message == (
        "mine.toml, catalysis.fte: out of range (expected a number from 0 to 200, got 300)"
    )
    message = str(mistake(Scenario, parameters={SOME.name: SOME.high * 2 + 1}))
    assert f"{SOME.low:g} to {SOME.high:g}" in message


def test_an_unreadable_file_is_one_clear_error(tmp_path):
    cases = {
        "not TOML": write(tmp_path, "syntax.toml", "seed = 1\nseed == 2"),
        "line 2": write(tmp_path, "syntax2.toml", "seed = 1\n= 2"),
        "not UTF-8 text": write(tmp_path, "latin.toml", "title = 'élu'".encode("latin-1")),
        "too large": write(tmp_path, "large.toml", "#" * 1_000_001),
        "not a file": tmp_path,
        "no such file": tmp_path / "absent.toml",
        "did you mean 'reference-2020'?": "reference-202",
        "not a scenario": 3,
        "number": write(tmp_path, "number.toml", "seed = " + "9" * 5000),
        "deep": write(tmp_path, "deep.toml", "seed = " + "[" * 50_000 + "]" * 50_000),
        "200 dots": write(tmp_path, "dots.toml", ".".join("a" * 50_000) + " = 1"),
        "aaa…": write(tmp_path, "long.toml", "a" * 900_000 + " = 1"),
    }
    for words, path in cases.items():
        assert words in str(mistake(load, path))
    for odd in ("", " ", "a\0b", "x" * 5000, "\ud800", b"reference-2010", None, Path("/dev/zero")):
        assert len(str(mistake(load, odd)).splitlines()) == 1
    bom = write(tmp_path, "bom.toml", b"\xef\xbb\xbfseed = 3")  # as Windows' Notepad saves
    assert load(bom).seed == 3


BASES = [FULL, *(Scenario(**kw).to_toml() for kw in ({}, {"catalysis": {"fte": 2}}))]
PIECES = [
    "nan", "inf", "-1", "1e400", "9" * 5000, "true", '"x"', "[]", "{}", "[[", "]", "=", "\0", "é",
    '"""', "2010-01", '"2010-01"', "extends = '.'", "[model]", "modules = ['/etc/passwd']", "\x85",
    "[parameters]", "'\\ud800'", '"\\ud800"', "\n", ".", "a.b.c", "1979-05-27T07:32:00Z", "0x7f",
]  # fmt: skip


def mutant(chance, text):
    """A document with one to four random wounds."""
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randrange(len(text) + 1), chance.randint(0, 12)
        piece = chance.choice([chance.choice(PIECES), chr(chance.randrange(0x10FFFF)), ""])
        text = text[:at] + piece + text[at + length :]
    return text


@pytest.mark.parametrize("trusted", [True, False])
def test_only_scenario_errors_come_out_of_200_damaged_files(tmp_path, trusted):
    chance, refused = random.Random(20), 0
    for i in range(200):
        text = mutant(chance, chance.choice(BASES))
        data = bytearray(text.encode("utf-8", "surrogatepass"))
        if i % 5 == 0 and data:
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            read = load(write(tmp_path, "mutant.toml", bytes(data)), trusted=trusted)
        except ScenarioError as error:
            assert str(error)
            refused += 1
        else:
            assert loads(read.to_toml()) == read
            assert read.sentence("fr") and read.sentence("en")
    assert 100 < refused < 200


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from([key for key, *_ in diff(Scenario(), loads(FULL))]) | st.text()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_only_scenario_errors_come_out_of_odd_arguments(changes):
    for make in (lambda: Scenario().with_(**changes), lambda: Scenario(**changes)):
        try:
            scenario = make()
        except ScenarioError as error:
            assert str(error)
        else:
            assert loads(scenario.with_(model=None).to_toml()).digest


@settings(max_examples=200, deadline=None, derandomize=True)
@given(KEYS, st.text(), st.text())
def test_only_scenario_errors_come_out_of_odd_links(key, value, rest):
    try:
        from_query(f"{key}={value}{rest}")
    except ScenarioError as error:
        assert str(error)


# -- words ------------------------------------------------------------------------------------


def plain(text):
    return text.replace("\u00a0", " ")


def test_the_sentence_says_what_the_scenario_is():
    assert plain(load("paris-est-marne-et-bois").sentence("fr")) == (
        "Paris Est Marne et Bois, de janvier 2010 à décembre 2025 : 12 ETP de catalyseurs à partir "
        "de janvier 2012, à parts égales entre les quatre métiers ; crise de 15 mois à partir de "
        "mars 2020 (profondeur 1) ; élections en mars 2014 et juin 2020."
    )
    assert load("reference-2010").sentence("en") == (
        "CC Bresse et Saône, from January 2010 to December 2016: no catalyst; no crisis; "
        "one election in March 2014."
    )
    words = plain(loads(FULL).sentence("fr"))
    for part in (
        "2,5 ETP de catalyseurs à partir de janvier 2013 jusqu'en décembre 2014",
        "50 % dialogue, 25 % expérimentation et 25 % accompagnement",
        "les plus connus invités d'abord",
        "Territoire stylisé (4 communes, 5 000 habitants)",
        "cadre des ODD : non",
        "« contexte » et « reconnaissance »",
        SOME.name,
    ):
        assert part in words


def test_the_sentence_of_an_unknown_territory_gives_its_code():
    assert Scenario(territory={"code": "999999999"}).sentence().startswith("Territoire 999999999,")


def test_the_difference_comes_before_the_result():
    reference = load("reference-2020")
    assert plain(difference_sentence(reference, load("metier-lieu"), "fr")) == (
        "Par rapport à « Référence 2020-2031 » : 2 ETP de catalyseurs à partir de janvier 2021, "
        "100 % lieu (au lieu de : sans catalyseur)."
    )
    assert difference_sentence(load("metier-lieu"), load("metier-dialogue"), "en") == (
        "Compared with “Places alone”: métiers: 100% dialogue (instead of: 100% places)."
    )
    assert difference_sentence(reference, load("sans-catalyseurs"), "en").endswith(
        "nothing changes."
    )
    everything = plain(difference_sentence(Scenario(), loads(FULL), "fr"))
    for change in diff(Scenario(), loads(FULL)):
        if not change.key.startswith(("catalysis.", "context.crises")):  # told in a sentence
            assert label(change.key, "fr") in everything
    assert mistake(reference.sentence, "de").found == "de"


def test_every_key_has_words_in_both_languages():
    for key, field in keys():
        assert meta(field, "kind") in KINDS, key
        for words in ("label-fr", "label-en", "fr", "en"):
            assert meta(field, words), key


# -- schema, template, documentation --------------------------------------------------------------


def test_the_schema_is_a_schema_and_refuses_what_the_model_refuses():
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(tomllib.loads(FULL), schema())
    for bad in ({"sed": 1}, {"catalysis": {"fte": 300}}, {"parameters": {SOME.name: 1e9}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema())
    assert schema()["properties"]["extends"]["description"]


def test_a_new_file_is_the_default_and_each_of_its_lines_can_be_used():
    text = scenarios.new('Mon "essai" à moi')
    assert loads(text, trusted=False) == Scenario(title='Mon "essai" à moi')
    lines = [
        line.removeprefix("# ") if " = " in line and not line.startswith("# extends") else line
        for line in text.splitlines()
        if not line.startswith(("# mécanisme", "# nom = valeur"))
    ]
    used = loads("\n".join(lines))
    absent = {key: None for key, field in keys() if field.default is None}
    absent["parameters.base"] = None
    assert used.with_(**absent).digest == Scenario().digest
    assert sum(line.startswith("# ") for line in lines) == 3


def test_the_documentation_is_what_the_model_says():
    page = ROOT / "docs" / "scenarios.md"
    assert page.read_text(encoding="utf-8") == scenarios.markdown(), (
        "run: python -c 'import cosim.scenario as s; print(s.markdown(), end=\"\")' "
        "> docs/scenarios.md"
    )


def test_the_example_of_the_documentation_is_a_scenario():
    page = scenarios.markdown()
    example = page.split("```toml\n")[1].split("```")[0]
    assert loads(example).catalysis.mix.shares["accompagnement"] == 0.5


def test_mechanisms_are_named_in_the_order_of_the_month():
    assert (MECHANISMS[0], MECHANISMS[-1], len(MECHANISMS)) == ("context", "recognition", 10)


def test_importing_scenarios_is_light():
    code = (
        "import sys, cosim.scenario; print({'pandas', 'numba', 'numpy', 'mesa'} & {*sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "set()", result.stderr


# -- levers ---------------------------------------------------------------------------------


def test_a_lever_is_told_with_what_it_gives_when_and_within_which_budget():
    both = Scenario(
        droit={"strength": 0.5, "start": "2012-01", "end": "2014-01"},
        prime={"amount": 10, "yearly_budget": 150},
        donnees={"organisations": 20, "budget": 50},
    )
    french, english = both.sentence(), both.sentence("en")
    for words in (
        "droit de l'alliance à 50\u00a0% de son effet à partir de janvier 2012 "
        "jusqu'en décembre 2013",
        "prime de 10\u00a0k€ par alliance, au plus 150\u00a0k€ par an",
        "données (20\u00a0k€ par an pour les organisations), 50\u00a0k€ en tout",
    ):
        assert words in french
    assert "law of the alliance at 50% of its effect from January 2012" in english
    assert "au lieu de\u00a0: rien" in difference_sentence(Scenario(), both)


def test_dates_of_a_lever_that_gives_nothing_are_told_as_nothing():
    idle = Scenario(droit={"start": "2012-01"})
    assert idle.sentence() == Scenario().sentence()
    assert difference_sentence(Scenario(), idle).endswith("rien ne change en fait.")


CHOICES = [
    (key, value)
    for key, field in keys()
    if meta(field, "kind") == "choice" and key.startswith(("catalysis.", "rules."))
    for value in get_args(field.annotation)
]


@pytest.mark.parametrize(("key", "value"), CHOICES)
def test_every_choice_is_told_in_words_and_not_by_its_name(key, value):
    assert len(value_words(key, value, "fr").split()) > 1
    assert len(value_words(key, value, "en").split()) > 1


def test_compiled_code_numbers_the_choices_in_the_order_of_the_document():
    """The kernels know a choice by its place: both lists must be one."""
    from cosim import state

    def choices(table, key):
        return get_args(table.model_fields[key].annotation)

    assert state.DOMAIN_NAMES == scenario_tables.DOMAINS
    assert state.METIERS == scenarios.METIERS
    assert choices(scenario_tables.Catalysis, "invitation") == state.INVITATIONS
    assert choices(scenario_tables.Catalysis, "matching") == state.MATCHINGS
    assert choices(scenario_tables.Catalysis, "first_step") == state.FIRST_STEPS
    assert choices(scenario_tables.Place, "profile") == ("mixed", *state.PROFILES)
    for rule, names in state.RULES.items():
        assert choices(scenario_levers.Rules, rule) == names
    for name in state.SHARED:
        given = type(getattr(Scenario(), name)).model_fields
        assert tuple(key for key in given if key in state.PUBLICS) == state.PUBLICS
