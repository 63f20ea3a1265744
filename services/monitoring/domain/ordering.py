"""How versions of one ecosystem are compared.

- A version is read only if it is one by the ecosystem's own rules; libraries that guess are asked nothing else.
- SEMVER ranges compare by Semantic Versioning 2.0.0 in every ecosystem; minor and patch may be left out, a leading `v`
  is dropped (Go writes one).
- PyPI follows PEP 440. A component's local label (`+cu118`) is dropped, as `<=` and `==` specifiers do: a local build
  of an affected version is affected.
- Semantic Versioning, Packagist (Composer), Alpine and its kin (apk-tools) have sort keys here (`version_keys.py`).
- RubyGems, NuGet and Maven follow univers; so do Debian's order (Debian Policy, 5.6.12) and RPM's (`rpmvercmp`), with
  an epoch that counts as 0 when it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from packaging.version import InvalidVersion, Version
from univers.debian import Version as DebianVersion
from univers.rpm import RpmVersion
from univers.versions import MavenVersion, NugetVersion, RubygemsVersion

from services.monitoring.domain.advisory import RangeType
from services.monitoring.domain.distributions import ECOSYSTEMS
from services.monitoring.domain.version_keys import apk_key, composer_key, semver_key

_NUMBER = r"(?:0|[1-9]\d*)"
_SEMVER = re.compile(
    rf"v?{_NUMBER}(?:\.{_NUMBER}){{0,2}}"
    rf"(?:-(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_GEM = re.compile(r"\d+(?:\.[0-9A-Za-z]+)*", re.ASCII)
_NUGET = re.compile(r"v?\d+(?:\.\d+){0,3}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)
_MAVEN = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]*", re.ASCII)
_DEBIAN = re.compile(r"(?:\d+:)?\d[0-9A-Za-z.+~-]*", re.ASCII)
_RPM = re.compile(r"(?:\d+:)?[0-9A-Za-z._+~^%]+(?:-[0-9A-Za-z._+~^%]+)?", re.ASCII)
_ANY = re.compile(r"[!-~]+", re.ASCII)
_LONGEST = 200
_CACHED = 65_536


class Ordered(Protocol):
    """A version that knows which other versions of its kind are newer."""

    def __lt__(self, other: Any, /) -> bool:
        """Whether this version is older."""


class Unreadable(ValueError):
    """The string is no version of its ecosystem."""


@dataclass(frozen=True, slots=True)
class Ordering:
    """How to read the two sides of a comparison; both raise `Unreadable`."""

    bound: Callable[[str], Ordered]
    """Reads a version that an advisory names."""
    component: Callable[[str], Ordered]
    """Reads the version that a component has."""


def ordering_for(ecosystem: str, kind: RangeType) -> Ordering | None:
    """The order of a range of `kind` in an ecosystem (the `PackageKey` form); None when there is none to be had."""
    match kind:
        case RangeType.SEMVER:
            return _SEMVER_ORDER
        case RangeType.ECOSYSTEM:
            return _BY_ECOSYSTEM.get(ecosystem)
        case RangeType.GIT:
            return None


def in_order(ecosystem: str, candidates: Iterable[str]) -> list[tuple[Ordered, str]]:
    """The candidates that are versions, lowest first, in the ecosystem's own order (else Semantic Versioning)."""
    bound = _BY_ECOSYSTEM.get(ecosystem, _SEMVER_ORDER).bound
    found: list[tuple[Ordered, str]] = []
    for candidate in candidates:
        with suppress(Unreadable):
            found.append((bound(candidate), candidate))
    return sorted(found, key=lambda pair: pair[0])


def lowest_above(ecosystem: str, version: str, ordered: Iterable[tuple[Ordered, str]]) -> str | None:
    """The first of what `in_order` said that is above `version`; nothing is known to be above an unreadable one."""
    try:
        floor = _BY_ECOSYSTEM.get(ecosystem, _SEMVER_ORDER).component(version)
    except Unreadable:
        return None
    for read, candidate in ordered:
        if floor < read:
            return candidate
    return None


def newer_than(ecosystem: str, version: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """The candidates above `version`, lowest first; those that are no versions are left out."""
    ordered = in_order(ecosystem, candidates)
    lowest = lowest_above(ecosystem, version, ordered)
    texts = [candidate for _, candidate in ordered]
    return tuple(texts[texts.index(lowest) :]) if lowest is not None else ()


def newest(ecosystem: str, candidates: Iterable[str]) -> str | None:
    """The highest of the candidates that are versions; None without any."""
    return next((candidate for _, candidate in reversed(in_order(ecosystem, candidates))), None)


@lru_cache(maxsize=_CACHED)
def _pep440(text: str) -> Version:
    try:
        return Version(text[:_LONGEST])
    except InvalidVersion as error:
        raise Unreadable(f"{text[:_LONGEST]!r} is no PEP 440 version") from error


@lru_cache(maxsize=_CACHED)
def _pep440_public(text: str) -> Version:
    return Version(_pep440(text).public)


def _reader(shape: re.Pattern[str], build: Callable[[str], Ordered]) -> Callable[[str], Ordered]:
    @lru_cache(maxsize=_CACHED)
    def read(text: str) -> Ordered:
        try:
            return build(_shaped(text, shape))
        except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
            raise Unreadable(f"{text[:_LONGEST]!r} is no version of this ecosystem") from error

    return read


def _shaped(text: str, shape: re.Pattern[str]) -> str:
    if len(text) > _LONGEST or not shape.fullmatch(text):
        raise Unreadable(f"{text[:_LONGEST]!r} is no version of this ecosystem")
    return text


def _same(read: Callable[[str], Ordered]) -> Ordering:
    return Ordering(bound=read, component=read)


PYPI = Ordering(bound=_pep440, component=_pep440_public)
_SEMVER_ORDER = _same(_reader(_SEMVER, semver_key))
_BY_ECOSYSTEM = {
    "PyPI": PYPI,
    "npm": _SEMVER_ORDER,
    "Go": _SEMVER_ORDER,
    "crates.io": _SEMVER_ORDER,
    "Maven": _same(_reader(_MAVEN, MavenVersion)),
    "NuGet": _same(_reader(_NUGET, NugetVersion)),
    "RubyGems": _same(_reader(_GEM, RubygemsVersion)),
    "Packagist": _same(_reader(_ANY, composer_key)),
    **dict.fromkeys(ECOSYSTEMS["deb"], _same(_reader(_DEBIAN, DebianVersion.from_string))),
    **dict.fromkeys(ECOSYSTEMS["apk"], _same(_reader(_ANY, apk_key))),
    **dict.fromkeys(ECOSYSTEMS["rpm"], _same(_reader(_RPM, RpmVersion.from_string))),
}
