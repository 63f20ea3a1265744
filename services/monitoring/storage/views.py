"""The read side: pages of releases in the order in which they want attention."""

from __future__ import annotations

from services.monitoring.domain.release import Release
from services.monitoring.storage.releases import NOT_RISKY_FROM, from_document
from shared.mongo import Collection, Document

MAX_PAGE = 50
"""Releases in one page: each brings causes along, and a reply must stay small."""


async def risk_page(
    releases: Collection, project: str, application: str | None, *, everything: bool, after: str | None, limit: int
) -> tuple[list[Release], str | None]:
    """One page, and what to pass as `after` for the next; None at the end."""
    urgency: Document = {} if everything else {"$lt": NOT_RISKY_FROM}
    if after is not None:
        urgency["$gt"] = after
    where: Document = {"project": project}
    if application is not None:
        where["application"] = application
    if urgency:
        where["urgency"] = urgency
    size = min(limit, MAX_PAGE)
    found = await releases.find(where, sort=(("urgency", 1),), limit=size + 1)
    page = found[:size]
    return [from_document(one) for one in page], page[-1]["urgency"] if len(found) > size else None
