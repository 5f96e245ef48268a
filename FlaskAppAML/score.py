"""THE PATH of one submission: encode, send, decode, present."""

from __future__ import annotations

from dataclasses import dataclass

from . import results
from .endpoint import Endpoint
from .results import Result
from .schema import Row, Schema
from .wire import Reply, Request


@dataclass(frozen=True)
class Scored:
    """An answer with what led to it. `request` holds no key: the client adds that later, on its own."""

    request: Request
    reply: Reply
    result: Result


def score(endpoint: Endpoint, schema: Schema, rows: list[Row]) -> Scored:
    """Scores `rows`, which were checked by this very `schema`: the endpoint may describe itself anew at any moment.

    Raises EndpointError.
    """
    dialect = endpoint.dialect
    request = dialect.encode(schema, endpoint.url, rows)
    reply = endpoint.without_secrets(endpoint.client.send(request))
    result = dialect.decode(schema, reply, len(rows))
    subject = str(rows[0].get(schema.subject) or "") if len(rows) == 1 else ""
    return Scored(request, reply, results.present(result, endpoint.outputs, subject))
