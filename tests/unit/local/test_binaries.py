from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import binaries
from shared.errors import HallmarkError


def _program(folder: Path, name: str, script: str, *, mode: int = 0o755) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(mode)
    return path


@pytest.fixture
def only_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No packaged mongod, and a PATH with one folder."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    return tmp_path


def test_the_missing_library_and_its_package_are_named(only_path: Path) -> None:
    _program(
        only_path,
        "mongod",
        "echo 'error while loading shared libraries: libcurl.so.4: cannot open shared object file' >&2; exit 127",
    )
    with pytest.raises(HallmarkError) as refused:
        binaries.find_mongod()
    assert refused.value.code == "library_missing"
    assert "libcurl.so.4" in refused.value.message
    assert refused.value.remedy == "Run sudo apt-get install libcurl4."


def test_a_system_that_is_too_old_is_named() -> None:
    problem = binaries.explain_failure("mongod", 1, "/lib/libc.so.6: version `GLIBC_2.34' not found (required by x)")
    assert (problem.code, "GLIBC_2.34" in problem.message) == ("library_missing", True)


@pytest.mark.parametrize("answer", ["db version v4.2.1", "db version v5.9.9", "no idea"])
def test_a_server_that_is_too_old_or_says_no_version_is_refused(only_path: Path, answer: str) -> None:
    _program(only_path, "mongod", f"echo '{answer}'")
    with pytest.raises(HallmarkError) as refused:
        binaries.find_mongod()
    assert refused.value.code == "server_too_old"


def test_a_good_server_without_its_execute_bit_gets_it(tmp_path: Path) -> None:
    program = _program(tmp_path, "mongod", "echo 'db version v6.0.5'", mode=0o644)
    binaries._check(program, (6, 0))
    assert program.stat().st_mode & 0o100


def test_a_broken_program_is_passed_over_for_a_good_one(tmp_path: Path) -> None:
    broken = _program(tmp_path, "broken", "exit 3")
    good = _program(tmp_path, "good", "echo 'db version v7.0.1'")
    assert binaries._first_good("mongod", iter([broken, good]), (6, 0), "X") == good


def test_nothing_found_says_what_to_install() -> None:
    with pytest.raises(HallmarkError) as refused:
        binaries._first_good("mongod", iter([]), (6, 0), "HALLMARK_MONGO_URL")
    assert refused.value.code == "server_not_found"
    assert "HALLMARK_MONGO_URL" in refused.value.remedy
