from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import Doubt
from services.monitoring.domain.advisory import Advisory, read_advisory
from services.monitoring.domain.distributions import advised_release, component_release, same_release
from services.monitoring.domain.matching import Match, Undecided, match
from services.monitoring.domain.packages import component_of


def advisory(*entries: tuple[str, str, str]) -> Advisory:
    """Entries are ecosystem, package, and the version it was fixed in."""
    affected = [
        {
            "package": {"ecosystem": ecosystem, "name": name},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
        }
        for ecosystem, name, fixed in entries
    ]
    record: dict[str, Any] = {"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": affected}
    return read_advisory(record)


def fix(component: str, *entries: tuple[str, str, str]) -> str | None:
    answer = match(component, advisory(*entries))
    assert not isinstance(answer, Undecided), answer
    return answer.fixed_in if answer else None


DEBIAN = (("Debian:11", "openssl", "1.1.1n-0+deb11u5"), ("Debian:12", "openssl", "3.0.11-1~deb12u2"))


@pytest.mark.parametrize(
    ("component", "fixed"),
    [
        ("pkg:deb/debian/openssl@3.0.9-1?distro=debian-12", "3.0.11-1~deb12u2"),
        ("pkg:deb/debian/openssl@3.0.9-1?distro=bookworm", "3.0.11-1~deb12u2"),
        ("pkg:deb/debian/openssl@1.1.1n-0%2Bdeb11u4?distro=debian-11.6", "1.1.1n-0+deb11u5"),
        ("pkg:deb/debian/openssl@1.1.1n-0%2Bdeb11u5?distro=debian-11.6", None),
        ("pkg:deb/debian/openssl@1.0.0-1?distro=debian-10", None),
        ("pkg:deb/debian/openssl@1.0.0-1?distro=sid", None),
        ("pkg:deb/debian/openssl@1.1.1n-0%2Bdeb11u5", "3.0.11-1~deb12u2"),
        ("pkg:deb/openssl@3.0.9-1?distro=debian-12", "3.0.11-1~deb12u2"),
        ("pkg:deb/debian/libssl3@3.0.9-1?distro=debian-12&upstream=openssl", "3.0.11-1~deb12u2"),
        ("pkg:deb/debian/libssl3@9%3A9?distro=debian-12&upstream=openssl%403.0.9-1", "3.0.11-1~deb12u2"),
        ("pkg:deb/debian/libssl3@9?distro=debian-12&source=openssl&sourceversion=3.0.9-1", "3.0.11-1~deb12u2"),
        ("pkg:deb/debian/libssl3@3.0.9-1?distro=debian-12", None),
        ("pkg:deb/debian/openssl@3.0.9-1?distro=debian-12&upstream=other", None),
        ("pkg:deb/ubuntu/openssl@1.0-1?distro=ubuntu-22.04", None),
    ],
)
def test_debian_components_meet_the_entries_of_their_release_by_source(component: str, fixed: str | None) -> None:
    assert fix(component, *DEBIAN) == fixed


@pytest.mark.parametrize(
    ("component", "entry", "hit"),
    [
        ("pkg:deb/ubuntu/curl@7.81.0-1?distro=ubuntu-22.04", ("Ubuntu:22.04:LTS", "curl", "7.81.0-1ubuntu1"), True),
        ("pkg:deb/ubuntu/curl@7.81.0-1?distro=jammy", ("Ubuntu:22.04", "curl", "7.81.0-1ubuntu1"), True),
        ("pkg:deb/ubuntu/curl@7.81.0-1?distro=ubuntu-20.04", ("Ubuntu:22.04:LTS", "curl", "8"), False),
        ("pkg:deb/ubuntu/curl@7.1-1?distro=ubuntu-18.04", ("Ubuntu:Pro:18.04:LTS", "curl", "7.1-1+esm1"), True),
        ("pkg:deb/ubuntu/curl@7.1-1?distro=ubuntu-18.04", ("Ubuntu:Pro:FIPS:18.04:LTS", "curl", "8"), False),
        ("pkg:deb/ubuntu/curl@7.1%2Bfips1?distro=ubuntu-18.04", ("Ubuntu:Pro:FIPS:18.04:LTS", "curl", "8"), True),
        ("pkg:apk/alpine/musl@1.2.4_git20230717-r4?distro=alpine-3.18.4", ("Alpine:v3.18", "musl", "1.2.4-r5"), False),
        ("pkg:apk/alpine/musl@1.2.3-r4?distro=3.18.4", ("Alpine:v3.18", "musl", "1.2.4-r5"), True),
        ("pkg:apk/alpine/musl@1.2.3-r4?distro=alpine-3.19.0", ("Alpine:v3.18", "musl", "1.2.4-r5"), False),
        ("pkg:apk/alpine/musl-utils@1.2.3-r4?upstream=musl", ("Alpine:v3.18", "musl", "1.2.4-r5"), True),
        ("pkg:apk/alpine/musl-utils@1.2.3-r4?origin=musl", ("Alpine:v3.18", "musl", "1.2.4-r5"), True),
        ("pkg:apk/alpine/musl-utils@1.2.3-r4", ("Alpine:v3.18", "musl", "1.2.4-r5"), False),
        ("pkg:apk/wolfi/curl@8.1.0-r0?origin=other", ("Wolfi", "curl", "8.2.0-r0"), True),
        (
            "pkg:rpm/redhat/openssl-libs@1.1.1k-5.el8?epoch=1&distro=rhel-8.6&upstream=openssl-1.1.1k-5.el8.src.rpm",
            ("Red Hat:enterprise_linux:8::baseos", "openssl-libs", "1:1.1.1k-7.el8_6"),
            True,
        ),
        (
            "pkg:rpm/redhat/openssl-libs@1.1.1k-5.el8?distro=rhel-8.6&upstream=openssl-1.1.1k-5.el8.src.rpm",
            ("Red Hat:rhel_eus:8.4::baseos", "openssl", "1:1.1.1k-7.el8_6"),
            False,
        ),
        ("pkg:rpm/redhat/a@1-1.el8", ("Red Hat:enterprise_linux:9::baseos", "a", "2-1.el9"), False),
        ("pkg:rpm/redhat/a@1-1.el8", ("Red Hat:openshift:4.11::el8", "a", "2-1.el8"), True),
        ("pkg:rpm/redhat/a@1-1?distro=rhel-8.6", ("Red Hat:openshift:4.11::el9", "a", "2-1.el9"), False),
        ("pkg:rpm/almalinux/a-libs@1-1.el9?sourcerpm=a-1-1.el9.src.rpm", ("AlmaLinux:9", "a-libs", "2-1.el9"), True),
        ("pkg:rpm/almalinux/a-libs@1-1.el9?sourcerpm=a-1-1.el9.src.rpm", ("AlmaLinux:9", "a", "2-1.el9"), True),
        ("pkg:rpm/rocky/a-libs@1-1.el9?upstream=a-1-1.el9.src.rpm", ("Rocky Linux:9", "a", "0:2-1.el9"), True),
        ("pkg:rpm/rocky/a-libs@1-1.el9?upstream=a-1-1.el9.src.rpm", ("Rocky Linux:9", "a-libs", "2-1.el9"), False),
        ("pkg:rpm/suse/a@1-1.1?distro=sles-15.4", ("SUSE:Linux Enterprise Server 15 SP4", "a", "1-2.1"), True),
        ("pkg:rpm/suse/a@1-1.1?distro=sles-15.5", ("SUSE:Linux Enterprise Server 15 SP4", "a", "1-2.1"), False),
        ("pkg:rpm/sles/a@1-1.1?distro=sles-15.4", ("SUSE:Linux Enterprise Server 15", "a", "1-2.1"), False),
        ("pkg:rpm/suse/a@1-1.1?distro=sles-15.4", ("SUSE:Manager Server 4.3", "a", "1-2.1"), True),
        ("pkg:rpm/opensuse/a@1-1.1?distro=opensuse-leap-15.5", ("openSUSE:Leap 15.5", "a", "1-2.1"), True),
        ("pkg:rpm/opensuse/a@1-1.1?distro=opensuse-leap-15.5", ("openSUSE:Tumbleweed", "a", "1-2.1"), False),
        ("pkg:rpm/opensuse/a@1-1.1?distro=opensuse-tumbleweed-20240101", ("openSUSE:Tumbleweed", "a", "1-2.1"), True),
    ],
)
def test_other_distributions(component: str, entry: tuple[str, str, str], hit: bool) -> None:
    assert isinstance(match(component, advisory(entry)), Match) is hit


def test_a_doubt_about_one_name_does_not_hide_a_hit_by_another() -> None:
    component = "pkg:rpm/redhat/a-libs@1-1.el8?upstream=a-1-1.el8.src.rpm"
    unreadable, sure = ("Red Hat:enterprise_linux:8", "a-libs", "soon!"), ("Red Hat:enterprise_linux:8", "a", "2-1.el8")
    assert isinstance(match(component, advisory(unreadable, sure)), Match)
    answer = match(component, advisory(unreadable))
    assert isinstance(answer, Undecided)
    assert answer.doubt is Doubt.VERSION_UNREADABLE


@pytest.mark.parametrize(
    ("ecosystem", "release"),
    [
        ("Debian", None),
        ("Debian:12", (12,)),
        ("Debian:sid", ("sid",)),
        ("Ubuntu:Pro:18.04:LTS", (18, 4)),
        ("Alpine:v3.18", (3, 18)),
        ("Red Hat:rhel_software_collections:3::el7", (7,)),
        ("Red Hat:rhel_eus:8.4::appstream", (8, 4)),
        ("Red Hat:openshift:4.11", None),
        ("SUSE:Linux Enterprise Module for Basesystem 15 SP4", (15, 4)),
        ("SUSE:Linux Enterprise Server 12-LTSS", (12, 0)),
        ("SUSE:Package Hub 15 SP5", None),
        ("openEuler:22.03-LTS-SP1", (22, 3)),
    ],
)
def test_the_release_of_an_advisory(ecosystem: str, release: tuple[int | str, ...] | None) -> None:
    assert advised_release(ecosystem) == release


def test_releases_agree_as_far_as_both_say_them() -> None:
    assert same_release((8,), (8, 6))
    assert same_release((8, 6), (8,))
    assert same_release(None, (8,))
    assert not same_release((8, 4), (8, 6))
    assert not same_release(("sid",), (12,))
    assert component_release("", "1.0-1.el8_6.2") == (8, 6)
    assert component_release("rhel-9", "1.0-1.el8") == (9,)


@given(st.text(max_size=40), st.text(max_size=40), st.text("0123456789.elspv-:", max_size=30))
def test_any_qualifier_is_read_or_left_aside(ecosystem: str, distro: str, version: str) -> None:
    same_release(advised_release(ecosystem), component_release(distro, version))
    for kind in ("deb", "rpm", "apk"):
        assert component_of(f"pkg:{kind}/debian/a@1?upstream=-.rpm&epoch=x").advised
