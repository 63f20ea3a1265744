"""Whether a VEX statement speaks of what a scan looked at.

- A statement clears only what it surely names: the scanned subject or something that it is part of by digest, every
  artifact that the subject stands for by package URL, or the vulnerable component itself.
- A statement takes back whatever it may name. A product by a name that is neither a package URL nor a digest, and a
  list of products that was cut, may name anything.
- A package URL names another one of the same type, namespace and name. One without a version names every version;
  qualifiers that it has must be the same.
- A statement about parts of a product clears findings in these parts only.
- Ranges of versions are not evaluated: they clear nothing, and take back.

Source: openvex/spec OPENVEX-SPEC.md 0.2.0, "Product" and "Subcomponent"; package-url/purl-spec.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from packageurl import PackageURL

from contracts.facts import MAX_LISTED, VexProduct, VexStatement
from contracts.vocabulary import Digest

_DIGEST = "sha256:"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding was made."""

    around: frozenset[Digest]
    """The scanned subject and the versions that it is part of."""
    within: frozenset[Digest]
    """The subject and what is in it."""
    purls: frozenset[str | None]
    """Package URLs of the artifacts that the subject stands for; None for those whose is not known."""
    component: str | None
    """The vulnerable part, by package URL."""


def clears(statement: VexStatement, subjects: Iterable[Digest], place: Place) -> bool:
    """Whether `statement`, in evidence about `subjects`, surely speaks of `place`."""
    products = statement.products
    if not products:
        return not place.around.isdisjoint(subjects)
    if any(_is_within(one, place.around) and not one.versions and _in_parts(one, place) for one in products):
        return True
    if any(not one.subcomponents and _names(one, place.component) for one in products):
        return True
    spoken = [one for one in products if _in_parts(one, place)]
    return bool(place.purls) and all(any(_names(one, purl) for one in spoken) for purl in place.purls)


def may_concern(statement: VexStatement, subjects: Iterable[Digest], place: Place) -> bool:
    """Whether `statement`, in evidence about `subjects`, may speak of `place`."""
    products = statement.products
    digests = place.around | place.within
    if not products:
        return not digests.isdisjoint(subjects)
    return len(products) >= MAX_LISTED or any(_may_name(one, digests, place) for one in products)


def _may_name(product: VexProduct, digests: frozenset[Digest], place: Place) -> bool:
    told = _digests(product)
    is_package = _purl(product.id) is not None
    if not is_package and not told:
        return True
    if is_package and _may_be(product.id, place.component):
        return True
    parts = product.subcomponents
    in_parts = not parts or place.component is None or any(_may_be(part, place.component) for part in parts)
    by_name = is_package and any(one is None or _may_be(product.id, one) for one in place.purls)
    return in_parts and (by_name or not digests.isdisjoint(told))


def _in_parts(product: VexProduct, place: Place) -> bool:
    parts = product.subcomponents
    return not parts or (place.component is not None and any(_same(part, place.component) for part in parts))


def _names(product: VexProduct, purl: str | None) -> bool:
    if purl is None or not _same(product.id, purl):
        return False
    target = _purl(purl)
    return not product.versions or (target is not None and target.version in product.versions)


def _is_within(product: VexProduct, digests: frozenset[Digest]) -> bool:
    return not digests.isdisjoint(_digests(product))


def _digests(product: VexProduct) -> set[str]:
    named = _purl(product.id)
    told = {product.id, *product.digests, (named.version or "") if named else ""}
    return {one for one in told if one.startswith(_DIGEST)}


def _same(named: str, purl: str) -> bool:
    one, other = _purl(named), _purl(purl)
    if one is None or other is None or _package(one) != _package(other):
        return False
    return one.version in (None, "", other.version) and _qualifiers(one) <= _qualifiers(other)


def _may_be(named: str, purl: str | None) -> bool:
    one, other = _purl(named), _purl(purl or "")
    if one is None:
        return purl is not None
    if other is None or _package(one) != _package(other):
        return False
    return not one.version or not other.version or one.version == other.version


def _package(purl: PackageURL) -> tuple[str, str, str]:
    return (purl.type, purl.namespace or "", purl.name)


def _qualifiers(purl: PackageURL) -> set[tuple[str, str]]:
    return set(purl.qualifiers.items()) if isinstance(purl.qualifiers, dict) else set()


@lru_cache(maxsize=8192)
def _purl(text: str) -> PackageURL | None:
    try:
        return PackageURL.from_string(text)
    except ValueError:
        return None
