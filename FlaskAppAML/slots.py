"""HTML that is drawn once and cut where values go, so that only the values are new from page to page.

Whoever draws writes `slot("value")` for what is not known yet; `cut` then takes the HTML apart at these places.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

from markupsafe import Markup

Slot = tuple[str, str]  # what goes there, and of which choice, box or field
Pieces = list[Any]  # HTML and slots in turn: HTML at the even places, a Slot at the odd ones
MakeSlot = Callable[..., Markup]
Cut = Callable[[str], Pieces]


def cutter() -> tuple[MakeSlot, Cut]:
    """What makes slots, and what cuts HTML at them. `what` is a word, `which` may be a word too."""
    mark = f"\ue000{secrets.token_hex(8)}:"  # no text of an endpoint can hold it, for it is made here and now
    places = re.compile(f"{mark}([\\w-]+):([\\w-]*)\ue001")

    def slot(what: str, which: Any = "") -> Markup:
        return Markup(f"{mark}{what}:{which}\ue001")  # noqa: S704 - ours

    def cut(html: str) -> Pieces:
        parts = places.split(html)
        pieces: Pieces = [None] * (2 * (len(parts) // 3) + 1)
        pieces[::2], pieces[1::2] = parts[::3], list(zip(parts[1::3], parts[2::3], strict=True))
        return pieces

    return slot, cut
