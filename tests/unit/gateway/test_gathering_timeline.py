"""How much of a version's history is read, and where it is cut when there is more."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.headers import Meta
from contracts.message import Query
from contracts.promotion.v1.queries import ListPromotions
from contracts.promotion.v1.views import PromotionPage, PromotionView
from contracts.vocabulary import Actor, ActorKind
from deploy.examples import example_of
from services.gateway.asking import Asking
from services.gateway.gathering_timeline import Reading
from shared.identity import Caller

NOW = datetime(2026, 6, 1, tzinfo=UTC)
QUERY = ListPromotions(project="shop", application="web", version="1.0", limit=2)


@dataclass
class Pages:
    """A service that has some promotions, the newest first, one an hour."""

    count: int
    asked: list[Query] = field(default_factory=list)

    async def ask_raw(self, query: ListPromotions, **_: Any) -> dict[str, Any]:
        self.asked.append(query)
        first = int(query.after or 0)
        shown = [self.promotion(place) for place in range(first, min(first + query.limit, self.count))]
        following = first + query.limit
        page = PromotionPage(promotions=tuple(shown), next=str(following) if following < self.count else None)
        return page.model_dump(mode="json")

    @staticmethod
    def promotion(place: int) -> PromotionView:
        known = example_of(PromotionView).model_dump()
        return PromotionView.model_validate(
            {**known, "promotion_id": f"pr-{place}", "requested_at": NOW - timedelta(hours=place)}
        )


def reading(service: Pages, most: int) -> Reading:
    meta = Meta(message_id="m", correlation_id="m", source="/test", time=NOW)
    caller = Caller(Actor(subject="ann", kind=ActorKind.HUMAN), {})
    asking = Asking(service, caller, meta, lambda: "token", 1.0)  # type: ignore[arg-type]
    return Reading(asking, most)


async def newest(service: Pages, most: int) -> tuple[list[str], datetime | None]:
    made = reading(service, most)
    found: list[PromotionView] = await made.newest(QUERY, PromotionPage, "promotions", lambda one: one.requested_at)
    return [one.promotion_id for one in found], made.since


async def test_questions_that_are_asked_together_are_answered_in_their_order() -> None:
    service = Pages(100)
    queries = [QUERY.model_copy(update={"after": str(place)}) for place in range(40)]
    pages = await reading(service, 1).asking.ask_each(queries, PromotionPage)
    assert [page.promotions[0].promotion_id for page in pages] == [f"pr-{place}" for place in range(40)]
    assert len(service.asked) == 40


@pytest.mark.parametrize(("count", "most"), [(0, 5), (1, 5), (4, 4), (5, 5)])
async def test_all_is_read_and_nothing_is_cut(count: int, most: int) -> None:
    assert await newest(Pages(count), most) == ([f"pr-{place}" for place in range(count)], None)


@pytest.mark.parametrize(("count", "most"), [(5, 4), (100, 3), (2, 1)])
async def test_what_is_beyond_is_cut_at_the_oldest_that_was_read(count: int, most: int) -> None:
    service = Pages(count)
    found, since = await newest(service, most)
    assert found == [f"pr-{place}" for place in range(most)]
    assert since == NOW - timedelta(hours=most - 1)
    assert len(service.asked) == most // QUERY.limit + 1, "no page more than needed"


async def test_the_shortest_source_decides_for_all() -> None:
    def a_day_earlier(one: PromotionView) -> datetime:
        return one.requested_at - timedelta(days=1)

    made = reading(Pages(9), 2)
    await made.newest(QUERY, PromotionPage, "promotions", lambda one: one.requested_at)
    first = made.since
    await made.newest(QUERY, PromotionPage, "promotions", a_day_earlier)
    assert made.since == first == NOW - timedelta(hours=1)
