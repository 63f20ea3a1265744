from __future__ import annotations

import pytest

from services.evidence.domain.signing_keys import SigningKey, Succession
from shared.crypto import keys, note
from shared.crypto.log_keys import handover_digest
from shared.errors import HallmarkError

ORIGIN = "test.example/log"
A, B, C = (str(note.NoteKey(ORIGIN, keys.generate().public_key())) for _ in range(3))
STABLE = Succession(ORIGIN, (SigningKey(0, A, "a", 0),))
UNDER_WAY = Succession(ORIGIN, (SigningKey(0, A, "a", 0), SigningKey(1, B, "b", None)))
DONE = Succession(ORIGIN, (SigningKey(0, A, "a", 0, 7), SigningKey(1, B, "b", 7)))


@pytest.mark.parametrize(
    ("keys_known", "held", "starts"),
    [
        (STABLE, (A,), True),
        (STABLE, (A, B), True),
        (STABLE, (B,), False),
        (UNDER_WAY, (A, B), True),
        (UNDER_WAY, (A,), False),
        (UNDER_WAY, (B,), False),
        (DONE, (B,), True),
        (DONE, (A, B), True),
        (DONE, (B, C), True),
        (DONE, (A,), False),
        (DONE, (C,), False),
    ],
)
def test_a_process_starts_with_the_keys_it_may_have_to_sign_with(
    keys_known: Succession, held: tuple[str, ...], starts: bool
) -> None:
    if starts:
        keys_known.require_held(held)
        return
    with pytest.raises(HallmarkError) as refusal:
        keys_known.require_held(held)
    assert refusal.value.code == "signing_key_not_held"


@pytest.mark.parametrize(
    ("keys_known", "held", "code"),
    [
        (STABLE, (A,), "next_signing_key_missing"),
        (UNDER_WAY, (A, B), "rotation_under_way"),
        (DONE, (A, B), "next_signing_key_used"),
    ],
)
def test_there_must_be_a_fresh_key_to_hand_over_to(keys_known: Succession, held: tuple[str, ...], code: str) -> None:
    with pytest.raises(HallmarkError) as refusal:
        keys_known.successor(held)
    assert refusal.value.code == code


def test_the_next_key_is_the_one_beside_the_key_in_force() -> None:
    assert STABLE.successor((A, B)) == B
    assert DONE.successor((B, C)) == C


def test_a_coming_key_is_neither_published_nor_signing() -> None:
    assert (UNDER_WAY.in_force.verifier_key, UNDER_WAY.coming) == (A, SigningKey(1, B, "b", None))
    assert [key.verifier_key for key in UNDER_WAY.published] == [A]
    assert UNDER_WAY.signing(8) == (A,)
    assert UNDER_WAY.digest_of(UNDER_WAY.keys[1]) == handover_digest(ORIGIN, A, B)
    assert (DONE.signing(6), DONE.signing(7), DONE.signing(8)) == ((A,), (B, A), (B,))
