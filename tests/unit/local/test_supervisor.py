from __future__ import annotations

from deploy.local.supervisor import ended_cleanly, restart_delay


def test_restarts_back_off_from_a_fifth_of_a_second_to_ten() -> None:
    delays = [restart_delay(failures) for failures in range(1, 9)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert restart_delay(10**6) == 10.0


def test_ending_by_sigterm_is_a_clean_end() -> None:
    assert ended_cleanly(0)
    assert ended_cleanly(-15)
    assert not ended_cleanly(-9)
    assert not ended_cleanly(1)
    assert not ended_cleanly(None)
