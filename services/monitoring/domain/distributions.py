"""Linux distributions: which one a package URL means, which release of it, and which source a package was built from.

- OSV names ecosystems `Debian:12`, `Ubuntu:Pro:18.04:LTS`, `Alpine:v3.18`, `Red Hat:enterprise_linux:8::baseos`,
  `SUSE:Linux Enterprise Server 15 SP4`; package URLs say `distro=debian-12`, `bookworm`, `3.18.4`, `rhel-8.6`,
  `sles-15.4`.
- Releases are compared when both sides say one that can be read; the shorter one decides, so 8 means every 8.x.
- Most distributions name source packages in their advisories (ossf/osv-schema, "defined ecosystems"), and package URLs
  name binary ones: `upstream` (Syft, package URL type definitions), `source` with `sourceversion`, `sourcerpm` and
  `origin` (OSV-SCALIBR) say what a package was built from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

Release = tuple[int | str, ...]
"""The numbers of a release, or the one word of a rolling one."""

_NAMES: Mapping[str, Mapping[str, str]] = {
    "deb": {"debian": "Debian", "ubuntu": "Ubuntu", "echo": "Echo"},
    "apk": {
        "alpine": "Alpine",
        "wolfi": "Wolfi",
        "chainguard": "Chainguard",
        "alpaquita": "Alpaquita",
        "bellsoft-hardened-containers": "BellSoft Hardened Containers",
        "minimos": "MinimOS",
    },
    "rpm": {
        **dict.fromkeys(("redhat", "rhel"), "Red Hat"),
        **dict.fromkeys(("suse", "sles", "sled", "sle"), "SUSE"),
        **dict.fromkeys(("opensuse", "opensuse-leap", "opensuse-tumbleweed"), "openSUSE"),
        **dict.fromkeys(("almalinux", "alma"), "AlmaLinux"),
        **dict.fromkeys(("rocky", "rockylinux", "rocky-linux"), "Rocky Linux"),
        "mageia": "Mageia",
        "openeuler": "openEuler",
        **dict.fromkeys(("azurelinux", "azure-linux", "mariner", "cbl-mariner"), "Azure Linux"),
        **dict.fromkeys(("photon", "photon-os"), "Photon OS"),
    },
}
ECOSYSTEMS: Mapping[str, frozenset[str]] = {kind: frozenset(names.values()) for kind, names in _NAMES.items()}
"""The distributions of each package URL type, as OSV names them."""
_BY_SOURCE = frozenset(
    (
        *("Debian", "Ubuntu", "Echo", "Alpine", "Alpaquita", "BellSoft Hardened Containers", "SUSE", "openSUSE"),
        *("Rocky Linux", "Mageia", "openEuler", "Azure Linux"),
    )
)
_SOURCE_RPM = re.compile(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+?)(?:\.(?:no)?src)?\.rpm", re.ASCII)
_DEBIAN_FROM_5 = (
    *("lenny", "squeeze", "wheezy", "jessie", "stretch", "buster", "bullseye", "bookworm", "trixie", "forky", "duke"),
)
_SERIES: Mapping[str, Release] = {
    **{name: (number,) for number, name in enumerate(_DEBIAN_FROM_5, start=5)},
    "precise": (12, 4),
    "trusty": (14, 4),
    "xenial": (16, 4),
    "bionic": (18, 4),
    "focal": (20, 4),
    "jammy": (22, 4),
    "noble": (24, 4),
    "oracular": (24, 10),
    "plucky": (25, 4),
    "questing": (25, 10),
    **{name: (name,) for name in ("tumbleweed", "edge", "sid", "stream", "slowroll")},
    "unstable": ("sid",),
}
_SERVICE_PACK = re.compile(r"(\d{1,6})[ .-]*sp[ -]?(\d{1,6})", re.ASCII)
_NUMBERS = re.compile(r"\d{1,8}(?:\.\d{1,8})*", re.ASCII)
_ENTERPRISE_LINUX = re.compile(r"\bel(\d{1,3})(?:_(\d{1,3}))?", re.ASCII)


def distribution(kind: str, namespace: str, distro: str) -> str | None:
    """The distribution that a package URL of type `kind` belongs to, as OSV names it; None when OSV has no such."""
    names = _NAMES.get(kind, {})
    said = (namespace or distro).lower()
    return names.get(said) or names.get(said.partition("-")[0])


def names_sources(ecosystem: str) -> bool:
    """Whether the advisories of a distribution name source packages and no others."""
    return ecosystem in _BY_SOURCE


def source_of(qualifiers: Mapping[str, str]) -> tuple[str, str | None] | None:
    """Name and version of the source package, as far as a package URL says them; without a version it is the same."""
    for name in ("upstream", "source", "origin", "sourcerpm"):
        text = qualifiers.get(name, "").strip()
        if not text:
            continue
        rpm = _SOURCE_RPM.fullmatch(text) if text.endswith(".rpm") else None
        if rpm:
            return rpm["name"], rpm["version"]
        source, _, version = text.partition("@")
        return source, version or qualifiers.get("sourceversion") or None
    return None


@lru_cache(maxsize=4096)
def advised_release(ecosystem: str) -> Release | None:
    """The release that the ecosystem of an OSV record is about; None for all of them, or when it says nothing known."""
    base, _, suffix = ecosystem.partition(":")
    text = suffix.strip().lower()
    match base.strip():
        case "Red Hat":
            # Products have numbers of their own: only those of Red Hat Enterprise Linux itself are its releases.
            itself = text.startswith(("enterprise_linux", "rhel_"))
            return _enterprise_linux(text) or (_numbers(text.partition(":")[2].partition("::")[0]) if itself else None)
        case "SUSE":
            if not text.startswith(("linux enterprise", "suse linux enterprise")):
                return None
            # Without a service pack it is the first delivery of that major release.
            found = _numbers(text) or ()
            return found if len(found) > 1 else (*found, 0)
        case _:
            return _numbers(text)


@lru_cache(maxsize=4096)
def component_release(distro: str, version: str) -> Release | None:
    """The release that a component is of: by its `distro` qualifier, else by the mark of Enterprise Linux (`.el8`)."""
    return _numbers(distro.lower()) if distro else _enterprise_linux(version)


def same_release(one: Release | None, other: Release | None) -> bool:
    """Whether two releases can be the same: one that nobody can name can be any."""
    if one is None or other is None:
        return True
    return all(left == right for left, right in zip(one, other, strict=False))


def _numbers(text: str) -> Release | None:
    series = next((_SERIES[word] for word in re.split(r"[^a-z]+", text) if word in _SERIES), None)
    if series:
        return series
    service_pack = _SERVICE_PACK.search(text)
    if service_pack:
        return tuple(int(part) for part in service_pack.groups())
    numbers = _NUMBERS.search(text)
    return tuple(int(part) for part in numbers[0].split(".")) if numbers else None


def _enterprise_linux(text: str) -> Release | None:
    found = _ENTERPRISE_LINUX.search(text)
    return tuple(int(part) for part in found.groups() if part) if found else None
