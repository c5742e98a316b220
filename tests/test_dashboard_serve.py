"""The server: what it refuses, what its pages say, how it starts and how it ends."""

import asyncio
import gzip
import json
import logging
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from browsing import ask, free_port, start_server, stop_server

solara = pytest.importorskip("solara")

from cosim.dashboard import guard, serve, served  # noqa: E402
from cosim.errors import CosimError  # noqa: E402

HOST = "127.0.0.1:8765"
PAGES = {"/": ("Explorer", "Explore"), "/comparer": ("Comparer", "Compare")}
KERNEL = "/jupyter/api/kernels/0b2c9b1e-0000-4000-8000-000000000000/channels"


class Crowd:
    """Sessions of cookies, some of which nobody looks at any more."""

    def __init__(self, *cookies, gone=0):
        self.cookies, self.gone = list(cookies), gone

    def __len__(self):
        return len(self.cookies)

    def holds(self, kernel):
        return False

    def known(self, cookie):
        return cookie in self.cookies

    def make_room(self):
        self.gone -= 1
        return self.gone >= 0


async def solara_says(scope, receive, send):
    """Stand in for Solara: a page with its cookie, or nothing found."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    found = "none" not in scope["path"]
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"set-cookie", b"solara-session-id=abc; expires=Fri, 01 Jan 2038; SameSite=none"),
        (b"set-cookie", b"solara-session-id-lax=abc; SameSite=lax"),
    ]
    await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
    seen = f"{scope['path']} {scope['root_path']} {scope['scheme']}"
    body = f"<html><head><title>cosim</title></head><script>1</script>{seen}</html>"
    await send({"type": "http.response.body", "body": body.encode()})


class Asked:
    """One request to a guard, and what came back."""

    def __init__(self, path="/", kind="http", method="GET", query="", app=solara_says, **more):
        options = {name: more.pop(name) for name in ("visitors", "most", "root") if name in more}
        self.sent = []
        made = guard.Guard(app, pages=lambda: PAGES, health=lambda: {"status": "ok"}, **options)
        headers = {"host": HOST, **{key.replace("_", "-"): value for key, value in more.items()}}
        scope = {
            "type": kind, "path": path, "method": method, "scheme": "http",
            "query_string": query.encode(), "server": ("192.168.7.7", 8765),
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
        }  # fmt: skip
        asyncio.run(made(scope, self.receive, self.send))
        self.status = self.sent[0].get("status", self.sent[0]["type"])
        self.headers = dict(self.sent[0].get("headers", ()))
        self.cookies = [
            v.decode() for k, v in self.sent[0].get("headers", ()) if k == b"set-cookie"
        ]

    async def receive(self):
        return {"type": "websocket.connect"}

    async def send(self, message):
        self.sent.append(message)

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def text(self):
        return self.body.decode()


# -- who may ask --------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "evil:8765"])
def test_a_foreign_host_is_refused(host):
    assert Asked(host=host).status == 400
    assert Asked(KERNEL, "websocket", query="session_id=1", host=host, origin=f"http://{host}") \
        .status == "websocket.close"  # fmt: skip


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:1", "[::1]:8765", "192.168.7.7:8765"])
def test_our_names_and_the_address_that_is_called_are_known(host):
    assert Asked(host=host).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", ""])
def test_a_foreign_origin_is_refused(origin):
    assert Asked(origin=origin).status == 403
    assert Asked(KERNEL, "websocket", query="session_id=1", origin=origin).status \
        == "websocket.close"  # fmt: skip


def test_our_own_page_opens_a_socket_and_nobody_else():
    good = {"kind": "websocket", "query": "session_id=1", "origin": f"http://{HOST}"}
    assert Asked(KERNEL, **good).status == "websocket.accept"
    assert Asked(KERNEL, **{**good, "query": ""}).status == "websocket.close"
    assert Asked("/jupyter/api/kernels/../x/channels", **good).status == "websocket.close"
    del good["origin"]
    assert Asked(KERNEL, **good).status == "websocket.close"


# -- what may be asked --------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/resourcez", "/resourcez/", "/readyz", "/zzz", "/comparer/x", "/jupyter/api/kernels/x",
     "/_solara/api/evict/x", "//evil.example", "/..%2f", "/static/none.js", "/.env"],
)  # fmt: skip
def test_what_is_not_ours_is_not_found_in_french_with_a_way_home(path):
    asked = Asked(path)
    assert asked.status == 404
    assert '<html lang="fr">' in asked.text and "Page introuvable" in asked.text
    assert '<a href="/">' in asked.text


def test_what_is_not_found_is_told_in_english_too():
    asked = Asked("/zzz", query="a=1&langue=en")
    assert '<html lang="en">' in asked.text and '<a href="/?langue=en">' in asked.text


@pytest.mark.parametrize("path", ["/", "/comparer", "/comparer/", "/static/a.js", "/healthz"])
def test_pages_and_their_files_are_served(path):
    assert Asked(path).status == 200


def test_an_address_without_end_is_refused():
    assert Asked(query="a" * 7_000).status == 200
    assert Asked(query="a" * 9_000).status == 414


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "X"])
def test_pages_are_read_and_nothing_else(method):
    assert Asked(method=method).status == 405


def test_the_farewell_of_a_page_passes_and_carries_nothing():
    path = "/_solara/api/close/0b2c9b1e-0000-4000-8000-000000000000"
    assert Asked(path, method="POST").status == 200
    assert Asked(path, method="POST", content_length="100000").status == 413
    assert Asked(path, method="POST", content_length="many").status == 413
    assert Asked(path, method="POST", transfer_encoding="chunked").status == 413


@pytest.mark.parametrize(
    "asked",
    [{}, {"path": "/zzz"}, {"path": "/static/a.js"}, {"path": "/static/none.js"},
     {"path": "/healthz"}, {"host": "evil"}, {"origin": "null"}, {"method": "PUT"},
     {"path": "/favicon.ico"}],
)  # fmt: skip
def test_every_answer_says_what_it_lets_in(asked):
    headers = Asked(**asked).headers
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "http:" not in policy and "https:" not in policy and "*" not in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"x-frame-options"] == b"DENY"


# -- the page -----------------------------------------------------------------------------


def test_a_script_runs_by_the_number_of_its_own_page():
    numbers = set()
    for asked in (Asked(), Asked()):
        [number] = re.findall(r'<script nonce="([\w-]+)">', asked.text)
        assert f"'nonce-{number}'" in asked.headers[b"content-security-policy"].decode()
        numbers.add(number)
    assert len(numbers) == 2


def test_the_page_names_itself_in_its_language():
    assert "<title>Comparer — cosim</title>" in Asked("/comparer").text
    english = Asked("/comparer", query="territoire=1&langue=en").text
    assert "<title>Compare — cosim</title>" in english and '<html lang="en">' in english
    assert '<meta name="description" content="What if' in english


def test_a_page_is_compressed_for_who_can_read_it():
    asked = Asked(accept_encoding="br, gzip")
    assert asked.headers[b"content-encoding"] == b"gzip"
    assert b"<title>Explorer" in gzip.decompress(asked.body)


def test_the_cookie_is_of_this_session_and_of_this_site():
    assert Asked().cookies == ["solara-session-id=abc; Path=/; HttpOnly; SameSite=Lax"]


def test_the_cookie_is_secure_behind_tls():
    [cookie] = Asked(x_forwarded_proto="https").cookies
    assert cookie.endswith("; SameSite=Lax; Secure")
    assert Asked(x_forwarded_proto="https").text.count(" https</html>") == 1


@pytest.mark.parametrize("path", ["/x/y/comparer", "/comparer"])
def test_a_prefix_is_left_or_taken_away_by_the_proxy(path):
    asked = Asked(path, root="/x/y")
    assert "/x/y/comparer /x/y http</html>" in asked.text
    assert 'href="/x/y/favicon.svg"' in asked.text
    assert "Path=/x/y;" in asked.cookies[0]
    assert Asked("/x/y", root="/x/y").status == 200
    assert 'href="/x/y/"' in Asked("/x/y/zzz", root="/x/y").text


# -- a full house -------------------------------------------------------------------------


def test_a_visitor_too_many_is_told_so():
    asked = Asked(visitors=Crowd("a", "b"), most=2)
    assert asked.status == 503 and asked.headers[b"retry-after"] == b"120"
    assert "Le tableau de bord est complet" in asked.text
    assert "The dashboard is full" in Asked(query="langue=en", visitors=Crowd("a"), most=1).text


def test_a_visitor_who_is_there_may_reload_but_not_without_end():
    crowd = Crowd(*"abcd")
    cookie = {"cookie": "x=1; solara-session-id=c"}
    assert Asked(visitors=crowd, most=4, **cookie).status == 200
    crowd.cookies += "cc"
    assert Asked(visitors=crowd, most=4, **cookie).status == 503


def test_a_session_that_nobody_looks_at_makes_room():
    crowd = Crowd("a", gone=1)
    assert Asked(visitors=crowd, most=1).status == 200
    assert Asked(visitors=crowd, most=1).status == 503


def test_a_socket_too_many_is_refused():
    socket_of = {"kind": "websocket", "query": "session_id=1", "origin": f"http://{HOST}"}
    assert Asked(KERNEL, visitors=Crowd("a"), most=1, **socket_of).status == "websocket.close"


# -- the log ------------------------------------------------------------------------------


def test_the_log_names_nobody(caplog):
    caplog.set_level(logging.DEBUG, "cosim.dashboard")
    Asked("/comparer", query="territoire=94080&title=Jeanne", user_agent="Lynx/2.9",
          cookie="solara-session-id=secret", x_forwarded_for="203.0.113.9")  # fmt: skip
    Asked(KERNEL, "websocket", query="session_id=secret", origin=f"http://{HOST}")
    Asked("/a\nb\x1b[31m\u00e9" + "z" * 300)
    lines = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(r"GET /comparer 200 \d+ ms", lines[0])
    assert re.fullmatch(r"SOCKET /jupyter/api/kernels/…/channels closed \d+ ms", lines[1])
    assert lines[2].startswith(r"GET /a\nb\x1b[31m\xe9zzz") and len(lines[2]) < 120
    for secret in ("94080", "Jeanne", "Lynx", "secret", "203.0.113", "192.168", "0b2c9b1e"):
        assert secret not in " ".join(lines)


def test_what_breaks_is_logged_as_an_error(caplog):
    async def broken(scope, receive, send):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Asked(app=broken)
    assert (caplog.records[-1].levelname, " 500 " in caplog.text) == ("ERROR", True)


# -- the start ----------------------------------------------------------------------------


def cosim(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "cosim", "dashboard", *arguments], capture_output=True, text=True
    )


def test_a_port_that_is_taken_is_one_message():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = cosim("--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "le port est déjà pris / the port is taken" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and done.stdout == ""


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70, "x y", "1.2.3"])
def test_a_bad_host_name_is_refused(host):
    with pytest.raises(CosimError, match=r"--host|écoute"):
        serve.listen(host, free_port()).close()


@pytest.mark.parametrize(
    "root, used", [("", ""), ("/", ""), ("x", "/x"), ("/a/b_c-1/", "/a/b_c-1")]
)
def test_a_prefix_has_one_form(root, used):
    assert serve.prefix(root) == used


@pytest.mark.parametrize("root", ["/é", "/a b", '/"><script>', "/..", "http://x"])
def test_a_prefix_that_is_none_is_refused(root):
    with pytest.raises(CosimError, match="--root-path"):
        serve.prefix(root)


def test_an_unknown_level_is_refused():
    with pytest.raises(CosimError, match="debug, info"):
        serve.serve(port=free_port(), level="loud")


def test_solara_reads_the_settings_that_we_give():
    """A misspelt variable is silently ignored: each must have the value that was meant."""
    code = (
        "import cosim.dashboard.serve as s; s.application(root='/x', most=7);"
        "from solara.server import settings as t;"
        "print(t.telemetry.mixpanel_enable, t.kernel.cull_timeout, t.kernel.max_count,"
        " t.session.http_only, t.main.mode, t.main.root_path, t.assets.fontawesome_enabled,"
        " t.theme.force_refresh, t.theme.show_banner, t.theme.title, t.server.sync_ws_write)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split()[-11:] == [
        "False", "30m", "14", "True", "production", "/x", "False", "True", "False", "cosim", "True",
    ]  # fmt: skip


# -- a real server ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port():
    number = free_port()
    server = start_server(number, "--no-warm")
    yield number
    stop_server(server)


def open_socket(port, size=0, origin=None, path=KERNEL):
    """Open a socket, send `size` bytes, and return what the server says: a status, or a code."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus
    from websockets.sync.client import connect

    try:
        with connect(
            f"ws://127.0.0.1:{port}{path}?session_id=1", max_size=None,
            origin=origin or f"http://127.0.0.1:{port}",
        ) as ws:  # fmt: skip
            ws.send("x" * size)
            ws.recv(10)
            return "received"
    except InvalidStatus as refused:
        return refused.response.status_code
    except ConnectionClosed as closed:
        return closed.rcvd.code


def test_health_tells_nothing_about_anybody(port):
    answer = ask(port, "/healthz")
    found = json.loads(answer.read())
    assert answer.headers["content-type"] == "application/json"
    assert set(found) == {"status", "version", "sessions", "ensembles", "cache_bytes"}
    assert found["status"] == "ok" and found["sessions"] >= 0


def test_solaras_page_says_nothing_in_english_and_lets_people_zoom(port):
    page = ask(port, "/").read().decode()
    for old, *_ in served.WORDS:
        assert old not in page, old
    for old, _ in served.CHANGES:
        assert old not in page, old
    hidden = r"(?s)<!--.*?-->|<script(?! nonce=\"[^\"]+\" type=\"x-template).*?</script>"
    visible = re.sub(hidden, "", page)
    for word in ("Server", "session.", "Made with", "runs on", "Please", "widget with", "refresh."):
        assert word not in visible, word
    assert "Chargement du tableau de bord…" in page and "Reconnexion…" in page
    assert "solara.dev" not in visible and "user-scalable" not in page
    assert page.count("</noscript>") == 1 and page.count('rel="icon"') == 1


def test_every_replacement_still_has_something_to_replace():
    """Solara may change its page: then one of our words would silently be its own again."""
    from pathlib import Path

    from solara.server import server

    sources = (server.directory / "templates", server.solara_static)
    files = [path for folder in sources for path in Path(folder).glob("*") if path.is_file()]
    text = "\n".join(path.read_text("utf-8", errors="ignore") for path in files)
    for old in (*(row[0] for row in served.WORDS), *(row[0] for row in served.CHANGES)):
        assert old in text, old


def test_the_page_in_english_is_english(port):
    page = ask(port, "/hypotheses?langue=en").read().decode()
    assert "<title>Hypotheses — cosim</title>" in page and '<html lang="en">' in page
    assert not re.search(r"Chargement|Reconnexion|rechargez|adresse", page)


def test_the_icon_is_ours(port):
    answer = ask(port, "/favicon.svg")
    assert answer.headers["content-type"] == "image/svg+xml" and b"#003F8C" in answer.read()


def test_a_stranger_opens_no_socket(port):
    assert open_socket(port, origin="http://elsewhere.example") == 403
    assert open_socket(port, path="/jupyter/api/kernels/x") == 403


def test_a_message_that_is_too_large_closes_the_socket_and_nothing_else(port):
    assert open_socket(port, size=serve.MOST_MESSAGE + 1) == 1009
    assert ask(port, "/healthz").status == 200


def test_a_request_head_without_end_is_refused(port):
    assert ask(port, "/", **{"X-Long": "x" * 100_000}).status == 431
    assert ask(port, "/?" + "a" * 9_000).status == 414


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_soon_and_well_while_it_computes(number):
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "cosim", "dashboard", "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    lines = [server.stdout.readline() for _ in range(2)]  # it computes its first answer now
    assert f"http://127.0.0.1:{port}/" in lines[0] and "Premier calcul" in lines[1]
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            ask(port, "/healthz")
            break
        except OSError:
            time.sleep(0.1)
    from websockets.sync.client import connect

    here = f"//127.0.0.1:{port}"
    with connect(f"ws:{here}{KERNEL}?session_id=1", origin=f"http:{here}"):  # somebody is there
        start = time.monotonic()
        server.send_signal(number)
        out, err = server.communicate(timeout=10)
        assert (server.returncode, time.monotonic() - start < 3.0) == (0, True)
    assert "Traceback" not in err and "arrêté / stopped" in out
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


# -- a page that breaks -------------------------------------------------------------------


def test_a_page_that_breaks_shows_no_traceback(caplog):
    import ipyvuetify

    from cosim.dashboard import session
    from cosim.dashboard import view as views
    from cosim.dashboard.app import Caught
    from cosim.dashboard.pages import Entry

    @solara.component
    def Broken():
        raise ZeroDivisionError("secret")

    session.view.value = views.home()
    _, context = solara.render(Caught(Entry("/x", "X", "X", Broken)), handle_error=False)
    shown = [w.children[0] for w in context.find(ipyvuetify.Html, tag="p").widgets]
    context.close()
    assert shown == ["Cette page n'a pas pu s'afficher."]
    told = [record for record in caplog.records if record.name == "cosim.dashboard"]
    assert [record.exc_info[0] for record in told] == [ZeroDivisionError]


def test_solara_itself_shows_no_traceback(monkeypatch, caplog):
    import ipywidgets
    import reacton.core
    from solara.server import app

    for module in (app, reacton.core):
        monkeypatch.setattr(module, "traceback", module.traceback)
    serve.keep_tracebacks_here()

    @solara.component
    def Broken():
        raise ZeroDivisionError("secret")

    _, context = solara.render(Broken())
    [shown] = [w.value for w in context.find(ipywidgets.HTML).widgets]
    context.close()
    assert "rechargez-la" in shown and "secret" not in shown and "Traceback" not in shown
    assert "secret" in caplog.text
