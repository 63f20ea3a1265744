"""What a package URL says about a build.

Source: purl-spec (qualifier `checksum`; type `oci`, whose version is the image's digest and whose `tag` is a
qualifier).
"""

from __future__ import annotations

from typing import Any

from packageurl import PackageURL

from shared.errors import Invalid

_SHA256 = "sha256:"


def package_of(purl: str) -> str:
    """A package URL reduced to its package, in canonical form. Raises `Invalid`."""
    parsed = _parsed(purl)
    return PackageURL(type=parsed.type, namespace=parsed.namespace, name=parsed.name).to_string()


def digest_in(purl: str) -> str:
    """The SHA-256 that a package URL names, by checksum or as the version of an image; empty when it names none.

    Raises `Invalid`.
    """
    parsed = _parsed(purl)
    checksums = [*_qualifier(parsed, "checksum").split(","), str(parsed.version or "")]
    return next((checksum for checksum in checksums if checksum.startswith(_SHA256)), "")


def version_in(purl: str) -> str | None:
    """The version that a package URL names; None for a digest, which names content. Raises `Invalid`."""
    version = _parsed(purl).version
    return None if version is None or version.startswith(_SHA256) else version


def tag_in(purl: str) -> str | None:
    """The tag that the package URL of an image names. Raises `Invalid`."""
    return _qualifier(_parsed(purl), "tag") or None


def _parsed(purl: str) -> PackageURL:
    try:
        return PackageURL.from_string(purl)
    except ValueError as error:
        raise Invalid("purl_malformed", f"{purl} is no package URL: {error}.", remedy="See the purl spec.") from error


def _qualifier(purl: PackageURL, name: str) -> str:
    qualifiers: Any = purl.qualifiers
    return str(qualifiers.get(name, ""))
