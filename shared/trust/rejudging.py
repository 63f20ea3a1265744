"""What evidence on record counts for after the trust roots of its project have changed.

- Evidence can lose its power to allow, never its power to deny: a signer that no root vouches for any more stays
  listed, as distrusted. When every signer is, the evidence is.
- A signer is a key in a role. Moving a key to another root of the same role loses nothing.
- What was unverified and is believed now counts from now on, exactly as if it had been handed in after the change.
- A distrusted signer stays so, and so does distrusted evidence: only a new statement counts again.
- Approvals are Hallmark's own: no trust root has a say about them.
- Facts, subjects and times are those of the receipt: a judgement decides who is believed, not what was said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from contracts.facts import EarlierStanding, EvidenceItem, Signer
from shared.trust.statement import APPROVAL_TYPE
from shared.trust.verification import Problem


@dataclass(frozen=True)
class Rejudgement:
    """A judgement that changed something."""

    item: EvidenceItem
    """As it stands from now on."""
    trust_root: str
    """The root that believes it now, or does not any more."""


def judged_again(item: EvidenceItem, fresh: EvidenceItem | None) -> Rejudgement | None:
    """What becomes of `item`, whose envelope would be recorded as `fresh` by the roots in force; None: nothing.

    `fresh` is None when the envelope cannot be read any more: what cannot be verified allows nothing.
    """
    if item.predicate_type == APPROVAL_TYPE or item.distrusted:
        return None
    believed = fresh.signers if fresh and fresh.verified else ()
    signers = _merged(item.signers, believed)
    if set(signers) == set(item.signers):
        return None
    distrusted = all(signer.distrusted for signer in signers)
    problem = ((fresh and fresh.problem) or Problem.KEY_DISTRUSTED.value) if distrusted else None
    changed = {
        "verified": True,
        "distrusted": distrusted,
        "problem": problem,
        "signers": signers,
        "checks": fresh.checks if fresh else (),
        "revision": item.revision + 1,
    }
    return Rejudgement(item.model_copy(update=changed), _root_of_change(item.signers, signers))


def earlier(item: EvidenceItem, until: datetime, trust_root: str, revision: int) -> EarlierStanding:
    """What `item` counted for until the root, in that revision, ended it."""
    return EarlierStanding(
        revision=item.revision,
        verified=item.verified,
        distrusted=item.distrusted,
        problem=item.problem,
        signers=item.signers,
        checks=item.checks,
        until=until,
        trust_root=trust_root,
        trust_root_revision=revision,
    )


def _merged(before: Iterable[Signer], believed: Iterable[Signer]) -> tuple[Signer, ...]:
    gone = {_who(signer) for signer in before if signer.distrusted}
    kept = tuple(signer for signer in believed if _who(signer) not in gone)
    vouched_for = {_who(signer) for signer in kept}
    lost = (signer for signer in before if _who(signer) not in vouched_for)
    return (*kept, *(signer.model_copy(update={"distrusted": True}) for signer in lost))


def _root_of_change(before: tuple[Signer, ...], after: tuple[Signer, ...]) -> str:
    # A loss comes before a gain: it is what somebody will ask about.
    new = sorted((signer for signer in after if signer not in before), key=lambda signer: not signer.distrusted)
    gone = [signer for signer in before if signer not in after]
    return (*new, *gone)[0].trust_root


def _who(signer: Signer) -> tuple[str, str]:
    return signer.key_id, signer.role
