from datetime import timedelta

import pytest

from shared.policy.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "length", "normal"),
    [
        ("30d", timedelta(days=30), "30d"),
        ("24h", timedelta(days=1), "1d"),
        ("36h", timedelta(hours=36), "36h"),
        ("90m", timedelta(minutes=90), "90m"),
    ],
)
def test_reads_and_writes_one_normal_form(text: str, length: timedelta, normal: str) -> None:
    assert parse_duration(text) == length
    assert format_duration(length) == normal


@pytest.mark.parametrize("text", ["", "30", 30, 1.5, "0d", "-1d", "1 d", "1w", "1d\n", "٣d", "99999d", None])
def test_refuses_what_has_no_unit_or_no_length(text: object) -> None:
    with pytest.raises(ValueError, match="a whole number"):
        parse_duration(text)
