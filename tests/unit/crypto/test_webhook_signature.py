"""Signatures of webhooks: the standard's own vector, and what a receiver must refuse."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.crypto.webhook_signature import secret_bytes, secret_text, sign, verify
from shared.errors import Invalid, Unauthenticated

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET, OTHER = b"s" * 32, b"t" * 32
BODY = b'{"a": 1}'
GOOD = sign([SECRET], message_id="msg_1", at=NOW, body=BODY)


def test_the_vector_of_the_standard_verifies() -> None:
    """From the reference implementation's tests (standard-webhooks, libraries/python)."""
    secret = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    signed = sign([secret], message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, body=b'{"test": 2432232314}')
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_was_signed_verifies_and_nothing_else_does() -> None:
    verify(SECRET, GOOD, BODY, now=NOW)
    for secret, headers, body in (
        (OTHER, GOOD, BODY),
        (SECRET, GOOD, BODY + b" "),
        (SECRET, GOOD | {"webhook-id": "msg_2"}, BODY),
        (SECRET, GOOD | {"webhook-timestamp": str(int(NOW.timestamp()) + 1)}, BODY),
        (SECRET, GOOD | {"webhook-signature": GOOD["webhook-signature"].replace("v1,", "v1a,")}, BODY),
        (SECRET, GOOD | {"webhook-signature": "v1,"}, BODY),
        (SECRET, GOOD | {"webhook-signature": "v1"}, BODY),
        (SECRET, GOOD | {"webhook-signature": "é"}, BODY),
    ):
        with pytest.raises(Unauthenticated) as refused:
            verify(secret, headers, body, now=NOW)
        assert refused.value.code == "webhook_signature_invalid"


def test_either_secret_of_a_rotation_is_enough() -> None:
    both = sign([OTHER, SECRET], message_id="msg_1", at=NOW, body=BODY)
    verify(SECRET, both, BODY, now=NOW)
    verify(OTHER, both, BODY, now=NOW)
    verify(SECRET, GOOD | {"webhook-signature": f"v1,x v9,y {GOOD['webhook-signature']}"}, BODY, now=NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_61_a_header_that_is_missing_is_refused(name: str) -> None:
    headers = {key: value for key, value in GOOD.items() if key != name}
    with pytest.raises(Unauthenticated) as refused:
        verify(SECRET, headers, BODY, now=NOW)
    assert refused.value.code == "webhook_signature_missing"


@pytest.mark.parametrize(("minutes", "is_good"), [(-6, False), (-4, True), (4, True), (6, False)])
def test_61_an_old_timestamp_is_refused_and_so_is_one_from_the_future(minutes: int, is_good: bool) -> None:
    if is_good:
        verify(SECRET, GOOD, BODY, now=NOW + timedelta(minutes=minutes))
        return
    with pytest.raises(Unauthenticated) as refused:
        verify(SECRET, GOOD, BODY, now=NOW + timedelta(minutes=minutes))
    assert refused.value.code == "webhook_timestamp_off"


@pytest.mark.parametrize("timestamp", ["-1", "1e9", "٣", "9" * 40, "1767323045.0"])
def test_61_a_timestamp_that_is_no_number_is_refused(timestamp: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        verify(SECRET, GOOD | {"webhook-timestamp": timestamp}, BODY, now=NOW)
    assert refused.value.code == "webhook_timestamp_malformed"


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "c" * 40, "whsec_!" + "A" * 43, "whsec_" + "A" * 100])
def test_66_a_malformed_secret_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        secret_bytes(text)
    assert (
        not text.removeprefix("whsec_") or text.removeprefix("whsec_") not in str(refused.value) + refused.value.remedy
    )


def test_a_secret_reads_back() -> None:
    assert secret_bytes(secret_text(SECRET)) == SECRET
