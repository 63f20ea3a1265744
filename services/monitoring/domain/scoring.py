"""What a CVSS vector says in a word (FIRST, CVSS 2.0, 3.0, 3.1 and 4.0 specifications, qualitative ratings).

- Of versions 2 and 3 the base score counts; of version 4 the one score that a vector has.
- Version 2 knows no `critical`: its highest rating is `high` (NVD).
- A flaw that has vectors of several versions is rated by the newest, as GitHub rates its advisories.
- What is no vector says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from cvss import CVSS2, CVSS3, CVSS4, CVSSError

from contracts.vocabulary import Severity

_LONGEST = 400
"""Characters. A version 4 vector with every metric has fewer."""


def rated_by_newest(vectors: Iterable[str]) -> list[Severity]:
    """The ratings of those vectors that are of the newest version among them; what is no vector is left out."""
    found: dict[str, list[Severity]] = {}
    for vector in dict.fromkeys(vectors):
        rating = rated(vector)
        if rating is not None:
            found.setdefault(vector.strip()[:6], []).append(rating)
    # Vectors of version 2 begin with a metric, and `A` lies before `C`.
    return found[max(found)] if found else []


def rated(vector: str) -> Severity | None:
    """The rating of a CVSS vector; None for what is none."""
    text = vector.strip().strip("/")
    if len(text) > _LONGEST:
        return None
    try:
        return Severity(_rating(text).lower())
    except (CVSSError, ValueError, KeyError, ArithmeticError):
        return None


def _rating(text: str) -> str:
    if text.startswith("CVSS:4"):
        return str(CVSS4(text).severity)
    if text.startswith("CVSS:3"):
        return str(CVSS3(text).severities()[0])
    return str(CVSS2(text.removeprefix("CVSS:2.0/").strip("()")).severities()[0])
