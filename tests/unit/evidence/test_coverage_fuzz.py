"""No coverage report makes its reader raise, or say more than all; `HYPOTHESIS_MAX_EXAMPLES` makes the runs longer."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.facts import CoverageFacts, UnreadableFacts
from tests.unit.evidence.report_builders import OURS, facts_of, wrapped
from tests.unit.evidence.test_coverage_reports import a_class, a_counter, a_line, a_package, a_record, cobertura, jacoco

EXAMPLES = int(os.environ.get("HYPOTHESIS_MAX_EXAMPLES", "60"))
many = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
COUNTS = st.sampled_from(["", "0", "1", "2", "7", "-1", "x", "1e3", "9" * 12, "0.5", "NaN"])
NUMBERS = st.integers(0, 3)
LINES = st.builds(a_line, NUMBERS, COUNTS, st.sampled_from(["", "50% (1/2)", "100% (2/2)", "(3/2)", "(0/0)", "x"]))
CLASSES = st.builds(lambda lines, file: a_class(*lines, file=file), st.lists(LINES, max_size=3), st.sampled_from("ab"))
STATED = st.dictionaries(
    st.sampled_from(["lines_covered", "lines_valid", "line_rate", "branches_covered", "branches_valid", "branch_rate"]),
    COUNTS,
)
COBERTURA = st.builds(lambda classes, stated: cobertura(*classes, **stated), st.lists(CLASSES, max_size=3), STATED)
COUNTERS = st.builds(a_counter, st.sampled_from(["LINE", "BRANCH", "CLASS"]), COUNTS, COUNTS)
PACKAGES = st.lists(COUNTERS, max_size=2).map(lambda counters: a_package(*counters))
JACOCO = st.lists(COUNTERS | PACKAGES, max_size=4).map(lambda parts: jacoco(*parts))
ENTRIES = st.builds(
    lambda name, values: f"{name}:{','.join(values)}",
    st.sampled_from(["DA", "BRDA", "LF", "LH", "BRF", "BRH", "SF", "TN", "FN"]),
    st.lists(COUNTS, max_size=4),
)
LCOV = st.lists(st.lists(ENTRIES, max_size=5).map(lambda lines: a_record(*lines)), max_size=3).map("".join)


def check(document: str | bytes) -> None:
    facts = facts_of(f"{OURS}/lcov/v1", wrapped(document))
    if isinstance(facts, UnreadableFacts):
        assert facts.problem
        return
    assert isinstance(facts, CoverageFacts)
    for percent in (facts.lines, facts.branches or 0):
        assert 0 <= percent <= 100
    if facts.lines_total is not None and facts.lines_covered is not None:
        assert facts.lines == 100 * facts.lines_covered / facts.lines_total


@many
@given(COBERTURA | JACOCO | LCOV)
def test_no_report_makes_its_reader_raise_or_say_more_than_all(document: str) -> None:
    check(document)


@many
@given(COBERTURA | JACOCO | LCOV, st.data())
def test_no_broken_bytes_make_the_reader_raise(document: str, data: st.DataObject) -> None:
    broken = bytearray(document.encode(data.draw(st.sampled_from(["utf-8", "utf-16", "latin-1"]))))
    for _ in range(data.draw(st.integers(1, 5)) if broken else 0):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    check(bytes(broken))


@many
@given(st.lists(st.booleans(), min_size=1, max_size=20), st.booleans())
def test_every_format_says_the_same_of_the_same_lines(hits: list[bool], stated: bool) -> None:
    covered, total = sum(hits), len(hits)
    lines = [a_line(number, int(was_hit)) for number, was_hit in enumerate(hits)]
    counts = {"lines_covered": covered, "lines_valid": total} if stated else {}
    documents = (
        cobertura(a_class(*lines), **counts),
        jacoco(a_counter("LINE", total - covered, covered)),
        a_record(*(f"DA:{number},{int(was_hit)}" for number, was_hit in enumerate(hits))),
    )
    for document in documents:
        facts = facts_of(f"{OURS}/lcov/v1", wrapped(document))
        assert facts == CoverageFacts(lines=100 * covered / total, lines_covered=covered, lines_total=total)
