"""Compile the model in two processes when nothing is cached: half the wait of a first run.

Numba compiles one function at a time in a process. What one process writes to the cache folder the
next one reads, so two of them, each with its share of the mechanisms, halve the first compile.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

#: What each process compiles: modules of `cosim`, about as long for both. Each compiles what it
#: calls, too: those that call the same are together.
SHARES = (
    ("mechanisms.catalysis", "mechanisms.formation", "mechanisms.recognition", "seeding"),
    ("mechanisms.encounter", "mechanisms.trust", "mechanisms.context", "mechanisms.commitment",
     "mechanisms.know_how", "mechanisms.life", "mechanisms.outcomes", "measure"),
)  # fmt: skip


def cold() -> bool:
    """Return whether the mechanisms are still to be compiled."""
    from cosim.compiled import folder

    return not any(folder().rglob("formation.formation-*.nbc"))


def up() -> None:
    """Fill the cache by two processes, if it is empty and there are two cores.

    Another process that is at it is not waited for. Whatever fails here is compiled, or fails with
    its message, where it is used.
    """
    from cosim.compiled import folder

    if (os.cpu_count() or 1) < 2 or not cold():
        return
    mark = folder() / "warming"
    with suppress(OSError):
        mark.touch(exist_ok=False)
        try:
            commands = ([sys.executable, "-m", "cosim.warm", str(k)] for k in range(len(SHARES)))
            running = [
                subprocess.Popen(c, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                for c in commands
            ]
            for process in running:
                process.wait()
        finally:
            mark.unlink(missing_ok=True)


def work(share: int) -> None:
    """Compile one of `SHARES`."""
    import numba
    from numba import types

    from cosim import parameters
    from cosim.handle import STATE

    typeof: Any = numba.typeof
    params = typeof(parameters.resolve({}, 1))
    numbers, places = types.float64[::1], types.int64[::1]
    step, key = types.int64, types.uint64
    given = {
        "seeding": ("initialise", (STATE, params, numbers, key)),
        "measure": ("measure", (STATE, params, step, numbers, places, numbers, numbers)),
    }
    for module in SHARES[share]:
        rule = (module.rpartition(".")[2], (STATE, params, step, key))
        name, signature = given.get(module, rule)
        getattr(import_module(f"cosim.{module}"), name).compile(signature)


if __name__ == "__main__":
    work(int(sys.argv[1]))
