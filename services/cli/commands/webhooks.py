"""Webhooks: where facts are sent, what became of them, and checking a signature as a receiver does."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.client import Client
from services.cli.commands.arguments import Project
from services.cli.exits import Exit
from services.cli.output import mark, out, table
from shared.crypto import webhook_signature
from shared.errors import Invalid, Unauthenticated

webhook = typer.Typer(help="Facts sent to other systems.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="Its id, as `webhook list` shows it.", metavar="WEBHOOK")]
SecretVariable = Annotated[
    str | None, typer.Option(envvar="HALLMARK_WEBHOOK_SECRET", show_envvar=True, help="whsec_...; better not typed.")
]


@webhook.command("create")
def create(
    url: Annotated[str, typer.Argument(help="Where to send: https.")],
    project: Project,
    event: Annotated[list[str], typer.Option("--event", "-e", help="promotion.completed, release.*; repeat it.")],
    application: Annotated[list[str] | None, typer.Option("--application", "-a", help="Only these.")] = None,
    form: Annotated[str, typer.Option("--format", help="hallmark or cdevents")] = "hallmark",
    secret: SecretVariable = None,
) -> None:
    """Have facts of a project sent to a URL, from now on. The secret is shown once."""
    body = {"url": url, "events": event, "applications": application or [], "format": form, "secret": secret}
    answer = Client().post(_path(project), body)
    lines = (f"Webhook {answer['id']}; its secret, shown this once:", answer["secret"])
    out.answer(answer, *lines)


@webhook.command("list")
def list_webhooks(project: Project) -> None:
    """The webhooks of a project."""
    found = list(Client().pages(_path(project), "webhooks"))
    rows = [(one["id"], mark(one["state"]), one["format"], ", ".join(one["events"]), one["url"]) for one in found]
    out.answer(found, table(("id", "state", "format", "events", "url"), rows))


@webhook.command("show")
def show(webhook_id: Id, project: Project) -> None:
    """One webhook."""
    found = Client().get(f"{_path(project)}/{webhook_id}")
    out.answer(found, table(("", ""), [(name, _text(value)) for name, value in found.items()]))


@webhook.command("delete")
def delete(webhook_id: Id, project: Project) -> None:
    """End a webhook for good; what is not delivered never will be."""
    out.answer(Client().delete(f"{_path(project)}/{webhook_id}"), f"Webhook {webhook_id} is deleted.")


@webhook.command("pause")
def pause(webhook_id: Id, project: Project) -> None:
    """Send nothing for now; what happens meanwhile waits."""
    out.answer(Client().post(f"{_path(project)}/{webhook_id}/pause"), f"Webhook {webhook_id} is paused.")


@webhook.command("resume")
def resume(webhook_id: Id, project: Project) -> None:
    """Send again."""
    out.answer(Client().post(f"{_path(project)}/{webhook_id}/resume"), f"Webhook {webhook_id} is active.")


@webhook.command("rotate")
def rotate(
    webhook_id: Id,
    project: Project,
    overlap_hours: Annotated[int, typer.Option(help="How long the old secret is used too.")] = 24,
    secret: SecretVariable = None,
) -> None:
    """Sign with another secret, which is shown once."""
    body = {"overlap_hours": overlap_hours, "secret": secret}
    answer = Client().post(f"{_path(project)}/{webhook_id}/rotate", body)
    out.answer(answer, "The new secret, shown this once:", answer["secret"])


@webhook.command("ping")
def ping(webhook_id: Id, project: Project) -> None:
    """Send a test event now. Ends with 3 when it is not taken."""
    answer = Client().post(f"{_path(project)}/{webhook_id}/ping")
    out.answer(answer, _deliveries([answer]))
    if answer["state"] != "delivered":
        raise typer.Exit(Exit.DENIED)


@webhook.command("deliveries")
def deliveries(
    webhook_id: Id,
    project: Project,
    state: Annotated[str | None, typer.Option(help="pending, delivered or dead")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
) -> None:
    """What was sent, the newest first, with its outcome."""
    found = Client().get(f"{_path(project)}/{webhook_id}/deliveries", state=state, limit=limit)["deliveries"]
    out.answer(found, _deliveries(found))


@webhook.command("replay")
def replay(
    webhook_id: Id,
    project: Project,
    delivery: Annotated[list[str] | None, typer.Argument(help="Ids of deliveries.")] = None,
    *,
    dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
) -> None:
    """Send deliveries once more, under the same ids."""
    client, path = Client(), f"{_path(project)}/{webhook_id}/deliveries"
    wanted = list(delivery or [])
    if dead:
        wanted += [one["id"] for one in client.pages(path, "deliveries", state="dead")]
    if not wanted and not dead:
        raise Invalid("delivery_missing", "No delivery is named.", remedy="Name ids, or use --dead.")
    sent = [client.post(f"{path}/{one}/replay") for one in wanted]
    out.answer(sent, f"{len(sent)} deliveries are sent again.")


@webhook.command("verify")
def verify(
    body: Annotated[str, typer.Argument(help="File with the body exactly as it came; - for standard input.")],
    message_id: Annotated[str, typer.Option("--id", help="Header webhook-id.")],
    timestamp: Annotated[str, typer.Option(help="Header webhook-timestamp.")],
    signature: Annotated[str, typer.Option(help="Header webhook-signature.")],
    secret: SecretVariable = None,
) -> None:
    """Check a signature as a receiver has to. Needs no server; ends with 3 when it is not good."""
    if not secret:
        raise Invalid("webhook_secret_missing", "No secret is known.", remedy="Set HALLMARK_WEBHOOK_SECRET.")
    content = sys.stdin.buffer.read() if body == "-" else _read(body)
    headers = {
        webhook_signature.ID: message_id,
        webhook_signature.TIMESTAMP: timestamp,
        webhook_signature.SIGNATURE: signature,
    }
    try:
        webhook_signature.verify(webhook_signature.secret_bytes(secret), headers, content, now=datetime.now(UTC))
    except Unauthenticated as error:
        out.failure(error)
        raise typer.Exit(Exit.DENIED) from error
    out.answer(
        {"verified": True}, f"The holder of the secret sent this, as {message_id}. Have you seen that id before?"
    )


def _path(project: str) -> str:
    return f"/projects/{project}/webhooks"


def _deliveries(found: list[dict[str, Any]]) -> Any:
    rows = [(one["id"], one["event"], mark(one["state"]), one["tries"], _last(one), one["next_at"]) for one in found]
    return table(("id", "event", "state", "tries", "last answer", "next"), rows)


def _last(delivery: dict[str, Any]) -> str:
    if not delivery["attempts"]:
        return ""
    last = delivery["attempts"][-1]
    return str(last["problem"] or last["status"])


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Invalid("file_unreadable", f"{path} cannot be read.", remedy="Name the file with the body.") from error


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(webhook, name="webhook")
