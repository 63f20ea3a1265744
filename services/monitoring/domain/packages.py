"""One name for one package, from both sides: the package URL of a component and the name in an advisory.

- The name is normalised as the ecosystem's registry compares names (PyPI: PEP 503; crates.io: `_` is `-`).
- Where package URLs lose the case of a name (npm, Go, Packagist, NuGet), both sides are lowercased: a namesake in
  another case may be reported, a real hit is never missed.
- An ecosystem's suffix (`Debian:12`, `Maven:https://...`) is not part of the key.
- A package of a distribution meets advisories by the name of its source, of its own, or of both
  (`distributions.py`); its epoch may stand in a qualifier.
- Any other package URL type keeps its own lowercase name as ecosystem, so that it still meets its advisories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from services.monitoring.domain.distributions import (
    ECOSYSTEMS,
    Release,
    component_release,
    distribution,
    names_sources,
    source_of,
)
from shared.errors import Invalid

_ECOSYSTEM_OF_TYPE = {
    "pypi": "PyPI",
    "npm": "npm",
    "maven": "Maven",
    "golang": "Go",
    "cargo": "crates.io",
    "nuget": "NuGet",
    "gem": "RubyGems",
    "composer": "Packagist",
}
_DISTRIBUTIONS = frozenset().union(*ECOSYSTEMS.values())
_KNOWN = {name.lower(): name for name in (*_ECOSYSTEM_OF_TYPE.values(), *_DISTRIBUTIONS)}
_CACHED = 65_536


@dataclass(frozen=True, slots=True, order=True)
class PackageKey:
    """What the index of components and the index of advisories have in common."""

    ecosystem: str
    name: str

    def __str__(self) -> str:
        return f"{self.ecosystem}:{self.name}"


@dataclass(frozen=True, slots=True)
class PackageVersion:
    """A package, and its version when it is known."""

    key: PackageKey
    version: str | None


@dataclass(frozen=True, slots=True)
class Component:
    """What a package URL says of a component."""

    package: PackageVersion
    """The package itself."""
    advised: tuple[PackageVersion, ...]
    """The packages by whose names advisories can be about it: itself, its source, or both."""
    release: Release | None = None
    """The release of the distribution that it belongs to, when it says one."""


def package_key(purl: str) -> PackageKey:
    """The key of a component, with or without version. Raises `Invalid` (`purl_malformed`)."""
    return component_of(purl).package.key


def package_version(purl: str) -> PackageVersion:
    """The package and version that a package URL names. Raises `Invalid` (`purl_malformed`)."""
    return component_of(purl).package


@lru_cache(maxsize=_CACHED)
def component_of(purl: str) -> Component:
    """What a package URL says of a component. Raises `Invalid` (`purl_malformed`)."""
    try:
        parsed = PackageURL.from_string(purl)
    except ValueError as error:
        raise Invalid(
            "purl_malformed",
            f"{purl[:200]!r} is no package URL: {error}.",
            remedy="Give the component a package URL such as pkg:pypi/name@1.0.",
        ) from error
    kind, namespace, name = parsed.type.lower(), parsed.namespace or "", parsed.name
    qualifiers = parsed.qualifiers if isinstance(parsed.qualifiers, Mapping) else {}
    if kind in ECOSYSTEMS and (namespace or qualifiers.get("distro")):
        return _of_distribution(kind, namespace, name, parsed.version, qualifiers)
    ecosystem = _ECOSYSTEM_OF_TYPE.get(kind)
    if ecosystem is None:
        key = PackageKey(kind, _joined(namespace, name, "/").lower())
    else:
        full = _joined(namespace, name, ":" if ecosystem == "Maven" else "/")
        key = PackageKey(ecosystem, _normalised(ecosystem, full))
    package = PackageVersion(key, parsed.version)
    return Component(package, (package,))


def _of_distribution(
    kind: str, namespace: str, name: str, version: str | None, qualifiers: Mapping[str, str]
) -> Component:
    distro = qualifiers.get("distro", "")
    ecosystem = distribution(kind, namespace, distro) or (namespace or distro).lower()
    package = PackageVersion(PackageKey(ecosystem, name.lower()), _with_epoch(version, qualifiers))
    release = component_release(distro, version or "")
    source = source_of(qualifiers)
    if source is None:
        return Component(package, (package,), release)
    source_name, source_version = source
    built_from = PackageVersion(
        PackageKey(ecosystem, source_name.lower()), _with_epoch(source_version or version, qualifiers)
    )
    both = (built_from,) if names_sources(ecosystem) else tuple(dict.fromkeys((package, built_from)))
    return Component(package, both, release)


def _with_epoch(version: str | None, qualifiers: Mapping[str, str]) -> str | None:
    epoch = qualifiers.get("epoch", "")
    return f"{epoch}:{version}" if epoch.isdecimal() and version and ":" not in version else version


@lru_cache(maxsize=_CACHED)
def advisory_key(ecosystem: str, name: str) -> PackageKey:
    """The key of a package as an OSV record names it."""
    base = ecosystem.partition(":")[0].strip().lower()
    known = _KNOWN.get(base)
    if known is None or known in _DISTRIBUTIONS:
        return PackageKey(known or base, name.lower())
    return PackageKey(known, _normalised(known, name))


def _joined(namespace: str, name: str, separator: str) -> str:
    return f"{namespace}{separator}{name}" if namespace else name


def _normalised(ecosystem: str, name: str) -> str:
    match ecosystem:
        case "PyPI":
            return canonicalize_name(name)
        case "crates.io":
            return name.lower().replace("_", "-")
        case "Go":
            # CycloneDX tools call the standard library `std`, OSV calls it `stdlib`.
            return "stdlib" if name == "std" else name.lower()
        case "npm" | "NuGet" | "Packagist":
            return name.lower()
        case _:
            return name
