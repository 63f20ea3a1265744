"""What a record says of a piece of evidence beside its facts: who handed it in, and what it was made for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.facts import ApprovalFacts, CoverageFacts, Signer
from contracts.vocabulary import Role
from services.evidence.domain.passage import approval_statement
from services.evidence.domain.record import own_record, record_of
from shared.policy.dossier import newest
from shared.records import item_record, read_item
from shared.trust import statement as in_toto
from shared.trust.rejudging import judged_again
from shared.trust.roots import OWN_ROOT
from shared.trust.statement import Subject
from shared.trust.verification import judge
from tests.unit.evidence.test_verification import NOW, a_payload, a_root, an_envelope

DEPLOYMENT = "https://hallmark.dev/attestation/deployment/v1"


def made_for(predicate: dict[str, Any], predicate_type: str = "urn:x") -> str | None:
    data = an_envelope(payload=a_payload(predicateType=predicate_type, predicate=predicate))
    return record_of("shop", data, judge(data, [a_root()], NOW), NOW).item.made_for


def test_the_stage_comes_from_the_signed_predicate_of_any_type() -> None:
    assert made_for({"stage": "qa"}) == "qa"
    assert made_for({"stage": "qa", "environment": "eu", "deployed_at": "2026-11-20T10:00:00Z"}, DEPLOYMENT) == "qa"
    assert made_for({"environment": "eu", "deployed_at": "2026-11-20T10:00:00Z"}, DEPLOYMENT) is None


@pytest.mark.parametrize("stage", ["", "QA", "q a", "-qa", "q" * 64, "qa\n", 1, True, None, ["qa"], {"name": "qa"}])
def test_what_is_no_name_of_a_stage_is_none(stage: Any) -> None:
    assert made_for({"stage": stage}) is None
    assert made_for({"inner": {"stage": "qa"}}) is None


def test_an_approval_is_handed_in_by_its_approver_and_made_for_its_stage() -> None:
    facts = ApprovalFacts(
        decision="approved", approver="bob", role=Role.APPROVER, stage="prod", evidence_set="sha256:" + "0" * 64
    )
    signed = approval_statement([Subject("sha256:" + "a" * 64)], facts, NOW)
    signer = Signer(key_id="sha256:" + "1" * 64, trust_root=OWN_ROOT, role="approver")
    item = own_record("shop", b"{}", in_toto.parse(signed), signer, NOW, by="bob").item
    assert (item.submitted_by, item.made_for, item.facts.kind) == ("bob", "prod", "approval")


def test_a_judgement_changes_neither_and_the_gate_takes_both_forms_for_one_piece() -> None:
    data = an_envelope(payload=a_payload(predicateType="urn:x", predicate={"stage": "qa"}))
    item = record_of("shop", data, judge(data, [a_root(predicate_types=("*",))], NOW), NOW, by="ci").item
    assert item.verified
    later = NOW + timedelta(days=1)
    changed = judged_again(item, record_of("shop", data, judge(data, [], NOW), later).item)
    assert changed
    assert (changed.item.submitted_by, changed.item.made_for, changed.item.distrusted) == ("ci", "qa", True)
    assert newest(item, changed.item) is changed.item
    assert read_item(item_record(changed.item)) == changed.item


def test_fractions_in_facts_survive_the_form_that_the_log_pins() -> None:
    kind, predicate = "https://hallmark.dev/attestation/lcov/v1", {"Data": "SF:a\nLF:3\nLH:2\nend_of_record\n"}
    data = an_envelope(payload=a_payload(predicateType=kind, predicate=predicate))
    item = record_of("shop", data, judge(data, [a_root()], NOW), NOW).item
    assert item.facts == CoverageFacts(lines=200 / 3, lines_covered=2, lines_total=3)
    assert read_item(item_record(item)) == item
