"""After release: advisories, and the trust in one release."""

from __future__ import annotations

from typing import Any

import typer

from services.cli.client import Client
from services.cli.commands.advisory_imports import advisory, standing_line
from services.cli.commands.arguments import Version, version_ref
from services.cli.exits import Exit
from services.cli.output import mark, out, table
from services.cli.risk_displays import rule_line


def _distrusted(one: dict[str, Any]) -> list[str]:
    return [f"{cause['evidence_id']} is distrusted ({cause['trust_root']})" for cause in one["distrusted"]]


def _rules(one: dict[str, Any]) -> list[Any]:
    rows = [(rule_line(failed), failed["remedy"], failed["since"][:19], failed["due"]) for failed in one["rules"]]
    return [table(("would not be admitted any more by", "what to do", "since", "due"), rows)] if rows else []


def _excused(one: dict[str, Any]) -> list[Any]:
    rows = [
        (
            flaw["advisory"],
            flaw["component"],
            flaw["status"],
            flaw["justification"] or flaw["impact"],
            flaw["author"],
            ", ".join(flaw["signers"]),
            flaw["since"][:19],
        )
        for flaw in one.get("excused", ())
    ]
    columns = ("taken away", "component", "status", "why", "author", "signed by", "since")
    return [table(columns, rows)] if rows else []


def trust(version: Version) -> None:
    """Whether a release may still be relied on. Ends with 0 only while it is trusted."""
    one = Client().get(version_ref(version).path + "/trust")
    causes = [(c["advisory"], c["component"], c["severity"], c["fixed_in"], c["due"]) for c in one["causes"]]
    out.answer(
        one,
        f"{version}: {mark(one['trust'])} since {one['since']}, {one['components']} components under watch",
        table(("cause", "component", "severity", "fixed in", "due"), causes),
        *_distrusted(one),
        *_rules(one),
        *_excused(one),
        standing_line(one.get("imports")),
    )
    raise typer.Exit(Exit.DONE if one["trust"] == "trusted" else Exit.DENIED)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(advisory, name="advisory")
    app.command()(trust)
