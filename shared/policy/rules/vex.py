"""Which findings of a scan VEX sets aside: somebody who may say so says that they do not matter here.

- VEX counts when it is verified and signed in one of the roles that the policy names, by an author it names.
- Of all statements about a vulnerability (by id or alias) and the place it was found in, the newest one holds: by its
  own time, which is never later than that of its evidence, then by evidence. Within one document the worse one holds.
- `affected` and `under_investigation` take back what was set aside before, by whatever id of the finding.
- A statement that clears one of several flaws that were found as one clears nothing (`vulnerability_ids.py`).
- Where the newest one is distrusted, no older one takes its place.
- A newer document that cannot be read, or with such statements beyond those listed, may take everything back.
- Clearing statements that are not listed set nothing aside.
- VEX is no waiver: it says that something is not so, not that it is tolerated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.facts import EvidenceItem, FoundVulnerability, UnreadableFacts, VexFacts, VexStatement, VexStatus
from contracts.vocabulary import Digest, Document
from shared.policy.dossier import Dossier, may_be, order_of
from shared.policy.rules.rule import SignerRole
from shared.policy.rules.vex_products import Place, clears, may_concern
from shared.policy.rules.vulnerability_ids import excusing_names, names

Author = Annotated[str, StringConstraints(min_length=1, max_length=500)]
_AGAINST: tuple[VexStatus, ...] = ("affected", "under_investigation")
_Order = tuple[datetime, tuple[datetime, datetime, str], int, int]
_Surroundings = tuple[frozenset[Digest], frozenset[Digest], frozenset[str | None]]


class VexTerms(Document):
    """Whose VEX a rule respects."""

    signer_roles: Annotated[tuple[SignerRole, ...], Field(min_length=1)]
    """It is signed in one of these roles."""
    authors: Annotated[tuple[Author, ...], Field(min_length=1)] | None = None
    """The document names one of these as its author; absent: whoever signs in the role may name anybody."""
    statuses: Annotated[tuple[Literal["not_affected", "fixed"], ...], Field(min_length=1)] = ("not_affected", "fixed")
    """What sets a finding aside."""


@dataclass(frozen=True, slots=True)
class _Said:
    order: _Order
    item: EvidenceItem
    statement: VexStatement

    @property
    def names(self) -> frozenset[str]:
        """The ids of the vulnerability that it speaks of."""
        return names(self.statement.vulnerability, self.statement.aliases)


@dataclass(frozen=True)
class Vex:
    """The VEX about one version that a rule respects."""

    terms: VexTerms
    dossier: Dossier

    def setting_aside(self, finding: FoundVulnerability, subject: Digest) -> EvidenceItem | None:
        """The evidence that sets aside what was found in `subject`; None when nothing does."""
        said = {one.order: one for name in names(finding.id, finding.aliases) for one in self._by_name.get(name, ())}
        if not said:
            return None
        place = Place(*self._surroundings(subject), finding.purl)
        whole = excusing_names(finding.id, finding.aliases)
        for one in sorted(said.values(), key=lambda one: one.order, reverse=True):
            if self._blind is not None and one.order < self._blind:
                return None
            if one.statement.status in _AGAINST:
                if may_concern(one.statement, one.item.subjects, place):
                    return None
            elif not whole.isdisjoint(one.names) and clears(one.statement, one.item.subjects, place):
                holds = one.statement.status in self.terms.statuses and self._trusts(one.item)
                return one.item if holds else None
        return None

    @cached_property
    def _heard(self) -> tuple[EvidenceItem, ...]:
        roles = set(self.terms.signer_roles)
        signed = (one for one in self.dossier.verified if any(signer.role in roles for signer in one.signers))
        return tuple(one for one in signed if may_be(one, "vex") and self._is_by_author(one))

    @cached_property
    def _by_name(self) -> Mapping[str, list[_Said]]:
        found: dict[str, list[_Said]] = {}
        for item in self._heard:
            for one in _statements(item):
                for name in one.names:
                    found.setdefault(name, []).append(one)
        return found

    @cached_property
    def _blind(self) -> _Order | None:
        """What is older than this may have been taken back."""
        hidden = (one for one in self._heard if isinstance(one.facts, UnreadableFacts) or _hides(one.facts))
        return max(((one.made_at, order_of(one), len(_AGAINST), 0) for one in hidden), default=None)

    @cached_property
    def _known_surroundings(self) -> dict[Digest, _Surroundings]:
        return {}

    @cached_property
    def _contents(self) -> Mapping[Digest, list[Digest]]:
        found: dict[Digest, list[Digest]] = {}
        for target, around in self.dossier.covering.items():
            for one in around:
                found.setdefault(one, []).append(target)
        return found

    @cached_property
    def _purls(self) -> Mapping[Digest, str]:
        return {one.digest: one.purl for one in self.dossier.circumstances.artifacts}

    def _surroundings(self, subject: Digest) -> _Surroundings:
        known = self._known_surroundings.get(subject)
        if known is None:
            covering = self.dossier.covering
            targets = self._contents.get(subject, [subject])
            around = covering.get(subject, frozenset({subject, self.dossier.version_digest}))
            within = frozenset(one for target in targets for one in covering.get(target, (target,)))
            purls = frozenset(self._purls.get(target) for target in targets)
            known = self._known_surroundings[subject] = (around, within, purls)
        return known

    def _is_by_author(self, item: EvidenceItem) -> bool:
        # What cannot be read does not say who wrote it.
        authors = self.terms.authors
        return authors is None or not isinstance(item.facts, VexFacts) or item.facts.author in authors

    def _trusts(self, item: EvidenceItem) -> bool:
        trusted = any(one.role in self.terms.signer_roles and not one.distrusted for one in item.signers)
        return trusted and not item.distrusted


def _statements(item: EvidenceItem) -> Iterator[_Said]:
    if not isinstance(item.facts, VexFacts):
        return
    for place, statement in enumerate(item.facts.statements):
        # A time that the evidence itself does not claim is not believed: it could never be taken back.
        made_at = min(statement.made_at or item.made_at, item.made_at)
        yield _Said((made_at, order_of(item), int(statement.status in _AGAINST), place), item, statement)


def _hides(facts: object) -> bool:
    """Whether statements that take something back are not listed."""
    if not isinstance(facts, VexFacts):
        return False
    listed = sum(one.status in _AGAINST for one in facts.statements)
    return sum(facts.counts.get(status, 0) for status in _AGAINST) > listed
