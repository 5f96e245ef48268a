"""THE PATH of one submission: check pictures, encode, send, decode, present; and wait while the reply is a ticket.
`stream` is the same path for an answer that comes in pieces."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType

from . import events, images
from .cache import Cache, key_of
from .endpoint import Endpoint
from .errors import EndpointError, InputRefused, TimedOut, Unsupported
from .events import Event
from .redact import MARK, SHORTEST_FORM, InPieces, Redactor
from .results import Result, presentation
from .schema import Row, Schema
from .wire import Reply, Request, dumps

FIRST_LOOK = 0.2  # seconds after the ticket; each further wait is half as long again
LONGEST_LOOK = 3.0
NOT_IN_PIECES = 406  # Not Acceptable: nothing has run, and as little after a 400 or 422
REFUSED = (400, 422)
WHOLE_SECONDS = 600.0  # in which an endpoint that refused pieces is not asked for them again
ABOUT_PIECES = re.compile(r"\bstream(ing|ed)?\b", re.IGNORECASE)


@dataclass(frozen=True)
class Scored:
    """An answer with what led to it. `rows` hold the pictures as they were checked. `request` holds no key: the client
    adds that later, on its own. `cached`: an equal request had this reply before, and nothing was sent."""

    request: Request
    reply: Reply
    result: Result
    rows: list[Row]
    cached: bool = False


def score(endpoint: Endpoint, schema: Schema, rows: list[Row], *, fresh: bool = False) -> Scored:
    """Scores `rows`, which were checked by this very `schema`: the endpoint may describe itself anew at any moment.
    A `fresh` answer is asked of the endpoint, whatever is remembered, and replaces that.

    Whoever asks comes by here, so pictures are checked here, where they were not checked before. Raises EndpointError,
    and WrongInput for a picture that cannot be read.
    """
    try:
        return _at_once(endpoint, schema, rows, fresh=fresh)
    except EndpointError as error:
        _forget_secrets(error, schema, rows)
        raise


def _at_once(endpoint: Endpoint, schema: Schema, rows: list[Row], *, fresh: bool) -> Scored:
    rows = [images.checked_row(schema, row, endpoint.settings.image_max_side) for row in rows]
    dialect = endpoint.dialect(schema)
    started = time.monotonic()
    request = dialect.encode(schema, endpoint.url, [images.sent_row(schema, row) for row in rows])
    cache = _cache(endpoint, schema, rows)
    key = key_of(request) if cache else b""
    if cache and not fresh and (known := cache.get(key)):
        return replace(_scored(endpoint, dialect, schema, rows, request, known), cached=True)
    reply = endpoint.client.send(request)
    if hasattr(dialect, "poll"):
        reply = _final(endpoint, dialect, schema, request, reply, started + endpoint.settings.timeout)
    if events.are_events(reply.headers) and hasattr(dialect, "whole"):
        reply = _joined(dialect, schema, reply, [event for event in events.read([reply.body]) if event])
    scored = _scored(endpoint, dialect, schema, rows, request, reply)
    if cache:  # only now: what could not be read is a failure, and none is kept
        cache.put(key, scored.reply, only_instead=fresh)
    return scored


def _cache(endpoint: Endpoint, schema: Schema, rows: list[Row]) -> Cache | None:
    """None where nothing may be remembered: what would come in pieces differs each time, and an answer to a secret is
    for whoever typed it."""
    if endpoint.cache is None or endpoint.streams(schema) or any(schema.secrets(row) for row in rows):
        return None
    return endpoint.cache


def _forget_secrets(error: EndpointError, schema: Schema, rows: list[Row]) -> None:
    """A failure can name what somebody typed in secret, and is kept and logged as an answer is not."""
    secrets = [secret for row in rows for secret in schema.secrets(row)]
    if any(len(secret) < SHORTEST_FORM for secret in secrets):  # it cannot be told from ordinary text
        error.pass_through(lambda text: text and MARK)
    elif secrets:
        error.pass_through(Redactor(secrets))


def _scored(
    endpoint: Endpoint, dialect: ModuleType, schema: Schema, rows: list[Row], request: Request, reply: Reply
) -> Scored:
    reply = endpoint.without_secrets(reply)
    result = dialect.decode(schema, reply, len(rows))
    subject = str(rows[0].get(schema.subject) or "") if len(rows) == 1 else ""
    return Scored(request, reply, presentation.present(result, endpoint.outputs, subject), rows)


def _final(
    endpoint: Endpoint, dialect: ModuleType, schema: Schema, request: Request, reply: Reply, until: float
) -> Reply:
    """The reply that is no ticket any more. Raises TimedOut when there is none `until` then (monotonic seconds)."""
    wait = FIRST_LOOK
    asked, first = request, reply
    while following := dialect.poll(schema, reply, asked):
        if time.monotonic() + wait >= until:
            raise TimedOut(f"Its job was not done within {endpoint.settings.timeout:g} seconds.", tries=first.tries)
        time.sleep(wait)
        wait = min(wait * 1.5, LONGEST_LOOK)
        asked, reply = following, endpoint.client.send(following, until)
    return reply


# In pieces


def stream(
    endpoint: Endpoint, schema: Schema, rows: list[Row], secrets: Iterable[str] = ()
) -> Generator[str, None, Scored]:
    """The texts of the answer as they come, and at the end what `score` would return. "" stands for a second of
    silence, in which whoever reads can find out that nobody listens any more: closing this ends the call.

    `secrets` are removed besides those of the settings, also where two pieces meet. Raises EndpointError.
    """
    if not endpoint.streams(schema) or time.monotonic() < endpoint.whole_until.get(schema, 0.0):
        return score(endpoint, schema, rows)
    try:
        return (yield from _in_pieces(endpoint, schema, rows, secrets))
    except EndpointError as error:
        _forget_secrets(error, schema, rows)
        raise


def _in_pieces(
    endpoint: Endpoint, schema: Schema, rows: list[Row], secrets: Iterable[str]
) -> Generator[str, None, Scored]:
    dialect = endpoint.dialect(schema)
    clean = InPieces(Redactor([*endpoint.settings.secrets(), *secrets]))
    rows = [images.checked_row(schema, row, endpoint.settings.image_max_side) for row in rows]
    request = dialect.encode(schema, endpoint.url, [images.sent_row(schema, row) for row in rows])
    wanted = dialect.in_pieces(request)
    try:
        with endpoint.client.streaming(wanted) as (reply, pieces):
            if events.are_events(reply.headers):
                reply = yield from _coming(dialect, schema, reply, pieces, clean)
    except (InputRefused, Unsupported) as error:
        if not _refuses_pieces(error):
            raise
        scored = score(endpoint, schema, rows)
        endpoint.whole_until[schema] = time.monotonic() + WHOLE_SECONDS
        return scored
    return _scored(endpoint, dialect, schema, rows, wanted, reply)


def _refuses_pieces(error: EndpointError) -> bool:
    """Whether the service turned the call away because its answer should come in pieces. Of an error that came as one
    of the pieces the status is 200."""
    if error.upstream_status in REFUSED:
        return "stream" in error.fields or ABOUT_PIECES.search(error.endpoint_text) is not None
    return error.upstream_status == NOT_IN_PIECES


def _coming(
    dialect: ModuleType, schema: Schema, reply: Reply, pieces: Iterator[bytes], clean: InPieces
) -> Generator[str, None, Reply]:
    started = time.monotonic()
    kept: list[Event] = []
    for event in events.read(pieces):
        if event is None:
            yield ""
        else:
            kept.append(event)
            if text := clean(dialect.chunks(schema, event)):
                yield text
    if text := clean.rest():
        yield text
    return _joined(dialect, schema, replace(reply, seconds=reply.seconds + time.monotonic() - started), kept)


def _joined(dialect: ModuleType, schema: Schema, reply: Reply, kept: list[Event]) -> Reply:
    """The reply as it would have come in one. Raises the error that one of the events stands for."""
    body = dumps(dialect.whole(schema, kept)).encode("utf-8", "replace")
    return replace(reply, body=body, headers={**reply.headers, "content-type": "application/json"})
