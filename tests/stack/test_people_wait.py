"""People who wait: live news at the command line through a restart of the gateway, exit codes, and the whole story."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from shared.digests import sha256_digest
from tests.support.person import Person, a_person
from tests.support.shop import POLICY, Shop

pytestmark = [pytest.mark.servers, pytest.mark.stack]
PROMOTIONS = "/projects/shop/promotions"
VERSION = "/projects/shop/applications/web/versions/1.0"
TWO_PEOPLE = {"id": "two-people", "title": "Two answer for it", "kind": "approvals", "role": "approver", "count": 2}
NAMES = {"rita": "release_manager", "ann": "approver", "bob": "approver"}


async def set_up(shop: Shop, stack: Stack) -> dict[str, Person]:
    await shop.set_up()
    gates = [{"stage": "prod", "gate": gate} for gate in ("entry", "release")]
    both = [{"stage": "qa", "gate": gate} for gate in ("entry", "exit")]
    prod = {"metadata": {"project": "shop", "name": "prod"}, "spec": {"gates": gates, "rules": [TWO_PEOPLE]}}
    qa = {**POLICY, "spec": {**POLICY["spec"], "gates": both}}
    await shop.ask("PUT", "/projects/shop/policies/prod", json={"document": {**POLICY, **prod}})
    await shop.ask("PUT", "/projects/shop/policies/qa", "qa-2", json={"document": qa})
    await shop.create("1.0", tested=False)
    return {name: await a_person(shop, stack, name, role) for name, role in NAMES.items()}


async def objects(process: asyncio.subprocess.Process) -> AsyncIterator[dict[str, Any]]:
    """What a command says line by line, as it says it."""
    assert process.stdout
    async with asyncio.timeout(90):
        async for line in process.stdout:
            yield json.loads(line)


async def text_until(process: asyncio.subprocess.Process, words: str) -> str:
    """What a command prints for people, up to the line with these words."""
    assert process.stdout
    printed = ""
    async with asyncio.timeout(90):
        while words not in printed:
            line = await process.stdout.readline()
            assert line, printed
            printed += line.decode()
    return printed


async def test_people_who_wait(tmp_path: Path) -> None:
    options = stack_options(tmp_path / "data", usual_ports=False)
    admin = (tmp_path / "data/secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, admin) as shop:
        people = await set_up(shop, stack)
        rita = people["rita"]
        [*_, entered] = [one async for one in objects(await rita.start("--json", "promote", "shop/web/1.0", "--wait"))]
        assert (entered["event"], entered["exit"], entered["promotion"]["state"]) == ("end", 0, "completed")

        await waits_through_a_restart(shop, stack, rita)
        await ends_when_the_time_does(rita)
        refused = await is_left_alone_and_refused(people)
        await loses_no_attempt(rita, refused)
        await tells_the_whole_story(people, refused)
        await rides_a_train(shop, rita)


async def waits_through_a_restart(shop: Shop, stack: Stack, rita: Person) -> None:
    process = await rita.start("--json", "promote", "shop/web/1.0", "--wait", "--timeout", "80")
    seen: list[dict[str, Any]] = []
    async for one in objects(process):
        seen.append(one)
        if one["event"] == "awaits" and one["findings"][0]["awaits"] == "tests":
            await stack.kill("gateway")
            await stack.wait_ready("gateway")
            await shop.ask("POST", "/projects/shop/evidence", "late", content=shop.envelope("1.0"))
    assert await process.wait() == 0
    end = seen[-1]
    assert (end["event"], end["exit"], end["promotion"]["to_stage"]) == ("end", 0, "qa")
    steps = [(one["state"], one["because"]) for one in seen if one["event"] == "step"]
    assert steps == [(one["state"], one["because"]) for one in end["promotion"]["history"]], "each once, in order"


async def ends_when_the_time_does(rita: Person) -> None:
    waited = await rita.start("--json", "release", "shop/web/1.0", "--wait", "--timeout", "0.1")
    [*_, end] = [one async for one in objects(waited)]
    assert (await waited.wait(), end["exit"]) == (4, 4)
    promotion = end["promotion"]["promotion_id"]
    await rita.ask("POST", f"{PROMOTIONS}/{promotion}/cancel", {"reason": "Not today."})
    cancelled = await rita.start("promotion", "show", promotion, "-p", "shop", "--wait")
    assert "cancelled by rita: Not today." in (await cancelled.communicate())[0].decode()
    assert cancelled.returncode == 4


async def is_left_alone_and_refused(people: dict[str, Person]) -> str:
    process = await people["rita"].start("release", "shop/web/1.0", "--wait")
    printed = await text_until(process, "0 of 2 approval(s) given")
    assert "prod entry and release  prod/two-people: Two answer for it" in printed
    waiting = (await people["rita"].ask("GET", PROMOTIONS))["promotions"][0]["promotion_id"]
    await people["ann"].ask("POST", f"{PROMOTIONS}/{waiting}/approve", {"reason": "Seen."})
    await text_until(process, "1 of 2 approval(s) given")
    process.send_signal(signal.SIGINT)
    rest, complaints = await process.communicate()
    assert (process.returncode, complaints) == (130, b"")
    assert f"hallmark promotion show {waiting} -p shop --wait" in rest.decode()

    again = await people["rita"].start("promotion", "show", waiting, "-p", "shop", "--wait")
    await text_until(again, "1 of 2 approval(s) given")
    await people["bob"].ask("POST", f"{PROMOTIONS}/{waiting}/reject", {"reason": "Not on a Friday."})
    assert "denied" in (await again.communicate())[0].decode()
    assert again.returncode == 3
    return str(waiting)


async def loses_no_attempt(rita: Person, refused: str) -> None:
    denied = await rita.hallmark("promotion", "list", "-p", "shop", "--state", "denied", "--since", "1h")
    assert [one["promotion_id"] for one in denied] == [refused]
    into_qa = (await rita.ask("GET", PROMOTIONS, stage="qa", kind="promote"))["promotions"]
    assert [(one["version"], one["state"]) for one in into_qa] == [("1.0", "completed")]
    shown = await rita.ask("GET", f"{PROMOTIONS}/{refused}")
    last = shown["history"][-1]
    assert (last["attempt"], last["verdict_id"]) == (shown["attempt"], shown["verdict_id"])


async def rides_a_train(shop: Shop, rita: Person) -> None:
    await shop.ask("PUT", "/projects/shop/applications/api", json={"criticality": "low"})
    artifacts = [{"purl": "pkg:pypi/api@1", "digest": sha256_digest(b"api")}]
    body = {"version": "1", "artifacts": artifacts}
    await shop.ask("POST", "/projects/shop/applications/api/versions", "create-api", json=body)
    await shop.create("2.0", tested=False)
    process = await rita.start("--json", "train", "start", "shop/web/2.0", "shop/api/1", "--wait")
    ends = [one async for one in objects(process) if one["event"] == "end"]
    assert await process.wait() == 0
    assert {(one["promotion"]["application"], one["exit"]) for one in ends} == {("web", 0), ("api", 0)}


async def tells_the_whole_story(people: dict[str, Person], refused: str) -> None:
    told = await people["bob"].hallmark("version", "timeline", "shop/web/1.0")
    entries = told["entries"]
    assert (told["cut"], told["next"]) == (False, None)
    assert [one["at"] for one in entries] == sorted(one["at"] for one in entries)
    kinds = [one["kind"] for one in entries]
    assert kinds[0] == "version.registered"
    assert [kind for kind in kinds if kind.startswith(("evidence", "version", "approval"))][1:] == [
        "version.moved",
        "evidence.received",
        "version.moved",
        "approval.approved",
        "approval.rejected",
    ]
    answers = [(one["by"], one["result"], one["stage"]) for one in entries if one["kind"].startswith("approval")]
    assert answers == [("ann", "approved", "prod"), ("bob", "rejected", "prod")]
    attempt = [one for one in entries if one["promotion_id"] == refused]
    assert [one["kind"] for one in attempt if one["kind"].startswith("promotion")][-1] == "promotion.denied"
    denial = [one for one in attempt if one["kind"] == "verdict.issued"][-1]
    assert denial["open"][0] == "prod entry prod/two-people: Refused by bob."
    assert [one["kind"] for one in entries].count("promotion.cancelled") == 1

    read, after = [], None
    while True:
        part = await people["bob"].ask("GET", f"{VERSION}/timeline", limit=7, after=after)
        read += part["entries"]
        after = part["next"]
        if after is None:
            break
        assert len(part["entries"]) == 7
    assert read == entries
