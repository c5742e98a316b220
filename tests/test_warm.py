"""The first compile is shared between two processes; what they leave is what a run needs."""

import os
import subprocess
import sys

from cosim import warm
from cosim.mechanisms import MECHANISMS

COUNT = """
import sys
from cosim import warm
warm.up = lambda: None
from cosim import engine, scenario
ready = engine.plan(scenario.Scenario(territory={"code": "synthetic"}))
engine.replicate(ready, 1, 0)
from cosim.measure import measure
from cosim.seeding import initialise
compiled = [initialise, measure]
for mechanism in ready.schedule.mechanisms:
    compiled.append(mechanism.rule())
print(sum(sum(kernel.stats.cache_misses.values()) for kernel in compiled))
"""


def test_every_mechanism_is_in_one_share():
    shared = [name for share in warm.SHARES for name in share]
    assert sorted(shared) == sorted({*(f"mechanisms.{name}" for name in MECHANISMS),
                                     "seeding", "measure"})  # fmt: skip


def test_what_is_compiled_ahead_is_what_a_run_needs(tmp_path):
    environment = {**os.environ, "COSIM_CACHE": str(tmp_path)}
    shares = [
        subprocess.Popen([sys.executable, "-m", "cosim.warm", str(share)], env=environment)
        for share in range(len(warm.SHARES))
    ]
    assert [share.wait() for share in shares] == [0, 0]
    found = subprocess.run(
        [sys.executable, "-c", COUNT], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "0"
    assert not list(tmp_path.rglob("warming"))
