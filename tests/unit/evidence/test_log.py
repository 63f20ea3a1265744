from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

from services.evidence.domain.log import EntryKind, LogEntry

ENTRY = LogEntry(
    kind=EntryKind.EVIDENCE,
    project="hallmark",
    application="gate",
    subject="ev-1",
    digest="sha256:" + "0" * 64,
    recorded_at=datetime(2026, 11, 23, 9, 38, 0, 1000, tzinfo=UTC),
)
# What stands here was hashed into logs: a change of these bytes breaks every proof that was ever given out.
CANONICAL = (
    b'{"application":"gate","digest":"sha256:' + b"0" * 64 + b'","kind":"evidence","project":"hallmark",'
    b'"recorded_at":"2026-11-23T09:38:00.001000Z","subject":"ev-1","v":1}'
)


def test_the_form_of_an_entry_never_changes() -> None:
    assert ENTRY.canonical() == CANONICAL
    assert ENTRY.leaf() == hashlib.sha256(b"\x00" + CANONICAL).digest()


def test_the_same_moment_gives_the_same_entry_in_every_zone() -> None:
    moved = ENTRY.recorded_at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert LogEntry(**{**vars(ENTRY), "recorded_at": moved}).canonical() == CANONICAL


def test_a_fact_of_a_whole_project_names_no_application() -> None:
    entry = LogEntry(**{**vars(ENTRY), "application": None, "kind": EntryKind.POLICY})
    assert b'"application":null' in entry.canonical()


def test_every_kind_keeps_its_name() -> None:
    assert [kind.value for kind in EntryKind] == [
        "evidence",
        "verdict",
        "passage",
        "withdrawal",
        "promotion",
        "policy",
        "trust_root",
        "refusal",
        "approval",
        "trust",
        "role",
        "key",
        "witness",
        "judgement",
        "broken_glass",
    ]
