"""`effective_on`: rules that will count later are judged and shown, and stop nothing until then."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml

from contracts.vocabulary import Mode, Outcome
from shared.errors import Invalid
from shared.policy.policy import Policy
from shared.policy.verdict import DecisionContext, Verdict, decide
from tests.unit.gate.gate_builders import dossier, item, judge, passed, policy, rule
from tests.unit.gate.test_waivers import PROD

TESTS = rule("tests_passed")
SBOM = rule("required_evidence", evidence="sbom")
DAY = datetime.fromisoformat("2026-12-01T00:00:00+00:00")
HELD = dossier(item("e1", passed()))


def at(moment: datetime, *policies: Policy) -> Verdict:
    return decide(policies, HELD, (PROD,), DecisionContext(verdict_id="verdict-1", requested_by="rita"), moment)


def test_until_its_day_a_rule_is_shown_and_stops_nothing() -> None:
    written = policy(TESTS, SBOM | {"effective_on": "2026-12-01"})
    given = judge(HELD, written)
    assert given.outcome is Outcome.ALLOW
    counted, announced = given.findings
    assert (counted.mode, counted.effective_on) == (Mode.BLOCK, None)
    assert (announced.mode, announced.outcome, announced.effective_on) == (Mode.WARN, Outcome.PENDING, DAY)


def test_an_allowance_ends_before_the_day_on_which_a_rule_begins_to_count() -> None:
    written = policy(TESTS, SBOM | {"effective_on": "2026-12-01"})
    last = DAY - timedelta(microseconds=1)
    assert judge(HELD, written).valid_until == last
    assert at(last, written).outcome is Outcome.ALLOW
    assert at(last, written).expires_at == last
    assert at(DAY, written).outcome is Outcome.PENDING


def test_a_whole_policy_can_be_announced_and_the_later_day_counts() -> None:
    rules = (SBOM | {"effective_on": "2026-12-24T12:00:00+01:00"}, TESTS)
    announced = policy(*rules, name="announced", effective_on="2026-12-01")
    [sbom, tests] = judge(HELD, announced, policy(TESTS)).findings[:2]
    assert (sbom.effective_on, tests.effective_on) == (datetime.fromisoformat("2026-12-24T11:00:00+00:00"), DAY)


def test_a_gate_whose_only_policy_is_announced_has_none_yet() -> None:
    announced = policy(TESTS, effective_on="2026-12-01")
    assert [one.rule for one in judge(HELD, announced).findings] == ["tests-passed", "no_policy"]
    assert judge(HELD, announced).outcome is Outcome.DENY
    assert at(DAY, announced).outcome is Outcome.ALLOW


def test_what_is_in_shadow_stays_there_and_limits_nothing() -> None:
    shadow = policy(SBOM | {"effective_on": "2026-12-01"}, name="shadow", mode="shadow")
    given = judge(HELD, policy(TESTS), shadow)
    assert {one.policy: one.mode for one in given.findings} == {"prod-entry": Mode.BLOCK, "shadow": Mode.SHADOW}
    assert given.valid_until is None


def test_the_parts_of_an_announced_rule_are_announced_with_it() -> None:
    both = rule("all_of", effective_on="2026-12-01", rules=[SBOM, rule("all_of", id="inner", rules=[TESTS])])
    finding = judge(HELD, both_with := policy(both)).findings[0]
    assert both_with.spec.rules[0].effective_on == DAY
    shown = [finding, *finding.parts, *finding.parts[1].parts]
    assert {(one.mode, one.effective_on) for one in shown} == {(Mode.WARN, DAY)}


@pytest.mark.parametrize("written", ["2026-12-01", "2026-12-01T00:00:00Z", "2026-12-01 01:00:00+01:00", "'2026-12-01'"])
def test_a_moment_can_be_written_in_yaml_with_quotes_and_without(written: str) -> None:
    [read] = policy(TESTS | yaml.safe_load(f"effective_on: {written}")).spec.rules
    assert read.effective_on == DAY


NAIVE = DAY.replace(tzinfo=None)


@pytest.mark.parametrize("moment", [NAIVE, "soon", "2026-13-01", "2026-12-01T00:00:00", 20261201, ""])
def test_a_moment_that_says_nothing_is_refused(moment: Any) -> None:
    with pytest.raises(Invalid):
        policy(TESTS | {"effective_on": moment})


def test_the_normal_form_is_read_back() -> None:
    written = policy(TESTS | {"effective_on": "2026-12-01"})
    rules: Any = written.normal_form()["spec"]
    assert rules["rules"][0]["effective_on"] == "2026-12-01T00:00:00.000000Z"
    assert policy(TESTS | {"effective_on": "2026-12-01T01:00:00+01:00"}).digest == written.digest
