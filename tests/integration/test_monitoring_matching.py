"""Any order of arrivals finds the same; what cannot be decided is shown; everything is matched again."""

import asyncio
import itertools
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.monitoring.v1.rematching import RematchState, RequestRematch, ShowRematch
from contracts.monitoring.v1.undecided import ListUndecided, UndecidedPage
from contracts.vocabulary import Artifact, Doubt, Role, Trust
from services.monitoring import rematching
from services.monitoring.domain.advisory import read_advisory
from services.monitoring.domain.matching import Match, Undecided
from shared.errors import Forbidden
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.matching import answers
from tests.support.monitoring_scenes import NOW, Scene, a_scene, advisory, bom, created, digest, trusted

pytestmark = pytest.mark.servers
EXAMPLES = int(os.environ.get("HALLMARK_MODEL_EXAMPLES") or 12)
_numbers = itertools.count()


@dataclass(frozen=True)
class History:
    """What arrives, in the order in which it does; `order` names the facts by their place in `facts`."""

    boms: list[tuple[str, list[tuple[int, str]]]]
    """Subject, and the numbers and versions of packages."""
    advisories: list[tuple[int, int, str, bool]]
    """Number, package, fixed version, whether it is withdrawn; each a later revision than the one before."""
    order: list[int]


@st.composite
def histories(draw: st.DrawFn) -> History:
    component = st.tuples(st.integers(0, 1), st.sampled_from(["1.0", "1.5", "2.5", "junk"]))
    contents = st.lists(component, min_size=1, max_size=3, unique=True)
    boms = draw(st.lists(st.tuples(st.sampled_from(["image", "inner"]), contents), min_size=1, max_size=3))
    record = st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from(["1.2", "2.0", "soon"]), st.booleans())
    advisories = draw(st.lists(record, min_size=2, max_size=5))
    return History(boms, advisories, draw(st.permutations(range(len(boms) + len(advisories) + 2))))


async def play(scene: Scene, history: History) -> None:
    mark = f"x{next(_numbers)}"
    for place in history.order:
        await _arrive(scene, mark, history, place)
    newest: dict[str, list[str]] = {}
    for subject, contents in history.boms:
        newest[subject] = _purls(mark, contents)
    records = {record["id"]: record for record in _records(mark, history)}
    said = answers({purl for purls in newest.values() for purl in purls}, map(read_advisory, records.values()))
    found = await scene.trust(mark)
    hits = {(one.advisory_id, one.component, one.fixed_in) for one in said if isinstance(one, Match)}
    assert {(one.advisory, one.component, one.fixed_in) for one in found.causes} == hits
    assert found.trust is (Trust.AT_RISK if hits else Trust.TRUSTED)
    page = await undecided(scene, mark, limit=100)
    doubts = {(one.advisory_id, one.component, one.doubt) for one in said if isinstance(one, Undecided)}
    assert {(one.advisory, one.component, one.doubt) for one in page.undecided} == doubts
    assert page.total == len(doubts)


async def _arrive(scene: Scene, mark: str, history: History, place: int) -> None:
    records = _records(mark, history)
    if place < len(history.boms):
        subject, contents = history.boms[place]
        name = f"{mark}-bom{place}"
        scene.boms[name] = _purls(mark, contents)
        await scene.deliver(bom(name, digest(mark, subject), project=mark, made_at=NOW + timedelta(minutes=place)))
    elif place < len(history.boms) + len(records):
        await scene.import_(records[place - len(history.boms)])
    elif place == len(history.boms) + len(records):
        await scene.deliver(trusted(project=mark, artifacts=(digest(mark, "image"),)))
    else:
        image = Artifact(purl="pkg:oci/web@1", digest=digest(mark, "image"))
        await scene.deliver(created("1.0", project=mark, artifacts=(image,), nested=(digest(mark, "inner"),)))


def _records(mark: str, history: History) -> list[dict[str, Any]]:
    return [
        advisory(
            f"{mark}-A{number}",
            f"{mark}-p{package}",
            fixed=fixed,
            modified=f"2026-05-01T00:00:0{revision}Z",
            withdrawn="2026-05-02T00:00:00Z" if withdrawn else None,
        )
        for revision, (number, package, fixed, withdrawn) in enumerate(history.advisories)
    ]


def _purls(mark: str, contents: list[tuple[int, str]]) -> list[str]:
    return [f"pkg:pypi/{mark}-p{package}@{version}" for package, version in contents]


async def undecided(scene: Scene, project: str = "shop", version: str = "1.0", **more: Any) -> UndecidedPage:
    query = ListUndecided(project=project, application="web", version=version, **more)
    return await scene.asker.ask(query, UndecidedPage)


async def rematched(scene: Scene) -> RematchState:
    """Have everything matched again, and wait until it is."""
    asked = await scene.asker.ask(RequestRematch(command_id=f"r{next(_numbers)}"), RematchState)
    assert asked.requested
    return await done(scene)


async def done(scene: Scene) -> RematchState:
    async def state() -> RematchState:
        return await scene.asker.ask(ShowRematch(), RematchState)

    return await eventually(state, lambda one: not one.requested and one.under_way is None and one.last is not None)


def test_any_order_of_arrivals_gives_the_same_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rematching, "EVERY_SECONDS", 0.02)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        scene = runner.run(stack.enter_async_context(a_scene(tmp_path)))
        played: list[History] = []

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(histories())
        def check(history: History) -> None:
            played.append(history)
            runner.run(play(scene, history))

        try:
            check()
            last = runner.run(rematched(scene)).last
            assert last is not None
            assert (last.releases, last.differences) == (len(played), 0), "what arrived is all there is to find"
            assert len(played) >= EXAMPLES
        finally:
            runner.run(stack.aclose())


async def test_what_does_not_stand_as_it_matches_is_repaired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rematching, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(rematching, "BATCH", 3)
    monkeypatch.setattr(rematching, "REPAIRED", 1)
    clock = FrozenClock(NOW)
    async with a_scene(tmp_path, clock) as scene:
        contents = {"1.0": "1.5", "1.1": "2.5", "1.2": "junk", "1.3": "1.9", "1.4": "9.0"}
        for version, component in contents.items():
            scene.boms[f"bom-{version}"] = [f"pkg:pypi/lib@{component}", "pkg:pypi/fine@1.0"]
            await scene.deliver(bom(f"bom-{version}", digest("shop", version)))
            await scene.deliver(trusted(version))
        imported = await scene.import_(advisory("A-1", "lib"))
        assert imported.releases_touched == 3, "only what it says something about"
        before = {version: await scene.trust(version=version) for version in contents}
        assert [one.trust is Trust.AT_RISK for one in before.values()] == [True, False, False, True, False]
        page = await undecided(scene, version="1.2")
        assert [(one.component, one.doubt) for one in page.undecided] == [
            ("pkg:pypi/lib@junk", Doubt.VERSION_UNREADABLE)
        ]

        viewer = scene.system.token("bob", Role.VIEWER, project="shop")
        with pytest.raises(Forbidden):
            await scene.asker.ask(RequestRematch(command_id="no"), RematchState, token=viewer)
        assert (await rematched(scene)).last == await _last(scene, releases=5, differences=0)

        releases = scene.run.database.collection("releases")
        await releases.update({"_id": "shop/web/1.0"}, {"$set": {"causes": [], "trust": "trusted"}})
        await releases.update({"_id": "shop/web/1.1"}, {"$set": {"sboms": [], "components": 0}})
        await scene.run.database.collection("undecided").remove({})
        with structlog.testing.capture_logs() as logged:
            last = (await rematched(scene)).last
        assert last == await _last(scene, releases=5, differences=3)
        warned = [one["release"] for one in logged if one["log_level"] == "warning" and "repaired" in one["event"]]
        assert warned == ["shop/web/1.0", "shop/web/1.1", "shop/web/1.2"]
        steps = {version: (await scene.trust(version=version)).steps[-1] for version in contents}
        assert steps["1.0"].because == rematching.BECAUSE
        for version, one in before.items():
            now = await scene.trust(version=version)
            assert now.model_copy(update={"steps": one.steps}) == one, version
        assert await undecided(scene, version="1.2") == page

        clock.now = datetime(2026, 6, 2, 3, tzinfo=UTC)
        nightly = await eventually(
            lambda: scene.asker.ask(ShowRematch(), RematchState),
            lambda one: one.last is not None and one.last.finished_at == clock.now,
        )
        assert nightly.last == await _last(scene, releases=5, differences=0)


async def test_undecided_answers_are_listed_page_by_page(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.boms["e1"] = ["pkg:pypi/lib", *(f"pkg:pypi/lib@junk{number}" for number in range(4))]
        await scene.deliver(bom("e1", digest("shop", "1.0")))
        await scene.deliver(trusted())
        await scene.import_(advisory("A-1", "lib"), advisory("A-2", "lib"))
        first = await undecided(scene, limit=7)
        second = await undecided(scene, limit=7, after=first.next)
        listed = [*first.undecided, *second.undecided]
        assert (len(first.undecided), second.next, first.total) == (7, None, 10)
        assert {(one.component, one.advisory) for one in listed} == {
            (component, name) for component in scene.boms["e1"] for name in ("A-1", "A-2")
        }
        assert {one.doubt for one in listed} == {Doubt.VERSION_MISSING, Doubt.VERSION_UNREADABLE}
        assert (await scene.trust()).trust is Trust.TRUSTED
        outsider = scene.system.token("eve", project="bank")
        with pytest.raises(Forbidden):
            await scene.asker.ask(
                ListUndecided(project="shop", application="web", version="1.0"), UndecidedPage, token=outsider
            )
        await scene.import_(advisory("A-1", "lib", modified="2026-06-01T00:00:00Z", withdrawn="2026-06-01T00:00:00Z"))
        assert (await undecided(scene)).total == 5


async def _last(scene: Scene, *, releases: int, differences: int) -> Any:
    last = (await scene.asker.ask(ShowRematch(), RematchState)).last
    assert last is not None
    return last.model_copy(update={"releases": releases, "differences": differences})
