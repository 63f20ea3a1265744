"""What a CDEvent means here: an artifact was published, an incident began or ended, or nothing of concern.

`customData.hallmark` carries what CDEvents has no word for: `project`, `application`, `version`, `digest`, `source`.
Source: cdevents/spec 0.5.1, `artifact.packaged`, `artifact.published`, `incident.*`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from packageurl import PackageURL
from pydantic import TypeAdapter, ValidationError

from contracts.vocabulary import ApplicationName, Artifact, Digest, ProjectName, SourceCommit, VersionName
from shared.errors import Invalid

_DIGEST: TypeAdapter[str] = TypeAdapter(Digest)


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


def named_in(custom_data: dict[str, Any]) -> Named:
    """What `customData.hallmark` says about where the event belongs."""
    own = _own(custom_data)
    return Named(own.get("project"), own.get("application"))


def meaning_of(event_type: str, subject_id: str, custom_data: dict[str, Any]) -> Meaning:
    """What an event says. Raises `Invalid` for one of concern that lacks what is needed."""
    own = _own(custom_data)
    subject, predicate = event_type.split(".")[2:4]
    match subject, predicate:
        case "artifact", "packaged" | "published":
            return _artifact(subject_id, own)
        case "incident", "detected" | "reported":
            return IncidentBegan(subject_id, own.get("version"))
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


def _artifact(purl: str, own: dict[str, Any]) -> ArtifactBuilt:
    package = package_of(purl)
    qualifiers: Any = PackageURL.from_string(purl).qualifiers
    digest = own.get("digest") or str(qualifiers.get("checksum", ""))
    try:
        artifact = Artifact(purl=purl, digest=_DIGEST.validate_python(digest))
        source = SourceCommit.model_validate(own["source"]) if own.get("source") else None
    except ValidationError as error:
        raise Invalid(
            "artifact_undigested",
            f"The event about {purl} names no SHA-256 digest.",
            remedy="Put it into customData.hallmark.digest, or into the purl as checksum=sha256:<hex>.",
        ) from error
    return ArtifactBuilt(artifact, package, source)


def _own(custom_data: dict[str, Any]) -> dict[str, Any]:
    found = custom_data.get("hallmark", {})
    return found if isinstance(found, dict) else {}
