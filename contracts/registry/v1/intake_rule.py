"""What an application lets pipelines do by themselves. Each rule is off until somebody writes it down."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from contracts.vocabulary import Document

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""Shell-style: `*` stands for anything, `?` for one character, `[ab]` for one of them; case counts."""


class VersionsFrom(StrEnum):
    """Where the name of a version comes from when a pipeline publishes an artifact."""

    OFF = "off"
    """No version comes into being by itself."""
    NAMED = "named"
    """From `customData.hallmark.version`, which wins in the other cases, too."""
    FROM_PURL = "from_purl"
    """The version in the purl."""
    FROM_TAG = "from_tag"
    """The qualifier `tag` of the purl, as OCI images have it."""


class IntakeRule(Document):
    """How published artifacts become packages and versions of an application."""

    versions: VersionsFrom = VersionsFrom.OFF
    prefix: Annotated[str, StringConstraints(max_length=50)] = ""
    """Taken away from the front of the name where it is there, such as `v`."""
    bind: bool = False
    """Whether the first build of a package that `packages` matches makes the package part of the application."""
    packages: Annotated[tuple[Pattern, ...], Field(max_length=50)] = ()
    """Patterns of package URLs without version, in canonical form."""
    repository: Pattern | None = None
    """Builds count only when they name a source repository that this matches."""

    @model_validator(mode="after")
    def _binds_something(self) -> IntakeRule:
        if self.bind and not self.packages:
            raise ValueError("bind needs packages: patterns of the packages that may be bound")
        return self
