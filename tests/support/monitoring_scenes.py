"""What monitoring hears in its tests: scripted neighbours, and facts about made-up projects."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from contracts.evidence.v1.events import EvidenceAdded
from contracts.evidence.v1.queries import ListComponents
from contracts.evidence.v1.views import ComponentPage
from contracts.facts import Component, EvidenceItem, SbomFacts
from contracts.headers import Meta
from contracts.message import Event, Message
from contracts.monitoring.v1.commands import AdvisoriesImported, ImportAdvisories
from contracts.monitoring.v1.queries import ListRisk, ShowTrust
from contracts.monitoring.v1.views import ReleaseTrust, RiskPage
from contracts.promotion.v1.events import ReleaseTrusted
from contracts.registry.v1.deliveries import DeploymentRecorded, ServiceChange
from contracts.registry.v1.events import StandingChanged, VersionCreated, VersionMoved
from contracts.vocabulary import Artifact, Criticality, PromotionKind, ReleaseStatus, SourceCommit
from services.monitoring.app import SERVICE
from shared.digests import sha256_digest
from shared.messaging.asking import Asker
from shared.messaging.handlers import Handlers
from shared.messaging.unit_of_work import UnitOfWork
from shared.service import Running, Service
from tests.support.clock import FrozenClock
from tests.support.system import System, a_system

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SOURCE = SourceCommit(repository="https://git.example/shop", commit="a" * 40, committed_at=NOW - timedelta(hours=6))


def digest(*words: str) -> str:
    return sha256_digest("/".join(words).encode())


def neighbours(boms: dict[str, list[str]]) -> list[Service[Any]]:
    """An evidence service that names the components in `boms`, two a page; a registry and a promotion service."""
    handlers: Handlers[UnitOfWork] = Handlers(lambda unit: unit)

    @handlers.query(ListComponents)
    async def list_components(query: ListComponents, _: UnitOfWork) -> ComponentPage:
        rest = [purl for purl in sorted(boms[query.evidence_id]) if purl > (query.after or "")]
        page = tuple(Component(purl=purl) for purl in rest[:2])
        return ComponentPage(components=page, next=page[-1].purl if len(rest) > 2 else None)

    others: list[Service[Any]] = [Service(name, Handlers(lambda unit: unit), {}) for name in ("registry", "promotion")]
    return [Service("evidence", handlers, {}), *others]


@dataclass
class Scene:
    """Monitoring and its neighbours at work."""

    system: System
    run: Running[Any]
    others: dict[str, Running[Any]]
    asker: Asker
    boms: dict[str, list[str]]

    async def say(self, *events: Event) -> None:
        """Announce facts the way the services that own them do."""
        for event in events:

            async def work(unit: UnitOfWork, event: Event = event) -> None:
                unit.announce(event)

            owner = self.others[event.subject.split(".")[2]]
            meta = a_meta()
            await owner.dispatcher.perform(work, meta=meta, key=meta.message_id)

    async def deliver(self, message: Message, meta: Meta | None = None) -> None:
        """Handle a message here and now, as if it had just arrived."""
        heard = self.run.service.handlers.heard[type(message)]
        await self.run.dispatcher.dispatch(heard, message, meta or a_meta(), None)

    async def import_(self, *records: dict[str, Any], token: str | None = None) -> AdvisoriesImported:
        command = ImportAdvisories(command_id=uuid4().hex, advisories=records, source="test")
        return await self.asker.ask(command, AdvisoriesImported, token=token)

    async def trust(self, project: str = "shop", version: str = "1.0") -> ReleaseTrust:
        return await self.asker.ask(ShowTrust(project=project, application="web", version=version), ReleaseTrust)

    async def risk(self, project: str = "shop", **more: Any) -> RiskPage:
        return await self.asker.ask(ListRisk(project=project, **more), RiskPage)


@contextlib.asynccontextmanager
async def a_scene(directory: Path, clock: FrozenClock | None = None) -> AsyncIterator[Scene]:
    boms: dict[str, list[str]] = {}
    others = neighbours(boms)
    async with a_system(directory, SERVICE, *others, clock=clock or FrozenClock(NOW)) as system:
        running = {service.name: await system.start(service) for service in others}
        yield Scene(system, await system.start(SERVICE), running, await system.asker(), boms)


def a_meta() -> Meta:
    name = uuid4().hex
    return Meta(message_id=name, correlation_id=name, source="/test", time=NOW)


def bom(
    evidence_id: str, subject: str, *, project: str = "shop", verified: bool = True, made_at: datetime = NOW
) -> EvidenceAdded:
    item = EvidenceItem(
        evidence_id=evidence_id,
        content_digest=digest(evidence_id),
        predicate_type="https://cyclonedx.org/bom",
        subjects=(subject,),
        verified=verified,
        signers=(),
        made_at=made_at,
        received_at=made_at,
        facts=SbomFacts(format="cyclonedx", spec_version="1.6", component_count=1),
    )
    return EvidenceAdded(project=project, application=None, item=item, positions={subject: 1}, submitted_by="ci")


def created(version: str, *, project: str = "shop", **more: Any) -> VersionCreated:
    said: dict[str, Any] = {
        "project": project,
        "application": "web",
        "version": version,
        "version_digest": digest(project, version),
        "artifacts": (Artifact(purl=f"pkg:oci/web@{version}", digest=digest(project, version, "image")),),
        "nested": (),
        "source": None,
        "criticality": Criticality.HIGH,
        "labels": {},
        "owners": ("team-web",),
        "by": "ci",
        "at": NOW,
    }
    return VersionCreated.model_validate(said | more)


def stands(version: str | None, stage: str = "prod", *, project: str = "shop", at: datetime = NOW) -> StandingChanged:
    about = {"project": project, "application": "web", "stage": stage, "promotion_id": "p", "at": at}
    return StandingChanged.model_validate(about | {"current": version, "previous_good": None, "quarantined": ()})


def deployed(
    version: str | None, environment: str = "prod", *, project: str = "shop", **more: Any
) -> DeploymentRecorded:
    said = {
        "project": project,
        "application": "web",
        "environment": environment,
        "service": "web-api",
        "change": ServiceChange.DEPLOYED,
        "purl": None,
        "artifact_digest": None,
        "version": version,
        "current": True,
        "by": "argo",
        "at": NOW,
    }
    return DeploymentRecorded.model_validate(said | more)


def trusted(version: str = "1.0", *, project: str = "shop", at: datetime = NOW, **more: Any) -> ReleaseTrusted:
    said = {
        "project": project,
        "application": "web",
        "version": version,
        "version_digest": digest(project, version),
        "artifacts": (digest(project, version, "image"),),
        "promotion_id": f"p-{version}",
        "kind": PromotionKind.RELEASE,
        "stage": "prod",
        "verdict_id": "v",
        "passage_digest": digest("passage"),
        "log_index": 0,
        "criticality": Criticality.HIGH,
        "owners": ("team-web",),
        "source": SOURCE,
        "at": at,
    }
    return ReleaseTrusted.model_validate(said | more)


def moved(
    version: str, at: datetime, *, kind: PromotionKind = PromotionKind.RELEASE, trusted: bool = True, **more: Any
) -> VersionMoved:
    event = VersionMoved(
        trusted=trusted,
        project="shop",
        application="web",
        version=version,
        version_digest=digest("shop", version),
        promotion_id=f"p-{version}-{kind}",
        attempt=1,
        kind=kind,
        from_stage="test",
        to_stage="prod",
        release=True,
        release_status=ReleaseStatus.TRUSTED_RELEASE if trusted else ReleaseStatus.RELEASED,
        replaced=None,
        source=SOURCE,
        criticality=Criticality.HIGH,
        owners=(),
        passage_digest=digest("passage"),
        by="ann",
        reason="",
        at=at,
    )
    return event.model_copy(update=more)


def advisory(name: str, package: str, *, fixed: str = "2.0", **more: Any) -> dict[str, Any]:
    """An OSV record: everything of a PyPI package below `fixed` is affected."""
    events = [{"introduced": "0"}, {"fixed": fixed}]
    return {
        "id": name,
        "modified": "2026-05-01T00:00:00Z",
        "summary": f"{package} is broken",
        "database_specific": {"severity": "HIGH"},
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    } | more
