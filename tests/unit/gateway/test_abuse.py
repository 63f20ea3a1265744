"""Abuse cases of the platform that are refused by how it is made, seen without any server."""

from __future__ import annotations

import ast
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deploy.rights import PROVISION, all_rights
from deploy.system import ALL
from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings
from shared.archives import ArchiveLimits, archive_entries
from shared.patterns import fits

ROOT = Path(__file__).resolve().parents[3]
RISKY = {"$regex", "$where", "$function", "$accumulator", "mapReduce", "mapreduce"}
STREAM_CHANGES = re.compile(r"\$JS\.API\.(>|\*|STREAM\.(CREATE|UPDATE|DELETE|PURGE|RESTORE|MSG\.DELETE|>|\*))")


def test_55_no_service_may_purge_delete_or_make_consumers_of_streams() -> None:
    rights = all_rights(ALL)
    services = {service.name for service in ALL}
    for user, held in rights.items():
        if user == PROVISION:
            continue
        assert not [subject for subject in held.publish if STREAM_CHANGES.match(subject)], user
        assert not [subject for subject in held.publish if subject in (">", "$JS.>", "hallmark.>", "hallmark.evt.>")]
        if user in services:
            facts = {subject for subject in held.publish if subject.startswith("hallmark.evt.")}
            assert facts == {f"hallmark.evt.{user}.>"}
            # Only the readers with which it looks again at what it has said itself.
            made = [one for one in held.publish if re.match(r"\$JS\.API\.CONSUMER\.(CREATE|DURABLE|DELETE)", one)]
            assert all(re.search(rf"\.reconcile-{user}-(all|last)(\.|$)", one) for one in made), made
    assert any(STREAM_CHANGES.match(subject) for subject in rights[PROVISION].publish), "the expression finds nothing"


def _texts(path: Path) -> set[str]:
    tree = ast.walk(ast.parse(path.read_text()))
    return {one.value for one in tree if isinstance(one, ast.Constant) and isinstance(one.value, str)}


@pytest.mark.parametrize("room", ["services", "shared"])
def test_58_no_question_to_the_database_holds_a_regular_expression(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        assert not RISKY & _texts(path), path


@pytest.mark.parametrize("pattern", ["*a" * 2000 + "b", "a*" * 2000 + "b", "(a+)+$", "*" * 5000 + "b", "[a-z]*(" * 500])
def test_58_no_pattern_makes_comparing_slow(pattern: str) -> None:
    # Backtracking would not come back from these within the age of the universe.
    assert not fits(pattern, "a" * 5000, "/@:")


def test_59_a_link_in_an_archive_is_never_followed() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        link = zipfile.ZipInfo("link.json")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(Path(__file__).resolve()))
    entries = {one.name: one.read() for one in archive_entries(made, ArchiveLimits())}
    assert entries == {"link.json": str(Path(__file__).resolve()).encode()}


def _operations() -> list[tuple[str, dict[str, Any]]]:
    paths = create_app(GatewaySettings()).openapi()["paths"]
    return [(f"GET {path}", methods["get"]) for path, methods in paths.items() if "get" in methods]


def test_67_every_list_is_capped_and_goes_on_by_key() -> None:
    lists = 0
    for name, operation in _operations():
        parameters = {one["name"]: one["schema"] for one in operation.get("parameters", [])}
        assert not parameters.keys() & {"offset", "page", "skip"}, name
        if "limit" in parameters:
            lists += 1
            assert 0 < parameters["limit"]["maximum"] <= 1000, name
            assert parameters.keys() & {"after", "start", "from", "since"}, name
    assert lists > 15
