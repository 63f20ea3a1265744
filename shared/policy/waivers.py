"""Waivers: what stands against a version may be tolerated for a time, because somebody answers for that.

- A waiver covers one rule of one policy in one stage, for the subject it names; every part it names must match.
- A waiver for the version itself covers what stands against any of its artifacts.
- A waiver for one of several flaws that a scan found as one covers nothing (`rules/vulnerability_ids.py`).
- It covers a vulnerability only up to the severity it was granted for: one that is worse now stands, and so does one
  that is not rated, unless critical ones or such ones are covered.
- A waiver with a severity is for vulnerabilities alone: that no scan is there, or one cannot be read, stands.
- It counts from its grant until before its end, and never longer than the policy allows waivers to last today.
- A rule that is not waivable, and a policy that allows no waivers, know none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from contracts.circumstances import WaivedSubject, WaiverFacts
from contracts.findings import Violation
from contracts.vocabulary import Digest, Document, Role, Severity, StageName
from shared.policy.duration import Duration, before, parse_duration

_RANK = {Severity.NONE: 0, Severity.LOW: 1, Severity.MEDIUM: 2, Severity.HIGH: 3, Severity.CRITICAL: 4}


class WaiverTerms(Document):
    """What a policy says about exceptions from its rules."""

    allowed: bool = True
    max_duration: Duration = parse_duration("90d")
    approver_role: Role = Role.SECURITY
    """The role that whoever grants one must have; never the requester."""
    trusted: bool = True
    """Whether a release that needed a waiver anywhere on its way may be called trusted."""


@dataclass(frozen=True, slots=True)
class Waivers:
    """The waivers that one rule knows at one gate at one moment."""

    version_digest: Digest = ""
    known: tuple[WaiverFacts, ...] = ()

    def covering(self, violation: Violation, names: Collection[str] = ()) -> str | None:
        """The id of the first waiver that covers `violation`; None for none.

        `names`: those, in capitals, under which a vulnerability may be waived, its own id included where it is one.
        """
        found = (one.waiver_id for one in self.known if self._covers(one, violation, names))
        return min(found, default=None)

    def ends(self, waiver_ids: Iterable[str]) -> datetime | None:
        """The last moment at which all of these waivers count; None when there are none."""
        wanted = set(waiver_ids)
        return min((before(one.expires_at) for one in self.known if one.waiver_id in wanted), default=None)

    def _covers(self, waiver: WaiverFacts, violation: Violation, names: Collection[str]) -> bool:
        subject: WaivedSubject = waiver.subject
        return (
            (subject.artifact is not None or subject.component is not None or subject.vulnerability is not None)
            and subject.artifact in (None, self.version_digest, violation.artifact)
            and subject.component in (None, violation.component)
            and (subject.vulnerability is None or subject.vulnerability.upper() in names)
            and _tolerates(waiver.max_severity, violation)
        )


def waivers_for(
    known: Iterable[WaiverFacts], terms: WaiverTerms, *, rule: str, policy: str, stage: StageName, at: datetime
) -> tuple[WaiverFacts, ...]:
    """Those of `known` that count for a rule of a policy in `stage` at the moment `at`."""
    if not terms.allowed:
        return ()
    return tuple(
        one
        for one in known
        if (one.policy, one.rule, one.stage) == (policy, rule, stage)
        and one.granted_at <= at < one.expires_at
        and one.expires_at - one.granted_at <= terms.max_duration
        and one.requested_by != one.approved_by
    )


def _tolerates(most: Severity | None, violation: Violation) -> bool:
    found = violation.severity
    if found is None and violation.vulnerability is None:
        return most is None
    if most is None:
        return False
    found = found or Severity.UNKNOWN
    return most in (found, Severity.CRITICAL) or _RANK.get(found, 5) <= _RANK.get(most, -1)
