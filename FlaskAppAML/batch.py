"""Whole files: rows in, the same rows with their answers out, in order, whatever happens to single ones.

`run` is the way of every row of every file, from the page, a program or the command line. Rows go out in bodies of
`MAX_ROWS`, several at once but at most half of `MAX_CALLS`, so memory does not grow with the file. An endpoint that has
too much to do is asked more slowly. A body that is refused for its input is asked again in halves, until the row that
is wrong stands alone.
"""

from __future__ import annotations

import gzip
import json
import math
import threading
import time
import zlib
from array import array
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from . import sheets
from .endpoint import Endpoint
from .errors import (
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
from .results import Column, Number, Part, Result, Scores, Table, Text, as_number
from .schema import Field, Row, Schema, parse_row
from .score import score
from .sheets import Sheet
from .wire import dumps

ERROR = "error"  # the column that says why a row has no answer
LOOK_SECONDS = 1.0
FIRST_AT_ONCE = 4  # calls, until it is known that the endpoint takes more
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
MOST_LOST = 3  # calls of a body whose connection was lost; the model may have run each time
MOST_FRUITLESS = 10  # bodies in a row of which the model answered no row: then it is not the rows
FURTHER_CALLS = 20  # for a body that is refused, besides 2 log2 of its rows
LONGEST_SAID = 300
MOST_SCORES = 20  # labels that have a column each
MOST_LOOKED_AT = 12  # columns of answers, in the pictures of a result
MOST_LABELS = 1000
FEW_LABELS = 12
FEW_NUMBERS = 6  # different ones: so few are labels rather than a measure
LONGEST_LABEL = 60
MOST_NUMBERS = 100_000
BINS = 20

SINGLY = (InputRefused, InputTooLarge, WrongInput)  # said of the input, so each half may fare differently
PERHAPS = (ModelFailed, BadResponse)  # the same, where the endpoint has answered others before


# What is asked


@dataclass(frozen=True)
class Plan:
    """How a file is read, and the column that fills each field, by the field's name."""

    sheet: Sheet
    columns: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """As JSON; `Plan.revive` reads it."""
        return {"sheet": self.sheet.document(), "columns": dict(self.columns)}

    @staticmethod
    def revive(document: Mapping[str, Any]) -> Plan:
        return Plan(Sheet.revive(document["sheet"]), document["columns"])


@dataclass(frozen=True)
class Done:
    """A row that came to its end: its cells in the order of the sheet's columns, and its answer by columns or, where it
    has none, the reason in a sentence. `line` is where it stands in the file; `echoes` are columns of the answer that
    only repeat what was asked."""

    line: int
    cells: list[Any]
    answer: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    echoes: list[str] = field(default_factory=list)


def check(plan: Plan, schema: Schema) -> None:
    """Raises WrongInput where the model asks for other fields by now, or a column is not there."""
    names, columns = {f.name for f in fields_of(schema)}, set(plan.sheet.columns)
    wrong = {name: "There is no such field." for name in plan.columns if name not in names}
    wrong |= {name: "There is no such column." for name, column in plan.columns.items() if column not in columns}
    if wrong:
        raise WrongInput(fields=wrong)


def fields_of(schema: Schema) -> list[Field]:
    """Those that a cell can fill. Files cannot, and what is secret must not stand in a file that is kept."""
    return [f for f in schema.visible() if not _is_left_out(f)]


def known_names(fields: Iterable[Field]) -> list[str]:
    """What columns may be called."""
    return [name for f in fields for name in (f.name, f.wire_name, f.shown_label)]


def needed(schema: Schema) -> list[Field]:
    """The fields that must have a column."""
    return [f for f in fields_of(schema) if f.default is None and not f.may_be_left_out]


def takes_rows(schema: Schema) -> bool:
    """Whether a file of rows can be scored at all."""
    must = [f for f in schema.visible() if _is_left_out(f) and not f.may_be_left_out and f.default is None]
    return bool(fields_of(schema)) and not must


def _is_left_out(f: Field) -> bool:
    return f.is_upload or f.secret or (f.items is not None and f.items.is_upload)


def rows_at_once(endpoint: Endpoint, schema: Schema) -> int:
    """How many rows go out in one body."""
    return max(1, min(endpoint.settings.max_rows, endpoint.max_rows(schema)))


def calls_at_once(endpoint: Endpoint) -> int:
    """Half of what may be under way: the rest is for people at their forms."""
    return max(1, endpoint.settings.max_calls // 2)


# The way of the rows


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


def calls_for(endpoint: Endpoint, schema: Schema, count: int) -> int:
    """How many calls a file of so many rows takes when all goes well."""
    return -(-count // rows_at_once(endpoint, schema))


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
        """For each row its answer, or why there is none. Halves of what is refused are asked breadth first: where the
        calls do not suffice to find every wrong row, what remains together is small."""
        found: list[dict[str, Any] | str] = [""] * len(rows)
        calls = int(2 * math.log2(len(rows))) + FURTHER_CALLS

        def ask(start: int, end: int) -> EndpointError | WrongInput | None:
            """Why these have no answer."""
            try:
                found[start:end] = self._asked(rows[start:end])
            except (*SINGLY, *PERHAPS, TimedOut, ConnectionLost) as error:
                found[start:end] = [_said(error, end - start)] * (end - start)
                return error
            self._answered = True
            return None

        error = ask(0, len(rows))
        if isinstance(error, WrongInput) and len(alike := _alike(rows)) > 1:
            for places in alike:
                for place, answer in zip(places, self._answers([rows[place] for place in places]), strict=True):
                    found[place] = answer
            return found
        refused = deque([(0, len(rows), error)])
        while refused and calls >= 2:
            start, end, why = refused.popleft()
            may_help = isinstance(why, SINGLY) or (self._answered and isinstance(why, PERHAPS))
            if why is None or not may_help or end - start == 1:
                continue
            middle = (start + end) // 2
            left = ask(start, middle)
            calls -= not isinstance(left, WrongInput)  # for which nothing was sent
            if left is None and isinstance(why, InputRefused) and end - middle > 1:
                right: EndpointError | WrongInput | None = why  # then it is in the other half
                found[middle:end] = [_said(why, end - middle)] * (end - middle)
            else:
                right = ask(middle, end)
                calls -= not isinstance(right, WrongInput)
            refused += [(start, middle, left), (middle, end, right)]
        self._count(error, found)
        return found

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


def read(schema: Schema, plan: Plan, given: sheets.Row) -> tuple[Row, str]:
    """The row by the rules of the form, and what is wrong with it in a sentence for each field."""
    if given.error:
        return {}, given.error
    values = {name: given.values.get(column) for name, column in plan.columns.items()}
    row, wrong = parse_row(schema.fields, values, plan.sheet.source)
    return row, " ".join(f"{schema[name].shown_label}: {said}" for name, said in wrong.items())


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
    return Done(given.line, cells, end, echoes=_echoes(schema, read_row[0], end))


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


# Answers by row


def by_row(result: Result, count: int) -> list[dict[str, Any] | str]:
    """What an answer says of each of so many rows, by columns, in the owner's words. Raises BadResponse where it does
    not tell the rows apart."""
    rows: list[dict[str, Any]] = [{} for _ in range(count)]
    for part in result.parts:
        if part.of_table:
            continue  # a view; the table itself comes next
        if isinstance(part, Table) and part.row is None and len(part.rows) == count:
            _add_table(rows, part)
        elif count == 1 or (part.row is not None and part.row < count):
            _add(rows[part.row or 0 if count > 1 else 0], part)
    if not any(rows):
        asked = "one row" if count == 1 else f"{count:,} rows"
        raise BadResponse(f"It was asked about {asked}, and its answer cannot be told apart by rows.")
    return [row or "The endpoint gave no answer for this row." for row in rows]


def _echoes(schema: Schema, row: Row, answer: dict[str, Any]) -> list[str]:
    """Some services repeat what they were asked: those columns stand in the file already. A row alone cannot tell an
    echo from an answer that happens to be the same, so `with_names` looks at all of them."""
    found = {
        head
        for f in schema.fields
        for head in (f.name, f.wire_name)
        if head in answer and _is_same(row.get(f.name), answer[head])
    }
    return sorted(found) if len(found) < len(answer) else []


def _is_same(given: Any, echo: Any) -> bool:
    number = as_number(given)
    return str(given or "") == str(echo or "") or (number is not None and number == as_number(echo))


def _add_table(rows: list[dict[str, Any]], table: Table) -> None:
    heads: list[str] = []
    for column in table.columns:
        heads.append(_free_name(_head(column), {*rows[0], *heads}))
    for row, cells in zip(rows, table.rows, strict=True):
        row.update((head, column.named(cell)) for head, column, cell in zip(heads, table.columns, cells, strict=False))


def _add(row: dict[str, Any], part: Part) -> None:
    """One part that is all of one row's."""
    name = str(vars(part).get("name") or "answer")
    if isinstance(part, Table) and len(part.rows) == 1:
        _add_table([row], part)
    elif isinstance(part, Number):
        row[_free_name(_head(Column(name, label=part.label, unit=part.unit)), row)] = part.value
    elif isinstance(part, Text):
        row[_free_name(name, row)] = part.text
    elif isinstance(part, Scores) and part.scores:
        row[_free_name(part.label, row)] = part.scores[0].label
        row[_free_name(part.measure, row)] = part.scores[0].score
        for one in sorted(part.scores, key=lambda one: one.label)[:MOST_SCORES]:
            row[_free_name(one.label, row)] = one.score
    else:
        document = {key: value for key, value in part.document().items() if key not in ("kind", "name", "row")}
        row[_free_name(name, row)] = next(iter(document.values())) if len(document) == 1 else document


def _head(column: Column) -> str:
    named = column.label or column.name
    return f"{named} ({column.unit})" if column.unit else named


def _free_name(name: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    names = (f"{name} ({number})" if number > 1 else name for number in range(1, len(taken) + 2))
    return next(one for one in names if one not in taken)


# What is kept of rows that are done: members of gzip, one behind the other, which read as one


def packed(rows: Iterable[Done], clean: Callable[[Any], Any]) -> bytes:
    """`clean` removes secrets from a document."""
    lines = (dumps(clean([row.line, row.cells, row.answer, row.error, row.echoes])) for row in rows)
    return gzip.compress("\n".join([*lines, ""]).encode("utf-8", "replace"), 1, mtime=0)


def unpacked(pieces: Iterable[bytes]) -> Iterator[Done]:
    """Cut wherever they are."""
    inner, rest = zlib.decompressobj(31), b""
    for piece in pieces:
        while piece:
            lines = (rest + inner.decompress(piece)).split(b"\n")
            rest = lines.pop()
            yield from (Done(*json.loads(line)) for line in lines)
            piece = inner.unused_data
            if inner.eof:
                inner = zlib.decompressobj(31)


def with_names(names: list[str], rows: Iterable[Done]) -> list[str]:
    """The columns of the answers so far, in the order in which they came; without what was an echo in each row."""
    found = dict.fromkeys(names)
    for row in rows:
        if not row.answer.keys() <= found.keys():
            found.update(dict.fromkeys(name for name in row.answer if name not in row.echoes))
    return list(found)


# The result


def heads(plan: Plan, names: Iterable[str]) -> list[str]:
    """The columns of the result: those of the file, of the answers, and the reason where there is none. Without `names`
    it is a file of failed rows, to be mended and sent again."""
    found = [plan.sheet.columns[place] for place in _kept(plan)]
    for name in [*names, ERROR]:
        found.append(_free_name(name, found))
    return found


def written(plan: Plan, names: Iterable[str], rows: Iterable[Done]) -> Iterator[list[Any]]:
    """Their cells in the order of `heads`."""
    kept, names = _kept(plan), list(names)
    for row in rows:
        yield [*(row.cells[place] for place in kept), *map(row.answer.get, names), row.error or None]


def _kept(plan: Plan) -> list[int]:
    """All columns but the reasons of a former run, in a file of failed rows that was mended and comes again."""
    used = set(plan.columns.values())
    return [place for place, column in enumerate(plan.sheet.columns) if column != ERROR or column in used]


# A look at the answers


@dataclass
class _Seen:
    """What stands in a column: how often each value, or numbers that lie evenly between all."""

    counts: Counter[str] | None = field(default_factory=Counter)
    numbers: array[float] | None = field(default_factory=lambda: array("d"))
    every: int = 1
    met: int = 0

    def add(self, value: Any) -> None:
        if value is None:
            return
        if self.counts is not None:
            self.counts[str(value)[:LONGEST_LABEL]] += 1
            if len(self.counts) > MOST_LABELS:
                self.counts = None
        if self.numbers is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or (number := as_number(value)) is None:
            self.numbers = None
            return
        if self.met % self.every == 0:
            self.numbers.append(number)
            if len(self.numbers) > MOST_NUMBERS:
                self.numbers, self.every = self.numbers[::2], self.every * 2
        self.met += 1


def summary(names: list[str], rows: Iterable[Done]) -> list[dict[str, Any]]:
    """For each of the first columns of answers what a picture of it needs: `counts` of labels, most first, or `bins`
    of numbers from `low` to `high`; nothing where neither says much."""
    seen = {name: _Seen() for name in names[:MOST_LOOKED_AT]}
    for row in rows:
        for name, one in seen.items():
            one.add(row.answer.get(name))
    return [found for name, one in seen.items() if (found := _picture(name, one))]


def _picture(name: str, seen: _Seen) -> dict[str, Any] | None:
    few = seen.counts if seen.counts and len(seen.counts) <= FEW_LABELS else None
    if seen.numbers and (few is None or len(few) > FEW_NUMBERS or any(not one.is_integer() for one in seen.numbers)):
        if len(seen.numbers) < BINS:
            return None  # too few to lie in any shape
        low, high = min(seen.numbers), max(seen.numbers)
        width = (high - low) / BINS
        if not math.isfinite(width) or width <= 0:
            return None
        counted = Counter(min(BINS - 1, int((number - low) / width)) for number in seen.numbers)
        return {"name": name, "low": low, "high": high, "bins": [counted[i] * seen.every for i in range(BINS)]}
    listed = (seen.counts or Counter()).most_common()
    if not listed or listed[0][1] == 1:
        return None
    rest = sum(number for _, number in listed[FEW_LABELS:])
    return {"name": name, "counts": listed[:FEW_LABELS], "rest": rest}
