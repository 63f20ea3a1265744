"""How waiting looks: a block that renews itself on a terminal, lines elsewhere, a JSON object a line for programs.

- Every step is told once, in its order, however many came at once.
- What is awaited is told again whenever it changes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.text import Text

from contracts.promotion.v1.views import PromotionView, Transition
from services.cli.awaiting import awaited_lines, exit_of, open_findings
from services.cli.output import mark


class Display(AbstractContextManager["Display"], Protocol):
    """Shows how promotions go on."""

    def show(self, promotions: Sequence[PromotionView]) -> None:
        """They stand like this now."""

    def note(self, text: str) -> None:
        """Something about the waiting itself."""


class Steps:
    """Which steps have been told already."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def new(self, promotion: PromotionView) -> Sequence[Transition]:
        """Those that have not."""
        told = self._told.get(promotion.promotion_id, 0)
        self._told[promotion.promotion_id] = len(promotion.history)
        return promotion.history[told:]


class Lines:
    """For pipes and logs."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._steps = Steps()
        self._awaited: dict[str, list[str]] = {}
        self._note = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to clear."""

    def show(self, promotions: Sequence[PromotionView]) -> None:
        """Say what is new."""
        self._note = ""
        for one in promotions:
            whose = _whose(one, promotions)
            for step in self._steps.new(one):
                self._say(_step_line(step, whose))
            awaited = awaited_lines(one)
            if awaited != self._awaited.get(one.promotion_id, []):
                self._awaited[one.promotion_id] = awaited
                for line in awaited:
                    self._say(f"            {whose}{line}")

    def note(self, text: str) -> None:
        """Say it, unless it is what was said last."""
        if text != self._note:
            self._note = text
            self._say(f"  [dim]{escape(text)}[/]")


class Terminal:
    """For people: steps scroll by, and below them stands what is awaited now."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps = Steps()
        self._shown: Sequence[PromotionView] = ()
        self._note = ""
        self._spinner = Spinner("dots")
        self._since = time.monotonic()
        self._live = Live(
            console=console, get_renderable=self._block, refresh_per_second=4, transient=True, redirect_stderr=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, promotions: Sequence[PromotionView]) -> None:
        """Let new steps scroll by and renew what stands below."""
        self._note = ""
        for one in promotions:
            for step in self._steps.new(one):
                self._console.print(_step_line(step, _whose(one, promotions)), highlight=False, soft_wrap=True)
        self._shown = promotions

    def note(self, text: str) -> None:
        """Stand below until there is news."""
        self._note = text

    def _block(self) -> RenderableType:
        seconds = int(time.monotonic() - self._since)
        states = ", ".join(f"{_whose(one, self._shown)}{one.state}" for one in self._shown) or "asking"
        self._spinner.update(text=Text.from_markup(f"{states}  [dim]{seconds // 60}:{seconds % 60:02}[/]"))
        lines = [f"  {_whose(one, self._shown)}{line}" for one in self._shown for line in awaited_lines(one)]
        notes = [f"  [dim]{escape(self._note)}[/]"] if self._note else []
        below = [Text.from_markup(line) for line in (*lines, *notes)]
        return Group(self._spinner, *below)


class Objects:
    """For programs."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._steps = Steps()
        self._awaited: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to clear."""

    def show(self, promotions: Sequence[PromotionView]) -> None:
        """One object for each step, and one for what is awaited when that changes."""
        for one in promotions:
            for step in self._steps.new(one):
                self._put("step", one, step.model_dump(mode="json"))
            if not awaited_lines(one):
                continue
            awaited = _awaited(one)
            if awaited != self._awaited.get(one.promotion_id):
                self._awaited[one.promotion_id] = awaited
                self._put("awaits", one, awaited)

    def note(self, text: str) -> None:
        """One object."""
        self._say(json.dumps({"event": "note", "text": text}, ensure_ascii=False))

    def ended(self, promotions: Sequence[PromotionView]) -> None:
        """The last object of each promotion: the whole of it, with the exit code that it alone would give."""
        for one in promotions:
            self._put("end", one, {"exit": int(exit_of(one)), "promotion": one.model_dump(mode="json")})

    def _put(self, event: str, promotion: PromotionView, more: dict[str, Any]) -> None:
        body = {"event": event, "promotion_id": promotion.promotion_id, **more}
        self._say(json.dumps(body, ensure_ascii=False))


def _awaited(one: PromotionView) -> dict[str, Any]:
    fields = {"state", "queue_position", "frozen_by", "frozen_until", "broken_glass", "approvals", "deadline"}
    findings = [finding.model_dump(mode="json") for finding in open_findings(one)]
    return {**one.model_dump(mode="json", include=fields), "findings": findings}


def _step_line(step: Transition, whose: str) -> str:
    return f"  {step.at:%H:%M:%S}  {whose}{mark(step.state)}  {escape(step.because)}"


def _whose(one: PromotionView, promotions: Sequence[PromotionView]) -> str:
    return f"{escape(f'{one.application}/{one.version}')}  " if len(promotions) > 1 else ""
