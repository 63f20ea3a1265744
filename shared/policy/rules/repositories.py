r"""Addresses of source repositories, as different tools spell the same one.

- `git+` before a scheme, `.git` or `/` at the end, upper case in scheme and host, and a scheme's own port say nothing.
- `git@host:path` and `ssh://git@host/path` are read as `https://host/path`: forges serve one repository under both.
- Paths keep their case. `http`, `git` and other schemes, other users and other ports stay what they are: another place.
- An address whose path could mean another one (`..`, `%2e`, `//`, `\`, a query, a fragment) is not compared at all.
"""

from __future__ import annotations

import re

_FORM = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/]+)(?P<path>/.*)?", re.IGNORECASE | re.ASCII)
_SCP_FORM = re.compile(r"git@(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/].*)", re.ASCII)
_DOUBTFUL = re.compile(r"[\s\x00-\x1f\x7f%\\?#]|//|/\.{1,2}(?:/|$)")
_OWN_PORT = {"https": ":443", "http": ":80", "ssh": ":22"}


def repository(address: str) -> str | None:
    """The one spelling of a repository's address; None when it is none that can be compared."""
    found = _start(address)
    return found.removesuffix("/").removesuffix(".git").removesuffix("/") if found is not None else None


def repository_pattern(pattern: str) -> str | None:
    """The one spelling of an address that may end with `*`; None unless the `*` stands in the path."""
    if not pattern.endswith("*"):
        return repository(pattern) if "*" not in pattern else None
    start = _start(pattern[:-1])
    return f"{start}*" if start is not None and "*" not in start and "/" in start.partition("://")[2] else None


def named_by(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether `name` is one of `patterns`, each exact or the beginning before a `*` at its end."""
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in patterns)


def reference_matches(reference: str, pattern: str) -> bool:
    """Whether a branch or tag is the one that `pattern` names, where each `*` stands for any text."""
    first, *inner = pattern.split("*")
    if not inner:
        return reference == pattern
    *middle, last = inner
    if len(reference) < len(first) + len(last) or not (reference.startswith(first) and reference.endswith(last)):
        return False
    # Leftmost places suffice, so that no pattern makes this slow.
    place, end = len(first), len(reference) - len(last)
    for part in middle:
        place = reference.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True


def _start(address: str) -> str | None:
    address = address[4:] if address[:4].lower() == "git+" else address
    if scp := _SCP_FORM.fullmatch(address):
        address = f"ssh://git@{scp['host']}/{scp['path']}"
    form = _FORM.fullmatch(address)
    if form is None or not form["host"] or _DOUBTFUL.search(address.partition("://")[2]):
        return None
    scheme, host, path = form["scheme"].lower(), form["host"].lower(), form["path"] or ""
    host = host.removesuffix(_OWN_PORT.get(scheme, ""))
    if scheme == "ssh" and host.startswith("git@") and ":" not in host:
        scheme, host = "https", host.removeprefix("git@")
    return f"{scheme}://{host}{path}"
