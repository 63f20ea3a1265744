"""What the gate says of what admitted a release, in monitoring's words; and what monitoring says of it."""

from __future__ import annotations

from contracts.gate.v1.rejudging import ReleaseRejudged
from contracts.monitoring.v1.views import FailedRule
from services.monitoring.domain.causes import RuleCause, rule_name
from services.monitoring.domain.rejudgement import Rejudgement
from services.monitoring.domain.release import Release
from services.monitoring.domain.sla import high_due

_NAMED = 3


def rejudgement(event: ReleaseRejudged) -> Rejudgement:
    """What the event says."""
    return Rejudgement(
        release=f"{event.project}/{event.application}/{event.version}",
        released_at=event.released_at,
        revision=event.revision,
        because=_because(event),
        failing=tuple(RuleCause.model_validate(one.model_dump(exclude={"required"})) for one in event.failing),
        waived=tuple(rule_name(one.policy, one.rule, one.stage) for one in event.waived),
    )


def failed_rules(one: Release) -> tuple[FailedRule, ...]:
    """The rules that admitted a release and would not any more, the oldest first."""
    dues = one.dues
    found = [
        FailedRule(
            **cause.model_dump(exclude={"kind"}),
            due=known.due if known else high_due(one.context.criticality, cause.since),
        )
        for cause in one.state.rules
        for known in (dues.get(("", cause.name)),)
    ]
    return tuple(sorted(found, key=lambda rule: (rule.since, rule.policy, rule.rule, rule.stage)))


def _because(event: ReleaseRejudged) -> str:
    if not event.failing:
        waivers = sorted({waiver for one in event.waived for waiver in one.waivers})
        by = f", by {', '.join(waivers[:_NAMED])}" if waivers else ""
        return f"What admitted it lets it pass again{by}."
    names = [rule_name(one.policy, one.rule, one.stage) for one in event.failing]
    more = event.failing_count - len(names[:_NAMED])
    named = ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    ended = sorted({waiver for one in event.failing for waiver in one.ended_waivers})
    over = f"; {', '.join(ended[:_NAMED])} ended" if ended else ""
    return f"It would not be admitted any more by {named}: {event.failing[0].observed.rstrip('.')}{over}."
