"""The first administrator's way into the console: shown once, and made anew by whoever can read the secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.secrets import create_secrets
from services.cli.commands.stack import _greeting
from services.cli.main import app
from tests.support.small_gateway import small_gateway

URL = "http://127.0.0.1:8080/sign-in/link?code=once"
ANSWERS = {"POST /sign-in-links": {"url": URL, "expires_at": "2026-11-27T06:00:00Z"}}


async def test_the_link_is_shown_once_for_an_installation(tmp_path: Path) -> None:
    secrets = create_secrets(tmp_path / "secrets")
    with small_gateway({}) as gateway:
        assert not [line for line in await _greeting(tmp_path, {"gateway": gateway.url}) if "code=" in line]
    with small_gateway(ANSWERS) as gateway:
        for urls in ({"gateway-1": gateway.url, "gateway-2": gateway.url}, {"gateway": gateway.url}):
            found = await _greeting(tmp_path, urls)
            assert "hallmark admin link" in found[-1]
            assert str(secrets.directory) in found[-1]
            assert [line for line in found if URL in line] == ([found[0]] if "gateway-1" in urls else [])
        assert gateway.asked == ["POST /sign-in-links"]
        assert gateway.bearers == [secrets.admin_token.read_text().strip()]
    assert secrets.link_shown.stat().st_mode & 0o077 == 0


def test_whoever_can_read_the_secrets_makes_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = create_secrets(tmp_path / "secrets")
    for name in ("HALLMARK_URL", "HALLMARK_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with small_gateway(ANSWERS) as gateway:
        (tmp_path / "state.json").write_text(json.dumps({"urls": {"gateway": gateway.url}}))
        found = CliRunner().invoke(app, ["admin", "link"], env={"HALLMARK_DATA_DIR": str(tmp_path), "COLUMNS": "200"})
        assert found.exit_code == 0, found.output
        assert URL in found.output
        assert gateway.bearers == [secrets.admin_token.read_text().strip()]
