"""Trust roots: which keys and certified identities may vouch for what, in which role, and for how long.

- A root holds keys, or an authority (a Sigstore trusted root) and the identities that count among all those the
  authority certifies, or both. Keys beside an authority have their log entries checked by it.
- Trust comes from the operator alone; nothing in a piece of evidence ever adds to it.
- A root vouches only for the predicate types that it lists, letter by letter. `*` stands for all, written out.
- A root counts for evidence received from `valid_from` on and, when it was distrusted, not after
  `distrust_after`. The moment of receipt decides, since a signature cannot prove when it was made.
- A threshold asks for that many different signers of the same root. A bundle carries one signature only, so a root
  that holds no keys has no use for more than one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from contracts.vocabulary import Digest, ProjectName, TrustRootName
from shared.crypto import key_forms, keys
from shared.crypto.sigstore import authority as sigstore_authority
from shared.crypto.sigstore.authority import Authority
from shared.errors import Invalid
from shared.trust.identity import TrustedIdentity

ANY_PREDICATE_TYPE = "*"
OWN_ROOT = "hallmark"
"""Stands for Hallmark's own keys where signers name their root; no trust root has this name."""
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


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
    def from_text(cls, text: str) -> TrustedKey:
        """The key in `text`, in PEM, as a JWK or as base64 of its DER. Raises `Invalid` when it cannot be used."""
        if text.lstrip().startswith("-----BEGIN"):
            return cls(text, keys.key_id(_loaded(text)))
        public = key_forms.read_public(text)
        return cls(keys.public_pem(public), keys.key_id(public))

    @property
    def public(self) -> keys.PublicKey:
        """The key itself."""
        return _loaded(self.pem)


@dataclass(frozen=True)
class TrustRoot:
    """Keys and identities that an operator trusts for some predicate types, in one role.

    `project` is None for a root that all projects share; `authority` is the text of a trusted-root document. Raises
    `Invalid` when it could vouch for nothing, or for more than was meant.
    """

    name: TrustRootName
    project: ProjectName | None
    keys: tuple[TrustedKey, ...]
    predicate_types: tuple[str, ...]
    role: str
    valid_from: datetime
    distrust_after: datetime | None = None
    threshold: int = 1
    authority: str | None = None
    identities: tuple[TrustedIdentity, ...] = ()

    def __post_init__(self) -> None:
        if len({key.key_id for key in self.keys}) != len(self.keys):
            raise self._malformed("a key is listed twice")
        if self.identities and self.trusted_authority is None:
            raise self._malformed("its identities need an authority that certifies them")
        if not self.keys and not self.identities:
            raise self._malformed("it needs keys, or an authority and identities")
        if not self.predicate_types or not all(self.predicate_types):
            raise self._malformed("it needs predicate types; write * to mean all of them")
        if not self.role:
            raise self._malformed("it needs a role")
        if not 1 <= self.threshold <= max(len(self.keys), 1):
            raise self._malformed(f"its threshold must lie between 1 and {max(len(self.keys), 1)}")
        if self.valid_from.tzinfo is None or (self.distrust_after and self.distrust_after.tzinfo is None):
            raise self._malformed("its times need an offset from UTC")

    @property
    def trusted_authority(self) -> Authority | None:
        """The authority, read. Raises `Invalid` or `TooLarge` when its document cannot be used."""
        return sigstore_authority.read(self.authority) if self.authority is not None else None

    def vouches_for(self, predicate_type: str) -> bool:
        """Whether the root lists `predicate_type`."""
        return predicate_type in self.predicate_types or ANY_PREDICATE_TYPE in self.predicate_types

    def _malformed(self, problem: str) -> Invalid:
        return Invalid(
            "trust_root_malformed",
            f"Trust root {self.name} cannot be used: {problem}.",
            remedy="Correct the trust root and apply it again.",
        )


def applied(document: Mapping[str, Any]) -> TrustRoot:
    """The root in a document as it was applied, which is what the log pins; its times may be texts.

    Raises `Invalid` or `TooLarge` when it could vouch for nothing, or for more than was meant.
    """
    return TrustRoot(
        name=document["trust_root"],
        project=None if document.get("shared") else document["project"],
        keys=tuple(TrustedKey.from_text(text) for text in document["keys"]),
        predicate_types=tuple(document["predicate_types"]),
        role=document["role"],
        valid_from=_moment(document["valid_from"]) or _ALWAYS,
        distrust_after=_moment(document["distrust_after"]),
        threshold=document["threshold"],
        authority=document.get("authority"),
        identities=tuple(TrustedIdentity(**one) for one in document.get("identities", ())),
    )


def _moment(value: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


@lru_cache(maxsize=1024)
def _loaded(pem: str) -> keys.PublicKey:
    return key_forms.read_public(pem)
