"""What every page needs: the site's own parts, and the one way that text goes into pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import current_app
from markupsafe import Markup

from ..answers import Answers, Forgetful
from ..endpoint import Endpoint
from ..errors import NotConfigured
from ..examples import Example
from ..redact import Redactor
from ..settings import Settings
from .assets import Assets

# C0 controls but tab and line breaks, DEL, and lone surrogates: legal in JSON, not in HTML or UTF-8. Bidirectional
# overrides could make the page's own words read otherwise.
UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ud800-\udfff\u202d\u202e]")


@dataclass(frozen=True)
class Site:
    """The parts that `create_app` joined. `endpoint` is None while it is not configured."""

    settings: Settings
    endpoint: Endpoint | None
    answers: Answers | Forgetful
    examples: list[Example]
    assets: Assets
    redact: Redactor
    local: bool
    demo: bool

    @property
    def model(self) -> Endpoint:
        """The endpoint. Raises NotConfigured."""
        if self.endpoint is None:
            raise NotConfigured(f"Missing: {', '.join(self.settings.missing())}.")
        return self.endpoint

    @property
    def title(self) -> str:
        return self.settings.title or (self.settings.name if self.settings.name != "model" else "FlaskAppAML")


def site() -> Site:
    """The site of the running request."""
    found: Site = current_app.extensions["site"]
    return found


def finalize(redact: Redactor) -> Callable[[Any], Any]:
    """For Jinja: every value passes here on its way into a page, before it is escaped."""

    def clean(value: Any) -> Any:
        if not isinstance(value, str) or isinstance(value, Markup):
            return value
        shown = redact(value)
        return UNSHOWABLE.sub("\ufffd", shown) if UNSHOWABLE.search(shown) else shown

    return clean
