"""One exception, as people look at it: what the policy allows, who may decide, what happened: pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from contracts.gate.v1.views import PolicyView
from contracts.gate.v1.waivers import WaiverState, WaiverView
from contracts.vocabulary import Role, Severity
from shared.errors import Invalid, NotFound
from shared.policy.duration import parse_duration

_SECONDS_OF_DAY = 86_400


@dataclass(frozen=True)
class Terms:
    """What a policy says about exceptions from its rules; the usual, where it says nothing."""

    allowed: bool = True
    longest: str = "90d"
    approver_role: Role = Role.SECURITY
    trusted: bool = True
    """Whether a release that needed one may be called trusted."""

    @property
    def longest_days(self) -> int:
        """At least one."""
        return max(1, int(parse_duration(self.longest).total_seconds() // _SECONDS_OF_DAY))


@dataclass(frozen=True)
class Event:
    """Something that happened to a waiver."""

    at: datetime
    what: str
    by: str
    reason: str


def terms_of(policy: PolicyView | None) -> Terms:
    """What a policy's document says about exceptions."""
    said: Any = (policy.document.get("spec") or {}).get("waivers") if policy else None
    usual = Terms()
    if not isinstance(said, dict):
        return usual
    return Terms(
        allowed=bool(said.get("allowed", True)),
        longest=str(said.get("max_duration") or usual.longest),
        approver_role=Role(said.get("approver_role") or usual.approver_role),
        trusted=bool(said.get("trusted", True)),
    )


def is_open(waiver: WaiverView) -> bool:
    """Whether it is asked for, or in force."""
    return waiver.state in (WaiverState.REQUESTED, WaiverState.GRANTED)


def why_not_decide(waiver: WaiverView, subject: str, terms: Terms, *, holds_role: bool) -> str:
    """Why this person cannot decide about it, in one sentence; empty when the service may take the decision."""
    if waiver.state is not WaiverState.REQUESTED:
        return "It is decided."
    if waiver.requested_by == subject:
        return "You asked for it: somebody else has to decide."
    if not holds_role:
        return f"The policy has people with the role {terms.approver_role.value.replace('_', ' ')} decide."
    return ""


def history(waiver: WaiverView) -> tuple[Event, ...]:
    """What happened to it, oldest first."""
    return tuple(_history(waiver))


def _history(waiver: WaiverView) -> Iterator[Event]:
    yield Event(waiver.requested_at, "requested", waiver.requested_by, waiver.reason)
    if waiver.decided_at:
        what = "refused" if waiver.state is WaiverState.REFUSED else "granted"
        yield Event(waiver.decided_at, what, waiver.decided_by or "", waiver.decision_reason)
    if waiver.ended_at:
        yield Event(waiver.ended_at, waiver.state.value, waiver.ended_by or "", waiver.end_reason)


def severities(chosen: str) -> Sequence[tuple[str, str]]:
    """The choices of the worst severity that a waiver may cover."""
    known = [(one.value, one.value) for one in Severity]
    return [("", "not about vulnerabilities"), *known] if chosen in {"", *(one for one, _ in known)} else [("", "-")]


def read_day(text: str) -> date:
    """A day as forms send it. Raises `Invalid`."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("day_malformed", f"{text[:40]!r} is no day.", remedy="Write it as 2027-01-31.") from error


def unknown_decision(word: str) -> NotFound:
    """For addresses that mean no decision."""
    return NotFound("page_unknown", f"Nothing is called {word[:40]} here.", remedy="Begin at the waiver's page.")
