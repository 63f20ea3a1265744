"""Which addresses may be connected to: public ones, and networks that the operator allows.

- An IPv6 address that carries an IPv4 address (mapped, 6to4, Teredo, NAT64) is as private as that one.
- What is multicast, reserved, unspecified or link-local is never public.

Source: IANA special-purpose address registries, as in Python's `ipaddress`; RFC 6052, RFC 3056, RFC 4380.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
_NAT64 = IPv6Network("64:ff9b::/96")


def may_connect(address: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether `address` (textual, numeric) is public or in an allowed network. What is no address is neither."""
    try:
        outer = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    meant = _translated(outer)
    if any(meant in network for network in allowed if network.version == meant.version):
        return True
    return all(_public(one) for one in (meant, *_carried(meant)))


def _translated(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that connections to a mapped or NAT64 address arrive at."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _carried(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address]:
    if isinstance(address, IPv6Address):
        yield from (one for one in (address.sixtofour, *(address.teredo or ())) if one)


def _public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    )
