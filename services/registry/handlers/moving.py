"""How versions move: one, or several together. What a move needs is read first, and nothing is written until all pass.

- A move that was made already is told again. It changes nothing.
- Of moves that are made together, each is checked on what those before it have made of the stages.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from contracts.message import Event
from contracts.registry.v1.commands import MoveVersion, MoveVersionsTogether
from contracts.vocabulary import StageName
from services.registry import wire
from services.registry.domain.lifecycle import Lifecycle
from services.registry.domain.moving import moved, touched
from services.registry.domain.standing import Standing
from services.registry.domain.version import Version
from services.registry.handlers import HANDLERS
from services.registry.storage.unit_of_work import RegistryWork
from shared.clearances import gates_of, require_clearance
from shared.errors import Conflict
from shared.gate_keys import GateKeys


@dataclass
class _Board:
    """Versions and stages as the moves so far have made them, and what is to be said about it."""

    work: RegistryWork
    versions: dict[tuple[str, str], Version] = field(default_factory=dict)
    standings: dict[tuple[str, StageName], Standing] = field(default_factory=dict)
    read: dict[tuple[str, StageName], Standing] = field(default_factory=dict)
    """The stages as they were before all moves."""
    said: list[Event] = field(default_factory=list)

    async def move(self, tell: MoveVersion) -> None:
        """Make one move. Raises `Conflict` when it may not be made; then it has changed nothing."""
        application = await self.work.catalogue.application(tell.project, tell.application)
        lifecycle = await self.work.catalogue.lifecycle(tell.project, application["lifecycle"])
        version = await self._version(tell)
        if done := version.move_of(tell.promotion_id, tell.attempt):
            self.said.append(wire.version_moved(version, done, lifecycle, application))
            return
        _require_cleared(tell, lifecycle, self.work.gate_keys)
        stages = touched(version, tell.kind, tell.to_stage)
        before = {stage: await self._standing(version, stage) for stage in stages}
        after = moved(version, wire.wanted_move(tell, at=self.work.unit.now), lifecycle, before)
        self.versions[tell.application, tell.version] = after.version
        self.said.append(wire.version_moved(after.version, after.move, lifecycle, application))
        for one in after.standings:
            self.standings[tell.application, one.stage] = one
            self.said += wire.standing_changed(before[one.stage], one, tell.promotion_id, self.work.unit.now)

    async def write(self) -> None:
        """Keep and announce what the moves have made."""
        for version in self.versions.values():
            await self.work.versions.save(version)
        for key, standing in self.standings.items():
            await self.work.standings.save(standing, self.read[key])
        for event in self.said:
            self.work.unit.announce(event)

    async def _version(self, tell: MoveVersion) -> Version:
        known = self.versions.get((tell.application, tell.version))
        return known or await self.work.versions.get(tell.project, tell.application, tell.version)

    async def _standing(self, version: Version, stage: StageName) -> Standing:
        key = (version.application, stage)
        known, been_there = self.standings.get(key), [version.version] if stage in version.entered else []
        if known and known.stays.keys() >= set(been_there):
            return known
        fresh = await self.work.standings.get(version.project, version.application, stage, *been_there)
        before = self.read.get(key, fresh)
        self.read[key] = replace(before, stays={**fresh.stays, **before.stays})
        return replace(known, stays={**fresh.stays, **known.stays}) if known else fresh


@HANDLERS.on(MoveVersion)
async def move_version(tell: MoveVersion, work: RegistryWork) -> None:
    """Move the stage pointer as the gate has cleared it, or say why not. A move that was made already is told again."""
    board = _Board(work)
    try:
        await board.move(tell)
    except Conflict as refusal:
        work.unit.announce(wire.move_refused(tell, refusal, work.unit.now))
        return
    await board.write()


@HANDLERS.on(MoveVersionsTogether)
async def move_versions_together(tell: MoveVersionsTogether, work: RegistryWork) -> None:
    """Move them all or none, and answer each of them as if it had been told alone."""
    board, members, faults = _Board(work), wire.members_of(tell), {}
    for place, member in enumerate(members):
        try:
            await board.move(member)
        except Conflict as fault:
            faults[place] = fault
    if not faults:
        await board.write()
        return
    first = min(faults)
    others = wire.group_refused(members[first], faults[first])
    for place, member in enumerate(members):
        work.unit.announce(wire.move_refused(member, faults.get(place, others), work.unit.now))


def _require_cleared(tell: MoveVersion, lifecycle: Lifecycle, gate_keys: GateKeys) -> None:
    release = tell.to_stage in lifecycle.release_stages
    gates = gates_of(tell.kind, tell.from_stage, tell.to_stage, release=release)
    require_clearance(tell, tell.clearance, gate_keys, gates=gates, open_gates=lifecycle.open_gates)
