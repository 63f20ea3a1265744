"""The components of a bill of materials: canonical package URLs, each once, with all that was said about them.

- A component listed twice under one package URL is one component with the licences, digests and edges of both; the
  first version that was stated stays.
- Edges are stated between references of the document and kept between package URLs. A reference that no component
  bears is taken for a package URL when a component is listed with it, and is dropped otherwise: it lies outside.
- More than the limits below is unreadable as a whole. Only a licence's free text is cut, and marked with an ellipsis.
- Licences of components without a package URL count too (`licenses`): leaving out a name must not hide a licence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from packageurl import PackageURL

from contracts.facts import Component, SbomFacts
from services.evidence.domain.kinds.licenses import Licenses
from services.evidence.domain.kinds.reading import Reading, UnreadableError

MAX_LISTED_COMPONENTS = 100_000
MAX_STATED_EDGES = 1_000_000
MAX_DEPENDS_ON = 10_000
"""Edges of one component: each is stored in one document, which a database bounds."""
MAX_LICENSES = 1_000
MAX_STATED_LICENSES = 1_000_000
MAX_LICENSE = 1_000
MAX_VERSION = 1_024
MAX_DOCUMENT_ID = 1_024
_MAX_PURL = 1024
_MAX_ESCAPED_PURL = 3 * _MAX_PURL
_CONTRACT_FORM = re.compile(r"pkg:[a-zA-Z][a-zA-Z0-9.+-]*/\S+")
_HEX_LENGTHS = {
    "adler32": 8,
    "md2": 32,
    "md4": 32,
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "sha3-224": 56,
    "sha3-256": 64,
    "sha3-384": 96,
    "sha3-512": 128,
    "blake2b-256": 64,
    "blake2b-384": 96,
    "blake2b-512": 128,
    "blake3": 64,
    "streebog-256": 64,
    "streebog-512": 128,
}
_ALGORITHMS = {name.replace("-", ""): name for name in _HEX_LENGTHS}
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)


def canonical_purl(text: str) -> str | None:
    """The canonical form of a package URL, or None when `text` is none that Hallmark can carry."""
    if len(text) > _MAX_ESCAPED_PURL:
        return None
    try:
        canonical = PackageURL.from_string(text).to_string()
    except ValueError:
        return None
    if len(canonical) > _MAX_PURL or not _CONTRACT_FORM.fullmatch(canonical):
        return None
    return canonical


def digest(algorithm: str, content: str) -> str | None:
    """`<algorithm>:<hex>` in lower case; None when the content is no such digest or the algorithm is not known."""
    name = _ALGORITHMS.get(algorithm.lower().replace("-", "").replace("_", ""))
    found = content.strip().lower()
    return f"{name}:{found}" if name and len(found) == _HEX_LENGTHS[name] and _HEX.fullmatch(found) else None


@dataclass
class _Listed:
    version: str = ""
    licenses: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)
    depends_on: set[str] = field(default_factory=set)


@dataclass
class Inventory:
    """Collects components and edges while a document is walked. Its methods raise `UnreadableError` at a limit."""

    listed: int = 0
    """Components as the document lists them."""
    unidentified: int = 0
    """Those without a valid package URL."""
    stated_edges: int = 0
    _found: dict[str, _Listed] = field(default_factory=dict)
    _stated_licenses: int = 0
    _licenses: Licenses = field(default_factory=Licenses)
    _by_reference: dict[str, str] = field(default_factory=dict)
    _by_purl: dict[str, str] = field(default_factory=dict)
    """Package URLs as they were written, with their canonical form."""
    _edges: dict[str, list[str]] = field(default_factory=dict)

    def add(
        self,
        purls: Iterable[str],
        *,
        reference: str | None = None,
        version: str | None = None,
        licenses: Iterable[str] = (),
        digests: Iterable[str] = (),
    ) -> None:
        """Count one component under each of its valid `purls`, or as unidentified when it has none.

        `reference` is what edges call it; of two components that claim the same one, the first has it.
        """
        self.listed += 1
        if self.listed > MAX_LISTED_COMPONENTS:
            raise UnreadableError("", f"lists more than {MAX_LISTED_COMPONENTS} components")
        if version and len(version) > MAX_VERSION:
            raise UnreadableError(reference or "", f"states a version of more than {MAX_VERSION} characters")
        texts, hashes = self._bounded(licenses), set(digests)
        named = {purl: canonical for purl in purls if (canonical := canonical_purl(purl))}
        if not named:
            self.unidentified += 1
            self._licenses.add_unidentified(texts)
        for purl, canonical in named.items():
            self._by_purl[purl] = canonical
            if reference:
                self._by_reference.setdefault(reference, canonical)
            one = self._found.setdefault(canonical, _Listed())
            one.version = one.version or version or ""
            one.licenses |= texts
            one.digests |= hashes
            if len(one.licenses) > MAX_LICENSES:
                raise UnreadableError(canonical, f"names more than {MAX_LICENSES} licences")

    def relate(self, reference: str, needed: Iterable[str]) -> None:
        """State that the component `reference` depends directly on those that `needed` refers to."""
        edges = self._edges.setdefault(reference, [])
        before = len(edges)
        edges.extend(needed)
        self.stated_edges += len(edges) - before
        if self.stated_edges > MAX_STATED_EDGES:
            raise UnreadableError("", f"states more than {MAX_STATED_EDGES} dependencies")

    def purl_of(self, reference: str) -> str | None:
        """The package URL of the component that `reference` names; None when it names none that has one."""
        return self._by_reference.get(reference) or self._by_purl.get(reference)

    def components(self) -> tuple[Component, ...]:
        """The distinct components, sorted by package URL; all lists of each sorted too."""
        for reference, needed in self._edges.items():
            purl = self.purl_of(reference)
            if purl is not None:
                targets = self._found[purl].depends_on
                targets.update(other for other in map(self.purl_of, needed) if other not in {None, purl})
                if len(targets) > MAX_DEPENDS_ON:
                    raise UnreadableError(purl, f"depends directly on more than {MAX_DEPENDS_ON} components")
        return tuple(
            Component(
                purl=purl,
                version=one.version,
                licenses=tuple(sorted(one.licenses)),
                digests=tuple(sorted(one.digests)),
                depends_on=tuple(sorted(one.depends_on)),
            )
            for purl, one in sorted(self._found.items())
        )

    def reading(
        self,
        form: Literal["cyclonedx", "spdx"],
        spec_version: str,
        *,
        claimed_at: datetime | None,
        document_id: str | None,
        described: str | None,
        relationship_count: int,
    ) -> Reading:
        """All that was collected, as the reading of one document."""
        components = self.components()
        for one in components:
            self._licenses.add(one)
        facts = SbomFacts(
            format=form,
            spec_version=spec_version,
            component_count=len(components),
            unidentified_count=self.unidentified,
            listed_count=self.listed,
            relationship_count=relationship_count,
            dependency_count=sum(len(one.depends_on) for one in components),
            document_id=document_id[:MAX_DOCUMENT_ID] if document_id else None,
            purl=described,
            licenses=self._licenses.listed(),
            unlicensed=self._licenses.unlicensed(),
            unlisted_licenses=self._licenses.unlisted(),
        )
        return Reading(facts, components, claimed_at)

    def _bounded(self, licenses: Iterable[str]) -> set[str]:
        found = {text if len(text) <= MAX_LICENSE else text[:MAX_LICENSE] + "…" for text in map(str.strip, licenses)}
        self._stated_licenses += len(found)
        if self._stated_licenses > MAX_STATED_LICENSES:
            raise UnreadableError("", f"names more than {MAX_STATED_LICENSES} licences")
        return found - {""}
