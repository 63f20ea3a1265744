"""How the installation is, out of what NATS and the services say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.gateway.console.operations_views import FALLING_BEHIND, services, size
from services.gateway.standings import ConsumerStanding, StreamStanding


def a_consumer(name: str, waiting: int = 0) -> ConsumerStanding:
    return ConsumerStanding(name, "HALLMARK_EVT", waiting, at_work=1, again=1, readers=1)


def a_stream(*consumers: ConsumerStanding) -> StreamStanding:
    return StreamStanding("HALLMARK_EVT", 5, 10, 100, timedelta(days=1), None, consumers)


def test_a_service_has_the_consumers_that_bear_its_name() -> None:
    stream = a_stream(a_consumer("gate-a", 1), a_consumer("gate-b", 7), a_consumer("gateway-c", 99))
    [gate, silent] = services([stream], {"gate": 3.0, "evidence": None})
    assert ([one.name for one in gate.consumers], gate.waiting, gate.at_work, gate.again) == (
        ["gate-b", "gate-a"],
        8,
        2,
        2,
    )
    assert (gate.state, gate.kind) == ("good", "good")
    assert (silent.state, silent.kind, silent.consumers) == ("silent", "bad", ())


def test_a_service_is_behind_when_much_waits() -> None:
    assert services([a_stream(a_consumer("gate-a", FALLING_BEHIND))], {"gate": 3.0})[0].state == "behind"
    assert services([a_stream(a_consumer("gate-a", FALLING_BEHIND - 1))], {"gate": 3.0})[0].state == "good"


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (8 * 1024**3, "8.0 GiB")])
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text
