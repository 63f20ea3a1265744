from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import base64_text


@given(st.binary(max_size=60))
def test_both_alphabets_are_read(value: bytes) -> None:
    assert base64_text.decode(base64.b64encode(value).decode()) == value
    assert base64_text.decode(base64.urlsafe_b64encode(value).decode()) == value


@pytest.mark.parametrize(
    "text", ["AB==", "AAB=", "AA", "AAAA\n", " AAAA", "AA==AAAA", "-+AA", "A", "====", "äAAA", "AAAA="]
)
def test_any_other_spelling_is_refused(text: str) -> None:
    assert base64_text.decode(text) is None
