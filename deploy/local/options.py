"""What a local stack consists of: the caller's input, checked once.

Rules
- A service is named by words that are safe in file names, NATS user names and database names.
- Every service that is to use the started NATS server needs rights there; nobody gets rights by omission.
- Existing servers (`nats_url`, `mongo_url`) are used as they are: they are neither started, provisioned with users
  nor stopped here.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.nodes import NODES
from shared.errors import Invalid

if TYPE_CHECKING:
    from deploy.local.servers import Servers

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_ENTRY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_MOST_INSTANCES = 32
DATABASE_PREFIX = "hallmark_"


@dataclass(frozen=True, slots=True)
class NatsRights:
    """What one NATS user may publish to and subscribe to. Empty lists mean: nothing at all."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    allow_responses: bool = False


@dataclass(frozen=True, slots=True)
class MongoRights:
    """What one MongoDB user may do in its own database beside reading and inserting, by collection."""

    updates: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One service of the stack.

    `entry` is written `package.module:function`; the function takes the child's whole environment and blocks until
    SIGTERM. It is a name and not a callable so that the supervisor never imports a service: the launcher does, while
    the servers start. `health_port` is the port wished for the first instance (0: any free one); the service answers
    `GET /ready` there.
    """

    name: str
    entry: str
    health_port: int = 0
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise Invalid("service_name_invalid", f"{self.name!r} is no service name.", remedy="Use a-z, 0-9 and _.")
        if not _ENTRY.fullmatch(self.entry):
            raise Invalid(
                "service_entry_invalid",
                f"{self.entry!r} does not name the entry of service {self.name}.",
                remedy="Write it as package.module:function.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """Everything `run_stack` needs to know.

    `nats_rights` maps each NATS user to its rights: one per service, and whoever else connects (`pipeline`,
    `provision`). `mongo_rights` confines MongoDB users; one that is not in it may read and write its own database.
    `provision` is awaited when the servers are ready and before any service starts.
    `nodes` is how many of each server to start: one, or three that stand in for each other. Not `usual_ports`: servers
    take any free ones, so that several stacks can start at the same time.
    `greeting` is given where things are once everything is ready, and says what a person is told beside it.
    `start_timeout` bounds each of: servers ready, services ready (seconds).
    """

    data_dir: Path
    services: Sequence[ServiceSpec] = ()
    scale: Mapping[str, int] = field(default_factory=dict)
    nats_url: str | None = None
    mongo_url: str | None = None
    nats_rights: Mapping[str, NatsRights] = field(default_factory=dict)
    mongo_rights: Mapping[str, MongoRights] = field(default_factory=dict)
    provision: Callable[[Servers], Awaitable[None]] | None = None
    nodes: int = 1
    usual_ports: bool = True
    greeting: Callable[[Mapping[str, str]], Awaitable[Sequence[str]]] | None = None
    start_timeout: float = 60.0

    def __post_init__(self) -> None:
        if self.nodes not in NODES:
            raise Invalid("nodes_invalid", f"Cannot run {self.nodes} of each server.", remedy="Use 1 or 3 nodes.")
        names = [spec.name for spec in self.services]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise Invalid("service_named_twice", f"The service {twice[0]} is listed twice.")
        for name, instances in self.scale.items():
            if name not in names or not 1 <= instances <= _MOST_INSTANCES:
                raise Invalid(
                    "scale_invalid",
                    f"Cannot run {instances} instances of {name}.",
                    remedy=f"Name one of {', '.join(names)} and 1 to {_MOST_INSTANCES} instances.",
                )
        without = sorted(set(names) - set(self.nats_rights))
        if without and self.nats_url is None:
            raise Invalid(
                "nats_rights_missing",
                f"The service {without[0]} has no NATS rights.",
                remedy="Add it to nats_rights; an empty NatsRights() is allowed.",
            )


@dataclass(frozen=True, slots=True)
class Instance:
    """One process of a service: `gate`, or `gate-2` when there are several."""

    name: str
    spec: ServiceSpec
    number: int


def instances_of(options: StackOptions) -> tuple[Instance, ...]:
    """Every process to start, in the order of the services."""
    found: list[Instance] = []
    for spec in options.services:
        count = options.scale.get(spec.name, 1)
        found += [
            Instance(spec.name if count == 1 else f"{spec.name}-{number}", spec, number)
            for number in range(1, count + 1)
        ]
    return tuple(found)
