"""Access tokens: made, shown once, listed and revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.vocabulary import ActorKind, Role
from services.gateway.auth import Here
from services.gateway.console.rendering import page
from services.gateway.console.settings_forms import grants
from services.gateway.console.viewing import Sent, Viewed, Viewer
from services.gateway.http import tokens
from services.gateway.http.tokens import MakeToken
from shared.errors import Invalid

router = APIRouter(prefix="/settings/tokens")
_DAYS = (7, 30, 90, 365)


@router.get("")
async def list_tokens(
    request: Request, here: Here, viewer: Viewed, after: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """The tokens that the viewer may manage."""
    found = await tokens.list_tokens(here, viewer.asking, after, 50)
    values: dict[str, Any] = {
        "tokens": found.tokens,
        "next": found.next,
        "kinds": list(ActorKind),
        "roles": list(Role),
        "days": _DAYS,
    }
    admin_of = sorted(project for project, held in viewer.caller.grants.items() if Role.ADMIN in held)
    return page(request, "settings/tokens.html", viewer, admin_of=admin_of, **values)


@router.post("")
async def make_token(request: Request, here: Here, form: Sent) -> Response:
    """Make a token, and show its secret this once: the answer is the page itself, and a reload makes no other."""
    try:
        lasts = timedelta(days=int(form.text("days")))
    except ValueError as error:
        raise Invalid("field_malformed", "The number of days is not one.", remedy="Choose one of the list.") from error
    wanted = MakeToken.model_validate(
        {
            "subject": form.needed("subject", "The name"),
            "kind": form.text("kind"),
            "grants": grants(form.text("projects"), form.several.get("roles", ())),
            "expires_at": here.clock() + lasts,
        }
    )
    made = await tokens.make_token(wanted, here, form.viewer.asking, form.command_id)
    return page(request, "settings/token.html", form.viewer, made=made)


@router.post("/{token_id}/revoke")
async def revoke_token(here: Here, form: Sent, token_id: str) -> Response:
    """The token opens nothing from now on; the sessions begun with it end."""
    viewer: Viewer = form.viewer
    await tokens.revoke_token(token_id, here, viewer.asking)
    return RedirectResponse("/settings/tokens", 303)
