"""Who may sign with a certificate, as trust roots name them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.vocabulary import Document

_Matched = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class TrustedIdentity(Document):
    """Somebody who may sign with a certificate: who vouched for them, what they are called, what else is certified."""

    issuer: _Matched
    """The OIDC issuer, exactly, such as `https://token.actions.githubusercontent.com`."""
    subject: _Matched
    """The certified name. `*` stands for anything without `/` and `@`; `**`, at the end only, for any rest."""
    claims: dict[Annotated[str, StringConstraints(max_length=60)], _Matched] = Field(default={}, max_length=15)
    """Claims that the certificate must make with exactly this value, such as `source_repository_identifier`."""
