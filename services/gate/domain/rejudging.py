"""Whether what admitted a release would admit it still.

- The policies of the admitting verdict judge, in the words they had then. What the business said of the application,
  what the version consists of and how it came to its stage are as they were then, too.
- What may have changed counts as it is now: evidence, waivers, exploitation and the time.
- Evidence that the verdict considered counts as it did then, for as long as it is young enough: what its signers lost
  since is told by monitoring (`DistrustCause`), once. What came later counts as it is believed now.
- Evidence may lose its power to allow, never its power to deny: both are in what is judged.
- A name stands for a rule at a stage, at whatever gates there. A rule keeps the time since when it fails.
- What is said is the set of failing rules. Told again unchanged, it is no news.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from contracts.circumstances import Circumstances
from contracts.findings import Finding
from contracts.vocabulary import Digest, Mode, Outcome
from shared.policy.dossier import Dossier
from shared.policy.judging import Admitted, Bench, Moment
from shared.policy.policy import Policy
from shared.policy.replay import Case
from shared.policy.verdict import governing_policies
from shared.rego.question import Answer

_WORST_FIRST = (Outcome.ERROR, Outcome.DENY, Outcome.PENDING)


class RuleName(NamedTuple):
    """A rule of a policy at a stage."""

    policy: str
    rule: str
    stage: str


def name_of(finding: Finding) -> RuleName:
    """What a finding is about."""
    return RuleName(finding.policy, finding.rule, finding.stage)


class Failing(NamedTuple):
    """How a rule stands that does not let a release pass any more."""

    outcome: Outcome
    since: datetime
    ended_waivers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the policies that admitted a release say of it now."""

    failing: Mapping[RuleName, Finding]
    waived: Mapping[RuleName, tuple[str, ...]]
    """Rules that let it pass by waivers only, with the ids of these."""
    changes_at: datetime | None
    """The next moment after which time alone changes something; None for none."""

    @property
    def outcome(self) -> Outcome:
        """The worst of all rules that count."""
        found = {finding.outcome for finding in self.failing.values()}
        return next((outcome for outcome in _WORST_FIRST if outcome in found), Outcome.ALLOW)


@dataclass(frozen=True, slots=True)
class Admission:
    """What is kept of the newest trusted release of a version, and what was said of it last."""

    project: str
    application: str
    version: str
    version_digest: Digest
    verdict_id: str
    """The verdict that admitted it."""
    released_at: datetime
    revision: int = 0
    """How often something was said of it."""
    failing: Mapping[RuleName, Failing] | None = None
    """None while it was never judged again."""
    waived: Mapping[RuleName, tuple[str, ...]] | None = None

    @property
    def key(self) -> str:
        """The version that was released."""
        return f"{self.project}/{self.application}/{self.version}"

    def carried(self, waived: Mapping[RuleName, tuple[str, ...]]) -> Admission:
        """With the rules that its verdict let pass by waivers, while it was never judged again."""
        return self if self.failing is not None else replace(self, waived=waived)

    def judged(self, standing: Standing, at: datetime) -> Admission:
        """As it is by what the policies say now; at another revision when that is to be said."""
        before = self.failing or {}
        failing = {
            name: before[name]._replace(outcome=finding.outcome)
            if name in before
            else Failing(finding.outcome, at, (self.waived or {}).get(name, ()))
            for name, finding in standing.failing.items()
        }
        said = {name: one.outcome for name, one in failing.items()}
        news = said != {name: one.outcome for name, one in before.items()}
        return replace(self, failing=failing, waived=dict(standing.waived), revision=self.revision + news)

    def stands_as(self, other: Admission) -> bool:
        """Whether both rest on the same: nothing fails otherwise, and the same waivers are needed."""
        return (self.failing, self.waived) == (other.failing, other.waived)


def dossier_of_now(admitted: Dossier, now: Dossier) -> Dossier:
    """What a release is judged on again."""
    items = {one.evidence_id: one for one in (*now.items, *admitted.items)}
    around: Circumstances = admitted.circumstances.model_copy(
        update={"waivers": now.circumstances.waivers, "exploitation": now.circumstances.exploitation}
    )
    return replace(admitted, items=tuple(items.values()), circumstances=around)


def judged_again(
    policies: Iterable[Policy], admitted: Case, now: Dossier, at: datetime, rego: Mapping[str, Answer]
) -> Standing:
    """What the policies that admitted a release say of it, judged on the dossier of `now` at the time `at`."""
    judged = [
        bench.judge(rule) for bench in _benches(policies, admitted, now, at, rego) for rule in bench.policy.spec.rules
    ]
    counting = [one for one in judged if one.finding.mode is Mode.BLOCK]
    failing: dict[RuleName, Finding] = {}
    waived: dict[RuleName, tuple[str, ...]] = {}
    moments: set[datetime | None] = set()
    for one in counting:
        finding = one.finding
        moments |= {one.valid_until if finding.lets_pass else finding.passes_at}
        if not finding.lets_pass:
            failing.setdefault(name_of(finding), finding)
        elif finding.waived:
            waived[name_of(finding)] = finding.waived
    changes_at = min((moment for moment in moments if moment and moment >= at), default=None)
    return Standing(failing, {name: ids for name, ids in waived.items() if name not in failing}, changes_at)


def carried_by(findings: Iterable[Finding]) -> dict[RuleName, tuple[str, ...]]:
    """The rules that a verdict let pass by waivers only."""
    return {name_of(one): one.waived for one in findings if one.mode is Mode.BLOCK and one.waived}


def _benches(
    policies: Iterable[Policy], admitted: Case, now: Dossier, at: datetime, rego: Mapping[str, Answer]
) -> Iterable[Bench]:
    then, context = Admitted(admitted.dossier, admitted.at), admitted.context
    governing = governing_policies(policies, admitted.dossier, admitted.passages)
    for passage in admitted.passages:
        moment = Moment(passage.stage, passage.gate, context.kind, context.requested_by, at)
        for digest, policy in governing.items():
            if policy.governs(admitted.dossier, passage.stage, passage.gate):
                yield Bench(policy, digest, now, moment, rego, then)
