"""The components of a bill of materials: canonical package URLs, each once, with all licences that were named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from packageurl import PackageURL

from contracts.facts import Component

_MAX_PURL = 1024
_CONTRACT_FORM = re.compile(r"pkg:[a-zA-Z][a-zA-Z0-9.+-]*/\S+")


def canonical_purl(text: str) -> str | None:
    """The canonical form of a package URL, or None when `text` is none that Hallmark can carry."""
    try:
        canonical = PackageURL.from_string(text).to_string()
    except ValueError:
        return None
    if len(canonical) > _MAX_PURL or not _CONTRACT_FORM.fullmatch(canonical):
        return None
    return canonical


@dataclass
class Inventory:
    """Collects components while a document is walked."""

    unidentified: int = 0
    _licenses: dict[str, set[str]] = field(default_factory=dict)

    def add(self, purls: Iterable[str], licenses: Iterable[str]) -> None:
        """Count one component under each of its valid `purls`, or as unidentified when it has none."""
        named = [purl for purl in map(canonical_purl, purls) if purl is not None]
        stated = list(licenses)
        for purl in named:
            self._licenses.setdefault(purl, set()).update(stated)
        self.unidentified += not named

    def components(self) -> Sequence[Component]:
        """The distinct components, sorted by package URL; their licences sorted too."""
        return [
            Component(purl=purl, licenses=tuple(sorted(licenses))) for purl, licenses in sorted(self._licenses.items())
        ]
