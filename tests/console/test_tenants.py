"""Who belongs to one project gets nothing of another one, by no path of the API or the console."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.console.conftest import Console

pytestmark = [pytest.mark.servers, pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]
KNOWN = {"project": "shop", "application": "web", "version": "tenant-1", "lifecycle": "default", "policy": "qa"}
PUBLIC = "/badge/"
REFUSED = (403, 404, 422)
"""422: what stands for an id in the path is none."""


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: KNOWN.get(found[1], "x"), path)


async def test_68_who_belongs_to_another_project_gets_nothing_by_its_paths(console: Console) -> None:
    await console.shop.create("tenant-1", tested=False)
    await console.shop.ask("PUT", "/projects/rival", "tenant-rival", json={})
    body = {"subject": "bob", "kind": "human", "grants": {"rival": ["admin"]}}
    bob = (await console.shop.ask("POST", "/tokens", "tenant-bob", json=body)).json()["token"]
    async with httpx.AsyncClient(base_url=console.url, timeout=30) as http:
        document = (await http.get("/openapi.json")).json()["paths"]
        headers = {"authorization": f"Bearer {bob}"}
        asked = 0
        for path, operations in document.items():
            if "{project}" not in path or path.startswith(PUBLIC):
                continue
            for method in operations:
                answer = await http.request(method, filled(path), headers=headers, json={} if method != "get" else None)
                assert answer.status_code in REFUSED, f"{method} {path}: {answer.status_code} {answer.text[:200]}"
                asked += 1
        assert asked > 60
        # The same paths are there for who may.
        shown = await http.get("/api/v1/projects/shop", headers={"authorization": f"Bearer {console.admin}"})
        assert shown.status_code == 200

        # Where one list goes on in the other project, nothing of that one is in it.
        mine = await http.get("/api/v1/projects/rival/applications", headers=headers, params={"after": "a"})
        assert mine.json()["applications"] == []
        projects = (await http.get("/api/v1/projects", headers=headers)).json()["projects"]
        assert [one["project"] for one in projects] == ["rival"]
        # What is named in the body is looked at as what is named in the path.
        wish = {"subject": "eve", "kind": "human", "grants": {"rival": ["viewer"], "shop": ["viewer"]}}
        refused = await http.post("/api/v1/tokens", headers=headers, json=wish)
        assert (refused.status_code, refused.json()["code"]) == (403, "grant_exceeds_own")

        await http.post("/sign-in", data={"token": bob})
        home = await http.get("/", headers={"accept": "text/html"})
        assert home.status_code == 200
        assert "Shop" not in home.text
