"""Coverage in XML: Cobertura, which many tools write, and JaCoCo.

- Cobertura counts as the attributes of `coverage` say; without them, as the lines of its classes are listed, each once
  for its file; with neither, by its rates. Rates must be the counts' to one part in a hundred: tools round and cut.
- Counts that say something was hit while every listed line was not contradict themselves, and the other way round.
- JaCoCo counts as the `LINE` and `BRANCH` counters of `report` say, which those of its groups and packages must add up
  to. Classes compiled without line numbers have no `LINE`: such a report is unreadable.

Source: cobertura/cobertura coverage-04.dtd and its dialects (coverage.py, gcovr, Istanbul, Coverlet); jacoco/jacoco
report.dtd 1.1.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from contracts.facts import CoverageFacts
from services.evidence.domain.kinds import coverage_counts
from services.evidence.domain.kinds.coverage_counts import MAX_COUNTED, Ratio, count, hit
from services.evidence.domain.kinds.documents import xml_walk
from services.evidence.domain.kinds.reading import Reading, UnreadableError

_CONDITIONS = re.compile(r"\((\d{1,9})/(\d{1,9})\)", re.ASCII)
_CLASS_LINE = ["class", "lines", "line"]
_SLACK = 0.010_000_1
_COUNTED = frozenset({"LINE", "BRANCH"})


def read_document(data: bytes) -> Reading:
    """The report `data`. Raises `UnreadableError` when it is none."""
    readers: list[_Cobertura | _Jacoco] = []

    def visit(path: Sequence[str], attributes: Mapping[str, str]) -> None:
        if not readers:
            if path[0] not in _READERS:
                raise UnreadableError(path[0][:100], "is no coverage report: known are Cobertura and JaCoCo")
            readers.append(_READERS[path[0]]())
        readers[0].visit(path, attributes)

    xml_walk(data, visit)
    return readers[0].reading()


class _Cobertura:
    def __init__(self) -> None:
        self._stated: Mapping[str, str] = {}
        self._file: dict[str, bool] = {}
        self._lines: dict[str, dict[str, bool]] = {}
        self._conditions: dict[tuple[int, str], Ratio] = {}
        self._counted = 0

    def visit(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        if len(path) == 1:
            self._stated = dict(attributes)
        elif path[-1] == "class":
            self._file = self._lines.setdefault(attributes.get("filename") or attributes.get("name", ""), {})
        elif path[-1] == "line" and path[-3:] == _CLASS_LINE:
            self._line(attributes)

    def reading(self) -> Reading:
        listed = coverage_counts.counted(one for file in self._lines.values() for one in file.values())
        lines = self._counts("lines") if self._states("lines") else listed
        if lines is None and listed is None and not self._states("lines"):
            return self._rated()
        if listed and bool(lines and lines.covered) != bool(listed.covered):
            raise UnreadableError("coverage", f"states other lines as run than the {listed.covered} that are listed so")
        branches = self._counts("branches") if self._states("branches") else self._listed_branches()
        self._compare("line-rate", lines)
        self._compare("branch-rate", branches)
        return coverage_counts.reading(lines, branches)

    def _line(self, attributes: Mapping[str, str]) -> None:
        self._counted += 1
        if self._counted > MAX_COUNTED:
            raise UnreadableError("document", f"lists more than {MAX_COUNTED} lines")
        number = attributes.get("number", "")
        self._file[number] = hit("hits", attributes.get("hits", "")) or self._file.get(number, False)
        conditions = _CONDITIONS.search(attributes.get("condition-coverage", ""))
        if conditions:
            key = id(self._file), number
            found = coverage_counts.ratio("condition-coverage", int(conditions[1]), int(conditions[2]))
            known = self._conditions.get(key)
            if found and (known is None or found.covered > known.covered):
                self._conditions[key] = found

    def _listed_branches(self) -> Ratio | None:
        conditions = self._conditions.values()
        if not conditions:
            return None
        return Ratio(sum(one.covered for one in conditions), sum(one.total for one in conditions))

    def _states(self, what: str) -> bool:
        return bool(self._stated.get(f"{what}-covered") and self._stated.get(f"{what}-valid"))

    def _counts(self, what: str) -> Ratio | None:
        covered, valid = (count(name, self._stated[name]) for name in (f"{what}-covered", f"{what}-valid"))
        return coverage_counts.ratio(f"{what}-covered", covered, valid)

    def _rate(self, name: str) -> float | None:
        text = self._stated.get(name)
        if not text:
            return None
        try:
            rate = float(text)
        except ValueError as error:
            raise UnreadableError(name, "is not a rate") from error
        if math.isnan(rate):
            return None  # What tools write where there is nothing to cover.
        if not 0 <= rate <= 1:
            raise UnreadableError(name, "is not a rate between 0 and 1")
        return rate

    def _compare(self, name: str, counted: Ratio | None) -> None:
        rate = self._rate(name)
        if counted and rate is not None and abs(rate - counted.covered / counted.total) > _SLACK:
            raise UnreadableError(name, f"is {rate} where {counted.covered} of {counted.total} are counted")

    def _rated(self) -> Reading:
        rates = self._rate("line-rate"), self._rate("branch-rate")
        if rates[0] is None:
            return coverage_counts.reading(None, None)
        return Reading(CoverageFacts(lines=100 * rates[0], branches=None if rates[1] is None else 100 * rates[1]))


class _Jacoco:
    def __init__(self) -> None:
        self._stated: dict[str, tuple[int, int]] = {}
        self._missed: Counter[str] = Counter()
        self._covered: Counter[str] = Counter()

    def visit(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        if path[-1] != "counter" or len(path) not in (2, 3) or attributes.get("type") not in _COUNTED:
            return
        kind = attributes["type"]
        missed, covered = (count(name, attributes.get(name, "")) for name in ("missed", "covered"))
        if len(path) == 2:  # noqa: PLR2004 - directly in the report
            self._stated[kind] = missed, covered
        else:
            self._missed[kind] += missed
            self._covered[kind] += covered

    def reading(self) -> Reading:
        return coverage_counts.reading(self._ratio("LINE"), self._ratio("BRANCH"))

    def _ratio(self, kind: str) -> Ratio | None:
        added = self._missed[kind], self._covered[kind]
        missed, covered = self._stated.get(kind, added)
        if any(added) and added != (missed, covered):
            raise UnreadableError(f"counter {kind}", "is not what the groups and packages add up to")
        return coverage_counts.ratio(f"counter {kind}", covered, missed + covered)


_READERS: Mapping[str, type[_Cobertura | _Jacoco]] = {"coverage": _Cobertura, "report": _Jacoco}
