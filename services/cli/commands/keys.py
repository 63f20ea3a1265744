"""Keys that people and pipelines sign evidence with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.output import out
from shared.crypto import keys as crypto

key = typer.Typer(help="Signing keys.", no_args_is_help=True)


@key.command("generate")
def generate(
    path: Annotated[Path, typer.Argument(help="Where the private key goes; `.pub` is added for the public one.")],
    algorithm: Annotated[crypto.Algorithm, typer.Option(help="What kind of key.")] = crypto.Algorithm.ED25519,
) -> None:
    """Make a key pair: the private half readable by you alone, never overwriting anything."""
    made = crypto.generate(algorithm)
    crypto.save_private(made, path)
    public = path.with_name(path.name + ".pub")
    public.write_text(crypto.public_pem(made.public_key()))
    out.answer({"private": str(path), "public": str(public)}, f"{path} and {public} are written")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(key, name="key")
