from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from univers.versions import SemverVersion

from services.monitoring.domain.advisory import RangeType
from services.monitoring.domain.ordering import Unreadable, newer_than, ordering_for
from services.monitoring.domain.version_keys import semver_key

ECOSYSTEMS = (
    *("PyPI", "npm", "Go", "crates.io", "Maven", "NuGet", "RubyGems", "Packagist"),
    *("Debian", "Ubuntu", "Alpine", "Wolfi", "Red Hat", "openSUSE"),
)


@pytest.mark.parametrize(
    ("ecosystem", "ascending"),
    [
        ("PyPI", ["1.0.dev1", "1.0a1", "1.0rc1", "1.0", "1.0.post1", "1.10", "1!0.1"]),
        ("npm", ["1.0.0-alpha.2", "1.0.0-alpha.10", "1.0.0-beta", "1.0.0", "1.2", "1.10.0"]),
        ("Go", ["v0.0.0-20200101000000-abc", "v0.0.0-20210101000000-abc", "1.0.0", "v1.0.1+incompatible"]),
        ("crates.io", ["0.1.0", "0.9.9", "0.10.0-rc.1", "0.10.0"]),
        ("Maven", ["1.0-alpha-1", "1.0-rc1", "1.0-SNAPSHOT", "1.0", "1.0-sp1", "1.0.1", "1.10"]),
        ("NuGet", ["1.0.0-beta", "1.0.0-RC.2", "1.0.0-rc.10", "1.0.0", "1.0.0.1"]),
        ("RubyGems", ["1.0.0.rc1", "1.0.0", "1.0.0.1", "1.9", "1.10"]),
        (
            "Packagist",
            [
                *("1.0.0-dev", "1.0.0-alpha2", "1.0.0-beta1", "1.0.0-BETA10", "1.0.0-RC1-dev", "1.0.0-RC1"),
                *("v1.0.0+build", "1.0.0-p1", "1.0.0-patch.1.2", "1.0.0.1", "1.10", "1.x-dev", "2.0", "20201015"),
            ],
        ),
        ("Debian", ["1.0~rc1-1", "1.0", "1.0-1", "1.0-1+b1", "1.0-1+deb12u1", "1.0a-1", "1.0.1-1", "1.10-1", "1:0.5"]),
        ("Ubuntu", ["2.31-0ubuntu9", "2.31-0ubuntu9.9", "2.31-0ubuntu9.10", "2.31-1"]),
        (
            "Red Hat",
            ["1.0~rc1-1.el8", "1.0-1.el8", "1.0-1.el8_6.1", "1.0-2.el8", "1.0^git1-1.el8", "1.0.1-1.el8", "1:0.1-1"],
        ),
        ("SUSE", ["1.1.1l-150400.7.7.1", "1.1.1l-150400.7.10.1", "1.1.1l-150500.1.1"]),
        (
            "Alpine",
            [
                *("1.0_alpha1", "1.0_alpha2", "1.0_beta", "1.0_pre3", "1.0_rc1-r5", "1.0", "1.0-r1", "1.0-r10"),
                *("1.0_cvs1", "1.0_git20230717-r4", "1.0_git20240101", "1.0_p1", "1.0_p1-r1", "1.0a", "1.0b", "1.0.06"),
                *("1.0.1", "1.02", "1.1", "1.10", "2"),
            ],
        ),
    ],
)
def test_versions_are_ordered_as_their_ecosystem_does(ecosystem: str, ascending: list[str]) -> None:
    ordering = ordering_for(ecosystem, RangeType.ECOSYSTEM)
    assert ordering is not None
    for older, newer in pairwise(ordering.bound(text) for text in ascending):
        assert older < newer
        assert not newer < older


@pytest.mark.parametrize(
    ("ecosystem", "text"),
    [
        ("npm", "1.2.3.4"),
        ("npm", "01.2.3"),
        ("npm", "latest"),
        ("Go", "(devel)"),
        ("crates.io", ""),
        ("PyPI", "latest"),
        ("Maven", "${project.version}"),
        ("Maven", "[1,2)"),
        ("NuGet", "1.*"),
        ("RubyGems", "1.0-java"),
        ("RubyGems", ""),
        ("Packagist", "dev-master"),
        ("Packagist", "1.0.0-" + "1" * 190 + "!"),
        ("Debian", "latest"),
        ("Debian", "1.0 "),
        ("Ubuntu", "\uff11.0"),
        ("Red Hat", ":1.0-1"),
        ("Red Hat", "1.0-1-1"),
        ("Alpine", "1.2.3_dev1"),
        ("Alpine", "1.2.3-1"),
        ("npm", "1" * 500 + ".0.0"),
    ],
)
def test_what_is_no_version_is_not_guessed_at(ecosystem: str, text: str) -> None:
    ordering = ordering_for(ecosystem, RangeType.ECOSYSTEM)
    assert ordering is not None
    with pytest.raises(Unreadable):
        ordering.bound(text)
    with pytest.raises(Unreadable):
        ordering.component(text)


@given(st.sampled_from(ECOSYSTEMS), st.text("0123456789.-+vVabrc_~!*[ ", max_size=12), st.text("01.-rca", max_size=8))
def test_any_text_is_a_version_or_unreadable(ecosystem: str, one: str, other: str) -> None:
    ordering = ordering_for(ecosystem, RangeType.ECOSYSTEM)
    assert ordering is not None
    try:
        left, right = ordering.component(one), ordering.bound(other)
    except Unreadable:
        return
    assert not left < right < left


PARTS = st.one_of(st.integers(0, 20).map(str), st.sampled_from(["alpha", "beta", "rc", "rc1", "x-1", "-"]))
SEMVER = st.builds(
    lambda numbers, before, built: ".".join(map(str, numbers)) + ("-" + ".".join(before) if before else "") + built,
    st.lists(st.integers(0, 12), min_size=3, max_size=3),
    st.lists(PARTS, max_size=3),
    st.sampled_from(["", "+build.1", "+2-x"]),
)


@given(SEMVER, SEMVER)
def test_semantic_versions_are_ordered_as_a_library_has_them(one: str, other: str) -> None:
    assert (semver_key(one) < semver_key(other)) is (SemverVersion(one) < SemverVersion(other))


def test_a_local_label_belongs_to_the_component_only() -> None:
    ordering = ordering_for("PyPI", RangeType.ECOSYSTEM)
    assert ordering is not None
    assert not ordering.bound("2.0") < ordering.component("2.0+cu118")
    assert ordering.component("2.0+cu118") < ordering.bound("2.0+fix1")


def test_semver_ranges_are_read_in_every_ecosystem_and_commits_in_none() -> None:
    assert ordering_for("hex", RangeType.SEMVER) is not None
    assert ordering_for("hex", RangeType.ECOSYSTEM) is None
    assert ordering_for("PyPI", RangeType.GIT) is None


def test_newer_versions_come_lowest_first() -> None:
    assert newer_than("PyPI", "1.9", ["2.0", "1.10", "1.9", "1.0", "junk"]) == ("1.10", "2.0")
    assert newer_than("hex", "1.9.0", ["1.10.0", "1.2.0"]) == ("1.10.0",)
    assert newer_than("npm", "junk", ["1.0.0"]) == ()
