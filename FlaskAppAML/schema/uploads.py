"""A file that somebody gave: as an upload, in base64 or as a data URL."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Any

from ..media import content_type_of, data_url
from .values import InvalidValue


@dataclass(frozen=True)
class Upload:
    """A file that somebody gave. `content_type` is what its name says, or failing that what its sender says: good
    enough to pass on, not to trust."""

    data: bytes = field(repr=False)
    name: str = "file"
    content_type: str = "application/octet-stream"

    def base64(self) -> str:
        return base64.b64encode(self.data).decode("ascii")

    def data_url(self) -> str:
        return f"data:{self.content_type};base64,{self.base64()}"


def unpacked(value: Any) -> Upload:
    """A file in base64 (RFC 4648, 4) or as a data URL. Raises InvalidValue."""
    if not isinstance(value, str):
        raise InvalidValue("Send the file in base64 or as a data URL.")
    text = value.strip()
    found = data_url(text)
    if found is None and text[:5].lower() == "data:":
        raise InvalidValue("Send a data URL in base64.")
    content_type, coded = found or ("", text)
    try:
        data = base64.b64decode("".join(coded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValue("Send the file in base64 or as a data URL.") from None
    return Upload(data, "file", content_type_of("", content_type))


def without_files(value: Any) -> Any:
    """A row with the digest of each file in its place: what makes two submissions the same."""
    if isinstance(value, Upload):
        return f"sha256:{hashlib.sha256(value.data).hexdigest()}"
    if isinstance(value, dict):
        return {name: without_files(one) for name, one in value.items()}
    return [without_files(one) for one in value] if isinstance(value, list) else value
