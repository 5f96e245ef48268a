"""Real exchanges with model servers (`vectors/`), as our own types."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from FlaskAppAML.wire import Reply

VECTORS = Path(__file__).parent / "vectors"
HOST = "https://model.example"


def vectors_of(dialect: str) -> dict[str, dict[str, Any]]:
    """The exchanges of one dialect, by name."""
    found = (json.loads(path.read_text("utf-8")) for path in sorted(VECTORS.glob("*.json")))
    return {vector["name"]: vector for vector in found if vector["dialect"] == dialect}


def url_of(vector: dict[str, Any]) -> str:
    path = str(vector["request"]["path"])
    return path if path.startswith("http") else HOST + path


def body_of(body: Any) -> bytes:
    """A body as bytes: JSON, `{"$text": ...}` or `{"$base64": ...}`."""
    if isinstance(body, dict) and "$text" in body:
        return str(body["$text"]).encode()
    if isinstance(body, dict) and "$base64" in body:
        return base64.b64decode(body["$base64"] + "=" * (-len(body["$base64"]) % 4)) if body["$base64"] != "..." else b""
    return json.dumps(body).encode()


def reply_of(vector: dict[str, Any]) -> Reply:
    response = vector["response"]
    headers = {name.lower(): str(value) for name, value in (response.get("headers") or {}).items()}
    return Reply(int(response["status"]), headers, body_of(response.get("body")))
