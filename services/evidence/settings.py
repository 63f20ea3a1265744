"""Settings of the evidence service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.settings import ServiceSettings


class EvidenceSettings(ServiceSettings):
    """What the evidence service reads beside the common settings."""

    signing_key: Path | None = None
    """Hallmark's own private key, PEM, readable by its owner alone: signs passages, approvals and checkpoints."""
    next_signing_key: Path | None = None
    """The key to hand over to, for `hallmark log rotate-key`; there may be no such file."""
    log_origin: str = "hallmark.local/log"
    """Name of the transparency log: the origin line of its checkpoints. Never changed once given out."""
    max_evidence_bytes: int = 64 * 1024 * 1024
    """The largest envelope that is taken, unpacked."""
    checkpoint_dir: Path | None = None
    """Folder on a disk of its own, where each instance keeps the newest checkpoint it gave out. None: not kept."""
    witness_quorum: Annotated[int, Field(ge=0, le=32)] = 0
    """How many witnesses should have cosigned a checkpoint; shown with it, and for readers to insist on."""
