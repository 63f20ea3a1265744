"""What must hold of every decision, whatever the rules, alone and combined, whatever the evidence and circumstances.

A piece of evidence itself says no when a rule that is shown it alone, as if just made and trusted, denies and names it.
Such a piece may open a gate by its absence, and only such a piece:

- A refusal is bound to all other evidence, and is asked for what it says instead.
- Some words deny only beside others; each kind says which (`KindCase.says_no`).
- A distrusted piece speaks for nothing any more: it stands in the place of older ones until somebody replaces it.

What a Rego module answers is up to its author: one may deny because a piece is there, or by the clock. So modules that
look only for what is wrong are held to everything here (`rego_modules.MONOTONE`), wilful ones to what the gate itself
promises: order, form, waivers, unverified evidence, and that what has no answer opens nothing (`scenes(wilful=True)`).

`effective_on` in the future is not tried where time passes: until that day a policy is none, and a gate without one
denies. Withholding what was recorded opens nothing at all, and is tried apart: the dossier is behind its positions.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from contracts.circumstances import Circumstances, WaiverFacts
from contracts.facts import ApprovalFacts, EvidenceItem
from contracts.findings import Finding
from contracts.vocabulary import GateKind, Mode, Outcome
from shared.policy.dossier import Dossier
from shared.policy.policy import read_policy
from shared.policy.rules import RULE_KINDS, AllOf, AnyOf, Rego, Rule, RuleContext, SimpleRule, check, each_rule
from shared.policy.rules.rego import question_of
from shared.policy.rules.rule import RuleHead
from tests.unit.gate.gate_builders import NOW
from tests.unit.gate.rego_modules import stand_in
from tests.unit.gate.rule_cases import CASES, COMBINED, reads_evidence
from tests.unit.gate.rule_strategies import (
    BEYOND,
    Scene,
    aged,
    distrusted,
    pieces,
    scenes,
    unverified,
    waivers,
)

pytestmark = pytest.mark.thorough

T = TypeVar("T")
EXAMPLES = int(os.environ.get("HALLMARK_EXAMPLES", "25"))
"""More for a night's search: `HALLMARK_EXAMPLES=5000 pytest tests/unit/gate/test_every_rule_properties.py`."""
slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("every-rule", max_examples=EXAMPLES, deadline=None, suppress_health_check=slow)
try_it = settings(settings.get_profile("every-rule"))
LATER = st.sampled_from([timedelta(minutes=1), timedelta(hours=7), timedelta(days=2), timedelta(days=40)])


def with_items(scene: Scene, *items: EvidenceItem) -> Scene:
    return replace(scene, held=replace(scene.held, items=items))


def without(scene: Scene, gone: EvidenceItem) -> Scene:
    return with_items(scene, *(one for one in scene.held.items if one is not gone))


def changed(scene: Scene, old: EvidenceItem, new: EvidenceItem) -> Scene:
    return with_items(scene, *(new if one is old else one for one in scene.held.items))


def with_waivers(scene: Scene, *known: WaiverFacts) -> Scene:
    circumstances = scene.held.circumstances.model_copy(update={"waivers": known})
    return replace(scene, held=replace(scene.held, circumstances=circumstances))


def leaves(scene: Scene) -> Iterator[SimpleRule]:
    for policy in scene.policies:
        yield from (rule for rule in each_rule(policy.spec.rules) if not isinstance(rule, AllOf | AnyOf))


def denying(scene: Scene) -> list[SimpleRule]:
    """The rules that deny, without any waiver."""
    return [rule for rule in leaves(scene) if check_safely(rule, scene, scene.held) is Outcome.DENY]


def check_safely(rule: SimpleRule, scene: Scene, held: Dossier) -> Outcome:
    try:
        return check(rule, held, context_of(scene, held)).outcome
    except OverflowError:
        return Outcome.ERROR


def context_of(scene: Scene, held: Dossier) -> RuleContext:
    context = RuleContext("prod", GateKind.ENTRY, "rita", held.evidence_set_digest, NOW, scene.kind)
    asked = [question_of(rule, held, context) for rule in leaves(scene) if isinstance(rule, Rego)]
    return replace(context, rego=stand_in(one for one in asked if one is not None))


def says_no(scene: Scene, piece: EvidenceItem) -> bool:
    """Whether this piece itself speaks against the version, under the rules of this scene."""
    if isinstance(piece.facts, ApprovalFacts):
        return piece.facts.decision != "approved"
    if any(CASES[rule.kind].says_no(rule, piece.facts) for rule in leaves(scene)):
        return True
    signers = tuple(one.model_copy(update={"distrusted": False}) for one in piece.signers)
    fresh = piece.model_copy(update={"signers": signers, "distrusted": False, "made_at": NOW, "received_at": NOW})
    alone = replace(scene.held, items=(fresh,))
    answers = (check(rule, alone, context_of(scene, alone)) for rule in leaves(scene))
    return any(
        one.outcome in (Outcome.DENY, Outcome.ERROR)
        and piece.evidence_id in {*one.evidence, *(violation.evidence for violation in one.violations)}
        for one in answers
    )


def speaks_for(scene: Scene, piece: EvidenceItem) -> bool:
    trusted = not piece.distrusted and not any(signer.distrusted for signer in piece.signers)
    return trusted and piece.made_at != BEYOND and not says_no(scene, piece)


def each_finding(findings: tuple[Finding, ...]) -> Iterator[Finding]:
    for one in findings:
        yield one
        yield from each_finding(one.parts)


def test_every_kind_of_rule_is_tried() -> None:
    assert {*CASES, *COMBINED} == set(RULE_KINDS), "add the new kind to tests/unit/gate/rule_cases.py"


@pytest.mark.parametrize("kind", CASES)
def test_every_field_of_every_kind_is_tried(kind: str) -> None:
    # A template is gone when a policy is in force: its module stands in its place.
    own = RULE_KINDS[kind].model_fields.keys() - RuleHead.model_fields.keys() - {"kind", "template"}
    written = {RULE_KINDS[kind].model_fields[name].alias or name for name in own}
    drawn: set[str] = set()

    @given(CASES[kind].documents)
    @settings(max_examples=120, database=None, derandomize=True, phases=[Phase.generate], suppress_health_check=slow)
    def collect(document: dict[str, Any]) -> None:
        drawn.update(document)

    collect()
    assert written <= drawn, "add the new field to its documents in tests/unit/gate/rule_cases.py"


@given(scenes())
@try_it
def test_distrust_never_opens_a_gate_and_leaves_every_denial(scene: Scene) -> None:
    assume(not scene.opens)
    for piece in scene.held.verified:
        for keys in range(1, len(piece.signers) + 1):
            after = changed(scene, piece, distrusted(piece, keys=keys))
            assert not after.opens
            # What was refused is the evidence as it stood: there, distrust only asks for another answer.
            silent = [CASES[rule.kind] for rule in denying(scene) if rule not in denying(after)]
            assert all(case.answers or case.waits_first for case in silent)


@given(scenes(), LATER)
@try_it
def test_evidence_that_grows_old_never_opens_a_gate_and_denies_as_before(scene: Scene, age: timedelta) -> None:
    assume(not scene.opens)
    older = [aged(one, age) for one in scene.held.items if one.made_at != BEYOND]
    broken = [one for one in scene.held.items if one.made_at == BEYOND]
    after = with_items(scene, *older, *broken)
    assert not after.opens
    assert all(rule in denying(after) for rule in denying(scene))


@given(scenes())
@try_it
def test_no_piece_that_speaks_for_a_version_opens_a_gate_by_its_absence(scene: Scene) -> None:
    assume(not scene.opens)
    for piece in scene.held.items:
        if speaks_for(scene, piece):
            assert not without(scene, piece).opens
            assert not changed(scene, piece, unverified(piece)).opens


@given(scenes())
@try_it
def test_withholding_what_was_recorded_opens_nothing(scene: Scene) -> None:
    recorded = {digest: scene.held.count(digest) for digest in scene.held.subjects}
    for piece in scene.held.items:
        if not scene.held.subjects.isdisjoint(piece.subjects):
            held = without(scene, piece).held
            assert scene.decide(held=held, positions=recorded).outcome is Outcome.PENDING


@given(scenes(), st.data())
@try_it
def test_a_denial_yields_to_no_older_evidence(scene: Scene, data: st.DataObject) -> None:
    oldest = min((one.made_at for one in scene.held.items), default=NOW) - timedelta(days=1)
    drawn = data.draw(pieces("z", odd=False))
    more = scene.held.with_item(drawn.model_copy(update={"made_at": oldest, "received_at": oldest}))
    for rule in denying(scene):
        mended = CASES[rule.kind].mends(rule, drawn.facts)
        assert mended or check_safely(rule, scene, more) is not Outcome.ALLOW


@given(scenes())
@try_it
def test_where_no_evidence_is_believed_no_rule_about_evidence_allows(scene: Scene) -> None:
    empty = replace(scene.held, items=())
    doubtful = replace(scene.held, items=tuple(distrusted(one) for one in scene.held.items))
    for rule in leaves(scene):
        if reads_evidence(rule):
            assert check_safely(rule, scene, empty) is not Outcome.ALLOW
            assert check_safely(rule, scene, doubtful) is not Outcome.ALLOW


@given(scenes(wilful=True), st.data())
@try_it
def test_unverified_evidence_changes_nothing(scene: Scene, data: st.DataObject) -> None:
    extra = unverified(data.draw(pieces("z", odd=False)))
    assert with_items(scene, *scene.held.items, extra).decide() == scene.decide()


@given(scenes(wilful=True))
@try_it
def test_a_waiver_that_ends_never_opens_a_gate(scene: Scene) -> None:
    assume(not scene.opens)
    known = scene.held.circumstances.waivers
    for gone in known:
        left = [one for one in known if one is not gone]
        assert not with_waivers(scene, *left).opens
        assert not with_waivers(scene, *left, gone.model_copy(update={"expires_at": NOW})).opens


@given(scenes(wilful=True), st.data())
@try_it
def test_a_waiver_closes_nothing_and_reaches_no_rule_that_is_not_waivable(scene: Scene, data: st.DataObject) -> None:
    before, more = scene.decide(), data.draw(waivers("z", scene.policies))
    after = with_waivers(scene, *scene.held.circumstances.waivers, more).decide()
    assert not (before.outcome is Outcome.ALLOW and after.outcome is not Outcome.ALLOW)
    firm = {(policy.name, rule_id) for policy in scene.policies for rule_id in not_waivable(policy.spec.rules)}
    for one, other in zip(each_finding(before.findings), each_finding(after.findings), strict=True):
        if (one.policy, one.rule) in firm:
            assert (one.outcome, one.lets_pass) == (other.outcome, other.lets_pass)


def not_waivable(rules: tuple[Rule, ...], *, inherited: bool = False) -> Iterator[str]:
    for rule in rules:
        firm = inherited or not rule.waivable
        if firm:
            yield rule.id
        if isinstance(rule, AllOf | AnyOf):
            yield from not_waivable(rule.rules, inherited=firm)


@given(scenes(wilful=True), st.randoms(use_true_random=False))
@try_it
def test_order_never_matters(scene: Scene, shuffler: random.Random) -> None:
    def shuffled(things: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(shuffler.sample(things, len(things)))

    known = scene.held.circumstances
    held = replace(
        scene.held,
        items=shuffled(scene.held.items),
        artifacts=shuffled(scene.held.artifacts),
        labels=dict(reversed(list(scene.held.labels.items()))),
        circumstances=known.model_copy(
            update={
                name: shuffled(getattr(known, name))
                for name in ("artifacts", "contained", "exploitation", "incidents", "waivers")
            }
        ),
    )
    other = replace(scene, held=held, policies=shuffled(scene.policies))
    assert other.decide().model_dump_json() == scene.decide().model_dump_json()


@given(scenes(wilful=True))
@try_it
def test_a_decision_is_given_again_byte_for_byte_from_what_was_written_down(scene: Scene) -> None:
    known = Circumstances.model_validate_json(scene.held.circumstances.model_dump_json())
    items = tuple(EvidenceItem.model_validate_json(one.model_dump_json()) for one in scene.held.items)
    policies = tuple(read_policy(json.loads(json.dumps(one.normal_form()))) for one in scene.policies)
    again = Scene(replace(scene.held, items=items, circumstances=known), policies, scene.kind)
    assert again.decide().model_dump_json() == scene.decide().model_dump_json()


@given(scenes(), st.floats(0, 1))
@try_it
def test_an_allowance_holds_until_the_moment_it_names(scene: Scene, part: float) -> None:
    given_now = scene.decide()
    assume(given_now.outcome is Outcome.ALLOW)
    end = given_now.valid_until or NOW + timedelta(days=400)
    for moment in (given_now.expires_at, end, NOW + (end - NOW) * part):
        assert scene.decide(moment).outcome is Outcome.ALLOW


@given(scenes(), LATER)
@try_it
def test_time_alone_opens_only_what_waits_and_says_when(scene: Scene, passing: timedelta) -> None:
    assume(not any(one.effective_on(rule) for one in scene.policies for rule in one.spec.rules))
    before = scene.decide()
    if before.outcome is Outcome.ALLOW or scene.decide(NOW + passing).outcome is not Outcome.ALLOW:
        return
    assert before.outcome is Outcome.PENDING
    for one in before.findings:
        if one.mode is Mode.BLOCK and not one.lets_pass:
            assert one.passes_at is not None
            assert one.passes_at <= NOW + passing


@given(scenes(wilful=True))
@try_it
def test_what_could_not_be_judged_does_not_pass(scene: Scene) -> None:
    verdict = scene.decide()
    blocking = [one for one in verdict.findings if one.mode is Mode.BLOCK]
    if any(one.outcome is Outcome.ERROR for one in blocking):
        assert verdict.outcome is Outcome.ERROR
    assert not any(one.outcome is Outcome.ERROR and one.waived for one in each_finding(verdict.findings))
    assert blocking, "a gate without a blocking rule says so in a finding"
