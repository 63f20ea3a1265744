from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.vocabulary import Actor, ActorKind, Role
from services.gateway.people.flow import Answer, begin, read_flow, require_answer, way_there
from services.gateway.people.person import Grant, Proven, brought, granted, handle_of, may_end_sessions, together
from services.gateway.settings import GatewaySettings
from services.gateway.storage.failed_sign_ins import address_of
from shared.errors import Invalid, Unauthenticated
from shared.identity import Caller
from shared.oidc.endpoints import POST, Endpoints, read_endpoints
from shared.oidc.issuer import Issuer

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SECRET = "s" * 43
ISSUER = "https://sso.example.com"
ENDPOINTS = Endpoints(f"{ISSUER}/authorize", f"{ISSUER}/token", POST, names_itself=False)


def test_a_flow_comes_back_from_its_cookie_as_it_went() -> None:
    flow = begin(SECRET, "/projects/shop?x=ü", NOW)
    found = read_flow(flow.cookie(), NOW + timedelta(minutes=10))
    assert found == flow
    assert len({found.state, found.nonce, found.verifier, found.challenge, SECRET}) == 5
    assert begin("t" * 43, flow.then, NOW).state != flow.state
    with pytest.raises(Unauthenticated, match="ten minutes"):
        read_flow(flow.cookie(), NOW + timedelta(minutes=10, seconds=1))


def test_who_changes_the_cookie_has_another_state() -> None:
    flow = begin(SECRET, "/", NOW)
    for changed in (begin(SECRET, "/elsewhere", NOW), begin(SECRET, "/", NOW + timedelta(seconds=1))):
        with pytest.raises(Unauthenticated) as refused:
            require_answer(read_flow(changed.cookie(), NOW), Answer("code", flow.state), ISSUER, ENDPOINTS)
        assert refused.value.code == "sign_in_forged"


@given(st.text(max_size=200))
def test_no_cookie_makes_anything_but_a_flow_or_a_refusal(cookie: str) -> None:
    with suppress(Unauthenticated):
        assert read_flow(cookie, NOW).cookie().startswith(cookie.partition(".")[0])


def test_the_way_there_says_what_it_must_and_not_the_verifier() -> None:
    flow = begin(SECRET, "/", NOW)
    url = way_there(ENDPOINTS, flow, client_id="c", redirect_uri="https://h.example/sign-in/callback", scopes="openid")
    query = parse_qs(urlsplit(url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["state"] == [flow.state]
    assert flow.verifier not in url
    assert SECRET not in url


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://sso.example.com/authorize"},
        {"token_endpoint": None},
        {"token_endpoint": "https://sso.example.com/token#x"},
        {"code_challenge_methods_supported": ["plain"]},
        {"response_types_supported": ["id_token"]},
    ],
)
def test_a_provider_that_does_not_do_what_is_needed_is_refused(wrong: dict[str, Any]) -> None:
    issuer = Issuer(ISSUER, "c")
    sound = {"issuer": ISSUER, "authorization_endpoint": ENDPOINTS.authorization, "token_endpoint": ENDPOINTS.token}
    posts: dict[str, Any] = {**sound, "token_endpoint_auth_methods_supported": [POST]}
    assert read_endpoints(posts, issuer) == ENDPOINTS
    with pytest.raises(Invalid):
        read_endpoints({**sound, **wrong}, issuer)


def test_a_handle_is_one_persons_whatever_the_name() -> None:
    ann, other = Proven(ISSUER, "1", name="ann"), Proven(ISSUER, "2", name="ann")
    assert handle_of(ann) != handle_of(other)
    assert Proven("https://b.example", "1").person_id != ann.person_id
    # Issuer and subject do not run into one another.
    assert Proven("https://a", "b/c").person_id != Proven("https://a/b", "c").person_id
    for name in ("<b>\u202ex\n", "", "..", "ü" * 500, "x" * 500, "a#b"):
        handle = handle_of(Proven(ISSUER, "1", name=name))
        assert handle.isascii()
        assert handle.count("#") == 1
        assert len(handle) <= 80
        assert Actor(subject=handle, kind=ActorKind.HUMAN)


def test_grants_add_up_and_what_was_taken_is_not_among_them() -> None:
    def one(project: str, role: Role, *, taken: bool = False) -> Grant:
        return Grant("p", project, role, "admin", NOW, "1", taken)

    held = granted([one("shop", Role.VIEWER), one("shop", Role.ADMIN, taken=True), one("*", Role.SECURITY)])
    assert held == {"shop": {Role.VIEWER}, "*": {Role.SECURITY}}
    mapped = {"leads": {"shop": frozenset({Role.APPROVER})}}
    assert together(held, brought(["leads", "others"], mapped))["shop"] == {Role.VIEWER, Role.APPROVER}
    admin = Caller(Actor(subject="a", kind=ActorKind.HUMAN), {"shop": frozenset({Role.ADMIN})})
    assert may_end_sessions(admin, {"shop": frozenset({Role.VIEWER})})
    assert not may_end_sessions(admin, held)


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_address_is_what_one_customer_has(host: str, counted: str) -> None:
    assert address_of(host) == counted


@pytest.mark.parametrize(
    "wrong",
    [
        {"public_url": "https://h.example/path"},
        {"public_url": "https://h.example/"},
        {"public_url": "ftp://h.example"},
        {"public_url": "https://u@h.example"},
        {"public_url": ""},
        {"sign_in_client_id": ""},
        {"sign_in_issuer": "http://sso.example.com"},
        {"sign_in_scopes": "profile"},
        {"sign_in_algorithm": "HS256"},
        {"sign_in_algorithm": "none"},
        {"sign_in_group_grants": {"leads": {"shop": ["owner"]}}},
        {"sign_in_group_grants": {"leads": {"No Name": ["viewer"]}}},
    ],
)
def test_settings_that_could_not_work_or_would_weaken_are_refused(wrong: dict[str, Any]) -> None:
    sound: dict[str, Any] = {"public_url": "https://h.example", "sign_in_issuer": ISSUER, "sign_in_client_id": "c"}
    assert GatewaySettings(**sound).redirect_uri == "https://h.example/sign-in/callback"
    with pytest.raises(ValidationError):
        GatewaySettings(**{**sound, **wrong})
