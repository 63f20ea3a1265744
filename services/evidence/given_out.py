"""What this instance has told others about the log, kept outside of the database.

- Before a checkpoint leaves the process, it lies in a file that is synced to disk. A database that knows less than the
  file was restored from an old copy: whoever was told the newer state would see the log rewritten.
- Each instance writes a file of its own; at start all files of the folder count, those of earlier instances too.
- The file only ever moves forward.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from shared.crypto import note
from shared.errors import Transient

_ENDING = ".checkpoint"


class GivenOut:
    """The newest checkpoint that was given out, by instance. Without a folder nothing is remembered beyond the run."""

    def __init__(self, folder: Path | None, instance: str) -> None:
        self._folder = folder
        self._path = folder / f"{instance}{_ENDING}" if folder else None
        self._lock = threading.Lock()
        self.size = 0

    def kept(self) -> dict[Path, bytes]:
        """Every checkpoint on file, of all instances. Raises `OSError`."""
        if self._folder is None:
            return {}
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {path: path.read_bytes() for path in sorted(self._folder.glob(f"*{_ENDING}"))}

    def remember(self, signed: bytes) -> None:
        """Called before the checkpoint is given out; blocks for the disk.

        Raises `Transient` when a newer one was given out before, `OSError` when the disk refuses.
        """
        size = note.parse_checkpoint(note.parts(signed)[0]).size
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
                    write_synced(self._path, signed)
                self.size = size


def write_synced(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step that survives a power cut. Raises `OSError`."""
    draft = path.with_name(f"{path.name}.new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
