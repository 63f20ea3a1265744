"""The registry on a real NATS and a real MongoDB: what exists, what moves, what pipelines report."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.registry.v1.events import (
    ApplicationApplied,
    ArtifactPublished,
    IncidentOpened,
    IncidentResolved,
    LifecycleApplied,
    MoveRefused,
    ProjectApplied,
    VersionCreated,
    VersionMoved,
)
from contracts.registry.v1.intake import PipelineEvent
from contracts.registry.v1.queries import (
    ListApplications,
    ListProjects,
    ListVersions,
    ShowApplication,
    ShowProject,
)
from contracts.registry.v1.views import (
    ApplicationPage,
    ApplicationView,
    ProjectPage,
    ProjectView,
    VersionPage,
    VersionView,
)
from contracts.vocabulary import Artifact, Criticality, PromotionKind, ReleaseStatus, Role
from services.registry.app import SERVICE
from services.registry.domain.version import manifest_digest
from shared.digests import sha256_digest
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.messaging.inbox import AlreadyHandledError
from tests.integration.registry_shop import SOURCE, WHEEL, Shop, a_cdevent
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.system import a_system

pytestmark = pytest.mark.servers


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    clock = FrozenClock()
    async with a_system(tmp_path, SERVICE, clock=clock) as system:
        run = await system.start(SERVICE)
        yield Shop(system, run, await system.asker(), clock)


async def test_applying_creates_updates_and_leaves_unchanged(shop: Shop) -> None:
    created = await shop.project(title="Shop")
    assert (created.kind, created.name, created.change, created.revision) == ("Project", "shop", "created", 1)
    assert await shop.project(title="Shop") == created.model_copy(update={"change": "unchanged"})
    updated = await shop.project(title="The shop", public_badges=True)
    assert (updated.change, updated.revision) == ("updated", 2)
    assert updated.digest != created.digest

    for missing, code in ((shop.lifecycle("dev", project="bank"), "project_unknown"), (shop.application(), "")):
        with pytest.raises(NotFound) as unknown:
            await missing
        assert unknown.value.code == (code or "lifecycle_unknown")
        assert unknown.value.remedy
    assert [(await shop.lifecycle("dev", "prod")).change for _ in range(2)] == ["created", "unchanged"]
    packages = ("pkg:pypi/Cart@2.0", "pkg:pypi/cart")
    labels = {"language": "python"}
    assert [(await shop.application(packages=packages, labels=labels)).change for _ in range(2)] == [
        "created",
        "unchanged",
    ]

    with pytest.raises(Conflict) as taken:
        await shop.application("till", packages=("pkg:pypi/cart",))
    assert taken.value.code == "package_taken"
    assert (await shop.application(labels=labels)).change == "updated"
    assert (await shop.application("till", packages=("pkg:pypi/cart",))).change == "created"

    facts = await shop.facts(ProjectApplied, LifecycleApplied, ApplicationApplied)
    assert [type(fact) for fact in facts] == [
        ProjectApplied,
        ProjectApplied,
        LifecycleApplied,
        ApplicationApplied,
        ApplicationApplied,
        ApplicationApplied,
    ]
    assert [stage.release for stage in facts[2].stages] == [False, True]
    assert [fact.packages for fact in facts[3:]] == [("pkg:pypi/cart",), (), ("pkg:pypi/cart",)]
    assert facts[3].labels == labels
    assert {fact.by for fact in facts} == {"ann"}


async def test_rights_are_checked_first_and_lists_are_paged(shop: Shop) -> None:
    await shop.furnished()
    for name in ("bank", "club"):
        await shop.project(name)
    await shop.application("till")
    first = await shop.version("1.0")
    shop.clock.advance(seconds=1)
    for name in ("1.1", "1.2"):
        await shop.version(name)

    viewer = shop.system.token("vic", Role.VIEWER, project="shop")
    contributor = shop.system.token("pipe", Role.CONTRIBUTOR, project="shop")
    manager = shop.system.token("meg", Role.RELEASE_MANAGER, project="shop")
    stranger = shop.system.token("eve", Role.ADMIN, project="bank")
    for refused in (
        shop.project(title="Mine", token=manager),
        shop.project("new", token=stranger),
        shop.application(title="Mine", token=contributor),
        shop.version("9", token=viewer),
        shop.version("9", token=stranger),
        shop.asker.ask(ShowProject(project="shop"), ProjectView, token=stranger),
        shop.asker.ask(ListVersions(project="shop", application="cart"), VersionPage, token=stranger),
        shop.asker.ask(ShowApplication(project="shop", application="none"), ApplicationView, token=stranger),
    ):
        with pytest.raises(Forbidden) as forbidden:
            await refused
        assert forbidden.value.code == "role_missing"
    assert (await shop.application(title="Till", name="till", token=manager)).change == "updated"
    assert (await shop.version("2.0", token=contributor)).created_by == "pipe"

    page = await shop.asker.ask(ListProjects(limit=2), ProjectPage)
    rest = await shop.asker.ask(ListProjects(limit=2, after=page.next), ProjectPage)
    assert [one.project for one in (*page.projects, *rest.projects)] == ["bank", "club", "shop"]
    assert rest.next is None
    mine = await shop.asker.ask(ListProjects(), ProjectPage, token=viewer)
    assert [one.project for one in mine.projects] == ["shop"]
    assert [stage.name for stage in mine.projects[0].lifecycles[0].stages] == ["dev", "qa", "prod"]

    applications = await shop.asker.ask(ListApplications(project="shop", limit=1), ApplicationPage, token=viewer)
    assert ([one.application for one in applications.applications], applications.next) == (["cart"], "cart")
    applications = await shop.asker.ask(ListApplications(project="shop", after="cart"), ApplicationPage)
    assert ([one.application for one in applications.applications], applications.next) == (["till"], None)

    versions: list[str] = []
    after = None
    while True:
        found = await shop.asker.ask(
            ListVersions(project="shop", application="cart", after=after, limit=2), VersionPage, token=viewer
        )
        versions += [one.version for one in found.versions]
        if (after := found.next) is None:
            break
    assert versions == ["1.1", "1.2", "2.0", first.version]


async def test_a_version_never_changes_and_its_digest_can_be_recomputed(shop: Shop) -> None:
    await shop.furnished()
    created = await shop.version(tag="rc", properties={"build": "7"})
    shop.clock.advance(minutes=1)
    # What is not in the manifest does not make another version, and does not replace what was said first.
    assert await shop.version(tag="other") == created
    assert await shop.shown() == created
    assert (created.stage, created.release_status, created.criticality) == (
        None,
        ReleaseStatus.PRE_RELEASE,
        Criticality.HIGH,
    )
    assert created.digest == manifest_digest(
        created.project,
        created.application,
        created.version,
        artifacts=created.artifacts,
        nested=created.nested,
        source=created.source,
    )
    other = Artifact(purl=WHEEL.purl, digest=sha256_digest(b"another wheel"))
    with pytest.raises(Conflict) as immutable:
        await shop.version(artifacts=(other,))
    assert immutable.value.code == "version_immutable"
    with pytest.raises(NotFound) as nested:
        await shop.version("2.0", nested=(sha256_digest(b"no version"),))
    assert nested.value.code == "nested_version_unknown"
    with pytest.raises(Invalid) as empty:
        await shop.version("2.0", artifacts=())
    assert empty.value.code == "version_empty"
    whole = await shop.version("2.0", artifacts=(), nested=(created.digest,))
    renamed = Artifact(purl="pkg:pypi/renamed@1.0", digest=WHEEL.digest)
    await shop.version("3.0", artifacts=(renamed,))

    facts = await shop.facts(VersionCreated)
    assert [fact.version for fact in facts] == ["1.0", "2.0", "3.0"]
    # At once, too, a name gets one content.
    rivals = await asyncio.gather(
        *(shop.version("4.0", artifacts=(one,)) for one in (WHEEL, other) * 5), return_exceptions=True
    )
    made = {rival.digest for rival in rivals if isinstance(rival, VersionView)}
    assert made == {(await shop.shown("4.0")).digest}
    refused = [rival.code for rival in rivals if isinstance(rival, Conflict)]
    assert refused == ["version_immutable"] * 5
    assert (facts[0].version_digest, facts[0].artifacts, facts[0].source) == (created.digest, (WHEEL,), SOURCE)
    assert (facts[1].nested, facts[1].version_digest) == ((created.digest,), whole.digest)
    for name in ("version", "application"):
        with pytest.raises(NotFound) as unknown:
            await (
                shop.shown("9")
                if name == "version"
                else shop.asker.ask(ShowApplication(project="shop", application="none"), ApplicationView)
            )
        assert unknown.value.code == f"{name}_unknown"


async def test_versions_move_stage_by_stage_each_once_and_come_back(shop: Shop) -> None:
    await shop.furnished()
    one, two = await shop.version("1.0"), await shop.version("2.0")
    await shop.move(one, None, "dev", message_id="m-1")
    with pytest.raises(AlreadyHandledError):
        await shop.move(one, None, "dev", message_id="m-1")
    # The saga lost the answer and asks again, in a new message: the same fact is told again, nothing moves.
    shop.clock.advance(minutes=1)
    await shop.move(one, None, "dev")
    first, again = await shop.facts(VersionMoved)
    assert first == again
    assert len((await shop.shown("1.0")).history) == 1

    for version in (one, two):
        for place, to in ((None, "dev"), ("dev", "qa"), ("qa", "prod")):
            if (version, to) != (one, "dev"):
                await shop.move(version, place, to)
    shop.clock.advance(minutes=1)
    await shop.move(one, "prod", "prod", kind=PromotionKind.ROLLBACK)

    moves = (await shop.facts(VersionMoved))[2:]
    assert [(move.version, move.to_stage, move.replaced, move.release) for move in moves] == [
        ("1.0", "qa", None, False),
        ("1.0", "prod", None, True),
        ("2.0", "dev", "1.0", False),
        ("2.0", "qa", "1.0", False),
        ("2.0", "prod", "1.0", True),
        ("1.0", "prod", "2.0", True),
    ]
    assert [move.release_status.value for move in moves[:2]] == ["pre_release", "trusted_release"]
    assert (moves[-1].kind, moves[-1].reason, moves[-1].source) == (PromotionKind.ROLLBACK, "it is time", SOURCE)
    shown = await shop.shown("1.0")
    assert [move.to_stage for move in shown.history] == ["dev", "qa", "prod", "prod"]
    assert (shown.stage, shown.release_status) == ("prod", ReleaseStatus.TRUSTED_RELEASE)
    cart = await shop.asker.ask(ShowApplication(project="shop", application="cart"), ApplicationView)
    assert [(row.stage, row.version, row.previous) for row in cart.board] == [
        ("dev", "2.0", "1.0"),
        ("qa", "2.0", "1.0"),
        ("prod", "1.0", "2.0"),
    ]
    assert cart.board[2].since == shop.clock.now

    for stages in (("dev", "prod"), ("qa", "dev", "prod")):
        with pytest.raises(Conflict) as in_use:
            await shop.lifecycle(*stages)
        assert in_use.value.code == "lifecycle_stage_in_use"
    assert (await shop.lifecycle("dev", "qa", "canary", "prod")).change == "updated"
    await shop.lifecycle("prod", name="short")
    with pytest.raises(Conflict) as shortcut:
        await shop.application(lifecycle="short")
    assert shortcut.value.code == "lifecycle_stage_in_use"


async def test_a_release_on_waivers_is_released_and_says_so_again_when_told_again(shop: Shop) -> None:
    await shop.furnished()
    version = await shop.version()
    for place, to in ((None, "dev"), ("dev", "qa")):
        await shop.move(version, place, to)
    for _ in range(2):
        await shop.move(version, "qa", "prod", trusted=False, waivers=("wv-1", "wv-2"))
    first, again = (await shop.facts(VersionMoved))[2:]
    assert first == again
    assert (first.release, first.release_status) == (True, ReleaseStatus.RELEASED)
    assert (first.trusted, first.waivers) == (False, ("wv-1", "wv-2"))
    shown = await shop.shown()
    assert shown.release_status is ReleaseStatus.RELEASED
    assert [move.waivers for move in shown.history] == [(), (), ("wv-1", "wv-2")]

    await shop.move(await shop.version("2.0"), None, "dev")
    rolled_back: dict[str, Any] = {"kind": PromotionKind.ROLLBACK, "promotion": "again"}
    other = await shop.version("2.0")
    for place, to in (("dev", "qa"), ("qa", "prod")):
        await shop.move(other, place, to)
    await shop.move(version, "prod", "prod", **rolled_back)
    assert (await shop.shown()).release_status is ReleaseStatus.TRUSTED_RELEASE

    # A version from before waivers were kept.
    versions = shop.run.database.collection("versions")
    [old] = await versions.find({"version": "2.0"})
    kept = [
        {name: value for name, value in move.items() if name not in {"waivers", "trusted"}} for move in old["history"]
    ]
    await versions.put({**old, "history": kept})
    assert [move.waivers for move in (await shop.shown("2.0")).history] == [()] * 3


async def test_a_refused_move_is_answered_and_changes_nothing(shop: Shop) -> None:
    await shop.furnished()
    version = await shop.version()
    await shop.move(version, None, "qa")
    await shop.move(version, None, "dev", version_digest=sha256_digest(b"other"))
    await shop.move(version, None, "dev", verdict_expires_at=shop.clock() - timedelta(seconds=1))
    await shop.move(version, None, "dev", kind=PromotionKind.ROLLBACK)
    assert await shop.shown() == version
    await shop.move(version, None, "dev")
    # Another attempt is another question: it is not answered with what an earlier one did.
    await shop.move(version, None, "dev", attempt=2)
    await shop.move(version, "dev", "dev", kind=PromotionKind.ROLLBACK)

    refusals = await shop.facts(MoveRefused)
    assert [(one.code, one.attempt) for one in refusals] == [
        ("stage_skipped", 1),
        ("move_digest_differs", 1),
        ("verdict_expired", 1),
        ("rollback_to_stranger", 1),
        ("version_elsewhere", 2),
        ("rollback_to_current", 1),
    ]
    assert all(one.message for one in refusals)
    assert len(await shop.facts(VersionMoved)) == 1
    with pytest.raises(NotFound):
        await shop.move(version.model_copy(update={"version": "9"}), None, "dev")


async def test_what_pipelines_report_is_told_once_for_the_right_application(shop: Shop) -> None:
    await shop.furnished()
    await shop.project("bank")
    pipe = shop.system.token("pipe", Role.CONTRIBUTOR, project="shop")
    outsider = shop.system.token("eve", Role.CONTRIBUTOR, project="bank")
    source = SOURCE.model_dump(mode="json")
    built = a_cdevent("artifact.published", WHEEL.purl, "e-1", hallmark={"digest": WHEEL.digest, "source": source})
    named = {"project": "shop", "application": "cart"}
    dead: list[tuple[str, str, dict[str, Any], str]] = [
        ("d-1", "role_missing", built, outsider),
        ("d-2", "package_unbound", a_cdevent("artifact.packaged", f"pkg:npm/x?checksum={WHEEL.digest}", "e-2"), pipe),
        ("d-3", "artifact_undigested", a_cdevent("artifact.packaged", WHEEL.purl, "e-3"), pipe),
        (
            "d-4",
            "event_contradicts_binding",
            a_cdevent("artifact.packaged", WHEEL.purl, "e-4", hallmark={"digest": WHEEL.digest, "application": "till"}),
            pipe,
        ),
        ("d-5", "incident_unassigned", a_cdevent("incident.detected", "i-2", "e-5"), pipe),
        ("d-6", "event_malformed", a_cdevent("incident.detected", "i-2", "e-6", hallmark={"project": {}}), pipe),
        (
            "d-7",
            "application_unknown",
            a_cdevent("incident.detected", "i-2", "e-7", hallmark=named | {"application": "none"}),
            pipe,
        ),
        ("d-8", "token_missing", built, ""),
    ]
    good = [
        ("g-1", built, pipe),
        ("g-2", built, pipe),  # the same CDEvent in another message
        ("g-3", a_cdevent("incident.detected", "i-1", "e-11", hallmark=named | {"version": "1.0"}), pipe),
        ("g-4", a_cdevent("incident.resolved", "i-1", "e-12", content={"service": {"id": "shop/cart"}}), pipe),
        ("g-5", a_cdevent("build.finished", "b-1", "e-13"), pipe),
        ("g-6", a_cdevent("artifact.packaged", f"pkg:npm/x?checksum={WHEEL.digest}", "e-14", hallmark=named), pipe),
    ]
    jetstream = (await shop.system.connect("pipeline")).jetstream()
    for message_id, event, token in [(key, event, token) for key, _, event, token in dead] + good:
        headers = {"Nats-Msg-Id": message_id} | ({"authorization": f"Bearer {token}"} if token else {})
        await jetstream.publish(PipelineEvent.subject, json.dumps(event).encode(), headers=headers)

    watch = (await shop.system.connect("provision")).jetstream()

    async def left() -> int:
        return (await watch.stream_info("HALLMARK_IN")).state.messages

    await eventually(left, lambda count: count == 0)
    letters = await eventually(shop.dead_letters, lambda found: len(found) >= len(dead))
    assert sorted((letter.headers["Nats-Msg-Id"], letter.code) for letter in letters) == [
        (key, code) for key, code, _, _ in dead
    ]
    artifacts = await shop.facts(ArtifactPublished)
    assert sorted(fact.artifact.purl for fact in artifacts) == [f"pkg:npm/x?checksum={WHEEL.digest}", WHEEL.purl]
    [wheel] = [fact for fact in artifacts if fact.artifact == WHEEL]
    assert (wheel.project, wheel.application, wheel.source, wheel.by) == ("shop", "cart", SOURCE, "pipe")
    assert wheel.at == datetime(2026, 1, 2, 3, tzinfo=UTC)
    [opened] = await shop.facts(IncidentOpened)
    assert (opened.application, opened.incident_id, opened.version) == ("cart", "i-1", "1.0")
    [resolved] = await shop.facts(IncidentResolved)
    assert (resolved.application, resolved.incident_id) == ("cart", "i-1")

    again = PipelineEvent.model_validate(built)
    with pytest.raises(AlreadyHandledError):
        await shop.hear(again, "g-1", pipe)


async def test_nobody_uses_up_the_event_ids_of_another_application(shop: Shop) -> None:
    await shop.furnished()
    await shop.application("till")
    pipe = shop.system.token("pipe", Role.CONTRIBUTOR, project="shop")
    for application in ("till", "cart", "cart"):
        named = {"project": "shop", "application": application}
        event = a_cdevent("incident.detected", "i-1", "same", hallmark=named)
        await shop.hear(PipelineEvent.model_validate(event), shop.id(), pipe)
    assert [fact.application for fact in await shop.facts(IncidentOpened)] == ["till", "cart"]
