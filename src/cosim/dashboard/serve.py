"""Serve the dashboard: our own ASGI entry point around Solara's, hardened.

Bound to 127.0.0.1 unless asked, no telemetry, a log without personal data, a first answer that is
computed before anybody asks for it, and an end that comes when it is asked for.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import FrameType
from typing import Any, NoReturn

from cosim import __version__
from cosim.dashboard import reach
from cosim.dashboard.guard import LOCAL, Guard, log
from cosim.errors import CosimError

SETTINGS = {
    "SOLARA_APP": "cosim.dashboard.app",
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "False",
    "SOLARA_THEME_FORCE_REFRESH": "true",
    "SOLARA_THEME_SHOW_BANNER": "False",
    "SOLARA_THEME_TITLE": "cosim",
    "SOLARA_ASSETS_FONTAWESOME_ENABLED": "False",
    "SOLARA_KERNEL_CULL_TIMEOUT": "30m",
    "SOLARA_SESSION_HTTP_ONLY": "True",
    "SOLARA_MODE": "production",
    # from the thread that draws, not through the event loop: a crowd waits 40 % less; it needs
    # uvicorn's older `websockets`, and falls back to the loop where that is gone
    "SOLARA_SERVER_SYNC_WS_WRITE": "True",
}
#: Bytes of one message on a socket.
MOST_MESSAGE = 1 << 20
#: Sessions at once.
MOST_VISITORS = 200
LEVELS = ("debug", "info", "warning", "error")
#: Seconds that open sockets get to close.
PATIENCE = 1


class Sessions:
    """Solara's sessions: see `guard.Visitors`."""

    @property
    def _contexts(self) -> dict[str, Any]:
        from solara.server import kernel_context

        return kernel_context.contexts

    def __len__(self) -> int:
        return len(self._contexts)

    def holds(self, kernel: str) -> bool:
        """Return whether this session is held."""
        return kernel in self._contexts

    def known(self, cookie: str) -> bool:
        """Return whether a browser with this cookie holds one."""
        return any(one.session_id == cookie for one in list(self._contexts.values()))

    def make_room(self) -> bool:
        """Close the oldest session whose socket is gone; return whether there was one."""
        from solara.server.kernel_context import PageStatus

        for one in list(self._contexts.values()):
            if set(one.page_status.values()) == {PageStatus.DISCONNECTED}:
                one.close(reason="cull")
                return True
        return False


@lru_cache(maxsize=1)
def pages() -> Mapping[str, tuple[str, str]]:
    """Return path -> title in French and in English."""
    from cosim.dashboard.pages import PAGES

    return {page.path: (page.fr, page.en) for page in PAGES}


def health() -> dict[str, Any]:
    """Return what `/healthz` tells: nothing about anybody."""
    from cosim.dashboard import compute

    return {
        "status": "ok",
        "version": __version__,
        "sessions": len(Sessions()),
        "ensembles": len(compute.CACHE),
        "cache_bytes": compute.CACHE.nbytes(),
    }


def application(hosts: Iterable[str] = LOCAL, root: str = "", most: int = MOST_VISITORS) -> Guard:
    """Return the ASGI application.

    Parameters
    ----------
    hosts : names under which it may be called
    root : prefix of its paths, "" or "/prefix"
    most : sessions at once
    """
    threads = 2 * most  # the guard refuses long before a socket would wait for a thread
    os.environ.update(
        SETTINGS, SOLARA_ROOT_PATH=root, SOLARA_KERNEL_MAX_COUNT=str(threads)
    )  # before Solara reads them
    from solara.server.starlette import app

    keep_tracebacks_here()
    return Guard(app, hosts, root, pages, Sessions(), most, health)


class _Words:
    """Stands for the module `traceback` where Solara would show a visitor what went wrong."""

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)

    @staticmethod
    def format_exception(_: Any, error: BaseException, *__: Any) -> list[str]:
        """Log the traceback; return words."""
        log.error("a page failed", exc_info=error)
        return ["Cette page n'a pas pu s'afficher : rechargez-la. / "
                "This page could not be shown: reload it."]  # fmt: skip


def keep_tracebacks_here() -> None:
    """Let tracebacks go to the log and not to visitors."""
    import reacton.core
    from solara.server import app

    app.traceback = reacton.core.traceback = _Words()


# -- listening ----------------------------------------------------------------------------


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    CosimError : the name is not known here, or the port is taken
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise CosimError(
            "nom d'hôte inconnu / unknown host name", key="--host", found=ascii(host),
            expected="127.0.0.1, 0.0.0.0, …",
        ) from None  # fmt: skip
    listening = socket.socket(family, kind, proto)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(512)
    except OSError as error:
        listening.close()
        what = (
            "le port est déjà pris / the port is taken"
            if error.errno in _TAKEN
            else f"écoute impossible / cannot listen: {error.strerror}"
        )
        expected = "un autre port / another port" if error.errno in _TAKEN else None
        raise CosimError(what, key="--port" if error.errno in _TAKEN else "--host --port",
                         found=f"{host}:{port}", expected=expected) from None  # fmt: skip
    return listening


_TAKEN = (98, 48, 10048)  # EADDRINUSE of Linux, macOS and Windows


def prefix(root: str) -> str:
    """Return a prefix of paths as it is used: "" or "/a/b".

    Raises
    ------
    CosimError : it holds anything but letters, digits, `-`, `_` and `/`
    """
    parts = [part for part in root.split("/") if part]
    if not all(
        part.isascii() and part.replace("-", "").replace("_", "").isalnum() for part in parts
    ):
        raise CosimError("préfixe refusé / prefix refused", key="--root-path", found=ascii(root),
                         expected="/cosim")  # fmt: skip
    return "".join(f"/{part}" for part in parts)


# -- running ------------------------------------------------------------------------------


def serve(
    host: str = "127.0.0.1", port: int = 8765, allow_hosts: Iterable[str] = (), root: str = "",
    most: int = MOST_VISITORS, level: str = "info", warm: bool = True,
) -> None:  # fmt: skip
    """Serve the dashboard until a signal comes.

    Parameters
    ----------
    host, port : where to listen
    allow_hosts : names under which visitors call it, beside this address
    root : prefix of its paths behind a proxy
    most : sessions at once
    level : of the log, one of `LEVELS`
    warm : compute the first answer before anybody asks

    Raises
    ------
    CosimError : the address cannot be listened at; the prefix or the level is none
    """
    root = prefix(root)
    _log_to_stderr(level)
    listening = listen(host, port)
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Stop on a signal, as an ordinary end: uvicorn would raise it again."""
            before = {
                s: signal.signal(s, self.handle_exit) for s in (signal.SIGINT, signal.SIGTERM)
            }
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            """Stop, without a word for each socket that is cut, and not later than promised."""
            super().handle_exit(sig, frame)
            for name in ("uvicorn", "solara", "asyncio"):
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
            limit = threading.Timer(PATIENCE + 1.5, leave)
            limit.daemon = True
            limit.start()

    own = reach.outward() if host in reach.ANY else host
    names = {*LOCAL, *allow_hosts, *({own} - {""})}
    reach.listening(host, port, names)
    config = uvicorn.Config(
        application(names, root, most), log_config=None, access_log=False, server_header=False,
        ws_max_size=MOST_MESSAGE, timeout_graceful_shutdown=PATIENCE, timeout_keep_alive=15,
        ws="websockets", ws_ping_interval=20, ws_ping_timeout=90,
    )  # fmt: skip
    _greet(host, port, root)
    if warm:
        threading.Thread(target=_warm, name="cosim-warm", daemon=True).start()
    Server(config).run(sockets=[listening])


def leave() -> NoReturn:
    """End the process now, whatever still computes."""
    print("cosim : arrêté / stopped", flush=True)
    sys.stderr.flush()
    os._exit(0)


def _greet(host: str, port: int, root: str) -> None:
    shown = "127.0.0.1" if host in reach.ANY else f"[{host}]" if ":" in host else host
    print(f"cosim : http://{shown}:{port}{root}/  (Ctrl-C pour arrêter / to stop)", flush=True)
    if host in reach.ANY and (address := reach.outward()):
        print(f"Dans la salle / in the room : http://{address}:{port}{root}/", flush=True)


def _warm() -> None:
    """Compute the first answer, and say so."""
    from cosim.dashboard import compute

    print(
        "Premier calcul en cours (compilation la toute première fois, une minute environ)… / "
        "Computing the first answer (compiles the very first time, about a minute)…",
        flush=True,
    )
    start = time.perf_counter()
    try:
        compute.warm()
    except Exception:
        log.exception("the first answer failed")
        return
    print(f"Prêt / ready ({time.perf_counter() - start:.0f} s)", flush=True)


def _log_to_stderr(level: str) -> None:
    """Log to standard error: ours from `level` on, what others say from warnings on.

    Raises
    ------
    CosimError : there is no such level
    """
    if level not in LEVELS:
        raise CosimError("niveau inconnu / unknown level", key="--log-level", found=level,
                         expected=", ".join(LEVELS))  # fmt: skip
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    log.setLevel(level.upper())
    logging.captureWarnings(True)
    import warnings

    warnings.filterwarnings("ignore", message="Cookies with samesite=none")  # ours is Lax
    warnings.filterwarnings("ignore", message="The `websockets` implementation")  # chosen
