"""What a verdict cleared: the clearance that the services acted on says what the verdict says, and nothing else.

- Only an allowing verdict has one. Verdicts from before there were clearances have none.
- A key of the gate that the log knows has signed it.
- Each of its fields is what the verdict says, and its artifacts are those of the version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from contracts.clearance import Clearance
from contracts.gate.v1.views import VerdictView
from contracts.vocabulary import Digest, Outcome
from services.cli.verifier.reading import WrongError
from shared.crypto import keys
from shared.digests import canonical_digest
from shared.errors import Unauthenticated
from shared.verdict_signature import verify_clearance


def check_clearance(
    path: str, verdict: VerdictView, artifacts: Iterable[Digest], gate_keys: Mapping[str, keys.PublicKey]
) -> None:
    """Raises `WrongError` for a clearance that is not the verdict's."""
    signed = verdict.clearance
    if signed is None:
        return
    if verdict.outcome is not Outcome.ALLOW:
        raise WrongError(f"{path} holds a clearance, and does not allow")
    said, body = signed.clearance, signed.clearance.model_dump(mode="json")
    try:
        verify_clearance(body, signed.signature.key_id, signed.signature.value, gate_keys.values())
    except Unauthenticated as error:
        raise WrongError(f"{path}: {error.message}") from error
    expected = {
        **{name: getattr(verdict, name) for name in Clearance.model_fields if name in VerdictView.model_fields},
        "passages": [(one.stage, one.gate, one.open) for one in verdict.passages],
        "waivers": tuple(sorted({one.waiver_id for one in verdict.waivers})),
        "artifacts_digest": _digest(artifacts),
        "evidence_digest": _digest(one.content_digest for one in verdict.evidence),
    }
    found = {name: getattr(said, name) for name in Clearance.model_fields}
    found["passages"] = [(one.stage, one.gate, one.open) for one in said.passages]
    if other := [name for name in found if found[name] != expected[name]]:
        raise WrongError(f"{path} cleared another {other[0]} than it says")


def _digest(digests: Iterable[Digest]) -> Digest:
    return canonical_digest(sorted(set(digests)))
