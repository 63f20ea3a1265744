"""A project of a test's own on the shared stack: pages of different tests do not see each other's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from tests.console.conftest import Console
from tests.support.browser import Tab
from tests.support.eventually import eventually
from tests.support.shop import FINAL, TEST_RESULT

HOSTILE = "<script>alert(1)</script>\u202eevil\u202c" + "w" * 150
STAGES = [
    {"name": "dev", "open": ["entry", "exit"]},
    {"name": "qa", "open": ["exit"]},
    {"name": "prod", "title": "Production", "open": ["entry", "release"]},
]


@dataclass
class Place:
    """One project, whose gate into `qa` asks for tests that passed."""

    console: Console
    project: str

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """What the API answers about this project."""
        return (await self.console.shop.ask(method, f"/projects/{self.project}{path}", uuid4().hex, **options)).json()

    async def set_up(self, *applications: str) -> None:
        """The project with its lifecycle, its policy, and whose tests are believed."""
        pem = keys.public_pem(self.console.shop.key.public_key())
        rule = {
            "id": "tests",
            "title": "The tests of this build passed",
            "kind": "tests_passed",
            "signer_role": "test",
            "remedy": "Run the tests and attach the result.",
        }
        policy = {
            "apiVersion": "hallmark/v1",
            "kind": "Policy",
            "metadata": {"project": self.project, "name": "qa"},
            "spec": {"gates": [{"stage": "qa", "gate": "entry"}], "rules": [rule]},
        }
        await self.ask("PUT", "", json={"title": f"Project {self.project}"})
        await self.ask("PUT", "/lifecycles/default", json={"stages": STAGES})
        root = {"keys": [pem], "predicate_types": [TEST_RESULT], "role": "test"}
        await self.ask("PUT", "/trust-roots/test", json=root)
        await self.ask("PUT", "/policies/qa", json={"document": policy})
        for one in applications:
            await self.ask("PUT", f"/applications/{one}", json={"criticality": "high", "owners": ["team-red"]})

    def artifact(self, application: str, version: str) -> str:
        """The digest of what a version is made of."""
        return sha256_digest(f"{self.project}/{application}/{version}".encode())

    def envelope(self, application: str, version: str) -> bytes:
        """A signed test result."""
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": self.artifact(application, version).removeprefix("sha256:")}}],
            "predicateType": TEST_RESULT,
            "predicate": {"result": "PASSED", "configuration": [], "passedTests": [version]},
        }
        return dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [self.console.shop.key])

    async def version(self, application: str, version: str, *to: str, tested: bool = True) -> None:
        """A version, and its way through stages."""
        artifact = {"purl": f"pkg:pypi/{application}@{version}", "digest": self.artifact(application, version)}
        body = {"version": version, "artifacts": [artifact]}
        await self.ask("POST", f"/applications/{application}/versions", json=body)
        if tested:
            await self.ask("POST", "/evidence", content=self.envelope(application, version))
        for stage in to:
            await self.promote(application, version, stage)

    async def version_is_news(self, tab: Tab, application: str, version: str) -> None:
        """A version is registered, and the page has looked at itself again because of it."""
        async with tab.page.expect_response(lambda answer: "x-refresh" in answer.request.headers) as looked:
            await self.version(application, version, tested=False)
        await (await looked.value).finished()
        await tab.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    async def promote(self, application: str, version: str, stage: str) -> dict[str, Any]:
        """Ask for a promotion, and follow it to its end."""
        body = {"application": application, "version": version, "to_stage": stage, "patience_seconds": 90}
        return await self.ended((await self.ask("POST", "/promotions", json=body))["promotion_id"])

    async def ended(self, promotion_id: str) -> dict[str, Any]:
        """A promotion once it has ended."""

        async def look() -> dict[str, Any]:
            found: dict[str, Any] = await self.ask("GET", f"/promotions/{promotion_id}")
            return found

        return await eventually(look, lambda found: found["state"] in FINAL, within=100)

    async def promotions(self, application: str) -> list[dict[str, Any]]:
        """All of them, newest first."""
        found: list[dict[str, Any]] = (await self.ask("GET", f"/promotions?application={application}"))["promotions"]
        return found

    async def token(self, *roles: str, subject: str = "vera", project: str = "") -> str:
        """An access token with these roles in this project."""
        body = {"subject": subject, "kind": "human", "grants": {project or self.project: list(roles)}}
        return str((await self.console.shop.ask("POST", "/tokens", uuid4().hex, json=body)).json()["token"])


async def post_as(console: Console, token: str, path: str, **fields: str) -> httpx.Response:
    """Send a form as somebody whose page did not offer it, with all that makes it count."""
    async with httpx.AsyncClient(base_url=console.url) as http:
        await http.post("/sign-in", data={"token": token})
        shown = await http.get("/start", headers={"accept": "text/html"})
        csrf = shown.text.split('name="csrf" value="')[1].split('"')[0]
        return await http.post(path, data={"csrf": csrf, "command_id": uuid4().hex, **fields})
