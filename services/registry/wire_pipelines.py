"""Rules about pipelines: contracts into domain and back."""

from __future__ import annotations

from contracts.registry.v1.pipelines import ApplyPipelineIdentity, PipelineRight, PipelineRights, ResolvePipeline
from contracts.vocabulary import Role
from services.registry.domain.pipeline_identity import (
    WHOLE_PROJECT,
    Grant,
    PipelineIdentity,
    Resolution,
    run_name,
)
from shared.mongo import Document


def identity_from(command: ApplyPipelineIdentity) -> PipelineIdentity:
    """The rule that a command describes. Raises `Invalid`."""
    return identity_of(command.project, command.pipeline_identity, content_of(command))


def content_of(command: ApplyPipelineIdentity) -> Document:
    """What the rule says, as it is kept."""
    return command.model_dump(mode="json", exclude={"command_id", "project", "pipeline_identity"})


def identity_of(project: str, name: str, content: Document) -> PipelineIdentity:
    """A kept rule as the domain sees it."""
    claims = {
        claim: (patterns,) if isinstance(patterns, str) else tuple(patterns)
        for claim, patterns in content["claims"].items()
    }
    grants = tuple(
        Grant(tuple(one["applications"]), tuple(Role(role) for role in one["roles"])) for one in content["grants"]
    )
    return PipelineIdentity(project, name, content["issuer"], claims, grants, content["allow_pull_requests"])


def rights_of(query: ResolvePipeline, found: Resolution) -> PipelineRights:
    """The answer about one run."""
    rights = tuple(
        PipelineRight(
            project=project,
            application=None if application == WHOLE_PROJECT else application,
            roles=tuple(sorted(roles)),
        )
        for (project, application), roles in found.rights.items()
    )
    return PipelineRights(
        run=run_name(query.issuer, query.claims), identities=found.identities, rights=rights, misfits=found.misfits
    )
