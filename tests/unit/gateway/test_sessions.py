"""How long a session lasts, and which forms count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.gateway.sessions import AT_MOST, NOTED_EVERY, UNUSED_FOR, Means, begin, new_secret, session_id_of
from shared.errors import Forbidden

NOW = datetime(2026, 11, 27, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def test_a_session_ends_unused() -> None:
    session = begin("secret", Means.TOKEN, "token", NOW)
    assert not session.is_over(NOW + UNUSED_FOR - TICK)
    assert session.is_over(NOW + UNUSED_FOR)


def test_a_session_that_is_used_ends_too() -> None:
    session = begin("secret", Means.TOKEN, "token", NOW).used(NOW + AT_MOST - TICK)
    assert not session.is_over(NOW + AT_MOST - TICK)
    assert session.is_over(NOW + AT_MOST)


def test_not_every_use_is_written_down() -> None:
    session = begin("secret", Means.TOKEN, "token", NOW)
    assert not session.must_note(NOW + NOTED_EVERY - TICK)
    assert session.must_note(NOW + NOTED_EVERY)


def test_the_secret_is_not_kept() -> None:
    secret = new_secret()
    assert secret not in repr(begin(secret, Means.TOKEN, "token", NOW))
    assert begin(secret, Means.TOKEN, "token", NOW).session_id == session_id_of(secret)


@pytest.mark.parametrize("csrf", ["", "guessed", "\u00e4"])
def test_a_form_of_another_session_is_refused(csrf: str) -> None:
    session = begin("secret", Means.TOKEN, "token", NOW)
    session.refuse_forged(session.csrf)
    with pytest.raises(Forbidden, match="not handed out"):
        session.refuse_forged(csrf)
