"""What is measured for each target, and whether it is met. Every ratio is made in one run, the contenders in turn."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import Request

from soak.rows import RowsEndpoint, csv_rows

from bench import contenders as known
from bench import load
from bench.contenders import Contender, all_serving
from bench.load import Run
from bench.servers import Server, loop_seconds, scoring_url, started_stub

ROUNDS = 3
SECONDS = 2
AT_ONCE = 16
CROWD = 1000

Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One line of the table. `met` is "yes", "reach only" or "no", or "" where there is nothing to meet."""

    target: str
    what: str
    ours: str
    peer: str = ""
    ratio: str = ""
    reach: str = ""
    aim: str = ""
    met: str = ""

    def cells(self) -> tuple[str, ...]:
        return (self.target, self.what, self.ours, self.peer, self.ratio, self.reach, self.aim, self.met)


HEAD = ("", "what", "ours", "peer", "ratio", "reach", "aim", "met")


def met(reach: bool, aim: bool) -> str:
    return "yes" if reach and aim else "reach only" if reach else "no"


# In turn


def in_turn(contenders: Sequence[Contender], servers: Sequence[Server], at_once: int, seconds: int) -> list[list[Run]]:
    """A warm-up of each, then A B C, A B C, A B C."""
    for contender, server in zip(contenders, servers, strict=True):
        contender.measure(server, at_once, 1)
    runs: list[list[Run]] = [[] for _ in contenders]
    for _ in range(ROUNDS):
        for contender, server, found in zip(contenders, servers, runs, strict=True):
            found.append(contender.measure(server, at_once, seconds))
    return runs


def median(runs: Sequence[Run], read: Callable[[Run], float]) -> float:
    return statistics.median(map(read, runs))


def ratio(ours: Sequence[Run], theirs: Sequence[Run], read: Callable[[Run], float]) -> float:
    """The median of the rounds' ratios: neighbours in time share the machine's mood."""
    return statistics.median(read(one) / read(other) for one, other in zip(ours, theirs, strict=True) if read(other))


def rate(run: Run) -> float:
    return run.rate


def micros(run: Run) -> float:
    return run.micros


def p50(run: Run) -> float:
    return run.p50


# T1, T2, T3


THROUGHPUT = [
    known.OURS,
    known.ORIGINAL,
    known.GRANIAN,
    known.FASTAPI,
    known.LOGGING,
    known.NOTHING_KEPT,
    known.GRADIO_UNLIMITED,
    known.GRADIO,
    known.NGINX,
    known.LEAST,
    known.LEAST_GRANIAN,
]


def throughput(folder: Path, say: Say) -> Iterator[Row]:
    """Submissions per second and the server's processor time for each, 16 at once, an endpoint of 0 ms."""
    yield from machine_rows()
    with started_stub() as endpoint, all_serving(THROUGHPUT, scoring_url(endpoint), folder) as servers:
        found = in_turn(THROUGHPUT, servers, AT_ONCE, SECONDS)
    runs = {contender.name: of_one for contender, of_one in zip(THROUGHPUT, found, strict=True)}
    for name, of_one in runs.items():
        bad = sum(run.bad for run in of_one)
        say(f"{name}: {median(of_one, rate):,.0f}/s, {median(of_one, micros):,.0f} µs each, {bad} bad")
    gthread, granian, original = (runs[c.name] for c in (known.OURS, known.GRANIAN, known.ORIGINAL))
    least, least_granian = runs[known.LEAST.name], runs[known.LEAST_GRANIAN.name]
    logging, nothing_kept = runs[known.LOGGING.name], runs[known.NOTHING_KEPT.name]
    unlimited, gradio, fastapi = (runs[c.name] for c in (known.GRADIO_UNLIMITED, known.GRADIO, known.FASTAPI))
    yield Row("–", "nginx passing through: the limit", f"{median(runs[known.NGINX.name], rate):,.0f}/s")
    yield beside("the least that Flask can do, gthread : original app", least, original)
    yield beside("the least that Flask can do, granian : original app", least_granian, original)
    yield versus("T1", "submissions/s, gthread : original app", gthread, original, 1.2, 1.5)
    yield versus("T1", "submissions/s, granian : original app", granian, original, 1.6, 2.0)
    yield versus("T2", "submissions/s, gthread : Gradio without limits", gthread, unlimited, 6, 8)
    yield versus("T2", "submissions/s, gthread : Gradio as it comes", gthread, gradio, 10, 15)
    yield versus("T2", "submissions/s, gthread : FastAPI + httpx", gthread, fastapi, 2, 3)
    yield cost(gthread, original)
    yield beside("submissions/s, gthread, a log line each (LOG_LEVEL=info) : without", logging, gthread)
    yield beside("submissions/s, gthread, ANSWER_MINUTES=0 and SHOW_RAW=false : original app", nothing_kept, original)


def machine_rows() -> Iterator[Row]:
    """What the machine allows."""
    alone, beside_load = (loop_seconds(busy=busy) for busy in (False, True))
    yield Row(
        "–",
        "a loop on the server’s core while the load’s core is busy : idle (1 × where they share nothing)",
        f"{beside_load * 1000:.0f} ms",
        f"{alone * 1000:.0f} ms",
        f"{beside_load / alone:.2f} ×",
    )
    with started_stub() as endpoint:
        ceiling = load.wrk(scoring_url(endpoint), AT_ONCE, 1, "json")
    yield Row("–", "the stub’s own ceiling, on the load’s core with wrk", f"{ceiling.rate:,.0f}/s")


def beside(what: str, one: Sequence[Run], other: Sequence[Run]) -> Row:
    """Where there is nothing to meet."""
    said = f"{median(one, rate):,.0f}/s, {median(one, micros):,.0f} µs"
    return Row("–", what, said, f"{median(other, rate):,.0f}/s", f"{ratio(one, other, rate):.2f} ×")


def versus(target: str, what: str, ours: Sequence[Run], theirs: Sequence[Run], reach: float, aim: float) -> Row:
    times = ratio(ours, theirs, rate)
    return Row(
        target,
        what,
        f"{median(ours, rate):,.0f}/s",
        f"{median(theirs, rate):,.0f}/s",
        f"{times:.2f} ×",
        f"{reach:g} ×",
        f"{aim:g} ×",
        met(times >= reach, times >= aim),
    )


def cost(ours: Sequence[Run], original: Sequence[Run]) -> Row:
    times = ratio(ours, original, micros)
    return Row(
        "T3",
        "processor time per submission, gthread : original app",
        f"{median(ours, micros):,.0f} µs",
        f"{median(original, micros):,.0f} µs",
        f"{times:.2f} ×",
        "0.9 ×",
        "0.7 ×",
        met(times <= 0.9, times <= 0.7),
    )


# T4, T5


class Direct:
    """The endpoint itself, as a contender."""

    name = "the endpoint itself"

    def measure(self, server: Server, at_once: int, seconds: int) -> Run:
        return load.wrk(scoring_url(server), at_once, seconds, "json")


def added(folder: Path, say: Say) -> Iterator[Row]:
    """What a submission takes longer than the endpoint alone, one at a time."""
    taking_part: list[Any] = [Direct(), known.OURS, known.ORIGINAL, known.GRANIAN]
    with started_stub() as endpoint, all_serving(taking_part[1:], scoring_url(endpoint), folder) as servers:
        runs = in_turn(taking_part, [endpoint, *servers], 1, SECONDS)
    direct, gthread, original, granian = (median(found, p50) for found in runs)
    say(f"p50: direct {direct:.2f} ms, gthread {gthread:.2f}, original {original:.2f}, granian {granian:.2f}")
    ours, theirs = gthread - direct, original - direct
    yield Row(
        "T4",
        "added p50, one at a time: gthread, and the original app",
        f"{ours:.2f} ms",
        f"{theirs:.2f} ms",
        f"{ours / theirs:.2f} ×",
        "1.0 ms, < peer",
        "0.7 ms",
        met(ours <= 1.0 and ours < theirs, ours <= 0.7),
    )
    yield Row("–", "the same with granian", f"{granian - direct:.2f} ms", f"{theirs:.2f} ms")


def under_latency(folder: Path, say: Say) -> Iterator[Row]:
    """An endpoint of 50 ms, 64 at once."""
    taking_part: list[Any] = [Direct(), known.OURS, known.GRANIAN]
    with started_stub(latency=50) as endpoint, all_serving(taking_part[1:], scoring_url(endpoint), folder) as servers:
        direct, *ours = in_turn(taking_part, [endpoint, *servers], 64, SECONDS)
    for contender, found in zip(taking_part[1:], ours, strict=True):
        share, half = ratio(found, direct, rate), median(found, p50)
        say(f"{contender.name}, 50 ms, 64 at once: {share:.0%}, p50 {half:.1f} ms")
        yield Row(
            "T5",
            f"50 ms endpoint, 64 at once, {contender.name.removeprefix('ours, ')} : direct",
            f"{median(found, rate):,.0f}/s, p50 {half:.0f} ms",
            f"{median(direct, rate):,.0f}/s",
            f"{share:.0%}",
            "80 %",
            "90 %, p50 ≤ 56 ms",
            met(share >= 0.8, share >= 0.9 and half <= 56),
        )


# T6


def thousand(folder: Path, say: Say) -> Iterator[Row]:
    """1000 submissions at the same moment, an endpoint of 1 s."""
    with started_stub(latency=1000) as endpoint:
        url = scoring_url(endpoint)
        for contender in (known.GEVENT, known.THREADS):
            yield crowd_row(contender, url, folder, ROUNDS, say)
        yield crowd_row(known.OURS, url, folder, 1, say)


def crowd_row(contender: Contender, url: str, folder: Path, rounds: int, say: Say) -> Row:
    """Each round has a fresh server. The worst round counts for "all answered"; time and memory are medians."""
    name = contender.name.removeprefix("ours, ")
    try:
        found = [crowded(contender, url, folder) for _ in range(rounds)]
    except RuntimeError as error:
        say(str(error))
        return Row("T6", f"{CROWD} at once, 1 s endpoint, {name}", "does not answer", met="no")
    good = min(run.good for run, _ in found)
    seconds, memory = median([run for run, _ in found], lambda run: run.seconds), statistics.median(m for _, m in found)
    result = f"{good} answered, {seconds:.1f} s, {memory:.0f} MB"
    say(f"{contender.name}, {CROWD} at once: {result}; {'; '.join(run.why for run, _ in found if run.why)}")
    if contender is known.OURS:
        return Row("–", f"{CROWD} at once, 1 s endpoint, {name} as it comes", result)
    return Row(
        "T6",
        f"{CROWD} at once, 1 s endpoint, {name}",
        result,
        reach="all, 3.5 s, 150 MB",
        aim="2.5 s, 130 MB",
        met=met(good == CROWD and seconds <= 3.5 and memory <= 150, seconds <= 2.5 and memory <= 130),
    )


def crowded(contender: Contender, url: str, folder: Path) -> tuple[Run, float]:
    """One crowd, and the most memory that was seen meanwhile."""
    with contender.serving(url, folder) as server:
        seen = [server.megabytes()]
        return load.crowd(server.port, CROWD, 40, partial(note_memory, server, seen)), max(seen)


def note_memory(server: Server, seen: list[float]) -> None:
    seen.append(server.megabytes())


# T7


def first_page(folder: Path, say: Say) -> Iterator[Row]:
    """Bytes on the wire, heads included, of the demo's first page and everything that it loads; the icon apart."""
    with known.DEMO.serving("", folder) as server:
        sizes, others = page_weight(f"{server.url}/")
    say(f"first page: {sizes}")
    total = sum(sizes.values())
    yield Row(
        "T7",
        "first page of the demo with everything, packed",
        f"{total / 1000:.1f} kB, {len(sizes)} requests, {len(others)} other hosts",
        reach="15 kB, 3 requests, no other host",
        aim="10 kB",
        met=met(total <= 15_000 and len(sizes) <= 3 and not others, total <= 10_000),
    )


def page_weight(url: str) -> tuple[dict[str, int], list[str]]:
    """Bytes by path, and the addresses of other hosts that the page would load from."""
    size, page = fetched(url)
    sizes, others = {urlsplit(url).path: size}, []
    tags: list[str] = re.findall(r"<(?:link|script|img|iframe|source)\b[^>]*>", page)
    for tag in tags:
        found = re.search(r"""\b(?:href|src)=["']([^"']+)""", tag)
        if not found or 'rel="icon"' in tag or 'class="logo"' in tag:
            continue
        target = urljoin(url, found[1])
        if urlsplit(target).netloc != urlsplit(url).netloc:
            others.append(target)
        else:
            sizes[urlsplit(target).path] = fetched(target)[0]
    return sizes, others


def fetched(url: str) -> tuple[int, str]:
    """How many bytes came, and the text where it was not packed."""
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.netloc, timeout=10)) as connection:
        connection.request(
            "GET", parts.path, headers={"Accept": "text/html,*/*", "Accept-Encoding": "gzip, deflate, br"}
        )
        answer = connection.getresponse()
        body = answer.read()
    text = body.decode() if answer.getheader("Content-Encoding") is None else unpacked(answer, body)
    head = sum(len(name) + len(value) + 4 for name, value in answer.getheaders()) + len("HTTP/1.1 200 OK\r\n\r\n")
    return head + len(body), text


def unpacked(answer: HTTPResponse, body: bytes) -> str:
    if answer.getheader("Content-Encoding") != "gzip":
        raise RuntimeError(f"packed as {answer.getheader('Content-Encoding')}")
    return gzip.decompress(body).decode()


# T8


def start(folder: Path, say: Say) -> Iterator[Row]:
    """From the command to the first page. The schema's copy is there: the first round of ours is not counted."""
    with started_stub() as endpoint:
        url = scoring_url(endpoint)
        start_seconds(known.OURS, url, folder)
        pairs = [
            (start_seconds(known.OURS, url, folder), start_seconds(known.GRADIO, url, folder)) for _ in range(ROUNDS)
        ]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    times = statistics.median(one / other for one, other in pairs)
    say(f"first answer after the start: ours {ours:.2f} s, Gradio {theirs:.2f} s")
    yield Row(
        "T8",
        "first answer after the start, gthread : Gradio",
        f"{ours:.2f} s",
        f"{theirs:.2f} s",
        f"{times:.2f} ×",
        "0.8 s, 0.33 ×",
        "0.5 s",
        met(ours <= 0.8 and times <= 1 / 3, ours <= 0.5),
    )


def start_seconds(contender: Contender, url: str, folder: Path) -> float:
    began = time.perf_counter()
    with contender.serving(url, folder):
        return time.perf_counter() - began


# T9

ROWS, MORE_ROWS, MOST_ROWS = 10_000, 30_000, 300_000  # from 16,000 on as many bodies are under way as ever
FLAT = 20.0  # MB that ten times the rows may take more


def files(folder: Path, say: Say) -> Iterator[Row]:
    """A CSV file through the API, an endpoint of 50 ms that takes any number of rows; a fresh server for each file.
    Time is from when the endpoint's first call came until its last one was answered."""
    seconds = statistics.median(file_of(ROWS, folder)[0] for _ in range(ROUNDS))
    few, many = (file_of(count, folder)[1] for count in (MORE_ROWS, MOST_ROWS))
    say(f"files: {seconds:.2f} s, {few:.0f} MB, {many:.0f} MB")
    yield Row(
        "T9",
        f"{ROWS:,} rows as CSV, 50 ms endpoint: time in calls",
        f"{seconds:.2f} s",
        reach="1 s",
        aim="0.4 s",
        met=met(seconds <= 1, seconds <= 0.4),
    )
    yield Row(
        "T9",
        f"memory, {MOST_ROWS:,} rows : {MORE_ROWS:,} rows",
        f"{many:.0f} MB",
        f"{few:.0f} MB",
        f"{many - few:+.0f} MB",
        "flat",
        met=met(many - few <= FLAT, True),
    )


def file_of(count: int, folder: Path) -> tuple[float, float]:
    """Seconds in calls, and the most memory since the start."""
    with RowsEndpoint(0.05) as model, known.FILES.serving(model.url, folder) as server:
        request = Request(f"{server.url}/api/v1/models/model/batches", b"".join(csv_rows(count)))  # noqa: S310
        request.add_header("Content-Type", "text/csv")
        job = json.loads(opened(request))
        while job["status"] in ("queued", "running"):
            time.sleep(0.05)
            job = json.loads(opened(f"{server.url}/api/v1/jobs/{job['id']}"))
        if (job["status"], job["rows"]["done"], len(model.rows)) != ("succeeded", count, count):
            raise RuntimeError(f"not every row was scored: {job}")
        return model.last - model.first, server.peak_megabytes()


def opened(what: Request | str) -> bytes:
    with urllib.request.urlopen(what, timeout=60) as answer:  # noqa: S310 - our own server
        return bytes(answer.read())


# T10

IDLE = 0.3
REPEATS = 8


def closed_while_idle(folder: Path, say: Say) -> Iterator[Row]:
    """The endpoint closes a connection that was idle for 0.3 s; submissions come just about then."""
    waits = [IDLE * share for share in (0.9, 0.97, 0.99, 1.0, 1.01, 1.03, 1.1, 2.0)]
    good = sent = 0
    with started_stub(idle=IDLE) as endpoint, known.OURS.serving(scoring_url(endpoint), folder) as server:
        before = calls(endpoint)
        for wait in waits * REPEATS:
            run = load.on_load_core(lambda: four_at_once(server.port))
            good, sent = good + run.good, sent + run.good + run.bad
            time.sleep(wait)
        repeats = calls(endpoint) - before - sent
    say(f"connections closed while idle: {good} of {sent} answered, {repeats} calls more than submissions")
    yield Row(
        "T10",
        "endpoint closes idle connections",
        f"{sent - good} of {sent} failed, {repeats} arrived twice",
        reach="0 failed, at most one repeat each",
        met="yes" if good == sent and 0 <= repeats <= sent else "no",
    )


async def four_at_once(port: int) -> Run:
    began = time.perf_counter()
    answered = await asyncio.gather(*(load.submit_form(port) for _ in range(4)))
    return Run(sum(answered), len(answered) - sum(answered), time.perf_counter() - began)


def calls(endpoint: Server) -> int:
    return int(opened(f"{endpoint.url}/calls"))


PARTS: dict[str, Callable[[Path, Say], Iterator[Row]]] = {
    "throughput": throughput,
    "added": added,
    "latency": under_latency,
    "thousand": thousand,
    "page": first_page,
    "start": start,
    "files": files,
    "idle": closed_while_idle,
}
