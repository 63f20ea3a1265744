"""Two engines are run against each other: on policies as people write them, and on made-up ones."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.rego.engine import EvaluationFailed, check, evaluate
from shared.rego.question import Answer, Granted, Refused, Undecided, interpret
from tests.support.counts import say
from tests.support.gate_policies import HAND_MADE, INPUTS, RELEASE, release_input, second_opinion

pytestmark = pytest.mark.thorough


def first_opinion(source: str, document: Any) -> Answer | str:
    try:
        return interpret(evaluate(source, json.dumps(document)).value)
    except EvaluationFailed:
        return "failed"


HAND_MADE_AGREED: dict[str, int] = {}


@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made_policies_are_judged_alike(name: str) -> None:
    source = HAND_MADE[name]
    package = check(source).package
    for document in (*INPUTS, release_input(10), release_input(10, critical=True), release_input(10, approvers=1)):
        assert first_opinion(source, document) == second_opinion(source, document, package), document
    HAND_MADE_AGREED[name] = len(INPUTS) + 3


def test_all_hand_made_policies_were_judged() -> None:
    if HAND_MADE_AGREED:
        say("Rego: two engines agree on hand-made policies, inputs", sum(HAND_MADE_AGREED.values()))


def test_the_release_gate_says_what_its_author_meant() -> None:
    def said(**changes: Any) -> Answer | str:
        result = evaluate(RELEASE, json.dumps(release_input(20, **changes)))
        return interpret(result.value, result.messages)

    assert isinstance(said(), Granted)
    for changes in ({"critical": True}, {"approvers": 2}, {"critical": True, "approvers": 1}):
        assert isinstance(said(**changes), Refused), changes
    result = evaluate(RELEASE, json.dumps(release_input(20, critical=True, approvers=2)))
    assert [one["msg"] for one in result.messages if isinstance(one, dict)] == ["1 of 2 approvals", "CVE-9 is open"]


FIELDS = ("a", "b", "c")
VALUES = st.sampled_from([True, False, 0, 1, 2, "x", "y", None])
ITEMS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "a": VALUES,
        "b": VALUES,
        "items": st.lists(ITEMS, max_size=4),
        "names": st.lists(st.sampled_from("xyz")),
    },
)


@st.composite
def conditions(draw: st.DrawFn, about: str = "input") -> str:
    field, value = draw(st.sampled_from(FIELDS)), json.dumps(draw(VALUES))
    return draw(
        st.sampled_from(
            [
                f"{about}.{field} == {value}",
                f"{about}.{field} != {value}",
                f"not {about}.{field}",
                f"{about}.{field}",
                f"is_string({about}.{field})",
                f"{about}.{field} in input.names",
                f"not {about}.{field} in {{1, {value}}}",
            ]
        )
    )


@st.composite
def lines(draw: st.DrawFn, place: int) -> str:
    names = x, y, z = f"x{place}", f"y{place}", f"z{place}"
    inner, other, third = ("; ".join(draw(st.lists(conditions(name), min_size=1, max_size=3))) for name in names)
    number = draw(st.integers(0, 3))
    return draw(
        st.sampled_from(
            [
                draw(conditions()),
                f"count([{y} | some {y} in input.items; {other}]) >= {number}",
                f"count({{{y}.a | some {y} in input.items; {other}}}) == {number}",
                f"every {z} in input.items {{ {third} }}",
                f"some {x} in input.items; {inner}",
                "helper",
                "not helper",
                "check(input.items)",
            ]
        )
    )


@st.composite
def policies(draw: st.DrawFn) -> str:
    body = st.integers(1, 3).flatmap(lambda length: st.tuples(*map(lines, range(length))))
    bodies = draw(st.lists(body, min_size=1, max_size=3))
    allow = [f"allow if {{\n\t{chr(10).join(body)}\n}}" for body in bodies]
    default = draw(st.sampled_from(["", "default allow := false\n"]))
    rest = [f"helper if {{ {draw(conditions())} }}", f"check(l) if {{ some x in l; {draw(conditions('x'))} }}"]
    return "package g\n" + default + "\n".join([*allow, *rest]) + "\n"


AGREED = {Granted: 0, Refused: 0, Undecided: 0, str: 0}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(policies(), st.lists(DOCUMENTS, min_size=1, max_size=4))
def test_made_up_policies_are_judged_alike(source: str, documents: list[Any]) -> None:
    for document in documents:
        first = first_opinion(source, document)
        assert first == second_opinion(source, document, "g"), (source, document)
        AGREED[type(first)] += 1


def test_made_up_policies_had_all_kinds_of_answers() -> None:
    counted = {kind.__name__: count for kind, count in AGREED.items() if count}
    if counted:
        assert {"Granted", "Refused", "Undecided"} <= set(counted)
        say("Rego: two engines agree on made-up policies", counted)
