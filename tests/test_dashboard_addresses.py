"""Five hundred spoilt addresses: each gives a valid page and words, never an exception."""

import random
from urllib.parse import quote

import pytest
from browsing import SMALL

from cosim import scenario as documents
from cosim.dashboard import view as views
from cosim.scenario_file import CODE_KEYS

KEPT = "garde=" + quote("catalysis.fte=2&prime.amount=20")
REAL = (
    f"territoire={SMALL}&langue=fr&courbe=engaged&ecart=1&mois=24&catalysis.fte=6.5"
    f"&catalysis.start=2024-01&context.turnover=1.5&time.end=2028-12&title=Essai&{KEPT}"
)
NUMBERS = ("nan", "inf", "-inf", "1e400", "-1","9" * 400, "0x10", "1_0", "½", "1,5",
           "1;5", "true", "[]", "{}", "[1,",'"', "'", "\\", "", " ", "+", "null")  # fmt: skip
STRINGS = ("é", "𝔘𝔫𝔦", "\u202e\u202d", "\x00", "\x1b[31m", "\r\nX: y", "%", "%2", "%%%", "%25252e",
           "%ff%fe", "<script>alert(1)</script>", "{{7*7}}", "../../etc/passwd", "a" * 5_000,
           "\ud800", "=" * 30, "&" * 30, "🏛️" * 200, "__class__", "=cmd()")  # fmt: skip
KEYS = (*CODE_KEYS, "x", "catalysis", "catalysis.", ".fte", "catalysis.fte.x", "catalysis.ftee",
        "territory.code", "territory.sample", "parameters.base", "parameters.x", "context.crises",
        "garde.garde", "modules", "extends", "langue", "parametres", "time.start", "time.substeps",
        "model.without", "__proto__", "kernelid", "Territoire")  # fmt: skip


def mutated(count=500, seed=20240229):
    """Return addresses spoilt in ways that are the same at every run."""
    luck = random.Random(seed)
    pairs = [pair.split("=", 1) for pair in REAL.split("&")]

    def joined(some):
        return "&".join(f"{key}={value}" for key, value in some)

    def cut():
        return REAL[: luck.randrange(len(REAL))]

    def doubled():
        return joined([*pairs, [luck.choice(pairs)[0], luck.choice((*NUMBERS, *STRINGS))]])

    def value():
        some = [list(pair) for pair in pairs]
        luck.choice(some)[1] = luck.choice((*NUMBERS, *STRINGS))
        return joined(some)

    def key():
        return joined([*pairs, [luck.choice(KEYS), luck.choice((*NUMBERS, *STRINGS, "1"))]])

    def nested():
        text = REAL
        for _ in range(luck.randrange(1, 5)):
            text = quote(text, safe=luck.choice(("", "=&")))
        return text

    def noise():
        letters = list(REAL)
        for _ in range(luck.randrange(1, 12)):
            letters[luck.randrange(len(letters))] = chr(
                luck.choice((*range(128), 0x202E, 0x10FFFF))
            )
        return "".join(letters)

    def shuffled():
        return joined(luck.sample(pairs, luck.randrange(1, len(pairs)))) + luck.choice(STRINGS)

    def kept():
        spoilt = f"{luck.choice((*KEYS, 'garde'))}={luck.choice((*NUMBERS, *STRINGS))}"
        inner = quote(spoilt[:300], errors="replace")
        return f"{REAL}&garde={inner}&garde={quote(inner)}&garde=&garde"

    found = {}
    while len(found) < count:
        found[(cut, doubled, value, key, nested, noise, shuffled, kept)[luck.randrange(8)]()] = None
    return tuple(found)


ADDRESSES = mutated()


def test_the_real_address_is_understood_whole():
    view, refused = views.from_query(REAL)
    assert refused == ()
    assert (view.code, view.shown, view.gap, view.own("mois")) == (SMALL, "engaged", True, "24")
    assert view.scenario.catalysis.fte == 6.5 and view.scenario.time.end == "2028-12"
    assert [one.prime.amount for one in view.kept] == [20]


def test_five_hundred_are_spoilt_each_differently():
    assert len(set(ADDRESSES)) == 500
    assert sum(bool(views.from_query(query)[1]) for query in ADDRESSES[::10]) > 25


@pytest.mark.parametrize("tenth", range(10))
def test_a_spoilt_address_gives_a_valid_page_and_french_words(tenth):
    for query in ADDRESSES[tenth::10]:
        view, refused = views.from_query(query)
        assert view.scenario.n_months <= views.MOST_MONTHS and len(view.kept) <= views.MOST_KEPT
        assert view.shown in views.SHOWN and view.lang in ("fr", "en")
        for line in refused:
            assert line.isprintable() and len(line) < 400, (query, line)
            assert "Traceback" not in line and "Error" not in line and "validation" not in line
            if view.lang == "fr":
                assert "n'est pas" in line and "expected" not in line, (query, line)
        again, refused_again = views.from_query(views.to_query(view))
        assert refused_again == (), query
        assert views.to_query(again) == views.to_query(view), query


def test_what_is_left_of_a_spoilt_address_is_a_document():
    for query in ADDRESSES[::25]:
        scenario = views.from_query(query)[0].scenario
        assert documents.loads(scenario.to_toml()).digest == scenario.digest, query


@pytest.mark.parametrize("key", CODE_KEYS)
def test_no_address_names_code_or_files(key):
    view, [line] = views.from_query(f"territoire={SMALL}&{key}=../../x")
    assert "ni code ni fichier" in line
    assert view.scenario.digest == view.reference.digest


def test_a_key_given_twice_is_told_and_the_first_one_holds():
    state, refused = views.from_query("territoire=200007177&catalysis.fte=3&catalysis.fte=4")
    assert state.scenario.catalysis.fte == 3.0
    assert refused == ("catalysis.fte=4 n'est pas compris (attendu : une seule fois)",)
