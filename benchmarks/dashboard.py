"""What the dashboard costs those who use it: lever to pixels, a room of visitors, an hour of moves.

The page is opened in Chromium; the crowd speaks Solara's protocol on plain sockets, so that the
cores belong to the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import numpy as np

from benchmarks.clock import Growth, wall
from benchmarks.costs import Figure

CHROMIUM = "/usr/bin/chromium"
ROOT = Path(__file__).resolve().parent.parent
#: The median territory, and the lever that is moved.
PLACE, LEVER = "200071371", "catalysis-fte"
#: What is moved in the page: from the input event to the frame after the drawing.
PROBE = """
async ([lever, value, least, most]) => {
  const box = document.querySelector(".cosim-chart-box");
  const sentence = () => document.querySelector(".cosim-sentence").innerText, before = sentence();
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const input = document.getElementById(lever);
  const start = performance.now();
  const drawn = new Promise((done, fail) => {
    setTimeout(() => fail(new Error(`nothing drawn for ${value}`)), 120000);
    new MutationObserver(async (_, watcher) => {
      const count = Number(box.dataset.drawn);
      if (count < least || count > most) return;
      await frame();
      if (sentence() === before) return;
      watcher.disconnect();
      done(performance.now() - start);
    }).observe(box, { attributes: true, attributeFilter: ["data-drawn"] });
  });
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  return await drawn;
}
"""


# -- a server -----------------------------------------------------------------------------


@dataclass
class Server:
    """A server of its own."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def processor(self) -> float:
        """Processor time of the process so far, in seconds."""
        row = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(row[11]) + int(row[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> float:
        """What the process holds in memory, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(x for x in status.splitlines() if x.startswith("VmRSS"))
        return int(line.split()[1]) * 1024 / 1e6

    def health(self) -> dict[str, Any]:
        """Return what the server tells of itself."""
        with urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=30) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def cookie(self) -> str:
        """Return the cookie of a new visitor."""
        with urlopen(f"http://127.0.0.1:{self.port}/", timeout=30) as answer:
            return str(answer.headers["set-cookie"]).split(";")[0]


@contextmanager
def server() -> Iterator[Server]:
    """Start a dashboard and wait until its first answer is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "cosim",
        "dashboard",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=os.environ.copy())
    assert process.stdout is not None
    try:
        while b"ready" not in (line := process.stdout.readline()):
            if not line:
                raise RuntimeError("the dashboard does not start")
        yield Server(port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


# -- lever to pixels ----------------------------------------------------------------------


def pixels(at: Server, rounds: int = 20) -> list[Figure]:
    """Time from the lever to the frame after the drawing, in a real page."""
    from playwright.sync_api import sync_playwright

    known, preview, hundred = [], [], []
    fresh = iter(np.random.default_rng(7).permutation(np.arange(1, 24)) / 2)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": 1366, "height": 900})
        page.set_default_timeout(180_000)
        page.goto(f"http://127.0.0.1:{at.port}/?territoire={PLACE}&catalysis.fte=4")

        def wait_for(count: int) -> None:
            page.wait_for_function(
                "n => Number((document.querySelector('.cosim-chart-box') || {dataset: {}})"
                ".dataset.drawn) >= n",
                arg=count,
            )

        wait_for(100)
        for value in (float(next(fresh)) for _ in range(rounds)):
            start = wall()
            preview.append(page.evaluate(PROBE, [LEVER, value, 1, 8]))
            wait_for(100)
            hundred.append(1e3 * (wall() - start))
        for k in range(2 * rounds):
            known.append(page.evaluate(PROBE, [LEVER, value if k % 2 else 4.0, 100, 10_000]))
            page.wait_for_timeout(100)
        chromium.close()
    return [
        *_times("dashboard, lever to pixels, in the cache", known, "lever_known"),
        *_times("dashboard, lever to pixels, preview of a fresh what-if", preview, "lever_preview"),
        *_times("dashboard, lever to pixels, 100 fresh replicates", hundred, "lever_hundred"),
    ]


def _times(what: str, taken: list[float], cost: str) -> list[Figure]:
    middle, high = np.quantile(taken, (0.5, 0.95))
    return [Figure(f"{what}, median of {len(taken)}", float(middle), "ms", cost),
            Figure(f"{what}, 95 %", float(high), "ms")]  # fmt: skip


# -- a crowd -------------------------------------------------------------------------------


@dataclass
class Visitor:
    """A session on a plain socket: it runs the page, moves one lever and notes what comes back."""

    at: Server
    lever: str = ""
    chart: str = ""
    sent: dict[str, list[float]] = field(default_factory=dict)
    starts: list[float] = field(default_factory=list)
    next: float | None = None
    marked: list[float] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)
    moved: float = 0.0

    async def open(self, path: str) -> None:
        """Run the page and wait until its first picture has come."""
        import websockets

        kernel, self.session = str(uuid4()), str(uuid4())
        origin = f"http://127.0.0.1:{self.at.port}"
        cookie = await asyncio.to_thread(self.at.cookie)
        self.socket = await websockets.connect(
            f"ws{origin[4:]}/jupyter/api/kernels/{kernel}/channels?session_id={self.session}",
            origin=origin, additional_headers={"Cookie": cookie}, max_size=None,
            open_timeout=120, ping_interval=None,
        )  # fmt: skip
        self.answered = asyncio.Event()
        self.drawn = asyncio.Event()
        self.reader = asyncio.create_task(self._read())
        control = str(uuid4())
        await self._send("comm_open", comm_id=control, target_name="solara.control", data={})
        run = {"method": "run", "args": {"path": path, "dark": False, "themes": {}}}
        await self._send("comm_msg", comm_id=control, data=run)
        await asyncio.wait_for(self.drawn.wait(), 180)

    async def _send(self, kind: str, number: str = "", **content: Any) -> None:
        number = number or str(uuid4())
        header = {"msg_id": number, "msg_type": kind, "session": self.session, "username": "",
                  "version": "5.3", "date": "2026-01-01T00:00:00Z"}  # fmt: skip
        await self.socket.send(json.dumps({
            "header": header, "parent_header": {}, "metadata": {}, "content": content,
            "channel": "shell", "buffers": [],
        }))  # fmt: skip

    async def _read(self) -> None:
        import websockets

        try:
            async for raw in self.socket:
                await self._note(_message(raw))
        except websockets.ConnectionClosed:
            return

    async def _note(self, message: dict[str, Any]) -> None:
        content, kind = message["content"], message["header"]["msg_type"]
        state = content.get("data", {}).get("state", {}) if kind.startswith("comm") else {}
        if state.get("name") == LEVER:
            self.lever = content["comm_id"]
        if kind == "comm_open" and "months" in state and "values" in str(content["data"]):
            self.chart = content["comm_id"]
        if content.get("comm_id") == self.chart and self.chart and message.get("parts", 0) > 1:
            self.drawn.set()
            if self.moved:
                self.pictures.append(wall() - self.moved)
                self.moved = 0.0
        if content.get("execution_state") == "idle":
            number = message["parent_header"].get("msg_id", "")
            if number in self.sent:
                self.marked += [wall() - start for start in self.sent.pop(number)]
                self.answered.set()
                if self.next is not None:
                    await self._go()

    async def move(self, value: float, wait: bool = False) -> None:
        """Move the lever; with `wait`, until the page has answered with a mark or a picture.

        As in a browser, one message is on its way at a time: what is moved meanwhile waits for its
        answer, and only the last value goes. When Solara is idle again, it has drawn the page anew:
        the mark « calcul… » stands.
        """
        start = wall()
        self.moved = self.moved or start
        self.starts.append(start)
        self.next = value
        if not self.sent:
            await self._go()
        if wait:
            self.answered.clear()
            await asyncio.wait_for(self.answered.wait(), 120)

    async def _go(self) -> None:
        value, self.next = self.next, None
        starts, self.starts = self.starts, []
        number = str(uuid4())
        self.sent[number] = starts
        await self._send(
            "comm_msg", number, comm_id=self.lever,
            data={"method": "update", "state": {"value": value}},
        )  # fmt: skip

    async def close(self) -> None:
        """Leave as a page does."""
        address = self.socket.request.path.split("/")[4]
        await self.socket.close()
        await self.reader
        farewell = Request(
            f"http://127.0.0.1:{self.at.port}/_solara/api/close/{address}?session_id={self.session}",
            method="POST", data=b"",
        )  # fmt: skip
        await asyncio.to_thread(lambda: urlopen(farewell, timeout=30).read())


def _message(raw: str | bytes) -> dict[str, Any]:
    """Return a message of the kernel, with the number of its parts."""
    if isinstance(raw, str):
        found: dict[str, Any] = json.loads(raw)
        return found
    count = int.from_bytes(raw[:4], "big")
    offsets = [int.from_bytes(raw[4 + 4 * k : 8 + 4 * k], "big") for k in range(count)]
    end = offsets[1] if count > 1 else len(raw)
    return {**json.loads(raw[offsets[0] : end]), "parts": count}


async def _crowd(at: Server, visitors: int, seconds: int) -> tuple[list[Visitor], float]:
    """Let visitors walk along the lever, one step each second; return them and the memory used."""
    luck = random.Random(11)
    crowd = [Visitor(at) for _ in range(visitors)]
    for one in crowd:
        await one.open(f"/?territoire={PLACE}&catalysis.fte={luck.randrange(25) / 2}")
    before = at.memory

    async def walk(one: Visitor, first: float) -> None:
        place = luck.randrange(25)
        await asyncio.sleep(first)
        start = wall()
        for step in range(seconds):
            await asyncio.sleep(max(0.0, start + step - wall()))
            place = min(24, max(0, place + luck.choice((-2, -1, 1, 2))))
            await one.move(place / 2)

    await asyncio.gather(*(walk(one, luck.random()) for one in crowd))
    await asyncio.sleep(5)
    used = at.memory - before
    for one in crowd:
        await one.close()
    return crowd, used


def crowd(at: Server, visitors: int = 30, seconds: int = 60) -> list[Figure]:
    """Thirty visitors who move a lever each second for a minute."""
    start = at.health()
    people, used = asyncio.run(_crowd(at, visitors, seconds))
    end = at.health()
    marked = [x for one in people for x in one.marked]
    pictures = [x for one in people for x in one.pictures]
    moves = visitors * seconds
    what = f"dashboard, {visitors} visitors"
    return [
        Figure(f"{what}: mark or picture, 95 %", float(np.quantile(marked, 0.95)), "s", "crowd"),
        Figure(f"{what}: mark or picture, median", float(np.median(marked)), "s"),
        Figure(f"{what}: moves that were answered", 100 * len(marked) / moves, "%"),
        Figure(f"{what}: new picture, median", float(np.median(pictures)), "s"),
        Figure(f"{what}: new picture, 95 %", float(np.quantile(pictures, 0.95)), "s"),
        Figure(f"{what}: moves", moves, ""),
        Figure(f"{what}: what-ifs computed for them", end["ensembles"] - start["ensembles"], ""),
        Figure(f"{what}: memory gained in that minute", used, "MB"),
        Figure(f"{what}: of which the cache", (end["cache_bytes"] - start["cache_bytes"]) / 1e6,
               "MB"),
    ]  # fmt: skip


# -- an hour ------------------------------------------------------------------------------


async def _moves(at: Server, count: int, every: int) -> list[tuple[int, float, float]]:
    """Return moves made, memory and cache in MB, each time that `every` moves have been made."""
    luck, rows = random.Random(13), []
    one = Visitor(at)
    await one.open(f"/?territoire={PLACE}&catalysis.fte=4")
    for k in range(1, count + 1):
        await one.move(luck.randrange(25) / 2, wait=True)
        if k % every == 0:
            health = await asyncio.to_thread(at.health)
            rows.append((k, at.memory, health["cache_bytes"] / 1e6))
    await one.close()
    return rows


def hour(at: Server, count: int = 3000, every: int = 50) -> list[Figure]:
    """What an hour of moves of one session leaves in memory, pressed into minutes."""
    start, worked = wall(), at.processor
    moves, memory, cache = map(np.array, zip(*asyncio.run(_moves(at, count, every)), strict=True))
    late = slice(len(moves) // 3, None)
    slope = float(np.polyfit(moves[late], (memory - cache)[late], 1)[0])
    return [
        Figure(f"dashboard, memory beside the cache over 1 000 moves, of {count}", 1e3 * slope,
               "MB", "crowd_memory"),
        Figure("dashboard, memory of the process after them", float(memory[-1]), "MB"),
        Figure("dashboard, cache after them", float(cache[-1]), "MB"),
        Figure("dashboard, a move of them", 1e3 * (wall() - start) / count, "ms"),
        Figure("dashboard, processor time of a move of them, with what it computes",
               1e3 * (at.processor - worked) / count, "ms"),
    ]  # fmt: skip


def measure() -> list[Figure | Growth]:
    """Measure a page, a room and an hour, each on a server of its own."""
    found: list[Figure | Growth] = []
    for part in (pixels, crowd, hour):
        with server() as at:
            found += part(at)
            time.sleep(0.5)
    return found
