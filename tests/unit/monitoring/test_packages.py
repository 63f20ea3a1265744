from __future__ import annotations

import pytest

from services.monitoring.domain.packages import advisory_key, package_key, package_version
from shared.errors import Invalid


@pytest.mark.parametrize(
    ("purl", "ecosystem", "name", "key"),
    [
        ("pkg:pypi/Foo_Bar@1.0", "PyPI", "foo.bar", "PyPI:foo-bar"),
        ("pkg:npm/%40Scope/Name@1.0.0", "npm", "@scope/name", "npm:@scope/name"),
        ("pkg:npm/@scope/name@1.0.0", "npm", "@scope/Name", "npm:@scope/name"),
        ("pkg:maven/org.A/B@1", "Maven:https://repo.example.org/", "org.A:B", "Maven:org.A:B"),
        ("pkg:golang/github.com/Azure/x/v2@v1.2.3#sub", "Go", "github.com/azure/x/v2", "Go:github.com/azure/x/v2"),
        ("pkg:golang/std@1.22", "Go", "stdlib", "Go:stdlib"),
        ("pkg:cargo/a_b@1.0.0", "crates.io", "a-b", "crates.io:a-b"),
        ("pkg:nuget/A.B@1", "NuGet", "a.b", "NuGet:a.b"),
        ("pkg:gem/RedCloth@1", "RubyGems", "RedCloth", "RubyGems:RedCloth"),
        ("pkg:composer/Vend/Pk@1", "Packagist", "vend/pk", "Packagist:vend/pk"),
        ("pkg:deb/debian/zlib@1?arch=x", "Debian:12", "zlib", "Debian:zlib"),
        ("pkg:apk/alpine/zlib@1", "Alpine:v3.20", "zlib", "Alpine:zlib"),
        ("pkg:hex/Plug@1.0.0", "Hex", "plug", "hex:plug"),
    ],
)
def test_both_sides_meet_in_one_key(purl: str, ecosystem: str, name: str, key: str) -> None:
    assert str(package_key(purl)) == str(advisory_key(ecosystem, name)) == key


def test_names_that_differ_where_case_counts_stay_apart() -> None:
    assert package_key("pkg:maven/a/b@1") != advisory_key("Maven", "a:B")
    assert package_key("pkg:pypi/a@1") != package_key("pkg:npm/a@1")


def test_the_version_is_decoded() -> None:
    assert package_version("pkg:pypi/torch@2.0%2Bcu118").version == "2.0+cu118"
    assert package_version("pkg:pypi/torch").version is None


@pytest.mark.parametrize("text", ["", "torch", "pkg:pypi/@1", "pkg:"])
def test_what_is_no_package_url_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        package_key(text)
    assert refused.value.code == "purl_malformed"
