"""One promotion's question to the gates, from the first verdict until the answer is final.

- It stays open while the verdict is pending and the deadline has not come; only then is it judged again.
- It is judged again for cause: new evidence, another policy, another business context of the application.
- A new verdict is issued only when it rests on something else than the last one, or says something else.
- One attempt of one promotion is one question: asked again it must be the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.vocabulary import ApplicationName, Digest, Frozen, Outcome, ProjectName, Utc, VersionName
from services.gate.domain.dossier import Dossier
from services.gate.domain.house_rules import Passage
from services.gate.domain.verdict import Verdict
from shared.errors import Conflict


class Case(Frozen):
    """May this version, known by its digest, pass these gates?"""

    project: ProjectName
    application: ApplicationName
    version: VersionName
    version_digest: Digest
    passages: tuple[Passage, ...]
    requested_by: str


class Evaluation(Frozen):
    """A case that one attempt of a promotion has brought, and how it stands."""

    promotion_id: str
    attempt: int
    case: Case
    deadline: Utc
    subjects: tuple[Digest, ...] = ()
    """The digests about which new evidence would matter."""
    outcome: Outcome | None = None
    """What the last verdict said; None before the first."""
    fingerprint: Digest | None = None
    """What the last verdict rests on."""
    open: bool = False
    """Whether it is to be judged again when something changes."""

    def repeats(self, held: Evaluation) -> None:
        """Pass only if this asks what `held` asked. Raises `Conflict` (`evaluation_contradictory`) otherwise."""
        if self.case != held.case:
            raise Conflict(
                "evaluation_contradictory",
                f"Attempt {self.attempt} of promotion {self.promotion_id} was asked before, about something else.",
                remedy="Ask under a new attempt: what was asked is never edited.",
            )

    def after(self, verdict: Verdict, dossier: Dossier) -> Evaluation:
        """How it stands once `verdict` has been given on `dossier`."""
        return self.model_copy(
            update={
                "subjects": tuple(sorted(dossier.subjects)),
                "outcome": verdict.outcome,
                "fingerprint": verdict.fingerprint,
                "open": verdict.outcome is Outcome.PENDING and verdict.judged_at < self.deadline,
            }
        )

    def answered_by(self, verdict: Verdict) -> bool:
        """Whether `verdict` says and rests on exactly what the last one did."""
        return (self.outcome, self.fingerprint) == (verdict.outcome, verdict.fingerprint)


@dataclass(frozen=True, slots=True)
class IssuedVerdict:
    """A verdict, and the attempt it was given for."""

    promotion_id: str
    attempt: int
    verdict: Verdict

    @property
    def expires_at(self) -> datetime:
        """Not to be acted on after this."""
        return self.verdict.expires_at
