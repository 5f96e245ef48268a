"""Answers in pieces that no protocol describes: any service that answers with `text/event-stream`.

Not a dialect: a part of those that read any service. The text of an event is its data, or what stands in its JSON
under the names that such services use: OpenAI's and those of the servers that imitate it, `token.text` of
text-generation-inference, `response` of Ollama, `delta` of Anthropic and others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .. import faults
from ..errors import BadResponse, ModelFailed
from ..events import CONTENT_TYPE, Event
from ..wire import Reply, Request, read_json

NAMES = ("text", "content", "delta", "token", "response", "output", "chunk", "generated_text")
FOLDERS = ("message", "data")  # as a text they are news of the service
DEEPEST = 4
ENDS = frozenset({"[DONE]", "DONE"})
ENDING_EVENTS = frozenset({"done", "end", "close", "stop", "complete", "completed"})


def wanting_events(request: Request) -> Request:
    """The same request, which asks for its answer in pieces by its header alone."""
    return replace(request, headers={**request.headers, "Accept": CONTENT_TYPE})


def said(event: Event) -> Any:
    """The object, list or text that the JSON of an event is, else its data as it came; None for the mark of the end.

    Raises the error that the event stands for, whatever its name is.
    """
    if event.data.strip() in ENDS:
        return None
    body = event.data.encode("utf-8", "replace")
    reply = Reply(200, {}, body)
    if body.strip():
        faults.check(reply)
    try:
        found = read_json(body)
    except BadResponse:
        found = event.data
    if not isinstance(found, dict | list | str):
        found = event.data  # a number, say, in the middle of a text
    if event.name == "error":
        raise ModelFailed("The endpoint broke its answer off with an error.", upstream_status=200,
                          endpoint_text=words_of(found), body=body)  # fmt: skip
    return found


def words_of(found: Any) -> str:
    """What an error event says, where that is a text."""
    if isinstance(found, dict):
        found = next((found[key] for key in ("message", "detail", "error") if isinstance(found.get(key), str)), "")
    return " ".join(found.split()) if isinstance(found, str) else ""


def text_of(found: Any, depth: int = 0) -> str:
    """The text that one event adds; "" where none is found."""
    if isinstance(found, str):
        return found
    if depth == DEEPEST:
        return ""
    if isinstance(found, list):
        return text_of(found[0], depth + 1) if found else ""
    if not isinstance(found, dict):
        return ""
    if isinstance(found.get("choices"), list):
        return text_of(found["choices"], depth + 1)
    for name in (*NAMES, *FOLDERS):
        if isinstance(found.get(name), dict if name in FOLDERS else str | dict):
            return text_of(found[name], depth + 1)
    return ""


def chunk(event: Event) -> str:
    """The text that an event adds. What a last event says again of the whole is none."""
    found = said(event)
    return "" if event.name in ENDING_EVENTS else text_of(found)


def whole(events: Iterable[Event]) -> Any:
    """The text of all, as JSON; where no event holds any, what they say, in a list."""
    listed = list(events)
    text = "".join(chunk(event) for event in listed)
    if text:
        return text
    found = [one for one in map(said, listed) if one is not None]
    return found[0] if len(found) == 1 else found
