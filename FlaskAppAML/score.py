"""THE PATH of one submission: check pictures, encode, send, decode, present; and wait while the reply is a ticket."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import ModuleType

from . import images
from .endpoint import Endpoint
from .errors import TimedOut
from .results import Result, presentation
from .schema import Row, Schema
from .wire import Reply, Request

FIRST_LOOK = 0.2  # seconds after the ticket; each further wait is half as long again
LONGEST_LOOK = 3.0


@dataclass(frozen=True)
class Scored:
    """An answer with what led to it. `rows` hold the pictures as they were checked. `request` holds no key: the client
    adds that later, on its own."""

    request: Request
    reply: Reply
    result: Result
    rows: list[Row]


def score(endpoint: Endpoint, schema: Schema, rows: list[Row]) -> Scored:
    """Scores `rows`, which were checked by this very `schema`: the endpoint may describe itself anew at any moment.

    Whoever asks comes by here, so pictures are checked here, where they were not checked before. Raises EndpointError,
    and WrongInput for a picture that cannot be read.
    """
    rows = [images.checked_row(schema, row, endpoint.settings.image_max_side) for row in rows]
    dialect = endpoint.dialect(schema)
    started = time.monotonic()
    request = dialect.encode(schema, endpoint.url, [images.sent_row(schema, row) for row in rows])
    reply = endpoint.client.send(request)
    if hasattr(dialect, "poll"):
        reply = _final(endpoint, dialect, schema, request, reply, started + endpoint.settings.timeout)
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
