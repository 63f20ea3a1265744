from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.facts import Component, LicenseUse, SbomFacts
from tests.unit.evidence.sbom_documents import CYCLONEDX, SHA256, a_bom, a_bom_in_xml, facts, problem, read

XML_BODY = f"""
<metadata><timestamp>2026-11-20T12:00:00+02:00</timestamp>
  <component type="application"><name>me</name><version>1</version><purl>pkg:npm/me@1</purl></component></metadata>
<components>
  <component type="library" bom-ref="app"><name>app</name><version>1</version>
    <hashes><hash alg="SHA-256">{SHA256.upper()}</hash></hashes>
    <licenses><license><id>MIT</id></license><license><name>Own</name></license></licenses>
    <purl><![CDATA[pkg:npm/app@1]]></purl>
    <components><component type="library" bom-ref="lib"><name>lib</name><version>2</version>
      <licenses><expression>MIT OR Apache-2.0</expression></licenses><purl>pkg:npm/lib@2</purl></component></components>
  </component>
  <component type="library"><name>nameless</name><version>3</version></component>
</components>
<dependencies><dependency ref="app"><dependency ref="lib"/></dependency><dependency ref="lib"/></dependencies>
"""
BOTH = (
    Component(
        purl="pkg:npm/app@1",
        version="1",
        licenses=("MIT", "Own"),
        digests=(f"sha256:{SHA256}",),
        depends_on=("pkg:npm/lib@2",),
    ),
    Component(purl="pkg:npm/lib@2", version="2", licenses=("MIT OR Apache-2.0",)),
)
SERIAL = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"


def as_json() -> dict[str, Any]:
    return a_bom(
        {
            "bom-ref": "app",
            "version": "1",
            "purl": "pkg:npm/app@1",
            "hashes": [{"alg": "SHA-256", "content": SHA256.upper()}],
            "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "Own"}}],
            "components": [
                {
                    "type": "library",
                    "name": "lib",
                    "bom-ref": "lib",
                    "version": "2",
                    "purl": "pkg:npm/lib@2",
                    "licenses": [{"expression": "MIT OR Apache-2.0"}],
                }
            ],
        },
        {"name": "nameless", "version": "3"},
        serialNumber=SERIAL,
        metadata={
            "timestamp": "2026-11-20T12:00:00+02:00",
            "component": {"type": "application", "name": "me", "purl": "pkg:npm/me@1"},
        },
        dependencies=[{"ref": "app", "dependsOn": ["lib"]}, {"ref": "lib"}],
    )


@pytest.mark.parametrize("document", [as_json(), a_bom_in_xml(XML_BODY, attributes=f'serialNumber="{SERIAL}"')])
def test_json_and_xml_say_the_same(document: dict[str, Any] | str) -> None:
    reading = read(CYCLONEDX, document)
    assert reading.facts == SbomFacts(
        format="cyclonedx",
        spec_version="1.6",
        component_count=2,
        unidentified_count=1,
        listed_count=3,
        relationship_count=2,
        dependency_count=1,
        document_id=SERIAL,
        purl="pkg:npm/me@1",
        licenses=(
            LicenseUse(expression="MIT AND Own", count=1, components=("pkg:npm/app@1",)),
            LicenseUse(expression="MIT OR Apache-2.0", count=1, components=("pkg:npm/lib@2",)),
        ),
    )
    assert reading.components == BOTH
    assert reading.claimed_at == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_a_component_listed_twice_is_one_with_all_that_was_said() -> None:
    bom = a_bom(
        {"purl": "pkg:PyPI/Django_X@1.0", "licenses": [{"license": {"id": "MIT"}}], "bom-ref": "one"},
        {"purl": "pkg:pypi/django-x@1.0", "version": "1.0", "licenses": [{"expression": "MIT"}], "bom-ref": "two"},
        {"purl": "pkg:pypi/other@2"},
        {"purl": "not a purl"},
        {"purl": None},
        dependencies=[{"ref": "two", "dependsOn": ["pkg:pypi/other@2", "one", "outside", "pkg:pypi/none@1"]}],
    )
    reading = read(CYCLONEDX, bom)
    assert isinstance(reading.facts, SbomFacts)
    assert (reading.facts.component_count, reading.facts.unidentified_count, reading.facts.listed_count) == (2, 2, 5)
    assert reading.components == (
        Component(purl="pkg:pypi/django-x@1.0", version="1.0", licenses=("MIT",), depends_on=("pkg:pypi/other@2",)),
        Component(purl="pkg:pypi/other@2"),
    )


def test_a_versioned_predicate_type_is_read_too() -> None:
    assert facts(CYCLONEDX + "/v1.4", a_bom()).format == "cyclonedx"


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])
def test_every_version_is_read_in_both_syntaxes(version: str) -> None:
    assert facts(CYCLONEDX, a_bom(specVersion=version, version=1)).spec_version == version
    body = '<components><component type="library"><name>a</name><version>1</version></component></components>'
    assert facts(CYCLONEDX, a_bom_in_xml(body, version=version)).unidentified_count == 1


@pytest.mark.parametrize(
    ("bom", "where"),
    [
        ({}, "bomFormat"),
        (a_bom(specVersion="1.8"), "specVersion"),
        (a_bom(specVersion="1.1"), "specVersion"),
        (a_bom(components={}), "components"),
        (a_bom({"purl": 5}), "components.0.purl"),
        (a_bom({"description": 5}), "components.0.description"),
        (a_bom({"type": "thing"}), "components.0.type"),
        (a_bom({"licenses": "MIT"}), "components.0.licenses"),
        (a_bom({"licenses": [{"license": {"id": "Nope"}}]}), "components.0.licenses.0.license.id"),
        (a_bom({"licenses": [{"license": {"id": "MIT"}, "expression": "MIT"}]}), "components.0.licenses.0"),
        (a_bom({"hashes": [{"alg": "SHA-1", "content": "foo"}]}), "components.0.hashes.0.content"),
        (a_bom({"hashes": [{"alg": "FOO", "content": "a" * 40}]}), "components.0.hashes.0.alg"),
        (a_bom(dependencies=[{"dependsOn": []}]), "dependencies.0"),
        (a_bom(metadata={"timestamp": "2026-11-20T12:00:00"}), "metadata.timestamp"),
        (a_bom(metadata={"timestamp": 1700000000}), "metadata.timestamp"),
        (a_bom(metadata={"timestamp": "0001-01-01T00:00:00+05:00"}), "metadata.timestamp"),
    ],
)
def test_what_breaks_the_schema_is_unreadable_and_says_where(bom: dict[str, Any], where: str) -> None:
    found = problem(CYCLONEDX, bom)
    assert found.where.startswith(where)
    assert found.problem


@pytest.mark.parametrize(
    "bom",
    [
        a_bom({"unheard": 1}, x=2),
        a_bom({"licenses": [{"license": {"id": "MIT", "unheard": 1}}]}),
        a_bom({"licenses": None, "hashes": None}, vulnerabilities=[{"id": "CVE-1", "cwes": None}]),
        a_bom({"licenses": [{"license": {"id": "MIT"}}, {"expression": "MIT"}]}),
        a_bom({"externalReferences": [{"type": "vcs", "url": "scm:git <nowhere>"}]}),
        a_bom({}, serialNumber="17"),
        a_bom({}, **{"$schema": "https://cyclonedx.org/schema/bom-1.6.schema.json"}),
        a_bom({}, metadata={"component": {"type": "application"}}),
        a_bom({}, specVersion="1.3"),
        a_bom({"tags": ["a", "a"]}),
    ],
)
def test_slips_of_real_tools_are_passed_over(bom: dict[str, Any]) -> None:
    assert facts(CYCLONEDX, bom).listed_count == 1


def test_a_digest_in_another_encoding_is_not_kept() -> None:
    encoded = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    bom = a_bom({"purl": "pkg:npm/a@1", "hashes": [{"alg": "SHA-256", "content": encoded}]})
    assert read(CYCLONEDX, bom).components == (Component(purl="pkg:npm/a@1"),)


@pytest.mark.parametrize(
    ("xml", "where"),
    [
        (a_bom_in_xml("", version="1.8"), "line 1"),
        (a_bom_in_xml("", version="1.1"), "line 1"),
        ("<bom/>", "line 1"),
        (a_bom_in_xml("\n<components>\n<component/></components>"), "line 4"),
        (a_bom_in_xml("<components>"), "line 2"),
        ("<!DOCTYPE bom>" + a_bom_in_xml("").partition("\n")[2], ""),
        ('<!DOCTYPE b [<!ENTITY a "b">]><b>&a;</b>', ""),
        (a_bom_in_xml("<x:a xmlns:x='urn:x'>" * 65 + "</x:a>" * 65), ""),
    ],
)
def test_unreadable_xml_says_where(xml: str, where: str) -> None:
    assert problem(CYCLONEDX, xml).where == where


def test_elements_that_cyclonedx_does_not_know_are_passed_over() -> None:
    body = "<unheard><purl>pkg:npm/x@1</purl></unheard><components/>"
    assert facts(CYCLONEDX, a_bom_in_xml(body, version="1.3")).listed_count == 0
    assert "scope" in problem(CYCLONEDX, a_bom_in_xml(f"{body}<scope/>")).problem


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_both_syntaxes_are_read_in_every_encoding(encoding: str) -> None:
    xml = a_bom_in_xml(XML_BODY.replace("nameless", "näméless")).replace('"1.0"', f'"1.0" encoding="{encoding[:6]}"', 1)
    assert facts(CYCLONEDX, xml.encode(encoding)).component_count == 2
    assert facts(CYCLONEDX, '{"bomFormat":"CycloneDX","specVersion":"1.6"}'.encode(encoding)).listed_count == 0


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xfe\x00", b"{", b'{"a":1,"a":2}', b"plain", b"<a>\xe9</a>"])
def test_bytes_that_are_neither_are_unreadable(data: bytes) -> None:
    problem(CYCLONEDX, data)
