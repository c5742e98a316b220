"""Kill an experiment of 2 000 runs again and again, resume it, and compare its tables by bytes.

    python benchmarks/kills.py [--kills 30] [--replicates 100] [--seed 1] [--dask]

An undisturbed run of one thread, of two, of two processes and (`--dask`) of a cluster of two
workers come first; then `kill -9` at random moments, each time with other workers, until nothing is
missing. Prints one JSON document; exit code 1 if a byte differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cosim.experiment.store import Store

EXPERIMENT = """
title = "Deux mille simulations"
reference = "reference-2020"
replicates = {replicates}
series = ["alliances", "engaged/elu"]
arms = "catalysis.fte"
[set]
parameters = "posterior"
time = {{ start = "2020-01", end = "2025-12" }}
territory = {{ code = "synthetic", synthetic = {{ communes = 4, population = 6000 }} }}
[factors]
"catalysis.fte" = [0, 2]
"catalysis.caseload" = [8, 10, 12, 14, 16, 18, 20, 22, 24, 26]
[outcomes]
alliances = "alliances @ 2025-12"
lasting = "mean_age[supported]"
[contrasts.dose]
estimate = "alliances[2] - alliances[0]"
sign = "+"
"""
TABLES = ("design.csv", "runs.csv", "runs.parquet", "series.parquet")
WORKERS = (["--workers", "1"], ["--workers", "2"], ["--workers", "2", "--processes"])


def started(file: Path, folder: Path, options: list[str]) -> subprocess.Popen[bytes]:
    """Start the experiment."""
    command = [sys.executable, "-m", "cosim", "experiment", "run", str(file), "--out", str(folder)]
    return subprocess.Popen([*command, "--yes", *options], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)  # fmt: skip


def digest(folder: Path) -> str:
    """Return what names the bytes of the tables."""
    whole = hashlib.sha256()
    for name in TABLES:
        whole.update((folder / name).read_bytes())
    return whole.hexdigest()[:16]


def undisturbed(file: Path, folder: Path, options: list[str]) -> tuple[str, float]:
    """Return the digest of the tables of a run, and its seconds."""
    before = time.perf_counter()
    if started(file, folder, options).wait():
        raise SystemExit(f"{options}: the run failed")
    return digest(folder), time.perf_counter() - before


def killed(file: Path, folder: Path, kills: int, rng: random.Random) -> list[dict[str, float]]:
    """Kill the experiment at random moments; return what was stored after each kill.

    One of three is killed anywhere in its first seconds, the others while runs come in.
    """
    told: list[dict[str, float]] = []
    while len(told) < kills:
        before, there = time.perf_counter(), parts(folder)
        process = started(file, folder, list(WORKERS[len(told) % len(WORKERS)]))
        while len(told) % 3 and parts(folder) == there and process.poll() is None:
            time.sleep(0.002)
        try:
            process.wait(rng.uniform(0.0, 2.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        else:
            break
        seconds = round(time.perf_counter() - before, 2)
        stored = Store(folder).counts().stored if (folder / "manifest.json").exists() else 0
        told.append({"seconds": seconds, "stored": stored})
    return told


def parts(folder: Path) -> int:
    """Return how many parts are stored."""
    return len([*folder.glob("parts-*/*.parquet")])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dask", action="store_true")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        file = where / "essai.toml"
        file.write_text(EXPERIMENT.format(replicates=given.replicates))
        made = {" ".join(options): undisturbed(file, where / f"whole-{k}", list(options))
                for k, options in enumerate(WORKERS)}  # fmt: skip
        if given.dask:
            from distributed import LocalCluster

            with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
                address = cluster.scheduler_address
                made["--dask"] = undisturbed(file, where / "whole-dask", ["--dask", address])
        kills = killed(file, where / "killed", given.kills, rng)
        made["killed"] = undisturbed(file, where / "killed", ["--workers", "2"])
        runs = Store(where / "killed").counts().stored
        written = parts(where / "killed")
    equal = len({one for one, _ in made.values()}) == 1
    document = {
        "runs": runs, "kills": len(kills), "after_each": kills, "parts": written, "equal": equal,
        "tables": {key: {"digest": one, "seconds": round(seconds, 1)}
                   for key, (one, seconds) in made.items()},
    }  # fmt: skip
    print(json.dumps(document, indent=1))
    raise SystemExit(0 if equal else 1)


if __name__ == "__main__":
    main()
