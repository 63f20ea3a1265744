"""Who watches over the log: its keys handed over, its witnesses, their cosignatures, and changes of roles."""

from __future__ import annotations

from contracts.evidence.v1.log import (
    CosignatureKept,
    ListWitnesses,
    RecordRoleChange,
    RegisterWitness,
    RetireWitness,
    RoleChangeRecorded,
    RotateSigningKey,
    RotationBegun,
    SubmitCosignature,
    Witnesses,
    WitnessView,
)
from contracts.vocabulary import Actor, Role, utc
from services.evidence.domain import witness as watching
from services.evidence.domain.log import EVERY_PROJECT, EntryKind, LogEntry
from services.evidence.handlers import HANDLERS
from services.evidence.storage import signing_keys
from services.evidence.storage.unit_of_work import EvidenceWork
from shared.crypto import note
from shared.crypto.log_keys import handover_digest
from shared.digests import JsonValue, canonical_digest
from shared.errors import NotFound


@HANDLERS.command(RotateSigningKey)
async def rotate_signing_key(_: RotateSigningKey, work: EvidenceWork) -> RotationBegun:
    """Hand over to the next key this process was given: it takes effect with the entry about it."""
    work.unit.caller.require(EVERY_PROJECT, Role.SECURITY)
    keys = await work.succession()
    old, new = keys.in_force.verifier_key, keys.successor(work.keyring.held)
    await signing_keys.begin(work.unit.session or work.unit.database, work.keyring.signer(new), len(keys.keys))
    await _enter(work, EntryKind.KEY, new, handover_digest(keys.origin, old, new), old)
    return RotationBegun(old=old, new=new)


@HANDLERS.command(RegisterWitness)
async def register_witness(command: RegisterWitness, work: EvidenceWork) -> WitnessView:
    """Begin to keep the cosignatures of one more witness."""
    work.unit.caller.require(EVERY_PROJECT, Role.SECURITY)
    by = work.unit.caller.actor.subject
    made = watching.register(command.verifier_key, await work.witnesses.all(), by=by, at=work.unit.now)
    await work.witnesses.add(made)
    await _enter_witness(work, made, "registered")
    return _view(made)


@HANDLERS.command(RetireWitness)
async def retire_witness(command: RetireWitness, work: EvidenceWork) -> WitnessView:
    """Take no more cosignatures of a witness; what it has signed stays."""
    work.unit.caller.require(EVERY_PROJECT, Role.SECURITY)
    retired = await work.witnesses.retire(command.verifier_key)
    await _enter_witness(work, retired, "retired")
    return _view(retired)


@HANDLERS.query(ListWitnesses)
async def list_witnesses(_: ListWitnesses, work: EvidenceWork) -> Witnesses:
    """All witnesses."""
    known = await work.witnesses.all()
    return Witnesses(witnesses=tuple(_view(one) for one in known), quorum=work.keyring.quorum)


@HANDLERS.command(SubmitCosignature)
async def submit_cosignature(command: SubmitCosignature, work: EvidenceWork) -> CosignatureKept:
    """Keep a cosignature. Whoever brings it, its signature speaks for it."""
    signed = command.note.encode()
    size = note.parse_checkpoint(note.parts(signed)[0]).size
    kept = await work.checkpoints.at(size)
    if kept is None:
        raise NotFound(
            "checkpoint_unknown", f"The log has signed no state of size {size}.", remedy="Fetch the checkpoint first."
        )
    ours = note.Checkpoint(work.keyring.origin, kept.size, kept.root)
    known = await work.witnesses.all()
    accepted = watching.accept(signed, ours, known, at=work.unit.now)
    now = await work.checkpoints.cosign(size, accepted)
    in_use = next(one for one in known if one.retired_at is None and one.key.name == accepted.witness)
    await work.witnesses.saw(in_use.verifier_key, size, accepted.time)
    return CosignatureKept(
        size=size, witness=accepted.witness, cosignatures=len(now.cosignatures), quorum=work.keyring.quorum
    )


@HANDLERS.command(RecordRoleChange)
async def record_role_change(command: RecordRoleChange, work: EvidenceWork) -> RoleChangeRecorded:
    """Enter it once per project that it is about. Whoever gives or takes roles is administrator there."""
    caller = work.unit.caller
    own = caller.actor == Actor(subject=command.holder, kind=command.holder_kind)
    if command.change == "given" or not own:
        for project in command.grants:
            caller.require(project, Role.ADMIN)
    body: dict[str, JsonValue] = {
        "v": 1,
        "change": command.change,
        "token_id": command.token_id,
        "holder": command.holder,
        "holder_kind": command.holder_kind.value,
        "grants": {project: sorted(role.value for role in roles) for project, roles in command.grants.items()},
        **({"expires_at": utc(command.expires_at)} if command.expires_at else {}),
        "by": caller.actor.subject,
        "by_kind": caller.actor.kind.value,
    }
    digest = canonical_digest(body)
    for project in sorted(command.grants):
        await _enter(work, EntryKind.ROLE, command.token_id, digest, command.holder, project=project)
    return RoleChangeRecorded(digest=digest)


async def _enter_witness(work: EvidenceWork, one: watching.Witness, state: str) -> None:
    body: dict[str, JsonValue] = {
        "v": 1,
        "witness": one.verifier_key,
        "state": state,
        "by": work.unit.caller.actor.subject,
    }
    await _enter(work, EntryKind.WITNESS, one.verifier_key, canonical_digest(body), one.key.name)


async def _enter(
    work: EvidenceWork, kind: EntryKind, subject: str, digest: str, about: str, *, project: str = EVERY_PROJECT
) -> None:
    await work.journal.enter(LogEntry(kind, project, None, subject, digest, recorded_at=work.unit.now), about)


def _view(one: watching.Witness) -> WitnessView:
    return WitnessView(
        verifier_key=one.verifier_key,
        name=one.key.name,
        registered_at=one.registered_at,
        registered_by=one.registered_by,
        retired_at=one.retired_at,
        newest_size=one.newest[0] if one.newest else None,
        newest_time=one.newest[1] if one.newest else None,
    )
