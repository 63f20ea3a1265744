from __future__ import annotations

from typing import Any

import pytest

from contracts.vocabulary import Doubt, Severity
from services.monitoring.domain.advisory import Advisory, read_advisory
from services.monitoring.domain.matching import Match, Undecided, advisory_keys, match


def affected(*events: str, name: str = "a", **more: Any) -> dict[str, Any]:
    """Events are written `introduced 1.0`."""
    kind = more.pop("type", "ECOSYSTEM")
    entry: dict[str, Any] = {"package": {"ecosystem": more.pop("ecosystem", "PyPI"), "name": name}, **more}
    if events:
        parts = [dict([event.split(" ", 1)]) for event in events]
        entry["ranges"] = [{"type": kind, "events": parts}]
    return entry


def advisory(*entries: dict[str, Any], **changes: Any) -> Advisory:
    record = {"id": "X-1", "modified": "2026-01-01T00:00:00Z", "summary": "Bad.", "affected": list(entries), **changes}
    return read_advisory(record)


def hit(component: str, *entries: dict[str, Any]) -> bool:
    answer = match(component, advisory(*entries))
    assert not isinstance(answer, Undecided), answer
    return answer is not None


def doubt(component: str, *entries: dict[str, Any]) -> Doubt:
    answer = match(component, advisory(*entries))
    assert isinstance(answer, Undecided)
    return answer.doubt


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        (("introduced 1.0", "fixed 1.5"), ["1.0", "1.4.9", "1.5rc1"], ["0.9", "1.0rc1", "1.5", "2.0"]),
        (("introduced 1.0", "last_affected 1.5"), ["1.0", "1.5", "1.5+local"], ["0.9", "1.5.post1", "1.5.1"]),
        (("introduced 1.0",), ["1.0", "99"], ["0.9"]),
        (("introduced 0", "fixed 1.0"), ["0.0.dev0", "0"], ["1.0"]),
        (("fixed 1.5", "introduced 1.0"), ["1.2"], ["0.9", "1.5"]),
        (("introduced 0", "fixed 1.5", "introduced 2.0", "fixed 2.3"), ["1.4", "2.0", "2.2"], ["1.5", "1.9", "2.3"]),
        (("introduced 0", "fixed 2.0", "introduced 2.0", "fixed 3.0"), ["1.9", "2.0", "2.9"], ["3.0"]),
        (
            ("introduced 0", "fixed 1.1", "introduced 2.0", "fixed 2.2", "introduced 1.1", "fixed 2.0"),
            ["1", "2"],
            ["2.2"],
        ),
        (("introduced 1.0", "fixed 1.0"), [], ["0.9", "1.0", "1.1"]),
        (("introduced 1.0", "last_affected 1.0"), ["1.0"], ["0.9", "1.1"]),
        (("introduced 0", "limit 2.0"), ["1.9"], ["2.0", "2.1"]),
        (("introduced 0", "limit 1.0", "limit 2.0"), ["1.5"], ["2.0"]),
        (("introduced 0", "limit *"), ["99"], []),
        (("introduced 0", "fixed 1.0", "limit 2.0"), ["0.9"], ["1.0", "3.0"]),
    ],
)
def test_a_range_is_evaluated_as_osv_says(events: tuple[str, ...], inside: list[str], outside: list[str]) -> None:
    for version in inside:
        assert hit(f"pkg:pypi/a@{version}", affected(*events)), version
    for version in outside:
        assert not hit(f"pkg:pypi/a@{version}", affected(*events)), version


def test_a_listed_version_is_affected_whatever_the_ranges_say() -> None:
    entry = affected("introduced 5.0", versions=["1.0", "junk"])
    assert hit("pkg:pypi/a@1.0", entry)
    assert hit("pkg:pypi/a@junk", entry)
    assert not hit("pkg:pypi/a@1.1", entry)


def test_only_pypi_gives_one_version_several_spellings() -> None:
    assert hit("pkg:pypi/a@2.0.0b0", affected(versions=["2.0.0b"]))
    assert hit("pkg:pypi/a@1.0%2Bcu118", affected(versions=["1.0.0"]))
    assert not hit("pkg:npm/a@1.0", affected(versions=["1.0.0"], ecosystem="npm"))


def test_any_entry_of_the_package_can_hit_and_others_cannot() -> None:
    one, two = affected("introduced 1.0", "fixed 1.1"), affected("introduced 2.0", "fixed 2.1")
    assert hit("pkg:pypi/a@2.0", one, two)
    assert not hit("pkg:pypi/b@2.0", one, two)
    assert not hit("pkg:npm/a@2.0.0", one, two)


@pytest.mark.parametrize(
    ("version", "expected"), [("1.0.0-rc.1", True), ("v1.1.9", True), ("1.2.0-0", True), ("1.2.0", False)]
)
def test_semver_ranges(version: str, expected: bool) -> None:
    entry = affected("introduced 0", "fixed 1.2.0", type="SEMVER", ecosystem="npm", name="@s/a")
    assert hit(f"pkg:npm/%40s/a@{version}", entry) is expected


@pytest.mark.parametrize(
    ("component", "entry", "expected"),
    [
        ("pkg:pypi/a", affected("introduced 0"), Doubt.VERSION_MISSING),
        ("nonsense", affected("introduced 0"), Doubt.PURL_MALFORMED),
        ("pkg:pypi/a@latest", affected("introduced 0"), Doubt.VERSION_UNREADABLE),
        ("pkg:pypi/a@1.0", affected("introduced 0", "fixed soon"), Doubt.VERSION_UNREADABLE),
        ("pkg:rpm/fedora/a@1.0", affected("introduced 0", ecosystem="Fedora:40"), Doubt.ECOSYSTEM_UNSUPPORTED),
        ("pkg:pypi/a@1.0", affected(), Doubt.VERSIONS_UNSTATED),
        ("pkg:pypi/a@1.0", affected("introduced 0", type="GIT"), Doubt.VERSIONS_UNSTATED),
    ],
)
def test_what_cannot_be_decided_is_never_a_no(component: str, entry: dict[str, Any], expected: Doubt) -> None:
    assert doubt(component, entry) is expected


def test_a_hit_outweighs_a_doubt_and_a_doubt_outweighs_a_no() -> None:
    unreadable, sure, no = affected("introduced junk"), affected("introduced 0"), affected("introduced 9.0")
    assert hit("pkg:pypi/a@1.0", unreadable, sure)
    assert doubt("pkg:pypi/a@1.0", no, unreadable) is Doubt.VERSION_UNREADABLE


def test_a_withdrawn_advisory_never_matches_and_is_not_indexed() -> None:
    withdrawn = advisory(affected("introduced 0"), withdrawn="2026-02-01T00:00:00Z")
    assert match("pkg:pypi/a@1.0", withdrawn) is None
    assert match("nonsense", withdrawn) is None
    assert advisory_keys(withdrawn) == ()


def test_a_match_says_everything_a_person_needs() -> None:
    source = advisory(
        affected("introduced 0", "fixed 1.2", name="A_b"), aliases=["CVE-1"], database_specific={"severity": "HIGH"}
    )
    assert match("pkg:pypi/a-b@1.0", source) == Match(
        advisory_id="X-1",
        aliases=("CVE-1",),
        component="pkg:pypi/a-b@1.0",
        severity=Severity.HIGH,
        fixed_in="1.2",
        summary="Bad.",
    )
    assert [str(key) for key in advisory_keys(source)] == ["PyPI:a-b"]


@pytest.mark.parametrize(("version", "fixed_in"), [("1.0", "1.10"), ("2.1", "2.3"), ("0.5", "1.10")])
def test_the_lowest_fix_above_the_component_is_named(version: str, fixed_in: str) -> None:
    entry = affected("introduced 0", "fixed 1.10", "introduced 2.0", "fixed 2.3")
    found = match(f"pkg:pypi/a@{version}", advisory(entry))
    assert isinstance(found, Match)
    assert found.fixed_in == fixed_in


def test_a_fix_that_another_range_affects_again_is_no_fix() -> None:
    one, two = affected("introduced 0", "fixed 1.5"), affected("introduced 1.2", "fixed 1.8")
    found = match("pkg:pypi/a@1.3", advisory(one, two))
    assert isinstance(found, Match)
    assert found.fixed_in == "1.8"


def test_without_a_fixed_version_none_is_named() -> None:
    found = match("pkg:pypi/a@1.0", advisory(affected("introduced 0", "last_affected 3.0")))
    assert isinstance(found, Match)
    assert found.fixed_in is None
