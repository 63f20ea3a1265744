"""Where the local stack keeps its things, all readable by their owner alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The folder of one stack, usually `.hallmark/`."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> DataDirectory:
        """The folder at `root`, made with its subfolders where missing."""
        directory = cls(root.expanduser().resolve())
        for path in (directory.root, directory.secrets, directory.logs, directory.nats, directory.mongo):
            path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        return directory

    @property
    def secrets(self) -> Path:
        """Credentials, and configuration that contains them."""
        return self.root / "secrets"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def nats(self) -> Path:
        """The JetStream store."""
        return self.root / "nats"

    @property
    def mongo(self) -> Path:
        """The MongoDB database files."""
        return self.root / "mongo"

    @property
    def state(self) -> Path:
        """What runs, for people and programs."""
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        """Held while anything of the stack runs."""
        return self.root / "lock"

    def log(self, name: str) -> Path:
        """The log file of the process `name`."""
        return self.logs / f"{name}.log"


def write_private(path: Path, text: str) -> None:
    """Put `text` at `path` in one step, readable by its owner alone: readers see the old text or the new one."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
