from typing import Any

import pytest
from pydantic import ValidationError

from contracts.catalog import MESSAGES
from contracts.evidence.v1.commands import ApplyTrustRoot
from contracts.evidence.v1.queries import ListEvidence
from contracts.message import Command, Query
from contracts.promotion.v1.commands import DecideApproval
from contracts.registry.v1.commands import CreateVersion
from contracts.registry.v1.queries import ShowProject
from services.gateway.app import create_app
from services.gateway.derivation import may_be_absent, rest_of
from services.gateway.settings import GatewaySettings

NOT_OFFERED = {
    "ReadPositions",  # receipts carry them; the saga reads them
    "RecordRoleChange",  # asked by the gateway itself, before it makes or revokes a token
    "JudgeGates",  # asked by the promotion service, as readiness
    "LookUpTrust",  # asked by the console, for the releases on a page
    "ResolvePipeline",  # asked by the gateway itself, with the claims that it has verified
}


def test_a_body_has_the_fields_and_limits_of_its_command() -> None:
    body = rest_of(ApplyTrustRoot, name="ApplyTrustRoot", without=("project", "trust_root"))
    assert body is not None
    assert set(body.model_fields) == set(ApplyTrustRoot.model_fields) - {"command_id", "project", "trust_root"}
    good = {"keys": ["pem"], "predicate_types": ["*"], "role": "build"}
    assert body.model_validate(good).model_dump(exclude_unset=True) == {
        "keys": ("pem",),
        "predicate_types": ("*",),
        "role": "build",
    }
    bad: dict[str, Any]
    for bad in ({"predicate_types": []}, {"role": "No Role"}, {"threshold": 0}, {"valid_from": "2026-01-01T00:00:00"}):
        with pytest.raises(ValidationError):
            body.model_validate({**good, **bad})


@pytest.mark.parametrize("field", ["distrust_afer", "command_id", "project"])
def test_fields_that_do_not_belong_are_refused(field: str) -> None:
    body = rest_of(ApplyTrustRoot, name="ApplyTrustRoot", without=("project", "trust_root"))
    assert body is not None
    with pytest.raises(ValidationError, match="extra_forbidden"):
        body.model_validate({"keys": ["pem"], "predicate_types": ["*"], "role": "build", field: "x"})


def test_filters_keep_their_limits_and_refuse_misspelt_names() -> None:
    query = rest_of(ListEvidence, name="ListEvidence", without=("project",))
    assert query is not None
    assert query.model_validate({}).model_dump(exclude_unset=True) == {}
    bad: dict[str, Any]
    for bad in ({"limit": 0}, {"subjets": []}, {"subjects": ["md5:1"]}):
        with pytest.raises(ValidationError):
            query.model_validate(bad)


def test_only_bodies_without_required_fields_may_be_absent() -> None:
    approval = rest_of(DecideApproval, name="Approve", without=("project", "promotion_id", "decision"))
    version = rest_of(CreateVersion, name="CreateVersion", without=("project", "application"))
    assert approval
    assert may_be_absent(approval)
    assert version
    assert not may_be_absent(version)
    assert rest_of(ShowProject, name="ShowProject", without=("project",)) is None


def test_every_ask_is_offered_and_documented_with_its_problems() -> None:
    document = create_app(GatewaySettings()).openapi()
    assert document["openapi"] == "3.1.0"
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    offered = {operation["operationId"] for operation in operations}
    asks = {message.__name__ for message in MESSAGES if issubclass(message, Command | Query)}
    # Approvals and waivers are two operations each, one for each decision.
    assert asks - offered == {"DecideApproval", "DecideWaiver", *NOT_OFFERED}
    for operation in operations:
        for status in ("401", "404", "422", "503"):
            assert "application/problem+json" in operation["responses"][status]["content"], operation["operationId"]
        public = operation["operationId"] in {"ShowBadge", "ShowApplicationBadge"}
        assert ("security" in operation) != public, operation["operationId"]
    assert not [name for name in document["components"]["schemas"] if "__" in name]
