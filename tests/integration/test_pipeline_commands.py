"""Pipeline events and drafts by HTTP and from the command line, before a real gateway and a real registry."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from services.cli.exits import Exit
from services.registry.app import SERVICE
from shared.digests import sha256_digest
from tests.integration.gateway_door import ADMIN, Door, a_door
from tests.integration.registry_shop import a_cdevent
from tests.support.system import a_system

pytestmark = pytest.mark.servers
IMAGE, ARM = sha256_digest(b"image"), sha256_digest(b"arm64")
DOCUMENTS = """
apiVersion: hallmark/v1
kind: Project
metadata: {name: shop}
---
apiVersion: hallmark/v1
kind: Lifecycle
metadata: {name: default, project: shop}
spec: {stages: [{name: dev}, {name: prod}]}
---
apiVersion: hallmark/v1
kind: Application
metadata: {name: cart, project: shop}
spec:
  intake:
    versions: from_tag
    bind: true
    packages: ["pkg:oci/cart*"]
"""


def published(event_id: str, digest: str) -> dict[str, Any]:
    return a_cdevent("artifact.published", f"pkg:oci/cart@{digest.replace(':', '%3A')}?tag=1.0", event_id)


async def take_in_by_http(door: Door) -> None:
    """One artifact, sent in all forms; and what is refused, with its reason."""
    wrapped: dict[str, Any] = {"specversion": "1.0", "data": published("e-1", IMAGE)}
    wrapped |= {name: wrapped["data"]["context"][name] for name in ("id", "source", "type")}
    structured = {"content-type": "application/cloudevents+json"}
    first = await door.ask("POST", "/cdevents", content=json.dumps(wrapped), headers=structured)
    assert first.status_code == 202, first.text
    assert (first.json()["outcome"], first.json()["version"]) == ("recorded", "1.0")
    binary = {"ce-id": "e-1", "ce-type": wrapped["type"], "ce-source": wrapped["source"]}
    again = await door.ask("POST", "/cdevents", json=wrapped["data"], headers=binary)
    assert (again.status_code, again.json()["outcome"]) == (202, "repeated")
    ignored = await door.ask("POST", "/cdevents", json=a_cdevent("build.started", "b", "e-2"))
    assert (ignored.status_code, ignored.json()["outcome"]) == (202, "ignored")
    for headers, body, status, code in (
        (binary | {"ce-id": "e-9"}, wrapped["data"], 422, "event_contradicts_envelope"),
        ({}, {"context": {}}, 422, "request_invalid"),
        ({}, a_cdevent("artifact.published", "pkg:oci/cart@1.0", "e-3"), 422, "artifact_undigested"),
        ({}, a_cdevent("incident.detected", "i-1", "e-4"), 404, "incident_unassigned"),
    ):
        refused = await door.ask("POST", "/cdevents", json=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert refused.json()["remedy"]
    assert (await door.ask("POST", "/cdevents", token=None, json=wrapped["data"])).status_code == 401
    assert (await door.ask("POST", "/cdevents", content=b"[" * 100_000)).status_code == 400


async def test_pipelines_and_people_make_a_version_together(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system, a_door(system) as door:
        await system.start(SERVICE)

        async def run(*words: str | Path, given: bytes = b"") -> tuple[int, Any]:
            """The exit code, and the answer."""
            known = {"HALLMARK_URL": door.url, "HALLMARK_TOKEN": ADMIN, "PYTHONPATH": os.pathsep.join(sys.path)}
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "services.cli.main", "--json", *map(str, words)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=os.environ | known,
            )
            answer, _ = await process.communicate(given)
            return process.returncode or 0, json.loads(answer)

        documents = tmp_path / "shop.yaml"
        documents.write_text(DOCUMENTS)
        assert [one["change"] for one in (await run("apply", "-f", documents))[1]] == ["created"] * 3
        assert (await run("diff", "-f", documents))[0] == Exit.DONE
        await take_in_by_http(door)
        code, sent = await run("event", "send", "-", given=json.dumps(published("e-5", ARM)).encode())
        assert (code, sent["facts"]) == (Exit.DONE, ["artifact.published", "version.drafted"])

        [listed] = (await door.ask("GET", "/projects/shop/applications/cart/versions")).json()["versions"]
        assert (listed["version"], listed["draft"]) == ("1.0", True)
        wheel = f"pkg:pypi/cart@1.0={sha256_digest(b'wheel')}"
        _, amended = await run("version", "add-artifact", "shop/cart/1.0", wheel, "--remove", ARM)
        assert sorted(one["digest"] for one in amended["artifacts"]) == sorted((IMAGE, sha256_digest(b"wheel")))
        code, sealed = await run("version", "seal", "shop/cart/1.0", "--digest", amended["digest"])
        assert (code, sealed["draft"], sealed["digest"]) == (Exit.DONE, False, amended["digest"])
        late = await door.ask("POST", "/cdevents", json=published("e-6", sha256_digest(b"late")))
        assert (late.status_code, late.json()["code"]) == (409, "version_sealed")
        code, draft = await run("version", "create", "shop/cart/2.0", "--draft", "-a", wheel)
        assert (code, draft["draft"]) == (Exit.DONE, True)

        deployed = {"environment": {"id": "prod"}, "artifactId": f"pkg:oci/cart@{IMAGE}"}
        await door.ask("POST", "/cdevents", json=a_cdevent("service.deployed", "s", "e-7", content=deployed))
        shown = await door.ask("GET", "/projects/shop/applications/cart/deployments")
        [running] = shown.json()["deployments"]
        assert (running["environment"], running["version"]) == ("prod", "1.0")
