"""Pipelines that sign in with the ID token of their run: gateway, registry and evidence service on real servers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from contracts.evidence.v1 import queries as evidence_queries
from contracts.evidence.v1 import views as evidence_views
from contracts.evidence.v1.commands import EvidencePublished
from contracts.headers import Meta
from contracts.message import Message
from contracts.registry.v1.intake import PipelineEvent
from contracts.registry.v1.pipelines import PipelineRights, ResolvePipeline
from contracts.vocabulary import ActorKind, Role
from services.evidence.app import SERVICE as EVIDENCE
from services.evidence.blobs import blob_routes
from services.gateway.pipelines import KEPT_SECONDS
from services.registry.app import SERVICE as REGISTRY
from shared.clock import utc_now
from shared.crypto import keys
from shared.errors import Forbidden
from shared.identity import Issuers
from shared.service import Running
from tests.integration.gateway_door import Door, a_door
from tests.integration.gateway_door import serving as serving_plain
from tests.integration.registry_shop import a_cdevent
from tests.integration.test_evidence import envelope
from tests.integration.test_evidence import start as start_evidence
from tests.support.eventually import eventually
from tests.support.oidc import AUDIENCE, AnIssuer, gitlab_claims, serving
from tests.support.system import System, a_system

pytestmark = pytest.mark.servers
RULES = "/projects/shop/pipeline-identities"
WHEEL = {"purl": "pkg:pypi/cart@1.0", "digest": "sha256:" + "a" * 64}
RUN = "repository_id/74/run/4711"


@dataclass
class Scene:
    """A shop with two applications, and an issuer that the gateway believes."""

    system: System
    door: Door
    issuer: AnIssuer
    registry: Running[Any]
    evidence: Running[Any]
    given: int = 0

    def token(self, **claims: Any) -> str:
        self.given += 1
        return self.issuer.token(**{"jti": f"jti-{self.given}", **claims})

    async def rule(self, name: str, *, project: str = "shop", **more: Any) -> httpx.Response:
        body = {
            "issuer": self.issuer.url,
            "claims": {"repository_id": "74", "ref": "refs/heads/main"},
            "grants": [{"applications": ["cart"], "roles": ["contributor"]}],
        } | more
        token = more.pop("token", None)
        body.pop("token", None)
        options = {"token": token} if token else {}
        return await self.door.ask("PUT", f"/projects/{project}/pipeline-identities/{name}", json=body, **options)

    async def version(self, application: str, token: str, version: str = "1.0") -> httpx.Response:
        path = f"/projects/shop/applications/{application}/versions"
        return await self.door.ask("POST", path, token=token, json={"version": version, "artifacts": [WHEEL]})

    async def submit(self, token: str, application: str | None, *, batch: bool = False) -> httpx.Response:
        path = (
            "/projects/shop/evidence"
            + ("/batch" if batch else "")
            + (f"?application={application}" if application else "")
        )
        return await self.door.ask("POST", path, token=token, content=envelope(keys.generate()).encode())

    async def hear(self, run: Running[Any], service: Any, message: Message, token: str) -> None:
        """Hand over what was published under `hallmark.in`, as a delivery of it does."""
        self.given += 1
        meta = Meta(message_id=f"m-{self.given}", correlation_id="test", source="/test", time=utc_now())
        await run.dispatcher.dispatch(service.handlers.heard[type(message)], message, meta, token)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    issuer = AnIssuer()
    async with serving(issuer, tmp_path) as certificate, a_system(tmp_path, REGISTRY, EVIDENCE) as system:
        registry, evidence = await system.start(REGISTRY), await start_evidence(system)
        blobs, _ = await system.stack.enter_async_context(serving_plain(Starlette(routes=blob_routes(evidence))))
        oidc: dict[str, Any] = {
            "oidc_audience": AUDIENCE,
            "oidc_issuers": [{"url": issuer.url}],
            "oidc_allowed_networks": "127.0.0.0/8, ::1/128",
            "oidc_ca_file": certificate,
            "evidence_urls": blobs,
            "ask_deadline": 15.0,
        }
        async with a_door(system, **oidc) as door:
            for project in ("shop", "bank"):
                assert (await door.ask("PUT", f"/projects/{project}")).is_success
            stages = {"stages": [{"name": "dev"}, {"name": "prod"}]}
            assert (await door.ask("PUT", "/projects/shop/lifecycles/default", json=stages)).is_success
            for application in ("cart", "till"):
                path = f"/projects/shop/applications/{application}"
                assert (await door.ask("PUT", path, json={})).is_success
            yield Scene(system, door, issuer, registry, evidence)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_run_acts_by_the_rules_that_fit_it_and_as_nobody_else(scene: Scene) -> None:
    nobody = await scene.version("cart", scene.token())
    assert refusal(nobody) == (403, "pipeline_not_allowed")
    assert RUN in nobody.json()["detail"]
    applied = await scene.rule("cart-main")
    assert (applied.status_code, applied.json()["change"]) == (200, "created")
    assert (await scene.rule("cart-main")).json()["change"] == "unchanged"
    token = scene.token()
    made = await scene.version("cart", token)
    assert made.status_code == 201, made.text
    assert made.json()["created_by"].endswith(RUN)

    # 15: who makes a repository of that name anew, or takes the name over, has another id.
    stranger = scene.token(repository_id="9999")
    assert refusal(await scene.version("cart", stranger)) == (403, "pipeline_not_allowed")
    # 16: pull requests and forks, whatever they hand in.
    for other in ({"event_name": "pull_request", "ref": "refs/pull/7/merge"}, {"event_name": "pull_request_target"}):
        run = scene.token(**other)
        assert refusal(await scene.submit(run, "cart")) == (403, "pipeline_not_allowed")
        assert refusal(await scene.version("cart", run)) == (403, "pipeline_not_allowed")
    assert refusal(await scene.submit(scene.token(repository_id="75"), "cart")) == (403, "pipeline_not_allowed")
    # 1 to 7 and 9 to 11, through the door.
    for broken in ({"aud": "https://other.example"}, {"iss": "https://evil.example"}, {"exp": 1}, {"exp": ...}):
        refused = await scene.version("cart", scene.token(**broken))
        assert refused.status_code == 401
        assert refused.json()["code"].startswith("token_")
    assert refusal(await scene.version("cart", scene.token(key="thief"))) == (401, "token_key_unknown")
    assert scene.issuer.asked.count("/jwks") == 1

    # A rule of another project says nothing here, and the other way round.
    grants = [{"applications": ["*"], "roles": ["release_manager"]}]
    assert (await scene.rule("any", project="bank", grants=grants)).is_success
    both = scene.token()
    assert refusal(await scene.version("till", both)) == (403, "role_missing")
    assert (await scene.door.ask("GET", "/projects/bank", token=both)).status_code == 200
    assert (await scene.door.ask("GET", "/projects", token=both)).json()["projects"][0]["project"] == "bank"
    gitlab = {name: ... for name in scene.issuer.claims() if name.startswith(("repository", "run_", "event_"))}
    job = scene.token(**gitlab_claims(**gitlab))
    assert refusal(await scene.version("cart", job)) == (403, "pipeline_not_allowed")
    claims = {"project_id": "20", "ref_protected": "true"}
    assert (await scene.rule("gitlab", claims=claims)).is_success
    assert (await scene.version("cart", job, "2.0")).json()["created_by"].endswith("/project_id/20/run/574")


async def test_17_and_8_a_run_of_one_application_writes_no_other_and_exchanges_its_token_once(scene: Scene) -> None:
    await scene.rule("cart-main", grants=[{"applications": ["cart"], "roles": ["contributor", "release_manager"]}])
    token, door = scene.token(), scene.door
    assert (await scene.version("cart", token)).status_code == 201
    assert refusal(await scene.version("till", token)) == (403, "role_missing")
    for said in ({}, {"owners": ["eve"]}):
        refused = await door.ask("PUT", "/projects/shop/applications/till", token=token, json=said)
        assert refusal(refused) == (403, "role_missing")
    assert (await door.ask("PUT", "/projects/shop/applications/cart", token=token, json={})).is_success

    # Evidence is about digests: whose it is has to be said, and be allowed.
    assert (await scene.submit(token, "cart")).status_code == 201
    assert (await scene.submit(token, "cart", batch=True)).status_code == 200
    for batch in (False, True):
        for application in ("till", None):
            assert refusal(await scene.submit(token, application, batch=batch)) == (403, "role_missing")
    large = json.dumps({"payload": "A" * 200_000}).encode()
    path = "/projects/shop/evidence"
    assert refusal(await door.ask("POST", f"{path}?application=till", token=token, content=large))[0] == 403
    assert refusal(await door.ask("POST", path, token=token, content=large))[0] == 403
    stored = scene.evidence.database.collection("blobs")
    assert not await stored.find({"expires_at": {"$exists": True}}), "nothing of it was taken"
    accepted = await door.ask("POST", f"{path}?application=cart", token=token, content=large)
    assert await stored.find({"expires_at": {"$exists": True}})
    assert accepted.status_code == 422, "it got in, and is no envelope"

    # What says no application is about all of them.
    for method, where, body in (
        ("GET", "/projects/shop", None),
        ("GET", "/projects/shop/applications", None),
        ("GET", "/projects/shop/evidence", None),
        ("GET", "/projects/shop/applications/till", None),
        ("GET", "/projects/shop/applications/till/versions", None),
        ("PUT", "/projects/shop", {}),
        ("PUT", "/projects/shop/lifecycles/other", {"stages": [{"name": "dev"}]}),
        ("PUT", f"{RULES}/mine", {"issuer": "https://x", "claims": {"sub": "x"}, "grants": [_GRANT]}),
        ("DELETE", f"{RULES}/cart-main", None),
        ("GET", "/stream?project=shop", None),
    ):
        options = {"json": body} if body is not None else {}
        assert refusal(await door.ask(method, where, token=token, **options)) == (403, "role_missing"), where
    for where in ("/projects/shop/applications/cart", "/projects/shop/applications/cart/versions/1.0"):
        assert (await door.ask("GET", where, token=token)).status_code == 200
    forged = {"subject": "eve", "kind": "human", "grants": {"shop": ["viewer"]}}
    assert refusal(await door.ask("POST", "/tokens", token=token, json=forged)) == (403, "grant_exceeds_own")
    await exchanged_once_and_as_confined(scene)


async def exchanged_once_and_as_confined(scene: Scene) -> None:
    token = scene.token()
    answers = await asyncio.gather(*(scene.door.ask("POST", "/tokens/exchange", token=token) for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [200, 401, 401, 401, 401]
    assert {one.json()["code"] for one in answers if one.status_code == 401} == {"token_replayed"}
    # It goes on working over HTTP; one without an id cannot be exchanged, and one nobody let in is not taken note of.
    assert (await scene.version("cart", token, "1.1")).status_code == 201
    nameless = await scene.door.ask("POST", "/tokens/exchange", token=scene.token(jti=...))
    assert refusal(nameless) == (401, "token_claim_missing")
    stranger = await scene.door.ask("POST", "/tokens/exchange", token=scene.token(repository_id="75"))
    assert refusal(stranger) == (403, "pipeline_not_allowed")
    assert len(await scene.door.app.state.gateway.database.collection("spent_tokens").find({})) == 1

    exchanged = next(one.json()["token"] for one in answers if one.status_code == 200)
    caller = Issuers.from_folder(scene.system.directory / "issuers").verify(exchanged)
    assert caller.actor.kind is ActorKind.PIPELINE
    assert caller.actor.subject.endswith(RUN)
    assert (caller.grants, caller.confined) == (
        {},
        {"shop": {"cart": frozenset({Role.CONTRIBUTOR, Role.RELEASE_MANAGER})}},
    )

    def built(application: str) -> PipelineEvent:
        digest = {"project": "shop", "application": application, "digest": WHEEL["digest"]}
        event = a_cdevent("artifact.published", WHEEL["purl"], f"e-{application}", hallmark=digest)
        return PipelineEvent.model_validate(event)

    await scene.hear(scene.registry, REGISTRY, built("cart"), exchanged)
    with pytest.raises(Forbidden):
        await scene.hear(scene.registry, REGISTRY, built("till"), exchanged)
    for application in ("till", None):
        published = EvidencePublished(project="shop", application=application, envelope=envelope(keys.generate()))
        with pytest.raises(Forbidden):
            await scene.hear(scene.evidence, EVIDENCE, published, exchanged)


async def test_rules_are_kept_by_administrators_take_effect_soon_and_are_logged(scene: Scene) -> None:
    lead = (await scene.door.token("lead", {"shop": [Role.RELEASE_MANAGER]}))["token"]
    assert refusal(await scene.rule("cart-main", token=lead)) == (403, "role_missing")
    wrong: dict[str, Any]
    for wrong in (
        {"claims": {"repository": "octo-org/octo-repo"}},
        {"claims": {"repository_id": "*"}},
        {"grants": [{"applications": ["cart"], "roles": ["approver"]}]},
        {"grants": [{"applications": ["cart"], "roles": ["admin"]}]},
        {"grants": []},
        {"claims": {}},
        {"issuer": "http://issuer.example"},
        {"allow_pull_request": True},
    ):
        assert (await scene.rule("cart-main", **wrong)).status_code == 422, wrong
    assert refusal(await scene.rule("x", project="none"))[0] == 404
    await scene.rule("cart-main")
    await scene.rule("till-main", grants=[{"applications": ["till"], "roles": ["viewer"]}])
    listed = [(await scene.door.ask("GET", f"{RULES}?limit=1")).json()]
    listed.append((await scene.door.ask("GET", f"{RULES}?limit=1&after={listed[0]['next']}")).json())
    found = [one["pipeline_identities"][0]["pipeline_identity"] for one in listed]
    assert (found, listed[1]["next"]) == (["cart-main", "till-main"], None)

    token = scene.token()
    assert (await scene.version("cart", token)).status_code == 201
    gone = await scene.door.ask("DELETE", f"{RULES}/cart-main")
    assert (gone.json()["change"], gone.json()["revision"]) == ("updated", 2)
    assert refusal(await scene.door.ask("GET", f"{RULES}/cart-main")) == (404, "pipeline_identity_unknown")
    assert refusal(await scene.door.ask("DELETE", f"{RULES}/none")) == (404, "pipeline_identity_unknown")
    assert refusal(await scene.version("cart", scene.token())) == (403, "role_missing")
    # A run that is at work already loses its rights when what was answered about it is too old.
    pipelines = scene.door.app.state.gateway.pipelines
    pipelines._clock = lambda: time.monotonic() + KEPT_SECONDS
    assert refusal(await scene.version("cart", token, "2.0")) == (403, "role_missing")
    again = await scene.rule("cart-main")
    assert (again.json()["change"], again.json()["revision"]) == ("updated", 3)

    # What a run may do in other projects is for the gateway to ask, and for nobody who reads in one of them.
    asker = await scene.system.asker()
    lead_of_shop = scene.system.token("ann", Role.ADMIN, project="shop")
    query = ResolvePipeline(issuer=scene.issuer.url, claims={"repository_id": "74"})
    with pytest.raises(Forbidden):
        await asker.ask(query, PipelineRights, token=lead_of_shop)

    async def logged() -> list[str]:
        query = evidence_queries.ListLogEntries(about="shop/cart-main")
        page = await asker.ask(query, evidence_views.LogPage)
        return [json.loads(one.entry)["kind"] for one in page.entries]

    await eventually(logged, lambda kinds: kinds == ["role"] * 3)
    # Whoever cannot be judged does not come in.
    await scene.system.stack.aclose()
    pipelines._clock = lambda: time.monotonic() + 3 * KEPT_SECONDS
    pipelines._deadline = 0.5
    assert (await scene.version("cart", token, "3.0")).status_code == 503


_GRANT = {"applications": ["cart"], "roles": ["contributor"]}
