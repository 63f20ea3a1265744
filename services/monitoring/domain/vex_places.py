"""Where in a release a component was found, in the form in which VEX statements are read.

- A place is a subject of a bill of materials that lists the component: what it is part of, what is in it, and the
  package URLs of the artifacts that it stands for.
- What is not known of a version makes its place wider for what speaks against it, and narrower for what excuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contracts.vocabulary import Digest
from shared.policy.rules.vex_products import Place


@dataclass(frozen=True, slots=True)
class VersionParts:
    """What one version consists of."""

    digest: Digest
    parts: tuple[Digest, ...]
    """Artifacts and contained versions."""
    purls: Mapping[Digest, str]
    """Package URLs of its artifacts."""


def places(
    versions: Sequence[VersionParts], homes: Mapping[str, Iterable[Digest]], own: Digest
) -> dict[str, list[Place]]:
    """Where each component was found: `homes` names the subjects of the bills of materials that list it.

    `own` is the digest of the released version, which everything is a part of.
    """
    inner = {one.digest: one.parts for one in versions}
    outer: dict[Digest, set[Digest]] = {}
    for one in versions:
        for part in one.parts:
            outer.setdefault(part, set()).add(one.digest)
    purls = {digest: purl for one in versions for digest, purl in one.purls.items()}
    found: dict[str, list[Place]] = {}
    for component, subjects in homes.items():
        for home in subjects:
            within = _closure(home, inner)
            artifacts = [digest for digest in within if digest not in inner] or [home]
            around = frozenset(_closure(home, outer) | {own})
            place = Place(around, frozenset(within), frozenset(purls.get(one) for one in artifacts), component)
            found.setdefault(component, []).append(place)
    return found


def _closure(start: Digest, edges: Mapping[Digest, Iterable[Digest]]) -> set[Digest]:
    seen: set[Digest] = set()
    waiting = [start]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting.extend(edges.get(one, ()))
    return seen
