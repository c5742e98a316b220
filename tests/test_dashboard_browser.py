"""The whole dashboard in a real browser: one state, many visitors, and what goes wrong."""

# ruff: noqa: F811 (fixtures are arguments of the same name)
import pytest
from browsing import (  # noqa: F401
    CHROMIUM,
    DRAWN,
    MARKS,
    SMALL,
    browser,
    foreign,
    free_port,
    open_page,
    page,
    port,
    start_server,
    stop_server,
    watched,
)

pytestmark = MARKS

FTE = "#catalysis-fte"
START = "#catalysis-start"
ALERT = ".cosim-warning[role=alert]"


def sentence(page):
    return page.inner_text(".cosim-sentence")


def address(page, *parts):
    """Wait until the address holds these parts."""
    for part in parts:
        page.wait_for_function("part => location.search.includes(part)", arg=part)


def choose(page, name):
    """Follow a link of the menu."""
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_selector(f"nav a[aria-current=page]:text-is('{name}')", state="attached")


# -- one state ----------------------------------------------------------------------------


def test_the_page_answers_in_french_beside_the_reference(page, port):
    open_page(page, port, ready=DRAWN)
    assert page.get_attribute("html", "lang") == "fr"
    assert page.title() == "Explorer — cosim"
    assert page.get_attribute("#annonce", "role") == "status"
    assert "catalyseurs" in sentence(page)
    assert page.locator(".cosim-kpi").count() >= 4
    assert page.inner_text(".cosim-kpis").count("référence") >= 4
    assert "pas une prévision" in page.inner_text(".cosim-limits")
    assert page.locator(".cosim-chart-box canvas").count() == 1


def test_a_lever_moves_answer_and_address(page, port):
    open_page(page, port, ready=DRAWN)
    before = sentence(page)
    page.locator(FTE).fill("8")
    address(page, "catalysis.fte=8")
    page.wait_for_function(
        "before => document.querySelector('.cosim-sentence').innerText !== before", arg=before
    )


def test_the_other_language_keeps_levers_curve_and_page(page, port):
    query = f"territoire={SMALL}&catalysis.fte=6&courbe=engaged&ecart=1"
    open_page(page, port, "/comparer", query)
    page.get_by_role("button", name="Read this page in English").click()
    address(page, "langue=en", "catalysis.fte=6", "courbe=engaged", "ecart=1")
    assert page.get_attribute("html", "lang") == "en"
    assert page.title() == "Compare — cosim"
    assert page.evaluate("location.pathname") == "/comparer"
    assert page.get_by_role("link", name="Hypotheses").count() == 1
    choose(page, "Explore")
    page.wait_for_selector(DRAWN)
    assert page.input_value(FTE) == "6" and page.input_value("#courbe") == "engaged"
    page.get_by_role("button", name="Lire cette page en français").click()
    page.wait_for_function("document.documentElement.lang === 'fr'")
    assert "langue" not in page.evaluate("location.search")


def test_a_link_restores_everything(browser, page, port):
    kept = "garde=catalysis.fte%3D2"
    query = (f"territoire={SMALL}&langue=en&courbe=able&ecart=1&catalysis.fte=7.5"
             f"&catalysis.start=2024-01&context.turnover=1.5&{kept}")  # fmt: skip
    open_page(page, port, query=query, ready=DRAWN)
    assert (page.input_value(FTE), page.input_value(START)) == ("7.5", "2024")
    assert page.input_value("#context-turnover") == "1.5"
    assert page.input_value("#courbe") == "able"
    assert page.is_checked("#ecart")
    assert page.locator(ALERT).count() == 0
    page.locator(FTE).fill("8")
    address(page, "catalysis.fte=8", kept)
    link = page.url
    other = watched(browser.new_page())
    other.goto(link)
    other.wait_for_selector(DRAWN)
    assert other.input_value(FTE) == "8" and other.url == link
    other.close()
    assert other.wrong == []


def test_two_visitors_do_not_move_each_others_levers(browser, page, port):
    open_page(page, port)
    other = browser.new_page()
    open_page(other, port, query=f"territoire={SMALL}&catalysis.fte=9")
    other.locator(FTE).fill("1")
    address(other, "catalysis.fte=1")
    assert page.input_value(FTE) == "4"
    page.locator(FTE).fill("3")
    address(page, "catalysis.fte=3")
    assert other.input_value(FTE) == "1"
    other.close()


def test_two_tabs_of_one_browser_are_two_sessions(browser, port):
    context = browser.new_context()
    one, two = context.new_page(), context.new_page()
    open_page(one, port)
    open_page(two, port, query=f"territoire={SMALL}&catalysis.fte=9")
    two.locator(FTE).fill("2")
    address(two, "catalysis.fte=2")
    assert one.input_value(FTE) == "4"
    context.close()


# -- what goes wrong ----------------------------------------------------------------------

SPOILT = (
    ("catalysis.fte=nan", "catalysis.fte=nan n'est pas compris"),
    ("catalysis.fte=1e400", "catalysis.fte=1e400 n'est pas compris"),
    ("catalysis.fte=" + "9" * 300, "n'est pas compris"),
    ("territoire=999999999", "territoire=999999999 n'est pas compris"),
    ("courbe=%3Cscript%3Ealert(1)%3C/script%3E", "<script>alert(1)</script> n'est pas compris"),
    ("catalysis.start=%00%1b%5B31m", "n'est pas compris"),
    ("model.modules=os", "ni code ni fichier"),
    ("garde=catalysis.fte%3Dx", "catalysis.fte=x n'est pas compris"),
    ("time.end=2060-12", "mois au plus"),
    ("ctalysis.fte=3", "peut-être catalysis.fte"),
)


def test_a_spoilt_address_gets_french_words_and_the_page_works(page, port):
    for query, words in SPOILT:
        open_page(page, port, "/methode", query, ready=ALERT)
        shown = page.inner_text(ALERT)
        assert words in shown, query
        assert "Traceback" not in page.inner_text("body") and "Error" not in shown
    open_page(page, port, ready=DRAWN)
    assert page.locator(ALERT).count() == 0


def test_an_unknown_page_leads_home(browser, port):
    page = browser.new_page()
    assert page.goto(f"http://127.0.0.1:{port}/zzz").status == 404
    assert page.inner_text("h1") == "Page introuvable"
    page.get_by_role("link", name="Aller à l'accueil").click()
    page.wait_for_selector("main h1:has-text('Explorer')")
    page.close()


def test_a_dropped_socket_comes_back_and_the_next_move_counts(browser, port):
    page = browser.new_page()
    open_page(page, port, ready=DRAWN)
    page.evaluate("solara.debug.dropConnection()")
    page.wait_for_function("solara.debug.reconnectCount === 1")
    page.locator(FTE).fill("7")
    address(page, "catalysis.fte=7")
    # a message that is too large closes the socket, and costs nothing else
    page.evaluate("solara.debug.ws().send('x'.repeat(2 << 20))")
    page.wait_for_function("solara.debug.reconnectCount === 2")
    before = sentence(page)
    page.locator(FTE).fill("0.5")
    address(page, "catalysis.fte=0.5")
    page.wait_for_function(
        "before => document.querySelector('.cosim-sentence').innerText !== before", arg=before
    )
    page.close()


def test_a_new_server_on_the_same_port_is_found_again_with_the_state(browser):
    """Behind a prefix, too; and a visitor too many is told so."""
    number = free_port()
    options = ("--no-warm", "--root-path", "/essai", "--max-visitors", "1")
    server = start_server(number, *options)
    context = browser.new_context()
    page = context.new_page()
    try:
        open_page(page, number, "/essai/", ready=DRAWN)
        choose(page, "Comparer")
        assert page.evaluate("location.pathname") == "/essai/comparer"
        page.go_back()
        page.wait_for_selector(FTE)
        page.locator(FTE).fill("6")
        address(page, "catalysis.fte=6")
        late = browser.new_page()
        assert late.goto(f"http://127.0.0.1:{number}/essai/").status == 503
        assert late.inner_text("h1") == "Le tableau de bord est complet"
        late.close()
        stop_server(server)
        page.wait_for_selector("text=Reconnexion…")
        server = start_server(number, *options)
        page.wait_for_function("!document.querySelector('.v-overlay--active')", timeout=60_000)
        page.wait_for_selector(DRAWN, timeout=60_000)
        assert page.input_value(FTE) == "6"
        assert page.evaluate("location.pathname") == "/essai/"
        page.locator(FTE).fill("2")
        address(page, "catalysis.fte=2")
    finally:
        context.close()
        stop_server(server)


# -- for everybody ------------------------------------------------------------------------


def entries():
    from cosim.dashboard.pages import PAGES

    return PAGES


@pytest.mark.parametrize("lang, width", [("fr", 1366), ("fr", 390), ("en", 1366)])
def test_every_page_is_accessible_and_fits(page, port, lang, width):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": width, "height": 844})
    found = {}
    open_page(page, port, query=f"territoire={SMALL}&langue={lang}&catalysis.fte=4", ready=DRAWN)
    for entry in entries():
        name = entry.fr if lang == "fr" else entry.en
        if width < 860:
            page.locator(".cosim-nav-more").click()
        choose(page, name)
        page.wait_for_function("title => document.title === title", arg=f"{name} — cosim")
        page.wait_for_timeout(300)  # the page's own first answer
        for violation in Axe().run(page).response["violations"]:
            nodes = [node["html"][:120] for node in violation["nodes"][:3]]
            found[f"{entry.path} {violation['id']}"] = nodes
        across = page.evaluate("document.documentElement.scrollWidth")
        if across > width:
            found[f"{entry.path} scrolls"] = across
    assert found == {}


def test_no_request_leaves_this_machine(browser, port):
    """Nor could one: the browser itself refuses, and says so to the watcher."""
    page = watched(browser.new_page())
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    open_page(page, port, ready=DRAWN)
    assert len(asked) > 5 and not any(map(foreign, asked))
    assert any(url.startswith("ws://127.0.0.1") for url in asked)
    with pytest.raises(Exception, match="Failed to fetch"):
        page.evaluate("fetch('http://127.0.0.2:9/')")
    assert page.evaluate("(() => { const s = document.createElement('script'); s.text = "
                         "'window.slipped = 1'; document.head.append(s); return window.slipped })()"
                         ) is None  # fmt: skip
    page.close()


def test_there_is_something_to_read_before_the_scripts_have_come(browser, port):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/?langue=en")
    shown = page.inner_text("body")
    assert "Building the territory together" in shown and "needs JavaScript" in shown
    context.close()
