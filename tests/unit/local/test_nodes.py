from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.layout import DataDirectory
from deploy.local.nodes import MONGOD, NATS, folder_of, is_server, names, refuse_other_number
from deploy.local.options import StackOptions
from shared.errors import Conflict, Invalid


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory.create(tmp_path / "hallmark")


def test_one_server_keeps_its_name_and_folder(directory: DataDirectory) -> None:
    assert names(MONGOD, 1) == ("mongod",)
    assert folder_of("nats-server", directory) == directory.nats


def test_of_several_each_has_a_name_and_a_folder_of_its_own(directory: DataDirectory) -> None:
    assert names(NATS, 3) == ("nats-server-1", "nats-server-2", "nats-server-3")
    folders = {folder_of(name, directory) for server in (NATS, MONGOD) for name in names(server, 3)}
    assert len(folders) == 6
    assert directory.mongo / "node-2" in folders


@pytest.mark.parametrize(("process", "server"), [("mongod", True), ("nats-server-3", True), ("gate-1", False)])
def test_servers_are_told_from_services(process: str, server: bool) -> None:
    assert is_server(process) is server


@pytest.mark.parametrize(("begun", "wanted"), [(1, 3), (3, 1)])
def test_a_folder_keeps_its_number_of_nodes(directory: DataDirectory, begun: int, wanted: int) -> None:
    refuse_other_number(directory, begun)
    for name in names(MONGOD, begun):
        (folder_of(name, directory) / "data").touch()
    refuse_other_number(directory, begun)
    with pytest.raises(Conflict) as refused:
        refuse_other_number(directory, wanted)
    assert (refused.value.code, f"--nodes {begun}" in refused.value.remedy) == ("nodes_changed", True)


@pytest.mark.parametrize("nodes", [0, 2, 4])
def test_a_number_without_a_use_is_refused(nodes: int) -> None:
    with pytest.raises(Invalid) as refused:
        StackOptions(data_dir=Path("x"), nodes=nodes)
    assert refused.value.code == "nodes_invalid"
