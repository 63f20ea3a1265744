"""People who sign in at an OpenID provider, on a real NATS and MongoDB: what opens the console and what does not."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from contracts.vocabulary import Role
from services.gateway.sessions import session_id_of
from tests.integration.gateway_door import ADMIN, Door, a_door
from tests.support.ledger import ledger_service
from tests.support.oidc import encoded, serving
from tests.support.provider import ANN, CLIENT, SECRET, Provider
from tests.support.system import a_system

pytestmark = pytest.mark.servers


@dataclass
class Scene:
    """A gateway whose people sign in at a provider."""

    door: Door
    provider: Provider
    run: Any

    @contextlib.asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"accept": "text/html"}
        async with httpx.AsyncClient(base_url=self.door.url, timeout=30, headers=headers) as browser:
            yield browser

    async def way_there(self, browser: httpx.AsyncClient, then: str = "/settings/sessions") -> str:
        answer = await browser.get("/sign-in/issuer", params={"then": then})
        assert answer.status_code == 303
        return answer.headers["location"]

    async def way_back(self, browser: httpx.AsyncClient, then: str = "/settings/sessions") -> str:
        """Where the provider sends the browser back to, once it has signed somebody in."""
        return self.provider.authorized(await self.way_there(browser, then))

    async def sign_in(self, browser: httpx.AsyncClient) -> str:
        """The person's id."""
        answer = await browser.get(await self.way_back(browser))
        assert answer.status_code == 200, answer.text
        return str((await self.person(self.provider.who["sub"]))["id"])

    async def forget_failures(self) -> None:
        await self.door.app.state.gateway.database.collection("failed_sign_ins").remove({})

    async def person(self, subject: str = ANN["sub"]) -> dict[str, Any]:
        found = (await self.door.ask("GET", "/people")).json()["people"]
        return next(one for one in found if one["subject"] == subject)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    service, provider = ledger_service(), Provider()
    listening = socket.create_server(("127.0.0.1", 0))
    here = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with serving(provider, tmp_path) as certificate, a_system(tmp_path, service) as system:
        run = await system.start(service)
        more = {
            "public_url": here,
            "sign_in_contact": "the platform team",
            "sign_in_group_grants": {"leads": {"shop": ["release_manager"]}},
        }
        async with a_door(system, listening, **provider.settings(certificate), **more) as door:
            yield Scene(door, provider, run)


def code_of(answer: httpx.Response) -> str:
    found = re.search(r"Code <code>([a-z_]+)</code>", answer.text)
    return found[1] if found else answer.text[:200]


async def test_a_person_signs_in_and_may_what_administrators_say_from_one_request_to_the_next(scene: Scene) -> None:
    async with scene.browser() as browser:
        answer = await browser.get(await scene.way_back(browser, "/settings/people?x=1"))
        assert answer.status_code == 200
        assert '<meta http-equiv="refresh" content="0; url=/settings/people?x=1">' in answer.text
        (cookie,) = (one for one in answer.headers.get_list("set-cookie") if one.startswith("hallmark_session="))
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "hallmark_sign_in" not in browser.cookies

        person = await scene.person()
        assert person["handle"] == f"ann#{person['id'][:16]}"
        assert (person["name"], person["email"], person["grants"]) == ("ann", "ann@example.com", [])
        nothing = await browser.get("/settings/people")
        assert nothing.status_code == 403
        assert "the platform team" in nothing.text
        assert person["handle"] in nothing.text
        assert (await browser.get("/settings/people", headers={"accept": "*/*"})).json()["code"] == "role_missing"

        path = f"/people/{person['id']}/grants"
        given = await scene.door.ask("POST", path, json={"grants": {"shop": ["admin", "viewer"]}})
        assert {(one["project"], one["role"], one["given_by"]) for one in given.json()["grants"]} == {
            ("shop", "admin", "admin"),
            ("shop", "viewer", "admin"),
        }
        assert (await browser.get("/settings/people")).status_code == 200
        assert (await scene.door.ask("DELETE", f"{path}/shop/admin")).status_code == 200
        again = await scene.door.ask("DELETE", f"{path}/shop/admin")
        assert (again.status_code, again.json()["code"]) == (404, "grant_unknown")
        assert "administrator of no project" in (await browser.get("/settings/people")).text
        assert (await scene.door.ask("DELETE", f"{path}/shop/viewer")).json()["grants"] == []
        assert "hold no role yet" in (await browser.get("/settings/people")).text

        ended = await scene.door.ask("DELETE", f"/people/{person['id']}/sessions")
        assert ended.json() == {"ended": 1}
        assert (await browser.get("/settings/people")).headers["location"].startswith("/sign-in")
        counted = await scene.run.database.collection("counts").find({"_id": {"$regex": "ann"}})
        assert {one["_id"].partition(":")[0]: one["revision"] for one in counted} == {"given": 1, "taken": 2}


async def test_who_somebody_is_issuer_and_subject_say_and_no_name(scene: Scene) -> None:
    async with scene.browser() as anns, scene.browser() as evas:
        ann = await scene.sign_in(anns)
        await scene.door.ask("POST", f"/people/{ann}/grants", json={"grants": {"shop": ["admin"]}})
        scene.provider.who = {**ANN, "sub": "0002-eva"}
        eva = await scene.sign_in(evas)
        assert eva != ann
        assert (await scene.person("0002-eva"))["handle"].startswith("ann#")
        assert (await evas.get("/settings/people")).status_code == 403
        # The name that is shown follows the issuer; as whom she acts stays.
        scene.provider.who = {**ANN, "preferred_username": "ann.jones", "email": "jones@example.com"}
        assert await scene.sign_in(anns) == ann
        person = await scene.person()
        assert (person["name"], person["email"]) == ("ann.jones", "jones@example.com")
        assert person["handle"].startswith("ann#")
        assert (await anns.get("/settings/people")).status_code == 200


async def test_groups_bring_what_the_operator_says_while_the_session_lasts(scene: Scene) -> None:
    scene.provider.who = {**ANN, "groups": ["leads", "strangers"]}
    async with scene.browser() as browser:
        await scene.sign_in(browser)
        assert "administrator of no project" in (await browser.get("/settings/people")).text
        gateway = scene.door.app.state.gateway
        (session,) = await gateway.database.collection("sessions").find({})
        assert session["groups"] == ["leads"]
        scene.provider.who = ANN
        await scene.sign_in(browser)
        assert "hold no role yet" in (await browser.get("/settings/people")).text


async def test_nobody_grants_more_than_they_hold(scene: Scene) -> None:
    lead = (await scene.door.token("lead", {"shop": [Role.ADMIN]}))["token"]
    viewer = (await scene.door.token("viewer", {"shop": [Role.VIEWER]}))["token"]
    async with scene.browser() as browser:
        path = f"/people/{await scene.sign_in(browser)}"
        for token, grants in (
            (lead, {"bank": ["viewer"]}),
            (lead, {"*": ["viewer"]}),
            (lead, {"shop": ["viewer"], "x": ["viewer"]}),
        ):
            refused = await scene.door.ask("POST", f"{path}/grants", token=token, json={"grants": grants})
            assert (refused.status_code, refused.json()["code"]) == (403, "grant_exceeds_own")
        for method, end in (
            ("GET", ""),
            ("POST", "/grants"),
            ("DELETE", "/grants/shop/viewer"),
            ("DELETE", "/sessions"),
        ):
            body = {"json": {"grants": {"shop": ["viewer"]}}} if method == "POST" else {}
            refused = await scene.door.ask(method, f"{path}{end}", token=viewer, **body)
            assert (refused.status_code, refused.json()["code"]) == (403, "role_missing")
        assert (await scene.door.ask("GET", "/people", token=viewer)).status_code == 403
        assert (await scene.door.ask("POST", f"{path}/grants", json={"grants": {"bank": ["viewer"]}})).is_success
        own = await scene.door.ask("POST", f"{path}/grants", token=lead, json={"grants": {"shop": ["viewer"]}})
        # Who administers one project is not told who may what in another.
        assert [one["project"] for one in own.json()["grants"]] == ["shop"]
        foreign = await scene.door.ask("DELETE", f"{path}/grants/bank/viewer", token=lead)
        assert (foreign.status_code, foreign.json()["code"]) == (403, "grant_exceeds_own")
        assert (await scene.door.ask("DELETE", f"{path}/sessions", token=lead)).status_code == 403
        assert (await scene.door.ask("GET", f"/people/{'0' * 64}")).json()["code"] == "person_unknown"


async def test_an_answer_that_is_not_in_order_in_any_way_opens_nothing(scene: Scene) -> None:
    provider = scene.provider

    async def refused(expected: str, **changes: str | None) -> None:
        """Falsify the parameters of one answer; whoever brings it gets no session."""
        async with scene.browser() as browser:
            back = await scene.way_back(browser)
            query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()} | changes
            kept = {name: value for name, value in query.items() if value is not None}
            answer = await browser.get(f"/sign-in/callback?{urlencode(kept)}")
            assert (answer.status_code, code_of(answer)) == (401, expected)
            assert "hallmark_session" not in browser.cookies
        await scene.forget_failures()

    await refused("sign_in_forged", state="guessed")
    await refused("sign_in_forged", state=None)
    await refused("sign_in_mixed_up", iss="https://evil.example")
    await refused("sign_in_mixed_up", iss=None)
    await refused("sign_in_declined", code=None, error="access_denied")
    await refused("sign_in_not_redeemed", code="guessed")

    now = {"iat": 10**9, "exp": 10**9 + 300}
    for claims, code in (
        ({"nonce": "another"}, "sign_in_replayed"),
        ({"nonce": ...}, "sign_in_replayed"),
        ({"aud": "another-client"}, "token_audience_wrong"),
        ({"aud": [CLIENT, "another-client"]}, "token_audience_wrong"),
        ({"azp": "another-client"}, "sign_in_mixed_up"),
        ({"iss": "https://evil.example"}, "token_issuer_unknown"),
        (now, "token_expired"),
        ({"iat": 4 * 10**9}, "token_not_yet_valid"),
        ({"exp": ...}, "token_claim_missing"),
        ({"sub": ...}, "token_claim_missing"),
        ({"sub": "x" * 256}, "token_claim_missing"),
    ):
        provider.claims = dict(claims)
        await refused(code)
    provider.claims = {}
    for headers, code in (
        ({"alg": "none"}, "token_algorithm_refused"),
        ({"alg": "HS256"}, "token_algorithm_refused"),
        ({"alg": "PS256"}, "token_algorithm_refused"),
        ({"crit": ["x"]}, "token_header_refused"),
    ):
        provider.headers = dict(headers)
        await refused(code)
    provider.headers = {}
    provider.key = "two"
    await refused("token_key_unknown")
    provider.key = "one"
    provider.returned = f"{encoded({'alg': 'none', 'kid': 'one'})}.{encoded({'iss': provider.url})}."
    await refused("token_algorithm_refused")
    provider.returned = None
    assert (await scene.door.ask("GET", "/people")).json()["people"] == []


async def test_an_answer_counts_once_and_in_the_browser_that_asked(scene: Scene) -> None:
    async with scene.browser() as browser, scene.browser() as other:
        back = await scene.way_back(browser)
        kept = dict(browser.cookies)
        stolen = await other.get(back)
        assert (stolen.status_code, code_of(stolen)) == (401, "sign_in_not_begun")
        await scene.way_there(other)
        planted = await other.get(back)
        assert (planted.status_code, code_of(planted)) == (401, "sign_in_forged")
        assert (await browser.get(back)).status_code == 200
        # Everything of the first time once more, the cookie included.
        browser.cookies.update(kept)
        again = await browser.get(back)
        assert (again.status_code, code_of(again)) == (401, "sign_in_replayed")
        # A code that was redeemed, in an answer to a sign-in of one's own.
        mine = {name: values[0] for name, values in parse_qs(urlsplit(await scene.way_back(other)).query).items()}
        code = parse_qs(urlsplit(back).query)["code"][0]
        replayed = await other.get(f"/sign-in/callback?{urlencode(mine | {'code': code})}")
        assert (replayed.status_code, code_of(replayed)) == (401, "sign_in_not_redeemed")


async def test_an_answer_of_another_browsers_code_does_not_fit_the_verifier(scene: Scene) -> None:
    async with scene.browser() as victim, scene.browser() as thief:
        code = parse_qs(urlsplit(await scene.way_back(victim)).query)["code"][0]
        mine = {name: values[0] for name, values in parse_qs(urlsplit(await scene.way_back(thief)).query).items()}
        answer = await thief.get(f"/sign-in/callback?{urlencode(mine | {'code': code})}")
        assert (answer.status_code, code_of(answer)) == (401, "sign_in_not_redeemed")


async def test_65_signing_in_begins_a_new_session_and_signing_out_ends_it_for_good(scene: Scene) -> None:
    async with scene.browser() as browser:
        planted = {"cookie": "hallmark_session=planted-by-somebody-else"}
        assert (await browser.get("/settings/sessions", headers=planted)).status_code == 303
        await scene.sign_in(browser)
        first = browser.cookies["hallmark_session"]
        assert "planted" not in first
        await scene.sign_in(browser)
        second = browser.cookies["hallmark_session"]
        assert second != first
        page = await browser.get("/settings/sessions")
        assert page.text.count("<tr>") == 2  # the heading, and this one: the one before has ended
        csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert csrf
        assert (await browser.post("/sign-out", data={"csrf": csrf[1]})).status_code == 303
        for copied in (first, second):
            headers = {"cookie": f"hallmark_session={copied}"}
            assert (await scene.door.http.get("/settings/sessions", headers=headers)).status_code in (303, 401)


async def test_one_ends_ones_own_sessions_and_nobody_elses(scene: Scene) -> None:
    async with scene.browser() as one, scene.browser() as two, scene.browser() as evas:
        await scene.sign_in(one)
        await scene.sign_in(two)
        scene.provider.who = {**ANN, "sub": "0002-eva"}
        await scene.sign_in(evas)
        collection = scene.door.app.state.gateway.database.collection("sessions")
        everybody = [row["_id"] for row in await collection.find({})]
        csrf = re.search(r'name="csrf" value="([^"]+)"', (await evas.get("/settings/sessions")).text)
        assert csrf
        for session_id in everybody:
            if session_id != session_id_of(evas.cookies["hallmark_session"]):
                await evas.post(f"/settings/sessions/{session_id}/end", data={"csrf": csrf[1]})
        assert (await one.get("/settings/sessions")).status_code == 200
        csrf = re.search(r'name="csrf" value="([^"]+)"', (await one.get("/settings/sessions")).text)
        assert csrf
        assert (await one.post("/settings/sessions/end-others", data={"csrf": csrf[1]})).status_code == 303
        assert (await two.get("/settings/sessions")).status_code == 303
        assert (await one.get("/settings/sessions")).status_code == 200
        assert (await evas.get("/settings/sessions")).status_code == 200


async def test_a_one_time_link_signs_in_its_maker_once(scene: Scene) -> None:
    made = (await scene.door.ask("POST", "/sign-in-links")).json()
    assert made["url"].startswith(f"{scene.door.url}/sign-in/link?code=")
    code = parse_qs(urlsplit(made["url"]).query)["code"][0]
    kept = await scene.door.app.state.gateway.database.collection("sign_in_links").find({})
    assert code not in json.dumps(kept, default=str)
    async with scene.browser() as browser, scene.browser() as other:
        for _ in range(2):  # whoever only looks at it spends nothing
            assert (await other.get(made["url"])).status_code == 200
        foreign = await browser.post("/sign-in/link", data={"code": code}, headers={"sec-fetch-site": "cross-site"})
        assert foreign.status_code == 403
        assert (await browser.post("/sign-in/link", data={"code": code})).headers["location"] == "/"
        assert "one-time link" in (await browser.get("/settings/sessions")).text
        again = await other.post("/sign-in/link", data={"code": code})
        assert (again.status_code, code_of(again)) == (401, "link_spent")
        # The session ends with the access token that made the link.
        ann = await scene.door.token("ann", {"shop": [Role.ADMIN]})
        anns = (await scene.door.ask("POST", "/sign-in-links", token=ann["token"])).json()
        await other.post("/sign-in/link", data={"code": parse_qs(urlsplit(anns["url"]).query)["code"][0]})
        assert (await other.get("/settings/people")).status_code == 200
        await scene.door.ask("DELETE", f"/tokens/{ann['id']}")
        assert (await other.get("/settings/people")).status_code == 303


async def test_what_fails_too_often_waits(scene: Scene) -> None:
    async with scene.browser() as browser:
        for _ in range(20):
            assert (await browser.post("/sign-in", data={"token": "hmk_wrong"})).status_code == 401
        for path, data in (("/sign-in", {"token": ADMIN}), ("/sign-in/link", {"code": "x"})):
            waits = await browser.post(path, data=data)
            assert waits.status_code == 429
            assert 0 < int(waits.headers["retry-after"]) <= 300
            assert "Wait as long as that" in waits.text
        assert (await browser.get(await scene.way_back(browser))).status_code == 429
        await scene.forget_failures()
        assert (await browser.post("/sign-in", data={"token": ADMIN})).status_code == 303


async def test_66_codes_cookies_and_secrets_of_signing_in_are_in_no_log_page_or_stored_document(
    scene: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    async with scene.browser() as browser:
        back = await scene.way_back(browser)
        flow = browser.cookies["hallmark_sign_in"]
        pages = [(await browser.get(back)).text]
        session = browser.cookies["hallmark_session"]
        link = (await scene.door.ask("POST", "/sign-in-links")).json()["url"]
        await browser.post("/sign-in/link", data={"code": parse_qs(urlsplit(link).query)["code"][0]})
        await browser.post("/sign-in", data={"token": "hmk_canary-token"})
        await browser.get("/sign-in/callback?code=canary-code-x&state=canary-state")
        pages += [(await browser.get("/settings/sessions")).text, (await scene.door.http.get("/metrics")).text]
        secrets = [session, *flow.split(".")[:1], link.rpartition("=")[2], SECRET, "canary", *scene.provider.tokens]
        secrets += [asked[name] for asked in scene.provider.asked for name in ("state", "nonce", "code_challenge")]
        database = scene.door.app.state.gateway.database
        names = ("sessions", "people", "sign_in_links", "failed_sign_ins", "spent_tokens", "outbox")
        kept = str([await database.collection(name).find({}) for name in names])
        said = "".join(capfd.readouterr())
        assert "signed in" in said
        assert "sign-in refused" in said
        for secret in secrets:
            assert secret not in said
            assert secret not in kept
            assert all(secret not in page for page in pages)


async def test_on_https_cookies_are_bound_to_the_host_and_forms_to_the_public_url(tmp_path: Path) -> None:
    service = ledger_service()
    async with a_system(tmp_path, service) as system, a_door(system, public_url="https://hallmark.example.com") as door:
        own = {"origin": "https://hallmark.example.com"}
        answer = await door.http.post("/sign-in", data={"token": ADMIN}, headers=own)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-hallmark_session=")
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
        assert "domain" not in cookie.lower()
        secret = cookie.split(";")[0].partition("=")[2]
        for name, status in (("__Host-hallmark_session", 200), ("hallmark_session", 303)):
            headers = {"cookie": f"{name}={secret}", "accept": "text/html"}
            assert (await door.http.get("/settings/sessions", headers=headers)).status_code == status
        for origin in (door.url, "https://evil.example", "http://hallmark.example.com", "null"):
            refused = await door.http.post("/sign-in", data={"token": ADMIN}, headers={"origin": origin})
            assert (refused.status_code, refused.json()["code"]) == (403, "form_foreign")
        made = (await door.ask("POST", "/sign-in-links")).json()
        assert made["url"].startswith("https://hallmark.example.com/sign-in/link?code=")
        unset = await door.http.get("/sign-in/issuer")
        assert (unset.status_code, unset.json()["code"]) == (404, "issuer_unset")


@pytest.mark.parametrize("there", ["//evil.example", "https://evil.example", "/\\evil.example", "/" + "x" * 1600])
async def test_64_nobody_is_sent_elsewhere_after_signing_in(scene: Scene, there: str) -> None:
    async with scene.browser() as browser:
        answer = await browser.get(await scene.way_back(browser, there))
        assert answer.status_code == 200
        assert '<meta http-equiv="refresh" content="0; url=/">' in answer.text
