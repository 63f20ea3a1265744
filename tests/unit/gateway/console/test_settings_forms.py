"""From the fields of a form to what a command holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.vocabulary import Role
from services.gateway.console.settings_forms import grants, lines, moment, pem_blocks, stages
from shared.errors import Invalid

PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"


def test_lines_have_no_space_around_them() -> None:
    assert lines(" a \r\n\n b") == ("a", "b")


def test_keys_of_several_lines_and_of_one() -> None:
    assert pem_blocks(f"{PEM}\r\n\n{PEM}\nMCowBQ==") == (f"{PEM}\n", f"{PEM}\n", "MCowBQ==")


def test_half_a_key_is_not_lost_silently() -> None:
    assert pem_blocks("-----BEGIN PUBLIC KEY-----\nAAAA") == ("-----BEGIN PUBLIC KEY-----\nAAAA",)


def test_times_are_utc() -> None:
    assert moment("2026-12-31T18:00", "The time") == datetime(2026, 12, 31, 18, tzinfo=UTC)
    assert moment("", "The time") is None
    with pytest.raises(Invalid, match="The time is not a time"):
        moment("tomorrow", "The time")


def test_stages_in_the_order_of_their_rows_without_empty_ones() -> None:
    fields = {
        "name-10": "prod",
        "name-2": " qa ",
        "name-3": " ",
        "title-2": "Quality",
        "release-10": "on",
        "queue-2": "refuse",
    }
    found = stages(fields, {"open-2": ("entry", "exit"), "requesters-10": ("human",)})
    assert [one["name"] for one in found] == ["qa", "prod"]
    assert (found[0]["title"], found[0]["open"], found[0]["queue"], found[0]["release"]) == (
        "Quality",
        ("entry", "exit"),
        "refuse",
        False,
    )
    assert (found[1]["release"], found[1]["requesters"], found[0]["requesters"]) == (True, ("human",), None)


def test_the_same_roles_in_each_project() -> None:
    assert grants("shop\n*", ("viewer",)) == dict.fromkeys(("shop", "*"), frozenset({Role.VIEWER}))
    with pytest.raises(Invalid):
        grants("shop", ("king",))
