"""Tables of deadlines: applied by people, looked at by everybody."""

from __future__ import annotations

from typing import Any

from contracts.answers import Applied
from contracts.monitoring.v1.sla import (
    ApplySlaTable,
    ListSlaTables,
    ShowSlaTable,
    SlaTableAnswer,
    SlaTableList,
    SlaTableView,
)
from contracts.vocabulary import Role
from services.monitoring.handlers import HANDLERS
from services.monitoring.storage import sla_tables
from services.monitoring.storage.unit_of_work import MonitoringWork
from services.monitoring.wire_sla import stated
from shared.identity import EVERYWHERE

_NAME = "sla"


@HANDLERS.command(ApplySlaTable)
async def apply_sla_table(command: ApplySlaTable, work: MonitoringWork) -> Applied:
    """Take a table over. Deadlines that it changes are computed again within seconds, release by release."""
    work.unit.caller.require(EVERYWHERE if command.shared else command.project, Role.SECURITY)
    sla_tables.table_of(command)
    change, kept = await work.sla_tables.apply(command)
    if change != "unchanged":
        await _compute_again(work, command)
    return Applied(kind="SlaTable", name=_NAME, change=change, revision=kept["revision"], digest=kept["digest"])


@HANDLERS.query(ShowSlaTable)
async def show_sla_table(query: ShowSlaTable, work: MonitoringWork) -> SlaTableAnswer:
    """Until when must flaws be gone in this project?"""
    work.unit.caller.require_entry(query.project)
    applied = await work.sla_tables.counting_in(query.project)
    return SlaTableAnswer.model_validate(_said(applied) | {"shared": applied.origin == "shared"})


@HANDLERS.query(ListSlaTables)
async def list_sla_tables(query: ListSlaTables, work: MonitoringWork) -> SlaTableList:
    """Which tables were applied? Nobody sees those of projects in which he has no role."""
    caller = work.unit.caller
    projects = None if caller.grants.get(EVERYWHERE) else {*caller.grants, *caller.confined}
    found = await work.sla_tables.page(query.after, query.limit + 1, projects)
    page = found[: query.limit]
    following = page[-1].key if len(found) > query.limit else None
    return SlaTableList(tables=tuple(SlaTableView.model_validate(_said(one)) for one in page), next=following)


async def _compute_again(work: MonitoringWork, command: ApplySlaTable) -> None:
    # Whoever settles a release at this moment must not overlook the new table.
    if command.shared:
        await work.match_clock.touch_all()
        await work.releases.compute_again()
    else:
        await work.match_clock.touch(command.project)
        await work.releases.compute_again(command.project)


def _said(applied: sla_tables.Applied) -> dict[str, Any]:
    about = {"origin": applied.origin, "project": applied.project, "revision": applied.revision}
    return {**stated(applied.table), **about}
