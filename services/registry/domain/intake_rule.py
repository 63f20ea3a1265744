"""What an application lets pipelines do by themselves.

- Nothing that is not written down: without a rule no package is bound and no version comes into being.
- A version's name is what the event names, else what the rule takes from the purl; nothing is made up. What has no
  name, or none that a version can have, is refused: the rule promises a version for every build.
- Where the rule names a repository, builds that do not name one that matches count for nothing.
- Patterns are shell-style, and case counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from pydantic import TypeAdapter, ValidationError

from contracts.vocabulary import VersionName
from services.registry.domain.meanings import ArtifactBuilt
from services.registry.domain.purls import tag_in, version_in
from shared.errors import Forbidden, Invalid

_NAME: TypeAdapter[str] = TypeAdapter(VersionName)


@dataclass(frozen=True)
class Rule:
    """As the contract says it (`contracts/registry/v1/intake_rule.py`)."""

    versions: str = "off"
    prefix: str = ""
    bind: bool = False
    packages: tuple[str, ...] = ()
    repository: str | None = None

    @property
    def makes_versions(self) -> bool:
        """Whether a published artifact of a bound package becomes part of a version."""
        return self.versions != "off"

    def is_from(self, repository: str | None) -> bool:
        """Whether the rule is about builds and changes of this repository."""
        return self.repository is None or (repository is not None and fnmatchcase(repository, self.repository))

    def owns(self, repository: str) -> bool:
        """Whether the application claims this repository as its own."""
        return self.repository is not None and fnmatchcase(repository, self.repository)

    def matches(self, package: str) -> bool:
        """Whether `packages` names this one."""
        return any(fnmatchcase(package, pattern) for pattern in self.packages)

    def binds(self, built: ArtifactBuilt) -> bool:
        """Whether the first build of its package makes the package part of the application."""
        return self.bind and self.matches(built.package) and self.is_from(_repository(built))


def version_made_by(rule: Rule, built: ArtifactBuilt) -> VersionName | None:
    """The version that a build of a bound package belongs to; None when the rule makes none of it.

    Raises `Forbidden` for a build from elsewhere, `Invalid` for one that names no version.
    """
    if not (rule.makes_versions and built.published):
        return None
    if not rule.is_from(_repository(built)):
        raise Forbidden(
            "artifact_from_elsewhere",
            f"{built.artifact.purl} was built from {_repository(built) or 'an unnamed repository'}, and versions "
            f"come from {rule.repository} only.",
            remedy="Name the repository in customData.hallmark.source, or change the application's intake rule.",
        )
    name = built.version or _from_purl(rule, built.artifact.purl)
    try:
        return _NAME.validate_python(name)
    except ValidationError as error:
        raise Invalid(
            "version_unnamed",
            f"{built.artifact.purl} names no version as the rule `{rule.versions}` wants it ({name or 'none'}).",
            remedy="Name the version in customData.hallmark.version, or change the application's intake rule.",
        ) from error


def _from_purl(rule: Rule, purl: str) -> str:
    found = {"from_purl": version_in, "from_tag": tag_in}.get(rule.versions)
    return ((found(purl) if found else None) or "").removeprefix(rule.prefix)


def _repository(built: ArtifactBuilt) -> str | None:
    return built.source.repository if built.source else None
