"""A field's hint: the owner's help and, in words, every limit that `Field.parse` holds."""

from __future__ import annotations

from ..media import file_words
from . import Field
from .patterns import compiled, pattern_words
from .values import digits


def hint(f: Field) -> str:
    pattern = unsaid_pattern(f)
    return " ".join(filter(None, [said_hint(f), f"It must match the pattern {pattern}" if pattern else ""]))


def said_hint(f: Field) -> str:
    """All but a pattern that only its own characters can say."""
    words = pattern_words(f.pattern) if f.kind == "text" and not f.choices else ""
    shape = f"{words[0].upper()}{words[1:]}." if words else ""
    return " ".join(filter(None, [_sentence(f.help), _limits(f), shape, "Sent in lower case." if f.lower else ""]))


def unsaid_pattern(f: Field) -> str:
    """A pattern that is held and that words cannot say."""
    is_held = f.kind == "text" and not f.choices and f.pattern and len(f.pattern) <= 80
    return f.pattern if is_held and compiled(f.pattern) and not pattern_words(f.pattern) else ""


def _sentence(text: str) -> str:
    """A help text with a full stop, where it ends like words."""
    return f"{text}." if text and (text[-1].isalnum() or text[-1] in ")]”’\"'%°") else text


def _limits(f: Field) -> str:
    if f.choices or f.alternatives or f.kind == "boolean":
        return ""
    if f.is_upload and f.kind != "file":
        return "" if f.help else "A picture."
    if f.kind in ("integer", "number"):
        return _range_words(f)
    if f.kind == "text":
        return " ".join(filter(None, [_FORMATS.get(f.format, ""), _length_words(f)]))
    if f.kind in ("list", "rows"):
        return " ".join(filter(None, [_separators(f), _count_words(f)]))
    if f.kind == "datetime":
        return "The time is meant in UTC."
    if f.kind in ("month", "week"):
        return f"As {'2024-02' if f.kind == 'month' else '2024-W09'}, where your browser shows no calendar."
    return {"json": "JSON.", "file": file_words(f.accept)}.get(f.kind, "")


_FORMATS = {"email": "An e-mail address.", "uri": "A full address, such as https://example.org/."}


def _length_words(f: Field) -> str:
    if f.min_length > 1 and f.max_length is not None:
        return f"{f.min_length:,} to {f.max_length:,} characters."
    if f.max_length is not None:
        return f"Up to {f.max_length:,} characters."
    return f"At least {f.min_length:,} characters." if f.min_length > 1 else ""


def _range_words(f: Field) -> str:
    whole = "A whole number" if f.kind == "integer" else "A number"
    step = f", a multiple of {digits(f.multiple_of)}" if f.multiple_of else ""
    if f.minimum is not None and f.maximum is not None:
        return f"{whole} from {digits(f.minimum)} to {digits(f.maximum)}{step}."
    least = f"{digits(f.minimum)} or more" if f.minimum is not None else ""
    least = f"more than {digits(f.above)}" if f.above is not None else least
    most = f"{digits(f.maximum)} or less" if f.maximum is not None else ""
    most = f"less than {digits(f.below)}" if f.below is not None else most
    limits = " and ".join(filter(None, [least, most]))
    return f"{whole}{', ' if limits else ''}{limits}{step}."


def _separators(f: Field) -> str:
    if f.kind == "rows":
        columns = [c.shown_label for c in f.shown_fields()]
        return f"Rows of {', '.join(columns)}, as in a spreadsheet." if len(columns) <= 12 else "Rows of a spreadsheet."
    item = f.items
    if item is not None and item.choices:
        return ""
    if item is not None and item.kind in ("list", "rows", "json"):
        return "JSON." if item.kind != "list" or _is_nested(item) else "One row a line."
    if item is None or item.kind not in ("integer", "number"):
        return "One a line."
    words = _range_words(item).rstrip(".").replace("A whole number", "Whole numbers").replace("A number", "Numbers")
    if f.is_vector:
        return f"{f.min_items:,} {words[0].lower()}{words[1:]}."
    return f"{words}, separated by spaces, commas or lines."


def _is_nested(f: Field) -> bool:
    return f.items is not None and f.items.kind in ("list", "rows", "json")


def _count_words(f: Field) -> str:
    what = "rows" if f.kind == "rows" else "values"
    least, most = f.min_items, f.max_items
    said = "No value twice." if f.unique else ""
    if f.is_vector:
        return said
    if least > 1 and most is not None:
        said = f"{least:,} {what}. {said}" if least == most else f"{least:,} to {most:,} {what}. {said}"
    elif most is not None:
        said = f"Up to {most:,} {what}. {said}"
    elif least > 1:
        said = f"At least {least:,} {what}. {said}"
    return said.strip()
