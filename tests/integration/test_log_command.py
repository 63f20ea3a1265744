"""`hallmark log` and `hallmark witness` against a real evidence service behind a real gateway."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contracts.evidence.v1 import queries, views
from services.evidence.app import SERVICE
from shared.crypto import keys
from shared.crypto.note_keys import WitnessKey
from shared.messaging.asking import Asker
from shared.service import running
from tests.integration.gateway_door import ADMIN, Door, a_door
from tests.integration.test_evidence_log import LOG_COLLECTIONS, checkpoint, enter, restore, settings
from tests.support.system import a_system

pytestmark = pytest.mark.servers
DONE, USAGE, DENIED = 0, 2, 3


@dataclass
class Hallmark:
    """The command, as a person on another machine runs it."""

    door: Door
    folder: Path

    async def __call__(self, *arguments: str | Path, expect: int = DONE) -> Any:
        env = {**os.environ, "HALLMARK_URL": self.door.url, "HALLMARK_TOKEN": ADMIN}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.cli.main", "--json", *map(str, arguments)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=env,
        )
        said, errors = await process.communicate()
        assert process.returncode == expect, f"{arguments}: {process.returncode}\n{said.decode()}\n{errors.decode()}"
        return json.loads(said) if said else {}

    def new_key(self, name: str) -> Path:
        keys.save_private(keys.generate(), self.folder / name)
        return self.folder / name


def evidence(folder: Path) -> set[str]:
    """The checkpoints that a witness has kept to prove a fork."""
    return {path.read_text() for path in folder.glob("witness.json.fork-*.note")}


async def log_key(asker: Asker) -> str:
    return (await asker.ask(queries.ReadCheckpoint(), views.Checkpoint)).verifier_keys[0]


async def test_a_log_is_checked_from_outside_through_a_rotation(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system, a_door(system) as door:
        hallmark, asker = Hallmark(door, tmp_path), await system.asker()
        async with running(SERVICE, settings(system, "first", "second")) as run:
            assert (await hallmark("log", "fsck", "--deep"))["entries"] == 0
            await enter(run, 0)
            (tmp_path / "kept.note").write_text((await checkpoint(asker, 1)).note)
            pinned = await log_key(asker)
            await hallmark("log", "rotate-key")
            await checkpoint(asker, 2)
            await enter(run, 1)
            await checkpoint(asker, 3)
            assert len((await hallmark("log", "keys"))["published_keys"]) == 2
            sound = await hallmark("log", "fsck", "--deep", "--log-key", pinned, "--since", tmp_path / "kept.note")
            assert (sound["sound"], sound["entries"], sound["problems"]) == (True, 3, [])
            assert (await hallmark("log", "consistency", tmp_path / "kept.note", "--log-key", pinned))["holds"]

            entry = tmp_path / "entry"
            assert (await hallmark("log", "inclusion", "0", "-o", entry, "--log-key", pinned))["holds"]
            proof, now = tmp_path / "entry.tlog-proof", await log_key(asker)
            await hallmark("log", "verify-entry", entry, proof, "--log-key", now)
            await hallmark("log", "verify-entry", entry, proof, "--log-key", pinned, expect=DENIED)
            entry.write_bytes(entry.read_bytes() + b" ")
            await hallmark("log", "verify-entry", entry, proof, "--log-key", now, expect=DENIED)

            stranger = str(WitnessKey("x", keys.generate().public_key()))  # type: ignore[arg-type]
            await hallmark("log", "fsck", "--log-key", stranger, expect=USAGE)
            beside = await system.beside("evidence")
            await beside.collection("log_entries").update({"_id": 1}, {"$set": {"entry": b"{}"}})
            wrong = await hallmark("log", "fsck", "--log-key", pinned, expect=DENIED)
            codes = {problem["code"] for problem in wrong["problems"]}
            assert {"leaf_wrong", "root_wrong", "entry_malformed"} <= codes


async def test_a_witness_cosigns_what_grows_and_nothing_else(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system, a_door(system) as door:
        hallmark, asker = Hallmark(door, tmp_path), await system.asker()
        key, state, name = hallmark.new_key("witness.key"), tmp_path / "witness.json", "witness.example/a"
        watch = ("witness", "--key", key, "--state", state)
        async with running(SERVICE, settings(system)) as run:
            await enter(run, 0)
            await checkpoint(asker, 1)
            begin = (*watch, "--new", "--name", name, "--log-key", await log_key(asker))
            await hallmark(*watch, expect=USAGE)
            line = (await hallmark("log", "witness", "key", key, name))["verifier_key"]
            await hallmark("log", "witness", "add", line)
            await checkpoint(asker, 2)
            assert (await hallmark(*begin))["size"] == 2
            await hallmark(*begin, expect=USAGE)
            assert await hallmark(*watch) == {}
            copy = {one: await run.database.collection(one).find({}) for one in LOG_COLLECTIONS}
            await enter(run, 1)
            await checkpoint(asker, 3)
            assert (await hallmark(*watch))["size"] == 3
            served = await hallmark("log", "checkpoint")
            assert [one["witness"] for one in served["cosignatures"]] == [name]
            assert (await hallmark("log", "fsck"))["cosignatures"] == 2
            remembered = state.read_bytes()
            await restore(await system.beside("evidence"), copy)
        # The operator restores an old copy, without the service's own memory, and the log takes another way.
        async with running(SERVICE, settings(system, checkpoint_dir=tmp_path / "elsewhere")) as run:
            await hallmark(*watch, expect=DENIED)
            await enter(run, 2)
            fork = await checkpoint(asker, 3)
            await hallmark(*watch, expect=DENIED)
            assert state.read_bytes() == remembered
            assert fork.note in evidence(tmp_path)
            assert (await hallmark("log", "checkpoint"))["cosignatures"] == []
            await hallmark("log", "witness", "retire", line)
            assert (await hallmark("log", "witness", "list"))["witnesses"][0]["retired_at"]
            await hallmark("log", "witness", "add", line, expect=USAGE)
