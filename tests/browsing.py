"""Fixtures of the tests that open the dashboard in Debian's Chromium, driven by Playwright."""

import http.client
import os
import shutil
import signal
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

#: Every browser test of the suite runs in one process, one after the other.
MARKS = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(
        not shutil.which(CHROMIUM) and not os.environ.get("CI"), reason="Chromium is not here"
    ),
]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def ask(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def start_server(number, *options):
    """Start `cosim dashboard` and wait until it answers."""
    command = [sys.executable, "-m", "cosim", "dashboard", "--port", str(number), *options]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(240):
        try:
            if ask(number, "/healthz").status == 200:
                return server
        except OSError:
            time.sleep(0.25)
    stop_server(server)
    raise AssertionError("the server does not answer")


def stop_server(server):
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        raise


#: A fixture that several modules import is made once for each: the port of the one server of a
#: process is kept here.
_SHARED = {}


@pytest.fixture(scope="session")
def port(request):
    """The port of a dashboard that all browser tests share."""
    if "port" not in _SHARED:
        number = free_port()
        server = start_server(number)
        request.config.add_cleanup(lambda: stop_server(server))
        _SHARED["port"] = number
    return _SHARED["port"]


@pytest.fixture(scope="module")
def browser():
    """Chromium, until the module ends: Playwright holds an event loop that others could not run."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


def watched(page):
    """Note on `page.wrong` every error, failed request and request to elsewhere."""
    page.wrong = wrong = []
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("requestfailed", lambda r: wrong.append(f"failed: {r.url}"))
    page.on("console", lambda m: wrong.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("request", lambda r: wrong.append(f"foreign: {r.url}") if foreign(r.url) else None)
    page.on("response", lambda r: wrong.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    return page


@pytest.fixture
def page(browser):
    """A page that fails the test on an error, a failed request or a request to elsewhere."""
    page = watched(browser.new_page(viewport={"width": 1366, "height": 900}))
    yield page
    page.close()
    assert page.wrong == []


def foreign(url):
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:", "ws://127.0.0.1:"))


def open_page(page, port, path="/", query=f"territoire={SMALL}&catalysis.fte=4", ready="main h1"):
    """Open a page of the dashboard and wait for `ready`."""
    page.goto(f"http://127.0.0.1:{port}{path}?{query}")
    page.wait_for_selector(ready, timeout=240_000)


#: The chart of the page Explorer, once it has been drawn.
DRAWN = ".cosim-chart-box[data-drawn]"
