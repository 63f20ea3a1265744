"""A tiny service that counts: it stands for any service in tests of the technique all of them share."""

from dataclasses import dataclass
from typing import Any

from contracts.answers import Applied
from contracts.evidence.v1.events import PassageAttested
from contracts.evidence.v1.log import RecordRoleChange, RoleChangeRecorded
from contracts.registry.v1.commands import ApplyProject, MoveVersion
from contracts.registry.v1.events import ProjectApplied
from contracts.registry.v1.queries import ShowProject
from contracts.registry.v1.views import ProjectView
from contracts.vocabulary import utc
from shared.digests import sha256_digest
from shared.errors import NotFound
from shared.messaging.handlers import Handlers
from shared.messaging.outcomes import Retries
from shared.messaging.unit_of_work import UnitOfWork
from shared.messaging.working_off import work_off
from shared.service import Running, Service


@dataclass
class Ledger:
    unit: UnitOfWork

    def __post_init__(self) -> None:
        self.counts = self.unit.collection("counts")

    async def count(self, key: str) -> int:
        found = await self.counts.get(key)
        revision = found["revision"] if found else 0
        await self.counts.replace({"_id": key}, revision=revision)
        return revision + 1


def ledger_service(
    name: str = "registry", failures: dict[str, list[Exception]] | None = None, *, group: str | None = None
) -> Service[Any]:
    """Counts projects applied, versions moved and passages attested; `failures` are raised in turn for the named keys.

    With a `group`, passages are handled together.
    """
    handlers: Handlers[Ledger] = Handlers(Ledger)
    planned = failures if failures is not None else {}

    def fail_as_planned(key: str) -> None:
        if planned.get(key):
            raise planned[key].pop(0)

    @handlers.command(ApplyProject)
    async def apply_project(command: ApplyProject, work: Ledger) -> Applied:
        fail_as_planned(command.project)
        work.unit.caller.require(command.project, *work.unit.caller.roles_in(command.project))
        times = await work.count(command.project)
        work.unit.announce(
            ProjectApplied(
                project=command.project,
                application=None,
                title=command.title,
                revision=times,
                digest=sha256_digest(b""),
                by=work.unit.caller.actor.subject,
                at=work.unit.now,
            )
        )
        return Applied(
            kind="Project", name=command.project, change="updated", revision=times, digest=sha256_digest(b"")
        )

    @handlers.query(ShowProject)
    async def show_project(query: ShowProject, work: Ledger) -> ProjectView:
        fail_as_planned(query.project)
        found = await work.counts.get(query.project)
        if not found:
            raise NotFound("project_unknown", f"There is no project {query.project}.", remedy="Create it.")
        return ProjectView(
            project=query.project, title=utc(work.unit.now), public_badges=False, revision=found["revision"]
        )

    @handlers.command(RecordRoleChange)
    async def record_role_change(command: RecordRoleChange, work: Ledger) -> RoleChangeRecorded:
        await work.count(f"{command.change}:{command.holder}")
        return RoleChangeRecorded(digest=sha256_digest(command.token_id.encode()))

    @handlers.on(MoveVersion)
    async def move_version(tell: MoveVersion, work: Ledger) -> None:
        fail_as_planned(tell.promotion_id)
        await work.count(tell.promotion_id)

    async def handle_together(run: Running[Ledger]) -> None:
        await work_off(run.dispatcher, str(group))

    @handlers.on(PassageAttested, group=group)
    async def passage_attested(event: PassageAttested, work: Ledger) -> None:
        fail_as_planned(event.promotion_id)
        await work.count(event.promotion_id)

    return Service(
        name,
        handlers,
        {"counts": ()},
        duties=(handle_together,) if group else (),
        asks=(ShowProject,),
        tells=(MoveVersion,),
        retries=Retries(max_deliveries=4, first_delay=0.02),
    )
