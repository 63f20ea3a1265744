"""Pipelines that come with the ID token of their run: no secret of theirs is kept anywhere.

- The gateway proves the token; the registry, which has the rules, says who the run is and what it may do.
- What the registry said counts for this token for `KEPT_SECONDS`, so a rule that was changed or withdrawn takes effect
  within them. A refusal is asked again each time.
- A token may be used until it ends. Exchanged for one that works on NATS it is once only.
- Refusals are logged with the claim that is in the way; callers are not told the rules of others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from contracts.registry.v1.pipelines import PipelineRights, ResolvePipeline
from contracts.vocabulary import Actor, ActorKind, Role
from services.gateway.storage.spent_tokens import SpentTokens
from services.gateway.tokens import token_id_of
from shared.errors import Forbidden, Unauthenticated
from shared.identity import Caller
from shared.logs import log
from shared.messaging.asking import Asker
from shared.oidc.token import VerifiedClaims
from shared.oidc.verifier import Verifier

KEPT_SECONDS = 30.0
_MOST_REMEMBERED = 1000


class Pipelines:
    """Finds out which run comes with a token, and what it may do."""

    def __init__(
        self,
        verifier: Verifier,
        asker: Asker,
        spent: SpentTokens,
        *,
        deadline: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verifier = verifier
        self._asker = asker
        self._spent = spent
        self._deadline = deadline
        self._clock = clock
        self._known: dict[str, tuple[float, PipelineRights]] = {}

    async def caller_behind(self, token: str, now: datetime) -> Caller:
        """The run that the token is of.

        Raises `Unauthenticated` for a token that is not in order, `Forbidden` when no rule lets its run act, and
        `Transient` when that cannot be found out.
        """
        said = await self._proven(token, now)
        rights = await self._rights(token, said)
        if not rights.rights:
            log.warning("no rule lets a run act", run=rights.run, misfits=rights.misfits)
            raise Forbidden(
                "pipeline_not_allowed",
                f"No pipeline identity lets the run {rights.run} act.",
                remedy="Have an administrator apply one that fits; the gateway's log names the claims in the way.",
            )
        return caller_from(rights)

    async def spend(self, token: str, now: datetime) -> None:
        """Take note that a token was exchanged. Raises `Unauthenticated` for one that was before, or has no id."""
        said = await self._proven(token, now)
        if said.token_id is None:
            raise Unauthenticated(
                "token_claim_missing",
                "The ID token has no id (jti), so nobody could tell whether it is exchanged twice.",
                remedy="Use it as it is over HTTP, or have the issuer number its tokens.",
            )
        if not await self._spent.add(said.issuer, said.token_id, said.expires_at):
            log.warning("an ID token was exchanged again", issuer=said.issuer)
            raise Unauthenticated(
                "token_replayed",
                "The ID token was exchanged before.",
                remedy="Have the pipeline's run get a new ID token.",
            )

    async def _proven(self, token: str, now: datetime) -> VerifiedClaims:
        try:
            return await self._verifier.verify(token, now=now)
        except Unauthenticated as error:
            log.warning("an ID token was refused", code=error.code)
            raise

    async def _rights(self, token: str, said: VerifiedClaims) -> PipelineRights:
        key = token_id_of(token)
        asked_at, rights = self._known.get(key, (0.0, None))
        now = self._clock()
        if rights is None or now - asked_at >= KEPT_SECONDS:
            query = ResolvePipeline(issuer=said.issuer, claims=dict(said.claims))
            rights = await self._asker.ask(query, PipelineRights, deadline=self._deadline)
            self._remember(key, now, rights)
        return rights

    def _remember(self, key: str, asked_at: float, rights: PipelineRights) -> None:
        self._known.pop(key, None)
        if rights.rights:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = (asked_at, rights)


def caller_from(rights: PipelineRights) -> Caller:
    """The run as a caller, with what each rule grants where it grants it."""
    whole: dict[str, frozenset[Role]] = {}
    confined: dict[str, dict[str, frozenset[Role]]] = {}
    for right in rights.rights:
        if right.application is None:
            whole[right.project] = frozenset(right.roles)
        else:
            confined.setdefault(right.project, {})[right.application] = frozenset(right.roles)
    return Caller(Actor(subject=rights.run, kind=ActorKind.PIPELINE), whole, confined)
