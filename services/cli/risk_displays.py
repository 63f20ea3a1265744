"""Risk as people read it: what is due when, how far a flaw reaches, what to fix first, and where other things run.

- Names come from outside: what cannot be printed, directions of writing included, is shown as a replacement character.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from services.cli.output import Marked, mark, table

SOON = timedelta(days=7)
STALE = timedelta(days=2)
"""Advisories that were last imported longer ago than this are called old."""
_NAMED = 3


def plain(text: Any) -> str:
    """A text from outside, with nothing in it that moves a terminal's cursor or turns letters around."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(text))


def due_in(deadline: str | None, now: datetime) -> timedelta | None:
    """How long there is until a deadline; negative once it is past."""
    return datetime.fromisoformat(deadline) - now if deadline else None


def assessed(release: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """A release of the risk list, with what people ask first: `overdue`, `due_soon`, and `exploited` flaws."""
    left = due_in(release["deadline"], now)
    names = {name for cause in release["causes"] for name in (cause["advisory"], *cause["aliases"])}
    return {
        **release,
        "overdue": left is not None and left < timedelta(),
        "due_soon": left is not None and timedelta() <= left <= SOON,
        "exploited": sorted(name for name in names if known.get(name, {}).get("exploited_since")),
    }


def overview(releases: Sequence[Mapping[str, Any]], now: datetime) -> Table:
    """Releases, the nearest deadline first."""
    rows = [
        (
            plain(f"{one['application']}/{one['version']}"),
            mark(one["trust"]),
            one["criticality"],
            _deadline(one, now),
            plain(", ".join(one["owners"])),
            Marked("\n".join(_causes(one))),
            "\n".join(plain(cause["fixed_in"] or "no fix known") for cause in one["causes"]),
        )
        for one in releases
    ]
    return table(("release", "trust", "criticality", "deal with it by", "owners", "cause", "fixed in"), rows)


def summary(
    releases: Sequence[Mapping[str, Any]], *, advisories: int, last_import: str | None, drifts: str, now: datetime
) -> list[str]:
    """How bad it is, how fresh what is known is, and whether other things run, in lines."""
    risky = [one for one in releases if one["trust"] in {"at_risk", "revoked"}]
    counts = [
        f"{len(risky)} at risk or revoked",
        f"{sum(one['overdue'] for one in risky)} overdue",
        f"{sum(one['due_soon'] for one in risky)} due within seven days",
        f"{sum(bool(one['exploited']) for one in risky)} with flaws that are known to be exploited (KEV)",
    ]
    lines = ["; ".join(counts), _freshness(advisories, last_import, now)]
    if drifts:
        lines.append(f"[yellow]{escape(drifts)} run what they should not: see `hallmark risk drift`[/]")
    return lines


def exposure_tree(found: Mapping[str, Any], title: str) -> Tree:
    """Projects, their applications, versions, where these stand and run, and the components that matter."""
    tree = Tree(escape(plain(title)))
    projects: dict[str, Tree] = {}
    applications: dict[tuple[str, str], Tree] = {}
    for one in found["versions"]:
        name, key = one["project"], (one["project"], one["application"])
        if name not in projects:
            projects[name] = tree.add(f"[bold]{escape(name)}[/]")
        if key not in applications:
            owners = plain(", ".join(one["owners"]) or "nobody")
            about = f"{one['application']}  criticality {one['criticality']}, owned by {owners}"
            applications[key] = projects[name].add(escape(about))
        _version(applications[key].add(_standing(one)), one)
    return tree


def flaw_lines(flaws: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is known of each flaw, a line each."""
    lines = []
    for one in flaws:
        known = one["exploitation"] or {}
        marks = ["[red]KEV[/]"] if known.get("exploited_since") else []
        marks += ["[red]ransomware[/]"] if known.get("ransomware") else []
        marks += [f"EPSS {escape(known['epss'])}"] if known.get("epss") else []
        names = " = ".join([one["advisory"], *one["aliases"]])
        words = [escape(plain(names)), one["severity"], *marks, escape(plain(one["summary"]))]
        lines.append("  ".join(word for word in words if word))
    return lines


def exposure_table(versions: Sequence[Mapping[str, Any]], totals: Mapping[str, Any] | None) -> Table:
    """What of each project is reached, with the totals over everything."""
    rows: list[tuple[Any, ...]] = []
    for project in dict.fromkeys(one["project"] for one in versions):
        mine = [one for one in versions if one["project"] == project]
        deadlines = [one["deadline"] for one in mine if one["deadline"]]
        rows.append(
            (
                project,
                len({one["application"] for one in mine}),
                len(mine),
                sum(bool(one["current_in"]) for one in mine),
                sum(one["deployment_count"] for one in mine),
                min(deadlines, default=""),
            )
        )
    if totals:
        least = "" if totals["exact"] else "at least "
        counts = [f"{least}{totals[name]}" for name in ("applications", "versions", "releases", "deployments")]
        rows.append((Marked(f"[bold]{least}{totals['projects']} projects[/]"), *counts, ""))
    return table(("project", "applications", "versions", "stand in a stage", "run", "first deadline"), rows)


def fixes_table(fixes: Iterable[Mapping[str, Any]], now: datetime) -> Table:
    """Steps, the one that removes most risk first."""
    rows = [
        (
            plain(one["component"]),
            plain(one["to_version"] or "no fix known"),
            f"{one['removes']:g} of {one['risk']:g}",
            one["severity"],
            Marked("[red]KEV[/]") if one["exploited"] else "",
            "" if one["epss"] is None else f"{one['epss']:g}",
            _when(one["deadline"], now),
            _some(one["releases"], one["release_count"]),
            _some(one["advisories"], one["advisory_count"]),
        )
        for one in fixes
    ]
    columns = ("component", "go to", "risk it removes", "worst", "KEV", "EPSS", "first deadline", "releases", "flaws")
    return table(columns, rows)


def drift_table(drifts: Iterable[Mapping[str, Any]]) -> Table:
    """Differences between what runs and what should."""
    rows = [
        (one["kind"], one["application"], plain(one["because"]), plain(", ".join(one["owners"])), one["since"])
        for one in drifts
    ]
    return table(("drift", "application", "what is so", "owners", "found at"), rows)


def running_table(services: Iterable[Mapping[str, Any]]) -> Table:
    """What runs where, and who says so."""
    rows = [
        (
            plain(one["running"]["environment"]),
            plain(one["running"]["service"] or "-"),
            f"{one['application']}/{one['running']['version'] or '?'}",
            mark(one["trust"]) if one["trust"] != "none" else "none",
            one["running"]["at"],
            plain(f"{one['running']['source']}, {one['running']['by']}"),
        )
        for one in services
    ]
    return table(("environment", "service", "runs", "trust", "since", "said by"), rows)


def _standing(one: Mapping[str, Any]) -> str:
    stage = ", ".join(one["current_in"]) or (f"{one['stage']}, replaced there" if one["stage"] else "")
    trust = f"  {mark(one['trust'])}" if one["trust"] != "none" else ""
    return f"{escape(plain(one['version']))}  {f'stands in {escape(stage)}' if stage else 'stands in no stage'}{trust}"


def _version(branch: Tree, one: Mapping[str, Any]) -> None:
    for place in one["deployments"]:
        service = f" as {plain(place['service'])}" if place["service"] else ""
        branch.add(f"[cyan]runs in {escape(plain(place['environment']) + service)}[/] since {place['at'][:10]}")
    _rest(branch, one["deployment_count"] - len(one["deployments"]), "places where it runs")
    for finding in one["findings"]:
        branch.add(_finding(finding))
    _rest(branch, one["finding_count"] - len(one["findings"]), "findings")


def _finding(one: Mapping[str, Any]) -> str:
    said = plain(f"{one['component']}  {one['advisory'] or 'no known flaw'}")
    words = [escape(said)]
    if one["doubt"]:
        words.append(f"[yellow]cannot be decided: {escape(one['doubt'])}[/]")
    elif one["advisory"]:
        words.append(escape(plain(f"fixed in {one['fixed_in']}" if one["fixed_in"] else "no fix known")))
    if one["due"]:
        words.append(f"due {one['due'][:10]}")
    words += [f"[cyan]~ waived by {escape(w['waiver_id'])} until {w['expires_at'][:10]}[/]" for w in one["waivers"]]
    return "  ".join(words)


def _rest(branch: Tree, more: int, what: str) -> None:
    if more > 0:
        branch.add(f"[dim]and {more} more {what}[/]")


def _some(names: Sequence[str], count: int) -> str:
    more = count - len(names[:_NAMED])
    return plain(", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else ""))


def rule_line(failed: Mapping[str, Any]) -> str:
    """A rule that admitted a release and would not any more, in a line."""
    ended = f" ({', '.join(failed['ended_waivers'])} ended)" if failed["ended_waivers"] else ""
    return plain(f"{failed['policy']}/{failed['rule']} in {failed['stage']}: {failed['observed']}{ended}")


def _causes(one: Mapping[str, Any]) -> list[str]:
    flaws = [_cause(cause, one["exploited"]) for cause in one["causes"]]
    return [*flaws, *_distrusted(one), *(escape(rule_line(failed)) for failed in one["rules"])]


def _cause(cause: Mapping[str, Any], exploited: Iterable[str]) -> str:
    known = {cause["advisory"], *cause["aliases"]} & set(exploited)
    said = escape(plain(f"{cause['advisory']} in {cause['component']}"))
    return f"{said} [red]KEV[/]" if known else said


def _distrusted(one: Mapping[str, Any]) -> list[str]:
    return [
        escape(plain(f"{cause['evidence_id']} is distrusted ({cause['trust_root']})")) for cause in one["distrusted"]
    ]


def _deadline(one: Mapping[str, Any], now: datetime) -> Marked | str:
    said = _when(one["deadline"], now)
    if one["overdue"]:
        return Marked(f"[red]{escape(said)}[/]")
    return Marked(f"[yellow]{escape(said)}[/]") if one["due_soon"] else said


def _when(deadline: str | None, now: datetime) -> str:
    left = due_in(deadline, now)
    if left is None or deadline is None:
        return ""
    days = abs(left) // timedelta(days=1)
    return f"{deadline[:16].replace('T', ' ')} ({f'{days} d overdue' if left < timedelta() else f'in {days} d'})"


def _freshness(advisories: int, last_import: str | None, now: datetime) -> str:
    if last_import is None:
        return "[red]no advisories were ever imported: nothing can be found[/]"
    old = now - datetime.fromisoformat(last_import) > STALE
    known = "1 advisory is" if advisories == 1 else f"{advisories} advisories are"
    said = f"{known} known, the last import was at {last_import[:16].replace('T', ' ')} UTC"
    return f"[yellow]{said}: that is old[/]" if old else said
