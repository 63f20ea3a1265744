"""The transparency log: what it says, proofs checked on this machine, its keys and its witnesses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.cli.client import Client
from services.cli.commands import fsck
from services.cli.exits import Exit
from services.cli.log_reading import hashes_of, spans_of
from services.cli.output import mark, out, table
from shared.crypto import keys, merkle, tlog_proof
from shared.crypto.log_keys import verify_in_force
from shared.crypto.note_keys import WitnessKey, parse_key, parse_witness_key
from shared.errors import Invalid, Rejection

log = typer.Typer(help="The transparency log.", no_args_is_help=True)
witnesses = typer.Typer(help="Who cosigns the log's states.", no_args_is_help=True)

LogKeys = Annotated[
    list[str] | None, typer.Option("--log-key", help="The log's verifier key, kept from before; repeat it.")
]
WITNESS_KEY = typer.Argument(help="The witness's verifier key, in one line.")


@log.command("checkpoint")
def checkpoint() -> None:
    """The newest signed state of the log, and who has seen it."""
    answer = Client().get("/log/checkpoint")
    seen = ", ".join(one["witness"] for one in answer["cosignatures"]) or "nobody"
    witnessed = answer["witnessed"]["size"] if answer["witnessed"] else "none"
    out.answer(
        answer,
        answer["note"].rstrip(),
        *answer["verifier_keys"],
        f"seen by {seen}; {answer['quorum']} cosignatures are wanted; newest state that has them: {witnessed}",
    )


@log.command("entries")
def entries(
    about: Annotated[str | None, typer.Option(help="An evidence, verdict or promotion id, or a digest.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind, such as verdict or policy.")] = None,
    project: Annotated[str | None, typer.Option("--project", "-p", help="Only of this project.")] = None,
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    *,
    newest: Annotated[bool, typer.Option("--newest", help="The newest first.")] = False,
) -> None:
    """What was logged."""
    given = {"about": about, "kind": kind, "project": project, "newest_first": newest or None}
    page = Client().get("/log/entries", limit=limit, **given)
    out.answer(page, table(("index", "entry"), [(one["index"], one["entry"]) for one in page["entries"]]))


@log.command("inclusion")
def inclusion(
    index: Annotated[int, typer.Argument(help="The entry's index.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Keep it: FILE and FILE.tlog-proof.")] = None,
    log_key: LogKeys = None,
) -> None:
    """Prove an entry to be in the log, checked here."""
    client = Client()
    proven = client.get("/log/inclusion", index=index)
    entry = client.get("/log/entries", after=index - 1, limit=1)["entries"][0]["entry"]
    state = proven["checkpoint"]
    handed = client.get("/log/keys")
    with _verifying():
        spans = spans_of(handed, log_key or [], state["origin"])
        signed = verify_in_force(state["note"].encode(), spans, origin=state["origin"])
    holds = (index, signed.size) == (proven["index"], proven["size"]) and merkle.verify_inclusion(
        merkle.leaf_hash(entry.encode()), index, signed.size, hashes_of(proven["hashes"]), signed.root
    )
    if holds and output:
        proof = tlog_proof.TlogProof(index, tuple(hashes_of(proven["hashes"])), state["note"].encode())
        output.write_bytes(entry.encode())
        output.with_name(output.name + ".tlog-proof").write_bytes(bytes(proof))
    sentence = f"entry {index} is in the tree of {signed.size} that {signed.origin} signed"
    _conclude(sentence, holds=holds, entry=entry)


@log.command("consistency")
def consistency(
    since: Annotated[Path, typer.Argument(help="A checkpoint you kept.", exists=True)], log_key: LogKeys = None
) -> None:
    """Prove that the log only grew since a checkpoint you kept, checked here."""
    client = Client()
    state = client.get("/log/checkpoint")
    handed = client.get("/log/keys")
    with _verifying():
        spans = spans_of(handed, log_key or [], state["origin"])
        old = verify_in_force(since.read_bytes(), spans, origin=state["origin"])
        new = verify_in_force(state["note"].encode(), spans, origin=state["origin"])
    holds = old == new
    if old.size < new.size:
        proof = client.get("/log/consistency", first=old.size, second=new.size)["hashes"]
        holds = merkle.verify_consistency(old.size, new.size, old.root, new.root, hashes_of(proof))
    _conclude(f"the tree of {new.size} extends the one of {old.size}", holds=holds, size=new.size)


@log.command("verify-entry")
def verify_entry(
    entry: Annotated[Path, typer.Argument(help="The entry's bytes.", exists=True)],
    proof: Annotated[Path, typer.Argument(help="A C2SP tlog-proof file.", exists=True)],
    log_key: Annotated[list[str], typer.Option("--log-key", help="The log's verifier key; repeat it.")],
    witness_key: Annotated[list[str] | None, typer.Option("--witness-key", help="A witness you trust.")] = None,
    quorum: Annotated[int, typer.Option(help="How many of the witnesses must have signed.", min=0)] = 0,
) -> None:
    """Verify an entry with its proof file: no server, no network."""
    known = [parse_key(line) for line in log_key]
    watching = [parse_witness_key(line) for line in witness_key or []]
    with _verifying():
        read = tlog_proof.parse(proof.read_bytes())
        origin = known[0].name
        signed = tlog_proof.verify(read, entry.read_bytes(), known, origin=origin, witnesses=watching, quorum=quorum)
    _conclude(f"entry {read.index} is in the tree of {signed.size} that {signed.origin} signed", index=read.index)


@log.command("rotate-key")
def rotate_key() -> None:
    """Hand over to the key at HALLMARK_NEXT_SIGNING_KEY. The handover is an entry of the log."""
    answer = Client().post("/log/keys/rotate")
    out.answer(answer, f"{answer['new']} follows {answer['old']} with the next checkpoint")


@log.command("keys")
def published() -> None:
    """Every key the log has had, and the sizes whose checkpoints each signs."""
    answer = Client().get("/log/keys")
    rows = [(one["verifier_key"], one["from_size"], one["until_size"]) for one in answer["published_keys"]]
    out.answer(answer, table(("verifier key", "from size", "until size"), rows))


@witnesses.command("key")
def witness_key_line(
    key: Annotated[Path, typer.Argument(help="The witness's private key.", exists=True)],
    name: Annotated[str, typer.Argument(help="Its name, such as witness.example/a.")],
) -> None:
    """The one-line public key to register a witness with."""
    private = keys.read_private(key)
    if not isinstance(private, Ed25519PrivateKey):
        raise Invalid(
            "witness_key_unusable", f"{key} is no Ed25519 key.", remedy="Make one with `hallmark key generate`."
        )
    line = str(WitnessKey(name, private.public_key()))
    out.answer({"verifier_key": line}, line)


@witnesses.command("add")
def add(verifier_key: Annotated[str, WITNESS_KEY]) -> None:
    """Keep the cosignatures of one more witness."""
    answer = Client().post("/log/witnesses", {"verifier_key": verifier_key})
    out.answer(answer, f"{answer['name']} is a witness")


@witnesses.command("retire")
def retire(verifier_key: Annotated[str, WITNESS_KEY]) -> None:
    """Take no more cosignatures of a witness, for good."""
    answer = Client().post("/log/witnesses/retire", {"verifier_key": verifier_key})
    out.answer(answer, f"{answer['name']} is retired")


@witnesses.command("list")
def list_witnesses() -> None:
    """All witnesses."""
    answer = Client().get("/log/witnesses")
    rows = [(one["name"], one["verifier_key"], one["retired_at"]) for one in answer["witnesses"]]
    out.answer(answer, table(("name", "verifier key", "retired"), rows), f"{answer['quorum']} cosignatures are wanted")


@contextmanager
def _verifying() -> Iterator[None]:
    """What is refused in here is a failed verification, not a wrong command."""
    try:
        yield
    except Rejection as error:
        out.failure(error)
        raise typer.Exit(Exit.DENIED) from error


def _conclude(sentence: str, *, holds: bool = True, **facts: object) -> None:
    out.answer({"holds": holds, **facts}, f"{mark('allow' if holds else 'deny')} {sentence}")
    if not holds:
        raise typer.Exit(Exit.DENIED)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    log.command("fsck")(fsck.fsck)
    log.add_typer(witnesses, name="witness")
    app.add_typer(log, name="log")
