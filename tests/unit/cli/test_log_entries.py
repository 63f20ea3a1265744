"""`hallmark log entries`: what is looked for reaches the gateway."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from tests.support.small_gateway import small_gateway

ANSWERS = {"GET /log/entries": {"entries": [{"index": 3, "entry": "what was logged", "leaf_hash": ""}], "next": None}}


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ([], {"limit=50"}),
        (
            ["--kind", "verdict", "-p", "shop", "--newest", "--limit", "5"],
            {"kind=verdict", "project=shop", "newest_first=true", "limit=5"},
        ),
    ],
    ids=["all", "some"],
)
def test_entries_are_looked_for_by_what_they_say(words: list[str], asked: set[str]) -> None:
    with small_gateway(ANSWERS) as gateway:
        shown = CliRunner().invoke(app, ["log", "entries", *words], env=gateway.environment)
        assert "what was logged" in shown.output
        assert set(gateway.queries["GET /log/entries"].split("&")) == asked
