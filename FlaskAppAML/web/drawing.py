"""The one way that values go into pages: without secrets, without what HTML cannot hold, and escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from flask.templating import Environment
from jinja2 import nodes
from jinja2.compiler import CodeGenerator
from jinja2.compiler import Frame as Scope
from markupsafe import Markup, escape

from ..redact import Redactor
from ..slots import cutter

# C0 controls but tab and line breaks, DEL, and lone surrogates: legal in JSON, not in HTML or UTF-8. Bidirectional
# overrides could make the page's own words read otherwise.
UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ud800-\udfff\u202d\u202e]")
NOT_PLAIN = re.compile(f"""[&<>"']|{UNSHOWABLE.pattern}""")


def finalize(redact: Redactor) -> Callable[[Any], str]:
    """For Jinja: what stands in a page for a value. Markup passes as it is; everything else is escaped here."""

    def shown(value: Any) -> str:
        if isinstance(value, Markup):
            return value
        text = redact(str(value))
        return escape(UNSHOWABLE.sub("\ufffd", text)) if NOT_PLAIN.search(text) else text

    return shown


class OnePass(CodeGenerator):
    """Jinja would call `escape` on what `finalize` has escaped, and make a Markup of every word of a page: a fifth of
    the time that a page takes. The hook is the one that jinja2.nativetypes uses."""

    def _output_child_pre(self, node: nodes.Expr, frame: Scope, finalize: CodeGenerator._FinalizeInfo) -> None:
        self.write(f"({finalize.src}")


class Pages(Environment):
    code_generator_class = OnePass

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """One dict: Jinja's ChainMap shows what is added later too, and is copied for each page, name by name. All of
        ours are there before the first page."""
        return {**self.globals, **(d or {})}


# Pages drawn once


class Frame:
    """A page that is drawn once, with slots for what differs from one answer to the next."""

    def __init__(self, draw: Callable[[dict[str, Markup]], str], names: Sequence[str]) -> None:
        """`draw` makes the page with a slot in place of each value."""
        slot, cut = cutter()
        self._pieces = cut(draw({name: slot(name) for name in names}))
        self._names = [name for name, _ in self._pieces[1::2]]

    def filled(self, values: Mapping[str, str]) -> str:
        """`values` are HTML already."""
        pieces = self._pieces.copy()
        pieces[1::2] = [values[name] for name in self._names]
        return "".join(pieces)
