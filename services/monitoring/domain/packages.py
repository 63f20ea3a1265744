"""One name for one package, from both sides: the package URL of a component and the name in an advisory.

- The name is normalised as the ecosystem's registry compares names (PyPI: PEP 503; crates.io: `_` is `-`).
- Where package URLs lose the case of a name (npm, Go, Packagist, NuGet), both sides are lowercased: a namesake in
  another case may be reported, a real hit is never missed.
- An ecosystem's suffix (`Debian:12`, `Maven:https://...`) is not part of the key.
- Any other package URL type keeps its own lowercase name as ecosystem (deb, apk and rpm: the distribution), so that it
  still meets its advisories and the match says `Undecided` instead of staying silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from packageurl import PackageURL
from packaging.utils import canonicalize_name

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
_KNOWN = {name.lower(): name for name in _ECOSYSTEM_OF_TYPE.values()}
_DISTRIBUTION_TYPES = frozenset({"deb", "apk", "rpm"})
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
    """A component: its package, and its version when the package URL has one."""

    key: PackageKey
    version: str | None


def package_key(purl: str) -> PackageKey:
    """The key of a component, with or without version. Raises `Invalid` (`purl_malformed`)."""
    return package_version(purl).key


@lru_cache(maxsize=_CACHED)
def package_version(purl: str) -> PackageVersion:
    """The package and version that a package URL names. Raises `Invalid` (`purl_malformed`)."""
    try:
        parsed = PackageURL.from_string(purl)
    except ValueError as error:
        raise Invalid(
            "purl_malformed",
            f"{purl[:200]!r} is no package URL: {error}.",
            remedy="Give the component a package URL such as pkg:pypi/name@1.0.",
        ) from error
    kind, namespace, name = parsed.type.lower(), parsed.namespace or "", parsed.name
    ecosystem = _ECOSYSTEM_OF_TYPE.get(kind)
    if ecosystem is None:
        distribution = kind in _DISTRIBUTION_TYPES and namespace
        key = PackageKey(namespace, name) if distribution else PackageKey(kind, _joined(namespace, name, "/"))
        return PackageVersion(PackageKey(key.ecosystem.lower(), key.name.lower()), parsed.version)
    full = _joined(namespace, name, ":" if ecosystem == "Maven" else "/")
    return PackageVersion(PackageKey(ecosystem, _normalised(ecosystem, full)), parsed.version)


@lru_cache(maxsize=_CACHED)
def advisory_key(ecosystem: str, name: str) -> PackageKey:
    """The key of a package as an OSV record names it."""
    base = ecosystem.partition(":")[0].strip().lower()
    known = _KNOWN.get(base)
    if known is None:
        return PackageKey(base, name.lower())
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
