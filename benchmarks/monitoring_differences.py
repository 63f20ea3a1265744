"""Where the findings of two matchers differ, and what the record itself says of such a case.

Kinds are told by the record alone, by its lists and its events as they are written: not by either matcher.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from services.monitoring.domain.packages import advisory_key, component_of

Record = Mapping[str, Any]
LEFT_OUT = "the peer takes nothing over from the record"
LISTED = "the record lists the version"
OPEN = "no event of the record ends the range"
INSIDE = "a range of the record has the version, its list does not"
NOT_LISTED = "the record lists the affected versions, and not this one"
EMPTY = "the record fixes a range where it begins"
BEYOND = "no range of the record reaches the version"
_EXAMPLES = 3


def compared(
    records: Iterable[Record],
    ours: Mapping[str, Sequence[frozenset[str]]],
    theirs: Collection[tuple[str, str]],
    taken_over: Collection[str],
) -> dict[str, Any]:
    """How many findings both have, by any name of a flaw; and those that only one has, by ecosystem and kind."""
    by_name: dict[str, list[Record]] = {}
    for record in records:
        for name in {record["id"], *(record.get("aliases") or ())}:
            by_name.setdefault(name, []).append(record)
    both = 0
    only_ours: list[tuple[str, str, str]] = []
    known: set[tuple[str, str]] = set()
    for purl, hits in ours.items():
        for names in hits:
            known |= {(purl, name) for name in names}
            if any((purl, name) in theirs for name in names):
                both += 1
            else:
                only_ours.append((purl, min(names), _of_ours(purl, _about(names, by_name, purl), taken_over)))
    only_theirs = [
        (purl, name, _of_theirs(purl, _about([name], by_name, purl)))
        for purl, name in sorted(theirs)
        if (purl, name) not in known
    ]
    return {"both": both, "only_ours": _by_kind(only_ours), "only_theirs": _by_kind(only_theirs)}


def _about(names: Iterable[str], by_name: Mapping[str, Sequence[Record]], purl: str) -> dict[str, list[Record]]:
    """The entries about the package, by record."""
    keys = {package.key for package in component_of(purl).advised}
    found: dict[str, list[Record]] = {}
    for record in (one for name in names for one in by_name.get(name, ())):
        entries = [one for one in record["affected"] if _key(one) in keys]
        if entries:
            found[record["id"]] = entries
    return found


def _key(entry: Record) -> Any:
    package = entry.get("package")
    return package and advisory_key(package["ecosystem"], package["name"])


def _of_ours(purl: str, about: Mapping[str, Sequence[Record]], taken_over: Collection[str]) -> str:
    if not any(name in taken_over for name in about):
        return LEFT_OUT
    entries = [one for some in about.values() for one in some]
    if any(component_of(purl).package.version in (one.get("versions") or ()) for one in entries):
        return LISTED
    return OPEN if any("introduced" in events[-1] for events in _events(entries)) else INSIDE


def _of_theirs(purl: str, about: Mapping[str, Sequence[Record]]) -> str:
    entries = [one for some in about.values() for one in some]
    lists = [one.get("versions") or () for one in entries]
    if lists and all(lists) and not any(component_of(purl).package.version in one for one in lists):
        return NOT_LISTED
    turns = [pair for events in _events(entries) for pair in pairwise(events)]
    empty = any("introduced" in one and one["introduced"] == following.get("fixed") for one, following in turns)
    return EMPTY if empty else BEYOND


def _events(entries: Iterable[Record]) -> Iterator[Sequence[Mapping[str, str]]]:
    for entry in entries:
        for one in entry.get("ranges") or ():
            if one["type"] != "GIT":
                yield one["events"]


def _by_kind(found: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for purl, name, kind in found:
        counts[f"{component_of(purl).package.key.ecosystem}: {kind}"] += 1
        some = examples.setdefault(kind, [])
        if len(some) < _EXAMPLES:
            some.append(f"{purl} {name}")
    return {"findings": sum(counts.values()), "kinds": dict(counts.most_common()), "examples": examples}
