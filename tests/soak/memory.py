"""A large file through web and workers, as a script sends and fetches it: how long it takes, and in how much memory.

Memory is what Linux counts as resident, of a process and all that it started; the peak is Linux’s own, so no moment is
missed."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import requests

from .parts import Part, address
from .rows import RowsEndpoint, csv_rows
from .setups import PATIENCE, Setup, running, wait

DONE_WITHIN = 3600.0
AT_REST = 2.0  # seconds


@dataclass(frozen=True)
class Memory:
    """In MB (10^6 bytes)."""

    idle: float
    peak: float

    @property
    def more(self) -> float:
        return self.peak - self.idle

    def __str__(self) -> str:
        return f"{self.idle:.0f} MB, {self.peak:.0f} MB at most: +{self.more:.0f}"


@dataclass(frozen=True)
class Figures:
    """Of one file: seconds until its ticket was there, from then on until all rows were done, and for its result.
    Memory of the web, and of the worker that needed most, where there are workers."""

    rows: int
    taken_in: float
    scored: float
    given_back: float
    web: Memory
    worker: Memory | None

    @property
    def rate(self) -> float:
        return self.rows / self.scored


def measure(way: str, folder: Path, rows: int) -> Figures:
    """One of `WAYS`. What comes back is compared row by row."""
    path = folder / "rows.csv"
    with path.open("wb") as file:
        file.writelines(csv_rows(rows))
    with RowsEndpoint() as model, running(way, folder, model) as setup, path.open("rb") as file:
        requests.get(f"{address(setup.front)}/", timeout=PATIENCE).raise_for_status()
        watched = [setup.front, *(part for part in setup.parts if part.name == "worker")]
        idle = [_idle(part) for part in watched]
        times = [time.monotonic()]
        key = setup.send(file)
        times.append(time.monotonic())
        wait(setup.jobs, key, 2.0, times[1] + DONE_WITHIN)
        times.append(time.monotonic())
        _check(setup, key, rows)
        times.append(time.monotonic())
        web, *workers = (Memory(rest, _peak(part)) for rest, part in zip(idle, watched, strict=True))
    taken_in, scored, given_back = (later - earlier for earlier, later in pairwise(times))
    return Figures(rows, taken_in, scored, given_back, web, max(workers, key=lambda one: one.more, default=None))


def _check(setup: Setup, key: str, rows: int) -> None:
    """The result has each row with its answer, in order."""
    assert setup.jobs.look(key).state == "succeeded", setup.jobs.look(key)
    url = f"{address(setup.front)}/api/v1/jobs/{key}/result.csv"
    with requests.get(url, stream=True, timeout=PATIENCE) as reply:
        reply.raise_for_status()
        found = csv.reader(_lines(reply))
        assert next(found) == ["number", "name", "comment", "prediction", "error"]
        count = 0
        for place, row in enumerate(found):
            assert row == [str(place), f"n{place}", f"kept {place}", str(2 * place), ""]
            count += 1
    assert count == rows


def _lines(reply: requests.Response) -> Iterator[str]:
    rest = b""
    for piece in reply.iter_content(1 << 18):
        *lines, rest = (rest + piece).split(b"\r\n")
        yield from (line.decode("utf-8-sig") for line in lines)
    assert not rest


def _idle(part: Part) -> float:
    """When it has not changed for a while; a worker first says that it is there."""
    while part.name == "worker" and "waits for jobs" not in part.log.read_text("utf-8"):
        time.sleep(0.1)
    before, now = 0.0, megabytes(part.pid, "VmRSS")
    while now != before:
        time.sleep(AT_REST)
        before, now = now, megabytes(part.pid, "VmRSS")
    return now


def _peak(part: Part) -> float:
    return megabytes(part.pid, "VmHWM")


def megabytes(pid: int, what: str) -> float:
    """`VmRSS` (now) or `VmHWM` (at most, since the start) of a process and all below it, added up; Linux only."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    found = re.search(rf"^{what}:\s+(\d+) kB$", status, re.MULTILINE)
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return int(found[1]) * 1024 / 1e6 + sum(megabytes(int(child), what) for child in below) if found else 0.0
