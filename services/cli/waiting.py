"""Waiting at the command line until promotions have ended, and leaving them alone when somebody has seen enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import typer

from contracts.promotion.v1.views import PromotionView
from services.cli.awaiting import FINAL
from services.cli.client import Client
from services.cli.displays import Display, Lines, Objects, Terminal
from services.cli.following import News, follow
from services.cli.output import console, out

INTERRUPTED = 130
"""As shells report SIGINT: whoever pressed Ctrl-C knows that nothing was waited for."""
_PATIENCE_SECONDS = 1.0
"""How long one look insists on an answer; between looks the display goes on."""


class Waited(NamedTuple):
    """What is waited for."""

    path: str
    project: str
    application: str | None
    """None when it is about several."""
    read: Callable[[Any], Sequence[PromotionView]]
    """The promotions in what the path answers."""
    again: str
    """The command that looks again."""


def one_promotion(promotion: PromotionView) -> Waited:
    """A single promotion."""
    return Waited(
        f"/projects/{promotion.project}/promotions/{promotion.promotion_id}",
        promotion.project,
        promotion.application,
        lambda found: (PromotionView.model_validate(found),),
        f"hallmark promotion show {promotion.promotion_id} -p {promotion.project} --wait",
    )


def wait_for(waited: Waited, seconds: float) -> Sequence[PromotionView]:
    """The promotions when all have ended, or when the time is over. Ctrl-C ends the command and nothing else."""
    client = Client(patience=_PATIENCE_SECONDS)
    objects = Objects(print)
    display: Display = objects if out.as_json else Terminal(console) if console.is_terminal else Lines(out.progress)
    shown: Sequence[PromotionView] = ()

    def silent() -> None:
        display.note("the gateway does not answer; asking again")

    try:
        with display, News(client, waited.project, waited.application) as news:
            for found in follow(
                client, waited.path, news, seconds, is_over=lambda it: _over(waited, it), silent=silent
            ):
                shown = waited.read(found)
                display.show(shown)
    except KeyboardInterrupt:
        display.note(f"It goes on without you. Look again: {waited.again}")
        raise typer.Exit(INTERRUPTED) from None
    if out.as_json:
        objects.ended(shown)
    elif not _ended(shown):
        out.progress(f"[yellow]The waiting time is over, it goes on.[/] Look again: {waited.again}")
    return shown


def _over(waited: Waited, found: Any) -> bool:
    return _ended(waited.read(found))


def _ended(promotions: Sequence[PromotionView]) -> bool:
    return all(one.state in FINAL for one in promotions)
