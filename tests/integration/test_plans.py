"""Questions that pages ask of everything there is look at no more than they must, beside much else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from contracts.headers import Meta
from contracts.promotion.v1.surveys import SurveyPromotions
from deploy.local.options import NatsRights
from deploy.local.servers import Servers, running_servers
from services.monitoring.app import SERVICE as MONITORING
from services.monitoring.storage.coverage import WAIVERS, WaiverRepository
from services.promotion.app import SERVICE as PROMOTION
from services.promotion.storage.surveys import Surveys
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Database, connect
from shared.service import Service
from tests.support.monitoring_scenes import NOW
from tests.support.profiled import examined

pytestmark = pytest.mark.servers
MANY, OPEN = 500, 7


@asynccontextmanager
async def a_database(tmp_path: Path, service: Service) -> AsyncIterator[tuple[Servers, Database]]:  # type: ignore[type-arg]
    name = service.name
    async with (
        running_servers(tmp_path / "data", {name: NatsRights()}, [name]) as servers,
        connect(servers.mongo_urls[name], f"hallmark_{name}", application="test") as database,
    ):
        await database.create_indexes(service.indexes)
        yield servers, database


async def test_waiver_debt_is_counted_by_the_index_alone(tmp_path: Path) -> None:
    async with a_database(tmp_path, MONITORING) as (servers, database):
        repository = WaiverRepository(database.collection(WAIVERS))
        for number in range(60):
            facts = {
                "project": f"p{number % 3}",
                "application": "web",
                "open": True,
                "granted_at": NOW - timedelta(days=number),
                "expires_at": NOW + timedelta(days=1 + number),
            }
            await repository.told(f"w{number}", facts, 1)
        for where, waivers in ({}, 60), ({"project": "p1"}, 20):
            ages, ends = await repository.debt(where, NOW)
            assert (sum(ages), sum(ends)) == (waivers, waivers)
            documents, _ = await examined(servers, "hallmark_monitoring", repository.debt(where, NOW))
            assert documents == 0, where


async def test_what_is_on_its_way_is_found_among_what_is_open_alone(tmp_path: Path) -> None:
    async with a_database(tmp_path, PROMOTION) as (servers, database):
        await database.collection("promotions").add_all(
            [
                {
                    "_id": f"pr-{number}",
                    "project": f"p{number % 5}",
                    "application": "web",
                    "criticality": "high" if number % 2 else "low",
                    "owners": ["team-web"],
                    "open": number < OPEN,
                    "state": "evaluating" if number < OPEN else "completed",
                    "deadline": NOW + timedelta(days=1),
                    "stepped_at": NOW - timedelta(minutes=number),
                }
                for number in range(MANY)
            ]
        )
        meta = Meta(message_id="m", correlation_id="m", source="/test", time=NOW)
        unit = UnitOfWork("promotion", database, None, meta, NOW)
        for asked, counted in (
            ({}, OPEN),
            ({"owner": "team-web"}, OPEN),
            ({"criticality": "high"}, 3),
            ({"project": "p0"}, 2),
        ):
            surveys = Surveys(unit, SurveyPromotions.model_validate(asked), None)
            assert await surveys.count_open() == counted
            documents, keys = await examined(servers, "hallmark_promotion", surveys.count_open())
            assert documents <= OPEN, asked
            assert keys <= 2 * OPEN, asked
            assert asked in ({"owner": "team-web"}, {"criticality": "high"}) or documents == 0, "by the index alone"
