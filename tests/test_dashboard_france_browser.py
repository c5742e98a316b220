"""France, Hypothèses and Méthode in a real browser: deep links, filters, both widths, axe."""

import re

import pytest
from browsing import MARKS, SMALL, browser, open_page, page, port  # noqa: F401

pytestmark = MARKS
VANNES = "200067932"
QUERY = f"territoire={SMALL}"
MAP = ".cosim-nation[data-drawn]"
#: page, query, what shows that it is there
PLACES = (
    ("/france", f"carte=deux-postes:engaged:2026:{VANNES}", MAP),
    ("/hypotheses", "hypothese=H1", ".cosim-hypothesis.open .cosim-intervals"),
    ("/methode", "", ".cosim-diagram"),
    ("/methode", "section=limites", ".cosim-prose h3"),
    ("/methode", "section=parametre-prime_birth", "#parametre-prime_birth dl"),
    ("/methode", "section=calage", ".cosim-table"),
    ("/methode", "section=lire", ".cosim-table td"),
    ("/methode", "section=citer", ".cosim-prose-table"),
)


def visit(page, port, path, query, ready, lang=""):  # noqa: F811
    open_page(page, port, path, f"{QUERY}&{query}{lang}".rstrip("&"), ready)


@pytest.mark.parametrize(("path", "query", "ready"), PLACES)
def test_no_page_breaks_a_rule_of_accessibility_or_scrolls_sideways(page, port, path, query, ready):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    visit(page, port, path, query, ready)
    for width in (1366, 390):
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("path", "query", "ready"), PLACES[:4])
def test_each_page_is_english_from_head_to_foot_on_demand(page, port, path, query, ready):  # noqa: F811
    visit(page, port, path, query, ready, "&langue=en")
    assert page.evaluate("document.documentElement.lang") == "en"
    words = page.inner_text("main").lower()
    assert not re.search(
        r"\b(le hasard|toutes|hypothèses affichées|sur 10|chaque|référence)\b", words
    )


# -- France -------------------------------------------------------------------------------


def test_a_link_restores_year_indicator_simulation_and_territory_of_the_map(page, port):  # noqa: F811
    visit(page, port, "/france", f"carte=reference:alliances:2020:{VANNES}", MAP)
    assert page.input_value("#cosim-year") == "2020"
    assert page.input_value("#indicateur") == "alliances"
    assert "janvier 2020" in page.inner_text(".cosim-sentence")
    assert page.inner_text(".chosen h2").startswith("CA Golfe du Morbihan")


def test_the_slider_repaints_at_once_and_the_sentence_and_address_follow(page, port):  # noqa: F811
    visit(page, port, "/france", "", MAP)
    pixels = "document.querySelector('.cosim-nation canvas').toDataURL().length"
    before = page.evaluate(pixels)
    page.focus("#cosim-year")
    page.keyboard.press("Home")
    page.wait_for_selector(".cosim-nation[data-drawn='2010']")
    assert page.evaluate(pixels) != before
    page.get_by_text("en janvier 2010").first.wait_for()
    page.wait_for_url(re.compile("2010"))


def test_a_click_on_the_map_names_the_territory_and_leads_to_its_own_page(page, port):  # noqa: F811
    visit(page, port, "/france", "", MAP)
    canvas = page.locator(".cosim-nation .main canvas")
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 0.5, "y": box["height"] * 0.5})
    page.wait_for_selector(".chosen h2")
    page.wait_for_url(re.compile(r"carte=[^&]*\d{9}"))
    name = page.inner_text(".chosen h2")
    page.get_by_role("button", name="Explorer ce territoire").click()
    page.wait_for_selector(".cosim-place")
    page.get_by_text(name).first.wait_for()


def test_play_runs_to_the_last_year_in_the_browser(page, port):  # noqa: F811
    visit(page, port, "/france", "carte=reference:engaged:2024", MAP)
    page.get_by_role("button", name="Lecture").click()
    page.wait_for_selector(".cosim-nation[data-drawn='2026']", timeout=20_000)
    page.get_by_text("en janvier 2026").first.wait_for()


def test_regions_fold_out_as_a_table_of_eighteen_and_france(page, port):  # noqa: F811
    visit(page, port, "/france", "", MAP)
    page.click("#regions")
    page.wait_for_selector(".cosim-table")
    assert page.locator(".cosim-table tbody tr").count() == 19


def test_a_territory_is_found_by_the_name_of_a_commune(page, port):  # noqa: F811
    visit(page, port, "/france", "", MAP)
    page.fill("#territoire", "vannes")
    page.get_by_role("option", name="Golfe du Morbihan").click()
    page.wait_for_selector(".chosen h2")
    assert "Golfe du Morbihan" in page.inner_text(".chosen h2")


# -- Hypothèses ---------------------------------------------------------------------------


def test_the_filter_keeps_the_cards_of_one_verdict(page, port):  # noqa: F811
    visit(page, port, "/hypotheses", "", ".cosim-hypothesis")
    assert page.locator(".cosim-hypothesis").count() == 12
    page.get_by_role("button", name="soutenue").click()
    page.get_by_text("Une hypothèse affichée").wait_for()
    assert page.locator(".cosim-hypothesis").count() == 1
    assert "● soutenue" in page.inner_text(".cosim-hypothesis .cosim-verdict")


def test_a_link_opens_one_hypothesis_and_closing_it_leaves_the_address(page, port):  # noqa: F811
    visit(page, port, "/hypotheses", "hypothese=H12", ".cosim-hypothesis.open")
    assert page.get_attribute(".cosim-hypothesis.open", "id") == "H12"
    page.click(".cosim-hypothesis.open .cosim-fold")
    page.wait_for_function("!location.search.includes('hypothese')")
    assert page.locator(".cosim-hypothesis.open").count() == 0


def test_a_hypothesis_is_seen_in_the_explorer_on_ones_own_territory(page, port):  # noqa: F811
    visit(page, port, "/hypotheses", "hypothese=H12", ".cosim-hypothesis.open")
    page.get_by_role("button", name="Voir dans l'Explorateur").click()
    page.wait_for_url(re.compile("catalysis.invitation=periphery"))
    assert f"territoire={SMALL}" in page.url


# -- Méthode ------------------------------------------------------------------------------


def test_a_link_opens_a_parameter_and_scrolls_to_it(page, port):  # noqa: F811
    visit(page, port, "/methode", "section=parametre-prime_birth", "#parametre-prime_birth dl")
    page.wait_for_function(
        "(y => 0 <= y && y < innerHeight)"
        "(document.getElementById('parametre-prime_birth').getBoundingClientRect().top)"
    )
    assert "prime_birth" in page.inner_text("#parametre-prime_birth dl")


def test_the_search_finds_a_parameter_by_a_word_without_its_accent(page, port):  # noqa: F811
    visit(page, port, "/methode", "section=parametres", ".cosim-ledger")
    page.fill("#parametre-find", "election maires")
    page.select_option("#parametre-kind", label="publié")
    rows = page.locator(".cosim-ledger tbody")
    page.wait_for_function("document.querySelectorAll('.cosim-ledger tbody').length < 20")
    assert 0 < rows.count() < 20


def test_a_name_in_the_limits_leads_to_the_row_of_its_ledger(page, port):  # noqa: F811
    visit(page, port, "/methode", "section=limites", ".cosim-prose-table a")
    name = page.locator(".cosim-prose-table a").first.inner_text()
    page.locator(".cosim-prose-table a").first.click()
    page.wait_for_selector(f"#parametre-{name} dl, #fait-{name} dl")


def test_the_steps_of_the_month_are_those_of_the_model(page, port):  # noqa: F811
    from cosim import ledgers

    visit(page, port, "/methode", "section=mecanisme-formation", ".cosim-months")
    assert page.locator(".cosim-months li").count() == len(ledgers.mechanisms())
    assert page.locator(".cosim-months li.named").get_attribute("id") == "mecanisme-formation"
