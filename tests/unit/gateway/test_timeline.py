"""What happened to a version, in order: from the services' records to one list without holes."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from contracts.evidence.v1.views import EvidenceView
from contracts.facts import ApprovalFacts, EarlierStanding, EvidenceItem, Signer
from contracts.findings import Finding
from contracts.gate.v1.commands import Passage
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.views import VerdictView
from contracts.gate.v1.waivers import WaiverState, WaiverView
from contracts.monitoring.v1.views import ReleaseTrust, TrustStep
from contracts.promotion.v1.views import BrokenGlass, PromotionView, Transition
from contracts.registry.v1.views import QuarantinedVersion, StageMove, StandingVersion, VersionView
from contracts.vocabulary import Criticality, GateKind, Outcome, PromotionKind, PromotionState, Role, Trust
from deploy.examples import example_of
from services.gateway import timeline_entries, timeline_evidence
from services.gateway.timeline import TimelineEntry, entry, page
from shared.digests import sha256_digest
from tests.unit.gateway.application_builders import an_application

NOW = datetime(2026, 6, 1, tzinfo=UTC)
THIS, OTHER, OURS = sha256_digest(b"this"), sha256_digest(b"other"), sha256_digest(b"version")
M = TypeVar("M", bound=BaseModel)


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def made(model: type[M], /, **fields: Any) -> M:
    return example_of(model).model_copy(update=fields)


def an_item(minutes: int, **more: Any) -> EvidenceItem:
    known = {"evidence_id": "ev-1", "received_at": at(minutes), "subjects": (OURS,), "made_for": None, "problem": None}
    signer = made(Signer, role="test")
    return made(EvidenceItem, **{**known, "verified": True, "distrusted": False, "signers": (signer,), **more})


def an_approval(minutes: int, evidence_set: str = THIS, **more: Any) -> EvidenceView:
    facts = ApprovalFacts(
        decision="approved", approver="bob", role=Role.APPROVER, stage="qa", evidence_set=evidence_set, reason="Seen."
    )
    return made(EvidenceView, item=an_item(minutes, facts=facts, **more), history=())


def a_verdict(minutes: int, outcome: Outcome = Outcome.PENDING, **more: Any) -> VerdictView:
    passages = (Passage(stage="qa", gate=GateKind.ENTRY),)
    known = {"verdict_id": f"vd-{minutes}", "judged_at": at(minutes), "passages": passages, "waivers": ()}
    return VerdictView.model_construct(
        **example_of(VerdictIssued).model_dump()
        | {**known, "version_digest": OURS, "outcome": outcome, "evidence_set": THIS, "findings": (), **more},
    )


def told(entries: Any) -> list[tuple[str, int, str | None, str]]:
    ordered, _ = page(entries, since=None, after=None, limit=100)
    return [(one.kind, (one.at - NOW) // timedelta(minutes=1), one.by, one.says) for one in ordered]


def test_a_version_is_registered_and_moves() -> None:
    known = {"by": "rita", "reason": "", "waivers": (), "to_stage": "qa"}
    moves = (
        made(StageMove, at=at(6), from_stage=None, kind=PromotionKind.PROMOTE, **known),
        made(StageMove, at=at(7), from_stage="dev", kind=PromotionKind.PROMOTE, **known),
        made(StageMove, at=at(8), from_stage="qa", kind=PromotionKind.RECERTIFY, **known | {"reason": "Yearly."}),
    )
    assert told(timeline_entries.of_version(a_version(history=moves, drafted_at=None))) == [
        ("version.registered", 5, "ci", "1.0 was registered with 0 artifact(s)."),
        ("version.moved", 6, "rita", "1.0 moved into qa by promote."),
        ("version.moved", 7, "rita", "1.0 moved from dev to qa by promote."),
        ("version.moved", 8, "rita", "1.0 passed the gates of qa again by recertify: Yearly."),
    ]


def a_version(**more: Any) -> VersionView:
    known = {"project": "shop", "application": "web", "version": "1.0", "digest": OURS, "artifacts": (), "history": ()}
    return VersionView.model_construct(**{**known, "created_at": at(5), "created_by": "ci", **more})


def test_a_draft_is_begun_and_sealed() -> None:
    sealed = a_version(drafted_at=NOW, contributors=("ann", "ci"))
    assert told(timeline_entries.of_version(sealed)) == [
        ("version.drafted", 0, "ci", "1.0 was begun as a draft."),
        ("version.sealed", 5, None, "1.0 was sealed with 0 artifact(s), by the hands of ann, ci."),
    ]
    open_still = a_version(drafted_at=NOW, draft=True)
    assert [one[0] for one in told(timeline_entries.of_version(open_still))] == ["version.drafted"]


def test_a_version_that_was_rolled_back_from_may_not_return() -> None:
    mine, other = (
        QuarantinedVersion(version=name, promotion_id="pr-9", reason="It leaks.", since=at(7))
        for name in ("1.0", "2.0")
    )
    board = (StandingVersion(stage="prod", version="0.9", since=at(7), quarantined=(mine, other)),)
    application = an_application(board=board)
    [one] = timeline_entries.of_standing(application, "1.0")
    assert (one.kind, one.at, one.stage, one.promotion_id) == ("version.quarantined", at(7), "prod", "pr-9")
    assert one.says.endswith("may not enter it again before it is certified there anew: It leaks.")


def test_broken_glass_is_told() -> None:
    glass = BrokenGlass(asked_by="ann", reason="Down.", asked_at=at(3), confirmed_by="bob", until=at(9))
    view = made(PromotionView, history=(), broken_glass=glass)
    assert told(timeline_entries.of_promotions([view])) == [
        ("promotion.glass", 3, "ann", "ann asked that it pass a freeze, and bob let it: Down.")
    ]


def test_evidence_is_told_as_it_stood_when_it_came_and_each_time_it_was_judged_again() -> None:
    standings = [
        made(
            EarlierStanding,
            revision=0,
            verified=False,
            distrusted=False,
            problem="signer_unknown",
            signers=(),
            until=at(1),
        ),
        made(EarlierStanding, revision=1, verified=True, distrusted=False, problem=None, until=at(5), trust_root="ci"),
    ]
    view = made(
        EvidenceView, item=an_item(0, distrusted=True, problem="distrusted"), history=standings, submitted_by="pipeline"
    )
    kind = view.item.facts.kind
    found = told(timeline_evidence.of_evidence([view], []))
    assert [one[:3] for one in found] == [
        ("evidence.received", 0, "pipeline"),
        ("evidence.rejudged", 1, None),
        ("evidence.rejudged", 5, None),
    ]
    assert found[0][3] == f"Evidence of kind {kind} came on record, unverified: signer_unknown."
    assert "was unverified and is verified" in found[1][3]
    assert "was verified and is distrusted, since the trust root ci has changed" in found[2][3]


def test_an_approval_is_withdrawn_by_the_first_verdict_on_other_evidence_at_its_stage() -> None:
    elsewhere = a_verdict(4, passages=(Passage(stage="prod", gate=GateKind.ENTRY),), evidence_set=OTHER)
    verdicts = [a_verdict(9, evidence_set=OTHER), a_verdict(6, evidence_set=OTHER), a_verdict(3), elsewhere]
    found = told(timeline_evidence.of_evidence([an_approval(2)], verdicts))
    assert [one[:3] for one in found] == [("approval.approved", 2, "bob"), ("approval.withdrawn", 6, None)]
    assert found[0][3] == "bob, approver, approved the entry into qa: Seen."
    earlier = [a_verdict(1, evidence_set=OTHER), a_verdict(3)]
    assert [one[0] for one in told(timeline_evidence.of_evidence([an_approval(2)], earlier))] == ["approval.approved"]


def test_an_approval_that_is_not_verified_is_nobodys_answer() -> None:
    forged = an_approval(2, verified=False, problem="signer_unknown", signers=())
    [one] = timeline_evidence.of_evidence([forged], [a_verdict(6, evidence_set=OTHER)])
    assert (one.kind, one.result) == ("evidence.received", "unverified")
    assert one.by != "bob"


def test_a_verdict_names_what_was_open_and_a_waived_rule_is_not() -> None:
    findings = [
        made(
            Finding,
            rule=rule,
            policy="qa",
            stage="qa",
            gate=GateKind.ENTRY,
            outcome=outcome,
            waived=waived,
            observed="None.",
        )
        for rule, outcome, waived in (
            ("open", Outcome.DENY, ()),
            ("waived", Outcome.DENY, ("wv-1",)),
            ("good", Outcome.ALLOW, ()),
        )
    ]
    [one] = timeline_entries.of_verdicts([a_verdict(1, Outcome.DENY, findings=tuple(findings), attempt=2)])
    assert one.open == ("qa entry qa/open: None.",)
    assert (one.result, one.attempt, one.says) == ("deny", 2, "The gates qa entry say deny.")


def test_every_step_of_a_promotion_is_told_in_its_order_also_within_one_moment() -> None:
    steps = [(PromotionState.REQUESTED, "x"), (PromotionState.CHECKING, "y"), (PromotionState.DENIED, "no tests")]
    history = tuple(Transition(state=state, at=NOW, because=because) for state, because in steps)
    view = made(
        PromotionView,
        broken_glass=None,
        history=history,
        requested_by="ann",
        reason="Now.",
        to_stage="qa",
        kind=PromotionKind.PROMOTE,
    )
    assert told(timeline_entries.of_promotions([view])) == [
        ("promotion.requested", 0, "ann", "Promotion to qa was asked for: Now."),
        ("promotion.checking", 0, None, "Promotion to qa: y."),
        ("promotion.denied", 0, None, "Promotion to qa: no tests."),
    ]


def test_a_waiver_is_asked_for_decided_and_ended() -> None:
    known = {
        "policy": "qa",
        "rule": "tests",
        "stage": "qa",
        "requested_by": "rita",
        "requested_at": NOW,
        "reason": "Late.",
    }
    decided = {"decided_by": "sam", "decided_at": at(1), "decision_reason": "Agreed."}
    ended = {"ended_by": "sam", "ended_at": at(2), "end_reason": "Over.", "state": WaiverState.REVOKED}
    found = told(timeline_entries.of_waivers([made(WaiverView, **known, **decided, **ended)]))
    assert [one[:3] for one in found] == [
        ("waiver.requested", 0, "rita"),
        ("waiver.granted", 1, "sam"),
        ("waiver.ended", 2, "sam"),
    ]
    refused = made(WaiverView, **known, **decided, ended_at=None, state=WaiverState.REFUSED)
    assert [one[0] for one in told(timeline_entries.of_waivers([refused]))] == ["waiver.requested", "waiver.refused"]


def test_trust_rises_and_falls_with_its_cause() -> None:
    steps = (
        TrustStep(from_trust=Trust.NONE, to_trust=Trust.TRUSTED, because="Released.", at=NOW),
        TrustStep(from_trust=Trust.TRUSTED, to_trust=Trust.REVOKED, because="Stolen.", at=at(1), by="sue"),
    )
    trust = ReleaseTrust(
        project="shop",
        application="web",
        version="1.0",
        version_digest=OURS,
        stage="prod",
        current=True,
        trust=Trust.REVOKED,
        since=at(1),
        criticality=Criticality.LOW,
        owners=(),
        components=1,
        steps=steps,
    )
    found = told(timeline_entries.of_trust(trust))
    assert [(one[0], one[2], one[3]) for one in found] == [
        ("trust.changed", None, "Trust: none → trusted. Released."),
        ("trust.changed", "sue", "Trust: trusted → revoked. Stolen."),
    ]


def entries() -> list[TimelineEntry]:
    kinds = ["trust.changed", "version.moved", "verdict.issued", "promotion.requested", "evidence.received"]
    return [entry(kind, at(minute), "", id=kind) for minute in (2, 0, 1) for kind in kinds]


def test_causes_stand_before_effects_of_the_same_moment() -> None:
    ordered, _ = page(entries(), since=None, after=None, limit=100)
    assert [one.at for one in ordered] == sorted(one.at for one in entries())
    assert [one.kind for one in ordered[:5]] == [
        "evidence.received",
        "promotion.requested",
        "verdict.issued",
        "version.moved",
        "trust.changed",
    ]


@pytest.mark.parametrize("limit", [1, 4, 5, 15, 100])
def test_pages_make_the_whole(limit: int) -> None:
    whole, end = page(entries(), since=None, after=None, limit=100)
    assert end is None
    read: list[TimelineEntry] = []
    after: str | None = None
    for _ in entries():
        part, after = page(entries(), since=None, after=after, limit=limit)
        read += part
        assert len(part) <= limit
        if after is None:
            break
    assert read == list(whole)


def test_what_may_have_holes_is_left_out() -> None:
    ordered, _ = page(entries(), since=at(1), after=None, limit=100)
    assert {one.at for one in ordered} == {at(1), at(2)}
    assert len(ordered) == 10
