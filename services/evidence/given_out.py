"""What this instance has told others about the log, kept outside of the database.

- Before a checkpoint leaves the process, it lies in a file that is synced to disk. A database that knows less than the
  file was restored from an old copy: whoever was told the newer state would see the log rewritten.
- Each instance writes a file of its own; at start all files of the folder count, those of earlier instances too.
- What a file says only ever moves forward. It has two places, written in turn, each with its own digest: a power cut in
  the middle of a write leaves the other one. Overwriting in place costs one sync of data, where a new file costs three.
"""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from shared.crypto import note
from shared.errors import Invalid, Transient

_ENDING = ".checkpoint"
_PLACE_BYTES = 4096
_DIGEST_BYTES = 32
_LENGTH_BYTES = 4


class GivenOut:
    """The newest checkpoint that was given out, by instance. Without a folder nothing is remembered beyond the run."""

    def __init__(self, folder: Path | None, instance: str) -> None:
        self._folder = folder
        self._path = folder / f"{instance}{_ENDING}" if folder else None
        self._lock = threading.Lock()
        self._file: int | None = None
        self._place = 0
        """Where the next checkpoint goes: not where the newest one lies."""
        self.size = 0

    def kept(self) -> dict[Path, bytes]:
        """Every checkpoint on file, of all instances; of a damaged file, its bytes. Raises `OSError`."""
        if self._folder is None:
            return {}
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = {path: _newest(path.read_bytes()) for path in sorted(self._folder.glob(f"*{_ENDING}"))}
        return {path: signed for path, signed in found.items() if signed}

    def remember(self, signed: bytes) -> None:
        """Called before the checkpoint is given out; blocks for the disk.

        Raises `Transient` when a newer one was given out before, `OSError` when the disk refuses.
        """
        size = _size(signed)
        with self._lock:
            if size < self.size:
                raise Transient(
                    "log_behind",
                    f"The database shows a log of {size} entries; {self.size} were given out before.",
                    remedy="Try again; if it stays so, the database was restored from an old copy: stop, and restore "
                    "a newer one.",
                )
            if size > self.size:
                if self._path:
                    self._write(self._path, signed)
                self.size = size

    def _write(self, path: Path, signed: bytes) -> None:
        if self._file is None:
            self._file, self._place = _opened(path)
        os.pwrite(self._file, _packed(signed), self._place * _PLACE_BYTES)
        os.fdatasync(self._file)
        self._place = 1 - self._place


def _opened(path: Path) -> tuple[int, int]:
    """The file, at its full length on disk, and the place that may be overwritten."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    content = os.pread(file, 2 * _PLACE_BYTES, 0)
    if len(content) < 2 * _PLACE_BYTES:
        os.pwrite(file, bytes(2 * _PLACE_BYTES - len(content)), len(content))
        os.fsync(file)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    first, second = _places(content)
    return file, int(bool(first) and (not second or _size(first) >= _size(second)))


def _newest(content: bytes) -> bytes:
    """The newest checkpoint in a file; nothing when none was ever written, the whole when it is damaged."""
    sound = [signed for signed in _places(content) if signed]
    if sound:
        return max(sound, key=_size)
    return content if content.strip(b"\0") else b""


def _places(content: bytes) -> tuple[bytes, bytes]:
    return _unpacked(content[:_PLACE_BYTES]), _unpacked(content[_PLACE_BYTES : 2 * _PLACE_BYTES])


def _packed(signed: bytes) -> bytes:
    packed = hashlib.sha256(signed).digest() + len(signed).to_bytes(_LENGTH_BYTES, "big") + signed
    if len(packed) > _PLACE_BYTES:
        raise Invalid("checkpoint_too_large", f"A checkpoint of {len(signed)} bytes cannot be kept on file.")
    return packed


def _unpacked(place: bytes) -> bytes:
    """The checkpoint in a place; empty for one that was never written, or not to its end."""
    head = _DIGEST_BYTES + _LENGTH_BYTES
    signed = place[head : head + int.from_bytes(place[_DIGEST_BYTES:head], "big")]
    return signed if signed and hashlib.sha256(signed).digest() == place[:_DIGEST_BYTES] else b""


def _size(signed: bytes) -> int:
    return note.parse_checkpoint(note.parts(signed)[0]).size
