"""Arguments that many commands share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, NamedTuple

import typer

from shared.errors import Invalid
from shared.policy.duration import parse_duration, parse_moment

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


def rule_ref(text: str) -> tuple[str, str]:
    """Read `policy/rule`. Raises `Invalid`."""
    policy, _, rule = text.partition("/")
    if not policy or not rule or "/" in rule:
        raise Invalid(
            "rule_reference_malformed",
            f"{text!r} does not name a rule.",
            remedy="Write policy/rule, such as prod-entry/no-criticals.",
        )
    return policy, rule


def later(text: str, now: datetime) -> datetime:
    """Read a length of time from now, such as `14d`, or a moment as policies name one. Raises `Invalid`."""
    return _moment(text, now, 1)


def earlier(text: str, now: datetime) -> datetime:
    """Read a length of time until now, such as `90d`, or a moment as policies name one. Raises `Invalid`."""
    return _moment(text, now, -1)


def _moment(text: str, now: datetime, direction: int) -> datetime:
    try:
        return now + direction * parse_duration(text)
    except ValueError:
        pass
    try:
        return parse_moment(text)
    except ValueError as error:
        raise Invalid(
            "moment_malformed",
            f"{text!r} is neither a length of time nor a moment.",
            remedy="Write 90m, 12h, 14d, a date such as 2027-01-31 (from midnight UTC), or a time with its offset.",
        ) from error


Version = Annotated[str, typer.Argument(help="project/application/version", metavar="VERSION")]
Project = Annotated[str, typer.Option("--project", "-p", help="The project.")]
