"""After release: advisories, and the trust in one release."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from services.cli.client import Client
from services.cli.commands.arguments import Version, version_ref
from services.cli.exits import Exit
from services.cli.output import errors, mark, out, table

MAX_BATCH_BYTES = 160_000
MAX_BATCH = 200
advisory = typer.Typer(help="Known vulnerabilities.", no_args_is_help=True)


@advisory.command("import")
def import_advisories(
    path: Annotated[Path, typer.Argument(help="An OSV record, or a folder of them.", exists=True)],
) -> None:
    """Import OSV records; malformed ones are refused one by one. Ends with 3 when any was refused."""
    client = Client()
    files = [path] if path.is_file() else sorted(path.rglob("*.json"))
    total: dict[str, Any] = {"added": 0, "updated": 0, "unchanged": 0, "refused": [], "releases_touched": 0}
    with Progress(console=errors, transient=True, disable=out.as_json or len(files) == 1) as progress:
        task = progress.add_task("importing", total=len(files))
        for batch in _batches(files, total["refused"]):
            answer = client.post("/advisories", {"advisories": batch, "source": path.name})
            for name in ("added", "updated", "unchanged", "releases_touched"):
                total[name] += answer[name]
            total["refused"] += answer["refused"]
            progress.advance(task, len(batch))
    counts = ", ".join(f"{total[name]} {name}" for name in ("added", "updated", "unchanged"))
    refused = [(one["id"], one["where"], one["problem"]) for one in total["refused"]]
    lines: list[Any] = [f"{counts}, {len(refused)} refused; {total['releases_touched']} releases looked at again"]
    out.answer(total, *lines, *([table(("refused", "where", "problem"), refused)] if refused else []))
    if refused:
        raise typer.Exit(Exit.DENIED)


def _batches(files: list[Path], refused: list[dict[str, str]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
            record = json.loads(text)
        except (OSError, ValueError) as error:
            refused.append({"id": file.name, "where": "", "problem": str(error)})
            continue
        if batch and (size + len(text) > MAX_BATCH_BYTES or len(batch) == MAX_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(text)
    if batch:
        yield batch


def _distrusted(one: dict[str, Any]) -> list[str]:
    return [f"{cause['evidence_id']} is distrusted ({cause['trust_root']})" for cause in one["distrusted"]]


def trust(version: Version) -> None:
    """Whether a release may still be relied on. Ends with 0 only while it is trusted."""
    one = Client().get(version_ref(version).path + "/trust")
    causes = [(c["advisory"], c["component"], c["severity"], c["fixed_in"], c["due"]) for c in one["causes"]]
    out.answer(
        one,
        f"{version}: {mark(one['trust'])} since {one['since']}, {one['components']} components under watch",
        table(("cause", "component", "severity", "fixed in", "due"), causes),
        *_distrusted(one),
    )
    raise typer.Exit(Exit.DONE if one["trust"] == "trusted" else Exit.DENIED)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(advisory, name="advisory")
    app.command()(trust)
