"""One release under watch: which bills of materials count, and what is one flaw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from contracts.vocabulary import Actor, ActorKind, Criticality, Severity, Trust
from services.monitoring.domain.advisory import read_advisory
from services.monitoring.domain.causes import RevocationCause, VulnerabilityCause
from services.monitoring.domain.matching import Match, matches_among
from services.monitoring.domain.release import Context, Release, Sbom, indexed, joined, newest_per_subject
from services.monitoring.domain.sla import DEFAULT
from services.monitoring.domain.trust import TrustState
from tests.support.matching import answers

NOW = datetime(2026, 6, 1, tzinfo=UTC)
A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def sbom(name: str, *subjects: str, day: int = 0) -> Sbom:
    return Sbom(name, "shop", name, subjects, NOW + timedelta(days=day), 1)


def cause(advisory: str, *aliases: str, day: int = 0, severity: Severity = Severity.LOW) -> VulnerabilityCause:
    match = Match(
        advisory_id=advisory, aliases=aliases, component="pkg:pypi/lib@1.0", severity=severity, fixed_in="2.0"
    )
    return VulnerabilityCause(match=match, since=NOW + timedelta(days=day))


def release(*causes: VulnerabilityCause | RevocationCause, trust: Trust = Trust.AT_RISK) -> Release:
    return Release(
        project="shop",
        application="web",
        version="1.0",
        version_digest=A,
        stage="prod",
        own_subjects=(A,),
        context=Context(Criticality.HIGH, ("team",), NOW),
        source=None,
        released_at=NOW,
        state=TrustState(trust=trust, since=NOW, causes=causes),
        current=True,
    )


def test_of_each_subject_the_newest_bill_of_materials_counts() -> None:
    old, new, other = sbom("old", A, B), sbom("new", A, day=1), sbom("other", B, day=-1)
    assert set(newest_per_subject([new, old, other])) == {old, new}
    assert newest_per_subject([sbom("x", A), sbom("y", A)]) == newest_per_subject([sbom("y", A), sbom("x", A)])


def test_records_of_one_flaw_are_one_cause_since_the_earliest() -> None:
    records = (cause("GHSA-1", "CVE-1", day=2), cause("CVE-1", day=1, severity=Severity.HIGH), cause("CVE-2"))
    found = {(one.match.advisory_id, one.match.severity, one.since) for one in joined(records)}
    assert found == {("CVE-1", Severity.HIGH, NOW + timedelta(days=1)), ("CVE-2", Severity.LOW, NOW)}
    one = release(*records)
    assert one.timed(one.standing(()), DEFAULT, NOW).deadline == NOW + timedelta(days=1 + 14)


def test_an_unreadable_package_url_is_not_watched() -> None:
    assert list(indexed(["pkg:pypi/Lib_A@1", "pkg:pypi/"])) == ["pkg:pypi/Lib_A@1"]


def test_hits_are_found_by_package_and_version() -> None:
    record = {
        "id": "A-1",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "lib"}, "versions": ["1.0"]}],
    }
    found = matches_among(answers(["pkg:pypi/lib@1.0", "pkg:pypi/lib@1.1", "pkg:npm/lib@1.0"], [read_advisory(record)]))
    assert [one.component for one in found] == ["pkg:pypi/lib@1.0"]
    assert (
        matches_among(answers(["pkg:pypi/lib@1.0"], [read_advisory(record | {"withdrawn": "2026-01-02T00:00:00Z"})]))
        == ()
    )


def test_the_newer_context_counts() -> None:
    mine = release()
    later = Context(Criticality.LOW, (), NOW + timedelta(days=1))
    assert mine.stated(later).context == later
    assert mine.stated(replace(later, stated_at=NOW - timedelta(days=1))) is mine
    assert mine.stated(None) is mine


def test_only_what_runs_and_may_not_be_relied_on_is_exposed() -> None:
    by = Actor(subject="ann", kind=ActorKind.HUMAN)
    revoked = release(RevocationCause(reason="stolen", by=by, since=NOW), trust=Trust.REVOKED)
    assert revoked.exposed
    assert revoked.revocation is not None
    assert release(cause("A-1")).exposed
    assert not replace(revoked, current=False).exposed
    assert not release(trust=Trust.TRUSTED).exposed
