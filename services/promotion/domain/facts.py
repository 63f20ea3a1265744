"""What a promotion hears, as pure values: each names the attempt it is about, where attempts differ."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.clearance import SignedClearance
from contracts.findings import Finding
from contracts.vocabulary import (
    Digest,
    Frozen,
    GateKind,
    Mode,
    Outcome,
    PromotionKind,
    StageName,
    Utc,
    VersionName,
    utc,
)

APPROVAL = "approval"


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
    waivers: tuple[str, ...] = ()
    """Ids of those that it needed."""
    may_be_trusted: bool = True
    clearance: SignedClearance | None = None
    """What those who act on it check."""

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """Those that do not let the version pass: a waived one does."""
        return tuple(finding for finding in self.findings if not finding.lets_pass)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The open ones that stand in the way."""
        return tuple(finding for finding in self.open_findings if finding.mode is Mode.BLOCK)

    @property
    def reasons(self) -> str:
        """What stands in the way, in words."""
        titles = [f"{finding.title}: {finding.observed.rstrip('.')}" for finding in self.blocking]
        return "; ".join(titles)[:1000] or "the gates do not allow it"

    @property
    def awaits_approval_only(self) -> bool:
        """Whether people's approvals, and nothing else, are all that is pending."""
        pending = [finding for finding in self.blocking if finding.outcome is Outcome.PENDING]
        return bool(pending) and all(finding.awaits == APPROVAL for finding in pending)

    @property
    def awaited(self) -> tuple[str, ...]:
        """What stands in the way and may still come, in words."""
        arrive = {finding.awaits for finding in self.blocking if finding.awaits}
        times = {finding.passes_at for finding in self.blocking if finding.passes_at and not finding.awaits}
        return (*sorted(arrive), *(f"the time {utc(moment)}" for moment in sorted(times)))


class Hold(Frozen):
    """A freeze that holds a promotion back."""

    freeze: str
    until: Utc


@dataclass(frozen=True)
class Admitted:
    """Its turn has come: the version and its stages are its own until it ends."""


@dataclass(frozen=True)
class VerdictGiven:
    """The gates judged."""

    version_digest: Digest
    kind: PromotionKind
    gates: frozenset[tuple[StageName, GateKind]]
    """Those that were judged."""
    verdict: Verdict
    hold: Hold | None = None
    """The freeze that holds it back right now, whatever the gates say."""


@dataclass(frozen=True)
class Thawed:
    """The freeze was looked at again: `hold` is what still holds it back, if anything does."""

    hold: Hold | None


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
class TrainReady:
    """Every member of the train has its passage signed: they move together now."""


@dataclass(frozen=True)
class TrainBroken:
    """Another member of the train cannot move, so none does."""

    because: str


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
class Withdrawn:
    """The log says by now that the passage of an attempt did not take place."""

    attempt: int
    log_index: int


@dataclass(frozen=True)
class Cancelled:
    """Somebody stopped it."""

    by: str
    reason: str


@dataclass(frozen=True)
class Superseded:
    """A newer version asked for the same stage, which lets newer ones go first."""

    by_version: VersionName
    by_promotion: str


@dataclass(frozen=True)
class DeadlinePassed:
    """It, or the step it is at, has waited long enough."""


Fact = (
    Admitted
    | VerdictGiven
    | Thawed
    | Attested
    | TrainReady
    | TrainBroken
    | Moved
    | MoveRefused
    | Withdrawn
    | Cancelled
    | Superseded
    | DeadlinePassed
)
