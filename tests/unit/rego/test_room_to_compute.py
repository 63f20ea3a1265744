"""A worker begins far below its limit of memory: what reserves more than that leaves none for its answers."""

import sys
from pathlib import Path

import pytest

from shared.rego.confinement import MEMORY
from shared.rego.process import WorkerProcess

MODULE = "package p\ndefault allow := false\nallow if count(input.things) == 0\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is read from /proc")
def test_a_worker_that_has_answered_has_most_of_its_address_space_left() -> None:
    worker = WorkerProcess()
    try:
        reply = worker.ask({"evaluate": MODULE, "input": '{"things": []}'}, 10)
        pages = int(Path(f"/proc/{worker.pid}/statm").read_text().split()[0])
    finally:
        worker.end()
    assert reply["value"] is True
    assert pages * 4096 < MEMORY / 2
