"""Compressed bodies, unpacked as they arrive and never further than somebody reads."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

from shared.errors import Invalid

_PART_BYTES = 64 * 1024
_GZIP = 31
"""What zlib calls a gzip header with the largest window."""


async def unpacked(content: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """The content behind an HTTP `Content-Encoding`, in parts of at most 64 KiB when it is gzip.

    A bomb costs what is read of it: whoever counts the parts may stop. Raises `Invalid` for other encodings, for
    what is no gzip, breaks off, or goes on after its end.
    """
    if encoding.lower() in ("", "identity"):
        async for part in content:
            yield part
        return
    if encoding.lower() != "gzip":
        raise Invalid(
            "encoding_unsupported", f"{encoding[:40]!r} cannot be unpacked.", remedy="Send gzip, or as it is."
        )
    decoder = zlib.decompressobj(_GZIP)
    try:
        async for part in content:
            rest = part
            while rest and not decoder.eof:
                yield decoder.decompress(rest, _PART_BYTES)
                rest = decoder.unconsumed_tail
            if rest or decoder.unused_data:
                raise _broken("goes on after its end")
    except zlib.error as error:
        raise _broken("is no gzip") from error
    if not decoder.eof:
        raise _broken("breaks off")


def _broken(problem: str) -> Invalid:
    return Invalid("encoding_broken", f"The body {problem}.", remedy="Compress it again, or send it as it is.")
