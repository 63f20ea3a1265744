"""Canonical JSON is one byte form, and its quick way through plain lists and objects changes none of it."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.vocabulary import Outcome
from shared.digests import canonical_digest, canonical_json, sha256_digest

SAFE = st.integers(-(2**53) + 1, 2**53 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = st.none() | st.booleans() | SAFE | TEXT
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=25)


def written(value: object) -> str:
    """RFC 8785 in its plainest words, as far as values without fractions go."""
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{written(key)}:{written(value[key])}" for key in keys) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@given(VALUES)
@example({"\U0001f600": 1, "\uff5e": 2})
def test_the_bytes_are_those_of_the_standard(value: object) -> None:
    assert canonical_json(value) == written(value).encode()  # type: ignore[arg-type]


@given(st.dictionaries(TEXT, st.lists(LEAVES)))
def test_other_types_of_list_and_object_have_the_same_bytes(value: dict[str, list[bool | int | str | None]]) -> None:
    other = MappingProxyType({key: tuple(items) for key, items in value.items()})
    assert canonical_json(other) == canonical_json(value)


def test_words_of_a_list_are_texts() -> None:
    assert canonical_json({Outcome.DENY: [Outcome.ALLOW]}) == b'{"deny":["allow"]}'


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (0.5, "floats"),
        ([0.5], "floats"),
        ({"a": {"b": [1, 0.5]}}, "floats"),
        (2**53, "integer"),
        ([-(2**53)], "integer"),
        ({1: "a"}, "key 1"),
        ([{None: "a"}], "key None"),
        ({"a": {"b": "c", 2: 2}}, "key 2"),
        ([{"a"}], "set"),
    ],
)
def test_what_has_no_canonical_form_is_refused_however_deep(value: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        canonical_json(value)  # type: ignore[arg-type]


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical_json(["\ud800"])


@given(st.lists(st.fixed_dictionaries({"b": TEXT, "a": TEXT})))
def test_a_list_of_small_objects_is_digested_as_it_is_written(value: list[dict[str, str]]) -> None:
    assert canonical_digest(value) == sha256_digest(written(value).encode())
