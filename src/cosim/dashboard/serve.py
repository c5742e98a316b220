"""Serve the page: our own ASGI entry point around Solara's, hardened.

Foreign Host 400, foreign Origin 403, no `/resourcez`, a content security policy that lets nothing
in from outside, no telemetry, bound to 127.0.0.1 unless asked.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from cosim.dashboard import reach

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

LOCAL = ("127.0.0.1", "localhost", "[::1]")
SETTINGS = {
    "SOLARA_APP": "cosim.dashboard.app",
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "False",
    "SOLARA_THEME_FORCE_REFRESH": "true",
    "SOLARA_THEME_SHOW_BANNER": "False",
    "SOLARA_THEME_TITLE": "cosim",
    "SOLARA_KERNEL_CULL_TIMEOUT": "30m",
    "SOLARA_KERNEL_MAX_COUNT": "200",
    "SOLARA_SESSION_HTTP_ONLY": "True",
    "SOLARA_SESSION_SAME_SITE": "strict",
    "SOLARA_MODE": "production",
}
HEADERS = {
    b"content-security-policy": (
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        b"connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        b"form-action 'self'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
}
HIDDEN = ("/resourcez",)
STATIC = ("/static/", "/_solara/", "/jupyter/")


def _name(host: str) -> str:
    """Return the host of a Host header or netloc without its port, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.split("]")[0] + "]"
    return host.rsplit(":", 1)[0] if ":" in host else host


class Guard:
    """ASGI middleware: hosts, origins, headers, hidden pages, health."""

    def __init__(self, app: Any, hosts: Iterable[str] = LOCAL):
        self.app = app
        self.hosts = frozenset(_name(host) for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse or pass on one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = {key.lower(): value.decode("latin-1") for key, value in scope["headers"]}
        host = headers.get(b"host", "")
        origin = headers.get(b"origin")
        foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
        if scope["type"] == "websocket":
            if _name(host) not in self.hosts or origin is None or foreign:
                await receive()
                await send({"type": "websocket.close", "code": 1008})  # before accept: HTTP 403
                return
            await self.app(scope, receive, send)
            return
        if _name(host) not in self.hosts:
            await _answer(send, 400, b"Host refused")
        elif foreign:
            await _answer(send, 403, b"Origin refused")
        elif scope["path"].rstrip("/") in HIDDEN:
            await _answer(send, 404, b"Not found")
        elif scope["path"] == "/healthz":
            await _answer(send, 200, b"ok")
        else:
            if not scope["path"].startswith(STATIC):  # the page is rewritten: not compressed
                plain = [h for h in scope["headers"] if h[0].lower() != b"accept-encoding"]
                scope = {**scope, "headers": plain}
            await self.app(scope, receive, _with_headers(send))


#: What Solara's own page says, and what ours says instead: French, and zoom allowed.
PAGE = (
    (b"<html>", b'<html lang="fr">'),
    (b", maximum-scale=1, user-scalable=no, minimal-ui", b""),
)


def _with_headers(send: Send) -> Send:
    start: dict[str, Any] = {}
    page: list[bytes] = []

    async def wrapped(message: Any) -> None:
        if message["type"] == "http.response.start":
            kept = [(k, v) for k, v in message["headers"] if k.lower() not in HEADERS]
            message = {**message, "headers": [*kept, *HEADERS.items()]}
            if any(k.lower() == b"content-type" and b"html" in v for k, v in kept):
                start.update(message)
                return
        elif start:
            page.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(page)
            for old, new in PAGE:
                body = body.replace(old, new)
            length = (b"content-length", str(len(body)).encode())
            headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
            await send({**start, "headers": [*headers, length]})
            message = {"type": "http.response.body", "body": body}
        await send(message)

    return wrapped


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def application(hosts: Iterable[str] = LOCAL) -> Guard:
    """Return the ASGI application; `hosts` are the names under which it may be called."""
    os.environ.update(SETTINGS)
    from solara.server.starlette import app

    return Guard(app, hosts)


def serve(host: str = "127.0.0.1", port: int = 8765, allow_hosts: Iterable[str] = ()) -> None:
    """Serve the page until interrupted."""
    import uvicorn

    hosts = (*LOCAL, host, *allow_hosts)
    reach.listening(host, port, hosts)
    print(f"cosim : http://{host}:{port}  (Ctrl-C pour arrêter / to stop)", flush=True)
    uvicorn.run(
        application(hosts), host=host, port=port, ws_max_size=1 << 20, log_level="warning",
        timeout_graceful_shutdown=3,
    )  # fmt: skip
