"""Writes what each container of `docker-compose.yml` is handed: its own secrets and nobody else's.

- `python -m deploy.render <kept> <handouts>` makes what is missing in `<kept>`, in the layout of the local stack, and
  writes one folder per reader into `<handouts>`, where the reader's own volume is mounted.
- A handout belongs to the user its reader runs as, and to that user alone.
- `nats.conf` is the local stack's configuration, heard by other containers: the rights come from `deploy/rights.py`.
- Run again, it writes the same again: secrets are made once, rights follow the code.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy.local import nats_config
from deploy.local.credentials import Credentials, load_or_create
from deploy.local.layout import PRIVATE_DIRECTORY, DataDirectory, write_private
from deploy.local.mongo_config import REPLICA_SET, privileges
from deploy.local.options import DATABASE_PREFIX, NatsRights
from deploy.local.ports import MONGO_PORT, NATS_PORT
from deploy.rights import PROVISION
from deploy.secrets import SERVICES, Secrets, create_secrets
from deploy.system import mongo_rights, rights

HALLMARK_UID = 10001
"""The user of `deploy/Dockerfile`."""
MONGO_UID = 999
"""The user `mongodb` of the mongo image."""
NATS_UID = 0
"""The nats image has no user of its own; its container keeps no capabilities instead."""
NATS_STORE = Path("/data")


@dataclass(frozen=True, repr=False)
class Handout:
    """Files by relative path, for the user `owner`. Contains secrets, hence no repr."""

    owner: int
    files: Mapping[str, str]


def nats_conf(users: Mapping[str, NatsRights], passwords: Mapping[str, str]) -> str:
    """The configuration of the nats container. Raises as `nats_config.render`."""
    local = json.loads(nats_config.render(port=NATS_PORT, store=NATS_STORE, rights=users, passwords=passwords))
    heard = {
        "server_name": "hallmark",
        "host": "0.0.0.0",  # noqa: S104 - inside its container, on a network without a way out
        "http": "127.0.0.1:8222",  # for the health check, which runs in the same container
    }
    return json.dumps(local | heard, indent=2) + "\n"


def mongo_url(user: str, secret: str) -> str:
    """How a service reaches its own database."""
    return (
        f"mongodb://{user}:{quote(secret, safe='')}@mongo:{MONGO_PORT}/{DATABASE_PREFIX}{user}"
        f"?authSource=admin&authMechanism=SCRAM-SHA-256&replicaSet={REPLICA_SET}"
    )


def confined() -> dict[str, list[dict[str, Any]]]:
    """The privileges of every confined MongoDB user, as `createRole` takes them."""
    return {user: privileges(user, rights) for user, rights in mongo_rights().items()}


def handouts(secrets: Secrets, credentials: Credentials) -> dict[str, Handout]:
    """Every reader's handout. Raises `OSError` when a secret cannot be read."""
    passwords = credentials.mongo
    return {
        "nats": Handout(NATS_UID, {"nats.conf": nats_conf(rights(), credentials.nats)}),
        "mongo": Handout(
            MONGO_UID, {"mongo.key": credentials.mongo_keyfile.read_text(), "root-password": passwords["root"]}
        ),
        "mongo-users": Handout(
            MONGO_UID, {"passwords.json": json.dumps(passwords), "privileges.json": json.dumps(confined())}
        ),
        PROVISION: Handout(HALLMARK_UID, {"hallmark_nats_password": credentials.nats[PROVISION]}),
        **{name: Handout(HALLMARK_UID, _service_files(name, secrets, credentials)) for name in SERVICES},
    }


def _service_files(name: str, secrets: Secrets, credentials: Credentials) -> dict[str, str]:
    files = {
        "hallmark_nats_password": credentials.nats[name],
        "hallmark_mongo_url": mongo_url(name, credentials.mongo[name]),
        "identity.key": secrets.identity(name).read_text(),
        **{f"issuers/{path.name}": path.read_text() for path in sorted(secrets.issuers.glob("*.pem"))},
    }
    if name == "evidence":
        files["signing.key"] = secrets.signing_key.read_text()
        if secrets.next_signing_key.exists():
            files["next-signing.key"] = secrets.next_signing_key.read_text()
    if name == "gateway":
        files["hallmark_admin_token"] = secrets.admin_token.read_text().strip()
    return files


def write(handout: Handout, folder: Path, *, give_away: bool) -> None:
    """Put the files into `folder`, and give them to their owner if so told, which needs root. Raises `OSError`."""
    for name, content in handout.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, content)
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(PRIVATE_DIRECTORY)
        if give_away:
            os.chown(path, handout.owner, handout.owner)


def main(kept: Path, folder: Path) -> None:
    """Make what is missing in `kept` and hand it out. Raises `OSError`, or `HallmarkError` for damaged secrets."""
    directory = DataDirectory(kept)
    secrets = create_secrets(directory.secrets)
    credentials = load_or_create(directory, rights(), SERVICES)
    for reader, handout in handouts(secrets, credentials).items():
        write(handout, folder / reader, give_away=os.geteuid() == 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
