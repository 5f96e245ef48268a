"""Files of rows: a stranger's CSV, TSV, XLSX or JSON Lines -> rows, and rows -> such files. Nothing here knows a model.

`look` goes through a file once, before anything is sent, and says in a Sheet how it is to be read; whatever cannot be
read as a table is refused there. `rows` reads the rows by that Sheet, again and again and from any row on; `match`
guesses which column fills which field, and `write` writes a file. Only a row or a few are in memory at a time, but for
XLSX, whose size is looked at before it is read.
"""

from .columns import Match, match
from .reading import look, look_with_rows, rows
from .sheet import MISSING, Kind, Row, Sheet
from .writing import MOST_XLSX_ROWS, pieces, write

__all__ = [
    "MISSING",
    "MOST_XLSX_ROWS",
    "Kind",
    "Match",
    "Row",
    "Sheet",
    "look",
    "look_with_rows",
    "match",
    "pieces",
    "rows",
    "write",
]
