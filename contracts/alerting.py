"""The words about alerts."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from contracts.vocabulary import Frozen, Utc


class AlertState(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    """Nobody has looked at it."""
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    """Not to be shown until a moment, at which it is open again."""
    ESCALATED = "escalated"
    """Its deadline has passed."""
    CLOSED = "closed"


class AlertKind(StrEnum):
    """What the cause is."""

    VULNERABILITY = "vulnerability"
    DISTRUST = "distrust"
    RULE = "rule"
    """A rule of the policies that admitted the release does not let it pass any more."""


class ClosedBy(StrEnum):
    """What ended an alert."""

    FIXED = "fixed"
    """The release names the component no more."""
    REPLACED = "replaced"
    """Another version took the place of the release."""
    ROLLED_BACK = "rolled_back"
    """An earlier version was brought back in place of the release."""
    DEMOTED = "demoted"
    """The release was taken back to an earlier stage."""
    WITHDRAWN = "withdrawn"
    """The advisories were withdrawn."""
    REVISED = "revised"
    """The advisories do not say any more that the component is affected."""
    VEX = "vex"
    """A believed statement says that the flaw does not apply."""
    WAIVER = "waiver"
    """An exception lets the rule pass again."""
    EVIDENCE = "evidence"
    """The rule lets the release pass again by itself, mostly on newer evidence."""
    RECERTIFIED = "recertified"
    """The release passed its gate again, on other evidence."""
    REVOKED = "revoked"
    """The trust in the release was taken away for good."""
    RAISED = "raised"
    """It became worse; `replaced_by` names the alert that goes on."""
    JOINED = "joined"
    """Two flaws turned out to be one; `replaced_by` names the alert that goes on."""


AlertChange = Literal["opened", "acknowledged", "snoozed", "woken", "assigned", "escalated", "restated", "closed"]
"""`woken`: a snooze ended. `restated`: the deadline, severity or owners are others, without any getting worse."""


class AlertEntry(Frozen):
    """One change of an alert."""

    change: AlertChange
    at: Utc
    by: str | None = None
    """Who did it; None when facts or time alone did."""
    reason: str = ""
    until: Utc | None = None
    """Of a snooze: when it ends. Of an escalation: the deadline."""
    assignee: str | None = None
    """Of an assignment: to whom; None took it from everybody."""
