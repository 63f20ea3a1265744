"""A registry at work, with short words for what the tests ask, tell and read of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.answers import Applied
from contracts.headers import Meta
from contracts.message import DeadLetter, Message
from contracts.registry.v1.commands import (
    ApplyApplication,
    ApplyLifecycle,
    ApplyProject,
    CreateVersion,
    MoveVersion,
    Stage,
)
from contracts.registry.v1.queries import ShowApplication, ShowVersion
from contracts.registry.v1.views import ApplicationView, StandingVersion, VersionView
from contracts.vocabulary import Artifact, Criticality, GateKind, PromotionKind, SourceCommit
from services.registry.app import SERVICE
from shared.crypto import keys
from shared.digests import sha256_digest
from shared.messaging.asking import Asker
from shared.service import Running
from tests.support.clearances import cleared
from tests.support.clock import FrozenClock
from tests.support.eventually import eventually
from tests.support.system import System

WHEEL = Artifact(purl="pkg:pypi/cart@1.0", digest=sha256_digest(b"wheel"))
SOURCE = SourceCommit(
    repository="https://git.example/cart",
    commit="0123abc",
    committed_at=datetime(2026, 1, 1, 1, 2, 3, 456789, tzinfo=UTC),
    author="ann",
    committer="pipe",
)


@dataclass
class Shop:
    """A registry with somebody to ask it."""

    system: System
    run: Running[Any]
    asker: Asker
    clock: FrozenClock
    asked: int = 0

    def id(self) -> str:
        self.asked += 1
        return f"c-{self.asked}"

    async def project(self, name: str = "shop", token: str | None = None, **more: Any) -> Applied:
        return await self.asker.ask(ApplyProject(command_id=self.id(), project=name, **more), Applied, token=token)

    async def lifecycle(
        self, *stages: str, name: str = "default", project: str = "shop", release: tuple[str, ...] = ()
    ) -> Applied:
        listed = tuple(
            Stage(name=stage, open=(GateKind.EXIT,) if stage == "dev" else (), release=stage in release)
            for stage in stages
        )
        command = ApplyLifecycle(command_id=self.id(), project=project, lifecycle=name, stages=listed)
        return await self.asker.ask(command, Applied)

    async def application(self, name: str = "cart", token: str | None = None, **more: Any) -> Applied:
        command = ApplyApplication(command_id=self.id(), project="shop", application=name, **more)
        return await self.asker.ask(command, Applied, token=token)

    async def version(self, name: str = "1.0", token: str | None = None, **more: Any) -> VersionView:
        made_of = {"application": "cart", "artifacts": (WHEEL,), "source": SOURCE} | more
        command = CreateVersion(command_id=self.id(), project="shop", version=name, **made_of)
        return await self.asker.ask(command, VersionView, token=token)

    async def shown(self, name: str = "1.0") -> VersionView:
        return await self.asker.ask(ShowVersion(project="shop", application="cart", version=name), VersionView)

    async def furnished(self) -> None:
        await self.project()
        await self.lifecycle("dev", "qa", "prod")
        await self.application(packages=("pkg:pypi/cart",), criticality=Criticality.HIGH, owners=("team",))

    async def hear(self, message: Message, message_id: str, token: str | None = None) -> None:
        """Hand a durable message to its handler, as a delivery of it does."""
        meta = Meta(message_id=message_id, correlation_id="test", source="/test", time=self.clock())
        await self.run.dispatcher.dispatch(SERVICE.handlers.heard[type(message)], message, meta, token)

    async def move(
        self,
        version: VersionView,
        place: str | None,
        to: str,
        *,
        kind: PromotionKind = PromotionKind.PROMOTE,
        promotion: str | None = None,
        message_id: str | None = None,
        **more: Any,
    ) -> None:
        tell = self.told(version, place, to, kind=kind, promotion=promotion, **more)
        await self.hear(self.cleared(tell), message_id or self.id())

    def told(
        self,
        version: VersionView,
        place: str | None,
        to: str,
        *,
        kind: PromotionKind = PromotionKind.PROMOTE,
        promotion: str | None = None,
        **more: Any,
    ) -> MoveVersion:
        """The tell that nobody has cleared yet."""
        return MoveVersion(
            **{
                "project": "shop",
                "application": version.application,
                "promotion_id": promotion or f"{version.version}-{kind}-{to}",
                "attempt": 1,
                "version": version.version,
                "version_digest": version.digest,
                "kind": kind,
                "from_stage": place,
                "to_stage": to,
                "verdict_id": "v-1",
                "verdict_expires_at": self.clock() + timedelta(minutes=5),
                "passage_digest": sha256_digest(b"passage"),
                "requested_by": "ann",
                "reason": "it is time",
            }
            | more
        )

    def cleared(self, tell: MoveVersion, **lies: Any) -> MoveVersion:
        """The tell with the gate's clearance of it."""
        key = keys.load_private((self.system.directory / "gate.key").read_bytes())
        return cleared(tell, key, release=tell.to_stage in {"prod", "eu", "us"}, **lies)

    async def board(self, name: str = "cart") -> dict[str, StandingVersion]:
        """The stages of an application."""
        shown = await self.asker.ask(ShowApplication(project="shop", application=name), ApplicationView)
        return {row.stage: row for row in shown.board}

    async def facts(self, *kinds: type[Message]) -> list[Any]:
        """Everything announced so far, in order; of these kinds."""
        await eventually(
            lambda: self.run.database.collection("outbox").count({"sent": False}), lambda unsent: unsent == 0
        )
        jetstream = (await self.system.connect("provision")).jetstream()
        last = (await jetstream.stream_info("HALLMARK_EVT")).state.last_seq
        raw = [await jetstream.get_msg("HALLMARK_EVT", number) for number in range(1, last + 1)]
        return [
            kind.model_validate_json(message.data or b"")
            for message in raw
            for kind in kinds
            if (message.subject or "").startswith(f"{kind.subject}.")
        ]

    async def dead_letters(self) -> list[DeadLetter]:
        jetstream = (await self.system.connect("provision")).jetstream()
        last = (await jetstream.stream_info("HALLMARK_DEAD")).state.last_seq
        found = [await jetstream.get_msg("HALLMARK_DEAD", number) for number in range(1, last + 1)]
        return [DeadLetter.model_validate_json(message.data or b"") for message in found]


def a_cdevent(kind: str, subject: str, event_id: str, **more: Any) -> dict[str, Any]:
    return {
        "context": {
            "specversion": "0.5.1",
            "id": event_id,
            "source": "/ci/cart",
            "type": f"dev.cdevents.{kind}.0.3.0",
            "timestamp": "2026-01-02T03:00:00Z",
        },
        "subject": {"id": subject, "content": more.get("content", {})},
        "customData": {"hallmark": more.get("hallmark", {})},
    }
