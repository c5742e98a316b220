"""Measure what the model costs: print tables, write `out/bench.json`."""

from __future__ import annotations

import argparse
import datetime
import json
from functools import partial
from pathlib import Path

from benchmarks import tables
from benchmarks.clock import wall
from benchmarks.measures import GROUPS, Found, france

ROOT = Path(__file__).resolve().parent.parent
OUT, PAGE = ROOT / "out" / "bench.json", ROOT / "docs" / "benchmarks.md"


def main() -> None:
    """Measure the groups that are asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--full", action="store_true", help="all of France, not a tenth of it")
    parser.add_argument("--page", action="store_true", help=f"put the tables into {PAGE.name}")
    asked = parser.parse_args()
    unknown = set(asked.groups) - set(GROUPS)
    if unknown:
        parser.error(f"no group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    groups = GROUPS | ({"france": partial(france, 1)} if asked.full else {})
    machine = tables.machine()  # before the load of the run itself
    found: Found = []
    for name in asked.groups or GROUPS:
        start = wall()
        found += groups[name]()
        print(f"{name}: measured in {wall() - start:.0f} s", flush=True)
    options = [*asked.groups, *(["--full"] if asked.full else [])]
    command = " ".join(["make bench", *([f'BENCH="{" ".join(options)}"'] if options else [])])
    data = tables.report(found, datetime.date.today().isoformat(), command)
    data["machine"] = machine
    print(f"\n{tables.text(data)}")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(data, indent=2, ensure_ascii=False), encoding="utf-8")
    if asked.page:
        PAGE.write_text(tables.put(PAGE.read_text(encoding="utf-8"), data), encoding="utf-8")


if __name__ == "__main__":
    main()
