"""The gateway on a real NATS and a real MongoDB, before a scripted neighbour that stands for every service."""

import asyncio
import contextlib
import io
import json
import socket
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.evidence.v1.commands import SubmitEvidence
from contracts.vocabulary import Role
from shared.digests import sha256_digest
from shared.identity import Issuers
from shared.service import running
from tests.integration.gateway_door import ADMIN, a_door, frames, serving
from tests.integration.gateway_neighbours import ENVELOPE, HANDOVER, LARGE, a_blob_store, everybody
from tests.support.eventually import eventually
from tests.support.ledger import ledger_service
from tests.support.system import a_system

pytestmark = pytest.mark.servers


async def test_requests_become_messages_and_refusals_become_problems(tmp_path: Path) -> None:
    service = ledger_service()
    async with (
        a_system(tmp_path, service) as system,
        a_door(system, ask_deadline=0.5, max_evidence_bytes=8 * 2**20) as door,
    ):
        nobody = await door.ask("GET", "/projects/shop")
        assert (nobody.status_code, nobody.json()["code"]) == (503, "service_unavailable")
        assert nobody.headers["retry-after"] == "1"
        await system.start(service)

        unknown = await door.ask("GET", "/projects/shop")
        assert unknown.status_code == 404
        assert unknown.headers["content-type"] == "application/problem+json"
        assert (unknown.json()["code"], unknown.json()["remedy"]) == ("project_unknown", "Create it.")

        once = {"idempotency-key": "build-1"}
        first = await door.ask("PUT", "/projects/shop", json={"title": "Shop"}, headers=once)
        again = await door.ask("PUT", "/projects/shop", json={"title": "Shop"}, headers=once)
        assert first.status_code == 200
        assert first.json()["revision"] == again.json()["revision"] == 1
        other = await door.ask("PUT", "/projects/shop", json={"title": "Other"}, headers=once)
        assert (other.status_code, other.json()["code"]) == (422, "command_id_reused")
        assert (await door.ask("PUT", "/projects/shop")).json()["revision"] == 2
        assert (await door.ask("GET", "/projects/shop")).json()["revision"] == 2

        for body, status in (
            (b'{"title":', 400),
            (b'{"titel": "Shop"}', 422),
            (b'{"title": 7}', 422),
            (b'{"title": "' + b"x" * 10_000_000 + b'"}', 413),
        ):
            for path in ("/projects/shop", "/projects/shop?x=1"):
                refused = await door.ask("PUT", path, content=body, headers={"content-type": "application/json"})
                assert refused.status_code == status
                assert refused.json()["status"] == status
        flood = await door.ask("POST", "/projects/shop/evidence", content=b"x" * 10_000_000)
        assert flood.status_code == 413
        assert (await door.ask("GET", "/projects/No%20Name")).status_code == 422
        assert (await door.ask("GET", "/projects/shop")).json()["revision"] == 2
        assert (await door.http.get("/ready")).json() == {"ready": True, "problems": []}
        assert (await door.http.get("/openapi.json")).json()["openapi"] == "3.1.0"


async def test_45_a_tag_in_the_place_of_a_digest_is_refused(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system, a_door(system) as door:
        path = "/projects/shop/applications/cart/versions"
        for digest in ("latest", "1.0", "sha256:latest", "sha512:" + "a" * 128, ""):
            artifact = {"purl": "pkg:oci/cart?tag=latest", "digest": digest}
            for body in ({"version": "1.0", "artifacts": [artifact]}, {"version": "1.0", "nested": [digest]}):
                refused = await door.ask("POST", path, json=body)
                assert (refused.status_code, refused.json()["status"]) == (422, 422)


async def test_tokens_open_what_they_grant_until_they_are_revoked(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system, a_door(system) as door:
        run = await system.start(service)
        for token in (None, "hmk_guess", "", ADMIN + "x"):
            refused = await door.ask("GET", "/projects/shop", token=token)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"

        lead = await door.token("lead", {"shop": [Role.ADMIN]})
        assert lead["token"].startswith("hmk_")
        beyond = {"subject": "eve", "kind": "human", "grants": {"*": ["viewer"]}}
        refused = await door.ask("POST", "/tokens", token=lead["token"], json=beyond)
        assert (refused.status_code, refused.json()["code"]) == (403, "grant_exceeds_own")
        named = {"subject": "bot", "kind": "pipeline", "grants": {"shop": ["contributor"]}}
        once = {"idempotency-key": "k"}
        bot = (await door.ask("POST", "/tokens", token=lead["token"], json=named, headers=once)).json()
        twice = await door.ask("POST", "/tokens", token=lead["token"], json=named, headers=once)
        assert (twice.status_code, twice.json()["code"]) == (409, "token_already_made")

        # The service is told who asks, with which rights: by a key it believes, for a minute.
        exchanged = (await door.ask("POST", "/tokens/exchange", token=bot["token"])).json()
        caller = Issuers.from_folder(tmp_path / "issuers").verify(exchanged["token"])
        assert (caller.actor.subject, caller.actor.kind) == ("bot", "pipeline")
        assert caller.grants == {"shop": frozenset({Role.CONTRIBUTOR})}
        assert (await door.ask("PUT", "/projects/shop", token=bot["token"])).status_code == 200
        assert (await door.ask("PUT", "/projects/bank", token=bot["token"])).status_code != 200

        stranger = await door.token("stranger", {"bank": [Role.ADMIN]})
        listed = (await door.ask("GET", "/tokens", token=lead["token"])).json()["tokens"]
        assert {one["subject"] for one in listed} == {"lead", "bot"}
        assert bot["token"] not in json.dumps(listed)
        everything = [(await door.ask("GET", "/tokens?limit=2")).json()]
        everything.append((await door.ask("GET", f"/tokens?limit=2&after={everything[0]['next']}")).json())
        assert sum(len(page["tokens"]) for page in everything) == 3
        assert everything[1]["next"] is None
        hidden = await door.ask("DELETE", f"/tokens/{bot['id']}", token=stranger["token"])
        assert hidden.status_code == 404

        assert (await door.ask("DELETE", f"/tokens/{bot['id']}", token=lead["token"])).json()["revoked"] is True
        gone = await door.ask("GET", "/projects/shop", token=bot["token"])
        assert (gone.status_code, gone.json()["code"]) == (401, "token_revoked")
        kept = await door.app.state.gateway.database.collection("tokens").find({})
        assert bot["token"] not in json.dumps(kept, default=str)
        # What was given and taken is on record, and what was refused is not.
        assert (await door.ask("DELETE", f"/tokens/{bot['id']}", token=lead["token"])).json()["revoked"] is True
        counted = await run.database.collection("counts").find({"_id": {"$regex": ":"}})
        assert {row["_id"]: row["revision"] for row in counted} == {
            "given:lead": 1,
            "given:bot": 1,
            "given:stranger": 1,
            "taken:bot": 1,
        }


async def test_no_token_works_that_the_log_was_not_told_of(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system, a_door(system, ask_deadline=1.0) as door:
        body = {"subject": "ann", "kind": "human", "grants": {"shop": ["viewer"]}}
        assert (await door.ask("POST", "/tokens", json=body)).status_code == 503
        assert await door.app.state.gateway.database.collection("tokens").find({}) == []
        async with running(service, system.settings(service.name)):
            ann = await door.token("ann", {"shop": [Role.VIEWER]})
        assert (await door.ask("DELETE", f"/tokens/{ann['id']}")).status_code == 503
        gone = await door.ask("GET", "/projects/shop", token=ann["token"])
        assert (gone.status_code, gone.json()["code"]) == (401, "token_revoked")


async def test_the_live_stream_resumes_filters_and_ends(tmp_path: Path) -> None:
    service = ledger_service()
    public_url = "https://hallmark.example.org"
    async with a_system(tmp_path, service) as system, a_door(system, public_url=public_url) as door:
        await system.start(service)
        bob = await door.token("bob", {"bank": [Role.VIEWER]})

        def reading(path: str = "/stream", token: str = ADMIN, **headers: str) -> Any:
            headers = {"authorization": f"Bearer {token}", **headers}
            return door.http.stream("GET", f"/api/v1{path}", headers=headers)

        async with reading() as all_of_it, reading(token=bob["token"]) as bobs:
            lines, bobs_lines = all_of_it.aiter_lines(), bobs.aiter_lines()
            assert await anext(lines) == await anext(bobs_lines) == ": keepalive"
            for name in ("shop", "bank", "shop"):
                assert (await door.ask("PUT", f"/projects/{name}")).status_code == 200
            seen = await frames(lines, 3)
            assert [event["data"]["project"] for event in seen] == ["shop", "bank", "shop"]
            assert {event["event"] for event in seen} == {"project.applied"}
            assert seen[1]["data"]["page"] == f"{public_url}/projects/bank"
            [his] = await frames(bobs_lines, 1)
            assert his == seen[1]
        async with reading(**{"last-event-id": seen[0]["id"]}) as resumed:
            assert await frames(resumed.aiter_lines(), 2) == seen[1:]
        async with reading("/stream?project=shop", **{"last-event-id": seen[0]["id"]}) as resumed:
            assert await frames(resumed.aiter_lines(), 1) == seen[2:]

        assert (await door.ask("GET", "/stream?project=shop", token=bob["token"])).status_code == 403
        assert (await door.ask("GET", "/stream?project=*")).status_code == 422
        assert (await door.ask("GET", "/stream", headers={"last-event-id": "x"})).status_code == 422

        async with reading() as last:
            lines = last.aiter_lines()
            await anext(lines)
            door.server.should_exit = True  # Stopping must not wait for readers: they are sent away.
            assert await frames(lines, 1) == []
        assert door.app.state.gateway.streams == 0


async def test_evidence_goes_inline_or_through_the_store_and_comes_back_in_the_bundle(tmp_path: Path) -> None:
    received: list[SubmitEvidence] = []
    public = [True]
    service = everybody(received, public)
    kept: dict[str, bytes] = {}
    gone = "http://127.0.0.1:1"
    async with a_system(tmp_path, service) as system, serving(a_blob_store(kept)) as (store, _):
        await system.start(service)
        # The first address leads nowhere: an instance that is gone costs nothing but an attempt.
        async with a_door(system, evidence_urls=f"{gone}, {store}/") as door:
            version = "/projects/shop/applications/cart/versions/1.0"
            for content in (ENVELOPE, LARGE):
                path = "/projects/shop/evidence?application=cart"
                answer = await door.ask("POST", path, content=content)
                assert answer.status_code == 201, answer.text
                assert answer.json()["content_digest"] == sha256_digest(content)
            assert [command.envelope for command in received] == [ENVELOPE.decode(), None]
            assert kept == {sha256_digest(LARGE): LARGE}
            for bad in (b"", b"\xff\xfe{}"):
                assert (await door.ask("POST", "/projects/shop/evidence", content=bad)).status_code == 422
            envelope = await door.ask("GET", "/projects/shop/evidence/e-2/envelope")
            assert envelope.content == LARGE

            # A bundle with a hole is no bundle.
            assert (await door.ask("GET", f"{version}/bundle")).json()["code"] == "blob_unknown"
            kept[sha256_digest(ENVELOPE)] = ENVELOPE
            state = f"since_size=1&since_root={sha256_digest(b'earlier')}"
            answer = await door.ask("GET", f"{version}/bundle?{state}")
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"] == "application/zip"
            check_bundle(answer.content)
            kept[sha256_digest(ENVELOPE)] = b"altered"
            assert (await door.ask("GET", f"{version}/bundle")).json()["code"] == "blob_altered"

            drawn = await door.http.get("/badge/shop/cart/1.0.svg")
            assert drawn.status_code == 200
            assert drawn.headers["content-type"] == "image/svg+xml"
            assert "at risk" in drawn.text
            assert (await door.http.get("/badge/shop/cart/2.0.svg")).json()["code"] == "badge_unknown"
            public[0] = False
            assert (await door.http.get("/badge/shop/cart/1.0.svg")).json()["code"] == "badge_unknown"


def check_bundle(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(files.pop("bundle.json"))
    assert about["format_version"] == 3
    assert {one["path"]: "sha256:" + one["sha256"] for one in about["files"]} == {
        path: sha256_digest(data) for path, data in files.items()
    }
    policy = sha256_digest(b"policy").removeprefix("sha256:")
    by_digest = [path for path in files if path.startswith(("evidence/", "envelopes/", "passages/", "trust-roots/"))]
    assert [path for path in by_digest if sha256_digest(files[path])[7:] not in path] == []
    assert len(by_digest) == 3 + 2 + 1 + 1, "one piece of evidence was judged again, and is in it in both forms"
    standings = sorted(json.loads(files[path])["revision"] for path in by_digest if path.startswith("evidence/"))
    assert standings == [0, 0, 1]
    assert set(files) - set(by_digest) == {
        "manifest.json",
        "verdicts/v-1.json",
        f"policies/{policy}.json",
        "promotions/p-1.json",
        "log/entries.json",
        "log/consistency.json",
        "checkpoint.note",
        "keys.json",
    }
    assert files[f"envelopes/{sha256_digest(LARGE)[7:]}.json"] == LARGE
    log = json.loads(files["log/entries.json"])
    assert [entry["index"] for entry in log["entries"]] == list(range(9))
    assert [entry["proof"] for entry in log["entries"]] == [[sha256_digest(str(index).encode())] for index in range(9)]
    # No key that signed nothing: the envelopes and the checkpoint of these neighbours are signed by nobody.
    handovers = [HANDOVER.model_dump(mode="json")]
    expected = {"log_origin": "test", "log_verifier_keys": [], "signing_keys": [], "handovers": handovers}
    assert json.loads(files["keys.json"]) == expected


async def test_the_process_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        env = {
            **system.servers.env("gateway"),
            "HALLMARK_ISSUERS_DIR": str(tmp_path / "issuers"),
            "HALLMARK_IDENTITY_KEY": str(tmp_path / "gateway.key"),
            "HALLMARK_ADMIN_TOKEN": ADMIN,
            "HALLMARK_HTTP_PORT": str(port),
        }
        code = "import json, sys; from services.gateway.app import run; run(json.load(sys.stdin))"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert process.stdin
        assert process.stderr
        process.stdin.write(json.dumps(env).encode())
        process.stdin.close()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:

            async def ready() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return (await http.get("/ready")).status_code == 200
                return False

            await eventually(ready)
            async with http.stream("GET", "/api/v1/stream", headers={"authorization": f"Bearer {ADMIN}"}) as reading:
                lines = reading.aiter_lines()
                assert await anext(lines) == ": keepalive"
                process.terminate()
                assert await frames(lines, 1) == []
        log = [json.loads(line) for line in (await process.stderr.read()).splitlines()]
        await process.wait()
        assert {"gateway is up", "gateway stops"} <= {line["event"] for line in log}
        assert not [line for line in log if line["level"] in {"error", "critical"}]
        assert ADMIN not in json.dumps(log)
