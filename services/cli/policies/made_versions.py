"""The dossier of a test case, built through the models that gates read.

- Digests are made from names, so that a case is the same bytes everywhere.
- `evidence_set: current` is the set that approvers would be asked about; `earlier` is another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from contracts.circumstances import Circumstances
from contracts.facts import EvidenceItem
from contracts.vocabulary import Artifact, Digest, StageName
from services.cli.policies.cases import CIRCUMSTANCES, WHAT, Case, Given, GivenArtifact, GivenContained
from services.cli.policies.made_evidence import make_item, read_evidence
from services.cli.policies.written import Reading
from shared.digests import sha256_digest
from shared.policy.dossier import Dossier
from shared.policy.policy import Policy
from shared.policy.policy_errors import Location, wrong_value

_EARLIER = sha256_digest(b"an earlier evidence set")


class Made(NamedTuple):
    """What a case gives, and what it calls the digests in there."""

    dossier: Dossier
    names: Mapping[str, Digest]

    def named(self, sentence: str) -> str:
        """A sentence with the case's own names in place of digests."""
        for name, digest in self.names.items():
            sentence = sentence.replace(digest, name)
        return sentence


def make_dossier(case: Case, policy: Policy, stage: StageName, at: datetime, location: Location) -> Made:
    """The dossier that a case gives, at a gate of `stage`. Raises `Invalid`."""
    given, location = case.given, (*location, "given")
    names = _names(given, location)
    reading = Reading(at, names)
    before = Dossier(
        project=given.project or policy.metadata.project,
        application=given.application,
        version=given.version,
        version_digest=names["version"],
        artifacts=tuple(sorted(names[one.name] for one in given.artifacts)),
        criticality=given.criticality,
        labels=given.labels,
        circumstances=_circumstances(given, policy, stage, reading, location),
    )
    return Made(_with_evidence(before, given, stage, reading, (*location, "evidence")), names)


def _with_evidence(dossier: Dossier, given: Given, stage: StageName, reading: Reading, location: Location) -> Dossier:
    pieces = [(read_evidence(one, (*location, number)), number) for number, one in enumerate(given.evidence)]
    found: dict[str, EvidenceItem] = {}
    # Approvals last: what they answer for is all the rest.
    for piece, number in sorted(pieces, key=lambda one: one[0].kind == "approval"):
        if piece.kind == "approval":
            current = replace(dossier, items=tuple(found.values())).evidence_set_digest
            known = Reading(reading.at, {**reading.names, "current": current, "earlier": _EARLIER})
        else:
            known = reading
        item = make_item(piece, number, stage, known, (*location, number))
        if item.evidence_id in found:
            raise wrong_value((*location, number, "id"), f"the id {item.evidence_id} is used twice", what=WHAT)
        found[item.evidence_id] = item
    return replace(dossier, items=tuple(found.values()))


def _names(given: Given, location: Location) -> dict[str, Digest]:
    """The digests that the names of a case stand for. Raises `Invalid` when one name stands for two things."""
    named = [("version", sha256_digest(f"version {given.application} {given.version}".encode()))]
    named += [(one.name, _digest_of(one)) for one in given.artifacts]
    for part in given.contained:
        named.append((_name_of(part), sha256_digest(f"version {part.application} {part.version}".encode())))
        named += [(one.name, _digest_of(one)) for one in part.artifacts]
    names: dict[str, Digest] = {}
    for name, digest in named:
        if names.setdefault(name, digest) != digest or name in ("current", "earlier"):
            raise wrong_value(location, f"the name {name} stands for two things; give one of them another", what=WHAT)
    return names


def _digest_of(artifact: GivenArtifact) -> Digest:
    return artifact.digest or sha256_digest(f"artifact {artifact.name}".encode())


def _name_of(part: GivenContained) -> str:
    return part.name or part.application


def _circumstances(
    given: Given, policy: Policy, stage: StageName, reading: Reading, location: Location
) -> Circumstances:
    defaults = _entry_defaults(policy, stage)
    written = {
        field: [_with_defaults(one, defaults[field], number) for number, one in enumerate(value)]
        if field in defaults and isinstance(value, list | tuple)
        else value
        for field, value in given.circumstances.items()
    }
    known = (set(Given.model_fields) | CIRCUMSTANCES) - {"circumstances"}
    read = reading.model(Circumstances, written, location, known=known)
    artifacts = (
        Artifact(purl=one.purl or f"pkg:generic/{one.name}", digest=reading.names[one.name]) for one in given.artifacts
    )
    contained = [
        {
            "application": part.application,
            "version": part.version,
            "digest": reading.names[_name_of(part)],
            "artifacts": sorted(reading.names[one.name] for one in part.artifacts),
            "nested": sorted(reading.digest(one, (*location, "contained", number)) for one in part.nested),
        }
        for number, part in enumerate(given.contained)
    ]
    return Circumstances.model_validate(
        {
            **read.model_dump(),
            "artifacts": sorted(artifacts, key=lambda one: one.digest),
            "contained": sorted(contained, key=lambda one: str(one["digest"])),
            "passed": sorted(read.passed, key=lambda one: one.at),
            "incidents": sorted(read.incidents, key=lambda one: (one.opened_at, one.incident_id)),
            "exploitation": sorted(read.exploitation, key=lambda one: one.vulnerability),
            "waivers": sorted(read.waivers, key=lambda one: one.waiver_id),
        }
    )


def _entry_defaults(policy: Policy, stage: StageName) -> dict[str, dict[str, Any]]:
    """What entries of some lists are, unless they say otherwise; a number is put to `...-`."""
    return {
        "passed": {"kind": "promote", "from_stage": None, "release": False, "promotion_id": "promotion-"},
        "incidents": {"incident_id": "incident-", "version": None},
        "waivers": {
            "waiver_id": "waiver-",
            "policy": policy.name,
            "stage": stage,
            "reason": "It is tolerated in this case.",
            "requested_by": "requester",
            "approved_by": "security",
            "granted_at": "1d ago",
            "expires_at": "in 7d",
        },
    }


def _with_defaults(entry: Any, defaults: Mapping[str, Any], number: int) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    numbered = {
        name: f"{value}{number + 1}" if isinstance(value, str) and value.endswith("-") else value
        for name, value in defaults.items()
    }
    return {**numbered, **entry}
