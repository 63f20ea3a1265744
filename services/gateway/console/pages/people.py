"""Who signs in with the issuer, and which roles they hold."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.registry.v1.queries import ListProjects
from contracts.registry.v1.views import ProjectPage
from contracts.vocabulary import Role
from services.gateway.auth import Here
from services.gateway.console.rendering import page, words
from services.gateway.console.viewing import Sent, Viewed, Viewer
from services.gateway.http.people import GiveRoles, PersonId, people_page, person_view, signed_out, visible
from services.gateway.people.granting import give, take
from services.gateway.people.person import may_see
from shared.identity import EVERYWHERE

router = APIRouter()
_SHOWN = 50
_ROLE: TypeAdapter[Role] = TypeAdapter(Role)


@router.get("/settings/people")
async def list_people(
    request: Request, here: Here, viewer: Viewed, after: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """Who has signed in."""
    found = await people_page(here, viewer.caller, after=after, limit=_SHOWN)
    return page(
        request, "people/list.html", viewer, people=found.people, after=found.next, issuer=here.settings.sign_in_issuer
    )


@router.get("/settings/people/{person_id}")
async def show_person(person_id: PersonId, request: Request, here: Here, viewer: Viewed) -> Response:
    """One person, with what may be given and taken."""
    person = await person_view(here, viewer.caller, person_id)
    projects = await _administered(viewer)
    roles = [(one.value, words(one)) for one in Role]
    groups = sorted(here.settings.sign_in_group_grants) if may_see(viewer.caller) else []
    sessions = [one for one in await here.sessions.of(person_id) if not one.is_over(here.clock())]
    values: dict[str, Any] = {"projects": projects, "roles": roles, "groups": groups, "sessions": sessions}
    return page(request, "people/show.html", viewer, person=person, **values)


@router.post("/settings/people/{person_id}/give")
async def give_role(person_id: PersonId, here: Here, form: Sent) -> Response:
    """Have the person hold one more role."""
    wanted = {form.needed("project", "The project"): [form.needed("role", "The role")]}
    body = GiveRoles.model_validate({"grants": wanted})
    person = await visible(here, form.viewer.caller, person_id)
    await give(here, form.viewer.asking, person, body.grants)
    return _back(person_id)


@router.post("/settings/people/{person_id}/take")
async def take_role(person_id: PersonId, here: Here, form: Sent) -> Response:
    """Have the person hold one role less."""
    project = form.needed("project", "The project")
    role = _ROLE.validate_python(form.needed("role", "The role"))
    person = await visible(here, form.viewer.caller, person_id)
    await take(here, form.viewer.asking, person, project, [role])
    return _back(person_id)


@router.post("/settings/people/{person_id}/sign-out")
async def sign_person_out(person_id: PersonId, here: Here, form: Sent) -> Response:
    """End every session of the person."""
    await signed_out(here, form.viewer.caller, person_id)
    return _back(person_id)


def _back(person_id: str) -> Response:
    return RedirectResponse(f"/settings/people/{quote(person_id, safe='')}", 303)


async def _administered(viewer: Viewer) -> list[str]:
    """The projects in which the viewer may give roles, as far as one list holds them; others can be written."""
    if not viewer.may(EVERYWHERE, Role.ADMIN):
        return sorted(project for project, roles in viewer.caller.grants.items() if Role.ADMIN in roles)
    known = await viewer.ask(ListProjects(), ProjectPage)
    return [EVERYWHERE, *(one.project for one in known.projects)]
