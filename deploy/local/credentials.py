"""Random credentials, made once and kept: a restart finds its data with the same ones.

Rules
- Every NATS and MongoDB user has a secret of its own of 256 random bits.
- They lie in one file that its owner alone can read; a file that others can read is refused, not repaired, because
  the secrets in it may already be known.
- The caller holds the stack's lock, so nobody else writes the file.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deploy.local.layout import DataDirectory, write_private
from shared.errors import Forbidden, Invalid

MONGO_ROOT = "root"
_SECRET_BYTES = 32
_KEYFILE_BYTES = 756  # at most 1024 base64 characters: the limit of a MongoDB keyfile
_OTHERS = 0o077


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """The secrets of one stack, by user name. It has no repr, so that a log line cannot show them."""

    nats: dict[str, str]
    mongo: dict[str, str]
    mongo_keyfile: Path


def load_or_create(directory: DataDirectory, nats_users: Iterable[str], mongo_users: Iterable[str]) -> Credentials:
    """The kept credentials, with new ones for users not seen before.

    Raises `Forbidden` when others can read the files, `Invalid` when they cannot be understood.
    """
    path, keyfile = directory.secrets / "credentials.json", directory.secrets / "mongo.key"
    kept = _read(path)
    nats = {user: kept["nats"].get(user) or _secret() for user in sorted(nats_users)}
    mongo = {user: kept["mongo"].get(user) or _secret() for user in sorted({MONGO_ROOT, *mongo_users})}
    # Users that this run does not need keep their secrets: the next run may need them again.
    everything = {"nats": kept["nats"] | nats, "mongo": kept["mongo"] | mongo}
    if everything != kept:
        write_private(path, json.dumps(everything, indent=2, sort_keys=True) + "\n")
    if keyfile.exists():
        _refuse_if_shared(keyfile)
    else:
        write_private(keyfile, base64.b64encode(secrets.token_bytes(_KEYFILE_BYTES)).decode())
    return Credentials(nats, mongo, keyfile)


def _secret() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)


def _read(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {"nats": {}, "mongo": {}}
    _refuse_if_shared(path)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {"nats": _secrets_in(kept["nats"]), "mongo": _secrets_in(kept["mongo"])}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(
            "credentials_unreadable", f"{path} is not what was written there.", remedy="Restore it from a backup."
        ) from error


def _secrets_in(kept: dict[str, str]) -> dict[str, str]:
    if not all(isinstance(secret, str) and secret for secret in kept.values()):
        raise ValueError("a secret is not a string")
    return dict(kept)


def _refuse_if_shared(path: Path) -> None:
    if path.stat().st_mode & _OTHERS:
        raise Forbidden(
            "credentials_exposed",
            f"Other users of this machine can read {path}.",
            remedy=f"Run chmod 600 {path} if nobody else uses this machine; else delete the data directory.",
        )
