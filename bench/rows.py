"""`python -m bench.rows`: a CSV file of 1,000,000 rows through the API, with threads of the web and SQLite, and with
workers, Redis and PostgreSQL; the endpoint answers at once. How long it takes, and the memory of web and worker.

Linux, with redis-server and PostgreSQL; some minutes. It ends with 1 where web or worker need more than 200 MB above
what they have when idle, and with an error where a row of the result is not as it should be. `--write` puts the table
into docs/speed.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from soak.memory import Figures, Memory, measure
from soak.setups import WAYS

from bench import report
from bench.servers import FILES, ROOT

PAGE = ROOT / "docs" / "speed.md"
HEAD = ("run by", "rows", "taken in", "scored", "rows/s", "given back", "web", "worker", "≤ 200 MB more")
MOST_MORE = 200.0  # MB


def cells(way: str, found: Figures) -> list[str]:
    times = [f"{found.taken_in:.1f} s", f"{found.scored:.1f} s", f"{found.rate:,.0f}", f"{found.given_back:.1f} s"]
    memory = [str(found.web), str(found.worker or "–"), "yes" if is_flat(found) else "no"]
    return [WAYS[way], f"{found.rows:,}", *times, *memory]


def is_flat(found: Figures) -> bool:
    return all(one.more <= MOST_MORE for one in (found.web, found.worker or Memory(0, 0)))


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.rows", description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--write", action="store_true", help="also write the table into docs/speed.md")
    given = arguments.parse_args()
    all_found: list[tuple[str, Figures]] = []
    for way in ("web", "redis"):
        with tempfile.TemporaryDirectory(prefix="bench-", dir=FILES) as folder:
            all_found.append((way, measure(way, Path(folder), given.rows)))
        print(f"# {' | '.join(cells(*all_found[-1]))}", file=sys.stderr)
    table = report.markdown(HEAD, [cells(*one) for one in all_found])
    print(f"\n{table}\n\n{report.machine()}")
    if given.write:
        made = report.rows_section(table)
        page = report.replaced(PAGE.read_text("utf-8"), made, report.ROWS_BEGIN, report.ROWS_END)
        PAGE.write_text(page, "utf-8")
        print(f"\nWritten to {PAGE.relative_to(ROOT)}.")
    return 0 if all(is_flat(found) for _, found in all_found) else 1


if __name__ == "__main__":
    sys.exit(main())
