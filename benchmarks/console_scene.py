"""What is multiplied for pages: one application whose versions stand where versions can, made through the API.

- `past` was released and replaced, `current` is what runs now and is at risk by an advisory, `denied` has a critical
  flaw and a waiver for another one, `early` has gone no further than the first stage, `waiting` waits for an approval.
- Names have as many characters as those of their copies, so that documents can be copied as they lie on the disk.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.stack import Stack
from shared.crypto import dsse, keys
from shared.digests import sha256_digest

PROJECT, APPLICATION = "bench", "app-1000"
KINDS = {
    "past": "1.10000.0",
    "current": "2.10000.0",
    "denied": "3.10000.0",
    "early": "4.10000.0",
    "waiting": "5.10000.0",
}
"""The version of each kind."""
_TESTS = "https://in-toto.io/attestation/test-result/v0.1"
_SCAN = "https://in-toto.io/attestation/vulns/v0.2"
_BOM = "https://cyclonedx.org/bom"
_FLAWS = {"past": "CVE-2026-1", "current": "CVE-2026-2", "denied": "CVE-2026-3", "early": "", "waiting": ""}
_PATIENCE_SECONDS = 120.0


class Maker:
    """Makes the scene, as an impatient administrator."""

    def __init__(self, stack: Stack, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self.http = httpx.AsyncClient(base_url=f"{stack.urls['gateway']}/api/v1", headers=headers, timeout=60)
        self._key = keys.generate()
        self.found: dict[str, str] = {"project": PROJECT, "application": APPLICATION, "lifecycle": "default"}
        """What pages are asked for, by the name of the part of the path."""

    async def ask(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """What the API answers. Raises for any refusal."""
        headers = {"idempotency-key": uuid4().hex} | ({"authorization": f"Bearer {token}"} if token else {})
        options: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        if body is None:
            options = {}
        answer = await self.http.request(method, path, headers=headers, **options)
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    async def of_project(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """The same, about the project."""
        return await self.ask(method, f"/projects/{PROJECT}{path}", body, token)

    async def set_up(self) -> None:
        """What stays one however many applications there are."""
        stages = [
            {"name": "dev", "open": ["entry", "exit"]},
            {"name": "qa", "open": ["exit"]},
            {"name": "prod", "open": ["entry", "release"]},
        ]
        pem = keys.public_pem(self._key.public_key())
        root = {"keys": [pem], "predicate_types": [_TESTS, _SCAN, _BOM], "role": "ci"}
        await self.of_project("PUT", "", {"title": "Bench"})
        await self.of_project("PUT", "/lifecycles/default", {"stages": stages})
        await self.of_project("PUT", "/trust-roots/ci", root)
        await self.of_project("PUT", "/policies/safe", {"document": _policy("safe", "qa", "entry", *_SAFE)})
        self.found |= {"trust_root": "ci", "name": "safe", "table": "delivery"}

    async def application(self) -> None:
        """The application that is copied."""
        body = {"criticality": "high", "owners": ["team-bench"], "labels": {"tier": "one"}}
        await self.of_project("PUT", f"/applications/{APPLICATION}", body)

    async def version(self, kind: str, evidence: int) -> None:
        """A version of a kind, with so many pieces of evidence, where versions of its kind end."""
        name = KINDS[kind]
        source = {"repository": "https://git.example/bench", "commit": sha256_digest(name.encode())[7:47]}
        artifact = {"purl": f"pkg:pypi/{APPLICATION}@{name}", "digest": _digest(name)}
        body = {"version": name, "artifacts": [artifact], "source": source}
        await self.of_project("POST", f"/applications/{APPLICATION}/versions", body)
        given = [(_BOM, _bom()), (_SCAN, _scan(_FLAWS[kind], "critical" if kind == "denied" else "low"))]
        given += [(_TESTS, _tests(name, number)) for number in range(max(1, evidence - len(given)))]
        for predicate_type, predicate in given[-max(1, evidence) :]:
            receipt = await self.of_project("POST", "/evidence", self._signed(name, predicate_type, predicate))
            if kind == "current":
                self.found["evidence_id"] = receipt["evidence_id"]
        await self._move(kind)

    async def _move(self, kind: str) -> None:
        await self._promote(kind, "dev")
        if kind == "early":
            return
        await self._promote(kind, "qa", {"denied"} if kind == "denied" else {"completed"})
        if kind == "denied":
            await self._waive()
        elif kind == "waiting":
            policy = _policy("people", "prod", "release", _SOMEBODY)
            await self.of_project("PUT", "/policies/people", {"document": policy})
            await self._promote(kind, "prod", {"awaiting_approval"})
        else:
            await self._promote(kind, "prod")

    async def _promote(self, kind: str, stage: str, ends: frozenset[str] | set[str] = frozenset({"completed"})) -> None:
        body = {"application": APPLICATION, "version": KINDS[kind], "to_stage": stage, "patience_seconds": 86_400}
        asked = await self.of_project("POST", "/promotions", body)
        self.found["promotion_id"] = asked["promotion_id"]
        path = f"/promotions/{asked['promotion_id']}"
        wanted = {*ends, "completed", "denied", "expired", "failed", "cancelled"}
        shown = await _until(lambda: self.of_project("GET", path), lambda one: one["state"] in wanted)
        if shown["state"] not in ends:
            raise RuntimeError(f"{kind} into {stage}: {json.dumps(shown)}")

    async def _waive(self) -> None:
        other = {"subject": "carl", "kind": "human", "grants": {PROJECT: ["contributor"]}}
        carl = (await self.ask("POST", "/tokens", other))["token"]
        asked = {
            "application": APPLICATION,
            "policy": "safe",
            "rule": "flaws",
            "stage": "qa",
            "waives": {"vulnerability": "CVE-2026-9", "component": "pkg:pypi/ink@1.0"},
            "max_severity": "low",
            "reason": "Nothing of it is reached.",
            "expires_at": (datetime.now(UTC) + timedelta(days=60)).isoformat(),
        }
        self.found["waiver_id"] = (await self.of_project("POST", "/waivers", asked, carl))["waiver_id"]
        await self.of_project("POST", f"/waivers/{self.found['waiver_id']}/grant", {"reason": "Agreed."})

    async def advise(self) -> None:
        """An advisory about what every version holds; returns when it has alerted."""
        await self.ask("POST", "/advisories", {"advisories": [_ADVISORY], "source": "bench"})
        path = f"/alerts?application={APPLICATION}"
        shown = await _until(lambda: self.of_project("GET", path), lambda one: bool(one["alerts"]))
        self.found["alert_id"] = shown["alerts"][0]["alert_id"]

    async def look_up(self) -> None:
        """Find what has an id of its own, and choose the version of which most is known."""
        version = KINDS["current"]
        self.found["version"] = version
        path = f"/applications/{APPLICATION}/versions/{version}/verdicts"
        self.found["verdict_id"] = (await self.of_project("GET", path))["verdicts"][0]["verdict_id"]
        self.found["index"] = "10"

    def _signed(self, version: str, predicate_type: str, predicate: Any) -> bytes:
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": _digest(version).removeprefix("sha256:")}}],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
        return dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [self._key])


async def _until(look: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not enough(found := await look()):
        if time.monotonic() > until:
            raise RuntimeError(f"It did not come to what was awaited: {json.dumps(found)[:2000]}")
        await asyncio.sleep(0.1)
    return found


def _digest(version: str) -> str:
    return sha256_digest(f"{APPLICATION} {version}".encode())


def _policy(name: str, stage: str, gate: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "hallmark/v1",
        "kind": "Policy",
        "metadata": {"project": PROJECT, "name": name},
        "spec": {"gates": [{"stage": stage, "gate": gate}], "mode": "block", "rules": list(rules)},
    }


_SAFE = (
    {"id": "tests", "title": "Tests passed", "kind": "tests_passed", "signer_role": "ci"},
    {"id": "flaws", "title": "No critical flaw is known", "kind": "vulnerability_limit", "max": {"critical": 0}},
)
_SOMEBODY = {"id": "somebody", "title": "Somebody answers for it", "kind": "approvals", "role": "approver"}
_ADVISORY = {
    "id": "GHSA-bench",
    "modified": "2026-05-01T00:00:00Z",
    "summary": "The ink runs",
    "database_specific": {"severity": "HIGH"},
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "ink"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
        }
    ],
}


def _bom() -> dict[str, Any]:
    names = (("ink", "1.0", "MIT"), ("paper", "2.0", "Apache-2.0"), ("glue", "3.0", "GPL-3.0-only"))
    listed = [
        {"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"}
        | {"licenses": [{"license": {"id": licence}}]}
        for name, version, licence in names
    ]
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": listed}


def _scan(flaw: str, severity: str) -> dict[str, Any]:
    found = {
        "id": flaw,
        "severity": [{"method": "nvd", "score": severity}],
        "annotations": [{"purl": "pkg:pypi/glue@3.0", "fixed_in": "3.1"}],
    }
    times = {"scanStartedOn": "2026-11-20T10:00:00Z", "scanFinishedOn": "2026-11-20T10:05:00Z"}
    return {"scanner": {"uri": "pkg:github/x/scan@1", "result": [found] if flaw else []}, "metadata": times}


def _tests(version: str, number: int) -> dict[str, Any]:
    return {"result": "PASSED", "configuration": [], "passedTests": [f"{version} test {number}"]}
