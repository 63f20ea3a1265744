"""Where each abuse of an identity is tested: every number names tests, and every test named exists."""

from __future__ import annotations

import pytest

from tests.support.abuse_catalogue import Named, require_numbers, require_tests

TOKENS = "unit/oidc/test_abuse_tokens.py"
FETCHING = "unit/oidc/test_abuse_fetching.py"
RULES = "unit/registry/test_pipeline_identity.py"
CALLER = "unit/shared/test_identity.py"
SYSTEM = "integration/test_oidc.py"
BY_THE_RULES = (SYSTEM, "test_a_run_acts_by_the_rules_that_fit_it_and_as_nobody_else")
CONFINED = (SYSTEM, "test_17_and_8_a_run_of_one_application_writes_no_other_and_exchanges_its_token_once")

CASES: dict[int, Named] = {
    1: [(TOKENS, "test_1_a_token_without_a_signature_is_refused")],
    2: [(TOKENS, "test_2_a_public_key_is_no_shared_secret")],
    3: [(TOKENS, "test_3_an_algorithm_that_is_not_the_issuers_is_refused")],
    4: [(TOKENS, "test_4_another_issuer_is_refused"), BY_THE_RULES],
    5: [(TOKENS, "test_5_a_token_for_others_or_for_others_too_is_refused"), BY_THE_RULES],
    6: [(TOKENS, "test_6_time_is_off_by_a_minute_at_most")],
    7: [(TOKENS, "test_7_a_token_without_an_end_is_refused"), BY_THE_RULES],
    8: [CONFINED],
    9: [(TOKENS, "test_9_a_header_that_must_be_understood_and_is_not_is_refused")],
    10: [(TOKENS, "test_10_a_key_that_a_token_brings_along_is_ignored")],
    11: [
        (TOKENS, "test_11_unknown_keys_have_the_issuer_asked_once_a_minute"),
        (TOKENS, "test_11_nobody_can_spoil_the_fetch_by_hanging_up"),
    ],
    12: [
        (FETCHING, "test_12_redirects_are_not_followed"),
        (FETCHING, "test_12_hosts_that_are_not_public_are_refused"),
        (FETCHING, "test_12_a_discovered_url_is_looked_at_as_well"),
        (FETCHING, "test_12_a_name_is_looked_up_once_and_connected_to_as_checked"),
    ],
    13: [
        (FETCHING, "test_13_a_flood_is_cut_off_and_a_slow_answer_waited_for_once"),
        (FETCHING, "test_13_the_last_good_keys_outlive_floods_and_errors"),
        (TOKENS, "test_13_the_last_good_keys_count_for_an_hour_while_fetching_fails"),
    ],
    14: [(TOKENS, "test_14_a_key_that_was_taken_away_opens_nothing_after_the_next_fetch")],
    15: [
        (RULES, "test_15_the_same_name_with_another_id_and_other_values_fit_nothing"),
        (RULES, "test_15_a_rule_must_pin_an_id_that_survives_renaming"),
        (RULES, "test_15_a_subject_is_no_id_for_a_run_that_has_a_better_one"),
        BY_THE_RULES,
    ],
    16: [
        (RULES, "test_16_runs_on_what_is_not_merged_fit_only_rules_that_say_so"),
        (RULES, "test_16_runs_on_merge_requests_fit_only_rules_that_say_so"),
        BY_THE_RULES,
    ],
    17: [CONFINED, (CALLER, "test_rights_confined_to_an_application_hold_there_and_nowhere_else")],
}


def test_no_number_is_left_out() -> None:
    require_numbers(CASES, range(1, 18))


@pytest.mark.parametrize("number", CASES)
def test_every_case_has_a_test(number: int) -> None:
    require_tests(number, CASES[number])
