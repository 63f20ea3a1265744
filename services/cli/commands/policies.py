"""`hallmark policy`: those in force, what each says and said before, and how to try and read them over in files."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

import typer
import yaml
from rich.markup import escape

from services.cli.client import Client
from services.cli.commands import policy_linting, policy_trying, simulating
from services.cli.commands.arguments import Project
from services.cli.output import out, table
from shared.errors import Invalid, NotFound

policy = typer.Typer(help="Policies: try and read them over in files, and see those in force.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the policy.")]


@policy.command("list")
def list_policies(project: Project) -> None:
    """The policies in force."""
    found = list(Client().pages(f"/projects/{project}/policies", "policies"))
    rows = [
        (one["policy"], one["mode"], one["revision"], _gates(one), one["applied_by"], one["applied_at"])
        for one in found
    ]
    out.answer(found, table(("policy", "mode", "revision", "gates", "applied by", "applied at"), rows))


@policy.command("show")
def show(
    name: Name,
    project: Project,
    digest: Annotated[str | None, typer.Option(help="An earlier revision, by its digest.")] = None,
) -> None:
    """What a policy says, as YAML in its normal form: defaults are written out."""
    view = _view(Client(), project, name, digest)
    head = f"# revision {view['revision']}, applied by {view['applied_by']} at {view['applied_at']}, {view['digest']}"
    out.answer(view, escape(f"{head}\n{_yaml(view['document'])}".rstrip()))


@policy.command("history")
def history(
    name: Name,
    project: Project,
    diff: Annotated[
        str | None, typer.Option(help="What changed: `3` from the revision before it, or `1..3` between two.")
    ] = None,
) -> None:
    """Every revision of a policy: who applied it, and when; with --diff what changed."""
    client = Client()
    found = list(client.pages(f"/projects/{project}/policies/{name}/revisions", "revisions"))
    if diff is None:
        rows = [
            (one["revision"], one["mode"], one["applied_by"], one["applied_at"], _said(one, found)) for one in found
        ]
        out.answer(found, table(("revision", "mode", "applied by", "applied at", "digest"), rows))
        return
    before, after = _two(diff)

    def text_of(number: int) -> list[str]:
        if not number:
            return []
        return _yaml(_view(client, project, name, _digest(found, number))["document"]).splitlines()

    names = (f"revision {before}" if before else "nothing", f"revision {after}")
    lines = list(difflib.unified_diff(text_of(before), text_of(after), names[0], names[1], lineterm="", n=2))
    out.answer({"from": before, "to": after, "lines": lines}, escape("\n".join(lines) or "They say the same."))


def _gates(view: dict[str, Any]) -> str:
    return ", ".join(f"{one['stage']} {one['gate']}" for one in view["document"]["spec"]["gates"])


def _said(one: dict[str, Any], every: list[dict[str, Any]]) -> str:
    """The digest, and the first revision that said the same."""
    first = min(other["revision"] for other in every if other["digest"] == one["digest"])
    return str(one["digest"]) + (f" (as revision {first})" if first < one["revision"] else "")


def _view(client: Client, project: str, name: str, digest: str | None) -> dict[str, Any]:
    path = f"policy-revisions/{digest}" if digest else f"policies/{name}"
    view: dict[str, Any] = client.get(f"/projects/{project}/{path}")
    if view["policy"] != name:
        raise NotFound(
            "policy_revision_foreign",
            f"{digest} is a revision of {view['policy']}, not of {name}.",
            remedy=f"Take a digest of `hallmark policy history {name}`.",
        )
    return view


def _two(text: str) -> tuple[int, int]:
    """The revisions to compare; 0 is before the first. Raises `Invalid`."""
    first, dots, second = text.partition("..")
    try:
        before, after = (int(first), int(second)) if dots else (int(first) - 1, int(first))
    except ValueError:
        before, after = -1, -1
    if before < 0 or after < 1:
        raise Invalid("revisions_malformed", f"{text!r} names no revisions.", remedy="Write `3`, or `1..3`.")
    return before, after


def _digest(revisions: list[dict[str, Any]], number: int) -> str:
    for one in revisions:
        if one["revision"] == number:
            return str(one["digest"])
    raise NotFound("policy_revision_unknown", f"There is no revision {number}.", remedy="Name one of the history.")


def _yaml(document: dict[str, Any]) -> str:
    # In the order people write: what it is, then what it says.
    ordered = {key: document[key] for key in ("apiVersion", "kind", "metadata", "spec") if key in document}
    return str(yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=110))


simulating.register_in(policy)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    policy.command("test")(policy_trying.test)
    policy.command("lint")(policy_linting.lint)
    app.add_typer(policy, name="policy")
