"""A project on a running stack, by HTTP, as any client sees it."""

import json
from typing import Any, Self

import httpx

from deploy.local.stack import Stack
from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from tests.support.eventually import eventually

TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
FINAL = {"completed", "denied", "cancelled", "expired", "failed"}
POLICY: dict[str, Any] = {
    "apiVersion": "hallmark/v1",
    "kind": "Policy",
    "metadata": {"project": "shop", "name": "qa"},
    "spec": {
        "gates": [{"stage": "qa", "gate": "entry"}],
        "mode": "block",
        "rules": [{"id": "tests", "title": "Tests passed", "kind": "tests_passed", "signer_role": "test"}],
    },
}


class Shop:
    """A project on a running stack, by HTTP, as impatient as any client: it repeats until it is answered."""

    def __init__(self, stack: Stack, token: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=f"{stack.urls['gateway']}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=30
        )
        self.key = keys.generate()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def ask(self, method: str, path: str, key: str = "", within: float = 60, **options: Any) -> Any:
        async def once() -> httpx.Response | None:
            try:
                return await self.http.request(
                    method, path, headers={"idempotency-key": (key or path).lstrip("/")}, **options
                )
            except httpx.TransportError:
                return None

        answer = await eventually(once, lambda found: found is not None and found.status_code < 500, within=within)
        assert answer is not None
        assert answer.is_success, answer.text
        return answer

    async def set_up(self) -> None:
        stages = [{"name": "dev", "open": ["entry", "exit"]}, {"name": "qa"}, {"name": "prod"}]
        root = {"keys": [keys.public_pem(self.key.public_key())], "predicate_types": [TEST_RESULT], "role": "test"}
        await self.ask("PUT", "/projects/shop", json={"title": "Shop"})
        await self.ask("PUT", "/projects/shop/lifecycles/default", json={"stages": stages})
        await self.ask("PUT", "/projects/shop/applications/web", json={"criticality": "high"})
        await self.ask("PUT", "/projects/shop/trust-roots/test", json=root)
        await self.ask("PUT", "/projects/shop/policies/qa", json={"document": POLICY})

    async def create(self, version: str, *, tested: bool = True) -> None:
        digest = sha256_digest(version.encode())
        body = {"version": version, "artifacts": [{"purl": f"pkg:pypi/web@{version}", "digest": digest}]}
        await self.ask("POST", "/projects/shop/applications/web/versions", f"create-{version}", json=body)
        if tested:
            envelope = self.envelope(version)
            await self.ask("POST", "/projects/shop/evidence", f"evidence-{version}", content=envelope)

    def envelope(self, version: str, *, key: keys.PrivateKey | None = None, predicate_type: str = TEST_RESULT) -> bytes:
        """A signed test result about the artifact of a version."""
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": sha256_digest(version.encode()).removeprefix("sha256:")}}],
            "predicateType": predicate_type,
            "predicate": {"result": "PASSED", "configuration": [], "passedTests": [version]},
        }
        return dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [key or self.key])

    async def promote(self, version: str, stage: str) -> dict[str, Any]:
        """Ask twice with one key, as a client does that got no answer, and follow it to its end."""
        body = {"application": "web", "version": version, "to_stage": stage, "patience_seconds": 90}
        key = f"{version}-{stage}"
        first, again = [(await self.ask("POST", "/projects/shop/promotions", key, json=body)).json() for _ in range(2)]
        assert first["promotion_id"] == again["promotion_id"]
        return await self.follow(first)

    async def follow(self, promotion: dict[str, Any]) -> dict[str, Any]:
        """Follow a promotion to its end."""
        path = f"/projects/shop/promotions/{promotion['promotion_id']}"

        async def look() -> dict[str, Any]:
            found: dict[str, Any] = (await self.ask("GET", path)).json()
            return found

        return await eventually(look, lambda found: found["state"] in FINAL, within=100)
