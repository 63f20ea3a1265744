"""What no application brings along, for the pages of whoever runs the installation.

People with their roles and a webhook with its deliveries are kept as the gateway's repositories keep them. Dead letters
are messages that registry and gate really could not handle. The rule template is made through the API.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.console_scene import PROJECT, Maker
from contracts.vocabulary import Role
from deploy.local.stack import Stack
from services.gateway.people.person import Grant, Proven
from services.gateway.storage.deliveries import DeliveryRepository
from services.gateway.storage.people import COLLECTION as PEOPLE
from services.gateway.storage.people import GRANTS, PeopleRepository
from services.gateway.storage.webhooks import WebhookRepository
from services.gateway.webhooks.delivery import Attempt, Delivery, DeliveryState
from services.gateway.webhooks.webhook import Format, Secret, Webhook, WebhookState
from shared.mongo import Database, connect
from tests.support.poison import bury

PEOPLE_MADE, DELIVERIES, LETTERS = 2_000, 20_000, 250
"""Dead letters of each of two services."""
_AT_ONCE = 1_000
_PATIENCE_SECONDS = 120.0


async def make_platform(maker: Maker, stack: Stack) -> None:
    """All of it, and where its pages are."""
    template = {
        "apiVersion": "hallmark/v1",
        "kind": "RuleTemplate",
        "metadata": {"project": PROJECT, "name": maker.found["name"], "title": "Whatever comes"},
        "spec": {"rego": "package bench\n\nimport rego.v1\n\nallow if true\n", "parameters": {"type": "object"}},
    }
    await maker.of_project("PUT", f"/rule-templates/{maker.found['name']}", {"document": template})
    async with connect(stack.servers.mongo_urls["gateway"], "hallmark_gateway", application="bench") as database:
        person, webhook = await _people(database), await _webhook(database)
    letter = await _dead_letters(maker, stack)
    maker.found |= {"webhook_id": webhook, "person_id": person, "service": "registry", "letter_id": letter}


async def _people(database: Database) -> str:
    people, now = PeopleRepository(database.collection(PEOPLE), database.collection(GRANTS)), datetime.now(UTC)
    for number in range(PEOPLE_MADE):
        person = await people.note_sign_in(Proven("https://issuer.example", f"u{number}", f"Person {number}"), now)
        roles = (Role.VIEWER, Role.CONTRIBUTOR, Role.APPROVER)
        await people.give(
            Grant(person.person_id, f"bench-{place}", role, "bench", now, f"{number}-{place}")
            for place, role in enumerate(roles)
        )
    return person.person_id


async def _webhook(database: Database) -> str:
    # Paused: nobody is to be asked for a name that no receiver has.
    now, name = datetime.now(UTC), "wh-" + "0" * 24
    webhook = Webhook(
        webhook_id=name,
        project=PROJECT,
        url="https://receiver.example/hook",
        shown="https://receiver.example",
        events=("webhook.changed",),
        applications=(),
        format=Format.HALLMARK,
        secrets=(Secret(b"sealed"),),
        state=WebhookState.PAUSED,
        stream="",
        after=0,
        since=now,
        created_by="bench",
        created_at=now,
    )
    await WebhookRepository(database).add(webhook, at_most=1)
    await _deliveries(database, name)
    return name


async def _deliveries(database: Database, webhook: str) -> None:
    repository, now = DeliveryRepository(database), datetime.now(UTC)
    for first in range(0, DELIVERIES, _AT_ONCE):
        await repository.add([_delivery(webhook, number, now) for number in range(first, first + _AT_ONCE)])


def _delivery(webhook: str, number: int, now: datetime) -> Delivery:
    at = now - timedelta(seconds=number)
    return Delivery(
        delivery_id=f"bench-{number}",
        webhook_id=webhook,
        project=PROJECT,
        application="",
        kind="webhook.changed",
        headers={"ce-id": f"bench-{number}"},
        body=b"{}" * 500,
        created_at=at,
        next_at=at,
        sequence=number,
        state=DeliveryState.DEAD if number % 10 == 0 else DeliveryState.DELIVERED,
        tries=1,
        attempts=(Attempt(at, 20, 204, ""),),
    )


async def _dead_letters(maker: Maker, stack: Stack) -> str:
    await bury(stack, LETTERS)
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        found: Any = await maker.ask("GET", "/dead-letters?service=registry&limit=1")
        if found["letters"]:
            return str(found["letters"][0]["letter_id"])
        await asyncio.sleep(0.5)
    raise RuntimeError("The registry has buried nothing.")
