"""Who may do what where, and what of it a token carries."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.vocabulary import Actor, ActorKind, Role
from shared.errors import Forbidden, Unauthenticated
from shared.identity import Caller, Issuers, Speaker, issue_token

KEY = Ed25519PrivateKey.generate()
ISSUERS = Issuers({"gateway": KEY.public_key()})
RUN = Actor(subject="ci.example:sub/cart:run/1", kind=ActorKind.PIPELINE)
CART = {"shop": {"cart": frozenset({Role.CONTRIBUTOR})}}
CONFINED = Caller(RUN, {}, CART)


def test_rights_confined_to_an_application_hold_there_and_nowhere_else() -> None:
    assert CONFINED.require("shop", Role.CONTRIBUTOR, application="cart") is Role.CONTRIBUTOR
    CONFINED.require_member("shop", "cart")
    CONFINED.require_entry("shop")
    for project, application in (("shop", "till"), ("shop", None), ("shop", "*"), ("bank", "cart"), ("*", "cart")):
        with pytest.raises(Forbidden) as refused:
            CONFINED.require(project, Role.CONTRIBUTOR, application=application)
        assert refused.value.code == "role_missing"
        with pytest.raises(Forbidden):
            CONFINED.require_member(project, application)
    with pytest.raises(Forbidden):
        CONFINED.require("shop", Role.RELEASE_MANAGER, application="cart")
    with pytest.raises(Forbidden):
        CONFINED.require_entry("bank")
    with pytest.raises(Forbidden):
        Caller(RUN, {}, {"shop": {"cart": frozenset()}}).require_entry("shop")


def test_a_refusal_says_which_applications_are_allowed() -> None:
    with pytest.raises(Forbidden) as refused:
        CONFINED.require("shop", Role.CONTRIBUTOR, application="till")
    assert "for cart only" in refused.value.message
    assert "in till" in refused.value.message


def test_rights_in_one_application_do_not_flow_into_another() -> None:
    both = Caller(RUN, {}, {"shop": {"cart": frozenset({Role.CONTRIBUTOR}), "till": frozenset({Role.VIEWER})}})
    with pytest.raises(Forbidden):
        both.require("shop", Role.CONTRIBUTOR, application="till")


def test_whoever_holds_a_role_in_the_project_holds_it_in_each_application() -> None:
    whole = Caller(RUN, {"shop": frozenset({Role.CONTRIBUTOR})})
    assert whole.require("shop", Role.CONTRIBUTOR, application="cart") is Role.CONTRIBUTOR
    whole.require_entry("shop")


def test_a_token_carries_confined_rights_as_they_are() -> None:
    assert ISSUERS.verify(issue_token(KEY, "gateway", CONFINED, now=datetime.now(UTC))) == CONFINED


def test_tokens_of_a_caller_with_other_confined_rights_are_not_used_again() -> None:
    speaker, now = Speaker(KEY, "gateway"), datetime.now(UTC)
    wider = Caller(RUN, {}, {"shop": {"till": frozenset({Role.CONTRIBUTOR})}})
    assert speaker.token(CONFINED, now) == speaker.token(CONFINED, now + timedelta(seconds=1))
    assert ISSUERS.verify(speaker.token(wider, now)) == wider
    assert ISSUERS.verify(speaker.token(CONFINED, now)) == CONFINED


@pytest.mark.parametrize("role", [Role.ADMIN, Role.APPROVER])
def test_nobody_administers_or_approves_for_one_application_alone(role: Role) -> None:
    token = issue_token(KEY, "gateway", Caller(RUN, {}, {"shop": {"cart": frozenset({role})}}), now=datetime.now(UTC))
    with pytest.raises(Unauthenticated):
        ISSUERS.verify(token)
