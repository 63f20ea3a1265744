"""Blast radius, waivers and what to fix first, on a real NATS and a real MongoDB."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import monitoring

from contracts.circumstances import WaivedSubject
from contracts.gate.v1.waivers import WaiverEnded, WaiverGranted
from contracts.monitoring.v1.exploitation import ExploitationImported, ImportExploitation, KevCatalogue
from contracts.monitoring.v1.exposure import Exposure, PlanRemediation, RemediationPlan, ShowExposure
from contracts.monitoring.v1.running import DriftPage, ListDrift, ListRunning, RunningPage
from contracts.vocabulary import Criticality, Role, Severity, Trust
from services.monitoring.domain.inventory import KnownVersion
from services.monitoring.domain.release import Context
from services.monitoring.storage.exposure import MOST_COUNTED
from services.monitoring.storage.inventory import INVENTORY, to_document
from services.monitoring.storage.sboms import COMPONENTS
from shared.errors import Forbidden, Invalid
from tests.support.monitoring_scenes import (
    NOW,
    Scene,
    a_scene,
    advisory,
    bom,
    created,
    deployed,
    digest,
    moved,
    stands,
    trusted,
)

pytestmark = pytest.mark.servers
ROWS = int(os.environ.get("HALLMARK_COMPONENT_ROWS", "20000"))
"""Of the test of plans; the answers must be as quick with a million."""
FEW = 20
"""Reads that a first page with its totals takes, however many applications it shows."""


async def blast(scene: Scene, token: str | None = None, **asked: Any) -> Exposure:
    return await scene.asker.ask(ShowExposure(**asked), Exposure, token=token)


def waived(kind: type[Any], waiver_id: str = "wv-1", **more: Any) -> Any:
    said = {
        "project": "shop",
        "application": "web",
        "waiver_id": waiver_id,
        "policy": "prod-release",
        "rule": "no-high",
        "stage": "prod",
        "waives": WaivedSubject(vulnerability="CVE-1"),
        "max_severity": Severity.HIGH,
        "reason": "not reachable",
        "requested_by": "ann",
        "expires_at": NOW + timedelta(days=5),
        "by": "sue",
        "at": NOW,
    }
    return kind.model_validate(said | more)


async def a_shop(scene: Scene) -> None:
    """Two projects: in one, 1.0 is released and runs, and 2.0 stands in qa; both contain the library."""
    scene.boms |= {
        "e1": ["pkg:pypi/lib@1.5", "pkg:pypi/fine@1.0"],
        "e2": ["pkg:pypi/lib@1.6"],
        "e3": ["pkg:pypi/lib@2.5"],
    }
    scene.boms |= {"e4": ["pkg:pypi/lib@1.5"]}
    for version in ("1.0", "2.0", "3.0"):
        await scene.deliver(created(version))
        await scene.deliver(bom(f"e{version[0]}", digest("shop", version, "image")))
    await scene.deliver(bom("e4", digest("bank", "1.0", "image"), project="bank"))
    await scene.deliver(created("1.0", project="bank"))
    await scene.deliver(trusted())
    await scene.deliver(stands("1.0", "prod"))
    await scene.deliver(moved("2.0", NOW, to_stage="qa", release=False))
    await scene.deliver(stands("2.0", "qa"))
    await scene.deliver(deployed("1.0"))
    await scene.deliver(deployed("2.0", "test-eu", service="web"))
    await scene.import_(advisory("GHSA-1", "lib", aliases=["CVE-1"]), advisory("PYSEC-1", "lib", aliases=["CVE-1"]))


async def it_is_followed_to_versions_stages_deployments_and_owners(scene: Scene) -> None:
    by_alias = await blast(scene, vulnerability="cve-1")
    assert by_alias == (await blast(scene, vulnerability="PYSEC-1")).model_copy(update={"names": by_alias.names})
    assert (by_alias.advisories, by_alias.names) == (2, ("CVE-1", "GHSA-1", "PYSEC-1", "cve-1"))
    assert [(one.project, one.version, one.stage, one.current_in, one.trust) for one in by_alias.versions] == [
        ("bank", "1.0", None, (), Trust.NONE),
        ("shop", "1.0", None, ("prod",), Trust.AT_RISK),
        ("shop", "2.0", "qa", ("qa",), Trust.NONE),
    ]
    totals = by_alias.totals
    assert totals is not None
    assert totals.model_dump() == {
        "projects": 2,
        "applications": 2,
        "versions": 3,
        "releases": 2,
        "deployments": 2,
        "components": 2,
        "exact": True,
    }
    released = by_alias.versions[1]
    assert (released.criticality, released.owners) == (Criticality.HIGH, ("team-web",))
    [finding] = released.findings
    assert (finding.component, finding.fixed_in, finding.due) == ("pkg:pypi/lib@1.5", "2.0", NOW + timedelta(14))
    assert released.deadline == finding.due
    assert [(one.environment, one.service, one.version) for one in released.deployments] == [("prod", "web-api", "1.0")]
    assert by_alias.versions[2].findings[0].due is None, "only releases have deadlines"

    nothing = await blast(scene, vulnerability="CVE-404")
    assert (nothing.advisories, nothing.versions, nothing.names) == (0, (), ("CVE-404",))


async def packages_are_found_by_any_version_one_version_or_bounds(scene: Scene) -> None:

    async def versions(package: str, bounds: str | None = None) -> list[str]:
        found = await blast(scene, package=package, bounds=bounds, project="shop")
        return [one.version for one in found.versions]

    assert await versions("pkg:pypi/Lib") == ["1.0", "2.0", "3.0"]
    assert await versions("pkg:pypi/lib@1.5.0") == ["1.0"]
    assert await versions("pkg:pypi/lib", ">=1.6,<3") == ["2.0", "3.0"]
    assert await versions("pkg:pypi/unheard") == []
    clean = (await blast(scene, package="pkg:pypi/lib@2.5")).versions[0].findings[0]
    assert (clean.component, clean.advisory, clean.fixed_in) == ("pkg:pypi/lib@2.5", None, None)
    for wrong, code in (
        ({}, "exposure_subject_ambiguous"),
        ({"vulnerability": "CVE-1", "package": "pkg:pypi/lib"}, "exposure_subject_ambiguous"),
        ({"vulnerability": "CVE-1", "bounds": "<2"}, "bounds_without_package"),
        ({"package": "pkg:pypi/lib", "bounds": "about 2"}, "bounds_malformed"),
        ({"package": "pkg:generic/lib", "bounds": "<2"}, "bounds_undecidable"),
        ({"package": "pkg:pypi/lib", "application": "web"}, "application_without_project"),
    ):
        with pytest.raises(Invalid) as refusal:
            await blast(scene, **wrong)
        assert refusal.value.code == code


async def nobody_learns_of_projects_without_a_role_there_and_pages_add_up(scene: Scene) -> None:
    member = scene.system.token("bob", Role.VIEWER, project="shop")
    stranger = scene.system.token("eve", Role.VIEWER, project="elsewhere")
    seen = await blast(scene, member, vulnerability="CVE-1")
    assert {one.project for one in seen.versions} == {"shop"}
    assert seen.totals
    assert (seen.totals.projects, seen.totals.versions) == (1, 2)
    hidden = await blast(scene, stranger, vulnerability="CVE-1")
    assert (hidden.versions, hidden.next) == ((), None)
    assert "shop" not in hidden.model_dump_json()
    assert "bank" not in hidden.model_dump_json()
    with pytest.raises(Forbidden):
        await blast(scene, member, vulnerability="CVE-1", project="bank")

    whole, after, pages = [], None, 0
    while True:
        page = await blast(scene, vulnerability="CVE-1", limit=1, after=after)
        whole += [(one.project, one.version) for one in page.versions]
        assert (page.totals is None) == (pages > 0)
        after, pages = page.next, pages + 1
        if after is None:
            break
    assert whole == [("bank", "1.0"), ("shop", "1.0"), ("shop", "2.0")]


async def a_version_with_several_bills_of_materials_is_told_once(scene: Scene) -> None:
    project = "multi"
    scene.boms |= {name: [f"pkg:pypi/m@{version}"] for name, version in (("m0", "1.0"), ("m1", "1.5"), ("m9", "1.9"))}
    # What a version contains becomes known after it, and the bills of materials in between.
    await scene.deliver(created("1.0", project=project, nested=(digest(project, "base"),)))
    for name, subject in (("m9", digest(project, "1.0", "image")), ("m1", digest(project, "1.0"))):
        await scene.deliver(bom(name, subject, project=project))
    await scene.deliver(bom("m0", digest(project, "base", "image"), project=project))
    await scene.deliver(created("base", project=project))
    await scene.import_(advisory("M-1", "m"))

    found = await blast(scene, vulnerability="M-1")
    assert [(one.version, [f.component[-3:] for f in one.findings]) for one in found.versions] == [
        ("1.0", ["1.0", "1.5", "1.9"]),
        ("base", ["1.0"]),
    ]
    assert found.totals
    assert (found.totals.versions, found.totals.components) == (2, 3)
    first = await blast(scene, vulnerability="M-1", limit=1)
    rest = await blast(scene, vulnerability="M-1", limit=1, after=first.next)
    assert [one.version for one in (*first.versions, *rest.versions)] == ["1.0", "base"]

    # A newer bill of materials takes the place of the one before it.
    scene.boms["m2"] = ["pkg:pypi/m@2.0"]
    await scene.deliver(bom("m2", digest(project, "1.0"), project=project, made_at=NOW + timedelta(days=1)))
    again = await blast(scene, vulnerability="M-1")
    assert [f.component[-3:] for f in again.versions[0].findings] == ["1.0", "1.9"]


async def waivers_in_force_are_shown_beside_what_they_cover_in_any_order(scene: Scene) -> None:

    async def covering() -> list[list[str]]:
        found = await blast(scene, vulnerability="GHSA-1", project="shop")
        return [[one.waiver_id for one in version.findings[0].waivers] for version in found.versions]

    assert await covering() == [[], []]
    over: dict[str, Any] = {"cause": "revoked", "covered": (), "covered_count": 0}
    await scene.deliver(waived(WaiverGranted))
    await scene.deliver(waived(WaiverEnded, "wv-2", **over))
    await scene.deliver(waived(WaiverGranted, "wv-2"))
    await scene.deliver(waived(WaiverGranted, "wv-3", max_severity=Severity.MEDIUM))
    await scene.deliver(waived(WaiverGranted, "wv-4", expires_at=NOW))
    await scene.deliver(waived(WaiverGranted, "wv-5", waives=WaivedSubject(component="pkg:pypi/lib@1.6")))
    assert await covering() == [["wv-1"], ["wv-1", "wv-5"]]
    await scene.deliver(waived(WaiverEnded, **over))
    assert await covering() == [[], ["wv-5"]]


async def test_a_flaw_and_a_package_are_found_wherever_they_are_by_those_who_may_know(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await a_shop(scene)
        await it_is_followed_to_versions_stages_deployments_and_owners(scene)
        await packages_are_found_by_any_version_one_version_or_bounds(scene)
        await nobody_learns_of_projects_without_a_role_there_and_pages_add_up(scene)
        await waivers_in_force_are_shown_beside_what_they_cover_in_any_order(scene)
        await a_version_with_several_bills_of_materials_is_told_once(scene)
        await what_to_fix_first_counts_exploitation_and_what_the_upgrade_brings(scene)


async def what_to_fix_first_counts_exploitation_and_what_the_upgrade_brings(scene: Scene) -> None:
    project = "fixes"
    scene.boms |= {
        "f1": ["pkg:pypi/first@1.5", "pkg:pypi/worse@1.0", "pkg:pypi/dead@1.0"],
        "f2": ["pkg:pypi/first@1.5"],
    }
    for version in ("1.0", "2.0"):
        await scene.deliver(created(version, project=project))
        await scene.deliver(bom(f"f{version[0]}", digest(project, version, "image"), project=project))
        await scene.deliver(trusted(version, project=project, at=NOW + timedelta(hours=int(version[0]))))
    await scene.import_(
        advisory("CVE-2026-0001", "first"),
        advisory("CVE-2026-0002", "worse", database_specific={"severity": "CRITICAL"}),
        advisory(
            "CVE-2026-0003",
            "dead",
            affected=[{"package": {"ecosystem": "PyPI", "name": "dead"}, "versions": ["1.0"]}],
        ),
    )

    async def plan(**more: Any) -> RemediationPlan:
        return await scene.asker.ask(PlanRemediation(project=project, **more), RemediationPlan)

    only_current = await plan()
    assert [(one.component, one.to_version, one.releases) for one in only_current.fixes] == [
        ("pkg:pypi/first@1.5", "2.0", ("web/2.0",))
    ]
    # 1.0 is not the current version any more, but still runs somewhere.
    await scene.deliver(deployed("1.0", "prod-old", project=project))
    both = await plan()
    assert [(one.component, one.to_version, one.release_count, one.removes) for one in both.fixes] == [
        ("pkg:pypi/worse@1.0", "2.0", 1, 60.0),
        ("pkg:pypi/first@1.5", "2.0", 2, 42.0),
        ("pkg:pypi/dead@1.0", None, 1, 0.0),
    ]
    assert (both.risk, both.unfixable, both.releases, both.complete) == (123.0, 21.0, 2, True)

    part = {"vulnerability": "CVE-2026-0001", "kev": {"date_added": "2026-05-01"}}
    edition = KevCatalogue(feed="kev", catalogue_version="2026.05.01")
    known = ImportExploitation(command_id="k", edition=edition, entries=(part,))
    await scene.asker.ask(known, ExploitationImported)
    first = (await plan(limit=1)).fixes[0]
    assert (first.component, first.exploited, first.removes) == ("pkg:pypi/first@1.5", True, 252.0)
    assert [one.exploitation_factor for one in first.parts] == [6.0, 6.0]
    page = await plan(limit=1)
    assert (await plan(limit=1, after=page.next)).fixes[0].component == "pkg:pypi/worse@1.0"


class Recorder(monitoring.CommandListener):
    """The reads that a service sends to its database, as they are."""

    def __init__(self) -> None:
        self.reads: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.database_name == "hallmark_monitoring" and event.command_name in {"find", "aggregate"}:
            about = {"lsid", "$clusterTime", "$db", "$readPreference", "readConcern", "txnNumber", "autocommit"}
            self.reads.append({key: value for key, value in event.command.items() if key not in about})

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


def plan_of(said: Any) -> tuple[set[str], int, int]:
    """The stages of the plan that won, and how many index entries and documents it read."""
    cursor = said["stages"][0]["$cursor"] if "stages" in said else said
    stages: set[str] = set()
    nodes = [cursor["queryPlanner"]["winningPlan"]]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            stages |= {node["stage"]} if isinstance(node.get("stage"), str) else set()
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node
    stats = cursor["executionStats"]
    return stages, stats["totalKeysExamined"], stats["totalDocsExamined"]


async def fill(scene: Scene, sboms: int, each: int) -> None:
    """Components of many bills of materials, of the versions of 50 projects."""
    database = scene.run.database
    names = [f"p{number % 50:02d}|e{number:06d}" for number in range(sboms)]
    for sbom_names in (names[first : first + 100] for first in range(0, sboms, 100)):
        await database.hasty_collection(COMPONENTS).add_all(
            [
                {
                    "_id": f"{sbom}|pkg:npm/n{n}@{n % 7}.{m}",
                    "sbom": sbom,
                    "key": f"npm:n{n}",
                    "purl": f"pkg:npm/n{n}@{n % 7}.{m}",
                }
                for sbom in sbom_names
                for n in range(each)
                for m in [int(sbom[-2:]) % 5]
            ]
        )
    context = Context(Criticality.HIGH, (), NOW)
    known = [
        KnownVersion(sbom[:3], "web", sbom[4:], digest(sbom), (digest(sbom),), context, (digest(sbom),), (sbom,))
        for sbom in names
    ]
    await database.hasty_collection(INVENTORY).add_all([to_document(one) | {"revision": 1} for one in known])


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Hears the clients that are made during a test."""
    recorder = Recorder()
    monitoring.register(recorder)
    yield recorder
    monitoring._LISTENERS.command_listeners.remove(recorder)


async def test_no_question_scans_however_many_components_there_are(tmp_path: Path, recorder: Recorder) -> None:
    async with a_scene(tmp_path) as scene:
        await fill(scene, ROWS // 50, 50)
        await a_shop(scene)
        broken = {"package": {"ecosystem": "npm", "name": "n7"}, "versions": ["0.3"]}
        await scene.import_(advisory("CVE-2026-0007", "x", affected=[broken], aliases=["GHSA-7"]))
        recorder.reads.clear()
        confined = scene.system.token("bob", Role.VIEWER, project="p07")

        began = time.monotonic()
        found = await blast(scene, vulnerability="GHSA-7")
        took = time.monotonic() - began
        assert len(found.versions) == 25
        assert len(recorder.reads) <= FEW, [next(iter(one.items())) for one in recorder.reads]
        few = await blast(scene, vulnerability="GHSA-7", count_to=10)
        assert few.totals
        assert (few.totals.versions <= 11, few.totals.exact) == (True, False)
        assert found.totals
        assert (found.totals.versions, found.totals.exact) == (ROWS // 250, ROWS // 250 <= MOST_COUNTED)
        one_project = await blast(scene, confined, package="pkg:npm/n7")
        assert one_project.totals
        assert one_project.totals.versions == ROWS // 50 // 50
        await blast(scene, package="pkg:pypi/lib", after=found.next)
        await scene.asker.ask(PlanRemediation(project="shop"), RemediationPlan)
        await scene.asker.ask(ListDrift(project="shop", after="a", limit=1), DriftPage)
        await scene.asker.ask(ListRunning(project="shop", after="a|b", limit=1), RunningPage)
        await scene.asker.ask(ListRunning(project="shop", application="web"), RunningPage)

        asked: dict[str, int] = {}
        for command in list(recorder.reads):
            name = str(next(iter(command.values())))
            said = await scene.run.database.handle.command("explain", command, verbosity="executionStats")
            stages, keys, documents = plan_of(said)
            assert "COLLSCAN" not in stages, command
            assert name != COMPONENTS or "SORT" not in stages, command
            wanted = command.get("limit", MOST_COUNTED)
            assert keys <= 3 * min(wanted, ROWS // 50) + 50, (command, keys)
            assert name != COMPONENTS or not documents, (command, stages)
            asked[name] = max(asked.get(name, 0), documents)
        assert {COMPONENTS, INVENTORY, "advisories", "releases", "running", "currents", "drifts"} <= asked.keys()
        assert took < 5, f"the first page with its totals took {took:.3f} s"
