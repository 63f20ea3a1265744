"""Trains: versions of several applications that move together, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from contracts.promotion.v1.trains import TrainView
from contracts.promotion.v1.views import PromotionView
from contracts.vocabulary import PromotionKind
from services.cli.awaiting import FINAL, exit_of_all
from services.cli.client import Client
from services.cli.commands.arguments import Project, version_ref
from services.cli.commands.moving import Key, Patience, Reason, Timeout, Wait
from services.cli.exits import Exit
from services.cli.output import mark, out, table
from services.cli.showing import summary
from services.cli.waiting import Waited, wait_for
from shared.errors import Invalid

train = typer.Typer(help="Versions of several applications that move together.", no_args_is_help=True)
TrainId = Annotated[str, typer.Argument(help="Id of the train.", metavar="TRAIN")]


@train.command("start")
def start(
    versions: Annotated[list[str], typer.Argument(help="project/application/version, two or more.", metavar="VERSION")],
    to: Annotated[str | None, typer.Option("--to", help="The stage for all; the next one of each when absent.")] = None,
    kind: Annotated[PromotionKind, typer.Option(help="What becomes of all of them.")] = PromotionKind.PROMOTE,
    *,
    wait: Wait = False,
    timeout: Timeout = 300.0,
    patience: Patience = 86_400,
    reason: Reason = "",
    key: Key = None,
) -> None:
    """Ask that versions move together: when one of them may not, none does."""
    refs = [version_ref(one) for one in versions]
    projects = sorted({ref.project for ref in refs})
    if len(projects) > 1:
        raise Invalid(
            "train_of_several_projects",
            f"A train runs in one project, not in {' and '.join(projects)}.",
            remedy="Start one in each project.",
        )
    body: dict[str, Any] = {
        "members": [{"application": ref.application, "version": ref.version} for ref in refs],
        "kind": kind.value,
        "reason": reason,
        "patience_seconds": patience,
        **({"to_stage": to} if to else {}),
    }
    answer = Client().post(f"/projects/{projects[0]}/trains", body, key=key)
    _finish(answer, timeout if wait else None)


@train.command("show")
def show(train_id: TrainId, project: Project, *, wait: Wait = False, timeout: Timeout = 300.0) -> None:
    """How a train stands; with --wait until it has ended."""
    _finish(Client().get(f"/projects/{project}/trains/{train_id}"), timeout if wait else None)


def _finish(answer: dict[str, Any], wait_seconds: float | None) -> NoReturn:
    found = TrainView.model_validate(answer)
    promotions = found.promotions
    if wait_seconds is not None:
        promotions = tuple(wait_for(_train(found), wait_seconds)) or promotions
    if wait_seconds is None or not out.as_json:
        out.answer(answer, escape(found.train_id), _members(promotions), *_stories(promotions))
    ended = all(one.state in FINAL for one in promotions)
    raise typer.Exit(exit_of_all(promotions) if ended or wait_seconds is not None else Exit.DONE)


def _train(found: TrainView) -> Waited:
    def promotions(answer: Any) -> Sequence[PromotionView]:
        return TrainView.model_validate(answer).promotions

    path = f"/projects/{found.project}/trains/{found.train_id}"
    again = f"hallmark train show {found.train_id} -p {found.project} --wait"
    return Waited(path, found.project, None, promotions, again)


def _members(promotions: Sequence[PromotionView]) -> Any:
    rows = [
        (f"{one.application}/{one.version}", one.from_stage, one.to_stage, mark(one.state), one.promotion_id)
        for one in promotions
    ]
    return table(("version", "from", "to", "state", "promotion"), rows)


def _stories(promotions: Sequence[PromotionView]) -> list[Any]:
    """What keeps members from moving; nothing of those that only follow the others."""
    return [line for one in promotions if len(lines := list(summary(one))) > 1 for line in ("", *lines)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(train, name="train")
