"""A project whose versions are denied, excepted and approved: for the pages of versions and promotions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from playwright.async_api import Browser

from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from tests.console.conftest import Console
from tests.support.browser import Tab, a_tab
from tests.support.eventually import eventually

TESTS = "https://in-toto.io/attestation/test-result/v0.1"
SCAN = "https://in-toto.io/attestation/vulns/v0.2"
BOM = "https://cyclonedx.org/bom"
NASTY = "<script>alert(1)</script>\u202egnp.exe " + "long" * 60
"""What nobody may be fooled by."""


@dataclass
class Press:
    """Project `press`: stages build, qa (tests and a scan) and prod (two gates, an approval)."""

    console: Console
    people: dict[str, str] = field(default_factory=dict)
    """Tokens by name."""
    key: keys.PrivateKey = field(default_factory=keys.generate)

    async def set_up(self) -> None:
        stages = [
            {"name": "build", "open": ["entry", "exit"]},
            {"name": "qa", "title": NASTY[:60], "open": ["exit"]},
            {"name": "prod", "open": ["release"]},
        ]
        root = {"keys": [keys.public_pem(self.key.public_key())], "predicate_types": [TESTS, SCAN, BOM], "role": "ci"}
        await self.ask("PUT", "", {"title": "Press", "public_badges": True})
        await self.ask("PUT", "/lifecycles/default", {"stages": stages})
        await self.ask("PUT", "/applications/daily", {"criticality": "high", "owners": ["desk"]})
        await self.ask("PUT", "/trust-roots/ci", root)
        await self.ask("PUT", "/policies/safe", {"document": policy("safe", "qa", *SAFE)})
        await self.ask("PUT", "/policies/people", {"document": policy("people", "prod", PEOPLE)})
        for name, *roles in (
            ("vera", "viewer"),
            ("rita", "release_manager", "contributor"),
            ("sam", "security"),
            ("ada", "approver"),
        ):
            body = {"subject": name, "kind": "human", "grants": {"press": roles}}
            made = await self.console.shop.ask("POST", "/tokens", f"press-{name}", json=body)
            self.people[name] = made.json()["token"]

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """What the API answers the administrator about the project."""
        options: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        where = f"/projects/press{path}"
        return (await self.console.shop.ask(method, where, f"press{path}{key}", **options)).json()

    async def create(self, version: str) -> None:
        purl = f"pkg:generic/daily@{version}"
        body: dict[str, Any] = {"version": version, "artifacts": [{"purl": purl, "digest": digest_of(version)}]}
        body["source"] = {"repository": "https://git.example/daily", "commit": "0a1b2c3d4e5f", "branch": NASTY[:40]}
        await self.ask("POST", "/applications/daily/versions", body, version)
        await self.attach(version, TESTS, {"result": "PASSED", "configuration": [], "passedTests": ["a", "b"]})

    async def attach(self, version: str, predicate_type: str, predicate: Any, *, mine: bool = True) -> str:
        """Hand in evidence on the artifact; the id it got."""
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": digest_of(version).removeprefix("sha256:")}}],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
        payload = json.dumps(statement).encode()
        signed = dsse.sign("application/vnd.in-toto+json", payload, [self.key if mine else keys.generate()])
        receipt = await self.ask("POST", "/evidence", signed, sha256_digest(signed))
        return str(receipt["evidence_id"])

    async def scan(self, version: str, *ids: str) -> str:
        return await self.attach(version, SCAN, a_scan(*ids))

    async def promote(self, version: str, by: str, stage: str) -> str:
        """Ask in somebody's name; the promotion's id."""
        body = {"application": "daily", "version": version, "to_stage": stage, "patience_seconds": 600}
        headers = {"authorization": f"Bearer {self.people[by]}", "idempotency-key": f"{version}-{stage}-{by}"}
        answer = await self.console.shop.http.post("/projects/press/promotions", json=body, headers=headers)
        assert answer.is_success, answer.text
        return str(answer.json()["promotion_id"])

    async def becomes(self, promotion_id: str, *states: str) -> dict[str, Any]:
        async def look() -> dict[str, Any]:
            found: dict[str, Any] = await self.ask("GET", f"/promotions/{promotion_id}")
            return found

        return await eventually(look, lambda found: found["state"] in states, within=60)

    def tab_of(self, name: str) -> Any:
        """A page on which that person is signed in."""
        return Signed(self.console.browser, self.console.url, self.people[name])


class Signed:
    """A tab of somebody, for `async with`."""

    def __init__(self, browser: Browser, url: str, token: str) -> None:
        self._open = a_tab(browser, url)
        self._token = token

    async def __aenter__(self) -> Tab:
        tab = await self._open.__aenter__()
        await tab.sign_in(self._token)
        return tab

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.__aexit__(kind, error, trace)


SAFE = (
    {"id": "tests", "title": f"Tests passed {NASTY[:40]}", "kind": "tests_passed", "signer_role": "ci"},
    {"id": "flaws", "title": "No critical flaw is known", "kind": "vulnerability_limit", "max": {"critical": 0}},
)
PEOPLE = {"id": "somebody", "title": "Somebody answers for it", "kind": "approvals", "role": "approver"}


def policy(name: str, stage: str, *rules: dict[str, Any]) -> dict[str, Any]:
    """A policy on the way into a stage."""
    return {
        "apiVersion": "hallmark/v1",
        "kind": "Policy",
        "metadata": {"project": "press", "name": name},
        "spec": {"gates": [{"stage": stage, "gate": "entry"}], "mode": "block", "rules": list(rules)},
    }


def digest_of(version: str) -> str:
    """The digest of a version's artifact."""
    return sha256_digest(f"daily {version}".encode())


def a_bom() -> dict[str, Any]:
    """A bill of materials with three components."""
    listed = [
        {"type": "library", "name": "ink", "version": "1.0", "purl": "pkg:pypi/ink@1.0", "licenses": [MIT]},
        {"type": "library", "name": "paper", "version": "2.0", "purl": "pkg:npm/paper@2.0", "licenses": [GPL]},
        {"type": "library", "name": "glue", "version": "3.0", "purl": "pkg:npm/glue@3.0"},
    ]
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": listed}


MIT, GPL = {"license": {"id": "MIT"}}, {"license": {"id": "GPL-3.0-only"}}


def a_scan(*ids: str) -> dict[str, Any]:
    """A scan that found these, all of them critical."""
    found = [
        {
            "id": one,
            "severity": [{"method": "nvd", "score": "critical"}],
            "annotations": [{"purl": "pkg:pypi/ink@1.0", "fixed_in": "1.1"}],
        }
        for one in ids
    ]
    times = {"scanStartedOn": "2026-11-20T10:00:00Z", "scanFinishedOn": "2026-11-20T10:05:00Z"}
    return {"scanner": {"uri": "pkg:github/x/scan@1", "result": found}, "metadata": times}
