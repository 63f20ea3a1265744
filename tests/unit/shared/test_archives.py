"""Zip archives from strangers: what is sound is read, what is not is told of the entry or of the archive."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from shared.archives import ArchiveLimits, archive_entries
from shared.errors import HallmarkError, Invalid, TooLarge
from shared.json_files import json_documents


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return made.getvalue()


def read(data: bytes, limits: ArchiveLimits | None = None) -> dict[str, bytes | str]:
    """The content of each entry, or the code of what is wrong with it."""
    found: dict[str, bytes | str] = {}
    for entry in archive_entries(io.BytesIO(data), limits or ArchiveLimits()):
        try:
            found[entry.name] = entry.read()
        except HallmarkError as error:
            found[entry.name] = error.code
    return found


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_entries_are_read_as_the_standard_library_reads_them(method: int) -> None:
    entries = {f"folder/{number}.json": (b"%d " % number) * number * 50 for number in range(300)}
    assert read(zipped(*entries.items(), ("folder/", b""), method=method)) == entries


def test_an_archive_with_a_comment_and_something_before_it_in_its_tail_is_read() -> None:
    made = io.BytesIO(zipped(("a", b"1")))
    with zipfile.ZipFile(made, "a") as archive:
        archive.comment = b"x" * 60_000
    assert read(made.getvalue()) == {"a": b"1"}


def test_large_numbers_stand_where_zip64_puts_them() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive, archive.open("a", "w", force_zip64=True) as entry:
        entry.write(b"content")
    assert read(made.getvalue()) == {"a": b"content"}


@pytest.mark.parametrize("name", ["../up", "/etc/x", "a/../../b", "a\\b", "a\u202eb", "line\nbreak"])
def test_a_name_that_leads_elsewhere_spoils_that_entry_alone(name: str) -> None:
    found = read(zipped((name, b"evil"), ("good", b"1")))
    assert found == {name: "archive_entry_unreadable", "good": b"1"}


@pytest.mark.thorough
@pytest.mark.parametrize("says", [64 * 2**20, 10])
def test_an_entry_that_unpacks_to_too_much_is_not_unpacked_whatever_it_says(says: int) -> None:
    bomb = bytearray(zipped(("bomb", bytes(64 * 2**20)), ("good", b"1")))
    place = bomb.find(b"PK\x01\x02") + 24
    bomb[place : place + 4] = struct.pack("<L", says)
    tracemalloc.start()
    found = read(bytes(bomb), ArchiveLimits(entry_bytes=2**20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == {"bomb": "archive_entry_too_large", "good": b"1"}
    assert peak < 8 * 2**20


def test_all_entries_together_are_bounded() -> None:
    many = zipped(*((f"{number}", bytes(1000)) for number in range(20)))
    assert list(read(many, ArchiveLimits(total_bytes=10_000)).values())[-1] == "archive_too_large"
    with pytest.raises(TooLarge, match="20 entries"):
        read(many, ArchiveLimits(entries=19))


def test_a_damaged_entry_spoils_itself_alone() -> None:
    data = bytearray(zipped(("bad", b"0123456789" * 100), ("good", b"1"), method=zipfile.ZIP_STORED))
    data[data.find(b"0123456789") + 5] ^= 1
    assert read(bytes(data)) == {"bad": "archive_entry_unreadable", "good": b"1"}


def test_every_cut_of_an_archive_is_refused_or_ends_in_a_clear_error() -> None:
    data = zipped(("a.json", b'{"id": 1}' * 20), ("b.json", b"{}"))
    for length in range(len(data)):
        with pytest.raises(Invalid) as refused:
            read(data[:length])
        assert refused.value.code == "archive_damaged"


def test_no_changed_byte_brings_anything_but_content_or_a_clear_error() -> None:
    data = zipped(("a.json", b'{"id": 1}' * 5), ("b.json", b"{}"))
    for place in range(len(data)):
        for flip in (0x01, 0x80, 0xFF):
            spoiled = bytearray(data)
            spoiled[place] ^= flip
            assert code_of(bytes(spoiled)) in {"", "archive_damaged", "archive_too_large"}


def code_of(data: bytes) -> str:
    try:
        read(data, ArchiveLimits(entry_bytes=2**16))
    except HallmarkError as error:
        return error.code
    return ""


def test_documents_of_a_file_and_of_an_archive_come_one_by_one(tmp_path: Path) -> None:
    plain, several, packed = tmp_path / "one", tmp_path / "many.json", tmp_path / "all.zip"
    plain.write_text('{"id": "A"}')
    several.write_text('[{"id": "B"}, 7]')
    entries = [("PyPI/C.json", b'{"id": "C"}'), ("D.json", b"no json"), ("modified.csv", b"x"), ("E.json", b"[" * 9000)]
    packed.write_bytes(zipped(*entries))
    assert [one.value for one in json_documents(plain)] == [{"id": "A"}]
    assert [(one.value, one.problem) for one in json_documents(several)] == [
        ({"id": "B"}, ""),
        (None, "It is no JSON object."),
    ]
    found = {one.place: (one.value, bool(one.problem)) for one in json_documents(packed)}
    assert found == {
        "all.zip!PyPI/C.json": ({"id": "C"}, False),
        "all.zip!D.json": (None, True),
        "all.zip!E.json": (None, True),
    }


@pytest.mark.thorough
def test_a_long_list_of_entries_takes_no_memory(tmp_path: Path) -> None:
    packed = tmp_path / "all.zip"
    record = json.dumps({"id": "A"}).encode()
    packed.write_bytes(zipped(*((f"advisories/{number:06}.json", record) for number in range(4000))))
    tracemalloc.start()
    assert sum(one.value is not None for one in json_documents(packed)) == 4000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20
