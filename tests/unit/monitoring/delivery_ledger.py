"""The line of one application in memory, kept as the handlers keep it in MongoDB, and the sums of what it counts.

`tests/integration/test_metrics.py` holds the handlers to the same outcome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from datetime import date
from typing import Any

from contracts.vocabulary import PromotionKind
from services.monitoring.domain.buckets import Day, Entry, changes
from services.monitoring.domain.delivery import Deployment, Incident
from services.monitoring.domain.linking import (
    Counted,
    Fault,
    Link,
    Near,
    Question,
    Which,
    entries,
    linked,
    near,
    relinked,
)


class Ledger:
    def __init__(self) -> None:
        self.counted: dict[str, Counted] = {}
        self.faults: dict[str, tuple[Fault, Link]] = {}
        self.sums: Counter[tuple[date, int, str]] = Counter()
        self.touched: set[tuple[date, int]] = set()

    def deployed(self, one: Deployment) -> None:
        self.touched = set()
        if one.id in self.counted:
            return
        self.counted[one.id] = Counted(one)
        around: Near = self._answered(near(one))
        faults = {key: fault for key, (fault, _) in self.faults.items() if _is_near(key, fault, one, around)}
        if one.kind is PromotionKind.ROLLBACK:
            faults[one.id] = Fault(one.id, one.at, one.version, rollback=True)
        self._relink(faults, fresh=one)

    def reported(self, one: Incident) -> None:
        fault = Fault(one.id, one.opened_at, one.version, one.resolved_at)
        self._relink({one.id: fault})

    def days(self) -> list[Day]:
        """The buckets, as they are read where every day is split."""
        found: dict[date, dict[int, dict[str, int]]] = {}
        for (when, quarter, name), count in self.sums.items():
            found.setdefault(when, {}).setdefault(quarter, {})[name] = count
        return [Day(when, {}, quarters) for when, quarters in sorted(found.items())]

    def _relink(self, faults: dict[str, Fault], fresh: Deployment | None = None) -> None:
        before: list[Entry] = []
        after: list[Entry] = []
        was = dict(self.counted)
        for key, fault in faults.items():
            known, old = self.faults.get(key, (None, Link()))
            link: Link = self._answered(linked(fault))
            before += entries(known, old) if known else ()
            after += entries(fault, link)
            self.faults[key] = (fault, link)
            self.counted = {name: relinked(one, fault, old, link) for name, one in self.counted.items()}
        for name, one in self.counted.items():
            before += () if fresh and name == fresh.id else was[name].entries()
            after += one.entries()
        changed = changes(before, after)
        self.touched = set(changed)
        for (day, quarter), counts in changed.items():
            for name, count in counts.items():
                self.sums[day, quarter, name] += count

    def _answered(self, asking: Generator[Question, Deployment | None, Any]) -> Any:
        try:
            asked = next(asking)
            while True:
                asked = asking.send(self.answer(asked))
        except StopIteration as done:
            return done.value

    def answer(self, asked: Question) -> Deployment | None:
        line = sorted((one.deployment for one in self.counted.values()), key=lambda one: (one.at, one.id))
        mine, place = asked.version, (asked.at, asked.id)
        match asked.which:
            case Which.STANDING:
                found = [one for one in line if one.at <= asked.at and mine in {None, one.version}][-1:]
            case Which.EARLIER:
                found = [one for one in line if one.at < asked.at and one.version != mine][-1:]
            case Which.LATER:
                found = [one for one in line if one.at > asked.at and mine in {None, one.version}][:1]
            case Which.NEXT_OTHER:
                found = [one for one in line if one.at > asked.at and one.version != mine][:1]
            case Which.BEFORE:
                found = [one for one in line if (one.at, one.id) < place][-1:]
            case Which.AFTER:
                found = [one for one in line if (one.at, one.id) > place][:1]
        return found[0] if found else None


def _is_near(key: str, fault: Fault, one: Deployment, around: Near) -> bool:
    within = (around.since is None or fault.at >= around.since) and (around.until is None or fault.at < around.until)
    is_named = fault.version == one.version and fault.at >= one.at
    named = is_named and (around.named_until is None or fault.at < around.named_until)
    return within or named or key == around.rollback
