"""What the registry is asked."""

from __future__ import annotations

from contracts.registry.v1.deliveries import DeploymentPage, ListDeployments
from contracts.registry.v1.queries import (
    ListApplications,
    ListProjects,
    ListVersions,
    ShowApplication,
    ShowProject,
    ShowVersion,
)
from contracts.registry.v1.surveys import ApplicationSurvey, SurveyApplications
from contracts.registry.v1.views import (
    ApplicationPage,
    ApplicationView,
    ProjectPage,
    ProjectView,
    VersionPage,
    VersionView,
)
from services.registry.handlers import HANDLERS
from services.registry.storage.unit_of_work import RegistryWork
from shared.identity import EVERYWHERE


@HANDLERS.query(ListProjects)
async def list_projects(query: ListProjects, work: RegistryWork) -> ProjectPage:
    """The projects in which the caller has a role."""
    grants = work.unit.caller.grants
    only = None if EVERYWHERE in grants else sorted(grants)
    return await work.views.projects(query.after, query.limit, only)


@HANDLERS.query(ShowProject)
async def show_project(query: ShowProject, work: RegistryWork) -> ProjectView:
    """One project."""
    work.unit.caller.require_member(query.project)
    return await work.views.project(query.project)


@HANDLERS.query(ListApplications)
async def list_applications(query: ListApplications, work: RegistryWork) -> ApplicationPage:
    """The applications of a project."""
    work.unit.caller.require_member(query.project)
    return await work.views.applications(query.project, query.after, query.limit)


@HANDLERS.query(SurveyApplications)
async def survey_applications(query: SurveyApplications, work: RegistryWork) -> ApplicationSurvey:
    """The applications of all projects that the caller may see."""
    return await work.surveys.applications(query, work.unit.caller.seen_projects(query.project))


@HANDLERS.query(ShowApplication)
async def show_application(query: ShowApplication, work: RegistryWork) -> ApplicationView:
    """One application with its stage board."""
    work.unit.caller.require_member(query.project, query.application)
    return await work.views.application(query.project, query.application)


@HANDLERS.query(ListDeployments)
async def list_deployments(query: ListDeployments, work: RegistryWork) -> DeploymentPage:
    """What of an application runs where."""
    work.unit.caller.require_member(query.project, query.application)
    return await work.views.deployments(query.project, query.application, query.after, query.limit)


@HANDLERS.query(ListVersions)
async def list_versions(query: ListVersions, work: RegistryWork) -> VersionPage:
    """The versions of an application."""
    work.unit.caller.require_member(query.project, query.application)
    return await work.views.versions(query.project, query.application, query.after, query.limit)


@HANDLERS.query(ShowVersion)
async def show_version(query: ShowVersion, work: RegistryWork) -> VersionView:
    """One version."""
    work.unit.caller.require_member(query.project, query.application)
    return await work.views.version(await work.versions.look_up(query.project, query.application, query.version))
