"""Real exchanges with model servers (`vectors/`), as our own types, and what a Result means in their neutral form."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from FlaskAppAML import faults
from FlaskAppAML.errors import EndpointError
from FlaskAppAML.results import Boxes, Images, Number, Part, Result, Scores, Spans, Table, Text, Vector
from FlaskAppAML.wire import Reply

VECTORS = Path(__file__).parent / "vectors"
HOST = "https://model.example"
PICTURE = "iVBORw0KGgo="  # stands where the samples only say "<base64 ...>"


def vectors_of(dialect: str) -> dict[str, dict[str, Any]]:
    """The exchanges of one dialect, by name; "" for those of all."""
    found = (json.loads(path.read_text("utf-8")) for path in sorted(VECTORS.glob("*.json")))
    return {vector["name"]: vector for vector in found if dialect in ("", vector["dialect"])}


def url_of(vector: dict[str, Any]) -> str:
    path = str(vector["request"]["path"])
    return path if path.startswith("http") else HOST + path


def body_of(body: Any) -> bytes:
    """A body as bytes: JSON, `{"$text": ...}` or `{"$base64": ...}`."""
    if isinstance(body, dict) and "$text" in body:
        return str(body["$text"]).encode()
    if isinstance(body, dict) and "$base64" in body:
        return (
            base64.b64decode(body["$base64"] + "=" * (-len(body["$base64"]) % 4)) if body["$base64"] != "..." else b""
        )
    return json.dumps(_with_pictures(body)).encode()


def _with_pictures(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_pictures(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_pictures(item) for item in value]
    return PICTURE if isinstance(value, str) and value.startswith("<base64") else value


def reply_of(vector: dict[str, Any]) -> Reply:
    response = vector["response"]
    headers = {name.lower(): str(value) for name, value in (response.get("headers") or {}).items()}
    return Reply(int(response["status"]), headers, body_of(response.get("body")))


def refused(vector: dict[str, Any]) -> EndpointError | None:
    """None for an answer. The error that the exchange is held to be; that it is the right one is checked here."""
    expected = vector["expected"].get("error")
    if expected is None:
        faults.check(reply_of(vector))
        return None
    with pytest.raises(EndpointError) as caught:
        faults.check(reply_of(vector))
    assert caught.value.kind == expected["kind"]
    assert expected["message"] in caught.value.endpoint_text
    return caught.value


def fails(vector: dict[str, Any]) -> bool:
    """That the exchange is read as a failure of the expected kind. Use it as `assert fails(...)`."""
    kind = vector["expected"]["error"]["kind"]
    with pytest.raises(EndpointError) as caught:
        faults.check(reply_of(vector))
    assert caught.value.kind == ("unsupported" if kind == "bad_request" else kind)
    return True


# What a Result means

TYPES = {"INT": "integer", "UINT": "integer", "FP": "number", "BOOL": "boolean", "BYTES": "string"}


def agrees(expected: dict[str, Any], result: Result) -> bool:
    """Whether the result says all that is expected, in its order; it may say more. Use it as `assert agrees(...)`:
    where it does not, it says which fact is missing among which."""
    facts = _facts(means(result))
    left = iter(facts)
    for wanted in _facts(expected):
        is_none = wanted == {"labels": []} and not any("labels" in fact for fact in facts)
        assert is_none or any(_same(wanted, fact) for fact in left), f"{wanted} is not in {facts}"
    return True


def means(result: Result) -> dict[str, Any]:
    """The result in the neutral form of the samples: one fact, or `{"multi": [facts]}`."""
    facts: list[dict[str, Any]] = []
    for part in result.parts:
        fact = _fact(part)
        if facts and part.row and facts[-1].keys() == fact.keys():
            _join(facts[-1], fact)
        elif fact:
            facts.append(fact)
    return facts[0] if len(facts) == 1 else {"multi": facts}


def _facts(meant: dict[str, Any]) -> list[dict[str, Any]]:
    return meant.get("multi", [meant]) if meant else []


def _fact(part: Part) -> dict[str, Any]:
    match part:
        case Table():
            columns = [{"name": c.name, "type": c.type} for c in part.columns]
            return {"rows": {"columns": columns, "rows": part.rows}}
        case Number():
            kind = "integer" if isinstance(part.value, int) else "number"
            return {"rows": {"columns": [{"name": part.name or "prediction", "type": kind}], "rows": [[part.value]]}}
        case Vector():
            column = {"name": part.name or "embedding", "type": f"vector[{len(part.values)}]"}
            return {"rows": {"columns": [column], "rows": [[part.values]]}}
        case Scores():
            return {"labels": [[{"label": s.label, "score": s.score} for s in part.scores]]}
        case Boxes():
            return {"boxes": {"units": part.units, "boxes": [vars(box) for box in part.boxes]}}
        case Spans():
            return {"spans": [vars(span) for span in part.spans]}
        case Images():
            return {"image": [{"content_type": i.content_type, "base64": i.base64} for i in part.images]}
        case Text():
            return {"text": part.text}
    return {}


def _join(before: dict[str, Any], fact: dict[str, Any]) -> None:
    """Parts of several rows are one fact."""
    for key, value in fact.items():
        if isinstance(value, list):
            before[key] = before[key] + value
        elif isinstance(value, dict):
            inner = "rows" if key == "rows" else "boxes"
            before[key] = {**before[key], inner: before[key][inner] + value[inner]}
        else:
            before[key] = f"{before[key]}\n{value}"


def _same(wanted: dict[str, Any], fact: dict[str, Any]) -> bool:
    if "image" in wanted and "image" in fact:
        return [_picture(i) for i in wanted["image"]] == [_picture(i) for i in fact["image"]] or (
            wanted["image"][0]["content_type"] == "image/*"
        )
    if "rows" in wanted and "rows" in fact:
        return wanted["rows"]["rows"] == fact["rows"]["rows"] and _columns(wanted) == _columns(fact)
    return {key: value for key, value in wanted.items() if key != "thumb"} == fact


def _picture(image: dict[str, Any]) -> tuple[str, str]:
    return image["content_type"], str(image["base64"]).rstrip("=")


def _columns(fact: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and types, those of tensors as the JSON types that they come in."""
    columns = [(column["name"], str(column["type"])) for column in fact["rows"]["columns"]]
    return [(name, TYPES.get(type_.rstrip("0123456789"), type_)) for name, type_ in columns]
