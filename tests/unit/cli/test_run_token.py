"""The command in a pipeline's run: which token it brings, and how it gets GitHub's."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from typer.testing import CliRunner, Result

from services.cli import connection
from services.cli.client import Client
from services.cli.main import app
from services.cli.output import out
from services.cli.run_token import RENEWED_BEFORE
from shared.errors import Unauthenticated
from tests.support.small_gateway import SmallGateway, small_gateway

IDENTITY = {
    "project": "shop",
    "pipeline_identity": "cart-main",
    "issuer": "https://token.actions.githubusercontent.com",
    "claims": {"repository_id": "74", "ref": ["refs/heads/main", "refs/tags/v*"]},
    "grants": [{"applications": ["cart"], "roles": ["contributor"]}],
    "allow_pull_requests": False,
    "revision": 1,
    "digest": "sha256:1",
    "applied_by": "ann",
    "applied_at": "2026-01-01T00:00:00Z",
}
DOCUMENT = """\
apiVersion: hallmark/v1
kind: PipelineIdentity
metadata: {project: shop, name: cart-main}
spec:
  issuer: https://token.actions.githubusercontent.com
  claims: {repository_id: "74", ref: [refs/heads/main, refs/tags/v*]}
  grants: [{applications: [cart], roles: [contributor]}]
"""
PATH = "/projects/shop/pipeline-identities/cart-main"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in (connection.TOKEN, connection.OIDC_TOKEN, connection.REQUEST_URL, connection.REQUEST_TOKEN):
        monkeypatch.delenv(name, raising=False)
    yield
    out.as_json = False


def a_token(seconds: float, name: str = "t") -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds, "jti": name}).encode()).rstrip(b"=")
    return f"eyJh.{claims.decode()}.x"


def run(gateway: SmallGateway, *arguments: object, **environment: str | None) -> Result:
    known: dict[str, str | None] = {"HALLMARK_URL": gateway.url, "COLUMNS": "200", **environment}
    return CliRunner(env=known).invoke(app, [str(one) for one in arguments])


def github(gateway: SmallGateway, **more: str | None) -> dict[str, str | None]:
    """The environment that GitHub gives a job with `id-token: write`."""
    return {
        connection.REQUEST_URL: f"{gateway.url}/api/v1/token?api-version=2.0",
        connection.REQUEST_TOKEN: "request-secret",
        **more,
    }


def show(gateway: SmallGateway, **environment: str | None) -> Result:
    return run(gateway, "pipeline-identity", "show", "cart-main", "--project", "shop", **environment)


def test_a_run_on_github_asks_with_its_own_id_token() -> None:
    token = a_token(300)
    with small_gateway({"GET /token": {"value": token}, f"GET {PATH}": IDENTITY}) as gateway:
        done = show(gateway, **github(gateway))
        assert done.exit_code == 0, done.output
        assert gateway.asked == ["GET /token", f"GET {PATH}"]
        assert parse_qs(gateway.queries["GET /token"]) == {"api-version": ["2.0"], "audience": [gateway.url]}
        assert gateway.bearers == ["request-secret", token]
        show(gateway, **github(gateway, HALLMARK_OIDC_AUDIENCE="https://hallmark.example"))
        assert parse_qs(gateway.queries["GET /token"])["audience"] == ["https://hallmark.example"]


def test_a_token_is_got_again_shortly_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = [a_token(RENEWED_BEFORE - 1, "short"), a_token(300, "long")]
    given = iter(tokens)
    answers = {"GET /token": lambda _: {"value": next(given)}, f"GET {PATH}": IDENTITY}
    with small_gateway(answers) as gateway:
        for name, value in ({"HALLMARK_URL": gateway.url} | github(gateway)).items():
            monkeypatch.setenv(name, str(value))
        client = Client()
        for _ in range(3):
            client.get(PATH)
        assert gateway.bearers == ["request-secret", tokens[0], "request-secret", tokens[1], tokens[1]]


def test_github_without_the_permission_gives_no_token_and_the_remedy_says_so() -> None:
    answers: dict[str, Any]
    for answers in ({}, {"GET /token": {}}, {"GET /token": ["x"]}, {"GET /token": {"value": ""}}):
        with small_gateway(answers) as gateway:
            refused = show(gateway, **github(gateway))
        assert isinstance(refused.exception, Unauthenticated)
        assert refused.exception.code == "run_token_refused"
        assert "id-token: write" in refused.exception.remedy


def test_a_token_that_is_given_is_used_and_none_is_asked_for() -> None:
    with small_gateway({f"GET {PATH}": IDENTITY}) as gateway:
        show(gateway, **github(gateway, HALLMARK_OIDC_TOKEN="eyJ.of.gitlab"))
        show(gateway, **github(gateway, HALLMARK_OIDC_TOKEN="eyJ.of.gitlab", HALLMARK_TOKEN="hmk_x"))
        assert gateway.bearers == ["eyJ.of.gitlab", "hmk_x"]
        configured = run(gateway, "config", **github(gateway))
        assert "ACTIONS_ID_TOKEN_REQUEST_URL" in configured.output
        assert gateway.asked == [f"GET {PATH}"] * 2


def test_a_local_stack_is_asked_with_its_own_token_on_github_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "admin-token").write_text("local")
    with small_gateway({f"GET {PATH}": IDENTITY}) as gateway:
        (tmp_path / "state.json").write_text(json.dumps({"urls": {"gateway": gateway.url}}))
        monkeypatch.delenv("HALLMARK_URL", raising=False)
        show(gateway, **github(gateway, HALLMARK_URL=None, HALLMARK_DATA_DIR=str(tmp_path)))
        assert gateway.bearers == ["local"]


def test_pipeline_identities_live_in_git(tmp_path: Path) -> None:
    file = tmp_path / "pipelines.yaml"
    file.write_text(DOCUMENT, encoding="utf-8")
    applied = {"kind": "PipelineIdentity", "name": "cart-main", "change": "created", "revision": 1, "digest": "x"}
    page = {"pipeline_identities": [IDENTITY], "next": None}
    answers = {
        f"PUT {PATH}": applied,
        f"GET {PATH}": IDENTITY,
        f"DELETE {PATH}": {**applied, "change": "updated"},
        "GET /projects/shop/pipeline-identities": page,
    }
    with small_gateway(answers) as gateway:
        token: dict[str, str | None] = {"HALLMARK_TOKEN": "t"}
        assert run(gateway, "apply", "-f", file, **token).exit_code == 0
        sent = gateway.sent[f"PUT {PATH}"]
        assert sent == {name: IDENTITY[name] for name in ("issuer", "claims", "grants")}
        assert run(gateway, "diff", "-f", file, **token).exit_code == 0
        file.write_text(DOCUMENT.replace("applications: [cart]", "applications: [cart, till]"), encoding="utf-8")
        changed = run(gateway, "diff", "-f", file, **token)
        assert changed.exit_code == 3
        assert "till" in changed.output
        listed = run(gateway, "pipeline-identity", "list", "-p", "shop", **token).output
        assert "ref=refs/heads/main|refs/tags/v* repository_id=74" in listed
        assert "cart: contributor" in listed
        shown = run(gateway, "pipeline-identity", "show", "cart-main", "-p", "shop", **token).output
        assert "repository_id: '74'" in shown
        gone = run(gateway, "pipeline-identity", "withdraw", "cart-main", "-p", "shop", **token)
        assert gone.exit_code == 0, gone.output
