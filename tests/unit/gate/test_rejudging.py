"""What admitted a release, judged again: what may have changed counts as it is now, everything else as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from contracts.circumstances import Circumstances, IncidentFacts, StagePassage, WaivedSubject
from contracts.facts import EvidenceItem
from contracts.vocabulary import Outcome, PromotionKind, Severity
from services.gate.domain.rejudging import (
    Admission,
    RuleName,
    Standing,
    carried_by,
    dossier_of_now,
    judged_again,
)
from shared.policy.dossier import Dossier
from shared.policy.policy import Policy
from shared.policy.replay import Case
from tests.unit.gate.gate_builders import (
    NOW,
    VERSION,
    approval,
    dossier,
    failed,
    granted_waiver,
    item,
    passed,
    policy,
    rule,
    sbom,
    scan,
    signer,
)
from tests.unit.gate.small_gate import PASSAGES, SmallGate

DAY = timedelta(days=1)
TESTS, SBOM = rule("tests_passed"), rule("required_evidence", evidence="sbom", max_age="30d")
LIMIT = rule("vulnerability_limit", max={"high": 0})
NAMES = {one["kind"]: RuleName("prod-entry", one["id"], "prod") for one in (TESTS, SBOM, LIMIT)}


class Release:
    """A version that one policy admitted, and what became of its dossier since."""

    def __init__(self, made: Policy, *items: EvidenceItem, **circumstances: Any) -> None:
        gate = SmallGate(NOW, dossier(*items, circumstances=Circumstances(**circumstances)))
        gate.policies[made.name] = made
        given = gate.ask(PASSAGES[0], "rita", PromotionKind.RELEASE)
        assert given.outcome is Outcome.ALLOW, given.findings
        assert given.circumstances is not None
        self.policy, self.now = made, gate.dossier
        self.case = Case(given, items, given.circumstances)
        self.admission = Admission("shop", "cart", "1.0.0", VERSION, given.verdict_id, NOW).carried(
            carried_by(given.findings)
        )

    def hear(self, *items: EvidenceItem) -> None:
        self.now = replace(self.now, items=(*self.now.items, *items))

    def surround(self, **changes: Any) -> None:
        self.now = replace(self.now, circumstances=self.now.circumstances.model_copy(update=changes))

    def stands(self, at: datetime = NOW + DAY) -> Standing:
        now: Dossier = dossier_of_now(self.case.dossier, self.now)
        return judged_again([self.policy], self.case, now, at, {})


def test_evidence_that_is_too_old_allows_no_longer_and_newer_evidence_allows_again() -> None:
    release = Release(policy(SBOM), item("old", sbom()))
    assert release.stands().outcome is Outcome.ALLOW
    ends = NOW - timedelta(hours=1) + 30 * DAY
    assert release.stands().changes_at == ends, "when to look again"
    assert release.stands(ends).outcome is Outcome.ALLOW
    late = release.stands(ends + timedelta(milliseconds=1))
    assert (late.outcome, set(late.failing), late.changes_at) == (
        Outcome.PENDING,
        {NAMES["required_evidence"]},
        None,
    )
    release.hear(item("new", sbom(), age=-20 * DAY))
    assert release.stands(ends + DAY).outcome is Outcome.ALLOW


def test_newer_evidence_that_fails_denies_until_newer_evidence_passes() -> None:
    release = Release(policy(TESTS, SBOM), item("t1", passed()), item("s", sbom()))
    release.hear(item("t2", failed(), age=-timedelta(hours=1)))
    assert set(release.stands().failing) == {NAMES["tests_passed"]}
    assert release.stands().outcome is Outcome.DENY
    release.hear(item("unverified", passed(), age=-timedelta(hours=2), verified=False))
    assert release.stands().outcome is Outcome.DENY, "what is not verified never counts"
    release.hear(item("t3", passed(), age=-timedelta(hours=3)))
    assert release.stands().outcome is Outcome.ALLOW


def test_a_waiver_that_ends_takes_the_rule_along_and_another_one_brings_it_back() -> None:
    waiver = granted_waiver("vulnerability-limit", WaivedSubject(artifact=VERSION))
    critical = waiver.model_copy(update={"max_severity": Severity.CRITICAL})
    release = Release(policy(LIMIT), item("scan", scan(high=1)), waivers=(critical,))
    name = NAMES["vulnerability_limit"]
    assert release.admission.waived == {name: ("w1",)}
    held = release.stands(NOW + timedelta(hours=1))
    assert (held.outcome, held.waived) == (Outcome.ALLOW, {name: ("w1",)})
    assert held.changes_at is not None
    assert held.changes_at < waiver.expires_at <= held.changes_at + timedelta(milliseconds=1)

    release.surround(waivers=())
    fallen = release.admission.judged(release.stands(), NOW + DAY)
    assert fallen.failing is not None
    assert (fallen.revision, fallen.failing[name].ended_waivers) == (1, ("w1",))
    later = fallen.judged(release.stands(), NOW + 2 * DAY)
    assert (later.revision, later.failing) == (1, fallen.failing), "said once, and failing since it was first found"
    other = critical.model_copy(update={"waiver_id": "w2", "granted_at": NOW + DAY, "expires_at": NOW + 9 * DAY})
    release.surround(waivers=(other,))
    back = later.judged(release.stands(NOW + 3 * DAY), NOW + 3 * DAY)
    assert (back.revision, back.failing, back.waived) == (2, {}, {name: ("w2",)})


def test_how_it_was_admitted_is_not_asked_anew() -> None:
    tests = item("t1", passed())
    before = dossier(tests).evidence_set_digest
    people = rule("approvals", role="approver", max_age="7d")
    lately = rule("stage_passed", stage="qa", within="1d")
    way = StagePassage(
        kind=PromotionKind.PROMOTE,
        from_stage=None,
        to_stage="qa",
        release=False,
        at=NOW - timedelta(hours=2),
        promotion_id="p",
    )
    soaked = rule("soak", stage="qa") | {"for": "1h"}
    made = policy(TESTS, people, lately, soaked)
    release = Release(made, tests, item("yes", approval("ann", before)), passed=(way,), current={"qa": "1.0.0"})
    release.hear(item("t2", passed(), age=-timedelta(hours=1)))
    release.hear(item("no", approval("bob", before, "rejected"), age=-timedelta(hours=1)))
    broken = IncidentFacts(incident_id="i", version="1.0.0", opened_at=NOW + DAY)
    release.surround(incidents=(broken,), current={"qa": "2.0.0"})
    standing = release.stands(NOW + 300 * DAY)
    assert (standing.outcome, standing.failing, standing.changes_at) == (Outcome.ALLOW, {}, None)


def test_rules_that_began_to_count_after_the_admission_do_not_count() -> None:
    announced = SBOM | {"effective_on": NOW + 5 * DAY}
    release = Release(policy(TESTS, announced), item("t1", passed()))
    assert release.stands(NOW + 50 * DAY).outcome is Outcome.ALLOW


def test_what_signers_lost_since_the_admission_is_told_elsewhere_but_later_evidence_must_be_believed() -> None:
    lost = signer("test").model_copy(update={"distrusted": True})
    distrusted: dict[str, Any] = {"distrusted": True, "signers": (lost,), "revision": 1}
    first = item("t1", passed())
    release = Release(policy(TESTS), first)
    release.now = release.now.with_item(first.model_copy(update=distrusted))
    assert release.stands().outcome is Outcome.ALLOW, "monitoring says this once, as distrust"
    release.hear(item("t2", passed(), age=-timedelta(hours=1), **distrusted))
    assert release.stands().outcome is Outcome.PENDING, "the newest speaks, and nobody believes it"
