"""What pages load of others' work: listed, with its licence, and unchanged."""

from __future__ import annotations

import hashlib

from deploy.vendor import FOLDER, LIST, listed


def test_every_vendored_file_is_listed_and_unchanged() -> None:
    found = {str(path.relative_to(FOLDER)): path for path in FOLDER.rglob("*") if path.is_file() and path != LIST}
    noted = {goes: digest for one in listed() for goes, digest in one.digests.items()}
    assert {goes: hashlib.sha256(path.read_bytes()).hexdigest() for goes, path in found.items()} == noted


def test_every_vendored_package_comes_with_its_licence() -> None:
    for one in listed():
        assert any(goes.endswith("LICENSE") and (FOLDER / goes).read_text().strip() for goes in one.files.values())
        assert one.licence
