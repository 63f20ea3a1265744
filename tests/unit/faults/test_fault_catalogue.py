"""Where each row of the fault matrix is tried: every number names tests that exist, or says why this machine cannot."""

from __future__ import annotations

import re

import pytest

from tests.support.abuse_catalogue import TESTS, Named, require_numbers, require_tests

POINTS = "faults/test_crash_points.py"
CLUSTER = "faults/test_three_nodes.py"
STREAMS = "faults/test_13_lost_streams.py"
NETWORK = "faults/test_15_bad_networks.py"
MESSAGES = "faults/test_23_bad_messages.py"
WHOLE = "faults/test_30_whole_system.py"
REDELIVERY = "integration/test_redelivery.py"
RELAY = "integration/test_relay_and_lease.py"
SAGA = "integration/test_promotion.py"
VERDICTS = "integration/test_promotion_verdicts.py"
LOG = "integration/test_evidence_log.py"
EACH_STEP = (POINTS, "test_01_to_06_a_service_dies_at_each_step")
APPENDS = ("faults/test_death_at_every_await.py", "test_at_every_step_nothing_is_lost_doubled_or_rewritten")
DISK = ("faults/test_failing_disk.py", "test_what_was_acknowledged_outlives_a_failing_disk")

ROWS: dict[int, Named] = {
    **{number: [EACH_STEP, (POINTS, "test_01_to_06_one_death_of_each_service")] for number in range(1, 7)},
    7: [(POINTS, "test_07_two_services_die_at_once")],
    8: [(CLUSTER, "test_08_the_primary_of_mongodb_is_killed")],
    9: [(CLUSTER, "test_09_the_primary_of_mongodb_freezes_and_comes_back")],
    10: [(CLUSTER, "test_10_without_a_majority_nothing_is_acknowledged")],
    11: [("stack/test_kill_any_process.py", "test_promotions_survive_the_death_of")],
    12: [(CLUSTER, "test_12_the_nats_server_that_leads_a_stream_is_killed")],
    13: [(STREAMS, "test_13_14_what_the_streams_lost_is_told_again")],
    14: [(STREAMS, "test_13_14_what_the_streams_lost_is_told_again")],
    15: [(NETWORK, "test_15_a_partition_from_nats_delays_and_doubles_nothing")],
    16: [
        (NETWORK, "test_16_a_commit_whose_answer_is_lost_has_one_effect"),
        (NETWORK, "test_16_a_partition_from_mongodb_acknowledges_nothing"),
    ],
    17: [(CLUSTER, "test_17_a_secondary_of_mongodb_is_cut_off")],
    18: [
        (
            "faults/test_18_full_disk.py",
            "test_18_a_full_nats_store_withholds_the_acknowledgement_and_goes_on_with_room",
        )
    ],
    19: [DISK],
    20: [DISK, ("unit/evidence/test_given_out.py", "test_a_disk_that_refuses_keeps_the_checkpoint_in")],
    21: [APPENDS],
    22: [("faults/test_22_wrong_clocks.py", "test_22_clocks_that_are_an_hour_off_and_jump_change_nothing")],
    23: [
        (REDELIVERY, "test_ten_copies_of_one_message_count_once"),
        (MESSAGES, "test_23_24_a_copy_counts_once_within_the_streams_window_and_long_after"),
    ],
    24: [(MESSAGES, "test_23_24_a_copy_counts_once_within_the_streams_window_and_long_after")],
    25: [(MESSAGES, "test_25_another_message_under_a_known_id_is_buried_and_not_lost")],
    26: [
        ("integration/test_monitoring.py", "test_every_order_of_arrival_finds_the_same"),
        ("integration/test_monitoring.py", "test_facts_that_arrive_at_the_same_time_do_not_overlook_each_other"),
        ("integration/test_gate.py", "test_evidence_counts_whether_it_comes_before_its_version_or_after"),
    ],
    27: [(MESSAGES, "test_27_poison_is_buried_after_one_delivery_and_holds_nobody_up")],
    28: [
        (MESSAGES, "test_28_a_handler_that_never_ends_is_given_up_and_the_others_go_on"),
        (REDELIVERY, "test_a_message_that_never_works_ends_in_the_dead_letters_with_its_reason"),
    ],
    29: [(NETWORK, "test_29_a_slow_database_delays_and_doubles_nothing")],
    30: [(WHOLE, "test_30_31_a_replay_of_all_facts_has_no_effect_and_read_models_stay_as_they_are")],
    31: [(WHOLE, "test_30_31_a_replay_of_all_facts_has_no_effect_and_read_models_stay_as_they_are")],
    32: [(MESSAGES, "test_32_above_the_limit_commands_are_held_off_until_the_outbox_is_empty_again")],
    33: [
        (WHOLE, "test_33_a_gate_that_hangs_lets_nobody_through_and_a_late_verdict_changes_nothing"),
        ("unit/rego/test_interpretation.py", "test_only_a_literal_true_grants"),
        (VERDICTS, "test_an_expired_verdict_moves_nothing_and_the_gates_are_asked_again"),
    ],
    34: [
        (SAGA, "test_what_changed_on_the_way_is_judged_again_and_never_moved"),
        ("integration/test_gate.py", "test_a_verdict_holds_until_evidence_or_policies_change"),
    ],
    35: [(SAGA, "test_of_two_at_once_one_wins_and_cancelling_frees_the_way")],
    36: [
        ("integration/test_gate.py", "test_a_verdict_holds_until_evidence_or_policies_change"),
        (VERDICTS, "test_a_verdict_of_another_promotion_attempt_or_digest_is_ignored"),
    ],
    37: [(RELAY, "test_one_instance_holds_a_lease_and_a_stale_holder_cannot_write")],
    38: [
        ("contract/test_contracts.py", "test_messages_are_frozen_and_readers_ignore_what_newer_writers_add"),
        ("contract/test_contracts.py", "test_committed_schema_and_example_are_those_of_the_code"),
    ],
    39: [
        (STREAMS, "test_39_a_database_older_than_what_it_has_told_is_refused"),
        (LOG, "test_72_a_database_older_than_what_was_given_out_is_refused"),
    ],
    40: [("integration/test_monitoring.py", "test_advisories_are_revised_joined_withdrawn_and_refused_one_by_one")],
    41: [
        ("integration/test_webhooks.py", "test_41_receivers_that_fail_or_hang_hold_up_nobody_and_get_everything_later")
    ],
    42: [(WHOLE, "test_42_everybody_stops_when_asked_to_and_nothing_is_lost")],
}


def test_no_row_is_left_out() -> None:
    require_numbers(ROWS, range(1, 43))


@pytest.mark.parametrize("number", ROWS)
def test_every_row_has_a_test(number: int) -> None:
    require_tests(number, ROWS[number])


def test_the_page_says_what_holds_for_every_row() -> None:
    page = (TESTS.parent / "docs/architecture/faults.md").read_text()
    numbers: set[int] = set()
    for first, last in re.findall(r"^\| (\d+)(?:-(\d+))? \|", page, flags=re.MULTILINE):
        numbers |= set(range(int(first), int(last or first) + 1))
    assert numbers == set(ROWS)
