"""What MongoDB itself refuses a service: to change what it only records, and to remove what it has to keep."""

from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from deploy.local.options import MongoRights
from deploy.local.servers import running_servers
from deploy.mongo_roles import roles
from deploy.rights import all_mongo_rights, all_rights
from deploy.system import ALL
from services.evidence.app import SERVICE as EVIDENCE
from shared.service import TECHNICAL_INDEXES, Service

UNAUTHORIZED = 13
KEPT = {"records", "blobs", "checkpoints", "log_state", "log_entries", "log_tiles", "passages", "signing_keys"}


@pytest.mark.parametrize("service", ALL, ids=lambda one: one.name)
def test_what_is_declared_is_there(service: Service[Any]) -> None:
    known = {*TECHNICAL_INDEXES, *service.indexes}
    assert service.inserts_only | service.removes <= known
    assert not service.inserts_only & service.removes


def test_evidence_and_the_log_are_among_what_is_never_removed() -> None:
    assert not EVIDENCE.removes & KEPT
    assert {"log_entries", "log_tiles", "passages", "withdrawals"} <= EVIDENCE.inserts_only


def refused(client: MongoClient[Any], command: dict[str, Any]) -> bool:
    """Whether MongoDB says that this user may not."""
    try:
        client.get_default_database().command(command)
    except OperationFailure as refusal:
        if refusal.code != UNAUTHORIZED:
            raise
        return True
    return False


@pytest.mark.servers
async def test_56_a_service_changes_and_removes_nothing_that_is_evidence_or_audit(tmp_path: Path) -> None:
    rights = all_mongo_rights(ALL)
    users = [service.name for service in ALL]
    async with running_servers(tmp_path / "data", all_rights(ALL), users, mongo_rights=rights) as servers:
        for service in ALL:
            with MongoClient[Any](servers.mongo_urls[service.name]) as client:
                for name in sorted({*TECHNICAL_INDEXES, *service.indexes, "unheard_of"}):
                    assert not refused(client, {"insert": name, "documents": [{"_id": 1}]})
                    assert not refused(client, {"find": name})
                    change = {"update": name, "updates": [{"q": {"_id": 1}, "u": {"$set": {"a": 1}}}]}
                    fixed = name in service.inserts_only or name == "unheard_of"
                    assert refused(client, change) == fixed, f"{service.name}: changing {name}"
                    removal = {"delete": name, "deletes": [{"q": {"_id": 1}, "limit": 1}]}
                    assert refused(client, removal) == (name not in service.removes), f"{service.name}: {name}"
                    assert refused(client, {"drop": name})
                    assert refused(client, {"collMod": name, "validator": {}})
                assert refused(client, {"dropDatabase": 1})
                assert refused(client, {"updateRole": "service", "privileges": [], "roles": []})


@pytest.mark.servers
async def test_rights_follow_the_code_at_the_next_start(tmp_path: Path) -> None:
    """Also those of an installation whose users were not confined before."""
    nats, change = all_rights([EVIDENCE]), {"update": "passages", "updates": [{"q": {}, "u": {"$set": {"a": 1}}}]}
    now, before = all_mongo_rights([EVIDENCE]), {"evidence": MongoRights(updates=("passages",))}
    steps: tuple[dict[str, MongoRights], ...] = ({}, now, before, now, {}, now)
    seen = []
    for rights in steps:
        async with running_servers(tmp_path / "data", nats, ["evidence"], mongo_rights=rights) as servers:
            with MongoClient[Any](servers.mongo_urls["evidence"]) as client:
                seen.append(refused(client, change))
    assert seen == [False, True, False, True, False, True]


@pytest.mark.servers
async def test_the_printed_roles_confine_the_users_of_any_server(tmp_path: Path) -> None:
    change = {"update": "passages", "updates": [{"q": {}, "u": {"$set": {"a": 1}}}]}
    async with running_servers(tmp_path / "data", all_rights([EVIDENCE]), ["evidence", "gateway"]) as servers:
        with MongoClient[Any](servers.mongo_root_url) as root:
            for one in roles():
                if one["user"] in servers.mongo_urls:
                    if one["create"]:
                        root[one["grant"]["db"]].command(one["create"])
                    root.admin.command("updateUser", one["user"], roles=[one["grant"]])
        with MongoClient[Any](servers.mongo_urls["evidence"]) as evidence:
            assert refused(evidence, change)
        with MongoClient[Any](servers.mongo_urls["gateway"]) as gateway:
            assert not refused(gateway, {"delete": "sessions", "deletes": [{"q": {}, "limit": 1}]})
