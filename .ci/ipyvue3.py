"""Tell whether the dashboard would load on Vue 3 (ipyvue >= 3): the way out of Vue 2.

Builds a throw-away environment on top of `.venv` and opens the page in Chromium. It prints what it
finds and never fails: exit 0 whatever happens. COSIM_SKIP_IPYVUE3=1, or a registry that cannot be
reached, skips it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

WANTED = ("ipyvue>=3", "ipyvuetify>=3")
CHROMIUM = "/usr/bin/chromium"
INSTALL, START, OPEN = 60, 40, 40  # seconds


def environment(folder: Path) -> Path | None:
    """Make the environment; return its interpreter, None when the registry gives nothing."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps",
           "--timeout", "10", "--retries", "0", *WANTED]  # fmt: skip
    try:
        done = subprocess.run(pip, timeout=INSTALL, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        return None
    [site] = folder.glob("lib/python*/site-packages")
    below = sysconfig.get_path("purelib")
    (site / "below.pth").write_text(f"import site; site.addsitedir({below!r})\n")
    return python


def found(python: Path) -> str:
    """Serve the page from this interpreter, open it, and return what happened."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assets = Path(sys.prefix) / "share" / "solara" / "cdn"
    server = subprocess.Popen(
        [python, "-m", "cosim", "dashboard", "--no-warm", "--port", str(port)],
        env=os.environ | {"SOLARA_ASSETS_PROXY_CACHE_DIR": str(assets)},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        if not answers(port, server):
            said = server.stderr.read() if server.poll() is not None and server.stderr else ""
            return f"no: the server does not start {said.strip().splitlines()[-1:]}"
        return opened(port)
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def answers(port: int, server: subprocess.Popen[str]) -> bool:
    """Wait until the server answers."""
    until = time.monotonic() + START
    while time.monotonic() < until and server.poll() is None:
        try:
            return urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200
        except (URLError, OSError):
            time.sleep(0.5)
    return False


def opened(port: int) -> str:
    """Open the page in Chromium, and say what it shows."""
    from playwright.sync_api import Error, sync_playwright

    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("response", lambda r: wrong.append(f"{r.status} {r.url.partition('?')[0]}")
                if r.status >= 400 else None)  # fmt: skip
        page.goto(f"http://127.0.0.1:{port}/methode")
        try:
            page.wait_for_selector("main h1", timeout=1000 * OPEN)
            shown = "yes: the page shows"
        except Error:
            shown = "no: the page stays empty"
        browser.close()
    return shown + (f"; wrong: {'; '.join(wrong[:4])[:600]}" if wrong else "; no error")


def main() -> str:
    """Return one line."""
    if os.environ.get("COSIM_SKIP_IPYVUE3") == "1":
        return "skipped, as asked"
    if not Path(CHROMIUM).exists():
        return "skipped: no Chromium"
    with tempfile.TemporaryDirectory() as folder:
        python = environment(Path(folder))
        if python is None:
            return f"skipped: the registry gives no {' '.join(WANTED)}"
        code = "import ipyvue, ipyvuetify; print(ipyvue.__version__, ipyvuetify.__version__)"
        told = subprocess.run([python, "-c", code], capture_output=True, text=True)
        return f"ipyvue, ipyvuetify {told.stdout.strip()} — {found(python)}"


if __name__ == "__main__":
    try:
        print(f"dashboard on Vue 3: {main()}", flush=True)
    except Exception as error:
        print(f"dashboard on Vue 3: the check itself failed: {error!r}", flush=True)
