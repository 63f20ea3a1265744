"""A bundle verifies as it was exported, and no change to it goes unnoticed, even when its own list is mended."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.local.stack import running_stack
from deploy.system import stack_options
from services.cli.verify_bundle import verify_bundle
from shared.crypto import keys, note
from shared.digests import sha256_digest
from tests.support.shop import Shop

pytestmark = [pytest.mark.servers, pytest.mark.stack]
Files = dict[str, bytes]


def unpacked(data: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Files, *, mend_list: bool = True) -> bytes:
    files = dict(files)
    if mend_list:
        listed = json.loads(files["bundle.json"])
        listed["files"] = [
            {"path": path, "sha256": sha256_digest(data).removeprefix("sha256:"), "size": len(data)}
            for path, data in files.items()
            if path != "bundle.json"
        ]
        files["bundle.json"] = json.dumps(listed).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return buffer.getvalue()


def edited(pattern: str, change: Callable[[Any], None]) -> Callable[[Files], None]:
    """Changes the first JSON file that matches."""

    def edit(files: Files) -> None:
        path = next(path for path in sorted(files) if pattern in path and not path.endswith(".dsse.json"))
        content = json.loads(files[path])
        change(content)
        files[path] = json.dumps(content).encode()

    return edit


def without(pattern: str) -> Callable[[Files], None]:
    def drop(files: Files) -> None:
        del files[next(path for path in sorted(files) if pattern in path)]

    return drop


def swapped_envelope(files: Files) -> None:
    path = next(path for path in sorted(files) if path.startswith("evidence/") and path.endswith(".dsse.json"))
    files[path] = files[path].replace(b'"sig"', b'"sig" ')


CHANGES: dict[str, Callable[[Files], None]] = {
    "another artifact in the manifest": edited(
        "manifest.json", lambda it: it["artifacts"][0].update(purl="pkg:pypi/x@1")
    ),
    "a kinder verdict": edited("verdicts/", lambda it: it.update(judged_at="2020-01-01T00:00:00Z")),
    "a softer policy": edited("policies/", lambda it: it["document"]["spec"].update(mode="warn")),
    "evidence that was not verified": edited("evidence/", lambda it: it["item"].update(signers=[])),
    "an envelope with other bytes": swapped_envelope,
    "a missing passage": without("passages/"),
    "a missing verdict": without("verdicts/"),
    "a missing policy": without("policies/"),
    "an entry that says something else": edited(
        "log/entries", lambda it: it["entries"][0].update(entry=it["entries"][0]["entry"].replace("shop", "shoq"))
    ),
    "a proof for another place": edited("log/entries", lambda it: it["entries"][0].update(index=1)),
    "a checkpoint of another size": lambda files: files.update(
        {"checkpoint.note": files["checkpoint.note"].replace(b"\n", b"\n1", 1)}
    ),
    "other keys": edited("keys.json", lambda it: it.update(signing_keys=[])),
}


async def test_no_change_to_a_bundle_goes_unnoticed(tmp_path: Path) -> None:
    options = stack_options(tmp_path / "data")
    token = (tmp_path / "data/secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, token) as shop:
        await shop.set_up()
        await shop.create("1.0")
        for stage in ("dev", "qa"):
            assert (await shop.promote("1.0", stage))["state"] == "completed"
        path = "/projects/shop/applications/web/versions/1.0/bundle"
        data = (await shop.ask("GET", path)).content
        checkpoint = (await shop.ask("GET", "/log/checkpoint")).json()

    assert verify_bundle(data).passed, verify_bundle(data).as_json()
    assert verify_bundle(packed(unpacked(data))).passed
    assert verify_bundle(data, log_key=checkpoint["verifier_keys"][0]).passed
    stranger = note.NoteKey(checkpoint["origin"], keys.generate().public_key())
    assert not verify_bundle(data, log_key=str(stranger)).passed
    assert not verify_bundle(b"no zip").passed
    for what, change in CHANGES.items():
        files = unpacked(data)
        change(files)
        assert not verify_bundle(packed(files)).passed, what
        assert not verify_bundle(packed(files, mend_list=False)).passed, what
