"""The wire formats: listed once, committed, and only ever widened."""

import json
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from contracts.catalog import BY_SUBJECT, MESSAGES
from contracts.message import (
    Addressed,
    Command,
    DeadLetter,
    Event,
    Intake,
    Message,
    Query,
    ServiceName,
    Tell,
    addressed,
)
from contracts.streams import stream_of
from deploy.describe import CONTRACTS, asyncapi, file_name, rendered, schema_of
from tests.contract.compatibility import narrowings, outline

KINDS = {Command: "ask", Query: "ask", Tell: "tell", Event: "evt", Intake: "in", DeadLetter: "dead"}
BASELINE = CONTRACTS / "released" / "v1.json"


def all_subclasses(kind: type[Message]) -> set[type[Message]]:
    direct = set(kind.__subclasses__())
    return direct.union(*(all_subclasses(one) for one in direct)) if direct else set()


def test_every_message_is_in_the_catalogue_once() -> None:
    defined = {one for one in all_subclasses(Message) if "subject" in vars(one)}
    assert defined == set(MESSAGES)
    assert len(BY_SUBJECT) == len(MESSAGES)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_subject_and_class_name_say_the_same_words(message: type[Message]) -> None:
    words = message.subject.split(".")
    kind = next(word for cls, word in KINDS.items() if issubclass(message, cls))
    assert words[:2] == ["hallmark", kind]
    if kind in {"ask", "tell", "evt"}:
        service, noun, verb, version = words[2:]
        assert version == "v1"
        assert f"contracts.{service}.v1" in message.__module__
        # Sentences differ from grammar: `ListEvidence` is `record.list`. One of the two words must be said.
        name = message.__name__.lower()
        assert any(part.rstrip("ed")[:4] in name for part in (*noun.split("-"), verb))
    if kind != "ask":
        assert stream_of(f"{message.subject}.x")


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_committed_schema_and_example_are_those_of_the_code(message: type[Message]) -> None:
    schema = CONTRACTS / "schemas" / file_name(message)
    assert schema.read_text() == rendered(schema_of(message)), "run `make contracts` and read the difference"
    example = json.loads((CONTRACTS / "examples" / file_name(message)).read_text())
    Draft202012Validator(json.loads(schema.read_text())).validate(example)
    read = message.model_validate(example)
    assert json.loads(read.model_dump_json(by_alias=True)) == example


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_messages_are_frozen_and_readers_ignore_what_newer_writers_add(message: type[Message]) -> None:
    example = json.loads((CONTRACTS / "examples" / file_name(message)).read_text())
    read = message.model_validate({**example, "added_in_v1_99": {"x": 1}})
    for name in message.model_fields:
        with pytest.raises(ValidationError):
            setattr(read, name, "changed")


def test_nothing_is_left_behind_in_the_folders() -> None:
    names = {file_name(message) for message in MESSAGES}
    for folder in ("schemas", "examples"):
        assert {path.name for path in (CONTRACTS / folder).iterdir()} == names


def test_asyncapi_is_generated_from_the_running_applications_and_committed() -> None:
    document = asyncapi()
    assert (CONTRACTS / "asyncapi.json").read_text() == rendered(document), "run `make contracts`"
    assert document["asyncapi"].startswith("3.")
    heard = {channel["address"].removesuffix(".*.*") for channel in document["channels"].values()}
    asked = {
        addressed(message.subject, service) if issubclass(message, Addressed) else message.subject
        for message in MESSAGES
        if issubclass(message, Command | Query | Tell | Intake)
        for service in get_args(ServiceName)
    }
    assert asked <= heard, "somebody must hear everything that is asked, told or published from outside"


def test_released_messages_only_gain_optional_fields() -> None:
    released: dict[str, Any] = json.loads(BASELINE.read_text())
    for subject, before in released.items():
        assert subject in BY_SUBJECT, f"{subject} was released and is gone"
        now = outline(schema_of(BY_SUBJECT[subject]))
        assert narrowings(before, now) == []


def test_the_compatibility_check_notices_each_way_of_breaking_a_reader() -> None:
    before = {"a": "string!", "a.b": "integer", "c": "enum(x|y)"}
    assert narrowings(before, before | {"d": "string"}) == []
    assert narrowings(before, before | {"d": "string!"}) == ["d: new and required"]
    assert narrowings(before, {"a": "string!", "c": "enum(x|y)"}) == ["a.b: gone"]
    assert narrowings(before, before | {"a.b": "string"}) == ["a.b: integer became string"]
    assert narrowings(before, before | {"a.b": "integer!"}) == ["a.b: became required"]
    assert narrowings(before, before | {"c": "enum(x)"}) == ["c: enum(x|y) became enum(x)"]
    assert narrowings(before, before | {"c": "enum(x|y|z)"}) == []
