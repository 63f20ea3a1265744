"""Where each abuse of the gate and of promotions is tested: every number names tests, and every test named exists."""

from __future__ import annotations

import pytest

from tests.support.abuse_catalogue import Named, require_numbers, require_tests

ABUSE = "unit/gate/test_abuse.py"
ANSWERS = "unit/rego/test_interpretation.py"
WORKER = "unit/rego/test_worker.py"
MODULES = "unit/rego/test_check.py"
VERDICT = "unit/gate/test_verdict.py"
PROPERTIES = "unit/gate/test_verdict_properties.py"
WAIVERS = "unit/gate/test_waivers.py"
APPROVALS = "unit/gate/test_approvals.py"
PEOPLE = "unit/promotion/test_approving.py"
SAGA = "unit/promotion/test_promotion_verdicts.py"
CLEARANCE = "unit/shared/test_clearances.py"
MOVING = "unit/registry/test_moving.py"
GATE = "integration/test_gate.py"
FACTS = "integration/test_gate_facts.py"
ON_WAIVERS = "integration/test_gate_waivers.py"
POLICIES = "integration/test_gate_policies.py"
REPLAY = "integration/test_gate_replay.py"
TAMPERED = "integration/test_gate_tampering.py"
PROMOTION = "integration/test_promotion.py"
BELIEVED = "integration/test_promotion_verdicts.py"
CLEARED = "integration/test_clearances.py"
REGISTRY = "integration/test_registry.py"

CASES: dict[int, Named] = {
    35: [
        (ANSWERS, "test_only_a_literal_true_grants"),
        (ANSWERS, "test_anything_else_is_undecided"),
        (ANSWERS, "test_undefined_is_undecided"),
        (ANSWERS, "test_messages_never_grant"),
    ],
    36: [
        (ABUSE, "test_36_a_policy_that_asks_for_nothing_is_refused"),
        (ABUSE, "test_36_policies_that_stop_nothing_leave_the_gate_closed"),
        (PROPERTIES, "test_without_any_policy_nothing_is_allowed"),
        (VERDICT, "test_to_judge_no_gate_is_refused"),
        (GATE, "test_denials_say_why_and_a_gate_without_policy_stays_closed"),
    ],
    37: [
        (WORKER, "test_what_goes_wrong_is_undecided_and_the_next_question_is_answered"),
        (WORKER, "test_an_endless_policy_is_stopped"),
        (WORKER, "test_a_worker_killed_in_the_middle_is_replaced"),
        (POLICIES, "test_a_module_that_does_not_end_leaves_the_gate_shut_and_others_working"),
    ],
    38: [
        (MODULES, "test_a_builtin_that_is_not_allowed_is_refused_wherever_it_stands"),
        (MODULES, "test_with_replaces_the_input_only"),
        (POLICIES, "test_modules_that_may_not_be_published_are_refused_with_their_code"),
    ],
    39: [
        (SAGA, "test_a_verdict_on_another_digest_is_ignored"),
        (SAGA, "test_a_verdict_of_another_attempt_is_ignored"),
        (BELIEVED, "test_a_verdict_of_another_promotion_attempt_or_digest_is_ignored"),
        (BELIEVED, "test_a_duplicated_and_a_late_verdict_are_ignored"),
        (CLEARANCE, "test_a_move_that_says_anything_else_is_refused"),
        (CLEARANCE, "test_a_passage_that_says_anything_else_is_refused"),
        (GATE, "test_a_verdict_holds_until_evidence_or_policies_change"),
    ],
    40: [
        (SAGA, "test_an_allowance_that_has_expired_moves_nothing_and_is_asked_for_again"),
        (BELIEVED, "test_an_expired_verdict_moves_nothing_and_the_gates_are_asked_again"),
        (REGISTRY, "test_a_refused_move_is_answered_and_changes_nothing"),
        (CLEARED, "test_41_a_tell_published_in_the_name_of_the_saga_does_nothing_without_the_gates_word"),
    ],
    41: [
        (CLEARED, "test_41_a_tell_published_in_the_name_of_the_saga_does_nothing_without_the_gates_word"),
        (BELIEVED, "test_a_verdict_that_the_gate_has_not_signed_is_buried_and_moves_nothing"),
        (CLEARANCE, "test_only_a_key_of_the_gate_clears_and_only_as_a_clearance"),
        (ABUSE, "test_48_there_is_no_bypass_for_anybody"),
    ],
    42: [
        (CLEARED, "test_a_promotion_edited_to_be_attested_gets_no_signature"),
        (CLEARED, "test_a_promotion_edited_to_be_moved_stays_where_it_is"),
        (TAMPERED, "test_a_verdict_that_was_edited_does_not_hold"),
        (TAMPERED, "test_a_policy_that_was_edited_closes_its_gates_until_it_is_applied_again"),
        (POLICIES, "test_a_policy_that_was_altered_on_record_judges_nothing_until_it_is_applied_again"),
        (REPLAY, "test_what_was_altered_in_the_database_or_is_missing_is_named"),
        (CLEARANCE, "test_what_is_refused_is_said_in_a_word_to_watch_for"),
    ],
    43: [
        (ABUSE, "test_43_no_stage_is_skipped_and_coming_back_is_no_way_around"),
        ("unit/promotion/test_passages.py", "test_other_ways_do_not_exist"),
        (MOVING, "test_every_other_move_is_refused"),
        (MOVING, "test_a_demotion_takes_it_out_of_every_stage_since_and_on_again_only_one_by_one"),
        (REGISTRY, "test_a_refused_move_is_answered_and_changes_nothing"),
    ],
    44: [(PROMOTION, "test_of_two_at_once_one_wins_and_cancelling_frees_the_way")],
    45: [
        ("integration/test_gateway.py", "test_45_a_tag_in_the_place_of_a_digest_is_refused"),
        (ABUSE, "test_45_a_version_is_made_of_digests_and_nothing_else"),
    ],
    46: [
        (PEOPLE, "test_nobody_approves_their_own_request_or_their_own_version"),
        (PEOPLE, "test_agents_pipelines_and_services_never_approve"),
        (PROMOTION, "test_an_approval_is_bound_to_the_evidence_and_moves_it_on_with_the_next_verdict"),
        (PROMOTION, "test_two_tokens_of_the_same_subject_are_one_approver"),
        (
            "unit/gate/test_rule_approvals.py",
            "test_46_who_had_another_part_in_it_does_not_count_unless_the_policy_says_so",
        ),
    ],
    47: [
        (ABUSE, "test_47_an_approval_of_an_earlier_digest_or_of_earlier_evidence_is_not_counted"),
        (APPROVALS, "test_an_approval_for_anything_else_approves_nothing"),
        (APPROVALS, "test_an_approval_of_earlier_evidence_is_explained"),
    ],
    48: [
        (ABUSE, "test_48_there_is_no_bypass_for_anybody"),
        (ABUSE, "test_48_a_gate_that_is_closed_is_closed_for_administrators_too"),
        (ABUSE, "test_48_nobody_grants_a_waiver_of_their_own"),
        (PROMOTION, "test_an_approval_is_bound_to_the_evidence_and_moves_it_on_with_the_next_verdict"),
    ],
    49: [
        (WAIVERS, "test_49_a_waiver_for_anything_else_covers_nothing"),
        (WAIVERS, "test_49_a_severity_that_rises_after_the_grant_is_not_covered"),
        (WAIVERS, "test_policies_allow_no_waivers_or_shorter_ones"),
        (ON_WAIVERS, "test_what_cannot_be_waived_is_refused_when_it_is_asked_for"),
        (ON_WAIVERS, "test_only_another_person_in_the_policys_role_decides"),
        (ON_WAIVERS, "test_a_waiver_covers_its_application_stage_and_severity_only"),
        (ABUSE, "test_48_nobody_grants_a_waiver_of_their_own"),
    ],
    50: [
        (WAIVERS, "test_50_the_verdict_ends_before_the_first_waiver_it_needs"),
        (ON_WAIVERS, "test_a_waiver_that_ends_during_a_promotion_takes_its_verdict_along"),
    ],
    51: [
        (POLICIES, "test_whoever_owns_an_application_changes_no_policy_that_gates_it"),
        (GATE, "test_policies_keep_their_history_and_are_guarded"),
    ],
    52: [
        (POLICIES, "test_going_back_to_a_weaker_text_is_a_new_revision_that_everybody_hears_of"),
        (FACTS, "test_going_back_to_an_earlier_policy_leaves_the_earlier_revision_as_it_was"),
    ],
    53: [
        (ABUSE, "test_53_nothing_can_be_based_on_what_the_gates_would_say"),
        (GATE, "test_denials_say_why_and_a_gate_without_policy_stays_closed"),
        (TAMPERED, "test_53_what_was_only_tried_is_not_kept_and_holds_nothing"),
        (REPLAY, "test_a_draft_is_tried_on_history_page_by_page_and_changes_nothing"),
    ],
    54: [
        (ABUSE, "test_54_a_release_without_every_gate_has_no_badge_and_no_trust"),
        (CLEARED, "test_54_a_release_that_was_not_cleared_at_every_gate_is_none"),
        (CLEARANCE, "test_a_gate_that_was_not_judged_is_not_passed"),
        (MOVING, "test_the_newest_passage_through_the_release_gate_decides_whether_it_is_trusted"),
    ],
}


def test_no_number_is_left_out() -> None:
    require_numbers(CASES, range(35, 55))


@pytest.mark.parametrize("number", CASES)
def test_every_case_has_a_test(number: int) -> None:
    require_tests(number, CASES[number])
