"""Abuse cases of the platform at the gateway's door, on a real NATS and MongoDB."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from services.gateway.console.pages import ROUTERS
from tests.integration.gateway_door import ADMIN, a_door
from tests.support.ledger import ledger_service
from tests.support.system import a_system

pytestmark = pytest.mark.servers
OPERATORS = ({"$ne": None}, {"$gt": ""}, {"$where": "sleep(1000)"}, {"$regex": ".*"}, ["x", {"$ne": 1}])
POLLUTION = (
    '{"__proto__": {"admin": true}}',
    '{"constructor": {"prototype": {"admin": true}}}',
    '{"a.b": 1}',
    '{"$set": 1}',
)


def routes(method: str) -> list[str]:
    """The console's addresses with something in place of what they are about."""
    found = [one for router in ROUTERS for one in router.routes if isinstance(one, APIRoute)]
    return sorted({re.sub(r"\{[^}]*\}", "x", one.path) for one in found if method in (one.methods or ())})


async def test_57_operators_and_strange_names_in_place_of_values_are_refused(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system, a_door(system) as door:
        await system.start(service)
        for operator in OPERATORS:
            whole = {"subject": "ann", "kind": "human", "grants": {"shop": ["viewer"]}}
            for field in ("subject", "kind", "grants"):
                refused = await door.ask("POST", "/tokens", json={**whole, field: operator})
                assert (refused.status_code, refused.json()["code"]) == (422, "request_invalid")
            assert (await door.ask("PUT", "/projects/shop", json={"title": operator})).status_code == 422
        for text in POLLUTION:
            more: dict[str, Any] = {"content": text, "headers": {"content-type": "application/json"}}
            assert (await door.ask("PUT", "/projects/shop", **more)).status_code == 422
            grants = f'{{"subject": "ann", "kind": "human", "grants": {text}}}'
            assert (await door.ask("POST", "/tokens", **{**more, "content": grants})).status_code == 422
        for name in ("$where", "a.b", "__proto__", '{"$ne":null}', "shop%00", "..%2f..%2fetc"):
            assert (await door.ask("GET", f"/projects/{name}")).status_code in (404, 422)
        for query in ("after[$ne]=", 'after={"$ne":null}', "after=%00"):
            listed = await door.ask("GET", f"/tokens?{query}")
            assert listed.status_code in (200, 422)
            assert listed.json().get("tokens", []) == []
        # A form's field is text, whatever its name promises.
        for data in ({"token[$ne]": ""}, {"token": '{"$ne": null}'}, {"token": "", "token[$gt]": ""}):
            answer = await door.http.post("/sign-in", data=data)
            assert answer.status_code in (401, 422)
            assert "set-cookie" not in answer.headers
        kept = await door.app.state.gateway.database.collection("tokens").find({})
        assert kept == []


async def test_62_and_64_every_page_forbids_foreign_scripts_and_being_framed(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system, a_door(system, ask_deadline=0.1) as door:
        await door.http.post("/sign-in", data={"token": ADMIN})
        paths = [path for path in routes("GET") if path != "/news"]
        assert len(paths) > 5
        for path in (*paths, "/nowhere", "/static/console.js", "/api/v1/nowhere", "/openapi.json"):
            for headers in ({"accept": "text/html"}, {}):
                answer = await door.http.get(path, headers=headers)
                policy = dict(
                    part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";")
                )
                assert policy["default-src"] == "'none'", path
                assert policy["frame-ancestors"] == "'none'", path
                assert policy.get("script-src", "'self'") == "'self'", path
                assert policy.get("style-src", "'self'") == "'self'", path
                assert policy.get("base-uri", "'none'") == "'none'", path
                assert not re.search(r"unsafe|https?:|\*", answer.headers["content-security-policy"]), path
                assert answer.headers["x-frame-options"] == "DENY", path
                assert answer.headers["x-content-type-options"] == "nosniff", path


async def test_63_no_form_counts_that_a_foreign_page_sends(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system, a_door(system, ask_deadline=0.1) as door:
        signed_in = await door.http.post("/sign-in", data={"token": ADMIN})
        assert "samesite=strict" in signed_in.headers["set-cookie"].lower()
        fields = {"token": ADMIN, "code": "x", "csrf": "guessed"}
        for path in routes("POST"):
            for headers in (
                {"sec-fetch-site": "cross-site"},
                {"sec-fetch-site": "same-site"},
                {"origin": "https://evil.example"},
                {"origin": "null"},
            ):
                refused = await door.http.post(path, data=fields, headers=headers)
                assert (refused.status_code, refused.json()["code"]) == (403, "form_foreign"), path
            if not path.startswith("/sign-in"):
                forged = await door.http.post(path, data=fields, headers={"sec-fetch-site": "same-origin"})
                assert (forged.status_code, forged.json()["code"]) == (403, "form_forged"), path
        # The API believes no cookie at all.
        assert (await door.http.get("/api/v1/tokens")).status_code == 401
        assert (await door.http.post("/api/v1/tokens", content=json.dumps({}))).status_code == 401


async def test_67_too_long_a_page_is_refused(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system, a_door(system, ask_deadline=0.1) as door:
        for limit in ("1000000", "0", "-1", "1e3", "999999999999999999999999"):
            for path in ("/tokens", "/people", "/projects/shop/applications", "/log/entries", "/dead-letters"):
                refused = await door.ask("GET", f"{path}?limit={limit}")
                assert (refused.status_code, refused.json()["code"]) == (422, "request_invalid"), path
