"""A download on disk: what has arrived of it, and of which edition of the source it is a part.

- `<name>.part` grows; `<name>.json` beside it says of what. A process that takes over finds both and asks for the rest.
- Only the whole of it becomes `<name>.whole`.
- The folder belongs to one process at a time: whoever holds the lease.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from contracts.vocabulary import Digest


@dataclass(frozen=True, slots=True)
class Edition:
    """What an answer says of the edition that it brings."""

    etag: str = ""
    last_modified: str = ""

    @property
    def if_range(self) -> str:
        """With what to ask for the rest of exactly this edition; empty when that cannot be asked (RFC 9110 13.1.5)."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    @property
    def conditions(self) -> dict[str, str]:
        """With what to ask for any other edition."""
        if self.etag:
            return {"if-none-match": self.etag}
        return {"if-modified-since": self.last_modified} if self.last_modified else {}


class Spool:
    """The files of one source."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        # Names hold slashes, and some file systems do not tell capitals apart.
        key = hashlib.sha256(name.encode()).hexdigest()[:32]
        self._part = folder / f"{key}.part"
        self._note = folder / f"{key}.json"
        self.whole = folder / f"{key}.whole"

    def begun(self) -> tuple[int, Edition]:
        """How many bytes have arrived, and of which edition; 0 when their rest cannot be asked for."""
        try:
            edition = Edition(**json.loads(self._note.read_text(encoding="utf-8")))
            size = self._part.stat().st_size
        except (OSError, ValueError, TypeError):
            return 0, Edition()
        return (size, edition) if edition.if_range else (0, Edition())

    def begin(self, edition: Edition) -> None:
        """Begin anew."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._part.write_bytes(b"")
        self._note.write_text(json.dumps(asdict(edition)), encoding="utf-8")

    def append(self, content: bytes) -> None:
        """Keep what arrived."""
        with self._part.open("ab") as file:
            file.write(content)

    def complete(self) -> Digest:
        """All of it has arrived; its digest, by which a process that takes over knows it again."""
        self._part.replace(self.whole)
        self._note.unlink(missing_ok=True)
        return self.digest() or ""

    def digest(self) -> Digest | None:
        """Of the whole; None when it is not there."""
        try:
            with self.whole.open("rb") as file:
                return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        except OSError:
            return None

    def clear(self) -> None:
        """Forget everything."""
        for file in (self._part, self._note, self.whole):
            file.unlink(missing_ok=True)
