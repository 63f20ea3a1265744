"""The succession of Hallmark's own keys, and which of them this process must hold.

- One key is in force. A handover is begun first, and takes effect with the checkpoint that covers its log entry.
- A process must hold the key in force, and the coming one while a handover is under way. Any other arrangement is
  refused: a process with a foreign key would sign what no reader believes.
- A key is used once: what was replaced never comes back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shared.crypto.log_keys import KeySpan, handover_digest
from shared.crypto.note_keys import parse_key
from shared.errors import Conflict, Invalid


@dataclass(frozen=True)
class SigningKey:
    """One key of the succession, as it is kept."""

    number: int
    verifier_key: str
    pem: str
    since: int | None
    """The first tree size it signs; None while the handover to it is under way."""
    until: int | None = None


@dataclass(frozen=True)
class Succession:
    """All keys, the oldest first; at least one."""

    origin: str
    keys: tuple[SigningKey, ...]

    @property
    def in_force(self) -> SigningKey:
        """The key that signs now."""
        return next(key for key in reversed(self.keys) if key.since is not None)

    @property
    def coming(self) -> SigningKey | None:
        """The key that a handover is under way to."""
        last = self.keys[-1]
        return last if last.since is None else None

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """The keys that are or were in force, the oldest first."""
        return tuple(key for key in self.keys if key.since is not None)

    def spans(self) -> tuple[KeySpan, ...]:
        """Which key signs which sizes."""
        return tuple(KeySpan(parse_key(key.verifier_key), key.since or 0, key.until) for key in self.published)

    def signing(self, size: int) -> tuple[str, ...]:
        """The verifier keys that sign the checkpoint of that size, the newest first."""
        return tuple(str(span.key) for span in reversed(self.spans()) if span.covers(size))

    def digest_of(self, key: SigningKey) -> str:
        """The digest of the log entry about the handover to `key`, which is not the first one."""
        return handover_digest(self.origin, self.keys[key.number - 1].verifier_key, key.verifier_key)

    def require_held(self, held: Collection[str]) -> None:
        """Raises `Conflict` unless the process, which holds these verifier keys, can sign what may come up."""
        for key, why in ((self.in_force, "is in force"), (self.coming, "is about to come into force")):
            if key and key.verifier_key not in held:
                raise Conflict(
                    "signing_key_not_held",
                    f"The log's key {key.verifier_key} {why}, and this process does not hold it.",
                    remedy="Point HALLMARK_SIGNING_KEY, or HALLMARK_NEXT_SIGNING_KEY, at its private half.",
                )

    def successor(self, held: tuple[str, ...]) -> str:
        """The verifier key to hand over to: the one held beside the key in force.

        Raises `Conflict` while a handover is under way, `Invalid` when there is none or it was used before.
        """
        if self.coming:
            raise Conflict(
                "rotation_under_way",
                f"The handover to {self.coming.verifier_key} is not finished.",
                remedy="Wait for the log's next checkpoint.",
            )
        found = [key for key in held if key != self.in_force.verifier_key]
        if not found:
            raise Invalid(
                "next_signing_key_missing",
                "There is no key to hand over to.",
                remedy="Put a new key where HALLMARK_NEXT_SIGNING_KEY points, restart every instance, and ask again.",
            )
        if found[0] in {key.verifier_key for key in self.keys}:
            raise Invalid(
                "next_signing_key_used",
                f"{found[0]} has been in force before.",
                remedy="Make a new key with `hallmark key generate`; replaced keys never come back.",
            )
        return found[0]
