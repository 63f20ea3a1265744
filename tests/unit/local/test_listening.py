from __future__ import annotations

import os
import socket
import subprocess
import sys

from deploy.local.listening import listens

_LISTEN = """
import socket, time
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    time.sleep(60)
"""


def test_only_the_listening_process_itself_counts() -> None:
    with subprocess.Popen([sys.executable, "-c", _LISTEN], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        assert listens(other.pid, port)
        assert not listens(os.getpid(), port)
        other.kill()
    assert not listens(other.pid, port)


def test_a_bound_or_connected_socket_does_not_listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert listens(os.getpid(), server.getsockname()[1])
        assert not listens(os.getpid(), client.getsockname()[1])
