from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tables import csv_text

FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u200b=1", "\uff1d1", "\u202e=1", "\n=1"]


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", [*FORMULAS, '=HYPERLINK("http://x.example","y")', "=cmd|' /C calc'!A0"])
def test_what_a_spreadsheet_would_run_is_defused(text: str) -> None:
    [_, [cell]] = cells(csv_text(["name"], [[text]]))
    assert cell.startswith("'")
    [[heading]] = cells(csv_text([text], []))
    assert heading.startswith("'"), "headings, too"


def test_numbers_and_times_stay_what_they_are() -> None:
    at = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    written = csv_text(["a", "b", "c", "d", "e"], [[-1, 2.5, None, True, at]])
    assert written == '"a","b","c","d","e"\r\n-1,2.5,"","true","2026-01-02T01:00:00.000000Z"\r\n'


def test_quotes_lines_and_directions_are_kept_apart_from_the_table() -> None:
    written = csv_text(["name"], [['say "hi", ann'], ["two\nlines"], ["user\u202etxt.exe"], ["a-b"], ["naïve 名"]])
    assert written.count("\r\n") == 6
    rows = [row[0] for row in cells(written)[1:]]
    assert rows == ['say "hi", ann', "two\\nlines", "user\\u202etxt.exe", "a-b", "naïve 名"]


@given(st.lists(st.text(max_size=12), min_size=2, max_size=2))
def test_no_text_leaves_its_cell_or_begins_as_a_formula(texts: list[str]) -> None:
    rows = cells(csv_text(["a", "b"], [texts]))
    assert len(rows) == 2
    assert len(rows[1]) == 2
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in rows[1])
