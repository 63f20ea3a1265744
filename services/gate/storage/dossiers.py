"""Dossiers, put together from what was heard. Nothing is copied, so nothing can be out of date.

A dossier reads what its indexes name and never the history: the version, what it contains, the evidence about exactly
that, and its surroundings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from contracts.circumstances import Circumstances
from contracts.facts import VulnerabilityFacts
from contracts.vocabulary import Criticality, Digest
from services.gate.storage.evidence import Evidence, Piece
from services.gate.storage.exploitation import KnownExploitation
from services.gate.storage.surroundings import Surroundings
from services.gate.storage.versions import Versions, artifacts_of, source_of
from services.gate.storage.waivers import Waivers
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Document
from shared.policy.dossier import Dossier


class Held(NamedTuple):
    """A dossier, and what pins each piece of evidence in it as it stands."""

    dossier: Dossier
    records: Mapping[str, Digest]
    """By evidence id."""


class Dossiers:
    """What the gate knows about versions."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._now = unit.now
        self.versions = Versions(unit)
        self.evidence = Evidence(unit)
        self.surroundings = Surroundings(unit)
        self.exploitation = KnownExploitation(unit)
        self.waivers = Waivers(unit)

    async def of(self, project: str, application: str, version: str, *, counting: Iterable[str] = ()) -> Held | None:
        """The dossier of a version; None while the version has not been heard of.

        `counting` names more digests: evidence about them is loaded to be counted, and no rule judges it.
        """
        found = await self.versions.get(f"{project}/{application}/{version}")
        if found is None:
            return None
        contents = await self.versions.contents(found["nested"])
        inside = {digest for part in contents.known for digest in (part.digest, *part.artifacts)}
        pieces = await self.evidence.about(project, {*found["subjects"], *inside, *counting})
        context = await self.surroundings.context(project, application)
        dossier = Dossier(
            project=project,
            application=application,
            version=version,
            version_digest=found["version_digest"],
            artifacts=tuple(digest for digest, _ in found["artifacts"]),
            criticality=context.criticality if context else Criticality.UNSPECIFIED,
            labels=context.labels if context else {},
            items=tuple(piece.item for piece in pieces),
            circumstances=Circumstances(
                artifacts=artifacts_of(found),
                source=source_of(found),
                registered_by=found["registered_by"],
                registered_at=found["registered_at"],
                contained=contents.known,
                unknown=contents.unknown,
                **await self._surrounding(found, pieces),
            ),
        )
        return Held(dossier, {piece.item.evidence_id: piece.record for piece in pieces})

    async def _surrounding(self, version: Document, pieces: list[Piece]) -> Document:
        application = f"{version['project']}/{version['application']}"
        named = {
            name
            for piece in pieces
            if isinstance(piece.item.facts, VulnerabilityFacts)
            for found in piece.item.facts.vulnerabilities
            for name in (found.id, *found.aliases)
        }
        return {
            "passed": await self.surroundings.passed(version["_id"]),
            "current": await self.surroundings.current(application),
            "incidents": await self.surroundings.incidents(application, version["version"]),
            "exploitation": await self.exploitation.of(named),
            "waivers": await self.waivers.in_force(application, self._now),
        }
