"""Typed values as JSON, and back: what a job keeps of its question. What JSON cannot say stands in an object with one
key that begins with $."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

from .images import Picture
from .schema import Upload


def pack(value: Any) -> bytes:
    return json.dumps(_packed(value)).encode()


def unpack(data: bytes) -> Any:
    return json.loads(data, object_hook=_unpacked)


def _packed(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"$number": str(value)}
    if isinstance(value, Picture):  # as it was checked, so that it need not be again
        return {"$picture": [value.name, value.content_type, value.base64(), value.width, value.height]}
    if isinstance(value, Upload):
        return {"$file": [value.name, value.content_type, value.base64()]}
    if isinstance(value, list | tuple):
        return [_packed(one) for one in value]
    if not isinstance(value, dict):
        return value
    inside = {name: _packed(one) for name, one in value.items()}
    return {"$object": list(inside.items())} if len(inside) == 1 and next(iter(inside)).startswith("$") else inside


def _unpacked(found: dict[str, Any]) -> Any:
    if len(found) != 1:
        return found
    ((key, inside),) = found.items()
    if key == "$number":
        return Decimal(inside)
    if key == "$file":
        name, content_type, data = inside
        return Upload(base64.b64decode(data), name, content_type)
    if key == "$picture":
        name, content_type, data, width, height = inside
        return Picture(base64.b64decode(data), name, content_type, width, height)
    return dict(inside) if key == "$object" else found
