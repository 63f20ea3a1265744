"""Settings of the evidence service."""

from __future__ import annotations

from pathlib import Path

from shared.settings import ServiceSettings


class EvidenceSettings(ServiceSettings):
    """What the evidence service reads beside the common settings."""

    signing_key: Path | None = None
    """Hallmark's own private key, PEM, readable by its owner alone: signs passages, approvals and checkpoints."""
    log_origin: str = "hallmark.local/log"
    """Name of the transparency log: the origin line of its checkpoints. Never changed once given out."""
    max_evidence_bytes: int = 64 * 1024 * 1024
    """The largest envelope that is taken, unpacked."""
