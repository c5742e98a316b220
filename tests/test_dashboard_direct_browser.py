"""A seminar in real browsers: who presents, who follows, what nobody sees before the reveal."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import DRAWN, MARKS, SMALL, browser, port, watched  # noqa: F401

pytestmark = MARKS

TELLS = ".cosim-telling-scenario"


class Visitor:
    """A browser of its own, with what its page and its socket said."""

    def __init__(self, chromium, number, width=1366):
        self.context = chromium.new_context(viewport={"width": width, "height": 900})
        self.page = watched(self.context.new_page())
        self.frames = []
        self.page.on("websocket", self.listen)
        self.home = f"http://127.0.0.1:{number}"

    def listen(self, socket):
        def hear(frame):
            text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
            self.frames.append(text)

        socket.on("framereceived", hear)

    def open(self, address, ready):
        self.page.goto(self.home + address)
        self.page.wait_for_selector(ready, timeout=240_000)
        return self

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def reads(self, text, where="main"):
        self.page.wait_for_function(
            "([where, text]) => [...document.querySelectorAll(where)]"
            ".some((one) => one.innerText.includes(text))",
            arg=[where, text], timeout=60_000,
        )  # fmt: skip

    def close(self):
        self.page.close()
        self.context.close()
        assert self.page.wrong == []


@pytest.fixture
def visit(browser, port):  # noqa: F811
    visitors = []

    def come(**options):
        visitors.append(Visitor(browser, port, **options))
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.close()


@pytest.fixture
def presenter(visit):
    one = visit().open(f"/direct?territoire={SMALL}&catalysis.fte=4", "main h1")
    one.press("Ouvrir une salle")
    one.page.wait_for_selector(".cosim-room-code")
    one.code = one.page.inner_text(".cosim-room-code")
    one.page.wait_for_selector(DRAWN, timeout=240_000)
    return one


@pytest.fixture
def follower(visit, presenter):
    return visit(width=390).open(f"/direct?salle={presenter.code}", DRAWN)


def ask_and_open(presenter, fte=8):
    presenter.press("Poser une question")
    presenter.reads("La réponse est cachée")
    presenter.page.locator("#catalysis-fte").fill(str(fte))
    presenter.reads(f"{fte} ETP de catalyseurs", TELLS)
    presenter.page.get_by_role("button", name="Ouvrir le vote", exact=True).click(timeout=120_000)


def accessible(visitor):
    found = Axe().run(visitor.page)
    assert found.violations_count == 0, found.generate_report()
    width, window = visitor.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= window


def test_a_lever_reaches_those_who_came_by_code_and_by_link_in_their_language(
    visit, presenter, follower
):
    other = visit().open("/direct?langue=en", "#code-de-salle")
    other.page.locator("#code-de-salle").fill(f"{presenter.code[:2].lower()} {presenter.code[2:]}")
    other.press("Join")
    other.page.wait_for_selector(DRAWN, timeout=60_000)
    presenter.reads("2 participants", ".cosim-count")
    presenter.page.locator("#catalysis-fte").fill("9")
    follower.reads("9 ETP de catalyseurs", TELLS)
    other.reads("9 FTE of catalysts", TELLS)
    other.page.wait_for_function("location.search.includes('salle=')")
    token = other.page.evaluate("sessionStorage.getItem('cosim-salles')")
    assert token.split('"')[3] not in other.page.url
    other.page.close()
    presenter.reads("1 participant", ".cosim-count")


def test_nobody_gets_the_answer_before_it_is_revealed(visit, presenter, follower):
    screen = visit().open(f"/direct?salle={presenter.code}&mode=projection", DRAWN)
    room = (presenter, follower, screen)
    answer = ('"sentence"', '"description"', "alliances de plus en")
    assert all(any(part in "".join(one.frames) for part in answer) for one in room)
    presenter.press("Poser une question")
    for one in room:
        one.reads("La réponse est cachée")
        one.frames.clear()
    presenter.page.locator("#catalysis-fte").fill("8")
    for one in room:
        one.reads("8 ETP de catalyseurs", TELLS)
    presenter.page.get_by_role("button", name="Ouvrir le vote", exact=True).click(timeout=120_000)
    follower.page.get_by_label("Plus, nettement").check()
    follower.page.locator("#estimation").fill("20")
    follower.press("Voter")
    follower.reads("Votre vote", ".cosim-ballot")
    presenter.reads("1 vote pour 1 participant", ".cosim-count")
    screen.reads("1 vote pour 1 participant", ".cosim-count")
    for one in room:
        assert one.page.locator(DRAWN).count() == 0
        assert not any(part in frame for frame in one.frames for part in answer)
        accessible(one)
    presenter.press("Révéler la réponse")
    for one in room:
        one.page.wait_for_selector(DRAWN, timeout=60_000)
        one.reads("La réponse :")
        one.reads("Estimation médiane de la salle : +20")
        assert one.page.locator(".cosim-tally").first.locator("li").count() == 3
        accessible(one)
    presenter.press("Continuer")
    follower.reads("Ce que montre la salle")


def test_moves_are_taken_back_and_replayed_on_every_screen(presenter, follower):
    for fte in ("6", "10"):
        presenter.page.locator("#catalysis-fte").fill(fte)
        follower.reads(f"{fte} ETP de catalyseurs", TELLS)
        presenter.page.wait_for_timeout(1100)  # else both are one gesture
    presenter.press("Rejouer les déplacements (2)")
    for words in ("Point de départ", "4 ETP", "6 ETP", "10 ETP"):
        follower.reads(words, TELLS)
    presenter.press("Annuler le dernier déplacement")
    follower.reads("6 ETP de catalyseurs", TELLS)
    presenter.page.wait_for_function("document.querySelector('#catalysis-fte').value === '6'")
    presenter.reads("Rejouer les déplacements (1)", "button")


def test_a_reload_keeps_seat_and_vote(presenter, follower):
    ask_and_open(presenter)
    follower.page.get_by_label("Moins, nettement").check()
    follower.press("Voter")
    presenter.reads("1 vote pour 1 participant")
    follower.page.reload()
    follower.reads("Votre vote, modifiable jusqu'à la réponse : Moins, nettement")
    follower.reads("participant n° 1")
    follower.page.get_by_label("Plus, nettement").check()
    follower.press("Changer mon vote")
    follower.reads("Votre vote, modifiable jusqu'à la réponse : Plus, nettement")
    presenter.page.reload()
    presenter.reads("1 vote pour 1 participant")
    presenter.press("Révéler la réponse")
    presenter.reads("La réponse :")
    presenter.press("Fermer la salle")
    presenter.press("Oui, fermer")
    follower.reads("a fermé la salle")


def test_a_presenter_shows_from_any_page_and_who_looks_alone_is_called_to_the_vote(
    presenter, follower
):
    presenter.page.get_by_role("link", name="Explorer").click()
    presenter.reads(f"Vous présentez : salle {presenter.code} — 1 participant", ".cosim-note")
    presenter.page.locator("#catalysis-fte").fill("7")
    follower.reads("7 ETP de catalyseurs", TELLS)
    follower.press("Regarder seul")
    follower.page.wait_for_function("location.pathname === '/'")
    follower.reads("vous regardez seul", ".cosim-note")
    follower.page.locator("#catalysis-fte").fill("1")
    presenter.press("Aller à la salle")
    ask_and_open(presenter, 5)
    follower.page.wait_for_selector(".cosim-ballot", timeout=60_000)
    follower.reads("5 ETP de catalyseurs", TELLS)
    assert "1 ETP" not in presenter.page.inner_text("main")


def test_an_unknown_room_gets_a_clear_message(visit):
    lost = visit(width=390).open("/direct?salle=ZZZZZ", "#code-de-salle")
    lost.reads("Aucune salle de ce code", ".cosim-join")
    accessible(lost)
    lost.page.locator("#code-de-salle").fill("xx<b>x")
    lost.press("Rejoindre")
    lost.reads("Aucune salle de ce code", ".cosim-join")
    assert lost.page.locator(".cosim-join b").count() == 0


def test_a_local_address_is_no_code_to_scan(presenter):
    presenter.reads("--host 0.0.0.0 --allow-host NOM", ".cosim-warning")
    assert presenter.page.locator(".cosim-room-qr").count() == 0
    accessible(presenter)
    presenter.press("Mode projection")
    presenter.page.wait_for_selector(".cosim-stage")
    assert presenter.page.locator("#catalysis-fte").count() == 0
    accessible(presenter)
    presenter.press("Quitter la projection")
    presenter.page.wait_for_selector("#catalysis-fte")
