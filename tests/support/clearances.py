"""Clearances as the gate signs them, and tells that carry one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from contracts.clearance import Clearance, GateSignature, SignedClearance
from contracts.evidence.v1.commands import AttestPassage
from contracts.gate.v1.events import VerdictIssued
from contracts.gate.v1.views import VerdictSignature
from contracts.registry.v1.commands import MoveVersion
from contracts.vocabulary import Outcome
from shared.clearances import gates_of, list_digest
from shared.crypto import keys
from shared.digests import sha256_digest
from shared.verdict_signature import sign_clearance, sign_verdict
from tests.support.builders import a_message

T = TypeVar("T", AttestPassage, MoveVersion)
_LATER = datetime(2126, 1, 1, tzinfo=UTC)


def signed_clearance(clearance: Clearance, key: keys.PrivateKey) -> SignedClearance:
    key_id, value = sign_clearance(clearance.model_dump(mode="json"), key)
    return SignedClearance(clearance=clearance, signature=GateSignature(key_id=key_id, value=value))


def a_tell(tell: type[T], **fields: Any) -> T:
    """A tell that nobody has cleared, with these fields; it needed no waivers."""
    bare = {"clearance": None, "waivers": ()}
    return tell.model_validate({**a_message(tell).model_dump(), **bare, **fields})


def cleared(tell: T, key: keys.PrivateKey, *, release: bool | None = None, **lies: Any) -> T:
    """The tell with a clearance of exactly what it says; `lies` are said by the clearance and by nothing else."""
    said = tell.model_dump()
    release = said.get("release", tell.to_stage == "prod") if release is None else release
    gates = sorted(gates_of(tell.kind, tell.from_stage, tell.to_stage, release=release))
    known = {
        **{name: value for name, value in said.items() if name in Clearance.model_fields},
        "artifacts_digest": list_digest(said.get("artifacts", ())),
        "evidence_digest": list_digest(said.get("evidence_digests", ())),
        "evidence_set": sha256_digest(b"evidence set"),
        "passages": [{"stage": stage, "gate": gate} for stage, gate in gates],
        "may_be_trusted": tell.trusted,
        "requested_by": said.get("requested_by", "ann"),
        "policy_digests": said.get("policy_digests", ()),
        "judged_at": said.get("judged_at", datetime(2026, 1, 1, tzinfo=UTC)),
        "expires_at": said.get("verdict_expires_at", _LATER),
    }
    clearance = Clearance.model_validate(known | lies)
    return tell.model_copy(update={"clearance": signed_clearance(clearance, key)})


def signed_verdict(said: VerdictIssued, key: keys.PrivateKey, *, artifacts: tuple[str, ...] = ()) -> VerdictIssued:
    """A verdict with the gate's signature, and with the clearance of an allowing one, as the gate makes them."""
    if said.outcome is Outcome.ALLOW:
        same = {name: value for name, value in said.model_dump().items() if name in Clearance.model_fields}
        clearance = Clearance.model_validate(
            same
            | {
                "artifacts_digest": list_digest(artifacts),
                "evidence_digest": list_digest([used.content_digest for used in said.evidence]),
                "waivers": sorted({used.waiver_id for used in said.waivers}),
            }
        )
        said = said.model_copy(update={"clearance": signed_clearance(clearance, key)})
    key_id, value = sign_verdict(said.model_dump(mode="json", exclude={"signature"}), key)
    return said.model_copy(update={"signature": VerdictSignature(key_id=key_id, value=value)})
