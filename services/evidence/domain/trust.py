"""Trust roots: which keys may vouch for what, in which role, and for how long.

- Trust comes from the operator alone; nothing in a piece of evidence ever adds to it.
- A root vouches only for the predicate types that it lists, letter by letter. `*` stands for all, written out.
- A root counts for evidence received from `valid_from` on and, when it was distrusted, not after
  `distrust_after`. The moment of receipt decides, since a signature cannot prove when it was made.
- A threshold asks for that many different keys of the same root.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from contracts.vocabulary import Digest, ProjectName, TrustRootName
from shared.crypto import keys
from shared.errors import Invalid

ANY_PREDICATE_TYPE = "*"


@dataclass(frozen=True)
class TrustedKey:
    """One public key of a root. Raises `Invalid` when the PEM is no usable key, or not the one it is named as."""

    pem: str
    key_id: Digest

    def __post_init__(self) -> None:
        if keys.key_id(self.public) != self.key_id:
            raise Invalid(
                "trust_root_key_mismatch",
                f"The key stored as {self.key_id} is another key.",
                remedy="Apply the trust root again.",
            )

    @classmethod
    def from_pem(cls, pem: str) -> TrustedKey:
        """The key in `pem` under its own name. Raises `Invalid` when it cannot be used."""
        return cls(pem, keys.key_id(_loaded(pem)))

    @property
    def public(self) -> keys.PublicKey:
        """The key itself."""
        return _loaded(self.pem)


@dataclass(frozen=True)
class TrustRoot:
    """Keys that an operator trusts for some predicate types, in one role.

    `project` is None for a root that all projects share. Raises `Invalid` when it could vouch for nothing, or for
    more than was meant.
    """

    name: TrustRootName
    project: ProjectName | None
    keys: tuple[TrustedKey, ...]
    predicate_types: tuple[str, ...]
    role: str
    valid_from: datetime
    distrust_after: datetime | None = None
    threshold: int = 1

    def __post_init__(self) -> None:
        if not self.keys or len({key.key_id for key in self.keys}) != len(self.keys):
            raise self._malformed("it needs keys, each listed once")
        if not self.predicate_types or not all(self.predicate_types):
            raise self._malformed("it needs predicate types; write * to mean all of them")
        if not self.role:
            raise self._malformed("it needs a role")
        if not 1 <= self.threshold <= len(self.keys):
            raise self._malformed(f"its threshold must lie between 1 and {len(self.keys)}")
        if self.valid_from.tzinfo is None or (self.distrust_after and self.distrust_after.tzinfo is None):
            raise self._malformed("its times need an offset from UTC")

    def vouches_for(self, predicate_type: str) -> bool:
        """Whether the root lists `predicate_type`."""
        return predicate_type in self.predicate_types or ANY_PREDICATE_TYPE in self.predicate_types

    def _malformed(self, problem: str) -> Invalid:
        return Invalid(
            "trust_root_malformed",
            f"Trust root {self.name} cannot be used: {problem}.",
            remedy="Correct the trust root and apply it again.",
        )


@lru_cache(maxsize=1024)
def _loaded(pem: str) -> keys.PublicKey:
    return keys.load_public(pem)
