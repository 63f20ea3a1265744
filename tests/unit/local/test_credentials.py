from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.credentials import load_or_create
from deploy.local.layout import DataDirectory, write_private
from shared.errors import Forbidden, Invalid


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory.create(tmp_path / "hallmark")


def test_credentials_survive_and_new_users_join(directory: DataDirectory) -> None:
    first = load_or_create(directory, ["gate"], ["gate"])
    load_or_create(directory, [], [])
    second = load_or_create(directory, ["gate", "registry"], ["gate"])
    assert second.nats["gate"] == first.nats["gate"]
    assert second.mongo == first.mongo
    assert len({*second.nats.values(), *second.mongo.values()}) == 4


def test_only_the_owner_can_read_them(directory: DataDirectory) -> None:
    load_or_create(directory, ["gate"], ["gate"])
    files = list(directory.secrets.iterdir())
    assert len(files) == 2
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert directory.secrets.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["credentials.json", "mongo.key"])
def test_files_that_others_can_read_are_refused(directory: DataDirectory, name: str) -> None:
    load_or_create(directory, ["gate"], ["gate"])
    (directory.secrets / name).chmod(0o640)
    with pytest.raises(Forbidden) as refused:
        load_or_create(directory, ["gate"], ["gate"])
    assert refused.value.code == "credentials_exposed"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nats": {"gate": ""}, "mongo": {}}', '{"nats": [], "mongo": 1}'])
def test_unreadable_credentials_are_not_replaced(directory: DataDirectory, text: str) -> None:
    path = directory.secrets / "credentials.json"
    write_private(path, text)
    with pytest.raises(Invalid):
        load_or_create(directory, ["gate"], [])
    assert path.read_text() == text


def test_secrets_do_not_show_in_a_log_line(directory: DataDirectory) -> None:
    made = load_or_create(directory, ["gate"], [])
    assert made.nats["gate"] not in repr(made)
