from datetime import UTC, datetime, timedelta

import pytest

from contracts.vocabulary import Actor, ActorKind, Role
from services.gateway.tokens import Token, caller_of, may_manage, refuse_excess, same_secret, secret_of, token_id_of
from shared.errors import Forbidden, Unauthenticated
from shared.identity import Caller

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SECRET = secret_of(b"\x07" * 32)
ANN = Actor(subject="ann", kind=ActorKind.HUMAN)


def caller(name: str = "ann", **grants: set[Role]) -> Caller:
    everywhere = {"*" if project == "everywhere" else project: frozenset(roles) for project, roles in grants.items()}
    return Caller(Actor(subject=name, kind=ActorKind.HUMAN), everywhere)


def token(*, expires_at: datetime = NOW + timedelta(hours=1), revoked: bool = False, **grants: set[Role]) -> Token:
    return Token(
        token_id=token_id_of(SECRET),
        actor=ANN,
        grants={project: frozenset(roles) for project, roles in (grants or {"shop": {Role.VIEWER}}).items()},
        created_by="admin",
        created_at=NOW,
        expires_at=expires_at,
        revoked=revoked,
    )


def test_a_token_in_force_speaks_for_its_actor_with_its_grants() -> None:
    found = caller_of(token(shop={Role.APPROVER}), SECRET, now=NOW)
    assert found == Caller(ANN, {"shop": frozenset({Role.APPROVER})})


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (None, "token_unknown"),
        (token(revoked=True), "token_revoked"),
        (token(expires_at=NOW), "token_expired"),
        (token(expires_at=NOW - timedelta(days=1), revoked=True), "token_revoked"),
    ],
)
def test_no_other_token_speaks_for_anybody(found: Token | None, code: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        caller_of(found, SECRET, now=NOW)
    assert refused.value.code == code
    assert refused.value.remedy


def test_a_token_found_under_another_id_is_not_believed() -> None:
    with pytest.raises(Unauthenticated):
        caller_of(token(), secret_of(b"\x08" * 32), now=NOW)


def test_secrets_need_enough_randomness_and_are_not_what_is_kept() -> None:
    assert SECRET.startswith("hmk_")
    assert len(SECRET) == 4 + 43
    assert SECRET not in token_id_of(SECRET)
    assert same_secret(SECRET, SECRET)
    assert not same_secret(SECRET, SECRET + "x")
    with pytest.raises(ValueError, match="32 random bytes"):
        secret_of(b"\x07" * 31)


@pytest.mark.parametrize(
    ("maker", "wanted", "allowed"),
    [
        (caller(shop={Role.ADMIN}), {"shop": {Role.APPROVER, Role.ADMIN}}, True),
        (caller(everywhere={Role.ADMIN}), {"shop": {Role.VIEWER}, "*": {Role.ADMIN}}, True),
        (caller(shop={Role.ADMIN}), {"shop": {Role.VIEWER}, "bank": {Role.VIEWER}}, False),
        (caller(shop={Role.ADMIN}), {"*": {Role.VIEWER}}, False),
        (caller(shop={Role.RELEASE_MANAGER, Role.SECURITY}), {"shop": {Role.VIEWER}}, False),
        (caller(), {"shop": {Role.VIEWER}}, False),
    ],
)
def test_nobody_grants_beyond_what_they_administer(maker: Caller, wanted: dict[str, set[Role]], allowed: bool) -> None:
    grants = {project: frozenset(roles) for project, roles in wanted.items()}
    if allowed:
        refuse_excess(maker, grants)
    else:
        with pytest.raises(Forbidden) as refused:
            refuse_excess(maker, grants)
        assert refused.value.code == "grant_exceeds_own"


def test_tokens_are_managed_by_their_subject_and_by_administrators_of_all_their_projects() -> None:
    both = token(shop={Role.VIEWER}, bank={Role.VIEWER})
    assert may_manage(caller("ann"), both)
    assert may_manage(caller("bob", shop={Role.ADMIN}, bank={Role.ADMIN}), both)
    assert may_manage(caller("bob", everywhere={Role.ADMIN}), both)
    assert not may_manage(caller("bob", shop={Role.ADMIN}), both)
    assert not may_manage(Caller(Actor(subject="ann", kind=ActorKind.PIPELINE), {}), both)
