"""One promotion, as people read it: where it stands, what it waits for, its attempts, and what changed nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape

from contracts.promotion.v1.views import PromotionView
from contracts.vocabulary import PromotionState
from services.cli.awaiting import awaited_lines, open_findings
from services.cli.explaining import moment
from services.cli.output import findings_table, mark, table

_STOPPED = {PromotionState.DENIED, PromotionState.EXPIRED, PromotionState.FAILED, PromotionState.COMPENSATING}


def path_of(promotion: PromotionView) -> str:
    """Its place in the API and in the console."""
    return f"/projects/{promotion.project}/promotions/{promotion.promotion_id}"


def head(promotion: PromotionView) -> str:
    """What it is and where it stands, in one line."""
    where = f"{promotion.from_stage or 'nowhere'} → {promotion.to_stage}"
    what = f"{promotion.promotion_id}  {promotion.kind} {promotion.application}/{promotion.version}  {where}"
    return f"{escape(what)}  {mark(promotion.state)}"


def summary(promotion: PromotionView) -> Iterator[Any]:
    """Where it stands, what it waits for, and once it was stopped, what its gates hold against it."""
    yield head(promotion)
    if promotion.superseded_by:
        yield f"superseded by {escape(promotion.superseded_by)}, which is newer"
    yield from _trust(promotion)
    yield from awaited_lines(promotion)
    found = open_findings(promotion)
    if found and promotion.state in _STOPPED:
        yield findings_table(one.model_dump(mode="json") for one in found)


def whole(promotion: PromotionView) -> Iterator[Any]:
    """All that is known of it."""
    yield from summary(promotion)
    kind = promotion.requested_by_kind
    reason = f": {promotion.reason}" if promotion.reason else ""
    facts = [
        ("asked by", f"{promotion.requested_by} ({kind}) at {moment(promotion.requested_at)}{reason}"),
        ("waits until", moment(promotion.deadline)),
        *([("train", promotion.train_id)] if promotion.train_id else []),
        *([("replaced", promotion.replaced)] if promotion.replaced else []),
    ]
    yield table(("", ""), facts)
    steps = [
        (moment(one.at), str(one.attempt), mark(one.state), one.verdict_id, one.because) for one in promotion.history
    ]
    yield table(("when", "attempt", "state", "verdict", "because"), steps)
    if promotion.approvals:
        answers = [
            (moment(one.at), one.approver, one.role, one.decision, "yes" if one.counts else "withdrawn", one.reason)
            for one in promotion.approvals
        ]
        yield table(("when", "who", "role", "answer", "counts", "reason"), answers)
    if promotion.ignored:
        ignored = [(moment(one.at), one.fact, one.why) for one in promotion.ignored]
        yield table(("when", "changed nothing", "why"), ignored)


def _trust(promotion: PromotionView) -> Iterator[str]:
    if promotion.waivers:
        yield f"on waivers: {escape(', '.join(promotion.waivers))}"
    released = promotion.state is PromotionState.COMPLETED and promotion.release
    if released and not promotion.may_be_trusted:
        is_broken = promotion.broken_glass is not None and promotion.broken_glass.confirmed_by is not None
        on_waivers = "its policies call no release on these waivers trusted"
        why = "it passed a freeze through broken glass" if is_broken else on_waivers
        yield f"[yellow]released, not trusted: {why}[/]"
