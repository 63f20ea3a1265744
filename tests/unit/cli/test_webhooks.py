"""`webhook`: what it asks for, shows, and ends with; and the check that receivers make."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli.exits import Exit
from services.cli.main import app
from services.cli.output import out
from shared.crypto.webhook_signature import secret_text, sign
from tests.support.small_gateway import SmallGateway, small_gateway

SECRET = b"s" * 32
PATH = "/projects/shop/webhooks"
WEBHOOK = {
    "id": "wh-1",
    "state": "active",
    "format": "hallmark",
    "events": ["promotion.completed"],
    "url": "https://hooks.example/x",
    "failing_since": None,
}
DELIVERY = {
    "id": "msg_1",
    "event": "promotion.completed",
    "state": "dead",
    "tries": 15,
    "next_at": None,
    "attempts": [{"at": "", "milliseconds": 7, "status": 500, "problem": "answered 500"}],
}


@pytest.fixture(autouse=True)
def _for_people() -> Any:
    yield
    out.as_json = False


def ask(gateway: SmallGateway, *arguments: object, **env: str) -> Result:
    return CliRunner(env=gateway.environment | env).invoke(app, ["webhook", *(str(one) for one in arguments)])


def test_a_webhook_is_made_and_its_secret_shown_once() -> None:
    with small_gateway({f"POST {PATH}": WEBHOOK | {"secret": "whsec_x"}}) as gateway:
        arguments = (
            "create",
            "https://hooks.example/x",
            "-p",
            "shop",
            "-e",
            "promotion.*",
            "-a",
            "web",
            "--format",
            "cdevents",
        )
        made = ask(gateway, *arguments, HALLMARK_WEBHOOK_SECRET="whsec_mine")
    assert "whsec_x" in made.stdout
    assert gateway.sent[f"POST {PATH}"] == {
        "url": "https://hooks.example/x",
        "events": ["promotion.*"],
        "applications": ["web"],
        "format": "cdevents",
        "secret": "whsec_mine",
    }


def test_webhooks_are_listed_shown_and_changed() -> None:
    answers = {
        f"GET {PATH}": {"webhooks": [WEBHOOK], "next": None},
        f"GET {PATH}/wh-1": WEBHOOK,
        f"DELETE {PATH}/wh-1": WEBHOOK,
        f"POST {PATH}/wh-1/pause": WEBHOOK,
        f"POST {PATH}/wh-1/resume": WEBHOOK,
        f"POST {PATH}/wh-1/rotate": WEBHOOK | {"secret": "whsec_new"},
    }
    with small_gateway(answers) as gateway:
        said = {
            verb: ask(gateway, verb, *named, "-p", "shop")
            for verb, named in (
                ("list", ()),
                ("show", ("wh-1",)),
                ("delete", ("wh-1",)),
                ("pause", ("wh-1",)),
                ("resume", ("wh-1",)),
                ("rotate", ("wh-1",)),
            )
        }
    assert {verb: result.exit_code for verb, result in said.items()} == dict.fromkeys(said, 0)
    assert "https://hooks.example/x" in said["list"].stdout
    assert "promotion.completed" in said["show"].stdout
    assert "whsec_new" in said["rotate"].stdout
    assert gateway.sent[f"POST {PATH}/wh-1/rotate"]["overlap_hours"] == 24


def test_deliveries_are_listed_and_replayed_and_a_ping_that_fails_ends_with_3() -> None:
    deliveries = f"{PATH}/wh-1/deliveries"
    answers = {
        f"GET {deliveries}": {"deliveries": [DELIVERY], "next": None},
        f"POST {deliveries}/msg_1/replay": DELIVERY | {"state": "pending"},
        f"POST {PATH}/wh-1/ping": DELIVERY,
    }
    with small_gateway(answers) as gateway:
        listed = ask(gateway, "deliveries", "wh-1", "-p", "shop", "--state", "dead")
        named = ask(gateway, "replay", "wh-1", "msg_1", "-p", "shop")
        dead = ask(gateway, "replay", "wh-1", "--dead", "-p", "shop")
        nothing = ask(gateway, "replay", "wh-1", "-p", "shop")
        ping = ask(gateway, "ping", "wh-1", "-p", "shop")
    assert "answered 500" in listed.stdout
    assert (named.exit_code, dead.exit_code) == (0, 0)
    assert gateway.asked.count(f"POST {deliveries}/msg_1/replay") == 2
    assert getattr(nothing.exception, "code", "") == "delivery_missing"
    assert ping.exit_code == Exit.DENIED


def test_61_a_receiver_checks_a_signature_without_any_server(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b'{"a": 1}')
    now = datetime.now(UTC)
    signed = sign([SECRET], message_id="msg_1", at=now, body=body.read_bytes())

    def check(timestamp: str = signed["webhook-timestamp"], path: object = body, **env: str) -> Result:
        headers = ("--id", "msg_1", "--timestamp", timestamp, "--signature", signed["webhook-signature"])
        known = {"HALLMARK_WEBHOOK_SECRET": secret_text(SECRET)} | env
        return CliRunner(env=known).invoke(app, ["webhook", "verify", str(path), *headers], input=b'{"a": 1}')

    assert check().exit_code == 0
    assert check(path="-").exit_code == 0
    for bad in (
        check(str(int(now.timestamp()) - 3600)),
        check(HALLMARK_WEBHOOK_SECRET=secret_text(b"t" * 32)),
        check(str(int(now.timestamp()) + 1)),
    ):
        assert bad.exit_code == Exit.DENIED
    missing = check(HALLMARK_WEBHOOK_SECRET="")
    assert getattr(missing.exception, "code", "") == "webhook_secret_missing"
    malformed = check(HALLMARK_WEBHOOK_SECRET="whsec_canary")
    assert getattr(malformed.exception, "code", "") == "webhook_secret_malformed"
    assert "canary" not in f"{malformed.stdout}{malformed.exception}"


def test_json_is_the_answer_itself() -> None:
    with small_gateway({f"GET {PATH}/wh-1": WEBHOOK}) as gateway:
        result = CliRunner(env=gateway.environment).invoke(app, ["--json", "webhook", "show", "wh-1", "-p", "shop"])
    assert json.loads(result.stdout) == WEBHOOK
