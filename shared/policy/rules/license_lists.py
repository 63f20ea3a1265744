"""Which licences a policy allows, denies or wants reviewed, and what that means for an expression.

- Of `OR` the best branch counts, since whoever uses it may choose; of `AND` the worst, since all have to be kept.
- Of several lists that name a licence the strictest holds: `deny`, then `review`, then `allow`.
- A licence `WITH` an exception is one of its own. It is allowed where it is itself listed; where it is listed nowhere,
  the lists that deny the licence, or want it reviewed, hold for it too.
- A pattern (`GPL-*`) names every id that begins like it; it allows only ids that SPDX or the document defines.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import BeforeValidator

from shared.policy.rules.license_expressions import Expression, License, known_ids, parse_expression

_OWN_NAMES = ("licenseref-", "documentref-")


class Answer(IntEnum):
    """What becomes of a licence, the best first."""

    ALLOW = 0
    REVIEW = 1
    DENY = 2


class Cause(StrEnum):
    """Why, in the words that begin a sentence about it; the one told first comes first."""

    DENIED = "Licences that are denied: "
    REVIEW = "Licences that have to be reviewed: "
    UNKNOWN = "Licences that are in no list of the policy: "
    UNREADABLE = "Licences that cannot be read as SPDX expressions: "
    SILENT = "No licence is said for "


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of one expression."""

    answer: Answer
    cause: Cause | None = None
    """None when it is allowed by a list."""
    license: str = ""
    """The licence that decides it, where one does."""


def parse_pattern(value: object) -> str:
    """An entry of a list; raises `ValueError` unless it is an SPDX id, a `LicenseRef-...`, or the beginning of one."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    beginning = text.removesuffix("*").lower()
    if text.endswith("*") and beginning:
        if _begins_one(beginning.partition(" ")[0]):
            return text
    elif isinstance(parsed := parse_expression(text), License) and parsed.known:
        return text
    near = get_close_matches(beginning, sorted(known_ids()), n=1)
    hint = f"; did you mean `{near[0]}`" if near and text else ""
    raise ValueError(
        f"`{text[:100]}` is no SPDX licence id, no `LicenseRef-...`, and not the beginning of one with `*` behind{hint}"
    )


def _begins_one(text: str) -> bool:
    known = known_ids()
    place = bisect_left(known, text)
    return text.startswith(_OWN_NAMES) or (place < len(known) and known[place].startswith(text))


LicensePattern = Annotated[str, BeforeValidator(parse_pattern)]


@dataclass(frozen=True, slots=True)
class _List:
    ids: frozenset[str]
    beginnings: tuple[str, ...]

    @classmethod
    def of(cls, patterns: Iterable[str]) -> _List:
        written = [one.lower() for one in patterns]
        parsed = (parse_expression(one) for one in written if not one.endswith("*"))
        ids = frozenset(one.id.lower() for one in parsed if isinstance(one, License))
        return cls(ids, tuple(one.removesuffix("*") for one in written if one.endswith("*")))

    def names(self, licence: str) -> bool:
        return licence.lower() in self.ids or licence.lower().startswith(self.beginnings)


class Lists:
    """The lists of one rule."""

    def __init__(self, allow: Iterable[str], deny: Iterable[str], review: Iterable[str], unknown: Answer) -> None:
        """`unknown` is for what is in no list, cannot be read, or is not said."""
        self._allow, self._deny, self._review = _List.of(allow), _List.of(deny), _List.of(review)
        self._unknown = unknown
        self._judged: dict[str, Judgement] = {}

    def judge(self, expression: str) -> Judgement:
        """What becomes of what is under `expression`."""
        if expression not in self._judged:
            parsed = parse_expression(expression)
            told = Judgement(self._unknown, Cause.UNREADABLE) if parsed is None else self._of(parsed)
            self._judged[expression] = told
        return self._judged[expression]

    def silent(self) -> Judgement:
        """What becomes of what no licence is said for."""
        return Judgement(self._unknown, Cause.SILENT)

    def _of(self, expression: Expression) -> Judgement:
        if isinstance(expression, License):
            return self._of_one(expression)
        parts: Sequence[Judgement] = [self._of(part) for part in expression.parts]
        choose = min if expression.operator == "OR" else max
        return choose(parts, key=lambda one: one.answer)

    def _of_one(self, one: License) -> Judgement:
        whole, plain = one.id, one.without_exception
        if one.says_nothing:
            return self.silent()
        denied = self._deny.names(whole)
        listed = whole.lower() in self._allow.ids | self._review.ids
        if denied or (not listed and self._deny.names(plain)):
            return Judgement(Answer.DENY, Cause.DENIED, whole)
        if self._review.names(whole) or (not listed and self._review.names(plain)):
            return Judgement(Answer.REVIEW, Cause.REVIEW, whole)
        if self._allow.names(whole) and one.known:
            return Judgement(Answer.ALLOW)
        return Judgement(self._unknown, Cause.UNKNOWN, whole)
