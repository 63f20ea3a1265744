"""The files of a bundle, out of an archive that a stranger may have made.

- Sizes and counts are bounded before anything is unpacked, and names must be those of the layout: nothing is ever
  written to disk, so neither paths nor links lead anywhere.
- A file in a folder of digests has the digest that it is named after.
- JSON is strict and in its canonical form. So every byte of a bundle has one meaning, and none can be changed.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from shared.crypto import strict_json
from shared.digests import canonical_json, sha256_digest

FORMAT = "hallmark-bundle"
FORMAT_VERSION = 3
LIST = "bundle.json"
MAX_BYTES = 256 * 2**20
MAX_FILES = 60_000
_MAX_DIRECTORY = 16 * 2**20
_BY_DIGEST = "evidence|envelopes|policies|trust-roots|passages"
_NAMES = re.compile(
    rf"(?:bundle|manifest|keys|log/entries|log/consistency)\.json|checkpoint\.note"
    rf"|(?:{_BY_DIGEST})/[0-9a-f]{{64}}\.json|(?:verdicts|promotions|gate-keys)/[a-z0-9][a-z0-9-]{{0,99}}\.json",
    re.ASCII,
)
_END = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20


class WrongError(Exception):
    """Something does not hold; the message says what was found."""


class Bundle:
    """The files of a bundle, read as the checks need them."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.about: dict[str, Any] = self.json(LIST)
        self.manifest: dict[str, Any] = self.json("manifest.json")

    def json(self, path: str) -> Any:
        """One JSON file in its canonical form. Raises `WrongError`, or `Invalid` for what is no strict JSON."""
        if path not in self.files:
            raise WrongError(f"{path} is missing")
        value = strict_json.loads(self.files[path], max_bytes=MAX_BYTES)
        if canonical_json(value) != self.files[path]:
            raise WrongError(f"{path} is not in its canonical form")
        return value

    def folder(self, name: str) -> Iterator[tuple[str, str]]:
        """The files of a folder by path, each with its name without `.json`."""
        for path in sorted(self.files):
            if path.startswith(f"{name}/"):
                yield path, path.removeprefix(f"{name}/").removesuffix(".json")

    @property
    def subjects(self) -> set[str]:
        """The version and its artifacts, by digest."""
        return {self.about["version_digest"], *(artifact["digest"] for artifact in self.manifest["artifacts"])}


def read(data: bytes) -> Bundle:
    """The bundle in `data`. Raises `WrongError`, or `HallmarkError` for malformed JSON in it."""
    try:
        _check_end(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return Bundle(_files(archive))
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise WrongError(f"it is no archive as Hallmark writes them: {error}") from error


def _check_end(data: bytes) -> None:
    if len(data) > MAX_BYTES or len(data) < _END.size:
        raise WrongError(f"it has {len(data)} bytes, which no bundle has")
    # The end record says how much Python would read of the directory: looked at before Python does.
    magic, *_, count, size, _, comment = _END.unpack(data[-_END.size :])
    locator = data[-_END.size - _ZIP64_LOCATOR_BYTES : -_END.size]
    if magic != b"PK\x05\x06" or comment or locator.startswith(_ZIP64_LOCATOR):
        raise WrongError("it does not end as an archive of Hallmark does")
    if count > MAX_FILES or size > _MAX_DIRECTORY:
        raise WrongError(f"it says that it holds {count} files; at most {MAX_FILES} are read")


def _files(archive: zipfile.ZipFile) -> dict[str, bytes]:
    infos = {info.filename: info for info in archive.infolist()}
    if len(infos) != len(archive.infolist()) or len(infos) > MAX_FILES:
        raise WrongError("a file is in it twice, or there are too many")
    if sum(info.file_size for info in infos.values()) > MAX_BYTES:
        raise WrongError(f"unpacked it would have more than {MAX_BYTES} bytes")
    if LIST not in infos:
        raise WrongError(f"{LIST} is missing")
    # The format first: another one has other names.
    about = strict_json.loads_object(_unpacked(archive, infos[LIST]), max_bytes=MAX_BYTES)
    if about.get("format") != FORMAT or about.get("format_version") != FORMAT_VERSION:
        raise WrongError(
            f"it is of format version {about.get('format_version')!r}; this Hallmark verifies version "
            f"{FORMAT_VERSION}. Export it again with a Hallmark of the same version"
        )
    return {name: _unpacked(archive, info) for name, info in infos.items()}


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if not _NAMES.fullmatch(info.filename) or info.orig_filename != info.filename:
        raise WrongError(f"{info.filename[:100]!r} is no name in a bundle")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG} or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise WrongError(f"{info.filename} is no plain file")
    with archive.open(info) as file:
        # Never more than was declared, and bounded above: reading to the end would unpack all there is first.
        content = file.read(info.file_size)
    folder, _, name = info.filename.rpartition("/")
    if re.fullmatch(_BY_DIGEST, folder) and sha256_digest(content) != f"sha256:{name.removesuffix('.json')}":
        raise WrongError(f"{info.filename} was changed: it does not have the digest it is named after")
    return content
