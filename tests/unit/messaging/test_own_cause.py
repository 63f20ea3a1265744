from datetime import UTC, datetime

import pytest

from shared.messaging.headers import own_cause, read_meta, write_headers

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("key", ["signing-key:abc", "look:pr-1|2:2026", "readiness:shop/web/1.0+é", "x" * 300])
def test_what_a_service_does_unasked_is_heard_by_everybody(key: str) -> None:
    cause = own_cause("gate", key, NOW)
    heard = read_meta(write_headers(cause, subject="hallmark.evt.x"), fallback_id="", now=NOW)
    assert (heard.message_id, heard.source) == (cause.message_id, "/hallmark/gate")


def test_different_keys_are_different_causes() -> None:
    assert len({own_cause("gate", key, NOW).message_id for key in ("a", "a|1", "a|2")}) == 3
    assert own_cause("gate", "a|1", NOW) == own_cause("gate", "a|1", NOW)
