"""Which licences lists name, what an expression makes of that, and which lists are refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from contracts.vocabulary import Outcome
from shared.errors import Invalid
from shared.policy.policy import read_policy
from tests.unit.gate.gate_builders import (
    document,
    policy,
    rule,
)
from tests.unit.gate.license_builders import ALLOW, DENY, LISTS, PENDING, A, answer, attached, outcome, use


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", ALLOW),
        ("mit", ALLOW),
        ("MIT OR GPL-3.0-only", ALLOW),
        ("MIT AND GPL-3.0-only", DENY),
        ("MIT AND (GPL-3.0-only OR Apache-2.0)", ALLOW),
        ("MIT OR GPL-3.0-only AND Apache-2.0", ALLOW),
        ("(MIT OR GPL-3.0-only) AND AGPL-3.0", DENY),
        ("MPL-2.0", PENDING),
        ("MPL-2.0 AND MIT", PENDING),
        ("MPL-2.0 OR GPL-2.0-only", PENDING),
        ("MPL-2.0 AND GPL-2.0-only", DENY),
        ("LGPL-2.1+", ALLOW),
        ("LGPL-2.1", DENY),
        ("Apache-2.0+", ALLOW),
        ("GPL-2.0", DENY),
        ("GPL-2.0+", DENY),
        ("GPL-2.0-or-later WITH Classpath-exception-2.0", DENY),
        ("Apache-2.0 WITH LLVM-exception", DENY),
        ("LicenseRef-ours", PENDING),
        ("LicenseRef-MIT-TC", PENDING),
        ("ISC", DENY),
        ("BSD", DENY),
        ("Apache 2.0", DENY),
        ("NOASSERTION", DENY),
        ("MIT AND NONE", DENY),
        ("MIT OR", DENY),
        ("MIT/Apache-2.0", DENY),
        ("()", DENY),
        ("", DENY),
        ("LLVM-exception", DENY),
        ("MİT OR MIT", DENY),
    ],
)
def test_or_takes_the_best_branch_and_the_worst(expression: str, expected: Outcome) -> None:
    assert outcome(expression) is expected


@pytest.mark.parametrize(
    ("lists", "expression", "expected"),
    [
        ({"deny": ["MIT"], "allow": ["M*", "MIT"]}, "MIT", DENY),
        ({"review": ["MIT"], "allow": ["MIT"]}, "MIT", PENDING),
        ({"allow": ["Apache-*"]}, "Apache-2.0", ALLOW),
        ({"allow": ["Apache-*"]}, "Apache-of-ours", DENY),
        ({"allow": ["Apache-*"]}, "Apache-2.0 WITH LLVM-exception", ALLOW),
        ({"allow": ["Apache-*"]}, "Apache-2.0 WITH Made-up", DENY),
        ({"deny": ["Apache-*"], "unknown": "allow"}, "Apache-of-ours", DENY),
        ({"allow": ["LicenseRef-ours-*"]}, "LicenseRef-ours-1 AND DocumentRef-x:LicenseRef-y", DENY),
        ({"allow": ["LicenseRef-ours-*"]}, "LicenseRef-ours-1", ALLOW),
        ({"allow": ["Apache-2.0 with LLVM-exception"]}, "Apache-2.0 WITH LLVM-exception", ALLOW),
        ({"allow": ["Apache-2.0 with LLVM-exception"]}, "Apache-2.0", DENY),
        ({"deny": ["GPL-2.0-only"], "unknown": "allow"}, "GPL-2.0-only WITH Classpath-exception-2.0", DENY),
        ({"deny": ["GPL-2.0-only"], "allow": ["G*"]}, "GPL-2.0-only WITH Classpath-exception-2.0", DENY),
        (
            {"deny": ["GPL-2.0"], "allow": ["GPL-2.0-only WITH Classpath-exception-2.0"]},
            "GPL-2.0-only WITH Classpath-exception-2.0",
            ALLOW,
        ),
        ({"review": ["GPL-2.0-only"], "allow": ["GPL-*"]}, "GPL-2.0-only WITH Classpath-exception-2.0", PENDING),
        ({"deny": ["MPL-1.1"], "unknown": "allow"}, "MPL-1.1+", DENY),
        ({"deny": ["GPL-*"]}, "ISC", PENDING),
        ({"deny": ["GPL-*"], "unknown": "allow"}, "ISC", ALLOW),
        ({"allow": ["MIT"], "unknown": "review"}, "ISC", PENDING),
        ({"review": ["GPL-*"], "unknown": "deny"}, "ISC", DENY),
    ],
)
def test_the_strictest_list_holds_and_patterns_name_what_begins_alike(
    lists: dict[str, Any], expression: str, expected: Outcome
) -> None:
    assert outcome(expression, **lists) is expected


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * 400 + "MIT" + ")" * 400,
        "MIT AND " * 130 + "MIT OR",
        "(MIT OR (ISC AND " * 50,
        "x" * 1100,
        "MIT " * 270,
        "a\x00",
    ],
)
def test_hostile_text_is_not_known(hostile: str) -> None:
    given = answer(LISTS, attached(use(hostile, A)))
    assert given.outcome is DENY
    assert len(given.observed) < 300


@generated(st.text(alphabet="MIT()+ANDOR with-2.0é\x00:/LicenseRef", max_size=60))
def test_no_text_breaks_the_rule(text: str) -> None:
    assert answer(LISTS, attached(use(text, A))).outcome in (ALLOW, DENY, PENDING)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "give at least one of `allow`, `deny` and `review`"),
        ({"allow": []}, "spec.rules[0].allow"),
        ({"allow": ["MIT"], "unknown": "allow"}, "everything is allowed"),
        ({"review": ["MPL-*"], "waivable": False}, "this rule is not waivable"),
        ({"deny": ["GPL-*"], "waivable": False}, "this rule is not waivable"),
        ({"deny": ["GPL-3.0-onyl"]}, "`GPL-3.0-onyl` is no SPDX licence id"),
        ({"deny": ["GPL-3.0-onyl"]}, "did you mean `gpl-3.0-only`"),
        ({"deny": ["GLP-*"]}, "`GLP-*` is no SPDX licence id"),
        ({"deny": ["*"]}, "`*` is no SPDX licence id"),
        ({"deny": ["MIT OR ISC"]}, "`MIT OR ISC` is no SPDX licence id"),
        ({"deny": ["LLVM-exception"]}, "`LLVM-exception` is no"),
        ({"deny": ["NONE"]}, "`NONE` is no"),
        ({"deny": [3]}, "spec.rules[0].deny[0]"),
        ({"deny": ["MIT"], "unknown": "ignore"}, "spec.rules[0].unknown"),
    ],
)
def test_lists_that_ask_for_nothing_or_name_nothing_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_policy(document(rule("licenses", **fields)))
    assert words in raised.value.message


def test_the_normal_form_says_what_becomes_of_the_rest() -> None:
    for fields, unknown in (({"allow": ["MIT"]}, "deny"), ({"deny": ["GPL-*"]}, "review")):
        read = policy(rule("licenses", **fields))
        normal: Any = read.normal_form()
        assert normal["spec"]["rules"][0]["unknown"] == unknown
        assert read_policy(normal).digest == read.digest
