"""`python -m bench` prints the table of targets; `--write` puts it, with the costs of the parts, into docs/speed.md.

Linux with two free cores, wrk and nginx (`apt-get install wrk nginx`); it takes some five minutes. `BENCH_FILES`
names the folder for kept answers; by default it is /var/tmp, on the disk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from bench import parts, report, targets
from bench.servers import CORES, ROOT, SERVER_CORE, files

PAGE = ROOT / "docs" / "speed.md"


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("--write", action="store_true", help="also write the tables into docs/speed.md")
    arguments.add_argument("--only", choices=targets.PARTS, action="append", help="only this part; may be repeated")
    given = arguments.parse_args()
    if given.write and given.only:
        arguments.error("--write needs the whole run")
    missing = [program for program in ("wrk", "nginx", "taskset") if not shutil.which(program)]
    if missing:
        arguments.error(f"not installed: {', '.join(missing)}")
    began = time.monotonic()
    rows = measure(given.only or list(targets.PARTS))
    table = report.markdown(targets.HEAD, [row.cells() for row in rows])
    print(f"\n{table}\n\n{report.machine()} It took {time.monotonic() - began:.0f} s.")
    if given.write:
        costs = parts.in_a_process()
        PAGE.write_text(report.replaced(PAGE.read_text("utf-8"), report.section(table, costs)), "utf-8")
        print(f"\n{costs}\n\nWritten to {PAGE.relative_to(ROOT)}.")


def measure(names: list[str]) -> list[targets.Row]:
    """All rows of these parts; what is found on the way goes to stderr."""
    os.sched_setaffinity(0, set(CORES) - {SERVER_CORE} or {SERVER_CORE})
    rows: list[targets.Row] = []
    with files() as folder:
        for name in names:
            print(f"# {name}", file=sys.stderr)
            rows += targets.PARTS[name](Path(folder), lambda line: print(f"  {line}", file=sys.stderr))
    return rows


if __name__ == "__main__":
    main()
