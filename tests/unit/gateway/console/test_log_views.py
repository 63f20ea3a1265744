"""Entries of the log in words, and how witnesses keep up."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.evidence.v1.log import PublishedKey, Witnesses, WitnessView
from contracts.evidence.v1.views import LoggedEntry
from contracts.vocabulary import utc
from services.evidence.domain.log import EntryKind, LogEntry
from services.gateway.console import log_views
from shared.errors import Invalid

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32


def logged(kind: EntryKind, subject: str, project: str = "shop", application: str | None = "web") -> log_views.Said:
    entry = LogEntry(kind, project, application, subject, DIGEST, NOW).canonical().decode()
    return log_views.said(LoggedEntry(index=7, entry=entry, leaf_hash=DIGEST))


def test_every_kind_of_entry_has_words() -> None:
    assert set(log_views.KINDS) == {kind.value for kind in EntryKind}


@pytest.mark.parametrize(
    ("kind", "subject", "path"),
    [
        (EntryKind.VERDICT, "vd-1", "/projects/shop/verdicts/vd-1"),
        (EntryKind.EVIDENCE, "ev-1", "/projects/shop/evidence/ev-1"),
        (EntryKind.PASSAGE, "pr-1|2", "/projects/shop/promotions/pr-1"),
        (EntryKind.REFUSAL, "pr-1", "/projects/shop/promotions/pr-1"),
        (EntryKind.POLICY, "qa", f"/projects/shop/policies/qa?digest={DIGEST}"),
        (EntryKind.TRUST, "shop/web/1.0.0", "/projects/shop/applications/web/versions/1.0.0"),
        (EntryKind.ROLE, "0" * 64, ""),
    ],
)
def test_an_entry_leads_to_what_it_is_about(kind: EntryKind, subject: str, path: str) -> None:
    said = logged(kind, subject)
    assert (said.path, said.recorded_at, said.project, said.application) == (path, NOW, "shop", "web")


def test_what_is_about_the_installation_has_no_project() -> None:
    said = logged(EntryKind.WITNESS, "w", log_views.EVERY_PROJECT, None)
    assert (said.project, said.application, said.path) == ("", "", "/log/checkpoints")


def test_a_kind_from_later_is_shown_by_its_own_name() -> None:
    entry = '{"kind":"new_thing","project":"p","application":null,"subject":"s","digest":"d","recorded_at":"%s"}'
    said = log_views.said(LoggedEntry(index=0, entry=entry % utc(NOW), leaf_hash=DIGEST))
    assert (said.happened, said.path) == ("new thing", "")


def test_days_are_whole_and_in_utc() -> None:
    assert log_views.day("") is None
    assert log_views.day("2026-11-23") == datetime(2026, 11, 23, tzinfo=UTC)
    assert log_views.day("2026-11-23", after=True) == datetime(2026, 11, 24, tzinfo=UTC)
    with pytest.raises(Invalid):
        log_views.day("yesterday")


def test_witnesses_that_lag_lead_and_retired_ones_come_last() -> None:
    def a_witness(name: str, size: int | None, ago: timedelta, *, retired: bool = False) -> WitnessView:
        return WitnessView(
            verifier_key=f"{name}+00000000+AAAA",
            name=name,
            registered_at=NOW,
            registered_by="ann",
            retired_at=NOW if retired else None,
            newest_size=size,
            newest_time=None if size is None else int((NOW - ago).timestamp()),
        )

    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    known = Witnesses(
        quorum=1,
        witnesses=(
            a_witness("current", 100, hour),
            a_witness("gone", 1, hour, retired=True),
            a_witness("close", 90, minute),
            a_witness("late", 60, hour),
            a_witness("fresh", None, hour),
        ),
    )
    found = log_views.watching(known, 100, NOW)
    assert [(one.witness.name, one.state, one.behind) for one in found] == [
        ("fresh", "never seen", None),
        ("late", "lagging", 40),
        ("close", "catching up", 10),
        ("current", "up to date", 0),
        ("gone", "retired", 99),
    ]
    assert [one.share for one in found] == [0, 60, 90, 100, 1]


def test_at_a_handover_both_keys_sign() -> None:
    def key(name: str, since: int, until: int | None) -> PublishedKey:
        return PublishedKey(verifier_key=f"{name}+00000000+AAAA", pem="", from_size=since, until_size=until)

    published = [key("old", 0, 5), key("new", 5, None)]
    names = {size: [line[:3] for line in log_views.keys_at(published, size)] for size in (4, 5, 6)}
    assert names == {4: ["old"], 5: ["old", "new"], 6: ["new"]}
