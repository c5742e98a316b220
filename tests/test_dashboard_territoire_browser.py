"""The page Territoire in a real browser: it plays alone, an actor is chosen, a link restores it."""

# ruff: noqa: F811 (a fixture that is imported is an argument, too)

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import MARKS, SMALL, browser, open_page, page, port  # noqa: F401

pytestmark = MARKS

#: Three years, so that a simulation is told at once.
SHORT = f"territoire={SMALL}&catalysis.fte=4&time.end=2022-12"
DRAWN = ".cosim-story canvas[data-drawn]"
#: No indicator is being computed: the server has nothing left to send.
SETTLED = "!document.querySelector('.cosim-status.cosim-busy')"


def open_story(page, port, more="", query=SHORT):
    open_page(page, port, "/territoire", query + more, DRAWN)
    page.wait_for_function(SETTLED, timeout=120_000)


def month(page):
    return int(page.get_attribute(".cosim-story canvas", "data-month"))


def test_it_plays_the_months_without_a_message(page, port):
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    open_story(page, port, "&mois=2020-02")
    assert month(page) == 1
    assert sent, "the frames of this page are counted"
    page.wait_for_timeout(600)
    sent.clear()
    page.get_by_role("button", name="Lire").click()
    page.wait_for_function("document.querySelector('.cosim-story canvas').dataset.month > 8")
    assert sent == []
    page.get_by_role("button", name="Pause").click()
    stopped = month(page)
    page.wait_for_function(
        "location.search.includes('mois=2020-') && !/mois=2020-02/.test(location.search)"
    )
    assert f"mois=2020-{stopped + 1:02d}" in page.url or stopped > 11
    assert 0 < float(page.get_attribute(".cosim-story canvas", "data-ms")) < 50


def test_nothing_plays_by_itself_and_a_range_moves_the_month(page, port):
    open_story(page, port)
    assert month(page) == 35
    page.locator("#mois").fill("10")
    page.wait_for_function("location.search.includes('mois=2020-11')")
    assert "novembre 2020" in page.get_attribute(".cosim-story canvas", "aria-label")
    assert page.get_attribute("#mois", "aria-valuetext") == "novembre 2020"
    page.locator("#mois").press("ArrowLeft")
    page.wait_for_function("location.search.includes('mois=2020-10')")


def test_an_actor_is_chosen_on_the_canvas(page, port):
    open_story(page, port)
    box = page.locator(".cosim-story canvas").bounding_box()
    for share in (0.5, 0.42, 0.58, 0.36, 0.64):  # an actor stands near one of these places
        page.locator(".cosim-story canvas").click(
            position={"x": box["width"] * share, "y": box["height"] * share}
        )
        page.wait_for_timeout(300)
        if "acteur=" in page.url:
            break
    page.wait_for_selector(".cosim-actor h3")
    words = page.inner_text(".cosim-actor")
    assert "n°" in words and "Confiance" in words and "connaissances en" in words


def test_an_actor_is_chosen_in_a_list_and_its_alliances_are_told(page, port):
    open_story(page, port)
    page.locator("#acteur").select_option("elu-1")
    page.wait_for_function("location.search.includes('acteur=elu-1')")
    assert page.inner_text(".cosim-actor h3 >> nth=0").startswith("Élu n°")
    assert page.locator(".cosim-levels svg[role=img]").count() == 1
    assert "comment elles sont nées" in page.inner_text(".cosim-actor")


def test_a_link_restores_month_actor_network_and_reference(page, port):
    open_story(page, port, "&mois=2021-03&acteur=association-2&carte=reseau-reference&langue=en")
    assert month(page) == 14
    assert page.get_attribute("html", "lang") == "en"
    assert page.inner_text(".cosim-actor h3 >> nth=0").startswith("Association no.")
    assert (
        page.get_by_role("button", name="Show the reference").get_attribute("aria-pressed")
        == "true"
    )
    assert page.get_by_role("radio", name="Network").is_checked()
    assert "Reference, same luck" in page.inner_text("main")
    assert "March 2021" in page.get_attribute(".cosim-story canvas", "aria-label")


@pytest.mark.parametrize("width", [1366, 390])
def test_it_fits_and_is_accessible(page, port, width):
    page.set_viewport_size({"width": width, "height": 900})
    open_story(page, port, "&acteur=elu-1")
    for name in ("annees", "communes"):
        page.locator(f"#{name}").click()
    page.wait_for_selector("text=Élus municipaux")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert "Contours approchés" in page.inner_text(".cosim-story")
    assert "médiane sur 100" in page.inner_text(".cosim-status")
