"""Where each abuse of evidence and of the log is tested: every number names tests, and every test named exists."""

from __future__ import annotations

import pytest

from tests.support.abuse_catalogue import Named, require_numbers, require_tests

ABUSE = "unit/evidence/test_abuse.py"
SIGSTORE = "unit/evidence/test_sigstore.py"
RULES = "unit/gate/test_evidence_rules.py"
GATE = "integration/test_gate.py"
AUDIT = "unit/crypto/test_log_audit.py"
LOG = "integration/test_evidence_log.py"
WITNESS = "unit/cli/test_witnessing.py"
COSIGNED = "unit/crypto/test_cosignature.py"
BUNDLE = "unit/cli/test_verify_bundle.py"

EVIDENCE = {
    18: [(ABUSE, "test_18_a_changed_payload_type_breaks_the_signature")],
    19: [(ABUSE, "test_19_only_the_predicate_type_inside_of_the_payload_counts")],
    20: [
        (ABUSE, "test_20_a_statement_counts_for_the_digests_that_were_signed"),
        (RULES, "test_what_does_not_count_is_as_good_as_absent"),
    ],
    21: [(ABUSE, "test_21_subjects_named_by_weak_digests_only_are_refused")],
    22: [
        (ABUSE, "test_22_a_believed_signer_vouches_only_for_listed_predicate_types"),
        (SIGSTORE, "test_22_an_identity_counts_only_when_a_root_names_it_for_the_predicate_type"),
    ],
    23: [
        (ABUSE, "test_23_a_key_inside_of_the_envelope_is_not_used"),
        (SIGSTORE, "test_23_certificates_and_keys_that_the_evidence_brings_along_are_not_used"),
    ],
    24: [(ABUSE, "test_24_a_threshold_counts_verified_distinct_keys_only")],
    25: [(ABUSE, "test_25_one_key_under_two_key_ids_counts_once")],
    26: [
        (ABUSE, "test_26_a_distrusted_key_counts_for_nothing_received_later"),
        (SIGSTORE, "test_26_the_moment_of_receipt_decides_about_distrust_and_not_the_time_of_the_log"),
    ],
    27: [(SIGSTORE, "test_27_a_log_entry_of_another_key_digest_or_payload_type_is_refused")],
    28: [
        (SIGSTORE, "test_28_a_checkpoint_of_another_origin_is_refused"),
        (SIGSTORE, "test_a_bundle_that_is_wrong_in_one_way_is_refused_with_its_code"),
    ],
    29: [(ABUSE, "test_29_what_cannot_be_parsed_is_refused_though_its_signature_is_good")],
    30: [(ABUSE, "test_30_a_statement_that_two_readers_could_read_differently_is_refused")],
    31: [("faults/test_31_too_much.py", "test_31_what_is_too_much_is_refused_in_bounded_memory")],
    32: [
        (RULES, "test_32_an_old_pass_replayed_counts_for_no_other_version_and_for_its_own_only_while_it_is_young"),
        (RULES, "test_age_takes_away_the_power_to_allow_but_not_to_deny"),
    ],
    33: [
        (ABUSE, "test_33_base64_has_one_spelling"),
        (SIGSTORE, "test_33_base64_has_one_spelling"),
    ],
    34: [
        (GATE, "test_a_verdict_holds_until_evidence_or_policies_change"),
        (GATE, "test_evidence_that_races_with_evaluations_leaves_none_behind"),
    ],
}
THE_LOG = {
    70: [(AUDIT, "test_70_deleted_last_entries_show_against_a_kept_checkpoint")],
    71: [
        (AUDIT, "test_71_a_rewritten_entry_shows_even_when_everything_is_hashed_and_signed_again"),
        (AUDIT, "test_71_a_rewritten_log_has_not_the_root_that_witnesses_signed"),
    ],
    72: [(LOG, "test_72_a_database_older_than_what_was_given_out_is_refused")],
    73: [
        (AUDIT, "test_73_two_states_of_one_size_are_never_both_right"),
        (WITNESS, "test_73_another_state_of_a_known_size_is_a_fork_and_both_are_kept"),
        (LOG, "test_cosignatures_are_kept_when_a_witness_in_use_made_them_for_our_state"),
    ],
    74: [(AUDIT, "test_74_a_node_does_not_pass_for_an_entry")],
    75: [
        (AUDIT, "test_75_an_entry_beside_the_order_shows_as_a_gap"),
        (LOG, "test_75_what_is_changed_beside_the_service_is_found_in_its_storage"),
    ],
    76: [
        (AUDIT, "test_76_what_a_thief_signs_with_a_replaced_key_is_refused"),
        (COSIGNED, "test_a_thief_of_the_logs_key_does_not_reach_the_quorum"),
        (LOG, "test_keys_follow_one_another_and_earlier_statements_stay_good"),
    ],
    77: [(WITNESS, "test_77_a_lost_or_damaged_state_is_not_replaced")],
    78: [(AUDIT, "test_78_an_entry_cannot_say_a_time_far_from_its_neighbours")],
    79: [
        (BUNDLE, "test_an_auditor_verifies_a_bundle_with_proof_checkpoint_cosignatures_and_keys_and_no_server"),
    ],
}


CASES: dict[int, Named] = {**EVIDENCE, **THE_LOG}


def test_no_number_is_left_out() -> None:
    require_numbers(CASES, range(18, 35), range(70, 80))


@pytest.mark.parametrize("number", CASES)
def test_every_case_has_a_test(number: int) -> None:
    require_tests(number, CASES[number])
