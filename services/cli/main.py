"""The `hallmark` command and all its nouns and verbs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from services.cli.commands import (
    advisories,
    alerts,
    bundles,
    dead_letters,
    documents,
    events,
    evidence,
    exploitation,
    freezes,
    keys,
    log,
    matching,
    metrics,
    moving,
    pipelines,
    policies,
    promotions,
    replaying,
    risk,
    sla,
    stack,
    tokens,
    trains,
    versions,
    waivers,
    webhooks,
    witness,
)
from services.cli.exits import exit_for
from services.cli.output import out
from shared.errors import HallmarkError

app = typer.Typer(
    help="Decides whether a version of an application may move on, proves why, and keeps watching after it is out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def options(*, as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")] = False) -> None:
    """Options of every command."""
    out.as_json = as_json


groups = (
    stack,
    documents,
    policies,
    versions,
    events,
    evidence,
    moving,
    promotions,
    trains,
    freezes,
    waivers,
    replaying,
    advisories,
    risk,
    alerts,
    sla,
    exploitation,
    matching,
    metrics,
    bundles,
    log,
    witness,
    dead_letters,
    tokens,
    pipelines,
    webhooks,
    keys,
)
for group in groups:
    group.register(app)


def _json_first(words: list[str]) -> list[str]:
    """`--json` is an option of every command: who writes it after one means the same."""
    end = words.index("--") if "--" in words else len(words)
    own = [word for word in words[:end] if word != "--json"]
    return [*(["--json"] if len(own) < end else []), *own, *words[end:]]


def main() -> None:
    """Run the command; errors become one sentence, a remedy and an exit code."""
    try:
        app(args=_json_first(sys.argv[1:]))
    except HallmarkError as error:
        out.failure(error)
        sys.exit(exit_for(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
