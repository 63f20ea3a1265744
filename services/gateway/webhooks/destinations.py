"""Where webhooks may go: pure. A receiver is named by somebody outside, so it must not lead inside.

- https only; http for hosts that a setting names. Ports that a setting names. No user, no password, no fragment.
- A host is a name, or an address in its canonical form: decimal, octal, hexadecimal and shortened forms are refused.
- An address must be public, or lie in a network that a setting names (`shared/oidc/addresses.py`).
- A name is as good as the worst of its addresses: one that is refused refuses the name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from shared.errors import Invalid
from shared.oidc.addresses import Network, may_connect

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_URL = 2000
_NAME = re.compile(r"^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$")
_LIKE_A_NUMBER = re.compile(r"^(\d+|0x[0-9a-f]*)$")
_PLAIN = re.compile(r"^[\x21-\x5b\x5d-\x7e]+$")
"""Printable ASCII without blanks and without the backslash, which some parsers take for a slash."""
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Rules:
    """What the settings allow."""

    networks: tuple[Network, ...] = ()
    """Allowed although they are not public."""
    http_hosts: frozenset[str] = frozenset()
    """Hosts that may be reached without TLS."""
    ports: frozenset[int] | None = frozenset({443, 8443})
    """None: any."""


@dataclass(frozen=True)
class Destination:
    """A receiver whose URL is in order. Its addresses are looked at when it is connected to."""

    url: httpx.URL
    host: str
    port: int

    @property
    def shown(self) -> str:
        """Scheme, host and port: the path may be as good as a password."""
        return f"{self.url.scheme}://{self.url.netloc.decode()}"


def destination(text: str, rules: Rules) -> Destination:
    """Read a URL. Raises `Invalid` for one that is malformed or not allowed; the path is never repeated."""
    if len(text) > LONGEST_URL or not _PLAIN.match(text):
        raise _refused("it is longer than 2,000 characters, or has some that URLs do not have")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise _refused("it is malformed") from error
    host = url.raw_host.decode("ascii").lower()
    if url.scheme not in _DEFAULT_PORTS or (url.scheme == "http" and host not in rules.http_hosts):
        raise _refused("it is not https, and no setting names its host as one that may do without")
    if "@" in re.split(r"[/?#]", text.partition("://")[2])[0] or "#" in text:
        raise _refused("it holds a user, a password or a fragment")
    port = _DEFAULT_PORTS[url.scheme] if url.port is None else url.port
    if rules.ports is not None and port not in rules.ports:
        raise _refused(f"port {port} is none of those that are allowed")
    _check_host(host)
    return Destination(url, host, port)


def admitted(addresses: Sequence[str], rules: Rules) -> str:
    """The address to connect to, of all that a host has. Raises `Invalid` when one of them is not allowed."""
    if not addresses:
        raise _refused("its host has no address")
    if not all(may_connect(one, rules.networks) for one in addresses):
        raise _refused("its host has an address that is not public")
    return addresses[0]


def _check_host(host: str) -> None:
    if ":" in host:
        if "%" in host or _address(host) is None:
            raise _refused("its host is no address in canonical form")
        return
    if _LIKE_A_NUMBER.match(host.rstrip(".").rpartition(".")[2]):
        found = _address(host)
        if found is None or str(found) != host:
            raise _refused("its host is an address, but not in the one form a.b.c.d")
        return
    if not _NAME.match(host):
        raise _refused("its host is no name")


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _refused(why: str) -> Invalid:
    return Invalid(
        "webhook_url_refused",
        f"The URL cannot be sent to: {why}.",
        remedy="Name a public https address, or have whoever runs Hallmark allow the host, network or port.",
    )
