"""SLSA provenance, v1 and v0.2: who built it, in what way, from what.

- Unset, null and empty are the same, as SLSA says; required is what names the builder and the build.
- Who may sign for which builder is the trust root's and the policy's business, not the reader's.
- The source is what the builder declares (`source_of_build`); none is named when the document names several.

Source: slsa-framework/slsa spec/build-provenance.md; predicate types `https://slsa.dev/provenance/v1` and `/v0.2`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from contracts.facts import MAX_LISTED, ProvenanceFacts
from services.evidence.domain.kinds.reading import Moment, Part, Reading
from services.evidence.domain.kinds.source_of_build import Resource, Source, declared, source_of_build
from shared.digests import canonical_digest

_Complete = Literal["parameters", "environment", "materials"]
_CLAIMS: tuple[_Complete, ...] = ("parameters", "environment", "materials")


class _Builder(Part):
    id: str = Field(min_length=1)


class _Definition(Part):
    build_type: str = Field(alias="buildType", min_length=1)
    external_parameters: dict[str, Any] = Field(alias="externalParameters")
    dependencies: tuple[Resource, ...] | None = Field(default=None, alias="resolvedDependencies")


class _RunMetadata(Part):
    finished: Moment | None = Field(default=None, alias="finishedOn")


class _Run(Part):
    builder: _Builder
    metadata: _RunMetadata | None = None


class _ProvenanceV1(Part):
    definition: _Definition = Field(alias="buildDefinition")
    run: _Run = Field(alias="runDetails")


class _Completeness(Part):
    parameters: bool = False
    environment: bool = False
    materials: bool = False


class _MetadataV02(Part):
    finished: Moment | None = Field(default=None, alias="buildFinishedOn")
    completeness: _Completeness | None = None


class _Invocation(Part):
    source: Resource | None = Field(default=None, alias="configSource")
    parameters: Any = None


class _ProvenanceV02(Part):
    builder: _Builder
    build_type: str = Field(alias="buildType", min_length=1)
    invocation: _Invocation | None = None
    metadata: _MetadataV02 | None = None
    materials: tuple[Resource, ...] | None = None


def read_v1(predicate: Mapping[str, Any]) -> Reading:
    """The SLSA v1 provenance in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    found = _ProvenanceV1.model_validate(predicate)
    definition = found.definition
    resources = definition.dependencies or ()
    facts = _facts(
        found.run.builder,
        definition.build_type,
        resources,
        source_of_build(declared(definition.external_parameters), resources),
        definition.external_parameters,
    )
    return Reading(facts, claimed_at=found.run.metadata.finished if found.run.metadata else None)


def read_v02(predicate: Mapping[str, Any]) -> Reading:
    """The SLSA v0.2 provenance in `predicate`. Raises pydantic's `ValidationError` when it is none."""
    found = _ProvenanceV02.model_validate(predicate)
    invocation, metadata = found.invocation or _Invocation(), found.metadata or _MetadataV02()
    resources = found.materials or ()
    facts = _facts(
        found.builder,
        found.build_type,
        resources,
        source_of_build(invocation.source, resources),
        invocation.parameters,
    )
    claims = metadata.completeness or _Completeness()
    complete = tuple(claim for claim in _CLAIMS if getattr(claims, claim))
    return Reading(facts.model_copy(update={"complete": complete}), claimed_at=metadata.finished)


def _facts(
    builder: _Builder, build_type: str, resources: Iterable[Resource], source: Source | None, parameters: Any
) -> ProvenanceFacts:
    return ProvenanceFacts(
        builder_id=builder.id,
        build_type=build_type,
        source_uris=_uris(resources),
        source_repository=source.repository if source else None,
        source_commit=source.commit if source else None,
        source_ref=source.ref if source else None,
        parameters_digest=_digest(parameters),
    )


def _uris(resources: Iterable[Resource]) -> tuple[str, ...]:
    distinct = dict.fromkeys(resource.uri for resource in resources if resource.uri)
    return tuple(distinct)[:MAX_LISTED]


def _digest(parameters: Any) -> str | None:
    try:
        return canonical_digest(parameters) if parameters else None
    except ValueError:  # Fractions have no canonical form here.
        return None
