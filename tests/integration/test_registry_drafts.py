"""Drafts on a real NATS and a real MongoDB: they grow, nobody judges or moves them, and sealing is for ever."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts.registry.v1.drafts import AmendVersion, SealVersion, VersionDrafted, VersionSealed
from contracts.registry.v1.events import MoveRefused, VersionCreated, VersionMoved
from contracts.registry.v1.queries import ListVersions
from contracts.registry.v1.views import VersionPage, VersionView
from contracts.vocabulary import Artifact, Role
from services.registry.app import SERVICE
from services.registry.domain.version import manifest_digest
from shared.digests import sha256_digest
from shared.errors import Conflict, Forbidden, NotFound
from tests.integration.registry_shop import SOURCE, WHEEL, Shop
from tests.support.clock import FrozenClock
from tests.support.system import a_system

pytestmark = pytest.mark.servers
IMAGE = Artifact(purl="pkg:oci/cart@1.0", digest=sha256_digest(b"image"))


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    clock = FrozenClock()
    async with a_system(tmp_path, SERVICE, clock=clock) as system:
        run = await system.start(SERVICE)
        yield Shop(system, run, await system.asker(), clock)


async def amend(shop: Shop, name: str = "1.0", token: str | None = None, **said: Any) -> VersionView:
    command = AmendVersion(command_id=shop.id(), project="shop", application="cart", version=name, **said)
    return await shop.asker.ask(command, VersionView, token=token)


async def seal(shop: Shop, name: str = "1.0", token: str | None = None, **said: Any) -> VersionView:
    command = SealVersion(command_id=shop.id(), project="shop", application="cart", version=name, **said)
    return await shop.asker.ask(command, VersionView, token=token)


async def test_a_draft_grows_unheard_by_those_who_judge_until_it_is_sealed_for_ever(shop: Shop) -> None:
    await shop.furnished()
    pipe = shop.system.token("pipe", Role.CONTRIBUTOR, project="shop")
    began = shop.clock.now
    draft = await shop.version(token=pipe, draft=True)
    assert (draft.draft, draft.drafted_at, draft.contributors, draft.stage) == (True, began, ("pipe",), None)
    assert await shop.version(token=pipe, draft=True) == draft
    with pytest.raises(Conflict) as other:
        await shop.version(draft=True, artifacts=(IMAGE,))
    assert other.value.code == "draft_differs"

    shop.clock.advance(minutes=5)
    grown = await amend(shop, artifacts=(IMAGE,))
    made_of: dict[str, Any] = {"artifacts": (WHEEL, IMAGE), "nested": (), "source": SOURCE}
    assert grown.digest == manifest_digest("shop", "cart", "1.0", **made_of) != draft.digest
    assert await amend(shop, artifacts=(IMAGE, WHEEL), token=pipe) == grown
    assert await shop.shown() == grown
    await shop.move(grown, None, "dev")
    with pytest.raises(NotFound) as unnestable:
        await shop.version("2.0", artifacts=(), nested=(grown.digest,))
    assert unnestable.value.code == "nested_version_unknown"
    assert [fact.code for fact in await shop.facts(MoveRefused)] == ["version_draft"]
    assert await shop.facts(VersionCreated, VersionSealed, VersionMoved) == []
    with pytest.raises(Conflict) as changed:
        await seal(shop, digest=draft.digest)
    assert changed.value.code == "version_digest_differs"

    shop.clock.advance(minutes=5)
    sealed = await seal(shop, digest=grown.digest, token=pipe)
    assert (sealed.draft, sealed.digest, sealed.created_at) == (False, grown.digest, shop.clock.now)
    assert (sealed.created_by, sealed.drafted_at, sealed.contributors) == ("pipe", began, ("ann", "pipe"))
    shop.clock.advance(minutes=5)
    assert await seal(shop) == sealed == await shop.version(artifacts=(WHEEL, IMAGE))
    assert await amend(shop, artifacts=(WHEEL,)) == sealed
    rebuilt = Artifact(purl=WHEEL.purl, digest=sha256_digest(b"wheel, built again"))
    for news in ({"artifacts": (rebuilt,)}, {"remove": (WHEEL.digest,)}):
        with pytest.raises(Conflict) as refused:
            await amend(shop, **news)
        assert refused.value.code == "version_sealed"
    assert await shop.shown() == sealed

    assert [len(fact.artifacts) for fact in await shop.facts(VersionDrafted)] == [1, 2]
    [said, created] = await shop.facts(VersionSealed, VersionCreated)
    assert (said.version_digest, said.drafted_by, said.by, said.at) == (
        sealed.digest,
        "pipe",
        "pipe",
        sealed.created_at,
    )
    assert (created.version_digest, created.artifacts, created.at) == (sealed.digest, sealed.artifacts, said.at)
    assert created.contributors == said.contributors == ("ann", "pipe")
    await shop.move(sealed, None, "dev", promotion="after sealing")
    assert (await shop.shown()).stage == "dev"


async def test_a_version_of_the_very_content_of_a_draft_seals_it(shop: Shop) -> None:
    await shop.furnished()
    draft = await shop.version(draft=True)
    with pytest.raises(Conflict):
        await shop.version(artifacts=(IMAGE,))
    assert (await shop.shown()).draft
    version = await shop.version()
    assert (version.draft, version.digest) == (False, draft.digest)
    [created] = await shop.facts(VersionCreated)
    assert created.version_digest == version.digest
    assert await shop.version(draft=True) == version
    await shop.version("2.0", draft=True)
    page = await shop.asker.ask(ListVersions(project="shop", application="cart"), VersionPage)
    assert {one.version: one.draft for one in page.versions} == {"1.0": False, "2.0": True}
    inner = await shop.version("3.0", artifacts=(), nested=(version.digest,))
    assert set(inner.contained) == {version.digest, WHEEL.digest}

    # Who may neither contribute nor release changes no draft.
    draft = await shop.version("4.0", draft=True)
    for role in (Role.VIEWER, Role.APPROVER, Role.SECURITY):
        token = shop.system.token("eve", role, project="shop")
        for change in (amend(shop, "4.0", artifacts=(IMAGE,), token=token), seal(shop, "4.0", token=token)):
            with pytest.raises(Forbidden):
                await change
    for change in (amend(shop, "9.0", artifacts=(IMAGE,)), seal(shop, "9.0")):
        with pytest.raises(NotFound):
            await change
    assert await shop.shown("4.0") == draft
    manager = shop.system.token("max", Role.RELEASE_MANAGER, project="shop")
    assert not (await seal(shop, "4.0", token=manager)).draft
