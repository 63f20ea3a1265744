"""What an import was worth, and what is kept of records that could not be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from contracts.importing import ImportCounts, ImportState
from contracts.monitoring.v1.commands import AdvisoriesImported, ImportAdvisories, RefusedAdvisory
from services.monitoring.domain.imports import (
    LISTED_SOURCES,
    Import,
    Source,
    added,
    quarantined,
    standing,
    unreadable,
)
from services.monitoring.wire_imports import sorted_out

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALL = ImportCounts(added=5, updated=2, unchanged=3, withdrawn=4)


def an_import(begun: datetime = NOW, **more: Any) -> Import:
    return replace(Import("imp-1", "osv", begun, "ann"), **more)


@pytest.mark.parametrize(
    ("counts", "records", "because", "state", "says"),
    [
        (ALL, 10, "", ImportState.COMPLETE, ""),
        (ALL, 11, "", ImportState.PARTIAL, "10 records arrived of the 11"),
        (ALL, 9, "", ImportState.PARTIAL, "10 records arrived of the 9"),
        (ALL.model_copy(update={"malformed": 1}), 11, "", ImportState.PARTIAL, "1 of 11 records could not be read"),
        (ALL, 10, "It was interrupted.", ImportState.PARTIAL, "It was interrupted."),
        (ImportCounts(), 0, "", ImportState.COMPLETE, ""),
    ],
)
def test_only_what_arrived_whole_and_readable_is_complete(
    counts: ImportCounts, records: int, because: str, state: ImportState, says: str
) -> None:
    after = an_import().finished(counts, records, because, NOW + HOUR)
    assert (after.state, after.ended, after.counts) == (state, NOW + HOUR, counts)
    assert says in after.because
    assert bool(after.because) == (state is ImportState.PARTIAL)
    assert after.finished(ImportCounts(), 0, "", NOW + 2 * HOUR) == after


def test_one_that_nobody_finishes_counts_as_partial() -> None:
    assert an_import().seen_at(NOW + 6 * HOUR).state is ImportState.RUNNING
    assert an_import().seen_at(NOW + 7 * HOUR).state is ImportState.PARTIAL
    told = standing([Source("osv", NOW)], NOW + 7 * HOUR)
    assert told.partial
    assert not standing([Source("osv", NOW)], NOW + HOUR).partial


def test_a_source_stands_as_its_newest_import_in_whatever_order_they_end() -> None:
    first = an_import(state=ImportState.COMPLETE)
    second = an_import(NOW + HOUR, state=ImportState.COMPLETE)
    third = an_import(NOW + 2 * HOUR, state=ImportState.PARTIAL, because="It was interrupted.")
    for order in permutations((first, second, third)):
        source = Source("osv", NOW)
        for one in order:
            source = source.after(one)
        assert (source.state, source.complete_as_of) == (ImportState.PARTIAL, NOW + HOUR)
        assert source.unchanged(NOW + 3 * HOUR) == source
    sound = Source("osv", NOW).after(second)
    assert sound.unchanged(NOW + 3 * HOUR).complete_as_of == NOW + 3 * HOUR


def test_partial_and_old_sources_are_told_first() -> None:
    sources = [
        Source(f"s{number:02}", NOW, ImportState.COMPLETE, complete_as_of=NOW - number * HOUR) for number in range(30)
    ]
    sources[3] = replace(sources[3], state=ImportState.PARTIAL)
    told = standing(sources, NOW)
    assert [one.name for one in told.sources][:3] == ["s03", "s29", "s28"]
    assert (len(told.sources), told.count, told.complete_as_of) == (LISTED_SOURCES, 30, NOW)
    assert standing([], NOW).complete_as_of is None


def test_counts_are_added() -> None:
    assert added([ALL, ALL, ImportCounts(malformed=1)]) == ImportCounts(
        added=10, updated=4, unchanged=6, withdrawn=8, malformed=1
    )


def test_what_is_kept_is_bounded_and_can_be_shown() -> None:
    record = {"id": "A\u202egnp.\x1b[31m" + "x" * 500, "details": "\u2066" * 100_000}
    kept = quarantined(record, source="osv", where="affected.0", problem="\x07", import_id=None)
    assert len(kept.advisory) <= 200
    assert kept.advisory.startswith("A\\u202egnp.\\x1b[31m")
    assert len(kept.excerpt) == 2000
    assert all(text.isprintable() for text in (kept.advisory, kept.excerpt, kept.problem))
    lost = unreadable(place="all.zip!\u202e.json", problem="no JSON", excerpt="\x00", source="osv", import_id="imp-1")
    assert (lost.advisory, lost.where, lost.excerpt) == ("", "all.zip!\\u202e.json", "\\u0000")
    assert kept.key == quarantined(record, source="osv", where="", problem="", import_id="imp-2").key


def test_of_two_records_with_one_id_the_malformed_one_is_kept() -> None:
    sound = {"id": "A", "modified": "2026-01-01T00:00:00Z", "withdrawn": "2026-02-01T00:00:00Z"}
    broken = {"id": "A", "modified": "yesterday"}
    other = {"id": "B", "modified": "2026-01-01T00:00:00Z"}
    command = ImportAdvisories(command_id="c", advisories=(sound, broken, other))
    refused = (RefusedAdvisory(id="A", where="modified", problem="no time"),)
    answer = AdvisoriesImported(added=2, updated=0, unchanged=0, refused=refused, releases_touched=0)
    taken, kept = sorted_out(command, answer, "osv")
    assert [(one.id, one.withdrawn) for one in taken] == [("A", True), ("B", False)]
    assert [(one.advisory, one.where, "yesterday" in one.excerpt) for one in kept] == [("A", "modified", True)]
