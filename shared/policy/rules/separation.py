"""Separation of duties: who may not approve a version, because of what else they did for it.

- Nobody approves what they asked for, wrote, registered, committed, or showed evidence for.
- Subjects are compared without regard to case: whoever differs by case alone is more likely the same than another.
- Who somebody was is only known as far as it was recorded: a version without a commit has no known author.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from contracts.facts import ApprovalFacts, EvidenceItem, UnreadableFacts
from shared.policy.dossier import Dossier, kind_of_type

Duty = Literal["requester", "author", "committer", "evidence_signers"]
DUTIES: tuple[Duty, ...] = ("requester", "author", "committer", "evidence_signers")
_WORDS: Mapping[Duty, str] = {
    "requester": "the requester",
    "author": "the author",
    "committer": "the committer",
    "evidence_signers": "whoever signed or handed in the evidence",
}


def in_words(duties: Iterable[Duty]) -> str:
    """The duties as part of a sentence."""
    *some, last = [_WORDS[one] for one in duties]
    return f"{', '.join(some)} and {last}" if some else last


class Separation:
    """Who did what for one version."""

    def __init__(self, duties: Iterable[Duty], dossier: Dossier, requested_by: str) -> None:
        self._did: dict[str, list[str]] = {}
        wanted = set(duties)
        for duty, subject, what in _deeds(dossier, requested_by):
            told = self._did.setdefault(subject.casefold(), []) if subject and duty in wanted else None
            if told is not None and what not in told:
                told.append(what)

    def reason(self, subject: str) -> str | None:
        """What `subject` did that keeps them from approving; None when nothing does."""
        did = self._did.get(subject.casefold())
        return " and ".join(did) if did else None


def _deeds(dossier: Dossier, requested_by: str) -> Iterator[tuple[Duty, str | None, str]]:
    around, source = dossier.circumstances, dossier.circumstances.source
    yield "requester", requested_by, "asked for this"
    yield "author", around.registered_by, "registered the version"
    if source is not None:
        yield "author", source.author, "wrote its commit"
        yield "committer", source.committer, "committed it"
    for item in dossier.verified:
        if not _is_approval(item):
            yield from (("evidence_signers", signer.identity, "signed evidence") for signer in item.signers)
            yield "evidence_signers", item.submitted_by, "handed in evidence"


def _is_approval(item: EvidenceItem) -> bool:
    # As in the evidence set that an approval binds: what is not in it could be withheld without any trace.
    if isinstance(item.facts, UnreadableFacts):
        return (item.facts.meant or kind_of_type(item.predicate_type)) == "approval"
    return isinstance(item.facts, ApprovalFacts)
