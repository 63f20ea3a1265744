"""LCOV tracefiles.

- A record begins with `SF` and ends with `end_of_record`; a file that ends before is cut off, and unreadable.
- Lines are `DA`, branches `BRDA`, each counted once for its file: records of several tests about one file add up.
- A record that lists no lines counts as `LF` and `LH` say, one that lists no branches as `BRF` and `BRH` do.
- More hit than found contradicts itself, and so does a record that says by its totals that lines were hit, and lists
  none, or the other way round.

Source: linux-test-project/lcov man/geninfo.1, section "Tracefile format".
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from services.evidence.domain.kinds import coverage_counts
from services.evidence.domain.kinds.coverage_counts import MAX_COUNTED, Ratio, count, hit
from services.evidence.domain.kinds.reading import Reading, UnreadableError

_TOTALS = frozenset({"LF", "LH", "BRF", "BRH"})


@dataclass
class _Listed:
    """What was found, and whether it was hit, by file."""

    hits: dict[str, dict[str, bool]] = field(default_factory=dict)
    covered: int = 0
    """Of those that are not listed."""
    total: int = 0

    def ratio(self) -> Ratio | None:
        listed = coverage_counts.counted(one for file in self.hits.values() for one in file.values())
        covered, total = (listed.covered, listed.total) if listed else (0, 0)
        return coverage_counts.ratio("document", self.covered + covered, self.total + total)


@dataclass
class _Part:
    """The lines or branches of one record."""

    found: str
    hit: str
    """The names of its totals."""
    listed: dict[str, bool] = field(default_factory=dict)


@dataclass
class _Record:
    """One file under one test."""

    file: str
    lines: _Part = field(default_factory=lambda: _Part("LF", "LH"))
    branches: _Part = field(default_factory=lambda: _Part("BRF", "BRH"))
    totals: dict[str, int] = field(default_factory=dict)


class _Tracefile:
    def __init__(self) -> None:
        self.lines = _Listed()
        self.branches = _Listed()
        self._record: _Record | None = None
        self._records = 0
        self._counted = 0

    def take(self, where: str, line: str) -> None:
        """Read one line."""
        name, _, rest = line.strip().partition(":")
        if name == "SF":
            if self._record:
                raise UnreadableError(where, "begins a record inside of another")
            self._record = _Record(rest)
        elif name in {"DA", "BRDA", "end_of_record"} or name in _TOTALS:
            if self._record is None:
                raise UnreadableError(where, f"has {name} outside of a record")
            self._take(where, name, rest, self._record)

    def finish(self) -> None:
        """Raise `UnreadableError` unless the file is whole."""
        if self._record:
            raise UnreadableError("document", "ends inside of a record")
        if not self._records:
            raise UnreadableError("document", "is no coverage report: known are Cobertura, JaCoCo, LCOV, coverage.py")

    def _take(self, where: str, name: str, rest: str, record: _Record) -> None:
        if name == "DA":
            number, _, hits = rest.partition(",")
            count(where, number)
            self._count(record.lines.listed, number, hit(where, hits.partition(",")[0]))
        elif name == "BRDA":
            branch, _, taken = rest.rpartition(",")
            self._count(record.branches.listed, branch, taken != "-" and hit(where, taken))
        elif name in _TOTALS:
            record.totals[name] = count(where, rest)
        else:
            _end(where, record, record.lines, self.lines)
            _end(where, record, record.branches, self.branches)
            self._record = None
            self._records += 1

    def _count(self, listed: dict[str, bool], key: str, was_hit: bool) -> None:
        self._counted += 1
        if self._counted > MAX_COUNTED:
            raise UnreadableError("document", f"lists more than {MAX_COUNTED} lines and branches")
        listed[key] = listed.get(key, False) or was_hit


def read_document(data: bytes) -> Reading:
    """The tracefile `data`. Raises `UnreadableError` when it is none."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise UnreadableError(f"byte {error.start}", "is not UTF-8") from error
    tracefile = _Tracefile()
    for number, line in enumerate(io.StringIO(text), 1):
        tracefile.take(f"line {number}", line)
    tracefile.finish()
    return coverage_counts.reading(tracefile.lines.ratio(), tracefile.branches.ratio())


def _end(where: str, record: _Record, part: _Part, kept: _Listed) -> None:
    total, covered = record.totals.get(part.found, 0), record.totals.get(part.hit, 0)
    coverage_counts.ratio(where, covered, total)
    if not part.listed:
        kept.covered += covered
        kept.total += total
        return
    if record.totals.keys() & {part.found, part.hit} and any(part.listed.values()) != bool(covered):
        raise UnreadableError(where, f"states {covered} hit where {sum(part.listed.values())} are listed")
    file = kept.hits.setdefault(record.file, {})
    for key, was_hit in part.listed.items():
        file[key] = file.get(key, False) or was_hit
