"""What matching could not decide, and matching everything again."""

from __future__ import annotations

from contracts.monitoring.v1.rematching import RematchState, RequestRematch, ShowRematch
from contracts.monitoring.v1.undecided import ListUndecided, UndecidedComponent, UndecidedPage
from services.monitoring.handlers import HANDLERS
from services.monitoring.handlers.rights import require_security_anywhere
from services.monitoring.storage.unit_of_work import MonitoringWork


@HANDLERS.query(ListUndecided)
async def list_undecided(query: ListUndecided, work: MonitoringWork) -> UndecidedPage:
    """Which components of a release could not be decided, and why?"""
    work.unit.caller.require_member(query.project, query.application)
    release = await work.releases.get(query.project, query.application, query.version)
    doubts = await work.undecided.of(release.key)
    following = [one for one in doubts.kept if query.after is None or one.key > query.after]
    page = following[: query.limit]
    return UndecidedPage(
        undecided=tuple(
            UndecidedComponent(component=one.component, advisory=one.advisory_id, doubt=one.doubt) for one in page
        ),
        total=doubts.total,
        next=page[-1].key if len(following) > len(page) else None,
    )


@HANDLERS.command(RequestRematch)
async def request_rematch(command: RequestRematch, work: MonitoringWork) -> RematchState:
    """Have everything matched again as soon as nothing is."""
    del command
    require_security_anywhere(work.unit.caller, "have all releases matched again")
    await work.rematches.request(work.unit.now)
    return await work.rematches.state()


@HANDLERS.query(ShowRematch)
async def show_rematch(query: ShowRematch, work: MonitoringWork) -> RematchState:
    """When was everything last matched again? Anybody who is signed in may know."""
    del query
    return await work.rematches.state()
