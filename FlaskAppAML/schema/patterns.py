"""Regular expressions of descriptions (`pattern` of JSON Schema, ECMA-262), matched in bounded time.

Python's matcher can take time that grows exponentially with the text, and a description is not trusted: a pattern whose
loops could do that is not matched at all, and left to the endpoint's own check.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_PATTERN = 500
LONGEST_MATCHED = 10_000  # characters; a longer text is left to the endpoint's own check
MOST_STEPS = 10**7  # of one search; a tenth of a second at the worst


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in `text`, as JSON Schema means it. What cannot be checked in time passes: the
    endpoint checks it anyway."""
    found = compiled(pattern)
    if found is None:
        return True
    expression, loops, ways = found
    if len(text) > LONGEST_MATCHED or len(text) ** loops * ways > MOST_STEPS:
        return True
    return expression.search(text) is not None


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> tuple[re.Pattern[str], int, int] | None:
    """A pattern of ECMA-262 as Python's, with the number of its loops and of ways through its branches.

    None where it cannot be read, or could take for ever: a loop around something whose length varies can take time
    that grows exponentially.
    """
    if len(pattern) > LONGEST_PATTERN:
        return None
    pieces = _PIECE.findall(pattern)
    cost = _cost(pieces)
    if cost is None:
        return None
    try:
        return re.compile("".join(map(_python, pieces)), re.ASCII), *cost
    except (re.error, OverflowError, RecursionError, ValueError):
        return None


_DIGIT = ("digit", "digits")
_KNOWN = {
    r"\d": _DIGIT,
    "[0-9]": _DIGIT,
    "[A-Z]": ("capital letter", "capital letters"),
    "[a-z]": ("small letter", "small letters"),
    **dict.fromkeys(("[A-Za-z]", "[a-zA-Z]"), ("letter", "letters")),
    **dict.fromkeys(("[A-Za-z0-9]", "[a-zA-Z0-9]"), ("letter or digit", "letters or digits")),
    **dict.fromkeys(("[A-Z0-9]", "[0-9A-Z]"), ("capital letter or digit", "capital letters or digits")),
    **dict.fromkeys(("[a-z0-9]", "[0-9a-z]"), ("small letter or digit", "small letters or digits")),
    **dict.fromkeys(("[0-9a-f]", "[a-f0-9]"), ("digit or small letter up to f", "digits or small letters up to f")),
}
_COUNT = re.compile(r"\{(\d{1,4})(?:(,)(\d{0,4}))?\}")
MOST_WORDS = 5  # parts that are still read as words


@lru_cache(maxsize=1024)
def pattern_words(pattern: str) -> str:
    """A pattern of the usual shapes in words: "2 capital letters, then 4 digits"; "" for any other."""
    pieces = _PIECE.findall(pattern) if len(pattern) <= LONGEST_PATTERN else []
    if len(pieces) < 3 or pieces[0] != "^" or pieces[-1] != "$" or compiled(pattern) is None:
        return ""
    said: list[str] = []
    literal, rest = "", pieces[1:-1]
    for place, piece in enumerate(rest):
        after = rest[place + 1] if place + 1 < len(rest) else ""
        if _QUANTIFIER.fullmatch(piece):
            continue
        plain = piece[1] if re.fullmatch(r"\\[^A-Za-z0-9]", piece) else piece
        if piece in _KNOWN:
            said += [f"“{literal}”"] if literal else []
            literal = ""
            said.append(_counted(*_KNOWN[piece], after))
        elif (
            len(plain) == 1 and (plain != piece or plain not in "()[].|^$*+?{}\\") and not _QUANTIFIER.fullmatch(after)
        ):
            literal += plain
        else:
            return ""
    said += [f"“{literal}”"] if literal else []
    return ", then ".join(said) if all(said) and len(said) <= MOST_WORDS else ""


def _counted(one: str, several: str, quantifier: str) -> str:
    """ "" for what may be missing."""
    if quantifier == "+":
        return several
    found = _COUNT.fullmatch(quantifier)
    least, comma, most = found.groups() if found else ("1", None, None)
    if quantifier in ("*", "?") or not int(least):
        return ""
    if comma:
        return f"{least} to {most} {several}" if most else f"at least {least} {one if least == '1' else several}"
    return f"{least} {one if least == '1' else several}"


_QUANTIFIER = re.compile(r"[*+?]|\{\d*,?\d*\}")
_PIECE = re.compile(
    rf"\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<[A-Za-z]\w*>))?|{_QUANTIFIER.pattern}|.", re.DOTALL
)


def _cost(pieces: list[str]) -> tuple[int, int] | None:
    loops, ways = int(not pieces or pieces[0] != "^"), 1  # a search tries every place
    varies = [False]  # for each open group, whether its length does
    repeats = False  # whether that of the thing before does
    was_quantifier = False
    for piece in pieces:
        is_quantifier = _QUANTIFIER.fullmatch(piece) is not None
        if is_quantifier and was_quantifier:
            if piece != "?":
                return None
        elif is_quantifier:
            count = re.fullmatch(r"\{(\d+)\}", piece)
            if repeats or (count and int(count[1]) > 1000):
                return None
            varies[-1] |= not count
            loops, ways = loops + (not count and piece != "?"), ways * (2 if piece == "?" else 1)
        elif piece[0] == "(":
            varies.append(False)
        elif piece == ")" and len(varies) > 1:
            repeats = varies.pop()
            varies[-1] |= repeats
        elif piece == "|":
            varies[-1], ways = True, ways * 2
        else:
            repeats = False
        was_quantifier = is_quantifier
    return loops, ways


def _python(piece: str) -> str:
    """`$` is the very end there, and Python sees operators in sets where there are none."""
    if piece == "$":
        return r"\Z"
    if len(piece) > 1 and piece[0] == "[":
        if piece in ("[]", "[^]") or "--" in piece:
            raise ValueError
        return "[" + re.sub(
            r"\\.|[\[&~|]", lambda found: found[0] if found[0][0] == "\\" else f"\\{found[0]}", piece[1:]
        )
    return f"(?P{piece[2:]}" if re.match(r"\(\?<[A-Za-z]", piece) else piece
