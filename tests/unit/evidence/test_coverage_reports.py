from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.facts import CoverageFacts
from services.evidence.domain.kinds import coverage_counts, documents, kind_of_type
from tests.unit.evidence.report_builders import OURS, facts_of, problem, wrapped

pytestmark = pytest.mark.thorough

TYPES = [f"{OURS}/{name}/v1" for name in ("cobertura", "jacoco", "lcov", "coverage-py")]
COVERAGE = TYPES[0]


def covered(document: str | bytes | dict[str, Any]) -> CoverageFacts:
    predicate = document if isinstance(document, dict) else wrapped(document)
    facts = facts_of(COVERAGE, predicate)
    assert isinstance(facts, CoverageFacts), facts
    return facts


def said(document: str | bytes | dict[str, Any]) -> tuple[int | None, int | None, float, float | None]:
    facts = covered(document)
    return facts.lines_covered, facts.lines_total, facts.lines, facts.branches


def refused(document: str | bytes | dict[str, Any]) -> str:
    found = problem(COVERAGE, document if isinstance(document, dict) else wrapped(document))
    assert found.meant == "coverage"
    return found.problem


DOCTYPE = '<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">'


def a_line(number: int, hits: int | str, conditions: str = "") -> str:
    branch = f' branch="true" condition-coverage="{conditions}"' if conditions else ""
    return f'<line number="{number}" hits="{hits}"{branch}/>'


def a_class(*lines: str, file: str = "a.py") -> str:
    listed = "".join(lines)
    methods = f'<methods><method name="m"><lines>{listed}</lines></method></methods>'
    return f'<class name="A" filename="{file}">{methods}<lines>{listed}</lines></class>'


def cobertura(*classes: str, **stated: str | float) -> str:
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in stated.items())
    packages = f"<packages><package><classes>{''.join(classes)}</classes></package></packages>"
    return f"<?xml version='1.0'?>{DOCTYPE}<coverage{attributes}><sources/>{packages}</coverage>"


def test_cobertura_counts_as_it_states_and_not_by_its_rounded_rate() -> None:
    document = cobertura(lines_covered=2, lines_valid=3, line_rate=0.67, branches_covered=1, branches_valid=8)
    assert said(document) == (2, 3, 200 / 3, 12.5)
    assert said(cobertura(lines_covered=0, lines_valid=3, line_rate=0, branches_covered=0, branches_valid=0)) == (
        0,
        3,
        0.0,
        None,
    )


def test_cobertura_without_counts_counts_its_lines_once_for_each_file() -> None:
    half = a_class(a_line(1, 3), a_line(2, 0, "50% (1/2)"), a_line(3, 0))
    again = a_class(a_line(2, 1, "100% (2/2)"))
    other = a_class(a_line(2, 0, "0% (0/4)"), file="b.py")
    assert said(cobertura(half, again, other, line_rate=0.5)) == (2, 4, 50.0, 100 * 2 / 6)


def test_cobertura_with_nothing_but_rates_is_believed() -> None:
    assert said(cobertura(line_rate="0.8125", branch_rate="0.5")) == (None, None, 81.25, 50.0)
    assert said(cobertura(line_rate="1", branch_rate="NaN")) == (None, None, 100.0, None)


@pytest.mark.parametrize(
    "document",
    [
        cobertura(),
        cobertura(line_rate="NaN", lines_covered=0, lines_valid=0),
        cobertura(line_rate="1", lines_covered=0, lines_valid=0),
        cobertura(a_class(), lines_covered=0, lines_valid=0),
        "<report name='r'/>",
        "TN:\nSF:a\nend_of_record\n",
        "TN:\nSF:a\nLF:0\nLH:0\nend_of_record\n",
    ],
)
def test_a_report_without_lines_says_nothing(document: str) -> None:
    assert "no line that could be covered" in refused(document)


@pytest.mark.parametrize(
    "document",
    [
        cobertura(lines_covered=4, lines_valid=3),
        cobertura(lines_covered=1, lines_valid=2, line_rate=1),
        cobertura(lines_covered=1, lines_valid=2, line_rate=0.52),
        cobertura(lines_covered=1, lines_valid=2, branches_covered=1, branches_valid=2, branch_rate=1),
        cobertura(lines_covered=1, lines_valid=2, branches_covered=2, branches_valid=1),
        cobertura(a_class(a_line(1, 0)), lines_covered=1, lines_valid=1),
        cobertura(a_class(a_line(1, 1)), lines_covered=0, lines_valid=1),
        cobertura(a_class(a_line(1, 1)), lines_covered=0, lines_valid=0),
        cobertura(a_class(a_line(1, 1)), line_rate=0.5),
        cobertura(a_class(a_line(1, -1))),
        cobertura(a_class(a_line(1, "many"))),
        cobertura(a_class(a_line(1, 1, "200% (2/1)"))),
        cobertura(line_rate="85"),
        cobertura(line_rate="-0.5"),
        cobertura(line_rate="inf"),
        cobertura(line_rate="good"),
        cobertura(lines_covered="-1", lines_valid="3"),
        cobertura(lines_covered="1", lines_valid="99999999999"),
        cobertura(lines_covered="\u0661", lines_valid="3"),
        "<coverage clover='4'><project><metrics statements='5' coveredstatements='5'/></project></coverage>",
        "<testsuite/>",
        "<coverage>",
        "",
        " \n",
        "plain text",
        "\xff",
        '<!DOCTYPE coverage [<!ENTITY a SYSTEM "file:///etc/passwd">]><coverage line-rate="1"/>',
        "<coverage>" + "<a>" * 100 + "</a>" * 100 + "</coverage>",
    ],
)
def test_xml_that_contradicts_itself_or_is_no_coverage_is_unreadable(document: str) -> None:
    refused(document.encode("latin-1") if document == "\xff" else document)


def a_counter(kind: str, missed: int | str, covered: int | str) -> str:
    return f'<counter type="{kind}" missed="{missed}" covered="{covered}"/>'


def jacoco(*parts: str) -> str:
    doctype = '<!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd">'
    return f'<?xml version="1.0"?>{doctype}<report name="r"><sessioninfo id="a" dump="1"/>{"".join(parts)}</report>'


def a_package(*counters: str) -> str:
    inner = f"<class><method>{a_counter('LINE', 9, 9)}</method>{a_counter('LINE', 9, 9)}</class>"
    return f"<package>{inner}<sourcefile><line nr='1'/></sourcefile>{''.join(counters)}</package>"


def test_jacoco_counts_by_its_own_counters() -> None:
    one, two = a_counter("LINE", 1, 2), a_counter("LINE", 1, 4)
    totals = a_counter("LINE", 2, 6), a_counter("BRANCH", 3, 1), a_counter("INSTRUCTION", 0, 9)
    packages = a_package(one, a_counter("BRANCH", 3, 1)), f"<group>{a_package(two)}{two}</group>"
    assert said(jacoco(*packages, *totals)) == (6, 8, 75.0, 25.0)
    assert said(jacoco(*packages)) == (6, 8, 75.0, 25.0)
    assert said(jacoco(a_counter("LINE", 0, 5))) == (5, 5, 100.0, None)


@pytest.mark.parametrize(
    "document",
    [
        jacoco(a_package(a_counter("LINE", 5, 0)), a_counter("LINE", 0, 5)),
        jacoco(
            a_package(a_counter("LINE", 0, 5), a_counter("BRANCH", 1, 0)),
            a_counter("LINE", 0, 5),
            a_counter("BRANCH", 0, 1),
        ),
        jacoco(a_counter("LINE", -1, 5)),
        jacoco(a_counter("LINE", "", 5)),
        jacoco(a_counter("INSTRUCTION", 0, 5)),
        jacoco(a_counter("LINE", 10**9, 1)),
    ],
)
def test_jacoco_that_does_not_add_up_is_unreadable(document: str) -> None:
    refused(document)


def a_record(*lines: str, file: str = "a.c") -> str:
    return "\n".join(("TN:unit", f"SF:{file}", *lines, "end_of_record", ""))


def test_lcov_lines_and_branches_count_once_for_each_file() -> None:
    first = a_record(
        "FN:1,main", "FNDA:1,main", "DA:1,1", "DA:2,0,checksum", "BRDA:2,0,0,-", "BRDA:2,0,1,0", "LF:2", "LH:1"
    )
    second = a_record("DA:2,7", "DA:1,0", "DA:3,0", "BRDA:2,0,1,3", "VER:1", "BRF:1", "BRH:1")
    third = a_record("DA:1,99999999999999999999", file="b.c")
    assert said(first + "# a comment\n" + second + third) == (3, 4, 75.0, 50.0)
    assert said((first + second + third).replace("\n", "\r\n")) == (3, 4, 75.0, 50.0)
    assert said(b"\xef\xbb\xbf" + a_record("DA:1,1").encode()) == (1, 1, 100.0, None)


def test_lcov_without_lists_counts_as_it_states() -> None:
    summary = a_record("LF:10", "LH:9", "BRF:4", "BRH:1")
    assert said(summary) == (9, 10, 90.0, 25.0)
    assert said(summary + a_record("DA:1,0", "DA:2,0", file="b.c")) == (9, 12, 75.0, 25.0)


@pytest.mark.parametrize(
    "document",
    [
        "TN:\n",
        "SF:a\nDA:1,1\n",
        "SF:a\nSF:b\nDA:1,1\nend_of_record\n",
        "DA:1,1\n",
        "end_of_record\n",
        a_record("DA:1,1") + "LF:1\n",
        a_record("DA:1,1") + "SF:b\nDA:1,0\n",
        a_record("LF:1", "LH:2"),
        a_record("LH:2"),
        a_record("LF:1", "LH:1", "BRH:1"),
        a_record("DA:1,0", "LF:1", "LH:1"),
        a_record("DA:1,1", "LF:1", "LH:0"),
        a_record("DA:1,1", "BRDA:1,0,0,-", "BRF:1", "BRH:1"),
        a_record("DA:1,-1"),
        a_record("DA:1,1e9"),
        a_record("DA:1"),
        a_record("DA:x,1"),
        a_record("DA:1,1", "BRDA:1,0,0,x"),
        a_record("LF:x"),
    ],
)
def test_lcov_that_is_cut_off_or_contradicts_itself_is_unreadable(document: str) -> None:
    refused(document)


def coverage_py(files: dict[str, Any] | None = None, **totals: Any) -> dict[str, Any]:
    summary = {"covered_lines": 3, "missing_lines": 1, "num_statements": 4, "percent_covered": 60.0} | totals
    return {"meta": {"format": 3, "timestamp": "2026-11-20T10:00:00"}, "files": files or {}, "totals": summary}


def a_file(covered: int, missing: int, **more: int) -> dict[str, Any]:
    counts = {"covered_lines": covered, "missing_lines": missing, "num_statements": covered + missing}
    return {"executed_lines": [1], "summary": counts | more}


BRANCHES: dict[str, Any] = {"num_branches": 6, "covered_branches": 3, "missing_branches": 3}


def test_coverage_py_counts_lines_and_branches_apart() -> None:
    assert said(coverage_py()) == (3, 4, 75.0, None)
    assert said(coverage_py(**BRANCHES)) == (3, 4, 75.0, 50.0)
    assert said(coverage_py({"a": a_file(1, 1), "b": a_file(2, 0, **BRANCHES)}, **BRANCHES)) == (3, 4, 75.0, 50.0)
    assert said(json.dumps(coverage_py())) == (3, 4, 75.0, None)


@pytest.mark.parametrize(
    "document",
    [
        {},
        coverage_py() | {"totals": None},
        coverage_py(covered_lines=4),
        coverage_py(covered_lines=-1, missing_lines=5),
        coverage_py(covered_lines="3"),
        coverage_py(covered_lines=3.0),
        coverage_py(covered_lines=0, missing_lines=0, num_statements=0),
        coverage_py(**BRANCHES | {"covered_branches": 6}),
        coverage_py(covered_branches=1),
        coverage_py({"a": a_file(2, 2)}),
        coverage_py({"a": a_file(3, 1)}, **BRANCHES),
        coverage_py({"a": {}}),
    ],
)
def test_coverage_py_that_contradicts_itself_is_unreadable(document: dict[str, Any]) -> None:
    refused(document)


@pytest.mark.parametrize("predicate_type", TYPES)
def test_every_type_announces_coverage_and_reports_are_read_as_what_they_are(predicate_type: str) -> None:
    assert kind_of_type(predicate_type) == "coverage"
    for document in (
        cobertura(lines_covered=3, lines_valid=4),
        cobertura(lines_covered=3, lines_valid=4).encode("utf-16"),
        jacoco(a_counter("LINE", 1, 3)),
        a_record("LF:4", "LH:3"),
        json.dumps(coverage_py()),
    ):
        facts = facts_of(predicate_type, wrapped(document))
        assert facts == CoverageFacts(lines=75.0, lines_covered=3, lines_total=4)


def test_lines_beyond_the_limits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("coverage_xml", "lcov"):
        monkeypatch.setattr(f"services.evidence.domain.kinds.{name}.MAX_COUNTED", 3)
    assert "more than 3 lines" in refused(cobertura(a_class(*(a_line(n, 1) for n in range(4)))))
    assert "more than 3 lines" in refused(a_record(*(f"DA:{n},1" for n in range(4))))
    assert said(a_record(*(f"DA:{n},1" for n in range(3))))[0] == 3
    monkeypatch.setattr(documents, "MAX_XML_WALKED", 3)
    assert "more than 3 elements" in refused(cobertura(lines_covered=3, lines_valid=4))
    assert coverage_counts.MAX_COUNTED < 10**7


def test_a_report_of_more_elements_than_a_tree_may_have_is_read() -> None:
    lines = documents.MAX_XML_ELEMENTS + 1
    assert said(cobertura(a_class(*(a_line(n, 1) for n in range(lines)))))[:2] == (lines, lines)
