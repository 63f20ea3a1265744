"""`hallmark witness`: watches the log from outside, and cosigns each state that extends all it has seen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from services.cli import witnessing
from services.cli.client import Client
from services.cli.exits import Exit
from services.cli.log_reading import handovers_of, hashes_of
from services.cli.output import errors, out
from services.cli.witnessing import ForkSeenError, Memory
from shared.crypto import cosignature, keys, note
from shared.crypto.note_keys import KEY_ID_BYTES


def witness(
    key: Annotated[Path, typer.Option(help="The witness's private key: Ed25519, PEM.")],
    state: Annotated[Path, typer.Option(help="Where the witness keeps what it has seen.")],
    *,
    new: Annotated[bool, typer.Option("--new", help="Begin: there is no state yet.")] = False,
    name: Annotated[str, typer.Option(help="With --new: the witness's name, such as witness.example/a.")] = "",
    log_key: Annotated[list[str] | None, typer.Option(help="With --new: the log's verifier key.")] = None,
    every: Annotated[float | None, typer.Option(help="Go on, looking every so many seconds.", min=0.1)] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once; the default.")] = False,
) -> None:
    """Look at the log, and cosign its newest state when it extends everything seen before."""
    private = keys.read_private(key)
    client = Client()
    with witnessing.alone(state):
        memory = witnessing.begin(state, name, log_key or []) if new else witnessing.load(state)
        while True:
            try:
                memory = _look(client, memory, state, private)
            except ForkSeenError as fork:
                kept = ", ".join(str(path) for path in witnessing.keep_fork(state, fork))
                errors.print(f"[red]The log is forked: {fork}.[/] Nothing was signed; the proof is in {kept}.")
                raise typer.Exit(Exit.DENIED) from fork
            if once or every is None:
                return
            time.sleep(every)


def _look(client: Client, memory: Memory, state: Path, private: keys.PrivateKey) -> Memory:
    answer = client.get("/log/checkpoint")
    if not answer["note"] and not memory.size:
        out.answer({"size": 0, "cosigned": False}, "The log is empty.")
        return memory

    def prove(first: int, second: int) -> Sequence[bytes]:
        return hashes_of(client.get("/log/consistency", first=first, second=second)["hashes"])

    signed = _without_cosignatures(answer["note"], memory.origin) if answer["note"] else _nothing(memory)
    after, seen = witnessing.advance(memory, signed, handovers_of(client.get("/log/keys")), prove)
    if after != memory:
        witnessing.save(state, after)
    if after == memory and memory.name in {one["witness"] for one in answer["cosignatures"]}:
        return memory
    line = cosignature.cosign(seen.text(), memory.name, private, int(time.time()))
    client.post("/log/cosignatures", {"note": note.with_lines(signed.encode(), [line]).decode()})
    out.answer(
        {"size": seen.size, "root": seen.root.hex(), "cosigned": True, "line": line},
        f"{memory.name} has cosigned {seen.origin} at size {seen.size}",
    )
    return after


def _without_cosignatures(served: str, origin: str) -> str:
    """The checkpoint with the log's own signatures only, so that the same state is always the same note."""
    text, signatures = note.parts(served.encode())
    own = [
        note.signature_line(name, value[:KEY_ID_BYTES], value[KEY_ID_BYTES:])
        for name, value in signatures
        if name == origin
    ]
    return note.with_lines(f"{text}\n".encode(), own).decode()


def _nothing(memory: Memory) -> str:
    raise ForkSeenError(f"the log had {memory.size} entries and now shows none", (memory.note, ""))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(witness)
