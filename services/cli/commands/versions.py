"""Versions: what they are made of, where they stand, what is missing for the next stage."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from contracts.findings import Finding
from services.cli.client import Client
from services.cli.commands.arguments import Version, application_ref, version_ref
from services.cli.exits import Exit
from services.cli.explaining import findings_lines
from services.cli.output import mark, out, table
from services.cli.pages import page_line, with_page
from services.cli.timeline_table import timeline_table
from shared.errors import Invalid

version = typer.Typer(help="Versions of applications: drafts, then immutable.", no_args_is_help=True)


def read_artifact(text: str) -> dict[str, str]:
    """Read `PURL=sha256:HEX`. Raises `Invalid`."""
    purl, _, digest = text.rpartition("=")
    if not purl.startswith("pkg:") or not digest.startswith("sha256:"):
        raise Invalid(
            "artifact_malformed",
            f"{text!r} is no artifact.",
            remedy="Write PURL=sha256:HEX, such as pkg:pypi/web@1.4.0=sha256:3f0c...",
        )
    return {"purl": purl, "digest": digest}


@version.command("create")
def create(
    version: Version,
    artifact: Annotated[list[str] | None, typer.Option("--artifact", "-a", help="PURL=sha256:HEX; repeat it.")] = None,
    nested: Annotated[list[str] | None, typer.Option("--nested", help="Digest of a version it contains.")] = None,
    repository: Annotated[str | None, typer.Option(help="Where its source lives.")] = None,
    commit: Annotated[str | None, typer.Option(help="The commit it was built from.")] = None,
    committed_at: Annotated[str | None, typer.Option(help="When that was committed, RFC 3339.")] = None,
    branch: Annotated[str | None, typer.Option(help="The branch it was built on.")] = None,
    author: Annotated[str | None, typer.Option(help="Who wrote the commit, as a subject that signs in.")] = None,
    committer: Annotated[str | None, typer.Option(help="Who put it onto the branch.")] = None,
    tag: Annotated[str, typer.Option(help="A name that may change later.")] = "",
    *,
    draft: Annotated[bool, typer.Option("--draft", help="It takes further artifacts until it is sealed.")] = False,
) -> None:
    """Register a version from its artifacts. The same again changes nothing; other content is refused."""
    ref = version_ref(version)
    body: dict[str, Any] = {
        "version": ref.version,
        "artifacts": [read_artifact(text) for text in artifact or []],
        "nested": nested or [],
        "tag": tag,
    }
    if draft:
        body["draft"] = True
    source = {
        "repository": repository,
        "commit": commit,
        "committed_at": committed_at,
        "branch": branch,
        "author": author,
        "committer": committer,
    }
    if any(source.values()):
        body["source"] = source
    answer = Client().post(f"/projects/{ref.project}/applications/{ref.application}/versions", body)
    kind = "is a draft, for now" if answer.get("draft") else "is registered as"
    out.answer(with_page(answer, ref.path), f"{version} {kind} {answer['digest']}", *page_line(ref.path))


@version.command("add-artifact")
def add_artifact(
    version: Version,
    artifact: Annotated[list[str] | None, typer.Argument(help="PURL=sha256:HEX, any number of them.")] = None,
    nested: Annotated[list[str] | None, typer.Option("--nested", help="Digest of a version it contains.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", help="Digest of what is not part of it.")] = None,
    repository: Annotated[str | None, typer.Option(help="Where its source lives.")] = None,
    commit: Annotated[str | None, typer.Option(help="The commit it is built from, once and for all.")] = None,
) -> None:
    """Add to what a draft is made of, or take out of it. What is so already changes nothing."""
    body: dict[str, Any] = {
        "artifacts": [read_artifact(text) for text in artifact or []],
        "nested": nested or [],
        "remove": remove or [],
    }
    if repository or commit:
        body["source"] = {"repository": repository, "commit": commit}
    answer = Client().post(f"{version_ref(version).path}/amend", body)
    out.answer(answer, f"{version} is a draft of {len(answer['artifacts'])} artifacts, for now {answer['digest']}")


@version.command("seal")
def seal(
    version: Version,
    digest: Annotated[str | None, typer.Option(help="Only when this is its digest by now.")] = None,
) -> None:
    """Fix what a version is made of, for ever. Its first promotion does so, too."""
    answer = Client().post(f"{version_ref(version).path}/seal", {"digest": digest} if digest else {})
    out.answer(answer, f"{version} is sealed as {answer['digest']}")


@version.command("show")
def show(version: Version) -> None:
    """What a version is made of and where it stands."""
    view = Client().get(version_ref(version).path)
    facts = [
        ("digest", view["digest"]),
        ("stage", "(draft)" if view.get("draft") else view["stage"]),
        ("status", view["release_status"]),
        ("created", f"{view['created_at']} by {view['created_by']}"),
        *((name, (view["source"] or {}).get(name)) for name in ("commit", "author", "committer")),
        ("stages", " → ".join(stage["name"] for stage in view["lifecycle"])),
    ]
    artifacts = [(one["purl"], one["digest"]) for one in view["artifacts"]]
    moves = [(one["at"], one["kind"], one["from_stage"], one["to_stage"], one["by"]) for one in view["history"]]
    path = version_ref(version).path
    out.answer(
        with_page(view, path),
        table(("", ""), facts),
        table(("artifact", "digest"), artifacts),
        table(("when", "what", "from", "to", "by"), moves),
        *page_line(path),
    )


@version.command("timeline")
def timeline(version: Version) -> None:
    """Everything that happened to a version, oldest first."""
    path = f"{version_ref(version).path}/timeline"
    found = Client().get(path)
    entries = found["entries"]
    while found["next"]:
        found |= Client().get(path, after=found["next"])
        entries += found["entries"]
    cut = f"[yellow]What happened before {found['complete_since']} is left out: there is too much of it.[/]"
    out.answer({**found, "entries": entries}, *([cut] if found["cut"] else []), timeline_table(entries))


@version.command("list")
def list_versions(application: Annotated[str, typer.Argument(help="project/application")]) -> None:
    """The versions of an application, newest first."""
    project, name = application_ref(application)
    found = list(Client().pages(f"/projects/{project}/applications/{name}/versions", "versions"))
    rows = [
        (one["version"], "(draft)" if one.get("draft") else one["stage"], one["release_status"], one["created_at"])
        for one in found
    ]
    out.answer(found, table(("version", "stage", "status", "created"), rows))


def readiness(version: Version) -> None:
    """What is missing for the next stage, with remedies. Ends with 0 when nothing is."""
    answer = Client().get(version_ref(version).path + "/readiness")
    where = f"{answer['from_stage'] or 'nowhere'} → {answer['to_stage'] or 'nowhere to go'}"
    findings = [Finding.model_validate(one) for one in answer["findings"]]
    out.answer(answer, f"{version}: {where} {mark(answer['outcome'])}", *findings_lines(findings))
    raise typer.Exit(exit_for_outcome(answer["outcome"]))


def board(application: Annotated[str, typer.Argument(help="project/application")]) -> None:
    """Which version stands in each stage of an application."""
    project, name = application_ref(application)
    view = Client().get(f"/projects/{project}/applications/{name}")
    rows = [
        (one["stage"], one["version"], one["since"], one["previous_good"], ", ".join(_barred(one)))
        for one in view["board"]
    ]
    columns = ("stage", "version", "since", "rollback goes to", "quarantined")
    out.answer(view, table(columns, rows, title=f"{application}"))


def _barred(standing: dict[str, Any]) -> list[str]:
    return [one["version"] for one in standing["quarantined"]]


def exit_for_outcome(outcome: str | None) -> Exit:
    """The exit code for what the gates say."""
    codes = {"allow": Exit.DONE, "deny": Exit.DENIED, "pending": Exit.PENDING, "error": Exit.UNAVAILABLE}
    return codes.get(outcome or "", Exit.DONE)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(version, name="version")
    app.command()(readiness)
    app.command()(board)
