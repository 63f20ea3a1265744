"""CDEvents and CloudEvents headers, as they lie on NATS."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from contracts.registry.v1.queries import ShowProject
from contracts.registry.v1.views import ProjectView
from contracts.vocabulary import PromotionState
from shared.errors import Transient
from tests.integration.promotion_neighbours import a_saga
from tests.integration.test_messaging import facts
from tests.support.cdevents_standard import SCHEMAS_ARE_HERE, require_valid
from tests.support.ledger import ledger_service
from tests.support.system import a_system

pytestmark = pytest.mark.servers
REQUIRED = {"ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-datacontenttype"}


async def test_a_release_is_said_in_cdevents_too_after_the_facts_of_our_own(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        done = await saga.becomes((await saga.request()).promotion_id, PromotionState.COMPLETED)
        await saga.run.relay.idle.wait()
        said: list[dict[str, Any]] = [dict(fact) for fact in await facts(saga.system)]
    assert all(fact["headers"].keys() >= REQUIRED for fact in said)
    types = [fact["headers"]["ce-type"] for fact in said]
    cdevents = [fact for fact in said if fact["headers"]["ce-type"].startswith("dev.")]
    assert [".".join(fact["context"]["type"].split(".")[2:4]) for fact in cdevents] == [
        "pipelinerun.queued",
        "pipelinerun.started",
        "pipelinerun.finished",
        "hallmark-release.trusted",
    ]
    for fact in cdevents:
        headers = fact.pop("headers")
        assert headers["ce-id"] == fact["context"]["id"] != headers["Nats-Msg-Id"]
        assert headers["ce-type"] == fact["context"]["type"]
        assert headers["ce-source"] == fact["context"]["source"] == "/hallmark/promotion"
        assert headers["ce-subject"] == fact["subject"]["id"]
        if SCHEMAS_ARE_HERE:
            require_valid(fact)
    assert cdevents[2]["subject"]["id"] == done.promotion_id
    trusted = types.index("hallmark.evt.promotion.release.trusted.v1")
    assert trusted < types.index("dev.cdevents.pipelinerun.finished.0.3.0")


async def test_asks_are_cloudevents_as_well(tmp_path: Path) -> None:
    async with a_system(tmp_path, ledger_service()) as system:
        heard = await (await system.connect("registry")).subscribe(ShowProject.subject)
        asker = await system.asker()
        asking = asyncio.create_task(asker.ask(ShowProject(project="shop"), ProjectView, deadline=1.0))
        message = await heard.next_msg(timeout=20)
        with pytest.raises(Transient):
            await asking
        assert (message.headers or {}).keys() >= REQUIRED
        assert (message.headers or {})["ce-type"] == ShowProject.subject
