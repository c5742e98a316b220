"""A seminar room under load: from the presenter's lever to the screens of its followers.

Presenter and followers speak the protocol of a browser's socket, without a browser: what is timed
is the server, on the cores that it shares with these clients. A follower's screen has the move when
the message with its words has come, and the answer when that with its sentence has.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

from benchmarks.clock import wall
from benchmarks.costs import Figure

FOLLOWERS = 40
#: What the presenter moves the catalysts to, in turn: each scenario is new to the server.
MOVES = (8.0, 1.0, 6.0, 3.0, 10.0, 5.0, 12.0, 7.0)
LEVER = "catalysis-fte"
OPEN = "Ouvrir une salle"
#: Seconds between two moves; seconds after which a screen counts as lost.
PAUSE, LOST = 4.0, 30.0

type Message = dict[str, Any]


@dataclass
class Client:
    """One session: its socket, the state of its widgets, and when it saw what."""

    port: int
    path: str
    cookie: str = field(default_factory=lambda: str(uuid.uuid4()))
    widgets: dict[str, dict[str, Any]] = field(default_factory=dict)
    watched: list[tuple[Callable[[Message], bool], asyncio.Future[float]]] = field(
        default_factory=list
    )

    async def __aenter__(self) -> Client:
        import websockets

        self.session = str(uuid.uuid4())
        where = f"127.0.0.1:{self.port}"
        self.socket = await websockets.connect(
            f"ws://{where}/jupyter/api/kernels/{uuid.uuid4()}/channels?session_id={self.session}",
            origin=websockets.Origin(f"http://{where}"), max_size=None, compression=None,
            additional_headers={"Cookie": f"solara-session-id={self.cookie}"},
        )  # fmt: skip
        control = uuid.uuid4().hex
        await self.send("kernel_info_request", {})
        await self.send("comm_open", {"comm_id": control, "target_name": "solara.control",
                                      "data": {}})  # fmt: skip
        run = {"path": self.path, "dark": False, "themes": {"light": {}, "dark": {}},
               "appName": None}  # fmt: skip
        await self.send("comm_msg", {"comm_id": control, "data": {"method": "run", "args": run}})
        self.reader = asyncio.create_task(self.read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.reader.cancel()
        await self.socket.close()

    async def send(self, kind: str, content: Message) -> None:
        """Send one message as a browser does."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self.session,
                  "username": "", "version": "5.2", "date": "2026-01-01T00:00:00Z"}  # fmt: skip
        await self.socket.send(json.dumps({
            "buffers": [], "channel": "shell", "content": content, "header": header,
            "metadata": {}, "parent_header": {},
        }))  # fmt: skip

    async def event(self, widget: str, name: str, data: object = None) -> None:
        """Let a Vue component tell something."""
        content = {"event": name, "data": data}
        await self.send("comm_msg", {"comm_id": widget,
                                     "data": {"method": "custom", "content": content}})  # fmt: skip

    async def set(self, widget: str, **state: object) -> None:
        """Let a Vue component write a trait."""
        await self.send("comm_msg", {"comm_id": widget, "data": {
            "method": "update", "state": state, "buffer_paths": []}})  # fmt: skip

    async def read(self) -> None:
        """Take what comes; tell the server what a new tab would."""
        async for raw in self.socket:
            now = wall()
            text = raw if isinstance(raw, str) else _json_of(raw)
            content = json.loads(text).get("content", {})
            state = (content.get("data") or {}).get("state")
            if not isinstance(state, dict):
                continue
            known = self.widgets.setdefault(content["comm_id"], {})
            if not known and "tokens" in state:
                told = {"origin": f"http://127.0.0.1:{self.port}", "tokens": {}}
                await self.event(content["comm_id"], "event_told", told)
            known.update(state)
            for test, seen in self.watched:
                if not seen.done() and test(state):
                    seen.set_result(now)

    def when(self, test: Callable[[Message], bool]) -> asyncio.Future[float]:
        """Return when a state that passes the test comes, from now on."""
        seen: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.watched = [(t, s) for t, s in self.watched if not s.done()]
        self.watched.append((test, seen))
        return seen

    async def widget(self, **state: object) -> str:
        """Return the name of the newest widget with this state, once it is there."""
        end = wall() + LOST
        while wall() < end:
            for name, known in reversed(self.widgets.items()):
                if all(known.get(key) == value for key, value in state.items()):
                    return name
            await asyncio.sleep(0.05)
        raise TimeoutError(f"no widget with {state}")


def _json_of(raw: bytes) -> str:
    """Return the text of a binary message of Jupyter: what follows its table of offsets."""
    count = int.from_bytes(raw[:4], "big")
    first, second = (int.from_bytes(raw[4 * k : 4 * k + 4], "big") for k in (1, 2))
    return raw[first : second if count > 1 else None].decode()


@dataclass(frozen=True)
class Room:
    """Seconds from each move to each follower."""

    words: list[float]
    answers: list[float]
    joined: float  # s, until all followers have a first answer


async def follow(port: int, followers: int, moves: tuple[float, ...]) -> Room:
    """Open a room, let followers join, and time the presenter's moves."""
    async with Client(port, "/direct") as presenter:
        ready = presenter.when(lambda state: bool(state.get("tokens")))
        await presenter.event(await presenter.widget(label=OPEN), "event_press")
        await asyncio.wait_for(ready, LOST)
        (code,) = next(w["tokens"] for w in presenter.widgets.values() if w.get("tokens"))
        lever = await presenter.widget(name=LEVER)
        start = wall()
        clients = [Client(port, f"/direct?salle={code}") for _ in range(followers)]
        joined = [client.when(_answers(4.0)) for client in clients]
        for client in clients:
            await client.__aenter__()
        await asyncio.wait_for(asyncio.gather(*joined), 4 * LOST)
        took = wall() - start
        words, answers = [], []
        for fte in moves:
            await asyncio.sleep(PAUSE)
            seen = [(client.when(_tells(fte)), client.when(_answers(fte))) for client in clients]
            start = wall()
            await presenter.set(lever, value=fte)
            for one, other in seen:
                words.append(await asyncio.wait_for(one, LOST) - start)
                answers.append(await asyncio.wait_for(other, LOST) - start)
        for client in clients:
            await client.__aexit__()
        return Room(words, answers, took)


def _tells(fte: float) -> Callable[[Message], bool]:
    words = f" {fte:g} ETP de catalyseurs"
    return lambda state: words in (state.get("told") or {}).get("scenario", "")


def _answers(fte: float) -> Callable[[Message], bool]:
    tells = _tells(fte)

    def test(state: Message) -> bool:
        told = state.get("told") or {}
        return tells(state) and "sentence" in told and not told["busy"]

    return test


def serve(port: int) -> subprocess.Popen[bytes]:
    """Start a dashboard and wait until it answers."""
    command = [sys.executable, "-m", "cosim", "dashboard", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = wall() + 240
    while wall() < end:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return server
        except OSError:
            time.sleep(0.25)
    server.kill()
    raise TimeoutError("the dashboard does not answer")


def room(followers: int = FOLLOWERS, moves: tuple[float, ...] = MOVES) -> list[Figure]:
    """Measure a room of so many followers on a server of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = serve(port)
    try:
        found = asyncio.run(follow(port, followers, moves))
    finally:
        server.send_signal(signal.SIGTERM if os.name == "posix" else signal.SIGINT)
        server.wait(30)
    return [
        Figure(f"a room of {followers}: all have joined, one after the other, after", found.joined,
               "s"),
        *_spread("a move until a follower's screen says it", found.words),
        *_spread("a move until a follower's screen has its first answer", found.answers),
    ]  # fmt: skip


def _spread(what: str, seconds: list[float]) -> list[Figure]:
    cuts = quantiles(seconds, n=100, method="inclusive")
    return [
        Figure(f"{what}: {name}", value, "s")
        for name, value in (("p50", cuts[49]), ("p95", cuts[94]), ("the last", max(seconds)))
    ]
