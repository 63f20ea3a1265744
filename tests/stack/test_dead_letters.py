"""Dead letters of a whole system, as an operator sees them by HTTP and on the command line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from tests.support.eventually import eventually
from tests.support.poison import bury
from tests.support.shop import Shop

pytestmark = [pytest.mark.servers, pytest.mark.stack]


async def hallmark(stack: Stack, token: str, *words: str) -> str:
    env = {**os.environ, "HALLMARK_URL": stack.urls["gateway"], "HALLMARK_TOKEN": token, "COLUMNS": "200"}
    command = (sys.executable, "-m", "services.cli.main", *words)
    process = await asyncio.create_subprocess_exec(*command, env=env, stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0].decode()


async def test_dead_letters_are_listed_shown_refused_again_and_dropped(tmp_path: Path) -> None:
    options = stack_options(tmp_path / "data", usual_ports=False)
    token = (tmp_path / "data/secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, token) as shop:
        await bury(stack)

        async def listed() -> list[str]:
            page = (await shop.ask("GET", "/dead-letters")).json()
            assert page["silent"] == []
            return sorted(one["service"] for one in page["letters"])

        await eventually(listed, lambda found: found == ["gate", "registry"])
        one = (await shop.ask("GET", "/dead-letters?limit=1")).json()
        rest = (await shop.ask("GET", f"/dead-letters?after={one['next'].replace('|', '%7C')}")).json()
        assert sorted(page["letters"][0]["service"] for page in (one, rest)) == ["gate", "registry"]
        [letter] = (await shop.ask("GET", "/dead-letters?service=gate")).json()["letters"]
        path = f"/dead-letters/gate/{letter['letter_id']}"
        assert (await shop.ask("GET", path)).json()["headers"]["ce-id"].startswith("bad-")
        again = await shop.http.post(f"{path}/replay", headers={"idempotency-key": "again"}, json={})
        assert (again.status_code, again.json()["code"]) == (422, "message_malformed")
        printed = json.loads(await hallmark(stack, token, "--json", "dead-letter", "list"))
        assert {one["code"] for one in printed} == {"message_malformed"}
        name = f"gate/{letter['letter_id']}"
        assert "poison" in await hallmark(stack, token, "dead-letter", "show", name)
        assert "dropped" in await hallmark(stack, token, "dead-letter", "drop", name, "-m", "a test")
        assert await listed() == ["registry"]
        stranger = await shop.http.get("/dead-letters", headers={"authorization": "Bearer hmk_nobody"})
        assert stranger.status_code == 401
