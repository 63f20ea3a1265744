"""Three NATS servers and three mongod: the one that leads dies, freezes or loses the others (rows 8, 9, 10, 12, 17).

Each prints how long promotions stood still; figures of one run are in `docs/running-many.md`.
"""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from contracts.streams import EVT, TELL
from deploy.local.nodes import MONGOD, names
from shared.clock import utc_now
from tests.support.cluster import Cluster, a_cluster, frozen
from tests.support.eventually import eventually

pytestmark = [pytest.mark.servers, pytest.mark.stack, pytest.mark.faults]


async def test_08_the_primary_of_mongodb_is_killed(tmp_path: Path) -> None:
    async with a_cluster(tmp_path) as cluster:
        killed, at = await cluster.primary(), utc_now()
        await cluster.stack.kill(killed)
        await cluster.primary(besides=killed)
        await cluster.more_ended()
        await cluster.settle()
        cluster.report("primary killed", at)


async def test_09_the_primary_of_mongodb_freezes_and_comes_back(tmp_path: Path) -> None:
    async with a_cluster(tmp_path) as cluster:
        old, at = await cluster.primary(), utc_now()
        async with frozen(cluster.stack, old):
            new = await cluster.primary(besides=old)
            await cluster.more_ended()
        hello = await eventually(lambda: cluster.hello(old), lambda said: said.get("secondary"), within=60)
        assert hello["primary"] == (await cluster.hello(new))["me"], "the old one follows"
        await cluster.more_ended()
        await cluster.settle()
        cluster.report("primary frozen", at)


async def status_of(cluster: Cluster, method: str, path: str, key: str = "", **options: object) -> int:
    """One answer's status, asked once; 599 for none."""
    url = f"{cluster.stack.urls['gateway']}/api/v1{path}"
    headers = {"authorization": f"Bearer {cluster.traffic.client.token}", "idempotency-key": key}
    async with httpx.AsyncClient(timeout=60) as http:
        try:
            return (await http.request(method, url, headers=headers, **options)).status_code  # type: ignore[arg-type]
        except httpx.TransportError:
            return 599


async def test_10_without_a_majority_nothing_is_acknowledged(tmp_path: Path) -> None:
    async with a_cluster(tmp_path) as cluster:
        primary, at = await cluster.primary(), utc_now()
        others = [name for name in names(MONGOD, 3) if name != primary]
        for name in others:
            await cluster.stack.stop(name)
        body = {"title": "Written to a minority"}
        first = await status_of(cluster, "PUT", "/projects/minority", "m", json=body)
        await eventually(lambda: cluster.hello(primary), lambda said: said.get("secondary"), within=60)
        later = await status_of(cluster, "PUT", "/projects/minority", "m", json=body)
        read = await status_of(cluster, "GET", "/projects/shop")
        assert (first, later, read) == (503, 503, 503)
        async with httpx.AsyncClient(timeout=10) as http:
            ready = await http.get(f"{cluster.stack.urls['promotion']}/ready")
        assert (ready.status_code, ready.json()["problems"]) == (503, ["MongoDB does not answer"])
        for name in others:
            cluster.stack.start(name)
        await cluster.primary()
        assert (await cluster.traffic.client.ask("PUT", "/projects/minority", "m", json=body)).is_success
        await cluster.more_ended()
        recorded = await cluster.settle()
        cluster.report("two of three mongod stopped", at)
        said = [one for one in recorded.facts_of("project.applied") if one.json()["project"] == "minority"]
        assert len(said) == 1


@pytest.mark.parametrize("stream", [TELL, EVT], ids=["tell", "evt"])
async def test_12_the_nats_server_that_leads_a_stream_is_killed(tmp_path: Path, stream: object) -> None:
    assert isinstance(stream, type(EVT))
    async with a_cluster(tmp_path) as cluster:
        killed, at = await cluster.leader_of(stream), utc_now()
        await cluster.stack.kill(killed)
        await cluster.more_ended()
        await cluster.settle()
        cluster.report(f"leader of {stream.name} killed", at)


async def test_17_a_secondary_of_mongodb_is_cut_off(tmp_path: Path) -> None:
    async with a_cluster(tmp_path) as cluster:
        primary, at = await cluster.primary(), utc_now()
        secondary = next(name for name in names(MONGOD, 3) if name != primary)
        async with frozen(cluster.stack, secondary):
            await cluster.more_ended(40)
            assert await cluster.primary() == primary
        assert not {why for why in cluster.traffic.client.repeats if why.isdigit()}, "nobody is refused"
        await cluster.settle()
        cluster.report("secondary frozen", at)
