"""Whole files: rows in, the same rows with their answers out, in order, whatever happens to single ones.

`run` is the way of every row of every file, from the page, a program or the command line. Rows go out in bodies of
`MAX_ROWS`, several at once but at most half of `MAX_CALLS`, so memory does not grow with the file. An endpoint that has
too much to do is asked more slowly. A body that is refused for its input is asked again in halves, until the row that
is wrong stands alone.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import Any

from .. import sheets
from ..endpoint import Endpoint
from ..errors import (
    BadResponse,
    ConnectionLost,
    EndpointError,
    InputRefused,
    InputTooLarge,
    Loading,
    ModelFailed,
    Overloaded,
    TimedOut,
    Unreachable,
    WrongInput,
)
from ..schema import Row, Schema
from ..score import score
from .by_row import by_row, echoes
from .plan import (
    Plan,
    calls_at_once,
    calls_for,
    check,
    fields_of,
    known_names,
    needed,
    read,
    rows_at_once,
    takes_rows,
)
from .summaries import BINS, summary
from .table import Done, heads, packed, unpacked, with_names, written

__all__ = [
    "BINS",
    "Done",
    "Pace",
    "Plan",
    "Stopped",
    "by_row",
    "calls_at_once",
    "calls_for",
    "check",
    "echoes",
    "fields_of",
    "heads",
    "known_names",
    "needed",
    "packed",
    "rows_at_once",
    "run",
    "summary",
    "takes_rows",
    "trial",
    "unpacked",
    "with_names",
    "written",
]

LOOK_SECONDS = 1.0
FIRST_AT_ONCE = 4  # calls, until it is known that the endpoint takes more
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
MOST_LOST = 3  # calls of a body whose connection was lost; the model may have run each time
MOST_FRUITLESS = 10  # bodies in a row of which the model answered no row: then it is not the rows
FURTHER_CALLS = 20  # for a body that is refused, besides 2 log2 of its rows
LONGEST_SAID = 300

SINGLY = (InputRefused, InputTooLarge, WrongInput)  # said of the input, so each half may fare differently
PERHAPS = (ModelFailed, BadResponse)  # the same, where the endpoint has answered others before


class Pace:
    """How many calls may be under way: few at first, and one more after each good answer; after an overload half as
    many and a pause, and from then on one more after as many good answers as may be under way. One for all files that
    ask the same endpoint."""

    def __init__(self, most: int) -> None:
        self._most, self._limit = most, min(most, FIRST_AT_ONCE)
        self._is_untried = True
        self._free = threading.Condition()
        self._under_way = self._good = 0
        self._not_before = 0.0
        self.last_good = time.monotonic()

    @contextmanager
    def turn(self, stop: threading.Event) -> Iterator[None]:
        """Raises Stopped instead of waiting on."""
        with self._free:
            while (pause := self._not_before - time.monotonic()) > 0 or self._under_way >= self._limit:
                if stop.is_set():
                    raise Stopped
                self._free.wait(min(LOOK_SECONDS, pause) if pause > 0 else LOOK_SECONDS)
            self._under_way += 1
        try:
            yield
        finally:
            with self._free:
                self._under_way -= 1
                self._free.notify_all()

    def went_well(self) -> None:
        with self._free:
            self.last_good = time.monotonic()
            self._good += 1
            if self._is_untried or self._good >= self._limit:
                self._good, self._limit = 0, min(self._limit + 1, self._most)

    def slow_down(self, seconds: float) -> None:
        with self._free:
            self._is_untried = False
            if time.monotonic() >= self._not_before:  # else another call of the same moment has said so
                self._good, self._limit = 0, max(1, self._limit // 2)
            self._not_before = max(self._not_before, time.monotonic() + seconds)


class Stopped(Exception):
    """Somebody cancelled it, or the process is to end."""


def run(
    endpoint: Endpoint,
    schema: Schema,
    plan: Plan,
    rows: Iterable[sheets.Row],
    pace: Pace,
    going: Callable[[], bool] = lambda: True,
) -> Generator[list[Done], None, None]:
    """The rows that are done, in their order, as many at a time as there are. What was not yet given out when this ends
    is at most the bodies under way. `going` is asked now and then whether to go on. `rows` are closed.

    Raises Stopped, and EndpointError where the endpoint, rather than a row, is to blame for long enough.
    """
    bodies = _Bodies(endpoint, schema, plan, pace)
    coming = iter(rows)
    size, most = rows_at_once(endpoint, schema), calls_at_once(endpoint)
    under_way: deque[Future[list[Done]]] = deque()
    pool = ThreadPoolExecutor(most, "batch")
    try:
        while True:
            while len(under_way) < most and (body := list(islice(coming, size))):
                under_way.append(pool.submit(bodies.done, body))
            if not under_way:
                return
            while not wait([under_way[0]], LOOK_SECONDS).done:
                _check(going)
            _check(going)
            ready = under_way.popleft().result()
            while under_way and under_way[0].done():
                ready += under_way.popleft().result()
            yield ready
    finally:
        bodies.stop.set()
        pool.shutdown(wait=False, cancel_futures=True)  # a call that has begun cannot be stopped
        if isinstance(rows, Generator):
            rows.close()


def trial(endpoint: Endpoint, schema: Schema, plan: Plan, rows: list[sheets.Row]) -> list[Done]:
    """The first of these rows, as many as one call takes, answered by that one call; the others, and those that are
    wrong, are read only. Raises EndpointError, WrongInput."""
    read_rows = [read(schema, plan, given) for given in rows]
    ends: list[dict[str, Any] | str] = [why or {} for _, why in read_rows]
    if groups := _groups(schema, read_rows):
        places = groups[0][: rows_at_once(endpoint, schema)]
        asked = [read_rows[place][0] for place in places]
        try:
            result = score(endpoint, schema, asked).result
        except WrongInput:  # nothing was sent
            alike = _alike(asked)[0]
            places, asked = [places[i] for i in alike], [asked[i] for i in alike]
            result = score(endpoint, schema, asked).result
        for place, answer in zip(places, by_row(result, len(places)), strict=True):
            ends[place] = answer
    return [_done(schema, plan, *one) for one in zip(rows, read_rows, ends, strict=True)]


def _check(going: Callable[[], bool]) -> None:
    if not going():
        raise Stopped


class _Bodies:
    """Bodies of one file."""

    def __init__(self, endpoint: Endpoint, schema: Schema, plan: Plan, pace: Pace) -> None:
        self._endpoint, self._schema, self._plan, self._pace = endpoint, schema, plan, pace
        self.stop = threading.Event()
        self._answered = False
        self._fruitless = 0

    def done(self, body: list[sheets.Row]) -> list[Done]:
        """One body, whatever becomes of it."""
        read_rows = [read(self._schema, self._plan, given) for given in body]
        ends: list[dict[str, Any] | str] = [why for _, why in read_rows]
        for group in _groups(self._schema, read_rows):
            answers = self._answers([read_rows[place][0] for place in group])
            for place, answer in zip(group, answers, strict=True):
                ends[place] = answer
        return [_done(self._schema, self._plan, *one) for one in zip(body, read_rows, ends, strict=True)]

    def _answers(self, rows: list[Row]) -> list[dict[str, Any] | str]:
        """For each row its answer, or why there is none."""
        found: list[dict[str, Any] | str] = [""] * len(rows)
        error = self._ask(rows, 0, len(rows), found)
        if isinstance(error, WrongInput) and len(alike := _alike(rows)) > 1:
            for places in alike:
                for place, answer in zip(places, self._answers([rows[place] for place in places]), strict=True):
                    found[place] = answer
            return found
        self._ask_halves(rows, error, found)
        self._count(error, found)
        return found

    def _ask_halves(
        self, rows: list[Row], error: EndpointError | WrongInput | None, found: list[dict[str, Any] | str]
    ) -> None:
        """Of what is refused, breadth first: where the calls do not suffice to find every wrong row, what remains
        together is small."""
        calls = int(2 * math.log2(len(rows))) + FURTHER_CALLS
        refused = deque([(0, len(rows), error)])
        while refused and calls >= 2:
            start, end, why = refused.popleft()
            may_help = isinstance(why, SINGLY) or (self._answered and isinstance(why, PERHAPS))
            if why is None or not may_help or end - start == 1:
                continue
            middle = (start + end) // 2
            left = self._ask(rows, start, middle, found)
            calls -= not isinstance(left, WrongInput)  # for which nothing was sent
            if left is None and isinstance(why, InputRefused) and end - middle > 1:
                right: EndpointError | WrongInput | None = why  # then it is in the other half
                found[middle:end] = [_said(why, end - middle)] * (end - middle)
            else:
                right = self._ask(rows, middle, end, found)
                calls -= not isinstance(right, WrongInput)
            refused += [(start, middle, left), (middle, end, right)]

    def _ask(
        self, rows: list[Row], start: int, end: int, found: list[dict[str, Any] | str]
    ) -> EndpointError | WrongInput | None:
        """Puts what is said of these where they stand, and says why they have no answer."""
        try:
            found[start:end] = self._asked(rows[start:end])
        except (*SINGLY, *PERHAPS, TimedOut, ConnectionLost) as error:
            found[start:end] = [_said(error, end - start)] * (end - start)
            return error
        self._answered = True
        return None

    def _count(self, error: EndpointError | WrongInput | None, found: list[dict[str, Any] | str]) -> None:
        """Raises the error where so many bodies without an answer say that it is not the rows."""
        is_fruitless = (
            error is not None and not isinstance(error, SINGLY) and all(isinstance(one, str) for one in found)
        )
        self._fruitless = self._fruitless + 1 if is_fruitless else 0
        if error is not None and self._fruitless >= MOST_FRUITLESS:
            raise error

    def _asked(self, rows: list[Row]) -> list[dict[str, Any] | str]:
        """One call, and again as long as the endpoint has too much to do. Raises EndpointError, Stopped."""
        started, tries = time.monotonic(), 0
        while True:
            try:
                with self._pace.turn(self.stop):
                    result = score(self._endpoint, self._schema, rows).result
                self._pace.went_well()
                return by_row(result, len(rows))
            except EndpointError as error:
                tries += 1
                since = time.monotonic() - max(started, self._pace.last_good)
                if not _may_help(error, tries) or since > self._endpoint.settings.job_timeout:
                    if isinstance(error, SINGLY):
                        self._pace.went_well()  # it is there, and reads
                    raise
                pause = min(FIRST_PAUSE * 2 ** min(tries - 1, 10), LONGEST_PAUSE)
                self._pace.slow_down(max(error.retry_after or 0.0, pause))


def _groups(schema: Schema, read_rows: list[tuple[Row, str]]) -> list[list[int]]:
    """The places of those with which nothing is wrong, that can go out in one body: a body has its parameters once."""
    for_the_call = [f.name for f in schema.fields if f.parameter or f.send == "query"]
    groups: dict[str, list[int]] = {}
    for place, (row, why) in enumerate(read_rows):
        if not why:
            groups.setdefault(repr([row[name] for name in for_the_call]), []).append(place)
    return list(groups.values())


def _done(schema: Schema, plan: Plan, given: sheets.Row, read_row: tuple[Row, str], end: dict[str, Any] | str) -> Done:
    cells = [given.cells.get(name) for name in plan.sheet.columns]
    if isinstance(end, str):
        return Done(given.line, cells, error=end)
    return Done(given.line, cells, end, echoes=echoes(schema, read_row[0], end))


def _may_help(error: EndpointError, tries: int) -> bool:
    if isinstance(error, ConnectionLost):
        return tries < MOST_LOST or error.another_try
    return error.another_try or isinstance(error, Overloaded | Loading | Unreachable)


def _alike(rows: list[Row]) -> list[list[int]]:
    """The places of those with the same fields filled and lists of the same length: a tensor can hold them together."""
    kinds: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        sizes = [len(value) if isinstance(value, list) else value is None for value in row.values()]
        kinds.setdefault(repr(sizes), []).append(place)
    return list(kinds.values())


def _said(error: EndpointError | WrongInput, together: int) -> str:
    """Why `together` rows have no answer."""
    if isinstance(error, WrongInput):
        whole = error.words
    else:
        text = error.endpoint_text if error.says_why else ""
        said = f"{error.said[:1].upper()}{error.said[1:]}"
        whole = " ".join(part for part in (said, error.detail, text) if part)
    short = whole if len(whole) <= LONGEST_SAID else f"{whole[:LONGEST_SAID]}…"
    others = "another row" if together == 2 else f"{together - 1:,} other rows"
    return short if together == 1 else f"{short} (This was said of it together with {others}.)"
