from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.circumstances import Exploitation, WaivedSubject
from contracts.vocabulary import Severity
from services.monitoring.domain.advisory import Advisory, read_advisory
from services.monitoring.domain.bounds import within
from services.monitoring.domain.exposure import (
    Finding,
    HeldWaiver,
    Visible,
    exploitation_of,
    findings,
    joined_by_names,
    spelled,
)
from shared.errors import Invalid

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def advisory(name: str, *aliases: str, ecosystem: str = "PyPI", severity: str = "HIGH", fixed: str = "2.0") -> Advisory:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]
    package = {"ecosystem": ecosystem, "name": "lib"}
    return read_advisory(
        {
            "id": name,
            "modified": "2026-05-01T00:00:00Z",
            "aliases": list(aliases),
            "database_specific": {"severity": severity},
            "affected": [{"package": package, "ranges": ranges}],
        }
    )


def test_aliases_join_at_any_distance() -> None:
    chain = [advisory("A", "B"), advisory("C", "B", "D"), advisory("E", "D"), advisory("Z", "Y")]
    assert joined_by_names(["A"], chain) == {"A", "B", "C", "D", "E"}
    assert joined_by_names(["X"], chain) == {"X"}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("cve-2021-1", "CVE-2021-1"), ("ghsa-ABCD", "GHSA-abcd"), (" CVE-2021-1", "CVE-2021-1"), ("PYSEC-1", "PYSEC-1")],
)
def test_ids_are_found_as_people_type_them(typed: str, meant: str) -> None:
    assert meant in spelled(typed)


def test_one_finding_per_flaw_doubts_included_and_clean_components_on_request() -> None:
    purls = ["pkg:pypi/lib@1.0", "pkg:pypi/lib@2.0", "pkg:pypi/lib"]
    known = [advisory("A", "CVE-1"), advisory("B", "CVE-1", fixed="2.0.1"), advisory("W")]
    assert [(one.component, one.advisory_id, one.fixed_in, one.doubt) for one in findings(purls, known)] == [
        ("pkg:pypi/lib", "A", None, "version_missing"),
        ("pkg:pypi/lib", "W", None, "version_missing"),
        ("pkg:pypi/lib@1.0", "A", "2.0.1", None),
        ("pkg:pypi/lib@1.0", "W", "2.0", None),
        ("pkg:pypi/lib@2.0", "B", "2.0.1", None),
    ]
    [clean] = findings(["pkg:pypi/lib@9"], known, clean=True)
    assert (clean.component, clean.advisory_id, clean.names) == ("pkg:pypi/lib@9", None, ())
    assert findings(["pkg:pypi/lib@9"], known) == ()


@pytest.mark.parametrize(
    ("package", "bounds", "expected"),
    [
        ("pkg:pypi/lib", None, {"": None, "@1.0": None, "@1.5": None, "@2.0": None}),
        ("pkg:pypi/lib@1.0.0", None, {"": "version_missing", "@1.0": None}),
        ("pkg:pypi/lib", ">=1.5", {"": "version_missing", "@1.5": None, "@2.0": None}),
        ("pkg:pypi/lib", " > 1.0 , <= 1.5 ", {"": "version_missing", "@1.5": None}),
        ("pkg:pypi/lib", "=1.5", {"": "version_missing", "@1.5": None}),
        ("pkg:pypi/lib", "<1.0", {"": "version_missing"}),
        ("pkg:pypi/lib@strange", None, {"": "version_missing"}),
    ],
)
def test_bounds_hold_in_the_order_of_the_ecosystem(
    package: str, bounds: str | None, expected: dict[str, str | None]
) -> None:
    purls = [f"pkg:pypi/lib{version}" for version in ("", "@1.0", "@1.5", "@2.0")]
    found = within(purls, package, bounds)
    assert {purl.removeprefix("pkg:pypi/lib"): doubt for purl, doubt in found.items()} == expected


@pytest.mark.parametrize(
    "bounds", ["", ",", "1.0", ">=", ">=1.0,", "~>1.0", ">1" + ",>1" * 10, ">=1.0 <2", "\u202e>=1"]
)
def test_bounds_that_say_nothing_are_refused(bounds: str) -> None:
    with pytest.raises(Invalid) as refusal:
        within([], "pkg:pypi/lib", bounds or " ")
    assert refusal.value.code == "bounds_malformed"


def test_bounds_without_an_order_are_refused() -> None:
    for package, bounds in (("pkg:generic/lib", ">1"), ("pkg:pypi/lib", ">not-a-version")):
        with pytest.raises(Invalid) as refusal:
            within([], package, bounds)
        assert refusal.value.code == "bounds_undecidable"


def test_the_worst_that_is_known_under_any_name_counts() -> None:
    scored = Exploitation(vulnerability="CVE-1", epss="0.9")
    listed = Exploitation(vulnerability="CVE-2", exploited_since=NOW, epss="0.1")
    assert exploitation_of(["GHSA-1", "CVE-1", "CVE-2"], {"CVE-1": scored, "CVE-2": listed}) == listed
    assert exploitation_of(["GHSA-1"], {"CVE-1": scored}) is None


@pytest.mark.parametrize(
    ("subject", "most", "covered"),
    [
        (WaivedSubject(vulnerability="cve-1"), Severity.HIGH, True),
        (WaivedSubject(vulnerability="CVE-1"), Severity.CRITICAL, True),
        (WaivedSubject(vulnerability="CVE-1"), Severity.MEDIUM, False),
        (WaivedSubject(vulnerability="CVE-1"), None, False),
        (WaivedSubject(vulnerability="CVE-1"), Severity.UNKNOWN, False),
        (WaivedSubject(vulnerability="CVE-2"), Severity.HIGH, False),
        (WaivedSubject(component="pkg:pypi/lib@1"), Severity.HIGH, True),
        (WaivedSubject(component="pkg:pypi/lib@2"), Severity.HIGH, False),
        (WaivedSubject(artifact="sha256:" + "a" * 64), Severity.HIGH, True),
        (WaivedSubject(artifact="sha256:" + "b" * 64), Severity.HIGH, False),
        (WaivedSubject(), Severity.CRITICAL, False),
    ],
)
def test_a_waiver_covers_what_every_part_of_it_names(
    subject: WaivedSubject, most: Severity | None, covered: bool
) -> None:
    finding = Finding("pkg:pypi/lib@1", "GHSA-1", ("CVE-1",), Severity.HIGH)
    end = NOW + timedelta(days=1)
    waiver = HeldWaiver("w", "shop", "web", "p", "r", "prod", subject, most, "because", end)
    subjects = ("sha256:" + "a" * 64,)
    assert waiver.covers(finding, subjects, NOW) is covered
    assert not waiver.covers(finding, subjects, end), "it counts until before its end"
    assert not waiver.covers(Finding("pkg:pypi/lib@1"), subjects, NOW)


def test_only_granted_projects_and_applications_are_looked_at() -> None:
    some = Visible(projects=frozenset({"b"}), applications={"a": frozenset({"web"})})
    assert some.ranges == ("a", "b")
    assert [some.shows(*one) for one in (("b", "x"), ("a", "web"), ("a", "x"), ("c", "web"))] == [
        True,
        True,
        False,
        False,
    ]
    assert Visible(everywhere=True).ranges == (None,)
    assert Visible().ranges == ()
