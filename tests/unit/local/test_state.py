from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.layout import DataDirectory
from deploy.local.state import StackState, down, held_lock, load_state, save_state
from shared.errors import Conflict, Transient

_SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory.create(tmp_path / "hallmark")


def test_state_comes_back_and_is_private(directory: DataDirectory) -> None:
    state = StackState(7, "2026-01-01T00:00:00+00:00", {"gate": 8}, {"gate": 9}, {"gate": "http://x"})
    save_state(directory, state)
    assert load_state(directory) == state
    assert directory.state.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ports": {"a": "b"}}'])
def test_unreadable_state_is_an_empty_one(directory: DataDirectory, text: str) -> None:
    directory.state.write_text(text)
    assert load_state(directory) == StackState()


def test_a_held_lock_names_its_holder_and_the_way_out(directory: DataDirectory) -> None:
    with held_lock(directory), pytest.raises(Conflict) as refused, held_lock(directory):
        pass
    assert str(os.getpid()) in refused.value.message
    assert "hallmark down" in refused.value.remedy
    with held_lock(directory):
        pass


def test_down_without_a_stack_does_nothing(directory: DataDirectory) -> None:
    assert down(directory.root) is False
    with held_lock(directory):
        pass
    assert down(directory.root) is False


def test_down_ends_the_holder_and_waits_for_it(directory: DataDirectory) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from deploy.local.layout import DataDirectory\n"
        "from deploy.local.state import held_lock\n"
        "with held_lock(DataDirectory(Path(sys.argv[1]))):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(directory.root)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert down(directory.root) is True
        assert holder.wait() == -15


def test_down_leaves_a_process_alone_that_only_has_the_noted_id(directory: DataDirectory) -> None:
    with held_lock(directory), subprocess.Popen(_SLEEP) as innocent:
        directory.lock.write_text(f"{innocent.pid} 1\n")
        innocent.send_signal(signal.SIGSTOP)  # so that a SIGTERM would stay visible as pending
        os.waitpid(innocent.pid, os.WUNTRACED)
        with pytest.raises(Transient, match="did not end"):
            down(directory.root, seconds=0)
        status = Path(f"/proc/{innocent.pid}/status").read_text()
        innocent.kill()
    pending = next(line for line in status.splitlines() if line.startswith("ShdPnd"))
    assert int(pending.split()[1], 16) == 0
