"""Asking a real server over TLS that cuts, lies, drips, floods, redirects, and wishes to be left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.monitoring.feeds.fetching import Fetcher, FetchFailed
from services.monitoring.feeds.spool import Edition, Spool
from tests.support.publisher import (
    CUT,
    DRIP,
    FLOOD,
    HANG,
    HERE,
    OTHER_PART,
    PACKED,
    Publisher,
    a_publisher,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CONTENT = bytes(range(256)) * 400
pytestmark = pytest.mark.thorough


class Asking:
    """One publisher, one spool, one fetcher."""

    def __init__(self, publisher: Publisher, folder: Path) -> None:
        self.publisher = publisher
        self.spool = Spool(folder, "osv")

    async def fetch(self, known: Edition | None = None, **more: Any) -> bytes | None:
        given: dict[str, Any] = {
            "allowed": HERE,
            "ca_file": self.publisher.certificate,
            "seconds": 10.0,
            "most_bytes": 10**6,
        }
        whole = await Fetcher(**(given | more)).fetch(self.publisher.url, self.spool, known or Edition(), NOW)
        return self.spool.whole.read_bytes() if whole else None

    async def fails(self, saying: str, **more: Any) -> FetchFailed:
        with pytest.raises(FetchFailed, match=saying) as failed:
            await self.fetch(**more)
        assert "all.zip" not in str(failed.value)
        return failed.value


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    async with a_publisher(tmp_path, CONTENT) as publisher:
        yield Asking(publisher, tmp_path / "spool")


async def test_an_edition_that_is_known_is_not_sent_again(asking: Asking) -> None:
    assert await asking.fetch() == CONTENT
    assert await asking.fetch(Edition('"one"')) is None
    asking.publisher.etag = '"two"'
    assert await asking.fetch(Edition('"one"')) == CONTENT


async def test_after_a_cut_only_the_rest_is_asked_for_also_by_another_process(asking: Asking) -> None:
    asking.publisher.planned = [CUT, CUT]
    await asking.fails("broke off")
    await asking.fails("broke off")
    assert await asking.fetch() == CONTENT
    ranges = [one.get("range") for one in asking.publisher.asked]
    assert ranges == [None, f"bytes={len(CONTENT) // 2}-", f"bytes={len(CONTENT) * 3 // 4}-"]
    assert asking.publisher.asked[1]["if-range"] == '"one"'


async def test_the_rest_of_another_edition_is_never_glued_on(asking: Asking) -> None:
    asking.publisher.planned = [CUT]
    await asking.fails("broke off")
    asking.publisher.content, asking.publisher.etag = b"new" * 1000, '"two"'
    assert await asking.fetch() == b"new" * 1000


@pytest.mark.parametrize("weak", ['W/"one"', ""])
async def test_what_cannot_be_named_exactly_is_fetched_anew(asking: Asking, weak: str) -> None:
    asking.publisher.planned, asking.publisher.etag = [CUT], weak
    await asking.fails("broke off")
    assert await asking.fetch() == CONTENT
    assert "range" not in asking.publisher.asked[-1]


async def test_another_part_than_was_asked_for_is_not_believed(asking: Asking) -> None:
    asking.publisher.planned = [CUT, OTHER_PART]
    await asking.fails("broke off")
    await asking.fails("another part")
    assert await asking.fetch() == CONTENT
    assert "range" not in asking.publisher.asked[-1]


async def test_who_wishes_to_be_left_alone_says_for_how_long(asking: Asking) -> None:
    asking.publisher.planned = [(429, "retry-after: 120"), (503, "retry-after: Mon, 01 Jun 2026 13:00:00 GMT"), 500]
    assert (await asking.fails("status 429")).wish == 120
    assert (await asking.fails("status 503")).wish == 3600
    assert (await asking.fails("status 500")).wish is None


async def test_too_much_is_neither_kept_nor_waited_for(asking: Asking) -> None:
    await asking.fails("more than 1000 bytes", most_bytes=1000)
    asking.publisher.planned = [FLOOD]
    await asking.fails("more than 200000 bytes", most_bytes=200_000)
    assert asking.spool.begun() == (0, Edition())


async def test_what_drips_or_hangs_has_an_end_and_what_dripped_is_kept(asking: Asking) -> None:
    asking.publisher.planned = [DRIP, HANG]
    await asking.fails("within 0.3 s", seconds=0.3)
    arrived, _ = asking.spool.begun()
    assert arrived > 0
    await asking.fails("within 0.1 s", seconds=0.1)
    assert await asking.fetch() == CONTENT
    assert asking.publisher.asked[-1]["range"] == f"bytes={arrived}-"


@pytest.mark.parametrize(
    ("target", "saying"),
    [
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("https://10.0.0.1/", "not public"),
        ("https://[::ffff:10.0.0.1]/", "not public"),
        ("http://localhost/", "no plain https"),
        ("https://user:word@localhost/", "no plain https"),
        ("file:///etc/passwd", "no plain https"),
    ],
)
async def test_redirects_never_lead_inside(asking: Asking, target: str, saying: str) -> None:
    asking.publisher.planned = [(302, f"location: {target}")]
    await asking.fails(saying)


async def test_redirects_are_followed_but_not_for_ever(asking: Asking) -> None:
    again = (307, f"location: {asking.publisher.url}")
    asking.publisher.planned = [again, again, again]
    assert await asking.fetch() == CONTENT
    asking.publisher.planned = [again] * 4
    await asking.fails("more than 3 times")


async def test_inside_addresses_and_strange_certificates_are_refused(asking: Asking) -> None:
    await asking.fails("not public", allowed=())
    await asking.fails("certificate", ca_file=None)
    asking.publisher.planned = [PACKED]
    await asking.fails("packs")


async def test_a_304_that_nobody_asked_for_is_a_failure(asking: Asking) -> None:
    asking.publisher.planned = [304]
    await asking.fails("status 304")
