"""The offline bundle: everything that somebody who trusts nobody here needs to check one version.

- Composed from answers of the other services only, so it holds nothing that the caller may not see.
- All or nothing: a part that is missing fails the whole export. A bundle with holes would look like a forged one.
- It holds only what can be checked, in its canonical form: each byte is bound to the log, to a signature or to a proof.
  So a promotion is in it as the fact that was logged, and one that is still open is not.
- All inclusion proofs are against one checkpoint, which lies in the bundle too.

The layout is in docs/architecture/verify.md; `services/cli/verifier/` reads it.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from typing import NamedTuple

from contracts.registry.v1.views import VersionView
from contracts.vocabulary import Digest, ProjectName
from shared.digests import JsonValue, canonical_json, sha256_digest
from shared.errors import TooLarge

FORMAT = "hallmark-bundle"
FORMAT_VERSION = 3
_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""What zip files say when they say nothing: the same content gives the same bytes."""


class Since(NamedTuple):
    """An earlier state of the log, which the bundle's own is proven to extend."""

    size: int
    root: Digest


@dataclass
class Bundle:
    """Files that are being gathered."""

    max_bytes: int
    project: ProjectName
    files: dict[str, bytes] = field(default_factory=dict)
    facts: dict[tuple[str, str], set[Digest]] = field(default_factory=dict)
    """Projects and ids under which the log has entries on what is in here, with the digests that those entries pin."""
    own: list[Digest] = field(default_factory=list)
    """Envelopes that Hallmark itself signed."""
    size: int = 0

    def add(self, path: str, content: bytes) -> None:
        """Take a file in. Raises `TooLarge` when the bundle gets larger than allowed."""
        if path in self.files:
            return
        self.size += len(content)
        if self.size > self.max_bytes:
            raise TooLarge(
                "bundle_too_large",
                f"The bundle would have more than {self.max_bytes} bytes.",
                remedy="Ask whoever runs this Hallmark to raise HALLMARK_MAX_BUNDLE_BYTES.",
            )
        self.files[path] = content

    def add_json(self, path: str, value: JsonValue) -> None:
        """Take a JSON document in, in its canonical form. Raises as `add`."""
        self.add(path, canonical_json(value))

    def add_named(self, folder: str, content: bytes, digest: Digest) -> None:
        """Take a file in that is named after its digest. Raises as `add`."""
        self.add(f"{folder}/{digest.removeprefix('sha256:')}.json", content)

    def note(self, about: str, pinned: Digest, project: str | None = None) -> None:
        """Remember a fact whose log entries belong in; it is this project's unless another one is named."""
        self.facts.setdefault((project or self.project, about), set()).add(pinned)

    def zipped(self, version: VersionView) -> bytes:
        """The bundle as a zip file, its table of contents first."""
        listed: list[JsonValue] = [
            {"path": path, "sha256": sha256_digest(content).removeprefix("sha256:")}
            for path, content in sorted(self.files.items())
        ]
        about = canonical_json(
            {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                "project": version.project,
                "application": version.application,
                "version": version.version,
                "version_digest": version.digest,
                "files": listed,
            }
        )
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in (("bundle.json", about), *sorted(self.files.items())):
                archive.writestr(zipfile.ZipInfo(path, _NO_TIME), content, zipfile.ZIP_DEFLATED)
        return written.getvalue()
