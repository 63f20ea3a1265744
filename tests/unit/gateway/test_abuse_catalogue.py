"""Where each abuse of the platform is tested: every number names tests, and every test named exists."""

from __future__ import annotations

import pytest

from tests.support.abuse_catalogue import Named, require_numbers, require_tests

SERVERS = "stack/test_local_servers.py"
LOG = "integration/test_evidence_log.py"
MONGO_RIGHTS = "integration/test_mongo_rights.py"
ABUSE = "integration/test_platform_abuse.py"
SIGN_IN = "integration/test_sign_in.py"
WEBHOOKS = "integration/test_webhooks.py"
DESTINATIONS = "unit/gateway/test_webhook_destinations.py"
TRANSPORT = "unit/gateway/test_webhook_transport.py"
SIGNATURES = "unit/crypto/test_webhook_signature.py"
ARCHIVES = "unit/shared/test_archives.py"
TABLES = "unit/shared/test_tables.py"
STATIC = "unit/gateway/test_abuse.py"
CONSOLE = "console/test_signing_in.py"
HOSTILE = "console/test_hostile_text.py"
TENANTS = "console/test_tenants.py"

CASES: dict[int, Named] = {
    55: [
        (SERVERS, "test_nobody_connects_to_nats_without_credentials"),
        (SERVERS, "test_a_nats_user_may_do_what_it_was_given_and_nothing_else"),
        (SERVERS, "test_empty_rights_allow_nothing"),
        (STATIC, "test_55_no_service_may_purge_delete_or_make_consumers_of_streams"),
    ],
    56: [
        (MONGO_RIGHTS, "test_56_a_service_changes_and_removes_nothing_that_is_evidence_or_audit"),
        (MONGO_RIGHTS, "test_rights_follow_the_code_at_the_next_start"),
        (SERVERS, "test_a_service_owns_its_database_and_no_other"),
        (LOG, "test_75_what_is_changed_beside_the_service_is_found_in_its_storage"),
    ],
    57: [
        (ABUSE, "test_57_operators_and_strange_names_in_place_of_values_are_refused"),
        (SERVERS, "test_javascript_is_off"),
    ],
    58: [
        (STATIC, "test_58_no_question_to_the_database_holds_a_regular_expression"),
        (STATIC, "test_58_no_pattern_makes_comparing_slow"),
    ],
    59: [
        (ARCHIVES, "test_a_name_that_leads_elsewhere_spoils_that_entry_alone"),
        (STATIC, "test_59_a_link_in_an_archive_is_never_followed"),
    ],
    60: [
        (DESTINATIONS, "test_60_urls_that_could_lead_astray_are_refused"),
        (DESTINATIONS, "test_60_addresses_that_are_not_public_are_refused"),
        (TRANSPORT, "test_60_a_name_is_resolved_once_and_the_checked_address_is_connected_to"),
        (TRANSPORT, "test_60_redirects_are_not_followed"),
        (WEBHOOKS, "test_60_what_leads_inside_is_refused_when_it_is_made_and_whenever_it_is_sent_to"),
    ],
    61: [
        (SIGNATURES, "test_61_a_header_that_is_missing_is_refused"),
        (SIGNATURES, "test_61_an_old_timestamp_is_refused_and_so_is_one_from_the_future"),
    ],
    62: [
        (HOSTILE, "test_a_page_shows_text_as_text"),
        (HOSTILE, "test_this_test_would_notice"),
        (ABUSE, "test_62_and_64_every_page_forbids_foreign_scripts_and_being_framed"),
    ],
    63: [
        (CONSOLE, "test_a_forged_form_changes_nothing"),
        (ABUSE, "test_63_no_form_counts_that_a_foreign_page_sends"),
    ],
    64: [
        (ABUSE, "test_62_and_64_every_page_forbids_foreign_scripts_and_being_framed"),
        (CONSOLE, "test_nobody_is_sent_elsewhere"),
        (SIGN_IN, "test_64_nobody_is_sent_elsewhere_after_signing_in"),
    ],
    65: [(SIGN_IN, "test_65_signing_in_begins_a_new_session_and_signing_out_ends_it_for_good")],
    66: [
        (WEBHOOKS, "test_66_secrets_are_in_no_listing_log_event_metric_or_stored_document"),
        (SIGN_IN, "test_66_codes_cookies_and_secrets_of_signing_in_are_in_no_log_page_or_stored_document"),
    ],
    67: [(STATIC, "test_67_every_list_is_capped_and_goes_on_by_key"), (ABUSE, "test_67_too_long_a_page_is_refused")],
    68: [
        (TENANTS, "test_68_who_belongs_to_another_project_gets_nothing_by_its_paths"),
        (SIGN_IN, "test_nobody_grants_more_than_they_hold"),
    ],
    69: [
        (TABLES, "test_what_a_spreadsheet_would_run_is_defused"),
        (TABLES, "test_no_text_leaves_its_cell_or_begins_as_a_formula"),
    ],
}


def test_no_number_is_left_out() -> None:
    require_numbers(CASES, range(55, 70))


@pytest.mark.parametrize("number", CASES)
def test_every_case_has_a_test(number: int) -> None:
    require_tests(number, CASES[number])
