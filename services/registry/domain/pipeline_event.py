"""Reads what a CDEvent means here.

- `customData.hallmark` carries what CDEvents has no word for: `project`, `application`, `version`, `digest`, `source`
  (a commit, with its author and committer if the pipeline knows them).
  It is read only in events of concern, and then every field must be well formed.
- An artifact needs a SHA-256 digest: there, in the purl's `checksum` qualifier, or as the version of an image's purl.
- A service may name its application by its id, written `project/application`; so may an incident, by that of its
  service. Ids of other forms belong to other tools and name nothing here.
- Only the subject and predicate of a type count, not its version: what is read stands in all of them from 0.1 on.
- A time may be as old as it likes; one from the future is refused, since nothing later could ever correct it.

Source: cdevents/spec 0.5.1 and 0.6-draft, spec.md, schemas; `testsuiterun.finished` said pass and fail before 0.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from contracts.vocabulary import ApplicationName, Artifact, Digest, Frozen, ProjectName, SourceCommit, VersionName, utc
from services.registry.domain.meanings import (
    ArtifactBuilt,
    IncidentBegan,
    IncidentEnded,
    Meaning,
    NothingOfConcern,
    ServiceChanged,
    SourceMerged,
    TestsRan,
)
from services.registry.domain.purls import digest_in, package_of
from shared.errors import Invalid

AHEAD = timedelta(minutes=10)
"""How far the clock of another system may be ahead of ours."""
_TYPE = re.compile(r"^dev\.cdevents\.([a-z]+)\.([a-z]+)\.\d+\.\d+\.\d+(?:-[\w.]+)?$")
_OUTCOMES = {"pass": "success", "fail": "failure"} | {word: word for word in ("success", "failure", "cancel", "error")}


class _Own(Frozen):
    """`customData.hallmark`."""

    project: ProjectName | None = None
    application: ApplicationName | None = None
    version: VersionName | None = None
    digest: Digest | None = None
    source: SourceCommit | None = None


class _Service(Frozen):
    """The id of a service, taken apart."""

    project: ProjectName
    application: ApplicationName


@dataclass(frozen=True)
class Named:
    """The project and application an event names itself; each may be missing."""

    project: ProjectName | None
    application: ApplicationName | None


def named_in(event_type: str, subject_id: str, content: dict[str, Any], custom_data: dict[str, Any]) -> Named:
    """Where the event says that it belongs: in `customData.hallmark`, else by its service. Raises `Invalid`."""
    own = _own(custom_data)
    if own.project or own.application:
        return Named(own.project, own.application)
    is_service = _words(event_type)[0] == "service"
    project, _, application = (subject_id if is_service else _id_of(content, "service") or "").partition("/")
    try:
        named = _Service(project=project, application=application)
    except ValidationError:
        # Other tools have service ids of their own: theirs name nothing here.
        return Named(None, None)
    return Named(named.project, named.application)


def meaning_of(event_type: str, subject_id: str, content: dict[str, Any], custom_data: dict[str, Any]) -> Meaning:
    """What an event says. Raises `Invalid` for one of concern that lacks what is needed."""
    match _words(event_type):
        case "artifact", "packaged" | "published" as predicate:
            return _artifact(subject_id, _own(custom_data), published=predicate == "published")
        case "incident", "detected" | "reported" | "resolved" as predicate:
            return _incident(predicate, subject_id, content, _own(custom_data))
        case "service", "deployed" | "upgraded" | "rolledback" | "removed" as change:
            return _service(change, subject_id, content, _own(custom_data))
        case "testsuiterun", "finished":
            return _tests(subject_id, content, _own(custom_data))
        case "change", "merged":
            return _merged(subject_id, content, _own(custom_data))
        case _:
            return NothingOfConcern()


def check_time(at: datetime, now: datetime) -> None:
    """Raises `Invalid` for a time that has not come yet."""
    if at > now + AHEAD:
        raise Invalid(
            "event_from_future",
            f"The event says that it happened at {utc(at)}, and it is {utc(now)}.",
            remedy="Set the clock of the system that sends it.",
        )


def _words(event_type: str) -> tuple[str, str]:
    """Subject and predicate; empty for types that are not of the CDEvents specification."""
    found = _TYPE.match(event_type)
    return (found[1], found[2]) if found else ("", "")


def _artifact(purl: str, own: _Own, *, published: bool) -> ArtifactBuilt:
    package = package_of(purl)
    try:
        artifact = Artifact(purl=purl, digest=own.digest or digest_in(purl))
    except ValidationError as error:
        raise Invalid(
            "artifact_undigested",
            f"The event about {purl} names no SHA-256 digest.",
            remedy="Put it into customData.hallmark.digest, or into the purl as checksum=sha256:<hex>.",
        ) from error
    return ArtifactBuilt(artifact, package, own.source, own.version, published)


def _incident(predicate: str, incident_id: str, content: dict[str, Any], own: _Own) -> IncidentBegan | IncidentEnded:
    package = _package(content)
    return (
        IncidentEnded(incident_id, package)
        if predicate == "resolved"
        else IncidentBegan(incident_id, own.version, package)
    )


def _service(change: str, service: str, content: dict[str, Any], own: _Own) -> ServiceChanged:
    environment = _id_of(content, "environment")
    if environment is None:
        raise _lacking("environment.id", "the environment")
    purl = None if change == "removed" else _text(content.get("artifactId"))
    digest = own.digest or (digest_in(purl) if purl else "") or None
    return ServiceChanged(change, service, environment, purl, package_of(purl) if purl else None, digest, own.version)


def _tests(run_id: str, content: dict[str, Any], own: _Own) -> TestsRan:
    outcome = _OUTCOMES.get(str(content.get("outcome")))
    if outcome is None:
        raise _lacking("outcome", "how the tests ended: success, failure, cancel or error")
    suite = content.get("testSuite")
    name = _text(suite.get("name")) or _text(suite.get("id")) if isinstance(suite, dict) else None
    return TestsRan(run_id, name, outcome, _id_of(content, "environment"), own.version, own.digest)


def _merged(change_id: str, content: dict[str, Any], own: _Own) -> SourceMerged:
    repository = own.source.repository if own.source else _id_of(content, "repository")
    if repository is None:
        raise _lacking("repository.id", "the repository")
    return SourceMerged(change_id, repository, own.source.commit if own.source else None)


def _package(content: dict[str, Any]) -> str | None:
    """The package that an incident is about, when it names one: it may be found otherwise."""
    try:
        return package_of(str(content.get("artifactId", "")))
    except Invalid:
        return None


def _id_of(content: dict[str, Any], what: str) -> str | None:
    """`content.<what>.id`; None unless it is text."""
    found = content.get(what)
    return _text(found.get("id")) if isinstance(found, dict) else None


def _text(value: Any) -> str | None:
    return value[:1024] if isinstance(value, str) and value else None


def _lacking(field: str, what: str) -> Invalid:
    where = f"subject.content.{field}"
    return Invalid("event_incomplete", f"{where} does not say {what}.", remedy=f"Send {where} along.")


def _own(custom_data: dict[str, Any]) -> _Own:
    try:
        return _Own.model_validate(custom_data.get("hallmark", {}))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(("customData", "hallmark", *map(str, first["loc"])))
        raise Invalid(
            "event_malformed", f"{where}: {first['msg']}.", remedy="Correct the field, or leave it out."
        ) from error
