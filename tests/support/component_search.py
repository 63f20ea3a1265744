"""Everything that a search among the components of a bill of materials finds, page by page."""

from __future__ import annotations

from typing import Any

from contracts.evidence.v1.queries import ListComponents
from contracts.evidence.v1.views import ComponentPage
from shared.messaging.asking import Asker


async def searched(asker: Asker, query: ListComponents, **wanted: Any) -> list[str]:
    """The package URLs that fit, sorted."""
    found: list[str] = []
    query = query.model_copy(update={"after": None, **wanted})
    while True:
        page = await asker.ask(query, ComponentPage)
        assert len(page.components) <= query.limit
        found += [component.purl for component in page.components]
        if page.next is None:
            return sorted(found)
        query = query.model_copy(update={"after": page.next})
