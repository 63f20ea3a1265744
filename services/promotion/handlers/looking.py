"""What the others know, asked before a promotion is opened: nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.evidence.v1.queries import ReadPositions
from contracts.evidence.v1.views import Positions
from contracts.registry.v1.drafts import SealVersion
from contracts.registry.v1.queries import ShowVersion
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import Digest
from services.promotion.domain.promotion import Promotion
from shared.messaging.dispatcher import Outside

_AT_ONCE = 1000
"""Subjects that one question about positions may name."""


@dataclass(frozen=True)
class Seen:
    """What the others know, as it was just before the request."""

    version: VersionView
    positions: dict[Digest, int]


async def look_at_version(
    outside: Outside, project: str, application: str, version: str, *, seal_as: str | None = None
) -> Seen:
    """Ask where a version stands and how much evidence is on record: the verdict must see all of that.

    `seal_as` is the command id under which a draft is sealed first, in the caller's name.
    """
    named = {"project": project, "application": application, "version": version}
    found = await outside.asker.ask(ShowVersion(**named), VersionView, token=outside.token, cause=outside.meta)
    if found.draft and seal_as:
        seal = SealVersion(**named, command_id=seal_as)
        found = await outside.asker.ask(seal, VersionView, token=outside.token, cause=outside.meta)
    subjects = subjects_of(found.digest, (artifact.digest for artifact in found.artifacts), found.contained)
    return Seen(found, await read_positions(outside, project, subjects))


def subjects_of(
    version_digest: Digest, artifacts: Iterable[Digest], contained: Iterable[Digest] = ()
) -> tuple[Digest, ...]:
    """Every digest that evidence about a version may name."""
    return tuple(sorted({version_digest, *artifacts, *contained}))


def subjects_of_promotion(promotion: Promotion) -> tuple[Digest, ...]:
    """As `subjects_of`, for a promotion's version."""
    return subjects_of(promotion.version_digest, promotion.artifacts, promotion.contained)


async def read_positions(outside: Outside, project: str, subjects: tuple[Digest, ...]) -> dict[Digest, int]:
    """How much evidence is on record right now."""
    positions: dict[Digest, int] = {}
    for first in range(0, len(subjects), _AT_ONCE):
        query = ReadPositions(project=project, subjects=subjects[first : first + _AT_ONCE])
        positions |= (await outside.asker.ask(query, Positions, cause=outside.meta)).positions
    return positions
