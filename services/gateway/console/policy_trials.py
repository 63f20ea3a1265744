"""Trying a draft on the past: what has been gone through so far, and whom it would stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from contracts.gate.v1.replays import SimulatedVerdict, Simulation
from contracts.registry.v1.views import ProjectView
from contracts.vocabulary import GateKind, Outcome, utc
from services.gateway.console import policy_views

SPANS = (("7", "the last 7 days"), ("30", "the last 30 days"), ("90", "the last 90 days"), ("365", "the last year"))
_DAYS = {int(days) for days, _ in SPANS}
_DEFAULT_DAYS = 90
_COUNTS = ("judged", "governed", "stopped", "let_through", "otherwise", "skipped")
_NAMES_AT_MOST = 500


@dataclass(frozen=True)
class Trial:
    """What trying a draft has shown so far."""

    days: int
    until: datetime
    after: str = ""
    """Where to go on; empty at the end."""
    total: int = 0
    judged: int = 0
    governed: int = 0
    """To how many verdicts the draft applied."""
    stopped: int = 0
    """Allowed then, and not under the draft."""
    let_through: int = 0
    otherwise: int = 0
    """Changed between answers that do not open a gate."""
    skipped: int = 0
    """Those that cannot be given again."""
    changed: tuple[SimulatedVerdict, ...] = ()
    """Of the part that was gone through last."""
    replaces: bool = False
    first: int = 1
    """The number of the first verdict of that part."""

    @property
    def unchanged(self) -> int:
        """How many come out as they did."""
        return self.judged - self.stopped - self.let_through - self.otherwise - self.skipped

    def with_more(self, page: Simulation) -> Trial:
        """The trial after one more page of verdicts."""
        stopped = sum(one.was is Outcome.ALLOW for one in page.changed)
        let_through = sum(one.would_be is Outcome.ALLOW for one in page.changed)
        return replace(
            self,
            after=page.next or "",
            total=page.total,
            judged=self.judged + page.judged,
            governed=self.governed + page.governed,
            stopped=self.stopped + stopped,
            let_through=self.let_through + let_through,
            otherwise=self.otherwise + len(page.changed) - stopped - let_through,
            skipped=self.skipped + len(page.skipped),
            changed=(*self.changed, *page.changed),
            replaces=page.replaces is not None,
        )

    def to_go_on(self) -> dict[str, str]:
        """What a form carries to go on from here."""
        return {"until": utc(self.until), "after": self.after} | {name: str(getattr(self, name)) for name in _COUNTS}


def resumed(fields: Mapping[str, str], now: datetime) -> Trial:
    """A new trial, or the one that a form goes on with. What a form says of counts is for its own reader alone."""
    days = int(fields["days"]) if fields.get("days", "").isdecimal() else _DEFAULT_DAYS
    fresh = Trial(days if days in _DAYS else _DEFAULT_DAYS, now)
    if fields.get("do") != "more" or not fields.get("after"):
        return fresh
    try:
        until = datetime.fromisoformat(fields["until"])
        counts: dict[str, Any] = {name: int(fields[name]) for name in _COUNTS}
    except (KeyError, ValueError):
        return fresh
    if until.tzinfo is None or not now - timedelta(days=1) < until <= now:
        return fresh
    return replace(fresh, until=until, after=fields["after"][:_NAMES_AT_MOST], first=counts["judged"] + 1, **counts)


def beginning(project: ProjectView) -> str:
    """A policy to begin with: tests have passed before the first gate that is not open."""
    gates = [
        {"stage": stage.name, "gate": GateKind.ENTRY.value}
        for lifecycle in project.lifecycles
        for stage in lifecycle.stages
        if GateKind.ENTRY not in stage.open
    ]
    gate = gates[0] if gates else {"stage": "*", "gate": GateKind.ENTRY.value}
    rule = {"id": "tests-passed", "title": "The tests of this build passed", "kind": "tests_passed"}
    name = f"{gate['stage']}-entry".replace("*-", "every-")
    return policy_views.as_yaml(
        {
            "apiVersion": "hallmark/v1",
            "kind": "Policy",
            "metadata": {"project": project.project, "name": name},
            "spec": {"gates": [gate], "mode": "warn", "rules": [rule]},
        }
    )
