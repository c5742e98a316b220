"""What stands between the network and Solara: hosts, origins, paths, sizes, headers, visitors, log.

An ASGI middleware without Solara: whatever it does not know, it refuses with a page that says so.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from cosim.dashboard import served
from cosim.dashboard.served import Served

if TYPE_CHECKING:
    from cosim.effects_text import Lang

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

log = logging.getLogger("cosim.dashboard")

LOCAL = ("127.0.0.1", "localhost", "[::1]")
COOKIE = "solara-session-id"
#: Letters of path and query that are read; the longest address of ours has about 6 000.
MOST_LETTERS = 8_000
#: Letters of all headers of a request.
MOST_HEADERS = 32_000
#: Bytes that a POST may carry: Solara's only one, the farewell of a page, carries none.
MOST_BODY = 1_024
#: Path that a page sends its farewell to.
FAREWELL = re.compile(r"/_solara/api/close/[\w-]{1,64}")
SOCKET = re.compile(r"/jupyter/api/kernels/([\w-]{1,64})/channels")
#: Solara's files.
FILES = ("/static/", "/_solara/cdn/", "/jupyter/nbextensions/")
_SECRET = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
_POLICY = (
    "default-src 'self'; script-src 'self'{nonce} 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    b"content-security-policy": _POLICY.format(nonce="").encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class Visitors(Protocol):
    """Who is there."""

    def __len__(self) -> int:
        """Sessions that are held."""

    def holds(self, kernel: str) -> bool:
        """Whether this session is one of them."""

    def known(self, cookie: str) -> bool:
        """Whether a browser with this cookie holds one."""

    def make_room(self) -> bool:
        """Close the oldest session that nobody looks at; whether there was one."""


class Guard:
    """Answer, refuse or pass on.

    Parameters
    ----------
    app : Solara's application
    hosts : names under which the server may be called, beside the address that is called itself
    root : prefix of the paths, "" or "/prefix"; a proxy may take it away or leave it
    pages : path -> title in French and in English
    visitors : who is there; None counts nobody
    most : sessions at once; a visitor who is known gets a quarter more, so as to reload a page
    health : what `/healthz` tells
    """

    def __init__(
        self, app: Any, hosts: Iterable[str] = LOCAL, root: str = "",
        pages: Callable[[], Mapping[str, tuple[str, str]]] = dict,
        visitors: Visitors | None = None, most: int = 200,
        health: Callable[[], Mapping[str, Any]] = dict,
    ):  # fmt: skip
        self.app = app
        self.hosts = frozenset(host_name(host) for host in hosts)
        self.root = root
        self.pages = pages
        self.visitors = visitors
        self.most = most
        self.health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse or pass on one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        start, path = time.perf_counter(), self._path(scope)
        noted: dict[str, Any] = {}

        async def sending(message: Any) -> None:
            if message["type"] == "websocket.close":
                noted.setdefault("status", 403)
            noted.setdefault("status", message.get("status", "closed"))
            await send(message)

        inside = {**scope, "path": self.root + path, "root_path": self.root}
        inside["headers"] = [pair for pair in scope["headers"] if pair[0].lower() not in _UNTRUSTED]
        headers = {
            key.decode("latin-1").lower(): value.decode("latin-1")
            for key, value in scope["headers"]
        }
        try:
            if scope["type"] == "websocket":
                await self._socket(path, headers, inside, receive, sending)
            else:
                inside["scheme"] = scheme_of(scope, headers)
                await self._page(path, headers, inside, receive, sending)
        finally:
            _note(scope, path, noted.get("status", 500), time.perf_counter() - start)

    def _path(self, scope: Scope) -> str:
        path = str(scope["path"])
        if self.root and (path == self.root or path.startswith(self.root + "/")):
            path = path[len(self.root) :]
        return path or "/"

    def _host(self, headers: Mapping[str, str], scope: Scope) -> bool:
        """Return whether the server may be called so, or is called by its own address."""
        name = host_name(headers.get("host", ""))
        own = scope.get("server") or ("", 0)
        return name in self.hosts or (name != "" and name.strip("[]") == str(own[0]))

    async def _socket(
        self, path: str, headers: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        kernel = SOCKET.fullmatch(path)
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        allowed = (
            kernel is not None
            and bool(query.get("session_id"))
            and self._host(headers, scope)
            and "origin" in headers
            and not _foreign(headers)
            and (self._holds(kernel.group(1)) or await self._room(headers))
        )
        if allowed:
            await self.app(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before accept: HTTP 403

    async def _page(
        self, path: str, headers: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        lang = language(scope)
        here = path.rstrip("/") or "/"
        if not self._host(headers, scope):
            await self._refuse(send, 400, lang)
        elif _foreign(headers):
            await self._refuse(send, 403, lang)
        elif len(path) + len(scope.get("query_string", b"")) > MOST_LETTERS:
            await self._refuse(send, 414, lang)
        elif sum(map(len, headers.values())) > MOST_HEADERS:
            await self._refuse(send, 431, lang)
        elif scope.get("method", "GET") == "POST" and FAREWELL.fullmatch(path):
            if "transfer-encoding" in headers or _length(headers) > MOST_BODY:
                await self._refuse(send, 413, lang)
            else:
                await self.app(scope, receive, self._plain(send))
        elif scope.get("method", "GET") not in ("GET", "HEAD"):
            await self._refuse(send, 405, lang)
        elif here == "/healthz":
            words = json.dumps(self.health()).encode()
            await _answer(send, 200, words, b"application/json")
        elif here in ("/favicon.svg", "/favicon.ico"):
            await _answer(send, 200, served.FAVICON, b"image/svg+xml", cache=b"max-age=86400")
        elif path.startswith(FILES):
            await self.app(scope, receive, self._plain(send))
        elif (titles := self.pages().get(here)) is None:
            await self._refuse(send, 404, lang)
        elif not await self._room(headers):
            await self._refuse(send, 503, lang)
        else:
            await self.app(scope, receive, self._ours(send, headers, scope, lang, titles))

    # -- visitors -------------------------------------------------------------------------

    def _holds(self, kernel: str) -> bool:
        return self.visitors is not None and self.visitors.holds(kernel)

    async def _room(self, headers: Mapping[str, str]) -> bool:
        """Return whether one more session may begin."""
        if self.visitors is None or len(self.visitors) < self.most:
            return True
        known = self.visitors.known(cookie_of(headers))
        if known and len(self.visitors) < self.most + self.most // 4 + 1:
            return True
        return await asyncio.to_thread(self.visitors.make_room)

    # -- answers --------------------------------------------------------------------------

    async def _refuse(self, send: Send, status: int, lang: Lang) -> None:
        await _answer(send, status, served.problem(status, lang, self.root))

    def _plain(self, send: Send) -> Send:
        """Add the headers to a file; what is not found gets our page."""
        lost: list[bool] = []

        async def wrapped(message: Any) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 404:
                    lost.append(True)
                    return
                kept = [(k, v) for k, v in message["headers"] if k.lower() not in HEADERS]
                message = {**message, "headers": [*kept, *HEADERS.items()]}
            elif lost:
                if not message.get("more_body"):
                    await self._refuse(send, 404, "fr")
                return
            await send(message)

        return wrapped

    def _ours(
        self, send: Send, headers: Mapping[str, str], scope: Scope, lang: Lang,
        titles: tuple[str, str],
    ) -> Send:  # fmt: skip
        """Rewrite Solara's page, its cookie and its headers."""
        start: dict[str, Any] = {}
        parts: list[bytes] = []
        title = f"{titles[0 if lang == 'fr' else 1]} — cosim"
        page = Served(lang, title, self.root, secrets.token_urlsafe(16))

        async def wrapped(message: Any) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = served.rewritten(b"".join(parts).decode(), page).encode()
            ours = _page_headers(page.nonce)
            if "gzip" in headers.get("accept-encoding", ""):
                body = gzip.compress(body, 6, mtime=0)
                ours[b"content-encoding"] = b"gzip"
            ours[b"content-length"] = str(len(body)).encode()
            kept = [(k, v) for k, v in start["headers"]
                    if k.lower() not in ours and k.lower() != b"set-cookie"]  # fmt: skip
            cookies = _cookies(start["headers"], self.root, scope["scheme"] == "https")
            await send({**start, "headers": [*kept, *cookies, *ours.items()]})
            await send({"type": "http.response.body", "body": body})

        return wrapped


#: Headers that Solara would believe whoever sends them, or that would compress what we rewrite.
_UNTRUSTED = frozenset((b"script-name", b"x-script-name", b"accept-encoding", b"x-forwarded-host",
                        b"x-forwarded-proto"))  # fmt: skip


def host_name(host: str) -> str:
    """Return the host of a Host header or netloc without its port, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.split("]")[0] + "]"
    return host.rsplit(":", 1)[0] if host.count(":") == 1 else host


def language(scope: Scope) -> Lang:
    """Return the language that an address asks for."""
    words = scope.get("query_string", b"").split(b"&")
    return "en" if b"langue=en" in words else "fr"


def scheme_of(scope: Scope, headers: Mapping[str, str]) -> str:
    """Return https behind a proxy that says so: the cookie is then `Secure`."""
    forwarded = headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    return "https" if forwarded == "https" else str(scope.get("scheme", "http"))


def cookie_of(headers: Mapping[str, str]) -> str:
    """Return the session that a browser says it has, or ""."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _foreign(headers: Mapping[str, str]) -> bool:
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isdecimal() else MOST_BODY + 1


def _page_headers(nonce: str) -> dict[bytes, bytes]:
    policy = _POLICY.format(nonce=f" 'nonce-{nonce}'").encode()
    return {**HEADERS, b"content-security-policy": policy, b"cache-control": b"no-store",
            b"vary": b"Accept-Encoding"}  # fmt: skip


def _cookies(
    headers: Iterable[tuple[bytes, bytes]], root: str, secure: bool
) -> list[tuple[bytes, bytes]]:
    """Return Solara's cookie for this session of the browser only, and for no other site.

    Solara says SameSite=None wherever it can and keeps the cookie until 2038. Lax and not Strict:
    with Strict, a link in a message would bring a new cookie, which the tabs that are open do not
    have.
    """
    given = [v.decode("latin-1") for k, v in headers if k.lower() == b"set-cookie"]
    values = [one.split(";")[0] for one in given if one.startswith(f"{COOKIE}=")]
    end = "; Secure" if secure else ""
    return [
        (
            b"set-cookie",
            f"{value}; Path={root or '/'}; HttpOnly; SameSite=Lax{end}".encode("latin-1"),
        )
        for value in values[:1]
    ]


async def _answer(
    send: Send, status: int, body: bytes, kind: bytes = b"text/html; charset=utf-8",
    cache: bytes = b"no-store",
) -> None:  # fmt: skip
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()),
               (b"cache-control", cache), *HEADERS.items()]  # fmt: skip
    if status == 503:
        headers.append((b"retry-after", b"120"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _note(scope: Scope, path: str, status: int | str, seconds: float) -> None:
    """Log method, path without query and identifiers, status and milliseconds: nobody's data."""
    shown = ascii(_SECRET.sub("…", path))[1:-1].replace("\\u2026", "…")
    shown = shown if len(shown) <= 80 else shown[:79] + "…"
    method = "SOCKET" if scope["type"] == "websocket" else scope.get("method", "GET")
    level = logging.INFO
    if isinstance(status, int) and status >= 400:
        level = logging.ERROR if status == 500 else logging.WARNING
    elif path.startswith(FILES) or path in ("/healthz", "/favicon.svg", "/favicon.ico"):
        level = logging.DEBUG
    log.log(level, "%s %s %s %.0f ms", method, shown, status, 1000 * seconds)
