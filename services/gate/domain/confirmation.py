"""Whether a verdict still stands, judged anew at this moment.

- It stands only if it allowed, the same case is allowed now, and both rest on the same policies, evidence and context.
- A newer piece of good evidence ends it too: nobody has said yes to that set of evidence.
- That it is too old to be acted on is not asked here: `expires_at` says so to whoever acts.
"""

from __future__ import annotations

from contracts.vocabulary import Mode, Outcome
from services.gate.domain.verdict import Verdict


def objections(given: Verdict, anew: Verdict) -> tuple[str, ...]:
    """Why `given` does not stand any more, one sentence each; empty when it does."""
    found: list[str] = []
    if given.outcome is not Outcome.ALLOW:
        found.append(f"It never allowed anything: it says {given.outcome}.")
    if anew.outcome is not Outcome.ALLOW:
        found.append(f"Judged now it says {anew.outcome}: {_first_obstacle(anew)}")
    if given.fingerprint != anew.fingerprint:
        found.append(_difference(given, anew))
    return tuple(found)


def _first_obstacle(verdict: Verdict) -> str:
    blocking = (f for f in verdict.findings if f.mode is Mode.BLOCK and f.outcome is verdict.outcome)
    return next((finding.observed for finding in blocking), "no rule says why.")


def _difference(given: Verdict, anew: Verdict) -> str:
    if given.policies != anew.policies:
        return "Other policies govern these gates than then."
    if given.evidence_set != anew.evidence_set:
        return "There is evidence that the verdict has not seen."
    return "An approval, or the criticality or a label of the application, has changed."
