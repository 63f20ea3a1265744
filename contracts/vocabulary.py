"""The words every part uses with one meaning: names, digests, enumerations, actors.

Names become tokens of NATS subjects, keys of MongoDB documents and path segments of URLs, so they are
restricted to characters that need no escaping in any of the three.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

_NAME = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"

ProjectName = Annotated[str, StringConstraints(pattern=_NAME)]
ApplicationName = Annotated[str, StringConstraints(pattern=_NAME)]
LifecycleName = Annotated[str, StringConstraints(pattern=_NAME)]
StageName = Annotated[str, StringConstraints(pattern=_NAME)]
PolicyName = Annotated[str, StringConstraints(pattern=_NAME)]
TrustRootName = Annotated[str, StringConstraints(pattern=_NAME)]
VersionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""`sha256:` and 64 lowercase hexadecimal digits."""
Purl = Annotated[str, StringConstraints(pattern=r"^pkg:[a-zA-Z][a-zA-Z0-9.+-]*/\S+$", max_length=1024)]
"""A package URL. Canonical form is the business of whoever parses it."""
MessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$")]
QueuePolicy = Literal["wait", "refuse"]
"""Whether a promotion waits for the one before it, or is refused."""
Text = Annotated[str, StringConstraints(max_length=4000)]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC this moment is before the year 1 or after 9999") from error


Utc = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A point in time; must name its offset when read, is always UTC afterwards."""


class Frozen(BaseModel):
    """A value: never changed after it was made. Unknown fields are ignored, so that newer writers can add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants")


class Document(BaseModel):
    """A value written by a person: unknown fields are refused, since a misspelt key would weaken what it says."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Criticality(StrEnum):
    """How much the business depends on an application."""

    UNSPECIFIED = "unspecified"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Maturity(StrEnum):
    """How far an application has come in its own life."""

    UNSPECIFIED = "unspecified"
    EXPERIMENTAL = "experimental"
    PRODUCTION = "production"
    END_OF_LIFE = "end_of_life"


class ReleaseStatus(StrEnum):
    """How far one version has come: only the release gate makes a trusted release."""

    PRE_RELEASE = "pre_release"
    RELEASED = "released"
    TRUSTED_RELEASE = "trusted_release"


class GateKind(StrEnum):
    """Where a gate stands: on the way into a stage, out of it, or before a release."""

    ENTRY = "entry"
    EXIT = "exit"
    RELEASE = "release"


class Mode(StrEnum):
    """What a failing rule does: stop the version, be shown, or be recorded only."""

    BLOCK = "block"
    WARN = "warn"
    SHADOW = "shadow"


class Outcome(StrEnum):
    """What a gate says. Only `allow` opens it."""

    ALLOW = "allow"
    DENY = "deny"
    PENDING = "pending"
    """Something required has not arrived and may still arrive."""
    ERROR = "error"
    """It could not be judged."""


class Trust(StrEnum):
    """Whether a release may still be relied on."""

    NONE = "none"
    TRUSTED = "trusted"
    AT_RISK = "at_risk"
    REVOKED = "revoked"


class PromotionKind(StrEnum):
    """What a promotion does to a version."""

    PROMOTE = "promote"
    RELEASE = "release"
    ROLLBACK = "rollback"
    """Bring an earlier good one back."""
    DEMOTE = "demote"
    """Take it back to an earlier stage."""
    RECERTIFY = "recertify"
    """Judge it anew where it stands."""


class PromotionState(StrEnum):
    """Where a promotion stands; the last five are final."""

    REQUESTED = "requested"
    CHECKING = "checking"
    AWAITING_APPROVAL = "awaiting_approval"
    APPLYING = "applying"
    COMPENSATING = "compensating"
    """It cannot end well any more, and what it has already said is being taken back."""
    COMPLETED = "completed"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"


class ActorKind(StrEnum):
    """What kind of party acts."""

    HUMAN = "human"
    PIPELINE = "pipeline"
    SERVICE = "service"
    AGENT = "agent"


class Role(StrEnum):
    """What an actor may do in a project. `admin` may do everything but approve its own request."""

    VIEWER = "viewer"
    CONTRIBUTOR = "contributor"
    APPROVER = "approver"
    RELEASE_MANAGER = "release_manager"
    SECURITY = "security"
    ADMIN = "admin"


class Severity(StrEnum):
    """How bad a vulnerability is, in the words of CVSS ratings."""

    UNKNOWN = "unknown"
    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Doubt(StrEnum):
    """Why nobody can say whether a component is affected by a vulnerability."""

    PURL_MALFORMED = "purl_malformed"
    VERSION_MISSING = "version_missing"
    VERSION_UNREADABLE = "version_unreadable"
    """The component's version, or one in the advisory, is no version of its ecosystem."""
    ECOSYSTEM_UNSUPPORTED = "ecosystem_unsupported"
    VERSIONS_UNSTATED = "versions_unstated"
    """The advisory names commits only, or nothing at all."""


class Actor(Frozen):
    """Who did something: a proven subject, never a name out of a body."""

    subject: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    kind: ActorKind


class Artifact(Frozen):
    """One built thing: what it is called and the bytes it is."""

    purl: Purl
    digest: Digest


class SourceCommit(Frozen):
    """The commit a version was built from."""

    repository: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,64}$")]
    committed_at: Utc | None = None
    branch: Annotated[str, StringConstraints(max_length=200)] | None = None
    author: Annotated[str, StringConstraints(max_length=200)] | None = None
    """Who wrote it, as a subject that signs in here; whoever registers the version says so."""
    committer: Annotated[str, StringConstraints(max_length=200)] | None = None
    """Who put it onto the branch."""


def utc(moment: datetime) -> str:
    """The one textual form of a time: RFC 3339 in UTC with `Z`, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
