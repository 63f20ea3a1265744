"""`hallmark pipeline-identity`: which pipelines may act. They are applied from files, as what else lives in git."""

from __future__ import annotations

from typing import Annotated, Any

import typer
import yaml
from rich.markup import escape

from services.cli.client import Client
from services.cli.commands.arguments import Project
from services.cli.output import out, table

pipeline_identity = typer.Typer(help="Pipelines that act with the ID tokens of their runs.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the pipeline identity.")]


@pipeline_identity.command("list")
def list_identities(project: Project) -> None:
    """Those in force."""
    found = list(Client().pages(f"/projects/{project}/pipeline-identities", "pipeline_identities"))
    rows = [(one["pipeline_identity"], one["issuer"], _claims(one), _grants(one), one["revision"]) for one in found]
    out.answer(found, table(("name", "issuer", "claims", "grants", "revision"), rows))


@pipeline_identity.command("show")
def show(name: Name, project: Project) -> None:
    """What one says, as YAML."""
    view = Client().get(f"/projects/{project}/pipeline-identities/{name}")
    head = f"# revision {view['revision']}, applied by {view['applied_by']} at {view['applied_at']}, {view['digest']}"
    spec = {key: view[key] for key in ("issuer", "claims", "allow_pull_requests", "grants")}
    out.answer(view, escape(f"{head}\n{yaml.safe_dump(spec, sort_keys=False)}".rstrip()))


@pipeline_identity.command("withdraw")
def withdraw(name: Name, project: Project) -> None:
    """Let no run act by it any more. Takes effect within a minute."""
    answer = Client().delete(f"/projects/{project}/pipeline-identities/{name}")
    out.answer(answer, f"The pipeline identity {name} lets no run act any more.")


def _claims(one: dict[str, Any]) -> str:
    claims = {name: [value] if isinstance(value, str) else value for name, value in sorted(one["claims"].items())}
    return " ".join(f"{name}={'|'.join(values)}" for name, values in claims.items())


def _grants(one: dict[str, Any]) -> str:
    return "; ".join(f"{','.join(grant['applications'])}: {','.join(grant['roles'])}" for grant in one["grants"])


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(pipeline_identity, name="pipeline-identity")
