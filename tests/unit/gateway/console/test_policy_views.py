"""Policies as people read them: rules in words, the map of gates, differences, and drafts with their lines."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.gate.v1.replays import SimulatedVerdict, Simulation
from contracts.gate.v1.views import PolicyRevision, PolicyView
from contracts.registry.v1.views import LifecycleView, ProjectView, StageView
from contracts.vocabulary import GateKind, Mode, Outcome
from services.gateway.console import policy_drafts, policy_trials, policy_views, rule_words
from shared.errors import Invalid
from shared.policy.policy import read_policy
from shared.policy.rules import RULE_KINDS
from shared.yaml_reading import read_yaml

ROOT = Path(__file__).resolve().parents[4]
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32
TESTS = {"id": "tests", "title": "Tests passed", "kind": "tests_passed"}


def documents() -> list[dict[str, Any]]:
    """Every policy of the examples and of the pages about rules."""
    texts = [path.read_text() for path in sorted((ROOT / "examples/policies").glob("*.yaml"))]
    for path in sorted((ROOT / "docs/rules").glob("*.md")):
        texts += re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL)
    found = [one for text in texts for one in read_yaml(text, "example") if isinstance(one, dict)]
    return [read_policy(one).normal_form() for one in found if one.get("kind") == "Policy"]


def a_policy(
    name: str, *gates: tuple[str, str], mode: Mode = Mode.BLOCK, project: str = "shop", **spec: Any
) -> PolicyView:
    written = {
        "apiVersion": "hallmark/v1",
        "kind": "Policy",
        "metadata": {"project": project, "name": name},
        "spec": {"gates": [{"stage": s, "gate": g} for s, g in gates], "mode": mode.value, "rules": [TESTS], **spec},
    }
    policy = read_policy(written)
    return PolicyView(
        project=project,
        policy=name,
        digest=policy.digest,
        revision=1,
        mode=mode,
        document=policy.normal_form(),
        applied_at=NOW,
        applied_by="ann",
    )


def a_project() -> ProjectView:
    stages = (
        StageView(name="dev", title="", open=(GateKind.ENTRY,), release=False),
        StageView(name="prod", title="Production", release=True),
    )
    lifecycle = LifecycleView(lifecycle="default", stages=stages)
    return ProjectView(project="shop", title="Shop", public_badges=False, lifecycles=(lifecycle,), revision=1)


def test_every_kind_of_rule_has_its_line_and_an_example() -> None:
    assert set(rule_words.KINDS) == set(RULE_KINDS)
    assert {rule.kind for one in documents() for rule in _all(rule_words.read(one["spec"]["rules"]))} == set(RULE_KINDS)


def _all(rules: tuple[rule_words.RuleText, ...]) -> list[rule_words.RuleText]:
    return [one for rule in rules for one in (rule, *_all(rule.parts))]


@pytest.mark.parametrize("document", documents(), ids=lambda one: str(one["metadata"]["name"]))
def test_every_field_of_a_rule_is_told(document: dict[str, Any]) -> None:
    told = rule_words.read(document["spec"]["rules"])
    for rule, text in zip(document["spec"]["rules"], told, strict=True):
        assert re.fullmatch(r"[A-Z].*[.…]", text.sentence), text.sentence
        assert "None" not in text.sentence
        silent = {"id", "title", "kind", "remedy", "effective_on", "waivable", "rules", "rego"}
        wanted = {name for name, value in rule.items() if name not in silent and value not in (False, [], {}, ())}
        assert {name for name, _ in text.parameters} == wanted
        assert len(text.parts) == len(rule.get("rules", ()))


def test_sentences_say_what_is_asked() -> None:
    limit = {"max": {"critical": 0, "high": 0, "low": 3}, "max_age": "7d", "signer_role": "scanner"}
    rules: list[dict[str, Any]] = [
        {**TESTS, "min_passed": 10, "min_coverage": "80"},
        {"id": "v", "title": "V", "kind": "vulnerability_limit", **limit},
        {"id": "a", "title": "A", "kind": "approvals", "role": "approver", "count": 2, "separate_from": ["requester"]},
        {"id": "o", "title": "O", "kind": "any_of", "rules": [TESTS, TESTS]},
    ]
    tests, limited, approved, either = [one.sentence for one in rule_words.read(rules)]
    results = "The newest test results for every artifact say that at least 10 tests passed and none failed"
    assert tests == f"{results} and 80 percent of the lines were run."
    scan = "The newest scan of every artifact (signed in the role scanner, at most 7 days old)"
    assert limited == f"{scan} shows none that is critical or high; at most 3 low."
    people = "People approved this entry, having seen this evidence: 2 in the role approver"
    assert approved == f"{people}, none of whom is requester."
    assert either == "One of several rules holds."


def test_the_map_says_of_each_gate_who_judges_there() -> None:
    policies = [
        a_policy("warns", ("prod", "entry"), mode=Mode.WARN),
        a_policy("some", ("prod", "*"), scope={"criticality": ["high"]}),
        a_policy("wide", ("*", "release"), project="platform", scope={"projects": ["*"]}),
        a_policy("later", ("prod", "exit"), effective_on="2027-01-01"),
    ]
    [shown] = policy_views.maps(a_project(), policies, NOW)
    told = [[one and (one.state, [p.name for p in one.policies]) for one in row.gates] for row in shown.rows]
    assert told == [
        [("open", []), ("shut", []), None],
        [("partly", ["some", "warns"]), ("partly", ["later", "some"]), ("governed", ["some", "wide"])],
    ]
    wide = shown.rows[1].gates[2]
    assert wide is not None
    assert wide.policies[1].path.startswith("/projects/shop/policies/wide?digest=sha256:")
    assert policy_views.summary(policies[3], "shop", NOW).announced_for == datetime(2027, 1, 1, tzinfo=UTC)
    assert policy_views.summary(policies[3], "shop", NOW + timedelta(days=90)).announced_for is None


def test_a_difference_shows_changes_with_their_surroundings() -> None:
    before = "\n".join(f"line {number}" for number in range(1, 21))
    after = before.replace("line 10", "line ten") + "\nlast"
    lines = policy_views.difference(before, after)
    assert [(one.kind, one.text) for one in lines if one.kind in ("added", "removed")] == [
        ("removed", "line 10"),
        ("added", "line ten"),
        ("added", "last"),
    ]
    assert [one.kind for one in lines].count("gap") == 2
    assert (lines[1].before, lines[1].after, lines[1].text) == (7, 7, "line 7")
    assert (lines[-1].before, lines[-1].after) == (None, 21)
    assert policy_views.difference(before, before) == ()
    assert policy_views.difference("", "new")[0].kind == "added"


def test_the_newest_change_is_shown_unless_others_are_named() -> None:
    revisions = [
        PolicyRevision(revision=number, digest=DIGEST, mode=Mode.BLOCK, applied_at=NOW, applied_by="ann")
        for number in (3, 2, 1)
    ]

    def named(older: int | None, newer: int | None) -> tuple[int, ...] | None:
        pair = policy_views.two_revisions(revisions, older, newer)
        return pair and (pair[0].revision, pair[1].revision)

    assert named(None, None) == (2, 3)
    assert named(None, 2) == (1, 2)
    assert named(1, 3) == (1, 3)
    assert named(None, 1) is None
    assert named(1, 9) is None
    assert policy_views.two_revisions([], None, None) is None


DRAFT = """\
apiVersion: hallmark/v1
kind: Policy
metadata: {project: shop, name: qa}
spec:
  gates:
    - {stage: qa, gate: entry}
  rules:
    - id: tests
      title: Tests passed
      kind: tests_pased
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("spec.rules[0].kind", 10),
        ("spec.rules[0].max", 8),
        ("spec.rules[7]", 7),
        ("metadata.name", 3),
        ("spec.gates[0].stage", 6),
        ("nowhere", None),
    ],
)
def test_the_line_of_a_path_is_found(path: str, line: int | None) -> None:
    assert policy_drafts.line_of(DRAFT, path) == line


def test_what_a_service_says_is_wrong_is_shown_at_its_line() -> None:
    with pytest.raises(Invalid) as refused:
        read_policy(policy_drafts.read_draft(DRAFT))
    problem = policy_drafts.problem_of(refused.value, DRAFT)
    assert (problem.code, problem.line) == ("policy_rule_kind_unknown", 10)
    assert problem.remedy == "Write `tests_passed` instead of `tests_pased`."
    assert [number for number, _ in problem.excerpt] == [8, 9, 10]


def test_what_is_no_yaml_is_shown_at_its_line() -> None:
    text = DRAFT + "  mode: [block\n"
    with pytest.raises(Invalid) as refused:
        policy_drafts.read_draft(text)
    assert policy_drafts.problem_of(refused.value, text).line is not None


_BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
REFUSED = {
    "nothing": ("", "draft_not_one_policy"),
    "two": (DRAFT + "---\n" + DRAFT, "draft_not_one_policy"),
    "text": ("hello", "draft_not_one_policy"),
    "a bomb": (_BOMB, "draft_too_large"),
    "itself": ("a: &a [*a]\n", "draft_too_deep"),
    "depth": ("a: " + "[" * 5000, "draft_too_deep"),
    "bytes": ("a: !!binary aGVsbG8=\n", "draft_value_unknown"),
    "numbers as names": ("1: a\n", "draft_key_unknown"),
    "said twice": ("a: 1\na: 2\n", "document_unreadable"),
    "a program": ("a: !!python/object/apply:os.system ['true']\n", "document_unreadable"),
    "length": ("a" * (policy_drafts.MAX_TEXT + 1), "draft_too_long"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_draft_is_refused_before_anybody_is_asked(what: str) -> None:
    text, code = REFUSED[what]
    with pytest.raises(Invalid) as refused:
        policy_drafts.read_draft(text)
    assert refused.value.code == code


def test_a_part_that_is_named_twice_is_read() -> None:
    assert policy_drafts.read_draft("a: &x {k: 1}\nb: *x\n") == {"a": {"k": 1}, "b": {"k": 1}}
    assert policy_drafts.name_of({"metadata": {"name": "qa"}}) == "qa"
    assert policy_drafts.name_of({"metadata": ["qa"]}) == ""


def simulated(was: Outcome, would_be: Outcome) -> SimulatedVerdict:
    return SimulatedVerdict(
        verdict_id="vd-1",
        promotion_id="pr-1",
        application="web",
        version="1.0.0",
        passages=(),
        judged_at=NOW,
        was=was,
        would_be=would_be,
    )


def a_simulation(following: str | None) -> Simulation:
    changed = (
        simulated(Outcome.ALLOW, Outcome.DENY),
        simulated(Outcome.ALLOW, Outcome.PENDING),
        simulated(Outcome.DENY, Outcome.ALLOW),
        simulated(Outcome.PENDING, Outcome.DENY),
    )
    return Simulation(
        draft=DIGEST,
        replaces=None,
        total=30,
        judged=10,
        governed=9,
        unchanged=5,
        changed=changed,
        skipped=("vd-9",),
        next=following,
    )


def test_a_trial_counts_over_its_pages_and_goes_on_where_it_was() -> None:
    trial = policy_trials.resumed({"days": "30"}, NOW).with_more(a_simulation("here"))
    assert (trial.days, trial.stopped, trial.let_through, trial.otherwise, trial.skipped) == (30, 2, 1, 1, 1)
    assert (trial.unchanged, trial.total, len(trial.changed)) == (5, 30, 4)
    sent = trial.to_go_on() | {"do": "more", "days": "30"}
    later = policy_trials.resumed(sent, NOW + timedelta(minutes=1))
    assert (later.until, later.after, later.judged, later.first, later.changed) == (NOW, "here", 10, 11, ())
    whole = later.with_more(a_simulation(None))
    assert (whole.judged, whole.stopped, whole.unchanged, whole.after) == (20, 4, 10, "")


@pytest.mark.parametrize(
    "broken",
    [{"until": "soon"}, {"judged": "many"}, {"after": ""}, {"do": "try"}, {"until": "2027-01-01T00:00:00Z"}],
    ids=str,
)
def test_a_form_that_was_tampered_with_begins_anew(broken: dict[str, str]) -> None:
    trial = policy_trials.resumed({"days": "30"}, NOW).with_more(a_simulation("here"))
    sent = trial.to_go_on() | {"do": "more", "days": "30"} | broken
    assert policy_trials.resumed(sent, NOW) == policy_trials.Trial(30, NOW)


def test_a_new_policy_begins_with_one_that_can_be_applied() -> None:
    document = policy_drafts.read_draft(policy_trials.beginning(a_project()))
    policy = read_policy(document)
    assert (policy.name, policy.spec.mode) == ("prod-entry", Mode.WARN)
