"""What a promotion waits for, in words: its turn, a freeze, people's answers, rules; and until when: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.markup import escape

from contracts.findings import Finding
from contracts.promotion.v1.views import PromotionView
from contracts.vocabulary import Mode, Outcome, PromotionState
from services.cli.exits import Exit
from services.cli.explaining import moment

FINAL = frozenset(
    {
        PromotionState.COMPLETED,
        PromotionState.DENIED,
        PromotionState.CANCELLED,
        PromotionState.EXPIRED,
        PromotionState.FAILED,
    }
)


def exit_of(promotion: PromotionView) -> Exit:
    """What the command that waited for a promotion ends with."""
    match promotion.state:
        case PromotionState.COMPLETED:
            return Exit.DONE
        case PromotionState.DENIED:
            # It is denied too when it could not be judged: nobody has said no then.
            return Exit.UNAVAILABLE if promotion.outcome is Outcome.ERROR else Exit.DENIED
        case PromotionState.FAILED:
            return Exit.UNAVAILABLE
        case _:
            return Exit.PENDING


def exit_of_all(promotions: Iterable[PromotionView]) -> Exit:
    """Of several that move together: what kept the others back says more than that they were kept back."""
    exits = {exit_of(one) for one in promotions}
    order = (Exit.DENIED, Exit.UNAVAILABLE, Exit.PENDING)
    return next((one for one in order if one in exits), Exit.DONE)


def awaited_lines(promotion: PromotionView) -> list[str]:
    """What it waits for now, as marked-up lines; empty when it has ended or waits for nobody."""
    if promotion.state in FINAL:
        return []
    return [*_held(promotion), *_glass(promotion), *_answers(promotion), *_rules(promotion)]


def open_findings(promotion: PromotionView) -> tuple[Finding, ...]:
    """What the newest verdict does not let pass."""
    return tuple(one for one in promotion.findings if not one.lets_pass)


def _held(promotion: PromotionView) -> Iterator[str]:
    if promotion.queue_position is not None:
        ahead = promotion.queue_position - 1
        place = "next" if ahead == 0 else f"{ahead} before it"
        yield f"waits for its turn at {escape(promotion.to_stage)}: number {promotion.queue_position}, {place}"
    if promotion.frozen_by:
        until = f" until {moment(promotion.frozen_until)}" if promotion.frozen_until else ""
        yield f"[cyan]held back by the freeze {escape(promotion.frozen_by)}{until}[/]"


def _glass(promotion: PromotionView) -> Iterator[str]:
    glass = promotion.broken_glass
    if glass is None:
        return
    if glass.confirmed_by:
        yield f"glass broken by {escape(glass.asked_by)} and {escape(glass.confirmed_by)} until {moment(glass.until)}"
        return
    command = f"hallmark promotion break-glass {promotion.promotion_id} -p {promotion.project} -m REASON"
    yield f"{escape(glass.asked_by)} asks to break the freeze: {escape(glass.reason)}"
    yield f"  → a second person lets it pass until {moment(glass.until)}: {escape(command)}"


def _answers(promotion: PromotionView) -> Iterator[str]:
    for one in promotion.approvals:
        reason = f": {one.reason}" if one.reason else ""
        who = f"{one.decision} by {one.approver}, {one.role}{reason}"
        yield escape(who) if one.counts else f"[dim]{escape(who)}; withdrawn, since the evidence is another one now[/]"


def _rules(promotion: PromotionView) -> Iterator[str]:
    waiting = [one for one in open_findings(promotion) if one.mode is Mode.BLOCK and one.outcome is Outcome.PENDING]
    for one, gates in _joined(waiting):
        yield f"[yellow]…[/] {escape(f'{one.stage} {gates}  {one.policy}/{one.rule}: {one.title}')}"
        if one.passes_at and not one.awaits:
            what = f"passes by itself at {moment(one.passes_at)}"
        else:
            what = f"awaits {one.awaits or 'a change'} until {moment(promotion.deadline)}"
        yield f"    {escape(f'{what}. {one.observed}')}"
        if one.remedy:
            yield f"    → {escape(one.remedy)}"


def _joined(findings: Iterable[Finding]) -> Iterator[tuple[Finding, str]]:
    """What one rule says at several gates of a stage, once, with the gates."""
    gates: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        gates.setdefault((one.stage, one.policy, one.rule, one.observed, one.remedy), []).append(one)
    return ((same[0], " and ".join(one.gate for one in same)) for same in gates.values())
