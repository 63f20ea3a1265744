"""Compressed bodies: unpacked in small parts, and refused when they are not what they say."""

import gzip
from collections.abc import AsyncIterator

import pytest

from services.evidence.unpacking import unpacked
from shared.errors import Invalid

pytestmark = pytest.mark.thorough

CONTENT = bytes(range(256)) * 3000


async def arriving(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def everything(content: AsyncIterator[bytes]) -> bytes:
    return b"".join([part async for part in content])


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
async def test_what_is_not_packed_passes(encoding: str) -> None:
    assert await everything(unpacked(arriving(b"a", b"b"), encoding)) == b"ab"


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
async def test_gzip_is_unpacked_however_it_arrives(size: int) -> None:
    packed = gzip.compress(CONTENT)
    parts = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert await everything(unpacked(arriving(*parts), "gzip")) == CONTENT


async def test_a_bomb_is_unpacked_no_further_than_it_is_read() -> None:
    bomb = gzip.compress(bytes(2**30))
    read = 0
    async for part in unpacked(arriving(bomb), "gzip"):
        assert len(part) <= 64 * 1024
        read += len(part)
        if read > 10**6:
            break
    assert read <= 10**6 + 64 * 1024


@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        (gzip.compress(CONTENT)[:-1], "gzip", "encoding_broken"),
        (gzip.compress(CONTENT)[:100], "gzip", "encoding_broken"),
        (gzip.compress(CONTENT) + b"x", "gzip", "encoding_broken"),
        (gzip.compress(b"a") + gzip.compress(b"b"), "gzip", "encoding_broken"),
        (b"no gzip", "gzip", "encoding_broken"),
        (b"", "gzip", "encoding_broken"),
        (CONTENT, "br", "encoding_unsupported"),
        (CONTENT, "gzip, gzip", "encoding_unsupported"),
    ],
    ids=range(8),
)
async def test_everything_else_is_refused(body: bytes, encoding: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        await everything(unpacked(arriving(body), encoding))
    assert refused.value.code == code
