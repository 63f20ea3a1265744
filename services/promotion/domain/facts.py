"""What a promotion hears, as pure values: each names the attempt it is about, where attempts differ."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.findings import Finding
from contracts.vocabulary import Digest, Frozen, Outcome, Utc, VersionName


class Verdict(Frozen):
    """What the gates said, as far as the saga needs it."""

    verdict_id: str
    attempt: int
    outcome: Outcome
    findings: tuple[Finding, ...]
    policy_digests: tuple[Digest, ...]
    evidence_digests: tuple[Digest, ...]
    evidence_set: Digest
    judged_at: Utc
    expires_at: Utc

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """Those that did not pass."""
        return tuple(finding for finding in self.findings if finding.outcome is not Outcome.ALLOW)


@dataclass(frozen=True)
class VerdictGiven:
    """The gates judged."""

    version_digest: Digest
    verdict: Verdict


@dataclass(frozen=True)
class Attested:
    """The passage is signed and logged; `stale` says why the verdict would not be given again, empty when it would."""

    attempt: int
    verdict_id: str
    passage_digest: Digest
    log_index: int
    stale: str
    positions: dict[Digest, int]
    """Read anew when stale."""


@dataclass(frozen=True)
class Moved:
    """The registry moved the version."""

    attempt: int
    version_digest: Digest
    replaced: VersionName | None


@dataclass(frozen=True)
class MoveRefused:
    """The registry did not move it."""

    attempt: int
    code: str
    message: str
    positions: dict[Digest, int]


@dataclass(frozen=True)
class Cancelled:
    """Somebody stopped it."""

    by: str
    reason: str


@dataclass(frozen=True)
class DeadlinePassed:
    """It has waited long enough."""


Fact = VerdictGiven | Attested | Moved | MoveRefused | Cancelled | DeadlinePassed
