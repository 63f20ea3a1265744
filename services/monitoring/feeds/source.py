"""Where advisories may be fetched from, as the settings say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

MOST_SOURCES = 50
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,99}$")
_LONGEST_URL = 2000
SourceKind = Literal["osv", "kev", "epss"]
"""What is to be had there: advisories, the catalogue of known exploited vulnerabilities, or exploitation scores."""
EXPLOITATION: tuple[SourceKind, ...] = ("kev", "epss")


@dataclass(frozen=True, slots=True)
class FeedSource:
    """One source."""

    name: str
    url: str
    kind: SourceKind = "osv"

    @property
    def shown(self) -> str:
        """Its host: path and query may hold something secret."""
        return urlsplit(self.url).hostname or ""


def read_sources(text: str) -> tuple[FeedSource, ...]:
    """The sources that a setting names. Raises `ValueError`, which never repeats a URL."""
    found: dict[str, FeedSource] = {}
    for part in (one.strip() for one in text.split(",")):
        if not part:
            continue
        name, _, url = part.partition("=")
        if not _NAME.match(name) or name in found or name in EXPLOITATION:
            raise ValueError("each source is written <name>=<URL>, with a name of its own")
        if not is_sound(url):
            raise ValueError(f"the URL of {name} is no plain https URL")
        found[name] = FeedSource(name, url)
    if len(found) > MOST_SOURCES:
        raise ValueError(f"there are more than {MOST_SOURCES} sources")
    return tuple(found.values())


def exploitation_source(kind: SourceKind, url: str) -> tuple[FeedSource, ...]:
    """The source of one feed about exploitation, none for an empty URL. Raises `ValueError` as `read_sources`."""
    if url and not is_sound(url):
        raise ValueError(f"the URL of {kind} is no plain https URL")
    return (FeedSource(kind, url, kind),) if url else ()


def is_sound(url: str) -> bool:
    """Whether a URL is one that may be asked: https, without user, password and fragment."""
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\#") and len(url) <= _LONGEST_URL
    try:
        read = urlsplit(url)
        known = read.port != 0
    except ValueError:
        return False
    return plain and known and read.scheme == "https" and bool(read.hostname) and "@" not in read.netloc
