"""Fetch what the console's pages use from npm packages, into the tree: `python -m deploy.vendor`.

- Pages load nothing from elsewhere, so these files are committed, each package with its licence.
- `vendored.json` names package, version and the registry's own hash of it; what does not match is not taken.
- Nobody needs npm to run Hallmark: only whoever changes a version here does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from contracts.vocabulary import Document

FOLDER = Path(__file__).resolve().parents[1] / "services/gateway/console/static/vendor"
LIST = FOLDER / "vendored.json"


class Vendored(Document):
    """One package and the files taken from it."""

    package: str
    version: str
    licence: str
    """Its SPDX identifier."""
    integrity: str
    """Of the package, as npm says it: `sha512-` and base64."""
    files: dict[str, str]
    """Where a file goes, below `vendor/`, by its path in the package; among them the licence's text."""
    digests: Annotated[dict[str, str], Field(default_factory=dict)]
    """SHA-256 of each file in the tree, in hexadecimal."""


def listed() -> tuple[Vendored, ...]:
    """What is vendored. Raises `ValidationError` for a list that is not one."""
    return TypeAdapter(tuple[Vendored, ...]).validate_json(LIST.read_bytes())


def integrity_of(data: bytes) -> str:
    """The hash of a package as npm writes it (Subresource Integrity)."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def fetch(one: Vendored, folder: Path) -> dict[str, bytes]:
    """The files of a package, by where they go. Raises `OSError` when npm has another package than the list says."""
    command = ("npm", "pack", f"{one.package}@{one.version}", "--json", "--pack-destination", str(folder))
    said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    data = (folder / said[0]["filename"]).read_bytes()
    if integrity_of(data) != one.integrity:
        raise OSError(f"{one.package} {one.version} is not what the list says: its hash is {integrity_of(data)}")
    with tarfile.open(folder / said[0]["filename"]) as archive:
        found = {goes: archive.extractfile(f"package/{path}") for path, goes in one.files.items()}
        return {goes: file.read() for goes, file in found.items() if file}


def main() -> None:
    """Fetch everything listed, and note the digests."""
    done = []
    for one in listed():
        with tempfile.TemporaryDirectory() as folder:
            files = fetch(one, Path(folder))
        for goes, data in files.items():
            (FOLDER / goes).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / goes).write_bytes(data)
        digests = {goes: hashlib.sha256(data).hexdigest() for goes, data in sorted(files.items())}
        done.append(one.model_copy(update={"digests": digests}).model_dump())
        print(f"{one.package} {one.version}: {', '.join(sorted(files))}", file=sys.stderr)
    LIST.write_text(json.dumps(done, indent=2) + "\n")


if __name__ == "__main__":
    main()
