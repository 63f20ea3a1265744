"""Which addresses may be connected to: public ones, and networks that the operator allows.

- An IPv6 address that stands for an IPv4 address (mapped, NAT64) is that one.
- What is multicast, reserved, unspecified, link-local or site-local is never public, nor what leads through a tunnel
  (6to4, Teredo).

Source: IANA special-purpose address registries, as in Python's `ipaddress`; RFC 6052, RFC 3056, RFC 4380, RFC 3879.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
_NAT64 = IPv6Network("64:ff9b::/96")
_TUNNELS = (IPv6Network("2002::/16"), IPv6Network("2001::/32"))


def may_connect(address: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether `address` (textual, numeric) is public or in an allowed network. What is no address is neither."""
    try:
        outer = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    meant = _translated(outer)
    return any(meant in network for network in allowed if network.version == meant.version) or _public(meant)


def read_networks(text: str) -> tuple[Network, ...]:
    """Networks separated by commas. Raises `ValueError` for anything else."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())


def _translated(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that connections to a mapped or NAT64 address arrive at."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and (address.is_site_local or any(address in one for one in _TUNNELS)):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    )
