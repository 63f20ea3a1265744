"""Whether this process may continue the log that it finds: its key, and that nothing it gave out is gone.

- The first start ever makes its key the log's first; so does the first start of a version that knows of handovers,
  when this key signed the newest checkpoint.
- A database that is older than a checkpoint on file, or that has another tree below it, is refused: going on would
  fork the log under the eyes of whoever holds that checkpoint.
- Not noticed is an old database whose checkpoint files were restored or lost together with it, and the loss of what
  was never given out. Witnesses and readers who kept a checkpoint notice the former.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.evidence.domain.signing_keys import Succession
from services.evidence.keyring import Keyring
from services.evidence.storage import signing_keys
from services.evidence.storage.journal import root_at
from shared.crypto import note
from shared.crypto.log_keys import verify_in_force
from shared.errors import Conflict, HallmarkError, Invalid
from shared.logs import log
from shared.mongo import Database, DuplicateKeyError
from shared.service import Running


async def refuse_foreign_log(run: Running[Any]) -> None:
    """Raises `Conflict` or `Invalid` when this process must not continue the log in its database."""
    keyring: Keyring = run.dispatcher.equipment
    keys = await signing_keys.succession(run.database, keyring) or await _first_key(run.database, keyring)
    keys.require_held(keyring.held)
    found = await run.database.collection("checkpoints").find({}, sort=(("_id", -1),), limit=1)
    size = found[0]["_id"] if found else 0
    kept = keyring.given_out.kept()
    for path, signed in kept.items():
        await _refuse_rollback(run.database, _read(path, signed, keys), size, path)
    if size and not kept:
        log.warning("no checkpoint is on file, so an older database would not be noticed", size=size)
    keyring.given_out.size = max((_read(path, signed, keys).size for path, signed in kept.items()), default=0)


async def _first_key(database: Database, keyring: Keyring) -> Succession:
    found = await database.collection("checkpoints").find({}, sort=(("_id", -1),), limit=1)
    if found:
        key = note.parse_key(keyring.signers[0].verifier_key)
        note.verify_checkpoint(found[0]["note"].encode(), [key], origin=keyring.origin)
    try:
        await signing_keys.begin(database, keyring.signers[0], 0)
    except DuplicateKeyError:
        log.info("another instance named the log's first key")
    return await signing_keys.known_succession(database, keyring)


def _read(path: Path, signed: bytes, keys: Succession) -> note.Checkpoint:
    try:
        return verify_in_force(signed, keys.spans(), origin=keys.origin)
    except HallmarkError as error:
        raise Invalid(
            "checkpoint_file_unusable",
            f"{path} is no checkpoint of this log: {error.message}",
            remedy="Find out who changed the file, or whose database this is, before moving the file away.",
        ) from error


async def _refuse_rollback(database: Database, given: note.Checkpoint, size: int, path: Path) -> None:
    if size < given.size:
        raise Conflict(
            "log_rolled_back",
            f"The database has a log of {size} entries, and {path} shows that {given.size} were given out.",
            remedy="Restore a newer copy of the database. Going on with this one would rewrite the log.",
        )
    try:
        root = await root_at(database, given.size)
    except (KeyError, Invalid):
        root = b""
    if root != given.root:
        raise Conflict(
            "log_forked",
            f"The first {given.size} entries in the database are not those of the checkpoint in {path}.",
            remedy="Keep both, run `hallmark log fsck --deep`, and restore the database that belongs to the file.",
        )
