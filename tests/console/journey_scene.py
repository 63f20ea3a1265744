"""A made-up company that releases a kiosk, and what its people do again and again in the browser."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

from playwright.async_api import FilePayload

from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from tests.support.browser import Tab

TESTS, BOM = "https://in-toto.io/attestation/test-result/v0.1", "https://cyclonedx.org/bom"
PROJECT = "/projects/journey"
APPLICATION = f"{PROJECT}/applications/kiosk"
ROLES = {"dora": "contributor", "rita": "release_manager", "ada": "approver", "sam": "security"}
QA = """\
apiVersion: hallmark/v1
kind: Policy
metadata: {project: journey, name: qa-entry, title: Tested and taken stock of}
spec:
  gates:
    - {stage: qa, gate: entry}
  rules:
    - {id: tests, title: The tests of this build passed, kind: tests_passed, signer_role: build}
    - {id: sbom, title: It is known what is inside, kind: required_evidence, evidence: sbom, signer_role: build}
"""
PROD = """\
apiVersion: hallmark/v1
kind: Policy
metadata: {project: journey, name: prod-entry, title: Somebody answers for it}
spec:
  gates:
    - {stage: prod, gate: entry}
  rules:
    - {id: approved, title: Somebody other than the requester answers for it, kind: approvals, role: approver}
"""


@dataclass
class Company:
    """Everybody, and the key with which the build signs."""

    admin: Tab
    tabs: dict[str, Tab] = field(default_factory=dict)
    key: keys.PrivateKey = field(default_factory=keys.generate)

    def signed(self, version: str, predicate_type: str, predicate: dict[str, Any]) -> FilePayload:
        """A file as a pipeline would leave it."""
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": digest_of(version)}}],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
        envelope = dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [self.key])
        return {"name": "evidence.json", "mimeType": "application/json", "buffer": envelope}

    def tests(self, version: str, *failed: str) -> FilePayload:
        said = {"result": "FAILED" if failed else "PASSED", "configuration": [], "passedTests": ["sells a ticket"]}
        return self.signed(version, TESTS, {**said, "failedTests": list(failed)})

    def stock(self, version: str, *components: str) -> FilePayload:
        listed = [
            {"type": "library", "name": one, "version": "1.0", "purl": f"pkg:pypi/{one}@1.0"} for one in components
        ]
        return self.signed(version, BOM, {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": listed})


def digest_of(version: str) -> str:
    """The SHA-256 of a version's artifact."""
    return sha256_digest(f"kiosk {version}".encode()).removeprefix("sha256:")


async def follow(tab: Tab, *links: str) -> None:
    """Click links one after the other, as they are named on the pages."""
    for name in links:
        link = tab.page.get_by_role("link", name=name, exact=True).first
        async with tab.page.expect_navigation():
            await link.click()


async def hand_in(dora: Tab, version: str, file: FilePayload) -> None:
    await dora.open(f"{APPLICATION}/versions/{version}")
    await follow(dora, "Evidence")
    await dora.page.set_input_files("[name=envelope]", file)
    await dora.press("Hand it in")
    assert "Counts: signed in the role build." in await dora.text("#evidence")


async def see_the_forecast(rita: Tab, move: str) -> str:
    """What the gates would say of a move on the board."""
    await rita.open(PROJECT)
    await follow(rita, "kiosk", move)
    return await rita.text("#forecast")


async def ask_for_it(rita: Tab, reason: str = "") -> None:
    await rita.page.fill("[name=reason]", reason)
    async with rita.page.expect_navigation():
        await rita.page.locator("main form.card button").click()


async def is_done(tab: Tab, says: str) -> None:
    """The page of a promotion says so by itself."""
    await tab.page.locator("#promotion .notice.is-good", has_text=says).wait_for()


async def dead_links(tab: Tab, *begin: str) -> list[str]:
    """Links that lead nowhere, on the pages that one comes to from these; of pages that are alike two are looked at."""
    dead, looked, waiting = [], dict[str, int](), [("nowhere", path) for path in begin]
    while waiting:
        page, path = waiting.pop(0)
        alike = _ID.sub("#", urlsplit(path).path)
        looked[alike] = looked.get(alike, 0) + 1
        if looked[alike] > _ENOUGH or not path.startswith(("/log", "/risk", "/settings", "/policies", *begin)):
            continue
        answer = await tab.page.request.get(f"{tab.url}{path}")
        if answer.status != OK:
            dead.append(f"{path} on {page}: {answer.status}")
        elif answer.headers["content-type"].startswith("text/html"):
            found = (urljoin(path, unescape(one)) for one in _LINK.findall(await answer.text()))
            waiting += [(path, one.partition("#")[0]) for one in found if one.startswith("/") and "static" not in one]
    return dead


_LINK = re.compile(r'<a [^>]*href="([^"]+)"')
_ID = re.compile(r"[0-9a-f]{12,}|[0-9]+(\.[0-9]+)*")
_ENOUGH, OK = 2, 200
