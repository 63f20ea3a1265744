"""What one gateway process holds from start to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client

from contracts.vocabulary import Actor, ActorKind, Role
from services.gateway.blobs import Blobs
from services.gateway.people.parts import INDEXES as PEOPLE_INDEXES
from services.gateway.people.parts import People, people_of
from services.gateway.pipelines import Pipelines
from services.gateway.settings import GatewaySettings
from services.gateway.storage import deliveries as delivery_storage
from services.gateway.storage import sessions as session_storage
from services.gateway.storage import spent_tokens
from services.gateway.storage import tokens as token_storage
from services.gateway.storage import webhooks as webhook_storage
from services.gateway.storage.sessions import SessionRepository
from services.gateway.storage.spent_tokens import SpentTokens
from services.gateway.storage.tokens import TokenRepository
from services.gateway.webhooks.duties import Webhooks, webhook_duties
from shared.clock import Clock, utc_now
from shared.errors import Transient
from shared.identity import EVERYWHERE, SPOKESMAN, Caller, Speaker, load_identity_key
from shared.logs import log
from shared.messaging import outbox
from shared.messaging.asking import Asker
from shared.messaging.broker import make_broker
from shared.mongo import Database, connect, keep_sharing_server_time, share_server_time
from shared.oidc.fetching import KeyFetcher
from shared.oidc.key_cache import KeyCache
from shared.oidc.verifier import Verifier
from shared.tracing import tracing_middlewares

INDEXES = {
    token_storage.COLLECTION: token_storage.INDEXES,
    webhook_storage.COLLECTION: webhook_storage.INDEXES,
    delivery_storage.COLLECTION: delivery_storage.INDEXES,
    delivery_storage.CURSORS: (),
    session_storage.COLLECTION: session_storage.INDEXES,
    spent_tokens.COLLECTION: spent_tokens.INDEXES,
    **PEOPLE_INDEXES,
    outbox.COLLECTION: outbox.INDEXES,
    "leases": (),
}
ITSELF = Caller(Actor(subject=SPOKESMAN, kind=ActorKind.SERVICE), {EVERYWHERE: frozenset({Role.VIEWER})})
"""As whom the gateway asks without anybody signed in: for public badges, and what a pipeline's run may do."""


@dataclass
class Gateway:
    """The connections and keys of one process."""

    settings: GatewaySettings
    database: Database
    connection: Client
    asker: Asker
    tokens: TokenRepository
    sessions: SessionRepository
    """People who are signed in to the console."""
    blobs: Blobs
    key: Ed25519PrivateKey
    """The issuer key `gateway`: with it the gateway says who asks."""
    speaker: Speaker
    """Says so for single requests."""
    clock: Clock
    webhooks: Webhooks
    pipelines: Pipelines
    """Signs in the runs of pipelines."""
    people: People
    """Who has signed in with an issuer, and the ways of signing in."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Live streams end when it is set."""
    streams: int = 0
    """Live streams being served."""
    closing: set[asyncio.Task[None]] = field(default_factory=set)
    """Consumers of ended streams on their way out."""

    async def problems(self) -> list[str]:
        """What keeps this instance from doing its work, in words; empty when nothing does."""
        found = ["it is stopping"] if self.stopping.is_set() else []
        if not self.connection.is_connected:
            found.append("NATS is not connected")
        try:
            await asyncio.wait_for(self.database.ping(), 2.0)
        except (Transient, TimeoutError):
            found.append("MongoDB does not answer")
        return found


@asynccontextmanager
async def connected(settings: GatewaySettings, clock: Clock) -> AsyncIterator[Gateway]:
    """The gateway's parts, connected until the end of the block. Raises `OSError` without an identity key."""
    if settings.identity_key is None:
        raise OSError("HALLMARK_IDENTITY_KEY is not set: no service would believe who asks")
    key = load_identity_key(settings.identity_key)

    speaker = Speaker(key, SPOKESMAN)

    def own_token() -> str:
        return speaker.token(ITSELF, utc_now())

    broker = make_broker(settings, tracing_middlewares(settings))
    url = settings.mongo_url.get_secret_value()
    async with (
        connect(url, settings.database, application="hallmark-gateway") as database,
        httpx.AsyncClient(timeout=settings.ask_deadline, trust_env=False, follow_redirects=False) as http,
    ):
        await _prepare(database)
        connection = await broker.connect()
        asker = Asker(broker, source="/hallmark/gateway", own_token=own_token, clock=clock)
        tokens = TokenRepository(database.collection(token_storage.COLLECTION))
        sessions = SessionRepository(database.collection(session_storage.COLLECTION))
        blobs = Blobs(http, settings.evidence_addresses, settings.max_evidence_bytes)
        sharing = asyncio.create_task(keep_sharing_server_time(database))
        try:
            async with webhook_duties(settings, database, connection, key, clock) as webhooks:
                pipelines = _pipelines(settings, asker, database)
                gateway = Gateway(
                    settings,
                    database,
                    connection,
                    asker,
                    tokens,
                    sessions,
                    blobs,
                    key,
                    speaker,
                    clock,
                    webhooks,
                    pipelines,
                    people_of(settings, database),
                )
                try:
                    yield gateway
                finally:
                    gateway.stopping.set()
                    await asyncio.gather(*gateway.closing, return_exceptions=True)
        finally:
            sharing.cancel()
            await broker.stop()


def _pipelines(settings: GatewaySettings, asker: Asker, database: Database) -> Pipelines:
    fetcher = KeyFetcher(settings.oidc_networks, ca_file=settings.oidc_ca_file)
    verifier = Verifier(settings.believed_issuers, KeyCache(fetcher.keys_of))
    spent = SpentTokens(database.collection(spent_tokens.COLLECTION))
    return Pipelines(verifier, asker, spent, deadline=settings.ask_deadline)


async def _prepare(database: Database) -> float:
    """MongoDB may come up after the gateway: keep trying, and say so."""
    while True:
        try:
            await database.create_indexes(INDEXES)
            return await share_server_time(database)
        except Transient as error:
            log.warning("waiting for MongoDB", problem=error.message)
            await asyncio.sleep(0.5)
