"""The statements that Hallmark itself signs: passages through gates, their withdrawals, and approvals.

- A passage is attested twice, so that tools that know nothing of Hallmark can check it: as a SLSA Verification Summary
  (VSA v1) and as an in-toto simple verification result (SVR v0.2). Both name every artifact by digest.
- The summary names the verdict it rests on, the waivers that this one needed, and whether the version was taken back or
  certified again, in a field of Hallmark's own. A result has no place for that.
- A result lists what was passed and nothing else: there is none for a gate that was not passed.
- It lists all evidence that was used, or none: VSA allows nothing in between.
- A withdrawal names the summary by its digest. It says that the passage did not take place, and erases nothing.
- A failed passage claims the level `FAILED` and no other; a passed one never claims it.
- The same arguments give the same bytes.

Source: slsa-framework/slsa spec/verification_summary.md; in-toto/attestation spec/v1/statement.md and
spec/predicates/svr.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.facts import ApprovalFacts
from contracts.vocabulary import ActorKind, Digest, PromotionKind, StageName, utc
from shared.digests import JsonValue, canonical_json
from shared.errors import Invalid
from shared.trust.statement import APPROVAL_TYPE, STATEMENT_TYPE, WITHDRAWAL_TYPE, Subject

PASSAGE_TYPE = "https://slsa.dev/verification_summary/v1"
RESULT_TYPE = "https://in-toto.io/attestation/svr/v0.2"
_SLSA_VERSION = "1.0"
_FAILED = "FAILED"


@dataclass(frozen=True)
class Resource:
    """Something that was read for the decision."""

    uri: str
    digest: Digest


@dataclass(frozen=True)
class Passage:
    """One version's passage through one gate, as it is attested."""

    subjects: tuple[Subject, ...]
    """The version and each of its artifacts."""
    verdict_id: str
    """The verdict that let it through."""
    verifier_id: str
    verifier_version: str
    verified_at: datetime
    resource_uri: str
    """What was let through, and where to: the version's own URI."""
    policy_uri: str
    policy_digest: Digest
    """Of the sorted list of the digests of `policies`."""
    policies: tuple[Resource, ...]
    inputs: tuple[Resource, ...]
    """The envelopes of all evidence that was used; empty to say nothing about it."""
    passed: bool
    levels: tuple[str, ...]
    """Names of what was reached, `SLSA_BUILD_LEVEL_2` or an own word; must be empty unless passed."""
    waivers: tuple[str, ...] = ()
    """Ids of those that the verdict needed."""
    kind: PromotionKind = PromotionKind.PROMOTE


@dataclass(frozen=True)
class Withdrawal:
    """A passage that was attested, and did not take place."""

    subject: Subject
    """The version."""
    promotion_id: str
    attempt: int
    passage_digest: Digest
    """Of the signed summary."""
    because: str


_IN_PLACE_OR_BACK = frozenset({PromotionKind.DEMOTE, PromotionKind.RECERTIFY})
"""The kinds that a summary names: of others nothing was said when there were no more, and nothing is said now."""


def levels_of(to_stage: StageName, *, release: bool, trusted: bool) -> tuple[str, ...]:
    """What a passage reaches: the stage, or a release; only a trusted one is called so, and by nothing else."""
    if release and trusted:
        return ("HALLMARK_TRUSTED_RELEASE",)
    stage = f"HALLMARK_STAGE_{to_stage.upper()}"
    return ("HALLMARK_RELEASE", stage) if release else (stage,)


def passage_statement(passage: Passage) -> bytes:
    """The canonical bytes of the statement. Raises `Invalid` when it would contradict itself."""
    if passage.passed != bool(passage.levels) or _FAILED in passage.levels:
        raise Invalid(
            "passage_levels_contradict",
            "A passed gate names the levels it grants, a failed one none.",
            remedy="Name at least one level exactly when the gate was passed.",
        )
    return _statement(
        passage.subjects,
        PASSAGE_TYPE,
        {
            "verifier": {"id": passage.verifier_id, "version": {"hallmark": passage.verifier_version}},
            "timeVerified": utc(passage.verified_at),
            "resourceUri": passage.resource_uri,
            "policy": {"uri": passage.policy_uri, "digest": _digest_set(passage.policy_digest)},
            "inputAttestations": _resources(passage.inputs),
            "verificationResult": "PASSED" if passage.passed else _FAILED,
            "verifiedLevels": sorted(set(passage.levels)) if passage.passed else [_FAILED],
            "slsaVersion": _SLSA_VERSION,
            "hallmark_verdict": _verdict(passage),
        },
    )


def result_statement(passage: Passage) -> bytes:
    """The same as a simple verification result. Raises `Invalid` unless the gate was passed."""
    if not passage.passed or not passage.levels or _FAILED in passage.levels:
        raise Invalid(
            "result_not_passed",
            "A simple verification result lists what was passed.",
            remedy="Attest a gate that was not passed as a verification summary alone.",
        )
    return _statement(
        passage.subjects,
        RESULT_TYPE,
        {
            "verifier": {"id": passage.verifier_id, "policies": _resources(passage.policies)},
            "timeCreated": utc(passage.verified_at),
            "properties": sorted(set(passage.levels)),
        },
    )


def withdrawal_statement(withdrawal: Withdrawal, withdrawn_at: datetime) -> bytes:
    """The canonical bytes of the statement that an attested passage did not take place."""
    return _statement(
        [withdrawal.subject],
        WITHDRAWAL_TYPE,
        {
            "passage": {"digest": _digest_set(withdrawal.passage_digest)},
            "promotion": withdrawal.promotion_id,
            "attempt": withdrawal.attempt,
            "because": withdrawal.because,
            "withdrawn_at": utc(withdrawn_at),
        },
    )


def approval_statement(subjects: Sequence[Subject], approval: ApprovalFacts, decided_at: datetime) -> bytes:
    """The canonical bytes of the statement that somebody approved or rejected, at `decided_at`.

    Raises `Invalid` when it would have no subject.
    """
    return _statement(
        subjects,
        APPROVAL_TYPE,
        {
            "decision": approval.decision,
            "approver": approval.approver,
            "role": approval.role.value,
            "stage": approval.stage,
            "evidence_set": approval.evidence_set,
            "reason": approval.reason,
            # Statements about people stay as they were before there were others.
            **({} if approval.approver_kind is ActorKind.HUMAN else {"approver_kind": approval.approver_kind.value}),
            "decided_at": utc(decided_at),
        },
    )


def _verdict(passage: Passage) -> dict[str, JsonValue]:
    said: dict[str, JsonValue] = {"id": passage.verdict_id}
    if passage.waivers:
        said["waivers"] = sorted(set(passage.waivers))
    if passage.kind in _IN_PLACE_OR_BACK:
        said["kind"] = passage.kind.value
    return said


def _statement(subjects: Sequence[Subject], predicate_type: str, predicate: Mapping[str, JsonValue]) -> bytes:
    if not subjects:
        raise Invalid(
            "statement_subject_missing", "A statement speaks of something.", remedy="Name at least one subject."
        )
    ordered = sorted(set(subjects), key=lambda subject: (subject.digest, subject.name))
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": item.name, "digest": _digest_set(item.digest)} for item in ordered],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )


def _resources(resources: Sequence[Resource]) -> list[JsonValue]:
    ordered = sorted(set(resources), key=lambda resource: (resource.digest, resource.uri))
    return [{"uri": one.uri, "digest": _digest_set(one.digest)} for one in ordered]


def _digest_set(digest: Digest) -> dict[str, JsonValue]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}
