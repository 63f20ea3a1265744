"""What others check for themselves: a version's bundle, verified offline, and the attestations of its gates."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.client import Client
from services.cli.commands.arguments import Project, Version, version_ref
from services.cli.exits import Exit
from services.cli.output import mark, out, table
from services.cli.verifier.reading import MAX_BYTES
from services.cli.verifier.verify import Trust, verify_bundle
from shared.crypto import note
from shared.errors import TooLarge

verify = typer.Typer(help="Verify what Hallmark gave out, with no server and no network.", no_args_is_help=True)
attestation = typer.Typer(help="What Hallmark attested, for any tool that knows in-toto.", no_args_is_help=True)
Earlier = Annotated[Path | None, typer.Option("--since", help="A checkpoint of the log that you kept.", exists=True)]
PromotionId = Annotated[str, typer.Argument(help="Id of the promotion.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Where it goes.")]


class Form(StrEnum):
    """In which form a passage was attested."""

    VSA = "vsa"
    SVR = "svr"


def bundle(
    version: Version,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the bundle goes.")] = None,
    since: Earlier = None,
) -> None:
    """Export everything behind a version as one file that anyone can verify offline."""
    ref = version_ref(version)
    path = output or Path(f"{ref.application}-{ref.version}.hallmark.zip")
    earlier = {}
    if since:
        text, _, _ = since.read_text().rpartition("\n\n")
        checkpoint = note.parse_checkpoint(text + "\n")
        earlier = {"since_size": checkpoint.size, "since_root": f"sha256:{checkpoint.root.hex()}"}
    data = Client().get_bytes(ref.path + "/bundle", **earlier)
    path.write_bytes(data)
    out.answer({"bundle": str(path), "size": len(data)}, f"{path} is written, {len(data)} bytes")


@verify.command("bundle")
def verify_one(
    path: Annotated[Path, typer.Argument(help="A bundle.", exists=True, dir_okay=False)],
    log_key: Annotated[list[str] | None, typer.Option(help="A verifier key of the log. Repeat it.")] = None,
    signing_key: Annotated[
        list[Path] | None, typer.Option(help="A public key of Hallmark, PEM. Repeat it.", exists=True)
    ] = None,
    witness: Annotated[list[str] | None, typer.Option(help="A key of a witness of the log. Repeat it.")] = None,
    quorum: Annotated[int | None, typer.Option(help="How many witnesses must have signed; all when absent.")] = None,
    since: Earlier = None,
) -> None:
    """Verify a bundle with no server and no network, with keys that you have from somewhere else than the bundle.

    Ends with 0 only when everything holds, else with 3 and the first thing that does not.
    """
    if path.stat().st_size > MAX_BYTES:
        raise TooLarge("bundle_too_large", f"{path} has more than {MAX_BYTES} bytes.", remedy="No bundle is so large.")
    trust = Trust(
        log_keys=tuple(log_key or ()),
        signing_keys=tuple(key.read_text() for key in signing_key or ()),
        witnesses=tuple(witness or ()),
        quorum=len(witness or ()) if quorum is None else quorum,
        since=since.read_bytes() if since else None,
    )
    report = verify_bundle(path.read_bytes(), trust)
    rows = [(mark("allow") if check.passed else mark("deny"), check.name, check.detail) for check in report.checks]
    verdict = f"{mark('allow')} verified" if report.passed else f"{mark('deny')} not verified"
    trusted = "against your own log key" if log_key else "with the keys inside the bundle: it is consistent in itself"
    out.answer(report.as_json(), table(("", "check", "what was seen"), rows), f"{verdict} {trusted}")
    if not report.passed:
        raise typer.Exit(Exit.DENIED)


@attestation.command("list")
def list_attestations(promotion_id: PromotionId, project: Project) -> None:
    """What Hallmark attested about a promotion."""
    found = Client().get(f"/projects/{project}/promotions/{promotion_id}/attestations")["attestations"]
    rows = [(one["predicate_type"], one["content_digest"], one["log_index"]) for one in found]
    out.answer(found, table(("type", "digest", "log"), rows))


@attestation.command("get")
def get_attestation(
    promotion_id: PromotionId,
    project: Project,
    output: Output,
    form: Annotated[
        Form, typer.Option("--type", "-t", help="SLSA summary, or in-toto verification result.")
    ] = Form.VSA,
) -> None:
    """Get the signed statement that a version passed its gates, a DSSE envelope."""
    data = Client().get_bytes(f"/projects/{project}/promotions/{promotion_id}/attestations/{form}")
    output.write_bytes(data)
    out.answer({"attestation": str(output)}, f"{output} is written")


@attestation.command("key")
def get_keys(output: Output) -> None:
    """Get the public keys that attestations are signed with, in PEM, the newest first."""
    output.write_bytes(Client().get_bytes("/log/keys.pem"))
    out.answer({"key": str(output)}, f"{output} is written")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(bundle)
    app.add_typer(verify, name="verify")
    app.add_typer(attestation, name="attestation")
