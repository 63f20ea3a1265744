"""Handing in evidence: one envelope or thousands, with progress, and with receipts that are checked on the spot."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from services.cli.client import Client
from services.cli.commands.arguments import Project
from services.cli.exits import Exit
from services.cli.output import errors, mark, out, table
from shared.crypto import merkle, note
from shared.errors import HallmarkError, Invalid

LINES_AT_ONCE = 100
BYTES_AT_ONCE = 4 * 2**20
_TRIES = 5
_MOST_SHOWN = 50


@dataclass(frozen=True)
class Piece:
    """One envelope, and where it came from."""

    name: str
    data: bytes


def attach(
    files: Annotated[
        list[Path],
        typer.Argument(help="DSSE envelopes, Sigstore bundles, .jsonl files of them, or folders.", exists=True),
    ],
    project: Project,
    application: Annotated[str | None, typer.Option(help="The application it is about, for the record.")] = None,
    receipts: Annotated[Path | None, typer.Option(help="Where the receipts go, one JSON object a line.")] = None,
) -> None:
    """Hand in signed evidence. Ends with 3 when any of it does not count, with 5 when any could not be handed in."""
    pieces = [piece for path in files for piece in _pieces(path)]
    if not pieces:
        raise Invalid("evidence_absent", "There is no evidence in these folders.", remedy="Name files with envelopes.")
    outcomes: list[dict[str, Any]] = []
    client = Client()
    with Progress(console=errors, transient=True, disable=out.as_json or len(pieces) == 1) as progress:
        task = progress.add_task("handing in", total=len(pieces))
        for batch in _batches(pieces):
            outcomes += _hand_in(client, project, application, batch)
            progress.advance(task, len(batch))
    if receipts:
        receipts.write_text("".join(json.dumps(one["receipt"]) + "\n" for one in outcomes if one["receipt"]))
    _show(pieces, outcomes)
    if any(one["again"] for one in outcomes):
        raise typer.Exit(Exit.UNAVAILABLE)
    if not all(one["receipt"] and one["receipt"]["verified"] for one in outcomes):
        raise typer.Exit(Exit.DENIED)


def _pieces(path: Path) -> Iterator[Piece]:
    if path.is_dir():
        for inner in sorted(one for one in path.rglob("*") if one.suffix in (".json", ".jsonl") and one.is_file()):
            yield from _pieces(inner)
        return
    data = path.read_bytes()
    if path.suffix == ".jsonl":
        lines = enumerate(data.splitlines(), 1)
        yield from (Piece(f"{path}:{number}", line) for number, line in lines if line.strip())
    else:
        yield Piece(str(path), data.strip())


def _batches(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    batch: list[Piece] = []
    size = 0
    for piece in pieces:
        if batch and (len(batch) == LINES_AT_ONCE or size + len(piece.data) > BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(piece)
        size += len(piece.data)
    yield batch


def _hand_in(client: Client, project: str, application: str | None, batch: Sequence[Piece]) -> list[dict[str, Any]]:
    """What became of each; what could not be taken just now is handed in again, a few times."""
    outcomes: dict[int, dict[str, Any]] = {}
    waiting = list(range(len(batch)))
    for attempt in range(_TRIES):
        sent = _send(client, project, application, [batch[one] for one in waiting])
        outcomes |= dict(zip(waiting, sent, strict=True))
        waiting = [place for place in waiting if outcomes[place]["again"]]
        if not waiting:
            break
        time.sleep(0.5 * 2**attempt)
    return [outcomes[place] for place in range(len(batch))]


def _send(client: Client, project: str, application: str | None, batch: Sequence[Piece]) -> list[dict[str, Any]]:
    path = f"/projects/{project}/evidence"
    if len(batch) > 1 and not any(b"\n" in piece.data for piece in batch):
        lines = [piece.data for piece in batch]
        found = client.post_lines(f"{path}/batch", lines, key=uuid.uuid4().hex, application=application)
        gone = {"receipt": None, "code": "answer_cut", "message": "The answer broke off.", "remedy": "", "again": True}
        return [*found, *([gone] * (len(batch) - len(found)))]
    # The envelope's digest is that of its bytes, so that one of several lines is sent alone and as it is.
    return [_send_alone(client, path, application, piece.data) for piece in batch]


def _send_alone(client: Client, path: str, application: str | None, data: bytes) -> dict[str, Any]:
    try:
        receipt = client.post_bytes(path, data, application=application)
    except Invalid as error:
        return {"receipt": None, "code": error.code, "message": error.message, "remedy": error.remedy, "again": False}
    return {"receipt": receipt, "code": "", "message": "", "remedy": "", "again": False}


def _show(pieces: Sequence[Piece], outcomes: Sequence[dict[str, Any]]) -> None:
    rows = [_row(piece, outcome) for piece, outcome in zip(pieces, outcomes, strict=True)]
    counts = Counter(row[2] for row in rows)
    # Of many, those that need a look are shown.
    shown = rows if len(rows) <= _MOST_SHOWN else [row for row in rows if row[2] != mark("allow")][:_MOST_SHOWN]
    summary = ", ".join(f"{count} {word}" for word, count in counts.items())
    lines = [table(("evidence", "kind", "counts", "log", "problem", "what to do"), shown)] if shown else []
    out.answer(list(outcomes), *lines, *([summary] if len(rows) > 1 else []))


def _row(piece: Piece, outcome: dict[str, Any]) -> tuple[Any, ...]:
    receipt = outcome["receipt"]
    if receipt is None:
        word = mark("pending" if outcome["again"] else "error")
        return (piece.name, None, word, None, outcome["code"], outcome["remedy"] or outcome["message"])
    counts = mark("allow" if receipt["verified"] else "deny")
    return (receipt["evidence_id"], receipt["kind"], counts, _logged(receipt), receipt["problem"], receipt["remedy"])


def _logged(receipt: dict[str, Any]) -> str:
    """Where it is in the log, once the proof in the receipt holds; what was there before is told without one."""
    proof = receipt["inclusion"]
    if proof is None:
        return "to come" if receipt["log_index"] is None else str(receipt["log_index"])
    try:
        known = [note.parse_key(key) for key in proof["checkpoint"]["verifier_keys"]]
        text = proof["checkpoint"]["note"].encode()
        signed = note.verify_checkpoint(text, known, origin=proof["checkpoint"]["origin"])
    except HallmarkError as error:
        return f"not proven: {error.code}"
    leaf, *hashes = (bytes.fromhex(one.removeprefix("sha256:")) for one in (proof["leaf_hash"], *proof["hashes"]))
    holds = merkle.verify_inclusion(leaf, proof["index"], signed.size, hashes, signed.root)
    return str(proof["index"]) if holds else "not proven: log_proof_wrong"
