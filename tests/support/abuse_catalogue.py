"""What the catalogues of abuse cases have in common: every number names tests, and every test named exists."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
Named = Sequence[tuple[str, str]]
"""Tests by file below `tests/` and by name."""


@lru_cache
def _functions(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text())
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def require_tests(number: int, named: Named) -> None:
    """Fail for a case without a test, and for a test that is not there (any more)."""
    assert named, number
    for path, test in named:
        assert test.startswith("test_"), f"{number}: {test} is not run"
        assert test in _functions(path), f"{number}: {path} has no {test}"


def require_numbers(cases: Mapping[int, Named], *numbers: range) -> None:
    """Fail when a number is left out, or is none of these."""
    assert sorted(cases) == [number for span in numbers for number in span]
