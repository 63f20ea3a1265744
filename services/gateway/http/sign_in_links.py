"""One-time links that sign in to the console whoever holds an access token."""

from __future__ import annotations

from fastapi import APIRouter, Request

from contracts.vocabulary import Frozen, Utc
from services.gateway.auth import Here, Secret, SignedIn
from services.gateway.console.cookies import own_origin
from services.gateway.tokens import token_id_of
from shared.errors import Forbidden
from shared.logs import log
from shared.oidc.token import looks_like_token

router = APIRouter(prefix="/sign-in-links", tags=["tokens"])


class SignInLink(Frozen):
    """Opens the console once, as whom the access token speaks for that made it."""

    url: str
    expires_at: Utc


@router.post("", status_code=201, operation_id="MakeSignInLink")
async def make_sign_in_link(request: Request, here: Here, asking: SignedIn, secret: Secret) -> SignInLink:
    """Make a link that signs in once within ten minutes. The session ends with the access token."""
    if looks_like_token(secret):
        raise Forbidden("link_of_run", "Runs of pipelines sign nobody in.", remedy="Use an access token.")
    code, expires_at = await here.people.links.make(token_id_of(secret), here.clock())
    log.info("sign-in link made", subject=asking.caller.actor.subject)
    return SignInLink(url=f"{own_origin(request)}/sign-in/link?code={code}", expires_at=expires_at)
