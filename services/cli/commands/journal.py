"""The record: export a version's bundle, and verify it offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.client import Client
from services.cli.commands.arguments import Version, version_ref
from services.cli.exits import Exit
from services.cli.output import mark, out, table
from services.cli.verify_bundle import verify_bundle


def bundle(
    version: Version,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the bundle goes.")] = None,
) -> None:
    """Export everything behind a version as one file that anyone can verify offline."""
    ref = version_ref(version)
    path = output or Path(f"{ref.application}-{ref.version}.hallmark.zip")
    data = Client().get_bytes(ref.path + "/bundle")
    path.write_bytes(data)
    out.answer({"bundle": str(path), "size": len(data)}, f"{path} is written, {len(data)} bytes")


def verify(
    path: Annotated[Path, typer.Argument(help="A bundle.", exists=True)],
    log_key: Annotated[
        str | None, typer.Option(help="The log's verifier key, from somewhere else than the bundle.")
    ] = None,
) -> None:
    """Verify a bundle with no server and no network. Ends with 0 only when every check passes."""
    report = verify_bundle(path.read_bytes(), log_key=log_key)
    rows = [(mark("allow") if check.passed else mark("deny"), check.name, check.detail) for check in report.checks]
    verdict = f"{mark('allow')} verified" if report.passed else f"{mark('deny')} not verified"
    trusted = "against your own log key" if log_key else "with the keys inside the bundle: it is consistent in itself"
    out.answer(report.as_json(), table(("", "check", "what was seen"), rows), f"{verdict} {trusted}")
    if not report.passed:
        raise typer.Exit(Exit.DENIED)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(bundle)
    app.command()(verify)
