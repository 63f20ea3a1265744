"""A release that needs a waiver, from asking for it to its end, on the command line and a whole local stack."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.gate.v1.waivers import WaiverEnded
from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from shared.digests import sha256_digest
from tests.support.eventually import eventually
from tests.support.facts import facts_of
from tests.support.person import Person, a_person
from tests.support.shop import POLICY, Shop

pytestmark = [pytest.mark.servers, pytest.mark.stack]
SBOM = {"id": "sbom", "title": "A bill of materials", "kind": "required_evidence", "evidence": "sbom"}
TESTS = {"id": "tests", "title": "Tests passed", "kind": "tests_passed"}
MODULE = "package p\ndefault allow := false\nallow if input.version.name != input.parameters.name\n"
NAMED = {"id": "named", "title": "Not that one", "kind": "rego", "template": "named", "parameters": {"name": "0.9"}}


def a_document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    head = {"apiVersion": "hallmark/v1", "kind": kind, "metadata": {"project": "shop", "name": name}}
    return {**head, "spec": spec}


def prod(*rules: dict[str, Any], **waivers: Any) -> dict[str, Any]:
    gates = [{"stage": "prod", "gate": gate} for gate in ("entry", "release")]
    return a_document("Policy", "prod", {"gates": gates, "waivers": {"trusted": False} | waivers, "rules": [*rules]})


def written(path: Path, *documents: dict[str, Any]) -> Path:
    path.mkdir(exist_ok=True)
    for number, document in enumerate(documents):
        (path / f"{number}.yaml").write_text(json.dumps(document))
    return path


async def set_up(shop: Shop, stack: Stack) -> list[Person]:
    """The shop, and three people: one who writes policies, one who asks, one who grants."""
    await shop.set_up()
    both = [{"stage": "qa", "gate": gate} for gate in ("entry", "exit")]
    policy = {**POLICY, "spec": {**POLICY["spec"], "gates": both}}
    await shop.ask("PUT", "/projects/shop/policies/qa", "qa-2", json={"document": policy})
    people = (("sec", "security"), ("rita", "contributor"), ("sam", "security"))
    return [await a_person(shop, stack, name, role) for name, role in people]


async def test_a_release_on_a_waiver_from_the_request_to_its_end(tmp_path: Path) -> None:
    options = stack_options(tmp_path / "data", usual_ports=False)
    admin = (tmp_path / "data/secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, admin) as shop:
        sec, rita, sam = await set_up(shop, stack)
        template = a_document("RuleTemplate", "named", {"rego": MODULE})
        folder = written(tmp_path / "policies", prod(SBOM, NAMED), template)
        would = await sec.hallmark("diff", "-f", folder, ends=3)
        assert [(one["kind"], one["change"]) for one in would] == [("RuleTemplate", "create"), ("Policy", "create")]
        applied = await sec.hallmark("apply", "-f", folder)
        assert [(one["kind"], one["change"]) for one in applied] == [("RuleTemplate", "created"), ("Policy", "created")]
        assert await sec.hallmark("diff", "-f", folder) == []

        await shop.create("1.0")
        for stage in ("dev", "qa"):
            assert (await shop.promote("1.0", stage))["state"] == "completed"
        released = asyncio.create_task(shop.promote("1.0", "prod"))
        path = "/projects/shop/applications/web/versions/1.0"

        async def first_verdict() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = (await shop.ask("GET", f"{path}/verdicts")).json()["verdicts"]
            return [one for one in found if one["passages"][-1]["stage"] == "prod"]

        [waiting] = await eventually(first_verdict)
        assert waiting["outcome"] == "pending"
        wish = ("waiver", "request", "shop/web", "prod/sbom", "--stage", "prod", "--expires", "14d")
        reason = ("-m", "Its tool is broken until Friday.", "--artifact", sha256_digest(b"1.0"))
        waiver = (await rita.hallmark(*wish, *reason))["waiver_id"]
        own = await rita.hallmark("waiver", "grant", waiver, "-p", "shop", ends=2)
        assert own["code"] == "role_missing"
        assert (await sam.hallmark("waiver", "grant", waiver, "-p", "shop", "-m", "Agreed."))["state"] == "granted"
        ended = await released
        assert (ended["state"], ended["waivers"], ended["may_be_trusted"]) == ("completed", [waiver], False)
        version = (await shop.ask("GET", path)).json()
        assert (version["stage"], version["release_status"]) == ("prod", "released")
        watched = await eventually(lambda: shop.http.get(f"{path}/trust"), lambda answer: answer.is_success)
        assert watched.json()["trust"] == "none", "once monitoring has heard of the release"

        verdicts = (await shop.ask("GET", f"{path}/verdicts")).json()["verdicts"]
        assert {one["outcome"] for one in verdicts} == {"allow", "pending"}
        for verdict in verdicts:
            assert (await rita.hallmark("replay", verdict["verdict_id"], "-p", "shop"))["agrees"]

        drafts = {
            "same": (prod(SBOM, NAMED), 0),
            "stricter": (prod(SBOM, NAMED, TESTS), 0),
            "without-exceptions": (prod(SBOM, NAMED, allowed=False), 3),
            "against-it": (prod(SBOM, {**NAMED, "parameters": {"name": "1.0"}}), 3),
        }
        for name, (draft, code) in drafts.items():
            file = written(tmp_path / name, draft) / "0.yaml"
            found = await sec.hallmark("policy", "simulate", file, "--since", "1d", ends=code)
            assert found["judged"] == found["total"] == 3, "the last verdict of each promotion"
            would = [(one["version"], one["was"], one["would_be"]) for one in found["changed"]]
            assert would == ([] if code == 0 else [("1.0", "allow", "pending" if "out" in name else "deny")]), name

        listed = await rita.hallmark("waiver", "list", "-p", "shop", "--state", "granted")
        assert [one["waiver_id"] for one in listed] == [waiver]
        over = await rita.hallmark("waiver", "revoke", waiver, "-p", "shop", "-m", "The tool works again.")
        assert (over["state"], over["uses"]) == ("revoked", 1)
        [end] = await eventually(lambda: facts_of(stack, WaiverEnded))
        assert {(one.version, one.stage, one.gate.value) for one in end.covered} == {
            ("1.0", "prod", "entry"),
            ("1.0", "prod", "release"),
        }
        assert await rita.hallmark("waiver", "list", "-p", "shop", "--state", "granted") == []

        await refuses_bottomless_documents(stack, admin)


async def refuses_bottomless_documents(stack: Stack, admin: str) -> None:
    """However deep, they are the sender's mistake."""
    headers = {"authorization": f"Bearer {admin}", "content-type": "application/json"}
    async with httpx.AsyncClient(base_url=f"{stack.urls['gateway']}/api/v1", headers=headers) as http:
        for levels in (100, 300, 2000):
            body = f'{{"document": {nested_json(levels)}}}'
            answer = await http.put("/projects/shop/policies/deep", content=body)
            assert answer.status_code in (400, 422), (levels, answer.text)


def nested_json(levels: int) -> str:
    """Rules in rules, deeper than any policy."""
    inner = json.dumps(TESTS)
    opened = '{"id": "r", "title": "t", "kind": "all_of", "rules": ['
    whole = json.dumps(a_document("Policy", "deep", {"gates": [{"stage": "qa", "gate": "entry"}], "rules": ["HERE"]}))
    return whole.replace('"HERE"', opened * levels + inner + "]}" * levels)
