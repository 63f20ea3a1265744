"""Evidence: make a signed statement out of a tool's output, hand it in, look at what is on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.client import Client
from services.cli.commands.arguments import Project, version_ref
from services.cli.commands.attach import attach
from services.cli.commands.predicates import SHORT_NAMES, predicate_of
from services.cli.output import mark, out, table
from services.cli.pages import page_line, with_page
from shared.crypto import dsse, keys
from shared.errors import Invalid

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
evidence = typer.Typer(help="Signed statements about artifacts.", no_args_is_help=True)


@evidence.command("sign")
def sign(
    predicate: Annotated[Path, typer.Argument(help="What the tool wrote: JSON, XML or text.", exists=True)],
    subject: Annotated[list[str], typer.Option("--subject", "-s", help="NAME=sha256:HEX; repeat it.")],
    predicate_type: Annotated[
        str, typer.Option("--type", "-t", help=f"{', '.join(SHORT_NAMES)}, or a predicate type URI.")
    ],
    key: Annotated[Path, typer.Option("--key", "-k", help="Private key, PEM.", exists=True)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the envelope goes.")],
    stage: Annotated[
        str | None, typer.Option(help="The stage it was made for, if the type has a place for it.")
    ] = None,
) -> None:
    """Put a tool's output in an in-toto statement about artifacts and sign it (DSSE).

    The output is signed as the tool wrote it. Two are converted: JUnit XML under `test-result`, Bandit under `vulns`.
    """
    content = predicate_of(predicate, predicate_type, stage)
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [_subject(text) for text in subject],
        "predicateType": SHORT_NAMES.get(predicate_type, predicate_type),
        "predicate": content,
    }
    payload = json.dumps(statement, separators=(",", ":"), ensure_ascii=False).encode()
    output.write_bytes(dsse.sign(PAYLOAD_TYPE, payload, [keys.read_private(key)]))
    out.answer({"envelope": str(output)}, f"{output} is signed")


@evidence.command("list")
def list_evidence(
    project: Project,
    version: Annotated[str | None, typer.Option(help="Only about this project/application/version.")] = None,
) -> None:
    """What is on record, newest first."""
    path = f"{version_ref(version).path}/evidence" if version else f"/projects/{project}/evidence"
    found = list(Client().pages(path, "evidence"))
    rows = [_row(one) for one in found]
    out.answer(found, table(("evidence", "kind", "counts", "signed as", "received", "log"), rows))


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    item = one["item"]
    signed_as = ", ".join(_role(signer) for signer in item["signers"])
    words = "\n".join(part for part in (signed_as, item["problem"]) if part)
    return (item["evidence_id"], item["facts"]["kind"], _counts(item), words, item["received_at"], one["log_index"])


def _counts(item: dict[str, Any]) -> str:
    if item["distrusted"]:
        return mark("distrusted")
    return mark("allow" if item["verified"] else "deny")


def _role(signer: dict[str, Any]) -> str:
    return f"{signer['role']} (distrusted)" if signer["distrusted"] else str(signer["role"])


@evidence.command("show")
def show(evidence_id: Annotated[str, typer.Argument()], project: Project) -> None:
    """One piece of evidence: what it says, who signed it, what it counts for now and counted for before."""
    path = f"/projects/{project}/evidence/{evidence_id}"
    one = Client().get(path)
    item = one["item"]
    signers = [(_role(signer), signer["trust_root"], signer["key_id"]) for signer in item["signers"]]
    before = [
        (was["until"], _counts(was), was["problem"], f"{was['trust_root']} (revision {was['trust_root_revision']})")
        for was in one["history"]
    ]
    out.answer(
        with_page(one, path),
        table(("evidence", "kind", "counts", "signed as", "received", "log"), [_row(one)]),
        table(("type", "about"), [(item["predicate_type"], "\n".join(item["subjects"]))]),
        table(("signed as", "trust root", "key"), signers),
        *([table(("until", "counted", "problem", "ended by trust root"), before)] if before else []),
        *page_line(path),
    )


def _subject(text: str) -> dict[str, Any]:
    name, _, digest = text.rpartition("=")
    algorithm, _, value = digest.partition(":")
    if not value:
        raise Invalid("subject_malformed", f"{text!r} is no subject.", remedy="Write NAME=sha256:HEX.")
    return {"name": name or value[:12], "digest": {algorithm: value}}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    evidence.command("attach")(attach)
    app.add_typer(evidence, name="evidence")
