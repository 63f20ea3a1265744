"""Archives that nobody made by accident: a clear answer, in bounded time and memory, and nothing on the disk."""

import io
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cli.verifier import reading
from services.cli.verifier.verify import verify_bundle
from shared.digests import canonical_json
from tests.support.bundles import Files, packed, told

pytestmark = pytest.mark.thorough

MEGABYTE = 2**20
LIST = canonical_json({"format": "hallmark-bundle", "format_version": 3})


@lru_cache
def sound() -> bytes:
    return packed(told().write(), mend=False)


def archived(write: Callable[[zipfile.ZipFile], None]) -> bytes:
    """An archive that begins like a bundle."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.json", LIST)
        write(archive)
    return made.getvalue()


def named(name: str, content: bytes = b"{}", mode: int = 0) -> bytes:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return archived(lambda archive: archive.writestr(info, content, zipfile.ZIP_DEFLATED))


def bomb(size: int) -> bytes:
    return named("manifest.json", bytes(size))


def lying_bomb() -> bytes:
    """Declares a few bytes and unpacks to 300 MB."""
    whole = bomb(300 * MEGABYTE)
    return whole.replace(struct.pack("<L", 300 * MEGABYTE), struct.pack("<L", 10))


def twice() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return archived(lambda archive: archive.writestr("bundle.json", LIST))


@lru_cache
def crowded() -> bytes:
    """More files than any bundle has."""

    def write(archive: zipfile.ZipFile) -> None:
        for number in range(60_001):
            archive.writestr(f"promotions/{number}.json", b"")

    return archived(write)


def miscounted() -> bytes:
    """An end record that says less than the directory holds: Python believes the directory."""
    data = bytearray(crowded())
    data[-14:-10] = struct.pack("<2H", 2, 2)
    return bytes(data)


def nested(depth: int) -> bytes:
    return named("manifest.json", b"[" * depth + b"]" * depth)


def encrypted() -> bytes:
    data = named("manifest.json")
    directory = data.rindex(b"PK\x01\x02")
    return data[: directory + 8] + b"\x01" + data[directory + 9 :]


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "0 bytes"),
    "no archive": (lambda: b"x" * 1000, "does not end as an archive"),
    "an empty archive": (lambda: b"PK\x05\x06" + bytes(18), "bundle.json is missing"),
    "a bomb": (lambda: bomb(300 * MEGABYTE), "unpacked it would have more"),
    "a bomb that lies": (lying_bomb, "Bad CRC"),
    "a bomb of values": (lambda: named("manifest.json", b"[" + b"0," * 2_000_000 + b"0]"), "more than 500000 values"),
    "a name twice": (twice, "a file is in it twice"),
    "a way out": (lambda: named("../../etc/passwd"), "is no name in a bundle"),
    "a way out from inside": (lambda: named("policies/../../x.json"), "is no name in a bundle"),
    "an absolute name": (lambda: named("/etc/passwd"), "is no name in a bundle"),
    "another system's name": (lambda: named("evidence\\x.json"), "is no name in a bundle"),
    "a name that is cut": (lambda: named("manifest.json\0.txt"), "is"),
    "a folder": (lambda: named("evidence/"), "is no name in a bundle"),
    "a link": (lambda: named("manifest.json", b"/etc/passwd", stat.S_IFLNK | 0o777), "is no plain file"),
    "too many files": (crowded, "files; at most"),
    "too many files, unsaid": (miscounted, "too many"),
    "a password": (encrypted, "encrypted"),
    "depth": (lambda: nested(100_000), "deeper than"),
    "a little depth": (lambda: nested(500), "deeper than"),
    "a key twice": (lambda: named("manifest.json", b'{"a":1,"a":1}'), "more than once"),
    "no text": (lambda: named("manifest.json", b"\xff\xfe"), "not UTF-8"),
    "a text, not an object": (lambda: named("manifest.json", b'"x"'), "is malformed"),
    "a comment": (lambda: sound()[:-2] + b"\x05\x00hello", "does not end as an archive"),
    "something behind it": (lambda: sound() + b"more", "does not end as an archive"),
    "half of it": (lambda: sound()[: len(sound()) // 2], "does not end as an archive"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_gets_a_clear_answer(what: str) -> None:
    make, words = HOSTILE[what]
    data = make()
    tracemalloc.start()
    report = verify_bundle(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not report.passed
    assert len(report.checks) == 1
    assert words in report.checks[-1].detail, report.checks[-1].detail
    # Memory is bounded by what was handed in and by the limit on what it unpacks to.
    assert peak < 64 * MEGABYTE, f"{peak / MEGABYTE:.0f} MB"


@pytest.mark.parametrize("version", [1, 2, None, "3"])
def test_another_format_is_told_apart_from_a_broken_bundle(version: object) -> None:
    about = canonical_json({"format": "hallmark-bundle", "format_version": version})  # type: ignore[dict-item]
    files: Files = {"bundle.json": about, "evidence/ev-1.dsse.json": b"{}"}
    report = verify_bundle(packed(files, mend=False))
    assert "this Hallmark verifies version 3. Export it again" in report.checks[-1].detail


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 2**30), value=st.integers(0, 255), cut=st.integers(0, 2**30))
def test_no_damage_to_an_archive_ends_in_anything_but_an_answer(place: int, value: int, cut: int) -> None:
    damaged = bytearray(sound())
    damaged[place % len(damaged)] = value
    for data in (bytes(damaged), bytes(damaged[cut % len(damaged) :]), bytes(damaged[: cut % len(damaged)])):
        assert verify_bundle(data).checks


def test_what_unpacks_is_bounded_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> bytes:
        raise AssertionError("something was unpacked")

    data = bomb(300 * MEGABYTE)
    monkeypatch.setattr(zipfile.ZipFile, "open", refused)
    assert str(reading.MAX_BYTES) in verify_bundle(data).checks[-1].detail
