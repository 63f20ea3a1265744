"""`hallmark advisory`: known vulnerabilities, and how they came in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.advisory_files import Batch, batches, files_in
from services.cli.batches import answers
from services.cli.client import Client
from services.cli.exits import Exit
from services.cli.output import errors, mark, out, table
from shared.errors import HallmarkError

COUNTS = ("added", "updated", "unchanged", "withdrawn", "malformed")
_MOST_SHOWN = 50
_MOST_KEPT = 1000
_PATH = "/advisories"
advisory = typer.Typer(help="Known vulnerabilities.", no_args_is_help=True)


@dataclass
class Tally:
    """What became of the records so far."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    refused: list[dict[str, str]] = field(default_factory=list)
    """The first thousand."""
    releases_touched: int = 0
    records: int = 0

    def add(self, answer: dict[str, Any]) -> None:
        """Count one answer."""
        for name in self.counts.keys() & answer.keys():
            self.counts[name] += answer[name]
        self.counts["malformed"] += len(answer["refused"])
        self.releases_touched += answer.get("releases_touched", 0)
        self.refused += answer["refused"][: _MOST_KEPT - len(self.refused)]


@advisory.command("import")
def import_advisories(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="OSV records: JSON files, zip archives, or folders of either.", exists=True
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(help="What the source is called, such as osv-pypi; the name of the first path when absent."),
    ] = None,
) -> None:
    """Import OSV records; malformed ones are quarantined one by one. Ends with 3 when the import is only partial."""
    client, tally = Client(), Tally()
    begun = client.post(f"{_PATH}/imports", {"source": source or _named(paths[0])})
    place = f"{_PATH}/imports/{begun['import_id']}"
    because = "It was interrupted."
    try:
        _send(client, begun["import_id"], paths, tally)
        because = ""
    finally:
        if because:
            _give_up(client, place, tally, because)
    imported = client.post(f"{place}/finish", {"records": tally.records})["imported"]
    _show(imported, tally)
    if imported["state"] != "complete":
        raise typer.Exit(Exit.DENIED)


def _send(client: Client, import_id: str, paths: list[Path], tally: Tally) -> None:
    def send(batch: Batch) -> Any:
        if batch.problems:
            client.post(f"{_PATH}/imports/{import_id}/quarantine", {"records": batch.problems})
            return {"refused": [{"id": one["place"], "where": "", **one} for one in batch.problems]}
        return client.post(_PATH, {"advisories": batch.records, "import_id": import_id})

    columns = (TextColumn("importing"), BarColumn(), MofNCompleteColumn(), TextColumn("files"), TimeElapsedColumn())
    with Progress(
        *columns, TextColumn("{task.fields[records]} records"), console=errors, transient=True, disable=out.as_json
    ) as progress:
        task = progress.add_task("importing", total=sum(1 for _ in files_in(paths)), records=0)

        def counted() -> Any:
            for batch in batches(files_in(paths), lambda _: progress.advance(task)):
                tally.records += batch.count
                yield batch

        for answer in answers(send, counted()):
            tally.add(answer)
            progress.update(task, records=sum(tally.counts[name] for name in COUNTS if name != "withdrawn"))


def _give_up(client: Client, place: str, tally: Tally, because: str) -> None:
    # What interrupted it is what people must hear, not that saying so did not work either.
    try:
        client.post(f"{place}/finish", {"records": tally.records, "because": because})
    except HallmarkError:
        errors.print("[dim]The import could not be ended; it counts as partial in 6 hours.[/]")


def _named(path: Path) -> str:
    """A name that a source may have."""
    parts = [part for part in path.resolve().parts[-2:] if part not in {"/", ""}]
    name = "-".join(parts) if path.name == "all.zip" else path.resolve().name
    return re.sub(r"[^A-Za-z0-9._:@/+-]+", "-", name.removesuffix(".zip")).strip("-._:@/+")[:100] or "import"


def _show(imported: dict[str, Any], tally: Tally) -> None:
    counts = ", ".join(f"{tally.counts[name]} {name}" for name in COUNTS)
    end = "complete" if imported["state"] == "complete" else f"partial: {imported['because']}"
    rows = [(one["id"], one["where"], one["problem"]) for one in tally.refused[:_MOST_SHOWN]]
    lines: list[Any] = [f"{counts}; {tally.releases_touched} releases looked at again", f"{imported['source']}: {end}"]
    value = {
        **tally.counts,
        "refused": tally.refused,
        "releases_touched": tally.releases_touched,
        "records": tally.records,
        "import": imported,
    }
    out.answer(value, *lines, *([table(("malformed", "where", "problem"), rows)] if rows else []))


@advisory.command("imports")
def list_imports(
    source: Annotated[str | None, typer.Option(help="Only those of one source.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, the newest first.")] = 20,
) -> None:
    """What was imported from where, and whether it was all there. Ends with 3 when a source is partial."""
    page = Client().get(f"{_PATH}/imports", source=source, limit=limit)
    rows = [
        (
            one["import_id"],
            one["source"],
            one["begun"][:19],
            mark(one["state"]),
            _counted(one["counts"]),
            one["because"],
        )
        for one in page["imports"]
    ]
    standing = page["standing"]
    stands = [
        (
            one["source"],
            mark(one["newest"]),
            (one["complete_as_of"] or "never")[:19],
            fetched_words(one["fetched"]),
        )
        for one in standing["sources"]
    ]
    out.answer(
        page,
        table(("import", "source", "begun", "state", "records", "because"), rows),
        table(("source", "newest", "complete as of", "fetched"), stands),
        standing_line(standing),
    )
    if standing["partial"]:
        raise typer.Exit(Exit.DENIED)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in COUNTS if counts[name])


def fetched_words(one: dict[str, Any] | None) -> str:
    """What became of the newest attempt to fetch a source; nothing for one that is not fetched."""
    if one is None:
        return ""
    problem = f": {one['problem']}" if one["problem"] else ""
    return f"{one['outcome']} {one['at'][:19]}{problem}, next {one['next_at'][:19]}"


@advisory.command("quarantine")
def list_quarantine(source: Annotated[str | None, typer.Option(help="Only those of one source.")] = None) -> None:
    """Records that could not be read, until they come in a form that can be. Ends with 3 when there are any."""
    found = list(Client().pages(f"{_PATH}/quarantine", "records", source=source, limit=100))
    rows = [(one["id"] or one["excerpt"][:60], one["source"], one["where"], one["problem"]) for one in found]
    out.answer(found, table(("record", "source", "where", "problem"), rows))
    if found:
        raise typer.Exit(Exit.DENIED)


def standing_line(standing: dict[str, Any] | None) -> str:
    """How much it is worth that nothing more was found, in one sentence."""
    if not standing or not standing["source_count"]:
        return "No import of advisories says that it is complete: what was not imported cannot be found."
    as_of = standing["complete_as_of"]
    age = f"The newest complete import of advisories is of {as_of[:19]}" if as_of else "No import was complete"
    partial = [one["source"] for one in standing["sources"] if one["newest"] == "partial"]
    if not partial:
        return f"{age}."
    return f"{age}; partial, so that flaws may be missing: {', '.join(partial)}."
