from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import strict_json
from shared.errors import Invalid, TooLarge

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_reads_what_any_writer_writes(value: Any) -> None:
    assert strict_json.loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b'{"a": 1, "a": 2}', "json_key_duplicate"),
        (b'[{"a": {"b": 1, "b": 1}}]', "json_key_duplicate"),
        (b'{"a": 1, "\\u0061": 2}', "json_key_duplicate"),
        (b"[NaN]", "json_number_unusable"),
        (b"[-Infinity]", "json_number_unusable"),
        (b"[1e999]", "json_number_unusable"),
        (b"[9223372036854775808]", "json_number_unusable"),
        (b"[" + b"9" * 5000 + b"]", "json_number_unusable"),
        (b'["\\ud800"]', "json_malformed"),
        (b'{"\\uDFFF": 1}', "json_malformed"),
        (b"\xef\xbb\xbf{}", "json_malformed"),
        (b'"\xff"', "json_malformed"),
        ('{"a": 1}'.encode("utf-16"), "json_malformed"),
        (b"{} {}", "json_malformed"),
        (b"", "json_malformed"),
        (b"[" * 65 + b"]" * 65, "json_too_deep"),
        (b"[" * 10_000 + b"]" * 10_000, "json_too_deep"),
        (b'{"a":' * 100_000, "json_too_deep"),
    ],
)
def test_refuses_what_two_readers_could_read_differently(document: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        strict_json.loads(document)
    assert refusal.value.code == code


def test_the_limits_themselves_are_allowed() -> None:
    assert strict_json.loads(b"[" * 64 + b"]" * 64)
    assert strict_json.loads(b"[12345]", max_bytes=7) == [12345]
    assert strict_json.loads(b'["\\ud83d\\ude00"]') == ["\U0001f600"]


def test_length_is_refused_before_reading() -> None:
    with pytest.raises(TooLarge) as refusal:
        strict_json.loads(b"[" * 8, max_bytes=7)
    assert refusal.value.code == "json_too_large"


@pytest.mark.parametrize("item", [b"[]", b"1", b"{}"])
def test_many_small_values_are_refused_before_they_take_memory(item: bytes) -> None:
    with pytest.raises(TooLarge) as refusal:
        strict_json.loads(b"[" + (item + b",") * (strict_json.MAX_VALUES + 1) + item + b"]")
    assert refusal.value.code == "json_values_many"


def test_an_object_is_not_any_value() -> None:
    assert strict_json.loads_object(b'{"a": []}') == {"a": []}
    with pytest.raises(Invalid):
        strict_json.loads_object(b"[]")
