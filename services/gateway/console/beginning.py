"""What every way of signing in does alike: count failures, begin a session, end the one before, and say so in the log.

The log names who, how and from where. No secret, code, token or cookie is in it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.console import cookies
from services.gateway.parts import Gateway
from services.gateway.sessions import AT_MOST, COOKIE, Means, begin, new_secret, session_id_of
from services.gateway.storage.failed_sign_ins import address_of
from shared.errors import Unauthenticated
from shared.logs import log

_OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x1f]*")


def own_path(wanted: str) -> str:
    """Where one wanted to go, if that is here: an address elsewhere, however written, becomes the overview."""
    return wanted if _OWN_PATH.fullmatch(wanted) else "/"


@asynccontextmanager
async def counted(request: Request, here: Gateway, means: Means, *sources: str) -> AsyncIterator[None]:
    """Try to sign in inside the block. Raises `Busy` when too much has failed from the address or other `sources`."""
    address = _address(request)
    everything = [f"address {address}", *sources]
    await here.people.failed.refuse_many(everything, here.clock())
    try:
        yield
    except Unauthenticated as error:
        await here.people.failed.note(everything, here.clock())
        log.warning("sign-in refused", how=means.value, code=error.code, address=address)
        raise


async def begin_session(
    request: Request,
    here: Gateway,
    answer: Response,
    *,
    means: Means,
    holder: str,
    who: str,
    groups: tuple[str, ...] = (),
) -> None:
    """Begin a session in the browser that gets `answer`; whatever session it had is over."""
    before = cookies.read(request, COOKIE)
    if before:
        await here.sessions.end(session_id_of(before))
    secret = new_secret()
    await here.sessions.add(begin(secret, means, holder, here.clock(), groups))
    cookies.keep(request, answer, COOKIE, secret, lasting=AT_MOST, sent="strict")
    log.info("signed in", subject=who, how=means.value, address=_address(request))


def _address(request: Request) -> str:
    return address_of(request.client.host if request.client else "")
