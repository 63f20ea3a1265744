"""SLSA provenance, v1 and v0.2: who built it, in what way, from what.

- Unset, null and empty are the same, as SLSA says; required is what names the builder and the build.
- Who may sign for which builder is the trust root's and the policy's business, not the reader's.

Source: slsa-framework/slsa spec/build-provenance.md; predicate types `https://slsa.dev/provenance/v1` and `/v0.2`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from contracts.facts import MAX_LISTED, ProvenanceFacts
from services.evidence.domain.kinds.reading import Moment, Part, Reading


class _Resource(Part):
    uri: str | None = None


class _Builder(Part):
    id: str = Field(min_length=1)


class _Definition(Part):
    build_type: str = Field(alias="buildType", min_length=1)
    external_parameters: dict[str, Any] = Field(alias="externalParameters")
    dependencies: tuple[_Resource, ...] | None = Field(default=None, alias="resolvedDependencies")


class _RunMetadata(Part):
    finished: Moment | None = Field(default=None, alias="finishedOn")


class _Run(Part):
    builder: _Builder
    metadata: _RunMetadata | None = None


class _ProvenanceV1(Part):
    definition: _Definition = Field(alias="buildDefinition")
    run: _Run = Field(alias="runDetails")


class _MetadataV02(Part):
    finished: Moment | None = Field(default=None, alias="buildFinishedOn")


class _ProvenanceV02(Part):
    builder: _Builder
    build_type: str = Field(alias="buildType", min_length=1)
    metadata: _MetadataV02 | None = None
    materials: tuple[_Resource, ...] | None = None


def read_v1(predicate: Mapping[str, Any]) -> Reading:
    """The SLSA v1 provenance in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    found = _ProvenanceV1.model_validate(predicate)
    facts = ProvenanceFacts(
        builder_id=found.run.builder.id,
        build_type=found.definition.build_type,
        source_uris=_uris(found.definition.dependencies or ()),
    )
    return Reading(facts, claimed_at=found.run.metadata.finished if found.run.metadata else None)


def read_v02(predicate: Mapping[str, Any]) -> Reading:
    """The SLSA v0.2 provenance in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    found = _ProvenanceV02.model_validate(predicate)
    facts = ProvenanceFacts(
        builder_id=found.builder.id, build_type=found.build_type, source_uris=_uris(found.materials or ())
    )
    return Reading(facts, claimed_at=found.metadata.finished if found.metadata else None)


def _uris(resources: Iterable[_Resource]) -> tuple[str, ...]:
    distinct = dict.fromkeys(resource.uri for resource in resources if resource.uri)
    return tuple(distinct)[:MAX_LISTED]
