"""What a rule kind tells of itself to be tried with all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from contracts.facts import Facts
from contracts.vocabulary import Digest

Strategy = st.SearchStrategy[Any]
_NOTHING: Strategy = st.just({})
SIGNER_ROLE = st.sampled_from([None, None, None, "test", "build"])
MAX_AGE = st.sampled_from([None, None, "12h", "3d", "7d"])
YES = st.sampled_from([None, None, True])


@dataclass(frozen=True)
class KindCase:
    """How one rule kind is tried."""

    documents: Strategy
    """The fields of the rule beside those that all rules have; None for what is not written."""
    facts: tuple[Facts, ...] = ()
    """Evidence that it reads: good, bad, and what is neither."""
    good: tuple[Facts, ...] = ()
    """Evidence that satisfies most of `documents`; none for a kind that reads none."""
    answers: Callable[[Digest], Strategy] | None = None
    """Facts that are about the set of all other evidence, by its digest."""
    circumstances: Strategy = _NOTHING
    """Fields of `Circumstances` that it reads."""
    says_no: Callable[[Any, Facts], bool] = lambda *_: False
    """Of facts that deny only beside others, as a word that a vulnerability does matter: whether these do."""
    mends: Callable[[Any, Facts], bool] = lambda *_: False
    """Of facts that may lift a denial however old they are, since they are about other evidence or stand beside it."""
    waits_first: bool = False
    """Whether it says nothing of what there is while something else is missing."""
    wilful: Strategy | None = None
    """Documents of which nothing holds but what holds of form and order."""


def fields(**strategies: Strategy) -> Strategy:
    return st.fixed_dictionaries(strategies).map(lambda drawn: {k: v for k, v in drawn.items() if v is not None})
