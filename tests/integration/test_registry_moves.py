"""Moves of every kind in the registry, on a real NATS and a real MongoDB."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts.answers import Applied
from contracts.registry.v1.commands import ApplyLifecycle, MemberMove, MoveVersion, MoveVersionsTogether, Stage
from contracts.registry.v1.events import LifecycleApplied, MoveRefused, StandingChanged, VersionMoved
from contracts.registry.v1.queries import ShowProject
from contracts.registry.v1.views import ProjectView, StandingVersion, VersionView
from contracts.vocabulary import ActorKind, PromotionKind, ReleaseStatus
from services.registry.app import SERVICE
from shared.errors import Invalid, NotFound
from tests.integration.registry_shop import Shop
from tests.support.clock import FrozenClock
from tests.support.system import a_system

pytestmark = pytest.mark.servers
LINE = ((None, "dev"), ("dev", "qa"), ("qa", "prod"))
DEMOTE, RECERTIFY, ROLLBACK = PromotionKind.DEMOTE, PromotionKind.RECERTIFY, PromotionKind.ROLLBACK


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    clock = FrozenClock()
    async with a_system(tmp_path, SERVICE, clock=clock) as system:
        run = await system.start(SERVICE)
        shop = Shop(system, run, await system.asker(), clock)
        await shop.furnished()
        yield shop


async def walk(shop: Shop, version: VersionView, *way: tuple[str | None, str]) -> None:
    for place, to in way:
        shop.clock.advance(seconds=1)
        await shop.move(version, place, to)


def pointers(row: StandingVersion) -> tuple[str | None, str | None, list[str]]:
    return row.version, row.previous_good, [one.version for one in row.quarantined]


async def test_release_stages_are_parallel_and_their_policies_are_kept_and_shown(shop: Shop) -> None:
    ring = Stage(name="us", release=True, requesters=(ActorKind.HUMAN,), queue="refuse", supersede=True, automatic=True)
    stages = (Stage(name="dev"), Stage(name="eu", release=True), ring)
    command = ApplyLifecycle(command_id="rings", project="shop", lifecycle="default", stages=stages)
    for number, change in enumerate(("updated", "unchanged")):
        applied = await shop.asker.ask(command.model_copy(update={"command_id": f"rings-{number}"}), Applied)
        assert applied.change == change
    told = (await shop.facts(LifecycleApplied))[-1].stages
    shown = (await shop.asker.ask(ShowProject(project="shop"), ProjectView)).lifecycles[0].stages
    version = await shop.version()
    assert told == shown == version.lifecycle
    assert [one.release for one in shown] == [False, True, True]
    kept = (shown[2].requesters, shown[2].queue, shown[2].supersede, shown[2].automatic)
    assert kept == ((ActorKind.HUMAN,), "refuse", True, True)
    assert (shown[0].requesters, shown[0].queue, shown[0].supersede, shown[0].automatic) == (None, "wait", False, False)

    await walk(shop, version, (None, "dev"), ("dev", "us"), ("dev", "eu"))
    moved = await shop.shown()
    assert (moved.stage, moved.standing_in) == ("eu", ("dev", "eu", "us"))
    assert moved.release_status is ReleaseStatus.TRUSTED_RELEASE
    assert [(one.to_stage, one.release) for one in await shop.facts(VersionMoved)] == [
        ("dev", False),
        ("us", True),
        ("eu", True),
    ]
    await shop.move(version, "dev", "eu", promotion="again")
    await shop.move(version, "eu", "us", promotion="beside")
    assert [one.code for one in await shop.facts(MoveRefused)] == ["version_elsewhere", "stage_skipped"]
    with pytest.raises(Invalid) as scattered:
        await shop.lifecycle("dev", "eu", "us", "last", release=("eu",))
    assert scattered.value.code == "lifecycle_release_not_last"


async def test_pointers_are_facts_and_a_quarantined_version_stays_out_until_it_is_certified(shop: Shop) -> None:
    versions = [await shop.version(name) for name in ("1.0", "2.0", "3.0")]
    one, two, three = versions
    for version in versions:
        await walk(shop, version, *LINE)
    assert pointers((await shop.board())["prod"]) == ("3.0", "2.0", [])
    shop.clock.advance(seconds=1)
    await shop.move(two, "prod", "prod", kind=ROLLBACK, reason="it loses orders" + "!" * 300)
    row = (await shop.board())["prod"]
    assert pointers(row) == ("2.0", "1.0", ["3.0"])
    [kept_out] = row.quarantined
    assert (kept_out.promotion_id, kept_out.since) == ("2.0-rollback-prod", shop.clock.now)
    assert (kept_out.reason[:15], len(kept_out.reason)) == ("it loses orders", 200)
    history = (await shop.shown("2.0")).history
    assert history[-1].replaced == "3.0"

    await shop.move(three, "prod", "prod", kind=ROLLBACK)
    await shop.move(three, "prod", "prod", kind=RECERTIFY, promotion="sure", trusted=False)
    again = await shop.shown("3.0")
    assert (again.release_status, again.history[-1].kind) == (ReleaseStatus.RELEASED, RECERTIFY)
    assert pointers((await shop.board())["prod"]) == ("2.0", "3.0", [])
    await shop.move(one, "prod", "prod", kind=ROLLBACK)
    [refused] = await shop.facts(MoveRefused)
    assert (refused.code, refused.version) == ("version_quarantined", "3.0")

    told = [fact for fact in await shop.facts(StandingChanged) if fact.stage == "prod"]
    assert [(fact.current, fact.previous_good, [one.version for one in fact.quarantined]) for fact in told] == [
        ("1.0", None, []),
        ("2.0", "1.0", []),
        ("3.0", "2.0", []),
        ("2.0", "1.0", ["3.0"]),
        ("2.0", "3.0", []),
        ("1.0", "3.0", ["2.0"]),
    ]
    assert [fact.promotion_id for fact in told[3:]] == ["2.0-rollback-prod", "sure", "1.0-rollback-prod"]
    # What is certified where nothing was quarantined moves nothing, and nothing is said of it.
    before = len(await shop.facts(StandingChanged))
    await shop.move(one, "qa", "qa", kind=RECERTIFY)
    assert len(await shop.facts(StandingChanged)) == before


async def test_many_earlier_versions_and_rollbacks_find_the_newest_good_one(shop: Shop) -> None:
    versions = [await shop.version(f"{number}.0") for number in range(7)]
    for version in versions:
        await walk(shop, version, (None, "dev"))
    for number in (5, 4, 3):
        await shop.move(versions[number], "dev", "dev", kind=ROLLBACK)
    assert pointers((await shop.board())["dev"]) == ("3.0", "2.0", ["4.0", "5.0", "6.0"])
    for number in (4, 6):
        await shop.move(versions[number], "dev", "dev", kind=RECERTIFY)
    assert pointers((await shop.board())["dev"]) == ("3.0", "4.0", ["5.0"]), "4.0 was current after 6.0"
    await shop.move(versions[0], "dev", "dev", kind=ROLLBACK)
    assert pointers((await shop.board())["dev"]) == ("0.0", "4.0", ["3.0", "5.0"])
    # So many later ones that 5.0 is not among those shown any more: it is kept out all the same.
    stays = shop.run.database.collection("stays")
    [row] = await stays.find({"version": "5.0"})
    for number in range(100):
        later = {"_id": f"shop/cart/dev/later-{number}", "version": f"later-{number}", "place": 1000 + number}
        await stays.add({**row, **later})
    shown = [one.version for one in (await shop.board())["dev"].quarantined]
    assert (len(shown), "5.0" in shown) == (100, False)
    await shop.move(versions[5], "dev", "dev", kind=ROLLBACK, promotion="hidden")
    assert [one.code for one in await shop.facts(MoveRefused)] == ["version_quarantined"]


async def test_a_demotion_takes_a_version_back_and_is_told_again_as_it_was(shop: Shop) -> None:
    one, two = await shop.version("1.0"), await shop.version("2.0")
    for version in (one, two):
        await walk(shop, version, *LINE)
    for _ in range(2):
        await shop.move(two, "prod", "dev", kind=DEMOTE)
    first, again = (await shop.facts(VersionMoved))[-2:]
    assert first == again
    assert (first.left, first.release, first.release_status) == (("qa", "prod"), False, ReleaseStatus.PRE_RELEASE)
    shown = await shop.shown("2.0")
    assert (shown.stage, shown.standing_in, shown.release_status) == ("dev", ("dev",), ReleaseStatus.PRE_RELEASE)
    board = await shop.board()
    assert [pointers(board[stage]) for stage in ("dev", "qa", "prod")] == [
        ("2.0", "1.0", []),
        (None, "1.0", []),
        (None, "1.0", []),
    ]
    assert board["prod"].since is None
    for place, kind in (("prod", PromotionKind.PROMOTE), ("dev", ROLLBACK), ("prod", RECERTIFY)):
        await shop.move(two, place, "prod", kind=kind, promotion=f"jump-{kind}")
    assert [one.code for one in await shop.facts(MoveRefused)] == [
        "version_elsewhere",
        "rollback_after_demotion",
        "recertify_after_demotion",
    ]
    await shop.move(one, "prod", "prod", kind=ROLLBACK)
    assert pointers((await shop.board())["prod"]) == ("1.0", None, [])
    for place, to in (("dev", "qa"), ("qa", "prod")):
        await shop.move(two, place, to, promotion=f"once more to {to}")
    assert (await shop.shown("2.0")).release_status is ReleaseStatus.TRUSTED_RELEASE


def together(*members: MoveVersion, group: str = "train", attempt: int = 1) -> MoveVersionsTogether:
    moves = tuple(MemberMove(**{name: getattr(one, name) for name in MemberMove.model_fields}) for one in members)
    return MoveVersionsTogether(
        project="shop", application=members[0].application, group_id=group, attempt=attempt, moves=moves
    )


async def test_versions_move_together_in_one_transaction_or_not_at_all(shop: Shop) -> None:
    await shop.application("till")
    cart, till = await shop.version("1.0"), await shop.version("1.0", application="till")
    newer = await shop.version("2.0")
    good = [shop.cleared(shop.told(one, None, "dev", promotion=f"p-{one.application}")) for one in (cart, till)]
    wrong = shop.cleared(shop.told(newer, None, "qa", promotion="p-newer"))
    uncleared = shop.told(newer, None, "dev", promotion="p-newer")

    async def tell(message: MoveVersionsTogether) -> list[Any]:
        known = len(await shop.facts(VersionMoved, MoveRefused))
        await shop.hear(message, shop.id())
        return (await shop.facts(VersionMoved, MoveRefused))[known:]

    refused = await tell(together(*good, wrong))
    assert [(one.application, one.version, one.code) for one in refused] == [
        ("cart", "1.0", "group_refused"),
        ("till", "1.0", "group_refused"),
        ("cart", "2.0", "stage_skipped"),
    ]
    assert "cart 2.0 may not move (stage_skipped)" in refused[0].message
    both = await tell(together(uncleared, *good, wrong))
    assert [one.code for one in both] == ["clearance_invalid", "group_refused", "group_refused", "stage_skipped"]
    assert "clearance_invalid" in both[1].message
    assert [(await shop.board(name))["dev"].version for name in ("cart", "till")] == [None, None]
    assert await shop.shown() == cart
    assert await shop.facts(StandingChanged) == []

    moved = await tell(together(*good))
    assert [(type(one), one.application, one.promotion_id) for one in moved] == [
        (VersionMoved, "cart", "p-cart"),
        (VersionMoved, "till", "p-till"),
    ]
    assert [(await shop.board(name))["dev"].version for name in ("cart", "till")] == ["1.0", "1.0"]
    # The saga lost the answers and asks again: the same facts, and nothing moves.
    assert await tell(together(*good, attempt=2)) == moved
    assert len((await shop.shown()).history) == 1
    # Of one application, too: each on what those before it have made of the stage.
    third = await shop.version("3.0")
    pair = [shop.cleared(shop.told(one, None, "dev", promotion=f"p-{one.version}")) for one in (newer, third)]
    assert [one.replaced for one in await tell(together(*pair))] == ["1.0", "2.0"]
    assert pointers((await shop.board())["dev"]) == ("3.0", "2.0", [])
    back = [
        shop.cleared(shop.told(one, "dev", "dev", kind=ROLLBACK, promotion=f"b-{one.version}")) for one in (newer, cart)
    ]
    assert [one.replaced for one in await tell(together(*back))] == ["3.0", "2.0"]
    assert pointers((await shop.board())["dev"]) == ("1.0", None, ["2.0", "3.0"])
    with pytest.raises(NotFound):
        await shop.hear(together(good[0], good[1].model_copy(update={"version": "9"})), "stranger")
