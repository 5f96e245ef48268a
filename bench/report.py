"""Tables, and the part of docs/speed.md that is written by `python -m bench --write`."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from bench.servers import FILES

BEGIN = "<!-- measured: written by python -m bench, not by hand -->"
END = "<!-- measured until here -->"
ROWS_BEGIN = "<!-- large files: written by python -m bench.rows, not by hand -->"
ROWS_END = "<!-- large files until here -->"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that is readable as text too."""
    listed = [list(head), *map(list, rows)]
    widths = [max(3, *(len(row[i]) for row in listed)) for i in range(len(head))]
    lines = [f"| {' | '.join(c.ljust(w) for c, w in zip(row, widths, strict=True))} |" for row in listed]
    lines.insert(1, f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    return "\n".join(lines)


def machine() -> str:
    """Date and machine, as a sentence."""
    return (
        f"Measured on {date.today().isoformat()}: {os.cpu_count()} cores, {processor()}, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, answers kept in {FILES}."
    )


def processor() -> str:
    """The model as Linux calls it."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def section(table: str, costs: str) -> str:
    """The Markdown between the two marks of docs/speed.md: targets, then parts."""
    return f"{BEGIN}\n\n{machine()}\n\n{table}\n\nOne submission in parts, processor time:\n\n{costs}\n\n{END}"


def rows_section(table: str) -> str:
    """The Markdown between the marks of large files."""
    return f"{ROWS_BEGIN}\n\n{machine()}\n\n{table}\n\n{ROWS_END}"


def replaced(page: str, made: str, begin: str = BEGIN, end: str = END) -> str:
    """`page` with what stands between two marks replaced, or with that at its end. Raises ValueError when a mark is
    missing."""
    if begin not in page and end not in page:
        return f"{page.rstrip()}\n\n{made}\n"
    before, found, rest = page.partition(begin)
    _, also, after = rest.partition(end)
    if not found or not also:
        raise ValueError("docs/speed.md has one of the two marks only")
    return before + made + after
