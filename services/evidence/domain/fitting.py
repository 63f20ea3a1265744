"""What facts leave out so that they travel inside a message (`contracts.message.MAX_BODY`).

- An event carries the item, the position of each subject, and, after a judgement, signers and checks as they were
  before: what those take is not there for the facts.
- Counts stay complete. Lists lose their end, which readers sort so that it matters least.
- Of a bill of materials the names of components go first, evenly; then expressions, which count as unlisted.
- Of a test run the names of failed tests go before the suites.
- The same statement and signatures give the same facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from contracts.facts import Facts, OtherFacts, SbomFacts, SignatureCheck, Signer
from contracts.vocabulary import Digest

_EVENT = 256 * 1024
"""Bytes of an event, as `contracts/message.py` says."""
_REST = 16 * 1024
"""Bytes of everything else in an event: names, times, and what a later judgement says of each signature."""
_A_SUBJECT = 170
"""Bytes of one subject, which the item names, and of its position."""
_NAMED = (10, 5, 3, 2, 1, 0)
"""Components that are named under each licence expression, tried one after the other."""


_SHORTENED = {
    "tests": ("failed_names", "suites"),
    "vulnerabilities": ("vulnerabilities",),
    "vex": ("statements",),
    "provenance": ("source_uris",),
    "summary": ("input_digests",),
}
"""The lists that may lose their end, in this order."""
_ANY: TypeAdapter[Any] = TypeAdapter(Any)
_Cut = TypeVar("_Cut", bound=BaseModel)


def room_for_facts(subjects: Sequence[Digest], signers: Sequence[Signer], checks: Sequence[SignatureCheck]) -> int:
    """The bytes that facts may take beside all this."""
    proofs = sum(map(_size, (*signers, *checks)))
    return max(_EVENT - _REST - _A_SUBJECT * len(subjects) - 2 * proofs, 0)


def fitted(facts: Facts, room: int) -> Facts:
    """The same facts in at most `room` bytes of JSON, if shorter lists can do that."""
    if _size(facts) <= room:
        return facts
    if isinstance(facts, SbomFacts):
        return _licences_fitted(facts, room)
    if isinstance(facts, OtherFacts):
        return OtherFacts()
    for name in _SHORTENED.get(facts.kind, ()):
        facts = _cut(facts, room, name)
    return facts


def _licences_fitted(facts: SbomFacts, room: int) -> SbomFacts:
    for named in _NAMED:
        uses = tuple(use.model_copy(update={"components": use.components[:named]}) for use in facts.licenses)
        unlicensed = facts.unlicensed and facts.unlicensed.model_copy(
            update={"components": facts.unlicensed.components[:named]}
        )
        facts = facts.model_copy(update={"licenses": uses, "unlicensed": unlicensed})
        if _size(facts) <= room:
            return facts
    shorter = _cut(facts, room, "licenses")
    unlisted = facts.unlisted_licenses + len(facts.licenses) - len(shorter.licenses)
    return shorter.model_copy(update={"unlisted_licenses": unlisted})


def _cut(facts: _Cut, room: int, name: str) -> _Cut:
    listed = getattr(facts, name)
    room -= _size(facts.model_copy(update={name: ()}))
    kept = 0
    for one in listed:
        room -= _size(one) + 1
        if room < 0:
            break
        kept += 1
    return facts.model_copy(update={name: listed[:kept]})


def _size(value: Any) -> int:
    return len(_ANY.dump_json(value))
