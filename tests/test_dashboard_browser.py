"""The live page in a real browser: Debian's Chromium, driven by Playwright."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# a small territory, so that 2 x 100 replicates take seconds
SMALL = "200007177"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(
        not shutil.which(CHROMIUM) and not os.environ.get("CI"), reason="Chromium is not here"
    ),
]


@pytest.fixture(scope="module")
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    command = [sys.executable, "-m", "cosim", "dashboard", "--port", str(number)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(240):
            try:
                if ask(number, "/healthz").status == 200:
                    break
            except OSError:
                time.sleep(0.25)
        else:
            pytest.fail("the server does not answer")
        yield number
    finally:
        server.terminate()
        server.wait(20)


def ask(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, port):
    """A page that fails the test on an error, a failed request or a request to elsewhere."""
    page = browser.new_page(viewport={"width": 1366, "height": 900})
    wrong = []
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("requestfailed", lambda r: wrong.append(f"failed: {r.url}"))
    page.on("console", lambda m: wrong.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("request", lambda r: wrong.append(f"foreign: {r.url}") if foreign(r.url) else None)
    page.on("response", lambda r: wrong.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    yield page
    page.close()
    assert wrong == []


def foreign(url):
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:", "ws://127.0.0.1:"))


def open_page(page, port, query=f"?territoire={SMALL}&etp=4"):
    page.goto(f"http://127.0.0.1:{port}/{query}")
    page.wait_for_selector(".cosim-chart-box[data-drawn]", timeout=240_000)


def sentence(page):
    return page.inner_text(".cosim-sentence")


def test_the_page_answers_in_french_beside_the_reference(page, port):
    open_page(page, port)
    assert page.get_attribute("html", "lang") == "fr"
    assert sentence(page).startswith("Avec les catalyseurs")
    assert page.get_attribute(".cosim-sentence", "aria-live") == "polite"
    assert page.locator(".cosim-kpi").count() == 4
    assert "référence" in page.inner_text(".cosim-kpis")
    assert "pas une prévision" in page.inner_text(".cosim-limits")
    assert page.locator(".cosim-chart-box canvas").count() == 1
    page.wait_for_function(
        "document.querySelector('.cosim-chart-box').dataset.drawn === '100'", timeout=120_000
    )


def test_moving_a_lever_changes_answer_and_address(page, port):
    open_page(page, port)
    before = sentence(page)
    page.locator("#fte").fill("0")
    page.wait_for_function(
        "document.querySelector('.cosim-sentence').innerText.includes('rien ne')"
    )
    assert sentence(page) != before
    page.wait_for_function("location.search.includes('etp=0')")
    page.locator("#fte").fill("12")
    page.wait_for_function("location.search.includes('etp=12')")
    page.get_by_label("Revenir à la référence : Moyens de catalyse").click()
    page.wait_for_function("location.search.includes('etp=0')")


def test_an_elu_finds_her_commune_by_name(page, port):
    open_page(page, port)
    page.locator("#territoire").fill("saint mande")
    page.get_by_role("button", name="Paris Est Marne et Bois").click()
    page.wait_for_function("location.search.includes('territoire=200057941')")
    panel = page.inner_text(".cosim-panel")
    assert "517 705" in panel.replace("\u202f", " ").replace("\xa0", " ")
    assert "1 acteur sur" in panel


def test_another_curve_is_shown_with_its_definition(page, port):
    open_page(page, port)
    page.locator("#courbe").select_option("able")
    page.wait_for_function("location.search.includes('courbe=able')")
    page.wait_for_function(
        "document.querySelector('.cosim-card').innerText.includes('savoir-faire dépasse')"
    )


def test_a_link_restores_the_page_and_nonsense_gets_a_french_message(page, port):
    open_page(page, port, f"?territoire={SMALL}&etp=7.5&crise=zut")
    assert page.input_value("#fte") == "7.5"
    assert "crise=zut" in page.inner_text("[role=alert]")
    assert page.input_value("#crisis") == "1"


def test_the_page_fits_a_telephone(page, port):
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, port)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_visitors_do_not_move_each_others_levers(browser, page, port):
    open_page(page, port)
    other = browser.new_page()
    open_page(other, port, f"?territoire={SMALL}&etp=9")
    other.locator("#fte").fill("1")
    other.wait_for_function("location.search.includes('etp=1')")
    assert page.input_value("#fte") == "4"
    other.close()


def test_the_served_page_is_french_and_lets_people_zoom(port):
    page = ask(port, "/", **{"Accept-Encoding": "gzip"}).read().decode()
    assert '<html lang="fr">' in page
    assert "user-scalable" not in page and "maximum-scale" not in page


def test_the_server_refuses_strangers(port):
    assert ask(port, "/", Host="elsewhere.example").status == 400
    assert ask(port, "/", Origin="http://elsewhere.example").status == 403
    assert ask(port, "/resourcez").status == 404
    policy = ask(port, "/").headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Origin": "http://elsewhere.example",
    }
    assert ask(port, "/jupyter/api/kernels/x/channels", **upgrade).status == 403
