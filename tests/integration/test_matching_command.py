"""`hallmark undecided` and `hallmark advisory rematch` against a real gateway and a real monitoring service."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.monitoring import rematching
from tests.integration.gateway_door import Door, a_door
from tests.support.eventually import eventually
from tests.support.monitoring_scenes import a_scene, advisory, bom, digest, trusted

pytestmark = pytest.mark.servers
UNDECIDED = "/projects/shop/applications/web/versions/1.0/undecided"
REMATCH = "/advisories/rematch"


async def says(door: Door, *words: str) -> Any:
    return json.loads(await door.hallmark("--json", *words))


async def test_what_is_undecided_is_asked_for_by_http_and_by_command(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene, a_door(scene.system) as door:
        scene.boms["e1"] = [f"pkg:pypi/lib@junk{number}" for number in range(3)]
        await scene.deliver(bom("e1", digest("shop", "1.0")))
        await scene.deliver(trusted())
        await scene.import_(advisory("A-1", "lib"))
        first = (await door.ask("GET", UNDECIDED, params={"limit": 2})).json()
        rest = (await door.ask("GET", UNDECIDED, params={"after": first["next"]})).json()
        assert (first["total"], len(first["undecided"]), rest["next"]) == (3, 2, None)
        listed = [*first["undecided"], *rest["undecided"]]
        assert [(one["component"], one["advisory"], one["doubt"]) for one in listed] == [
            (name, "A-1", "version_unreadable") for name in scene.boms["e1"]
        ]
        assert await says(door, "undecided", "shop/web/1.0") == {"undecided": listed, "total": 3}

        unknown = await door.ask("GET", UNDECIDED.replace("1.0", "9.9"))
        assert (unknown.status_code, unknown.json()["code"]) == (404, "release_unknown")
        assert (await door.ask("GET", UNDECIDED, token=None)).status_code == 401


async def test_a_rematch_is_asked_for_by_http_and_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rematching, "EVERY_SECONDS", 0.02)
    async with a_scene(tmp_path) as scene, a_door(scene.system) as door:
        scene.boms["e1"] = ["pkg:pypi/lib@1.5"]
        await scene.deliver(bom("e1", digest("shop", "1.0")))
        await scene.deliver(trusted())
        await scene.import_(advisory("A-1", "lib"))

        async def state() -> Any:
            return (await door.ask("GET", REMATCH)).json()

        def is_done(one: Any) -> bool:
            return one["last"] is not None and not one["requested"] and one["under_way"] is None

        asked = await door.ask("POST", REMATCH)
        assert (asked.status_code, asked.json()["requested"]) == (200, True)
        done = await eventually(state, is_done)
        assert (done["last"]["releases"], done["last"]["differences"]) == (1, 0)
        assert await says(door, "advisory", "rematch", "--show") == done

        forgotten = {"$set": {"causes": [], "trust": "trusted"}}
        await scene.run.database.collection("releases").update({"_id": "shop/web/1.0"}, forgotten)
        assert (await says(door, "advisory", "rematch"))["requested"]
        repaired = await eventually(state, lambda one: is_done(one) and one != done)
        assert repaired["last"]["differences"] == 1
        assert (await door.ask("POST", REMATCH, token=None)).status_code == 401
