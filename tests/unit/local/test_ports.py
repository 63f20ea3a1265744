from __future__ import annotations

import socket

from deploy.local.ports import PortChooser, first_outgoing


def test_a_taken_port_is_replaced_by_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wish = taken.getsockname()[1]
        assert PortChooser().choose((wish,)) != wish


def test_a_free_wish_is_granted_once() -> None:
    chooser = PortChooser()
    free = chooser.choose()
    again = PortChooser()
    assert again.choose((0, free)) == free
    assert again.choose((free,)) != free


def test_no_outgoing_connection_can_hold_a_chosen_port() -> None:
    chooser = PortChooser()
    assert all(chooser.choose() < first_outgoing() for _ in range(50))
