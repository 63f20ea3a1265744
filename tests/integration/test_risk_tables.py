"""Risk as CSV, from a real monitoring service through a real gateway to the command line."""

import contextlib
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.cli.exits import Exit
from tests.integration.gateway_door import Door, a_door
from tests.support.monitoring_scenes import Scene, a_scene, advisory, bom, created, deployed, digest, stands, trusted

pytestmark = pytest.mark.servers
FORMULA = '=HYPERLINK("https://evil.example";"näher")'
DEFUSED = f"'{FORMULA}"


@dataclass(frozen=True)
class Desk:
    """Somebody who looks at tables."""

    door: Door

    async def rows(self, path: str, **query: Any) -> list[dict[str, str]]:
        answer = await self.door.ask("GET", path, params=query, headers={"accept": "text/csv"})
        assert answer.headers["content-type"].startswith("text/csv"), answer.text
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))

    async def says(self, *words: str, ends: int) -> list[str]:
        return (await self.door.hallmark(*words, "--csv", ends=ends)).splitlines()


@contextlib.asynccontextmanager
async def a_desk(directory: Path) -> AsyncIterator[tuple[Scene, Desk]]:
    """One release with a flaw, which runs; what people and tools named begins like a formula."""
    async with a_scene(directory) as scene, a_door(scene.system) as door:
        scene.boms["e1"] = ["pkg:pypi/lib@1.5", "pkg:pypi/other@1.0"]
        await scene.deliver(created("1.0", owners=(FORMULA,)))
        await scene.deliver(bom("e1", digest("shop", "1.0", "image")))
        await scene.deliver(trusted(owners=(FORMULA,)))
        await scene.deliver(stands("1.0"))
        await scene.deliver(deployed("1.0", FORMULA))
        await scene.deliver(deployed("9.0", FORMULA, service="@SUM(A1)"))
        await scene.deliver(deployed("8.0", "näher", service="-1"))
        await scene.import_(advisory("A-1", "lib", summary=FORMULA), advisory("A-2", "other"))
        yield scene, Desk(door)


async def test_what_is_exposed_to_be_fixed_and_dealt_with_is_a_table_without_formulas(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as (_, desk):
        [exposed] = await desk.rows("/exposure", vulnerability="A-1")
        said = (exposed["version"], exposed["component"], exposed["fixed_in"], exposed["current_in"])
        assert said == ("1.0", "pkg:pypi/lib@1.5", "2.0", "prod")
        assert (exposed["owners"], exposed["runs_in"]) == (DEFUSED, f"{DEFUSED}/web-api")
        fixes = await desk.rows("/projects/shop/remediation")
        assert [(one["component"], one["to_version"], one["releases"]) for one in fixes] == [
            ("pkg:pypi/lib@1.5", "2.0", "web/1.0"),
            ("pkg:pypi/other@1.0", "2.0", "web/1.0"),
        ]
        alerts = await desk.rows("/projects/shop/alerts")
        assert {(one["name"], one["summary"], one["owners"], one["overdue"]) for one in alerts} == {
            ("A-1", DEFUSED, DEFUSED, "false"),
            ("A-2", "other is broken", DEFUSED, "false"),
        }
        drifts = await desk.rows("/projects/shop/drift")
        assert {(one["version"], one["environment"], one["service"]) for one in drifts} == {
            ("9.0", DEFUSED, "'@SUM(A1)"),
            ("8.0", "näher", "'-1"),
        }


async def test_tables_are_read_page_after_page_and_end_as_lists_do(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as (_, desk):
        first = await desk.door.ask("GET", "/projects/shop/drift", params={"format": "csv", "limit": 1})
        following = first.headers["hallmark-next"]
        assert following.isascii()
        after = f"/projects/shop/drift?format=csv&after={following}"
        rest = await desk.door.ask("GET", after)
        lines = [*first.text.splitlines(), *rest.text.splitlines()[1:]]
        assert await desk.says("risk", "drift", "-p", "shop", ends=Exit.DENIED) == lines
        assert len(lines) == 3

        for words, code, count in (
            (("risk", "fix", "-p", "shop", "--most", "1"), Exit.DONE, 2),
            (("risk", "blast", "A-1"), Exit.DONE, 2),
            (("risk", "blast", "A-404"), Exit.UNAVAILABLE, 1),
            (("risk", "blast", "pkg:pypi/unheard"), Exit.DONE, 1),
            (("alerts", "list", "-p", "shop"), Exit.DONE, 3),
        ):
            said = await desk.says(*words, ends=code)
            assert len(said) == count, said
