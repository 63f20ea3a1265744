"""Somebody at the command line of a running stack."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

import httpx

from deploy.local.stack import Stack
from tests.support.shop import Shop


@dataclass
class Person:
    """Somebody at the command line."""

    stack: Stack
    token: str

    async def hallmark(self, *words: object, ends: int = 0) -> Any:
        """The JSON that the command answers, or says on standard error when it fails."""
        process = await self.start("--json", *words)
        printed, complained = await process.communicate()
        assert process.returncode == ends, (words, printed, complained)
        return json.loads(printed or complained)

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON that the API answers."""
        headers = {"authorization": f"Bearer {self.token}"}
        given = {name: value for name, value in query.items() if value is not None}
        async with httpx.AsyncClient(base_url=f"{self.stack.urls['gateway']}/api/v1", headers=headers) as http:
            answer = await http.request(method, path, json=body, params=given, timeout=30)
        assert answer.is_success, answer.text
        return answer.json()

    async def start(self, *words: object) -> asyncio.subprocess.Process:
        """The command, while it runs."""
        where = {"HALLMARK_URL": self.stack.urls["gateway"], "HALLMARK_TOKEN": self.token}
        env = {**os.environ, **where, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
        command = (sys.executable, "-m", "services.cli.main", *map(str, words))
        return await asyncio.create_subprocess_exec(
            *command, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )


async def a_person(shop: Shop, stack: Stack, name: str, role: str) -> Person:
    body = {"subject": name, "kind": "human", "grants": {"shop": [role]}}
    made = (await shop.ask("POST", "/tokens", f"token-{name}", json=body)).json()
    return Person(stack, made["token"])
