"""Numbers from which on a vulnerability counts: CVSS scores and EPSS probabilities.

- People write them as numbers or texts; the normal form is a decimal text, because floats have no canonical form.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

from contracts.vocabulary import Document
from shared.policy.rules.rule import WholeNumber

_NUMBER = re.compile(r"[0-9]{1,2}(\.[0-9]{1,12})?", re.ASCII)
_HIGHEST_SCORE = Decimal(10)


def parse_score(value: object) -> Decimal:
    """A CVSS score as a policy says it; raises `ValueError` unless it is 0 to 10 with one decimal at most."""
    score = _number(value)
    if score is None or score > _HIGHEST_SCORE or score != score.quantize(Decimal("0.1")):
        raise ValueError("a CVSS score is a number from 0.0 to 10.0 with one decimal, such as `7.0`")
    return score.quantize(Decimal("0.1"))


def parse_probability(value: object) -> Decimal:
    """An EPSS probability as a policy says it; raises `ValueError` unless it is 0 to 1 with at most 12 decimals."""
    probability = _number(value)
    if probability is None or probability > 1:
        raise ValueError("an EPSS probability is a number from 0 to 1, such as `0.5`")
    return Decimal(format(probability.normalize(), "f"))


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    text = format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)
    return Decimal(text) if _NUMBER.fullmatch(text) else None


Score = Annotated[Decimal, BeforeValidator(parse_score), PlainSerializer(str, return_type=str)]
Probability = Annotated[Decimal, BeforeValidator(parse_probability), PlainSerializer(str, return_type=str)]


class ScoreLimit(Document):
    """How many findings with a high CVSS score are tolerated."""

    at_least: Score
    """The score from which on a finding counts. One without a score has the highest that its severity can have."""
    max: Annotated[WholeNumber, Field(ge=0)] = 0


class EpssLimit(Document):
    """How many findings are tolerated that are likely to be exploited within 30 days."""

    at_least: Probability
    """The probability from which on a finding counts. One without an EPSS score does not."""
    max: Annotated[WholeNumber, Field(ge=0)] = 0
