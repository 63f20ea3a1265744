r"""Tables as CSV that a spreadsheet shows and does not run.

- A text that a spreadsheet would take for a formula is defused with an apostrophe in front: one that begins, blanks and
  invisible signs left out, with `=`, `+`, `-`, `@`, a tab or a carriage return, or a full-width form of the four.
- Control characters and signs that turn the direction of writing are written as escapes, such as `\n` and `\u202e`: a
  cell stays one line, and what is seen is in the order in which it is stored.
- Every text is quoted, numbers are not; a quote inside is doubled. Lines end with CR LF.

Sources: RFC 4180; OWASP, "CSV Injection"; Unicode Technical Report 36 for bidirectional controls.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from contracts.vocabulary import utc

MEDIA_TYPE = "text/csv"
_BEGINS = frozenset("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table with its heading. Cells are texts, numbers, booleans, times (written in UTC) or None (left empty)."""
    made = io.StringIO()
    writer = csv.writer(made, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([_text(one) for one in columns])
    writer.writerows([_cell(one) for one in row] for row in rows)
    return made.getvalue()


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return value
        case datetime():
            return utc(value)
        case _:
            return _text(str(value))


def _text(text: str) -> str:
    shown = "".join(_shown(sign) for sign in text)
    seen = next((sign for sign in text if sign in _BEGINS or not _is_unseen(sign)), "")
    return f"'{shown}" if seen in _BEGINS and seen else shown


def _shown(sign: str) -> str:
    if sign in _SHORT:
        return _SHORT[sign]
    # Cc: control, Cf: format (directions, joiners, soft hyphens), Cs: half of a pair, Zl and Zp: separators.
    is_hidden = unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return f"\\u{ord(sign):04x}" if is_hidden else sign


def _is_unseen(sign: str) -> bool:
    return sign.isspace() or unicodedata.category(sign) in {"Cc", "Cf", "Zl", "Zp"}
