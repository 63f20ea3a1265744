"""SLSA verification summaries (VSA), v1 and v0.2: a verifier's verdict that others may rely on.

- `PASSED` beside the level `FAILED`, or a failure beside a level reached, contradicts itself and is unreadable.
- v0.2 names one `policy_level` and writes names with underscores; v1 a list and camel case. Both spellings are read.
- Input attestations must all have a digest; those with a SHA-256 one are listed.
- Which verifier is believed for which resource is the trust root's and the policy's business, not the reader's.

Source: slsa-framework/slsa spec/verification_summary.md, predicate types `https://slsa.dev/verification_summary/v1`
and `/v0.2`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from contracts.facts import MAX_LISTED, SummaryFacts
from services.evidence.domain.kinds.reading import Moment, Part, Reading

_FAILED = "FAILED"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class _Verifier(Part):
    id: str = Field(min_length=1, max_length=2000)


class _Policy(Part):
    uri: str = ""
    digest: dict[str, str] | None = None


class _Input(Part):
    digest: dict[str, str] = Field(min_length=1)


class _Summary(Part):
    verifier: _Verifier
    verified_at: Moment | None = Field(default=None, validation_alias=AliasChoices("timeVerified", "time_verified"))
    resource_uri: str = Field(min_length=1, validation_alias=AliasChoices("resourceUri", "resource_uri"))
    policy: _Policy
    inputs: tuple[_Input, ...] | None = Field(
        default=None, validation_alias=AliasChoices("inputAttestations", "input_attestations")
    )
    result: Literal["PASSED", "FAILED"] = Field(
        validation_alias=AliasChoices("verificationResult", "verification_result")
    )
    levels: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        validation_alias=AliasChoices("verifiedLevels", "policyLevel", "policy_level")
    )
    dependency_levels: dict[str, Annotated[int, Field(ge=0)]] | None = Field(
        default=None, validation_alias=AliasChoices("dependencyLevels", "dependency_levels")
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.result == "PASSED" and _FAILED in self.levels:
            raise ValueError("the result is PASSED although the level is FAILED")
        if self.result == _FAILED and set(self.levels) - {_FAILED}:
            raise ValueError("the result is FAILED although a level was reached")
        return self


def read(predicate: Mapping[str, Any]) -> Reading:
    """The summary in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    found = _Summary.model_validate(predicate)
    inputs = (_sha256(one.digest) for one in found.inputs or ())
    facts = SummaryFacts(
        verifier_id=found.verifier.id,
        verdict="passed" if found.result == "PASSED" else "failed",
        resource_uri=found.resource_uri,
        levels=tuple(sorted(set(found.levels) - {_FAILED}))[:MAX_LISTED],
        dependency_levels=found.dependency_levels,
        policy_uri=found.policy.uri,
        policy_digest=_sha256(found.policy.digest or {}),
        input_digests=tuple(digest for digest in inputs if digest)[:MAX_LISTED],
    )
    return Reading(facts, claimed_at=found.verified_at)


def _sha256(digests: Mapping[str, str]) -> str | None:
    value = digests.get("sha256", "").lower()
    return f"sha256:{value}" if _SHA256.fullmatch(value) else None
