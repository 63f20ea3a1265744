"""Arguments that many commands share."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import typer

from shared.errors import Invalid

_PROJECT_AND_APPLICATION, _AND_VERSION = 2, 3


class VersionRef(NamedTuple):
    """One version, as people write it: `project/application/version`."""

    project: str
    application: str
    version: str

    @property
    def path(self) -> str:
        """Its place in the API."""
        return f"/projects/{self.project}/applications/{self.application}/versions/{self.version}"


def version_ref(text: str) -> VersionRef:
    """Read `project/application/version`. Raises `Invalid`."""
    parts = text.split("/")
    if len(parts) != _AND_VERSION or not all(parts):
        raise Invalid(
            "version_reference_malformed",
            f"{text!r} does not name a version.",
            remedy="Write project/application/version, such as shop/web/1.4.0.",
        )
    return VersionRef(*parts)


def application_ref(text: str) -> tuple[str, str]:
    """Read `project/application`. Raises `Invalid`."""
    parts = text.split("/")
    if len(parts) != _PROJECT_AND_APPLICATION or not all(parts):
        raise Invalid(
            "application_reference_malformed",
            f"{text!r} does not name an application.",
            remedy="Write project/application, such as shop/web.",
        )
    return parts[0], parts[1]


Version = Annotated[str, typer.Argument(help="project/application/version", metavar="VERSION")]
Project = Annotated[str, typer.Option("--project", "-p", help="The project.")]
