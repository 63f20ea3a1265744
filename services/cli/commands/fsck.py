"""`hallmark log fsck`: recomputes the whole log on this machine, and names everything that does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli import log_reading
from services.cli.client import Client
from services.cli.exits import Exit
from services.cli.output import mark, out, table
from shared.crypto import note
from shared.crypto.log_audit import LogAudit, Problem
from shared.crypto.log_keys import Handover, KeySpan, follow, handover_digest, verify_handover, verify_in_force
from shared.crypto.note_keys import NoteKey
from shared.errors import HallmarkError

_NEWS_EVERY = 10_000


def fsck(
    *,
    log_key: Annotated[list[str] | None, typer.Option("--log-key", help="The log's verifier key; repeat it.")] = None,
    since: Annotated[list[Path] | None, typer.Option(help="A checkpoint you kept; repeat it.", exists=True)] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Also look into the log's own storage (security).")] = False,
) -> None:
    """Recompute every leaf and root; check every checkpoint, cosignature and handover. Ends with 3 if any is wrong."""
    pinned = log_reading.parsed(log_key or [])
    client = Client()
    state, answer = client.get("/log/checkpoint"), client.get("/log/keys")
    origin, size = state["origin"], state["size"]
    published = log_reading.spans_of(answer, [], origin)
    kept, foreign = _kept(since or [], published, origin)
    audit = LogAudit(origin, published, log_reading.witness_keys(client), kept, problems=foreign)
    told = 0
    for read in audit.run(log_reading.entries(client, size), log_reading.checkpoints(client, size)):
        if read - told >= _NEWS_EVERY:
            told = read
            out.progress(f"{read} of {size} entries")
    problems = [*audit.problems, *_wrong_keys(audit, log_reading.handovers_of(answer), state, pinned)]
    if audit.frontier.size != size:
        problems.append(Problem("log_truncated", size, f"only {audit.frontier.size} entries were served"))
    problems += [Problem("storage_unsound", 0, one) for one in _inspect(client)] if deep else []
    _conclude(audit, problems, pinned=bool(pinned))


def _kept(
    paths: Sequence[Path], published: Sequence[KeySpan], origin: str
) -> tuple[list[note.Checkpoint], list[Problem]]:
    """The checkpoints somebody kept; those that the published keys did not sign are problems."""
    kept, problems = [], []
    for path in paths:
        try:
            kept.append(verify_in_force(path.read_bytes(), published, origin=origin))
        except HallmarkError as error:
            problems.append(Problem("kept_checkpoint_foreign", 0, f"{path}: {error.message}"))
    return kept, problems


def _wrong_keys(
    audit: LogAudit, handovers: Sequence[Handover], state: dict[str, Any], pinned: Sequence[NoteKey]
) -> list[Problem]:
    digests = {handover_digest(audit.origin, one.old, one.new) for one in handovers}
    problems = [
        Problem("key_entry_unmatched", 0, f"entry or handover {digest} has no counterpart")
        for digest in sorted(audit.key_entries ^ digests)
    ]
    try:
        for handover in handovers:
            verify_handover(handover, origin=audit.origin)
        if pinned and state["note"]:
            trusted = follow(pinned, handovers, origin=audit.origin)
            verify_in_force(state["note"].encode(), trusted, origin=audit.origin)
    except HallmarkError as error:
        problems.append(Problem(error.code, state["size"], error.message))
    return problems


def _inspect(client: Client) -> list[str]:
    return list(client.pages("/log/inspection", "problems"))


def _conclude(audit: LogAudit, problems: list[Problem], *, pinned: bool) -> None:
    counted = f"{audit.frontier.size} entries, {audit.checkpoints} checkpoints, {audit.cosignatures} cosignatures"
    trusted = "with the key you gave" if pinned else "with the keys the server published: give --log-key to pin one"
    verdict = f"{mark('deny')} {len(problems)} problems in" if problems else f"{mark('allow')} sound:"
    rows = [(one.code, one.place, one.detail) for one in problems]
    shown = [table(("problem", "at", "what was seen"), rows)] if rows else []
    facts = {"sound": not problems, "entries": audit.frontier.size, "checkpoints": audit.checkpoints}
    listed = {"cosignatures": audit.cosignatures, "problems": [vars(one) for one in problems]}
    out.answer({**facts, **listed}, *shown, f"{verdict} {counted}, {trusted}")
    if problems:
        raise typer.Exit(Exit.DENIED)
