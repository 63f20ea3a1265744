"""Reading a zip archive from strangers, entry by entry, in memory that does not grow with the archive.

- The central directory is read as it goes and decides what there is. Nothing is written to disk: a name is a label.
- What is wrong with one entry (its name, its checksum, its size) is told of that entry; the others can still be read.
- An archive that is cut short, split, or holds more than its limits allow is refused as a whole.
- Stored and deflated entries only; none that is encrypted.

Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.4.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from shared.errors import HallmarkError, Invalid, TooLarge

_END, _END64, _LOCATOR = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_LISTED, _LOCAL = struct.Struct("<4s4B4HL2L5H2L"), struct.Struct("<4s2B4HL2L2H")
_END_MARK, _END64_MARK, _LOCATOR_MARK = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_LISTED_MARK, _LOCAL_MARK = b"PK\x01\x02", b"PK\x03\x04"
_LONGEST_COMMENT = 2**16
_ELSEWHERE = 2**32 - 1
_ZIP64 = 1
_STORED, _DEFLATED = 0, 8
_CHUNK = 2**18
_REACH = _LISTED.size + 3 * 2**16
"""As far as one listed entry can reach."""
_AHEAD = 2**20
_LONGEST_NAME = 500


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may hold at most."""

    entries: int = 2_000_000
    entry_bytes: int = 16 * 2**20
    """Of one entry, unpacked."""
    total_bytes: int = 32 * 2**30
    """Of all entries that are read, unpacked."""


LIMITS = ArchiveLimits()


@dataclass
class _Budget:
    left: int

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise TooLarge("archive_too_large", "The archive unpacks to too much.", remedy="Import it in parts.")


@dataclass(frozen=True)
class ArchiveEntry:
    """One entry."""

    name: str
    """As it is written, at most 500 characters; never a path to write to."""
    _file: BinaryIO
    _budget: _Budget
    _most: int
    _flags: int
    _method: int
    _crc: int
    _packed: int
    _size: int
    _offset: int

    def read(self) -> bytes:
        """Its content.

        Raises `Invalid` (`archive_entry_unreadable`) when it is damaged or has a name that leads elsewhere, and
        `TooLarge`: `archive_entry_too_large` for itself, `archive_too_large` when all of the archive is too much.
        """
        parts = self.name.split("/")
        if self.name.startswith("/") or ".." in parts or "\\" in self.name or not self.name.isprintable():
            raise _bad_entry("its name leads out of the archive, or holds characters that cannot be shown")
        if self._flags & 1 or self._method not in (_STORED, _DEFLATED):
            raise _bad_entry("it is encrypted, or packed in a way that is not read")
        if self._size > self._most:
            raise self._too_large()
        content = self._unpacked()
        self._budget.spend(len(content))
        if len(content) != self._size or zlib.crc32(content) != self._crc:
            raise _bad_entry("its content is not what its checksum says")
        return content

    def _unpacked(self) -> bytes:
        head = _at(self._file, self._offset, _LOCAL.size)
        if len(head) < _LOCAL.size or head[:4] != _LOCAL_MARK:
            raise _bad_entry("it is not where the archive says")
        *_, name_length, extra_length = _LOCAL.unpack(head)
        self._file.seek(name_length + extra_length, 1)
        if self._method == _STORED:
            return self._file.read(min(self._packed, self._most))
        unpacker, content, left = zlib.decompressobj(-zlib.MAX_WBITS), bytearray(), self._packed
        try:
            while left > 0 and not unpacker.eof and (packed := self._file.read(min(_CHUNK, left))):
                left -= len(packed)
                # One byte more than is allowed shows that there is too much; the rest is never unpacked.
                content += unpacker.decompress(packed, self._most + 1 - len(content))
                if len(content) > self._most:
                    raise self._too_large()
        except zlib.error as error:
            raise _bad_entry("it cannot be unpacked") from error
        return bytes(content)

    def _too_large(self) -> HallmarkError:
        problem = f"The entry has more than {self._most} bytes."
        return TooLarge("archive_entry_too_large", problem, remedy="Leave it out.")


def is_archive(start: bytes) -> bool:
    """Whether a file that begins with these four bytes is a zip archive."""
    return start[:4] in (_LOCAL_MARK, _END_MARK)


def archive_entries(file: BinaryIO, limits: ArchiveLimits = LIMITS) -> Iterator[ArchiveEntry]:
    """Its entries in the order in which it lists them, folders left out; each can be read until the next is asked for.

    Raises `Invalid` (`archive_damaged`) when it is no complete archive, `TooLarge` for too many entries.
    """
    count, position = _directory(file)
    if count > limits.entries:
        raise TooLarge(
            "archive_too_large",
            f"The archive lists {count} entries; at most {limits.entries} are read.",
            remedy="Import it in parts.",
        )
    budget, ahead, cursor = _Budget(limits.total_bytes), b"", 0
    for _ in range(count):
        if len(ahead) - cursor < _REACH:
            more = _at(file, position, _AHEAD)
            position, ahead, cursor = position + len(more), ahead[cursor:] + more, 0
        if len(ahead) - cursor < _LISTED.size or not ahead.startswith(_LISTED_MARK, cursor):
            raise _damaged("its list of entries breaks off")
        entry, length = _listed(ahead, cursor, file, budget, limits.entry_bytes)
        cursor += length
        if not entry.name.endswith("/"):
            yield entry


def _listed(ahead: bytes, cursor: int, file: BinaryIO, budget: _Budget, most: int) -> tuple[ArchiveEntry, int]:
    fields = _LISTED.unpack_from(ahead, cursor)
    begin = cursor + _LISTED.size
    flags, method, crc, packed, size = fields[5], fields[6], fields[9], fields[10], fields[11]
    name_length, extra_length, comment_length, offset = fields[12], fields[13], fields[14], fields[18]
    name = ahead[begin : begin + name_length]
    extra = ahead[begin + name_length : begin + name_length + extra_length]
    size, packed, offset = _in_full((size, packed, offset), extra)
    shown = name.decode("utf-8", errors="replace")[:_LONGEST_NAME]
    entry = ArchiveEntry(shown, file, budget, most, flags, method, crc, packed, size, offset)
    return entry, _LISTED.size + name_length + extra_length + comment_length


def _in_full(numbers: tuple[int, ...], extra: bytes) -> tuple[int, ...]:
    """Numbers that did not fit 32 bits stand in an extra field, in this order."""
    while len(extra) >= 4:  # noqa: PLR2004 - kind and length
        kind, length = struct.unpack_from("<2H", extra)
        if kind == _ZIP64:
            long = [one[0] for one in struct.iter_unpack("<Q", extra[4 : 4 + length - length % 8])][::-1]
            return tuple(long.pop() if one == _ELSEWHERE and long else one for one in numbers)
        extra = extra[4 + length :]
    return numbers


def _directory(file: BinaryIO) -> tuple[int, int]:
    """How many entries are listed, and where the list begins."""
    end = file.seek(0, 2)
    start = max(0, end - _END.size - _LONGEST_COMMENT)
    tail = _at(file, start, end - start)
    found = tail.rfind(_END_MARK)
    if found < 0 or len(tail) - found < _END.size:
        raise _damaged("its end is missing")
    _, disk, first_disk, _, count, _, offset, _ = _END.unpack_from(tail, found)
    locator = tail[found - _LOCATOR.size : found] if found >= _LOCATOR.size else b""
    if locator[:4] == _LOCATOR_MARK:
        head = _at(file, _LOCATOR.unpack(locator)[2], _END64.size)
        if len(head) < _END64.size or head[:4] != _END64_MARK:
            raise _damaged("its end is damaged")
        *_, disk, first_disk, _, count, _, offset = _END64.unpack(head)
    if disk or first_disk:
        raise _damaged("it is one part of several")
    return count, offset


def _at(file: BinaryIO, position: int, size: int) -> bytes:
    try:
        file.seek(position)
    except (OSError, OverflowError, ValueError) as error:
        raise _damaged("it points outside of itself") from error
    return file.read(size)


def _damaged(problem: str) -> Invalid:
    remedy = "Download it again, and compare its size with what the publisher says."
    return Invalid("archive_damaged", f"The archive cannot be read: {problem}.", remedy=remedy)


def _bad_entry(problem: str) -> Invalid:
    return Invalid("archive_entry_unreadable", f"The entry cannot be read: {problem}.", remedy="Leave it out.")
