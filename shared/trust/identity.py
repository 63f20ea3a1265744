"""Identities in certificates: whom an operator believes.

- The issuer must be equal, letter by letter. The subject is exact or a pattern. Every claim that is asked for must be
  in the certificate with that value.
- `*` in a pattern stands for any run of characters without `/` and `@`, so that it never leaves its part of a URL or
  of an address. `**`, at the end only, stands for any rest.
- A subject that fits everybody needs a claim beside it.
- GitHub writes `OWNER/REPO` and, newer, `OWNER@ID/REPO@ID`. A pattern without ids fits both forms; one with ids asks
  for those ids, which survive renaming.

Source: docs.github.com, OpenID Connect reference; sigstore/fulcio docs/oid-info.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.crypto.sigstore.certificate import CLAIMS, Holder
from shared.errors import Invalid
from shared.patterns import fits

MAX_CHARACTERS = 500
_SEPARATORS = "/@"
_GITHUB_IDS = re.compile(r"^(https://[^/@]+/|repo:)([^/@]+)@[0-9]+/([^/@:]+)@[0-9]+(?=[/:])")


@dataclass(frozen=True)
class TrustedIdentity:
    """Who may sign with a certificate. Raises `Invalid` when it would fit everybody, or can fit nobody."""

    issuer: str
    subject: str
    claims: Mapping[str, str]

    def __post_init__(self) -> None:
        if not self.issuer or not self.subject or max(len(self.issuer), len(self.subject)) > MAX_CHARACTERS:
            raise _malformed(f"needs an issuer and a subject of at most {MAX_CHARACTERS} characters")
        if "**" in self.subject.removesuffix("**") or self.subject.endswith("***"):
            raise _malformed("may write ** at its end only")
        if not self.claims and not re.search(r"[A-Za-z0-9]", re.sub(r"^[a-z]+:(//)?", "", self.subject)):
            raise _malformed("fits everybody; ask for a claim, too")
        unknown = sorted(set(self.claims) - set(CLAIMS.values()))
        if unknown:
            raise _malformed(f"asks for the claim {unknown[0]!r}, which no certificate makes")

    def admits(self, holder: Holder) -> bool:
        """Whether `holder` is meant."""
        return (
            holder.issuer == self.issuer
            and all(holder.claims.get(name) == value for name, value in self.claims.items())
            and any(fits(self.subject, form, _SEPARATORS) for form in (holder.identity, _without_ids(holder.identity)))
        )


def _without_ids(identity: str) -> str:
    return _GITHUB_IDS.sub(r"\1\2/\3", identity)


def _malformed(problem: str) -> Invalid:
    return Invalid(
        "trust_root_malformed",
        f"A trusted identity {problem}.",
        remedy="Correct the identity and apply the trust root again.",
    )
