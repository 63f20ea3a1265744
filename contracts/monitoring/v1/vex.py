"""What was taken away from what stands against a release, because somebody who is believed says that it does not count.

Source: openvex/spec OPENVEX-SPEC.md 0.2.0; CycloneDX 1.6, vulnerability analysis.
"""

from __future__ import annotations

from typing import Literal

from contracts.vocabulary import Frozen, Purl, Severity, Text, Utc


class ExcusedCause(Frozen):
    """One flaw that would stand against a release, and why it does not."""

    advisory: str
    aliases: tuple[str, ...] = ()
    component: Purl
    severity: Severity
    summary: str = ""
    status: Literal["not_affected", "fixed"]
    justification: str | None = None
    """One word of OpenVEX; None where only the impact is described, and for what is fixed."""
    impact: Text = ""
    author: str
    """As the VEX document names it."""
    signers: tuple[str, ...] = ()
    """Who vouches for the document: trust root and role."""
    evidence_id: str
    said_at: Utc
    """When the statement was made."""
    since: Utc
    """Since when it does not count for this release."""
