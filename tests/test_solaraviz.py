"""Mesa's own page of the model: it steps, and each visitor has a model of one's own."""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from browsing import MARKS, ask, browser, free_port, stop_server, watched  # noqa: F401

APP = Path(__file__).parents[1] / "docs" / "solaraviz" / "app.py"


def load():
    spec = importlib.util.spec_from_file_location("solaraviz_app", APP)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def app():
    return load()


def test_each_rendering_has_a_model_of_its_own_that_its_step_button_advances(app, monkeypatch):
    import ipyvuetify
    import solara

    made = []
    monkeypatch.setattr(app, "build", lambda build=app.build: made.append(build()) or made[-1])
    pages = [solara.render(solara.AppLayout(children=[app.Page()]), handle_error=False)[1]
             for _ in range(2)]  # fmt: skip
    try:
        assert len(made) == 2 and made[0] is not made[1]
        buttons = {b.children[0]: b for b in pages[0].find(ipyvuetify.Btn).widgets if b.children}
        buttons["Step"].click()
        assert (made[0].month, made[1].month) == ("2010-01", "")
    finally:
        for page in pages:
            page.close()


def test_no_model_stands_at_module_level(app):
    from cosim import CoSimModel

    held = [getattr(value, "value", value) for value in vars(app).values()]
    assert not [one for one in held if isinstance(one, CoSimModel)]


def test_every_call_builds_another_model(app):
    one, other = app.build(), app.build()
    one.step()
    assert (one.month, other.month) == ("2010-01", "")


def test_the_sliders_start_where_the_first_model_does(app):
    model = app.build()
    assert model.document.catalysis.fte == app.PARAMS["catalysis__fte"]["value"]


def in_a_browser(test):
    for mark in MARKS:
        test = mark(test)
    return test


# -- in a browser -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url():
    number = free_port()
    quiet = {"SOLARA_TELEMETRY_MIXPANEL_ENABLE": "False"}
    command = [sys.executable, "-m", "solara", "run", str(APP), "--port", str(number),
               "--host", "127.0.0.1", "--no-open", "--production"]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**os.environ, **quiet})  # fmt: skip
    for _ in range(720):  # three minutes: a busy machine compiles slowly
        try:
            if ask(number, "/readyz").status == 200:
                break
        except OSError:
            time.sleep(0.25)
    yield f"http://127.0.0.1:{number}"
    stop_server(server)


def visit(browser, url):  # noqa: F811
    page = watched(browser.new_context().new_page())
    page.goto(url)
    page.get_by_text("before the first month").wait_for(timeout=120_000)
    return page


@in_a_browser
def test_a_step_advances_the_month_of_its_own_visitor_only(browser, url):  # noqa: F811
    one, other = visit(browser, url), visit(browser, url)
    one.get_by_role("button", name="Step").click()
    one.get_by_text("2010-01").wait_for(timeout=60_000)
    one.get_by_role("button", name="Step").click()
    one.get_by_text("2010-02").wait_for(timeout=60_000)
    assert other.get_by_text("before the first month").count() == 1
    assert other.get_by_text("2010-0").count() == 0
    for page in (one, other):
        foreign = [line for line in page.wrong if line.startswith(("foreign", "error"))]
        page.context.close()
        assert foreign == []
