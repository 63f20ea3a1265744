"""The local mongod, or several: a replica set with users, brought up and kept usable.

Rules
- Everything here can be repeated: an interrupted start continues at the next one.
- The root user is made through MongoDB's localhost exception, which closes with it.
- A service user may read and write its own database and nothing else, a confined one not even all of that.
- A member of the replica set is named by its address, so it is renamed when its port had to change. mongod looks
  for itself at the old address first: up to 30 s when something silent took that port.
- Of several members one is asked to begin the set, once all of them answer and none belongs to one.

This is the only module of the local stack that imports pymongo (the synchronous client; callers use a thread).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.credentials import MONGO_ROOT, Credentials
from deploy.local.mongo_config import CONFINED, REPLICA_SET, privileges, role_of
from deploy.local.options import DATABASE_PREFIX, MongoRights
from deploy.local.ports import LOOPBACK
from shared.digests import sha256_digest
from shared.errors import HallmarkError, Transient

_ELECTION_MILLISECONDS = 1000  # nobody else votes: the default of ten seconds would only delay a restart
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25
_SELECTION_MILLISECONDS = 1000
_NOT_YET_INITIALIZED = 94
_ALREADY_INITIALIZED = 23
_AUTHENTICATION_FAILED = 18
_UNAUTHORIZED = 13

Client = MongoClient[dict[str, Any]]


def bring_up(
    ports: Sequence[int], credentials: Credentials, seconds: float, rights: Mapping[str, MongoRights] | None = None
) -> None:
    """Make the mongods on `ports` a replica set with a primary and the known users, whatever state it is in. Blocks.

    Raises `HallmarkError` when it refuses the kept root secret, `Transient` when none became primary within `seconds`.
    """
    admin = _MongoAdmin(ports, credentials, rights or {})
    try:
        admin.bring_up(seconds)
    finally:
        admin.close()


class _MongoAdmin:
    def __init__(self, ports: Sequence[int], credentials: Credentials, rights: Mapping[str, MongoRights]) -> None:
        self._ports = tuple(ports)
        self._credentials = credentials
        self._rights = rights
        self._anyone: dict[int, Client] = {}

    def bring_up(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        while (primary := self._primary()) is None:
            if time.monotonic() > deadline:
                raise Transient(
                    "mongo_not_primary",
                    f"MongoDB did not become primary within {seconds:.0f} s.",
                    remedy="See logs/mongod.log in the data directory.",
                )
            self._help_to_primary()
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 1.5)
        self._ensure_root(primary)
        if len(self._ports) > 1:  # The others are a majority without the one whose port changed.
            self._follow_ports(primary)
        with self._client(primary, MONGO_ROOT) as root:
            self._ensure_users(root)

    def close(self) -> None:
        for client in self._anyone.values():
            client.close()
        self._anyone.clear()

    def _hello(self, port: int) -> dict[str, Any] | None:
        try:
            return self._unauthenticated(port).admin.command("hello")
        except PyMongoError:
            return None  # not answering yet

    def _primary(self) -> int | None:
        hellos = ((port, self._hello(port)) for port in self._ports)
        return next((port for port, hello in hellos if hello and hello.get("isWritablePrimary")), None)

    def _help_to_primary(self) -> None:
        # A server without configuration, one still loading it and one whose configuration names another port all
        # look the same from outside; what they answer to an initiation tells them apart.
        hellos = [self._hello(port) for port in self._ports]
        if any(hello is None or "setName" in hello for hello in hellos):
            return
        first = self._ports[0]
        try:
            self._unauthenticated(first).admin.command("replSetInitiate", _replica_set(self._addresses))
        except OperationFailure as refusal:
            if refusal.code == _UNAUTHORIZED:
                self._follow_ports(first)
            elif refusal.code != _ALREADY_INITIALIZED:
                raise
        except PyMongoError:
            return

    def _follow_ports(self, port: int) -> None:
        with self._client(port, MONGO_ROOT) as root:
            try:
                config = root.admin.command("replSetGetConfig")["config"]
                if [member["host"] for member in config["members"]] != self._addresses:
                    for member, address in zip(config["members"], self._addresses, strict=True):
                        member["host"] = address
                    root.admin.command("replSetReconfig", config, force=True)
            except OperationFailure as refusal:
                if refusal.code == _AUTHENTICATION_FAILED:
                    raise _credentials_refused() from refusal
                if refusal.code != _NOT_YET_INITIALIZED:
                    raise

    def _ensure_root(self, primary: int) -> None:
        try:
            with self._client(primary, MONGO_ROOT) as root:
                root.admin.command("ping")
        except OperationFailure as refusal:
            if refusal.code != _AUTHENTICATION_FAILED:
                raise
            role = {"role": "root", "db": "admin"}
            try:
                anyone = self._unauthenticated(primary).admin
                anyone.command("createUser", MONGO_ROOT, **self._user(MONGO_ROOT, role))
            except OperationFailure as closed:
                if closed.code != _UNAUTHORIZED:
                    raise
                raise _credentials_refused() from closed

    def _ensure_users(self, root: Client) -> None:
        known = {user["user"]: user.get("customData") for user in root.admin.command("usersInfo", 1)["users"]}
        for name in self._credentials.mongo:
            if name == MONGO_ROOT:
                continue
            user = self._user(name, role_of(name, self._rights))
            if name not in known or known[name] != user["customData"]:
                self._ensure_role(root, name)
                root.admin.command("updateUser" if name in known else "createUser", name, **user)

    def _ensure_role(self, root: Client, name: str) -> None:
        if name in self._rights:
            database = root[DATABASE_PREFIX + name]
            is_there = database.command("rolesInfo", CONFINED)["roles"]
            content: dict[str, Any] = {"privileges": privileges(name, self._rights[name]), "roles": []}
            database.command("updateRole" if is_there else "createRole", CONFINED, **content)

    def _user(self, name: str, role: dict[str, str]) -> dict[str, Any]:
        secret = self._credentials.mongo[name]
        # Lets a restart see that nothing changed without writing anything.
        may = self._rights.get(name)
        fingerprint = sha256_digest(f"{secret} {role['role']} {role['db']} {may or ''}".encode())
        return {
            "pwd": secret,
            "roles": [role],
            "mechanisms": ["SCRAM-SHA-256"],
            "customData": {"fingerprint": fingerprint},
            "writeConcern": {"w": "majority", "j": True},
        }

    def _unauthenticated(self, port: int) -> Client:
        if port not in self._anyone:
            self._anyone[port] = self._client(port)
        return self._anyone[port]

    def _client(self, port: int, user: str | None = None) -> Client:
        secret = self._credentials.mongo[user] if user else None
        login: dict[str, Any] = {"username": user, "password": secret, "authMechanism": "SCRAM-SHA-256"}
        return MongoClient(
            LOOPBACK,
            port,
            directConnection=True,
            serverSelectionTimeoutMS=_SELECTION_MILLISECONDS,
            appname="hallmark-local",
            **(login if user else {}),
        )

    @property
    def _addresses(self) -> list[str]:
        return [f"{LOOPBACK}:{port}" for port in self._ports]


def _replica_set(addresses: Sequence[str]) -> dict[str, Any]:
    members = [{"_id": number, "host": address} for number, address in enumerate(addresses)]
    alone = {"settings": {"electionTimeoutMillis": _ELECTION_MILLISECONDS}} if len(members) == 1 else {}
    return {"_id": REPLICA_SET, "members": members, **alone}


def _credentials_refused() -> HallmarkError:
    return HallmarkError(
        "mongo_credentials_refused",
        "The local MongoDB does not accept the kept root credentials.",
        remedy="Restore secrets/credentials.json, or delete the mongo folder with all its data.",
    )
