"""After release: advisories, risk, and delivery metrics."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from services.cli.client import Client
from services.cli.commands.advisory_imports import advisory, standing_line
from services.cli.commands.arguments import Project, Version, version_ref
from services.cli.exits import Exit
from services.cli.output import mark, out, table


def risk(
    project: Project,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also releases that are not at risk.")] = False,
) -> None:
    """Releases at risk, those with the nearest deadline first. Ends with 3 when there are any."""
    client = Client()
    found = list(client.pages(f"/projects/{project}/risk", "releases", all=everything))
    rows = [
        (
            f"{one['application']}/{one['version']}",
            mark(one["trust"]),
            one["deadline"],
            ", ".join(one["owners"]),
            "\n".join(
                [*(f"{cause['advisory']} in {cause['component']}" for cause in one["causes"]), *_distrusted(one)]
            ),
            "\n".join(cause["fixed_in"] or "no fix known" for cause in one["causes"]),
        )
        for one in found
    ]
    standing = client.get(f"/projects/{project}/risk", limit=1).get("imports")
    shown = table(("release", "trust", "deal with it by", "owners", "cause", "fixed in"), rows)
    out.answer(found, shown, standing_line(standing))
    if any(one["trust"] in {"at_risk", "revoked"} and one["current"] for one in found):
        raise typer.Exit(Exit.DENIED)


def _distrusted(one: dict[str, Any]) -> list[str]:
    return [f"{cause['evidence_id']} is distrusted ({cause['trust_root']})" for cause in one["distrusted"]]


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
        *_excused(one),
        standing_line(one.get("imports")),
    )
    raise typer.Exit(Exit.DONE if one["trust"] == "trusted" else Exit.DENIED)


def metrics(
    project: Project,
    application: Annotated[str | None, typer.Option()] = None,
    since: Annotated[str | None, typer.Option(help="RFC 3339; 90 days ago when absent.")] = None,
) -> None:
    """The five delivery metrics, each with what it was computed from."""
    answer = Client().get(f"/projects/{project}/metrics", application=application, since=since)
    rows = [
        (
            one["name"],
            "-" if one["value"] is None else f"{one['value']:g}",
            one["unit"],
            one["band"],
            one["fact_count"],
            one["formula"],
        )
        for one in answer["metrics"]
    ]
    out.answer(answer, table(("metric", "value", "unit", "band", "facts", "formula"), rows))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(advisory, name="advisory")
    for command in (risk, trust, metrics):
        app.command()(command)
