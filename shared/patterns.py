"""Patterns for names that consist of parts, such as URLs and refs; a name fits as a whole or not at all.

- `*` stands for any run of characters without a separator, so that it never leaves its part.
- `**`, at the end only, stands for any rest.
- Nothing else is special, and letters are compared as they are.
"""

from __future__ import annotations

import re


def fits(pattern: str, name: str, separators: str) -> bool:
    """Whether the whole of `name` fits; each character of `separators` ends a part."""
    between = re.compile(f"[{re.escape(separators)}]")
    if pattern.endswith("**"):
        # The rest begins inside of a part: all parts before it must fit, and that one must begin as the pattern says.
        known = pattern.removesuffix("**")
        parts = len(between.findall(known))
        ends = [one.start() for one in between.finditer(name)]
        whole = ends[parts] if len(ends) > parts else len(name)
        return fits(known + "*", name[:whole], separators)
    if between.findall(pattern) != between.findall(name):
        return False
    return all(map(_part_fits, between.split(pattern), between.split(name)))


def _part_fits(pattern: str, part: str) -> bool:
    # By hand and not by a regular expression: no pattern makes this slow.
    first, *others = pattern.split("*")
    if not others:
        return part == pattern
    *middle, last = others
    if len(part) < len(first) + len(last) or not part.startswith(first) or not part.endswith(last):
        return False
    rest = part[len(first) : len(part) - len(last)]
    for one in middle:
        _, found, rest = rest.partition(one) if one else ("", "*", rest)
        if not found:
            return False
    return True
