"""The local mongod: a one-node replica set with users, brought up and kept usable.

Rules
- Everything here can be repeated: an interrupted start continues at the next one.
- The root user is made through MongoDB's localhost exception, which closes with it.
- A service user may read and write its own database and nothing else.
- The replica set's only member is named by its address, so it is renamed when the port had to change. mongod looks
  for itself at the old address first: up to 30 s when something silent took that port.

This is the only module of the local stack that imports pymongo (the synchronous client; callers use a thread).
"""

from __future__ import annotations

import time
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.credentials import MONGO_ROOT, Credentials
from deploy.local.mongo_config import REPLICA_SET
from deploy.local.options import DATABASE_PREFIX
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


def bring_up(port: int, credentials: Credentials, seconds: float) -> None:
    """Make the mongod on `port` a primary with the known users, from whatever state it is in. Blocks.

    Raises `HallmarkError` when it refuses the kept root secret, `Transient` when it did not become primary within
    `seconds`.
    """
    admin = _MongoAdmin(port, credentials)
    try:
        admin.bring_up(seconds)
    finally:
        admin.close()


class _MongoAdmin:
    def __init__(self, port: int, credentials: Credentials) -> None:
        self._port = port
        self._credentials = credentials
        self._anyone: Client | None = None

    def _is_primary(self) -> bool:
        try:
            return bool(self._unauthenticated().admin.command("hello").get("isWritablePrimary"))
        except PyMongoError:
            return False

    def bring_up(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        while not self._is_primary():
            if time.monotonic() > deadline:
                raise Transient(
                    "mongo_not_primary",
                    f"MongoDB did not become primary within {seconds:.0f} s.",
                    remedy="See logs/mongod.log in the data directory.",
                )
            self._help_to_primary()
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 1.5)
        self._ensure_root()
        with self._client(MONGO_ROOT) as root:
            self._ensure_users(root)

    def close(self) -> None:
        if self._anyone is not None:
            self._anyone.close()
            self._anyone = None

    def _help_to_primary(self) -> None:
        # A server without configuration, one still loading it and one whose configuration names another port all
        # look the same from outside; what they answer to an initiation tells them apart.
        try:
            hello = self._unauthenticated().admin.command("hello")
            if "setName" not in hello:
                self._unauthenticated().admin.command("replSetInitiate", _replica_set(self._address))
        except OperationFailure as refusal:
            if refusal.code == _UNAUTHORIZED:
                self._follow_port()
            elif refusal.code != _ALREADY_INITIALIZED:
                raise
        except PyMongoError:
            return  # not answering yet

    def _follow_port(self) -> None:
        with self._client(MONGO_ROOT) as root:
            try:
                config = root.admin.command("replSetGetConfig")["config"]
                if config["members"][0]["host"] != self._address:
                    config["members"][0]["host"] = self._address
                    root.admin.command("replSetReconfig", config, force=True)
            except OperationFailure as refusal:
                if refusal.code == _AUTHENTICATION_FAILED:
                    raise _credentials_refused() from refusal
                if refusal.code != _NOT_YET_INITIALIZED:
                    raise

    def _ensure_root(self) -> None:
        try:
            with self._client(MONGO_ROOT) as root:
                root.admin.command("ping")
        except OperationFailure as refusal:
            if refusal.code != _AUTHENTICATION_FAILED:
                raise
            role = {"role": "root", "db": "admin"}
            try:
                self._unauthenticated().admin.command("createUser", MONGO_ROOT, **self._user(MONGO_ROOT, role))
            except OperationFailure as closed:
                if closed.code != _UNAUTHORIZED:
                    raise
                raise _credentials_refused() from closed

    def _ensure_users(self, root: Client) -> None:
        known = {user["user"]: user.get("customData") for user in root.admin.command("usersInfo", 1)["users"]}
        for name in self._credentials.mongo:
            if name == MONGO_ROOT:
                continue
            user = self._user(name, {"role": "readWrite", "db": DATABASE_PREFIX + name})
            if name not in known:
                root.admin.command("createUser", name, **user)
            elif known[name] != user["customData"]:
                root.admin.command("updateUser", name, **user)

    def _user(self, name: str, role: dict[str, str]) -> dict[str, Any]:
        secret = self._credentials.mongo[name]
        # Lets a restart see that nothing changed without writing anything.
        fingerprint = sha256_digest(f"{secret} {role['role']} {role['db']}".encode())
        return {
            "pwd": secret,
            "roles": [role],
            "mechanisms": ["SCRAM-SHA-256"],
            "customData": {"fingerprint": fingerprint},
            "writeConcern": {"w": "majority", "j": True},
        }

    def _unauthenticated(self) -> Client:
        if self._anyone is None:
            self._anyone = self._client()
        return self._anyone

    def _client(self, user: str | None = None) -> Client:
        secret = self._credentials.mongo[user] if user else None
        login: dict[str, Any] = {"username": user, "password": secret, "authMechanism": "SCRAM-SHA-256"}
        return MongoClient(
            LOOPBACK,
            self._port,
            directConnection=True,
            serverSelectionTimeoutMS=_SELECTION_MILLISECONDS,
            appname="hallmark-local",
            **(login if user else {}),
        )

    @property
    def _address(self) -> str:
        return f"{LOOPBACK}:{self._port}"


def _replica_set(address: str) -> dict[str, Any]:
    return {
        "_id": REPLICA_SET,
        "members": [{"_id": 0, "host": address}],
        "settings": {"electionTimeoutMillis": _ELECTION_MILLISECONDS},
    }


def _credentials_refused() -> HallmarkError:
    return HallmarkError(
        "mongo_credentials_refused",
        "The local MongoDB does not accept the kept root credentials.",
        remedy="Restore secrets/credentials.json, or delete the mongo folder with all its data.",
    )
