"""The saga as a small model, written from the table in `docs/architecture/promotion.md` and not from the code.

Where a promotion is, is one word here: `applying` is `attesting`, `gathering` or `moving`, and what waits for
a freeze is `frozen`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

OPEN = {"queued", "checking", "awaiting", "frozen"}
ENDS = {"completed", "denied", "cancelled", "expired", "failed"}
APPLYING = {"attesting", "gathering", "moving"}
AFTER_SO_MANY = 5
"""Attempts that may go stale before a promotion fails."""


class TooLateError(Exception):
    """It cannot be cancelled any more."""


@dataclass
class SagaModel:
    """One promotion."""

    deadline: datetime
    in_train: bool = False
    place: str = "queued"
    attempt: int = 1
    stale: int = 0
    verdict: str = ""
    """The newest of this attempt."""
    judged_at: datetime | None = None
    good_until: datetime | None = None
    hold: str = ""
    signed: bool = False
    """Whether this attempt has a passage."""
    owed: set[int] = field(default_factory=set)
    """Attempts whose passages the log has to take back."""
    ends_as: str = ""
    broken: bool = False

    def admitted(self) -> None:
        if self.place == "queued":
            self.place = "checking"

    def judged(
        self, at: datetime, *, name: str, attempt: int, foreign: bool, outcome: str, judged_at: datetime, hold: str
    ) -> None:
        """A verdict, whose allowance is good for an hour."""
        if self.place not in {"checking", "awaiting"} or foreign or attempt != self.attempt:
            return
        if self.verdict and (name == self.verdict or (self.judged_at and judged_at < self.judged_at)):
            return
        self.verdict, self.judged_at, self.good_until = name, judged_at, judged_at + timedelta(hours=1)
        if outcome != "allow":
            self.place = {"tests": "checking", "approval": "awaiting"}.get(outcome, "denied")
        elif at > self.good_until:
            self._again()
        elif hold:
            self.place, self.hold = "frozen", hold
        else:
            self.place = "attesting"

    def thawed(self, hold: str) -> None:
        if self.place == "frozen" and hold:
            self.hold = hold
        elif self.place == "frozen":
            self._ask_again()

    def attested(self, *, attempt: int, verdict: str, stale: bool) -> None:
        if self.place == "attesting" and (attempt, verdict) == (self.attempt, self.verdict):
            self.signed = True
            if self.broken:
                self._take_back("cancelled")
            elif stale:
                self._again()
            else:
                self.place = "gathering" if self.in_train else "moving"
            return
        mine = self.signed and attempt == self.attempt
        asked_for = attempt < self.attempt or self.place in ENDS
        if self.place != "queued" and not mine and asked_for:
            self.owed.add(attempt)

    def train_ready(self) -> None:
        if self.place == "gathering":
            self.place = "moving"

    def train_broken(self) -> None:
        if self.place in OPEN:
            self.place = "cancelled"
        elif self.place == "attesting":
            self.broken = True
        elif self.place in APPLYING:
            self._take_back("cancelled")

    def moved(self, *, attempt: int, foreign: bool) -> None:
        if self.place == "moving" and attempt == self.attempt and not foreign:
            self.place = "completed"

    def refused(self, *, attempt: int, code: str) -> None:
        if self.place != "moving" or attempt != self.attempt:
            return
        if code == "verdict_expired":
            self._again()
        elif code == "group_refused":
            self.place = "gathering"
        else:
            self._take_back("failed")

    def withdrawn(self, *, attempt: int) -> None:
        if self.place == "queued" or attempt not in self.owed:
            return
        self.owed.remove(attempt)
        if self.place == "compensating" and not self.owed:
            self.place = self.ends_as

    def cancelled(self) -> None:
        """Raises `TooLateError`."""
        if self.place not in OPEN:
            raise TooLateError
        self.place = "cancelled"

    def superseded(self) -> None:
        if self.place in OPEN:
            self.place = "cancelled"

    def deadline_passed(self, at: datetime) -> None:
        if self.place in OPEN and at >= self.deadline:
            self.place = "expired"
        elif self.place == "attesting" and self.good_until and at > self.good_until:
            if self.broken:
                self.place = "cancelled"
            else:
                self._again()

    def _again(self) -> None:
        if self.stale + 1 >= AFTER_SO_MANY and not self.in_train:
            self._take_back("failed")
            return
        self.stale += 1
        self._ask_again()

    def _ask_again(self) -> None:
        if self.signed:
            self.owed.add(self.attempt)
        self.attempt += 1
        self.place, self.verdict, self.judged_at, self.hold, self.signed = "checking", "", None, "", False

    def _take_back(self, end: str) -> None:
        if self.signed:
            self.owed.add(self.attempt)
        self.place, self.ends_as = ("compensating", end) if self.owed else (end, "")
