"""What each user of NATS and MongoDB may do, derived from what each service declares: nothing is granted by hand.

- A service publishes its own facts, its own dead letters, the asks and tells it declares, nothing in another's name.
- It reads its own durable consumers and acknowledges on them; it can neither make, change nor delete one.
- It reads back its own facts, through consumers of fixed names, and no others'.
- Every user has inboxes of its own, so nobody reads another's replies.
- In its own database a service reads and inserts everywhere, and changes and removes only what it is there for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nats.js.api import DeliverPolicy

from contracts.catalog import MESSAGES
from contracts.message import Addressed, Command, Intake, Query, addressed
from contracts.streams import DEAD, EVT, STREAMS, TELL
from deploy.local.options import MongoRights, NatsRights
from shared.messaging.binding import durables
from shared.messaging.reconciling import reader_name
from shared.messaging.waking import wake_subject
from shared.service import TECHNICAL_INDEXES, Service

GATEWAY, PIPELINE, SUBSCRIBER, PROVISION = "gateway", "pipeline", "subscriber", "provision"


def inbox_of(user: str) -> str:
    """The subjects on which replies to this user arrive."""
    return f"_INBOX_{user}.>"


def rights_of_service(service: Service[Any]) -> NatsRights:
    """The rights of one service's NATS user."""
    publish = [
        f"hallmark.evt.{service.name}.>",
        f"hallmark.dead.{service.name}.>",
        wake_subject(service.name),
        *(message.subject for message in (*service.asks, *service.tells)),
    ]
    for stream, consumer in durables(service.name, service.handlers):
        name = f"{stream.name}.{consumer.durable_name}"
        publish += [f"$JS.API.CONSUMER.INFO.{name}", f"$JS.API.CONSUMER.MSG.NEXT.{name}", f"$JS.ACK.{name}.>"]
    publish += _reconciling(service.name)
    asked = [heard.subject_for(service.name) for heard in service.handlers.heard.values() if heard.is_ask]
    subscribe = [inbox_of(service.name), wake_subject(service.name), *asked]
    return NatsRights(tuple(publish), tuple(subscribe), allow_responses=True)


def mongo_rights_of_service(service: Service[Any]) -> MongoRights:
    """What one service's MongoDB user may change and remove."""
    known = {*TECHNICAL_INDEXES, *service.indexes}
    return MongoRights(tuple(sorted(known - service.inserts_only)), tuple(sorted(service.removes)))


def all_mongo_rights(services: Iterable[Service[Any]]) -> dict[str, MongoRights]:
    """The MongoDB users of these services with their rights."""
    return {service.name: mongo_rights_of_service(service) for service in services}


def _reconciling(service: str) -> list[str]:
    """Seeing how streams stand, and reading back what it has said itself."""
    rights = [f"$JS.API.STREAM.INFO.{stream.name}" for stream in (EVT, TELL, DEAD)]
    for policy in (DeliverPolicy.ALL, DeliverPolicy.LAST):
        name = reader_name(service, policy)
        rights += [
            f"$JS.API.CONSUMER.CREATE.{EVT.name}.{name}.hallmark.evt.{service}.>",
            f"$JS.API.CONSUMER.MSG.NEXT.{EVT.name}.{name}",
            f"$JS.API.CONSUMER.DELETE.{EVT.name}.{name}",
        ]
    return rights


def all_rights(services: Iterable[Service[Any]]) -> dict[str, NatsRights]:
    """Every NATS user of the system with its rights."""
    asks = tuple(
        addressed(message.subject, "*") if issubclass(message, Addressed) else message.subject
        for message in MESSAGES
        if issubclass(message, Command | Query)
    )
    intake = tuple(message.subject for message in MESSAGES if issubclass(message, Intake))
    return {
        **{service.name: rights_of_service(service) for service in services},
        # Live streams and webhooks read the facts through short-lived consumers of their own.
        GATEWAY: NatsRights(
            (
                *asks,
                f"hallmark.evt.{GATEWAY}.>",
                wake_subject(GATEWAY),
                # How streams and consumers stand, for whoever operates the system: numbers, no messages.
                *(f"$JS.API.STREAM.INFO.{stream.name}" for stream in STREAMS),
                *(f"$JS.API.CONSUMER.LIST.{stream.name}" for stream in STREAMS),
                f"$JS.API.CONSUMER.CREATE.{EVT.name}.>",
                f"$JS.API.CONSUMER.DELETE.{EVT.name}.>",
                "$JS.FC.>",
            ),
            (inbox_of(GATEWAY), wake_subject(GATEWAY)),
        ),
        PIPELINE: NatsRights(intake, (inbox_of(PIPELINE),)),
        SUBSCRIBER: NatsRights((), ("hallmark.evt.>", inbox_of(SUBSCRIBER))),
        PROVISION: NatsRights(("$JS.API.>",), (inbox_of(PROVISION),)),
    }
