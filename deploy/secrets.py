"""Secrets of one installation, made once: who may speak for whom, what Hallmark signs with, the first administrator.

- `identity/<service>.key` proves a service to the others; `issuers/<service>.pem` is what they believe.
- `signing.key` signs gate passages, approvals and checkpoints; only the evidence service reads it.
- `next-signing.key` is put there by an operator who wants to hand over to it (`hallmark log rotate-key`).
- `admin-token` is the first administrator's; hand out narrower ones with `hallmark token create`.
Private files are readable by their owner alone. Nothing that exists is ever replaced.
"""

from __future__ import annotations

import secrets as random
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.crypto import keys

SERVICES = ("registry", "evidence", "gate", "promotion", "monitoring", "gateway")


@dataclass(frozen=True)
class Secrets:
    """Where the secrets of an installation are."""

    directory: Path

    @property
    def issuers(self) -> Path:
        """Folder of public keys."""
        return self.directory / "issuers"

    @property
    def signing_key(self) -> Path:
        """The evidence service's own key."""
        return self.directory / "signing.key"

    @property
    def next_signing_key(self) -> Path:
        """The key to hand over to, where an operator has put one."""
        return self.directory / "next-signing.key"

    @property
    def admin_token(self) -> Path:
        """The first administrator's token."""
        return self.directory / "admin-token"

    @property
    def link_shown(self) -> Path:
        """There once the first administrator was shown a link to sign in with."""
        return self.directory / "link-shown"

    def identity(self, service: str) -> Path:
        """A service's private key."""
        return self.directory / "identity" / f"{service}.key"


def create_secrets(directory: Path, services: Iterable[str] = SERVICES) -> Secrets:
    """Make what is missing. Raises `OSError` when the folder cannot be written."""
    made = Secrets(directory)
    for folder in (directory, made.issuers, directory / "identity"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for service in services:
        if not made.identity(service).exists():
            keys.save_private(keys.generate(), made.identity(service))
        public = keys.public_pem(keys.read_private(made.identity(service)).public_key())
        (made.issuers / f"{service}.pem").write_text(public)
    if not made.signing_key.exists():
        keys.save_private(keys.generate(), made.signing_key)
    if not made.admin_token.exists():
        made.admin_token.touch(mode=0o600)
        made.admin_token.write_text(f"hmk_{random.token_urlsafe(32)}\n")
    return made


if __name__ == "__main__":
    create_secrets(Path(sys.argv[1] if len(sys.argv) > 1 else ".hallmark/secrets"))
