"""Bad input on the whole stack: a clear problem, nothing of it counts, and everything works afterwards."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.stack import running_stack
from deploy.system import stack_options
from shared.crypto import keys
from tests.support.shop import Shop

LATE = {"promotion_in_progress", "promotion_skips_stage"}
"""What rivals are told: while the winner is under way, and once it has arrived."""
pytestmark = [pytest.mark.servers, pytest.mark.stack]


async def send(shop: Shop, body: bytes) -> httpx.Response:
    return await shop.http.post("/projects/shop/evidence", content=body)


def tampered(envelope: bytes) -> bytes:
    """The same signatures over another statement."""
    parsed: dict[str, Any] = json.loads(envelope)
    payload = base64.b64decode(parsed["payload"]).replace(b"PASSED", b"WARNED")
    return json.dumps(parsed | {"payload": base64.b64encode(payload).decode()}).encode()


async def test_bad_evidence_is_told_so_and_never_counts(tmp_path: Path) -> None:
    options = stack_options(tmp_path / "data", usual_ports=False)
    token = (tmp_path / "data/secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, token) as shop:
        await shop.set_up()
        await shop.create("1.0", tested=False)
        assert (await shop.promote("1.0", "dev"))["state"] == "completed"
        body = {"application": "web", "version": "1.0", "to_stage": "qa", "patience_seconds": 3600}
        waiting = (await shop.ask("POST", "/projects/shop/promotions", "p1", json=body)).json()

        kept_without_counting = {
            "signed by nobody we trust": (shop.envelope("1.0", key=keys.generate()), "no_trusted_signature"),
            "changed after it was signed": (tampered(shop.envelope("1.0")), "no_trusted_signature"),
            "a type this key may not vouch for": (
                shop.envelope("1.0", predicate_type="https://example.org/other/v1"),
                "predicate_not_allowed",
            ),
            "an approval signed by a tool": (
                shop.envelope("1.0", predicate_type="https://hallmark.dev/attestation/approval/v1"),
                "predicate_not_allowed",
            ),
        }
        for what, (envelope, problem) in kept_without_counting.items():
            receipt = (await send(shop, envelope)).json()
            assert (receipt["verified"], receipt["problem"]) == (False, problem), what
            assert receipt["remedy"], what
        other = (await send(shop, shop.envelope("another artifact"))).json()
        assert other["verified"], "it is sound, about something else"

        sound = json.loads(shop.envelope("1.0"))
        no_statement = json.dumps(sound | {"payload": base64.b64encode(b"no statement").decode()}).encode()
        refused = {
            "no JSON": (b"not json", 422),
            "an array": (b"[]", 422),
            "an empty body": (b"", 422),
            "deep nesting": (b"[" * 100_000, 422),
            "a payload that is no statement": (no_statement, 422),
            "ten megabytes": (b"x" * 10_000_000, 422),
            "more than is taken": (b"x" * (64 * 2**20 + 1), 413),
        }
        for what, (content, status) in refused.items():
            answer = await send(shop, content)
            assert answer.status_code == status, f"{what}: {answer.text}"
            problem = answer.json()
            assert problem["code"], what
            assert problem["remedy"], what
            assert answer.headers["content-type"].startswith("application/problem+json")

        listed = (await shop.ask("GET", "/projects/shop/evidence")).json()["evidence"]
        assert len(listed) == len(kept_without_counting) + 1
        promotion = (await shop.ask("GET", f"/projects/shop/promotions/{waiting['promotion_id']}")).json()
        assert promotion["state"] == "checking", "nothing of this opened the gate"
        assert (await send(shop, shop.envelope("1.0"))).json()["verified"]
        assert (await shop.follow(waiting))["state"] == "completed", "and the services are unharmed"


async def test_one_key_is_one_promotion_and_of_two_at_once_one_wins(tmp_path: Path) -> None:
    options = stack_options(tmp_path / "data", scale={"promotion": 2, "gate": 2}, usual_ports=False)
    token = (tmp_path / "data/secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, token) as shop:
        await shop.set_up()
        await shop.create("1.0", tested=False)
        body = {"application": "web", "version": "1.0", "to_stage": "dev"}

        async def ask(key: str) -> httpx.Response:
            return await shop.http.post("/projects/shop/promotions", json=body, headers={"idempotency-key": key})

        same = await asyncio.gather(*(ask("same") for _ in range(8)))
        assert len({answer.json()["promotion_id"] for answer in same}) == 1
        await shop.follow(same[0].json())
        await shop.create("2.0", tested=False)
        body["version"] = "2.0"
        rivals = await asyncio.gather(*(ask(f"rival-{number}") for number in range(6)))
        assert sorted(answer.status_code for answer in rivals) == [202, 409, 409, 409, 409, 409]
        assert {answer.json()["code"] for answer in rivals if answer.status_code == 409} <= LATE
        everything = (await shop.ask("GET", "/projects/shop/promotions")).json()["promotions"]
        assert len(everything) == 2
