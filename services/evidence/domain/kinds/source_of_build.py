"""The source repository and commit that a build declares, out of SLSA provenance.

- v0.2 declares it as `invocation.configSource`; v1 leaves it to the build type: as `source`, or as `repository` and
  `ref` under `workflow` or `buildConfigSource`. Where nothing is declared it is the only git repository among the
  dependencies.
- The commit is `gitCommit` or `sha1` of that resource, or of a dependency from the same repository.
- A repository named with two different commits has no source here: which one was built is not known.

Source: slsa-framework/slsa spec/build-provenance.md; the build types of GitHub Actions, Google Cloud Build and
slsa-github-generator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.evidence.domain.kinds.reading import Part

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LONGEST = 2000


class Resource(Part):
    """A resource descriptor of SLSA, as far as sources go."""

    uri: str | None = None
    digest: dict[str, Any] | None = None

    @property
    def commit(self) -> str | None:
        """The git commit it was fetched at."""
        for name in ("gitCommit", "sha1"):
            value = (self.digest or {}).get(name)
            if isinstance(value, str) and _COMMIT.fullmatch(value.lower()):
                return value.lower()
        return None


@dataclass(frozen=True)
class Source:
    """What was built."""

    repository: str
    commit: str
    ref: str | None


def declared(external_parameters: Mapping[str, Any]) -> Resource | None:
    """The source that the parameters of SLSA v1 name; None when their build type has no known place for it."""
    for name in ("workflow", "buildConfigSource"):
        found = external_parameters.get(name)
        if isinstance(found, Mapping) and isinstance(found.get("repository"), str):
            ref = found.get("ref")
            return Resource(uri=found["repository"] + (f"@{ref}" if isinstance(ref, str) and ref else ""))
    found = external_parameters.get("source")
    if isinstance(found, Mapping) and isinstance(found.get("uri"), str):
        digest = found.get("digest")
        return Resource(uri=found["uri"], digest=dict(digest) if isinstance(digest, Mapping) else None)
    return None


def source_of_build(stated: Resource | None, dependencies: Iterable[Resource]) -> Source | None:
    """The one source of a build; None when it is not known, or not one."""
    fetched = [found for found in dependencies if found.uri and found.commit]
    if stated is None or not stated.uri:
        repositories = {_split(found.uri or "")[0] for found in fetched}
        if len(repositories) != 1:
            return None
        stated = fetched[0]
    repository, ref = _split(stated.uri or "")
    same = [stated, *(found for found in fetched if _split(found.uri or "")[0] == repository)]
    commits = {found.commit for found in same if found.commit}
    refs = dict.fromkeys(name for name in (ref, *(_split(found.uri or "")[1] for found in same)) if name)
    if len(commits) != 1 or not repository:
        return None
    return Source(repository, commits.pop() or "", next(iter(refs), None))


def _split(uri: str) -> tuple[str, str | None]:
    """Repository and reference of `git+https://host/path@reference`; an `@` before the host belongs to a user."""
    plain = uri[:_LONGEST].removeprefix("git+")
    path_at = plain.find("/", plain.find("://") + 3) if "://" in plain else 0
    at = plain.find("@", max(path_at, 0))
    repository, ref = (plain[:at], plain[at + 1 :]) if at >= 0 else (plain, "")
    return repository.removesuffix("/").removesuffix(".git"), ref or None
