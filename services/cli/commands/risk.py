"""What is at risk, how far a flaw reaches, what to fix first, and where what runs is not what should."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from services.cli import risk_displays as show
from services.cli.client import Client
from services.cli.commands.advisory_imports import standing_line
from services.cli.commands.arguments import Project
from services.cli.exits import Exit
from services.cli.output import errors, out
from services.cli.spreadsheets import Csv, print_table
from shared.clock import utc_now
from shared.errors import Invalid

risk = typer.Typer(help="What is at risk, where, and what to do about it.", invoke_without_command=True)
Application = Annotated[str | None, typer.Option("--application", "-a", help="Only this one.")]
_MOST_NAMES, _MOST_DRIFTS, _PAGE = 500, 500, 50
_UNHEARD = "No advisory of that id is known, so that nobody can say what it affects. Import advisories first."


class FailOn(StrEnum):
    """When the list of risks ends with 3."""

    AT_RISK = "at-risk"
    OVERDUE = "overdue"
    NEVER = "never"


@risk.callback()
def overview(
    ctx: typer.Context,
    *,
    project: Annotated[str | None, typer.Option("--project", "-p", help="The project.")] = None,
    application: Application = None,
    everything: Annotated[bool, typer.Option("--all", help="Also releases that are not at risk.")] = False,
    fail_on: Annotated[
        FailOn, typer.Option(help="End with 3: when what stands is at risk or revoked, when it is overdue, or never.")
    ] = FailOn.AT_RISK,
) -> None:
    """Releases at risk, those with the nearest deadline first."""
    if ctx.invoked_subcommand:
        return
    if project is None:
        raise Invalid("project_missing", "No project was named.", remedy="Add --project NAME.")
    client, now, found = Client(), utc_now(), list[dict[str, Any]]()
    after = None
    while True:
        page = client.get(f"/projects/{project}/risk", all=everything, application=application, after=after)
        found += page["releases"]
        after = page["next"]
        if after is None:
            break
    known = _exploitation(client, found)
    releases = [show.assessed(one, known, now) for one in found]
    drifts = client.get(f"/projects/{project}/drift", application=application, limit=_MOST_DRIFTS)
    count = len(drifts["drifts"])
    words = show.summary(
        releases,
        advisories=page["advisories"],
        last_import=page["last_import"],
        drifts=f"{count}{' or more' if drifts['next'] else ''} services or releases" if count else "",
        now=now,
    )
    out.answer(releases, show.overview(releases, now), *words, standing_line(page.get("imports")))
    if any(_fails(one, fail_on) for one in releases):
        raise typer.Exit(Exit.DENIED)


@risk.command()
def blast(
    subject: Annotated[
        str, typer.Argument(help="A vulnerability id, or a package URL such as pkg:npm/lodash@4.17.20.")
    ],
    *,
    bounds: Annotated[str | None, typer.Option("--range", help="Of a package: such as '>=4.0.0,<4.17.21'.")] = None,
    project: Annotated[str | None, typer.Option("--project", "-p", help="Only this one; all you may see.")] = None,
    application: Application = None,
    most: Annotated[int, typer.Option(help="Versions to show.", min=1)] = 200,
    as_csv: Csv = False,
) -> None:
    """Which versions contain it, where they stand and run, and who answers for them.

    Ends with 5 when no advisory of that id is known: then nobody can say what it affects.
    """
    asked = {"package" if subject.startswith("pkg:") else "vulnerability": subject, "bounds": bounds}
    asked |= {"project": project, "application": application}
    if as_csv:
        _blast_table(asked, most)
    else:
        _blast(asked, subject, most)


@risk.command()
def fix(
    project: Project,
    application: Application = None,
    most: Annotated[int, typer.Option(help="Steps to show.", min=1, max=500)] = 20,
    as_csv: Csv = False,
) -> None:
    """What to fix first: the upgrade that removes most risk from what stands or runs."""
    path = f"/projects/{project}/remediation"
    if as_csv:
        print_table(path, {"application": application, "limit": most}, pages=1)
        return
    plan = Client().get(path, application=application, limit=most)
    lines: list[Any] = [show.fixes_table(plan["fixes"], utc_now())] if plan["fixes"] else ["Nothing at risk."]
    if plan["fixes"]:
        lines.append(f"{plan['fix_count']} steps; risk {plan['risk']:g}, of which {plan['unfixable']:g} would be left")
        lines.append(f"[dim]risk of a flaw = {plan['formula']}[/]")
    if not plan["complete"]:
        lines.append("[yellow]More releases are at risk than one answer looks at; name an application.[/]")
    out.answer(plan, *lines)


@risk.command()
def running(project: Project, application: Application = None) -> None:
    """What runs where, as deployment tools and signed evidence said."""
    found = list(Client().pages(f"/projects/{project}/running", "services", application=application))
    out.answer(found, show.running_table(found))


@risk.command()
def drift(project: Project, application: Application = None, *, as_csv: Csv = False) -> None:
    """Where what runs is not what should. Ends with 3 when there is any."""
    path, found = f"/projects/{project}/drift", list[Any]()
    if as_csv:
        found += print_table(path, {"application": application}).rows
    else:
        found += Client().pages(path, "drifts", application=application)
        out.answer(found, show.drift_table(found) if found else "What runs is what should.")
    if found:
        raise typer.Exit(Exit.DENIED)


def _blast(asked: dict[str, Any], subject: str, most: int) -> None:
    client, answer = Client(), dict[str, Any]()
    versions, flaws, after = list[dict[str, Any]](), dict[str, dict[str, Any]](), None
    while True:
        page = client.get("/exposure", **asked, after=after, limit=min(_PAGE, most))
        answer = answer or page
        versions += page["versions"]
        flaws |= {one["advisory"]: one for one in page["flaws"]}
        after = page["next"]
        if after is None or len(versions) >= most:
            break
    whole = {**answer, "versions": versions, "flaws": list(flaws.values()), "next": after}
    lines: list[Any] = [*show.flaw_lines(whole["flaws"])]
    if versions:
        lines += [show.exposure_tree(whole, subject), show.exposure_table(versions, answer["totals"])]
    unheard = "vulnerability" in asked and not answer["advisories"]
    if unheard:
        lines.append(_UNHEARD)
    elif not versions:
        lines.append("Nothing that you may see contains it.")
    if after is not None:
        lines.append(f"There are more versions; the first {len(versions)} are shown. See --most.")
    out.answer(whole, *lines)
    if unheard:
        raise typer.Exit(Exit.UNAVAILABLE)


def _blast_table(asked: dict[str, Any], most: int) -> None:
    limit = min(_PAGE, most)
    printed = print_table("/exposure", asked | {"limit": limit}, pages=-(-most // limit))
    if not printed.is_all:
        errors.print("There are more versions. See --most.")
    if "vulnerability" in asked and not printed.rows and not Client().get("/exposure", **asked, limit=1)["advisories"]:
        errors.print(_UNHEARD)
        raise typer.Exit(Exit.UNAVAILABLE)


def _exploitation(client: Client, releases: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    causes = [cause for one in releases for cause in one["causes"]]
    names = sorted({name for cause in causes for name in (cause["advisory"], *cause["aliases"]) if name[:4] == "CVE-"})
    parts = [names[first : first + _MOST_NAMES] for first in range(0, len(names), _MOST_NAMES)]
    found = [
        one
        for part in parts
        for one in client.pages("/exploitation", "entries", vulnerabilities=part, limit=_MOST_NAMES)
    ]
    return {one["vulnerability"]: one for one in found}


def _fails(release: dict[str, Any], fail_on: FailOn) -> bool:
    match fail_on:
        case FailOn.NEVER:
            return False
        case FailOn.OVERDUE:
            return bool(release["current"] and release["overdue"])
        case FailOn.AT_RISK:
            return bool(release["current"] and release["trust"] in {"at_risk", "revoked"})


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(risk, name="risk")
