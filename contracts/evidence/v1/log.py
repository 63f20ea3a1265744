"""The transparency log's keys and witnesses, what else is entered into it, and looking at it from inside."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.message import Answer, Command, PageLimit, Query
from contracts.vocabulary import ActorKind, Digest, Frozen, ProjectName, Role, Utc

KeyLine = Annotated[str, StringConstraints(min_length=10, max_length=500)]
"""A key of notes or cosignatures in C2SP form: `<name>+<key id>+<base64>`."""
Note = Annotated[str, StringConstraints(max_length=65_536)]
"""A C2SP signed note."""


class PublishedKey(Frozen):
    """One key of the log and of Hallmark's statements, and the tree sizes whose checkpoints it signs."""

    verifier_key: KeyLine
    pem: str
    from_size: int
    until_size: int | None = None
    """The checkpoint of this size is the last one it signs; None for the key in force."""


class KeyHandover(Frozen):
    """That one key follows another, with all that proves it to whoever knows the old one."""

    old: KeyLine
    new: KeyLine
    index: int
    entry: str
    """The log entry: its digest is that of the canonical JSON of `v` 1, `origin`, `old` and `new`."""
    hashes: tuple[Digest, ...]
    """Inclusion of the entry in the tree of the checkpoint."""
    note: Note
    """The checkpoint that both keys signed."""


class CosignatureView(Frozen):
    """That a witness has seen a checkpoint."""

    witness: str
    time: int
    """Seconds since 1970, by the witness's clock."""


class SignedState(Frozen):
    """One signed state of the log, with the cosignatures it has by now."""

    size: int
    root: Digest
    note: Note
    cosignatures: tuple[CosignatureView, ...] = ()


class WitnessView(Answer):
    """One witness whose cosignatures are kept."""

    verifier_key: KeyLine
    name: str
    registered_at: Utc
    registered_by: str
    retired_at: Utc | None = None
    newest_size: int | None = None
    """Of the largest state that it has cosigned; None while none is known."""
    newest_time: int | None = None
    """When it did, in seconds since 1970 by the witness's clock."""


class Witnesses(Answer):
    """All witnesses, retired ones too."""

    witnesses: tuple[WitnessView, ...]
    quorum: int
    """How many cosignatures a checkpoint should have."""


class CosignatureKept(Answer):
    """A cosignature is on record."""

    size: int
    witness: str
    cosignatures: int
    """How many the checkpoint has by now."""
    quorum: int


class RotationBegun(Answer):
    """The next key takes over with the checkpoint that covers the entry about it."""

    old: KeyLine
    new: KeyLine


class RoleChangeRecorded(Answer):
    """The change has its entries in the log's queue."""

    digest: Digest
    """Of the canonical body of the change: what the entries name."""


class CheckpointPage(Answer):
    """Signed states by their sizes, in the order that was asked for."""

    checkpoints: tuple[SignedState, ...]
    next: int | None = None


class LogInspection(Answer):
    """What was found in the log's own storage."""

    size: int
    problems: tuple[str, ...]
    next: int | None = None
    """Go on after this index; None at the end."""


class RotateSigningKey(Command):
    """Hand over to the next signing key, which every instance of the evidence service was given before."""

    subject: ClassVar[str] = "hallmark.ask.evidence.signing-key.rotate.v1"
    answer: ClassVar[type[Answer]] = RotationBegun


class RegisterWitness(Command):
    """Keep the cosignatures of one more witness from now on."""

    subject: ClassVar[str] = "hallmark.ask.evidence.witness.register.v1"
    answer: ClassVar[type[Answer]] = WitnessView
    verifier_key: KeyLine


class RetireWitness(Command):
    """Take no more cosignatures of a witness, for good: one that lost its state must come back with a new key."""

    subject: ClassVar[str] = "hallmark.ask.evidence.witness.retire.v1"
    answer: ClassVar[type[Answer]] = WitnessView
    verifier_key: KeyLine


class ListWitnesses(Query):
    """Who watches the log?"""

    subject: ClassVar[str] = "hallmark.ask.evidence.witness.list.v1"
    answer: ClassVar[type[Answer]] = Witnesses


class SubmitCosignature(Command):
    """Hand in a checkpoint with the line that a registered witness has added to it."""

    subject: ClassVar[str] = "hallmark.ask.evidence.cosignature.submit.v1"
    answer: ClassVar[type[Answer]] = CosignatureKept
    note: Note


class ListCheckpoints(Query):
    """Which states of the log were ever signed?"""

    subject: ClassVar[str] = "hallmark.ask.evidence.checkpoint.list.v1"
    answer: ClassVar[type[Answer]] = CheckpointPage
    after: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=100)] = 100
    newest_first: bool = False
    before: Annotated[int, Field(ge=1)] | None = None
    """Only states smaller than this: with `newest_first`, pass `next` here to read on."""


class InspectLog(Query):
    """Is what lies in the log's storage one sound tree? Page by page; the last page looks at its ends."""

    subject: ClassVar[str] = "hallmark.ask.evidence.log.inspect.v1"
    answer: ClassVar[type[Answer]] = LogInspection
    after: Annotated[int, Field(ge=-1)] = -1
    limit: PageLimit = 500


class RecordRoleChange(Command):
    """Enter into the log that somebody is about to be given roles, or to lose them. Asked before it is done."""

    subject: ClassVar[str] = "hallmark.ask.evidence.role-change.record.v1"
    answer: ClassVar[type[Answer]] = RoleChangeRecorded
    change: Literal["given", "taken"]
    token_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the access token, or of the person, that holds the roles."""
    holder: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    holder_kind: ActorKind
    grants: Annotated[dict[ProjectName | Literal["*"], tuple[Role, ...]], Field(min_length=1, max_length=100)]
    """Roles per project; `*` stands for every project."""
    expires_at: Utc | None = None
    """Absent for people: they hold roles until these are taken."""
