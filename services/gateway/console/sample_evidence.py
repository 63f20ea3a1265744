"""Signed evidence for the sample project: made up, and signed as a pipeline would, with a key made for it alone.

The key is thrown away once everything is signed: nobody can sign anything for the sample project with it later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.vocabulary import Artifact, Digest, ProjectName, VersionName, utc
from shared.crypto import dsse, keys
from shared.digests import sha256_digest

TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
SBOM = "https://cyclonedx.org/bom"
SCAN = "https://in-toto.io/attestation/vulns/v0.2"
ROLES = {"test": TEST_RESULT, "build": SBOM, "scanner": SCAN}
"""Which role of signers vouches for what."""
_STATEMENT = "https://in-toto.io/Statement/v1"
_PAYLOAD = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class SampleVersion:
    """One version of a sample application, and what is to be shown about it."""

    application: str
    package: str
    version: VersionName
    shown: Mapping[str, Any]

    @property
    def artifact(self) -> Artifact:
        """What it is made of: a digest of a text, since there are no bytes behind it."""
        purl = f"{self.package}@{self.version}"
        return Artifact(purl=purl, digest=sha256_digest(f"sample {purl}".encode()))


def versions_in(shop: Mapping[str, Any]) -> Iterator[SampleVersion]:
    """All versions, in the order in which they were made."""
    for one in shop["applications"]:
        for version in one["versions"]:
            yield SampleVersion(one["application"], one["packages"][0], version["version"], version)


def envelopes(version: SampleVersion, key: keys.PrivateKey, at: datetime) -> Iterator[str]:
    """The signed statements about a version."""
    predicates = {
        TEST_RESULT: _tests(version.shown.get("tests")),
        SBOM: _sbom(version.shown.get("sbom")),
        SCAN: _scan(version.shown.get("scan"), at),
    }
    for kind, predicate in predicates.items():
        if predicate is not None:
            yield _signed(kind, predicate, version.artifact.digest, key)


def trust_root(role: str, project: ProjectName, key: keys.PrivateKey, suffix: str) -> dict[str, Any]:
    """The root that believes the key in this role. Its name is its own: an earlier key keeps what it signed."""
    return {
        "project": project,
        "trust_root": f"{role}-{suffix}",
        "keys": (keys.public_pem(key.public_key()),),
        "predicate_types": (ROLES[role],),
        "role": role,
    }


def _tests(outcome: str | None) -> dict[str, Any] | None:
    match outcome:
        case "passed":
            return {"result": "PASSED", "configuration": [], "passedTests": ["test_home", "test_search"]}
        case "failed":
            tests = {"passedTests": ["test_home"], "failedTests": ["test_search"]}
            return {"result": "FAILED", "configuration": [], **tests}
        case _:
            return None


def _sbom(purls: list[str] | None) -> dict[str, Any] | None:
    if purls is None:
        return None
    components = [
        {"type": "library", "name": name.rpartition("/")[2], "version": version, "purl": purl}
        for purl in purls
        for name, _, version in (purl.rpartition("@"),)
    ]
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}


def _scan(result: str | None, at: datetime) -> dict[str, Any] | None:
    if result is None:
        return None
    times = {"scanStartedOn": utc(at), "scanFinishedOn": utc(at)}
    return {"scanner": {"uri": "pkg:generic/sample-scanner@1", "result": []}, "metadata": times}


def _signed(kind: str, predicate: dict[str, Any], subject: Digest, key: keys.PrivateKey) -> str:
    statement = {
        "_type": _STATEMENT,
        "subject": [{"digest": {"sha256": subject.removeprefix("sha256:")}}],
        "predicateType": kind,
        "predicate": predicate,
    }
    return dsse.sign(_PAYLOAD, json.dumps(statement).encode(), [key]).decode()
