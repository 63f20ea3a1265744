"""Whose ID tokens the gateway is told to believe, and what it makes of the registry's answer about a run."""

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.registry.v1.pipelines import PipelineRights
from contracts.vocabulary import ActorKind, Role
from services.gateway.pipelines import caller_from
from services.gateway.settings import GatewaySettings
from shared.oidc.issuer import Issuer

GITHUB = "https://token.actions.githubusercontent.com"


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> GatewaySettings:
    for name, value in variables.items():
        monkeypatch.setenv(f"HALLMARK_OIDC_{name}", value)
    return GatewaySettings()


def test_without_an_audience_nobody_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch).believed_issuers == ()
    assert settings(monkeypatch, AUDIENCE="").believed_issuers == ()
    found = settings(monkeypatch, AUDIENCE="https://hallmark.example").believed_issuers
    assert found == (
        Issuer(GITHUB, "https://hallmark.example"),
        Issuer("https://gitlab.com", "https://hallmark.example"),
    )


def test_issuers_that_are_named_take_the_place_of_the_public_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    named = '[{"url": "https://a.example"}, {"url": "https://b.example", "audience": "b", "algorithm": "ES256"}]'
    assert settings(monkeypatch, ISSUERS=named).believed_issuers == (Issuer("https://b.example", "b", "ES256"),)
    both = settings(monkeypatch, ISSUERS=named, AUDIENCE="x", ALLOWED_NETWORKS="10.1.0.0/16, fd00::/8")
    assert [one.url for one in both.believed_issuers] == ["https://a.example", "https://b.example"]
    assert [str(one) for one in both.oidc_networks] == ["10.1.0.0/16", "fd00::/8"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUERS", '[{"url": "http://a.example"}]'),
        ("ISSUERS", '[{"url": "https://a.example", "algorithm": "HS256"}]'),
        ("ISSUERS", '[{"url": "https://a.example", "jwks_url": "http://a.example/keys"}]'),
        ("ISSUERS", '[{"url": "https://a.example", "algorithms": ["RS256"]}]'),
        ("ISSUERS", '[{"url": "https://a.example"}, {"url": "https://a.example", "algorithm": "ES256"}]'),
        ("ALLOWED_NETWORKS", "10.1.0.1/16"),
        ("ALLOWED_NETWORKS", "everything"),
    ],
)
def test_what_is_written_wrongly_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        settings(monkeypatch, **{name: value})


def test_each_right_holds_where_the_registry_says_and_nowhere_else() -> None:
    def right(project: str, application: str | None, *roles: Role) -> dict[str, Any]:
        return {"project": project, "application": application, "roles": roles}

    said = {
        "run": "ci.example/sub/x",
        "identities": ("bank/a", "shop/b"),
        "rights": [
            right("bank", None, Role.SECURITY),
            right("shop", "cart", Role.CONTRIBUTOR, Role.VIEWER),
            right("shop", "till", Role.VIEWER),
        ],
    }
    caller = caller_from(PipelineRights.model_validate(said))
    assert (caller.actor.subject, caller.actor.kind) == ("ci.example/sub/x", ActorKind.PIPELINE)
    assert caller.grants == {"bank": {Role.SECURITY}}
    assert caller.confined == {"shop": {"cart": {Role.CONTRIBUTOR, Role.VIEWER}, "till": {Role.VIEWER}}}
