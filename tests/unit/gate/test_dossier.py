from __future__ import annotations

import itertools

import pytest

from contracts.circumstances import Circumstances, ContainedVersion
from shared.digests import sha256_digest
from shared.errors import Conflict
from shared.policy.dossier import may_be
from tests.unit.gate.gate_builders import (
    APPROVAL_TYPE,
    IMAGE,
    VERSION,
    WHEEL,
    approval,
    dossier,
    failed,
    item,
    passed,
    sbom,
    signer,
    unreadable,
)

FOREIGN = "sha256:" + "0" * 64


def test_evidence_is_added_once() -> None:
    one = item("e1", passed())
    held = dossier().with_item(one)
    assert held.with_item(one) is held
    assert held.items == (one,)


def test_the_same_id_with_other_content_is_a_conflict() -> None:
    held = dossier().with_item(item("e1", failed()))
    with pytest.raises(Conflict) as raised:
        held.with_item(item("e1", passed()))
    assert raised.value.code == "evidence_contradictory"


def test_evidence_about_something_else_is_not_taken_and_never_counts() -> None:
    foreign = item("e1", passed(), subjects=(FOREIGN,))
    assert dossier().with_item(foreign).items == ()
    assert dossier(foreign).verified == ()


def test_unverified_evidence_and_evidence_without_signer_is_held_but_does_not_count() -> None:
    half_trusted = item("e3", passed(), verified=False, signers=(signer("test"),), problem="threshold_not_met")
    held = dossier(item("e1", passed(), verified=False), item("e2", passed(), signers=()), half_trusted)
    assert held.verified == ()
    assert held.count(VERSION) == 3


def test_counts_are_by_subject_and_tell_what_is_behind() -> None:
    held = dossier(item("e1", passed(), subjects=(WHEEL, VERSION)), item("e2", sbom(), subjects=(WHEEL,)))
    assert (held.count(WHEEL), held.count(VERSION), held.count(IMAGE)) == (2, 1, 0)
    assert held.behind({WHEEL: 2, VERSION: 1}) == ()
    assert held.behind({WHEEL: 3, VERSION: 1, IMAGE: 1}) == tuple(sorted((WHEEL, IMAGE)))


def test_evidence_set_is_what_counts_without_approvals_in_any_order() -> None:
    plain = (item("e1", passed()), item("e2", sbom()))
    expected = dossier(*plain).evidence_set_digest
    noise = (
        item("a1", approval("anna", FOREIGN)),
        item("a2", unreadable(), predicate_type=APPROVAL_TYPE),
        item("u1", passed(), verified=False),
        item("f1", passed(), subjects=(FOREIGN,)),
    )
    orders = itertools.permutations((*plain, *noise), 6)
    assert {dossier(*order).evidence_set_digest for order in orders} == {expected}
    assert dossier(*plain, item("e3", sbom())).evidence_set_digest != expected


def test_a_version_without_artifacts_must_be_covered_itself() -> None:
    assert dossier(artifacts=()).covering == {VERSION: {VERSION}}
    assert list(dossier(artifacts=(WHEEL, IMAGE, WHEEL)).covering) == sorted((WHEEL, IMAGE))


def test_unreadable_content_is_judged_as_what_its_type_names_or_as_anything() -> None:
    assert may_be(item("e1", unreadable()), "tests")
    assert not may_be(item("e1", unreadable()), "sbom")
    unknown = item("e1", unreadable(), predicate_type="https://example.org/unknown")
    assert may_be(unknown, "tests")
    assert may_be(unknown, "sbom")


def test_unreadable_content_stands_in_the_way_of_the_kind_it_was_meant_to_be_only() -> None:
    vex = item("e1", unreadable().model_copy(update={"meant": "vex"}), predicate_type="https://cyclonedx.org/bom")
    assert may_be(vex, "vex")
    assert not may_be(vex, "sbom")
    # Records from before readers said what they meant are judged by their type.
    assert may_be(item("e2", unreadable(), predicate_type="https://cyclonedx.org/bom"), "sbom")
    report = unreadable().model_copy(update={"meant": "vulnerabilities"})
    scan_report = item("e3", report, predicate_type="https://hallmark.dev/attestation/sarif/v1")
    assert may_be(scan_report, "vulnerabilities")
    assert not may_be(scan_report, "tests")


def test_an_unreadable_approval_is_no_evidence_that_an_approver_answers_for() -> None:
    broken = unreadable().model_copy(update={"meant": "approval"})
    with_broken = dossier(item("e1", sbom()), item("e2", broken, predicate_type=APPROVAL_TYPE))
    assert with_broken.evidence_set_digest == dossier(item("e1", sbom())).evidence_set_digest


def contained(name: str, *artifacts: str, nested: tuple[str, ...] = ()) -> ContainedVersion:
    digest = sha256_digest(name.encode())
    return ContainedVersion(application=name, version="1", digest=digest, artifacts=artifacts, nested=nested)


def test_evidence_about_a_version_speaks_for_everything_inside_of_it_at_any_depth() -> None:
    inner = contained("inner", IMAGE)
    middle = contained("middle", nested=(inner.digest,))
    held = dossier(circumstances=Circumstances(contained=(middle, inner)))
    assert held.covering == {WHEEL: {WHEEL, VERSION}, IMAGE: {IMAGE, inner.digest, middle.digest, VERSION}}
    assert held.subjects == {VERSION, WHEEL, IMAGE, inner.digest, middle.digest}
    about_middle = item("e1", passed(), subjects=(middle.digest,))
    assert held.with_item(about_middle).verified == (about_middle,)


def test_an_artifact_in_two_contained_versions_is_spoken_for_by_either() -> None:
    one, other = contained("one", IMAGE), contained("other", IMAGE)
    held = dossier(circumstances=Circumstances(contained=(one, other)))
    assert held.covering[IMAGE] == {IMAGE, one.digest, other.digest, VERSION}
