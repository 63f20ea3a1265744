"""Pipeline events on a real NATS and a real MongoDB: drafts by rule, and events in any order, any number of times."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contracts.registry.v1.deliveries import (
    ChangeMerged,
    DeploymentPage,
    DeploymentRecorded,
    ListDeployments,
    PackageBound,
    TestsFinished,
)
from contracts.registry.v1.drafts import SealVersion
from contracts.registry.v1.events import ArtifactPublished, IncidentOpened, IncidentResolved, VersionCreated
from contracts.registry.v1.intake import EventOutcome, EventReceipt, PipelineEvent, RecordPipelineEvent
from contracts.registry.v1.intake_rule import IntakeRule, VersionsFrom
from contracts.registry.v1.queries import ShowApplication
from contracts.registry.v1.views import ApplicationView, VersionView
from contracts.vocabulary import Role
from services.registry.app import SERVICE
from shared.digests import sha256_digest
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Transient
from shared.messaging.outcomes import Retries
from tests.integration.registry_shop import Shop, a_cdevent
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.system import a_system

pytestmark = pytest.mark.servers
REPOSITORY = "https://git.example/shop/cart"
RULE = IntakeRule.model_validate(
    {"versions": "from_purl", "prefix": "v", "bind": True, "packages": ["pkg:oci/cart*"], "repository": REPOSITORY}
)
QUICK = replace(SERVICE, retries=Retries(max_deliveries=4, first_delay=0.05))
"""Gives up soon on what never comes."""


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    clock = FrozenClock()
    async with a_system(tmp_path, SERVICE, clock=clock) as system:
        run = await system.start(QUICK)
        shop = Shop(system, run, await system.asker(), clock)
        await shop.project()
        await shop.lifecycle("dev", "prod")
        yield shop


def published(package: str, event_id: str, *, content: str = "image", version: str = "v1.0", **own: Any) -> Any:
    source = {"repository": REPOSITORY, "commit": "0123abc"}
    hallmark = {"digest": sha256_digest(content.encode()), "source": source} | own
    return a_cdevent("artifact.published", f"pkg:oci/{package}@{version}", event_id, hallmark=hallmark)


def at(event: dict[str, Any], time: str) -> dict[str, Any]:
    return {**event, "context": {**event["context"], "timestamp": f"2026-01-02T{time}Z"}}


async def send(shop: Shop, event: dict[str, Any], *roles: Role) -> EventReceipt:
    """Ask, as the HTTP door does."""
    token = shop.system.token("pipe", *(roles or (Role.CONTRIBUTOR,)), project="shop")
    command = RecordPipelineEvent(command_id=shop.id(), event=PipelineEvent.model_validate(event))
    return await shop.asker.ask(command, EventReceipt, token=token)


async def publish(shop: Shop, *events: dict[str, Any]) -> None:
    """Publish, as pipelines with a NATS connection do."""
    token = shop.system.token("pipe", Role.CONTRIBUTOR, project="shop")
    jetstream = (await shop.system.connect("pipeline")).jetstream()
    for event in events:
        headers = {"Nats-Msg-Id": shop.id(), "authorization": f"Bearer {token}"}
        await jetstream.publish(PipelineEvent.subject, json.dumps(event).encode(), headers=headers)


async def test_a_rule_binds_a_package_and_begins_and_extends_a_draft(shop: Shop) -> None:
    await shop.application(intake=RULE)
    await shop.application("till", intake=RULE.model_copy(update={"packages": ("pkg:oci/till*",)}))
    first = await send(shop, published("cart", "e-1"))
    assert (first.outcome, first.application, first.version) == (EventOutcome.RECORDED, "cart", "1.0")
    assert first.facts == ("package.bound", "artifact.published", "version.drafted")
    again = await send(shop, published("cart", "e-1"))
    assert (again.outcome, again.facts) == (EventOutcome.REPEATED, ())
    arm = await send(shop, published("cart-arm64", "e-2", content="arm64"))
    assert (arm.application, arm.version) == ("cart", "1.0")
    packaged = published("cart", "e-3", content="next", version="v1.1")
    packaged["context"]["type"] = "dev.cdevents.artifact.packaged.0.3.0"
    assert (await send(shop, packaged)).facts == ("artifact.published",)

    draft = await shop.shown()
    digests = sorted(sha256_digest(content) for content in (b"image", b"arm64"))
    assert (draft.draft, [one.digest for one in draft.artifacts]) == (True, digests)
    assert draft.source is not None
    assert draft.source.commit == "0123abc"
    assert draft.contributors == ("pipe",)
    view = await shop.asker.ask(ShowApplication(project="shop", application="cart"), ApplicationView)
    assert (view.packages, view.bound) == ((), ("pkg:oci/cart", "pkg:oci/cart-arm64"))
    assert view.intake == RULE
    assert [fact.package for fact in await shop.facts(PackageBound)] == list(view.bound)

    seal = SealVersion(command_id="seal", project="shop", application="cart", version="1.0")
    sealed = await shop.asker.ask(seal, VersionView)
    shown_again = await send(shop, published("cart", "e-4"))
    assert (shown_again.facts, shown_again.version) == (("artifact.published",), "1.0")
    await publish(shop, published("cart", "e-5", content="rebuilt"))
    [letter] = await eventually(shop.dead_letters, lambda found: len(found) == 1)
    assert letter.code == "version_sealed"
    assert sealed.digest in letter.reason
    assert "pkg:oci/cart@v1.0 is not in it" in letter.reason
    assert await shop.shown() == sealed
    [created] = await shop.facts(VersionCreated)
    assert [one.digest for one in created.artifacts] == digests

    # All at once: none is lost.
    parts = [published("cart", f"p-{number}", content=f"part {number}", version="v2.0") for number in range(6)]
    await publish(shop, *parts)
    await eventually(lambda: shop.facts(ArtifactPublished), lambda found: len(found) == 3 + 1 + len(parts))
    assert len((await shop.shown("2.0")).artifacts) == len(parts)

    # The document again keeps what the rule has bound; a rule that would not bind it lets it go.
    await shop.application(intake=RULE)
    narrower = RULE.model_copy(update={"packages": ("pkg:oci/cart",)})
    await shop.application(intake=narrower)
    view = await shop.asker.ask(ShowApplication(project="shop", application="cart"), ApplicationView)
    assert view.bound == ("pkg:oci/cart",)
    assert (await shop.application(intake=narrower)).change == "unchanged"


async def test_nothing_is_bound_or_drafted_that_no_rule_allows(shop: Shop) -> None:
    await shop.application(intake=RULE)
    await shop.application("till", packages=("pkg:oci/till",))
    await shop.application("other", intake=RULE.model_copy(update={"packages": ("pkg:oci/*-b",)}))
    elsewhere = {"repository": "https://git.example/evil", "commit": "0123abc"}
    for event, kind, code in (
        (published("basket", "e-1"), NotFound, "package_unbound"),
        (published("cart", "e-2", source=elsewhere), NotFound, "package_unbound"),
        (published("cart-b", "e-3"), Conflict, "intake_ambiguous"),
        (published("till", "e-4", application="cart"), Invalid, "event_contradicts_binding"),
        (at(published("cart", "e-5"), "04:00:00"), Invalid, "event_from_future"),
        (published("cart", "e-6", version="sha256%3A" + "0" * 64), Invalid, "version_unnamed"),
        (a_cdevent("service.deployed", "x", "e-7"), Invalid, "event_incomplete"),
        (a_cdevent("service.deployed", "x", "e-8", content={"environment": {"id": "p"}}), NotFound, "event_unassigned"),
        (a_cdevent("testsuiterun.finished", "x", "e-9", content={"outcome": "error"}), NotFound, "event_unassigned"),
    ):
        with pytest.raises(kind) as refused:
            await send(shop, event)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        await send(shop, published("cart", "e-10"), Role.VIEWER)  # rules of projects it may not write to are not his
    named = published("basket", "e-11", project="shop", application="cart")
    assert (await send(shop, named)).facts == ("artifact.published",)
    assert (await send(shop, published("till", "e-12"))).facts == ("artifact.published",)
    with pytest.raises(Forbidden):
        await send(shop, published("till", "e-13"), Role.VIEWER)
    assert (await send(shop, a_cdevent("pipelinerun.started", "x", "e-14"))).outcome is EventOutcome.IGNORED

    bound = published("cart", "e-15")
    assert (await send(shop, bound)).version == "1.0"
    with pytest.raises(Forbidden) as foreign:
        await send(shop, published("cart", "e-16", content="evil", source=elsewhere))
    assert foreign.value.code == "artifact_from_elsewhere"
    assert len((await shop.shown()).artifacts) == 1
    assert [fact.package for fact in await shop.facts(PackageBound)] == ["pkg:oci/cart"]


def a_story(name: str) -> list[dict[str, Any]]:
    """What happens around one version of an application of that name, each event with its own time."""
    image = f"pkg:oci/cart-{name}@v1.0"
    cart = {"project": "shop", "application": name}
    prod, running = {"environment": {"id": "prod"}}, {"artifactId": image}
    named = {"digest": sha256_digest(b"image")}
    on_a_branch = {"repository": REPOSITORY, "commit": "0123abc", "branch": "b"}
    return [
        at(published(f"cart-{name}", f"{name}-1"), "01:00:00"),
        at(published(f"cart-{name}", f"{name}-2", content="arm64", application=name), "01:00:01.000100"),
        at(published(f"cart-{name}", f"{name}-3", source=on_a_branch), "01:00:01"),
        at(a_cdevent("service.deployed", "svc", f"{name}-4", content=prod | running, hallmark=named), "01:10:00"),
        at(a_cdevent("service.upgraded", "svc", f"{name}-5", content=prod | running, hallmark=named), "01:20:00"),
        at(a_cdevent("service.removed", "old", f"{name}-6", content=prod, hallmark=cart), "01:20:00"),
        at(a_cdevent("incident.detected", f"i-{name}", f"{name}-7", content=prod | running), "01:30:00"),
        at(a_cdevent("incident.reported", f"i-{name}", f"{name}-8", hallmark=cart | {"version": "1.0"}), "01:31:00"),
        at(a_cdevent("incident.resolved", f"i-{name}", f"{name}-9", content=prod), "01:40:00"),
        at(a_cdevent("incident.resolved", f"i-{name}", f"{name}-10", content=prod), "01:41:00"),
    ]


async def play(shop: Shop, events: list[dict[str, Any]]) -> None:
    """Deliver in this order; what comes too early is delivered again after the others, as the stream does it."""
    pipe = shop.system.token("pipe", Role.CONTRIBUTOR, project="shop")
    waiting = list(events)
    for _ in range(len(events)):
        early = []
        for event in waiting:
            try:
                await shop.hear(PipelineEvent.model_validate(event), shop.id(), pipe)
            except Transient:
                early.append(event)
        if not early:
            return
        waiting = early
    raise AssertionError("some events never found what they belong to")


async def kept_of(shop: Shop, name: str) -> list[Any]:
    """What is kept about an application, but for its name and the moments at which it was heard."""
    named = {"application": f"shop/{name}"}
    places = {"versions": {"application": name}, "deployments": named, "incidents": named, "packages": named}
    unlike = {"_id", "revision", "event", "digest", "created_at", "drafted_at"}
    kept = [
        {key: value for key, value in document.items() if key not in unlike or collection == "packages"}
        for collection, where in places.items()
        for document in await shop.run.database.collection(collection).find(where)
    ]
    return list(json.loads(json.dumps(kept, default=str, sort_keys=True).replace(name, "NAME")))


async def test_events_in_any_order_and_any_number_of_times_end_in_the_same_state(shop: Shop) -> None:
    random, names = Random(5), [f"app{number:02}" for number in range(10)]  # noqa: S311 - the same orders every time
    ends = []
    for name in names:
        await shop.application(name, intake=RULE.model_copy(update={"packages": (f"pkg:oci/cart-{name}",)}))
        story = a_story(name)
        order = [*story, *random.sample(story, 4)]
        if name != names[0]:
            random.shuffle(order)
        await play(shop, order)
        ends.append(await kept_of(shop, name))
    for name, end in zip(names, ends, strict=True):
        assert end == ends[0], f"{name} ended otherwise"
    [version, old, service, incident, package] = ends[0]
    assert (version["draft"], len(version["artifacts"]), version["source"]["branch"]) == (True, 2, "b")
    assert (old["service"], old["change"], old["purl"]) == ("old", "removed", None)
    assert (service["service"], service["change"]) == ("svc", "upgraded")
    assert (incident["opened_at"], incident["version"]) == ("2026-01-02 01:30:00+00:00", "1.0")
    assert incident["resolved_at"] == "2026-01-02 01:41:00+00:00"
    assert package["by_rule"] is True

    told = await shop.facts(ArtifactPublished, DeploymentRecorded, IncidentOpened, IncidentResolved)
    for name in names:
        facts = [fact for fact in told if fact.application == name]
        assert len([fact for fact in facts if isinstance(fact, ArtifactPublished)]) == 3
        assert len([fact for fact in facts if isinstance(fact, DeploymentRecorded)]) == 3
        opened = [fact for fact in facts if isinstance(fact, IncidentOpened)]
        assert (opened[-1].at.isoformat(), opened[-1].version) == ("2026-01-02T01:30:00+00:00", "1.0")
        assert [fact for fact in facts if isinstance(fact, IncidentResolved)][-1].at.minute == 41


async def test_what_belongs_to_nothing_yet_waits_for_a_while_and_is_then_refused_with_the_reason(shop: Shop) -> None:
    await shop.application(intake=RULE)
    prod = {"environment": {"id": "prod"}}
    image = f"pkg:oci/cart@{sha256_digest(b'image').replace(':', '%3A')}"
    deployed = a_cdevent("service.deployed", "svc", "e-1", content=prod | {"artifactId": image})
    resolved = a_cdevent("incident.resolved", "i-1", "e-2", content=prod)
    for early, code in ((deployed, "package_unbound"), (resolved, "incident_unassigned")):
        with pytest.raises(NotFound) as refused:
            await send(shop, early)
        assert refused.value.code == code
    await publish(shop, deployed, resolved)
    letters = await eventually(shop.dead_letters, lambda found: len(found) == 2)
    assert sorted((one.code, one.deliveries) for one in letters) == [("incident_unassigned", 4), ("package_unbound", 4)]

    began = a_cdevent("incident.detected", "i-1", "e-3", content=prod | {"artifactId": image})
    await publish(shop, deployed, began, resolved, published("cart", "e-4"))
    await eventually(lambda: shop.facts(DeploymentRecorded), lambda found: len(found) == 1)
    await eventually(lambda: shop.facts(IncidentResolved), lambda found: len(found) == 1)
    assert len(await shop.facts(IncidentOpened)) == 1
    assert len(await shop.dead_letters()) == 2


async def test_what_runs_where_is_what_was_said_last_and_claims_are_told(shop: Shop) -> None:
    await shop.application(packages=("pkg:oci/cart",), intake=RULE.model_copy(update={"versions": VersionsFrom.OFF}))
    prod, digest = {"environment": {"id": "prod"}}, sha256_digest(b"image")
    image = {"artifactId": f"pkg:oci/cart@{digest}"}
    upgraded = at(a_cdevent("service.upgraded", "svc", "e-2", content=prod | image), "02:00:00")
    older = a_cdevent("service.deployed", "svc", "e-1", content=prod | image, hallmark={"version": "0.9"})
    assert (await send(shop, upgraded)).version is None
    assert (await send(shop, at(older, "01:00:00"))).version == "0.9"
    await shop.version("1.0", artifacts=({"purl": "pkg:oci/cart@1.0", "digest": digest},))
    gone = at(a_cdevent("service.rolledback", "shop/cart", "e-3", content={"environment": {"id": "qa"}}), "03:00:00")
    await send(shop, gone)
    assert [(one.version, one.current) for one in await shop.facts(DeploymentRecorded)] == [
        (None, True),
        ("0.9", False),
        (None, True),
    ]
    query = ListDeployments(project="shop", application="cart", limit=1)
    first = await shop.asker.ask(query, DeploymentPage)
    rest = await shop.asker.ask(query.model_copy(update={"after": first.next, "limit": 10}), DeploymentPage)
    [svc], [other] = first.deployments, rest.deployments
    assert (svc.service, svc.change, svc.artifact_digest, svc.version) == ("svc", "upgraded", digest, "1.0")
    assert (other.environment, other.change, other.purl) == ("qa", "rolledback", None)
    assert rest.next is None

    # Tests and changes are claims that are told, and nothing more.
    own = {"project": "shop", "application": "cart", "version": "1.0"}
    suite = {"outcome": "success", "environment": {"id": "qa"}, "testSuite": {"id": "s-1"}}
    await send(shop, a_cdevent("testsuiterun.finished", "run-1", "e-11", content=suite, hallmark=own))
    source = {"repository": REPOSITORY, "commit": "0123abc"}
    merged = await send(shop, a_cdevent("change.merged", "!1", "e-12", hallmark={"source": source}))
    assert (merged.application, merged.facts) == ("cart", ("change.merged",))
    with pytest.raises(NotFound):
        await send(
            shop, a_cdevent("change.merged", "!2", "e-13", content={"repository": {"id": "https://git.example/x"}})
        )
    [ran] = await shop.facts(TestsFinished)
    assert (ran.run_id, ran.suite, ran.outcome, ran.version, ran.by) == ("run-1", "s-1", "success", "1.0", "pipe")
    [change] = await shop.facts(ChangeMerged)
    assert (change.change_id, change.repository, change.commit) == ("!1", REPOSITORY, "0123abc")
