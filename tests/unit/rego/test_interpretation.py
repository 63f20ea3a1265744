"""Abuse case 35: whatever is not a literal true or false is no answer."""

import json

import pytest

from shared.rego.question import (
    MAX_EXPLANATION,
    UNDEFINED,
    Granted,
    Question,
    Refused,
    Undecided,
    interpret,
)


@pytest.mark.parametrize("value", [True, {"should_allow": True}, {"should_allow": True, "explanation": 7, "x": None}])
def test_only_a_literal_true_grants(value: object) -> None:
    assert isinstance(interpret(value), Granted)


@pytest.mark.parametrize("value", [False, {"should_allow": False}, {"should_allow": False, "allow": True}])
def test_only_a_literal_false_refuses(value: object) -> None:
    assert isinstance(interpret(value), Refused)


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        1,
        1.0,
        "",
        "true",
        "false",
        "<undefined>",
        [],
        [True],
        {},
        {"allow": True},
        {"should_allow": 1},
        {"should_allow": "true"},
        {"should_allow": None},
        {"should_allow": [True]},
        {"should_allow": {"should_allow": True}},
        {"Should_Allow": True},
        (True,),
        object(),
    ],
    ids=lambda value: "object" if type(value) is object else repr(value),
)
def test_anything_else_is_undecided(value: object) -> None:
    answer = interpret(value)
    assert isinstance(answer, Undecided)
    assert answer.code == "rego_result_malformed"


def test_undefined_is_undecided() -> None:
    answer = interpret(UNDEFINED, ["it is fine"])
    assert isinstance(answer, Undecided)
    assert answer.code == "rego_undefined"


@pytest.mark.parametrize("value", [False, UNDEFINED, "true", None])
@pytest.mark.parametrize("messages", [(), ("all is well",), ({"should_allow": True},), (True,)])
def test_messages_never_grant(value: object, messages: tuple[object, ...]) -> None:
    assert not isinstance(interpret(value, messages), Granted)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("no tests", "no tests"),
        (["b", "a"], "b; a"),
        ([{"msg": "no tests", "severity": 3}, {"code": 1}], 'no tests; {"code":1}'),
        ("two\nlines\tand \x1b[31mred", "two lines and [31mred"),
        (["", "x"], "x"),
        (7, "7"),
    ],
)
def test_the_explanation_is_one_line(said: object, expected: str) -> None:
    assert interpret({"should_allow": False, "explanation": said}) == Refused(
        expected, json.dumps({"explanation": said, "should_allow": False}, separators=(",", ":"), ensure_ascii=False)
    )


def test_the_explanation_comes_from_the_answer_before_the_messages() -> None:
    assert interpret(value=False, messages=["from deny"]) == Refused("from deny", "false")
    answer = interpret({"should_allow": False, "explanation": "own"}, ["from deny"])
    assert isinstance(answer, Refused)
    assert answer.explanation == "own"


def test_explanation_and_details_are_bounded() -> None:
    answer = interpret({"should_allow": True, "explanation": "x" * 100_000})
    assert isinstance(answer, Granted)
    assert len(answer.explanation) == MAX_EXPLANATION
    assert len(answer.details) == 4_000


def test_a_question_is_named_by_policy_and_input_together() -> None:
    assert Question("ab", "c").key != Question("a", "bc").key
    assert Question("a", "b").key == Question("a", "b").key
    assert Question.about("p", {"b": 1, "a": "é"}) == Question("p", '{"a":"é","b":1}')
