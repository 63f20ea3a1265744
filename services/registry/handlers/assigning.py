"""Which application a pipeline event is about.

1. The one to which its package is bound; a name in the event must not disagree.
2. The one it names.
3. For the first build of a package: the one whose intake rule binds it. For a merged change: the one whose intake rule
   claims the repository. For the end of an incident: the one in which its source told of the beginning.

Only applications count there to which the sender may contribute, and only when exactly one fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contracts.registry.v1.intake import PipelineEvent
from contracts.vocabulary import Role
from services.registry.domain.intake_rule import Rule
from services.registry.domain.meanings import (
    ArtifactBuilt,
    Concern,
    IncidentBegan,
    IncidentEnded,
    SourceMerged,
    package_in,
)
from services.registry.domain.pipeline_event import Named
from services.registry.storage.unit_of_work import RegistryWork
from shared.errors import Conflict, Invalid, NotFound, Rejection
from shared.identity import EVERYWHERE, Caller


class NothingYetError(NotFound):
    """It belongs to nothing that is known by now, but something that would tell may be on its way."""


@dataclass(frozen=True)
class Belongs:
    """The application an event is about, and how its package stands to it."""

    project: str
    application: str
    package: Literal["none", "bound", "unbound", "to_bind"] = "none"


async def belongs_to(event: PipelineEvent, meaning: Concern, named: Named, work: RegistryWork) -> Belongs:
    """The application. Raises `NotFound` for none, `Conflict` for several, `Invalid` for a contradiction."""
    package = package_in(meaning)
    bound = await work.catalogue.application_of_package(package) if package else None
    if bound:
        if (named.project or bound[0], named.application or bound[1]) != bound:
            raise _contradiction(*bound)
        return Belongs(*bound, package="bound")
    if named.project and named.application:
        return await _as_named(meaning, (named.project, named.application), work)
    found = await _by_rule(meaning, named, work) or await _by_incident(event, meaning, work)
    if found is None:
        raise _unassigned(meaning, package)
    return Belongs(*found, package="to_bind" if isinstance(meaning, ArtifactBuilt) else "none")


async def _as_named(meaning: Concern, named: tuple[str, str], work: RegistryWork) -> Belongs:
    if not isinstance(meaning, ArtifactBuilt):
        return Belongs(*named)
    rule = (await work.bindings.rules([named[0]])).get(named, Rule())
    return Belongs(*named, package="to_bind" if rule.binds(meaning) else "unbound")


async def _by_rule(meaning: Concern, named: Named, work: RegistryWork) -> tuple[str, str] | None:
    if not isinstance(meaning, ArtifactBuilt | SourceMerged):
        return None
    caller = work.unit.caller
    rules = await work.bindings.rules(_projects(caller))
    fitting = sorted(
        (project, application)
        for (project, application), rule in rules.items()
        if _fits(rule, meaning)
        and _may_contribute(caller, project, application)
        and named.project in (None, project)
        and named.application in (None, application)
    )
    if len(fitting) > 1:
        several = ", ".join("/".join(one) for one in fitting[:5])
        raise Conflict(
            "intake_ambiguous",
            f"The intake rules of several applications fit: {several}.",
            remedy="Name project and application in customData.hallmark, or make the rules disjoint.",
        )
    return fitting[0] if fitting else None


def _fits(rule: Rule, meaning: ArtifactBuilt | SourceMerged) -> bool:
    return rule.binds(meaning) if isinstance(meaning, ArtifactBuilt) else rule.owns(meaning.repository)


async def _by_incident(event: PipelineEvent, meaning: Concern, work: RegistryWork) -> tuple[str, str] | None:
    if not isinstance(meaning, IncidentEnded):
        return None
    told = await work.deliveries.applications_of_incident(event.context.source, meaning.incident_id)
    fitting = [one for one in told if _may_contribute(work.unit.caller, *one)]
    return fitting[0] if len(fitting) == 1 else None


def _projects(caller: Caller) -> set[str] | None:
    """The projects in which the caller may do something; None for every project."""
    return None if EVERYWHERE in caller.grants else {*caller.grants, *caller.confined}


def _may_contribute(caller: Caller, project: str, application: str) -> bool:
    return bool(caller.roles_in(project, application) & {Role.CONTRIBUTOR, Role.ADMIN})


def _contradiction(project: str, application: str) -> Invalid:
    return Invalid(
        "event_contradicts_binding",
        f"The event names another application than {project}/{application}, to which its package belongs.",
        remedy="Leave the names out, or bind the package elsewhere.",
    )


def _unassigned(meaning: Concern, package: str | None) -> Rejection:
    remedy = "Name project and application in customData.hallmark."
    if package:
        # Nothing but a build can bind a package: whatever else is about it may have overtaken the build.
        kind = NotFound if isinstance(meaning, ArtifactBuilt) else NothingYetError
        remedy = "Bind the package to an application, or name project and application in customData.hallmark."
        return kind("package_unbound", f"{package} belongs to no application.", remedy=remedy)
    if isinstance(meaning, IncidentEnded):
        return NothingYetError("incident_unassigned", "The incident belongs to no application.", remedy=remedy)
    if isinstance(meaning, IncidentBegan):
        return NotFound("incident_unassigned", "The incident belongs to no application.", remedy=remedy)
    return NotFound("event_unassigned", "The event belongs to no application.", remedy=remedy)
