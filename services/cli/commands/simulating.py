"""`policy simulate`: what a draft would have changed, had it been in force."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from contracts.vocabulary import utc
from services.cli.client import Client
from services.cli.commands.arguments import earlier
from services.cli.commands.documents import Document, read_documents
from services.cli.exits import Exit
from services.cli.output import errors, mark, out, table
from shared.clock import utc_now
from shared.errors import Invalid

_COUNTED = ("judged", "governed", "unchanged")
_LISTED = ("changed", "skipped")
_MOST_SHOWN = 50


def simulate(
    file: Annotated[Path, typer.Argument(help="YAML with the policy as it is to be.", exists=True, dir_okay=False)],
    since: Annotated[str, typer.Option(help="How far back: a length of time such as 90d, or a date.")] = "90d",
) -> None:
    """Judge past verdicts again with a draft in force. Ends with 3 when any would have come out otherwise.

    The last verdict on each promotion is tried; the draft counts as if all of its dates had come.
    """
    draft, now = _draft(file), utc_now()
    answer = _gathered(draft, earlier(since, now), now)
    changed = answer["changed"]
    head = f"{answer['judged']} verdicts since {since}, {answer['governed']} of them under this draft: "
    stopped = [one for one in changed if one["was"] == "allow"]
    let_through = [one for one in changed if one["would_be"] == "allow"]
    head += f"{len(stopped)} would be stopped, {len(let_through)} let through, {len(changed)} would change in all"
    skipped = f"{len(answer['skipped'])} could not be given again and are not counted" if answer["skipped"] else ""
    more = f"... and {len(changed) - _MOST_SHOWN} more (--json lists all)" if len(changed) > _MOST_SHOWN else ""
    out.answer(answer, head, *([_table(changed)] if changed else []), *filter(None, (more, skipped)))
    if changed:
        raise typer.Exit(Exit.DENIED)


def _draft(file: Path) -> Document:
    policies = [one for one in read_documents([file]) if one.kind == "Policy"]
    if len(policies) != 1:
        raise Invalid(
            "draft_not_one_policy",
            f"{file} holds {len(policies)} policies, where one is to be tried.",
            remedy="Give a file with exactly one document of kind Policy.",
        )
    return policies[0]


def _gathered(draft: Document, since: datetime, until: datetime) -> dict[str, Any]:
    """All pages as one; the time is bounded at both ends, so that what happens meanwhile moves no page."""
    found: dict[str, Any] = dict.fromkeys(_COUNTED, 0) | {name: [] for name in _LISTED}
    with Progress(console=errors, transient=True, disable=out.as_json) as progress:
        task = progress.add_task("judging again", total=None)
        for page in _pages(draft, since, until):
            for name in (*_COUNTED, *_LISTED):
                found[name] += page[name]
            progress.update(task, total=page["total"], completed=found["judged"])
            found |= {name: page[name] for name in ("draft", "replaces", "total")}
    return found


def _pages(draft: Document, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    client = Client()
    body = {"document": draft.whole, "since": utc(since), "until": utc(until)}
    while True:
        page = client.post(f"/projects/{draft.project}/policy-simulations", body)
        yield page
        if page["next"] is None:
            return
        body = {**body, "after": page["next"]}


def _table(changed: list[dict[str, Any]]) -> Any:
    rows = [
        (
            mark(one["was"]),
            mark(one["would_be"]),
            f"{one['application']}/{one['version']}",
            ", ".join(f"{passage['stage']} {passage['gate']}" for passage in one["passages"]),
            one["judged_at"][:19],
            "; ".join(f"{finding['rule']}: {finding['observed']}" for finding in one["findings"]),
        )
        for one in changed[:_MOST_SHOWN]
    ]
    return table(("was", "would be", "version", "gates", "judged at", "because of the draft"), rows)


def register_in(group: typer.Typer) -> None:
    """Add the command to the group `policy`."""
    group.command("simulate")(simulate)
