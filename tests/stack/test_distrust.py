"""A key is distrusted while the evidence service dies again and again: nothing slips through, nothing is done twice."""

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from contracts.evidence.v1.events import EvidenceRejudged
from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from shared.crypto import keys
from tests.support.eventually import eventually
from tests.support.facts import facts_of
from tests.support.shop import POLICY, TEST_RESULT, Shop

pytestmark = [pytest.mark.servers, pytest.mark.stack]
MANY = 240
PROD = [{"stage": "prod", "gate": gate} for gate in ("entry", "release")] + [{"stage": "qa", "gate": "exit"}]


async def pages(shop: Shop, path: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = (await shop.ask("GET", f"{path}?limit=100{after}")).json()
        found += page[name]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


async def submit_many(shop: Shop) -> None:
    for start in range(0, MANY, 40):
        names = [f"other-{number}" for number in range(start, start + 40)]
        asked = (shop.ask("POST", "/projects/shop/evidence", name, content=shop.envelope(name)) for name in names)
        await asyncio.gather(*asked)


async def hallmark(stack: Stack, token: str, *words: str) -> str:
    """What the command line prints for people."""
    env = {**os.environ, "HALLMARK_URL": stack.urls["gateway"], "HALLMARK_TOKEN": token, "COLUMNS": "200"}
    command = (sys.executable, "-m", "services.cli.main", *words)
    process = await asyncio.create_subprocess_exec(*command, env=env, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    return printed.decode()


def trust_root_document(spec: dict[str, Any]) -> dict[str, Any]:
    named = {"metadata": {"project": "shop", "name": "test"}, "apiVersion": "hallmark/v1", "kind": "TrustRoot"}
    return {**named, "spec": {"keys": spec["keys"], "predicateTypes": spec["predicate_types"], "role": spec["role"]}}


async def test_a_key_is_distrusted_while_the_evidence_service_is_killed(tmp_path: Path) -> None:
    options = stack_options(tmp_path / "data", usual_ports=False)
    token = (tmp_path / "data/secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, token) as shop:
        await shop.set_up()
        policy = {**POLICY, "metadata": {"project": "shop", "name": "prod"}, "spec": {**POLICY["spec"], "gates": PROD}}
        await shop.ask("PUT", "/projects/shop/policies/prod", json={"document": policy})
        await shop.create("1.0")
        for stage in ("dev", "qa", "prod"):
            assert (await shop.promote("1.0", stage))["state"] == "completed"
        await shop.create("2.0")
        assert (await shop.promote("2.0", "dev"))["state"] == "completed"
        await submit_many(shop)

        root = {"keys": [keys.public_pem(shop.key.public_key())], "predicate_types": [TEST_RESULT], "role": "test"}
        distrusted = {**root, "distrust_after": "2020-01-01T00:00:00Z"}
        answer = await shop.ask("PUT", "/projects/shop/trust-roots/test", "distrust", json=distrusted)
        assert answer.json()["rejudges"] == MANY + 2
        await stack.kill("evidence")
        body = {"application": "web", "version": "2.0", "to_stage": "qa", "patience_seconds": 5}
        asked = asyncio.create_task(shop.ask("POST", "/projects/shop/promotions", "too-late", within=180, json=body))
        for _ in range(3):
            await stack.wait_ready("evidence")
            await stack.kill("evidence")
        ended = await shop.follow((await asked).json())
        assert ended["state"] == "expired", "asked after the distrust was acknowledged: never judged without it"

        everything = await eventually(
            lambda: pages(shop, "/projects/shop/evidence", "evidence"),
            lambda found: all(one["item"]["distrusted"] for one in found),
            within=180,
        )
        assert len(everything) == MANY + 2
        assert {(one["item"]["revision"], len(one["history"])) for one in everything} == {(1, 1)}
        ids = Counter(one["item"]["evidence_id"] for one in everything)
        said = await eventually(lambda: facts_of(stack, EvidenceRejudged), lambda found: len(found) >= MANY + 2)
        assert Counter(event.item.evidence_id for event in said) == ids, "each announced once"

        async def logged() -> Counter[str]:
            entries = [json.loads(one["entry"]) for one in await pages(shop, "/log/entries", "entries")]
            return Counter(entry["subject"] for entry in entries if entry["kind"] == "judgement")

        assert await eventually(logged, lambda found: found.total() >= MANY + 2) == ids, "each logged once"

        async def trust() -> dict[str, Any]:
            found: dict[str, Any] = (await shop.ask("GET", "/projects/shop/applications/web/versions/1.0/trust")).json()
            return found

        at_risk = await eventually(trust, lambda found: found["trust"] == "at_risk")
        assert [cause["trust_root"] for cause in at_risk["distrusted"]] == ["test"]

        one = at_risk["distrusted"][0]["evidence_id"]
        shown = await hallmark(stack, token, "evidence", "show", one, "--project", "shop")
        for word in ("distrusted", "key_distrusted", "test (distrusted)", "test (revision 2)"):
            assert word in shown
        assert f"{one} is distrusted (test)" in await hallmark(stack, token, "risk", "--project", "shop")
        again = tmp_path / "root.yaml"
        again.write_text(json.dumps(trust_root_document({**root, "predicate_types": ["*"]})))
        applied = await hallmark(stack, token, "apply", "-f", str(again))
        assert f"test: {MANY + 2} pieces of evidence are judged again" in applied
