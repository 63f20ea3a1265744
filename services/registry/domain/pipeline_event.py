"""What a CDEvent means here: an artifact was published, an incident began or ended, or nothing of concern.

- `customData.hallmark` carries what CDEvents has no word for: `project`, `application`, `version`, `digest`, `source`
  (a commit, with its author and committer if the pipeline knows them).
  It is read only in events of concern, and then every field must be well formed.
- An artifact needs a SHA-256 digest: there, or in the purl's `checksum` qualifier.
- An incident may name its application as `content.service.id`, written `project/application`.

Source: cdevents/spec 0.5.1, `artifact.packaged`, `artifact.published`, `incident.*`; purl-spec, qualifier `checksum`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from packageurl import PackageURL
from pydantic import ValidationError

from contracts.vocabulary import ApplicationName, Artifact, Digest, Frozen, ProjectName, SourceCommit, VersionName
from shared.errors import Invalid


class _Own(Frozen):
    """`customData.hallmark`."""

    project: ProjectName | None = None
    application: ApplicationName | None = None
    version: VersionName | None = None
    digest: Digest | None = None
    source: SourceCommit | None = None


class _Service(Frozen):
    """`content.service.id`, taken apart."""

    project: ProjectName
    application: ApplicationName


@dataclass(frozen=True)
class ArtifactBuilt:
    """A build is out. The application is found by the package, or was named."""

    artifact: Artifact
    package: str
    """The purl without version, qualifiers and subpath: what packages are bound by."""
    source: SourceCommit | None


@dataclass(frozen=True)
class IncidentBegan:
    """Something in production began to fail."""

    incident_id: str
    version: VersionName | None


@dataclass(frozen=True)
class IncidentEnded:
    """It works again."""

    incident_id: str


@dataclass(frozen=True)
class NothingOfConcern:
    """A well-formed event about something Hallmark does not keep."""


Meaning = ArtifactBuilt | IncidentBegan | IncidentEnded | NothingOfConcern


@dataclass(frozen=True)
class Named:
    """The project and application an event names itself; each may be missing."""

    project: ProjectName | None
    application: ApplicationName | None


def named_in(content: dict[str, Any], custom_data: dict[str, Any]) -> Named:
    """Where the event says that it belongs: in `customData.hallmark`, else by `content.service`. Raises `Invalid`."""
    own = _own(custom_data)
    if own.project or own.application:
        return Named(own.project, own.application)
    service = content.get("service")
    project, _, application = str(service.get("id", "") if isinstance(service, dict) else "").partition("/")
    try:
        named = _Service(project=project, application=application)
    except ValidationError:
        # Other tools have service ids of their own: theirs name nothing here.
        return Named(None, None)
    return Named(named.project, named.application)


def meaning_of(event_type: str, subject_id: str, custom_data: dict[str, Any]) -> Meaning:
    """What an event says. Raises `Invalid` for one of concern that lacks what is needed."""
    subject, predicate = event_type.split(".")[2:4]
    match subject, predicate:
        case "artifact", "packaged" | "published":
            return _artifact(subject_id, _own(custom_data))
        case "incident", "detected" | "reported":
            return IncidentBegan(subject_id, _own(custom_data).version)
        case "incident", "resolved":
            return IncidentEnded(subject_id)
        case _:
            return NothingOfConcern()


def package_of(purl: str) -> str:
    """A package URL reduced to its package, in canonical form. Raises `Invalid`."""
    try:
        parsed = PackageURL.from_string(purl)
    except ValueError as error:
        raise Invalid("purl_malformed", f"{purl} is no package URL: {error}.", remedy="See the purl spec.") from error
    return PackageURL(type=parsed.type, namespace=parsed.namespace, name=parsed.name).to_string()


def _artifact(purl: str, own: _Own) -> ArtifactBuilt:
    package = package_of(purl)
    try:
        artifact = Artifact(purl=purl, digest=own.digest or _checksum(purl))
    except ValidationError as error:
        raise Invalid(
            "artifact_undigested",
            f"The event about {purl} names no SHA-256 digest.",
            remedy="Put it into customData.hallmark.digest, or into the purl as checksum=sha256:<hex>.",
        ) from error
    return ArtifactBuilt(artifact, package, own.source)


def _checksum(purl: str) -> str:
    """The SHA-256 among a purl's checksums, which are separated by commas; empty when there is none."""
    qualifiers: Any = PackageURL.from_string(purl).qualifiers
    checksums = str(qualifiers.get("checksum", "")).split(",")
    return next((checksum for checksum in checksums if checksum.startswith("sha256:")), "")


def _own(custom_data: dict[str, Any]) -> _Own:
    try:
        return _Own.model_validate(custom_data.get("hallmark", {}))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(("customData", "hallmark", *map(str, first["loc"])))
        raise Invalid(
            "event_malformed", f"{where}: {first['msg']}.", remedy="Correct the field, or leave it out."
        ) from error
