"""What a promotion is in CDEvents, held against the standard's own schemas."""

import itertools
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import ValidationError

from contracts.cdevents import Cdevent
from contracts.headers import Meta, decode
from contracts.message import Event
from contracts.promotion.v1.events import ApprovalDecided
from contracts.vocabulary import Outcome, PromotionState
from services.promotion import cdevents, wire
from services.promotion.domain.facts import APPROVAL, Admitted, Attested, Cancelled, DeadlinePassed, Fact
from services.promotion.domain.promotion import Promotion
from services.promotion.equipment import PromotionSettings, load_equipment
from shared.crypto import keys
from shared.messaging.outbox import outgoing
from tests.support.builders import a_message
from tests.support.cdevents_standard import require_valid, with_schemas
from tests.unit.promotion.promotion_builders import (
    DEADLINE,
    NOW,
    a_finding,
    a_promotion,
    a_verdict,
    advance,
    attested,
    moved,
    refused,
    requested,
    withdrawn,
)

S = PromotionState
AWAITED = a_verdict(Outcome.PENDING, a_finding(Outcome.PENDING, awaits=APPROVAL))
ALLOW = a_verdict(Outcome.ALLOW, name="vd-allow")
DENY = a_verdict(Outcome.DENY, name="vd-deny")
WITHDRAWN = "the passage is withdrawn in the log at 9"
ATTESTED = attested(verdict_id="vd-allow")
CLOSINGS: list[tuple[Fact, str]] = [
    (DENY, "rejected"),
    (Cancelled("ann", "no"), "cancelled"),
    (DeadlinePassed(), "expired"),
]


def life(*facts: Fact, draft: bool = False, **changes: Any) -> list[dict[str, Any]]:
    """Everything a promotion says in CDEvents, from request to the last of `facts`, as it stands on the wire."""
    promotion = requested(**changes)
    steps: list[tuple[Promotion, tuple[Event, ...]]] = [(promotion, (wire.requested(promotion),))]
    for fact in (Admitted(), *facts):
        at = DEADLINE if isinstance(fact, DeadlinePassed) else NOW
        after = advance(promotion, fact, at)
        steps.append((after, wire.said(promotion, after, at)))
        promotion = after
    return [
        on_the_wire(one)
        for after, events in steps
        for event in events
        for one in cdevents.told(after, event, draft=draft)
    ]


def on_the_wire(one: Cdevent) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(one.model_dump_json(by_alias=True))
    return body


def types(said: list[dict[str, Any]]) -> list[str]:
    return [".".join(one["context"]["type"].split(".")[2:4]) for one in said]


def test_a_promotion_is_a_pipeline_run_and_trust_is_said_last() -> None:
    said = life(ALLOW, ATTESTED, moved(), route=a_promotion().route.model_copy(update={"release": True}))
    assert types(said) == [
        "pipelinerun.queued",
        "pipelinerun.started",
        "pipelinerun.finished",
        "hallmark-release.trusted",
    ]
    queued, started, finished, trusted = (one["context"] for one in said)
    for before, after in ((queued, started), (started, finished), (finished, trusted)):
        assert after["links"] == [{"linkType": "PATH", "from": {"contextId": before["id"]}}]
    assert len({one["id"] for one in (queued, started, finished, trusted)}) == 4
    (chain,) = {one["chainId"] for one in (queued, started, finished, trusted)}
    assert UUID(chain).version == 4
    assert {one["subject"]["id"] for one in said[:3]} == {"pr-1"}
    assert said[2]["subject"]["content"]["outcome"] == "success"
    assert said[2]["customData"]["hallmark"]["event"] == "promotion.completed"


@with_schemas
def test_all_that_is_said_is_what_the_standard_asks_for() -> None:
    answer = a_message(ApprovalDecided, approver="eve & co", decision="rejected")
    lives = [
        life(AWAITED, ALLOW, ATTESTED, moved(), draft=True),
        *(life(AWAITED, end, draft=True) for end, _ in CLOSINGS),
    ]
    said = [*itertools.chain(*lives), *map(on_the_wire, cdevents.told(waiting(), answer, draft=True))]
    assert len(set(types(said))) == 7
    for one in said:
        require_valid(one)
    with pytest.raises(ValidationError):
        require_valid(said[0] | {"more": 1})


@pytest.mark.parametrize(
    ("facts", "outcome", "errors"),
    [
        ((DENY,), "failure", "what was there"),
        ((Cancelled("ann", "not today"),), "cancel", "not today"),
        ((DeadlinePassed(),), "failure", "awaits the gates"),
        (
            (ALLOW, ATTESTED, refused("version_elsewhere"), withdrawn()),
            "error",
            "said the registry; the passage is withdrawn in the log at 9",
        ),
    ],
)
def test_how_a_promotion_ends_is_the_outcome_of_the_run(facts: tuple[Fact, ...], outcome: str, errors: str) -> None:
    finished = life(*facts)[-1]
    assert finished["context"]["type"] == cdevents.FINISHED
    assert finished["subject"]["content"]["outcome"] == outcome
    assert errors in finished["subject"]["content"]["errors"]


def test_approvals_are_said_only_where_the_draft_is_asked_for() -> None:
    assert "approval.created" not in types(life(AWAITED, ALLOW))
    said = life(AWAITED, ALLOW, draft=True)
    assert types(said) == ["pipelinerun.queued", "pipelinerun.started", "approval.created", "approval.closed"]
    assert said[2]["subject"]["content"]["requestor"] == "urn:hallmark:actor:ann"
    assert said[3]["subject"]["content"]["status"] == "approved"
    assert said[3]["context"]["links"][0]["from"]["contextId"] == said[2]["context"]["id"]


@pytest.mark.parametrize(("end", "status"), CLOSINGS)
def test_an_approval_that_nobody_waits_for_any_more_is_closed(end: Fact, status: str) -> None:
    closed = next(one for one in life(AWAITED, end, draft=True) if one["context"]["type"] == cdevents.APPROVAL_CLOSED)
    assert closed["subject"]["content"]["status"] == status


def test_an_approval_after_a_stale_verdict_is_another_one() -> None:
    stale = Attested(1, "vd-allow", ATTESTED.passage_digest, 7, "new evidence came", {})
    again = a_verdict(Outcome.PENDING, a_finding(Outcome.PENDING, awaits=APPROVAL), attempt=2)
    denied = a_verdict(Outcome.DENY, attempt=2, name="vd-x")
    said = life(AWAITED, ALLOW, stale, again, denied, draft=True)
    approvals = [one["subject"]["id"] for one in said if "approval" in one["context"]["type"]]
    assert approvals == ["pr-1/approval/1"] * 2 + ["pr-1/approval/2"] * 2


def test_a_promotion_without_approvals_closes_none() -> None:
    assert not [one for one in types(life(ALLOW, ATTESTED, moved(), draft=True)) if one.startswith("approval")]


def test_the_draft_is_asked_for_by_a_setting(tmp_path: Path) -> None:
    (tmp_path / "gate.pem").write_text(keys.public_pem(keys.generate().public_key()))
    draft = PromotionSettings(service="promotion", issuers_dir=tmp_path, cdevents_draft="0.6")
    assert load_equipment(draft).cdevents_draft
    assert not load_equipment(PromotionSettings(service="promotion", issuers_dir=tmp_path)).cdevents_draft


def test_each_answer_of_a_person_updates_the_approval() -> None:
    promotion = waiting()
    answers = [
        a_message(ApprovalDecided, approver=name, decision=decision)
        for name, decision in (("bob", "approved"), ("eve & co", "rejected"))
    ]
    said = [on_the_wire(one) for answer in answers for one in cdevents.told(promotion, answer, draft=True)]
    assert types(said) == ["approval.updated"] * 2
    assert [one["subject"]["content"]["responder"] for one in said] == [
        "urn:hallmark:actor:bob",
        "urn:hallmark:actor:eve%20%26%20co",
    ]
    assert len({one["context"]["id"] for one in said}) == 2
    assert not [one for answer in answers for one in cdevents.told(promotion, answer, draft=False)]


def waiting() -> Promotion:
    return advance(a_promotion(), AWAITED, NOW)


def test_the_same_fact_has_the_same_id_and_the_headers_are_those_of_the_cdevent() -> None:
    promotion = waiting()
    (one,) = cdevents.told(promotion, wire.requested(promotion), draft=False)
    assert one == cdevents.told(promotion, wire.requested(promotion), draft=False)[0]
    cause = Meta(message_id="m", correlation_id="c", source="/x", time=NOW)
    row = outgoing(one, service="promotion", cause=cause, place=3, at=DEADLINE)
    assert row.subject == "hallmark.evt.promotion.cdevent.published.v1.shop.cart"
    attributes = {
        name: decode(row.headers[f"ce-{name}"]) for name in ("id", "source", "type", "subject", "specversion")
    }
    assert attributes == {
        "id": one.context.id,
        "source": "/hallmark/promotion",
        "type": cdevents.QUEUED,
        "subject": "pr-1",
        "specversion": "1.0",
    }
    assert row.headers["ce-time"] == one.attributes()["time"]
    assert "project" not in json.loads(row.body)
